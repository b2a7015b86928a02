//! A raid: the only node of an organisation is taken while it runs, and the organisation comes back.
//!
//! Told in order: a partnership of three; the office of one is raided, and whoever took its machine goes on in its
//! name; with the root key from a stick and a door that a partner opens, a new machine comes in, revokes the old
//! one, and reads what the organisation could read. The old one has all its keys, and gets nothing.

use std::time::Duration;

use entente_node::clock;
use entente_node::door::{DoorKey, Way, knock};
use entente_protocol::envelope;
use entente_protocol::ids::{RecordId, Timestamp};
use entente_protocol::{codec, derive};
use entente_tests::{Home, PASSPHRASE, Partnership, TestNode, draft, wait_until};
use serde_json::Value;

use crate::hostile::{Hostile, door_of, hello, transport_of};
use crate::insider::{Insider, place_of};

fn rfc3339(time: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(i64::try_from(time.0).unwrap()).unwrap().to_string()
}

async fn reads(node: &TestNode, id: RecordId) {
    wait_until(&format!("{} reads a record", node.name()), async || node.record(id).await.is_ok()).await;
}

async fn codes(node: &TestNode) -> Vec<String> {
    node.sync_status().await.quarantined.into_iter().map(|q| q.code).collect()
}

/// A node on a fresh machine, made with the root key from a stick.
pub(crate) async fn fresh_machine(raided: &TestNode) -> TestNode {
    let stick = raided.home().path().join("organisation.key");
    let home = Home::empty(raided.name());
    std::fs::copy(stick, home.beside("stick.key")).unwrap();
    let listen = format!("/ip4/127.0.0.1/tcp/{}", home.port());
    let stick = home.beside("stick.key").display().to_string();
    let words = ["init", "--name", raided.name(), "--kind", "cso", "--country", "XA", "--listen", &listen];
    home.cli(&[words.as_slice(), &["--recover-root", &stick]].concat()).await.ok();
    TestNode::start_in(home).await
}

