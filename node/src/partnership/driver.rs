//! The driver of one partnership: it waits for whatever comes, asks the pure parts what to do, and does it.
//!
//! One task owns the state, so nothing here is locked. It never waits for the disk or for a partner: appends
//! to the journal land as futures, and what is sent goes through couriers.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use entente_protocol::codec;
use entente_protocol::epoch::{EpochHeader, Slot};
use entente_protocol::ids::{ActId, EpochId, LogId, NodeId, OrgId, Seq, SpaceId, Timestamp, TransportId};
use entente_protocol::signed::Unverified;
use entente_protocol::sync::{Announcement, Effect, Event, Message, SyncMachine};
use entente_protocol::verification::Stage;
use futures::StreamExt;
use futures::stream::FuturesOrdered;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::api::types;
use crate::clock;
use crate::door::Door;
use crate::frames::{CircleLog, Frame};
use crate::keeper::Keeper;
use crate::ledger::{Landed, Ledger};
use crate::net::{NetEvent, NetEvents, NetHandle};
use crate::rows::{self, Batch, Table};
use crate::store::JournalError;

use super::acknowledge::Pace;
use super::apply::{self, Applied};
use super::commands::{Command, CommandError, Published, Reply};
use super::courier::{self, BatchSent, Job, Waiting};
use super::decide::Decided;
use super::fence::FenceReason;
use super::fetch::Fetcher;
use super::join::{Refusal, Verdict, Welcome};
use super::parting::Parting;
use super::state::State;
use super::verify::Verifying;
use super::view::View;
use super::{acknowledge, epochs, govern, ingest};

/// How often the machine is told that time passes.
const TICK: Duration = Duration::from_millis(250);
/// At least so long between two announcements.
const ANNOUNCE: Duration = Duration::from_millis(100);
/// Entries without a key that are looked at when a node starts.
const WAITING: usize = 10_000;
/// Ticks after which an attachment that did not move is asked for elsewhere: 10 s.
const STALLED: u32 = 40;
/// Door keys that admit: those of the newest epochs. Members that were offline for longer are admitted by
/// whoever they can still reach, or invited anew.
pub const DOOR_KEYS: usize = 16;

/// What all partnerships of a node share.
#[derive(Clone)]
pub struct Shared {
    /// The store.
    pub ledger: Ledger,
    /// The vault.
    pub keeper: Keeper,
    /// The front door.
    pub door: Door,
    /// Where partners are told that this node may be reached.
    pub addresses: Vec<String>,
    /// Events for the API.
    pub events: broadcast::Sender<types::Event>,
    /// Did the journal end, when it was opened, before what was once acknowledged? Then this node writes nothing
    /// of its own accord.
    pub lost_acknowledged: bool,
}

/// One partnership at work.
pub struct Driver {
    pub(super) shared: Shared,
    pub(super) state: State,
    pub(super) machine: SyncMachine,
    pub(super) net: Arc<NetHandle>,
    pub(super) view: watch::Sender<View>,
    pub(super) fetcher: Fetcher,
    pub(super) parting: Parting,
    pub(super) pace: Pace,
    pub(super) verifying: Verifying,
    /// Addresses that nodes told since they connected.
    pub(super) told: BTreeMap<NodeId, Vec<String>>,
    /// What nodes that are gone now held when they were last here.
    pub(super) last_known: BTreeMap<NodeId, BTreeMap<(SpaceId, LogId), Seq>>,
    /// When a node was last connected.
    pub(super) last_seen: BTreeMap<NodeId, Timestamp>,
    pub(super) couriers: BTreeMap<NodeId, Courier>,
    /// The heads of membership that connected nodes told last.
    pub(super) told_heads: BTreeMap<NodeId, Vec<ActId>>,
    pub(super) asked_epochs: BTreeSet<EpochId>,
    /// By their minters: epochs that came before the acts that they were minted under.
    pub(super) early_epochs: BTreeMap<NodeId, (Unverified<EpochHeader>, Slot)>,
    /// Joiners that hold the line.
    pub(super) joiners: Vec<(NodeId, oneshot::Sender<Welcome>)>,
    pub(super) doors: BTreeMap<ActId, JoinHandle<()>>,
    pub(super) myself: mpsc::WeakSender<Command>,
    inflight: FuturesOrdered<InFlight>,
    batches_sent: mpsc::Sender<BatchSent>,
    announcement: Option<Announcement>,
    announce_at: tokio::time::Instant,
    ticks: u32,
}

