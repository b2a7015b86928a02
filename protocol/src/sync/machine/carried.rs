//! What a member's node says in a file, or leaves with a mailbox: taken as if it were connected, but for that it
//! cannot be answered (S12).

use crate::ids::NodeId;
use crate::limits;

use super::super::message::{Frontier, LOGS_PER_FRONTIER, Message, Proof};
use super::{Effect, SyncMachine};

impl SyncMachine {
    /// A message that was carried. What asks for something is passed over.
    pub(super) fn carried(&mut self, from: NodeId, message: Message) {
        if !self.roster.nodes.contains_key(&from) {
            return;
        }
        match message {
            Message::Frontier(frontier) => self.learn_logs(from, frontier),
            Message::Acts(acts) => self.out.push(Effect::TakeActs(from, acts)),
            Message::Batch(batch) => self.batch(from, batch),
            Message::Epoch(header, slot) if slot.node == self.me => {
                self.out.push(Effect::TakeEpoch(from, header, slot));
            }
            Message::Proof(Proof::Fork(evidence)) => self.evidence(from, *evidence),
            Message::Prekeys(prekeys) if prekeys.len() <= limits::MAX_PREKEYS_PER_MESSAGE => {
                self.out.push(Effect::TakePrekeys(from, prekeys));
            }
            Message::Mailboxes(told) if told.len() <= limits::MAX_MAILBOXES => {
                self.out.push(Effect::TakeMailboxes(from, told));
            }
            _ => {}
        }
    }

    /// The circles that it shares with us, and their logs. How far it holds them moves nothing: it is not here to
    /// be asked.
    fn learn_logs(&mut self, from: NodeId, frontier: Frontier) {
        let Frontier { space, circle, logs } = frontier;
        if logs.len() > LOGS_PER_FRONTIER || !self.meet(&from, space, circle.as_ref()) {
            return;
        }
        for point in logs {
            if let Some(owner) = point.certificate {
                self.meet_log(space, point.log, owner);
            }
        }
    }
}
