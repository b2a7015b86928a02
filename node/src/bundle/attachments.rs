//! Attachments in bundles: which, and taking them chunk by chunk.

use entente_protocol::chunk;
use entente_protocol::derive;
use entente_protocol::ids::{BlobId, Hash, PartnershipId};
use entente_protocol::sync::BlobMessage;

use crate::frames::KnownBlob;
use crate::partnership::carry::PlannedLog;
use crate::partnership::chunks;
use crate::rows::{self, Table};
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
    rows::prefix(index, Table::Blob as u8, &[])
        .filter_map(|(_, row)| rows::decode::<KnownBlob>(&row))
        .filter(|blob| blob.complete && is_in(blob))
        .collect()
}

/// How many attachments of records of a partnership are not here.
pub(super) fn lacking(store: &Store, partnership: PartnershipId) -> u64 {
    let ours = |blob: &KnownBlob| blob.place.is_some_and(|(of, _)| of == partnership);
    let blobs = rows::prefix(&store.index, Table::Blob as u8, &[]);
    let blobs = blobs.filter_map(|(_, row)| rows::decode::<KnownBlob>(&row));
    blobs.filter(|blob| !blob.complete && ours(blob)).count() as u64
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
            let wanted = |blob: &KnownBlob| !blob.complete && blob.place.is_some_and(|(of, _)| of == p);
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
        if self.next < count || store.blobs.sync(&id.0).is_err() {
            return None;
        }
        chunks::keep(store, &id, &self.hashes);
        self.hashes.clear();
        self.blob.take()
    }
}
