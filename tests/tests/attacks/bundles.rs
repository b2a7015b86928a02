//! Bundles in the wrong hands: found, changed, made up, sealed anew, and brought when their time is over.

use std::path::{Path, PathBuf};

use entente_cli::client::route;
use entente_node::api::bundles::{NewBundle, TakeBundle};
use entente_node::api::types::Problem;
use entente_node::bundle::{BundleMade, BundleTaken};
use entente_node::clock::SystemRandom;
use entente_protocol::bundle::{Composer, FileKey, Reader, SLOT_LEN, open_slot, seal_slots};
use entente_protocol::codec;
use entente_protocol::ids::{NodeId, Timestamp};
use entente_protocol::sync::Message;
use entente_tests::{PERMISSIVE, Partnership, TestNode, draft, wait_until};
use zeroize::Zeroizing;

use crate::insider::Insider;
use crate::needles::Needles;

const SEALED: usize = 64 * 1024 + 16;

/// All of it: who is connected may have acknowledged everything already.
async fn export(node: &TestNode, file: &Path, to: &[&str]) -> BundleMade {
    let to = to.iter().map(|&org| org.to_owned()).collect();
    let wanted = NewBundle { file: file.to_owned(), to, all: true, ..NewBundle::default() };
    let made = node.client().post(&route(&["partnerships", "Prevention", "bundle"]), &wanted).await;
    made.unwrap_or_else(|e: Problem| panic!("{e:?}"))
}

async fn import(node: &TestNode, file: &Path) -> Result<BundleTaken, Problem> {
    let wanted = TakeBundle { file: file.to_owned(), partnership: None };
    node.client().post(&route(&["bundle", "import"]), &wanted).await
}

/// Files as a courier carries them.
fn stick() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bundle");
    (folder, file)
}

#[tokio::test]
async fn who_finds_a_bundle_learns_nothing_and_who_changes_it_gets_nothing_in() {
    let mut p = Partnership::of(&[("Preventive Office", "npm"), ("Rights Committee", "cso")]).await;
    let stranger = TestNode::start_new("Some Stranger", "cso").await;
    p[1].stop().await;
    let long = "MARKER-CARRIED ".repeat(10_000);
    let id = p[0].publish(draft("material", "MARKER-TITLE").field("text", long), &p.name, None).await;
    for n in 0..40 {
        p[0].publish(draft("material", &format!("Filling {n}")), &p.name, None).await;
    }
    let (_folder, file) = stick();
    let made = export(&p[0], &file, &[]).await;
    assert_eq!(made.entries, 41);
    let whole = std::fs::read(&file).unwrap();
    assert_eq!(whole.len() as u64, made.bytes);
    let mut needles = Needles::default();
    for text in
        ["MARKER-CARRIED", "MARKER-TITLE", "Preventive", "Committee", "Prevention", "entente", "material"]
    {
        needles.text(text);
    }
    needles.id("the partnership", p.id.as_bytes(), p.id).id("a record", id.as_bytes(), id);
    for org in &p.orgs {
        needles.id("an organisation", org.as_bytes(), org);
    }
    for n in 0..2 {
        let node = p[n].status_or_home().await;
        needles.id("a node", node.as_bytes(), node);
    }
    needles.assert_absent("the bundle", &whole);
    let refused = import(&stranger, &file).await.unwrap_err();
    assert_eq!((refused.code.as_str(), refused.exit), ("E-BUNDLE-NOT-OURS", 5));

    p[0].stop().await;
    p[1].start().await;
    let before = p[1].frames().await;
    let changed = file.with_extension("changed");
    let expect = async |bytes: &[u8], what: String| {
        std::fs::write(&changed, bytes).unwrap();
        let refused = import(&p[1], &changed).await.map(|taken| format!("{taken:?}")).unwrap_err();
        assert!(refused.code.starts_with("E-BUNDLE-"), "{what}: {refused:?}");
        assert!(!refused.next.is_empty() && refused.exit == 5, "{refused:?}");
    };
    for at in (4 * SLOT_LEN..whole.len()).step_by(9_973).chain([100, 1_130, whole.len() - 1]) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        expect(&bytes, format!("bit at {at}")).await;
    }
    for end in
        [0, 1, SLOT_LEN - 1, 4 * SLOT_LEN, 4 * SLOT_LEN + SEALED, whole.len() - SEALED, whole.len() - 1]
    {
        expect(&whole[..end], format!("cut at {end}")).await;
    }
    expect(&[whole.clone(), vec![0; 3 << 20]].concat(), "longer".into()).await;
    assert_eq!(p[1].frames().await, before, "nothing of it went in");
    // The bundle itself is good, and what surrounds it on the stick does it no harm.
    let taken = import(&p[1], &file).await.unwrap();
    assert_eq!((taken.entries, taken.missing.len()), (41, 0));
    assert!(p[1].record(id).await.is_ok());
    // A file of 300 MB of noise and one of zeroes cost neither memory nor the node.
    let memory = p[1].status().await.memory_bytes.unwrap_or(0);
    let huge = std::fs::File::create(&changed).unwrap();
    huge.set_len(300 << 20).unwrap();
    assert_eq!(import(&p[1], &changed).await.unwrap_err().code, "E-BUNDLE-NOT-OURS");
    let grown = p[1].status().await.memory_bytes.unwrap_or(0).saturating_sub(memory);
    assert!(grown < 64 << 20, "{grown} bytes more");
    assert!(import(&p[1], Path::new("/dev/null")).await.is_err());
}

