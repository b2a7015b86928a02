//! Partnerships govern themselves: what wants several signatures, what is narrowed or stopped at once, who gets
//! no key before it has declared.

use entente_node::api::types::{PartnershipState, ProposalView};
use entente_tests::{PERMISSIVE, Partnership, TestNode, draft, invite, wait_until};

const NPM: (&str, &str) = ("Ombudsman", "npm");
const RIGHTS: (&str, &str) = ("Rights", "cso");
const WATCH: (&str, &str) = ("Watch", "cso");

async fn proposals(node: &TestNode) -> Vec<ProposalView> {
    node.partnership("Prevention").await.unwrap().proposals
}

async fn is_steward(node: &TestNode, name: &str) -> bool {
    let seen = node.partnership("Prevention").await.unwrap();
    seen.members_now.iter().any(|m| m.organisation.name == name && m.steward)
}

#[tokio::test]
async fn what_two_stewards_must_sign_is_proposed_by_one_and_done_by_the_second() {
    let agreement = format!("{PERMISSIVE}\n[decisions]\nremove = 2\nsteward = 2\n");
    let p = Partnership::under(&agreement, &[NPM, RIGHTS, WATCH]).await;
    // There is one steward, so one is enough to make a second.
    let promoted = p[0].cli(&["member", "promote", "Prevention", "Rights"]).await.done();
    assert_eq!(promoted["done"], true);
    wait_until("Rights knows that it is a steward", async || is_steward(&p[1], "Rights").await).await;

    let asked =
        p[0].cli(&["partnership", "remove", "Prevention", "Watch", "--reason", "a leak"]).await.done();
    assert_eq!((&asked["done"], &asked["signed"], &asked["needed"]), (&false.into(), &1.into(), &2.into()));
    assert!(p[0].partnership("Prevention").await.unwrap().members_now.len() == 3, "nothing changed yet");
    wait_until("the proposal arrives", async || {
        proposals(&p[1]).await.iter().any(|it| it.waits_for_us && it.state == "open")
    })
    .await;
    assert!(!proposals(&p[2]).await.iter().any(|it| it.waits_for_us), "it is no steward");
    p[2].cli(&["partnership", "sign", "Prevention"]).await.failed(5, "E-STEWARD");

    let signed = p[1].cli(&["partnership", "sign", "Prevention", "--yes"]).await.done();
    assert_eq!(signed["done"], true, "the last signature puts it into effect");
    wait_until("Watch knows that it is out", async || {
        let seen = p[2].partnership("Prevention").await;
        seen.is_ok_and(|seen| seen.summary.state == PartnershipState::Former)
    })
    .await;
    wait_until("the founder knows", async || proposals(&p[0]).await.iter().any(|it| it.state == "enacted"))
        .await;
}

#[tokio::test]
async fn signatures_travel_in_a_file_where_two_are_never_online_together() {
    let agreement = format!("{PERMISSIVE}\n[decisions]\nsteward = 2\n");
    let mut p = Partnership::under(&agreement, &[NPM, RIGHTS, WATCH]).await;
    p[0].cli(&["member", "promote", "Prevention", "Rights"]).await.ok();
    wait_until("Rights is a steward", async || is_steward(&p[1], "Rights").await).await;
    // The third would carry the acts as well.
    p[1].stop().await;
    p[2].stop().await;
    let asked = p[0].cli(&["member", "promote", "Prevention", "Watch"]).await.done();
    assert_eq!(asked["done"], false);
    let there = p[0].home().beside("acts.json");
    let there = there.to_str().unwrap();
    p[0].cli(&["partnership", "acts", "export", "Prevention", there]).await.ok();
    p[0].cli(&["partnership", "acts", "export", "Prevention", there]).await.failed(1, "file");
    p[0].stop().await;

    p[1].start().await;
    let taken = p[1].cli(&["partnership", "acts", "import", "Prevention", there]).await.done();
    assert!(taken["new"].as_u64().unwrap() > 0);
    assert_eq!(p[1].cli(&["partnership", "acts", "import", "Prevention", there]).await.done()["new"], 0);
    assert_eq!(p[1].cli(&["partnership", "sign", "Prevention"]).await.done()["done"], true);
    let back = p[1].home().beside("back.json");
    let back = back.to_str().unwrap();
    p[1].cli(&["partnership", "acts", "export", "Prevention", back]).await.ok();
    p[1].stop().await;

    p[0].start().await;
    p[0].cli(&["partnership", "acts", "import", "Prevention", back]).await.ok();
    assert!(is_steward(&p[0], "Watch").await);
}

