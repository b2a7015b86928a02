//! What this node lets partners pass through it, in all partnerships together: nothing, unless its keeper says so.
//!
//! A relay is generous to members only, and not without end: so many circuits, so many for one member, one for two
//! of them, so many bytes in an hour, and of those half at most for one member, so that none uses up all.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use entente_protocol::relay::RelayRefusal;
use tokio::sync::watch;

use super::limits::{CIRCUITS, CIRCUITS_PER_MEMBER};
use crate::door::TransportId;

/// What is relayed in an hour unless the keeper says otherwise, bytes.
pub const HOURLY: u64 = 1 << 30;
/// The least that can be set, bytes in an hour: two handshakes and some records.
pub const MIN_HOURLY: u64 = 1 << 20;

const HOUR: Duration = Duration::from_secs(3600);

/// What a node relays. Clones are the same.
#[derive(Clone, Debug)]
pub struct Relaying {
    /// Bytes in an hour; `None`: it relays nothing.
    hourly: Arc<watch::Sender<Option<u64>>>,
    carried: Arc<Mutex<Carried>>,
}

#[derive(Debug)]
struct Carried {
    pairs: HashSet<(TransportId, TransportId)>,
    /// When the hour began that is counted, and what was carried in it.
    since: Instant,
    all: u64,
    by: HashMap<TransportId, u64>,
}

/// How much is relayed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Circuits that are open.
    pub circuits: usize,
    /// Bytes that were carried in the hour that is counted.
    pub hour: u64,
}

impl Relaying {
    /// Relays so many bytes in an hour, at least [`MIN_HOURLY`]; `None`: nothing.
    #[must_use]
    pub fn new(hourly: Option<u64>) -> Self {
        let carried = Carried { pairs: HashSet::new(), since: Instant::now(), all: 0, by: HashMap::new() };
        let relaying =
            Self { hourly: Arc::new(watch::Sender::new(None)), carried: Arc::new(Mutex::new(carried)) };
        relaying.set(hourly);
        relaying
    }

    /// Changes it; with `None` circuits that are open end at once.
    pub fn set(&self, hourly: Option<u64>) {
        self.hourly.send_replace(hourly.map(|bytes| bytes.max(MIN_HOURLY)));
    }

    /// Bytes in an hour; `None`: it relays nothing.
    #[must_use]
    pub fn hourly(&self) -> Option<u64> {
        *self.hourly.borrow()
    }

    /// How much is relayed now.
    #[must_use]
    pub fn load(&self) -> Load {
        let carried = self.lock();
        let hour = if carried.since.elapsed() < HOUR { carried.all } else { 0 };
        Load { circuits: carried.pairs.len(), hour }
    }

    /// Waits until it relays nothing.
    pub(super) async fn ended(&self) {
        let mut hourly = self.hourly.subscribe();
        // An error means that nobody can switch it off any more: then the node ends.
        let _ended = hourly.wait_for(Option::is_none).await;
    }

    /// The right to a circuit between two members.
    pub(super) fn admit(&self, a: TransportId, b: TransportId) -> Result<Permit, RelayRefusal> {
        let hourly = self.hourly().ok_or(RelayRefusal::Off)?;
        let mut carried = self.lock();
        let pair = if a < b { (a, b) } else { (b, a) };
        if carried.pairs.contains(&pair) {
            return Err(RelayRefusal::Busy);
        }
        let of = |who: &TransportId| carried.pairs.iter().filter(|(x, y)| x == who || y == who).count();
        if carried.pairs.len() >= CIRCUITS || of(&a).max(of(&b)) >= CIRCUITS_PER_MEMBER {
            return Err(RelayRefusal::Full);
        }
        carried.begin_hour(Instant::now());
        if carried.is_spent(&pair, hourly) {
            return Err(RelayRefusal::Spent);
        }
        carried.pairs.insert(pair);
        Ok(Permit { relaying: self.clone(), pair })
    }

