//! Wrong as envelopes, chunks, logs, records and texts: changed, moved, or made for another place.

use ed25519_dalek::SigningKey;
use entente_protocol::audience::{Audience, NamedReaders};
use entente_protocol::codec;
use entente_protocol::ids::{Hash, LogId, PartnershipId, Seq, SpaceId, Timestamp};
use entente_protocol::log::{Batch, Body};
use entente_protocol::record::{Disclosure, RecordParts, sign_record};
use zeroize::Zeroizing;

use crate::common::{self, Counter, RECORD_SEQ, WORLD, content, samples};
use crate::{Wrong, replaced, sample, with_last, without_last};

pub fn all() -> Vec<Wrong> {
    [sealed(), logs(), records(), copies(), texts()].concat()
}

fn sealed() -> Vec<Wrong> {
    let envelope = samples::sealed_record();
    let mut version = envelope.clone();
    version[0] = 2;
    let mut commitment = envelope.clone();
    commitment[1] ^= 1;
    let mut wrapped = envelope.clone();
    wrapped[33] ^= 1;
    let seal = |place, key: [u8; 32]| {
        let key = Zeroizing::new(key);
        entente_protocol::envelope::seal(b"x", &place, &key, &mut Counter(12)).unwrap()
    };
    let (at, key) = (common::place(), [0x84; 32]);
    let mut other_space = at;
    other_space.space = SpaceId([0; 32]);
    let mut other_log = at;
    other_log.log = LogId([0; 32]);
    let mut other_seq = at;
    other_seq.seq = Seq(8);
    let mut other_epoch = at;
    other_epoch.epoch = entente_protocol::ids::EpochId([0; 32]);
    vec![
        ("envelope-of-nothing", "envelope", vec![], "known version"),
        ("envelope-of-its-head-only", "envelope", envelope[..80].to_vec(), "known version"),
        ("envelope-truncated", "envelope", without_last(envelope.clone()), "does not open"),
        ("envelope-with-a-byte-more", "envelope", with_last(envelope, 0), "does not open"),
        ("envelope-of-another-version", "envelope", version, "known version"),
        ("envelope-with-a-wrong-commitment", "envelope", commitment, "does not open"),
        ("envelope-with-another-content-key", "envelope", wrapped, "does not open"),
        ("envelope-of-another-space", "envelope", seal(other_space, key), "does not open"),
        ("envelope-of-another-log", "envelope", seal(other_log, key), "does not open"),
        ("envelope-of-another-position", "envelope", seal(other_seq, key), "does not open"),
        ("envelope-of-another-epoch", "envelope", seal(other_epoch, key), "does not open"),
        ("envelope-under-another-epoch-key", "envelope", seal(at, [0; 32]), "does not open"),
        ("chunk-of-another-place", "chunk", chunk(3, true, [0x33; 32]), "does not open"),
        ("chunk-that-is-not-the-last", "chunk", chunk(4, false, [0x33; 32]), "does not open"),
        ("chunk-under-another-key", "chunk", chunk(4, true, [0; 32]), "does not open"),
        ("chunk-truncated", "chunk", without_last(samples::sealed_chunk()), "does not open"),
    ]
}

fn chunk(index: u64, last: bool, key: [u8; 32]) -> Vec<u8> {
    entente_protocol::chunk::seal(&Zeroizing::new(key), index, last, b"the end").unwrap()
}

