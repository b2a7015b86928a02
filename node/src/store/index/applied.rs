//! What an index says of itself, in one entry that is written with the rows: how far the journal is applied, how many
//! rows each table has, and how many there are of what callers count.
//!
//! ```text
//! version (1 byte) ‖ position (12) ‖ (tally (1) ‖ count (8, big-endian))*
//! ```

use std::collections::BTreeMap;

use super::super::frame::Position;

/// An index of another version is rebuilt.
const VERSION: u8 = 6;

pub(super) struct Applied {
    /// Everything before this position of the journal has been applied.
    pub(super) cursor: Position,
    pub(super) tallies: BTreeMap<u8, u64>,
}

impl Applied {
    pub(super) const NOTHING: Applied = Applied { cursor: Position::START, tallies: BTreeMap::new() };

    /// The same with a later cursor and other tallies.
    pub(super) fn then(&self, cursor: Position, changes: BTreeMap<u8, i64>) -> Applied {
        let mut tallies = self.tallies.clone();
        for (tally, by) in changes {
            let count = tallies.entry(tally).or_default();
            *count = count.saturating_add_signed(by);
        }
        Applied { cursor, tallies }
    }

    pub(super) fn tally(&self, tally: u8) -> u64 {
        self.tallies.get(&tally).copied().unwrap_or(0)
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.cursor.to_bytes());
        for (tally, count) in &self.tallies {
            bytes.push(*tally);
            bytes.extend_from_slice(&count.to_be_bytes());
        }
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Applied> {
        let (&[VERSION], rest) = bytes.split_first_chunk()? else { return None };
        let (position, rest) = rest.split_first_chunk()?;
        let (tallies, []) = rest.as_chunks::<9>() else { return None };
        let tally = |&[tally, ref count @ ..]: &[u8; 9]| (tally, u64::from_be_bytes(*count));
        let tallies = tallies.iter().map(tally).collect();
        Some(Applied { cursor: Position::from_bytes(*position), tallies })
    }
}
