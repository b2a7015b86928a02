//! Fetching attachments: hashes first, then chunks from all who have them, each checked as it comes; goes on
//! where it stopped, whoever gave the first part.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use entente_protocol::chunk;
use entente_protocol::derive;
use entente_protocol::ids::{BlobId, Hash, NodeId, RecordId};
use entente_protocol::sync::BlobMessage;

use crate::frames::KnownBlob;
use crate::store::Store;
use crate::store::blobs::CHUNK_STRIDE;

use super::pacing::Pace;

/// Attachments that are fetched at one time.
const ACTIVE: usize = 4;
/// Chunks of one attachment asked of one partner and not yet there, however good the way: 2 MiB.
const AHEAD: usize = 32;
/// Looks (10 s apart) at which the only partner that gives an attachment may have stood still: a chunk alone takes
/// 8 s at 64 kbit/s, and asking anew would only send it twice.
const STILL: u32 = 6;
/// Chunks looked for on the disk in one go, 64 MiB: the driver has other things to do.
const LOOKS: usize = 1_024;
/// Chunks after which what came is made durable while more comes, 32 MiB: at the end little is left to wait for.
const PART: u64 = 512;
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
    /// Of these a part is being made durable, whatever becomes of their fetches meanwhile.
    parts: BTreeSet<BlobId>,
    /// The last that were completed, oldest first.
    finished: VecDeque<Progress>,
}

struct Fetch {
    blob: KnownBlob,
    /// Who is asked for the list of hashes.
    list_from: NodeId,
    /// Complete, and this attachment's, once there are as many as chunks.
    hashes: Vec<Hash>,
    sources: BTreeMap<NodeId, Source>,
    /// Who was asked and does not have it, or stood still.
    without: BTreeSet<NodeId>,
    /// The first chunk that was not looked for yet.
    next: u64,
    /// Chunks before it that somebody was asked for in vain.
    again: BTreeSet<u64>,
    /// Chunks that the file had room for when the list was complete: those beyond are not here.
    held: u64,
    /// Chunks that are here.
    here: u64,
    /// Of these, those that partners sent since this fetch began.
    came: u64,
    moved: bool,
    /// Looks at which it had not moved.
    still: u32,
    /// Chunks that came since a part was last made durable.
    unsynced: u64,
}

/// A partner that gives chunks.
#[derive(Default)]
struct Source {
    asked: BTreeSet<u64>,
    moved: bool,
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
    /// Much of it came: make that durable, and say so with [`Fetcher::part_synced`].
    SyncPart(BlobId),
    /// What is here of it is to be removed: after a failed sync nobody knows what of it the disk holds.
    Remove(BlobId),
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

