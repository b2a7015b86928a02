//! Prekeys are replaced after 30 days: partners seal to the new one, and no crash on the way shuts a node out.

use entente_node::secrets::{PartnershipSecrets, Prekeys, Secrets};
use entente_node::vault::Vault;
use entente_protocol::ids::{PartnershipId, Timestamp};
use entente_protocol::limits::PREKEY_DAYS;
use entente_tests::{PASSPHRASE, Partnership, TestNode, draft, wait_until};

const TWO: [(&str, &str); 2] = [("Ombudsman", "npm"), ("Rights", "cso")];

/// Changes the keys of a node that does not run; gives them as they are then.
fn with_keys(
    node: &TestNode,
    partnership: &PartnershipId,
    change: impl FnOnce(&mut PartnershipSecrets),
) -> PartnershipSecrets {
    let (vault, contents) = Vault::open(&node.home().path().join("vault"), PASSPHRASE.as_bytes()).unwrap();
    let mut secrets = Secrets::from_bytes(&contents).unwrap();
    change(secrets.partnership_mut(partnership).unwrap());
    vault.save(&secrets.to_bytes()).unwrap();
    secrets.partnership(partnership).unwrap().clone()
}

/// The present prekey was made so long ago that it is time for the next.
fn is_due(keys: &mut PartnershipSecrets) {
    let long_ago = entente_node::clock::now().0 - (PREKEY_DAYS + 1) * 24 * 60 * 60 * 1000;
    keys.prekeys.get_or_insert_with(|| Prekeys::first(Timestamp(long_ago))).made = Timestamp(long_ago);
}

/// Those before are gone: what was sealed to them does not open any more.
fn forget_retired(keys: &mut PartnershipSecrets) {
    keys.prekeys.as_mut().unwrap().retired.clear();
}

async fn wait_until_reads(node: &TestNode, record: entente_protocol::ids::RecordId) {
    wait_until("it is read", async || node.record(record).await.is_ok()).await;
}

/// A record of the other member under a key that it makes while this node is away and knows its newest prekey only.
async fn reads_with_newest_prekey_only(p: &mut Partnership, generation: u32) {
    p[1].stop().await;
    let keys = with_keys(&p[1], &p.id, forget_retired);
    assert_eq!(keys.prekey_generation(), generation);
    p[0].cli(&["key", "rotate", &p.name]).await.ok();
    let sealed = p[0].publish(draft("training", "Under the new key"), &p.name, None).await;
    p[1].start().await;
    wait_until_reads(&p[1], sealed).await;
    let answer = p[1].publish(draft("training", "Answer"), &p.name, None).await;
    wait_until_reads(&p[0], answer).await;
    for node in &p.nodes {
        assert!(node.sync_status().await.quarantined.is_empty());
    }
}

#[tokio::test]
async fn an_epoch_that_is_minted_after_a_prekey_rotated_is_sealed_to_the_new_one() {
    let mut p = Partnership::of(&TWO).await;
    p[1].stop().await;
    let before = with_keys(&p[1], &p.id, is_due);
    p[1].start().await;
    // Its word of the new prekey goes ahead of what it writes.
    let marker = p[1].publish(draft("training", "Marker"), &p.name, None).await;
    wait_until_reads(&p[0], marker).await;
    reads_with_newest_prekey_only(&mut p, before.prekey_generation() + 1).await;
}

#[tokio::test]
async fn a_node_that_is_killed_while_its_prekey_rotates_reads_and_writes_afterwards() {
    let mut p = Partnership::of(&TWO).await;
    let mut generation = 0;
    for round in 0..5 {
        p[1].stop().await;
        generation = with_keys(&p[1], &p.id, is_due).prekey_generation();
        p[1].start().await;
        p[1].send_sigkill();
        p[1].kill();
        if round == 0 {
            // Killed between vault and journal: the secret is kept, and nobody was told of it.
            generation = with_keys(&p[1], &p.id, |keys| {
                let above = keys.prekey_generation();
                entente_node::partnership::prekeys::replace(keys, above, entente_node::clock::now()).unwrap();
            })
            .prekey_generation();
        }
        p[1].start().await;
        let here = p[1].publish(draft("training", &format!("Round {round}")), &p.name, None).await;
        wait_until_reads(&p[0], here).await;
        let there = p[0].publish(draft("training", &format!("Answer {round}")), &p.name, None).await;
        wait_until_reads(&p[1], there).await;
    }
    reads_with_newest_prekey_only(&mut p, generation + 1).await;
}
