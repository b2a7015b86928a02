//! What the API says of how sure this node is of a member, and of the verification of persons.

use entente_protocol::ids::{OrgId, PartnershipId, Timestamp};
use serde::{Deserialize, Serialize};

use super::OrgView;

/// How sure this node is of a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustView {
    /// How sure.
    #[serde(flatten)]
    pub trust: Trust,
    /// The last verification failed in a way that somebody in between would cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<TrustWarning>,
}

/// How sure: its `trust` is the kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "trust", rename_all = "kebab-case")]
pub enum Trust {
    /// Its people read the right code to ours.
    Verified {
        /// When, by this node's clock.
        when: Timestamp,
    },
    /// A steward let it in, and nobody here verified it.
    Introduced {
        /// Which steward.
        by: OrgId,
        /// Its name.
        by_name: String,
        /// Did people here verify that steward?
        by_verified: bool,
    },
    /// Nobody vouches for it.
    Unverified,
    /// Something changed since it was verified: nothing is shared with it until it is verified again.
    Changed {
        /// What, in words.
        what: String,
        /// When it, or who bore its name, was verified.
        since: Timestamp,
    },
}

/// A reason for suspicion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustWarning {
    /// When, by this node's clock.
    pub when: Timestamp,
    /// What happened.
    pub words: String,
}

/// `POST /v1/partnerships/{p}/verify/begin`, `/enter`, `/stop`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VerifyRequest {
    /// The organisation.
    pub organisation: String,
    /// To enter: what the other side read, six digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// How a verification stands: the answer to all of them, and to `GET /v1/partnerships/{p}/verify/{org}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VerificationView {
    /// Where.
    pub partnership: PartnershipId,
    /// Whose.
    pub organisation: OrgView,
    /// Is one of its nodes connected?
    pub connected: bool,
    /// How sure this node is of it.
    pub trust: Option<TrustView>,
    /// How far it is.
    #[serde(flatten)]
    pub stage: VerifyStage,
}

/// How far a verification is: its `stage` is the kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "kebab-case")]
pub enum VerifyStage {
    /// Nobody asks for anything.
    Idle,
    /// A person at the other side has begun, and waits for one here to begin.
    Asked,
    /// A person here has begun, and the other side has not.
    Waiting,
    /// Both can read and type.
    Codes {
        /// To be read out: `123 456`.
        read: String,
        /// Wrong codes that may still be typed.
        tries: u8,
    },
    /// The right code was typed here. The other side may still need ours.
    Verified {
        /// To be read out.
        read: String,
    },
    /// Over without success.
    Ended {
        /// Stable: `timed-out`, `stopped`, `begun-again`, `wrong-codes`, `keys-differ`.
        ending: String,
        /// In words.
        words: String,
    },
}
