//! F16: an old state of a node comes back, and no position is ever used twice. Keys follow keys.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use entente_protocol::codec;
use entente_protocol::derive;
use entente_protocol::ids::Hash;
use entente_tests::{Partnership, TestNode, draft, wait_until};

use crate::insider::Insider;

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else if !["node.sock", "lock"].contains(&name.to_str().unwrap()) {
            std::fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

async fn fenced(node: &TestNode) -> bool {
    node.partnership("Prevention").await.is_ok_and(|p| p.fenced.is_some())
}

/// Renews the log as soon as the node has caught up.
async fn renew(node: &TestNode) {
    wait_until("the log is renewed", async || node.cli(&["key", "renew-log", "Prevention"]).await.code == 0)
        .await;
}

async fn nobody_saw_two_faces(p: &Partnership) {
    for node in &p.nodes {
        let found = node.cli(&["audit", "verify"]).await;
        assert_eq!(found.code, 0, "{}: {found:?}", node.name());
        assert!(node.sync_status().await.quarantined.is_empty(), "{}", node.name());
    }
}

#[tokio::test]
async fn a_copied_folder_signs_nothing_before_a_partner_has_told_what_it_signed() {
    let mut p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso"), ("Network", "network")]).await;
    let before = p[1].publish(draft("training", "Before"), "Prevention", None).await;
    let circle = p[1].publish(draft("training", "Circle"), "Prevention", Some(&["Ombudsman"])).await;
    wait_until("both arrive", async || {
        p[0].record(circle).await.is_ok() && p[2].record(before).await.is_ok()
    })
    .await;
    let (home, kept) = (p[1].home().path(), p[1].home().beside("kept"));
    p[1].stop().await;
    copy(&home, &kept);
    p[1].start().await;
    let lost = p[1].publish(draft("training", "Lost"), "Prevention", None).await;
    let lost_circle = p[1].publish(draft("training", "Lost too"), "Prevention", Some(&["Ombudsman"])).await;
    wait_until("they arrive", async || {
        p[0].record(lost_circle).await.is_ok() && p[2].record(lost).await.is_ok()
    })
    .await;
    for partner in [0, 2] {
        p[partner].stop().await;
    }
    p[1].kill();
    std::fs::remove_dir_all(&home).unwrap();
    copy(&kept, &home);

    p[1].start().await;
    let again = p[1].keep(draft("training", "Again")).await.unwrap();
    for readers in [None, Some(&["Ombudsman"][..])] {
        let early = p[1].share(again, "Prevention", readers).await.unwrap_err();
        assert_eq!(early.code, "E-FENCED", "{early:?}");
    }
    for partner in [0, 2] {
        p[partner].start().await;
    }
    wait_until("partners give back what it lost", async || {
        p[1].record(lost).await.is_ok() && p[1].record(lost_circle).await.is_ok()
    })
    .await;
    assert!(fenced(&p[1]).await);
    assert_eq!(p[1].share(again, "Prevention", None).await.unwrap_err().code, "E-FENCED");
    renew(&p[1]).await;
    assert!(!fenced(&p[1]).await);
    let new = p[1].share(again, "Prevention", None).await.unwrap().record;
    let new_circle = p[1].publish(draft("training", "New circle"), "Prevention", Some(&["Ombudsman"])).await;
    wait_until("partners show old and new", async || {
        let mut all = true;
        for id in [before, circle, lost, lost_circle, new, new_circle] {
            all &= p[0].record(id).await.is_ok();
        }
        all && p[2].record(new).await.is_ok()
    })
    .await;
    p[1].restart().await;
    let last = p[1].publish(draft("training", "Last"), "Prevention", None).await;
    wait_until("it goes on after a restart", async || p[2].record(last).await.is_ok()).await;
    nobody_saw_two_faces(&p).await;
}

#[tokio::test]
async fn a_folder_that_was_only_moved_goes_on_once_a_partner_is_there() {
    let mut p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    p[1].publish(draft("training", "Before"), "Prevention", None).await;
    let (home, moved) = (p[1].home().path(), p[1].home().beside("moved"));
    p[0].stop().await;
    p[1].stop().await;
    copy(&home, &moved);
    std::fs::remove_dir_all(&home).unwrap();
    std::fs::rename(&moved, &home).unwrap();
    p[1].start().await;
    let kept = p[1].keep(draft("training", "After")).await.unwrap();
    let early = p[1].share(kept, "Prevention", None).await.unwrap_err();
    assert_eq!(early.code, "E-FENCED", "{early:?}");
    p[0].start().await;
    wait_until("it may go on", async || p[1].share(kept, "Prevention", None).await.is_ok()).await;
    let id = p[1].publish(draft("training", "And on"), "Prevention", None).await;
    wait_until("it is read", async || p[0].record(id).await.is_ok()).await;
    assert!(!fenced(&p[1]).await);
    nobody_saw_two_faces(&p).await;
}

#[tokio::test]
async fn a_key_is_rotated_by_hand_and_everybody_writes_under_the_new_one() {
    let p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    let first = p[0].publish(draft("training", "First"), "Prevention", None).await;
    let rotated = p[1].cli(&["key", "rotate", "Prevention"]).await.done();
    assert_eq!(rotated["nodes"], 2);
    let second = p[0].publish(draft("training", "Second"), "Prevention", None).await;
    let third = p[1].publish(draft("training", "Third"), "Prevention", None).await;
    wait_until("all are read by both", async || {
        let mut all = true;
        for id in [first, second, third] {
            all &= p[0].record(id).await.is_ok() && p[1].record(id).await.is_ok();
        }
        all
    })
    .await;
    nobody_saw_two_faces(&p).await;
}

#[tokio::test]
async fn a_restored_back_up_never_uses_a_position_twice() {
    let mut p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    let before = p[1].publish(draft("training", "Before"), "Prevention", None).await;
    wait_until("it arrives", async || p[0].record(before).await.is_ok()).await;
    let (home, file) = (p[1].home().path(), p[1].home().beside("node.backup"));
    let file = file.to_str().unwrap();
    let made = p[1].cli(&["backup", "create", file]).await.done();
    assert_eq!(made["partnerships"], 1);
    let lost = p[1].publish(draft("training", "Lost"), "Prevention", None).await;
    wait_until("it arrives", async || p[0].record(lost).await.is_ok()).await;
    assert!(p[1].cli(&["backup", "verify", file]).await.done()["frames"].as_u64() > Some(3));
    let root_key = std::fs::read(home.join("organisation.key")).unwrap();
    p[1].kill();
    let lived = p[1].home().beside("lived");
    copy(&home, &lived);
    std::fs::remove_dir_all(&home).unwrap();

    // Killed in the middle of restoring, it is simply done again.
    let mut killed = p[1].home().command(&["backup", "restore", file]).spawn().unwrap();
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(!home.join("vault").exists() || home.join("journal").exists(), "half of a node");
    if !home.exists() {
        p[1].cli(&["backup", "restore", file]).await.ok();
    }
    assert_eq!(p[1].cli(&["backup", "restore", file]).await.code, 2, "never over a node");

    p[1].start().await;
    let kept = p[1].keep(draft("training", "Too early")).await.unwrap();
    let early = p[1].share(kept, "Prevention", None).await.unwrap_err();
    assert_eq!((early.code.as_str(), early.exit), ("E-FENCED", 5), "{early:?}");
    wait_until("its partner gives back what it lost", async || p[1].record(lost).await.is_ok()).await;
    assert_eq!(p[1].share(kept, "Prevention", None).await.unwrap_err().code, "E-FENCED");
    let key = p[1].home().beside("root.key");
    std::fs::write(&key, root_key).unwrap();
    wait_until("the log is renewed", async || {
        let key = key.to_str().unwrap();
        p[1].cli(&["key", "renew-log", "Prevention", "--root-key", key]).await.code == 0
    })
    .await;
    let new = p[1].share(kept, "Prevention", None).await.unwrap().record;
    wait_until("its partner shows old and new", async || {
        let mut all = true;
        for id in [before, lost, new] {
            all &= p[0].record(id).await.is_ok();
        }
        all
    })
    .await;
    nobody_saw_two_faces(&p).await;
    for node in &mut p.nodes {
        node.stop().await;
    }
    let before = Insider::open_at(&lived);
    let mut positions = BTreeMap::new();
    let homes = p.nodes.iter().map(|node| Insider::open(node.home()));
    for insider in std::iter::once(before).chain(homes) {
        for entry in insider.all_entries(&p.id) {
            let header = entry.header;
            let place = (header.space, header.log, header.seq);
            let hash = derive::hash(&codec::encode(&header));
            let first: Hash = *positions.entry(place).or_insert(hash);
            assert_eq!(first, hash, "two entries at one position: {place:?}");
        }
        insider.close();
    }
    let logs: BTreeSet<_> = positions.keys().map(|(_, log, _)| *log).collect();
    assert!(
        positions.len() >= 3 && logs.len() >= 2,
        "before and after the restore, in the old log and the new"
    );
}
