//! Prekeys on this node: its own is replaced every 30 days and deleted 90 days later, those of partners are
//! kept as they come.
//!
//! ```text
//! due ──fresh secret into the vault──▶ Prekey signed ──journal──▶ told ──▶ partners seal to it
//! ```
//! A crash between the vault and the journal leaves a secret that nobody was told of: it is told at the next
//! start.

use std::collections::BTreeMap;

use entente_protocol::derive::Key;
use entente_protocol::epoch::Slot;
use entente_protocol::epoch::{self, EpochError, EpochHeader};
use entente_protocol::ids::{NodeId, Timestamp};
use entente_protocol::limits::{MAX_PREKEYS_PER_MESSAGE, PREKEY_DAYS, RETIRED_PREKEY_DAYS};
use entente_protocol::prekey::{Prekey, VerifiedPrekey};
use entente_protocol::signed::{Signed, Unverified};
use entente_protocol::sync::Message;

use crate::clock;
use crate::frames::Frame;
use crate::secrets::{PartnershipSecrets, Prekeys, RetiredPrekey, Secret};

use super::courier::Job;
use super::driver::Driver;
use super::landing::Then;
use super::state::State;

/// Milliseconds of a day.
const DAY: u64 = 24 * 60 * 60 * 1000;
/// Retired prekeys that are kept at most, whatever the clock says: each costs 0.25 ms where a slot does not
/// open.
const MOST_RETIRED: usize = 8;

impl Prekeys {
    /// The member card's prekey, made now.
    #[must_use]
    pub fn first(now: Timestamp) -> Prekeys {
        Prekeys { generation: 0, made: now, retired: Vec::new() }
    }

    /// Is it time for the next? A clock that was set back by more than a day counts as time, or a prekey made
    /// under a wrong clock would stay for years.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        let age = now.0.checked_sub(self.made.0);
        age.is_none_or(|age| age >= PREKEY_DAYS * DAY) && self.made.0.abs_diff(now.0) >= DAY
    }

    /// The secrets that are no longer needed go; were there any?
    pub fn delete_old(&mut self, now: Timestamp) -> bool {
        let before = self.retired.len();
        self.retired.retain(|r| now.0.saturating_sub(r.replaced.0) < RETIRED_PREKEY_DAYS * DAY);
        self.retired.truncate(MOST_RETIRED);
        self.retired.len() != before
    }
}

/// Puts a fresh prekey in place of the present one, above a generation that partners know.
///
/// # Errors
/// Where the system gives no randomness; nothing is changed then.
pub fn replace(ours: &mut PartnershipSecrets, above: u32, now: Timestamp) -> Result<(), getrandom::Error> {
    let fresh = Secret::random()?;
    let before = std::mem::replace(&mut ours.prekey, fresh);
    let prekeys = ours.prekeys.get_or_insert_with(|| Prekeys::first(now));
    prekeys.retired.insert(0, RetiredPrekey { secret: before, replaced: now });
    prekeys.generation = prekeys.generation.max(above).saturating_add(1);
    prekeys.made = now;
    prekeys.delete_old(now);
    Ok(())
}

