//! What a state says of an organisation or a node: read off the verdicts through the indexes.

use super::{Admission, Effect, Fold, Status, Verdicts};
use crate::agreement::Agreement;
use crate::handling::Role;
use crate::ids::{NodeId, OrgId};

impl Fold<'_> {
    pub(in crate::membership) fn effective(&self, state: &Verdicts, place: usize) -> bool {
        matches!(state.get(place), Some(Status::Effective | Status::Fixed))
    }

    pub(in crate::membership) fn exclusions<'a>(
        &'a self,
        state: &'a Verdicts,
        org: &OrgId,
    ) -> impl Iterator<Item = usize> + 'a {
        self.counting(state, self.index.exclusions.get(org))
    }

    pub(in crate::membership) fn revocations<'a>(
        &'a self,
        state: &'a Verdicts,
        node: &NodeId,
    ) -> impl Iterator<Item = usize> + 'a {
        self.counting(state, self.index.revocations.get(node))
    }

    pub(super) fn demotions<'a>(
        &'a self,
        state: &'a Verdicts,
        org: &OrgId,
    ) -> impl Iterator<Item = usize> + 'a {
        let demotes = |p: &usize| {
            matches!(self.get(*p).map(|j| &j.effect), Some(Effect::Stewardship { steward: false, .. }))
        };
        self.counting(state, self.index.stewardships.get(org)).filter(move |p| demotes(p))
    }

    /// Those that count.
    pub(in crate::membership) fn counting<'a>(
        &'a self,
        state: &'a Verdicts,
        places: Option<&'a Vec<usize>>,
    ) -> impl Iterator<Item = usize> + 'a {
        places.into_iter().flatten().copied().filter(|place| self.effective(state, *place))
    }

    /// Whether an admission holds: effective, and entered after every effective removal of its organisation.
    pub(in crate::membership) fn live(&self, state: &Verdicts, place: usize) -> bool {
        self.effective(state, place)
            && self.admission(place).is_some_and(|admission| {
                self.exclusions(state, &admission.org).all(|e| self.graph.precedes(e, admission.entry))
            })
    }

    /// The admissions of an organisation that hold.
    pub(super) fn live_admissions(&self, state: &Verdicts, org: &OrgId) -> Vec<usize> {
        let all = self.index.admissions.get(org).into_iter().flatten().copied();
        all.filter(|p| self.live(state, *p)).collect()
    }

    pub(super) fn is_member(&self, state: &Verdicts, org: &OrgId) -> bool {
        self.index.admissions.get(org).is_some_and(|places| places.iter().any(|p| self.live(state, *p)))
    }

    pub(super) fn members<'a>(&'a self, state: &'a Verdicts) -> impl Iterator<Item = OrgId> + 'a {
        self.index.admissions.keys().filter(|org| self.is_member(state, org)).copied()
    }

    pub(super) fn is_steward(&self, state: &Verdicts, org: &OrgId) -> bool {
        self.live_admissions(state, org).into_iter().any(|p| self.stewardship(state, p).is_some())
    }

    pub(super) fn stewards<'a>(&'a self, state: &'a Verdicts) -> impl Iterator<Item = OrgId> + 'a {
        self.index.admissions.keys().filter(|org| self.is_steward(state, org)).copied()
    }

    /// What the stewardship of an admission rests on besides the admission: its last promotion, or nothing
    /// where it came with the invitation. `None` where it is no steward. Of concurrent last words a demotion
    /// wins (M16).
    pub(in crate::membership) fn stewardship(&self, state: &Verdicts, place: usize) -> Option<Option<usize>> {
        let admission = self.admission(place)?;
        let last = self.last_words(state, admission, self.index.stewardships.get(&admission.org));
        if last.is_empty() {
            return admission.steward.then_some(None);
        }
        let promotes = |p: &usize| {
            matches!(self.get(*p).map(|j| &j.effect), Some(Effect::Stewardship { steward: true, .. }))
        };
        last.iter().all(promotes).then(|| last.first().copied())
    }

    /// The role of an admission: its last change, of concurrent ones the most senior author's (M14), else the
    /// one that was joined in.
    pub(in crate::membership) fn role(&self, state: &Verdicts, place: usize) -> Option<Role> {
        let admission = self.admission(place)?;
        let mut last = self.last_words(state, admission, self.index.roles.get(&admission.org));
        last.sort_by(|a, b| {
            let rank = |p: &usize| self.get(*p).and_then(|j| j.rank.as_ref());
            rank(a).cmp(&rank(b)).then_with(|| self.order(*a).cmp(&self.order(*b)))
        });
        match last.first().and_then(|p| self.get(*p)).map(|j| &j.effect) {
            Some(Effect::Role { role, .. }) => Some(role.clone()),
            _ => self.entrant(admission.entry).map(|e| e.signature.value().role.clone()),
        }
    }

    /// Those of the acts that count, came after the admission's entry, and that no other of them follows.
    /// Sorted in a way that does not depend on the order of arrival.
    fn last_words(&self, state: &Verdicts, admission: &Admission, acts: Option<&Vec<usize>>) -> Vec<usize> {
        let acts: Vec<usize> =
            self.counting(state, acts).filter(|p| self.graph.precedes(admission.entry, *p)).collect();
        let followed = |p: usize| acts.iter().any(|later| self.graph.precedes(p, *later));
        let mut last: Vec<usize> = acts.iter().copied().filter(|p| !followed(*p)).collect();
        last.sort_by_key(|p| self.order(*p));
        last
    }

    /// Depth and id: an order that everybody sees alike.
    pub(in crate::membership) fn order(&self, place: usize) -> Option<(u32, crate::ids::ActId)> {
        self.graph.placed(place).map(|p| (p.depth, p.act.id()))
    }

    /// The acts that brought the nodes of these admissions in: found, join, add node. Nodes that were revoked
    /// are left out.
    pub(in crate::membership) fn node_entries(&self, state: &Verdicts, admissions: &[usize]) -> Vec<usize> {
        let mut entries = Vec::new();
        for admission in admissions.iter().filter_map(|p| self.admission(*p)) {
            let added = self.counting(state, self.index.added.get(&admission.org));
            let added = added.filter(|p| self.graph.precedes(admission.entry, *p));
            entries.extend(std::iter::once(admission.entry).chain(added));
        }
        entries.sort_by_key(|p| self.order(*p));
        entries.dedup();
        entries.retain(|p| {
            let node = self.graph.placed(*p).map(|p| p.act.body().author);
            node.is_some_and(|node| self.revocations(state, &node).next().is_none())
        });
        entries
    }

    /// The last act by which a node went on in a new log.
    pub(in crate::membership) fn new_log(&self, state: &Verdicts, node: &NodeId) -> Option<usize> {
        self.counting(state, self.index.new_logs.get(node)).max_by_key(|p| self.order(*p))
    }

    /// How many nodes members have.
    pub(super) fn nodes_now(&self, state: &Verdicts) -> usize {
        let of = |org: OrgId| self.node_entries(state, &self.live_admissions(state, &org)).len();
        self.members(state).map(of).sum()
    }

    /// The present or former organisation of a node.
    pub(super) fn org_of_node(&self, state: &Verdicts, node: &NodeId) -> Option<OrgId> {
        let entry = self.entry_of_node(state, node)?;
        Some(self.graph.placed(entry)?.act.body().org)
    }

    /// The act with which a node came in, the first that counts: found, join, add node.
    pub(in crate::membership) fn entry_of_node(&self, state: &Verdicts, node: &NodeId) -> Option<usize> {
        let entry = |p: usize| self.admission(p).map_or(p, |a| a.entry);
        self.counting(state, self.index.nodes.get(node)).map(entry).min_by_key(|p| self.order(*p))
    }

    /// The act that brought the version of the agreement in force; nothing for the first.
    pub(in crate::membership) fn amendment(&self, state: &Verdicts) -> Option<usize> {
        let effective = self.index.amendments.iter().copied().filter(|p| self.effective(state, *p));
        effective.max_by_key(|p| self.version_of(*p))
    }

    fn version_of(&self, place: usize) -> u32 {
        match self.get(place).map(|j| &j.effect) {
            Some(Effect::Amend { version }) => *version,
            _ => 1,
        }
    }

    pub(in crate::membership) fn version(&self, state: &Verdicts) -> u32 {
        self.amendment(state).map_or(1, |p| self.version_of(p))
    }

    /// The agreement in force.
    pub(in crate::membership) fn agreement(&self, state: &Verdicts) -> &Agreement {
        let enacted = self.amendment(state).and_then(|p| self.get(p)?.enacts.as_ref());
        let proposal = enacted.and_then(|e| self.graph.placed(e.proposal));
        proposal.and_then(|p| p.act.agreement()).unwrap_or_else(|| self.graph.agreement())
    }
}
