//! How many chunks a partner may be asked for ahead: as many as come in about a second.
//!
//! What was asked for and has not come stands in some queue on the way (the partner's, a router's), and
//! whatever the partner sends next stands behind it. Only the receiver sees all these queues at once, by when
//! chunks arrive, so it is the receiver that keeps them short: on a poor link one chunk is under way, on a
//! good one as many as the link carries. A record then waits for a chunk or two, not for the file.

use std::time::{Duration, Instant};

/// Chunks asked of one partner and not yet there, for all attachments together: 4 MiB on the way.
const MOST: usize = 64;
/// How long what was asked for may take to come, where more than one chunk is under way.
const AHEAD: Duration = Duration::from_secs(1);
/// A wait that is longer says no more of a link than this one: it may have been down.
const LONGEST: Duration = Duration::from_secs(30);

/// What is known of the way from one partner.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    /// When the last chunk came, or was asked for while none was under way.
    since: Option<Instant>,
    /// What a chunk took lately, on average; `None` before the first came.
    each: Option<Duration>,
}

impl Pace {
    /// Chunks are asked for, and none is under way.
    pub fn begins(&mut self, now: Instant) {
        self.since = Some(now);
    }

    /// A chunk came.
    pub fn came(&mut self, now: Instant) {
        let took = self.since.map_or(LONGEST, |since| now.saturating_duration_since(since)).min(LONGEST);
        self.each = Some(self.each.map_or(took, |each| (each * 3 + took) / 4));
        self.since = Some(now);
    }

    /// How many chunks may be under way.
    #[must_use]
    pub fn window(&self) -> usize {
        let Some(each) = self.each else { return 1 };
        let fit = AHEAD.as_micros().div_ceil(each.as_micros().max(1));
        usize::try_from(fit).unwrap_or(MOST).clamp(1, MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets a link of one chunk in `each`, with a delay of `trip` there and back, carry `count` chunks; gives the
    /// most that were under way after the first half, and how long it took.
    fn link(each: Duration, trip: Duration, count: usize) -> (usize, Duration) {
        let start = Instant::now();
        let (mut pace, mut now, mut free) = (Pace::default(), start, start);
        let mut under_way = std::collections::VecDeque::new();
        let mut most = 0;
        for number in 0..count {
            while under_way.len() < pace.window() {
                if under_way.is_empty() {
                    pace.begins(now);
                }
                free = free.max(now + trip / 2) + each;
                under_way.push_back(free + trip / 2);
            }
            if number > count / 2 {
                most = most.max(under_way.len());
            }
            now = under_way.pop_front().unwrap_or(now);
            pace.came(now);
        }
        (most, now - start)
    }

    #[test]
    fn on_a_poor_link_one_chunk_is_under_way() {
        let (most, took) = link(Duration::from_secs(8), Duration::from_millis(600), 20);
        assert_eq!(most, 1);
        assert!(took < Duration::from_secs(8 * 22), "little is lost by it: {took:?}");
    }

    #[test]
    fn on_a_good_link_as_many_are_under_way_as_it_carries() {
        let (most, took) = link(Duration::from_millis(5), Duration::from_millis(200), 2_000);
        assert!(most == MOST, "{most}");
        assert!(took < Duration::from_millis(5 * 2_000 * 6 / 5), "{took:?}");
    }

    #[test]
    fn a_link_that_becomes_poor_is_given_less() {
        let start = Instant::now();
        let mut pace = Pace::default();
        pace.begins(start);
        for number in 1..=100 {
            pace.came(start + Duration::from_millis(number));
        }
        assert_eq!(pace.window(), MOST);
        for number in 1..=6 {
            pace.came(start + Duration::from_secs(8 * number));
        }
        assert_eq!(pace.window(), 1);
    }
}
