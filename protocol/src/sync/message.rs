//! What two connected nodes of a partnership say to each other. Canonical CBOR; one message a frame.

use minicbor::{Decode, Encode};

use crate::codec::Wire;
use crate::epoch::{EpochHeader, Slot};
use crate::evidence::{Evidence, SignedHeaders};
use crate::history::RecordKeys;
use crate::identity::LogCertificate;
use crate::ids::{ActId, BlobId, EpochId, Hash, LogId, NodeId, OrgId, Seq, SpaceId};
use crate::limits;
use crate::log::Batch;
use crate::mailbox::Appointment;
use crate::membership::ActBody;
use crate::prekey::Prekey;
use crate::signed::Unverified;
use crate::verification::VerifyMessage;

/// The version of this protocol. A peer of another version is told so and not spoken to.
pub const VERSION: u32 = 1;
/// Logs told of in one [`Message::Frontier`].
pub const LOGS_PER_FRONTIER: usize = 512;

/// One message.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Message {
    /// The first, from both sides.
    #[n(0)]
    Hello(#[n(0)] Hello),
    /// How far the sender holds the logs of a space; only what changed, after the first time.
    #[n(1)]
    Frontier(#[n(0)] Frontier),
    /// The heads of the sender's membership graph.
    #[n(2)]
    Heads(#[n(0)] Vec<ActId>),
    /// Asks for the acts that are missing beyond these heads.
    #[n(3)]
    WantActs(#[n(0)] Vec<ActId>),
    /// Membership acts in causal order.
    #[n(4)]
    Acts(#[n(0)] Vec<Unverified<ActBody>>),
    /// Asks to be sent a log from a position on.
    #[n(5)]
    WantLog(#[n(0)] SpaceId, #[n(1)] LogId, #[n(2)] Seq),
    /// Entries of a log.
    #[n(6)]
    Batch(#[n(0)] Batch),
    /// Asks for an epoch's key, sealed to the asking node.
    #[n(7)]
    WantEpoch(#[n(0)] SpaceId, #[n(1)] EpochId),
    /// An epoch's header, and the receiver's slot.
    #[n(8)]
    Epoch(#[n(0)] Unverified<EpochHeader>, #[n(1)] Slot),
    /// About attachments.
    #[n(9)]
    Blob(#[n(0)] BlobMessage),
    /// Which generation of some nodes' prekeys the sender knows, 0 for the member card's: all members' on
    /// connecting, then those that changed.
    #[n(10)]
    PrekeyPoints(#[n(0)] Vec<(NodeId, u32)>),
    /// Prekeys that are newer than what the receiver told.
    #[n(11)]
    Prekeys(#[n(0)] Vec<Unverified<Prekey>>),
    /// About the verification of persons.
    #[n(12)]
    Verify(#[n(0)] VerifyMessage),
    /// Asks what the author of a log signed at a position.
    #[n(13)]
    WantProof(#[n(0)] SpaceId, #[n(1)] LogId, #[n(2)] Seq),
    /// What an author signed.
    #[n(14)]
    Proof(#[n(0)] Proof),
    /// Asks for the keys of single entries of an epoch that the sender may read though the epoch is not for it;
    /// at most [`limits::MAX_RECORD_KEYS`].
    #[n(15)]
    WantRecords(#[n(0)] SpaceId, #[n(1)] EpochId, #[n(2)] Vec<(LogId, Seq)>),
    /// The keys of those entries that were asked for and may be given.
    #[n(16)]
    RecordKeys(#[n(0)] RecordKeys),
    /// Opens a parley (S11), or goes on with one: the acts that put the receiver out, in the sender's eyes; where
    /// the receiver is a member in them, the heads of the sender's membership graph.
    #[n(17)]
    Parley(#[n(0)] Vec<ActId>),
    /// The sender holds all the acts that the receiver named in its last [`Message::Parley`] or heads.
    #[n(18)]
    Heard(#[n(0)] Vec<ActId>),
    /// The sender has the key of this epoch of all members, and writes under it.
    #[n(28)]
    HaveEpoch(#[n(0)] EpochId),
    /// The sender's keeper lets partners store no more in this partnership, or lets them again.
    #[n(29)]
    Full(#[n(0)] bool),
    /// The sender lets other members reach each other through it, or does not any more. Silence means no.
    #[n(20)]
    Relays(#[n(0)] bool),
    /// Mailboxes that stewards appointed, or ended: all on connecting, then what is new.
    #[n(19)]
    Mailboxes(#[n(0)] Vec<Unverified<Appointment>>),
}

/// What an author signed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Proof {
    /// At the position that was asked for, as the sender holds it.
    #[n(0)]
    Side(#[n(0)] SignedHeaders),
    /// Two different entries at one position.
    #[n(1)]
    Fork(#[n(0)] Box<Evidence>),
}

/// The first message.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Hello {
    /// [`VERSION`].
    #[n(0)]
    pub version: u32,
    /// The heads of the sender's membership graph.
    #[n(1)]
    pub heads: Vec<ActId>,
    /// Where the sender may be reached, as `ip:port`.
    #[n(2)]
    pub addresses: Vec<String>,
}

/// How far the sender holds the logs of one space.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Frontier {
    /// The space.
    #[n(0)]
    pub space: SpaceId,
    /// The organisations of a circle; nothing for the space of all members.
    #[n(1)]
    pub circle: Option<Vec<OrgId>>,
    /// Its logs.
    #[n(2)]
    pub logs: Vec<LogPoint>,
}

/// How far the sender holds one log.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct LogPoint {
    /// The log.
    #[n(0)]
    pub log: LogId,
    /// The next position that it lacks.
    #[n(1)]
    pub next: Seq,
    /// In a circle, the first time: whose log it is.
    #[n(2)]
    pub certificate: Option<LogOwner>,
    /// What the sender's copy hashes to there; nothing for an empty one.
    #[n(3)]
    pub chain: Option<Hash>,
}

/// Whose log a log of a circle is.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct LogOwner {
    /// The node.
    #[n(0)]
    pub node: NodeId,
    /// Its word.
    #[n(1)]
    pub certificate: Unverified<LogCertificate>,
}

/// About attachments.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum BlobMessage {
    /// Asks for the hashes of chunks from a number on.
    #[n(0)]
    WantHashes(#[n(0)] BlobId, #[n(1)] u64),
    /// Hashes of chunks from a number on.
    #[n(1)]
    Hashes(#[n(0)] BlobId, #[n(1)] u64, #[n(2)] Vec<Hash>),
    /// Asks for one chunk.
    #[n(2)]
    WantChunk(#[n(0)] BlobId, #[n(1)] u64),
    /// One chunk, encrypted.
    #[n(3)]
    Chunk(
        #[n(0)] BlobId,
        #[n(1)] u64,
        #[n(2)]
        #[cbor(with = "minicbor::bytes")]
        Vec<u8>,
    ),
    /// The sender does not have it, or does not give it.
    #[n(4)]
    Absent(#[n(0)] BlobId),
}

impl Wire for Message {
    const WHAT: &'static str = "sync message";
    const MAX: usize = limits::MAX_SYNC_MESSAGE;
}

/// What gossip carries: a few dozen bytes, never a body.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Announcement {
    /// The log, in the space of all members. Circles are never announced.
    #[n(0)]
    pub log: LogId,
    /// The next position after the announced entry.
    #[n(1)]
    pub next: Seq,
    /// Its chain hash.
    #[n(2)]
    pub chain: Hash,
}

impl Wire for Announcement {
    const WHAT: &'static str = "announcement";
    const MAX: usize = 96;
}
