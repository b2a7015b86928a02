//! Compaction: the frames that are still needed are copied, in their order, to new segments, and the old ones
//! deleted. Whenever it is killed, opening the store finds either the old journal or the whole new one.
//!
//! ```text
//!  survey, copy ──▶ 00000008.seg.new …   synced; a kill until here leaves stray files, removed on opening
//!  commit       ──▶ journal/compacted    names the last old segment; from here on opening finishes it:
//!  finish           index removed ▸ .seg.new renamed ▸ old segments deleted ▸ `compacted` deleted
//! ```
//! Positions change, so the index is built anew. It goes first: one that is ahead of the journal means that
//! acknowledged frames were lost.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::Locked;
use super::disk::{replace_file, sync_dir};
use super::frame::{FrameCodec, FrameHash, Position, SEGMENT_HEADER};
use super::journal::{Journal, JournalError, ReadError, SEGMENT_BYTES};
use super::keys::StoreKey;
use super::recover::next_segment;

/// The marker of a compaction that is to be finished.
const COMMITTED: &str = "compacted";
/// What a new segment is called until then.
const NEW: &str = "seg.new";
/// Bytes that are written at once.
const FLUSH: usize = 1 << 20;

/// What a compaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Frames that were copied.
    pub kept: u64,
    /// Frames that were not needed any more.
    pub dropped: u64,
    /// Damaged ranges that were left out.
    pub damaged: u64,
    /// Bytes of the journal before.
    pub before: u64,
    /// And after.
    pub after: u64,
}

/// Why a journal was not compacted. It is as it was.
#[derive(Debug, thiserror::Error)]
pub enum CompactError {
    /// It cannot be opened.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The copy cannot be written.
    #[error("the new journal in {} could not be written; the old one is as it was", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is damaged, and what has to be done before the damage goes could not be done.
    #[error("the journal is damaged, and that could not be noted: {0}")]
    Damaged(String),
}

/// Which of the two passes a frame is shown in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// The first: all frames are seen; the answer does not count.
    Survey,
    /// The second: is this frame still needed?
    Copy,
}

/// Compacts the journal of a store that nobody else has open. `needed` is shown every frame twice; `damaged` is called
/// before damaged ranges, and the knowledge of them, go.
///
/// # Errors
/// [`CompactError`]; then the journal is as it was.
pub fn compact(
    store: &Locked,
    key: &StoreKey,
    needed: &mut dyn FnMut(Pass, Position, &[u8]) -> bool,
    damaged: &mut dyn FnMut() -> Result<(), String>,
) -> Result<Compacted, CompactError> {
    compact_on(&store.home, key, SEGMENT_BYTES, &|| Ok(()), needed, damaged)
}

/// [`compact`] with segments of a given length; `step` is asked before each change of the disk, and stops it there.
fn compact_on(
    home: &Path,
    key: &StoreKey,
    segment_bytes: u64,
    step: &dyn Fn() -> io::Result<()>,
    needed: &mut dyn FnMut(Pass, Position, &[u8]) -> bool,
    damaged: &mut dyn FnMut() -> Result<(), String>,
) -> Result<Compacted, CompactError> {
    let dir = home.join("journal");
    let io = |source| CompactError::Io { path: dir.clone(), source };
    finish_on(home, step).map_err(io)?;
    let (journal, _) = Journal::open(&dir, key)?;
    let last = journal.end().segment;
    let mut done = Compacted { before: bytes_of(&dir).map_err(io)?, ..Compacted::default() };
    for (at, frame) in journal.scan(Position::START)? {
        if let Ok(payload) = frame {
            let _counts_later = needed(Pass::Survey, at, &payload);
        }
    }
    let first = next_segment(last)?;
    let mut copy = Copy::begin(dir.clone(), FrameCodec::new(key), first, segment_bytes, step).map_err(io)?;
    for (at, frame) in journal.scan(Position::START)? {
        match frame {
            Ok(payload) if needed(Pass::Copy, at, &payload) => {
                copy.push(&payload)?;
                done.kept += 1;
            }
            Ok(_) => done.dropped += 1,
            Err(ReadError::Damaged(_)) => done.damaged += 1,
            Err(error) => return Err(error.into()),
        }
    }
    copy.end().map_err(io)?;
    drop(journal);
    if done.damaged > 0 {
        damaged().map_err(CompactError::Damaged)?;
    }
    step().and_then(|()| sync_dir(&dir)).map_err(io)?;
    step().and_then(|()| replace_file(&dir.join(COMMITTED), last.to_string().as_bytes())).map_err(io)?;
    finish_on(home, step).map_err(io)?;
    done.after = bytes_of(&dir).map_err(io)?;
    Ok(done)
}

