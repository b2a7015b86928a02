//! A member's node, as the driver knows it.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Reached;
use super::dial::Backoff;
use super::limits::ANNOUNCEMENTS_PER_SECOND;
use super::meeting::Met;
use super::transport::{dialled, transport_id};
use crate::address::Address;
use crate::door::TransportId;

/// How a dial goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Dial {
    Direct,
    Relayed,
    /// Where a relay sees it, while it dials here.
    Met,
}

/// A connection with a member.
pub(super) struct Connection {
    pub(super) since: Instant,
    /// Its other end; `None` if a relay carries it.
    pub(super) at: Option<Address>,
    /// The relay that carries it.
    pub(super) via: Option<TransportId>,
    /// Did it come of a meeting?
    pub(super) punched: bool,
}

/// A member's node.
pub(super) struct Peer {
    pub(super) peer_id: PeerId,
    pub(super) addrs: Vec<Address>,
    /// Of a former member: it is here to parley.
    pub(super) former: bool,
    /// May it be reached through partners that relay?
    pub(super) sought: bool,
    /// Where it was heard last on the local network.
    pub(super) near: Option<(Address, Instant)>,
    /// Did it say that it relays?
    pub(super) relays: bool,
    /// Was it last reached through a relay, in this run?
    pub(super) was_relayed: bool,
    pub(super) connections: HashMap<ConnectionId, Connection>,
    pub(super) session: Option<Running>,
    pub(super) last_session: Option<Instant>,
    /// When the announcements it passed on were counted from, and how many.
    pub(super) announcements: (Instant, u32),
    pub(super) dialling: Option<Dial>,
    /// When it is tried directly although it is reached through a relay.
    pub(super) direct_again: Instant,
    pub(super) met: Met,
    pub(super) backoff: Backoff,
}

/// A session's task.
pub(super) struct Running {
    pub(super) id: u64,
    pub(super) started: Instant,
    pub(super) opened: Arc<OnceLock<std::time::Instant>>,
    pub(super) cancel: CancellationToken,
    pub(super) task: JoinHandle<()>,
}

impl Peer {
    /// Is it to be dialled? `relay`: some partner relays.
    pub(super) fn is_missing(&self, relay: bool) -> bool {
        let somewhere = !self.addrs.is_empty() || self.near.is_some() || relay && self.sought;
        self.connections.is_empty() && self.dialling.is_none() && somewhere
    }

    /// Where to dial it.
    pub(super) fn addresses(&self) -> Vec<Multiaddr> {
        self.near.iter().map(|(near, _)| near).chain(&self.addrs).map(dialled).collect()
    }

    /// Is there a connection that no relay carries?
    pub(super) fn is_direct(&self) -> bool {
        self.connections.values().any(|of| of.via.is_none())
    }

    /// Said it that it relays, and can it be asked to?
    pub(super) fn can_relay(&self) -> bool {
        self.relays && !self.former && self.is_direct()
    }

    /// Who carries what is said with it; `None` if there is a connection without, or none at all.
    pub(super) fn relayed_by(&self) -> Option<TransportId> {
        if self.is_direct() {
            return None;
        }
        self.connections.values().max_by_key(|of| of.since).and_then(|of| of.via)
    }

    /// The other end of the connection that has stood longest without a relay. The first leaves from the port that the
    /// member's door listens on, where it can be met; while it stands, others cannot.
    pub(super) fn seen_at(&self) -> Option<&Address> {
        let direct = self.connections.values().filter(|of| of.via.is_none());
        direct.min_by_key(|of| of.since).and_then(|of| of.at.as_ref())
    }

    /// How it is reached; `None` if it is not connected.
    pub(super) fn reached(&self) -> Option<Reached> {
        let mut direct = self.connections.values().filter(|of| of.via.is_none()).peekable();
        if direct.peek().is_none() {
            return self.relayed_by().map(Reached::Through);
        }
        let punched = direct.all(|of| of.punched);
        Some(if punched { Reached::Punched } else { Reached::Directly })
    }

    /// Counts an announcement; `false` beyond [`ANNOUNCEMENTS_PER_SECOND`].
    pub(super) fn may_announce(&mut self, now: Instant) -> bool {
        let (since, count) = &mut self.announcements;
        if now.saturating_duration_since(*since) >= Duration::from_secs(1) {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count <= ANNOUNCEMENTS_PER_SECOND
    }
}

/// The member behind a libp2p name.
pub(super) fn find<'a>(
    peers: &'a mut HashMap<TransportId, Peer>,
    peer_id: &PeerId,
) -> Option<(TransportId, &'a mut Peer)> {
    let id = transport_id(peer_id)?;
    peers.get_mut(&id).map(|peer| (id, peer))
}
