//! One good example of everything that travels or is kept, under the name of its reader.

use std::collections::{BTreeMap, BTreeSet};

use entente_protocol::ack::{Acknowledgement, Point};
use entente_protocol::agreement::AgreementSignature;
use entente_protocol::audience::{Audience, NamedReaders};
use entente_protocol::bundle::{self, Composer, SLOT_LEN};
use entente_protocol::epoch::{PrekeySecret, Slot};
use entente_protocol::evidence::{Evidence, SignedHeaders};
use entente_protocol::history::{self, RecordKey, RecordKeys};
use entente_protocol::identity::{NodeCertificate, Organisation};
use entente_protocol::ids::{EpochId, Hash, OrgId, RecordId, Seq, SpaceId, Timestamp, TransportId};
use entente_protocol::invitation::Invitation;
use entente_protocol::log::{self, Batch, Entry, Head};
use entente_protocol::mailbox::{Appointment, Offer};
use entente_protocol::membership::VerifiedAct;
use entente_protocol::notice::{Answer, Cause, Notice, Said};
use entente_protocol::prekey::Prekey;
use entente_protocol::record::{RecordFile, RecordParts, sign_record};
use entente_protocol::redaction::{Cuts, RedactedFile, redact};
use entente_protocol::signed::{Signed, sign};
use entente_protocol::sync::{
    Announcement, BlobMessage, Frontier, Hello, LogOwner, LogPoint, Message, Proof, VERSION,
};
use entente_protocol::value::Value;
use entente_protocol::verification::VerifyMessage;
use entente_protocol::{chunk, codec, derive, envelope};
use zeroize::Zeroizing;

use super::{Counter, NOW, RECORD_SEQ, WORLD, chunk_key, content, door, envelope_key, governing, place};

/// A name, the reader that takes it, and the bytes.
pub type Sample = (&'static str, &'static str, Vec<u8>);

/// All of them. What is signed or sealed comes from [`WORLD`].
pub fn all() -> Vec<Sample> {
    [identity(), acts(), epochs(), sealed(), logs(), records(), bundles(), messages()].concat()
}

/// Samples in which every bit is covered by a signature, an authentication tag or a checksum.
pub fn protected() -> Vec<Sample> {
    let open = [
        "hello",
        "heads",
        "want-",
        "frontier",
        "blob",
        "verify",
        "prekey",
        "announcement",
        "agreement-text",
        "value",
        "audience",
        "acknowledgement",
        "notice",
        "proof-",
        // Opened with Bob's prekey: its own tests flip its bits.
        "keys-of-records",
        "mailboxes",
        "have-epoch",
        "heard",
        "parley",
        "full",
        "relays",
    ];
    all().into_iter().filter(|(name, ..)| !open.iter().any(|o| name.starts_with(o))).collect()
}

fn travelling<T>(signed: &Signed<T>) -> Vec<u8>
where
    T: entente_protocol::signed::Statement,
{
    codec::encode(&signed.to_unverified())
}

pub fn organisation() -> Signed<Organisation> {
    sign(WORLD.alice.introduced.organisation().clone(), &WORLD.alice.root)
}

pub fn node_certificate() -> Signed<NodeCertificate> {
    sign(WORLD.alice.introduced.certificate().clone(), &WORLD.alice.root)
}

pub fn agreement_signature() -> Signed<AgreementSignature> {
    let said = AgreementSignature {
        partnership: Some(WORLD.partnership),
        agreement: WORLD.agreement.hash(),
        org: WORLD.alice.org(),
        role: "npm".parse().unwrap(),
        time: NOW,
    };
    sign(said, &WORLD.alice.node)
}

fn identity() -> Vec<Sample> {
    let w = &*WORLD;
    vec![
        ("organisation", "organisation", travelling(&organisation())),
        ("node-certificate", "node certificate", travelling(&node_certificate())),
        ("introduction", "introduction", codec::encode(&w.alice.introduced.to_introduction())),
        ("member-card", "member card", travelling(&sign(w.alice.card(w.partnership), &w.alice.node))),
        ("log-certificate", "log certificate", travelling(&w.certificate)),
        ("agreement-signature", "agreement signature", travelling(&agreement_signature())),
        ("agreement-text", "agreement", w.agreement.text().as_bytes().to_vec()),
        ("node-revocation", "node revocation", travelling(&governing::revocation())),
        ("log-renewal", "log renewal", travelling(&governing::renewal())),
        ("declaration", "declaration", travelling(&governing::signed_declaration())),
    ]
}

