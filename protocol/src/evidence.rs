//! Evidence against an author with two faces: two entries at one position of one log, each vouched for by the
//! log's key.
//!
//! ```text
//!            ┌─ header 7 ─▶ header 8 ─▶ … signature     (from there to the next signed entry)
//!  … 5 ─▶ 6 ─┤
//!            └─ header 7'─▶ signature
//! ```
//! A signature covers the chain (see [`crate::log`]), so the headers up to the next signed entry and that
//! signature are a statement of the author about the first of them. Two such statements about one position are a
//! proof that anybody can check who knows the log's id. The position proved need not be the first that differs.
//! Payloads are not part of it: a header names its payload's hash.
//!
//! `bytes ──decode──▶ Evidence ──verify──▶ TwoFaced ──keep──▶ shown, told to others`

use minicbor::{Decode, Encode};

use crate::codec::{self, Wire};
use crate::derive;
use crate::ids::{LogId, Seq, SpaceId};
use crate::limits;
use crate::log::{self, Batch, Entry, EntryHeader, Head, LogError};
use crate::signed::VerifyError;

/// Consecutive headers of a log, and the log key's signature over the chain up to the last: the author's
/// statement about the first.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct SignedHeaders {
    /// The headers, 1 to [`limits::MAX_BATCH_ENTRIES`].
    #[n(0)]
    pub headers: Vec<EntryHeader>,
    /// Over the chain hash of the last.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub signature: [u8; 64],
}

/// Two statements about one position that cannot both be honest.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Evidence {
    /// The one whose first header has the smaller chain hash.
    #[n(0)]
    pub one: SignedHeaders,
    /// The other.
    #[n(1)]
    pub other: SignedHeaders,
}

impl Wire for SignedHeaders {
    const WHAT: &'static str = "signed headers";
    const MAX: usize = 80 + limits::MAX_BATCH_ENTRIES * 200;
}

impl Wire for Evidence {
    const WHAT: &'static str = "evidence";
    const MAX: usize = 8 + 2 * SignedHeaders::MAX;
}

/// Why evidence proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// Headers that do not follow each other, too many, or none.
    #[error("headers that do not follow each other")]
    Broken,
    /// A signature is not the log's.
    #[error(transparent)]
    Signature(#[from] VerifyError),
    /// Both are about different logs or positions.
    #[error("two statements about different places")]
    OtherPlaces,
    /// Both say the same, or they are not in order.
    #[error("two statements that do not differ, or in the wrong order")]
    NoFork,
}

/// The proof that a log's key vouches for two entries at one position. Only [`Evidence::verify`] makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TwoFaced {
    space: SpaceId,
    log: LogId,
    seq: Seq,
    evidence: Evidence,
}

impl TwoFaced {
    /// The space.
    #[must_use]
    pub fn space(&self) -> SpaceId {
        self.space
    }

    /// The log.
    #[must_use]
    pub fn log(&self) -> LogId {
        self.log
    }

    /// A position with two entries; there may be earlier ones.
    #[must_use]
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// What proves it.
    #[must_use]
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }
}

impl SignedHeaders {
    /// The statement about the first of these consecutive entries, from here to the next that is signed; `None`
    /// if none of them is.
    #[must_use]
    pub fn of_entries(entries: impl IntoIterator<Item = Entry>) -> Option<SignedHeaders> {
        let mut headers = Vec::new();
        for entry in entries.into_iter().take(limits::MAX_BATCH_ENTRIES) {
            headers.push(entry.header);
            if let Some(signature) = entry.signature {
                return Some(SignedHeaders { headers, signature });
            }
        }
        None
    }

    /// The statement about the entry at `seq` that a batch makes, which continues a log at `head`.
    ///
    /// # Errors
    /// [`LogError`] if it does not, or is not signed by the log's key, or has no entry there.
    pub fn of_batch(batch: Batch, head: &Head, seq: Seq) -> Result<SignedHeaders, LogError> {
        let signature = batch.signature;
        let verified = batch.verify(head)?;
        let headers = verified.into_entries().into_iter().map(|entry| entry.header);
        let headers: Vec<EntryHeader> = headers.filter(|header| header.seq >= seq).collect();
        if headers.is_empty() {
            return Err(LogError::Malformed("no entry at that position"));
        }
        Ok(SignedHeaders { headers, signature })
    }

