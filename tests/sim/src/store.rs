//! What a node has on its disk: it survives a crash. What was handed to the disk and is not there yet does not,
//! or does in part.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use entente_protocol::derive::Key;
use entente_protocol::epoch::Slot;
use entente_protocol::identity::LogCertificate;
use entente_protocol::ids::{EpochId, LogId, NodeId, OrgId, RecordId, Seq, SpaceId};
use entente_protocol::log::{Entry, Head};
use entente_protocol::membership::VerifiedAct;
use entente_protocol::signed::Unverified;

use crate::memo::{Folded, Header};

/// A log in a space.
pub type LogKey = (SpaceId, LogId);
/// A circle: its organisations, and the word of a log's owner.
pub type Circle = (Vec<OrgId>, Unverified<LogCertificate>);

/// A log.
#[derive(Clone)]
pub struct Log {
    /// Whose it is.
    pub owner: NodeId,
    /// In a circle.
    pub circle: Option<Circle>,
    /// What is here.
    pub entries: Vec<Rc<Entry>>,
    /// Where it goes on.
    pub head: Head,
}

/// An epoch whose key is here.
#[derive(Clone)]
pub struct Epoch {
    /// Its space.
    pub space: SpaceId,
    /// Its key.
    pub key: Key,
    /// Its header.
    pub header: Header,
    /// Its readers, where this node could tell.
    pub readers: BTreeSet<NodeId>,
    /// Slots, where this node minted it.
    pub slots: Rc<Vec<Slot>>,
    /// What held when it was minted.
    pub basis: Rc<Folded>,
}

/// What became of an entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Judged {
    /// It may be shown.
    Shown(RecordId),
    /// Its epoch's key is not here.
    Waiting(EpochId),
    /// It came with entries that are welcome, and was written after its author was put out.
    Late,
    /// It may not be shown.
    Refused(String),
}

/// Something on its way to the disk.
pub enum Write {
    /// Membership acts.
    Acts(Vec<Rc<VerifiedAct>>),
    /// An epoch.
    Epoch(EpochId, Box<Epoch>),
    /// A log of a circle.
    Log(LogKey, NodeId, Circle),
    /// Entries of a log, from a partner or our own.
    Entries(LogKey, Vec<Rc<Entry>>, Head, Option<NodeId>),
}

/// What lasts.
#[derive(Clone, Default)]
pub struct Store {
    /// Acts, each after its parents.
    pub acts: Vec<Rc<VerifiedAct>>,
    /// Epochs.
    pub epochs: BTreeMap<EpochId, Epoch>,
    /// Epochs of before it came, of which it knows the door keys alone.
    pub doors: BTreeSet<EpochId>,
    /// Logs.
    pub logs: BTreeMap<LogKey, Log>,
    /// What became of each entry.
    pub judged: BTreeMap<(LogKey, Seq), Judged>,
    /// Entries that wait for a key.
    pub waiting: BTreeMap<EpochId, BTreeSet<(LogKey, Seq)>>,
}

impl Log {
    /// An empty log.
    #[must_use]
    pub fn new(owner: NodeId, circle: Option<Circle>) -> Log {
        Log { owner, circle, entries: Vec::new(), head: Head::EMPTY }
    }
}
