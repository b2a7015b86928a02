//! The judgement: from the set of acts to the membership. The rules are those of the module's doc.
//!
//! What an act does is decided by very little: for each act, whether it is effective. [`Verdicts`] holds
//! that for some set of acts; everything else (who is a member, which invitation is used) is read off
//! it through indexes of the acts judged so far. So a state is a small vector, cheap to copy where histories
//! fork.
//!
//! Order: [`Fold::apply_all`] takes the best act by [`Fold::precedence`], puts before it whatever it follows
//! (in the same manner), and goes on. Two properties carry everything: causes come before effects, and an act
//! that follows all others comes last, so that `state(past + act) = step(state(past), act)`.

mod exclude;
mod folded;
mod index;
mod judge;
mod proposals;
mod standing;
mod undone;

use crate::handling::Role;
use crate::ids::{ActId, NodeId, OrgId};
use crate::limits;
use crate::membership::acts::Entrant;
use crate::membership::graph::{ActGraph, Places};
use crate::membership::state::{Seniority, VoidReason};

pub(super) use folded::Entry;
pub(super) use proposals::wants_every_member;

use exclude::Cut;
use index::Index;

/// Approvals between the founder and a member: seniority is compared along them, so they have a bound. A
/// partnership hands stewardship on a few times in its life.
pub const MAX_DISTANCE: usize = 64;
/// States kept for histories that fork. Honest forks are as many as sites cut off at once.
const MAX_KEPT_STATES: usize = 64;

/// Where an act stands in some set of acts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Status {
    /// Not in the set, or refused by its own past.
    Absent,
    /// It counts.
    Effective,
    /// It counts, and an applied removal is it or rests on it, so nothing applied later voids it (M8).
    Fixed,
    /// It does not count.
    Void(VoidReason),
}

/// The status of each act, by place.
pub(super) type Verdicts = Vec<Status>;

/// What an act that its own past allows amounts to.
struct Judged {
    org: OrgId,
    node: NodeId,
    /// The admission on which its author acts: the founding act or an approval. None for found and join.
    authority: Option<usize>,
    /// The act with which its author's node came in.
    brought: Option<usize>,
    /// Whose seniority it has: its author's, or the most senior signer's. None for a join, whose author is no
    /// member.
    rank: Option<Seniority>,
    /// The acts that it rests on.
    needs: Vec<usize>,
    /// Whether only stewards may.
    as_steward: bool,
    /// The signatures that carry it, where it enacts a proposal.
    enacts: Option<Enacts>,
    effect: Effect,
}

/// A proposal with its signatures, as the act that enacts it counts them.
struct Enacts {
    proposal: usize,
    /// The proposal itself, for its author, and the acts that sign it.
    signatures: Vec<usize>,
    needed: usize,
}

enum Effect {
    Admit(Admission),
    Ask,
    Invite,
    Exclude { org: OrgId, leaves: bool },
    Stewardship { org: OrgId, steward: bool },
    Role { org: OrgId, role: Role },
    Propose,
    Sign { proposal: usize },
    Withdraw { proposal: usize },
    Amend { version: u32 },
    Renew,
    Terminate,
    Grant { org: OrgId },
    Suspend,
    Resume { suspension: usize },
    Office,
    AddNode { org: OrgId, office: usize },
    RevokeNode { node: NodeId, by_root: bool },
    NewLog,
    Declare,
}

/// An approval, or the founding act, which admits its author.
struct Admission {
    org: OrgId,
    /// The act that the organisation entered by: the join, or the founding act itself.
    entry: usize,
    invitation: Option<usize>,
    steward: bool,
    rank: Seniority,
}

/// What orders acts, in this order: not a cut, without rank, rank, what its author does to itself or its own
/// nodes first, the root key's word first, the author's node, depth, id.
type Precedence<'a> = (bool, bool, Option<&'a Seniority>, bool, bool, Option<(u32, ActId)>, u32, ActId);

/// The acts, and what was learnt of them so far.
pub(super) struct Fold<'g> {
    graph: &'g ActGraph,
    judged: Vec<Result<Judged, VoidReason>>,
    kept: std::collections::BTreeMap<usize, Verdicts>,
    room: usize,
    index: Index,
}

/// All acts judged, and their state.
pub(super) struct Folded<'g> {
    pub(super) fold: Fold<'g>,
    pub(super) verdicts: Verdicts,
}

