//! Logs of which two versions exist (S7): found by comparing chain hashes, proved, and told on.
//!
//! ```text
//!  frontier (next, chain) ─▶ same next, other chain ─────────────┐
//!                         └▶ behind us ─ Compare ─▶ Diverged ────┴▶ WantProof ─▶ Proof ─▶ Evidence ─▶ Forked
//!  a batch where we hold entries already ─ CompareBatch ────────────────────────────────────┘          │
//!                                                    told to whoever shares the space  ◀───────────────┘
//! ```
//! Whoever holds as much as the other, or more, notices; the evidence reaches the others from there.

use crate::evidence::{Evidence, SignedHeaders};
use crate::ids::{Hash, LogId, NodeId, Seq, SpaceId};
use crate::log::EntryHeader;

use super::super::message::{Message, Proof};
use super::super::peer::LogKey;
use super::{Effect, SyncMachine};

impl SyncMachine {
    /// A peer says what a log hashes to where its copy ends.
    pub(super) fn claimed(&mut self, from: NodeId, key: LogKey, next: Seq, chain: Hash) {
        if next == Seq(0) {
            return;
        }
        if let Some(peer) = self.peers.get_mut(&from) {
            peer.claims.insert(key, (next, chain));
            peer.doubts.insert(key);
        }
        self.compare(from, key, false);
    }

    /// Compares what a peer last said of a log with ours, if that was not done yet. A copy that is shorter than
    /// ours is looked up in the store, at most once a tick: a peer that follows a stream is behind all the time.
    pub(super) fn compare(&mut self, with: NodeId, key: LogKey, look_up: bool) {
        let Some(log) = self.log(&key) else { return };
        let (stored, ours, forked) = (log.stored, log.chain, log.forked.is_some());
        let Some(peer) = self.peers.get_mut(&with).filter(|p| p.doubts.contains(&key)) else { return };
        let Some((next, chain)) = peer.claims.get(&key).copied() else { return };
        if next > stored || (next < stored && !look_up && !forked) {
            return;
        }
        peer.doubts.remove(&key);
        if forked {
            return;
        }
        if next < stored {
            self.out.push(Effect::Compare { with, space: key.0, log: key.1, next, chain });
        } else if chain != ours {
            self.diverged(with, key, next);
        }
    }

    /// A tick passed: what peers said and could not be compared at once.
    pub(super) fn look_up_claims(&mut self) {
        let doubts = self.peers.iter().flat_map(|(id, peer)| peer.doubts.iter().map(|key| (*id, *key)));
        for (peer, key) in doubts.collect::<Vec<_>>() {
            self.compare(peer, key, true);
        }
    }

    /// A peer's copy differs from ours before this position: asks what its author signed there.
    pub(super) fn diverged(&mut self, from: NodeId, key: LogKey, next: Seq) {
        let known = self.log(&key).is_none_or(|log| log.forked.is_some());
        let Some(peer) = self.peers.get_mut(&from).filter(|_| !known) else { return };
        let at = Seq(next.0.saturating_sub(1));
        peer.asked_proof.insert(key, at);
        self.out.push(Effect::Send(from, Message::WantProof(key.0, key.1, at)));
    }

    /// A peer asks what the author of a log signed at a position.
    pub(super) fn want_proof(&mut self, from: NodeId, space: SpaceId, log: LogId, seq: Seq) {
        let here = self.log(&(space, log)).is_some_and(|known| seq < known.stored);
        if here && self.shares(&from, &space) {
            self.out.push(Effect::SendProof { to: from, space, log, seq });
        }
    }

    pub(super) fn proof(&mut self, from: NodeId, proof: Proof) {
        match proof {
            Proof::Side(side) => self.side(from, side),
            Proof::Fork(evidence) => self.evidence(from, *evidence),
        }
    }

    /// What its author signed of a peer's version: only where it was asked for.
    fn side(&mut self, from: NodeId, side: SignedHeaders) {
        let Some((key, seq)) = side.headers.first().map(place_of) else { return };
        let Some(peer) = self.peers.get_mut(&from) else { return };
        if peer.asked_proof.get(&key) == Some(&seq) {
            peer.asked_proof.remove(&key);
            if self.log(&key).is_some_and(|log| log.forked.is_none()) {
                self.out.push(Effect::TakeProof(from, side));
            }
        }
    }

    /// A peer tells of an author with two faces.
    pub(super) fn evidence(&mut self, from: NodeId, evidence: Evidence) {
        let Some((key, _)) = evidence.one.headers.first().map(place_of) else { return };
        let Some(known) = self.log(&key).map(|log| log.forked.is_some()) else { return };
        if !self.shares(&from, &key.0) {
            return;
        }
        if let Some(peer) = self.peers.get_mut(&from) {
            peer.knows_forks.insert(key);
        }
        if !known {
            self.out.push(Effect::TakeEvidence(from, evidence));
        }
    }

    /// Evidence is kept here: nothing more of the log is taken from there on, and whoever shares it is told.
    pub(super) fn forked(&mut self, key: LogKey, seq: Seq) {
        let Some(log) = self.log_mut(&key) else { return };
        if log.forked.is_none() {
            log.forked = Some(seq);
        }
        for peer in self.peers.keys().copied().collect::<Vec<_>>() {
            self.tell_fork(peer, key);
        }
    }

    /// Tells a peer that has just come of all forks that it may know of.
    pub(super) fn tell_forks(&mut self, peer: NodeId) {
        let forked: Vec<LogKey> = self
            .logs_shared_with(&peer)
            .filter(|(_, log)| log.forked.is_some())
            .map(|(key, _)| key)
            .collect();
        for key in forked {
            self.tell_fork(peer, key);
        }
    }

    fn tell_fork(&mut self, to: NodeId, key: LogKey) {
        if !self.shares(&to, &key.0) {
            return;
        }
        if self.peers.get_mut(&to).is_some_and(|peer| peer.knows_forks.insert(key)) {
            self.out.push(Effect::SendEvidence { to, space: key.0, log: key.1 });
        }
    }
}

fn place_of(header: &EntryHeader) -> (LogKey, Seq) {
    ((header.space, header.log), header.seq)
}
