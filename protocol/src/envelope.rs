//! The envelope: a record's ciphertext, under a fresh content key that the epoch key wraps.
//!
//! ```text
//!  ┌─────────┬────────────┬───────────────────────────┬──────────────────────────────────────┐
//!  │ 0x01    │ commitment │ content key, wrapped      │ padded record, encrypted             │
//!  │ version │ 32         │ 32 + 16 (Poly1305)        │ Padmé(4 + length) + 16 (Poly1305)    │
//!  └─────────┴────────────┴───────────────────────────┴──────────────────────────────────────┘
//! ```
//! Both layers are XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03). Each key is used for one message only,
//! so the nonce may be fixed: it is the first 24 bytes of the commitment. The commitment to the content key
//! is checked before anything is decrypted with it, because Poly1305 would let one ciphertext open under two
//! keys. The associated data is the place: space, log, position, epoch. Lengths are padded with Padmé
//! (PURBs, PoPETs 2019/4, §4): at most 12 % more, and O(log log n) bits of the length are told.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::derive::{self, Key};
use crate::ids::{EpochId, LogId, Seq, SpaceId};
use crate::limits;

const VERSION: u8 = 1;
const HEAD: usize = 1 + 32 + 48;

/// Where an envelope stands; it opens nowhere else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// The space.
    pub space: SpaceId,
    /// The log.
    pub log: LogId,
    /// The position.
    pub seq: Seq,
    /// The epoch whose key wraps the content key.
    pub epoch: EpochId,
}

impl Place {
    fn associated_data(&self) -> [u8; 104] {
        let mut out = [0; 104];
        let (space, rest) = out.split_at_mut(32);
        let (log, rest) = rest.split_at_mut(32);
        let (seq, epoch) = rest.split_at_mut(8);
        space.copy_from_slice(&self.space.0);
        log.copy_from_slice(&self.log.0);
        seq.copy_from_slice(&self.seq.0.to_be_bytes());
        epoch.copy_from_slice(&self.epoch.0);
        out
    }
}

/// Why an envelope could not be made or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Longer than a record may be.
    #[error("the record is longer than {} bytes", limits::MAX_RECORD)]
    TooLong,
    /// Not an envelope of a known version.
    #[error("not an envelope of a known version")]
    Malformed,
    /// The key is not the one, or the bytes were changed.
    #[error("the envelope does not open: wrong key, or changed on the way")]
    Sealed,
}

/// Seals `record` for `place`.
///
/// # Errors
/// [`EnvelopeError::TooLong`].
pub fn seal(
    record: &[u8],
    place: &Place,
    epoch_key: &Key,
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, EnvelopeError> {
    let padded = pad(record).ok_or(EnvelopeError::TooLong)?;
    let mut content_key = Zeroizing::new([0; 32]);
    rng.fill_bytes(content_key.as_mut());
    let commitment = derive::content_commitment(&content_key);
    let ad = place.associated_data();
    let wrap = derive::content_wrap_key(epoch_key, &commitment);
    let mut out = Vec::with_capacity(HEAD + padded.len() + 16);
    out.push(VERSION);
    out.extend_from_slice(&commitment);
    out.extend(encrypt(&wrap, &commitment, content_key.as_ref(), &ad)?);
    out.extend(encrypt(&derive::content_cipher_key(&content_key), &commitment, &padded, &ad)?);
    Ok(out)
}

/// Opens an envelope that stands at `place`.
///
/// # Errors
/// [`EnvelopeError::Malformed`] or [`EnvelopeError::Sealed`].
pub fn open(envelope: &[u8], place: &Place, epoch_key: &Key) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    let parts = Parts::of(envelope)?;
    let content_key = parts.content_key(place, epoch_key)?;
    parts.open(place, &content_key)
}

/// The content key of an envelope that stands at `place`, unwrapped with the epoch key.
///
/// # Errors
/// [`EnvelopeError::Malformed`] or [`EnvelopeError::Sealed`].
pub fn content_key(envelope: &[u8], place: &Place, epoch_key: &Key) -> Result<Key, EnvelopeError> {
    Parts::of(envelope)?.content_key(place, epoch_key)
}

