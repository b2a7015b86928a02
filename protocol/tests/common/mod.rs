//! What the tests from outside share: a small partnership made from fixed keys and a counter for a random
//! source, so that every byte of it is the same on every machine, and [`readers`] that check what comes in.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod governing;
pub mod readers;
pub mod samples;

use std::sync::LazyLock;

use ed25519_dalek::SigningKey;
use entente_protocol::agreement::Agreement;
use entente_protocol::audience::{Audience, NamedReaders};
use entente_protocol::derive::{self, Key};
use entente_protocol::envelope::Place;
use entente_protocol::epoch::{self, Minted, PrekeySecret};
use entente_protocol::handling::{Handling, Language, Sensitivity};
use entente_protocol::identity::{Introduced, LogCertificate, MemberCard, OrgKind, introduce};
use entente_protocol::ids::{
    EpochId, LogId, NodeId, OrgId, PartnershipId, Seq, SpaceId, Timestamp, TransportId,
};
use entente_protocol::membership::VerifiedAct;
use entente_protocol::membership::acts::{self, Author, Founding, Invite, NOT_YET};
use entente_protocol::record::{Attachment, Content, RecordParts, sign_record};
use entente_protocol::signed::{Signed, sign};
use entente_protocol::value::Value;
use zeroize::Zeroizing;

/// The time of everything that happens in the vectors: 2026-03-01 00:00 UTC.
pub const NOW: Timestamp = Timestamp(1_772_323_200_000);
/// The position that the sample record was signed for.
pub const RECORD_SEQ: Seq = Seq(7);
/// The agreement of the sample partnership.
pub const AGREEMENT: &str = include_str!("agreement.toml");

/// The random source of the vectors: a 64-bit linear congruential generator (Knuth's MMIX constants) whose
/// state is folded once, little-endian words in order. Repeatable, and good for nothing else.
pub struct Counter(pub u64);

