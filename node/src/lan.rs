//! Finding partners on a local network, where the keeper of this node lets it: beacons by multicast, which only
//! holders of a partnership's door key can read ([`entente_protocol::beacon`]).
//!
//! What is heard is an address to try, and nothing else: the door proves who is there. Off unless switched on, and
//! never beside a proxy: off means that there is no socket. Each round sends beacons of all partnerships, and as many of
//! noise as make the number a multiple of `ROUND`, so that the number of partnerships does not show.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use entente_protocol::beacon::{BEACON, Beacon, NONCE};
use entente_protocol::derive::{self, Key};
use entente_protocol::ids::TransportId;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::time::{Instant, interval, sleep, sleep_until};

use crate::clock;
use crate::home::own_address;
use crate::node::Node;
use crate::partnership::Handle;

/// Where beacons go: a group of the site (RFC 2365, section 6.1), and a port next to the door's usual one.
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 74, 20);
const PORT: u16 = 7421;
/// Between two rounds of beacons.
const PAUSE: Duration = Duration::from_secs(10);
/// Beacons of a round are a multiple of this.
const ROUND: usize = 4;
/// Beacons that are looked at in a second, each for some microseconds; more are left to the system, which drops them.
const LOOKED_AT: u32 = 128;
/// Door keys of a partnership that are tried: today's and the one before, for a member that lags behind.
const KEYS: usize = 2;
/// After this the network is tried again where it could not be used.
const AGAIN: Duration = Duration::from_secs(30);

/// Whether this node looks for partners on the local network, and how that goes. Clones are the same.
#[derive(Clone, Debug)]
pub struct Lan {
    on: Arc<watch::Sender<bool>>,
    seen: Arc<Mutex<Seen>>,
}

/// How it goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Partners' beacons that were heard since it was switched on.
    pub heard: u64,
    /// All that came.
    pub came: u64,
    /// Why the network cannot be used.
    pub trouble: Option<String>,
}

impl Lan {
    /// Switched on or off.
    #[must_use]
    pub fn new(on: bool) -> Lan {
        Lan { on: Arc::new(watch::Sender::new(on)), seen: Arc::default() }
    }

    /// Switches it on or off, at once.
    pub fn set(&self, on: bool) {
        self.on.send_replace(on);
    }

    /// Is it on?
    #[must_use]
    pub fn is_on(&self) -> bool {
        *self.on.borrow()
    }

    /// How it goes.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, note: impl FnOnce(&mut Seen)) {
        note(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Looks for partners while that is switched on, as long as the node lives.
pub async fn run(node: Weak<Node>, lan: Lan, door: SocketAddr) {
    let mut on = lan.on.subscribe();
    loop {
        // An error means that the node ends.
        if on.wait_for(|on| *on).await.is_err() {
            return;
        }
        lan.note(|seen| *seen = Seen::default());
        let ended = tokio::select! {
            ended = look(&node, &lan, door) => ended,
            // The socket is dropped, and so closed, right here.
            _ = on.wait_for(|on| !*on) => continue,
        };
        let Err(error) = ended else { return };
        lan.note(|seen| seen.trouble = Some(error.to_string()));
        sleep(AGAIN).await;
    }
}

/// Beacons and listens. Ends with the node, or with an error.
async fn look(node: &Weak<Node>, lan: &Lan, door: SocketAddr) -> io::Result<()> {
    let socket = open(door)?;
    let mut rounds = interval(PAUSE);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut second, mut looked_at) = (Instant::now(), 0);
    let mut bytes = [0; BEACON + 1];
    loop {
        let next = second + Duration::from_secs(1);
        tokio::select! {
            _ = rounds.tick() => {
                let Some(node) = node.upgrade() else { return Ok(()) };
                for beacon in round(&sides(&node), door.port())? {
                    socket.send_to(&beacon, (GROUP, PORT)).await?;
                }
            }
            received = socket.recv_from(&mut bytes), if looked_at < LOOKED_AT => {
                looked_at += 1;
                let (len, from) = received?;
                lan.note(|seen| seen.came += 1);
                let Some(beacon) = bytes.first_chunk().filter(|_| len == BEACON && is_local(from)) else { continue };
                let Some(node) = node.upgrade() else { return Ok(()) };
                if hear(&node.handles(), beacon, from) {
                    lan.note(|seen| seen.heard += 1);
                }
            }
            () = sleep_until(next) => (second, looked_at) = (Instant::now(), 0),
        }
    }
}

/// A socket that hears what others of this machine hear, too, and sends on the network of the door.
fn open(door: SocketAddr) -> io::Result<UdpSocket> {
    let IpAddr::V4(listens) = door.ip() else {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "the door listens on IPv6 only"));
    };
    let own = own_address().and_then(|own| if let IpAddr::V4(own) = own { Some(own) } else { None });
    let on = if listens.is_unspecified() { own.unwrap_or(Ipv4Addr::LOCALHOST) } else { listens };
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // Bound to the group: what is sent to this machine alone does not come here.
    socket.bind(&SocketAddr::from((GROUP, PORT)).into())?;
    socket.join_multicast_v4(&GROUP, &on)?;
    socket.set_multicast_if_v4(&on)?;
    socket.set_multicast_ttl_v4(1)?;
    UdpSocket::from_std(socket.into())
}

/// Only what can be on the same network is tried: nobody may send this node's dials out into the world.
fn is_local(from: SocketAddr) -> bool {
    matches!(from.ip(), IpAddr::V4(ip) if ip.is_private() || ip.is_link_local() || ip.is_loopback())
}

/// What this node is in a partnership: its identity, and today's door key.
type Side = (TransportId, Key);

fn sides(node: &Node) -> Vec<Side> {
    let side = |handle: &Handle| Some((handle.net.id(), handle.net.door_keys().first()?.0.clone()));
    node.handles().iter().filter_map(side).collect()
}

/// One beacon for each partnership, and noise.
fn round(sides: &[Side], port: u16) -> io::Result<Vec<[u8; BEACON]>> {
    let hour = hour();
    let mut beacons = Vec::new();
    for (me, door_key) in sides {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(io::Error::other)?;
        beacons.push(Beacon::of(me, port).seal(&derive::beacon_key(door_key, hour), nonce));
    }
    while !beacons.len().is_multiple_of(ROUND) || beacons.is_empty() {
        let mut noise = [0; BEACON];
        getrandom::fill(&mut noise).map_err(io::Error::other)?;
        beacons.push(noise);
    }
    beacons.sort_unstable();
    Ok(beacons)
}

/// Gives a beacon to the partnership whose key opens it. Clocks are an hour apart at most.
fn hear(handles: &[Handle], bytes: &[u8; BEACON], from: SocketAddr) -> bool {
    let now = hour();
    for handle in handles {
        for door_key in handle.net.door_keys().iter().take(KEYS) {
            let hours = [now, now.saturating_sub(1), now + 1];
            let opened =
                hours.iter().find_map(|hour| Beacon::open(&derive::beacon_key(&door_key.0, *hour), bytes));
            if let Some(beacon) = opened {
                return handle.net.heard_at(&beacon, from.ip());
            }
        }
    }
    false
}

fn hour() -> u64 {
    clock::now().0 / 3_600_000
}
