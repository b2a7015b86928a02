//! Whoever seizes a computer: all files of nodes that are locked, stopped, killed.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use entente_cli::client::route;
use entente_node::api::types::Problem;
use entente_tests::{Home, TestNode, invite, wait_until};
use serde_json::{Value, json};

use crate::insider::Insider;
use crate::needles::{Needles, files_below};
use crate::tapped::{marked_session, names_of};

#[tokio::test]
async fn nothing_readable_is_left_in_any_file() {
    let (mut p, _taps) = marked_session(40).await;
    let _open_invitation = invite(&p[0], &p.name, "network").await;
    every_open_file_is_the_nodes_own(&p[0]);
    // Killed in the middle of it all, and with a full index.
    p[0].kill();
    let office = p[0].home().path();
    let killed = copy_of(&office);
    let (one, two) = (Insider::open(p[0].home()), Insider::seize(&mut p[1]).await);
    let needles = names_of(&p, &[&one, &two]);
    one.close();
    two.close();
    nothing_in(&killed, &needles);
    nothing_in(&p[1].home().path(), &needles);
    // Locked, with its process still running.
    p[0].start().await;
    let locked: Result<Value, Problem> = p[0].client().post(&route(&["lock"]), &json!({})).await;
    assert!(locked.is_ok(), "{locked:?}");
    wait_until("it is locked", async || p[0].status().await.locked).await;
    nothing_in(&office, &needles);
    every_open_file_is_the_nodes_own(&p[0]);
    // What it printed meanwhile.
    for node in &p.nodes {
        let log = std::fs::read(node.home().beside("stderr.log")).unwrap();
        let mut markers = Needles::default();
        for marker in crate::tapped::MARKERS {
            markers.text(marker);
        }
        markers.assert_absent("the program's log", &log);
    }
}

#[tokio::test]
async fn every_file_and_folder_of_a_node_is_for_its_user_only() {
    let node = TestNode::start_new("Private Office", "npm").await;
    let home = node.home().path();
    for (path, mode) in modes_below(&home) {
        assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", path.display());
    }
    let mode = std::fs::symlink_metadata(home.join("node.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "the socket");
}

#[tokio::test]
async fn the_settings_hold_addresses_and_no_names() {
    let home = Home::init("Quiet Office", "npm").await;
    let text = std::fs::read_to_string(home.path().join("config.toml")).unwrap();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        let setting = line.split('=').next().unwrap().trim();
        assert!(["version", "listen", "advertise"].contains(&setting), "{line}");
    }
}

fn nothing_in(home: &Path, needles: &Needles) {
    let files = files_below(home);
    assert!(files.len() >= 5, "{files:?}");
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        needles.assert_absent(&file.display().to_string(), &bytes);
        needles.assert_absent("a file's name", file.display().to_string().as_bytes());
    }
}

fn copy_of(home: &Path) -> std::path::PathBuf {
    let to = home.with_file_name("copy");
    let done = std::process::Command::new("cp").arg("-r").arg(home).arg(&to).status().unwrap();
    // The socket cannot be copied; everything else was.
    assert!(to.join("journal").exists(), "{done}");
    to
}

/// No temporary file elsewhere: what the process has open lies in its folder, or is its output.
fn every_open_file_is_the_nodes_own(node: &TestNode) {
    let home = node.home().path();
    let logs = [node.home().beside("stdout.log"), node.home().beside("stderr.log")];
    for entry in std::fs::read_dir(format!("/proc/{}/fd", node.pid())).unwrap() {
        let Ok(target) = std::fs::read_link(entry.unwrap().path()) else { continue };
        let regular = std::fs::metadata(&target).is_ok_and(|m| m.is_file());
        if regular {
            assert!(target.starts_with(&home) || logs.contains(&target), "{} is open", target.display());
        }
    }
}

fn modes_below(folder: &Path) -> Vec<(std::path::PathBuf, u32)> {
    let mut all = vec![(folder.to_owned(), std::fs::metadata(folder).unwrap().permissions().mode())];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = std::fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            all.extend(modes_below(&path));
        } else {
            all.push((path, metadata.permissions().mode()));
        }
    }
    all
}