/// A node's id, running or not.
trait NodeIdOf {
    async fn status_or_home(&self) -> NodeId;
}
impl NodeIdOf for TestNode {
    async fn status_or_home(&self) -> NodeId {
        let text = std::fs::read_to_string(self.home().beside("stdout.log")).unwrap();
        let ready: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        ready["node"].as_str().unwrap().parse().unwrap()
    }
}

/// What a bundle says, opened with a reader's keys.
fn opened(insider: &Insider, p: &Partnership, bytes: &[u8]) -> (FileKey, Vec<Vec<u8>>) {
    let secret = insider.keys(&p.id).prekey_secret();
    let mut slots = bytes.as_chunks::<SLOT_LEN>().0.iter();
    let key = slots.find_map(|slot| open_slot(slot, &secret)).unwrap();
    let mut reader = Reader::new(&key);
    let mut messages = Vec::new();
    let mut chunks = bytes[key.slots * SLOT_LEN..].chunks(SEALED).peekable();
    while let Some(chunk) = chunks.next() {
        reader.chunk(chunk, chunks.peek().is_none()).unwrap();
        while let Some(message) = reader.next_message().unwrap() {
            messages.push(message.to_vec());
        }
    }
    (key, messages)
}

#[tokio::test]
async fn a_bundle_that_a_reader_seals_anew_or_makes_up_is_refused_or_judged_like_its_own_word() {
    let mut p =
        Partnership::of(&[("Preventive Office", "npm"), ("False Committee", "cso"), ("Network", "network")])
            .await;
    p[2].stop().await;
    let id = p[0].publish(draft("material", "Before"), &p.name, None).await;
    let (_folder, file) = stick();
    export(&p[0], &file, &["False Committee"]).await;
    let bytes = std::fs::read(&file).unwrap();
    wait_until("it arrives", async || p[1].record(id).await.is_ok()).await;
    p[0].stop().await;
    let insider = Insider::seize(&mut p[1]).await;
    let (key, messages) = opened(&insider, &p, &bytes);
    let membership = insider.membership(&p.id);
    let third = membership.members[&p.orgs[2]].nodes.iter().next().unwrap();
    p[2].start().await;
    let before = p[2].frames().await;

    // The author's own bundle, for another: sealed anew for a third.
    let mut resealed = seal_slots(&key.key, &[&third.1.card.prekey], &mut SystemRandom).unwrap();
    resealed.extend(&bytes[key.slots * SLOT_LEN..]);
    std::fs::write(&file, resealed).unwrap();
    assert_eq!(import(&p[2], &file).await.unwrap_err().code, "E-BUNDLE-OTHER-NODE");

    // The same words in a bundle of the insider's own, which it may make: batches in the wrong order, and one
    // with a record changed.
    let key = Zeroizing::new([7; 32]);
    let make = |by: &ed25519_dalek::SigningKey, messages: &[Message]| {
        let mut out = seal_slots(&key, &[&third.1.card.prekey], &mut SystemRandom).unwrap();
        let mut composer = Composer::new(&key);
        for message in messages {
            out.extend(composer.message(message).unwrap());
        }
        out.extend(composer.sign((p.id, Timestamp(1)), vec![*third.0], by).unwrap());
        while let Some(chunk) = composer.padding().unwrap() {
            out.extend(chunk);
        }
        out
    };
    let said: Vec<Message> = messages.iter().map(|m| codec::decode(m).unwrap()).collect();
    let forged = |message: &Message| match message {
        Message::Batch(batch) => {
            let mut batch = batch.clone();
            batch.items[0].time = Timestamp(5);
            Some(Message::Batch(batch))
        }
        _ => None,
    };
    let forged: Vec<Message> = said.iter().filter_map(forged).collect();
    assert!(!forged.is_empty());
    std::fs::write(&file, make(&insider.me.key, &forged)).unwrap();
    let taken = import(&p[2], &file).await.unwrap();
    assert_eq!((taken.entries, taken.from.name.as_str()), (0, "False Committee"));
    assert_eq!(p[2].frames().await, before, "no forged entry went in");
    // By a key that is nobody's.
    let nobody = ed25519_dalek::SigningKey::from_bytes(&[3; 32]);
    std::fs::write(&file, make(&nobody, &said)).unwrap();
    assert_eq!(import(&p[2], &file).await.unwrap_err().code, "E-BUNDLE-AUTHOR");
    assert_eq!(p[2].frames().await, before);
    // What it may pass on arrives, as it would over the network: signed by its author.
    std::fs::write(&file, make(&insider.me.key, &said)).unwrap();
    assert_eq!(import(&p[2], &file).await.unwrap().entries, 1);
    insider.close();
}

