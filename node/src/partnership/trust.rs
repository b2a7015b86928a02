//! How sure this node is of who the members are: what people verified here, and what changed since.
//!
//! A verification is a snapshot of keys: the root key and the nodes of that day. A member that has more nodes
//! now, or bears the name of a verified organisation over another root key, is *changed*: nothing is shared with
//! it until a person has verified it again (R-VER-5, R-VER-6).

use std::collections::BTreeMap;

use entente_protocol::audience::Audience;
use entente_protocol::ids::{NodeId, OrgId, Timestamp};
use entente_protocol::membership::Membership;
use entente_protocol::policy::{Refusal, RefusalCode};

use crate::frames::{Outcome, Verification};

use super::state::State;

/// What people verified in one partnership, and where they had reason for suspicion.
#[derive(Default)]
pub struct Trusts {
    verified: BTreeMap<OrgId, Snapshot>,
    suspect: BTreeMap<OrgId, Suspicion>,
}

struct Snapshot {
    name: String,
    folded: String,
    nodes: Vec<NodeId>,
    when: Timestamp,
}

/// A verification that failed in a way that somebody between the two would cause. It stays until one succeeds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Suspicion {
    /// What happened.
    pub outcome: Outcome,
    /// When, by this node's clock.
    pub when: Timestamp,
}

/// How sure this node is of a member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trust {
    /// Its people read the right code to ours.
    Verified {
        /// When, by this node's clock.
        when: Timestamp,
    },
    /// Another member let it in, and nobody here verified it.
    Introduced {
        /// The steward who approved it.
        by: OrgId,
        /// Did people here verify that steward, and has it not changed since?
        by_verified: bool,
    },
    /// Nobody vouches for it: it founded the partnership, or we let it in ourselves.
    Unverified,
    /// Something changed since people here verified an organisation of this key or name.
    Changed {
        /// What.
        change: Change,
        /// When they verified it.
        since: Timestamp,
    },
}

/// What changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// It has nodes that it did not have then.
    Nodes(Vec<NodeId>),
    /// The organisation of this name that was verified has another root key, this one.
    OtherKey(OrgId),
}

/// [`Trust`], and whether there is a reason for suspicion.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trusted {
    /// How sure.
    pub trust: Trust,
    /// The last attempt that failed in a suspicious way, if none succeeded since.
    pub suspicion: Option<Suspicion>,
}

impl Trusts {
    /// Takes in what came of a verification; the later counts.
    pub fn note(&mut self, of: &Verification) {
        if of.outcome == Outcome::Codes {
            self.suspect.remove(&of.org);
            let snapshot = Snapshot {
                name: of.name.clone(),
                folded: folded(&of.name),
                nodes: of.nodes.clone(),
                when: of.when,
            };
            self.verified.insert(of.org, snapshot);
        } else {
            self.suspect.insert(of.org, Suspicion { outcome: of.outcome, when: of.when });
        }
    }

    /// When this member was verified and has not changed since.
    fn verified(&self, membership: &Membership, org: &OrgId) -> Option<Timestamp> {
        let when = self.verified.get(org)?.when;
        self.change(membership, org).is_none().then_some(when)
    }

    /// What changed of this member, and when it, or who bore its name, was verified.
    fn change(&self, membership: &Membership, org: &OrgId) -> Option<(Change, Timestamp)> {
        let member = membership.members.get(org)?;
        if let Some(then) = self.verified.get(org) {
            let new = |node: &&NodeId| !then.nodes.contains(node);
            let added: Vec<NodeId> = member.nodes.keys().filter(new).copied().collect();
            return (!added.is_empty()).then_some((Change::Nodes(added), then.when));
        }
        let name = folded(&member.organisation.name);
        let (of, then) = self.verified.iter().find(|(_, then)| then.folded == name)?;
        Some((Change::OtherKey(*of), then.when))
    }
}

