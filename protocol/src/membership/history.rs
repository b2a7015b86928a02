//! What a member may be given of the time before it could read: records of the space of all members whose
//! epochs were not made for it. What is for named readers is never given later.
//!
//! ```text
//!  agreement: none │ since a day │ all   ┐
//!  grants to it:   from a time │ all     ├─▶ the earliest time wins ──▶ whole epochs made since, entries since
//!  grants to it:   single entries        ┴──────────────────────────▶ exactly these entries
//! ```

use std::collections::BTreeSet;

use super::Membership;
use super::acts::HistoryScope;
use crate::agreement::Newcomers;
use crate::ids::{LogId, OrgId, Seq, Timestamp};

/// What one member may be given of what is older than its keys; [`Membership::history_for`] makes it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct History {
    since: Option<Timestamp>,
    entries: BTreeSet<(LogId, Seq)>,
}

impl Membership {
    /// What a member may be given of the past. Nothing, where it may be given no key now (its declaration, the
    /// version that it signed), while the partnership is suspended, and once it or its agreement ended.
    /// `now` is the asking node's clock.
    #[must_use]
    pub fn history_for(&self, org: &OrgId, now: Timestamp) -> History {
        let stopped = self.terminated.is_some() || !self.suspensions.is_empty();
        if stopped || !self.agreement.holds_at(now) || self.may_read(org, now).is_err() {
            return History::default();
        }
        let mut history = History::default();
        match self.agreement.history() {
            Newcomers::None => {}
            Newcomers::All => history.reach_back_to(Timestamp(0)),
            Newcomers::Since(day) => history.reach_back_to(day.begins()),
        }
        for grant in self.grants.values().filter(|grant| grant.org == *org) {
            match &grant.scope {
                HistoryScope::All => history.reach_back_to(Timestamp(0)),
                HistoryScope::From(time) => history.reach_back_to(*time),
                HistoryScope::Records(places) => history.entries.extend(places.iter().copied()),
            }
        }
        history
    }
}

impl History {
    fn reach_back_to(&mut self, time: Timestamp) {
        self.since = Some(self.since.map_or(time, |since| since.min(time)));
    }

    /// Is there nothing to be given?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.since.is_none() && self.entries.is_empty()
    }

    /// May it have the key of an epoch, and with it all that was sealed under it? `created` is what the epoch's
    /// header says, by its minter's clock. An older epoch may hold entries that are not to be given.
    #[must_use]
    pub fn opens_epoch(&self, created: Timestamp) -> bool {
        self.since.is_some_and(|since| created >= since)
    }

    /// May it read one entry, whatever epoch that is sealed under? `time` is what the entry says, by its
    /// author's clock.
    #[must_use]
    pub fn opens_entry(&self, log: &LogId, seq: Seq, time: Timestamp) -> bool {
        self.since.is_some_and(|since| time >= since) || self.names_entry(log, seq)
    }

    /// The entries that were granted by their places.
    pub fn entries(&self) -> impl Iterator<Item = (LogId, Seq)> {
        self.entries.iter().copied()
    }

    /// Was this entry granted by its place?
    #[must_use]
    pub fn names_entry(&self, log: &LogId, seq: Seq) -> bool {
        self.entries.contains(&(*log, seq))
    }
}
