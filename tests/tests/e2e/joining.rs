//! Nobody becomes a member without a steward's yes.

use entente_node::api::types::{PartnershipState, PartnershipView};
use entente_tests::{PERMISSIVE, Partnership, TestNode, draft, invite, invite_and_ask, wait_for, wait_until};

/// A founder alone in a partnership, and a node that is in none.
async fn founder_and_stranger() -> (Partnership, TestNode) {
    let founder = TestNode::start_new("Ombudsman", "npm").await;
    let p = Partnership::among(vec![founder], "Prevention", PERMISSIVE).await;
    (p, TestNode::start_new("Rights", "cso").await)
}

async fn state_at(node: &TestNode) -> Option<PartnershipState> {
    node.status().await.partnerships.first().map(|p| p.state)
}

async fn wait_until_member(node: &TestNode) {
    wait_until("it is a member", async || state_at(node).await == Some(PartnershipState::Member)).await;
}

#[tokio::test]
async fn a_joiner_waits_for_approval_and_is_a_member_afterwards() {
    let (p, rights) = founder_and_stranger().await;

    let made = p[0].cli(&["partnership", "invite", "Prevention", "--role", "cso"]).await.done();
    let invitation = made["invitation"].as_str().unwrap();
    assert!(invitation.starts_with("entente1"), "{invitation}");
    let asked = rights.cli(&["partnership", "join", invitation, "--yes"]).await.done();
    assert_eq!(asked["state"], "awaiting-approval");
    assert_eq!(asked["partnership"], p.id.to_string());

    assert_eq!(state_at(&rights).await, Some(PartnershipState::AwaitingApproval));
    let seen = p[0].partnership("Prevention").await.unwrap();
    assert_eq!(seen.summary.members, 1, "asking does not make a member");
    assert_eq!(seen.pending.len(), 1);
    assert_eq!(seen.pending[0].organisation.name, "Rights");
    assert_eq!(rights.cli(&["record", "list"]).await.done()["records"].as_array().unwrap().len(), 0);

    p[0].cli(&["partnership", "approve", "Prevention", "Rights"]).await.ok();
    wait_until_member(&rights).await;
    let seen: PartnershipView = rights.partnership("Prevention").await.unwrap();
    assert_eq!(seen.members_now.len(), 2);
    let founder = seen.members_now.iter().find(|m| !m.ourselves).unwrap();
    assert_eq!(founder.organisation.name, "Ombudsman");
    assert!(founder.steward);
    assert_eq!(seen.agreement.text, PERMISSIVE, "what was signed is the text, to the byte");

    let id = rights.publish(draft("submission", "First words"), "Prevention", None).await;
    wait_until("the first record arrives", async || p[0].record(id).await.is_ok()).await;
}

#[tokio::test]
async fn what_was_shared_before_a_member_came_stays_unread_by_it() {
    let (p, rights) = founder_and_stranger().await;
    let third = TestNode::start_new("Third", "cso").await;
    entente_tests::join(&p[0], &third, "Prevention").await;
    let before = p[0].publish(draft("training", "Before"), "Prevention", None).await;
    entente_tests::join(&p[0], &rights, "Prevention").await;
    let after = p[0].publish(draft("training", "After"), "Prevention", None).await;
    wait_until("the later record arrives", async || rights.record(after).await.is_ok()).await;
    assert_eq!(rights.record(before).await.unwrap_err().code, "not-found");
    assert_eq!(rights.shared_ids().await.len(), 1);
}

#[tokio::test]
async fn a_joiner_that_restarts_meanwhile_is_approved_all_the_same() {
    let (p, mut rights) = founder_and_stranger().await;
    let (_, state) = invite_and_ask(&p[0], &rights, "Prevention").await;
    assert_eq!(state, PartnershipState::AwaitingApproval);
    rights.restart().await;
    assert_eq!(state_at(&rights).await, Some(PartnershipState::AwaitingApproval), "it knows what it asked");
    rights.kill();
    // Approved while the joiner is down.
    p[0].cli(&["partnership", "approve", "Prevention", "Rights"]).await.ok();
    rights.start().await;
    wait_until_member(&rights).await;
    let id = p[0].publish(draft("training", "Welcome"), "Prevention", None).await;
    wait_until("it reads what comes", async || rights.record(id).await.is_ok()).await;
}

