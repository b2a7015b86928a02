//! Nodes over real sockets: sessions, gossip, membership, strangers with a key, capture on the wire.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use futures::AsyncWriteExt as _;
use libp2p::gossipsub::IdentTopic;
use libp2p::swarm::SwarmEvent;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::*;
use crate::door::{recv_msg, send_msg};

pub(super) const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Node {
    pub(super) door: Door,
    pub(super) net: NetHandle,
    pub(super) events: NetEvents,
}

pub(super) fn seed(number: u8) -> Zeroizing<[u8; 32]> {
    Zeroizing::new([number; 32])
}

pub(super) fn id(number: u8) -> TransportId {
    transport_identity(&seed(number)).unwrap()
}

pub(super) fn key(number: u8) -> DoorKey {
    DoorKey(Zeroizing::new([number; 32]))
}

pub(super) fn config(door: &Door, number: u8, members: Vec<Member>) -> NetConfig {
    NetConfig {
        door: door.clone(),
        way: Way::new(None).unwrap(),
        door_keys: vec![key(1)],
        identity_seed: seed(number),
        topic: "8e1f0a".to_owned(),
        relaying: Relaying::new(None),
        punching: Punching::new(false),
        members,
        valid_announcement: |data| data.first() == Some(&b'!'),
        tunables: Tunables::default(),
    }
}

/// Of who relays nothing and meets nobody.
pub(super) fn no_terms() -> circuits::Terms {
    circuits::Terms { relaying: Relaying::new(None), punching: None, tunables: Tunables::default() }
}

pub(super) async fn open() -> Door {
    Door::open("127.0.0.1:0".parse().unwrap()).await.unwrap()
}

pub(super) fn member(number: u8, door: &Door) -> Member {
    Member::at(id(number), vec![door.local_addr().into()])
}

/// Nodes `1..=count`, each of which knows all.
async fn mesh(count: u8) -> Vec<Node> {
    let mut doors = Vec::new();
    for _ in 0..count {
        doors.push(open().await);
    }
    let members: Vec<_> = (1..).zip(&doors).map(|(number, door)| member(number, door)).collect();
    let start = |(number, door): (u8, Door)| {
        let (net, events) = spawn(config(&door, number, members.clone())).unwrap();
        Node { door, net, events }
    };
    (1..).zip(doors).map(start).collect()
}

async fn pair() -> (Node, Node) {
    let mut nodes = mesh(2).await;
    let (mut b, mut a) = (nodes.pop().unwrap(), nodes.pop().unwrap());
    a.connected(&b.net.id()).await;
    b.connected(&a.net.id()).await;
    (a, b)
}

impl Node {
    /// The first event that `wanted` picks, others are passed over.
    pub(super) async fn wait<T>(&mut self, mut wanted: impl FnMut(NetEvent) -> Option<T>) -> T {
        timeout(PATIENCE, async {
            loop {
                if let Some(found) = wanted(self.events.recv().await.expect("the node runs")) {
                    return found;
                }
            }
        })
        .await
        .expect("the event comes in time")
    }

    pub(super) async fn connected(&mut self, with: &TransportId) {
        self.wait(|event| (event == NetEvent::Connected { peer: *with }).then_some(())).await;
    }

    pub(super) async fn disconnected(&mut self, from: &TransportId) {
        self.wait(|event| (event == NetEvent::Disconnected { peer: *from }).then_some(())).await;
    }

    pub(super) async fn message(&mut self) -> Bytes {
        self.wait(|event| match event {
            NetEvent::Message { bytes, .. } => Some(bytes),
            _ => None,
        })
        .await
    }

