//! The machine among others, on a network that delays, cuts and reconnects, driven by seeds.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ed25519_dalek::SigningKey;
use proptest::prelude::*;
use rand_core::Rng;
use zeroize::Zeroizing;

use super::*;
use crate::derive;
use crate::evidence::{Evidence, SignedHeaders, TwoFaced};
use crate::identity::LogCertificate;
use crate::ids::*;
use crate::log::{self, Batch, Entry, Head};
use crate::signed::sign;
use crate::testing::Counter;

const P: PartnershipId = PartnershipId([42; 32]);

struct Node {
    id: NodeId,
    org: OrgId,
    key: SigningKey,
    machine: SyncMachine,
    logs: BTreeMap<(SpaceId, LogId), (Vec<Entry>, Head)>,
    forks: BTreeMap<(SpaceId, LogId), TwoFaced>,
    /// Comparisons that needed the store.
    looked_up: usize,
    hung_up: Vec<&'static str>,
}

struct World {
    nodes: Vec<Node>,
    /// Messages on the way, by (from, to). A pair is a key of this map while it is connected.
    wires: BTreeMap<(usize, usize), VecDeque<Message>>,
    sent: Vec<(usize, usize, Message)>,
    /// Who has which epoch's key.
    holders: BTreeSet<(usize, EpochId)>,
    /// Keys on their way, and to whom each came, in order.
    slots: VecDeque<(usize, EpochId)>,
    given: Vec<(usize, EpochId)>,
    rng: Counter,
}

/// A head at a position, of whatever log.
fn up_to(next: u64) -> Head {
    Head { next: Seq(next), chain: Hash([1; 32]) }
}

/// Says that somebody holds a log of all members up to here.
fn holds(space: SpaceId, log: LogId, next: u64) -> Message {
    let point = LogPoint { log, next: Seq(next), certificate: None, chain: None };
    Message::Frontier(Frontier { space, circle: None, logs: vec![point] })
}

fn node_key(i: usize) -> SigningKey {
    SigningKey::from_bytes(&[u8::try_from(i + 1).unwrap(); 32])
}

impl World {
    fn new(n: usize, seed: u64) -> World {
        let nodes: Vec<Node> = (0..n)
            .map(|i| {
                let key = node_key(i);
                let id = NodeId(key.verifying_key().to_bytes());
                let org = OrgId([u8::try_from(i + 1).unwrap(); 32]);
                let machine = SyncMachine::new(id, P, vec![]);
                Node {
                    id,
                    org,
                    key,
                    machine,
                    logs: BTreeMap::new(),
                    forks: BTreeMap::new(),
                    looked_up: 0,
                    hung_up: vec![],
                }
            })
            .collect();
        let mut world = World {
            nodes,
            wires: BTreeMap::new(),
            sent: vec![],
            holders: BTreeSet::new(),
            slots: VecDeque::new(),
            given: vec![],
            rng: Counter(seed),
        };
        let roster = world.roster();
        for i in 0..n {
            world.event(i, Event::RosterChanged(roster.clone(), vec![ActId([1; 32])]));
            let owner = (world.nodes[i].id, None);
            let log = world.main_log(i);
            let space = derive::space_of_all(&P);
            world.nodes[i].logs.insert((space, log), (vec![], Head::EMPTY));
            world.event(i, Event::LogOpened { space, circle: None, log, owner, head: Head::EMPTY });
        }
        world
    }

    fn roster(&self) -> Roster {
        Roster {
            nodes: self.nodes.iter().map(|n| (n.id, n.org)).collect(),
            logs: (0..self.nodes.len()).map(|i| (self.main_log(i), (self.nodes[i].id, None))).collect(),
            former: BTreeMap::new(),
        }
    }

    fn main_log(&self, i: usize) -> LogId {
        LogId(self.main_key(i).verifying_key().to_bytes())
    }

    fn main_key(&self, i: usize) -> SigningKey {
        SigningKey::from_bytes(&[100 + u8::try_from(i).unwrap(); 32])
    }

    fn index(&self, id: &NodeId) -> usize {
        self.nodes.iter().position(|n| n.id == *id).unwrap()
    }

    fn connect(&mut self, a: usize, b: usize) {
        if a == b || self.wires.contains_key(&(a, b)) {
            return;
        }
        self.wires.insert((a, b), VecDeque::new());
        self.wires.insert((b, a), VecDeque::new());
        let (ia, ib) = (self.nodes[a].id, self.nodes[b].id);
        self.event(a, Event::Connected(ib));
        self.event(b, Event::Connected(ia));
    }

    fn cut(&mut self, a: usize, b: usize) {
        if self.wires.remove(&(a, b)).is_some() {
            self.wires.remove(&(b, a));
            let (ia, ib) = (self.nodes[a].id, self.nodes[b].id);
            self.event(a, Event::Disconnected(ib));
            self.event(b, Event::Disconnected(ia));
        }
    }

