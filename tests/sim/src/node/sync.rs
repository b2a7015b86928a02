//! The machine's events and effects: `node/src/partnership/driver.rs`.

use entente_protocol::codec;
use entente_protocol::derive;
use entente_protocol::ids::{ActId, Hash, NodeId, Seq};
use entente_protocol::limits;
use entente_protocol::log::{Batch, Entry, Head};
use entente_protocol::sync::{Announcement, Effect, Event, Message};

use super::{Env, Node, Out};
use crate::store::{Circle, Log, LogKey, Write};

impl Node {
    /// Gives an event to the machine and does what it says.
    pub fn event(&mut self, env: &mut Env, event: Event) {
        let Some(live) = &mut self.live else { return };
        for effect in live.machine.handle(event) {
            self.effect(env, effect);
        }
    }

    /// A session with a partner began.
    pub fn connected(&mut self, env: &mut Env, peer: NodeId) {
        if let Some(live) = &mut self.live {
            live.connected.insert(peer);
        }
        self.event(env, Event::Connected(peer));
    }

    /// It ended.
    pub fn disconnected(&mut self, env: &mut Env, peer: NodeId) {
        if let Some(live) = &mut self.live {
            live.connected.remove(&peer);
        }
        self.event(env, Event::Disconnected(peer));
    }

    /// A partner told of entries.
    pub fn announced(&mut self, env: &mut Env, from: NodeId, announcement: Announcement) {
        self.event(env, Event::Announced(from, announcement));
    }

    fn effect(&mut self, env: &mut Env, effect: Effect) {
        match effect {
            Effect::Send(to, message) => env.out.push(Out::Send(to, message)),
            Effect::SendBatch { to, space, log, from } => self.send_batch(env, to, (space, log), from),
            Effect::Ingest(from, batch) => self.ingest(env, from, batch),
            Effect::KeepLog { space, circle, log, owner, certificate } => {
                self.keep_log(env, (space, log), owner, (circle, certificate));
            }
            Effect::CompareHeads(from, heads) => self.compare_heads(env, from, &heads),
            Effect::TakeActs(_, acts) => self.take_acts(env, &acts),
            Effect::SendActs(to, heads) => self.send_acts(env, to, &heads),
            Effect::TakeEpoch(_, header, slot) => self.take_epoch(env, &header, &slot),
            Effect::SendEpoch(to, _, epoch) => self.send_epoch(env, &to, &epoch),
            Effect::EpochTold(from, epoch)
                if !self.live.as_ref().is_some_and(|live| live.ring.contains_key(&epoch)) =>
            {
                self.event(env, Event::EpochLacked(from, epoch));
            }
            Effect::Compare { with, space, log, next, chain } => {
                self.compare(env, with, (space, log), next, chain);
            }
            Effect::ComparePoints(with, points, ask) => self.compare_points(env, with, points, ask),
            Effect::ParleyOver(peer) => {
                let points = self.points(&peer);
                if let Some(live) = &mut self.live {
                    live.over.insert(peer, points);
                }
                env.out.push(Out::SeeOff(peer));
            }
            Effect::HangUp(node, why) => env.out.push(Out::HangUp(node, why)),
            _ => {}
        }
    }

    /// Nobody has two faces here yet: copies that differ are a fault of the simulation or of the protocol.
    fn compare(&mut self, env: &mut Env, with: NodeId, key: LogKey, next: Seq, chain: Hash) {
        let last = next.0.checked_sub(1).and_then(|last| self.entry(&key, Seq(last)));
        if last.is_some_and(|entry| derive::chain(&codec::encode(&entry.header)) != chain) {
            env.ledger.problems.push(format!("two copies of log {} differ before {next}", key.1.short()));
            self.event(env, Event::Diverged { from: with, space: key.0, log: key.1, next });
        }
    }

    /// At once, because its entries follow on its heels.
    pub(super) fn keep_log(&mut self, env: &mut Env, key: LogKey, owner: NodeId, circle: Circle) {
        self.store.logs.entry(key).or_insert_with(|| Log::new(owner, Some(circle.clone())));
        if let Some(live) = &mut self.live {
            live.queued.entry(key).or_insert(Head::EMPTY);
        }
        self.write(env, Write::Log(key, owner, circle));
    }

    fn compare_heads(&mut self, env: &mut Env, from: NodeId, heads: &[ActId]) {
        let Some(live) = &self.live else { return };
        if heads.iter().any(|head| !live.graph.contains(head)) {
            env.out.push(Out::Send(from, Message::WantActs(live.graph.heads())));
        }
    }

