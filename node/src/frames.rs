//! What is written into the journal: everything that must last, one frame each.

use entente_protocol::codec::{self, DecodeError, Wire};
use entente_protocol::epoch::{EpochHeader, Slot};
use entente_protocol::evidence::Evidence;
use entente_protocol::identity::LogCertificate;
use entente_protocol::ids::{BlobId, LogId, NodeId, OrgId, PartnershipId, RecordId, Seq, SpaceId, Timestamp};
use entente_protocol::log::Entry;
use entente_protocol::mailbox::Appointment;
use entente_protocol::membership::ActBody;
use entente_protocol::notice::Cause;
use entente_protocol::prekey::Prekey;
use entente_protocol::record::Content;
use entente_protocol::signed::Unverified;
use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

use crate::desk::journal::DeskFrame;
use crate::rows::RecordPlace;
use crate::settings::PartnershipSettings;

/// One frame. New kinds go at the end; what is written is read for ever.
#[derive(Clone, Debug, Encode, Decode)]
pub enum Frame {
    /// A membership act.
    #[n(0)]
    Act(#[n(0)] PartnershipId, #[n(1)] Unverified<ActBody>),
    /// A log of a circle exists.
    #[n(1)]
    Log(#[n(0)] CircleLog),
    /// An entry of a log.
    #[n(2)]
    Entry(#[n(0)] PartnershipId, #[n(1)] Entry, #[n(2)] Timestamp),
    /// A draft.
    #[n(3)]
    Draft(#[n(0)] Draft),
    /// A draft was shared under an id.
    #[n(4)]
    Shared(#[n(0)] RecordId, #[n(1)] PartnershipId, #[n(2)] RecordId),
    /// An epoch whose key is in the vault.
    #[n(5)]
    Epoch(#[n(0)] KnownEpoch),
    /// An attachment: here, or to be fetched.
    #[n(6)]
    Blob(#[n(0)] KnownBlob),
    /// A node's new prekey.
    #[n(7)]
    Prekey(#[n(0)] PartnershipId, #[n(1)] Unverified<Prekey>),
    /// Evidence that the author of a log signed two entries at one position, and when it came.
    #[n(9)]
    Evidence(#[n(0)] PartnershipId, #[n(1)] Box<Evidence>, #[n(2)] Timestamp),
    /// A record, or the draft that it was made of, was erased here.
    #[n(11)]
    Erased(#[n(0)] Erased),
    /// What stands where a draft was erased.
    #[n(12)]
    Nothing,
    /// Something that was done at the desk: by whom of the staff, and what.
    #[n(13)]
    Desk(#[n(0)] DeskFrame),
    /// A steward's word about a mailbox.
    #[n(23)]
    Mailbox(#[n(0)] PartnershipId, #[n(1)] Unverified<Appointment>),
    /// People verified each other, or tried and had reason for suspicion.
    #[n(8)]
    Verified(#[n(0)] Verification),
    /// Entries that can be opened with keys of their own, which are in the vault.
    #[n(10)]
    History(#[n(0)] KnownHistory),
    /// A consent is to be asked for, or not any more.
    #[n(15)]
    WantedConsent(#[n(0)] WantedConsent),
    /// A member asked for a key that it may not have.
    #[n(16)]
    Denied(#[n(0)] PartnershipId, #[n(1)] Denied),
    /// What this node's keeper set for a partnership.
    #[n(20)]
    Settings(#[n(0)] PartnershipSettings),
}

/// A record that was erased on this node, or its draft.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Erased {
    /// The partnership.
    #[n(0)]
    pub partnership: PartnershipId,
    /// The record; of a draft, its own id.
    #[n(1)]
    pub record: RecordId,
    /// Its author.
    #[n(2)]
    pub author: OrgId,
    /// Where it stood; nothing for a draft.
    #[n(3)]
    pub place: Option<RecordPlace>,
    /// Where the journal has what is left of it.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub position: [u8; 12],
    /// Its attachments.
    #[n(5)]
    pub blobs: Vec<BlobId>,
    /// Why.
    #[n(6)]
    pub cause: Cause,
    /// When, by this node's clock.
    #[n(7)]
    pub when: Timestamp,
    /// Until when it was to be kept, if that is why.
    #[n(8)]
    pub keep_until: Option<Timestamp>,
}

impl Wire for Erased {
    const WHAT: &'static str = "erasure";
    const MAX: usize = 16 * 1024;
}

/// What came of the verification of persons with a member.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Verification {
    /// The partnership.
    #[n(0)]
    pub partnership: PartnershipId,
    /// The member: its root key.
    #[n(1)]
    pub org: OrgId,
    /// What it was called then.
    #[n(2)]
    pub name: String,
    /// The nodes that it had then, sorted.
    #[n(3)]
    pub nodes: Vec<NodeId>,
    /// How it went.
    #[n(4)]
    pub outcome: Outcome,
    /// When, by this node's clock.
    #[n(5)]
    pub when: Timestamp,
}

/// How the verification of persons went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Outcome {
    /// The short code that the other side read was typed here.
    #[n(0)]
    Codes,
    /// Three wrong codes were typed here.
    #[n(1)]
    WrongCodes,
    /// The other side's node was shown other keys than this one.
    #[n(2)]
    KeysDiffer,
}

/// A log of a circle.
#[derive(Clone, Debug, Encode, Decode)]
pub struct CircleLog {
    /// The partnership.
    #[n(0)]
    pub partnership: PartnershipId,
    /// The circle.
    #[n(1)]
    pub space: SpaceId,
    /// Its organisations.
    #[n(2)]
    pub circle: Vec<OrgId>,
    /// The log.
    #[n(3)]
    pub log: LogId,
    /// Whose it is.
    #[n(4)]
    pub owner: NodeId,
    /// Its word.
    #[n(5)]
    pub certificate: Unverified<LogCertificate>,
}

/// An own record that may be shared.
#[derive(Clone, Debug, Encode, Decode)]
pub struct Draft {
    /// With the own organisation, makes the id.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub nonce: [u8; 16],
    /// What it says.
    #[n(1)]
    pub content: Content,
}

/// An epoch.
#[derive(Clone, Debug, Encode, Decode)]
pub struct KnownEpoch {
    /// The partnership.
    #[n(0)]
    pub partnership: PartnershipId,
    /// Its header.
    #[n(1)]
    pub header: Unverified<EpochHeader>,
    /// The nodes that it is for, where this node could tell.
    #[n(2)]
    pub readers: Vec<NodeId>,
    /// Their slots, in frames of before they were sealed when they are asked for; not used any more.
    #[n(3)]
    pub slots: Vec<Slot>,
}

/// Entries of an epoch that can be opened with keys of their own.
#[derive(Clone, Debug, Encode, Decode)]
pub struct KnownHistory {
    /// The partnership.
    #[n(0)]
    pub partnership: PartnershipId,
    /// The epoch's header.
    #[n(1)]
    pub header: Unverified<EpochHeader>,
    /// The entries.
    #[n(2)]
    pub places: Vec<(LogId, Seq)>,
}

/// A member asked for a key that it may not have, since the declaration of confidentiality comes first (C5).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Denied {
    /// The member.
    #[n(0)]
    pub org: OrgId,
    /// Its node.
    #[n(1)]
    pub node: NodeId,
    /// Did it declare, and that has expired?
    #[n(2)]
    pub expired: bool,
    /// When it asked, by this node's clock.
    #[n(3)]
    pub when: Timestamp,
}

/// A draft that was not shared for want of a person's consent. There is one for each draft, the newest.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct WantedConsent {
    /// The draft.
    #[n(0)]
    pub draft: RecordId,
    /// Where it was to be shared.
    #[n(1)]
    pub partnership: PartnershipId,
    /// When, by this node's clock.
    #[n(2)]
    pub when: Timestamp,
    /// Is it still to be asked for?
    #[n(3)]
    pub open: bool,
}

impl Wire for WantedConsent {
    const WHAT: &'static str = "wanted consent";
    const MAX: usize = 128;
}

/// An attachment's ciphertext.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct KnownBlob {
    /// The attachment.
    #[n(0)]
    pub blob: BlobId,
    /// Who may ask for it; nobody while it belongs to a draft.
    #[n(1)]
    pub place: Option<(PartnershipId, SpaceId)>,
    /// Its size in the clear.
    #[n(2)]
    pub size: u64,
    /// Is all of it here?
    #[n(3)]
    pub complete: bool,
    /// The record that it belongs to.
    #[n(4)]
    pub record: Option<RecordId>,
}

impl KnownBlob {
    /// Was it shared in this partnership?
    #[must_use]
    pub fn is_of(&self, partnership: &PartnershipId) -> bool {
        self.place.is_some_and(|(of, _)| of == *partnership)
    }
}

impl Wire for Frame {
    const WHAT: &'static str = "journal frame";
    // An epoch for 600 nodes is the longest; the journal takes 1 MiB.
    const MAX: usize = 1024 * 1024 - 1024;
}

impl Frame {
    /// The entry, if it is one.
    #[must_use]
    pub fn entry(&self) -> Option<&Entry> {
        match self {
            Frame::Entry(_, entry, _) => Some(entry),
            _ => None,
        }
    }

    /// Is it an entry, or may it stand among entries as if it were not there? What a draft was shared as changes nothing
    /// by which they are judged, and nothing that partners hear of.
    #[must_use]
    pub fn is_among_entries(&self) -> bool {
        matches!(self, Frame::Entry(..) | Frame::Shared(..))
    }

    /// As bytes for the journal.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(codec::encode(self))
    }

    /// From the journal's bytes.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Frame, DecodeError> {
        codec::decode(bytes)
    }
}
