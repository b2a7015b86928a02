//! Files made for tests: each tells something hidden.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Cursor, Write};

use lopdf::{Dictionary, Document, Object, Stream, dictionary};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// What every sample hides; it must be in no cleaned copy.
pub const SECRET: &str = "Nino Secretova";

/// Exif with a camera, a date, an author, a place, and lying on its side.
pub fn exif() -> Vec<u8> {
    let mut text = Vec::new();
    // One IFD of five entries at 8, the texts behind it, then the IFD of the place.
    let base = 8 + 2 + 5 * 12 + 4;
    let mut entries = Vec::new();
    let ascii = |tag: u16, value: &str, text: &mut Vec<u8>| {
        let at = u32::try_from(base + text.len()).unwrap();
        text.extend_from_slice(value.as_bytes());
        text.push(0);
        entry(tag, 2, u32::try_from(value.len() + 1).unwrap(), at)
    };
    entries.push(ascii(0x0110, "Camera 5000", &mut text));
    entries.push([&entry(0x0112, 3, 1, 0)[..8], &[0, 6, 0, 0]].concat().try_into().unwrap());
    entries.push(ascii(0x0132, "2026:02:03 04:05:06", &mut text));
    entries.push(ascii(0x013b, SECRET, &mut text));
    let gps = u32::try_from(base + text.len()).unwrap();
    entries.push(entry(0x8825, 4, 1, gps));
    let mut out = b"MM\0*\0\0\0\x08\0\x05".to_vec();
    entries.iter().for_each(|e: &[u8; 12]| out.extend_from_slice(e));
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&text);
    out.extend_from_slice(b"\0\x01");
    out.extend_from_slice(&entry(0x0002, 5, 3, gps + 18));
    out.extend_from_slice(&[0; 4]);
    for number in [41_u32, 1, 43, 1, 12, 1] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    out
}

fn entry(tag: u16, kind: u16, count: u32, value: u32) -> [u8; 12] {
    let mut out = [0; 12];
    out[..2].copy_from_slice(&tag.to_be_bytes());
    out[2..4].copy_from_slice(&kind.to_be_bytes());
    out[4..8].copy_from_slice(&count.to_be_bytes());
    out[8..].copy_from_slice(&value.to_be_bytes());
    out
}

fn segment(marker: u8, contents: &[u8]) -> Vec<u8> {
    let length = u16::try_from(contents.len() + 2).unwrap().to_be_bytes();
    [&[0xff, marker], &length[..], contents].concat()
}

/// A JPEG as cameras make them: with Exif, XMP, IPTC, a comment, a small picture, and a film behind it.
pub fn jpeg() -> Vec<u8> {
    let xmp =
        format!("http://ns.adobe.com/xap/1.0/\0<x><dc:creator><rdf:li>{SECRET}</rdf:li></dc:creator></x>");
    [
        vec![0xff, 0xd8],
        segment(0xe0, b"JFIF\0\x01\x02\0\0\x01\0\x01\x01\x01abc"),
        segment(0xe1, &[b"Exif\0\0".as_slice(), &exif()].concat()),
        segment(0xe1, xmp.as_bytes()),
        segment(0xed, format!("Photoshop 3.0\0{SECRET}").as_bytes()),
        segment(0xfe, SECRET.as_bytes()),
        segment(0xdb, &[1; 65]),
        segment(0xc0, &[8, 0, 1, 0, 1, 1, 1, 0x11, 0]),
        segment(0xda, &[1, 1, 0, 0, 63, 0]),
        vec![0x12, 0xff, 0, 0x34, 0xff, 0xd0, 0x56],
        // Between two scans, where a library that stops at the first would not look.
        segment(0xfe, SECRET.as_bytes()),
        segment(0xda, &[1, 1, 0, 0, 63, 0]),
        vec![0x78, 0xff, 0xd9],
        SECRET.as_bytes().to_vec(),
    ]
    .concat()
}

fn png_chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    [&length[..], kind, data, &[0; 4]].concat()
}

/// A PNG with text, Exif, a date and something behind its end.
pub fn png() -> Vec<u8> {
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        png_chunk(b"IHDR", &[0; 13]),
        png_chunk(b"tEXt", format!("Author\0{SECRET}").as_bytes()),
        png_chunk(b"eXIf", &exif()),
        png_chunk(b"tIME", &[7; 7]),
        png_chunk(b"IDAT", b"pixels"),
        png_chunk(b"prVt", SECRET.as_bytes()),
        png_chunk(b"IEND", b""),
        SECRET.as_bytes().to_vec(),
    ]
    .concat()
}

fn webp_chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut out = [kind, &u32::try_from(data.len()).unwrap().to_le_bytes()[..], data].concat();
    out.resize(out.len() + data.len() % 2, 0);
    out
}

