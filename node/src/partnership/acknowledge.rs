//! Acknowledgements on this node: when one is due, and the entry that it becomes.
//!
//! ```text
//! a partner's entry is stored ──quiet for a while──▶ points that changed ──seal──▶ own log ──journal──▶ partners
//! ```
//! They never call for each other: a log of which only acknowledgements are new is not acknowledged. One is
//! written while somebody listens, not when the node stops: nobody would have it before the node is back, and
//! what is due then is due still.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use entente_protocol::ack::{Acknowledgement, Point, Refused};
use entente_protocol::codec;
use entente_protocol::envelope::{self, Place};
use entente_protocol::ids::{LogId, Seq, SpaceId, Timestamp};
use entente_protocol::limits;
use entente_protocol::log::{self, Head};
use tokio::time::Instant;

use crate::clock::{self, SystemRandom};
use crate::frames::Frame;
use crate::rows;

use super::commands::{CommandError, Reply};
use super::driver::Driver;
use super::epochs;
use super::landing::Then;
use super::publish::{self, PublishError};
use super::state::State;

/// Nothing came for so long: a burst of records makes one acknowledgement. Long against a session of reading, so
/// that it never competes with one.
const QUIET: Duration = Duration::from_secs(60);
/// At least so long between two of one space, and so much more for each node in it: everybody acknowledges to
/// everybody, so the traffic grows with the square of the nodes, and this keeps what each receives below one
/// short entry a minute.
const INTERVAL: (Duration, Duration) = (Duration::from_secs(300), Duration::from_secs(60));
/// Nodes wait up to so much longer for each of them, so that a record is not answered by all at one moment.
const SPREAD: Duration = Duration::from_secs(1);

/// When this node last heard something worth acknowledging, and last acknowledged.
#[derive(Default)]
pub(super) struct Pace {
    /// The first and the last entry since all was acknowledged.
    heard: Option<(Instant, Instant)>,
    written: BTreeMap<SpaceId, Instant>,
}

impl Pace {
    /// Something of a partner was stored.
    pub(super) fn heard(&mut self) {
        let now = Instant::now();
        self.heard_at(now);
    }

    fn heard_at(&mut self, now: Instant) {
        self.heard = Some((self.heard.map_or(now, |(first, _)| first), now));
    }

    /// Is something to be acknowledged, and either nothing came for `quiet`, or something waits for `interval`?
    fn is_time(&self, now: Instant, quiet: Duration, interval: Duration) -> bool {
        self.heard.is_some_and(|(first, last)| {
            now.saturating_duration_since(last) >= quiet || now.saturating_duration_since(first) >= interval
        })
    }
}

/// The logs of a space of which more is held than was acknowledged, not counting acknowledgements at their end.
fn due(state: &State, space: &SpaceId) -> Vec<Point> {
    let me = state.me.node();
    let changed = state.logs.iter().filter(|((of, log), known)| {
        let said = state.acknowledged.get(&(*of, *log)).copied().unwrap_or(Seq(0));
        of == space
            && known.owner != me
            && known.worth > said
            && known.stored.next >= known.worth
            && !state.forks.contains_key(&(*of, *log))
    });
    changed.map(|((_, log), known)| Point { log: *log, head: known.stored }).collect()
}

/// The spaces in which something is due.
fn spaces_due(state: &State) -> BTreeSet<SpaceId> {
    let spaces: BTreeSet<SpaceId> = state.logs.keys().map(|(space, _)| *space).collect();
    spaces.into_iter().filter(|space| !due(state, space).is_empty()).collect()
}

/// The entries that acknowledge what is due in a space; none where there is no key for exactly its readers: an
/// acknowledgement never makes one. The own log's queued head moves on, the journal is for the caller.
fn write(state: &mut State, space: SpaceId, now: Timestamp) -> Result<Vec<Frame>, PublishError> {
    let points = due(state, &space);
    let circle = epochs::circle_of(state, &space).flatten();
    let nodes = state.readers_of(circle.as_deref(), now);
    let writable = state.ring.writable(&space, &nodes, |_| true);
    let Some((id, epoch)) = writable.filter(|_| !points.is_empty() && state.is_member()) else {
        return Ok(Vec::new());
    };
    let key = state.log_key(&space);
    let log = LogId(key.verifying_key().to_bytes());
    let mut head = state.logs.get(&(space, log)).map_or(Head::EMPTY, |own| own.queued);
    let mut entries = Vec::new();
    for part in points.chunks(limits::MAX_ACKNOWLEDGED) {
        let Ok(said) = Acknowledgement::of(part.to_vec()) else { continue };
        let said = with_refusals(state, space, said);
        let place = Place { space, log, seq: head.next, epoch: id };
        let payload = envelope::seal(&codec::encode(&said), &place, &epoch.key, &mut SystemRandom)?;
        let (entry, next) = log::append(&head, space, &key, id, payload, now)?;
        entries.push(Frame::Entry(state.id, entry, now));
        head = next;
    }
    let mut frames = publish::new_circle_log(state, space, circle, log);
    frames.extend(entries);
    if let Some(own) = state.logs.get_mut(&(space, log)) {
        own.queued = head;
    }
    Ok(frames)
}

