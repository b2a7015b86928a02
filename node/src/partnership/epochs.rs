//! Epochs on this node: the one to write under, those that partners bring, and giving them on.

use std::collections::BTreeSet;
use std::sync::Arc;

use entente_protocol::epoch::{self, EpochError, EpochHeader, Slot};
use entente_protocol::ids::{EpochId, NodeId, OrgId, PartnershipId, SpaceId, Timestamp};
use entente_protocol::limits;
use entente_protocol::signed::{Unverified, VerifyError};

use crate::clock::SystemRandom;
use crate::frames::{Frame, KnownEpoch};

use super::driver::DOOR_KEYS;
use super::history;
use super::ring::{Epoch, Terms};
use super::state::State;
use super::{prekeys, rotate};

/// An epoch to write under.
#[derive(Clone)]
pub struct Writable {
    /// Its id.
    pub id: EpochId,
    /// The epoch.
    pub epoch: Epoch,
    /// Was it minted just now?
    pub minted: bool,
}

/// The epoch whose readers are exactly the present nodes of a space, if it is fresh; minted if there is none. It
/// is not in the ring then: its key must first be in the vault.
#[must_use]
pub fn writable(state: &State, space: &SpaceId, circle: Option<&[OrgId]>, now: Timestamp) -> Writable {
    let nodes = state.readers_of(circle, now);
    let terms = Terms::of(&state.membership, |org| state.membership.may_read(org, now).is_ok());
    let fresh = |epoch: &Epoch| rotate::is_fresh(state, epoch, &terms, now);
    match state.ring.writable(space, &nodes, fresh) {
        Some((id, epoch)) => Writable { id, epoch, minted: false },
        None => mint(state, space, circle, now),
    }
}

/// A fresh epoch for the present nodes of a space. It is sealed to each of them when it is there: sealing it to
/// 300 at once takes 50 ms, and their prekeys may be newer by then.
#[must_use]
pub fn mint(state: &State, space: &SpaceId, circle: Option<&[OrgId]>, now: Timestamp) -> Writable {
    let nodes = state.readers_of(circle, now);
    let basis = state.graph.heads();
    let minted = epoch::mint_unsealed(*space, &state.me.key, &nodes, basis, now, &mut SystemRandom);
    let epoch = Epoch {
        space: *space,
        key: minted.key,
        header: minted.header,
        readers: nodes,
        held: now,
        terms: Arc::new(Terms::of(&state.membership, |org| state.membership.may_read(org, now).is_ok())),
    };
    Writable { id: minted.id, epoch, minted: true }
}

/// Why a partner's epoch was not taken.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// The header's signature or form.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// Nobody asked for it, and it is not for the present readers.
    #[error("an epoch that nobody asked for")]
    Unasked,
    /// It was minted under acts that are not here yet: by them, what its records may be is judged.
    #[error("an epoch that came before the membership acts that it was made under")]
    Early,
    /// Its minter may not write here.
    #[error("an epoch of somebody who does not share this space")]
    NotAMember,
    /// The slot.
    #[error(transparent)]
    Slot(#[from] EpochError),
    /// Too many.
    #[error("more than {} epochs", limits::MAX_EPOCHS)]
    TooMany,
}

/// Verifies and opens an epoch that a partner sent. It is not in the ring yet.
///
/// # Errors
/// [`TakeError`].
pub fn take(
    state: &State,
    header: &Unverified<EpochHeader>,
    slot: &Slot,
    asked: impl Fn(&EpochId) -> bool,
    now: Timestamp,
) -> Result<Option<(EpochId, Epoch)>, TakeError> {
    let header = header.verify_self(|h| h.minter.0)?;
    let id = epoch::id_of(&header);
    if state.ring.get(&id).is_some() {
        return Ok(None);
    }
    if state.ring.count() >= limits::MAX_EPOCHS {
        return Err(TakeError::TooMany);
    }
    let asked = asked(&id);
    let space = header.value().space;
    let circle = circle_of(state, &space).ok_or(TakeError::NotAMember)?;
    let Some(minter) = minter_of(state, header.value(), asked) else {
        // An entry under it is here: then the acts that let its minter in are on their way.
        return Err(if asked { TakeError::Early } else { TakeError::NotAMember });
    };
    if circle.as_ref().is_some_and(|orgs| !orgs.contains(&minter)) {
        return Err(TakeError::NotAMember);
    }
    if !header.value().basis.iter().all(|act| state.graph.contains(act)) {
        return Err(TakeError::Early);
    }
    let present = state.readers_of(circle.as_deref(), now);
    let for_present = header.value().readers == epoch::readers_hash(&present);
    if !for_present && !asked {
        return Err(TakeError::Unasked);
    }
    let key = prekeys::open_slot(&state.secrets, &header, slot)?;
    let held = now;
    Ok(Some((id, Epoch { held, ..bind(state, header, key, circle.as_deref()) })))
}

