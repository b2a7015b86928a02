//! Form 6: a formal partnership within the NPM.

use entente_node::frames::{Draft, Frame};
use entente_protocol::audience::Audience;
use entente_protocol::value::Value as FieldValue;
use entente_tests::{Partnership, draft, wait_until};
use serde_json::json;

use crate::insider::{Forge, Insider, content};

use super::*;

const AGREEMENT: &str = r#"
version = 1
title = "Within the NPM"
form = "within-npm"
start = 2026-01-01
roles = ["npm", "cso"]
[[flow]]
from = ["npm"]
kinds = ["visit", "visit-report"]
to = ["cso"]
[[flow]]
from = ["cso"]
kinds = ["contribution", "divergent-view"]
to = "any"
[ceiling]
sensitivity = ["named", "partnership", "public"]
personal_data = "never"
onward = "never"
[visits]
contribution_days = 15
divergent_views = "carried"
"#;

const VIEW: &str = "We saw the same, and call it ill-treatment.";

#[tokio::test]
async fn form_6_the_final_report_carries_a_divergent_view_as_it_was_signed_or_it_cannot_be_issued() {
    let p = Partnership::under(AGREEMENT, &[NPM, RIGHTS, WATCH]).await;
    let (npm, rights, watch) = (&p[0], &p[1], &p[2]);
    let visit = json!({ "kind": "visit", "sensitivity": "named", "fields": { "title": "Visit", "place": "№ 8",
        "from": "2026-09-01", "until": "2026-09-02" } });
    let visit = share(npm, visit, &p.name, Some("Rights,Watch")).await;
    arrived(rights, &visit).await;
    arrived(watch, &visit).await;
    let late = |by: &str| owed("contribution", by, true);
    assert_eq!(due(npm).await, [late("Rights"), late("Watch")], "fifteen days after the visit are over");
    let sent = json!({ "kind": "contribution", "sensitivity": "named", "fields": { "visit": visit, "text": "Cells." } });
    let sent = share(watch, sent, &p.name, Some("Ombudsman")).await;
    arrived(npm, &sent).await;
    assert_eq!(due(npm).await, [late("Rights")]);

    // The report was drafted before the view arrived: it cannot be issued so.
    let report = |more: Value| {
        let mut fields = json!({ "title": "Report", "visit": visit, "summary": "S", "findings": ["F"] });
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "kind": "visit-report", "sensitivity": "partnership", "fields": fields })
    };
    let early = keep(npm, report(json!({}))).await;
    let view = json!({ "kind": "divergent-view", "sensitivity": "partnership", "fields": { "visit": visit, "text": VIEW } });
    let view = share(rights, view, &p.name, None).await;
    arrived(npm, &view).await;
    let to_all = ["--partnership", &p.name];
    let preview = npm.cli(&[&["record", "preview", &early][..], &to_all].concat()).await.done();
    assert_eq!(preview["refusals"][0]["code"], "E-DIVERGENT");
    npm.cli(&[&["record", "share", &early, "--yes"][..], &to_all].concat()).await.failed(5, "E-DIVERGENT");
    // For the check of facts it is no matter yet.
    share(npm, report(json!({ "stage": "fact-check" })), &p.name, None).await;

    // Written anew, the node puts the signed view in. Nobody changes a word of it.
    let written = keep(npm, report(json!({}))).await;
    let shown = npm.cli(&["record", "show", &written]).await.done();
    let carried =
        shown["fields"].as_array().unwrap().iter().find(|f| f[0] == "divergent-views").unwrap()[1].clone();
    assert_eq!(
        (&carried[0]["text"], &carried[0]["author"], &carried[0]["record"]),
        (&json!(VIEW), &json!("Rights"), &json!(view))
    );
    let mut softened = carried.clone();
    softened[0]["text"] = json!("We saw the same.");
    let softened = keep(npm, report(json!({ "divergent-views": softened }))).await;
    npm.cli(&[&["record", "share", &softened, "--yes"][..], &to_all].concat()).await.failed(5, "E-DIVERGENT");
    npm.cli(&[&["record", "share", &written, "--yes"][..], &to_all].concat()).await.ok();
    for node in [rights, watch] {
        let seen = arrived(node, &written).await;
        assert!(seen.to_string().contains(VIEW), "{seen}");
        wait_until("the visit is reported", async || {
            node.cli(&["visit", "list"]).await.json["visits"][0]["stage"] == "reported"
        })
        .await;
    }
}

