//! What is said about a circuit: a way between two members through a third that is connected with both.
//!
//! ```text
//! caller                      relay                       callee
//!   ── call(callee) ──▶         ── ring(caller) ──▶
//!                               ◀── open ──
//!   ◀── open ──
//!   ◀════ the front door, and all that follows behind it, between caller and callee ════▶
//! ```
//!
//! Each message goes over a stream of the connection that its two ends have as members, after its length
//! (4 bytes, big-endian). After `open` the relay copies bytes, and neither sends a message any more.

use minicbor::{Decode, Encode};

use crate::codec::Wire;
use crate::ids::TransportId;

/// One message.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum RelayMessage {
    /// Caller to relay: a way to this member, please.
    #[n(0)]
    Call(#[n(0)] TransportId),
    /// Relay to callee: this member calls. Nobody believes it: the front door proves it.
    #[n(1)]
    Ring(#[n(0)] TransportId),
    /// The way is open: the next byte is the other's.
    #[n(2)]
    Open,
    /// There is no way.
    #[n(3)]
    Refused(#[n(0)] RelayRefusal),
}

/// Why a relay opens no way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Encode, Decode, thiserror::Error)]
#[cbor(index_only)]
pub enum RelayRefusal {
    /// It relays nothing, or not any more.
    #[n(0)]
    #[error("it relays nothing")]
    Off,
    /// Who is wanted is not connected with it.
    #[n(1)]
    #[error("the partner is not connected with it")]
    NotHere,
    /// There is a way between the two already.
    #[n(2)]
    #[error("there is a way between the two already")]
    Busy,
    /// It keeps as many circuits open as its keeper allows, in all or for one of the two.
    #[n(3)]
    #[error("it carries as many as it may")]
    Full,
    /// What it carries in an hour is used up, in all or by one of the two.
    #[n(4)]
    #[error("what it carries in an hour is used up")]
    Spent,
    /// Who is wanted did not answer.
    #[n(5)]
    #[error("the partner did not answer it")]
    NoAnswer,
}

impl Wire for RelayMessage {
    const WHAT: &'static str = "relay message";
    const MAX: usize = 64;
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::codec;

    #[test]
    fn what_is_said_about_a_circuit_survives_the_wire() {
        let id = TransportId([7; 32]);
        let refused = RelayMessage::Refused(RelayRefusal::Spent);
        for message in [RelayMessage::Call(id), RelayMessage::Ring(id), RelayMessage::Open, refused] {
            let bytes = codec::encode(&message);
            assert!(bytes.len() <= RelayMessage::MAX);
            assert_eq!(codec::decode::<RelayMessage>(&bytes).unwrap(), message);
        }
        assert!(codec::decode::<RelayMessage>(&[0x82, 3, 0x81, 6]).is_err(), "a reason of later versions");
    }
}
