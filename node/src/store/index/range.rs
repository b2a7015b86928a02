//! Walking through a part of a table, page by page.
//!
//! Pages may be split and filled between two steps. A step therefore gives all rows up to where its page ends, or begins,
//! and the next goes on from there: no row is given twice, and none that was there all the time is passed over.

use std::collections::{BTreeMap, VecDeque};

use zeroize::Zeroizing;

use super::paging::Near;
use super::{Index, IndexError, OWN_TABLE, table_of};

/// A part of a table.
#[derive(Clone, Copy, Debug)]
pub enum Span<'a> {
    /// All of it.
    All,
    /// The keys that begin with these bytes.
    Prefix(&'a [u8]),
    /// From a key (included) to a key (excluded).
    Between(&'a [u8], &'a [u8]),
}

impl Span<'_> {
    /// The first full key, and the first one after the last.
    fn bounds(self, table: u8) -> (Vec<u8>, Vec<u8>) {
        let with = |key: &[u8]| [&[table], key].concat();
        let after = |prefix| after_prefix(prefix).unwrap_or_else(|| vec![OWN_TABLE]);
        match self {
            Self::All => (with(&[]), after(with(&[]))),
            Self::Prefix(prefix) => (with(prefix), after(with(prefix))),
            Self::Between(start, end) => (with(start), with(end.max(start))),
        }
    }
}

/// A key and its value.
pub type Entry = (Vec<u8>, Zeroizing<Vec<u8>>);

/// Iterator over a part of a table, made by [`Index::range`].
pub struct Range<'a> {
    index: &'a Index,
    /// What is still to be read: from a full key (included) to a full key (excluded).
    start: Vec<u8>,
    end: Vec<u8>,
    /// What was read and not given yet, in the order in which it is given.
    ready: VecDeque<Entry>,
    reverse: bool,
    left: usize,
}

impl<'a> Range<'a> {
    pub(super) fn new(index: &'a Index, (table, span): (u8, Span<'_>), reverse: bool, left: usize) -> Self {
        let (start, end) = span.bounds(table);
        Self { index, start, end, ready: VecDeque::new(), reverse, left }
    }

    /// The keys alone.
    pub fn keys(self) -> impl Iterator<Item = Result<Vec<u8>, IndexError>> + use<'a> {
        self.map(|entry| entry.map(|(key, _)| key))
    }

    /// Reads the rows of the next page that are in this part; says whether it went on at all.
    fn read(&mut self) -> Result<bool, IndexError> {
        let table = table_of(&self.start);
        if table == OWN_TABLE {
            return Err(IndexError::ReservedTable);
        }
        if self.start >= self.end {
            return Ok(false);
        }
        // What leaves for sled while this reads is seen here.
        let held = self.index.held();
        let near = if self.reverse { Near::Before(&self.end) } else { Near::At(&self.start) };
        let page = self.index.page(&held.written, table, near)?;
        let (from, to) = match &page {
            Some(page) if self.reverse => (page.bound.clone().max(self.start.clone()), self.end.clone()),
            None if self.reverse || held.written.tally(table) == 0 => (self.start.clone(), self.end.clone()),
            _ => (self.start.clone(), self.index.next_bound(&self.start)?.min(self.end.clone())),
        };
        let inside = |key: &[u8]| *from <= *key && *key < *to;
        let rows = page.as_ref().map(|page| self.index.rows(page)).transpose()?.unwrap_or_default();
        let mut rows: BTreeMap<&[u8], &[u8]> = rows.into_iter().filter(|(key, _)| inside(key)).collect();
        for (key, change) in held.changes(&from, &to) {
            match change {
                Some(value) => rows.insert(key, value),
                None => rows.remove(&**key),
            };
        }
        let owned = |(key, value): (&[u8], &[u8])| (key.to_vec(), Zeroizing::new(value.to_vec()));
        if self.reverse {
            self.ready.extend(rows.into_iter().rev().map(owned));
            self.end = from;
        } else {
            self.ready.extend(rows.into_iter().map(owned));
            self.start = to;
        }
        Ok(true)
    }
}

impl Iterator for Range<'_> {
    type Item = Result<Entry, IndexError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.left > 0 {
            if let Some(row) = self.ready.pop_front() {
                self.left -= 1;
                return Some(Ok((short(&row.0), row.1)));
            }
            match self.read() {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    self.left = 0;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

/// A key without its table.
fn short(full: &[u8]) -> Vec<u8> {
    full.get(1..).unwrap_or_default().to_vec()
}

/// The least key that is greater than every key with this prefix; `None` if there is none.
fn after_prefix(mut prefix: Vec<u8>) -> Option<Vec<u8>> {
    while let Some(last) = prefix.pop() {
        if last < u8::MAX {
            prefix.push(last + 1);
            return Some(prefix);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_of_highest_bytes_ends_where_it_should() {
        assert_eq!(after_prefix(vec![1, 255]), Some(vec![2]));
        assert_eq!(after_prefix(vec![255, 255]), None);
    }
}
