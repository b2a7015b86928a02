//! The epochs that this node can open in one partnership: keys, and what each epoch binds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use entente_protocol::agreement::Agreement;
use entente_protocol::derive::Key;
use entente_protocol::epoch::{EpochHeader, readers_hash};
use entente_protocol::handling::Role;
use entente_protocol::ids::{ActId, EpochId, NodeId, OrgId, SpaceId, Timestamp};
use entente_protocol::membership::{ActGraph, Inserted, Membership};
use entente_protocol::policy::{self, Permitted, RecordFacts, Refusal};
use entente_protocol::signed::Signed;

/// An epoch whose key is here.
#[derive(Clone)]
pub struct Epoch {
    /// Its space.
    pub space: SpaceId,
    /// Its key.
    pub key: Key,
    /// Its header.
    pub header: Signed<EpochHeader>,
    /// The nodes that it is for, where this node could tell.
    pub readers: BTreeSet<NodeId>,
    /// Since when its key is here, by this node's clock. The time in its header is only a claim: whoever dated an
    /// epoch into the year 9999 would have everybody write under it for ever.
    pub held: Timestamp,
    /// What held when it was minted: what was permitted then stays permitted.
    pub terms: Arc<Terms>,
}

/// What records are judged by, at some point of a partnership's history.
#[derive(Clone, PartialEq, Debug)]
pub struct Terms {
    /// The role of each member that may be given keys.
    pub roles: BTreeMap<OrgId, Role>,
    /// The agreement in force.
    pub agreement: Arc<Agreement>,
    /// Versions that were proposed: their narrower limits held as well.
    pub proposed: Vec<Arc<Agreement>>,
}

impl Terms {
    /// Those of a membership; `reads` says which organisations may be given keys.
    #[must_use]
    pub fn of(membership: &Membership, reads: impl Fn(&OrgId) -> bool) -> Terms {
        let roles = membership.roles().into_iter().filter(|(org, _)| reads(org)).collect();
        let proposed = membership.pending_terms.values().cloned().collect();
        Terms { roles, agreement: membership.agreement.clone(), proposed }
    }

    /// Is a record permitted by the agreement in force and by every version that was proposed?
    ///
    /// # Errors
    /// Every refusal.
    pub fn permit(&self, facts: &RecordFacts) -> Result<Permitted, Vec<Refusal>> {
        let proposed: Vec<&Agreement> = self.proposed.iter().map(|a| &**a).collect();
        policy::permit_all(&self.agreement, &proposed, &self.roles, facts)
    }
}

/// All epochs of a partnership; shared between its driver and whoever shows records.
#[derive(Clone, Default)]
pub struct Ring(Arc<RwLock<BTreeMap<EpochId, Epoch>>>);

impl Ring {
    /// An epoch.
    #[must_use]
    pub fn get(&self, id: &EpochId) -> Option<Epoch> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Adds an epoch.
    pub fn add(&self, id: EpochId, epoch: Epoch) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(id, epoch);
    }

    /// The epoch of a space that was held last, of those whose readers are exactly these nodes and that are still
    /// good enough: the only kind to write under.
    #[must_use]
    pub fn writable<'a>(
        &self,
        space: &SpaceId,
        readers: impl IntoIterator<Item = &'a NodeId>,
        fresh: impl Fn(&Epoch) -> bool,
    ) -> Option<(EpochId, Epoch)> {
        let readers: BTreeSet<&NodeId> = readers.into_iter().collect();
        let wanted = readers_hash(readers.iter().copied());
        let ring = self.0.read().unwrap_or_else(PoisonError::into_inner);
        ring.iter()
            .filter(|(_, e)| e.space == *space && e.header.value().readers == wanted && fresh(e))
            // Somebody who was about to be put out could have made a key for those who stay.
            .filter(|(_, e)| readers.contains(&e.header.value().minter))
            .max_by_key(|(id, e)| (e.held, **id))
            .map(|(id, e)| (*id, e.clone()))
    }

    /// The epochs of a space that were held last, the last first.
    #[must_use]
    pub fn newest(&self, space: &SpaceId, count: usize) -> Vec<(EpochId, Epoch)> {
        let ring = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut epochs: Vec<_> =
            ring.iter().filter(|(_, e)| e.space == *space).map(|(id, e)| (*id, e.clone())).collect();
        epochs.sort_by_key(|(id, e)| std::cmp::Reverse((e.held, *id)));
        epochs.truncate(count);
        epochs
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> Vec<(EpochId, Epoch)> {
        let ring = self.0.read().unwrap_or_else(PoisonError::into_inner);
        ring.iter().map(|(id, epoch)| (*id, epoch.clone())).collect()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Forgets all keys: each is wiped as it is dropped.
    pub fn clear(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// The membership as it was at these heads, if all of them are known.
#[must_use]
pub fn membership_at(graph: &ActGraph, heads: &[ActId]) -> Option<Membership> {
    let mut past: BTreeSet<ActId> = BTreeSet::new();
    for head in heads {
        past.extend(graph.ancestors(head)?);
        past.insert(*head);
    }
    if past.len() == graph.len() {
        return Some(Membership::of(graph));
    }
    let mut acts = graph.iter().filter(|a| past.contains(&a.id())).cloned();
    let mut then = ActGraph::founded(acts.next()?).ok()?;
    for act in acts {
        match then.insert(act) {
            Ok(Inserted::New) => {}
            Ok(_) | Err(_) => return None,
        }
    }
    Some(Membership::of(&then))
}
