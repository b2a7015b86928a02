//! Walking through a part of a table, page by page.
//!
//! Pages may be split and filled between two steps. Where the next begins is therefore told by the last key that was
//! given, so that no row is given twice and none that was there all the time is passed over.

use std::collections::VecDeque;

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
    /// The bound of the page that was read last.
    bound: Option<Vec<u8>>,
    /// What was read and not given yet, in the order in which it is given.
    ready: VecDeque<Entry>,
    reverse: bool,
    left: usize,
}

impl<'a> Range<'a> {
    pub(super) fn new(index: &'a Index, (table, span): (u8, Span<'_>), reverse: bool, left: usize) -> Self {
        let (start, end) = span.bounds(table);
        Self { index, start, end, bound: None, ready: VecDeque::new(), reverse, left }
    }

    /// The keys alone.
    pub fn keys(self) -> impl Iterator<Item = Result<Vec<u8>, IndexError>> + use<'a> {
        self.map(|entry| entry.map(|(key, _)| key))
    }

    /// Reads the next page that may have rows of this part; says whether there was one.
    fn read(&mut self) -> Result<bool, IndexError> {
        let table = table_of(&self.start);
        if table == OWN_TABLE {
            return Err(IndexError::ReservedTable);
        }
        let near = match &self.bound {
            Some(bound) if self.reverse && *bound <= self.start => return Ok(false),
            Some(bound) if self.reverse => Near::Before(bound),
            None if self.reverse => Near::Before(&self.end),
            Some(bound) => Near::After(bound),
            None => Near::At(&self.start),
        };
        let mut page = self.index.page(table, near)?;
        if page.is_none() && self.bound.is_none() && !self.reverse {
            page = self.index.page(table, Near::After(&self.start))?;
        }
        let Some(page) = page.filter(|page| page.bound < self.end) else { return Ok(false) };
        let inside = self.start.as_slice()..self.end.as_slice();
        for (key, value) in self.index.rows(&page)?.into_iter().filter(|(key, _)| inside.contains(key)) {
            let row = (key.to_vec(), Zeroizing::new(value.to_vec()));
            if self.reverse {
                self.ready.push_front(row);
            } else {
                self.ready.push_back(row);
            }
        }
        match self.ready.back() {
            // What is split off a page between two steps comes again under another bound.
            Some((last, _)) if self.reverse => self.end.clone_from(last),
            Some((last, _)) => self.start = [last.as_slice(), &[0]].concat(),
            None => {}
        }
        self.bound = Some(page.bound);
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
