//! Consent that gates publication (C1, C7), and sources that stay at home (C2): what the author's node refuses.

use entente_protocol::handling::{Handling, Onward, Sensitivity};
use entente_tests::{Partnership, TestNode, draft, wait_until};
use serde_json::json;

const NPM: &str = "Preventive Office";
const CSO: &str = "Open Committee";

const OPEN: &str = r#"
version = 1
title = "An open agreement"
form = "formal"
start = 2020-01-01
end = 2099-12-31
roles = ["npm", "cso"]
[[flow]]
from = ["npm", "cso"]
kinds = ["material", "submission", "notes", "visit-report"]
to = "any"
[ceiling]
sensitivity = ["named", "partnership", "public"]
personal_data = "allowed"
onward = "allowed"
"#;

async fn partners() -> Partnership {
    Partnership::under(OPEN, &[(NPM, "npm"), (CSO, "cso")]).await
}

fn about_somebody(consent: Option<&str>) -> Handling {
    Handling { personal_data: true, consent: consent.map(str::to_owned), ..Handling::default() }
}

/// Keeps a draft, and tells what the node answers to its preview and to its sharing: both the same.
async fn refused(node: &TestNode, p: &Partnership, draft: entente_tests::DraftBuilder) -> String {
    let id = node.keep(draft).await.unwrap().to_string();
    let preview = node.cli(&["record", "preview", &id, "--partnership", &p.name]).await;
    let shared =
        node.cli(&["record", "share", &id, "--partnership", &p.name, "--yes", "--expect-readers", "1"]).await;
    assert_eq!(shared.code, 5, "{shared:?}");
    let preview: serde_json::Value = serde_json::from_str(&preview.stdout).unwrap();
    let code = preview["refusals"][0]["code"].as_str().unwrap_or_else(|| panic!("{preview}")).to_owned();
    assert!(shared.stdout.contains(&code), "{shared:?}");
    shared.stdout
}

#[tokio::test]
async fn nothing_about_a_person_is_published_unless_a_recorded_consent_allows_just_that() {
    let mut p = partners().await;
    let public = |consent| {
        draft("material", "A story")
            .field("contact", json!("a village"))
            .handling(about_somebody(consent))
            .sensitivity(Sensitivity::Public)
    };
    let told = refused(&p[1], &p, public(None)).await;
    assert!(told.contains("E-CONSENT") && told.contains("the fields contact"), "{told}");
    // An unknown consent is none.
    let told = refused(&p[1], &p, public(Some("C-1"))).await;
    assert!(told.contains("E-CONSENT") && told.contains("unknown consent"), "{told}");
    let consent =
        |uses: &[&str]| draft("consent", "C-1").field("person", json!("Blue")).field("uses", json!(uses));
    // What is to be asked for is among what is owed, a restart later too; not what somebody dropped.
    let wanted = async |node: &TestNode| {
        let due = node.cli(&["due", "--ours"]).await.done()["due"].as_array().unwrap().clone();
        due.into_iter().filter(|due| due["what"] == "consent").collect::<Vec<_>>()
    };
    assert_eq!(wanted(&p[1]).await.len(), 2, "one for each draft");
    assert_eq!(wanted(&p[0]).await.len(), 0, "nobody else hears of it");
    p[1].restart().await;
    assert_eq!(p[1].cli(&["status"]).await.done()["owed"]["by_us"], 2);
    let first = wanted(&p[1]).await[0]["record"].as_str().unwrap().to_owned();
    p[1].cli(&["due", "--drop", &first]).await.ok();
    p[1].cli(&["due", "--drop", &first]).await.failed(3, "not-found");
    assert_eq!(wanted(&p[1]).await.len(), 1);
    let given = p[1].keep(consent(&["reports", "identifiable-publication"])).await.unwrap();
    assert_eq!(wanted(&p[1]).await.len(), 0, "the person has allowed it");
    p[1].publish(public(Some("C-1")), &p.name, None).await;
    // Narrowed: not published any more, and still shared among the members.
    let narrowed = consent(&["reports"]).field("changes", json!(given.to_string()));
    p[1].keep(narrowed).await.unwrap();
    let told = refused(&p[1], &p, public(Some("C-1"))).await;
    assert!(told.contains("E-CONSENT") && told.contains("identifiable-publication"), "{told}");
    let inside = |consent| draft("material", "A story").handling(about_somebody(consent));
    p[1].publish(inside(Some("C-1")), &p.name, None).await;
    // Withdrawn: not shared at all any more.
    let withdrawn = draft("consent", "C-1").field("changes", json!(given.to_string()));
    p[1].keep(withdrawn.field("withdrawn", json!(true))).await.unwrap();
    let told = refused(&p[1], &p, inside(Some("C-1"))).await;
    assert!(told.contains("E-CONSENT") && told.contains("was withdrawn"), "{told}");
}

