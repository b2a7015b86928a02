//! The door against callers, strangers, replays and crowds, over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures::AsyncWriteExt as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::knock::{FIRST_LEN, Secrets, first_message};
use super::*;

const ME: TransportId = TransportId([7; 32]);
const PATIENCE: Duration = Duration::from_secs(15);

fn key(byte: u8) -> DoorKey {
    DoorKey(Zeroizing::new([byte; 32]))
}

async fn open() -> Door {
    Door::open("127.0.0.1:0".parse().unwrap()).await.unwrap()
}

fn first(byte: u8, whom: TransportId) -> [u8; FIRST_LEN] {
    first_message(&Secrets::new(&key(byte)), &whom).unwrap().0
}

/// A knock without a proxy.
async fn straight(addr: SocketAddr, known: u8) -> Result<DoorStream, KnockError> {
    knock(&Way::new(None).unwrap(), &addr.into(), &key(known), &ME).await
}

/// Both ends of a connection through the door.
async fn meet(
    addr: SocketAddr,
    known: u8,
    registration: &mut Registration,
) -> (Result<DoorStream, KnockError>, Option<(DoorStream, SocketAddr)>) {
    let key = key(known);
    let (way, addr) = (Way::new(None).unwrap(), addr.into());
    tokio::join!(knock(&way, &addr, &key, &ME), registration.next())
}

/// Says `bytes`, and returns all that comes back until the door closes the connection, and when it does.
async fn probe(addr: SocketAddr, bytes: &[u8]) -> (Vec<u8>, Duration) {
    let start = Instant::now();
    let mut tcp = TcpStream::connect(addr).await.unwrap();
    tcp.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, tcp.read_to_end(&mut answer)).await.expect("the door closes in bounded time");
    (answer, start.elapsed())
}

#[tokio::test]
async fn who_knows_the_key_and_the_identity_is_let_in() {
    let door = open().await;
    let mut registration = door.register(&key(1), ME);
    let (ours, theirs) = meet(door.local_addr(), 1, &mut registration).await;
    let (mut ours, mut theirs) = (ours.unwrap(), theirs.unwrap().0);
    let message: Vec<u8> = (0..300_000_u32).map(|n| n as u8).collect();
    let send = async {
        send_msg(&mut ours, &message, 1 << 20).await.unwrap();
        recv_msg(&mut ours, 1 << 20, PATIENCE).await.unwrap().unwrap()
    };
    let echo = async {
        let heard = recv_msg(&mut theirs, 1 << 20, PATIENCE).await.unwrap().unwrap();
        send_msg(&mut theirs, &heard, 1 << 20).await.unwrap();
        theirs.close().await.unwrap();
    };
    let (echoed, ()) = tokio::join!(send, echo);
    assert!(echoed == message);
    assert!(recv_msg(&mut ours, 16, PATIENCE).await.unwrap().is_none(), "a clean end");
}

#[tokio::test]
async fn old_and_added_keys_open_until_they_are_taken_away() {
    let door = open().await;
    let mut registration = door.register(&key(1), ME);
    registration.ring().add(&key(2));
    for known in [1, 2] {
        let (ours, theirs) = meet(door.local_addr(), known, &mut registration).await;
        assert!(ours.is_ok() && theirs.is_some());
    }
    registration.ring().set(&[key(3)]);
    let refused = straight(door.local_addr(), 1).await;
    assert!(matches!(refused, Err(KnockError::Silent { .. })));
    assert!(straight(door.local_addr(), 3).await.is_ok());
    drop(registration);
    let refused = straight(door.local_addr(), 3).await;
    assert!(matches!(refused, Err(KnockError::Silent { .. })));
}

#[tokio::test]
async fn a_stranger_is_never_answered_a_byte() {
    let door = open().await;
    let _registration = door.register(&key(1), ME);
    let replayed = first(1, ME);
    let mut tcp = TcpStream::connect(door.local_addr()).await.unwrap();
    tcp.write_all(&replayed).await.unwrap();
    let mut answer = [0; 48];
    tcp.read_exact(&mut answer).await.expect("the first time it is answered");

    let mut random = [0; 400];
    getrandom::fill(&mut random).unwrap();
    let mut flipped = first(1, ME);
    flipped[FIRST_LEN - 1] ^= 1;
    let tls = [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &random].concat();
    let probes: [&[u8]; 10] = [
        &tls,
        b"GET / HTTP/1.1\r\nHost: example.org\r\nUser-Agent: curl/8.0\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n\r\n",
        b"\x13/multistream/1.0.0\n\x07/noise\n",
        &random,
        &replayed,
        &first(1, ME)[..FIRST_LEN - 1],
        &first(2, ME),
        &first(1, TransportId([8; 32])),
        &flipped,
        b"",
    ];
    let answers = futures::future::join_all(probes.map(|bytes| probe(door.local_addr(), bytes))).await;
    for (kind, (answer, after)) in answers.into_iter().enumerate() {
        assert_eq!(answer, b"", "probe {kind}");
        assert!(after >= UNPROVEN_MIN - Duration::from_millis(50), "probe {kind} closed after {after:?}");
        assert!(after <= HANDSHAKE_TIMEOUT + Duration::from_secs(1), "probe {kind} closed after {after:?}");
    }
}

