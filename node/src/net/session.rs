//! One session with one peer: a hello each way, then messages both ways until either side ends it.
//!
//! ```text
//! message:     | length (u32, 1 ..= MAX_MESSAGE) | bytes |
//! keep-alive:  | 0 (u32) |
//! hello:       the first message each way: its first byte is the version; what follows is for later versions
//! ```
//!
//! The side with the lower identity opens the stream, whoever dialled, says hello and waits for one; if none
//! comes it opens another. So both sides know that both hold the stream.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::io::BufReader;
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::events::EventSender;
use super::limits::{
    BATCH_BYTES, FRAME_BYTES, HELLO_TIMEOUT, MAX_HELLO, MAX_MESSAGE, MESSAGE_COST, OPEN_ATTEMPTS,
    OUTBOX_BYTES, OUTBOX_MESSAGES, READ_BUFFER,
};
use super::streams::{OpenError, Reply};
use super::tied::Stream;
use super::{DialReason, NetEvent, SendError, Shared, Tunables, lock};
use crate::door::{TransportId, recv_msg, send_msg};

const VERSION: u8 = 1;
/// Between two attempts to open a stream.
const ATTEMPT_PAUSE: Duration = Duration::from_millis(200);

/// What a session is made of.
pub(super) struct Session {
    pub(super) id: u64,
    pub(super) peer: TransportId,
    pub(super) shared: Arc<Shared>,
    pub(super) events: EventSender,
    pub(super) tunables: Tunables,
    pub(super) cancel: CancellationToken,
    /// Set when both sides said hello.
    pub(super) opened: Arc<OnceLock<Instant>>,
    /// The session that this one replaces: its end is told before this one's beginning.
    pub(super) previous: Option<JoinHandle<()>>,
}

/// Which side of the stream this is.
pub(super) enum Side {
    /// Asks the driver for streams.
    Opener(mpsc::Sender<Wanted>),
    Acceptor(Stream),
}

/// A stream to a peer, which the driver is asked for.
pub(super) struct Wanted {
    pub(super) peer: TransportId,
    pub(super) what: What,
    pub(super) reply: Reply,
}

/// What a stream is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Session,
    /// Never over a connection that is relayed itself.
    Circuit,
}

/// What a session tells the driver at its end.
pub(super) struct Ended {
    pub(super) id: u64,
    pub(super) peer: TransportId,
    /// Why it never opened.
    pub(super) failure: Option<DialReason>,
}

impl Session {
    pub(super) async fn run(mut self, side: Side, ended: mpsc::Sender<Ended>) {
        if let Some(previous) = self.previous.take() {
            let _ = previous.await;
        }
        let cancel = self.cancel.clone();
        let opened = tokio::select! {
            () = cancel.cancelled() => Err(DialReason::Refused),
            opened = open(side, self.peer) => opened,
        };
        let failure = match opened {
            Ok(stream) => {
                self.live(stream).await;
                None
            }
            Err(reason) => Some(reason),
        };
        let _ = ended.send(Ended { id: self.id, peer: self.peer, failure }).await;
    }

    async fn live(&self, stream: Stream) {
        let (outbox, queue) = Outbox::new(self.id);
        // Not the sending half: when the driver takes it away, the queue ends after what it holds.
        let room = outbox.room.clone();
        lock(&self.shared.outboxes).insert(self.peer, outbox);
        let now = *self.opened.get_or_init(Instant::now);
        self.shared.update(&self.peer, |info| {
            (info.connected_since, info.last_seen, info.last_error) = (Some(now), Some(now), None);
        });
        if self.events.send(NetEvent::Connected { peer: self.peer }).await.is_ok() {
            let (read, write) = stream.split();
            tokio::select! {
                () = self.cancel.cancelled() => {}
                _ = self.read_all(read) => {}
                _ = write_all(write, queue, self.tunables.keep_alive) => {}
            }
        }
        room.close();
        self.shared.remove_outbox(&self.peer, self.id);
        self.shared.update(&self.peer, |info| info.connected_since = None);
        let _ = self.events.send(NetEvent::Disconnected { peer: self.peer }).await;
    }

    async fn read_all(&self, stream: impl AsyncRead + Unpin) -> io::Result<()> {
        let mut stream = BufReader::with_capacity(READ_BUFFER, stream);
        while let Some(message) = recv_msg(&mut stream, MAX_MESSAGE, self.tunables.give_up).await? {
            self.shared.update(&self.peer, |info| info.last_seen = Some(Instant::now()));
            if !message.is_empty() && self.events.message(self.peer, message).await.is_err() {
                break;
            }
        }
        Ok(())
    }
}

