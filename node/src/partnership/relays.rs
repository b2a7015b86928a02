//! The driver's part in relaying: telling partners whether this node relays, and knowing which of them do.

use std::collections::BTreeSet;

use entente_protocol::ids::NodeId;
use entente_protocol::sync::Message;

use crate::net::{PeerInfo, Reached};

use super::courier::Job;
use super::driver::Driver;

/// Who relays.
#[derive(Default)]
pub(super) struct Relays {
    /// Connected nodes that said that they do.
    pub(super) theirs: BTreeSet<NodeId>,
    /// What connected nodes were told of this one.
    told: bool,
    /// Did one of them say something new?
    changed: bool,
}

impl Relays {
    /// A node is not connected any more: what it said counts no longer.
    pub(super) fn gone(&mut self, node: &NodeId) {
        self.changed |= self.theirs.remove(node);
    }
}

impl Driver {
    /// A partner relays, or does not any more.
    pub(super) fn partner_relays(&mut self, from: NodeId, on: bool) {
        let known = self.relays.theirs.contains(&from);
        if on {
            self.relays.theirs.insert(from);
        } else {
            self.relays.theirs.remove(&from);
        }
        self.relays.changed |= known != on;
    }

    /// Tells a partner that has just connected whether this node relays. Silence means no.
    pub(super) fn tell_relaying(&mut self, to: NodeId) {
        if self.relays.told {
            self.send(to, Job::Message(Message::Relays(true)));
        }
    }

    /// Tells all partners when this node begins or ends to relay. Have partners, so that the network is to be told?
    pub(super) fn look_after_relays(&mut self) -> bool {
        let on = self.shared.relaying.hourly().is_some();
        if on != self.relays.told {
            self.relays.told = on;
            for node in self.couriers.keys().copied().collect::<Vec<_>>() {
                self.send(node, Job::Message(Message::Relays(on)));
            }
        }
        std::mem::take(&mut self.relays.changed)
    }

    /// The name of the organisation whose node carries what is said with another, if one does.
    pub(super) fn through(&self, peer: &PeerInfo) -> Option<String> {
        let (org, _) = self.state.membership.by_transport(&peer.through()?)?;
        Some(self.state.membership.members.get(&org)?.organisation.name.clone())
    }

    /// How the nodes of an organisation are reached, as a sentence, where a partner relays or did; else nothing.
    pub(super) fn way_in_words(&self, name: &str, nodes: &BTreeSet<NodeId>) -> Option<String> {
        let connected = self.peers_of(nodes).into_iter().filter(|peer| peer.connected_since.is_some());
        let words = |peer: PeerInfo| match peer.reached? {
            Reached::Directly => None,
            Reached::Punched => Some(format!("{name} is reached directly, by hole punching.")),
            Reached::Through(_) => {
                Some(format!("{name} is reached through {}, which relays.", self.through(&peer)?))
            }
        };
        connected.filter_map(words).next()
    }

    /// What the network knows of nodes.
    pub(super) fn peers_of(&self, nodes: &BTreeSet<NodeId>) -> Vec<PeerInfo> {
        let of = |node: &NodeId| Some(self.state.membership.node(node)?.1.card.transport);
        let transports: Vec<_> = nodes.iter().filter_map(of).collect();
        self.net.peers().into_iter().filter(|peer| transports.contains(&peer.id)).collect()
    }
}
