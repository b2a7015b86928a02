//! Finding pages in sled, and writing them anew.
//!
//! Each call of sled is one step for all that read meanwhile, and so is a batch: whoever looks for a page while it is split
//! finds it as it was or as it will be.

use zeroize::Zeroizing;

use super::{Index, IndexError, page, table_of};

/// A page as it is kept, opened.
pub(super) struct Page {
    /// Where it lies.
    pub(super) bound: Vec<u8>,
    /// Its rows ([`page::rows`]).
    rows: Zeroizing<Vec<u8>>,
}

/// Which page is meant: the one that has this key's place, or the one with the next bound after this or before.
pub(super) enum Near<'a> {
    At(&'a [u8]),
    After(&'a [u8]),
    Before(&'a [u8]),
}

impl Index {
    /// The value of a key with its table.
    pub(crate) fn get_full(&self, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, IndexError> {
        let Some(page) = self.page(table_of(key), Near::At(key))? else { return Ok(None) };
        let row = self.rows(&page)?.into_iter().find(|row| row.0 == key);
        Ok(row.map(|(_, value)| Zeroizing::new(value.to_vec())))
    }

    /// A page of a table, if there is one there.
    pub(super) fn page(&self, table: u8, near: Near<'_>) -> Result<Option<Page>, IndexError> {
        // Much is asked for that a node never has: withdrawals, ended consents, teams.
        if self.tally(table) == 0 {
            return Ok(None);
        }
        let found = self.files.ask(|db| match near {
            Near::At(key) => db.get_lt([key, &[0]].concat()),
            Near::After(key) => db.get_gt(key),
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

    /// The page where a key has its place, empty if there is none yet, and where it ends: at the next page, or with
    /// the table.
    pub(super) fn place(&self, key: &[u8]) -> Result<(Page, Vec<u8>), IndexError> {
        let table = table_of(key);
        let none = || Page { bound: vec![table], rows: Zeroizing::default() };
        let page = self.page(table, Near::At(key))?.unwrap_or_else(none);
        let next = self.files.ask(|db| db.get_gt(&page.bound))?.map(|(bound, _)| bound.to_vec());
        let end = vec![table.saturating_add(1)];
        Ok((page, next.filter(|next| *next < end).unwrap_or(end)))
    }

    /// Puts into the batch what becomes of a page, and says by how many rows more.
    pub(super) fn rewrite(
        &self,
        page: &Page,
        changes: &[(&[u8], Option<&[u8]>)],
        sealed: &mut sled::Batch,
    ) -> Result<i64, IndexError> {
        let rows = self.rows(page)?;
        let too_large = || IndexError::TooLarge { bytes: page.rows.len() };
        let changed = page::changed(&rows, changes).ok_or_else(too_large)?;
        if changed.pages.is_empty() {
            sealed.remove(&*page.bound);
        }
        for (n, new) in changed.pages.into_iter().enumerate() {
            let bound = if n == 0 { &page.bound } else { &new.first };
            sealed.insert(&**bound, self.seal(bound, &new.rows)?);
        }
        Ok(i64::try_from(changed.rows).unwrap_or(i64::MAX) - i64::try_from(rows.len()).unwrap_or(i64::MAX))
    }
}
