//! What the chunks of an attachment hash to. The list is asked for before the first chunk, and every time an attachment
//! is gone on with; to make it all chunks are read, so it is kept beside them.

use entente_protocol::chunk;
use entente_protocol::derive;
use entente_protocol::ids::{BlobId, Hash};

use crate::store::Store;

/// Hashes in one answer: if there is no list, the chunks are read for it, 64 MiB of them.
const HASHES: usize = 1_024;

/// Keeps the list of an attachment that is whole. That it could not be kept only costs time later.
pub fn keep(store: &Store, blob: &BlobId, hashes: &[Hash]) {
    let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
    if let Err(error) = store.blobs.put_list(&blob.0, &bytes) {
        tracing::debug!(%error, "the list of an attachment's chunks was not kept");
    }
}

/// Removes what came of an attachment that could not be made durable, or is not wanted any more. The kernel may keep what
/// it could not write, and give it to whoever reads it until the machine restarts: who fetches would go on with that.
pub fn remove(store: &Store, blob: &BlobId) {
    if let Err(error) = store.blobs.remove(&blob.0) {
        tracing::error!(%error, "what came of an attachment could not be removed");
    }
}

/// Hashes of the chunks of an attachment of so many bytes in the clear, from a number on; at most `HASHES`. `None` if
/// they are not all here.
#[must_use]
pub fn hashes(store: &Store, blob: &BlobId, from: u64, size: u64) -> Option<Vec<Hash>> {
    let count = chunk::count(size);
    let end = count.min(from.saturating_add(HASHES as u64));
    if let Some(list) = kept(store, blob, count) {
        let (from, end) = (usize::try_from(from).ok()?, usize::try_from(end).ok()?);
        return list.get(from.min(end)..end).map(<[Hash]>::to_vec);
    }
    let hash = |index| {
        let sealed = store.blobs.get_chunk(&blob.0, index, chunk::sealed_len(size, index)).ok()?;
        Some(derive::chunk_hash(index, &sealed))
    };
    (from..end).map(hash).collect()
}

/// The list, if it is kept and this attachment's.
fn kept(store: &Store, blob: &BlobId, count: u64) -> Option<Vec<Hash>> {
    let len = usize::try_from(count).ok()?.checked_mul(32)?;
    let bytes = store.blobs.get_list(&blob.0, len)?;
    let hashes: Vec<Hash> = bytes.as_chunks::<32>().0.iter().map(|hash| Hash(*hash)).collect();
    (derive::blob_id(&hashes) == *blob).then_some(hashes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::store::StoreKey;

    /// Two chunks, of which the second is short, and what they hash to.
    fn stored(store: &Store) -> (BlobId, u64, Vec<Hash>) {
        let size = entente_protocol::limits::CHUNK as u64 + 5;
        let chunks: Vec<Vec<u8>> =
            (0..2_u8).map(|i| vec![i; chunk::sealed_len(size, u64::from(i))]).collect();
        let hashes: Vec<Hash> = (0..).zip(&chunks).map(|(i, bytes)| derive::chunk_hash(i, bytes)).collect();
        let blob = derive::blob_id(&hashes);
        for (index, bytes) in (0..).zip(&chunks) {
            store.blobs.put_chunk(&blob.0, index, bytes).unwrap();
        }
        (blob, size, hashes)
    }

    #[test]
    fn a_list_is_the_same_kept_or_made_anew_and_a_false_one_is_not_believed() {
        let home = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(home.path(), &StoreKey::from_bytes(Zeroizing::new([3; 32]))).unwrap();
        let (blob, size, list) = stored(&store);
        let parts = || [0, 1, 2, 9].map(|from| hashes(&store, &blob, from, size));
        let made = parts();
        assert_eq!(made[0].as_ref(), Some(&list));
        keep(&store, &blob, &list);
        // A chunk that is gone is not missed in a list that is kept.
        let sealed = store.blobs.get_chunk(&blob.0, 1, chunk::sealed_len(size, 1)).unwrap();
        store.blobs.put_chunk(&blob.0, 1, &vec![9; sealed.len()]).unwrap();
        assert_eq!(parts(), made);
        store.blobs.put_chunk(&blob.0, 1, &sealed).unwrap();
        for wrong in [vec![list[1], list[0]], vec![list[0]], vec![list[0], list[1], list[1]]] {
            keep(&store, &blob, &wrong);
            assert_eq!(parts(), made);
        }
        keep(&store, &blob, &list);
        store.blobs.remove(&blob.0).unwrap();
        assert_eq!(hashes(&store, &blob, 0, size), None, "the list goes with the attachment");
    }
}
