//! WebP (RFC 9649): RIFF chunks.

use super::{About, Cleaned, Findings, Unclean, exif, xml};

/// Copies the chunks of the picture; metadata only says which way is up.
pub(super) fn clean(bytes: &[u8]) -> Result<Cleaned, Unclean> {
    let cut = Unclean::Malformed("it is cut off");
    let (head, rest) = bytes.split_first_chunk::<12>().ok_or(cut.clone())?;
    let [b'R', b'I', b'F', b'F', a, b, c, d, b'W', b'E', b'B', b'P'] = *head else {
        return Err(Unclean::Malformed("no beginning"));
    };
    let length = usize::try_from(u32::from_le_bytes([a, b, c, d])).map_err(|_| Unclean::TooLarge)?;
    let (inside, behind) = rest.split_at_checked(length.saturating_sub(4)).ok_or(cut)?;
    let mut cleaned = Cleaned::default();
    if !behind.is_empty() {
        cleaned.found.note_size(About::Other, "data behind the picture", behind.len());
    }
    let (mut picture, mut header, mut turn) = (Vec::with_capacity(bytes.len()), None, None);
    let mut seen = false;
    for chunk in chunks(inside) {
        let (kind, data) = chunk?;
        match kind {
            b"VP8X" => header = data.first_chunk::<10>().copied(),
            b"VP8 " | b"VP8L" => {
                seen = true;
                put(&mut picture, kind, data)?;
            }
            b"ALPH" | b"ANIM" => put(&mut picture, kind, data)?,
            b"ANMF" => {
                seen = true;
                put(&mut picture, kind, &frame(data, &mut cleaned.found)?)?;
            }
            b"EXIF" => {
                let tiff = data.strip_prefix(b"Exif\0\0").unwrap_or(data);
                turn = turn.or(exif::read(tiff, &mut cleaned.found));
            }
            b"XMP " => xml::tell_xmp(data, &mut cleaned.found),
            b"ICCP" => cleaned.found.note_size(About::Device, "colour profile", data.len()),
            _ => cleaned.found.note_size(About::Other, &String::from_utf8_lossy(kind), data.len()),
        }
    }
    if !seen {
        return Err(Unclean::Malformed("no picture in it"));
    }
    // Only the extended form can say which way is up.
    let turn = turn.filter(|turn| *turn != 1 && header.is_some());
    cleaned.bytes.extend_from_slice(b"RIFF\0\0\0\0WEBP");
    if let Some(mut header) = header {
        // Flags: colour profile 0x20, Exif 0x08, XMP 0x04 (RFC 9649, 2.7).
        if let Some(flags) = header.first_mut() {
            *flags = (*flags & 0x12) | if turn.is_some() { 0x08 } else { 0 };
        }
        put(&mut cleaned.bytes, b"VP8X", &header)?;
    }
    cleaned.bytes.append(&mut picture);
    if let Some(turn) = turn {
        put(&mut cleaned.bytes, b"EXIF", &exif::orientation_only(turn))?;
    }
    let length = u32::try_from(cleaned.bytes.len() - 8).map_err(|_| Unclean::TooLarge)?;
    if let Some(field) = cleaned.bytes.get_mut(4..8) {
        field.copy_from_slice(&length.to_le_bytes());
    }
    Ok(cleaned)
}

/// A frame of a moving picture: 16 bytes, then chunks.
fn frame(data: &[u8], found: &mut Findings) -> Result<Vec<u8>, Unclean> {
    let (head, inside) = data.split_at_checked(16).ok_or(Unclean::Malformed("a frame is cut off"))?;
    let mut out = head.to_vec();
    for chunk in chunks(inside) {
        let (kind, data) = chunk?;
        match kind {
            b"ALPH" | b"VP8 " | b"VP8L" => put(&mut out, kind, data)?,
            _ => found.note_size(About::Other, &String::from_utf8_lossy(kind), data.len()),
        }
    }
    Ok(out)
}

/// The chunks, each padded to an even length.
fn chunks(mut rest: &[u8]) -> impl Iterator<Item = Result<(&[u8; 4], &[u8]), Unclean>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let taken = take(rest);
        rest = taken.as_ref().map_or(&[], |(.., after)| after);
        Some(taken.map(|(kind, data, _)| (kind, data)))
    })
}

type Taken<'a> = (&'a [u8; 4], &'a [u8], &'a [u8]);

fn take(bytes: &[u8]) -> Result<Taken<'_>, Unclean> {
    let cut = Unclean::Malformed("a chunk is cut off");
    let (kind, rest) = bytes.split_first_chunk::<4>().ok_or(cut.clone())?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or(cut.clone())?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| Unclean::TooLarge)?;
    let (data, rest) = rest.split_at_checked(length).ok_or(cut)?;
    Ok((kind, data, if length % 2 == 1 { rest.get(1..).unwrap_or_default() } else { rest }))
}

fn put(out: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) -> Result<(), Unclean> {
    out.extend_from_slice(kind);
    out.extend_from_slice(&u32::try_from(data.len()).map_err(|_| Unclean::TooLarge)?.to_le_bytes());
    out.extend_from_slice(data);
    if data.len() % 2 == 1 {
        out.push(0);
    }
    Ok(())
}
