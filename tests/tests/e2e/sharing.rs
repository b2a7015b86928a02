//! What is shared reaches whom it was meant for, and nobody else.

use std::path::Path;

use entente_protocol::handling::Sensitivity;
use entente_tests::{Partnership, TestNode, draft, join, wait_for, wait_until};
use serde_json::json;

#[tokio::test]
async fn a_record_arrives_with_its_fields_and_attachments_to_the_byte() {
    let p = Partnership::of(&[("Office of the Ombudsman", "npm"), ("კომიტეტი", "cso")]).await;
    let (npm, cso) = (&p[0], &p[1]);
    let sizes = [0, 1, 64 * 1024, 64 * 1024 + 1, 3 * 1024 * 1024];
    let mut record = draft("submission", "წინასწარი დაკავება")
        .field("text", "two\nlines \u{202e}and more")
        .field("count", -7)
        .field("urgent", true)
        .field("list", json!(["a", 2, false]))
        .field("table", json!({ "key": "value", "deep": [1] }));
    for (number, size) in sizes.into_iter().enumerate() {
        let path = cso.home().beside(&format!("file-{number}.bin"));
        std::fs::write(&path, bytes(size, number)).unwrap();
        record = record.attachment(cso.attach(&path).await.unwrap());
    }
    let written = record.clone().input();
    let id = cso.publish(record, &p.name, Some(&["Office of the Ombudsman"])).await;

    let seen = wait_for("the record and its attachments arrive", async || {
        npm.record(id).await.ok().filter(|r| r.attachment_list.iter().all(|a| a.complete))
    })
    .await;
    assert_eq!(seen.fields.into_iter().collect::<std::collections::BTreeMap<_, _>>(), written.fields);
    assert_eq!(seen.summary.author.id, p.orgs[1]);
    assert_eq!(seen.summary.author.name, "კომიტეტი");
    assert_eq!(seen.summary.partnership, Some(p.id));
    assert_eq!(seen.readers.len(), 2);
    assert!(seen.verified.contains("signed by კომიტეტი"), "{}", seen.verified);
    assert_eq!(seen.attachment_list.iter().map(|a| a.size).collect::<Vec<_>>(), sizes.map(|s| s as u64));
    for (number, size) in sizes.into_iter().enumerate() {
        let got = npm.attachment(id, number).await.unwrap();
        assert!(got == bytes(size, number), "attachment {number} of {size} bytes, got {}", got.len());
    }
    let saved = npm.home().beside("saved.bin");
    let words = ["attachment", "get", &id.to_string(), "4", saved.to_str().unwrap()];
    npm.cli(&words).await.ok();
    assert!(std::fs::read(&saved).unwrap() == bytes(sizes[4], 4));
    npm.cli(&["attachment", "get", &id.to_string(), "5", "none.bin"]).await.failed(3, "not-found");
    assert_ne!(npm.cli(&words).await.code, 0, "a file that is there is not written over");
}

/// Bytes without a pattern that a wrong order of chunks would hide in.
fn bytes(size: usize, seed: usize) -> Vec<u8> {
    let mut state = seed as u64 + 1;
    let next = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    });
    next.take(size).collect()
}

#[tokio::test]
async fn fields_that_stay_at_home_are_not_in_the_shared_copy() {
    let p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    let with_source = draft("submission", "Remand prison 8").field("source", "SECRET-SOURCE");
    let id = p[1].publish(with_source, &p.name, None).await;
    let seen = wait_for("the record arrives", async || p[0].record(id).await.ok()).await;
    assert_eq!(seen.fields, [("title".to_owned(), json!("Remand prison 8"))]);
}

#[tokio::test]
async fn of_five_members_only_the_two_named_can_read_and_the_others_see_nothing() {
    let names =
        [("Ombudsman", "npm"), ("Author", "cso"), ("Reader", "cso"), ("Other", "cso"), ("Last", "network")];
    let mut p = Partnership::of(&names).await;
    let others = [3, 4];
    let secret = "MARKER-TESTIMONY";
    let file = p[1].home().beside("photo.bin");
    std::fs::write(&file, b"MARKER-ATTACHED").unwrap();
    let attached = p[1].attach(&file).await.unwrap();
    let mut before = Vec::new();
    for other in others {
        before.push((p[other].frames().await, folder_size(&p[other].home().path().join("blobs"))));
    }

    let record = draft("submission", secret).sensitivity(Sensitivity::Named).attachment(attached);
    let id = p[1].publish(record, &p.name, Some(&["Ombudsman", "Reader"])).await;
    for reader in [0, 2] {
        wait_until("a named reader has all of it", async || {
            p[reader].record(id).await.is_ok_and(|r| r.attachment_list[0].complete)
        })
        .await;
        assert_eq!(p[reader].record(id).await.unwrap().readers.len(), 3);
    }
    // A record to all, on the same connections, comes behind it.
    let to_all = p[1].publish(draft("training", "For all"), &p.name, None).await;
    for restarted in [false, true] {
        for (other, before) in others.into_iter().zip(&before) {
            if restarted {
                p[other].restart().await;
            }
            let node = &p[other];
            wait_until("the record to all arrives", async || node.record(to_all).await.is_ok()).await;
            shows_nothing(node, &id.to_string(), secret).await;
            assert_eq!(node.frames().await, before.0 + 1, "the record to all is the only new frame");
            assert_eq!(folder_size(&node.home().path().join("blobs")), before.1, "no attachment came");
            assert_eq!(node.records().await.len(), 1);
        }
        if restarted {
            break;
        }
        p[1].restart().await;
        p.wait_until_connected().await;
    }
    // After the reconnections, a third record to all: what came meanwhile would be there before it.
    p.wait_until_connected().await;
    let last = p[1].publish(draft("training", "For all again"), &p.name, None).await;
    for (other, before) in others.into_iter().zip(&before) {
        wait_until("the last record arrives", async || p[other].record(last).await.is_ok()).await;
        assert_eq!(p[other].frames().await, before.0 + 2);
        shows_nothing(&p[other], &id.to_string(), secret).await;
    }
    let told = p[1].cli(&["sync", "explain", &id.to_string(), "Other"]).await.done();
    assert_eq!(told["code"], "not-a-reader");
}

