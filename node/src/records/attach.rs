//! Attachments at home: taking a file in, encrypting it anew for each space, giving it out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use entente_protocol::chunk::{self, ChunkError};
use entente_protocol::derive::{self, Key};
use entente_protocol::ids::{BlobId, Hash, PartnershipId, SpaceId};
use entente_protocol::limits;
use entente_protocol::record::Attachment;
use rand_core::Rng;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use crate::clock::{self, SystemRandom};
use crate::node::Node;
use crate::partnership::chunks;
use crate::store::{BlobError, Store};

/// Uploads that wait for a draft to name them.
const MAX_UPLOADS: usize = 4_096;

/// Files that were taken in and that no draft names yet. Lost at a restart: upload again.
#[derive(Default)]
pub struct Uploads(Mutex<BTreeMap<String, Attachment>>);

/// Why a file was not taken in or given out.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// Too large.
    #[error(transparent)]
    Chunk(#[from] ChunkError),
    /// The store.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// Too many uploads that no draft names.
    #[error("{MAX_UPLOADS} files wait for a draft already")]
    TooMany,
    /// The sender broke off.
    #[error("the file did not arrive whole: {0}")]
    Broken(String),
    /// A name too long, or with control characters.
    #[error("the file's name or media type is too long or holds control characters")]
    Name,
    /// Little room is left on the disk.
    #[error("the disk is nearly full")]
    DiskLow,
    /// Hidden data that cannot be left out of the shared copy.
    #[error("{name} may tell more than it shows, and that cannot be left out of the copy: {reason}")]
    Hidden {
        /// The file.
        name: String,
        /// Why not.
        reason: String,
    },
}

/// A file that was taken in, by the id that its upload was answered with.
#[must_use]
pub fn uploaded(node: &Arc<Node>, id: &str) -> Option<Attachment> {
    node.uploads.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
}

/// Takes a file in, piece by piece, in bounded memory: the id to name it by, and its size.
///
/// # Errors
/// [`AttachError`]; then nothing of it is kept.
pub async fn take_in(
    node: &Arc<Node>,
    name: &str,
    media_type: &str,
    mut pieces: mpsc::Receiver<Result<Bytes, String>>,
) -> Result<(String, u64), AttachError> {
    let name = base_name(name);
    let fine = |t: &str| t.len() <= limits::MAX_FILE_NAME && !t.chars().any(char::is_control);
    if !fine(&name) || !fine(media_type) || name.is_empty() {
        return Err(AttachError::Name);
    }
    if node.uploads.0.lock().unwrap_or_else(PoisonError::into_inner).len() >= MAX_UPLOADS {
        return Err(AttachError::TooMany);
    }
    let mut writer = BlobWriter::new(node.shared.ledger.store());
    while let Some(piece) = pieces.recv().await {
        match piece {
            Ok(_) if node.shared.ledger.store().is_disk_low() => {
                writer.abandon();
                return Err(AttachError::DiskLow);
            }
            Ok(piece) => writer.write(&piece)?,
            Err(error) => {
                writer.abandon();
                return Err(AttachError::Broken(error));
            }
        }
    }
    let attachment = writer.finish(name, media_type.to_owned())?;
    let size = attachment.size;
    let id = derive::hash(&clock::nonce()).to_string();
    node.uploads.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), attachment);
    Ok((id, size))
}

/// The file's name without folders: where somebody keeps a file is nobody's business.
fn base_name(name: &str) -> String {
    name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned()
}

/// Where a file is shared, and with whose secret: what its key is made of, together with what it holds.
#[derive(Clone)]
pub struct Sharing {
    /// A secret of this node.
    pub secret: Key,
    /// The partnership.
    pub partnership: PartnershipId,
    /// Among whom.
    pub space: SpaceId,
}

impl Sharing {
    /// The key for what was hashed.
    pub(super) fn key(&self, contents: &blake3::Hasher) -> Key {
        derive::attachment_key(&self.secret, &self.partnership, &self.space, contents.finalize().as_bytes())
    }
}

/// Encrypts an attachment of a draft anew, under a key for this file in this space only. Reads it twice: its key is made
/// of what it holds.
///
/// # Errors
/// [`AttachError`].
pub fn copy_for_sharing(
    store: &Store,
    original: &Attachment,
    sharing: &Sharing,
) -> Result<Attachment, AttachError> {
    let count = chunk::count(original.size);
    let mut contents = blake3::Hasher::new();
    for index in 0..count {
        contents.update(&read_chunk(store, original, index)?);
    }
    let mut writer = BlobWriter::under(store, sharing.key(&contents));
    for index in 0..count {
        let plain = read_chunk(store, original, index)?;
        writer.write(&plain)?;
    }
    writer.finish(original.name.clone(), original.media_type.clone())
}

