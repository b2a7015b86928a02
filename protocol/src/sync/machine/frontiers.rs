//! Which logs there are and how far who holds them: heard from peers, and told to them (S3, S4).

use std::collections::{BTreeMap, BTreeSet};

use crate::derive;
use crate::identity::LogCertificate;
use crate::ids::{LogId, NodeId, OrgId, Seq, SpaceId};
use crate::limits;
use crate::log::Head;
use crate::signed::Unverified;

use super::super::message::{Announcement, Frontier, LOGS_PER_FRONTIER, LogOwner, LogPoint, Message};
use super::super::peer::{LogKey, MoreOfOurs};
use super::{Effect, Log, Space, SyncMachine};

impl SyncMachine {
    /// A peer tells how far it holds the logs of a space.
    pub(super) fn frontier(&mut self, from: NodeId, frontier: Frontier) {
        let Frontier { space, circle, logs } = frontier;
        if logs.len() > LOGS_PER_FRONTIER || !self.meet(&from, space, circle.as_ref()) {
            return;
        }
        if let Some(peer) = self.peers.get_mut(&from) {
            peer.told_frontier = true;
        }
        for point in logs {
            if let Some(owner) = point.certificate {
                self.meet_log(space, point.log, owner);
            }
            if self.spaces.get(&space).is_some_and(|s| s.logs.contains_key(&point.log)) {
                let key = (space, point.log);
                self.note_more_of_ours(&from, key, point.next);
                if let Some(peer) = self.peers.get_mut(&from) {
                    peer.has.insert(key, point.next);
                    // It has more than we sent, from elsewhere. A batch that is being read goes out all the
                    // same: its acknowledgement may come before the driver's word that it went.
                    if let Some(stream) = peer.streams.get_mut(&key).filter(|s| !s.reading) {
                        stream.next = stream.next.max(point.next);
                    }
                }
                if let Some(chain) = point.chain {
                    self.claimed(from, key, point.next, chain);
                }
                self.note_behind(key, point.next);
                self.fetch_if_orphaned(from, key);
                self.pump(from, key);
            }
        }
    }

    /// Does it hold more of our own log than we do?
    fn note_more_of_ours(&mut self, from: &NodeId, key: LogKey, next: Seq) {
        let stored = self.log(&key).filter(|log| log.owner == self.me).map(|log| log.stored);
        if let (Some(at), Some(peer)) = (stored.filter(|at| *at < next), self.peers.get_mut(from)) {
            peer.more_of_ours.entry(key).or_insert(MoreOfOurs { at, quiet: 0 });
        }
    }

    /// May this peer speak of this space? Learns a circle that it is the first to speak of.
    pub(super) fn meet(&mut self, from: &NodeId, space: SpaceId, circle: Option<&Vec<OrgId>>) -> bool {
        if self.spaces.contains_key(&space) {
            return self.shares(from, &space);
        }
        let Some(orgs) = circle else { return false };
        let sorted = orgs.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
        let bounded = (2..=limits::MAX_NAMED_READERS + 1).contains(&orgs.len())
            && self.spaces.len() <= limits::MAX_CIRCLES;
        let ours = self.roster.nodes.get(&self.me).is_some_and(|o| orgs.contains(o));
        let theirs = self.roster.nodes.get(from).is_some_and(|o| orgs.contains(o));
        let right_name = derive::space_of_circle(&self.partnership, orgs) == space;
        if !(sorted && bounded && ours && theirs && right_name) {
            return false;
        }
        self.spaces.insert(space, Space { circle: Some(orgs.clone()), logs: BTreeMap::new() });
        true
    }

    /// Learns a circle's log whose owner a peer shows.
    pub(super) fn meet_log(&mut self, space: SpaceId, log: LogId, owner: LogOwner) {
        let Some(place) = self.spaces.get_mut(&space) else { return };
        let Some(orgs) = place.circle.clone() else { return };
        if place.logs.contains_key(&log) || place.logs.len() >= limits::MAX_LOGS {
            return;
        }
        let member = self.roster.nodes.get(&owner.node).is_some_and(|o| orgs.contains(o));
        let Ok(signed) = owner.certificate.verify(&owner.node.0) else { return };
        let right = *signed.value() == LogCertificate { space, node: owner.node, log };
        if !(member && right) {
            return;
        }
        let certificate = owner.certificate;
        place.logs.insert(log, Log::new(owner.node, Some(certificate.clone()), Head::EMPTY));
        self.out.push(Effect::KeepLog { space, circle: orgs, log, owner: owner.node, certificate });
    }