#[tokio::test]
async fn a_text_that_names_a_recorded_source_is_refused_with_field_and_source_and_without_the_name() {
    let p = partners().await;
    let source =
        draft("source", "Blue").field("name", json!("ნინო ბერიძე")).field("pseudonym", json!("Blue"));
    let source = p[1].keep(source.field("contact", json!("+995 555 12 34 56"))).await.unwrap();
    for (field, text) in
        [("summary", "როგორც ბერიძემ თქვა"), ("text", "call 555-123-456"), ("anything", "Ნ ი ნ ო ბერიძე")]
    {
        let told = refused(&p[1], &p, draft("material", "Heard").field(field, json!(text))).await;
        assert!(told.contains("E-SOURCE") && told.contains(field), "{told}");
        assert!(told.contains(&source.short()) && !told.contains("ბერიძ"), "{told}");
    }
    // By the pseudonym, and in a field that stays at home, it is shared.
    let said = draft("submission", "Blue was beaten").field("source", json!("ნინო ბერიძე"));
    let said = said.sensitivity(Sensitivity::Named);
    let id = p[1].publish(said, &p.name, Some(&[NPM])).await;
    // Words beside the record are no way out either.
    let told = p[1].cli(&["record", "withdraw", &id.to_string(), "--reason", "ბერიძე asked", "--yes"]).await;
    assert!(told.code == 5 && told.stdout.contains("E-SOURCE"), "{told:?}");
    let file = p[1].home().beside("copy.entente");
    let redact = ["record", "redact", &id.to_string(), "--output", file.to_str().unwrap(), "--replace"];
    let told = p[1].cli(&[&redact[..], &["title=As ნინო ბერიძე said"]].concat()).await;
    assert!(told.code == 5 && told.stdout.contains("E-SOURCE") && !file.exists(), "{told:?}");
    // Who does not know the source is not told of it.
    p[0].publish(draft("material", "ბერიძე"), &p.name, None).await;
}

#[tokio::test]
async fn a_copy_of_what_tells_of_a_person_is_made_for_a_use_that_the_person_allowed() {
    let p = partners().await;
    let consent = |uses: &[&str]| draft("consent", "C-4").field("person", "Blue").field("uses", json!(uses));
    let given = p[1].keep(consent(&["reports", "anonymised-publication"])).await.unwrap();
    let handling = Handling { onward: Onward::Allowed, ..about_somebody(Some("C-4")) };
    let story = draft("material", "A story").field("contact", "a village").handling(handling);
    let id = p[1].publish(story, &p.name, None).await;
    wait_until("it arrives", async || p[0].record(id).await.is_ok()).await;
    let (id, n) = (id.to_string(), std::cell::Cell::new(0));
    let copy = async |node: &TestNode, verb: &str, purpose: &[&str]| {
        n.set(n.get() + 1);
        let file = node.home().beside(&format!("copy-{}.entente", n.get()));
        let file = file.to_str().unwrap();
        let how: &[&str] =
            if verb == "export" { &[file] } else { &["--fields", "contact", "--output", file] };
        let answer = node.cli(&[&["record", verb, &id], how, purpose].concat()).await;
        assert_eq!(std::fs::exists(file).unwrap(), answer.code == 0, "{answer:?}");
        answer
    };
    for node in [&p[0], &p[1]] {
        copy(node, "export", &[]).await.failed(2, "usage");
        copy(node, "export", &["--for", "advocacy"]).await.failed(5, "E-CONSENT");
        copy(node, "export", &["--for", "reports"]).await.ok();
        copy(node, "redact", &["--for", "judicial"]).await.failed(5, "E-CONSENT");
        copy(node, "redact", &[]).await.ok();
    }
    // Its author knows at once that the person thought again; the reader once it is told.
    p[1].keep(consent(&["reports"]).field("changes", json!(given.to_string()))).await.unwrap();
    copy(&p[1], "redact", &[]).await.failed(5, "E-CONSENT");
    copy(&p[1], "export", &["--for", "reports"]).await.ok();
    p[1].cli(&["record", "end-consent", "C-4"]).await.ok();
    wait_until("the reader is told", async || copy(&p[0], "export", &["--for", "reports"]).await.code == 5)
        .await;
}
