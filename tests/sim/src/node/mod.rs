//! One node: what `node/src/partnership` does around the sync machine, without disk, sockets and tasks. Each
//! part stands beside the one that it follows: `sync` (driver.rs), `epochs` (epochs.rs, members.rs), `govern`
//! (govern.rs), `publish` (publish.rs), `disk` (apply.rs), `open` (open.rs).

mod disk;
mod epochs;
mod govern;
mod open;
mod publish;
mod sync;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use entente_protocol::derive;
use entente_protocol::epoch::{EpochHeader, Slot};
use entente_protocol::ids::{ActId, EpochId, LogId, NodeId, PartnershipId, SpaceId, Timestamp};
use entente_protocol::log::{Entry, Head};
use entente_protocol::membership::{ActGraph, VerifiedAct};
use entente_protocol::signed::Unverified;
use entente_protocol::sync::{Announcement, Event, Message, SyncMachine};

use crate::ledger::Ledger;
use crate::memo::{Folded, Memo, SetId};
use crate::party::Party;
use crate::rng::Rng;
use crate::scenario::{Crypto, Evil};
use crate::store::{Epoch, LogKey, Store, Write};

pub use govern::Welcome;

/// Microseconds of virtual time.
pub type Micros = u64;

/// What a node has of the world while it handles something.
pub struct Env {
    /// The true time, which no node knows.
    pub now: Micros,
    /// Keys and salts.
    pub rng: Rng,
    /// What is computed once for all.
    pub memo: Memo,
    /// What the checks need to know.
    pub ledger: Ledger,
    /// How much cryptography is real.
    pub crypto: Crypto,
    /// What the node wants done.
    pub out: Vec<Out>,
}

/// What a node wants done.
pub enum Out {
    /// Send a message.
    Send(NodeId, Message),
    /// Send entries of a log, then say that the log goes on at a position.
    SendBatch(NodeId, LogKey, Option<Message>, entente_protocol::ids::Seq),
    /// Tell partners of entries of its own.
    Announce(Announcement),
    /// Something was handed to the disk.
    Disk,
    /// End a session; after a moment if the partner is to read why.
    HangUp(NodeId, &'static str),
    /// Somebody is no partner any more, and is told so.
    SeeOff(NodeId),
    /// Whom it connects with may have changed.
    Dial,
}

/// A clock: what a node takes for the time.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Milliseconds that it is ahead.
    pub offset: i64,
    /// Seconds that it gains in an hour.
    pub drift: i64,
}

/// The time at which all begins: 2026-01-01.
const BEGIN_MS: i64 = 1_767_225_600_000;

impl Clock {
    /// What it shows.
    #[must_use]
    pub fn shows(&self, now: Micros) -> Timestamp {
        let real = (now / 1_000) as i64;
        Timestamp((BEGIN_MS + real + self.offset + real / 3_600 * self.drift).max(0) as u64)
    }
}

/// A node that is switched on has this besides its store.
pub struct Live {
    graph: ActGraph,
    set: SetId,
    folded: Rc<Folded>,
    machine: SyncMachine,
    ring: BTreeMap<EpochId, Epoch>,
    queued: BTreeMap<LogKey, Head>,
    disk: VecDeque<Write>,
    asked: BTreeSet<EpochId>,
    early: BTreeMap<NodeId, (Unverified<EpochHeader>, Slot)>,
    /// With whom a parley is over, and what was told in it.
    over: BTreeMap<NodeId, Vec<ActId>>,
    /// Connected partners.
    connected: BTreeSet<NodeId>,
}

/// A node.
pub struct Node {
    /// Its keys.
    pub party: Party,
    /// What lasts.
    pub store: Store,
    /// What does not; `None` while it is switched off, or in no partnership yet.
    pub live: Option<Live>,
    /// How often it was switched on: what was meant for an earlier life is void.
    pub life: u32,
    /// Its clock.
    pub clock: Clock,
    /// What is wrong with it.
    pub evil: Option<Evil>,
    partnership: PartnershipId,
}

