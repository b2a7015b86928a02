//! W7: what one node does alone: durable publishing by one writer and by 32, and coming back after a kill.

use std::time::Instant;

use serde_json::json;

use crate::exchange::{import, publish_all, record_of_2_kib, two};
use crate::measure::{Measure, print};

/// Records that one writer publishes, one after the other.
const ONE_WRITER: usize = 1_000;

/// With so many records.
pub async fn local(n: usize) {
    let mut pair = two().await;
    // Nobody takes anything meanwhile.
    pair.nodes[1].stop().await;
    let mut alone = Vec::new();
    for number in 0..ONE_WRITER {
        let draft = pair.nodes[0].keep(record_of_2_kib(number)).await.unwrap();
        let began = Instant::now();
        pair.nodes[0].share(draft, &pair.name, None).await.unwrap();
        alone.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    let ids = import(&pair.nodes[0], n).await;
    let measure = Measure::begin(&pair.nodes[..1]);
    publish_all(&pair, ids).await;
    let wall = measure.began.elapsed().as_secs_f64();
    let note = json!({
        "one_writer_ms": { "p50": entente_tests::percentile(&mut alone, 50), "p99": entente_tests::percentile(&mut alone, 99) },
        "writers": 32, "published_per_second": (n as f64 / wall).round(),
    });
    measure.end_at(wall, "W7 publish", n, &pair.nodes[..1], note);

    pair.nodes[0].kill();
    let began = Instant::now();
    pair.nodes[0].start().await;
    let ready = began.elapsed().as_secs_f64();
    let held = pair.nodes[0].status().await.records;
    let note = json!({ "records": held, "after": "kill -9", "drafts": n + ONE_WRITER });
    print("W7 reopen", n, ready, None, None, &[&pair.nodes[0]], note);
}
