//! Reading segment files that may be damaged: `Walker` goes from frame to frame and finds its way again
//! after damage; `recover` uses it to find where the journal ends.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::disk::Disk;
use super::erase;
use super::frame::{
    ERASED_MAGIC, FrameCodec, FrameHash, HEADER, MAGIC, OpenFrame, Position, SEGMENT_HEADER, SegmentHead,
};
use super::journal::JournalError;
use super::writer::MAX_GROUP_BYTES;

/// The highest segment number that the file names (eight digits) can hold.
pub(crate) const MAX_SEGMENT: u32 = 99_999_999;

/// Segment files kept open for reading: far below the usual limit of 1,024 open files.
const MAX_OPEN_SEGMENTS: usize = 128;

/// How much is read ahead, in bytes: small enough to stay in the processor's cache.
const READ_AHEAD: usize = 256 << 10;

/// A range of a segment file that holds no readable frame. It is reported, left in place and never served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("journal segment {segment} is damaged between bytes {start} and {end} ({kind})")]
pub struct DamagedRange {
    /// The number of the segment file.
    pub segment: u32,
    /// Where the damage begins, in bytes.
    pub start: u64,
    /// Where the next readable frame, or the end, is. Equal to `start` where something is missing.
    pub end: u64,
    /// What is wrong.
    pub kind: DamageKind,
}

/// What is wrong with a [`DamagedRange`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DamageKind {
    /// The bytes are not those that were written.
    Unreadable,
    /// The next frame chains to one that is not there: frames, or a whole segment file, are missing.
    Missing,
}

impl std::fmt::Display for DamageKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unreadable => "unreadable",
            Self::Missing => "records before it are missing",
        })
    }
}

/// What opening the journal found. Only the last segment is read on opening; damage further back is found by
/// [`Journal::scan`](super::journal::Journal::scan) and [`Journal::read`](super::journal::Journal::read).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Damage in the middle, left in place.
    pub damaged: Vec<DamagedRange>,
    /// Bytes of an unfinished write that were cut off the end.
    pub torn_bytes: u64,
    /// Readable frames in the segments that were read.
    pub frames_checked: u64,
}

/// Where the writer continues.
pub(crate) struct Tail {
    pub(crate) file: File,
    pub(crate) end: Position,
    pub(crate) chain: FrameHash,
}

/// Finds the end of the journal in `dir`, cuts a torn write off it, and makes what remains durable.
pub(crate) fn recover(
    segments: &Segments,
    codec: &FrameCodec,
    disk: &dyn Disk,
) -> Result<(Tail, Recovery), JournalError> {
    erase::finish(segments, codec, disk)?;
    let numbers = segments.list()?;
    let Some(&last) = numbers.last() else {
        let file = create_segment(segments, codec, disk, 1)?;
        return Ok((tail_at(file, 1, SEGMENT_HEADER as u64, [0; 32]), Recovery::default()));
    };
    let mut recovery = Recovery { damaged: missing_segments(&numbers), ..Recovery::default() };
    let survey = survey(segments, codec, last)?;
    check_key(segments, codec, &numbers, &survey)?;
    recovery.frames_checked = survey.frames;
    let chain = match survey.last_hash {
        Some(hash) => hash,
        None => last_hash_before(segments, codec, &numbers)?,
    };
    let empty = survey.frames == 0 && survey.head != SegmentHead::Valid;
    if empty && survey.len <= SEGMENT_HEADER as u64 {
        // The crash came while this segment was being created: nothing in it was ever acknowledged.
        let file = create_segment(segments, codec, disk, last)?;
        return Ok((tail_at(file, last, SEGMENT_HEADER as u64, chain), recovery));
    }
    recovery.damaged.extend(survey.damaged);
    let torn = survey.len.saturating_sub(survey.end);
    if empty || torn > MAX_GROUP_BYTES as u64 {
        // No single write is that long, so this is damage to what was acknowledged: keep it as it is.
        let start = if empty { 0 } else { survey.end };
        let kind = DamageKind::Unreadable;
        recovery.damaged.push(DamagedRange { segment: last, start, end: survey.len, kind });
        let next = next_segment(last)?;
        let file = create_segment(segments, codec, disk, next)?;
        return Ok((tail_at(file, next, SEGMENT_HEADER as u64, chain), recovery));
    }
    recovery.torn_bytes = torn;
    let file = open_for_writing(&segments.path(last)).map_err(|e| JournalError::read(last, e))?;
    if torn > 0 {
        disk.truncate(&file, survey.end).map_err(|e| JournalError::write(last, e))?;
    }
    // Frames that survived a kill in the page cache only must be durable before they are served.
    disk.sync(&file).map_err(|e| JournalError::write(last, e))?;
    Ok((tail_at(file, last, survey.end, chain), recovery))
}

