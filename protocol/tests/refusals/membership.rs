//! Wrong as identities, acts and epochs, though their authors signed them.

use entente_protocol::agreement::AgreementSignature;
use entente_protocol::codec;
use entente_protocol::epoch::{Slot, seal_slot};
use entente_protocol::identity::{Introduction, MemberCard, Organisation};
use entente_protocol::ids::{ActId, LogId, NodeId, PartnershipId, Seq};
use entente_protocol::membership::acts::{Act, ActBody, NOT_YET, Remove};
use entente_protocol::signed::{Unverified, sign, sign_bytes};
use zeroize::Zeroizing;

use crate::common::{Counter, Party, WORLD, samples};
use crate::{Wrong, replaced, travelling, without_last};

pub fn all() -> Vec<Wrong> {
    [identities(), acts(), joins(), removals(), epochs()].concat()
}

fn identities() -> Vec<Wrong> {
    let w = &*WORLD;
    let card = |name: &str, country: &str| {
        let organisation = Organisation {
            name: name.into(),
            country: country.into(),
            ..samples::organisation().value().clone()
        };
        codec::encode(&Introduction {
            organisation: sign(organisation, &w.alice.root).to_unverified(),
            certificate: samples::node_certificate().to_unverified(),
        })
    };
    let mixed = Introduction {
        organisation: w.bob.introduced.to_introduction().organisation,
        certificate: w.alice.introduced.to_introduction().certificate,
    };
    let mut foreign = samples::node_certificate().value().clone();
    foreign.organisation = w.bob.org();
    let foreign = Introduction {
        organisation: w.alice.introduced.to_introduction().organisation,
        certificate: sign(foreign, &w.alice.root).to_unverified(),
    };
    vec![
        ("name-of-blanks", "introduction", card("  ", "GE"), "it is empty"),
        ("name-with-escape", "introduction", card("a\u{1b}[31m", "GE"), "control characters"),
        ("name-of-201-bytes", "introduction", card(&"x".repeat(201), "GE"), "longer than 200"),
        ("country-in-small-letters", "introduction", card("A", "ge"), "two capital letters"),
        ("certificate-of-another", "introduction", codec::encode(&mixed), "signature is wrong"),
        ("certificate-for-another", "introduction", codec::encode(&foreign), "not of the organisation"),
    ]
}

fn acts() -> Vec<Wrong> {
    let w = &*WORLD;
    let mut founding = w.found.body().clone();
    if let Act::Found(found) = &mut founding.act {
        found.agreement.push_str("\n# another\n");
    }
    let mut unread = w.found.body().clone();
    if let Act::Found(found) = &mut unread.act {
        found.agreement = "version = 2\n".into();
    }
    let unknown = codec::encode(&(vec![0_u8; 0], 0_u8));
    vec![
        ("act-of-no-partnership", "act", act(|b| b.partnership = None), "names no partnership"),
        (
            "act-of-the-partnership-of-zeroes",
            "act",
            act(|b| b.partnership = Some(NOT_YET)),
            "no real partnership",
        ),
        ("act-without-parents", "act", act(|b| b.parents.clear()), "has no parents"),
        (
            "act-with-parents-out-of-order",
            "act",
            act(|b| b.parents = vec![ActId([2; 32]), ActId([1; 32])]),
            "not in order",
        ),
        ("act-with-a-parent-twice", "act", act(|b| b.parents = vec![ActId([1; 32]); 2]), "not in order"),
        (
            "act-with-65-parents",
            "act",
            act(|b| b.parents = (0..65).map(|n| ActId([n; 32])).collect()),
            "too many parents",
        ),
        (
            "act-signed-by-another-node",
            "act",
            travelling(w.leave.body().clone(), &w.alice.node),
            "signature is wrong",
        ),
        ("act-that-names-another-signer", "act", act(|b| b.author = w.alice.node_id()), "signature is wrong"),
        ("act-of-an-unknown-kind", "act", unknown_act(), "unknown enum variant"),
        (
            "found-on-another-agreement",
            "act",
            travelling(founding, &w.alice.node),
            "another agreement or role",
        ),
        (
            "found-on-no-agreement",
            "act",
            travelling(unread, &w.alice.node),
            "the agreement of a founding act",
        ),
        ("act-that-is-no-act", "act", unknown, "malformed"),
    ]
}

