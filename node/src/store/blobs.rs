//! Attachments: files of ciphertext chunks of a fixed stride, named by keyed hashes. The caller encrypts and
//! verifies the chunks; this module only keeps them, so what it returns may be damaged or missing.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use super::disk::{Disk, private_dir, sync_dir};
use super::keys::{Purpose, StoreKey};
use super::recover::read_up_to;

/// The length of every chunk but the last, in bytes: 64 KiB of contents and a tag of 16.
pub const CHUNK_STRIDE: usize = (64 << 10) + 16;
/// The most chunks of one attachment: about 1 TiB. A peer names chunk numbers, and must not reach further.
pub const MAX_CHUNKS: u64 = 1 << 24;

/// What the file with the list of an attachment's chunks ends in.
const LIST: &str = "list";

/// The id of an attachment, as the protocol knows it.
pub type BlobId = [u8; 32];

/// Why a chunk could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The file could not be used.
    #[error("the attachment file {} cannot be used", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The attachment, or this chunk of it, is not here (any more).
    #[error("chunk {index} of the attachment is not here")]
    Missing {
        /// The number of the chunk, from 0.
        index: u64,
    },
    /// A chunk number from [`MAX_CHUNKS`] on.
    #[error("chunk {index} is beyond the largest attachment")]
    TooFar {
        /// The number that was refused.
        index: u64,
    },
    /// A chunk that is empty or longer than [`CHUNK_STRIDE`].
    #[error("an attachment chunk cannot have {bytes} bytes")]
    BadLength {
        /// The length that was refused.
        bytes: usize,
    },
}

/// The folder of attachments.
pub struct Blobs {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    names: Zeroizing<[u8; 32]>,
    written: Last,
    read: Last,
}

/// The attachment that was used last, and its open file: whoever takes or gives one chunk does so with many.
#[derive(Default)]
struct Last(Mutex<Option<(BlobId, Arc<File>)>>);

impl Last {
    fn lock(&self) -> MutexGuard<'_, Option<(BlobId, Arc<File>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, id: &BlobId, open: impl FnOnce() -> io::Result<File>) -> io::Result<Arc<File>> {
        let mut last = self.lock();
        if let Some((_, file)) = last.as_ref().filter(|(of, _)| of == id) {
            return Ok(file.clone());
        }
        let file = Arc::new(open()?);
        *last = Some((*id, file.clone()));
        Ok(file)
    }

    fn forget(&self) {
        *self.lock() = None;
    }
}

impl Blobs {
    pub(crate) fn open(disk: Arc<dyn Disk>, dir: &Path, key: &StoreKey) -> io::Result<Self> {
        private_dir(dir)?;
        Ok(Self {
            disk,
            dir: dir.to_owned(),
            names: key.derive(Purpose::BlobNames),
            written: Last::default(),
            read: Last::default(),
        })
    }

    /// Stores one chunk; durable after [`Blobs::sync`].
    ///
    /// # Errors
    /// Refuses numbers and lengths that no attachment has.
    pub fn put_chunk(&self, id: &BlobId, index: u64, bytes: &[u8]) -> Result<(), BlobError> {
        let offset = chunk_offset(index, bytes.len())?;
        let open = || match self.disk.open(&self.path(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                private_dir(&self.shard(id))?;
                self.disk.open(&self.path(id))
            }
            opened => opened,
        };
        let written = self.written.file(id, open).and_then(|file| self.disk.write_at(&file, bytes, offset));
        written.map_err(|source| BlobError::Io { path: self.path(id), source })
    }

