//! Acknowledgements: a node's word, in its own log, of how far it holds the logs of a space.
//!
//! An acknowledgement is the plaintext of an ordinary entry: chained, signed, sealed and padded like a record.
//! So it countersigns the logs that it names, and is the receipt that their authors keep. A plaintext that
//! begins with the CBOR tag [`TAG`] is one; a record is an untagged array, so neither passes for the other.
//!
//! ```text
//!  DA 65 6E 74 01   82   version   [ [log, [next, chain]], … ]   ( 83 … [ [log, seq, code], … ] )
//!  ╰─ tag (RFC 8949 §3.4)    ╰─ 1      ╰─ sorted by log, each once, 1 to 512   ╰─ held, and not shown: 1 to 64
//! ```
//! `bytes ──read──▶ Acknowledgement`: who says it, and where, is the log that it stands in.

use minicbor::{Decode, Encode};

use crate::codec::{self, DecodeError, Wire};
use crate::ids::{LogId, Seq};
use crate::limits;
use crate::log::Head;

/// The tag that every acknowledgement begins with: `ent` and 1.
pub const TAG: u64 = 0x656E_7401;
/// The version written here. Others are refused by name.
pub const VERSION: u32 = 1;
/// The tag's five bytes, as CBOR writes them.
const PREFIX: [u8; 5] = [0xDA, 0x65, 0x6E, 0x74, 0x01];

/// How far one log is held: all before `head.next` is durable, and `head.chain` is what it hashes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Point {
    /// The log.
    #[n(0)]
    pub log: LogId,
    /// How far.
    #[n(1)]
    pub head: Head,
}

/// How far a node holds logs of the space that this stands in. Only [`Acknowledgement::of`] and [`read`] make
/// one, so its points are sorted, each log is named once, and none is empty.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(tag(0x656E_7401))]
pub struct Acknowledgement {
    #[n(0)]
    version: u32,
    #[n(1)]
    points: Vec<Point>,
    #[n(2)]
    refused: Option<Vec<Refused>>,
}

/// An entry that is held and is not shown to anybody there.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Refused {
    /// Its log.
    #[n(0)]
    pub log: LogId,
    /// Its position.
    #[n(1)]
    pub seq: Seq,
    /// Why: stable codes, separated by spaces.
    #[n(2)]
    pub code: String,
}

impl Wire for Acknowledgement {
    const WHAT: &'static str = "acknowledgement";
    const MAX: usize =
        64 + limits::MAX_ACKNOWLEDGED * 96 + limits::MAX_REFUSED_TOLD * (56 + limits::MAX_REFUSAL_CODE);
}

/// Why a plaintext that says that it is an acknowledgement is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AckError {
    /// Its form.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Of a version that is not known here.
    #[error("an acknowledgement of version {0}, which this program does not know")]
    Version(u32),
    /// No log, too many, one twice, out of order, or one of which nothing is held.
    #[error(
        "an acknowledgement names 1 to {} logs in order, each once, and some of each",
        limits::MAX_ACKNOWLEDGED
    )]
    Points,
    /// None, too many, one twice, out of order, of what is not acknowledged, or with a code that is none.
    #[error(
        "an acknowledgement tells of 1 to {} refused entries of its logs in order, each once, by their codes",
        limits::MAX_REFUSED_TOLD
    )]
    Refused,
}

impl Acknowledgement {
    /// Of these points, in any order.
    ///
    /// # Errors
    /// [`AckError::Points`].
    pub fn of(mut points: Vec<Point>) -> Result<Acknowledgement, AckError> {
        points.sort_unstable_by_key(|point| point.log);
        if !right(&points) {
            return Err(AckError::Points);
        }
        Ok(Acknowledgement { version: VERSION, points, refused: None })
    }

    /// With these refused entries, in any order.
    ///
    /// # Errors
    /// [`AckError::Refused`].
    pub fn refusing(mut self, mut refused: Vec<Refused>) -> Result<Acknowledgement, AckError> {
        refused.sort_unstable_by_key(|entry| (entry.log, entry.seq));
        if !right_refusals(&self.points, &refused) {
            return Err(AckError::Refused);
        }
        self.refused = Some(refused);
        Ok(self)
    }

    /// Entries that are held and not shown, sorted by log and position.
    #[must_use]
    pub fn refused(&self) -> &[Refused] {
        self.refused.as_deref().unwrap_or_default()
    }

    /// What is held of which log, sorted by log.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }
}

fn right(points: &[Point]) -> bool {
    (1..=limits::MAX_ACKNOWLEDGED).contains(&points.len())
        && points.iter().all(|point| point.head.next > Seq(0))
        && points.windows(2).all(|pair| matches!(pair, [a, b] if a.log < b.log))
}

/// Is this the text of refusals' codes, as `sync status` shows them?
#[must_use]
pub fn is_code(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-' || c == ' ';
    (1..=limits::MAX_REFUSAL_CODE).contains(&text.len()) && text.chars().all(letter)
}

fn right_refusals(points: &[Point], refused: &[Refused]) -> bool {
    let held = |entry: &Refused| {
        let point = points.binary_search_by_key(&entry.log, |point| point.log);
        point.ok().and_then(|at| points.get(at)).is_some_and(|point| entry.seq < point.head.next)
    };
    (1..=limits::MAX_REFUSED_TOLD).contains(&refused.len())
        && refused.iter().all(|entry| is_code(&entry.code) && held(entry))
        && refused.is_sorted_by(|a, b| (a.log, a.seq) < (b.log, b.seq))
}

