//! Logs that come in: asked for where nobody streams them (S2), passed on to be stored, acknowledged.

use crate::ids::{LogId, NodeId, Seq, SpaceId};
use crate::log::Batch;

use super::super::message::Message;
use super::super::peer::LogKey;
use super::{Effect, SyncMachine};

impl SyncMachine {
    /// S2, at once: asks `from` for a log that it holds more of, if the author cannot send it.
    pub(super) fn fetch_if_orphaned(&mut self, from: NodeId, key: LogKey) {
        let Some(log) = self.log(&key) else { return };
        if log.owner == self.me || self.peers.contains_key(&log.owner) {
            return;
        }
        self.fetch(from, key);
    }

    /// S2: a log of which somebody holds more, and which did not move since the last tick, is asked for.
    pub(super) fn fetch_if_stalled(&mut self, key: LogKey) {
        let me = self.me;
        let Some(log) = self.spaces.get_mut(&key.0).and_then(|s| s.logs.get_mut(&key.1)) else { return };
        let moved = log.received != log.at_last_tick || log.received != log.stored;
        log.at_last_tick = log.received;
        let (received, owner) = (log.received, log.owner);
        if moved || owner == me || self.welcome_until(&key).is_some_and(|until| received >= until) {
            return;
        }
        // Not the author if anybody else will do: it may be busy with many.
        let holders: Vec<NodeId> =
            self.peers.iter().filter(|(_, p)| p.has(&key) > received).map(|(id, _)| *id).collect();
        let chosen = holders.iter().find(|id| **id != owner).or(holders.first());
        if let Some(from) = chosen.copied() {
            self.fetch(from, key);
        }
    }

    fn fetch(&mut self, from: NodeId, key: LogKey) {
        let Some(received) = self.log(&key).map(|l| l.received) else { return };
        let more = self.peers.get(&from).is_some_and(|p| p.has(&key) > received);
        if more {
            self.out.push(Effect::Send(from, Message::WantLog(key.0, key.1, received)));
        }
    }

    /// Entries came.
    pub(super) fn batch(&mut self, from: NodeId, batch: Batch) {
        let key = (batch.space, batch.log);
        if !self.shares(&from, &key.0) {
            return;
        }
        let welcome_until = self.welcome_until(&key);
        let Some(log) = self.spaces.get_mut(&key.0).and_then(|s| s.logs.get_mut(&key.1)) else { return };
        let end = batch.from.0.saturating_add(batch.items.len() as u64);
        let late = welcome_until.is_some_and(|until| end > until.0);
        // Twice, or out of order: the stall rule asks again if it matters.
        if late || batch.from != log.received || batch.items.is_empty() {
            return;
        }
        log.received = Seq(end);
        self.out.push(Effect::Ingest(from, batch));
    }

    /// Up to which position entries of a log are welcome; `Some(0)` for logs of nobody.
    fn welcome_until(&self, key: &LogKey) -> Option<Seq> {
        match self.spaces.get(&key.0) {
            Some(space) if space.circle.is_none() => match self.roster.logs.get(&key.1) {
                Some((_, until)) => *until,
                None => Some(Seq(0)),
            },
            Some(space) => match space.logs.get(&key.1) {
                Some(log) if self.roster.nodes.contains_key(&log.owner) => None,
                _ => Some(Seq(0)),
            },
            None => Some(Seq(0)),
        }
    }

    pub(super) fn stored(&mut self, space: SpaceId, log: LogId, next: Seq) {
        let key = (space, log);
        let Some(state) = self.spaces.get_mut(&space).and_then(|s| s.logs.get_mut(&log)) else { return };
        state.stored = state.stored.max(next);
        state.received = state.received.max(next);
        let (owner, ours) = (state.owner, state.owner == self.me);
        for peer in self.peers.keys().copied().collect::<Vec<_>>() {
            self.pump(peer, key);
        }
        // S3: the author (or whoever stands in for it) learns at once, the others at the next tick.
        if !ours {
            let ahead: Vec<NodeId> = self
                .peers
                .iter()
                .filter(|(id, p)| **id == owner || p.has(&key) >= next)
                .map(|(id, _)| *id)
                .collect();
            for peer in ahead {
                self.tell_one(peer, key);
            }
        }
    }

    pub(super) fn refused(&mut self, from: NodeId, space: SpaceId, log: LogId) {
        if let Some(state) = self.spaces.get_mut(&space).and_then(|s| s.logs.get_mut(&log)) {
            state.received = state.stored;
        }
        // Who sent it holds what we do not accept; do not ask it again for this log.
        if let Some(peer) = self.peers.get_mut(&from) {
            peer.has.remove(&(space, log));
        }
    }
}
