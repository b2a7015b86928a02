//! From the verdicts to the state that people and nodes look at.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{
    Declared, Departure, Former, Invitation, Member, MemberNode, Membership, OpenOffice, Pending, Proposal,
    ProposalState, Revoked, Signers, Stopped, Verdict,
};
use crate::agreement::Agreement;
use crate::derive;
use crate::handling::Role;
use crate::identity::Introduced;
use crate::ids::{ActId, Hash, LogId, NodeId, OrgId, Seq};
use crate::membership::acts::{Act, Deed, VerifiedAct};
use crate::membership::clauses;
use crate::membership::fold::{Entry, Folded, wants_every_member};
use crate::membership::graph::ActGraph;

/// See [`Membership::readership`]. Who signs an agreement needs no act here: it stays signed, and amending it changes the
/// terms of a key.
fn readership(graph: &ActGraph, folded: &Folded<'_>) -> Hash {
    let effective = (0..graph.len()).filter(|place| folded.effective(*place));
    let acts = effective.filter_map(|place| graph.placed(place)).map(|p| &p.act);
    let counts = |act: &Act| match act {
        Act::Invite(_)
        | Act::Join(_)
        | Act::Office(_)
        | Act::Propose(_)
        | Act::Sign { .. }
        | Act::Withdraw { .. } => false,
        Act::Found(_)
        | Act::Approve { .. }
        | Act::Remove(_)
        | Act::Leave { .. }
        | Act::Decide(_)
        | Act::Enact { .. }
        | Act::Suspend { .. }
        | Act::Resume { .. }
        | Act::AddNode(_)
        | Act::RevokeNode(_)
        | Act::NewLog(_)
        | Act::Declare(_) => true,
    };
    let ids: BTreeSet<ActId> = acts.filter(|act| counts(&act.body().act)).map(|act| act.id()).collect();
    derive::hash(&ids.iter().flat_map(|id| id.0).collect::<Vec<u8>>())
}

impl Membership {
    /// What this set of acts amounts to: the same wherever the same acts are held, in whatever order they came.
    #[must_use]
    pub fn of(graph: &ActGraph) -> Membership {
        let folded = Folded::of(graph);
        let (version, proposal) = folded.in_force();
        let amended = proposal.and_then(|p| graph.placed(p));
        let agreement = amended.and_then(|p| p.act.agreement()).map(|a| Arc::new(a.clone()));
        let mut membership = Membership {
            partnership: graph.partnership(),
            name: graph.name().to_owned(),
            agreement: agreement.unwrap_or_else(|| Arc::clone(graph.founded_on())),
            version,
            amended_by: amended.map(|p| p.act.id()),
            renewed: None,
            pending_terms: BTreeMap::new(),
            proposals: BTreeMap::new(),
            suspensions: BTreeMap::new(),
            terminated: None,
            grants: BTreeMap::new(),
            revoked: BTreeMap::new(),
            offices: BTreeMap::new(),
            members: BTreeMap::new(),
            pending: Vec::new(),
            former: BTreeMap::new(),
            invitations: BTreeMap::new(),
            verdicts: BTreeMap::new(),
            readership: readership(graph, &folded),
        };
        for (org, entries) in folded.admissions() {
            let (live, ended): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(|e| e.live);
            if let Some(member) = membership.member(graph, &folded, org, &live) {
                membership.members.insert(org, member);
            } else if let Some(former) = former(graph, &folded, &org, &ended) {
                membership.former.insert(org, former);
            }
        }
        for place in 0..graph.len() {
            membership.note(graph, &folded, place);
        }
        membership.pending.sort_by_key(|p| p.join);
        membership.propose_and_stop(graph, &folded);
        membership
    }

