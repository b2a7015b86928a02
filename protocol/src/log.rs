//! A log for each node in each space: append-only, hash-chained, signed; its payloads are ciphertext.
//!
//! ```text
//!  EntryHeader (canonical CBOR array of 8)
//!  ┌───────┬─────┬─────┬──────┬───────┬──────────────┬────────┬──────┐      chain(n) = BLAKE3(header n)
//!  │ space │ log │ seq │ prev │ epoch │ payload hash │ length │ time │      prev of n+1 = chain(n)
//!  └───────┴─────┴─────┴──────┴───────┴──────────────┴────────┴──────┘      signature over chain(n)
//! ```
//! Because each header names the hash of the one before, the signature of the last entry of a batch vouches
//! for all of it. On the wire a [`Batch`] carries only what the receiver cannot compute: times, epochs and
//! payloads. A withheld entry leaves a visible gap; two signed entries at one position are a proof of bad
//! faith.
//!
//! `bytes ──decode──▶ Batch ──verify(our head)──▶ VerifiedBatch ──store──▶ acknowledged`

use ed25519_dalek::SigningKey;
use minicbor::{Decode, Encode};

use crate::codec::{self, Wire};
use crate::derive;
use crate::ids::{EpochId, Hash, LogId, Seq, SpaceId, Timestamp};
use crate::limits;
use crate::signed::{self, VerifyError};

const LABEL: &str = "log-head";

/// One entry without its payload.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct EntryHeader {
    /// The space.
    #[n(0)]
    pub space: SpaceId,
    /// The log.
    #[n(1)]
    pub log: LogId,
    /// The position.
    #[n(2)]
    pub seq: Seq,
    /// The chain hash of the entry before; all zeroes for the first.
    #[n(3)]
    pub prev: Hash,
    /// The epoch that the payload is sealed under.
    #[n(4)]
    pub epoch: EpochId,
    /// Hash of the payload.
    #[n(5)]
    pub payload: Hash,
    /// Length of the payload.
    #[n(6)]
    pub length: u32,
    /// The author's clock.
    #[n(7)]
    pub time: Timestamp,
}

/// One entry as it is kept: header, ciphertext, and the signature where this entry ended a batch.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Entry {
    /// The header.
    #[n(0)]
    pub header: EntryHeader,
    /// The payload, or nothing where it was erased and only its place remains.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub payload: Option<Vec<u8>>,
    /// The log key's signature over the chain up to here.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub signature: Option<[u8; 64]>,
}

impl Wire for Entry {
    const WHAT: &'static str = "log entry";
    const MAX: usize = limits::MAX_PAYLOAD + 512;
}

/// How far a log is known: the next position, and the chain hash of the entry before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Head {
    /// The next position.
    #[n(0)]
    pub next: Seq,
    /// The chain hash of the last entry.
    #[n(1)]
    pub chain: Hash,
}

impl Head {
    /// The head of an empty log.
    pub const EMPTY: Head = Head { next: Seq(0), chain: Hash([0; 32]) };
}

impl Entry {
    /// The log's head after this entry; `None` at the last position that there is.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        Some(Head { next: self.header.seq.next()?, chain: derive::chain(&codec::encode(&self.header)) })
    }
}

/// Why entries were not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The batch does not begin where our copy ends.
    #[error("the batch begins at {from}, our copy of the log ends at {next}")]
    Gap {
        /// Where the batch begins.
        from: Seq,
        /// Where our copy ends.
        next: Seq,
    },
    /// Over a limit, empty, or inconsistent.
    #[error("malformed batch: {0}")]
    Malformed(&'static str),
    /// The last signature is not the log key's over this chain.
    #[error(transparent)]
    Signature(#[from] VerifyError),
    /// The log is full.
    #[error("the log has no position left")]
    Full,
}

/// Appends a payload to one's own log: gives the entry and the new head.
///
/// # Errors
/// [`LogError::Full`], or [`LogError::Malformed`] for a payload over the limit.
pub fn append(
    head: &Head,
    space: SpaceId,
    key: &SigningKey,
    epoch: EpochId,
    payload: Vec<u8>,
    time: Timestamp,
) -> Result<(Entry, Head), LogError> {
    if payload.len() > limits::MAX_PAYLOAD {
        return Err(LogError::Malformed("payload too long"));
    }
    let header = EntryHeader {
        space,
        log: LogId(key.verifying_key().to_bytes()),
        seq: head.next,
        prev: head.chain,
        epoch,
        payload: derive::payload_hash(&payload),
        length: u32::try_from(payload.len()).map_err(|_| LogError::Malformed("payload too long"))?,
        time,
    };
    let chain = derive::chain(&codec::encode(&header));
    let next = head.next.next().ok_or(LogError::Full)?;
    let signature = signed::sign_bytes(LABEL, &chain.0, key);
    Ok((Entry { header, payload: Some(payload), signature: Some(signature) }, Head { next, chain }))
}

/// Consecutive entries of one log, as they travel.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Batch {
    /// The space.
    #[n(0)]
    pub space: SpaceId,
    /// The log.
    #[n(1)]
    pub log: LogId,
    /// The position of the first.
    #[n(2)]
    pub from: Seq,
    /// The epochs that the items name by number.
    #[n(3)]
    pub epochs: Vec<EpochId>,
    /// The entries.
    #[n(4)]
    pub items: Vec<Item>,
    /// The log key's signature over the chain up to the last.
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    pub signature: [u8; 64],
}

