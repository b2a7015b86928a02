//! What is told of bundles.

use entente_protocol::ids::{LogId, PartnershipId, SpaceId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::api::types::OrgView;

/// A bundle was made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BundleMade {
    /// The file.
    pub file: String,
    /// The partnership.
    pub partnership: PartnershipId,
    /// Who can open it.
    pub readers: Vec<OrgView>,
    /// How many nodes of theirs can.
    pub nodes: usize,
    /// Entries of logs.
    pub entries: u64,
    /// Keys, sealed to each node.
    pub keys: u64,
    /// Attachments.
    pub attachments: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Circles of named readers that are left out, since not everybody who can open the file reads them.
    pub circles_left_out: usize,
}

/// A bundle was taken.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BundleTaken {
    /// The partnership.
    pub partnership: PartnershipId,
    /// Its name.
    pub partnership_name: String,
    /// Who made it.
    pub from: OrgView,
    /// When, by its clock.
    pub made: Timestamp,
    /// Entries that are new here.
    pub entries: u64,
    /// Entries that were here already.
    pub known: u64,
    /// Acts of membership that are new here.
    pub acts: u64,
    /// Attachments that are complete now.
    pub attachments: u64,
    /// What its author holds and this node does not, after it.
    pub missing: Vec<Lacking>,
    /// Attachments of records that are here, which are not here.
    pub attachments_missing: u64,
    /// How far its author holds its own logs.
    #[serde(skip)]
    pub own: Vec<((SpaceId, LogId), u64)>,
    /// Entries that came and are not shown; `sync status` says why.
    pub refused: u64,
}

/// Entries of one author that are not here.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lacking {
    /// Whose.
    pub author: OrgView,
    /// How many.
    pub entries: u64,
}
