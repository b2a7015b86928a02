//! One act by the state of its own past: M1 to M3, M6, M7, M13 to M20.

use super::{Admission, Effect, Enacts, Fold, Judged, MAX_DISTANCE, Verdicts};
use crate::handling::Role;
use crate::identity::OrgKind;
use crate::ids::{ActId, NodeId, OrgId};
use crate::kinds;
use crate::membership::acts::{Act, ActBody, AddNode, Deed, Join, RevokeNode, has_role};
use crate::membership::clauses;
use crate::membership::graph::Placed;
use crate::membership::state::{Seniority, VoidReason};

/// The author of an act, as far as its own past knows it.
struct By {
    admission: usize,
    /// The act with which its node came in.
    brought: usize,
    /// What it rests on besides: how its node came in, and how it became a steward.
    needs: Vec<usize>,
    as_steward: bool,
}

impl Fold<'_> {
    /// Judges the act at `place` by the state of its own past, and keeps the state after it.
    pub(super) fn judge_next(&mut self, place: usize) {
        let Some(placed) = self.graph.placed(place) else { return };
        let mut state = self.state_of(&placed.past, &placed.parents);
        match self.judge(&state, place, placed) {
            Err(reason) => self.judged.push(Err(reason)),
            Ok(judged) => {
                self.judged.push(Ok(judged));
                self.note(place);
                self.step(&mut state, place);
                // What its own past does not let through stays void for ever.
                if let (Some(super::Status::Void(reason)), Some(judged)) =
                    (state.get(place), self.judged.get_mut(place))
                {
                    *judged = Err(*reason);
                }
            }
        }
        self.keep(place, state);
    }

    fn judge(&self, state: &Verdicts, place: usize, placed: &Placed) -> Result<Judged, VoidReason> {
        let body = placed.act.body();
        match &body.act {
            Act::Found(_) => Ok(judge_found(place, body)),
            Act::Join(join) => self.judge_join(state, place, body, join),
            Act::Invite(invite) => {
                let by = self.steward(state, body)?;
                self.known_role(state, &invite.role)?;
                Ok(self.by(by, body, Vec::new(), Effect::Invite))
            }
            Act::Approve { join } => {
                let by = self.alone(state, body, &Deed::Approve { join: *join })?;
                let (effect, needs) = self.judge_approve(state, placed, by.admission, join)?;
                Ok(self.by(by, body, needs, effect))
            }
            Act::Remove(remove) => {
                let deed = Deed::Remove(remove.clone());
                let by = self.alone(state, body, &deed)?;
                let (effect, needs) = self.judge_deed(state, placed, by.admission, &deed)?;
                Ok(self.by(by, body, needs, effect))
            }
            Act::Leave { .. } => {
                let by = self.author(state, body)?;
                Ok(self.by(by, body, Vec::new(), Effect::Exclude { org: body.org, leaves: true }))
            }
            Act::Decide(deed) => {
                let by = self.alone(state, body, deed)?;
                let (effect, needs) = self.judge_deed(state, placed, by.admission, deed)?;
                Ok(self.by(by, body, needs, effect))
            }
            Act::Propose(deed) => {
                let by = self.steward(state, body)?;
                // What could not be done now is not worth signing.
                let (_, needs) = self.judge_deed(state, placed, by.admission, deed)?;
                Ok(self.by(by, body, needs, Effect::Propose))
            }
            Act::Sign { proposal } => self.judge_sign(state, body, proposal),
            Act::Withdraw { proposal } => self.judge_withdraw(state, body, proposal),
            Act::Enact { proposal } => self.judge_enact(state, placed, proposal),
            Act::Suspend { .. } => {
                let by = self.author(state, body)?;
                let npm = self.role(state, by.admission).is_some_and(|r| r.as_str() == kinds::NPM);
                let introduced = self.admission(by.admission).and_then(|a| self.entrant(a.entry));
                let introduced = introduced.and_then(|e| e.keys.introduced.as_ref());
                if !npm || introduced.is_none_or(|i| i.organisation().kind != OrgKind::Npm) {
                    return Err(VoidReason::NotAnNpm);
                }
                Ok(self.by(by, body, Vec::new(), Effect::Suspend))
            }
            Act::Resume { suspension } => {
                let by = self.author(state, body)?;
                let place = self.graph.place_of(suspension);
                let suspension = place.filter(|p| self.index.suspensions.contains(p));
                let suspension = suspension.filter(|p| self.effective(state, *p));
                let suspension = suspension.ok_or(VoidReason::NoSuchSuspension)?;
                if self.get(suspension).is_none_or(|j| j.org != body.org) {
                    return Err(VoidReason::NotTheAuthor);
                }
                Ok(self.by(by, body, vec![suspension], Effect::Resume { suspension }))
            }
            Act::Office(office) => {
                let by = self.author(state, body)?;
                if !self.is_member(state, &office.org) {
                    return Err(VoidReason::NobodyThere);
                }
                Ok(self.by(by, body, Vec::new(), Effect::Office))
            }
            Act::AddNode(add) => self.judge_add_node(state, place, body, add),
            Act::RevokeNode(revoke) => self.judge_revoke_node(state, body, revoke),
            Act::NewLog(new) => {
                let by = self.author(state, body)?;
                let now = self.card_of(state, &body.author);
                if now.is_none_or(|card| card.log != new.ended) {
                    return Err(VoidReason::NoSuchLog);
                }
                Ok(self.by(by, body, Vec::new(), Effect::NewLog))
            }
            Act::Declare(_) => {
                let by = self.author(state, body)?;
                let role = self.role(state, by.admission).ok_or(VoidReason::NotAMember)?;
                let wanted = clauses::declaration(self.agreement(state), &role);
                let said = placed.act.declaration();
                let right = wanted.zip(said).is_some_and(|(wanted, said)| clauses::declares(wanted, said));
                if !right {
                    return Err(VoidReason::NothingToDeclare);
                }
                Ok(self.by(by, body, Vec::new(), Effect::Declare))
            }
        }
    }

    fn judge_join(
        &self,
        state: &Verdicts,
        place: usize,
        body: &ActBody,
        join: &Join,
    ) -> Result<Judged, VoidReason> {
        let org = body.org;
        let invitation = self.graph.place_of(&join.invitation).filter(|i| self.effective(state, *i));
        let invitation = invitation.ok_or(VoidReason::NoSuchInvitation)?;
        let Some(Act::Invite(invite)) = self.graph.placed(invitation).map(|p| &p.act.body().act) else {
            return Err(VoidReason::NoSuchInvitation);
        };
        let agreement = self.agreement(state);
        let signed = self.entrant(place).map(|e| e.signature.value());
        let right = signed.is_some_and(|s| s.agreement == agreement.hash() && s.role == invite.role);
        let named = agreement.role_of(&org);
        if !right || named.is_some_and(|r| *r != invite.role) {
            return Err(VoidReason::WrongAgreement);
        }
        if self.is_member(state, &org) {
            return Err(VoidReason::AlreadyMember);
        }
        if self.revocations(state, &body.author).next().is_some() {
            return Err(VoidReason::NodeRevoked);
        }
        let taken = self.index.approvals.get(&invitation).into_iter().flatten();
        if taken.into_iter().any(|p| self.effective(state, *p)) {
            return Err(VoidReason::InvitationUsed);
        }
        Ok(Judged {
            org,
            node: body.author,
            authority: None,
            brought: None,
            rank: None,
            needs: vec![invitation],
            as_steward: false,
            enacts: None,
            effect: Effect::Ask,
        })
    }

    fn judge_approve(
        &self,
        state: &Verdicts,
        placed: &Placed,
        senior: usize,
        join: &ActId,
    ) -> Result<(Effect, Vec<usize>), VoidReason> {
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
        let rank = self.admission(senior).map(|a| a.rank.then(placed.depth, placed.act.id()));
        let rank = rank.filter(|r| r.distance() <= MAX_DISTANCE).ok_or(VoidReason::TooFarFromFounder)?;
        let admission = Admission { org, entry, invitation: Some(invitation), steward, rank };
        Ok((Effect::Admit(admission), vec![entry, invitation]))
    }

    /// What a deed amounts to on the authority of `senior`, whoever carries it, and what it rests on.
    fn judge_deed(
        &self,
        state: &Verdicts,
        placed: &Placed,
        senior: usize,
        deed: &Deed,
    ) -> Result<(Effect, Vec<usize>), VoidReason> {
        let there = |org: &OrgId| {
            if self.is_member(state, org) { Ok(()) } else { Err(VoidReason::NobodyThere) }
        };
        let effect = match deed {
            Deed::Approve { join } => return self.judge_approve(state, placed, senior, join),
            Deed::Remove(remove) => {
                // Proposed by its target it would be a strange proposal, but several sign it.
                if remove.org == placed.act.body().org {
                    return Err(VoidReason::RemovesItself);
                }
                if !self.is_member(state, &remove.org) {
                    return Err(VoidReason::NobodyToRemove);
                }
                Effect::Exclude { org: remove.org, leaves: false }
            }
            Deed::Role { org, role } => {
                there(org)?;
                self.known_role(state, role)?;
                if self.agreement(state).role_of(org).is_some_and(|named| named != role) {
                    return Err(VoidReason::UnknownRole);
                }
                Effect::Role { org: *org, role: role.clone() }
            }
            Deed::Steward { org, steward } => {
                there(org)?;
                Effect::Stewardship { org: *org, steward: *steward }
            }
            Deed::Amend(amend) => {
                if amend.version != self.version(state).saturating_add(1) {
                    return Err(VoidReason::Overtaken);
                }
                let before = self.amendment(state).into_iter().collect();
                return Ok((Effect::Amend { version: amend.version }, before));
            }
            Deed::Renew { .. } => Effect::Renew,
            Deed::Terminate { .. } => Effect::Terminate,
            Deed::Grant(grant) => {
                there(&grant.org)?;
                Effect::Grant { org: grant.org }
            }
        };
        Ok((effect, Vec::new()))
    }

    /// A proposal that was made and not taken back.
    fn proposed(&self, state: &Verdicts, proposal: &ActId) -> Result<(usize, &Deed), VoidReason> {
        let place = self.graph.place_of(proposal).filter(|p| self.effective(state, *p));
        let place = place.ok_or(VoidReason::NoSuchProposal)?;
        let deed = self.deed_of(place).ok_or(VoidReason::NoSuchProposal)?;
        if self.withdrawn(state, place) { Err(VoidReason::Withdrawn) } else { Ok((place, deed)) }
    }

    /// An amendment may be signed after it came into force, too: by who joined at the same time.
    fn judge_sign(&self, state: &Verdicts, body: &ActBody, proposal: &ActId) -> Result<Judged, VoidReason> {
        let (proposal, deed) = self.proposed(state, proposal)?;
        if self.enacted(state, proposal) && !matches!(deed, Deed::Amend(_)) {
            return Err(VoidReason::AlreadyDone);
        }
        let by = if super::proposals::wants_every_member(deed) {
            self.author(state, body)?
        } else {
            self.steward(state, body)?
        };
        if self.signatures(state, proposal).iter().any(|(org, _)| *org == body.org) {
            return Err(VoidReason::AlreadySigned);
        }
        Ok(self.by(by, body, vec![proposal], Effect::Sign { proposal }))
    }

    fn judge_withdraw(
        &self,
        state: &Verdicts,
        body: &ActBody,
        proposal: &ActId,
    ) -> Result<Judged, VoidReason> {
        let by = self.author(state, body)?;
        let (proposal, _) = self.proposed(state, proposal)?;
        if self.get(proposal).is_none_or(|j| j.org != body.org) {
            return Err(VoidReason::NotTheAuthor);
        }
        if self.enacted(state, proposal) {
            return Err(VoidReason::AlreadyDone);
        }
        Ok(self.by(by, body, vec![proposal], Effect::Withdraw { proposal }))
    }

    /// Whoever enacts lends nothing: what it does has the seniority of the most senior who signed.
    fn judge_enact(&self, state: &Verdicts, placed: &Placed, proposal: &ActId) -> Result<Judged, VoidReason> {
        let body = placed.act.body();
        let by = self.author(state, body)?;
        let (proposal, deed) = self.proposed(state, proposal)?;
        if self.enacted(state, proposal) {
            return Err(VoidReason::AlreadyDone);
        }
        let signed = self.signatures(state, proposal);
        let proposer = self.get(proposal).map(|j| j.org).ok_or(VoidReason::NoSuchProposal)?;
        let needed = self.needed(state, &proposer, deed).max(1);
        if signed.len() < needed {
            return Err(VoidReason::TooFewSignatures);
        }
        let admissions = signed.iter().flat_map(|(org, _)| self.live_admissions(state, org));
        let rank_of = |p: &usize| self.admission(*p).map(|a| a.rank.clone());
        let senior = admissions.min_by_key(rank_of).ok_or(VoidReason::TooFewSignatures)?;
        let (effect, mut needs) = self.judge_deed(state, placed, senior, deed)?;
        needs.extend([proposal, senior]);
        let signatures = signed.into_iter().map(|(_, place)| place).collect();
        let mut judged = self.by(by, body, needs, effect);
        judged.rank = rank_of(&senior);
        judged.enacts = Some(Enacts { proposal, signatures, needed });
        Ok(judged)
    }

    /// The root key's certificate admits the node; the office only opened the door.
    fn judge_add_node(
        &self,
        state: &Verdicts,
        place: usize,
        body: &ActBody,
        add: &AddNode,
    ) -> Result<Judged, VoidReason> {
        let office = self.graph.place_of(&add.office).filter(|p| self.effective(state, *p));
        let office = office.ok_or(VoidReason::NoSuchInvitation)?;
        match self.graph.placed(office).map(|p| &p.act.body().act) {
            Some(Act::Office(of)) if of.org == body.org => {}
            _ => return Err(VoidReason::NoSuchInvitation),
        }
        let live = self.live_admissions(state, &body.org);
        let rank_of = |p: &usize| self.admission(*p).map(|a| a.rank.clone());
        let admission = live.into_iter().min_by_key(rank_of).ok_or(VoidReason::NotAMember)?;
        if self.revocations(state, &body.author).next().is_some() {
            return Err(VoidReason::NodeRevoked);
        }
        if self.card_of(state, &body.author).is_some() {
            return Err(VoidReason::AlreadyMember);
        }
        let by = By { admission, brought: place, needs: Vec::new(), as_steward: false };
        Ok(self.by(by, body, vec![office], Effect::AddNode { org: body.org, office }))
    }

    /// By a sibling (or the node itself), by a steward, or by any member that shows the root key's word.
    fn judge_revoke_node(
        &self,
        state: &Verdicts,
        body: &ActBody,
        revoke: &RevokeNode,
    ) -> Result<Judged, VoidReason> {
        let by = self.author(state, body)?;
        let org = self.org_of_node(state, &revoke.node).ok_or(VoidReason::NoSuchNode)?;
        let word = revoke.root.as_ref().and_then(|r| r.verify(&org.0).ok());
        let by_root = word.is_some_and(|w| w.value().organisation == org && w.value().node == revoke.node);
        let effect = Effect::RevokeNode { node: revoke.node, by_root };
        if by_root {
            let mut judged = self.by(by, body, Vec::new(), effect);
            let of_target = self.live_admissions(state, &org).into_iter();
            let rank = of_target.filter_map(|p| self.admission(p).map(|a| a.rank.clone())).min();
            judged.rank = rank.into_iter().chain(judged.rank).min();
            return Ok(judged);
        }
        if org == body.org {
            return Ok(self.by(by, body, Vec::new(), effect));
        }
        let by = self.steward(state, body)?;
        Ok(self.by(by, body, Vec::new(), effect))
    }

    fn known_role(&self, state: &Verdicts, role: &Role) -> Result<(), VoidReason> {
        if has_role(self.agreement(state), role) { Ok(()) } else { Err(VoidReason::UnknownRole) }
    }

    fn by(&self, by: By, body: &ActBody, mut needs: Vec<usize>, effect: Effect) -> Judged {
        needs.push(by.admission);
        needs.extend(by.needs);
        let rank = self.admission(by.admission).map(|a| a.rank.clone());
        Judged {
            org: body.org,
            node: body.author,
            authority: Some(by.admission),
            brought: Some(by.brought),
            rank,
            needs,
            as_steward: by.as_steward,
            enacts: None,
            effect,
        }
    }

    /// A steward whom the agreement lets do this alone.
    fn alone(&self, state: &Verdicts, body: &ActBody, deed: &Deed) -> Result<By, VoidReason> {
        let by = self.steward(state, body)?;
        if self.needed(state, &body.org, deed) > 1 { Err(VoidReason::NeedsSignatures) } else { Ok(by) }
    }

    fn steward(&self, state: &Verdicts, body: &ActBody) -> Result<By, VoidReason> {
        let mut by = self.author(state, body)?;
        let Some(promotion) = self.stewardship(state, by.admission) else {
            return Err(VoidReason::NotASteward);
        };
        by.needs.extend(promotion);
        by.as_steward = true;
        Ok(by)
    }

    /// The admission on which a member's node acts: of several, one with stewardship, and the most senior.
    fn author(&self, state: &Verdicts, body: &ActBody) -> Result<By, VoidReason> {
        let live = self.live_admissions(state, &body.org);
        if live.is_empty() {
            return Err(VoidReason::NotAMember);
        }
        if self.revocations(state, &body.author).next().is_some() {
            return Err(VoidReason::NodeRevoked);
        }
        let key =
            |p: &usize| (self.stewardship(state, *p).is_none(), self.admission(*p).map(|a| a.rank.clone()));
        let brought = |p: &usize| {
            let entry = self.admission(*p).and_then(|a| self.graph.placed(a.entry));
            entry.is_some_and(|e| e.act.body().author == body.author)
        };
        if let Some(admission) = live.iter().copied().filter(brought).min_by_key(key) {
            let brought = self.admission(admission).map_or(admission, |a| a.entry);
            return Ok(By { admission, brought, needs: Vec::new(), as_steward: false });
        }
        let entries = self.node_entries(state, &live);
        let of_node = |p: &usize| self.graph.placed(*p).is_some_and(|e| e.act.body().author == body.author);
        let added = entries.into_iter().find(of_node).ok_or(VoidReason::NotItsNode)?;
        let admission = live.into_iter().min_by_key(key).ok_or(VoidReason::NotAMember)?;
        Ok(By { admission, brought: added, needs: vec![added], as_steward: false })
    }

    /// The card of a present node.
    fn card_of(&self, state: &Verdicts, node: &NodeId) -> Option<&crate::identity::MemberCard> {
        let org = self.org_of_node(state, node)?;
        let entries = self.node_entries(state, &self.live_admissions(state, &org));
        let of_node = |p: &usize| self.graph.placed(*p).is_some_and(|e| e.act.body().author == *node);
        let entry = entries.into_iter().find(of_node)?;
        let place = self.new_log(state, node).unwrap_or(entry);
        Some(self.graph.placed(place)?.act.node_keys()?.card.value())
    }
}

fn judge_found(place: usize, body: &ActBody) -> Judged {
    let rank = Seniority::founder();
    let admission =
        Admission { org: body.org, entry: place, invitation: None, steward: true, rank: rank.clone() };
    Judged {
        org: body.org,
        node: body.author,
        authority: None,
        brought: Some(place),
        rank: Some(rank),
        needs: Vec::new(),
        as_steward: false,
        enacts: None,
        effect: Effect::Admit(admission),
    }
}
