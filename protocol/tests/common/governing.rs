//! One good example of each act by which members govern, and of what root keys and declarations say in them.

use std::sync::LazyLock;

use ed25519_dalek::SigningKey;
use entente_protocol::declaration::Declaration;
use entente_protocol::derive;
use entente_protocol::identity::{Introduced, Introduction, MemberCard, certify};
use entente_protocol::ids::{LogId, NodeId, PartnershipId, Seq};
use entente_protocol::membership::VerifiedAct;
use entente_protocol::membership::acts::{
    self, Accepted, Act, ActError, Amend, Author, Deed, Founding, HistoryGrant, HistoryScope, NOT_YET,
    Office, Remove, RevokeNode,
};
use entente_protocol::root::{LogRenewal, Revocation, renew_log, revoke};
use entente_protocol::signed::{Signed, Unverified, sign};
use zeroize::Zeroizing;

use super::{AGREEMENT, NOW, Party, WORLD, World};

/// A name, who signed, and what.
pub type Said = (&'static str, &'static SigningKey, VerifiedAct);

/// The acts, made once.
pub static SAID: LazyLock<Vec<Said>> = LazyLock::new(|| {
    let w = &*WORLD;
    [decided(w), proposed(w), stopped(w), nodes(w), declared(w)].concat()
});

/// Bob's second node.
pub static OFFICE: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::from_bytes(&[0x26; 32]));

/// The log that Bob's first node goes on in.
pub fn new_log() -> LogId {
    LogId(SigningKey::from_bytes(&[0x2a; 32]).verifying_key().to_bytes())
}

pub fn office_id() -> NodeId {
    NodeId(OFFICE.verifying_key().to_bytes())
}

/// What the sample agreement becomes.
pub fn amended() -> String {
    format!("{AGREEMENT}\n[keys]\nrotate_days = 7\n")
}

/// What an organisation declares.
pub fn declaration(by: &Party, partnership: Option<PartnershipId>) -> Declaration {
    Declaration {
        partnership,
        org: by.org(),
        text: derive::hash("We keep what we hear to ourselves.".as_bytes()),
        person: "ნინო ბერიძე".into(),
        time: NOW,
        expires: NOW.plus_days(365),
    }
}

/// Bob's, as it travels alone.
pub fn signed_declaration() -> Signed<Declaration> {
    sign(declaration(&WORLD.bob, Some(WORLD.partnership)), &WORLD.bob.node)
}

/// Bob's root key revokes Bob's second node.
pub fn revocation() -> Signed<Revocation> {
    let said = revoke(&WORLD.bob.root, office_id(), NOW);
    said.verify(&WORLD.bob.org().0).unwrap()
}

/// Bob's root key lets Bob's first node go on in another log.
pub fn renewal() -> Signed<LogRenewal> {
    let w = &*WORLD;
    let said = renew_log(&w.bob.root, w.partnership, w.bob.node_id(), new_log(), NOW);
    said.verify(&w.bob.org().0).unwrap()
}

/// Bob's second node: its card and its certificate.
pub fn introduced_office() -> Introduced {
    let organisation = WORLD.bob.introduced.to_introduction().organisation;
    let certificate = certify(&WORLD.bob.root, office_id(), NOW);
    Introduction { organisation, certificate }.verify().unwrap()
}

/// The keys of Bob's second node.
pub fn office_card() -> MemberCard {
    MemberCard {
        node: office_id(),
        transport: derive::transport_id(&Zeroizing::new([0x28; 32])),
        log: LogId(SigningKey::from_bytes(&[0x27; 32]).verifying_key().to_bytes()),
        ..WORLD.bob.card(WORLD.partnership)
    }
}

