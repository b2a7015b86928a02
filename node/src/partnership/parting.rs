//! Parting, and parleys with those who parted (S11, decision 18): who was removed hears of it, also if it was away;
//! who left goes on knocking until the others have heard; and two sides that removed each other hear each other.
//!
//! The machine says what there is to say. Here is who is let in for it, who is dialled, and what is given: acts up to
//! those that put the other out, nothing later.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use entente_protocol::ids::{ActId, NodeId, TransportId};
use entente_protocol::membership::{Departure, MemberNode};
use entente_protocol::sync::{Event, Message};
use tokio::time::Instant;

use crate::net::Member;

use super::courier::Job;
use super::driver::Driver;

/// How long a session lasts once all is said, so that the last words arrive.
const GRACE: Duration = Duration::from_secs(3);

/// Who is parting.
#[derive(Default)]
pub(super) struct Parting {
    /// Nodes with which a parley is over, and what we had them hear: with as much there is no other.
    over: BTreeMap<NodeId, Vec<ActId>>,
    /// Sessions that end soon.
    ending: BTreeMap<NodeId, Instant>,
    /// Whom the network dials has changed.
    changed: bool,
    /// Revoked nodes that the API was told of.
    pub(super) revoked: BTreeSet<NodeId>,
    /// How many door keys admit.
    pub(super) admitting: usize,
}

impl Driver {
    /// A former member's node that may parley.
    pub(super) fn former_by_transport(&self, transport: &TransportId) -> Option<NodeId> {
        let may = self.state.membership.parleys();
        let mut ever = self.known_cards();
        ever.find(|(node, of)| of.card.transport == *transport && may.contains_key(node))
            .map(|(node, _)| node)
    }

    /// All nodes that ever were, present ones first, and those that came back by what was undone since: with other keys.
    fn known_cards(&self) -> impl Iterator<Item = (NodeId, &MemberNode)> {
        let membership = &self.state.membership;
        let returned = membership.former.values().flat_map(|former| &former.returned);
        let ever = membership.nodes_ever().map(|(_, node, of)| (node, of));
        ever.chain(returned.map(|of| (of.card.node, of)))
    }

    /// What a node would have another hear: the acts that put it out; of a member, all.
    fn points(&self, node: &NodeId) -> Vec<ActId> {
        self.state.membership.parleys().remove(node).unwrap_or_else(|| self.state.graph.heads())
    }

    /// What somebody with these heads lacks and may have.
    pub(super) fn lacking(&self, to: &NodeId, heads: &[ActId]) -> Vec<ActId> {
        if self.state.membership.node(to).is_some() {
            return self.state.graph.missing_from(heads);
        }
        // Of a node that is not spoken to: nothing.
        let points = self.state.membership.parleys().remove(to).unwrap_or_default();
        self.state.graph.missing_up_to(heads, &points)
    }

    pub(super) fn compare_points(&mut self, with: NodeId, points: Vec<ActId>, ask: bool) {
        if points.iter().all(|act| self.state.graph.contains(act)) {
            self.event(Event::Holds(with, points));
        } else if ask {
            let ours = self.points(&with);
            self.send(with, Job::Message(Message::WantActs(ours)));
        }
    }

    /// All is said.
    pub(super) fn parley_over(&mut self, with: NodeId) {
        self.parting.over.insert(with, self.points(&with));
        self.parting.ending.insert(with, Instant::now() + GRACE);
        self.parting.changed = true;
    }

    /// Ends the sessions whose time is over; true if the network must hear of something.
    pub(super) fn parted(&mut self) -> bool {
        let now = Instant::now();
        let over: Vec<NodeId> =
            self.parting.ending.iter().filter(|(_, until)| **until <= now).map(|(node, _)| *node).collect();
        for node in over {
            self.parting.ending.remove(&node);
            self.hang_up(node);
        }
        std::mem::take(&mut self.parting.changed)
    }

    /// Whom the network lets in and dials. Who is no member dials nobody, but lets members in: that it was put
    /// out may turn out to be void, and then whoever takes it for a member dials it. Former members are let in to
    /// parley; stewards dial them until they have heard that they are.
    pub(super) fn network_members(&self) -> Vec<Member> {
        let me = self.state.me.node();
        let membership = &self.state.membership;
        let left = membership.former.get(&self.state.me.org()).is_some_and(|f| f.how == Departure::Left);
        let goes_out = self.state.is_member() || left;
        let steward = self.state.is_member() && membership.is_steward(&self.state.me.org());
        let parleys = membership.parleys();
        let heads = self.state.graph.heads();
        let untold = |node: &NodeId| {
            let points = parleys.get(node).unwrap_or(&heads);
            self.parting.over.get(node).is_none_or(|told| told != points)
        };
        let mut members = Vec::new();
        let mut known = BTreeSet::new();
        for (node, of) in self.known_cards().filter(|(node, _)| *node != me) {
            let former = membership.node(&node).is_none();
            if former && !parleys.contains_key(&node) || !known.insert(of.card.transport) {
                continue;
            }
            let dialled = untold(&node) && if former { steward } else { goes_out };
            let addrs = if dialled { self.addresses_of(&node, of) } else { Vec::new() };
            let sought = dialled && !former;
            let relays = self.relays.theirs.contains(&node);
            members.push(Member { id: of.card.transport, addrs, former, sought, relays });
        }
        members
    }
}
