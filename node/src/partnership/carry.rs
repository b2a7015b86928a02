//! What is carried by hand: planning a bundle for partners, and taking what one says.
//!
//! Taking goes the way of the network: the sync machine judges each message, batches pass `super::ingest`. Only
//! what a stream never does is done here: a file may begin before where our copy of a log ends, and go on after.

use std::collections::{BTreeMap, BTreeSet};

use entente_protocol::ids::{EpochId, LogId, NodeId, OrgId, Seq, SpaceId};
use entente_protocol::limits;
use entente_protocol::log::Batch;
use entente_protocol::sync::message::LOGS_PER_FRONTIER;
use entente_protocol::sync::{
    Effect, Event, Frontier, Hello, LogOwner, LogPoint, Message, Proof, VERSION as SYNC_VERSION,
};

use crate::clock;
use crate::rows;

use super::commands::{CommandError, Reply};
use super::driver::Driver;
use super::forks;
use super::govern::{self, GovernError};
use super::landing::Then;
use super::state::Log;
use super::{epochs, prekeys};

/// For whom a bundle is to be made.
#[derive(Clone, Debug)]
pub struct PlanAsked {
    /// The organisations; all members if none.
    pub to: Vec<OrgId>,
    /// Everything, rather than what they are not known to have.
    pub all: bool,
}

/// What a bundle is to hold.
pub struct Plan {
    /// The reading nodes and what is sealed to for each.
    pub readers: Vec<(NodeId, Vec<u8>)>,
    /// Their organisations.
    pub orgs: Vec<OrgId>,
    /// What comes first: membership, prekeys, which logs there are, evidence.
    pub first: Vec<Message>,
    /// Which entries of which log.
    pub logs: Vec<PlannedLog>,
    /// The epoch that all members write under now, if it is here.
    pub current: Option<EpochId>,
    /// Circles of named readers that are left out, since not all addressees read them.
    pub left_out: usize,
}

/// Entries of one log.
#[derive(Clone, Copy, Debug)]
pub struct PlannedLog {
    /// The space.
    pub space: SpaceId,
    /// The log.
    pub log: LogId,
    /// From here.
    pub from: Seq,
    /// To before here.
    pub to: Seq,
}

/// What came of a carried message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Entries that are stored now.
    pub entries: u64,
    /// Entries that were here already.
    pub known: u64,
    /// Acts that are stored now.
    pub acts: u64,
}

impl Driver {
    /// Plans a bundle.
    pub(super) fn plan_bundle(&self, asked: &PlanAsked) -> Result<Plan, CommandError> {
        let (me, now) = (self.state.me.node(), clock::now());
        if !self.state.is_member() {
            return Err(GovernError::NotAMember.into());
        }
        let meant = |org: &OrgId| asked.to.is_empty() || asked.to.contains(org);
        let readers: Vec<(NodeId, OrgId)> = self
            .state
            .membership
            .readers(now)
            .filter(|(org, node, _)| meant(org) && *node != me)
            .map(|(org, node, _)| (node, org))
            .collect();
        let orgs: BTreeSet<OrgId> = readers.iter().map(|(_, org)| *org).collect();
        if readers.is_empty() || asked.to.iter().any(|org| !orgs.contains(org)) {
            return Err(GovernError::NotAMember.into());
        }
        let reads_all =
            |log: &Log| log.circle.as_ref().is_none_or(|circle| orgs.iter().all(|o| circle.orgs.contains(o)));
        let spaces = |read: bool| -> BTreeSet<SpaceId> {
            let logs = self.state.logs.iter().filter(|(_, log)| reads_all(log) == read);
            logs.map(|((space, _), _)| *space).collect()
        };
        let shared = spaces(true);
        let all = self.state.all();
        let nodes = self.state.readers_of(None, now);
        let logs = self.plan_logs(&shared, &readers, asked.all);
        let sealed_to = |node: &NodeId| Some((*node, self.state.prekey_of(node)?.to_vec()));
        Ok(Plan {
            readers: readers.iter().filter_map(|(node, _)| sealed_to(node)).collect(),
            orgs: orgs.iter().copied().collect(),
            first: self.first_messages(&shared),
            logs,
            current: self.state.ring.writable(&all, &nodes, |_| true).map(|(id, _)| id),
            left_out: spaces(false).len(),
        })
    }

    pub(super) fn plan_logs(
        &self,
        shared: &BTreeSet<SpaceId>,
        readers: &[(NodeId, OrgId)],
        everything: bool,
    ) -> Vec<PlannedLog> {
        let roster = self.state.roster();
        let mut planned = Vec::new();
        for ((space, log), known) in &self.state.logs {
            let welcome = match &known.circle {
                None => roster.logs.get(log).map(|(_, until)| *until),
                Some(_) => roster.nodes.contains_key(&known.owner).then_some(None),
            };
            let Some(until) = welcome.filter(|_| shared.contains(space)) else { continue };
            let forked = self.state.forks.get(&(*space, *log)).copied();
            let bounds = [Some(known.stored.next), until, forked];
            let to = bounds.into_iter().flatten().min().unwrap_or(Seq(0));
            let acknowledged = if everything { BTreeMap::new() } else { self.acknowledged(space, log) };
            let has = readers.iter().map(|(node, _)| {
                if known.owner == *node {
                    return to;
                }
                self.is_known_to_have(node, (*space, *log), acknowledged.get(node).copied())
            });
            let from = if everything { Seq(0) } else { has.min().unwrap_or(Seq(0)) };
            if from < to {
                planned.push(PlannedLog { space: *space, log: *log, from, to });
            }
        }
        planned
    }

