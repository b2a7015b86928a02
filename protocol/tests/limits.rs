//! F11, F7: what is as large as a limit allows passes, and one more is refused, even where its author signed it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use ed25519_dalek::SigningKey;
use entente_protocol::agreement::Agreement;
use entente_protocol::audience::{Audience, AudienceError, NamedReaders};
use entente_protocol::codec::{self, DecodeError, Wire};
use entente_protocol::derive;
use entente_protocol::envelope::{self, EnvelopeError};
use entente_protocol::epoch::EpochHeader;
use entente_protocol::identity::{IntroductionError, OrgKind, check_name};
use entente_protocol::ids::{ActId, EpochId, Hash, LogId, OrgId, RecordId, Seq, SpaceId, Timestamp};
use entente_protocol::invitation::Invitation;
use entente_protocol::limits::*;
use entente_protocol::log::{self, Batch, Body, Entry, Head, Item};
use entente_protocol::membership::acts::{
    Act, Amend, Deed, HistoryGrant, HistoryScope, MAX_CUTOFFS, MAX_GRANTED_RECORDS, MAX_REASON, Remove,
    RevokeNode,
};
use entente_protocol::membership::{ActBody, verify_act};
use entente_protocol::record::{
    Attachment, Content, Disclosure, Manifest, RecordError, RecordParts, sign_record,
};
use entente_protocol::signed::{Signed, Unverified, sign, sign_bytes};
use entente_protocol::sync::{Announcement, Frontier, Hello, LogOwner, LogPoint, Message, VERSION};
use entente_protocol::value::Value;
use entente_protocol::{chunk, record};

use common::{Counter, NOW, RECORD_SEQ, WORLD, chunk_key, content, envelope_key, governing, place, readers};

fn ids(n: usize) -> Vec<[u8; 32]> {
    (0..n)
        .map(|i| {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&(i as u64).to_be_bytes());
            id
        })
        .collect()
}

fn act(change: impl FnOnce(&mut ActBody)) -> bool {
    let mut body = WORLD.leave.body().clone();
    change(&mut body);
    let act = sign(body, &WORLD.bob.node).to_unverified();
    let bytes = codec::encode(&act);
    let travelled: Result<Unverified<ActBody>, _> = codec::decode(&bytes);
    travelled.is_ok_and(|act| verify_act(&act).is_ok())
}

fn removal(reason: usize, logs: usize) -> bool {
    act(|body| {
        let cutoff = ids(logs).into_iter().map(|id| (LogId(id), Seq(u64::MAX >> 1))).collect();
        body.act = Act::Remove(Remove { org: WORLD.alice.org(), reason: "x".repeat(reason), cutoff });
    })
}

#[test]
fn acts_hold_at_their_last_byte() {
    assert!(act(|b| b.parents = ids(MAX_ACT_PARENTS).into_iter().map(ActId).collect()));
    assert!(!act(|b| b.parents = ids(MAX_ACT_PARENTS + 1).into_iter().map(ActId).collect()));
    assert!(removal(MAX_REASON, MAX_CUTOFFS));
    assert!(!removal(MAX_REASON + 1, 0));
    assert!(!removal(0, MAX_CUTOFFS + 1));
}

fn granted(n: u64) -> bool {
    let places = (0..n).map(|seq| (LogId([1; 32]), Seq(seq))).collect();
    let grant = HistoryGrant { org: WORLD.alice.org(), scope: HistoryScope::Records(places) };
    act(|b| b.act = Act::Decide(Box::new(Deed::Grant(grant))))
}

fn revoked(reason: usize, logs: usize) -> bool {
    let cutoff = ids(logs).into_iter().map(|id| (LogId(id), Seq(u64::MAX >> 1))).collect();
    let said = RevokeNode { reason: "x".repeat(reason), cutoff, ..governing::revoking(None) };
    act(|b| b.act = Act::RevokeNode(Box::new(said)))
}

fn amended(len: usize) -> bool {
    let text = format!("{}#{}", common::AGREEMENT, "x".repeat(len - common::AGREEMENT.len() - 1));
    act(|b| b.act = Act::Propose(Box::new(Deed::Amend(Amend { version: u32::MAX, text }))))
}

fn declared(person: usize) -> bool {
    let mut said = governing::declaration(&WORLD.bob, Some(WORLD.partnership));
    said.person = "x".repeat(person);
    (said.time, said.expires) = (Timestamp((u64::MAX >> 1) - 1), Timestamp(u64::MAX >> 1));
    act(|b| b.act = Act::Declare(sign(said, &WORLD.bob.node).to_unverified()))
}

