//! Decisions, and what waits for signatures.

use entente_protocol::handling::Role;
use entente_protocol::ids::{ActId, PartnershipId, Timestamp};
use serde::{Deserialize, Serialize};

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
    /// What it changes in the agreement that is in force.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<ChangeView>,
}

/// A change of the agreement.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChangeView {
    /// `narrower`, `wider` or `words`.
    pub effect: String,
    /// Does it hold as soon as it is proposed?
    pub at_once: bool,
    /// In words.
    pub sentence: String,
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
