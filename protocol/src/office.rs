//! How a second node comes into an organisation: two lines of text.
//!
//! ```text
//!  new machine                                      first office
//!    │ ── request: its node key, a sealing key ───▶  │   the root key signs a certificate
//!    │ ◀─── grant: card, certificate, invitations ── │   sealed: useless to who finds it
//! ```
//! The request is public. The grant is sealed (HPKE, X-Wing, as in [`crate::epoch`]) to the request's key; it
//! holds door keys. Both are written as BIP-350 writes (Bech32m), beyond the length for which that code
//! promises to find every slip of the pen: a slip still goes unnoticed only once in a billion times.

use bech32::{Fe32, Fe1024, Hrp};
use minicbor::{Decode, Encode};
use rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

use crate::codec::{self, Wire};
use crate::epoch::{self, ENCAPSULATED_LEN, PREKEY_LEN, PrekeySecret};
use crate::identity::{Introduced, Introduction, IntroductionError};
use crate::ids::{NodeId, OrgId};
use crate::limits;

const VERSION: u8 = 1;
const REQUEST: Hrp = Hrp::parse_unchecked("entenode");
const GRANT: Hrp = Hrp::parse_unchecked("entegrant");
const INFO: &[u8] = b"entente v1 node grant";
/// Invitations in one grant: one for each partnership of the organisation.
pub const MAX_OFFICES: usize = 64;
/// Letters of the longest text: a grant with all its invitations, eight letters for five bytes.
pub const MAX_TEXT: usize = (ENCAPSULATED_LEN + Grant::MAX + 64) * 8 / 5 + 32;

/// Bech32m without its limit of 1,023 letters.
enum Long {}

impl bech32::Checksum for Long {
    type MidstateRepr = u32;
    type CorrectionField = Fe1024;
    const ROOT_GENERATOR: Self::CorrectionField = Fe1024::new([Fe32::P, Fe32::X]);
    const ROOT_EXPONENTS: core::ops::RangeInclusive<usize> = 24..=26;
    const CODE_LENGTH: usize = MAX_TEXT;
    const CHECKSUM_LENGTH: usize = 6;
    const GENERATOR_SH: [u32; 5] = <bech32::Bech32m as bech32::Checksum>::GENERATOR_SH;
    const TARGET_RESIDUE: u32 = <bech32::Bech32m as bech32::Checksum>::TARGET_RESIDUE;
}

/// A new machine asks to become a node of an organisation.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct NodeRequest {
    #[n(0)]
    version: u8,
    /// The new node.
    #[n(1)]
    pub node: NodeId,
    /// The organisation that it expects to be certified by.
    #[n(2)]
    pub organisation: OrgId,
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    sealing: Vec<u8>,
}

impl Wire for NodeRequest {
    const WHAT: &'static str = "node request";
    const MAX: usize = PREKEY_LEN + 96;
}

/// What the first office hands over, sealed.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct Grant {
    /// The organisation's card, and the root key's certificate for the new node.
    #[n(0)]
    pub introduction: Introduction,
    /// An invitation for each partnership: [`crate::invitation::Invitation`] as text.
    #[n(1)]
    pub invitations: Vec<String>,
}

impl Wire for Grant {
    const WHAT: &'static str = "node grant";
    const MAX: usize = Introduction::MAX + MAX_OFFICES * limits::MAX_INVITATION + 16;
}

impl Drop for Grant {
    fn drop(&mut self) {
        self.invitations.zeroize();
    }
}

#[derive(Encode, Decode)]
struct SealedGrant {
    #[n(0)]
    version: u8,
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    sealed: Vec<u8>,
}

impl Wire for SealedGrant {
    const WHAT: &'static str = "sealed node grant";
    const MAX: usize = ENCAPSULATED_LEN + Grant::MAX + 32;
}

