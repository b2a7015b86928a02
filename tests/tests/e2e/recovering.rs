//! The root key comes back: from words, from any two of three shares, and from nothing else.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use entente_node::recovery::RootKey;
use entente_protocol::ids::OrgId;
use entente_tests::{Home, Output, PASSPHRASE, Partnership, TestNode, draft};
use serde_json::Value;

/// Runs a command of the program for somebody who types `typed`.
fn type_into(home: &Home, arguments: &[&str], typed: &str) -> Output {
    let mut command = home.command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may have refused before it read.
    let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
    let ended = child.wait_with_output().unwrap();
    let stdout = String::from_utf8(ended.stdout).unwrap();
    Output {
        code: ended.status.code().unwrap(),
        json: serde_json::from_str(&stdout).unwrap_or_default(),
        stdout,
        stderr: String::from_utf8_lossy(&ended.stderr).into_owned(),
    }
}

fn words(answer: &Value) -> String {
    let words: Vec<&str> = answer["words"].as_array().unwrap().iter().map(|w| w.as_str().unwrap()).collect();
    assert_eq!(words.len(), 24);
    words.join(" ")
}

/// The shares of `key split`, each as a trustee types it.
async fn split(home: &Home) -> Vec<String> {
    let made = home.cli(&["key", "split", "--yes"]).await.done();
    let shares = made["shares"].as_array().unwrap();
    shares.iter().map(|s| format!("{}\n{}\n", s["label"].as_str().unwrap(), words(s))).collect()
}

fn key_in(file: &Path, passphrase: &str) -> OrgId {
    RootKey::open(file, passphrase.as_bytes()).unwrap().id()
}

fn replaced(share: &str, position: usize, word: &str) -> String {
    let (label, words) = share.split_once('\n').unwrap();
    let mut words: Vec<&str> = words.split_whitespace().collect();
    words[position - 1] = word;
    format!("{label}\n{}\n", words.join(" "))
}

#[tokio::test]
async fn the_root_key_comes_back_from_words_and_from_any_two_shares() {
    let home = Home::init("Recovered Office", "npm").await;
    let file = home.path().join("organisation.key");
    let organisation = key_in(&file, PASSPHRASE);
    home.cli(&["key", "backup"]).await.failed(5, "not-a-terminal");
    let backed_up = home.cli(&["key", "backup", "--yes"]).await.done();
    assert_eq!(backed_up["organisation"], organisation.to_string());
    let paper = words(&backed_up);
    let shares = split(&home).await;
    std::fs::remove_file(&file).unwrap();
    home.cli(&["key", "split", "--yes"]).await.failed(3, "no-root-key");

    for (one, other) in [(0, 2), (1, 2), (0, 1)] {
        let typed = [shares[one].as_str(), &shares[other]].concat();
        let drill = type_into(&home, &["key", "drill"], &typed).done();
        assert_eq!((&drill["works"], &drill["noted"]), (&true.into(), &true.into()));
        assert!(!file.exists(), "a drill makes no file");
    }
    type_into(&home, &["key", "drill", "--words"], &paper).ok();

    home.give_passphrase("a new passphrase for the new file");
    let id = organisation.to_string();
    let (elsewhere, stick) = (home.beside("recovered.key"), home.beside("stick.key"));
    let from_words = ["key", "recover", "--organisation", &id, "--out", "recovered.key"];
    type_into(&home, &from_words, &paper.to_uppercase()).ok();
    let from_shares = ["key", "recover", "--organisation", &id, "--out", "stick.key"];
    type_into(&home, &from_shares, &[shares[2].as_str(), &shares[0]].concat()).ok();
    for made in [&elsewhere, &stick] {
        assert_eq!(key_in(made, "a new passphrase for the new file"), organisation, "the same public key");
        assert!(RootKey::open(made, PASSPHRASE.as_bytes()).is_err(), "the old passphrase opens it no more");
    }
    type_into(&home, &from_shares, "").failed(5, "exists");
}