async fn shows_nothing(node: &TestNode, id: &str, secret: &str) {
    assert_eq!(node.record(id).await.unwrap_err().code, "not-found");
    assert_eq!(node.record(&id[..8]).await.unwrap_err().code, "not-found");
    node.cli(&["record", "show", id]).await.failed(3, "not-found");
    node.cli(&["attachment", "list", id]).await.failed(3, "not-found");
    for words in [&["record", "list"][..], &["record", "search", "MARKER"], &["sync", "status"], &["status"]]
    {
        let said = node.cli(words).await;
        said.ok();
        for mark in [id, secret, "submission"] {
            assert!(!said.stdout.contains(mark), "{} says `{mark}`: {}", words.join(" "), said.stdout);
        }
    }
    let found = node.cli(&["record", "search", secret]).await.done();
    assert_eq!(found["records"].as_array().unwrap().len(), 0);
    let sync = node.sync_status().await;
    assert!(sync.quarantined.is_empty(), "{sync:?}");
    assert!(sync.partners.iter().all(|partner| partner.ahead == 0), "no count tells of it: {sync:?}");
    let status = node.status().await;
    assert_eq!(status.quarantined, 0);
}

fn folder_size(path: &Path) -> u64 {
    let mut size = 0;
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        let path = entry.path();
        size += if path.is_dir() { folder_size(&path) } else { entry.metadata().unwrap().len() };
    }
    size
}

/// The NPM may send feedback to civil society, civil society submissions to the NPM; no more.
const STRICT: &str = r#"
version = 1
title = "A strict agreement"
form = "informal"
start = 2020-01-01
roles = ["npm", "cso"]

[[flow]]
from = ["cso"]
kinds = ["submission", "reprisal-allegation"]
to = ["npm"]

[[flow]]
from = ["npm"]
kinds = ["feedback"]
to = ["cso"]

[ceiling]
sensitivity = ["named", "partnership"]
personal_data = "never"
onward = "never"
"#;