fn logs() -> Vec<Wrong> {
    let batch = |change: fn(&mut Batch)| {
        let mut batch = Batch::pack(&samples::log_entries()).unwrap();
        change(&mut batch);
        codec::encode(&batch)
    };
    let mut moved = samples::log_entries()[2].clone();
    moved.header.seq = Seq(3);
    let mut swapped = samples::log_entries()[2].clone();
    swapped.payload = Some(b"thre3".to_vec());
    let mut unsigned = samples::log_entries()[2].clone();
    unsigned.signature = None;
    vec![
        ("batch-of-nothing", "batch", batch(|b| b.items.clear()), "no entries"),
        ("batch-that-skips", "batch", batch(|b| b.from = Seq(1)), "begins at 1"),
        ("batch-of-another-space", "batch", batch(|b| b.space = SpaceId([0; 32])), "signature is wrong"),
        ("batch-of-another-log", "batch", batch(|b| b.log = WORLD.bob.log_id()), "signature is wrong"),
        ("batch-under-another-epoch", "batch", batch(|b| b.epochs.swap(0, 1)), "signature is wrong"),
        ("batch-with-an-epoch-not-listed", "batch", batch(|b| b.items[0].epoch = 2), "not listed"),
        ("batch-with-another-time", "batch", batch(|b| b.items[0].time = Timestamp(1)), "signature is wrong"),
        (
            "batch-with-another-payload",
            "batch",
            batch(|b| b.items[0].body = Body::Full(vec![1])),
            "signature is wrong",
        ),
        (
            "batch-with-another-erasure",
            "batch",
            batch(|b| b.items[1].body = Body::Erased(Hash([0; 32]), 3)),
            "signature is wrong",
        ),
        ("batch-out-of-order", "batch", batch(|b| b.items.swap(0, 1)), "signature is wrong"),
        ("batch-without-its-last", "batch", batch(|b| drop(b.items.pop())), "signature is wrong"),
        ("entry-moved", "log entry", codec::encode(&moved), "signature is wrong"),
        ("entry-with-another-payload", "log entry", codec::encode(&swapped), "signature is wrong"),
        ("entry-unsigned", "log entry", codec::encode(&unsigned), "not signed"),
    ]
}

fn records() -> Vec<Wrong> {
    let w = &*WORLD;
    let changed = |change: fn(&mut RecordParts)| {
        let mut parts = w.record.clone();
        change(&mut parts);
        codec::encode(&parts)
    };
    let audience = Audience::Named(NamedReaders::new([w.bob.org()]).unwrap());
    let signed = |author, key: &SigningKey, partnership, log, seq| {
        let place = (partnership, audience.clone(), log, seq);
        codec::encode(&sign_record(&content(), author, key, [0x51; 16], place, &mut Counter(2)).unwrap())
    };
    let (alice, log, here) = (w.alice.org(), w.alice.log_id(), w.partnership);
    let key = &w.alice.node;
    let file = samples::file();
    let parts = codec::encode(&w.record);
    let in_file = codec::encode(&file);
    let by_bob = signed(w.bob.org(), &w.bob.node, here, log, RECORD_SEQ);
    let bobs = codec::decode::<RecordParts>(&by_bob).unwrap();
    let stolen = entente_protocol::record::RecordFile::new(w.alice.introduced.to_introduction(), bobs);
    vec![
        (
            "record-of-another-author",
            "record",
            signed(w.bob.org(), key, here, log, RECORD_SEQ),
            "for another author",
        ),
        ("record-of-another-node", "record", by_bob, "for another author"),
        (
            "record-of-another-partnership",
            "record",
            signed(alice, key, PartnershipId([0; 32]), log, RECORD_SEQ),
            "for another partnership",
        ),
        (
            "record-of-another-log",
            "record",
            signed(alice, key, here, w.bob.log_id(), RECORD_SEQ),
            "for another position",
        ),
        (
            "record-of-another-position",
            "record",
            signed(alice, key, here, log, Seq(8)),
            "for another position",
        ),
        (
            "record-without-its-context",
            "record",
            changed(|p| p.context = None),
            "says nothing of its partnership",
        ),
        (
            "record-with-another-context",
            "record",
            changed(|p| p.context = Some(vec![0x80])),
            "context was changed",
        ),
        (
            "record-with-a-field-changed",
            "record",
            changed(|p| *p.fields[0].0.last_mut().unwrap() ^= 1),
            "field was added or changed",
        ),
        (
            "record-with-a-field-added",
            "record",
            changed(|p| p.fields.push(Disclosure(vec![0x80]))),
            "field was added or changed",
        ),
        (
            "record-with-a-field-twice",
            "record",
            changed(|p| p.fields.push(p.fields[0].clone())),
            "field was added or changed",
        ),
        (
            "record-with-an-attachment-as-a-field",
            "record",
            changed(|p| p.fields.push(p.attachments[0].clone())),
            "field was added or changed",
        ),
        (
            "record-with-an-attachment-changed",
            "record",
            changed(|p| p.attachments[0].0[3] ^= 1),
            "an attachment was added or changed",
        ),
        ("record-with-a-trailing-byte", "record", with_last(parts, 0), "bytes after the end"),
        (
            "record-file-of-another-version",
            "record file",
            replaced(&in_file, b"entente record 1", b"entente record 2"),
            "known version",
        ),
        ("record-file-of-anothers-record", "record file", codec::encode(&stolen), "for another author"),
    ]
}

