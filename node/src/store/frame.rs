//! Frames: the encoding of one payload in a segment file of the journal.
//!
//! ```text
//! segment file
//!   0        8         12        16                 32
//!   +--------+---------+---------+------------------+---------+---------+--
//!   | magic  | segment | zero    | check            | frame   | frame   | ...
//!   | 8      | u32 BE  | 4       | 16               |         |         |
//!   +--------+---------+---------+------------------+---------+---------+--
//!   magic = "ENTJSEG" ‖ version 1
//!   check = first 16 bytes of keyed BLAKE3 (check key) over the 16 bytes before it
//!
//! frame
//!   0       4         8              16          40                    40+length
//!   +-------+---------+--------------+-----------+---------------------+
//!   | magic | length  | header check | nonce     | ciphertext ‖ tag    |
//!   | 4     | u32 BE  | 8            | 24 random | length bytes        |
//!   +-------+---------+--------------+-----------+---------------------+
//!   header check = first 8 bytes of keyed BLAKE3 (check key) over
//!                  magic ‖ length ‖ nonce ‖ segment u32 BE ‖ offset u64 BE
//!   ciphertext   = XChaCha20-Poly1305 (frame key, nonce, AAD = segment u32 BE ‖ offset u64 BE) of
//!                  BLAKE3 of the previous frame's bytes (32) ‖ payload (0 to 1 MiB)
//! ```
//!
//! The very first frame of a journal chains to 32 zero bytes; the first frame of a later segment chains to the
//! last frame of the segment before.
//!
//! A frame that was **erased** has the same length and place, the magic `EnX` 0x01, AAD ‖ 0x01, and for a payload
//! ```text
//!   hash of the frame that stood here (32) ‖ length u32 BE ‖ payload instead ‖ zeros
//! ```
//! It counts in the chain with the hash of what stood there, so that erasing breaks nothing.
//!
//! The header check holds only at the place that the frame was written for,
//! so a search through damaged bytes cannot be led astray by old or copied frames.

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, Tag, XChaCha20Poly1305, XNonce};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::keys::{Purpose, StoreKey};

/// The largest payload of a frame, in bytes: 1 MiB. Entries are a few KiB, attachments are stored apart; the
/// bound keeps what a damaged length can make a reader allocate small.
pub const MAX_PAYLOAD: usize = 1 << 20;

/// Bytes before a segment's first frame.
pub(crate) const SEGMENT_HEADER: usize = 32;
/// Bytes of a frame before its ciphertext.
pub(crate) const HEADER: usize = 40;
/// The largest frame, in bytes.
pub(crate) const MAX_FRAME: usize = HEADER + SEALING + MAX_PAYLOAD;

/// The four bytes that a frame begins with.
pub(crate) const MAGIC: [u8; 4] = *b"EnJ\x01";
/// The four bytes that an erased frame begins with.
pub(crate) const ERASED_MAGIC: [u8; 4] = *b"EnX\x01";
/// Bytes of an erased frame's payload before what stands there instead.
const ERASED_HEAD: usize = 36;
const SEGMENT_MAGIC: [u8; 7] = *b"ENTJSEG";
const SEGMENT_VERSION: u8 = 1;
const CHAIN: usize = 32;
const TAG: usize = 16;
/// How much longer the ciphertext is than the payload.
const SEALING: usize = CHAIN + TAG;

/// A place in the journal: where a frame begins, or the end. Ordered as the frames are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The number of the segment file, from 1.
    pub segment: u32,
    /// The offset in it, in bytes.
    pub offset: u64,
}

impl Position {
    /// Before every frame.
    pub const START: Self = Self { segment: 0, offset: 0 };

    /// Twelve bytes that sort as the positions do.
    pub fn to_bytes(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&self.segment.to_be_bytes());
        bytes[4..].copy_from_slice(&self.offset.to_be_bytes());
        bytes
    }

    /// The inverse of [`Position::to_bytes`].
    pub fn from_bytes(bytes: [u8; 12]) -> Self {
        let [a, b, c, d, offset @ ..] = bytes;
        Self { segment: u32::from_be_bytes([a, b, c, d]), offset: u64::from_be_bytes(offset) }
    }

    /// The place just after the frame here, if its payload has this many bytes. It is what a cursor becomes
    /// once this frame has been applied.
    #[must_use]
    pub fn after(self, payload_len: usize) -> Self {
        Self { segment: self.segment, offset: self.offset.saturating_add(frame_len(payload_len) as u64) }
    }
}

/// Bytes of a whole frame around a payload of this many bytes.
pub(crate) fn frame_len(payload_len: usize) -> usize {
    payload_len.saturating_add(HEADER + SEALING)
}

/// BLAKE3 of a frame's bytes.
pub(crate) type FrameHash = [u8; 32];

/// A frame that was authentic at its place.
pub(crate) struct OpenFrame {
    /// The hash that it names as its predecessor's.
    pub(crate) previous: FrameHash,
    pub(crate) payload: Zeroizing<Vec<u8>>,
    /// The hash of what stood here, if it was erased.
    pub(crate) erased: Option<FrameHash>,
}