    /// The member that these live admissions, best first, make.
    fn member(&self, graph: &ActGraph, folded: &Folded<'_>, org: OrgId, live: &[Entry]) -> Option<Member> {
        let best = live.first()?;
        let entrant = graph.placed(best.entry)?.act.entrant()?;
        let approval = graph.placed(best.place)?.act.body();
        let role = best.role.clone().unwrap_or_else(|| entrant.signature.value().role.clone());
        let in_force = self.agreement.hash();
        let has_signed = self
            .amended_by
            .and_then(|id| graph.place_of(&id))
            .is_some_and(|proposal| folded.signed(proposal).iter().any(|(of, _)| *of == org));
        let joined_on = entrant.signature.value().agreement;
        Some(Member {
            organisation: entrant.keys.introduced.as_ref()?.organisation().clone(),
            steward: live.iter().any(|e| e.steward),
            since: approval.time,
            nodes: nodes(graph, folded, &folded.nodes_of(live)),
            signed: if has_signed { in_force } else { joined_on },
            rank: best.rank.clone(),
            introduced_by: approval.org,
            declared: declared(graph, folded, &self.agreement, &role, org, best),
            role,
        })
    }

    fn note(&mut self, graph: &ActGraph, folded: &Folded<'_>, place: usize) {
        let Some(act) = graph.placed(place).map(|p| &*p.act) else { return };
        let verdict = folded.void_reason(place).map_or(Verdict::Effective, Verdict::Void);
        self.verdicts.insert(act.id(), verdict);
        if !folded.effective(place) {
            return;
        }
        let (id, by) = (act.id(), act.body().org);
        match &act.body().act {
            Act::Invite(invite) => {
                let invitation = Invitation {
                    by,
                    role: invite.role.clone(),
                    steward: invite.steward,
                    expires: invite.expires,
                    door: invite.door,
                    used_by: folded.used_by(place),
                };
                self.invitations.insert(id, invitation);
            }
            Act::Office(office) => {
                let office = OpenOffice {
                    by,
                    org: office.org,
                    expires: office.expires,
                    door: office.door,
                    used_by: folded.office_used_by(graph, &office.org, id),
                };
                self.offices.insert(id, office);
            }
            Act::Join(join) => {
                let invitation = graph.place_of(&join.invitation);
                let open = invitation.is_some_and(|i| folded.used_by(i).is_none());
                let gone = |e: usize| !graph.precedes(e, place);
                if open && !self.is_member(&by) && !folded.exclusions(&by).into_iter().any(gone) {
                    self.pending.extend(pending(graph, act, join.invitation));
                }
            }
            Act::RevokeNode(revoke) => {
                let Some((org, node)) = folded.revoked_node(graph, &revoke.node) else { return };
                let cutoff: BTreeMap<LogId, Seq> = revoke.cutoff.iter().copied().collect();
                let before = self.revoked.remove(&revoke.node);
                let cutoff = match &before {
                    Some(before) => strictest(Some(before.cutoff.clone()), &revoke.cutoff),
                    None => cutoff,
                };
                let mut acts = before.as_ref().map(|b| b.acts.clone()).unwrap_or_default();
                acts.push(id);
                acts.sort_unstable();
                let now = Revoked {
                    org,
                    by,
                    reason: revoke.reason.clone(),
                    time: act.body().time,
                    seized_at: revoke.seized_at,
                    cutoff: cutoff.clone(),
                    node,
                    acts: acts.clone(),
                };
                // The earliest word is shown, whatever the order in which they came.
                let first = before.filter(|b| (b.time, b.by) <= (now.time, now.by));
                let shown = first.map_or(now, |first| Revoked { cutoff, acts, ..first });
                self.revoked.insert(revoke.node, shown);
            }
            _ => {}
        }
    }

