//! For authors: each act, signed, and held to the rules that everybody else will hold it to.

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::SigningKey;

use super::{Act, ActBody, ActError, Found, Invite, Join, Remove, VerifiedAct, verified};
use crate::agreement::{Agreement, AgreementSignature};
use crate::codec::{self, Wire};
use crate::handling::Role;
use crate::identity::{Introduced, MemberCard};
use crate::ids::{ActId, Hash, LogId, NodeId, OrgId, PartnershipId, Seq, Timestamp};
use crate::limits;
use crate::signed::{VerifyError, sign};

/// Where an author stands: what goes into each of its acts.
pub struct Author<'a> {
    /// The partnership.
    pub partnership: PartnershipId,
    /// The organisation.
    pub org: OrgId,
    /// The node's key.
    pub node: &'a SigningKey,
    /// The newest acts it knows: [`crate::membership::ActGraph::heads`].
    pub parents: Vec<ActId>,
    /// By its clock.
    pub time: Timestamp,
}

impl Author<'_> {
    fn sign(self, act: Act) -> Result<VerifiedAct, ActError> {
        let parents = self.parents.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        let author = NodeId(self.node.verifying_key().to_bytes());
        let partnership = Some(self.partnership);
        finish(ActBody { partnership, org: self.org, author, parents, time: self.time, act }, self.node)
    }
}

/// Signs, and holds the author to the same rules as everybody else.
fn finish(body: ActBody, node: &SigningKey) -> Result<VerifiedAct, ActError> {
    let len = codec::encode(&body).len();
    if len > limits::MAX_ACT {
        let too_long = codec::DecodeError::TooLong { what: ActBody::WHAT, len, max: limits::MAX_ACT };
        return Err(VerifyError::Decode(too_long).into());
    }
    verified(sign(body, node))
}

/// What a founder says besides its keys.
pub struct Founding<'a> {
    /// What the partnership is called.
    pub name: &'a str,
    /// The text of the agreement.
    pub agreement: &'a str,
    /// The founder's role.
    pub role: Role,
    /// 16 random bytes.
    pub nonce: [u8; 16],
    /// By the founder's clock.
    pub time: Timestamp,
}

/// Founds a partnership. `card` names the partnership [`super::NOT_YET`], as the signature names `None`; both are
/// signed here with the node's key.
///
/// # Errors
/// [`ActError`] where a part would be refused by others.
pub fn found(
    node: &SigningKey,
    introduced: &Introduced,
    card: MemberCard,
    said: Founding<'_>,
) -> Result<VerifiedAct, ActError> {
    let agreement = Agreement::parse(said.agreement)?;
    let signature = AgreementSignature {
        partnership: None,
        agreement: agreement.hash(),
        org: introduced.org(),
        role: said.role.clone(),
        time: said.time,
    };
    let act = Act::Found(Box::new(Found {
        name: said.name.to_owned(),
        agreement: said.agreement.to_owned(),
        role: said.role,
        introduction: introduced.to_introduction(),
        card: sign(card, node).to_unverified(),
        signature: sign(signature, node).to_unverified(),
        nonce: said.nonce,
    }));
    let (org, author) = (introduced.org(), NodeId(node.verifying_key().to_bytes()));
    finish(ActBody { partnership: None, org, author, parents: Vec::new(), time: said.time, act }, node)
}

/// Opens a place; a steward's act.
///
/// # Errors
/// [`ActError`] where a part would be refused by others.
pub fn invite(author: Author<'_>, invite: Invite) -> Result<VerifiedAct, ActError> {
    author.sign(Act::Invite(invite))
}

/// Asks for the place of `invitation` in `role`, and signs the agreement whose hash is given.
///
/// # Errors
/// [`ActError`] where a part would be refused by others.
pub fn join(
    author: Author<'_>,
    invitation: ActId,
    introduced: &Introduced,
    card: MemberCard,
    agreement: Hash,
    role: Role,
) -> Result<VerifiedAct, ActError> {
    let partnership = Some(author.partnership);
    let signature = AgreementSignature { partnership, agreement, org: author.org, role, time: author.time };
    let act = Act::Join(Box::new(Join {
        invitation,
        introduction: introduced.to_introduction(),
        card: sign(card, author.node).to_unverified(),
        signature: sign(signature, author.node).to_unverified(),
    }));
    author.sign(act)
}

/// Lets an organisation in; a steward's act.
///
/// # Errors
/// [`ActError`] where a part would be refused by others.
pub fn approve(author: Author<'_>, join: ActId) -> Result<VerifiedAct, ActError> {
    author.sign(Act::Approve { join })
}

/// Puts an organisation out; a steward's act.
///
/// # Errors
/// [`ActError`] where a part would be refused by others (the reason, say).
pub fn remove(
    author: Author<'_>,
    org: OrgId,
    reason: &str,
    cutoff: impl IntoIterator<Item = (LogId, Seq)>,
) -> Result<VerifiedAct, ActError> {
    let cutoff = cutoff.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect();
    author.sign(Act::Remove(Remove { org, reason: reason.to_owned(), cutoff }))
}

/// Leaves.
///
/// # Errors
/// [`ActError`] where a part would be refused by others.
pub fn leave(author: Author<'_>) -> Result<VerifiedAct, ActError> {
    author.sign(Act::Leave {})
}
