//! Notes of a visit beyond its declared team (C4): a member of the team runs a modified node, and an NPM does.

use entente_protocol::audience::{Audience, NamedReaders};
use entente_protocol::handling::Sensitivity;
use entente_protocol::ids::{OrgId, RecordId};
use entente_protocol::record::Content;
use entente_protocol::value::Value;
use entente_tests::{Partnership, TestNode, draft, wait_until};
use serde_json::json;

use crate::insider::{Forge, Insider, content};

const NPM: &str = "Preventive Office";
const ON_TEAM: &str = "Crooked Committee";
const OUTSIDE: &str = "Honest Network";

const AGREEMENT: &str = r#"
version = 1
title = "Visits together"
form = "within-npm"
start = 2020-01-01
roles = ["npm", "cso", "network"]
[[flow]]
from = ["npm", "cso", "network"]
kinds = ["material", "submission", "expert", "visit", "notes"]
to = "any"
[ceiling]
sensitivity = ["named", "partnership"]
personal_data = "allowed"
onward = "ask"
"#;

async fn partnership() -> Partnership {
    Partnership::under(AGREEMENT, &[(NPM, "npm"), (ON_TEAM, "cso"), (OUTSIDE, "network")]).await
}

fn named(of: entente_tests::DraftBuilder) -> entente_tests::DraftBuilder {
    of.sensitivity(Sensitivity::Named)
}

fn notes(visit: Option<RecordId>) -> Content {
    let mut content = Content { sensitivity: Sensitivity::Named, ..content("notes", "FORGED notes") };
    content.fields.extend(visit.map(|id| ("visit".to_owned(), Value::Text(id.to_string()))));
    content
}

fn readers(orgs: &[OrgId]) -> Audience {
    Audience::Named(NamedReaders::new(orgs.iter().copied()).unwrap())
}

async fn knows(node: &TestNode, id: RecordId) {
    wait_until("the record arrives", async || node.record(id).await.is_ok()).await;
}

/// An entry of an organisation in the roster, which the NPM has.
async fn person(p: &Partnership, of: usize) -> RecordId {
    let entry = draft("expert", "Dr. A").field("name", json!("Dr. A"));
    let entry = p[of].publish(entry, &p.name, None).await;
    knows(&p[0], entry).await;
    entry
}

fn plan(team: &[RecordId]) -> entente_tests::DraftBuilder {
    let team: Vec<String> = team.iter().map(RecordId::to_string).collect();
    named(draft("visit", "Plan").field("from", json!("2030-03-01")).field("team", json!(team)))
}

async fn codes(node: &TestNode) -> Vec<String> {
    node.sync_status().await.quarantined.into_iter().map(|q| q.code).collect()
}

