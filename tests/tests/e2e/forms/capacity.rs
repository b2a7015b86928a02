//! Form 3: strengthen capacity.

use entente_tests::{PERMISSIVE, Partnership};
use serde_json::json;

use super::*;

fn expert(name: &str, declaration: &str, training: &str) -> Value {
    fields(
        "expert",
        json!({ "name": name, "expertise": ["medicine"], "declaration-until": declaration, "training-until": training }),
    )
}

fn plan(team: &[&str]) -> Value {
    fields("visit", json!({ "title": "Plan", "from": "2030-03-01", "until": "2030-03-02", "team": team }))
}

#[tokio::test]
async fn form_3_an_expert_whose_declaration_or_training_has_expired_cannot_be_put_on_a_visit_team() {
    let p = Partnership::of(&[NPM, RIGHTS]).await;
    let (npm, rights) = (&p[0], &p[1]);
    assert!(PERMISSIVE.contains("any"));
    // Civil society offers a training, a material and three people.
    let training = fields(
        "training",
        json!({ "title": "Istanbul Protocol", "from": "2027-02-01", "topics": ["health"] }),
    );
    let training = share(rights, training, &p.name, None).await;
    let good = share(rights, expert("Dr. A", "2031-01-01", "2031-01-01"), &p.name, None).await;
    let undeclared = share(rights, expert("Dr. B", "2030-03-01", "2031-01-01"), &p.name, None).await;
    let untrained = share(rights, expert("Dr. C", "2031-01-01", "2025-12-31"), &p.name, None).await;
    for id in [&training, &good, &undeclared, &untrained] {
        arrived(npm, id).await;
    }
    let roster = npm.cli(&["visit", "experts"]).await.done();
    let fit: Vec<(&str, bool)> = roster["experts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["name"].as_str().unwrap(), e["fit"].as_bool().unwrap()))
        .collect();
    assert_eq!(fit, [("Dr. A", true), ("Dr. B", true), ("Dr. C", false)]);

    let refused = new(npm, &plan(&[&good, &undeclared, &untrained])).await;
    refused.failed(5, "E-TEAM");
    let reasons = refused.json["error"].to_string();
    assert!(
        reasons.contains("Dr. B has a declaration") && reasons.contains("Dr. C has a training"),
        "{reasons}"
    );
    assert!(!reasons.contains("Dr. A"), "{reasons}");
    new(npm, &plan(&["aeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaq"])).await.failed(5, "E-TEAM");

    let visit = keep(npm, plan(&[&good])).await;
    let listed = npm.cli(&["visit", "list"]).await.done();
    assert_eq!(
        (&listed["visits"][0]["id"], &listed["visits"][0]["stage"]),
        (&json!(visit), &json!("planned"))
    );
    keep(npm, fields("visit", json!({ "title": "confirmed", "visit": visit, "confirmed": true }))).await;
    let listed = npm.cli(&["visit", "list"]).await.done();
    assert_eq!(listed["visits"][0]["stage"], "team-confirmed");
    assert_eq!(listed["visits"][0]["team"], json!(["Dr. A"]));
}
