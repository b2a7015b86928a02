//! Everything that takes bytes from others, by name: each decodes *and* verifies, as a node would.

use entente_protocol::agreement::{Agreement, AgreementSignature};
use entente_protocol::audience::Audience;
use entente_protocol::bundle::{self, FileKey, Reader as BundleReader, SLOT_LEN};
use entente_protocol::declaration::Declaration;
use entente_protocol::epoch::{EpochHeader, Slot, open_slot};
use entente_protocol::evidence::Evidence;
use entente_protocol::identity::{Introduction, LogCertificate, MemberCard, NodeCertificate, Organisation};
use entente_protocol::invitation::Invitation;
use entente_protocol::log::{Batch, Entry, Head};
use entente_protocol::membership::{ActBody, verify_act};
use entente_protocol::prekey::VerifiedPrekey;
use entente_protocol::record::{RecordFile, RecordParts};
use entente_protocol::redaction::RedactedFile;
use entente_protocol::root::{LogRenewal, Revocation};
use entente_protocol::signed::{Statement, Unverified};
use entente_protocol::sync::{Announcement, Message};
use entente_protocol::value::Value;
use entente_protocol::{ack, chunk, codec, envelope, limits, notice};

use super::{RECORD_SEQ, WORLD, World, chunk_key, envelope_key, place};

type Outcome = Result<(), String>;
type Reader = fn(&World, &[u8]) -> Outcome;

/// All readers, by the name that the vectors use.
pub const READERS: [(&str, Reader); 30] = [
    ("organisation", |_, bytes| named::<Organisation>(bytes, |o| o.id.0)),
    ("node certificate", |w, bytes| signed::<NodeCertificate>(bytes, &w.alice.org().0)),
    ("introduction", introduction),
    ("member card", |w, bytes| signed::<MemberCard>(bytes, &w.alice.node_id().0)),
    ("log certificate", |w, bytes| signed::<LogCertificate>(bytes, &w.alice.node_id().0)),
    ("agreement signature", |w, bytes| signed::<AgreementSignature>(bytes, &w.alice.node_id().0)),
    ("node revocation", |_, bytes| named::<Revocation>(bytes, |r| r.organisation.0)),
    ("log renewal", |_, bytes| named::<LogRenewal>(bytes, |r| r.organisation.0)),
    ("declaration", |w, bytes| signed::<Declaration>(bytes, &w.bob.node_id().0)),
    ("agreement", |_, bytes| said(Agreement::parse(text(bytes)?))),
    ("act", act),
    ("epoch header", |_, bytes| named::<EpochHeader>(bytes, |h| h.minter.0)),
    ("epoch slot", slot),
    ("prekey", |w, bytes| match codec::decode(bytes) {
        Ok(prekey) => said(VerifiedPrekey::verify(&prekey, &w.partnership)),
        Err(error) => Err(error.to_string()),
    }),
    ("envelope", |_, bytes| said(envelope::open(bytes, &place(), &envelope_key()))),
    ("log entry", entry),
    ("batch", batch),
    ("acknowledgement", acknowledgement),
    ("notice", |_, bytes| match notice::read(bytes) {
        Ok(said) => said.map(|_| ()).ok_or_else(|| "no notice".to_owned()),
        Err(error) => Err(error.to_string()),
    }),
    ("evidence", evidence),
    ("chunk", |_, bytes| said(chunk::open(&chunk_key(), 4, true, bytes))),
    ("record", record),
    ("record copy", record_copy),
    ("record file", record_file),
    ("redacted record file", |_, bytes| said(decoded::<RedactedFile>(bytes)?.verify())),
    ("invitation", |_, bytes| said(Invitation::from_text(text(bytes)?))),
    ("sync message", sync_message),
    ("bundle slot", bundle_slot),
    ("bundle body", bundle_body),
    ("announcement", |_, bytes| said(codec::decode::<Announcement>(bytes))),
];