impl rand_core::TryRng for Counter {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.try_next_u64()? as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Ok(self.0 ^ (self.0 >> 33))
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Self::Error> {
        for chunk in dst.chunks_mut(8) {
            let word = self.try_next_u64()?.to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Counter {}

/// An organisation with one node. Each of its secrets is one byte, repeated 32 times.
pub struct Party {
    pub root: SigningKey,
    pub node: SigningKey,
    pub log: SigningKey,
    pub transport: TransportId,
    pub prekey: PrekeySecret,
    pub introduced: Introduced,
}

impl Party {
    fn new(first: u8, name: &str, kind: OrgKind) -> Party {
        let key = |n: u8| SigningKey::from_bytes(&[first + n; 32]);
        let node = key(1);
        let id = NodeId(node.verifying_key().to_bytes());
        Party {
            root: key(0),
            log: key(2),
            transport: derive::transport_id(&Zeroizing::new([first + 3; 32])),
            prekey: PrekeySecret::from_seed(Zeroizing::new([first + 4; 32])),
            introduced: introduce(&key(0), name, kind, "GE", id, NOW).unwrap(),
            node,
        }
    }

    pub fn org(&self) -> OrgId {
        self.introduced.org()
    }

    pub fn node_id(&self) -> NodeId {
        self.introduced.node()
    }

    pub fn log_id(&self) -> LogId {
        LogId(self.log.verifying_key().to_bytes())
    }

    pub fn card(&self, partnership: PartnershipId) -> MemberCard {
        MemberCard {
            partnership,
            node: self.node_id(),
            transport: self.transport,
            log: self.log_id(),
            prekey: self.prekey.public().unwrap(),
            addresses: vec!["192.0.2.1:4747".into(), "[2001:db8::1]:4747".into()],
        }
    }
}

/// The sample partnership: the NPM `alice` founded it, the CSO `bob` joined.
pub struct World {
    pub alice: Party,
    pub bob: Party,
    pub agreement: Agreement,
    pub partnership: PartnershipId,
    pub found: VerifiedAct,
    pub invite: VerifiedAct,
    pub join: VerifiedAct,
    pub approve: VerifiedAct,
    pub remove: VerifiedAct,
    pub leave: VerifiedAct,
    pub epoch: Minted,
    pub circle: Vec<OrgId>,
    pub certificate: Signed<LogCertificate>,
    pub record: RecordParts,
}

/// The sample partnership, made once.
pub static WORLD: LazyLock<World> = LazyLock::new(World::new);

/// The one-use door key of the sample invitation.
pub fn door() -> Key {
    Zeroizing::new([0x31; 32])
}

/// The key of the sample attachment.
pub fn chunk_key() -> Key {
    Zeroizing::new([0x33; 32])
}

impl World {
    fn new() -> World {
        let alice = Party::new(0x11, "Public Defender", OrgKind::Npm);
        let bob = Party::new(0x21, "Комітет", OrgKind::Cso);
        let agreement = Agreement::parse(AGREEMENT).unwrap();
        let said = Founding {
            name: "Tbilisi",
            agreement: AGREEMENT,
            role: "npm".parse().unwrap(),
            nonce: [0x41; 16],
            time: NOW,
            declaration: None,
        };
        let found = acts::found(&alice.node, &alice.introduced, alice.card(NOT_YET), said).unwrap();
        let partnership = found.partnership();
        let author = |party: &'static str, after: &VerifiedAct| {
            let who = if party == "alice" { &alice } else { &bob };
            Author { partnership, org: who.org(), node: &who.node, parents: vec![after.id()], time: NOW }
        };
        let cso = "cso".parse().unwrap();
        let place = Invite {
            door: derive::door_commitment(&door()),
            role: "cso".parse().unwrap(),
            steward: true,
            expires: NOW.plus_days(14),
        };
        let invite = acts::invite(author("alice", &found), place).unwrap();
        let asks = author("bob", &invite);
        let card = bob.card(partnership);
        let join = {
            let accepted = acts::Accepted { agreement: agreement.hash(), role: cso, declaration: None };
            acts::join(asks, invite.id(), &bob.introduced, card, accepted).unwrap()
        };
        let approve = acts::approve(author("alice", &join), join.id()).unwrap();
        let cutoff = [(bob.log_id(), Seq(9))];
        let remove = acts::remove(author("alice", &approve), bob.org(), "Closed.", cutoff).unwrap();
        let leave = acts::leave(author("bob", &approve), []).unwrap();
        let (alice_prekey, bob_prekey) = (alice.prekey.public().unwrap(), bob.prekey.public().unwrap());
        let readers = [(alice.node_id(), alice_prekey.as_slice()), (bob.node_id(), bob_prekey.as_slice())];
        let space = derive::space_of_all(&partnership);
        let basis = vec![approve.id()];
        let epoch = epoch::mint(space, &alice.node, &readers, basis, NOW, &mut Counter(1)).unwrap();
        let mut circle = vec![alice.org(), bob.org()];
        circle.sort_unstable();
        let circle_space = derive::space_of_circle(&partnership, &circle);
        let certificate = sign(
            LogCertificate { space: circle_space, node: alice.node_id(), log: alice.log_id() },
            &alice.node,
        );
        let audience = Audience::Named(NamedReaders::new([bob.org()]).unwrap());
        let place = (partnership, audience, alice.log_id(), RECORD_SEQ);
        let record =
            sign_record(&content(), alice.org(), &alice.node, [0x51; 16], place, &mut Counter(2)).unwrap();
        World {
            alice,
            bob,
            agreement,
            partnership,
            found,
            invite,
            join,
            approve,
            remove,
            leave,
            epoch,
            circle,
            certificate,
            record,
        }
    }
}

/// Where the sample envelope stands.
pub fn place() -> Place {
    let (space, log) = (SpaceId([0x81; 32]), LogId([0x82; 32]));
    Place { space, log, seq: Seq(7), epoch: EpochId([0x83; 32]) }
}

/// The epoch key that the sample envelope is sealed under.
pub fn envelope_key() -> Key {
    Zeroizing::new([0x84; 32])
}

/// What the sample record says: every type of value, an attachment, references.
pub fn content() -> Content {
    let table = [("age".to_owned(), Value::Int(17)), ("alone".to_owned(), Value::Bool(true))];
    Content {
        kind: "visit-report".parse().unwrap(),
        language: Language::try_from("ka".to_owned()).unwrap(),
        sensitivity: Sensitivity::Named,
        handling: Handling {
            personal_data: true,
            consent: Some("C-12".into()),
            keep_until: Some(NOW.plus_days(365)),
            ..Handling::default()
        },
        created: NOW,
        replies_to: Some(derive::record_id(&OrgId([0x61; 32]), &[0x62; 16])),
        supersedes: None,
        references: vec![derive::record_id(&OrgId([0x63; 32]), &[0x64; 16])],
        fields: vec![
            ("title".into(), Value::Text("ვიზიტი".into())),
            ("found".into(), Value::List(vec![Value::Table(table.into()), Value::Int(-1)])),
            ("followed-up".into(), Value::Bool(false)),
        ],
        attachments: vec![Attachment {
            salt: [0x71; 16],
            name: "plan.pdf".into(),
            media_type: "application/pdf".into(),
            size: 4,
            blob: derive::blob_id(&[derive::chunk_hash(0, b"sealed")]),
            key: [0x33; 32],
        }],
    }
}