/// Finishes a compaction that was committed, and removes what one that was not left behind. Done on opening.
pub(super) fn finish(home: &Path) -> io::Result<()> {
    finish_on(home, &|| Ok(()))
}

fn finish_on(home: &Path, step: &dyn Fn() -> io::Result<()>) -> io::Result<()> {
    let dir = home.join("journal");
    let new = match files(&dir, NEW) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        listed => listed?,
    };
    let last = match fs::read_to_string(dir.join(COMMITTED)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            for (path, _) in new {
                step()?;
                fs::remove_file(path)?;
            }
            return Ok(());
        }
        read => read?
            .trim()
            .parse::<u32>()
            .map_err(|_| io::Error::other("the file `compacted` makes no sense"))?,
    };
    step()?;
    match fs::remove_dir_all(home.join("index")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => sync_dir(home)?,
    }
    for (path, number) in new {
        step()?;
        fs::rename(&path, dir.join(format!("{number:08}.seg")))?;
    }
    step()?;
    sync_dir(&dir)?;
    for (path, _) in files(&dir, "seg")?.into_iter().filter(|(_, number)| *number <= last) {
        step()?;
        fs::remove_file(path)?;
    }
    step()?;
    sync_dir(&dir)?;
    step()?;
    fs::remove_file(dir.join(COMMITTED))?;
    sync_dir(&dir)
}

/// Files of numbered segments with this ending, in order.
fn files(dir: &Path, ending: &str) -> io::Result<Vec<(PathBuf, u32)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.split_once('.'));
        let number = name.filter(|(_, of)| *of == ending).and_then(|(number, _)| number.parse().ok());
        found.extend(number.map(|number| (path.clone(), number)));
    }
    found.sort_by_key(|(_, number)| *number);
    Ok(found)
}

fn bytes_of(dir: &Path) -> io::Result<u64> {
    files(dir, "seg")?.iter().map(|(path, _)| fs::metadata(path).map(|m| m.len())).sum()
}

/// The new segments, as they are written.
struct Copy<'a> {
    dir: PathBuf,
    codec: FrameCodec,
    segment_bytes: u64,
    step: &'a dyn Fn() -> io::Result<()>,
    file: File,
    /// Where the next frame goes.
    at: Position,
    /// Where the buffer goes.
    written: u64,
    chain: FrameHash,
    buffer: Vec<u8>,
}

impl<'a> Copy<'a> {
    fn begin(
        dir: PathBuf,
        codec: FrameCodec,
        segment: u32,
        segment_bytes: u64,
        step: &'a dyn Fn() -> io::Result<()>,
    ) -> io::Result<Copy<'a>> {
        let file = create(&dir, &codec, segment, step)?;
        let at = Position { segment, offset: SEGMENT_HEADER as u64 };
        let (written, chain) = (at.offset, [0; 32]);
        Ok(Copy { dir, codec, segment_bytes, step, file, at, written, chain, buffer: Vec::new() })
    }

    fn push(&mut self, payload: &[u8]) -> Result<(), CompactError> {
        let next = self.at.after(payload.len());
        if next.offset > self.segment_bytes && self.at.offset > SEGMENT_HEADER as u64 {
            self.flush().and_then(|()| self.file.sync_all()).map_err(|e| self.io(e))?;
            let segment = next_segment(self.at.segment)?;
            self.file = create(&self.dir, &self.codec, segment, self.step).map_err(|e| self.io(e))?;
            self.at = Position { segment, offset: SEGMENT_HEADER as u64 };
            self.written = self.at.offset;
        }
        let mut nonce = [0; 24];
        getrandom::fill(&mut nonce).map_err(|_| JournalError::Random)?;
        let sealed = self.codec.seal(self.at, &nonce, &self.chain, payload, &mut self.buffer);
        self.chain = sealed.map_err(|_| JournalError::TooLarge { bytes: payload.len() })?;
        self.at = self.at.after(payload.len());
        if self.buffer.len() >= FLUSH { self.flush().map_err(|e| self.io(e)) } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        (self.step)()?;
        self.file.write_all_at(&self.buffer, self.written)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn end(mut self) -> io::Result<()> {
        self.flush()?;
        (self.step)()?;
        self.file.sync_all()
    }

    fn io(&self, source: io::Error) -> CompactError {
        CompactError::Io { path: self.dir.clone(), source }
    }
}

