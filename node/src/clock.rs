//! The clock and the random source: the two effects that the protocol is handed as arguments.

use std::convert::Infallible;
use std::time::{SystemTime, UNIX_EPOCH};

use entente_protocol::ids::Timestamp;

/// Milliseconds since 1970, by this machine's clock.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// A moment in words: `2026-11-23 14:05 UTC`.
#[must_use]
pub fn words(moment: Timestamp) -> String {
    let instant = i64::try_from(moment.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    instant.map_or_else(|| "an unknown date".into(), |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

/// Nanoseconds since 1970, by this machine's clock.
#[must_use]
pub fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The system's random source. A process that cannot have randomness must not go on: it aborts.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl rand_core::TryRng for SystemRandom {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        if let Err(error) = getrandom::fill(to) {
            tracing::error!(%error, "the system gives no randomness; nothing can be kept secret: stopping");
            std::process::abort();
        }
        Ok(())
    }
}

impl rand_core::TryCryptoRng for SystemRandom {}

/// Sixteen random bytes.
#[must_use]
pub fn nonce() -> [u8; 16] {
    let mut nonce = [0; 16];
    rand_core::Rng::fill_bytes(&mut SystemRandom, &mut nonce);
    nonce
}