#[tokio::test]
async fn a_narrower_limit_holds_when_it_is_proposed_and_a_wider_one_when_all_have_signed() {
    let narrow = PERMISSIVE.replace("\"named\", \"partnership\", \"public\"", "\"named\", \"partnership\"");
    let p = Partnership::under(PERMISSIVE, &[NPM, RIGHTS, WATCH]).await;
    let public =
        || draft("material", "For everybody").sensitivity(entente_protocol::handling::Sensitivity::Public);
    p[1].publish(public(), "Prevention", None).await;
    let file = p[0].home().beside("amended.toml");
    std::fs::write(&file, &narrow).unwrap();
    let file = file.to_str().unwrap();
    let asked = p[0].cli(&["partnership", "agreement", "propose", "Prevention", file]).await.done();
    assert_eq!((&asked["done"], &asked["needed"]), (&false.into(), &3.into()));
    wait_until("Rights heard of it", async || !proposals(&p[1]).await.is_empty()).await;
    let id = p[1].keep(public()).await.unwrap();
    let refused = p[1].share(id, "Prevention", None).await.unwrap_err();
    assert_eq!(refused.code, "E-SENSITIVITY", "{refused:?}");
    for node in [&p[1], &p[2]] {
        wait_until("the proposal is here", async || !proposals(node).await.is_empty()).await;
        node.cli(&["partnership", "agreement", "sign", "Prevention"]).await.ok();
    }
    wait_until("version 2 is in force everywhere", async || {
        let mut all = true;
        for node in &p.nodes {
            all &= node.partnership("Prevention").await.is_ok_and(|seen| seen.agreement_version == 2);
        }
        all
    })
    .await;
    // Wider again: nothing changes before the last signature.
    let wide = p[0].home().beside("wide.toml");
    std::fs::write(&wide, format!("{PERMISSIVE}\n# wider again\n")).unwrap();
    p[0].cli(&["partnership", "agreement", "propose", "Prevention", wide.to_str().unwrap()]).await.ok();
    let refused = p[1].share(id, "Prevention", None).await.unwrap_err();
    assert_eq!(refused.code, "E-SENSITIVITY");
    for node in [&p[1], &p[2]] {
        let waits = async || proposals(node).await.iter().any(|it| it.waits_for_us);
        wait_until("the proposal is here", waits).await;
        node.cli(&["partnership", "agreement", "sign", "Prevention"]).await.ok();
    }
    wait_until("Rights may share it", async || p[1].share(id, "Prevention", None).await.is_ok()).await;
}

#[tokio::test]
async fn an_npm_suspends_alone_at_once_and_nothing_flows_until_it_resumes() {
    let p = Partnership::of(&[NPM, RIGHTS, WATCH]).await;
    p[1].cli(&["partnership", "suspend", "Prevention"]).await.failed(5, "E-VOID");
    p[0].cli(&["partnership", "suspend", "Prevention", "--reason", "a confidence was broken"]).await.ok();
    let id = p[0].keep(draft("training", "Not now")).await.unwrap();
    assert_eq!(p[0].share(id, "Prevention", None).await.unwrap_err().code, "E-SUSPENDED");
    wait_until("Rights hears of it", async || {
        p[1].partnership("Prevention").await.is_ok_and(|seen| !seen.stopped.is_empty())
    })
    .await;
    let theirs = p[1].keep(draft("training", "Nor this")).await.unwrap();
    let refused = p[1].share(theirs, "Prevention", None).await.unwrap_err();
    assert_eq!(refused.code, "E-SUSPENDED");
    assert!(refused.what.contains("a confidence was broken"), "{refused:?}");
    p[0].cli(&["partnership", "resume", "Prevention"]).await.ok();
    wait_until("Rights may share again", async || p[1].share(theirs, "Prevention", None).await.is_ok()).await;
    wait_until("it arrives at the third", async || p[2].shared_ids().await.len() == 1).await;
}

