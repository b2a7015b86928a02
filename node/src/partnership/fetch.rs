//! Fetching attachments: hashes first, then chunks, each checked as it comes; goes on where it stopped.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use entente_protocol::chunk;
use entente_protocol::derive;
use entente_protocol::ids::{BlobId, Hash, NodeId};
use entente_protocol::sync::BlobMessage;

use crate::frames::KnownBlob;
use crate::store::Store;

/// Attachments that are fetched at one time.
const ACTIVE: usize = 4;
/// Chunks asked for and not yet there: 1 MiB on the way.
const AHEAD: usize = 16;
/// Attachments that may wait; the others are found again at the next start.
const QUEUE: usize = 100_000;

/// All fetching of one partnership.
#[derive(Default)]
pub struct Fetcher {
    waiting: VecDeque<KnownBlob>,
    active: BTreeMap<BlobId, Fetch>,
}

struct Fetch {
    blob: KnownBlob,
    from: NodeId,
    /// Who was asked and does not have it.
    without: BTreeSet<NodeId>,
    hashes: Vec<Hash>,
    /// The next chunk to be asked for.
    next: u64,
    asked: BTreeSet<u64>,
    moved: bool,
}

/// What fetching wants done.
#[derive(Debug)]
pub enum Want {
    /// Send this.
    Send(NodeId, BlobMessage),
    /// All of it is here and durable.
    Complete(KnownBlob),
}

impl Fetcher {
    /// Notes an attachment that is not here.
    pub fn want(&mut self, blob: KnownBlob) {
        if self.waiting.len() < QUEUE && !self.active.contains_key(&blob.blob) {
            self.waiting.push_back(blob);
        }
    }

    /// Puts back what stood still since this was last asked: its source may be gone.
    pub fn put_back_stalled(&mut self) {
        let stuck: Vec<BlobId> = self.active.iter().filter(|(_, f)| !f.moved).map(|(id, _)| *id).collect();
        for id in stuck {
            if let Some(fetch) = self.active.remove(&id) {
                self.waiting.push_back(fetch.blob);
            }
        }
        for fetch in self.active.values_mut() {
            fetch.moved = false;
        }
    }