/// How the sample partnership began and lost its members; how it is governed is in [`governing`].
pub fn deeds() -> [(&'static str, &'static VerifiedAct); 6] {
    let w = &*WORLD;
    [
        ("act-found", &w.found),
        ("act-invite", &w.invite),
        ("act-join", &w.join),
        ("act-approve", &w.approve),
        ("act-remove", &w.remove),
        ("act-leave", &w.leave),
    ]
}

fn acts() -> Vec<Sample> {
    let governing = governing::SAID.iter().map(|(name, _, act)| (*name, act));
    deeds().into_iter().chain(governing).map(|(name, act)| (name, "act", travelling(act.signed()))).collect()
}

/// Bob's slot in the sample epoch.
pub fn slot() -> Slot {
    WORLD.epoch.slots[1].clone()
}

/// The content key of one entry, sealed to Bob.
fn record_keys() -> RecordKeys {
    let bob = &WORLD.bob;
    let key = RecordKey { log: WORLD.alice.log_id(), seq: Seq(7), key: Zeroizing::new([0xa7; 32]) };
    let prekey = bob.prekey.public().unwrap();
    history::seal(&WORLD.epoch.header, &[key], bob.node_id(), &prekey, &mut Counter(31)).unwrap()
}

fn epochs() -> Vec<Sample> {
    vec![
        ("epoch-header", "epoch header", travelling(&WORLD.epoch.header)),
        ("epoch-slot", "epoch slot", codec::encode(&slot())),
        ("node-prekey", "prekey", travelling(&prekey())),
    ]
}

/// The second prekey of the sample member.
pub fn prekey() -> Signed<Prekey> {
    let (partnership, node) = (WORLD.partnership, WORLD.alice.node_id());
    let prekey = PrekeySecret::from_seed(Zeroizing::new([0x34; 32])).public().unwrap();
    sign(Prekey { partnership, node, generation: 1, prekey, created: NOW }, &WORLD.alice.node)
}

/// The sample record in an envelope.
pub fn sealed_record() -> Vec<u8> {
    envelope::seal(&codec::encode(&WORLD.record), &place(), &envelope_key(), &mut Counter(3)).unwrap()
}

/// The last chunk of an attachment of five.
pub fn sealed_chunk() -> Vec<u8> {
    chunk::seal(&chunk_key(), 4, true, b"the end").unwrap()
}

/// The sample invitation.
pub fn invitation() -> Invitation {
    let w = &*WORLD;
    let addresses = w.alice.card(w.partnership).addresses;
    let inviter = (w.alice.transport, w.alice.org());
    Invitation::new(w.partnership, w.invite.id(), &door(), inviter, addresses, NOW.plus_days(14))
}

fn sealed() -> Vec<Sample> {
    vec![
        ("envelope", "envelope", sealed_record()),
        ("chunk", "chunk", sealed_chunk()),
        ("invitation", "invitation", invitation().to_text().unwrap().into_bytes()),
    ]
}

/// Three entries under two epochs; the second one's payload was erased.
pub fn log_entries() -> Vec<Entry> {
    let mut head = Head::EMPTY;
    let mut entries = Vec::new();
    for (i, payload) in [b"one".as_slice(), b"two", b"three"].iter().enumerate() {
        let epoch = EpochId([0x91 + u8::try_from(i % 2).unwrap(); 32]);
        let time = Timestamp(NOW.0 + i as u64);
        let (entry, next) =
            log::append(&head, SpaceId([0x81; 32]), &WORLD.alice.log, epoch, payload.to_vec(), time).unwrap();
        entries.push(entry);
        head = next;
    }
    entries[1].payload = None;
    entries
}

fn logs() -> Vec<Sample> {
    let entries = log_entries();
    vec![
        ("log-entry", "log entry", codec::encode(&entries[2])),
        ("log-entry-erased", "log entry", codec::encode(&entries[1])),
        ("batch", "batch", codec::encode(&Batch::pack(&entries).unwrap())),
        ("acknowledgement", "acknowledgement", codec::encode(&acknowledgement())),
        (
            "notice-withdrawn",
            "notice",
            notice(Said::Withdrawn(RecordId([0x95; 32]), "a name was in it".into())),
        ),
        ("notice-erased", "notice", notice(Said::Erased(RecordId([0x95; 32]), Cause::Expired, NOW))),
        ("notice-asked", "notice", notice(Said::Asked(RecordId([0x95; 32]), "for our annual report".into()))),
        ("notice-answered", "notice", notice(Said::Answered(answer()))),
        ("notice-consent-ended", "notice", notice(Said::ConsentEnded("C-12".into()))),
        ("evidence", "evidence", codec::encode(&evidence())),
    ]
}

fn notice(said: Said) -> Vec<u8> {
    codec::encode(&Notice::of(said).unwrap())
}

fn answer() -> Answer {
    let words = "without the annex".into();
    Answer { record: RecordId([0x95; 32]), to: WORLD.bob.org(), yes: true, words }
}

