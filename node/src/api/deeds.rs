//! Proposals and stops as people see them.

use entente_protocol::agreement::{Agreement, Day};
use entente_protocol::ids::OrgId;
use entente_protocol::membership::acts::HistoryScope;
use entente_protocol::membership::{Deed, Membership, Proposal, ProposalState, Signers};

use crate::node::Node;
use crate::partnership::Handle;
use crate::records::find::org_view;

use super::types::{ProposalView, StoppedView};

/// What was proposed, newest first.
pub fn proposals(node: &Node, handle: &Handle, membership: &Membership) -> Vec<ProposalView> {
    let name = |org: &OrgId| org_view(node, Some(handle), org).name;
    let mut all: Vec<ProposalView> = membership
        .proposals
        .iter()
        .map(|(id, proposal)| ProposalView {
            id: *id,
            what: sentence(membership, &proposal.deed, name),
            by: name(&proposal.by),
            time: proposal.time,
            state: state(proposal.state).into(),
            signed: proposal.signed.keys().map(name).collect(),
            missing: missing(membership, proposal).iter().map(name).collect(),
            needed: proposal.needed,
            signers: match proposal.signers {
                Signers::Stewards => "stewards".into(),
                Signers::Members => "members".into(),
            },
            waits_for_us: waits_for(membership, proposal, &node.me.org()),
            agreement: match &proposal.deed {
                Deed::Amend(amend) => Some(amend.text.clone()),
                _ => None,
            },
        })
        .collect();
    all.sort_by(|a, b| (b.time, b.id).cmp(&(a.time, a.id)));
    all
}

fn state(state: ProposalState) -> &'static str {
    match state {
        ProposalState::Open => "open",
        ProposalState::Enacted => "enacted",
        ProposalState::Withdrawn => "withdrawn",
    }
}

fn missing(membership: &Membership, proposal: &Proposal) -> Vec<OrgId> {
    if proposal.signers != Signers::Members || proposal.state != ProposalState::Open {
        return Vec::new();
    }
    membership.members.keys().filter(|org| !proposal.signed.contains_key(org)).copied().collect()
}

fn waits_for(membership: &Membership, proposal: &Proposal, me: &OrgId) -> bool {
    let may = match proposal.signers {
        Signers::Stewards => membership.is_steward(me),
        Signers::Members => membership.is_member(me),
    };
    may && proposal.state == ProposalState::Open && !proposal.signed.contains_key(me)
}

/// A deed in a sentence.
fn sentence(membership: &Membership, deed: &Deed, name: impl Fn(&OrgId) -> String) -> String {
    match deed {
        Deed::Approve { join } => {
            let waiting = membership.pending.iter().find(|p| p.join == *join);
            let who = waiting.map_or("an organisation".into(), |p| p.organisation.name.clone());
            format!("let {who} in")
        }
        Deed::Remove(remove) => format!("remove {}", name(&remove.org)),
        Deed::Role { org, role } => format!("give {} the role {role}", name(org)),
        Deed::Steward { org, steward: true } => format!("make {} a steward", name(org)),
        Deed::Steward { org, steward: false } => format!("take the stewardship from {}", name(org)),
        Deed::Amend(amend) => {
            let title = Agreement::parse(&amend.text).map(|a| a.title().to_owned()).unwrap_or_default();
            format!("amend the agreement: version {}, \u{201c}{title}\u{201d}", amend.version)
        }
        Deed::Renew { last_day } => format!("renew the agreement until the end of {}", Day::of(*last_day)),
        Deed::Terminate { reason } if reason.is_empty() => "end the partnership for good".into(),
        Deed::Terminate { reason } => format!("end the partnership for good: {reason}"),
        Deed::Grant(grant) => {
            let what = match &grant.scope {
                HistoryScope::All => "everything that was shared with all members before it came".into(),
                HistoryScope::From(time) => {
                    format!("what was shared with all members from {} on", Day::of(*time))
                }
                HistoryScope::Records(places) => {
                    format!("{} chosen records from before it came", places.len())
                }
            };
            format!("let {} read {what}", name(&grant.org))
        }
    }
}

/// Why nothing is exchanged, if so.
pub fn stopped(node: &Node, handle: &Handle, membership: &Membership) -> Vec<StoppedView> {
    let view = |how: &str, stopped: &entente_protocol::membership::Stopped| StoppedView {
        how: how.into(),
        by: org_view(node, Some(handle), &stopped.by).name,
        reason: stopped.reason.clone(),
        time: stopped.time,
    };
    let ended = membership.terminated.iter().map(|s| view("ended", s));
    ended.chain(membership.suspensions.values().map(|s| view("suspended", s))).collect()
}
