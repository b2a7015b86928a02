//! Records that are taken back, that expire, that are corrected; consents that end; what may be passed on.

use entente_node::api::types::Receipts;
use entente_protocol::handling::{Handling, Onward};
use entente_protocol::ids::{RecordId, Timestamp};
use entente_tests::{Partnership, TestNode, draft, wait_for, wait_until};
use serde_json::json;

use crate::insider::Insider;

const NPM: &str = "Preventive Office";
const CSO: &str = "Rights Georgia";

async fn partners() -> Partnership {
    Partnership::of(&[(NPM, "npm"), (CSO, "cso"), ("Network", "network")]).await
}

async fn arrived(node: &TestNode, record: RecordId) {
    wait_until("it has arrived", async || node.record(record).await.is_ok()).await;
}

async fn gone(node: &TestNode, record: RecordId) {
    wait_until("it is erased", async || node.record(record).await.is_err()).await;
}

async fn receipts(node: &TestNode, record: RecordId) -> Option<Receipts> {
    let told = node.cli(&["record", "receipts", &record.to_string()]).await;
    serde_json::from_value(told.json).ok()
}

#[tokio::test]
async fn a_withdrawn_record_is_erased_everywhere_and_signed_receipts_come_back() {
    let mut p = partners().await;
    let file = p[1].home().beside("scan.bin");
    std::fs::write(&file, b"SECRET SCAN").unwrap();
    let scan = p[1].attach(&file).await.unwrap();
    let record = draft("submission", "WITHDRAWN TITLE").field("text", "WITHDRAWN TEXT").attachment(scan);
    let id = p[1].publish(record, &p.name, Some(&[NPM])).await;
    let kept = p[1].publish(draft("submission", "What stays"), &p.name, Some(&[NPM])).await;
    arrived(&p[0], kept).await;
    wait_until("the attachment arrives", async || p[0].attachment(id, 0).await.is_ok()).await;
    // Only its author can.
    let text = id.to_string();
    let refused = p[0].cli(&["record", "withdraw", &text, "--reason", "no", "--yes"]).await;
    assert!(refused.code == 5 && refused.stdout.contains("E-NOT-AUTHOR"), "{refused:?}");
    // One reader is away, and hears of it when it is back.
    p[0].stop().await;
    p[1].cli(&["record", "withdraw", &text, "--reason", "it named a person", "--yes"]).await.ok();
    gone(&p[1], id).await;
    let waiting = wait_for("it is listed", async || receipts(&p[1], id).await).await;
    assert!(waiting.readers.iter().all(|r| r.confirmed.is_none() && r.reachable), "{waiting:?}");
    p[0].start().await;
    gone(&p[0], id).await;
    let done = wait_for("the receipt comes", async || {
        receipts(&p[1], id).await.filter(|found| found.readers.iter().all(|r| r.confirmed.is_some()))
    })
    .await;
    assert_eq!((done.cause.as_str(), done.reason.as_str()), ("withdrawn", "it named a person"));
    let names: Vec<&str> = done.readers.iter().map(|r| r.organisation.name.as_str()).collect();
    assert_eq!(names, [NPM], "{done:?}");
    // What is left on the disks, keys in hand, holds nothing of it.
    for n in [0, 1] {
        p[n].record(kept).await.unwrap();
        p[n].restart().await;
        p[n].record(kept).await.unwrap();
        assert!(p[n].record(id).await.is_err());
        let insider = Insider::seize(&mut p[n]).await;
        let readable: Vec<u8> = insider.frames().iter().flat_map(|frame| frame.to_bytes().to_vec()).collect();
        assert!(!readable.windows(9).any(|w| w == b"WITHDRAWN"));
        let opened = insider.all_entries(&p.id);
        let opened = opened.iter().filter_map(|entry| insider.read(&p.id, entry));
        assert!(opened.map(|parts| parts.verify().unwrap().id()).all(|found| found != id));
        insider.close();
    }
}

