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

mod judge;

use std::collections::BTreeMap;

use crate::ids::{ActId, OrgId};
use crate::limits;
use crate::membership::acts::Entrant;
use crate::membership::graph::{ActGraph, Places};
use crate::membership::state::{Seniority, VoidReason};

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
type Verdicts = Vec<Status>;

/// What an act that its own past allows amounts to.
struct Judged {
    org: OrgId,
    /// The admission on which its author acts: the founding act or an approval. None for found and join.
    authority: Option<usize>,
    /// None for a join, whose author is no member.
    rank: Option<Seniority>,
    /// The acts that it rests on.
    needs: Vec<usize>,
    deed: Deed,
}

enum Deed {
    Admit(Admission),
    Ask,
    Invite,
    Exclude { org: OrgId, leaves: bool },
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

/// What orders acts, in this order: not an exclusion, without rank, rank, not a departure, depth, id.
type Precedence<'a> = (bool, bool, Option<&'a Seniority>, bool, u32, ActId);

/// The acts, and what was learnt of them so far.
pub(super) struct Fold<'g> {
    graph: &'g ActGraph,
    judged: Vec<Result<Judged, VoidReason>>,
    kept: BTreeMap<usize, Verdicts>,
    room: usize,
    index: Index,
}

/// Judged acts, by what is asked of them.
#[derive(Default)]
struct Index {
    by_author: BTreeMap<OrgId, Vec<usize>>,
    admissions: BTreeMap<OrgId, Vec<usize>>,
    exclusions: BTreeMap<OrgId, Vec<usize>>,
    approvals: BTreeMap<usize, Vec<usize>>,
    dependents: BTreeMap<usize, Vec<usize>>,
    keys: BTreeMap<[u8; 32], Vec<usize>>,
    stewards: Vec<usize>,
    admitted: usize,
}

/// All acts judged, and their state.
pub(super) struct Folded<'g> {
    fold: Fold<'g>,
    verdicts: Verdicts,
}

impl<'g> Folded<'g> {
    pub fn of(graph: &'g ActGraph) -> Folded<'g> {
        Folded::keeping(graph, MAX_KEPT_STATES)
    }

    /// The number of states kept changes the time it takes, and nothing else.
    pub fn keeping(graph: &'g ActGraph, room: usize) -> Folded<'g> {
        let (judged, kept, index) = (Vec::new(), BTreeMap::new(), Index::default());
        let mut fold = Fold { graph, judged, kept, room, index };
        for place in 0..graph.len() {
            fold.judge_next(place);
        }
        let (all, heads) = graph.everything();
        let verdicts = fold.state_of(&all, &heads);
        Folded { fold, verdicts }
    }

    pub fn effective(&self, place: usize) -> bool {
        self.fold.effective(&self.verdicts, place)
    }

    pub fn void_reason(&self, place: usize) -> Option<VoidReason> {
        match (self.fold.judged.get(place), self.verdicts.get(place)) {
            (Some(Err(reason)), _) | (_, Some(Status::Void(reason))) => Some(*reason),
            _ => None,
        }
    }

    /// Every organisation that was ever admitted, with its effective admissions, best first.
    pub fn admissions(&self) -> impl Iterator<Item = (OrgId, Vec<Entry>)> {
        self.fold.index.admissions.iter().map(|(org, places)| {
            let mut entries: Vec<Entry> = places.iter().filter_map(|p| self.entry(*p)).collect();
            entries.sort_by(|a, b| a.rank.cmp(&b.rank));
            (*org, entries)
        })
    }

    fn entry(&self, place: usize) -> Option<Entry> {
        let admission = self.fold.admission(place).filter(|_| self.effective(place))?;
        Some(Entry {
            place,
            entry: admission.entry,
            steward: admission.steward,
            rank: admission.rank.clone(),
            live: self.fold.live(&self.verdicts, place),
        })
    }

    /// The effective removals and departures of an organisation.
    pub fn exclusions(&self, org: &OrgId) -> Vec<usize> {
        self.fold.exclusions(&self.verdicts, org).collect()
    }

    /// Who took the invitation at this place.
    pub fn used_by(&self, invitation: usize) -> Option<OrgId> {
        let approvals = self.fold.index.approvals.get(&invitation)?;
        let taken = approvals.iter().find(|p| self.effective(**p))?;
        self.fold.admission(*taken).map(|a| a.org)
    }
}

/// An effective admission, as the state shows it.
pub(super) struct Entry {
    pub place: usize,
    pub entry: usize,
    pub steward: bool,
    pub rank: Seniority,
    /// Whether no effective removal or departure ended it.
    pub live: bool,
}

impl Fold<'_> {
    /// Judges the act at `place` by the state of its own past, and keeps the state after it.
    fn judge_next(&mut self, place: usize) {
        let Some(placed) = self.graph.placed(place) else { return };
        let mut state = self.state_of(&placed.past, &placed.parents);
        match self.judge(&state, place, placed) {
            Err(reason) => self.judged.push(Err(reason)),
            Ok(judged) => {
                self.judged.push(Ok(judged));
                self.note(place);
                self.step(&mut state, place);
                // What its own past does not let through stays void for ever.
                if let (Some(Status::Void(reason)), Some(judged)) =
                    (state.get(place), self.judged.get_mut(place))
                {
                    *judged = Err(*reason);
                }
            }
        }
        self.keep(place, state);
    }

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

    /// Less is earlier: removals and departures first, by the author's seniority, a departure before what
    /// else its author does. The id at the end parts only concurrent acts of one organisation (and joins,
    /// which do not compete).
    fn precedence(&self, place: usize) -> Option<Precedence<'_>> {
        let (judged, placed) = (self.get(place)?, self.graph.placed(place)?);
        let (excludes, leaves) = match judged.deed {
            Deed::Exclude { leaves, .. } => (true, leaves),
            _ => (false, false),
        };
        let rank = judged.rank.as_ref();
        Some((!excludes, rank.is_none(), rank, !leaves, placed.depth, placed.act.id()))
    }

