//! Fetching attachments: hashes first, then chunks from all who have them, each checked as it comes; goes on
//! where it stopped, whoever gave the first part.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::time::Instant;

use entente_protocol::chunk;
use entente_protocol::derive;
use entente_protocol::ids::{BlobId, Hash, NodeId, RecordId};
use entente_protocol::sync::BlobMessage;

use crate::frames::KnownBlob;
use crate::store::Store;
use crate::store::blobs::CHUNK_STRIDE;

use super::pacing::Pace;

use one::{Fetch, Source};

mod one;

/// Attachments that are fetched at one time.
const ACTIVE: usize = 4;
/// Chunks of one attachment asked of one partner and not yet there, however good the way: 2 MiB.
const AHEAD: usize = 32;
/// Looks (10 s apart) at which the only partner that gives an attachment may have stood still: a chunk alone takes
/// 8 s at 64 kbit/s, and asking anew would only send it twice.
const STILL: u32 = 6;
/// Chunks looked for on the disk in one go, 8 MiB: the driver has other things to do between two.
const LOOKS: usize = 128;
/// Chunks after which the disk begins to write what came, 16 MiB: at the end little is left to wait for.
const PART: u64 = 256;
/// Chunks behind which it stays, 4 MiB: what is being written out cannot be written to, and a write there waits for all of it.
const BEHIND: u64 = 64;
/// Completed attachments of which it is known how they came.
const FINISHED: usize = 64;
/// Attachments that may wait; the others are found again at the next start.
const QUEUE: usize = 100_000;

/// All fetching of one partnership.
#[derive(Default)]
pub struct Fetcher {
    waiting: VecDeque<KnownBlob>,
    /// By partner, how fast chunks come.
    paces: BTreeMap<NodeId, Pace>,
    active: BTreeMap<BlobId, Fetch>,
    /// All of these is here and is being made durable, which can take seconds for a long file.
    syncing: BTreeMap<BlobId, Fetch>,
    /// The last that were completed, oldest first.
    finished: VecDeque<Progress>,
}

/// How far a fetch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The attachment.
    pub blob: BlobId,
    /// The record that it belongs to.
    pub record: Option<RecordId>,
    /// Chunks that are here.
    pub here: u64,
    /// Of these, those that partners sent since this node started or the fetch was begun anew.
    pub came: u64,
    /// All its chunks.
    pub chunks: u64,
    /// Partners that are asked now.
    pub sources: usize,
}

/// What fetching wants done.
#[derive(Debug)]
pub enum Want {
    /// Send this.
    Send(NodeId, BlobMessage),
    /// All of it is here, and hashes to this: make it durable, and say so with [`Fetcher::synced`].
    Sync(BlobId, Vec<Hash>),
    /// These chunks came, most of them: the disk may begin with them while more comes.
    WriteOut(BlobId, Range<u64>),
}

impl Fetcher {
    /// Notes an attachment that is not here.
    pub fn want(&mut self, blob: KnownBlob) {
        if self.waiting.len() < QUEUE && !self.is_begun(&blob.blob) {
            self.waiting.push_back(blob);
        }
    }

    /// Somebody waits for this one: it goes before the others.
    pub fn want_now(&mut self, blob: KnownBlob) {
        if !self.is_begun(&blob.blob) {
            self.waiting.retain(|waiting| waiting.blob != blob.blob);
            self.waiting.push_front(blob);
        }
    }

    fn is_begun(&self, id: &BlobId) -> bool {
        self.active.contains_key(id) || self.syncing.contains_key(id)
    }

    /// How far each is that is fetched now.
    pub fn progress(&self) -> impl Iterator<Item = Progress> {
        self.active.iter().chain(&self.syncing).map(|(blob, fetch)| fetch.progress(*blob))
    }

    /// How one went that was completed lately.
    pub fn finished(&self, id: &BlobId) -> Option<Progress> {
        self.finished.iter().rev().find(|progress| progress.blob == *id).copied()
    }

    /// Passes over partners that stood still since this was last asked, and puts back what nobody gives.
    pub fn put_back_stalled(&mut self) {
        for fetch in self.active.values_mut() {
            let alone = fetch.sources.len() == 1;
            let still = |source: &Source| !alone && !source.moved && !source.asked.is_empty();
            let stuck: Vec<NodeId> =
                fetch.sources.iter().filter(|(_, s)| still(s)).map(|(n, _)| *n).collect();
            for node in &stuck {
                fetch.leave(*node);
            }
            // The others are asked for what it held back.
            fetch.moved |= !stuck.is_empty() && !fetch.sources.is_empty();
            for source in fetch.sources.values_mut() {
                source.moved = false;
            }
        }
        for fetch in self.active.values_mut() {
            fetch.still = if fetch.moved || fetch.is_starved() { 0 } else { fetch.still + 1 };
        }
        let stuck = |fetch: &Fetch| fetch.still >= if fetch.is_owed() { STILL } else { 1 };
        let stuck: Vec<BlobId> = self.active.iter().filter(|(_, f)| stuck(f)).map(|(id, _)| *id).collect();
        for id in stuck {
            if let Some(fetch) = self.active.remove(&id) {
                self.waiting.push_back(fetch.blob);
            }
        }
        for fetch in self.active.values_mut() {
            fetch.moved = false;
        }
    }

