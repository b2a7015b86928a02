//! Keys of single records, for a member that may read them and not the rest of their epoch.
//!
//! Each record has a content key of its own, which the epoch key wraps ([`crate::envelope`]). Here content keys
//! travel without the epoch key, sealed together to one node:
//!
//! ```text
//!  RecordKeys: epoch's header ‖ node ‖ encapsulated key (1,120) ‖ sealed: (log 32 ‖ seq 8 ‖ content key 32)* + 16
//! ```
//! Sealing is that of an epoch's slot (HPKE with X-Wing) under another label. Nobody signs it: the header, which
//! its minter signed, says what the entries' terms are, and each envelope commits to its content key, so who
//! brings a key cannot bring a wrong one.

use minicbor::{Decode, Encode};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::codec::Wire;
use crate::derive::Key;
use crate::epoch::{self, EpochError, EpochHeader, PrekeySecret};
use crate::ids::{LogId, NodeId, Seq};
use crate::limits;
use crate::signed::{Signed, Unverified};

const INFO: &[u8] = b"entente v1 history keys";
const ITEM: usize = 32 + 8 + 32;

/// The content keys of entries of one epoch, sealed to one node.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct RecordKeys {
    /// The epoch that the entries are sealed under.
    #[n(0)]
    pub header: Unverified<EpochHeader>,
    /// Whom it is for.
    #[n(1)]
    pub node: NodeId,
    /// Encapsulated key, then the list of keys, sealed.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub sealed: Vec<u8>,
}

impl Wire for RecordKeys {
    const WHAT: &'static str = "keys of records";
    const MAX: usize = 8 * 1024 + ITEM * limits::MAX_RECORD_KEYS;
}

/// The content key of the entry at a place.
#[derive(Clone, PartialEq, Eq)]
pub struct RecordKey {
    /// The log.
    pub log: LogId,
    /// The position.
    pub seq: Seq,
    /// The key.
    pub key: Key,
}

/// Seals content keys of one epoch's entries to a node; at most [`limits::MAX_RECORD_KEYS`] of them are taken.
///
/// # Errors
/// [`EpochError::Prekey`].
pub fn seal(
    header: &Signed<EpochHeader>,
    keys: &[RecordKey],
    node: NodeId,
    prekey: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<RecordKeys, EpochError> {
    let mut plain = Zeroizing::new(Vec::with_capacity(ITEM * keys.len().min(limits::MAX_RECORD_KEYS)));
    for one in keys.iter().take(limits::MAX_RECORD_KEYS) {
        plain.extend_from_slice(&one.log.0);
        plain.extend_from_slice(&one.seq.0.to_be_bytes());
        plain.extend_from_slice(one.key.as_ref());
    }
    let context = epoch::slot_context(&epoch::id_of(header), &node);
    let sealed = epoch::seal_to(prekey, INFO, &context, &plain, rng)?;
    Ok(RecordKeys { header: header.to_unverified(), node, sealed })
}

/// Opens what [`seal`] made for this node. `header` is its header, verified. The keys are what somebody says
/// they are: each is compared with its envelope before use ([`crate::envelope::fits`]).
///
/// # Errors
/// [`EpochError::Sealed`].
pub fn open(
    header: &Signed<EpochHeader>,
    keys: &RecordKeys,
    secret: &PrekeySecret,
) -> Result<Vec<RecordKey>, EpochError> {
    let context = epoch::slot_context(&epoch::id_of(header), &keys.node);
    let plain = epoch::open_sealed(secret, INFO, &context, &keys.sealed)?;
    if plain.len() > ITEM * limits::MAX_RECORD_KEYS || !plain.len().is_multiple_of(ITEM) {
        return Err(EpochError::Sealed);
    }
    plain.chunks_exact(ITEM).map(|item| read(item).ok_or(EpochError::Sealed)).collect()
}

fn read(item: &[u8]) -> Option<RecordKey> {
    let (log, rest) = item.split_first_chunk::<32>()?;
    let (seq, key) = rest.split_first_chunk::<8>()?;
    let key = Zeroizing::new(key.try_into().ok()?);
    Some(RecordKey { log: LogId(*log), seq: Seq(u64::from_be_bytes(*seq)), key })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ed25519_dalek::SigningKey;
    use proptest::prelude::*;

    use super::*;
    use crate::epoch::Minted;
    use crate::ids::{SpaceId, Timestamp};
    use crate::testing::Counter;

    fn reader(n: u8) -> (NodeId, PrekeySecret) {
        (NodeId([n; 32]), PrekeySecret::from_seed(Zeroizing::new([n; 32])))
    }

    fn minted(seed: u64) -> Minted {
        let key = SigningKey::from_bytes(&[7; 32]);
        epoch::mint(SpaceId([1; 32]), &key, &[], vec![], Timestamp(5), &mut Counter(seed)).unwrap()
    }

    fn some_keys(count: usize) -> Vec<RecordKey> {
        let one = |n: usize| RecordKey {
            log: LogId([n as u8; 32]),
            seq: Seq(n as u64),
            key: Zeroizing::new([!(n as u8); 32]),
        };
        (0..count).map(one).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn keys_of_records_open_for_whom_they_were_sealed(count in 0_usize..limits::MAX_RECORD_KEYS + 5) {
            let (epoch, (node, secret)) = (minted(1), reader(1));
            let keys = some_keys(count);
            let public = secret.public().unwrap();
            let sealed = seal(&epoch.header, &keys, node, &public, &mut Counter(9)).unwrap();
            let opened = open(&epoch.header, &sealed, &secret).unwrap();
            prop_assert!(opened == keys[..count.min(limits::MAX_RECORD_KEYS)]);
            prop_assert!(crate::codec::encode(&sealed).len() <= RecordKeys::MAX);
        }
    }

    #[test]
    fn keys_of_records_open_for_no_other_node_and_no_other_epoch() {
        let (epoch, (node, secret)) = (minted(1), reader(1));
        let public = secret.public().unwrap();
        let sealed = seal(&epoch.header, &some_keys(3), node, &public, &mut Counter(9)).unwrap();
        let (other, stranger) = reader(2);
        let wrong = |result: Result<Vec<RecordKey>, _>| assert!(result.err() == Some(EpochError::Sealed));
        wrong(open(&epoch.header, &sealed, &stranger));
        wrong(open(&minted(2).header, &sealed, &secret));
        wrong(open(&epoch.header, &RecordKeys { node: other, ..sealed.clone() }, &secret));
        for at in 0..sealed.sealed.len() {
            let mut changed = sealed.clone();
            changed.sealed[at] ^= 1;
            wrong(open(&epoch.header, &changed, &secret));
        }
    }

    #[test]
    fn a_slot_of_an_epoch_does_not_pass_for_keys_of_records() {
        let (epoch, (node, secret)) = (minted(1), reader(1));
        let public = secret.public().unwrap();
        let slot = epoch::seal_slot(&epoch.id, &epoch.key, &node, &public, &mut Counter(9)).unwrap();
        let posing = RecordKeys { header: epoch.header.to_unverified(), node, sealed: slot.sealed };
        assert!(open(&epoch.header, &posing, &secret).is_err());
    }

    #[test]
    fn garbage_in_place_of_keys_is_an_error_not_a_panic() {
        let (epoch, (node, secret)) = (minted(1), reader(1));
        for len in [0, 1, 1119, 1120, 1136, 1137, 1208, 100_000] {
            let keys = RecordKeys { header: epoch.header.to_unverified(), node, sealed: vec![0xa5; len] };
            assert!(open(&epoch.header, &keys, &secret).is_err());
        }
    }
}
