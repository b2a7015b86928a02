//! What a node signed after it was seized: kept, and not shown.
//!
//! A revocation names, for the node's logs in the space of all members, the position from which nothing is
//! shown; everybody holds to the same. Logs in circles are not named in it, since others must not hear of them:
//! there each reader judges by the entries' clocks, and by when they came.

use std::collections::BTreeMap;

use entente_protocol::ids::{LogId, NodeId, Seq, SpaceId, Timestamp};
use entente_protocol::log::Entry;
use entente_protocol::membership::{Membership, Revoked};

use crate::rows::{self, Batch};
use crate::store::Store;

use super::apply::{self, Applied};
use super::state::State;

/// The code of what a revoked node signed too late.
pub const CODE: &str = "E-SEIZED";

/// What one revocation says of a node's entries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    seized_at: Option<Timestamp>,
    cutoff: BTreeMap<LogId, Seq>,
}

/// The revocations that the index was made by.
pub type Marks = BTreeMap<NodeId, Mark>;

/// The revocations of a membership.
#[must_use]
pub fn marks(membership: &Membership) -> Marks {
    let mark = |r: &Revoked| Mark { seized_at: r.seized_at, cutoff: r.cutoff.clone() };
    membership.revoked.iter().map(|(node, revoked)| (*node, mark(revoked))).collect()
}

/// An entry's circumstances.
#[derive(Clone, Copy)]
struct When {
    log: LogId,
    seq: Seq,
    claimed: Timestamp,
    /// When it came here; nothing where this node was not there at the time, and everything came late.
    arrived: Option<Timestamp>,
}

impl Mark {
    fn seizes(&self, entry: When) -> bool {
        if let Some(until) = self.cutoff.get(&entry.log) {
            return entry.seq >= *until;
        }
        let late = |since: Timestamp| entry.claimed >= since || entry.arrived.is_some_and(|a| a >= since);
        self.seized_at.is_some_and(late)
    }
}

/// Was this node in the partnership at that time? What it was sent before it came says nothing about when it was
/// made.
fn was_here(state: &State, at: Timestamp) -> bool {
    let me = state.me.node();
    state.membership.nodes_ever().find(|(_, node, _)| *node == me).is_some_and(|(.., of)| of.since < at)
}

fn when(state: &State, mark: &Mark, entry: &Entry, arrived: Timestamp) -> When {
    let header = &entry.header;
    let here = mark.seized_at.is_some_and(|at| was_here(state, at));
    When { log: header.log, seq: header.seq, claimed: header.time, arrived: here.then_some(arrived) }
}

/// Why an entry of a revoked node is not shown, if it is not.
#[must_use]
pub fn seized(state: &State, owner: &NodeId, entry: &Entry, arrived: Timestamp) -> Option<String> {
    let revoked = state.membership.revoked.get(owner)?;
    let mark = Mark { seized_at: revoked.seized_at, cutoff: revoked.cutoff.clone() };
    mark.seizes(when(state, &mark, entry, arrived))
        .then(|| "its node was revoked, and may have been in other hands when this was signed".to_owned())
}

/// After acts changed the membership: what they put in doubt is moved out of the lists, and what an act put in
/// doubt that has no effect any more is moved back.
pub fn judge_again(state: &mut State, store: &Store, batch: &mut Batch) -> Vec<Applied> {
    let now = marks(&state.membership);
    let before = std::mem::replace(&mut state.marks, now.clone());
    let changed = |node: &NodeId| before.get(node) != now.get(node);
    let logs: Vec<(SpaceId, LogId, NodeId, Seq)> = state
        .logs
        .iter()
        .filter(|(_, known)| changed(&known.owner))
        .map(|((space, log), known)| (*space, *log, known.owner, known.stored.next))
        .collect();
    let mut applied = Vec::new();
    for (space, log, owner, next) in logs {
        let (was, is) = (before.get(&owner), now.get(&owner));
        for seq in (0..next.0).map(Seq) {
            let Ok(Some(position)) = rows::entry_position(&store.index, &space, &log, seq) else { continue };
            let Some((entry, arrived)) = apply::read_entry(store, position) else { continue };
            let seizes = |m: Option<&Mark>| m.is_some_and(|m| m.seizes(when(state, m, &entry, arrived)));
            if seizes(was) != seizes(is) {
                rows::forget_judgement(batch, &store.index, position);
                applied.extend(apply::judged(state, store, batch, (position, &entry, arrived), None));
            }
        }
    }
    applied
}

/// Up to where a log is welcome if its node was seized at a time: the first position whose entry was signed by
/// its own clock, or came here, at that time or later. Without a time, all that is here.
#[must_use]
pub fn cutoff(state: &State, store: &Store, log: &LogId, seized_at: Option<Timestamp>) -> Seq {
    let all = state.all();
    let next = state.logs.get(&(all, *log)).map_or(Seq(0), |known| known.stored.next);
    let mark = Mark { seized_at, cutoff: BTreeMap::new() };
    let late = |seq: &Seq| {
        let position = rows::entry_position(&store.index, &all, log, *seq).ok().flatten();
        let entry = position.and_then(|p| apply::read_entry(store, p));
        entry.is_some_and(|(entry, arrived)| mark.seizes(when(state, &mark, &entry, arrived)))
    };
    (0..next.0).map(Seq).find(late).unwrap_or(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: LogId = LogId([1; 32]);

    fn entry(seq: u64, claimed: u64, arrived: Option<u64>) -> When {
        When { log: LOG, seq: Seq(seq), claimed: Timestamp(claimed), arrived: arrived.map(Timestamp) }
    }

    #[test]
    fn where_a_position_is_named_clocks_do_not_matter() {
        let mark = Mark { seized_at: Some(Timestamp(50)), cutoff: BTreeMap::from([(LOG, Seq(4))]) };
        assert!(!mark.seizes(entry(3, 99, Some(99))));
        assert!(mark.seizes(entry(4, 1, Some(1))));
    }

    #[test]
    fn elsewhere_a_late_clock_or_a_late_arrival_is_enough() {
        let mark = Mark { seized_at: Some(Timestamp(50)), cutoff: BTreeMap::new() };
        assert!(!mark.seizes(entry(0, 49, Some(49))));
        assert!(mark.seizes(entry(0, 50, Some(49))));
        assert!(mark.seizes(entry(0, 49, Some(50))), "a thief can set the clock back");
        assert!(!mark.seizes(entry(0, 49, None)), "who came later was sent everything late");
        let no_time = Mark { seized_at: None, cutoff: BTreeMap::new() };
        assert!(!no_time.seizes(entry(9, 99, Some(99))));
    }
}