    /// Checks that the log's key vouches for all of it; gives the first header.
    ///
    /// # Errors
    /// [`EvidenceError::Broken`] or [`EvidenceError::Signature`].
    pub fn check(&self) -> Result<&EntryHeader, EvidenceError> {
        let first = self.headers.first().ok_or(EvidenceError::Broken)?;
        if self.headers.len() > limits::MAX_BATCH_ENTRIES {
            return Err(EvidenceError::Broken);
        }
        let mut before: Option<&EntryHeader> = None;
        for header in &self.headers {
            let follows = before.is_none_or(|before| {
                before.seq.next() == Some(header.seq)
                    && header.prev == chain_of(before)
                    && (header.space, header.log) == (before.space, before.log)
            });
            if !follows {
                return Err(EvidenceError::Broken);
            }
            before = Some(header);
        }
        let last = before.ok_or(EvidenceError::Broken)?;
        log::check_head(&chain_of(last), &self.signature, &first.log)?;
        Ok(first)
    }
}

impl Evidence {
    /// Puts two statements in their order.
    #[must_use]
    pub fn of(a: SignedHeaders, b: SignedHeaders) -> Evidence {
        let first = |s: &SignedHeaders| s.headers.first().map(chain_of);
        if first(&a) <= first(&b) { Evidence { one: a, other: b } } else { Evidence { one: b, other: a } }
    }

    /// Checks that both statements are the author's, about one position, and differ.
    ///
    /// # Errors
    /// [`EvidenceError`]; then it proves nothing.
    pub fn verify(self) -> Result<TwoFaced, EvidenceError> {
        let (one, other) = (self.one.check()?, self.other.check()?);
        let place = |header: &EntryHeader| (header.space, header.log, header.seq);
        if place(one) != place(other) {
            return Err(EvidenceError::OtherPlaces);
        }
        if chain_of(one) >= chain_of(other) {
            return Err(EvidenceError::NoFork);
        }
        let (space, log, seq) = place(one);
        Ok(TwoFaced { space, log, seq, evidence: self })
    }
}

