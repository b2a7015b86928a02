//! Sessions and what goes through them. A session is like TCP: in order, and broken when too much is lost; its
//! two ends notice at different times. `drop`, `duplicate` and `reorder` break that promise on purpose.

use std::collections::BTreeSet;

use entente_protocol::codec;
use entente_protocol::derive;
use entente_protocol::ids::NodeId;
use entente_protocol::sync::{Announcement, Message};

use super::{MINUTE, SECOND, What, World};
use crate::node::Micros;
use crate::report::kind;
use crate::scenario::Crypto;

/// One direction of a link.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    latency: Micros,
    /// Until when it is busy with what was sent.
    busy: Micros,
    /// When the last message arrives.
    last: Micros,
}

/// A node's search for partners.
#[derive(Default)]
pub(super) struct Dialling {
    /// Counts plans: an older one is void.
    round: u64,
    wait: Micros,
    /// Whether this round tries one session more than the number to strive for.
    shuffles: bool,
}

/// The longest wait between two rounds of dialling.
const REDIAL: Micros = MINUTE;
/// Minutes after the faults for which sessions are tried anew; then silence can be told.
const SHUFFLED: Micros = 30;
/// Nodes that an announcement is passed on to.
const GOSSIP: usize = 6;

impl World {
    /// Can these reach each other now?
    pub(super) fn reach(&self, a: usize, b: usize) -> bool {
        let apart = |part: &BTreeSet<usize>| part.contains(&a) != part.contains(&b);
        !self.is_off(a) && !self.is_off(b) && !self.parts.values().any(apart)
    }

    fn line(&mut self, from: usize, to: usize) -> &mut Line {
        let (least, most) = self.scenario.link.latency_ms;
        let net = &mut self.net;
        self.lines
            .entry((from, to))
            .or_insert_with(|| Line { latency: net.between(least, most) * 1_000, ..Line::default() })
    }

