//! W9: a new key for all members. What the node does that makes it: mint, seal to those it is pushed to (the others
//! ask whoever has it), encode; and what each member downloads and does.
//!
//! In one process and without a network: a key travels in one message, and 300 real nodes do not fit a small
//! machine. The simulator counts how often it travels (`Report::per_epoch_and_node`).

use std::time::Instant;

use ed25519_dalek::SigningKey;
use entente_node::clock::SystemRandom;
use entente_protocol::codec;
use entente_protocol::epoch::{self, PrekeySecret};
use entente_protocol::ids::{ActId, NodeId, SpaceId, Timestamp};
use entente_protocol::sync::{Message, PUSH_FANOUT};
use serde_json::json;
use zeroize::Zeroizing;

/// Rotations that are measured together.
const TIMES: u32 = 20;

pub fn rotate(members: usize) {
    let minter = SigningKey::from_bytes(&[7; 32]);
    let number = |n: usize| u8::try_from(n % 251).unwrap();
    let prekeys: Vec<(NodeId, PrekeySecret)> = (1..members)
        .map(|n| {
            let mut id = [0; 32];
            id[..2].copy_from_slice(&u16::try_from(n).unwrap().to_be_bytes());
            (NodeId(id), PrekeySecret::from_seed(Zeroizing::new([number(n); 32])))
        })
        .collect();
    let public: Vec<(NodeId, Vec<u8>)> = prekeys.iter().map(|(n, s)| (*n, s.public().unwrap())).collect();
    let (began, cpu) = (Instant::now(), cpu_seconds());
    let mut last = Vec::new();
    for _ in 0..TIMES {
        let nodes = public.iter().map(|(node, _)| node);
        let basis = vec![ActId([3; 32])];
        let minted =
            epoch::mint_unsealed(SpaceId([1; 32]), &minter, nodes, basis, Timestamp(5), &mut SystemRandom);
        last = public
            .iter()
            .take(PUSH_FANOUT)
            .map(|(node, prekey)| {
                let slot =
                    epoch::seal_slot(&minted.id, &minted.key, node, prekey, &mut SystemRandom).unwrap();
                codec::encode(&Message::Epoch(minted.header.to_unverified(), slot))
            })
            .collect();
    }
    let times = f64::from(TIMES);
    let (wall_s, cpu_s) = (began.elapsed().as_secs_f64() / times, (cpu_seconds() - cpu) / times);
    let received = last.first().map_or(0, Vec::len);
    let (opened, cpu) = (last.first().unwrap(), cpu_seconds());
    let Ok(Message::Epoch(header, slot)) = codec::decode::<Message>(opened) else { panic!("an epoch") };
    for _ in 0..TIMES {
        let header = header.verify_self(|h| h.minter.0).unwrap();
        assert!(epoch::open_slot(&header, &slot, &prekeys[0].1).is_ok());
    }
    let line = json!({
        "workload": "W9 rotate", "n": members, "wall_s": wall_s, "cpu_s": cpu_s,
        "bytes": last.iter().map(Vec::len).sum::<usize>(), "rss_mb": crate::measure::resident_mb(std::process::id()),
        "note": {
            "sealed_by_the_minter": last.len(), "bytes_for_each_member": received,
            "member_cpu_s": (cpu_seconds() - cpu) / times,
        },
    });
    println!("{line}");
}

/// What this thread took of the processor (proc(5), schedstat).
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}
