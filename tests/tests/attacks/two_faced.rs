//! An author with two faces: other entries at positions that it has already shown to somebody.

use entente_node::frames::Frame;
use entente_protocol::audience::Audience;
use entente_protocol::codec;
use entente_protocol::derive;
use entente_protocol::ids::{Hash, RecordId};
use entente_protocol::log::Batch;
use entente_protocol::sync::Message;
use entente_tests::{Partnership, TestNode, draft, wait_until, wait_until_within};
use std::time::Duration;

use crate::hostile::{Hostile, door_of, transport_of};
use crate::insider::{Forge, Insider, content, head_after};

#[tokio::test]
async fn a_log_rewritten_at_a_position_is_refused_by_who_has_the_first() {
    let members =
        [("Preventive Office", "npm"), ("Two-Faced Committee", "cso"), ("Honest Network", "network")];
    let mut p = Partnership::of(&members).await;
    let first = p[1].publish(draft("material", "The first face"), &p.name, None).await;
    for victim in [0, 2] {
        wait_until("all hold the first face", async || p[victim].record(first).await.is_ok()).await;
    }
    rewrite_last_entry(&mut p).await;
    p[1].start().await;
    let own = p[1].records().await;
    assert!(own.iter().any(|r| r.title == "FORGED second face"), "the author itself has the second face");
    let kept = p[1].keep(draft("material", "FORGED on the second face")).await.unwrap();
    // Refused already, if the others were faster.
    let second = p[1].share(kept, &p.name, None).await;
    p.wait_until_connected().await;
    // Another partner's records still arrive, at and beside the deceived ones.
    let other = p[2].publish(draft("material", "By a third"), &p.name, None).await;
    wait_until("honest partners are served", async || p[0].record(other).await.is_ok()).await;
    for victim in [0, 2] {
        wait_until("the deceived find out", async || flagged(&p[victim], "Two-Faced Committee").await).await;
        assert_eq!(p[victim].record(first).await.unwrap().summary.title, "The first face");
        if let Ok(second) = &second {
            assert!(p[victim].record(second.record).await.is_err(), "nothing of the second face is taken");
        }
        let all = p[victim].records().await;
        assert!(all.iter().all(|r| !r.title.contains("FORGED")), "{all:?}");
    }
    // Its own program learns of it too, and does not let its people write what nobody will read.
    wait_until("the author is told", async || !p[1].sync_status().await.two_faced.is_empty()).await;
    let kept = p[1].keep(draft("material", "To nobody")).await.unwrap();
    let refused = p[1].share(kept, &p.name, None).await.unwrap_err();
    assert_eq!((refused.code.as_str(), refused.exit), ("E-FORKED", 5), "{refused:?}");
}

/// Builds the store anew, with another record where the last one of the own log was.
async fn rewrite_last_entry(p: &mut Partnership) {
    let id = p.id;
    let home = p[1].home().path();
    let insider = Insider::seize(&mut p[1]).await;
    let mut frames = insider.frames();
    let log = Forge::new(&insider, id).log();
    let own = |f: &Frame| matches!(f, Frame::Entry(_, entry, _) if entry.header.log == log);
    let place = frames.iter().rposition(own).unwrap();
    let Frame::Entry(_, replaced, _) = &frames[place] else { unreachable!() };
    let mut forge = Forge::new(&insider, id);
    forge.head = entente_protocol::log::Head { next: replaced.header.seq, chain: replaced.header.prev };
    let parts = forge.sign(&content("material", "FORGED second face"), Audience::Everyone);
    forge.put(&parts);
    frames[place] = forge.frames()[0].clone();
    insider.rewrite(&home, &frames);
}

/// Does this node show that an organisation has two faces, and only that one, wherever it should?
async fn flagged(node: &TestNode, author: &str) -> bool {
    let shown: Vec<String> = node.sync_status().await.two_faced.into_iter().map(|t| t.author).collect();
    let members = node.partnership("Prevention").await.unwrap().members_now;
    let marked: Vec<String> =
        members.into_iter().filter(|m| m.two_faced).map(|m| m.organisation.name).collect();
    shown == [author] && marked == [author]
}

