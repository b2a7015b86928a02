//! The driver of one partnership: it waits for whatever comes, asks the pure parts what to do, and does it.
//!
//! One task owns the state, so nothing here is locked. It never waits for the disk or for a partner: appends
//! to the journal land as futures, and what is sent goes through couriers.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use entente_protocol::codec;
use entente_protocol::epoch::{EpochHeader, Slot};
use entente_protocol::ids::{ActId, EpochId, LogId, NodeId, OrgId, Seq, SpaceId, Timestamp, TransportId};
use entente_protocol::log::EntryHeader;
use entente_protocol::membership::History;
use entente_protocol::signed::Unverified;
use entente_protocol::sync::{Announcement, Event, Message, SyncMachine};
use futures::StreamExt;
use futures::stream::FuturesOrdered;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::api::types;
use crate::clock;
use crate::door::{Door, Limits, Punching, Way};
use crate::keeper::Keeper;
use crate::ledger::Ledger;
use crate::net::{NetEvent, NetEvents, NetHandle, Relaying};
use crate::rows::{self, Table};

use super::acknowledge::Pace;
use super::apply::{self};
use super::attachments::Synced;
use super::commands::Command;
use super::courier::{self, BatchSent, Job};
use super::fetch::Fetcher;
use super::join::Welcome;
use super::landing::Durable;
use super::parting::Parting;
use super::relays::Relays;
use super::settings::Bounds;
use super::state::State;
use super::verify::Verifying;
use super::view::View;

/// How often the machine is told that time passes.
const TICK: Duration = Duration::from_millis(250);
/// At least so long between two announcements.
const ANNOUNCE: Duration = Duration::from_millis(100);
/// Entries without a key that are looked at when a node starts.
const WAITING: usize = 10_000;
/// Ticks after which an attachment that did not move is asked for elsewhere: 10 s.
const STALLED: u32 = 40;
/// Ticks between two looks at what is to be erased, and which receipts are owed: 2 s.
const ERASURES: u32 = 8;
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
    /// The way out.
    pub way: Way,
    /// What partners may pass through this node.
    pub relaying: Relaying,
    /// Whether partners that are reached through relays are met by hole punching.
    pub punching: Punching,
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
    /// Attachments that are being made durable.
    pub(super) syncing: JoinSet<Synced>,
    pub(super) bounds: Bounds,
    pub(super) parting: Parting,
    pub(super) relays: Relays,
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
    /// May we be given keys, and what may we read of the past?
    pub(super) may_read: (bool, History),
    /// Organisations that asked for a key before they declared confidentiality, and when that was last written down.
    pub(super) denied: BTreeMap<OrgId, Instant>,
    /// By their minters: epochs that came before the acts that they were minted under.
    pub(super) early_epochs: BTreeMap<NodeId, (Unverified<EpochHeader>, Slot)>,
    /// Joiners that hold the line.
    pub(super) joiners: Vec<(NodeId, oneshot::Sender<Welcome>)>,
    pub(super) doors: BTreeMap<ActId, JoinHandle<()>>,
    pub(super) myself: mpsc::WeakSender<Command>,
    pub(super) inflight: FuturesOrdered<InFlight>,
    batches_sent: mpsc::Sender<BatchSent>,
    pub(super) announcement: Option<Announcement>,
    announce_at: tokio::time::Instant,
    ticks: u32,
}

pub(super) struct Courier {
    pub jobs: mpsc::Sender<Job>,
    /// What was missed: sent when nothing new waits.
    pub missed: mpsc::Sender<Job>,
    /// What is sent when nothing else waits.
    pub chunks: mpsc::Sender<Job>,
    pub task: JoinHandle<()>,
    pub transport: TransportId,
    /// Of a former member: it is here to parley, and given nothing else.
    pub former: bool,
    /// Bytes of acts in `jobs`.
    pub acts_waiting: Arc<AtomicUsize>,
    /// Generations of prekeys that it was sent.
    pub prekeys_sent: BTreeMap<NodeId, u32>,
}

/// Frames on their way to the disk, and what is to happen then.
type InFlight = Pin<Box<dyn Future<Output = Durable> + Send>>;