/// Why a text was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OfficeError {
    /// Not such a text, or mistyped.
    #[error("it should be one line that begins with `{0}1`; a letter may be missing or mistyped")]
    Text(&'static str),
    /// Made by a newer version.
    #[error("it is of a version that this program does not know; update the program")]
    Version,
    /// The content is not what such a text holds.
    #[error("the text is damaged: {0}")]
    Content(#[from] codec::DecodeError),
    /// The sealing key is not an X-Wing key.
    #[error("the request's key is not valid; make a new request")]
    Key,
    /// Sealed for another request.
    #[error("it was made for another request than this one")]
    Sealed,
    /// The certificate.
    #[error("the certificate in it: {0}")]
    Introduction(#[from] IntroductionError),
    /// The certificate is for another node, or of another organisation than the request names.
    #[error("the certificate in it is for another node or by another organisation")]
    Mismatch,
    /// Too much for one text.
    #[error("the text would be too long")]
    TooLong,
}

impl NodeRequest {
    /// Puts a request together.
    ///
    /// # Errors
    /// [`OfficeError::Key`], which 32 bytes never cause.
    pub fn new(node: NodeId, organisation: OrgId, sealing: &PrekeySecret) -> Result<Self, OfficeError> {
        let sealing = sealing.public().map_err(|_| OfficeError::Key)?;
        Ok(Self { version: VERSION, node, organisation, sealing })
    }

    /// The line of text.
    ///
    /// # Errors
    /// [`OfficeError::TooLong`], which a request never causes.
    pub fn to_text(&self) -> Result<String, OfficeError> {
        to_text(REQUEST, &codec::encode(self))
    }

    /// Reads the line of text; blanks around it do not matter.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub fn from_text(text: &str) -> Result<Self, OfficeError> {
        Ok(codec::decode(&from_text(REQUEST, "entenode", text)?)?)
    }

    /// Seals a grant for whoever made this request.
    ///
    /// # Errors
    /// [`OfficeError::Key`], [`OfficeError::TooLong`].
    pub fn grant(&self, grant: &Grant, rng: &mut impl CryptoRng) -> Result<String, OfficeError> {
        let plain = Zeroizing::new(codec::encode(grant));
        if plain.len() > Grant::MAX {
            return Err(OfficeError::TooLong);
        }
        let sealed = epoch::seal_to(&self.sealing, INFO, &self.context(), &plain, rng)
            .map_err(|_| OfficeError::Key)?;
        to_text(GRANT, &codec::encode(&SealedGrant { version: VERSION, sealed }))
    }

    /// Opens a grant, and checks that it certifies the node of this request by the organisation expected.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub fn open(&self, secret: &PrekeySecret, text: &str) -> Result<(Introduced, Grant), OfficeError> {
        let sealed: SealedGrant = codec::decode(&from_text(GRANT, "entegrant", text)?)?;
        let plain = epoch::open_sealed(secret, INFO, &self.context(), &sealed.sealed)
            .map_err(|_| OfficeError::Sealed)?;
        let grant: Grant = codec::decode(&plain)?;
        let introduced = grant.introduction.verify()?;
        if introduced.node() == self.node && introduced.org() == self.organisation {
            Ok((introduced, grant))
        } else {
            Err(OfficeError::Mismatch)
        }
    }

    /// A grant opens for the very request only.
    fn context(&self) -> [u8; 64] {
        let mut out = [0; 64];
        let (node, organisation) = out.split_at_mut(32);
        node.copy_from_slice(&self.node.0);
        organisation.copy_from_slice(&self.organisation.0);
        out
    }
}

fn to_text(hrp: Hrp, bytes: &[u8]) -> Result<String, OfficeError> {
    bech32::encode::<Long>(hrp, bytes).map_err(|_| OfficeError::TooLong)
}

