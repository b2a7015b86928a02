//! Which records came, went or changed since the index of search looked.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::store::Position;

/// Positions in the journal whose records are to be looked at again. At most one for each record of the journal, where
/// it takes a hundred times as much.
#[derive(Clone, Default)]
pub struct Touched(Arc<Inner>);

#[derive(Default)]
struct Inner {
    waiting: Mutex<BTreeSet<Position>>,
    told: Notify,
}

impl Touched {
    /// These are to be looked at.
    pub fn add(&self, positions: impl IntoIterator<Item = Position>) {
        let mut waiting = self.waiting();
        let before = waiting.len();
        waiting.extend(positions);
        if waiting.len() > before {
            self.0.told.notify_one();
        }
    }

    /// The newest that wait, at most so many.
    #[must_use]
    pub fn take(&self, most: usize) -> Vec<Position> {
        let mut waiting = self.waiting();
        std::iter::from_fn(|| waiting.pop_last()).take(most).collect()
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting().len()
    }

    /// Does none wait?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting().is_empty()
    }

    /// Waits until one waits.
    pub async fn some(&self) {
        while self.is_empty() {
            self.0.told.notified().await;
        }
    }

    /// Waits until none came for so long, or for so long at most.
    pub async fn quiet(&self, quiet: Duration, most: Duration) {
        let latest = Instant::now() + most;
        loop {
            let until = latest.min(Instant::now() + quiet);
            let came = tokio::time::timeout_at(until, self.0.told.notified()).await;
            if came.is_err() || Instant::now() >= latest {
                return;
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeSet<Position>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_indexing_waits_for_quiet_and_not_for_ever() {
        let (touched, began) = (Touched::default(), Instant::now());
        let (short, long) = (Duration::from_millis(20), Duration::from_secs(600));
        touched.quiet(short, long).await;
        touched.quiet(long, short).await;
        touched.add([Position { segment: 1, offset: 1 }]);
        touched.quiet(long, short).await;
        assert!(began.elapsed() >= short * 3 && began.elapsed() < long);
    }

    #[test]
    fn the_newest_are_taken_first_and_each_once() {
        let touched = Touched::default();
        let at = |offset| Position { segment: 1, offset };
        touched.add([at(2), at(1), at(3), at(2)]);
        assert_eq!(touched.take(2), [at(3), at(2)]);
        assert_eq!((touched.len(), touched.take(2)), (1, vec![at(1)]));
    }
}
