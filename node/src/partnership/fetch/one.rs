//! One attachment that is being fetched: what is here of it, and who is asked for what.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use entente_protocol::chunk;
use entente_protocol::derive;
use entente_protocol::ids::{BlobId, Hash, NodeId};
use entente_protocol::sync::BlobMessage;

use crate::frames::KnownBlob;
use crate::store::Store;

use super::{BEHIND, PART, Progress, Want};

/// What is known of it while it is fetched.
pub(super) struct Fetch {
    pub(super) blob: KnownBlob,
    /// Who is asked for the list of hashes.
    pub(super) list_from: NodeId,
    /// Complete, and this attachment's, once there are as many as chunks.
    pub(super) hashes: Vec<Hash>,
    pub(super) sources: BTreeMap<NodeId, Source>,
    /// Who was asked and does not have it, or stood still.
    pub(super) without: BTreeSet<NodeId>,
    /// The first chunk that was not looked for yet.
    next: u64,
    /// Chunks before it that somebody was asked for in vain.
    again: BTreeSet<u64>,
    /// Chunks that the file had room for when the list was complete: those beyond are not here.
    pub(super) held: u64,
    /// Chunks that are here.
    pub(super) here: u64,
    /// Of these, those that partners sent since this fetch began.
    pub(super) came: u64,
    pub(super) moved: bool,
    /// Looks at which it had not moved.
    pub(super) still: u32,
    /// Chunks before it are being written out, or were here before.
    written: u64,
    /// Was the last look at what is here from before cut short?
    pub(super) cut_short: bool,
}

/// A partner that gives chunks.
#[derive(Default)]
pub(super) struct Source {
    pub(super) asked: BTreeSet<u64>,
    pub(super) moved: bool,
}

impl Fetch {
    /// Nothing of it is known but who is asked for its list.
    pub(super) fn new(blob: KnownBlob, list_from: NodeId) -> Fetch {
        Fetch {
            blob,
            list_from,
            hashes: Vec::new(),
            sources: BTreeMap::new(),
            without: BTreeSet::new(),
            next: 0,
            again: BTreeSet::new(),
            held: 0,
            here: 0,
            came: 0,
            moved: true,
            still: 0,
            written: 0,
            cut_short: false,
        }
    }

    pub(super) fn progress(&self, blob: BlobId) -> Progress {
        Progress {
            blob,
            record: self.blob.record,
            here: self.here,
            came: self.came,
            chunks: chunk::count(self.blob.size),
            sources: self.sources.len(),
        }
    }

    /// Chunks that a partner was asked for and that have not come.
    pub(super) fn asked_of(&self, node: &NodeId) -> usize {
        self.sources.get(node).map_or(0, |source| source.asked.len())
    }

    /// The same, of all partners.
    fn under_way(&self) -> usize {
        self.sources.values().map(|source| source.asked.len()).sum()
    }

    /// Is the list of hashes here, and this attachment's?
    pub(super) fn is_listed(&self) -> bool {
        self.hashes.len() as u64 == chunk::count(self.blob.size)
    }

    /// Could it be asked for, if the way were not full of others?
    pub(super) fn is_starved(&self) -> bool {
        self.is_listed() && !self.sources.is_empty() && self.under_way() == 0
    }

    /// Was somebody asked for something who may still give it?
    pub(super) fn is_owed(&self) -> bool {
        let list = !self.is_listed() && !self.without.contains(&self.list_from);
        list || self.under_way() > 0
    }

    pub(super) fn is_whole(&self) -> bool {
        let asked_for = self.next >= self.hashes.len() as u64 && self.again.is_empty();
        self.is_listed() && asked_for && self.under_way() == 0
    }

    /// The chunks that the disk may begin with, once there are enough: those that were asked for before the last ones.
    pub(super) fn part_came(&mut self) -> Option<Range<u64>> {
        let came = self.next.saturating_sub(self.under_way() as u64 + BEHIND);
        let part = self.written..came;
        if came.saturating_sub(self.written) < PART {
            return None;
        }
        self.written = came;
        Some(part)
    }

    /// A partner is not asked any more; what it was asked for, others are.
    pub(super) fn leave(&mut self, node: NodeId) {
        self.without.insert(node);
        self.lose(&node);
    }

    /// A partner is gone: what it was asked for, others are, or it is when it is back.
    pub(super) fn lose(&mut self, node: &NodeId) {
        self.again.extend(self.sources.remove(node).unwrap_or_default().asked);
    }

    /// Asks a partner for the next chunks that are not here from an earlier attempt.
    pub(super) fn ask(&mut self, store: &Store, node: NodeId, room: usize, looks: &mut usize) -> Vec<Want> {
        let Some(mut source) = self.sources.remove(&node) else { return Vec::new() };
        let mut wants = Vec::new();
        while wants.len() < room {
            let Some(index) = self.next_missing(store, looks) else { break };
            source.asked.insert(index);
            wants.push(Want::Send(node, BlobMessage::WantChunk(self.blob.blob, index)));
        }
        self.sources.insert(node, source);
        self.cut_short = *looks == 0;
        wants
    }

    /// The next chunk that is not here and that nobody is asked for. Others are read and hashed on the way.
    fn next_missing(&mut self, store: &Store, looks: &mut usize) -> Option<u64> {
        if let Some(index) = self.again.pop_first() {
            return Some(index);
        }
        while *looks > 0 && self.next < self.hashes.len() as u64 {
            *looks -= 1;
            let index = self.next;
            self.next += 1;
            if index >= self.held {
                return Some(index);
            }
            let len = chunk::sealed_len(self.blob.size, index);
            let here = store.blobs.get_chunk(&self.blob.blob.0, index, len).ok();
            let right = usize::try_from(index).ok().and_then(|i| self.hashes.get(i));
            if here.is_some_and(|bytes| right == Some(&derive::chunk_hash(index, &bytes))) {
                self.here += 1;
                self.moved = true;
            } else {
                return Some(index);
            }
        }
        None
    }
}
