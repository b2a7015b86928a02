//! Ways between two members through a third: asking for one, answering one, and carrying one for others.
//!
//! All of it goes over streams of the connections that members have with each other anyway, so whoever asks a relay
//! is a member, by its key, and nobody else can. What a relay carries is the front door and all that follows
//! behind it, between the two ends: it has the partnership's door key and is in the middle, but if it opened the door on
//! both sides, the two ends would not believe that they speak to each other (`proven.rs`).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use entente_protocol::codec;
use entente_protocol::relay::{Offer, RelayMessage, RelayRefusal, Seen};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::compat::FuturesAsyncReadCompatExt;

use super::limits::{CIRCUIT_BUFFER, RINGING};
use super::meeting::{Told, may_meet};
use super::relaying::{Permit, Relaying};
use super::session::{Wanted, What};
use super::tied::Stream;
use super::{Shared, Tunables, lock};
use crate::address::Address;
use crate::door::{Carried, DoorStream, KeyRing, KnockError, Punching, TransportId, recv_msg, send_msg};

/// The longest message about a circuit, bytes.
const MAX: u32 = 64;

/// A member's stream for circuits, and what this node does with it. Clones are the same.
#[derive(Clone)]
pub(super) struct Circuits {
    shared: Arc<Shared>,
    terms: Terms,
    /// Where relays say that members are seen.
    pub(super) told: Told,
    wanted: mpsc::Sender<Wanted>,
    ring: KeyRing,
    /// What was let in through a relay, and through which.
    let_in: mpsc::Sender<(DoorStream, TransportId)>,
    ringing: Arc<Semaphore>,
}

/// What this node takes part in, and how long it waits.
#[derive(Clone)]
pub(super) struct Terms {
    pub(super) relaying: Relaying,
    /// Absent where all goes through a proxy: then nobody is met, and nobody told where others are seen.
    pub(super) punching: Option<Punching>,
    pub(super) tunables: Tunables,
}

impl Circuits {
    pub(super) fn new(
        shared: Arc<Shared>,
        terms: Terms,
        wanted: mpsc::Sender<Wanted>,
        ring: KeyRing,
    ) -> (Self, mpsc::Receiver<(DoorStream, TransportId)>) {
        let (let_in, relayed) = mpsc::channel(RINGING);
        let ringing = Arc::new(Semaphore::new(RINGING));
        let told = Told::default();
        (Self { shared, terms, told, wanted, ring, let_in, ringing }, relayed)
    }

    /// Does this node meet those who are reached through relays?
    pub(super) fn meets(&self) -> bool {
        self.terms.punching.as_ref().is_some_and(Punching::is_on)
    }

    /// Asks a relay for a way to a member.
    pub(super) async fn call(
        &self,
        relay: TransportId,
        whom: TransportId,
    ) -> Result<Box<dyn Carried>, KnockError> {
        // The relay itself waits for who is called.
        let patience = self.terms.tunables.ring * 2;
        let asking = async {
            let mut stream = self.open(relay).await.ok_or(RelayRefusal::Off)?;
            let offer = self.meets().then_some(Offer::Meet);
            say(&mut stream, &RelayMessage::Call(whom, offer)).await.map_err(|_| RelayRefusal::Off)?;
            match hear(&mut stream, patience).await {
                Ok(RelayMessage::Open) => Ok(stream),
                Ok(RelayMessage::Meet(at)) if offer.is_some() => {
                    self.told.note(relay, self.seen(&relay), whom, at.into());
                    Ok(stream)
                }
                Ok(RelayMessage::Refused(why)) => Err(why),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(RelayRefusal::NoAnswer),
                // What makes no sense here.
                Ok(_) | Err(_) => Err(RelayRefusal::Off),
            }
        };
        let asked = timeout(patience, asking).await.unwrap_or(Err(RelayRefusal::NoAnswer));
        let stream = asked.map_err(KnockError::NotRelayed)?;
        Ok(Box::new(stream.compat()))
    }

    /// Answers a stream that a member opened.
    pub(super) async fn answer(self, from: TransportId, mut stream: Stream) {
        let heard = self.hear(&mut stream).await;
        // Who says something else, or nothing, is not answered: the stream ends.
        let _ended = match heard {
            Ok(RelayMessage::Call(whom, offer)) => self.relay((from, offer), whom, stream).await,
            Ok(RelayMessage::Ring(caller, offer)) => self.pick_up(from, (caller, offer), stream).await,
            _ => Ok(()),
        };
    }