#[tokio::test]
async fn what_the_agreement_or_the_author_forbids_does_not_leave_the_authors_node() {
    let p = Partnership::under(STRICT, &[("Ombudsman", "npm"), ("Rights", "cso"), ("Watch", "cso")]).await;
    let cso = &p[1];
    let before = cso.frames().await;
    // Kind, class, readers, exit code, error code.
    let cases: [(&str, &str, &[&str], i32, &str); 11] = [
        ("training", "named", &["--readers", "Ombudsman"], 5, "E-FLOW"),
        ("submission", "named", &["--readers", "Watch"], 5, "E-FLOW"),
        ("submission", "named", &["--readers", "Ombudsman,Watch"], 5, "E-FLOW"),
        ("submission", "partnership", &[], 5, "E-FLOW"),
        ("feedback", "named", &["--readers", "Ombudsman"], 5, "E-AUTHOR-ROLE"),
        ("submission", "public", &["--readers", "Ombudsman"], 5, "E-SENSITIVITY"),
        ("submission", "own", &["--readers", "Ombudsman"], 5, "E-OWN"),
        ("submission", "named", &["--readers", ""], 5, "E-NO-READER"),
        ("submission", "named", &["--readers", "Rights"], 5, "E-SELF-ONLY"),
        ("submission", "named", &["--readers", "Unknown Organisation"], 3, "not-found"),
        ("submission", "named", &["--readers", "Ombudsman", "--expect-readers", "2"], 5, "E-EXPECT"),
    ];
    for (kind, class, readers, exit, code) in &cases {
        let text = json!({ "kind": kind, "fields": { "title": "T" }, "sensitivity": class });
        let file = cso.home().beside("draft.json");
        std::fs::write(&file, text.to_string()).unwrap();
        let made = cso.cli(&["record", "new", file.to_str().unwrap()]).await.done();
        let mut words =
            vec!["record", "share", made["record"].as_str().unwrap(), "--partnership", "Prevention", "--yes"];
        words.extend(*readers);
        let refused = cso.cli(&words).await;
        assert_eq!(refused.code, *exit, "{kind} {class} {readers:?}: {refused:?}");
        let codes: Vec<&str> = std::iter::once(&refused.json["error"])
            .chain(refused.json["error"]["refusals"].as_array().into_iter().flatten())
            .filter_map(|r| r["code"].as_str())
            .collect();
        assert!(codes.contains(code), "{kind} {class} {readers:?} gives {codes:?}");
    }
    let personal = json!({ "kind": "submission", "fields": { "title": "T" }, "sensitivity": "named",
        "handling": { "personal_data": true } });
    std::fs::write(cso.home().beside("draft.json"), personal.to_string()).unwrap();
    let made = cso.cli(&["record", "new", "draft.json"]).await.done();
    let id = made["record"].as_str().unwrap();
    let readers = ["--partnership", "Prevention", "--readers", "Ombudsman"];
    let preview = cso.cli(&[&["record", "preview", id][..], &readers].concat()).await.done();
    assert_eq!(preview["refusals"][0]["code"], "E-PERSONAL-DATA");
    assert_eq!(preview["readers"].as_array().unwrap().len(), 0);
    cso.cli(&[&["record", "share", id, "--yes"][..], &readers].concat()).await.failed(5, "E-PERSONAL-DATA");

    let drafts = cases.len() as u64 + 1;
    assert_eq!(cso.frames().await, before + drafts, "only the drafts were kept");
    assert_eq!(cso.status().await.drafts, drafts);
    let id = cso.publish(draft("submission", "Allowed"), "Prevention", Some(&["Ombudsman"])).await;
    wait_until("what is allowed arrives", async || p[0].record(id).await.is_ok()).await;
    assert_eq!(p[0].records().await.len(), 1);
    assert_eq!(p[2].records().await.len(), 0);
}

#[tokio::test]
async fn the_preview_names_exactly_those_who_then_can_read() {
    let p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso"), ("Watch", "cso")]).await;
    for (readers, expected) in [(Some("Watch"), vec!["Watch"]), (None, vec!["Ombudsman", "Watch"])] {
        let id = p[1].keep(draft("submission", "T")).await.unwrap().to_string();
        let mut words = vec!["--partnership", "Prevention"];
        words.extend(readers.iter().flat_map(|r| ["--readers", r]));
        let preview = p[1].cli(&[&["record", "preview", &id][..], &words].concat()).await.done();
        let mut named: Vec<&str> =
            preview["readers"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect();
        named.sort_unstable();
        assert_eq!(named, expected);
        let number = expected.len().to_string();
        let yes = ["--yes", "--expect-readers", &number];
        let shared = p[1].cli(&[&["record", "share", &id][..], &words, &yes].concat()).await.done();
        let record = shared["record"].as_str().unwrap();
        for node in [&p[0], &p[2]] {
            if expected.contains(&node.name()) {
                wait_until("a reader has it", async || node.record(record).await.is_ok()).await;
            }
        }
    }
    assert_eq!(p[0].records().await.len(), 1);
    assert_eq!(p[2].records().await.len(), 2);
}

#[tokio::test]
async fn nothing_crosses_between_two_partnerships_on_the_same_nodes() {
    let one = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    let Partnership { nodes, .. } = one;
    let two = Partnership::among(nodes, "Second", entente_tests::PERMISSIVE).await;
    let third = TestNode::start_new("Third", "cso").await;
    join(&two[0], &third, "Second").await;

    let kept = two[0].keep(draft("training", "Same words in both")).await.unwrap();
    let first = two[0].share(kept, "Prevention", None).await.unwrap().record;
    let second = two[0].share(kept, "Second", None).await.unwrap().record;
    assert_ne!(first, second, "nothing tells that they are one");
    let only_first = two[0].publish(draft("training", "Only in the first"), "Prevention", None).await;
    for id in [first, second, only_first] {
        wait_until("the partner in both has it", async || two[1].record(id).await.is_ok()).await;
    }
    wait_until("the third has what is in the second", async || third.record(second).await.is_ok()).await;
    for (partnership, expected) in [("Prevention", vec![first, only_first]), ("Second", vec![second])] {
        let listed = two[1].cli(&["record", "list", "--partnership", partnership]).await.done();
        let mut ids: Vec<&str> =
            listed["records"].as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap()).collect();
        let mut expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
        ids.sort_unstable();
        expected.sort_unstable();
        assert_eq!(ids, expected, "in {partnership}");
    }
    assert_eq!(third.shared_ids().await.into_iter().collect::<Vec<_>>(), [second]);
    for id in [first, only_first] {
        assert_eq!(third.record(id).await.unwrap_err().code, "not-found");
    }
    let said = third.cli(&["status"]).await;
    assert!(!said.stdout.contains("Prevention"), "{}", said.stdout);
    third.cli(&["partnership", "show", "Prevention"]).await.failed(3, "not-found");
}