/// A WebP with Exif, XMP, and a chunk of its program.
pub fn webp() -> Vec<u8> {
    let inside = [
        webp_chunk(b"VP8X", &[0x2c, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        webp_chunk(b"ICCP", SECRET.as_bytes()),
        webp_chunk(b"VP8 ", b"pixels!"),
        webp_chunk(b"EXIF", &exif()),
        webp_chunk(b"XMP ", format!("<x dc:creator=\"{SECRET}\"/>").as_bytes()),
        webp_chunk(b"prVt", SECRET.as_bytes()),
    ]
    .concat();
    let length = u32::try_from(inside.len() + 4).unwrap().to_le_bytes();
    [b"RIFF", &length[..], b"WEBP", &inside].concat()
}

/// A zip file of these parts.
pub fn zip_of(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, contents) in parts {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(contents).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A Word document with properties, a comment, a tracked change, a photograph and a small picture.
pub fn docx() -> Vec<u8> {
    let document = format!(
        "<?xml version=\"1.0\"?><w:document xmlns:w=\"w\"><!-- {SECRET} --><w:p w:rsidR=\"00AB12CD\"><w:ins w:id=\"1\" \
         w:author=\"{SECRET}\" w:date=\"2026-01-02T03:04:05Z\"><w:r><w:t>What was found &gt; here.</w:t></w:r></w:ins></w:p></w:document>"
    );
    let comments = format!(
        "<w:comments><w:comment w:author='{SECRET}' w:initials=\"NS\"><w:t>Really?</w:t></w:comment></w:comments>"
    );
    let core =
        format!("<cp:coreProperties xmlns:dc=\"d\"><dc:creator>{SECRET}</dc:creator></cp:coreProperties>");
    let rels = "<Relationships><Relationship Id=\"rId1\" Target=\"word/document.xml\"/><Relationship Id=\"rId2\" \
                Target=\"docProps/thumbnail.jpeg\"/></Relationships>";
    zip_of(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("_rels/.rels", rels.as_bytes()),
        ("docProps/core.xml", core.as_bytes()),
        ("docProps/app.xml", format!("<Properties><Company>{SECRET}</Company></Properties>").as_bytes()),
        ("docProps/thumbnail.jpeg", &jpeg()),
        ("word/document.xml", document.as_bytes()),
        ("word/comments.xml", comments.as_bytes()),
        ("word/settings.xml", b"<w:settings><w:rsids><w:rsidRoot w:val=\"1\"/><w:rsid w:val=\"2\"/></w:rsids><w:zoom/></w:settings>"),
        ("word/media/image1.jpeg", &jpeg()),
    ])
}

/// An OpenDocument text with properties, a comment and a printer.
pub fn odt() -> Vec<u8> {
    let content = format!(
        "<office:document-content><office:annotation><dc:creator>{SECRET}</dc:creator><dc:date>2026-01-02</dc:date>\
         <text:p>Really?</text:p></office:annotation><text:p>What was found.</text:p></office:document-content>"
    );
    let settings =
        format!("<s><config:config-item config:name=\"PrinterName\">{SECRET}</config:config-item></s>");
    let meta = format!(
        "<office:document-meta><office:meta><dc:creator>{SECRET}</dc:creator></office:meta></office:document-meta>"
    );
    zip_of(&[
        ("mimetype", b"application/vnd.oasis.opendocument.text"),
        ("content.xml", content.as_bytes()),
        ("settings.xml", settings.as_bytes()),
        ("meta.xml", meta.as_bytes()),
        ("Thumbnails/thumbnail.png", &png()),
        (
            "META-INF/manifest.xml",
            b"<m><manifest:file-entry manifest:full-path=\"Thumbnails/thumbnail.png\"/></m>",
        ),
    ])
}

/// A PDF with properties, XMP, a photograph, a comment, and an object of an earlier version that nothing refers to.
pub fn pdf() -> Vec<u8> {
    let mut document = Document::with_version("1.5");
    let secret = || Object::string_literal(SECRET);
    let photograph = dictionary! { "Type" => "XObject", "Subtype" => "Image", "Filter" => "DCTDecode" };
    let photograph = document.add_object(Stream::new(photograph, jpeg()));
    let note = dictionary! {
        "Type" => "Annot", "Subtype" => "Text", "Rect" => vec![0.into(); 4], "T" => secret(), "M" => secret(),
        "Contents" => Object::string_literal("Really?"),
    };
    let note = document.add_object(note);
    let contents = document.add_object(Stream::new(Dictionary::new(), b"BT (What was found) Tj ET".to_vec()));
    let pages = document.new_object_id();
    let page = document.add_object(dictionary! {
        "Type" => "Page", "Parent" => pages, "Contents" => contents, "Annots" => vec![note.into()],
        "Resources" => dictionary! { "XObject" => dictionary! { "Im0" => photograph } },
        "PieceInfo" => dictionary! { "Program" => secret() },
    });
    let kids = dictionary! { "Type" => "Pages", "Kids" => vec![page.into()], "Count" => 1 };
    document.objects.insert(pages, Object::Dictionary(kids));
    let xmp = format!("<x:xmpmeta><dc:creator><rdf:li>{SECRET}</rdf:li></dc:creator></x:xmpmeta>");
    let xmp = Stream::new(dictionary! { "Type" => "Metadata", "Subtype" => "XML" }, xmp.into_bytes());
    let xmp = document.add_object(xmp);
    let catalog =
        document.add_object(dictionary! { "Type" => "Catalog", "Pages" => pages, "Metadata" => xmp });
    let info = document
        .add_object(dictionary! { "Author" => secret(), "Producer" => Object::string_literal("Program 7") });
    document.add_object(secret());
    document.trailer.set("Root", catalog);
    document.trailer.set("Info", info);
    document.trailer.set("ID", vec![secret(), secret()]);
    let mut out = Vec::new();
    document.save_to(&mut out).unwrap();
    out
}
