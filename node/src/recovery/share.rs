//! Shares: what a trustee holds. A label and 24 words, of which any two of a set give the root key, and one
//! gives nothing, not even a guess at it.
//!
//! ```text
//!   2-mfrggzdf-k7q2x-a3bc                     the label
//!   │ │        │     └── check: 20 bits over all the rest, the words included
//!   │ │        └──────── set:   25 random bits; shares of different sets do not fit together
//!   │ └───────────────── organisation: the first 8 letters of its id
//!   └─────────────────── number: 1 to 3
//!   abandon ability able …                    24 words: the share itself
//! ```
//!
//! Neither set nor check depends on the root key, so the label tells its reader nothing that the words do not.

use std::fmt;

use entente_protocol::derive::Key;
use entente_protocol::ids::OrgId;
use minicbor::{Decode, Encode};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::root::{RootKey, RootKeyError};
use super::shamir;
use super::words::{Slip, Typed, WordsError, words_of};
use crate::secrets::Secret;

/// Shares that a set has.
pub const SHARES: u8 = 3;

const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const ORG_LETTERS: usize = 8;
const SET_LETTERS: usize = 5;
const CHECK_LETTERS: usize = 4;
const CHECK: &str = "entente v1 share check";

/// A set of shares that were made together: 25 random bits, as five letters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, serde::Serialize, serde::Deserialize)]
#[cbor(transparent)]
#[serde(into = "String", try_from = "String")]
pub struct SetId(#[n(0)] u32);

impl fmt::Display for SetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&letters(self.0, SET_LETTERS))
    }
}

impl From<SetId> for String {
    fn from(set: SetId) -> String {
        set.to_string()
    }
}

impl TryFrom<String> for SetId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<SetId, &'static str> {
        number_of(&text, SET_LETTERS).map(SetId).ok_or("a set has five letters (a-z, 2-7)")
    }
}

/// What stands above the words of a share.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Label {
    /// 1 to 3.
    pub number: u8,
    /// The first 8 letters of the organisation's id.
    pub organisation: String,
    /// The set.
    pub set: SetId,
    check: u32,
}

/// One share of a root key.
#[derive(Clone)]
pub struct Share {
    label: Label,
    y: Key,
}

/// Why shares do not give the root key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// The label makes no sense.
    #[error(
        "`{0}` is not the label of a share: it looks like 2-mfrggzdf-k7q2x-a3bc, and stands above the words"
    )]
    Label(String),
    /// The words make no sense.
    #[error("share {number}: {error}")]
    Words {
        /// Which share.
        number: u8,
        /// What is wrong.
        error: WordsError,
    },
    /// The words, or the label, are not what was written down.
    #[error("share {number}: {}", mistyped(.slip.as_ref()))]
    Mistyped {
        /// Which share.
        number: u8,
        /// What would explain it.
        slip: Option<Slip>,
    },
    /// It is another organisation's.
    #[error("share {number} is of an organisation whose id begins with {theirs}, not of this one ({ours}…)")]
    OtherOrganisation {
        /// Which share.
        number: u8,
        /// The organisation that its label names.
        theirs: String,
        /// The one that is meant.
        ours: String,
    },
    /// They were not made together.
    #[error("share {} is of the set {}, share {} of the set {}: only shares of one set fit together", .first.0, .first.1, .second.0, .second.1)]
    OtherSet {
        /// The first share's number and set.
        first: (u8, SetId),
        /// The second's.
        second: (u8, SetId),
    },
    /// The same share twice.
    #[error("share {0} was given twice: two different ones are needed")]
    Twice(u8),
    /// Both are whole, and yet they give another key.
    #[error(
        "both shares are as they were written down, and yet do not give this organisation's root key: one of them was not made from it"
    )]
    NotTheKey,
}

fn mistyped(slip: Option<&Slip>) -> String {
    match slip {
        Some(slip) => slip.to_string(),
        None => "the words and the label do not belong together: compare both with the paper".to_owned(),
    }
}

