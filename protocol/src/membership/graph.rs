//! The set of acts that a node holds, each after its parents. Sets only grow; whether an act has any effect
//! is judged by [`super::Membership::of`], never here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::agreement::Agreement;
use crate::derive;
use crate::ids::{ActId, OrgId, PartnershipId};
use crate::limits;
use crate::membership::acts::{Act, Deed, VerifiedAct};

/// What became of an act that was offered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Inserted {
    /// It is new, and now here.
    New,
    /// It was here before.
    Known,
    /// These parents must come first; the act was not kept.
    Missing(Vec<ActId>),
}

/// Why an act can never be in this graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// A graph begins with a founding act.
    #[error("act {0}: not a founding act")]
    NotFounding(ActId),
    /// Of another partnership, or founding one.
    #[error("act {0}: of another partnership")]
    OtherPartnership(ActId),
    /// No more fit.
    #[error("act {0}: the partnership has {max} membership acts, more are not kept", max = limits::MAX_ACTS)]
    Full(ActId),
}

/// An act in its place.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub act: Arc<VerifiedAct>,
    /// The length of the longest path to the founding act, which no author can shorten below its parents'.
    pub depth: u32,
    pub parents: Vec<usize>,
    pub children: usize,
    /// All acts before this one, as a set of places.
    pub past: Places,
}

/// The acts of one partnership, closed under parents. Clones share the acts.
#[derive(Clone, Debug)]
pub struct ActGraph {
    partnership: PartnershipId,
    name: String,
    agreement: Arc<Agreement>,
    placed: Vec<Placed>,
    places: BTreeMap<ActId, usize>,
    tally: Tally,
}

/// Who made how many acts: for bounding them without walking the graph.
#[derive(Clone, Debug, Default)]
struct Tally {
    /// Acts by the organisation that made them.
    acts: BTreeMap<OrgId, usize>,
    /// Joins by the invitation that they answer.
    joins: BTreeMap<ActId, usize>,
    /// Founders, and who somebody approved or proposed to approve, whatever became of it.
    let_in: BTreeSet<OrgId>,
}

impl ActGraph {
    /// Begins with the founding act. Who was invited compares the partnership's id with the invitation's.
    ///
    /// # Errors
    /// [`GraphError::NotFounding`] where the act is another.
    pub fn founded(act: VerifiedAct) -> Result<ActGraph, GraphError> {
        let (Act::Found(found), Some(agreement)) = (&act.body().act, act.agreement()) else {
            return Err(GraphError::NotFounding(act.id()));
        };
        let mut graph = ActGraph {
            partnership: derive::partnership_id(&act.id()),
            name: found.name.clone(),
            agreement: Arc::new(agreement.clone()),
            placed: Vec::new(),
            places: BTreeMap::new(),
            tally: Tally::default(),
        };
        graph.place(act, Vec::new());
        Ok(graph)
    }

    /// Takes an act whose parents are here.
    ///
    /// # Errors
    /// [`GraphError`] where no later arrival could make it acceptable.
    pub fn insert(&mut self, act: VerifiedAct) -> Result<Inserted, GraphError> {
        let id = act.id();
        if self.places.contains_key(&id) {
            return Ok(Inserted::Known);
        }
        if act.body().partnership != Some(self.partnership) {
            return Err(GraphError::OtherPartnership(id));
        }
        if self.placed.len() >= limits::MAX_ACTS {
            return Err(GraphError::Full(id));
        }
        let wanted = &act.body().parents;
        let missing: Vec<ActId> = wanted.iter().filter(|p| !self.places.contains_key(p)).copied().collect();
        if !missing.is_empty() {
            return Ok(Inserted::Missing(missing));
        }
        let parents: Vec<usize> = wanted.iter().filter_map(|p| self.places.get(p).copied()).collect();
        self.place(act, parents);
        Ok(Inserted::New)
    }

