//! An observer of the network, with everything that passed recorded.

use entente_protocol::derive;
use entente_tests::{Partnership, draft, wait_until};
use serde_json::json;

use crate::insider::Insider;
use crate::needles::Needles;
use crate::wiretap::{Call, Wiretap, tapped_node};

pub const MARKERS: [&str; 6] = [
    "MARKER-TITLE-4711",
    "MARKER-FIELD-4711",
    "MARKER-NESTED-4711",
    "MARKER-FILE-NAME-4711",
    "MARKER-FILE-TEXT-4711",
    "საპატიმრო-MARKER-4711",
];
const OFFICE: &str = "Tapped Preventive Office";
const COMMITTEE: &str = "დევნილი კომიტეტი";
const PARTNERSHIP: &str = "Tapped Partnership";
const RECORDS: usize = 200;

/// Two nodes that know each other only by way of taps, after an exchange of many marked records.
pub async fn marked_session(records: usize) -> (Partnership, [Wiretap; 2]) {
    let (office, one) = tapped_node(OFFICE, "npm").await;
    let (committee, two) = tapped_node(COMMITTEE, "cso").await;
    let p = Partnership::among(vec![office, committee], PARTNERSHIP, entente_tests::PERMISSIVE).await;
    exchange(&p, records).await;
    (p, [one, two])
}

async fn exchange(p: &Partnership, records: usize) {
    let file = p[1].home().beside(MARKERS[3]);
    std::fs::write(&file, MARKERS[4].repeat(4000)).unwrap();
    let mut ids = Vec::new();
    for number in 0..records {
        let by = number % 2;
        let mut record = draft("material", &format!("{} {number}", MARKERS[0]))
            .field("text", format!("{} {}", MARKERS[1], "and a long text of one kind ".repeat(20)))
            .field("table", json!({ "inner": [MARKERS[2], MARKERS[5]] }));
        if number % 50 == 1 {
            record = record.attachment(p[by].attach(&file).await.unwrap());
        }
        let other = [[COMMITTEE, OFFICE][by]];
        let readers = (number % 5 == 0).then_some(other.as_slice());
        ids.push((1 - by, p[by].publish(record, &p.name, readers).await));
    }
    for (reader, id) in &ids {
        wait_until("all is exchanged", async || {
            let seen = p[*reader].record(id).await;
            seen.is_ok_and(|r| r.attachment_list.iter().all(|a| a.complete))
        })
        .await;
    }
}

/// Everything that names anything of a session.
pub fn names_of(p: &Partnership, insiders: &[&Insider]) -> Needles {
    let mut needles = Needles::default();
    for text in MARKERS.into_iter().chain([OFFICE, COMMITTEE, PARTNERSHIP, "An agreement for tests"]) {
        needles.text(text);
    }
    needles.id("the partnership's id", &p.id.0, p.id);
    let space = derive::space_of_all(&p.id);
    needles.id("the space's id", &space.0, space);
    let topic = derive::gossip_topic(&p.id);
    needles.id("the topic", &topic.0, topic);
    for org in &p.orgs {
        needles.id("an organisation's id", &org.0, org);
    }
    for (org, node, of) in insiders[0].membership(&p.id).nodes() {
        needles.id("a node's id", &node.0, node);
        needles.id("a transport identity", &of.card.transport.0, of.card.transport);
        needles.id("a log's id", &of.card.log.0, of.card.log);
        needles.raw("a prekey", &of.card.prekey);
        needles.id("a member", &org.0, org);
    }
    for insider in insiders {
        let keys = insider.keys(&p.id);
        needles.raw("the store's key", insider.secrets.store.key().as_ref());
        needles.raw("the node's key", insider.secrets.node.key().as_ref());
        needles.raw("the transport's key", keys.transport.key().as_ref());
        needles.raw("the log's key", keys.log.key().as_ref());
        needles.raw("the prekey's seed", keys.prekey.key().as_ref());
        for epoch in &keys.epochs {
            needles.raw("an epoch's key", epoch.key.key().as_ref());
            needles.raw("a door key", derive::door_key(&epoch.key.key()).as_ref());
            needles.id("an epoch's id", &epoch.id.0, epoch.id);
        }
    }
    needles
}

#[tokio::test]
async fn the_wire_holds_nothing_but_noise() {
    let (mut p, taps) = marked_session(RECORDS).await;
    let (one, two) = (Insider::seize(&mut p[0]).await, Insider::seize(&mut p[1]).await);
    let mut needles = names_of(&p, &[&one, &two]);
    for word in ["multistream", "libp2p", "/noise", "yamux", "gossipsub", "meshsub", "/e/1", "entente"] {
        // Short words occur in noise by chance about once in 2^32 bytes, at four letters.
        needles.text(word);
    }
    let calls: Vec<Call> = taps.iter().flat_map(Wiretap::calls).collect();
    let all: usize = calls.iter().map(|call| call.said.len() + call.answered.len()).sum();
    assert!(all > RECORDS * 1000, "the taps heard it all: {all} bytes");
    for call in &calls {
        for side in [&call.said, &call.answered] {
            needles.assert_absent("the wire", side);
            looks_random(side);
        }
    }
}

/// No byte is much more frequent than another, from the first message on, and no text shows.
fn looks_random(bytes: &[u8]) {
    let mut counts = [0_f64; 256];
    bytes.iter().for_each(|byte| counts[usize::from(*byte)] += 1.0);
    if bytes.len() >= 16 * 1024 {
        let expected = bytes.len() as f64 / 256.0;
        let chi: f64 = counts.iter().map(|n| (n - expected).powi(2) / expected).sum();
        // 255 degrees of freedom: 255 ± 23; seven standard deviations either way.
        assert!((95.0..415.0).contains(&chi), "chi² is {chi:.0} over {} bytes", bytes.len());
    }
    let longest = bytes.split(|b| !(0x20..0x7f).contains(b)).map(<[u8]>::len).max().unwrap_or_default();
    assert!(longest < 28, "{longest} printable bytes in a row");
}
