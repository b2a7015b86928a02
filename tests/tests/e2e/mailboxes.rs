//! Two partners who are never online together, and a mailbox whose keeper knows neither of them.

use std::path::{Path, PathBuf};

use entente_protocol::handling::Sensitivity;
use entente_tests::{Partnership, TestNode, draft, wait_until, wait_until_within};
use serde_json::Value;

const NPM: (&str, &str) = ("Ombudsman", "npm");
const RIGHTS: (&str, &str) = ("Rights", "cso");
/// A visit is due within seconds; nodes start, and machines do other things.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(90);

async fn list(node: &TestNode) -> Value {
    node.cli(&["mailbox", "list"]).await.json
}

/// Entries and parcels in the only box that a node keeps.
async fn kept(keeper: &TestNode) -> (u64, u64) {
    let said = list(keeper).await;
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    (number(&said["kept"][0]["entries"][0]), number(&said["kept"][0]["parcels"]))
}

/// A partnership of two, and a keeper of a mailbox that both know of.
async fn with_mailbox() -> (Partnership, TestNode) {
    let p = Partnership::of(&[NPM, RIGHTS]).await;
    let keeper = TestNode::start_new("Some University", "other").await;
    let offered = keeper.cli(&["mailbox", "offer"]).await.done();
    let offer = offered["offer"].as_str().unwrap();
    p[1].cli(&["mailbox", "appoint", "Prevention", offer]).await.failed(5, "E-STEWARD");
    p[0].cli(&["mailbox", "appoint", "Prevention", "entebox1qqqq"]).await.failed(2, "usage");
    p[0].cli(&["mailbox", "appoint", "Prevention", offer]).await.ok();
    for node in &p.nodes {
        wait_until_within(PATIENCE, "it has been there", async || {
            list(node).await["used"][0]["visited"].is_u64()
        })
        .await;
    }
    (p, keeper)
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}

#[tokio::test]
async fn two_members_who_are_never_online_together_exchange_through_a_mailbox_that_can_read_nothing() {
    let (mut p, mut keeper) = with_mailbox().await;
    p[1].stop().await;
    let before = kept(&keeper).await;
    let first = p[0].publish(draft("training", "MARKER-FIRST"), "Prevention", None).await;
    let named = draft("training", "MARKER-NAMED").sensitivity(Sensitivity::Named);
    let named = p[0].publish(named, "Prevention", Some(&["Rights"])).await;
    wait_until_within(PATIENCE, "both lie there, and the key of the circle", async || {
        let now = kept(&keeper).await;
        now.0 >= before.0 + 2 && now.1 > before.1
    })
    .await;
    p[0].stop().await;

    p[1].start().await;
    for id in [first, named] {
        wait_until_within(PATIENCE, "it is taken out", async || p[1].record(id).await.is_ok()).await;
    }
    let before = kept(&keeper).await;
    let back = p[1].publish(draft("training", "MARKER-BACK"), "Prevention", None).await;
    wait_until_within(PATIENCE, "it lies there", async || kept(&keeper).await.0 > before.0).await;
    p[1].stop().await;

    p[0].start().await;
    wait_until_within(PATIENCE, "it is taken out", async || p[0].record(back).await.is_ok()).await;
    wait_until_within(PATIENCE, "the visit is over", async || {
        list(&p[0]).await["used"][0]["visited"].is_u64()
    })
    .await;
    assert_eq!(list(&p[0]).await["used"][0]["withheld"].as_array().unwrap().len(), 0);
    let said = keeper.cli(&["mailbox", "list"]).await.stdout;
    keeper.stop().await;
    let mut seen = 0;
    for file in files_below(&keeper.home().path()) {
        let bytes = std::fs::read(&file).unwrap();
        seen += usize::from(file.components().any(|part| part.as_os_str() == "mailbox"));
        for marker in ["MARKER-", "Ombudsman", "Rights", "Prevention", "training"] {
            let found = bytes.windows(marker.len()).any(|part| part == marker.as_bytes());
            assert!(!found, "{marker} is in {}", file.display());
        }
        for org in &p.orgs {
            assert!(!bytes.windows(32).any(|part| part == org.as_bytes()), "{}", file.display());
        }
        assert!(!bytes.windows(32).any(|part| part == p.id.as_bytes()), "{}", file.display());
    }
    assert!(seen >= 4, "the box has files: {seen}");
    assert!(!said.contains("Ombudsman") && !said.contains("Rights"));
}

#[tokio::test]
async fn a_mailbox_that_withholds_entries_is_found_out_and_one_that_is_dismissed_is_not_visited() {
    let (mut p, mut keeper) = with_mailbox().await;
    p[1].stop().await;
    let before = kept(&keeper).await;
    let id = p[0].publish(draft("training", "Withheld"), "Prevention", None).await;
    wait_until_within(PATIENCE, "it lies there", async || kept(&keeper).await.0 > before.0).await;
    // The parcel that tells of it follows the entries.
    let when = entente_node::clock::now().0;
    wait_until_within(PATIENCE, "the author's next visits are over", async || {
        list(&p[0]).await["used"][0]["visited"].as_u64().is_some_and(|visited| visited > when + 12_000)
    })
    .await;
    p[0].stop().await;
    // Its keeper takes the log away.
    keeper.stop().await;
    for file in files_below(&keeper.home().path().join("mailbox")) {
        if file.components().any(|part| part.as_os_str() == "logs") {
            std::fs::remove_file(file).unwrap();
        }
    }
    keeper.start().await;
    p[1].start().await;
    wait_until_within(PATIENCE, "it is found out", async || {
        let said = p[1].cli(&["mailbox", "list"]).await;
        said.code == 6 && said.json["used"][0]["withheld"][0]["author"]["name"] == "Ombudsman"
    })
    .await;
    assert!(p[1].record(id).await.is_err());
    p[1].stop().await;
    p[0].start().await;
    let name = list(&keeper).await["kept"][0]["mailbox"].as_str().unwrap().to_owned();
    wait_until_within(PATIENCE, "it is visited", async || {
        list(&p[0]).await["used"].as_array().is_some_and(|used| !used.is_empty())
    })
    .await;
    p[0].cli(&["mailbox", "dismiss", "Prevention", &name]).await.ok();
    wait_until("it is used no more", async || list(&p[0]).await["used"].as_array().unwrap().is_empty()).await;
    p[0].restart().await;
    assert!(list(&p[0]).await["used"].as_array().unwrap().is_empty());
}
