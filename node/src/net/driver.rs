//! The one task that owns a partnership's swarm: it reacts to what happens there, keeps one session with
//! each member, dials who is missing, and does what the handle says. It never waits for the node.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures::StreamExt;
use libp2p::PeerId;
use libp2p::core::ConnectedPoint;
use libp2p::gossipsub::{self, IdentTopic, MessageAcceptance};
use libp2p::identity::Keypair;
use libp2p::swarm::{ConnectionId, Swarm, SwarmEvent};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::circuits::{Circuits, Terms};
use super::dial::Backoff;
use super::events::EventSender;
use super::limits::{
    COMMANDS, CONNECT_TIMEOUT, COURTESY, DIRECT_AGAIN, GOODBYE, MAX_ADDRESSES, MAX_MEMBERS, PARLEY_GAP,
    SESSION_GAP, SESSION_TIMEOUT,
};
use super::meeting::Met;
use super::peer::{Connection, Peer, Running, find};
use super::session::{Ended, Session, Side, Wanted, What};
use super::streams::Inbound;
use super::swarm::{self, Behaviour, BehaviourEvent};
use super::transport::{DialKeys, DoorTransport, address, met_where, multiaddr, peer_id, relay_of};
use super::{DialReason, Member, NetConfig, NetError, NetEvent, PeerInfo, Shared, Tunables, lock};
use crate::door::{DoorKey, KeyRing, MAX_KEYS, PROXY_TIMEOUT, Puncher, Registration, TransportId};

/// What the handle asks for.
pub(super) enum Command {
    Announce(Bytes),
    SetMembers(Vec<Member>),
    SetDoorKeys { admit: Vec<DoorKey>, knock: Vec<DoorKey> },
    DialNow,
    HeardAt(TransportId, SocketAddr),
    HangUp(TransportId),
    Shutdown(oneshot::Sender<()>),
}

pub(super) struct Driver {
    pub(super) swarm: Swarm<Behaviour>,
    topic: IdentTopic,
    valid: fn(&[u8]) -> bool,
    tunables: Tunables,
    ring: KeyRing,
    dial_keys: DialKeys,
    pub(super) shared: Arc<Shared>,
    pub(super) events: EventSender,
    pub(super) peers: HashMap<TransportId, Peer>,
    /// Sessions of removed members that have not ended yet: should one come back, it must wait for them.
    pub(super) leaving: HashMap<TransportId, JoinHandle<()>>,
    wanted: (mpsc::Sender<Wanted>, mpsc::Receiver<Wanted>),
    ended: (mpsc::Sender<Ended>, mpsc::Receiver<Ended>),
    pub(super) circuits: Circuits,
    pub(super) puncher: Puncher,
    /// When all who are missing were dialled because somebody relays.
    pub(super) relay_news: Option<Instant>,
    next_session: u64,
    pub(super) next_tick: Instant,
    /// Until it was first told of members.
    starting: bool,
}

