//! Office files: OOXML (ECMA-376) and OpenDocument (OASIS), which are zip files of XML. Properties are emptied,
//! small pictures dropped, names and dates of comments and tracked changes taken out, pictures inside cleaned,
//! and all of it packed anew, so that the zip file's own dates and extra fields go as well. Other zip files are
//! not cleaned: their contents could be anything.

use std::io::{Cursor, Read, Write};

use zip::read::ZipFile;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::xml::{self, Attribute, Rules};
use super::{About, Cleaned, Findings, Form, HEAD, MAX_FILE, Unclean};

/// The most parts of a document.
const MAX_PARTS: usize = 10_000;
/// The most that one part may unpack to, bytes.
const MAX_PART: usize = 64 << 20;
/// The most that all parts together may unpack to, bytes: sheets of numbers pack well.
const MAX_UNPACKED: usize = 256 << 20;
/// The longest name of a part, bytes.
const MAX_NAME: usize = 512;

const EMPTY_CORE: &[u8] = br#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"/>"#;
const EMPTY_APP: &[u8] = br#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/extended-properties"/>"#;
const EMPTY_CUSTOM: &[u8] = br#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/custom-properties"/>"#;
const EMPTY_META: &[u8] = br#"<?xml version="1.0" encoding="UTF-8"?><office:document-meta xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" office:version="1.2"><office:meta/></office:document-meta>"#;

/// Packs the document anew without what it tells beside its contents.
pub(super) fn clean(bytes: &[u8]) -> Result<Cleaned, Unclean> {
    let bad = |_| Unclean::Malformed("a zip file that cannot be read whole");
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(bad)?;
    if archive.len() > MAX_PARTS {
        return Err(Unclean::TooLarge);
    }
    if archive.has_duplicate_names() || archive.has_overlapping_entries().map_err(bad)? {
        return Err(Unclean::Malformed("parts that lie over each other"));
    }
    let is = |name: &str| archive.index_for_name(name).is_some();
    if !is("[Content_Types].xml") && !is("mimetype") {
        return Err(Unclean::Holds("an archive of files, which are not looked into".into()));
    }
    let mut cleaned = Cleaned::default();
    if !archive.comment().is_empty() {
        cleaned.found.note(About::Other, "zip comment", &String::from_utf8_lossy(archive.comment()));
    }
    let mut writer = ZipWriter::new(Cursor::new(Vec::with_capacity(bytes.len())));
    let mut room = MAX_UNPACKED;
    for index in 0..archive.len() {
        let file = archive.by_index(index).map_err(bad)?;
        if file.is_dir() {
            continue;
        }
        let part = Part::read(file, &mut room)?;
        if let Some(contents) = part.clean(&mut cleaned)? {
            let options = SimpleFileOptions::default()
                .compression_method(part.method)
                .last_modified_time(zip::DateTime::default());
            writer.start_file(&part.name, options).map_err(bad)?;
            writer.write_all(&contents).map_err(|_| Unclean::TooLarge)?;
        }
    }
    cleaned.bytes = writer.finish().map_err(bad)?.into_inner();
    if cleaned.bytes.len() > MAX_FILE {
        return Err(Unclean::TooLarge);
    }
    cleaned.remains.sort();
    cleaned.remains.dedup();
    Ok(cleaned)
}

/// A part of a document.
struct Part {
    name: String,
    method: CompressionMethod,
    contents: Vec<u8>,
}

impl Part {
    /// Unpacks it, and no more than there is room for, whatever it declares.
    fn read(file: ZipFile<'_, Cursor<&[u8]>>, room: &mut usize) -> Result<Part, Unclean> {
        let name =
            std::str::from_utf8(file.name_raw()).map_err(|_| Unclean::Malformed("a part's name"))?.to_owned();
        if name.len() > MAX_NAME || name.starts_with('/') || name.split('/').any(|part| part == "..") {
            return Err(Unclean::Malformed("a part's name"));
        }
        if file.encrypted() {
            return Err(Unclean::Holds("parts under a password".into()));
        }
        let method = file.compression();
        if method != CompressionMethod::Stored && method != CompressionMethod::Deflated {
            return Err(Unclean::Malformed("a part packed in an unusual way"));
        }
        let most = (*room).min(MAX_PART);
        let mut contents = Vec::new();
        let read = file.take(most as u64 + 1).read_to_end(&mut contents);
        read.map_err(|_| Unclean::Malformed("a part that does not unpack"))?;
        if contents.len() > most {
            return Err(Unclean::TooLarge);
        }
        *room -= contents.len();
        Ok(Part { name, method, contents })
    }

