//! What happens once frames are durable: the index learns of them, then whoever waits.

use std::collections::BTreeSet;

use entente_protocol::ids::{LogId, NodeId, OrgId, RecordId, SpaceId};
use entente_protocol::limits;
use entente_protocol::signed::Unverified;
use entente_protocol::sync::{Announcement, Event};
use entente_protocol::verification::Stage;
use futures::{FutureExt, StreamExt};
use tokio::sync::oneshot;

use crate::api::types;
use crate::clock;
use crate::frames::Frame;
use crate::ledger::Landed;
use crate::rows::Batch;
use crate::store::{JournalError, Position};

use super::acknowledge;
use super::ahead::{Ahead, judge_all};
use super::apply::{self, Applied};
use super::carry::Carried;
use super::commands::{CommandError, Published, Reply};
use super::decide::Decided;
use super::driver::Driver;
use super::join::{Refusal, Verdict};
use super::news::News;

/// What is to happen once frames are durable.
pub(super) enum Then {
    /// Answer whoever published.
    Published(Published, Reply<Published>),
    /// Tell the machine that a partner's batch is here.
    Ingested(NodeId, SpaceId, LogId),
    /// Answer who asked to join.
    Asked(OrgId, NodeId, oneshot::Sender<Verdict>),
    /// Answer whoever changed membership.
    Membership(Option<Reply<()>>),
    /// Answer whoever wanted so many acknowledgements written.
    Acknowledged(usize, Option<Reply<usize>>),
    /// Answer whoever took a record back, once it is erased here too.
    Withdrawn(Reply<usize>),
    /// Answer whoever decided something.
    Decided(Decided, Reply<Decided>),
    /// Answer who brought acts in a file.
    Taken(usize, Reply<usize>),
    /// Answer who brought a file: what became of one message in it, a batch from a node for a log perhaps.
    Carried(Option<(NodeId, SpaceId, LogId)>, Carried, Reply<Carried>),
    /// Answer whoever typed a code.
    Verified(Stage, Option<Reply<Stage>>),
    /// Tell the staff that an attachment of a record is here.
    Came(Option<RecordId>),
    /// Nothing more.
    Kept,
    /// Nothing but that the network is told who may connect, and with which keys.
    Nothing,
}

/// What was made of frames while the disk was at work, if nothing else was on its way.
#[derive(Default)]
pub(super) struct Meanwhile {
    judged: Option<Ahead>,
    news: Option<News>,
}

/// Frames that are durable, or why they are not, and what is to happen.
pub(super) type Durable = (Result<(Landed, Meanwhile), JournalError>, Then);

/// Entries that are applied in one change.
const TOGETHER: usize = limits::MAX_BATCH_ENTRIES;

/// The log that this goes on with, if it is nothing but entries of one that were published or came; what a draft was
/// shared as may stand between. Such landings are applied in one change: it is as if a partner's batch had been longer.
fn log_of(landed: &Landed, then: &Then) -> Option<(SpaceId, LogId)> {
    if !matches!(then, Then::Published(..) | Then::Ingested(..)) {
        return None;
    }
    if !landed.frames.iter().all(|(_, frame)| frame.is_among_entries()) {
        return None;
    }
    let entries = landed.frames.iter().filter_map(|(_, frame)| frame.entry());
    let mut logs = entries.map(|entry| (entry.header.space, entry.header.log));
    let log = logs.next()?;
    logs.all(|other| other == log).then_some(log)
}

impl Driver {
    /// Hands frames to the journal; the rest happens when they have landed.
    pub(super) fn append(&mut self, frames: Vec<Frame>, then: Then) {
        let append = self.shared.ledger.append(frames);
        // If more is on its way, others wait for the driver: then that comes first.
        let idle = self.inflight.is_empty();
        let meanwhile = if idle { self.meanwhile(append.frames(), &then) } else { Meanwhile::default() };
        let ledger = self.shared.ledger.clone();
        self.inflight.push_back(Box::pin(async move {
            let landed = append.landed(&ledger).await;
            (landed.map(|landed| (landed, meanwhile)), then)
        }));
    }

    /// The disk is at work, and nobody waits for the driver.
    fn meanwhile(&self, frames: &[Frame], then: &Then) -> Meanwhile {
        let news = matches!(then, Then::Published(..)).then(|| News::of(frames)).flatten();
        Meanwhile { judged: Some(Ahead::of(&self.state, frames)), news }
    }

    /// Frames are durable, or could not be written. What else has landed already is applied in one change with
    /// them where that is the same as one after the other.
    pub(super) async fn landed(&mut self, first: Durable) {
        let mut next = Some(first);
        while let Some((landed, then)) = next.take() {
            let (landed, meanwhile) = match landed {
                Ok(landed) => landed,
                Err(error) => return self.not_stored(error, then),
            };
            let (log, mut entries) = (log_of(&landed, &then), landed.frames.len());
            let mut group = vec![(landed, meanwhile, then)];
            while let Some(Some(more)) = self.inflight.next().now_or_never() {
                match more {
                    (Ok((landed, meanwhile)), then)
                        if log.is_some()
                            && log_of(&landed, &then) == log
                            && entries + landed.frames.len() <= TOGETHER =>
                    {
                        entries += landed.frames.len();
                        group.push((landed, meanwhile, then));
                    }
                    other => {
                        next = Some(other);
                        break;
                    }
                }
            }
            self.settle(group).await;
        }
    }

