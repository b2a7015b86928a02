//! Entries are judged ahead of being applied, all of one append on all processors: opening them and checking their
//! authors' signatures is most of what catching up costs, and depends on nothing that the others do. Where nothing else
//! waits, that is done while the disk makes them durable.
//!
//! Each signature is checked by itself, strictly. The batch equation of Ed25519 costs half as much, and accepts what a
//! single strict check refuses (decision 43).

use std::sync::{Arc, LazyLock};
use std::thread;

use entente_protocol::log::Entry;
use entente_protocol::membership::Membership;

use crate::frames::Frame;

use super::open::{Judgement, Owner, When, judge};
use super::state::State;

/// Entries for which another thread is worth what it costs to start: some milliseconds of work.
const PART: usize = 32;

/// Asked once: the answer takes system calls and files to read, and records land one by one.
static PROCESSORS: LazyLock<usize> = LazyLock::new(|| thread::available_parallelism().map_or(1, usize::from));

/// Judgements of the frames of an append, and what they were made by.
pub(super) struct Ahead {
    judged: Vec<Option<Judgement>>,
    membership: Arc<Membership>,
    /// [`super::ring::Ring::changes`].
    ring: u64,
}

/// What is to be made of each frame that is an entry; nothing where that depends on the frames before it.
pub(super) fn judge_all<'a>(
    state: &State,
    frames: impl Iterator<Item = &'a Frame> + Clone,
) -> Vec<Option<Judgement>> {
    // What else stands among them may change who may read and publish what.
    if !frames.clone().all(Frame::is_among_entries) {
        return frames.map(|_| None).collect();
    }
    let entries: Vec<_> = frames.map(|frame| owned(state, frame)).collect();
    let (id, membership, ring) = (state.id, &*state.membership, &state.ring);
    on_all_processors(&entries, |owned| {
        owned.map(|(owner, entry)| judge(&id, (membership, When::Arriving), ring, owner, entry))
    })
}

impl Ahead {
    /// Judges frames that are not applied yet.
    pub(super) fn of(state: &State, frames: &[Frame]) -> Ahead {
        let (membership, ring) = (state.membership.clone(), state.ring.changes());
        Ahead { judged: judge_all(state, frames.iter()), membership, ring }
    }

    /// The judgements, if they still hold: frames that landed before these, and keys that came, may have changed who may
    /// read and publish what.
    pub(super) fn still(self, state: &State) -> Option<Vec<Option<Judgement>>> {
        let holds = Arc::ptr_eq(&self.membership, &state.membership) && self.ring == state.ring.changes();
        holds.then_some(self.judged)
    }
}

fn owned<'a>(state: &State, frame: &'a Frame) -> Option<(Owner, &'a Entry)> {
    let entry = frame.entry()?;
    let node = state.logs.get(&(entry.header.space, entry.header.log))?.owner;
    Some((Owner { org: state.org_of(&node)?, node }, entry))
}

/// Does the work for each, in parts of at least [`PART`], and gives the results in order.
fn on_all_processors<T: Sync, R: Send>(all: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = (all.len() / PART).clamp(1, *PROCESSORS);
    let mut parts = all.chunks(all.len().div_ceil(threads).max(1));
    let do_part = |part: &[T]| part.iter().map(&work).collect::<Vec<R>>();
    let mine = parts.next().unwrap_or_default();
    thread::scope(|scope| {
        let others: Vec<_> = parts.map(|part| (part, scope.spawn(|| do_part(part)))).collect();
        let mut done = do_part(mine);
        for (part, other) in others {
            done.extend(other.join().unwrap_or_else(|_panicked| do_part(part)));
        }
        done
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    use super::*;
    use crate::clock;
    use crate::partnership::epochs;
    use crate::partnership::taking::{of_two, published};

    #[test]
    fn a_judgement_holds_until_members_or_keys_change() {
        let mut state = of_two();
        let all = state.all();
        let epoch = epochs::mint(&state, &all, None, clock::now());
        state.ring.add(epoch.id, epoch.epoch);
        let frames = published(&mut state);
        let ahead = |state: &State| Ahead::of(state, &frames);
        let shown = |ahead: Ahead, state: &State| {
            ahead.still(state).is_some_and(|judged| matches!(judged[..], [Some(Judgement::Shown(_))]))
        };
        assert!(shown(ahead(&state), &state));
        let before = ahead(&state);
        state.refold();
        assert!(!shown(before, &state), "acts came");
        let before = ahead(&state);
        let another = epochs::mint(&state, &all, None, clock::now());
        state.ring.add(another.id, another.epoch);
        assert!(!shown(before, &state), "a key came");
        assert!(shown(ahead(&state), &state));
    }

    #[test]
    fn beside_frames_that_may_change_members_nothing_is_judged_ahead() {
        let mut state = of_two();
        let mut frames = published(&mut state);
        assert!(frames.iter().any(|frame| matches!(frame, Frame::Epoch(_))), "its key was made for it");
        assert!(judge_all(&state, frames.iter()).iter().all(Option::is_none));
        frames.retain(|frame| matches!(frame, Frame::Entry(..)));
        let judged = judge_all(&state, frames.iter());
        assert!(matches!(judged[..], [Some(Judgement::Waiting(_))]), "the key is not here yet");
    }

    #[test]
    fn all_are_done_once_and_in_order_and_many_by_several_threads() {
        for count in [0, 1, PART - 1, PART, 2 * PART, 2 * PART + 1, 1_000] {
            let all: Vec<usize> = (0..count).collect();
            let threads = Mutex::new(BTreeSet::new());
            let doubled = on_all_processors(&all, |n| {
                threads.lock().map(|mut t| t.insert(format!("{:?}", thread::current().id()))).ok();
                n * 2
            });
            assert_eq!(doubled, all.iter().map(|n| n * 2).collect::<Vec<_>>());
            let processors = thread::available_parallelism().map_or(1, usize::from);
            let expected = processors.min(count / PART).max(usize::from(count > 0));
            assert_eq!(threads.lock().map_or(0, |t| t.len()), expected, "{count}");
        }
    }
}
