//! Notices: what a node says about records, in its own log, to exactly those who read them.
//!
//! A notice is the plaintext of an ordinary entry, as an acknowledgement is: chained, signed, sealed and padded like
//! a record, and told apart by the CBOR tag [`TAG`]. Who says it, when and where, is the log that it stands in; no
//! clause of an agreement is asked, since withdrawing, confirming and asking must stay possible when nothing else is.
//!
//! ```text
//!  author  ── Withdrawn(record, why) ──▶ readers erase it      readers ── Erased(record, cause) ──▶ the author's receipt
//!  reader  ── Asked(record, for what) ─▶ author                author  ── Answered(record, whom, yes or no) ─▶ reader
//!  author  ── ConsentEnded(reference) ─▶ readers publish and pass on nothing more that names this consent
//! ```
//! `bytes ──read──▶ Notice`

use minicbor::{Decode, Encode};

use crate::codec::{self, DecodeError, Wire};
use crate::ids::{OrgId, RecordId, Timestamp};

/// The tag that every notice begins with: `ent` and 2.
pub const TAG: u64 = 0x656E_7402;
/// The version written here. Others are refused by name.
pub const VERSION: u32 = 1;
/// The tag's five bytes, as CBOR writes them.
const PREFIX: [u8; 5] = [0xDA, 0x65, 0x6E, 0x74, 0x02];
/// Bytes of a reason, a purpose or an answer.
pub const MAX_WORDS: usize = 1_000;
/// Bytes of a reference to a consent.
pub const MAX_REFERENCE: usize = 200;

/// A notice. Only [`Notice::of`] and [`read`] make one, so its words are within bounds.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(tag(0x656E_7402))]
pub struct Notice {
    #[n(0)]
    version: u32,
    #[n(1)]
    said: Said,
}

/// What is said.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Said {
    /// The author's organisation takes a record back: everybody erases it.
    #[n(0)]
    Withdrawn(#[n(0)] RecordId, #[n(1)] String),
    /// This node has erased a record: its receipt.
    #[n(1)]
    Erased(#[n(0)] RecordId, #[n(1)] Cause, #[n(2)] Timestamp),
    /// A reader asks the author whether it may pass a record on, and says what for.
    #[n(2)]
    Asked(#[n(0)] RecordId, #[n(1)] String),
    /// The author's organisation lets a reader pass a record on, or does not.
    #[n(3)]
    Answered(#[n(0)] Answer),
    /// A consent that the author's records refer to holds no longer.
    #[n(4)]
    ConsentEnded(#[n(0)] String),
}

/// Why a node erased a record.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Cause {
    /// Its author withdrew it.
    #[n(0)]
    Withdrawn,
    /// The date until which it was to be kept is past.
    #[n(1)]
    Expired,
}

/// What an author answers to who asked to pass a record on.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Answer {
    /// The record.
    #[n(0)]
    pub record: RecordId,
    /// Who may, or may not, pass it on.
    #[n(1)]
    pub to: OrgId,
    /// May it?
    #[n(2)]
    pub yes: bool,
    /// In words: to whom, under which conditions.
    #[n(3)]
    pub words: String,
}

impl Wire for Notice {
    const WHAT: &'static str = "notice";
    const MAX: usize = MAX_WORDS + 256;
}

/// Why a plaintext that says that it is a notice is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoticeError {
    /// Its form.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Of a version that is not known here.
    #[error("a notice of version {0}, which this program does not know")]
    Version(u32),
    /// Words over a limit, or with control characters.
    #[error(
        "the words of a notice have at most {MAX_WORDS} bytes, a reference to a consent 1 to {MAX_REFERENCE}, and no control characters"
    )]
    Words,
}

impl Notice {
    /// Of these words.
    ///
    /// # Errors
    /// [`NoticeError::Words`].
    pub fn of(said: Said) -> Result<Notice, NoticeError> {
        if said.is_in_bounds() { Ok(Notice { version: VERSION, said }) } else { Err(NoticeError::Words) }
    }

