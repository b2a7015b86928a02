//! How much may pass through all connections of a node in a second, each way.
//!
//! A token bucket of a quarter of a second. It is asked at the socket, below all queues, so that what it holds back
//! is held back where the order of things is still decided: above it, records go before attachments.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The least that can be set, bytes in a second: below it no handshake would end in time.
pub const MIN_RATE: u64 = 1_024;
/// What may pass at once, as a part of what may pass in a second.
const BURST: f64 = 0.25;
/// Less than this is not worth a system call, bytes.
const GRAIN: usize = 512;

/// The limits of a node, both ways. Clones are the same limits.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// On what is sent.
    pub up: Arc<Limit>,
    /// On what is received.
    pub down: Arc<Limit>,
}

/// The limit in one direction.
#[derive(Debug, Default)]
pub struct Limit {
    /// Bytes in a second; 0: no limit.
    rate: AtomicU64,
    bucket: Mutex<Bucket>,
}

#[derive(Debug, Default)]
struct Bucket {
    tokens: f64,
    at: Option<Instant>,
}

impl Limit {
    /// Sets the limit, bytes in a second, at least [`MIN_RATE`]; `None` takes it away. It holds at once.
    pub fn set(&self, rate: Option<u64>) {
        self.rate.store(rate.map_or(0, |rate| rate.max(MIN_RATE)), Ordering::Relaxed);
    }

    /// The limit.
    #[must_use]
    pub fn rate(&self) -> Option<u64> {
        Some(self.rate.load(Ordering::Relaxed)).filter(|rate| *rate > 0)
    }

    /// How many of `wanted` bytes may pass at `now`.
    ///
    /// # Errors
    /// How long to wait, if it is too few.
    pub(super) fn take(&self, wanted: usize, now: Instant) -> Result<usize, Duration> {
        let Some(rate) = self.rate() else { return Ok(wanted) };
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        #[allow(clippy::cast_precision_loss)] // Rates and grains are far below 2^52.
        let (rate, least) = (rate as f64, wanted.min(GRAIN) as f64);
        let most = (rate * BURST).max(least);
        let passed = bucket.at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        bucket.tokens = (bucket.tokens + passed.as_secs_f64() * rate).min(most);
        bucket.at = Some(now);
        if bucket.tokens < least {
            return Err(Duration::from_secs_f64((least - bucket.tokens) / rate));
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        // Not negative, and at most `most`.
        let granted = (bucket.tokens as usize).min(wanted);
        #[allow(clippy::cast_precision_loss)]
        let spent = granted as f64;
        bucket.tokens -= spent;
        Ok(granted)
    }

    /// Of what was taken, so much did not pass.
    pub(super) fn give_back(&self, unused: usize) {
        if unused > 0 && self.rate().is_some() {
            let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
            #[allow(clippy::cast_precision_loss)]
            let unused = unused as f64;
            bucket.tokens += unused;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// What passes in ten seconds for two who always want as much as they can get.
    fn passes(limit: &Limit) -> usize {
        let start = Instant::now();
        let (mut now, mut sum) = (start, 0);
        while now < start + Duration::from_secs(10) {
            match limit.take(64 * 1024, now) {
                Ok(granted) => {
                    // Every second time the socket takes half.
                    limit.give_back(granted / 2);
                    sum += granted - granted / 2;
                }
                Err(wait) => now += wait + Duration::from_micros(1),
            }
        }
        sum
    }

    #[test]
    fn not_more_passes_than_was_set_and_not_much_less() {
        let limit = Limit::default();
        assert_eq!(limit.take(usize::MAX, Instant::now()), Ok(usize::MAX), "no limit");
        for rate in [MIN_RATE, 8_000, 1_000_000] {
            limit.set(Some(rate));
            let most = usize::try_from(rate).unwrap() * 10;
            let passed = passes(&limit);
            assert!(
                passed <= most + most / 20 + GRAIN && passed >= most * 9 / 10,
                "{rate}: {passed} of {most}"
            );
        }
        limit.set(Some(1));
        assert_eq!(limit.rate(), Some(MIN_RATE));
        limit.set(None);
        assert_eq!(limit.take(1 << 30, Instant::now()), Ok(1 << 30));
    }
}
