//! What a run costs, and how it is told: one JSON line.

use std::time::{Duration, Instant};

use entente_tests::TestNode;
use serde_json::json;

/// Patience for the longest step.
pub const LONG: Duration = Duration::from_secs(900);

/// What a run costs: time, processor time of both nodes, bytes on loopback.
pub struct Measure {
    /// When.
    pub began: Instant,
    cpu: f64,
    bytes: u64,
}

impl Measure {
    pub fn begin(nodes: &[TestNode]) -> Measure {
        Measure { began: Instant::now(), cpu: cpu_seconds(nodes), bytes: loopback_bytes() }
    }

    pub fn end(self, workload: &str, n: usize, nodes: &[TestNode], note: serde_json::Value) {
        let wall = self.began.elapsed().as_secs_f64();
        self.end_at(wall, workload, n, nodes, note);
    }

    pub fn end_at(self, wall: f64, workload: &str, n: usize, nodes: &[TestNode], note: serde_json::Value) {
        let cpu = cpu_seconds(nodes) - self.cpu;
        let bytes = loopback_bytes() - self.bytes;
        print(workload, n, wall, Some(cpu), Some(bytes), &nodes.iter().collect::<Vec<_>>(), note);
    }
}

/// Prints the line of a workload.
pub fn print(
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
pub fn resident_mb(pid: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find(|l| l.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

/// What came in over the loopback interface so far.
pub fn loopback_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/net/dev").unwrap_or_default();
    let line = text.lines().find(|l| l.trim_start().starts_with("lo:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|b| b.parse().ok()).unwrap_or(0)
}

/// Megabytes.
pub fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