/// One entry of a batch.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Item {
    /// Number of the epoch in the batch's list.
    #[n(0)]
    pub epoch: u16,
    /// The author's clock.
    #[n(1)]
    pub time: Timestamp,
    /// The payload, or what remains of it.
    #[n(2)]
    pub body: Body,
}

/// A payload on the wire.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Body {
    /// In full.
    #[n(0)]
    Full(
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        Vec<u8>,
    ),
    /// Erased: its place in the chain stays.
    #[n(1)]
    Erased(#[n(0)] Hash, #[n(1)] u32),
}

/// A batch that continues our copy of a log and is vouched for by the log's key. Only [`Batch::verify`]
/// makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifiedBatch {
    entries: Vec<Entry>,
    head: Head,
}

impl VerifiedBatch {
    /// The entries, in order; the last carries the signature.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Takes the entries out.
    #[must_use]
    pub fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    /// The log's head after them.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }
}

impl Batch {
    /// Packs consecutive entries; the last must carry its signature.
    ///
    /// # Errors
    /// [`LogError::Malformed`] if there are none, too many, gaps, or no last signature.
    pub fn pack(entries: &[Entry]) -> Result<Batch, LogError> {
        let (first, last) =
            entries.first().zip(entries.last()).ok_or(LogError::Malformed("no entry in the batch"))?;
        let signature = last.signature.ok_or(LogError::Malformed("the last entry is not signed"))?;
        let mut epochs: Vec<EpochId> = Vec::new();
        let mut items = Vec::with_capacity(entries.len());
        for entry in entries {
            let known = epochs.iter().rposition(|e| *e == entry.header.epoch);
            let number = known.unwrap_or_else(|| {
                epochs.push(entry.header.epoch);
                epochs.len() - 1
            });
            let epoch = u16::try_from(number).map_err(|_| LogError::Malformed("too many epochs"))?;
            let body = match &entry.payload {
                Some(payload) => Body::Full(payload.clone()),
                None => Body::Erased(entry.header.payload, entry.header.length),
            };
            items.push(Item { epoch, time: entry.header.time, body });
        }
        let EntryHeader { space, log, seq, .. } = first.header;
        Ok(Batch { space, log, from: seq, epochs, items, signature })
    }

    /// Checks that this batch continues our copy and that the log's key vouches for all of it.
    ///
    /// # Errors
    /// [`LogError`]; then none of it may be used.
    pub fn verify(self, head: &Head) -> Result<VerifiedBatch, LogError> {
        if self.from != head.next {
            return Err(LogError::Gap { from: self.from, next: head.next });
        }
        if self.items.is_empty() || self.items.len() > limits::MAX_BATCH_ENTRIES {
            return Err(LogError::Malformed("no entries, or too many"));
        }
        let mut at = *head;
        let mut entries = Vec::with_capacity(self.items.len());
        for item in self.items {
            let entry = rebuild(item, &self.epochs, self.space, self.log, &at)?;
            at = Head {
                next: at.next.next().ok_or(LogError::Full)?,
                chain: derive::chain(&codec::encode(&entry.header)),
            };
            entries.push(entry);
        }
        check_head(&at.chain, &self.signature, &self.log)?;
        if let Some(last) = entries.last_mut() {
            last.signature = Some(self.signature);
        }
        Ok(VerifiedBatch { entries, head: at })
    }
}

