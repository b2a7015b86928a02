//! What a record costs beside its text, so that the figures of `docs/benchmarks.md` follow from the format.
#![allow(clippy::unwrap_used)]

mod common;

use entente_protocol::audience::Audience;
use entente_protocol::codec;
use entente_protocol::envelope;
use entente_protocol::handling::{Handling, Language, Sensitivity};
use entente_protocol::log::{self, Batch, Head};
use entente_protocol::record::{Content, sign_record};
use entente_protocol::value::Value;

use common::{Counter, NOW, WORLD, envelope_key, place};

/// Bytes of the text of each record.
const TEXT: usize = 2_048;
/// Records in the batch.
const COUNT: usize = 400;

fn content() -> Content {
    Content {
        kind: "material".parse().unwrap(),
        language: Language::undetermined(),
        sensitivity: Sensitivity::Partnership,
        handling: Handling::default(),
        created: NOW,
        replies_to: None,
        supersedes: None,
        references: Vec::new(),
        fields: vec![
            ("title".into(), Value::Text("Record 0000".into())),
            ("text".into(), Value::Text("x".repeat(TEXT))),
        ],
        attachments: Vec::new(),
    }
}

#[test]
fn beside_2_kib_of_text_a_record_costs_626_bytes_on_the_wire() {
    let (place, author) = (place(), &WORLD.alice);
    let (mut random, mut head, mut entries) = (Counter(1), Head::EMPTY, Vec::new());
    let log = entente_protocol::ids::LogId(author.log.verifying_key().to_bytes());
    let (mut signed, mut sealed) = (0, 0);
    for _ in 0..COUNT {
        let at = (WORLD.partnership, Audience::Everyone, log, head.next);
        let parts = sign_record(&content(), author.org(), &author.node, [7; 16], at, &mut random).unwrap();
        let parts = codec::encode(&parts);
        let payload = envelope::seal(&parts, &place, &envelope_key(), &mut random).unwrap();
        (signed, sealed) = (parts.len(), payload.len());
        let (entry, next) = log::append(&head, place.space, &author.log, place.epoch, payload, NOW).unwrap();
        entries.push(entry);
        head = next;
    }
    let batch = codec::encode(&Batch::pack(&entries).unwrap()).len();
    // The author's signature, the manifest with its ids and commitments, the context, salts, names and the title.
    assert_eq!(signed, TEXT + 452);
    // Padmé brings 4 + 2,500 to 2,560; a content key of its own, wrapped and committed to, 97.
    assert_eq!(sealed, 2_560 + 97);
    assert_eq!(batch / COUNT, sealed + 17, "time, epoch and length; one signature for all");
}
