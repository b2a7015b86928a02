//! Who may read little and wants more: a newcomer that was given one record of the past, a member that has not declared
//! confidentiality.

use std::collections::BTreeSet;
use std::time::Duration;

use entente_protocol::codec;
use entente_protocol::epoch;
use entente_protocol::history;
use entente_protocol::ids::{EpochId, LogId, Seq};
use entente_protocol::sync::Message;
use entente_tests::{PERMISSIVE, Partnership, TestNode, draft, join, wait_until};

use crate::hostile::{Hostile, door_of, transport_of};
use crate::insider::Insider;

#[tokio::test]
async fn a_newcomer_that_asks_for_more_than_it_was_granted_gets_nothing() {
    let p = Partnership::under(PERMISSIVE, &[("Ombudsman", "npm"), ("Old Committee", "cso")]).await;
    let mut old = Vec::new();
    for title in ["One", "Two", "Three"] {
        old.push(p[0].publish(draft("training", title), &p.name, None).await);
    }
    let mut newcomer = TestNode::start_new("New Committee", "cso").await;
    join(&p[0], &newcomer, &p.name).await;
    let granted = old[1].to_string();
    let grant = ["partnership", "grant-history", &p.name, "New Committee", "--record", &granted];
    p[0].cli(&grant).await.ok();
    wait_until("the granted record can be read", async || newcomer.record(old[1]).await.is_ok()).await;

    let insider = Insider::seize(&mut newcomer).await;
    let space = entente_protocol::derive::space_of_all(&p.id);
    let sealed: Vec<(EpochId, LogId, Seq)> = insider
        .all_entries(&p.id)
        .iter()
        .map(|entry| (entry.header.epoch, entry.header.log, entry.header.seq))
        .filter(|(epoch, ..)| insider.epoch_key(&p.id, epoch).is_none())
        .collect();
    assert!(sealed.len() >= 3, "it holds the others, sealed");
    let kept: BTreeSet<(LogId, Seq)> =
        insider.keys(&p.id).history.iter().flatten().map(|secret| (secret.log, secret.seq)).collect();
    assert_eq!(kept.len(), 1);

    let target = transport_of(&insider, &p.id, &p.orgs[0]);
    let mut hostile = Hostile::with_keys_of(&insider, &p.id, (target, door_of(&p[0]))).await;
    hostile.greet().await;
    let epochs: BTreeSet<EpochId> = sealed.iter().map(|(epoch, ..)| *epoch).collect();
    for epoch in &epochs {
        hostile.say(&Message::WantEpoch(space, *epoch)).await;
        for (_, log, seq) in &sealed {
            hostile.say(&Message::WantRecords(space, *epoch, vec![(*log, *seq)])).await;
        }
        let all: Vec<(LogId, Seq)> = sealed.iter().map(|(_, log, seq)| (*log, *seq)).collect();
        hostile.say(&Message::WantRecords(space, *epoch, all.repeat(100))).await;
    }
    let mut given = BTreeSet::new();
    for message in hostile.hear(Duration::from_secs(4)).await {
        match codec::decode::<Message>(&message) {
            Ok(Message::Epoch(header, _)) => {
                let header = header.verify_self(|h| h.minter.0).unwrap();
                assert!(!epochs.contains(&epoch::id_of(&header)), "a whole epoch of before was given");
            }
            Ok(Message::RecordKeys(keys)) => {
                let header = keys.header.verify_self(|h| h.minter.0).unwrap();
                let opened = history::open(&header, &keys, &insider.keys(&p.id).prekey_secret()).unwrap();
                given.extend(opened.iter().map(|one| (one.log, one.seq)));
            }
            _ => {}
        }
    }
    assert_eq!(given, kept, "what was granted, and it was answered at all");
}

#[tokio::test]
async fn who_has_not_declared_gets_no_key_whatever_it_asks_and_the_attempt_is_written_down() {
    let declaration = "[declaration]\ntext = \"I keep what I learn.\"\nroles = [\"cso\"]\nvalid_days = 30\n";
    let members = [("Ombudsman", "npm"), ("Curious Committee", "network"), ("Honest Network", "network")];
    let mut p = Partnership::under(&format!("{PERMISSIVE}\n{declaration}"), &members).await;
    let before = p[0].publish(draft("training", "Before"), &p.name, None).await;
    wait_until("as a network it reads", async || p[1].record(before).await.is_ok()).await;
    // In its new role a declaration comes first.
    p[0].cli(&["member", "role", &p.name, "Curious Committee", "cso"]).await.ok();
    wait_until("it knows its role", async || {
        let seen = p[1].partnership(&p.name).await.unwrap();
        seen.members_now.iter().any(|m| m.ourselves && m.role.as_str() == "cso")
    })
    .await;
    let after = p[0].publish(draft("training", "For who declared"), &p.name, None).await;

    let honest = Insider::seize(&mut p[0]).await;
    let all = honest.all_entries(&p.id);
    honest.close();
    p[0].start().await;
    let insider = Insider::seize(&mut p[1]).await;
    let space = entente_protocol::derive::space_of_all(&p.id);
    let places = all.iter().map(|entry| (entry.header.epoch, entry.header.log, entry.header.seq));
    let sealed: Vec<(EpochId, LogId, Seq)> =
        places.filter(|(epoch, ..)| insider.epoch_key(&p.id, epoch).is_none()).collect();
    assert!(!sealed.is_empty(), "there is something that it cannot read");
    let target = transport_of(&insider, &p.id, &p.orgs[0]);
    let mut hostile = Hostile::with_keys_of(&insider, &p.id, (target, door_of(&p[0]))).await;
    hostile.greet().await;
    for (epoch, log, seq) in &sealed {
        for _ in 0..20 {
            hostile.say(&Message::WantEpoch(space, *epoch)).await;
        }
        hostile.say(&Message::WantRecords(space, *epoch, vec![(*log, *seq)])).await;
    }
    for message in hostile.hear(Duration::from_secs(4)).await {
        if let Ok(Message::Epoch(header, _)) = codec::decode::<Message>(&message) {
            let header = header.verify_self(|h| h.minter.0).unwrap();
            let id = epoch::id_of(&header);
            assert!(sealed.iter().all(|(epoch, ..)| *epoch != id), "a key was given to who has not declared");
        }
        assert!(
            !matches!(codec::decode::<Message>(&message), Ok(Message::RecordKeys(..))),
            "a record's key was given"
        );
    }
    let audit = p[0].cli(&["audit", "show", &p.name]).await.done();
    let denied: Vec<_> =
        audit["happened"].as_array().unwrap().iter().filter(|one| one["kind"] == "denied").collect();
    // The node was started anew once; within a life it writes it down once.
    assert!((1..=2).contains(&denied.len()), "however often it asks: {audit}");
    assert_eq!(denied[0]["who"], "Curious Committee");
    assert!(p[0].record(after).await.is_ok());

    // Its own program declares, and reads.
    insider.close();
    p[1].start().await;
    p[1].cli(&["partnership", "declare", &p.name, "--person", "N. N."]).await.ok();
    wait_until("the author knows that it declared", async || {
        let seen = p[0].partnership(&p.name).await.unwrap();
        seen.members_now.iter().all(|member| member.no_key.is_none())
    })
    .await;
    let open = p[0].publish(draft("training", "Now"), &p.name, None).await;
    wait_until("who declared reads", async || p[1].record(open).await.is_ok()).await;
}
