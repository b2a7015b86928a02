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
    waiting: Mutex<Waiting>,
    told: Notify,
}

#[derive(Default)]
struct Waiting {
    positions: BTreeSet<Position>,
    /// When one came last.
    last: Option<Instant>,
}

impl Touched {
    /// These are to be looked at.
    pub fn add(&self, positions: impl IntoIterator<Item = Position>) {
        let mut waiting = self.waiting();
        let before = waiting.positions.len();
        waiting.positions.extend(positions);
        if waiting.positions.len() > before {
            waiting.last = Some(Instant::now());
            self.0.told.notify_one();
        }
    }

    /// The newest that wait, at most so many.
    #[must_use]
    pub fn take(&self, most: usize) -> Vec<Position> {
        let mut waiting = self.waiting();
        std::iter::from_fn(|| waiting.positions.pop_last()).take(most).collect()
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting().positions.len()
    }

    /// Does none wait?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting().positions.is_empty()
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

    /// Did none come for so long?
    #[must_use]
    pub fn is_quiet(&self, quiet: Duration) -> bool {
        self.waiting().last.is_none_or(|last| last.elapsed() >= quiet)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
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

    #[tokio::test]
    async fn it_is_quiet_unless_one_came_within_so_long() {
        let (touched, long) = (Touched::default(), Duration::from_secs(600));
        assert!(touched.is_quiet(long));
        touched.add([Position { segment: 1, offset: 1 }]);
        assert!(!touched.is_quiet(long) && touched.is_quiet(Duration::ZERO));
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
