//! The journal: the one place where what must last is kept, as an append-only chain of encrypted frames in
//! segment files. Start from [`Journal`]; the encoding is in [`frame`](super::frame).
//!
//! What an append resolved is durable: it survives a kill and a power cut. Damage is found by the frames'
//! authentication and by the chain of hashes, reported, left in place, and never served.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{JoinHandle, Thread};

use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::disk::{Disk, RealDisk, private_dir};
use super::erase;
use super::frame::{FrameCodec, FrameHash, MAX_FRAME, MAX_PAYLOAD, Position, SEGMENT_HEADER};
use super::keys::StoreKey;
use super::recover::{DamageKind, DamagedRange, Recovery, Segments, Step, Walker, read_up_to, recover};
use super::writer::{Answer, MAX_APPEND_BYTES, Queue, Request, Writer, frames_len};

/// The length at which a segment is full and a new one begins, in bytes: 16 MiB. It bounds what opening reads: each 16
/// MiB take some 50 ms of a start. Before November 2026 segments were 64 MiB long; those are read as they are.
pub const SEGMENT_BYTES: u64 = 16 << 20;

/// What one `read` fetches first: enough for most frames, so that one system call is enough.
const FIRST_READ: usize = 4 << 10;

/// Why the journal could not be opened or written.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JournalError {
    /// The folder of the journal could not be created or listed.
    #[error("the journal folder {} cannot be used", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// A segment could not be read on opening.
    #[error("journal segment {segment} cannot be read")]
    Read {
        /// The number of the segment file.
        segment: u32,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// A write failed, as on a full disk. Nothing of the append was kept; later ones may succeed.
    #[error("journal segment {segment} cannot be written; nothing of this write was kept")]
    Write {
        /// The number of the segment file.
        segment: u32,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// The disk refused to make a write durable. The journal is read-only until it is opened again.
    #[error(
        "journal segment {segment} could not be made durable; nothing more is written until it is reopened"
    )]
    Sync {
        /// The number of the segment file.
        segment: u32,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// An earlier failure left it unknown what the disk holds.
    #[error("the journal is read-only after a failed write; open it again")]
    Failed {
        /// The earlier failure.
        source: Arc<io::Error>,
    },
    /// No part of the journal can be read with this key. Nothing was changed.
    #[error("the journal does not belong to this key, or all of it is damaged")]
    WrongKey,
    /// A later version of this program wrote it. Nothing was changed.
    #[error("journal segment {segment} has format {version}, which a later version of Entente wrote")]
    NewerVersion {
        /// The number of the segment file.
        segment: u32,
        /// Its format.
        version: u8,
    },
    /// A payload is over [`MAX_PAYLOAD`], or an append over [`MAX_APPEND_BYTES`].
    #[error(
        "{bytes} bytes are too many for one journal entry (at most {MAX_PAYLOAD}) or one append (at most {MAX_APPEND_BYTES})"
    )]
    TooLarge {
        /// The length that was refused.
        bytes: usize,
    },
    /// All segment numbers are used.
    #[error("the journal has no segment numbers left")]
    Full,
    /// The operating system's random source failed.
    #[error("the system's random source failed")]
    Random,
    /// The journal was closed before this was written.
    #[error("the journal is closed")]
    Closed,
}

impl JournalError {
    pub(crate) fn read(segment: u32, source: io::Error) -> Self {
        Self::Read { segment, source: Arc::new(source) }
    }

    pub(crate) fn write(segment: u32, source: io::Error) -> Self {
        Self::Write { segment, source: Arc::new(source) }
    }

    pub(crate) fn sync(segment: u32, source: io::Error) -> Self {
        Self::Sync { segment, source: Arc::new(source) }
    }

    /// Whether the disk is full, so that making space is enough.
    pub fn is_disk_full(&self) -> bool {
        let full = |source: &io::Error| {
            matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        };
        matches!(self, Self::Write { source, .. } if full(source))
    }
}

