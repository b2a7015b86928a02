//! Waiting for conditions, never for time.

use std::time::{Duration, Instant};

/// How long a condition may take to become true. Nodes answer within milliseconds; this is for machines that
/// do ten other things.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks.
const POLL: Duration = Duration::from_millis(20);

/// Waits until `condition` is true, for [`PATIENCE`].
///
/// # Panics
/// With `what`, if it does not become true.
pub async fn wait_until(what: &str, condition: impl AsyncFnMut() -> bool) {
    wait_until_within(PATIENCE, what, condition).await;
}

/// As [`wait_until`], with a patience of its own.
///
/// # Panics
/// With `what`, if it does not become true.
pub async fn wait_until_within(patience: Duration, what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let since = Instant::now();
    while !condition().await {
        assert!(since.elapsed() < patience, "not within {} s: {what}", patience.as_secs());
        tokio::time::sleep(POLL).await;
    }
}

/// Waits until `look` finds something, for [`PATIENCE`], and returns it.
///
/// # Panics
/// With `what`, if it finds nothing.
pub async fn wait_for<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(since.elapsed() < PATIENCE, "not within {} s: {what}", PATIENCE.as_secs());
        tokio::time::sleep(POLL).await;
    }
}
