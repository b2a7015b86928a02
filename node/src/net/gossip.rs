//! Announcements go between members only: on a connection with a former member's node gossip has no part, so that it
//! learns nothing of what is written.

use std::collections::HashSet;
use std::task::{Context, Poll};

use either::Either;
use libp2p::core::transport::PortUse;
use libp2p::core::{Endpoint, Multiaddr};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent,
    ToSwarm, dummy,
};
use libp2p::{PeerId, gossipsub};

use super::swarm::Gossip;

/// Gossip, but not with everybody who may connect.
pub(super) struct MembersOnly {
    pub(super) inner: Gossip,
    /// Those whose next connections are without gossip.
    muted: HashSet<PeerId>,
    /// Connections without gossip.
    silent: HashSet<ConnectionId>,
}

impl MembersOnly {
    pub(super) fn new(inner: Gossip) -> Self {
        Self { inner, muted: HashSet::new(), silent: HashSet::new() }
    }

    /// Decides for the connections that a peer makes from now on. Those that it has are to be closed.
    pub(super) fn mute(&mut self, peer: PeerId, muted: bool) {
        if muted {
            self.muted.insert(peer);
        } else {
            self.muted.remove(&peer);
        }
    }

    fn silence(&mut self, peer: &PeerId, connection: ConnectionId) -> bool {
        self.muted.contains(peer) && self.silent.insert(connection)
    }
}

impl NetworkBehaviour for MembersOnly {
    type ConnectionHandler = Either<THandler<Gossip>, dummy::ConnectionHandler>;
    type ToSwarm = gossipsub::Event;

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        if self.silence(&peer, connection) {
            return Ok(Either::Right(dummy::ConnectionHandler));
        }
        self.inner.handle_established_inbound_connection(connection, peer, local, remote).map(Either::Left)
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        if self.silence(&peer, connection) {
            return Ok(Either::Right(dummy::ConnectionHandler));
        }
        let handler =
            self.inner.handle_established_outbound_connection(connection, peer, address, role, port);
        handler.map(Either::Left)
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        let silent = match &event {
            FromSwarm::ConnectionEstablished(made) => self.silent.contains(&made.connection_id),
            FromSwarm::AddressChange(changed) => self.silent.contains(&changed.connection_id),
            FromSwarm::ConnectionClosed(closed) => self.silent.remove(&closed.connection_id),
            _ => false,
        };
        if !silent {
            self.inner.on_swarm_event(event);
        }
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {
            Either::Left(event) => self.inner.on_connection_handler_event(peer, connection, event),
            Either::Right(never) => match never {},
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        self.inner.poll(cx).map(|todo| todo.map_in(Either::Left))
    }
}
