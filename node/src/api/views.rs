//! Partnerships as people see them.

use std::sync::Arc;

use entente_protocol::membership::{Departure, Membership};

use crate::me::view;
use crate::node::Node;
use crate::partnership::Handle;
use crate::records::find::org_view;

use super::types::{
    AgreementView, FormerView, InvitationSummary, MemberView, PartnershipState, PartnershipSummary,
    PartnershipView, PendingView,
};
use super::verify;
use super::{deeds, nodes};

/// A partnership in a list.
pub fn summary(node: &Node, handle: &Handle) -> PartnershipSummary {
    let membership = handle.membership();
    let connected = handle.net.peers().iter().filter(|p| p.connected_since.is_some()).count();
    let (unverified, changed) = verify::counts(handle);
    PartnershipSummary {
        id: handle.id,
        name: membership.name.clone(),
        state: if membership.node(&node.me.node()).is_some() {
            PartnershipState::Member
        } else {
            PartnershipState::Former
        },
        members: membership.members.len(),
        connected,
        waiting: membership.pending.len(),
        unverified,
        changed,
    }
}

/// All partnerships, those that wait for approval included.
pub fn all(node: &Arc<Node>) -> Vec<PartnershipSummary> {
    let mut all: Vec<PartnershipSummary> = node.handles().iter().map(|h| summary(node, h)).collect();
    let joining: Vec<PartnershipSummary> = node.shared.keeper.look(|s| {
        let waiting =
            s.partnerships.iter().filter_map(|p| p.joining.as_ref().map(|j| (p.id, j.name.clone())));
        waiting
            .map(|(id, name)| PartnershipSummary {
                id,
                name,
                state: PartnershipState::AwaitingApproval,
                members: 0,
                connected: 0,
                waiting: 0,
                unverified: 0,
                changed: 0,
            })
            .collect()
    });
    all.extend(joining);
    all
}

/// An agreement on a screen.
pub fn agreement(agreement: &entente_protocol::agreement::Agreement) -> AgreementView {
    AgreementView {
        title: agreement.title().to_owned(),
        hash: agreement.hash().to_string(),
        text: agreement.text().to_owned(),
        sentences: agreement.sentences(),
    }
}

/// A partnership in full.
pub fn partnership(node: &Node, handle: &Handle) -> PartnershipView {
    let membership = handle.membership();
    let open = handle.seen().invitations;
    PartnershipView {
        summary: summary(node, handle),
        fenced: handle.seen().fenced.map(|why| why.to_string()),
        members_now: members(node, handle, &membership),
        pending: membership
            .pending
            .iter()
            .map(|p| PendingView { organisation: view(&p.organisation), role: p.role.clone() })
            .collect(),
        former: former(node, handle, &membership),
        revoked: nodes::revoked(node, handle),
        agreement: agreement(&membership.agreement),
        agreement_version: membership.version,
        proposals: deeds::proposals(node, handle, &membership),
        grants: deeds::grants(node, handle, &membership),
        offices: deeds::offices(node, handle, &membership),
        stopped: deeds::stopped(node, handle, &membership),
        invitations: membership
            .invitations
            .iter()
            .filter(|(id, _)| open.contains(id))
            .map(|(_, i)| InvitationSummary {
                role: i.role.clone(),
                expires: i.expires,
                used_by: i.used_by.map(|o| org_view(node, Some(handle), &o).name),
            })
            .collect(),
    }
}

fn members(node: &Node, handle: &Handle, membership: &Membership) -> Vec<MemberView> {
    let peers = handle.net.peers();
    let now = std::time::Instant::now();
    let two_faced = crate::audit::two_faced(node, handle);
    let mut members: Vec<MemberView> = membership
        .members
        .values()
        .map(|member| {
            let ids: Vec<_> = member.nodes.values().map(|n| n.card.transport).collect();
            let states: Vec<_> = peers.iter().filter(|p| ids.contains(&p.id)).collect();
            let seen = states.iter().filter_map(|p| p.last_seen).max();
            let ago = seen.map(|s| u64::try_from(now.duration_since(s).as_millis()).unwrap_or(u64::MAX));
            MemberView {
                organisation: view(&member.organisation),
                role: member.role.clone(),
                steward: member.steward,
                ourselves: member.organisation.id == node.me.org(),
                since: member.since,
                connected: states.iter().any(|p| p.connected_since.is_some()),
                last_seen: ago
                    .map(|ms| entente_protocol::ids::Timestamp(crate::clock::now().0.saturating_sub(ms))),
                nodes: member.nodes.keys().copied().collect(),
                two_faced: two_faced.iter().any(|of| member.nodes.contains_key(&of.node)),
                no_key: membership
                    .may_read(&member.organisation.id, crate::clock::now())
                    .err()
                    .map(|why| why.to_string()),
                declared_until: member.declared.as_ref().map(|d| d.expires),
                trust: verify::trust(node, handle, &member.organisation.id),
            }
        })
        .collect();
    members.sort_by(|a, b| (!a.ourselves, &a.organisation.name).cmp(&(!b.ourselves, &b.organisation.name)));
    members
}

fn former(node: &Node, handle: &Handle, membership: &Membership) -> Vec<FormerView> {
    let how = |departure: &Departure| match departure {
        Departure::Left => "left".to_owned(),
        Departure::Removed { by, reason } => {
            let by = org_view(node, Some(handle), by).name;
            if reason.is_empty() { format!("removed by {by}") } else { format!("removed by {by}: {reason}") }
        }
    };
    membership
        .former
        .iter()
        .map(|(id, f)| FormerView { id: *id, name: f.name.clone(), how: how(&f.how) })
        .collect()
}