#[tokio::test]
async fn a_replay_after_a_restart_is_not_answered() {
    let door = open().await;
    let addr = door.local_addr();
    let _registration = door.register(&key(1), ME);
    let recorded = first(1, ME);
    let mut tcp = TcpStream::connect(addr).await.unwrap();
    tcp.write_all(&recorded).await.unwrap();
    tcp.read_exact(&mut [0; 48]).await.expect("the first time it is answered");
    let seen = door.export_seen();
    drop(tcp);
    door.close().await;

    let door = Door::open(addr).await.expect("the port is free again");
    door.import_seen(&seen);
    let _registration = door.register(&key(1), ME);
    assert_eq!(probe(addr, &recorded).await.0, b"");
    assert!(straight(addr, 1).await.is_ok());
}

#[tokio::test]
async fn a_registration_ends_with_its_door() {
    let door = open().await;
    let mut registration = door.register(&key(1), ME);
    door.close().await;
    assert!(registration.next().await.is_none());
    let refused = straight(door.local_addr(), 1).await;
    assert!(matches!(refused, Err(KnockError::Unreachable { .. })));
}

#[tokio::test]
async fn five_hundred_silent_connections_do_not_lock_out_a_partner() {
    let door = open().await;
    let mut registration = door.register(&key(1), ME);
    let start = Instant::now();
    let mut silent = Vec::new();
    for _ in 0..500 {
        silent.push(TcpStream::connect(door.local_addr()).await.unwrap());
    }
    let (ours, theirs) = meet(door.local_addr(), 1, &mut registration).await;
    assert!(ours.is_ok() && theirs.is_some());
    assert!(start.elapsed() < Duration::from_secs(5), "served at once");
    for mut tcp in silent {
        let mut heard = Vec::new();
        let _ = timeout(PATIENCE, tcp.read_to_end(&mut heard)).await.expect("dropped");
        assert_eq!(heard, b"");
    }
    assert!(start.elapsed() < HANDSHAKE_TIMEOUT + Duration::from_secs(2));
}

#[tokio::test]
async fn a_dripping_connection_is_closed_in_time() {
    let door = open().await;
    let _registration = door.register(&key(1), ME);
    let start = Instant::now();
    let tcp = TcpStream::connect(door.local_addr()).await.unwrap();
    let (mut read, mut write) = tcp.into_split();
    let drip = tokio::spawn(async move {
        while write.write_all(&[1]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let mut heard = Vec::new();
    let _ = timeout(PATIENCE, read.read_to_end(&mut heard)).await.expect("closed");
    assert_eq!(heard, b"");
    assert!(start.elapsed() < HANDSHAKE_TIMEOUT + Duration::from_secs(1));
    timeout(PATIENCE, drip).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_claimed_length_over_the_limit_is_refused_unread() {
    let mut bytes: &[u8] = &[0, 0, 0, 17, 1, 2, 3];
    let refused = recv_msg(&mut bytes, 16, PATIENCE).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::InvalidData);
    let mut cut: &[u8] = &[0, 0, 0, 16, 1, 2, 3];
    let refused = recv_msg(&mut cut, 16, PATIENCE).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::UnexpectedEof);
    let mut exact: &[u8] = &[0, 0, 0, 2, 1, 2];
    assert_eq!(recv_msg(&mut exact, 2, PATIENCE).await.unwrap(), Some(vec![1, 2]));
    assert!(send_msg(&mut Vec::new(), &[0; 17], 16).await.is_err());
}

/// Frames the stream wrote, changed in transit: the reader must fail, never deliver.
#[tokio::test]
async fn a_changed_byte_breaks_the_stream() {
    let door = open().await;
    let mut registration = door.register(&key(1), ME);
    let proxy = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (at, to) = (proxy.local_addr().unwrap(), door.local_addr());
    tokio::spawn(async move {
        let (mut client, _) = proxy.accept().await.unwrap();
        let mut server = TcpStream::connect(to).await.unwrap();
        let mut first = [0; FIRST_LEN];
        client.read_exact(&mut first).await.unwrap();
        server.write_all(&first).await.unwrap();
        let mut answer = [0; 48];
        server.read_exact(&mut answer).await.unwrap();
        client.write_all(&answer).await.unwrap();
        let mut frame = [0; 64];
        let count = client.read(&mut frame).await.unwrap();
        frame[count - 1] ^= 1;
        server.write_all(&frame[..count]).await.unwrap();
        std::future::pending::<()>().await;
    });
    let (ours, theirs) = meet(at, 1, &mut registration).await;
    let (mut ours, mut theirs) = (ours.unwrap(), theirs.unwrap().0);
    ours.write_all(b"hello").await.unwrap();
    ours.flush().await.unwrap();
    let read = timeout(PATIENCE, futures::AsyncReadExt::read(&mut theirs, &mut [0; 16])).await.unwrap();
    assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::InvalidData);
}

/// Prints a figure, proves nothing: `cargo test -- --ignored --nocapture throughput`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
#[allow(clippy::print_stdout)]
async fn throughput_of_the_stream() {
    const TOTAL: usize = 1 << 30;
    let door = open().await;
    let mut registration = door.register(&key(1), ME);
    let (ours, theirs) = meet(door.local_addr(), 1, &mut registration).await;
    let (mut ours, mut theirs) = (ours.unwrap(), theirs.unwrap().0);
    let start = Instant::now();
    let sender = tokio::spawn(async move {
        let block = vec![42; 64 * 1024];
        for _ in 0..TOTAL / block.len() {
            ours.write_all(&block).await.unwrap();
        }
        ours.flush().await.unwrap();
        ours
    });
    let mut block = vec![0; 64 * 1024];
    let mut heard = 0;
    while heard < TOTAL {
        heard += futures::AsyncReadExt::read(&mut theirs, &mut block).await.unwrap();
    }
    sender.await.unwrap();
    println!("DoorStream: {:.0} MB/s", TOTAL as f64 / 1e6 / start.elapsed().as_secs_f64());
}