    /// Somebody calls through a relay. The door, and what follows behind it, prove who it is.
    async fn pick_up(
        &self,
        via: TransportId,
        (caller, offer): (TransportId, Option<Offer>),
        mut stream: Stream,
    ) -> io::Result<()> {
        let Ok(_ringing) = self.ringing.try_acquire() else {
            return say(&mut stream, &RelayMessage::Refused(RelayRefusal::Full)).await;
        };
        if !self.is_member(&caller) {
            return say(&mut stream, &RelayMessage::Refused(RelayRefusal::NotHere)).await;
        }
        if offer.is_some() && self.meets() {
            say(&mut stream, &RelayMessage::Willing).await?;
            let RelayMessage::Meet(at) = self.hear(&mut stream).await? else { return Ok(()) };
            self.told.note(via, self.seen(&via), caller, at.into());
        } else {
            say(&mut stream, &RelayMessage::Open).await?;
        }
        let door = self.ring.answer_over(Box::new(stream.compat())).await?;
        self.let_in.try_send((door, via)).map_err(|_| io::ErrorKind::WouldBlock.into())
    }

    /// Carries a circuit for two others.
    async fn relay(
        &self,
        (from, offer): (TransportId, Option<Offer>),
        to: TransportId,
        mut caller: Stream,
    ) -> io::Result<()> {
        let relaying = &self.terms.relaying;
        let admitted = match self.is_member(&to) {
            true => relaying.admit(from, to),
            false if relaying.hourly().is_none() => Err(RelayRefusal::Off),
            false => Err(RelayRefusal::NotHere),
        };
        let seen = offer.and_then(|_| self.both_seen(&from, &to));
        let ringing = async {
            let permit = admitted?;
            let ringing = self.ring(from, to, seen.map(|_| Offer::Meet));
            let callee = timeout(self.terms.tunables.ring, ringing).await;
            Ok((permit, callee.unwrap_or(Err(RelayRefusal::NoAnswer))?))
        };
        match ringing.await {
            Err(refusal) => say(&mut caller, &RelayMessage::Refused(refusal)).await,
            Ok((permit, (mut callee, willing))) => {
                match seen.filter(|_| willing) {
                    Some((caller_at, callee_at)) => {
                        say(&mut callee, &RelayMessage::Meet(caller_at)).await?;
                        say(&mut caller, &RelayMessage::Meet(callee_at)).await?;
                    }
                    None => say(&mut caller, &RelayMessage::Open).await?,
                }
                tokio::select! {
                    ended = splice(caller, callee, &permit, self.terms.tunables.circuit_idle) => ended,
                    () = relaying.ended() => Ok(()),
                }
            }
        }
    }

    /// The callee's stream, and whether it would meet the caller.
    async fn ring(
        &self,
        from: TransportId,
        to: TransportId,
        offer: Option<Offer>,
    ) -> Result<(Stream, bool), RelayRefusal> {
        let mut stream = self.open(to).await.ok_or(RelayRefusal::NotHere)?;
        say(&mut stream, &RelayMessage::Ring(from, offer)).await.map_err(|_| RelayRefusal::NoAnswer)?;
        match self.hear(&mut stream).await {
            Ok(RelayMessage::Open) => Ok((stream, false)),
            Ok(RelayMessage::Willing) if offer.is_some() => Ok((stream, true)),
            _ => Err(RelayRefusal::NoAnswer),
        }
    }

    /// A stream to a member, if there is a connection that is not relayed itself.
    async fn open(&self, peer: TransportId) -> Option<Stream> {
        let (reply, stream) = oneshot::channel();
        self.wanted.send(Wanted { peer, what: What::Circuit, reply }).await.ok()?;
        stream.await.ok()?.ok()
    }

    /// Where this node sees two members, if each may be told of the other's.
    fn both_seen(&self, from: &TransportId, to: &TransportId) -> Option<(Seen, Seen)> {
        let (from, to) = (self.seen(from)?, self.seen(to)?);
        (self.meets() && may_meet(from, to)).then(|| (from.into(), to.into()))
    }

    /// The other end of the connection with a member.
    fn seen(&self, id: &TransportId) -> Option<SocketAddr> {
        match lock(&self.shared.peers).get(id)?.address {
            Some(Address::Ip(at)) => Some(at),
            Some(Address::Name(..)) | None => None,
        }
    }

    async fn hear(&self, stream: &mut (impl AsyncRead + Unpin)) -> io::Result<RelayMessage> {
        hear(stream, self.terms.tunables.ring).await
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
    silence: Duration,
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
        () = idle(&moved, silence) => Err(io::ErrorKind::TimedOut.into()),
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

/// Ends when nothing moved for so long, or at most twice as long.
async fn idle(moved: &AtomicU64, silence: Duration) {
    let mut before = 0;
    loop {
        tokio::time::sleep(silence).await;
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

/// The next message; all of it has to come in time.
async fn hear(stream: &mut (impl AsyncRead + Unpin), patience: Duration) -> io::Result<RelayMessage> {
    let heard = timeout(patience, recv_msg(stream, MAX, patience)).await;
    let heard = heard.map_err(|_| io::ErrorKind::TimedOut)??.ok_or(io::ErrorKind::UnexpectedEof)?;
    codec::decode(&heard).map_err(io::Error::other)
}
