//! More nodes of a member, and nodes that are not to be trusted any more.
//!
//! Door keys: everybody who knows an epoch's key knows the door key that follows from it, a seized node
//! included. Those of epochs that a revoked node could read open until each present node was connected here
//! since the revocation, and for 30 days at most: a member that was away knows no other. Who comes through
//! with them must still prove the transport identity of a present node, which the revoked one cannot.

use std::collections::BTreeSet;
use std::time::Duration;

use entente_protocol::derive;
use entente_protocol::ids::{ActId, LogId, NodeId, OrgId, Seq, Timestamp};
use entente_protocol::invitation::Invitation;
use entente_protocol::limits;
use entente_protocol::membership::acts::{self, RevokeNode};
use entente_protocol::membership::{Act, ActBody, VerifiedAct};
use entente_protocol::root::Revocation;
use entente_protocol::signed::Unverified;

use crate::api::types;
use crate::clock;
use crate::door::DoorKey;
use crate::secrets::{OpenInvitation, Secret};
use crate::store::Store;

use super::commands::{InvitationMade, Reply};
use super::driver::{DOOR_KEYS, Driver};
use super::govern::{self, GovernError, Invited};
use super::quarantine;
use super::state::State;

/// How long old door keys that a revoked node knows may still open, for members that are away.
const OLD_DOORS: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What is said when a node is revoked.
#[derive(Clone)]
pub struct Revoke {
    /// Which.
    pub node: NodeId,
    /// Why; all members will read it.
    pub reason: String,
    /// Since when it may have been in other hands.
    pub seized_at: Option<Timestamp>,
    /// The root key's word, where we are neither its sibling nor a steward.
    pub root: Option<Unverified<Revocation>>,
}

/// Opens a door for one more node of a member.
///
/// # Errors
/// [`GovernError`].
pub fn open(
    state: &mut State,
    org: &OrgId,
    days: u64,
    addresses: &[String],
    now: Timestamp,
) -> Result<Invited, GovernError> {
    let role = state.membership.members.get(org).ok_or(GovernError::NotAMember)?.role.clone();
    if state.secrets.invitations.len() >= limits::MAX_OPEN_INVITATIONS {
        return Err(GovernError::TooManyInvitations);
    }
    let door = Secret::random()?;
    let expires = now.plus_days(days);
    let office = acts::Office { org: *org, door: derive::door_commitment(&door.key()), expires };
    let act = acts::office(govern::author(state, now), office)?;
    let id = act.id();
    let me = (derive::transport_id(&state.secrets.transport.key()), state.me.org());
    let text = Invitation::new(state.id, id, &door.key(), me, addresses.to_vec(), expires).to_text()?;
    let act = govern::add(state, act)?;
    Ok(Invited { act, open: OpenInvitation { act: id, door, expires, used_by: None }, text, role })
}

/// Revokes a node: of our own organisation, as a steward, or with its root key's word.
///
/// # Errors
/// [`GovernError`].
pub fn revoke(
    state: &mut State,
    store: &Store,
    revoke: Revoke,
    now: Timestamp,
) -> Result<Unverified<ActBody>, GovernError> {
    let me = state.me.org();
    let (org, of) = state.membership.node(&revoke.node).ok_or(GovernError::NoSuchNode)?;
    if revoke.node == state.me.node() {
        return Err(GovernError::OwnNode);
    }
    if org != me && revoke.root.is_none() && !state.membership.is_steward(&me) {
        return Err(GovernError::MayNotRevoke);
    }
    let cut = |log: &LogId| (*log, quarantine::cutoff(state, store, log, revoke.seized_at));
    let cutoff: Vec<(LogId, Seq)> = of.ended.keys().chain([&of.card.log]).map(cut).collect();
    let Revoke { node, reason, seized_at, root } = revoke;
    let said = RevokeNode { node, reason, seized_at, cutoff, root };
    let act = acts::revoke_node(govern::author(state, now), said)?;
    govern::add(state, act)
}

/// What an act answers through a door: a request to join, or a node of a member that comes in.
#[must_use]
pub fn answers(act: &VerifiedAct) -> Option<ActId> {
    match &act.body().act {
        Act::Join(join) => Some(join.invitation),
        Act::AddNode(add) => Some(add.office),
        _ => None,
    }
}

