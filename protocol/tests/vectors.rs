//! Frozen bytes: every encoding and every derivation, recomputed and compared byte for byte.
//!
//! `ENTENTE_WRITE_VECTORS=1 cargo test -p entente-protocol --test vectors --test refusals` writes them anew. A
//! change to a file under `vectors/` is a change of the protocol, and needs a new version of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod common;

use data_encoding::HEXLOWER;
use ed25519_dalek::SigningKey;
use entente_protocol::audience::{Audience, NamedReaders};
use entente_protocol::beacon::Beacon;
use entente_protocol::bundle::BundleStatement;
use entente_protocol::epoch::{PrekeySecret, id_of, open_slot, readers_hash, seal_slot};
use entente_protocol::identity::{Introduction, MemberCard, certify};
use entente_protocol::ids::{ActId, Hash, LogId, NodeId, OrgId, PartnershipId, Seq, SpaceId, TransportId};
use entente_protocol::log::{Batch, Head};
use entente_protocol::mailbox::{Offer, ParcelHeader};
use entente_protocol::membership::acts::{self, Author, Office, RevokeNode};
use entente_protocol::office::{Grant, NodeRequest};
use entente_protocol::record::Manifest;
use entente_protocol::relay::{Offer as RelayOffer, RelayMessage, RelayRefusal};
use entente_protocol::root::{Revocation, revoke};
use entente_protocol::signed::{Signed, Statement, sign_bytes};
use entente_protocol::verification::{Codes, Party};
use entente_protocol::{chunk, codec, derive, envelope};
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use common::{Counter, NOW, WORLD, chunk_key, envelope_key, governing, place, readers, samples};

/// One file of vectors.
struct Book {
    file: &'static str,
    vectors: Vec<Json>,
}

impl Book {
    fn new(file: &'static str) -> Book {
        Book { file, vectors: Vec::new() }
    }

    fn add(&mut self, name: &str, given: Json, gives: impl AsRef<[u8]>) {
        self.vectors.push(json!({ "name": name, "given": given, "gives": hex(gives) }));
    }

    /// A signed statement: what was said, by whom, and the form that travels.
    fn signed<T: Statement>(&mut self, name: &str, signer: &SigningKey, said: &Signed<T>) {
        let message = [b"entente v1 ", T::LABEL.as_bytes(), &[0], said.bytes()].concat();
        let given = json!({
            "key": hex(signer.verifying_key().to_bytes()),
            "label": T::LABEL,
            "statement": hex(said.bytes()),
            "signed_message": hex(&message),
            "signature": hex(said.signature()),
        });
        assert_eq!(sign_bytes(T::LABEL, said.bytes(), signer), *said.signature(), "{name}");
        self.add(name, given, codec::encode(&said.to_unverified()));
    }

