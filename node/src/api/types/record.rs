//! Records, drafts and attachments.

use super::{OrgView, RefusalView};
use entente_protocol::handling::{Handling, Kind, Language, Onward, Sensitivity};
use entente_protocol::ids::{OrgId, PartnershipId, RecordId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A draft as people and scripts write it; `POST /v1/records`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DraftInput {
    /// The kind of record.
    pub kind: Kind,
    /// BCP 47 language tag of the text.
    #[serde(default)]
    pub language: Option<Language>,
    /// The fields: text, whole numbers, true or false, lists and tables of them.
    pub fields: BTreeMap<String, serde_json::Value>,
    /// The kind's default if absent.
    #[serde(default)]
    pub sensitivity: Option<Sensitivity>,
    /// Careful defaults if absent.
    #[serde(default)]
    pub handling: Option<Handling>,
    /// An own record that this one corrects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<RecordId>,
    /// The record that this one answers.
    #[serde(default)]
    pub replies_to: Option<RecordId>,
    /// Attachments: over the API, ids that `POST /v1/attachments` gave; in files for the CLI, paths.
    #[serde(default)]
    pub attachments: Vec<String>,
}

/// The answer to a new draft.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecordCreated {
    /// The record.
    pub record: RecordId,
    /// What is odd about it; it is kept all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// `POST /v1/records/import` takes a list of drafts; this is the answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Imported {
    /// The drafts made, in order.
    pub records: Vec<RecordId>,
}

/// The answer to `POST /v1/attachments?name=…&type=…` with the file as body.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AttachmentStored {
    /// To be named in a draft.
    pub attachment: String,
    /// Bytes stored.
    pub size: u64,
}

/// `POST /v1/records/{id}/preview` and `/share`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShareRequest {
    /// Where.
    pub partnership: String,
    /// The readers, besides ourselves; all members if absent. An empty list means nobody, and is refused.
    #[serde(default)]
    pub readers: Option<Vec<String>>,
    /// Refuse unless exactly so many organisations besides ourselves could read it.
    #[serde(default)]
    pub expect_readers: Option<usize>,
    /// Share attachments with all that they tell beside their contents (C8).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_metadata: bool,
}

/// Who could read a record if it were shared so.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Preview {
    /// The organisations besides ourselves that will hold a key, computed from the keys.
    pub readers: Vec<OrgView>,
    /// Why each: which clause, which key.
    pub because: Vec<String>,
    /// What will be left out of the shared copy.
    pub stripped: Vec<String>,
    /// How far they may pass it on.
    pub onward: Onward,
    /// Why it cannot be shared so; empty if it can.
    pub refusals: Vec<RefusalView>,
    /// What to know of readers that no person here has verified.
    #[serde(default)]
    pub unverified: Vec<String>,
    /// What each attachment tells beside its contents, and what becomes of that.
    #[serde(default)]
    pub hidden: Vec<HiddenView>,
    /// Whether others must release it first, and how many have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<crate::desk::view::ReleaseNeeded>,
}

/// What an attachment tells beside its contents.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HiddenView {
    /// Its number in the record, from 0.
    pub number: usize,
    /// The file's name.
    pub name: String,
    /// Its size, bytes.
    pub size: u64,
    /// What it tells, and what sharing does with that.
    #[serde(flatten)]
    pub report: crate::metadata::Report,
}

/// The answer to `/share`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Shared {
    /// The record's id in this partnership.
    pub record: RecordId,
    /// Who can read it besides ourselves.
    pub readers: Vec<OrgId>,
    /// Their names, in the same order.
    pub reader_names: Vec<String>,
    /// Connected partners' nodes it is being sent to now; the others get it when they are back.
    pub sent_to: usize,
    /// Milliseconds from request to durable.
    pub took_ms: f64,
}

/// A record in a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecordSummary {
    /// Its id.
    pub id: RecordId,
    /// Its kind.
    pub kind: Kind,
    /// The author; ourselves for a draft.
    pub author: OrgView,
    /// The partnership, or none for a draft.
    pub partnership: Option<PartnershipId>,
    /// Its name.
    pub partnership_name: Option<String>,
    /// The author's date.
    pub created: Timestamp,
    /// When it came to be stored here.
    pub arrived: Timestamp,
    /// Language of the text.
    pub language: Language,
    /// How widely it may be read.
    pub sensitivity: Sensitivity,
    /// Its title, or the beginning of its text.
    pub title: String,
    /// Number of attachments.
    pub attachments: usize,
}