/// How far the sample log is held.
pub fn acknowledgement() -> Acknowledgement {
    let head = Batch::pack(&log_entries()).unwrap().verify(&Head::EMPTY).unwrap().head();
    Acknowledgement::of(vec![Point { log: WORLD.alice.log_id(), head }]).unwrap()
}

/// Against the sample log's author: its second entry, and another at the same position.
pub fn evidence() -> Evidence {
    let entries = log_entries();
    let (key, epoch) = (&WORLD.alice.log, EpochId([0x93; 32]));
    let head = entries[0].head().unwrap();
    let (other, _) = log::append(&head, SpaceId([0x81; 32]), key, epoch, b"zwei".to_vec(), NOW).unwrap();
    let mut first = entries[1..].to_vec();
    first[0].signature = None;
    let side = |entries: Vec<Entry>| SignedHeaders::of_entries(entries).unwrap();
    Evidence::of(side(first), side(vec![other]))
}

/// The sample record without its context, a field and its attachment.
pub fn redacted() -> RecordParts {
    let mut copy = WORLD.record.clone();
    copy.context = None;
    copy.fields.remove(1);
    copy.attachments.clear();
    copy
}

/// The sample record in a file of its own.
pub fn file() -> RecordFile {
    RecordFile::new(WORLD.alice.introduced.to_introduction(), WORLD.record.clone())
}

/// The sample record, redacted by the other member: its second field replaced, its attachment left out.
pub fn redacted_file() -> RedactedFile {
    let (w, bob) = (&*WORLD, &WORLD.bob);
    let cuts = Cuts {
        replaced: BTreeMap::from([(content().fields[1].0.clone(), Value::Text("[left out]".into()))]),
        attachments: BTreeSet::from([0]),
        reason: Some("names".into()),
        ..Cuts::default()
    };
    let by = (bob.introduced.to_introduction(), &bob.node);
    redact(w.alice.introduced.to_introduction(), w.record.clone(), &cuts, by, (bob.org(), NOW)).unwrap()
}

/// The sample record as its node writes it where a consent and two persons allow it.
fn released() -> RecordParts {
    let w = &*WORLD;
    let mut content = content();
    content.handling.uses = Some(vec!["reports".into(), "identifiable-publication".into()]);
    let mark = |person: u8| derive::release_mark(&chunk_key(), &w.partnership, &[0x77; 16], &[person]);
    content.handling.released_by = Some(vec![mark(0), mark(1)]);
    let place = (w.partnership, Audience::Everyone, w.alice.log_id(), RECORD_SEQ);
    sign_record(&content, w.alice.org(), &w.alice.node, [0x52; 16], place, &mut Counter(3)).unwrap()
}

fn records() -> Vec<Sample> {
    let named = Audience::Named(NamedReaders::new([OrgId([2; 32]), OrgId([1; 32])]).unwrap());
    let value = &content().fields[1].1;
    vec![
        ("record", "record", codec::encode(&WORLD.record)),
        ("record-released", "record", codec::encode(&released())),
        ("record-redacted", "record copy", codec::encode(&redacted())),
        ("record-file", "record file", codec::encode(&file())),
        ("record-file-redacted", "redacted record file", codec::encode(&redacted_file())),
        ("audience-everyone", "audience", codec::encode(&Audience::Everyone)),
        ("audience-named", "audience", codec::encode(&named)),
        ("value", "value", codec::encode(value)),
    ]
}

/// What one side of a verification commits to.
fn commitment() -> Hash {
    derive::verify_commitment(&WORLD.partnership, &[0xa2; 128], &[0xa3; 128], &Zeroizing::new([0xa1; 32]))
}

/// A mailbox that Alice, a steward, appoints.
pub fn appointment() -> Signed<Appointment> {
    let w = &*WORLD;
    let offer = Offer::new(&chunk_key(), TransportId([0x3b; 32]), vec!["192.0.2.9:4001".into()]);
    sign(Appointment::of(&offer, w.partnership, w.alice.node_id(), 1, NOW), &w.alice.node)
}

/// A bundle of Alice's for Bob: his slot, and its only chunk.
fn bundles() -> Vec<Sample> {
    let w = &*WORLD;
    let prekey = w.bob.prekey.public().unwrap();
    let slots = bundle::seal_slots(&chunk_key(), &[&prekey], &mut Counter(21)).unwrap();
    let mut composer = Composer::new(&chunk_key());
    let all = derive::space_of_all(&w.partnership);
    let said = [
        Message::Hello(Hello { version: VERSION, heads: vec![w.approve.id()], addresses: Vec::new() }),
        Message::Frontier(Frontier { space: all, circle: None, logs: Vec::new() }),
        Message::Batch(Batch::pack(&log_entries()).unwrap()),
    ];
    for message in &said {
        assert!(composer.message(message).unwrap().is_empty(), "one chunk holds all of it");
    }
    let what = (w.partnership, NOW);
    assert!(composer.sign(what, vec![w.bob.node_id()], &w.alice.node).unwrap().is_empty());
    let body = composer.padding().unwrap().unwrap();
    vec![("bundle-slot", "bundle slot", slots[..SLOT_LEN].to_vec()), ("bundle-body", "bundle body", body)]
}

