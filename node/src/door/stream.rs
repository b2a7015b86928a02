//! The encrypted byte stream behind the door.
//!
//! ```text
//! frame:  | length ^ mask (u16) | ciphertext and tag (17 ..= 65,535 bytes) |
//! ```
//!
//! Writes are gathered until a frame is full or the stream is flushed. The lengths are masked, so that
//! every byte on the wire looks random; that hides no sizes, a packet still has one. An end of the stream
//! between two frames is not authenticated: what runs inside must know where its messages end.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use blake3::OutputReader;
use futures::{AsyncRead, AsyncWrite};
use snow::{HandshakeState, TransportState};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::time::{Sleep, sleep};
use zeroize::Zeroize;

use super::limit::{Limit, Limits, Priority};
use super::line::Line;

const HEADER_LEN: usize = 2;
const TAG_LEN: usize = 16;
const MAX_CIPHERTEXT: usize = u16::MAX as usize;
const MAX_PLAINTEXT: usize = MAX_CIPHERTEXT - TAG_LEN;

/// Buffers start with this, and return to it when the stream calms down: idle streams cost little.
const BUFFER_SMALL: usize = 4 * 1024;
/// The read buffer grows to this under load: two frames and some, for few system calls.
const BUFFER_LARGE: usize = 160 * 1024;
/// Fewer bytes than this between two waits count as calm.
const CALM_BYTES: usize = 2 * 1024;
/// So many calm waits in a row, and the buffers shrink.
const CALM_WAITS: u8 = 16;

/// A connection through the door, encrypted with `ChaCha20-Poly1305` under keys of this connection alone.
pub struct DoorStream {
    line: Line,
    noise: TransportState,
    /// What names this connection, and is the same at both of its ends.
    binding: [u8; 32],
    masks: LengthMasks,
    /// Ciphertext as it came from the socket.
    raw: Window,
    /// The length of the frame at the start of `raw`, once its header was read.
    frame: Option<usize>,
    /// The frame that is being read from.
    plain: Window,
    read_calm: Calm,
    /// What was written since the last frame was sealed.
    pending: Vec<u8>,
    /// Sealed frames on their way to the socket.
    sealed: Window,
    write_calm: Calm,
    limits: Limits,
    /// Until more may be sent, and received.
    waits: (Wait, Wait),
}

/// Set while a limit holds a direction back.
type Wait = Option<Pin<Box<Sleep>>>;

/// The keystreams that mask the lengths of frames, one for each direction.
pub(super) struct LengthMasks {
    pub(super) send: OutputReader,
    pub(super) recv: OutputReader,
}

impl DoorStream {
    pub(super) fn new(
        line: impl Into<Line>,
        noise: HandshakeState,
        masks: LengthMasks,
        limits: Limits,
    ) -> io::Result<Self> {
        let binding = blake3::derive_key("entente door 1 binding", noise.get_handshake_hash());
        let noise = noise.into_transport_mode().map_err(invalid)?;
        Ok(Self {
            line: line.into(),
            noise,
            binding,
            masks,
            raw: Window::default(),
            frame: None,
            plain: Window::default(),
            read_calm: Calm::default(),
            pending: Vec::new(),
            sealed: Window::default(),
            write_calm: Calm::default(),
            limits,
            waits: (None, None),
        })
    }

    /// What only the two ends of this connection share: from the hash of its handshake (Noise specification, section
    /// 11.2), in which both of its ephemeral keys are.
    #[must_use]
    pub fn binding(&self) -> &[u8; 32] {
        &self.binding
    }

    /// From here on it is a partnership's.
    #[must_use]
    pub fn under(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Decrypts the next frame, if all of it is there.
    fn open_frame(&mut self) -> io::Result<bool> {
        let len = match self.frame {
            Some(len) => len,
            None => {
                let Some(&header) = self.raw.filled().first_chunk::<HEADER_LEN>() else { return Ok(false) };
                self.raw.consume(HEADER_LEN);
                *self.frame.insert(usize::from(unmask(&mut self.masks.recv, header)))
            }
        };
        let Some(ciphertext) = self.raw.filled().get(..len) else { return Ok(false) };
        self.plain.reset(len);
        let opened = self.noise.read_message(ciphertext, self.plain.free()).map_err(invalid)?;
        self.plain.produced(opened);
        self.raw.consume(len);
        self.frame = None;
        Ok(true)
    }

    /// Reads from the socket into `raw`; 0 at its end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.raw.make_room(self.frame.unwrap_or(HEADER_LEN));
        let free = self.raw.free();
        let may =
            ready!(poll_take(&self.limits.down, self.limits.priority(), &mut self.waits.1, free.len(), cx));
        let mut buffer = ReadBuf::new(free.get_mut(..may).unwrap_or_default());
        let polled = Pin::new(&mut self.line).poll_read(cx, &mut buffer);
        self.limits.down.give_back(buffer.remaining(), self.limits.priority());
        let Poll::Ready(result) = polled else {
            if self.read_calm.waited() && self.raw.filled().is_empty() {
                self.raw.shrink();
                self.plain.shrink();
            }
            return Poll::Pending;
        };
        result?;
        let (read, full) = (buffer.filled().len(), buffer.remaining() == 0);
        self.raw.produced(read);
        self.read_calm.moved(read);
        if full {
            self.raw.grow();
        }
        Poll::Ready(Ok(read))
    }

