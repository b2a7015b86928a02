//! Form 6, and rule C4: what a visit's team writes down stays within the team.

use entente_tests::Partnership;
use serde_json::json;

use super::*;

const AGREEMENT: &str = r#"
version = 1
title = "Visits together"
form = "within-npm"
start = 2020-01-01
roles = ["npm", "cso"]
[[flow]]
from = ["npm", "cso"]
kinds = ["expert", "visit", "notes"]
to = "any"
[ceiling]
sensitivity = ["named", "partnership"]
personal_data = "allowed"
onward = "ask"
"#;

fn named(kind: &str, of: Value) -> Value {
    json!({ "kind": kind, "language": "en", "sensitivity": "named", "fields": of })
}

/// Keeps a draft; what its preview and its sharing say, which is the same. Nothing means that it was not refused.
async fn refused(node: &TestNode, p: &Partnership, draft: Value, readers: &str) -> Option<String> {
    let id = keep(node, draft).await;
    let to = ["--partnership", &p.name, "--readers", readers];
    let preview = node.cli(&[&["record", "preview", &id][..], &to].concat()).await.json;
    let code = preview["refusals"][0]["code"].as_str().map(str::to_owned);
    let shared = node.cli(&[&["record", "share", &id, "--yes"][..], &to].concat()).await;
    assert_eq!((shared.code == 5, code.is_some()), (code.is_some(), code.is_some()), "{preview} {shared:?}");
    code.map(|code| {
        assert!(shared.stdout.contains(&code), "{shared:?}");
        preview["refusals"].to_string()
    })
}

#[tokio::test]
async fn form_6_notes_of_a_visit_go_to_its_declared_team_and_the_preview_says_so() {
    let p = Partnership::under(AGREEMENT, &[NPM, RIGHTS, WATCH]).await;
    let (npm, rights, watch) = (&p[0], &p[1], &p[2]);
    let person = share(rights, fields("expert", json!({ "name": "Dr. A" })), &p.name, None).await;
    let other = share(watch, fields("expert", json!({ "name": "B" })), &p.name, None).await;
    arrived(npm, &person).await;
    arrived(npm, &other).await;
    let plan =
        |team: &[&String]| named("visit", json!({ "title": "Plan", "from": "2030-03-01", "team": team }));

    // The plan itself goes to nobody else.
    let told = refused(npm, &p, plan(&[&person]), "Rights,Watch").await.unwrap();
    assert!(told.contains("E-NOT-ON-TEAM") && told.contains("Watch") && !told.contains("Rights"), "{told}");
    let mut elsewhere = plan(&[&person]);
    elsewhere["fields"]["team-organisations"] = json!(["Nobody"]);
    assert!(refused(npm, &p, elsewhere, "Rights").await.unwrap().contains("no member of this partnership"));
    let visit = share(npm, plan(&[&person]), &p.name, Some("Rights")).await;
    arrived(rights, &visit).await;
    let listed = rights.cli(&["visit", "list"]).await.done();
    assert_eq!(listed["visits"][0]["team_organisations"], json!(["Ombudsman", "Rights"]));

    let notes = |visit: &String| named("notes", json!({ "visit": visit, "registers": ["12 entries"] }));
    for (readers, outside) in [("Watch", "Watch"), ("Ombudsman,Watch", "Watch")] {
        let told = refused(rights, &p, notes(&visit), readers).await.unwrap();
        assert!(told.contains("E-NOT-ON-TEAM") && told.contains(outside), "{told}");
    }
    let told = refused(watch, &p, notes(&visit), "Rights").await.unwrap();
    assert!(told.contains("cannot be read here"), "{told}");
    let kept = keep(rights, notes(&visit)).await;
    let preview =
        rights.cli(&["record", "preview", &kept, "--partnership", &p.name, "--readers", "Ombudsman"]).await;
    assert!(preview.stdout.contains("the declared team of the visit: Ombudsman, Rights"), "{preview:?}");
    let seen = share(rights, notes(&visit), &p.name, Some("Ombudsman")).await;
    arrived(npm, &seen).await;

    // The team becomes larger by a correction, which its new member reads; notes name what they can read.
    let mut larger = plan(&[&person, &other]);
    larger["supersedes"] = json!(visit);
    let larger = share(npm, larger, &p.name, Some("Rights,Watch")).await;
    arrived(rights, &larger).await;
    arrived(watch, &larger).await;
    let told = refused(rights, &p, notes(&visit), "Watch").await.unwrap();
    assert!(told.contains("E-NOT-ON-TEAM") && told.contains("share the plan"), "{told}");
    let to_all = share(rights, notes(&larger), &p.name, Some("Ombudsman,Watch")).await;
    arrived(watch, &to_all).await;
    arrived(npm, &to_all).await;

    // Where no team is declared there is the rule for everything confidential: readers, one by one.
    let without = share(npm, named("visit", json!({ "title": "Alone" })), &p.name, Some("Watch")).await;
    arrived(watch, &without).await;
    let kept = keep(watch, notes(&without)).await;
    let preview =
        watch.cli(&["record", "preview", &kept, "--partnership", &p.name, "--readers", "Ombudsman"]).await;
    assert!(preview.stdout.contains("declares no team"), "{preview:?}");
    let alone = share(watch, notes(&without), &p.name, Some("Ombudsman")).await;
    arrived(npm, &alone).await;
}
