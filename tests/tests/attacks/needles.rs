//! Looking for what must not be there, in every form that a program may write it in.

use std::fmt::Display;
use std::path::{Path, PathBuf};

/// What must not be found.
#[derive(Default)]
pub struct Needles(Vec<(String, Vec<u8>)>);

impl Needles {
    /// A text, as UTF-8 and as UTF-16.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.0.push((text.to_owned(), text.as_bytes().to_vec()));
        let wide = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        self.0.push((format!("{text} (UTF-16)"), wide));
        self
    }

    /// An id: raw, in base32 (a part of it suffices to be found) and in hexadecimal.
    pub fn id(&mut self, what: &str, bytes: &[u8; 32], text: impl Display) -> &mut Self {
        self.raw(what, bytes);
        let text: String = text.to_string().chars().take(20).collect();
        self.0.push((format!("{what} (base32)"), text.to_uppercase().into_bytes()));
        self.0.push((format!("{what} (base32)"), text.into_bytes()));
        let hex: String = bytes.iter().take(12).map(|b| format!("{b:02x}")).collect();
        self.0.push((format!("{what} (hex)"), hex.into_bytes()));
        self
    }

    /// Bytes; half of them suffice to be found.
    pub fn raw(&mut self, what: &str, bytes: &[u8]) -> &mut Self {
        let part = bytes.get(..16).unwrap_or(bytes);
        self.0.push((format!("{what} (raw)"), part.to_vec()));
        self
    }

    /// What of it is in `hay`.
    pub fn found_in(&self, hay: &[u8]) -> Vec<&str> {
        self.0.iter().filter(|(_, needle)| contains(hay, needle)).map(|(what, _)| what.as_str()).collect()
    }

    /// Fails if any of it is in `hay`.
    #[track_caller]
    pub fn assert_absent(&self, place: &str, hay: &[u8]) {
        let found = self.found_in(hay);
        assert!(found.is_empty(), "{place} holds {found:?}");
    }
}

fn contains(hay: &[u8], needle: &[u8]) -> bool {
    let Some((first, rest)) = needle.split_first() else { return false };
    let mut from = 0;
    while let Some(at) = hay.get(from..).and_then(|part| part.iter().position(|byte| byte == first)) {
        from += at + 1;
        if hay.get(from..).is_some_and(|after| after.starts_with(rest)) {
            return true;
        }
    }
    false
}

/// Every regular file below a folder.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files.extend(files_below(&entry.path()));
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    files
}

#[test]
fn needles_are_found_where_they_are() {
    let mut needles = Needles::default();
    let id = entente_protocol::ids::OrgId([0xa7; 32]);
    needles.text("კომიტეტი").id("the organisation", &id.0, id);
    assert_eq!(needles.found_in(b"nothing of it"), Vec::<&str>::new());
    assert_eq!(needles.found_in(format!("xxx კომიტეტი {id}").as_bytes()).len(), 2);
    assert_eq!(needles.found_in(&[[0; 3].as_slice(), &id.0].concat()), ["the organisation (raw)"]);
}