/// The organisation of who minted an epoch. Two sides that put each other out may have let somebody in who never was a
/// member by all acts together: what members wrote meanwhile under its key is theirs, and is read with it all the same.
fn minter_of(state: &State, header: &EpochHeader, asked: bool) -> Option<OrgId> {
    let then = || Some(state.membership_at(&header.basis).node(&header.minter)?.0);
    state.org_of(&header.minter).or_else(|| if asked { then() } else { None })
}

/// Puts an epoch together with what held when it was minted. Held since its minter says, for want of better.
#[must_use]
pub fn bind(
    state: &State,
    header: entente_protocol::signed::Signed<EpochHeader>,
    key: entente_protocol::derive::Key,
    circle: Option<&[OrgId]>,
) -> Epoch {
    let membership = state.membership_at(&header.value().basis);
    let in_circle = |org: &OrgId| circle.is_none_or(|orgs| orgs.contains(org));
    // By the minter's clock, since it is the minter's choice that is bound here.
    let reads = |org: &OrgId| membership.may_read(org, header.value().created).is_ok();
    let all = membership.nodes().filter(|(org, _, _)| in_circle(org) && reads(org));
    let nodes: BTreeSet<NodeId> = all.map(|(_, node, _)| node).collect();
    let told = header.value().readers == epoch::readers_hash(&nodes);
    let terms = Arc::new(Terms::of(&membership, reads));
    Epoch {
        space: header.value().space,
        key,
        readers: if told { nodes } else { BTreeSet::new() },
        held: header.value().created,
        terms,
        header,
    }
}

/// The organisations of a space: `Some(None)` for the space of all members, `None` if it is unknown.
#[must_use]
pub fn circle_of(state: &State, space: &SpaceId) -> Option<Option<Vec<OrgId>>> {
    if *space == state.all() {
        return Some(None);
    }
    let known = state.logs.iter().find(|((s, _), _)| s == space)?;
    Some(known.1.circle.as_ref().map(|c| c.orgs.clone()))
}

/// An epoch for a node that may read it, as one of its readers or as history: its header, and the node's slot.
#[must_use]
pub fn give(state: &State, to: &NodeId, id: &EpochId) -> Option<(Unverified<EpochHeader>, Slot)> {
    let epoch = state.ring.get(id)?;
    let (org, _) = state.membership.node(to)?;
    let reads = epoch.readers.contains(to) || could_read(state, &epoch, &org);
    if !reads && !history::opens_whole(state, to, &epoch) {
        return None;
    }
    let slot = epoch::seal_slot(id, &epoch.key, to, state.prekey_of(to)?, &mut SystemRandom).ok()?;
    Some((epoch.header.to_unverified(), slot))
}

/// The epoch that opens the members' doors to who was let in: that of the present members. Who is a member no more
/// gets no newer one; it gives the last that it shares with the newcomer, which nobody else could give.
#[must_use]
pub fn for_newcomer(state: &State, to: &NodeId, now: Timestamp) -> Option<EpochId> {
    let all = state.all();
    if state.is_member() {
        return state.ring.writable(&all, &state.readers_of(None, now), |_| true).map(|(id, _)| id);
    }
    let newest = state.ring.newest(&all, DOOR_KEYS);
    newest.into_iter().find(|(_, epoch)| epoch.is_for(to)).map(|(id, _)| id)
}

/// Was a node of this organisation among an epoch's readers? Its other nodes, whom its root key certified, may
/// read what it could.
fn could_read(state: &State, epoch: &Epoch, org: &OrgId) -> bool {
    let mut nodes = state.membership.nodes_ever();
    let may_read = state.membership.may_read(org, crate::clock::now()).is_ok();
    may_read && nodes.any(|(of, node, _)| of == *org && epoch.readers.contains(&node))
}

/// An epoch for the journal. Its key is for the vault only.
#[must_use]
pub fn frame(partnership: PartnershipId, epoch: &Epoch) -> Frame {
    Frame::Epoch(KnownEpoch {
        partnership,
        header: epoch.header.to_unverified(),
        readers: epoch.readers.iter().copied().collect(),
        slots: Vec::new(),
    })
}

/// The id of an epoch whose header was read from the journal.
#[must_use]
pub fn id_of(header: &Unverified<EpochHeader>) -> Option<EpochId> {
    header.verify_self(|h| h.minter.0).ok().map(|h| epoch::id_of(&h))
}
