//! What a set of acts amounts to: who is a member, who asks, who was, and what became of each act.

use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) mod build;
mod view;

use crate::agreement::Agreement;
use crate::handling::Role;
use crate::identity::{Introduced, MemberCard, Organisation};
use crate::ids::{ActId, Hash, LogId, NodeId, OrgId, PartnershipId, Seq, Timestamp};
use crate::membership::acts::{Deed, HistoryGrant};

pub use view::NoKey;

/// The state of a partnership. Only [`Membership::of`] makes one.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Membership {
    /// The partnership.
    pub partnership: PartnershipId,
    /// What it is called.
    pub name: String,
    /// The agreement in force.
    pub agreement: Arc<Agreement>,
    /// Which version that is: 1 as founded.
    pub version: u32,
    /// The act that proposed the version in force; nothing for the first.
    pub amended_by: Option<ActId>,
    /// 00:00 UTC of the last day as renewed, where that differs from what the agreement says.
    pub renewed: Option<Timestamp>,
    /// Proposed versions that not all have signed yet: their narrower limits hold at once.
    pub pending_terms: BTreeMap<ActId, Arc<Agreement>>,
    /// What was proposed.
    pub proposals: BTreeMap<ActId, Proposal>,
    /// Suspensions that hold now: nothing is exchanged while there is one.
    pub suspensions: BTreeMap<ActId, Stopped>,
    /// Set once the partnership was ended for good.
    pub terminated: Option<Stopped>,
    /// Who may read what is older than its membership.
    pub grants: BTreeMap<ActId, HistoryGrant>,
    /// Nodes that are not to be trusted any more.
    pub revoked: BTreeMap<NodeId, Revoked>,
    /// Doors that were opened for more nodes of members.
    pub offices: BTreeMap<ActId, OpenOffice>,
    /// Who belongs to it.
    pub members: BTreeMap<OrgId, Member>,
    /// Who asks to, by join act.
    pub pending: Vec<Pending>,
    /// Who did.
    pub former: BTreeMap<OrgId, Former>,
    /// The places that were opened.
    pub invitations: BTreeMap<ActId, Invitation>,
    /// What became of each act.
    pub verdicts: BTreeMap<ActId, Verdict>,
    /// Names the effective acts that may have changed who is given keys. The same members are not enough to write under
    /// a key that was made before: somebody who came after it and is gone again may have been given it meanwhile.
    pub readership: Hash,
}

/// A member organisation.
#[derive(Clone, PartialEq, Debug)]
pub struct Member {
    /// Its card.
    pub organisation: Organisation,
    /// Its role in the agreement.
    pub role: Role,
    /// Whether it may invite, approve and remove.
    pub steward: bool,
    /// When it was let in, as the approving node's clock claimed.
    pub since: Timestamp,
    /// Its nodes.
    pub nodes: BTreeMap<NodeId, MemberNode>,
    /// The hash of the agreement that it signed last.
    pub signed: Hash,
    /// Whose removals apply first.
    pub rank: Seniority,
    /// Who let it in; itself for the founder.
    pub introduced_by: OrgId,
    /// What it declared, if that is what the agreement asks for.
    pub declared: Option<Declared>,
}

/// A declaration of confidentiality.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Declared {
    /// The person who signed, in the organisation's words.
    pub person: String,
    /// When, by the signer's clock.
    pub time: Timestamp,
    /// Until when it is good, by the signer's clock.
    pub expires: Timestamp,
}

/// A node of a member.
#[derive(Clone, PartialEq, Debug)]
pub struct MemberNode {
    /// Its organisation's card and its certificate.
    pub introduced: Introduced,
    /// Its keys in this partnership.
    pub card: MemberCard,
    /// Its logs that ended, and up to before which position their entries are welcome.
    pub ended: BTreeMap<LogId, Seq>,
    /// When it came in, by its own clock.
    pub since: Timestamp,
}

