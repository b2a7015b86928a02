//! A locked node tells nothing; a wrong passphrase opens nothing.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use entente_tests::{PASSPHRASE, Partnership, TestNode, draft, wait_until};

#[tokio::test]
async fn a_locked_node_answers_nothing_but_status_until_it_is_unlocked() {
    let p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    let node = &p[1];
    let id = node.publish(draft("training", "MARKER-LOCKED"), "Prevention", None).await.to_string();
    let kept = node.keep(draft("training", "Draft")).await.unwrap().to_string();
    std::fs::write(node.home().beside("new.json"), r#"{"kind":"training","fields":{"title":"T"}}"#).unwrap();
    std::fs::write(node.home().beside("agreement.toml"), entente_tests::PERMISSIVE).unwrap();
    let invitation = entente_tests::invite(&p[0], "Prevention", "cso").await;

    node.cli(&["lock"]).await.ok();
    let sharing = ["--partnership", "Prevention"];
    let share = [&["record", "share", &kept, "--yes"][..], &sharing].concat();
    let preview = [&["record", "preview", &kept][..], &sharing].concat();
    let commands: [&[&str]; 29] = [
        &["partnership", "list"],
        &["partnership", "show", "Prevention"],
        &["partnership", "new", "--name", "N", "--agreement", "agreement.toml"],
        &["partnership", "invite", "Prevention"],
        &["partnership", "join", &invitation, "--yes"],
        &["partnership", "approve", "Prevention", "Ombudsman"],
        &["partnership", "remove", "Prevention", "Ombudsman"],
        &["partnership", "leave", "Prevention", "--yes"],
        &["partnership", "agreement", "show", "Prevention"],
        &["member", "list"],
        &["member", "list", "Prevention"],
        &["record", "new", "new.json"],
        &["record", "import", "new.json"],
        &["record", "list"],
        &["record", "search", "MARKER"],
        &["record", "show", &id],
        &["record", "show", &kept],
        &share,
        &preview,
        &["record", "export", &id, "copy.entente"],
        &["attachment", "list", &id],
        &["attachment", "get", &id, "0", "file.bin"],
        &["sync", "status"],
        &["sync", "now"],
        &["sync", "explain", &id, "Ombudsman"],
        &["doctor"],
        &["key", "show"],
        &["key", "backup", "--yes"],
        &["member", "show", "Ombudsman"],
    ];
    for words in commands {
        let answer = node.cli(words).await;
        answer.failed(4, "locked");
        assert!(!answer.stdout.contains("MARKER-LOCKED"), "{answer:?}");
    }
    let status = node.cli(&["status"]).await.done();
    assert_eq!(status["locked"], true);
    let status = status.to_string();
    for told in ["Rights", "Prevention", "MARKER-LOCKED"] {
        assert!(!status.contains(told), "status says `{told}` while locked: {status}");
    }
    says_nothing(node.home().port());
    wait_until("its partner sees it gone", async || {
        p[0].partnership("Prevention").await.unwrap().summary.connected == 0
    })
    .await;
    let meanwhile = p[0].publish(draft("training", "Meanwhile"), "Prevention", None).await;

    node.home().give_passphrase("not the passphrase");
    node.cli(&["unlock"]).await.failed(4, "wrong-passphrase");
    node.cli(&["record", "list"]).await.failed(4, "locked");
    node.home().give_passphrase(PASSPHRASE);
    node.cli(&["unlock"]).await.ok();
    assert_eq!(node.cli(&["status"]).await.done()["locked"], false);
    assert_eq!(node.record(&id).await.unwrap().summary.title, "MARKER-LOCKED");
    wait_until("what came meanwhile arrives", async || node.record(meanwhile).await.is_ok()).await;
    let after = node.publish(draft("training", "After"), "Prevention", None).await;
    wait_until("it publishes again", async || p[0].record(after).await.is_ok()).await;
}

/// Nothing listens at the port, or what listens does not say a byte.
fn says_nothing(port: u16) {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return };
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let _ = stream.write_all(&[0x55; 64]);
    let mut byte = [0];
    assert!(!matches!(stream.read(&mut byte), Ok(1)), "a locked node answered");
}

#[tokio::test]
async fn a_wrong_passphrase_opens_nothing() {
    let mut node = TestNode::start_new("Ombudsman", "npm").await;
    node.stop().await;
    let token = std::fs::read(node.home().path().join("api.token")).ok();
    node.home().give_passphrase("five random words for nobody");
    let (status, said) = node.try_start().await.unwrap_err();
    assert_eq!(status.code(), Some(4), "{said}");
    let answer: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(answer["error"]["code"], "wrong-passphrase");
    assert!(!said.contains("five random words"), "a passphrase is not repeated: {said}");
    assert!(!node.home().path().join("node.sock").exists());
    assert_eq!(std::fs::read(node.home().path().join("api.token")).ok(), token);
    assert!(TcpStream::connect(("127.0.0.1", node.home().port())).is_err(), "the port is closed");
    let index = std::fs::read_to_string(node.home().path().join("index/state")).unwrap();
    assert_eq!(index, "closed\n", "what was opened before the passphrase was looked at is closed in order");
    node.home().give_passphrase(PASSPHRASE);
    node.start().await;
}
