//! The queue from the network to the node: bounded in events and in bytes, fair among peers.
//!
//! Readers wait in line for room, so a peer that floods gets one message in for each of the others. What a
//! message takes is given back when the node takes it. Announcements and failed dials are dropped when
//! there is no room: the former are hints, the latter are in [`super::NetHandle::peers`] too.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::DialReason;
use super::limits::{INBOX_BYTES, INBOX_EVENTS, MESSAGE_COST};
use crate::door::TransportId;

/// What the network tells the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetEvent {
    /// A session is open both ways. Comes before its messages.
    Connected {
        /// With whom.
        peer: TransportId,
    },
    /// The session ended. Comes after its messages, and before the next `Connected`.
    Disconnected {
        /// With whom.
        peer: TransportId,
    },
    /// A message of a session.
    Message {
        /// From whom, authenticated.
        peer: TransportId,
        /// At most [`super::limits::MAX_MESSAGE`] bytes, never empty.
        bytes: Bytes,
    },
    /// A well-formed announcement, once.
    Announced {
        /// Who passed it on; not who made it.
        from: TransportId,
        /// At most [`super::limits::MAX_ANNOUNCEMENT`] bytes.
        data: Bytes,
    },
    /// A dial failed; there will be another.
    DialFailed {
        /// To whom.
        peer: TransportId,
        /// Why.
        reason: DialReason,
    },
}

/// The node's end of the queue.
pub struct NetEvents {
    events: mpsc::Receiver<(NetEvent, Option<OwnedSemaphorePermit>)>,
}

impl NetEvents {
    /// The next event; `None` after a shutdown.
    pub async fn recv(&mut self) -> Option<NetEvent> {
        self.events.recv().await.map(|(event, _room)| event)
    }

    /// The next event, if there is one now.
    pub fn try_recv(&mut self) -> Option<NetEvent> {
        self.events.try_recv().ok().map(|(event, _room)| event)
    }
}

/// The network's end of the queue.
#[derive(Clone)]
pub(super) struct EventSender {
    events: mpsc::Sender<(NetEvent, Option<OwnedSemaphorePermit>)>,
    room: Arc<Semaphore>,
}

/// The node is gone.
#[derive(Debug)]
pub(super) struct NobodyListens;

pub(super) fn queue() -> (EventSender, NetEvents) {
    let (sender, events) = mpsc::channel(INBOX_EVENTS);
    let room = Arc::new(Semaphore::new(INBOX_BYTES as usize));
    (EventSender { events: sender, room }, NetEvents { events })
}

impl EventSender {
    pub(super) async fn message(&self, peer: TransportId, bytes: Vec<u8>) -> Result<(), NobodyListens> {
        let cost = u32::try_from(bytes.len()).unwrap_or(INBOX_BYTES).saturating_add(MESSAGE_COST);
        let room = self.room.clone().acquire_many_owned(cost.min(INBOX_BYTES)).await;
        let room = room.map_err(|_| NobodyListens)?;
        let event = NetEvent::Message { peer, bytes: bytes.into() };
        self.events.send((event, Some(room))).await.map_err(|_| NobodyListens)
    }

    pub(super) async fn send(&self, event: NetEvent) -> Result<(), NobodyListens> {
        self.events.send((event, None)).await.map_err(|_| NobodyListens)
    }

    /// For what the node can do without.
    pub(super) fn offer(&self, event: NetEvent) {
        let _ = self.events.try_send((event, None));
    }
}