/// A node that was revoked.
#[derive(Clone, PartialEq, Debug)]
pub struct Revoked {
    /// Whose it was.
    pub org: OrgId,
    /// Who revoked it.
    pub by: OrgId,
    /// Why, in the words of who did it.
    pub reason: String,
    /// When, by the revoking node's clock.
    pub time: Timestamp,
    /// Since when it may have been in other hands.
    pub seized_at: Option<Timestamp>,
    /// Entries of its logs below these positions stay welcome. The strictest of several revocations holds.
    pub cutoff: BTreeMap<LogId, Seq>,
    /// The node.
    pub node: MemberNode,
    /// The acts that revoked it.
    pub acts: Vec<ActId>,
}

/// What was proposed.
#[derive(Clone, PartialEq, Debug)]
pub struct Proposal {
    /// What is to be done.
    pub deed: Deed,
    /// Who proposed it.
    pub by: OrgId,
    /// When, by the proposer's clock.
    pub time: Timestamp,
    /// Who has signed, and when by the signer's clock; the proposer included.
    pub signed: BTreeMap<OrgId, Timestamp>,
    /// Whose signatures count.
    pub signers: Signers,
    /// How many signatures it wants now.
    pub needed: usize,
    /// How it stands.
    pub state: ProposalState,
}

/// Whose signatures count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signers {
    /// Stewards.
    Stewards,
    /// Every member.
    Members,
}

/// How a proposal stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProposalState {
    /// It can be signed, withdrawn or, with enough signatures, enacted.
    Open,
    /// It is in effect.
    Enacted,
    /// Its author took it back.
    Withdrawn,
}

/// Why and since when nothing is exchanged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stopped {
    /// Who did it.
    pub by: OrgId,
    /// Why, in its words.
    pub reason: String,
    /// When, by its clock.
    pub time: Timestamp,
}

/// A door for one more node of a member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenOffice {
    /// Who opened it.
    pub by: OrgId,
    /// Whose node may come.
    pub org: OrgId,
    /// Until when its door is open, by the opener's clock.
    pub expires: Timestamp,
    /// The commitment to its door key.
    pub door: Hash,
    /// The node that came.
    pub used_by: Option<NodeId>,
}

/// An organisation that asks to be let in.
#[derive(Clone, PartialEq, Debug)]
pub struct Pending {
    /// The act to approve.
    pub join: ActId,
    /// The organisation.
    pub organisation: Organisation,
    /// Its node.
    pub node: NodeId,
    /// The role that it asks for.
    pub role: Role,
    /// Whether it would be a steward.
    pub steward: bool,
    /// The invitation that it answers.
    pub invitation: ActId,
    /// Its keys.
    pub card: MemberCard,
}

/// An organisation that was a member.
#[derive(Clone, PartialEq, Debug)]
pub struct Former {
    /// What it was called.
    pub name: String,
    /// How it went.
    pub how: Departure,
    /// Entries of its logs below these positions stay welcome; of logs not listed, what is held stays, and
    /// nothing is added. The strictest of several removals holds.
    pub cutoff: BTreeMap<LogId, Seq>,
    /// The nodes that it had.
    pub nodes: BTreeMap<NodeId, MemberNode>,
    /// Nodes with the cards of admissions that were undone: by these it may still take itself for a member.
    pub returned: Vec<MemberNode>,
    /// The acts by which it went, and those that undid what let it in again.
    pub acts: Vec<ActId>,
}

/// How an organisation went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Departure {
    /// It was put out.
    Removed {
        /// By whom.
        by: OrgId,
        /// Why, in the words of who did it.
        reason: String,
    },
    /// It left.
    Left,
}

/// A place for one organisation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invitation {
    /// Who opened it.
    pub by: OrgId,
    /// The role that goes with it.
    pub role: Role,
    /// Whether stewardship goes with it.
    pub steward: bool,
    /// Until when its door is open, by the inviter's clock.
    pub expires: Timestamp,
    /// The commitment to its door key.
    pub door: Hash,
    /// Who took it.
    pub used_by: Option<OrgId>,
}

/// What became of an act.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It counts.
    Effective,
    /// It does not.
    Void(VoidReason),
}

