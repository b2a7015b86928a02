//! What was counted: messages and bytes by kind, and a hash of all that happened, in order.

use std::collections::BTreeMap;

use entente_protocol::sync::Message;

/// The figures of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Messages and bytes by kind.
    pub sent: BTreeMap<&'static str, (u64, u64)>,
    /// Messages by kind in the last ten minutes of a run that did not fall silent.
    pub last: BTreeMap<&'static str, u64>,
    /// Records published.
    pub records: u64,
    /// Changes of membership made.
    pub deeds: u64,
    /// Sessions begun.
    pub sessions: u64,
    /// Crashes.
    pub crashes: u64,
    /// Partitions.
    pub partitions: u64,
    /// Events handled.
    pub events: u64,
    /// Members at the end.
    pub members: usize,
    /// Epochs minted.
    pub epochs: usize,
    /// Epochs of all members that were minted, but for the first, which members have from the beginning.
    pub rotations: usize,
    /// Folds made, and found made.
    pub folds: (u64, u64),
    /// Virtual seconds from the end of faults until nothing was said any more.
    pub settled_after: u64,
    /// Over all that happened.
    pub trace: u64,
}

impl Report {
    /// Something happened.
    pub fn trace(&mut self, parts: &[u64]) {
        for part in parts {
            // FNV-1a, over words.
            self.trace = (self.trace ^ part).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(5);
        }
    }

    /// A message was sent.
    pub fn count(&mut self, kind: &'static str, bytes: usize) {
        let counted = self.sent.entry(kind).or_default();
        counted.0 += 1;
        counted.1 += bytes as u64;
    }

    /// Messages and bytes in all.
    #[must_use]
    pub fn total(&self) -> (u64, u64) {
        self.sent.values().fold((0, 0), |(n, bytes), (m, more)| (n + m, bytes + more))
    }

    /// Bytes that pass an epoch on, for each node that is to have it and each epoch of all members that was minted
    /// while the run went on (W9): slots, and the word of who has it. The word that nodes give each other whenever
    /// they meet is counted in.
    #[must_use]
    pub fn per_epoch_and_node(&self) -> f64 {
        let passed_on = ["epoch", "have-epoch"].iter().filter_map(|kind| self.sent.get(kind));
        let bytes: u64 = passed_on.map(|(_, bytes)| bytes).sum();
        bytes as f64 / (self.rotations.max(1) * self.members.max(1)) as f64
    }

    /// Messages and bytes for each record and node (W10).
    #[must_use]
    pub fn per_record_and_node(&self) -> (f64, f64) {
        let (messages, bytes) = self.total();
        let share = (self.records.max(1) * self.members.max(1) as u64) as f64;
        (messages as f64 / share, bytes as f64 / share)
    }
}

/// What a message is called in the figures.
#[must_use]
pub fn kind(message: &Message) -> &'static str {
    match message {
        Message::Hello(_) => "hello",
        Message::Frontier(_) => "frontier",
        Message::Heads(_) => "heads",
        Message::WantActs(_) => "want-acts",
        Message::Acts(_) => "acts",
        Message::WantLog(..) => "want-log",
        Message::Batch(_) => "batch",
        Message::WantEpoch(..) => "want-epoch",
        Message::Epoch(..) => "epoch",
        Message::HaveEpoch(_) => "have-epoch",
        Message::Parley(_) | Message::Heard(_) => "parley",
        _ => "other",
    }
}
