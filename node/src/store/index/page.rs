//! Rows that share one row of sled's: a page. sled 0.34 holds at most 16 rows in a leaf, and a leaf costs memory whether
//! it is cached or not; with several rows of ours in each, that stays small however many there are.
//!
//! ```text
//! page = (length of the key (2, big-endian) ‖ table ‖ key ‖ length of the value (2) ‖ value)*    in the order of the keys
//! ```
//!
//! A page lies under its bound and has the rows from there to the bound of the next page in its table. A bound stays
//! when its row goes, and the first page of a table needs none: it lies under the table alone.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

/// Rows beyond so many bytes are split into several pages: more make a single change costlier, since it writes all of
/// its page anew, and fewer leave sled more leaves.
const PAGE_BYTES: usize = 1 << 10;
/// Bytes of a row beside its key and value.
const HEADER: usize = 4;

/// A key with its table, and its value.
pub(super) type Row<'a> = (&'a [u8], &'a [u8]);

/// The rows of a page in order; nothing if these bytes are none.
pub(super) fn rows(page: &[u8]) -> Option<Vec<Row<'_>>> {
    let mut rows = Vec::new();
    let mut rest = page;
    while !rest.is_empty() {
        let (key, after) = part(rest)?;
        let (value, after) = part(after)?;
        rows.push((key, value));
        rest = after;
    }
    Some(rows)
}

fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))
}

/// A page to be written.
pub(super) struct NewPage {
    /// The key of its first row: its bound, unless it takes the place of a page that was there.
    pub(super) first: Vec<u8>,
    /// Its rows.
    pub(super) rows: Zeroizing<Vec<u8>>,
}

/// What becomes of a page by changes.
pub(super) struct Changed {
    /// No page if no row is left; several if it grows too large.
    pub(super) pages: Vec<NewPage>,
    /// How many rows are left.
    pub(super) rows: usize,
}

/// What becomes of a page with these rows by changes in the order of their keys, where nothing as a value removes.
/// `None` if a row is over the bounds of the index.
pub(super) fn changed(rows: &[Row<'_>], changes: &[(&[u8], Option<&[u8]>)]) -> Option<Changed> {
    let appended = changes.first().is_some_and(|(key, _)| rows.last().is_none_or(|(last, _)| key > last));
    let mut all: BTreeMap<&[u8], &[u8]> = rows.iter().copied().collect();
    for (key, value) in changes {
        match value {
            Some(value) => all.insert(key, value),
            None => all.remove(key),
        };
    }
    let left = all.len();
    let bytes = all.iter().map(|row| size(&(*row.0, *row.1))).sum();
    let split = Split::of(bytes, appended);
    let mut parts: Vec<(usize, Vec<Row<'_>>)> = Vec::new();
    for row in all {
        let size = size(&row);
        match parts.last_mut() {
            Some((bytes, part)) if !split.before(size, *bytes) => {
                *bytes += size;
                part.push(row);
            }
            _ => parts.push((size, vec![row])),
        }
    }
    let pages = parts.into_iter().map(|(bytes, rows)| page(bytes, &rows)).collect::<Option<_>>()?;
    Some(Changed { pages, rows: left })
}

fn size((key, value): &Row<'_>) -> usize {
    HEADER + key.len() + value.len()
}

fn page(bytes: usize, rows: &[Row<'_>]) -> Option<NewPage> {
    let first = rows.first()?.0.to_vec();
    // All of its room at once: what a growing vector leaves behind is not wiped.
    let mut page = Zeroizing::new(Vec::with_capacity(bytes));
    for part in rows.iter().flat_map(|(key, value)| [key, value]) {
        page.extend_from_slice(&u16::try_from(part.len()).ok()?.to_be_bytes());
        page.extend_from_slice(part);
    }
    Some(NewPage { first, rows: page })
}

/// How rows are put into pages.
enum Split {
    /// What came goes on where the page ended: those before stay as they are, and so are filled.
    Full,
    /// Rows come anywhere: each page gets about so many bytes, and has room for more.
    Even(usize),
}

impl Split {
    fn of(bytes: usize, appended: bool) -> Split {
        match bytes {
            _ if appended => Split::Full,
            ..=PAGE_BYTES => Split::Even(PAGE_BYTES),
            _ => Split::Even(bytes.div_ceil(bytes.div_ceil(PAGE_BYTES * 3 / 4))),
        }
    }

    /// Does another page begin before a row of this size, where one has so many bytes?
    fn before(&self, row: usize, bytes: usize) -> bool {
        match self {
            Split::Full => bytes + row > PAGE_BYTES,
            Split::Even(even) => bytes >= *even,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn key(n: u16) -> [u8; 2] {
        n.to_be_bytes()
    }

    /// The pages that become of one with these rows, once some are put: how many rows each has.
    fn put(before: &[u16], change: &[u16]) -> Vec<usize> {
        let keys: Vec<[u8; 2]> = before.iter().chain(change).map(|n| key(*n)).collect();
        let (old, new) = keys.split_at(before.len());
        let old: Vec<Row<'_>> = old.iter().map(|key| (&key[..], &[7; 94][..])).collect();
        let new: Vec<_> = new.iter().map(|key| (&key[..], Some(&[8; 94][..]))).collect();
        changed(&old, &new).unwrap().pages.iter().map(|page| rows(&page.rows).unwrap().len()).collect()
    }

    #[test]
    fn what_goes_on_at_the_end_fills_pages_and_what_comes_between_leaves_room() {
        let ten: Vec<u16> = (0..20).step_by(2).collect();
        assert_eq!(put(&ten[..9], &[18]), [10]);
        assert_eq!(put(&ten, &[20]), [10, 1]);
        assert_eq!(put(&ten, &(20..45).collect::<Vec<_>>()), [10, 10, 10, 5]);
        assert_eq!(put(&ten, &[5]), [6, 5]);
        assert_eq!(put(&[], &[1, 2]), [2]);
    }

    #[test]
    fn a_page_of_which_nothing_is_left_is_none() {
        let nothing = changed(&[(b"k", b"v")], &[(b"k", None)]).unwrap();
        assert_eq!((nothing.pages.len(), nothing.rows), (0, 0));
    }

    #[test]
    fn a_large_row_has_a_page_of_its_own() {
        let large = vec![1; 60 << 10];
        let pages = changed(&[(b"a", b"1"), (b"c", b"3")], &[(b"b", Some(&large))]).unwrap().pages;
        let keys: Vec<Vec<&[u8]>> =
            pages.iter().map(|page| rows(&page.rows).unwrap().iter().map(|row| row.0).collect()).collect();
        assert_eq!(keys, [vec![&b"a"[..], b"b"], vec![b"c"]]);
    }

    #[test]
    fn bytes_that_are_no_page_are_refused() {
        let page = changed(&[], &[(b"key", Some(b"value"))]).unwrap().pages.remove(0).rows;
        for len in 1..page.len() {
            assert!(rows(&page[..len]).is_none(), "{len}");
        }
    }
}
