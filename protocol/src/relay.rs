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
//!
//! Where both ends say that they would dial each other from the port that they listen on (hole punching), the relay
//! tells each where it sees the other, and only then:
//!
//! ```text
//!   ── call(callee, offer) ──▶  ── ring(caller, offer) ──▶
//!                               ◀── willing ──
//!   ◀── meet(callee's) ──       ── meet(caller's) ──▶
//!   ◀════ as after `open` ════▶
//! ```

use std::net::{IpAddr, SocketAddr};

use minicbor::{Decode, Encode};

use crate::codec::Wire;
use crate::ids::TransportId;

/// One message.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum RelayMessage {
    /// Caller to relay: a way to this member, please.
    #[n(0)]
    Call(#[n(0)] TransportId, #[n(1)] Option<Offer>),
    /// Relay to callee: this member calls. Nobody believes it: the front door proves it.
    #[n(1)]
    Ring(#[n(0)] TransportId, #[n(1)] Option<Offer>),
    /// The way is open: the next byte is the other's.
    #[n(2)]
    Open,
    /// There is no way.
    #[n(3)]
    Refused(#[n(0)] RelayRefusal),
    /// Callee to relay, in place of `Open` and only after an offer: the way is open, and the caller may be told where
    /// this node is seen. A `Meet` is the next that comes.
    #[n(4)]
    Willing,
    /// Relay to both, after a `Willing`: the way is open, and the other is seen there. Nobody believes it: it is
    /// dialled a few times, and the front door proves who is there.
    #[n(5)]
    Meet(#[n(0)] Seen),
}

/// What an end of a circuit would do beside it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Offer {
    /// Dial the other from the port that it listens on, where the relay sees it.
    #[n(0)]
    Meet,
}

/// Where a relay sees a member: the other end of their connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Seen {
    /// IPv4.
    #[n(0)]
    V4(#[cbor(n(0), with = "minicbor::bytes")] [u8; 4], #[n(1)] u16),
    /// IPv6.
    #[n(1)]
    V6(#[cbor(n(0), with = "minicbor::bytes")] [u8; 16], #[n(1)] u16),
}

impl From<SocketAddr> for Seen {
    fn from(at: SocketAddr) -> Seen {
        match at.ip().to_canonical() {
            IpAddr::V4(ip) => Seen::V4(ip.octets(), at.port()),
            IpAddr::V6(ip) => Seen::V6(ip.octets(), at.port()),
        }
    }
}

impl From<Seen> for SocketAddr {
    fn from(seen: Seen) -> SocketAddr {
        let (ip, port) = match seen {
            Seen::V4(ip, port) => (IpAddr::from(ip), port),
            Seen::V6(ip, port) => (IpAddr::from(ip), port),
        };
        SocketAddr::new(ip.to_canonical(), port)
    }
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
        let far: SocketAddr = "[2001:db8::7]:65535".parse().unwrap();
        for message in [
            RelayMessage::Call(id, None),
            RelayMessage::Call(id, Some(Offer::Meet)),
            RelayMessage::Ring(id, None),
            RelayMessage::Ring(id, Some(Offer::Meet)),
            RelayMessage::Open,
            RelayMessage::Refused(RelayRefusal::Spent),
            RelayMessage::Willing,
            RelayMessage::Meet(far.into()),
        ] {
            let bytes = codec::encode(&message);
            assert!(bytes.len() <= RelayMessage::MAX);
            assert_eq!(codec::decode::<RelayMessage>(&bytes).unwrap(), message);
        }
        assert!(codec::decode::<RelayMessage>(&[0x82, 3, 0x81, 6]).is_err(), "a reason of later versions");
    }

    #[test]
    fn an_address_comes_back_as_it_was_seen_and_ipv4_in_one_form_only() {
        for (text, back) in [
            ("192.0.2.7:7420", "192.0.2.7:7420"),
            ("[2001:db8::7]:1", "[2001:db8::7]:1"),
            ("[::ffff:192.0.2.7]:7420", "192.0.2.7:7420"),
        ] {
            let seen = Seen::from(text.parse::<SocketAddr>().unwrap());
            assert_eq!(SocketAddr::from(seen), back.parse().unwrap());
        }
        let mut mapped = [0; 16];
        mapped[10..].copy_from_slice(&[255, 255, 192, 0, 2, 7]);
        assert_eq!(SocketAddr::from(Seen::V6(mapped, 9)), "192.0.2.7:9".parse().unwrap());
    }
}