async fn open(side: Side, peer: TransportId) -> Result<Stream, DialReason> {
    let driver = match side {
        Side::Acceptor(stream) => return hello(stream, false).await.map_err(|_| DialReason::Refused),
        Side::Opener(driver) => driver,
    };
    for _ in 0..OPEN_ATTEMPTS {
        let (reply, stream) = oneshot::channel();
        let asked = driver.send(Wanted { peer, what: What::Session, reply }).await;
        asked.map_err(|_| DialReason::Refused)?;
        match timeout(HELLO_TIMEOUT, stream).await {
            Ok(Ok(Ok(stream))) => {
                if let Ok(stream) = hello(stream, true).await {
                    return Ok(stream);
                }
            }
            Ok(Ok(Err(OpenError::Version))) => return Err(DialReason::Version),
            Ok(Ok(Err(OpenError::Failed)) | Err(_)) | Err(_) => {}
        }
        sleep(ATTEMPT_PAUSE).await;
    }
    Err(DialReason::Refused)
}

async fn hello(mut stream: Stream, first: bool) -> io::Result<Stream> {
    if first {
        send_msg(&mut stream, &[VERSION], MAX_HELLO).await?;
    }
    let heard = recv_msg(&mut stream, MAX_HELLO, HELLO_TIMEOUT).await?;
    if heard.as_deref().and_then(<[u8]>::first) != Some(&VERSION) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a hello of another version"));
    }
    if !first {
        send_msg(&mut stream, &[VERSION], MAX_HELLO).await?;
    }
    Ok(stream)
}

/// Writes what is queued, gathering messages up to a frame, and flushes whenever the queue is empty.
async fn write_all<W>(
    mut stream: W,
    mut queue: mpsc::Receiver<Queued>,
    keep_alive: Duration,
) -> io::Result<()>
where
    W: AsyncWrite + Unpin,
{
    let mut batch = Vec::new();
    loop {
        // Room in the outbox is given back only when the stream took the messages.
        let mut rooms = Vec::new();
        let mut next = match timeout(keep_alive, queue.recv()).await {
            Ok(Some(queued)) => Some(queued),
            Ok(None) => return stream.close().await,
            Err(_) => {
                // It is quiet: what a busy time took is given back.
                batch = Vec::with_capacity(size_of::<u32>());
                batch.extend_from_slice(&0_u32.to_be_bytes());
                None
            }
        };
        while let Some((message, room)) = next {
            rooms.push(room);
            batch.extend_from_slice(&u32::try_from(message.len()).map_err(io::Error::other)?.to_be_bytes());
            if message.len() > FRAME_BYTES {
                stream.write_all(&batch).await?;
                batch.clear();
                stream.write_all(&message).await?;
                rooms.clear();
            } else {
                batch.extend_from_slice(&message);
            }
            next = if batch.len() < BATCH_BYTES { queue.try_recv().ok() } else { None };
        }
        stream.write_all(&batch).await?;
        if queue.is_empty() {
            stream.flush().await?;
        }
        batch.clear();
    }
}

type Queued = (Bytes, OwnedSemaphorePermit);

/// What waits for one peer to be sent: bounded in bytes and in messages.
#[derive(Clone)]
pub(super) struct Outbox {
    pub(super) id: u64,
    queue: mpsc::Sender<Queued>,
    room: Arc<Semaphore>,
}

impl Outbox {
    fn new(id: u64) -> (Self, mpsc::Receiver<Queued>) {
        let (queue, receiver) = mpsc::channel(OUTBOX_MESSAGES);
        (Self { id, queue, room: Arc::new(Semaphore::new(OUTBOX_BYTES as usize)) }, receiver)
    }

    pub(super) async fn send(&self, message: Bytes) -> Result<(), SendError> {
        let room = self.room.clone().acquire_many_owned(cost(&message)?).await;
        let room = room.map_err(|_| SendError::NotConnected)?;
        self.queue.send((message, room)).await.map_err(|_| SendError::NotConnected)
    }

    pub(super) fn try_send(&self, message: Bytes) -> Result<(), SendError> {
        let room = self.room.clone().try_acquire_many_owned(cost(&message)?);
        let room = room.map_err(|error| match error {
            TryAcquireError::NoPermits => SendError::Full,
            TryAcquireError::Closed => SendError::NotConnected,
        })?;
        self.queue.try_send((message, room)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SendError::Full,
            mpsc::error::TrySendError::Closed(_) => SendError::NotConnected,
        })
    }

    /// Waits until no more than so many bytes are queued and not on their way, or the session is over.
    pub(super) async fn drained_to(&self, bytes: usize) {
        let may_wait = u32::try_from(bytes).unwrap_or(OUTBOX_BYTES).min(OUTBOX_BYTES);
        let _given_back_at_once = self.room.acquire_many(OUTBOX_BYTES - may_wait).await;
    }

    /// Bytes that are queued and not on their way.
    pub(super) fn queued(&self) -> usize {
        (OUTBOX_BYTES as usize).saturating_sub(self.room.available_permits())
    }

    /// Turns away who waits for room.
    pub(super) fn close(&self) {
        self.room.close();
    }
}

/// An empty message would be taken for a keep-alive: it costs as much and says as little.
fn cost(message: &Bytes) -> Result<u32, SendError> {
    let len = u32::try_from(message.len()).ok().filter(|len| *len <= MAX_MESSAGE);
    len.map(|len| len + MESSAGE_COST).ok_or(SendError::TooLong(message.len()))
}
