//! Form 1: exchange information.

use entente_protocol::agreement::{Form, templates::template};
use entente_tests::{Partnership, wait_until};
use serde_json::json;

use super::*;

/// The formal template, with an exchange that was due last spring.
fn agreement() -> String {
    let exchange = "[[exchange]]\nwhat = \"Quarterly figures\"\nfrom = [\"cso\"]\nkinds = [\"baseline\"]\n\
                    every_days = 90\nfirst = 2026-03-31\n";
    format!("{}\n{exchange}", template(Form::Formal))
}

#[tokio::test]
async fn form_1_requests_submissions_feedback_and_reports_are_exchanged_and_what_is_late_is_overdue() {
    let p = Partnership::under(&agreement(), &[NPM, RIGHTS, WATCH]).await;
    let (npm, rights, watch) = (&p[0], &p[1], &p[2]);
    let late = [owed("exchange", "Rights", true), owed("exchange", "Watch", true)];
    assert_eq!(due(npm).await, late, "a regular exchange that has not happened is overdue");

    // The NPM asks one organisation; the day for the answer is past.
    let question = fields(
        "information-request",
        json!({ "question": "How many in remand prison 8?", "due": "2026-06-01" }),
    );
    let asked = share(npm, question, &p.name, Some("Rights")).await;
    arrived(rights, &asked).await;
    let mut all = due(rights).await;
    all.retain(|(what, ..)| what == "answer");
    assert_eq!(all, [owed("answer", "Rights", true)]);
    let mut answer =
        fields("baseline", json!({ "title": "Remand prison 8", "facts": ["412 persons"], "place": "№ 8" }));
    answer["replies_to"] = json!(asked);
    let answer = share(rights, answer, &p.name, Some("Ombudsman")).await;
    arrived(npm, &answer).await;
    // The baseline answers, and is the figures of this quarter as well.
    assert_eq!(due(npm).await.iter().filter(|d| d.1 == "Rights" && d.2).count(), 0);
    let shown = npm.cli(&["record", "show", &asked]).await.done();
    assert_eq!(shown["about"]["referred_by"][0]["record"], answer);

    // A submission for the NPM alone, and what came of it.
    let submission = json!({ "kind": "submission", "language": "ka", "sensitivity": "named",
        "fields": { "title": "ექიმი", "alleged-acts": "…", "urgency": "high", "source": "SECRET" } });
    let sent = share(rights, submission, &p.name, Some("Ombudsman")).await;
    assert!(!arrived(npm, &sent).await.to_string().contains("SECRET"));
    let mut feedback = fields("feedback", json!({ "text": "Taken up.", "outcome": "a visit is planned" }));
    feedback["replies_to"] = json!(sent);
    let feedback = share(npm, feedback, &p.name, Some("Rights")).await;
    arrived(rights, &feedback).await;

    // A report, from draft over the check of facts to publication.
    let report = json!({ "kind": "visit-report", "language": "en", "sensitivity": "partnership",
        "fields": { "title": "Remand prison 8", "summary": "S", "findings": ["F"], "stage": "fact-check" } });
    let report = share(npm, report, &p.name, None).await;
    assert_eq!(arrived(watch, &report).await["about"]["stage"], "fact-check");
    let published = json!({ "kind": "visit-report", "language": "en", "sensitivity": "public",
        "fields": { "title": "Remand prison 8, published", "report": report, "stage": "published" } });
    let published = share(npm, published, &p.name, None).await;
    arrived(watch, &published).await;
    for node in [npm, rights, watch] {
        wait_until("the report is published", async || {
            node.cli(&["record", "show", &report]).await.json["about"]["stage"] == "published"
        })
        .await;
    }
    // What was for two is not seen to exist by the third.
    for id in [&asked, &answer, &sent, &feedback] {
        watch.cli(&["record", "show", id]).await.failed(3, "not-found");
    }
    assert_eq!(due(watch).await, late[1..], "and asks it for nothing");
}

#[tokio::test]
async fn two_organisations_talk_without_any_form() {
    let p = Partnership::under(template(Form::Informal), &[RIGHTS, ("Neighbours", "cso")]).await;
    let question = json!({ "kind": "information-request", "sensitivity": "partnership", "fields": { "text": "Слышали ли вы об этом?" } });
    let asked = share(&p[0], question, &p.name, None).await;
    arrived(&p[1], &asked).await;
    assert_eq!(due(&p[1]).await, [], "who names no day is owed nothing");
}

#[tokio::test]
async fn a_draft_that_lacks_what_its_kind_needs_is_refused_with_reasons_and_odd_words_are_kept() {
    let node = TestNode::start_new("Rights", "cso").await;
    let refused =
        new(&node, &fields("shadow-information", json!({ "status": 1, "dat": "2026-01-01" }))).await;
    refused.failed(5, "E-FIELDS");
    let reasons = refused.json["error"].to_string();
    assert!(
        reasons.contains("`recommendation` is missing") && reasons.contains("`status` is the number 1"),
        "{reasons}"
    );
    let odd = new(&node, &fields("submission", json!({ "title": "T", "urgncy": "hig", "urgency": "hig" })))
        .await
        .done();
    let warnings = odd["warnings"].to_string();
    assert!(
        warnings.contains("did you mean `urgency`") && warnings.contains("did you mean `high`"),
        "{warnings}"
    );
    let future = new(&node, &fields("weather-report", json!({ "rain": true }))).await.done();
    let shown = node.cli(&["record", "show", future["record"].as_str().unwrap()]).await.done();
    assert_eq!(shown["fields"][0][0], "rain");

    // From the template to a record, by what is printed alone.
    let template = node.cli(&["record", "template", "place"]).await.done();
    new(&node, &template["draft"]).await.failed(5, "E-FIELDS");
    let mut filled = template["draft"].clone();
    filled["fields"] =
        json!({ "names": { "ka": "ციხე № 8", "en": "Prison 8" }, "category": "remand", "capacity": 412 });
    assert!(new(&node, &filled).await.done().get("warnings").is_none());
    let kinds = node.cli(&["record", "kinds"]).await.done();
    assert_eq!(kinds["kinds"].as_array().unwrap().len(), 31);
    node.cli(&["record", "template", "weather-report"]).await.failed(3, "not-found");
    let themes = node.cli(&["record", "vocabulary", "theme"]).await.done();
    assert!(themes.to_string().contains("health-care/mental-health"));
}
