//! Erasing one frame in its place, so that what it held is gone from the disk and the chain still holds.
//!
//! ```text
//! frame ──opened──▶ what it chains to, its hash ──▶ erased frame of the same length (see `frame`) ──▶ journal/erasing
//!                                                                    └──▶ over the old bytes, synced ──▶ erasing removed
//! ```
//! The new frame is durable in a file of its own before the old one is touched: a crash in between is finished on
//! opening, and never looks like damage.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::disk::{Disk, replace_file, sync_dir};
use super::frame::{FrameCodec, Position};
use super::journal::JournalError;
use super::recover::Segments;

/// The file in which an erasure stands until it is done: position (12), frame.
fn pending(segments: &Segments) -> PathBuf {
    segments.dir.join("erasing")
}

/// Puts an erased frame over the one at a position.
pub(super) fn put(
    segments: &Segments,
    disk: &dyn Disk,
    at: Position,
    erased: &[u8],
) -> Result<(), JournalError> {
    let failed = |source: io::Error| JournalError::Write { segment: at.segment, source: Arc::new(source) };
    replace_file(&pending(segments), &[&at.to_bytes()[..], erased].concat()).map_err(failed)?;
    write(segments, disk, at, erased).map_err(failed)?;
    done(segments).map_err(failed)
}

fn write(segments: &Segments, disk: &dyn Disk, at: Position, erased: &[u8]) -> io::Result<()> {
    let file = File::options().read(true).write(true).open(segments.path(at.segment))?;
    disk.write_at(&file, erased, at.offset)?;
    disk.sync(&file)
}

fn done(segments: &Segments) -> io::Result<()> {
    std::fs::remove_file(pending(segments))?;
    sync_dir(&segments.dir)
}

/// On opening, before anything is read: finishes what a crash interrupted.
pub(super) fn finish(segments: &Segments, codec: &FrameCodec, disk: &dyn Disk) -> Result<(), JournalError> {
    let bytes = match std::fs::read(pending(segments)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(JournalError::read(0, error)),
    };
    let whole = bytes.split_first_chunk::<12>().map(|(at, frame)| (Position::from_bytes(*at), frame));
    // Not whole, or of another key: nothing was written over yet.
    let valid = whole.filter(|(at, frame)| codec.open(*at, frame).is_some_and(|open| open.erased.is_some()));
    if let Some((at, frame)) = valid {
        write(segments, disk, at, frame).map_err(|e| JournalError::write(at.segment, e))?;
    }
    done(segments).map_err(|e| JournalError::write(0, e))
}
