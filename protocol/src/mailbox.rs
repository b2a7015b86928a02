//! Mailboxes: a node that keeps ciphertext for members who are never online at the same time.
//!
//! ```text
//!  keeper of the mailbox          a steward                         every member's node
//!    entente mailbox offer ──text──▶ entente mailbox appoint ──Appointment──▶ puts in, takes out
//! ```
//! The mailbox has a door key and a transport identity, made for one partnership by the keeper, and nothing else: no
//! key that opens anything, no name, no list of members. Through its door it takes
//! - **batches** of logs, checked by their chain and the log's own key. Whose log it is, it does not know.
//! - **parcels**: small bundles ([`crate::bundle`]) with what is in no log, such as acts, keys, whose log is whose.
//!   Each has a key of its own that signs it and names it; a newer one takes the place of the older.
//!
//! It can keep things back. Who reads finds out by what the authors' parcels and the acknowledgements say that there
//! is.

use bech32::{Bech32m, Hrp};
use minicbor::{Decode, Encode};
use zeroize::{Zeroize, Zeroizing};

use crate::codec::{self, Wire};
use crate::derive::Key;
use crate::ids::{Hash, LogId, NodeId, PartnershipId, Seq, SpaceId, Timestamp, TransportId};
use crate::limits;
use crate::log::Batch;
use crate::signed::{Signed, Statement, Unverified, VerifyError};

const VERSION: u8 = 1;
const HRP: Hrp = Hrp::parse_unchecked("entebox");

/// What the keeper of a mailbox gives to a steward: one line of text. Whoever has it can put in and take out.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct Offer {
    #[n(0)]
    version: u8,
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    door: [u8; 32],
    /// The mailbox's transport identity.
    #[n(2)]
    pub mailbox: TransportId,
    /// Where it may be reached, as `ip:port`.
    #[n(3)]
    pub addresses: Vec<String>,
}

impl Wire for Offer {
    const WHAT: &'static str = "offer of a mailbox";
    const MAX: usize = limits::MAX_INVITATION / 2;
}

impl Drop for Offer {
    fn drop(&mut self) {
        self.door.zeroize();
    }
}

/// Why a text is not an offer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// Not `entebox1…` with a right checksum.
    #[error("not the offer of a mailbox: it should be one line that begins with `entebox1`")]
    Text,
    /// Made by a newer version.
    #[error("the offer is of a version that this program does not know; update the program")]
    Version,
    /// What it holds.
    #[error("the offer is damaged: {0}")]
    Content(#[from] codec::DecodeError),
    /// No room for the addresses.
    #[error("the offer would be too long; give the node fewer addresses")]
    TooLong,
}

impl Offer {
    /// Puts one together.
    #[must_use]
    pub fn new(door: &Key, mailbox: TransportId, addresses: Vec<String>) -> Offer {
        Offer { version: VERSION, door: **door, mailbox, addresses }
    }

    /// The door key.
    #[must_use]
    pub fn door(&self) -> Key {
        Zeroizing::new(self.door)
    }

    /// The line of text.
    ///
    /// # Errors
    /// [`OfferError::TooLong`].
    pub fn to_text(&self) -> Result<String, OfferError> {
        let bytes = Zeroizing::new(codec::encode(self));
        bech32::encode::<Bech32m>(HRP, &bytes).map_err(|_| OfferError::TooLong)
    }

    /// Reads the line of text; blanks around it do not matter.
    ///
    /// # Errors
    /// [`OfferError`].
    pub fn from_text(text: &str) -> Result<Offer, OfferError> {
        let text = text.trim();
        if text.len() > limits::MAX_INVITATION {
            return Err(OfferError::Text);
        }
        let (hrp, bytes) = bech32::decode(text).map_err(|_| OfferError::Text)?;
        let bytes = Zeroizing::new(bytes);
        if hrp != HRP {
            return Err(OfferError::Text);
        }
        let offer: Offer = codec::decode(&bytes)?;
        if offer.version != VERSION {
            return Err(OfferError::Version);
        }
        Ok(offer)
    }
}

/// A steward's word, to all members, that a mailbox is used. Travels among members only.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct Appointment {
    /// The partnership.
    #[n(0)]
    pub partnership: PartnershipId,
    /// The node that says so.
    #[n(1)]
    pub by: NodeId,
    /// The mailbox.
    #[n(2)]
    pub mailbox: TransportId,
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    door: [u8; 32],
    /// Where it may be reached; nowhere if it is used no more.
    #[n(4)]
    pub addresses: Vec<String>,
    /// The highest for a mailbox counts.
    #[n(5)]
    pub serial: u64,
    /// When it was said, by that node's clock.
    #[n(6)]
    pub created: Timestamp,
}

impl core::fmt::Debug for Appointment {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Appointment({:?}, {} by {:?})", self.mailbox, self.serial, self.by)
    }
}

impl Wire for Appointment {
    const WHAT: &'static str = "appointment of a mailbox";
    const MAX: usize = 256 + limits::MAX_ADDRESSES * (limits::MAX_ADDRESS + 3);
}
impl Statement for Appointment {
    const LABEL: &'static str = "mailbox appointment";
}

impl Appointment {
    /// Of an offered mailbox.
    #[must_use]
    pub fn of(
        offer: &Offer,
        partnership: PartnershipId,
        by: NodeId,
        serial: u64,
        created: Timestamp,
    ) -> Self {
        let (door, mailbox, addresses) = (offer.door, offer.mailbox, offer.addresses.clone());
        Appointment { partnership, by, mailbox, door, addresses, serial, created }
    }

