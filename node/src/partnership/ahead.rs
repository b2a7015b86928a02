//! Entries that landed together are judged ahead of being applied, on all processors: opening them and checking their
//! authors' signatures is most of what catching up costs, and depends on nothing that the others do.
//!
//! Each signature is checked by itself, strictly. The batch equation of Ed25519 costs half as much, and accepts what a
//! single strict check refuses (decision 43).

use std::sync::LazyLock;
use std::thread;

use crate::frames::Frame;
use crate::store::Position;

use super::open::{Judgement, Owner, When, judge};
use super::state::State;

/// Entries for which another thread is worth what it costs to start: some milliseconds of work.
const PART: usize = 32;

/// Asked once: the answer takes system calls and files to read, and records land one by one.
static PROCESSORS: LazyLock<usize> = LazyLock::new(|| thread::available_parallelism().map_or(1, usize::from));

/// What is to be made of each frame that is an entry; nothing where that depends on the frames before it.
pub(super) fn judge_all(state: &State, frames: &[(Position, Frame)]) -> Vec<Option<Judgement>> {
    // What else stands among them may change who may read and publish what.
    if !frames.iter().all(|(_, frame)| matches!(frame, Frame::Entry(..) | Frame::Shared(..))) {
        return frames.iter().map(|_| None).collect();
    }
    let (id, membership, ring) = (state.id, &*state.membership, &state.ring);
    let entries: Vec<_> = frames.iter().map(|(_, frame)| owned(state, frame)).collect();
    on_all_processors(&entries, |owned| {
        owned.map(|(owner, entry)| judge(&id, (membership, When::Arriving), ring, owner, entry))
    })
}

fn owned<'a>(state: &State, frame: &'a Frame) -> Option<(Owner, &'a entente_protocol::log::Entry)> {
    let Frame::Entry(_, entry, _) = frame else { return None };
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
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    use super::*;

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
