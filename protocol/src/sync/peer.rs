//! What the machine knows of one connected peer.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{LogId, Seq, SpaceId};

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
    /// Did it say hello?
    pub greeted: bool,
}

/// A log being sent.
#[derive(Debug, Clone, Copy)]
pub struct Stream {
    /// The next position to be sent.
    pub next: Seq,
    /// Is the driver reading a batch of it now?
    pub reading: bool,
}

impl Peer {
    /// The next position that it lacks.
    pub fn has(&self, key: &LogKey) -> Seq {
        self.has.get(key).copied().unwrap_or(Seq(0))
    }
}
