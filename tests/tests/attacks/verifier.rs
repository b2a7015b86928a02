//! A member that would like to be taken for verified without anybody's reading or typing anything.

use std::time::Duration;

use entente_node::api::types::{Event, Trust};
use entente_protocol::derive;
use entente_protocol::ids::{Hash, OrgId, PartnershipId};
use entente_protocol::sync::Message;
use entente_protocol::verification::VerifyMessage;
use entente_tests::{Partnership, TestNode, wait_for, wait_until};
use serde_json::Value;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::hostile::{Hostile, door_of, transport_of};
use crate::insider::Insider;

/// Rounds of a question, an answer to nothing and its withdrawal.
const ROUNDS: u32 = 3_000;

/// The keys of an organisation's node, as both sides of a verification commit to them.
fn party(insider: &Insider, partnership: &PartnershipId, org: &OrgId) -> [u8; 128] {
    let membership = insider.membership(partnership);
    let (node, of) = membership.members[org].nodes.iter().next().unwrap();
    [org.0, node.0, of.card.transport.0, of.card.log.0].concat().try_into().unwrap()
}

async fn trust(node: &TestNode, org: &OrgId) -> Trust {
    let seen = node.partnership("Prevention").await.unwrap();
    let member = seen.members_now.into_iter().find(|m| m.organisation.id == *org).unwrap();
    member.trust.unwrap().trust
}

async fn start(node: &TestNode, org: &str) -> Value {
    node.cli(&["member", "verify", "Prevention", org, "--start"]).await.done()
}

async fn code(node: &TestNode, org: &str) -> String {
    wait_for("there are codes", async || {
        let view = start(node, org).await;
        (view["stage"] == "codes").then(|| view["read"].as_str().unwrap().to_owned())
    })
    .await
}

#[tokio::test]
async fn a_member_cannot_make_itself_verified_nor_ask_without_end() {
    let members = [("Preventive Office", "npm"), ("False Committee", "cso"), ("Honest Network", "network")];
    let mut p = Partnership::of(&members).await;
    let insider = Insider::seize(&mut p[1]).await;
    let target = transport_of(&insider, &p.id, &p.orgs[0]);
    let mut hostile = Hostile::with_keys_of(&insider, &p.id, (target, door_of(&p[0]))).await;
    hostile.greet().await;
    let (itself, victim) = (party(&insider, &p.id, &p.orgs[1]), party(&insider, &p.id, &p.orgs[0]));
    let commitment = |n: u8| derive::verify_commitment(&p.id, &itself, &victim, &Zeroizing::new([n; 32]));

    let mut events = p[0].client().events().await.unwrap();
    let told = tokio::spawn(async move {
        let mut told = 0;
        while let Ok(Ok(Some(event))) = timeout(Duration::from_secs(5), events.next()).await {
            told += usize::from(matches!(event, Event::Verification { .. }));
        }
        told
    });
    for n in 0..ROUNDS {
        let mut hash = [0; 32];
        hash[..4].copy_from_slice(&n.to_le_bytes());
        for message in [
            VerifyMessage::Commit(Hash(hash)),
            VerifyMessage::Reveal(Hash(hash), hash),
            VerifyMessage::Stop(Hash(hash)),
        ] {
            assert!(hostile.say(&Message::Verify(message)).await);
        }
    }
    let told = told.await.unwrap();
    assert!(told <= 3, "{told} events for {ROUNDS} questions");

    // A person begins, and the member plays its part by the book: it knows both codes, and still nobody types.
    hostile.say(&Message::Verify(VerifyMessage::Commit(commitment(1)))).await;
    start(&p[0], "False Committee").await;
    hostile.say(&Message::Verify(VerifyMessage::Commit(commitment(1)))).await;
    hostile.say(&Message::Verify(VerifyMessage::Reveal(commitment(1), [1; 32]))).await;
    code(&p[0], "False Committee").await;
    for n in [1, 2, 3] {
        hostile.say(&Message::Verify(VerifyMessage::Reveal(commitment(n), [n; 32]))).await;
        hostile.say(&Message::Verify(VerifyMessage::Commit(commitment(n)))).await;
    }
    wait_until("beginning anew ends what a person began", async || {
        let route = entente_cli::client::route(&["partnerships", "Prevention", "verify", "False Committee"]);
        let view: Value = p[0].client().get(&route).await.unwrap();
        view["stage"] == "ended" && view["ending"] == "begun-again"
    })
    .await;
    assert!(!matches!(trust(&p[0], &p.orgs[1]).await, Trust::Verified { .. }));

    // Nobody else is held up by any of it.
    start(&p[0], "Honest Network").await;
    start(&p[2], "Preventive Office").await;
    let right = code(&p[2], "Preventive Office").await;
    code(&p[0], "Honest Network").await;
    p[0].cli(&["member", "verify", "Prevention", "Honest Network", "--code", &right]).await.ok();
    assert!(matches!(trust(&p[0], &p.orgs[2]).await, Trust::Verified { .. }));
    insider.close();
}