#[tokio::test]
async fn a_bundle_of_another_partnership_or_replayed_after_a_removal_is_not_taken() {
    let p = Partnership::of(&[("Office", "npm"), ("Removed", "cso"), ("Network", "network")]).await;
    let mut p = {
        let Partnership { nodes, orgs, .. } = p;
        let second = Partnership::among(nodes, "Second", PERMISSIVE).await;
        Partnership { name: "Prevention".into(), orgs, ..second }
    };
    let (_folder, file) = stick();
    let wanted = NewBundle { file: file.clone(), ..NewBundle::default() };
    let made: Result<BundleMade, Problem> =
        p[0].client().post(&route(&["partnerships", "Second", "bundle"]), &wanted).await;
    made.unwrap();
    let elsewhere = TakeBundle { file: file.clone(), partnership: Some("Prevention".into()) };
    let refused: Result<BundleTaken, Problem> =
        p[1].client().post(&route(&["bundle", "import"]), &elsewhere).await;
    assert_eq!(refused.unwrap_err().code, "E-BUNDLE-OTHER-PARTNERSHIP");

    // The office is away; the one who is to be removed writes, and makes a bundle; the network makes one too.
    p[0].stop().await;
    let unseen = p[1].publish(draft("material", "Unseen by the office"), &p.name, None).await;
    wait_until("the network has it", async || p[2].record(unseen).await.is_ok()).await;
    let (_one, by_removed) = stick();
    let (_two, by_network) = stick();
    export(&p[1], &by_removed, &["Office"]).await;
    export(&p[2], &by_network, &["Office"]).await;
    p[1].stop().await;
    p[2].stop().await;
    p[0].start().await;
    let removed = p.orgs[1].to_string();
    p[0].cli(&["partnership", "remove", "Prevention", &removed, "--reason", "test"]).await.ok();
    assert_eq!(import(&p[0], &by_removed).await.unwrap_err().code, "E-BUNDLE-AUTHOR");
    let taken = import(&p[0], &by_network).await.unwrap();
    assert_eq!(taken.entries, 0, "{taken:?}");
    assert!(p[0].record(unseen).await.is_err(), "what the office had not seen when it removed the author");
}
