//! What is a pure function of bytes that all nodes hold, computed once for all of them. Without it, 300 nodes
//! would fold the same acts and check the same signatures 300 times; with it nothing that a node knows is
//! known to another, because each answer is looked up by everything that it depends on.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use entente_protocol::codec;
use entente_protocol::derive;
use entente_protocol::epoch::{self, EpochHeader};
use entente_protocol::ids::{ActId, EpochId, Hash, NodeId, OrgId, Seq, Timestamp};
use entente_protocol::log::{Batch, Entry, Head};
use entente_protocol::membership::{ActBody, ActGraph, Inserted, Membership, VerifiedAct, verify_act};
use entente_protocol::signed::{Signed, Unverified};
use entente_protocol::sync::Roster;

use crate::scenario::Crypto;

/// Names a set of acts: how many they are, and the exclusive or of their ids.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SetId(usize, [u8; 32]);

impl SetId {
    /// The set of no acts.
    pub const EMPTY: SetId = SetId(0, [0; 32]);

    /// With one more.
    #[must_use]
    pub fn with(mut self, id: &ActId) -> SetId {
        self.0 += 1;
        self.1.iter_mut().zip(id.0).for_each(|(a, b)| *a ^= b);
        self
    }
}

/// What a set of acts amounts to, and what nodes derive from that.
pub struct Folded {
    /// The set.
    pub set: SetId,
    /// The membership.
    pub membership: Membership,
    /// Those that may be given keys: who joined while the agreement was amended signs it first.
    pub readers: BTreeMap<NodeId, OrgId>,
    /// For the sync machine.
    pub roster: Roster,
}

/// A batch that was verified.
pub struct Checked {
    /// Its entries.
    pub entries: Vec<Rc<Entry>>,
    /// The log's head after them.
    pub head: Head,
}

/// An epoch header that was verified, and its id.
pub type Header = Rc<(EpochId, Signed<EpochHeader>)>;

/// All that was computed.
pub struct Memo {
    crypto: Crypto,
    folds: BTreeMap<SetId, Rc<Folded>>,
    acts: BTreeMap<Hash, Option<Rc<VerifiedAct>>>,
    batches: BTreeMap<(Hash, Seq, Hash), Option<Rc<Checked>>>,
    headers: BTreeMap<Hash, Option<Header>>,
    /// How often a fold was made, and how often it was there.
    pub folded: (u64, u64),
    /// Rules that were found broken.
    pub problems: Vec<String>,
}

impl Memo {
    /// Nothing yet.
    #[must_use]
    pub fn new(crypto: Crypto) -> Memo {
        Memo {
            crypto,
            folds: BTreeMap::new(),
            acts: BTreeMap::new(),
            batches: BTreeMap::new(),
            headers: BTreeMap::new(),
            folded: (0, 0),
            problems: Vec::new(),
        }
    }

    /// What these acts amount to. With full cryptography a node's own graph, in which acts lie in the order of
    /// their arrival, is sometimes folded again: the result must be the same (M0).
    pub fn fold(&mut self, set: SetId, graph: &ActGraph) -> Rc<Folded> {
        if let Some(known) = self.folds.get(&set) {
            self.folded.1 += 1;
            let again = self.crypto == Crypto::Full && self.folded.1.is_multiple_of(16);
            if again && known.membership != Membership::of(graph) {
                self.problems.push("one set of acts amounts to two memberships (M0)".into());
            }
            return known.clone();
        }
        self.folded.0 += 1;
        let membership = Membership::of(graph);
        if !membership.members.values().any(|m| m.steward) {
            self.problems.push("a partnership without a steward (M11)".into());
        }
        let folded = Rc::new(Folded::new(set, membership));
        self.folds.insert(set, folded.clone());
        folded
    }

    /// What the past of these heads amounts to; `None` where one of them is not in the graph.
    pub fn fold_at(&mut self, graph: &ActGraph, heads: &[ActId]) -> Option<Rc<Folded>> {
        let mut past: BTreeSet<ActId> = BTreeSet::new();
        for head in heads {
            past.extend(graph.ancestors(head)?);
            past.insert(*head);
        }
        let set = past.iter().fold(SetId::EMPTY, SetId::with);
        if let Some(known) = self.folds.get(&set) {
            return Some(known.clone());
        }
        let mut acts = graph.iter().filter(|a| past.contains(&a.id())).cloned();
        let mut then = ActGraph::founded(acts.next()?).ok()?;
        for act in acts {
            if !matches!(then.insert(act), Ok(Inserted::New)) {
                return None;
            }
        }
        Some(self.fold(set, &then))
    }

    /// Checks an act.
    pub fn act(&mut self, act: &Unverified<ActBody>) -> Option<Rc<VerifiedAct>> {
        let check = || verify_act(act).ok().map(Rc::new);
        let key = derive::hash(&codec::encode(act));
        self.acts.entry(key).or_insert_with(check).clone()
    }

    /// Checks an epoch header.
    pub fn header(&mut self, header: &Unverified<EpochHeader>) -> Option<Header> {
        let check = || {
            let signed = header.verify_self(|h| h.minter.0).ok()?;
            Some(Rc::new((epoch::id_of(&signed), signed)))
        };
        if self.crypto == Crypto::Full {
            return check();
        }
        let key = derive::hash(&codec::encode(header));
        self.headers.entry(key).or_insert_with(check).clone()
    }

    /// Checks that a batch continues a log.
    pub fn batch(&mut self, batch: Batch, head: &Head) -> Option<Rc<Checked>> {
        let check = |batch: Batch| {
            let verified = batch.verify(head).ok()?;
            let head = verified.head();
            Some(Rc::new(Checked {
                entries: verified.into_entries().into_iter().map(Rc::new).collect(),
                head,
            }))
        };
        if self.crypto == Crypto::Full {
            return check(batch);
        }
        let key = (derive::hash(&codec::encode(&batch)), head.next, head.chain);
        self.batches.entry(key).or_insert_with(|| check(batch)).clone()
    }
}

impl Folded {
    fn new(set: SetId, membership: Membership) -> Folded {
        let roster = Roster::of(&membership);
        let readers = membership.readers(Timestamp(0)).map(|(org, node, _)| (node, org)).collect();
        Folded { set, membership, readers, roster }
    }

    /// The nodes of these organisations that may read; of all members if none are named.
    #[must_use]
    pub fn nodes_of(&self, orgs: Option<&[OrgId]>) -> BTreeSet<NodeId> {
        let named = |org: &OrgId| orgs.is_none_or(|orgs| orgs.contains(org));
        self.readers.iter().filter(|(_, org)| named(org)).map(|(node, _)| *node).collect()
    }

    /// The organisation of a node, present or former.
    #[must_use]
    pub fn org_of(&self, node: &NodeId) -> Option<OrgId> {
        self.membership.nodes_ever().find(|(_, id, _)| id == node).map(|(org, _, _)| org)
    }
}
