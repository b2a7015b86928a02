//! Lists of records, and search.

use entente_protocol::handling::{Language, Sensitivity};
use serde::{Deserialize, Serialize};

use super::RecordSummary;

/// What `GET /v1/records` filters by, as query parameters; `POST /v1/search` takes the same as JSON.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RecordQuery {
    /// Words that must all occur in it, whatever their case, accents or digits; of the last one the beginning. At
    /// most [`MAX_WORDS`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Only of this partnership.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partnership: Option<String>,
    /// Only of this kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Only by this organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Only in this language: `ka` is any Georgian, `ka-Latn` only what says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Only what may be read so widely.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sensitivity: Option<Sensitivity>,
    /// Only about a place whose name holds these words, as with `text`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Only what arrived since (milliseconds since 1970).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// Only what arrived before (milliseconds since 1970).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// At most so many (1 to 1,000; 50 if absent), newest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Where the page before ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// Words that can be asked for at once.
pub const MAX_WORDS: usize = 256;

/// A page of records, newest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecordPage {
    /// The records.
    pub records: Vec<RecordSummary>,
    /// Where to go on; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// What was searched; absent where nothing was searched for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub searched: Option<Searched>,
}

/// How far a search reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Searched {
    /// Records that fit, on this page or not.
    pub found: usize,
    /// Records that were searched ...
    pub indexed: usize,
    /// ... of so many. The index is in memory only and is made anew after each start, the newest records first.
    pub of: usize,
    /// Was everything searched?
    pub complete: bool,
    /// Records of which only the first 64 KiB of text were searched.
    pub cut: usize,
}
