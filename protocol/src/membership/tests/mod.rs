//! Organisations with keys, and copies of a graph between which acts are carried by hand.

mod attacks;
mod cost;
mod governed;
mod governing;
mod history;
mod offices;
mod pairings;
mod properties;
mod rules;

use ed25519_dalek::SigningKey;

use super::acts::{self, Author, Founding, Invite, NOT_YET, VerifiedAct};
use super::{ActGraph, Inserted, Membership, Verdict, VoidReason};
use crate::agreement::Form;
use crate::agreement::templates::template;
use crate::epoch::PREKEY_LEN;
use crate::handling::Role;
use crate::identity::{Introduced, MemberCard, OrgKind, introduce};
use crate::ids::{ActId, Hash, LogId, NodeId, OrgId, PartnershipId, Timestamp, TransportId};

/// An organisation with one node.
pub struct Org {
    pub node: SigningKey,
    pub introduced: Introduced,
    n: u16,
    nth: u8,
}

impl Org {
    pub fn new(n: u16) -> Org {
        Org::of_kind(n, OrgKind::Cso)
    }

    pub fn npm(n: u16) -> Org {
        Org::of_kind(n, OrgKind::Npm)
    }

    pub fn root(&self) -> SigningKey {
        let [low, high] = self.n.to_le_bytes();
        SigningKey::from_bytes(&[low, high, 1, 0, 0, 0, 0, 0].repeat(4).try_into().unwrap())
    }

    /// Another node of the same organisation: its keys have another filler.
    pub fn second_node(&self, nth: u8) -> Org {
        let [low, high] = self.n.to_le_bytes();
        let node = SigningKey::from_bytes(&[low, high, 2, nth, 0, 0, 0, 0].repeat(4).try_into().unwrap());
        let id = NodeId(node.verifying_key().to_bytes());
        let name = format!("Org {}", self.n);
        let kind = self.introduced.organisation().kind;
        let introduced = introduce(&self.root(), &name, kind, "GE", id, Timestamp(1)).unwrap();
        Org { node, introduced, n: self.n, nth }
    }

    fn of_kind(n: u16, kind: OrgKind) -> Org {
        let [low, high] = n.to_le_bytes();
        let node = SigningKey::from_bytes(&[low, high, 2, 0, 0, 0, 0, 0].repeat(4).try_into().unwrap());
        let root = SigningKey::from_bytes(&[low, high, 1, 0, 0, 0, 0, 0].repeat(4).try_into().unwrap());
        let id = NodeId(node.verifying_key().to_bytes());
        let introduced = introduce(&root, &format!("Org {n}"), kind, "GE", id, Timestamp(1)).unwrap();
        Org { node, introduced, n, nth: 0 }
    }

    fn filler(&self, kind: u8) -> [u8; 32] {
        let [low, high] = self.n.to_le_bytes();
        [low, high, kind, self.nth].repeat(8).try_into().unwrap()
    }

    pub fn id(&self) -> OrgId {
        self.introduced.org()
    }

    pub fn node_id(&self) -> NodeId {
        self.introduced.node()
    }

    pub fn log(&self) -> LogId {
        LogId(self.filler(1))
    }

    pub fn card(&self, partnership: PartnershipId) -> MemberCard {
        MemberCard {
            partnership,
            node: self.node_id(),
            transport: TransportId(self.filler(2)),
            log: self.log(),
            prekey: vec![self.n as u8; PREKEY_LEN],
            addresses: vec![format!("192.0.2.{}:4001", self.n % 256)],
        }
    }

