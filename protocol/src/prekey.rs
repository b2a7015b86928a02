//! Prekeys after the first: the key that epochs are sealed to is replaced every month, so that a vault that is
//! taken later does not open what was sealed long before.
//!
//! ```text
//! member card (generation 0) ──30 days──▶ Prekey 1 ──30 days──▶ Prekey 2 …      each signed by its node
//! ```
//! The highest generation of a node wins. Prekeys are no membership acts: 300 nodes would fill
//! [`limits::MAX_ACTS`](crate::limits::MAX_ACTS) within three years.

use ed25519_dalek::SigningKey;
use minicbor::{Decode, Encode};

use crate::codec::Wire;
use crate::epoch::{PREKEY_LEN, is_prekey};
use crate::ids::{NodeId, PartnershipId, Timestamp};
use crate::signed::{Signed, Statement, Unverified, VerifyError, sign};

/// A node's word on what epochs are to be sealed to from now on, in one partnership.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Prekey {
    /// The partnership.
    #[n(0)]
    pub partnership: PartnershipId,
    /// The node.
    #[n(1)]
    pub node: NodeId,
    /// 1 for the first after the member card's; the highest wins.
    #[n(2)]
    pub generation: u32,
    /// The X-Wing public key, 1,216 bytes.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub prekey: Vec<u8>,
    /// When it was made, by its node's clock.
    #[n(4)]
    pub created: Timestamp,
}

impl Wire for Prekey {
    const WHAT: &'static str = "prekey";
    const MAX: usize = PREKEY_LEN + 128;
}
impl Statement for Prekey {
    const LABEL: &'static str = "prekey";
}

/// Why a prekey is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrekeyError {
    /// Its signature or form.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// It was made for another partnership.
    #[error("the prekey is for another partnership")]
    OtherPartnership,
    /// Generation 0 is the member card's.
    #[error("a prekey's generation starts at 1")]
    Generation,
    /// It is not an X-Wing key.
    #[error("the prekey is not a valid X-Wing key")]
    Key,
}

/// A prekey that was checked: signed by the node that it is for, in this partnership, and usable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifiedPrekey(Signed<Prekey>);

impl VerifiedPrekey {
    /// Signs one of our own.
    #[must_use]
    pub fn sign(prekey: Prekey, node: &SigningKey) -> VerifiedPrekey {
        VerifiedPrekey(sign(prekey, node))
    }

    /// Checks one that came. Whether its node is a member is for the caller.
    ///
    /// # Errors
    /// [`PrekeyError`].
    pub fn verify(
        prekey: &Unverified<Prekey>,
        partnership: &PartnershipId,
    ) -> Result<VerifiedPrekey, PrekeyError> {
        let signed = prekey.verify_self(|p| p.node.0)?;
        let said = signed.value();
        if said.partnership != *partnership {
            return Err(PrekeyError::OtherPartnership);
        }
        if said.generation == 0 {
            return Err(PrekeyError::Generation);
        }
        if !is_prekey(&said.prekey) {
            return Err(PrekeyError::Key);
        }
        Ok(VerifiedPrekey(signed))
    }

    /// Whose it is.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.0.value().node
    }

    /// Its generation, at least 1.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.0.value().generation
    }

    /// The X-Wing public key.
    #[must_use]
    pub fn public(&self) -> &[u8] {
        &self.0.value().prekey
    }

    /// The form that travels.
    #[must_use]
    pub fn to_unverified(&self) -> Unverified<Prekey> {
        self.0.to_unverified()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::epoch::PrekeySecret;

    const P: PartnershipId = PartnershipId([1; 32]);

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[2; 32])
    }

    fn prekey() -> Prekey {
        Prekey {
            partnership: P,
            node: NodeId(key().verifying_key().to_bytes()),
            generation: 1,
            prekey: PrekeySecret::from_seed(Zeroizing::new([3; 32])).public().unwrap(),
            created: Timestamp(5),
        }
    }

    fn judge(change: impl FnOnce(&mut Prekey), signer: &SigningKey) -> Result<VerifiedPrekey, PrekeyError> {
        let mut said = prekey();
        change(&mut said);
        VerifiedPrekey::verify(&sign(said, signer).to_unverified(), &P)
    }

    #[test]
    fn a_prekey_counts_if_its_own_node_signed_it_for_this_partnership() {
        let good = judge(|_| {}, &key()).unwrap();
        assert_eq!((good.node(), good.generation()), (prekey().node, 1));
        let other = SigningKey::from_bytes(&[9; 32]);
        assert!(matches!(judge(|_| {}, &other), Err(PrekeyError::Verify(VerifyError::Signature(_)))));
        let elsewhere = judge(|p| p.partnership = PartnershipId([7; 32]), &key());
        assert_eq!(elsewhere.unwrap_err(), PrekeyError::OtherPartnership);
        assert_eq!(judge(|p| p.generation = 0, &key()).unwrap_err(), PrekeyError::Generation);
        assert_eq!(judge(|p| p.prekey.truncate(1215), &key()).unwrap_err(), PrekeyError::Key);
        assert_eq!(judge(|p| p.prekey.fill(0xff), &key()).unwrap_err(), PrekeyError::Key);
        assert!(judge(|p| p.prekey = vec![0; 100_000], &key()).is_err());
    }
}