    /// Reads one chunk of exactly `len` bytes. A chunk that was never written before a later one reads as
    /// zeros: the caller's check of the chunk finds that.
    ///
    /// # Errors
    /// [`BlobError::Missing`] if the file ends before the chunk does.
    pub fn get_chunk(&self, id: &BlobId, index: u64, len: usize) -> Result<Vec<u8>, BlobError> {
        let offset = chunk_offset(index, len)?;
        let mut bytes = vec![0; len];
        let file = self.read.file(id, || File::open(self.path(id)));
        match file.and_then(|file| read_up_to(&file, &mut bytes, offset)) {
            Ok(read) if read == len => Ok(bytes),
            Ok(_) => Err(BlobError::Missing { index }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(BlobError::Missing { index }),
            Err(source) => Err(BlobError::Io { path: self.path(id), source }),
        }
    }

    /// Keeps a list of what the chunks of an attachment hash to, so that they need not be read for it. Not durable: it
    /// can be made again, and whoever reads it checks it.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub fn put_list(&self, id: &BlobId, bytes: &[u8]) -> Result<(), BlobError> {
        let path = self.list(id);
        let written = self.disk.create(&path).and_then(|file| self.disk.write_at(&file, bytes, 0));
        written.map_err(|source| BlobError::Io { path, source })
    }

    /// The list of an attachment's chunks, if it has so many bytes.
    #[must_use]
    pub fn get_list(&self, id: &BlobId, len: usize) -> Option<Vec<u8>> {
        let file = File::open(self.list(id)).ok()?;
        if file.metadata().ok()?.len() != len as u64 {
            return None;
        }
        let mut bytes = vec![0; len];
        (read_up_to(&file, &mut bytes, 0).ok()? == len).then_some(bytes)
    }

    /// Has the disk begin to write these chunks, and waits for nothing: a hint, so that [`Blobs::sync`] has less to wait for.
    pub fn write_out(&self, id: &BlobId, chunks: Range<u64>) {
        let stride = CHUNK_STRIDE as u64;
        if let Ok(file) = File::open(self.path(id)) {
            self.disk.write_out(&file, chunks.start * stride..chunks.end * stride);
        }
    }

    /// Makes the chunks of an attachment durable, and its name.
    ///
    /// # Errors
    /// [`BlobError::Missing`] if there is no such attachment.
    pub fn sync(&self, id: &BlobId) -> Result<(), BlobError> {
        let path = self.path(id);
        let synced = File::open(&path).and_then(|file| {
            self.disk.sync(&file)?;
            self.disk.sync_dir(&self.shard(id))?;
            self.disk.sync_dir(&self.dir)
        });
        synced.map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => BlobError::Missing { index: 0 },
            _ => BlobError::Io { path, source },
        })
    }

    /// The length of an attachment's file, in bytes of ciphertext; `None` if it is not here.
    ///
    /// # Errors
    /// Fails if the system cannot tell.
    pub fn len(&self, id: &BlobId) -> Result<Option<u64>, BlobError> {
        let path = self.path(id);
        match std::fs::metadata(&path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(BlobError::Io { path, source }),
        }
    }

    /// Gives an attachment its final id, once all chunks are known; durable after [`Blobs::sync`].
    ///
    /// # Errors
    /// Fails if the file is not there or cannot be moved.
    pub fn rename(&self, from: &BlobId, to: &BlobId) -> Result<(), BlobError> {
        let path = self.path(to);
        let io = |source| BlobError::Io { path: path.clone(), source };
        private_dir(&self.shard(to)).map_err(io)?;
        let renamed = self.disk.rename(&self.path(from), &path);
        self.close();
        renamed.map_err(io)
    }

    /// Removes an attachment. One that is not here is removed already.
    ///
    /// # Errors
    /// Fails if the file cannot be removed.
    pub fn remove(&self, id: &BlobId) -> Result<(), BlobError> {
        let mut any = false;
        for path in [self.list(id), self.path(id)] {
            let removed = std::fs::remove_file(&path);
            self.close();
            match removed {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(BlobError::Io { path, source }),
                Ok(()) => any = true,
            }
        }
        let path = self.shard(id);
        let durable = if any { sync_dir(&path) } else { Ok(()) };
        durable.map_err(|source| BlobError::Io { path, source })
    }

    /// Closes what is kept open, once names lead elsewhere: nothing is read from a file that is gone, or written to it,
    /// and the disk has its room back.
    fn close(&self) {
        self.written.forget();
        self.read.forget();
    }

    fn path(&self, id: &BlobId) -> PathBuf {
        let name = self.name(id);
        self.dir.join(name.get(..2).unwrap_or_default()).join(name.get(2..).unwrap_or_default())
    }

    fn list(&self, id: &BlobId) -> PathBuf {
        self.path(id).with_extension(LIST)
    }

    fn shard(&self, id: &BlobId) -> PathBuf {
        self.dir.join(self.name(id).get(..2).unwrap_or_default())
    }

    fn name(&self, id: &BlobId) -> String {
        data_encoding::HEXLOWER.encode(blake3::keyed_hash(&self.names, id).as_bytes())
    }
}

