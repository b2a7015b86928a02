//! A legitimate member that sends what no program of ours would: malformed, oversized, out of order, without end.

use std::time::Duration;

use bytes::Bytes;
use entente_protocol::codec;
use entente_protocol::derive;
use entente_protocol::ids::{ActId, BlobId, EpochId, Hash, LogId, PartnershipId, Seq, SpaceId};
use entente_protocol::sync::{Announcement, BlobMessage, Frontier, LogPoint, Message};
use entente_tests::{Partnership, TestNode, draft, wait_until_within};

use crate::hostile::{Hostile, door_of, hello, transport_of};
use crate::insider::Insider;

/// How much the memory of an attacked node may grow.
const GROWTH: u64 = 64 * 1024 * 1024;

struct Siege {
    p: Partnership,
    insider: Insider,
    hostile: Hostile,
    /// The victim's resident memory before.
    before: u64,
}

impl Siege {
    /// Three members, one of which is now in hostile hands.
    async fn begin(agreement: &str) -> Siege {
        let members =
            [("Preventive Office", "npm"), ("Flooding Committee", "cso"), ("Honest Network", "network")];
        let mut p = Partnership::under(agreement, &members).await;
        let warm = p[2].publish(draft("material", "Before"), &p.name, None).await;
        served(&p, warm).await;
        let insider = Insider::seize(&mut p[1]).await;
        let target = transport_of(&insider, &p.id, &p.orgs[0]);
        let hostile = Hostile::with_keys_of(&insider, &p.id, (target, door_of(&p[0]))).await;
        let before = resident(&p[0]);
        Siege { p, insider, hostile, before }
    }

    /// The honest partner is served, the memory has not grown much, and nothing panicked.
    async fn holds(&self) {
        let id = self.p[2].publish(draft("material", "Meanwhile"), &self.p.name, None).await;
        served(&self.p, id).await;
        let grown = resident(&self.p[0]).saturating_sub(self.before);
        assert!(grown <= GROWTH, "the victim grew by {} MiB", grown >> 20);
        let log = std::fs::read_to_string(self.p[0].home().beside("stderr.log")).unwrap();
        assert!(!log.contains("panicked"), "{log}");
    }
}

async fn served(p: &Partnership, id: entente_protocol::ids::RecordId) {
    wait_until_within(Duration::from_secs(15), "the honest partner is served", async || {
        p[0].record(id).await.is_ok()
    })
    .await;
}

