//! When to dial a member, and why a dial failed.

use std::error::Error;
use std::io;
use std::time::Duration;

use entente_protocol::relay::RelayRefusal;
use libp2p::swarm::DialError;
use libp2p::{Multiaddr, TransportError};
use tokio::time::Instant;

use super::limits::{BACKOFF_MAX, BACKOFF_MIN, STEADY};
use crate::door::KnockError;

/// Why a member could not be reached, in words for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DialReason {
    /// No address is known.
    #[error("no address is known")]
    NoAddress,
    /// Nothing listens there, or there is no way.
    #[error("nothing answers at its addresses")]
    Unreachable,
    /// The proxy that all goes through cannot be used.
    #[error("the proxy that all goes through cannot be used")]
    Proxy,
    /// No connected partner that relays reaches it, and nothing answers at its addresses either.
    #[error("nothing answers at its addresses, and {0}")]
    Relay(RelayReason),
    /// Something listens there that does not know us.
    #[error("its address is silent: another program, another node, or it knows only other door keys")]
    Silent,
    /// The handshake broke off.
    #[error("the handshake broke off")]
    Broken,
    /// Somebody else answered.
    #[error("somebody else answers at its address")]
    SomebodyElse,
    /// It closed the connection, or opened no session: we may not be a member there.
    #[error("it lets us in and ends the connection: perhaps we are no member there")]
    Refused,
    /// It speaks no version of the protocol that we do.
    #[error("it speaks no common version of the protocol")]
    Version,
    /// Too many connections here.
    #[error("too many connections here")]
    TooMany,
}

/// What the partners that relay said, or did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RelayReason {
    /// It was reached through a partner that is gone, or relays no more.
    #[error("the partner that it was reached through is gone or relays no more")]
    Gone,
    /// A partner's word.
    #[error("through a partner that relays: {0}")]
    Refused(RelayRefusal),
    /// It opened a way that leads to nobody who proves to be the one.
    #[error("a partner that relays opens a way on which it does not prove who it is")]
    NotProven,
}

impl From<&DialError> for DialReason {
    fn from(error: &DialError) -> Self {
        match error {
            DialError::NoAddresses => Self::NoAddress,
            DialError::WrongPeerId { .. } | DialError::LocalPeerId { .. } => Self::SomebodyElse,
            DialError::Denied { .. } => Self::TooMany,
            DialError::Transport(attempts) => most_telling(attempts),
            DialError::DialPeerConditionFalse(_) | DialError::Aborted => Self::Broken,
        }
    }
}

/// Of several addresses, the one where somebody was found says most.
fn most_telling(attempts: &[(Multiaddr, TransportError<io::Error>)]) -> DialReason {
    let reasons = attempts.iter().map(|(_, error)| match error {
        TransportError::Other(error) => reason(error),
        TransportError::MultiaddrNotSupported(_) => DialReason::NoAddress,
    });
    let rank = |reason: &DialReason| match reason {
        DialReason::NoAddress => 0,
        DialReason::Unreachable | DialReason::Proxy => 1,
        DialReason::Relay(RelayReason::Refused(RelayRefusal::Off | RelayRefusal::NotHere)) => 2,
        DialReason::Silent => 3,
        _ => 4,
    };
    reasons.max_by_key(rank).unwrap_or(DialReason::NoAddress)
}

/// libp2p wraps the error of a knock several times.
fn reason(error: &io::Error) -> DialReason {
    let mut next = error.get_ref().map(|error| error as &(dyn Error + 'static));
    while let Some(error) = next {
        match error.downcast_ref::<KnockError>() {
            Some(KnockError::Proxy(_)) => return DialReason::Proxy,
            Some(KnockError::Unreachable { .. }) => return DialReason::Unreachable,
            Some(KnockError::Silent { .. }) => return DialReason::Silent,
            Some(KnockError::Broken { .. }) => return DialReason::Broken,
            Some(KnockError::NotRelayed(why)) => return DialReason::Relay(RelayReason::Refused(*why)),
            Some(KnockError::Relay(_)) => return DialReason::Relay(RelayReason::NotProven),
            None => {}
        }
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = inner.map(|error| error as &(dyn Error + 'static)).or_else(|| error.source());
    }
    DialReason::Broken
}

/// Exponential back-off with jitter, for one member.
pub(super) struct Backoff {
    failures: u32,
    pub(super) next: Instant,
}

impl Backoff {
    pub(super) fn from(next: Instant) -> Self {
        Self { failures: 0, next }
    }

    pub(super) fn failed(&mut self, now: Instant) {
        let doubled = BACKOFF_MIN.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        self.next = now + jitter(doubled.min(BACKOFF_MAX));
    }

    /// A session that lasted makes up for all failures; one that did not is one more.
    pub(super) fn ended(&mut self, now: Instant, opened: Instant) {
        if now.saturating_duration_since(opened) >= STEADY {
            self.failures = 0;
        }
        self.failed(now);
    }

    pub(super) fn at_once(&mut self, now: Instant) {
        *self = Self::from(now);
    }
}

/// Between three quarters and all of `wait`, so that nodes that failed together do not dial together.
fn jitter(wait: Duration) -> Duration {
    let part = getrandom::u32().unwrap_or_default();
    wait.mul_f64(0.75 + f64::from(part) / f64::from(u32::MAX) / 4.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_from_half_a_second_to_a_minute() {
        let start = Instant::now();
        let mut backoff = Backoff::from(start);
        let mut waits = Vec::new();
        for _ in 0..40 {
            backoff.failed(start);
            waits.push(backoff.next - start);
        }
        assert!(waits.first().is_some_and(|wait| *wait <= BACKOFF_MIN && *wait >= BACKOFF_MIN * 3 / 4));
        assert!(waits.iter().skip(7).all(|wait| *wait <= BACKOFF_MAX && *wait >= BACKOFF_MAX * 3 / 4));
        backoff.ended(start + STEADY, start);
        assert!(backoff.next - start - STEADY <= BACKOFF_MIN);
    }
}
