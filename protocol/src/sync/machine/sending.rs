//! Logs that go out: pushed to those who may read them, or asked for, each within its window (S1).

use crate::ids::{LogId, NodeId, Seq, SpaceId};

use super::super::peer::{LogKey, Stream};
use super::{Effect, SyncMachine};

/// Entries sent and not yet acknowledged, per log and peer: hides a round trip of seconds at 64 kbit/s and
/// keeps the receiver's queue below a few MiB for records of the usual size.
pub const WINDOW: u64 = 2_048;
/// Peers that the author of a log streams it to; the others fetch it from these.
pub const PUSH_FANOUT: usize = 20;

impl SyncMachine {
    pub(super) fn want_log(&mut self, from: NodeId, space: SpaceId, log: LogId, next: Seq) {
        let key = (space, log);
        if !self.shares(&from, &space) || self.log(&key).is_none() {
            return;
        }
        self.note_behind(key, next);
        if let Some(peer) = self.peers.get_mut(&from) {
            peer.has.insert(key, next);
            let stream = peer.streams.entry(key).or_insert(Stream::from(next));
            if stream.reading {
                stream.again = Some(next);
            } else {
                *stream = Stream::from(next);
            }
        }
        self.pump(from, key);
    }

    /// Sends on what a peer lacks, as far as the window allows.
    pub(super) fn pump(&mut self, to: NodeId, key: LogKey) {
        if !self.shares(&to, &key.0) {
            return;
        }
        let pushing = self.pushes_to(&to);
        let Some(log) = self.spaces.get(&key.0).and_then(|s| s.logs.get(&key.1)) else { return };
        // Nobody takes a former member's entries from where they are no longer welcome.
        let stored = self.welcome_by_roster(&key).map_or(log.to_send(), |until| until.min(log.to_send()));
        let owner = log.owner;
        let Some(peer) = self.peers.get_mut(&to) else { return };
        if !peer.greeted {
            return;
        }
        let has = peer.has(&key);
        if let std::collections::btree_map::Entry::Vacant(e) = peer.streams.entry(key) {
            // S1: our own logs need no asking.
            if owner != self.me || !pushing || has >= stored {
                return;
            }
            e.insert(Stream::from(has));
        }
        let Some(stream) = peer.streams.get_mut(&key) else { return };
        if stream.reading {
            return;
        }
        if stream.next >= stored {
            if has >= stored && owner != self.me {
                peer.streams.remove(&key);
            }
            return;
        }
        if stream.next.0.saturating_sub(has.0) < WINDOW {
            stream.reading = true;
            self.out.push(Effect::SendBatch { to, space: key.0, log: key.1, from: stream.next });
        }
    }

    pub(super) fn batch_sent(&mut self, to: NodeId, space: SpaceId, log: LogId, next: Seq) {
        let key = (space, log);
        let Some(peer) = self.peers.get_mut(&to) else { return };
        let has = peer.has(&key);
        let Some(stream) = peer.streams.get_mut(&key) else { return };
        let nothing_read = next <= stream.next && stream.again.is_none();
        let next = stream.again.unwrap_or(next.max(has));
        *stream = Stream::from(next);
        if nothing_read && next > has {
            // A damaged entry, say. Goes on at the peer's next word.
            peer.streams.remove(&key);
            return;
        }
        self.pump(to, key);
    }

    /// Is this peer among those that we push our own logs to?
    fn pushes_to(&self, peer: &NodeId) -> bool {
        self.peers.len() <= PUSH_FANOUT || self.peers.keys().take(PUSH_FANOUT).any(|p| p == peer)
    }
}
