//! Epochs: a fresh random key for the nodes that may read a space, sealed to each of them.
//!
//! Sealing is HPKE (RFC 9180, base mode) with X-Wing (draft-connolly-cfrg-xwing-kem-06, as in
//! draft-ietf-hpke-pq-03), HKDF-SHA-256 and ChaCha20-Poly1305; there is no classical-only path.
//!
//! ```text
//!  mint ──▶ EpochHeader (space, who, readers' hash, key's commitment), signed by the minting node
//!       ├─▶ Slot for node 1: encapsulated key (1,120) ‖ sealed key (32 + 16)
//!       ├─▶ Slot for node 2 …
//!       └─▶ EpochKey
//! ```
//! A node needs the header and its own slot, about 1.5 kB. The header commits to the key, so a slot may come
//! from anyone who holds the key: whoever opens one checks the commitment. A slot that does not open is no
//! key, and its owner asks elsewhere or mints an epoch of its own.

use ed25519_dalek::SigningKey;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use minicbor::{Decode, Encode};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::codec::Wire;
use crate::derive::{self, Key};
use crate::ids::{ActId, EpochId, Hash, NodeId, SpaceId, Timestamp};
use crate::limits;
use crate::signed::{Signed, Statement, sign};

/// Length of an X-Wing public key.
pub const PREKEY_LEN: usize = 1216;
/// Length of an encapsulated X-Wing key.
pub(crate) const ENCAPSULATED_LEN: usize = 1120;
const SEALED_LEN: usize = 48;

/// A node's HPKE secret for one partnership: the 32-byte X-Wing seed.
#[derive(Clone)]
pub struct PrekeySecret(Key);

impl PrekeySecret {
    /// From 32 random bytes.
    #[must_use]
    pub fn from_seed(seed: Key) -> Self {
        Self(seed)
    }

    /// The seed, to be kept in the vault.
    #[must_use]
    pub fn seed(&self) -> &Key {
        &self.0
    }

    /// The public key to put on the member card.
    ///
    /// # Errors
    /// [`EpochError::Prekey`], which 32 bytes never cause.
    pub fn public(&self) -> Result<Vec<u8>, EpochError> {
        Ok(XWing::sk_to_pk(&self.private()?).to_bytes().to_vec())
    }

    pub(crate) fn private(&self) -> Result<<XWing as Kem>::PrivateKey, EpochError> {
        <XWing as Kem>::PrivateKey::from_bytes(self.0.as_ref()).map_err(|_| EpochError::Prekey)
    }
}

/// What the minting node signs.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct EpochHeader {
    /// The space.
    #[n(0)]
    pub space: SpaceId,
    /// The node that minted it.
    #[n(1)]
    pub minter: NodeId,
    /// Hash of the sorted nodes that it was sealed to.
    #[n(2)]
    pub readers: Hash,
    /// Commitment to the key.
    #[n(3)]
    pub commitment: Hash,
    /// The heads of the membership that it was minted under.
    #[n(4)]
    pub basis: Vec<ActId>,
    /// When, by the minter's clock.
    #[n(5)]
    pub created: Timestamp,
}

impl Wire for EpochHeader {
    const WHAT: &'static str = "epoch header";
    const MAX: usize = 256 + 36 * limits::MAX_ACT_PARENTS;
}
impl Statement for EpochHeader {
    const LABEL: &'static str = "epoch";
}

/// An epoch's key, sealed to one node.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Slot {
    /// The node.
    #[n(0)]
    pub node: NodeId,
    /// `encapsulated (1,120) ‖ sealed key (48)`.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub sealed: Vec<u8>,
}

/// Why an epoch could not be made or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EpochError {
    /// A prekey is not an X-Wing key.
    #[error("a partner's prekey is not a valid X-Wing key")]
    Prekey,
    /// The slot does not open with our prekey.
    #[error("the slot does not open with this node's prekey")]
    Sealed,
    /// The slot opens to another key than the header commits to.
    #[error("the slot holds another key than the epoch's header says")]
    Commitment,
}

/// A fresh epoch: its header, and a slot for each reader whose prekey is usable.
pub struct Minted {
    /// The epoch's id.
    pub id: EpochId,
    /// Its key.
    pub key: Key,
    /// Its signed header.
    pub header: Signed<EpochHeader>,
    /// One slot for each reader that it was sealed to already.
    pub slots: Vec<Slot>,
}