fn resident(node: &TestNode) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/status", node.pid())).unwrap();
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[tokio::test]
async fn a_member_that_breaks_the_protocol_is_hung_up_on() {
    let mut siege = Siege::begin(entente_tests::PERMISSIVE).await;
    let mut overlong = codec::encode(&Message::Heads(Vec::new()));
    // [2, [[]]] with the 2 in two bytes: decodes, and is not canonical.
    assert_eq!(overlong.get(1), Some(&2));
    overlong.splice(1..2, [0x18, 0x02]);
    let breaches: [(&str, bool, Vec<u8>); 9] = [
        ("nothing that decodes", true, vec![0xff; 100]),
        ("a claim of 2^63 bytes", true, vec![0x82, 0x02, 0x81, 0x9b, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        ("ten thousand levels", true, vec![0x81; 10_000]),
        ("a second value behind", true, [codec::encode(&Message::Heads(Vec::new())), vec![0]].concat()),
        ("another form of the same", true, overlong),
        ("a kind that is not", true, vec![0x82, 0x18, 0x63, 0x80]),
        ("more than a message", true, vec![0; 3 * 1024 * 1024]),
        ("anything before hello", false, codec::encode(&Message::WantActs(Vec::new()))),
        ("version 99", false, codec::encode(&hello(99))),
    ];
    for (what, greet, bytes) in breaches {
        if greet {
            siege.hostile.greet().await;
        } else {
            siege.hostile.connect().await;
        }
        assert!(siege.hostile.say_bytes(bytes).await, "{what}");
        assert!(siege.hostile.hung_up_within(Duration::from_secs(10)).await, "not hung up on: {what}");
    }
    siege.holds().await;
}

#[tokio::test]
async fn ten_thousand_messages_cost_bounded_memory_and_nobody_else_anything() {
    let mut siege = Siege::begin(entente_tests::PERMISSIVE).await;
    let (id, log) =
        (siege.p.id, siege.insider.keys(&siege.p.id).log.signing_key().verifying_key().to_bytes());
    let kinds = flood(&id, LogId(log));
    for number in 0..10_000_usize {
        if !siege.hostile.say(&kinds[number % kinds.len()](number as u64)).await {
            siege.hostile.greet().await;
        }
        if number == 5_000 {
            siege.holds().await;
        }
    }
    siege.holds().await;
}

type Saying = Box<dyn Fn(u64) -> Message + Send>;

/// Messages that are all well-formed, and all about nothing.
fn flood(id: &PartnershipId, log: LogId) -> Vec<Saying> {
    let (id, all) = (*id, derive::space_of_all(id));
    let invented = |n: u64| -> [u8; 32] { derive::hash(&n.to_be_bytes()).0 };
    vec![
        Box::new(move |n| Message::Heads((0..64).map(|k| ActId(invented(n * 64 + k))).collect())),
        Box::new(|_| Message::WantActs(Vec::new())),
        Box::new(move |n| Message::WantLog(all, log, Seq(n % 3))),
        Box::new(move |n| Message::WantLog(SpaceId(invented(n)), LogId(invented(n)), Seq(n))),
        Box::new(move |n| Message::WantEpoch(all, EpochId(invented(n)))),
        Box::new(move |n| Message::Blob(BlobMessage::WantHashes(BlobId(invented(n)), n))),
        Box::new(move |n| Message::Blob(BlobMessage::Chunk(BlobId(invented(n)), n, vec![7; 1000]))),
        Box::new(move |n| {
            let point = |k| LogPoint {
                log: LogId(invented(n * 512 + k)),
                next: Seq(1 << 40),
                certificate: None,
                chain: None,
            };
            Message::Frontier(Frontier { space: all, circle: None, logs: (0..512).map(point).collect() })
        }),
        Box::new(move |n| {
            let circle = vec![
                entente_protocol::ids::OrgId(invented(n)),
                entente_protocol::ids::OrgId(invented(n + 1)),
            ];
            let space = derive::space_of_circle(&id, &circle);
            Message::Frontier(Frontier { space, circle: Some(circle), logs: Vec::new() })
        }),
        Box::new(|_| hello(entente_protocol::sync::VERSION)),
    ]
}

#[tokio::test]
async fn fifty_thousand_invented_announcements_cost_bounded_memory() {
    let mut siege = Siege::begin(entente_tests::PERMISSIVE).await;
    siege.hostile.greet().await;
    let log = siege.insider.keys(&siege.p.id).log.signing_key().verifying_key().to_bytes();
    for number in 0..50_000_u64 {
        let of = if number % 2 == 0 { LogId(log) } else { LogId(derive::hash(&number.to_be_bytes()).0) };
        let next = Seq(number << 20);
        let announcement = Announcement { log: of, next, chain: Hash(derive::hash(&next.0.to_be_bytes()).0) };
        let bytes = if number % 7 == 0 { vec![0xff; 1000] } else { codec::encode(&announcement) };
        siege.hostile.net.announce(Bytes::from(bytes)).await.unwrap();
    }
    siege.holds().await;
}

#[tokio::test]
async fn asking_again_and_again_for_all_acts_without_reading_costs_bounded_memory() {
    // A long agreement makes each answer long.
    let long: String = (0..1_000).map(|n| format!("# explanation {n} {}\n", "x".repeat(80))).collect();
    let mut siege = Siege::begin(&format!("{}{long}", entente_tests::PERMISSIVE)).await;
    siege.hostile.greet().await;
    for number in 0..4_000 {
        // Nothing of what is answered is read.
        if !siege.hostile.say(&Message::WantActs(Vec::new())).await {
            break;
        }
        if number % 100 == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let grown = resident(&siege.p[0]).saturating_sub(siege.before);
            assert!(grown <= GROWTH, "the victim grew by {} MiB after {number} questions", grown >> 20);
        }
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    siege.holds().await;
}
