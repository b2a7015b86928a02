//! Attachments: 64 KiB chunks, each encrypted and hashed, so that they can be fetched and checked one by one.
//!
//! ```text
//!  file ──64 KiB──▶ chunk i ──XChaCha20-Poly1305(key of this blob, nonce = i)──▶ ciphertext i ──BLAKE3──▶ hash i
//!  BlobId = BLAKE3(hash 0 ‖ hash 1 ‖ …)
//! ```
//! The key belongs to one blob only, and a blob to one space only, so equal files in two partnerships share
//! nothing. The last chunk says that it is the last (associated data), so a file cannot be cut short.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::derive::Key;
use crate::limits::{CHUNK, MAX_CHUNKS};

/// Bytes that encryption adds to a chunk.
pub const OVERHEAD: usize = 16;

/// Why a chunk could not be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// Longer than 64 KiB, or beyond the largest attachment.
    #[error("the attachment is larger than {} GiB", CHUNK * MAX_CHUNKS / (1 << 30))]
    TooLarge,
    /// Changed, or under another key.
    #[error("a part of the attachment does not open: wrong key, or changed")]
    Sealed,
}

/// How many chunks a file of `size` bytes has; an empty file has one empty chunk.
#[must_use]
pub fn count(size: u64) -> u64 {
    size.div_ceil(CHUNK as u64).max(1)
}

/// The length of the ciphertext of chunk `index` of a file of `size` bytes.
#[must_use]
pub fn sealed_len(size: u64, index: u64) -> usize {
    let plain = size.saturating_sub(index.saturating_mul(CHUNK as u64)).min(CHUNK as u64);
    usize::try_from(plain).unwrap_or(CHUNK) + OVERHEAD
}

/// Encrypts chunk `index`.
///
/// # Errors
/// [`ChunkError::TooLarge`].
pub fn seal(key: &Key, index: u64, last: bool, plain: &[u8]) -> Result<Vec<u8>, ChunkError> {
    if plain.len() > CHUNK || index >= MAX_CHUNKS as u64 {
        return Err(ChunkError::TooLarge);
    }
    XChaCha20Poly1305::new((&**key).into())
        .encrypt(&nonce(index), Payload { msg: plain, aad: &[u8::from(last)] })
        .map_err(|_| ChunkError::TooLarge)
}

/// Decrypts chunk `index`.
///
/// # Errors
/// [`ChunkError::Sealed`].
pub fn open(key: &Key, index: u64, last: bool, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, ChunkError> {
    XChaCha20Poly1305::new((&**key).into())
        .decrypt(&nonce(index), Payload { msg: sealed, aad: &[u8::from(last)] })
        .map(Zeroizing::new)
        .map_err(|_| ChunkError::Sealed)
}

fn nonce(index: u64) -> XNonce {
    let mut nonce = XNonce::default();
    for (to, from) in nonce.iter_mut().zip(index.to_le_bytes()) {
        *to = from;
    }
    nonce
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_opens_at_its_place_only() {
        let key = Zeroizing::new([1; 32]);
        let sealed = seal(&key, 4, false, b"page").unwrap();
        assert_eq!(&*open(&key, 4, false, &sealed).unwrap(), b"page");
        assert!(open(&key, 5, false, &sealed).is_err());
        assert!(open(&key, 4, true, &sealed).is_err(), "a file could be cut short here");
        assert!(open(&Zeroizing::new([2; 32]), 4, false, &sealed).is_err());
    }

    #[test]
    fn lengths_add_up() {
        for size in [0, 1, CHUNK as u64 - 1, CHUNK as u64, CHUNK as u64 + 1, 10 * CHUNK as u64] {
            let total: u64 = (0..count(size)).map(|i| (sealed_len(size, i) - OVERHEAD) as u64).sum();
            assert_eq!(total, size);
        }
    }

    #[test]
    fn what_is_over_the_limit_is_refused() {
        let key = Zeroizing::new([1; 32]);
        assert_eq!(seal(&key, 0, true, &vec![0; CHUNK + 1]), Err(ChunkError::TooLarge));
        assert_eq!(seal(&key, MAX_CHUNKS as u64, true, b""), Err(ChunkError::TooLarge));
    }
}