/// Tells of what is held and not shown, so that its author need not guess.
fn with_refusals(state: &State, space: SpaceId, said: Acknowledgement) -> Acknowledgement {
    let held = |log: &LogId, seq: &Seq| said.points().iter().any(|p| p.log == *log && *seq < p.head.next);
    let untold = state.untold.iter().filter(|((of, log, seq), _)| *of == space && held(log, seq));
    let refused: Vec<Refused> = untold
        .map(|((_, log, seq), code)| Refused { log: *log, seq: *seq, code: code.clone() })
        .take(limits::MAX_REFUSED_TOLD)
        .collect();
    if refused.is_empty() {
        return said;
    }
    let plain = said.clone();
    said.refusing(refused).unwrap_or(plain)
}

impl Driver {
    /// At each tick: acknowledges where it is time.
    pub(super) fn acknowledge_if_due(&mut self) {
        let nodes = u32::try_from(self.state.roster().nodes.len()).unwrap_or(u32::MAX);
        let interval = INTERVAL.0 + INTERVAL.1.saturating_mul(nodes);
        let [mine, ..] = self.state.me.node().0;
        let quiet = QUIET + SPREAD.saturating_mul(nodes) * u32::from(mine) / 256;
        if self.couriers.is_empty() || !self.pace.is_time(Instant::now(), quiet, interval) {
            return;
        }
        let due = spaces_due(&self.state);
        let early = |space: &SpaceId| self.pace.written.get(space).is_some_and(|at| at.elapsed() < interval);
        let (wait, now): (Vec<_>, Vec<_>) = due.into_iter().partition(early);
        if wait.is_empty() {
            self.pace.heard = None;
        }
        match self.entries_for(now) {
            Ok(frames) if frames.is_empty() => {}
            Ok(frames) => self.append(frames, Then::Acknowledged(0, None)),
            Err(error) => tracing::warn!(%error, "what partners sent could not be acknowledged"),
        }
    }

    /// Acknowledges everything that is due, at once.
    pub(super) fn acknowledge_now(&mut self, reply: Reply<usize>) {
        let due = spaces_due(&self.state).into_iter().collect();
        match self.entries_for(due) {
            Ok(frames) if frames.is_empty() => answer(0, Some(reply), Ok(())),
            Ok(frames) => {
                let count = frames.iter().filter(|frame| matches!(frame, Frame::Entry(..))).count();
                self.append(frames, Then::Acknowledged(count, Some(reply)));
            }
            Err(error) => answer(0, Some(reply), Err(error.into())),
        }
    }

    fn entries_for(&mut self, spaces: Vec<SpaceId>) -> Result<Vec<Frame>, PublishError> {
        let mut frames = Vec::new();
        if self.may_sign().is_err() {
            return Ok(frames);
        }
        for space in spaces {
            if self.is_behind_itself(&space) {
                continue;
            }
            frames.extend(write(&mut self.state, space, clock::now())?);
            self.pace.written.insert(space, Instant::now());
        }
        Ok(frames)
    }

    /// Does somebody hold more of our log in a space than we do, or another version of it? Then an old copy of
    /// this node runs, and whatever it signed of its own accord could stand where something else stood.
    fn is_behind_itself(&self, space: &SpaceId) -> bool {
        let log = LogId(self.state.log_key(space).verifying_key().to_bytes());
        let stored = self.state.logs.get(&(*space, log)).map_or(Seq(0), |own| own.stored.next);
        let ahead = |node| self.machine.peer_has(node, space, &log).is_some_and(|next| next > stored);
        let index = &self.shared.ledger.store().index;
        let said = rows::acknowledgements(index, &self.state.id, space, &log);
        self.shared.lost_acknowledged
            || self.state.forks.contains_key(&(*space, log))
            || self.couriers.keys().any(ahead)
            || said.iter().any(|row| row.head.next > stored)
    }
}

/// Answers whoever wanted acknowledgements written, if anybody did.
pub(super) fn answer(count: usize, reply: Option<Reply<usize>>, done: Result<(), CommandError>) {
    if let Some(reply) = reply {
        let _gone = reply.send(done.map(|()| count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_acknowledged_when_it_is_over_and_a_stream_before_it_ends() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut pace = Pace::default();
        let is_time = |pace: &Pace, at: u32| pace.is_time(start + second * at, second * 60, second * 300);
        assert!(!is_time(&pace, 1_000), "nothing came");
        for at in 0..30 {
            pace.heard_at(start + second * at);
        }
        assert!(!is_time(&pace, 60));
        assert!(is_time(&pace, 29 + 60), "quiet for long enough");
        for at in (0..600).step_by(10) {
            pace.heard_at(start + second * at);
            assert_eq!(is_time(&pace, at), at >= 300, "a stream that never stops, at {at} s");
        }
    }
}