    /// Applies one act to the state of some set of acts: M4, M5, M8 to M11.
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
        let entry = self.authors_entry(place);
        let gone = |e: usize| !self.graph.precedes(e, entry);
        if self.exclusions(state, &judged.org).any(gone) {
            return Err(VoidReason::AuthorGone);
        }
        if judged.needs.iter().any(|need| !self.effective(state, *need)) {
            return Err(VoidReason::RestsOnVoid);
        }
        match &judged.deed {
            Deed::Admit(admission) => self.check_admission(state, admission),
            Deed::Exclude { org, .. } => self.exclude(state, place, org),
            Deed::Ask | Deed::Invite => Ok(()),
        }
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
        let taken = |key: &[u8; 32]| self.index.keys.get(key).is_some_and(|who| who.iter().any(of_another));
        if self.keys_of(admission.entry).iter().any(taken) {
            return Err(VoidReason::KeyInUse);
        }
        if self.index.admitted >= limits::MAX_NODES && self.members(state) >= limits::MAX_NODES {
            return Err(VoidReason::Full);
        }
        Ok(())
    }

    fn exclude(&self, state: &mut Verdicts, place: usize, org: &OrgId) -> Result<(), VoidReason> {
        let steward = |p: &usize| {
            self.effective(state, *p) && self.admission(*p).is_some_and(|a| a.org == *org && a.steward)
        };
        if !self.index.stewards.iter().any(steward) {
            self.apply_exclusion(state, place, org);
            return Ok(());
        }
        let mut trial = state.clone();
        self.apply_exclusion(&mut trial, place, org);
        if !self.index.stewards.iter().any(|p| self.live(&trial, *p)) {
            return Err(VoidReason::LastSteward);
        }
        *state = trial;
        Ok(())
    }

    /// Fixes the removal, then voids what its target did outside its past and whoever was let in so (M8),
    /// and admissions of the target that it did not know of (M9).
    fn apply_exclusion(&self, state: &mut Verdicts, place: usize, org: &OrgId) {
        if let Some(status) = state.get_mut(place) {
            *status = Status::Effective;
        }
        self.fix(state, place);
        let deeds = self.index.by_author.get(org).into_iter().flatten();
        let deeds = deeds.map(|p| (*p, self.authors_entry(*p), VoidReason::AuthorGone));
        let admissions = self.index.admissions.get(org).into_iter().flatten();
        let entry = |p: usize| self.admission(p).map_or(p, |a| a.entry);
        let admissions = admissions.map(|p| (*p, entry(*p), VoidReason::RemovedMeanwhile));
        let mut voided = Vec::new();
        for (other, entry, reason) in deeds.chain(admissions) {
            let spared = self.graph.precedes(other, place) || self.graph.precedes(place, entry);
            if !spared && self.void(state, other, reason) {
                voided.push(other);
            }
        }
        while let Some(cause) = voided.pop() {
            for dependent in self.index.dependents.get(&cause).into_iter().flatten() {
                if self.void(state, *dependent, VoidReason::RestsOnVoid) {
                    voided.push(*dependent);
                }
            }
        }
    }

    /// The act by which an act's author entered; of a join and the founding act, itself.
    fn authors_entry(&self, place: usize) -> usize {
        let authority = self.get(place).and_then(|j| j.authority);
        authority.and_then(|a| self.admission(a)).map_or(place, |a| a.entry)
    }

    fn void(&self, state: &mut Verdicts, place: usize, reason: VoidReason) -> bool {
        match state.get_mut(place) {
            Some(status @ Status::Effective) => {
                *status = Status::Void(reason);
                true
            }
            _ => false,
        }
    }

    fn fix(&self, state: &mut Verdicts, place: usize) {
        let mut resting = vec![place];
        while let Some(place) = resting.pop() {
            if let Some(status @ Status::Effective) = state.get_mut(place) {
                *status = Status::Fixed;
                resting.extend(self.get(place).into_iter().flat_map(|judged| &judged.needs));
            }
        }
    }

    fn get(&self, place: usize) -> Option<&Judged> {
        self.judged.get(place)?.as_ref().ok()
    }

    fn admission(&self, place: usize) -> Option<&Admission> {
        match &self.get(place)?.deed {
            Deed::Admit(admission) => Some(admission),
            _ => None,
        }
    }

    fn effective(&self, state: &Verdicts, place: usize) -> bool {
        matches!(state.get(place), Some(Status::Effective | Status::Fixed))
    }

    fn exclusions<'a>(&'a self, state: &'a Verdicts, org: &OrgId) -> impl Iterator<Item = usize> + 'a {
        let known = self.index.exclusions.get(org).into_iter().flatten().copied();
        known.filter(|place| self.effective(state, *place))
    }

    /// Whether an admission holds: effective, and entered after every effective removal of its organisation.
    fn live(&self, state: &Verdicts, place: usize) -> bool {
        self.effective(state, place)
            && self.admission(place).is_some_and(|admission| {
                self.exclusions(state, &admission.org).all(|e| self.graph.precedes(e, admission.entry))
            })
    }

    fn is_member(&self, state: &Verdicts, org: &OrgId) -> bool {
        self.index.admissions.get(org).is_some_and(|places| places.iter().any(|p| self.live(state, *p)))
    }

    fn members(&self, state: &Verdicts) -> usize {
        self.index.admissions.keys().filter(|org| self.is_member(state, org)).count()
    }

    fn entrant(&self, place: usize) -> Option<&Entrant> {
        self.graph.placed(place)?.act.entrant()
    }

    fn keys_of(&self, entry: usize) -> Vec<[u8; 32]> {
        let card = self.entrant(entry).map(|e| e.card.value());
        card.map(|c| vec![c.node.0, c.transport.0, c.log.0]).unwrap_or_default()
    }

    /// Enters a judged act into the indexes.
    fn note(&mut self, place: usize) {
        let Some(Ok(judged)) = self.judged.get(place) else { return };
        let keys = match &judged.deed {
            Deed::Admit(admission) => self.keys_of(admission.entry),
            _ => Vec::new(),
        };
        let index = &mut self.index;
        index.by_author.entry(judged.org).or_default().push(place);
        for need in &judged.needs {
            index.dependents.entry(*need).or_default().push(place);
        }
        match &judged.deed {
            Deed::Admit(admission) => {
                index.admitted += 1;
                index.admissions.entry(admission.org).or_default().push(place);
                if let Some(invitation) = admission.invitation {
                    index.approvals.entry(invitation).or_default().push(place);
                }
                if admission.steward {
                    index.stewards.push(place);
                }
                for key in keys {
                    index.keys.entry(key).or_default().push(place);
                }
            }
            Deed::Exclude { org, .. } => index.exclusions.entry(*org).or_default().push(place),
            Deed::Ask | Deed::Invite => {}
        }
    }
}
