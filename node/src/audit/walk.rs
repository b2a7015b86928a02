//! Logs read anew from the journal, entry by entry, as if nothing were known of them.

use std::collections::BTreeMap;

use entente_protocol::derive;
use entente_protocol::ids::{Hash, LogId, Seq, SpaceId};
use entente_protocol::log::{Entry, Head, check_head};

use crate::frames::Frame;
use crate::rows;
use crate::store::{JournalError, Position, Store};

/// A log as the journal alone shows it.
#[derive(Debug)]
pub(super) struct Walk {
    /// How far it is whole.
    pub head: Head,
    /// The first entry that does not go on from there, if there are later ones.
    pub broken: Option<Broken>,
    /// The first whose payload is not the one that its header names.
    pub other_payload: Option<Seq>,
    /// The first that the index does not find, of those that it should.
    pub not_indexed: Option<Seq>,
    /// What it hashes to at positions that were asked for.
    chains: BTreeMap<Seq, Option<Hash>>,
    /// The last signature, and what it must vouch for.
    signed: Option<(Hash, [u8; 64])>,
    /// Entries before this are in the index.
    indexed: Seq,
}

/// Where a log breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// The entry at the head is missing, and this one is there.
    Missing(Seq),
    /// The entry at this position does not follow from the one before.
    Follows(Seq),
}

impl Walk {
    /// To be walked, where the index says that it ends at `head`.
    pub fn new(head: &Head) -> Walk {
        let mut walk = Walk {
            head: Head::EMPTY,
            broken: None,
            other_payload: None,
            not_indexed: None,
            chains: BTreeMap::new(),
            signed: None,
            indexed: head.next,
        };
        walk.ask(head.next);
        walk
    }

    /// Notes that the chain at a position will be wanted.
    pub fn ask(&mut self, next: Seq) {
        let known = (next == Seq(0)).then_some(Head::EMPTY.chain);
        self.chains.insert(next, known);
    }

    /// What it hashes to at a position that was asked for and reached.
    pub fn chain_at(&self, next: Seq) -> Option<Hash> {
        self.chains.get(&next).copied().flatten()
    }

    /// Does the log's key vouch for it?
    pub fn is_signed(&self, log: &LogId) -> bool {
        self.signed.as_ref().is_none_or(|(chain, signature)| check_head(chain, signature, log).is_ok())
    }

    fn step(&mut self, entry: &Entry, store: &Store) {
        let header = &entry.header;
        if header.seq < self.head.next {
            return;
        }
        let follows = header.seq == self.head.next && header.prev == self.head.chain;
        let Some(head) = entry.head().filter(|_| follows) else {
            let broken = if header.seq > self.head.next {
                Broken::Missing(header.seq)
            } else {
                Broken::Follows(header.seq)
            };
            self.broken.get_or_insert(broken);
            return;
        };
        if entry.payload.as_ref().is_some_and(|payload| derive::payload_hash(payload) != header.payload) {
            self.other_payload.get_or_insert(header.seq);
        }
        let row = rows::entry_position(&store.index, &header.space, &header.log, header.seq);
        if header.seq < self.indexed && !matches!(row, Ok(Some(_))) {
            self.not_indexed.get_or_insert(header.seq);
        }
        self.head = head;
        if let Some(signature) = entry.signature {
            self.signed = Some((head.chain, signature));
        }
        if let Some(wanted) = self.chains.get_mut(&head.next) {
            *wanted = Some(head.chain);
        }
    }
}

/// Reads the whole journal; gives the number of damaged places.
///
/// # Errors
/// [`JournalError`] if it cannot be read at all.
pub(super) fn walk(
    store: &Store,
    logs: &mut BTreeMap<(SpaceId, LogId), Walk>,
) -> Result<usize, JournalError> {
    let mut damaged = 0;
    for (_, frame) in store.journal.scan(Position::START)? {
        let Ok(bytes) = frame else {
            damaged += 1;
            continue;
        };
        match Frame::from_bytes(&bytes) {
            Ok(Frame::Entry(_, entry, _)) => {
                if let Some(walk) = logs.get_mut(&(entry.header.space, entry.header.log)) {
                    walk.step(&entry, store);
                }
            }
            Ok(_) => {}
            Err(_) => damaged += 1,
        }
    }
    Ok(damaged)
}
