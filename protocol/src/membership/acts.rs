//! What members say about membership, and the check that turns received bytes into a [`VerifiedAct`].
//!
//! ```text
//! bytes ──decode──▶ Unverified<ActBody> ──verify_act──▶ VerifiedAct ──insert──▶ ActGraph ──of──▶ Membership
//!                                          (signatures, form)       (parents known)   (authority)
//! ```
//! A [`VerifiedAct`] is well-formed and signed by whom it names. Whether it has any *effect* is for the fold
//! to say.

mod author;
mod deeds;
mod form;

use minicbor::{Decode, Encode};

use crate::agreement::{Agreement, AgreementError, AgreementSignature};
use crate::codec::Wire;
use crate::declaration::Declaration;
use crate::derive;
use crate::handling::Role;
use crate::identity::{Introduced, Introduction, IntroductionError, MemberCard};
use crate::ids::{ActId, Hash, LogId, NodeId, OrgId, PartnershipId, Seq, Timestamp};
use crate::limits;
use crate::signed::{Signed, Statement, Unverified, VerifyError};

pub use author::{
    Accepted, Author, Founding, add_node, approve, decide, declare, enact, found, invite, join, leave,
    new_log, office, propose, remove, resume, revoke_node, sign_proposal, suspend, withdraw,
};
pub use deeds::{
    AddNode, Amend, Deed, HistoryGrant, HistoryScope, MAX_GRANTED_RECORDS, NewLog, Office, RevokeNode,
};
pub(super) use form::has_role;

/// The reason given for a removal, in bytes of UTF-8: a paragraph; longer explanations are records.
pub const MAX_REASON: usize = 1_000;
/// Logs that one removal may name: an organisation has a few nodes, each with one log here.
pub const MAX_CUTOFFS: usize = 64;
/// The partnership that a founder's card names, since its own id is the hash of what holds the card.
pub const NOT_YET: PartnershipId = PartnershipId([0; 32]);

