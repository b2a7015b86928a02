//! Proposals and stops as people see them.

use entente_protocol::agreement::{Agreement, Day};
use entente_protocol::ids::{ActId, OrgId};
use entente_protocol::membership::acts::HistoryScope;
use entente_protocol::membership::{
    Act, Deed, Membership, Proposal, ProposalState, Signers, Verdict, VerifiedAct,
};

use crate::node::Node;
use crate::partnership::Handle;
use crate::records::find::org_view;

use super::types::{ChangeView, GrantView, OfficeView, ProposalView, StoppedView};

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
            changes: match &proposal.deed {
                Deed::Amend(amend) => changes(membership, &amend.text),
                _ => Vec::new(),
            },
        })
        .collect();
    all.sort_by_key(|p| std::cmp::Reverse((p.time, p.id)));
    all
}

fn state(state: ProposalState) -> &'static str {
    match state {
        ProposalState::Open => "open",
        ProposalState::Enacted => "enacted",
        ProposalState::Withdrawn => "withdrawn",
    }
}

/// What an amendment changes; nothing where this program cannot read it.
fn changes(membership: &Membership, text: &str) -> Vec<ChangeView> {
    let Ok(proposed) = Agreement::parse(text) else { return Vec::new() };
    let changes = membership.agreement.changes(&proposed);
    let view = |change: &entente_protocol::agreement::Change| ChangeView {
        effect: change.effect().as_str().into(),
        at_once: change.at_once(),
        sentence: change.sentence().into(),
    };
    changes.iter().map(view).collect()
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
        Deed::Grant(grant) => format!("let {} read {}", name(&grant.org), scope(&grant.scope)),
    }
}

/// What a grant of history covers.
fn scope(scope: &HistoryScope) -> String {
    match scope {
        HistoryScope::All => "everything that was shared with all members before it came".into(),
        HistoryScope::From(time) => format!("what was shared with all members from {} on", Day::of(*time)),
        HistoryScope::Records(places) => format!("{} chosen records from before it came", places.len()),
    }
}

/// The grants of history, by member.
pub fn grants(node: &Node, handle: &Handle, membership: &Membership) -> Vec<GrantView> {
    let of = membership.grants.values();
    of.map(|grant| GrantView {
        organisation: org_view(node, Some(handle), &grant.org).name,
        what: scope(&grant.scope),
    })
    .collect()
}

/// Doors for more nodes of members that nobody has come through, and that are open still by this node's clock.
pub fn offices(node: &Node, handle: &Handle, membership: &Membership) -> Vec<OfficeView> {
    let now = crate::clock::now();
    let open = membership.offices.values().filter(|o| o.used_by.is_none() && o.expires > now);
    open.map(|office| OfficeView {
        organisation: org_view(node, Some(handle), &office.org).name,
        expires: office.expires,
    })
    .collect()
}

/// What an act says, and that it has no effect if so.
pub fn act_in_words(node: &Node, handle: &Handle, act: &VerifiedAct) -> String {
    let membership = handle.membership();
    let name = |org: &OrgId| org_view(node, Some(handle), org).name;
    let words = words(&membership, &act.body().act, name);
    match membership.verdicts.get(&act.id()) {
        Some(Verdict::Void(reason)) => format!("{words} (without effect: {reason})"),
        _ => words,
    }
}

fn words(membership: &Membership, act: &Act, name: impl Fn(&OrgId) -> String + Copy) -> String {
    let proposed = |id: &ActId| match membership.proposals.get(id) {
        Some(proposal) => sentence(membership, &proposal.deed, name),
        None => format!("proposal {}", id.short()),
    };
    let because = |reason: &str| if reason.is_empty() { String::new() } else { format!(": {reason}") };
    match act {
        Act::Found(_) => "founded the partnership".into(),
        Act::Invite(invite) => format!("made an invitation for the role {}", invite.role),
        Act::Join(_) => "asked to join, and signed the agreement".into(),
        Act::Approve { .. } => "let an organisation in".into(),
        Act::Remove(remove) => format!("removed {}{}", name(&remove.org), because(&remove.reason)),
        Act::Leave { .. } => "left".into(),
        Act::Decide(deed) => format!("decided: {}", sentence(membership, deed, name)),
        Act::Propose(deed) => format!("proposed: {}", sentence(membership, deed, name)),
        Act::Sign { proposal } => format!("signed: {}", proposed(proposal)),
        Act::Withdraw { proposal } => format!("took back: {}", proposed(proposal)),
        Act::Enact { proposal } => format!("put into effect: {}", proposed(proposal)),
        Act::Suspend { reason } => format!("suspended the partnership{}", because(reason)),
        Act::Resume { .. } => "ended its suspension".into(),
        Act::Office(office) => format!("opened a door for another node of {}", name(&office.org)),
        Act::AddNode(_) => "came in with another node".into(),
        Act::RevokeNode(revoke) => {
            format!("revoked the node {}{}", revoke.node.short(), because(&revoke.reason))
        }
        Act::NewLog(_) => "began a new log, certified by its root key".into(),
        Act::Declare(_) => "signed the declaration of confidentiality".into(),
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
