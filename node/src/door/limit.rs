//! How much may pass through all connections of a node in a second, each way.
//!
//! A token bucket of a quarter of a second. It is asked at the socket, below all queues, so that what it holds back
//! is held back where the order of things is still decided: above it, records go before attachments. Partnerships of
//! different priority that want to pass at one time share it by weight (weighted fair queueing; Demers, Keshav,
//! Shenker 1989, with three classes): nobody starves, and what one does not use the others have.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// The least that can be set, bytes in a second: below it no handshake would end in time.
pub const MIN_RATE: u64 = 1_024;
/// What may pass at once, as a part of what may pass in a second.
const BURST: f64 = 0.25;
/// Less than this is not worth a system call, bytes.
const GRAIN: usize = 512;

/// Who wanted to pass within this time shares what may pass.
const ACTIVE: Duration = Duration::from_secs(1);
/// Of what may pass, the parts of those who come first, of the usual ones, and of those who come last.
const WEIGHTS: [f64; 3] = [16.0, 4.0, 1.0];

/// Which partnership's traffic goes before that of others, where a limit holds both back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cbor(index_only)]
pub enum Priority {
    /// Four times as much as the usual.
    #[n(0)]
    First,
    /// As long as nothing was set.
    #[n(1)]
    #[default]
    Usual,
    /// A quarter of the usual.
    #[n(2)]
    Last,
}

/// The limits of a node, both ways, for the traffic of one partnership. Clones are the same limits.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// On what is sent.
    pub up: Arc<Limit>,
    /// On what is received.
    pub down: Arc<Limit>,
    priority: Arc<Mutex<Priority>>,
}

impl Limits {
    /// The same limits, for traffic whose priority is set by itself.
    #[must_use]
    pub fn apart(&self) -> Limits {
        Limits { priority: Arc::default(), ..self.clone() }
    }

    /// Sets the priority. It holds at once, for connections that there are too.
    pub fn set_priority(&self, priority: Priority) {
        *self.priority.lock().unwrap_or_else(PoisonError::into_inner) = priority;
    }

