//! Membership on this node: making acts, taking those of partners.

use entente_protocol::agreement::AgreementError;
use entente_protocol::codec;
use entente_protocol::derive::{self, Key};
use entente_protocol::handling::Role;
use entente_protocol::identity::MemberCard;
use entente_protocol::ids::Seq;
use entente_protocol::ids::{ActId, LogId, NodeId, OrgId, PartnershipId, Timestamp};
use entente_protocol::invitation::{Invitation, InvitationError};
use entente_protocol::limits;
use entente_protocol::membership::acts::{self, ActError, Author};
use entente_protocol::membership::{ActBody, GraphError, Inserted, VerifiedAct, VoidReason, verify_act};
use entente_protocol::signed::Unverified;

use crate::address::Address;
use crate::me::Me;
use crate::secrets::{OpenInvitation, PartnershipSecrets, Secret};

use super::state::State;

/// Why something about membership was not done.
#[derive(Debug, thiserror::Error)]
pub enum GovernError {
    /// Only stewards may.
    #[error("only a steward of the partnership may do this")]
    NotASteward,
    /// Nobody of that name waits.
    #[error("no organisation of that name is waiting to join")]
    NobodyWaits,
    /// Not a member.
    #[error("that organisation is not a member")]
    NotAMember,
    /// No such node.
    #[error("there is no such node of a member in the partnership")]
    NoSuchNode,
    /// A node does not revoke itself.
    #[error(
        "a node does not revoke itself: use another node of the organisation, a partner's, or the root key"
    )]
    OwnNode,
    /// Neither sibling nor steward, and no root key.
    #[error("only a node of the same organisation, a steward, or the organisation's root key revokes a node")]
    MayNotRevoke,
    /// The act would have no effect.
    #[error("it would have no effect: {0}")]
    Void(VoidReason),
    /// The text of an amendment.
    #[error("the agreement: {0}")]
    Agreement(#[source] AgreementError),
    /// The text of an amendment is that of the agreement in force.
    #[error("that is the agreement in force, to the letter")]
    SameAgreement,
    /// No such proposal.
    #[error("there is no such proposal")]
    NoSuchProposal,
    /// Resuming what was not suspended.
    #[error("this organisation has not suspended the partnership")]
    NotSuspended,
    /// Declaring what nobody asks for.
    #[error("the agreement asks no declaration of confidentiality of this organisation's role")]
    NothingToDeclare,
    /// The agreement has no roles.
    #[error("the agreement has no roles")]
    NoRoles,
    /// The agreement has no such role.
    #[error("the agreement has no role `{0}`")]
    NoSuchRole(Role),
    /// Too many open invitations.
    #[error("{} invitations are open already", limits::MAX_OPEN_INVITATIONS)]
    TooManyInvitations,
    /// The act is malformed.
    #[error(transparent)]
    Act(#[from] ActError),
    /// The graph does not take it.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The invitation does not fit its text.
    #[error(transparent)]
    Invitation(#[from] InvitationError),
    /// No randomness.
    #[error("the system gives no randomness: {0}")]
    Random(#[from] getrandom::Error),
}

/// The card of this node for a partnership.
///
/// # Errors
/// Where the prekey cannot be made, which 32 bytes never cause.
pub fn card(
    me: &Me,
    secrets: &PartnershipSecrets,
    partnership: PartnershipId,
    addresses: &[String],
) -> Result<MemberCard, entente_protocol::epoch::EpochError> {
    Ok(MemberCard {
        partnership,
        node: me.node(),
        transport: derive::transport_id(&secrets.transport.key()),
        log: LogId(secrets.log.signing_key().verifying_key().to_bytes()),
        prekey: secrets.prekey_secret().public()?,
        addresses: addresses.iter().take(limits::MAX_ADDRESSES).cloned().collect(),
    })
}

pub(super) fn author<'a>(state: &'a State, now: Timestamp) -> Author<'a> {
    Author {
        partnership: state.id,
        node: &state.me.key,
        org: state.me.org(),
        parents: state.graph.heads(),
        time: now,
    }
}

/// Adds an act of ours, if it would have an effect.
pub(super) fn add(state: &mut State, act: VerifiedAct) -> Result<Unverified<ActBody>, GovernError> {
    let (id, travelling) = (act.id(), act.signed().to_unverified());
    let before = state.graph.clone();
    state.graph.insert(act)?;
    let membership = entente_protocol::membership::Membership::of(&state.graph);
    if let Some(entente_protocol::membership::Verdict::Void(reason)) = membership.verdicts.get(&id) {
        state.graph = before;
        return Err(GovernError::Void(*reason));
    }
    state.refold();
    Ok(travelling)
}

fn steward(state: &State) -> Result<(), GovernError> {
    if state.membership.is_steward(&state.me.org()) { Ok(()) } else { Err(GovernError::NotASteward) }
}

/// An invitation that was made: its act, what the vault keeps, and its text.
pub struct Invited {
    /// The act.
    pub act: Unverified<ActBody>,
    /// For the vault.
    pub open: OpenInvitation,
    /// For the person.
    pub text: String,
    /// The role that it offers.
    pub role: Role,
}

/// Opens one place.
///
/// # Errors
/// [`GovernError`].
pub fn invite(
    state: &mut State,
    role: Option<Role>,
    days: u64,
    addresses: &[String],
    now: Timestamp,
) -> Result<Invited, GovernError> {
    steward(state)?;
    if state.secrets.invitations.len() >= limits::MAX_OPEN_INVITATIONS {
        return Err(GovernError::TooManyInvitations);
    }
    let role = choose_role(state, role)?;
    let door = Secret::random()?;
    let expires = now.plus_days(days);
    let place = acts::Invite {
        door: derive::door_commitment(&door.key()),
        role: role.clone(),
        steward: false,
        expires,
    };
    let act = acts::invite(author(state, now), place)?;
    let id = act.id();
    let me = (derive::transport_id(&state.secrets.transport.key()), state.me.org());
    let invitation = Invitation::new(state.id, id, &door.key(), me, addresses.to_vec(), expires);
    let text = invitation.to_text()?;
    let act = add(state, act)?;
    Ok(Invited { act, open: OpenInvitation { act: id, door, expires, used_by: None }, text, role })
}

/// The role asked for, or the first of the agreement that nobody holds and no open invitation offers.
fn choose_role(state: &State, role: Option<Role>) -> Result<Role, GovernError> {
    let roles = state.membership.agreement.roles();
    if let Some(role) = role {
        return if roles.contains(&role) { Ok(role) } else { Err(GovernError::NoSuchRole(role)) };
    }
    let held = |r: &Role| state.membership.members.values().any(|m| m.role == *r);
    let free = roles.iter().find(|r| !held(r)).or_else(|| roles.iter().find(|r| r.as_str() != "npm"));
    free.or(roles.first()).cloned().ok_or(GovernError::NoRoles)
}

/// Up to where the logs of a member stay welcome if it is put out now: what it wrote before, as far as this node
/// holds it.
pub(super) fn cutoffs(state: &State, org: &OrgId) -> Result<Vec<(LogId, Seq)>, GovernError> {
    let member = state.membership.members.get(org).ok_or(GovernError::NotAMember)?;
    let all = state.all();
    let logs = member.nodes.values().flat_map(|n| n.ended.keys().chain([&n.card.log]));
    Ok(logs.filter_map(|log| state.logs.get(&(all, *log)).map(|l| (*log, l.stored.next))).collect())
}

/// Leaves.
///
/// # Errors
/// [`GovernError`].
pub fn leave(state: &mut State, now: Timestamp) -> Result<Unverified<ActBody>, GovernError> {
    let mut logs = cutoffs(state, &state.me.org())?;
    // What is on its way to the disk was said, too.
    for (log, next) in &mut logs {
        let queued = state.logs.get(&(state.all(), *log)).map(|log| log.queued.next);
        *next = queued.map_or(*next, |queued| queued.max(*next));
    }
    let act = acts::leave(author(state, now), logs)?;
    add(state, act)
}

/// Acts of one organisation that are taken: a steward of 300 members for a decade stays far below, and one
/// that makes acts for the sake of it cannot use up everybody's room.
const ACTS_OF_ONE: usize = 2_500;
/// Acts, joins apart, of all organisations together that were approved and are no members by our fold: their
/// approval was voided by something that others did at the same time. What they did may have descendants, so it
/// is kept; members who approve for the sake of it cannot use up everybody's room.
const ACTS_OF_STRANGERS: usize = 1_000;
/// Joins that are taken for one invitation: the same organisation may ask anew with other keys.
const JOINS_OF_ONE: usize = 4;

/// Takes acts that a partner sent: those that are new, whose parents are here, and that come from
/// organisations that were let in once (whether that had effect or not) or answer an invitation.
#[must_use]
pub fn take(state: &mut State, acts: &[Unverified<ActBody>]) -> Vec<Unverified<ActBody>> {
    let mut new = Vec::new();
    let mut folded = state.graph.len();
    for travelling in acts {
        let Ok(act) = verify_act(travelling) else { continue };
        let org = act.body().org;
        // What is new may be the admission of whoever acts next.
        if is_stranger(state, &org) && folded < state.graph.len() {
            state.refold();
            folded = state.graph.len();
        }
        if has_room(state, &act) && matches!(state.graph.insert(act), Ok(Inserted::New)) {
            new.push(travelling.clone());
        }
    }
    if folded < state.graph.len() {
        state.refold();
    }
    new
}

fn is_stranger(state: &State, org: &OrgId) -> bool {
    !state.membership.is_member(org) && !state.membership.former.contains_key(org)
}

fn has_room(state: &State, act: &VerifiedAct) -> bool {
    use entente_protocol::membership::Act;
    let org = &act.body().org;
    if state.graph.acts_of(org) >= ACTS_OF_ONE {
        return false;
    }
    if let Act::Join(join) = &act.body().act {
        return state.graph.joins_for(&join.invitation) < JOINS_OF_ONE;
    }
    !is_stranger(state, org) || (state.graph.was_let_in(org) && acts_of_strangers(state) < ACTS_OF_STRANGERS)
}

fn acts_of_strangers(state: &State) -> usize {
    let strangers = state.graph.authors().filter(|(org, _)| state.graph.was_let_in(org));
    strangers.filter(|(org, _)| is_stranger(state, org)).map(|(_, acts)| acts).sum()
}

/// The acts that a partner with these heads lacks, in slices that fit a message.
#[must_use]
pub fn missing(state: &State, heads: &[ActId]) -> Vec<Vec<Unverified<ActBody>>> {
    slices(state, state.graph.missing_from(heads))
}

/// Acts in slices that fit a message.
#[must_use]
pub fn slices(state: &State, acts: Vec<ActId>) -> Vec<Vec<Unverified<ActBody>>> {
    let mut slices = Vec::new();
    let mut slice = Vec::new();
    let mut size = 0;
    for id in acts {
        let Some(act) = state.graph.get(&id) else { continue };
        let act = act.signed().to_unverified();
        let length = codec::encode(&act).len();
        if size + length > limits::MAX_SYNC_MESSAGE - 1024 && !slice.is_empty() {
            slices.push(std::mem::take(&mut slice));
            size = 0;
        }
        size += length;
        slice.push(act);
    }
    if !slice.is_empty() {
        slices.push(slice);
    }
    slices
}

/// The door keys of a partnership, today's first: of the newest epochs of the space of all members.
#[must_use]
pub fn door_keys(state: &State, count: usize) -> Vec<Key> {
    state.ring.newest(&state.all(), count).iter().map(|(_, e)| derive::door_key(&e.key)).collect()
}

/// Where a node's own card says that it may be reached.
#[must_use]
pub fn card_addresses(card: &MemberCard) -> Vec<Address> {
    card.addresses.iter().filter_map(|a| a.parse().ok()).collect()
}

/// The invitation that a node may still use: it is the first to use it, or the same again.
#[must_use]
pub fn usable(open: &OpenInvitation, by: (OrgId, NodeId), now: Timestamp) -> bool {
    open.used_by.map_or(open.expires > now, |used| used == by)
}