/// Why a frame could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The frame is damaged: its contents must be fetched again from a partner.
    #[error(transparent)]
    Damaged(#[from] DamagedRange),
    /// There is no frame at this position.
    #[error("the journal ends before segment {}, byte {}", .0.segment, .0.offset)]
    OutOfRange(Position),
    /// The system could not read the file.
    #[error("journal segment {segment} cannot be read")]
    Io {
        /// The number of the segment file.
        segment: u32,
        /// What the system said.
        source: io::Error,
    },
}

/// An open journal. Shared by reference; all methods can be called from any thread.
pub struct Journal {
    segments: Arc<Segments>,
    codec: Arc<FrameCodec>,
    durable: Arc<Mutex<Position>>,
    queue: Arc<Queue>,
    writer: Option<JoinHandle<()>>,
    disk: Arc<dyn Disk>,
    /// One erasure at a time: they share a file.
    erasing: Mutex<()>,
}

impl Journal {
    /// Opens the journal in a folder, which is created if there is none, and finds its end: an unfinished write
    /// is cut off, damage before it is reported and left in place. Reads the last segment, at most
    /// [`SEGMENT_BYTES`] and a little more.
    ///
    /// # Errors
    /// [`JournalError::WrongKey`] and [`JournalError::NewerVersion`] change nothing. The others name the
    /// segment that the system could not read or write.
    pub fn open(dir: &Path, key: &StoreKey) -> Result<(Self, Recovery), JournalError> {
        Self::open_on(Arc::new(RealDisk), dir, key, SEGMENT_BYTES)
    }