/// How sure this node is of each member, our own organisation apart.
#[must_use]
pub fn of_all(state: &State) -> BTreeMap<OrgId, Trusted> {
    let membership = &state.membership;
    let me = state.me.org();
    let of = |org: &OrgId| {
        if let Some((change, since)) = state.trust.change(membership, org) {
            return Trust::Changed { change, since };
        }
        if let Some(when) = state.trust.verified(membership, org) {
            return Trust::Verified { when };
        }
        match membership.members.get(org).map(|member| member.introduced_by) {
            Some(by) if by != me && by != *org => {
                let by_verified = state.trust.verified(membership, &by).is_some();
                Trust::Introduced { by, by_verified }
            }
            _ => Trust::Unverified,
        }
    };
    let trusted = |org: &OrgId| {
        let suspicion = state.trust.suspect.get(org).copied();
        (*org, Trusted { trust: of(org), suspicion })
    };
    membership.members.keys().filter(|org| **org != me).map(trusted).collect()
}

/// R-VER-6: why a record for this audience may not be shared: a reader's keys changed since they were verified.
#[must_use]
pub fn refusals(state: &State, audience: &Audience) -> Vec<Refusal> {
    let membership = &state.membership;
    let me = state.me.org();
    let reads = |org: &OrgId| match audience {
        Audience::Everyone => *org != me,
        Audience::Named(readers) => *org != me && readers.orgs().contains(org),
    };
    let changed = |org: &OrgId| Some((*org, state.trust.change(membership, org)?.0));
    let changed = membership.members.keys().filter(|org| reads(org)).filter_map(changed);
    changed.map(|(org, change)| refusal(state, &org, &change)).collect()
}

fn refusal(state: &State, org: &OrgId, change: &Change) -> Refusal {
    let membership = &state.membership;
    let name = membership.members.get(org).map_or_else(|| org.short(), |m| m.organisation.name.clone());
    let what = match change {
        Change::Nodes(added) if added.len() == 1 => format!("{name} has another node since you verified it"),
        Change::Nodes(added) => format!("{name} has {} more nodes since you verified it", added.len()),
        Change::OtherKey(of) => {
            let verified = state.trust.verified.get(of).map_or(name.as_str(), |then| &then.name);
            format!(
                "a member with the key {} is called {name}, like {verified}, whom you verified with another key",
                org.short()
            )
        }
    };
    let partnership = state.id.short();
    let reason = format!(
        "{what}: call a person there whom you know, on a number that you had before, and type `entente member \
         verify {partnership} {}` at both ends; or name other readers",
        org.short()
    );
    Refusal { code: RefusalCode::Verify, reason }
}

