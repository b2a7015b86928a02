//! The header: the file key, sealed to each reading node. See the diagram in [`super`].

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::derive::Key;
use crate::epoch::{self, ENCAPSULATED_LEN, PrekeySecret};
use crate::limits::{MAX_BUNDLE_SLOTS, MAX_NODES, MIN_BUNDLE_SLOTS};

use super::BundleError;

/// Bytes of a slot: `encapsulated (1,120) ‖ sealed file key and number of slots (34 + 16)`.
pub const SLOT_LEN: usize = ENCAPSULATED_LEN + PLAIN_LEN + 16;
const PLAIN_LEN: usize = 34;
const INFO: &[u8] = b"entente v1 bundle slot";

/// What a slot holds.
#[derive(Clone)]
pub struct FileKey {
    /// The key of this file.
    pub key: Key,
    /// How many slots stand before the first chunk.
    pub slots: usize,
}

/// The slots of a new bundle: one for each prekey, and slots of nobody up to a power of two.
///
/// # Errors
/// [`BundleError::Readers`] or [`BundleError::Prekey`].
pub fn seal_slots(key: &Key, prekeys: &[&[u8]], rng: &mut impl CryptoRng) -> Result<Vec<u8>, BundleError> {
    if prekeys.is_empty() || prekeys.len() > MAX_NODES {
        return Err(BundleError::Readers);
    }
    let slots = prekeys.len().next_power_of_two().max(MIN_BUNDLE_SLOTS);
    let count = u16::try_from(slots).map_err(|_| BundleError::Readers)?;
    let mut plain = Zeroizing::new([0; PLAIN_LEN]);
    let (first, last) = plain.split_at_mut(32);
    first.copy_from_slice(key.as_ref());
    last.copy_from_slice(&count.to_be_bytes());
    let mut out = Vec::with_capacity(slots * SLOT_LEN);
    for prekey in prekeys {
        out.extend(seal(plain.as_ref(), prekey, rng)?);
    }
    for _ in prekeys.len()..slots {
        let mut seed: Key = Zeroizing::new([0; 32]);
        rng.fill_bytes(seed.as_mut());
        let nobody = PrekeySecret::from_seed(seed).public().map_err(|_| BundleError::Prekey)?;
        out.extend(seal(&[0; PLAIN_LEN], &nobody, rng)?);
    }
    Ok(out)
}

fn seal(plain: &[u8], prekey: &[u8], rng: &mut impl CryptoRng) -> Result<Vec<u8>, BundleError> {
    epoch::seal_to(prekey, INFO, b"", plain, rng).map_err(|_| BundleError::Prekey)
}

/// Opens a slot, if it is for this prekey: 0.25 ms either way.
#[must_use]
pub fn open_slot(slot: &[u8; SLOT_LEN], secret: &PrekeySecret) -> Option<FileKey> {
    let opened = epoch::open_sealed(secret, INFO, b"", slot).ok()?;
    let (key, count) = opened.split_first_chunk::<32>()?;
    let slots = usize::from(u16::from_be_bytes(count.try_into().ok()?));
    let right = slots.is_power_of_two() && (MIN_BUNDLE_SLOTS..=MAX_BUNDLE_SLOTS).contains(&slots);
    right.then(|| FileKey { key: Zeroizing::new(*key), slots })
}
