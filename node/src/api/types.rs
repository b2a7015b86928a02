//! What the local API says: one JSON object for each request and answer, shared by node and CLI.
//!
//! Times are milliseconds since 1970 (UTC), sizes are bytes, ids are 52 letters. Wherever a request takes a
//! partnership, an organisation or a record, its id, an unambiguous beginning of the id, or (for the first
//! two) its name will do. Text that came from partners is passed on as it is: whoever shows it makes control
//! characters visible.

mod verification;

use std::collections::BTreeMap;

use crate::audit::view::TwoFacedView;
use entente_protocol::handling::{Handling, Kind, Language, Onward, Role, Sensitivity};
use entente_protocol::identity::OrgKind;
use entente_protocol::ids::{ActId, NodeId, OrgId, PartnershipId, RecordId, Timestamp};
use serde::{Deserialize, Serialize};

use super::nodes::RevokedView;
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

/// A partnership in a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PartnershipSummary {
    /// Its id.
    pub id: PartnershipId,
    /// Its name.
    pub name: String,
    /// Where we stand.
    pub state: PartnershipState,
    /// Members, ourselves included.
    pub members: usize,
    /// Partners' nodes that are connected now.
    pub connected: usize,
    /// Joins that wait for a steward's approval.
    pub waiting: usize,
    /// Other members that no person here has verified, changed ones included.
    #[serde(default)]
    pub unverified: usize,
    /// Of these, members whose keys changed since: nothing can be shared with them.
    #[serde(default)]
    pub changed: usize,
}

/// Where this organisation stands in a partnership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartnershipState {
    /// Joined, waiting for a steward's approval.
    AwaitingApproval,
    /// A member.
    Member,
    /// Left, or was removed: what is here stays here, nothing new comes.
    Former,
}

/// `POST /v1/partnerships`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewPartnership {
    /// Its name.
    pub name: String,
    /// The agreement, as TOML.
    pub agreement: String,
    /// Our role in it; the organisation's kind if absent.
    #[serde(default)]
    pub role: Option<Role>,
    /// Who signs for the organisation, where a declaration of confidentiality is asked for.
    #[serde(default)]
    pub person: Option<String>,
}

/// The answer to founding or joining.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PartnershipCreated {
    /// Its id.
    pub partnership: PartnershipId,
    /// Where we stand.
    pub state: PartnershipState,
}

/// `GET /v1/partnerships/{p}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PartnershipView {
    /// As in lists.
    #[serde(flatten)]
    pub summary: PartnershipSummary,
    /// Members now, ourselves included.
    pub members_now: Vec<MemberView>,
    /// Joins that wait for approval.
    pub pending: Vec<PendingView>,
    /// Who was a member once.
    pub former: Vec<FormerView>,
    /// Nodes that were revoked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<RevokedView>,
    /// The agreement.
    pub agreement: AgreementView,
    /// Open invitations of this node.
    pub invitations: Vec<InvitationSummary>,
    /// Which version of the agreement is in force: 1 as founded.
    #[serde(default)]
    pub agreement_version: u32,
    /// What was proposed, newest first.
    #[serde(default)]
    pub proposals: Vec<ProposalView>,
    /// Why nothing is exchanged, if so.
    #[serde(default)]
    pub stopped: Vec<StoppedView>,
    /// Why this node must not go on in its log, while that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fenced: Option<String>,
}

/// An agreement on a screen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AgreementView {
    /// Its title.
    pub title: String,
    /// Hash of the exact text, as 52 letters.
    pub hash: String,
    /// The exact text (TOML).
    pub text: String,
    /// In plain sentences.
    pub sentences: Vec<String>,
}

/// A member on a screen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MemberView {
    /// Who.
    #[serde(flatten)]
    pub organisation: OrgView,
    /// The part it plays.
    pub role: Role,
    /// May it invite, approve and remove?
    pub steward: bool,
    /// Is it this node's organisation?
    pub ourselves: bool,
    /// Since when, by the approving steward's clock.
    pub since: Timestamp,
    /// Is one of its nodes connected now?
    pub connected: bool,
    /// When one was last connected, since this node started.
    pub last_seen: Option<Timestamp>,
    /// Its nodes.
    pub nodes: Vec<NodeId>,
    /// Did one of them sign two different entries at one position of its log?
    #[serde(default)]
    pub two_faced: bool,
    /// Why it gets no key now, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_key: Option<String>,
    /// Until when its declaration of confidentiality is good, by the clock of who signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_until: Option<Timestamp>,
    /// How sure this node is that it is who it says; nothing for ourselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<TrustView>,
}

/// A join that waits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PendingView {
    /// Who wants to join, in its own words: check it by another channel.
    #[serde(flatten)]
    pub organisation: OrgView,
    /// In which role.
    pub role: Role,
}

/// A former member.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FormerView {
    /// Who.
    pub id: OrgId,
    /// Its name.
    pub name: String,
    /// `left`, or why it was removed and by whom.
    pub how: String,
}

/// An invitation that this node holds open.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InvitationSummary {
    /// The role that it offers.
    pub role: Role,
    /// Until when, by this node's clock.
    pub expires: Timestamp,
    /// Who used it.
    pub used_by: Option<String>,
}

/// `POST /v1/partnerships/{p}/invitations`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct NewInvitation {
    /// The role offered; the first of the agreement that nobody holds, if absent.
    #[serde(default)]
    pub role: Option<Role>,
    /// Days until it expires.
    #[serde(default)]
    pub days: Option<u64>,
}

/// The answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InvitationCreated {
    /// One line of text to hand over by a channel that both trust.
    pub invitation: String,
    /// The role that it offers.
    pub role: Role,
    /// Until when.
    pub expires: Timestamp,
}

