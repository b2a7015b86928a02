//! sled's files: opened, asked, closed, and whether they can be trusted. There is nothing here to read without the
//! index' key, and none is needed to open them.
//!
//! sled 0.34 never calls fsync on Linux, so its files are trusted only if they were closed and synced by us, or
//! if the computer has not restarted since (a kill leaves the page cache intact, a power cut does not). A marker
//! file says which. sled panics on damaged pages: every call is made where a panic becomes an error.

use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use super::{IndexError, Rebuild};
use crate::store::disk::{private_dir, sync_dir};
use crate::store::marker::{Marker, boot_id};

/// sled's page cache, in bytes: the operating system caches the file as well.
const CACHE_BYTES: u64 = 8 << 20;
/// sled writes its buffers out this often, in milliseconds. What a kill loses is replayed from the journal.
const FLUSH_EVERY_MS: u64 = 500;
/// How often, and how many times, to look whether sled's file is free: 5 s in all.
const HELD: (Duration, u32) = (Duration::from_millis(10), 500);

/// Open files of an index. Dropping them is as if the node were killed; [`Files::close`] makes them last.
pub(crate) struct Files {
    dir: PathBuf,
    db: Option<sled::Db>,
    damaged: AtomicBool,
}

impl Files {
    /// Opens the files in the folder of an index, or says why they are not used.
    ///
    /// # Errors
    /// [`IndexError::Io`] if the folder cannot be written.
    pub(crate) fn open(dir: &Path) -> Result<Result<Self, Rebuild>, IndexError> {
        let io = |source| IndexError::Io { path: dir.to_owned(), source };
        private_dir(dir).map_err(io)?;
        let marker = Marker::of(dir);
        if let Some(doubt) = marker.doubt(&boot_id()) {
            return Ok(Err(doubt));
        }
        // From here on the files change: until they are closed, they are trusted for this boot only.
        marker.write_open(&boot_id()).map_err(io)?;
        Ok(Self::open_sled(dir).map_err(|error| {
            tracing::warn!(%error, "the index is rebuilt");
            Rebuild::Damaged
        }))
    }

    /// Discards whatever there is, and opens empty ones, which are not trusted before [`Files::are_trusted`].
    ///
    /// # Errors
    /// [`IndexError`].
    pub(super) fn anew(dir: &Path) -> Result<Self, IndexError> {
        let io = |source| IndexError::Io { path: dir.to_owned(), source };
        let marker = Marker::of(dir);
        // A crash in the middle of removing must not leave half a database that is trusted.
        marker.write_discard().map_err(io)?;
        match std::fs::remove_dir_all(dir.join("sled")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(error)),
            _ => {}
        }
        marker.is_fresh().map_err(io)?;
        sync_dir(dir).map_err(io)?;
        Self::open_sled(dir)
    }

    /// From now on they can be opened again.
    pub(super) fn are_trusted(&self) -> Result<(), IndexError> {
        Marker::of(&self.dir).write_open(&boot_id()).map_err(|source| self.io(source))
    }

    /// As [`super::Index::make_anew_when_opened`].
    pub(super) fn make_anew_when_opened(&self) -> Result<(), IndexError> {
        Marker::of(&self.dir).write_stale().map_err(|source| self.io(source))
    }

    /// Calls sled; an error or a panic of it becomes ours, and the files are not trusted again.
    pub(super) fn ask<T>(&self, call: impl FnOnce(&sled::Db) -> sled::Result<T>) -> Result<T, IndexError> {
        let db = self.db.as_ref().ok_or_else(|| damaged("it is closed"))?;
        guarded(|| call(db)).map_err(|error| self.distrust(error))
    }

    /// Were they not found damaged?
    pub(super) fn are_sound(&self) -> Result<(), IndexError> {
        match self.damaged.load(Ordering::SeqCst) {
            false => Ok(()),
            // The marker says so already, and must go on saying it.
            true => Err(damaged("it was found damaged while it was open")),
        }
    }

    /// What they hold makes no sense: they are discarded when they are next opened.
    pub(super) fn distrust(&self, reason: String) -> IndexError {
        if !self.damaged.swap(true, Ordering::SeqCst) {
            // If even this fails, the same damage will be met again.
            let _ = Marker::of(&self.dir).write_discard();
        }
        IndexError::Damaged(reason)
    }

    /// Writes everything out durably and closes, so that they are trusted after a restart too.
    ///
    /// # Errors
    /// Fails if they could not be synced; they are then discarded on the next restart.
    pub(crate) fn close(mut self) -> Result<(), IndexError> {
        self.ask(|db| db.flush().map(|_| ()))?;
        self.let_go().map_err(|error| self.distrust(error))?;
        self.are_sound()?;
        sync_tree(&self.dir.join("sled")).map_err(|source| self.io(source))?;
        Marker::of(&self.dir).write_closed().map_err(|source| self.io(source))
    }

    /// sled may panic while it writes out its last pages.
    fn let_go(&mut self) -> Result<(), String> {
        let db = self.db.take();
        guarded(move || {
            drop(db);
            Ok(())
        })
    }

    fn open_sled(dir: &Path) -> Result<Self, IndexError> {
        let sled = dir.join("sled");
        let io = |source| IndexError::Io { path: sled.clone(), source };
        private_dir(&sled).map_err(io)?;
        remove_stray_snapshots(&sled).map_err(io)?;
        wait_until_free(&sled.join("db")).map_err(io)?;
        let config = sled::Config::new().path(&sled).cache_capacity(CACHE_BYTES);
        let db =
            guarded(|| config.flush_every_ms(Some(FLUSH_EVERY_MS)).open()).map_err(IndexError::Damaged)?;
        Ok(Self { dir: dir.to_owned(), db: Some(db), damaged: AtomicBool::new(false) })
    }

    fn io(&self, source: io::Error) -> IndexError {
        IndexError::Io { path: self.dir.clone(), source }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _nobody_to_tell = self.let_go();
    }
}

pub(super) fn damaged(reason: &str) -> IndexError {
    IndexError::Damaged(reason.to_owned())
}

/// Threads of sled can hold its file for a moment after it was closed, and keep it from being opened: those of this
/// process, since the folder is locked.
fn wait_until_free(db: &Path) -> io::Result<()> {
    let file = match File::open(db) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    for _ in 0..HELD.1 {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) => std::thread::sleep(HELD.0),
            // Closing the file gives it back.
            locked => return locked.map_err(Into::into),
        }
    }
    Ok(())
}

/// A snapshot that a kill left unfinished keeps sled from opening.
fn remove_stray_snapshots(dir: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let stray = name.to_str().is_some_and(|n| n.starts_with("snap.") && n.ends_with(".generating"));
        if stray {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn guarded<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the database panicked".to_owned()),
    }
}

/// Makes all files in a folder durable, and their names.
fn sync_tree(dir: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_tree(&entry.path())?;
        } else {
            File::open(entry.path())?.sync_all()?;
        }
    }
    sync_dir(dir)
}
