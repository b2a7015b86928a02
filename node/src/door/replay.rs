//! The memory of first messages that proved a key, so that a recorded one gets silence when played again.
//!
//! Bounded at [`MAX_SEEN`] for the node. When full, the door key with the most messages loses its oldest:
//! whoever floods the memory with one key makes it forget that key's messages, and no other's.

use std::collections::{HashMap, HashSet, VecDeque};

use super::MAX_SEEN;

/// Which door key a message was proved with: a short hash of the key.
pub(super) type Owner = [u8; 4];
/// The keyed hash of one first message.
pub(super) type Tag = [u8; 16];

const OWNER_LEN: usize = size_of::<Owner>();
const ENTRY_LEN: usize = OWNER_LEN + size_of::<Tag>();

pub(super) struct ReplayMemory {
    seen: HashSet<(Owner, Tag)>,
    oldest_first: HashMap<Owner, VecDeque<Tag>>,
    limit: usize,
}

impl ReplayMemory {
    pub(super) fn new() -> Self {
        Self { seen: HashSet::new(), oldest_first: HashMap::new(), limit: MAX_SEEN }
    }

    /// Remembers a message; `false` if it was known already.
    pub(super) fn admit(&mut self, owner: Owner, tag: Tag) -> bool {
        if self.seen.contains(&(owner, tag)) {
            return false;
        }
        if self.seen.len() >= self.limit {
            self.forget_one();
        }
        self.seen.insert((owner, tag));
        self.oldest_first.entry(owner).or_default().push_back(tag);
        true
    }

    /// Every entry as `owner (4) ‖ tag (16)`, the oldest of an owner first.
    pub(super) fn export(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.seen.len() * ENTRY_LEN);
        for (owner, tags) in &self.oldest_first {
            for tag in tags {
                bytes.extend_from_slice(owner);
                bytes.extend_from_slice(tag);
            }
        }
        bytes
    }

    /// Adds what [`Self::export`] wrote; a torn last entry is passed over.
    pub(super) fn import(&mut self, bytes: &[u8]) {
        for entry in bytes.chunks_exact(ENTRY_LEN) {
            let (owner, tag) = entry.split_at(OWNER_LEN);
            if let (Ok(owner), Ok(tag)) = (owner.try_into(), tag.try_into()) {
                self.admit(owner, tag);
            }
        }
    }

    fn forget_one(&mut self) {
        let Some((&owner, tags)) = self.oldest_first.iter_mut().max_by_key(|(_, tags)| tags.len()) else {
            return;
        };
        if let Some(tag) = tags.pop_front() {
            self.seen.remove(&(owner, tag));
        }
        if tags.is_empty() {
            self.oldest_first.remove(&owner);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn tag(number: u32) -> Tag {
        let mut tag = [0; 16];
        tag[..4].copy_from_slice(&number.to_be_bytes());
        tag
    }

    #[test]
    fn a_flood_under_one_key_forgets_only_that_keys_messages() {
        let mut memory = ReplayMemory { limit: 100, ..ReplayMemory::new() };
        assert!(memory.admit(*b"quie", tag(0)));
        for number in 0..1_000 {
            assert!(memory.admit(*b"loud", tag(number)));
        }
        assert_eq!(memory.seen.len(), 100);
        assert!(!memory.admit(*b"quie", tag(0)));
        assert!(!memory.admit(*b"loud", tag(999)));
        assert!(memory.admit(*b"loud", tag(0)), "the oldest was forgotten");
    }

    #[test]
    fn what_is_exported_and_imported_is_still_known() {
        let mut memory = ReplayMemory::new();
        for number in 0..10 {
            memory.admit(*b"key1", tag(number));
            memory.admit(*b"key2", tag(number));
        }
        let mut bytes = memory.export();
        bytes.extend_from_slice(b"torn");
        let mut after = ReplayMemory::new();
        after.import(&bytes);
        assert_eq!(after.seen, memory.seen);
        assert!(!after.admit(*b"key2", tag(3)));
        assert!(after.admit(*b"key3", tag(3)));
    }
}
