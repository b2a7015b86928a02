//! The driver's part in hole punching: who is reached through a relay is met where the relay sees it, each end dialling
//! the other at one moment. When to, how often, and which addresses may be told or dialled at all.
//!
//! It begins when a circuit stands, that is, when the other end has proved itself through it: no word of a relay alone
//! makes a node dial. Both see the circuit stand within one way of a packet, and count from there.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use libp2p::Multiaddr;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::driver::Driver;
use super::limits::{MEET_AGAIN, MEET_GAP, MEETINGS, MEETINGS_AT_ONCE};
use super::lock;
use super::peer::{Dial, Peer};
use super::transport::{met_at, multiaddr};
use crate::door::{PUNCH_TIME, TransportId};

/// Ports below are those of services that are no partner's node: no relay makes anybody knock there.
const MIN_PORT: u16 = 1024;

/// Where relays say that members are seen, until a circuit to them stands. Only members are noted, so it is bounded by
/// their number.
#[derive(Clone, Default)]
pub(super) struct Told(Arc<Mutex<HashMap<TransportId, (TransportId, SocketAddr)>>>);

impl Told {
    /// `relay`, which is at `beside`, says that `whom` is seen at `at`.
    pub(super) fn note(
        &self,
        relay: TransportId,
        beside: Option<SocketAddr>,
        whom: TransportId,
        at: SocketAddr,
    ) {
        if may_be_told(at, beside) {
            lock(&self.0).insert(whom, (relay, at));
        }
    }

    /// What `relay` said of `whom`, once.
    pub(super) fn take(&self, relay: &TransportId, whom: &TransportId) -> Option<SocketAddr> {
        lock(&self.0).remove(whom).filter(|(by, _)| by == relay).map(|(_, at)| at)
    }

    /// Does a relay say that `whom` is seen at `at`? Who comes from there comes to meet, though its circuit
    /// may stand a moment later here.
    pub(super) fn says(&self, whom: &TransportId, at: &Multiaddr) -> bool {
        lock(&self.0).get(whom).is_some_and(|(_, told)| multiaddr(*told) == *at)
    }

    pub(super) fn forget(&self, whom: &TransportId) {
        lock(&self.0).remove(whom);
    }
}

/// May `at` be told to somebody at `beside`, or dialled on the word of somebody there? An address of the internet may.
/// One of a local network, or of one machine, means something only to who is there too: told to others it would give
/// away how a network looks from within, and a relay outside could have its machines knocked at.
pub(super) fn may_be_told(at: SocketAddr, beside: Option<SocketAddr>) -> bool {
    let beside = beside.and_then(|beside| scope(beside.ip()));
    at.port() >= MIN_PORT && scope(at.ip()).is_some_and(|of| of == Scope::Internet || Some(of) == beside)
}

/// May a relay tell two members where it sees them? Both or neither, and both in one kind of address.
pub(super) fn may_meet(a: SocketAddr, b: SocketAddr) -> bool {
    let family = |at: SocketAddr| at.ip().to_canonical().is_ipv4();
    a != b && family(a) == family(b) && may_be_told(a, Some(b)) && may_be_told(b, Some(a))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Machine,
    Local,
    Internet,
}

/// How far an address is valid; `None` where nobody can be dialled.
fn scope(ip: IpAddr) -> Option<Scope> {
    match ip.to_canonical() {
        IpAddr::V4(ip) => scope4(ip),
        IpAddr::V6(ip) => scope6(ip),
    }
}

fn scope4(ip: Ipv4Addr) -> Option<Scope> {
    let [a, b, ..] = ip.octets();
    // Shared between customers of one provider (RFC 6598).
    let shared = a == 100 && b & 0b1100_0000 == 64;
    match a {
        127 => Some(Scope::Machine),
        // This network, multicast, reserved.
        0 | 224.. => None,
        _ if ip.is_private() || ip.is_link_local() || shared => Some(Scope::Local),
        _ => Some(Scope::Internet),
    }
}

