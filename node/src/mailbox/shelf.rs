//! What a mailbox keeps, in files: one folder for each box, in it one file for each batch and each parcel.
//!
//! ```text
//!  mailbox/<box>/logs/<log>/<first position>    what it hashed to before, when it came, the batch
//!  mailbox/<box>/parcels/<name>                 when it came, the signed header, the bundle
//! ```
//! All of it is ciphertext under pseudonymous names, as it came. A file appears whole or not at all (written beside,
//! flushed, renamed). Nothing outlasts the days that its keeper allows, and what is over its bytes or entries is
//! refused.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use entente_protocol::codec::{self, Wire};
use entente_protocol::derive;
use entente_protocol::ids::{Hash, LogId, Seq, SpaceId, Timestamp};
use entente_protocol::limits;
use entente_protocol::log::{Batch, Head};
use entente_protocol::mailbox::{HeldLog, ParcelHeader, RefusedHere, check_parcel};
use entente_protocol::signed::Unverified;
use minicbor::{Decode, Encode};

/// Logs in one box: those of the largest partnership, and circles.
const MAX_LOGS: usize = 8_192;
/// Parcels in one box.
const MAX_PARCELS: usize = 8_192;

/// What the keeper of a mailbox allows one partnership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Allowed {
    /// Bytes in all.
    #[n(0)]
    pub bytes: u64,
    /// Entries of logs.
    #[n(1)]
    pub entries: u64,
    /// Days after which what came is deleted.
    #[n(2)]
    pub days: u64,
}

impl Default for Allowed {
    /// 1 GiB, 200,000 entries, 90 days.
    fn default() -> Self {
        Allowed { bytes: 1 << 30, entries: 200_000, days: 90 }
    }
}

/// A file of a log.
#[derive(Encode, Decode)]
struct Kept {
    #[n(0)]
    start: Hash,
    #[n(1)]
    came: Timestamp,
    #[n(2)]
    batch: Batch,
}

impl Wire for Kept {
    const WHAT: &'static str = "kept batch";
    const MAX: usize = limits::MAX_SYNC_MESSAGE + 128;
}

/// A file of a parcel.
#[derive(Encode, Decode)]
struct KeptParcel {
    #[n(0)]
    came: Timestamp,
    #[n(1)]
    header: Unverified<ParcelHeader>,
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    bundle: Vec<u8>,
}

impl Wire for KeptParcel {
    const WHAT: &'static str = "kept parcel";
    const MAX: usize = limits::MAX_PARCEL + 512;
}

struct Segment {
    bytes: u64,
    entries: u64,
    came: Timestamp,
}

struct Log {
    space: SpaceId,
    segments: BTreeMap<Seq, Segment>,
    head: Head,
}

struct Parcel {
    header: Unverified<ParcelHeader>,
    version: u64,
    bytes: u64,
    came: Timestamp,
}

/// One box.
pub struct Shelf {
    folder: PathBuf,
    allowed: Allowed,
    logs: BTreeMap<LogId, Log>,
    parcels: BTreeMap<LogId, Parcel>,
}