/// A name as people hear it: without case, space around or repeated, or characters that nobody sees. Letters of
/// other scripts that look alike stay different.
fn folded(name: &str) -> String {
    let unseen = |c: &char| {
        matches!(*c, '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
    };
    let seen: String = name.chars().filter(|c| !unseen(c)).collect();
    seen.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use ed25519_dalek::SigningKey;
    use entente_protocol::agreement::{Form, templates::template};
    use entente_protocol::audience::NamedReaders;
    use entente_protocol::identity::{OrgKind, introduce};
    use entente_protocol::membership::ActGraph;
    use entente_protocol::membership::acts::{self, Founding};

    use super::*;
    use crate::me::Me;
    use crate::secrets::PartnershipSecrets;

    const OTHER: OrgId = OrgId([7; 32]);

    /// A founder, and another member with two nodes.
    fn state() -> State {
        let key = SigningKey::from_bytes(&[2; 32]);
        let node = NodeId(key.verifying_key().to_bytes());
        let root = SigningKey::from_bytes(&[1; 32]);
        let introduced = introduce(&root, "An NPM", OrgKind::Npm, "GE", node, Timestamp(1)).unwrap();
        let me = Me { introduced, key };
        let secrets = PartnershipSecrets::fresh(acts::NOT_YET).unwrap();
        let card = super::super::card(&me, &secrets, acts::NOT_YET, &[]).unwrap();
        let agreement = template(Form::Formal);
        let role = "npm".parse().unwrap();
        let (nonce, time, declaration) = ([3; 16], Timestamp(2), None);
        let said = Founding { name: "Prevention", agreement, role, nonce, time, declaration };
        let found = acts::found(&me.key, &me.introduced, card, said).unwrap();
        let mut state = State::new(Arc::new(me), secrets, ActGraph::founded(found).unwrap());
        let membership = Arc::make_mut(&mut state.membership);
        let mut other = membership.members.values().next().unwrap().clone();
        other.organisation.id = OTHER;
        other.organisation.name = "Rights".into();
        other.introduced_by = OTHER;
        let of = other.nodes.values().next().unwrap().clone();
        other.nodes = [NodeId([8; 32]), NodeId([9; 32])].map(|node| (node, of.clone())).into();
        membership.members.insert(OTHER, other);
        state
    }

    fn verification(state: &State, org: OrgId, name: &str, nodes: &[u8], outcome: Outcome) -> Verification {
        let nodes = nodes.iter().map(|n| NodeId([*n; 32])).collect();
        Verification { partnership: state.id, org, name: name.into(), nodes, outcome, when: Timestamp(5) }
    }

    fn of_other(state: &State) -> Trusted {
        of_all(state).remove(&OTHER).unwrap()
    }

    #[test]
    fn what_changed_since_a_verification_is_told() {
        let when = Timestamp(5);
        let changed = |change| Trust::Changed { change, since: when };
        let cases = [
            (OTHER, "Rights", &[8, 9][..], Trust::Verified { when }),
            // A node that is gone makes nobody less sure of those that are left.
            (OTHER, "Rights", &[4, 8, 9], Trust::Verified { when }),
            (OTHER, "Rights", &[9], changed(Change::Nodes(vec![NodeId([8; 32])]))),
            (OTHER, "Rights", &[], changed(Change::Nodes(vec![NodeId([8; 32]), NodeId([9; 32])]))),
            (OrgId([6; 32]), "RIGHTS", &[8, 9], changed(Change::OtherKey(OrgId([6; 32])))),
            (OrgId([6; 32]), "Watch", &[8, 9], Trust::Unverified),
        ];
        for (org, name, nodes, trust) in cases {
            let mut state = state();
            state.trust.note(&verification(&state, org, name, nodes, Outcome::Codes));
            assert_eq!(of_other(&state).trust, trust);
            let blocked = matches!(trust, Trust::Changed { .. });
            let named = Audience::Named(NamedReaders::new([OTHER]).unwrap());
            for audience in [Audience::Everyone, named] {
                let refused = refusals(&state, &audience);
                assert_eq!(!refused.is_empty(), blocked, "{refused:?}");
                assert!(refused.iter().all(|r| r.code == RefusalCode::Verify), "{refused:?}");
            }
            let elsewhere = Audience::Named(NamedReaders::new([OrgId([5; 32])]).unwrap());
            assert!(refusals(&state, &elsewhere).is_empty(), "others are not held up");
            state.trust.note(&verification(&state, OTHER, "Rights", &[8, 9], Outcome::Codes));
            assert_eq!(of_other(&state).trust, Trust::Verified { when }, "verified again");
        }
    }

    #[test]
    fn a_suspicion_stays_until_a_verification_succeeds() {
        let mut state = state();
        for outcome in [Outcome::WrongCodes, Outcome::KeysDiffer] {
            state.trust.note(&verification(&state, OTHER, "Rights", &[8, 9], outcome));
            assert_eq!(of_other(&state).suspicion.map(|s| s.outcome), Some(outcome));
            assert_eq!(of_other(&state).trust, Trust::Unverified);
        }
        state.trust.note(&verification(&state, OTHER, "Rights", &[8, 9], Outcome::Codes));
        assert_eq!(of_other(&state).suspicion, None);
    }

    #[test]
    fn names_that_people_hear_alike_are_alike() {
        for name in
            ["rights georgia", " Rights  Georgia ", "RIGHTS GEORGIA", "Rights\u{200b} Georgia\u{2060}"]
        {
            assert_eq!(folded(name), "rights georgia", "{name:?}");
        }
        assert_ne!(folded("Rights Georgia II"), "rights georgia");
        assert_eq!(folded("ΔΊΚΗ"), folded("δίκη"));
    }
}
