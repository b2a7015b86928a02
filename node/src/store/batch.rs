//! Changes to the index that take effect together.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::index::{Index, IndexError, MAX_VALUE, full_key};

/// The most changes in one batch: it is held in memory until it is written out, and sled holds it again.
pub const MAX_BATCH_CHANGES: usize = 1 << 16;
/// The most bytes of keys and values in one batch.
pub const MAX_BATCH_BYTES: usize = 32 << 20;

/// What a key is to hold; `None` removes it.
pub(crate) type Change = Option<Zeroizing<Vec<u8>>>;

/// Changes that were not written out yet.
#[derive(Default)]
pub(crate) struct Changes {
    /// Full keys and their new values.
    pub(crate) rows: BTreeMap<Vec<u8>, Change>,
    /// By how much callers' tallies change.
    pub(crate) tallies: BTreeMap<u8, i64>,
    /// Of keys and values; what was replaced counts on: it is only a bound.
    pub(crate) bytes: usize,
}

impl Changes {
    /// Adds changes that come after these.
    pub(crate) fn add(&mut self, newer: Changes) {
        self.bytes += newer.bytes;
        self.rows.extend(newer.rows);
        for (tally, by) in newer.tallies {
            *self.tallies.entry(tally).or_default() += by;
        }
    }
}

/// Changes that are applied together, by [`Index::apply`].
pub struct Batch<'a> {
    index: &'a Index,
    changes: Changes,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(index: &'a Index) -> Self {
        Self { index, changes: Changes::default() }
    }

    /// The changes alone.
    pub(crate) fn into_changes(self) -> Changes {
        self.changes
    }

    /// The index that it will change.
    pub(crate) fn index(&self) -> &'a Index {
        self.index
    }

    /// Changes what a tally counts that has the number of no table; [`Index::tally`] says it once this batch is applied.
    pub fn tally(&mut self, tally: u8, by: i64) {
        *self.changes.tallies.entry(tally).or_default() += by;
    }

    /// Sets the value of a key.
    ///
    /// # Errors
    /// [`IndexError::TooLarge`] if the key, the value or the batch is over its bound.
    pub fn put(&mut self, table: u8, key: &[u8], value: &[u8]) -> Result<(), IndexError> {
        if value.len() > MAX_VALUE {
            return Err(IndexError::TooLarge { bytes: value.len() });
        }
        self.change(full_key(table, key)?, Some(Zeroizing::new(value.to_vec())))
    }

    /// Removes a key.
    ///
    /// # Errors
    /// [`IndexError::TooLarge`] if the key or the batch is over its bound.
    pub fn delete(&mut self, table: u8, key: &[u8]) -> Result<(), IndexError> {
        self.change(full_key(table, key)?, None)
    }

    /// The value that a key will have once this batch is applied.
    ///
    /// # Errors
    /// As [`Index::get`].
    pub fn get(&self, table: u8, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, IndexError> {
        let full = full_key(table, key)?;
        match self.changes.rows.get(&full) {
            Some(change) => Ok(change.clone()),
            None => self.index.get_full(&full),
        }
    }

    /// Bytes of the changes so far.
    pub fn bytes(&self) -> usize {
        self.changes.bytes
    }

    /// The number of keys changed so far.
    pub fn len(&self) -> usize {
        self.changes.rows.len()
    }

    /// Whether nothing was changed so far.
    pub fn is_empty(&self) -> bool {
        self.changes.rows.is_empty()
    }

    fn change(&mut self, key: Vec<u8>, value: Change) -> Result<(), IndexError> {
        let bytes = self.changes.bytes + key.len() + value.as_ref().map_or(0, |value| value.len());
        if bytes > MAX_BATCH_BYTES || self.changes.rows.len() >= MAX_BATCH_CHANGES {
            return Err(IndexError::TooLarge { bytes });
        }
        self.changes.bytes = bytes;
        self.changes.rows.insert(key, value);
        Ok(())
    }
}