fn copies() -> Vec<Wrong> {
    let redacted = codec::encode(&samples::redacted_file());
    vec![
        (
            "redacted-record-file-of-another-version",
            "redacted record file",
            replaced(&redacted, b"redacted record 1", b"redacted record 2"),
            "known version",
        ),
        (
            "redacted-record-file-with-the-redactors-words-changed",
            "redacted record file",
            replaced(&redacted, b"[left out]", b"[left oat]"),
            "who redacted the copy cannot be told",
        ),
        (
            "redacted-record-file-with-the-authors-words-changed",
            "redacted record file",
            replaced(&redacted, b"title", b"tytle"),
            "added or changed after the author signed",
        ),
    ]
}

fn texts() -> Vec<Wrong> {
    let text = String::from_utf8(sample("invitation")).unwrap();
    let last = if text.ends_with('q') { 'p' } else { 'q' };
    let mistyped = format!("{}{last}", &text[..text.len() - 1]);
    let other_word = bech32::encode::<bech32::Bech32m>(bech32::Hrp::parse("entent").unwrap(), &[1]).unwrap();
    let word = bech32::Hrp::parse("entente").unwrap();
    let newer = bech32::encode::<bech32::Bech32m>(word, &[0x88, 0x02]).unwrap();
    let damaged = bech32::encode::<bech32::Bech32m>(word, &[0x88, 0x01]).unwrap();
    let old_checksum =
        bech32::encode::<bech32::Bech32>(word, &codec::encode(&samples::invitation())).unwrap();
    let agreement = |from: &str, to: &str| common::AGREEMENT.replacen(from, to, 1).into_bytes();
    vec![
        ("invitation-mistyped", "invitation", mistyped.into_bytes(), "not an invitation"),
        (
            "invitation-cut-short",
            "invitation",
            text.as_bytes()[..text.len() - 1].to_vec(),
            "not an invitation",
        ),
        (
            "invitation-in-mixed-case",
            "invitation",
            text.replacen('e', "E", 1).into_bytes(),
            "not an invitation",
        ),
        ("invitation-with-another-word", "invitation", other_word.into_bytes(), "not an invitation"),
        ("invitation-with-the-older-checksum", "invitation", old_checksum.into_bytes(), "not an invitation"),
        ("invitation-of-a-newer-version", "invitation", newer.into_bytes(), "update the program"),
        ("invitation-of-nothing-more", "invitation", damaged.into_bytes(), "is damaged"),
        ("invitation-of-2049-bytes", "invitation", vec![b'q'; 2049], "not an invitation"),
        ("invitation-bad-utf8", "invitation", vec![0xff], "not UTF-8"),
        ("agreement-bad-utf8", "agreement", vec![0xff], "not UTF-8"),
        ("agreement-with-an-unknown-key", "agreement", agreement("title", "titel"), "means nothing"),
        ("agreement-of-a-newer-version", "agreement", agreement("version = 1", "version = 2"), "version"),
        ("agreement-with-a-hidden-character", "agreement", agreement("Tbilisi", "Tbi\u{202e}lisi"), "U+202E"),
        ("agreement-without-flows", "agreement", agreement("[[flow]]", "[[party]]"), "line"),
        ("agreement-that-shares-own", "agreement", agreement("\"named\"", "\"own\""), "never leaves"),
    ]
}