#[tokio::test]
async fn an_organisation_whose_only_node_was_seized_comes_back_and_the_thief_gets_nothing_later() {
    let mut p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso"), ("Network", "network")]).await;
    let theirs = p[1].publish(draft("submission", "Before the raid"), &p.name, None).await;
    let ours = p[0].publish(draft("material", "To all, before"), &p.name, None).await;
    let between = p[0].publish(draft("material", "To Rights alone"), &p.name, Some(&["Rights"])).await;
    for (node, record) in [(0, theirs), (2, theirs), (1, ours), (2, ours), (1, between)] {
        reads(&p[node], record).await;
    }
    let old_node = p[1].status().await.node.unwrap().to_string();

    // The raid. Whoever holds the machine now has its passphrase too, and goes on in its name.
    let raid = clock::now();
    let forged = p[1].publish(draft("submission", "We withdraw everything"), &p.name, None).await;
    for reader in [0, 2] {
        reads(&p[reader], forged).await;
    }

    // A fresh machine, the root key from a stick, and a door that any partner may open.
    let fresh = fresh_machine(&p[1]).await;
    assert_eq!(fresh.status().await.organisation.unwrap().id, p.orgs[1], "the same organisation");
    let door = p[2].cli(&["partnership", "office", &p.name, "Rights"]).await.done();
    let invitation = door["invitation"].as_str().unwrap();
    let stranger = TestNode::start_new("Stranger", "cso").await;
    stranger.cli(&["partnership", "join", invitation, "--yes"]).await.failed(5, "E-ORGANISATION");
    let joined = fresh.cli(&["partnership", "join", invitation, "--yes"]).await.done();
    assert_eq!(joined["state"], "member", "the root key vouches; nobody has to approve");
    for record in [ours, theirs, between] {
        reads(&fresh, record).await;
    }

    // It revokes the old node, and learns what that could read.
    let at = rfc3339(raid);
    let stick = fresh.home().beside("stick.key").display().to_string();
    let revoke = ["key", "revoke", &old_node, "--seized-at", &at, "--reason", "raid", "--root-key", &stick];
    let revoked = fresh.cli(&revoke).await.done();
    let exposed: Vec<&str> = revoked["exposed"]["partnerships"][0]["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["title"].as_str().unwrap())
        .collect();
    for title in ["Before the raid", "To all, before", "To Rights alone"] {
        assert!(exposed.contains(&title), "{exposed:?}");
    }

    // Partners hear of it: what was signed since is kept and not shown, what was signed before stays.
    for reader in [0, 2] {
        let node = &p[reader];
        wait_until(&format!("{} hears of it", node.name()), async || !node.status().await.revoked.is_empty())
            .await;
        wait_until("what the thief wrote is gone", async || node.record(forged).await.is_err()).await;
        assert!(node.record(theirs).await.is_ok());
        assert!(codes(node).await.contains(&"E-SEIZED".to_owned()));
        let seen = &node.status().await.revoked[0];
        assert_eq!((seen.organisation.id, seen.seized_at), (p.orgs[1], Some(raid)));
        let told: Value = node.cli(&["key", "exposed", &old_node]).await.done();
        assert!(told.to_string().contains("Before the raid") && !told.to_string().contains("We withdraw"));
    }

    // The thief goes on; nobody listens, nobody lets it in, and its keys open nothing that comes.
    let insider = Insider::seize(&mut p[1]).await;
    let later = p[0].publish(draft("material", "After the raid"), &p.name, None).await;
    reads(&fresh, later).await;
    reads(&p[2], later).await;
    is_let_in_nowhere(&p, &fresh, &insider).await;
    opens_nothing_later(&mut p, &insider).await;
    p[0].start().await;

    // The same from the journal alone.
    p[2].reindex().await;
    assert!(p[2].record(forged).await.is_err() && p[2].record(theirs).await.is_ok());
    assert!(codes(&p[2]).await.contains(&"E-SEIZED".to_owned()));

    // And the organisation goes on.
    let back = fresh.publish(draft("submission", "We are back"), &p.name, None).await;
    for reader in [0, 2] {
        reads(&p[reader], back).await;
    }
}

/// With all the keys of the seized machine and a program of its own.
async fn is_let_in_nowhere(p: &Partnership, fresh: &TestNode, thief: &Insider) {
    for node in [&p[0], &p[2], fresh] {
        let org = node.status().await.organisation.unwrap().id;
        let target = transport_of(thief, &p.id, &org);
        let mut hostile = Hostile::with_keys_of(thief, &p.id, (target, door_of(node))).await;
        assert!(!hostile.connected_within(Duration::from_secs(6)).await, "{}", node.name());
        assert!(!hostile.say(&hello(1)).await);
        hostile.net.shutdown().await;
        for epoch in &thief.keys(&p.id).epochs {
            let key = DoorKey(derive::door_key(&epoch.key.key()));
            let Ok(mut stream) = knock(&Way::new(None).unwrap(), &door_of(node).into(), &key, &target).await
            else {
                continue;
            };
            let _cut_off = entente_node::door::send_msg(&mut stream, &codec::encode(&hello(1)), 1024).await;
        }
    }
}

async fn opens_nothing_later(p: &mut Partnership, thief: &Insider) {
    let id = p.id;
    let had: Vec<_> = thief.all_entries(&id).iter().map(|e| e.header.payload).collect();
    let honest = Insider::seize(&mut p[0]).await;
    let later: Vec<_> =
        honest.all_entries(&id).into_iter().filter(|e| !had.contains(&e.header.payload)).collect();
    assert!(!later.is_empty());
    for entry in &later {
        for key in &thief.keys(&id).epochs {
            assert!(
                envelope::open(entry.payload.as_ref().unwrap(), &place_of(entry), &key.key.key()).is_err()
            );
        }
    }
    honest.close();
}

#[tokio::test]
async fn a_second_office_comes_in_by_two_lines_of_text_and_reads_what_its_organisation_could() {
    let p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    let before = p[0].publish(draft("material", "Before the second office"), &p.name, None).await;
    reads(&p[1], before).await;
    let organisation = p.orgs[1].to_string();
    let second = Home::empty("Rights, second office");
    let listen = format!("/ip4/127.0.0.1/tcp/{}", second.port());
    let asked = second.cli(&["node", "request", "--organisation", &organisation, "--listen", &listen]).await;
    let request = asked.done()["request"].as_str().unwrap().to_owned();
    p[0].cli(&["node", "certify", &request]).await.failed(2, "usage");
    let granted = p[1].cli(&["node", "certify", &request]).await.done();
    let grant = granted["grant"].as_str().unwrap();
    assert_eq!(granted["partnerships"][0], p.name);
    Home::empty("Finder").cli(&["node", "accept", grant]).await.failed(3, "no-request");
    second.cli(&["node", "accept", grant]).await.ok();
    let second = TestNode::start_in(second).await;
    wait_until("it comes in by itself", async || second.partnership(&p.name).await.is_ok()).await;
    reads(&second, before).await;
    let here = second.publish(draft("submission", "From the second office"), &p.name, None).await;
    reads(&p[0], here).await;
    reads(&p[1], here).await;
    let listed = p[1].cli(&["node", "list"]).await.done();
    assert_eq!(listed["nodes"].as_array().unwrap().len(), 2);
    // The older office revokes the newer without the root key, at once and without a time.
    let node = second.status().await.node.unwrap().to_string();
    p[0].cli(&["key", "revoke", &p.orgs[0].to_string()]).await.failed(3, "not-found");
    p[1].cli(&["key", "revoke", &node, "--reason", "the office closed"]).await.ok();
    wait_until("it knows", async || {
        second.partnership(&p.name).await.is_ok_and(|seen| seen.revoked.len() == 1)
    })
    .await;
    assert!(p[0].record(here).await.is_ok(), "what it wrote before stays");
    assert!(codes(&p[0]).await.is_empty());
    let _ = PASSPHRASE;
}
