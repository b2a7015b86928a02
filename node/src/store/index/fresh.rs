//! What was applied and is not in sled yet. Each change of sled costs as much for one record as for a hundred, and wakes
//! threads of its own: so rows are seen as soon as they are applied, and are written out together a little later. What a
//! kill loses of them is applied again from the journal.

use std::ops::Bound;
use std::sync::Arc;

use super::applied::Applied;
use crate::store::batch::{Change, Changes};
use crate::store::frame::Position;

/// Changes, and bytes of them, at which whoever applies more writes out first: twice that is held at most, and one batch.
const FULL: (usize, usize) = (1 << 14, 4 << 20);

/// What an index holds.
pub(super) struct Held {
    /// Everything before this position of the journal has been applied.
    pub(super) cursor: Position,
    /// What sled has.
    pub(super) written: Arc<Applied>,
    /// What was applied since.
    pub(super) fresh: Changes,
    /// What is being written out: older than `fresh`.
    pub(super) leaving: Option<Arc<Changes>>,
}

impl Held {
    pub(super) fn of(written: Applied) -> Held {
        Held { cursor: written.cursor, written: Arc::new(written), fresh: Changes::default(), leaving: None }
    }

    pub(super) fn is_full(&self) -> bool {
        self.fresh.rows.len() >= FULL.0 || self.fresh.bytes >= FULL.1
    }

    /// The newest first.
    fn all(&self) -> impl DoubleEndedIterator<Item = &Changes> {
        [Some(&self.fresh), self.leaving.as_deref()].into_iter().flatten()
    }

    /// What became of a row that is not in sled as it is now.
    pub(super) fn change(&self, key: &[u8]) -> Option<&Change> {
        self.all().find_map(|fresh| fresh.rows.get(key))
    }

    /// What became of rows from a key (included) to a key (excluded), where a later change comes later.
    pub(super) fn changes<'a>(
        &'a self,
        from: &'a [u8],
        to: &'a [u8],
    ) -> impl Iterator<Item = (&'a Vec<u8>, &'a Change)> {
        let span = (Bound::Included(from), Bound::Excluded(to));
        self.all().rev().filter(move |_| from < to).flat_map(move |fresh| fresh.rows.range::<[u8], _>(span))
    }

    /// How many there are, and whether sled has to be asked to know it.
    pub(super) fn tally(&self, tally: u8) -> (u64, bool) {
        let by = self.all().filter_map(|fresh| fresh.tallies.get(&tally)).sum();
        let unwritten = self.changes(&[tally], &[tally.saturating_add(1)]).next().is_some();
        (self.written.tally(tally).saturating_add_signed(by), unwritten)
    }

    /// Takes what is to be written out, with the cursor after it, and what sled has; nothing if that is all.
    pub(super) fn leave(&mut self) -> Option<(Arc<Changes>, Position, Arc<Applied>)> {
        if self.fresh.rows.is_empty() && self.fresh.tallies.is_empty() && self.cursor == self.written.cursor {
            return None;
        }
        let leaving = Arc::new(std::mem::take(&mut self.fresh));
        self.leaving = Some(leaving.clone());
        Some((leaving, self.cursor, self.written.clone()))
    }

    /// What could not be written out is older than what came since.
    pub(super) fn come_back(&mut self, left: Arc<Changes>) {
        let Some(left) = Arc::into_inner(left) else { return };
        let newer = std::mem::replace(&mut self.fresh, left);
        self.fresh.add(newer);
    }
}