    fn publish(&mut self, i: usize, circle: Option<&[usize]>, bytes: &[u8]) {
        let (space, orgs, key, owner) = match circle {
            None => (derive::space_of_all(&P), None, self.main_key(i), None),
            Some(readers) => {
                let mut orgs: Vec<OrgId> = readers.iter().map(|r| self.nodes[*r].org).collect();
                orgs.push(self.nodes[i].org);
                orgs.sort_unstable();
                orgs.dedup();
                let space = derive::space_of_circle(&P, &orgs);
                let seed = Zeroizing::new([u8::try_from(i).unwrap(); 32]);
                let key = derive::circle_log_key(&seed, &space);
                let log = LogId(key.verifying_key().to_bytes());
                let certificate = LogCertificate { space, node: self.nodes[i].id, log };
                let certificate = sign(certificate, &self.nodes[i].key).to_unverified();
                (space, Some(orgs), key, Some(certificate))
            }
        };
        let log = LogId(key.verifying_key().to_bytes());
        let (entries, _) = self.nodes[i].logs.entry((space, log)).or_insert((vec![], Head::EMPTY));
        if circle.is_some() && entries.is_empty() {
            let owner = (self.nodes[i].id, owner);
            self.event(i, Event::LogOpened { space, circle: orgs, log, owner, head: Head::EMPTY });
        }
        let (entries, head) = match self.nodes[i].logs.get_mut(&(space, log)) {
            Some((entries, head)) => (entries, head),
            None => panic!("the log is there"),
        };
        let (entry, next) =
            log::append(head, space, &key, EpochId([0; 32]), bytes.to_vec(), Timestamp(0)).unwrap();
        entries.push(entry);
        *head = next;
        self.event(i, Event::Stored { space, log, head: next });
    }

    fn event(&mut self, i: usize, event: Event) {
        for effect in self.nodes[i].machine.handle(event) {
            self.effect(i, effect);
        }
    }

    fn effect(&mut self, i: usize, effect: Effect) {
        match effect {
            Effect::Send(to, message) => self.send(i, &to, message),
            Effect::SendBatch { to, space, log, from } => {
                let log_here = &self.nodes[i].logs[&(space, log)].0;
                let from_here = log_here.iter().skip(usize::try_from(from.0).unwrap());
                let mut part: Vec<Entry> = from_here.take(3).cloned().collect();
                // What came in batches is signed at their ends only, and what is sent must end so.
                while part.last().is_some_and(|e| e.signature.is_none()) {
                    part.pop();
                }
                let next = Seq(from.0 + part.len() as u64);
                if !part.is_empty() {
                    self.send(i, &to, Message::Batch(Batch::pack(&part).unwrap()));
                }
                self.event(i, Event::BatchSent { to, space, log, next });
            }
            Effect::Ingest(from, batch) => {
                let (space, log) = (batch.space, batch.log);
                let (entries, head) = self.nodes[i].logs.entry((space, log)).or_insert((vec![], Head::EMPTY));
                match batch.verify(head) {
                    Ok(verified) => {
                        *head = verified.head();
                        let head = *head;
                        entries.extend(verified.into_entries());
                        self.event(i, Event::Stored { space, log, head });
                    }
                    Err(_) => self.event(i, Event::Refused { from, space, log }),
                }
            }
            Effect::Compare { with, space, log, next, chain } => {
                self.nodes[i].looked_up += 1;
                if self.head_at(i, (space, log), next).chain != chain {
                    self.event(i, Event::Diverged { from: with, space, log, next });
                }
            }
            Effect::CompareBatch(_, batch) => {
                let key = (batch.space, batch.log);
                let start = self.head_at(i, key, batch.from);
                if let Ok(said) = SignedHeaders::of_batch(batch.clone(), &start, batch.from) {
                    self.accuse(i, said);
                }
            }
            Effect::SendProof { to, space, log, seq } => {
                let side = self.side(i, (space, log), seq).unwrap();
                self.send(i, &to, Message::Proof(Proof::Side(side)));
            }
            Effect::TakeProof(_, side) => self.accuse(i, side),
            Effect::TakeEvidence(_, evidence) => self.keep(i, evidence),
            Effect::SendEvidence { to, space, log } => {
                let evidence = Box::new(self.nodes[i].forks[&(space, log)].evidence().clone());
                self.send(i, &to, Message::Proof(Proof::Fork(evidence)));
            }
            Effect::SendEpoch(to, _, epoch) if self.holders.contains(&(i, epoch)) => {
                self.slots.push_back((self.index(&to), epoch));
            }
            Effect::EpochTold(from, epoch) if !self.holders.contains(&(i, epoch)) => {
                self.event(i, Event::EpochLacked(from, epoch));
            }
            Effect::HangUp(_, why) => self.nodes[i].hung_up.push(why),
            _ => {}
        }
    }

    fn head_at(&self, i: usize, key: (SpaceId, LogId), next: Seq) -> Head {
        let before = next.0.checked_sub(1).map(|last| usize::try_from(last).unwrap());
        before.map_or(Head::EMPTY, |last| self.nodes[i].logs[&key].0[last].head().unwrap())
    }

    fn side(&self, i: usize, key: (SpaceId, LogId), seq: Seq) -> Option<SignedHeaders> {
        let from = usize::try_from(seq.0).unwrap();
        SignedHeaders::of_entries(self.nodes[i].logs[&key].0.iter().skip(from).cloned())
    }

    /// Compares a statement with the own copy.
    fn accuse(&mut self, i: usize, side: SignedHeaders) {
        let first = side.headers[0].clone();
        if let Some(ours) = self.side(i, (first.space, first.log), first.seq) {
            self.keep(i, Evidence::of(ours, side));
        }
    }

    fn keep(&mut self, i: usize, evidence: Evidence) {
        if let Ok(proof) = evidence.verify() {
            let (space, log, seq) = (proof.space(), proof.log(), proof.seq());
            self.nodes[i].forks.entry((space, log)).or_insert(proof);
            self.event(i, Event::Forked { space, log, seq });
        }
    }

