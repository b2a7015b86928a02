//! Judged acts, by what is asked of them.

use std::collections::BTreeMap;

use super::{Effect, Fold};
use crate::ids::{NodeId, OrgId};

/// Places of judged acts. What is in it was allowed by its own past; whether it counts, a state says.
#[derive(Default)]
pub(super) struct Index {
    pub by_author: BTreeMap<OrgId, Vec<usize>>,
    pub by_node: BTreeMap<NodeId, Vec<usize>>,
    pub admissions: BTreeMap<OrgId, Vec<usize>>,
    pub exclusions: BTreeMap<OrgId, Vec<usize>>,
    /// By invitation.
    pub approvals: BTreeMap<usize, Vec<usize>>,
    /// By an act that they rest on.
    pub dependents: BTreeMap<usize, Vec<usize>>,
    /// By a signature that they count.
    pub counting: BTreeMap<usize, Vec<usize>>,
    pub keys: BTreeMap<[u8; 32], Vec<(usize, OrgId, NodeId)>>,
    /// The acts that brought a node in: found, approve, add node.
    pub nodes: BTreeMap<NodeId, Vec<usize>>,
    /// Nodes that were added to an organisation.
    pub added: BTreeMap<OrgId, Vec<usize>>,
    pub revocations: BTreeMap<NodeId, Vec<usize>>,
    pub new_logs: BTreeMap<NodeId, Vec<usize>>,
    /// Promotions and demotions.
    pub stewardships: BTreeMap<OrgId, Vec<usize>>,
    pub roles: BTreeMap<OrgId, Vec<usize>>,
    pub proposals: Vec<usize>,
    /// By proposal.
    pub signatures: BTreeMap<usize, Vec<usize>>,
    /// By proposal.
    pub withdrawals: BTreeMap<usize, Vec<usize>>,
    /// By proposal.
    pub enactments: BTreeMap<usize, Vec<usize>>,
    pub amendments: Vec<usize>,
    pub renewals: Vec<usize>,
    pub terminations: Vec<usize>,
    pub grants: Vec<usize>,
    pub suspensions: Vec<usize>,
    /// By suspension.
    pub resumptions: BTreeMap<usize, Vec<usize>>,
    pub declarations: BTreeMap<OrgId, Vec<usize>>,
    /// Admissions and added nodes.
    pub admitted: usize,
}

impl Fold<'_> {
    /// Enters a judged act into the indexes.
    pub(super) fn note(&mut self, place: usize) {
        let keys = self.keys_of(match self.admission(place) {
            Some(admission) => admission.entry,
            None => place,
        });
        let Some(Ok(judged)) = self.judged.get(place) else { return };
        let index = &mut self.index;
        index.by_author.entry(judged.org).or_default().push(place);
        index.by_node.entry(judged.node).or_default().push(place);
        for need in &judged.needs {
            index.dependents.entry(*need).or_default().push(place);
        }
        if let Some(enacts) = &judged.enacts {
            index.enactments.entry(enacts.proposal).or_default().push(place);
            for signature in &enacts.signatures {
                index.counting.entry(*signature).or_default().push(place);
            }
        }
        let bring = |org: OrgId, node: NodeId, comes: bool| {
            if comes {
                index.nodes.entry(node).or_default().push(place);
            }
            for key in keys {
                index.keys.entry(key).or_default().push((place, org, node));
            }
        };
        match &judged.effect {
            Effect::Admit(admission) => {
                if let Some(p) = self.graph.placed(admission.entry) {
                    bring(admission.org, p.act.body().author, true);
                }
                index.admitted += 1;
                index.admissions.entry(admission.org).or_default().push(place);
                if let Some(invitation) = admission.invitation {
                    index.approvals.entry(invitation).or_default().push(place);
                }
            }
            Effect::AddNode { org, .. } => {
                bring(*org, judged.node, true);
                index.admitted += 1;
                index.added.entry(*org).or_default().push(place);
            }
            Effect::NewLog => {
                bring(judged.org, judged.node, false);
                index.new_logs.entry(judged.node).or_default().push(place);
            }
            Effect::Exclude { org, .. } => index.exclusions.entry(*org).or_default().push(place),
            Effect::RevokeNode { node, .. } => index.revocations.entry(*node).or_default().push(place),
            Effect::Stewardship { org, .. } => index.stewardships.entry(*org).or_default().push(place),
            Effect::Role { org, .. } => index.roles.entry(*org).or_default().push(place),
            Effect::Propose => index.proposals.push(place),
            Effect::Sign { proposal } => index.signatures.entry(*proposal).or_default().push(place),
            Effect::Withdraw { proposal } => index.withdrawals.entry(*proposal).or_default().push(place),
            Effect::Amend { .. } => index.amendments.push(place),
            Effect::Renew => index.renewals.push(place),
            Effect::Terminate => index.terminations.push(place),
            Effect::Grant { .. } => index.grants.push(place),
            Effect::Suspend => index.suspensions.push(place),
            Effect::Resume { suspension } => index.resumptions.entry(*suspension).or_default().push(place),
            Effect::Declare => index.declarations.entry(judged.org).or_default().push(place),
            Effect::Ask | Effect::Invite | Effect::Office => {}
        }
    }
}
