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
    // The terms name the acts that led to these readers: a key that somebody had meanwhile is not theirs any more.
    young && *epoch.terms == *terms
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use entente_protocol::agreement::Agreement;
    use entente_protocol::identity::{OrgKind, introduce};
    use entente_protocol::ids::NodeId;
    use entente_protocol::membership::ActGraph;
    use entente_protocol::membership::acts::{self, Founding, NOT_YET};

    use super::*;
    use crate::me::Me;
    use crate::partnership::card;
    use crate::secrets::{PartnershipSecrets, Secret};

    const START: Timestamp = Timestamp(1_800_000_000_000);
    const YEAR_9999: Timestamp = Timestamp(253_370_764_800_000);

    fn after(days: u64) -> Timestamp {
        Timestamp(START.0 + days * DAY)
    }

    /// A founder alone, under the template of an informal agreement.
    fn state() -> State {
        let (root, node) = (Secret::random().unwrap(), Secret::random().unwrap().signing_key());
        let id = NodeId(node.verifying_key().to_bytes());
        let introduced = introduce(&root.signing_key(), "Office", OrgKind::Npm, "GE", id, START).unwrap();
        let me = Me { introduced, key: node };
        let mut secrets = PartnershipSecrets::fresh(NOT_YET).unwrap();
        let card = card(&me, &secrets, NOT_YET, &[]).unwrap();
        let agreement =
            entente_protocol::agreement::templates::template(entente_protocol::agreement::Form::Informal);
        let role = Agreement::parse(agreement).unwrap().roles().first().unwrap().clone();
        let said = Founding { name: "P", agreement, role, nonce: [1; 16], time: START, declaration: None };
        let act = acts::found(&me.key, &me.introduced, card, said).unwrap();
        let graph = ActGraph::founded(act).unwrap();
        secrets.id = graph.partnership();
        State::new(Arc::new(me), secrets, graph)
    }

    #[test]
    fn an_epoch_from_the_year_9999_is_not_kept_in_use() {
        let state = state();
        let all = state.all();
        let later = epochs::mint(&state, &all, None, YEAR_9999);
        let held = Epoch { held: START, ..later.epoch };
        state.ring.add(later.id, held);
        let days = u64::from(state.membership.agreement.keys().rotate_days());
        assert!(!epochs::writable(&state, &all, None, after(days - 1)).minted);
        let next = epochs::writable(&state, &all, None, after(days + 2));
        assert!(next.minted, "it is as old as its key has been here");
        state.ring.add(next.id, next.epoch);
        let now = epochs::writable(&state, &all, None, after(days + 3));
        assert_eq!((now.id, now.minted), (next.id, false), "what was held last is written under");
        assert_eq!(state.ring.newest(&all, 1).first().map(|(id, _)| *id), Some(next.id));
    }

    #[test]
    fn an_epoch_of_other_terms_is_not_written_under() {
        let state = state();
        let all = state.all();
        let first = epochs::mint(&state, &all, None, START);
        let mut terms = (*first.epoch.terms).clone();
        terms.roles.clear();
        state.ring.add(first.id, Epoch { terms: Arc::new(terms), ..first.epoch });
        assert!(epochs::writable(&state, &all, None, START).minted);
    }
}
