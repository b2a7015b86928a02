//! Staff with accounts of their own, and what two of them must release (C3).

use std::os::unix::fs::PermissionsExt;

use entente_protocol::handling::Handling;
use entente_tests::{Output, PASSPHRASE, PERMISSIVE, Partnership, TestNode, draft, join, wait_until};
use serde_json::{Value, json};

const NPM: &str = "Preventive Office";
const CSO: &str = "Open Committee";

/// An agreement under which two persons of the NPM release its materials.
fn two_release() -> String {
    format!("{PERMISSIVE}\n[release]\nfrom = [\"npm\"]\nkinds = [\"material\"]\napprovals = 2\n")
}

async fn partners() -> Partnership {
    Partnership::under(&two_release(), &[(NPM, "npm"), (CSO, "cso")]).await
}

/// Gives somebody an account; the token's file is named after them.
async fn hire(node: &TestNode, name: &str, role: &str) {
    let file = token_file(node, name);
    let said = node.cli(&["staff", "add", name, "--role", role, "--token-file", &file]).await;
    said.ok();
    let token = std::fs::read_to_string(&file).unwrap();
    assert!(!said.stdout.contains(&token) && !said.stderr.contains(&token), "the token is only in its file");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

fn token_file(node: &TestNode, name: &str) -> String {
    node.home().beside(&format!("{name}.token")).display().to_string()
}

/// Runs a command as one of the staff.
async fn by(node: &TestNode, name: &str, words: &[&str]) -> Output {
    let file = token_file(node, name);
    node.cli(&[&["--as", &file], words].concat()).await
}

/// Asks to share a draft, and gives the release that waits.
async fn asked(node: &TestNode, name: &str, draft: &str) -> String {
    let said = by(node, name, &share(draft)).await;
    assert_eq!(said.code, 7, "{said:?}");
    assert_eq!(said.json["queued"], true);
    said.json["release"]["id"].as_str().unwrap_or_else(|| panic!("{said:?}")).to_owned()
}

fn share(draft: &str) -> [&str; 6] {
    ["record", "share", draft, "--partnership", "Prevention", "--yes"]
}

async fn releases(node: &TestNode) -> Vec<Value> {
    let listed = node.cli(&["release", "list"]).await.done();
    listed["releases"].as_array().unwrap().clone()
}

#[tokio::test]
async fn what_two_must_release_is_shared_once_another_person_wants_it_too() {
    let p = partners().await;
    let node = &p[0];
    for (name, role) in [("Nino", "writer"), ("Maka", "releaser"), ("Reza", "reader")] {
        hire(node, name, role).await;
    }
    std::fs::write(node.home().beside("new.json"), r#"{"kind":"material","fields":{"title":"What we saw"}}"#)
        .unwrap();
    let refused = by(node, "Reza", &["record", "new", "new.json"]).await;
    refused.failed(5, "E-ROLE");
    assert!(
        refused.stdout.contains("role writer") && refused.stdout.contains("Maka (releaser)"),
        "{refused:?}"
    );
    let kept = by(node, "Nino", &["record", "new", "new.json"]).await.done();
    let kept = kept["record"].as_str().unwrap().to_owned();
    let preview = by(node, "Nino", &["record", "preview", &kept, "--partnership", "Prevention"]).await.done();
    assert_eq!(preview["release"]["wanted"], 2, "{preview}");
    assert_eq!((&preview["release"]["released"], &preview["refusals"]), (&json!(0), &json!([])));

    let release = asked(node, "Nino", &kept).await;
    assert_eq!(asked(node, "Nino", &kept).await, release, "asking again changes nothing");
    assert_eq!(node.status().await.releases, 1);
    let due = node.cli(&["due"]).await.done();
    assert_eq!((&due["due"][0]["what"], &due["due"][0]["title"]), (&json!("release"), &json!("What we saw")));
    by(node, "Nino", &["release", "approve", &release, "--yes"]).await.failed(5, "E-ROLE");
    node.cli(&["staff", "role", "Nino", "releaser"]).await.ok();
    let own = by(node, "Nino", &["release", "approve", &release, "--yes"]).await;
    own.failed(5, "E-RELEASE-SELF");
    assert!(own.stdout.contains("Maka"), "it says who can: {own:?}");
    assert!(node.shared_ids().await.is_empty());

    let shared = by(node, "Maka", &["release", "approve", &release, "--yes"]).await.done();
    let id = shared["record"].as_str().unwrap().to_owned();
    wait_until("the partner shows it", async || p[1].record(&id).await.is_ok()).await;
    let there = p[1].record(&id).await.unwrap();
    let marks = there.handling.released_by.clone().unwrap();
    assert_eq!((marks.len(), there.handling.approvals()), (2, 2));
    let there = serde_json::to_string(&there).unwrap();
    assert!(!there.contains("Nino") && !there.contains("Maka"), "{there}");
    assert_eq!(releases(node).await, Vec::<Value>::new());
    assert_eq!(node.status().await.releases, 0);

    // The story is told at home, and only there.
    let told = node.cli(&["audit", "show"]).await.stdout;
    for (who, what) in [("Nino", "asked to share"), ("Maka", "was the last to release")] {
        assert!(told.contains(who) && told.contains(what), "{told}");
    }
    let file = node.home().beside("audit.jsonl").display().to_string();
    node.cli(&["audit", "export", &file]).await.ok();
    let exported = std::fs::read_to_string(&file).unwrap();
    assert!(!exported.contains("Maka") && !exported.contains("release"), "{exported}");
    // Another record's marks are others: nobody can follow a person from one record to the next.
    let next = node.keep(draft("material", "The next")).await.unwrap().to_string();
    let release = asked(node, "Nino", &next).await;
    let shared = by(node, "Maka", &["release", "approve", &release, "--yes"]).await.done();
    let next = node.record(shared["record"].as_str().unwrap()).await.unwrap();
    assert!(next.handling.released_by.unwrap().iter().all(|mark| !marks.contains(mark)));
}

#[tokio::test]
async fn the_keeper_is_one_person_and_what_nobody_must_release_needs_no_second() {
    let p = partners().await;
    let node = &p[0];
    let kept = node.keep(draft("material", "Alone")).await.unwrap().to_string();
    let said = node.cli(&share(&kept)).await;
    assert_eq!(said.code, 7, "{said:?}");
    let release = said.json["release"]["id"].as_str().unwrap().to_owned();
    node.cli(&["release", "approve", &release, "--yes"]).await.failed(5, "E-RELEASE-SELF");
    assert!(node.shared_ids().await.is_empty());
    // What a node cannot know: that this account is the keeper's too. The story shows when it was made, and by whom.
    hire(node, "Somebody", "releaser").await;
    by(node, "Somebody", &["release", "approve", &release, "--yes"]).await.ok();
    assert!(node.cli(&["audit", "show"]).await.stdout.contains("account of Somebody"));

    // Another kind, and another member, share at once; but what a writer shares waits for a releaser.
    node.publish(draft("training", "At once"), "Prevention", None).await;
    p[1].publish(draft("material", "From the other side"), "Prevention", None).await;
    hire(node, "Nino", "writer").await;
    let kept = node.keep(draft("training", "By a writer")).await.unwrap().to_string();
    let release = asked(node, "Nino", &kept).await;
    let shared = node.cli(&["release", "approve", &release, "--yes"]).await.done();
    let there = shared["record"].as_str().unwrap().to_owned();
    wait_until("it arrives", async || p[1].record(&there).await.is_ok()).await;
    assert_eq!(p[1].record(&there).await.unwrap().handling.released_by, None, "nobody asked for marks");
}

#[tokio::test]
async fn what_has_changed_since_it_was_asked_is_not_released() {
    let p = partners().await;
    let node = &p[0];
    hire(node, "Nino", "writer").await;
    hire(node, "Maka", "releaser").await;
    // What the consent allows is part of what is released.
    let consent =
        |uses: &[&str]| draft("consent", "C-1").field("person", json!("Blue")).field("uses", json!(uses));
    let given = node.keep(consent(&["reports", "identifiable-publication"])).await.unwrap();
    let handling = Handling { personal_data: true, consent: Some("C-1".into()), ..Handling::default() };
    let story = node.keep(draft("material", "Her story").handling(handling)).await.unwrap().to_string();
    let first = asked(node, "Nino", &story).await;
    node.keep(consent(&["reports"]).field("changes", json!(given.to_string()))).await.unwrap();
    let refused = by(node, "Maka", &["release", "approve", &first, "--yes"]).await;
    refused.failed(5, "E-RELEASE-CHANGED");
    assert!(refused.stdout.contains("consent"), "{refused:?}");
    assert_eq!(releases(node).await[0]["state"], "changed");
    let again = asked(node, "Nino", &story).await;
    assert_ne!(first, again);
    by(node, "Maka", &["release", "approve", &again, "--yes"]).await.ok();

    // So are its readers.
    let kept = node.keep(draft("material", "For one")).await.unwrap().to_string();
    let release = asked(node, "Nino", &kept).await;
    let newcomer = TestNode::start_new("Late Network", "network").await;
    join(node, &newcomer, "Prevention").await;
    let refused = by(node, "Maka", &["release", "approve", &release, "--yes"]).await;
    refused.failed(5, "E-RELEASE-CHANGED");
    assert!(refused.stdout.contains("Late Network"), "{refused:?}");
    let again = asked(node, "Nino", &kept).await;

    // Somebody says no; who asked takes back; both are over.
    let no = by(node, "Maka", &["release", "decline", &again, "--reason", "names a place"]).await.done();
    assert_eq!((&no["state"], &no["reason"]), (&json!("declined"), &json!("names a place")));
    by(node, "Maka", &["release", "approve", &again, "--yes"]).await.failed(3, "not-found");
    let last = asked(node, "Nino", &kept).await;
    by(node, "Maka", &["release", "withdraw", &last]).await.failed(5, "E-ROLE");
    assert_eq!(by(node, "Nino", &["release", "withdraw", &last]).await.done()["state"], "withdrawn");
    let ids = node.shared_ids().await;
    assert_eq!(ids.len(), 1, "only her story: {ids:?}");
}

#[tokio::test]
async fn accounts_and_releases_outlast_crash_and_lock_and_a_removed_account_is_dead_at_once() {
    let mut p = partners().await;
    for (name, role) in [("Nino", "writer"), ("Maka", "releaser"), ("Dato", "releaser")] {
        hire(&p[0], name, role).await;
    }
    let kept = p[0].keep(draft("material", "Outlasts")).await.unwrap().to_string();
    let release = asked(&p[0], "Nino", &kept).await;
    p[0].kill();
    p[0].start().await;
    assert_eq!(releases(&p[0]).await[0]["id"], release.as_str());
    // While it is locked, nobody is told anything, and no token of the staff opens it.
    p[0].cli(&["lock"]).await.ok();
    by(&p[0], "Maka", &["release", "list"]).await.failed(4, "locked");
    by(&p[0], "Maka", &["status"]).await.failed(4, "locked");
    p[0].home().give_passphrase(PASSPHRASE);
    p[0].cli(&["unlock"]).await.ok();
    by(&p[0], "Maka", &["unlock"]).await.failed(5, "E-ROLE");

    // Who asked is gone: their word counts no more, so one more is wanted.
    p[0].cli(&["staff", "remove", "Nino"]).await.ok();
    by(&p[0], "Nino", &["record", "list"]).await.failed(1, "E-TOKEN");
    let one = by(&p[0], "Maka", &["release", "approve", &release, "--yes"]).await;
    assert_eq!(one.code, 7, "{one:?}");
    let counting =
        |view: &Value| view["marks"].as_array().unwrap().iter().filter(|m| m["counts"] == true).count();
    assert_eq!(counting(&one.json["release"]), 1);
    p[0].restart().await;
    p.wait_until_connected().await;
    by(&p[0], "Dato", &["release", "approve", &release, "--yes"]).await.ok();
    wait_until("it arrives", async || p[1].shared_ids().await.len() == 1).await;

    // A new token for the same person: the old one opens nothing.
    let fresh = p[0].home().beside("maka-2.token").display().to_string();
    p[0].cli(&["staff", "token", "Maka", "--token-file", &fresh]).await.ok();
    by(&p[0], "Maka", &["record", "list"]).await.failed(1, "E-TOKEN");
    p[0].cli(&["--as", &fresh, "record", "list"]).await.ok();
    // A file that others can read is not used; one that exists is not written over.
    std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(0o644)).unwrap();
    p[0].cli(&["--as", &fresh, "record", "list"]).await.failed(2, "usage");
    p[0].cli(&["staff", "add", "Zaza", "--role", "reader", "--token-file", &fresh]).await.failed(2, "usage");
    let staff = p[0].cli(&["staff", "list"]).await.done();
    let names: Vec<&str> =
        staff["accounts"].as_array().unwrap().iter().map(|a| a["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Dato", "Maka"]);
    p[0].cli(&["staff", "add", "maka", "--role", "reader", "--token-file", "x.token"])
        .await
        .failed(2, "usage");
    assert!(!p[0].home().beside("x.token").exists(), "no file for no account");
}

#[tokio::test]
async fn each_role_does_what_it_may_and_is_told_what_it_may_not() {
    let node = TestNode::start_new("Besieged Office", "npm").await;
    for (name, role) in [("Reza", "reader"), ("Nino", "writer"), ("Maka", "releaser"), ("Vera", "keeper")] {
        hire(&node, name, role).await;
    }
    let kept = node.keep(draft("material", "Something")).await.unwrap().to_string();
    let may: [(&[&str], usize); 7] = [
        (&["record", "show", &kept], 0),
        (&["audit", "show"], 0),
        (&["record", "correct", &kept, "new.json"], 1),
        (&["record", "withdraw", &kept, "--reason", "wrong", "--yes"], 2),
        (&["key", "show"], 3),
        (&["partnership", "new", "--name", "N", "--agreement", "agreement.toml"], 3),
        (&["staff", "role", "Reza", "reader"], 3),
    ];
    std::fs::write(node.home().beside("new.json"), r#"{"kind":"material","fields":{"title":"T"}}"#).unwrap();
    std::fs::write(node.home().beside("agreement.toml"), PERMISSIVE).unwrap();
    for (words, least) in may {
        for (number, name) in ["Reza", "Nino", "Maka", "Vera"].into_iter().enumerate() {
            let said = by(&node, name, words).await;
            let role = said.json["error"]["code"] == "E-ROLE";
            assert_eq!(role, number < least, "{name}: {words:?}: {said:?}");
        }
    }
}

#[tokio::test]
async fn what_was_released_under_one_agreement_is_not_shared_under_another() {
    let p = partners().await;
    let node = &p[0];
    hire(node, "Nino", "writer").await;
    hire(node, "Maka", "releaser").await;
    hire(node, "Dato", "releaser").await;
    let kept = node.keep(draft("material", "Under the first")).await.unwrap().to_string();
    let release = asked(node, "Nino", &kept).await;

    // A version that wants three persons is proposed: narrower, so it holds at once, and two are not enough.
    let file = node.home().beside("three.toml");
    std::fs::write(&file, two_release().replace("approvals = 2", "approvals = 3")).unwrap();
    node.cli(&["partnership", "agreement", "propose", "Prevention", file.to_str().unwrap()]).await.ok();
    let one = by(node, "Maka", &["release", "approve", &release, "--yes"]).await;
    assert_eq!(one.code, 7, "{one:?}");
    assert!(node.shared_ids().await.is_empty());

    // All have signed it: what waits was released under another agreement.
    wait_until("the proposal is there", async || {
        p[1].cli(&["partnership", "agreement", "sign", "Prevention"]).await.code == 0
    })
    .await;
    wait_until("it is in force", async || {
        node.partnership("Prevention").await.is_ok_and(|seen| seen.agreement_version == 2)
    })
    .await;
    let waits = releases(node).await;
    assert_eq!((waits.len(), &waits[0]["state"]), (1, &json!("changed")));
    assert!(waits[0]["reason"].as_str().unwrap().contains("another version of the agreement"), "{waits:?}");
    let refused = by(node, "Dato", &["release", "approve", &release, "--yes"]).await;
    refused.failed(5, "E-RELEASE-CHANGED");
    assert!(node.shared_ids().await.is_empty());

    // Asked anew, nobody's word of before counts: three say so again.
    let again = asked(node, "Nino", &kept).await;
    assert_ne!(release, again);
    let one = by(node, "Maka", &["release", "approve", &again, "--yes"]).await;
    assert_eq!((one.code, &one.json["release"]["wanted"]), (7, &json!(3)), "{one:?}");
    let shared = by(node, "Dato", &["release", "approve", &again, "--yes"]).await.done();
    let id = shared["record"].as_str().unwrap();
    wait_until("the partner shows it", async || p[1].record(id).await.is_ok()).await;
    assert_eq!(p[1].record(id).await.unwrap().handling.approvals(), 3);
}
