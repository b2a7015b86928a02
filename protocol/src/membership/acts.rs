//! What members say about membership, and the check that turns received bytes into a [`VerifiedAct`].
//!
//! ```text
//! bytes ──decode──▶ Unverified<ActBody> ──verify_act──▶ VerifiedAct ──insert──▶ ActGraph ──of──▶ Membership
//!                                          (signatures, form)       (parents known)   (authority)
//! ```
//! A [`VerifiedAct`] is well-formed and signed by whom it names. Whether it has any *effect* is for the fold
//! to say.

mod author;

use minicbor::{Decode, Encode};

use crate::agreement::{Agreement, AgreementError, AgreementSignature};
use crate::codec::Wire;
use crate::derive;
use crate::epoch::PREKEY_LEN;
use crate::handling::Role;
use crate::identity::{Introduced, Introduction, IntroductionError, MemberCard, check_name};
use crate::ids::{ActId, Hash, LogId, NodeId, OrgId, PartnershipId, Seq, Timestamp};
use crate::limits;
use crate::signed::{Signed, Statement, Unverified, VerifyError};

pub use author::{Author, Founding, approve, found, invite, join, leave, remove};

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
    Leave {},
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
    entrant: Option<Entrant>,
    agreement: Option<Agreement>,
}

/// Whoever founds or joins: verified statements about one organisation and its node.
#[derive(Clone, PartialEq, Debug)]
pub struct Entrant {
    /// Organisation and node.
    pub introduced: Introduced,
    /// The node's keys in this partnership.
    pub card: Signed<MemberCard>,
    /// What it signed.
    pub signature: Signed<AgreementSignature>,
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
        self.entrant.as_ref()
    }

    /// The agreement: in found only.
    #[must_use]
    pub fn agreement(&self) -> Option<&Agreement> {
        self.agreement.as_ref()
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
    check_place(value)?;
    let (entrant, agreement) = match &value.act {
        Act::Found(found) => {
            check_name(&found.name)?;
            let agreement = Agreement::parse(&found.agreement)?;
            let entrant = check_found(value, found, &agreement)?;
            (Some(entrant), Some(agreement))
        }
        Act::Join(join) => {
            let entrant = check_entrant(value, &join.introduction, &join.card, &join.signature)?;
            (Some(entrant), None)
        }
        Act::Remove(remove) => {
            check_remove(remove)?;
            (None, None)
        }
        Act::Invite(_) | Act::Approve { .. } | Act::Leave {} => (None, None),
    };
    Ok(VerifiedAct { id, body, entrant, agreement })
}

fn check_place(body: &ActBody) -> Result<(), ActError> {
    let founds = matches!(body.act, Act::Found(_));
    if founds != body.partnership.is_none() {
        return Err(ActError::Form("a founding act names no partnership, and every other act names one"));
    }
    if body.partnership == Some(NOT_YET) {
        return Err(ActError::Form("it names no real partnership"));
    }
    if founds != body.parents.is_empty() {
        return Err(ActError::Form("a founding act has no parents, and every other act has some"));
    }
    if body.parents.len() > limits::MAX_ACT_PARENTS {
        return Err(ActError::Form("it has too many parents"));
    }
    if !body.parents.is_sorted_by(|a, b| a < b) {
        return Err(ActError::Form("its parents are not in order, or repeat"));
    }
    Ok(())
}

fn check_found(body: &ActBody, found: &Found, agreement: &Agreement) -> Result<Entrant, ActError> {
    let entrant = check_entrant(body, &found.introduction, &found.card, &found.signature)?;
    let signed = entrant.signature.value();
    if signed.agreement != agreement.hash() || signed.role != found.role {
        return Err(ActError::Form("the founder signed another agreement or role"));
    }
    if !has_role(agreement, &found.role) {
        return Err(ActError::Form("the agreement has no such role for the founder"));
    }
    Ok(entrant)
}

/// Whether the agreement knows the role.
pub(super) fn has_role(agreement: &Agreement, role: &Role) -> bool {
    agreement.roles().contains(role)
}

fn check_entrant(
    body: &ActBody,
    introduction: &Introduction,
    card: &Unverified<MemberCard>,
    signature: &Unverified<AgreementSignature>,
) -> Result<Entrant, ActError> {
    let introduced = introduction.verify()?;
    if introduced.org() != body.org || introduced.node() != body.author {
        return Err(ActError::Form("the introduction is not its author's"));
    }
    let card = card.verify(&body.author.0)?;
    check_card(body, card.value())?;
    let signature = signature.verify(&body.author.0)?;
    if signature.value().org != body.org {
        return Err(ActError::Form("the agreement is signed for another organisation"));
    }
    if signature.value().partnership != body.partnership {
        return Err(ActError::Form("the agreement is signed for another partnership"));
    }
    Ok(Entrant { introduced, card, signature })
}

fn check_card(body: &ActBody, card: &MemberCard) -> Result<(), ActError> {
    if card.node != body.author {
        return Err(ActError::Form("the member card is another node's"));
    }
    if card.partnership != body.partnership.unwrap_or(NOT_YET) {
        return Err(ActError::Form("the member card is for another partnership"));
    }
    if card.prekey.len() != PREKEY_LEN {
        return Err(ActError::Form("the member card's prekey is not of X-Wing's length"));
    }
    let too_long = |address: &String| address.len() > limits::MAX_ADDRESS;
    if card.addresses.len() > limits::MAX_ADDRESSES || card.addresses.iter().any(too_long) {
        return Err(ActError::Form("the member card's addresses are too many or too long"));
    }
    if card.addresses.iter().any(|address| address.chars().any(char::is_control)) {
        return Err(ActError::Form("an address holds control characters"));
    }
    Ok(())
}

fn check_remove(remove: &Remove) -> Result<(), ActError> {
    if remove.reason.len() > MAX_REASON || remove.reason.chars().any(char::is_control) {
        return Err(ActError::Form("the reason is too long or holds control characters"));
    }
    if remove.cutoff.len() > MAX_CUTOFFS {
        return Err(ActError::Form("a removal names too many logs"));
    }
    if !remove.cutoff.is_sorted_by(|(a, _), (b, _)| a < b) {
        return Err(ActError::Form("the logs of a removal are not in order, or repeat"));
    }
    Ok(())
}
