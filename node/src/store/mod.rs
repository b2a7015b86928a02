//! The store: what must last is appended to the [`journal`], the one truth; the [`index`] over it is rebuilt
//! from it whenever in doubt; attachments are files ([`blobs`]). Start from [`Store`].
//!
//! ```text
//! home/
//!   lock                 who has the store open
//!   journal/00000001.seg frames, encrypted and chained by hashes
//!   index/state          whether sled's files can be trusted
//!   index/sled/          tables, encrypted pages
//!   blobs/ab/cdef…       attachments: chunks encrypted by the caller
//! ```

pub mod batch;
pub mod blobs;
pub mod compact;
mod disk;
mod erase;
#[cfg(test)]
pub(crate) mod faulty;
pub mod frame;
pub mod index;
pub mod journal;
pub mod keys;
pub mod lock;
mod marker;
pub mod recover;
mod room;
pub mod writer;

use std::io;
use std::path::{Path, PathBuf};

pub use batch::Batch;
pub use blobs::{BlobError, BlobId, Blobs};
pub use frame::Position;
pub use index::{Index, IndexError, Rebuild, Span};
pub use journal::{Journal, JournalError, Pending, ReadError, SEGMENT_BYTES};
pub use keys::StoreKey;
pub use lock::LockError;
pub use recover::{DamageKind, DamagedRange};

#[cfg(test)]
pub(crate) use disk::write_temp;
pub(crate) use disk::{parent, private_dir, replace_file, sync_dir};

use index::Files;
use lock::Lock;
use room::Room;

/// The most damaged ranges that replay lists; the rest are counted.
const MAX_LISTED_DAMAGE: usize = 1_024;

/// An open store. Dropping it leaves everything safe; [`Store::close`] also lets the next start trust the index
/// after a restart of the computer.
pub struct Store {
    /// What must last.
    pub journal: Journal,
    /// Tables over the journal.
    pub index: Index,
    /// Attachments.
    pub blobs: Blobs,
    room: Room,
    /// Released last.
    _lock: Lock,
}

/// A store's folder that nobody else has open, before there is a key for it.
pub struct Locked {
    home: PathBuf,
    lock: Lock,
}

/// A locked folder of which what takes no key is open.
pub struct Begun {
    locked: Locked,
    /// The index' files, or why they are not used.
    index: Result<Files, Rebuild>,
}

/// What opening a store found.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// What opening the journal found.
    pub journal: recover::Recovery,
    /// Why the index is empty and must be replayed; `None` if it only has to catch up.
    pub rebuild: Option<Rebuild>,
}

impl Recovery {
    /// Whether the journal ends before what had been applied from it: acknowledged frames are gone, as after
    /// damage to its end or after restoring an old copy. Sequence numbers may have been used already.
    pub fn lost_acknowledged(&self) -> bool {
        self.rebuild == Some(Rebuild::Ahead)
    }
}

/// Why a store could not be opened or closed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it open.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The index failed.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A folder could not be created.
    #[error("the folder {} cannot be used", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Why a replay stopped. What was applied before stays applied.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError<E: std::error::Error + 'static> {
    /// The journal could not be listed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The index could not be written.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The caller could not apply a frame.
    #[error("the journal entry at segment {}, byte {} cannot be applied", at.segment, at.offset)]
    Apply {
        /// The position of the frame.
        at: Position,
        /// What the caller said.
        source: E,
    },
}

/// What a replay did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Frames applied.
    pub frames: u64,
    /// Damaged ranges skipped: the first 1,024 of them.
    pub damaged: Vec<DamagedRange>,
    /// Damaged ranges skipped, all of them.
    pub damaged_count: u64,
}

/// An empty file in the home: the journal ended before what had been applied, and nobody has acted on it.
const CUT: &str = "journal.cut";

fn folder(path: &Path, source: io::Error) -> StoreError {
    StoreError::Folder { path: path.to_owned(), source }
}

impl Locked {
    /// Opens what takes no key: while the passphrase takes its time, say.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn begin(self) -> Result<Begun, StoreError> {
        compact::finish(&self.home).map_err(|e| folder(&self.home, e))?;
        let index = Files::open(&self.home.join("index"))?;
        Ok(Begun { locked: self, index })
    }

    /// The folder.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }
}