/// What the first bytes of a segment file say.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum SegmentHead {
    /// Written by us, with this key.
    Valid,
    /// Written by a later version of this program.
    Newer(u8),
    /// Damaged, half-written or of another key.
    Unreadable,
}

/// Frames could not be sealed (only possible for lengths that the journal refuses before).
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("a frame could not be encrypted")]
pub(crate) struct SealError;

/// Encodes and decodes frames.
pub(crate) struct FrameCodec {
    cipher: XChaCha20Poly1305,
    check_key: Zeroizing<[u8; 32]>,
}

impl FrameCodec {
    pub(crate) fn new(key: &StoreKey) -> Self {
        let cipher_key = key.derive(Purpose::FrameCipher);
        Self {
            cipher: XChaCha20Poly1305::new((&*cipher_key).into()),
            check_key: key.derive(Purpose::FrameCheck),
        }
    }

    /// Appends a frame to `out`, and returns its hash, to which the next one chains.
    pub(crate) fn seal(
        &self,
        at: Position,
        nonce: &[u8; 24],
        previous: &FrameHash,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<FrameHash, SealError> {
        self.seal_as(MAGIC, at, nonce, previous, payload, out)
    }

    /// A frame of the same length as one that stood here, with `instead` for a payload. `None` where it has no room.
    pub(crate) fn seal_erased(
        &self,
        at: Position,
        nonce: &[u8; 24],
        frame: &[u8],
        instead: &[u8],
    ) -> Option<Vec<u8>> {
        let open = self.open(at, frame)?;
        let room = open.payload.len();
        let mut payload = Zeroizing::new(Vec::with_capacity(room));
        payload.extend_from_slice(blake3::hash(frame).as_bytes());
        payload.extend_from_slice(&u32::try_from(instead.len()).ok()?.to_be_bytes());
        payload.extend_from_slice(instead);
        if payload.len() > room {
            return None;
        }
        payload.resize(room, 0);
        let mut out = Vec::new();
        self.seal_as(ERASED_MAGIC, at, nonce, &open.previous, &payload, &mut out).ok()?;
        Some(out)
    }

    fn seal_as(
        &self,
        magic: [u8; 4],
        at: Position,
        nonce: &[u8; 24],
        previous: &FrameHash,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<FrameHash, SealError> {
        let length = u32::try_from(payload.len() + SEALING).map_err(|_| SealError)?.to_be_bytes();
        // No reallocation from here on: it would leave a copy of the plaintext behind.
        out.reserve(frame_len(payload.len()));
        let start = out.len();
        out.extend_from_slice(&magic);
        out.extend_from_slice(&length);
        out.extend_from_slice(&self.header_check(magic, at, length, nonce));
        out.extend_from_slice(nonce);
        let body = out.len();
        out.extend_from_slice(previous);
        out.extend_from_slice(payload);
        let plaintext = out.get_mut(body..).ok_or(SealError)?;
        let tag = self
            .cipher
            .encrypt_inout_detached(&XNonce::from(*nonce), &associated(magic, at), plaintext.into())
            .map_err(|_| SealError)?;
        out.extend_from_slice(&tag);
        let frame = out.get(start..).ok_or(SealError)?;
        Ok(*blake3::hash(frame).as_bytes())
    }

    /// The length of the whole frame whose header is here, if these bytes begin with a header that was written
    /// for this place.
    pub(crate) fn frame_len_at(&self, at: Position, bytes: &[u8]) -> Option<usize> {
        let header: &[u8; HEADER] = bytes.first_chunk()?;
        let (magic, rest) = header.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (check, nonce) = rest.split_first_chunk::<8>()?;
        let ciphertext = u32::from_be_bytes(*length) as usize;
        if ![MAGIC, ERASED_MAGIC].contains(magic) || !(SEALING..=SEALING + MAX_PAYLOAD).contains(&ciphertext)
        {
            return None;
        }
        let expected = self.header_check(*magic, at, *length, nonce.try_into().ok()?);
        bool::from(expected.ct_eq(check)).then_some(HEADER + ciphertext)
    }

    /// Opens a whole frame, whose header [`FrameCodec::frame_len_at`] accepted.
    pub(crate) fn open(&self, at: Position, frame: &[u8]) -> Option<OpenFrame> {
        let (header, sealed) = frame.split_first_chunk::<HEADER>()?;
        let magic: [u8; 4] = *header.first_chunk()?;
        let nonce: [u8; 24] = *header.last_chunk()?;
        let (ciphertext, tag) = sealed.split_last_chunk::<TAG>()?;
        let mut payload = Zeroizing::new(ciphertext.to_vec());
        self.cipher
            .decrypt_inout_detached(
                &XNonce::from(nonce),
                &associated(magic, at),
                payload.as_mut_slice().into(),
                &Tag::from(*tag),
            )
            .ok()?;
        let previous = *payload.first_chunk()?;
        payload.drain(..CHAIN);
        if magic != ERASED_MAGIC {
            return Some(OpenFrame { previous, payload, erased: None });
        }
        let erased: FrameHash = *payload.first_chunk()?;
        let length = u32::from_be_bytes(*payload.get(CHAIN..)?.first_chunk()?) as usize;
        let instead = payload.get(ERASED_HEAD..ERASED_HEAD.checked_add(length)?)?;
        let payload = Zeroizing::new(instead.to_vec());
        Some(OpenFrame { previous, payload, erased: Some(erased) })
    }

    /// The first bytes of a segment file.
    pub(crate) fn segment_header(&self, segment: u32) -> [u8; SEGMENT_HEADER] {
        let mut header = [0; SEGMENT_HEADER];
        header[..7].copy_from_slice(&SEGMENT_MAGIC);
        header[7] = SEGMENT_VERSION;
        header[8..12].copy_from_slice(&segment.to_be_bytes());
        let check = blake3::keyed_hash(&self.check_key, &header[..16]);
        header[16..].copy_from_slice(&check.as_bytes()[..16]);
        header
    }

    /// Reads the first bytes of a segment file. Fewer than [`SEGMENT_HEADER`] are unreadable.
    pub(crate) fn read_segment_header(&self, segment: u32, bytes: &[u8]) -> SegmentHead {
        let Some(header) = bytes.first_chunk::<SEGMENT_HEADER>() else {
            return SegmentHead::Unreadable;
        };
        let version = header[7];
        let checked = blake3::keyed_hash(&self.check_key, &header[..16]);
        if !bool::from(checked.as_bytes()[..16].ct_eq(&header[16..])) {
            return SegmentHead::Unreadable;
        }
        if version > SEGMENT_VERSION {
            return SegmentHead::Newer(version);
        }
        let named = header[8..12] == segment.to_be_bytes() && header[..7] == SEGMENT_MAGIC;
        if named { SegmentHead::Valid } else { SegmentHead::Unreadable }
    }

    fn header_check(&self, magic: [u8; 4], at: Position, length: [u8; 4], nonce: &[u8; 24]) -> [u8; 8] {
        let mut input = [0; 44];
        input[..4].copy_from_slice(&magic);
        input[4..8].copy_from_slice(&length);
        input[8..32].copy_from_slice(nonce);
        input[32..].copy_from_slice(&at.to_bytes());
        let hash = blake3::keyed_hash(&self.check_key, &input);
        let mut check = [0; 8];
        check.copy_from_slice(&hash.as_bytes()[..8]);
        check
    }
}

/// What the ciphertext of a frame is bound to.
fn associated(magic: [u8; 4], at: Position) -> Vec<u8> {
    let mut associated = at.to_bytes().to_vec();
    associated.extend((magic == ERASED_MAGIC).then_some(1));
    associated
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn codec() -> FrameCodec {
        FrameCodec::new(&StoreKey::from_bytes(Zeroizing::new([1; 32])))
    }

    const AT: Position = Position { segment: 3, offset: 777 };

    #[test]
    fn a_frame_opens_only_at_the_place_it_was_written_for() {
        let mut bytes = Vec::new();
        let hash = codec().seal(AT, &[9; 24], &[5; 32], b"payload", &mut bytes).unwrap();
        assert_eq!(bytes.len(), frame_len(7));
        assert_eq!(hash, *blake3::hash(&bytes).as_bytes());
        assert_eq!(codec().frame_len_at(AT, &bytes), Some(bytes.len()));
        let frame = codec().open(AT, &bytes).unwrap();
        assert_eq!((frame.previous, frame.payload.as_slice()), ([5; 32], b"payload".as_slice()));
        for elsewhere in [Position { segment: 4, ..AT }, Position { offset: 778, ..AT }] {
            assert_eq!(codec().frame_len_at(elsewhere, &bytes), None);
            assert!(codec().open(elsewhere, &bytes).is_none());
        }
    }

    #[test]
    fn a_flipped_bit_anywhere_in_a_frame_is_found() {
        let mut bytes = Vec::new();
        codec().seal(AT, &[9; 24], &[5; 32], b"payload", &mut bytes).unwrap();
        for index in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[index] ^= 1;
            let served = codec().frame_len_at(AT, &bad).is_some() && codec().open(AT, &bad).is_some();
            assert!(!served, "byte {index}");
        }
    }

    #[test]
    fn positions_sort_as_their_bytes() {
        let low = Position { segment: 1, offset: u64::MAX };
        let high = Position { segment: 2, offset: 0 };
        assert!(low < high && low.to_bytes() < high.to_bytes());
        assert_eq!(Position::from_bytes(low.to_bytes()), low);
    }

    #[test]
    fn a_segment_header_names_its_version_and_segment() {
        let header = codec().segment_header(7);
        assert_eq!(codec().read_segment_header(7, &header), SegmentHead::Valid);
        assert_eq!(codec().read_segment_header(8, &header), SegmentHead::Unreadable);
        assert_eq!(codec().read_segment_header(7, &header[..31]), SegmentHead::Unreadable);
        let other = FrameCodec::new(&StoreKey::from_bytes(Zeroizing::new([2; 32])));
        assert_eq!(other.read_segment_header(7, &header), SegmentHead::Unreadable);
    }
}
