//! What a removal, a demotion or a revocation strikes: M8 to M11, M16, M18.

use super::{Fold, Status, Verdicts};
use crate::ids::{NodeId, OrgId};
use crate::membership::state::VoidReason;

/// Who is cut off.
pub(super) enum Cut {
    /// An organisation, from everything.
    Org(OrgId),
    /// An organisation, from what stewards do.
    Stewardship(OrgId),
    /// A node, from everything.
    Node(NodeId),
}

impl Fold<'_> {
    /// Cuts, unless no steward would remain (M11).
    pub(super) fn unless_last(
        &self,
        state: &mut Verdicts,
        place: usize,
        org: &OrgId,
        cut: Cut,
    ) -> Result<(), VoidReason> {
        if !self.is_steward(state, org) {
            self.cut(state, place, &cut);
            return Ok(());
        }
        let mut trial = state.clone();
        self.cut(&mut trial, place, &cut);
        if !self.index.admissions.keys().any(|org| self.is_steward(&trial, org)) {
            return Err(VoidReason::LastSteward);
        }
        *state = trial;
        Ok(())
    }

    /// Fixes the cut, then voids what it strikes, and whatever rests on that.
    pub(super) fn cut(&self, state: &mut Verdicts, place: usize, cut: &Cut) {
        if let Some(status) = state.get_mut(place) {
            *status = Status::Effective;
        }
        self.fix(state, place);
        let mut voided = Vec::new();
        for (other, reason) in self.struck(place, cut) {
            if self.void(state, other, reason) {
                voided.push(other);
            }
        }
        while let Some(cause) = voided.pop() {
            for dependent in self.index.dependents.get(&cause).into_iter().flatten() {
                if self.void(state, *dependent, VoidReason::RestsOnVoid) {
                    voided.push(*dependent);
                }
            }
            for enactment in self.index.counting.get(&cause).into_iter().flatten() {
                let carried = self.get(*enactment).and_then(|j| j.enacts.as_ref());
                let enough = carried.is_some_and(|e| self.count(state, e) >= e.needed);
                if !enough && self.void(state, *enactment, VoidReason::TooFewSignatures) {
                    voided.push(*enactment);
                }
            }
        }
    }

    /// What was done outside the cut's past (M8), and admissions that it did not know of (M9).
    fn struck(&self, place: usize, cut: &Cut) -> Vec<(usize, VoidReason)> {
        let by = |places: Option<&Vec<usize>>| places.cloned().unwrap_or_default().into_iter();
        match cut {
            Cut::Org(org) => {
                let deeds = by(self.index.by_author.get(org));
                let deeds = deeds.map(|p| (p, self.authors_entry(p), VoidReason::AuthorGone));
                let admissions = by(self.index.admissions.get(org));
                let entry = |p: usize| self.admission(p).map_or(p, |a| a.entry);
                let admissions = admissions.map(|p| (p, entry(p), VoidReason::RemovedMeanwhile));
                let spared = |other: usize, entry: usize| {
                    self.graph.precedes(other, place) || self.graph.precedes(place, entry)
                };
                let all = deeds.chain(admissions);
                all.filter(|(p, entry, _)| !spared(*p, *entry)).map(|(p, _, reason)| (p, reason)).collect()
            }
            Cut::Stewardship(org) => by(self.index.by_author.get(org))
                .filter(|p| self.get(*p).is_some_and(|j| j.as_steward) && self.concurrent(*p, place))
                .map(|p| (p, VoidReason::DemotedMeanwhile))
                .collect(),
            Cut::Node(node) => by(self.index.by_node.get(node))
                .filter(|p| *p != place && !self.graph.precedes(*p, place))
                .map(|p| (p, VoidReason::NodeRevoked))
                .collect(),
        }
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
                let judged = self.get(place).into_iter();
                let signatures = |j: &super::Judged| j.enacts.as_ref().map(|e| e.signatures.clone());
                resting.extend(judged.flat_map(|j| {
                    j.needs.iter().copied().chain(signatures(j).into_iter().flatten()).collect::<Vec<_>>()
                }));
            }
        }
    }
}
