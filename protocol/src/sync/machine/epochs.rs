//! Epochs whose keys are missing: asked for by id, of one peer of the space after the other, ever more rarely,
//! since a newcomer may never get those of before (S8). With them goes the question for single entries of theirs
//! that this node may read though the whole epoch is not for it.

use std::collections::BTreeSet;

use crate::ids::{EpochId, LogId, NodeId, Seq, SpaceId};
use crate::limits;

use super::super::message::Message;
use super::{Effect, SyncMachine};

/// Epochs that may be asked for at one time: who came late to a partnership asks for those of its past as well,
/// a decade of monthly ones and some.
const MAX_WANTED_EPOCHS: usize = 1_024;
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
    /// Entries that are asked for one by one.
    records: BTreeSet<(LogId, Seq)>,
}

impl Wanted {
    fn new(space: SpaceId) -> Wanted {
        Wanted { space, turn: 0, wait: 0, patience: PATIENCE.0, records: BTreeSet::new() }
    }

    /// Asks at the next tick.
    fn hurry(&mut self) {
        (self.wait, self.patience) = (1, PATIENCE.0);
    }

    /// The entries to ask for now: others each turn, so that some which nobody gives do not hide the rest.
    fn some_records(&self) -> Vec<(LogId, Seq)> {
        let all = self.records.len();
        let first = self.turn.wrapping_mul(limits::MAX_RECORD_KEYS).checked_rem(all).unwrap_or(0);
        self.records.iter().cycle().skip(first).take(all.min(limits::MAX_RECORD_KEYS)).copied().collect()
    }
}

impl SyncMachine {
    pub(super) fn epoch_missing(&mut self, space: SpaceId, epoch: EpochId) {
        if self.wanted_epochs.len() < MAX_WANTED_EPOCHS && !self.wanted_epochs.contains_key(&epoch) {
            let soon = Wanted { wait: PATIENCE.0, ..Wanted::new(space) };
            self.wanted_epochs.insert(epoch, soon);
            if !self.hurry_holder(epoch) {
                self.ask_for_epoch(epoch);
            }
        }
    }

    /// Entries that may be read one by one are asked for with their epoch; so many that their keys can be kept.
    pub(super) fn records_missing(&mut self, space: SpaceId, epoch: EpochId, places: Vec<(LogId, Seq)>) {
        let asked: usize = self.wanted_epochs.values().map(|wanted| wanted.records.len()).sum();
        let room = limits::MAX_HISTORY_KEYS.saturating_sub(asked);
        if !self.wanted_epochs.contains_key(&epoch) && self.wanted_epochs.len() >= MAX_WANTED_EPOCHS {
            return;
        }
        let wanted = self.wanted_epochs.entry(epoch).or_insert_with(|| Wanted::new(space));
        let new: Vec<_> = places.into_iter().filter(|p| !wanted.records.contains(p)).take(room).collect();
        if !new.is_empty() {
            wanted.records.extend(new);
            wanted.hurry();
        }
    }

    /// Some keys came: the others are asked for at once.
    pub(super) fn records_known(&mut self, epoch: &EpochId, places: &[(LogId, Seq)]) {
        let Some(wanted) = self.wanted_epochs.get_mut(epoch) else { return };
        let before = wanted.records.len();
        places.iter().for_each(|place| {
            wanted.records.remove(place);
        });
        if wanted.records.len() < before && !wanted.records.is_empty() {
            wanted.hurry();
        }
    }

    /// What was refused before may be given now.
    pub(super) fn hurry_all_epochs(&mut self) {
        self.wanted_epochs.values_mut().for_each(Wanted::hurry);
    }

    /// A peer asks for single entries. Circles have no newcomers.
    pub(super) fn want_records(
        &mut self,
        from: NodeId,
        space: &SpaceId,
        epoch: EpochId,
        mut places: Vec<(LogId, Seq)>,
    ) {
        let of_all = self.spaces.get(space).is_some_and(|space| space.circle.is_none());
        if of_all && self.shares(&from, space) {
            places.truncate(limits::MAX_RECORD_KEYS);
            self.out.push(Effect::SendRecordKeys(from, epoch, places));
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
        let shared: Vec<(SpaceId, EpochId, Vec<_>)> = self
            .wanted_epochs
            .iter()
            .filter(|(_, w)| self.shares(&peer, &w.space))
            .map(|(epoch, w)| (w.space, *epoch, w.some_records()))
            .collect();
        for (space, epoch, records) in shared {
            self.ask_one(peer, space, epoch, records);
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
        self.need_not_ask(epoch);
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
        let records = wanted.some_records();
        wanted.turn = wanted.turn.wrapping_add(1);
        if wanted.turn.is_multiple_of(peers.len()) {
            // Everybody was asked: nobody may have it.
            wanted.patience = (wanted.patience * 2).min(PATIENCE.1);
        }
        self.ask_one(*peer, space, epoch, records);
    }

    fn ask_one(&mut self, peer: NodeId, space: SpaceId, epoch: EpochId, records: Vec<(LogId, Seq)>) {
        self.out.push(Effect::Send(peer, Message::WantEpoch(space, epoch)));
        if !records.is_empty() {
            self.out.push(Effect::Send(peer, Message::WantRecords(space, epoch, records)));
        }
    }
}
