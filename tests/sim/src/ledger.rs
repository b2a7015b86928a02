//! What the checks know and no node does: who truly holds which key, and what each author knew when it wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use entente_protocol::ids::{EpochId, Hash, LogId, NodeId, OrgId, RecordId, SpaceId};
use entente_protocol::log::Entry;

use crate::memo::{Folded, SetId};
use crate::store::Judged;

/// An epoch, in truth.
pub struct Truth {
    /// Its space.
    pub space: SpaceId,
    /// For whom it was minted.
    pub readers: BTreeSet<NodeId>,
    /// Who has its key.
    pub holders: BTreeSet<NodeId>,
}

/// A record, and what its author's node knew when it sealed it.
pub struct Publication {
    /// Its id.
    pub record: RecordId,
    /// The author's node.
    pub author: NodeId,
    /// The entry.
    pub entry: Rc<Entry>,
    /// The membership that the author knew.
    pub under: Rc<Folded>,
}

/// What the judgement of an entry depends on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct JudgedKey {
    /// The log.
    pub log: LogId,
    /// The payload, whose envelope binds its place.
    pub payload: Hash,
    /// The acts by which roles are judged.
    pub basis: SetId,
}

/// All of it.
#[derive(Default)]
pub struct Ledger {
    /// All epochs.
    pub epochs: BTreeMap<EpochId, Truth>,
    /// All records.
    pub publications: Vec<Publication>,
    /// Judgements made, where one is made for all.
    pub judged: BTreeMap<JudgedKey, Judged>,
    /// Slots given.
    pub sealed: u64,
    /// Rules that were found broken.
    pub problems: Vec<String>,
}

impl Ledger {
    /// An epoch was minted.
    pub fn minted(&mut self, id: EpochId, space: SpaceId, readers: &BTreeSet<NodeId>) {
        self.epochs.insert(id, Truth { space, readers: readers.clone(), holders: BTreeSet::new() });
    }

    /// Somebody has its key.
    pub fn holds(&mut self, id: EpochId, node: NodeId) {
        if let Some(truth) = self.epochs.get_mut(&id) {
            truth.holders.insert(node);
        }
    }

    /// Somebody is about to write: every holder of the key must be a member by what the writer knows.
    pub fn check_writable(&mut self, id: &EpochId, known: &Folded, circle: Option<&[OrgId]>) {
        let members = known.nodes_of(circle);
        let exact =
            self.epochs.get(id).is_some_and(|t| t.readers == members && t.holders.is_subset(&members));
        if !exact {
            self.problems
                .push(format!("{} is written under, and others than the readers hold it", id.short()));
        }
    }

    /// A record was sealed.
    pub fn published(&mut self, publication: Publication) {
        self.publications.push(publication);
    }
}