    /// A partner is gone.
    pub fn gone(&mut self, node: &NodeId) {
        self.paces.remove(node);
        let mut without_list = Vec::new();
        for (id, fetch) in &mut self.active {
            fetch.lose(node);
            if !fetch.is_listed() && fetch.list_from == *node {
                without_list.push(*id);
            }
        }
        for id in without_list {
            self.waiting.extend(self.active.remove(&id).map(|fetch| fetch.blob));
        }
    }

    /// Chunks that a partner was asked for and that have not come, of all attachments.
    fn under_way(&self, node: &NodeId) -> usize {
        self.active.values().map(|fetch| fetch.asked_of(node)).sum()
    }

    /// How many chunks more of an attachment a partner may be asked for, that the way from it stays free for other things.
    /// Few more are none yet, while others are under way: a message for each chunk costs more than the chunk does.
    fn room(&self, id: &BlobId, node: &NodeId) -> usize {
        let window = self.paces.get(node).copied().unwrap_or_default().window();
        let of_this = self.active.get(id).map_or(0, |fetch| fetch.asked_of(node));
        let room = window.saturating_sub(self.under_way(node)).min(AHEAD.saturating_sub(of_this));
        if of_this > 0 && room < window.min(AHEAD) / 4 { 0 } else { room }
    }

    /// Asks a partner for chunks of an attachment, as many as there is room for.
    fn ask(&mut self, store: &Store, id: BlobId, node: NodeId, looks: &mut usize) -> Vec<Want> {
        let room = self.room(&id, &node);
        let idle = self.under_way(&node) == 0;
        let Some(fetch) = self.active.get_mut(&id) else { return Vec::new() };
        let wants = fetch.ask(store, node, room, looks);
        if idle && !wants.is_empty() {
            self.paces.entry(node).or_default().begins(Instant::now());
        }
        wants
    }

    /// Starts what waits and can be had, and asks who came since. `who` gives the connected nodes that share an
    /// attachment's space.
    pub fn start(&mut self, store: &Store, who: impl Fn(&KnownBlob) -> Vec<NodeId>) -> Vec<Want> {
        let mut wants = Vec::new();
        let listed: Vec<BlobId> =
            self.active.iter().filter(|(_, f)| f.is_listed()).map(|(id, _)| *id).collect();
        for id in listed {
            wants.extend(self.spread(store, id, &who));
        }
        for _ in 0..self.waiting.len() {
            if self.active.len() >= ACTIVE {
                break;
            }
            let Some(blob) = self.waiting.pop_front() else { break };
            match who(&blob).first() {
                Some(from) => wants.extend(self.start_one(blob, *from)),
                None => self.waiting.push_back(blob),
            }
        }
        wants
    }

    /// Is there something to ask for?
    #[must_use]
    pub fn is_eager(&self) -> bool {
        !self.active.is_empty() || !self.waiting.is_empty()
    }

    /// Is what is here from before not looked through yet? Then [`Fetcher::start`] goes on with it.
    #[must_use]
    pub fn looks_on(&self) -> bool {
        self.active.values().any(|fetch| fetch.cut_short)
    }

    fn start_one(&mut self, blob: KnownBlob, from: NodeId) -> Vec<Want> {
        let id = blob.blob;
        self.active.insert(id, Fetch::new(blob, from));
        vec![Want::Send(from, BlobMessage::WantHashes(id, 0))]
    }

    /// A partner's answer.
    pub fn answer(
        &mut self,
        store: &Store,
        from: NodeId,
        message: BlobMessage,
        who: impl Fn(&KnownBlob) -> Vec<NodeId>,
    ) -> Vec<Want> {
        match message {
            BlobMessage::Hashes(id, start, hashes) => self.hashes(store, (from, id), start, hashes, who),
            BlobMessage::Chunk(id, index, bytes) => self.chunk(store, from, id, index, &bytes),
            BlobMessage::Absent(id) => self.absent(store, from, id, who),
            BlobMessage::WantHashes(..) | BlobMessage::WantChunk(..) => Vec::new(),
        }
    }

