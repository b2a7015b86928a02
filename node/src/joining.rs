//! Joining a partnership: read the terms, sign, ask, and keep asking until a steward has decided.

use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use entente_protocol::codec;
use entente_protocol::handling::Role;
use entente_protocol::ids::{OrgId, PartnershipId};
use entente_protocol::invitation::{Invitation, InvitationError};
use entente_protocol::membership::acts::{self, Author};
use entente_protocol::membership::{Act, ActBody};
use entente_protocol::signed::Unverified;

use crate::clock;
use crate::door::Way;
use crate::node::{Node, NodeError};
use crate::partnership::decide::declaration;
use crate::partnership::join::{self, Asked, CheckedTerms, JoinError, Welcome};
use crate::partnership::{self, Handle};
use crate::secrets::{Joining, PartnershipSecrets, Secrets};

/// How long to wait before asking again after the line broke: doubles from the first to the last.
const AGAIN: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));

/// Why a join was not begun.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// The text.
    #[error(transparent)]
    Invitation(#[from] InvitationError),
    /// The inviter.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// This node.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The inviter's agreement is another than the one that was read.
    #[error("the agreement at the inviter's is not the one that you accepted")]
    OtherAgreement,
    /// Nobody signs the declaration of confidentiality.
    #[error("the agreement asks for a declaration of confidentiality, and nobody signs it")]
    Undeclared,
    /// We are in it already.
    #[error("this node is a member of that partnership already")]
    AlreadyMember,
    /// The door is for another organisation's nodes.
    #[error("the invitation is for one more node of another organisation")]
    OtherOrganisation,
}

/// What an invitation offers.
pub struct Offer {
    /// The invitation.
    pub invitation: Invitation,
    /// The checked terms.
    pub terms: CheckedTerms,
    /// The role; none where our organisation is a member, and this node would be one more of it.
    pub role: Option<Role>,
}

/// Asks the inviter what joining would mean.
///
/// # Errors
/// [`BeginError`].
pub async fn look(way: &Way, text: &str, ours: &OrgId) -> Result<Offer, BeginError> {
    let invitation = Invitation::from_text(text)?;
    let (terms, _stream) = join::look(way, &invitation).await?;
    let role = role_of(&terms, ours)?;
    Ok(Offer { invitation, terms, role })
}

fn role_of(terms: &CheckedTerms, ours: &OrgId) -> Result<Option<Role>, BeginError> {
    match &terms.invite.body().act {
        Act::Invite(place) => Ok(Some(place.role.clone())),
        Act::Office(office) if office.org == *ours => Ok(None),
        Act::Office(_) => Err(BeginError::OtherOrganisation),
        _ => Err(JoinError::Unproven("no invitation").into()),
    }
}

/// What became of a join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// A steward has to approve; this node goes on asking by itself.
    Waiting(PartnershipId),
    /// In.
    Member(PartnershipId),
}

/// Signs the agreement and asks to be let in; as one more node of a member, only shows who it is, since the
/// organisation has signed.
///
/// # Errors
/// [`BeginError`]; nothing was signed then, or the inviter refused.
pub async fn begin(
    node: &Arc<Node>,
    text: &str,
    accepted: &str,
    person: Option<&str>,
) -> Result<Begun, BeginError> {
    let invitation = Invitation::from_text(text)?;
    let id = invitation.partnership;
    if node.handle(&id).is_some_and(|h| h.membership().node(&node.me.node()).is_some()) {
        return Err(BeginError::AlreadyMember);
    }
    let (terms, stream) = join::look(&node.shared.way, &invitation).await?;
    let role = role_of(&terms, &node.me.org())?;
    if role.is_some() && terms.agreement.hash().to_string() != accepted {
        return Err(BeginError::OtherAgreement);
    }
    let act = sign(node, text, &invitation, &terms, (role, person))?;
    match join::ask(stream, act.clone()).await {
        Ok(Asked::Welcome(welcome)) => Ok(Begun::Member(node.welcomed(id, *welcome).await?)),
        Ok(Asked::Waiting(stream)) => {
            keep_asking(node, id, Some(*stream));
            Ok(Begun::Waiting(id))
        }
        Err(error) => {
            forget(node, &id)?;
            Err(error.into())
        }
    }
}

/// Makes fresh keys for the partnership, or takes those of an earlier attempt, and signs the join act. Both
/// are in the vault before anybody sees the act.
fn sign(
    node: &Node,
    text: &str,
    invitation: &Invitation,
    terms: &CheckedTerms,
    (role, person): (Option<Role>, Option<&str>),
) -> Result<Unverified<ActBody>, BeginError> {
    let keeper = &node.shared.keeper;
    let earlier = keeper.look(|s| s.partnership(&invitation.partnership).and_then(|p| p.joining.clone()));
    if let Some(joining) = earlier.filter(|j| j.invitation == text)
        && let Ok(act) = codec::decode(&joining.act)
    {
        return Ok(act);
    }
    let mut secrets = PartnershipSecrets::fresh(invitation.partnership).map_err(NodeError::from)?;
    let card = partnership::card(&node.me, &secrets, invitation.partnership, &node.shared.addresses)
        .map_err(NodeError::from)?;
    let author = Author {
        partnership: invitation.partnership,
        org: node.me.org(),
        node: &node.me.key,
        parents: vec![invitation.act],
        time: clock::now(),
    };
    let me = &node.me.introduced;
    let act = match role {
        None => acts::add_node(author, invitation.act, me, card),
        Some(role) => {
            let who = (node.me.org(), person.unwrap_or_default());
            let id = Some(invitation.partnership);
            let declaration = declaration(&terms.agreement, &role, who, id, clock::now());
            if declaration.is_some() && person.is_none() {
                return Err(BeginError::Undeclared);
            }
            let accepted = acts::Accepted { agreement: terms.agreement.hash(), role, declaration };
            acts::join(author, invitation.act, me, card, accepted)
        }
    };
    let act = act.map_err(NodeError::from)?;
    let travelling = act.signed().to_unverified();
    let name = match &terms.found.body().act {
        Act::Found(found) => found.name.clone(),
        _ => String::new(),
    };
    secrets.joining = Some(Joining { invitation: text.into(), act: codec::encode(&travelling), name });
    keeper
        .change(|all| {
            all.partnerships.retain(|p| p.id != secrets.id);
            all.partnerships.push(secrets);
        })
        .map_err(NodeError::from)?;
    Ok(travelling)
}

