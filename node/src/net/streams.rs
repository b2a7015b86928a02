//! The part of the swarm that opens and accepts the streams of one protocol: sessions, or circuits.
//!
//! It takes the place of libp2p-stream, which drops inbound streams while its acceptor is busy, keeps a
//! channel for every connection that ever was, and does not tell on which connection a stream runs.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use libp2p::core::transport::PortUse;
use libp2p::core::upgrade::ReadyUpgrade;
use libp2p::core::{Endpoint, Multiaddr};
use libp2p::swarm::handler::{
    ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound, StreamUpgradeError,
};
use libp2p::swarm::{
    ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm, NetworkBehaviour,
    NotifyHandler, SubstreamProtocol, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{PeerId, StreamProtocol};
use tokio::sync::oneshot;

use super::limits::WAITING_STREAMS;
use super::tied::{Connection, Stream};

/// A stream that a peer opened.
#[derive(Debug)]
pub(super) struct Inbound {
    pub(super) peer: PeerId,
    pub(super) stream: Stream,
}

/// Where a stream goes once it is open. Dropped with its connection, if that comes first.
pub(super) type Reply = oneshot::Sender<Result<Stream, OpenError>>;

/// Why a stream could not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OpenError {
    /// The peer speaks another version of the protocol.
    Version,
    /// The connection failed, or the peer took too long.
    Failed,
}

pub(super) struct Behaviour {
    protocol: StreamProtocol,
    todo: VecDeque<ToSwarm<Inbound, Reply>>,
}

impl Behaviour {
    pub(super) fn new(protocol: StreamProtocol) -> Self {
        Self { protocol, todo: VecDeque::new() }
    }

    /// Opens a stream on a connection. The swarm must be polled afterwards.
    pub(super) fn open(&mut self, peer_id: PeerId, connection: ConnectionId, reply: Reply) {
        let handler = NotifyHandler::One(connection);
        self.todo.push_back(ToSwarm::NotifyHandler { peer_id, handler, event: reply });
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Inbound;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(Handler::new(self.protocol.clone()))
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(Handler::new(self.protocol.clone()))
    }

    fn on_swarm_event(&mut self, _: FromSwarm) {}

    fn on_connection_handler_event(&mut self, peer: PeerId, _: ConnectionId, stream: THandlerOutEvent<Self>) {
        self.todo.push_back(ToSwarm::GenerateEvent(Inbound { peer, stream }));
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        self.todo.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

/// The streams of one connection.
pub(super) struct Handler {
    protocol: StreamProtocol,
    wanted: VecDeque<Reply>,
    inbound: VecDeque<Stream>,
    connection: Connection,
}

impl Handler {
    fn new(protocol: StreamProtocol) -> Self {
        Self { protocol, wanted: VecDeque::new(), inbound: VecDeque::new(), connection: Connection::new() }
    }
}

type Protocol = ReadyUpgrade<StreamProtocol>;

impl ConnectionHandler for Handler {
    type FromBehaviour = Reply;
    type ToBehaviour = Stream;
    type InboundProtocol = Protocol;
    type OutboundProtocol = Protocol;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Reply;

    fn listen_protocol(&self) -> SubstreamProtocol<Protocol> {
        SubstreamProtocol::new(ReadyUpgrade::new(self.protocol.clone()), ())
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ConnectionHandlerEvent<Protocol, Reply, Stream>> {
        if let Some(stream) = self.inbound.pop_front() {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(stream));
        }
        match self.wanted.pop_front() {
            Some(reply) => Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest {
                protocol: SubstreamProtocol::new(ReadyUpgrade::new(self.protocol.clone()), reply),
            }),
            None => Poll::Pending,
        }
    }

    fn on_behaviour_event(&mut self, reply: Reply) {
        self.wanted.push_back(reply);
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<Protocol, Protocol, (), Reply>) {
        match event {
            // A peer that opens more has its streams closed.
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol, .. })
                if self.inbound.len() < WAITING_STREAMS =>
            {
                self.inbound.push_back(self.connection.tie(protocol));
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol, info }) => {
                let _ = info.send(Ok(self.connection.tie(protocol)));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { error, info }) => {
                let _ = info.send(Err(match error {
                    StreamUpgradeError::NegotiationFailed => OpenError::Version,
                    _ => OpenError::Failed,
                }));
            }
            _ => {}
        }
    }
}
