//! The machine's state, and which of its parts answers which event.
//!
//! `events` is what goes in and comes out, `frontiers` what is known of logs and told of them, `sending` and
//! `receiving` the two directions of entries, `epochs` the keys that are missing, `passing` how a fresh one
//! reaches everybody, `forks` authors with two faces,
//! `parley` what is said with former members.

mod carried;
mod epochs;
mod events;
mod forks;
mod frontiers;
mod parley;
mod passing;
mod receiving;
mod sending;

use std::collections::{BTreeMap, BTreeSet};

use crate::derive;
use crate::identity::LogCertificate;
use crate::ids::{ActId, EpochId, Hash, LogId, NodeId, OrgId, PartnershipId, Seq, SpaceId};
use crate::limits;
use crate::log::Head;
use crate::signed::Unverified;

use super::message::{Hello, Message, VERSION};
use super::peer::{LogKey, Peer};
use epochs::Wanted;
use parley::Parley;

pub use events::{Effect, Event, Roster};
pub use parley::{MAX_PARLEYS, MAX_POINTS};
pub use sending::{PUSH_FANOUT, WINDOW};

/// Why a node of another version is hung up on.
const OTHER_VERSION: &str = "it speaks another version of the protocol";
/// Ticks for which a claim to hold more of our own log is believed without an entry to prove it: 10 s.
pub const CLAIM: u32 = 40;

#[derive(Debug)]
struct Space {
    circle: Option<Vec<OrgId>>,
    logs: BTreeMap<LogId, Log>,
}

#[derive(Debug)]
struct Log {
    owner: NodeId,
    certificate: Option<Unverified<LogCertificate>>,
    /// The next position that is not durable here.
    stored: Seq,
    /// What it hashes to up to there.
    chain: Hash,
    /// A position from which on two versions exist, by evidence that is kept.
    forked: Option<Seq>,
    /// The next position that was not even received.
    received: Seq,
    /// Whether, when and whom we asked for it.
    ask: Ask,
}

/// Asking for a log that nobody streams: once, then again after ever longer silence, so that a slow link
/// is not filled with the same entries twice.
#[derive(Debug)]
struct Ask {
    /// Who was asked and has more.
    of: Option<NodeId>,
    /// What was received when the last tick came.
    at_last_tick: Seq,
    /// Ticks without progress.
    quiet: u32,
    /// Ticks without progress after which to ask (again).
    patience: u32,
}

/// The sync machine of one partnership on one node.
pub struct SyncMachine {
    me: NodeId,
    partnership: PartnershipId,
    roster: Roster,
    heads: Vec<ActId>,
    addresses: Vec<String>,
    spaces: BTreeMap<SpaceId, Space>,
    peers: BTreeMap<NodeId, Peer>,
    /// Those with whom nothing but acts of membership is exchanged.
    parleys: BTreeMap<NodeId, Parley>,
    wanted_epochs: BTreeMap<EpochId, Wanted>,
    /// Logs that grew since the last tick: the others are told of them then.
    grown: BTreeSet<LogKey>,
    /// Logs of which some peer may hold more: a tick looks at these only, so that it costs nothing in a
    /// partnership of hundreds where nothing happens.
    behind: BTreeSet<LogKey>,
    /// The epoch that all members write under.
    current: Option<EpochId>,
    out: Vec<Effect>,
}

impl SyncMachine {
    /// A machine that knows nobody yet.
    #[must_use]
    pub fn new(me: NodeId, partnership: PartnershipId, addresses: Vec<String>) -> Self {
        let all = derive::space_of_all(&partnership);
        let spaces = BTreeMap::from([(all, Space { circle: None, logs: BTreeMap::new() })]);
        Self {
            me,
            partnership,
            roster: Roster::default(),
            heads: Vec::new(),
            addresses,
            spaces,
            peers: BTreeMap::new(),
            parleys: BTreeMap::new(),
            wanted_epochs: BTreeMap::new(),
            grown: BTreeSet::new(),
            behind: BTreeSet::new(),
            current: None,
            out: Vec::new(),
        }
    }

