//! Narrow ways: what is new goes before what is large, and no more passes than was set.

use std::time::{Duration, Instant};

use entente_cli::client::route;
use entente_node::api::settings::FetchView;
use entente_node::home::Home as Folder;
use entente_protocol::ids::RecordId;
use entente_tests::{
    Home, Link, PERMISSIVE, Partnership, Shape, TestNode, draft, percentile, wait_until, wait_until_within,
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

async fn share_a_file(node: &TestNode, size: usize) -> RecordId {
    let path = node.home().beside("film.bin");
    std::fs::write(&path, vec![7; size]).unwrap();
    let file = node.attach(&path).await.unwrap();
    node.publish(draft("training", "With a film").attachment(file), "Prevention", None).await
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
    let film = share_a_file(&p[0], size).await;
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
    let film = share_a_file(&p[0], size).await;
    for part in [8, 16, 24] {
        wait_until("a part is here", async || chunks_here(&p[1], film).await >= part).await;
        link.cut();
    }
    wait_until("all of it is here", async || {
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
    let film = share_a_file(&p[0], 8 << 20).await;
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
