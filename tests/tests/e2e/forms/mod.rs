//! The six forms of collaboration, each as its users work: on real nodes, with the program and its help.

mod activities;
mod advice;
mod capacity;
mod exchange;
mod recommendations;
mod teams;
mod within;

use entente_tests::{TestNode, wait_for};
use serde_json::{Value, json};

const NPM: (&str, &str) = ("Ombudsman", "npm");
const RIGHTS: (&str, &str) = ("Rights", "cso");
const WATCH: (&str, &str) = ("Watch", "cso");

/// Writes a draft as a person does, from a file, and shares it. Answers its id.
async fn share(node: &TestNode, draft: Value, partnership: &str, readers: Option<&str>) -> String {
    let id = keep(node, draft).await;
    let mut words = vec!["record", "share", &id, "--partnership", partnership, "--yes"];
    words.extend(readers.iter().flat_map(|readers| ["--readers", readers]));
    node.cli(&words).await.done()["record"].as_str().unwrap().to_owned()
}

/// Keeps a draft.
pub(super) async fn keep(node: &TestNode, draft: Value) -> String {
    let made = new(node, &draft).await.done();
    made["record"].as_str().unwrap().to_owned()
}

async fn new(node: &TestNode, draft: &Value) -> entente_tests::Output {
    let file = node.home().beside("draft.json");
    std::fs::write(&file, draft.to_string()).unwrap();
    node.cli(&["record", "new", file.to_str().unwrap()]).await
}

/// Waits until a record can be read, and answers what is shown of it.
pub(super) async fn arrived(node: &TestNode, id: &str) -> Value {
    wait_for("the record arrives", async || {
        let shown = node.cli(&["record", "show", id]).await;
        (shown.code == 0).then_some(shown.json)
    })
    .await
}

fn fields(kind: &str, fields: Value) -> Value {
    json!({ "kind": kind, "language": "en", "fields": fields })
}

/// What `due` lists, as (what, by, overdue).
async fn due(node: &TestNode) -> Vec<(String, String, bool)> {
    let listed = node.cli(&["due"]).await;
    let overdue = listed.json["overdue"].as_u64().unwrap();
    assert_eq!(listed.code, if overdue > 0 { 6 } else { 0 }, "{listed:?}");
    let all = listed.json["due"].as_array().unwrap().iter();
    let mut all: Vec<_> = all
        .map(|due| {
            let by = due["by"]["name"].as_str().unwrap_or("the authority").to_owned();
            (due["what"].as_str().unwrap().to_owned(), by, due["overdue"].as_bool().unwrap())
        })
        .collect();
    all.sort();
    all
}

fn owed(what: &str, by: &str, overdue: bool) -> (String, String, bool) {
    (what.to_owned(), by.to_owned(), overdue)
}
