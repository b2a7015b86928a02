//! Parleys (S11), between two machines that are driven by hand.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ed25519_dalek::SigningKey;

use super::machine::{MAX_PARLEYS, MAX_POINTS};
use super::*;
use crate::derive;
use crate::ids::*;
use crate::limits;
use crate::log::{self, Batch, Head};
use crate::verification::VerifyMessage;

const P: PartnershipId = PartnershipId([42; 32]);
const X: NodeId = NodeId([1; 32]);
const Y: NodeId = NodeId([2; 32]);
const Z: NodeId = NodeId([3; 32]);
/// The founding, and what puts Y and X out.
const FOUNDED: ActId = ActId([10; 32]);
const Y_OUT: ActId = ActId([11; 32]);
const X_OUT: ActId = ActId([12; 32]);

/// What a set of acts amounts to: X is the senior one, so what puts it out counts for nothing beside what puts Y out.
fn roster(acts: &BTreeSet<ActId>) -> Roster {
    let mut roster = Roster::default();
    for (node, number) in [(X, 1), (Y, 2), (Z, 3)] {
        roster.nodes.insert(node, OrgId([number; 32]));
        roster.logs.insert(LogId([number; 32]), (node, None));
    }
    let out = if acts.contains(&Y_OUT) { Some((Y, Y_OUT)) } else { None };
    let out = out.or_else(|| acts.contains(&X_OUT).then_some((X, X_OUT)));
    if let Some((node, act)) = out {
        roster.nodes.remove(&node);
        roster.former.insert(node, vec![act]);
    }
    roster
}

fn machine(me: NodeId, acts: &BTreeSet<ActId>) -> SyncMachine {
    let mut machine = SyncMachine::new(me, P, vec![]);
    let heads = acts.iter().copied().collect();
    assert!(machine.handle(Event::RosterChanged(roster(acts), heads)).is_empty());
    machine
}

/// X, which takes Y for former and holds something that only members read.
fn x_with_an_entry() -> (SyncMachine, Batch) {
    let mut x = machine(X, &BTreeSet::from([FOUNDED, Y_OUT]));
    let key = SigningKey::from_bytes(&[9; 32]);
    let (space, log) = (derive::space_of_all(&P), LogId(key.verifying_key().to_bytes()));
    let (entry, head) =
        log::append(&Head::EMPTY, space, &key, EpochId([0; 32]), b"for members".to_vec(), Timestamp(0))
            .unwrap();
    drop(x.handle(Event::LogOpened { space, circle: None, log, owner: (X, None), head: Head::EMPTY }));
    drop(x.handle(Event::Stored { space, log, head }));
    (x, Batch::pack(&[entry]).unwrap())
}

#[test]
fn in_a_parley_nothing_but_acts_is_taken_or_given() {
    let (mut x, batch) = x_with_an_entry();
    let (space, log) = (batch.space, batch.log);
    assert_eq!(x.handle(Event::Connected(Y)), [Effect::Send(Y, Message::Parley(vec![Y_OUT]))]);
    let frontier = Frontier {
        space,
        circle: None,
        logs: vec![LogPoint { log, next: Seq(9), certificate: None, chain: Some(Hash([1; 32])) }],
    };
    let not_for_it = [
        Message::Frontier(frontier),
        Message::WantLog(space, log, Seq(0)),
        Message::Batch(batch),
        Message::WantEpoch(space, EpochId([0; 32])),
        Message::WantProof(space, log, Seq(0)),
        Message::Blob(BlobMessage::WantChunk(BlobId([5; 32]), 0)),
        Message::PrekeyPoints(vec![(Y, 0)]),
        Message::Prekeys(vec![]),
        Message::Verify(VerifyMessage::Stop(Hash([1; 32]))),
    ];
    for message in not_for_it {
        assert_eq!(x.handle(Event::Received(Y, message.clone())), [], "{message:?}");
    }
    // Nor does it hear of what happens meanwhile.
    drop(x.handle(Event::Connected(Z)));
    drop(x.handle(Event::Received(
        Z,
        Message::Hello(Hello { version: VERSION, heads: vec![], addresses: vec![] }),
    )));
    let head = Head { next: Seq(2), chain: Hash([7; 32]) };
    let mut effects = x.handle(Event::Stored { space, log, head });
    effects.extend(x.handle(Event::EpochMissing(space, EpochId([4; 32]))));
    effects.extend(x.handle(Event::EpochKnown(EpochId([4; 32]))));
    let acts = BTreeSet::from([FOUNDED, Y_OUT]);
    effects.extend(x.handle(Event::RosterChanged(roster(&acts), vec![ActId([99; 32])])));
    effects.extend(x.handle(Event::Tick));
    assert!(effects.iter().any(|e| matches!(e, Effect::Send(Z, _))), "a member hears of it");
    assert!(!effects.iter().any(|e| matches!(e, Effect::Send(Y, _) | Effect::SendBatch { to: Y, .. })));
    let taken: Vec<Effect> =
        [Message::WantActs(vec![FOUNDED]), Message::Acts(vec![]), Message::Heads(vec![X_OUT])]
            .into_iter()
            .flat_map(|message| x.handle(Event::Received(Y, message)))
            .collect();
    let expected = [
        Effect::SendActs(Y, vec![FOUNDED]),
        Effect::TakeActs(Y, vec![]),
        Effect::ComparePoints(Y, vec![X_OUT], true),
    ];
    assert_eq!(taken, expected);
}

struct Side {
    acts: BTreeSet<ActId>,
    machine: SyncMachine,
    over: bool,
    hung_up: Vec<&'static str>,
}

