//! What the swarm of a partnership is made of.

use std::collections::HashSet;
use std::time::Duration;

use libp2p::allow_block_list::{self, AllowedPeers};
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::timeout::TransportTimeout;
use libp2p::gossipsub::{
    self, IdentTopic, IdentityTransform, MessageAuthenticity, MessageId, ValidationMode,
    WhitelistSubscriptionFilter,
};
use libp2p::identity::Keypair;
use libp2p::swarm::{Config, NetworkBehaviour, Swarm};
use libp2p::{StreamProtocol, Transport, noise};

use super::gossip::MembersOnly;
use super::limits::{
    ANNOUNCEMENT_OVERHEAD, CONNECT_TIMEOUT, CONNECTIONS_PER_PEER, GOSSIP_MEMORY, GOSSIP_QUEUE,
    IDLE_CONNECTION, MAX_ANNOUNCEMENT, MAX_MEMBERS, NEGOTIATING_STREAMS, PENDING_DIALS, PENDING_INBOUND,
};
use super::muxer::Muxer;
use super::proven::{Unproven, prove};
use super::transport::DoorTransport;
use super::{NetError, streams};

/// The protocol of sessions. It never shows on the wire.
pub(super) const SESSION: StreamProtocol = StreamProtocol::new("/e/1");

/// The protocol of circuits: a member asks for one, or is told of a call.
pub(super) const CIRCUIT: StreamProtocol = StreamProtocol::new("/e/circuit/1");

pub(super) type Gossip = gossipsub::Behaviour<IdentityTransform, WhitelistSubscriptionFilter>;

/// Those that refuse connections come first: a later one must not act on what an earlier one would refuse.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    limits: connection_limits::Behaviour,
    pub(super) members: allow_block_list::Behaviour<AllowedPeers>,
    pub(super) gossip: MembersOnly,
    pub(super) sessions: streams::Behaviour,
    pub(super) circuits: streams::Behaviour,
}

pub(super) fn build(
    transport: DoorTransport,
    keypair: &Keypair,
    topic: &IdentTopic,
    dialling: Duration,
) -> Result<Swarm<Behaviour>, NetError> {
    let noise = noise::Config::new(keypair).map_err(|error| NetError::SetUp(error.into()))?;
    let transport = transport.and_then(move |door, point| async move {
        let (peer, stream) = prove(door, noise, point.is_dialer()).await?;
        Ok::<_, Unproven>((peer, StreamMuxerBox::new(Muxer::new(stream, point.is_dialer()))))
    });
    let transport = TransportTimeout::with_outgoing_timeout(transport, dialling);
    let transport = TransportTimeout::with_ingoing_timeout(transport, CONNECT_TIMEOUT).boxed();
    let behaviour = Behaviour {
        limits: connection_limits::Behaviour::new(limits()),
        members: allow_block_list::Behaviour::default(),
        gossip: MembersOnly::new(gossip(topic)?),
        sessions: streams::Behaviour::new(SESSION),
        circuits: streams::Behaviour::new(CIRCUIT),
    };
    let config = Config::with_tokio_executor()
        .with_idle_connection_timeout(IDLE_CONNECTION)
        .with_max_negotiating_inbound_streams(NEGOTIATING_STREAMS);
    Ok(Swarm::new(transport, behaviour, keypair.public().to_peer_id(), config))
}

fn limits() -> ConnectionLimits {
    let established = u32::try_from(MAX_MEMBERS).unwrap_or(u32::MAX).saturating_mul(CONNECTIONS_PER_PEER);
    ConnectionLimits::default()
        .with_max_pending_incoming(Some(PENDING_INBOUND))
        .with_max_pending_outgoing(u32::try_from(PENDING_DIALS).ok())
        .with_max_established_per_peer(Some(CONNECTIONS_PER_PEER))
        .with_max_established(Some(established))
}

fn gossip(topic: &IdentTopic) -> Result<Gossip, NetError> {
    let config = gossipsub::ConfigBuilder::default()
        .validation_mode(ValidationMode::Anonymous)
        .validate_messages()
        .message_id_fn(|message| MessageId::new(blake3::hash(&message.data).as_bytes()))
        .max_transmit_size(MAX_ANNOUNCEMENT + ANNOUNCEMENT_OVERHEAD)
        .heartbeat_interval(Duration::from_secs(1))
        .heartbeat_initial_delay(Duration::from_millis(200))
        .history_length(3)
        .history_gossip(2)
        .duplicate_cache_time(GOSSIP_MEMORY)
        .connection_handler_queue_len(GOSSIP_QUEUE)
        .max_ihave_messages_heartbeat(8)
        .max_publish_messages(64)
        .build()
        .map_err(|error| NetError::SetUp(error.into()))?;
    let only = WhitelistSubscriptionFilter(HashSet::from([topic.hash()]));
    let set_up = |error: &str| NetError::SetUp(error.into());
    let mut gossip =
        Gossip::new_with_subscription_filter(MessageAuthenticity::Anonymous, config, only).map_err(set_up)?;
    gossip.subscribe(topic).map_err(|error| NetError::SetUp(format!("{error:?}").into()))?;
    Ok(gossip)
}
