//! Two people make sure on the telephone that the keys on their screens are each other's; what changes later
//! blocks sharing until they have done it again.

use entente_node::api::types::{MemberView, Trust, TrustView};
use entente_tests::{Partnership, TestNode, draft, join, wait_for, wait_until};
use serde_json::Value;

async fn member(node: &TestNode, partnership: &str, org: &str) -> MemberView {
    let seen = node.partnership(partnership).await.unwrap();
    let found = seen
        .members_now
        .into_iter()
        .find(|m| m.organisation.id.to_string() == org || m.organisation.name == org);
    found.unwrap_or_else(|| panic!("{org} is a member"))
}

async fn trust(node: &TestNode, partnership: &str, org: &str) -> TrustView {
    member(node, partnership, org).await.trust.expect("it is another organisation")
}

async fn is_verified(node: &TestNode, partnership: &str, org: &str) -> bool {
    matches!(trust(node, partnership, org).await.trust, Trust::Verified { .. })
}

async fn start(node: &TestNode, org: &str) -> Value {
    node.cli(&["member", "verify", "Prevention", org, "--start"]).await.done()
}

/// Waits until a node can read out its code, and returns it.
async fn code(node: &TestNode, org: &str) -> String {
    wait_for("there are codes", async || {
        let view = start(node, org).await;
        (view["stage"] == "codes").then(|| view["read"].as_str().unwrap().to_owned())
    })
    .await
}

/// Both begin; the codes that they read.
async fn codes(a: (&TestNode, &str), b: (&TestNode, &str)) -> (String, String) {
    start(a.0, b.1).await;
    start(b.0, a.1).await;
    (code(a.0, b.1).await, code(b.0, a.1).await)
}

/// The people read and type.
pub(crate) async fn verify(a: (&TestNode, &str), b: (&TestNode, &str)) {
    let (from_a, from_b) = codes(a, b).await;
    a.0.cli(&["member", "verify", "Prevention", b.1, "--code", &from_b]).await.ok();
    b.0.cli(&["member", "verify", "Prevention", a.1, "--code", &from_a]).await.ok();
}

#[tokio::test]
async fn two_people_verify_each_other_and_a_restart_keeps_it() {
    let mut p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    assert_eq!(trust(&p[0], "Prevention", "Rights").await.trust, Trust::Unverified);

    assert_eq!(start(&p[0], "Rights").await["stage"], "waiting");
    wait_until("the other side hears that somebody asks", async || {
        let route = entente_cli::client::route(&["partnerships", "Prevention", "verify", "Ombudsman"]);
        let view: Value = p[1].client().get(&route).await.unwrap();
        view["stage"] == "asked"
    })
    .await;
    start(&p[1], "Ombudsman").await;
    let (from_first, from_second) = (code(&p[0], "Rights").await, code(&p[1], "Ombudsman").await);
    assert_ne!(from_first, from_second);

    let done = p[0].cli(&["member", "verify", "Prevention", "Rights", "--code", &from_second]).await.done();
    assert_eq!(done["trust"]["trust"], "verified");
    assert!(!is_verified(&p[1], "Prevention", "Ombudsman").await, "each side is sure by itself");
    let typed = from_first.replace(' ', "");
    p[1].cli(&["member", "verify", "Prevention", "Ombudsman", "--code", &typed]).await.ok();
    for restarted in [false, true] {
        if restarted {
            p[0].kill();
            p[0].start().await;
            p[1].restart().await;
        }
        assert!(is_verified(&p[0], "Prevention", "Rights").await, "restarted: {restarted}");
        assert!(is_verified(&p[1], "Prevention", "Ombudsman").await, "restarted: {restarted}");
    }
    assert_eq!(p[0].status().await.partnerships[0].unverified, 0);
    // The index is thrown away and made anew from the journal.
    p[0].reindex().await;
    assert!(is_verified(&p[0], "Prevention", "Rights").await, "the journal knows");
}

