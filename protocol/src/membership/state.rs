//! What a set of acts amounts to: who is a member, who asks, who was, and what became of each act.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::agreement::Agreement;
use crate::handling::Role;
use crate::identity::{Introduced, MemberCard, Organisation};
use crate::ids::{ActId, Hash, LogId, NodeId, OrgId, PartnershipId, Seq, Timestamp, TransportId};
use crate::membership::acts::{Act, VerifiedAct};
use crate::membership::fold::{Entry, Folded};
use crate::membership::graph::ActGraph;

/// The state of a partnership. Only [`Membership::of`] makes one.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Membership {
    /// The partnership.
    pub partnership: PartnershipId,
    /// What it is called.
    pub name: String,
    /// Its agreement.
    pub agreement: Arc<Agreement>,
    /// Who belongs to it.
    pub members: BTreeMap<OrgId, Member>,
    /// Who asks to, by join act.
    pub pending: Vec<Pending>,
    /// Who did.
    pub former: BTreeMap<OrgId, Former>,
    /// The places that were opened.
    pub invitations: BTreeMap<ActId, Invitation>,
    /// What became of each act.
    pub verdicts: BTreeMap<ActId, Verdict>,
}

/// A member organisation.
#[derive(Clone, PartialEq, Debug)]
pub struct Member {
    /// Its card.
    pub organisation: Organisation,
    /// Its role in the agreement.
    pub role: Role,
    /// Whether it may invite, approve and remove.
    pub steward: bool,
    /// When it was let in, as the approving node's clock claimed.
    pub since: Timestamp,
    /// Its nodes.
    pub nodes: BTreeMap<NodeId, MemberNode>,
    /// The hash of the agreement that it signed.
    pub signed: Hash,
    /// Whose removals apply first.
    pub rank: Seniority,
}

/// A node of a member.
#[derive(Clone, PartialEq, Debug)]
pub struct MemberNode {
    /// Its organisation's card and its certificate.
    pub introduced: Introduced,
    /// Its keys in this partnership.
    pub card: MemberCard,
}

/// An organisation that asks to be let in.
#[derive(Clone, PartialEq, Debug)]
pub struct Pending {
    /// The act to approve.
    pub join: ActId,
    /// The organisation.
    pub organisation: Organisation,
    /// Its node.
    pub node: NodeId,
    /// The role that it asks for.
    pub role: Role,
    /// Whether it would be a steward.
    pub steward: bool,
    /// The invitation that it answers.
    pub invitation: ActId,
    /// Its keys.
    pub card: MemberCard,
}

/// An organisation that was a member.
#[derive(Clone, PartialEq, Debug)]
pub struct Former {
    /// What it was called.
    pub name: String,
    /// How it went.
    pub how: Departure,
    /// Entries of its logs below these positions stay welcome; of logs not listed, what is held stays, and
    /// nothing is added. The strictest of several removals holds.
    pub cutoff: BTreeMap<LogId, Seq>,
    /// The nodes that it had.
    pub nodes: BTreeMap<NodeId, MemberNode>,
}

/// How an organisation went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Departure {
    /// It was put out.
    Removed {
        /// By whom.
        by: OrgId,
        /// Why, in the words of who did it.
        reason: String,
    },
    /// It left.
    Left,
}

/// A place for one organisation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invitation {
    /// Who opened it.
    pub by: OrgId,
    /// The role that goes with it.
    pub role: Role,
    /// Whether stewardship goes with it.
    pub steward: bool,
    /// Until when its door is open, by the inviter's clock.
    pub expires: Timestamp,
    /// The commitment to its door key.
    pub door: Hash,
    /// Who took it.
    pub used_by: Option<OrgId>,
}

/// What became of an act.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It counts.
    Effective,
    /// It does not.
    Void(VoidReason),
}

/// Why an act does not count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum VoidReason {
    /// M1.
    #[error("its author was not a member")]
    NotAMember,
    /// M1.
    #[error("it was signed by a node that is not its organisation's here")]
    NotItsNode,
    /// M2.
    #[error("its author was not a steward")]
    NotASteward,
    /// M3.
    #[error("the agreement has no such role")]
    UnknownRole,
    /// M3.
    #[error("there was no such invitation")]
    NoSuchInvitation,
    /// M4.
    #[error("the invitation was taken by another organisation")]
    InvitationUsed,
    /// M3.
    #[error("another agreement or role was signed than the invitation is for")]
    WrongAgreement,
    /// M3.
    #[error("the organisation was a member already")]
    AlreadyMember,
    /// M3.
    #[error("there was no such request to join")]
    NoSuchJoin,
    /// M5.
    #[error("a key on its card belongs to another organisation")]
    KeyInUse,
    /// M5.
    #[error("the partnership is full")]
    Full,
    /// M7.
    #[error("the chain of approvals back to the founder is too long")]
    TooFarFromFounder,
    /// M6.
    #[error("the organisation to be removed was not a member")]
    NobodyToRemove,
    /// M6.
    #[error("an organisation leaves, it does not remove itself")]
    RemovesItself,
    /// M11.
    #[error("no steward would remain")]
    LastSteward,
    /// M8.
    #[error("its author had been removed or had left when it was made elsewhere")]
    AuthorGone,
    /// M9.
    #[error("the organisation was removed meanwhile; it must ask again")]
    RemovedMeanwhile,
    /// M8.
    #[error("an act that it rests on is void")]
    RestsOnVoid,
}

/// How senior a member is: the approvals that lead to it from the founder. Nearer to the founder is more
/// senior; of two let in by the same steward, the one whose approval is lower in the graph. Smaller is more
/// senior. Nobody can place itself: only the approver's own acts tell two of its own apart.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Seniority(Arc<[(u32, ActId)]>);

