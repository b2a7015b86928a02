//! What newcomers read of the time before they came: none, all, from a day on, or chosen records.

use entente_protocol::ids::RecordId;
use entente_tests::{PERMISSIVE, Partnership, TestNode, draft, join, wait_until};

const OFFICE: &str = "Ombudsman";

/// Two members under an agreement that says this of newcomers.
async fn two_under(newcomers: &str) -> Partnership {
    let clause = format!("{PERMISSIVE}\n[history]\nnewcomers = {newcomers}\n");
    Partnership::under(&clause, &[(OFFICE, "npm"), ("Old Committee", "cso")]).await
}

async fn share(p: &Partnership, title: &str) -> RecordId {
    p[0].publish(draft("training", title), &p.name, None).await
}

async fn wait_until_reads(node: &TestNode, record: RecordId) {
    wait_until("the record can be read", async || node.record(record).await.is_ok()).await;
}

/// It holds what was shared up to now: a later record of the same log has come. Keys of earlier ones were asked for
/// before that.
async fn catch_up(p: &Partnership, newcomer: &TestNode) {
    let last = share(p, "And now").await;
    wait_until_reads(newcomer, last).await;
}

async fn assert_unread(node: &TestNode, record: RecordId) {
    assert_eq!(node.record(record).await.unwrap_err().code, "not-found");
}

#[tokio::test]
async fn under_all_a_newcomer_reads_what_everyone_read_and_nothing_for_named_readers() {
    let p = two_under("\"all\"").await;
    let before = share(&p, "Before").await;
    let named = p[0].publish(draft("training", "Between us"), &p.name, Some(&["Old Committee"])).await;
    wait_until_reads(&p[1], named).await;
    let newcomer = TestNode::start_new("New Committee", "cso").await;
    join(&p[0], &newcomer, &p.name).await;
    wait_until_reads(&newcomer, before).await;
    catch_up(&p, &newcomer).await;
    assert_unread(&newcomer, named).await;
}

#[tokio::test]
async fn under_all_a_newcomer_in_a_role_that_nobody_had_reads_what_is_permitted_to_that_role() {
    let flows =
        "to = [\"npm\", \"cso\"]\n\n[[flow]]\nfrom = [\"npm\"]\nkinds = [\"training\"]\nto = [\"network\"]";
    let clause = PERMISSIVE.replace("to = \"any\"", flows) + "\n[history]\nnewcomers = \"all\"\n";
    let p = Partnership::under(&clause, &[(OFFICE, "npm"), ("Old Committee", "cso")]).await;
    let permitted = share(&p, "For networks as well").await;
    let not_for_it = p[0].publish(draft("material", "Not for networks"), &p.name, None).await;
    wait_until_reads(&p[1], not_for_it).await;
    let mut newcomer = TestNode::start_new("New Network", "network").await;
    join(&p[0], &newcomer, &p.name).await;
    wait_until_reads(&newcomer, permitted).await;
    catch_up(&p, &newcomer).await;
    assert_unread(&newcomer, not_for_it).await;
    newcomer.restart().await;
    assert!(newcomer.record(permitted).await.is_ok(), "its key was kept");
}

#[tokio::test]
async fn from_a_day_on_a_newcomer_reads_what_is_dated_then_or_later() {
    for (day, reads) in [("2021-01-01", true), ("2999-01-01", false)] {
        let p = two_under(day).await;
        let before = share(&p, "Before").await;
        let newcomer = TestNode::start_new("New Committee", "cso").await;
        join(&p[0], &newcomer, &p.name).await;
        if reads {
            wait_until_reads(&newcomer, before).await;
        } else {
            catch_up(&p, &newcomer).await;
            assert_unread(&newcomer, before).await;
        }
    }
}

#[tokio::test]
async fn who_is_granted_chosen_records_reads_exactly_these_also_after_a_crash_and_nobody_else_does() {
    let p = two_under("\"none\"").await;
    let mut old = Vec::new();
    for title in ["One", "Two", "Three"] {
        old.push(share(&p, title).await);
    }
    let mut newcomer = TestNode::start_new("New Committee", "cso").await;
    let other = TestNode::start_new("Other Committee", "cso").await;
    for joiner in [&newcomer, &other] {
        join(&p[0], joiner, &p.name).await;
        catch_up(&p, joiner).await;
        assert_unread(joiner, old[1]).await;
    }
    let record = old[1].to_string();
    wait_until("it is told that the newcomer holds it sealed", async || {
        p[0].cli(&["sync", "explain", &record, "New Committee"]).await.done()["code"] == "not-given"
    })
    .await;

    // Granted while it is away.
    newcomer.stop().await;
    let grant = ["partnership", "grant-history", &p.name, "New Committee", "--record", &record];
    p[0].cli(&grant).await.ok();
    newcomer.start().await;
    wait_until_reads(&newcomer, old[1]).await;
    assert_eq!(newcomer.record(old[1]).await.unwrap().summary.title, "Two");
    catch_up(&p, &newcomer).await;
    catch_up(&p, &other).await;
    for closed in [(&newcomer, old[0]), (&newcomer, old[2]), (&other, old[1])] {
        assert_unread(closed.0, closed.1).await;
    }

    let shared = newcomer.shared_ids().await;
    newcomer.kill();
    std::fs::remove_dir_all(newcomer.home().path().join("index")).unwrap();
    newcomer.start().await;
    // What the other was sent meanwhile may have come since.
    let after = newcomer.shared_ids().await;
    assert!(after.is_superset(&shared), "an index that is made anew shows the same");
    assert!(newcomer.record(old[1]).await.is_ok());
    assert_unread(&newcomer, old[0]).await;
}

#[tokio::test]
async fn a_grant_that_reaches_further_back_is_followed_at_once_and_only_a_steward_gives_it() {
    let p = two_under("\"none\"").await;
    let before = share(&p, "Before").await;
    let newcomer = TestNode::start_new("New Committee", "cso").await;
    join(&p[0], &newcomer, &p.name).await;
    catch_up(&p, &newcomer).await;
    let grant = ["partnership", "grant-history", &p.name, "New Committee"];
    let with = |scope: &[&'static str]| [&grant[..], scope].concat();
    p[1].cli(&with(&["--all"])).await.failed(5, "E-STEWARD");
    p[0].cli(&with(&["--record", "abcd"])).await.failed(3, "not-found");
    p[0].cli(&with(&["--from", "2100-01-01"])).await.ok();
    catch_up(&p, &newcomer).await;
    assert_unread(&newcomer, before).await;
    p[0].cli(&with(&["--from", "2020-01-01"])).await.ok();
    wait_until_reads(&newcomer, before).await;
}
