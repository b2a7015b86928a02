//! What the sync machine says, done: messages to partners, frames for the journal.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use entente_protocol::codec;
use entente_protocol::ids::{ActId, LogId, NodeId, Seq, SpaceId};
use entente_protocol::log::{Body, Item};
use entente_protocol::membership::NoKey;
use entente_protocol::sync::{Effect, Event, Message};

use crate::clock;
use crate::frames::{CircleLog, Denied, Frame};

use super::courier::{self, Job, Waiting};
use super::driver::Driver;
use super::fence::FenceReason;
use super::landing::Then;
use super::{apply, epochs, govern, ingest};

/// A member that asks again and again for what it may not have fills nobody's journal.
const DENIED_AGAIN: Duration = Duration::from_secs(3_600);

impl Driver {
    /// Gives an event to the machine and does what it says.
    pub(super) fn event(&mut self, event: Event) {
        for effect in self.machine.handle(event) {
            self.effect(effect);
        }
    }

    pub(super) fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::Send(to, message) => self.send(to, Job::Message(message)),
            Effect::SendBatch { to, space, log, from } => self.send(to, Job::Batch(space, log, from)),
            Effect::Ingest(from, batch) => self.ingest(from, batch),
            Effect::KeepLog { space, circle, log, owner, certificate } => {
                let partnership = self.state.id;
                let log = CircleLog { partnership, space, circle, log, owner, certificate };
                // At once, because its entries follow on its heels; the journal keeps the order.
                apply::learn_log(&mut self.state, &log);
                self.append(vec![Frame::Log(log)], Then::Nothing);
            }
            Effect::CompareHeads(from, heads) => {
                self.told_heads.insert(from, heads.clone());
                if heads.iter().any(|head| !self.state.graph.contains(head)) {
                    let ours = self.state.graph.heads();
                    self.send(from, Job::Message(Message::WantActs(ours)));
                }
            }
            Effect::ComparePoints(with, points, ask) => self.compare_points(with, points, ask),
            Effect::ParleyOver(with) => self.parley_over(with),
            Effect::TakeActs(_, acts) => self.take_acts(&acts),
            Effect::SendActs(to, heads) => self.send_acts(to, &heads),
            Effect::TakeEpoch(_, header, slot) => self.take_epoch(&header, &slot),
            Effect::SendEpoch(to, _, epoch) => match epochs::give(&self.state, &to, &epoch) {
                Some((header, slot)) => self.send(to, Job::Message(Message::Epoch(header, slot))),
                None => self.note_denied(to),
            },
            Effect::EpochTold(from, epoch) => self.epoch_told(from, epoch),
            Effect::SendRecordKeys(to, epoch, places) => self.give_history(to, epoch, places),
            Effect::TakeRecordKeys(_, keys) => self.take_history(&keys),
            Effect::Compare { with, space, log, next, chain } => {
                self.compare_copies(with, (space, log), next, chain);
            }
            Effect::CompareBatch(_, batch) => self.compare_batch(batch),
            Effect::SendProof { to, space, log, seq } => self.send(to, Job::Proof(space, log, seq)),
            Effect::TakeProof(_, said) => self.accuse(said),
            Effect::TakeEvidence(_, evidence) => self.take_evidence(evidence),
            Effect::SendEvidence { to, space, log } => self.send_evidence(to, space, log),
            Effect::ComparePrekeys(from, points) => self.compare_prekeys(from, &points),
            Effect::TakePrekeys(from, prekeys) => self.take_prekeys(from, &prekeys),
            Effect::TakeMailboxes(from, told) => self.take_mailboxes(from, &told),
            Effect::Blob(from, message) => self.about_attachment(from, message),
            Effect::Full(from, full) => self.partner_is_full(from, full),
            Effect::Relays(from, on) => self.partner_relays(from, on),
            Effect::Verify(from, message) => self.about_verification(from, &message),
            Effect::Addresses(from, addresses) => {
                self.told.insert(from, addresses);
            }
            Effect::HangUp(node, why) => {
                tracing::info!(?node, why, "hanging up");
                self.hang_up(node);
            }
        }
    }

    /// Who asks for a key before it has declared confidentiality is written down, once in a while (C5).
    fn note_denied(&mut self, node: NodeId) {
        let (now, id) = (clock::now(), self.state.id);
        let Some((org, _)) = self.state.membership.node(&node) else { return };
        let Err(why) = self.state.membership.may_read(&org, now) else { return };
        let expired = matches!(why, NoKey::DeclarationExpired(_));
        if !expired && why != NoKey::NotDeclared
            || self.denied.get(&org).is_some_and(|at| at.elapsed() < DENIED_AGAIN)
        {
            return;
        }
        // At most one for each organisation that was ever let in.
        self.denied.insert(org, Instant::now());
        self.append(vec![Frame::Denied(id, Denied { org, node, expired, when: now })], Then::Kept);
    }

    /// Answers a partner that asks for acts, unless it has not read the answers before. Who is a member no more is
    /// given those that put it out, and what they follow.
    pub(super) fn send_acts(&mut self, to: NodeId, heads: &[ActId]) {
        let Some(waiting) = self.couriers.get(&to).map(|courier| courier.acts_waiting.clone()) else {
            return;
        };
        if waiting.load(Ordering::Relaxed) > courier::ACTS_WAITING {
            tracing::info!(?to, "hanging up: it asks for acts again and again and does not read them");
            return self.hang_up(to);
        }
        for slice in govern::slices(&self.state, self.lacking(&to, heads)) {
            let bytes = slice.iter().map(|act| codec::encode(act).len()).sum();
            self.send(to, Job::Acts(slice, Waiting::new(bytes, &waiting)));
        }
    }

    /// Queues something for a partner. One that lets its queue fill is hung up on. To a former member nothing goes
    /// but what a parley consists of, whoever would send it.
    pub(super) fn send(&mut self, to: NodeId, job: Job) {
        let Some(courier) = self.couriers.get(&to) else { return };
        if courier.former && !job.is_of_a_parley() {
            return;
        }
        let lacks = |space, log, from: Seq| {
            self.state.logs.get(&(space, log)).map_or(0, |known| known.stored.next.0.saturating_sub(from.0))
        };
        let queue = match &job {
            job if job.is_bulk() => &courier.chunks,
            Job::Batch(space, log, from) if courier::is_missed(lacks(*space, *log, *from)) => &courier.missed,
            _ => &courier.jobs,
        };
        if queue.try_send(job).is_err() {
            self.hang_up(to);
        }
    }

    pub(super) fn hang_up(&mut self, node: NodeId) {
        if let Some(courier) = self.couriers.get(&node) {
            self.net.hang_up(&courier.transport);
        }
    }

    pub(super) fn ingest(&mut self, from: NodeId, batch: entente_protocol::log::Batch) {
        let (space, log) = (batch.space, batch.log);
        if let Some(frames) = self.accept(from, batch) {
            self.append(frames, Then::Ingested(from, space, log));
        }
    }

    /// The frames of a batch that continues our copy of a log, if there is room; the machine hears of it if not.
    pub(super) fn accept(&mut self, from: NodeId, batch: entente_protocol::log::Batch) -> Option<Vec<Frame>> {
        let (space, log) = (batch.space, batch.log);
        let len = |item: &Item| match &item.body {
            Body::Full(payload) => payload.len() as u64,
            Body::Erased(..) => 0,
        };
        let bytes = batch.items.iter().map(len).sum();
        if self.has_no_room(from, space, log, bytes) {
            return None;
        }
        match ingest::verify(&mut self.state, batch) {
            Ok(frames) => {
                // Nobody else can sign in our log: we lost what we get back.
                let ours =
                    self.state.logs.get(&(space, log)).is_some_and(|l| l.owner == self.state.me.node());
                let fenced = if ours { self.fence(FenceReason::PartnerHadMore) } else { Ok(()) };
                match fenced {
                    Ok(()) => return Some(frames),
                    Err(error) => {
                        tracing::error!(%error, "the fence could not be kept in the vault");
                        self.not_ingested(from, space, log);
                    }
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a partner's entries were not accepted");
                self.event(Event::Refused { from, space, log });
            }
        }
        None
    }

    pub(super) fn not_ingested(&mut self, from: NodeId, space: SpaceId, log: LogId) {
        if let Some(known) = self.state.logs.get_mut(&(space, log)) {
            known.queued = known.stored;
        }
        self.event(Event::Refused { from, space, log });
    }
}
