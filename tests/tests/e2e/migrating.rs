//! Homes that older programs made open in this one, and lose nothing. Formats of later programs are refused by
//! name, and nothing is changed.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use entente_node::api::types::Trust;
use entente_tests::{Home, TestNode, draft, wait_until};

fn fixture(version: &str, node: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(format!("home-{version}")).join(node)
}

/// A copy of a home, private as a node makes it: git does not keep that.
pub(crate) fn copied(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o700)).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copied(&from, &to);
        } else {
            std::fs::copy(&from, &to).unwrap();
            std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
}

fn home_of(version: &str, node: &str, name: &str) -> Home {
    let home = Home::empty(name);
    copied(&fixture(version, node), &home.path());
    home
}

#[tokio::test]
async fn the_homes_of_the_first_version_open_and_go_on() {
    let a = TestNode::start_in(home_of("0.1.0", "a", "An NPM")).await;
    let b = TestNode::start_in(home_of("0.1.0", "b", "Prison Watch")).await;
    for node in [&a, &b] {
        let mut titles: Vec<String> = node.records().await.iter().map(|r| r.title.clone()).collect();
        titles.sort();
        assert_eq!(titles, ["No access to a doctor", "რეკომენდაცია"], "{}", node.name());
        let seen = node.partnership("Prevention").await.unwrap();
        assert_eq!((seen.members_now.len(), seen.agreement_version), (2, 1));
        assert!(node.sync_status().await.quarantined.is_empty());
    }
    for node in [&a, &b] {
        wait_until("both find each other", async || {
            let seen = node.partnership("Prevention").await.unwrap();
            seen.members_now.iter().any(|m| m.connected)
        })
        .await;
    }
    let id = b.keep(draft("priority", "A place to look at")).await.unwrap();
    wait_until("it may be shared", async || b.share(id, "Prevention", Some(&["An NPM"])).await.is_ok()).await;
    wait_until("it arrives", async || a.record(id).await.is_ok()).await;
    // What this version adds works in a partnership of the last.
    a.cli(&["member", "promote", "Prevention", "Prison Watch"]).await.ok();
    a.cli(&["audit", "verify"]).await.ok();
    let found = a.doctor().await;
    assert!(found.iter().all(|check| check.name != "journal" || check.ok), "{found:?}");
}

#[tokio::test]
async fn a_partnership_that_governed_itself_opens_with_all_that_it_decided() {
    let a = TestNode::start_in(home_of("0.2.0", "a", "An NPM")).await;
    let b = TestNode::start_in(home_of("0.2.0", "b", "Prison Watch")).await;
    for (node, other) in [(&a, "Prison Watch"), (&b, "An NPM")] {
        let seen = node.partnership("Prevention").await.unwrap();
        assert_eq!((seen.members_now.len(), seen.agreement_version, seen.revoked.len()), (2, 2, 1));
        assert!(
            seen.stopped.is_empty() && seen.fenced.is_some(),
            "a copied folder publishes nothing by itself"
        );
        let member = seen.members_now.iter().find(|m| m.organisation.name == other).unwrap();
        assert!(matches!(member.trust.as_ref().unwrap().trust, Trust::Verified { .. }), "{member:?}");
        let mut titles: Vec<String> = node.records().await.iter().map(|r| r.title.clone()).collect();
        titles.sort();
        assert_eq!(titles, ["From the second office", "No access to a doctor", "توصية", "რეკომენდაცია"]);
        assert!(node.sync_status().await.quarantined.is_empty());
        node.cli(&["audit", "verify"]).await.ok();
    }
    let material = a.records().await.into_iter().find(|r| r.title == "რეკომენდაცია").unwrap();
    assert_eq!(a.attachment(material.id, 0).await.unwrap(), "what we saw ".repeat(10_000).into_bytes());
    wait_until("both find each other", async || {
        let seen = a.partnership("Prevention").await.unwrap();
        seen.members_now.iter().any(|m| m.connected)
    })
    .await;
}

#[tokio::test]
async fn what_a_later_program_wrote_is_refused_by_name_and_left_as_it_is() {
    let home = home_of("0.1.0", "a", "An NPM");
    let config = home.path().join("config.toml");
    let later = std::fs::read_to_string(&config).unwrap().replace("version = 1", "version = 2");
    std::fs::write(&config, &later).unwrap();
    let vault = std::fs::read(home.path().join("vault")).unwrap();
    let refused = home.cli(&["run"]).await;
    assert_ne!(refused.code, 0);
    let said = refused.json["error"]["what"].as_str().unwrap_or_default().to_owned();
    assert!(said.contains("config.toml") && said.contains('2'), "{refused:?}");
    assert_eq!(std::fs::read_to_string(&config).unwrap(), later);
    assert_eq!(std::fs::read(home.path().join("vault")).unwrap(), vault, "nothing was changed");
}
