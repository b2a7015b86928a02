//! What the rows of the index hold.

use entente_protocol::handling::{Kind, Language, Sensitivity};
use entente_protocol::identity::LogCertificate;
use entente_protocol::ids::{BlobId, LogId, NodeId, OrgId, PartnershipId, RecordId, Seq, SpaceId, Timestamp};
use entente_protocol::log::Head;
use entente_protocol::notice::Notice;
use entente_protocol::signed::Unverified;
use minicbor::{Decode, Encode};

/// A log that is kept here.
#[derive(Clone, Debug, Encode, Decode)]
pub struct LogRow {
    /// Its space.
    #[n(0)]
    pub space: SpaceId,
    /// The log.
    #[n(1)]
    pub log: LogId,
    /// Whose it is.
    #[n(2)]
    pub owner: NodeId,
    /// In a circle, its organisations and the owner's word.
    #[n(3)]
    pub circle: Option<Circle>,
    /// How far it is durable here.
    #[n(4)]
    pub head: Head,
    /// The position after its last entry that is not an acknowledgement; absent in old rows.
    #[n(5)]
    pub worth: Option<Seq>,
    /// Bytes of its entries' payloads here; absent in old rows.
    #[n(6)]
    pub bytes: Option<u64>,
}

/// The most that one node acknowledged of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AckRow {
    /// The space.
    #[n(0)]
    pub space: SpaceId,
    /// The log that is acknowledged.
    #[n(1)]
    pub log: LogId,
    /// How far, and what it hashes to there.
    #[n(2)]
    pub head: Head,
    /// The log of who acknowledges.
    #[n(3)]
    pub by: LogId,
    /// Where in that log.
    #[n(4)]
    pub seq: Seq,
    /// When, by its clock.
    #[n(5)]
    pub said: Timestamp,
    /// When it came to be stored here.
    #[n(6)]
    pub arrived: Timestamp,
}

/// What a partner's node said of an entry that it holds and does not show.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RefusedThere {
    /// The log of who says so.
    #[n(0)]
    pub by: LogId,
    /// Its codes.
    #[n(1)]
    pub code: String,
    /// When that came to be stored here.
    #[n(2)]
    pub arrived: Timestamp,
}

/// A circle's organisations, and a log owner's word.
#[derive(Clone, Debug, Encode, Decode)]
pub struct Circle {
    /// The organisations, sorted.
    #[n(0)]
    pub orgs: Vec<OrgId>,
    /// The certificate.
    #[n(1)]
    pub certificate: Unverified<LogCertificate>,
}

/// A record in a list.
#[derive(Clone, Debug, Encode, Decode)]
pub struct RecordRow {
    /// Its id.
    #[n(0)]
    pub id: RecordId,
    /// Its kind.
    #[n(1)]
    pub kind: Kind,
    /// Its author.
    #[n(2)]
    pub author: OrgId,
    /// Where it stands; nothing for a draft.
    #[n(3)]
    pub place: Option<RecordPlace>,
    /// The author's date.
    #[n(4)]
    pub created: Timestamp,
    /// When it was stored here.
    #[n(5)]
    pub arrived: Timestamp,
    /// Language of the text.
    #[n(6)]
    pub language: Language,
    /// How widely it may be read.
    #[n(7)]
    pub sensitivity: Sensitivity,
    /// Its title, or the beginning of its text.
    #[n(8)]
    pub title: String,
    /// Its attachments.
    #[n(9)]
    pub blobs: Vec<BlobId>,
    /// The records that it refers to, replies to or corrects, at most [`entente_protocol::limits::MAX_REFERENCES`].
    #[n(10)]
    pub refers: Option<Vec<RecordId>>,
    /// The record that it corrects.
    #[n(11)]
    pub supersedes: Option<RecordId>,
}

/// Where a shared record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RecordPlace {
    /// The partnership.
    #[n(0)]
    pub partnership: PartnershipId,
    /// The space.
    #[n(1)]
    pub space: SpaceId,
    /// The log.
    #[n(2)]
    pub log: LogId,
    /// The position.
    #[n(3)]
    pub seq: Seq,
}

/// Something that arrived and is not shown.
#[derive(Clone, Debug, Encode, Decode)]
pub struct RefusedRow {
    /// Where it stands.
    #[n(0)]
    pub place: RecordPlace,
    /// Whose log it stands in.
    #[n(1)]
    pub owner: NodeId,
    /// Stable code.
    #[n(2)]
    pub code: String,
    /// In words.
    #[n(3)]
    pub reason: String,
    /// When.
    #[n(4)]
    pub arrived: Timestamp,
}

/// What a node said about a record.
#[derive(Clone, Debug, Encode, Decode)]
pub struct NoticeRow {
    /// Its organisation.
    #[n(0)]
    pub org: OrgId,
    /// The node.
    #[n(1)]
    pub node: NodeId,
    /// Among whom.
    #[n(2)]
    pub space: SpaceId,
    /// When it came to be stored here.
    #[n(3)]
    pub arrived: Timestamp,
    /// What it said.
    #[n(4)]
    pub notice: Notice,
}
