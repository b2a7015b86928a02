//! A disk for tests that counts, remembers what it was asked for, and fails when told.
#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::disk::{Disk, RealDisk};

/// See the module.
#[derive(Default)]
pub(crate) struct FaultyDisk {
    pub(crate) calls: AtomicUsize,
    pub(crate) syncs: AtomicUsize,
    /// Which call fails, counted from 1.
    pub(crate) fail_at: AtomicUsize,
    /// Bytes that still fit; writes beyond are cut short, as on a full disk.
    pub(crate) full: Mutex<Option<usize>>,
    /// Held while syncs must wait.
    pub(crate) gate: Mutex<()>,
    /// What was asked for, in order.
    pub(crate) asked: Mutex<Vec<&'static str>>,
}

impl FaultyDisk {
    /// One whose call of this number fails.
    pub(crate) fn failing_at(call: usize) -> FaultyDisk {
        FaultyDisk { fail_at: AtomicUsize::new(call), ..FaultyDisk::default() }
    }

    /// Whether the call that was to fail did.
    pub(crate) fn failed(&self) -> bool {
        self.calls.load(Ordering::SeqCst) >= self.fail_at.load(Ordering::SeqCst)
    }

    fn call(&self, what: &'static str) -> io::Result<()> {
        self.asked.lock().unwrap().push(what);
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        if call == self.fail_at.load(Ordering::SeqCst) {
            return Err(io::Error::from_raw_os_error(5));
        }
        Ok(())
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<File> {
        self.call("create")?;
        RealDisk.create(path)
    }
    fn open(&self, path: &Path) -> io::Result<File> {
        self.call("open")?;
        RealDisk.open(path)
    }
    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        if let Err(error) = self.call("write") {
            // A failed write may have written some of it.
            RealDisk.write_at(file, &bytes[..bytes.len() / 2], offset)?;
            return Err(error);
        }
        if let Some(space) = self.full.lock().unwrap().filter(|space| bytes.len() > *space) {
            RealDisk.write_at(file, &bytes[..space], offset)?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        RealDisk.write_at(file, bytes, offset)
    }
    fn sync(&self, file: &File) -> io::Result<()> {
        drop(self.gate.lock().unwrap());
        self.syncs.fetch_add(1, Ordering::SeqCst);
        self.call("sync")?;
        RealDisk.sync(file)
    }
    fn write_out(&self, file: &File, bytes: Range<u64>) {
        RealDisk.write_out(file, bytes);
    }
    fn truncate(&self, file: &File, len: u64) -> io::Result<()> {
        self.call("truncate")?;
        RealDisk.truncate(file, len)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call("rename")?;
        RealDisk.rename(from, to)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.call("sync_dir")?;
        RealDisk.sync_dir(dir)
    }
}
