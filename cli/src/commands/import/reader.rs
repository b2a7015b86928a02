//! Drafts from a JSON array or from lines of JSON, one at a time.

use std::io::{BufRead, Read};

use entente_node::api::types::DraftInput;
use serde::Deserializer;
use serde::de::{SeqAccess, Visitor};
use serde_json::Value;

use crate::commands::drafts::MAX_DRAFT_FILE;

/// Nobody wants the rest.
pub(super) struct Stop;

/// Calls `take` with the number of each draft, from 1, and the draft or what is wrong with it.
///
/// # Errors
/// If the file is not JSON from some place on, with the place.
pub(super) fn each_draft(
    mut source: impl BufRead,
    take: impl FnMut(usize, Result<DraftInput, String>) -> Result<(), Stop>,
) -> Result<(), String> {
    if first_byte(&mut source)? == Some(b'[') { each_item(source, take) } else { each_line(source, take) }
}

/// The first byte that is not white space, left in place.
fn first_byte(source: &mut impl BufRead) -> Result<Option<u8>, String> {
    loop {
        let ready = source.fill_buf().map_err(|e| e.to_string())?;
        let Some(byte) = ready.first().copied() else { return Ok(None) };
        // A byte order mark is no part of the text; its three bytes are skipped one by one.
        if !byte.is_ascii_whitespace() && !matches!(byte, 0xEF | 0xBB | 0xBF) {
            return Ok(Some(byte));
        }
        source.consume(1);
    }
}

fn each_item<R: BufRead, F>(source: R, take: F) -> Result<(), String>
where
    F: FnMut(usize, Result<DraftInput, String>) -> Result<(), Stop>,
{
    let mut json = serde_json::Deserializer::from_reader(source);
    let all = json.deserialize_seq(Items { take }).map_err(|e| e.to_string())?;
    if all { json.end().map_err(|e| e.to_string()) } else { Ok(()) }
}

fn each_line<R: BufRead, F>(mut source: R, mut take: F) -> Result<(), String>
where
    F: FnMut(usize, Result<DraftInput, String>) -> Result<(), Stop>,
{
    let mut number = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        let most = MAX_DRAFT_FILE as u64 + 1;
        let read = source.by_ref().take(most).read_until(b'\n', &mut line).map_err(|e| e.to_string())?;
        if read == 0 {
            return Ok(());
        }
        if line.len() > MAX_DRAFT_FILE {
            return Err(format!("draft {} is longer than {MAX_DRAFT_FILE} bytes", number + 1));
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        number += 1;
        let draft = serde_json::from_slice(&line).map_err(|e| e.to_string());
        if take(number, draft).is_err() {
            return Ok(());
        }
    }
}

struct Items<F> {
    take: F,
}

impl<'de, F> Visitor<'de> for Items<F>
where
    F: FnMut(usize, Result<DraftInput, String>) -> Result<(), Stop>,
{
    /// Was the whole list read?
    type Value = bool;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of drafts")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<bool, A::Error> {
        let mut number = 0;
        // First any JSON, then a draft: so one wrong draft does not end the list.
        while let Some(item) = items.next_element::<Value>()? {
            number += 1;
            let draft = serde_json::from_value(item).map_err(|e| e.to_string());
            if (self.take)(number, draft).is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Result<String, String>>, String> {
        let mut drafts = Vec::new();
        each_draft(text.as_bytes(), |number, draft| {
            assert_eq!(number, drafts.len() + 1);
            drafts.push(draft.map(|draft| draft.kind.to_string()));
            Ok(())
        })?;
        Ok(drafts)
    }

    const A: &str = r#"{"kind":"baseline","fields":{}}"#;
    const B: &str = r#"{"kind":"priority","fields":{"a":[1]}}"#;

    #[test]
    fn lists_and_lines_are_the_same_drafts() {
        let expected = vec![Ok("baseline".to_owned()), Ok("priority".to_owned())];
        assert_eq!(read(&format!("[{A},\n {B}]\n")).unwrap(), expected);
        assert_eq!(read(&format!("{A}\n\n{B}")).unwrap(), expected);
        assert_eq!(read(&format!("\u{feff}\r\n{A}\r\n{B}\r\n")).unwrap(), expected);
        assert_eq!(read("").unwrap(), vec![]);
        assert_eq!(read(" [] ").unwrap(), vec![]);
    }

    #[test]
    fn one_wrong_draft_does_not_hide_the_next() {
        let wrong = r#"{"kind":"No Token","fields":{}}"#;
        for text in [format!("[{wrong},{A}]"), format!("{wrong}\n{A}\n")] {
            let drafts = read(&text).unwrap();
            assert!(drafts[0].is_err() && drafts[1].is_ok(), "{text}");
        }
    }

    #[test]
    fn a_torn_list_is_an_error() {
        for torn in [format!("[{A},"), format!("[{A}] x"), "[".to_owned()] {
            assert!(read(&torn).is_err(), "{torn}");
        }
    }
}
