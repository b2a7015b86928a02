//! Nodes that hide where they are: all goes through a proxy, or nowhere.

use std::collections::BTreeSet;

use entente_node::home::Home as Folder;
use entente_tests::{Home, PERMISSIVE, Partnership, Socks, TestNode, draft, wait_until};

const PROXY_DOWN: &str = "the proxy that all goes through cannot be used";

/// A name as onion services have.
pub(crate) fn onion(letter: char) -> String {
    letter.to_string().repeat(56)
}

/// A node that nobody reaches but by an onion service, and that reaches nobody but through the proxy.
pub(crate) async fn hidden(name: &str, kind: &str, service: &str, proxy: &Socks) -> TestNode {
    let home = Home::init(name, kind).await;
    let folder = Folder::at(&home.path());
    let mut config = folder.config().unwrap();
    config.advertise = vec![format!("/onion3/{service}:7420").parse().unwrap()];
    config.proxy = Some(proxy.url().parse().unwrap());
    config.only_proxy = true;
    folder.save(&config).unwrap();
    proxy.name(&format!("{service}.onion"), home.port());
    TestNode::start_in(home).await
}

/// The sockets of a process that speak to, or listen for, another one: (protocol, own port, the other's port).
pub(crate) fn sockets(pid: u32) -> Vec<(&'static str, u16, u16)> {
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let inodes: BTreeSet<String> = descriptors
        .filter_map(|fd| std::fs::read_link(fd.path()).ok()?.to_str().map(str::to_owned))
        .filter_map(|link| Some(link.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let mut found = Vec::new();
    for protocol in ["tcp", "tcp6", "udp", "udp6", "raw"] {
        let table = std::fs::read_to_string(format!("/proc/{pid}/net/{protocol}")).unwrap_or_default();
        for line in table.lines().skip(1) {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let port = |address: &str| u16::from_str_radix(address.rsplit(':').next().unwrap(), 16).unwrap();
            if inodes.contains(columns[9]) {
                found.push((protocol, port(columns[1]), port(columns[2])));
            }
        }
    }
    found
}

/// Whoever looks at the process sees its listening port on loopback, and the proxy.
pub(crate) fn assert_only_proxy(node: &TestNode, proxy: u16) {
    for (protocol, own, other) in sockets(node.pid()) {
        let inbound = own == node.home().port();
        assert!(
            protocol == "tcp" && (inbound || other == proxy),
            "{}: {protocol} {own} {other}",
            node.name()
        );
    }
}

#[tokio::test]
async fn two_nodes_that_hide_exchange_through_the_proxy_and_partnerships_show_it_different_names() {
    let proxy = Socks::open().await;
    let office = hidden("Ombudsman", "npm", &onion('a'), &proxy).await;
    let rights = hidden("Rights", "cso", &onion('b'), &proxy).await;
    assert_eq!(office.ready()["addresses"][0], format!("/onion3/{}:7420", onion('a')));
    let p = Partnership::among(vec![office, rights], "Hidden", PERMISSIVE).await;
    let record = p[0].publish(draft("training", "From nowhere"), "Hidden", None).await;
    wait_until("it arrives", async || p[1].record(record).await.is_ok()).await;
    let first: BTreeSet<_> = proxy.asked().into_iter().map(|asked| asked.login).collect();
    let second = Partnership::among(p.nodes, "Other", PERMISSIVE).await;
    for node in &second.nodes {
        assert_only_proxy(node, proxy.port());
    }
    let asked = proxy.asked();
    let targets: BTreeSet<_> = asked.iter().map(|asked| asked.target.clone()).collect();
    let services: BTreeSet<_> = ['a', 'b'].map(|letter| format!("{}.onion:7420", onion(letter))).into();
    assert!(targets.is_subset(&services), "names are the proxy's to look up: {targets:?}");
    let all: BTreeSet<_> = asked.into_iter().map(|asked| asked.login).collect();
    assert!(all.difference(&first).next().is_some(), "another partnership, another circuit: {all:?}");
}

#[tokio::test]
async fn with_the_proxy_down_nothing_is_dialled() {
    let proxy = Socks::open().await;
    let office = hidden("Ombudsman", "npm", &onion('a'), &proxy).await;
    // A partner at an address of the internet, as far as loopback is that: it could be reached directly.
    let open = TestNode::start_new("Rights", "cso").await;
    let mut p = Partnership::among(vec![open, office], "Hidden", PERMISSIVE).await;
    assert!(proxy.asked().iter().any(|a| a.target == format!("127.0.0.1:{}", p[0].home().port())));
    proxy.close().await;
    let down = |error: Option<String>| error.as_deref() == Some(PROXY_DOWN);
    for _ in 0..3 {
        p[1].restart().await;
        p[1].dial_now().await;
        wait_until("it says that the proxy is down", async || {
            p[1].sync_status().await.partners.into_iter().any(|partner| down(partner.last_error))
        })
        .await;
        let sockets = sockets(p[1].pid());
        assert!(sockets.iter().all(|(_, own, _)| *own == p[1].home().port()), "{sockets:?}");
    }
    let status = p[0].sync_status().await;
    assert!(status.partners.iter().all(|partner| !partner.connected), "nobody came past the proxy");
}

#[tokio::test]
async fn a_node_that_is_to_hide_does_not_start_where_something_would_show_it() {
    let home = Home::init("Ombudsman", "npm").await;
    for wrong in [
        &["--only-proxy"][..],
        &["--proxy", "socks5://127.0.0.1:9050"],
        &["--proxy", "socks5h://127.0.0.1:9050", "--only-proxy", "--advertise", "192.0.2.1:7420"],
    ] {
        home.cli(&[&["run"], wrong].concat()).await.failed(2, "usage");
    }
}