fn chain_of(header: &EntryHeader) -> crate::ids::Hash {
    derive::chain(&codec::encode(header))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ed25519_dalek::SigningKey;
    use proptest::prelude::*;

    use super::*;
    use crate::ids::{EpochId, Timestamp};

    const SPACE: SpaceId = SpaceId([1; 32]);

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[3; 32])
    }

    /// Goes on from a head with these payloads; signed at every `every`th.
    fn go_on(head: &mut Head, payloads: &[u8], every: usize) -> Vec<Entry> {
        let mut entries = Vec::new();
        for (n, payload) in payloads.iter().enumerate() {
            let epoch = EpochId([9; 32]);
            let (mut entry, next) =
                log::append(head, SPACE, &key(), epoch, vec![*payload], Timestamp(0)).unwrap();
            if (n + 1) % every != 0 && n + 1 < payloads.len() {
                entry.signature = None;
            }
            entries.push(entry);
            *head = next;
        }
        entries
    }

    proptest! {
        #[test]
        fn any_two_continuations_are_evidence_at_every_position_and_either_way_around(
            common in 0_usize..5, left in 1_usize..12, right in 1_usize..12, every in 1_usize..6, at in any::<usize>()
        ) {
            let mut start = Head::EMPTY;
            let before = go_on(&mut start, &vec![0; common], 1);
            let (mut a, mut b) = (start, start);
            let one = go_on(&mut a, &vec![1; left], every);
            let other = go_on(&mut b, &vec![2; right], every);
            let at = at % left.min(right);
            let of = |entries: &[Entry]| SignedHeaders::of_entries(entries.iter().skip(at).cloned()).unwrap();
            let evidence = Evidence::of(of(&one), of(&other));
            prop_assert_eq!(&evidence, &Evidence::of(of(&other), of(&one)));
            let bytes = codec::encode(&evidence);
            let read: Evidence = codec::decode(&bytes).unwrap();
            let proof = read.verify().unwrap();
            prop_assert_eq!((proof.space(), proof.log()), (SPACE, LogId(key().verifying_key().to_bytes())));
            prop_assert_eq!(proof.seq(), Seq((common + at) as u64));
            // One history is no evidence, wherever it is cut.
            let same = Evidence { one: of(&one), other: of(&one) };
            prop_assert_eq!(same.verify(), Err(EvidenceError::NoFork));
            if let Some(honest) = SignedHeaders::of_entries(before) {
                let apart = Evidence::of(honest, of(&one));
                prop_assert!(apart.verify().is_err());
            }
        }
    }

    #[test]
    fn evidence_with_anything_changed_proves_nothing() {
        let (mut a, mut b) = (Head::EMPTY, Head::EMPTY);
        let one = SignedHeaders::of_entries(go_on(&mut a, &[1, 2, 3], 3)).unwrap();
        let other = SignedHeaders::of_entries(go_on(&mut b, &[4], 1)).unwrap();
        let good = Evidence::of(one, other);
        assert!(good.clone().verify().is_ok());
        let changes: [fn(&mut Evidence); 9] = [
            |e| std::mem::swap(&mut e.one, &mut e.other),
            |e| e.one.signature[3] ^= 1,
            |e| e.other.signature = e.one.signature,
            |e| e.one.headers.clear(),
            |e| e.one.headers[0].time = Timestamp(1),
            |e| e.other.headers[0].payload.0[0] ^= 1,
            |e| e.one.headers.iter_mut().for_each(|h| h.space = SpaceId([2; 32])),
            |e| e.other.headers.iter_mut().for_each(|h| h.log = LogId([2; 32])),
            |e| e.other = e.one.clone(),
        ];
        for (n, change) in changes.iter().enumerate() {
            let mut wrong = good.clone();
            change(&mut wrong);
            assert!(wrong.verify().is_err(), "change {n} still proves something");
        }
        let mut long = if good.one.headers.len() == 3 { good.one } else { good.other };
        long.headers.swap(1, 2);
        assert_eq!(long.check(), Err(EvidenceError::Broken));
    }

    #[test]
    fn nobody_but_the_logs_own_key_makes_evidence() {
        let mut a = Head::EMPTY;
        let honest = SignedHeaders::of_entries(go_on(&mut a, &[1], 1)).unwrap();
        let mallory = SigningKey::from_bytes(&[8; 32]);
        let (mut forged, _) =
            log::append(&Head::EMPTY, SPACE, &mallory, EpochId([9; 32]), vec![2], Timestamp(0)).unwrap();
        forged.header.log = LogId(key().verifying_key().to_bytes());
        let forged = SignedHeaders::of_entries([forged]).unwrap();
        assert!(matches!(Evidence::of(honest, forged).verify(), Err(EvidenceError::Signature(_))));
    }

    #[test]
    fn a_batch_that_contradicts_ours_is_a_statement_of_its_author() {
        let (mut a, mut b) = (Head::EMPTY, Head::EMPTY);
        let ours = go_on(&mut a, &[1, 1, 1], 1);
        let theirs = go_on(&mut b, &[1, 2, 2], 3);
        let batch = Batch::pack(&theirs).unwrap();
        let said = SignedHeaders::of_batch(batch.clone(), &Head::EMPTY, Seq(2)).unwrap();
        let held = SignedHeaders::of_entries(ours.into_iter().skip(2)).unwrap();
        assert_eq!(Evidence::of(said, held).verify().unwrap().seq(), Seq(2));
        assert!(SignedHeaders::of_batch(batch.clone(), &Head::EMPTY, Seq(3)).is_err());
        assert!(SignedHeaders::of_batch(batch, &a, Seq(2)).is_err());
    }
}
