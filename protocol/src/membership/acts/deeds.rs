//! What can be decided, and what a node or an NPM says about itself: the parts of the acts that came after
//! inviting, joining, approving, removing and leaving.

use minicbor::{Decode, Encode};

use super::Remove;
use crate::handling::Role;
use crate::identity::{Introduction, MemberCard};
use crate::ids::{ActId, Hash, LogId, NodeId, OrgId, Seq, Timestamp};
use crate::root::{LogRenewal, Revocation};
use crate::signed::Unverified;

/// Records that one grant may name: an annual selection. More are another grant.
pub const MAX_GRANTED_RECORDS: usize = 1_024;

/// What one steward does alone, or several sign for: how many, the agreement says.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Deed {
    /// Lets an organisation in.
    #[n(0)]
    Approve {
        /// The join that is approved.
        #[n(0)]
        join: ActId,
    },
    /// Puts an organisation out.
    #[n(1)]
    Remove(#[n(0)] Remove),
    /// Gives a member another role.
    #[n(2)]
    Role {
        /// Who.
        #[n(0)]
        org: OrgId,
        /// One of the agreement's roles.
        #[n(1)]
        role: Role,
    },
    /// Makes a member a steward, or takes the stewardship away.
    #[n(3)]
    Steward {
        /// Who.
        #[n(0)]
        org: OrgId,
        /// Is it to be one?
        #[n(1)]
        steward: bool,
    },
    /// A new version of the agreement. Every member signs.
    #[n(4)]
    Amend(#[n(0)] Amend),
    /// Another last day. Every member signs.
    #[n(5)]
    Renew {
        /// 00:00 UTC of the last day on which the agreement holds.
        #[n(0)]
        last_day: Timestamp,
    },
    /// Ends the partnership for good.
    #[n(6)]
    Terminate {
        /// Why, for people.
        #[n(0)]
        reason: String,
    },
    /// Lets a member read what is older than its membership.
    #[n(7)]
    Grant(#[n(0)] HistoryGrant),
}

/// A new version of the agreement.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Amend {
    /// The founding act brought version 1; each amendment counts one on.
    #[n(0)]
    pub version: u32,
    /// The exact text (TOML).
    #[n(1)]
    pub text: String,
}

/// What a member may read of the time before it came.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct HistoryGrant {
    /// Who.
    #[n(0)]
    pub org: OrgId,
    /// What.
    #[n(1)]
    pub scope: HistoryScope,
}

/// How much of the past.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum HistoryScope {
    /// Everything that was for all members.
    #[n(0)]
    All,
    /// What was written from a time on, by its authors' clocks.
    #[n(1)]
    From(#[n(0)] Timestamp),
    /// These entries. Sorted, each once, at most [`MAX_GRANTED_RECORDS`].
    #[n(2)]
    Records(#[n(0)] Vec<(LogId, Seq)>),
}

/// A door for one more node of a member.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Office {
    /// The member whose node it will be. Its root key's certificate is what admits the node; any member's node
    /// may open the door, since an organisation can have lost all of its own.
    #[n(0)]
    pub org: OrgId,
    /// [`crate::derive::door_commitment`] of the one-use door key.
    #[n(1)]
    pub door: Hash,
    /// Until when the door is open. Doors and people mind it, the fold does not.
    #[n(2)]
    pub expires: Timestamp,
}

/// One more node of a member, in its own words.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct AddNode {
    /// The [`Office`] that is answered.
    #[n(0)]
    pub office: ActId,
    /// The organisation's card, and the root key's certificate for this node.
    #[n(1)]
    pub introduction: Introduction,
    /// The node's keys here.
    #[n(2)]
    pub card: Unverified<MemberCard>,
}

/// A node is not to be trusted any more.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct RevokeNode {
    /// Which.
    #[n(0)]
    pub node: NodeId,
    /// Why, for people; at most [`super::MAX_REASON`] bytes, no control characters.
    #[n(1)]
    pub reason: String,
    /// Since when it may have been in other hands, where that is known. Shown, never judged.
    #[n(2)]
    pub seized_at: Option<Timestamp>,
    /// Entries of its logs below these positions stay welcome; what comes later is not shown. Sorted by log,
    /// each once.
    #[n(3)]
    pub cutoff: Vec<(LogId, Seq)>,
    /// The root key's word, where neither a sibling nor a steward revokes.
    #[n(4)]
    pub root: Option<Unverified<Revocation>>,
}

/// A node that cannot know which positions of its log it used goes on in a new one.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct NewLog {
    /// Its keys here from now on: another log, the rest as it was or new.
    #[n(0)]
    pub card: Unverified<MemberCard>,
    /// The root key's word.
    #[n(1)]
    pub certificate: Unverified<LogRenewal>,
    /// The log that ends.
    #[n(2)]
    pub ended: LogId,
    /// Entries of the log that ends stay welcome below this position: as far as partners hold it.
    #[n(3)]
    pub cutoff: Seq,
}
