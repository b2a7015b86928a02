//! W5: one author, many receivers on one machine, 1,000 records each.

use entente_tests::{Partnership, wait_until_within};
use serde_json::json;

use crate::exchange::{import, publish_all};
use crate::measure::{LONG, Measure};

/// Records.
const RECORDS: usize = 1_000;

/// So many receivers.
pub async fn fan_out(receivers: usize) {
    let names: Vec<String> = (0..=receivers).map(|n| format!("Member {n}")).collect();
    let members: Vec<(&str, &str)> = names
        .iter()
        .enumerate()
        .map(|(n, name)| (name.as_str(), if n == 0 { "npm" } else { "cso" }))
        .collect();
    let group = Partnership::of(&members).await;
    let ids = import(&group.nodes[0], RECORDS).await;
    let measure = Measure::begin(&group.nodes);
    publish_all(&group, ids).await;
    let published = measure.began.elapsed().as_secs_f64();
    let mut complete = 0;
    for node in &group.nodes[1..] {
        let all = RECORDS as u64 + 1;
        wait_until_within(LONG, "it has all", async || node.status().await.records >= all).await;
        complete += 1;
    }
    let payload = (RECORDS * 2_048 * receivers) as u64;
    let note = json!({ "complete": complete, "published_s": published, "payload_bytes": payload });
    measure.end("W5 fan-out", receivers, &group.nodes, note);
}