fn joins() -> Vec<Wrong> {
    let w = &*WORLD;
    let same = |_: &mut AgreementSignature| {};
    vec![
        (
            "join-with-anothers-introduction",
            "act",
            join(&w.alice, |_| {}, same),
            "introduction is not its author's",
        ),
        (
            "join-with-anothers-card",
            "act",
            join(&w.bob, |c| c.node = w.alice.node_id(), same),
            "another node's",
        ),
        (
            "join-with-a-card-from-elsewhere",
            "act",
            join(&w.bob, |c| c.partnership = PartnershipId([9; 32]), same),
            "for another partnership",
        ),
        (
            "join-with-a-short-prekey",
            "act",
            join(&w.bob, |c| c.prekey.truncate(1215), same),
            "X-Wing's length",
        ),
        (
            "join-with-9-addresses",
            "act",
            join(&w.bob, |c| c.addresses = vec!["a".into(); 9], same),
            "too many or too long",
        ),
        (
            "join-with-an-address-of-129-bytes",
            "act",
            join(&w.bob, |c| c.addresses = vec!["a".repeat(129)], same),
            "too many or too long",
        ),
        (
            "join-with-a-control-character-in-an-address",
            "act",
            join(&w.bob, |c| c.addresses = vec!["a\n".into()], same),
            "control characters",
        ),
        (
            "join-that-signs-for-another",
            "act",
            join(&w.bob, |_| {}, |s| s.org = w.alice.org()),
            "signed for another organisation",
        ),
        (
            "join-that-signs-for-another-partnership",
            "act",
            join(&w.bob, |_| {}, |s| s.partnership = None),
            "signed for another partnership",
        ),
    ]
}

fn removals() -> Vec<Wrong> {
    vec![
        (
            "removal-with-1001-bytes-of-reason",
            "act",
            removal(|r| r.reason = "x".repeat(1001)),
            "reason is too long",
        ),
        (
            "removal-with-an-escape-in-its-reason",
            "act",
            removal(|r| r.reason = "\u{1b}".into()),
            "control characters",
        ),
        (
            "removal-of-65-logs",
            "act",
            removal(|r| r.cutoff = (0..65).map(|n| (LogId([n; 32]), Seq(1))).collect()),
            "too many logs",
        ),
        (
            "removal-with-a-log-twice",
            "act",
            removal(|r| r.cutoff = vec![(LogId([1; 32]), Seq(1)); 2]),
            "not in order",
        ),
    ]
}

/// One of Bob's acts, with something else in it, signed as it should be.
pub fn act(change: impl FnOnce(&mut ActBody)) -> Vec<u8> {
    let mut body = WORLD.leave.body().clone();
    change(&mut body);
    travelling(body, &WORLD.bob.node)
}

/// Bob's request to join, with another card or signature.
fn join(
    party: &Party,
    card: impl FnOnce(&mut MemberCard),
    signature: impl FnOnce(&mut AgreementSignature),
) -> Vec<u8> {
    let w = &*WORLD;
    let mut body = w.join.body().clone();
    let entrant = w.join.entrant().unwrap();
    let (mut c, mut s) = (entrant.keys.card.value().clone(), entrant.signature.value().clone());
    card(&mut c);
    signature(&mut s);
    if let Act::Join(join) = &mut body.act {
        join.introduction = party.introduced.to_introduction();
        join.card = sign(c, &w.bob.node).to_unverified();
        join.signature = sign(s, &w.bob.node).to_unverified();
    }
    travelling(body, &w.bob.node)
}

fn removal(change: impl FnOnce(&mut Remove)) -> Vec<u8> {
    act(|body| {
        let mut remove = Remove { org: WORLD.alice.org(), reason: String::new(), cutoff: vec![] };
        change(&mut remove);
        body.act = Act::Remove(remove);
    })
}

/// Canonical, signed, and of a kind that this version does not know: `[99, []]` for the deed.
fn unknown_act() -> Vec<u8> {
    let known = codec::encode(WORLD.leave.body());
    let bytes = replaced(&known, &[0x82, 0x05, 0x80], &[0x82, 0x18, 0x63, 0x80]);
    let signature = sign_bytes("act", &bytes, &WORLD.bob.node);
    codec::encode(&Unverified::<ActBody>::from_parts(bytes, signature))
}

fn epochs() -> Vec<Wrong> {
    let w = &*WORLD;
    let slot = samples::slot();
    let short = Slot { sealed: without_last(slot.sealed.clone()), ..slot.clone() };
    let prekey = w.bob.prekey.public().unwrap();
    let sealed = |epoch, key: [u8; 32], node: &NodeId| {
        let key = Zeroizing::new(key);
        codec::encode(&seal_slot(&epoch, &key, node, &prekey, &mut Counter(11)).unwrap())
    };
    let bob = w.bob.node_id();
    let renamed = Slot { node: w.alice.node_id(), ..slot.clone() };
    let elsewhere = entente_protocol::ids::EpochId([1; 32]);
    vec![
        ("slot-of-another-node", "epoch slot", codec::encode(&w.epoch.slots[0]), "does not open"),
        ("slot-under-another-name", "epoch slot", codec::encode(&renamed), "does not open"),
        ("slot-of-another-epoch", "epoch slot", sealed(elsewhere, *w.epoch.key, &bob), "does not open"),
        ("slot-with-another-key", "epoch slot", sealed(w.epoch.id, [5; 32], &bob), "another key"),
        ("slot-cut-short", "epoch slot", codec::encode(&short), "does not open"),
        ("slot-of-nothing", "epoch slot", codec::encode(&Slot { sealed: vec![], ..slot }), "does not open"),
        (
            "header-by-another",
            "epoch header",
            travelling(w.epoch.header.value().clone(), &w.bob.node),
            "signature is wrong",
        ),
    ]
}
