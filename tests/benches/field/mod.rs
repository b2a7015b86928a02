//! The lists that people open all day, with many recommendations, some of them replied to and assessed.

use std::time::Instant;

use entente_tests::{DraftBuilder, TestNode, draft};
use serde_json::json;

use crate::exchange::two;
use crate::measure::print;

/// With so many recommendations.
pub async fn field(n: usize) {
    let pair = two().await;
    let npm = &pair.nodes[0];
    let mut made = Vec::new();
    for part in (0..n).collect::<Vec<_>>().chunks(500) {
        made.extend(npm.import(part.iter().map(|number| recommendation(*number))).await);
    }
    crate::exchange::publish_all(&pair, made.clone()).await;
    let replies: Vec<DraftBuilder> = made
        .iter()
        .step_by(4)
        .map(|id| {
            draft("authority-reply", "Reply")
                .field("recommendation", id.to_string())
                .field("text", "Accepted.")
        })
        .collect();
    for part in replies.chunks(500) {
        npm.import(part.iter().cloned()).await;
    }
    let asked: [(&str, &[&str]); 6] = [
        ("recommendation list", &["recommendation", "list"]),
        ("recommendation board", &["recommendation", "board"]),
        ("recommendation stats", &["recommendation", "stats", "--by", "theme"]),
        ("due", &["due"]),
        ("status", &["status"]),
        ("record list", &["record", "list"]),
    ];
    for (name, words) in asked {
        let (first, again) = (timed(npm, words).await, timed(npm, words).await);
        let note = json!({ "first_ms": first, "again_ms": again, "what": name });
        print("field", n, again / 1000.0, None, None, &[npm], note);
    }
}

async fn timed(node: &TestNode, words: &[&str]) -> f64 {
    let began = Instant::now();
    let answered = node.cli(words).await;
    assert!([0, 6].contains(&answered.code), "{answered:?}");
    began.elapsed().as_secs_f64() * 1000.0
}

fn recommendation(number: usize) -> DraftBuilder {
    let theme = ["treatment", "conditions", "contacts", "safeguards"][number % 4];
    draft("recommendation", &format!("Recommendation {number}"))
        .field("text", "Give everybody a bed of their own.")
        .field("themes", json!([theme]))
        .field("due", if number.is_multiple_of(3) { "2026-01-01" } else { "2028-01-01" })
}