    /// Sends a message; gives after what time it has left.
    pub(super) fn send(&mut self, from: usize, to: &NodeId, message: Message) -> Micros {
        let Some(to) = self.index.get(to).copied() else { return 0 };
        let Some(session) = self.sessions.get(&(from, to)).copied() else { return 0 };
        let bytes = codec::encode(&message);
        let what = kind(&message);
        self.report.count(what, bytes.len());
        let end = (self.scenario.minutes + self.scenario.heal_minutes) * MINUTE;
        if self.env.now + 10 * MINUTE > end {
            *self.report.last.entry(what).or_default() += 1;
        }
        // A newcomer asks for keys of before ever more rarely, and in vain: that is silence enough (S8).
        // What an adversary goes on saying, and is answered, is not counted either.
        let evil = self.nodes[from].evil.is_some() || self.nodes[to].evil.is_some();
        if !matches!(message, Message::WantEpoch(..)) && !evil {
            self.last_message = self.env.now;
        }
        let (left, arrives) = self.journey(from, to, bytes.len());
        let hash = derive::hash(&bytes).0;
        let word =
            u64::from_le_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]]);
        self.report.trace(&[self.env.now, from as u64, to as u64, bytes.len() as u64, word]);
        let link = self.scenario.link.clone();
        let faulty = !self.healed;
        if faulty && self.net.chance(link.drop) {
            return left;
        }
        let copies = 1 + usize::from(faulty && self.net.chance(link.duplicate));
        for copy in 0..copies {
            let late = if copy > 0 { self.net.below(5 * SECOND) } else { 0 };
            let what = match self.env.crypto {
                Crypto::Full => What::Bytes { to, from, session, bytes: bytes.clone() },
                Crypto::Light => What::Message { to, from, session, message: Box::new(message.clone()) },
            };
            self.plan(arrives + late, what);
        }
        left
    }

    /// After what time a message has left, and when it arrives.
    fn journey(&mut self, from: usize, to: usize, size: usize) -> (Micros, Micros) {
        let link = self.scenario.link.clone();
        let now = self.env.now;
        let mut again = 0;
        let mut wait = SECOND / 5;
        while !self.healed && self.net.chance(link.loss) && again < 10 * SECOND {
            again += wait;
            wait *= 2;
        }
        let overtakes = !self.healed && self.net.chance(link.reorder);
        let detour = if overtakes { self.net.below(2 * SECOND) } else { 0 };
        let line = self.line(from, to);
        let takes = (size as u64 * 8_000).checked_div(link.kbit).unwrap_or_default();
        line.busy = line.busy.max(now) + takes;
        let arrives = line.busy + line.latency + again + detour;
        let arrives = if overtakes { arrives } else { arrives.max(line.last) };
        line.last = line.last.max(arrives);
        (line.busy - now, arrives)
    }

    pub(super) fn receive_bytes(&mut self, to: usize, from: usize, session: u64, bytes: &[u8]) {
        match codec::decode::<Message>(bytes) {
            Ok(message) => self.receive(to, from, session, message),
            Err(error) => self.env.ledger.problems.push(format!("a message does not decode: {error}")),
        }
    }

    pub(super) fn receive(&mut self, to: usize, from: usize, session: u64, message: Message) {
        if self.sessions.get(&(to, from)) != Some(&session) || !self.reach(to, from) {
            return;
        }
        let peer = self.nodes[from].id();
        self.tell(to, entente_protocol::sync::Event::Received(peer, message));
    }

    /// Passes an announcement on to some partners, as gossip does.
    pub(super) fn announce(&mut self, node: usize, not: Option<usize>, announcement: &Announcement) {
        self.heard.insert((node, announcement.log), announcement.next);
        let mut peers: Vec<(usize, u64)> = self.sessions_of(node);
        peers.retain(|(peer, _)| Some(*peer) != not);
        for _ in 0..GOSSIP.min(peers.len()) {
            let (to, session) = peers.swap_remove(self.net.index(peers.len()));
            let size = codec::encode(announcement).len();
            self.report.count("announcement", size);
            let (_, arrives) = self.journey(node, to, size);
            let announcement = announcement.clone();
            self.plan(arrives, What::Announced { to, from: node, session, announcement });
        }
    }

    pub(super) fn hear(&mut self, to: usize, from: usize, session: u64, announcement: Announcement) {
        if self.sessions.get(&(to, from)) != Some(&session) || !self.reach(to, from) {
            return;
        }
        let known = self.heard.get(&(to, announcement.log)).is_some_and(|next| *next >= announcement.next);
        if known {
            return;
        }
        let peer = self.nodes[from].id();
        let passed_on = announcement.clone();
        self.with(to, |node, env| node.announced(env, peer, announcement));
        self.announce(to, Some(from), &passed_on);
    }

    pub(super) fn sessions_of(&self, node: usize) -> Vec<(usize, u64)> {
        self.sessions.range((node, 0)..(node + 1, 0)).map(|((_, peer), id)| (*peer, *id)).collect()
    }

    /// A node looks for partners afresh.
    pub(super) fn dial_soon(&mut self, node: usize) {
        (self.dials[node].wait, self.dials[node].shuffles) = (SECOND, false);
        let wait = self.net.below(SECOND);
        self.plan_dial(node, wait);
    }

    fn plan_dial(&mut self, node: usize, wait: Micros) {
        self.dials[node].round += 1;
        let round = self.dials[node].round;
        self.plan_in(wait, What::Dial { node, round });
    }

    /// With a number of sessions to strive for, members of a circle connect besides: what is said in it travels
    /// between them only.
    pub(super) fn dial(&mut self, node: usize, round: u64) {
        if self.dials[node].round != round || !self.nodes[node].is_up() {
            return;
        }
        let have = self.sessions_of(node);
        let have: BTreeSet<usize> = have.into_iter().map(|(peer, _)| peer).collect();
        let partners = self.nodes[node].partners();
        let mut missing: Vec<usize> = partners
            .iter()
            .filter_map(|id| self.index.get(id).copied())
            .filter(|n| !have.contains(n))
            .collect();
        let degree = self.scenario.degree;
        let one_more = usize::from(core::mem::take(&mut self.dials[node].shuffles));
        let short = degree.saturating_sub(have.len()).max(one_more);
        let wanted = if degree == 0 { missing.len() } else { short };
        let mut made = 0;
        let friends = if degree == 0 { BTreeSet::new() } else { self.nodes[node].circle_partners() };
        let friends: BTreeSet<usize> = friends.iter().filter_map(|id| self.index.get(id).copied()).collect();
        let mut alone = 0;
        for other in missing.extract_if(.., |other| friends.contains(other)).collect::<Vec<_>>() {
            if self.admits(node, other) {
                self.connect(node, other);
            } else {
                alone += 1;
            }
        }
        while made < wanted && !missing.is_empty() {
            let other = missing.swap_remove(self.net.index(missing.len()));
            if self.admits(node, other) {
                self.connect(node, other);
                made += 1;
            }
        }
        let content = if degree == 0 { made == wanted } else { have.len() + made >= degree && alone == 0 };
        let wait = self.dials[node].wait.max(SECOND);
        self.dials[node].wait = (wait * 2).min(REDIAL);
        if !content {
            let wait = wait * 3 / 4 + self.net.below(wait / 4);
            self.plan_dial(node, wait);
        } else if degree > 0 && self.env.now < self.heal_time() + SHUFFLED * MINUTE {
            self.drop_one_too_many(node, &friends);
            self.dials[node].shuffles = true;
            let shuffle = self.scenario.shuffle_minutes * MINUTE;
            let wait = shuffle + self.net.below(shuffle);
            self.plan_dial(node, wait);
        }
    }

    fn drop_one_too_many(&mut self, node: usize, friends: &BTreeSet<usize>) {
        let mut have = self.sessions_of(node);
        have.retain(|(peer, _)| !friends.contains(peer));
        if have.len() > self.scenario.degree * 3 / 2 {
            let (peer, _) = have[self.net.index(have.len())];
            let peer = self.nodes[peer].id();
            self.hang_up(node, &peer, 0);
        }
    }

    /// Does the other's door open, and does each take the other for a partner?
    fn admits(&self, node: usize, other: usize) -> bool {
        let (a, b) = (&self.nodes[node], &self.nodes[other]);
        self.reach(node, other)
            && b.is_partner(&a.id())
            && !self.sessions.contains_key(&(node, other))
            && a.knocks().intersection(&b.doors()).next().is_some()
    }

    fn connect(&mut self, a: usize, b: usize) {
        self.last_session += 1;
        let session = self.last_session;
        self.report.sessions += 1;
        for (one, other) in [(a, b), (b, a)] {
            if self.sessions.remove(&(one, other)).is_some() {
                let peer = self.nodes[other].id();
                self.with(one, |node, env| node.disconnected(env, peer));
            }
        }
        self.sessions.insert((a, b), session);
        self.sessions.insert((b, a), session);
        for (one, other) in [(a, b), (b, a)] {
            let peer = self.nodes[other].id();
            self.with(one, |node, env| node.connected(env, peer));
        }
    }

    pub(super) fn hang_up(&mut self, node: usize, peer: &NodeId, wait: Micros) {
        let Some(peer) = self.index.get(peer).copied() else { return };
        if let Some(session) = self.sessions.get(&(node, peer)).copied() {
            self.plan_in(wait, What::Broken { node, peer, session });
        }
    }

    /// One end of a session notices that it is over.
    pub(super) fn broken(&mut self, node: usize, peer: usize, session: u64) {
        if self.sessions.get(&(node, peer)) != Some(&session) {
            return;
        }
        self.sessions.remove(&(node, peer));
        self.report.trace(&[self.env.now, node as u64, peer as u64]);
        let id = self.nodes[peer].id();
        self.with(node, |node, env| node.disconnected(env, id));
        self.dial_soon(node);
        let latency = self.line(node, peer).latency;
        let wait = if self.reach(node, peer) { latency } else { self.net.between(SECOND, 10 * SECOND) };
        self.plan_in(wait, What::Broken { node: peer, peer: node, session });
    }

    /// A session is cut; each end notices in its own time.
    pub(super) fn cut(&mut self, a: usize, b: usize) {
        for (node, peer) in [(a, b), (b, a)] {
            if let Some(session) = self.sessions.get(&(node, peer)).copied() {
                let wait = self.net.below(8 * SECOND);
                self.plan_in(wait, What::Broken { node, peer, session });
            }
        }
    }
}
