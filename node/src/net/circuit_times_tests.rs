//! How long circuits are waited for, and last in silence: with times that are short, over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use entente_protocol::relay::RelayRefusal;
use tokio::time::timeout;

use super::circuits_tests::{Asked, Rogue, hidden, info, relay};
use super::tests::{Node, PATIENCE, config, id, open};
use super::tied::Stream;
use super::*;

const SHORT: Duration = Duration::from_millis(300);

fn start(door: Door, number: u8, tunables: Tunables, members: Vec<Member>) -> (Node, Relaying) {
    let relaying = Relaying::new((number == 3).then_some(HOURLY));
    let of = NetConfig { relaying: relaying.clone(), tunables, ..config(&door, number, members) };
    let (net, events) = spawn(of).unwrap();
    (Node { door, net, events }, relaying)
}

/// Nodes 1 and 2, which cannot dial each other and say that they are alive so often, and node 3, which relays and ends
/// a circuit on which nothing moves.
async fn three(keep_alive: Duration, circuit_idle: Duration) -> ([Node; 3], Relaying) {
    let third = open().await;
    let ends = Tunables { keep_alive, ..Tunables::default() };
    let (a, _) = start(open().await, 1, ends, vec![hidden(2), relay(3, &third)]);
    let (b, _) = start(open().await, 2, ends, vec![hidden(1), relay(3, &third)]);
    let waits = |number| Member::at(id(number), vec![]);
    let middle = Tunables { circuit_idle, ..Tunables::default() };
    let (c, relaying) = start(third, 3, middle, vec![waits(1), waits(2)]);
    ([a, b, c], relaying)
}

/// Keeps whatever comes, and says nothing.
async fn hold(_: TransportId, _held: Stream, _: Asked) -> Option<()> {
    std::future::pending().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_circuit_on_which_nothing_moves_ends_and_is_given_back() {
    let ([mut a, mut b, _c], relaying) = three(PATIENCE, SHORT).await;
    a.connected(&id(2)).await;
    b.connected(&id(1)).await;
    let since = Instant::now();
    a.disconnected(&id(2)).await;
    b.disconnected(&id(1)).await;
    assert!(since.elapsed() < PATIENCE / 2, "long before either would say that it is alive");
    // And there is room for the next.
    a.net.dial_now().await.unwrap();
    a.connected(&id(2)).await;
    assert_eq!(relaying.load().circuits, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_circuit_lasts_as_long_as_the_ends_say_that_they_are_alive() {
    let idle = Duration::from_secs(2);
    let ([mut a, _b, _c], _) = three(SHORT / 3, idle).await;
    a.connected(&id(2)).await;
    let since = info(&a, 2).connected_since;
    // Longer than a silent one may last at most.
    let ended = timeout(idle * 5 / 2, a.disconnected(&id(2))).await;
    assert!(ended.is_err() && info(&a, 2).connected_since == since, "it is the same session");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_answer_a_ring_is_not_waited_for_and_the_caller_reads_so() {
    let third = open().await;
    let (mut a, _) = start(open().await, 1, Tunables::default(), vec![hidden(2), relay(3, &third)]);
    let middle = Tunables { ring: SHORT, ..Tunables::default() };
    let waits = |number| Member::at(id(number), vec![]);
    let (c, relaying) = start(third, 3, middle, vec![waits(1), waits(2)]);
    let silent = tokio::spawn(Rogue::dial(2, 3, &c.door).await.relay(hold));
    a.failed(2, DialReason::Relay(RelayReason::Refused(RelayRefusal::NoAnswer))).await;
    assert_eq!(relaying.load().circuits, 0, "nothing is kept for it");
    silent.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_says_nothing_is_waited_for_twice_as_long_as_it_waits_itself_and_no_longer() {
    let third = open().await;
    let brief = Tunables { ring: SHORT, ..Tunables::default() };
    let (mut a, _) = start(open().await, 1, brief, vec![hidden(2), relay(3, &third)]);
    tokio::spawn(Rogue::listen(3, third, [1, 2]).relay(hold));
    a.failed(2, DialReason::Relay(RelayReason::Refused(RelayRefusal::NoAnswer))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_on_which_a_member_asks_for_nothing_ends_soon() {
    let brief = Tunables { ring: SHORT, ..Tunables::default() };
    let (c, _) = start(open().await, 3, brief, vec![Member::at(id(1), vec![])]);
    let mut mute = Rogue::dial(1, 3, &c.door).await;
    let since = Instant::now();
    let heard = timeout(PATIENCE, mute.ask(3, None)).await.expect("it ends");
    assert_eq!(heard, None);
    assert!(since.elapsed() < limits::HELLO_TIMEOUT, "of itself, and not with the connection");
}
