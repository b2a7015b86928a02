//! Why a partner has a record, or has not: each answer, on real nodes.

use entente_protocol::handling::Sensitivity;
use entente_protocol::ids::RecordId;
use entente_tests::{PERMISSIVE, Partnership, TestNode, draft, join, wait_until};
use serde_json::Value;

use crate::hostile::{Hostile, door_of, hello, transport_of};
use crate::insider::Insider;

const NPM: (&str, &str) = ("Ombudsman", "npm");
const RIGHTS: (&str, &str) = ("Rights", "cso");

async fn explain(node: &TestNode, id: RecordId, org: &str) -> Value {
    node.cli(&["sync", "explain", &id.to_string(), org]).await.done()
}

async fn code(node: &TestNode, id: RecordId, org: &str) -> String {
    explain(node, id, org).await["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn who_was_never_sent_it_who_has_it_and_who_has_been_away_is_told_apart() {
    let mut p = Partnership::of(&[NPM, RIGHTS, ("Watch", "cso")]).await;
    let kept = p[0].keep(draft("training", "Not yet")).await.unwrap();
    assert_eq!(code(&p[0], kept, "Rights").await, "never-shared");
    let named = draft("training", "For one").sensitivity(Sensitivity::Named);
    let named = p[0].publish(named, "Prevention", Some(&["Rights"])).await;
    assert_eq!(code(&p[0], named, "Watch").await, "not-a-reader");
    wait_until("it has it", async || code(&p[0], named, "Rights").await == "has-it").await;
    assert_eq!(code(&p[0], named, "Ombudsman").await, "has-it");
    p[1].cli(&["audit", "acknowledge"]).await.ok();
    p[1].stop().await;
    wait_until("it is gone", async || {
        p[0].sync_status().await.partners.iter().any(|s| s.organisation.name == "Rights" && !s.connected)
    })
    .await;
    let told = explain(&p[0], named, "Rights").await;
    assert!(told["words"].as_str().unwrap().contains("acknowledged"), "{told}");
    let late = p[0].publish(draft("training", "While it is away"), "Prevention", None).await;
    let told = explain(&p[0], late, "Rights").await;
    assert_eq!(told["code"], "offline", "{told}");
    assert!(told["words"].as_str().unwrap().contains("offline since"), "{told}");
    p[0].restart().await;
    assert_eq!(code(&p[0], named, "Rights").await, "has-it", "its receipt is kept");
    let told = explain(&p[0], late, "Rights").await;
    assert!(told["words"].as_str().unwrap().contains("its last acknowledgement came on"), "{told}");
    // Who comes later is not given the keys of before.
    let newcomer = TestNode::start_new("Newcomer", "cso").await;
    join(&p[0], &newcomer, "Prevention").await;
    let told = explain(&p[0], late, "Newcomer").await;
    assert_eq!(told["code"], "not-given", "{told}");
}

#[tokio::test]
async fn who_is_connected_and_behind_is_told_with_its_position() {
    let mut p = Partnership::of(&[NPM, RIGHTS]).await;
    // A slow partner: its keys, and a program that takes nothing.
    let insider = Insider::seize(&mut p[1]).await;
    let target = (transport_of(&insider, &p.id, &p.orgs[0]), door_of(&p[0]));
    let mut slow = Hostile::with_keys_of(&insider, &p.id, target).await;
    slow.connect().await;
    slow.say(&hello(entente_protocol::sync::VERSION)).await;
    p[0].publish(draft("training", "One"), "Prevention", None).await;
    let id = p[0].publish(draft("training", "Two"), "Prevention", None).await;
    p[0].publish(draft("training", "Three"), "Prevention", None).await;
    wait_until("it is connected, and behind", async || code(&p[0], id, "Rights").await == "behind").await;
    let told = explain(&p[0], id, "Rights").await;
    let words = told["words"].as_str().unwrap();
    assert!(words.contains("0 of 3 entries") && words.contains("number 2"), "{told}");
    insider.close();
}

#[tokio::test]
async fn a_partner_whose_policy_refuses_a_record_says_so_with_its_next_acknowledgement() {
    let narrow = PERMISSIVE.replace("\"named\", \"partnership\", \"public\"", "\"named\", \"partnership\"");
    let mut p = Partnership::of(&[NPM, RIGHTS]).await;
    p[1].stop().await;
    let file = p[0].home().beside("narrow.toml");
    std::fs::write(&file, &narrow).unwrap();
    let file = file.to_str().unwrap();
    p[0].cli(&["partnership", "agreement", "propose", "Prevention", file]).await.ok();
    p[0].stop().await;
    p[1].start().await;
    let public = draft("material", "For everybody").sensitivity(Sensitivity::Public);
    let id = p[1].publish(public, "Prevention", None).await;
    p[0].start().await;
    wait_until("it arrives and is refused", async || {
        p[0].sync_status().await.quarantined.iter().any(|q| q.code.contains("E-SENSITIVITY"))
    })
    .await;
    assert!(p[0].record(id).await.is_err());
    p[0].cli(&["audit", "acknowledge"]).await.ok();
    wait_until("its author is told", async || code(&p[1], id, "Ombudsman").await == "refused").await;
    let told = explain(&p[1], id, "Ombudsman").await;
    assert!(told["refusal"].as_str().unwrap().contains("E-SENSITIVITY"), "{told}");
    p[1].restart().await;
    assert_eq!(code(&p[1], id, "Ombudsman").await, "refused");
    let again = p[0].cli(&["audit", "acknowledge"]).await.done();
    assert_eq!(again["entries"].as_u64().unwrap_or(0), 0, "it is said once: {again}");
}