#[tokio::test]
async fn a_modified_npm_cannot_make_others_show_a_view_that_it_softened() {
    let mut p = Partnership::under(AGREEMENT, &[NPM, RIGHTS]).await;
    let visit = json!({ "kind": "visit", "sensitivity": "named", "fields": { "title": "Visit" } });
    let visit = share(&p[0], visit, &p.name, Some("Rights")).await;
    arrived(&p[1], &visit).await;
    let view = json!({ "kind": "divergent-view", "sensitivity": "partnership", "fields": { "visit": visit, "text": VIEW } });
    let view = share(&p[1], view, &p.name, None).await;
    arrived(&p[0], &view).await;
    let report = fields("visit-report", json!({ "title": "Report", "visit": visit, "summary": "S" }));
    let report = keep(&p[0], report).await;
    let shown = p[0].cli(&["record", "show", &report]).await.done();
    let mut softened =
        shown["fields"].as_array().unwrap().iter().find(|f| f[0] == "divergent-views").unwrap()[1].clone();
    softened[0]["text"] = json!("We saw the same.");

    let insider = Insider::seize(&mut p[0]).await;
    let mut forge = Forge::new(&insider, p.id);
    let mut forged = content("visit-report", "Softened report");
    forged.fields.push(("divergent-views".into(), FieldValue::from_json(&softened).unwrap()));
    let parts = forge.sign(&forged, Audience::Everyone);
    forge.put(&parts);
    forge.commit();
    insider.close();
    p[0].start().await;
    let honest = p[0].publish(draft("visit-report", "Honest again"), &p.name, None).await;
    wait_until("the honest report arrives", async || p[1].record(honest).await.is_ok()).await;
    let quarantined = p[1].sync_status().await.quarantined;
    assert!(quarantined.iter().any(|it| it.code == "E-DIVERGENT"), "{quarantined:?}");
    assert!(p[1].records().await.iter().all(|r| r.title != "Softened report"));
}

#[tokio::test]
async fn corrections_of_facts_stand_beside_the_draft_and_change_nothing_in_it() {
    let mut p = Partnership::under(AGREEMENT, &[NPM, RIGHTS]).await;
    let report = fields(
        "visit-report",
        json!({ "title": "Report", "stage": "fact-check", "summary": "S",
        "findings": ["Cell 4 holds six.", "No doctor."] }),
    );
    let report = keep(&p[0], report).await;
    let before = draft_bytes(&mut p[0], &report).await;
    let npm = &p[0];

    let correct =
        ["visit", "correct", &report, "--authority", "Prison Service", "--text", "Cell 4 holds two."];
    npm.cli(&[&correct[..], &["--part", "nowhere"]].concat()).await.failed(2, "usage");
    let said = npm.cli(&[&correct[..], &["--part", "findings"]].concat()).await.done();
    assert_eq!(said["draft"], true, "beside a draft it is a draft: {said}");
    let shown = npm.cli(&["visit", "corrections", &report]).await.done();
    assert_eq!(shown["corrections"].as_array().unwrap().len(), 1, "{shown}");
    assert_eq!(shown["corrections"][0]["id"], said["record"]);
    assert!(shown["report"]["about"]["progress"].to_string().contains("beside it: 1"), "{shown}");
    let other = keep(npm, fields("visit-report", json!({ "title": "Another" }))).await;
    let none = npm.cli(&["visit", "corrections", &other]).await.done();
    assert_eq!(none["corrections"], json!([]));
    assert!(draft_bytes(&mut p[0], &report).await == before, "not a byte of the draft changed");
}

/// The frame of a draft in the journal, to the byte. The node is started again.
async fn draft_bytes(node: &mut TestNode, id: &str) -> Vec<u8> {
    let insider = Insider::seize(node).await;
    let org = insider.me.org();
    let of = |draft: &Draft| entente_protocol::derive::record_id(&org, &draft.nonce).to_string() == id;
    let bytes = insider.frames().iter().find_map(|frame| match frame {
        Frame::Draft(draft) if of(draft) => Some(frame.to_bytes().to_vec()),
        _ => None,
    });
    insider.close();
    node.start().await;
    bytes.unwrap()
}
