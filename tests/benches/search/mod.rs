//! W7: search. Records of 2 KiB in four scripts, their words as frequent as words are; then what people ask.

use std::time::Instant;

use entente_cli::client::route;
use entente_node::api::types::{RecordPage, RecordQuery};
use entente_tests::{DraftBuilder, TestNode, draft, percentile, wait_until_within};
use serde_json::json;

/// Different words in all texts: about what a large corpus of reports has.
const WORDS: u64 = 60_000;
/// Words of a record.
const LENGTH: usize = 250;
/// Questions that are timed.
const QUESTIONS: usize = 1_000;

/// Searches among so many records.
pub async fn search(n: usize) {
    let mut node = TestNode::start_new("Searcher", "npm").await;
    let mut random = Random(7);
    for part in (0..n).collect::<Vec<_>>().chunks(500) {
        let drafts: Vec<DraftBuilder> = part.iter().map(|i| record(*i, &mut random)).collect();
        node.import(drafts).await;
    }
    node.stop().await;
    let started = Instant::now();
    node.start().await;
    let start_s = started.elapsed().as_secs_f64();
    let before = node.status().await.memory_bytes.unwrap_or(0);
    wait_until_all_is_searched(&node).await;
    let indexed_s = started.elapsed().as_secs_f64();
    let after = node.status().await.memory_bytes.unwrap_or(0);

    let (mut times, mut found) = (Vec::new(), 0);
    let began = Instant::now();
    for number in 0..QUESTIONS {
        let query = question(number, &mut random);
        let asked = Instant::now();
        found += ask(&node, &query).await.searched.map_or(0, |searched| searched.found);
        times.push(asked.elapsed().as_secs_f64() * 1000.0);
    }
    let note = json!({
        "ms": { "p50": percentile(&mut times, 50), "p99": percentile(&mut times, 99), "worst": percentile(&mut times, 100) },
        "found_per_question": found / QUESTIONS, "start_s": start_s, "indexed_after_s": indexed_s,
        "index_mb": crate::measure::mb(after.saturating_sub(before)),
    });
    crate::measure::print("W7 search", n, began.elapsed().as_secs_f64(), None, None, &[&node], note);
}

/// Waits until search has taken in all that is there.
pub async fn wait_until_all_is_searched(node: &TestNode) {
    let all = RecordQuery { text: Some("a".into()), limit: Some(1), ..RecordQuery::default() };
    wait_until_within(crate::measure::LONG, "everything is indexed", async || {
        ask(node, &all).await.searched.is_some_and(|searched| searched.complete)
    })
    .await;
}

async fn ask(node: &TestNode, query: &RecordQuery) -> RecordPage {
    node.client().post(&route(&["search"]), query).await.expect("the node answers")
}

/// One word, two, the beginning of one, a common one within a kind.
fn question(number: usize, random: &mut Random) -> RecordQuery {
    let text = match number % 4 {
        0 => random.word(),
        1 => format!("{} {}", random.word(), random.word()),
        2 => random.word().chars().take(3).collect(),
        _ => word(number as u64 % 20),
    };
    let kind = (number % 4 == 3).then(|| "baseline".to_owned());
    RecordQuery { text: Some(text), kind, ..RecordQuery::default() }
}

fn record(number: usize, random: &mut Random) -> DraftBuilder {
    let text: Vec<String> = (0..LENGTH).map(|_| random.word()).collect();
    let kind = ["baseline", "submission", "recommendation", "material"][number % 4];
    draft(kind, &format!("record {number}")).field("text", text.join(" "))
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    /// A word whose rank is as likely as Zipf says.
    fn word(&mut self) -> String {
        let part = self.next() as f64 / f64::from(1u32 << 31);
        word((WORDS as f64).powf(part) as u64)
    }
}

/// The word of a rank: of syllables, in one of four scripts.
fn word(rank: u64) -> String {
    const SYLLABLES: [[&str; 16]; 4] = [
        ["ba", "de", "ki", "lo", "mu", "ne", "pa", "ri", "so", "tu", "va", "ze", "cha", "ge", "hi", "ro"],
        ["ბა", "დე", "კი", "ლო", "მუ", "ნე", "პა", "რი", "სო", "ტუ", "ვა", "ზე", "ჩა", "გე", "ჰი", "რო"],
        ["با", "دي", "كي", "لو", "مو", "نا", "سا", "ري", "سو", "تو", "وا", "زي", "شا", "جي", "حي", "رو"],
        ["ба", "де", "ки", "ло", "му", "не", "па", "ри", "со", "ту", "ва", "зе", "ча", "ге", "хи", "ро"],
    ];
    let (script, mut rest, mut word) = (&SYLLABLES[(rank % 4) as usize], rank / 4 + 16, String::new());
    while rest > 0 {
        word.push_str(script[(rest % 16) as usize]);
        rest /= 16;
    }
    word
}