#[tokio::test]
async fn what_is_to_be_kept_no_longer_is_erased_by_every_reader() {
    let p = partners().await;
    let soon = Timestamp(entente_node::clock::now().0 + 6_000);
    let handling = Handling { keep_until: Some(soon), ..Handling::default() };
    let id = p[0].publish(draft("material", "For a moment").handling(handling), &p.name, None).await;
    arrived(&p[1], id).await;
    for n in [0, 1, 2] {
        gone(&p[n], id).await;
    }
    let done = wait_for("both receipts come", async || {
        receipts(&p[0], id).await.filter(|found| found.readers.iter().all(|r| r.confirmed.is_some()))
    })
    .await;
    assert_eq!((done.cause.as_str(), done.readers.len()), ("expired", 2));
}

#[tokio::test]
async fn a_correction_stands_beside_what_it_corrects_and_says_what_changed() {
    let p = partners().await;
    let first = draft("material", "Guide").field("text", "Thre steps").field("pages", 3);
    let id = p[0].publish(first, &p.name, None).await;
    arrived(&p[1], id).await;
    let file = p[0].home().beside("corrected.json");
    let text = json!({ "kind": "material", "fields": { "title": "Guide", "text": "Three steps" },
        "sensitivity": "partnership" });
    std::fs::write(&file, text.to_string()).unwrap();
    let (old, path) = (id.to_string(), file.to_str().unwrap());
    let theirs = p[1].cli(&["record", "correct", &old, path]).await;
    assert!(theirs.code == 5 && theirs.stdout.contains("E-NOT-AUTHOR"), "{theirs:?}");
    let made = p[0].cli(&["record", "correct", &old, path]).await.done();
    let new: RecordId = made["record"].as_str().unwrap().parse().unwrap();
    p[0].share(new, &p.name, None).await.unwrap();
    arrived(&p[1], new).await;
    for asked in [id, new] {
        let told = p[1].cli(&["record", "versions", &asked.to_string()]).await.done();
        let versions = told["versions"].as_array().unwrap();
        assert_eq!(versions.len(), 2, "{told}");
        assert_eq!(versions[1]["supersedes"], json!(id));
        let changes = versions[1]["changes"].as_array().unwrap();
        assert_eq!(changes.len(), 2, "{told}");
        assert_eq!(changes[0], json!({ "field": "pages", "before": 3, "now": null }));
        assert_eq!(changes[1], json!({ "field": "text", "before": "Thre steps", "now": "Three steps" }));
    }
}

#[tokio::test]
async fn who_asks_may_pass_on_what_its_author_granted_and_no_longer_once_consent_ends() {
    let p = partners().await;
    let handling = Handling { onward: Onward::Ask, consent: Some("C-7".into()), ..Handling::default() };
    let id = p[0].publish(draft("material", "On request").handling(handling), &p.name, None).await;
    arrived(&p[1], id).await;
    let (text, n) = (id.to_string(), std::cell::Cell::new(0));
    let export = async |node: &TestNode| {
        n.set(n.get() + 1);
        let file = node.home().beside(&format!("copy-{}.entente", n.get()));
        node.cli(&["record", "export", &text, file.to_str().unwrap()]).await
    };
    let told = export(&p[1]).await;
    assert!(
        told.code == 5 && told.stdout.contains("E-ONWARD") && told.stdout.contains("record ask"),
        "{told:?}"
    );
    p[1].cli(&["record", "ask", &text, "--for", "our annual report"]).await.ok();
    wait_until("the author sees the question", async || {
        p[0].record(id).await.is_ok_and(|r| r.said.iter().any(|said| said.contains("our annual report")))
    })
    .await;
    // Nobody grants what is not theirs.
    let forged = p[1].cli(&["record", "grant", &text, CSO]).await;
    assert!(forged.code == 5 && forged.stdout.contains("E-NOT-AUTHOR"), "{forged:?}");
    p[0].cli(&["record", "grant", &text, CSO, "--words", "without names"]).await.ok();
    wait_until("it may", async || export(&p[1]).await.code == 0).await;
    assert_eq!(export(&p[2]).await.code, 5, "the grant is to one organisation");
    p[0].cli(&["record", "end-consent", "C-7"]).await.ok();
    wait_until("it may not any more", async || {
        let told = export(&p[1]).await;
        told.code == 5 && told.stdout.contains("E-CONSENT")
    })
    .await;
    assert!(export(&p[0]).await.stdout.contains("E-CONSENT"), "it binds the author too");
    p[0].cli(&["record", "end-consent", "C-8"]).await.failed(3, "not-found");
}