    fn takes_for_member(&self, node: &NodeId) -> bool {
        self.live.as_ref().is_some_and(|live| live.folded.roster.nodes.contains_key(node))
    }

    fn compare_points(&mut self, env: &mut Env, with: NodeId, points: Vec<ActId>, ask: bool) {
        let Some(live) = &self.live else { return };
        if points.iter().all(|act| live.graph.contains(act)) {
            self.event(env, Event::Holds(with, points));
        } else if ask {
            env.out.push(Out::Send(with, Message::WantActs(self.points(&with))));
        }
    }

    /// Acts that somebody with these heads lacks: to who is a member no more those that put it out, and their past.
    fn send_acts(&mut self, env: &mut Env, to: NodeId, heads: &[ActId]) {
        let Some(live) = &self.live else { return };
        let lacks = match live.folded.roster.former.get(&to) {
            Some(points) if !self.takes_for_member(&to) => live.graph.missing_up_to(heads, points),
            _ => live.graph.missing_from(heads),
        };
        for message in self.messages(&lacks) {
            env.out.push(Out::Send(to, message));
        }
    }

    /// Acts, in messages.
    fn messages(&self, acts: &[ActId]) -> Vec<Message> {
        let Some(live) = &self.live else { return Vec::new() };
        let (mut messages, mut slice, mut size) = (Vec::new(), Vec::new(), 0);
        for id in acts {
            let Some(act) = live.graph.get(id) else { continue };
            let act = act.signed().to_unverified();
            let length = codec::encode(&act).len();
            if size + length > limits::MAX_SYNC_MESSAGE - 1024 && !slice.is_empty() {
                messages.push(Message::Acts(std::mem::take(&mut slice)));
                size = 0;
            }
            size += length;
            slice.push(act);
        }
        if !slice.is_empty() {
            messages.push(Message::Acts(slice));
        }
        messages
    }

    fn send_batch(&mut self, env: &mut Env, to: NodeId, key: LogKey, from: Seq) {
        let entries = self.read_batch(&key, from);
        let batch = Batch::pack(&entries).ok();
        let next = if batch.is_some() { Seq(from.0 + entries.len() as u64) } else { from };
        env.out.push(Out::SendBatch(to, key, batch.map(Message::Batch), next));
    }

    /// As much as a batch may hold, ending with an entry that carries a signature.
    fn read_batch(&self, key: &LogKey, from: Seq) -> Vec<Entry> {
        let Some(log) = self.store.logs.get(key) else { return Vec::new() };
        let (mut entries, mut signed, mut bytes) = (Vec::new(), 0, 0);
        for entry in log.entries.iter().skip(usize::try_from(from.0).unwrap_or(usize::MAX)) {
            bytes += entry.payload.as_ref().map_or(0, Vec::len);
            let full = entries.len() >= limits::MAX_BATCH_ENTRIES || bytes > limits::MAX_BATCH_BYTES;
            if full && signed > 0 {
                break;
            }
            entries.push(Entry::clone(entry));
            if entry.signature.is_some() {
                signed = entries.len();
            }
        }
        entries.truncate(signed);
        entries
    }

    fn ingest(&mut self, env: &mut Env, from: NodeId, batch: Batch) {
        let key = (batch.space, batch.log);
        let Some(live) = &mut self.live else { return };
        let checked = live.queued.get(&key).copied().and_then(|head| env.memo.batch(batch, &head));
        match checked {
            Some(checked) => {
                live.queued.insert(key, checked.head);
                let entries = checked.entries.clone();
                self.write(env, Write::Entries(key, entries, checked.head, Some(from)));
            }
            None => self.event(env, Event::Refused { from, space: key.0, log: key.1 }),
        }
    }

    pub(super) fn tell_log(&mut self, env: &mut Env, key: LogKey) {
        let Some(log) = self.store.logs.get(&key) else { return };
        let (circle, certificate) = log.circle.clone().unzip();
        let (owner, head) = ((log.owner, certificate), log.head);
        self.event(env, Event::LogOpened { space: key.0, circle, log: key.1, owner, head });
    }

    pub(super) fn tell_roster(&mut self, env: &mut Env) {
        let Some(live) = &self.live else { return };
        let (roster, heads) = (live.folded.roster.clone(), live.graph.heads());
        self.event(env, Event::RosterChanged(roster, heads));
    }
}
