//! JPEG (ITU-T T.81): a list of segments, compressed scans, and whatever a camera put around and behind them.

use super::{About, Cleaned, Findings, Unclean, exif, xml};

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const APP0: u8 = 0xe0;
const APP1: u8 = 0xe1;
const APP2: u8 = 0xe2;
const APP13: u8 = 0xed;
const APP14: u8 = 0xee;
const APP15: u8 = 0xef;
const COMMENT: u8 = 0xfe;
const EXIF: &[u8] = b"Exif\0\0";
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

/// Copies tables, frames and scans; of the other segments only the density, the colour transform, and which way
/// is up.
pub(super) fn clean(bytes: &[u8]) -> Result<Cleaned, Unclean> {
    let mut cleaned = Cleaned::default();
    let (mut turn, mut adobe, mut density) = (None, None, None);
    let mut picture = Vec::with_capacity(bytes.len());
    let mut rest = bytes.strip_prefix(&[0xff, SOI]).ok_or(Unclean::Malformed("no beginning"))?;
    let mut scans = 0_usize;
    loop {
        let (marker, after) = marker(rest)?;
        if marker == EOI {
            if !after.is_empty() {
                cleaned.found.note_size(About::Other, "data behind the picture", after.len());
            }
            break;
        }
        let (segment, after) = segment(after)?;
        rest = after;
        match marker {
            APP0 if segment.starts_with(b"JFIF\0") => density = Some(jfif(segment, &mut cleaned.found)?),
            APP14 if segment.starts_with(b"Adobe") => adobe = segment.get(..12),
            APP1 if segment.starts_with(EXIF) => {
                let tiff = segment.get(EXIF.len()..).unwrap_or_default();
                turn = turn.or(exif::read(tiff, &mut cleaned.found));
            }
            APP0..=APP15 | COMMENT => tell(marker, segment, &mut cleaned.found),
            // Tables, frames and restart intervals; a scan's header is followed by the scan.
            0xc0..=0xcf | 0xda..=0xdd => {
                put(&mut picture, marker, segment)?;
                if marker == SOS {
                    scans += 1;
                    let (scan, after) = scan(rest);
                    picture.extend_from_slice(scan);
                    rest = after;
                }
            }
            _ => return Err(Unclean::Malformed("a segment of an unknown kind")),
        }
    }
    if scans == 0 {
        return Err(Unclean::Malformed("no picture in it"));
    }
    let out = &mut cleaned.bytes;
    out.extend_from_slice(&[0xff, SOI]);
    if let Some(density) = density {
        put(out, APP0, &density)?;
    }
    if let Some(turn) = turn.filter(|turn| *turn != 1) {
        put(out, APP1, &[EXIF, &exif::orientation_only(turn)].concat())?;
    }
    if let Some(adobe) = adobe {
        put(out, APP14, adobe)?;
    }
    out.append(&mut picture);
    out.extend_from_slice(&[0xff, EOI]);
    Ok(cleaned)
}

/// The next marker, after any fill bytes.
fn marker(bytes: &[u8]) -> Result<(u8, &[u8]), Unclean> {
    let mut rest = bytes
        .strip_prefix(&[0xff])
        .ok_or(Unclean::Malformed("it ends early, or segments do not follow each other"))?;
    while let Some(after) = rest.strip_prefix(&[0xff]) {
        rest = after;
    }
    let (marker, rest) = rest.split_first().ok_or(Unclean::Malformed("it ends early"))?;
    Ok((*marker, rest))
}

/// A segment's contents, and what follows it.
fn segment(bytes: &[u8]) -> Result<(&[u8], &[u8]), Unclean> {
    let early = Unclean::Malformed("a segment is cut off");
    let (length, rest) = bytes.split_first_chunk::<2>().ok_or(early.clone())?;
    let length = usize::from(u16::from_be_bytes(*length)).checked_sub(2).ok_or(early.clone())?;
    rest.split_at_checked(length).ok_or(early)
}

/// Compressed data up to the next marker that is neither a restart nor an escaped 0xff.
fn scan(bytes: &[u8]) -> (&[u8], &[u8]) {
    let pairs = bytes.windows(2).position(|pair| match pair {
        [0xff, next] => !matches!(next, 0 | 0xd0..=0xd7 | 0xff),
        _ => false,
    });
    bytes.split_at(pairs.unwrap_or(bytes.len()))
}

fn put(out: &mut Vec<u8>, marker: u8, segment: &[u8]) -> Result<(), Unclean> {
    let length = u16::try_from(segment.len() + 2).map_err(|_| Unclean::TooLarge)?;
    out.extend_from_slice(&[0xff, marker]);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(segment);
    Ok(())
}

/// The density of a JFIF header, without the small picture that may follow it.
fn jfif(segment: &[u8], found: &mut Findings) -> Result<[u8; 14], Unclean> {
    let (head, small) = segment.split_first_chunk::<14>().ok_or(Unclean::Malformed("a header is cut off"))?;
    if !small.is_empty() {
        found.note(About::Thumbnail, "JFIF", "a small picture");
    }
    let mut head = *head;
    let [.., width, height] = &mut head;
    (*width, *height) = (0, 0);
    Ok(head)
}

/// Notes a segment that is left out.
fn tell(marker: u8, segment: &[u8], found: &mut Findings) {
    match marker {
        APP0 => found.note(About::Thumbnail, "JFXX", "a small picture"),
        APP1 if segment.starts_with(XMP) => {
            xml::tell_xmp(segment.get(XMP.len()..).unwrap_or_default(), found)
        }
        APP2 if segment.starts_with(b"ICC_PROFILE\0") => {
            found.note_size(About::Device, "colour profile", segment.len())
        }
        APP2 if segment.starts_with(b"MPF\0") => found.note(About::Thumbnail, "MPF", "more pictures"),
        APP13 => found.note_size(About::Author, "IPTC", segment.len()),
        COMMENT => found.note(
            About::Other,
            "comment",
            &String::from_utf8_lossy(segment.get(..400).unwrap_or(segment)),
        ),
        _ => found.note_size(About::Other, &format!("APP{}", marker.saturating_sub(APP0)), segment.len()),
    }
}
