//! Records by how their ids begin: nobody types all 52 letters. The keys of records that begin alike lie side by
//! side, under a keyed hash of the beginning, so that few rows are looked at however many there are.

use entente_protocol::ids::RecordId;

use crate::store::{Index, Position, Span};

use super::records::row_at;
use super::{RecordRow, Table, position};

/// Letters of its id by which a record can be found, at the least: a million beginnings.
pub const BEGINNING: usize = 4;

/// The key of a record.
pub(super) fn record_key(index: &Index, id: &RecordId) -> Vec<u8> {
    let name = index.name(Table::Record as u8, &id.0);
    [beginning(index, &id.to_string()).as_slice(), &name].concat()
}

/// What the keys of all records begin with whose ids begin with the same letters.
fn beginning(index: &Index, text: &str) -> [u8; 4] {
    let letters = text.get(..BEGINNING).unwrap_or(text);
    let [a, b, c, d, ..] = index.name(Table::Record as u8, letters.as_bytes());
    [a, b, c, d]
}

/// The records whose ids begin with a text; none if it is shorter than [`BEGINNING`]. Rows that are damaged are
/// passed over: the index is rebuilt when it is next opened.
pub fn records_that_begin<'a>(
    index: &'a Index,
    text: &'a str,
) -> impl Iterator<Item = (Position, RecordRow)> + 'a {
    let rows = index.range(Table::Record as u8, Span::Prefix(&beginning(index, text)), false, usize::MAX);
    let row = |order: &[u8]| {
        let position = position(order)?;
        Some((position, row_at(index, position).ok()??))
    };
    rows.filter_map(Result::ok)
        .filter(|_| text.len() >= BEGINNING)
        .filter_map(move |(_, order)| row(&order))
        .filter(move |(_, row)| row.id.to_string().starts_with(text))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use entente_protocol::handling::{Language, Sensitivity};
    use entente_protocol::ids::{OrgId, Timestamp};
    use zeroize::Zeroizing;

    use super::super::{Batch, put_record};
    use super::*;
    use crate::store::StoreKey;

    fn row(id: RecordId) -> RecordRow {
        RecordRow {
            id,
            kind: "material".parse().unwrap(),
            author: OrgId([1; 32]),
            place: None,
            created: Timestamp(0),
            arrived: Timestamp(0),
            language: Language::undetermined(),
            sensitivity: Sensitivity::Own,
            title: String::new(),
            blobs: Vec::new(),
            refers: None,
            supersedes: None,
        }
    }

    #[test]
    fn a_record_is_found_by_the_beginning_of_its_id_and_no_other() {
        let home = tempfile::tempdir().unwrap();
        let index = Index::open(home.path(), &StoreKey::from_bytes(Zeroizing::new([3; 32]))).unwrap().0;
        // The first two agree in four letters and differ in the fifth, the third differs in the fourth.
        let ids = [[7, 7, 0x70, 0], [7, 7, 0x7f, 0], [7, 7, 0x80, 0], [9, 7, 0x70, 0]];
        let ids = ids.map(|first| RecordId(std::array::from_fn(|i| first.get(i).copied().unwrap_or(5))));
        let mut batch = Batch::default();
        for (offset, id) in (1..).zip(ids) {
            put_record(&mut batch, &index, Position { segment: 1, offset }, &row(id));
        }
        let mut changes = index.batch();
        batch.write_into(&mut changes).unwrap();
        index.apply(changes, index.cursor()).unwrap();
        let texts = ids.map(|id| id.to_string());
        for text in &texts {
            for letters in BEGINNING..=text.len() {
                let text = &text[..letters];
                let mut found: Vec<RecordId> =
                    records_that_begin(&index, text).map(|(_, row)| row.id).collect();
                found.sort_unstable();
                let mut those = ids.to_vec();
                those.retain(|id| id.to_string().starts_with(text));
                those.sort_unstable();
                assert_eq!(found, those, "{text}");
            }
        }
        assert_eq!(records_that_begin(&index, &texts[0][..4]).count(), 2);
        for nothing in ["", &texts[0][..3], "💥💥", "zzzz"] {
            assert_eq!(records_that_begin(&index, nothing).count(), 0, "{nothing}");
        }
    }
}