/// Checks that a log's key vouches for its chain up to this hash.
///
/// # Errors
/// [`VerifyError`].
pub fn check_head(chain: &Hash, signature: &[u8; 64], log: &LogId) -> Result<(), VerifyError> {
    signed::check("log entry", LABEL, &chain.0, signature, &log.0)
}

fn rebuild(item: Item, epochs: &[EpochId], space: SpaceId, log: LogId, at: &Head) -> Result<Entry, LogError> {
    let epoch = *epochs.get(usize::from(item.epoch)).ok_or(LogError::Malformed("an epoch not listed"))?;
    let (payload, hash, length) = match item.body {
        Body::Full(payload) => {
            if payload.len() > limits::MAX_PAYLOAD {
                return Err(LogError::Malformed("payload too long"));
            }
            let length = u32::try_from(payload.len()).map_err(|_| LogError::Malformed("payload too long"))?;
            let hash = derive::payload_hash(&payload);
            (Some(payload), hash, length)
        }
        Body::Erased(hash, length) => (None, hash, length),
    };
    let header = EntryHeader {
        space,
        log,
        seq: at.next,
        prev: at.chain,
        epoch,
        payload: hash,
        length,
        time: item.time,
    };
    Ok(Entry { header, payload, signature: None })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[3; 32])
    }

    fn log_of(payloads: &[Vec<u8>]) -> (Vec<Entry>, Head) {
        let mut head = Head::EMPTY;
        let mut entries = Vec::new();
        for (i, payload) in payloads.iter().enumerate() {
            let epoch = EpochId([u8::try_from(i % 3).unwrap(); 32]);
            let time = Timestamp(i as u64);
            let (entry, next) =
                append(&head, SpaceId([1; 32]), &key(), epoch, payload.clone(), time).unwrap();
            entries.push(entry);
            head = next;
        }
        (entries, head)
    }

    proptest! {
        #[test]
        fn a_log_survives_any_division_into_batches(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..40),
            cut in 1_usize..10,
        ) {
            let (entries, end) = log_of(&payloads);
            let mut head = Head::EMPTY;
            let mut got = Vec::new();
            for part in entries.chunks(cut) {
                let bytes = codec::encode(&Batch::pack(part).unwrap());
                let batch: Batch = codec::decode_bounded(&bytes, "batch", 1 << 20).unwrap();
                let verified = batch.verify(&head).unwrap();
                head = verified.head();
                got.extend(verified.into_entries());
            }
            prop_assert_eq!(head, end);
            for (a, b) in entries.iter().zip(&got) {
                prop_assert_eq!(&a.header, &b.header);
                prop_assert_eq!(&a.payload, &b.payload);
            }
        }
    }

    #[test]
    fn a_batch_with_anything_changed_is_refused() {
        let (entries, _) = log_of(&[vec![1], vec![2], vec![3]]);
        let good = Batch::pack(&entries).unwrap();
        assert!(good.clone().verify(&Head::EMPTY).is_ok());
        let changes: [fn(&mut Batch); 8] = [
            |b| b.space = SpaceId([9; 32]),
            |b| b.log = LogId(SigningKey::from_bytes(&[4; 32]).verifying_key().to_bytes()),
            |b| b.from = Seq(1),
            |b| b.epochs[0] = EpochId([9; 32]),
            |b| b.items[0].body = Body::Full(vec![7]),
            |b| b.items[1].time = Timestamp(99),
            |b| b.items.swap(0, 1),
            |b| b.signature[5] ^= 1,
        ];
        for (i, change) in changes.iter().enumerate() {
            let mut wrong = good.clone();
            change(&mut wrong);
            assert!(wrong.verify(&Head::EMPTY).is_err(), "change {i} was accepted");
        }
    }

    #[test]
    fn an_erased_payload_keeps_its_place() {
        let (mut entries, end) = log_of(&[vec![1], vec![2], vec![3]]);
        entries[1].payload = None;
        let verified = Batch::pack(&entries).unwrap().verify(&Head::EMPTY).unwrap();
        assert_eq!(verified.head(), end);
        assert_eq!(verified.entries()[1].payload, None);
    }

    #[test]
    fn a_batch_that_skips_or_repeats_is_a_gap() {
        let (entries, end) = log_of(&[vec![1], vec![2], vec![3]]);
        let later = Batch::pack(&entries[1..]).unwrap();
        assert_eq!(later.verify(&Head::EMPTY), Err(LogError::Gap { from: Seq(1), next: Seq(0) }));
        let again = Batch::pack(&entries).unwrap();
        assert!(matches!(again.verify(&end), Err(LogError::Gap { .. })));
    }
}
