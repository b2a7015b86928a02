//! What must hold when all faults are over and nothing is said any more.

use std::collections::BTreeSet;
use std::rc::Rc;

use entente_protocol::envelope::{self, Place};
use entente_protocol::ids::{EpochId, NodeId, Seq};
use entente_protocol::membership::Inserted;

use crate::ledger::Truth;
use crate::memo::{Folded, SetId};
use crate::node::Node;
use crate::store::{Judged, LogKey};
use crate::world::World;

/// All that is wrong, in words.
pub fn check(world: &mut World) -> Vec<String> {
    let mut wrong = Vec::new();
    let Some((truth, reference)) = reference(world) else { return vec!["nobody is left".into()] };
    world.report.members = truth.roster.nodes.len();
    let present: Vec<&Node> =
        world.nodes.iter().filter(|n| truth.roster.nodes.contains_key(&n.id()) && n.evil.is_none()).collect();
    if reference.membership.members != truth.membership.members {
        wrong.push("what the members take for the membership is not what all acts amount to".into());
    }
    one_membership(&present, &reference, &mut wrong);
    for node in present.iter().filter(|n| n.set() != reference.set) {
        wrong.push(format!("node {} knows members {:?}", node.party.number, members(world, node)));
    }
    equal_logs(&present, &reference, &mut wrong);
    all_shown(world, &present, &reference, &mut wrong);
    nothing_for_the_removed(world, &mut wrong);
    all_know_of_their_departure(world, &truth, &mut wrong);
    wrong
}

/// Who is a member no more by all acts together knows it, also if it was away when it was put out (S11), and if somebody
/// let it in again who could not. Whoever was away for so many epochs that no member keeps a door for it is not told; and
/// whose removal stands only by a later act holds it and yet takes itself for a member (decision 0018).
fn all_know_of_their_departure(world: &World, truth: &Folded, wrong: &mut Vec<String>) {
    let members = world.nodes.iter().filter(|n| truth.roster.nodes.contains_key(&n.id()));
    let doors: BTreeSet<EpochId> = members.flat_map(Node::doors).collect();
    for node in world.nodes.iter().filter(|n| n.evil.is_none() && n.is_member()) {
        let org = truth.org_of(&node.id());
        let Some(former) = org.and_then(|org| truth.membership.former.get(&org)) else { continue };
        let holds = node.graph().is_some_and(|graph| former.acts.iter().any(|act| graph.contains(act)));
        let disputed = holds && former.returned.is_empty();
        if !disputed && !node.knocks().is_disjoint(&doors) {
            let number = node.party.number;
            wrong.push(format!("node {number} was put out and does not know; doors {}", node.knocks().len()));
        }
    }
}

/// What all acts together amount to, wherever they are held: whoever is a member by that must know it.
fn truth(world: &mut World) -> Option<Rc<Folded>> {
    let mut graphs = world.nodes.iter().filter(|n| n.evil.is_none()).filter_map(Node::graph);
    let mut all = graphs.next()?.clone();
    for graph in graphs {
        for act in graph.iter() {
            if let Ok(Inserted::Missing(_)) | Err(_) = all.insert(act.clone()) {
                return None;
            }
        }
    }
    let set = all.iter().fold(SetId::EMPTY, |set, act| set.with(&act.id()));
    Some(world.env.memo.fold(set, &all))
}

/// What the members by the truth take for it: that of the first, to which the others are compared.
fn reference(world: &mut World) -> Option<(Rc<Folded>, Rc<Folded>)> {
    let truth = truth(world)?;
    let mut present =
        world.nodes.iter().filter(|n| n.evil.is_none() && truth.roster.nodes.contains_key(&n.id()));
    let first = present.find_map(Node::folded)?;
    Some((truth, first))
}

/// Who is a member in the end, by number, the most senior first, and whether a steward.
pub fn outcome(world: &mut World) -> Vec<(usize, bool)> {
    let Some(truth) = truth(world) else { return Vec::new() };
    let mut members: Vec<_> = truth.membership.members.iter().collect();
    members.sort_by_key(|(_, member)| member.rank.clone());
    let number = |org| world.nodes.iter().position(|n| n.party.org() == org);
    members.into_iter().filter_map(|(org, m)| Some((number(*org)?, m.steward))).collect()
}

fn members(world: &World, node: &Node) -> Vec<usize> {
    let folded = node.folded();
    let is_member = |other: &&Node| folded.as_ref().is_some_and(|f| f.roster.nodes.contains_key(&other.id()));
    world.nodes.iter().filter(is_member).map(|n| n.party.number).collect()
}

fn one_membership(present: &[&Node], reference: &Folded, wrong: &mut Vec<String>) {
    for node in present {
        let name = node.party.number;
        if node.set() == SetId::EMPTY {
            wrong.push(format!("node {name} is a member and does not know"));
        } else if node.set() != reference.set {
            wrong.push(format!("node {name} holds other acts than the others"));
        }
        if node.unsynced() > 0 {
            wrong.push(format!("node {name} has not written everything"));
        }
    }
}