impl Seniority {
    pub(super) fn founder() -> Seniority {
        Seniority(Arc::new([]))
    }

    pub(super) fn then(&self, depth: u32, approval: ActId) -> Seniority {
        Seniority(self.0.iter().copied().chain([(depth, approval)]).collect())
    }

    /// How many approvals lead here from the founder.
    #[must_use]
    pub fn distance(&self) -> usize {
        self.0.len()
    }
}

impl Ord for Seniority {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Seniority {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Membership {
    /// What this set of acts amounts to: the same wherever the same acts are held, in whatever order they came.
    #[must_use]
    pub fn of(graph: &ActGraph) -> Membership {
        let folded = Folded::of(graph);
        let mut membership = Membership {
            partnership: graph.partnership(),
            name: graph.name().to_owned(),
            agreement: Arc::clone(graph.agreement()),
            members: BTreeMap::new(),
            pending: Vec::new(),
            former: BTreeMap::new(),
            invitations: BTreeMap::new(),
            verdicts: BTreeMap::new(),
        };
        for (org, entries) in folded.admissions() {
            let (live, ended): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(|e| e.live);
            if let Some(member) = member(graph, &live) {
                membership.members.insert(org, member);
            } else if let Some(former) = former(graph, &folded, &org, &ended) {
                membership.former.insert(org, former);
            }
        }
        for place in 0..graph.len() {
            membership.note(graph, &folded, place);
        }
        membership.pending.sort_by_key(|p| p.join);
        membership
    }

    fn note(&mut self, graph: &ActGraph, folded: &Folded<'_>, place: usize) {
        let Some(act) = graph.placed(place).map(|p| &*p.act) else { return };
        let verdict = folded.void_reason(place).map_or(Verdict::Effective, Verdict::Void);
        self.verdicts.insert(act.id(), verdict);
        match &act.body().act {
            Act::Invite(invite) if folded.effective(place) => {
                let invitation = Invitation {
                    by: act.body().org,
                    role: invite.role.clone(),
                    steward: invite.steward,
                    expires: invite.expires,
                    door: invite.door,
                    used_by: folded.used_by(place),
                };
                self.invitations.insert(act.id(), invitation);
            }
            Act::Join(join) if folded.effective(place) => {
                let invitation = graph.place_of(&join.invitation);
                let open = invitation.is_some_and(|i| folded.used_by(i).is_none());
                let gone = |e: usize| !graph.precedes(e, place);
                let org = act.body().org;
                if open && !self.is_member(&org) && !folded.exclusions(&org).into_iter().any(gone) {
                    self.pending.extend(pending(graph, act, join.invitation));
                }
            }
            _ => {}
        }
    }

    /// All nodes of members, each with its organisation.
    pub fn nodes(&self) -> impl Iterator<Item = (OrgId, NodeId, &MemberNode)> {
        self.members.iter().flat_map(|(org, m)| m.nodes.iter().map(move |(id, node)| (*org, *id, node)))
    }

    /// A member's node, with its organisation.
    #[must_use]
    pub fn node(&self, id: &NodeId) -> Option<(OrgId, &MemberNode)> {
        self.members.iter().find_map(|(org, member)| Some((*org, member.nodes.get(id)?)))
    }

    /// Whose log this is in the space of all members; former members' logs included (see
    /// [`Former::cutoff`]).
    #[must_use]
    pub fn org_of_log(&self, log: &LogId) -> Option<OrgId> {
        let of_member = self.nodes().find(|(_, _, node)| node.card.log == *log).map(|(org, _, _)| org);
        let holds = |former: &Former| former.nodes.values().any(|node| node.card.log == *log);
        of_member.or_else(|| self.former.iter().find(|(_, f)| holds(f)).map(|(org, _)| *org))
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

/// The member that these live admissions, best first, make.
fn member(graph: &ActGraph, live: &[Entry]) -> Option<Member> {
    let best = live.first()?;
    let entrant = graph.placed(best.entry)?.act.entrant()?;
    Some(Member {
        organisation: entrant.introduced.organisation().clone(),
        role: entrant.signature.value().role.clone(),
        steward: live.iter().any(|e| e.steward),
        since: graph.placed(best.place)?.act.body().time,
        nodes: nodes(graph, live),
        signed: entrant.signature.value().agreement,
        rank: best.rank.clone(),
    })
}

/// The nodes that these admissions, best first, brought.
fn nodes(graph: &ActGraph, entries: &[Entry]) -> BTreeMap<NodeId, MemberNode> {
    let mut nodes = BTreeMap::new();
    for entrant in entries.iter().filter_map(|e| graph.placed(e.entry)?.act.entrant()) {
        let node = MemberNode { introduced: entrant.introduced.clone(), card: entrant.card.value().clone() };
        nodes.entry(node.introduced.node()).or_insert(node);
    }
    nodes
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
        if let Act::Remove(remove) = &act.body().act {
            how = Departure::Removed { by: act.body().org, reason: remove.reason.clone() };
            cutoff = Some(strictest(cutoff, &remove.cutoff));
        }
    }
    let name = entrant.introduced.organisation().name.clone();
    Some(Former { name, how, cutoff: cutoff.unwrap_or_default(), nodes: nodes(graph, ended) })
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
    Some(Pending {
        join: join.id(),
        organisation: entrant.introduced.organisation().clone(),
        node: entrant.introduced.node(),
        role: entrant.signature.value().role.clone(),
        steward: matches!(invite, Some(Act::Invite(invite)) if invite.steward),
        invitation,
        card: entrant.card.value().clone(),
    })
}