/// One entry at the end of a seized log, as a batch, and its record.
fn face(insider: &Insider, id: entente_protocol::ids::PartnershipId, title: &str) -> (RecordId, Batch) {
    let mut forge = Forge::new(insider, id);
    let parts = forge.sign(&content("material", title), Audience::Everyone);
    forge.put(&parts);
    let entries: Vec<_> = forge.frames().iter().filter_map(entry).collect();
    (parts.verify().unwrap().id(), Batch::pack(&entries).unwrap())
}

/// Shows a node a batch, as the seized member, until it holds the record.
async fn show(p: &Partnership, insider: &Insider, victim: usize, (record, batch): &(RecordId, Batch)) {
    let to = (transport_of(insider, &p.id, &p.orgs[victim]), door_of(&p[victim]));
    let mut hostile = Hostile::with_keys_of(insider, &p.id, to).await;
    hostile.greet().await;
    wait_until("the victim holds the face that it was shown", async || {
        hostile.say(&Message::Batch(batch.clone())).await;
        p[victim].record(record).await.is_ok()
    })
    .await;
}

/// F8.
#[tokio::test]
async fn every_honest_node_flags_an_author_with_two_faces_after_healing_and_keeps_both_entries() {
    let members = [
        ("Preventive Office", "npm"),
        ("Honest Network", "network"),
        ("Watch", "cso"),
        ("Two-Faced Committee", "cso"),
    ];
    let mut p = Partnership::of(&members).await;
    let common = p[3].publish(draft("material", "Common"), &p.name, None).await;
    for honest in 0..3 {
        wait_until("all hold what came before", async || p[honest].record(common).await.is_ok()).await;
    }
    let insider = Insider::seize(&mut p[3]).await;
    let faces = [face(&insider, p.id, "The left face"), face(&insider, p.id, "The right face")];
    // While they cannot talk, two of them are shown a face each.
    for honest in 0..3 {
        p[honest].stop().await;
    }
    for (victim, shown) in faces.iter().enumerate() {
        p[victim].start().await;
        show(&p, &insider, victim, shown).await;
        p[victim].stop().await;
    }
    for honest in 0..3 {
        p[honest].start().await;
    }
    for honest in 0..3 {
        wait_until("every honest node finds out", async || flagged(&p[honest], "Two-Faced Committee").await)
            .await;
        let verified = p[honest].cli(&["audit", "verify"]).await;
        assert_eq!(verified.code, 6, "{verified:?}");
        let codes: Vec<&str> =
            verified.json["findings"].as_array().unwrap().iter().filter_map(|f| f["code"].as_str()).collect();
        assert!(codes.contains(&"two-faced"), "{codes:?}");
    }
    for (victim, (record, _)) in faces.iter().enumerate() {
        // Both faces go by one id: what tells them apart is what they say.
        let held = p[victim].record(record).await.unwrap().summary.title;
        assert_eq!(held, ["The left face", "The right face"][victim], "each keeps what it had first");
    }
    let hashes: Vec<Hash> = faces.iter().map(|(_, batch)| batch_payload(batch)).collect();
    for honest in 0..3 {
        let held = Insider::seize(&mut p[honest]).await;
        let kept: Vec<_> = held
            .frames()
            .into_iter()
            .filter_map(|frame| match frame {
                Frame::Evidence(id, evidence, _) if id == p.id => Some(evidence.verify().unwrap()),
                _ => None,
            })
            .collect();
        assert_eq!(kept.len(), 1, "one evidence, kept once");
        let evidence = kept[0].evidence();
        let mut signed: Vec<Hash> =
            [&evidence.one, &evidence.other].map(|side| side.headers[0].payload).to_vec();
        signed.sort_unstable_by_key(|hash| hashes.iter().position(|h| h == hash));
        assert_eq!(signed, hashes, "both signed entries are kept");
        held.close();
    }
}