    /// Samples of these names; each must be accepted by its reader.
    fn samples(&mut self, which: impl Fn(&str) -> bool) {
        for (name, reader, bytes) in samples::all().iter().filter(|(name, ..)| which(name)) {
            readers::read(reader, bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
            self.add(name, json!({ "read_as": reader }), bytes);
        }
    }

    fn compare(self) {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(self.file);
        let now = serde_json::to_string_pretty(&self.vectors).unwrap() + "\n";
        if std::env::var_os("ENTENTE_WRITE_VECTORS").is_some() {
            std::fs::write(&path, &now).unwrap();
        }
        let kept: Vec<Json> = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(kept.len(), self.vectors.len(), "{}: vectors were added or taken away", self.file);
        for (kept, now) in kept.iter().zip(&self.vectors) {
            assert_eq!(kept, now, "{}: {}", self.file, now["name"]);
        }
    }
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

#[test]
fn every_derivation_gives_the_same_bytes() {
    let mut book = Book::new("derivations.json");
    let (key, act) = (Zeroizing::new([1; 32]), ActId([2; 32]));
    let (partnership, org) = (PartnershipId([3; 32]), OrgId([4; 32]));
    let circle = [OrgId([5; 32]), OrgId([6; 32])];
    let (signature, hashes) = ([7; 64], [Hash([8; 32]), Hash([9; 32])]);
    let k = json!({ "key": hex(*key) });
    let b = json!({ "bytes": hex(b"abc") });
    let signed = json!({ "bytes": hex(b"abc"), "signature": hex(signature) });
    let p = json!({ "partnership": hex(partnership.0) });
    book.add("hash", b.clone(), derive::hash(b"abc").0);
    book.add("hash of nothing", json!({ "bytes": "" }), derive::hash(b"").0);
    book.add("act_id", signed.clone(), derive::act_id(b"abc", &signature).0);
    book.add("partnership_id", json!({ "found": hex(act.0) }), derive::partnership_id(&act).0);
    book.add("space_of_all", p.clone(), derive::space_of_all(&partnership).0);
    let given = json!({ "partnership": hex(partnership.0), "orgs": circle.map(|o| hex(o.0)) });
    book.add("space_of_circle", given, derive::space_of_circle(&partnership, &circle).0);
    book.add("epoch_id", signed, derive::epoch_id(b"abc", &signature).0);
    book.add("epoch_commitment", k.clone(), derive::epoch_commitment(&key).0);
    let given = json!({ "author": hex(org.0), "nonce": hex([10; 16]) });
    book.add("record_id", given, derive::record_id(&org, &[10; 16]).0);
    book.add("field_commitment", b.clone(), derive::field_commitment(b"abc").0);
    book.add("chain", b.clone(), derive::chain(b"abc").0);
    book.add("payload_hash", b, derive::payload_hash(b"abc").0);
    book.add("content_commitment", k.clone(), derive::content_commitment(&key));
    book.add("content_cipher_key", k.clone(), *derive::content_cipher_key(&key));
    let given = json!({ "key": hex(*key), "commitment": hex([11; 32]) });
    book.add("content_wrap_key", given, *derive::content_wrap_key(&key, &[11; 32]));
    book.add("chunk_hash", json!({ "index": 258, "bytes": hex(b"abc") }), derive::chunk_hash(258, b"abc").0);
    book.add("blob_id", json!({ "chunks": hashes.map(|h| hex(h.0)) }), derive::blob_id(&hashes).0);
    let space = SpaceId([12; 32]);
    let given = json!({ "key": hex(*key), "space": hex(space.0) });
    book.add("circle_log_key", given, derive::circle_log_key(&key, &space).to_bytes());
    let mailbox = TransportId([13; 32]);
    let given = json!({ "key": hex(*key), "space": hex(space.0), "mailbox": hex(mailbox.0) });
    book.add("parcel_key", given, derive::parcel_key(&key, &space, &mailbox).to_bytes());
    let given = json!({
        "key": hex(*key), "partnership": hex(partnership.0), "release": hex([14; 16]), "person": hex(b"abc"),
    });
    let mark = derive::release_mark(&key, &partnership, &[14; 16], b"abc");
    book.add("release_mark", given, mark.0);
    let given = json!({ "secret": hex(key.as_ref()), "partnership": hex(partnership.0), "space": hex([15; 32]),
        "contents": hex([16; 32]) });
    let file = derive::attachment_key(&key, &partnership, &SpaceId([15; 32]), &[16; 32]);
    book.add("attachment_key", given, *file);
    book.add("staff_token_hash", k.clone(), derive::staff_token_hash(&key).0);
    book.add("door_commitment", k.clone(), derive::door_commitment(&key).0);
    book.add("gossip_topic", p, derive::gossip_topic(&partnership).0);
    book.add("door_key", k.clone(), *derive::door_key(&key));
    let given = json!({ "key": hex(*key), "hour": 495_000 });
    book.add("beacon_key", given, *derive::beacon_key(&key, 495_000));
    book.add("bundle_body_key", k.clone(), *derive::bundle_body_key(&key));
    book.add("transport_id", k, derive::transport_id(&key).0);
    book.add("org_fingerprint", json!({ "org": hex(org.0) }), derive::org_fingerprint(&org));
    let (from, to, other) = ([13; 128], [14; 128], Zeroizing::new([15; 32]));
    let given = json!({
        "partnership": hex(partnership.0), "from": hex(from), "to": hex(to), "nonce": hex(*key),
    });
    book.add("verify_commitment", given, derive::verify_commitment(&partnership, &from, &to, &key).0);
    let given = json!({
        "partnership": hex(partnership.0), "first": hex(from), "first_nonce": hex(*key),
        "second": hex(to), "second_nonce": hex(*other),
    });
    book.add("verify_codes", given, derive::verify_codes(&partnership, (&from, &key), (&to, &other)));
    book.compare();
}

#[test]
fn two_parties_and_nonces_give_the_same_codes_as_ever() {
    let mut book = Book::new("verification.json");
    let party = |n: u8| Party {
        org: OrgId([n; 32]),
        node: NodeId([n + 1; 32]),
        transport: TransportId([n + 2; 32]),
        log: LogId([n + 3; 32]),
    };
    let (us, them) = (party(0x20), party(0x10));
    let (ours, theirs) = (Zeroizing::new([0xb1; 32]), Zeroizing::new([0xb2; 32]));
    for (name, partnership) in
        [("codes", PartnershipId([3; 32])), ("codes elsewhere", PartnershipId([4; 32]))]
    {
        let codes = Codes::of(&partnership, (&us, &ours), (&them, &theirs));
        let given = json!({
            "partnership": hex(partnership.0),
            "organisation": hex(us.org.0), "node": hex(us.node.0),
            "transport": hex(us.transport.0), "log": hex(us.log.0), "nonce": hex(*ours),
            "their_organisation": hex(them.org.0), "their_node": hex(them.node.0),
            "their_transport": hex(them.transport.0), "their_log": hex(them.log.0), "their_nonce": hex(*theirs),
            "read": codes.read.to_string(), "hear": codes.hear.to_string(),
        });
        book.add(name, given, format!("{} {}", codes.read, codes.hear));
    }
    book.compare();
}

#[test]
fn every_public_derivation_has_a_vector() {
    let vectors = include_str!("vectors/derivations.json");
    let functions = include_str!("../src/derive.rs").lines().filter_map(|l| l.strip_prefix("pub fn "));
    let names: Vec<&str> = functions.filter_map(|l| l.split('(').next()).collect();
    assert!(names.len() >= 20);
    for name in names {
        assert!(vectors.contains(&format!("\"name\": \"{name}\"")), "derive::{name} has no vector");
    }
}

#[test]
fn identities_are_encoded_and_signed_as_ever() {
    let (w, mut book) = (&*WORLD, Book::new("identity.json"));
    book.signed("organisation", &w.alice.root, &samples::organisation());
    book.signed("node-certificate", &w.alice.root, &samples::node_certificate());
    let card = entente_protocol::signed::sign(w.alice.card(w.partnership), &w.alice.node);
    book.signed("member-card", &w.alice.node, &card);
    book.signed("log-certificate", &w.alice.node, &w.certificate);
    book.signed("agreement-signature", &w.alice.node, &samples::agreement_signature());
    book.samples(|name| ["introduction", "agreement-text", "invitation"].contains(&name));
    book.signed("node-revocation", &w.bob.root, &governing::revocation());
    book.signed("log-renewal", &w.bob.root, &governing::renewal());
    book.signed("declaration", &w.bob.node, &governing::signed_declaration());
    book.compare();
}

#[test]
fn acts_are_encoded_signed_and_named_as_ever() {
    let (w, mut book) = (&*WORLD, Book::new("acts.json"));
    for (name, act) in samples::deeds() {
        let signer = if act.body().org == w.alice.org() { &w.alice.node } else { &w.bob.node };
        book.signed(name, signer, act.signed());
        book.add(&format!("{name}-id"), json!({}), act.id().0);
        assert_eq!(act.id(), derive::act_id(act.signed().bytes(), act.signed().signature()));
    }
    book.add("partnership", json!({ "found": hex(w.found.id().0) }), w.partnership.0);
    for (name, signer, act) in governing::SAID.iter() {
        book.signed(name, signer, act.signed());
        book.add(&format!("{name}-id"), json!({}), act.id().0);
    }
    book.compare();
}

#[test]
fn epochs_are_minted_sealed_and_opened_as_ever() {
    let (w, mut book) = (&*WORLD, Book::new("epochs.json"));
    for (name, party) in [("alice", &w.alice), ("bob", &w.bob)] {
        let given = json!({ "seed": hex(**party.prekey.seed()) });
        book.add(&format!("prekey-of-{name}"), given, party.prekey.public().unwrap());
    }
    let nodes = [w.alice.node_id(), w.bob.node_id()];
    book.add("readers-hash", json!({ "nodes": nodes.map(|n| hex(n.0)) }), readers_hash(&nodes).0);
    book.add("epoch-key", json!({ "random": "Counter(1)" }), *w.epoch.key);
    book.signed("epoch-header", &w.alice.node, &w.epoch.header);
    book.add("epoch-id", json!({}), id_of(&w.epoch.header).0);
    let random = "Counter(1), after the epoch key and the first slot";
    book.add("epoch-slot", json!({ "random": random }), codec::encode(&samples::slot()));
    assert_eq!(open_slot(&w.epoch.header, &samples::slot(), &w.bob.prekey).unwrap(), w.epoch.key);
    let prekey = w.bob.prekey.public().unwrap();
    let late = seal_slot(&w.epoch.id, &w.epoch.key, &w.bob.node_id(), &prekey, &mut Counter(9)).unwrap();
    book.signed("node-prekey", &w.alice.node, &samples::prekey());
    book.add("epoch-slot-sealed-later", json!({ "random": "Counter(9)" }), codec::encode(&late));
    assert_eq!(open_slot(&w.epoch.header, &late, &w.bob.prekey).unwrap(), w.epoch.key);
    book.compare();
}

#[test]
fn bundles_are_sealed_and_signed_as_ever() {
    let (w, mut book) = (&*WORLD, Book::new("bundles.json"));
    let mut hasher = derive::BundleHasher::default();
    let none = hasher.hash().0;
    book.add("hash-of-nothing", json!({ "messages": [] }), none);
    hasher.add(b"abc");
    hasher.add(b"");
    book.add("hash", json!({ "messages": [hex(b"abc"), ""] }), hasher.hash().0);
    let statement = BundleStatement {
        partnership: w.partnership,
        from: w.alice.node_id(),
        to: vec![w.bob.node_id()],
        created: NOW,
        messages: 2,
        body: hasher.hash(),
    };
    book.signed("statement", &w.alice.node, &entente_protocol::signed::sign(statement, &w.alice.node));
    book.samples(|name| name.starts_with("bundle-"));
    book.signed("mailbox-appointment", &w.alice.node, &samples::appointment());
    let key = SigningKey::from_bytes(&[0x3c; 32]);
    let header = ParcelHeader {
        name: LogId(key.verifying_key().to_bytes()),
        version: 7,
        length: 3,
        hash: derive::hash(b"abc"),
    };
    book.signed("parcel-header", &key, &entente_protocol::signed::sign(header, &key));
    let offer = Offer::new(&chunk_key(), TransportId([0x3b; 32]), vec!["192.0.2.9:4001".into()]);
    book.add("mailbox-offer", json!({ "door": hex(*chunk_key()) }), offer.to_text().unwrap());
    book.compare();
}

#[test]
fn what_is_said_about_circuits_and_on_a_local_network_is_encoded_as_ever() {
    let mut book = Book::new("relay.json");
    let id = TransportId([0x3b; 32]);
    let given = json!({ "id": hex(id.0) });
    book.add("call", given.clone(), codec::encode(&RelayMessage::Call(id, None)));
    book.add("ring", given.clone(), codec::encode(&RelayMessage::Ring(id, None)));
    book.add("open", json!({}), codec::encode(&RelayMessage::Open));
    let (off, last) = (RelayRefusal::Off, RelayRefusal::NoAnswer);
    book.add("refused-off", json!({}), codec::encode(&RelayMessage::Refused(off)));
    book.add("refused-no-answer", json!({}), codec::encode(&RelayMessage::Refused(last)));
    let offer = Some(RelayOffer::Meet);
    book.add("call-and-meet", given.clone(), codec::encode(&RelayMessage::Call(id, offer)));
    book.add("ring-and-meet", given, codec::encode(&RelayMessage::Ring(id, offer)));
    book.add("willing", json!({}), codec::encode(&RelayMessage::Willing));
    for (name, at) in [("meet-ipv4", "192.0.2.9:7420"), ("meet-ipv6", "[2001:db8::9]:7420")] {
        let seen = at.parse::<std::net::SocketAddr>().unwrap().into();
        book.add(name, json!({ "at": at }), codec::encode(&RelayMessage::Meet(seen)));
    }
    let key = derive::beacon_key(&chunk_key(), 495_000);
    let given = json!({ "door": hex(*chunk_key()), "hour": 495_000, "nonce": hex([5; 12]), "port": 7420, "id": hex(id.0) });
    book.add("beacon", given, Beacon::of(&id, 7420).seal(&key, [5; 12]));
    book.compare();
}

#[test]
fn what_is_sealed_stays_the_same() {
    let mut book = Book::new("sealed.json");
    let at = place();
    let given = json!({
        "space": hex(at.space.0), "log": hex(at.log.0), "seq": at.seq.0, "epoch": hex(at.epoch.0),
        "epoch_key": hex(*envelope_key()), "random": "Counter(4)", "record": hex(b"testimony"),
    });
    let short = envelope::seal(b"testimony", &at, &envelope_key(), &mut Counter(4)).unwrap();
    assert_eq!(&*envelope::open(&short, &at, &envelope_key()).unwrap(), b"testimony");
    book.add("envelope-short", given, short);
    book.samples(|name| name == "envelope");
    for (index, last, plain) in [(0, false, b"first".as_slice()), (4, true, b"the end"), (0, true, b"")] {
        let given = json!({ "key": hex(*chunk_key()), "index": index, "last": last, "plain": hex(plain) });
        let sealed = chunk::seal(&chunk_key(), index, last, plain).unwrap();
        assert_eq!(&*chunk::open(&chunk_key(), index, last, &sealed).unwrap(), plain);
        book.add(&format!("chunk-{index}{}", if last { "-last" } else { "" }), given, sealed);
    }
    book.compare();
}

#[test]
fn lengths_are_padded_as_ever() {
    let mut table = Vec::new();
    for length in [0, 1, 4, 5, 12, 28, 100, 125, 500, 1_000, 2_045, 4_096, 10_000, 65_536, 100_000, 262_144] {
        let sealed = envelope::seal(&vec![7; length], &place(), &envelope_key(), &mut Counter(5)).unwrap();
        table.push(json!({ "name": format!("{length}"), "record": length, "envelope": sealed.len() }));
    }
    Book { file: "padding.json", vectors: table }.compare();
}

#[test]
fn logs_are_chained_and_packed_as_ever() {
    let (w, mut book) = (&*WORLD, Book::new("logs.json"));
    let entries = samples::log_entries();
    for (i, entry) in entries.iter().enumerate() {
        let header = codec::encode(&entry.header);
        book.add(&format!("header-{i}"), json!({}), &header);
        let chain = derive::chain(&header);
        book.add(&format!("chain-{i}"), json!({ "header": hex(&header) }), chain.0);
        let message = [b"entente v1 log-head\0".as_slice(), &chain.0].concat();
        let signature = sign_bytes("log-head", &chain.0, &w.alice.log);
        assert_eq!(entry.signature, Some(signature));
        let given = json!({ "key": hex(w.alice.log_id().0), "signed_message": hex(&message) });
        book.add(&format!("signature-{i}"), given, signature);
    }
    let head = Batch::pack(&entries).unwrap().verify(&Head::EMPTY).unwrap().head();
    book.add("head", json!({}), codec::encode(&head));
    book.samples(|name| {
        ["log-entry", "log-entry-erased", "batch", "acknowledgement", "evidence"].contains(&name)
            || name.starts_with("notice")
    });
    book.compare();
}

#[test]
fn records_are_signed_redacted_and_filed_as_ever() {
    let (w, mut book) = (&*WORLD, Book::new("records.json"));
    let verified = w.record.verify().unwrap();
    let said = w.record.said().unwrap();
    assert_eq!((&*said.fields, &*said.attachments), (verified.fields(), verified.attachments()));
    let manifest: Signed<Manifest> = w.record.manifest.verify(&w.alice.node_id().0).unwrap();
    book.add("content", json!({}), codec::encode(&common::content()));
    book.signed("manifest", &w.alice.node, &manifest);
    book.add("record-id", json!({ "nonce": hex([0x51; 16]) }), verified.id().0);
    let context = w.record.context.clone().unwrap();
    let committed = derive::field_commitment(&context);
    assert_eq!(committed, verified.manifest().context);
    book.add("context-commitment", json!({ "context": hex(context) }), committed.0);
    for (i, field) in w.record.fields.iter().chain(&w.record.attachments).enumerate() {
        let given = json!({ "disclosure": hex(&field.0) });
        book.add(&format!("commitment-{i}"), given, derive::field_commitment(&field.0).0);
    }
    book.samples(|name| name.starts_with("record") || name.starts_with("audience") || name == "value");
    assert_eq!(samples::redacted().verify().unwrap().hidden(), (1, 1));
    assert_eq!(samples::file().verify().unwrap().1.context(), None);
    let readers = Audience::Named(NamedReaders::new([w.bob.org()]).unwrap());
    let space = readers.space(&w.partnership, &w.alice.org());
    assert_eq!(readers.circle(&w.alice.org()), Some(w.circle.clone()));
    book.add(
        "space-of-the-record",
        json!({ "orgs": w.circle.iter().map(|o| hex(o.0)).collect::<Vec<_>>() }),
        space.0,
    );
    book.compare();
}

#[test]
fn every_sync_message_is_encoded_as_ever() {
    let mut book = Book::new("sync.json");
    let of_sync: Vec<&str> = samples::all()
        .iter()
        .filter(|(_, reader, _)| *reader == "sync message" || *reader == "announcement")
        .map(|(name, ..)| *name)
        .collect();
    assert_eq!(of_sync.len(), 33);
    book.samples(|name| of_sync.contains(&name));
    book.compare();
}

#[test]
fn offices_and_revocations_are_as_ever() {
    let (w, mut book) = (&*WORLD, Book::new("offices.json"));
    let author = |party: &'static common::Party| Author {
        partnership: w.partnership,
        org: party.org(),
        node: &party.node,
        parents: vec![w.approve.id()],
        time: NOW,
    };
    let (key, sealing) =
        (SigningKey::from_bytes(&[0xb1; 32]), PrekeySecret::from_seed(Zeroizing::new([0xb2; 32])));
    let node = NodeId(key.verifying_key().to_bytes());
    let request = NodeRequest::new(node, w.bob.org(), &sealing).unwrap();
    let text = request.to_text().unwrap();
    assert_eq!(NodeRequest::from_text(&text).unwrap(), request);
    book.add("node-request", json!({ "node": hex(node.0), "sealing_seed": hex([0xb2; 32]) }), text);
    let certificate = certify(&w.bob.root, node, NOW);
    let introduction =
        Introduction { organisation: w.bob.introduced.to_introduction().organisation, certificate };
    let invitations = vec![samples::invitation().to_text().unwrap()];
    let grant = Grant { introduction: introduction.clone(), invitations };
    book.add("node-grant", json!({}), codec::encode(&grant));
    let sealed = request.grant(&grant, &mut Counter(6)).unwrap();
    let (introduced, opened) = request.open(&sealing, &sealed).unwrap();
    assert!(opened == grant);
    book.add("sealed-node-grant", json!({ "random": "Counter(6)" }), sealed);

    let door = derive::door_commitment(&Zeroizing::new([0xb3; 32]));
    let office = Office { org: w.bob.org(), door, expires: NOW.plus_days(14) };
    let office = acts::office(author(&w.alice), office).unwrap();
    book.signed("act-office", &w.alice.node, office.signed());
    let card = MemberCard { node, log: LogId([0xb4; 32]), ..w.bob.card(w.partnership) };
    let new = Author { node: &key, parents: vec![office.id()], ..author(&w.bob) };
    let add = acts::add_node(new, office.id(), &introduced, card).unwrap();
    book.signed("act-add-node", &key, add.signed());
    for (name, root) in [
        ("act-revoke-node", None),
        ("act-revoke-node-by-root", Some(revoke(&w.bob.root, w.bob.node_id(), NOW))),
    ] {
        let said = RevokeNode {
            node: w.bob.node_id(),
            reason: "Seized.".into(),
            seized_at: root.is_none().then_some(NOW),
            cutoff: vec![(w.bob.log_id(), Seq(9))],
            root,
        };
        book.signed(name, &w.alice.node, acts::revoke_node(author(&w.alice), said).unwrap().signed());
    }
    let word: Signed<Revocation> = revoke(&w.bob.root, w.bob.node_id(), NOW).verify(&w.bob.org().0).unwrap();
    book.signed("revocation", &w.bob.root, &word);
    book.compare();
}
