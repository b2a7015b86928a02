//! For authors: each act, signed, and held to the rules that everybody else will hold it to.

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::SigningKey;

use super::{
    Act, ActBody, ActError, AddNode, Deed, Found, Invite, Join, NewLog, Office, Remove, RevokeNode,
    VerifiedAct, verified,
};
use crate::agreement::{Agreement, AgreementSignature};
use crate::codec::{self, Wire};
use crate::declaration::Declaration;
use crate::handling::Role;
use crate::identity::{Introduced, MemberCard};
use crate::ids::{ActId, Hash, LogId, NodeId, OrgId, PartnershipId, Seq, Timestamp};
use crate::limits;
use crate::root::LogRenewal;
use crate::signed::{Unverified, VerifyError, sign};

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
    /// The founder's declaration of confidentiality, where the agreement asks its role for one.
    pub declaration: Option<Declaration>,
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
        declaration: said.declaration.map(|it| sign(it, node).to_unverified()),
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

/// What a joiner signs besides its card.
pub struct Accepted {
    /// The hash of the agreement in force.
    pub agreement: Hash,
    /// The role of the invitation.
    pub role: Role,
    /// The declaration of confidentiality, where the agreement asks the role for one.
    pub declaration: Option<Declaration>,
}

/// Asks for the place of `invitation`, and signs the agreement.
///
/// # Errors
/// [`ActError`] where a part would be refused by others.
pub fn join(
    author: Author<'_>,
    invitation: ActId,
    introduced: &Introduced,
    card: MemberCard,
    accepted: Accepted,
) -> Result<VerifiedAct, ActError> {
    let partnership = Some(author.partnership);
    let Accepted { agreement, role, declaration } = accepted;
    let signature = AgreementSignature { partnership, agreement, org: author.org, role, time: author.time };
    let act = Act::Join(Box::new(Join {
        invitation,
        introduction: introduced.to_introduction(),
        card: sign(card, author.node).to_unverified(),
        signature: sign(signature, author.node).to_unverified(),
        declaration: declaration.map(|it| sign(it, author.node).to_unverified()),
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

/// Leaves. `cutoff` says how far its logs go.
///
/// # Errors
/// [`ActError`] where a part would be refused by others.
pub fn leave(
    author: Author<'_>,
    cutoff: impl IntoIterator<Item = (LogId, Seq)>,
) -> Result<VerifiedAct, ActError> {
    let cutoff: Vec<_> = cutoff.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect();
    author.sign(Act::Leave { cutoff: (!cutoff.is_empty()).then_some(cutoff) })
}

/// Does what one steward may do alone.
///
/// # Errors
/// [`ActError`] where a part would be refused by others.
pub fn decide(author: Author<'_>, deed: Deed) -> Result<VerifiedAct, ActError> {
    author.sign(Act::Decide(Box::new(deed)))
}

/// Proposes what several have to sign, and signs it; a steward's act.
///
/// # Errors
/// [`ActError`] where a part would be refused by others (the text of an agreement, say).
pub fn propose(author: Author<'_>, deed: Deed) -> Result<VerifiedAct, ActError> {
    author.sign(Act::Propose(Box::new(deed)))
}

/// Signs a proposal.
///
/// # Errors
/// [`ActError`] where a part would be refused by others.
pub fn sign_proposal(author: Author<'_>, proposal: ActId) -> Result<VerifiedAct, ActError> {
    author.sign(Act::Sign { proposal })
}

/// Takes one's own proposal back.
///
/// # Errors
/// [`ActError`] where a part would be refused by others.
pub fn withdraw(author: Author<'_>, proposal: ActId) -> Result<VerifiedAct, ActError> {
    author.sign(Act::Withdraw { proposal })
}

/// Puts a proposal into effect that enough have signed; any member's act.
///
/// # Errors
/// [`ActError`] where a part would be refused by others.
pub fn enact(author: Author<'_>, proposal: ActId) -> Result<VerifiedAct, ActError> {
    author.sign(Act::Enact { proposal })
}

/// Stops all exchange; an NPM's act.
///
/// # Errors
/// [`ActError`] where a part would be refused by others (the reason, say).
pub fn suspend(author: Author<'_>, reason: &str) -> Result<VerifiedAct, ActError> {
    author.sign(Act::Suspend { reason: reason.to_owned() })
}

/// Ends one's own suspension.
///
/// # Errors
/// [`ActError`] where a part would be refused by others.
pub fn resume(author: Author<'_>, suspension: ActId) -> Result<VerifiedAct, ActError> {
    author.sign(Act::Resume { suspension })
}

/// Opens a door for one more node of a member.
///
/// # Errors
/// [`ActError`] where a part would be refused by others.
pub fn office(author: Author<'_>, office: Office) -> Result<VerifiedAct, ActError> {
    author.sign(Act::Office(office))
}

/// Comes in as one more node of a member; the new node's act.
///
/// # Errors
/// [`ActError`] where a part would be refused by others.
pub fn add_node(
    author: Author<'_>,
    office: ActId,
    introduced: &Introduced,
    card: MemberCard,
) -> Result<VerifiedAct, ActError> {
    let introduction = introduced.to_introduction();
    let card = sign(card, author.node).to_unverified();
    author.sign(Act::AddNode(Box::new(AddNode { office, introduction, card })))
}

/// Revokes a node: of one's own organisation, as a steward, or with the root key's word.
///
/// # Errors
/// [`ActError`] where a part would be refused by others.
pub fn revoke_node(author: Author<'_>, mut revoke: RevokeNode) -> Result<VerifiedAct, ActError> {
    revoke.cutoff = revoke.cutoff.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect();
    author.sign(Act::RevokeNode(Box::new(revoke)))
}

/// Goes on in a new log that the root key certifies.
///
/// # Errors
/// [`ActError`] where a part would be refused by others.
pub fn new_log(
    author: Author<'_>,
    card: MemberCard,
    certificate: Unverified<LogRenewal>,
    ended: (LogId, Seq),
) -> Result<VerifiedAct, ActError> {
    let card = sign(card, author.node).to_unverified();
    let (ended, cutoff) = ended;
    author.sign(Act::NewLog(Box::new(NewLog { card, certificate, ended, cutoff })))
}

/// Declares confidentiality (again).
///
/// # Errors
/// [`ActError`] where a part would be refused by others.
pub fn declare(author: Author<'_>, declaration: Declaration) -> Result<VerifiedAct, ActError> {
    let declaration = sign(declaration, author.node).to_unverified();
    author.sign(Act::Declare(declaration))
}
