//! An author with two faces: other entries at positions that it has already shown to somebody.

use entente_node::frames::Frame;
use entente_node::store::{Store, StoreKey};
use entente_protocol::audience::Audience;
use entente_protocol::codec;
use entente_protocol::derive;
use entente_protocol::log::Batch;
use entente_protocol::sync::Message;
use entente_tests::{Partnership, draft, wait_until, wait_until_within};
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
    let second = p[1].publish(draft("material", "FORGED on the second face"), &p.name, None).await;
    p.wait_until_connected().await;
    // Another partner's records still arrive, at and beside the deceived ones.
    let other = p[2].publish(draft("material", "By a third"), &p.name, None).await;
    wait_until("honest partners are served", async || p[0].record(other).await.is_ok()).await;
    for victim in [0, 2] {
        assert_eq!(p[victim].record(first).await.unwrap().summary.title, "The first face");
        assert!(p[victim].record(second).await.is_err(), "nothing of the second face is taken");
        let all = p[victim].records().await;
        assert!(all.iter().all(|r| !r.title.contains("FORGED")), "{all:?}");
    }
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
    let key = StoreKey::from_bytes(insider.secrets.store.key());
    insider.close();
    for part in ["journal", "index"] {
        std::fs::remove_dir_all(home.join(part)).unwrap();
    }
    let (store, _) = Store::open(&home, &key).unwrap();
    store.journal.append(frames.iter().map(Frame::to_bytes).collect()).wait().unwrap();
    store.close().unwrap();
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
    for (forge, from) in [(&again, 0), (&gap, 1), (&gap, 2), (&again, 1)] {
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
