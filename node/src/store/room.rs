//! How much room is left on the disk.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Room that new records and partners' entries leave on the disk: 64 MiB, or a sixteenth of a small one.
const RESERVE: u64 = 64 << 20;
/// An answer of the system counts for so long: asking it is a part of what a record costs, and what is written
/// meanwhile is less than the reserve.
const COUNTS: Duration = Duration::from_millis(250);

/// The room of the disk that a folder is on.
pub(super) struct Room {
    folder: PathBuf,
    asked: Mutex<Option<(Instant, bool)>>,
}

impl Room {
    pub(super) fn of(folder: PathBuf) -> Room {
        Room { folder, asked: Mutex::default() }
    }

    /// Is less left than the reserve? Where the system does not tell, there is room.
    pub(super) fn is_low(&self) -> bool {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        match *asked {
            Some((at, low)) if at.elapsed() < COUNTS => low,
            _ => {
                let low = self.ask();
                *asked = Some((Instant::now(), low));
                low
            }
        }
    }

    fn ask(&self) -> bool {
        let Ok(disk) = rustix::fs::statvfs(&self.folder) else { return false };
        let total = disk.f_blocks.saturating_mul(disk.f_frsize);
        disk.f_bavail.saturating_mul(disk.f_frsize) < RESERVE.min(total / 16)
    }
}
