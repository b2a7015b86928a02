//! Getting the organisation's root key back when its file is gone: from 24 words on paper, or from any two of
//! three shares that trustees hold. Start from [`RootKey`].
//!
//! ```text
//!   organisation.key ──▶ RootKey ──▶ 24 words                      words.rs    (BIP-39)
//!   (a vault file)       │    ▲
//!                        ▼    │
//!                  three shares, any two of which give it back      share.rs, shamir.rs
//!                        │
//!                        └── when that was done, and rehearsed      facts.rs    (in the vault)
//! ```
//!
//! Nothing here writes a key anywhere but [`RootKey::write`].

pub mod facts;
mod root;
mod shamir;
pub mod share;
pub mod words;

pub use facts::{Fact, RecoveryFacts, Rehearsed};
pub use root::{RootKey, RootKeyError};
pub use share::{Share, ShareError};
pub use words::{Slip, Typed, WordsError};
