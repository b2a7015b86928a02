//! Partnerships, their agreement and members.

use super::super::nodes::RevokedView;
use super::{InvitationSummary, OrgView, ProposalView, StoppedView, TrustView};
use entente_protocol::handling::Role;
use entente_protocol::ids::{NodeId, OrgId, PartnershipId, Timestamp};
use serde::{Deserialize, Serialize};

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
    /// What newcomers may read from before they came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<GrantView>,
    /// Doors that wait for another node of a member.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offices: Vec<OfficeView>,
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

/// A grant of history.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GrantView {
    /// The member that may read more than newcomers may.
    pub organisation: String,
    /// In a sentence.
    pub what: String,
}

/// A door for another node of a member.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OfficeView {
    /// Whose node may come.
    pub organisation: String,
    /// Until when.
    pub expires: Timestamp,
}