    /// Seals what is pending into a frame, behind another at most that is still to be sent.
    fn seal(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.write_calm.moved(self.pending.len());
        let ciphertext_len = self.pending.len() + TAG_LEN;
        let len = u16::try_from(ciphertext_len).map_err(io::Error::other)?;
        self.sealed.make_room(self.sealed.filled().len() + HEADER_LEN + ciphertext_len);
        let (header, body) = self.sealed.free().split_at_mut(HEADER_LEN);
        header.copy_from_slice(&unmask(&mut self.masks.send, len.to_be_bytes()).to_be_bytes());
        self.noise.write_message(&self.pending, body).map_err(invalid)?;
        self.sealed.produced(HEADER_LEN + ciphertext_len);
        self.pending.clear();
        Ok(())
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.sealed.filled().is_empty() {
            let filled = self.sealed.filled();
            let may = ready!(poll_take(
                &self.limits.up,
                self.limits.priority(),
                &mut self.waits.0,
                filled.len(),
                cx
            ));
            let polled = Pin::new(&mut self.line).poll_write(cx, filled.get(..may).unwrap_or_default());
            let taken = if let Poll::Ready(Ok(written)) = &polled { *written } else { 0 };
            self.limits.up.give_back(may - taken, self.limits.priority());
            let written = ready!(polled)?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sealed.consume(written);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for DoorStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        loop {
            let count = this.plain.filled().len().min(buffer.len());
            if count > 0 {
                if let (Some(to), Some(from)) = (buffer.get_mut(..count), this.plain.filled().get(..count)) {
                    to.copy_from_slice(from);
                }
                this.plain.consume(count);
                return Poll::Ready(Ok(count));
            }
            if this.open_frame()? {
                continue;
            }
            if ready!(this.poll_fill(cx))? == 0 {
                let between_frames = this.frame.is_none() && this.raw.filled().is_empty();
                return Poll::Ready(match between_frames {
                    true => Ok(0),
                    false => Err(io::ErrorKind::UnexpectedEof.into()),
                });
            }
        }
    }
}

impl AsyncWrite for DoorStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.pending.len() >= MAX_PLAINTEXT {
            // A full frame waits for what follows it: one call of the system sends both.
            ready!(this.poll_drain(cx))?;
            this.seal()?;
        }
        let count = data.len().min(MAX_PLAINTEXT - this.pending.len());
        this.pending.extend_from_slice(data.get(..count).unwrap_or_default());
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.sealed.filled().len() > HEADER_LEN + MAX_CIPHERTEXT {
            ready!(this.poll_drain(cx))?;
        }
        this.seal()?;
        ready!(this.poll_drain(cx))?;
        if this.write_calm.waited() {
            this.pending.shrink_to(BUFFER_SMALL);
            this.sealed.shrink();
        }
        Pin::new(&mut this.line).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.line).poll_shutdown(cx)
    }
}

/// What passed in clear is not left in memory.
impl Drop for DoorStream {
    fn drop(&mut self) {
        self.pending.zeroize();
        self.plain.data.zeroize();
    }
}

/// How many of `wanted` bytes, at least one, may pass now.
fn poll_take(
    limit: &Limit,
    of: Priority,
    wait: &mut Wait,
    wanted: usize,
    cx: &mut Context<'_>,
) -> Poll<usize> {
    loop {
        if let Some(sleeping) = wait {
            ready!(sleeping.as_mut().poll(cx));
            *wait = None;
        }
        match limit.take(wanted, of, Instant::now()) {
            Ok(granted) => return Poll::Ready(granted),
            Err(pause) => *wait = Some(Box::pin(sleep(pause))),
        }
    }
}

fn unmask(stream: &mut OutputReader, bytes: [u8; HEADER_LEN]) -> u16 {
    let mut mask = [0; HEADER_LEN];
    stream.fill(&mut mask);
    u16::from_be_bytes(bytes) ^ u16::from_be_bytes(mask)
}

fn invalid(error: snow::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// A buffer whose middle, `start..end`, is filled.
#[derive(Default)]
struct Window {
    data: Vec<u8>,
    start: usize,
    end: usize,
}

impl Window {
    fn filled(&self) -> &[u8] {
        self.data.get(self.start..self.end).unwrap_or_default()
    }

    fn free(&mut self) -> &mut [u8] {
        self.data.get_mut(self.end..).unwrap_or_default()
    }

    fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }

    fn produced(&mut self, count: usize) {
        self.end = (self.end + count).min(self.data.len());
    }

    /// Empties the window, and makes it at least `len` bytes long.
    fn reset(&mut self, len: usize) {
        (self.start, self.end) = (0, 0);
        if self.data.len() < len {
            self.data.resize(len.max(BUFFER_SMALL), 0);
        }
    }

    /// Makes room for a filled part of `len` bytes, and for one more byte at the least.
    fn make_room(&mut self, len: usize) {
        if self.start == self.end {
            self.reset(len);
        } else if self.start + len > self.data.len() || self.end == self.data.len() {
            self.data.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            let wanted = len.max(self.end + 1).max(BUFFER_SMALL);
            if self.data.len() < wanted {
                self.data.resize(wanted, 0);
            }
        }
    }

    /// Doubles the buffer, up to [`BUFFER_LARGE`].
    fn grow(&mut self) {
        let len = (self.data.len() * 2).min(BUFFER_LARGE);
        if self.data.len() < len {
            self.data.resize(len, 0);
        }
    }

    /// Gives memory back, if nothing is in the window.
    fn shrink(&mut self) {
        if self.start == self.end && self.data.len() > BUFFER_SMALL {
            self.data.zeroize();
            *self = Self::default();
        }
    }
}

/// Tells when a direction of the stream has calmed down.
#[derive(Default)]
struct Calm {
    bytes: usize,
    waits: u8,
}

impl Calm {
    fn moved(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Counts a wait; `true` when it is time to shrink.
    fn waited(&mut self) -> bool {
        self.waits = if self.bytes < CALM_BYTES { self.waits + 1 } else { 0 };
        self.bytes = 0;
        if self.waits < CALM_WAITS {
            return false;
        }
        self.waits = 0;
        true
    }
}
