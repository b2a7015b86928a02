//! Ways between two members through a third: asking for one, answering one, and carrying one for others.
//!
//! All of it goes over streams of the connections that members have with each other anyway, so whoever asks a relay
//! is a member, by its key, and nobody else can. What a relay carries is the front door and all that follows
//! behind it, between the two ends: it has the partnership's door key and is in the middle, but what runs inside the door
//! is libp2p's Noise between their identities, which it does not have.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use entente_protocol::codec;
use entente_protocol::relay::{RelayMessage, RelayRefusal};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::Stream;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::compat::FuturesAsyncReadCompatExt;

use super::limits::{CIRCUIT_BUFFER, CIRCUIT_IDLE, RING_TIMEOUT, RINGING};
use super::relaying::{Permit, Relaying};
use super::session::{Wanted, What};
use super::{Shared, lock};
use crate::door::{Carried, DoorStream, KeyRing, KnockError, TransportId, recv_msg, send_msg};

/// The longest message about a circuit, bytes.
const MAX: u32 = 64;

/// A member's stream for circuits, and what this node does with it. Clones are the same.
#[derive(Clone)]
pub(super) struct Circuits {
    shared: Arc<Shared>,
    relaying: Relaying,
    wanted: mpsc::Sender<Wanted>,
    ring: KeyRing,
    /// What was let in through a relay, and through which.
    let_in: mpsc::Sender<(DoorStream, TransportId)>,
    ringing: Arc<Semaphore>,
}

impl Circuits {
    pub(super) fn new(
        shared: Arc<Shared>,
        relaying: Relaying,
        wanted: mpsc::Sender<Wanted>,
        ring: KeyRing,
    ) -> (Self, mpsc::Receiver<(DoorStream, TransportId)>) {
        let (let_in, relayed) = mpsc::channel(RINGING);
        let ringing = Arc::new(Semaphore::new(RINGING));
        (Self { shared, relaying, wanted, ring, let_in, ringing }, relayed)
    }

    /// Asks a relay for a way to a member.
    pub(super) async fn call(
        &self,
        relay: TransportId,
        whom: TransportId,
    ) -> Result<Box<dyn Carried>, KnockError> {
        let asking = async {
            let mut stream = self.open(relay).await.ok_or(RelayRefusal::Off)?;
            say(&mut stream, &RelayMessage::Call(whom)).await.map_err(|_| RelayRefusal::Off)?;
            match hear(&mut stream).await {
                Ok(RelayMessage::Open) => Ok(stream),
                Ok(RelayMessage::Refused(why)) => Err(why),
                Ok(RelayMessage::Call(_) | RelayMessage::Ring(_)) | Err(_) => Err(RelayRefusal::Off),
            }
        };
        // The relay itself waits for so long.
        let asked = timeout(RING_TIMEOUT * 2, asking).await.unwrap_or(Err(RelayRefusal::NoAnswer));
        let stream = asked.map_err(KnockError::NotRelayed)?;
        Ok(Box::new(stream.compat()))
    }

    /// Answers a stream that a member opened.
    pub(super) async fn answer(self, from: TransportId, mut stream: Stream) {
        let heard = timeout(RING_TIMEOUT, hear(&mut stream)).await;
        // Who says something else, or nothing, is not answered: the stream ends.
        let _ended = match heard {
            Ok(Ok(RelayMessage::Call(whom))) => self.relay(from, whom, stream).await,
            Ok(Ok(RelayMessage::Ring(caller))) => self.pick_up(from, caller, stream).await,
            _ => Ok(()),
        };
    }

    /// Somebody calls through a relay. The door, and what follows behind it, prove who it is.
    async fn pick_up(&self, via: TransportId, caller: TransportId, mut stream: Stream) -> io::Result<()> {
        let Ok(_ringing) = self.ringing.try_acquire() else {
            return say(&mut stream, &RelayMessage::Refused(RelayRefusal::Full)).await;
        };
        if !self.is_member(&caller) {
            return say(&mut stream, &RelayMessage::Refused(RelayRefusal::NotHere)).await;
        }
        say(&mut stream, &RelayMessage::Open).await?;
        let door = self.ring.answer_over(Box::new(stream.compat())).await?;
        self.let_in.try_send((door, via)).map_err(|_| io::ErrorKind::WouldBlock.into())
    }