    /// Takes an event, gives what is to be done, in order.
    #[must_use]
    pub fn handle(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Connected(peer) => self.connected(peer),
            Event::Disconnected(peer) => self.gone(peer),
            Event::Received(peer, message) => self.received(peer, message),
            Event::Carried(from, message) => self.carried(from, message),
            Event::Announced(peer, announcement) => self.announced(peer, &announcement),
            Event::LogOpened { space, circle, log, owner, head } => {
                self.log_opened(space, circle, log, owner, head);
            }
            Event::Stored { space, log, head } => self.stored(space, log, head),
            Event::Refused { from, space, log } => self.refused(from, space, log),
            Event::BatchSent { to, space, log, next } => self.batch_sent(to, space, log, next),
            Event::EpochMissing(space, epoch) => self.epoch_missing(space, epoch),
            Event::EpochKnown(epoch) => self.epoch_known(epoch),
            Event::RecordsMissing(space, epoch, places) => self.records_missing(space, epoch, places),
            Event::RecordsKnown(epoch, places) => self.records_known(&epoch, &places),
            Event::EpochCurrent { epoch, mine } => self.epoch_current(epoch, mine),
            Event::EpochLacked(from, epoch) => self.epoch_lacked(from, epoch),
            Event::MayReadMore => self.hurry_all_epochs(),
            Event::RoomMade => self.room_made(),
            Event::Diverged { from, space, log, next } => self.diverged(from, (space, log), next),
            Event::Forked { space, log, seq } => self.forked((space, log), seq),
            Event::Holds(peer, points) => self.holds(peer, points),
            Event::RosterChanged(roster, heads) => self.roster_changed(roster, heads),
            Event::Tick => self.tick(),
        }
        core::mem::take(&mut self.out)
    }

    /// Would a tick, if one came since the last event, do nothing but, perhaps, ask once more for an epoch's key?
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let waits = |peer: &Peer| !peer.shunned.is_empty() || peer.asked_epoch.is_some();
        self.grown.is_empty()
            && self.behind.is_empty()
            && !self.peers.values().any(waits)
            && self.parleys.is_empty()
    }

    /// What a connected peer said it holds of a log: the next position that it lacks.
    #[must_use]
    pub fn peer_has(&self, peer: &NodeId, space: &SpaceId, log: &LogId) -> Option<Seq> {
        self.peers.get(peer).map(|p| p.has(&(*space, *log)))
    }

    /// All that a connected peer said it holds, by log.
    #[must_use]
    pub fn peer_frontier(&self, peer: &NodeId) -> Option<BTreeMap<LogKey, Seq>> {
        self.peers.get(peer).map(|p| p.has.clone())
    }

    /// What a connected peer said that it holds: how far, and what its copies hash to.
    #[must_use]
    pub fn peer_claims(&self, peer: &NodeId) -> Option<&BTreeMap<LogKey, (Seq, Hash)>> {
        self.peers.get(peer).map(|p| &p.claims)
    }

    /// Does a peer claim to hold more of one of our own logs than we do? Then we lost what we signed, or it
    /// lies: it is asked for the entries, which nobody else could sign, and believed for [`CLAIM`] ticks.
    #[must_use]
    pub fn own_log_claimed(&self) -> bool {
        let own = |key: &LogKey| self.log(key).filter(|log| log.owner == self.me).map(|log| log.stored);
        self.peers.values().any(|peer| {
            peer.more_of_ours.iter().any(|(key, more)| {
                more.quiet < CLAIM && own(key).is_some_and(|stored| peer.has(key) > stored)
            })
        })
    }

    /// Has a peer told how far it holds the logs, and do we hold all that it offers?
    #[must_use]
    pub fn caught_up_with(&self, peer: &NodeId) -> bool {
        let Some(state) = self.peers.get(peer).filter(|p| p.greeted && p.told_frontier) else { return false };
        self.logs_shared_with(peer).all(|(key, log)| {
            let welcome = self.welcome_until(&key).is_none_or(|until| log.stored < until);
            !welcome || !state.offers(&key, log.stored)
        })
    }

    /// How many entries a connected peer lacks of what we hold and it may read, and how many we lack of
    /// what it holds.
    #[must_use]
    pub fn lag(&self, peer: &NodeId) -> (u64, u64) {
        let Some(state) = self.peers.get(peer) else { return (0, 0) };
        let (mut behind, mut ahead) = (0, 0);
        for (key, log) in self.logs_shared_with(peer) {
            let theirs = state.has(&key).0;
            behind += log.to_send().0.saturating_sub(theirs);
            if log.forked.is_none() {
                ahead += theirs.saturating_sub(log.stored.0);
            }
        }
        (behind, ahead)
    }

    fn connected(&mut self, peer: NodeId) {
        if !self.roster.nodes.contains_key(&peer) || peer == self.me {
            self.parley_or_hang_up(peer, "not a member");
            return;
        }
        self.parleys.remove(&peer);
        self.peers.insert(peer, Peer::default());
        let hello = Hello { version: VERSION, heads: self.heads.clone(), addresses: self.addresses.clone() };
        self.out.push(Effect::Send(peer, Message::Hello(hello)));
        self.tell(peer, true);
        self.tell_forks(peer);
        self.tell_epoch(peer);
        self.ask_newly_connected(peer);
    }

    fn gone(&mut self, peer: NodeId) {
        let before = self.peers.remove(&peer);
        self.parleys.remove(&peer);
        self.forget_asked(&peer);
        if let Some((epoch, _)) = before.and_then(|peer| peer.asked_epoch) {
            self.ask_another(epoch);
        }
    }

    fn received(&mut self, from: NodeId, message: Message) {
        let invited = matches!(message, Message::Parley(_)) && self.peers.contains_key(&from);
        if invited || self.parleys.contains_key(&from) {
            self.parley_said(from, message);
            return;
        }
        let Some(peer) = self.peers.get_mut(&from) else { return };
        if !peer.greeted && !matches!(message, Message::Hello(_)) {
            self.out.push(Effect::HangUp(from, "it did not say hello first"));
            return;
        }
        match message {
            Message::Hello(hello) => self.hello(from, hello),
            Message::Frontier(frontier) => self.frontier(from, frontier),
            Message::Heads(heads) => {
                self.tell_again(from);
                self.out.push(Effect::CompareHeads(from, heads));
            }
            Message::WantActs(have) => self.out.push(Effect::SendActs(from, have)),
            Message::Acts(acts) => self.out.push(Effect::TakeActs(from, acts)),
            Message::WantLog(space, log, next) => self.want_log(from, space, log, next),
            Message::Batch(batch) => self.batch(from, batch),
            Message::WantEpoch(space, epoch) => self.want_epoch(from, space, epoch),
            Message::Epoch(header, slot) => self.out.push(Effect::TakeEpoch(from, header, slot)),
            Message::HaveEpoch(epoch) => self.have_epoch(from, epoch),
            Message::WantRecords(space, epoch, places) => self.want_records(from, &space, epoch, places),
            Message::RecordKeys(keys) => self.out.push(Effect::TakeRecordKeys(from, keys)),
            Message::WantProof(space, log, seq) => self.want_proof(from, space, log, seq),
            Message::Proof(proof) => self.proof(from, proof),
            Message::Blob(blob) => self.out.push(Effect::Blob(from, blob)),
            Message::Full(full) => self.out.push(Effect::Full(from, full)),
            Message::Relays(on) => self.out.push(Effect::Relays(from, on)),
            Message::Verify(message) => self.out.push(Effect::Verify(from, message)),
            Message::PrekeyPoints(points) if points.len() <= limits::MAX_NODES => {
                self.out.push(Effect::ComparePrekeys(from, points));
            }
            Message::Prekeys(prekeys) if prekeys.len() <= limits::MAX_PREKEYS_PER_MESSAGE => {
                self.out.push(Effect::TakePrekeys(from, prekeys));
            }
            // Of a parley that ended here.
            Message::Parley(_) | Message::Heard(_) => {}
            Message::Mailboxes(told) if told.len() <= limits::MAX_MAILBOXES => {
                self.out.push(Effect::TakeMailboxes(from, told));
            }
            Message::PrekeyPoints(_) | Message::Prekeys(_) | Message::Mailboxes(_) => {
                self.out
                    .push(Effect::HangUp(from, "it tells of more prekeys or mailboxes than there can be"));
            }
        }
    }

    fn hello(&mut self, from: NodeId, hello: Hello) {
        if hello.version != VERSION {
            self.out.push(Effect::HangUp(from, OTHER_VERSION));
            return;
        }
        if let Some(peer) = self.peers.get_mut(&from) {
            peer.greeted = true;
        }
        let mut addresses = hello.addresses;
        addresses.truncate(limits::MAX_ADDRESSES);
        addresses.retain(|a| a.len() <= limits::MAX_ADDRESS);
        self.out.push(Effect::Addresses(from, addresses));
        self.out.push(Effect::CompareHeads(from, hello.heads));
    }

    fn roster_changed(&mut self, roster: Roster, heads: Vec<ActId>) {
        self.roster = roster;
        let all = derive::space_of_all(&self.partnership);
        if let Some(space) = self.spaces.get_mut(&all) {
            for (log, (owner, _)) in &self.roster.logs {
                space.logs.entry(*log).or_insert_with(|| Log::new(*owner, None, Head::EMPTY));
            }
        }
        let gone: Vec<NodeId> =
            self.peers.keys().filter(|p| !self.roster.nodes.contains_key(*p)).copied().collect();
        for peer in gone {
            self.gone(peer);
            self.parley_or_hang_up(peer, "no longer a member");
        }
        if heads != self.heads {
            self.heads = heads;
            for peer in self.peers.keys() {
                self.out.push(Effect::Send(*peer, Message::Heads(self.heads.clone())));
            }
        }
        self.parleys_go_on();
        for peer in self.peers.keys().copied().collect::<Vec<_>>() {
            self.tell(peer, false);
        }
        // What is welcome may have changed.
        let told = self.peers.values().flat_map(|peer| &peer.has).map(|(key, theirs)| (*key, *theirs));
        for (key, theirs) in told.collect::<Vec<_>>() {
            self.note_behind(key, theirs);
        }
    }

    fn tick(&mut self) {
        let grown = core::mem::take(&mut self.grown);
        for peer in self.peers.keys().copied().collect::<Vec<_>>() {
            self.tell_of(peer, &grown);
        }
        for key in self.behind.clone() {
            self.fetch_if_stalled(key);
        }
        self.weigh_claims();
        self.end_silent_parleys();
        for peer in self.peers.values_mut() {
            peer.forgive();
        }
        self.ask_for_epochs();
        self.ask_other_holders();
        self.look_up_claims();
    }

    /// A claim to hold more of our own log that is not proven for long is not believed any more.
    fn weigh_claims(&mut self) {
        if self.peers.values().all(|peer| peer.more_of_ours.is_empty()) {
            return;
        }
        let stored: BTreeMap<LogKey, Seq> = self
            .spaces
            .iter()
            .flat_map(|(id, s)| s.logs.iter().map(|(log, l)| ((*id, *log), l)))
            .filter(|(_, log)| log.owner == self.me)
            .map(|(key, log)| (key, log.stored))
            .collect();
        for peer in self.peers.values_mut() {
            for (key, more) in &mut peer.more_of_ours {
                let now = stored.get(key).copied().unwrap_or(more.at);
                more.quiet = if now > more.at { 0 } else { more.quiet.saturating_add(1) };
                more.at = more.at.max(now);
            }
        }
    }

    /// S4: does this peer's organisation read this space?
    fn shares(&self, peer: &NodeId, space: &SpaceId) -> bool {
        let Some(org) = self.roster.nodes.get(peer) else { return false };
        match self.spaces.get(space).map(|s| &s.circle) {
            Some(None) => true,
            Some(Some(orgs)) => orgs.contains(org),
            None => false,
        }
    }

    fn logs_shared_with(&self, peer: &NodeId) -> impl Iterator<Item = (LogKey, &Log)> {
        self.spaces
            .iter()
            .filter(|(id, _)| self.shares(peer, id))
            .flat_map(|(id, space)| space.logs.iter().map(|(log, state)| ((*id, *log), state)))
    }

    fn log_mut(&mut self, key: &LogKey) -> Option<&mut Log> {
        self.spaces.get_mut(&key.0).and_then(|s| s.logs.get_mut(&key.1))
    }

    fn log(&self, key: &LogKey) -> Option<&Log> {
        self.spaces.get(&key.0).and_then(|s| s.logs.get(&key.1))
    }

    /// How many spaces and logs are known.
    #[cfg(test)]
    pub(super) fn known_for_tests(&self) -> (usize, usize) {
        (self.spaces.len(), self.spaces.values().map(|s| s.logs.len()).sum())
    }
}

impl Log {
    fn new(owner: NodeId, certificate: Option<Unverified<LogCertificate>>, head: Head) -> Self {
        let Head { next, chain } = head;
        Self { owner, certificate, stored: next, chain, forked: None, received: next, ask: Ask::new(next) }
    }

    /// It is durable up to here.
    fn reach(&mut self, head: Head) {
        if head.next > self.stored {
            (self.stored, self.chain) = (head.next, head.chain);
        }
        self.received = self.received.max(head.next);
    }

    /// Up to where it is given to others: not past a position of which two versions exist.
    fn to_send(&self) -> Seq {
        self.forked.map_or(self.stored, |seq| self.stored.min(seq))
    }
}
