//! Attachments in bundles: which, and taking them chunk by chunk.

use entente_protocol::chunk;
use entente_protocol::derive;
use entente_protocol::ids::{BlobId, Hash, PartnershipId};
use entente_protocol::sync::BlobMessage;

use crate::frames::KnownBlob;
use crate::partnership::carry::PlannedLog;
use crate::partnership::chunks;
use crate::rows;
use crate::store::Store;

use super::export::covers;

/// The attachments that are here, complete, of records in these entries.
pub(super) fn those_of(store: &Store, partnership: PartnershipId, logs: &[PlannedLog]) -> Vec<KnownBlob> {
    let index = &store.index;
    let is_in = |blob: &KnownBlob| {
        let record = blob.record.and_then(|record| rows::record(index, &record).ok().flatten());
        let place = record.and_then(|(_, row)| row.place);
        place.is_some_and(|p| p.partnership == partnership && covers(logs, &p.space, &p.log, p.seq))
    };
    rows::blobs(index).filter(|blob| blob.complete && is_in(blob)).collect()
}

/// How many attachments of records of a partnership are not here.
pub(super) fn lacking(store: &Store, partnership: PartnershipId) -> u64 {
    rows::blobs(&store.index).filter(|blob| !blob.complete && blob.is_of(&partnership)).count() as u64
}

/// The attachment that is being taken: its hashes first, then its chunks in order.
#[derive(Default)]
pub(super) struct Incoming {
    blob: Option<KnownBlob>,
    hashes: Vec<Hash>,
    /// The next chunk; all before it are here.
    next: u64,
}

impl Incoming {
    /// Takes what a file says of an attachment that a record here names; gives it back once it is complete and
    /// durable.
    pub(super) fn take(
        &mut self,
        store: &Store,
        partnership: PartnershipId,
        message: BlobMessage,
    ) -> Option<KnownBlob> {
        match message {
            BlobMessage::Hashes(id, from, hashes) => {
                self.hashes(store, partnership, id, from, hashes);
                None
            }
            BlobMessage::Chunk(id, index, bytes) => self.chunk(store, id, index, &bytes),
            _ => None,
        }
    }

    fn hashes(&mut self, store: &Store, p: PartnershipId, id: BlobId, from: u64, hashes: Vec<Hash>) {
        if from == 0 {
            let known = rows::blob(&store.index, &id).ok().flatten();
            let wanted = |blob: &KnownBlob| !blob.complete && blob.is_of(&p);
            *self = Incoming { blob: known.filter(wanted), ..Incoming::default() };
        }
        let Some(blob) = self.blob.as_ref().filter(|blob| blob.blob == id) else { return };
        let room = chunk::count(blob.size).saturating_sub(self.hashes.len() as u64);
        if from == self.hashes.len() as u64 && hashes.len() as u64 <= room {
            self.hashes.extend(hashes);
        }
    }

    fn chunk(&mut self, store: &Store, id: BlobId, index: u64, bytes: &[u8]) -> Option<KnownBlob> {
        let blob = self.blob.as_ref().filter(|blob| blob.blob == id)?;
        let count = chunk::count(blob.size);
        let first = self.next == 0;
        let list = self.hashes.len() as u64 == count && (!first || derive::blob_id(&self.hashes) == id);
        let right = self.hashes.get(usize::try_from(index).ok()?);
        if !list || index != self.next || right != Some(&derive::chunk_hash(index, bytes)) {
            return None;
        }
        if let Err(error) = store.blobs.put_chunk(&id.0, index, bytes) {
            tracing::error!(%error, "a part of an attachment could not be kept");
            return None;
        }
        self.next += 1;
        if self.next < count {
            return None;
        }
        let whole = std::mem::take(self);
        if let Err(error) = store.blobs.sync(&id.0) {
            tracing::error!(%error, "an attachment could not be made durable, so nothing of it is kept");
            chunks::remove(store, &id);
            return None;
        }
        chunks::keep(store, &id, &whole.hashes);
        whole.blob
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use zeroize::Zeroizing;

    use super::*;
    use crate::store::faulty::FaultyDisk;
    use crate::store::{Blobs, StoreKey};

    #[test]
    fn what_cannot_be_made_durable_is_not_left_for_others_to_go_on_with() {
        let key = StoreKey::from_bytes(Zeroizing::new([3; 32]));
        let bytes = vec![7; chunk::sealed_len(5, 0)];
        let hashes = vec![derive::chunk_hash(0, &bytes)];
        let blob = derive::blob_id(&hashes);
        let known = KnownBlob { blob, place: None, size: 5, complete: false, record: None };
        let mut failed = 0;
        for call in 1.. {
            let home = tempfile::tempdir().unwrap();
            let (mut store, _) = Store::open(home.path(), &key).unwrap();
            let disk = Arc::new(FaultyDisk::failing_at(call));
            store.blobs = Blobs::open(disk.clone(), home.path(), &key).unwrap();
            let mut incoming = Incoming { blob: Some(known.clone()), hashes: hashes.clone(), next: 0 };
            if incoming.chunk(&store, blob, 0, &bytes).is_some() {
                assert!(store.blobs.len(&blob.0).unwrap().is_some());
                // The list of its chunks need not be kept.
                if disk.failed() {
                    continue;
                }
                break;
            }
            // Was it whole, and could only not be made durable?
            if incoming.blob.is_none() {
                failed += 1;
                assert_eq!(store.blobs.len(&blob.0).unwrap(), None, "call {call}");
            }
        }
        assert_eq!(failed, 3, "the file, its folder, and the folder of all");
    }
}
