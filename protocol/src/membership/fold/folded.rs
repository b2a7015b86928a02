//! The state of all acts, as [`crate::membership::Membership`] reads it.

use std::collections::BTreeMap;

use super::{Effect, Fold, Folded, MAX_KEPT_STATES, Status};
use crate::handling::Role;
use crate::ids::{ActId, NodeId, OrgId, Timestamp};
use crate::membership::acts::{Act, Deed, HistoryGrant, Remove, VerifiedAct};
use crate::membership::graph::ActGraph;
use crate::membership::state::build::{node_of, stopped};
use crate::membership::state::{MemberNode, Seniority, Stopped, VoidReason};

/// An effective admission, as the state shows it.
pub(in crate::membership) struct Entry {
    pub place: usize,
    pub entry: usize,
    pub steward: bool,
    pub role: Option<Role>,
    pub rank: Seniority,
    /// Whether no effective removal or departure ended it.
    pub live: bool,
}

impl<'g> Folded<'g> {
    pub fn of(graph: &'g ActGraph) -> Folded<'g> {
        Folded::keeping(graph, MAX_KEPT_STATES)
    }

    /// The number of states kept changes the time it takes, and nothing else.
    pub fn keeping(graph: &'g ActGraph, room: usize) -> Folded<'g> {
        let (judged, kept, index) = (Vec::new(), BTreeMap::new(), super::Index::default());
        let mut fold = Fold { graph, judged, kept, room, index };
        for place in 0..graph.len() {
            fold.judge_next(place);
        }
        let (all, heads) = graph.everything();
        let verdicts = fold.state_of(&all, &heads);
        Folded { fold, verdicts }
    }

    pub fn effective(&self, place: usize) -> bool {
        self.fold.effective(&self.verdicts, place)
    }

    pub fn void_reason(&self, place: usize) -> Option<VoidReason> {
        match (self.fold.judged.get(place), self.verdicts.get(place)) {
            (Some(Err(reason)), _) | (_, Some(Status::Void(reason))) => Some(*reason),
            _ => None,
        }
    }

    /// Every organisation that was ever admitted, with its effective admissions, best first.
    pub fn admissions(&self) -> impl Iterator<Item = (OrgId, Vec<Entry>)> {
        self.fold.index.admissions.iter().map(|(org, places)| {
            let mut entries: Vec<Entry> = places.iter().filter_map(|p| self.entry(*p)).collect();
            entries.sort_by(|a, b| a.rank.cmp(&b.rank));
            (*org, entries)
        })
    }

    fn entry(&self, place: usize) -> Option<Entry> {
        let admission = self.fold.admission(place).filter(|_| self.effective(place))?;
        Some(Entry {
            place,
            entry: admission.entry,
            steward: self.fold.stewardship(&self.verdicts, place).is_some(),
            role: self.fold.role(&self.verdicts, place),
            rank: admission.rank.clone(),
            live: self.fold.live(&self.verdicts, place),
        })
    }

    /// The effective removals and departures of an organisation.
    pub fn exclusions(&self, org: &OrgId) -> Vec<usize> {
        self.fold.exclusions(&self.verdicts, org).collect()
    }

    /// The removal that an act is, or that it enacts.
    pub fn removal<'a>(&self, graph: &'a ActGraph, act: &'a VerifiedAct) -> Option<&'a Remove> {
        match &act.body().act {
            Act::Remove(remove) => Some(remove),
            Act::Enact { proposal } => match &graph.get(proposal)?.body().act {
                Act::Propose(deed) => match &**deed {
                    Deed::Remove(remove) => Some(remove),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        }
    }

    /// Who took the invitation at this place.
    pub fn used_by(&self, invitation: usize) -> Option<OrgId> {
        let approvals = self.fold.index.approvals.get(&invitation)?;
        let taken = approvals.iter().find(|p| self.effective(**p))?;
        self.fold.admission(*taken).map(|a| a.org)
    }

    /// Which node came through an office's door.
    pub fn office_used_by(&self, graph: &ActGraph, org: &OrgId, office: ActId) -> Option<NodeId> {
        let place = graph.place_of(&office)?;
        let through = |p: &usize| matches!(self.fold.get(*p).map(|j| &j.effect), Some(Effect::AddNode { office, .. }) if *office == place);
        let added = self.fold.counting(&self.verdicts, self.fold.index.added.get(org)).find(through)?;
        self.fold.get(added).map(|j| j.node)
    }

    /// A node that was revoked: whose it was, and its keys.
    pub fn revoked_node(&self, graph: &ActGraph, node: &NodeId) -> Option<(OrgId, MemberNode)> {
        let entry = self.fold.entry_of_node(&self.verdicts, node)?;
        Some((graph.placed(entry)?.act.body().org, node_of(graph, self, entry)?))
    }

    /// The acts by which a node went on in new logs, in order.
    pub fn new_logs(&self, node: &NodeId) -> Vec<usize> {
        let acts = self.fold.counting(&self.verdicts, self.fold.index.new_logs.get(node));
        let mut acts: Vec<usize> = acts.collect();
        acts.sort_by_key(|p| self.fold.order(*p));
        acts
    }

    /// The effective declarations that came after joining.
    pub fn declarations(&self, org: &OrgId) -> impl Iterator<Item = usize> {
        self.fold.counting(&self.verdicts, self.fold.index.declarations.get(org))
    }

    /// The version in force, and the proposal that brought it.
    pub fn in_force(&self) -> (u32, Option<usize>) {
        let enacted = self.fold.amendment(&self.verdicts);
        let proposal = enacted.and_then(|p| self.fold.get(p)?.enacts.as_ref()).map(|e| e.proposal);
        (self.fold.version(&self.verdicts), proposal)
    }

    /// The proposals that count, with their places.
    pub fn proposals(&self) -> Vec<(ActId, usize)> {
        let all = self.fold.counting(&self.verdicts, Some(&self.fold.index.proposals));
        all.filter_map(|p| Some((self.fold.graph.placed(p)?.act.id(), p))).collect()
    }

    /// The last day of the last renewal, unless an amendment followed it. Of concurrent ones the one with the earlier day: a wider limit wants
    /// everybody's word, and not everybody knew of both.
    pub fn renewed(&self) -> Option<Timestamp> {
        let all: Vec<usize> = self.fold.counting(&self.verdicts, Some(&self.fold.index.renewals)).collect();
        let later = all.iter().copied().chain(self.fold.amendment(&self.verdicts)).collect::<Vec<_>>();
        let last = all.iter().filter(|p| !later.iter().any(|later| self.fold.graph.precedes(**p, *later)));
        last.filter_map(|p| match self.enacted_deed(*p)? {
            Deed::Renew { last_day } => Some(*last_day),
            _ => None,
        })
        .min()
    }

    /// The deed of an act that decides or enacts.
    fn enacted_deed(&self, place: usize) -> Option<&Deed> {
        match &self.fold.graph.placed(place)?.act.body().act {
            Act::Decide(deed) => Some(deed),
            Act::Enact { .. } => self.fold.deed_of(self.fold.get(place)?.enacts.as_ref()?.proposal),
            _ => None,
        }
    }

    /// Who ended the partnership: the first to.
    pub fn terminated(&self, graph: &ActGraph) -> Option<Stopped> {
        let all = self.fold.counting(&self.verdicts, Some(&self.fold.index.terminations));
        let first = all.min_by_key(|p| self.fold.order(*p))?;
        let Deed::Terminate { reason } = self.enacted_deed(first)? else { return None };
        Some(stopped(&graph.placed(first)?.act, reason))
    }

    /// Suspensions whose author is still a member and has not ended them.
    pub fn suspended(&self, graph: &ActGraph) -> BTreeMap<ActId, Stopped> {
        let all = self.fold.counting(&self.verdicts, Some(&self.fold.index.suspensions));
        let holds = |p: &usize| {
            let mut ended = self.fold.counting(&self.verdicts, self.fold.index.resumptions.get(p));
            let by = self.fold.get(*p).map(|j| j.org);
            ended.next().is_none() && by.is_some_and(|org| self.fold.is_member(&self.verdicts, &org))
        };
        all.filter(holds)
            .filter_map(|p| {
                let act = &graph.placed(p)?.act;
                let Act::Suspend { reason } = &act.body().act else { return None };
                Some((act.id(), stopped(act, reason)))
            })
            .collect()
    }

    /// What members may read of the time before they came.
    pub fn grants(&self, graph: &ActGraph) -> BTreeMap<ActId, HistoryGrant> {
        let all = self.fold.counting(&self.verdicts, Some(&self.fold.index.grants));
        all.filter_map(|p| match self.enacted_deed(p)? {
            Deed::Grant(grant) => Some((graph.placed(p)?.act.id(), grant.clone())),
            _ => None,
        })
        .collect()
    }
}
