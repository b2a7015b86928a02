//! Benchmarks of whole nodes: real processes, real sockets on loopback, real files. One JSON line each.
//!
//! `cargo bench -p entente-tests` runs all; `cargo bench -p entente-tests -- live catch-up` some. A number
//! after a name is its size: `catch-up=100000`. `TMPDIR` names the disk to be measured.
//!
//! `done` means: durable on the receiver, signature and policy checked, decrypted, indexed, visible.
//! `bytes` is what crossed the loopback interface meanwhile: run it alone, or under `unshare -n`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "attachment/mod.rs"]
mod attachment;
#[path = "exchange/mod.rs"]
mod exchange;
#[path = "fan_out/mod.rs"]
mod fan_out;
#[path = "field/mod.rs"]
mod field;
#[path = "local/mod.rs"]
mod local;
#[path = "measure/mod.rs"]
mod measure;
#[path = "rest/mod.rs"]
mod rest;
#[path = "rotation/mod.rs"]
mod rotation;
#[path = "sealing/mod.rs"]
mod sealing;
#[path = "search/mod.rs"]
mod search;

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
    if let Some(n) = size("catch-up", 10_000) {
        exchange::catch_up(n).await;
    }
    if let Some(n) = size("delta", 10_000) {
        exchange::delta(n).await;
    }
    if let Some(n) = size("live", 500) {
        exchange::live(n).await;
    }
    if let Some(n) = size("full", 20_000) {
        exchange::full(n).await;
    }
    if let Some(n) = size("rate", 10_000) {
        exchange::rate(n).await;
    }
    if let Some(n) = size("attachment", 256) {
        attachment::attachment(n).await;
    }
    if let Some(n) = size("fan-out", 20) {
        fan_out::fan_out(n).await;
    }
    if let Some(n) = size("sealing", 20_000) {
        sealing::sealing(n);
    }
    if let Some(n) = size("local", 20_000) {
        local::local(n).await;
    }
    if let Some(n) = size("search", 200_000) {
        search::search(n).await;
    }
    if let Some(n) = size("rest", 50) {
        rest::rest(n).await;
    }
    if let Some(n) = size("rotate", 300) {
        for members in [10, 30, 100, 300].into_iter().filter(|members| *members <= n) {
            rotation::rotate(members);
        }
    }
    if let Some(n) = size("field", 20_000) {
        field::field(n).await;
    }
}