fn acknowledgement(_: &World, bytes: &[u8]) -> Outcome {
    match ack::read(bytes) {
        Ok(said) => said.map(|_| ()).ok_or_else(|| "no acknowledgement".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn bundle_slot(world: &World, bytes: &[u8]) -> Outcome {
    let slot: &[u8; SLOT_LEN] = bytes.try_into().map_err(|_| "not as long as a slot".to_owned())?;
    let opened = bundle::open_slot(slot, &world.bob.prekey);
    opened.map(|_| ()).ok_or_else(|| "it does not open".to_owned())
}

/// A body of one chunk.
fn bundle_body(_: &World, bytes: &[u8]) -> Outcome {
    let mut reader = BundleReader::new(&FileKey { key: chunk_key(), slots: 4 });
    reader.chunk(bytes, true).map_err(|error| error.to_string())?;
    while let Some(message) = reader.next_message().map_err(|error| error.to_string())? {
        said(codec::decode::<Message>(&message))?;
    }
    said(reader.finish())
}

fn evidence(_: &World, bytes: &[u8]) -> Outcome {
    let read: Evidence = codec::decode(bytes).map_err(|error| error.to_string())?;
    said(read.verify())
}

/// Reads `bytes` as the named thing.
pub fn read(what: &str, bytes: &[u8]) -> Outcome {
    match what {
        "audience" => return said(codec::decode_bounded::<Audience>(bytes, "audience", 4096)),
        "value" => return said(codec::decode_bounded::<Value>(bytes, "value", limits::MAX_RECORD)),
        _ => {}
    }
    let reader = READERS.iter().find(|(name, _)| *name == what);
    reader.unwrap_or_else(|| panic!("no reader for `{what}`")).1(&WORLD, bytes)
}

fn said<T, E: std::error::Error>(result: Result<T, E>) -> Outcome {
    result.map(|_| ()).map_err(|error| error.to_string())
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    core::str::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())
}

fn decoded<T>(bytes: &[u8]) -> Result<T, String>
where
    T: codec::Wire + minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()>,
{
    codec::decode(bytes).map_err(|error| error.to_string())
}

fn signed<T: Statement>(bytes: &[u8], key: &[u8; 32]) -> Outcome {
    said(decoded::<Unverified<T>>(bytes)?.verify(key))
}

fn named<T: Statement>(bytes: &[u8], signer: fn(&T) -> [u8; 32]) -> Outcome {
    said(decoded::<Unverified<T>>(bytes)?.verify_self(signer))
}

fn introduction(_: &World, bytes: &[u8]) -> Outcome {
    said(decoded::<Introduction>(bytes)?.verify())
}

fn act(_: &World, bytes: &[u8]) -> Outcome {
    said(verify_act(&decoded::<Unverified<ActBody>>(bytes)?))
}

fn slot(world: &World, bytes: &[u8]) -> Outcome {
    let slot = codec::decode_bounded::<Slot>(bytes, "epoch slot", 2048).map_err(|e| e.to_string())?;
    said(open_slot(&world.epoch.header, &slot, &world.bob.prekey))
}

fn entry(_: &World, bytes: &[u8]) -> Outcome {
    let entry = decoded::<Entry>(bytes)?;
    let head = Head { next: entry.header.seq, chain: entry.header.prev };
    let batch = Batch::pack(core::slice::from_ref(&entry)).map_err(|e| e.to_string())?;
    let again = batch.verify(&head).map_err(|e| e.to_string())?;
    if again.entries() == [entry] { Ok(()) } else { Err("not what its log signed".into()) }
}

fn batch(_: &World, bytes: &[u8]) -> Outcome {
    let batch = codec::decode_bounded::<Batch>(bytes, "batch", limits::MAX_SYNC_MESSAGE);
    said(batch.map_err(|e| e.to_string())?.verify(&Head::EMPTY))
}

fn record(world: &World, bytes: &[u8]) -> Outcome {
    let (author, node, log) = (world.alice.org(), world.alice.node_id(), world.alice.log_id());
    said(decoded::<RecordParts>(bytes)?.verify_in(&world.partnership, &author, &node, &log, RECORD_SEQ))
}

fn record_copy(_: &World, bytes: &[u8]) -> Outcome {
    said(decoded::<RecordParts>(bytes)?.verify())
}

fn record_file(_: &World, bytes: &[u8]) -> Outcome {
    said(decoded::<RecordFile>(bytes)?.verify())
}

/// A message and every signed thing in it.
fn sync_message(world: &World, bytes: &[u8]) -> Outcome {
    match decoded::<Message>(bytes)? {
        Message::Acts(acts) => acts.iter().try_for_each(|act| said(verify_act(act))),
        Message::Batch(batch) => said(batch.verify(&Head::EMPTY)),
        Message::Epoch(header, slot) => {
            let header = header.verify_self(|h| h.minter.0).map_err(|e| e.to_string())?;
            said(open_slot(&header, &slot, &world.bob.prekey))
        }
        Message::Frontier(frontier) => {
            let owners = frontier.logs.iter().filter_map(|point| point.certificate.as_ref());
            owners.into_iter().try_for_each(|owner| said(owner.certificate.verify(&owner.node.0)))
        }
        _ => Ok(()),
    }
}
