//! What the author of a bundle signs: inside the encryption, after all that it is about.

use minicbor::{Decode, Encode};

use crate::codec::{self, Wire};
use crate::derive::BundleHasher;
use crate::ids::{Hash, NodeId, PartnershipId, Timestamp};
use crate::limits::MAX_NODES;
use crate::signed::{Statement, Unverified};

use super::BundleError;

/// What the author of a bundle signs.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct BundleStatement {
    /// The partnership.
    #[n(0)]
    pub partnership: PartnershipId,
    /// The node that made it.
    #[n(1)]
    pub from: NodeId,
    /// The nodes that it is for, sorted.
    #[n(2)]
    pub to: Vec<NodeId>,
    /// When, by the author's clock.
    #[n(3)]
    pub created: Timestamp,
    /// How many messages there are.
    #[n(4)]
    pub messages: u64,
    /// The hash of all of them, in order.
    #[n(5)]
    pub body: Hash,
}

impl Wire for BundleStatement {
    const WHAT: &'static str = "bundle statement";
    const MAX: usize = 256 + 34 * MAX_NODES;
}
impl Statement for BundleStatement {
    const LABEL: &'static str = "bundle";
}

/// A statement that its author signed, about exactly the messages that were read. Only [`super::Reader`] makes
/// one. Whether its author is a member, and whether it is for us, is for the caller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified(BundleStatement);

impl Verified {
    pub(super) fn read(bytes: &[u8], messages: u64, body: &BundleHasher) -> Result<Verified, BundleError> {
        let statement: Unverified<BundleStatement> = codec::decode(bytes)?;
        let signed = statement.verify_self(|s| s.from.0)?;
        let said = signed.value();
        if said.messages != messages || said.body != body.hash() {
            return Err(BundleError::OtherBody);
        }
        if said.to.is_empty() || !said.to.is_sorted_by(|a, b| a < b) {
            return Err(BundleError::Malformed("its readers are out of order"));
        }
        Ok(Verified(said.clone()))
    }

    /// What was said.
    #[must_use]
    pub fn said(&self) -> &BundleStatement {
        &self.0
    }
}