    /// Carries a circuit for two others.
    async fn relay(&self, from: TransportId, to: TransportId, mut caller: Stream) -> io::Result<()> {
        let admitted = match self.is_member(&to) {
            true => self.relaying.admit(from, to),
            false if self.relaying.hourly().is_none() => Err(RelayRefusal::Off),
            false => Err(RelayRefusal::NotHere),
        };
        let ringing = async {
            let permit = admitted?;
            let callee = timeout(RING_TIMEOUT, self.ring(from, to)).await;
            Ok((permit, callee.unwrap_or(Err(RelayRefusal::NoAnswer))?))
        };
        match ringing.await {
            Err(refusal) => say(&mut caller, &RelayMessage::Refused(refusal)).await,
            Ok((permit, callee)) => {
                say(&mut caller, &RelayMessage::Open).await?;
                tokio::select! {
                    ended = splice(caller, callee, &permit) => ended,
                    () = self.relaying.ended() => Ok(()),
                }
            }
        }
    }

    async fn ring(&self, from: TransportId, to: TransportId) -> Result<Stream, RelayRefusal> {
        let mut stream = self.open(to).await.ok_or(RelayRefusal::NotHere)?;
        say(&mut stream, &RelayMessage::Ring(from)).await.map_err(|_| RelayRefusal::NoAnswer)?;
        match hear(&mut stream).await {
            Ok(RelayMessage::Open) => Ok(stream),
            _ => Err(RelayRefusal::NoAnswer),
        }
    }

    /// A stream to a member, if there is a connection that is not relayed itself.
    async fn open(&self, peer: TransportId) -> Option<Stream> {
        let (reply, stream) = oneshot::channel();
        self.wanted.send(Wanted { peer, what: What::Circuit, reply }).await.ok()?;
        stream.await.ok()?.ok()
    }

    fn is_member(&self, id: &TransportId) -> bool {
        lock(&self.shared.peers).contains_key(id)
    }
}

/// Copies both ways, until both ends are done, one fails, nothing came for long, or no more may pass.
async fn splice(
    caller: impl AsyncRead + AsyncWrite,
    callee: impl AsyncRead + AsyncWrite,
    permit: &Permit,
) -> io::Result<()> {
    let moved = AtomicU64::new(0);
    let (from_caller, to_caller) = caller.split();
    let (from_callee, to_callee) = callee.split();
    let both = async {
        let there = copy(from_caller, to_callee, permit, &moved);
        let back = copy(from_callee, to_caller, permit, &moved);
        tokio::try_join!(there, back).map(drop)
    };
    tokio::select! {
        ended = both => ended,
        () = idle(&moved) => Err(io::ErrorKind::TimedOut.into()),
    }
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    permit: &Permit,
    moved: &AtomicU64,
) -> io::Result<()> {
    let mut buffer = vec![0; CIRCUIT_BUFFER];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return to.close().await;
        }
        permit.spend(count).map_err(io::Error::other)?;
        to.write_all(buffer.get(..count).unwrap_or_default()).await?;
        to.flush().await?;
        moved.fetch_add(count as u64, Ordering::Relaxed);
    }
}

/// Ends when nothing moved for [`CIRCUIT_IDLE`], or at most twice as long.
async fn idle(moved: &AtomicU64) {
    let mut before = 0;
    loop {
        tokio::time::sleep(CIRCUIT_IDLE).await;
        let now = moved.load(Ordering::Relaxed);
        if now == before {
            return;
        }
        before = now;
    }
}

async fn say(stream: &mut (impl AsyncWrite + Unpin), message: &RelayMessage) -> io::Result<()> {
    send_msg(stream, &codec::encode(message), MAX).await
}

async fn hear(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<RelayMessage> {
    let heard = recv_msg(stream, MAX, RING_TIMEOUT).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
    codec::decode(&heard).map_err(io::Error::other)
}
