//! Narrow ways: what is new goes before what is large, and no more passes than was set.

use std::time::{Duration, Instant};

use entente_cli::client::route;
use entente_node::api::settings::FetchView;
use entente_node::home::Home as Folder;
use entente_protocol::ids::RecordId;
use entente_tests::{
    Home, Link, PATIENCE, PERMISSIVE, Partnership, Shape, TestNode, draft, percentile, wait_until,
    wait_until_within,
};

/// A sealed chunk of an attachment and what is around it on the wire, bytes.
const CHUNK: u64 = 66_500;
/// What a record of 2 KiB, its announcement and acknowledgement need, bytes, generously.
const RECORD: u64 = 10_000;

/// An author behind a link that is good at first, and a reader whom nobody can dial.
async fn over_a_link(seed: u64) -> (Partnership, Link) {
    let (author, reader) = (Home::init("Ombudsman", "npm").await, Home::init("Rights", "cso").await);
    let link = Link::to(author.port(), seed).await;
    for (home, address) in [(&author, link.address), (&reader, ([127, 0, 0, 1], 9).into())] {
        let folder = Folder::at(&home.path());
        let mut config = folder.config().unwrap();
        config.advertise = vec![address.into()];
        folder.save(&config).unwrap();
    }
    let nodes = TestNode::start_all(vec![author, reader]).await;
    (Partnership::among(nodes, "Prevention", PERMISSIVE).await, link)
}

async fn share_a_file(node: &TestNode, partnership: &str, size: usize) -> RecordId {
    let path = node.home().beside("film.bin");
    std::fs::write(&path, vec![7; size]).unwrap();
    let file = node.attach(&path).await.unwrap();
    node.publish(draft("training", "With a film").attachment(file), partnership, None).await
}

async fn chunks_here(node: &TestNode, record: RecordId) -> u64 {
    let at = route(&["records", &record.to_string(), "attachments", "0", "fetch"]);
    node.client().get::<FetchView>(&at).await.map_or(0, |view| view.here)
}

/// Publishes `count` records of 2 KiB while a file comes over the link; gives the most bytes that came over
/// between the publishing of one and its being seen, and the seconds that each took.
async fn records_beside_a_file(shape: Shape, size: usize, count: usize) -> (u64, Vec<Duration>) {
    let (p, link) = over_a_link(7).await;
    link.becomes(shape);
    let film = share_a_file(&p[0], "Prevention", size).await;
    let patience = Duration::from_secs(300);
    wait_until_within(patience, "the file is on its way", async || chunks_here(&p[1], film).await >= 3).await;
    let (mut most, mut took) = (0, Vec::new());
    for number in 0..count {
        let (before, since) = (link.sent(), Instant::now());
        let text = "A text of two thousand and forty-eight letters. ".repeat(43);
        let new = draft("training", &format!("Urgent {number}")).field("text", text);
        let id = p[0].publish(new, "Prevention", None).await;
        wait_until_within(patience, "it is seen", async || p[1].record(id).await.is_ok()).await;
        took.push(since.elapsed());
        most = most.max(link.sent() - before);
    }
    let here = chunks_here(&p[1], film).await;
    assert!(here >= 3 && (here as usize) < size / 65_536, "the file was on its way all the time: {here}");
    (most, took)
}

#[tokio::test]
async fn a_record_waits_for_two_chunks_at_most_while_a_large_file_is_on_its_way() {
    let shape = Shape { rate: 40_000, delay: Duration::from_millis(50), lost: 50 };
    let (most, took) = records_beside_a_file(shape, 24 << 20, 5).await;
    assert!(most <= 2 * CHUNK + RECORD, "{most} bytes came before a record, {took:?}");
}

/// The figure of `docs/benchmarks.md`: `cargo test -p entente-tests --test e2e -- --ignored --nocapture sixty_four`.
#[tokio::test]
#[ignore = "a measurement of some minutes"]
#[allow(clippy::print_stdout)]
async fn sixty_four_kilobits_with_losses_and_a_hundred_megabytes() {
    let (most, took) = records_beside_a_file(Shape::POOR, 100_000_000, 15).await;
    let mut seconds: Vec<f64> = took.iter().map(Duration::as_secs_f64).collect();
    let (median, worst) = (percentile(&mut seconds, 50), percentile(&mut seconds, 100));
    println!(
        "{{\"bench\":\"narrow\",\"median_s\":{median:.1},\"worst_s\":{worst:.1},\"most_bytes\":{most}}}"
    );
    assert!(most <= 2 * CHUNK + RECORD, "{most} bytes came before a record, {took:?}");
}

