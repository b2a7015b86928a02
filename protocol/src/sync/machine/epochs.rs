//! Epochs whose keys are missing: asked for by id, of one peer of the space after the other.

use crate::ids::{EpochId, NodeId, SpaceId};

use super::super::message::Message;
use super::{Effect, SyncMachine};

/// Epochs that may be asked for at one time.
const MAX_WANTED_EPOCHS: usize = 256;

impl SyncMachine {
    pub(super) fn epoch_missing(&mut self, space: SpaceId, epoch: EpochId) {
        if self.wanted_epochs.len() < MAX_WANTED_EPOCHS && !self.wanted_epochs.contains_key(&epoch) {
            self.wanted_epochs.insert(epoch, (space, 0));
            self.ask_for_epoch(epoch);
        }
    }

    /// Asks one more peer of the space for an epoch, in turn.
    pub(super) fn ask_for_epoch(&mut self, epoch: EpochId) {
        let Some((space, turn)) = self.wanted_epochs.get(&epoch).copied() else { return };
        let peers: Vec<NodeId> = self.peers.keys().filter(|p| self.shares(p, &space)).copied().collect();
        let Some(peer) = turn.checked_rem(peers.len()).and_then(|i| peers.get(i)) else { return };
        self.out.push(Effect::Send(*peer, Message::WantEpoch(space, epoch)));
        self.wanted_epochs.insert(epoch, (space, turn.wrapping_add(1)));
    }
}