fn scope6(ip: Ipv6Addr) -> Option<Scope> {
    let [first, ..] = ip.segments();
    match first {
        _ if ip.is_loopback() => Some(Scope::Machine),
        // Unique local addresses (RFC 4193), then all that is given out for the internet (RFC 4291).
        0xfc00..=0xfdff => Some(Scope::Local),
        0x2000..=0x3fff => Some(Scope::Internet),
        _ => None,
    }
}

/// Where somebody who is reached through a circuit may be met, and when that is tried.
pub(super) struct Meeting {
    at: SocketAddr,
    next: Instant,
    left: u32,
}

impl Meeting {
    /// The first at once: both ends see the circuit stand at about the same time.
    pub(super) fn at(at: SocketAddr, now: Instant) -> Self {
        Self { at, next: now, left: MEETINGS }
    }

    /// Where to dial now, if it is time, and the last time, on whatever circuit, was not just before.
    fn due(&mut self, now: Instant, last: Option<Instant>) -> Option<SocketAddr> {
        if now < self.next || self.left == 0 {
            return None;
        }
        // Counted from the beginning, as the other end does.
        self.next += MEET_AGAIN;
        self.left -= 1;
        let too_soon = last.is_some_and(|last| now.saturating_duration_since(last) < MEET_GAP);
        (!too_soon).then_some(self.at)
    }
}

/// What was done to meet somebody.
#[derive(Default)]
pub(super) struct Met {
    /// Where and when next, while there is a circuit.
    pub(super) meeting: Option<Meeting>,
    last: Option<Instant>,
    standing_by: Option<AbortHandle>,
}

impl Met {
    /// Is it dialled from both ends just now? What comes in from there then came of that.
    pub(super) fn is_under_way(&self, now: Instant) -> bool {
        const HANDSHAKES: Duration = Duration::from_secs(5);
        self.last.is_some_and(|last| now.saturating_duration_since(last) < PUNCH_TIME + HANDSHAKES)
    }

    /// There is a connection without a relay, or none.
    pub(super) fn end(&mut self) {
        self.meeting = None;
        self.standing_by.take().inspect(AbortHandle::abort);
    }
}

impl Driver {
    /// A circuit stands: who is behind it may be met, if the relay said where.
    pub(super) fn note_meeting(&mut self, id: TransportId, via: &TransportId, now: Instant) {
        let told = self.circuits.told.take(via, &id);
        if let (Some(at), Some(peer)) = (told, self.peers.get_mut(&id)) {
            peer.met.meeting = Some(Meeting::at(at, now));
            self.meet(now);
        }
    }

    /// Begins to meet those whose time it is.
    pub(super) fn meet(&mut self, now: Instant) {
        if !self.circuits.meets() {
            return;
        }
        let me = self.shared.me;
        let under_way = self.peers.values().filter(|peer| peer.met.is_under_way(now)).count();
        let mut free = MEETINGS_AT_ONCE.saturating_sub(under_way);
        for (id, peer) in &mut self.peers {
            let calls = me < *id;
            // Who stands by does so beside any dial of its own.
            let busy = calls && peer.dialling.is_some();
            let idle = peer.relayed_by().is_some() && !busy && !peer.former && free > 0;
            let Some(at) = idle.then(|| peer.due_to_meet(now)).flatten() else { continue };
            free -= 1;
            if calls {
                peer.dialling = Some(Dial::Met);
                let options = DialOpts::peer_id(peer.peer_id)
                    .addresses(vec![met_at(at)])
                    .condition(PeerCondition::NotDialing)
                    .build();
                if self.swarm.dial(options).is_err() {
                    peer.dialling = None;
                }
            } else {
                let puncher = self.puncher.clone();
                let standing = tokio::spawn(async move { puncher.stand_by(at).await });
                peer.met.standing_by.replace(standing.abort_handle()).inspect(AbortHandle::abort);
            }
        }
    }
}