#[tokio::test]
async fn a_file_goes_on_where_it_was_after_the_link_was_cut() {
    let (p, link) = over_a_link(11).await;
    link.becomes(Shape { rate: 400_000, delay: Duration::from_millis(20), lost: 20 });
    let size = 4 << 20;
    let film = share_a_file(&p[0], "Prevention", size).await;
    for part in [8, 16, 24] {
        wait_until("a part is here", async || chunks_here(&p[1], film).await >= part).await;
        link.cut();
    }
    wait_until_within(PATIENCE * 2, "all of it is here", async || {
        p[1].record(film).await.is_ok_and(|record| record.attachment_list[0].complete)
    })
    .await;
    let sent = link.sent();
    assert!(sent < size as u64 * 13 / 10, "what had come was not sent again: {sent}");
}

#[tokio::test]
async fn a_limit_that_is_set_while_a_node_runs_holds_at_once_and_after_a_restart() {
    let (mut p, link) = over_a_link(13).await;
    p[0].cli(&["network", "limit", "--up", "100"]).await.failed(2, "usage");
    let set = p[0].cli(&["network", "limit", "--up", "100kB"]).await.done();
    assert_eq!(set["limit_up"], 100_000);
    p[0].restart().await;
    assert_eq!(p[0].cli(&["network", "show"]).await.done()["limit_up"], 100_000);
    p.wait_until_connected().await;
    let film = share_a_file(&p[0], "Prevention", 8 << 20).await;
    wait_until("the file is on its way", async || chunks_here(&p[1], film).await >= 1).await;
    let (before, since) = (link.sent(), Instant::now());
    wait_until("some of it is here", async || chunks_here(&p[1], film).await >= 8).await;
    let (passed, took) = (link.sent() - before, since.elapsed().as_secs_f64());
    assert!((passed as f64) < 100_000.0 * (took + 0.6), "{passed} bytes in {took} s");
    p[0].cli(&["network", "limit", "--up", "0"]).await.ok();
    wait_until("without a limit all of it comes", async || {
        p[1].record(film).await.is_ok_and(|record| record.attachment_list[0].complete)
    })
    .await;
}

#[tokio::test]
async fn what_is_new_in_a_circle_does_not_wait_for_all_that_was_missed() {
    let (mut p, link) = over_a_link(17).await;
    p[1].stop().await;
    let text = "A text of two thousand and forty-eight letters. ".repeat(330);
    for number in 0..200 {
        let missed = draft("training", &format!("Missed {number}")).field("text", text.as_str());
        p[0].publish(missed, "Prevention", None).await;
    }
    link.becomes(Shape { rate: 100_000, delay: Duration::from_millis(50), lost: 0 });
    let before = link.sent();
    p[1].start().await;
    wait_until("some of it is here", async || p[1].records().await.len() >= 10).await;
    let (sent, since) = (link.sent(), Instant::now());
    assert!(sent - before < 1_000_000, "what came can be read before all is here: {}", sent - before);
    let new = p[0].publish(draft("training", "New"), "Prevention", Some(&["Rights"])).await;
    wait_until("it is seen", async || p[1].record(new).await.is_ok()).await;
    let (waited, took) = (link.sent() - sent, since.elapsed());
    assert!(waited < 600_000, "{waited} bytes of what was missed came before it, in {took:?}");
    assert!(p[1].records().await.len() < 200, "and the rest is still on its way");
}

#[tokio::test]
async fn of_a_limit_the_partnership_that_comes_first_gets_most_and_the_last_goes_on() {
    let office = TestNode::start_new("Ombudsman", "npm").await;
    let (calm, urgent) =
        (TestNode::start_new("Calm", "cso").await, TestNode::start_new("Urgent", "cso").await);
    let mut p = Partnership::among(vec![office, calm], "Later", PERMISSIVE).await;
    let calm = p.nodes.pop().unwrap();
    p.nodes.push(urgent);
    let mut p = Partnership::among(p.nodes, "Now", PERMISSIVE).await;
    for (partnership, priority) in [("Later", "last"), ("Now", "first")] {
        let before = p[0].cli(&["partnership", "priority", partnership]).await.done();
        assert_eq!(before["priority"], "usual");
        p[0].cli(&["partnership", "priority", partnership, priority]).await.ok();
    }
    p[0].cli(&["network", "limit", "--up", "200kB"]).await.ok();
    p[0].restart().await;
    assert_eq!(p[0].cli(&["partnership", "priority", "Now"]).await.done()["priority"], "first");
    let later = share_a_file(&p[0], "Later", 8 << 20).await;
    let now = share_a_file(&p[0], "Now", 8 << 20).await;
    wait_until_within(PATIENCE * 2, "both are on their way", async || {
        chunks_here(&calm, later).await >= 1 && chunks_here(&p[1], now).await >= 1
    })
    .await;
    let (first, last) = (chunks_here(&p[1], now).await, chunks_here(&calm, later).await);
    wait_until_within(PATIENCE * 2, "the first goes on", async || {
        chunks_here(&p[1], now).await >= first + 40
    })
    .await;
    let others = chunks_here(&calm, later).await - last;
    assert!((1..=10).contains(&others), "the last got {others} while the first got 40");
}