#[test]
fn acts_of_governing_hold_at_their_last_byte() {
    let why = |n: usize| "x".repeat(n);
    let terminate = |reason| Act::Decide(Box::new(Deed::Terminate { reason }));
    for n in [MAX_REASON, MAX_REASON + 1] {
        let fits = n == MAX_REASON;
        assert_eq!(act(|b| b.act = Act::Suspend { reason: why(n) }), fits);
        assert_eq!(act(|b| b.act = terminate(why(n))), fits);
        assert_eq!(revoked(n, MAX_CUTOFFS), fits);
    }
    assert!(!revoked(0, MAX_CUTOFFS + 1));
    assert!(granted(MAX_GRANTED_RECORDS as u64) && !granted(MAX_GRANTED_RECORDS as u64 + 1));
    assert!(amended(MAX_AGREEMENT) && !amended(MAX_AGREEMENT + 1));
    assert!(declared(MAX_NAME) && !declared(MAX_NAME + 1));
}

/// The largest of each fits what its wire form may measure.
#[test]
fn what_root_keys_say_fits_its_limit() {
    let (root, late) = (&WORLD.bob.root, Timestamp(u64::MAX));
    let revoked = entente_protocol::root::revoke(root, WORLD.bob.node_id(), late);
    assert!(readers::read("node revocation", &codec::encode(&revoked)).is_ok());
    let (here, node, log) = (WORLD.partnership, WORLD.bob.node_id(), WORLD.bob.log_id());
    let renewed = entente_protocol::root::renew_log(root, here, node, log, late);
    assert!(readers::read("log renewal", &codec::encode(&renewed)).is_ok());
}

fn founding(agreement: usize) -> (bool, usize) {
    let mut body = WORLD.found.body().clone();
    let Act::Found(found) = &mut body.act else { panic!("a founding act") };
    let filler = agreement - common::AGREEMENT.len() - 1;
    found.agreement = format!("{}#{}", common::AGREEMENT, "x".repeat(filler));
    let mut signature = WORLD.found.entrant().unwrap().signature.value().clone();
    signature.agreement = derive::hash(found.agreement.as_bytes());
    found.signature = sign(signature, &WORLD.alice.node).to_unverified();
    let signed = sign(body, &WORLD.alice.node);
    (verify_act(&signed.to_unverified()).is_ok(), signed.bytes().len())
}

#[test]
fn a_founding_act_holds_the_longest_agreement_and_no_longer_one() {
    let (accepted, len) = founding(MAX_AGREEMENT);
    assert!(accepted && len <= MAX_ACT, "{len}");
    assert!(!founding(MAX_AGREEMENT + 1).0);
    let long = format!("{}#{}", common::AGREEMENT, "x".repeat(MAX_AGREEMENT));
    assert!(Agreement::parse(&long).is_err());
}

#[test]
fn an_act_one_byte_too_long_is_refused_though_it_is_signed() {
    let bytes = vec![0; MAX_ACT + 1];
    let signature = sign_bytes("act", &bytes, &WORLD.bob.node);
    let act = Unverified::<ActBody>::from_parts(bytes, signature);
    assert!(verify_act(&act).unwrap_err().to_string().contains("at most"));
}

#[test]
fn names_and_addresses_hold_at_their_last_byte() {
    assert!(check_name(&"x".repeat(MAX_NAME)).is_ok());
    assert!(matches!(check_name(&"x".repeat(MAX_NAME + 1)), Err(IntroductionError::Name(_))));
    // The longest of everything still fits what its wire form may measure.
    let root = SigningKey::from_bytes(&[1; 32]);
    let node = WORLD.alice.node_id();
    let time = Timestamp(u64::MAX / 2);
    let longest =
        entente_protocol::identity::introduce(&root, &"x".repeat(MAX_NAME), OrgKind::Other, "GE", node, time);
    let bytes = codec::encode(&longest.unwrap().to_introduction());
    assert!(readers::read("introduction", &bytes).is_ok());
    let mut card = WORLD.alice.card(WORLD.partnership);
    card.addresses = vec!["x".repeat(MAX_ADDRESS); MAX_ADDRESSES];
    let bytes = codec::encode(&sign(card, &WORLD.alice.node).to_unverified());
    assert!(readers::read("member card", &bytes).is_ok());
}