    async fn settle(&mut self, group: Vec<(Landed, Meanwhile, Then)>) {
        let ledger = self.shared.ledger.clone();
        let mut news = None;
        let mut batch = Batch::default();
        let (mut tickets, mut all, mut thens) = (Vec::new(), Vec::new(), Vec::new());
        for (landed, meanwhile, then) in group {
            let applied = self.apply_to(&mut batch, &landed.frames, meanwhile.judged);
            news = news.or(meanwhile.news);
            let in_order = !applied.iter().any(|a| matches!(a, Applied::OutOfOrder(..)));
            all.extend(applied);
            tickets.push(landed.ticket);
            thens.push((then, in_order));
        }
        let later = news.map_or_else(Vec::new, |news| self.tell_news(&news));
        if let Err(error) = ledger.settle_all(tickets, batch) {
            tracing::error!(%error, "the index failed; the journal has everything, restart the node");
        }
        for effect in later {
            self.effect(effect);
        }
        self.react(all);
        for (then, in_order) in thens {
            self.then(then, in_order).await;
        }
    }

    fn apply_to(
        &mut self,
        batch: &mut Batch,
        frames: &[(Position, Frame)],
        ahead: Option<Ahead>,
    ) -> Vec<Applied> {
        let ledger = self.shared.ledger.clone();
        let mut applied = Vec::new();
        let judged = ahead
            .and_then(|ahead| ahead.still(&self.state))
            .unwrap_or_else(|| judge_all(&self.state, frames.iter().map(|(_, frame)| frame)));
        for ((position, frame), judgement) in frames.iter().zip(judged) {
            let at = (*position, frame);
            applied.extend(apply::apply_judged(&mut self.state, ledger.store(), batch, at, judgement));
        }
        if frames.iter().any(|(_, frame)| matches!(frame, Frame::Act(..))) {
            applied.extend(apply::after_acts(&mut self.state, ledger.store(), batch));
        }
        applied
    }

    pub(super) fn not_stored(&mut self, error: JournalError, then: Then) {
        tracing::error!(%error, "could not write to the journal");
        // What was queued behind it does not continue the log any more, and is refused when it lands.
        for log in self.state.logs.values_mut() {
            log.queued = log.stored;
        }
        match then {
            Then::Published(_, reply) => {
                let _gone = reply.send(Err(CommandError::Ledger(error.into())));
            }
            Then::Ingested(from, space, log) => self.event(Event::Refused { from, space, log }),
            Then::Carried(place, _, reply) => {
                if let Some((from, space, log)) = place {
                    self.event(Event::Refused { from, space, log });
                }
                let _gone = reply.send(Err(CommandError::Ledger(error.into())));
            }
            Then::Membership(Some(reply)) => {
                let _gone = reply.send(Err(CommandError::Ledger(error.into())));
            }
            Then::Verified(_, Some(reply)) => {
                let _gone = reply.send(Err(CommandError::Ledger(error.into())));
            }
            Then::Decided(_, reply) => {
                let _gone = reply.send(Err(CommandError::Ledger(error.into())));
            }
            Then::Taken(_, reply) => {
                let _gone = reply.send(Err(CommandError::Ledger(error.into())));
            }
            Then::Asked(_, _, reply) => {
                let reason = "the inviter's node could not keep the request; ask again later".into();
                let _gone = reply.send(Verdict::Refused(Refusal { code: "failed".into(), reason }));
            }
            Then::Acknowledged(count, reply) => {
                acknowledge::answer(count, reply, Err(CommandError::Ledger(error.into())));
            }
            Then::Withdrawn(reply) => {
                acknowledge::answer(1, Some(reply), Err(CommandError::Ledger(error.into())))
            }
            Then::Membership(None) | Then::Verified(_, None) | Then::Came(_) | Then::Kept | Then::Nothing => {
            }
        }
    }

