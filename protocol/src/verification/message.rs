//! What two nodes say to each other while their people verify each other.

use minicbor::{Decode, Encode};

use crate::ids::Hash;

/// One message about a verification; it travels inside [`crate::sync::Message`].
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum VerifyMessage {
    /// A person here has begun: a commitment to a nonce ([`crate::derive::verify_commitment`]).
    #[n(0)]
    Commit(#[n(0)] Hash),
    /// Both have committed: the commitment, and the nonce that it binds to.
    #[n(1)]
    Reveal(
        #[n(0)] Hash,
        #[n(1)]
        #[cbor(with = "minicbor::bytes")]
        [u8; 32],
    ),
    /// The person here stopped the run that began with this commitment, or it took too long.
    #[n(2)]
    Stop(#[n(0)] Hash),
}