impl Driver {
    /// Puts a driver together. It has connected to nobody yet.
    pub(super) fn new(
        shared: Shared,
        state: State,
        (net, limits): (NetHandle, Limits),
        view: watch::Sender<View>,
        myself: mpsc::WeakSender<Command>,
    ) -> (Driver, mpsc::Receiver<BatchSent>) {
        let machine = SyncMachine::new(state.me.node(), state.id, shared.addresses.clone());
        let verifying = Verifying::new(state.id);
        let bounds = Bounds::load(&shared.ledger.store().index, &state, limits);
        let (batches_sent, sent) = mpsc::channel(256);
        let driver = Driver {
            shared,
            state,
            machine,
            net: Arc::new(net),
            view,
            fetcher: Fetcher::default(),
            syncing: JoinSet::new(),
            bounds,
            parting: Parting::default(),
            relays: Relays::default(),
            pace: Pace::default(),
            verifying,
            told: BTreeMap::new(),
            last_known: BTreeMap::new(),
            last_seen: BTreeMap::new(),
            couriers: BTreeMap::new(),
            told_heads: BTreeMap::new(),
            asked_epochs: BTreeSet::new(),
            may_read: Default::default(),
            denied: BTreeMap::new(),
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
                    if let Some(landed) = landed {
                        self.landed(landed).await;
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
                Some(Ok(synced)) = self.syncing.join_next() => self.synced(synced),
                _ = tick.tick() => self.tick().await,
                () = tokio::task::yield_now(), if self.fetcher.looks_on() => self.fetch_on(),
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
        self.want_incomplete();
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
        self.find_unfinished();
        self.mint_if_steward();
        self.tell_current_epoch();
        self.look_up_history();
        self.open_doors();
        self.refresh_network().await;
    }

    /// Entries that waited for a key when the node stopped wait still.
    fn ask_for_missing_epochs(&mut self) {
        for header in self.waiting_entries() {
            let (space, epoch) = (header.space, header.epoch);
            if self.asked_epochs.insert(epoch) {
                self.event(Event::EpochMissing(space, epoch));
            }
        }
    }

    /// Entries that wait for a key; not more than can be looked at in a moment.
    pub(super) fn waiting_entries(&self) -> Vec<EntryHeader> {
        let store = self.shared.ledger.store();
        let ours = |(key, partnership): (Vec<u8>, Vec<u8>)| {
            let position = key.get(16..).and_then(rows::position)?;
            (partnership == self.state.id.0).then_some(position)
        };
        rows::prefix(&store.index, Table::Waiting as u8, &[])
            .filter_map(ours)
            .take(WAITING)
            .filter_map(|position| Some(apply::read_entry(store, position)?.0.header))
            .collect()
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
        while let Some(landed) = self.inflight.next().await {
            self.landed(landed).await;
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
        let relays_changed = self.look_after_relays();
        if self.parted() || relays_changed {
            self.refresh_network().await;
        }
        self.acknowledge_if_due();
        if self.ticks.is_multiple_of(ERASURES) {
            self.look_after_erasures();
        }
        self.ticks = self.ticks.wrapping_add(1);
        if self.ticks.is_multiple_of(STALLED) {
            self.fetcher.put_back_stalled();
            self.look_after();
            if self.door_keys().0.len() != self.parting.admitting {
                self.refresh_network().await;
            }
        }
        self.fetch_on();
        self.tell_progress();
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
        let member = self.state.membership.by_transport(transport).map(|(_, node)| node);
        member.or_else(|| self.former_by_transport(transport))
    }

    fn connected(&mut self, transport: TransportId) {
        let Some(node) = self.node_of(&transport) else { return };
        let (jobs, queue) = mpsc::channel(courier::JOBS);
        let (missed, old) = mpsc::channel(courier::JOBS);
        let (chunks, bulk) = mpsc::channel(courier::JOBS);
        let queues = courier::Queues { jobs: queue, missed: old, chunks: bulk };
        let (ledger, net, done) = (self.shared.ledger.clone(), self.net.clone(), self.batches_sent.clone());
        let task = tokio::spawn(courier::run((node, transport), queues, ledger, net, done));
        let (acts_waiting, prekeys_sent) = (Arc::default(), BTreeMap::new());
        let former = self.state.membership.node(&node).is_none();
        let courier = Courier { jobs, missed, chunks, task, transport, former, acts_waiting, prekeys_sent };
        if let Some(before) = self.couriers.insert(node, courier) {
            before.task.abort();
        }
        self.event(Event::Connected(node));
        if former {
            return;
        }
        self.last_seen.insert(node, clock::now());
        self.tell_prekeys(node);
        self.tell_mailboxes(node);
        self.tell_relaying(node);
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
        self.forget_bounds_of(&node);
        self.relays.gone(&node);
        self.fetcher.gone(&node);
        self.last_seen.insert(node, clock::now());
        if let Some(held) = self.machine.peer_frontier(&node) {
            self.last_known.insert(node, held);
        }
        self.event(Event::Disconnected(node));
        self.pause_verification(&node);
        self.tell_partner(node, false);
        if !self.state.is_member() {
            self.refresh_network().await;
        }
    }

    pub(super) fn tell_partner(&self, node: NodeId, connected: bool) {
        let event = types::Event::Partner { partnership: self.state.id, node, connected };
        let _nobody_listens = self.shared.events.send(event);
    }

    /// Gossips the newest position of our log. Many publications in a short time make one announcement:
    /// connected partners are sent the entries anyway.
    async fn announce(&mut self) {
        self.announce_at = tokio::time::Instant::now() + ANNOUNCE;
        if let Some(announcement) = self.announcement.take() {
            let _nobody_there = self.net.announce(codec::encode(&announcement).into()).await;
        }
    }
}