#[tokio::test]
async fn a_wrong_code_verifies_nobody_and_three_leave_a_warning_until_one_is_right() {
    let mut p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    let none = p[0].cli(&["member", "verify", "Prevention", "Rights", "--code", "123456"]).await;
    none.failed(1, "no-codes");
    let (own, right) = codes((&p[0], "Ombudsman"), (&p[1], "Rights")).await;
    p[0].cli(&["member", "verify", "Prevention", "Rights", "--code", &own]).await.failed(2, "own-code");
    p[0].cli(&["member", "verify", "Prevention", "Rights", "--code", "12"]).await.failed(2, "usage");
    let wrong: Vec<&str> = ["000000", "000001", "000002", "000003", "000004"]
        .into_iter()
        .filter(|c| *c != own.replace(' ', "") && *c != right.replace(' ', ""))
        .take(3)
        .collect();
    for code in wrong {
        p[0].cli(&["member", "verify", "Prevention", "Rights", "--code", code]).await.failed(5, "wrong-code");
    }
    let late = p[0].cli(&["member", "verify", "Prevention", "Rights", "--code", &right]).await;
    late.failed(1, "no-codes");
    wait_until("the warning is kept", async || trust(&p[0], "Prevention", "Rights").await.warning.is_some())
        .await;
    p[0].restart().await;
    let kept = trust(&p[0], "Prevention", "Rights").await;
    assert!(kept.trust == Trust::Unverified && kept.warning.is_some(), "{kept:?}");
    assert!(p[0].doctor().await.iter().any(|check| !check.ok && check.seen.contains("verification failed")));

    p.wait_until_connected().await;
    verify((&p[0], "Ombudsman"), (&p[1], "Rights")).await;
    let after = trust(&p[0], "Prevention", "Rights").await;
    assert!(matches!(after.trust, Trust::Verified { .. }) && after.warning.is_none(), "{after:?}");
}

#[tokio::test]
async fn another_key_under_a_verified_name_blocks_sharing_until_it_is_verified() {
    let p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    verify((&p[0], "Ombudsman"), (&p[1], "Rights")).await;
    let impostor = TestNode::start_new(" rights ", "cso").await;
    join(&p[0], &impostor, "Prevention").await;
    let id = impostor.status().await.organisation.unwrap().id.to_string();
    let seen = trust(&p[0], "Prevention", &id).await;
    assert!(matches!(seen.trust, Trust::Changed { .. }), "{seen:?}");
    assert!(is_verified(&p[0], "Prevention", &p.orgs[1].to_string()).await, "the real one stays verified");
    let status = p[0].status().await;
    assert_eq!((status.partnerships[0].unverified, status.partnerships[0].changed), (1, 1));

    let kept = p[0].keep(draft("training", "For whom?")).await.unwrap().to_string();
    for readers in [None, Some(id.as_str())] {
        let mut words = vec!["record", "preview", &kept, "--partnership", "Prevention"];
        words.extend(readers.iter().flat_map(|r| ["--readers", r]));
        let preview = p[0].cli(&words).await.done();
        assert_eq!(preview["refusals"][0]["code"], "E-VERIFY", "{preview}");
        let reason = preview["refusals"][0]["reason"].as_str().unwrap();
        assert!(reason.contains("entente member verify"), "{reason}");
        let mut words =
            vec!["record", "share", &kept, "--partnership", "Prevention", "--yes", "--expect-readers", "1"];
        words.extend(readers.iter().flat_map(|r| ["--readers", r]));
        assert_eq!(p[0].cli(&words).await.code, 5);
    }
    let others = p.orgs[1].to_string();
    let shared = p[0].publish(draft("training", "For the real one"), "Prevention", Some(&[&others])).await;
    wait_until("the real one reads it", async || p[1].record(shared).await.is_ok()).await;
    assert_eq!(impostor.record(shared).await.unwrap_err().code, "not-found");

    wait_until("the newcomer is connected", async || member(&p[0], "Prevention", &id).await.connected).await;
    verify((&p[0], "Ombudsman"), (&impostor, &id)).await;
    p[0].publish(draft("training", "For all"), "Prevention", None).await;
}

