//! Invitations, and who comes by them.

use super::{AgreementView, OrgView};
use entente_protocol::handling::Role;
use entente_protocol::ids::{PartnershipId, Timestamp};
use serde::{Deserialize, Serialize};

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
