//! What is indexed of a record.

use std::collections::HashSet;

use entente_protocol::record::Attachment;
use entente_protocol::value::Value;
use zeroize::Zeroizing;

use crate::node::Node;
use crate::records::show;
use crate::rows::{self, RecordRow, Table};
use crate::store::Position;

use super::facets::{self, PLACE};
use super::fold::fold;
use super::fresh::Word;
use super::words;

/// Bytes of a record's text that are indexed; the rest is not searched. A record is at most four times as long.
pub const MAX_TEXT: usize = 64 * 1024;

/// What came of reading a record for the index.
pub(super) enum Read {
    /// Its terms.
    Text(Text),
    /// It is not in the lists, or cannot be opened.
    Gone,
    /// Its partnership is not started.
    NotYet,
}

/// The terms of a record.
pub(super) struct Text {
    /// Each of them once.
    pub terms: HashSet<Word>,
    /// When it arrived, milliseconds since 1970.
    pub arrived: u64,
    /// Was it longer than what is indexed?
    pub cut: bool,
}

/// Reads the record at a position, if the lists show one there.
pub(super) fn read(node: &Node, position: Position) -> Read {
    let index = &node.shared.ledger.store().index;
    let kept = index.get(Table::Order as u8, &position.to_bytes()).ok().flatten();
    let Some(row) = kept.and_then(|bytes| rows::decode::<RecordRow>(&bytes)) else { return Read::Gone };
    match row.place {
        None if !rows::shared(index, &row.id).is_empty() => Read::Gone,
        None => show::draft(node, position)
            .map_or(Read::Gone, |draft| Read::Text(text(&row, &draft.fields, &draft.attachments))),
        Some(place) => match show::said(node, position, &place) {
            Some(said) => Read::Text(text(&row, &said.fields, &said.attachments)),
            None if node.handle(&place.partnership).is_none() => Read::NotYet,
            None => Read::Gone,
        },
    }
}

fn text(row: &RecordRow, fields: &[(String, Value)], attachments: &[Attachment]) -> Text {
    let mut text = Text {
        terms: facets::of(row).map(|term| Word::from(&*term)).collect(),
        arrived: row.arrived.0,
        cut: false,
    };
    let mut left = MAX_TEXT;
    let mut take = |said: &str, mark: &str| {
        let whole = said.len();
        let said = words::beginning(said, left);
        left -= said.len();
        text.cut |= said.len() < whole;
        let folded = fold(said);
        words::terms(&folded, &mut |term| {
            if mark.is_empty() {
                insert(&mut text.terms, term);
            } else {
                let marked = Zeroizing::new(format!("{mark}{term}"));
                insert(&mut text.terms, &marked);
            }
        });
    };
    for (name, value) in fields {
        value.each_text(&mut |said| {
            take(said, "");
            if names_a_place(row, name) {
                take(said, PLACE);
            }
        });
    }
    attachments.iter().for_each(|attachment| take(&attachment.name, ""));
    // A merge says nothing but ids, and is no place.
    if row.kind.as_str() == "place" && fields.iter().any(|(name, _)| name != "same-as") {
        take(&row.id.to_string(), PLACE);
    }
    text
}

/// Does a field say which place it is, or which it is about?
fn names_a_place(row: &RecordRow, field: &str) -> bool {
    let own: &[&str] = if row.kind.as_str() == "place" { &["title", "names", "aliases"] } else { &[] };
    ["place", "places"].iter().chain(own).any(|name| *name == field)
}

fn insert(terms: &mut HashSet<Word>, term: &str) {
    if !terms.contains(term) {
        terms.insert(term.into());
    }
}