/// `GET /v1/records/{id}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecordView {
    /// As in lists.
    #[serde(flatten)]
    pub summary: RecordSummary,
    /// The fields, in the author's order.
    pub fields: Vec<(String, serde_json::Value)>,
    /// How it may be handled.
    pub handling: Handling,
    /// The record that it answers.
    pub replies_to: Option<RecordId>,
    /// The organisations that can read it, ourselves included.
    pub readers: Vec<OrgView>,
    /// `draft`, or what was verified, in words.
    pub verified: String,
    /// Where a draft was shared to, and under which ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shared_as: Vec<(PartnershipId, RecordId)>,
    /// Its attachments.
    pub attachment_list: Vec<AttachmentView>,
    /// What became of it, what it refers to, and what is odd about it.
    #[serde(default)]
    pub about: super::AboutRecord,
    /// Who asked to pass it on, and what its author answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub said: Vec<String>,
}

/// An attachment on a screen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AttachmentView {
    /// Its number in the record, from 0.
    pub number: usize,
    /// The file's name as the author gave it.
    pub name: String,
    /// Its media type as the author gave it.
    pub media_type: String,
    /// Its size.
    pub size: u64,
    /// Is all of it here?
    pub complete: bool,
}

/// The answer to exporting: a signed copy that verifies offline.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Exported {
    /// The file's bytes, base64.
    pub file: String,
}

/// `POST /v1/records/{id}/redact`: what to leave out of a copy.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedactRequest {
    /// Fields to leave out.
    pub fields: Vec<String>,
    /// Fields to leave out, and our words in their place.
    pub replace: BTreeMap<String, String>,
    /// Attachments to leave out, by number.
    pub attachments: Vec<usize>,
    /// Do not say what the parts left out are called.
    pub nameless: bool,
    /// Why, for whoever reads the copy.
    pub reason: Option<String>,
    /// The use that it is for, a term of `consent-use`, where the record tells of a person; `anonymised-publication`
    /// if absent.
    #[serde(default)]
    pub purpose: Option<String>,
}

/// `POST /v1/records/{id}/withdraw` and `/ask`: why, or what for.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WordsRequest {
    /// In words, at most 1,000 bytes.
    pub words: String,
}

/// `POST /v1/records/{id}/answer`: may an organisation pass a record of ours on?
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerRequest {
    /// Which.
    pub organisation: String,
    /// May it?
    pub yes: bool,
    /// In words, at most 1,000 bytes.
    #[serde(default)]
    pub words: String,
}

/// `POST /v1/consents/end`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentRequest {
    /// The reference by which records name the consent.
    pub consent: String,
}

/// `GET /v1/records/{id}/receipts`: who has erased a record that was withdrawn or expired.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Receipts {
    /// The record.
    pub record: RecordId,
    /// `withdrawn` or `expired`.
    pub cause: String,
    /// Why, as the author said.
    pub reason: String,
    /// When it was erased on this node.
    pub erased_here: Option<Timestamp>,
    /// Whoever could read it, besides ourselves.
    pub readers: Vec<ReceiptView>,
}

/// One reader of a record that was withdrawn or expired.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReceiptView {
    /// Who.
    pub organisation: OrgView,
    /// When its signed receipt came.
    pub confirmed: Option<Timestamp>,
    /// Is it still a member, so that it can be asked at all?
    pub reachable: bool,
}

/// One version of a record; `GET /v1/records/{id}/versions` lists them, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VersionView {
    /// As in lists.
    #[serde(flatten)]
    pub summary: RecordSummary,
    /// The version that it corrects.
    pub supersedes: Option<RecordId>,
    /// What it changed.
    pub changes: Vec<VersionChange>,
}

/// A field that a version changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VersionChange {
    /// Its name.
    pub field: String,
    /// What it said before; absent if it is new.
    pub before: Option<serde_json::Value>,
    /// What it says now; absent if it was taken out.
    pub now: Option<serde_json::Value>,
}
