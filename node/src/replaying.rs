//! How far the journal was read again when a node starts, for whoever waits for it.

use std::path::Path;
use std::time::{Duration, Instant};

/// Nothing is told of what takes less, and then so often.
const TELL: Duration = Duration::from_secs(2);

/// Counts what was read.
pub struct Replaying {
    read: u64,
    of: u64,
    told: Instant,
}

impl Replaying {
    /// Of so many bytes at most, from now on.
    #[must_use]
    pub fn begin(of: u64, now: Instant) -> Replaying {
        Replaying { read: 0, of, told: now }
    }

    /// So many bytes more; the percentage where it is time to tell it.
    pub fn read(&mut self, bytes: usize, now: Instant) -> Option<u64> {
        self.read += bytes as u64;
        if now.duration_since(self.told) < TELL {
            return None;
        }
        self.told = now;
        Some((self.read.saturating_mul(100) / self.of.max(1)).min(99))
    }
}

/// Bytes of the files in a folder.
#[must_use]
pub fn bytes_in(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    files.filter_map(|file| file.metadata().ok()).map(|data| data.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_long_is_told_now_and_then_and_what_does_not_never() {
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let mut replaying = Replaying::begin(1_000, began);
        assert_eq!(replaying.read(100, at(1)), None);
        assert_eq!(replaying.read(100, at(2)), Some(20));
        assert_eq!(replaying.read(500, at(3)), None);
        assert_eq!(replaying.read(0, at(4)), Some(70));
        assert_eq!(
            replaying.read(9_000, at(9)),
            Some(99),
            "frames are shorter than what lies on the disk, or longer"
        );
        assert_eq!(Replaying::begin(0, began).read(1, at(5)), Some(99));
    }
}
