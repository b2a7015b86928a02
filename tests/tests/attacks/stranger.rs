//! A stranger who finds the port, and whoever floods it.

use std::time::{Duration, Instant};

use entente_node::door::{DoorKey, KnockError, Way, knock};
use entente_protocol::ids::TransportId;
use entente_protocol::invitation::Invitation;
use entente_tests::{Partnership, TestNode, draft, invite, wait_until, wait_until_within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use zeroize::Zeroizing;

use crate::hostile::door_of;
use crate::wiretap::{Wiretap, tapped_node};

/// Longer than a node keeps anybody who proved nothing.
const HELD: Duration = Duration::from_secs(12);

async fn tapped_pair() -> (Partnership, Wiretap) {
    let (office, tap) = tapped_node("Preventive Office", "npm").await;
    let committee = TestNode::start_new("Committee", "cso").await;
    let nodes = vec![office, committee];
    (Partnership::among(nodes, "Prevention", entente_tests::PERMISSIVE).await, tap)
}

/// Says something in pieces, and counts what is answered until the node hangs up.
async fn answered(address: std::net::SocketAddr, pieces: Vec<Vec<u8>>, pause: Duration) -> (usize, Duration) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let since = Instant::now();
    for piece in pieces {
        if stream.write_all(&piece).await.is_err() {
            break;
        }
        tokio::time::sleep(pause).await;
    }
    let mut answer = Vec::new();
    let _cut = tokio::time::timeout(HELD, stream.read_to_end(&mut answer)).await;
    (answer.len(), since.elapsed())
}

fn random(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    rand_fill(&mut bytes);
    bytes
}

fn rand_fill(bytes: &mut [u8]) {
    for chunk in bytes.chunks_mut(16) {
        let nonce = entente_node::clock::nonce();
        chunk.copy_from_slice(&nonce[..chunk.len()]);
    }
}

fn sayings() -> Vec<Vec<u8>> {
    let mut tls = vec![0x16, 0x03, 0x01, 0x00, 0xf8, 0x01, 0x00, 0x00, 0xf4, 0x03, 0x03];
    tls.extend(random(240));
    let mut all = vec![
        tls,
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"\x13/multistream/1.0.0\n\x07/noise\n".to_vec(),
        b"\x13/multistream/1.0.0\n".to_vec(),
        b"SSH-2.0-OpenSSH_9.9\r\n".to_vec(),
        b"\x05\x01\x00".to_vec(),
        b"\x13BitTorrent protocol".to_vec(),
        Vec::new(),
    ];
    for len in [1, 2, 31, 32, 47, 48, 64, 87, 88, 89, 100, 255, 256, 1000, 4096, 65_535, 200_000] {
        all.push(random(len));
    }
    all
}

#[tokio::test]
async fn a_stranger_is_never_answered_a_byte() {
    let (p, tap) = tapped_pair().await;
    let invitation = invite(&p[0], &p.name, "network").await;
    let mut sayings = sayings();
    // What partners said: whole, in part, changed, and run together.
    for call in tap.calls().iter().filter(|call| call.said.len() > 88 && !call.answered.is_empty()).take(4) {
        let first = call.said[..88].to_vec();
        let mut flipped = first.clone();
        flipped[60] ^= 1;
        let mut retargeted = first.clone();
        retargeted[30] ^= 0x80;
        sayings.extend([first.clone(), call.said.clone(), first[..87].to_vec(), first[..40].to_vec()]);
        sayings.extend([flipped, retargeted, [first.clone(), first.clone()].concat()]);
        sayings.push([vec![0], first].concat());
    }
    let address = door_of(&p[0]);
    // Fewer at a time than the node holds unproven, so that each has its full time.
    for some in sayings.chunks(50) {
        let probes: Vec<_> =
            some.iter().map(|s| tokio::spawn(answered(address, vec![s.clone()], Duration::ZERO))).collect();
        for probe in probes {
            let (bytes, held) = probe.await.unwrap();
            assert_eq!(bytes, 0, "a stranger was answered");
            assert!(held < HELD, "a stranger was held for {held:?}");
        }
    }
    let invitation = Invitation::from_text(&invitation).unwrap();
    wrong_keys_meet_silence(&p, &invitation).await;
    // The invitation is still good, and the partner is still served.
    let id = p[1].publish(draft("material", "After the probes"), &p.name, None).await;
    wait_until("the partner is served", async || p[0].record(id).await.is_ok()).await;
    let way = Way::new(None).unwrap();
    let right = knock(&way, &address.into(), &DoorKey(invitation.door()), &invitation.inviter).await;
    assert!(right.is_ok(), "who knows the invitation is answered: {:?}", right.err());
}

/// A wrong key for the right door, and the right key for a wrong one.
async fn wrong_keys_meet_silence(p: &Partnership, invitation: &Invitation) {
    let way = Way::new(None).unwrap();
    let (address, other) = (door_of(&p[0]).into(), door_of(&p[1]).into());
    let wrong = DoorKey(Zeroizing::new([1; 32]));
    let right = DoorKey(invitation.door());
    let nobody = TransportId([2; 32]);
    let (one, two, three) = tokio::join!(
        knock(&way, &address, &wrong, &invitation.inviter),
        knock(&way, &address, &right, &nobody),
        // The partner's node is another door: the key of an invitation of this one opens nothing there.
        knock(&way, &other, &right, &invitation.inviter),
    );
    for answer in [one, two, three] {
        assert!(matches!(answer, Err(KnockError::Silent { .. })), "{:?}", answer.err());
    }
}

#[tokio::test]
async fn a_stranger_who_drips_is_dropped_in_time() {
    let (p, tap) = tapped_pair().await;
    let call =
        tap.calls().into_iter().find(|call| call.said.len() > 88 && !call.answered.is_empty()).unwrap();
    let address = door_of(&p[0]);
    let drips = [
        call.said[..88].iter().map(|b| vec![*b]).collect::<Vec<_>>(),
        random(500).into_iter().map(|b| vec![b]).collect(),
    ];
    let probes = drips.map(|d| tokio::spawn(answered(address, d, Duration::from_millis(120))));
    for probe in probes {
        assert_eq!(probe.await.unwrap().0, 0);
    }
}

#[tokio::test]
async fn silent_connections_are_dropped_and_honest_partners_served() {
    let mut p = Partnership::of(&[("Preventive Office", "npm"), ("Committee", "cso")]).await;
    let address = door_of(&p[0]);
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    let since = Instant::now();
    let id = p[1].publish(draft("material", "During the flood"), &p.name, None).await;
    wait_until_within(Duration::from_secs(5), "a connected partner is served", async || {
        p[0].record(id).await.is_ok()
    })
    .await;
    // A partner that comes back during the flood is let in.
    p[1].kill();
    for _ in 0..100 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    p[1].start().await;
    let id = p[1].publish(draft("material", "By one who came back"), &p.name, None).await;
    wait_until_within(Duration::from_secs(10), "a partner that comes back is served", async || {
        p[0].record(id).await.is_ok()
    })
    .await;
    // Everybody silent is dropped in time, and was told nothing.
    for mut stream in silent {
        let mut answer = Vec::new();
        let left = (HELD * 2).saturating_sub(since.elapsed()).max(Duration::from_secs(2));
        let ended = tokio::time::timeout(left, stream.read_to_end(&mut answer)).await;
        assert!(ended.is_ok() && answer.is_empty(), "{} bytes", answer.len());
    }
}
