//! What the audit says, as programs and people get it.

use entente_protocol::ids::{LogId, NodeId, PartnershipId, Timestamp};
use serde::{Deserialize, Serialize};

/// `GET /v1/audit/verify`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AuditReport {
    /// The logs that were read.
    pub logs: Vec<CheckedLog>,
    /// What is wrong; nothing if all is well.
    pub findings: Vec<Finding>,
}

/// A log that was read from its first entry to its last.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CheckedLog {
    /// Its partnership.
    pub partnership: PartnershipId,
    /// Its name.
    pub partnership_name: String,
    /// Whose log it is.
    pub author: String,
    /// Is it this node's own?
    pub ours: bool,
    /// Is it of a circle of named readers?
    pub circle: bool,
    /// How many entries are here, whole and in order.
    pub entries: u64,
    /// Who acknowledged how much of it.
    pub acknowledged: Vec<Receipt>,
}

/// What a partner acknowledged of a log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Receipt {
    /// Who.
    pub by: String,
    /// How many entries.
    pub entries: u64,
    /// When it came.
    pub arrived: Timestamp,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable code: `deleted`, `edited`, `truncated`, `signature`, `index`, `damaged`, `journal-cut`,
    /// `differs`, `two-faced`, `own-fork`.
    pub code: String,
    /// The partnership, where it concerns one.
    pub partnership: Option<PartnershipId>,
    /// Its name.
    pub partnership_name: Option<String>,
    /// Whose log.
    pub author: Option<String>,
    /// The first entry concerned, counted from 1 as people count.
    pub entry: Option<u64>,
    /// Partners whose word or copy shows it.
    pub witnesses: Vec<String>,
    /// In words.
    pub words: String,
    /// What to do.
    pub next: String,
}

/// A node that signed two different entries at one position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TwoFacedView {
    /// The partnership.
    pub partnership: PartnershipId,
    /// Its name.
    pub partnership_name: String,
    /// Its organisation.
    pub author: String,
    /// The node.
    pub node: NodeId,
    /// Is it this node?
    pub ours: bool,
    /// Its log.
    pub log: LogId,
    /// The position, from 0.
    pub seq: u64,
    /// When the evidence came.
    pub arrived: Timestamp,
}

/// What `GET /v1/audit/show` and `/export` take.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AuditQuery {
    /// Only of this partnership.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partnership: Option<String>,
    /// At most so many (1 to 1,000; 200 if absent), from the oldest on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Only the newest so many, instead of a page; `show` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<usize>,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A page of what happened, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuditPage {
    /// What happened.
    pub happened: Vec<Happening>,
    /// Where to go on; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Something that happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Happening {
    /// Where; nothing for what concerns this node alone.
    pub partnership: Option<PartnershipId>,
    /// Its name.
    #[serde(default)]
    pub partnership_name: String,
    /// `act`, `shared`, `acknowledged`, `refused`, `two-faced`, `staff` or `release`.
    pub kind: String,
    /// Who did it.
    pub who: String,
    /// When: by the clock of who did it for acts, by this node's for everything else.
    pub when: Timestamp,
    /// In words.
    pub words: String,
}

/// A page of the export: one JSON object for each line of the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExportPage {
    /// The lines.
    pub lines: Vec<serde_json::Value>,
    /// Where to go on; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The answer to `POST /v1/audit/acknowledge`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Acknowledged {
    /// Entries that were written; none where nothing was due.
    pub entries: usize,
}
