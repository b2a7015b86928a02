//! W9: what a new key costs whoever makes it, and what each member downloads.
//!
//! `cargo test --release -p entente-protocol --test rotation -- --ignored --nocapture` prints a line of JSON for
//! each size. `mint_ms` is paid at once; `seal_all_ms` is spread over the connections of the members.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod common;

use std::time::Instant;

use ed25519_dalek::SigningKey;
use entente_protocol::codec;
use entente_protocol::epoch::{PrekeySecret, mint_unsealed, open_slot, seal_slot};
use entente_protocol::ids::{ActId, NodeId, SpaceId};
use entente_protocol::sync::Message;
use zeroize::Zeroizing;

use common::{Counter, NOW};

/// Bytes that each member may download for a new key.
const BYTES: usize = 2_000;

fn node(number: usize) -> (NodeId, PrekeySecret) {
    let mut id = [7; 32];
    id[..8].copy_from_slice(&(number as u64).to_be_bytes());
    (NodeId(id), PrekeySecret::from_seed(Zeroizing::new(id)))
}

#[test]
fn a_member_of_the_largest_partnership_downloads_less_than_two_kilobytes_for_a_new_key() {
    let key = SigningKey::from_bytes(&[3; 32]);
    let nodes: Vec<NodeId> = (0..300).map(|n| node(n).0).collect();
    let basis = vec![ActId([1; 32]); 3];
    let minted = mint_unsealed(SpaceId([1; 32]), &key, &nodes, basis, NOW, &mut Counter(1));
    let (id, secret) = node(299);
    let slot = seal_slot(&minted.id, &minted.key, &id, &secret.public().unwrap(), &mut Counter(2)).unwrap();
    assert_eq!(open_slot(&minted.header, &slot, &secret).unwrap(), minted.key);
    let message = Message::Epoch(minted.header.to_unverified(), slot);
    assert!(codec::encode(&message).len() < BYTES);
}

#[test]
#[ignore = "a measurement"]
fn rotation() {
    let key = SigningKey::from_bytes(&[3; 32]);
    for size in [10, 30, 100, 300] {
        let nodes: Vec<(NodeId, Vec<u8>)> =
            (0..size).map(node).map(|(id, secret)| (id, secret.public().unwrap())).collect();
        let began = Instant::now();
        let ids = nodes.iter().map(|(id, _)| id);
        let minted = mint_unsealed(SpaceId([1; 32]), &key, ids, vec![ActId([1; 32])], NOW, &mut Counter(1));
        let mint = began.elapsed();
        let mut bytes = 0;
        for (id, public) in &nodes {
            let slot = seal_slot(&minted.id, &minted.key, id, public, &mut Counter(2)).unwrap();
            bytes = codec::encode(&Message::Epoch(minted.header.to_unverified(), slot)).len();
        }
        let all = began.elapsed();
        println!(
            r#"{{"W9":"rotation","nodes":{size},"mint_ms":{:.3},"seal_all_ms":{:.1},"bytes_per_member":{bytes}}}"#,
            mint.as_secs_f64() * 1e3,
            all.as_secs_f64() * 1e3,
        );
    }
}
