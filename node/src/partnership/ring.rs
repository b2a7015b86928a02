//! The epochs that this node can open in one partnership: keys, and what each epoch binds.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use entente_protocol::agreement::Agreement;
use entente_protocol::derive::Key;
use entente_protocol::envelope::{self, EnvelopeError, Place};
use entente_protocol::epoch::{EpochHeader, readers_hash};
use entente_protocol::handling::Role;
use entente_protocol::ids::{ActId, EpochId, Hash, LogId, NodeId, OrgId, Seq, SpaceId, Timestamp};
use entente_protocol::log::EntryHeader;
use entente_protocol::membership::{ActGraph, Inserted, Membership};
use entente_protocol::policy::{self, Permitted, RecordFacts, Refusal};
use entente_protocol::signed::Signed;
use zeroize::Zeroizing;

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

impl Epoch {
    /// Was it made for this node, by one of those that it was made for?
    #[must_use]
    pub fn is_for(&self, node: &NodeId) -> bool {
        self.readers.contains(node) && self.readers.contains(&self.header.value().minter)
    }
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
    /// By which acts it came to these readers, see [`Membership::readership`].
    pub readership: Hash,
}

impl Terms {
    /// Those of a membership; `reads` says which organisations may be given keys.
    #[must_use]
    pub fn of(membership: &Membership, reads: impl Fn(&OrgId) -> bool) -> Terms {
        let roles = membership.roles().into_iter().filter(|(org, _)| reads(org)).collect();
        let proposed = membership.pending_terms.values().cloned().collect();
        Terms { roles, agreement: membership.agreement.clone(), proposed, readership: membership.readership }
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

/// Entries of an epoch whose own keys are here, and not the epoch's.
#[derive(Clone)]
pub struct Loose {
    /// The space.
    pub space: SpaceId,
    /// The epoch's header.
    pub header: Signed<EpochHeader>,
    /// As for a whole epoch.
    pub terms: Arc<Terms>,
    /// The entries' content keys.
    pub keys: BTreeMap<(LogId, Seq), Key>,
}

/// What opens one entry.
pub struct Opener {
    /// The space that it is good for.
    pub space: SpaceId,
    /// The terms that the entry is judged by.
    pub terms: Arc<Terms>,
    key: Opens,
}

enum Opens {
    WithEpoch(Key),
    WithContentKey(Key),
}

impl Opener {
    /// Opens an entry's payload.
    ///
    /// # Errors
    /// [`EnvelopeError`].
    pub fn open(&self, payload: &[u8], place: &Place) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
        match &self.key {
            Opens::WithEpoch(key) => envelope::open(payload, place, key),
            Opens::WithContentKey(key) => envelope::open_with(payload, place, key),
        }
    }

    /// The key of the entry's content alone.
    ///
    /// # Errors
    /// [`EnvelopeError`].
    pub fn content_key(&self, payload: &[u8], place: &Place) -> Result<Key, EnvelopeError> {
        match &self.key {
            Opens::WithEpoch(key) => envelope::content_key(payload, place, key),
            Opens::WithContentKey(key) => Ok(key.clone()),
        }
    }
}

/// All epochs of a partnership; shared between its driver and whoever shows records.
#[derive(Clone, Default)]
pub struct Ring {
    epochs: Arc<RwLock<BTreeMap<EpochId, Epoch>>>,
    loose: Arc<RwLock<BTreeMap<EpochId, Loose>>>,
    changes: Arc<AtomicU64>,
}

impl Ring {
    /// How often keys came or went: as long as it is the same, the same entries can be opened, on the same terms.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    fn changed(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    fn epochs(&self) -> RwLockReadGuard<'_, BTreeMap<EpochId, Epoch>> {
        self.epochs.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn loose(&self) -> RwLockReadGuard<'_, BTreeMap<EpochId, Loose>> {
        self.loose.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// An epoch.
    #[must_use]
    pub fn get(&self, id: &EpochId) -> Option<Epoch> {
        self.epochs().get(id).cloned()
    }

    /// What opens an entry, if anything here does.
    #[must_use]
    pub fn opener(&self, entry: &EntryHeader) -> Option<Opener> {
        if let Some(Epoch { space, key, terms, .. }) = self.epochs().get(&entry.epoch) {
            return Some(Opener { space: *space, terms: terms.clone(), key: Opens::WithEpoch(key.clone()) });
        }
        let loose = self.loose();
        let Loose { space, terms, keys, .. } = loose.get(&entry.epoch)?;
        let key = keys.get(&(entry.log, entry.seq))?;
        Some(Opener { space: *space, terms: terms.clone(), key: Opens::WithContentKey(key.clone()) })
    }

    /// The header of an epoch of which at least some entries can be opened.
    #[must_use]
    pub fn header(&self, id: &EpochId) -> Option<Signed<EpochHeader>> {
        let known = self.epochs().get(id).map(|epoch| epoch.header.clone());
        known.or_else(|| self.loose().get(id).map(|loose| loose.header.clone()))
    }

    /// All epochs of which at least some entries can be opened.
    #[must_use]
    pub fn ids(&self) -> BTreeSet<EpochId> {
        self.epochs().keys().chain(self.loose().keys()).copied().collect()
    }

    /// Adds an epoch.
    pub fn add(&self, id: EpochId, epoch: Epoch) {
        self.epochs.write().unwrap_or_else(PoisonError::into_inner).insert(id, epoch);
        self.changed();
    }

    /// Adds keys of single entries.
    pub fn add_loose(&self, id: EpochId, more: Loose) {
        let mut loose = self.loose.write().unwrap_or_else(PoisonError::into_inner);
        match loose.entry(id) {
            Entry::Vacant(free) => {
                free.insert(more);
            }
            Entry::Occupied(mut known) => known.get_mut().keys.extend(more.keys),
        }
        self.changed();
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
        let ring = self.epochs();
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
        let ring = self.epochs();
        let mut epochs: Vec<_> =
            ring.iter().filter(|(_, e)| e.space == *space).map(|(id, e)| (*id, e.clone())).collect();
        epochs.sort_by_key(|(id, e)| std::cmp::Reverse((e.held, *id)));
        epochs.truncate(count);
        epochs
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> Vec<(EpochId, Epoch)> {
        let ring = self.epochs();
        ring.iter().map(|(id, epoch)| (*id, epoch.clone())).collect()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.epochs().len()
    }

    /// Forgets all keys: each is wiped as it is dropped.
    pub fn clear(&self) {
        self.epochs.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.loose.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.changed();
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