    fn lock(&self) -> MutexGuard<'_, Carried> {
        self.carried.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Carried {
    fn begin_hour(&mut self, now: Instant) {
        if now.saturating_duration_since(self.since) >= HOUR {
            (self.since, self.all) = (now, 0);
            self.by.clear();
        }
    }

    fn is_spent(&self, pair: &(TransportId, TransportId), hourly: u64) -> bool {
        let of = |who: &TransportId| self.by.get(who).copied().unwrap_or_default();
        self.all >= hourly || of(&pair.0).max(of(&pair.1)) >= hourly / 2
    }
}

/// The right to one circuit, given back when dropped.
pub(super) struct Permit {
    relaying: Relaying,
    pair: (TransportId, TransportId),
}

impl Permit {
    /// Counts bytes that are about to pass; an error once they may not.
    pub(super) fn spend(&self, bytes: usize) -> Result<(), RelayRefusal> {
        let hourly = self.relaying.hourly().ok_or(RelayRefusal::Off)?;
        let mut carried = self.relaying.lock();
        carried.begin_hour(Instant::now());
        if carried.is_spent(&self.pair, hourly) {
            return Err(RelayRefusal::Spent);
        }
        let bytes = bytes as u64;
        carried.all = carried.all.saturating_add(bytes);
        for who in [self.pair.0, self.pair.1] {
            let used = carried.by.entry(who).or_default();
            *used = used.saturating_add(bytes);
        }
        Ok(())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.relaying.lock().pairs.remove(&self.pair);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn id(number: usize) -> TransportId {
        TransportId([u8::try_from(number).unwrap(); 32])
    }

    #[test]
    fn nothing_is_relayed_unless_the_keeper_says_so() {
        let relaying = Relaying::new(None);
        assert_eq!(relaying.admit(id(1), id(2)).err(), Some(RelayRefusal::Off));
        relaying.set(Some(HOURLY));
        let permit = relaying.admit(id(1), id(2)).unwrap();
        relaying.set(None);
        assert_eq!(permit.spend(1), Err(RelayRefusal::Off));
    }

    #[test]
    fn circuits_are_counted_in_all_for_each_member_and_for_each_pair() {
        let relaying = Relaying::new(Some(HOURLY));
        let mut open = vec![relaying.admit(id(1), id(2)).unwrap()];
        assert_eq!(relaying.admit(id(2), id(1)).err(), Some(RelayRefusal::Busy));
        for other in 3..=CIRCUITS_PER_MEMBER + 1 {
            open.push(relaying.admit(id(other), id(1)).unwrap());
        }
        assert_eq!(relaying.admit(id(1), id(99)).err(), Some(RelayRefusal::Full));
        assert_eq!(relaying.admit(id(99), id(1)).err(), Some(RelayRefusal::Full));
        for other in open.len()..CIRCUITS {
            open.push(relaying.admit(id(100 + other), id(100 + other + 1)).unwrap());
        }
        assert_eq!(relaying.load().circuits, CIRCUITS);
        assert_eq!(relaying.admit(id(98), id(99)).err(), Some(RelayRefusal::Full));
        open.pop();
        assert!(relaying.admit(id(98), id(99)).is_ok(), "what ends makes room");
    }

    #[test]
    fn bytes_are_counted_in_all_and_one_member_uses_half_at_most() {
        let relaying = Relaying::new(Some(0));
        assert_eq!(relaying.hourly(), Some(MIN_HOURLY), "less would carry no handshake");
        let half = usize::try_from(MIN_HOURLY / 2).unwrap();
        let permit = relaying.admit(id(1), id(2)).unwrap();
        permit.spend(half).unwrap();
        assert_eq!(permit.spend(1), Err(RelayRefusal::Spent));
        assert_eq!(relaying.admit(id(1), id(3)).err(), Some(RelayRefusal::Spent), "its half is used up");
        let others = relaying.admit(id(3), id(4)).unwrap();
        others.spend(half).unwrap();
        assert_eq!(relaying.admit(id(5), id(6)).err(), Some(RelayRefusal::Spent), "all is used up");
        relaying.lock().since = Instant::now().checked_sub(HOUR).unwrap();
        assert_eq!(relaying.load().hour, 0);
        permit.spend(1).unwrap();
        assert_eq!(relaying.load().hour, 1, "a new hour began");
    }
}