/// Opens an envelope that stands at `place` with its content key alone.
///
/// # Errors
/// [`EnvelopeError::Malformed`] or [`EnvelopeError::Sealed`].
pub fn open_with(
    envelope: &[u8],
    place: &Place,
    content_key: &Key,
) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    Parts::of(envelope)?.open(place, content_key)
}

/// Is this the content key that an envelope commits to? There is no other.
#[must_use]
pub fn fits(envelope: &[u8], content_key: &Key) -> bool {
    Parts::of(envelope).is_ok_and(|parts| parts.check(content_key).is_ok())
}

/// An envelope, taken apart.
struct Parts<'a> {
    commitment: &'a [u8; 32],
    wrapped: &'a [u8; 48],
    ciphertext: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(envelope: &'a [u8]) -> Result<Parts<'a>, EnvelopeError> {
        let (&version, rest) = envelope.split_first().ok_or(EnvelopeError::Malformed)?;
        let (commitment, rest) = rest.split_first_chunk::<32>().ok_or(EnvelopeError::Malformed)?;
        let (wrapped, ciphertext) = rest.split_first_chunk::<48>().ok_or(EnvelopeError::Malformed)?;
        if version != VERSION || envelope.len() > limits::MAX_PAYLOAD {
            return Err(EnvelopeError::Malformed);
        }
        Ok(Parts { commitment, wrapped, ciphertext })
    }

    fn content_key(&self, place: &Place, epoch_key: &Key) -> Result<Key, EnvelopeError> {
        let wrap = derive::content_wrap_key(epoch_key, self.commitment);
        let unwrapped = decrypt(&wrap, self.commitment, self.wrapped, &place.associated_data())?;
        let content_key: Key =
            Zeroizing::new(unwrapped.as_slice().try_into().map_err(|_| EnvelopeError::Malformed)?);
        self.check(&content_key)?;
        Ok(content_key)
    }

    fn check(&self, content_key: &Key) -> Result<(), EnvelopeError> {
        let right = derive::content_commitment(content_key).ct_eq(self.commitment).unwrap_u8() == 1;
        if right { Ok(()) } else { Err(EnvelopeError::Sealed) }
    }

    fn open(&self, place: &Place, content_key: &Key) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
        self.check(content_key)?;
        let cipher_key = derive::content_cipher_key(content_key);
        unpad(&decrypt(&cipher_key, self.commitment, self.ciphertext, &place.associated_data())?)
    }
}

fn encrypt(key: &Key, commitment: &[u8; 32], plain: &[u8], ad: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
    XChaCha20Poly1305::new((&**key).into())
        .encrypt(&nonce(commitment), Payload { msg: plain, aad: ad })
        .map_err(|_| EnvelopeError::TooLong)
}

fn decrypt(
    key: &Key,
    commitment: &[u8; 32],
    sealed: &[u8],
    ad: &[u8],
) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    XChaCha20Poly1305::new((&**key).into())
        .decrypt(&nonce(commitment), Payload { msg: sealed, aad: ad })
        .map(Zeroizing::new)
        .map_err(|_| EnvelopeError::Sealed)
}

fn nonce(commitment: &[u8; 32]) -> XNonce {
    let mut nonce = XNonce::default();
    for (to, from) in nonce.iter_mut().zip(commitment) {
        *to = *from;
    }
    nonce
}

/// `length (4, big-endian) ‖ record ‖ zeroes`, up to the Padmé length.
fn pad(record: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if record.len() > limits::MAX_RECORD {
        return None;
    }
    let length = u32::try_from(record.len()).ok()?;
    let mut padded = Zeroizing::new(Vec::with_capacity(padme(record.len() + 4)));
    padded.extend_from_slice(&length.to_be_bytes());
    padded.extend_from_slice(record);
    let full = padme(padded.len());
    padded.resize(full, 0);
    Some(padded)
}

fn unpad(padded: &[u8]) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    let (length, rest) = padded.split_first_chunk::<4>().ok_or(EnvelopeError::Malformed)?;
    let length = u32::from_be_bytes(*length) as usize;
    let (record, zeroes) = rest.split_at_checked(length).ok_or(EnvelopeError::Malformed)?;
    if padme(length + 4) != padded.len() || zeroes.iter().any(|b| *b != 0) {
        return Err(EnvelopeError::Malformed);
    }
    Ok(Zeroizing::new(record.to_vec()))
}