impl Shelf {
    /// Opens the box in a folder, which is made if it is not there. Files that are damaged are deleted: who put them
    /// in has them still, or they are told to lack.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(folder: &Path, allowed: Allowed) -> io::Result<Shelf> {
        for part in ["logs", "parcels"] {
            private_dir(&folder.join(part))?;
        }
        let mut shelf =
            Shelf { folder: folder.to_owned(), allowed, logs: BTreeMap::new(), parcels: BTreeMap::new() };
        for entry in fs::read_dir(folder.join("logs"))?.flatten() {
            let log = entry.file_name().to_str().and_then(|name| name.parse::<LogId>().ok());
            if let Some(log) = log {
                shelf.load_log(log, &entry.path())?;
            }
        }
        for entry in fs::read_dir(folder.join("parcels"))?.flatten() {
            let kept = fs::read(entry.path()).ok().and_then(|bytes| codec::decode::<KeptParcel>(&bytes).ok());
            let checked = kept.and_then(|kept| Some((check_parcel(&kept.header).ok()?, kept)));
            match checked {
                Some((header, kept)) => {
                    let (version, bytes) = (header.value().version, u64::from(header.value().length));
                    let parcel = Parcel { header: kept.header, version, bytes, came: kept.came };
                    shelf.parcels.insert(header.value().name, parcel);
                }
                None => drop(fs::remove_file(entry.path())),
            }
        }
        Ok(shelf)
    }

    fn load_log(&mut self, id: LogId, folder: &Path) -> io::Result<()> {
        let mut files: Vec<PathBuf> = fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
        files.sort();
        for file in files {
            let kept = fs::read(&file).ok();
            let size = kept.as_ref().map_or(0, Vec::len) as u64;
            let kept = kept.and_then(|bytes| codec::decode::<Kept>(&bytes).ok());
            let taken = kept.and_then(|kept| {
                let came = kept.came;
                self.note(id, kept, size, came).ok()
            });
            if taken.is_none() {
                drop(fs::remove_file(&file));
            }
        }
        Ok(())
    }

    /// Checks a batch against what is here, and notes it.
    fn note(&mut self, id: LogId, kept: Kept, bytes: u64, came: Timestamp) -> Result<(), RefusedHere> {
        let (space, from, entries) = (kept.batch.space, kept.batch.from, kept.batch.items.len() as u64);
        let head = self.continues(&kept.batch, &kept.start)?;
        let head = kept.batch.verify(&head).map_err(|_| RefusedHere::Unsigned)?.head();
        let log = self.logs.entry(id).or_insert_with(|| Log { space, segments: BTreeMap::new(), head });
        log.head = head;
        log.segments.insert(from, Segment { bytes, entries, came });
        Ok(())
    }

    /// The head that a batch must continue. A log that is new here may begin anywhere.
    fn continues(&self, batch: &Batch, start: &Hash) -> Result<Head, RefusedHere> {
        let begun = Head { next: batch.from, chain: *start };
        match self.logs.get(&batch.log) {
            None if self.logs.len() >= MAX_LOGS => Err(RefusedHere::Full),
            None => Ok(begun),
            Some(log) if log.head == begun && log.space == batch.space => Ok(begun),
            Some(_) => Err(RefusedHere::Elsewhere),
        }
    }

    /// Bytes and entries that are kept.
    #[must_use]
    pub fn used(&self) -> (u64, u64) {
        let segments = || self.logs.values().flat_map(|log| log.segments.values());
        let parcels: u64 = self.parcels.values().map(|parcel| parcel.bytes).sum();
        (segments().map(|s| s.bytes).sum::<u64>() + parcels, segments().map(|s| s.entries).sum())
    }

    /// How many logs and parcels are kept.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        (self.logs.len(), self.parcels.len())
    }

    /// What is kept.
    #[must_use]
    pub fn held(&self) -> (Vec<HeldLog>, Vec<Unverified<ParcelHeader>>) {
        let held = |(id, log): (&LogId, &Log)| {
            let first = log.segments.keys().next().copied().unwrap_or(log.head.next);
            HeldLog { space: log.space, log: *id, first, next: log.head.next, chain: log.head.chain }
        };
        let parcels = self.parcels.values().map(|parcel| parcel.header.clone()).collect();
        (self.logs.iter().map(held).collect(), parcels)
    }

    /// Keeps a batch, durably.
    ///
    /// # Errors
    /// [`RefusedHere`]; nothing is kept then.
    pub fn put(&mut self, batch: Batch, start: Hash, now: Timestamp) -> Result<(), RefusedHere> {
        let head = self.continues(&batch, &start)?;
        // Before it is written: nothing that is not signed by its log touches the disk.
        batch.clone().verify(&head).map_err(|_| RefusedHere::Unsigned)?;
        let (id, from, entries) = (batch.log, batch.from, batch.items.len() as u64);
        let kept = Kept { start, came: now, batch };
        let bytes = codec::encode(&kept);
        let used = self.used();
        if used.0 + bytes.len() as u64 > self.allowed.bytes || used.1 + entries > self.allowed.entries {
            return Err(RefusedHere::Full);
        }
        write_file(&self.file_of(&id, from), &bytes).map_err(|_| RefusedHere::Failed)?;
        self.note(id, kept, bytes.len() as u64, now)
    }

    fn file_of(&self, log: &LogId, from: Seq) -> PathBuf {
        self.folder.join("logs").join(log.to_string()).join(format!("{:016x}", from.0))
    }

    /// The batch that a position is in, and what its log hashed to before it.
    #[must_use]
    pub fn get(&self, id: &LogId, seq: Seq) -> Option<(Batch, Hash)> {
        let (from, segment) = self.logs.get(id)?.segments.range(..=seq).next_back()?;
        if seq.0 >= from.0 + segment.entries {
            return None;
        }
        let kept: Kept = codec::decode(&fs::read(self.file_of(id, *from)).ok()?).ok()?;
        Some((kept.batch, kept.start))
    }

    /// Keeps a parcel in the place of an older one of its name.
    ///
    /// # Errors
    /// [`RefusedHere`]; the older one stays then.
    pub fn put_parcel(
        &mut self,
        header: Unverified<ParcelHeader>,
        bundle: Vec<u8>,
        now: Timestamp,
    ) -> Result<(), RefusedHere> {
        let checked = check_parcel(&header).map_err(|_| RefusedHere::Unsigned)?;
        let said = checked.value();
        if said.length as usize != bundle.len() || derive::hash(&bundle) != said.hash {
            return Err(RefusedHere::Unsigned);
        }
        let before = self.parcels.get(&said.name);
        if before.is_some_and(|before| before.version >= said.version) {
            return Err(RefusedHere::Elsewhere);
        }
        let room = self.allowed.bytes.saturating_sub(self.used().0) + before.map_or(0, |before| before.bytes);
        let bytes = bundle.len() as u64;
        if bytes > room || (before.is_none() && self.parcels.len() >= MAX_PARCELS) {
            return Err(RefusedHere::Full);
        }
        let kept = KeptParcel { came: now, header: header.clone(), bundle };
        let file = self.folder.join("parcels").join(said.name.to_string());
        write_file(&file, &codec::encode(&kept)).map_err(|_| RefusedHere::Failed)?;
        self.parcels.insert(said.name, Parcel { header, version: said.version, bytes, came: now });
        Ok(())
    }

    /// A parcel.
    #[must_use]
    pub fn parcel(&self, name: &LogId) -> Option<(Unverified<ParcelHeader>, Vec<u8>)> {
        self.parcels.get(name)?;
        let bytes = fs::read(self.folder.join("parcels").join(name.to_string())).ok()?;
        codec::decode::<KeptParcel>(&bytes).ok().map(|kept| (kept.header, kept.bundle))
    }

    /// Deletes what is older than its keeper allows: of a log from its beginning, so that what stays is whole.
    pub fn expire(&mut self, now: Timestamp) {
        let old = |came: Timestamp| came.plus_days(self.allowed.days) < now;
        let mut gone: Vec<PathBuf> = Vec::new();
        for (id, log) in &mut self.logs {
            while let Some(first) = log.segments.first_entry().filter(|first| old(first.get().came)) {
                let (from, _) = first.remove_entry();
                gone.push(self.folder.join("logs").join(id.to_string()).join(format!("{:016x}", from.0)));
            }
        }
        self.logs.retain(|_, log| !log.segments.is_empty());
        self.parcels.retain(|name, parcel| {
            let keep = !old(parcel.came);
            if !keep {
                gone.push(self.folder.join("parcels").join(name.to_string()));
            }
            keep
        });
        for file in gone {
            if let Err(error) = fs::remove_file(&file) {
                tracing::warn!(%error, "something in a mailbox that is too old could not be deleted");
            }
        }
    }
}

fn private_dir(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes beside, flushes, renames.
fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or_else(|| io::Error::other("no folder"))?;
    private_dir(folder)?;
    let beside = folder.with_extension("new");
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
#[path = "shelf_tests.rs"]
mod tests;