    /// [`Journal::open`] on a given disk, with segments of a given length.
    pub(crate) fn open_on(
        disk: Arc<dyn Disk>,
        dir: &Path,
        key: &StoreKey,
        segment_bytes: u64,
    ) -> Result<(Self, Recovery), JournalError> {
        let folder = |e| JournalError::Folder { path: dir.to_owned(), source: Arc::new(e) };
        private_dir(dir).map_err(folder)?;
        let codec = Arc::new(FrameCodec::new(key));
        let segments = Arc::new(Segments::new(dir.to_owned()));
        let (tail, recovery) = recover(&segments, &codec, &*disk)?;
        let writer =
            Writer::new(tail, Arc::clone(&segments), Arc::clone(&codec), Arc::clone(&disk), segment_bytes);
        let durable = Arc::clone(&writer.durable);
        let queue = Arc::new(Queue::default());
        let work = Arc::clone(&queue);
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                // Whatever ends the thread, nobody may wait for it for ever.
                let _closing = CloseOnDrop(&work);
                writer.run(&work);
            })
            .map_err(folder)?;
        let erasing = Mutex::default();
        Ok((Self { segments, codec, durable, queue, writer: Some(thread), disk, erasing }, recovery))
    }

    /// Hands payloads to the writer. Appends are written in the order of these calls; the payloads of one
    /// append are neighbours. The call itself only waits (blocking, for some milliseconds) while more than 1,024
    /// appends or 32 MiB are queued.
    ///
    /// The result resolves once everything is durable. If it is an error, nothing was kept; if the process ends
    /// before it resolves, any number of the first payloads may have been kept.
    pub fn append(&self, payloads: Vec<Zeroizing<Vec<u8>>>) -> Pending {
        let (answer, pending) = oneshot::channel();
        let bytes = frames_len(&payloads);
        let largest = payloads.iter().map(|payload| payload.len()).max().unwrap_or(0);
        let refused = if largest > MAX_PAYLOAD {
            Some(JournalError::TooLarge { bytes: largest })
        } else if bytes > MAX_APPEND_BYTES {
            Some(JournalError::TooLarge { bytes })
        } else {
            None
        };
        match refused {
            Some(error) => drop(answer.send(Err(error))),
            // A closed queue drops the sender, which resolves to `Closed`.
            None => drop(self.queue.push(Request { payloads, bytes, answer })),
        }
        Pending(pending)
    }

    /// The payload of the frame at a position. One system call for most frames.
    ///
    /// # Errors
    /// [`ReadError::Damaged`] if the frame there does not authenticate, [`ReadError::OutOfRange`] if the journal
    /// ends before it.
    pub fn read(&self, at: Position) -> Result<Zeroizing<Vec<u8>>, ReadError> {
        let frame = self.read_frame(at)?;
        match self.codec.open(at, &frame) {
            Some(open) => Ok(open.payload),
            None => Err(damaged(at, frame.len()).into()),
        }
    }

    /// Erases the frame at a position: what it held is written over, and `instead` is read there from now on. The
    /// chain of hashes still holds. Does nothing if it was erased before.
    ///
    /// What "written over" means is up to the disk: flash memory and copying file systems may keep the old blocks for
    /// a while, out of reach of the system's users.
    ///
    /// # Errors
    /// [`ReadError`] where there is no such frame, or `instead` is longer than what it held by less than 36 bytes;
    /// [`ReadError::Io`] where the disk refuses. It may have been written then, or is when the journal is next opened.
    pub fn erase(&self, at: Position, instead: &[u8]) -> Result<(), ReadError> {
        let _one_at_a_time = self.erasing.lock().unwrap_or_else(PoisonError::into_inner);
        let frame = self.read_frame(at)?;
        let open = self.codec.open(at, &frame).ok_or_else(|| damaged(at, frame.len()))?;
        if open.erased.is_some() {
            return Ok(());
        }
        let mut nonce = [0; 24];
        let io = |source| ReadError::Io { segment: at.segment, source };
        getrandom::fill(&mut nonce).map_err(|e| io(io::Error::other(e)))?;
        let erased = self.codec.seal_erased(at, &nonce, &frame, instead);
        let erased =
            erased.ok_or_else(|| io(io::Error::other("no room for what is to stand there instead")))?;
        erase::put(&self.segments, &*self.disk, at, &erased).map_err(|e| io(io::Error::other(e)))
    }

    /// The bytes of the frame at a position, not yet authenticated.
    fn read_frame(&self, at: Position) -> Result<Vec<u8>, ReadError> {
        let io = |source| ReadError::Io { segment: at.segment, source };
        if at >= self.end() || at.offset < SEGMENT_HEADER as u64 {
            return Err(ReadError::OutOfRange(at));
        }
        let file = self.segments.open(at.segment).map_err(io)?;
        let mut frame = vec![0; FIRST_READ];
        let mut have = read_up_to(&file, &mut frame, at.offset).map_err(io)?;
        let head = frame.get(..have).unwrap_or_default();
        let Some(len) = self.codec.frame_len_at(at, head) else {
            return Err(damaged(at, SEGMENT_HEADER).into());
        };
        if len > have {
            frame.resize(len.min(MAX_FRAME), 0);
            let rest = frame.get_mut(have..).unwrap_or_default();
            have += read_up_to(&file, rest, at.offset + have as u64).map_err(io)?;
        }
        frame.truncate(len.min(have));
        Ok(frame)
    }

    /// All frames from a position (of a frame, or [`Position::START`]) to the present end, in order, in bounded
    /// memory. Checks the chain of hashes on the way.
    ///
    /// # Errors
    /// Fails if the folder cannot be listed.
    pub fn scan(&self, from: Position) -> Result<Scan, JournalError> {
        let end = self.end();
        let mut numbers = self.segments.list()?;
        numbers.retain(|n| *n >= from.segment && *n <= end.segment);
        // What comes before the first frame of all is known: nothing.
        let chain = (from.segment <= 1 && from.offset <= SEGMENT_HEADER as u64).then_some([0; 32]);
        Ok(Scan {
            segments: Arc::clone(&self.segments),
            codec: Arc::clone(&self.codec),
            numbers: numbers.into_iter(),
            walker: None,
            from,
            next: from,
            end,
            chain,
        })
    }

    /// The durable end: where the next frame goes, unless a new segment begins.
    pub fn end(&self) -> Position {
        *self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what is queued and stops.
    pub fn close(self) {
        drop(self);
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.writer.take() {
            // A panic in the writer has resolved every waiting append to `Closed` already.
            let _ = thread.join();
        }
    }
}

