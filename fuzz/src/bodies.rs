//! The body of each fuzz target: takes any bytes, and panics where a promise is broken. The targets run
//! them with libFuzzer; `protocol/tests/corpora.rs` replays the corpora through them on stable.

use entente_protocol::ack::{self, Acknowledgement};
use entente_protocol::agreement::Agreement;
use entente_protocol::bundle::{self, FileKey, Reader, SLOT_LEN};
use entente_protocol::chunk;
use entente_protocol::codec::{self, Wire};
use entente_protocol::envelope::{self, Place};
use entente_protocol::epoch::{PrekeySecret, open_slot};
use entente_protocol::evidence::Evidence;
use entente_protocol::identity::Introduction;
use entente_protocol::ids::{EpochId, LogId, NodeId, OrgId, PartnershipId, Seq, SpaceId};
use entente_protocol::invitation::Invitation;
use entente_protocol::limits;
use entente_protocol::log::{Batch, Head};
use entente_protocol::membership::{ActBody, ActGraph, Membership, verify_act};
use entente_protocol::notice::{self, Notice};
use entente_protocol::prekey::VerifiedPrekey;
use entente_protocol::record::{RecordFile, RecordParts};
use entente_protocol::redaction::RedactedFile;
use entente_protocol::signed::Unverified;
use entente_protocol::sync::{Announcement, Event, Message, Proof, Roster, SyncMachine};
use entente_protocol::value::Value;
use zeroize::Zeroizing;

/// A target: its name, which is that of its corpus, and its body.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 13] = [
    ("sync_message", sync_message),
    ("act", act),
    ("introduction", introduction),
    ("record", record),
    ("record_file", record_file),
    ("envelope", envelope),
    ("batch", batch),
    ("acknowledgement", acknowledgement),
    ("evidence", evidence),
    ("invitation", invitation),
    ("agreement", agreement),
    ("value", value),
    ("bundle", bundle),
];

/// Decodes; whatever decodes is canonical.
fn decoded<T>(bytes: &[u8]) -> Option<T>
where
    T: Wire + minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()>,
{
    let value: T = codec::decode(bytes).ok()?;
    assert_eq!(codec::encode(&value), bytes, "{} has two encodings", T::WHAT);
    Some(value)
}

/// What an entry acknowledges or says about records, if it is no record.
pub fn acknowledgement(data: &[u8]) {
    if let Ok(Some(said)) = notice::read(data) {
        assert_eq!(codec::encode(&said), data, "a notice has two encodings");
        assert_eq!(Notice::of(said.said().clone()), Ok(said), "words out of bounds were read");
    }
    if let Ok(Some(said)) = ack::read(data) {
        assert_eq!(codec::encode(&said), data, "an acknowledgement has two encodings");
        let mut again = Acknowledgement::of(said.points().to_vec());
        if !said.refused().is_empty() {
            again = again.and_then(|again| again.refusing(said.refused().to_vec()));
        }
        assert_eq!(again, Ok(said), "points or refusals out of order were read");
    }
}

/// Evidence against an author with two faces.
pub fn evidence(data: &[u8]) {
    let Some(evidence) = decoded::<Evidence>(data) else { return };
    if let Ok(proof) = evidence.clone().verify() {
        assert_eq!(
            Evidence::of(evidence.other, evidence.one),
            *proof.evidence(),
            "two forms of one evidence"
        );
    }
}

/// A message between connected nodes: verified in all its parts, and given to a sync machine.
pub fn sync_message(data: &[u8]) {
    let _announcement: Option<Announcement> = decoded(data);
    let Some(message) = decoded::<Message>(data) else { return };
    match &message {
        Message::Acts(acts) => acts.iter().for_each(|act| drop(verify_act(act))),
        Message::Prekeys(prekeys) => {
            prekeys.iter().for_each(|prekey| drop(VerifiedPrekey::verify(prekey, &PartnershipId([0x22; 32]))))
        }
        Message::Batch(batch) => drop(batch.clone().verify(&Head::EMPTY)),
        Message::Proof(Proof::Fork(evidence)) => drop(evidence.clone().verify()),
        Message::Proof(Proof::Side(side)) => drop(side.check().is_ok()),
        Message::Epoch(header, slot) => {
            if let Ok(header) = header.verify_self(|h| h.minter.0) {
                let secret = PrekeySecret::from_seed(Zeroizing::new([0x25; 32]));
                drop(open_slot(&header, slot, &secret));
            }
        }
        _ => {}
    }
    let (me, peer) = (NodeId([1; 32]), NodeId([2; 32]));
    let nodes = [(me, OrgId([1; 32])), (peer, OrgId([2; 32]))].into();
    let mut machine = SyncMachine::new(me, PartnershipId([3; 32]), Vec::new());
    drop(machine.handle(Event::RosterChanged(Roster { nodes, ..Roster::default() }, Vec::new())));
    drop(machine.handle(Event::Connected(peer)));
    drop(machine.handle(Event::Received(peer, message.clone())));
    drop(machine.handle(Event::Received(peer, message)));
    drop(machine.handle(Event::Tick));
}

