//! The index: sorted tables over the journal, in one sled tree. It can always be rebuilt, so it is discarded
//! whenever there is doubt about it. Start from [`Index`] and [`Batch`]; no sled type leaves this module.
//!
//! ```text
//! bound = table (1 byte) ‖ key bytes        (in the clear: hash what is confidential with `Index::name`)
//! page  = nonce (24 random) ‖ XChaCha20-Poly1305 (index key, nonce, AAD = bound) of its rows (`page.rs`)
//! ```
//!
//! What was applied is held in memory, and seen there, until it is written out (`fresh.rs`). sled's files, and whether
//! they can be trusted, are in `files.rs`: they are opened without a key.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::batch::{Batch, Changes};
use super::frame::Position;
use super::keys::{Purpose, StoreKey};

mod applied;
mod files;
mod fresh;
mod page;
mod paging;
mod range;
mod writing;

use applied::Applied;
pub(crate) use files::Files;
use files::damaged;
use fresh::Held;
use paging::Near;
pub use range::{Entry, Range, Span};

/// The largest value, in bytes: sled is slow and fragile above 64 KiB, sealing takes 40 bytes.
pub const MAX_VALUE: usize = 60 << 10;
/// The largest key, in bytes: names are 16 bytes, composed keys some dozens.
pub const MAX_KEY: usize = 1 << 10;
/// The table that this module keeps for itself; callers have 1 to 254, and 0 for a tally of their own.
const OWN_TABLE: u8 = 255;
const CURSOR_KEY: [u8; 7] = [OWN_TABLE, b'c', b'u', b'r', b's', b'o', b'r'];
const NONCE: usize = 24;

/// Why the index could not be used. The journal is not affected; opening the store again rebuilds the index.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The files of the index could not be read, written or removed.
    #[error("the index in {} cannot be used", path.display())]
    Io {
        /// The folder of the index.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The database inside is damaged. It is discarded and rebuilt when the store is opened again.
    #[error("the index is damaged and will be rebuilt on opening: {0}")]
    Damaged(String),
    /// A value over [`MAX_VALUE`], a key over [`MAX_KEY`], or a batch over [`MAX_BATCH_BYTES`](super::batch::MAX_BATCH_BYTES) or
    /// [`MAX_BATCH_CHANGES`](super::batch::MAX_BATCH_CHANGES).
    #[error("{bytes} bytes are too many for the index")]
    TooLarge {
        /// The length that was refused.
        bytes: usize,
    },
    /// Table 255 is reserved.
    #[error("table 255 of the index is reserved")]
    ReservedTable,
    /// A batch would have moved the cursor back, and so have hidden that something was applied.
    #[error("the index has been applied further than this batch says")]
    CursorMovedBack,
    /// The operating system's random source failed.
    #[error("the system's random source failed")]
    Random,
}

/// Why an index was opened empty, to be filled by replaying the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rebuild {
    /// There was none.
    New,
    /// The computer restarted while it was open.
    Restarted,
    /// It was damaged, half-written, of another version or of another key.
    Damaged,
    /// It knew more than the journal holds.
    Ahead,
    /// A record was erased, of which its files may still hold the title.
    Erased,
}

/// An open index.
pub struct Index {
    files: Files,
    cipher: XChaCha20Poly1305,
    names: Zeroizing<[u8; 32]>,
    held: RwLock<Held>,
    /// Held by whoever writes out.
    writing: Mutex<()>,
}

impl Index {
    /// Opens the index in a folder, or starts an empty one and says why.
    ///
    /// # Errors
    /// Fails only if the folder cannot be written or emptied.
    pub fn open(dir: &Path, key: &StoreKey) -> Result<(Self, Option<Rebuild>), IndexError> {
        Self::over(Files::open(dir)?, dir, key)
    }