    pub(super) fn priority(&self) -> Priority {
        *self.priority.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
    at: Option<Instant>,
    shares: [Share; WEIGHTS.len()],
}

/// What those of one priority have left.
#[derive(Debug, Default)]
struct Share {
    tokens: f64,
    asked: Option<Instant>,
}

impl Bucket {
    /// Gives what came since it was last asked to those who want to pass, by weight; what one has no room for, the
    /// others get. Gives how many tokens come in a second for `of`.
    fn refill(&mut self, rate: f64, least: f64, of: Priority, now: Instant) -> f64 {
        let passed = self.at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        (self.at, self.shares[of as usize].asked) = (Some(now), Some(now));
        let is_active =
            |share: &Share| share.asked.is_some_and(|asked| now.saturating_duration_since(asked) < ACTIVE);
        let active: f64 =
            self.shares.iter().zip(WEIGHTS).filter(|(s, _)| is_active(s)).map(|(_, weight)| weight).sum();
        let mut left = passed.as_secs_f64() * rate;
        let came = left;
        for everything in [false, true] {
            for (share, weight) in self.shares.iter_mut().zip(WEIGHTS).filter(|(s, _)| is_active(s)) {
                // What the others have no room for may fill all of a bucket: who waits for its own part comes seldom.
                let (part, own) =
                    if everything { (left, 1.0) } else { (came * weight / active, weight / active) };
                let most = (rate * BURST * own).max(least);
                let given = part.min(most - share.tokens).max(0.0).min(left);
                share.tokens += given;
                left -= given;
            }
        }
        rate * WEIGHTS[of as usize] / active
    }
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
    pub(super) fn take(&self, wanted: usize, of: Priority, now: Instant) -> Result<usize, Duration> {
        let Some(rate) = self.rate() else { return Ok(wanted) };
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        #[allow(clippy::cast_precision_loss)] // Rates and grains are far below 2^52.
        let (rate, least) = (rate as f64, wanted.min(GRAIN) as f64);
        let own = bucket.refill(rate, least, of, now);
        let share = &mut bucket.shares[of as usize];
        if share.tokens < least {
            return Err(Duration::from_secs_f64((least - share.tokens) / own));
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        // Not negative, and at most a quarter of a second's.
        let granted = (share.tokens as usize).min(wanted);
        #[allow(clippy::cast_precision_loss)]
        let spent = granted as f64;
        share.tokens -= spent;
        Ok(granted)
    }

    /// Of what was taken, so much did not pass.
    pub(super) fn give_back(&self, unused: usize, of: Priority) {
        if unused > 0 && self.rate().is_some() {
            let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
            #[allow(clippy::cast_precision_loss)]
            let unused = unused as f64;
            bucket.shares[of as usize].tokens += unused;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const USUAL: Priority = Priority::Usual;

    /// What passes in ten seconds for each of some who always want as much as they can get.
    fn passes(limit: &Limit, who: &[Priority]) -> Vec<usize> {
        let start = Instant::now();
        let mut sums = vec![0; who.len()];
        let mut next = vec![start; who.len()];
        while let Some((at, now)) = next.iter().copied().enumerate().min_by_key(|(_, now)| *now) {
            if now >= start + Duration::from_secs(10) {
                break;
            }
            match limit.take(64 * 1024, who[at], now) {
                Ok(granted) => {
                    // Every second time the socket takes half.
                    limit.give_back(granted / 2, who[at]);
                    sums[at] += granted - granted / 2;
                    next[at] += Duration::from_micros(1);
                }
                Err(wait) => next[at] += wait + Duration::from_micros(1),
            }
        }
        sums
    }

    #[test]
    fn not_more_passes_than_was_set_and_not_much_less() {
        let limit = Limit::default();
        assert_eq!(limit.take(usize::MAX, USUAL, Instant::now()), Ok(usize::MAX), "no limit");
        for rate in [MIN_RATE, 8_000, 1_000_000] {
            for who in [&[USUAL, USUAL][..], &[Priority::First, USUAL, Priority::Last], &[Priority::Last]] {
                let limit = Limit::default();
                limit.set(Some(rate));
                let most = usize::try_from(rate).unwrap() * 10;
                let passed: usize = passes(&limit, who).iter().sum();
                let bursts = most / 20 + who.len() * GRAIN;
                assert!(passed <= most + bursts && passed >= most * 9 / 10, "{rate}: {passed} of {most}");
            }
        }
        limit.set(Some(1));
        assert_eq!(limit.rate(), Some(MIN_RATE));
        limit.set(None);
        assert_eq!(limit.take(1 << 30, USUAL, Instant::now()), Ok(1 << 30));
    }

    #[test]
    fn what_nobody_set_is_usual_and_each_partnership_is_set_by_itself() {
        let node = Limits::default();
        let (one, other) = (node.apart(), node.apart());
        one.set_priority(Priority::First);
        let clone = one.clone();
        assert_eq!([&node, &clone, &other].map(Limits::priority), [USUAL, Priority::First, USUAL]);
    }

    #[test]
    fn who_comes_first_gets_most_of_it_and_the_last_does_not_starve() {
        let limit = Limit::default();
        limit.set(Some(100_000));
        let passed = passes(&limit, &[Priority::First, USUAL, Priority::Last]);
        for (passed, weight) in passed.iter().zip(WEIGHTS) {
            #[allow(clippy::cast_precision_loss)]
            let part = *passed as f64 / 1_000_000.0 * WEIGHTS.iter().sum::<f64>() / weight;
            assert!((0.8..1.25).contains(&part), "{passed} bytes at weight {weight}");
        }
    }

    #[test]
    fn what_the_first_does_not_want_the_last_has() {
        let limit = Limit::default();
        limit.set(Some(100_000));
        let start = Instant::now();
        let (mut now, mut sum) = (start, 0);
        while now < start + Duration::from_secs(10) {
            // A word now and then keeps it among those who share.
            let _word = limit.take(20, Priority::First, now);
            match limit.take(64 * 1024, Priority::Last, now) {
                Ok(granted) => sum += granted,
                Err(wait) => now += wait.min(Duration::from_millis(50)) + Duration::from_micros(1),
            }
        }
        assert!(sum > 900_000, "{sum}");
    }
}
