//! A newcomer that was given one record of the past, and wants the rest of it.

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
