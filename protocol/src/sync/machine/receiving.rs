//! Logs that come in: asked for where nobody streams them (S2), passed on to be stored, acknowledged.

use std::collections::BTreeSet;

use crate::ids::{LogId, NodeId, Seq, SpaceId};
use crate::log::{Batch, Head};

use super::super::message::Message;
use super::super::peer::LogKey;
use super::sending::PUSH_FANOUT;
use super::{Ask, Effect, SyncMachine};

/// Ticks without progress before asking somebody else for what the author should be sending.
const AUTHOR_PATIENCE: u32 = 40;
/// Ticks before asking again: doubles from the first to the last.
const PATIENCE: (u32, u32) = (40, 1_200);

impl Ask {
    pub(super) fn new(at: Seq) -> Ask {
        Ask { of: None, at_last_tick: at, quiet: 0, patience: 1 }
    }
}

impl SyncMachine {
    /// S2, at once: asks `from` for a log that it holds more of, if the author cannot send it and nobody was
    /// asked yet.
    pub(super) fn fetch_if_orphaned(&mut self, from: NodeId, key: LogKey) {
        let Some(log) = self.log(&key) else { return };
        // Our own log is an orphan too, if somebody holds more of it: we lost its end.
        if log.ask.of.is_some() || self.peers.contains_key(&log.owner) {
            return;
        }
        self.fetch(from, key);
    }

    /// Somebody holds a log up to here: ticks look at it until we do.
    pub(super) fn note_behind(&mut self, key: LogKey, theirs: Seq) {
        if self.log(&key).is_some_and(|log| log.received < theirs) {
            self.behind.insert(key);
        }
    }

    /// S2: a log of which somebody holds more, and which does not move, is asked for.
    pub(super) fn fetch_if_stalled(&mut self, key: LogKey) {
        let crowded = self.peers.len() > PUSH_FANOUT;
        let author_here = self.log(&key).is_some_and(|log| self.peers.contains_key(&log.owner));
        let Some(log) = self.log_mut(&key) else { return };
        let moved = log.received != log.ask.at_last_tick;
        log.ask.at_last_tick = log.received;
        let (received, owner) = (log.received, log.owner);
        if moved {
            log.ask.quiet = 0;
            log.ask.patience = if author_here && !crowded { AUTHOR_PATIENCE } else { 1 };
        }
        if self.welcome_until(&key).is_some_and(|until| received >= until) {
            self.behind.remove(&key);
            return;
        }
        if moved {
            return;
        }
        let chosen = self.next_holder(key, received, owner);
        if !self.peers.values().any(|p| p.has(&key) > received) {
            self.behind.remove(&key);
        }
        let Some(log) = self.log_mut(&key) else { return };
        let Some(from) = chosen else {
            log.ask = Ask { quiet: 0, ..Ask::new(received) };
            return;
        };
        log.ask.quiet += 1;
        let first = author_here && !crowded && log.ask.of.is_none();
        let patience = if first { log.ask.patience.max(AUTHOR_PATIENCE) } else { log.ask.patience };
        if log.ask.quiet >= patience {
            self.fetch(from, key);
        }
    }

    /// Whom to ask for a log: the one after whoever was asked before, who may not be able to answer. The author
    /// last, since it may be busy with many.
    fn next_holder(&self, key: LogKey, beyond: Seq, owner: NodeId) -> Option<NodeId> {
        let asked = self.log(&key)?.ask.of;
        let mut holders: Vec<NodeId> =
            self.peers.iter().filter(|(_, p)| p.offers(&key, beyond)).map(|(id, _)| *id).collect();
        holders.sort_by_key(|id| *id == owner);
        let before = asked.and_then(|of| holders.iter().position(|id| *id == of));
        before.and_then(|at| holders.get(at + 1)).or(holders.first()).copied()
    }

    fn fetch(&mut self, from: NodeId, key: LogKey) {
        let Some(received) = self.log(&key).map(|l| l.received) else { return };
        if !self.peers.get(&from).is_some_and(|p| p.offers(&key, received)) {
            return;
        }
        if let Some(log) = self.log_mut(&key) {
            let patience = (log.ask.patience * 2).clamp(PATIENCE.0, PATIENCE.1);
            log.ask = Ask { of: Some(from), at_last_tick: received, quiet: 0, patience };
        }
        self.out.push(Effect::Send(from, Message::WantLog(key.0, key.1, received)));
    }

    /// A peer that was asked is gone: others may be asked at once.
    pub(super) fn forget_asked(&mut self, peer: &NodeId) {
        for log in self.spaces.values_mut().flat_map(|s| s.logs.values_mut()) {
            if log.ask.of == Some(*peer) || log.owner == *peer {
                log.ask = Ask::new(log.received);
            }
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
        // A batch that begins where entries are welcome may end where they are not: its signature stands at its
        // end, so it comes whole or not at all, and each entry is judged by its position.
        let late = welcome_until.is_some_and(|until| batch.from >= until)
            || log.forked.is_some_and(|forked| end > forked.0);
        if batch.from < log.stored && log.forked.is_none() && !batch.items.is_empty() {
            self.out.push(Effect::CompareBatch(from, batch));
            return;
        }
        // Twice, or out of order: the stall rule asks again if it matters.
        if late || batch.from != log.received || batch.items.is_empty() {
            return;
        }
        log.received = Seq(end);
        self.out.push(Effect::Ingest(from, batch));
        self.settle_ask(key);
    }

    /// Who was asked and has no more can be asked again when it says that it has.
    fn settle_ask(&mut self, key: LogKey) {
        let Some(log) = self.log(&key) else { return };
        let more = log.ask.of.and_then(|of| self.peers.get(&of)).is_some_and(|p| p.has(&key) > log.received);
        if let Some(log) = self.log_mut(&key).filter(|_| !more) {
            log.ask.of = None;
        }
    }

    /// Up to which position entries of a log are welcome; `Some(0)` for logs of nobody.
    pub(super) fn welcome_until(&self, key: &LogKey) -> Option<Seq> {
        let forked = self.log(key).and_then(|log| log.forked);
        let until = self.welcome_by_roster(key);
        until.zip(forked).map(|(a, b)| a.min(b)).or(until).or(forked)
    }

    pub(super) fn welcome_by_roster(&self, key: &LogKey) -> Option<Seq> {
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

    pub(super) fn stored(&mut self, space: SpaceId, log: LogId, head: Head) {
        let next = head.next;
        let key = (space, log);
        let Some(state) = self.spaces.get_mut(&space).and_then(|s| s.logs.get_mut(&log)) else { return };
        state.reach(head);
        self.grown.insert(key);
        let (owner, ours) = (state.owner, state.owner == self.me);
        for peer in self.peers.keys().copied().collect::<Vec<_>>() {
            self.pump(peer, key);
            self.compare(peer, key, false);
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
            self.behind.insert((space, log));
        }
        if let Some(log) = self.log_mut(&(space, log)) {
            log.ask = Ask::new(log.received);
        }
        if let Some(peer) = self.peers.get_mut(&from) {
            peer.shun((space, log));
        }
    }

    /// Why something was refused is not known here: all of it is asked for.
    pub(super) fn room_made(&mut self) {
        let refused: BTreeSet<LogKey> =
            self.peers.values_mut().flat_map(|peer| core::mem::take(&mut peer.shunned).into_keys()).collect();
        for key in refused {
            let Some((received, owner)) = self.log(&key).map(|log| (log.received, log.owner)) else {
                continue;
            };
            if let Some(from) = self.next_holder(key, received, owner) {
                self.fetch(from, key);
            }
        }
    }
}
