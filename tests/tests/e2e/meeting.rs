//! Hole punching between real processes: on one machine, behind real routers of network namespaces, and not where a node
//! hides.

use std::collections::BTreeSet;
use std::time::Duration;

use entente_node::home::Home as Folder;
use entente_tests::{Home, PERMISSIVE, Partnership, Routers, Socks, TestNode, wait_until, wait_until_within};

use crate::hiding::{assert_only_proxy, hidden, onion};
use crate::relaying::{exchange, is_connected, through, unreachable};

const PATIENCE: Duration = Duration::from_secs(90);
/// Where a first meeting fails because the machine is busy, the next is two minutes later.
const MEETINGS: Duration = Duration::from_secs(240);

async fn is_punched(node: &TestNode, partner: &str) -> bool {
    let status = node.sync_status().await;
    status.partners.iter().any(|p| p.organisation.name == partner && p.connected && p.punched)
}

async fn wait_until_they_met(p: &Partnership) {
    wait_until_within(MEETINGS, "the two met", async || {
        is_punched(&p[1], "Doctors").await && is_punched(&p[2], "Rights").await
    })
    .await;
}

#[tokio::test]
async fn two_that_nobody_can_dial_meet_where_a_third_sees_them_and_go_on_without_it() {
    let homes = vec![
        Home::init("Ombudsman", "npm").await,
        unreachable("Rights", "cso", true).await,
        unreachable("Doctors", "cso", true).await,
    ];
    let mut p = Partnership::around(TestNode::start_all(homes).await, "Prevention", PERMISSIVE).await;
    p[0].cli(&["network", "relay", "on"]).await.ok();
    wait_until_they_met(&p).await;
    wait_until("the circuit is given back", async || {
        p[0].cli(&["network", "show"]).await.done()["relay"]["circuits"] == 0
    })
    .await;
    p[0].kill();
    let record = exchange(&p).await;
    let said = p[1].cli(&["sync", "explain", &record.to_string(), "Doctors"]).await.done();
    assert!(said["words"].as_str().unwrap().contains("by hole punching"), "{said}");
    let shown = p[1].cli(&["network", "show"]).await.done();
    let ways = shown["ways"].as_array().unwrap();
    assert!(ways.iter().any(|w| w["organisation"] == "Doctors" && w["punched"] == true), "{shown}");

    // Switched off, which holds after a restart, it is not done again.
    let off = p[1].cli(&["network", "punch", "off"]).await.done();
    assert_eq!(off["punch"], false, "{off}");
    p[1].restart().await;
    p[0].start().await;
    wait_until_within(PATIENCE, "they speak through the third", async || {
        through(&p[1], "Doctors").await.as_deref() == Some("Ombudsman")
    })
    .await;
    assert_eq!(p[1].cli(&["network", "show"]).await.done()["punch"], false);
}

/// A node on a machine of its own, which listens everywhere and tells what its machine sees, or what is said here.
async fn on_machine(name: &str, kind: &str, space: String, advertise: Option<&str>) -> Home {
    let home = Home::init(name, kind).await;
    let folder = Folder::at(&home.path());
    let mut config = folder.config().unwrap();
    config.listen = format!("0.0.0.0:{}", home.port()).parse().unwrap();
    let outer = advertise.map(|ip| format!("{ip}:{}", home.port()).parse().unwrap());
    config.advertise = outer.into_iter().collect();
    folder.save(&config).unwrap();
    home.within(space)
}

/// The routers let nothing in that was not asked for, and translate addresses: this is what hole punching is for.
#[tokio::test]
async fn two_behind_routers_that_translate_addresses_meet_and_go_on_without_the_third() {
    let routers = match Routers::set_up() {
        Ok(routers) => routers,
        Err(why) => {
            eprintln!("SKIPPED: no networks behind routers can be had on this machine: {why}");
            return;
        }
    };
    let homes = vec![
        on_machine("Ombudsman", "npm", routers.space("open"), Some("198.51.100.2")).await,
        on_machine("Rights", "cso", routers.space("first"), None).await,
        on_machine("Doctors", "cso", routers.space("second"), None).await,
    ];
    let mut p = Partnership::around(TestNode::start_all(homes).await, "Prevention", PERMISSIVE).await;
    assert!(!is_connected(&p[1], "Doctors").await, "neither lets the other in");
    p[0].cli(&["network", "relay", "on"]).await.ok();
    wait_until_they_met(&p).await;
    p[0].kill();
    exchange(&p).await;
    assert!(is_punched(&p[1], "Doctors").await);
}

#[tokio::test]
async fn a_node_that_hides_uses_a_relay_through_its_proxy_and_never_meets_anybody() {
    let proxy = Socks::open().await;
    let nodes = vec![
        TestNode::start_new("Ombudsman", "npm").await,
        hidden("Rights", "cso", &onion('a'), &proxy).await,
        TestNode::start_in(unreachable("Doctors", "cso", true).await).await,
    ];
    let p = Partnership::around(nodes, "Prevention", PERMISSIVE).await;
    p[0].cli(&["network", "relay", "on"]).await.ok();
    wait_until_within(PATIENCE, "they are connected through the third", async || {
        through(&p[1], "Doctors").await.as_deref() == Some("Ombudsman")
            && through(&p[2], "Rights").await.as_deref() == Some("Ombudsman")
    })
    .await;
    exchange(&p).await;
    // The other would meet it, and the relay would tell: it is the one that hides that does not take part.
    assert_eq!(p[2].cli(&["network", "show"]).await.done()["punch"], true);
    assert_eq!(p[1].cli(&["network", "show"]).await.done()["punch"], false);
    p[1].cli(&["network", "punch", "on"]).await.failed(2, "usage");
    assert_only_proxy(&p[1], proxy.port());
    // Asked for were the relay, and where the other says that it is, and nothing else; and nobody came in.
    let asked: BTreeSet<_> = proxy.asked().into_iter().map(|asked| asked.target).collect();
    let known: BTreeSet<_> = [format!("127.0.0.1:{}", p[0].home().port()), "127.0.0.1:9".to_owned()].into();
    assert!(asked.is_subset(&known), "{asked:?}");
    for (here, there) in [(1, "Doctors"), (2, "Rights")] {
        assert_eq!(through(&p[here], there).await.as_deref(), Some("Ombudsman"), "there is no other way");
    }
}
