//! What the local API says: one JSON object for each request and answer, shared by node and CLI.
//!
//! Times are milliseconds since 1970 (UTC), sizes are bytes, ids are 52 letters. Wherever a request takes a
//! partnership, an organisation or a record, its id, an unambiguous beginning of the id, or (for the first
//! two) its name will do. Text that came from partners is passed on as it is: whoever shows it makes control
//! characters visible.

mod field;
mod governing;
mod joining;
mod partnership;
mod places;
mod query;
mod record;
mod sync;
mod verification;

use super::nodes::RevokedView;
use entente_protocol::identity::OrgKind;
use entente_protocol::ids::{NodeId, OrgId, PartnershipId, RecordId, Timestamp};
use serde::{Deserialize, Serialize};

pub use field::*;
pub use governing::{
    ActsFile, ChangeView, DecideRequest, Decision, HistoryChoice, ProposalView, StoppedView, TakenActs,
};
pub use joining::{
    AboutOrg, InvitationCreated, InvitationSummary, InvitationView, Invited, Join, NewInvitation,
};
pub use partnership::{
    AgreementView, FormerView, GrantView, MemberView, NewPartnership, OfficeView, PartnershipCreated,
    PartnershipState, PartnershipSummary, PartnershipView, PendingView,
};
pub use places::{AlikeView, PlaceDetail, PlaceName, PlaceView};
pub use query::{MAX_WORDS, RecordPage, RecordQuery, Searched};
pub use record::{
    AnswerRequest, AttachmentStored, AttachmentView, ConsentRequest, DraftInput, Exported, HiddenView,
    Imported, Preview, ReceiptView, Receipts, RecordCreated, RecordSummary, RecordView, RedactRequest,
    ShareRequest, Shared, VersionChange, VersionView, WordsRequest,
};
pub use sync::{Explanation, PartnerSync, QuarantineView, SyncStatus};
pub use verification::{Trust, TrustView, TrustWarning, VerificationView, VerifyRequest, VerifyStage};

/// The version of every object of this API.
pub const API_VERSION: u32 = 1;

/// An error, for people and scripts: what happened, what was not done, what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Stable short code such as `not-found` or `E-FLOW`.
    pub code: String,
    /// What happened.
    pub what: String,
    /// What was not done because of it.
    pub not_done: String,
    /// What to do next, with the command where there is one.
    pub next: String,
    /// The exit code of a command that ends with this: 1 failed, 2 usage, 3 not found, 4 locked, 5 refused by
    /// a rule, 6 findings, 7 queued while offline.
    pub exit: u8,
    /// The refusals, where a rule refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<RefusalView>,
}

/// One rule's no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalView {
    /// Stable code such as `E-FLOW`.
    pub code: String,
    /// In plain words.
    pub reason: String,
}

/// `GET /v1/status`. While locked, only `version`, `locked` and `home` are told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// [`API_VERSION`].
    pub version: u32,
    /// The program's version.
    pub program: String,
    /// Are the keys wiped?
    pub locked: bool,
    /// The folder of this node.
    pub home: String,
    /// Who this is.
    pub organisation: Option<OrgView>,
    /// Twelve words to read to whoever asks whether this is the right organisation.
    #[serde(default)]
    pub fingerprint: Option<String>,
    /// This node's id.
    pub node: Option<NodeId>,
    /// The socket addresses that partners are told.
    pub addresses: Vec<String>,
    /// Since when it runs.
    pub started: Timestamp,
    /// Its partnerships.
    pub partnerships: Vec<PartnershipSummary>,
    /// Nodes in them that were revoked, and since when each may have been in other hands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<RevokedView>,
    /// Records that can be read here, drafts apart.
    pub records: u64,
    /// Own drafts not shared yet.
    pub drafts: u64,
    /// Drafts that wait until others release them.
    #[serde(default)]
    pub releases: u64,
    /// Arrived, stored and not shown: see `sync status`.
    pub quarantined: u64,
    /// Bytes in the journal.
    pub journal_bytes: u64,
    /// Resident memory in bytes, where the system tells.
    pub memory_bytes: Option<u64>,
}

/// An organisation on a screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrgView {
    /// Its id.
    pub id: OrgId,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: OrgKind,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

/// One check of the doctor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was looked at.
    pub name: String,
    /// Fine?
    pub ok: bool,
    /// What was seen.
    pub seen: String,
    /// What to do, where it is not fine.
    pub next: String,
}

/// `POST /v1/unlock`.
#[derive(Serialize, Deserialize)]
pub struct Unlock {
    /// The passphrase.
    pub passphrase: zeroize::Zeroizing<String>,
}

/// One server-sent event of `GET /v1/events`: its `event:` name is `kind`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A record can be read here now.
    Record {
        /// The record.
        record: RecordId,
        /// Nanoseconds since 1970 when it became visible: same-machine benchmarks compare it.
        visible_ns: u64,
    },
    /// Something arrived and was refused.
    Quarantined {
        /// Stable code.
        code: String,
        /// In words.
        reason: String,
    },
    /// Members, pending joins or epochs changed.
    Membership {
        /// Where.
        partnership: PartnershipId,
    },
    /// A partner's node came or went.
    Partner {
        /// Where.
        partnership: PartnershipId,
        /// Which.
        node: NodeId,
        /// Came?
        connected: bool,
    },
    /// A node signed two different entries at one position of its log; both are kept as evidence.
    TwoFaced {
        /// Where.
        partnership: PartnershipId,
        /// Whose log.
        node: NodeId,
        /// The position.
        seq: u64,
    },
    /// A partner asks for verification, or something else about its verification is new.
    Verification {
        /// Where.
        partnership: PartnershipId,
        /// Whose.
        organisation: OrgId,
    },
    /// A node is not to be trusted any more.
    Revoked {
        /// Where.
        partnership: PartnershipId,
        /// Which.
        node: NodeId,
        /// Whose it was.
        organisation: OrgId,
        /// Who revoked it.
        by: OrgId,
        /// Since when it may have been in other hands.
        seized_at: Option<Timestamp>,
    },
    /// An attachment of a record is being fetched.
    Fetching {
        /// The record.
        record: RecordId,
        /// Chunks of 64 KiB that are here.
        here: u64,
        /// All its chunks.
        chunks: u64,
    },
    /// The attachments of a record are complete.
    Attachment {
        /// The record.
        record: RecordId,
    },
}