#[tokio::test]
async fn a_modified_node_shows_notes_of_a_visit_to_nobody_outside_the_declared_team() {
    let mut p = partnership().await;
    let [npm, committee, network] = [p.orgs[0], p.orgs[1], p.orgs[2]];
    let doctor = person(&p, 1).await;
    let visit = p[0].publish(plan(&[doctor]), &p.name, Some(&[ON_TEAM])).await;
    knows(&p[1], visit).await;
    // The circles in which it will lie.
    let other = named(draft("submission", "To the network"));
    let other = p[1].publish(other, &p.name, Some(&[OUTSIDE])).await;
    p[1].publish(named(draft("submission", "To both")), &p.name, Some(&[NPM, OUTSIDE])).await;

    let insider = Insider::seize(&mut p[1]).await;
    let mut pair = [committee, network];
    pair.sort_unstable();
    let mut forge = Forge::in_circle(&insider, p.id, &pair);
    // Of the visit; of none; in reply to something else.
    let replying = Content { replies_to: Some(other), ..notes(None) };
    for (number, content) in [notes(Some(visit)), notes(None), replying].into_iter().enumerate() {
        let parts = forge.sign_with(&content, readers(&[network]), [number as u8; 16]);
        forge.put(&parts);
    }
    forge.commit();
    let mut three = [npm, committee, network];
    three.sort_unstable();
    let mut forge = Forge::in_circle(&insider, p.id, &three);
    let parts = forge.sign_with(&notes(Some(visit)), readers(&[npm, network]), [9; 16]);
    forge.put(&parts);
    forge.commit();
    insider.close();
    p[1].start().await;

    // Its own program is not fooled either; the NPM is on the team, and refuses what another has too.
    for (node, expected) in [(0, 1), (1, 4), (2, 4)] {
        wait_until("all are set aside", async || codes(&p[node]).await.len() == expected).await;
        assert!(codes(&p[node]).await.iter().all(|code| code == "E-NOT-ON-TEAM"), "{node}");
        for words in [["record", "list"].as_slice(), &["record", "search", "FORGED"]] {
            let told = p[node].cli(words).await;
            assert!(!told.stdout.contains("FORGED notes"), "{words:?}: {}", told.stdout);
        }
    }
    p[2].reindex().await;
    assert_eq!(codes(&p[2]).await.len(), 4, "an index that is made anew says the same");
    // What goes to the team is shown, and what its program is asked for is refused with who is not on it.
    let good = named(draft("notes", "Seen").field("visit", json!(visit.to_string())));
    let good = p[1].publish(good, &p.name, Some(&[NPM])).await;
    knows(&p[0], good).await;
}

#[tokio::test]
async fn notes_that_came_before_their_plan_are_shown_once_it_says_that_their_reader_is_on_the_team() {
    let mut p = partnership().await;
    let [committee, network] = [p.orgs[1], p.orgs[2]];
    let team = [person(&p, 1).await, person(&p, 2).await];
    let draft_plan = p[0].keep(plan(&team)).await.unwrap();
    p[1].publish(named(draft("submission", "To the network")), &p.name, Some(&[OUTSIDE])).await;

    let insider = Insider::seize(&mut p[1]).await;
    let mut pair = [committee, network];
    pair.sort_unstable();
    let mut forge = Forge::in_circle(&insider, p.id, &pair);
    let parts = forge.sign_with(&notes(Some(draft_plan)), readers(&[network]), [3; 16]);
    let early = parts.verify().unwrap().id();
    forge.put(&parts);
    forge.commit();
    insider.close();
    p[1].start().await;
    wait_until("they wait", async || codes(&p[2]).await == ["E-NOT-ON-TEAM"]).await;
    p[2].restart().await;
    let shared = p[0].share(draft_plan, &p.name, Some(&[ON_TEAM, OUTSIDE])).await.unwrap();
    assert_eq!(shared.record, draft_plan);
    knows(&p[2], early).await;
    assert!(codes(&p[2]).await.is_empty());
}

#[tokio::test]
async fn a_modified_npm_shows_the_plan_of_a_visit_to_nobody_outside_its_team() {
    let mut p = partnership().await;
    let [npm, committee, network] = [p.orgs[0], p.orgs[1], p.orgs[2]];
    p[0].publish(named(draft("material", "To the network")), &p.name, Some(&[OUTSIDE])).await;
    let insider = Insider::seize(&mut p[0]).await;
    let mut pair = [npm, network];
    pair.sort_unstable();
    let mut forge = Forge::in_circle(&insider, p.id, &pair);
    let mut forged = Content { sensitivity: Sensitivity::Named, ..content("visit", "FORGED plan") };
    forged.fields.push(("team-organisations".into(), Value::List(vec![Value::Text(committee.to_string())])));
    forge.put(&forge.sign_with(&forged, readers(&[network]), [4; 16]));
    forge.commit();
    insider.close();
    p[0].start().await;
    for node in [0, 2] {
        wait_until("it is set aside", async || codes(&p[node]).await == ["E-NOT-ON-TEAM"]).await;
    }
}