#[tokio::test]
async fn what_does_not_fit_is_explained_and_nothing_is_made() {
    let (home, other) = (Home::init("First Office", "npm").await, Home::init("Second Office", "cso").await);
    let (ours, again, theirs) = (split(&home).await, split(&home).await, split(&other).await);
    let paper = words(&home.cli(&["key", "backup", "--yes"]).await.done());
    let theirs_paper = words(&other.cli(&["key", "backup", "--yes"]).await.done());
    let file = home.path().join("organisation.key");
    let organisation = key_in(&file, PASSPHRASE).to_string();
    std::fs::remove_file(&file).unwrap();
    // By its place: the letters of the fourth word may stand in an earlier one, too.
    let mut off_by_one: Vec<&str> = paper.split(' ').collect();
    off_by_one[3] = if off_by_one[3] == "zoo" { "zone" } else { "zoo" };
    let off_by_one = off_by_one.join(" ");
    let cut = ours[1].rsplit_once(' ').unwrap().0.to_owned();
    let cases: [(String, &str, &str); 10] = [
        ([ours[0].as_str(), &theirs[1]].concat(), "not-the-key", "of an organisation whose id begins with"),
        ([theirs[0].as_str(), &ours[1]].concat(), "not-the-key", "share 1 is of an organisation"),
        ([ours[0].as_str(), &again[1]].concat(), "not-the-key", "only shares of one set fit together"),
        ([ours[0].as_str(), &ours[0]].concat(), "not-the-key", "share 1 was given twice"),
        ([ours[0].as_str(), &replaced(&ours[1], 7, "abandun")].concat(), "words", "word 7 (`abandun`)"),
        ([&replaced(&ours[0], 3, "qqqq"), ours[1].as_str()].concat(), "words", "word 3 (`qqqq`)"),
        ([ours[0].as_str(), &cut].concat(), "input-ended", "before all words were there"),
        (ours[0].replacen("1-", "9-", 1), "words", "is not in the list"),
        (theirs_paper, "not-the-key", "another organisation's"),
        (off_by_one, "not-the-key", "word 4 should be"),
    ];
    for (typed, code, explained) in &cases {
        let command = ["key", "recover", "--organisation", &organisation, "--out", "recovered.key"];
        let answer = type_into(&home, &command, typed);
        assert_ne!(answer.code, 0);
        let error = &answer.json["error"];
        let what = error["what"].as_str().unwrap();
        if *explained != "is not in the list" {
            assert_eq!(error["code"], *code, "{answer:?}");
            assert!(what.contains(explained), "{what}");
        }
        assert!(!home.beside("recovered.key").exists());
    }
    let swapped = {
        let mut words: Vec<&str> = ours[1].split_once('\n').unwrap().1.split_whitespace().collect();
        let at = words.windows(2).position(|pair| pair[0] != pair[1]).unwrap();
        words.swap(at, at + 1);
        let label = ours[1].split_once('\n').unwrap().0;
        (format!("{label}\n{}\n", words.join(" ")), format!("words {} and {}", at + 1, at + 2))
    };
    let answer = type_into(&home, &["key", "drill"], &[ours[0].as_str(), &swapped.0].concat());
    answer.failed(5, "share");
    assert!(answer.stdout.contains(&swapped.1), "{answer:?}");
}