    /// The word that it is used no more.
    #[must_use]
    pub fn ended(&self, by: NodeId, created: Timestamp) -> Self {
        let serial = self.serial.saturating_add(1);
        Appointment { by, serial, created, addresses: Vec::new(), ..self.clone() }
    }

    /// The door key.
    #[must_use]
    pub fn door(&self) -> Key {
        Zeroizing::new(self.door)
    }

    /// Is it used?
    #[must_use]
    pub fn is_used(&self) -> bool {
        !self.addresses.is_empty()
    }
}

/// What a parcel's key signs.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct ParcelHeader {
    /// The key that signs it, which is its name. Only who made it can tell whose it is.
    #[n(0)]
    pub name: LogId,
    /// The highest of a name takes the place of the others.
    #[n(1)]
    pub version: u64,
    /// Bytes of the bundle.
    #[n(2)]
    pub length: u32,
    /// Its hash.
    #[n(3)]
    pub hash: Hash,
}

impl Wire for ParcelHeader {
    const WHAT: &'static str = "parcel";
    const MAX: usize = 128;
}
impl Statement for ParcelHeader {
    const LABEL: &'static str = "mailbox parcel";
}

/// Checks that a parcel's own key signed its header, and that it may be so long.
///
/// # Errors
/// [`VerifyError`].
pub fn check_parcel(header: &Unverified<ParcelHeader>) -> Result<Signed<ParcelHeader>, VerifyError> {
    let signed = header.verify_self(|header| header.name.0)?;
    if signed.value().length as usize > limits::MAX_PARCEL {
        return Err(VerifyError::Signature(ParcelHeader::WHAT));
    }
    Ok(signed)
}

/// What is said through a mailbox's door; the visitor asks, the mailbox answers.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum MailboxMessage {
    /// What do you hold?
    #[n(0)]
    Look,
    /// Some of it; several may come, the last with `true`.
    #[n(1)]
    Held(#[n(0)] Vec<HeldLog>, #[n(1)] Vec<Unverified<ParcelHeader>>, #[n(2)] bool),
    /// Give me a log from a position on.
    #[n(2)]
    WantLog(#[n(0)] LogId, #[n(1)] Seq),
    /// Entries, and what the log hashes to before them: given, or to be kept.
    #[n(3)]
    Entries(#[n(0)] Batch, #[n(1)] Hash),
    /// Give me a parcel.
    #[n(4)]
    WantParcel(#[n(0)] LogId),
    /// A parcel, given or to be kept; its bytes follow in [`MailboxMessage::Piece`]s.
    #[n(5)]
    Parcel(#[n(0)] Unverified<ParcelHeader>),
    /// The next bytes of a parcel.
    #[n(6)]
    Piece(
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        Vec<u8>,
    ),
    /// It is kept, durably.
    #[n(7)]
    Kept,
    /// It is not here.
    #[n(8)]
    Nothing,
    /// It is not taken.
    #[n(9)]
    Refused(#[n(0)] RefusedHere),
}

/// Why a mailbox does not take something.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum RefusedHere {
    /// No room: its keeper allows so much, and no more.
    #[n(0)]
    Full,
    /// It does not continue what is here.
    #[n(1)]
    Elsewhere,
    /// It is not signed by whose it is.
    #[n(2)]
    Unsigned,
    /// It could not be written.
    #[n(3)]
    Failed,
}

/// How much of one log a mailbox holds.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct HeldLog {
    /// Its space.
    #[n(0)]
    pub space: SpaceId,
    /// The log.
    #[n(1)]
    pub log: LogId,
    /// The first position that is here.
    #[n(2)]
    pub first: Seq,
    /// The next position that is not.
    #[n(3)]
    pub next: Seq,
    /// What it hashes to there.
    #[n(4)]
    pub chain: Hash,
}

impl Wire for MailboxMessage {
    const WHAT: &'static str = "mailbox message";
    const MAX: usize = limits::MAX_SYNC_MESSAGE + 64;
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ed25519_dalek::SigningKey;

    use super::*;
    use crate::signed::sign;

    #[test]
    fn an_offer_survives_its_text_and_a_mistyped_letter_is_found() {
        let door = Zeroizing::new([7; 32]);
        let offer = Offer::new(&door, TransportId([8; 32]), vec!["192.0.2.1:4001".into()]);
        let text = offer.to_text().unwrap();
        assert!(text.starts_with("entebox1"));
        assert!(Offer::from_text(&format!(" {text}\n")).unwrap() == offer);
        let mut wrong = text.clone();
        wrong.replace_range(20..21, if &text[20..21] == "q" { "p" } else { "q" });
        for text in [wrong.as_str(), "", "entente1qqqq", &text[..text.len() - 1]] {
            assert!(matches!(Offer::from_text(text), Err(OfferError::Text)), "{text}");
        }
    }

    #[test]
    fn a_parcel_is_signed_by_its_own_name_and_no_longer_than_it_may_be() {
        let key = SigningKey::from_bytes(&[3; 32]);
        let header = |length| ParcelHeader {
            name: LogId(key.verifying_key().to_bytes()),
            version: 1,
            length,
            hash: Hash([1; 32]),
        };
        let longest = u32::try_from(limits::MAX_PARCEL).unwrap();
        assert!(check_parcel(&sign(header(longest), &key).to_unverified()).is_ok());
        assert!(check_parcel(&sign(header(longest + 1), &key).to_unverified()).is_err());
        let other = SigningKey::from_bytes(&[4; 32]);
        assert!(check_parcel(&sign(header(1), &other).to_unverified()).is_err());
    }
}