    fn send(&mut self, from: usize, to: &NodeId, message: Message) {
        let to = self.index(to);
        let size = crate::codec::encode(&message).len();
        assert!(size <= crate::limits::MAX_SYNC_MESSAGE);
        if let Some(wire) = self.wires.get_mut(&(from, to)) {
            wire.push_back(message.clone());
            self.sent.push((from, to, message));
        }
    }

    /// Delivers one message of a wire chosen by the seed; false if all is silent.
    fn step(&mut self) -> bool {
        let busy: Vec<(usize, usize)> =
            self.wires.iter().filter(|(_, w)| !w.is_empty()).map(|(k, _)| *k).collect();
        if busy.is_empty() {
            return false;
        }
        let pick = busy[usize::try_from(self.rng.next_u64() % busy.len() as u64).unwrap()];
        let message = self.wires.get_mut(&pick).and_then(VecDeque::pop_front).unwrap();
        let from = self.nodes[pick.0].id;
        self.event(pick.1, Event::Received(from, message));
        true
    }

    fn settle(&mut self) {
        for _ in 0..200 {
            while self.step() {}
            for i in 0..self.nodes.len() {
                self.event(i, Event::Tick);
            }
        }
        while self.step() {}
    }

    /// Delivers all messages, then one key after the other, each before the messages that follow from it.
    fn pass_keys_on(&mut self) {
        for _ in 0..30 {
            while self.step() {}
            while let Some((to, epoch)) = self.slots.pop_front() {
                self.given.push((to, epoch));
                if self.holders.insert((to, epoch)) {
                    self.event(to, Event::EpochKnown(epoch));
                    self.event(to, Event::EpochCurrent { epoch, mine: false });
                }
                while self.step() {}
            }
            self.tick_all();
        }
    }

    fn tick_all(&mut self) {
        for i in 0..self.nodes.len() {
            self.event(i, Event::Tick);
        }
    }

    fn connect_all(&mut self) {
        for a in 0..self.nodes.len() {
            for b in a + 1..self.nodes.len() {
                self.connect(a, b);
            }
        }
    }

    fn payloads(&self, i: usize) -> BTreeSet<Vec<u8>> {
        self.nodes[i].logs.values().flat_map(|(e, _)| e.iter()).filter_map(|e| e.payload.clone()).collect()
    }
}

#[test]
fn a_record_reaches_everybody_who_may_read_it() {
    let mut world = World::new(4, 1);
    world.connect_all();
    world.publish(0, None, b"for all");
    world.publish(0, Some(&[2]), b"for two");
    world.settle();
    for i in 0..4 {
        assert!(world.payloads(i).contains(b"for all".as_slice()), "node {i}");
        assert_eq!(world.payloads(i).contains(b"for two".as_slice()), i == 0 || i == 2, "node {i}");
    }
}

/// Forgets all but the first entries of an own log, as an old back-up would.
fn restore(world: &mut World, i: usize, keep: usize) {
    let (id, roster) = (world.nodes[i].id, world.roster());
    let key = (derive::space_of_all(&P), world.main_log(i));
    let (entries, head) = world.nodes[i].logs.get_mut(&key).unwrap();
    entries.truncate(keep);
    let again = Batch::pack(entries).unwrap();
    *head = again.verify(&Head::EMPTY).unwrap().head();
    let head = *head;
    world.nodes[i].machine = SyncMachine::new(id, P, vec![]);
    world.event(i, Event::RosterChanged(roster, vec![ActId([1; 32])]));
    let owner = (id, None);
    world.event(i, Event::LogOpened { space: key.0, circle: None, log: key.1, owner, head });
}

#[test]
fn an_author_gets_back_what_it_lost_of_its_own_log() {
    let mut world = World::new(3, 8);
    world.connect_all();
    for n in 0..9 {
        world.publish(0, None, &[n]);
    }
    world.settle();
    world.cut(0, 1);
    world.cut(0, 2);
    restore(&mut world, 0, 2);
    assert!(!world.nodes[0].machine.own_log_claimed());
    world.connect(0, 1);
    let one = world.nodes[1].id;
    assert!(!world.nodes[0].machine.caught_up_with(&one), "nothing was told yet");
    while !world.nodes[0].machine.own_log_claimed() {
        assert!(world.step(), "a partner tells that it holds more");
    }
    world.settle();
    assert_eq!(world.payloads(0), world.payloads(1));
    assert!(!world.nodes[0].machine.own_log_claimed());
    assert!(world.nodes[0].machine.caught_up_with(&one));
}

#[test]
fn a_claim_that_nobody_proves_is_believed_for_a_while_only() {
    let mut world = World::new(2, 9);
    world.connect_all();
    world.settle();
    let (liar, log) = (world.nodes[1].id, world.main_log(0));
    let lie = holds(derive::space_of_all(&P), log, 7);
    world.event(0, Event::Received(liar, lie.clone()));
    assert!(world.nodes[0].machine.own_log_claimed());
    for _ in 0..machine::CLAIM {
        world.event(0, Event::Tick);
    }
    assert!(!world.nodes[0].machine.own_log_claimed());
    world.event(0, Event::Received(liar, lie));
    assert!(!world.nodes[0].machine.own_log_claimed(), "saying it again does not renew it");
}