#[tokio::test]
async fn an_inviter_that_restarts_meanwhile_knows_who_waits_and_what_it_invited() {
    let (mut p, rights) = founder_and_stranger().await;
    let unused = invite(&p[0], "Prevention", "cso").await;
    invite_and_ask(&p[0], &rights, "Prevention").await;
    p[0].kill();
    p[0].start().await;
    let seen = p[0].partnership("Prevention").await.unwrap();
    assert_eq!(seen.pending.len(), 1, "the request is not forgotten");
    assert_eq!(seen.invitations.len(), 2, "nor are the invitations");
    p[0].cli(&["partnership", "approve", "Prevention", "Rights"]).await.ok();
    wait_until_member(&rights).await;

    let third = TestNode::start_new("Third", "cso").await;
    let asked = third.cli(&["partnership", "join", &unused, "--yes"]).await.done();
    assert_eq!(asked["state"], "awaiting-approval", "an invitation from before the restart is good");
}

#[tokio::test]
async fn an_invitation_works_once() {
    let (p, rights) = founder_and_stranger().await;
    let (invitation, _) = invite_and_ask(&p[0], &rights, "Prevention").await;
    let third = TestNode::start_new("Third", "cso").await;
    for approved in [false, true] {
        if approved {
            p[0].cli(&["partnership", "approve", "Prevention", "Rights"]).await.ok();
            wait_until_member(&rights).await;
        }
        let asked = third.cli(&["partnership", "join", &invitation, "--yes"]).await;
        let code = asked.json["error"]["code"].as_str().unwrap_or_default();
        assert!(matches!((asked.code, code), (5, "E-INVITATION-USED") | (7, "unreachable")), "{asked:?}");
        let words = asked.json["error"]["what"].as_str().unwrap();
        assert!(words.contains("used"), "it says why: {words}");
        assert!(third.status().await.partnerships.is_empty(), "nothing was joined");
    }
    assert_eq!(p[0].partnership("Prevention").await.unwrap().summary.members, 2);
    let again = rights.cli(&["partnership", "join", &invitation, "--yes"]).await;
    assert!(matches!(again.code, 5 | 7), "a member does not join twice: {again:?}");
}

#[tokio::test]
async fn the_invitation_of_a_member_that_was_put_out_before_it_came_is_open_no_more() {
    let (mut p, mut rights) = founder_and_stranger().await;
    invite_and_ask(&p[0], &rights, "Prevention").await;
    rights.stop().await;
    p[0].cli(&["partnership", "approve", "Prevention", "Rights"]).await.ok();
    p[0].restart().await;
    let open = async || p[0].partnership("Prevention").await.unwrap().invitations.len();
    assert_eq!(open().await, 1, "it may come for its key yet");
    p[0].cli(&["partnership", "remove", "Prevention", "Rights", "--reason", "a test"]).await.ok();
    wait_until("the invitation is gone", async || open().await == 0).await;
}

#[tokio::test]
async fn a_mistyped_invitation_is_a_mistake_in_the_command_line() {
    let (p, rights) = founder_and_stranger().await;
    let invitation = invite(&p[0], "Prevention", "cso").await;
    let middle = invitation.len() / 2;
    let other = if invitation.as_bytes()[middle] == b'q' { "p" } else { "q" };
    let mistyped = format!("{}{other}{}", &invitation[..middle], &invitation[middle + 1..]);
    for wrong in [mistyped.as_str(), &invitation[..middle], "entente1", "entente1qqqq"] {
        let asked = rights.cli(&["partnership", "join", wrong, "--yes"]).await;
        asked.failed(2, "usage");
    }
    assert!(rights.status().await.partnerships.is_empty());
    let asked = rights.cli(&["partnership", "join", &invitation, "--yes"]).await;
    asked.ok();
}

#[tokio::test]
async fn an_invitation_whose_inviter_is_down_is_answered_with_seven() {
    let (mut p, rights) = founder_and_stranger().await;
    let invitation = invite(&p[0], "Prevention", "cso").await;
    p[0].stop().await;
    rights.cli(&["partnership", "join", &invitation, "--yes"]).await.failed(7, "unreachable");
    p[0].start().await;
    let asked = wait_for("the door of the invitation opens again", async || {
        let asked = rights.cli(&["partnership", "join", &invitation, "--yes"]).await;
        (asked.code == 0).then_some(asked)
    })
    .await;
    assert_eq!(asked.json["state"], "awaiting-approval");
}

#[tokio::test]
async fn only_a_steward_invites_approves_and_removes() {
    let p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    let by_member: [&[&str]; 2] =
        [&["partnership", "invite", "Prevention"], &["partnership", "remove", "Prevention", "Ombudsman"]];
    for words in by_member {
        p[1].cli(words).await.failed(5, "E-STEWARD");
    }
    p[0].cli(&["partnership", "approve", "Prevention", "Nobody"]).await.failed(3, "not-found");
    assert_eq!(p[0].partnership("Prevention").await.unwrap().summary.members, 2);
}
