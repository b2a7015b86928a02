//! What the API says about staff and releases.

use entente_protocol::handling::{Kind, Sensitivity};
use entente_protocol::ids::{PartnershipId, RecordId, Timestamp};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::api::types::{OrgView, Shared};

use super::{ReleaseId, StaffRole};

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffView {
    /// What its holder is called.
    pub name: String,
    /// What they may do.
    pub role: StaffRole,
    /// When it was made.
    pub made: Timestamp,
}

/// `GET /v1/staff`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StaffList {
    /// Who asks.
    pub you: String,
    /// What they may do.
    pub role: StaffRole,
    /// The accounts in use, by name. Who has the token in the node's folder is the keeper beside them.
    pub accounts: Vec<StaffView>,
}

/// `POST /v1/staff`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewStaff {
    /// What its holder is called.
    pub name: String,
    /// What they may do.
    pub role: StaffRole,
}

/// `POST /v1/staff/{name}/role`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRole {
    /// What they may do from now on.
    pub role: StaffRole,
}

/// An account and its token, which is told this one time. A secret.
#[derive(Serialize, Deserialize)]
pub struct StaffToken {
    /// The account.
    pub account: StaffView,
    /// The token.
    pub token: Zeroizing<String>,
}

/// Whether others must release a record before it is shared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseNeeded {
    /// How many persons must want it, who asks included.
    pub wanted: u8,
    /// How many have said so already.
    pub released: u8,
    /// The release that waits, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseId>,
    /// Who can release it besides who asks.
    pub by: Vec<String>,
    /// In words.
    pub words: String,
}

/// How far a release is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseState {
    /// It waits for others.
    Waiting,
    /// Draft, readers or agreement have changed: it must be asked for anew.
    Changed,
    /// It was shared.
    Shared,
    /// Somebody said no.
    Declined,
    /// It was taken back.
    Withdrawn,
    /// It was asked for anew.
    Replaced,
}

/// Somebody who wants a record to be shared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkView {
    /// Who.
    pub by: String,
    /// When.
    pub when: Timestamp,
    /// Does it count? It does not where the account was removed, or its role is too small now.
    pub counts: bool,
}

/// A record that somebody wants to share, and others must release.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReleaseView {
    /// Which.
    pub id: ReleaseId,
    /// The draft.
    pub draft: RecordId,
    /// What it is called.
    pub title: String,
    /// What it is; nothing where the draft is not here any more.
    pub kind: Option<Kind>,
    /// Its class.
    pub sensitivity: Option<Sensitivity>,
    /// Where it is to be shared.
    pub partnership: PartnershipId,
    /// Its name.
    pub partnership_name: String,
    /// Who would be able to read it, besides ourselves.
    pub readers: Vec<OrgView>,
    /// How far it is.
    pub state: ReleaseState,
    /// Why it must be asked for anew, why it was declined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many persons must want it, who asked included.
    pub wanted: u8,
    /// Who does: first who asked.
    pub marks: Vec<MarkView>,
    /// Who can release it; empty once it is over.
    pub can_release: Vec<String>,
    /// Who ended it, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<EndedView>,
}

/// How a release ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EndedView {
    /// Who did.
    pub by: String,
    /// When.
    pub when: Timestamp,
    /// The record's id in the partnership, where it was shared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<RecordId>,
}

/// What came of a wish to share, or of a release.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Outcome {
    /// It is shared.
    Shared(Shared),
    /// It waits for others.
    Waiting {
        /// What waits.
        release: Box<ReleaseView>,
    },
}

/// `GET /v1/releases`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ReleaseQuery {
    /// Those that are over as well, the last first.
    #[serde(default)]
    pub all: bool,
}

/// `POST /v1/releases/{id}/decline`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declining {
    /// Why, for who asked.
    pub reason: String,
}
