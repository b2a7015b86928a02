//! Form 4: cooperate on specific activities.

use entente_protocol::agreement::Agreement;
use entente_tests::{invite, wait_until};
use serde_json::json;

use super::*;

const ACTIVITY: &str = "Joint visit, spring";

#[tokio::test]
async fn form_4_an_expert_opens_nothing_before_signing_and_gets_nothing_after_the_end_date() {
    let npm = TestNode::start_new("Ombudsman", "npm").await;
    let expert = TestNode::start_new("Dr. A", "other").await;
    let words = [
        "activity",
        "new",
        "--name",
        ACTIVITY,
        "--ends",
        "2027-06-30",
        "--objectives",
        "Health care in remand prisons",
    ];
    npm.cli(&words).await.ok();
    npm.cli(&["activity", "new", "--name", "X", "--ends", "2020-01-01", "--objectives", "Y"])
        .await
        .failed(2, "usage");

    // The expert joins; without its declaration it holds no key.
    let invitation = invite(&npm, ACTIVITY, "expert").await;
    expert.cli(&["partnership", "join", &invitation, "--yes"]).await.failed(5, "E-DECLARATION");
    let plan = fields("visit", json!({ "title": "Where and when", "place": "№ 8", "from": "2027-03-01" }));
    let before = keep(&npm, plan.clone()).await;
    npm.cli(&["record", "share", &before, "--partnership", ACTIVITY, "--readers", "Dr. A", "--yes"])
        .await
        .failed(3, "not-found");

    expert.cli(&["partnership", "join", &invitation, "--yes", "--person", "Dr. A"]).await.ok();
    npm.cli(&["partnership", "approve", ACTIVITY, "Dr. A"]).await.ok();
    wait_until("both are connected", async || {
        npm.partnership(ACTIVITY)
            .await
            .is_ok_and(|p| p.members_now.iter().any(|m| !m.ourselves && m.connected))
    })
    .await;
    let shown = npm.cli(&["activity", "show", ACTIVITY]).await.done();
    let member = shown["members"].as_array().unwrap().iter().find(|m| m["role"] == "expert").unwrap().clone();
    assert!(member["no_key"].is_null() && member["declared_until"].as_u64().is_some(), "{member}");

    // The NPM alone decides which places are visited, and its plan is for named readers.
    npm.cli(&["record", "share", &before, "--partnership", ACTIVITY, "--yes"]).await.failed(5, "E-OWN");
    let mut named = plan.clone();
    named["sensitivity"] = json!("named");
    let visit = share(&npm, named, ACTIVITY, Some("Dr. A")).await;
    arrived(&expert, &visit).await;
    let own =
        keep(&expert, json!({ "kind": "visit", "fields": { "title": "T" }, "sensitivity": "named" })).await;
    expert
        .cli(&["record", "share", &own, "--partnership", ACTIVITY, "--readers", "Ombudsman", "--yes"])
        .await
        .failed(5, "E-AUTHOR-ROLE");

    // The end comes earlier: a narrower limit holds at once, before the other has signed.
    let text = npm.partnership(ACTIVITY).await.unwrap().agreement.text;
    let today = Agreement::parse(&text).unwrap().start();
    let lines = text.lines().map(|line| match line.split_once(" = ").map(|(key, _)| key) {
        Some("start") => "start = 2026-01-01".to_owned(),
        Some("end") => "end = 2026-11-01".to_owned(),
        _ => line.to_owned(),
    });
    let ended = npm.home().beside("ended.toml");
    std::fs::write(&ended, lines.collect::<Vec<_>>().join("\n")).unwrap();
    assert!(today.begins().0 > 0);
    npm.cli(&["partnership", "agreement", "propose", ACTIVITY, ended.to_str().unwrap()]).await.ok();
    let mut late = fields("material", json!({ "title": "After the end" }));
    late["sensitivity"] = json!("partnership");
    let late = keep(&npm, late).await;
    npm.cli(&["record", "share", &late, "--partnership", ACTIVITY, "--yes"]).await.failed(5, "E-ENDED");
    assert_eq!(npm.cli(&["activity", "list"]).await.done()["activities"][0]["over"], true);
    arrived(&expert, &visit).await;
}