fn signed(change: impl FnOnce(&mut Content)) -> Result<RecordParts, RecordError> {
    let mut content = content();
    change(&mut content);
    let place = (WORLD.partnership, Audience::Everyone, WORLD.alice.log_id(), RECORD_SEQ);
    sign_record(&content, WORLD.alice.org(), &WORLD.alice.node, [0; 16], place, &mut Counter(1))
}

fn fields(n: usize) -> Vec<(String, Value)> {
    (0..n).map(|i| (format!("field-{i}"), Value::Bool(true))).collect()
}

fn attachment(n: usize) -> Attachment {
    Attachment { salt: [u8::try_from(n % 256).unwrap(); 16], ..content().attachments[0].clone() }
}

#[test]
fn records_hold_at_their_limits() {
    let good: [fn(&mut Content); 7] = [
        |c| c.fields = fields(MAX_FIELDS),
        |c| c.fields = vec![("x".repeat(MAX_FIELD_NAME), Value::Int(i64::MIN))],
        |c| c.references = ids(MAX_REFERENCES).into_iter().map(RecordId).collect(),
        |c| c.attachments = (0..MAX_ATTACHMENTS).map(attachment).collect(),
        |c| c.attachments[0].name = "x".repeat(MAX_FILE_NAME),
        |c| c.attachments[0].media_type = "x".repeat(MAX_FILE_NAME),
        |c| c.attachments[0].size = (CHUNK * MAX_CHUNKS) as u64,
    ];
    for (i, change) in good.into_iter().enumerate() {
        let parts = signed(change).unwrap_or_else(|e| panic!("{i}: {e}"));
        let back: RecordParts = codec::decode(&codec::encode(&parts)).unwrap();
        back.verify().unwrap_or_else(|e| panic!("{i}: {e}"));
    }
    let wrong: [fn(&mut Content); 8] = [
        |c| c.fields = fields(MAX_FIELDS + 1),
        |c| c.fields = vec![("x".repeat(MAX_FIELD_NAME + 1), Value::Int(1))],
        |c| c.references = ids(MAX_REFERENCES + 1).into_iter().map(RecordId).collect(),
        |c| c.attachments = (0..=MAX_ATTACHMENTS).map(attachment).collect(),
        |c| c.attachments[0].name = "x".repeat(MAX_FILE_NAME + 1),
        |c| c.attachments[0].media_type = "x".repeat(MAX_FILE_NAME + 1),
        |c| c.attachments[0].size = (CHUNK * MAX_CHUNKS) as u64 + 1,
        |c| c.fields = vec![("text".into(), Value::Text("x".repeat(MAX_RECORD)))],
    ];
    for (i, change) in wrong.into_iter().enumerate() {
        assert!(signed(change).is_err(), "{i}");
    }
}

/// A manifest and disclosures that an author of bad faith signs, past every check of [`sign_record`].
fn forged(change: impl FnOnce(&mut Manifest), fields: Vec<Vec<u8>>) -> RecordParts {
    let manifest: Signed<Manifest> = WORLD.record.manifest.verify(&WORLD.alice.node_id().0).unwrap();
    let mut said = manifest.value().clone();
    if !fields.is_empty() {
        said.fields = fields.iter().map(|f| derive::field_commitment(f)).collect();
    }
    change(&mut said);
    let fields = fields.into_iter().map(Disclosure).collect();
    let manifest = sign(said, &WORLD.alice.node).to_unverified();
    RecordParts { manifest, context: None, fields, attachments: vec![] }
}

fn field(name: &str, value: &[u8]) -> Vec<u8> {
    let head = codec::encode(&(minicbor::bytes::ByteArray::from([1_u8; 16]), name));
    let mut bytes = head;
    bytes[0] = 0x83;
    bytes.extend_from_slice(value);
    bytes
}