/// Every log is equal, entry by entry, at all who may read it: that of a present member wholly, that of a
/// former one as far as it is welcome.
fn equal_logs(present: &[&Node], reference: &Folded, wrong: &mut Vec<String>) {
    let keys: BTreeSet<LogKey> = present.iter().flat_map(|n| n.store.logs.keys().copied()).collect();
    for key in keys {
        let readers: Vec<&&Node> = present.iter().filter(|n| may_read(n, present, &key)).collect();
        let until = welcome_until(&readers, reference, &key);
        let longest = readers.iter().map(|n| n.stored(&key).min(until)).max().unwrap_or(Seq(0));
        for node in &readers {
            let held = node.stored(&key).min(until);
            if held != longest {
                let number = node.party.number;
                let all: Vec<u64> = readers.iter().map(|n| n.stored(&key).0).collect();
                let owner = readers.iter().find_map(|n| n.store.logs.get(&key)).map(|log| log.owner);
                let present = owner.is_some_and(|owner| reference.roster.nodes.contains_key(&owner));
                let log = key.1.short();
                wrong.push(format!(
                    "node {number} holds {held} of {longest} entries of log {log}, welcome until {until}, \
                     whose owner is a member: {present}; held by all: {all:?}"
                ));
            }
        }
        for seq in (0..longest.0).map(Seq) {
            let mut entries = readers.iter().filter_map(|n| n.entry(&key, seq));
            let Some(first) = entries.next() else { continue };
            if entries.any(|e| e.header != first.header || e.payload != first.payload) {
                wrong.push(format!("entry {seq} of log {} is not the same everywhere", key.1.short()));
            }
        }
    }
}

fn may_read(node: &Node, present: &[&Node], key: &LogKey) -> bool {
    let orgs = present.iter().find_map(|n| n.store.logs.get(key)).and_then(|log| log.circle.as_ref());
    orgs.is_none_or(|(orgs, _)| orgs.contains(&node.party.org()))
}

fn welcome_until(readers: &[&&Node], reference: &Folded, key: &LogKey) -> Seq {
    let everything = Seq(u64::MAX);
    let circle = readers.first().and_then(|n| n.store.logs.get(key)).and_then(|log| log.circle.as_ref());
    match reference.roster.logs.get(&key.1) {
        Some((_, until)) => until.unwrap_or(everything),
        None if circle.is_some() => {
            let owner = readers.iter().find_map(|n| n.store.logs.get(key)).map(|log| log.owner);
            let member = owner.is_some_and(|owner| reference.roster.nodes.contains_key(&owner));
            // In a circle nothing is said of where a former member's log ends: who has more keeps it.
            if member { everything } else { Seq(0) }
        }
        None => Seq(0),
    }
}

/// Whoever was meant to read a record reads it, unless its author never was a member by all acts together.
fn all_shown(world: &World, present: &[&Node], reference: &Folded, wrong: &mut Vec<String>) {
    for node in present {
        for ((key, seq), judged) in &node.store.judged {
            let place = format!("entry {seq} of log {} at node {}", key.1.short(), node.party.number);
            match judged {
                Judged::Shown(_) | Judged::Late => {}
                Judged::Waiting(epoch) => {
                    let truth = world.env.ledger.epochs.get(epoch);
                    // Where nobody who is left has the key, it went with who was put out before it could give it.
                    let held = |t: &Truth| present.iter().any(|n| t.holders.contains(&n.id()));
                    if truth.is_some_and(|t| t.readers.contains(&node.id()) && held(t)) {
                        let by: Vec<usize> = present
                            .iter()
                            .filter(|n| truth.is_some_and(|t| t.holders.contains(&n.id())))
                            .map(|n| n.party.number)
                            .collect();
                        wrong
                            .push(format!("{place} waits for a key that was minted for it and is at {by:?}"));
                    }
                }
                Judged::Refused(_) if is_nobodys(node, key, reference) => {}
                Judged::Refused(why) => wrong.push(format!("{place} is refused: {why}")),
            }
        }
    }
}

fn is_nobodys(node: &Node, key: &LogKey, reference: &Folded) -> bool {
    node.store.logs.get(key).is_some_and(|log| reference.org_of(&log.owner).is_none())
}

/// F10: what was sealed by somebody who knew of a removal opens with no key that the removed node has.
fn nothing_for_the_removed(world: &World, wrong: &mut Vec<String>) {
    for publication in &world.env.ledger.publications {
        let entry = &publication.entry;
        let header = &entry.header;
        let truth = world.env.ledger.epochs.get(&header.epoch);
        let under = &publication.under.membership;
        let revoked = under.revoked.keys();
        let removed: Vec<NodeId> =
            under.former.values().flat_map(|f| f.nodes.keys()).chain(revoked).copied().collect();
        for id in removed {
            if truth.is_some_and(|t| t.holders.contains(&id)) {
                wrong.push(format!("a removed node holds the key of record {}", publication.record.short()));
            }
            let Some(node) = world.nodes.iter().find(|n| n.id() == id) else { continue };
            let place = Place { space: header.space, log: header.log, seq: header.seq, epoch: header.epoch };
            let Some(payload) = &entry.payload else { continue };
            // Any of its keys, whatever the header names.
            let last = node.store.epochs.values().rev().take(8);
            if last.into_iter().any(|epoch| envelope::open(payload, &place, &epoch.key).is_ok()) {
                wrong.push(format!("a removed node reads record {}", publication.record.short()));
            }
        }
    }
}
