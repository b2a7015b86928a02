//! Two nodes that nobody can dial, and a third that relays between them: through real processes.

use std::time::Duration;

use entente_node::home::Home as Folder;
use entente_protocol::ids::RecordId;
use entente_tests::{Home, PERMISSIVE, Partnership, TestNode, draft, wait_until, wait_until_within};

const PATIENCE: Duration = Duration::from_secs(90);

/// A node that tells its partners an address where nobody is, as behind a router that forwards nothing. Unless it punches
/// holes it stays there.
pub(crate) async fn unreachable(name: &str, kind: &str, punch: bool) -> Home {
    let home = Home::init(name, kind).await;
    let folder = Folder::at(&home.path());
    let mut config = folder.config().unwrap();
    config.advertise = vec!["127.0.0.1:9".parse().unwrap()];
    config.punch = punch;
    folder.save(&config).unwrap();
    home
}

pub(crate) async fn is_connected(node: &TestNode, partner: &str) -> bool {
    let status = node.sync_status().await;
    status.partners.iter().any(|p| p.organisation.name == partner && p.connected)
}

pub(crate) async fn through(node: &TestNode, partner: &str) -> Option<String> {
    let status = node.sync_status().await;
    status.partners.into_iter().find(|p| p.organisation.name == partner)?.through
}

async fn last_error(node: &TestNode, partner: &str) -> String {
    let status = node.sync_status().await;
    let found = status.partners.into_iter().find(|p| p.organisation.name == partner);
    found.and_then(|p| p.last_error).unwrap_or_default()
}

/// The first can be dialled by all, the others by nobody.
async fn office_and_two_behind_routers() -> Partnership {
    let homes = vec![
        Home::init("Ombudsman", "npm").await,
        unreachable("Rights", "cso", false).await,
        unreachable("Doctors", "cso", false).await,
    ];
    let nodes = TestNode::start_all(homes).await;
    Partnership::around(nodes, "Prevention", PERMISSIVE).await
}

/// The second shares a record with a file for the third only, and it arrives.
pub async fn exchange(p: &Partnership) -> RecordId {
    let path = p[1].home().beside("film.bin");
    std::fs::write(&path, vec![7; 300_000]).unwrap();
    let file = p[1].attach(&path).await.unwrap();
    let record =
        p[1].publish(draft("training", "For you").attachment(file), "Prevention", Some(&["Doctors"])).await;
    wait_until_within(PATIENCE, "the record and its file are there", async || {
        p[2].record(record).await.is_ok_and(|r| r.attachment_list[0].complete)
    })
    .await;
    record
}

#[tokio::test]
async fn two_that_nobody_can_dial_exchange_a_record_and_a_file_for_each_other_only_through_a_third() {
    let mut p = office_and_two_behind_routers().await;
    assert!(!is_connected(&p[1], "Doctors").await, "nobody relays unless its keeper says so");
    let on = p[0].cli(&["network", "relay", "on", "--per-hour", "64MB"]).await.done();
    assert_eq!(on["relay"]["hourly"], 64_000_000, "{on}");
    wait_until_within(PATIENCE, "they are connected through the third", async || {
        through(&p[1], "Doctors").await.as_deref() == Some("Ombudsman")
            && through(&p[2], "Rights").await.as_deref() == Some("Ombudsman")
    })
    .await;
    let record = exchange(&p).await;
    assert!(p[0].record(record).await.is_err(), "the third carried it and cannot read it");
    let said = p[1].cli(&["sync", "explain", &record.to_string(), "Doctors"]).await.done();
    assert!(said["words"].as_str().unwrap().contains("reached through Ombudsman"), "{said}");
    let shown = p[1].cli(&["network", "show"]).await.done();
    let ways = shown["ways"].as_array().unwrap();
    assert!(ways.iter().any(|w| w["organisation"] == "Ombudsman" && w["relays"] == true), "{shown}");
    assert!(ways.iter().any(|w| w["organisation"] == "Doctors" && w["through"] == "Ombudsman"), "{shown}");
    let relay = p[0].cli(&["network", "show"]).await.done();
    assert_eq!(relay["relay"]["circuits"], 1, "{relay}");
    assert!(relay["relay"]["used"].as_u64().unwrap() > 300_000, "{relay}");

    // Switched off it carries nothing more, and that is said.
    p[0].cli(&["network", "relay", "off"]).await.ok();
    wait_until_within(PATIENCE, "the way ends, and it is said why", async || {
        let error = last_error(&p[1], "Doctors").await;
        !is_connected(&p[1], "Doctors").await && error.contains("gone or relays no more")
    })
    .await;
    let said = p[1].cli(&["sync", "explain", &record.to_string(), "Doctors"]).await.done();
    assert_eq!(said["code"], "has-it", "{said}");

    // What its keeper set holds after a restart; a relay that is stopped is missed and said to be.
    p[0].cli(&["network", "relay", "on"]).await.ok();
    p[0].restart().await;
    wait_until_within(PATIENCE, "it relays again", async || is_connected(&p[1], "Doctors").await).await;
    p[0].stop().await;
    wait_until_within(PATIENCE, "the relay is gone, and it is said", async || {
        last_error(&p[1], "Doctors").await.contains("gone or relays no more")
    })
    .await;
}

#[tokio::test]
async fn a_member_that_is_removed_gets_nothing_through_a_relay_any_more() {
    let p = office_and_two_behind_routers().await;
    p[0].cli(&["network", "relay", "on"]).await.ok();
    wait_until_within(PATIENCE, "they are connected", async || is_connected(&p[1], "Doctors").await).await;
    p[0].cli(&["partnership", "remove", "Prevention", "Doctors", "--reason", "A breach"]).await.ok();
    wait_until("the circuit ends", async || {
        p[0].cli(&["network", "show"]).await.done()["relay"]["circuits"] == 0
    })
    .await;
    wait_until("the others know", async || !is_connected(&p[1], "Doctors").await).await;
    for _ in 0..5 {
        p[2].dial_now().await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(p[0].cli(&["network", "show"]).await.done()["relay"]["circuits"], 0);
        assert!(!is_connected(&p[2], "Rights").await && !is_connected(&p[1], "Doctors").await);
    }
}
