//! Whoever tries passphrases.

use std::time::{Duration, Instant};

use entente_cli::client::route;
use entente_node::api::types::{Problem, Status};
use entente_node::recovery::RootKey;
use entente_node::vault::{Vault, VaultError};
use entente_tests::{Home, PASSPHRASE, TestNode};
use serde_json::{Value, json};

use crate::needles::files_below;

#[tokio::test]
async fn a_wrong_passphrase_costs_what_a_right_one_does_and_changes_nothing() {
    let home = Home::init("Locked Office", "npm").await;
    let vault = home.path().join("vault");
    let before = contents(&home);
    let header = std::fs::read(&vault).unwrap();
    let cost = |at: usize| u32::from_be_bytes(header[at..at + 4].try_into().unwrap());
    assert!(cost(9) >= 128 * 1024 && cost(13) >= 3, "Argon2id: {} KiB, {} passes", cost(9), cost(13));
    let open = || time(|| assert!(Vault::open(&vault, PASSPHRASE.as_bytes()).is_ok()));
    let mut right = vec![open(), open(), open()];
    let mut wrong_took = Vec::new();
    let nearly = PASSPHRASE.to_uppercase();
    let mut tries: Vec<Vec<u8>> = (0..16).map(|n| format!("wrong passphrase {n}").into_bytes()).collect();
    tries.extend([
        Vec::new(),
        vec![0xff; 100_000],
        nearly.into_bytes(),
        format!("{PASSPHRASE} ").into_bytes(),
    ]);
    for wrong in tries {
        let mut said = String::new();
        let took = time(|| {
            let Err(error) = Vault::open(&vault, &wrong) else { panic!("it opened") };
            assert!(matches!(error, VaultError::WrongPassphrase), "{error}");
            said = error.to_string();
        });
        assert_eq!(said, "the passphrase is wrong");
        wrong_took.push(took);
    }
    right.extend([open(), open(), open()]);
    // Other work on the machine makes a try dearer, never cheaper: so the cheapest of both are compared.
    let (right, cheapest) = (right.into_iter().min().unwrap(), wrong_took.into_iter().min().unwrap());
    assert!(cheapest > right / 2, "a try took {cheapest:?}, the right one {right:?}");
    assert_eq!(contents(&home), before, "nothing was touched");
}

#[tokio::test]
async fn a_locked_node_opens_to_its_passphrase_only() {
    let node = TestNode::start_new("Locked Office", "npm").await;
    let locked: Result<Value, Problem> = node.client().post(&route(&["lock"]), &json!({})).await;
    assert!(locked.is_ok(), "{locked:?}");
    for _ in 0..3 {
        let wrong = json!({ "passphrase": "not this one" });
        let answer: Result<Status, Problem> = node.client().post(&route(&["unlock"]), &wrong).await;
        let problem = answer.unwrap_err();
        assert_eq!((problem.code.as_str(), problem.exit), ("wrong-passphrase", 4));
        let records: Result<Value, Problem> = node.client().get(&route(&["records"])).await;
        assert_eq!(records.unwrap_err().code, "locked");
        assert!(node.status().await.organisation.is_none());
    }
    let right = json!({ "passphrase": PASSPHRASE });
    let opened: Result<Status, Problem> = node.client().post(&route(&["unlock"]), &right).await;
    assert!(opened.is_ok_and(|status| !status.locked));
}

#[tokio::test]
async fn the_root_keys_file_is_as_dear_to_guess_as_the_vault() {
    let home = Home::init("Locked Office", "npm").await;
    let file = home.path().join("organisation.key");
    let before = contents(&home);
    let header = std::fs::read(&file).unwrap();
    let cost = |at: usize| u32::from_be_bytes(header[at..at + 4].try_into().unwrap());
    assert!(cost(9) >= 128 * 1024 && cost(13) >= 3, "Argon2id: {} KiB, {} passes", cost(9), cost(13));
    for n in 0..3 {
        let wrong = format!("wrong passphrase {n}");
        let Err(error) = RootKey::open(&file, wrong.as_bytes()) else { panic!("it opened") };
        assert_eq!(error.to_string(), "the passphrase is wrong");
    }
    home.give_passphrase("not this one");
    for command in ["backup", "split"] {
        home.cli(&["key", command, "--yes"]).await.failed(4, "wrong-passphrase");
    }
    let mut after = contents(&home);
    // The lock on the folder, which says who looked last.
    after.retain(|(path, _)| !path.ends_with("lock"));
    assert_eq!(after, before, "nothing was touched");
}

fn time(work: impl FnOnce()) -> Duration {
    let since = Instant::now();
    work();
    since.elapsed()
}

fn contents(home: &Home) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    files_below(&home.path()).into_iter().map(|f| (f.clone(), std::fs::read(f).unwrap())).collect()
}