#[tokio::test]
async fn who_was_let_in_by_another_is_shown_as_introduced_by_it() {
    let p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso"), ("Watch", "cso")]).await;
    let introduced = |trust: TrustView| match trust.trust {
        Trust::Introduced { by_name, by_verified, .. } => (by_name, by_verified),
        other => panic!("{other:?}"),
    };
    assert_eq!(trust(&p[0], "Prevention", "Watch").await.trust, Trust::Unverified, "we let it in ourselves");
    let before = introduced(trust(&p[1], "Prevention", "Watch").await);
    assert_eq!(before, ("Ombudsman".to_owned(), false));
    verify((&p[0], "Ombudsman"), (&p[1], "Rights")).await;
    assert_eq!(introduced(trust(&p[1], "Prevention", "Watch").await), ("Ombudsman".to_owned(), true));
    let kept = p[1].keep(draft("training", "For all")).await.unwrap().to_string();
    let preview = p[1].cli(&["record", "preview", &kept, "--partnership", "Prevention"]).await.done();
    let words = preview["unverified"].as_array().unwrap();
    assert_eq!(words.len(), 1, "{preview}");
    assert!(words[0].as_str().unwrap().contains("introduced by Ombudsman"), "{preview}");
    assert!(preview["refusals"].as_array().unwrap().is_empty(), "it does not block");
}

#[tokio::test]
async fn every_wrong_turn_of_a_verification_is_explained() {
    let mut p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    let words = ["member", "verify", "Prevention", "Rights", "--start"];
    p[0].cli(&["member", "verify", "Prevention", "Nobody", "--start"]).await.failed(3, "not-found");
    p[0].cli(&["member", "verify", "Prevention", "Ombudsman", "--start"]).await.failed(2, "usage");
    p[0].cli(&["member", "verify", "Prevention", "Rights"]).await.failed(2, "usage");
    // The other side's node ends in the middle of it: when it is back, both begin again.
    codes((&p[0], "Ombudsman"), (&p[1], "Rights")).await;
    p[1].stop().await;
    wait_until("it is seen to be gone", async || !member(&p[0], "Prevention", "Rights").await.connected)
        .await;
    p[0].restart().await;
    p[0].cli(&words).await.failed(7, "not-connected");
    p[1].start().await;
    p.wait_until_connected().await;
    verify((&p[0], "Ombudsman"), (&p[1], "Rights")).await;
    assert!(is_verified(&p[1], "Prevention", "Ombudsman").await);
}

#[tokio::test]
async fn another_node_of_a_verified_member_blocks_sharing_until_it_is_verified_again() {
    let p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    verify((&p[0], "Ombudsman"), (&p[1], "Rights")).await;
    let office = crate::raid::fresh_machine(&p[1]).await;
    let door = p[0].cli(&["partnership", "office", "Prevention", "Rights"]).await.done();
    office.cli(&["partnership", "join", door["invitation"].as_str().unwrap(), "--yes"]).await.ok();
    wait_until("the Ombudsman sees another key", async || {
        matches!(trust(&p[0], "Prevention", "Rights").await.trust, Trust::Changed { .. })
    })
    .await;
    let id = p[0].keep(draft("recommendation", "Doctors at night")).await.unwrap();
    let refused = p[0].share(id, "Prevention", None).await.unwrap_err();
    assert_eq!(refused.refusals[0].code, "E-VERIFY", "{refused:?}");
    verify((&p[0], "Ombudsman"), (&p[1], "Rights")).await;
    p[0].share(id, "Prevention", None).await.unwrap();
    wait_until("the second office reads it", async || office.record(id).await.is_ok()).await;
}