/// The Padmé length for `len` bytes: as many low bits are zero as leave the mantissa no longer than the
/// exponent's length.
#[must_use]
pub fn padme(len: usize) -> usize {
    if len < 2 {
        return len;
    }
    let exponent = len.ilog2();
    let mantissa = exponent.ilog2() + 1;
    let mask = (1_usize << exponent.saturating_sub(mantissa)) - 1;
    (len + mask) & !mask
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::Counter;
    use proptest::prelude::*;

    fn place() -> Place {
        Place { space: SpaceId([1; 32]), log: LogId([2; 32]), seq: Seq(3), epoch: EpochId([4; 32]) }
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens_and_its_length_is_padded(record in prop::collection::vec(any::<u8>(), 0..5000)) {
            let key = Zeroizing::new([9; 32]);
            let sealed = seal(&record, &place(), &key, &mut Counter(1)).unwrap();
            prop_assert_eq!(&*open(&sealed, &place(), &key).unwrap(), &record);
            prop_assert_eq!(sealed.len(), HEAD + padme(record.len() + 4) + 16);
            prop_assert!(padme(record.len() + 4) as f64 <= (record.len() + 4) as f64 * 1.12);
        }

        #[test]
        fn no_bytes_make_open_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(open(&bytes, &place(), &Zeroizing::new([9; 32])).is_err());
        }
    }

    #[test]
    fn an_envelope_opens_at_its_place_only() {
        let key = Zeroizing::new([9; 32]);
        let sealed = seal(b"testimony", &place(), &key, &mut Counter(1)).unwrap();
        let elsewhere = [
            Place { space: SpaceId([9; 32]), ..place() },
            Place { log: LogId([9; 32]), ..place() },
            Place { seq: Seq(9), ..place() },
            Place { epoch: EpochId([9; 32]), ..place() },
        ];
        for wrong in elsewhere {
            assert_eq!(open(&sealed, &wrong, &key), Err(EnvelopeError::Sealed));
        }
        assert_eq!(open(&sealed, &place(), &Zeroizing::new([8; 32])), Err(EnvelopeError::Sealed));
    }

    #[test]
    fn a_content_key_opens_its_own_envelope_at_its_place_and_nothing_else() {
        let key = Zeroizing::new([9; 32]);
        let mut rng = Counter(1);
        let [one, two] = [b"testimony", b"statement"].map(|it| seal(it, &place(), &key, &mut rng).unwrap());
        let content = content_key(&one, &place(), &key).unwrap();
        assert_eq!(&**open_with(&one, &place(), &content).unwrap(), b"testimony");
        assert!(fits(&one, &content) && !fits(&two, &content) && !fits(&[], &content));
        assert_eq!(open_with(&two, &place(), &content), Err(EnvelopeError::Sealed));
        let elsewhere = Place { seq: Seq(9), ..place() };
        assert_eq!(open_with(&one, &elsewhere, &content), Err(EnvelopeError::Sealed));
        assert_eq!(content_key(&one, &elsewhere, &key), Err(EnvelopeError::Sealed));
        assert_eq!(
            open_with(&one, &place(), &key),
            Err(EnvelopeError::Sealed),
            "the epoch's key is no content key"
        );
    }

    #[test]
    fn any_changed_byte_is_found() {
        let key = Zeroizing::new([9; 32]);
        let sealed = seal(b"testimony", &place(), &key, &mut Counter(1)).unwrap();
        for i in 0..sealed.len() {
            let mut wrong = sealed.clone();
            wrong[i] ^= 1;
            assert!(open(&wrong, &place(), &key).is_err(), "byte {i}");
        }
    }

    #[test]
    fn padme_matches_the_paper() {
        // Powers of two and small numbers stay; 9 becomes 10, 129 becomes 144, 2049 becomes 2176.
        for (len, padded) in
            [(0, 0), (1, 1), (8, 8), (9, 10), (128, 128), (129, 144), (2048, 2048), (2049, 2176)]
        {
            assert_eq!(padme(len), padded, "{len}");
        }
    }
}