/// The door keys to knock with: our own, then those that were told when we came, which whom none of ours reached may
/// still open to. Each once: a door that knows a key no more stays silent for seconds.
fn knocks(own: Vec<DoorKey>, told: impl Iterator<Item = DoorKey>) -> Vec<DoorKey> {
    let mut knocks = own;
    for door in told {
        if knocks.len() < DOOR_KEYS && !knocks.contains(&door) {
            knocks.push(door);
        }
    }
    knocks
}

impl Driver {
    /// Opens a door for one more node of a member: its key is in the vault before its act is spread.
    pub(super) fn open_office(&mut self, org: &OrgId, days: u64, reply: Reply<InvitationMade>) {
        self.forget_old_invitations();
        let opened = open(&mut self.state, org, days, &self.shared.addresses, clock::now());
        let made = opened.map_err(Into::into).and_then(|opened| self.keep_invitation(opened));
        let _gone = reply.send(made);
    }

    /// Revokes a node, and makes the next key at once: what is shared from now on it cannot open.
    pub(super) fn revoke(&mut self, asked: Revoke, reply: Reply<()>) {
        let ledger = self.shared.ledger.clone();
        match revoke(&mut self.state, ledger.store(), asked, clock::now()) {
            Ok(act) => {
                self.keep_acts(vec![act], Some(reply));
                self.mint_now();
            }
            Err(error) => {
                let _gone = reply.send(Err(error.into()));
            }
        }
    }

    /// Tells the API of revocations that are new.
    pub(super) fn tell_revoked(&mut self, known: &BTreeSet<NodeId>) {
        for (node, revoked) in self.state.membership.revoked.iter().filter(|(n, _)| !known.contains(*n)) {
            let event = types::Event::Revoked {
                partnership: self.state.id,
                node: *node,
                organisation: revoked.org,
                by: revoked.by,
                seized_at: revoked.seized_at,
            };
            let _nobody_listens = self.shared.events.send(event);
        }
    }

    /// The door keys that admit now, and those that only we use to knock with: today's first.
    pub(super) fn door_keys(&self) -> (Vec<DoorKey>, Vec<DoorKey>) {
        let waited_for = self.old_doors_are_needed();
        let epochs = self.state.ring.newest(&self.state.all(), DOOR_KEYS);
        let revoked = &self.state.membership.revoked;
        let (mut admit, mut own) = (Vec::new(), Vec::new());
        let mut known_to_revoked = false;
        for (_, epoch) in epochs {
            let key = DoorKey(derive::door_key(&epoch.key));
            // Those before it came it was told (decision 56).
            known_to_revoked |= revoked.keys().any(|node| epoch.readers.contains(node));
            if waited_for || !known_to_revoked {
                admit.push(key.clone());
            }
            own.push(key);
        }
        if admit.is_empty() {
            // Until the key without the revoked node is here there is no other way in.
            admit.clone_from(&own);
        }
        let told = self.state.secrets.doors.iter().flatten().map(|door| DoorKey(door.key()));
        (admit, knocks(own, told))
    }

    /// Is there a present node that may know none but the old keys?
    fn old_doors_are_needed(&self) -> bool {
        let now = clock::now();
        let me = self.state.me.node();
        let recent = |at: &Timestamp| now.0.saturating_sub(at.0) < OLD_DOORS.as_millis() as u64;
        let last = self.state.membership.revoked.values().map(|r| r.time).filter(recent).max();
        let Some(last) = last else { return false };
        let unseen = |node: &NodeId| {
            !self.couriers.contains_key(node) && self.last_seen.get(node).is_none_or(|seen| *seen < last)
        };
        self.state.membership.nodes().any(|(_, node, _)| node != me && unseen(&node))
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn no_door_is_knocked_at_twice_with_one_key_and_our_own_come_first() {
        let keys = |numbers: &[u8]| -> Vec<DoorKey> {
            numbers.iter().map(|number| DoorKey(Zeroizing::new([*number; 32]))).collect()
        };
        let all = |own: &[u8], told: &[u8]| -> Vec<u8> {
            knocks(keys(own), keys(told).into_iter()).iter().map(|door| door.0[0]).collect()
        };
        assert_eq!(all(&[3], &[3, 2, 1]), [3, 2, 1]);
        assert_eq!(all(&[4, 3], &[3, 2]), [4, 3, 2]);
        let many: Vec<u8> = (0..40).collect();
        assert_eq!(all(&[2, 1], &many).len(), DOOR_KEYS);
        assert_eq!(all(&many[..DOOR_KEYS], &[99]), many[..DOOR_KEYS]);
    }
}
