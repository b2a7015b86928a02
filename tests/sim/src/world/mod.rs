//! The world: nodes, a queue of what is to happen, ordered by virtual time, and what connects the nodes.
//!
//! Everything that happens goes through [`World::happen`], in the order of time and, at one time, of planning.
//! `network` is sessions and messages, `faults` what goes wrong, `script` what people do.

mod faults;
mod network;
mod script;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use entente_protocol::ids::{ActId, LogId, NodeId, Seq, SpaceId};
use entente_protocol::sync::{Announcement, Event, Message};

use crate::ledger::Ledger;
use crate::memo::Memo;
use crate::node::{Env, Micros, Node, Out};
use crate::report::Report;
use crate::rng::Rng;
use crate::scenario::Scenario;
use network::Line;

/// One second.
pub const SECOND: Micros = 1_000_000;
/// One minute.
pub const MINUTE: Micros = 60 * SECOND;
/// How often a machine is told that time passes, while anything happens.
const TICK: Micros = SECOND / 4;
/// How often where a tick would do nothing. Real nodes tick on; here it would only take time.
const IDLE_TICK: Micros = 10 * MINUTE;
/// How long the disk takes.
const DISK: Micros = 4_000;

/// Something that is to happen.
enum What {
    Message { to: usize, from: usize, session: u64, message: Box<Message> },
    Bytes { to: usize, from: usize, session: u64, bytes: Vec<u8> },
    Announced { to: usize, from: usize, session: u64, announcement: Announcement },
    BatchSent { node: usize, life: u32, to: NodeId, log: (SpaceId, LogId), next: Seq },
    Tick { node: usize, wake: u64 },
    Landed { node: usize, life: u32 },
    Dial { node: usize, round: u64 },
    Broken { node: usize, peer: usize, session: u64 },
    Deed(usize),
    RandomDeed,
    Publish,
    Ask { who: usize, by: usize, invitation: ActId, tries: u32 },
    Welcome { who: usize, by: usize, tries: u32 },
    Fault(faults::Fault),
    Heal,
    Look,
}

struct Planned {
    at: Micros,
    number: u64,
    what: What,
}

/// One simulated partnership.
pub struct World {
    /// What was asked for.
    pub scenario: Scenario,
    /// The nodes, by number.
    pub nodes: Vec<Node>,
    /// What they share without knowing.
    pub env: Env,
    /// What was counted.
    pub report: Report,
    seed: u64,
    index: BTreeMap<NodeId, usize>,
    queue: BinaryHeap<Planned>,
    planned: u64,
    net: Rng,
    script: Rng,
    faults: Rng,
    /// What each side takes for its session with the other.
    sessions: BTreeMap<(usize, usize), u64>,
    last_session: u64,
    lines: BTreeMap<(usize, usize), Line>,
    ticks: Vec<Ticks>,
    dials: Vec<network::Dialling>,
    parts: BTreeMap<u64, BTreeSet<usize>>,
    off: BTreeMap<usize, u32>,
    healed: bool,
    last_message: Micros,
    heard: BTreeMap<(usize, LogId), Seq>,
}

/// When a node's machine is told that time passed.
#[derive(Default)]
struct Ticks {
    /// Counts plans: an older one is void.
    wake: u64,
    every: Micros,
    at: Micros,
}

impl World {
    /// A partnership as the scenario says, whose members are connected with nobody yet.
    #[must_use]
    pub fn new(scenario: &Scenario, seed: u64) -> World {
        let env = Env {
            now: 0,
            rng: Rng::new(seed, "keys"),
            memo: Memo::new(scenario.crypto),
            ledger: Ledger::default(),
            crypto: scenario.crypto,
            out: Vec::new(),
        };
        let mut world = World {
            scenario: scenario.clone(),
            nodes: Vec::new(),
            env,
            report: Report::default(),
            seed,
            index: BTreeMap::new(),
            queue: BinaryHeap::new(),
            planned: 0,
            net: Rng::new(seed, "network"),
            script: Rng::new(seed, "script"),
            faults: Rng::new(seed, "faults"),
            sessions: BTreeMap::new(),
            last_session: 0,
            lines: BTreeMap::new(),
            ticks: Vec::new(),
            dials: Vec::new(),
            parts: BTreeMap::new(),
            off: BTreeMap::new(),
            healed: false,
            last_message: 0,
            heard: BTreeMap::new(),
        };
        world.settle_members();
        world.plan_script();
        world.plan_faults();
        world
    }

    /// Lets everything happen, the healing included, and says what is wrong at the end: nothing, or each thing
    /// in words.
    pub fn run(&mut self) -> Vec<String> {
        let end = (self.scenario.minutes + self.scenario.heal_minutes) * MINUTE;
        while let Some(next) = self.queue.pop() {
            if next.at > end {
                self.env.ledger.problems.push("the network did not fall silent in time".into());
                break;
            }
            self.env.now = next.at;
            self.report.events += 1;
            self.happen(next.what);
            if self.is_over() {
                break;
            }
        }
        self.report.epochs = self.env.ledger.epochs.len();
        let all = self.nodes[0].all();
        let of_all = self.env.ledger.epochs.values().filter(|epoch| epoch.space == all).count();
        self.report.rotations = of_all.saturating_sub(1);
        self.report.folds = self.env.memo.folded;
        let mut problems = std::mem::take(&mut self.env.ledger.problems);
        problems.append(&mut self.env.memo.problems);
        problems.extend(crate::check::check(self));
        problems
    }