    async fn announced(&mut self) -> Bytes {
        self.wait(|event| match event {
            NetEvent::Announced { data, .. } => Some(data),
            _ => None,
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_messages_each_way_arrive_once_and_in_order() {
    const COUNT: u32 = 10_000;
    let (mut a, mut b) = pair().await;
    for (from, to) in [(a.net.clone(), b.net.id()), (b.net.clone(), a.net.id())] {
        tokio::spawn(async move {
            for number in 0..COUNT {
                let mut message = number.to_be_bytes().to_vec();
                message.resize(4 + number as usize % 700, 7);
                from.send(&to, message.into()).await.unwrap();
            }
        });
    }
    let hear = async |node: &mut Node| {
        for number in 0..COUNT {
            let message = node.message().await;
            assert_eq!(message.first_chunk(), Some(&number.to_be_bytes()));
            assert_eq!(message.len(), 4 + number as usize % 700);
        }
    };
    tokio::join!(hear(&mut a), hear(&mut b));
    let peers = a.net.peers();
    assert_eq!(peers.len(), 1);
    assert!(peers[0].connected_since.is_some() && peers[0].last_seen.is_some());
    assert_eq!(peers[0].last_error, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_longest_message_passes_and_a_longer_one_is_refused_here() {
    let (a, mut b) = pair().await;
    let longest = vec![9; limits::MAX_MESSAGE as usize];
    a.net.send(&b.net.id(), longest.clone().into()).await.unwrap();
    assert!(b.message().await == longest);
    let longer = Bytes::from(vec![9; longest.len() + 1]);
    assert_eq!(a.net.send(&b.net.id(), longer).await, Err(SendError::TooLong(longest.len() + 1)));
    assert_eq!(a.net.send(&id(9), Bytes::from_static(b"x")).await, Err(SendError::NotConnected));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_partnerships_behind_one_port_do_not_see_each_other() {
    let (one, two) = (open().await, open().await);
    // The first partnership: identities 1 and 2, key 1. The second: 3 and 4, key 2.
    let start = |door: &Door, number: u8, door_key: u8, members: Vec<Member>| {
        let config = NetConfig { door_keys: vec![key(door_key)], ..config(door, number, members) };
        let (net, events) = spawn(config).unwrap();
        Node { door: door.clone(), net, events }
    };
    let first = vec![member(1, &one), member(2, &two)];
    let second = vec![member(3, &one), member(4, &two)];
    let (mut a1, mut b1) = (start(&one, 1, 1, first.clone()), start(&two, 2, 1, first));
    let (mut a2, mut b2) = (start(&one, 3, 2, second.clone()), start(&two, 4, 2, second));
    for (a, b) in [(&mut a1, &mut b1), (&mut a2, &mut b2)] {
        a.connected(&b.net.id()).await;
        b.connected(&a.net.id()).await;
    }
    a1.net.send(&id(2), Bytes::from_static(b"first")).await.unwrap();
    a2.net.send(&id(4), Bytes::from_static(b"second")).await.unwrap();
    assert_eq!(b1.message().await, "first");
    assert_eq!(b2.message().await, "second");
    assert_eq!(a1.net.send(&id(4), Bytes::new()).await, Err(SendError::NotConnected));
    assert_eq!(b1.net.peers().iter().map(|peer| peer.id).collect::<Vec<_>>(), [id(1)]);
    assert_eq!(b2.net.peers().iter().map(|peer| peer.id).collect::<Vec<_>>(), [id(3)]);
    while let Some(event) = b1.events.try_recv().or_else(|| a1.events.try_recv()) {
        assert!(!format!("{event:?}").contains(&id(3).to_string()), "{event:?}");
        assert!(!format!("{event:?}").contains(&id(4).to_string()), "{event:?}");
    }
    // With the first partnership's key, an identity of the second is not reached.
    let strange =
        crate::door::knock(&Way::new(None).unwrap(), &two.local_addr().into(), &key(1), &id(4)).await;
    assert!(matches!(strange, Err(crate::door::KnockError::Silent { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_member_is_disconnected_and_refused() {
    let (mut a, mut b) = pair().await;
    a.net.set_members(vec![]).await.unwrap();
    a.disconnected(&b.net.id()).await;
    b.disconnected(&a.net.id()).await;
    assert_eq!(a.net.send(&b.net.id(), Bytes::from_static(b"x")).await, Err(SendError::NotConnected));
    // It dials again, gets through the door (it still knows the key), and is refused by name.
    for _ in 0..3 {
        b.net.dial_now().await.unwrap();
        let reason = b
            .wait(|event| match event {
                NetEvent::Connected { .. } => panic!("let in"),
                NetEvent::DialFailed { reason, .. } => Some(reason),
                _ => None,
            })
            .await;
        assert_eq!(reason, DialReason::Refused);
    }
    assert!(a.events.try_recv().is_none());
    // Taken up again, it is connected again.
    a.net.set_members(vec![member(2, &b.door)]).await.unwrap();
    a.connected(&b.net.id()).await;
    b.connected(&a.net.id()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_member_is_refused_before_it_gets_a_stream() {
    let mut nodes = mesh(2).await;
    let (b, mut a) = (nodes.pop().unwrap(), nodes.pop().unwrap());
    a.connected(&b.net.id()).await;
    b.net.shutdown().await;
    assert!(rogue(2, &a.door).await.is_some(), "still a member");
    a.net.set_members(vec![]).await.unwrap();
    assert!(rogue(2, &a.door).await.is_none(), "a member no more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_restarts_on_its_port_is_connected_again_by_itself() {
    let (mut a, mut b) = pair().await;
    let addr = b.door.local_addr();
    b.net.shutdown().await;
    b.door.close().await;
    assert!(b.events.recv().await.is_none_or(|event| matches!(event, NetEvent::Disconnected { .. })));
    a.disconnected(&b.net.id()).await;
    a.wait(|event| match event {
        NetEvent::DialFailed { reason, .. } => (reason == DialReason::Unreachable).then_some(()),
        _ => None,
    })
    .await;
    let door = Door::open(addr).await.unwrap();
    // B does not know where A is: it is A that comes back.
    let (net, events) = spawn(config(&door, 2, vec![Member::at(id(1), vec![])])).unwrap();
    let mut b = Node { door, net, events };
    a.connected(&b.net.id()).await;
    b.connected(&a.net.id()).await;
    b.net.send(&a.net.id(), Bytes::from_static(b"back")).await.unwrap();
    assert_eq!(a.message().await, "back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_queued_at_a_shutdown_is_still_sent() {
    let (a, mut b) = pair().await;
    for number in 0..100_u8 {
        a.net.send(&b.net.id(), vec![number].into()).await.unwrap();
    }
    a.net.shutdown().await;
    for number in 0..100_u8 {
        assert_eq!(b.message().await, vec![number]);
    }
    b.disconnected(&a.net.id()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_knows_only_an_old_door_key_is_still_reached() {
    let (new, old) = (open().await, open().await);
    let with = |door: &Door, number, keys, members| {
        let (net, events) = spawn(NetConfig { door_keys: keys, ..config(door, number, members) }).unwrap();
        Node { door: door.clone(), net, events }
    };
    let mut was_offline = with(&old, 2, vec![key(1)], vec![Member::at(id(1), vec![])]);
    // The first knock, with the new key, is met with silence; the second uses the old one.
    let mut up_to_date = with(&new, 1, vec![key(5), key(1)], vec![member(2, &old)]);
    up_to_date.connected(&id(2)).await;
    was_offline.connected(&id(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_announcement_reaches_five_nodes_and_a_malformed_one_none() {
    let mut nodes = mesh(5).await;
    let (first, others) = nodes.split_first_mut().unwrap();
    let mut missing: Vec<_> = others.iter().map(|other| other.net.id()).collect();
    while !missing.is_empty() {
        let peer = first.wait(|event| match event {
            NetEvent::Connected { peer } => Some(peer),
            _ => None,
        });
        let peer = peer.await;
        missing.retain(|id| *id != peer);
    }
    // Gossip subscribes a moment after connecting; an announcement before that is not repeated by it.
    for other in others.iter_mut() {
        let heard = timeout(PATIENCE, async {
            for number in 0.. {
                first.net.announce(format!("!warm-up {number} {}", other.net.id()).into()).await.unwrap();
                let hear = timeout(Duration::from_millis(200), other.events.recv()).await;
                if matches!(hear, Ok(Some(NetEvent::Announced { .. }))) {
                    break;
                }
            }
        });
        heard.await.expect("gossip works");
    }
    first.net.announce(Bytes::from_static(b"?malformed")).await.unwrap();
    first.net.announce(Bytes::from_static(b"!news")).await.unwrap();
    for other in others {
        loop {
            let data = other.announced().await;
            assert!(!data.starts_with(b"?"));
            if data == "!news" {
                break;
            }
        }
    }
    let long = Bytes::from(vec![b'!'; limits::MAX_ANNOUNCEMENT + 1]);
    assert!(matches!(first.net.announce(long).await, Err(SendError::TooLong(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_read_from_is_slowed_and_loses_nothing() {
    const MESSAGES: u32 = 200;
    let (a, mut b) = pair().await;
    let sent = Arc::new(Mutex::new(0_u32));
    let (count, to, from) = (sent.clone(), b.net.id(), a.net.clone());
    tokio::spawn(async move {
        for number in 0..MESSAGES {
            let mut message = vec![0; 1 << 20];
            message[..4].copy_from_slice(&number.to_be_bytes());
            from.send(&to, message.into()).await.unwrap();
            *count.lock().unwrap() += 1;
        }
    });
    // Wait until the sender makes no progress for a second.
    let mut before = u32::MAX;
    timeout(PATIENCE, async {
        while before != *sent.lock().unwrap() {
            before = *sent.lock().unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    })
    .await
    .expect("it stops by itself");
    let queued = *sent.lock().unwrap();
    assert!(queued <= 60, "{queued} MiB were taken though nobody reads");
    assert_eq!(a.net.try_send(&b.net.id(), Bytes::from(vec![0; 1 << 20])), Err(SendError::Full));
    for number in 0..MESSAGES {
        assert_eq!(b.message().await.first_chunk(), Some(&number.to_be_bytes()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_former_member_has_a_session_and_no_gossip() {
    let doors = [open().await, open().await, open().await];
    let of = |number: u8| member(number, &doors[usize::from(number) - 1]);
    let start = |number: u8, members: Vec<Member>| {
        let door = doors[usize::from(number) - 1].clone();
        let (net, events) = spawn(config(&door, number, members)).unwrap();
        Node { door, net, events }
    };
    // Node 3 does not know that it is out, and takes node 1 for a partner.
    let mut one = start(1, vec![of(2), Member { former: true, ..of(3) }]);
    let mut two = start(2, vec![of(1)]);
    let mut three = start(3, vec![of(1)]);
    // In whichever order.
    let mut met = Vec::new();
    while met.len() < 2 {
        met.push(
            one.wait(|event| match event {
                NetEvent::Connected { peer } => Some(peer),
                _ => None,
            })
            .await,
        );
    }
    assert!(met.contains(&id(2)) && met.contains(&id(3)));
    two.connected(&id(1)).await;
    three.connected(&id(1)).await;
    assert_eq!(one.net.peers().iter().map(|peer| peer.id).collect::<Vec<_>>(), [id(2)]);
    // Until it has found the other, gossip reaches nobody.
    let heard = timeout(PATIENCE, async {
        for number in 0_u32.. {
            one.net.announce(format!("!{number}").into_bytes().into()).await.unwrap();
            three.net.announce(format!("!three {number}").into_bytes().into()).await.unwrap();
            if timeout(Duration::from_millis(200), two.announced()).await.is_ok() {
                return;
            }
        }
    });
    heard.await.expect("a member hears");
    one.net.send(&id(3), Bytes::from_static(b"to the former")).await.unwrap();
    three.net.send(&id(1), Bytes::from_static(b"from the former")).await.unwrap();
    for (node, said) in [(&mut three, "to the former"), (&mut one, "from the former")] {
        let message = node
            .wait(|event| match event {
                NetEvent::Message { bytes, .. } => Some(bytes),
                NetEvent::Announced { .. } => panic!("an announcement came through"),
                _ => None,
            })
            .await;
        assert_eq!(message, said.as_bytes());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_oversized_or_odd_frame_ends_the_session_and_not_the_node() {
    let mut nodes = mesh(2).await;
    let (b, mut a) = (nodes.pop().unwrap(), nodes.pop().unwrap());
    a.connected(&id(2)).await;
    b.net.shutdown().await;
    // A member that does not play by the rules; its identity is below A's, so it opens the sessions.
    let number = (0x20..).find(|number| id(*number) < id(1)).unwrap();
    a.net.set_members(vec![Member::at(id(number), vec![])]).await.unwrap();
    let (oversized, bad_hello): (&[u8], &[u8]) = (&[0, 0, 0, 1, 1, 0, 0x40, 0, 1, 1], &[0, 0, 0, 1, 99]);
    for (frames, opens) in [(oversized, true), (bad_hello, false), (oversized, true)] {
        // Sooner, A would not even listen.
        tokio::time::sleep(limits::SESSION_GAP).await;
        let mut stream = rogue(number, &a.door).await.expect("members may open streams");
        stream.write_all(frames).await.unwrap();
        stream.flush().await.unwrap();
        let mut end = Vec::new();
        let _ = timeout(PATIENCE, futures::AsyncReadExt::read_to_end(&mut stream, &mut end)).await.unwrap();
        assert!(end.len() <= if opens { 5 } else { 0 }, "at most the hello is answered");
        if opens {
            a.connected(&id(number)).await;
            a.disconnected(&id(number)).await;
        }
    }
    // A lives.
    let door = open().await;
    a.net.set_members(vec![member(3, &door)]).await.unwrap();
    let (net, events) = spawn(config(&door, 3, vec![member(1, &a.door)])).unwrap();
    let mut c = Node { door, net, events };
    a.connected(&id(3)).await;
    c.connected(&id(1)).await;
}

/// A session stream to `door`'s node 1, from a swarm whose owner writes what it likes; `None` if it is refused.
async fn rogue(number: u8, door: &Door) -> Option<tied::Stream> {
    let keys = transport::DialKeys::new(Way::new(None).unwrap(), vec![key(1)]);
    let registration = open().await.register(&key(1), id(number));
    let shared = Arc::new(Shared::new(id(number), vec![]));
    let circuits = circuits::Circuits::new(shared, no_terms(), mpsc::channel(1).0, registration.ring());
    let transport = transport::DoorTransport::new(door, registration, keys, circuits);
    let keypair = keypair(&seed(number)).unwrap();
    let mut swarm = swarm::build(transport, &keypair, &IdentTopic::new("8e1f0a"), PATIENCE).unwrap();
    let peer = transport::peer_id(&id(1)).unwrap();
    swarm.behaviour_mut().members.allow_peer(peer);
    swarm.dial(transport::multiaddr(door.local_addr()).with_p2p(peer).unwrap()).unwrap();
    let (opened, stream) = oneshot::channel();
    tokio::spawn(async move {
        let mut opened = Some(opened);
        loop {
            let event = futures::StreamExt::select_next_some(&mut swarm).await;
            if let SwarmEvent::ConnectionEstablished { connection_id, .. } = event
                && let Some(opened) = opened.take()
            {
                swarm.behaviour_mut().sessions.open(peer, connection_id, opened);
            }
        }
    });
    timeout(PATIENCE, stream).await.unwrap().ok()?.ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_readable_shows_on_the_wire() {
    const MARKER: &[u8] = b"Planted-Marker-Bletchley";
    let (left, right) = (open().await, open().await);
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = proxy.local_addr().unwrap();
    let captured = Arc::new(Mutex::new(Vec::new()));
    tokio::spawn(record(proxy, right.local_addr(), captured.clone()));
    let to_right = Member::at(id(2), vec![at.into()]);
    let (net, events) = spawn(config(&left, 1, vec![to_right])).unwrap();
    let mut a = Node { door: left, net, events };
    let (net, events) = spawn(config(&right, 2, vec![Member::at(id(1), vec![])])).unwrap();
    let mut b = Node { door: right, net, events };
    a.connected(&id(2)).await;
    b.connected(&id(1)).await;
    for _ in 0..1_000 {
        a.net.send(&id(2), Bytes::from_static(MARKER)).await.unwrap();
        b.net.send(&id(1), Bytes::from_static(MARKER)).await.unwrap();
        assert_eq!(b.message().await, MARKER);
        assert_eq!(a.message().await, MARKER);
    }
    a.net.announce(Bytes::from_static(b"!Planted-Marker-Bletchley")).await.unwrap();
    let wire = captured.lock().unwrap().clone();
    assert!(wire.len() > 2_000 * MARKER.len(), "the capture is complete");
    let identity = id(1).0;
    let readable: [&[u8]; 9] =
        [b"multistream", b"/e/1", b"libp2p", b"noise", b"yamux", b"meshsub", b"8e1f0a", MARKER, &identity];
    for needle in readable {
        let lower = |bytes: &[u8]| bytes.to_ascii_lowercase();
        let found = lower(&wire).windows(needle.len()).any(|window| window == lower(needle));
        assert!(!found, "{} is on the wire", String::from_utf8_lossy(needle));
    }
    let mut counts = [0_u32; 256];
    wire.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    let expected = wire.len() as f64 / 256.0;
    let chi_squared: f64 = counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
    assert!(chi_squared < 400.0, "the bytes look random: {chi_squared} for 255 degrees of freedom");
}

/// Passes connections on and keeps every byte, both ways.
async fn record(proxy: TcpListener, to: SocketAddr, captured: Arc<Mutex<Vec<u8>>>) {
    while let Ok((client, _)) = proxy.accept().await {
        let Ok(server) = TcpStream::connect(to).await else { continue };
        let (client_read, client_write) = client.into_split();
        let (server_read, server_write) = server.into_split();
        for (mut from, mut to) in [(client_read, server_write), (server_read, client_write)] {
            let captured = captured.clone();
            tokio::spawn(async move {
                let mut buffer = vec![0; 64 * 1024];
                while let Ok(count @ 1..) = from.read(&mut buffer).await {
                    captured.lock().unwrap().extend_from_slice(&buffer[..count]);
                    let _ = to.write_all(&buffer[..count]).await;
                }
            });
        }
    }
}

/// Prints figures, proves nothing: `cargo test -- --ignored --nocapture measure`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
#[allow(clippy::print_stdout)]
async fn measure_round_trip_and_throughput() {
    let (mut a, mut b) = pair().await;
    let (to_a, to_b) = (a.net.id(), b.net.id());
    let mut times = Vec::new();
    for _ in 0..5_000 {
        let start = Instant::now();
        a.net.send(&to_b, Bytes::from_static(&[1; 100])).await.unwrap();
        b.message().await;
        b.net.send(&to_a, Bytes::from_static(&[2; 100])).await.unwrap();
        a.message().await;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    println!("round trip: p50 {:?}, p99 {:?}", times[2_500], times[4_950]);
    for (size, count) in [(2_048_usize, 200_000_u32), (256 * 1024, 4_000)] {
        let (net, start) = (a.net.clone(), Instant::now());
        tokio::spawn(async move {
            let message = Bytes::from(vec![3; size]);
            for _ in 0..count {
                net.send(&to_b, message.clone()).await.unwrap();
            }
        });
        for _ in 0..count {
            b.message().await;
        }
        let (seconds, count) = (start.elapsed().as_secs_f64(), f64::from(count));
        println!(
            "{size} B: {:.0} messages/s, {:.0} MB/s",
            count / seconds,
            count * size as f64 / 1e6 / seconds
        );
    }
}

#[tokio::test]
async fn a_message_of_a_session_is_framed_as_the_door_frames() {
    let mut bytes = Vec::new();
    send_msg(&mut bytes, b"hello", 8).await.unwrap();
    assert_eq!(bytes, b"\0\0\0\x05hello");
    assert_eq!(recv_msg(&mut bytes.as_slice(), 8, PATIENCE).await.unwrap().unwrap(), b"hello");
}