    fn place(&mut self, act: VerifiedAct, parents: Vec<usize>) {
        let place = self.placed.len();
        let mut past = Places::default();
        let mut depth = 0;
        for &parent in &parents {
            if let Some(p) = self.placed.get_mut(parent) {
                p.children += 1;
                depth = depth.max(p.depth.saturating_add(1));
                past.add_all(&p.past);
                past.add(parent);
            }
        }
        self.count(&act);
        self.places.insert(act.id(), place);
        self.placed.push(Placed { act: Arc::new(act), depth, parents, children: 0, past });
    }

    fn count(&mut self, act: &VerifiedAct) {
        let org = act.body().org;
        let acts = self.tally.acts.entry(org).or_default();
        *acts = acts.saturating_add(1);
        let approved = match &act.body().act {
            Act::Found(_) => Some(org),
            Act::Join(join) => {
                let joins = self.tally.joins.entry(join.invitation).or_default();
                *joins = joins.saturating_add(1);
                None
            }
            Act::Approve { join } => self.joiner(join),
            Act::Decide(deed) | Act::Propose(deed) => match &**deed {
                Deed::Approve { join } => self.joiner(join),
                _ => None,
            },
            _ => None,
        };
        self.tally.let_in.extend(approved);
    }

    fn joiner(&self, join: &ActId) -> Option<OrgId> {
        let act = self.get(join)?.body();
        matches!(act.act, Act::Join(_)).then_some(act.org)
    }

    /// How many acts here an organisation made.
    #[must_use]
    pub fn acts_of(&self, org: &OrgId) -> usize {
        self.tally.acts.get(org).copied().unwrap_or_default()
    }

    /// All organisations that made acts here, and how many.
    pub fn authors(&self) -> impl Iterator<Item = (&OrgId, usize)> {
        self.tally.acts.iter().map(|(org, acts)| (org, *acts))
    }

    /// How many requests here answer an invitation.
    #[must_use]
    pub fn joins_for(&self, invitation: &ActId) -> usize {
        self.tally.joins.get(invitation).copied().unwrap_or_default()
    }

    /// Whether an organisation founded the partnership, or somebody approved its request or proposed to, with
    /// effect or without. An honest organisation acts only after that; so the acts that honest members build
    /// on are by such organisations.
    #[must_use]
    pub fn was_let_in(&self, org: &OrgId) -> bool {
        self.tally.let_in.contains(org)
    }

    /// The partnership.
    #[must_use]
    pub fn partnership(&self) -> PartnershipId {
        self.partnership
    }

    /// What it was founded as.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The agreement it was founded on.
    pub(super) fn agreement(&self) -> &Agreement {
        &self.agreement
    }

    /// The same, to be shared.
    pub(super) fn founded_on(&self) -> &Arc<Agreement> {
        &self.agreement
    }

