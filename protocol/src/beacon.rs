//! What a node says on its local network, where its keeper lets it: *I am here*, to those who hold the door key.
//!
//! ```text
//! 0          12            18                 32
//! | nonce    | told ^ mask | tag              |      told = port (2, big-endian) ‖ whose (4)
//! ```
//!
//! All 32 bytes look random to who does not hold the key, and change with every beacon: mask and tag are keyed hashes
//! (BLAKE3) under a key of the door key and the hour ([`crate::derive::beacon_key`]). `whose` are the first bytes of the transport
//! identity, enough to tell members apart. Who holds the key, or repeats what it heard, can lead others to a wrong
//! address: there the front door finds nobody. So a beacon is a hint and proves nothing.

use blake3::Hasher;
use subtle::ConstantTimeEq;

use crate::derive::Key;
use crate::ids::TransportId;

/// Bytes of every beacon.
pub const BEACON: usize = 32;
/// Bytes of a beacon's nonce.
pub const NONCE: usize = 12;

const TOLD: usize = 6;
const MASK_LABEL: &[u8] = b"mask";
const TAG_LABEL: &[u8] = b"tag";

/// What a beacon says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Beacon {
    /// The port of the front door. The address is the one that the beacon comes from.
    pub port: u16,
    /// The first bytes of its sender's transport identity.
    pub whose: [u8; 4],
}

impl Beacon {
    /// The beacon of a node.
    #[must_use]
    pub fn of(me: &TransportId, port: u16) -> Beacon {
        let [a, b, c, d, ..] = me.0;
        Beacon { port, whose: [a, b, c, d] }
    }

    /// Is it this node's?
    #[must_use]
    pub fn is_of(&self, id: &TransportId) -> bool {
        id.0.starts_with(&self.whose)
    }

    /// Its bytes, under the key of an hour and with a nonce that was never used.
    #[must_use]
    pub fn seal(&self, key: &Key, nonce: [u8; NONCE]) -> [u8; BEACON] {
        let mut told = [0; TOLD];
        told.iter_mut()
            .zip(self.port.to_be_bytes().into_iter().chain(self.whose))
            .for_each(|(to, b)| *to = b);
        let mut bytes = [0; BEACON];
        let (head, rest) = bytes.split_at_mut(NONCE);
        let (body, tag) = rest.split_at_mut(TOLD);
        head.copy_from_slice(&nonce);
        body.copy_from_slice(&masked(key, &nonce, told));
        keyed(key, TAG_LABEL, &[head, body], tag);
        bytes
    }

    /// What bytes say to who holds the key; nothing, if they were not made with it.
    #[must_use]
    pub fn open(key: &Key, bytes: &[u8; BEACON]) -> Option<Beacon> {
        let (nonce, rest) = bytes.split_first_chunk::<NONCE>()?;
        let (told, tag) = rest.split_first_chunk::<TOLD>()?;
        let mut right = [0; BEACON - NONCE - TOLD];
        keyed(key, TAG_LABEL, &[nonce, told], &mut right);
        if !bool::from(right.as_slice().ct_eq(tag)) {
            return None;
        }
        let [high, low, whose @ ..] = masked(key, nonce, *told);
        Some(Beacon { port: u16::from_be_bytes([high, low]), whose })
    }
}

fn masked(key: &Key, nonce: &[u8; NONCE], told: [u8; TOLD]) -> [u8; TOLD] {
    let mut mask = [0; TOLD];
    keyed(key, MASK_LABEL, &[nonce], &mut mask);
    core::array::from_fn(|i| told[i] ^ mask[i])
}

fn keyed(key: &Key, label: &[u8], parts: &[&[u8]], out: &mut [u8]) {
    let mut hasher = Hasher::new_keyed(key);
    hasher.update(label);
    parts.iter().for_each(|part| {
        hasher.update(part);
    });
    hasher.finalize_xof().fill(out);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::derive;

    fn key(hour: u64) -> Key {
        derive::beacon_key(&Zeroizing::new([7; 32]), hour)
    }

    #[test]
    fn a_beacon_says_where_and_who_to_those_with_the_key_of_its_hour() {
        let me = TransportId([9; 32]);
        let beacon = Beacon::of(&me, 7420);
        let bytes = beacon.seal(&key(5), [1; NONCE]);
        assert_eq!(Beacon::open(&key(5), &bytes), Some(beacon));
        assert!(beacon.is_of(&me) && !beacon.is_of(&TransportId([8; 32])));
        assert_eq!(Beacon::open(&key(6), &bytes), None, "another hour");
        let other = derive::beacon_key(&Zeroizing::new([8; 32]), 5);
        assert_eq!(Beacon::open(&other, &bytes), None, "another partnership");
        for bit in 0..BEACON * 8 {
            let mut wrong = bytes;
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Beacon::open(&key(5), &wrong), None, "bit {bit}");
        }
    }

    /// Not even in parts: whoever sees two beacons cannot tell whether they are of one node.
    #[test]
    fn beacons_share_no_bytes_from_one_to_the_next_and_from_hour_to_hour() {
        let beacon = Beacon::of(&TransportId([9; 32]), 7420);
        let mut seen = std::collections::BTreeSet::new();
        for (hour, nonce) in [(5, 1), (5, 2), (6, 1), (7, 3)] {
            let bytes = beacon.seal(&key(hour), [nonce; NONCE]);
            for part in bytes[NONCE..].windows(4) {
                assert!(seen.insert(part.to_vec()), "four bytes appear twice");
            }
        }
    }
}
