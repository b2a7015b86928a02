//! What members decide about their partnership: one act where one steward is enough, a proposal where the
//! agreement wants more, and the act that puts a proposal into effect once enough have signed.

use entente_protocol::agreement::Agreement;
use entente_protocol::declaration::Declaration;
use entente_protocol::handling::Role;
use entente_protocol::ids::{ActId, OrgId, Timestamp};
use entente_protocol::membership::acts::{self, Amend, HistoryGrant, HistoryScope, Remove};
use entente_protocol::membership::{ActBody, Deed, Proposal, ProposalState, VerifiedAct, VoidReason};
use entente_protocol::signed::Unverified;

use super::govern::{GovernError, add, author, cutoffs};
use super::state::State;

/// What is asked for.
#[derive(Clone, Debug)]
pub enum Request {
    /// Let a waiting organisation in.
    Approve(OrgId),
    /// Put a member out, and say why.
    Remove(OrgId, String),
    /// Give a member another role.
    Role(OrgId, Role),
    /// Make a member a steward, or take that away.
    Steward(OrgId, bool),
    /// A new version of the agreement (TOML).
    Amend(String),
    /// Another last day (00:00 UTC of it).
    Renew(Timestamp),
    /// End the partnership, and say why.
    Terminate(String),
    /// Let a member read what is older than its membership.
    Grant(OrgId, HistoryScope),
    /// Sign a proposal.
    Sign(ActId),
    /// Take one's own proposal back.
    Withdraw(ActId),
    /// Stop all exchange, and say why.
    Suspend(String),
    /// End one's own suspensions.
    Resume,
    /// Declare confidentiality: who signs for the organisation.
    Declare(String),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decided {
    /// It is done.
    Done,
    /// It waits for more signatures.
    Waiting {
        /// The proposal.
        proposal: ActId,
        /// How many have signed.
        signed: usize,
        /// How many it wants.
        needed: usize,
    },
}

type Acts = Vec<Unverified<ActBody>>;

/// Makes the acts that a request amounts to.
///
/// # Errors
/// [`GovernError`]; then nothing was changed.
pub fn decide(state: &mut State, request: Request, now: Timestamp) -> Result<(Acts, Decided), GovernError> {
    match request {
        Request::Sign(proposal) => sign(state, proposal, now),
        Request::Withdraw(proposal) => {
            let act = acts::withdraw(author(state, now), proposal)?;
            Ok((vec![add(state, act)?], Decided::Done))
        }
        Request::Suspend(reason) => {
            let act = acts::suspend(author(state, now), &reason)?;
            Ok((vec![add(state, act)?], Decided::Done))
        }
        Request::Resume => resume(state, now),
        Request::Declare(person) => declare(state, &person, now),
        other => {
            let deed = deed(state, other)?;
            alone_or_together(state, deed, now)
        }
    }
}

fn deed(state: &State, request: Request) -> Result<Deed, GovernError> {
    Ok(match request {
        Request::Approve(org) => {
            let waiting = state.membership.pending.iter().find(|p| p.organisation.id == org);
            Deed::Approve { join: waiting.ok_or(GovernError::NobodyWaits)?.join }
        }
        Request::Remove(org, reason) => Deed::Remove(Remove { org, reason, cutoff: cutoffs(state, &org)? }),
        Request::Role(org, role) => Deed::Role { org, role },
        Request::Steward(org, steward) => Deed::Steward { org, steward },
        Request::Amend(text) => {
            let agreement = Agreement::parse(&text).map_err(GovernError::Agreement)?;
            if agreement.hash() == state.membership.agreement.hash() {
                return Err(GovernError::SameAgreement);
            }
            Deed::Amend(Amend { version: state.membership.version.saturating_add(1), text })
        }
        Request::Renew(last_day) => Deed::Renew { last_day },
        Request::Terminate(reason) => Deed::Terminate { reason },
        Request::Grant(org, scope) => Deed::Grant(HistoryGrant { org, scope }),
        Request::Sign(_)
        | Request::Withdraw(_)
        | Request::Suspend(_)
        | Request::Resume
        | Request::Declare(_) => return Err(GovernError::NoSuchProposal),
    })
}

/// One act if that is enough; else a proposal, which this node's signature begins.
fn alone_or_together(state: &mut State, deed: Deed, now: Timestamp) -> Result<(Acts, Decided), GovernError> {
    let alone = match &deed {
        Deed::Approve { join } => Some(acts::approve(author(state, now), *join)?),
        Deed::Remove(r) => Some(acts::remove(author(state, now), r.org, &r.reason, r.cutoff.clone())?),
        Deed::Amend(_) | Deed::Renew { .. } => None,
        _ => Some(acts::decide(author(state, now), deed.clone())?),
    };
    if let Some(act) = alone {
        match add(state, act) {
            Ok(act) => return Ok((vec![act], Decided::Done)),
            Err(GovernError::Void(VoidReason::NeedsSignatures)) => {}
            Err(error) => return Err(error),
        }
    }
    let proposal = acts::propose(author(state, now), deed)?;
    let id = proposal.id();
    let acts = vec![add(state, proposal)?];
    enact_if_enough(state, acts, id, now)
}

fn sign(state: &mut State, proposal: ActId, now: Timestamp) -> Result<(Acts, Decided), GovernError> {
    let act = acts::sign_proposal(author(state, now), proposal)?;
    let acts = vec![add(state, act)?];
    enact_if_enough(state, acts, proposal, now)
}

/// Who signs last puts the proposal into effect.
fn enact_if_enough(
    state: &mut State,
    mut acts: Acts,
    id: ActId,
    now: Timestamp,
) -> Result<(Acts, Decided), GovernError> {
    let proposal = state.membership.proposals.get(&id).ok_or(GovernError::NoSuchProposal)?;
    if proposal.state == ProposalState::Enacted {
        return Ok((acts, Decided::Done));
    }
    let (signed, needed) = (proposal.signed.len(), proposal.needed);
    if signed < needed {
        return Ok((acts, Decided::Waiting { proposal: id, signed, needed }));
    }
    let act = acts::enact(author(state, now), id)?;
    acts.push(add(state, act)?);
    Ok((acts, Decided::Done))
}

fn resume(state: &mut State, now: Timestamp) -> Result<(Acts, Decided), GovernError> {
    let me = state.me.org();
    let ours = state.membership.suspensions.iter().filter(|(_, s)| s.by == me);
    let ours: Vec<ActId> = ours.map(|(id, _)| *id).collect();
    if ours.is_empty() {
        return Err(GovernError::NotSuspended);
    }
    let mut all = Vec::new();
    for suspension in ours {
        let act = acts::resume(author(state, now), suspension)?;
        all.push(add(state, act)?);
    }
    Ok((all, Decided::Done))
}

/// The declaration that an agreement asks of a role, as this organisation signs it; `None` where it asks none.
#[must_use]
pub fn declaration(
    agreement: &Agreement,
    role: &Role,
    who: (OrgId, &str),
    partnership: Option<entente_protocol::ids::PartnershipId>,
    now: Timestamp,
) -> Option<Declaration> {
    let clause = agreement.declaration().filter(|clause| clause.wanted_of(role))?;
    let (org, person) = who;
    let expires = now.plus_days(u64::from(clause.valid_days()));
    Some(Declaration { partnership, org, text: clause.hash(), person: person.to_owned(), time: now, expires })
}

fn declare(state: &mut State, person: &str, now: Timestamp) -> Result<(Acts, Decided), GovernError> {
    let me = state.me.org();
    let member = state.membership.members.get(&me).ok_or(GovernError::NotAMember)?;
    let said = declaration(&state.membership.agreement, &member.role, (me, person), Some(state.id), now);
    let act: VerifiedAct = acts::declare(author(state, now), said.ok_or(GovernError::NothingToDeclare)?)?;
    Ok((vec![add(state, act)?], Decided::Done))
}

/// Proposals that have enough signatures and that somebody should put into effect: ours at once; those that
/// we only signed when `anybody` is asked to, since the last signer may be gone.
pub fn enact_ready(state: &mut State, anybody: bool, now: Timestamp) -> Acts {
    let me = state.me.org();
    let ready = |p: &Proposal| {
        let mine = p.by == me || (anybody && p.signed.contains_key(&me));
        mine && p.signed.len() >= p.needed
    };
    let ready: Vec<ActId> =
        state.membership.open_proposals().filter(|(_, p)| ready(p)).map(|(id, _)| *id).collect();
    let mut acts = Vec::new();
    for id in ready {
        let enacted = acts::enact(author(state, now), id).map_err(GovernError::from);
        match enacted.and_then(|act| add(state, act)) {
            Ok(act) => acts.push(act),
            Err(error) => tracing::info!(%error, "a proposal with enough signatures is not in effect yet"),
        }
    }
    acts
}