    /// Starts what waits and can be had. `who` gives the connected nodes that share an attachment's space.
    pub fn start(&mut self, who: impl Fn(&KnownBlob) -> Vec<NodeId>) -> Vec<Want> {
        let mut wants = Vec::new();
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

    /// Is something waiting that was not asked for yet?
    #[must_use]
    pub fn is_eager(&self) -> bool {
        self.active.len() < ACTIVE && !self.waiting.is_empty()
    }

    fn start_one(&mut self, blob: KnownBlob, from: NodeId) -> Vec<Want> {
        let id = blob.blob;
        let fetch = Fetch {
            blob,
            from,
            without: BTreeSet::new(),
            hashes: Vec::new(),
            next: 0,
            asked: BTreeSet::new(),
            moved: true,
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
            BlobMessage::Hashes(id, start, hashes) => self.hashes(store, from, id, start, hashes),
            BlobMessage::Chunk(id, index, bytes) => self.chunk(store, from, id, index, &bytes),
            BlobMessage::Absent(id) => self.absent(from, id, who),
            BlobMessage::WantHashes(..) | BlobMessage::WantChunk(..) => Vec::new(),
        }
    }

    fn hashes(
        &mut self,
        store: &Store,
        from: NodeId,
        id: BlobId,
        start: u64,
        hashes: Vec<Hash>,
    ) -> Vec<Want> {
        let Some(fetch) = self.active.get_mut(&id).filter(|f| f.from == from) else { return Vec::new() };
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
        self.ask_on(store, id)
    }

    /// Asks for the next chunks that are not here from an earlier attempt.
    fn ask_on(&mut self, store: &Store, id: BlobId) -> Vec<Want> {
        let Some(fetch) = self.active.get_mut(&id) else { return Vec::new() };
        let count = fetch.hashes.len() as u64;
        let mut wants = Vec::new();
        while fetch.asked.len() < AHEAD && fetch.next < count {
            let index = fetch.next;
            fetch.next += 1;
            let len = chunk::sealed_len(fetch.blob.size, index);
            let here = store.blobs.get_chunk(&id.0, index, len).ok();
            let right = usize::try_from(index).ok().and_then(|i| fetch.hashes.get(i));
            if here.is_some_and(|bytes| right == Some(&derive::chunk_hash(index, &bytes))) {
                continue;
            }
            fetch.asked.insert(index);
            wants.push(Want::Send(fetch.from, BlobMessage::WantChunk(id, index)));
        }
        if fetch.asked.is_empty()
            && fetch.next >= count
            && let Some(fetch) = self.active.remove(&id)
        {
            if store.blobs.sync(&id.0).is_ok() {
                wants.push(Want::Complete(KnownBlob { complete: true, ..fetch.blob }));
            } else {
                self.waiting.push_back(fetch.blob);
            }
        }
        wants
    }

    fn chunk(&mut self, store: &Store, from: NodeId, id: BlobId, index: u64, bytes: &[u8]) -> Vec<Want> {
        let Some(fetch) = self.active.get_mut(&id).filter(|f| f.from == from) else { return Vec::new() };
        let right = usize::try_from(index).ok().and_then(|i| fetch.hashes.get(i));
        if !fetch.asked.contains(&index) || right != Some(&derive::chunk_hash(index, bytes)) {
            return Vec::new();
        }
        if store.blobs.put_chunk(&id.0, index, bytes).is_err() {
            return Vec::new();
        }
        fetch.asked.remove(&index);
        fetch.moved = true;
        self.ask_on(store, id)
    }

    fn absent(&mut self, from: NodeId, id: BlobId, who: impl Fn(&KnownBlob) -> Vec<NodeId>) -> Vec<Want> {
        let Some(fetch) = self.active.get_mut(&id).filter(|f| f.from == from) else { return Vec::new() };
        fetch.without.insert(from);
        fetch.moved = false;
        let other = who(&fetch.blob).into_iter().find(|n| !fetch.without.contains(n));
        match other {
            Some(next) => {
                fetch.from = next;
                fetch.moved = true;
                fetch.hashes.clear();
                fetch.asked.clear();
                fetch.next = 0;
                vec![Want::Send(next, BlobMessage::WantHashes(id, 0))]
            }
            None => Vec::new(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use entente_protocol::ids::{PartnershipId, SpaceId};
    use zeroize::Zeroizing;

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

    #[test]
    fn a_file_is_fetched_checked_and_completed() {
        let (file, (_home, store)) = (file(), store());
        let id = file.blob.blob;
        let mut fetcher = Fetcher::default();
        fetcher.want(file.blob.clone());
        assert!(matches!(fetcher.start(|_| vec![ONE])[..], [Want::Send(ONE, BlobMessage::WantHashes(..))]));
        let none = |_: &KnownBlob| Vec::new();
        let wants = fetcher.answer(&store, ONE, BlobMessage::Hashes(id, 0, file.hashes.clone()), none);
        assert_eq!(asked(&wants), [0, 1, 2]);
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
        let [Want::Complete(done)] = &last[..] else { panic!("{last:?}") };
        assert!(done.complete);
        let len = chunk::sealed_len(file.blob.size, 2);
        assert_eq!(store.blobs.get_chunk(&id.0, 2, len).unwrap(), file.chunks[2]);
    }

    #[test]
    fn what_is_here_already_is_not_fetched_again() {
        let (file, (_home, store)) = (file(), store());
        let id = file.blob.blob;
        store.blobs.put_chunk(&id.0, 0, &file.chunks[0]).unwrap();
        store.blobs.put_chunk(&id.0, 1, &vec![9; file.chunks[1].len()]).unwrap();
        let mut fetcher = Fetcher::default();
        fetcher.want(file.blob.clone());
        let _asked = fetcher.start(|_| vec![ONE]);
        let hashes = BlobMessage::Hashes(id, 0, file.hashes.clone());
        let wants = fetcher.answer(&store, ONE, hashes, |_| Vec::new());
        assert_eq!(asked(&wants), [1, 2], "chunk 0 is here; chunk 1 is here and damaged");
    }

    #[test]
    fn who_does_not_have_it_is_passed_over_and_who_lies_is_not_believed() {
        let (file, (_home, store)) = (file(), store());
        let id = file.blob.blob;
        let both = |_: &KnownBlob| vec![ONE, TWO];
        let mut fetcher = Fetcher::default();
        fetcher.want(file.blob.clone());
        let _asked = fetcher.start(both);
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
}
