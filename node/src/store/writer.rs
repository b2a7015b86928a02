//! The thread that writes the journal. Whoever waits while it syncs is written in the next group: many
//! requests share one write and one `fdatasync`.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::disk::Disk;
use super::frame::{FrameCodec, FrameHash, Position, SEGMENT_HEADER, frame_len};
use super::journal::JournalError;
use super::recover::{Segments, Tail, create_segment, next_segment};

/// The most bytes that one append may bring, frames included: 16 MiB. It bounds what a group holds in memory.
pub const MAX_APPEND_BYTES: usize = 16 << 20;

/// A group takes further requests until it has this many bytes: more would only delay those who wait.
const GROUP_BYTES: usize = 1 << 20;
/// The most requests that share one sync.
const GROUP_REQUESTS: usize = 256;
/// The most bytes that one write can have.
pub(crate) const MAX_GROUP_BYTES: usize = GROUP_BYTES + MAX_APPEND_BYTES;

/// The most bytes that wait for the writer; whoever brings more, waits. Memory stays bounded when the disk is
/// slower than the callers.
const QUEUE_BYTES: usize = 2 * MAX_APPEND_BYTES;
/// The most requests that wait for the writer.
const QUEUE_REQUESTS: usize = 4 * GROUP_REQUESTS;

/// The answer to one append.
pub(crate) type Answer = Result<Vec<Position>, JournalError>;

/// One append that waits to be written.
pub(crate) struct Request {
    pub(crate) payloads: Vec<Zeroizing<Vec<u8>>>,
    /// Bytes of all its frames.
    pub(crate) bytes: usize,
    pub(crate) answer: oneshot::Sender<Answer>,
}

/// The bounded queue between the callers and the writer, first in, first out.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    requests: VecDeque<Request>,
    bytes: usize,
    closed: bool,
}