fn chunk_offset(index: u64, len: usize) -> Result<u64, BlobError> {
    if len == 0 || len > CHUNK_STRIDE {
        return Err(BlobError::BadLength { bytes: len });
    }
    if index >= MAX_CHUNKS {
        return Err(BlobError::TooFar { index });
    }
    Ok(index * CHUNK_STRIDE as u64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::super::disk::RealDisk;
    use super::super::faulty::FaultyDisk;
    use super::*;

    fn blobs(dir: &Path) -> Blobs {
        Blobs::open(Arc::new(RealDisk), dir, &StoreKey::from_bytes(Zeroizing::new([3; 32]))).unwrap()
    }

    const ID: BlobId = [0xab; 32];

    #[test]
    fn chunks_come_back_in_any_order_and_survive_reopening() {
        let home = tempfile::tempdir().unwrap();
        let store = blobs(home.path());
        assert_eq!(store.len(&ID).unwrap(), None);
        store.put_chunk(&ID, 1, b"last").unwrap();
        store.put_chunk(&ID, 0, &[7; CHUNK_STRIDE]).unwrap();
        store.sync(&ID).unwrap();
        let store = blobs(home.path());
        assert_eq!(store.get_chunk(&ID, 0, CHUNK_STRIDE).unwrap(), vec![7; CHUNK_STRIDE]);
        assert_eq!(store.get_chunk(&ID, 1, 4).unwrap(), b"last");
        assert_eq!(store.len(&ID).unwrap(), Some(CHUNK_STRIDE as u64 + 4));
        store.remove(&ID).unwrap();
        store.remove(&ID).unwrap();
        assert!(matches!(store.get_chunk(&ID, 0, 4), Err(BlobError::Missing { index: 0 })));
        assert!(matches!(store.sync(&ID), Err(BlobError::Missing { .. })));
    }

    #[test]
    fn what_was_removed_or_renamed_is_neither_read_nor_written_any_more() {
        let home = tempfile::tempdir().unwrap();
        let store = blobs(home.path());
        store.put_chunk(&ID, 0, b"old").unwrap();
        assert_eq!(store.get_chunk(&ID, 0, 3).unwrap(), b"old");
        store.remove(&ID).unwrap();
        assert!(matches!(store.get_chunk(&ID, 0, 3), Err(BlobError::Missing { .. })));
        store.put_chunk(&ID, 0, b"new").unwrap();
        assert_eq!(store.get_chunk(&ID, 0, 3).unwrap(), b"new");
        let other = [0xcd; 32];
        store.rename(&ID, &other).unwrap();
        assert!(matches!(store.get_chunk(&ID, 0, 3), Err(BlobError::Missing { .. })));
        store.put_chunk(&ID, 0, b"one").unwrap();
        assert_eq!(store.get_chunk(&other, 0, 3).unwrap(), b"new");
        assert_eq!(store.get_chunk(&ID, 0, 3).unwrap(), b"one");
    }

    #[test]
    fn a_truncated_file_misses_chunks_and_does_not_panic() {
        let home = tempfile::tempdir().unwrap();
        let store = blobs(home.path());
        store.put_chunk(&ID, 0, &[7; CHUNK_STRIDE]).unwrap();
        for len in [CHUNK_STRIDE as u64 - 1, 1, 0] {
            File::options().write(true).open(store.path(&ID)).unwrap().set_len(len).unwrap();
            assert!(matches!(store.get_chunk(&ID, 0, CHUNK_STRIDE), Err(BlobError::Missing { .. })));
        }
    }

    #[test]
    fn numbers_and_lengths_beyond_the_bounds_are_refused() {
        let home = tempfile::tempdir().unwrap();
        let store = blobs(home.path());
        for index in [MAX_CHUNKS, u64::MAX] {
            assert!(matches!(store.put_chunk(&ID, index, b"x"), Err(BlobError::TooFar { .. })));
            assert!(matches!(store.get_chunk(&ID, index, 1), Err(BlobError::TooFar { .. })));
        }
        for len in [0, CHUNK_STRIDE + 1] {
            assert!(matches!(store.put_chunk(&ID, 0, &vec![0; len]), Err(BlobError::BadLength { .. })));
            assert!(matches!(store.get_chunk(&ID, 0, len), Err(BlobError::BadLength { .. })));
        }
    }

    /// Stores two chunks under a temporary id, and gives them their name.
    fn store_two(store: &Blobs) -> Result<(), BlobError> {
        let temporary = [0xcd; 32];
        store.put_chunk(&temporary, 0, &[7; CHUNK_STRIDE])?;
        store.put_chunk(&temporary, 1, b"last")?;
        store.rename(&temporary, &ID)?;
        store.sync(&ID)
    }

    #[test]
    fn an_io_error_at_any_call_is_told_and_what_has_its_name_is_whole() {
        let key = StoreKey::from_bytes(Zeroizing::new([3; 32]));
        for call in 1.. {
            let home = tempfile::tempdir().unwrap();
            let disk = Arc::new(FaultyDisk::failing_at(call));
            let store = Blobs::open(disk.clone(), home.path(), &key).unwrap();
            let stored = store_two(&store);
            assert_eq!(stored.is_err(), disk.failed(), "call {call}: an error is never swallowed");
            if store.len(&ID).unwrap().is_some() {
                assert_eq!(
                    store.get_chunk(&ID, 0, CHUNK_STRIDE).unwrap(),
                    vec![7; CHUNK_STRIDE],
                    "call {call}"
                );
                assert_eq!(store.get_chunk(&ID, 1, 4).unwrap(), b"last", "call {call}");
            }
            if stored.is_ok() {
                assert!(call > 8, "{call}");
                break;
            }
            store_two(&store).unwrap();
            assert_eq!(store.get_chunk(&ID, 1, 4).unwrap(), b"last", "call {call}: it can be stored again");
        }
    }

    #[test]
    fn a_torn_write_on_a_full_disk_is_an_error_and_never_a_chunk() {
        let home = tempfile::tempdir().unwrap();
        let disk = Arc::new(FaultyDisk::default());
        let key = StoreKey::from_bytes(Zeroizing::new([3; 32]));
        let store = Blobs::open(disk.clone(), home.path(), &key).unwrap();
        *disk.full.lock().unwrap() = Some(1_000);
        assert!(store.put_chunk(&ID, 0, &[7; CHUNK_STRIDE]).is_err());
        assert!(matches!(store.get_chunk(&ID, 0, CHUNK_STRIDE), Err(BlobError::Missing { .. })));
        *disk.full.lock().unwrap() = None;
        store.put_chunk(&ID, 0, &[7; CHUNK_STRIDE]).unwrap();
        assert_eq!(store.get_chunk(&ID, 0, CHUNK_STRIDE).unwrap(), vec![7; CHUNK_STRIDE]);
    }
}
