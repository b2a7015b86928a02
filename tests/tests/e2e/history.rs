//! What newcomers read of the time before them: as the agreement says, and what was granted later.

use entente_node::api::types::RecordSummary;
use entente_tests::{PERMISSIVE, Partnership, TestNode, draft, join, wait_until};

const NPM: (&str, &str) = ("Ombudsman", "npm");
const RIGHTS: (&str, &str) = ("Rights", "cso");

/// Two members who have exchanged a record, and a third who comes after it.
async fn newcomer_under(clause: &str) -> (Partnership, TestNode) {
    let p = Partnership::under(&format!("{PERMISSIVE}\n{clause}"), &[NPM, RIGHTS]).await;
    p[0].publish(draft("training", "Before"), "Prevention", None).await;
    let watch = TestNode::start_new("Watch", "cso").await;
    join(&p[0], &watch, "Prevention").await;
    p[0].publish(draft("training", "After"), "Prevention", None).await;
    wait_until("the later record arrives", async || titles(&watch).await.contains(&"After".to_owned())).await;
    (p, watch)
}

async fn titles(node: &TestNode) -> Vec<String> {
    node.records().await.into_iter().map(|r: RecordSummary| r.title).collect()
}

async fn reads_before(node: &TestNode) -> bool {
    titles(node).await.contains(&"Before".to_owned())
}

#[tokio::test]
async fn newcomers_read_everything_where_the_agreement_says_so() {
    let (_p, watch) = newcomer_under("[history]\nnewcomers = \"all\"\n").await;
    wait_until("it reads what was before", async || reads_before(&watch).await).await;
}

#[tokio::test]
async fn newcomers_read_what_keys_from_a_day_on_open_and_more_once_it_is_granted() {
    let (p, watch) = newcomer_under("[history]\nnewcomers = 2100-01-01\n").await;
    p[1].cli(&["partnership", "grant-history", "Prevention", "Watch", "--all"]).await.failed(5, "E-STEWARD");
    let one = ["partnership", "grant-history", "Prevention", "Watch", "--record", "abcd"];
    p[0].cli(&one).await.failed(2, "usage");
    let late = ["partnership", "grant-history", "Prevention", "Watch", "--from", "2100-01-01"];
    p[0].cli(&late).await.ok();
    // A second record follows what was granted so far: when it is here, the key of the first could be too.
    let marker = p[0].publish(draft("training", "Marker"), "Prevention", None).await;
    wait_until("the marker arrives", async || watch.record(marker).await.is_ok()).await;
    assert!(!reads_before(&watch).await, "the day is still to come");
    p[0].cli(&["partnership", "grant-history", "Prevention", "Watch", "--from", "2020-01-01"]).await.ok();
    wait_until("it reads what was before", async || reads_before(&watch).await).await;
}
