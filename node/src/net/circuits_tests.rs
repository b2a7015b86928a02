//! Nodes over real sockets that cannot dial each other, and a third: honest, switched off, short of bytes, or hostile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use entente_protocol::codec;
use entente_protocol::relay::{RelayMessage, RelayRefusal};
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::PeerId;
use libp2p::gossipsub::IdentTopic;
use libp2p::swarm::{ConnectionId, SwarmEvent};
use tokio::time::timeout;

use super::tests::{Node, PATIENCE, config, id, key, member, no_terms, open, seed};
use super::tied::Stream;
use super::*;
use crate::door::{recv_msg, send_msg};

/// A member that can be reached through relays, and at an address where nobody listens.
pub(super) fn hidden(number: u8) -> Member {
    let nobody = "127.0.0.1:1".parse().unwrap();
    Member { sought: true, ..Member::at(id(number), vec![nobody]) }
}

pub(super) fn relay(number: u8, door: &Door) -> Member {
    Member { relays: true, ..member(number, door) }
}

fn start(door: Door, number: u8, relaying: &Relaying, members: Vec<Member>) -> Node {
    let relaying = relaying.clone();
    // Nobody says that it lives: what ends is noticed without.
    let tunables = Tunables { keep_alive: Duration::from_secs(3600), ..Tunables::default() };
    let (net, events) = spawn(NetConfig { relaying, tunables, ..config(&door, number, members) }).unwrap();
    Node { door, net, events }
}

/// Nodes 1 and 2, which cannot dial each other, and node 3, which they can.
async fn three(relaying: &Relaying) -> [Node; 3] {
    let off = Relaying::new(None);
    let third = open().await;
    let a = start(open().await, 1, &off, vec![hidden(2), relay(3, &third)]);
    let b = start(open().await, 2, &off, vec![hidden(1), relay(3, &third)]);
    let waits = |number| Member::at(id(number), vec![]);
    let c = start(third, 3, relaying, vec![waits(1), waits(2)]);
    [a, b, c]
}

pub(super) fn info(node: &Node, of: u8) -> PeerInfo {
    node.net.peers().into_iter().find(|peer| peer.id == id(of)).unwrap()
}