/// What an act does. New variants go at the end; an older program refuses them by name when decoding.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Act {
    /// Begins a partnership; its author is the first steward.
    #[n(0)]
    Found(#[n(0)] Box<Found>),
    /// Opens one place for one organisation.
    #[n(1)]
    Invite(#[n(0)] Invite),
    /// Asks for the place, and signs the agreement.
    #[n(2)]
    Join(#[n(0)] Box<Join>),
    /// Lets the organisation in.
    #[n(3)]
    Approve {
        /// The join that is approved.
        #[n(0)]
        join: ActId,
    },
    /// Puts an organisation out.
    #[n(4)]
    Remove(#[n(0)] Remove),
    /// Goes.
    #[n(5)]
    Leave {
        /// Entries of its logs below these positions stay welcome: all that it wrote, in its own word. Sorted by log,
        /// each once; nothing in acts of before this was said, which end its logs where they are held.
        #[n(0)]
        cutoff: Option<Vec<(LogId, Seq)>>,
    },
    /// Does what the agreement lets one steward do alone: any deed but approving and removing, which are acts
    /// of their own, and amending and renewing, which every member signs.
    #[n(6)]
    Decide(#[n(0)] Box<Deed>),
    /// Proposes what several have to sign. The author's signature is the first.
    #[n(7)]
    Propose(#[n(0)] Box<Deed>),
    /// Signs a proposal.
    #[n(8)]
    Sign {
        /// The [`Act::Propose`].
        #[n(0)]
        proposal: ActId,
    },
    /// Takes one's own proposal back.
    #[n(9)]
    Withdraw {
        /// The [`Act::Propose`].
        #[n(0)]
        proposal: ActId,
    },
    /// Puts a proposal into effect that enough have signed. Confers nothing on its author.
    #[n(10)]
    Enact {
        /// The [`Act::Propose`].
        #[n(0)]
        proposal: ActId,
    },
    /// Stops all exchange at once: an NPM may, alone.
    #[n(11)]
    Suspend {
        /// Why, for people.
        #[n(0)]
        reason: String,
    },
    /// Ends one's own suspension.
    #[n(12)]
    Resume {
        /// The [`Act::Suspend`].
        #[n(0)]
        suspension: ActId,
    },
    /// Opens a door for one more node of a member.
    #[n(13)]
    Office(#[n(0)] Office),
    /// One more node of a member comes in.
    #[n(14)]
    AddNode(#[n(0)] Box<AddNode>),
    /// A node is not to be trusted any more.
    #[n(15)]
    RevokeNode(#[n(0)] Box<RevokeNode>),
    /// A node that lost its place goes on in a new log.
    #[n(16)]
    NewLog(#[n(0)] Box<NewLog>),
    /// Declares confidentiality (again).
    #[n(17)]
    Declare(#[n(0)] Unverified<Declaration>),
}

/// The beginning of a partnership.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Found {
    /// What the partnership is called.
    #[n(0)]
    pub name: String,
    /// The exact text (TOML) of the agreement.
    #[n(1)]
    pub agreement: String,
    /// The founder's role in it.
    #[n(2)]
    pub role: Role,
    /// Who founds.
    #[n(3)]
    pub introduction: Introduction,
    /// The founding node's keys here; it names the partnership [`NOT_YET`].
    #[n(4)]
    pub card: Unverified<MemberCard>,
    /// The founder's signature on the agreement.
    #[n(5)]
    pub signature: Unverified<AgreementSignature>,
    /// Random, so that founding twice gives two partnerships.
    #[n(6)]
    #[cbor(with = "minicbor::bytes")]
    pub nonce: [u8; 16],
    /// The founder's declaration of confidentiality, where the agreement asks its role for one.
    #[n(7)]
    pub declaration: Option<Unverified<Declaration>>,
}

/// One place for one organisation.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Invite {
    /// [`derive::door_commitment`] of the one-use door key.
    #[n(0)]
    pub door: Hash,
    /// The role that goes with the place.
    #[n(1)]
    pub role: Role,
    /// Whether who takes the place becomes a steward.
    #[n(2)]
    pub steward: bool,
    /// Until when the door is open. Doors and people mind it, the fold does not: clocks are wrong.
    #[n(3)]
    pub expires: Timestamp,
}

/// A request for the place.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Join {
    /// The [`Invite`] that is answered.
    #[n(0)]
    pub invitation: ActId,
    /// Who asks.
    #[n(1)]
    pub introduction: Introduction,
    /// The joining node's keys here.
    #[n(2)]
    pub card: Unverified<MemberCard>,
    /// The signature on the agreement.
    #[n(3)]
    pub signature: Unverified<AgreementSignature>,
    /// The declaration of confidentiality, where the agreement asks the role for one.
    #[n(4)]
    pub declaration: Option<Unverified<Declaration>>,
}

/// A removal.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Remove {
    /// Who is put out.
    #[n(0)]
    pub org: OrgId,
    /// Why, for people; at most [`MAX_REASON`] bytes, no control characters.
    #[n(1)]
    pub reason: String,
    /// Entries of its logs below these positions stay welcome. Sorted by log, each once.
    #[n(2)]
    pub cutoff: Vec<(LogId, Seq)>,
}

/// An act and its circumstances, as its author's node signs them.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct ActBody {
    /// The partnership; `None` only in [`Act::Found`], whose hash it is.
    #[n(0)]
    pub partnership: Option<PartnershipId>,
    /// The organisation that acts.
    #[n(1)]
    pub org: OrgId,
    /// Its node that signs.
    #[n(2)]
    pub author: NodeId,
    /// The newest acts that the author knew; sorted, each once; none only in [`Act::Found`].
    #[n(3)]
    pub parents: Vec<ActId>,
    /// By the author's clock. Shown, never judged.
    #[n(4)]
    pub time: Timestamp,
    /// What is done.
    #[n(5)]
    pub act: Act,
}

impl Wire for ActBody {
    const WHAT: &'static str = "membership act";
    const MAX: usize = limits::MAX_ACT;
}
impl Statement for ActBody {
    const LABEL: &'static str = "act";
}

/// Why an act was not accepted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ActError {
    /// The act, the card or the agreement's signature is malformed or not signed by whom it names.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The author's introduction is not in order.
    #[error(transparent)]
    Introduction(#[from] IntroductionError),
    /// The text of the agreement cannot be used.
    #[error("the agreement of a founding act: {0}")]
    Agreement(#[from] AgreementError),
    /// Parts that do not belong together, or break a bound.
    #[error("membership act: {0}")]
    Form(&'static str),
}

/// An act whose form and signatures, inner ones included, were checked. Only [`verify_act`] and the
/// constructors for authors make one.
#[derive(Clone, PartialEq, Debug)]
pub struct VerifiedAct {
    id: ActId,
    body: Signed<ActBody>,
    inner: Inner,
}

/// What was verified inside an act.
#[derive(Clone, PartialEq, Debug)]
enum Inner {
    Nothing,
    Entrant(Box<Entrant>),
    Founding(Box<Entrant>, Agreement),
    Amended(Agreement),
    Node(Box<NodeKeys>),
    Declared(Signed<Declaration>),
}

/// Whoever founds or joins: verified statements about one organisation and its node.
#[derive(Clone, PartialEq, Debug)]
pub struct Entrant {
    /// Its node.
    pub keys: NodeKeys,
    /// What it signed.
    pub signature: Signed<AgreementSignature>,
    /// What it declared.
    pub declaration: Option<Signed<Declaration>>,
}

/// A node and its keys in this partnership.
#[derive(Clone, PartialEq, Debug)]
pub struct NodeKeys {
    /// Organisation and node; `None` where a node that is known already changes its card.
    pub introduced: Option<Introduced>,
    /// The node's keys in this partnership.
    pub card: Signed<MemberCard>,
}

impl VerifiedAct {
    /// The act's id.
    #[must_use]
    pub fn id(&self) -> ActId {
        self.id
    }

    /// What was said.
    #[must_use]
    pub fn body(&self) -> &ActBody {
        self.body.value()
    }

    /// The exact bytes and signature.
    #[must_use]
    pub fn signed(&self) -> &Signed<ActBody> {
        &self.body
    }

    /// Who enters: in found and join only.
    #[must_use]
    pub fn entrant(&self) -> Option<&Entrant> {
        match &self.inner {
            Inner::Entrant(entrant) | Inner::Founding(entrant, _) => Some(entrant),
            _ => None,
        }
    }

    /// The node whose keys it brings: in found, join, add node and new log.
    #[must_use]
    pub fn node_keys(&self) -> Option<&NodeKeys> {
        match &self.inner {
            Inner::Node(keys) => Some(keys),
            _ => self.entrant().map(|entrant| &entrant.keys),
        }
    }

    /// The agreement: in found, and where an amendment is proposed.
    #[must_use]
    pub fn agreement(&self) -> Option<&Agreement> {
        match &self.inner {
            Inner::Founding(_, agreement) | Inner::Amended(agreement) => Some(agreement),
            _ => None,
        }
    }

    /// The declaration of confidentiality that comes with it.
    #[must_use]
    pub fn declaration(&self) -> Option<&Declaration> {
        match &self.inner {
            Inner::Declared(declaration) => Some(declaration.value()),
            _ => self.entrant()?.declaration.as_ref().map(Signed::value),
        }
    }

    /// The partnership that it belongs to.
    #[must_use]
    pub fn partnership(&self) -> PartnershipId {
        self.body().partnership.unwrap_or_else(|| derive::partnership_id(&self.id))
    }
}

/// Checks form and signatures of an act, and of every statement inside it.
///
/// # Errors
/// [`ActError`] says what is wrong.
pub fn verify_act(act: &Unverified<ActBody>) -> Result<VerifiedAct, ActError> {
    verified(act.verify_self(|body| body.author.0)?)
}

fn verified(body: Signed<ActBody>) -> Result<VerifiedAct, ActError> {
    let id = derive::act_id(body.bytes(), body.signature());
    let value = body.value();
    form::check_place(value)?;
    let inner = match &value.act {
        Act::Found(found) => form::found(value, found)?,
        Act::Join(join) => form::join(value, join)?,
        Act::Remove(remove) => form::remove(remove).map(|()| Inner::Nothing)?,
        Act::Leave { cutoff } => {
            form::cutoff(cutoff.as_deref().unwrap_or_default()).map(|()| Inner::Nothing)?
        }
        Act::Decide(deed) | Act::Propose(deed) => form::deed(&value.act, deed)?,
        Act::Suspend { reason } => form::reason(reason).map(|()| Inner::Nothing)?,
        Act::AddNode(add) => form::add_node(value, add)?,
        Act::RevokeNode(revoke) => form::revoke_node(revoke).map(|()| Inner::Nothing)?,
        Act::NewLog(new) => form::new_log(value, new)?,
        Act::Declare(declaration) => form::declaration(value, declaration).map(Inner::Declared)?,
        Act::Invite(_)
        | Act::Approve { .. }
        | Act::Sign { .. }
        | Act::Withdraw { .. }
        | Act::Enact { .. }
        | Act::Resume { .. }
        | Act::Office(_) => Inner::Nothing,
    };
    Ok(VerifiedAct { id, body, inner })
}
