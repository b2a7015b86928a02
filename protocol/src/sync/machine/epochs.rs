//! Epochs whose keys are missing: asked for by id, of one peer of the space after the other, ever more rarely,
//! since a newcomer never gets those of before (S8).

use crate::ids::{EpochId, NodeId, SpaceId};

use super::super::message::Message;
use super::{Effect, SyncMachine};

/// Epochs that may be asked for at one time.
const MAX_WANTED_EPOCHS: usize = 256;
/// Ticks until an epoch is asked for again: doubles from the first to the last, a day. Who gets the key
/// meanwhile gives it to whoever asked in vain, so nothing waits for this.
const PATIENCE: (u32, u32) = (4, 345_600);

/// An epoch that is asked for.
#[derive(Debug)]
pub(super) struct Wanted {
    space: SpaceId,
    /// How often it was asked for: whose turn it is.
    turn: usize,
    /// Ticks until it is asked for again.
    wait: u32,
    /// What `wait` becomes then.
    patience: u32,
}

impl SyncMachine {
    pub(super) fn epoch_missing(&mut self, space: SpaceId, epoch: EpochId) {
        if self.wanted_epochs.len() < MAX_WANTED_EPOCHS && !self.wanted_epochs.contains_key(&epoch) {
            self.wanted_epochs.insert(epoch, Wanted { space, turn: 0, wait: 0, patience: PATIENCE.0 });
            self.ask_for_epoch(epoch);
        }
    }

    /// A tick passed: asks again for those whose time has come.
    pub(super) fn ask_for_epochs(&mut self) {
        let mut due = Vec::new();
        for (epoch, wanted) in &mut self.wanted_epochs {
            wanted.wait = wanted.wait.saturating_sub(1);
            if wanted.wait == 0 {
                due.push(*epoch);
            }
        }
        for epoch in due {
            self.ask_for_epoch(epoch);
        }
    }

    /// Somebody came who may know: it is asked at once for the epochs of the spaces that it shares.
    pub(super) fn ask_newly_connected(&mut self, peer: NodeId) {
        let shared: Vec<(SpaceId, EpochId)> = self
            .wanted_epochs
            .iter()
            .filter(|(_, w)| self.shares(&peer, &w.space))
            .map(|(epoch, w)| (w.space, *epoch))
            .collect();
        for (space, epoch) in shared {
            self.out.push(Effect::Send(peer, Message::WantEpoch(space, epoch)));
        }
    }

    /// A peer asks for an epoch: it is given now if it is here, else once it is.
    pub(super) fn want_epoch(&mut self, from: NodeId, space: SpaceId, epoch: EpochId) {
        if !self.shares(&from, &space) {
            return;
        }
        if let Some(peer) = self.peers.get_mut(&from) {
            peer.asked_in_vain.insert(epoch, space);
            // Answered ones among them: whichever goes, the peer asks again.
            if peer.asked_in_vain.len() > MAX_WANTED_EPOCHS {
                peer.asked_in_vain.pop_first();
            }
        }
        self.out.push(Effect::SendEpoch(from, space, epoch));
    }

    /// An epoch's key is here now.
    pub(super) fn epoch_known(&mut self, epoch: EpochId) {
        self.wanted_epochs.remove(&epoch);
        let asked: Vec<(NodeId, SpaceId)> = self
            .peers
            .iter_mut()
            .filter_map(|(id, peer)| Some((*id, peer.asked_in_vain.remove(&epoch)?)))
            .collect();
        for (peer, space) in asked {
            if self.shares(&peer, &space) {
                self.out.push(Effect::SendEpoch(peer, space, epoch));
            }
        }
    }

    /// Asks one more peer of the space for an epoch, in turn.
    fn ask_for_epoch(&mut self, epoch: EpochId) {
        let Some(wanted) = self.wanted_epochs.get(&epoch) else { return };
        let space = wanted.space;
        let peers: Vec<NodeId> = self.peers.keys().filter(|p| self.shares(p, &space)).copied().collect();
        let Some(wanted) = self.wanted_epochs.get_mut(&epoch) else { return };
        wanted.wait = wanted.patience;
        let Some(peer) = wanted.turn.checked_rem(peers.len()).and_then(|i| peers.get(i)) else { return };
        wanted.turn = wanted.turn.wrapping_add(1);
        if wanted.turn.is_multiple_of(peers.len()) {
            // Everybody was asked: nobody may have it.
            wanted.patience = (wanted.patience * 2).min(PATIENCE.1);
        }
        self.out.push(Effect::Send(*peer, Message::WantEpoch(space, epoch)));
    }
}