fn forget(node: &Node, id: &PartnershipId) -> Result<(), NodeError> {
    node.shared.keeper.change(|all| all.partnerships.retain(|p| p.id != *id || p.joining.is_none()))?;
    Ok(())
}

/// Goes on asking after a restart.
pub fn resume(node: &Arc<Node>) {
    let waiting: Vec<PartnershipId> = node
        .shared
        .keeper
        .look(|s| s.partnerships.iter().filter(|p| p.joining.is_some()).map(|p| p.id).collect());
    for id in waiting {
        if !has_come_in(node, &id) {
            keep_asking(node, id, None);
        } else if let Err(error) = node.no_longer_joining(&id) {
            tracing::warn!(%error, "the vault still says that we wait");
        }
    }
}

/// Were the acts and a key on the disk before the power went?
fn has_come_in(node: &Node, id: &PartnershipId) -> bool {
    let in_it = |handle: &Handle| handle.membership().node(&node.me.node()).is_some();
    node.handle(id).is_some_and(|handle| in_it(&handle) && handle.ring.count() > 0)
}

fn keep_asking(node: &Arc<Node>, id: PartnershipId, line: Option<crate::door::DoorStream>) {
    let weak = Arc::downgrade(node);
    let task = tokio::spawn(async move {
        let mut line = line;
        let mut pause = AGAIN.0;
        loop {
            let outcome = match line.take() {
                Some(stream) => join::wait(stream).await,
                None => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(AGAIN.1);
                    let Some(node) = weak.upgrade() else { return };
                    ask_again(&node, &id).await
                }
            };
            let Some(node) = weak.upgrade() else { return };
            match outcome {
                Ok(welcome) => match node.welcomed(id, welcome).await {
                    Ok(_) => return,
                    Err(error) => tracing::warn!(%error, "the welcome could not be used; asking again"),
                },
                Err(JoinError::Refused(refusal)) if refusal.code != "failed" => {
                    tracing::warn!(reason = %refusal.reason, "the join was refused");
                    let _kept_until_restart = forget(&node, &id);
                    return;
                }
                Err(error) => tracing::debug!(%error, "no verdict yet"),
            }
        }
    });
    let mut joining = node.joining.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(before) = joining.insert(id, task) {
        before.abort();
    }
}

async fn ask_again(node: &Node, id: &PartnershipId) -> Result<Welcome, JoinError> {
    let joining = node.shared.keeper.look(|s| s.partnership(id).and_then(|p| p.joining.clone()));
    let joining = joining.ok_or(JoinError::Unproven("nothing was asked"))?;
    let invitation =
        Invitation::from_text(&joining.invitation).map_err(|e| JoinError::Broken(e.to_string()))?;
    let act = codec::decode(&joining.act).map_err(|e| JoinError::Broken(e.to_string()))?;
    let stream = join::reach(&node.shared.way, &invitation).await?;
    match join::ask(stream, act).await? {
        Asked::Welcome(welcome) => Ok(*welcome),
        Asked::Waiting(stream) => join::wait(*stream).await,
    }
}

/// Goes on with the partnerships that this node was given doors to when it was certified.
pub fn come_in(node: &Arc<Node>) {
    let doors = node.shared.keeper.look(|s| s.offices.clone()).unwrap_or_default();
    let tasks = doors.into_iter().map(|text| tokio::spawn(come_in_by(Arc::downgrade(node), text)));
    node.coming.write().unwrap_or_else(PoisonError::into_inner).extend(tasks);
}

async fn come_in_by(node: Weak<Node>, text: String) {
    let mut pause = AGAIN.0;
    loop {
        let Some(strong) = node.upgrade() else { return };
        let done = match begin(&strong, &text, "", None).await {
            Ok(_) | Err(BeginError::AlreadyMember) => true,
            Err(
                BeginError::Join(JoinError::NobodyAnswers { .. } | JoinError::Broken(_))
                | BeginError::Node(_),
            ) => false,
            Err(BeginError::Join(JoinError::Refused(refusal))) if refusal.code == "failed" => false,
            Err(error) => {
                tracing::warn!(%error, "a partnership that this node was given a door to does not let it in");
                true
            }
        };
        if done {
            let forget = |s: &mut Secrets| {
                let left: Vec<String> =
                    s.offices.take().into_iter().flatten().filter(|t| *t != text).collect();
                s.offices = (!left.is_empty()).then_some(left);
            };
            let _tried_again_after_a_restart = strong.shared.keeper.change(forget);
            return;
        }
        drop(strong);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(AGAIN.1);
    }
}