    /// [`Index::open`] over its files, which were opened before there was a key.
    pub(crate) fn over(
        files: Result<Files, Rebuild>,
        dir: &Path,
        key: &StoreKey,
    ) -> Result<(Self, Option<Rebuild>), IndexError> {
        let rebuild = match files.map(|files| Self::read(files, key)) {
            Ok(Ok(index)) => return Ok((index, None)),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the index is rebuilt");
                Rebuild::Damaged
            }
            Err(why) => why,
        };
        Ok((Self::open_empty(dir, key)?, Some(rebuild)))
    }

    /// Something was erased: this index is made anew when it is next opened, since its files may keep what was
    /// deleted.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn make_anew_when_opened(&self) -> Result<(), IndexError> {
        self.files.make_anew_when_opened()
    }

    /// Discards whatever there is and starts an empty index.
    pub(crate) fn open_empty(dir: &Path, key: &StoreKey) -> Result<Self, IndexError> {
        let index = Self::new(Files::anew(dir)?, key);
        let _nothing = index.write_pages(&Applied::NOTHING, &Changes::default(), Position::START)?;
        index.files.are_trusted()?;
        Ok(index)
    }

    fn read(files: Files, key: &StoreKey) -> Result<Self, IndexError> {
        let index = Self::new(files, key);
        // The cursor is in every index: if it cannot be decrypted, the key or the database is wrong.
        let applied = index.cursor_row()?.ok_or_else(|| damaged("it has no cursor"))?;
        let applied = Applied::from_bytes(&applied).ok_or_else(|| damaged("it has another version"))?;
        *index.held_mut() = Held::of(applied);
        Ok(index)
    }

    fn new(files: Files, key: &StoreKey) -> Self {
        let cipher_key = key.derive(Purpose::IndexCipher);
        Self {
            files,
            cipher: XChaCha20Poly1305::new((&*cipher_key).into()),
            names: key.derive(Purpose::IndexNames),
            held: RwLock::new(Held::of(Applied::NOTHING)),
            writing: Mutex::default(),
        }
    }

    /// A keyed hash that stands for a name whose order does not matter and that must not be read from the disk.
    pub fn name(&self, table: u8, name: &[u8]) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_keyed(&self.names);
        hasher.update(&[table]).update(name);
        let mut short = [0; 16];
        hasher.finalize_xof().fill(&mut short);
        short
    }

    /// Everything before this position of the journal has been applied.
    pub fn cursor(&self) -> Position {
        self.held().cursor
    }

    /// How many rows a table has, or how many there are of what callers count by the number of no table. Rows are
    /// counted where they are written out, which is done first.
    pub fn tally(&self, tally: u8) -> u64 {
        let (count, unwritten) = self.held().tally(tally);
        if !unwritten {
            return count;
        }
        if let Err(error) = self.write_out() {
            tracing::error!(%error, "rows were not counted");
        }
        self.held().tally(tally).0
    }

    /// Is there a key that begins so?
    pub fn has(&self, table: u8, prefix: &[u8]) -> bool {
        self.range(table, Span::Prefix(prefix), false, 1).keys().any(|key| key.is_ok())
    }

    /// The value of a key.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] if the database fails or the value does not authenticate.
    pub fn get(&self, table: u8, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, IndexError> {
        self.get_full(&full_key(table, key)?)
    }

    /// The value of a key with its table.
    pub(crate) fn get_full(&self, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, IndexError> {
        let held = self.held();
        if let Some(change) = held.change(key) {
            return Ok(change.clone());
        }
        let Some(page) = self.page(&held.written, table_of(key), Near::At(key))? else { return Ok(None) };
        let row = self.rows(&page)?.into_iter().find(|row| row.0 == key);
        Ok(row.map(|(_, value)| Zeroizing::new(value.to_vec())))
    }

    /// At most `limit` entries of a part of a table, in the order of their keys, or the reverse.
    ///
    /// # Errors
    /// Each entry can be [`IndexError::Damaged`]; after a failure the iterator ends.
    pub fn range(&self, table: u8, span: Span<'_>, reverse: bool, limit: usize) -> Range<'_> {
        Range::new(self, (table, span), reverse, limit)
    }

    /// An empty batch of changes.
    pub fn batch(&self) -> Batch<'_> {
        Batch::new(self)
    }

    /// Applies a batch and the new cursor, together or not at all: seen at once, written out by [`Index::write_out`].
    ///
    /// # Errors
    /// [`IndexError::CursorMovedBack`] if the cursor is already further; [`IndexError::Damaged`] if the database
    /// fails, or did before.
    pub fn apply(&self, batch: Batch<'_>, cursor: Position) -> Result<(), IndexError> {
        self.files.are_sound()?;
        let mut held = self.held_mut();
        if cursor < held.cursor {
            return Err(IndexError::CursorMovedBack);
        }
        held.fresh.add(batch.into_changes());
        held.cursor = cursor;
        if held.is_full() {
            drop(held);
            self.write_out()?;
        }
        Ok(())
    }

    /// Writes everything out durably and closes, so that the index is trusted after a restart too.
    ///
    /// # Errors
    /// Fails if the files could not be synced; they are then discarded on the next restart.
    pub fn close(self) -> Result<(), IndexError> {
        self.write_out()?;
        self.files.close()
    }

    fn cursor_row(&self) -> Result<Option<Zeroizing<Vec<u8>>>, IndexError> {
        match self.files.ask(|db| db.get(CURSOR_KEY))? {
            Some(sealed) => self.open_value(&CURSOR_KEY, &sealed).map(Some),
            None => Ok(None),
        }
    }

    fn seal(&self, key: &[u8], value: &[u8]) -> Result<Vec<u8>, IndexError> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| IndexError::Random)?;
        let payload = Payload { msg: value, aad: key };
        let ciphertext = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| IndexError::TooLarge { bytes: value.len() })?;
        let mut sealed = Vec::with_capacity(NONCE + ciphertext.len());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        Ok(sealed)
    }

    fn open_value(&self, key: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, IndexError> {
        let opened = sealed.split_first_chunk::<NONCE>().and_then(|(nonce, msg)| {
            self.cipher.decrypt(&XNonce::from(*nonce), Payload { msg, aad: key }).ok()
        });
        match opened {
            Some(value) => Ok(Zeroizing::new(value)),
            None => Err(self.files.distrust("a value does not authenticate".to_owned())),
        }
    }

    /// To be kept while sled is asked: what leaves is seen until sled has it.
    fn held(&self) -> RwLockReadGuard<'_, Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn held_mut(&self) -> RwLockWriteGuard<'_, Held> {
        self.held.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The table that a full key is of.
fn table_of(full: &[u8]) -> u8 {
    full.first().copied().unwrap_or(OWN_TABLE)
}

/// The key as sled has it.
pub(crate) fn full_key(table: u8, key: &[u8]) -> Result<Vec<u8>, IndexError> {
    if table == OWN_TABLE {
        return Err(IndexError::ReservedTable);
    }
    if key.len() > MAX_KEY {
        return Err(IndexError::TooLarge { bytes: key.len() });
    }
    let mut full = Vec::with_capacity(key.len() + 1);
    full.push(table);
    full.extend_from_slice(key);
    Ok(full)
}

#[cfg(test)]
mod tests;
