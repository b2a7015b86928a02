//! W8: a node at rest: its memory with 1, 10 and more partnerships, how soon it is ready, how large the program is.

use std::time::{Duration, Instant};

use entente_cli::client::route;
use entente_node::api::types::{NewPartnership, PartnershipCreated};
use entente_tests::{PERMISSIVE, TestNode, program};
use serde_json::json;

use crate::exchange::two;
use crate::measure::{mb, print};

/// What a node that has just started does is over by then.
const SETTLED: Duration = Duration::from_secs(5);

/// With so many partnerships at most.
pub async fn rest(most: usize) {
    let pair = two().await;
    tokio::time::sleep(SETTLED).await;
    let rss = pair.nodes[1].status().await.memory_bytes.unwrap_or(0);
    let note = json!({ "resident_mb": mb(rss), "with": "a connected partner" });
    print("W8 at rest", 1, 0.0, None, None, &[&pair.nodes[1]], note);
    drop(pair);

    let mut node = TestNode::start_new("Coordinator", "network").await;
    let mut made = 0;
    for wanted in [1, 10, 50].into_iter().filter(|wanted| *wanted <= most) {
        while made < wanted {
            let new = NewPartnership {
                name: format!("Partnership {made}"),
                agreement: PERMISSIVE.into(),
                role: None,
                person: None,
            };
            let _made: PartnershipCreated =
                node.client().post(&route(&["partnerships"]), &new).await.expect("it is founded");
            made += 1;
        }
        node.stop().await;
        let began = Instant::now();
        node.start().await;
        let ready = began.elapsed().as_secs_f64();
        tokio::time::sleep(SETTLED).await;
        let rss = node.status().await.memory_bytes.unwrap_or(0);
        let size = std::fs::metadata(program()).map(|m| m.len()).unwrap_or(0);
        let note = json!({ "resident_mb": mb(rss), "with": "nobody connected", "program_mb": mb(size) });
        print("W8 partnerships", made, ready, None, None, &[&node], note);
    }
}
