//! Benchmarks of whole nodes: real processes, real sockets on loopback, real files. One JSON line each.
//!
//! `cargo bench -p entente-tests` runs all; `cargo bench -p entente-tests -- live catch-up` some. A number
//! after a name is its size: `catch-up=100000`. `BENCH_DIR` names the disk to be measured.
//!
//! `done` means: durable on the receiver, signature and policy checked, decrypted, indexed, visible.
//! `bytes` is what crossed the loopback interface meanwhile: run it alone, or under `unshare -n`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "rotation/mod.rs"]
mod rotation;
#[path = "search/mod.rs"]
mod search;

use std::time::{Duration, Instant};

use entente_cli::client::route;
use entente_node::api::types::Event;
use entente_node::clock;
use entente_protocol::ids::RecordId;
use entente_tests::{Partnership, TestNode, draft, percentile, wait_until_within};
use serde_json::json;
use tokio::sync::mpsc;

/// Writers that publish at the same time where the rate is measured.
const WRITERS: usize = 32;
/// Patience for the longest step.
const LONG: Duration = Duration::from_secs(600);

#[tokio::main]
async fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let size = |name: &str, usual: usize| -> Option<usize> {
        if wanted.is_empty() {
            return Some(usual);
        }
        wanted.iter().find_map(|w| {
            let (n, size) = w.split_once('=').map_or((w.as_str(), usual), |(n, s)| (n, s.parse().unwrap()));
            (n == name).then_some(size)
        })
    };
    if let Some(n) = size("idle", 1) {
        idle(n).await;
    }
    if let Some(n) = size("live", 500) {
        live(n).await;
    }
    if let Some(n) = size("rate", 10_000) {
        rate(n).await;
    }
    if let Some(n) = size("rotate", 300) {
        for members in [10, 30, 100, 300].into_iter().filter(|members| *members <= n) {
            rotation::rotate(members);
        }
    }
    if let Some(n) = size("search", 200_000) {
        search::search(n).await;
    }
    if let Some(n) = size("catch-up", 10_000) {
        catch_up(n).await;
    }
}

/// A record of 2 KiB that compresses as little as a sealed one.
fn record_of_2_kib(number: usize) -> entente_tests::DraftBuilder {
    let mut state = number as u64;
    let text: String = (0..2_000)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'a' + u8::try_from((state >> 33) % 26).unwrap())
        })
        .collect();
    draft("material", &format!("record {number}")).field("text", text)
}

async fn two() -> Partnership {
    Partnership::of(&[("Writer", "npm"), ("Reader", "cso")]).await
}

/// W8: memory of a node that has one partnership with a connected partner and nothing to do.
async fn idle(_n: usize) {
    let pair = two().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let rss = pair.nodes[1].status().await.memory_bytes.unwrap_or(0);
    print("W8 idle node", 1, 0.0, None, None, &[&pair.nodes[1]], json!({ "resident_mb": mb(rss) }));
}

/// W3: one record published at A until visible at B, at 50 a second; the draft is there already.
async fn live(n: usize) {
    let pair = two().await;
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
    measure.end("W3 live", n, &pair.nodes, note);
}

/// W3, W7: how many records a second go from drafts at A to visible at B, 32 writers at once.
async fn rate(n: usize) {
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
async fn catch_up(n: usize) {
    let mut pair = two().await;
    pair.nodes[1].stop().await;
    let ids = import(&pair.nodes[0], n).await;
    let last = publish_all(&pair, ids).await;
    let started = Instant::now();
    pair.nodes[1].start().await;
    let start_s = started.elapsed().as_secs_f64();
    let measure = Measure::begin(&pair.nodes);
    wait_for_record(&pair.nodes[1], last).await;
    let wall = measure.began.elapsed().as_secs_f64();
    wait_for_count(&pair.nodes[1], n).await;
    let note = json!({ "start_s": start_s, "records_per_second": (n as f64 / wall).round() });
    measure.end_at(wall, "W1 catch-up", n, &pair.nodes, note);
}

async fn import(node: &TestNode, n: usize) -> Vec<RecordId> {
    let mut ids = Vec::with_capacity(n);
    for part in (0..n).collect::<Vec<_>>().chunks(500) {
        ids.extend(node.import(part.iter().map(|i| record_of_2_kib(*i))).await);
    }
    ids
}

/// Publishes all with 32 writers; gives the record at the highest position.
async fn publish_all(pair: &Partnership, ids: Vec<RecordId>) -> RecordId {
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

async fn wait_for_record(node: &TestNode, id: RecordId) {
    wait_until_within(LONG, "the last record is visible", async || node.record(id).await.is_ok()).await;
}

async fn wait_for_count(node: &TestNode, n: usize) {
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

/// What a run costs: time, processor time of both nodes, bytes on loopback.
struct Measure {
    began: Instant,
    cpu: f64,
    bytes: u64,
}

impl Measure {
    fn begin(nodes: &[TestNode]) -> Measure {
        Measure { began: Instant::now(), cpu: cpu_seconds(nodes), bytes: loopback_bytes() }
    }

    fn end(self, workload: &str, n: usize, nodes: &[TestNode], note: serde_json::Value) {
        let wall = self.began.elapsed().as_secs_f64();
        self.end_at(wall, workload, n, nodes, note);
    }

    fn end_at(self, wall: f64, workload: &str, n: usize, nodes: &[TestNode], note: serde_json::Value) {
        let cpu = cpu_seconds(nodes) - self.cpu;
        let bytes = loopback_bytes() - self.bytes;
        print(workload, n, wall, Some(cpu), Some(bytes), &nodes.iter().collect::<Vec<_>>(), note);
    }
}

fn print(
    workload: &str,
    n: usize,
    wall_s: f64,
    cpu_s: Option<f64>,
    bytes: Option<u64>,
    nodes: &[&TestNode],
    note: serde_json::Value,
) {
    let rss = nodes.iter().map(|n| resident_mb(n.pid())).fold(0.0, f64::max);
    let line = json!({
        "workload": workload, "n": n, "wall_s": wall_s, "cpu_s": cpu_s, "bytes": bytes,
        "rss_mb": rss, "note": note,
    });
    println!("{line}");
}

fn cpu_seconds(nodes: &[TestNode]) -> f64 {
    nodes.iter().map(|n| cpu_of(n.pid())).sum()
}

/// User and system time, in ticks of 10 ms (proc(5)).
fn cpu_of(pid: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = text.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// Resident memory now. The peak (VmHWM) would be Argon2id's 128 MiB, which every start takes and gives back.
fn resident_mb(pid: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find(|l| l.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

fn loopback_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/net/dev").unwrap_or_default();
    let line = text.lines().find(|l| l.trim_start().starts_with("lo:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|b| b.parse().ok()).unwrap_or(0)
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