    fn propose_and_stop(&mut self, graph: &ActGraph, folded: &Folded<'_>) {
        for (id, proposal) in folded.proposals() {
            let Some(act) = graph.placed(proposal).map(|p| &*p.act) else { continue };
            let Some(deed) = folded.fold.deed_of(proposal).cloned() else { continue };
            let state = folded.proposal_state(proposal);
            let next = matches!(&deed, Deed::Amend(amend) if amend.version == self.version + 1);
            if state == ProposalState::Open && next {
                self.pending_terms.extend(act.agreement().map(|a| (id, Arc::new(a.clone()))));
            }
            let time = |p: usize| graph.placed(p).map(|p| p.act.body().time).unwrap_or_default();
            let view = Proposal {
                by: act.body().org,
                time: act.body().time,
                signed: folded.signed(proposal).into_iter().map(|(org, p)| (org, time(p))).collect(),
                signers: if wants_every_member(&deed) { Signers::Members } else { Signers::Stewards },
                needed: folded.needed(&act.body().org, &deed),
                deed,
                state,
            };
            self.proposals.insert(id, view);
        }
        self.renewed = folded.renewed();
        if let Some(last_day) = self.renewed {
            self.agreement = Arc::new(self.agreement.renewed_until(last_day));
        }
        self.terminated = folded.terminated(graph);
        self.suspensions = folded.suspended(graph);
        self.grants = folded.grants(graph);
    }
}

impl Folded<'_> {
    fn nodes_of(&self, entries: &[Entry]) -> Vec<usize> {
        let places: Vec<usize> = entries.iter().map(|e| e.place).collect();
        self.fold.node_entries(&self.verdicts, &places)
    }

    pub(super) fn signed(&self, proposal: usize) -> Vec<(OrgId, usize)> {
        self.fold.signatures(&self.verdicts, proposal)
    }

    fn needed(&self, by: &OrgId, deed: &Deed) -> usize {
        self.fold.needed(&self.verdicts, by, deed)
    }

    fn proposal_state(&self, proposal: usize) -> ProposalState {
        if self.fold.enacted(&self.verdicts, proposal) {
            ProposalState::Enacted
        } else if self.fold.withdrawn(&self.verdicts, proposal) {
            ProposalState::Withdrawn
        } else {
            ProposalState::Open
        }
    }
}

/// The newest declaration that is what the agreement in force asks of the role.
fn declared(
    graph: &ActGraph,
    folded: &Folded<'_>,
    agreement: &Agreement,
    role: &Role,
    org: OrgId,
    best: &Entry,
) -> Option<Declared> {
    let wanted = clauses::declaration(agreement, role)?;
    let places = folded.declarations(&org).chain([best.entry]);
    let said = places
        .filter(|p| *p == best.entry || graph.precedes(best.entry, *p))
        .filter_map(|p| graph.placed(p)?.act.declaration())
        .filter(|said| clauses::declares(wanted, said))
        .max_by_key(|said| (said.expires, said.time, said.person.clone()))?;
    Some(Declared { person: said.person.clone(), time: said.time, expires: said.expires })
}

/// The nodes that these acts brought, each with the keys that it has now.
fn nodes(graph: &ActGraph, folded: &Folded<'_>, entries: &[usize]) -> BTreeMap<NodeId, MemberNode> {
    let mut nodes = BTreeMap::new();
    for entry in entries {
        if let Some(node) = node_of(graph, folded, *entry) {
            nodes.entry(node.introduced.node()).or_insert(node);
        }
    }
    nodes
}

/// A node with the keys of its last new log, and the logs that it left.
pub(in crate::membership) fn node_of(
    graph: &ActGraph,
    folded: &Folded<'_>,
    entry: usize,
) -> Option<MemberNode> {
    let act = &graph.placed(entry)?.act;
    let introduced: Introduced = act.node_keys()?.introduced.clone()?;
    let mut card = act.node_keys()?.card.value().clone();
    let mut ended = BTreeMap::new();
    for new in folded.new_logs(&introduced.node()) {
        let new = &graph.placed(new)?.act;
        let Act::NewLog(said) = &new.body().act else { continue };
        let known: &mut Seq = ended.entry(said.ended).or_insert(said.cutoff);
        *known = (*known).min(said.cutoff);
        // Of two that ended one log at once, the one that is not gone on with holds nothing yet.
        if card.log != said.ended {
            ended.entry(card.log).or_insert(Seq(0));
        }
        card = new.node_keys()?.card.value().clone();
    }
    ended.remove(&card.log);
    Some(MemberNode { introduced, card, ended, since: act.body().time })
}

