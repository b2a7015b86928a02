//! Partners who meet by USB stick alone.

use std::path::PathBuf;

use entente_protocol::handling::Sensitivity;
use entente_protocol::ids::OrgId;
use entente_tests::{Partnership, TestNode, draft, wait_until};
use serde_json::Value;
use tempfile::TempDir;

const NPM: (&str, &str) = ("Ombudsman", "npm");
const RIGHTS: (&str, &str) = ("Rights", "cso");
const WATCH: (&str, &str) = ("Watch", "cso");

/// Where bundles lie.
struct Stick(TempDir);

impl Stick {
    fn new() -> Stick {
        Stick(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    async fn export(&self, from: &TestNode, name: &str, more: &[&str]) -> Value {
        let file = self.file(name);
        let words = ["bundle", "export", file.to_str().unwrap(), "--partnership", "Prevention"];
        from.cli(&[&words[..], more].concat()).await.done()
    }

    async fn import(&self, to: &TestNode, name: &str, more: &[&str]) -> Value {
        let file = self.file(name);
        to.cli(&[&["bundle", "import", file.to_str().unwrap()][..], more].concat()).await.done()
    }
}

/// Nodes that became partners over the network, and never meet there again: one runs at a time.
async fn apart(members: &[(&str, &str)]) -> Partnership {
    let mut p = Partnership::of(members).await;
    for node in &mut p.nodes {
        node.stop().await;
    }
    p
}

async fn remove(node: &TestNode, who: OrgId) {
    node.cli(&["partnership", "remove", "Prevention", &who.to_string(), "--reason", "test"]).await.ok();
}

#[tokio::test]
async fn two_nodes_that_never_meet_on_the_network_exchange_everything_by_stick() {
    let (mut p, stick) = (apart(&[NPM, RIGHTS]).await, Stick::new());
    p[0].start().await;
    let photo = p[0].home().beside("photo.bin");
    let bytes: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
    std::fs::write(&photo, &bytes).unwrap();
    let attached = p[0].attach(&photo).await.unwrap();
    let to_all = p[0].publish(draft("training", "For all").attachment(attached), "Prevention", None).await;
    let named = draft("training", "For one").sensitivity(Sensitivity::Named);
    let named = p[0].publish(named, "Prevention", Some(&["Rights"])).await;
    let made = stick.export(&p[0], "there", &["--to", "Rights", "--attachments"]).await;
    assert_eq!((&made["entries"], &made["attachments"], &made["nodes"]), (&2.into(), &1.into(), &1.into()));
    let told = p[0].cli(&["sync", "explain", &to_all.to_string(), "Rights"]).await.done();
    assert_ne!(told["code"], "has-it", "that it was exported says nothing of whether it arrived");
    p[0].stop().await;

    p[1].start().await;
    let answer = stick.file("back");
    let taken = stick.import(&p[1], "there", &["--answer", answer.to_str().unwrap()]).await;
    assert_eq!(
        (&taken["entries"], &taken["known"], &taken["attachments"]),
        (&2.into(), &0.into(), &1.into())
    );
    assert_eq!(taken["missing"].as_array().unwrap().len(), 0);
    assert_eq!(p[1].attachment(to_all, 0).await.unwrap(), bytes);
    assert!(p[1].record(named).await.is_ok());
    let reply = p[1].publish(draft("training", "Thank you"), "Prevention", None).await;
    stick.export(&p[1], "reply", &[]).await;
    p[1].stop().await;

    p[0].start().await;
    let taken = stick.import(&p[0], "back", &[]).await;
    assert!(taken["entries"].as_u64().unwrap() >= 1, "the acknowledgements: {taken}");
    assert!(p[0].record(reply).await.is_err(), "it was written after the answer");
    stick.import(&p[0], "reply", &["--partnership", "Prevention"]).await;
    assert!(p[0].record(reply).await.is_ok());
    for id in [to_all, named] {
        let told = p[0].cli(&["sync", "explain", &id.to_string(), "Rights"]).await.done();
        assert_eq!(told["code"], "has-it", "{told}");
    }
    // Now it is known what arrived, and is not sent again unless that is wished.
    let small = stick.export(&p[0], "small", &["--to", "Rights"]).await;
    assert_eq!(small["entries"], 0, "{small}");
    let all = stick.export(&p[0], "all", &["--to", "Rights", "--all"]).await;
    assert!(all["entries"].as_u64().unwrap() >= 3, "{all}");
    p[0].stop().await;
    // Both end with the same, and a stick that comes twice, or late, changes nothing.
    p[1].start().await;
    let before = p[1].frames().await;
    let again = stick.import(&p[1], "there", &[]).await;
    assert_eq!((&again["entries"], &again["known"], &again["acts"]), (&0.into(), &2.into(), &0.into()));
    let all = stick.import(&p[1], "all", &[]).await;
    assert_eq!((&all["entries"], &all["missing"].as_array().unwrap().len()), (&0.into(), &0));
    assert_eq!(p[1].frames().await, before);
    assert_eq!(p[1].shared_ids().await, [to_all, named, reply].into());
}

#[tokio::test]
async fn a_bundle_for_all_holds_no_circle_that_not_everybody_reads() {
    let (mut p, stick) = (apart(&[NPM, RIGHTS, WATCH]).await, Stick::new());
    p[0].start().await;
    let named = draft("training", "For Rights").sensitivity(Sensitivity::Named);
    let named = p[0].publish(named, "Prevention", Some(&["Rights"])).await;
    let open = p[0].publish(draft("training", "For all"), "Prevention", None).await;
    let made = stick.export(&p[0], "all", &[]).await;
    assert_eq!(
        (&made["entries"], &made["circles_left_out"], &made["nodes"]),
        (&1.into(), &1.into(), &2.into())
    );
    let both = stick.export(&p[0], "both", &["--to", "Rights", "--to", "Watch"]).await;
    assert_eq!(both["circles_left_out"], 1);
    assert_eq!(stick.export(&p[0], "one", &["--to", "Rights"]).await["circles_left_out"], 0);
    p[0].stop().await;
    for (reader, file, reads) in [(2, "all", false), (1, "all", false), (1, "one", true)] {
        p[reader].start().await;
        let taken = stick.import(&p[reader], file, &[]).await;
        assert_eq!(taken["missing"].as_array().unwrap().len(), 0, "nothing tells that there is more");
        assert!(p[reader].record(open).await.is_ok());
        assert_eq!(p[reader].record(named).await.is_ok(), reads);
        p[reader].stop().await;
    }
    p[2].start().await;
    let one = stick.file("one");
    p[2].cli(&["bundle", "import", one.to_str().unwrap()]).await.failed(5, "E-BUNDLE-NOT-OURS");
    p[2].cli(&["bundle", "import", "no-such-file"]).await.failed(1, "failed");
}

#[tokio::test]
async fn changes_of_membership_and_new_keys_travel_by_stick_and_a_gap_is_told() {
    let (mut p, stick) = (apart(&[NPM, RIGHTS, WATCH]).await, Stick::new());
    p[0].start().await;
    let early = p[0].publish(draft("training", "Before"), "Prevention", None).await;
    let since = entente_node::clock::now().0 + 1;
    wait_until("the clock goes on", async || entente_node::clock::now().0 > since).await;
    let watch = p.orgs[2];
    remove(&p[0], watch).await;
    let late = p[0].publish(draft("training", "After"), "Prevention", None).await;
    let when = rfc3339(since);
    stick.export(&p[0], "new", &["--since", &when]).await;
    stick.export(&p[0], "all", &[]).await;
    p[0].stop().await;
    p[1].start().await;
    let taken = stick.import(&p[1], "new", &[]).await;
    assert!(taken["acts"].as_u64().unwrap() > 0);
    assert_eq!(taken["missing"][0]["author"]["name"], "Ombudsman", "{taken}");
    assert!(p[1].record(late).await.is_err(), "it comes after what is missing");
    let taken = stick.import(&p[1], "all", &[]).await;
    assert_eq!(taken["missing"].as_array().unwrap().len(), 0);
    for id in [early, late] {
        assert!(p[1].record(id).await.is_ok());
    }
    assert_eq!(p[1].partnership("Prevention").await.unwrap().members_now.len(), 2);
    p[1].stop().await;
    p[2].start().await;
    for file in ["new", "all"] {
        let file = stick.file(file);
        p[2].cli(&["bundle", "import", file.to_str().unwrap()]).await.failed(5, "E-BUNDLE-NOT-OURS");
    }
}

/// A moment as RFC 3339, from milliseconds since 1970.
fn rfc3339(ms: u64) -> String {
    jiff::Timestamp::from_millisecond(i64::try_from(ms).unwrap()).unwrap().to_string()
}