/// Opens our slot of an epoch with whichever of our prekeys it was sealed to.
///
/// # Errors
/// [`EpochError`] of the present prekey, if none opens it.
pub fn open_slot(
    ours: &PartnershipSecrets,
    header: &Signed<EpochHeader>,
    slot: &Slot,
) -> Result<Key, EpochError> {
    let mut first = None;
    for secret in ours.prekey_secrets() {
        match epoch::open_slot(header, slot, &secret) {
            Ok(key) => return Ok(key),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or(EpochError::Sealed))
}

/// All prekeys that are known here and newer than the cards', of present nodes, to be carried on.
pub fn all_known(state: &State) -> Vec<Unverified<Prekey>> {
    let present = |(node, _): &(&NodeId, &VerifiedPrekey)| state.membership.node(node).is_some();
    state.prekeys.iter().filter(present).map(|(_, prekey)| prekey.to_unverified()).collect()
}

impl State {
    /// What is sealed to for a node: the newest prekey that is known here, else its card's.
    #[must_use]
    pub fn prekey_of(&self, node: &NodeId) -> Option<&[u8]> {
        let (_, of) = self.membership.node(node)?;
        Some(self.prekeys.get(node).map_or(of.card.prekey.as_slice(), VerifiedPrekey::public))
    }

    /// Its generation.
    #[must_use]
    pub fn generation_of(&self, node: &NodeId) -> u32 {
        self.prekeys.get(node).map_or(0, VerifiedPrekey::generation)
    }

    /// Keeps a prekey if it is newer than the one known; was it?
    pub fn learn_prekey(&mut self, prekey: VerifiedPrekey) -> bool {
        let newer = prekey.generation() > self.generation_of(&prekey.node());
        if newer {
            self.prekeys.insert(prekey.node(), prekey);
        }
        newer
    }

    /// What is known of all present nodes.
    fn prekey_points(&self) -> Vec<(NodeId, u32)> {
        self.membership.nodes().map(|(_, node, _)| (node, self.generation_of(&node))).collect()
    }

    /// Our present prekey, signed; nothing while it is the card's.
    fn own_prekey(&self) -> Option<VerifiedPrekey> {
        let generation = self.secrets.prekey_generation();
        let created = self.secrets.prekeys.as_ref()?.made;
        let prekey = self.secrets.prekey_secret().public().ok().filter(|_| generation > 0)?;
        let (partnership, node) = (self.id, self.me.node());
        Some(VerifiedPrekey::sign(Prekey { partnership, node, generation, prekey, created }, &self.me.key))
    }
}

impl Driver {
    /// Makes a new prekey when it is time, deletes those that are old enough, and tells what was not told.
    pub(super) fn look_after_prekeys(&mut self, now: Timestamp) {
        if self.state.membership.node(&self.state.me.node()).is_none() {
            return;
        }
        let known = self.state.generation_of(&self.state.me.node());
        let generation = self.state.secrets.prekey_generation();
        let old = |p: &Prekeys| p.clone().delete_old(now);
        let (due, stale) = match &self.state.secrets.prekeys {
            None => (false, true),
            // Partners know a later one than we do: ours was lost with what an old back-up lacks.
            Some(prekeys) => (prekeys.is_due(now) || known > generation, old(prekeys)),
        };
        if due || stale {
            self.change_prekeys(due, known, now);
        }
        if self.state.secrets.prekey_generation() > known {
            self.tell_own_prekey();
        }
    }

    fn change_prekeys(&mut self, replace_it: bool, known: u32, now: Timestamp) {
        let mut changed = self.state.secrets.clone();
        changed.prekeys.get_or_insert_with(|| Prekeys::first(now)).delete_old(now);
        if replace_it && let Err(error) = replace(&mut changed, known, now) {
            return tracing::error!(%error, "no new prekey could be made");
        }
        let (prekey, prekeys) = (changed.prekey, changed.prekeys);
        let id = self.state.id;
        let saved = self.shared.keeper.change(|secrets| {
            if let Some(ours) = secrets.partnership_mut(&id) {
                (ours.prekey, ours.prekeys) = (prekey.clone(), prekeys.clone());
            }
        });
        match saved {
            Ok(()) => (self.state.secrets.prekey, self.state.secrets.prekeys) = (prekey, prekeys),
            Err(error) => tracing::error!(%error, "a new prekey could not be kept in the vault"),
        }
    }

    fn tell_own_prekey(&mut self) {
        let Some(own) = self.state.own_prekey() else { return };
        let travelling = own.to_unverified();
        if self.state.learn_prekey(own) {
            self.keep_prekeys(vec![travelling], None);
        }
    }

    /// Prekeys that are new here: into the journal, and told of to whoever did not bring them.
    fn keep_prekeys(&mut self, prekeys: Vec<Unverified<Prekey>>, from: Option<NodeId>) {
        let nodes: Vec<NodeId> =
            prekeys.iter().filter_map(|p| p.verify_self(|p| p.node.0).ok()).map(|p| p.value().node).collect();
        let points: Vec<(NodeId, u32)> =
            nodes.iter().map(|node| (*node, self.state.generation_of(node))).collect();
        let id = self.state.id;
        self.append(prekeys.into_iter().map(|p| Frame::Prekey(id, p)).collect(), Then::Kept);
        let others: Vec<NodeId> = self.couriers.keys().copied().filter(|n| Some(*n) != from).collect();
        for node in others {
            self.send(node, Job::Message(Message::PrekeyPoints(points.clone())));
        }
    }

    /// Tells a partner that has just connected which prekeys are known here.
    pub(super) fn tell_prekeys(&mut self, to: NodeId) {
        let points = self.state.prekey_points();
        if points.iter().any(|(_, generation)| *generation > 0) {
            self.send(to, Job::Message(Message::PrekeyPoints(points)));
        }
    }

    /// Gives a partner the prekeys that it lacks, each once in a connection, and says where it has newer ones.
    pub(super) fn compare_prekeys(&mut self, from: NodeId, points: &[(NodeId, u32)]) {
        let told: BTreeMap<NodeId, u32> = points.iter().copied().collect();
        let Some(courier) = self.couriers.get_mut(&from) else { return };
        let mut newer = Vec::new();
        for (node, generation) in &told {
            let Some(ours) = self.state.prekeys.get(node) else { continue };
            let sent = courier.prekeys_sent.get(node).copied().unwrap_or(0);
            if ours.generation() > (*generation).max(sent) {
                courier.prekeys_sent.insert(*node, ours.generation());
                newer.push(ours.to_unverified());
            }
        }
        let lacking: Vec<(NodeId, u32)> = told
            .iter()
            .filter(|(node, _)| self.state.membership.node(node).is_some())
            .map(|(node, generation)| (*node, self.state.generation_of(node), *generation))
            .filter(|(_, ours, theirs)| ours < theirs)
            .map(|(node, ours, _)| (node, ours))
            .collect();
        for part in newer.chunks(MAX_PREKEYS_PER_MESSAGE) {
            self.send(from, Job::Message(Message::Prekeys(part.to_vec())));
        }
        if !lacking.is_empty() {
            self.send(from, Job::Message(Message::PrekeyPoints(lacking)));
        }
    }

    /// Takes prekeys of present members' nodes, from whoever brings them.
    pub(super) fn take_prekeys(&mut self, from: NodeId, prekeys: &[Unverified<Prekey>]) {
        let mut new = Vec::new();
        for travelling in prekeys {
            match VerifiedPrekey::verify(travelling, &self.state.id) {
                Ok(prekey) if self.state.membership.node(&prekey.node()).is_some() => {
                    if self.state.learn_prekey(prekey) {
                        new.push(travelling.clone());
                    }
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, ?from, "a prekey was not taken"),
            }
        }
        if !new.is_empty() {
            self.keep_prekeys(new, Some(from));
            // One of our own that we do not have the secret of: replaced at once.
            self.look_after_prekeys(clock::now());
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ed25519_dalek::SigningKey;
    use entente_protocol::epoch::seal_slot;
    use entente_protocol::ids::{PartnershipId, SpaceId};

    use super::*;
    use crate::clock::SystemRandom;

    const START: Timestamp = Timestamp(1_800_000_000_000);

    fn after(days: u64) -> Timestamp {
        Timestamp(START.0 + days * DAY)
    }

    #[test]
    fn a_prekey_is_due_after_thirty_days_and_when_the_clock_was_set_back() {
        let prekeys = Prekeys::first(START);
        assert!(!prekeys.is_due(START));
        assert!(!prekeys.is_due(after(29)));
        assert!(prekeys.is_due(after(30)));
        assert!(!prekeys.is_due(Timestamp(START.0 - 1000)), "clocks are corrected by seconds every day");
        assert!(prekeys.is_due(Timestamp(START.0 - 2 * DAY)));
    }

    #[test]
    fn what_was_sealed_to_an_old_prekey_opens_for_ninety_days_and_then_never() {
        let mut ours = PartnershipSecrets::fresh(PartnershipId([1; 32])).unwrap();
        let node = NodeId([2; 32]);
        let key = SigningKey::from_bytes(&[7; 32]);
        let minted = epoch::mint_unsealed(SpaceId([1; 32]), &key, [&node], vec![], START, &mut SystemRandom);
        let public = ours.prekey_secret().public().unwrap();
        let slot = seal_slot(&minted.id, &minted.key, &node, &public, &mut SystemRandom).unwrap();
        for (days, generation) in [(30, 1), (60, 2), (90, 3)] {
            replace(&mut ours, 0, after(days)).unwrap();
            assert_eq!(ours.prekey_generation(), generation);
            assert_eq!(open_slot(&ours, &minted.header, &slot).unwrap(), minted.key);
        }
        let prekeys = ours.prekeys.as_mut().unwrap();
        assert!(!prekeys.delete_old(after(119)));
        assert!(prekeys.delete_old(after(120)));
        assert_eq!(prekeys.retired.len(), 2);
        assert_eq!(open_slot(&ours, &minted.header, &slot).unwrap_err(), EpochError::Sealed);
    }

    #[test]
    fn a_new_prekey_goes_above_the_one_that_partners_know() {
        let mut ours = PartnershipSecrets::fresh(PartnershipId([1; 32])).unwrap();
        replace(&mut ours, 6, START).unwrap();
        assert_eq!(ours.prekey_generation(), 7);
    }
}
