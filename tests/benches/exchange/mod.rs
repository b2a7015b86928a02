//! W1, W2, W3: two nodes exchange records of 2 KiB.

use std::time::{Duration, Instant};

use entente_cli::client::route;
use entente_node::api::types::Event;
use entente_node::clock;
use entente_protocol::ids::RecordId;
use entente_tests::{Partnership, TestNode, draft, percentile, wait_until_within};
use serde_json::json;
use tokio::sync::mpsc;

use crate::measure::{LONG, Measure, print};
use crate::search::wait_until_all_is_searched;

/// Writers that publish at the same time where the rate is measured.
const WRITERS: usize = 32;
/// Records that each side has and the other lacks (W2).
const DIFFER: usize = 50;
/// Records that come to a store that holds many (W1, W3).
const AMONG_MANY: usize = 500;

/// A record of 2 KiB that compresses as little as a sealed one.
pub fn record_of_2_kib(number: usize) -> entente_tests::DraftBuilder {
    let mut state = number as u64;
    let text: String = (0..2_000)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'a' + u8::try_from((state >> 33) % 26).unwrap())
        })
        .collect();
    draft("material", &format!("record {number}")).field("text", text)
}

pub async fn two() -> Partnership {
    Partnership::of(&[("Writer", "npm"), ("Reader", "cso")]).await
}

/// W3: one record published at A until visible at B, at 50 a second; the draft is there already.
pub async fn live(n: usize) {
    let pair = two().await;
    one_at_a_time(&pair, n, "W3 live").await;
}

/// W3 and W1 where both hold as many records already and have taken them into search.
pub async fn full(n: usize) {
    let mut pair = two().await;
    let ids = import(&pair.nodes[0], n).await;
    publish_all(&pair, ids).await;
    wait_for_count(&pair.nodes[1], n).await;
    for node in &pair.nodes {
        wait_until_all_is_searched(node).await;
    }
    one_at_a_time(&pair, AMONG_MANY, "W3 live in a full store").await;
    // Beside them there are the one that was published last, and those that came one at a time.
    missed(&mut pair, AMONG_MANY, n + 1 + AMONG_MANY, "W1 catch-up in a full store").await;
    for times in ["second", "third"] {
        again(&mut pair.nodes[1], n, times).await;
    }
}

/// W8: a node that is full is stopped and started. The first start after much was written reads what its index wrote since
/// it was opened; this is one of the others.
async fn again(node: &mut TestNode, n: usize, times: &str) {
    node.stop().await;
    let began = Instant::now();
    node.start().await;
    let ready = began.elapsed().as_secs_f64();
    print("W8 ready in a full store", n, ready, None, None, &[node], json!({ "start": times }));
}

async fn one_at_a_time(pair: &Partnership, n: usize, workload: &str) {
    let ids = import(&pair.nodes[0], n).await;
    let mut seen = visible_times(&pair.nodes[1]).await;
    let (mut until_visible, mut until_durable) = (Vec::new(), Vec::new());
    let measure = Measure::begin(&pair.nodes);
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    for id in ids {
        ticks.tick().await;
        let (began, began_ns) = (Instant::now(), clock::now_ns());
        let shared = pair.nodes[0].share(id, &pair.name, None).await.unwrap();
        until_durable.push(began.elapsed().as_secs_f64() * 1000.0);
        let visible = loop {
            let (record, at) = seen.recv().await.expect("the reader tells what it sees");
            if record == shared.record {
                break at;
            }
        };
        until_visible.push(visible.saturating_sub(began_ns) as f64 / 1e6);
    }
    let note = json!({
        "visible_ms": { "p50": percentile(&mut until_visible, 50), "p99": percentile(&mut until_visible, 99) },
        "answered_ms": { "p50": percentile(&mut until_durable, 50), "p99": percentile(&mut until_durable, 99) },
        "per_second": 50,
    });
    measure.end(workload, n, &pair.nodes, note);
}

/// W3, W7: how many records a second go from drafts at A to visible at B, 32 writers at once.
pub async fn rate(n: usize) {
    let pair = two().await;
    let ids = import(&pair.nodes[0], n).await;
    let measure = Measure::begin(&pair.nodes);
    let last = publish_all(&pair, ids).await;
    let published = measure.began.elapsed().as_secs_f64();
    wait_for_record(&pair.nodes[1], last).await;
    wait_for_count(&pair.nodes[1], n).await;
    let note = json!({ "published_per_second": (n as f64 / published).round(), "writers": WRITERS });
    measure.end("W3 rate", n, &pair.nodes, note);
}

/// W1: B holds nothing of what A published while B was away.
pub async fn catch_up(n: usize) {
    missed(&mut two().await, n, 0, "W1 catch-up").await;
}