    pub(super) fn log_opened(
        &mut self,
        space: SpaceId,
        circle: Option<Vec<OrgId>>,
        log: LogId,
        owner: (NodeId, Option<Unverified<LogCertificate>>),
        head: Head,
    ) {
        let place = self.spaces.entry(space).or_insert_with(|| Space { circle, logs: BTreeMap::new() });
        let known = place.logs.entry(log).or_insert_with(|| Log::new(owner.0, owner.1, head));
        // Known from the roster, or from a peer, before it was loaded from the store.
        known.reach(head);
        for peer in self.peers.keys().copied().collect::<Vec<_>>() {
            self.tell_one(peer, (space, log));
            self.pump(peer, (space, log));
        }
    }

    pub(super) fn announced(&mut self, from: NodeId, announcement: &Announcement) {
        let key = (derive::space_of_all(&self.partnership), announcement.log);
        if !self.spaces.get(&key.0).is_some_and(|s| s.logs.contains_key(&key.1)) {
            return;
        }
        let Some(peer) = self.peers.get_mut(&from) else { return };
        let has = peer.has.entry(key).or_insert(Seq(0));
        *has = (*has).max(announcement.next);
        self.note_behind(key, announcement.next);
        self.fetch_if_orphaned(from, key);
    }

    /// Tells a peer how far we hold the logs that it may know of: all, or what changed.
    pub(super) fn tell(&mut self, peer: NodeId, all: bool) {
        let Some(state) = self.peers.get(&peer) else { return };
        let changed = self.logs_shared_with(&peer).filter(|(key, log)| state.is_news(key, log.stored, all));
        let changed: Vec<LogKey> = changed.map(|(key, _)| key).collect();
        self.send_frontiers(peer, changed);
    }

    /// Tells a peer how far we hold these logs, those of them that it may know of.
    pub(super) fn tell_of(&mut self, peer: NodeId, logs: &BTreeSet<LogKey>) {
        let Some(state) = self.peers.get(&peer) else { return };
        let news = |key: &&LogKey| self.log(key).is_some_and(|log| state.is_news(key, log.stored, false));
        let changed: Vec<LogKey> =
            logs.iter().filter(|key| self.shares(&peer, &key.0)).filter(news).copied().collect();
        self.send_frontiers(peer, changed);
    }

    /// S3: a peer knows other members than before. What it may not have understood when it was told, since it did
    /// not know whose log it was, is told and sent anew: all logs of which it has never spoken.
    pub(super) fn tell_again(&mut self, peer: NodeId) {
        let Some(state) = self.peers.get(&peer) else { return };
        let unheard = self.logs_shared_with(&peer).filter(|(key, log)| {
            log.stored > Seq(0) && state.told.contains_key(key) && !state.has.contains_key(key)
        });
        let unheard: Vec<LogKey> = unheard.map(|(key, _)| key).collect();
        if let Some(state) = self.peers.get_mut(&peer) {
            for key in &unheard {
                state.introduced.remove(key);
                if state.streams.get(key).is_some_and(|stream| !stream.reading) {
                    state.streams.remove(key);
                }
            }
        }
        self.send_frontiers(peer, unheard.clone());
        for key in unheard {
            self.pump(peer, key);
        }
    }

    fn send_frontiers(&mut self, peer: NodeId, logs: Vec<LogKey>) {
        let mut by_space: BTreeMap<SpaceId, Vec<LogId>> = BTreeMap::new();
        for (space, log) in logs {
            by_space.entry(space).or_default().push(log);
        }
        for (space, logs) in by_space {
            for part in logs.chunks(LOGS_PER_FRONTIER) {
                self.send_frontier(peer, space, part);
            }
        }
    }

    pub(super) fn tell_one(&mut self, peer: NodeId, key: LogKey) {
        if self.shares(&peer, &key.0) {
            self.send_frontier(peer, key.0, &[key.1]);
        }
    }

    fn send_frontier(&mut self, to: NodeId, space: SpaceId, logs: &[LogId]) {
        let Some(place) = self.spaces.get(&space) else { return };
        let Some(peer) = self.peers.get_mut(&to) else { return };
        let mut points = Vec::with_capacity(logs.len());
        for id in logs {
            let Some(log) = place.logs.get(id) else { continue };
            let first_time = peer.introduced.insert((space, *id));
            let certificate = log
                .certificate
                .clone()
                .filter(|_| first_time)
                .map(|certificate| LogOwner { node: log.owner, certificate });
            peer.told.insert((space, *id), log.stored);
            let chain = (log.stored > Seq(0)).then_some(log.chain);
            points.push(LogPoint { log: *id, next: log.stored, certificate, chain });
        }
        let frontier = Frontier { space, circle: place.circle.clone(), logs: points };
        self.out.push(Effect::Send(to, Message::Frontier(frontier)));
    }
}
