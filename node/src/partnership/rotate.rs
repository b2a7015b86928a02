//! When a new epoch is minted though the readers are the same: on a schedule, after a change of what records
//! are judged by, and by hand.
//!
//! The age of an epoch is how long this node has held it, by its own clock. The time in its header is the
//! minter's claim: a member could date an epoch into the year 9999, and nobody would ever leave it.

use entente_protocol::ids::{SpaceId, Timestamp};

use crate::clock;

use super::commands::{CommandError, Rotated};
use super::driver::Driver;
use super::epochs::{self, Writable};
use super::publish::PublishError;
use super::ring::{Epoch, Terms};
use super::state::State;

/// Milliseconds of a day.
const DAY: u64 = 24 * 60 * 60 * 1000;

/// A day is spread over the nodes: the first to find an epoch old replaces it, and the others find that done.
const SPREAD: u64 = DAY;

/// May this epoch still be written under? That its readers are right is for the caller; `terms` are those of
/// now.
#[must_use]
pub fn is_fresh(state: &State, epoch: &Epoch, terms: &Terms, now: Timestamp) -> bool {
    let days = u64::from(state.membership.agreement.keys().rotate_days());
    let [first, second, ..] = state.me.node().0;
    let mine = SPREAD * u64::from(u16::from_be_bytes([first, second])) / u64::from(u16::MAX);
    let young = now.0.saturating_sub(epoch.held.0) < days * DAY + mine;
    young && *epoch.terms == *terms && same_suspensions(state, epoch)
}

/// Suspensions are not among the terms, but whoever resumes wants a key that nobody had meanwhile.
fn same_suspensions(state: &State, epoch: &Epoch) -> bool {
    let then = state.membership_at(&epoch.header.value().basis);
    then.suspensions.keys().eq(state.membership.suspensions.keys())
}

impl Driver {
    /// A new key at once for what all members read; those of circles follow when they are next written in.
    pub(super) fn rotate(&mut self) -> Result<Rotated, CommandError> {
        if !self.state.is_member() {
            return Err(PublishError::NotAMember.into());
        }
        let all: SpaceId = self.state.all();
        let Writable { id, epoch, .. } = epochs::mint(&self.state, &all, None, clock::now());
        let nodes = epoch.readers.len();
        self.keep_epoch(id, epoch)?;
        Ok(Rotated { epoch: id, nodes })
    }
}
