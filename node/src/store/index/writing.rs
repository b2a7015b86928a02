//! Writing out what was applied: into pages, with the cursor and the tallies, as one change of sled.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use super::applied::Applied;
use super::paging::{Near, Page};
use super::{CURSOR_KEY, Index, IndexError, Zeroizing, page, table_of};
use crate::store::batch::Changes;
use crate::store::frame::Position;

impl Index {
    /// Writes out what was applied so far. Rows are seen all the time, wherever they are.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] if the database fails; the index takes no more then.
    pub fn write_out(&self) -> Result<(), IndexError> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((leaving, cursor, written)) = self.held_mut().leave() else { return Ok(()) };
        let now = self.write_pages(&written, &leaving, cursor);
        let mut held = self.held_mut();
        held.leaving = None;
        match now {
            Ok(now) => {
                held.written = Arc::new(now);
                Ok(())
            }
            Err(error) => {
                held.come_back(leaving);
                Err(error)
            }
        }
    }

    /// Puts into sled what came after what it has.
    pub(super) fn write_pages(
        &self,
        written: &Applied,
        fresh: &Changes,
        cursor: Position,
    ) -> Result<Applied, IndexError> {
        let mut sealed = sled::Batch::default();
        let mut tallies: BTreeMap<u8, i64> = fresh.tallies.clone();
        let mut changes = fresh.rows.iter().peekable();
        while let Some((key, _)) = changes.peek() {
            let (page, end) = self.place(written, key)?;
            let here = std::iter::from_fn(|| changes.next_if(|(key, _)| **key < end));
            let here: Vec<_> =
                here.map(|(key, value)| (&**key, value.as_deref().map(Vec::as_slice))).collect();
            *tallies.entry(table_of(&page.bound)).or_default() += self.rewrite(&page, &here, &mut sealed)?;
        }
        let now = written.then(cursor, tallies);
        sealed.insert(&CURSOR_KEY, self.seal(&CURSOR_KEY, &now.to_bytes())?);
        self.files.ask(|db| db.apply_batch(sealed))?;
        Ok(now)
    }

    /// The page where a key has its place, empty if there is none yet, and where it ends: at the next page, or with
    /// the table.
    fn place(&self, written: &Applied, key: &[u8]) -> Result<(Page, Vec<u8>), IndexError> {
        let table = table_of(key);
        let none = || Page { bound: vec![table], rows: Zeroizing::default() };
        let page = self.page(written, table, Near::At(key))?.unwrap_or_else(none);
        let end = self.next_bound(&page.bound)?;
        Ok((page, end))
    }

    /// Puts into the batch what becomes of a page, and says by how many rows more.
    fn rewrite(
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