#[test]
fn who_signs_past_the_limits_is_refused_all_the_same() {
    assert!(forged(|_| {}, vec![field("fine", &[0x01])]).verify().is_ok());
    let hashes = |n| ids(n).into_iter().map(Hash).collect::<Vec<Hash>>();
    let name = "x".repeat(MAX_FIELD_NAME + 1);
    let wrong = [
        forged(|m| m.fields = hashes(MAX_FIELDS + 1), vec![]),
        forged(|m| m.attachments = hashes(MAX_ATTACHMENTS + 1), vec![]),
        forged(|m| m.references = ids(MAX_REFERENCES + 1).into_iter().map(RecordId).collect(), vec![]),
        forged(|m| m.fields = vec![Hash([1; 32]); 2], vec![]),
        forged(|_| {}, vec![field(&name, &[0x01])]),
        forged(|_| {}, vec![field("", &[0x01])]),
        forged(|_| {}, vec![field("a\u{7f}", &[0x01])]),
        forged(|_| {}, vec![field("float", &[0xf9, 0, 0])]),
        forged(|_| {}, vec![field("overlong", &[0x18, 0x01])]),
        forged(|_| {}, vec![field("deep", &[[0x81; MAX_VALUE_DEPTH].as_slice(), &[0x01]].concat())]),
    ];
    for (i, parts) in wrong.iter().enumerate() {
        assert!(parts.verify().is_err(), "{i}");
        let file = record::RecordFile::new(WORLD.alice.introduced.to_introduction(), parts.clone());
        assert!(file.verify().is_err(), "{i}");
    }
}

#[test]
fn values_nest_as_deep_as_they_may() {
    let deep = |n: usize| [vec![0x81; n - 1], vec![0x01]].concat();
    assert!(readers::read("value", &deep(MAX_VALUE_DEPTH)).is_ok());
    assert!(readers::read("value", &deep(MAX_VALUE_DEPTH + 1)).is_err());
}

#[test]
fn named_readers_are_counted() {
    let orgs = |n| ids(n).into_iter().map(OrgId);
    assert!(NamedReaders::new(orgs(MAX_NAMED_READERS)).is_ok());
    assert_eq!(NamedReaders::new(orgs(MAX_NAMED_READERS + 1)), Err(AudienceError::TooMany));
    let wire: Vec<OrgId> = orgs(MAX_NAMED_READERS + 1).collect();
    let bytes = [&[0x82, 0x01, 0x81][..], &codec::encode(&wire)].concat();
    assert!(readers::read("audience", &bytes).unwrap_err().contains("more than 64"));
}

#[test]
fn envelopes_and_chunks_hold_at_their_last_byte() {
    let key = envelope_key();
    let largest = envelope::seal(&vec![1; MAX_RECORD], &place(), &key, &mut Counter(1)).unwrap();
    assert!(largest.len() <= MAX_PAYLOAD, "{}", largest.len());
    assert_eq!(envelope::open(&largest, &place(), &key).unwrap().len(), MAX_RECORD);
    let longer = envelope::seal(&vec![1; MAX_RECORD + 1], &place(), &key, &mut Counter(1));
    assert_eq!(longer, Err(EnvelopeError::TooLong));
    assert_eq!(envelope::open(&vec![1; MAX_PAYLOAD + 1], &place(), &key), Err(EnvelopeError::Malformed));
    assert!(chunk::seal(&chunk_key(), MAX_CHUNKS as u64 - 1, true, &vec![0; CHUNK]).is_ok());
    assert!(chunk::seal(&chunk_key(), MAX_CHUNKS as u64, true, &[]).is_err());
    assert!(chunk::seal(&chunk_key(), 0, true, &vec![0; CHUNK + 1]).is_err());
}

fn entries(n: usize, payload: usize) -> Vec<Entry> {
    let (mut head, mut entries) = (Head::EMPTY, Vec::new());
    for _ in 0..n {
        let (entry, next) =
            log::append(&head, SpaceId([1; 32]), &WORLD.alice.log, EpochId([2; 32]), vec![3; payload], NOW)
                .unwrap();
        entries.push(entry);
        head = next;
    }
    entries
}

#[test]
fn batches_hold_as_many_entries_as_they_may() {
    let most = Batch::pack(&entries(MAX_BATCH_ENTRIES, 1)).unwrap();
    assert_eq!(most.verify(&Head::EMPTY).unwrap().entries().len(), MAX_BATCH_ENTRIES);
    let more = Batch::pack(&entries(MAX_BATCH_ENTRIES + 1, 1)).unwrap();
    assert!(more.verify(&Head::EMPTY).is_err());
}

