//! W6: what a node does to a record of 2 KiB before it writes it down, and what a reader does to show it, on one core.

use std::time::Instant;

use ed25519_dalek::SigningKey;
use entente_node::clock::{SystemRandom, now};
use entente_protocol::audience::Audience;
use entente_protocol::codec;
use entente_protocol::derive::Key;
use entente_protocol::envelope::{self, Place};
use entente_protocol::handling::{Handling, Language, Sensitivity};
use entente_protocol::ids::{EpochId, LogId, NodeId, OrgId, PartnershipId, SpaceId};
use entente_protocol::log::{self, Batch, Entry, Head};
use entente_protocol::record::{Content, RecordParts, sign_record};
use entente_protocol::value::Value;
use serde_json::json;
use zeroize::Zeroizing;

/// Entries that a reader gets in one batch, under one signature of their log.
const IN_A_BATCH: usize = 256;

/// Seals so many records and opens them again.
pub fn sealing(n: usize) {
    let (author, log_key) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
    let (org, partnership, space) = (OrgId([3; 32]), PartnershipId([4; 32]), SpaceId([5; 32]));
    let (epoch, key) = (EpochId([6; 32]), Zeroizing::new([7; 32]));
    let key = Key::from(key);
    let log = LogId(log_key.verifying_key().to_bytes());
    let contents: Vec<Content> = (0..64).map(content).collect();

    let (began, mut head, mut entries) = (Instant::now(), Head::EMPTY, Vec::<Entry>::with_capacity(n));
    for number in 0..n {
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&(number as u64).to_le_bytes());
        let place = (partnership, Audience::Everyone, log, head.next);
        let content = &contents[number % contents.len()];
        let parts = sign_record(content, org, &author, nonce, place, &mut SystemRandom).unwrap();
        let place = Place { space, log, seq: head.next, epoch };
        let payload = envelope::seal(&codec::encode(&parts), &place, &key, &mut SystemRandom).unwrap();
        let (entry, next) = log::append(&head, space, &log_key, epoch, payload, now()).unwrap();
        head = next;
        entries.push(entry);
    }
    let sealed = began.elapsed().as_secs_f64();
    let bytes: usize = entries.iter().filter_map(|e| e.payload.as_ref()).map(Vec::len).sum();

    let batches: Vec<Batch> = entries.chunks(IN_A_BATCH).map(|part| Batch::pack(part).unwrap()).collect();
    let (began, mut head, mut opened) = (Instant::now(), Head::EMPTY, 0);
    let node = NodeId(author.verifying_key().to_bytes());
    for batch in batches {
        let verified = batch.verify(&head).unwrap();
        head = verified.head();
        for entry in verified.entries() {
            let header = &entry.header;
            let place = Place { space, log: header.log, seq: header.seq, epoch };
            let plain = envelope::open(entry.payload.as_ref().unwrap(), &place, &key).unwrap();
            let parts: RecordParts = codec::decode(&plain).unwrap();
            parts.verify_in(&partnership, &org, &node, &header.log, header.seq).unwrap();
            opened += 1;
        }
    }
    let open_s = began.elapsed().as_secs_f64();
    assert_eq!(opened, n);
    let line = json!({
        "workload": "W6 sealing", "n": n, "wall_s": sealed + open_s, "cpu_s": sealed + open_s, "bytes": bytes,
        "rss_mb": crate::measure::resident_mb(std::process::id()),
        "note": { "sealed_per_second": (n as f64 / sealed).round(), "opened_per_second": (n as f64 / open_s).round() },
    });
    println!("{line}");
}

fn content(number: usize) -> Content {
    let text: String =
        (0..2_000).map(|at| char::from(b'a' + u8::try_from((at * 7 + number) % 26).unwrap())).collect();
    Content {
        kind: "material".parse().unwrap(),
        language: Language::undetermined(),
        sensitivity: Sensitivity::Partnership,
        handling: Handling::default(),
        created: now(),
        replies_to: None,
        supersedes: None,
        references: Vec::new(),
        fields: vec![("title".into(), Value::Text("A record".into())), ("text".into(), Value::Text(text))],
        attachments: Vec::new(),
    }
}