    /// Who is a member by all acts together, by number, the most senior first, and whether a steward.
    pub fn outcome(&mut self) -> Vec<(usize, bool)> {
        crate::check::outcome(self)
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Is this node switched off?
    #[must_use]
    pub fn is_off(&self, node: usize) -> bool {
        self.off.contains_key(&node)
    }

    /// Nothing was said for ten minutes after the faults ended.
    fn is_over(&mut self) -> bool {
        let quiet = self.healed && self.env.now > self.last_message.max(self.heal_time()) + 10 * MINUTE;
        if quiet {
            self.report.settled_after = self.last_message.saturating_sub(self.heal_time()) / SECOND;
        }
        quiet
    }

    fn heal_time(&self) -> Micros {
        self.scenario.minutes * MINUTE
    }

    fn plan(&mut self, at: Micros, what: What) {
        self.planned += 1;
        self.queue.push(Planned { at, number: self.planned, what });
    }

    fn plan_in(&mut self, wait: Micros, what: What) {
        self.plan(self.env.now + wait, what);
    }

    fn happen(&mut self, what: What) {
        match what {
            What::Message { to, from, session, message } => self.receive(to, from, session, *message),
            What::Bytes { to, from, session, bytes } => self.receive_bytes(to, from, session, &bytes),
            What::Announced { to, from, session, announcement } => {
                self.hear(to, from, session, announcement);
            }
            What::BatchSent { node, life, to, log: (space, log), next } => {
                if self.alive(node, life) {
                    self.tell(node, Event::BatchSent { to, space, log, next });
                }
            }
            What::Tick { node, wake } => self.tick(node, wake),
            What::Landed { node, life } => {
                if self.alive(node, life) {
                    self.with(node, |node, env| node.landed(env));
                }
            }
            What::Dial { node, round } => self.dial(node, round),
            What::Broken { node, peer, session } => self.broken(node, peer, session),
            What::Deed(number) => self.deed(number),
            What::RandomDeed => self.random_deed(),
            What::Publish => self.publish(),
            What::Ask { who, by, invitation, tries } => self.ask(who, by, invitation, tries),
            What::Welcome { who, by, tries } => self.welcome(who, by, tries),
            What::Fault(fault) => self.fault(fault),
            What::Heal => self.heal(),
            What::Look => self.plan_in(MINUTE, What::Look),
        }
    }

    fn alive(&self, node: usize, life: u32) -> bool {
        self.nodes[node].life == life && self.nodes[node].is_up()
    }

    /// Lets a node do something, then does what it wants done.
    fn with<T>(&mut self, node: usize, does: impl FnOnce(&mut Node, &mut Env) -> T) -> T {
        let result = does(&mut self.nodes[node], &mut self.env);
        self.wake(node);
        for out in std::mem::take(&mut self.env.out) {
            self.out(node, out);
        }
        result
    }

    fn tell(&mut self, node: usize, event: Event) {
        self.with(node, |node, env| node.event(env, event));
    }

    fn out(&mut self, node: usize, out: Out) {
        match out {
            Out::Send(to, message) => {
                self.send(node, &to, message);
            }
            Out::SendBatch(to, log, message, next) => {
                let gone = message.map(|message| self.send(node, &to, message));
                let wait = gone.unwrap_or_default();
                let life = self.nodes[node].life;
                self.plan_in(wait, What::BatchSent { node, life, to, log, next });
            }
            Out::Announce(announcement) => self.announce(node, None, &announcement),
            Out::Disk => {
                let life = self.nodes[node].life;
                self.plan_in(DISK, What::Landed { node, life });
            }
            Out::HangUp(peer, _why) => self.hang_up(node, &peer, 0),
            Out::SeeOff(peer) => self.hang_up(node, &peer, 3 * SECOND),
            Out::Dial => self.dial_soon(node),
        }
    }

    /// Something happened at a node: it ticks at its full rate again.
    fn wake(&mut self, node: usize) {
        let next = self.env.now + TICK;
        let ticks = &mut self.ticks[node];
        ticks.every = TICK;
        if ticks.at > next || ticks.at <= self.env.now {
            ticks.at = next;
            ticks.wake += 1;
            let wake = ticks.wake;
            self.plan(next, What::Tick { node, wake });
        }
    }

    fn tick(&mut self, node: usize, wake: u64) {
        if self.ticks[node].wake != wake || !self.nodes[node].is_up() {
            return;
        }
        self.nodes[node].event(&mut self.env, Event::Tick);
        let out = std::mem::take(&mut self.env.out);
        let ticks = &mut self.ticks[node];
        let idle = out.is_empty() && self.nodes[node].is_idle();
        ticks.every = if idle { (ticks.every * 2).min(IDLE_TICK) } else { TICK };
        ticks.wake += 1;
        ticks.at = self.env.now + ticks.every;
        let (at, wake) = (ticks.at, ticks.wake);
        self.plan(at, What::Tick { node, wake });
        for out in out {
            self.out(node, out);
        }
    }
}

impl Ord for Planned {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Planned {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Planned {}