/// Why an act does not count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum VoidReason {
    /// M1.
    #[error("its author was not a member")]
    NotAMember,
    /// M1.
    #[error("it was signed by a node that is not its organisation's here")]
    NotItsNode,
    /// M2.
    #[error("its author was not a steward")]
    NotASteward,
    /// M3.
    #[error("the agreement has no such role")]
    UnknownRole,
    /// M3.
    #[error("there was no such invitation")]
    NoSuchInvitation,
    /// M4.
    #[error("the invitation was taken by another organisation")]
    InvitationUsed,
    /// M3.
    #[error("another agreement or role was signed than the invitation is for")]
    WrongAgreement,
    /// M3.
    #[error("the organisation was a member already")]
    AlreadyMember,
    /// M3.
    #[error("there was no such request to join")]
    NoSuchJoin,
    /// M5.
    #[error("a key on its card belongs to another organisation")]
    KeyInUse,
    /// M5.
    #[error("the partnership is full")]
    Full,
    /// M7.
    #[error("the chain of approvals back to the founder is too long")]
    TooFarFromFounder,
    /// M6.
    #[error("the organisation to be removed was not a member")]
    NobodyToRemove,
    /// M6.
    #[error("an organisation leaves, it does not remove itself")]
    RemovesItself,
    /// M11.
    #[error("no steward would remain")]
    LastSteward,
    /// M8.
    #[error("its author had been removed or had left when it was made elsewhere")]
    AuthorGone,
    /// M9.
    #[error("the organisation was removed meanwhile; it must ask again")]
    RemovedMeanwhile,
    /// M8.
    #[error("an act that it rests on is void")]
    RestsOnVoid,
    /// M13.
    #[error("the agreement wants more than one steward to sign this: propose it")]
    NeedsSignatures,
    /// M14.
    #[error("the organisation was no member, or was removed meanwhile")]
    NobodyThere,
    /// M15.
    #[error("there was no such node in the partnership")]
    NoSuchNode,
    /// M15, M18.
    #[error("the node that signed it was revoked")]
    NodeRevoked,
    /// M16.
    #[error("its author's stewardship was taken away meanwhile")]
    DemotedMeanwhile,
    /// M17.
    #[error("there was no such proposal")]
    NoSuchProposal,
    /// M17.
    #[error("its organisation had signed the proposal already")]
    AlreadySigned,
    /// M17.
    #[error("the proposal was in effect already")]
    AlreadyDone,
    /// M17.
    #[error("the proposal was taken back")]
    Withdrawn,
    /// M17.
    #[error("too few of those who have to sign it had done so")]
    TooFewSignatures,
    /// M17, M20.
    #[error("only the organisation that began this can end it")]
    NotTheAuthor,
    /// M19.
    #[error("another version of the agreement came into force first")]
    Overtaken,
    /// M20.
    #[error("only an NPM suspends alone")]
    NotAnNpm,
    /// M20.
    #[error("there was no such suspension")]
    NoSuchSuspension,
    /// M21.
    #[error("the log that is to end was not its node's")]
    NoSuchLog,
    /// M22.
    #[error("the agreement does not ask for this declaration, or not for so long")]
    NothingToDeclare,
}

/// How senior a member is: the approvals that lead to it from the founder. Nearer to the founder is more
/// senior; of two let in by the same steward, the one whose approval is lower in the graph. Smaller is more
/// senior. Nobody can place itself: only the approver's own acts tell two of its own apart.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Seniority(Arc<[(u32, ActId)]>);

impl Seniority {
    pub(in crate::membership) fn founder() -> Seniority {
        Seniority(Arc::new([]))
    }

    pub(in crate::membership) fn then(&self, depth: u32, approval: ActId) -> Seniority {
        Seniority(self.0.iter().copied().chain([(depth, approval)]).collect())
    }

    /// How many approvals lead here from the founder.
    #[must_use]
    pub fn distance(&self) -> usize {
        self.0.len()
    }
}

impl Ord for Seniority {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Seniority {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
