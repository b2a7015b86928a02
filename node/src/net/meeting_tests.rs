//! Hole punching over real sockets: a relay that is honest, switched off, or lies about where others are.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::atomic::{AtomicU32, Ordering};

use entente_protocol::codec;
use entente_protocol::relay::{Offer, RelayMessage};
use futures::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::circuits_tests::{Asked, Rogue, hidden, info, relay};
use super::limits::MEET_GAP;
use super::tests::{Node, PATIENCE, config, id, open};
use super::tied::Stream;
use super::*;
use crate::door::{PUNCH_DIALS, recv_msg, send_msg};

fn start(door: Door, number: u8, (relaying, punching): (Option<u64>, bool), members: Vec<Member>) -> Node {
    let (relaying, punching) = (Relaying::new(relaying), Punching::new(punching));
    let (net, events) = spawn(NetConfig { relaying, punching, ..config(&door, number, members) }).unwrap();
    Node { door, net, events }
}

/// Nodes 1 and 2, which cannot dial each other, and node 3, which relays; each with hole punching on or off.
async fn three(punching: [bool; 3]) -> [Node; 3] {
    let third = open().await;
    let a = start(open().await, 1, (None, punching[0]), vec![hidden(2), relay(3, &third)]);
    let b = start(open().await, 2, (None, punching[1]), vec![hidden(1), relay(3, &third)]);
    let waits = |number| Member::at(id(number), vec![]);
    let c = start(third, 3, (Some(HOURLY), punching[2]), vec![waits(1), waits(2)]);
    [a, b, c]
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_reach_each_other_through_a_relay_meet_and_need_it_no_more() {
    let [mut a, mut b, c] = three([true; 3]).await;
    until("both met", || {
        [info(&a, 2), info(&b, 1)].iter().all(|peer| peer.reached == Some(Reached::Punched))
    })
    .await;
    c.net.shutdown().await;
    c.door.close().await;
    until("the relay is gone", || info(&a, 3).reached.is_none() && info(&b, 3).reached.is_none()).await;
    speak(&mut a, &mut b).await;
    assert_eq!(info(&a, 2).reached, Some(Reached::Punched));
}

/// What a relay hears of node 1, which calls, and of node 2, which is called.
async fn heard_by_relay(punching: [bool; 2]) -> (RelayMessage, RelayMessage) {
    let third = open().await;
    let _a = start(open().await, 1, (None, punching[0]), vec![hidden(2), relay(3, &third)]);
    let _b = start(open().await, 2, (None, punching[1]), vec![relay(3, &third), Member::at(id(1), vec![])]);
    let (tell, mut told) = mpsc::channel(1);
    let answer = move |caller: TransportId, mut stream: Stream, asked: Asked| {
        let tell = tell.clone();
        async move {
            let call = hear(&mut stream).await?;
            let mut callee = reach(&call, &asked).await?;
            say(&mut callee, &RelayMessage::Ring(caller, Some(Offer::Meet))).await?;
            let answer = hear(&mut callee).await?;
            tell.send((call, answer)).await.ok()
        }
    };
    let relaying = tokio::spawn(Rogue::listen(3, third, [1, 2]).relay(answer));
    let heard = timeout(PATIENCE, told.recv()).await.expect("somebody calls").unwrap();
    relaying.abort();
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_switched_hole_punching_off_neither_offers_it_nor_takes_it() {
    let (call, answer) = heard_by_relay([false, false]).await;
    assert_eq!((call, answer), (RelayMessage::Call(id(2), None), RelayMessage::Open));
    let (call, answer) = heard_by_relay([true, true]).await;
    assert_eq!((call, answer), (RelayMessage::Call(id(2), Some(Offer::Meet)), RelayMessage::Willing));
}

/// How many connections came to a port of this machine.
async fn bystander() -> (SocketAddr, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let came = Arc::new(AtomicU32::new(0));
    let count = came.clone();
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    (at, came)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_tells_a_false_address_gets_a_few_dials_there_and_the_circuit_goes_on() {
    let began = Instant::now();
    let third = open().await;
    let mut a = start(open().await, 1, (None, true), vec![hidden(2), relay(3, &third)]);
    let mut b = start(open().await, 2, (None, true), vec![hidden(1), relay(3, &third)]);
    let (at, came) = bystander().await;
    let answer = move |caller, stream, asked| lie(caller, stream, asked, at);
    tokio::spawn(Rogue::listen(3, third, [1, 2]).relay(answer));
    // Both dial there, each so often; meanwhile, and on circuits that are made anew, they speak, and dial no more
    // until they may meet again.
    for round in 0..3 {
        // What is heard may have come by the circuit that was hung up.
        let relayed = async {
            loop {
                speak(&mut a, &mut b).await;
                if info(&b, 1).through() == Some(id(3)) {
                    return;
                }
            }
        };
        timeout(PATIENCE, relayed).await.expect("they speak through the relay");
        if round == 0 {
            until("both have dialled", || came.load(Ordering::SeqCst) >= 2 * PUNCH_DIALS).await;
        }
        a.net.hang_up(&id(2));
    }
    let meetings = 1 + began.elapsed().as_secs() / MEET_GAP.as_secs();
    let dials = came.load(Ordering::SeqCst);
    assert!(u64::from(dials) <= meetings * u64::from(2 * PUNCH_DIALS), "{dials} dials, {meetings} meetings");
}

/// Says something over whatever circuit there is, or comes, until it is heard. A rogue opens no session of its own, and
/// is left for that now and then.
async fn speak(a: &mut Node, b: &mut Node) {
    let speaking = async {
        loop {
            a.net.dial_now().await.unwrap();
            let _no_session = a.net.try_send(&id(2), Bytes::from_static(b"still there"));
            let heard = timeout(Duration::from_millis(50), b.events.recv()).await;
            if matches!(heard, Ok(Some(NetEvent::Message { .. }))) {
                return;
            }
            while a.events.try_recv().is_some() {}
        }
    };
    timeout(PATIENCE, speaking).await.expect("the circuit goes on");
}

/// Whoever is rung up and told an address, but nobody is at the other end of the circuit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_word_of_a_relay_alone_makes_nobody_dial() {
    let third = open().await;
    // Only the second is there; the relay says that the first calls.
    let b = start(open().await, 2, (None, true), vec![hidden(1), relay(3, &third)]);
    let (at, came) = bystander().await;
    let rung = Arc::new(AtomicU32::new(0));
    let count = rung.clone();
    let answer = move |_, mut stream: Stream, asked: Asked| {
        let count = count.clone();
        async move {
            // Node 2 calls node 1, who is away; it is told the address of somebody else, and called itself.
            hear(&mut stream).await?;
            say(&mut stream, &RelayMessage::Meet(at.into())).await?;
            let mut callee = reach(&RelayMessage::Call(id(2), None), &asked).await?;
            say(&mut callee, &RelayMessage::Ring(id(1), Some(Offer::Meet))).await?;
            assert_eq!(hear(&mut callee).await?, RelayMessage::Willing);
            say(&mut callee, &RelayMessage::Meet(at.into())).await?;
            count.fetch_add(1, Ordering::SeqCst);
            Some(())
        }
    };
    tokio::spawn(Rogue::listen(3, third, [1, 2]).relay(answer));
    until("it was told three times", || {
        let _soon = b.net.commands.try_send(Command::DialNow);
        rung.load(Ordering::SeqCst) >= 3
    })
    .await;
    assert_eq!(came.load(Ordering::SeqCst), 0);
}

async fn lie(caller: TransportId, mut stream: Stream, asked: Asked, at: SocketAddr) -> Option<()> {
    let call = hear(&mut stream).await?;
    let mut callee = reach(&call, &asked).await?;
    say(&mut callee, &RelayMessage::Ring(caller, Some(Offer::Meet))).await?;
    hear(&mut callee).await?;
    for end in [&mut stream, &mut callee] {
        say(end, &RelayMessage::Meet(at.into())).await?;
    }
    let (from_caller, mut to_caller) = stream.split();
    let (from_callee, mut to_callee) = callee.split();
    tokio::select! {
        _ = copy(from_caller, &mut to_callee) => {}
        _ = copy(from_callee, &mut to_caller) => {}
    }
    Some(())
}

async fn copy(
    mut from: impl futures::AsyncRead + Unpin,
    to: &mut (impl futures::AsyncWrite + Unpin),
) -> Option<()> {
    let mut buffer = vec![0; 4096];
    loop {
        let count = from.read(&mut buffer).await.ok().filter(|count| *count > 0)?;
        to.write_all(&buffer[..count]).await.ok()?;
        to.flush().await.ok()?;
    }
}

/// A stream to whom somebody calls.
async fn reach(call: &RelayMessage, asked: &Asked) -> Option<Stream> {
    let RelayMessage::Call(whom, _) = call else { return None };
    let (reply, stream) = oneshot::channel();
    asked.send((transport::peer_id(whom)?, reply)).await.ok()?;
    stream.await.ok()?.ok()
}

async fn say(stream: &mut Stream, message: &RelayMessage) -> Option<()> {
    send_msg(stream, &codec::encode(message), 64).await.ok()
}

async fn hear(stream: &mut Stream) -> Option<RelayMessage> {
    codec::decode(&recv_msg(stream, 64, PATIENCE).await.ok()??).ok()
}