fn batch_payload(batch: &Batch) -> Hash {
    match &batch.items[0].body {
        entente_protocol::log::Body::Full(payload) => derive::payload_hash(payload),
        entente_protocol::log::Body::Erased(hash, _) => *hash,
    }
}

#[tokio::test]
async fn entries_that_do_not_continue_a_log_are_refused_whatever_order_they_come_in() {
    let mut p = Partnership::of(&[("Preventive Office", "npm"), ("Two-Faced Committee", "cso")]).await;
    let first = p[1].publish(draft("material", "The first face"), &p.name, None).await;
    wait_until("the first face arrives", async || p[0].record(first).await.is_ok()).await;
    let (id, office) = (p.id, p.orgs[0]);
    let insider = Insider::seize(&mut p[1]).await;
    let address = door_of(&p[0]);
    let mut hostile =
        Hostile::with_keys_of(&insider, &id, (transport_of(&insider, &id, &office), address)).await;
    hostile.greet().await;
    // A second face from the very beginning, and one that leaves a gap.
    let mut again = Forge::new(&insider, id);
    again.head = entente_protocol::log::Head::EMPTY;
    let mut gap = Forge::new(&insider, id);
    for forge in [&mut again, &mut gap] {
        for _ in 0..3 {
            let parts = forge.sign(&content("material", "FORGED"), Audience::Everyone);
            forge.put(&parts);
        }
    }
    for (forge, from) in [(&gap, 1), (&gap, 2), (&again, 1)] {
        let entries: Vec<_> = forge.frames()[from..].iter().filter_map(entry).collect();
        assert!(hostile.say(&Message::Batch(Batch::pack(&entries).unwrap())).await);
    }
    // In order at last, but with a signature that is not the log's.
    let entries: Vec<_> = gap.frames().iter().filter_map(entry).collect();
    let mut batch = Batch::pack(&entries).unwrap();
    batch.signature[7] ^= 1;
    assert!(hostile.say(&Message::Batch(batch)).await);
    // And payloads exchanged behind the signature.
    let mut batch = Batch::pack(&entries).unwrap();
    batch.items.swap(0, 1);
    assert!(hostile.say(&Message::Batch(batch)).await);
    // The honest continuation is still taken afterwards, in a session of its own.
    let mut honest = Forge::new(&insider, id);
    let parts = honest.sign(&content("material", "Honest again"), Audience::Everyone);
    honest.put(&parts);
    let entries: Vec<_> = honest.frames().iter().filter_map(entry).collect();
    assert_eq!(
        entries[0].header.prev,
        insider.entries(&honest.space, &honest.log()).last().map(|e| head_after(e).chain).unwrap()
    );
    let (record, batch) = (parts.verify().unwrap().id(), Batch::pack(&entries).unwrap());
    wait_until_within(Duration::from_secs(20), "the honest entry is taken", async || {
        hostile.say(&Message::Batch(batch.clone())).await;
        p[0].record(record).await.is_ok()
    })
    .await;
    // The second face from the beginning is a proof against its author: nothing more is taken after it.
    assert!(!flagged(&p[0], "Two-Faced Committee").await, "nothing was proved so far");
    let entries: Vec<_> = again.frames().iter().filter_map(entry).collect();
    let second = Batch::pack(&entries).unwrap();
    wait_until("it is found out", async || {
        hostile.say(&Message::Batch(second.clone())).await;
        flagged(&p[0], "Two-Faced Committee").await
    })
    .await;
    let titles: Vec<String> = p[0].records().await.into_iter().map(|r| r.title).collect();
    assert_eq!(titles.iter().filter(|t| t.contains("FORGED")).count(), 0, "{titles:?}");
    assert_eq!(derive::space_of_all(&id), honest.space);
    assert!(!codec::encode(&batch).is_empty());
}

fn entry(frame: &Frame) -> Option<entente_protocol::log::Entry> {
    match frame {
        Frame::Entry(_, entry, _) => Some(entry.clone()),
        _ => None,
    }
}
