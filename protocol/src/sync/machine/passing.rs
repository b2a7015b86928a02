//! How a fresh key of the space of all members reaches everybody, while each downloads one slot of 1.5 kB (S10).
//!
//! ```text
//!  who minted it ──slot──▶ 20 of its peers
//!  who has it ──"I have it"──▶ 8 peers that may lack it ──"give it to me"──▶ the first who said so ──slot──▶
//! ```
//! Whom the word does not reach hears of the key with the first entry under it, and asks then (S8). Peers that meet
//! tell each other which key they have, in 39 bytes, instead of giving it to who has it already.

use crate::derive;
use crate::ids::{EpochId, NodeId, SpaceId};

use super::super::message::Message;
use super::{Effect, PUSH_FANOUT, SyncMachine};

/// Peers that are told of a key once it is here: of 300 nodes, fewer than one in 1,000 is told by nobody.
const TOLD: usize = 8;
/// Ticks until somebody else who has a key is asked for it: 10 s.
const PATIENCE: u32 = 40;
/// Ticks before the first who has a key is asked for it: what was pushed may be on its way. 250 to 500 ms.
const ON_ITS_WAY: u32 = 2;

impl SyncMachine {
    /// All members write under this epoch now; `mine` if it was minted here.
    pub(super) fn epoch_current(&mut self, epoch: EpochId, mine: bool) {
        if self.current == Some(epoch) {
            return;
        }
        self.current = Some(epoch);
        let all = self.all();
        let mut lacking: Vec<NodeId> =
            self.peers.iter().filter(|(_, p)| p.holds != Some(epoch)).map(|(id, _)| *id).collect();
        if mine {
            for peer in lacking.into_iter().take(PUSH_FANOUT) {
                self.give(peer, all, epoch);
            }
            return;
        }
        // Others by each node, and by each epoch.
        lacking.sort_by_cached_key(|peer| derive::hash(&[self.me.0, peer.0, epoch.0].concat()));
        for peer in lacking.into_iter().take(TOLD) {
            self.out.push(Effect::Send(peer, Message::HaveEpoch(epoch)));
        }
    }

    /// A peer came: it hears what we have.
    pub(super) fn tell_epoch(&mut self, peer: NodeId) {
        if let Some(epoch) = self.current {
            self.out.push(Effect::Send(peer, Message::HaveEpoch(epoch)));
        }
    }

    /// A peer has an epoch. Until it was given what it was asked for it is asked for nothing more.
    pub(super) fn have_epoch(&mut self, from: NodeId, epoch: EpochId) {
        let Some(peer) = self.peers.get_mut(&from) else { return };
        peer.holds = Some(epoch);
        if peer.asked_epoch.is_none() && self.current != Some(epoch) {
            self.out.push(Effect::EpochTold(from, epoch));
        }
    }

    /// What a peer told of is not here.
    pub(super) fn epoch_lacked(&mut self, from: NodeId, epoch: EpochId) {
        let asked = self.holder_is_asked(epoch) || self.wanted_epochs.contains_key(&epoch);
        if let Some(peer) = self.peers.get_mut(&from).filter(|_| !asked) {
            peer.asked_epoch = Some((epoch, PATIENCE + ON_ITS_WAY));
        }
    }

    /// It is here now, whoever gave it.
    pub(super) fn need_not_ask(&mut self, epoch: EpochId) {
        for peer in self.peers.values_mut() {
            peer.asked_epoch = peer.asked_epoch.filter(|(id, _)| *id != epoch);
        }
    }

    /// A tick passed: asks who told of a key, and who was asked and did not give it no more.
    pub(super) fn ask_other_holders(&mut self) {
        let (mut not_given, mut due) = (Vec::new(), Vec::new());
        for (id, peer) in &mut self.peers {
            if let Some((epoch, wait)) = &mut peer.asked_epoch {
                *wait = wait.saturating_sub(1);
                if *wait == PATIENCE {
                    due.push((*id, *epoch));
                } else if *wait == 0 {
                    not_given.push(*epoch);
                    peer.asked_epoch = None;
                    peer.holds = None;
                }
            }
        }
        due.into_iter().for_each(|(holder, epoch)| self.ask_holder(holder, epoch));
        not_given.into_iter().for_each(|epoch| self.ask_another(epoch));
    }

    /// Was a peer that has an epoch asked for it, or is about to be?
    fn holder_is_asked(&self, epoch: EpochId) -> bool {
        self.peers.values().any(|peer| peer.asked_epoch.is_some_and(|(id, _)| id == epoch))
    }

    /// An entry waits for a key: who has it, by its word, is asked without more ado. False if nobody said so.
    pub(super) fn hurry_holder(&mut self, epoch: EpochId) -> bool {
        let holder = self.peers.iter().find_map(|(id, peer)| match peer.asked_epoch {
            Some((of, wait)) if of == epoch => Some((*id, wait)),
            _ => None,
        });
        if let Some((holder, _)) = holder.filter(|(_, wait)| *wait > PATIENCE) {
            self.ask_holder(holder, epoch);
        }
        holder.is_some()
    }

    /// Asks another peer that has an epoch, if one said so.
    pub(super) fn ask_another(&mut self, epoch: EpochId) {
        let holder =
            self.peers.iter().find(|(_, peer)| peer.holds == Some(epoch) && peer.asked_epoch.is_none());
        if let Some(holder) = holder.map(|(id, _)| *id) {
            self.ask_holder(holder, epoch);
        }
    }

    fn ask_holder(&mut self, holder: NodeId, epoch: EpochId) {
        let all = self.all();
        if let Some(peer) = self.peers.get_mut(&holder) {
            peer.asked_epoch = Some((epoch, PATIENCE));
            self.out.push(Effect::Send(holder, Message::WantEpoch(all, epoch)));
        }
    }

    fn give(&mut self, to: NodeId, space: SpaceId, epoch: EpochId) {
        if let Some(peer) = self.peers.get_mut(&to) {
            peer.holds = Some(epoch);
        }
        self.out.push(Effect::SendEpoch(to, space, epoch));
    }

    fn all(&self) -> SpaceId {
        derive::space_of_all(&self.partnership)
    }
}