impl Driver {
    pub(super) fn new(
        config: NetConfig,
        keypair: &Keypair,
        shared: Arc<Shared>,
        events: EventSender,
    ) -> Result<Self, NetError> {
        let registration = register(&config, shared.me)?;
        let ring = registration.ring();
        let puncher = config.door.puncher();
        let punching = (!config.way.is_proxied()).then(|| config.punching.clone());
        let way = config.way.leaving_from(config.door.local_addr().port(), config.punching);
        let dial_keys = DialKeys::new(way.clone(), config.door_keys);
        let topic = IdentTopic::new(config.topic);
        let wanted = mpsc::channel(COMMANDS);
        let terms = Terms { relaying: config.relaying, punching, tunables: config.tunables };
        let (circuits, relayed) = Circuits::new(shared.clone(), terms, wanted.0.clone(), ring.clone());
        let transport =
            DoorTransport::new(&config.door, registration, dial_keys.clone(), (circuits.clone(), relayed));
        let patience = if way.is_proxied() { PROXY_TIMEOUT + CONNECT_TIMEOUT } else { CONNECT_TIMEOUT };
        let mut swarm = swarm::build(transport, keypair, &topic, patience)?;
        swarm
            .listen_on(multiaddr(config.door.local_addr()))
            .map_err(|error| NetError::SetUp(error.into()))?;
        let mut driver = Self {
            swarm,
            topic,
            valid: config.valid_announcement,
            tunables: config.tunables,
            ring,
            dial_keys,
            shared,
            events,
            peers: HashMap::new(),
            leaving: HashMap::new(),
            wanted,
            ended: mpsc::channel(COMMANDS),
            circuits,
            puncher,
            relay_news: None,
            next_session: 0,
            next_tick: Instant::now(),
            starting: true,
        };
        let known = !config.members.is_empty();
        driver.set_members(config.members);
        driver.starting = !known;
        Ok(driver)
    }

    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let done = loop {
            let wake = self.next_wake();
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_swarm_event(event),
                Some(wanted) = self.wanted.1.recv() => self.on_wanted(wanted),
                Some(ended) = self.ended.1.recv() => self.on_session_end(ended),
                command = commands.recv() => match command {
                    Some(Command::Shutdown(done)) => break Some(done),
                    None => break None,
                    Some(command) => self.on_command(command),
                },
                () = sleep_until(wake) => self.on_wake(Instant::now()),
            }
        };
        drop(commands);
        self.shut_down().await;
        done.map(|done| done.send(())).transpose().unwrap_or_default();
    }

    fn on_command(&mut self, command: Command) {
        match command {
            // Nobody to hear it, or heard already: reconciliation will deliver.
            Command::Announce(data) => {
                let _ = self.swarm.behaviour_mut().gossip.inner.publish(self.topic.clone(), data);
            }
            Command::SetMembers(members) => {
                self.set_members(members);
                self.starting = false;
            }
            Command::SetDoorKeys { admit, knock } => {
                let mut oldest_first: Vec<_> = admit.iter().take(MAX_KEYS).cloned().collect();
                oldest_first.reverse();
                self.ring.set(&oldest_first);
                *lock(&self.shared.knock) = knock.clone();
                self.dial_keys.set(knock);
            }
            Command::DialNow => {
                let now = Instant::now();
                for peer in self.peers.values_mut() {
                    peer.backoff.at_once(now);
                    peer.direct_again = now;
                }
            }
            Command::HeardAt(id, at) => self.heard_at(id, at),
            Command::HangUp(id) => {
                if let Some(session) = self.peers.get(&id).and_then(|peer| peer.session.as_ref()) {
                    session.cancel.cancel();
                }
            }
            Command::Shutdown(_) => {}
        }
    }

    fn on_swarm_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(BehaviourEvent::Gossip(event)) => self.on_gossip(event),
            SwarmEvent::Behaviour(BehaviourEvent::Sessions(inbound)) => self.on_stream(inbound),
            SwarmEvent::Behaviour(BehaviourEvent::Circuits(inbound)) => self.on_circuit(inbound),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.on_connected(&peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, .. } => {
                self.on_disconnected(&peer_id, connection_id);
            }
            SwarmEvent::OutgoingConnectionError { peer_id: Some(peer_id), error, .. } => {
                self.on_dial_error(&peer_id, &error);
            }
            _ => {}
        }
    }

    fn on_gossip(&mut self, event: gossipsub::Event) {
        let gossipsub::Event::Message { propagation_source, message_id, message } = event else { return };
        let from = find(&mut self.peers, &propagation_source)
            .and_then(|(from, peer)| peer.may_announce(Instant::now()).then_some(from));
        let judged = match from {
            Some(_) if (self.valid)(&message.data) => MessageAcceptance::Accept,
            Some(_) => MessageAcceptance::Reject,
            None => MessageAcceptance::Ignore,
        };
        let accepted = from.filter(|_| matches!(judged, MessageAcceptance::Accept));
        let gossip = &mut self.swarm.behaviour_mut().gossip.inner;
        gossip.report_message_validation_result(&message_id, &propagation_source, judged);
        if let Some(from) = accepted {
            self.events.offer(NetEvent::Announced { from, data: message.data.into() });
        }
    }

    fn on_connected(&mut self, peer_id: &PeerId, connection: ConnectionId, endpoint: &ConnectedPoint) {
        let Some((id, peer)) = find(&mut self.peers, peer_id) else { return };
        let now = Instant::now();
        let too_soon = peer.former && peer.last_session.is_some_and(|last| last.elapsed() < PARLEY_GAP);
        let remote = endpoint.get_remote_address();
        let via = relay_of(remote);
        let met = peer.met.is_under_way(now) || self.circuits.told.says(&id, remote);
        let waited_for = endpoint.is_listener() && met;
        let punched = via.is_none() && (waited_for || met_where(remote).is_some());
        peer.connections.insert(connection, Connection { since: now, at: address(remote), via, punched });
        if endpoint.is_dialer() {
            peer.dialling = None;
        }
        peer.direct_again = now + DIRECT_AGAIN;
        peer.was_relayed = peer.relayed_by().is_some();
        if via.is_none() {
            peer.met.end();
        }
        self.shared.tell_way(&id, peer);
        if too_soon {
            self.swarm.close_connection(connection);
            return;
        }
        self.close_relayed_beside_direct(id);
        self.open_session(id);
        match via {
            Some(via) => self.note_meeting(id, &via, now),
            None => self.hear_of_relay(id),
        }
    }

    fn on_disconnected(&mut self, peer_id: &PeerId, connection: ConnectionId) {
        let Some((id, peer)) = find(&mut self.peers, peer_id) else { return };
        let removed = peer.connections.remove(&connection).is_some();
        if peer.reached().is_none() {
            peer.met.end();
        }
        self.shared.tell_way(&id, peer);
        if !removed || !peer.connections.is_empty() {
            return;
        }
        match &peer.session {
            // It notices by itself, and what it received is still delivered.
            Some(session) if session.opened.get().is_some() => {}
            Some(session) => session.cancel.cancel(),
            None => self.failed(id, DialReason::Refused),
        }
    }

    /// Somebody asks for a way through this node, or calls through another. Former members are let in for a parley
    /// and nothing else, and what is relayed is not relayed on.
    fn on_circuit(&mut self, Inbound { peer, stream }: Inbound) {
        let Some((id, peer)) = find(&mut self.peers, &peer) else { return };
        if !peer.former && peer.is_direct() {
            tokio::spawn(self.circuits.clone().answer(id, stream));
        }
    }

    /// A stream that the peer opened for a session. A second one replaces the first, which the peer must
    /// have lost; but while the first is still being opened, the peer has to try again.
    fn on_stream(&mut self, Inbound { peer, stream }: Inbound) {
        let Some((id, peer)) = find(&mut self.peers, &peer) else { return };
        let opening = peer.session.as_ref().is_some_and(|session| session.opened.get().is_none());
        let too_soon = peer.last_session.is_some_and(|last| last.elapsed() < SESSION_GAP);
        if opening || too_soon || self.shared.me < id {
            return;
        }
        let previous = peer.session.take().map(|session| {
            session.cancel.cancel();
            session.task
        });
        self.start(id, Side::Acceptor(stream), previous);
    }

    /// Opens a stream on the newest connection, which is the likeliest to live; on one without a relay if there is.
    fn on_wanted(&mut self, Wanted { peer, what, reply }: Wanted) {
        let Some(peer) = self.peers.get(&peer) else { return };
        let best = peer.connections.iter().max_by_key(|(_, of)| (of.via.is_none(), of.since));
        let Some((connection, of)) = best else { return };
        let behaviour = self.swarm.behaviour_mut();
        match what {
            What::Session => behaviour.sessions.open(peer.peer_id, *connection, reply),
            What::Circuit if of.via.is_none() && !peer.former => {
                behaviour.circuits.open(peer.peer_id, *connection, reply);
            }
            What::Circuit => {}
        }
    }

    fn on_session_end(&mut self, ended: Ended) {
        let Some(peer) = self.peers.get_mut(&ended.peer) else { return };
        let Some(session) = peer.session.take_if(|session| session.id == ended.id) else { return };
        // A connection without its session has failed in some way; newer ones may have come already.
        for (connection, of) in &peer.connections {
            if of.since <= session.started {
                self.swarm.close_connection(*connection);
            }
        }
        let newer = peer.connections.values().any(|of| of.since > session.started);
        match (session.opened.get(), ended.failure) {
            (Some(opened), _) => peer.backoff.ended(Instant::now(), (*opened).into()),
            (None, failure) if !newer => self.failed(ended.peer, failure.unwrap_or(DialReason::Refused)),
            (None, _) => {}
        }
        if newer {
            self.open_session(ended.peer);
        }
    }

    /// Opens a session, if that is up to this side and there is none.
    fn open_session(&mut self, id: TransportId) {
        let Some(peer) = self.peers.get(&id) else { return };
        if self.shared.me < id && peer.session.is_none() {
            let previous = self.leaving.remove(&id);
            self.start(id, Side::Opener(self.wanted.0.clone()), previous);
        }
    }

    fn start(&mut self, id: TransportId, side: Side, previous: Option<JoinHandle<()>>) {
        let previous = previous.or_else(|| self.leaving.remove(&id));
        let Some(peer) = self.peers.get_mut(&id) else { return };
        self.next_session += 1;
        let (cancel, opened) = (CancellationToken::new(), Arc::new(OnceLock::new()));
        let session = Session {
            id: self.next_session,
            peer: id,
            shared: self.shared.clone(),
            events: self.events.clone(),
            tunables: self.tunables,
            cancel: cancel.clone(),
            opened: opened.clone(),
            previous,
        };
        let task = tokio::spawn(session.run(side, self.ended.0.clone()));
        let started = Instant::now();
        peer.last_session = Some(started);
        peer.session = Some(Running { id: self.next_session, started, opened, cancel, task });
    }

    fn set_members(&mut self, members: Vec<Member>) {
        let me = self.shared.me;
        let members: Vec<_> =
            members.into_iter().filter(|member| member.id != me).take(MAX_MEMBERS).collect();
        let ids: HashSet<_> = members.iter().map(|member| member.id).collect();
        let gone: Vec<_> = self.peers.keys().filter(|id| !ids.contains(id)).copied().collect();
        gone.into_iter().for_each(|id| self.remove(id));
        // Who becomes a former member, or a member again, begins anew on a connection of the other kind.
        let other = |m: &&Member| self.peers.get(&m.id).is_some_and(|peer| peer.former != m.former);
        let other: Vec<_> = members.iter().filter(other).map(|member| member.id).collect();
        other.into_iter().for_each(|id| self.remove(id));
        members.into_iter().for_each(|member| self.admit(member));
    }

    fn remove(&mut self, id: TransportId) {
        let Some(mut peer) = self.peers.remove(&id) else { return };
        peer.met.end();
        self.swarm.behaviour_mut().members.disallow_peer(peer.peer_id);
        self.swarm.behaviour_mut().gossip.mute(peer.peer_id, false);
        if let Some(session) = peer.session {
            session.cancel.cancel();
            self.leaving.insert(id, session.task);
        }
        lock(&self.shared.outboxes).remove(&id).inspect(|outbox| outbox.close());
        lock(&self.shared.peers).remove(&id);
        self.dial_keys.forget(&id);
        self.circuits.told.forget(&id);
    }

    fn admit(&mut self, Member { id, mut addrs, former, sought, relays }: Member) {
        addrs.truncate(MAX_ADDRESSES);
        let now = Instant::now();
        if let Some(peer) = self.peers.get_mut(&id) {
            if peer.addrs != addrs {
                peer.addrs = addrs;
                peer.backoff.at_once(now);
            }
            peer.sought = sought;
            if std::mem::replace(&mut peer.relays, relays) != relays {
                self.shared.update(&id, |info| info.relays = relays);
                self.hear_of_relay(id);
            }
            return;
        }
        // What is no key can neither dial nor be dialled.
        let Some(peer_id) = peer_id(&id) else { return };
        self.swarm.behaviour_mut().gossip.mute(peer_id, former);
        self.swarm.behaviour_mut().members.allow_peer(peer_id);
        if !former {
            lock(&self.shared.peers).insert(id, PeerInfo::unheard(id));
        }
        let first = if self.starting { now } else { now + COURTESY };
        let peer = Peer {
            peer_id,
            addrs,
            former,
            sought,
            near: None,
            relays,
            was_relayed: false,
            connections: HashMap::new(),
            session: None,
            last_session: None,
            announcements: (now, 0),
            dialling: None,
            direct_again: now,
            met: Met::default(),
            backoff: Backoff::from(first),
        };
        self.peers.insert(id, peer);
    }

    /// Connections on which the peer, whose turn it is, opens no session.
    pub(super) fn close_mute_connections(&mut self, now: Instant) {
        for peer in self.peers.values().filter(|peer| peer.session.is_none()) {
            for (connection, of) in &peer.connections {
                if now.saturating_duration_since(of.since) > SESSION_TIMEOUT {
                    self.swarm.close_connection(*connection);
                }
            }
        }
    }

    /// Lets sessions send what is queued, for a moment, then closes all.
    async fn shut_down(mut self) {
        lock(&self.shared.outboxes).clear();
        let sessions: Vec<_> = self.peers.values_mut().filter_map(|peer| peer.session.take()).collect();
        let cancels: Vec<_> = sessions.iter().map(|session| session.cancel.clone()).collect();
        let tasks = futures::future::join_all(sessions.into_iter().map(|session| session.task));
        let swarm = &mut self.swarm;
        let keep_polling = async { while swarm.next().await.is_some() {} };
        let _ = timeout(GOODBYE, async {
            tokio::select! { _ = tasks => {}, () = keep_polling => {} }
        })
        .await;
        cancels.iter().for_each(CancellationToken::cancel);
        let connected: Vec<_> = self.swarm.connected_peers().copied().collect();
        for peer in connected {
            let _ = self.swarm.disconnect_peer_id(peer);
        }
        let _ = timeout(GOODBYE, async {
            while self.swarm.connected_peers().next().is_some() {
                self.swarm.select_next_some().await;
            }
        })
        .await;
    }
}

fn register(config: &NetConfig, me: TransportId) -> Result<Registration, NetError> {
    let (today, older) = config.door_keys.split_first().ok_or(NetError::NoDoorKey)?;
    let registration = config.door.register(today, me);
    for key in older.iter().take(MAX_KEYS - 1) {
        registration.ring().add(key);
    }
    Ok(registration)
}
