//! What Exif data tells, by the library `kamadak-exif`.

use exif::{Context, In, Reader, Tag, Value};

use super::{About, Findings};

/// The longest Exif data that is looked into, bytes: longer ones are told by their size only.
const MAX_EXIF: usize = 8 << 20;

/// Notes what Exif data (a TIFF structure) tells; the turn of the picture, 1 to 8, if it names one.
pub(super) fn read(tiff: &[u8], found: &mut Findings) -> Option<u16> {
    if tiff.len() > MAX_EXIF {
        found.note_size(About::Other, "Exif", tiff.len());
        return None;
    }
    let mut reader = Reader::new();
    reader.continue_on_error(true);
    let read = reader.read_raw(tiff.to_vec()).or_else(|e| e.distill_partial_result(|_| {}));
    let Ok(read) = read else {
        found.note_size(About::Other, "Exif that cannot be read", tiff.len());
        return None;
    };
    let mut others = 0_usize;
    for field in read.fields() {
        let about = about(field.tag);
        if field.tag == Tag::MakerNote {
            found.note(About::Device, "MakerNote", "the maker's own data");
        } else if field.ifd_num == In::THUMBNAIL && field.tag == Tag::JPEGInterchangeFormat {
            found.note(About::Thumbnail, "Exif", "a small picture");
        } else if about == About::Other {
            others += 1;
        } else {
            found.note(about, &field.tag.to_string(), &short(&field.value, field));
        }
    }
    if others > 0 {
        found.note(About::Other, "Exif", &format!("{others} more values"));
    }
    let turn = read.get_field(Tag::Orientation, In::PRIMARY)?.value.get_uint(0)?;
    u16::try_from(turn).ok().filter(|turn| (1..=8).contains(turn))
}

/// A value in words. Long ones are not written out first: a hostile file may have very many.
fn short(value: &Value, field: &exif::Field) -> String {
    match value {
        Value::Ascii(parts) => {
            let text =
                parts.iter().take(4).map(|part| String::from_utf8_lossy(part.get(..256).unwrap_or(part)));
            text.collect::<Vec<_>>().join(" ")
        }
        Value::Byte(bytes) => format!("{} bytes", bytes.len()),
        Value::Undefined(bytes, _) => format!("{} bytes", bytes.len()),
        Value::Short(v) if v.len() > 8 => format!("{} numbers", v.len()),
        Value::Long(v) if v.len() > 8 => format!("{} numbers", v.len()),
        Value::Rational(v) if v.len() > 8 => format!("{} numbers", v.len()),
        Value::SRational(v) if v.len() > 8 => format!("{} numbers", v.len()),
        Value::Rational(_) | Value::SRational(_) | Value::Short(_) | Value::Long(_) => {
            field.display_value().to_string()
        }
        _ => "a value".into(),
    }
}

fn about(tag: Tag) -> About {
    if tag.context() == Context::Gps {
        return About::Place;
    }
    match tag {
        Tag::Make
        | Tag::Model
        | Tag::LensMake
        | Tag::LensModel
        | Tag::BodySerialNumber
        | Tag::LensSerialNumber => About::Device,
        Tag::Artist | Tag::Copyright | Tag::CameraOwnerName => About::Author,
        // XPAuthor.
        Tag(Context::Tiff, 0x9c9d) => About::Author,
        Tag::DateTime | Tag::DateTimeOriginal | Tag::DateTimeDigitized => About::Date,
        Tag::Software => About::Software,
        _ => About::Other,
    }
}

/// Exif data that says only which way up the picture is, so that a cleaned photograph does not lie on its side.
pub(super) fn orientation_only(turn: u16) -> Vec<u8> {
    let mut tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01".to_vec();
    tiff.extend_from_slice(&turn.to_be_bytes());
    tiff.extend_from_slice(&[0; 6]);
    tiff
}
