//! Starting and stopping, and what is said when that does not work.

use entente_tests::{Home, TestNode};

#[tokio::test]
async fn the_ready_line_tells_how_to_reach_the_node() {
    let node = TestNode::start_new("Ombudsman", "npm").await;
    let ready = node.ready();
    assert_eq!(ready["ready"], true);
    assert_eq!(ready["addresses"][0], format!("127.0.0.1:{}", node.home().port()));
    let status = node.cli(&["status"]).await.done();
    assert_eq!(ready["organisation"], status["organisation"]["id"]);
    assert_eq!(ready["node"], status["node"]);
    for file in ["node.sock", "api.token", "vault", "organisation.key"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(node.home().path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{file} is for its owner only");
    }
    let doctor = node.cli(&["doctor"]).await;
    assert_eq!(doctor.code, 6, "a root key that nobody backed up is all that the doctor finds: {doctor:?}");
    assert_eq!(doctor.json["findings"], 2, "{doctor:?}");
}

#[tokio::test]
async fn a_second_run_on_the_same_folder_is_refused_and_names_the_first() {
    let node = TestNode::start_new("Ombudsman", "npm").await;
    let second = node.cli(&["run"]).await;
    second.failed(4, "in-use");
    let what = second.json["error"]["what"].as_str().unwrap();
    assert!(what.contains(&node.pid().to_string()), "{what}");
    node.cli(&["status"]).await.ok();
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let home = Home::init("Ombudsman", "npm").await;
    let taken = std::net::TcpListener::bind(("127.0.0.1", home.port())).unwrap();
    let run = home.cli(&["run"]).await;
    run.failed(1, "port-in-use");
    assert!(run.json["error"]["what"].as_str().unwrap().contains(&home.port().to_string()), "{run:?}");
    drop(taken);
    let node = TestNode::start_in(home).await;
    node.cli(&["status"]).await.ok();
}

#[tokio::test]
async fn where_no_node_runs_or_is_made_the_program_says_so() {
    let home = Home::empty("Nobody");
    for words in [&["status"][..], &["run"], &["record", "list"], &["doctor"], &["partnership", "list"]] {
        home.cli(words).await.failed(3, "not-initialised");
    }
    let mut node = TestNode::start_new("Ombudsman", "npm").await;
    for killed in [false, true] {
        if killed {
            node.start().await;
            node.kill();
        } else {
            node.stop().await;
        }
        for words in [&["status"][..], &["record", "list"], &["lock"], &["stop"], &["sync", "now"]] {
            node.cli(words).await.failed(1, "no-node");
        }
        let offline = node.cli(&["doctor"]).await;
        assert_eq!(offline.json["running"], false, "the doctor needs no node: {offline:?}");
    }
    let again = node.cli(&["init", "--name", "Other", "--kind", "cso", "--country", "XA"]).await;
    again.failed(2, "usage");
    node.start().await;
    assert_eq!(node.status().await.organisation.unwrap().name, "Ombudsman", "nothing was written over");
}

#[tokio::test]
async fn a_passphrase_can_come_through_a_descriptor_and_an_empty_one_is_refused() {
    let home = Home::empty("Ombudsman");
    let words = ["init", "--name", "Ombudsman", "--kind", "npm", "--country", "XA"];
    home.give_passphrase("");
    home.cli(&words).await.failed(2, "usage");
    assert!(!home.path().join("vault").exists());
    let mut command = home.command(&words);
    command.args(["--passphrase-fd", "0"]).env_remove("ENTENTE_PASSPHRASE_FILE");
    let from = home.beside("other");
    std::fs::write(&from, "another good passphrase\n").unwrap();
    let made = command.stdin(std::fs::File::open(from).unwrap()).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    home.give_passphrase("and another one than that");
    home.cli(&["run"]).await.failed(4, "wrong-passphrase");
}

#[tokio::test]
async fn a_termination_signal_stops_it_in_order() {
    let mut node = TestNode::start_new("Ombudsman", "npm").await;
    let pid = node.pid().to_string();
    assert!(std::process::Command::new("kill").arg(&pid).status().unwrap().success());
    entente_tests::wait_until("it has stopped", async || {
        node.cli(&["status"]).await.json["error"]["code"] == "no-node"
    })
    .await;
    assert!(!node.home().path().join("node.sock").exists(), "nothing is left of it");
    node.kill();
    node.start().await;
}

#[tokio::test]
async fn the_demo_ends_with_every_claim_held() {
    let demo = Home::empty("Visitor").cli(&["demo"]).await;
    demo.ok();
    // One object, or a line for each claim and a last one that sums up.
    let last = demo.stdout.lines().last().and_then(|line| serde_json::from_str(line).ok());
    let last: serde_json::Value = last.unwrap_or_else(|| demo.json.clone());
    assert_eq!(last["ok"], true, "{}", demo.stdout);
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[tokio::test]
async fn a_node_has_malloc_set_in_the_process_that_was_started() {
    let node = TestNode::start_new("Ombudsman", "npm").await;
    let environment = std::fs::read(format!("/proc/{}/environ", node.pid())).unwrap();
    let mut set: Vec<&[u8]> =
        environment.split(|byte| *byte == 0).filter(|e| e.starts_with(b"MALLOC_")).collect();
    set.sort_unstable();
    assert_eq!(set, [&b"MALLOC_ARENA_MAX=2"[..], b"MALLOC_MMAP_THRESHOLD_=131072"]);
    let name = std::fs::read_to_string(format!("/proc/{}/comm", node.pid())).unwrap();
    assert!(name.starts_with("entente"), "lists of processes show its name: {name}");
}