impl Node {
    pub(super) async fn failed(&mut self, to: u8, wanted: DialReason) {
        self.wait(|event| match event {
            NetEvent::DialFailed { peer, reason } => (peer == id(to) && reason == wanted).then_some(()),
            _ => None,
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_members_that_cannot_dial_each_other_speak_through_a_third_that_relays() {
    let relaying = Relaying::new(Some(HOURLY));
    let [mut a, mut b, c] = three(&relaying).await;
    a.connected(&id(2)).await;
    b.connected(&id(1)).await;
    for number in 0..200_u32 {
        let mut message = number.to_be_bytes().to_vec();
        message.resize(5_000, 7);
        a.net.send(&id(2), message.clone().into()).await.unwrap();
        assert_eq!(b.message().await, message);
        b.net.send(&id(1), message.clone().into()).await.unwrap();
        assert_eq!(a.message().await, message);
    }
    assert_eq!((info(&a, 2).through(), info(&b, 1).through()), (Some(id(3)), Some(id(3))));
    assert_eq!(info(&a, 3).through(), None, "the relay itself is reached directly");
    let load = relaying.load();
    assert!(load.circuits == 1 && load.hour > 2_000_000, "{load:?}");
    // What the keeper of the relay takes back ends at once, and is said.
    relaying.set(None);
    a.disconnected(&id(2)).await;
    a.failed(2, DialReason::Relay(RelayReason::Refused(RelayRefusal::Off))).await;
    assert_eq!(relaying.load().circuits, 0);
    relaying.set(Some(HOURLY));
    a.net.dial_now().await.unwrap();
    a.connected(&id(2)).await;
    // And a relay that is gone is not waited for.
    c.net.shutdown().await;
    a.failed(2, DialReason::Relay(RelayReason::Gone)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_way_of_their_own_replaces_the_relayed_one() {
    let relaying = Relaying::new(Some(HOURLY));
    let [mut a, mut b, c] = three(&relaying).await;
    a.connected(&id(2)).await;
    b.connected(&id(1)).await;
    let reachable = Member { sought: true, ..member(2, &b.door) };
    a.net.set_members(vec![reachable, relay(3, &c.door)]).await.unwrap();
    a.net.dial_now().await.unwrap();
    a.disconnected(&id(2)).await;
    a.connected(&id(2)).await;
    a.net.send(&id(2), Bytes::from_static(b"directly")).await.unwrap();
    assert_eq!(b.message().await, "directly");
    assert_eq!((info(&a, 2).through(), info(&b, 1).through()), (None, None));
    timeout(PATIENCE, async {
        while relaying.load().circuits > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the circuit is given back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_hour_is_used_up_the_relay_says_so_and_carries_nothing_more() {
    let relaying = Relaying::new(Some(MIN_HOURLY));
    let [mut a, mut b, _c] = three(&relaying).await;
    a.connected(&id(2)).await;
    b.connected(&id(1)).await;
    a.net.send(&id(2), vec![1; 100_000].into()).await.unwrap();
    assert_eq!(b.message().await.len(), 100_000);
    a.net.send(&id(2), vec![2; 600_000].into()).await.unwrap();
    a.disconnected(&id(2)).await;
    a.failed(2, DialReason::Relay(RelayReason::Refused(RelayRefusal::Spent))).await;
    assert!(relaying.load().hour <= MIN_HOURLY / 2 + limits::CIRCUIT_BUFFER as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_and_a_former_member_get_nothing_from_a_relay() {
    let relaying = Relaying::new(Some(HOURLY));
    let [mut a, mut b, c] = three(&relaying).await;
    a.connected(&id(3)).await;
    b.connected(&id(3)).await;
    // Number 4 holds the door key and is no member; number 5 was one.
    let former = Member { former: true, ..Member::at(id(5), vec![]) };
    let waits = |number| Member::at(id(number), vec![]);
    c.net.set_members(vec![waits(1), waits(2), former]).await.unwrap();
    for number in [4, 5] {
        for message in [RelayMessage::Call(id(2), None), RelayMessage::Ring(id(2), None)] {
            let mut rogue = Rogue::dial(number, 3, &c.door).await;
            let heard = timeout(PATIENCE, rogue.ask(3, Some(&message))).await.expect("it is turned away");
            assert_eq!(heard, None, "not a word");
        }
    }
    // A member that is removed while it speaks through the relay is cut off.
    a.connected(&id(2)).await;
    c.net.set_members(vec![waits(2)]).await.unwrap();
    b.disconnected(&id(1)).await;
    assert_eq!(relaying.load().circuits, 0);
}

/// A relay that changes a byte gets no session opened, in whichever direction and at whichever place; one that does
/// not, does: so it is the byte.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_flips_a_byte_ends_the_session_and_nothing_is_accepted() {
    let third = open().await;
    let off = Relaying::new(None);
    let mut a = start(open().await, 1, &off, vec![hidden(2), relay(3, &third)]);
    let mut b = start(open().await, 2, &off, vec![hidden(1), relay(3, &third)]);
    // Of the door's messages, of the frames that carry libp2p's handshake, and of what follows.
    let flips: Vec<(bool, usize)> =
        [0, 30, 87].map(|at| (true, at)).into_iter().chain([0, 47].map(|at| (false, at))).collect();
    let late = vec![(true, 150), (false, 100), (true, 4_000)];
    let flips: Vec<_> = flips.into_iter().chain(late).collect();
    let (count, circuits) = (flips.len(), Arc::new(AtomicUsize::new(0)));
    let counted = circuits.clone();
    let answer = move |caller, stream, asked| carry(caller, stream, asked, flips.clone(), counted.clone());
    tokio::spawn(Rogue::listen(3, third, [1, 2]).relay(answer));
    let sending = a.net.clone();
    let send = async {
        loop {
            let _no_session = sending.try_send(&id(2), vec![9; 2_000].into());
            sending.dial_now().await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let until = async {
        while circuits.load(Ordering::Relaxed) <= count {
            if let Some(NetEvent::Message { bytes, .. }) = b.events.recv().await {
                assert!(bytes.iter().all(|byte| *byte == 9), "what arrives is what was sent");
            }
        }
    };
    timeout(PATIENCE, async {
        tokio::select! { () = send => {}, () = until => {} }
    })
    .await
    .expect("all ways to be wrong are tried, and both try again");
    // The next one is honest.
    timeout(PATIENCE, async {
        loop {
            a.net.dial_now().await.unwrap();
            let _ = a.net.try_send(&id(2), Bytes::from_static(b"unharmed"));
            if let Ok(Some(NetEvent::Message { bytes, .. })) =
                timeout(Duration::from_millis(50), b.events.recv()).await
                && bytes == "unharmed"
            {
                return;
            }
            while a.events.try_recv().is_some() {}
        }
    })
    .await
    .expect("an honest relay carries the same");
}

/// A node that speaks the protocol of circuits, and does with it what it likes.
pub(super) struct Rogue {
    swarm: libp2p::Swarm<swarm::Behaviour>,
    /// The newest connection with each peer.
    connections: BTreeMap<PeerId, ConnectionId>,
    /// Streams for sessions, left unanswered.
    streams: Vec<Stream>,
}

impl Rogue {
    pub(super) fn listen(number: u8, door: Door, members: [u8; 2]) -> Rogue {
        let mut rogue = Rogue::new(number, &door);
        rogue.swarm.listen_on(transport::multiaddr(door.local_addr())).unwrap();
        for member in members {
            rogue.swarm.behaviour_mut().members.allow_peer(transport::peer_id(&id(member)).unwrap());
        }
        std::mem::forget(door);
        rogue
    }

    pub(super) async fn dial(number: u8, peer: u8, door: &Door) -> Rogue {
        let mut rogue = Rogue::new(number, &open().await);
        let peer = transport::peer_id(&id(peer)).unwrap();
        rogue.swarm.behaviour_mut().members.allow_peer(peer);
        rogue.swarm.dial(transport::multiaddr(door.local_addr()).with_p2p(peer).unwrap()).unwrap();
        rogue
    }

    fn new(number: u8, door: &Door) -> Rogue {
        let keys = transport::DialKeys::new(Way::new(None).unwrap(), vec![key(1)]);
        let registration = door.register(&key(1), id(number));
        let shared = Arc::new(Shared::new(id(number), vec![]));
        let circuits = circuits::Circuits::new(shared, no_terms(), mpsc::channel(1).0, registration.ring());
        let transport = transport::DoorTransport::new(door, registration, keys, circuits);
        let keypair = keypair(&seed(number)).unwrap();
        let swarm = swarm::build(transport, &keypair, &IdentTopic::new("8e1f0a"), PATIENCE).unwrap();
        Rogue { swarm, connections: BTreeMap::new(), streams: Vec::new() }
    }

    /// Says something, or nothing, on a new stream for circuits, and hears the answer if there is one.
    pub(super) async fn ask(&mut self, peer: u8, message: Option<&RelayMessage>) -> Option<RelayMessage> {
        let peer = transport::peer_id(&id(peer)).unwrap();
        let (reply, stream) = oneshot::channel::<Result<Stream, streams::OpenError>>();
        let mut reply = Some(reply);
        let asking = async {
            let mut stream: Stream = stream.await.ok()?.ok()?;
            if let Some(message) = message {
                send_msg(&mut stream, &codec::encode(message), 64).await.ok()?;
            }
            let heard = recv_msg(&mut stream, 64, PATIENCE).await.ok()??;
            codec::decode(&heard).ok()
        };
        tokio::pin!(asking);
        loop {
            if self.swarm.is_connected(&peer)
                && let Some(reply) = reply.take()
            {
                self.open(peer, reply);
            }
            tokio::select! {
                           heard = &mut asking => return heard,
                           event = self.swarm.select_next_some() => match event {
                               SwarmEvent::ConnectionEstablished { peer_id, connection_id, .. } => {
            self.connections.insert(peer_id, connection_id);
            }
                               SwarmEvent::OutgoingConnectionError { .. } | SwarmEvent::ConnectionClosed { .. } => return None,
                               SwarmEvent::Behaviour(swarm::BehaviourEvent::Sessions(inbound)) => {
                                   self.streams.push(inbound.stream);
                               }
                               _ => {}
                           },
                       }
        }
    }

    /// Nobody answers if there is no connection yet.
    fn open(&mut self, peer: PeerId, reply: streams::Reply) {
        if let Some(connection) = self.connections.get(&peer) {
            self.swarm.behaviour_mut().circuits.open(peer, *connection, reply);
        }
    }

    /// Answers whoever asks for a circuit as it likes.
    pub(super) async fn relay<F: Future<Output = Option<()>> + Send + 'static>(
        mut self,
        answer: impl Fn(TransportId, Stream, Asked) -> F,
    ) {
        let (asked, mut asks) = mpsc::channel(16);
        loop {
            tokio::select! {
                Some((peer, reply)) = asks.recv() => self.open(peer, reply),
                event = self.swarm.select_next_some() => match event {
                    SwarmEvent::ConnectionEstablished { peer_id, connection_id, .. } => {
                        self.connections.insert(peer_id, connection_id);
                    }
                    SwarmEvent::Behaviour(swarm::BehaviourEvent::Sessions(inbound)) => {
                        self.streams.push(inbound.stream);
                    }
                    SwarmEvent::Behaviour(swarm::BehaviourEvent::Circuits(inbound)) => {
                        let caller = transport::transport_id(&inbound.peer).unwrap();
                        tokio::spawn(answer(caller, inbound.stream, asked.clone()));
                    }
                    _ => {}
                },
            }
        }
    }
}

/// By which a [`Rogue`] is asked for streams to others.
pub(super) type Asked = mpsc::Sender<(PeerId, streams::Reply)>;

/// In one circuit after the other flips the byte at a place: of what the caller says, or of what the callee does. After
/// the last it is honest.
async fn carry(
    caller: TransportId,
    mut stream: Stream,
    asked: Asked,
    flips: Vec<(bool, usize)>,
    circuits: Arc<AtomicUsize>,
) -> Option<()> {
    let heard = recv_msg(&mut stream, 64, PATIENCE).await.ok()??;
    let Ok(RelayMessage::Call(whom, _)) = codec::decode(&heard) else { return None };
    let (reply, callee) = oneshot::channel();
    asked.send((transport::peer_id(&whom)?, reply)).await.ok()?;
    let mut callee: Stream = callee.await.ok()?.ok()?;
    send_msg(&mut callee, &codec::encode(&RelayMessage::Ring(caller, None)), 64).await.ok()?;
    recv_msg(&mut callee, 64, PATIENCE).await.ok()??;
    send_msg(&mut stream, &codec::encode(&RelayMessage::Open), 64).await.ok()?;
    let flip = flips.get(circuits.fetch_add(1, Ordering::Relaxed)).copied();
    let at = |forth: bool| flip.filter(|(way, _)| *way == forth).map(|(_, at)| at);
    let (from_caller, to_caller) = stream.split();
    let (from_callee, to_callee) = callee.split();
    tokio::join!(flip_at(from_caller, to_callee, at(true)), flip_at(from_callee, to_caller, at(false)));
    Some(())
}

async fn flip_at(
    mut from: impl futures::AsyncRead + Unpin,
    mut to: impl futures::AsyncWrite + Unpin,
    at: Option<usize>,
) {
    let (mut buffer, mut passed) = (vec![0; 4096], 0);
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if let Some(at) = at.filter(|at| (passed..passed + count).contains(at)) {
            buffer[at - passed] ^= 1;
        }
        passed += count;
        if to.write_all(&buffer[..count]).await.is_err() || to.flush().await.is_err() {
            break;
        }
    }
    let _gone = to.close().await;
}
