//! What the machine knows of one connected peer.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{EpochId, Hash, LogId, Seq, SpaceId};

/// A log in a space.
pub type LogKey = (SpaceId, LogId);

/// One connected peer. Dropped on disconnection: what matters is told again on connecting.
#[derive(Default, Debug)]
pub struct Peer {
    /// The next position that it lacks, by its own word.
    pub has: BTreeMap<LogKey, Seq>,
    /// What we last told it of ours.
    pub told: BTreeMap<LogKey, Seq>,
    /// Circle logs whose owner we told it.
    pub introduced: BTreeSet<LogKey>,
    /// Logs that we are sending it.
    pub streams: BTreeMap<LogKey, Stream>,
    /// Logs of which it sent what we did not accept, and the ticks until it is asked again: the fault may
    /// have been ours (a full disk, say).
    pub shunned: BTreeMap<LogKey, u32>,
    /// How far it holds each log and what its copy hashes to, by its own word.
    pub claims: BTreeMap<LogKey, (Seq, Hash)>,
    /// Claims that were not compared with our copies yet.
    pub doubts: BTreeSet<LogKey>,
    /// Logs whose copy there differs from ours, and the position of which a proof was asked for.
    pub asked_proof: BTreeMap<LogKey, Seq>,
    /// Logs with two versions of which it told us, or we told it.
    pub knows_forks: BTreeSet<LogKey>,
    /// Epochs that it asked for and that may not have been here.
    pub asked_in_vain: BTreeMap<EpochId, SpaceId>,
    /// The epoch of all members that it has, by its own word or because we gave it.
    pub holds: Option<EpochId>,
    /// The epoch that we asked it for since it has it, and the ticks until another is asked.
    pub asked_epoch: Option<(EpochId, u32)>,
    /// Own logs of ours that it claims to hold more of.
    pub more_of_ours: BTreeMap<LogKey, MoreOfOurs>,
    /// Did it say hello?
    pub greeted: bool,
    /// Did it tell how far it holds the logs?
    pub told_frontier: bool,
}

/// A claim to hold more of our own log than we do.
#[derive(Debug, Clone, Copy)]
pub struct MoreOfOurs {
    /// How far we held it when it last moved.
    pub at: Seq,
    /// Ticks since then.
    pub quiet: u32,
}

/// Ticks for which a peer is not asked for a log of which it sent what we did not accept.
const SHUNNED: u32 = 40;

/// A log being sent.
#[derive(Debug, Clone, Copy)]
pub struct Stream {
    /// The next position to be sent.
    pub next: Seq,
    /// Is the driver reading a batch of it now?
    pub reading: bool,
    /// Asked for from here while a batch was being read: goes on from here after that.
    pub again: Option<Seq>,
}

impl Stream {
    /// From a position on.
    pub fn from(next: Seq) -> Stream {
        Stream { next, reading: false, again: None }
    }
}

impl Peer {
    /// The next position that it lacks.
    pub fn has(&self, key: &LogKey) -> Seq {
        self.has.get(key).copied().unwrap_or(Seq(0))
    }

    /// Is it news to it that we hold a log up to here? Of empty logs only a full account tells.
    pub fn is_news(&self, key: &LogKey, stored: Seq, all: bool) -> bool {
        let told = self.told.get(key);
        told.is_none_or(|told| *told != stored) && (all || told.is_some() || stored.0 > 0)
    }

    /// It sent what we did not accept.
    pub fn shun(&mut self, key: LogKey) {
        self.shunned.insert(key, SHUNNED);
    }

    /// A tick passed.
    pub fn forgive(&mut self) {
        self.shunned.retain(|_, ticks| {
            *ticks = ticks.saturating_sub(1);
            *ticks > 0
        });
    }

    /// Does it hold more of a log than this, and may it be asked?
    pub fn offers(&self, key: &LogKey, beyond: Seq) -> bool {
        self.has(key) > beyond && !self.shunned.contains_key(key)
    }
}
