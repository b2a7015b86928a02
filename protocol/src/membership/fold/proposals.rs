//! Proposals: who may sign, who has, and when it is enough (M17).

use super::{Enacts, Fold, Verdicts};
use crate::agreement::Agreement;
use crate::ids::OrgId;
use crate::membership::acts::{Act, Deed};
use crate::membership::clauses;
use crate::membership::state::VoidReason;

impl Fold<'_> {
    /// How many signatures a deed wants: of stewards as the agreement says, or of every member.
    pub(in crate::membership) fn needed(&self, state: &Verdicts, by: &OrgId, deed: &Deed) -> usize {
        if wants_every_member(deed) {
            return self.members(state).count();
        }
        // A steward steps down alone.
        if matches!(deed, Deed::Steward { org, steward: false } if org == by) {
            return 1;
        }
        let of_steward = matches!(deed, Deed::Remove(remove) if self.is_steward(state, &remove.org));
        let agreement: &Agreement = self.agreement(state);
        // Counting stewards costs time: only where several have to sign.
        clauses::needed(agreement, deed, of_steward, || self.stewards(state).count())
    }

    /// The acts that sign a proposal and count here, the proposal itself first, each of another organisation
    /// that may sign.
    pub(in crate::membership) fn signatures(&self, state: &Verdicts, proposal: usize) -> Vec<(OrgId, usize)> {
        let Some(deed) = self.deed_of(proposal) else { return Vec::new() };
        let signing = self.counting(state, self.index.signatures.get(&proposal));
        let mut signing: Vec<usize> = signing.collect();
        signing.sort_by_key(|p| self.order(*p));
        let mut signed: Vec<(OrgId, usize)> = Vec::new();
        for place in std::iter::once(proposal).chain(signing) {
            let Some(org) = self.get(place).map(|j| j.org) else { continue };
            let may = if wants_every_member(deed) {
                self.is_member(state, &org)
            } else {
                self.is_steward(state, &org)
            };
            if may && !signed.iter().any(|(of, _)| *of == org) {
                signed.push((org, place));
            }
        }
        signed
    }

    /// The deed that an act proposes.
    pub(in crate::membership) fn deed_of(&self, proposal: usize) -> Option<&Deed> {
        match &self.graph.placed(proposal)?.act.body().act {
            Act::Propose(deed) => Some(deed),
            _ => None,
        }
    }

    pub(super) fn count(&self, state: &Verdicts, enacts: &Enacts) -> usize {
        enacts.signatures.iter().filter(|p| self.effective(state, **p)).count()
    }

    pub(in crate::membership) fn enacted(&self, state: &Verdicts, proposal: usize) -> bool {
        self.counting(state, self.index.enactments.get(&proposal)).next().is_some()
    }

    pub(in crate::membership) fn withdrawn(&self, state: &Verdicts, proposal: usize) -> bool {
        self.counting(state, self.index.withdrawals.get(&proposal)).next().is_some()
    }

    pub(super) fn may_enact(
        &self,
        state: &Verdicts,
        place: usize,
        enacts: &Enacts,
    ) -> Result<(), VoidReason> {
        if self.count(state, enacts) < enacts.needed {
            return Err(VoidReason::TooFewSignatures);
        }
        if self.withdrawn(state, enacts.proposal) {
            return Err(VoidReason::Withdrawn);
        }
        let others = self.counting(state, self.index.enactments.get(&enacts.proposal));
        if others.into_iter().any(|other| other != place) {
            return Err(VoidReason::AlreadyDone);
        }
        Ok(())
    }
}

/// Amending and renewing bind everybody, so everybody signs.
pub(in crate::membership) fn wants_every_member(deed: &Deed) -> bool {
    matches!(deed, Deed::Amend(_) | Deed::Renew { .. })
}
