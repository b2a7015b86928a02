//! Who is out gets nothing more, and is heard no more.

use entente_node::api::types::PartnershipState;
use entente_tests::{Partnership, TestNode, draft, invite_and_ask, wait_until};

#[tokio::test]
async fn a_removed_member_gets_nothing_more_and_the_others_go_on() {
    let mut p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso"), ("Removed", "cso")]).await;
    let early = p[1].publish(draft("training", "Early"), "Prevention", None).await;
    wait_until("the early record arrives", async || p[2].record(early).await.is_ok()).await;

    p[0].cli(&["partnership", "remove", "Prevention", "Removed", "--reason", "trust is gone"]).await.ok();
    for member in [0, 1] {
        wait_until("the members know", async || {
            let seen = p[member].partnership("Prevention").await.unwrap();
            seen.summary.members == 2 && seen.former.len() == 1 && seen.summary.connected == 1
        })
        .await;
    }
    let former = p[1].partnership("Prevention").await.unwrap().former.remove(0);
    assert_eq!(former.how, "removed by Ombudsman: trust is gone");

    let to_all = p[0].publish(draft("training", "Later"), "Prevention", None).await;
    let named = p[1].publish(draft("submission", "Later, named"), "Prevention", Some(&["Ombudsman"])).await;
    for id in [to_all, named] {
        wait_until("the others go on", async || {
            p[0].record(id).await.is_ok() && p[1].record(id).await.is_ok()
        })
        .await;
    }
    let refused = p[1].cli(&share_words(&p[1], "Removed").await.each_ref().map(String::as_str)).await;
    refused.failed(5, "E-NOT-MEMBER");

    for restarted in [false, true] {
        if restarted {
            p[2].restart().await;
        }
        let removed = &p[2];
        tried_in_vain(removed).await;
        assert_eq!(
            removed.shared_ids().await.into_iter().collect::<Vec<_>>(),
            [early],
            "it keeps what it had"
        );
        for id in [to_all, named] {
            assert_eq!(removed.record(id).await.unwrap_err().code, "not-found");
        }
    }

    // What it says now is heard by nobody, whether it knows of its removal or not.
    let kept = p[2].keep(draft("training", "Said too late")).await.unwrap();
    let said = p[2].share(kept, "Prevention", None).await;
    tried_in_vain(&p[2]).await;
    p[2].restart().await;
    tried_in_vain(&p[2]).await;
    for member in [0, 1] {
        assert_eq!(p[member].shared_ids().await.len(), 3);
        assert_eq!(p[member].status().await.quarantined, 0);
        if let Ok(said) = &said {
            assert_eq!(p[member].record(said.record).await.unwrap_err().code, "not-found");
        }
    }
}

async fn share_words(node: &TestNode, reader: &str) -> [String; 8] {
    let id = node.keep(draft("submission", "T")).await.unwrap().to_string();
    ["record", "share", &id, "--partnership", "Prevention", "--yes", "--readers", reader].map(str::to_owned)
}

/// Lets a node that is out reach for its former partners, and waits until each attempt has failed.
async fn tried_in_vain(removed: &TestNode) {
    wait_until("nobody answers it", async || {
        removed.dial_now().await;
        let state = removed.partnership("Prevention").await.unwrap().summary.state;
        let partners = removed.sync_status().await.partners;
        assert!(partners.iter().all(|partner| partner.behind == 0 || !partner.connected));
        // It either knows that it is out and does not try, or tries and is not answered.
        state == PartnershipState::Former || partners.iter().all(|p| !p.connected && p.last_error.is_some())
    })
    .await;
}

#[tokio::test]
async fn a_member_that_leaves_is_former_everywhere_and_gets_nothing_more() {
    let mut p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso"), ("Leaver", "cso")]).await;
    let early = p[0].publish(draft("training", "Early"), "Prevention", None).await;
    wait_until("the early record arrives", async || p[2].record(early).await.is_ok()).await;
    p[2].cli(&["partnership", "leave", "Prevention", "--yes"]).await.ok();
    for member in [0, 1] {
        wait_until("the others know", async || {
            let seen = p[member].partnership("Prevention").await.unwrap();
            seen.former.first().is_some_and(|f| f.name == "Leaver" && f.how == "left")
        })
        .await;
    }
    assert_eq!(p[2].partnership("Prevention").await.unwrap().summary.state, PartnershipState::Former);
    let kept = p[2].keep(draft("training", "Too late")).await.unwrap();
    assert_eq!(p[2].share(kept, "Prevention", None).await.unwrap_err().code, "E-NOT-MEMBER");

    let later = p[1].publish(draft("training", "Later"), "Prevention", None).await;
    wait_until("the others go on", async || p[0].record(later).await.is_ok()).await;
    p[2].restart().await;
    assert_eq!(p[2].partnership("Prevention").await.unwrap().summary.state, PartnershipState::Former);
    assert_eq!(p[2].record(later).await.unwrap_err().code, "not-found");
    assert!(p[2].record(early).await.is_ok(), "what it had it keeps");
}