#[tokio::test]
async fn a_running_node_notes_what_was_done_and_the_doctor_stops_nagging() {
    let mut node = TestNode::start_new("Careful Office", "npm").await;
    let names = |checks: &[entente_node::api::types::Check]| {
        let bad = checks.iter().filter(|check| !check.ok);
        bad.map(|check| check.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&node.doctor().await), ["root key", "root key back-up"]);
    let paper = words(&node.cli(&["key", "backup", "--yes"]).await.done());
    let shares = split(node.home()).await;
    assert_eq!(names(&node.doctor().await), ["root key", "root key drill"]);
    let file = node.home().path().join("organisation.key");
    std::fs::rename(&file, node.home().beside("stick.key")).unwrap();
    type_into(node.home(), &["key", "drill"], &[shares[1].as_str(), &shares[0]].concat()).ok();
    assert_eq!(names(&node.doctor().await), Vec::<String>::new());
    node.cli(&["doctor"]).await.ok();

    // The root key on a stick is as good as in the folder; a wrong one is refused.
    node.cli(&["key", "backup", "--yes", "--key", "stick.key"]).await.ok();
    let other = Home::init("Other Office", "cso").await;
    let theirs = other.path().join("organisation.key");
    let wrong = node.cli(&["key", "split", "--yes", "--key", theirs.to_str().unwrap()]).await;
    wrong.failed(5, "other-organisation");

    let shown = node.cli(&["key", "show"]).await.done();
    let facts = shown["recovery"].clone();
    assert!(
        facts["backup"].is_u64() && facts["drill"]["with"]["shares"] == facts["sets"][0]["id"],
        "{facts}"
    );
    node.restart().await;
    assert_eq!(node.cli(&["key", "show"]).await.done()["recovery"], facts, "they outlive the process");
    node.cli(&["lock"]).await.ok();
    type_into(node.home(), &["key", "drill", "--words"], &paper).failed(4, "locked");
    node.cli(&["key", "show"]).await.failed(4, "locked");
    node.stop().await;
    type_into(node.home(), &["key", "drill", "--words"], &paper).ok();
    node.start().await;
    let drilled = node.cli(&["key", "show"]).await.done()["recovery"]["drill"].clone();
    assert_eq!(drilled["with"], "words");
}

#[tokio::test]
async fn key_show_counts_what_each_key_opens_and_says_what_a_thief_gets() {
    let p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    let node = &p[0];
    for title in ["One", "Two"] {
        node.publish(draft("training", title), "Prevention", None).await;
    }
    node.publish(draft("training", "Three"), "Prevention", Some(&["Rights"])).await;
    let _open = entente_tests::invite(node, "Prevention", "network").await;
    let shown = node.cli(&["key", "show", "Prevention"]).await.done();
    let keys = shown["partnerships"][0]["keys"].as_array().unwrap();
    let of =
        |kind: &str| keys.iter().find(|key| key["kind"] == kind).unwrap_or_else(|| panic!("{kind}: {shown}"));
    assert_eq!(of("epochs")["opens"], 2, "{shown}");
    assert!(of("epochs")["since"].is_u64());
    let circles = keys.iter().filter(|key| key["kind"] == "circle-epochs");
    let in_circles: u64 = circles.map(|key| key["opens"].as_u64().unwrap()).sum();
    assert_eq!(in_circles, 1, "{shown}");
    assert_eq!(of("invitations")["count"], 1);
    for kind in ["transport", "log", "prekey"] {
        assert_eq!(of(kind)["locked"], "nothing without the passphrase");
    }
    let own = shown["own"].as_array().unwrap();
    assert!(
        own[0]["kind"] == "root" && own[0]["locked"].as_str().unwrap().contains("guesses the passphrase")
    );
    assert!(own[1]["kind"] == "node" && own[1]["until"].as_u64() > own[1]["since"].as_u64());
    node.cli(&["key", "show", "Nowhere"]).await.failed(3, "not-found");

    // What both sides read to each other is the same on both.
    let theirs = node.cli(&["member", "show", "Rights"]).await.done()["fingerprint"].clone();
    assert_eq!(theirs, p[1].cli(&["status"]).await.done()["fingerprint"]);
    let qr = node.home().command(&["partnership", "invite", "Prevention", "--qr"]).output().unwrap();
    assert!(
        String::from_utf8(qr.stderr).unwrap().matches('█').count() > 500,
        "an invitation fits into a code"
    );
}
