//! Bundles on this node: what partners lack, in one file for a USB stick, and the way back.
//!
//! [`export`] asks the partnership's driver for a plan and writes it; [`import`] finds out whether a file is for this
//! node, checks all of it, and gives message after message to the driver, which takes them as from the network.
//! The format is `entente_protocol::bundle`. Both run on a blocking thread and hold a message at a time.

mod attachments;
mod export;
mod import;
mod read;
mod view;

use std::io;
use std::path::PathBuf;

use entente_protocol::bundle::BundleError;
use entente_protocol::codec::DecodeError;

use crate::partnership::CommandError;

pub use export::{Export, export, parcel};
pub use import::{import, take};
pub use view::{BundleMade, BundleTaken, Lacking};

/// Why a bundle was not made.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The file.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The partnership.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The form.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// Randomness.
    #[error("the system gives no randomness: {0}")]
    Random(#[from] getrandom::Error),
}

/// Why a bundle was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// No slot opens.
    #[error(
        "the file is no bundle for this node: it was made for others, or for a key that this node deleted \
         long ago, or its beginning is damaged"
    )]
    NotForUs,
    /// It is damaged, cut off, or was changed.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// It names others as its readers: somebody sealed it anew for us.
    #[error("the bundle was made for other nodes than this one, and somebody sealed it anew")]
    OtherNode,
    /// Its statement is about another partnership than the key that opens it.
    #[error("the bundle is of another partnership")]
    OtherPartnership,
    /// Who made it is no member now.
    #[error("the bundle was made by a node that is no member of the partnership now")]
    NotAMember,
    /// It speaks another version of the protocol.
    #[error("the bundle is of version {0} of the protocol, which this program does not speak")]
    Version(u32),
    /// A message in it, though its author signed it.
    #[error("the bundle holds something that its author should not have signed: {0}")]
    Message(#[from] DecodeError),
    /// The partnership.
    #[error(transparent)]
    Command(#[from] CommandError),
}