impl std::str::FromStr for Label {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Label, ShareError> {
        let plain = text.trim().to_lowercase();
        let wrong = || ShareError::Label(text.trim().chars().take(40).collect());
        let mut parts = plain.split('-');
        let (Some(number), Some(organisation), Some(set), Some(check), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        let number: u8 = number.parse().map_err(|_| wrong())?;
        let letters = |c: u8| LETTERS.contains(&c);
        if !(1..=SHARES).contains(&number)
            || organisation.len() != ORG_LETTERS
            || !organisation.bytes().all(letters)
        {
            return Err(wrong());
        }
        Ok(Label {
            number,
            organisation: organisation.to_owned(),
            set: number_of(set, SET_LETTERS).map(SetId).ok_or_else(wrong)?,
            check: number_of(check, CHECK_LETTERS).ok_or_else(wrong)?,
        })
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let check = letters(self.check, CHECK_LETTERS);
        write!(f, "{}-{}-{}-{check}", self.number, self.organisation, self.set)
    }
}

impl Label {
    fn fits(&self, y: &Key) -> bool {
        let right = check(self.number, &self.organisation, self.set, y);
        self.check.to_be_bytes().ct_eq(&right.to_be_bytes()).into()
    }
}

impl Share {
    /// A share as it was typed.
    ///
    /// # Errors
    /// [`ShareError`] names the share, and what in it is not as it was written down.
    pub fn typed(label: Label, words: &Typed) -> Result<Share, ShareError> {
        let number = label.number;
        match words.secret() {
            Ok(y) if label.fits(&y) => Ok(Share { label, y }),
            Ok(_) | Err(WordsError::Checksum) => {
                Err(ShareError::Mistyped { number, slip: words.slip(|y| label.fits(y)) })
            }
            Err(error) => Err(ShareError::Words { number, error }),
        }
    }

    /// Its label.
    #[must_use]
    pub fn label(&self) -> &Label {
        &self.label
    }

    /// Its words.
    ///
    /// # Errors
    /// As [`words_of`]: never.
    pub fn words(&self) -> Result<Vec<&'static str>, bip39::Error> {
        words_of(&self.y)
    }
}

/// Three fresh shares of a root key. They were tried in every pair before they are handed out.
///
/// # Errors
/// [`RootKeyError::Random`].
pub fn split(root: &RootKey) -> Result<[Share; SHARES as usize], RootKeyError> {
    let slope = Secret::random()?.key();
    let mut random = [0; 4];
    getrandom::fill(&mut random)?;
    let set = SetId(u32::from_be_bytes(random) >> (32 - 5 * SET_LETTERS));
    let organisation: String = root.id().to_string().chars().take(ORG_LETTERS).collect();
    let shares = [1, 2, 3].map(|number| {
        let y = shamir::share(&root.seed(), &slope, number);
        let check = check(number, &organisation, set, &y);
        Share { label: Label { number, organisation: organisation.clone(), set, check }, y }
    });
    let [a, b, c] = &shares;
    for (one, other) in [(a, b), (a, c), (b, c)] {
        combine(one, other, &root.id()).map_err(|_| RootKeyError::Arithmetic)?;
    }
    Ok(shares)
}

/// Does a share's label fit the organisation?
///
/// # Errors
/// [`ShareError::OtherOrganisation`].
pub fn of_organisation(share: &Share, organisation: &OrgId) -> Result<(), ShareError> {
    let Label { number, organisation: theirs, .. } = share.label.clone();
    let ours: String = organisation.to_string().chars().take(ORG_LETTERS).collect();
    if theirs == ours { Ok(()) } else { Err(ShareError::OtherOrganisation { number, theirs, ours }) }
}

/// The root key of two shares, which must be the organisation's.
///
/// # Errors
/// [`ShareError`] says which share does not fit, and why.
pub fn combine(one: &Share, other: &Share, organisation: &OrgId) -> Result<RootKey, ShareError> {
    of_organisation(one, organisation)?;
    of_organisation(other, organisation)?;
    let (first, second) = (&one.label, &other.label);
    if first.set != second.set {
        return Err(ShareError::OtherSet {
            first: (first.number, first.set),
            second: (second.number, second.set),
        });
    }
    let secret = shamir::combine((first.number, &one.y), (second.number, &other.y));
    let root = RootKey::from_seed(&secret.ok_or(ShareError::Twice(first.number))?);
    if root.id() == *organisation { Ok(root) } else { Err(ShareError::NotTheKey) }
}

/// 20 bits that bind words and label to each other.
fn check(number: u8, organisation: &str, set: SetId, y: &Key) -> u32 {
    let mut hasher = blake3::Hasher::new_derive_key(CHECK);
    hasher.update(y.as_ref()).update(&[number]).update(organisation.as_bytes()).update(&set.0.to_be_bytes());
    let hash = Zeroizing::new(*hasher.finalize().as_bytes());
    let [a, b, c, d, ..] = *hash;
    u32::from_be_bytes([a, b, c, d]) >> (32 - 5 * CHECK_LETTERS)
}