fn former(graph: &ActGraph, folded: &Folded<'_>, org: &OrgId, ended: &[Entry]) -> Option<Former> {
    let entrant = graph.placed(ended.first()?.entry)?.act.entrant()?;
    // What an admission followed is history; what ended the last one is the departure.
    let final_ones = folded
        .exclusions(org)
        .into_iter()
        .filter(|e| ended.iter().all(|entry| !graph.precedes(*e, entry.entry)));
    let mut departures: Vec<_> = final_ones.filter_map(|e| graph.placed(e)).collect();
    departures.sort_by_key(|p| (p.depth, p.act.id()));
    let mut how = Departure::Left;
    let mut cutoff: Option<BTreeMap<LogId, Seq>> = None;
    for act in departures.iter().map(|p| &*p.act) {
        if let Some(remove) = folded.removal(graph, act) {
            how = Departure::Removed { by: act.body().org, reason: remove.reason.clone() };
            cutoff = Some(strictest(cutoff, &remove.cutoff));
        }
        if let Act::Leave { cutoff: Some(said) } = &act.body().act {
            cutoff = Some(strictest(cutoff, said));
        }
    }
    let name = entrant.keys.introduced.as_ref()?.organisation().name.clone();
    let nodes = nodes(graph, folded, &folded.nodes_of(ended));
    // Who holds a seized node could have it let somebody in, to be shown how it was found out.
    let told = |act: &Act| !matches!(act, Act::RevokeNode(revoke) if revoke.seized_at.is_some());
    let mut undone: Vec<_> = folded.undone_by(org).into_iter().filter_map(|p| graph.placed(p)).collect();
    undone.retain(|p| told(&p.act.body().act));
    undone.sort_by_key(|p| (p.depth, p.act.id()));
    departures.extend(undone);
    let mut acts: Vec<ActId> = departures.iter().map(|p| p.act.id()).collect();
    let mut known = BTreeSet::new();
    acts.retain(|act| known.insert(*act));
    let mut undone = folded.undone_entries(org);
    undone.sort_by_key(|entry| graph.placed(*entry).map(|p| (p.depth, p.act.id())));
    let returned = undone.into_iter().filter_map(|entry| node_of(graph, folded, entry)).collect();
    Some(Former { name, how, cutoff: cutoff.unwrap_or_default(), nodes, returned, acts })
}

/// Of two lists of cutoffs the logs that both name, each at its lower position.
fn strictest(before: Option<BTreeMap<LogId, Seq>>, next: &[(LogId, Seq)]) -> BTreeMap<LogId, Seq> {
    let next: BTreeMap<LogId, Seq> = next.iter().copied().collect();
    match before {
        None => next,
        Some(before) => {
            before.into_iter().filter_map(|(log, seq)| Some((log, seq.min(*next.get(&log)?)))).collect()
        }
    }
}

fn pending(graph: &ActGraph, join: &VerifiedAct, invitation: ActId) -> Option<Pending> {
    let entrant = join.entrant()?;
    let invite = graph.get(&invitation).map(|act| &act.body().act);
    let introduced = entrant.keys.introduced.as_ref()?;
    Some(Pending {
        join: join.id(),
        organisation: introduced.organisation().clone(),
        node: introduced.node(),
        role: entrant.signature.value().role.clone(),
        steward: matches!(invite, Some(Act::Invite(invite)) if invite.steward),
        invitation,
        card: entrant.keys.card.value().clone(),
    })
}

pub(in crate::membership) fn stopped(act: &VerifiedAct, reason: &str) -> Stopped {
    Stopped { by: act.body().org, reason: reason.to_owned(), time: act.body().time }
}
