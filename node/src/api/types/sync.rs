//! What partners have, and why.

use super::OrgView;
use crate::audit::view::TwoFacedView;
use entente_protocol::ids::{NodeId, PartnershipId, Timestamp};
use serde::{Deserialize, Serialize};

/// `GET /v1/sync`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SyncStatus {
    /// Each partner's node.
    pub partners: Vec<PartnerSync>,
    /// What arrived and is not shown, with its reason.
    pub quarantined: Vec<QuarantineView>,
    /// Nodes that signed two different entries at one position of their log.
    #[serde(default)]
    pub two_faced: Vec<TwoFacedView>,
}

/// How things stand with one partner's node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PartnerSync {
    /// The partnership.
    pub partnership: PartnershipId,
    /// Its name.
    pub partnership_name: String,
    /// The organisation.
    pub organisation: OrgView,
    /// The node.
    pub node: NodeId,
    /// Connected now?
    pub connected: bool,
    /// When it was last connected, since this node started.
    pub last_seen: Option<Timestamp>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// Entries that we hold and it, by its last word, does not.
    pub behind: u64,
    /// Entries that it holds and we do not.
    pub ahead: u64,
    /// The organisation whose node relays what is said with it; absent where nobody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<String>,
    /// Is it reached directly by hole punching: both dialled each other where a relay saw them?
    #[serde(default)]
    pub punched: bool,
    /// Does it relay for its partners, by its own word?
    #[serde(default)]
    pub relays: bool,
    /// Why it takes nothing more from partners, by its own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refuses: Option<String>,
}

/// Something that arrived and is not shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QuarantineView {
    /// Who wrote it.
    pub author: String,
    /// The partnership.
    pub partnership: PartnershipId,
    /// Position in the author's log.
    pub seq: u64,
    /// Stable code.
    pub code: String,
    /// In words.
    pub reason: String,
    /// When.
    pub arrived: Timestamp,
}

/// `GET /v1/sync/explain/{record}/{org}`: why a partner has a record, or has not.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Explanation {
    /// Stable code: `has-it`, `not-a-reader`, `not-given`, `never-shared`, `offline`, `behind`, `quota`, `refused`,
    /// `quarantined`.
    pub code: String,
    /// In words.
    pub words: String,
    /// What to do next.
    pub next: String,
    /// The codes by which the partner's node does not show it, with `refused` and `quarantined`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
}
