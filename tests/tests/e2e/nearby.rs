//! Nodes on one local network that know no address of each other: real processes, multicast on loopback.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use entente_node::home::Home as Folder;
use entente_tests::{Home, PERMISSIVE, Partnership, TestNode, draft, wait_until, wait_until_within};
use serde_json::Value;

use crate::hiding::sockets;

const PATIENCE: Duration = Duration::from_secs(60);
/// As in `node/src/lan.rs`.
const PORT: u16 = 7421;
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 74, 20);
const LOOKED_AT: u64 = 128;

/// Two members that moved: each knows of the other only an address where nobody is now.
async fn who_moved() -> Partnership {
    let homes = vec![Home::init("Ombudsman", "npm").await, Home::init("Rights", "cso").await];
    let nodes = TestNode::start_all(homes).await;
    let mut p = Partnership::among(nodes, "Prevention", PERMISSIVE).await;
    for node in &mut p.nodes {
        node.stop().await;
        let folder = Folder::at(&node.home().path());
        let mut config = folder.config().unwrap();
        config.listen.set_port(0);
        config.advertise = vec!["127.0.0.1:9".parse().unwrap()];
        folder.save(&config).unwrap();
    }
    for node in &mut p.nodes {
        node.start().await;
    }
    p
}

async fn is_connected(node: &TestNode) -> bool {
    node.sync_status().await.partners.iter().any(|partner| partner.connected)
}

fn has_beacons(node: &TestNode) -> bool {
    sockets(node.pid()).iter().any(|(protocol, own, _)| *protocol == "udp" && *own == PORT)
}

async fn lan(node: &TestNode) -> Value {
    node.cli(&["network", "show"]).await.done()["lan"].clone()
}

#[tokio::test]
async fn two_members_on_one_network_find_each_other_without_any_address_and_off_is_no_socket() {
    let p = who_moved().await;
    for node in &p.nodes {
        node.dial_now().await;
        wait_until("nobody is where it was", async || {
            node.sync_status().await.partners.iter().any(|partner| partner.last_error.is_some())
        })
        .await;
        assert!(sockets(node.pid()).iter().all(|(protocol, ..)| *protocol == "tcp"), "off: no socket");
    }
    p[0].cli(&["network", "lan", "on"]).await.ok();
    wait_until("it speaks", async || has_beacons(&p[0])).await;
    assert!(!is_connected(&p[1]).await, "one alone finds nobody");
    p[1].cli(&["network", "lan", "on"]).await.ok();
    wait_until_within(PATIENCE, "they find each other", async || is_connected(&p[1]).await).await;
    let record = p[0].publish(draft("training", "Next door"), "Prevention", None).await;
    wait_until("a record arrives", async || p[1].record(record).await.is_ok()).await;
    for node in &p.nodes {
        node.cli(&["network", "lan", "off"]).await.ok();
        wait_until("the socket is closed", async || !has_beacons(node)).await;
        assert_eq!(lan(node).await["on"], false);
    }
}

#[tokio::test]
async fn a_flood_of_beacons_that_nobody_made_costs_little_and_hides_nobody_for_long() {
    let p = who_moved().await;
    p[0].cli(&["network", "lan", "on"]).await.ok();
    wait_until("it listens", async || has_beacons(&p[0])).await;
    let (before, begun) = (cpu(p[0].pid()), Instant::now());
    let flood = tokio::task::spawn_blocking(|| {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let until = Instant::now() + Duration::from_secs(5);
        let mut sent = 0_u64;
        while Instant::now() < until {
            let _no_room = socket.send_to(&[u8::try_from(sent % 251).unwrap(); 32], (GROUP, PORT));
            sent += 1;
            if sent.is_multiple_of(50) {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        sent
    });
    let sent = flood.await.unwrap();
    let (used, came) = (cpu(p[0].pid()) - before, lan(&p[0]).await["came"].as_u64().unwrap());
    let most = (begun.elapsed().as_secs() + 2) * LOOKED_AT;
    assert!(sent > 20 * most && came <= most, "{sent} were sent, {came} looked at, {most} may be");
    assert!(used < 1.0, "{used} s of computing in 5 s, of which all else in the node is the larger part");
    p[1].cli(&["network", "lan", "on"]).await.ok();
    wait_until_within(PATIENCE, "they find each other", async || is_connected(&p[1]).await).await;
}

/// Seconds that a process has computed (proc(5), a hundredth of a second each).
fn cpu(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

#[tokio::test]
async fn a_node_with_a_proxy_is_not_found_on_its_network() {
    let home = Home::init("Ombudsman", "npm").await;
    let proxy = "socks5h://127.0.0.1:9050";
    home.cli(&["run", "--lan", "--proxy", proxy]).await.failed(2, "usage");
    home.cli(&["run", "--lan", "--proxy", proxy, "--only-proxy"]).await.failed(2, "usage");
    let folder = Folder::at(&home.path());
    let mut config = folder.config().unwrap();
    config.proxy = Some(proxy.parse().unwrap());
    folder.save(&config).unwrap();
    let node = TestNode::start_in(home).await;
    let refused = node.cli(&["network", "lan", "on"]).await;
    refused.failed(2, "usage");
    assert!(sockets(node.pid()).iter().all(|(protocol, ..)| *protocol == "tcp"));
}