    /// How far which node acknowledged a log.
    fn acknowledged(&self, space: &SpaceId, log: &LogId) -> BTreeMap<NodeId, Seq> {
        let index = &self.shared.ledger.store().index;
        let mut most = BTreeMap::new();
        for row in rows::acknowledgements(index, &self.state.id, space, log) {
            if let Some(by) = self.state.logs.get(&(*space, row.by)) {
                let said = most.entry(by.owner).or_insert(Seq(0));
                *said = row.head.next.max(*said);
            }
        }
        most
    }

    /// How far a node is known to hold a log: by its word while it was connected, and by its acknowledgements.
    fn is_known_to_have(&self, node: &NodeId, key: (SpaceId, LogId), acknowledged: Option<Seq>) -> Seq {
        let here = self.machine.peer_has(node, &key.0, &key.1);
        let before = self.last_known.get(node).and_then(|held| held.get(&key)).copied();
        [here, before, acknowledged].into_iter().flatten().max().unwrap_or(Seq(0))
    }

    pub(super) fn first_messages(&self, shared: &BTreeSet<SpaceId>) -> Vec<Message> {
        let addresses = self.shared.addresses.clone();
        let heads = self.state.graph.heads();
        let mut out = vec![Message::Hello(Hello { version: SYNC_VERSION, heads, addresses })];
        out.extend(govern::missing(&self.state, &[]).into_iter().map(Message::Acts));
        let newer: Vec<_> = prekeys::all_known(&self.state);
        out.extend(newer.chunks(limits::MAX_PREKEYS_PER_MESSAGE).map(|p| Message::Prekeys(p.to_vec())));
        out.extend(self.mailboxes_told());
        for space in shared {
            out.extend(self.frontiers(space));
        }
        let store = self.shared.ledger.store();
        for (space, log) in self.state.forks.keys().filter(|(space, _)| shared.contains(space)) {
            let position = rows::evidence_position(&store.index, &self.state.id, space, log);
            let evidence = position.and_then(|position| forks::read(store, position));
            out.extend(evidence.map(|e| Message::Proof(Proof::Fork(Box::new(e)))));
        }
        out
    }

    pub(super) fn frontiers(&self, space: &SpaceId) -> Vec<Message> {
        let logs = self.state.logs.iter().filter(|((of, _), _)| of == space);
        let circle = logs.clone().find_map(|(_, log)| log.circle.as_ref().map(|c| c.orgs.clone()));
        let point = |((_, log), known): (&(SpaceId, LogId), &Log)| LogPoint {
            log: *log,
            next: known.stored.next,
            certificate: known
                .circle
                .as_ref()
                .map(|circle| LogOwner { node: known.owner, certificate: circle.certificate.clone() }),
            chain: (known.stored.next > Seq(0)).then_some(known.stored.chain),
        };
        let points: Vec<LogPoint> = logs.map(point).collect();
        let part = |logs: &[LogPoint]| {
            Message::Frontier(Frontier { space: *space, circle: circle.clone(), logs: logs.to_vec() })
        };
        points.chunks(LOGS_PER_FRONTIER).map(part).collect()
    }

    /// An epoch for those of these nodes that may read it.
    pub(super) fn epoch_for(&self, id: &EpochId, nodes: &[NodeId]) -> Vec<Message> {
        let give = |node| epochs::give(&self.state, node, id);
        nodes.iter().filter_map(give).map(|(header, slot)| Message::Epoch(header, slot)).collect()
    }

    /// Takes a message that a member's node said in a file. Answers once it is durable, with all before it.
    pub(super) fn carry(&mut self, from: NodeId, message: Message, reply: Reply<Carried>) {
        let (message, known) = match message {
            Message::Batch(batch) => self.without_known(batch),
            other => (other, 0),
        };
        let mut carried = Carried { known, ..Carried::default() };
        let mut reply = Some(reply);
        for effect in self.machine.handle(Event::Carried(from, message)) {
            match effect {
                Effect::Ingest(from, batch) => {
                    let (place, entries) = ((from, batch.space, batch.log), batch.items.len() as u64);
                    let Some(frames) = self.accept(from, batch) else { continue };
                    carried.entries = entries;
                    if let Some(reply) = reply.take() {
                        self.append(frames, Then::Carried(Some(place), carried, reply));
                    }
                }
                Effect::TakeActs(_, acts) => {
                    let new = govern::take(&mut self.state, &acts);
                    carried.acts += new.len() as u64;
                    if let Some(reply) = reply.take() {
                        self.append_acts(new, Then::Carried(None, carried, reply));
                    }
                    self.take_early_epochs();
                }
                other => self.effect(other),
            }
        }
        if let Some(reply) = reply {
            self.append(Vec::new(), Then::Carried(None, carried, reply));
        }
    }

    /// A batch without the entries that are here already, and how many these are. Where what is here is another
    /// version, the whole of it, so that it is compared.
    fn without_known(&self, batch: Batch) -> (Message, u64) {
        let Some(ours) = self.state.logs.get(&(batch.space, batch.log)).map(|log| log.queued) else {
            return (Message::Batch(batch), 0);
        };
        let end = batch.from.0.saturating_add(batch.items.len() as u64);
        let known = end.min(ours.next.0).saturating_sub(batch.from.0);
        if known == 0 || end <= ours.next.0 {
            return (Message::Batch(batch), known);
        }
        let store = self.shared.ledger.store();
        let tail = || {
            let start = forks::head_at(store, &batch.space, &batch.log, batch.from)?;
            let entries = batch.clone().verify(&start).ok()?.into_entries();
            let tail = entries.get(usize::try_from(known).ok()?..)?;
            tail.first().filter(|first| first.header.prev == ours.chain)?;
            Batch::pack(tail).ok()
        };
        match tail() {
            Some(tail) => (Message::Batch(tail), known),
            None => (Message::Batch(batch), known),
        }
    }
}
