//! The front door: one TCP port for all partnerships of a node, which answers nobody who cannot
//! prove, in the first message, that he knows a door key and whom he means to reach.
//!
//! Start from [`Door`]: [`Door::open`] listens, [`Door::register`] puts a partnership's keys (or an
//! invitation's) behind it, and [`Registration::next`] yields what was let in. [`knock`] is the other
//! side. Both end in a [`DoorStream`], an encrypted byte stream.
//!
//! The proof is Noise `NNpsk0` (The Noise Protocol Framework, revision 34, §9), see `knock.rs` for
//! the bytes. Replays are remembered (`replay.rs`) rather than judged by clocks, for clocks are wrong
//! in this field. What the door does not hide: that a port is open, and when and roughly how much
//! two addresses talk.

mod framed;
mod knock;
mod limit;
mod line;
mod listener;
mod punch;
mod replay;
mod stream;
mod way;

use std::fmt;
use std::time::Duration;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

pub use entente_protocol::ids::TransportId;
pub use framed::{recv_msg, send_msg};
pub use knock::{KnockError, knock, knock_over};
pub use limit::{Limit, Limits, MIN_RATE, Priority};
pub use line::Carried;
pub use listener::{Door, KeyRing, Registration};
pub use punch::{PUNCH_DIALS, PUNCH_TIME, Puncher, Punching};
pub use stream::DoorStream;
pub use way::{NotAProxy, PROXY_TIMEOUT, Proxy, Way, WayError};

/// How long either side waits for the other to finish the handshake, connecting included.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The shortest time after which an unproven connection is closed. Each gets a random deadline between
/// this and [`HANDSHAKE_TIMEOUT`], the same whatever it sent, so that the closing tells nothing.
pub const UNPROVEN_MIN: Duration = Duration::from_secs(6);

/// Connections that have not proved anything yet; beyond, the oldest of the busiest address gives way.
pub const MAX_UNPROVEN: usize = 64;

/// Bytes read (and thrown away) from a stranger before its connection is left to TCP's back-pressure.
pub const MAX_STRANGER_BYTES: usize = 64 * 1024;

/// Proven connections that may wait for [`Registration::next`]; beyond, newcomers get silence.
pub const MAX_WAITING: usize = 16;

/// Door keys under one registration: today's and those of members who were offline for long. Each costs
/// a hash of about 0.2 µs for every connection that arrives.
pub const MAX_KEYS: usize = 16;

/// First messages remembered by a node, 20 bytes each on disk and about 60 in memory.
pub const MAX_SEEN: usize = 65_536;

/// The shared secret that opens the door of a partnership (or, once, of an invitation): 32 random bytes.
#[derive(Clone)]
pub struct DoorKey(pub Zeroizing<[u8; 32]>);

impl PartialEq for DoorKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&*other.0).into()
    }
}

impl Eq for DoorKey {}

impl fmt::Debug for DoorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DoorKey(secret)")
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