    pub fn author(&self, graph: &ActGraph) -> Author<'_> {
        Author {
            partnership: graph.partnership(),
            org: self.id(),
            node: &self.node,
            parents: graph.heads(),
            time: Timestamp(1_000),
        }
    }

    pub fn invite(&self, graph: &ActGraph, steward: bool) -> VerifiedAct {
        self.invite_by_door(graph, steward, 0)
    }

    pub fn invite_by_door(&self, graph: &ActGraph, steward: bool, door: u16) -> VerifiedAct {
        let expires = Timestamp(2_000);
        let invite = Invite { door: Hash([door as u8; 32]), role: cso(), steward, expires };
        acts::invite(self.author(graph), invite).unwrap()
    }

    pub fn join(&self, graph: &ActGraph, invitation: &VerifiedAct) -> VerifiedAct {
        let hash = Membership::of(graph).agreement.hash();
        let card = self.card(graph.partnership());
        acts::join(self.author(graph), invitation.id(), &self.introduced, card, accepted(hash, cso()))
            .unwrap()
    }

    pub fn approve(&self, graph: &ActGraph, join: &VerifiedAct) -> VerifiedAct {
        acts::approve(self.author(graph), join.id()).unwrap()
    }

    pub fn remove(&self, graph: &ActGraph, org: &Org) -> VerifiedAct {
        acts::remove(self.author(graph), org.id(), "reason", []).unwrap()
    }

    pub fn leave(&self, graph: &ActGraph) -> VerifiedAct {
        acts::leave(self.author(graph), []).unwrap()
    }
}

pub fn accepted(agreement: Hash, role: Role) -> acts::Accepted {
    acts::Accepted { agreement, role, declaration: None }
}

pub fn cso() -> Role {
    "cso".parse().unwrap()
}

pub fn found(founder: &Org) -> VerifiedAct {
    found_on(founder, template(Form::Formal), cso())
}

pub fn found_on(founder: &Org, agreement: &str, role: Role) -> VerifiedAct {
    let said =
        Founding { name: "Tbilisi", agreement, role, nonce: [7; 16], time: Timestamp(1), declaration: None };
    acts::found(&founder.node, &founder.introduced, founder.card(NOT_YET), said).unwrap()
}

pub fn founded(founder: &Org) -> ActGraph {
    ActGraph::founded(found(founder)).unwrap()
}

/// Founded under the formal template and these clauses.
pub fn founded_with(founder: &Org, clauses: &str) -> ActGraph {
    let text = format!("{}\n{clauses}", template(Form::Formal));
    ActGraph::founded(found_on(founder, &text, cso())).unwrap()
}

pub fn put(act: &VerifiedAct, graph: &mut ActGraph) {
    assert_eq!(graph.insert(act.clone()).unwrap(), Inserted::New);
}

/// Invites, joins and approves, one after the other.
pub fn admit(graph: &mut ActGraph, by: &Org, who: &Org, steward: bool) -> VerifiedAct {
    let invite = by.invite_by_door(graph, steward, who.n);
    put(&invite, graph);
    let join = who.join(graph, &invite);
    put(&join, graph);
    let approve = by.approve(graph, &join);
    put(&approve, graph);
    approve
}

/// Everything that either holds.
pub fn merged(a: &ActGraph, b: &ActGraph) -> ActGraph {
    let mut all = a.clone();
    for id in b.missing_from(&a.heads()) {
        all.insert(b.get(&id).unwrap().clone()).unwrap();
    }
    all
}

pub fn names(membership: &Membership) -> Vec<String> {
    let mut names: Vec<String> = membership.members.values().map(|m| m.organisation.name.clone()).collect();
    names.sort();
    names
}

pub fn verdict(graph: &ActGraph, act: &VerifiedAct) -> Verdict {
    *Membership::of(graph).verdicts.get(&act.id()).unwrap()
}

pub fn assert_void(graph: &ActGraph, act: &VerifiedAct, reason: VoidReason) {
    assert_eq!(verdict(graph, act), Verdict::Void(reason));
}

pub fn assert_effective(graph: &ActGraph, act: &VerifiedAct) {
    assert_eq!(verdict(graph, act), Verdict::Effective);
}

pub fn parents(ids: &[&VerifiedAct]) -> Vec<ActId> {
    ids.iter().map(|act| act.id()).collect()
}