/// One chunk of an attachment in the clear.
///
/// # Errors
/// [`AttachError`] if it is not here, or damaged.
pub fn read_chunk(
    store: &Store,
    attachment: &Attachment,
    index: u64,
) -> Result<Zeroizing<Vec<u8>>, AttachError> {
    let len = chunk::sealed_len(attachment.size, index);
    let sealed = store.blobs.get_chunk(&attachment.blob.0, index, len)?;
    let key: Key = Zeroizing::new(attachment.key);
    let last = index + 1 == chunk::count(attachment.size);
    Ok(chunk::open(&key, index, last, &sealed)?)
}

/// Writes a file's chunks under a temporary id, since the real one is the hash of all of them.
pub(super) struct BlobWriter<'a> {
    store: &'a Store,
    key: Key,
    temporary: [u8; 32],
    pending: Zeroizing<Vec<u8>>,
    hashes: Vec<Hash>,
    size: u64,
}

impl<'a> BlobWriter<'a> {
    /// Under a key of its own.
    pub(super) fn new(store: &'a Store) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        SystemRandom.fill_bytes(key.as_mut());
        Self::under(store, key)
    }

    /// Under a key that no other contents have.
    pub(super) fn under(store: &'a Store, key: Key) -> Self {
        let mut temporary = [0; 32];
        SystemRandom.fill_bytes(&mut temporary);
        let pending = Zeroizing::new(Vec::with_capacity(limits::CHUNK));
        Self { store, key, temporary, pending, hashes: Vec::new(), size: 0 }
    }

    pub(super) fn write(&mut self, mut bytes: &[u8]) -> Result<(), AttachError> {
        while !bytes.is_empty() {
            // A full chunk waits until it is known that another follows: the last one is marked.
            if self.pending.len() == limits::CHUNK {
                self.put(false)?;
            }
            let room = limits::CHUNK - self.pending.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.pending.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    fn put(&mut self, last: bool) -> Result<(), AttachError> {
        let index = self.hashes.len() as u64;
        let sealed = chunk::seal(&self.key, index, last, &self.pending).inspect_err(|_| self.abandon())?;
        self.store.blobs.put_chunk(&self.temporary, index, &sealed).inspect_err(|_| self.abandon())?;
        self.hashes.push(derive::chunk_hash(index, &sealed));
        self.size += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    pub(super) fn finish(mut self, name: String, media_type: String) -> Result<Attachment, AttachError> {
        self.put(true)?;
        let blob: BlobId = derive::blob_id(&self.hashes);
        self.store.blobs.rename(&self.temporary, &blob.0)?;
        self.store.blobs.sync(&blob.0)?;
        chunks::keep(self.store, &blob, &self.hashes);
        let mut salt = [0; 16];
        SystemRandom.fill_bytes(&mut salt);
        Ok(Attachment { salt, name, media_type, size: self.size, blob, key: *self.key })
    }

    pub(super) fn abandon(&self) {
        let _nothing_to_do_about_it = self.store.blobs.remove(&self.temporary);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::store::StoreKey;

    #[test]
    fn the_same_file_is_one_ciphertext_within_a_space_and_unrelated_ones_elsewhere() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path(), &StoreKey::from_bytes(Zeroizing::new([7; 32]))).unwrap().0;
        let taken_in = |last: u8| {
            let mut writer = BlobWriter::new(&store);
            writer.write(&vec![9; 3 * limits::CHUNK + 4]).unwrap();
            writer.write(&[last]).unwrap();
            writer.finish("film.bin".into(), String::new()).unwrap()
        };
        let sharing = |secret: u8, partnership: u8, space: u8| Sharing {
            secret: Zeroizing::new([secret; 32]),
            partnership: PartnershipId([partnership; 32]),
            space: SpaceId([space; 32]),
        };
        let shared = |file: &Attachment, place| copy_for_sharing(&store, file, &place).unwrap();
        let (file, again, other) = (taken_in(9), taken_in(9), taken_in(8));
        assert_ne!(file.blob, again.blob, "at home each has a key of its own");
        let copy = shared(&file, sharing(1, 1, 1));
        assert_eq!(copy.blob, shared(&again, sharing(1, 1, 1)).blob, "stored and sent once");
        let sealed = |copy: &Attachment, index| {
            store.blobs.get_chunk(&copy.blob.0, index, chunk::sealed_len(copy.size, index)).unwrap()
        };
        let elsewhere = [
            shared(&file, sharing(2, 1, 1)),
            shared(&file, sharing(1, 2, 1)),
            shared(&file, sharing(1, 1, 2)),
            shared(&other, sharing(1, 1, 1)),
        ];
        for found in &elsewhere {
            assert_ne!((found.blob, found.key), (copy.blob, copy.key));
            for (first, second) in (0..4).zip(0..4) {
                assert_ne!(sealed(&copy, first), sealed(found, second));
            }
        }
        assert_eq!(read_chunk(&store, &copy, 3).unwrap().as_slice(), [9; 5]);
    }
}