#[test]
fn nothing_of_a_circle_is_ever_sent_to_others() {
    let mut world = World::new(5, 2);
    world.connect_all();
    for n in 0..20 {
        world.publish(0, Some(&[1, 2]), &[n]);
    }
    world.settle();
    // Reconnect, so that frontiers are told again; and an outsider asks by name.
    let orgs: Vec<OrgId> = (0..3).map(|i| world.nodes[i].org).collect();
    let space = derive::space_of_circle(&P, &orgs);
    let seed = Zeroizing::new([0; 32]);
    let log = LogId(derive::circle_log_key(&seed, &space).verifying_key().to_bytes());
    let (zero, outsider) = (world.nodes[0].id, world.nodes[4].id);
    world.cut(0, 4);
    world.connect(0, 4);
    world.send(4, &zero, Message::WantLog(space, log, Seq(0)));
    world.send(4, &zero, Message::WantEpoch(space, EpochId([0; 32])));
    let frontier = Frontier { space, circle: Some(orgs.clone()), logs: vec![] };
    world.send(4, &zero, Message::Frontier(frontier));
    world.settle();
    let secrets = [space.0, log.0];
    for (from, to, message) in &world.sent {
        let bytes = crate::codec::encode(message);
        let told = secrets.iter().any(|s| bytes.windows(32).any(|w| w == s));
        if told && *from != 4 {
            assert!(*to <= 2, "{from} told {to}: {message:?}");
        }
    }
    assert_eq!(world.nodes[0].machine.peer_has(&outsider, &space, &log), Some(Seq(0)));
    assert_eq!(world.payloads(1).len(), 20);
}

#[test]
fn a_third_node_passes_on_what_the_author_cannot() {
    let mut world = World::new(3, 3);
    world.connect(0, 1);
    for n in 0..50 {
        world.publish(0, None, &[n]);
    }
    world.settle();
    world.cut(0, 1);
    world.connect(1, 2);
    world.settle();
    assert_eq!(world.payloads(2).len(), 50);
}

#[test]
fn a_log_that_was_known_from_the_roster_goes_on_where_the_store_ends() {
    let mut world = World::new(2, 8);
    let (space, log) = (derive::space_of_all(&P), world.main_log(1));
    let owner = (world.nodes[1].id, None);
    world.event(0, Event::LogOpened { space, circle: None, log, owner, head: up_to(7) });
    world.connect(0, 1);
    let told = world.sent.iter().find_map(|(from, _, message)| match message {
        Message::Frontier(f) if *from == 0 => f.logs.iter().find(|p| p.log == log).map(|p| p.next),
        _ => None,
    });
    assert_eq!(told, Some(Seq(7)));
}

#[test]
fn a_slow_holder_is_not_asked_for_the_same_entries_again_and_again() {
    let mut world = World::new(3, 9);
    world.connect(0, 1);
    for n in 0..10 {
        world.publish(0, None, &[n]);
    }
    world.settle();
    world.cut(0, 1);
    world.connect(1, 2);
    // Node 1 tells what it holds; its entries are on a link that takes an hour.
    let one = world.nodes[1].id;
    while let Some(message) = world.wires.get_mut(&(1, 2)).and_then(VecDeque::pop_front) {
        world.event(2, Event::Received(one, message));
        if matches!(world.sent.last(), Some((2, 1, Message::WantLog(..)))) {
            break;
        }
    }
    for _ in 0..400 {
        world.event(2, Event::Tick);
    }
    let asked = world.sent.iter().filter(|(f, _, m)| *f == 2 && matches!(m, Message::WantLog(..))).count();
    assert!((2..=5).contains(&asked), "asked {asked} times in 100 seconds");
}

