//! What goes wrong: by plan or by chance. All of it ends with [`World::heal`], except clocks.

use std::collections::BTreeSet;

use super::{MINUTE, SECOND, What, World};
use crate::node::Micros;
use crate::scenario::Clocks;

/// A fault, or the end of one.
pub(super) enum Fault {
    /// Power goes at a node, for so long.
    Crash(usize, Micros),
    /// And comes back.
    Power(usize),
    /// These cannot reach the others.
    Split(u64, BTreeSet<usize>),
    /// They can again.
    Join(u64),
    /// A crash of somebody.
    RandomCrash,
    /// Two parts, by chance.
    RandomSplit,
    /// Some session breaks.
    RandomBreak,
    /// Some clock jumps.
    RandomJump,
}

fn seconds(every: f64) -> Micros {
    (every * SECOND as f64) as Micros
}

impl World {
    pub(super) fn plan_faults(&mut self) {
        let scenario = self.scenario.clone();
        for (number, partition) in scenario.partition.iter().enumerate() {
            let part = partition.nodes.iter().copied().collect();
            let id = number as u64;
            self.plan(partition.from * SECOND, What::Fault(Fault::Split(id, part)));
            self.plan(partition.to * SECOND, What::Fault(Fault::Join(id)));
        }
        for off in &scenario.offline {
            let lasts = (off.to - off.from) * SECOND;
            self.plan(off.from * SECOND, What::Fault(Fault::Crash(off.node, lasts)));
        }
        self.plan_random(scenario.chance.crash_every, || Fault::RandomCrash);
        self.plan_random(scenario.chance.partition_every, || Fault::RandomSplit);
        self.plan_random(scenario.chance.break_every, || Fault::RandomBreak);
        self.plan_random(scenario.clocks.jump_every, || Fault::RandomJump);
        self.set_clocks(&scenario.clocks);
        let end = self.scenario.minutes * MINUTE;
        self.plan(end, What::Heal);
        self.plan(end, What::Look);
    }

    fn plan_random(&mut self, every: f64, fault: impl Fn() -> Fault) {
        if every > 0.0 {
            let wait = self.faults.interval(seconds(every));
            self.plan_in(wait, What::Fault(fault()));
        }
    }

    fn set_clocks(&mut self, clocks: &Clocks) {
        for node in 0..self.nodes.len() {
            let wrong = self.faults.chance(0.5);
            let (offset, drift) = (self.years(clocks), self.faults.between(0, 2 * clocks.drift) as i64);
            if wrong {
                self.nodes[node].clock.offset = offset;
                self.nodes[node].clock.drift = drift - clocks.drift as i64;
            }
        }
    }

    /// Milliseconds, either way.
    fn years(&mut self, clocks: &Clocks) -> i64 {
        let most = clocks.years * 365 * 86_400_000;
        self.faults.between(0, 2 * most) as i64 - most as i64
    }

    pub(super) fn fault(&mut self, fault: Fault) {
        let chance = self.scenario.chance.clone();
        match fault {
            Fault::Power(node) => self.power(node),
            Fault::Join(id) => {
                self.parts.remove(&id);
                self.dial_all();
            }
            _ if self.healed => {}
            Fault::Crash(node, lasts) => self.crash(node, lasts),
            Fault::Split(id, part) => self.split(id, part),
            Fault::RandomCrash => {
                let node = self.faults.index(self.nodes.len());
                let lasts = self.faults.between(1, chance.off_at_most.max(1)) * SECOND;
                self.crash(node, lasts);
                self.plan_random(chance.crash_every, || Fault::RandomCrash);
            }
            Fault::RandomSplit => {
                let part = (0..self.nodes.len()).filter(|_| self.faults.chance(0.5)).collect();
                let id = 1_000 + self.report.partitions;
                let lasts = self.faults.between(1, chance.partition_at_most.max(1)) * SECOND;
                self.split(id, part);
                self.plan_in(lasts, What::Fault(Fault::Join(id)));
                self.plan_random(chance.partition_every, || Fault::RandomSplit);
            }
            Fault::RandomBreak => {
                let all: Vec<(usize, usize)> = self.sessions.keys().copied().collect();
                if let Some((a, b)) = self.faults.pick(&all) {
                    self.cut(a, b);
                }
                self.plan_random(chance.break_every, || Fault::RandomBreak);
            }
            Fault::RandomJump => {
                let clocks = self.scenario.clocks.clone();
                let node = self.faults.index(self.nodes.len());
                self.nodes[node].clock.offset = self.years(&clocks);
                self.plan_random(clocks.jump_every, || Fault::RandomJump);
            }
        }
    }

    fn crash(&mut self, node: usize, lasts: Micros) {
        *self.off.entry(node).or_default() += 1;
        self.report.crashes += 1;
        self.report.trace(&[self.env.now, node as u64]);
        self.plan_in(lasts, What::Fault(Fault::Power(node)));
        for (peer, session) in self.sessions_of(node) {
            self.sessions.remove(&(node, peer));
            let wait = self.faults.below(10 * SECOND);
            self.plan_in(wait, What::Broken { node: peer, peer: node, session });
        }
        let kept = self.faults.index(self.nodes[node].unsynced() + 1);
        self.nodes[node].crash(&mut self.env, kept);
    }

    fn power(&mut self, node: usize) {
        let Some(times) = self.off.get_mut(&node) else { return };
        *times = times.saturating_sub(1);
        if *times == 0 {
            self.off.remove(&node);
            self.with(node, |node, env| node.start(env));
        }
    }

    fn split(&mut self, id: u64, part: BTreeSet<usize>) {
        self.report.partitions += 1;
        let across: Vec<(usize, usize)> = self
            .sessions
            .keys()
            .filter(|(a, b)| a < b && part.contains(a) != part.contains(b))
            .copied()
            .collect();
        self.parts.insert(id, part);
        for (a, b) in across {
            self.cut(a, b);
        }
    }

    fn dial_all(&mut self) {
        for node in 0..self.nodes.len() {
            self.dial_soon(node);
        }
    }

    /// All faults end. Where messages were lost for good, each session begins anew, as it would have long
    /// before if its transport had lost anything.
    pub(super) fn heal(&mut self) {
        self.healed = true;
        self.parts.clear();
        let off: Vec<usize> = self.off.keys().copied().collect();
        for node in off {
            self.off.insert(node, 1);
            self.power(node);
        }
        let link = &self.scenario.link;
        if link.drop > 0.0 || link.reorder > 0.0 {
            let all: Vec<(usize, usize)> = self.sessions.keys().filter(|(a, b)| a < b).copied().collect();
            for (a, b) in all {
                self.cut(a, b);
            }
        }
        self.dial_all();
    }
}
