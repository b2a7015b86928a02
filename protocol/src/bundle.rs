//! Bundles: what one node tells another over the network, in a file that is carried by hand.
//!
//! ```text
//!  file   = slot 0 ‖ slot 1 ‖ … ‖ chunk 0 ‖ chunk 1 ‖ … ‖ last chunk                     nothing in the clear
//!  slot   = HPKE (X-Wing) to one reading node's prekey: file key (32) ‖ number of slots (2)      1,170 bytes
//!  chunk  = 64 KiB of the body, XChaCha20-Poly1305 under a key from the file key, nonce = its number, AAD = is
//!           it the last (STREAM: Hoang, Reyhanitabar, Rogaway, Vizár 2015)
//!  body   = item ‖ item ‖ … ‖ statement ‖ zeroes, up to the length of Padmé
//!  item   = 1 ‖ length (4) ‖ sync message          statement = 2 ‖ length (4) ‖ signed BundleStatement
//! ```
//! The messages are those of [`crate::sync`], and what they carry is verified as if it had come over the network:
//! who may read a bundle can add nothing to it that it could not say anyway. The statement names partnership,
//! author and readers *inside* the encryption and is signed by the author's node, so that a bundle that somebody
//! seals anew for others, or cuts, is not taken for what its author made.
//!
//! A reader tries its prekeys on one slot after the other: no slot says whose it is. Slots are made up to a power
//! of two with slots of nobody.

mod body;
mod slot;
mod statement;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

pub use body::{Composer, Reader};
pub use slot::{FileKey, SLOT_LEN, open_slot, seal_slots};
pub use statement::{BundleStatement, Verified};

use crate::chunk::ChunkError;
use crate::codec::DecodeError;
use crate::signed::VerifyError;

/// Why a bundle was not made, or not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// More readers than there can be nodes.
    #[error("a bundle has at least one reader and at most {} of them", crate::limits::MAX_NODES)]
    Readers,
    /// A prekey is not an X-Wing key.
    #[error("a reader's prekey is not a valid X-Wing key")]
    Prekey,
    /// Larger than a bundle can be.
    #[error("the bundle would be larger than 64 GiB: leave attachments out, or export for fewer partners")]
    TooLarge(#[from] ChunkError),
    /// A chunk was changed, moved, or is missing.
    #[error("the bundle is damaged or was changed: a part of it does not open")]
    Changed,
    /// It ends before its end.
    #[error("the bundle is cut off: its end is missing")]
    CutOff,
    /// What was decrypted has another form.
    #[error("the bundle is malformed: {0}")]
    Malformed(&'static str),
    /// The statement does not decode.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The statement is not signed by who it names.
    #[error(transparent)]
    Signature(#[from] VerifyError),
    /// The statement is about another body.
    #[error("what the bundle holds is not what its author signed")]
    OtherBody,
}
