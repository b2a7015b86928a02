//! PDF (ISO 32000), by the library `lopdf`: the document is read whole and written anew without its properties,
//! XMP, small pictures and private data, and without whatever nothing in it refers to, which earlier versions of
//! it leave behind. Photographs inside are cleaned.

use lopdf::{Dictionary, Document, LoadOptions, Object, ObjectId, Stream};

use super::{About, Cleaned, Findings, Form, HEAD, Unclean, xml};

/// The largest PDF that is looked into, bytes: read whole, it takes several times its size.
const MAX_PDF: usize = 32 << 20;
/// The most that one stream of objects may unpack to, bytes.
const MAX_UNPACKED: usize = 16 << 20;
/// The most that a description that is shown may unpack to, bytes.
const MAX_SHOWN: usize = 1 << 20;
/// The most objects.
const MAX_OBJECTS: usize = 500_000;

/// Writes the document anew.
pub(super) fn clean(bytes: &[u8]) -> Result<Cleaned, Unclean> {
    if bytes.len() > MAX_PDF {
        return Err(Unclean::TooLarge);
    }
    let options =
        LoadOptions { max_decompressed_size: Some(MAX_UNPACKED), strict: true, ..LoadOptions::default() };
    let read = Document::load_mem_with_options(bytes, options);
    let mut document = read.map_err(|_| Unclean::Malformed("it cannot be read whole"))?;
    if document.trailer.has(b"Encrypt") || document.was_encrypted() {
        return Err(Unclean::Holds("a password".into()));
    }
    if document.objects.len() > MAX_OBJECTS {
        return Err(Unclean::TooLarge);
    }
    let mut cleaned = Cleaned::default();
    if document.revision_count() > 1 {
        cleaned.found.note(About::Other, "earlier versions", &(document.revision_count() - 1).to_string());
    }
    properties(&mut document, &mut cleaned.found);
    let ids: Vec<ObjectId> = document.objects.keys().copied().collect();
    let metadata: Vec<ObjectId> = ids.iter().filter(|id| is_metadata(&document, **id)).copied().collect();
    for id in &metadata {
        if let Ok(stream) = document.get_object(*id).and_then(Object::as_stream) {
            xml::tell_xmp(
                &stream.get_plain_content_with_limit(MAX_SHOWN).unwrap_or_default(),
                &mut cleaned.found,
            );
        }
    }
    for id in ids {
        if let Some(object) = document.objects.get_mut(&id) {
            object_of(object, &metadata, &mut cleaned.found)?;
        }
    }
    document.prune_objects();
    if document.catalog().is_err() || document.page_iter().next().is_none() {
        return Err(Unclean::Malformed("it has no pages"));
    }
    document.save_to(&mut cleaned.bytes).map_err(|_| Unclean::TooLarge)?;
    Ok(cleaned)
}

fn is_metadata(document: &Document, id: ObjectId) -> bool {
    let stream = document.get_object(id).and_then(Object::as_stream);
    stream.is_ok_and(|stream| stream.dict.has_type(b"Metadata"))
}

/// The document's properties, and the identifier that is made of its name and time.
fn properties(document: &mut Document, found: &mut Findings) {
    document.trailer.remove(b"ID");
    let Some(info) = document.trailer.remove(b"Info") else { return };
    let Ok((_, Object::Dictionary(info))) = document.dereference(&info) else { return };
    for (key, value) in info.iter() {
        let Ok((_, value)) = document.dereference(value) else { continue };
        let about = match key.as_slice() {
            b"Author" | b"Company" => About::Author,
            b"Creator" | b"Producer" => About::Software,
            b"CreationDate" | b"ModDate" => About::Date,
            _ => About::Other,
        };
        let text = lopdf::decode_text_string(value).unwrap_or_default();
        found.note(about, &String::from_utf8_lossy(key), &text);
    }
}

/// Takes out what an object tells. The depth is bounded by the reader.
fn object_of(object: &mut Object, metadata: &[ObjectId], found: &mut Findings) -> Result<(), Unclean> {
    match object {
        Object::Array(items) => items.iter_mut().try_for_each(|item| object_of(item, metadata, found)),
        Object::Dictionary(dictionary) => dictionary_of(dictionary, metadata, found),
        Object::Stream(stream) => {
            dictionary_of(&mut stream.dict, metadata, found)?;
            photograph(stream, found)
        }
        _ => Ok(()),
    }
}

fn dictionary_of(dict: &mut Dictionary, metadata: &[ObjectId], found: &mut Findings) -> Result<(), Unclean> {
    if dict.has_type(b"Sig") || dict.has(b"ByteRange") {
        return Err(Unclean::Holds("a signature, which a cleaned copy would break".into()));
    }
    if dict.has_type(b"EmbeddedFile") || dict.has(b"EF") {
        return Err(Unclean::Holds("another file, which is not looked into".into()));
    }
    let refers = |value: &Object| matches!(value, Object::Reference(id) if metadata.contains(id));
    if dict.get(b"Metadata").is_ok_and(refers) {
        dict.remove(b"Metadata");
    }
    if dict.remove(b"PieceInfo").is_some() {
        found.note(About::Other, "PieceInfo", "a program's own data");
    }
    if dict.has_type(b"Page") && dict.remove(b"Thumb").is_some() {
        found.note(About::Thumbnail, "Thumb", "a small picture");
    }
    dict.remove(b"LastModified");
    let annotation = dict.has(b"Rect") && dict.has(b"Subtype");
    if annotation {
        for key in [b"M".as_slice(), b"CreationDate"] {
            if let Some(date) = dict.remove(key) {
                found.note(About::Date, "comment", &lopdf::decode_text_string(&date).unwrap_or_default());
            }
        }
        let widget = dict.get(b"Subtype").and_then(Object::as_name).is_ok_and(|name| name == b"Widget");
        if !widget && let Some(author) = dict.remove(b"T") {
            found.note(About::Author, "comment", &lopdf::decode_text_string(&author).unwrap_or_default());
        }
    }
    dict.iter_mut().try_for_each(|(_, value)| object_of(value, metadata, found))
}

/// A photograph that lies in the document as the camera or scanner made it.
fn photograph(stream: &mut Stream, found: &mut Findings) -> Result<(), Unclean> {
    let alone = stream.filters().is_ok_and(|filters| filters == [b"DCTDecode".as_slice()]);
    if !alone || Form::of("", stream.content.get(..HEAD).unwrap_or(&stream.content)) != Form::Jpeg {
        return Ok(());
    }
    let cleaned = super::clean(Form::Jpeg, &stream.content)?;
    found.extend("photograph", cleaned.found);
    stream.set_content(cleaned.bytes);
    Ok(())
}
