//! Epochs whose keys are missing: asked for by id, of one peer of the space after the other.

use crate::ids::{EpochId, NodeId, SpaceId};

use super::super::message::Message;
use super::{Effect, SyncMachine};

/// Epochs that may be asked for at one time.
const MAX_WANTED_EPOCHS: usize = 256;
/// Ticks until an epoch is asked for again: doubles from the first to the last.
const PATIENCE: (u32, u32) = (4, 1_200);

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

    /// Somebody came who may know: the epochs of the spaces that it shares are asked for at once.
    pub(super) fn hurry_epochs(&mut self, peer: &NodeId) {
        let shared: Vec<EpochId> = self
            .wanted_epochs
            .iter()
            .filter(|(_, w)| self.shares(peer, &w.space))
            .map(|(epoch, _)| *epoch)
            .collect();
        for epoch in shared {
            if let Some(wanted) = self.wanted_epochs.get_mut(&epoch) {
                (wanted.wait, wanted.patience) = (1, PATIENCE.0);
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
