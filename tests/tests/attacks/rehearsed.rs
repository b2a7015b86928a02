//! Whoever seizes a computer on which recovery was rehearsed.

use std::io::Write;
use std::process::Stdio;

use entente_node::vault::Vault;
use entente_tests::{Home, PASSPHRASE, TestNode};

use crate::needles::{Needles, files_below};

/// What must not be found: the key in every form, and every share and word list as a text.
fn needles(home: &Home, papers: &[String]) -> Needles {
    let (_, seed) = Vault::open(&home.path().join("organisation.key"), PASSPHRASE.as_bytes()).unwrap();
    let seed: [u8; 32] = seed.as_slice().try_into().unwrap();
    let mut needles = Needles::default();
    needles.id("the root key", &seed, entente_protocol::ids::Hash(seed));
    for paper in papers {
        let words: Vec<&str> = paper.lines().last().unwrap().split(' ').collect();
        for three in words.windows(3) {
            needles.text(&three.join(" "));
        }
        needles.raw("words as JSON", format!("{:?}", &words[..3]).replace(", ", ",").as_bytes());
    }
    needles
}

fn paper(answer: &serde_json::Value) -> String {
    let words: Vec<&str> = answer["words"].as_array().unwrap().iter().map(|w| w.as_str().unwrap()).collect();
    match answer["label"].as_str() {
        Some(label) => format!("{label}\n{}", words.join(" ")),
        None => words.join(" "),
    }
}

fn drill(home: &Home, arguments: &[&str], typed: &str) {
    let mut command = home.command(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

#[tokio::test]
async fn a_drill_leaves_the_key_in_no_file() {
    let mut node = TestNode::start_new("Rehearsing Office", "npm").await;
    let words = paper(&node.cli(&["key", "backup", "--yes"]).await.done());
    let made = node.cli(&["key", "split", "--yes"]).await.done();
    let shares: Vec<String> = made["shares"].as_array().unwrap().iter().map(paper).collect();
    let papers = [&shares[..], std::slice::from_ref(&words)].concat();
    let needles = needles(node.home(), &papers);
    assert_eq!(needles.found_in(format!("xx{words}xx").as_bytes()).len(), 22, "the needles are sharp");
    std::fs::remove_file(node.home().path().join("organisation.key")).unwrap();
    for running in [true, false] {
        if !running {
            node.stop().await;
        }
        drill(node.home(), &["key", "drill"], &[shares[0].as_str(), "\n", &shares[2]].concat());
        drill(node.home(), &["key", "drill", "--words"], &words);
        // The folder with the node's own, and what it printed.
        let files = files_below(node.home().path().parent().unwrap());
        assert!(files.len() >= 5, "{files:?}");
        for file in files {
            needles.assert_absent(&file.display().to_string(), &std::fs::read(&file).unwrap());
        }
    }
    // What the vault says of it, it says to nobody without the passphrase.
    let vault = std::fs::read(node.home().path().join("vault")).unwrap();
    let set = made["set"].as_str().unwrap();
    assert!(!vault.windows(set.len()).any(|part| part == set.as_bytes()));
}