fn tail_at(file: File, segment: u32, offset: u64, chain: FrameHash) -> Tail {
    Tail { file, end: Position { segment, offset }, chain }
}

fn open_for_writing(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).open(path)
}

/// The number after this one.
pub(crate) fn next_segment(segment: u32) -> Result<u32, JournalError> {
    segment.checked_add(1).filter(|n| *n <= MAX_SEGMENT).ok_or(JournalError::Full)
}

/// Creates an empty segment, durably.
pub(crate) fn create_segment(
    segments: &Segments,
    codec: &FrameCodec,
    disk: &dyn Disk,
    segment: u32,
) -> Result<File, JournalError> {
    let path = segments.path(segment);
    let file = disk.create(&path).map_err(|e| JournalError::write(segment, e))?;
    if let Err(error) = disk.write_at(&file, &codec.segment_header(segment), 0) {
        // What stays behind if this fails too is recognised as half-created on opening.
        let _ = std::fs::remove_file(&path);
        return Err(JournalError::write(segment, error));
    }
    disk.sync(&file).map_err(|e| JournalError::sync(segment, e))?;
    disk.sync_dir(&segments.dir).map_err(|e| JournalError::sync(segment, e))?;
    Ok(file)
}

fn missing_segments(numbers: &[u32]) -> Vec<DamagedRange> {
    let gaps = numbers.windows(2).filter_map(|pair| match pair {
        [a, b] if b - a > 1 => Some(a + 1),
        _ => None,
    });
    gaps.map(|segment| DamagedRange { segment, start: 0, end: 0, kind: DamageKind::Missing }).collect()
}

/// What the last segment holds.
struct Survey {
    len: u64,
    head: SegmentHead,
    frames: u64,
    /// Just after the last readable frame.
    end: u64,
    last_hash: Option<FrameHash>,
    /// Damage before `end`.
    damaged: Vec<DamagedRange>,
}

fn survey(segments: &Segments, codec: &FrameCodec, segment: u32) -> Result<Survey, JournalError> {
    let read = |e| JournalError::read(segment, e);
    let file = segments.open(segment).map_err(read)?;
    let len = file.metadata().map_err(read)?.len();
    let head = segment_head(&file, codec, segment).map_err(read)?;
    if let SegmentHead::Newer(version) = head {
        return Err(JournalError::NewerVersion { segment, version });
    }
    let end = SEGMENT_HEADER as u64;
    let mut survey = Survey { len, head, frames: 0, end, last_hash: None, damaged: Vec::new() };
    let mut walker = Walker::new(file, segment, end, len, None);
    let mut unconfirmed = Vec::new();
    if survey.head == SegmentHead::Unreadable {
        unconfirmed.push(DamagedRange { segment, start: 0, end, kind: DamageKind::Unreadable });
    }
    while let Some(step) = walker.next(codec).map_err(read)? {
        match step {
            Step::Damaged(range) => unconfirmed.push(range),
            Step::Frame(..) => {
                survey.frames += 1;
                survey.end = walker.offset;
                survey.last_hash = walker.chain;
                survey.damaged.append(&mut unconfirmed);
            }
        }
    }
    Ok(survey)
}

fn segment_head(file: &File, codec: &FrameCodec, segment: u32) -> io::Result<SegmentHead> {
    let mut header = [0; SEGMENT_HEADER];
    let read = read_up_to(file, &mut header, 0)?;
    Ok(codec.read_segment_header(segment, header.get(..read).unwrap_or_default()))
}

