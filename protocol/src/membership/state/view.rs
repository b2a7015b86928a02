//! Questions to a membership.

use std::collections::BTreeMap;

use super::{MemberNode, Membership, ProposalState};
use crate::agreement::Agreement;
use crate::handling::Role;
use crate::ids::{ActId, LogId, NodeId, OrgId, Timestamp, TransportId};
use crate::limits;
use crate::membership::clauses;

/// Why a member gets no key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoKey {
    /// It is none.
    #[error("it is not a member")]
    NotAMember,
    /// It joined while the agreement was amended, and has not signed the version in force.
    #[error("it has not signed the version of the agreement that is in force")]
    NotSigned,
    /// All its nodes were revoked: there is nobody to give a key to, until it comes back with another.
    #[error("all its nodes were revoked, and it has not come back with another")]
    NoNode,
    /// C5.
    #[error("it has not signed the declaration of confidentiality")]
    NotDeclared,
    /// C5: by the clock of who asks, which may be wrong.
    #[error("its declaration of confidentiality has expired")]
    DeclarationExpired(
        /// When.
        Timestamp,
    ),
}

impl Membership {
    /// May this organisation be given keys now? `now` is the asking node's clock.
    ///
    /// # Errors
    /// [`NoKey`] says why not.
    pub fn may_read(&self, org: &OrgId, now: Timestamp) -> Result<(), NoKey> {
        let member = self.members.get(org).ok_or(NoKey::NotAMember)?;
        if member.nodes.is_empty() {
            return Err(NoKey::NoNode);
        }
        if member.signed != self.agreement.hash() {
            return Err(NoKey::NotSigned);
        }
        if clauses::declaration(&self.agreement, &member.role).is_none() {
            return Ok(());
        }
        match &member.declared {
            None => Err(NoKey::NotDeclared),
            Some(declared) if declared.expires <= now => Err(NoKey::DeclarationExpired(declared.expires)),
            Some(_) => Ok(()),
        }
    }

    /// All nodes of members, each with its organisation.
    pub fn nodes(&self) -> impl Iterator<Item = (OrgId, NodeId, &MemberNode)> {
        self.members.iter().flat_map(|(org, m)| m.nodes.iter().map(move |(id, node)| (*org, *id, node)))
    }

    /// The nodes that may be given keys now.
    pub fn readers(&self, now: Timestamp) -> impl Iterator<Item = (OrgId, NodeId, &MemberNode)> {
        self.nodes().filter(move |(org, _, _)| self.may_read(org, now).is_ok())
    }

    /// A member's node, with its organisation.
    #[must_use]
    pub fn node(&self, id: &NodeId) -> Option<(OrgId, &MemberNode)> {
        self.members.iter().find_map(|(org, member)| Some((*org, member.nodes.get(id)?)))
    }

    /// All nodes that ever were, present ones first: of members, revoked, of former members.
    pub fn nodes_ever(&self) -> impl Iterator<Item = (OrgId, NodeId, &MemberNode)> {
        let revoked = self.revoked.iter().map(|(id, r)| (r.org, *id, &r.node));
        let former =
            self.former.iter().flat_map(|(org, f)| f.nodes.iter().map(move |(id, node)| (*org, *id, node)));
        self.nodes().chain(revoked).chain(former)
    }

    /// Nodes that are members' no more, and the acts that put them out: of those that follow from others as many as
    /// are named at most. Of nodes that were seized there is none: whoever holds them is told nothing.
    #[must_use]
    pub fn parleys(&self) -> BTreeMap<NodeId, Vec<ActId>> {
        let former = self.former.values().flat_map(|f| {
            let returned = f.returned.iter().map(|of| of.card.node);
            f.nodes.keys().copied().chain(returned).map(|id| (id, &f.acts))
        });
        let revoked = self.revoked.iter().map(|(id, r)| (*id, &r.acts));
        let seized = |id: &NodeId| self.revoked.get(id).is_some_and(|r| r.seized_at.is_some());
        former
            .chain(revoked)
            .filter(|(id, _)| !seized(id) && self.node(id).is_none())
            .map(|(id, acts)| (id, acts.iter().take(limits::MAX_ACT_PARENTS).copied().collect()))
            .collect()
    }

    /// Whose log this is in the space of all members; logs that ended, and those of revoked nodes and former
    /// members, included.
    #[must_use]
    pub fn org_of_log(&self, log: &LogId) -> Option<OrgId> {
        let holds = |node: &MemberNode| node.card.log == *log || node.ended.contains_key(log);
        self.nodes_ever().find(|(_, _, node)| holds(node)).map(|(org, _, _)| org)
    }

    /// The member's node behind a transport identity.
    #[must_use]
    pub fn by_transport(&self, transport: &TransportId) -> Option<(OrgId, NodeId)> {
        self.nodes().find(|(_, _, node)| node.card.transport == *transport).map(|(org, id, _)| (org, id))
    }

    /// Each member's role.
    #[must_use]
    pub fn roles(&self) -> BTreeMap<OrgId, Role> {
        self.members.iter().map(|(org, member)| (*org, member.role.clone())).collect()
    }

    /// The agreements that each record must be permitted by: the one in force, and every version that was
    /// proposed, whose narrower limits hold at once.
    pub fn terms(&self) -> impl Iterator<Item = &Agreement> {
        std::iter::once(&*self.agreement).chain(self.pending_terms.values().map(|a| &**a))
    }

    /// Proposals that can be signed.
    pub fn open_proposals(&self) -> impl Iterator<Item = (&ActId, &super::Proposal)> {
        self.proposals.iter().filter(|(_, p)| p.state == ProposalState::Open)
    }

    /// Whether the organisation is a member.
    #[must_use]
    pub fn is_member(&self, org: &OrgId) -> bool {
        self.members.contains_key(org)
    }

    /// Whether the organisation may invite, approve and remove.
    #[must_use]
    pub fn is_steward(&self, org: &OrgId) -> bool {
        self.members.get(org).is_some_and(|member| member.steward)
    }

    /// Those of `orgs` that are members.
    #[must_use]
    pub fn orgs_in(&self, orgs: &[OrgId]) -> Vec<OrgId> {
        orgs.iter().filter(|org| self.is_member(org)).copied().collect()
    }
}
