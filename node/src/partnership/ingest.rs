//! The way of a record into this node.
//!
//! ```text
//! batch ──chain and log signature──▶ known, in order ──journal──▶ acknowledged
//!       ──open──▶ author's signature ──permit──▶ index ──▶ shown            (apply.rs, open.rs)
//! ```
//! What fails after storing is quarantined with its reason, and reported; never dropped in silence.

use entente_protocol::log::{Batch, LogError};

use crate::clock;
use crate::frames::Frame;

use super::state::State;

/// Why a batch was not taken.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// A log that is not known here.
    #[error("entries of a log that is not known here")]
    UnknownLog,
    /// The chain or the signature.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Checks that a batch continues our copy of a log; the log's queued head moves on, the journal is for the
/// caller.
///
/// # Errors
/// [`IngestError`]; then nothing was changed.
pub fn verify(state: &mut State, batch: Batch) -> Result<Vec<Frame>, IngestError> {
    let id = state.id;
    let log = state.logs.get_mut(&(batch.space, batch.log)).ok_or(IngestError::UnknownLog)?;
    let verified = batch.verify(&log.queued)?;
    log.queued = verified.head();
    let arrived = clock::now();
    Ok(verified.into_entries().into_iter().map(|entry| Frame::Entry(id, entry, arrived)).collect())
}