impl Peer {
    fn due_to_meet(&mut self, now: Instant) -> Option<SocketAddr> {
        let last = self.met.last;
        let at = self.met.meeting.as_mut()?.due(now, last)?;
        self.met.last = Some(now);
        Some(at)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_of_the_internet_is_told_to_all_and_others_only_to_those_who_are_there_too() {
        let machine = ["127.0.0.1:7420", "[::1]:7420", "[::ffff:127.0.0.1]:7420"];
        let local =
            ["10.1.2.3:7420", "192.168.0.7:7420", "100.64.0.1:7420", "169.254.1.1:7420", "[fd00::7]:7420"];
        let internet = ["203.0.113.9:7420", "100.128.0.1:7420", "[2001:db8::9]:7420"];
        for (told, own) in [(machine.as_slice(), 0), (local.as_slice(), 1), (internet.as_slice(), 2)] {
            for told in told {
                for (beside, of) in [(machine[0], 0), (local[0], 1), (local[4], 1), (internet[0], 2)] {
                    let may = own == 2 || own == of;
                    assert_eq!(may_be_told(at(told), Some(at(beside))), may, "{told} beside {beside}");
                }
                assert_eq!(may_be_told(at(told), None), own == 2, "{told} beside nobody");
            }
        }
    }

    #[test]
    fn nobody_is_sent_to_where_no_node_can_be() {
        for nowhere in [
            "203.0.113.9:1023",
            "203.0.113.9:0",
            "0.0.0.0:7420",
            "0.1.2.3:7420",
            "224.0.0.1:7420",
            "255.255.255.255:7420",
            "[::]:7420",
            "[fe80::1]:7420",
            "[ff02::1]:7420",
            // An address of a local network within one that a gateway translates (RFC 6052).
            "[64:ff9b::10.0.0.1]:7420",
        ] {
            for beside in [at("203.0.113.1:9"), at("10.0.0.1:9"), at("127.0.0.1:9"), at("[2001:db8::1]:9")] {
                assert!(!may_be_told(at(nowhere), Some(beside)), "{nowhere}");
            }
        }
    }

    #[test]
    fn a_relay_tells_both_or_neither() {
        assert!(may_meet(at("203.0.113.9:7420"), at("198.51.100.1:40000")));
        assert!(may_meet(at("10.0.0.9:7420"), at("192.168.1.1:40000")), "all three are on local networks");
        for (a, b) in [
            ("203.0.113.9:7420", "10.0.0.9:7420"),
            ("203.0.113.9:7420", "203.0.113.8:80"),
            ("203.0.113.9:7420", "[2001:db8::9]:7420"),
            ("203.0.113.9:7420", "203.0.113.9:7420"),
            ("127.0.0.1:7420", "203.0.113.9:7420"),
        ] {
            assert!(!may_meet(at(a), at(b)) && !may_meet(at(b), at(a)), "{a} {b}");
        }
    }

    #[test]
    fn somebody_is_met_at_once_and_some_times_more_and_never_soon_after_the_last_time() {
        let start = Instant::now();
        let mut meeting = Meeting::at(at("203.0.113.9:7420"), start);
        let mut times = Vec::new();
        let mut last = None;
        for second in 0..10_000 {
            let now = start + Duration::from_secs(second);
            if meeting.due(now, last).is_some() {
                last = Some(now);
                times.push(second);
            }
        }
        let again = MEET_AGAIN.as_secs();
        let grid: Vec<_> = (0..u64::from(MEETINGS)).map(|round| round * again).collect();
        assert_eq!(times, grid);
        // A circuit that is broken and made again makes nobody dial more often.
        let mut other = Meeting::at(at("203.0.113.9:7420"), start);
        assert_eq!(other.due(start, Some(start)), None);
        assert!(other.due(start + MEET_AGAIN, Some(start)).is_some());
    }

    #[test]
    fn a_word_of_one_relay_does_not_count_for_a_circuit_through_another() {
        let [relay, other, whom] = [1, 2, 3].map(|byte| TransportId([byte; 32]));
        let told = Told::default();
        let beside = Some(at("203.0.113.1:7420"));
        told.note(relay, beside, whom, at("203.0.113.9:7420"));
        assert_eq!(told.take(&other, &whom), None);
        told.note(relay, beside, whom, at("203.0.113.9:7420"));
        assert_eq!(told.take(&relay, &whom), Some(at("203.0.113.9:7420")));
        assert_eq!(told.take(&relay, &whom), None, "once");
        told.note(relay, beside, whom, at("10.0.0.1:7420"));
        assert_eq!(told.take(&relay, &whom), None, "a relay outside does not point into a local network");
    }
}