    /// How many acts there are; never none.
    #[must_use]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.placed.len()
    }

    /// An act.
    #[must_use]
    pub fn get(&self, id: &ActId) -> Option<&VerifiedAct> {
        self.placed(*self.places.get(id)?).map(|p| &*p.act)
    }

    /// Whether an act is here.
    #[must_use]
    pub fn contains(&self, id: &ActId) -> bool {
        self.places.contains_key(id)
    }

    /// The acts that no other act follows, sorted: the parents of the next act. Where there are more than
    /// an act may name, the deepest.
    #[must_use]
    pub fn heads(&self) -> Vec<ActId> {
        let mut heads: Vec<&Placed> = self.placed.iter().filter(|p| p.children == 0).collect();
        heads.sort_by_key(|p| (core::cmp::Reverse(p.depth), p.act.id()));
        let mut ids: Vec<ActId> = heads.iter().take(limits::MAX_ACT_PARENTS).map(|p| p.act.id()).collect();
        ids.sort_unstable();
        ids
    }

    /// All acts before this one, sorted; `None` where the act is not here.
    #[must_use]
    pub fn ancestors(&self, id: &ActId) -> Option<Vec<ActId>> {
        let past = &self.placed(*self.places.get(id)?)?.past;
        let mut ids: Vec<ActId> = past.iter().filter_map(|p| self.placed(p)).map(|p| p.act.id()).collect();
        ids.sort_unstable();
        Some(ids)
    }

    /// What somebody with these heads lacks, every act after its parents. Heads that are unknown here count
    /// for nothing; the same acts come in the same order wherever they are held.
    #[must_use]
    pub fn missing_from(&self, their_heads: &[ActId]) -> Vec<ActId> {
        let theirs = self.with_past(their_heads);
        let mut lacking: Vec<(u32, ActId)> = (0..self.placed.len())
            .filter(|place| !theirs.has(*place))
            .filter_map(|place| self.placed(place))
            .map(|p| (p.depth, p.act.id()))
            .collect();
        lacking.sort_unstable();
        lacking.into_iter().map(|(_, id)| id).collect()
    }

    /// What somebody with these heads lacks of some acts and what they follow, every act after its parents. Acts
    /// that are unknown here count for nothing.
    #[must_use]
    pub fn missing_up_to(&self, their_heads: &[ActId], up_to: &[ActId]) -> Vec<ActId> {
        let shown = self.with_past(up_to);
        let shown = |id: &ActId| self.places.get(id).is_some_and(|place| shown.has(*place));
        self.missing_from(their_heads).into_iter().filter(shown).collect()
    }

    fn with_past(&self, heads: &[ActId]) -> Places {
        let mut places = Places::default();
        for place in heads.iter().filter_map(|id| self.places.get(id).copied()) {
            places.add(place);
            if let Some(head) = self.placed(place) {
                places.add_all(&head.past);
            }
        }
        places
    }

    /// All acts, each after its parents.
    pub fn iter(&self) -> impl Iterator<Item = &VerifiedAct> {
        self.placed.iter().map(|p| &*p.act)
    }

    /// All places, and those that nothing follows.
    pub(super) fn everything(&self) -> (Places, Vec<usize>) {
        let mut all = Places::default();
        (0..self.placed.len()).for_each(|place| all.add(place));
        let heads = self.placed.iter().enumerate().filter(|(_, p)| p.children == 0).map(|(place, _)| place);
        (all, heads.collect())
    }

    pub(super) fn placed(&self, place: usize) -> Option<&Placed> {
        self.placed.get(place)
    }

    pub(super) fn place_of(&self, id: &ActId) -> Option<usize> {
        self.places.get(id).copied()
    }

    /// Whether `earlier` is in the causal past of `later`.
    pub(super) fn precedes(&self, earlier: usize, later: usize) -> bool {
        self.placed(later).is_some_and(|p| p.past.has(earlier))
    }
}

/// A set of places: 64 to a word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Places(Vec<u64>);

impl Places {
    pub fn add(&mut self, place: usize) {
        let word = place / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if let Some(bits) = self.0.get_mut(word) {
            *bits |= 1 << (place % 64);
        }
    }

    pub fn add_all(&mut self, other: &Places) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (bits, more) in self.0.iter_mut().zip(&other.0) {
            *bits |= more;
        }
    }

    pub fn has(&self, place: usize) -> bool {
        self.0.get(place / 64).is_some_and(|bits| bits >> (place % 64) & 1 == 1)
    }

    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(word, bits)| ones(word, *bits))
    }

    /// Those that are not in `other`, in order.
    pub fn without(&self, other: &Places) -> Vec<usize> {
        let words = self.0.iter().enumerate();
        words.flat_map(|(w, bits)| ones(w, bits & !other.0.get(w).copied().unwrap_or(0))).collect()
    }
}

fn ones(word: usize, mut bits: u64) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let bit = bits.trailing_zeros() as usize;
        bits &= bits.checked_sub(1)?;
        Some(word * 64 + bit)
    })
}
