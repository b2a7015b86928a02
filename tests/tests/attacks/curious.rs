//! A partner in one partnership that wants to know of another one of the same node.

use std::time::Duration;

use entente_protocol::codec;
use entente_protocol::derive;
use entente_protocol::ids::{BlobId, LogId, Seq};
use entente_protocol::sync::{BlobMessage, Frontier, LogPoint, Message};
use entente_tests::{PERMISSIVE, Partnership, TestNode, draft, wait_until};

use crate::hostile::{Hostile, door_of, transport_of};
use crate::insider::Insider;
use crate::needles::{Needles, files_below};

#[tokio::test]
async fn a_partner_of_one_partnership_learns_nothing_of_another() {
    let office = TestNode::start_new("Preventive Office", "npm").await;
    let other = TestNode::start_new("Secret Committee", "cso").await;
    let mut second = Partnership::among(vec![office, other], "Secret Partnership", PERMISSIVE).await;
    let secret = publish_with_file(&second).await;
    let committee = second.nodes.pop().unwrap();
    let office = second.nodes.pop().unwrap();
    let curious = TestNode::start_new("Curious Committee", "cso").await;
    let mut first = Partnership::among(vec![office, curious], "First Partnership", PERMISSIVE).await;
    let shown = first[0].publish(draft("material", "For the curious"), &first.name, None).await;
    wait_until("the curious reads its own", async || first[1].record(shown).await.is_ok()).await;
    assert!(first[1].record(secret).await.is_err());

    // All that the curious holds, and all that it can make the office say.
    let curious = Insider::seize(&mut first[1]).await;
    let target = transport_of(&curious, &first.id, &first.orgs[0]);
    let mut hostile = Hostile::with_keys_of(&curious, &first.id, (target, door_of(&first[0]))).await;
    hostile.greet().await;
    // It may have been told of the other partnership's names by somebody: knowing them gives it nothing.
    let (needles, questions) = secrets_of(&mut first[0], second.id, &mut hostile).await;
    live_on(&first[0], &committee).await;
    for question in questions {
        assert!(hostile.say(&question).await, "hung up on before {question:?}");
    }
    for message in hostile.hear(Duration::from_secs(4)).await {
        needles.assert_absent("what the office said", &message);
        let said = codec::decode::<Message>(&message);
        let gave = matches!(said, Ok(Message::Blob(BlobMessage::Hashes(..) | BlobMessage::Chunk(..))));
        assert!(!gave, "an attachment of another partnership was given");
    }
    for frame in curious.frames() {
        needles.assert_absent("the journal of the curious", &frame.to_bytes());
    }
    needles.assert_absent("the vault of the curious", &curious.secrets.to_bytes());
    for file in files_below(&first[1].home().path()) {
        needles.assert_absent("a file of the curious", &std::fs::read(file).unwrap());
    }
    drop(committee);
}

/// The other partnership does all that makes traffic, while the curious listens.
async fn live_on(office: &TestNode, committee: &TestNode) {
    let name = "Secret Partnership";
    wait_until("they are connected", async || {
        office.partnership(name).await.unwrap().members_now.iter().any(|m| !m.ourselves && m.connected)
    })
    .await;
    for words in [
        &["member", "promote", name, "Secret Committee"][..],
        &["partnership", "suspend", name, "--reason", "SECRET-REASON", "--yes"],
        &["partnership", "resume", name],
        &["key", "rotate", name],
        &["member", "verify", name, "Secret Committee", "--start"],
    ] {
        office.cli(words).await.ok();
    }
    let later = office.publish(draft("material", "SECRET-LATER"), name, None).await;
    wait_until("the committee reads it", async || committee.record(later).await.is_ok()).await;
    committee.cli(&["audit", "acknowledge"]).await.ok();
}

async fn publish_with_file(p: &Partnership) -> entente_protocol::ids::RecordId {
    let file = p[0].home().beside("secret-file");
    std::fs::write(&file, "SECRET-CONTENTS".repeat(100)).unwrap();
    let attached = p[0].attach(&file).await.unwrap();
    let record = draft("material", "SECRET-TITLE").attachment(attached);
    p[0].publish(record, &p.name, None).await
}

/// Everything that belongs to the other partnership, and every question by which one might get at it.
async fn secrets_of(
    office: &mut TestNode,
    id: entente_protocol::ids::PartnershipId,
    hostile: &mut Hostile,
) -> (Needles, Vec<Message>) {
    let insider = Insider::seize(office).await;
    let mut needles = Needles::default();
    for text in [
        "Secret Committee",
        "Secret Partnership",
        "SECRET-TITLE",
        "SECRET-CONTENTS",
        "secret-file",
        "SECRET-REASON",
        "SECRET-LATER",
    ] {
        needles.text(text);
    }
    let space = derive::space_of_all(&id);
    needles.id("its id", &id.0, id);
    needles.id("its space", &space.0, space);
    let topic = derive::gossip_topic(&id);
    needles.id("its topic", &topic.0, topic);
    let mut questions = Vec::new();
    let mine = insider.me.org();
    for (org, node, of) in insider.membership(&id).nodes() {
        if org != mine {
            needles.id("its member", &org.0, org);
            needles.id("its member's node", &node.0, node);
        }
        needles.id("a transport identity in it", &of.card.transport.0, of.card.transport);
        needles.id("a log in it", &of.card.log.0, of.card.log);
        needles.raw("a prekey in it", &of.card.prekey);
        questions.extend(about_log(space, of.card.log));
    }
    for epoch in &insider.keys(&id).epochs {
        needles.id("an epoch of it", &epoch.id.0, epoch.id);
        needles.raw("a key of it", epoch.key.key().as_ref());
        questions.push(Message::WantEpoch(space, epoch.id));
        questions.push(Message::WantEpoch(derive::space_of_all(&other_partnership(&insider, id)), epoch.id));
    }
    for frame in insider.frames() {
        let entente_node::frames::Frame::Blob(known) = frame else { continue };
        if known.place.is_some_and(|(partnership, _)| partnership == id) {
            questions.extend(about_blob(known.blob));
        }
    }
    questions.extend([Message::WantActs(Vec::new()), Message::Heads(insider.graph(&id).heads())]);
    insider.close();
    office.start().await;
    hostile.greet().await;
    (needles, questions)
}

fn other_partnership(
    insider: &Insider,
    id: entente_protocol::ids::PartnershipId,
) -> entente_protocol::ids::PartnershipId {
    insider.secrets.partnerships.iter().map(|p| p.id).find(|p| *p != id).unwrap()
}

fn about_log(space: entente_protocol::ids::SpaceId, log: LogId) -> [Message; 2] {
    let logs = vec![LogPoint { log, next: Seq(0), certificate: None, chain: None }];
    [Message::WantLog(space, log, Seq(0)), Message::Frontier(Frontier { space, circle: None, logs })]
}

fn about_blob(blob: BlobId) -> [Message; 2] {
    [Message::Blob(BlobMessage::WantHashes(blob, 0)), Message::Blob(BlobMessage::WantChunk(blob, 0))]
}