/// `POST /v1/invitations/look` with [`Invited`]: fetches from the inviter what joining would mean.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Invited {
    /// The text of the invitation.
    pub invitation: String,
}

/// What joining would mean.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InvitationView {
    /// The partnership.
    pub partnership: PartnershipId,
    /// Its name.
    pub name: String,
    /// Who invites.
    pub inviter: OrgView,
    /// The role offered; none where our organisation is a member, and this node would be one more of it.
    pub role: Option<Role>,
    /// Until when the invitation is good.
    pub expires: Timestamp,
    /// What one would sign.
    pub agreement: AgreementView,
    /// The declaration of confidentiality that the role has to sign before it gets a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declaration: Option<String>,
}

/// `POST /v1/partnerships/join`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Join {
    /// The text of the invitation.
    pub invitation: String,
    /// The hash of the agreement that the person read and accepts; joining fails if the inviter has another.
    pub agreement: String,
    /// Who signs for the organisation, where a declaration of confidentiality is asked for.
    #[serde(default)]
    pub person: Option<String>,
}

/// `POST /v1/partnerships/{p}/approve`, `/remove`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AboutOrg {
    /// The organisation.
    pub organisation: String,
    /// Why (for a removal; all members will read it).
    #[serde(default)]
    pub reason: Option<String>,
}

/// `POST /v1/partnerships/{p}/decide`: what is to be done. Where one steward is enough it is done at once; where
/// the agreement wants more, it becomes a proposal.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum DecideRequest {
    /// Let a waiting organisation in.
    Approve {
        /// Which.
        organisation: String,
    },
    /// Put a member out.
    Remove {
        /// Which.
        organisation: String,
        /// Why; all members will read it.
        #[serde(default)]
        reason: String,
    },
    /// Give a member another role.
    Role {
        /// Which.
        organisation: String,
        /// One of the agreement's.
        role: Role,
    },
    /// Make a member a steward.
    Promote {
        /// Which.
        organisation: String,
    },
    /// Take a stewardship away.
    Demote {
        /// Which.
        organisation: String,
    },
    /// Propose a new version of the agreement.
    Amend {
        /// TOML.
        agreement: String,
    },
    /// Propose another last day.
    Renew {
        /// The day, such as `"2027-12-31"`.
        last_day: Timestamp,
    },
    /// End the partnership for good.
    Terminate {
        /// Why.
        #[serde(default)]
        reason: String,
    },
    /// Let a member read what is older than its membership.
    Grant {
        /// Which.
        organisation: String,
        /// What.
        what: HistoryChoice,
    },
    /// Sign a proposal.
    Sign {
        /// Which; the only open one if absent.
        #[serde(default)]
        proposal: Option<String>,
    },
    /// Take one's own proposal back.
    Withdraw {
        /// Which; the only open one if absent.
        #[serde(default)]
        proposal: Option<String>,
    },
    /// Stop all exchange at once: an NPM may, alone.
    Suspend {
        /// Why.
        #[serde(default)]
        reason: String,
    },
    /// End one's own suspension.
    Resume {},
    /// Declare confidentiality as the agreement asks.
    Declare {
        /// Who signs for the organisation.
        person: String,
    },
}

/// What a member may read of the time before it came.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HistoryChoice {
    /// Everything that was for all members.
    All,
    /// What was written from a time on.
    From(Timestamp),
    /// These records.
    Records(Vec<String>),
}

/// What came of deciding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Is it in effect?
    pub done: bool,
    /// Else the proposal that waits for more signatures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<ActId>,
    /// How many have signed.
    #[serde(default)]
    pub signed: usize,
    /// How many it wants.
    #[serde(default)]
    pub needed: usize,
}

/// Membership acts for a file: signed, and not secret among members.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ActsFile {
    /// The partnership.
    pub partnership: PartnershipId,
    /// Each act in its exact bytes, base64, in causal order.
    pub acts: Vec<String>,
}

/// What came of taking a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TakenActs {
    /// Acts that were new.
    pub new: usize,
}

/// A proposal on a screen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProposalView {
    /// Its id.
    pub id: ActId,
    /// In a sentence.
    pub what: String,
    /// Who proposed it.
    pub by: String,
    /// When, by the proposer's clock.
    pub time: Timestamp,
    /// `open`, `enacted` or `withdrawn`.
    pub state: String,
    /// Who has signed.
    pub signed: Vec<String>,
    /// Whose signatures are missing, where every member signs.
    pub missing: Vec<String>,
    /// How many it wants.
    pub needed: usize,
    /// `stewards` or `members`.
    pub signers: String,
    /// Does it wait for this organisation?
    pub waits_for_us: bool,
    /// The text of the agreement that is proposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<String>,
}

/// Why nothing is exchanged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoppedView {
    /// `suspended` or `ended`.
    pub how: String,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When, by its clock.
    pub time: Timestamp,
}

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

/// What `GET /v1/records` filters by, as query parameters; `POST /v1/search` takes the same as JSON.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RecordQuery {
    /// Words that must all occur in it, folded for case; only for search.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Only of this partnership.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partnership: Option<String>,
    /// Only of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Only by this organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Only what arrived since (milliseconds since 1970).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// At most so many (1 to 1,000; 50 if absent), newest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A page of records, newest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecordPage {
    /// The records.
    pub records: Vec<RecordSummary>,
    /// Where to go on; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
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
    /// Stable code: `has-it`, `not-a-reader`, `never-shared`, `offline`, `behind`, `unknown`.
    pub code: String,
    /// In words.
    pub words: String,
    /// What to do next.
    pub next: String,
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
    /// The attachments of a record are complete.
    Attachment {
        /// The record.
        record: RecordId,
    },
}
