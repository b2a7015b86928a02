//! A removed member: it has its old keys, all it ever received, and a program that says what it likes.

use std::collections::BTreeSet;
use std::time::Duration;

use entente_cli::client::route;
use entente_node::api::types::{AboutOrg, Problem};
use entente_node::door::{DoorKey, Way, knock};
use entente_node::frames::Frame;
use entente_protocol::derive;
use entente_protocol::envelope;
use entente_protocol::epoch;
use entente_protocol::ids::{ActId, OrgId, RecordId, Seq};
use entente_protocol::membership::{Act, verify_act};
use entente_protocol::sync::Message;
use entente_tests::{Partnership, TestNode, draft, invite, wait_until};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::hostile::{Hostile, door_of, hello, transport_of};
use crate::insider::{Insider, place_of};
use crate::wiretap::{Wiretap, tapped_node};

const LATER: usize = 100;

async fn remove(steward: &TestNode, partnership: &str, who: OrgId) {
    let about = AboutOrg { organisation: who.to_string(), reason: Some("test".into()) };
    let done: Result<Value, Problem> =
        steward.client().post(&route(&["partnerships", partnership, "remove"]), &about).await;
    done.unwrap_or_else(|e| panic!("{e:?}"));
}

async fn publish_later(p: &Partnership) -> Vec<RecordId> {
    let mut later = Vec::new();
    for number in 0..LATER {
        let by = if number % 2 == 0 { &p[0] } else { &p[2] };
        later.push(by.publish(draft("material", &format!("LATER {number}")), &p.name, None).await);
    }
    for reader in [0, 2] {
        wait_until("those who stayed read it", async || {
            let all = p[reader].records().await;
            later.iter().all(|id| all.iter().any(|r| r.id == *id))
        })
        .await;
    }
    later
}

#[tokio::test]
async fn a_removed_member_can_neither_read_nor_say_anything_later() {
    let (office, tap) = tapped_node("Preventive Office", "npm").await;
    let removed = TestNode::start_new("Removed Committee", "cso").await;
    let network = TestNode::start_new("Honest Network", "network").await;
    let mut p =
        Partnership::among(vec![office, removed, network], "Prevention", entente_tests::PERMISSIVE).await;
    let before = p[0].publish(draft("material", "Before"), &p.name, None).await;
    wait_until("the member reads", async || p[1].record(before).await.is_ok()).await;

    remove(&p[0], &p.name, p.orgs[1]).await;
    wait_until("all who stay know", async || {
        let mut known = true;
        for node in [&p[0], &p[2]] {
            known &= node.partnership(&p.name).await.unwrap().members_now.len() == 2;
        }
        known
    })
    .await;
    let later = publish_later(&p).await;
    // Its honest program kept what it had, and got nothing.
    assert!(p[1].record(before).await.is_ok());
    for id in &later {
        assert!(p[1].record(id).await.is_err());
    }
    // Something about members that comes after its removal.
    invite(&p[0], &p.name, "cso").await;
    let insider = Insider::seize(&mut p[1]).await;
    let may_know = decrypts_nothing(&mut p, &insider).await;
    p[0].start().await;
    is_told_of_its_removal_and_nothing_else(&p, &insider, &may_know).await;
    replays_are_not_answered(&p, answered(&tap)).await;
    let after = p[2].publish(draft("material", "The others go on"), &p.name, None).await;
    wait_until("the others go on", async || p[0].record(after).await.is_ok()).await;
}

/// The calls that were answered. One that never was (its key was not known yet) is as good as new.
fn answered(tap: &Wiretap) -> Vec<Vec<u8>> {
    tap.calls().into_iter().filter(|call| !call.answered.is_empty()).map(|call| call.said).collect()
}

/// Tries every key of the removed member's vault on every later entry, and its prekey on every later epoch.
/// Gives the acts that it may know.
async fn decrypts_nothing(p: &mut Partnership, removed: &Insider) -> BTreeSet<ActId> {
    let id = p.id;
    let mine: Vec<_> = removed.all_entries(&id).iter().map(|e| e.header.payload).collect();
    let honest = Insider::seize(&mut p[0]).await;
    let later: Vec<_> =
        honest.all_entries(&id).into_iter().filter(|e| !mine.contains(&e.header.payload)).collect();
    assert_eq!(later.len(), LATER, "the removed member received none of them");
    let keys = removed.keys(&id);
    assert!(!keys.epochs.is_empty());
    for entry in &later {
        assert!(honest.read(&id, entry).is_some(), "a member reads it");
        for key in &keys.epochs {
            let payload = entry.payload.as_ref().unwrap();
            assert!(envelope::open(payload, &place_of(entry), &key.key.key()).is_err());
            let mut elsewhere = place_of(entry);
            elsewhere.epoch = key.id;
            assert!(envelope::open(payload, &elsewhere, &key.key.key()).is_err());
        }
    }
    let mut slots = 0;
    for frame in honest.frames() {
        let Frame::Epoch(known) = frame else { continue };
        let header = known.header.verify_self(|h| h.minter.0).unwrap();
        if removed.epoch_key(&id, &epoch::id_of(&header)).is_some() {
            continue;
        }
        for slot in known.slots {
            slots += 1;
            assert_ne!(slot.node, removed.me.node(), "no slot is for it");
            assert!(epoch::open_slot(&header, &slot, &keys.prekey_secret()).is_err());
        }
    }
    assert!(slots > 0, "there is an epoch that the removed member does not know");
    let graph = honest.graph(&id);
    honest.close();
    let removal = graph.iter().find(|act| matches!(act.body().act, Act::Remove(_))).unwrap().id();
    let may_know: BTreeSet<ActId> = graph.ancestors(&removal).unwrap().into_iter().chain([removal]).collect();
    assert!(may_know.len() < graph.len(), "there are acts that came later");
    may_know
}

