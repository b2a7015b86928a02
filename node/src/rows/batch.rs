//! Changes to the index, in the words of its tables, which those that come after in the same step can see.

use std::collections::{BTreeMap, BTreeSet};

use entente_protocol::codec::Wire;
use minicbor::{Decode, Encode};

use crate::store::{Index, IndexError, Position};

use super::{Table, decode, position};

/// Counts the drafts that were shared: each has a row in `Shared` for each partnership.
pub(super) const SHARED_DRAFTS: u8 = 0;
/// The bytes that the keys of one draft begin with there.
const DRAFT: usize = 16;

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
        for draft in self.drafts_shared() {
            let before = batch.index().has(Table::Shared as u8, draft);
            let after = self.is_shared(batch.index(), draft);
            batch.tally(SHARED_DRAFTS, i64::from(after) - i64::from(before));
        }
        for ((table, key), value) in self.0 {
            match value {
                Some(value) => batch.put(table, &key, &value)?,
                None => batch.delete(table, &key)?,
            }
        }
        Ok(())
    }

    /// What the keys of the drafts begin with of which this changes where they were shared, each once.
    fn drafts_shared(&self) -> BTreeSet<&[u8]> {
        let shared = self.0.range((Table::Shared as u8, Vec::new())..).map(|((table, key), _)| (*table, key));
        shared
            .take_while(|(table, _)| *table == Table::Shared as u8)
            .map(|(_, key)| key.get(..DRAFT).unwrap_or(key))
            .collect()
    }

    /// Is a draft shared anywhere once this batch is applied?
    fn is_shared(&self, index: &Index, draft: &[u8]) -> bool {
        self.written(Table::Shared, draft).next().is_some()
            || super::keys(index, Table::Shared as u8, draft).any(|key| !self.deletes(Table::Shared, &key))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use zeroize::Zeroizing;

    use super::*;
    use crate::rows;
    use crate::store::StoreKey;

    fn change() -> impl Strategy<Value = (u8, u8, u8, bool)> {
        let table = prop::sample::select(vec![Table::Order as u8, Table::Shared as u8, Table::Has as u8]);
        (table, 0u8..4, 0u8..3, any::<bool>())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn the_index_counts_what_a_walk_through_it_counts_and_still_does_when_opened_again(
            batches in prop::collection::vec(prop::collection::vec(change(), 0..8), 1..6),
        ) {
            let home = tempfile::tempdir().unwrap();
            let open = || Index::open(home.path(), &StoreKey::from_bytes(Zeroizing::new([3; 32]))).unwrap().0;
            let index = open();
            for changes in batches {
                let mut batch = Batch::default();
                for (table, draft, record, puts) in changes {
                    let len = if table == Table::Order as u8 { 12 } else { 16 };
                    let key = [vec![draft; len], vec![record; if len == 12 { 0 } else { 16 }]].concat();
                    if puts { batch.put(table, &key, b"row") } else { batch.delete(table, &key) }
                }
                let mut changes = index.batch();
                batch.write_into(&mut changes).unwrap();
                index.apply(changes, index.cursor()).unwrap();
            }
            let walked = |index: &Index| {
                let drafts: BTreeSet<_> =
                    rows::keys(index, Table::Shared as u8, &[]).map(|key| key[..16].to_vec()).collect();
                let has = rows::keys(index, Table::Has as u8, &[]).count() as u64;
                [rows::keys(index, Table::Order as u8, &[]).count() as u64, drafts.len() as u64, has]
            };
            let counted = |index: &Index| {
                [rows::count(index, Table::Order), rows::drafts_shared(index), rows::count(index, Table::Has)]
            };
            prop_assert_eq!(counted(&index), walked(&index));
            index.close().unwrap();
            let again = open();
            prop_assert_eq!(counted(&again), walked(&again));
        }
    }
}