#[tokio::test]
async fn who_let_somebody_in_and_left_still_hands_over_the_key() {
    let mut p = Partnership::of(&[("Founder", "npm"), ("Leaver", "cso")]).await;
    p[0].cli(&["member", "promote", "Prevention", "Leaver"]).await.ok();
    wait_until("the second is a steward", async || {
        p[1].partnership("Prevention").await.unwrap().members_now.iter().all(|member| member.steward)
    })
    .await;
    let mut newcomer = TestNode::start_new("Newcomer", "cso").await;
    invite_and_ask(&p[1], &newcomer, "Prevention").await;
    newcomer.stop().await;
    // The founder hears of the newcomer and of the departure at once: the key between them does not reach it.
    p[0].stop().await;
    p[1].cli(&["partnership", "approve", "Prevention", "Newcomer"]).await.ok();
    p[1].cli(&["partnership", "leave", "Prevention", "--yes"]).await.ok();
    p[0].start().await;
    wait_until("the founder knows both", async || {
        let seen = p[0].partnership("Prevention").await.unwrap();
        seen.summary.members == 2 && seen.former.len() == 1
    })
    .await;
    newcomer.start().await;
    wait_until("it is a member", async || newcomer.partnership("Prevention").await.is_ok()).await;
    let id = p[0].publish(draft("training", "Welcome"), "Prevention", None).await;
    wait_until("it reads what comes", async || newcomer.record(id).await.is_ok()).await;
}

#[tokio::test]
async fn who_was_switched_off_when_it_was_removed_hears_of_it_and_of_nothing_later() {
    let mut p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso"), ("Away", "cso")]).await;
    p[2].stop().await;
    p[0].cli(&["partnership", "remove", "Prevention", "Away", "--reason", "no answer"]).await.ok();
    p[0].cli(&["partnership", "invite", "Prevention", "--role", "cso"]).await.ok();
    let later = p[1].publish(draft("training", "Later"), "Prevention", None).await;
    wait_until("the others go on", async || p[0].record(later).await.is_ok()).await;
    p[2].start().await;
    wait_until("it hears of its removal", async || {
        p[2].partnership("Prevention").await.unwrap().summary.state == PartnershipState::Former
    })
    .await;
    let seen = p[2].partnership("Prevention").await.unwrap();
    assert!(seen.former.iter().any(|f| f.name == "Away" && f.how == "removed by Ombudsman: no answer"));
    assert_eq!(p[2].record(later).await.unwrap_err().code, "not-found");
}

#[tokio::test]
async fn two_stewards_that_removed_each_other_agree_when_they_meet() {
    let mut p = Partnership::of(&[("Founder", "npm"), ("Second", "cso")]).await;
    p[0].cli(&["member", "promote", "Prevention", "Second"]).await.ok();
    wait_until("the second is a steward", async || {
        let seen = p[1].partnership("Prevention").await.unwrap();
        seen.members_now.iter().all(|member| member.steward)
    })
    .await;
    p[1].stop().await;
    p[0].cli(&["partnership", "remove", "Prevention", "Second"]).await.ok();
    p[0].stop().await;
    p[1].start().await;
    p[1].cli(&["partnership", "remove", "Prevention", "Founder"]).await.ok();
    assert_eq!(p[1].partnership("Prevention").await.unwrap().summary.state, PartnershipState::Member);
    p[0].start().await;
    wait_until("the junior side hears that it was put out", async || {
        p[1].partnership("Prevention").await.unwrap().summary.state == PartnershipState::Former
    })
    .await;
    let senior = p[0].partnership("Prevention").await.unwrap();
    assert_eq!((senior.summary.state, senior.summary.members), (PartnershipState::Member, 1));
    let junior = p[1].partnership("Prevention").await.unwrap();
    assert_eq!(junior.members_now.iter().map(|m| &m.organisation.name).collect::<Vec<_>>(), ["Founder"]);
}