/// Where Alice or Bob stands once Bob is in.
pub fn author(by: &'static Party) -> Author<'static> {
    let (partnership, parents) = (WORLD.partnership, vec![WORLD.approve.id()]);
    Author { partnership, org: by.org(), node: &by.node, parents, time: NOW }
}

fn by(party: &'static Party, name: &'static str, act: Result<VerifiedAct, ActError>) -> Said {
    (name, &party.node, act.unwrap_or_else(|error| panic!("{name}: {error}")))
}

fn grant(scope: HistoryScope) -> Deed {
    Deed::Grant(HistoryGrant { org: WORLD.bob.org(), scope })
}

fn decided(w: &'static World) -> Vec<Said> {
    let org = w.bob.org();
    let mut places = vec![(w.alice.log_id(), Seq(2)), (w.alice.log_id(), Seq(5)), (w.bob.log_id(), Seq(0))];
    places.sort_unstable();
    let deeds = [
        ("act-decide-role", Deed::Role { org, role: "npm".parse().unwrap() }),
        ("act-decide-steward", Deed::Steward { org, steward: false }),
        ("act-decide-terminate", Deed::Terminate { reason: "The mandate ended.".into() }),
        ("act-decide-grant-all", grant(HistoryScope::All)),
        ("act-decide-grant-from", grant(HistoryScope::From(NOW))),
        ("act-decide-grant-records", grant(HistoryScope::Records(places))),
    ];
    deeds.map(|(name, deed)| by(&w.alice, name, acts::decide(author(&w.alice), deed))).to_vec()
}

fn proposed(w: &'static World) -> Vec<Said> {
    let org = w.bob.org();
    let removal = Remove { org, reason: "Closed.".into(), cutoff: vec![(w.bob.log_id(), Seq(9))] };
    let deeds = [
        ("act-propose-approve", Deed::Approve { join: w.join.id() }),
        ("act-propose-remove", Deed::Remove(removal)),
        ("act-propose-role", Deed::Role { org, role: "npm".parse().unwrap() }),
        ("act-propose-steward", Deed::Steward { org, steward: true }),
        ("act-propose-amend", Deed::Amend(Amend { version: 2, text: amended() })),
        ("act-propose-renew", Deed::Renew { last_day: NOW.plus_days(365) }),
        ("act-propose-terminate", Deed::Terminate { reason: String::new() }),
        ("act-propose-grant", grant(HistoryScope::All)),
    ];
    let mut said =
        deeds.map(|(name, deed)| by(&w.alice, name, acts::propose(author(&w.alice), deed))).to_vec();
    let amend = said[4].2.id();
    said.push(by(&w.bob, "act-sign", acts::sign_proposal(after(&w.bob, amend), amend)));
    said.push(by(&w.alice, "act-withdraw", acts::withdraw(after(&w.alice, amend), amend)));
    let signed = said[8].2.id();
    said.push(by(&w.bob, "act-enact", acts::enact(after(&w.bob, signed), amend)));
    said
}

fn after(party: &'static Party, act: entente_protocol::ids::ActId) -> Author<'static> {
    Author { parents: vec![act], ..author(party) }
}

fn stopped(w: &'static World) -> Vec<Said> {
    let suspend = by(&w.alice, "act-suspend", acts::suspend(author(&w.alice), "Our office was searched."));
    let id = suspend.2.id();
    vec![suspend, by(&w.alice, "act-resume", acts::resume(after(&w.alice, id), id))]
}

/// Of Bob's second node.
pub fn revoking(root: Option<Unverified<Revocation>>) -> RevokeNode {
    RevokeNode {
        node: office_id(),
        reason: "Taken in a raid.".into(),
        seized_at: Some(NOW),
        cutoff: vec![(office_card().log, Seq(3))],
        root,
    }
}

fn nodes(w: &'static World) -> Vec<Said> {
    let place = Office {
        org: w.bob.org(),
        door: derive::door_commitment(&Zeroizing::new([0x32; 32])),
        expires: NOW.plus_days(14),
    };
    let office = by(&w.alice, "act-office", acts::office(author(&w.alice), place));
    let id = office.2.id();
    let asks = Author { node: &OFFICE, ..after(&w.bob, id) };
    let come = acts::add_node(asks, id, &introduced_office(), office_card()).unwrap();
    let unsure = RevokeNode { seized_at: None, cutoff: vec![], ..revoking(None) };
    let alone = acts::revoke_node(after(&w.bob, come.id()), unsure);
    let by_root = acts::revoke_node(after(&w.alice, come.id()), revoking(Some(revocation().to_unverified())));
    let card = MemberCard { log: new_log(), ..w.bob.card(w.partnership) };
    let ended = (w.bob.log_id(), Seq(4));
    let renewed = acts::new_log(author(&w.bob), card, renewal().to_unverified(), ended);
    vec![
        office,
        ("act-add-node", &OFFICE, come),
        by(&w.bob, "act-revoke-node", alone),
        by(&w.alice, "act-revoke-node-by-root", by_root),
        by(&w.bob, "act-new-log", renewed),
    ]
}

fn declared(w: &'static World) -> Vec<Said> {
    let said = Founding {
        name: "Tbilisi",
        agreement: AGREEMENT,
        role: "npm".parse().unwrap(),
        nonce: [0x42; 16],
        time: NOW,
        declaration: Some(declaration(&w.alice, None)),
    };
    let found = acts::found(&w.alice.node, &w.alice.introduced, w.alice.card(NOT_YET), said);
    let accepted = Accepted {
        agreement: w.agreement.hash(),
        role: "cso".parse().unwrap(),
        declaration: Some(declaration(&w.bob, Some(w.partnership))),
    };
    let card = w.bob.card(w.partnership);
    let join = acts::join(after(&w.bob, w.invite.id()), w.invite.id(), &w.bob.introduced, card, accepted);
    let again = acts::declare(author(&w.bob), declaration(&w.bob, Some(w.partnership)));
    vec![
        by(&w.alice, "act-found-declared", found),
        by(&w.bob, "act-join-declared", join),
        by(&w.bob, "act-declare", again),
    ]
}

/// One of Bob's acts, with another deed in it, as an author of bad faith signs it.
pub fn forged(act: Act) -> Vec<u8> {
    let body = acts::ActBody { act, ..WORLD.leave.body().clone() };
    entente_protocol::codec::encode(&sign(body, &WORLD.bob.node).to_unverified())
}