fn from_text(hrp: Hrp, word: &'static str, text: &str) -> Result<Vec<u8>, OfficeError> {
    let wrong = OfficeError::Text(word);
    let text = text.trim();
    if text.len() > MAX_TEXT {
        return Err(wrong);
    }
    let checked = bech32::primitives::decode::CheckedHrpstring::new::<Long>(text);
    let Some(checked) = checked.ok().filter(|c| c.hrp() == hrp) else { return Err(wrong) };
    let bytes: Vec<u8> = checked.byte_iter().collect();
    if bytes.get(1).is_some_and(|version| *version != VERSION) {
        return Err(OfficeError::Version);
    }
    Ok(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use bech32::Checksum;
    use ed25519_dalek::SigningKey;

    use super::*;
    use crate::identity::{OrgKind, certify, introduce};
    use crate::ids::Timestamp;
    use crate::testing::Counter;

    fn key(n: u8) -> SigningKey {
        SigningKey::from_bytes(&[n; 32])
    }

    fn node(n: u8) -> NodeId {
        NodeId(key(n).verifying_key().to_bytes())
    }

    fn secret(n: u8) -> PrekeySecret {
        PrekeySecret::from_seed(Zeroizing::new([n; 32]))
    }

    fn request() -> NodeRequest {
        let organisation = OrgId(key(1).verifying_key().to_bytes());
        NodeRequest::new(node(3), organisation, &secret(4)).unwrap()
    }

    fn grant(root: u8, of: NodeId) -> Grant {
        let first = introduce(&key(root), "Комітет", OrgKind::Cso, "UA", node(2), Timestamp(1)).unwrap();
        let organisation = first.to_introduction().organisation;
        let certificate = certify(&key(root), of, Timestamp(2));
        let introduction = Introduction { organisation, certificate };
        Grant { introduction, invitations: vec!["entente1".to_owned() + &"q".repeat(600); 8] }
    }

    #[test]
    fn the_checksum_is_bech32ms() {
        Long::sanity_check();
    }

    #[test]
    fn a_request_survives_its_text_and_one_wrong_letter_is_found() {
        let text = request().to_text().unwrap();
        assert!(text.starts_with("entenode1") && !text.contains(char::is_whitespace));
        assert_eq!(NodeRequest::from_text(&format!(" {text}\n")).unwrap(), request());
        for place in [9, text.len() / 2, text.len() - 1] {
            let other = if &text[place..=place] == "q" { "p" } else { "q" };
            let wrong = format!("{}{other}{}", &text[..place], &text[place + 1..]);
            assert_eq!(NodeRequest::from_text(&wrong), Err(OfficeError::Text("entenode")));
        }
    }

    #[test]
    fn a_grant_opens_for_its_request_and_for_nobody_else() {
        let sealed = request().grant(&grant(1, node(3)), &mut Counter(9)).unwrap();
        assert!(sealed.starts_with("entegrant1"));
        let (introduced, opened) = request().open(&secret(4), &sealed).unwrap();
        assert_eq!((introduced.node(), introduced.org()), (request().node, request().organisation));
        assert!(opened == grant(1, node(3)));
        assert!(matches!(request().open(&secret(5), &sealed), Err(OfficeError::Sealed)));
        let other = NodeRequest { node: node(6), ..request() };
        assert!(matches!(other.open(&secret(4), &sealed), Err(OfficeError::Sealed)));
        assert!(request().open(&secret(4), &request().to_text().unwrap()).is_err());
    }

    #[test]
    fn a_grant_by_another_root_or_for_another_node_is_refused() {
        for wrong in [grant(8, node(3)), grant(1, node(7))] {
            let sealed = request().grant(&wrong, &mut Counter(9)).unwrap();
            assert!(matches!(request().open(&secret(4), &sealed), Err(OfficeError::Mismatch)));
        }
    }

    #[test]
    fn a_grant_with_most_invitations_still_fits_a_text() {
        let mut full = grant(1, node(3));
        full.invitations = vec!["q".repeat(limits::MAX_INVITATION - 8); MAX_OFFICES];
        let sealed = request().grant(&full, &mut Counter(9)).unwrap();
        assert!(request().open(&secret(4), &sealed).is_ok());
        full.invitations.push("q".repeat(limits::MAX_INVITATION));
        assert_eq!(request().grant(&full, &mut Counter(9)), Err(OfficeError::TooLong));
    }
}
