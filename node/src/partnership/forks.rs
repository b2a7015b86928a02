//! Authors with two faces: copies compared, statements put together, evidence kept and given on.
//!
//! Each node keeps the version that it had first. What the author wrote before the position that the evidence is
//! about is still exchanged; nothing after it is taken from anybody (the sync machine's rule S7).

use entente_protocol::evidence::{Evidence, SignedHeaders, TwoFaced};
use entente_protocol::ids::{Hash, LogId, NodeId, Seq, SpaceId};
use entente_protocol::log::{Batch, Head};
use entente_protocol::sync::{Event, Message, Proof};

use crate::api::types;
use crate::clock;
use crate::frames::Frame;
use crate::rows;
use crate::store::{Position, Store};

use super::apply::read_entry;
use super::courier::Job;
use super::driver::Driver;
use super::landing::Then;

/// The head of our copy of a log at a position: what its entries before it hash to.
#[must_use]
pub fn head_at(store: &Store, space: &SpaceId, log: &LogId, next: Seq) -> Option<Head> {
    let Some(last) = next.0.checked_sub(1) else { return Some(Head::EMPTY) };
    let position = rows::entry_position(&store.index, space, log, Seq(last)).ok()??;
    read_entry(store, position)?.0.head()
}

/// What the author of a log signed at a position, as it is held here.
#[must_use]
pub fn signed_at(store: &Store, space: &SpaceId, log: &LogId, seq: Seq) -> Option<SignedHeaders> {
    let positions = std::iter::successors(Some(seq), |seq| seq.next());
    let entries = positions.map_while(|seq| {
        let position = rows::entry_position(&store.index, space, log, seq).ok()??;
        Some(read_entry(store, position)?.0)
    });
    SignedHeaders::of_entries(entries)
}

/// Evidence as the journal has it.
#[must_use]
pub fn read(store: &Store, position: Position) -> Option<Evidence> {
    let bytes = store.journal.read(position).ok()?;
    match Frame::from_bytes(&bytes) {
        Ok(Frame::Evidence(_, evidence, _)) => Some(*evidence),
        _ => None,
    }
}

impl Driver {
    /// A peer said what its copy hashes to.
    pub(super) fn compare_copies(
        &mut self,
        from: NodeId,
        (space, log): (SpaceId, LogId),
        next: Seq,
        chain: Hash,
    ) {
        let ours = head_at(self.shared.ledger.store(), &space, &log, next);
        if ours.is_some_and(|head| head.chain != chain) {
            self.event(Event::Diverged { from, space, log, next });
        }
    }

    /// Entries came for positions that are held here already: the last of them tells whether all are the same.
    pub(super) fn compare_batch(&mut self, batch: Batch) {
        let (space, log) = (batch.space, batch.log);
        let Some(stored) = self.state.logs.get(&(space, log)).map(|known| known.stored.next) else { return };
        let ledger = self.shared.ledger.clone();
        let end = stored.0.min(batch.from.0.saturating_add(batch.items.len() as u64));
        let (Some(start), Some(seq)) =
            (head_at(ledger.store(), &space, &log, batch.from), end.checked_sub(1).map(Seq))
        else {
            return;
        };
        match SignedHeaders::of_batch(batch, &start, seq) {
            Ok(said) => self.accuse(said),
            Err(error) => {
                tracing::info!(%error, "entries that are held already came again, not as they were")
            }
        }
    }

    /// What an author signed of a peer's version, beside what it signed of ours.
    pub(super) fn accuse(&mut self, said: SignedHeaders) {
        let Some(first) = said.headers.first().cloned() else { return };
        let ours = signed_at(self.shared.ledger.store(), &first.space, &first.log, first.seq);
        if ours.as_ref().is_some_and(|ours| ours.headers.first() != Some(&first))
            && let Some(ours) = ours
        {
            self.take_evidence(Evidence::of(ours, said));
        }
    }

    /// Keeps evidence that proves something new.
    pub(super) fn take_evidence(&mut self, evidence: Evidence) {
        match evidence.verify() {
            Ok(proof) => self.keep_evidence(&proof),
            Err(error) => tracing::warn!(%error, "a partner's evidence proves nothing"),
        }
    }

    fn keep_evidence(&mut self, proof: &TwoFaced) {
        let key = (proof.space(), proof.log());
        if !self.state.logs.contains_key(&key) || self.state.forks.contains_key(&key) {
            return;
        }
        // At once, so that it is not written twice; if it cannot be written it is met again after a restart.
        self.state.forks.insert(key, proof.seq());
        let frame = Frame::Evidence(self.state.id, Box::new(proof.evidence().clone()), clock::now());
        self.append(vec![frame], Then::Nothing);
    }

    /// Evidence is durable.
    pub(super) fn found_fork(&mut self, space: SpaceId, log: LogId, seq: Seq) {
        self.event(Event::Forked { space, log, seq });
        let Some((_, node)) = self.state.owner(&space, &log) else { return };
        tracing::warn!(?node, seq = seq.0, "a node signed two different entries at one position");
        let event = types::Event::TwoFaced { partnership: self.state.id, node, seq: seq.0 };
        let _nobody_listens = self.shared.events.send(event);
    }

    /// Tells the machine, when it starts, of what is known.
    pub(super) fn tell_known_forks(&mut self) {
        let known: Vec<_> = self.state.forks.iter().map(|(key, seq)| (*key, *seq)).collect();
        for ((space, log), seq) in known {
            self.event(Event::Forked { space, log, seq });
        }
    }

    pub(super) fn send_evidence(&mut self, to: NodeId, space: SpaceId, log: LogId) {
        let store = self.shared.ledger.store();
        let position = rows::evidence_position(&store.index, &self.state.id, &space, &log);
        if let Some(evidence) = position.and_then(|position| read(store, position)) {
            self.send(to, Job::Message(Message::Proof(Proof::Fork(Box::new(evidence)))));
        }
    }
}