/// A wrong key makes everything look damaged; nothing may be cut because of it.
fn check_key(
    segments: &Segments,
    codec: &FrameCodec,
    numbers: &[u32],
    last: &Survey,
) -> Result<(), JournalError> {
    if last.head == SegmentHead::Valid || last.frames > 0 {
        return Ok(());
    }
    for &segment in numbers.iter().rev().skip(1) {
        let file = segments.open(segment).map_err(|e| JournalError::read(segment, e))?;
        let head = segment_head(&file, codec, segment).map_err(|e| JournalError::read(segment, e))?;
        if head == SegmentHead::Valid {
            return Ok(());
        }
    }
    // A single segment no longer than its header holds nothing: its creation was interrupted.
    let nothing_written = numbers.len() == 1 && last.len <= SEGMENT_HEADER as u64;
    let blank = nothing_written
        && numbers.first().is_some_and(|&only| is_blank(segments, only, last.len).unwrap_or(false));
    if blank { Ok(()) } else { Err(JournalError::WrongKey) }
}

/// Whether a half-created segment holds less than a header, or zeros only (never the header of another key).
fn is_blank(segments: &Segments, segment: u32, len: u64) -> io::Result<bool> {
    let mut header = [0; SEGMENT_HEADER];
    let read = read_up_to(&*segments.open(segment)?, &mut header, 0)?;
    Ok(len < SEGMENT_HEADER as u64 || header.iter().take(read).all(|byte| *byte == 0))
}

/// The hash of the last readable frame in the segments before the last, or zeros if there is none.
fn last_hash_before(
    segments: &Segments,
    codec: &FrameCodec,
    numbers: &[u32],
) -> Result<FrameHash, JournalError> {
    for &segment in numbers.iter().rev().skip(1) {
        if let Some(hash) = survey(segments, codec, segment)?.last_hash {
            return Ok(hash);
        }
    }
    Ok([0; 32])
}

/// The segment files of a folder.
pub(crate) struct Segments {
    pub(crate) dir: PathBuf,
    open: Mutex<BTreeMap<u32, Arc<File>>>,
}

impl Segments {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir, open: Mutex::default() }
    }

    pub(crate) fn path(&self, segment: u32) -> PathBuf {
        self.dir.join(format!("{segment:08}.seg"))
    }

    /// The numbers of the files that exist, ascending.
    pub(crate) fn list(&self) -> Result<Vec<u32>, JournalError> {
        let folder = |source| JournalError::Folder { path: self.dir.clone(), source: Arc::new(source) };
        let mut numbers = Vec::new();
        for entry in std::fs::read_dir(&self.dir).map_err(folder)? {
            let name = entry.map_err(folder)?.file_name();
            numbers.extend(name.to_str().and_then(segment_number));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// A handle for reading, from a small cache.
    pub(crate) fn open(&self, segment: u32) -> io::Result<Arc<File>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(&segment) {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(File::open(self.path(segment))?);
        if open.len() >= MAX_OPEN_SEGMENTS {
            // Old segments are read in order: the lowest is the least likely to be wanted again.
            open.pop_first();
        }
        open.insert(segment, Arc::clone(&file));
        Ok(file)
    }
}

fn segment_number(name: &str) -> Option<u32> {
    let digits = name.strip_suffix(".seg")?;
    let plain = digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|n| plain && *n > 0)
}

/// What a [`Walker`] meets.
pub(crate) enum Step {
    Frame(Position, OpenFrame),
    Damaged(DamagedRange),
}

/// Goes through one segment file, frame by frame, with a small window of it in memory.
pub(crate) struct Walker {
    window: Window,
    segment: u32,
    /// Where the next step begins.
    pub(crate) offset: u64,
    /// Where to stop.
    limit: u64,
    /// The hash of the frame before `offset`, where known.
    pub(crate) chain: Option<FrameHash>,
    /// A frame that comes after the gap that was just reported.
    pending: Option<(Position, OpenFrame)>,
}

impl Walker {
    pub(crate) fn new(
        file: Arc<File>,
        segment: u32,
        offset: u64,
        limit: u64,
        chain: Option<FrameHash>,
    ) -> Self {
        let window = Window { file, start: 0, bytes: Vec::new() };
        let offset = offset.max(SEGMENT_HEADER as u64);
        Self { window, segment, offset, limit, chain, pending: None }
    }

    pub(crate) fn segment(&self) -> u32 {
        self.segment
    }

    /// Just after what was returned last.
    pub(crate) fn position(&self) -> Position {
        let offset = self.pending.as_ref().map_or(self.offset, |(at, _)| at.offset);
        Position { segment: self.segment, offset }
    }