    /// What is said.
    #[must_use]
    pub fn said(&self) -> &Said {
        &self.said
    }
}

impl Said {
    fn is_in_bounds(&self) -> bool {
        let words = |text: &str| text.len() <= MAX_WORDS && !text.chars().any(char::is_control);
        match self {
            Said::Withdrawn(_, text) | Said::Asked(_, text) => words(text),
            Said::Answered(answer) => words(&answer.words),
            Said::Erased(..) => true,
            Said::ConsentEnded(text) => words(text) && (1..=MAX_REFERENCE).contains(&text.len()),
        }
    }

    /// The record that it is about, if it is about one.
    #[must_use]
    pub fn record(&self) -> Option<RecordId> {
        match self {
            Said::Withdrawn(record, _) | Said::Erased(record, ..) | Said::Asked(record, _) => Some(*record),
            Said::Answered(answer) => Some(answer.record),
            Said::ConsentEnded(_) => None,
        }
    }

    /// Can only the organisation say it that is the record's author?
    #[must_use]
    pub fn is_the_authors(&self) -> bool {
        matches!(self, Said::Withdrawn(..) | Said::Answered(_))
    }
}

/// Reads an opened payload: `None` if it is not a notice but something else, a record say.
///
/// # Errors
/// [`NoticeError`] where it says that it is one, and is not.
pub fn read(plaintext: &[u8]) -> Result<Option<Notice>, NoticeError> {
    if !plaintext.starts_with(&PREFIX) {
        return Ok(None);
    }
    let read: Notice = codec::decode(plaintext)?;
    if read.version != VERSION {
        return Err(NoticeError::Version(read.version));
    }
    if read.said.is_in_bounds() { Ok(Some(read)) } else { Err(NoticeError::Words) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn all() -> Vec<Said> {
        let record = RecordId([7; 32]);
        vec![
            Said::Withdrawn(record, "a name was in it".into()),
            Said::Erased(record, Cause::Expired, Timestamp(5)),
            Said::Asked(record, "for our annual report".into()),
            Said::Answered(Answer { record, to: OrgId([8; 32]), yes: true, words: String::new() }),
            Said::ConsentEnded("C-12".into()),
        ]
    }

    #[test]
    fn notices_are_read_as_they_were_written_and_nothing_else_passes_for_one() {
        for said in all() {
            let bytes = codec::encode(&Notice::of(said.clone()).unwrap());
            assert!(bytes.starts_with(&PREFIX));
            assert_eq!(read(&bytes).unwrap().unwrap().said(), &said);
            assert_eq!(crate::ack::read(&bytes).unwrap(), None);
            assert!(read(&[&bytes[..], &[0]].concat()).is_err());
            let mut other = bytes.clone();
            other[6] = 2;
            assert_eq!(read(&other).unwrap_err(), NoticeError::Version(2));
        }
        assert_eq!(read(&[0x84, 1]).unwrap(), None);
    }

    #[test]
    fn words_are_bounded_on_both_sides() {
        let record = RecordId([7; 32]);
        let too_long = "x".repeat(MAX_WORDS + 1);
        for wrong in [
            Said::Withdrawn(record, too_long.clone()),
            Said::Asked(record, "a\u{1b}[2J".into()),
            Said::ConsentEnded(String::new()),
            Said::ConsentEnded("x".repeat(MAX_REFERENCE + 1)),
        ] {
            assert_eq!(Notice::of(wrong.clone()).unwrap_err(), NoticeError::Words);
            let forged = codec::encode(&Notice { version: VERSION, said: wrong });
            assert!(read(&forged).is_err());
        }
    }

    #[test]
    fn only_an_author_withdraws_and_answers() {
        let authors: Vec<bool> = all().iter().map(Said::is_the_authors).collect();
        assert_eq!(authors, [true, false, false, true, false]);
    }
}