    /// Tells the machine, the fetcher and the API what came of applied frames.
    pub(super) fn react(&mut self, applied: Vec<Applied>) {
        let mut stored: BTreeSet<(SpaceId, LogId)> = BTreeSet::new();
        for one in applied {
            match one {
                Applied::Stored(space, log, _) => {
                    stored.insert((space, log));
                }
                Applied::Record(record) => {
                    let event = types::Event::Record { record, visible_ns: clock::now_ns() };
                    let _nobody_listens = self.shared.events.send(event);
                }
                Applied::Waiting(space, epoch, place, time) => {
                    self.asked_epochs.insert(epoch);
                    self.event(Event::EpochMissing(space, epoch));
                    self.want_history(space, epoch, place, time);
                }
                Applied::Records(epoch, places) => self.event(Event::RecordsKnown(epoch, places)),
                Applied::Epoch(epoch) => {
                    self.asked_epochs.remove(&epoch);
                    self.event(Event::EpochKnown(epoch));
                    self.tell_current_epoch();
                    self.give_if_minted_here(epoch);
                }
                Applied::Refused(code, reason) => {
                    let event = types::Event::Quarantined { code, reason };
                    let _nobody_listens = self.shared.events.send(event);
                }
                Applied::Log(space, log) => self.tell_log(space, log),
                Applied::Forked(space, log, seq) => self.found_fork(space, log, seq),
                Applied::Verified(org) => self.tell_verification(org),
                Applied::ToErase(record, cause) => self.erase(record, cause, None),
                Applied::Erased(record) => self.owe_receipt(record),
                Applied::AttachmentsGone(author, bytes) => self.attachments_gone(&author, bytes),
                Applied::Wanted(blob) if self.comes_by_itself(&blob) => self.fetcher.want(blob),
                Applied::Wanted(_) => {}
                Applied::OutOfOrder(space, log) => {
                    if let Some(known) = self.state.logs.get_mut(&(space, log)) {
                        known.queued = known.stored;
                    }
                }
            }
        }
        for (space, log) in stored {
            let Some(known) = self.state.logs.get(&(space, log)) else { continue };
            let (head, ours) = (known.stored, known.owner == self.state.me.node());
            if !ours {
                self.pace.heard();
            }
            self.note_announcement(space, log);
            self.event(Event::Stored { space, log, head });
        }
        self.fetch_on();
    }

    pub(super) async fn then(&mut self, then: Then, in_order: bool) {
        match then {
            Then::Published(published, reply) => {
                let answer = if in_order { Ok(published) } else { Err(CommandError::OutOfOrder) };
                let _gone = reply.send(answer);
            }
            Then::Ingested(from, space, log) => {
                if !in_order {
                    self.event(Event::Refused { from, space, log });
                }
            }
            Then::Carried(place, carried, reply) => {
                if let Some((from, space, log)) = place.filter(|_| !in_order) {
                    self.event(Event::Refused { from, space, log });
                }
                if carried.acts > 0 {
                    self.membership_changed().await;
                }
                // The network was faster, or the disk failed: the entries are still wanted, and come again.
                let entries = if in_order { carried.entries } else { 0 };
                let _gone = reply.send(Ok(Carried { entries, ..carried }));
            }
            Then::Membership(reply) => {
                self.membership_changed().await;
                if let Some(reply) = reply {
                    let _gone = reply.send(Ok(()));
                }
            }
            Then::Decided(decided, reply) => {
                self.membership_changed().await;
                let _gone = reply.send(Ok(decided));
            }
            Then::Taken(count, reply) => {
                self.membership_changed().await;
                let _gone = reply.send(Ok(count));
            }
            Then::Asked(org, node, reply) => {
                self.membership_changed().await;
                let verdict = self.wait_or_welcome(org, node);
                let _gone = reply.send(verdict);
            }
            Then::Acknowledged(count, reply) => acknowledge::answer(count, reply, Ok(())),
            // What erases it was queued when the withdrawal landed; no frames land behind it.
            Then::Withdrawn(reply) => self.append(Vec::new(), Then::Acknowledged(1, Some(reply))),
            Then::Verified(stage, reply) => {
                self.refresh_view();
                if let Some(reply) = reply {
                    let _gone = reply.send(Ok(stage));
                }
            }
            Then::Came(record) => {
                if let Some(record) = record {
                    let _nobody_listens = self.shared.events.send(types::Event::Attachment { record });
                }
            }
            Then::Kept => {}
            Then::Nothing => self.refresh_network().await,
        }
    }

    pub(super) fn note_announcement(&mut self, space: SpaceId, log: LogId) {
        let known = self.state.logs.get(&(space, log));
        if let Some(own) = known.filter(|l| space == self.state.all() && l.owner == self.state.me.node()) {
            self.announcement = Some(Announcement { log, next: own.stored.next, chain: own.stored.chain });
        }
    }

    /// Acts of ours or of partners that are new: into the journal.
    pub(super) fn keep_acts(
        &mut self,
        acts: Vec<Unverified<entente_protocol::membership::ActBody>>,
        reply: Option<Reply<()>>,
    ) {
        self.append_acts(acts, Then::Membership(reply));
    }

    /// Acts that are in the graph already: into the journal.
    pub(super) fn append_acts(
        &mut self,
        acts: Vec<Unverified<entente_protocol::membership::ActBody>>,
        then: Then,
    ) {
        let frames = acts.into_iter().map(|act| Frame::Act(self.state.id, act)).collect();
        self.append(frames, then);
    }
}
