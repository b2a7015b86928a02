//! Finding pages in sled.
//!
//! Each call of sled is one step for all that read meanwhile, and so is a batch: whoever looks for a page while it is split
//! finds it as it was or as it will be.

use zeroize::Zeroizing;

use super::applied::Applied;
use super::{Index, IndexError, page, table_of};

/// A page as it is kept, opened.
pub(super) struct Page {
    /// Where it lies.
    pub(super) bound: Vec<u8>,
    /// Its rows ([`page::rows`]).
    pub(super) rows: Zeroizing<Vec<u8>>,
}

/// Which page is meant: the one that has this key's place, or the last one with a bound before this.
pub(super) enum Near<'a> {
    At(&'a [u8]),
    Before(&'a [u8]),
}

impl Index {
    /// A page of a table, if there is one there.
    pub(super) fn page(
        &self,
        written: &Applied,
        table: u8,
        near: Near<'_>,
    ) -> Result<Option<Page>, IndexError> {
        // Much is asked for that a node never has: withdrawals, ended consents, teams.
        if written.tally(table) == 0 {
            return Ok(None);
        }
        let found = self.files.ask(|db| match near {
            Near::At(key) => db.get_lt([key, &[0]].concat()),
            Near::Before(key) => db.get_lt(key),
        })?;
        let Some((bound, sealed)) = found.filter(|(bound, _)| table_of(bound) == table) else {
            return Ok(None);
        };
        let rows = self.open_value(&bound, &sealed)?;
        Ok(Some(Page { bound: bound.to_vec(), rows }))
    }

    pub(super) fn rows<'a>(&self, page: &'a Page) -> Result<Vec<page::Row<'a>>, IndexError> {
        page::rows(&page.rows).ok_or_else(|| self.files.distrust("a page does not read as rows".to_owned()))
    }

    /// Where the page with the place of a key ends: at the next page, or with the table.
    pub(super) fn next_bound(&self, key: &[u8]) -> Result<Vec<u8>, IndexError> {
        let end = vec![table_of(key).saturating_add(1)];
        let next = self.files.ask(|db| db.get_gt(key))?.map(|(bound, _)| bound.to_vec());
        Ok(next.filter(|next| *next < end).unwrap_or(end))
    }
}
