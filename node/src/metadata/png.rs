//! PNG (ISO/IEC 15948): a list of chunks.

use super::{About, Cleaned, Findings, Unclean, exif, xml};

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// What makes the picture, its transparency, its density and its movement.
const KEPT: [&[u8; 4]; 14] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD", b"pHYs",
    b"acTL", b"fcTL", b"fdAT",
];

/// Copies the chunks of the picture and nothing else.
pub(super) fn clean(bytes: &[u8]) -> Result<Cleaned, Unclean> {
    let mut cleaned = Cleaned { bytes: Vec::with_capacity(bytes.len()), ..Cleaned::default() };
    let mut rest = bytes.strip_prefix(SIGNATURE).ok_or(Unclean::Malformed("no beginning"))?;
    cleaned.bytes.extend_from_slice(SIGNATURE);
    let mut first = true;
    loop {
        let early = Unclean::Malformed("a chunk is cut off");
        let (length, _) = rest.split_first_chunk::<4>().ok_or(early.clone())?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| Unclean::TooLarge)?;
        let whole = length.checked_add(12).ok_or(early.clone())?;
        let (chunk, after) = rest.split_at_checked(whole).ok_or(early.clone())?;
        let kind = chunk.get(4..8).ok_or(early.clone())?;
        let data = chunk.get(8..8 + length).ok_or(early)?;
        rest = after;
        if first != (kind == b"IHDR") {
            return Err(Unclean::Malformed("its header is not in its place"));
        }
        first = false;
        if KEPT.iter().any(|kept| kept.as_slice() == kind) {
            cleaned.bytes.extend_from_slice(chunk);
        } else if kind.first().is_some_and(u8::is_ascii_uppercase) {
            return Err(Unclean::Malformed("a chunk of an unknown kind that the picture needs"));
        } else {
            tell(kind, data, &mut cleaned.found);
        }
        if kind == b"IEND" {
            break;
        }
    }
    if !rest.is_empty() {
        cleaned.found.note_size(About::Other, "data behind the picture", rest.len());
    }
    Ok(cleaned)
}

/// Notes a chunk that is left out.
fn tell(kind: &[u8], data: &[u8], found: &mut Findings) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes.get(..400).unwrap_or(bytes)).replace('\0', " ");
    let keyword = || text(data.split(|b| *b == 0).next().unwrap_or_default());
    match kind {
        b"eXIf" => {
            let _upright = exif::read(data, found);
        }
        b"tIME" => found.note(About::Date, "tIME", "when it was last changed"),
        b"iCCP" => found.note_size(About::Device, "colour profile", data.len()),
        b"iTXt" if data.starts_with(b"XML:com.adobe.xmp\0") => xml::tell_xmp(data, found),
        b"tEXt" | b"zTXt" | b"iTXt" => {
            let about = match keyword().as_str() {
                "Author" | "Copyright" => About::Author,
                "Creation Time" => About::Date,
                "Software" => About::Software,
                "Source" => About::Device,
                _ => About::Other,
            };
            let value = data.get(keyword().len() + 1..).unwrap_or_default();
            let value = if kind == b"tEXt" { text(value) } else { format!("{} bytes", value.len()) };
            found.note(about, &keyword(), &value);
        }
        _ => found.note_size(About::Other, &text(kind), data.len()),
    }
}