#[test]
fn an_acknowledgement_that_overtakes_the_drivers_word_stops_nothing() {
    let mut world = World::new(2, 10);
    world.connect_all();
    world.settle();
    let (space, log, one) = (derive::space_of_all(&P), world.main_log(0), world.nodes[1].id);
    let mut machine_says = |event| world.nodes[0].machine.handle(event);
    let asks = |effects: &[Effect]| {
        effects
            .iter()
            .filter_map(|e| match e {
                Effect::SendBatch { from, .. } => Some(from.0),
                _ => None,
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(asks(&machine_says(Event::Stored { space, log, head: up_to(5) })), [0]);
    let ack = |next| holds(space, log, next);
    // The reader acknowledges 3 before the courier has said that 0 to 3 went out.
    assert!(asks(&machine_says(Event::Received(one, ack(3)))).is_empty());
    assert_eq!(asks(&machine_says(Event::BatchSent { to: one, space, log, next: Seq(3) })), [3]);
    assert!(asks(&machine_says(Event::Received(one, ack(5)))).is_empty());
    assert!(asks(&machine_says(Event::BatchSent { to: one, space, log, next: Seq(5) })).is_empty());
    assert_eq!(asks(&machine_says(Event::Stored { space, log, head: up_to(6) })), [5]);
}

#[test]
fn a_quiet_network_falls_silent() {
    let mut world = World::new(4, 4);
    world.connect_all();
    world.publish(0, None, b"x");
    world.publish(1, Some(&[3]), b"y");
    world.settle();
    let before = world.sent.len();
    world.settle();
    assert_eq!(world.sent.len(), before, "{:?}", &world.sent[before..]);
}

#[test]
fn a_peer_cannot_make_the_machine_grow_without_end() {
    let mut world = World::new(3, 5);
    world.connect_all();
    world.settle();
    // Circles with made-up members, wrong names, or without us are not learnt.
    let one = world.nodes[1].id;
    let (a, b, c) = (world.nodes[0].org, world.nodes[1].org, OrgId([99; 32]));
    for orgs in [vec![b, c], vec![b], vec![], vec![b, a], vec![a, a, b]] {
        let space = derive::space_of_circle(&P, &orgs);
        let frontier = Frontier { space, circle: Some(orgs), logs: vec![] };
        world.event(0, Event::Received(one, Message::Frontier(frontier)));
    }
    let orgs = vec![a, b];
    let frontier = Frontier { space: SpaceId([7; 32]), circle: Some(orgs), logs: vec![] };
    world.event(0, Event::Received(one, Message::Frontier(frontier)));
    // Logs without a certificate, and certificates for another log, are not learnt either.
    let space = derive::space_of_circle(&P, &[a, b]);
    let wrong = LogCertificate { space, node: one, log: LogId([1; 32]) };
    let owner = LogOwner { node: one, certificate: sign(wrong, &node_key(1)).to_unverified() };
    let points = vec![
        LogPoint { log: LogId([2; 32]), next: Seq(9), certificate: Some(owner), chain: None },
        LogPoint { log: LogId([3; 32]), next: Seq(9), certificate: None, chain: None },
    ];
    let frontier = Frontier { space, circle: Some(vec![a, b]), logs: points };
    world.event(0, Event::Received(one, Message::Frontier(frontier)));
    let known = world.nodes[0].machine.known_for_tests();
    assert_eq!(known, (2, 3), "spaces and logs");
}

#[test]
fn who_does_not_say_hello_or_speaks_another_version_is_hung_up_on() {
    let mut world = World::new(3, 6);
    let (one, two) = (world.nodes[1].id, world.nodes[2].id);
    world.event(0, Event::Connected(one));
    world.event(0, Event::Received(one, Message::WantActs(vec![])));
    world.event(0, Event::Connected(two));
    let hello = Hello { version: 99, heads: vec![], addresses: vec![] };
    world.event(0, Event::Received(two, Message::Hello(hello)));
    world.event(0, Event::Connected(NodeId([77; 32])));
    assert_eq!(world.nodes[0].hung_up.len(), 3);
}

#[test]
fn a_removed_member_is_hung_up_on_and_its_later_entries_are_not_taken() {
    let mut world = World::new(3, 7);
    world.connect_all();
    world.publish(1, None, b"before");
    world.settle();
    let mut roster = world.roster();
    let removed = world.nodes[1].id;
    roster.nodes.remove(&removed);
    roster.logs.insert(world.main_log(1), (removed, Some(Seq(1))));
    world.event(0, Event::RosterChanged(roster, vec![ActId([2; 32])]));
    assert_eq!(world.nodes[0].hung_up, ["no longer a member"]);
    // Node 2 has not heard of it, takes an entry, and offers it to node 0.
    world.publish(1, None, b"after");
    world.settle();
    assert!(world.payloads(2).contains(b"after".as_slice()));
    assert!(!world.payloads(0).contains(b"after".as_slice()));
    assert!(world.payloads(0).contains(b"before".as_slice()));
}

/// Node `author` begins its log anew, as if it had never written anything.
fn forget_own_log(world: &mut World, author: usize) {
    for other in 0..world.nodes.len() {
        world.cut(author, other);
    }
    let (space, log, id) = (derive::space_of_all(&P), world.main_log(author), world.nodes[author].id);
    world.nodes[author].machine = SyncMachine::new(id, P, vec![]);
    world.nodes[author].logs.insert((space, log), (vec![], Head::EMPTY));
    let roster = world.roster();
    world.event(author, Event::RosterChanged(roster, vec![ActId([1; 32])]));
}

/// Shows each of these nodes, while it is alone with the author, its own version: these payloads.
fn show_faces(world: &mut World, author: usize, faces: &[(usize, &[&[u8]])]) {
    for (victim, payloads) in faces {
        forget_own_log(world, author);
        for payload in *payloads {
            world.publish(author, None, payload);
        }
        world.connect(author, *victim);
        world.settle();
    }
    forget_own_log(world, author);
}

#[test]
fn every_honest_machine_flags_an_author_with_two_faces_after_healing() {
    let (same, left, right): (&[u8], &[u8], &[u8]) = (b"same", b"left", b"right");
    let cases: [[&[&[u8]]; 2]; 4] = [
        [&[left], &[right]],
        [&[same, left], &[same, right]],
        [&[same, left, left, left, left], &[same, right]],
        [&[left], &[right, right, same, same, same, same]],
    ];
    for (n, faces) in cases.iter().enumerate() {
        let mut world = World::new(5, n as u64);
        let author = 4;
        show_faces(&mut world, author, &[(0, faces[0]), (1, faces[1])]);
        // The honest ones meet in a line; two of them never met the author, whose own node stays away.
        for (a, b) in [(0, 2), (2, 3), (3, 1)] {
            world.connect(a, b);
        }
        world.settle();
        let key = (derive::space_of_all(&P), world.main_log(author));
        for honest in 0..4 {
            let proof = world.nodes[honest].forks.get(&key);
            let proof = proof.unwrap_or_else(|| panic!("case {n}: node {honest} does not know"));
            assert_eq!((proof.space(), proof.log()), key);
            assert_eq!(world.nodes[honest].forks.len(), 1, "nobody else is accused");
        }
        // Each keeps what it had first, and takes nothing more.
        let held: Vec<usize> = (0..2).map(|i| world.nodes[i].logs[&key].0.len()).collect();
        assert_eq!(held, [faces[0].len(), faces[1].len()]);
        let before = world.sent.len();
        world.settle();
        assert_eq!(world.sent.len(), before, "silence: {:?}", &world.sent[before..]);
        // Whoever comes later is told on connecting.
        world.connect(2, author);
        world.settle();
        assert!(world.nodes[author].forks.contains_key(&key));
    }
}

#[test]
fn a_second_version_sent_to_one_who_holds_the_first_is_evidence() {
    let mut world = World::new(3, 21);
    show_faces(&mut world, 2, &[(0, &[b"first"])]);
    world.connect(0, 1);
    world.settle();
    world.publish(2, None, b"second");
    let key = (derive::space_of_all(&P), world.main_log(2));
    let batch = Batch::pack(&world.nodes[2].logs[&key].0).unwrap();
    let (zero, two) = (world.nodes[0].id, world.nodes[2].id);
    world.wires.insert((2, 0), VecDeque::new());
    world.event(0, Event::Connected(two));
    let hello = Hello { version: VERSION, heads: vec![], addresses: vec![] };
    world.send(2, &zero, Message::Hello(hello));
    world.send(2, &zero, Message::Batch(batch));
    world.settle();
    for honest in [0, 1] {
        assert!(world.nodes[honest].forks.contains_key(&key), "node {honest}");
        assert_eq!(world.nodes[honest].logs[&key].0[0].payload.as_deref(), Some(b"first".as_slice()));
    }
}

#[test]
fn evidence_of_a_circle_is_told_to_its_members_only() {
    let mut world = World::new(4, 22);
    for victim in [0, 1] {
        forget_own_log(&mut world, 3);
        world.nodes[3].logs.clear();
        world.publish(3, Some(&[0, 1]), &[u8::try_from(victim).unwrap(); 3]);
        world.connect(3, victim);
        world.settle();
    }
    forget_own_log(&mut world, 3);
    let before = world.sent.len();
    for (a, b) in [(0, 1), (0, 2), (1, 2)] {
        world.connect(a, b);
    }
    world.settle();
    assert_eq!(
        (world.nodes[0].forks.len(), world.nodes[1].forks.len(), world.nodes[2].forks.len()),
        (1, 1, 0)
    );
    let told = |(_, to, message): &&(usize, usize, Message)| *to == 2 && matches!(message, Message::Proof(_));
    assert_eq!(world.sent[before..].iter().filter(told).count(), 0);
}

#[test]
fn honest_copies_of_different_lengths_cost_few_comparisons_and_accuse_nobody() {
    let mut world = World::new(4, 23);
    world.connect_all();
    for n in 0..200 {
        world.publish(0, None, &[n]);
    }
    world.settle();
    for node in &world.nodes {
        assert!(node.forks.is_empty());
        assert!(node.looked_up < 40, "{} comparisons", node.looked_up);
    }
}

#[test]
fn who_asked_in_vain_is_given_the_key_once_it_is_here() {
    let mut world = World::new(2, 11);
    world.connect_all();
    world.settle();
    let (space, epoch) = (derive::space_of_all(&P), EpochId([7; 32]));
    let (zero, one) = (world.nodes[0].id, world.nodes[1].id);
    world.event(0, Event::EpochMissing(space, epoch));
    world.settle();
    let given = world.nodes[1].machine.handle(Event::EpochKnown(epoch));
    assert_eq!(given, [Effect::SendEpoch(zero, space, epoch)]);
    assert!(world.nodes[1].machine.handle(Event::EpochKnown(epoch)).is_empty());
    // A day of ticks: it asks some dozens of times, and not hundreds of thousands of times.
    let before = world.sent.len();
    for _ in 0..345_600 {
        world.event(0, Event::Tick);
    }
    assert!(world.sent.len() - before < 40, "{}", world.sent.len() - before);
    // Who comes is asked at once.
    world.cut(0, 1);
    world.connect(0, 1);
    let asked =
        |sent: &(usize, usize, Message)| matches!(sent, (0, 1, Message::WantEpoch(_, e)) if *e == epoch);
    assert!(world.sent.iter().rev().take(6).any(asked), "{one:?}");
}

#[test]
fn who_learns_whose_log_it_is_is_told_again() {
    let mut world = World::new(3, 13);
    // Node 2 has not heard that node 0 is a member, and is told by node 1 of what node 0 wrote, to it as well.
    let (whole, mut narrow) = (world.roster(), world.roster());
    narrow.nodes.remove(&world.nodes[0].id);
    narrow.logs.remove(&world.main_log(0));
    let (id, all) = (world.nodes[2].id, derive::space_of_all(&P));
    world.nodes[2].machine = SyncMachine::new(id, P, vec![]);
    world.event(2, Event::RosterChanged(narrow, vec![ActId([3; 32])]));
    let owner = (id, None);
    let log = world.main_log(2);
    world.event(2, Event::LogOpened { space: all, circle: None, log, owner, head: Head::EMPTY });
    world.connect(0, 1);
    world.publish(0, None, b"for all");
    world.publish(0, Some(&[1, 2]), b"for two");
    world.settle();
    world.connect(1, 2);
    world.settle();
    assert!(world.payloads(2).is_empty());
    world.event(2, Event::RosterChanged(whole, vec![ActId([1; 32])]));
    world.settle();
    assert_eq!(world.payloads(2).len(), 2);
}

#[test]
fn logs_of_the_removed_meet_at_their_cutoff() {
    let mut world = World::new(3, 12);
    for n in 0..7 {
        world.publish(1, None, &[n]);
    }
    world.connect(0, 1);
    world.settle();
    world.cut(0, 1);
    let mut roster = world.roster();
    let removed = world.nodes[1].id;
    roster.nodes.remove(&removed);
    roster.logs.insert(world.main_log(1), (removed, Some(Seq(5))));
    for i in [0, 2] {
        world.event(i, Event::RosterChanged(roster.clone(), vec![ActId([2; 32])]));
    }
    // Node 0 holds seven in batches of three, so that none ends at five.
    world.connect(0, 2);
    world.settle();
    assert!(world.payloads(2).len() >= 5);
    let before = world.sent.len();
    world.settle();
    assert_eq!(world.sent.len(), before, "silence afterwards");
}

/// One random thing that happens.
fn disturb(world: &mut World) {
    let n = world.nodes.len() as u64;
    let mut pick = |m: u64| usize::try_from(world.rng.next_u64() % m).unwrap();
    let (what, a, b, c) = (pick(10), pick(n), pick(n), pick(n));
    match what {
        0..=2 => world.connect(a, b),
        3 => world.cut(a, b),
        4 => world.publish(a, None, &[u8::try_from(b).unwrap(); 5]),
        5 if a != b && a != c => world.publish(a, Some(&[b, c]), &[u8::try_from(c).unwrap(); 6]),
        6 => (0..world.nodes.len()).for_each(|i| world.event(i, Event::Tick)),
        _ => {
            for _ in 0..7 {
                world.step();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_end_equal_whatever_the_network_does(seed in any::<u64>(), n in 2_usize..7) {
        let mut world = World::new(n, seed);
        for _ in 0..150 {
            disturb(&mut world);
        }
        world.connect_all();
        world.settle();
        let mut lengths: BTreeMap<(SpaceId, LogId), BTreeSet<u64>> = BTreeMap::new();
        for node in &world.nodes {
            for (key, (entries, _)) in &node.logs {
                lengths.entry(*key).or_default().insert(entries.len() as u64);
            }
            prop_assert!(node.hung_up.is_empty());
            prop_assert!(node.forks.is_empty(), "an honest author was accused");
        }
        for (key, seen) in lengths {
            prop_assert_eq!(seen.len(), 1, "{:?}: {:?}", key, seen);
        }
    }
}

fn places(count: u64) -> Vec<(LogId, Seq)> {
    (0..count).map(|n| (LogId([9; 32]), Seq(n))).collect()
}

#[test]
fn entries_that_may_be_read_alone_are_asked_for_in_turn_until_their_keys_are_here() {
    let mut world = World::new(2, 8);
    world.connect_all();
    world.settle();
    let (all, epoch) = (derive::space_of_all(&P), EpochId([5; 32]));
    let machine = &mut world.nodes[0].machine;
    let mut out = machine.handle(Event::RecordsMissing(all, epoch, places(100)));
    out.extend((0..200).flat_map(|_| machine.handle(Event::Tick)));
    let mut asked = BTreeSet::new();
    for effect in out {
        if let Effect::Send(_, Message::WantRecords(_, _, some)) = effect {
            assert!(some.len() <= crate::limits::MAX_RECORD_KEYS);
            asked.extend(some);
        }
    }
    assert_eq!(asked, places(100).into_iter().collect());
    let mut later = machine.handle(Event::RecordsKnown(epoch, places(100)));
    later.extend((0..5_000).flat_map(|_| machine.handle(Event::Tick)));
    assert!(!later.iter().any(|e| matches!(e, Effect::Send(_, Message::WantRecords(..)))));
}

#[test]
fn who_may_read_more_than_before_asks_again_at_once_for_what_nobody_gave() {
    let mut world = World::new(2, 10);
    world.connect_all();
    world.settle();
    let machine = &mut world.nodes[0].machine;
    let asked = |out: Vec<Effect>| {
        out.iter().filter(|e| matches!(e, Effect::Send(_, Message::WantEpoch(..)))).count()
    };
    let mut ticks = |event: Option<Event>, count: usize| {
        let first = event.map_or_else(Vec::new, |event| machine.handle(event));
        asked(first) + (0..count).map(|_| asked(machine.handle(Event::Tick))).sum::<usize>()
    };
    ticks(Some(Event::EpochMissing(derive::space_of_all(&P), EpochId([5; 32]))), 5_000);
    assert_eq!(ticks(None, 1_000), 0, "it has given up hope for a while");
    assert_eq!(ticks(Some(Event::MayReadMore), 1), 1);
    assert!(ticks(None, 20) >= 2, "and soon again, for who was asked may not know of it yet");
}

#[test]
fn what_was_refused_is_asked_for_at_once_when_there_is_room() {
    let mut world = World::new(2, 12);
    world.connect_all();
    world.settle();
    let (space, log, one) = (derive::space_of_all(&P), world.main_log(1), world.nodes[1].id);
    let machine = &mut world.nodes[0].machine;
    let asked = |out: Vec<Effect>| {
        let from = |e: &Effect| match e {
            Effect::Send(to, Message::WantLog(_, of, from)) if (*to, *of) == (one, log) => Some(*from),
            _ => None,
        };
        out.iter().filter_map(from).collect::<Vec<_>>()
    };
    assert_eq!(asked(machine.handle(Event::Received(one, holds(space, log, 5)))), []);
    assert_eq!(asked(machine.handle(Event::Refused { from: one, space, log })), []);
    for _ in 0..30 {
        assert_eq!(asked(machine.handle(Event::Tick)), [], "it is left alone for a while");
    }
    assert_eq!(asked(machine.handle(Event::RoomMade)), [Seq(0)]);
    assert_eq!(asked(machine.handle(Event::RoomMade)), [], "once");
}

#[test]
fn a_fresh_key_reaches_everybody_in_one_slot_each() {
    let mut world = World::new(40, 11);
    world.connect_all();
    world.settle();
    for epoch in [EpochId([5; 32]), EpochId([6; 32])] {
        world.holders.insert((3, epoch));
        world.sent.clear();
        world.event(3, Event::EpochCurrent { epoch, mine: true });
        assert_eq!(world.slots.len(), PUSH_FANOUT, "who made it seals it to a few");
        world.pass_keys_on();
        let given: Vec<usize> = world.given.drain(..).map(|(to, _)| to).collect();
        let each: BTreeSet<usize> = given.iter().copied().collect();
        assert_eq!((given.len(), each.len()), (39, 39), "nobody twice");
        let words = world.sent.iter().filter(|(_, to, m)| *to == 30 && matches!(m, Message::HaveEpoch(_)));
        assert!(words.count() < 20, "and few are the words");
    }
    // Who has it already and meets others is given nothing again; who was away is.
    world.cut(7, 9);
    world.connect(7, 9);
    world.pass_keys_on();
    assert_eq!(world.given, []);
    world.holders.remove(&(9, EpochId([6; 32])));
    world.event(9, Event::EpochCurrent { epoch: EpochId([5; 32]), mine: false });
    world.cut(7, 9);
    world.connect(7, 9);
    world.pass_keys_on();
    assert_eq!(world.given, [(9, EpochId([6; 32]))]);
}

#[test]
fn who_does_not_give_a_key_that_it_says_it_has_is_not_asked_again() {
    let mut world = World::new(3, 12);
    world.connect_all();
    world.settle();
    let epoch = EpochId([5; 32]);
    let (liar, honest) = (world.nodes[1].id, world.nodes[2].id);
    let asked = |world: &World, who: usize| {
        world.sent.iter().filter(|(_, to, m)| *to == who && matches!(m, Message::WantEpoch(..))).count()
    };
    world.holders.insert((2, epoch));
    world.event(0, Event::Received(liar, Message::HaveEpoch(epoch)));
    world.event(0, Event::Received(honest, Message::HaveEpoch(epoch)));
    world.pass_keys_on();
    assert_eq!((asked(&world, 1), asked(&world, 2)), (1, 0), "one after the other");
    for _ in 0..1_000 {
        world.event(0, Event::Tick);
    }
    world.pass_keys_on();
    assert_eq!((asked(&world, 1), asked(&world, 2)), (1, 1));
    assert!(world.holders.contains(&(0, epoch)));
    // However many it speaks of, one question is open at a time.
    for n in 10..200 {
        world.event(0, Event::Received(liar, Message::HaveEpoch(EpochId([n; 32]))));
        world.event(0, Event::Tick);
    }
    // 190 ticks: one each time that the one before was waited for in vain.
    assert!(asked(&world, 1) <= 1 + 190 / 40 + 1);
}

#[test]
fn single_entries_of_a_circle_are_given_to_nobody_and_others_no_more_at_once_than_fit() {
    let mut world = World::new(2, 9);
    world.connect_all();
    world.publish(0, Some(&[1]), &[1]);
    world.settle();
    let (a, b, one) = (world.nodes[0].org, world.nodes[1].org, world.nodes[1].id);
    let machine = &mut world.nodes[0].machine;
    let mut ask = |space| {
        let question = Message::WantRecords(space, EpochId([0; 32]), places(1_000));
        machine.handle(Event::Received(one, question))
    };
    assert_eq!(ask(derive::space_of_circle(&P, &[a, b])), []);
    assert_eq!(ask(SpaceId([7; 32])), []);
    let few = places(crate::limits::MAX_RECORD_KEYS as u64);
    assert_eq!(ask(derive::space_of_all(&P)), [Effect::SendRecordKeys(one, EpochId([0; 32]), few)]);
}

#[test]
fn what_was_carried_is_taken_like_what_was_said() {
    let mut world = World::new(4, 31);
    world.publish(0, None, b"for all");
    world.publish(0, Some(&[1]), b"for one");
    let zero = world.nodes[0].id;
    // All that node 0 would tell node 1, as a file has it.
    world.connect(0, 1);
    world.settle();
    let carried: Vec<Message> =
        world.sent.iter().filter(|(from, to, _)| (*from, *to) == (0, 1)).map(|(_, _, m)| m.clone()).collect();
    let mut fresh = World::new(4, 32);
    let before = fresh.sent.len();
    for reader in [1, 2] {
        for message in &carried {
            fresh.event(reader, Event::Carried(zero, message.clone()));
            fresh.event(reader, Event::Carried(zero, message.clone()));
        }
    }
    assert_eq!(fresh.payloads(1), world.payloads(1));
    assert_eq!(fresh.payloads(1).len(), 2);
    assert_eq!(fresh.payloads(2), [b"for all".to_vec()].into(), "of a circle only its members learn");
    assert_eq!(fresh.sent.len(), before, "nobody who is not there is answered");
    for message in &carried {
        fresh.event(3, Event::Carried(NodeId([77; 32]), message.clone()));
    }
    assert!(fresh.payloads(3).is_empty(), "who is no member says nothing");
}
