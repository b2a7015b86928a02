//! The fence (F16): a node that may have lost the end of its own log signs nothing in it any more.
//!
//! ```text
//! lost end, restored or copied folder ──▶ fenced ──partners give back──▶ caught up ──root key──▶ new log
//! a partner claims to hold more ──▶ held for 10 s ──an entry proves it──▶ fenced
//! ```
//! Two different entries at one position look like bad faith to every partner, and cannot be taken back.

use entente_protocol::ids::Timestamp;
use minicbor::{Decode, Encode};

use crate::clock;
use crate::secrets::{Secret, Secrets};
use crate::vault::VaultError;

use super::driver::Driver;

/// Why and since when this node must not go on in its log.
#[derive(Clone, Encode, Decode)]
pub struct Fence {
    /// Why.
    #[n(0)]
    pub why: FenceReason,
    /// Since when.
    #[n(1)]
    pub since: Timestamp,
    /// The seed of the next log, while its certificate is awaited.
    #[n(2)]
    pub next: Option<Secret>,
}

/// What made a node doubt its own log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum FenceReason {
    /// The journal ends before what was acknowledged.
    #[n(0)]
    JournalCut,
    /// A part of the journal is damaged, and the index was built anew without it.
    #[n(1)]
    JournalDamaged,
    /// It was restored from a back-up.
    #[n(2)]
    Restored,
    /// A partner gave back entries that this node had signed and does not have.
    #[n(3)]
    PartnerHadMore,
    /// The folder is not where it was: a copy, perhaps, while the original goes on. Falls by itself once a partner
    /// shows that it holds no more than this node.
    #[n(4)]
    Moved,
}

impl std::fmt::Display for FenceReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::JournalCut => "its journal ends before what was once acknowledged",
            Self::JournalDamaged => "a part of its journal is damaged",
            Self::Restored => "it was restored from a back-up, and may have signed more since that was made",
            Self::PartnerHadMore => "a partner gave back entries that it had signed and lost",
            Self::Moved => "its folder was copied or moved, and another copy may have signed more",
        })
    }
}

/// Why nothing can be signed in the own log now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fenced {
    /// For good, until the log is renewed.
    #[error("this node must not go on in its log: {0}. It receives, and reads what it has")]
    Until(FenceReason),
    /// For a moment: a partner claims to hold more.
    #[error(
        "a partner says that it holds more of this node's own log than this node; it is being asked for it"
    )]
    Claimed,
}

/// Fences every partnership that is not yet.
pub fn everywhere(secrets: &mut Secrets, why: FenceReason, since: Timestamp) {
    for ours in &mut secrets.partnerships {
        ours.fenced.get_or_insert(Fence { why, since, next: None });
    }
}

impl Driver {
    /// May we sign at the next position of our logs?
    ///
    /// # Errors
    /// [`Fenced`] says why not.
    pub(super) fn may_sign(&mut self) -> Result<(), Fenced> {
        self.settle_move();
        match &self.state.secrets.fenced {
            Some(fence) => Err(Fenced::Until(fence.why)),
            None if self.machine.own_log_claimed() => Err(Fenced::Claimed),
            None => Ok(()),
        }
    }

    /// A folder that was only moved may go on when a partner is here and holds no more than this node; nobody
    /// else can know. Alone in a partnership, there is nobody to contradict.
    fn settle_move(&mut self) {
        let moved = self.state.secrets.fenced.as_ref().is_some_and(|fence| fence.why == FenceReason::Moved);
        let alone = self.state.membership.nodes().all(|(_, node, _)| node == self.state.me.node());
        if !moved || (!alone && self.all_is_here().is_err()) || self.machine.own_log_claimed() {
            return;
        }
        if let Err(error) = self.set_fence(None) {
            tracing::error!(%error, "the vault could not be written");
        }
    }

    /// Durable before anything else happens. A proof weighs more than a suspicion.
    pub(super) fn fence(&mut self, why: FenceReason) -> Result<(), VaultError> {
        if self.state.secrets.fenced.as_ref().is_some_and(|fence| fence.why != FenceReason::Moved) {
            return Ok(());
        }
        tracing::error!(%why, "this node must not go on in its log");
        self.set_fence(Some(Fence { why, since: clock::now(), next: None }))
    }

    fn set_fence(&mut self, fence: Option<Fence>) -> Result<(), VaultError> {
        let id = self.state.id;
        self.shared.keeper.change(|secrets| {
            if let Some(ours) = secrets.partnership_mut(&id) {
                ours.fenced = fence.clone();
            }
        })?;
        self.state.secrets.fenced = fence;
        self.show_fence();
        Ok(())
    }

    /// What can be seen without asking.
    pub(super) fn show_fence(&self) {
        let why = self.state.secrets.fenced.as_ref().map(|fence| fence.why);
        self.view.send_modify(|view| view.fenced = why);
    }
}