impl Fold<'_> {
    fn keep(&mut self, place: usize, state: Verdicts) {
        self.kept.insert(place, state);
        if self.kept.len() > self.room {
            self.kept.pop_first();
        }
    }

    /// The state that a set of acts, closed under parents, amounts to.
    fn state_of(&mut self, set: &Places, heads: &[usize]) -> Verdicts {
        if let [only] = heads {
            // Copied only where the history forks.
            let last_use = self.graph.placed(*only).is_some_and(|p| p.children <= 1);
            let kept = if last_use { self.kept.remove(only) } else { self.kept.get(only).cloned() };
            if let Some(state) = kept {
                return state;
            }
        }
        let (mut state, rest) = self.nearest(set);
        self.apply_all(&mut state, rest);
        state
    }

    /// The latest kept state at an act such that everything else in the set is before or after that act; and
    /// what comes after. Without one, nothing and everything.
    fn nearest(&self, set: &Places) -> (Verdicts, Vec<usize>) {
        for (neck, state) in self.kept.iter().rev().filter(|(neck, _)| set.has(**neck)) {
            if let Some(rest) = self.after_neck(set, *neck) {
                return (state.clone(), rest);
            }
        }
        (vec![Status::Absent; self.graph.len()], set.iter().collect())
    }

    fn after_neck(&self, set: &Places, neck: usize) -> Option<Vec<usize>> {
        let mut before = self.graph.placed(neck)?.past.clone();
        before.add(neck);
        let rest = set.without(&before);
        rest.iter().all(|place| self.graph.precedes(neck, *place)).then_some(rest)
    }

    fn apply_all(&self, state: &mut Verdicts, places: Vec<usize>) {
        let mut allowed: Vec<usize> = places.into_iter().filter(|p| self.get(*p).is_some()).collect();
        allowed.sort_by(|a, b| self.precedence(*a).cmp(&self.precedence(*b)));
        let mut done = vec![false; self.graph.len()];
        self.apply_in_order(state, &allowed, &mut done);
    }

    /// Recursion is bounded by the number of ranks: what an act pulls before itself and is not yet done is
    /// less senior than it.
    fn apply_in_order(&self, state: &mut Verdicts, sorted: &[usize], done: &mut [bool]) {
        for &place in sorted {
            if done.get(place).copied().unwrap_or(true) {
                continue;
            }
            let open = |p: &usize| self.graph.precedes(*p, place) && !done.get(*p).copied().unwrap_or(true);
            let first: Vec<usize> = sorted.iter().copied().filter(open).collect();
            if !first.is_empty() {
                self.apply_in_order(state, &first, done);
            }
            self.step(state, place);
            if let Some(done) = done.get_mut(place) {
                *done = true;
            }
        }
    }

    /// Less is earlier: cuts (removals, departures, demotions, revocations) first, by seniority; a departure
    /// before what else its author does, a revocation before what the revoked node does. Of two nodes of one
    /// organisation the one that came first is senior. The id at the end parts only concurrent acts of one
    /// node (and joins, which do not compete).
    fn precedence(&self, place: usize) -> Option<Precedence<'_>> {
        let (judged, placed) = (self.get(place)?, self.graph.placed(place)?);
        let (cuts, first, root) = match judged.effect {
            Effect::Exclude { leaves, .. } => (true, leaves, false),
            Effect::Stewardship { steward: false, .. } => (true, false, false),
            Effect::RevokeNode { by_root, .. } => (true, true, by_root),
            _ => (false, false, false),
        };
        let rank = judged.rank.as_ref();
        let node = judged.brought.and_then(|p| self.order(p));
        Some((!cuts, rank.is_none(), rank, !first, !root, node, placed.depth, placed.act.id()))
    }

    /// Applies one act to the state of some set of acts: M4, M5, M8 to M11, and what follows them.
    fn step(&self, state: &mut Verdicts, place: usize) {
        let Some(judged) = self.get(place) else { return };
        let outcome = self.outcome(state, place, judged);
        if let Some(status) = state.get_mut(place) {
            match outcome {
                Err(reason) => *status = Status::Void(reason),
                Ok(()) if *status != Status::Fixed => *status = Status::Effective,
                Ok(()) => {}
            }
        }
    }

    fn outcome(&self, state: &mut Verdicts, place: usize, judged: &Judged) -> Result<(), VoidReason> {
        self.author_stands(state, place, judged)?;
        if judged.needs.iter().any(|need| !self.effective(state, *need)) {
            return Err(VoidReason::RestsOnVoid);
        }
        if let Some(enacts) = &judged.enacts {
            self.may_enact(state, place, enacts)?;
        }
        match &judged.effect {
            Effect::Admit(admission) => self.check_admission(state, admission),
            Effect::Exclude { org, .. } => self.unless_last(state, place, org, Cut::Org(*org)),
            Effect::Stewardship { org, steward: false } => {
                self.unless_last(state, place, org, Cut::Stewardship(*org))
            }
            Effect::Stewardship { org, .. } | Effect::Role { org, .. } | Effect::Grant { org } => {
                if self.is_member(state, org) { Ok(()) } else { Err(VoidReason::NobodyThere) }
            }
            Effect::RevokeNode { node, .. } => {
                self.cut(state, place, &Cut::Node(*node));
                Ok(())
            }
            Effect::Amend { version } => {
                if *version == self.version(state) + 1 {
                    Ok(())
                } else {
                    Err(VoidReason::Overtaken)
                }
            }
            Effect::AddNode { org, office } => self.check_added(state, place, org, *office),
            Effect::NewLog => self.check_keys(state, place, judged.org, judged.node),
            Effect::Withdraw { proposal } if self.enacted(state, *proposal) => Err(VoidReason::AlreadyDone),
            Effect::Ask
            | Effect::Invite
            | Effect::Propose
            | Effect::Sign { .. }
            | Effect::Withdraw { .. }
            | Effect::Renew
            | Effect::Terminate
            | Effect::Suspend
            | Effect::Resume { .. }
            | Effect::Office
            | Effect::Declare => Ok(()),
        }
    }

    /// M8, M16, M18: what was removed, revoked or demoted meanwhile does nothing.
    fn author_stands(&self, state: &Verdicts, place: usize, judged: &Judged) -> Result<(), VoidReason> {
        let entry = self.authors_entry(place);
        let gone = |e: usize| !self.graph.precedes(e, entry);
        if self.exclusions(state, &judged.org).any(gone) {
            return Err(VoidReason::AuthorGone);
        }
        let revoked = |r: usize| r != place && !self.graph.precedes(place, r);
        if self.revocations(state, &judged.node).any(revoked) {
            return Err(VoidReason::NodeRevoked);
        }
        let demoted = |d: usize| d != place && self.concurrent(d, place);
        if judged.as_steward && self.demotions(state, &judged.org).any(demoted) {
            return Err(VoidReason::DemotedMeanwhile);
        }
        Ok(())
    }

    fn check_admission(&self, state: &Verdicts, admission: &Admission) -> Result<(), VoidReason> {
        let late = |e: usize| !self.graph.precedes(e, admission.entry);
        if self.exclusions(state, &admission.org).any(late) {
            return Err(VoidReason::RemovedMeanwhile);
        }
        let of_another = |place: &usize| {
            self.effective(state, *place) && self.admission(*place).is_some_and(|a| a.org != admission.org)
        };
        let rivals = admission.invitation.and_then(|i| self.index.approvals.get(&i));
        if rivals.is_some_and(|rivals| rivals.iter().any(of_another)) {
            return Err(VoidReason::InvitationUsed);
        }
        let node = self.graph.placed(admission.entry).map(|p| p.act.body().author);
        let node = node.ok_or(VoidReason::NoSuchJoin)?;
        self.check_keys(state, admission.entry, admission.org, node)?;
        self.check_room(state)
    }

    /// M5: a node, transport or log key has one owner, for ever.
    fn check_keys(&self, state: &Verdicts, entry: usize, org: OrgId, node: NodeId) -> Result<(), VoidReason> {
        let of_another = |(place, whose, of): &(usize, OrgId, NodeId)| {
            self.effective(state, *place) && (*whose != org || *of != node)
        };
        let taken = |key: &[u8; 32]| self.index.keys.get(key).is_some_and(|who| who.iter().any(of_another));
        if self.keys_of(entry).iter().any(taken) { Err(VoidReason::KeyInUse) } else { Ok(()) }
    }

    fn check_room(&self, state: &Verdicts) -> Result<(), VoidReason> {
        // Counting costs time, and matters only where there may be too many.
        if self.index.admitted >= limits::MAX_NODES && self.nodes_now(state) >= limits::MAX_NODES {
            return Err(VoidReason::Full);
        }
        Ok(())
    }

    /// M15: one node for an office door, with keys of its own.
    fn check_added(
        &self,
        state: &Verdicts,
        place: usize,
        org: &OrgId,
        office: usize,
    ) -> Result<(), VoidReason> {
        let node = self.get(place).map(|j| j.node).ok_or(VoidReason::NoSuchNode)?;
        let added = self.index.added.get(org).into_iter().flatten();
        let used = added.filter(|p| **p != place && self.effective(state, **p)).any(|p| {
            let other = self.get(*p);
            other.is_some_and(|o| {
                matches!(o.effect, Effect::AddNode { office: of, .. } if of == office) && o.node != node
            })
        });
        if used {
            return Err(VoidReason::InvitationUsed);
        }
        self.check_keys(state, place, *org, node)?;
        self.check_room(state)
    }

    /// The act by which an act's author entered; of a join and the founding act, itself.
    fn authors_entry(&self, place: usize) -> usize {
        let authority = self.get(place).and_then(|j| j.authority);
        authority.and_then(|a| self.admission(a)).map_or(place, |a| a.entry)
    }

    fn get(&self, place: usize) -> Option<&Judged> {
        self.judged.get(place)?.as_ref().ok()
    }

    fn admission(&self, place: usize) -> Option<&Admission> {
        match &self.get(place)?.effect {
            Effect::Admit(admission) => Some(admission),
            _ => None,
        }
    }

    fn entrant(&self, place: usize) -> Option<&Entrant> {
        self.graph.placed(place)?.act.entrant()
    }

    fn keys_of(&self, entry: usize) -> Vec<[u8; 32]> {
        let keys = self.graph.placed(entry).and_then(|p| p.act.node_keys());
        let card = keys.map(|k| k.card.value());
        card.map(|c| vec![c.node.0, c.transport.0, c.log.0]).unwrap_or_default()
    }

    /// Whether neither act is in the other's past.
    fn concurrent(&self, a: usize, b: usize) -> bool {
        a != b && !self.graph.precedes(a, b) && !self.graph.precedes(b, a)
    }
}
