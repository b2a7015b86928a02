//! One act by the state of its own past: M1 to M3, M6, M7.

use std::collections::BTreeSet;

use super::{Admission, Deed, Fold, Judged, MAX_DISTANCE, Verdicts};
use crate::handling::Role;
use crate::ids::{ActId, OrgId};
use crate::membership::acts::{Act, Join, has_role};
use crate::membership::graph::Placed;
use crate::membership::state::{Seniority, VoidReason};

impl Fold<'_> {
    pub(super) fn judge(
        &self,
        state: &Verdicts,
        place: usize,
        placed: &Placed,
    ) -> Result<Judged, VoidReason> {
        let body = placed.act.body();
        match &body.act {
            Act::Found(_) => Ok(self.judge_found(place, body.org)),
            Act::Join(join) => self.judge_join(state, place, body.org, join),
            Act::Invite(invite) => {
                let by = self.steward(state, placed)?;
                if !has_role(self.graph.agreement(), &invite.role) {
                    return Err(VoidReason::UnknownRole);
                }
                Ok(self.by_member(by, body.org, Vec::new(), Deed::Invite))
            }
            Act::Approve { join } => self.judge_approve(state, placed, join),
            Act::Remove(remove) => {
                let by = self.steward(state, placed)?;
                if remove.org == body.org {
                    return Err(VoidReason::RemovesItself);
                }
                if !self.is_member(state, &remove.org) {
                    return Err(VoidReason::NobodyToRemove);
                }
                let deed = Deed::Exclude { org: remove.org, leaves: false };
                Ok(self.by_member(by, body.org, Vec::new(), deed))
            }
            Act::Leave {} => {
                let by = self.author(state, placed)?;
                Ok(self.by_member(by, body.org, Vec::new(), Deed::Exclude { org: body.org, leaves: true }))
            }
        }
    }

    fn judge_found(&self, place: usize, org: OrgId) -> Judged {
        let rank = Seniority::founder();
        let admission = Admission { org, entry: place, invitation: None, steward: true, rank: rank.clone() };
        Judged { org, authority: None, rank: Some(rank), needs: Vec::new(), deed: Deed::Admit(admission) }
    }

    fn judge_join(
        &self,
        state: &Verdicts,
        place: usize,
        org: OrgId,
        join: &Join,
    ) -> Result<Judged, VoidReason> {
        let invitation = self.graph.place_of(&join.invitation).filter(|i| self.effective(state, *i));
        let invitation = invitation.ok_or(VoidReason::NoSuchInvitation)?;
        let Some(Act::Invite(invite)) = self.graph.placed(invitation).map(|p| &p.act.body().act) else {
            return Err(VoidReason::NoSuchInvitation);
        };
        let signed = self.entrant(place).map(|e| e.signature.value());
        let right =
            |agreement, role: &Role| agreement == self.graph.agreement().hash() && *role == invite.role;
        let named = self.graph.agreement().role_of(&org);
        if !signed.is_some_and(|s| right(s.agreement, &s.role)) || named.is_some_and(|r| *r != invite.role) {
            return Err(VoidReason::WrongAgreement);
        }
        if self.is_member(state, &org) {
            return Err(VoidReason::AlreadyMember);
        }
        let taken = self.index.approvals.get(&invitation).into_iter().flatten();
        if taken.into_iter().any(|p| self.effective(state, *p)) {
            return Err(VoidReason::InvitationUsed);
        }
        Ok(Judged { org, authority: None, rank: None, needs: vec![invitation], deed: Deed::Ask })
    }

    fn judge_approve(&self, state: &Verdicts, placed: &Placed, join: &ActId) -> Result<Judged, VoidReason> {
        let by = self.steward(state, placed)?;
        let entry = self.graph.place_of(join).filter(|j| self.effective(state, *j));
        let entry = entry.ok_or(VoidReason::NoSuchJoin)?;
        let Some(Act::Join(asked)) = self.graph.placed(entry).map(|p| &p.act.body().act) else {
            return Err(VoidReason::NoSuchJoin);
        };
        let org = self.get(entry).map(|j| j.org).ok_or(VoidReason::NoSuchJoin)?;
        if self.is_member(state, &org) {
            return Err(VoidReason::AlreadyMember);
        }
        let invitation = self.graph.place_of(&asked.invitation);
        let invitation = invitation.ok_or(VoidReason::NoSuchInvitation)?;
        let invite = self.graph.placed(invitation).map(|p| &p.act.body().act);
        let steward = matches!(invite, Some(Act::Invite(invite)) if invite.steward);
        let rank = self.admission(by).map(|a| a.rank.then(placed.depth, placed.act.id()));
        let rank = rank.filter(|r| r.distance() <= MAX_DISTANCE).ok_or(VoidReason::TooFarFromFounder)?;
        let admission = Admission { org, entry, invitation: Some(invitation), steward, rank };
        let author = placed.act.body().org;
        Ok(self.by_member(by, author, vec![entry, invitation], Deed::Admit(admission)))
    }

    fn by_member(&self, authority: usize, org: OrgId, mut needs: Vec<usize>, deed: Deed) -> Judged {
        needs.push(authority);
        let rank = self.admission(authority).map(|a| a.rank.clone());
        Judged { org, authority: Some(authority), rank, needs, deed }
    }

    /// The admission on which a steward acts.
    fn steward(&self, state: &Verdicts, placed: &Placed) -> Result<usize, VoidReason> {
        let admission = self.author(state, placed)?;
        let steward = self.admission(admission).is_some_and(|a| a.steward);
        if steward { Ok(admission) } else { Err(VoidReason::NotASteward) }
    }

    /// The admission on which a member's node acts: of several, one with stewardship, and the most senior.
    fn author(&self, state: &Verdicts, placed: &Placed) -> Result<usize, VoidReason> {
        let body = placed.act.body();
        let live: BTreeSet<usize> = self
            .index
            .admissions
            .get(&body.org)
            .into_iter()
            .flatten()
            .copied()
            .filter(|p| self.live(state, *p))
            .collect();
        if live.is_empty() {
            return Err(VoidReason::NotAMember);
        }
        let of_node = |p: &usize| {
            let entry = self.admission(*p).and_then(|a| self.entrant(a.entry));
            entry.is_some_and(|e| e.introduced.node() == body.author)
        };
        let key = |p: &usize| self.admission(*p).map(|a| (!a.steward, a.rank.clone()));
        live.into_iter().filter(of_node).min_by_key(key).ok_or(VoidReason::NotItsNode)
    }
}