impl Begun {
    /// Opens the store, and creates what is missing. The caller then calls [`Store::replay`], so that the index
    /// catches up with the journal.
    ///
    /// # Errors
    /// Names the part that failed. A wrong key changes nothing.
    pub fn open(self, key: &StoreKey) -> Result<(Store, Recovery), StoreError> {
        let Self { locked: Locked { home, lock }, index: files } = self;
        let (journal, found) = Journal::open(&home.join("journal"), key)?;
        let index_dir = home.join("index");
        let (mut index, mut rebuild) = Index::over(files, &index_dir, key)?;
        if index.cursor() > journal.end() {
            // Survives a crash before the caller has acted on it.
            crate::home::write_private(&home.join(CUT), b"").map_err(|e| folder(&home, e))?;
            drop(index);
            index = Index::open_empty(&index_dir, key)?;
            rebuild = Some(Rebuild::Ahead);
        }
        if home.join(CUT).exists() {
            rebuild = Some(Rebuild::Ahead);
        }
        let blobs_dir = home.join("blobs");
        let blobs = Blobs::open(std::sync::Arc::new(disk::RealDisk), &blobs_dir, key)
            .map_err(|e| folder(&blobs_dir, e))?;
        disk::sync_dir(&home).map_err(|e| folder(&home, e))?;
        let recovery = Recovery { journal: found, rebuild };
        let room = Room::of(home);
        Ok((Store { journal, index, blobs, room, _lock: lock }, recovery))
    }

    /// Closes it, since there is no key.
    ///
    /// # Errors
    /// As [`Store::close`].
    pub fn leave(self) -> Result<(), StoreError> {
        self.index.map_or(Ok(()), Files::close).map_err(Into::into)
    }
}

impl Store {
    /// Locks the folder of a store, which is made if there is none.
    ///
    /// # Errors
    /// [`LockError::LockedBy`] if somebody has it open.
    pub fn lock(home: &Path) -> Result<Locked, StoreError> {
        private_dir(home).map_err(|e| folder(home, e))?;
        let lock = Lock::acquire(&home.join("lock"))?;
        Ok(Locked { home: home.to_owned(), lock })
    }

    /// Locks and opens the store in a folder, as [`Begun::open`].
    ///
    /// # Errors
    /// Of the two.
    pub fn open(home: &Path, key: &StoreKey) -> Result<(Self, Recovery), StoreError> {
        Self::lock(home)?.begin()?.open(key)
    }

    /// After the caller has made durable that the journal ends too early: later openings say nothing of it.
    ///
    /// # Errors
    /// [`StoreError::Folder`].
    pub fn cut_is_known(home: &Path) -> Result<(), StoreError> {
        match std::fs::remove_file(home.join(CUT)) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::Folder { path: home.to_owned(), source })
            }
            _ => Ok(()),
        }
    }

    /// Brings the index up to the present end of the journal: hands every frame after its cursor to `apply`, in
    /// order, and applies what that puts into the batch before the next one, since what is made of a frame depends on
    /// what was made of those before it. Damaged frames are skipped and listed.
    ///
    /// # Errors
    /// Stops at the first frame that cannot be read by the system, applied, or indexed.
    pub fn replay<E: std::error::Error + 'static>(
        &self,
        mut apply: impl FnMut(Position, &[u8], &mut Batch<'_>) -> Result<(), E>,
    ) -> Result<Replayed, ReplayError<E>> {
        let mut replayed = Replayed::default();
        let mut scan = self.journal.scan(self.index.cursor())?;
        let mut passed = false;
        while let Some((at, frame)) = scan.next() {
            passed = true;
            match frame {
                Ok(payload) => {
                    let mut batch = self.index.batch();
                    apply(at, &payload, &mut batch).map_err(|source| ReplayError::Apply { at, source })?;
                    replayed.frames += 1;
                    if !batch.is_empty() {
                        self.index.apply(batch, scan.position())?;
                    }
                }
                Err(ReadError::Damaged(range)) => replayed.note(range),
                Err(error) => return Err(error.into()),
            }
        }
        if passed {
            self.index.apply(self.index.batch(), scan.position())?;
            self.index.write_out()?;
        }
        Ok(replayed)
    }

    /// Is so little room left on the disk that nothing new is to be begun? What is left is for what must be
    /// written: keys, membership, the index.
    #[must_use]
    pub fn is_disk_low(&self) -> bool {
        self.room.is_low()
    }

    /// Writes everything out and closes.
    ///
    /// # Errors
    /// Fails if the index could not be written out; it is then rebuilt on opening. The journal is safe anyway.
    pub fn close(self) -> Result<(), StoreError> {
        let Self { journal, index, _lock, .. } = self;
        journal.close();
        index.close()?;
        Ok(())
    }
}

impl Replayed {
    fn note(&mut self, range: DamagedRange) {
        self.damaged_count += 1;
        if self.damaged.len() < MAX_LISTED_DAMAGE {
            self.damaged.push(range);
        }
    }
}

#[cfg(test)]
mod tests;