fn create(
    dir: &Path,
    codec: &FrameCodec,
    segment: u32,
    step: &dyn Fn() -> io::Result<()>,
) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    step()?;
    let path = dir.join(format!("{segment:08}.{NEW}"));
    let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all_at(&codec.segment_header(segment), 0)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use std::cell::Cell;
    use std::sync::Arc;

    use zeroize::Zeroizing;

    use super::super::disk::RealDisk;
    use super::*;

    const SMALL: u64 = 2_000;

    fn key() -> StoreKey {
        StoreKey::from_bytes(Zeroizing::new([4; 32]))
    }

    /// A home with a journal of several segments, and what is in it.
    fn home() -> (tempfile::TempDir, Vec<Vec<u8>>) {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("journal");
        let (journal, _) = Journal::open_on(Arc::new(RealDisk), &dir, &key(), SMALL).unwrap();
        let frames: Vec<Vec<u8>> = (0..60_u8).map(|n| vec![n; 50 + usize::from(n)]).collect();
        for frame in &frames {
            journal.append(vec![Zeroizing::new(frame.clone())]).wait().unwrap();
        }
        drop(journal);
        std::fs::create_dir(home.path().join("index")).unwrap();
        (home, frames)
    }

    fn contents(home: &Path) -> Vec<Vec<u8>> {
        finish(home).unwrap();
        let (journal, recovery) = Journal::open(&home.join("journal"), &key()).unwrap();
        assert!(recovery.damaged.is_empty(), "{recovery:?}");
        journal.scan(Position::START).unwrap().map(|(_, frame)| frame.unwrap().to_vec()).collect()
    }

    fn even(_: Pass, _: Position, frame: &[u8]) -> bool {
        frame[0].is_multiple_of(2)
    }

    fn run(home: &Path, step: &dyn Fn() -> io::Result<()>) -> Result<Compacted, CompactError> {
        compact_on(home, &key(), SMALL, step, &mut even, &mut || Ok(()))
    }

    #[test]
    fn compaction_keeps_what_is_needed_in_order_and_the_journal_goes_on() {
        let (home, frames) = home();
        let done = run(home.path(), &|| Ok(())).unwrap();
        assert_eq!((done.kept, done.dropped, done.damaged), (30, 30, 0));
        assert!(done.after < done.before * 2 / 3, "{done:?}");
        assert!(!home.path().join("index").exists(), "positions changed: the index is built anew");
        let needed: Vec<Vec<u8>> = frames.into_iter().filter(|frame| frame[0] % 2 == 0).collect();
        assert_eq!(contents(home.path()), needed);
        let (journal, _) = Journal::open(&home.path().join("journal"), &key()).unwrap();
        journal.append(vec![Zeroizing::new(b"later".to_vec())]).wait().unwrap();
        drop(journal);
        assert_eq!(contents(home.path()).last().unwrap(), b"later");
        assert_eq!(run(home.path(), &|| Ok(())).unwrap().kept, 31, "and once more");
    }

    #[test]
    fn a_compaction_that_is_killed_before_any_change_of_the_disk_loses_nothing() {
        let mut killed_at = 0;
        loop {
            let (home, frames) = home();
            let needed: Vec<Vec<u8>> = frames.iter().filter(|frame| frame[0] % 2 == 0).cloned().collect();
            let left = Cell::new(killed_at);
            let step = || {
                left.set(left.get() - 1);
                if left.get() < 0 { Err(io::Error::other("killed")) } else { Ok(()) }
            };
            let ended = run(home.path(), &step);
            let committed = home.path().join("journal").join(COMMITTED).exists();
            let index = home.path().join("index").exists();
            let found = contents(home.path());
            if ended.is_ok() || committed {
                assert_eq!(found, needed, "killed at {killed_at}");
                assert!(!home.path().join("index").exists());
            } else {
                // Either nothing happened yet, or all of it but the removal of the marker's name.
                assert!(found == frames && index || found == needed && !index, "killed at {killed_at}");
            }
            assert_eq!(files(&home.path().join("journal"), NEW).unwrap(), [], "no stray files");
            if ended.is_ok() {
                break;
            }
            killed_at += 1;
        }
        assert!(killed_at > 15, "{killed_at}");
    }

    #[test]
    fn damage_goes_only_once_it_was_noted() {
        let (home, _) = home();
        let segment = home.path().join("journal/00000002.seg");
        let mut bytes = std::fs::read(&segment).unwrap();
        bytes[200] ^= 1;
        std::fs::write(&segment, &bytes).unwrap();
        let refused = compact_on(home.path(), &key(), SMALL, &|| Ok(()), &mut |_, _, _| true, &mut || {
            Err("the vault is full".into())
        });
        assert!(matches!(refused, Err(CompactError::Damaged(_))));
        assert_eq!(std::fs::read(&segment).unwrap(), bytes, "the journal is as it was");
        let done = compact_on(home.path(), &key(), SMALL, &|| Ok(()), &mut |_, _, _| true, &mut || Ok(()));
        let done = done.unwrap();
        assert!(done.damaged > 0 && done.kept == 59, "{done:?}");
        assert_eq!(contents(home.path()).len(), 59);
    }
}