    /// A partner is gone: what it was asked for, others are, or it is when it is back.
    pub fn gone(&mut self, node: &NodeId) {
        self.paces.remove(node);
        let mut without_list = Vec::new();
        for (id, fetch) in &mut self.active {
            fetch.again.extend(fetch.sources.remove(node).unwrap_or_default().asked);
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

    fn start_one(&mut self, blob: KnownBlob, from: NodeId) -> Vec<Want> {
        let id = blob.blob;
        let fetch = Fetch {
            blob,
            list_from: from,
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
            unsynced: 0,
        };
        self.active.insert(id, fetch);
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

    /// If nothing is missing any more, it is to be made durable, once no part of it is.
    fn finish(&mut self, id: BlobId) -> Option<Want> {
        self.active.get(&id).filter(|fetch| fetch.is_whole() && !self.parts.contains(&id))?;
        let mut fetch = self.active.remove(&id)?;
        let list = std::mem::take(&mut fetch.hashes);
        self.syncing.insert(id, fetch);
        Some(Want::Sync(id, list))
    }

    /// A part is durable, and the end of it may be made so; or that failed, and all is fetched again.
    pub fn part_synced(&mut self, id: BlobId, durable: bool) -> Option<Want> {
        self.parts.remove(&id);
        if !durable {
            self.waiting.extend(self.active.remove(&id).map(|fetch| fetch.blob));
            return Some(Want::Remove(id));
        }
        self.finish(id)
    }

    /// Its record was withdrawn.
    pub fn forget(&mut self, id: &BlobId) {
        self.waiting.retain(|blob| blob.blob != *id);
        self.active.remove(id);
        self.syncing.remove(id);
        self.parts.remove(id);
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
        fetch.unsynced += 1;
        // One part at a time.
        let part = fetch.unsynced >= PART && self.parts.insert(id);
        if part {
            fetch.unsynced = 0;
        }
        self.paces.entry(from).or_default().came(Instant::now());
        let mut wants = self.ask(store, id, from, &mut { LOOKS });
        wants.extend(part.then_some(Want::SyncPart(id)));
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

impl Fetch {
    fn progress(&self, blob: BlobId) -> Progress {
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
    fn asked_of(&self, node: &NodeId) -> usize {
        self.sources.get(node).map_or(0, |source| source.asked.len())
    }

    /// Is the list of hashes here, and this attachment's?
    fn is_listed(&self) -> bool {
        self.hashes.len() as u64 == chunk::count(self.blob.size)
    }

    /// Could it be asked for, if the way were not full of others?
    fn is_starved(&self) -> bool {
        self.is_listed() && !self.sources.is_empty() && self.sources.values().all(|s| s.asked.is_empty())
    }

    /// Was somebody asked for something who may still give it?
    fn is_owed(&self) -> bool {
        let list = !self.is_listed() && !self.without.contains(&self.list_from);
        list || self.sources.values().any(|source| !source.asked.is_empty())
    }

    fn is_whole(&self) -> bool {
        let asked = self.sources.values().any(|source| !source.asked.is_empty());
        self.is_listed() && self.next >= self.hashes.len() as u64 && self.again.is_empty() && !asked
    }

    /// A partner is not asked any more; what it was asked for, others are.
    fn leave(&mut self, node: NodeId) {
        self.without.insert(node);
        self.again.extend(self.sources.remove(&node).unwrap_or_default().asked);
    }

    /// Asks a partner for the next chunks that are not here from an earlier attempt.
    fn ask(&mut self, store: &Store, node: NodeId, room: usize, looks: &mut usize) -> Vec<Want> {
        let Some(mut source) = self.sources.remove(&node) else { return Vec::new() };
        let mut wants = Vec::new();
        while wants.len() < room {
            let Some(index) = self.next_missing(store, looks) else { break };
            source.asked.insert(index);
            wants.push(Want::Send(node, BlobMessage::WantChunk(self.blob.blob, index)));
        }
        self.sources.insert(node, source);
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use entente_protocol::ids::{PartnershipId, SpaceId};
    use zeroize::Zeroizing;

    use entente_protocol::limits::CHUNK;

    use super::*;
    use crate::store::StoreKey;

    const ONE: NodeId = NodeId([1; 32]);
    const TWO: NodeId = NodeId([2; 32]);

    /// A file of three chunks, as a partner has it.
    struct File {
        blob: KnownBlob,
        chunks: Vec<Vec<u8>>,
        hashes: Vec<Hash>,
    }

    fn file() -> File {
        let size = 2 * entente_protocol::limits::CHUNK as u64 + 10;
        let key = Zeroizing::new([5; 32]);
        let chunks: Vec<Vec<u8>> = (0..3)
            .map(|i| {
                let plain = vec![u8::try_from(i).unwrap(); chunk::sealed_len(size, i) - chunk::OVERHEAD];
                chunk::seal(&key, i, i == 2, &plain).unwrap()
            })
            .collect();
        let hashes: Vec<Hash> = (0..).zip(&chunks).map(|(i, c)| derive::chunk_hash(i, c)).collect();
        let blob = KnownBlob {
            blob: derive::blob_id(&hashes),
            place: Some((PartnershipId([0; 32]), SpaceId([0; 32]))),
            size,
            complete: false,
            record: None,
        };
        File { blob, chunks, hashes }
    }

    fn store() -> (tempfile::TempDir, Store) {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path(), &StoreKey::from_bytes(Zeroizing::new([7; 32]))).unwrap().0;
        (home, store)
    }

    fn asked(wants: &[Want]) -> Vec<u64> {
        let chunk = |want: &Want| match want {
            Want::Send(_, BlobMessage::WantChunk(_, index)) => Some(*index),
            _ => None,
        };
        wants.iter().filter_map(chunk).collect()
    }

    /// What is asked for once the first partner has told the list of a file's chunks.
    fn listed(fetcher: &mut Fetcher, store: &Store, file: &File) -> Vec<Want> {
        let _list = fetcher.start(store, |_| vec![ONE]);
        let hashes = BlobMessage::Hashes(file.blob.blob, 0, file.hashes.clone());
        fetcher.answer(store, ONE, hashes, |_| vec![ONE])
    }

    #[test]
    fn a_file_is_fetched_checked_and_completed() {
        let (file, (_home, store)) = (file(), store());
        let id = file.blob.blob;
        let mut fetcher = Fetcher::default();
        fetcher.want(file.blob.clone());
        assert!(matches!(
            fetcher.start(&store, |_| vec![ONE])[..],
            [Want::Send(ONE, BlobMessage::WantHashes(..))]
        ));
        let none = |_: &KnownBlob| vec![ONE];
        let wants = fetcher.answer(&store, ONE, BlobMessage::Hashes(id, 0, file.hashes.clone()), none);
        assert_eq!(asked(&wants), [0], "as long as it is not known how fast they come, one");
        // A changed chunk is not taken, whoever sends it; nor is one from somebody who was not asked.
        let mut wrong = file.chunks[0].clone();
        wrong[9] ^= 1;
        assert!(fetcher.answer(&store, ONE, BlobMessage::Chunk(id, 0, wrong), none).is_empty());
        let unasked = BlobMessage::Chunk(id, 0, file.chunks[0].clone());
        assert!(fetcher.answer(&store, TWO, unasked, none).is_empty());
        let mut last = Vec::new();
        for (i, chunk) in (0..).zip(&file.chunks) {
            last = fetcher.answer(&store, ONE, BlobMessage::Chunk(id, i, chunk.clone()), none);
        }
        assert!(matches!(last[..], [Want::Sync(done, _)] if done == id), "{last:?}");
        fetcher.want(file.blob.clone());
        assert!(fetcher.synced(id, true).is_some_and(|done| done.complete));
        assert!(!fetcher.is_eager() && fetcher.synced(id, true).is_none(), "it is complete once");
        let len = chunk::sealed_len(file.blob.size, 2);
        assert_eq!(store.blobs.get_chunk(&id.0, 2, len).unwrap(), file.chunks[2]);
    }

    #[test]
    fn what_cannot_be_made_durable_is_looked_at_again_and_only_what_is_missing_is_fetched() {
        let (file, (_home, store)) = (file(), store());
        let id = file.blob.blob;
        let mut fetcher = Fetcher::default();
        fetcher.want(file.blob.clone());
        for (i, chunk) in (0..).zip(&file.chunks) {
            store.blobs.put_chunk(&id.0, i, chunk).unwrap();
        }
        for durable in [false, true] {
            let wants = listed(&mut fetcher, &store, &file);
            assert!(matches!(wants[..], [Want::Sync(..)]), "{wants:?}");
            assert_eq!(fetcher.synced(id, durable).is_some(), durable);
        }
    }

    #[test]
    fn what_is_here_already_is_not_fetched_again() {
        let (file, (_home, store)) = (file(), store());
        let id = file.blob.blob;
        store.blobs.put_chunk(&id.0, 0, &file.chunks[0]).unwrap();
        store.blobs.put_chunk(&id.0, 1, &vec![9; file.chunks[1].len()]).unwrap();
        let mut fetcher = Fetcher::default();
        fetcher.want(file.blob.clone());
        let wants = listed(&mut fetcher, &store, &file);
        assert_eq!(asked(&wants), [1], "chunk 0 is here; chunk 1 is here and damaged");
    }

    #[test]
    fn who_does_not_have_it_is_passed_over_and_who_lies_is_not_believed() {
        let (file, (_home, store)) = (file(), store());
        let id = file.blob.blob;
        let both = |_: &KnownBlob| vec![ONE, TWO];
        let mut fetcher = Fetcher::default();
        fetcher.want(file.blob.clone());
        let _asked = fetcher.start(&store, both);
        let wants = fetcher.answer(&store, ONE, BlobMessage::Absent(id), both);
        assert!(matches!(wants[..], [Want::Send(TWO, BlobMessage::WantHashes(..))]));
        let lie = BlobMessage::Hashes(id, 0, vec![Hash([0; 32]); 3]);
        assert!(fetcher.answer(&store, TWO, lie, both).is_empty());
        let too_many = BlobMessage::Hashes(id, 0, vec![Hash([0; 32]); 4]);
        assert!(fetcher.answer(&store, TWO, too_many, both).is_empty());
        fetcher.put_back_stalled();
        fetcher.put_back_stalled();
        assert!(fetcher.is_eager(), "it can be asked for anew");
    }

    /// A file of `count` chunks.
    fn long_file(count: u64) -> File {
        let size = (count - 1) * CHUNK as u64 + 1;
        let chunks: Vec<Vec<u8>> = (0..count).map(|i| vec![i as u8; chunk::sealed_len(size, i)]).collect();
        let hashes: Vec<Hash> = (0..).zip(&chunks).map(|(i, c)| derive::chunk_hash(i, c)).collect();
        let blob = KnownBlob {
            blob: derive::blob_id(&hashes),
            place: Some((PartnershipId([1; 32]), SpaceId([2; 32]))),
            size,
            complete: false,
            record: None,
        };
        File { blob, chunks, hashes }
    }

    #[test]
    fn much_that_came_is_made_durable_while_more_comes_and_all_begins_again_if_that_fails() {
        let (file, (_home, store)) = (long_file(PART * 2 + 10), store());
        let id = file.blob.blob;
        let mut fetcher = Fetcher::default();
        fetcher.want(file.blob.clone());
        let mut wants = listed(&mut fetcher, &store, &file);
        let mut parts = Vec::new();
        for came in 1.. {
            let Some(Want::Send(_, BlobMessage::WantChunk(_, index))) = wants.pop() else { break };
            let bytes = file.chunks[usize::try_from(index).unwrap()].clone();
            for want in fetcher.answer(&store, ONE, BlobMessage::Chunk(id, index, bytes), |_| vec![ONE]) {
                match want {
                    Want::SyncPart(part) if part == id => parts.push(came),
                    other => wants.insert(0, other),
                }
            }
            // The first takes long: no second begins meanwhile.
            if came == PART * 2 {
                assert_eq!(parts, [PART]);
                assert!(fetcher.part_synced(id, true).is_none());
            }
        }
        assert_eq!(parts, [PART, PART * 2 + 1]);
        assert!(matches!(fetcher.part_synced(id, true), Some(Want::Sync(..))), "its end waited for the part");
        assert!(fetcher.synced(id, false).is_none() && fetcher.is_eager());
        let _listed = listed(&mut fetcher, &store, &file);
        assert!(matches!(fetcher.part_synced(id, false), Some(Want::Remove(_))), "what came is not trusted");
        assert!(fetcher.progress().next().is_none() && fetcher.is_eager(), "all begins again");
        fetcher.forget(&id);
        assert!(!fetcher.is_eager());
    }

    #[test]
    fn on_a_good_way_several_are_asked_for_at_a_time() {
        let (file, (_home, store)) = (long_file(400), store());
        let mut fetcher = Fetcher::default();
        fetcher.want(file.blob.clone());
        let mut wants = asked(&listed(&mut fetcher, &store, &file));
        let mut rounds = Vec::new();
        while let Some(index) = (!wants.is_empty()).then(|| wants.remove(0)) {
            let bytes = file.chunks[usize::try_from(index).unwrap()].clone();
            let chunk = BlobMessage::Chunk(file.blob.blob, index, bytes);
            let more = asked(&fetcher.answer(&store, ONE, chunk, |_| vec![ONE]));
            if !more.is_empty() {
                rounds.push(more.len());
                wants.extend(more);
            }
            assert!(wants.len() <= AHEAD);
        }
        assert!(fetcher.progress().all(|progress| progress.came == 400));
        // The last round is what is left.
        let late = &rounds[rounds.len() / 2..rounds.len() - 1];
        assert!(late.iter().all(|count| *count == AHEAD / 4), "{rounds:?}");
    }

    #[test]
    fn a_part_that_is_being_made_durable_is_waited_for_by_a_fetch_that_began_anew() {
        let (file, (_home, store)) = (long_file(PART + 1), store());
        let id = file.blob.blob;
        let one = |_: &KnownBlob| vec![ONE];
        let mut fetcher = Fetcher::default();
        fetcher.want(file.blob.clone());
        let _asked = listed(&mut fetcher, &store, &file);
        let chunk =
            |index| BlobMessage::Chunk(id, index, file.chunks[usize::try_from(index).unwrap()].clone());
        let came: Vec<Want> =
            (0..PART).flat_map(|index| fetcher.answer(&store, ONE, chunk(index), one)).collect();
        assert!(matches!(came.last(), Some(Want::SyncPart(_))), "{:?}", came.last());
        fetcher.gone(&ONE);
        fetcher.put_back_stalled();
        fetcher.put_back_stalled();
        assert!(fetcher.progress().next().is_none(), "it is put back");
        assert_eq!(asked(&listed(&mut fetcher, &store, &file)), [PART]);
        assert!(fetcher.answer(&store, ONE, chunk(PART), one).is_empty(), "a part is not synced yet");
        assert!(matches!(fetcher.part_synced(id, true), Some(Want::Sync(..))));
    }

    #[test]
    fn several_holders_give_one_file_each_chunk_once_and_what_one_withholds_another_gives() {
        let (file, (_home, store)) = (long_file(80), store());
        let id = file.blob.blob;
        let both = |_: &KnownBlob| vec![ONE, TWO];
        let mut fetcher = Fetcher::default();
        fetcher.want(file.blob.clone());
        let _list = fetcher.start(&store, both);
        let hashes = BlobMessage::Hashes(id, 0, file.hashes.clone());
        let mut wants = fetcher.answer(&store, ONE, hashes, both);
        let mut sent = BTreeMap::from([(ONE, 0), (TWO, 0)]);
        let mut withheld = 0;
        while !wants.is_empty() {
            let mut next = Vec::new();
            for want in wants {
                match want {
                    // The second gives ten chunks, and falls silent.
                    Want::Send(TWO, BlobMessage::WantChunk(..)) if sent[&TWO] == 10 => withheld += 1,
                    Want::Send(from, BlobMessage::WantChunk(_, index)) => {
                        *sent.get_mut(&from).unwrap() += 1;
                        let bytes = file.chunks[usize::try_from(index).unwrap()].clone();
                        next.extend(fetcher.answer(&store, from, BlobMessage::Chunk(id, index, bytes), both));
                    }
                    Want::Sync(done, list) => {
                        assert_eq!(derive::blob_id(&list), done);
                        assert!(fetcher.synced(done, true).is_some());
                    }
                    other => panic!("{other:?}"),
                }
            }
            if next.is_empty() && fetcher.progress().next().is_some() {
                fetcher.put_back_stalled();
                fetcher.put_back_stalled();
                next = fetcher.start(&store, both);
            }
            wants = next;
        }
        assert_eq!(sent[&ONE] + sent[&TWO], 80, "each chunk once: {sent:?}");
        assert!(sent[&TWO] == 10 && withheld > 0, "{sent:?} {withheld}");
        assert!(fetcher.progress().next().is_none(), "it is complete");
    }
}
