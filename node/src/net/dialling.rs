//! The driver's part in dialling: whom, when, and which way. Addresses first, those of the local network before the
//! others; then partners that relay. Who is reached through one is tried directly now and then.

use std::net::SocketAddr;
use std::num::NonZeroU8;

use libp2p::swarm::DialError;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::{Multiaddr, PeerId};
use tokio::time::Instant;

use super::dial::RelayReason;
use super::driver::Driver;
use super::limits::{DIRECT_AGAIN, NEAR_GAP, PENDING_DIALS, RELAY_NEWS_GAP, RELAYS_TRIED, TICK};
use super::peer::{Dial, Peer, find};
use super::transport::relayed_by;
use super::{DialReason, NetEvent};
use crate::door::TransportId;

impl Driver {
    pub(super) fn next_wake(&self) -> Instant {
        if self.dials() >= PENDING_DIALS {
            return self.next_tick;
        }
        let relay = self.has_relay();
        let due = self.peers.values().filter(|peer| peer.is_missing(relay)).map(|peer| peer.backoff.next);
        due.min().unwrap_or(self.next_tick).min(self.next_tick)
    }

    pub(super) fn on_wake(&mut self, now: Instant) {
        let mut free = PENDING_DIALS.saturating_sub(self.dials());
        let relay = self.has_relay();
        let due = |peer: &Peer| peer.is_missing(relay) && peer.backoff.next <= now;
        let due: Vec<_> = self.peers.iter().filter(|(_, peer)| due(peer)).map(|(id, _)| *id).collect();
        for id in due {
            if free > 0 {
                free -= 1;
                self.dial(id);
            }
        }
        if now >= self.next_tick {
            self.next_tick = now + TICK;
            self.leaving.retain(|_, task| !task.is_finished());
            self.try_directly_again(now);
            self.meet(now);
            self.close_mute_connections(now);
        }
    }

    fn dial(&mut self, id: TransportId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let addresses = peer.addresses();
        if addresses.is_empty() {
            let relays = self.relays_to(&id);
            return self.dial_through(id, relays);
        }
        peer.dialling = Some(Dial::Direct);
        let options = DialOpts::peer_id(peer.peer_id)
            .addresses(addresses)
            .condition(PeerCondition::DisconnectedAndNotDialing)
            .build();
        self.begin(id, options);
    }

    /// Dials through relays, one after the other: a circuit that is not used costs two partners something.
    fn dial_through(&mut self, id: TransportId, relays: Vec<Multiaddr>) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.dialling = Some(Dial::Relayed);
        let options = DialOpts::peer_id(peer.peer_id)
            .addresses(relays)
            .override_dial_concurrency_factor(NonZeroU8::MIN)
            .condition(PeerCondition::DisconnectedAndNotDialing)
            .build();
        self.begin(id, options);
    }

    /// Who is reached through a relay is tried directly now and then.
    fn try_directly_again(&mut self, now: Instant) {
        let mut free = PENDING_DIALS.saturating_sub(self.dials());
        for peer in self.peers.values_mut() {
            let due = peer.relayed_by().is_some() && peer.direct_again <= now && peer.dialling.is_none();
            let addresses = peer.addresses();
            if !due || addresses.is_empty() || free == 0 {
                continue;
            }
            free -= 1;
            peer.direct_again = now + DIRECT_AGAIN;
            peer.dialling = Some(Dial::Direct);
            let options = DialOpts::peer_id(peer.peer_id)
                .addresses(addresses)
                .condition(PeerCondition::NotDialing)
                .build();
            if self.swarm.dial(options).is_err() {
                peer.dialling = None;
            }
        }
    }

    fn begin(&mut self, id: TransportId, options: DialOpts) {
        if let Err(error) = self.swarm.dial(options) {
            if let Some(peer) = self.peers.get_mut(&id) {
                peer.dialling = None;
            }
            self.failed(id, DialReason::from(&error));
        }
    }

    /// Ways to a member through partners that relay; a part of them by chance if they are many.
    fn relays_to(&self, id: &TransportId) -> Vec<Multiaddr> {
        if !self.peers.get(id).is_some_and(|peer| peer.sought) {
            return Vec::new();
        }
        let mut relays: Vec<_> =
            self.peers.iter().filter(|(of, peer)| *of != id && peer.can_relay()).collect();
        relays.sort_unstable_by_key(|(of, _)| **of);
        let first = getrandom::u32().unwrap_or_default() as usize;
        let from = first.checked_rem(relays.len()).unwrap_or_default();
        relays.rotate_left(from);
        relays.into_iter().take(RELAYS_TRIED).filter_map(|(of, _)| relayed_by(of)).collect()
    }

    fn has_relay(&self) -> bool {
        self.peers.values().any(Peer::can_relay)
    }

    /// A member's beacon came from an address of the local network: it is tried before all others, if it is looked for
    /// and not connected directly. A new address each time does not make it be dialled more often.
    pub(super) fn heard_at(&mut self, id: TransportId, at: SocketAddr) {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.sought && !peer.is_direct()) else {
            return;
        };
        let now = Instant::now();
        let known = peer.near.as_ref().is_some_and(|(_, since)| now - *since < NEAR_GAP);
        if !known {
            peer.near = Some((at.into(), now));
            peer.backoff.at_once(now);
            peer.direct_again = now;
        }
    }

    /// A way of their own replaces one through a relay. What was on its way there is lost, and asked for again.
    pub(super) fn close_relayed_beside_direct(&mut self, id: TransportId) {
        let Some(peer) = self.peers.get(&id).filter(|peer| peer.is_direct()) else { return };
        for (connection, _) in peer.connections.iter().filter(|(_, of)| of.via.is_some()) {
            self.swarm.close_connection(*connection);
        }
    }

    /// Somebody is connected and relays: who is missing may be reached through it.
    pub(super) fn hear_of_relay(&mut self, id: TransportId) {
        let now = Instant::now();
        let news = self.peers.get(&id).is_some_and(|peer| peer.relays && peer.is_direct());
        let soon = self.relay_news.is_some_and(|last| now - last < RELAY_NEWS_GAP);
        if news && !soon {
            self.relay_news = Some(now);
            let missing = self.peers.values_mut().filter(|peer| peer.sought && peer.is_missing(true));
            missing.for_each(|peer| peer.backoff.at_once(now));
        }
    }

    pub(super) fn on_dial_error(&mut self, peer_id: &PeerId, error: &DialError) {
        let Some((id, peer)) = find(&mut self.peers, peer_id) else { return };
        let dialled = peer.dialling.take();
        let in_vain = matches!(error, DialError::DialPeerConditionFalse(_));
        if in_vain || !peer.connections.is_empty() {
            // It may have stood in the way of a meeting.
            return self.meet(Instant::now());
        }
        let relays = self.relays_to(&id);
        if dialled == Some(Dial::Direct) && !relays.is_empty() {
            return self.dial_through(id, relays);
        }
        self.failed(id, DialReason::from(error));
    }

    pub(super) fn failed(&mut self, id: TransportId, reason: DialReason) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let lost = peer.was_relayed && matches!(reason, DialReason::NoAddress | DialReason::Unreachable);
        let reason = if lost { DialReason::Relay(RelayReason::Gone) } else { reason };
        peer.backoff.failed(Instant::now());
        self.shared.update(&id, |info| info.last_error = Some(reason));
        self.events.offer(NetEvent::DialFailed { peer: id, reason });
    }

    fn dials(&self) -> usize {
        self.peers.values().filter(|peer| peer.dialling.is_some()).count()
    }
}