/// B comes back to what A published while B was away; both hold so many records before.
async fn missed(pair: &mut Partnership, n: usize, held: usize, workload: &str) {
    pair.nodes[1].stop().await;
    let ids = import(&pair.nodes[0], n).await;
    let last = publish_all(pair, ids).await;
    let started = Instant::now();
    pair.nodes[1].start().await;
    let start_s = started.elapsed().as_secs_f64();
    let measure = Measure::begin(&pair.nodes);
    wait_for_record(&pair.nodes[1], last).await;
    let wall = measure.began.elapsed().as_secs_f64();
    wait_for_count(&pair.nodes[1], held + n).await;
    let rate = (n as f64 / wall).round();
    let note = json!({ "start_s": start_s, "held": held, "records_per_second": rate });
    measure.end_at(wall, workload, n, &pair.nodes, note);
}

/// Drafts on a node.
pub async fn import(node: &TestNode, n: usize) -> Vec<RecordId> {
    let mut ids = Vec::with_capacity(n);
    for part in (0..n).collect::<Vec<_>>().chunks(500) {
        ids.extend(node.import(part.iter().map(|i| record_of_2_kib(*i))).await);
    }
    ids
}

/// Publishes all with 32 writers; gives the record at the highest position.
pub async fn publish_all(pair: &Partnership, ids: Vec<RecordId>) -> RecordId {
    let work = std::sync::Arc::new(tokio::sync::Mutex::new(ids));
    let (mut tasks, name) = (Vec::new(), pair.name.clone());
    for _ in 0..WRITERS {
        let (work, name, home) = (work.clone(), name.clone(), pair.nodes[0].home().path());
        tasks.push(tokio::spawn(async move {
            let client = entente_cli::client::Client::connect(&home).await.unwrap();
            let body = json!({ "partnership": name });
            loop {
                let Some(id) = work.lock().await.pop() else { return };
                let shared: Result<entente_node::api::types::Shared, _> =
                    client.post(&route(&["records", &id.to_string(), "share"]), &body).await;
                shared.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    // One more, alone: it stands behind all others.
    pair.nodes[0].publish(draft("material", "the last"), &pair.name, None).await
}

pub async fn wait_for_record(node: &TestNode, id: RecordId) {
    wait_until_within(LONG, "the last record is visible", async || node.record(id).await.is_ok()).await;
}

pub async fn wait_for_count(node: &TestNode, n: usize) {
    let all = n as u64 + 1;
    wait_until_within(LONG, "all records are visible", async || node.status().await.records >= all).await;
}

/// What the reader's node says became visible, and when.
async fn visible_times(node: &TestNode) -> mpsc::Receiver<(RecordId, u64)> {
    let mut events = node.client().events().await.unwrap();
    let (tell, told) = mpsc::channel(4_096);
    tokio::spawn(async move {
        while let Ok(Some(event)) = events.next().await {
            if let Event::Record { record, visible_ns } = event
                && tell.send((record, visible_ns)).await.is_err()
            {
                return;
            }
        }
    });
    told
}

/// W2: both hold as many records, and fifty differ on each side, written while the other was away.
pub async fn delta(n: usize) {
    let mut pair = two().await;
    let ids = import(&pair.nodes[0], n).await;
    let last = publish_all(&pair, ids).await;
    wait_for_record(&pair.nodes[1], last).await;
    wait_for_count(&pair.nodes[1], n).await;
    pair.nodes[1].stop().await;
    let ours = differing(&pair, 0, n).await;
    pair.nodes[0].stop().await;
    pair.nodes[1].start().await;
    let theirs = differing(&pair, 1, n + DIFFER).await;
    let measure = Measure::begin(&pair.nodes[1..]);
    pair.nodes[0].start().await;
    let ready = measure.began.elapsed().as_secs_f64();
    wait_for_record(&pair.nodes[0], theirs).await;
    wait_for_record(&pair.nodes[1], ours).await;
    let wall = measure.began.elapsed().as_secs_f64();
    let payload = DIFFER * 2 * 2_048;
    let note = json!({ "differ_on_each_side": DIFFER, "payload_bytes": payload, "started_s": ready,
        "after_the_start_s": wall - ready });
    measure.end_at(wall, "W2 delta", n, &pair.nodes, note);
}

/// Publishes what the other side lacks; gives the last of it.
async fn differing(pair: &Partnership, who: usize, from: usize) -> RecordId {
    let mut last = None;
    for number in from..from + DIFFER {
        last = Some(pair.nodes[who].publish(record_of_2_kib(number), &pair.name, None).await);
    }
    last.expect("some differ")
}