pub(super) struct Courier {
    pub jobs: mpsc::Sender<Job>,
    pub task: JoinHandle<()>,
    pub transport: TransportId,
    /// Bytes of acts in `jobs`.
    pub acts_waiting: Arc<AtomicUsize>,
    /// Generations of prekeys that it was sent.
    pub prekeys_sent: BTreeMap<NodeId, u32>,
}

/// Frames on their way to the disk, and what is to happen then.
type InFlight = Pin<Box<dyn Future<Output = (Result<Landed, JournalError>, Then)> + Send>>;

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
    /// Answer whoever decided something.
    Decided(Decided, Reply<Decided>),
    /// Answer who brought acts in a file.
    Taken(usize, Reply<usize>),
    /// Answer whoever typed a code.
    Verified(Stage, Option<Reply<Stage>>),
    /// Nothing more.
    Kept,
    /// Nothing but that the network is told who may connect, and with which keys.
    Nothing,
}

impl Driver {
    /// Puts a driver together. It has connected to nobody yet.
    pub(super) fn new(
        shared: Shared,
        state: State,
        net: NetHandle,
        view: watch::Sender<View>,
        myself: mpsc::WeakSender<Command>,
    ) -> (Driver, mpsc::Receiver<BatchSent>) {
        let machine = SyncMachine::new(state.me.node(), state.id, shared.addresses.clone());
        let verifying = Verifying::new(state.id);
        let (batches_sent, sent) = mpsc::channel(256);
        let driver = Driver {
            shared,
            state,
            machine,
            net: Arc::new(net),
            view,
            fetcher: Fetcher::default(),
            parting: Parting::default(),
            pace: Pace::default(),
            verifying,
            told: BTreeMap::new(),
            last_known: BTreeMap::new(),
            last_seen: BTreeMap::new(),
            couriers: BTreeMap::new(),
            told_heads: BTreeMap::new(),
            asked_epochs: BTreeSet::new(),
            early_epochs: BTreeMap::new(),
            joiners: Vec::new(),
            doors: BTreeMap::new(),
            myself,
            inflight: FuturesOrdered::new(),
            batches_sent,
            announcement: None,
            announce_at: tokio::time::Instant::now(),
            ticks: 0,
        };
        (driver, sent)
    }

