//! What was acknowledged survives whatever ends the process.

use std::cell::RefCell;
use std::collections::BTreeSet;

use entente_node::api::types::PartnershipState;
use entente_protocol::ids::RecordId;
use entente_tests::{Partnership, draft, invite, publish_on, wait_until, wait_until_within};

const LONG: std::time::Duration = std::time::Duration::from_secs(60);

#[tokio::test]
async fn an_author_killed_while_it_publishes_loses_nothing_that_it_acknowledged() {
    let mut p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    let acknowledged = RefCell::new(BTreeSet::<RecordId>::new());
    for round in 0..5_usize {
        let enough = acknowledged.borrow().len() + 5 + round * 17;
        let author = &p[1];
        let publisher = async |number: usize| {
            let client = author.connect().await;
            for count in 0.. {
                let readers = (count % 3 == 0).then_some(&["Ombudsman"][..]);
                let title = format!("Round {round}, publisher {number}, count {count}");
                match publish_on(&client, draft("training", &title), "Prevention", readers).await {
                    Ok(id) => assert!(acknowledged.borrow_mut().insert(id), "an id came twice"),
                    Err(problem) => {
                        assert!(matches!(problem.code.as_str(), "broken-off" | "no-node"), "{problem:?}");
                        return;
                    }
                }
            }
        };
        let killer = async {
            wait_until("enough is acknowledged", async || acknowledged.borrow().len() >= enough).await;
            author.send_sigkill();
        };
        tokio::join!(publisher(0), publisher(1), publisher(2), publisher(3), killer);
        p[1].kill();
        p[1].start().await;
        let here = p[1].shared_ids().await;
        let lost: Vec<_> = acknowledged.borrow().difference(&here).copied().collect();
        assert!(lost.is_empty(), "round {round}: acknowledged and lost: {lost:?}");
    }
    let last = p[1].publish(draft("training", "It goes on"), "Prevention", None).await;
    wait_until_within(LONG, "the partner has it all", async || {
        p[0].record(last).await.is_ok() && p[0].shared_ids().await == p[1].shared_ids().await
    })
    .await;
    let received = p[0].shared_ids().await;
    assert!(acknowledged.borrow().is_subset(&received));
    // A position used twice or left out would be refused, and the logs would differ.
    wait_until("both logs end at the same place", async || {
        let (one, two) = (p[0].sync_status().await, p[1].sync_status().await);
        let partners = one.partners.iter().chain(&two.partners);
        one.quarantined.is_empty()
            && two.quarantined.is_empty()
            && partners.map(|x| x.ahead + x.behind).sum::<u64>() == 0
    })
    .await;
    for node in &p.nodes {
        node.frames().await;
    }
}

#[tokio::test]
async fn a_receiver_killed_while_it_takes_records_in_has_them_all_afterwards() {
    let mut p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    let file = p[1].home().beside("photo.bin");
    std::fs::write(&file, (0..1_000_000_u32).map(|n| n.to_be_bytes()[3]).collect::<Vec<u8>>()).unwrap();
    let mut sent = BTreeSet::new();
    let mut with_file = Vec::new();
    for round in 0..4 {
        let attached = p[1].attach(&file).await.unwrap();
        let record = draft("training", "With a file").attachment(attached);
        with_file.push(p[1].publish(record, "Prevention", None).await);
        sent.extend(&with_file);
        let before = p[0].status().await.records;
        let (author, receiver) = (&p[1], &p[0]);
        let publishing = async {
            let mut sent = Vec::new();
            for count in 0..80 {
                let readers = (count % 3 == 0).then_some(&["Ombudsman"][..]);
                sent.push(
                    author
                        .publish(draft("training", &format!("{round}/{count}")), "Prevention", readers)
                        .await,
                );
            }
            sent
        };
        let killer = async {
            wait_until("some have arrived", async || {
                receiver.status().await.records > before + 3 + round * 9
            })
            .await;
            receiver.send_sigkill();
        };
        let (published, ()) = tokio::join!(publishing, killer);
        sent.extend(published);
        p[0].kill();
        p[0].start().await;
    }
    wait_until_within(LONG, "it has everything", async || p[0].shared_ids().await == sent).await;
    for id in with_file {
        wait_until("attachments are complete", async || {
            p[0].record(id).await.is_ok_and(|r| r.attachment_list[0].complete)
        })
        .await;
        assert!(p[0].attachment(id, 0).await.unwrap() == std::fs::read(&file).unwrap());
    }
    assert_eq!(p[0].status().await.quarantined, 0);
    p[0].frames().await;
}

#[tokio::test]
async fn a_restart_keeps_everything() {
    let mut p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    let file = p[1].home().beside("plan.bin");
    std::fs::write(&file, b"a plan").unwrap();
    let for_draft = p[1].attach(&file).await.unwrap();
    let for_record = p[1].attach(&file).await.unwrap();
    let kept = p[1].keep(draft("baseline", "Not yet shared").attachment(for_draft)).await.unwrap();
    let id = p[1].publish(draft("training", "Shared").attachment(for_record), "Prevention", None).await;
    let named = p[1].publish(draft("submission", "Named"), "Prevention", Some(&["Ombudsman"])).await;
    wait_until("all arrived", async || {
        p[0].shared_ids().await.len() == 2
            && p[0].record(id).await.is_ok_and(|r| r.attachment_list[0].complete)
    })
    .await;
    let invitation = invite(&p[0], "Prevention", "cso").await;
    let mut before = Vec::new();
    for node in &p.nodes {
        before.push((node.status().await, view(node).await));
    }

    for killed in [false, true] {
        for number in [0, 1] {
            if killed {
                p[number].kill();
            } else {
                p[number].stop().await;
            }
        }
        for number in [0, 1] {
            p[number].start().await;
        }
        p.wait_until_connected().await;
        for (node, (status, view_before)) in p.nodes.iter().zip(&before) {
            let now = node.status().await;
            assert_eq!(now.records, status.records);
            assert_eq!(now.drafts, status.drafts);
            assert_eq!(now.node, status.node);
            assert_eq!(now.organisation, status.organisation);
            assert_eq!(now.addresses, status.addresses, "the port is kept");
            assert_eq!(&view(node).await, view_before);
            for record in [id, named] {
                assert!(node.record(record).await.is_ok());
            }
            assert_eq!(node.attachment(id, 0).await.unwrap(), b"a plan");
        }
        let draft_now = p[1].record(kept).await.unwrap();
        assert_eq!(draft_now.summary.title, "Not yet shared");
        assert_eq!(p[1].attachment(kept, 0).await.unwrap(), b"a plan");
    }
    let third = entente_tests::TestNode::start_new("Third", "cso").await;
    third.cli(&["partnership", "join", &invitation, "--yes"]).await.ok();
    p[0].cli(&["partnership", "approve", "Prevention", "Third"]).await.ok();
    wait_until("an invitation from before leads in", async || {
        third.partnership("Prevention").await.is_ok_and(|x| x.summary.state == PartnershipState::Member)
    })
    .await;
    let shared = p[1].share(kept, "Prevention", Some(&["Third"])).await.unwrap().record;
    wait_until("the old draft goes to the new member", async || third.record(shared).await.is_ok()).await;
}

/// Members and agreement, without what changes from minute to minute.
async fn view(node: &entente_tests::TestNode) -> (Vec<(String, bool)>, String, usize) {
    let seen = node.partnership("Prevention").await.unwrap();
    let members = seen.members_now.iter().map(|m| (m.organisation.id.to_string(), m.steward)).collect();
    (members, seen.agreement.hash, seen.invitations.len())
}