    /// What goes into the copy, if it does.
    fn clean(&self, cleaned: &mut Cleaned) -> Result<Option<Vec<u8>>, Unclean> {
        let lower = self.name.to_ascii_lowercase();
        let found = &mut cleaned.found;
        let fixed = match lower.as_str() {
            "docprops/core.xml" => Some(EMPTY_CORE),
            "docprops/app.xml" => Some(EMPTY_APP),
            "docprops/custom.xml" => Some(EMPTY_CUSTOM),
            "meta.xml" => Some(EMPTY_META),
            _ => None,
        };
        if let Some(empty) = fixed {
            tell_properties(&self.contents, found);
            return Ok(Some(empty.to_vec()));
        }
        if lower.starts_with("thumbnails/") || lower.starts_with("docprops/thumbnail") {
            found.note(About::Thumbnail, &self.name, "a small picture");
            return Ok(None);
        }
        if lower.starts_with("_xmlsignatures/") || lower == "meta-inf/documentsignatures.xml" {
            return Err(Unclean::Holds("a signature, which a cleaned copy would break".into()));
        }
        if lower.contains("printersettings") && lower.ends_with(".bin") {
            found.note_size(About::Device, "printer settings", self.contents.len());
            return Ok(Some(vec![0; self.contents.len()]));
        }
        if lower.starts_with("customxml/") && !lower.contains("rels") {
            cleaned.remains.push("custom XML data, which a program put into it".into());
        }
        if lower.ends_with(".xml") || lower.ends_with(".rels") {
            return self.clean_xml(&lower, cleaned).map(Some);
        }
        self.clean_inside(found).map(Some)
    }

    fn clean_xml(&self, lower: &str, cleaned: &mut Cleaned) -> Result<Vec<u8>, Unclean> {
        // The cells themselves name nobody, and are the largest parts.
        if lower.starts_with("xl/worksheets/sheet") || lower == "xl/sharedstrings.xml" {
            return Ok(self.contents.clone());
        }
        let holds = |tag: &str| self.contents.windows(tag.len()).any(|w| w == tag.as_bytes());
        if holds("<w:ins ") || holds("<w:del ") || holds("<text:tracked-changes") {
            cleaned
                .remains
                .push("tracked changes, with what was deleted (their authors' names are left out)".into());
        }
        if lower.contains("comments") || holds("<office:annotation") {
            cleaned.remains.push("comments (their authors' names are left out)".into());
        }
        xml::rewrite(&self.contents, &RULES, &mut cleaned.found)
    }

    /// Pictures and other files inside.
    fn clean_inside(&self, found: &mut Findings) -> Result<Vec<u8>, Unclean> {
        let head = self.contents.get(..HEAD).unwrap_or(&self.contents);
        match Form::of("", head) {
            Form::Other => Ok(self.contents.clone()),
            form @ (Form::Jpeg | Form::Png | Form::Webp) => {
                let inner = super::clean(form, &self.contents)?;
                found.extend(&self.name, inner.found);
                Ok(inner.bytes)
            }
            form => Err(Unclean::Holds(format!("another file that is not looked into: {}", form.words()))),
        }
    }
}

/// Shows a document's properties.
fn tell_properties(contents: &[u8], found: &mut Findings) {
    let rules =
        Rules { attribute: |_, _| Attribute::Keep, inside: |name, _| property(name), element: |_, _| false };
    if xml::rewrite(contents, &rules, found).is_err() {
        found.note_size(About::Other, "properties that cannot be read", contents.len());
    }
}

fn property(name: &str) -> Option<About> {
    Some(match name {
        "creator" | "lastModifiedBy" | "Manager" | "Company" | "initial-creator" | "printed-by" => {
            About::Author
        }
        "created" | "modified" | "lastPrinted" | "creation-date" | "date" | "print-date" => About::Date,
        "Application" | "AppVersion" | "generator" => About::Software,
        "coreProperties" | "Properties" | "document-meta" | "meta" => return None,
        _ => About::Other,
    })
}

/// For all parts but the properties.
const RULES: Rules = Rules { attribute, inside, element };

fn attribute(name: &str, element: &str) -> Attribute {
    match name {
        "author" | "displayName" | "userName" => Attribute::Empty(About::Author),
        "name" if element == "cmAuthor" || element == "author" => Attribute::Empty(About::Author),
        "initials" | "userId" | "refreshedBy" => Attribute::Drop(About::Author),
        "date" | "dateUtc" | "refreshedDate" | "dT" | "dt" if element != "date" => {
            Attribute::Drop(About::Date)
        }
        "url" if element == "absPath" => Attribute::Empty(About::Place),
        name if name.starts_with("rsid") => Attribute::Drop(About::Other),
        _ => Attribute::Keep,
    }
}

fn inside(name: &str, attributes: &str) -> Option<About> {
    match name {
        "rsids" => Some(About::Other),
        // Of comments and tracked changes.
        "creator" | "creator-initials" | "sender-initials" | "author" => Some(About::Author),
        "date" if !attributes.contains("style:") => Some(About::Date),
        "config-item" if attributes.contains("Print") => Some(About::Device),
        _ => None,
    }
}

/// Mentions of the small picture that is not there any more.
fn element(name: &str, attributes: &str) -> bool {
    matches!(name, "Relationship" | "file-entry" | "Override")
        && ["docProps/thumbnail", "Thumbnails/", "metadata/thumbnail"].iter().any(|t| attributes.contains(t))
}
