//! W4: one large attachment, verified and durable at the reader; then another that is killed at half.

use std::io::Write;
use std::path::PathBuf;

use entente_node::api::settings::FetchView;
use entente_protocol::ids::RecordId;
use entente_tests::{Partnership, TestNode, draft, wait_until_within};
use serde_json::json;

use crate::exchange::two;
use crate::measure::{LONG, Measure};

/// Bytes of a chunk.
const CHUNK: u64 = 64 * 1024;

/// Attachments of so many MiB.
pub async fn attachment(mebibytes: usize) {
    let mut pair = two().await;
    pair.nodes[1].stop().await;
    let record = shared(&pair, mebibytes, 1).await;
    pair.nodes[1].start().await;
    let measure = Measure::begin(&pair.nodes);
    let done =
        async |node: &TestNode, record: RecordId| fetched(node, record).await.is_some_and(|f| f.complete);
    wait_until_within(LONG, "it is complete", async || done(&pair.nodes[1], record).await).await;
    let wall = measure.began.elapsed().as_secs_f64();
    let note = json!({ "mb_per_second": (mebibytes as f64 * 1.048_576 / wall).round() });
    measure.end_at(wall, "W4 attachment", mebibytes, &pair.nodes, note);

    pair.nodes[1].stop().await;
    let record = shared(&pair, mebibytes, 2).await;
    pair.nodes[1].start().await;
    let half = mebibytes as u64 * 1024 * 1024 / CHUNK / 2;
    let here = async |node: &TestNode| fetched(node, record).await.map_or(0, |f| f.here);
    wait_until_within(LONG, "half is here", async || here(&pair.nodes[1]).await >= half).await;
    let at_kill = here(&pair.nodes[1]).await;
    pair.nodes[1].kill();
    pair.nodes[1].start().await;
    let measure = Measure::begin(&pair.nodes);
    wait_until_within(LONG, "it is complete", async || done(&pair.nodes[1], record).await).await;
    let after = fetched(&pair.nodes[1], record).await.expect("it is here");
    let missing = after.chunks.saturating_sub(at_kill);
    let again = (at_kill + after.came).saturating_sub(after.chunks);
    let note = json!({ "chunks": after.chunks, "here_at_the_kill": at_kill, "missing": missing,
        "came_after": after.came, "fetched_again": again });
    measure.end("W4 resumed", mebibytes, &pair.nodes, note);
}

async fn fetched(node: &TestNode, record: RecordId) -> Option<FetchView> {
    node.client().get(&format!("/v1/records/{record}/attachments/0/fetch")).await.ok()
}

async fn shared(pair: &Partnership, mebibytes: usize, seed: u64) -> RecordId {
    let path: PathBuf = pair.nodes[0].home().beside(&format!("film-{seed}.bin"));
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    for word in 0..mebibytes as u64 * 1024 * 1024 / 8 {
        file.write_all(&(word ^ (seed << 40)).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes()).unwrap();
    }
    drop(file);
    let stored = pair.nodes[0].attach(&path).await.unwrap();
    std::fs::remove_file(&path).unwrap();
    pair.nodes[0].publish(draft("material", "A film").attachment(stored), &pair.name, None).await
}
