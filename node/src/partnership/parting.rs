//! Parting: who is removed hears of it, and who leaves goes on knocking until the others have heard.
//!
//! The machine speaks to nobody but members. So a removed node is sent the acts by hand, and its session is
//! kept for a moment so that they arrive; nothing else goes through it. A node that left keeps dialling those
//! who have not asked for its acts yet.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use entente_protocol::ids::{NodeId, TransportId};
use entente_protocol::membership::Departure;
use entente_protocol::sync::Message;
use tokio::time::Instant;

use crate::net::Member;

use super::courier::Job;
use super::driver::Driver;
use super::govern;

/// How long a removed node may stay to read why. It hangs up by itself when it has.
const GRACE: Duration = Duration::from_secs(3);

/// Who is parting.
#[derive(Default)]
pub(super) struct Parting {
    /// Nodes that were removed while connected.
    removed: BTreeMap<NodeId, (TransportId, Instant)>,
    /// After we left: who has asked for the acts that say so.
    told: BTreeSet<NodeId>,
    /// Revoked nodes that the API was told of.
    pub(super) revoked: BTreeSet<NodeId>,
    /// How many door keys admit.
    pub(super) admitting: usize,
}

impl Driver {
    /// Sends the acts to connected nodes that are members no more.
    pub(super) fn see_off(&mut self) {
        let gone: Vec<(NodeId, TransportId)> = self
            .couriers
            .iter()
            .filter(|(node, _)| self.state.membership.node(node).is_none())
            .map(|(node, courier)| (*node, courier.transport))
            .collect();
        for (node, transport) in gone {
            if self.parting.removed.contains_key(&node) {
                continue;
            }
            // Whoever holds a seized node learns nothing from us, not even that we know.
            if self.state.membership.revoked.get(&node).is_some_and(|r| r.seized_at.is_some()) {
                continue;
            }
            for slice in govern::missing(&self.state, &[]) {
                self.send(node, Job::Message(Message::Acts(slice)));
            }
            self.parting.removed.insert(node, (transport, Instant::now() + GRACE));
        }
    }

    /// Is this node being seen off? Then its session ends by itself.
    pub(super) fn is_seen_off(&self, node: &NodeId) -> bool {
        self.parting.removed.contains_key(node)
    }

    /// A node disconnected, or its time is over: true if the network must hear of it.
    pub(super) fn parted(&mut self, node: Option<&NodeId>) -> bool {
        let before = self.parting.removed.len();
        let now = Instant::now();
        self.parting.removed.retain(|id, (_, until)| Some(id) != node && *until > now);
        self.parting.removed.len() != before
    }

    /// After we left, a partner asked for the acts: it knows, or will in a moment.
    pub(super) fn note_told(&mut self, node: NodeId) {
        if !self.state.is_member() {
            self.parting.told.insert(node);
        }
    }

    /// Whom the network lets in and dials. Who is no member dials nobody, but lets members in: that it was put
    /// out may turn out to be void, and then whoever takes it for a member dials it.
    pub(super) fn network_members(&self) -> Vec<Member> {
        let me = self.state.me.node();
        let left =
            self.state.membership.former.get(&self.state.me.org()).is_some_and(|f| f.how == Departure::Left);
        let dialled = |node: &NodeId| {
            let untold = left && !self.parting.told.contains(node);
            self.state.is_member() || untold
        };
        let members = self.state.membership.nodes().filter(|(_, node, _)| *node != me);
        let mut members: Vec<Member> = members
            .map(|(_, node, of)| {
                let addrs = if dialled(&node) { self.addresses_of(&node) } else { Vec::new() };
                Member { id: of.card.transport, addrs }
            })
            .collect();
        let removed = self.parting.removed.values();
        members.extend(removed.map(|(transport, _)| Member { id: *transport, addrs: Vec::new() }));
        members
    }
}
