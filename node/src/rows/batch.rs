//! Changes to the index, in the words of its tables, which those that come after in the same step can see.

use std::collections::BTreeMap;

use entente_protocol::codec::Wire;
use minicbor::{Decode, Encode};

use crate::store::{Index, IndexError, Position};

use super::{Table, decode, position};

/// Changes to the index that belong together: by table and key, to a value or to none. Of a key the last counts.
#[derive(Default)]
pub struct Batch(BTreeMap<(u8, Vec<u8>), Option<Vec<u8>>>);

impl Batch {
    /// Writes a value.
    pub fn put(&mut self, table: u8, key: &[u8], value: &[u8]) {
        self.0.insert((table, key.to_vec()), Some(value.to_vec()));
    }

    /// Deletes a key.
    pub fn delete(&mut self, table: u8, key: &[u8]) {
        self.0.insert((table, key.to_vec()), None);
    }

    /// A row as it will be once this batch is applied.
    #[must_use]
    pub fn row<T>(&self, index: &Index, table: Table, key: &[u8]) -> Option<T>
    where
        T: Wire + Encode<()> + for<'b> Decode<'b, ()>,
    {
        match self.change(table as u8, key) {
            Some(changed) => decode(changed.as_deref()?),
            None => index.get(table as u8, key).ok().flatten().and_then(|bytes| decode(&bytes)),
        }
    }

    /// The keys that begin so and that this batch writes, with what it writes there.
    pub fn written<'a>(
        &'a self,
        table: Table,
        prefix: &'a [u8],
    ) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let of = self.0.range((table as u8, prefix.to_vec())..);
        of.take_while(move |((at, key), _)| *at == table as u8 && key.starts_with(prefix))
            .filter_map(|((_, key), value)| Some((key.as_slice(), value.as_deref()?)))
    }

    /// Is a key gone once this batch is applied?
    #[must_use]
    pub fn deletes(&self, table: Table, key: &[u8]) -> bool {
        self.change(table as u8, key).is_some_and(Option::is_none)
    }

    /// What a key will hold, if this batch changes it.
    pub(super) fn pending(&self, table: u8, key: &[u8]) -> Option<&[u8]> {
        self.change(table, key).and_then(Option::as_deref)
    }

    fn change(&self, table: u8, key: &[u8]) -> Option<&Option<Vec<u8>>> {
        self.0.get(&(table, key.to_vec()))
    }

    /// Where the records lie that come, go, or are drafts no more, for search.
    #[must_use]
    pub fn touched(&self, index: &Index) -> Vec<Position> {
        let changed = |(table, key): &(u8, Vec<u8>)| match *table {
            table if table == Table::Order as u8 => position(key),
            // The key of what a draft was shared as begins with the draft's own.
            table if table == Table::Shared as u8 => {
                let draft = index.get(Table::Draft as u8, key.get(..16)?).ok()??;
                position(&draft)
            }
            _ => None,
        };
        self.0.keys().filter_map(changed).collect()
    }

    /// Is there nothing to be changed?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Moves the changes into a batch of the store.
    ///
    /// # Errors
    /// [`IndexError`] where a value is too large.
    pub fn write_into(self, batch: &mut crate::store::Batch<'_>) -> Result<(), IndexError> {
        for ((table, key), value) in self.0 {
            match value {
                Some(value) => batch.put(table, &key, &value)?,
                None => batch.delete(table, &key)?,
            }
        }
        Ok(())
    }
}