impl Node {
    /// A node that is in no partnership yet.
    #[must_use]
    pub fn new(party: Party, partnership: PartnershipId) -> Node {
        let (store, clock) = (Store::default(), Clock::default());
        Node { party, store, live: None, life: 0, clock, evil: None, partnership }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.party.id()
    }

    /// The space of all members.
    #[must_use]
    pub fn all(&self) -> SpaceId {
        derive::space_of_all(&self.partnership)
    }

    /// Is it switched on and in the partnership, as far as it knows?
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.live.is_some()
    }

    /// Would a tick do nothing?
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.live.as_ref().is_none_or(|live| live.machine.is_idle())
    }

    /// What it holds the membership to be.
    #[must_use]
    pub fn folded(&self) -> Option<Rc<Folded>> {
        self.live.as_ref().map(|live| live.folded.clone())
    }

    /// Is it a member, as far as it knows?
    #[must_use]
    pub fn is_member(&self) -> bool {
        self.live.as_ref().is_some_and(|live| live.folded.roster.nodes.contains_key(&self.id()))
    }

    /// The acts that it holds.
    #[must_use]
    pub fn set(&self) -> SetId {
        self.live.as_ref().map_or(SetId::EMPTY, |live| live.set)
    }

    /// Is it a steward, as far as it knows?
    #[must_use]
    pub fn is_steward(&self) -> bool {
        let steward = |live: &Live| live.folded.membership.is_steward(&self.party.org());
        self.is_member() && self.live.as_ref().is_some_and(steward)
    }

    /// The acts that it holds, as a graph.
    #[must_use]
    pub fn graph(&self) -> Option<&ActGraph> {
        self.live.as_ref().map(|live| &live.graph)
    }

    /// Keys of epochs that it holds, in its store or about to be.
    pub fn epochs(&self) -> impl Iterator<Item = (&EpochId, &Epoch)> {
        self.live.iter().flat_map(|live| live.ring.iter()).chain(self.store.epochs.iter())
    }

    /// Switched on: everything follows from the store.
    ///
    /// # Panics
    /// If the store's acts are not a graph.
    pub fn start(&mut self, env: &mut Env) {
        let Some((found, rest)) = self.store.acts.split_first() else { return };
        let mut graph = ActGraph::founded(VerifiedAct::clone(found)).unwrap();
        let mut set = SetId::EMPTY.with(&found.id());
        for act in rest {
            graph.insert(VerifiedAct::clone(act)).unwrap();
            set = set.with(&act.id());
        }
        let folded = env.memo.fold(set, &graph);
        self.life += 1;
        self.live = Some(Live {
            graph,
            set,
            folded,
            machine: SyncMachine::new(self.id(), self.partnership, vec![]),
            ring: self.store.epochs.clone(),
            queued: self.store.logs.iter().map(|(key, log)| (*key, log.head)).collect(),
            disk: VecDeque::new(),
            asked: BTreeSet::new(),
            early: BTreeMap::new(),
            over: BTreeMap::new(),
            connected: BTreeSet::new(),
        });
        self.learn_main_logs();
        self.judge_what_waited(env);
        self.begin(env);
    }

    fn begin(&mut self, env: &mut Env) {
        self.tell_roster(env);
        let logs: Vec<LogKey> = self.store.logs.keys().copied().collect();
        for key in logs {
            self.tell_log(env, key);
        }
        let waiting: Vec<(EpochId, SpaceId)> = self
            .store
            .waiting
            .iter()
            .filter_map(|(epoch, places)| places.first().map(|((space, _), _)| (*epoch, *space)))
            .collect();
        for (epoch, space) in waiting {
            if self.live.as_mut().is_some_and(|live| live.asked.insert(epoch)) {
                self.event(env, Event::EpochMissing(space, epoch));
            }
        }
        self.mint_if_steward(env);
        self.tell_current_epoch(env);
        env.out.push(Out::Dial);
    }

    /// Switched off. What the disk had not confirmed is gone, but for the first `kept` writes.
    pub fn crash(&mut self, env: &mut Env, kept: usize) {
        for _ in 0..kept {
            if !self.land_quietly() {
                break;
            }
        }
        self.forget_unkept_logs();
        env.out.clear();
        self.live = None;
        self.life += 1;
    }

    /// Switched off, after the disk has confirmed everything.
    pub fn stop(&mut self, env: &mut Env) {
        self.crash(env, usize::MAX);
    }

    /// Whom it dials and lets in.
    #[must_use]
    pub fn partners(&self) -> BTreeSet<NodeId> {
        let Some(live) = &self.live else { return BTreeSet::new() };
        let me = self.id();
        let left = live
            .folded
            .membership
            .former
            .get(&self.party.org())
            .is_some_and(|former| former.how == entente_protocol::membership::Departure::Left);
        let (member, deaf) = (self.is_member(), self.evil == Some(Evil::Deaf));
        let wanted = |node: &NodeId| *node != me && (member || deaf || left) && !self.heard_us(node);
        let members = live.folded.roster.nodes.keys().filter(|node| wanted(node));
        // Of the two sides that put each other out, the one that is wrong does not know it yet.
        let steward = self.is_steward();
        let former = live.folded.roster.former.keys().filter(|node| steward && !self.heard_us(node));
        members.chain(former).copied().collect()
    }

    /// Was all that this node has to tell another told in a parley?
    fn heard_us(&self, node: &NodeId) -> bool {
        let Some(live) = &self.live else { return false };
        live.over.get(node).is_some_and(|told| *told == self.points(node))
    }

    /// What this node would have another hear: the acts that put it out, or, of a member, all.
    pub(super) fn points(&self, node: &NodeId) -> Vec<ActId> {
        let former = self.live.as_ref().and_then(|live| live.folded.roster.former.get(node));
        former.cloned().unwrap_or_else(|| self.parents())
    }

    /// With whom it shares circles.
    #[must_use]
    pub fn circle_partners(&self) -> BTreeSet<NodeId> {
        let Some(live) = &self.live else { return BTreeSet::new() };
        let circles = self.store.logs.values().filter_map(|log| log.circle.as_ref());
        let orgs: BTreeSet<_> = circles.flat_map(|(orgs, _)| orgs).collect();
        live.folded.roster.nodes.iter().filter(|(_, org)| orgs.contains(org)).map(|(node, _)| *node).collect()
    }

    /// Does it let this node in? A former member too, to parley. Also one that was put out does, since that may turn out to be void: who takes
    /// it for a member dials it then.
    #[must_use]
    pub fn is_partner(&self, node: &NodeId) -> bool {
        let roster = self.live.as_ref().map(|live| &live.folded.roster);
        let known = roster.is_some_and(|r| r.nodes.contains_key(node) || r.former.contains_key(node));
        known && *node != self.id()
    }

    /// How many writes wait for the disk.
    #[must_use]
    pub fn unsynced(&self) -> usize {
        self.live.as_ref().map_or(0, |live| live.disk.len())
    }

    fn write(&mut self, env: &mut Env, write: Write) {
        if let Some(live) = &mut self.live {
            live.disk.push_back(write);
            env.out.push(Out::Disk);
        }
    }

    fn now(&self, env: &Env) -> Timestamp {
        self.clock.shows(env.now)
    }

    fn parents(&self) -> Vec<ActId> {
        self.live.as_ref().map(|live| live.graph.heads()).unwrap_or_default()
    }

    /// An entry of a log that is stored.
    #[must_use]
    pub fn entry(&self, key: &LogKey, seq: entente_protocol::ids::Seq) -> Option<&Rc<Entry>> {
        self.store.logs.get(key)?.entries.get(usize::try_from(seq.0).ok()?)
    }

    /// Its own log in the space of all members.
    #[must_use]
    pub fn main_log(&self) -> LogKey {
        let key = self.party.log_key(&self.partnership, &self.all());
        (self.all(), LogId(key.verifying_key().to_bytes()))
    }
}