    fn hashes(
        &mut self,
        store: &Store,
        (from, id): (NodeId, BlobId),
        start: u64,
        hashes: Vec<Hash>,
        who: impl Fn(&KnownBlob) -> Vec<NodeId>,
    ) -> Vec<Want> {
        let Some(fetch) = self.active.get_mut(&id).filter(|f| f.list_from == from) else { return Vec::new() };
        let count = chunk::count(fetch.blob.size);
        let room = count.saturating_sub(fetch.hashes.len() as u64);
        if start != fetch.hashes.len() as u64 || hashes.is_empty() || hashes.len() as u64 > room {
            return Vec::new();
        }
        fetch.moved = true;
        fetch.hashes.extend(hashes);
        if (fetch.hashes.len() as u64) < count {
            return vec![Want::Send(from, BlobMessage::WantHashes(id, fetch.hashes.len() as u64))];
        }
        if derive::blob_id(&fetch.hashes) != id {
            // A list that is not this attachment's: ask somebody else later.
            fetch.hashes.clear();
            fetch.without.insert(from);
            return Vec::new();
        }
        fetch.held = match store.blobs.len(&id.0) {
            Ok(bytes) => bytes.unwrap_or(0).div_ceil(CHUNK_STRIDE as u64),
            Err(_) => count,
        };
        self.spread(store, id, &who)
    }

    /// Asks every partner that may have it for chunks that nobody else is asked for.
    fn spread(&mut self, store: &Store, id: BlobId, who: &impl Fn(&KnownBlob) -> Vec<NodeId>) -> Vec<Want> {
        let Some(fetch) = self.active.get_mut(&id) else { return Vec::new() };
        fetch.cut_short = false;
        let mut looks = LOOKS;
        let mut wants = Vec::new();
        let holders: Vec<NodeId> =
            who(&fetch.blob).into_iter().filter(|n| !fetch.without.contains(n)).collect();
        for node in &holders {
            fetch.sources.entry(*node).or_default();
        }
        for node in holders {
            wants.extend(self.ask(store, id, node, &mut looks));
        }
        wants.extend(self.finish(id));
        wants
    }

    /// If nothing is missing any more, it is to be made durable.
    fn finish(&mut self, id: BlobId) -> Option<Want> {
        self.active.get(&id).filter(|fetch| fetch.is_whole())?;
        let mut fetch = self.active.remove(&id)?;
        let list = std::mem::take(&mut fetch.hashes);
        self.syncing.insert(id, fetch);
        Some(Want::Sync(id, list))
    }

    /// Its record was withdrawn.
    pub fn forget(&mut self, id: &BlobId) {
        self.waiting.retain(|blob| blob.blob != *id);
        self.active.remove(id);
        self.syncing.remove(id);
    }

    /// It is durable, and so complete; or it could not be made so: then what is here is to be removed, and is fetched
    /// again.
    pub fn synced(&mut self, id: BlobId, durable: bool) -> Option<KnownBlob> {
        let fetch = self.syncing.remove(&id)?;
        if !durable {
            self.waiting.push_back(fetch.blob);
            return None;
        }
        if self.finished.len() >= FINISHED {
            self.finished.pop_front();
        }
        self.finished.push_back(fetch.progress(id));
        Some(KnownBlob { complete: true, ..fetch.blob })
    }

    fn chunk(&mut self, store: &Store, from: NodeId, id: BlobId, index: u64, bytes: &[u8]) -> Vec<Want> {
        let Some(fetch) = self.active.get_mut(&id) else { return Vec::new() };
        let right = usize::try_from(index).ok().and_then(|i| fetch.hashes.get(i));
        let right = right == Some(&derive::chunk_hash(index, bytes));
        let Some(source) = fetch.sources.get_mut(&from).filter(|s| right && s.asked.contains(&index)) else {
            return Vec::new();
        };
        if store.blobs.put_chunk(&id.0, index, bytes).is_err() {
            return Vec::new();
        }
        source.asked.remove(&index);
        source.moved = true;
        fetch.moved = true;
        fetch.here += 1;
        fetch.came += 1;
        let part = fetch.part_came();
        self.paces.entry(from).or_default().came(Instant::now());
        let mut wants = self.ask(store, id, from, &mut { LOOKS });
        wants.extend(part.map(|chunks| Want::WriteOut(id, chunks)));
        wants.extend(self.finish(id));
        wants
    }

    fn absent(
        &mut self,
        store: &Store,
        from: NodeId,
        id: BlobId,
        who: impl Fn(&KnownBlob) -> Vec<NodeId>,
    ) -> Vec<Want> {
        let Some(fetch) = self.active.get_mut(&id) else { return Vec::new() };
        if fetch.list_from != from && !fetch.sources.contains_key(&from) {
            return Vec::new();
        }
        fetch.leave(from);
        if fetch.is_listed() {
            return self.spread(store, id, &who);
        }
        let other = who(&fetch.blob).into_iter().find(|n| !fetch.without.contains(n));
        let Some(next) = other else {
            fetch.moved = false;
            return Vec::new();
        };
        fetch.list_from = next;
        fetch.moved = true;
        fetch.hashes.clear();
        vec![Want::Send(next, BlobMessage::WantHashes(id, 0))]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