    /// The next frame or damaged range, or `None` at the limit.
    pub(crate) fn next(&mut self, codec: &FrameCodec) -> io::Result<Option<Step>> {
        if let Some((at, frame)) = self.pending.take() {
            return Ok(Some(Step::Frame(at, frame)));
        }
        if self.offset >= self.limit {
            return Ok(None);
        }
        let at = Position { segment: self.segment, offset: self.offset };
        let room = self.limit - self.offset;
        let header = self.window.get(at.offset, bounded(room, HEADER))?;
        let Some(len) = codec.frame_len_at(at, header).filter(|len| *len as u64 <= room) else {
            let next = self.resynchronise(codec)?;
            return Ok(Some(self.damaged_until(next)));
        };
        let end = at.offset + len as u64;
        let frame = self.window.get(at.offset, len)?;
        let Some(open) = codec.open(at, frame) else {
            return Ok(Some(self.damaged_until(end)));
        };
        let hash = open.erased.unwrap_or_else(|| *blake3::hash(frame).as_bytes());
        self.offset = end;
        let expected = self.chain.replace(hash);
        if expected.is_some_and(|expected| expected != open.previous) {
            self.pending = Some((at, open));
            return Ok(Some(Step::Damaged(DamagedRange {
                segment: at.segment,
                start: at.offset,
                end: at.offset,
                kind: DamageKind::Missing,
            })));
        }
        Ok(Some(Step::Frame(at, open)))
    }

    fn damaged_until(&mut self, end: u64) -> Step {
        let start = std::mem::replace(&mut self.offset, end);
        self.chain = None;
        Step::Damaged(DamagedRange { segment: self.segment, start, end, kind: DamageKind::Unreadable })
    }

    /// The offset of the next header that was written for its place, or the limit.
    fn resynchronise(&mut self, codec: &FrameCodec) -> io::Result<u64> {
        let mut offset = self.offset + 1;
        while offset < self.limit {
            let bytes = self.window.get(offset, bounded(self.limit - offset, READ_AHEAD))?;
            for (index, _) in bytes
                .windows(MAGIC.len())
                .enumerate()
                .filter(|(_, four)| [&MAGIC[..], &ERASED_MAGIC].contains(four))
            {
                let at = Position { segment: self.segment, offset: offset + index as u64 };
                let candidate = bytes.get(index..).unwrap_or_default();
                if codec.frame_len_at(at, candidate).is_some() {
                    return Ok(at.offset);
                }
            }
            if bytes.len() < READ_AHEAD {
                break;
            }
            // Overlap, so that a header across the edge of the window is seen whole the next time.
            offset += (READ_AHEAD - HEADER) as u64;
        }
        Ok(self.limit)
    }
}

/// `most`, or less if there is less.
fn bounded(room: u64, most: usize) -> usize {
    usize::try_from(room).map_or(most, |room| room.min(most))
}

/// A window of a file, read ahead.
struct Window {
    file: Arc<File>,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// The `len` bytes at `offset`; fewer only where the file ends.
    fn get(&mut self, offset: u64, len: usize) -> io::Result<&[u8]> {
        let end = self.start + self.bytes.len() as u64;
        if offset < self.start || offset.saturating_add(len as u64) > end {
            self.fill(offset, len.max(READ_AHEAD))?;
        }
        let skip = usize::try_from(offset - self.start).unwrap_or(usize::MAX);
        let bytes = self.bytes.get(skip..).unwrap_or_default();
        Ok(bytes.get(..len).unwrap_or(bytes))
    }

    fn fill(&mut self, offset: u64, len: usize) -> io::Result<()> {
        self.start = offset;
        self.bytes.resize(len, 0);
        let read = read_up_to(&self.file, &mut self.bytes, offset);
        self.bytes.truncate(*read.as_ref().unwrap_or(&0));
        read.map(|_| ())
    }
}

/// Reads until the buffer is full or the file ends; returns how much.
pub(crate) fn read_up_to(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<usize> {
    let mut total = 0;
    while !buffer.is_empty() {
        match file.read_at(buffer, offset) {
            Ok(0) => break,
            Ok(read) => {
                total += read;
                offset += read as u64;
                buffer = buffer.get_mut(read..).unwrap_or_default();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(total)
}