fn messages() -> Vec<Sample> {
    let (w, entries) = (&*WORLD, log_entries());
    let all = derive::space_of_all(&w.partnership);
    let circle = derive::space_of_circle(&w.partnership, &w.circle);
    let owner = LogOwner { node: w.alice.node_id(), certificate: w.certificate.to_unverified() };
    let point = |certificate| LogPoint { log: w.alice.log_id(), next: Seq(3), certificate, chain: None };
    let addresses = w.alice.card(w.partnership).addresses;
    let blob = content().attachments[0].blob;
    let acts = deeds().map(|(_, act)| act.signed().to_unverified()).to_vec();
    let named: Vec<(&str, Message)> = vec![
        ("hello", Message::Hello(Hello { version: VERSION, heads: vec![w.approve.id()], addresses })),
        ("frontier", Message::Frontier(Frontier { space: all, circle: None, logs: vec![point(None)] })),
        (
            "frontier-of-circle",
            Message::Frontier(Frontier {
                space: circle,
                circle: Some(w.circle.clone()),
                logs: vec![point(Some(owner))],
            }),
        ),
        (
            "frontier-with-chain",
            Message::Frontier(Frontier {
                space: all,
                circle: None,
                logs: vec![LogPoint { chain: Some(Hash([0x94; 32])), ..point(None) }],
            }),
        ),
        ("have-epoch", Message::HaveEpoch(w.epoch.id)),
        ("want-records", Message::WantRecords(all, w.epoch.id, vec![(w.alice.log_id(), Seq(7))])),
        ("keys-of-records", Message::RecordKeys(record_keys())),
        ("want-proof", Message::WantProof(all, w.alice.log_id(), Seq(1))),
        ("proof-side", Message::Proof(Proof::Side(evidence().one))),
        ("proof-fork", Message::Proof(Proof::Fork(Box::new(evidence())))),
        ("heads", Message::Heads(vec![w.approve.id()])),
        ("parley", Message::Parley(vec![w.approve.id()])),
        ("heard", Message::Heard(vec![w.approve.id()])),
        ("want-acts", Message::WantActs(vec![w.found.id()])),
        ("acts", Message::Acts(acts)),
        ("want-log", Message::WantLog(all, w.alice.log_id(), Seq(300))),
        ("batch-message", Message::Batch(Batch::pack(&entries).unwrap())),
        ("want-epoch", Message::WantEpoch(all, w.epoch.id)),
        ("epoch", Message::Epoch(w.epoch.header.to_unverified(), slot())),
        ("blob-want-hashes", Message::Blob(BlobMessage::WantHashes(blob, 0))),
        ("blob-hashes", Message::Blob(BlobMessage::Hashes(blob, 0, vec![derive::chunk_hash(0, b"sealed")]))),
        ("blob-want-chunk", Message::Blob(BlobMessage::WantChunk(blob, 4))),
        ("blob-chunk", Message::Blob(BlobMessage::Chunk(blob, 4, sealed_chunk()))),
        ("prekey-points", Message::PrekeyPoints(vec![(w.alice.node_id(), 1), (w.bob.node_id(), 0)])),
        ("prekeys", Message::Prekeys(vec![prekey().to_unverified()])),
        ("mailboxes", Message::Mailboxes(vec![appointment().to_unverified()])),
        ("blob-absent", Message::Blob(BlobMessage::Absent(blob))),
        ("full", Message::Full(true)),
        ("relays", Message::Relays(true)),
        ("verify-commit", Message::Verify(VerifyMessage::Commit(commitment()))),
        ("verify-reveal", Message::Verify(VerifyMessage::Reveal(commitment(), [0xa1; 32]))),
        ("verify-stop", Message::Verify(VerifyMessage::Stop(commitment()))),
    ];
    let chain = Batch::pack(&entries).unwrap().verify(&Head::EMPTY).unwrap().head().chain;
    let announcement = Announcement { log: w.alice.log_id(), next: Seq(3), chain };
    named
        .into_iter()
        .map(|(name, message)| (name, "sync message", codec::encode(&message)))
        .chain([("announcement", "announcement", codec::encode(&announcement))])
        .collect()
}
