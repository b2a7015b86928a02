//! An invitation: one line of text with a one-use door key and the way to the inviter.
//!
//! `entente1…` is Bech32m (BIP-350) over canonical CBOR, so a mistyped letter is found. Whoever holds the
//! text can knock once and ask to join; a steward must still approve. It is a secret: pass it by a channel
//! that both trust.

use bech32::{Bech32m, Hrp};
use minicbor::{Decode, Encode};
use zeroize::{Zeroize, Zeroizing};

use crate::codec::{self, Wire};
use crate::derive::Key;
use crate::ids::{ActId, OrgId, PartnershipId, Timestamp, TransportId};
use crate::limits;

const VERSION: u8 = 1;
const HRP: Hrp = Hrp::parse_unchecked("entente");

/// What an invitation says.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct Invitation {
    #[n(0)]
    version: u8,
    /// The partnership.
    #[n(1)]
    pub partnership: PartnershipId,
    /// The act that invites.
    #[n(2)]
    pub act: ActId,
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    door: [u8; 32],
    /// The inviter's transport identity, which the door is asked for.
    #[n(4)]
    pub inviter: TransportId,
    /// The inviter's organisation: what it shows must be signed by it.
    #[n(5)]
    pub organisation: OrgId,
    /// Where the inviter may be reached, as `ip:port`.
    #[n(6)]
    pub addresses: Vec<String>,
    /// Until when, by the inviter's clock.
    #[n(7)]
    pub expires: Timestamp,
}

impl Wire for Invitation {
    const WHAT: &'static str = "invitation";
    const MAX: usize = limits::MAX_INVITATION / 2;
}

impl Drop for Invitation {
    fn drop(&mut self) {
        self.door.zeroize();
    }
}

/// Why a text is not an invitation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvitationError {
    /// Not `entente1…` with a right checksum.
    #[error(
        "not an invitation: it should be one line that begins with `entente1`; a letter may be missing or mistyped"
    )]
    Text,
    /// Made by a newer version.
    #[error("the invitation is of a version that this program does not know; update the program")]
    Version,
    /// The content is not what an invitation holds.
    #[error("the invitation is damaged: {0}")]
    Content(#[from] codec::DecodeError),
    /// Too many or too long addresses to fit.
    #[error("the invitation would be too long; give the node fewer addresses")]
    TooLong,
}

impl Invitation {
    /// Puts an invitation together.
    #[must_use]
    pub fn new(
        partnership: PartnershipId,
        act: ActId,
        door: &Key,
        inviter: (TransportId, OrgId),
        addresses: Vec<String>,
        expires: Timestamp,
    ) -> Self {
        Self {
            version: VERSION,
            partnership,
            act,
            door: **door,
            inviter: inviter.0,
            organisation: inviter.1,
            addresses,
            expires,
        }
    }

    /// The one-use door key.
    #[must_use]
    pub fn door(&self) -> Key {
        Zeroizing::new(self.door)
    }

    /// The line of text.
    ///
    /// # Errors
    /// [`InvitationError::TooLong`].
    pub fn to_text(&self) -> Result<String, InvitationError> {
        let bytes = Zeroizing::new(codec::encode(self));
        bech32::encode::<Bech32m>(HRP, &bytes).map_err(|_| InvitationError::TooLong)
    }

    /// Reads the line of text; blanks around it do not matter.
    ///
    /// # Errors
    /// [`InvitationError`].
    pub fn from_text(text: &str) -> Result<Self, InvitationError> {
        let text = text.trim();
        if text.len() > limits::MAX_INVITATION {
            return Err(InvitationError::Text);
        }
        let checked = bech32::primitives::decode::CheckedHrpstring::new::<Bech32m>(text)
            .map_err(|_| InvitationError::Text)?;
        if checked.hrp() != HRP {
            return Err(InvitationError::Text);
        }
        let bytes = Zeroizing::new(checked.byte_iter().collect::<Vec<u8>>());
        if bytes.get(1).is_some_and(|version| *version != VERSION) {
            return Err(InvitationError::Version);
        }
        let invitation: Invitation = codec::decode(&bytes)?;
        Ok(invitation)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn invitation() -> Invitation {
        Invitation::new(
            PartnershipId([1; 32]),
            ActId([2; 32]),
            &Zeroizing::new([3; 32]),
            (TransportId([4; 32]), OrgId([5; 32])),
            vec!["127.0.0.1:4747".into(), "[2001:db8::1]:4747".into()],
            Timestamp(1_795_000_000_000),
        )
    }

    #[test]
    fn an_invitation_survives_its_text() {
        let text = invitation().to_text().unwrap();
        assert!(text.starts_with("entente1"));
        assert!(Invitation::from_text(&format!("  {text}\n")).unwrap() == invitation());
        // As QR codes carry it: capital letters make smaller codes.
        assert!(Invitation::from_text(&text.to_uppercase()).unwrap() == invitation());
    }

    #[test]
    fn one_wrong_letter_is_found() {
        let text = invitation().to_text().unwrap();
        for i in 8..text.len() {
            let mut wrong: Vec<char> = text.chars().collect();
            wrong[i] = if wrong[i] == 'q' { 'p' } else { 'q' };
            let wrong: String = wrong.into_iter().collect();
            assert!(Invitation::from_text(&wrong).is_err(), "letter {i}");
        }
        for wrong in ["", "entente1", "hello", &text[..text.len() - 1]] {
            assert!(Invitation::from_text(wrong).is_err());
        }
    }
}
