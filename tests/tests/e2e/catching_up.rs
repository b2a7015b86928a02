//! Partners that were away end up with the same records as the others.

use std::collections::BTreeSet;

use entente_protocol::ids::RecordId;
use entente_tests::{DraftBuilder, Partnership, TestNode, draft, wait_until, wait_until_within};

/// Catching up with a thousand records, on a machine that does other things too.
const LONG: std::time::Duration = std::time::Duration::from_secs(60);

/// Shares drafts one after the other; every second one only with `reader`, if one is named.
async fn share_many(node: &TestNode, drafts: Vec<DraftBuilder>, reader: Option<&str>) -> Vec<RecordId> {
    let mut ids = Vec::new();
    for (number, kept) in node.import(drafts).await.into_iter().enumerate() {
        let readers = reader.filter(|_| number % 2 == 1).map(|name| [name]);
        let shared = node.share(kept, "Prevention", readers.as_ref().map(|r| &r[..])).await;
        ids.push(shared.unwrap_or_else(|e| panic!("{e:?}")).record);
    }
    ids
}

fn numbered(kind: &str, count: usize) -> Vec<DraftBuilder> {
    (0..count).map(|n| draft(kind, &format!("Number {n}")).field("text", "x".repeat(n % 300))).collect()
}

async fn wait_until_equal(nodes: &[&TestNode], expected: usize) {
    for node in nodes {
        let what = format!("{} has all {expected}", node.name());
        wait_until_within(LONG, &what, async || node.status().await.records == expected as u64).await;
    }
    let sets: Vec<BTreeSet<RecordId>> = {
        let mut sets = Vec::new();
        for node in nodes {
            assert_eq!(node.status().await.quarantined, 0);
            sets.push(node.shared_ids().await);
        }
        sets
    };
    assert!(sets.iter().all(|set| set.len() == expected && *set == sets[0]));
}

#[tokio::test]
async fn a_node_that_was_offline_catches_up_with_a_thousand_records() {
    let mut p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso"), ("Away", "cso")]).await;
    p[2].stop().await;
    let ids = share_many(&p[1], numbered("submission", 1_000), Some("Away")).await;
    let (to_all, named): (Vec<_>, Vec<_>) = ids.iter().enumerate().partition(|(number, _)| number % 2 == 0);
    wait_until_within(LONG, "the one online has what is for all", async || {
        p[0].status().await.records == to_all.len() as u64
    })
    .await;
    p[2].start().await;
    wait_until_equal(&[&p[1], &p[2]], 1_000).await;
    for (_, id) in named.iter().step_by(100) {
        assert_eq!(p[0].record(id).await.unwrap_err().code, "not-found");
    }
    let content = p[2].record(ids[999]).await.unwrap();
    assert_eq!(content.summary.title, "Number 999");
    wait_until("the author knows that nothing is owed", async || {
        p[1].sync_status().await.partners.iter().all(|partner| partner.behind == 0 && partner.ahead == 0)
    })
    .await;
}

#[tokio::test]
async fn two_nodes_that_wrote_while_they_could_not_meet_end_equal() {
    let mut p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    p[1].stop().await;
    let of_first = share_many(&p[0], numbered("training", 60), Some("Rights")).await;
    p[0].stop().await;
    p[1].start().await;
    let of_second = share_many(&p[1], numbered("training", 60), Some("Ombudsman")).await;
    assert_eq!(p[1].status().await.records, 60, "it knew of none of the other's");
    p[0].start().await;
    wait_until_equal(&[&p[0], &p[1]], 120).await;
    let all: BTreeSet<RecordId> = of_first.into_iter().chain(of_second).collect();
    assert_eq!(p[0].shared_ids().await, all);
}

#[tokio::test]
async fn two_nodes_that_write_at_the_same_time_end_equal() {
    let p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    tokio::join!(
        share_many(&p[0], numbered("training", 100), Some("Rights")),
        share_many(&p[1], numbered("training", 100), Some("Ombudsman")),
    );
    wait_until_equal(&[&p[0], &p[1]], 200).await;
}

#[tokio::test]
async fn a_third_node_passes_records_on_while_their_author_is_offline() {
    let mut p = Partnership::of(&[("Ombudsman", "npm"), ("Author", "cso"), ("Away", "cso")]).await;
    p[2].stop().await;
    let file = p[1].home().beside("plan.bin");
    std::fs::write(&file, vec![7_u8; 200_000]).unwrap();
    let attached = p[1].attach(&file).await.unwrap();
    let to_all = p[1].publish(draft("training", "For all").attachment(attached), "Prevention", None).await;
    let named =
        p[1].publish(draft("submission", "For two"), "Prevention", Some(&["Ombudsman", "Away"])).await;
    let not_for_it = p[1].publish(draft("submission", "For one"), "Prevention", Some(&["Ombudsman"])).await;
    wait_until("the node in the middle has all", async || {
        p[0].shared_ids().await.len() == 3
            && p[0].record(to_all).await.is_ok_and(|r| r.attachment_list[0].complete)
    })
    .await;
    p[1].stop().await;
    p[2].start().await;
    wait_until("it has what is for it", async || {
        p[2].record(named).await.is_ok()
            && p[2].record(to_all).await.is_ok_and(|r| r.attachment_list[0].complete)
    })
    .await;
    assert!(p[2].attachment(to_all, 0).await.unwrap() == vec![7_u8; 200_000]);
    assert_eq!(p[2].record(to_all).await.unwrap().summary.author.id, p.orgs[1], "the author is the author");
    assert_eq!(p[2].record(not_for_it).await.unwrap_err().code, "not-found");
}

#[tokio::test]
async fn what_is_shared_with_nobody_online_is_queued_and_arrives() {
    let mut p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    p[0].kill();
    wait_until("the loss is noticed", async || {
        p[1].sync_status().await.partners.iter().all(|x| !x.connected)
    })
    .await;
    let id = p[1].keep(draft("submission", "T")).await.unwrap().to_string();
    let words = ["record", "share", &id, "--partnership", "Prevention", "--yes", "--expect-readers", "1"];
    let shared = p[1].cli(&words).await;
    assert_eq!(shared.code, 7, "{shared:?}");
    assert_eq!(shared.json["queued"], true);
    let record = shared.json["record"].as_str().unwrap().to_owned();
    let why = p[1].cli(&["sync", "explain", &record, "Ombudsman"]).await.done();
    assert_eq!(why["code"], "offline", "{why}");
    assert_eq!(p[1].cli(&["sync", "now"]).await.code, 7);
    p[0].start().await;
    wait_until("it arrives", async || p[0].record(&record).await.is_ok()).await;
    wait_until("its author knows", async || {
        p[1].cli(&["sync", "explain", &record, "Ombudsman"]).await.json["code"] == "has-it"
    })
    .await;
    p[1].cli(&["sync", "now"]).await.ok();
}