/// A number as letters of five bits each, the highest first.
fn letters(number: u32, count: usize) -> String {
    let letter = |place: usize| char::from(LETTERS[(number >> (5 * place)) as usize % LETTERS.len()]);
    (0..count).rev().map(letter).collect()
}

fn number_of(text: &str, count: usize) -> Option<u32> {
    if text.len() != count {
        return None;
    }
    text.bytes().try_fold(0, |number, c| {
        let five = LETTERS.iter().position(|letter| *letter == c)?;
        Some(number << 5 | u32::try_from(five).ok()?)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn root(byte: u8) -> RootKey {
        RootKey::from_seed(&Zeroizing::new([byte; 32]))
    }

    fn typed(share: &Share) -> Typed {
        Typed::read(&share.words().unwrap().join(" "), 0).unwrap()
    }

    #[test]
    fn any_two_shares_give_the_key_after_they_were_written_and_typed() {
        let root = root(7);
        let shares = split(&root).unwrap().map(|share| {
            let label: Label = share.label().to_string().to_uppercase().parse().unwrap();
            Share::typed(label, &typed(&share)).unwrap()
        });
        for (a, b) in [(0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)] {
            assert_eq!(combine(&shares[a], &shares[b], &root.id()).unwrap().id(), root.id());
        }
        assert_eq!(combine(&shares[1], &shares[1], &root.id()).err(), Some(ShareError::Twice(2)));
    }

    #[test]
    fn shares_of_other_sets_and_organisations_are_named() {
        let (ours, theirs) = (root(7), root(8));
        let (a, b, c) = (split(&ours).unwrap(), split(&ours).unwrap(), split(&theirs).unwrap());
        let other_set = combine(&a[0], &b[1], &ours.id()).err().unwrap();
        assert!(matches!(other_set, ShareError::OtherSet { first: (1, _), second: (2, _) }), "{other_set}");
        let other = combine(&a[0], &c[2], &ours.id()).err().unwrap();
        assert!(matches!(other, ShareError::OtherOrganisation { number: 3, .. }), "{other}");
        // Somebody who writes a label of ours over a share of theirs, check and all.
        let mut forged = c[1].clone();
        forged.label.organisation.clone_from(&a[0].label.organisation);
        forged.label.set = a[0].label.set;
        assert_eq!(combine(&a[0], &forged, &ours.id()).err(), Some(ShareError::NotTheKey));
    }

    #[test]
    fn what_was_mistyped_is_named() {
        let share = &split(&root(7)).unwrap()[1];
        let mut words = share.words().unwrap();
        let right = words[4];
        words[4] = if right == "zoo" { "zone" } else { "zoo" };
        let wrong = Typed::read(&words.join(" "), 0).unwrap();
        let slip = Some(Slip::Word { position: 5, should_be: right });
        let error = Share::typed(share.label().clone(), &wrong).err();
        assert_eq!(error, Some(ShareError::Mistyped { number: 2, slip }));
        // A slip in the label: no word explains it.
        let mut label = share.label().clone();
        label.number = 3;
        let error = Share::typed(label, &typed(share)).err();
        assert_eq!(error, Some(ShareError::Mistyped { number: 3, slip: None }));
        let few = Typed::read("abandon", 0).unwrap();
        let error = Share::typed(share.label().clone(), &few).err().unwrap();
        assert!(error.to_string().contains("share 2: these are 1 words"), "{error}");
    }

    #[test]
    fn only_labels_are_labels() {
        let label = split(&root(7)).unwrap()[0].label().to_string();
        for wrong in ["", "1", "abandon", &label[1..], &format!("4{}", &label[1..]), &format!("{label}-a")] {
            assert!(wrong.parse::<Label>().is_err(), "{wrong}");
        }
        assert_eq!(format!(" {label} ").parse::<Label>().unwrap().to_string(), label);
    }

    /// Frozen: shares on paper outlive versions of this program.
    #[test]
    fn a_share_reads_as_it_ever_did() {
        let root = root(0x11);
        let slope = Zeroizing::new([0x22; 32]);
        let y = shamir::share(&root.seed(), &slope, 3);
        let organisation: String = root.id().to_string().chars().take(8).collect();
        let check = check(3, &organisation, SetId(0x0123_4567 >> 7), &y);
        let label = Label { number: 3, organisation, set: SetId(0x0123_4567 >> 7), check };
        let share = Share { label, y };
        assert_eq!(share.label().to_string(), "3-2bflemtu-aeruk-jrxq");
        assert_eq!(
            share.words().unwrap().join(" "),
            format!("{}jazz roof tape wisdom", "jazz roof tape upon ".repeat(5))
        );
    }
}