#[test]
fn payloads_hold_at_their_last_byte() {
    let head = Head::EMPTY;
    let append =
        |n| log::append(&head, SpaceId([1; 32]), &WORLD.alice.log, EpochId([2; 32]), vec![0; n], NOW);
    let (largest, _) = append(MAX_PAYLOAD).unwrap();
    assert!(codec::encode(&largest).len() <= Entry::MAX);
    assert!(append(MAX_PAYLOAD + 1).is_err());
    // Signed by a log of bad faith: the chain of an entry with one byte more.
    let mut batch = Batch::pack(core::slice::from_ref(&largest)).unwrap();
    batch.items = vec![Item { epoch: 0, time: NOW, body: Body::Full(vec![0; MAX_PAYLOAD + 1]) }];
    let mut header = largest.header;
    header.payload = derive::payload_hash(&vec![0; MAX_PAYLOAD + 1]);
    header.length += 1;
    batch.signature = sign_bytes("log-head", &derive::chain(&codec::encode(&header)).0, &WORLD.alice.log);
    assert!(batch.verify(&Head::EMPTY).unwrap_err().to_string().contains("payload too long"));
}

#[test]
fn the_largest_batch_fits_a_message() {
    let fitting = MAX_BATCH_BYTES / MAX_PAYLOAD;
    let batch = Batch::pack(&entries(fitting + 1, MAX_PAYLOAD)).unwrap();
    assert!(codec::encode(&Message::Batch(batch)).len() <= Message::MAX);
    let batch = Batch::pack(&entries(MAX_BATCH_ENTRIES, MAX_BATCH_BYTES / MAX_BATCH_ENTRIES)).unwrap();
    assert!(codec::encode(&Message::Batch(batch)).len() <= Message::MAX);
}

#[test]
fn messages_one_byte_too_long_are_refused_unread() {
    let too_long = |bytes: &[u8], max| {
        let error = codec::decode::<Message>(bytes).unwrap_err();
        assert!(matches!(error, DecodeError::TooLong { max: m, .. } if m == max), "{error}");
    };
    too_long(&vec![0x82; MAX_SYNC_MESSAGE + 1], MAX_SYNC_MESSAGE);
    let hello = Hello { version: VERSION, heads: vec![], addresses: vec!["x".repeat(MAX_SYNC_MESSAGE)] };
    too_long(&codec::encode(&Message::Hello(hello)), MAX_SYNC_MESSAGE);
    assert!(codec::decode::<Announcement>(&[0; 97]).is_err());
}

#[test]
fn the_largest_frontier_and_epoch_fit_a_message() {
    let owner = LogOwner { node: WORLD.alice.node_id(), certificate: WORLD.certificate.to_unverified() };
    let point = |id| LogPoint {
        log: LogId(id),
        next: Seq(u64::MAX),
        certificate: Some(owner.clone()),
        chain: Some(Hash([9; 32])),
    };
    let logs = ids(entente_protocol::sync::message::LOGS_PER_FRONTIER).into_iter().map(point).collect();
    let circle = Some(ids(MAX_NAMED_READERS + 1).into_iter().map(OrgId).collect());
    let frontier = Message::Frontier(Frontier { space: SpaceId([1; 32]), circle, logs });
    assert!(codec::encode(&frontier).len() <= Message::MAX);
    let mut header = WORLD.epoch.header.value().clone();
    header.basis = ids(MAX_ACT_PARENTS).into_iter().map(ActId).collect();
    let bytes = codec::encode(&sign(header.clone(), &WORLD.alice.node).to_unverified());
    assert!(readers::read("epoch header", &bytes).is_ok());
    header.basis = ids(EpochHeader::MAX / 34 + 1).into_iter().map(ActId).collect();
    let bytes = codec::encode(&sign(header, &WORLD.alice.node).to_unverified());
    assert!(readers::read("epoch header", &bytes).unwrap_err().contains("at most"));
}

#[test]
fn an_invitation_with_more_addresses_than_fit_is_refused_by_name() {
    let with = |n: usize| {
        let inviter = (WORLD.alice.transport, WORLD.alice.org());
        let address = "[2001:db8:1111:2222:3333:4444:5555:6666]:65535".to_owned();
        Invitation::new(WORLD.partnership, WORLD.invite.id(), &common::door(), inviter, vec![address; n], NOW)
    };
    let text = with(MAX_ADDRESSES).to_text().unwrap();
    assert!(text.len() <= MAX_INVITATION && Invitation::from_text(&text).is_ok());
    assert!(with(MAX_ADDRESSES * 3).to_text().is_err());
}

#[test]
fn a_position_beyond_the_last_is_full() {
    let head = Head { next: Seq((1 << 63) - 1), chain: Hash([1; 32]) };
    let full = log::append(&head, SpaceId([1; 32]), &WORLD.alice.log, EpochId([2; 32]), vec![], NOW);
    assert_eq!(full.unwrap_err(), log::LogError::Full);
}
