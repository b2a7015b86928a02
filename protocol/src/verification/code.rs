//! Short codes: what they are derived from, how they are read out and typed.

use core::fmt;
use core::str::FromStr;

use zeroize::Zeroizing;

use crate::derive;
use crate::ids::{Hash, LogId, NodeId, OrgId, PartnershipId, TransportId};

/// Different codes: six digits, which people read in one breath.
const CODES: u32 = 1_000_000;

/// The secret of one side in one run, used once.
pub type Nonce = Zeroizing<[u8; 32]>;

/// One side of a verification: the keys that the other side is to be sure of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Party {
    /// The organisation's root key.
    pub org: OrgId,
    /// Its node.
    pub node: NodeId,
    /// The node's transport identity in this partnership.
    pub transport: TransportId,
    /// The node's log of the space of all members.
    pub log: LogId,
}

impl Party {
    fn bytes(&self) -> [u8; 128] {
        let mut bytes = [0; 128];
        let keys = [self.org.0, self.node.0, self.transport.0, self.log.0];
        for (to, key) in bytes.chunks_exact_mut(32).zip(keys) {
            to.copy_from_slice(&key);
        }
        bytes
    }
}

/// What `from` commits to when it begins a run with `to`.
pub(super) fn commitment(partnership: &PartnershipId, from: &Party, to: &Party, nonce: &Nonce) -> Hash {
    derive::verify_commitment(partnership, &from.bytes(), &to.bytes(), nonce)
}

/// The two codes of a run, as one side sees them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Codes {
    /// What this side reads out.
    pub read: ShortCode,
    /// What it must hear from the other side, and type.
    pub hear: ShortCode,
}

impl Codes {
    /// From the keys and the nonces of both, which gives each side the same two codes the other way round.
    #[must_use]
    pub fn of(partnership: &PartnershipId, us: (&Party, &Nonce), them: (&Party, &Nonce)) -> Codes {
        let we_are_first = us.0.node < them.0.node;
        let (first, second) = if we_are_first { (us, them) } else { (them, us) };
        let hash =
            derive::verify_codes(partnership, (&first.0.bytes(), first.1), (&second.0.bytes(), second.1));
        let (of_first, of_second) = two_codes(&hash);
        let (read, hear) = if we_are_first { (of_first, of_second) } else { (of_second, of_first) };
        Codes { read, hear }
    }
}

/// The code that the party with the lower node id reads, and that of the other. They differ always: otherwise
/// one could be confirmed by retyping the other.
fn two_codes(hash: &[u8; 32]) -> (ShortCode, ShortCode) {
    let code = |bytes: &[u8]| {
        let number = bytes.iter().take(8).rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        // 2^64 values over 10^6 codes: no code is likelier than another by more than 10^-13.
        u32::try_from(number % u64::from(CODES)).unwrap_or(0)
    };
    let (low, high) = hash.split_at(8);
    let (first, mut second) = (code(low), code(high));
    if first == second {
        second = (second + 1) % CODES;
    }
    (ShortCode(first), ShortCode(second))
}

/// Six digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ShortCode(u32);

/// Why a text is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a code has six digits, such as 123 456")]
pub struct NotACode;

/// As it is read out: `123 456`.
impl fmt::Display for ShortCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03} {:03}", self.0 / 1000, self.0 % 1000)
    }
}

/// As people type it: with or without spaces and dashes, in European, Arabic or Persian digits.
impl FromStr for ShortCode {
    type Err = NotACode;

    fn from_str(text: &str) -> Result<ShortCode, NotACode> {
        let mut number = 0;
        let mut digits = 0;
        for c in text.chars().filter(|c| !c.is_whitespace() && *c != '-') {
            number = number * 10 + digit(c).ok_or(NotACode)?;
            digits += 1;
            if digits > 6 {
                return Err(NotACode);
            }
        }
        if digits == 6 { Ok(ShortCode(number)) } else { Err(NotACode) }
    }
}

fn digit(c: char) -> Option<u32> {
    let zeroes = [u32::from('0'), 0x0660, 0x06f0];
    zeroes.into_iter().find_map(|zero| u32::from(c).checked_sub(zero).filter(|digit| *digit < 10))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_understood_however_people_type_six_digits() {
        for text in ["012345", "012 345", " 01-23-45\n", "٠١٢٣٤٥", "۰۱۲ ۳۴۵"] {
            assert_eq!(text.parse::<ShortCode>().unwrap().to_string(), "012 345", "{text}");
        }
        for wrong in ["", "12345", "1234567", "12a456", "१२३४५६", "99999999999999999999", "+12345"]
        {
            assert_eq!(wrong.parse::<ShortCode>(), Err(NotACode), "{wrong}");
        }
    }

    #[test]
    fn the_two_codes_of_a_run_are_never_equal() {
        let mut hash = [0; 32];
        assert_eq!(two_codes(&hash), (ShortCode(0), ShortCode(1)));
        hash[..8].copy_from_slice(&999_999_u64.to_le_bytes());
        hash[8..16].copy_from_slice(&(u64::from(CODES) + 999_999).to_le_bytes());
        assert_eq!(two_codes(&hash), (ShortCode(999_999), ShortCode(0)));
    }
}