#[tokio::test]
async fn what_was_written_during_a_suspension_by_who_had_not_heard_is_kept_and_shown_after_it() {
    let mut p = Partnership::of(&[NPM, RIGHTS, WATCH]).await;
    // Rights is cut off from everybody, and goes on writing.
    p[0].stop().await;
    p[2].stop().await;
    let id = p[1].publish(draft("training", "In good faith"), "Prevention", None).await;
    p[1].stop().await;
    p[0].start().await;
    p[0].cli(&["partnership", "suspend", "Prevention"]).await.ok();
    p[1].start().await;
    wait_until("it arrives and is quarantined", async || {
        p[0].sync_status().await.quarantined.iter().any(|q| q.code.contains("E-SUSPENDED"))
    })
    .await;
    assert!(p[0].record(id).await.is_err());
    p[0].cli(&["partnership", "resume", "Prevention"]).await.ok();
    wait_until("it is shown", async || p[0].record(id).await.is_ok()).await;
    assert!(p[0].sync_status().await.quarantined.is_empty());
}

const DECLARE: &str = "[declaration]\ntext = \"I keep what I learn.\"\nroles = [\"cso\"]\nvalid_days = 30\n";

#[tokio::test]
async fn nobody_gets_a_key_before_the_declaration_of_confidentiality_is_signed() {
    let agreement = format!("{PERMISSIVE}\n{DECLARE}");
    let founder = TestNode::start_new("Ombudsman", "npm").await;
    let p = Partnership::among(vec![founder], "Prevention", &agreement).await;
    let rights = TestNode::start_new("Rights", "cso").await;
    let invitation = invite(&p[0], "Prevention", "cso").await;
    let undeclared = rights.cli(&["partnership", "join", &invitation, "--yes"]).await;
    undeclared.failed(5, "E-DECLARATION");
    rights.cli(&["partnership", "join", &invitation, "--yes", "--person", "Nino B."]).await.ok();
    p[0].cli(&["partnership", "approve", "Prevention", "Rights"]).await.ok();
    wait_until("it is a member", async || {
        rights
            .partnership("Prevention")
            .await
            .is_ok_and(|seen| seen.summary.state == PartnershipState::Member)
    })
    .await;
    let seen = p[0].partnership("Prevention").await.unwrap();
    let member = seen.members_now.iter().find(|m| m.organisation.name == "Rights").unwrap();
    assert!(member.declared_until.is_some() && member.no_key.is_none());
    let id = p[0].publish(draft("training", "For who declared"), "Prevention", None).await;
    wait_until("it arrives", async || rights.record(id).await.is_ok()).await;
    // Given a role that asks for one that it has not signed in this text, it would get none; again is fine.
    rights.cli(&["partnership", "declare", "Prevention", "--person", "Nino B."]).await.ok();
    p[0].cli(&["partnership", "declare", "Prevention", "--person", "X"]).await.failed(2, "usage");
}

#[tokio::test]
async fn roles_change_and_stewards_step_down_but_the_last_one_stays() {
    let p = Partnership::of(&[NPM, RIGHTS, WATCH]).await;
    p[0].cli(&["member", "role", "Prevention", "Rights", "network"]).await.ok();
    wait_until("the third sees the new role", async || {
        let seen = p[2].partnership("Prevention").await.unwrap();
        seen.members_now.iter().any(|m| m.organisation.name == "Rights" && m.role.as_str() == "network")
    })
    .await;
    p[0].cli(&["member", "role", "Prevention", "Rights", "judge"]).await.failed(5, "E-VOID");
    p[0].cli(&["member", "demote", "Prevention", "Ombudsman"]).await.failed(5, "E-VOID");
    p[0].cli(&["member", "promote", "Prevention", "Rights"]).await.ok();
    wait_until("Rights is a steward", async || is_steward(&p[1], "Rights").await).await;
    p[0].cli(&["member", "demote", "Prevention", "Ombudsman"]).await.ok();
    wait_until("Rights sees it", async || !is_steward(&p[1], "Ombudsman").await).await;
    p[0].cli(&["partnership", "invite", "Prevention"]).await.failed(5, "E-STEWARD");
    p[1].cli(&["partnership", "invite", "Prevention", "--role", "cso"]).await.ok();
    p[1].cli(&["partnership", "terminate", "Prevention", "--reason", "done", "--yes"]).await.ok();
    wait_until("it is ended for all", async || {
        p[2].partnership("Prevention").await.is_ok_and(|seen| seen.stopped.iter().any(|s| s.how == "ended"))
    })
    .await;
    let id = p[2].keep(draft("training", "Too late")).await.unwrap();
    assert_eq!(p[2].share(id, "Prevention", None).await.unwrap_err().code, "E-TERMINATED");
}