fn damaged(at: Position, len: usize) -> DamagedRange {
    let kind = DamageKind::Unreadable;
    DamagedRange { segment: at.segment, start: at.offset, end: at.offset + len as u64, kind }
}

struct CloseOnDrop<'a>(&'a Queue);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// An append on its way to the disk: await it, or [`Pending::wait`] for it.
#[must_use = "an append is durable only once this has resolved"]
pub struct Pending(oneshot::Receiver<Answer>);

impl Future for Pending {
    type Output = Result<Vec<Position>, JournalError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|answer| answer.unwrap_or(Err(JournalError::Closed)))
    }
}

impl Pending {
    /// Blocks this thread until the append is durable, and returns the position of each payload. Inside an
    /// asynchronous task, await instead.
    ///
    /// # Errors
    /// Nothing of the append was kept.
    pub fn wait(mut self) -> Result<Vec<Position>, JournalError> {
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            match Pin::new(&mut self).poll(&mut context) {
                Poll::Ready(answer) => return answer,
                Poll::Pending => std::thread::park(),
            }
        }
    }
}

/// Wakes a blocked thread (tokio's own blocking receive panics inside a runtime).
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// An ordered walk over the journal, made by [`Journal::scan`]. Ends after an I/O error.
pub struct Scan {
    segments: Arc<Segments>,
    codec: Arc<FrameCodec>,
    numbers: std::vec::IntoIter<u32>,
    walker: Option<Walker>,
    from: Position,
    next: Position,
    end: Position,
    chain: Option<FrameHash>,
}

impl Scan {
    /// The place after what was returned last: a cursor that has seen all of it.
    pub fn position(&self) -> Position {
        self.next
    }

    /// Opens the next segment, if there is one.
    fn next_walker(&mut self) -> Option<Result<Walker, ReadError>> {
        let segment = self.numbers.next()?;
        let opened = self.segments.open(segment).and_then(|file| {
            let len = file.metadata()?.len();
            Ok((file, len))
        });
        let (file, len) = match opened {
            Ok(opened) => opened,
            Err(source) => return Some(Err(ReadError::Io { segment, source })),
        };
        let limit = if segment == self.end.segment { self.end.offset } else { len };
        let offset = if segment == self.from.segment { self.from.offset } else { 0 };
        Some(Ok(Walker::new(file, segment, offset, limit, self.chain)))
    }

    fn step(&mut self) -> Option<Result<Step, ReadError>> {
        loop {
            if self.walker.is_none() {
                match self.next_walker()? {
                    Ok(walker) => self.walker = Some(walker),
                    Err(error) => return Some(Err(error)),
                }
            }
            let walker = self.walker.as_mut()?;
            let segment = walker.segment();
            match walker.next(&self.codec) {
                Ok(Some(step)) => {
                    self.next = walker.position();
                    return Some(Ok(step));
                }
                Ok(None) => {
                    self.chain = walker.chain;
                    self.walker = None;
                }
                Err(source) => return Some(Err(ReadError::Io { segment, source })),
            }
        }
    }
}

impl Iterator for Scan {
    /// Where the frame or the damage is, and the payload, or why there is none.
    type Item = (Position, Result<Zeroizing<Vec<u8>>, ReadError>);

    fn next(&mut self) -> Option<Self::Item> {
        let before = self.next;
        match self.step()? {
            Ok(Step::Frame(at, frame)) => Some((at, Ok(frame.payload))),
            Ok(Step::Damaged(range)) => {
                let at = Position { segment: range.segment, offset: range.start };
                Some((at, Err(range.into())))
            }
            Err(error) => {
                self.numbers = Vec::new().into_iter();
                self.walker = None;
                Some((before, Err(error)))
            }
        }
    }
}

#[cfg(test)]
mod tests;
