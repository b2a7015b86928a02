//! The one encoding: deterministic CBOR (RFC 8949 §4.2.1), with a canonical gate.
//!
//! Values are arrays of fixed shape, encoded by `minicbor`, which writes shortest integers and definite
//! lengths. minicbor *accepts* more than it writes (overlong integers, indefinite lengths), so whoever
//! signs could choose among several encodings of one value. [`decode`] closes that: what does not encode
//! back to the very same bytes is refused. Received bytes are what gets verified and stored; nothing is
//! ever re-encoded for checking a signature.

use minicbor::{Decode, Encode};

/// Why bytes were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// More bytes than the format allows.
    #[error("{what}: {len} bytes, at most {max} are allowed")]
    TooLong {
        /// The kind of message.
        what: &'static str,
        /// What came.
        len: usize,
        /// What is allowed.
        max: usize,
    },
    /// Not CBOR of the expected shape.
    #[error("{what}: malformed ({detail})")]
    Malformed {
        /// The kind of message.
        what: &'static str,
        /// What the decoder met.
        detail: String,
    },
    /// Decodes, but is not the one canonical encoding of its value.
    #[error("{what}: not in canonical form")]
    NotCanonical {
        /// The kind of message.
        what: &'static str,
    },
}

/// Something with a wire form: its name in errors and its longest allowed encoding.
pub trait Wire {
    /// What it is called in errors.
    const WHAT: &'static str;
    /// The longest allowed encoding, in bytes.
    const MAX: usize;
}

/// The canonical bytes of `value`.
#[must_use]
pub fn encode<T: Encode<()>>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    // Writing to a Vec cannot fail, and no `Encode` of ours refuses a value.
    let _infallible = minicbor::encode(value, &mut out);
    out
}

/// Decodes `bytes`, refusing what is too long, malformed, followed by anything, or not canonical.
///
/// # Errors
/// [`DecodeError`] names which.
pub fn decode<T>(bytes: &[u8]) -> Result<T, DecodeError>
where
    T: Wire + Encode<()> + for<'b> Decode<'b, ()>,
{
    decode_bounded(bytes, T::WHAT, T::MAX)
}

/// [`decode`] for a type without a [`Wire`] of its own.
///
/// # Errors
/// As [`decode`].
pub fn decode_bounded<T>(bytes: &[u8], what: &'static str, max: usize) -> Result<T, DecodeError>
where
    T: Encode<()> + for<'b> Decode<'b, ()>,
{
    if bytes.len() > max {
        return Err(DecodeError::TooLong { what, len: bytes.len(), max });
    }
    let mut decoder = minicbor::Decoder::new(bytes);
    let value: T = decoder.decode().map_err(|e| DecodeError::Malformed { what, detail: e.to_string() })?;
    if decoder.position() != bytes.len() {
        return Err(DecodeError::Malformed { what, detail: "bytes after the end".into() });
    }
    if encode(&value) != bytes {
        return Err(DecodeError::NotCanonical { what });
    }
    Ok(value)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Encode, Decode)]
    struct Pair {
        #[n(0)]
        number: u64,
        #[n(1)]
        text: Option<String>,
    }
    impl Wire for Pair {
        const WHAT: &'static str = "pair";
        const MAX: usize = 32;
    }

    #[test]
    fn one_value_has_one_encoding() {
        let good = encode(&Pair { number: 1, text: Some("a".into()) });
        assert_eq!(good, [0x82, 0x01, 0x61, 0x61]);
        assert!(decode::<Pair>(&good).is_ok());
        let wrong: [&[u8]; 5] = [
            &[0x82, 0x18, 0x01, 0x61, 0x61],       // overlong integer
            &[0x9f, 0x01, 0x61, 0x61, 0xff],       // indefinite array
            &[0x82, 0x01, 0x7f, 0x61, 0x61, 0xff], // indefinite text
            &[0x83, 0x01, 0x61, 0x61, 0x00],       // an element too many
            &[0x82, 0x01, 0x61, 0x61, 0x00],       // trailing byte
        ];
        for bytes in wrong {
            assert!(decode::<Pair>(bytes).is_err(), "{bytes:02x?} was accepted");
        }
    }

    #[test]
    fn what_is_too_long_is_refused_unread() {
        let error = decode::<Pair>(&[0xff; 33]).unwrap_err();
        assert_eq!(error, DecodeError::TooLong { what: "pair", len: 33, max: 32 });
    }

    #[test]
    fn a_claimed_length_of_2_to_the_63_allocates_nothing() {
        let bytes = [0x82, 0x01, 0x7b, 0x80, 0, 0, 0, 0, 0, 0, 0];
        assert!(matches!(decode::<Pair>(&bytes), Err(DecodeError::Malformed { .. })));
    }
}
