//! How much of what a partner missed goes into one batch: as much as goes out in about a second.
//!
//! A batch is proven by the signature at its end, so a cut loses all of one that is under way; and what is new waits for
//! the one that is being sent. Measured is how long all that was queued takes to leave the queue: the system's own
//! buffers behind it make a poor link look better at first, so the estimate doubles at most from one to the next.

use std::time::{Duration, Instant};

use entente_protocol::limits::MAX_BATCH_BYTES;

/// The first batch, bytes.
const FIRST: usize = 64 << 10;
/// The least, bytes: two seconds at 64 kbit/s. Below it, signatures and round trips would cost more than they save.
const LEAST: usize = 16 << 10;
/// What a batch may take.
const AHEAD: Duration = Duration::from_secs(1);

/// What is known of the way to one partner.
#[derive(Debug)]
pub struct Outflow {
    /// Bytes that are being sent, and since when.
    under_way: Option<(usize, Instant)>,
    batch: usize,
}

impl Default for Outflow {
    fn default() -> Self {
        Self { under_way: None, batch: FIRST }
    }
}

impl Outflow {
    /// So many bytes are queued, behind others that are queued still.
    pub fn sends(&mut self, bytes: usize, behind: usize, now: Instant) {
        let (before, since) = self.under_way.filter(|_| behind > 0).unwrap_or((behind, now));
        self.under_way = Some((before.saturating_add(bytes), since));
    }

    /// All that was queued has left, but so many bytes.
    pub fn drained(&mut self, left: usize, now: Instant) {
        let Some((bytes, since)) = self.under_way else { return };
        let took = now.saturating_duration_since(since).as_micros().max(1);
        let gone = bytes.saturating_sub(left);
        // Little says little: a word takes as long as the system needs to wake up.
        let says = gone >= self.batch / 2 || took >= AHEAD.as_micros();
        if says {
            let fits = (gone as u128 * AHEAD.as_micros() / took).try_into().unwrap_or(usize::MAX);
            self.batch = fits.min(self.batch.saturating_mul(2)).clamp(LEAST, MAX_BATCH_BYTES);
        }
        if left == 0 {
            self.under_way = None;
        } else if says {
            self.under_way = Some((left, now));
        }
    }

    /// Bytes that may wait in the queue while more is read from the disk: the way is not idle meanwhile, and what is new
    /// waits for no more than these.
    #[must_use]
    pub fn may_wait(&self) -> usize {
        self.batch / 4
    }

    /// Bytes of entries that the next batch may have.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends batches over a way of `rate` bytes in a second behind a buffer that takes `buffer` at once; gives the
    /// last batch's size.
    fn over(rate: u64, buffer: u64, batches: usize) -> usize {
        let mut now = Instant::now();
        let (mut outflow, mut held) = (Outflow::default(), 0_u64);
        for _ in 0..batches {
            let bytes = outflow.batch();
            outflow.sends(bytes, 0, now);
            held += bytes as u64;
            let waits = Duration::from_micros(held.saturating_sub(buffer) * 1_000_000 / rate);
            now += waits + Duration::from_micros(200);
            held = held.min(buffer);
            outflow.drained(0, now);
        }
        outflow.batch()
    }

    #[test]
    fn on_a_good_way_batches_are_as_large_as_they_may_be() {
        assert_eq!(over(100_000_000, 0, 10), MAX_BATCH_BYTES);
    }

    #[test]
    fn on_a_poor_way_a_batch_takes_a_second_or_two_whatever_the_system_holds() {
        for buffer in [0, 90_000, 200_000] {
            assert_eq!(over(8_000, buffer, 8), LEAST, "{buffer}");
            let batch = over(100_000, buffer, 12);
            assert!((80_000..=110_000).contains(&batch), "{buffer}: {batch}");
        }
    }

    #[test]
    fn where_more_is_queued_before_all_has_left_the_rate_is_that_of_the_way() {
        let (each, rate) = (64_000, 400_000_u64);
        let (mut now, mut outflow) = (Instant::now(), Outflow::default());
        let mut queued = 0;
        for round in 0..100 {
            outflow.sends(each, queued, now);
            queued += each;
            // As much leaves as makes room for the next; now and then there is none for an hour.
            let leaves = queued - queued.min(outflow.may_wait());
            now += Duration::from_micros(leaves as u64 * 1_000_000 / rate);
            queued -= leaves;
            outflow.drained(queued, now);
            assert!(round < 20 || (350_000..=450_000).contains(&outflow.batch()), "{}", outflow.batch());
            if round % 10 == 0 {
                (now, queued) = (now + Duration::from_secs(3_600), 0);
            }
        }
        assert_eq!(outflow.may_wait(), outflow.batch() / 4);
    }

    #[test]
    fn a_short_word_does_not_make_the_way_wide_and_a_slow_one_makes_it_narrow() {
        let (mut outflow, now) = (Outflow::default(), Instant::now());
        outflow.sends(100, 0, now);
        outflow.drained(0, now + Duration::from_micros(10));
        assert_eq!(outflow.batch(), FIRST);
        outflow.sends(100, 0, now);
        outflow.drained(0, now + Duration::from_millis(20));
        assert_eq!(outflow.batch(), FIRST);
        outflow.sends(100, 0, now);
        outflow.drained(0, now + Duration::from_secs(3));
        assert_eq!(outflow.batch(), LEAST);
    }
}