/// Two machines and what is on the way between them. Acts go as what their givers may show.
struct Pair {
    sides: BTreeMap<NodeId, Side>,
    wire: VecDeque<(NodeId, Message)>,
}

impl Pair {
    fn new(x: &[ActId], y: &[ActId]) -> Pair {
        let side = |me, acts: &[ActId]| {
            let acts: BTreeSet<ActId> = acts.iter().copied().collect();
            (me, Side { machine: machine(me, &acts), acts, over: false, hung_up: vec![] })
        };
        Pair { sides: BTreeMap::from([side(X, x), side(Y, y)]), wire: VecDeque::new() }
    }

    fn event(&mut self, me: NodeId, event: Event) {
        let effects = self.sides.get_mut(&me).unwrap().machine.handle(event);
        for effect in effects {
            let side = self.sides.get_mut(&me).unwrap();
            match effect {
                Effect::Send(to, message) => self.wire.push_back((to, message)),
                Effect::ComparePoints(with, points, ask) => {
                    if points.iter().all(|act| side.acts.contains(act)) {
                        self.event(me, Event::Holds(with, points));
                    } else if ask {
                        self.wire.push_back((with, Message::WantActs(vec![])));
                    }
                }
                Effect::SendActs(to, _) | Effect::CompareHeads(to, _) => self.give(me, to),
                Effect::ParleyOver(_) => side.over = true,
                Effect::HangUp(_, why) => side.hung_up.push(why),
                _ => {}
            }
        }
    }

    /// What `me` may show, as if it had come in a message.
    fn give(&mut self, me: NodeId, to: NodeId) {
        let acts = &self.sides[&me].acts;
        let shown = roster(acts).former.get(&to).cloned();
        let shown: Vec<ActId> = shown.unwrap_or_else(|| acts.iter().copied().collect());
        let other = self.sides.get_mut(&to).unwrap();
        let before = other.acts.len();
        other.acts.extend(shown);
        if other.acts.len() > before {
            let (roster, heads) = (roster(&other.acts), other.acts.iter().copied().collect());
            self.event(to, Event::RosterChanged(roster, heads));
        }
    }

    fn meet(&mut self) {
        self.wire.clear();
        for (me, other) in [(X, Y), (Y, X)] {
            self.event(me, Event::Disconnected(other));
        }
        for (me, other) in [(X, Y), (Y, X)] {
            self.event(me, Event::Connected(other));
        }
        while let Some((to, message)) = self.wire.pop_front() {
            let from = if to == X { Y } else { X };
            self.event(to, Event::Received(from, message));
        }
    }
}

#[test]
fn two_who_put_each_other_out_hear_each_other() {
    let mut pair = Pair::new(&[FOUNDED, Y_OUT], &[FOUNDED, X_OUT]);
    pair.meet();
    assert_eq!(pair.sides[&Y].acts, BTreeSet::from([FOUNDED, Y_OUT, X_OUT]), "the junior side was told");
    assert_eq!(pair.sides[&Y].hung_up, ["a member again"]);
    pair.meet();
    assert_eq!(pair.sides[&X].acts, pair.sides[&Y].acts, "and tells what the senior side lacked");
    assert!(pair.sides[&X].over && pair.sides[&Y].over);
    assert_eq!(pair.sides[&X].hung_up, [] as [&str; 0]);
}

#[test]
fn who_was_away_hears_that_it_was_put_out_and_nothing_later() {
    let later = ActId([50; 32]);
    let mut pair = Pair::new(&[FOUNDED, Y_OUT, later], &[FOUNDED]);
    pair.meet();
    assert_eq!(pair.sides[&Y].acts, BTreeSet::from([FOUNDED, Y_OUT]));
    assert!(pair.sides[&X].over && pair.sides[&Y].over);
}

#[test]
fn a_parley_ends_and_costs_little() {
    let hung_up = |effects: &[Effect]| effects.iter().any(|e| matches!(e, Effect::HangUp(..)));
    let silent = |machine: &mut SyncMachine| (0..200).any(|_| hung_up(&machine.handle(Event::Tick)));
    let mut x = x_with_an_entry().0;
    drop(x.handle(Event::Connected(Y)));
    assert!(silent(&mut x), "it says nothing");
    drop(x.handle(Event::Connected(Y)));
    let talks = |x: &mut SyncMachine| x.handle(Event::Received(Y, Message::WantActs(vec![])));
    assert!((0..200).any(|_| hung_up(&talks(&mut x))), "it asks and asks");
    drop(x.handle(Event::Connected(Y)));
    let points = vec![FOUNDED; MAX_POINTS + 1];
    assert!(hung_up(&x.handle(Event::Received(Y, Message::Parley(points)))), "it names too much");

    let mut roster = roster(&BTreeSet::from([FOUNDED, Y_OUT]));
    let many: Vec<NodeId> = (0..=MAX_PARLEYS).map(|n| NodeId([100 + u8::try_from(n).unwrap(); 32])).collect();
    roster.former.extend(many.iter().map(|node| (*node, vec![Y_OUT])));
    let mut x = SyncMachine::new(X, P, vec![]);
    drop(x.handle(Event::RosterChanged(roster, vec![])));
    let refused: Vec<bool> = many.iter().map(|node| hung_up(&x.handle(Event::Connected(*node)))).collect();
    assert_eq!(refused.iter().filter(|refused| **refused).count(), 1, "one more than there may be");
    const { assert!(limits::MAX_NODES > MAX_PARLEYS) };
}