/// Reads an opened payload: `None` if it is not an acknowledgement but something else, a record say.
///
/// # Errors
/// [`AckError`] where it says that it is one, and is not.
pub fn read(plaintext: &[u8]) -> Result<Option<Acknowledgement>, AckError> {
    if !plaintext.starts_with(&PREFIX) {
        return Ok(None);
    }
    let read: Acknowledgement = codec::decode(plaintext)?;
    if read.version != VERSION {
        return Err(AckError::Version(read.version));
    }
    if !right(&read.points) {
        return Err(AckError::Points);
    }
    match &read.refused {
        Some(refused) if !right_refusals(&read.points, refused) => Err(AckError::Refused),
        _ => Ok(Some(read)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ed25519_dalek::SigningKey;
    use proptest::prelude::*;

    use super::*;
    use crate::envelope::{self, Place};
    use crate::ids::{EpochId, Hash, SpaceId, Timestamp};
    use crate::log::{Batch, append};
    use crate::testing::Counter;

    fn point(log: u8, next: u64) -> Point {
        Point { log: LogId([log; 32]), head: Head { next: Seq(next), chain: Hash([log ^ 0xff; 32]) } }
    }

    proptest! {
        #[test]
        fn an_acknowledgement_survives_the_wire_in_one_order(
            logs in prop::collection::btree_map(any::<u8>(), 1_u64.., 1..40), turn in any::<usize>()
        ) {
            let mut points: Vec<Point> = logs.iter().map(|(log, next)| point(*log, *next)).collect();
            let sorted = Acknowledgement::of(points.clone()).unwrap();
            let by = turn % points.len();
            points.rotate_left(by);
            let said = Acknowledgement::of(points).unwrap();
            let bytes = codec::encode(&said);
            prop_assert!(bytes.starts_with(&PREFIX));
            prop_assert_eq!(codec::encode(&sorted), bytes.clone());
            prop_assert_eq!(read(&bytes).unwrap(), Some(said));
        }

        #[test]
        fn what_is_not_tagged_is_not_an_acknowledgement(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if !bytes.starts_with(&PREFIX) {
                prop_assert_eq!(read(&bytes), Ok(None));
            }
        }
    }

    #[test]
    fn an_acknowledgement_is_a_short_entry() {
        let sent = |logs: u8| {
            let said = Acknowledgement::of((0..logs).map(|log| point(log, 1_000)).collect()).unwrap();
            let (space, epoch) = (SpaceId([1; 32]), EpochId([2; 32]));
            let key = SigningKey::from_bytes(&[3; 32]);
            let place = Place { space, log: LogId(key.verifying_key().to_bytes()), seq: Seq(0), epoch };
            let sealing = zeroize::Zeroizing::new([4; 32]);
            let payload = envelope::seal(&codec::encode(&said), &place, &sealing, &mut Counter(1)).unwrap();
            let (entry, _) = append(&Head::EMPTY, space, &key, epoch, payload, Timestamp(0)).unwrap();
            codec::encode(&Batch::pack(&[entry]).unwrap()).len()
        };
        // Against 2 to 3 KiB for a usual record and its envelope; most of it is what any entry has.
        assert!(sent(1) < 512, "{} bytes for one log", sent(1));
        assert!(sent(30) < 3_072, "{} bytes for thirty", sent(30));
    }

    #[test]
    fn an_acknowledgement_that_is_malformed_is_refused_by_name() {
        let forged = |version, points| codec::encode(&Acknowledgement { version, points, refused: None });
        let good = forged(VERSION, vec![point(1, 3), point(2, 1)]);
        assert!(read(&good).unwrap().is_some());
        let all: Vec<Point> = (0..=limits::MAX_ACKNOWLEDGED)
            .map(|n| {
                let mut log = [0; 32];
                log[..8].copy_from_slice(&(n as u64).to_be_bytes());
                Point { log: LogId(log), ..point(1, 1) }
            })
            .collect();
        let full = all.get(1..).unwrap().to_vec();
        assert!(read(&forged(VERSION, full)).unwrap().is_some(), "as many as may be");
        for points in [vec![], vec![point(1, 0)], vec![point(2, 1), point(1, 1)], vec![point(1, 1); 2], all] {
            assert_eq!(read(&forged(VERSION, points)), Err(AckError::Points));
        }
        assert_eq!(read(&forged(2, vec![point(1, 3)])), Err(AckError::Version(2)));
        let refused =
            |log, seq, code: &str| Refused { log: LogId([log; 32]), seq: Seq(seq), code: code.into() };
        let telling = |refused| {
            let points = vec![point(1, 3), point(2, 1)];
            read(&codec::encode(&Acknowledgement { version: VERSION, points, refused: Some(refused) }))
        };
        let two = vec![refused(1, 2, "E-FLOW E-ROLE"), refused(2, 0, "E-LATE")];
        assert_eq!(telling(two.clone()).unwrap().unwrap().refused(), two);
        let wrong = [
            vec![],
            vec![refused(1, 3, "E-FLOW")],
            vec![refused(3, 0, "E-FLOW")],
            vec![refused(2, 0, "E-FLOW"), refused(1, 0, "E-FLOW")],
            vec![refused(1, 0, "E-FLOW"); 2],
            vec![refused(1, 0, "because")],
            vec![refused(1, 0, "")],
            vec![refused(1, 0, &"E".repeat(limits::MAX_REFUSAL_CODE + 1))],
        ];
        for refused in wrong {
            assert_eq!(telling(refused), Err(AckError::Refused));
        }
        let mut longer = good.clone();
        longer.push(0);
        for bytes in [&good[..good.len() - 1], &longer] {
            assert!(matches!(read(bytes), Err(AckError::Decode(_))));
        }
    }
}