    /// Works until it is told to stop.
    pub async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        mut events: NetEvents,
        mut sent: mpsc::Receiver<BatchSent>,
    ) {
        self.begin().await;
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let stopped = loop {
            tokio::select! {
                landed = self.inflight.next(), if !self.inflight.is_empty() => {
                    if let Some((landed, then)) = landed {
                        self.landed(landed, then).await;
                    }
                }
                command = commands.recv() => match command {
                    Some(Command::Stop(done)) => break Some(done),
                    Some(command) => self.command(command).await,
                    None => break None,
                },
                event = events.recv() => match event {
                    Some(event) => self.net_event(event).await,
                    None => break None,
                },
                Some(sent) = sent.recv() => {
                    let BatchSent { to, space, log, next } = sent;
                    self.event(Event::BatchSent { to, space, log, next });
                }
                _ = tick.tick() => self.tick().await,
                () = tokio::time::sleep_until(self.announce_at), if self.announcement.is_some() => {
                    self.announce().await;
                }
            }
        };
        self.end().await;
        if let Some(done) = stopped {
            let _gone = done.send(());
        }
    }

    async fn begin(&mut self) {
        self.finish_renewal();
        self.look_after_prekeys(clock::now());
        let roster = self.state.roster();
        let heads = self.state.graph.heads();
        self.event(Event::RosterChanged(roster, heads));
        let logs: Vec<(SpaceId, LogId)> = self.state.logs.keys().copied().collect();
        for (space, log) in logs {
            self.tell_log(space, log);
        }
        self.tell_known_forks();
        self.pace.heard();
        self.ask_for_missing_epochs();
        self.parting.revoked = self.state.membership.revoked.keys().copied().collect();
        self.mint_if_steward();
        self.open_doors();
        self.refresh_network().await;
    }

    /// Entries that waited for a key when the node stopped wait still.
    fn ask_for_missing_epochs(&mut self) {
        let ledger = self.shared.ledger.clone();
        let index = &ledger.store().index;
        let ours = |(key, partnership): (Vec<u8>, Vec<u8>)| {
            let position = key.get(16..).and_then(rows::position)?;
            (partnership == self.state.id.0).then_some(position)
        };
        let waiting: Vec<_> =
            rows::prefix(index, Table::Waiting as u8, &[]).filter_map(ours).take(WAITING).collect();
        for position in waiting {
            if let Some((entry, _)) = apply::read_entry(ledger.store(), position) {
                let (space, epoch) = (entry.header.space, entry.header.epoch);
                if self.asked_epochs.insert(epoch) {
                    self.event(Event::EpochMissing(space, epoch));
                }
            }
        }
    }

    /// Tells the machine of a log that is here.
    pub(super) fn tell_log(&mut self, space: SpaceId, log: LogId) {
        let Some(known) = self.state.logs.get(&(space, log)) else { return };
        let circle = known.circle.as_ref().map(|c| c.orgs.clone());
        let certificate = known.circle.as_ref().map(|c| c.certificate.clone());
        let (owner, head) = ((known.owner, certificate), known.stored);
        self.event(Event::LogOpened { space, circle, log, owner, head });
    }

    async fn end(mut self) {
        for (_, door) in std::mem::take(&mut self.doors) {
            door.abort();
        }
        while let Some((landed, then)) = self.inflight.next().await {
            self.landed(landed, then).await;
        }
        self.net.shutdown().await;
        for (_, courier) in std::mem::take(&mut self.couriers) {
            courier.task.abort();
        }
        self.state.ring.clear();
    }

    async fn tick(&mut self) {
        self.event(Event::Tick);
        self.expire_verifications();
        if self.parted(None) {
            self.refresh_network().await;
        }
        self.acknowledge_if_due();
        self.ticks = self.ticks.wrapping_add(1);
        if self.ticks.is_multiple_of(STALLED) {
            self.fetcher.put_back_stalled();
            self.look_after();
            if self.door_keys().0.len() != self.parting.admitting {
                self.refresh_network().await;
            }
        }
        self.fetch_on();
    }

    async fn net_event(&mut self, event: NetEvent) {
        match event {
            NetEvent::Connected { peer } => self.connected(peer),
            NetEvent::Disconnected { peer } => self.disconnected(peer).await,
            NetEvent::Message { peer, bytes } => {
                let Some(node) = self.node_of(&peer) else { return };
                match codec::decode::<Message>(&bytes) {
                    Ok(message) => self.event(Event::Received(node, message)),
                    Err(error) => {
                        tracing::warn!(%error, "a partner's message makes no sense; hanging up");
                        self.hang_up(node);
                    }
                }
            }
            NetEvent::Announced { from, data } => {
                let announcement = codec::decode::<Announcement>(&data);
                if let (Some(node), Ok(announcement)) = (self.node_of(&from), announcement) {
                    self.event(Event::Announced(node, announcement));
                }
            }
            NetEvent::DialFailed { .. } => {}
        }
    }

    fn node_of(&self, transport: &TransportId) -> Option<NodeId> {
        self.state.membership.by_transport(transport).map(|(_, node)| node)
    }

    fn connected(&mut self, transport: TransportId) {
        let Some(node) = self.node_of(&transport) else { return };
        let (jobs, queue) = mpsc::channel(courier::JOBS);
        let (ledger, net, done) = (self.shared.ledger.clone(), self.net.clone(), self.batches_sent.clone());
        let task = tokio::spawn(courier::run((node, transport), queue, ledger, net, done));
        let (acts_waiting, prekeys_sent) = (Arc::default(), BTreeMap::new());
        let courier = Courier { jobs, task, transport, acts_waiting, prekeys_sent };
        if let Some(before) = self.couriers.insert(node, courier) {
            before.task.abort();
        }
        self.last_seen.insert(node, clock::now());
        self.event(Event::Connected(node));
        self.tell_prekeys(node);
        self.give_current_epoch(node);
        self.resume_verification(&node);
        self.tell_partner(node, true);
        self.fetch_on();
    }

    async fn disconnected(&mut self, transport: TransportId) {
        let Some(node) = self.couriers.iter().find(|(_, c)| c.transport == transport).map(|(n, _)| *n) else {
            return;
        };
        if let Some(courier) = self.couriers.remove(&node) {
            courier.task.abort();
        }
        self.told_heads.remove(&node);
        self.last_seen.insert(node, clock::now());
        if let Some(held) = self.machine.peer_frontier(&node) {
            self.last_known.insert(node, held);
        }
        self.event(Event::Disconnected(node));
        self.pause_verification(&node);
        self.tell_partner(node, false);
        if self.parted(Some(&node)) || !self.state.is_member() {
            self.refresh_network().await;
        }
    }

    fn tell_partner(&self, node: NodeId, connected: bool) {
        let event = types::Event::Partner { partnership: self.state.id, node, connected };
        let _nobody_listens = self.shared.events.send(event);
    }

    /// Gives an event to the machine and does what it says.
    pub(super) fn event(&mut self, event: Event) {
        for effect in self.machine.handle(event) {
            self.effect(effect);
        }
    }

    fn effect(&mut self, effect: Effect) {
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
            Effect::TakeActs(_, acts) => self.take_acts(&acts),
            Effect::SendActs(to, heads) => self.send_acts(to, &heads),
            Effect::TakeEpoch(_, header, slot) => self.take_epoch(&header, &slot),
            Effect::SendEpoch(to, _, epoch) => {
                if let Some((header, slot)) = epochs::give(&self.state, &to, &epoch) {
                    self.send(to, Job::Message(Message::Epoch(header, slot)));
                }
            }
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
            Effect::Blob(from, message) => self.about_attachment(from, message),
            Effect::Verify(from, message) => self.about_verification(from, &message),
            Effect::Addresses(from, addresses) => {
                self.told.insert(from, addresses);
            }
            Effect::HangUp(node, why) => {
                if !self.is_seen_off(&node) {
                    tracing::info!(?node, why, "hanging up");
                    self.hang_up(node);
                }
            }
        }
    }

    /// Answers a partner that asks for acts, unless it has not read the answers before.
    fn send_acts(&mut self, to: NodeId, heads: &[ActId]) {
        let Some(waiting) = self.couriers.get(&to).map(|courier| courier.acts_waiting.clone()) else {
            return;
        };
        if waiting.load(Ordering::Relaxed) > courier::ACTS_WAITING {
            tracing::info!(?to, "hanging up: it asks for acts again and again and does not read them");
            return self.hang_up(to);
        }
        for slice in govern::missing(&self.state, heads) {
            let bytes = slice.iter().map(|act| codec::encode(act).len()).sum();
            self.send(to, Job::Acts(slice, Waiting::new(bytes, &waiting)));
        }
        self.note_told(to);
    }

    /// Queues something for a partner. One that lets its queue fill is hung up on.
    pub(super) fn send(&mut self, to: NodeId, job: Job) {
        let full = self.couriers.get(&to).is_some_and(|courier| courier.jobs.try_send(job).is_err());
        if full {
            self.hang_up(to);
        }
    }

    fn hang_up(&mut self, node: NodeId) {
        if let Some(courier) = self.couriers.get(&node) {
            self.net.hang_up(&courier.transport);
        }
    }

    fn ingest(&mut self, from: NodeId, batch: entente_protocol::log::Batch) {
        let (space, log) = (batch.space, batch.log);
        match ingest::verify(&mut self.state, batch) {
            Ok(frames) => {
                // Nobody else can sign in our log: we lost what we get back.
                let ours =
                    self.state.logs.get(&(space, log)).is_some_and(|l| l.owner == self.state.me.node());
                let fenced = if ours { self.fence(FenceReason::PartnerHadMore) } else { Ok(()) };
                match fenced {
                    Ok(()) => self.append(frames, Then::Ingested(from, space, log)),
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
    }

    fn not_ingested(&mut self, from: NodeId, space: SpaceId, log: LogId) {
        if let Some(known) = self.state.logs.get_mut(&(space, log)) {
            known.queued = known.stored;
        }
        self.event(Event::Refused { from, space, log });
    }

    /// Hands frames to the journal; the rest happens when they have landed.
    pub(super) fn append(&mut self, frames: Vec<Frame>, then: Then) {
        let append = self.shared.ledger.append(frames);
        let ledger = self.shared.ledger.clone();
        self.inflight.push_back(Box::pin(async move { (append.landed(&ledger).await, then) }));
    }

    /// Frames are durable, or could not be written.
    async fn landed(&mut self, landed: Result<Landed, JournalError>, then: Then) {
        match landed {
            Err(error) => self.not_stored(error, then),
            Ok(landed) => {
                let applied = self.apply(landed);
                let in_order = !applied.iter().any(|a| matches!(a, Applied::OutOfOrder(..)));
                self.react(applied);
                self.then(then, in_order).await;
            }
        }
    }

    fn apply(&mut self, landed: Landed) -> Vec<Applied> {
        let ledger = self.shared.ledger.clone();
        let mut batch = Batch::default();
        let mut applied = Vec::new();
        for (position, frame) in &landed.frames {
            applied.extend(apply::apply(&mut self.state, ledger.store(), &mut batch, *position, frame));
        }
        if landed.frames.iter().any(|(_, frame)| matches!(frame, Frame::Act(..))) {
            applied.extend(apply::after_acts(&mut self.state, ledger.store(), &mut batch));
        }
        if let Err(error) = ledger.settle(landed.ticket, batch) {
            tracing::error!(%error, "the index failed; the journal has everything, restart the node");
        }
        applied
    }

    fn not_stored(&mut self, error: JournalError, then: Then) {
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
            Then::Membership(None) | Then::Verified(_, None) | Then::Kept | Then::Nothing => {}
        }
    }

    /// Tells the machine, the fetcher and the API what came of applied frames.
    fn react(&mut self, applied: Vec<Applied>) {
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
                Applied::Waiting(space, epoch) => {
                    self.asked_epochs.insert(epoch);
                    self.event(Event::EpochMissing(space, epoch));
                }
                Applied::Epoch(epoch) => {
                    self.asked_epochs.remove(&epoch);
                    self.event(Event::EpochKnown(epoch));
                    self.give_if_minted_here(epoch);
                }
                Applied::Refused(code, reason) => {
                    let event = types::Event::Quarantined { code, reason };
                    let _nobody_listens = self.shared.events.send(event);
                }
                Applied::Log(space, log) => self.tell_log(space, log),
                Applied::Forked(space, log, seq) => self.found_fork(space, log, seq),
                Applied::Verified(org) => self.tell_verification(org),
                Applied::Wanted(blob) => self.fetcher.want(blob),
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

    async fn then(&mut self, then: Then, in_order: bool) {
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
            Then::Verified(stage, reply) => {
                self.refresh_view();
                if let Some(reply) = reply {
                    let _gone = reply.send(Ok(stage));
                }
            }
            Then::Kept => {}
            Then::Nothing => self.refresh_network().await,
        }
    }

    fn note_announcement(&mut self, space: SpaceId, log: LogId) {
        let known = self.state.logs.get(&(space, log));
        if let Some(own) = known.filter(|l| space == self.state.all() && l.owner == self.state.me.node()) {
            self.announcement = Some(Announcement { log, next: own.stored.next, chain: own.stored.chain });
        }
    }

    /// Gossips the newest position of our log. Many publications in a short time make one announcement:
    /// connected partners are sent the entries anyway.
    async fn announce(&mut self) {
        self.announce_at = tokio::time::Instant::now() + ANNOUNCE;
        if let Some(announcement) = self.announcement.take() {
            let _nobody_there = self.net.announce(codec::encode(&announcement).into()).await;
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