/// With all its keys and a program of its own, it may parley (S11), and whatever it asks for it gets the acts that put
/// it out.
async fn is_told_of_its_removal_and_nothing_else(
    p: &Partnership,
    removed: &Insider,
    may_know: &BTreeSet<ActId>,
) {
    let mut told = 0;
    for number in [0, 2] {
        let target = transport_of(removed, &p.id, &p.orgs[number]);
        let mut hostile = Hostile::with_keys_of(removed, &p.id, (target, door_of(&p[number]))).await;
        if hostile.connected_within(Duration::from_secs(8)).await {
            asks_for_everything(&hostile, removed, p, number).await;
            p[2].publish(draft("material", "While it listens"), &p.name, None).await;
            for said in hostile.hear(Duration::from_secs(3)).await {
                match entente_protocol::codec::decode::<Message>(&said) {
                    Ok(Message::Acts(acts)) => {
                        told += acts.len();
                        assert!(acts.iter().all(|act| may_know.contains(&verify_act(act).unwrap().id())));
                    }
                    Ok(Message::Parley(points) | Message::Heard(points)) => {
                        assert!(points.iter().all(|act| may_know.contains(act)));
                    }
                    said => panic!("{} says {said:?}", p[number].name()),
                }
            }
        }
        hostile.net.shutdown().await;
        // Behind the door, should an old key still open it, nobody listens to it.
        for epoch in &removed.keys(&p.id).epochs {
            let key = DoorKey(derive::door_key(&epoch.key.key()));
            let Ok(mut stream) =
                knock(&Way::new(None).unwrap(), &door_of(&p[number]).into(), &key, &target).await
            else {
                continue;
            };
            let bytes = entente_protocol::codec::encode(&hello(1));
            let _cut_off = entente_node::door::send_msg(&mut stream, &bytes, 1024).await;
        }
    }
    assert!(told > 0, "it was let in to hear of its removal");
    for node in [&p[0], &p[2]] {
        let seen = node.partnership(&p.name).await.unwrap();
        assert!(seen.members_now.iter().all(|m| m.organisation.id != p.orgs[1]));
        assert_eq!(node.status().await.quarantined, 0);
    }
}

async fn asks_for_everything(hostile: &Hostile, removed: &Insider, p: &Partnership, of: usize) {
    let all = derive::space_of_all(&p.id);
    let membership = removed.membership(&p.id);
    let member = membership.members[&p.orgs[of]].nodes.iter().next().unwrap();
    let (node, log) = (*member.0, member.1.card.log);
    let epoch = removed.keys(&p.id).epochs.last().unwrap().id;
    let wanted = [
        hello(1),
        Message::WantActs(vec![]),
        Message::WantLog(all, log, Seq(0)),
        Message::WantProof(all, log, Seq(0)),
        Message::WantEpoch(all, epoch),
        Message::PrekeyPoints(vec![(node, 0)]),
    ];
    for message in &wanted {
        hostile.say(message).await;
    }
}

/// Recorded first messages, its own and others', get no byte, also after the node has restarted.
async fn replays_are_not_answered(p: &Partnership, recorded: Vec<Vec<u8>>) {
    assert!(recorded.len() > 2, "calls were recorded");
    let address = door_of(&p[0]);
    let tries = recorded.into_iter().filter(|said| said.len() >= 88).map(|said| {
        tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let _hung_up = stream.write_all(&said).await;
            let mut answer = Vec::new();
            let _cut = tokio::time::timeout(Duration::from_secs(12), stream.read_to_end(&mut answer)).await;
            answer.len()
        })
    });
    for answered in tries.collect::<Vec<_>>() {
        assert_eq!(answered.await.unwrap(), 0, "a replay was answered");
    }
}