/// A membership act; a founding one also begins a graph.
pub fn act(data: &[u8]) {
    let Some(act) = decoded::<Unverified<ActBody>>(data) else { return };
    let Ok(act) = verify_act(&act) else { return };
    if let Ok(graph) = ActGraph::founded(act) {
        assert_eq!(Membership::of(&graph).members.len(), 1, "a founder is alone");
    }
}

/// Who somebody says that it is.
pub fn introduction(data: &[u8]) {
    if let Some(Ok(introduced)) = decoded::<Introduction>(data).map(|i| i.verify()) {
        assert_eq!(introduced.certificate().organisation, introduced.org());
    }
}

/// A record as it lies in an envelope.
pub fn record(data: &[u8]) {
    let Some(parts) = decoded::<RecordParts>(data) else { return };
    if let Ok(record) = parts.verify() {
        let manifest = record.manifest();
        assert_eq!(record.hidden().0 + record.fields().len(), manifest.fields.len());
        assert!(manifest.fields.len() <= limits::MAX_FIELDS);
    }
}

/// A record in a file of its own, whole or redacted.
pub fn record_file(data: &[u8]) {
    if let Some(Ok((who, record))) = decoded::<RecordFile>(data).map(|file| file.verify()) {
        assert_eq!(record.manifest().author, who.org());
    }
    if let Some(Ok(copy)) = decoded::<RedactedFile>(data).map(|file| file.verify()) {
        assert_eq!(copy.record().manifest().author, copy.author().org());
        assert_eq!(copy.places().len(), copy.record().manifest().fields.len());
    }
}

/// An envelope, and a chunk of an attachment.
pub fn envelope(data: &[u8]) {
    let (space, log) = (SpaceId([0x81; 32]), LogId([0x82; 32]));
    let place = Place { space, log, seq: Seq(7), epoch: EpochId([0x83; 32]) };
    if let Ok(record) = envelope::open(data, &place, &Zeroizing::new([0x84; 32])) {
        assert!(record.len() <= limits::MAX_PAYLOAD);
    }
    if let Ok(plain) = chunk::open(&Zeroizing::new([0x33; 32]), 4, true, data) {
        assert_eq!(plain.len() + chunk::OVERHEAD, data.len());
    }
}

/// Entries of a log.
pub fn batch(data: &[u8]) {
    let Ok(batch) = codec::decode_bounded::<Batch>(data, "batch", limits::MAX_SYNC_MESSAGE) else { return };
    let items = batch.items.len();
    if let Ok(verified) = batch.verify(&Head::EMPTY) {
        assert_eq!(verified.entries().len(), items);
        assert_eq!(verified.head().next, Seq(items as u64));
        assert!(Batch::pack(verified.entries()).is_ok(), "what was verified can be passed on");
    }
}

/// The text of an invitation.
pub fn invitation(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    if let Ok(invitation) = Invitation::from_text(text) {
        let again = invitation.to_text().map(|text| Invitation::from_text(&text));
        assert!(matches!(again, Ok(Ok(same)) if same == invitation));
    }
}

/// The text of an agreement.
pub fn agreement(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    match Agreement::parse(text) {
        Ok(agreement) => {
            assert!(!agreement.flows().is_empty() && !agreement.sentences().is_empty());
            drop(agreement.advice());
        }
        Err(error) => assert!(!error.to_string().chars().any(char::is_control), "{error:?}"),
    }
}

/// The value of a field, as CBOR and as JSON.
pub fn value(data: &[u8]) {
    if let Ok(value) = codec::decode_bounded::<Value>(data, "value", limits::MAX_RECORD) {
        assert_eq!(codec::encode(&value), data, "a value has two encodings");
        assert_eq!(Value::from_json(&value.to_json()).as_ref(), Ok(&value));
    }
}

/// A bundle: as a slot, as a sealed body, and as what a member sealed into one.
pub fn bundle(data: &[u8]) {
    let key = Zeroizing::new([0x33; 32]);
    if let Some(slot) = data.first_chunk::<SLOT_LEN>() {
        drop(bundle::open_slot(slot, &PrekeySecret::from_seed(Zeroizing::new([0x25; 32]))));
    }
    bundle_body(&key, &[data.to_vec()]);
    // What its reader would see if a member had sealed these bytes: two chunks, the second of them the last.
    let (first, second) = data.split_at(data.len() / 2);
    let plain = [first, second].map(|part| &part[..part.len().min(limits::CHUNK)]);
    let body = entente_protocol::derive::bundle_body_key(&key);
    let sealed = |n: usize| chunk::seal(&body, n as u64, n == 1, plain[n]).unwrap_or_default();
    bundle_body(&key, &[sealed(0), sealed(1)]);
}

fn bundle_body(key: &entente_protocol::derive::Key, chunks: &[Vec<u8>]) {
    let mut reader = Reader::new(&FileKey { key: key.clone(), slots: 4 });
    for (at, chunk) in chunks.iter().enumerate() {
        if reader.chunk(chunk, at + 1 == chunks.len()).is_err() {
            return;
        }
        loop {
            match reader.next_message() {
                Ok(Some(message)) => assert!(message.len() <= limits::MAX_SYNC_MESSAGE),
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
    if let Ok(verified) = reader.finish() {
        assert!(!verified.said().to.is_empty());
    }
}
