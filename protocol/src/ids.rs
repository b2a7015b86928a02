//! Names of things: 32-byte identifiers as types that cannot be mixed up, positions and times.
//!
//! In text an id is 52 letters and digits (RFC 4648 base32, lower case, no padding).

use core::fmt;
use core::str::FromStr;

use data_encoding::{Encoding, Specification};
use minicbor::{Decode, Encode};
use std::sync::LazyLock;

/// RFC 4648 base32 in lower case without padding: easy to read aloud, safe in file names.
static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut spec = Specification::new();
    spec.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
    // The alphabet above is constant and valid; the fallback is the same code in upper case.
    spec.encoding().unwrap_or(data_encoding::BASE32_NOPAD)
});

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id: expected 52 letters and digits (a-z, 2-7)")]
pub struct IdError;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        #[cbor(transparent)]
        pub struct $name(#[n(0)] #[cbor(with = "minicbor::bytes")] pub [u8; 32]);

        impl $name {
            /// The 32 bytes.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// The first ten characters: enough to tell ids apart on a screen, never for trust.
            #[must_use]
            pub fn short(&self) -> String {
                let mut text = self.to_string();
                text.truncate(10);
                text
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&BASE32.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.short())
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let bytes = BASE32.decode(text.as_bytes()).map_err(|_| IdError)?;
                Ok(Self(bytes.try_into().map_err(|_| IdError)?))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// An organisation: its Ed25519 root public key.
    OrgId
);
id!(
    /// A node: the Ed25519 public key that an organisation certified for one machine.
    NodeId
);
id!(
    /// A partnership: the hash of its founding act.
    PartnershipId
);
id!(
    /// Where logs live: a whole partnership, or one circle of named readers inside it.
    SpaceId
);
id!(
    /// A log: the Ed25519 public key that signs its entries, used in one space only.
    LogId
);
id!(
    /// An epoch: the hash of the signed header that introduced its key.
    EpochId
);
id!(
    /// A record, unlinkable between partnerships.
    RecordId
);
id!(
    /// A membership act: the hash of its signed bytes.
    ActId
);
id!(
    /// An attachment: the hash over the list of its encrypted chunks' hashes.
    BlobId
);
id!(
    /// A node's libp2p identity in one partnership: an Ed25519 public key.
    TransportId
);
id!(
    /// BLAKE3 of something that has no name of its own.
    Hash
);

/// A position in a log, counted from 0.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Encode,
    Decode,
    serde::Serialize,
    serde::Deserialize,
)]
#[cbor(transparent)]
#[serde(transparent)]
pub struct Seq(#[n(0)] pub u64);

impl Seq {
    /// The position after this one; `None` after 2^63 entries, which no log reaches.
    #[must_use]
    pub fn next(self) -> Option<Seq> {
        self.0.checked_add(1).filter(|n| *n < (1 << 63)).map(Seq)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Milliseconds since 1970-01-01 UTC, as some node's clock claimed. Never an authority: clocks are
/// wrong by years in this field.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Encode, Decode, serde::Serialize,
)]
#[cbor(transparent)]
#[serde(transparent)]
pub struct Timestamp(#[n(0)] pub u64);

/// Reads milliseconds, or a day as people write it: `"2026-12-01"`, from 00:00 UTC.
impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Written;
        impl serde::de::Visitor<'_> for Written {
            type Value = Timestamp;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a day such as \"2026-12-01\", or milliseconds since 1970")
            }
            fn visit_u64<E>(self, ms: u64) -> Result<Timestamp, E> {
                Ok(Timestamp(ms))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Timestamp, E> {
                let wrong = || E::invalid_value(serde::de::Unexpected::Str(text), &self);
                let mut parts = text.split('-');
                let (Some(y), Some(m), Some(d), None) =
                    (parts.next(), parts.next(), parts.next(), parts.next())
                else {
                    return Err(wrong());
                };
                let (Ok(y), Ok(m), Ok(d)) = (y.parse(), m.parse(), d.parse()) else { return Err(wrong()) };
                crate::agreement::Day::new(y, m, d).map(crate::agreement::Day::begins).ok_or_else(wrong)
            }
        }
        d.deserialize_any(Written)
    }
}

impl Timestamp {
    /// One day in milliseconds.
    pub const DAY: u64 = 86_400_000;

    /// This time and `days` days more.
    #[must_use]
    pub fn plus_days(self, days: u64) -> Timestamp {
        Timestamp(self.0.saturating_add(days.saturating_mul(Self::DAY)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_time_may_be_written_as_a_day() {
        let day: Timestamp = serde_json::from_str("\"2026-12-01\"").unwrap();
        assert_eq!(day, Timestamp(1_796_083_200_000));
        assert_eq!(serde_json::from_str::<Timestamp>("7").unwrap(), Timestamp(7));
        for wrong in ["\"2026-13-01\"", "\"tomorrow\"", "\"2026-12-01-1\"", "-1", "null"] {
            assert!(serde_json::from_str::<Timestamp>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_id_survives_its_text_and_refuses_anything_else() {
        let id = RecordId([7; 32]);
        assert_eq!(id.to_string().parse::<RecordId>().unwrap(), id);
        assert_eq!(id.to_string().len(), 52);
        for wrong in ["", "a", &id.to_string()[..51], &id.to_string().to_uppercase(), "💥"] {
            assert!(wrong.parse::<RecordId>().is_err(), "{wrong}");
        }
    }
}