impl Queue {
    /// Puts a request at the end; waits while the queue is full. Returns it if the queue is closed.
    pub(crate) fn push(&self, request: Request) -> Result<(), Request> {
        let mut waiting = self.lock();
        while !waiting.closed && waiting.is_full() {
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        if waiting.closed {
            return Err(request);
        }
        waiting.bytes += request.bytes;
        waiting.requests.push_back(request);
        // Whoever wakes wants the lock.
        drop(waiting);
        self.changed.notify_all();
        Ok(())
    }

    /// No more requests are taken; those that wait are still written.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Closes the queue and drops what waits in it, whose senders then learn that the journal is closed.
    pub(crate) fn abandon(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        waiting.requests.clear();
        self.changed.notify_all();
    }

    /// The next group, or `None` once closed and empty.
    fn take_group(&self) -> Option<Vec<Request>> {
        let mut waiting = self.lock();
        while waiting.requests.is_empty() {
            if waiting.closed {
                return None;
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        let mut group = Vec::new();
        let mut bytes = 0;
        while group.len() < GROUP_REQUESTS && bytes < GROUP_BYTES {
            let Some(request) = waiting.requests.pop_front() else { break };
            bytes += request.bytes;
            group.push(request);
        }
        waiting.bytes -= bytes;
        self.changed.notify_all();
        Some(group)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn is_full(&self) -> bool {
        self.requests.len() >= QUEUE_REQUESTS || self.bytes >= QUEUE_BYTES
    }
}

/// What the writer thread owns.
pub(crate) struct Writer {
    pub(crate) segments: Arc<Segments>,
    pub(crate) codec: Arc<FrameCodec>,
    pub(crate) disk: Arc<dyn Disk>,
    /// Where to roll over to a new segment, in bytes.
    pub(crate) segment_bytes: u64,
    /// The last segment.
    file: File,
    /// Everything before it is durable.
    end: Position,
    /// The hash of the last durable frame.
    chain: FrameHash,
    /// Shared with the readers.
    pub(crate) durable: Arc<Mutex<Position>>,
    /// Set once it is unknown what the disk holds; nothing is written after.
    failed: Option<JournalError>,
    buffer: Vec<u8>,
}

/// The places of an encoded group, a list for each request, where it ends, and its last frame's hash.
type Sealed = (Vec<Vec<Position>>, Position, FrameHash);

impl Writer {
    pub(crate) fn new(
        tail: Tail,
        segments: Arc<Segments>,
        codec: Arc<FrameCodec>,
        disk: Arc<dyn Disk>,
        segment_bytes: u64,
    ) -> Self {
        let Tail { file, end, chain } = tail;
        let durable = Arc::new(Mutex::new(end));
        let buffer = Vec::new();
        Self { segments, codec, disk, segment_bytes, file, end, chain, durable, failed: None, buffer }
    }

    /// Writes groups until the queue closes.
    pub(crate) fn run(mut self, queue: &Queue) {
        while let Some(group) = queue.take_group() {
            self.commit(group);
        }
    }

    fn commit(&mut self, group: Vec<Request>) {
        let total: usize = group.iter().map(|request| request.bytes).sum();
        if let Err(error) = self.make_room(total as u64) {
            return refuse(group.into_iter().map(|request| request.answer), &error);
        }
        let (answers, payloads): (Vec<_>, Vec<_>) =
            group.into_iter().map(|request| (request.answer, request.payloads)).unzip();
        let (positions, end, chain) = match self.seal(payloads) {
            Ok(sealed) => sealed,
            Err(error) => return refuse(answers, &error),
        };
        if let Err(error) = self.write() {
            return refuse(answers, &error);
        }
        self.end = end;
        self.chain = chain;
        *self.durable.lock().unwrap_or_else(PoisonError::into_inner) = end;
        for (answer, positions) in answers.into_iter().zip(positions) {
            // Whoever no longer waits does not want to know.
            let _ = answer.send(Ok(positions));
        }
    }

    /// Rolls over to a new segment if this one would grow too long.
    fn make_room(&mut self, bytes: u64) -> Result<(), JournalError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let empty = self.end.offset <= SEGMENT_HEADER as u64;
        if empty || self.end.offset + bytes <= self.segment_bytes {
            return Ok(());
        }
        let segment = next_segment(self.end.segment)?;
        match create_segment(&self.segments, &self.codec, &*self.disk, segment) {
            Ok(file) => {
                self.file = file;
                self.end = Position { segment, offset: SEGMENT_HEADER as u64 };
                *self.durable.lock().unwrap_or_else(PoisonError::into_inner) = self.end;
                Ok(())
            }
            Err(error @ JournalError::Sync { .. }) => Err(self.fail(error)),
            Err(error) => Err(error),
        }
    }

    /// Encodes a group into the buffer.
    fn seal(&mut self, requests: Vec<Vec<Zeroizing<Vec<u8>>>>) -> Result<Sealed, JournalError> {
        let (mut at, mut chain) = (self.end, self.chain);
        self.buffer.clear();
        let mut positions = Vec::with_capacity(requests.len());
        for payloads in requests {
            let mut places = Vec::with_capacity(payloads.len());
            let mut nonces = vec![0; payloads.len() * 24];
            getrandom::fill(&mut nonces).map_err(|_| JournalError::Random)?;
            for (payload, nonce) in payloads.iter().zip(nonces.as_chunks::<24>().0) {
                chain = self
                    .codec
                    .seal(at, nonce, &chain, payload, &mut self.buffer)
                    .map_err(|_| JournalError::TooLarge { bytes: payload.len() })?;
                places.push(at);
                at = at.after(payload.len());
            }
            positions.push(places);
        }
        Ok((positions, at, chain))
    }

    /// Writes the buffer and makes it durable, or cuts the file back to what was durable before.
    fn write(&mut self) -> Result<(), JournalError> {
        let Position { segment, offset } = self.end;
        if let Err(source) = self.disk.write_at(&self.file, &self.buffer, offset) {
            let error = JournalError::write(segment, source);
            return match self.disk.truncate(&self.file, offset) {
                // Once there is space again, later appends can succeed.
                Ok(()) => Err(error),
                Err(_) => Err(self.fail(error)),
            };
        }
        if let Err(source) = self.disk.sync(&self.file) {
            // After a failed sync the kernel may have dropped pages and call them clean: nothing that is
            // written from here on could be trusted until the journal was read again.
            let _ = self.disk.truncate(&self.file, offset);
            return Err(self.fail(JournalError::sync(segment, source)));
        }
        if self.buffer.capacity() > 2 * GROUP_BYTES {
            // One large append must not hold its memory for ever.
            self.buffer = Vec::new();
        }
        Ok(())
    }

    fn fail(&mut self, error: JournalError) -> JournalError {
        let source = match &error {
            JournalError::Write { source, .. } | JournalError::Sync { source, .. } => Arc::clone(source),
            _ => Arc::new(io::Error::other(error.to_string())),
        };
        self.failed = Some(JournalError::Failed { source });
        error
    }
}

fn refuse(answers: impl IntoIterator<Item = oneshot::Sender<Answer>>, error: &JournalError) {
    for answer in answers {
        let _ = answer.send(Err(error.clone()));
    }
}

/// Bytes of the frames around these payloads.
pub(crate) fn frames_len(payloads: &[Zeroizing<Vec<u8>>]) -> usize {
    payloads.iter().map(|payload| frame_len(payload.len())).fold(0, usize::saturating_add)
}
