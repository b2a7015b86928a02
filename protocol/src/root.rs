//! What an organisation's root key says besides certifying its nodes: that a node is not to be trusted any
//! more, and that a node which lost its place may begin a new log.
//!
//! The root key lies offline, so both are rare: after a raid, and after an old back-up was put back.

use ed25519_dalek::SigningKey;
use minicbor::{Decode, Encode};

use crate::codec::Wire;
use crate::ids::{LogId, NodeId, OrgId, PartnershipId, Timestamp};
use crate::signed::{Statement, Unverified, sign};

/// The root key's word that a node does not speak for the organisation any more, in any partnership. It holds
/// for ever: a node key that was revoked is never certified again.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Revocation {
    /// The organisation.
    #[n(0)]
    pub organisation: OrgId,
    /// The node.
    #[n(1)]
    pub node: NodeId,
    /// When, by the clock of who signed.
    #[n(2)]
    pub time: Timestamp,
}

impl Wire for Revocation {
    const WHAT: &'static str = "node revocation";
    const MAX: usize = 96;
}
impl Statement for Revocation {
    const LABEL: &'static str = "node-revocation";
}

/// The root key's word that a node goes on in a new log, since it cannot know which positions of the old one
/// it used. Without it, whoever stole a back-up could go on in the organisation's name.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct LogRenewal {
    /// The organisation.
    #[n(0)]
    pub organisation: OrgId,
    /// The partnership.
    #[n(1)]
    pub partnership: PartnershipId,
    /// The node.
    #[n(2)]
    pub node: NodeId,
    /// Its new log in the space of all members.
    #[n(3)]
    pub log: LogId,
    /// When, by the clock of who signed.
    #[n(4)]
    pub time: Timestamp,
}

impl Wire for LogRenewal {
    const WHAT: &'static str = "log renewal";
    const MAX: usize = 160;
}
impl Statement for LogRenewal {
    const LABEL: &'static str = "log-renewal";
}

/// Revokes a node.
#[must_use]
pub fn revoke(root: &SigningKey, node: NodeId, time: Timestamp) -> Unverified<Revocation> {
    let organisation = OrgId(root.verifying_key().to_bytes());
    sign(Revocation { organisation, node, time }, root).to_unverified()
}

/// Lets a node go on in a new log.
#[must_use]
pub fn renew_log(
    root: &SigningKey,
    partnership: PartnershipId,
    node: NodeId,
    log: LogId,
    time: Timestamp,
) -> Unverified<LogRenewal> {
    let organisation = OrgId(root.verifying_key().to_bytes());
    sign(LogRenewal { organisation, partnership, node, log, time }, root).to_unverified()
}