/// The hash that stands for a set of reading nodes.
#[must_use]
pub fn readers_hash<'a>(nodes: impl IntoIterator<Item = &'a NodeId>) -> Hash {
    let mut nodes: Vec<&NodeId> = nodes.into_iter().collect();
    nodes.sort_unstable();
    nodes.dedup();
    derive::hash(&nodes.iter().flat_map(|n| n.0).collect::<Vec<u8>>())
}

/// Mints an epoch for exactly these nodes, and seals it to all of them at once.
///
/// # Errors
/// [`EpochError::Prekey`] if a prekey is not valid; nothing was minted then.
pub fn mint(
    space: SpaceId,
    minter: &SigningKey,
    readers: &[(NodeId, &[u8])],
    basis: Vec<ActId>,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Minted, EpochError> {
    let nodes = readers.iter().map(|(node, _)| node);
    let mut minted = mint_unsealed(space, minter, nodes, basis, now, rng);
    minted.slots = readers
        .iter()
        .map(|(node, prekey)| seal_slot(&minted.id, &minted.key, node, prekey, rng))
        .collect::<Result<_, _>>()?;
    Ok(minted)
}

/// Mints an epoch for exactly these nodes and seals it to nobody yet: [`seal_slot`] does it for one node when
/// that node is there, to the prekey that it has then.
#[must_use]
pub fn mint_unsealed<'a>(
    space: SpaceId,
    minter: &SigningKey,
    readers: impl IntoIterator<Item = &'a NodeId>,
    basis: Vec<ActId>,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Minted {
    let mut key: Key = Zeroizing::new([0; 32]);
    rng.fill_bytes(key.as_mut());
    let header = sign(
        EpochHeader {
            space,
            minter: NodeId(minter.verifying_key().to_bytes()),
            readers: readers_hash(readers),
            commitment: derive::epoch_commitment(&key),
            basis,
            created: now,
        },
        minter,
    );
    Minted { id: id_of(&header), key, header, slots: Vec::new() }
}

/// Can an epoch be sealed to this?
#[must_use]
pub fn is_prekey(bytes: &[u8]) -> bool {
    bytes.len() == PREKEY_LEN && <XWing as Kem>::PublicKey::from_bytes(bytes).is_ok()
}

/// The id of a signed epoch header.
#[must_use]
pub fn id_of(header: &Signed<EpochHeader>) -> EpochId {
    derive::epoch_id(header.bytes(), header.signature())
}

/// Seals an epoch's key to one more node that may read it.
///
/// # Errors
/// [`EpochError::Prekey`].
pub fn seal_slot(
    epoch: &EpochId,
    key: &Key,
    node: &NodeId,
    prekey: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Slot, EpochError> {
    let sealed = seal_to(prekey, INFO, &slot_context(epoch, node), key.as_ref(), rng)?;
    Ok(Slot { node: *node, sealed })
}

/// Opens our slot of an epoch, and checks that the key is the one that the header commits to.
///
/// # Errors
/// [`EpochError::Sealed`] or [`EpochError::Commitment`].
pub fn open_slot(
    header: &Signed<EpochHeader>,
    slot: &Slot,
    secret: &PrekeySecret,
) -> Result<Key, EpochError> {
    if slot.sealed.len() != ENCAPSULATED_LEN + SEALED_LEN {
        return Err(EpochError::Sealed);
    }
    let opened = open_sealed(secret, INFO, &slot_context(&id_of(header), &slot.node), &slot.sealed)?;
    let key: Key = Zeroizing::new(opened.as_slice().try_into().map_err(|_| EpochError::Sealed)?);
    let right = derive::epoch_commitment(&key).0.ct_eq(&header.value().commitment.0);
    if right.unwrap_u8() == 1 { Ok(key) } else { Err(EpochError::Commitment) }
}

const INFO: &[u8] = b"entente v1 epoch slot";

/// Seals something to a prekey: `encapsulated (1,120) ‖ sealed (16 more than it is)`. `info` says what it is,
/// `context` where it belongs.
pub(crate) fn seal_to(
    prekey: &[u8],
    info: &[u8],
    context: &[u8],
    plain: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, EpochError> {
    let public = <XWing as Kem>::PublicKey::from_bytes(prekey).map_err(|_| EpochError::Prekey)?;
    let (encapsulated, sealed) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, XWing>(
        &OpModeS::Base,
        &public,
        info,
        plain,
        context,
        rng,
    )
    .map_err(|_| EpochError::Prekey)?;
    let mut out = encapsulated.to_bytes().to_vec();
    out.extend(sealed);
    Ok(out)
}

/// Opens what [`seal_to`] sealed.
pub(crate) fn open_sealed(
    secret: &PrekeySecret,
    info: &[u8],
    context: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, EpochError> {
    let (encapsulated, sealed) = sealed.split_at_checked(ENCAPSULATED_LEN).ok_or(EpochError::Sealed)?;
    let encapsulated =
        <XWing as Kem>::EncappedKey::from_bytes(encapsulated).map_err(|_| EpochError::Sealed)?;
    hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, XWing>(
        &OpModeR::Base,
        &secret.private()?,
        &encapsulated,
        info,
        sealed,
        context,
    )
    .map(Zeroizing::new)
    .map_err(|_| EpochError::Sealed)
}

/// Where something that was sealed for a node belongs: to an epoch and to that node.
pub(crate) fn slot_context(epoch: &EpochId, node: &NodeId) -> [u8; 64] {
    let mut out = [0; 64];
    let (first, second) = out.split_at_mut(32);
    first.copy_from_slice(&epoch.0);
    second.copy_from_slice(&node.0);
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::Counter;

    fn reader(n: u8) -> (NodeId, PrekeySecret) {
        (NodeId([n; 32]), PrekeySecret::from_seed(Zeroizing::new([n; 32])))
    }

    fn minted(readers: &[(NodeId, PrekeySecret)]) -> Minted {
        let publics: Vec<_> = readers.iter().map(|(n, s)| (*n, s.public().unwrap())).collect();
        let borrowed: Vec<_> = publics.iter().map(|(n, p)| (*n, p.as_slice())).collect();
        let key = SigningKey::from_bytes(&[7; 32]);
        mint(SpaceId([1; 32]), &key, &borrowed, vec![], Timestamp(5), &mut Counter(3)).unwrap()
    }

    #[test]
    fn each_reader_opens_its_own_slot_and_no_other() {
        let readers = [reader(1), reader(2), reader(3)];
        let epoch = minted(&readers);
        for (i, (_, secret)) in readers.iter().enumerate() {
            for (j, slot) in epoch.slots.iter().enumerate() {
                let opened = open_slot(&epoch.header, slot, secret);
                if i == j {
                    assert_eq!(opened.unwrap(), epoch.key);
                } else {
                    assert_eq!(opened.unwrap_err(), EpochError::Sealed);
                }
            }
        }
    }

    #[test]
    fn a_slot_with_another_key_is_no_key() {
        let (node, secret) = reader(1);
        let epoch = minted(&[reader(1)]);
        let other = Zeroizing::new([5; 32]);
        let forged = seal_slot(&epoch.id, &other, &node, &secret.public().unwrap(), &mut Counter(9)).unwrap();
        assert_eq!(open_slot(&epoch.header, &forged, &secret).unwrap_err(), EpochError::Commitment);
    }

    #[test]
    fn a_slot_of_another_epoch_does_not_open() {
        let (_, secret) = reader(1);
        let (one, two) = (minted(&[reader(1)]), minted(&[reader(1), reader(2)]));
        let slot = &two.slots[0];
        assert_eq!(open_slot(&one.header, slot, &secret).unwrap_err(), EpochError::Sealed);
    }

    #[test]
    fn garbage_in_a_slot_is_an_error_not_a_panic() {
        let (node, secret) = reader(1);
        let epoch = minted(&[reader(1)]);
        for len in [0, 1, 47, 48, 1119, 1120, 1168, 5000] {
            let slot = Slot { node, sealed: vec![0xa5; len] };
            assert!(open_slot(&epoch.header, &slot, &secret).is_err());
        }
        assert!(seal_slot(&epoch.id, &epoch.key, &node, &[0xff; 1216], &mut Counter(1)).is_err());
    }

    #[test]
    fn the_readers_hash_knows_neither_order_nor_repetition() {
        let (a, b) = (NodeId([1; 32]), NodeId([2; 32]));
        assert_eq!(readers_hash([&a, &b]), readers_hash([&b, &a, &b]));
        assert_ne!(readers_hash([&a, &b]), readers_hash([&a]));
    }
}
