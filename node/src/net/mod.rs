//! The network of one partnership: a libp2p swarm of its own behind the front door.
//!
//! [`spawn`] starts it and returns a [`NetHandle`], by which the node sends, announces and changes the
//! members, and [`NetEvents`], by which it hears. With each member there is at most one *session*, a
//! stream of messages both ways, opened as soon as there is a connection; whoever is not connected is
//! dialled again and again. Messages that were queued when a session broke are lost: reconciliation, on
//! the next `Connected`, delivers what they said.
//!
//! | file | what |
//! |---|---|
//! | `driver.rs` | the one task that owns the swarm, the sessions and the dialling |
//! | `swarm.rs` | what the swarm is made of |
//! | `transport.rs` | libp2p's transport behind the door |
//! | `proven.rs` | who is at the other end: identities are proven inside the door, and what follows is encrypted once |
//! | `streams.rs` | the part of the swarm that opens and accepts streams |
//! | `circuits.rs` | ways through partners that relay: asked for, answered, carried |
//! | `meeting.rs` | hole punching: who is reached through a relay is met where the relay sees it |
//! | `relaying.rs` | what this node lets partners pass through it |
//! | `session.rs` | one session: hello, reading, writing |
//! | `gossip.rs` | announcements, kept from former members |
//! | `events.rs` | the bounded queue to the node |
//! | `dialling.rs` | whom to dial, and which way |
//! | `dial.rs` | when to dial again, and why it failed |
//! | `peer.rs` | a member's node, as the driver knows it |
//! | `limits.rs` | all bounds |

mod circuits;
mod dial;
mod dialling;
mod driver;
mod events;
mod gossip;
pub mod limits;
mod meeting;
mod muxer;
mod peer;
mod proven;
mod relaying;
mod session;
mod streams;
mod swarm;
mod tied;
mod transport;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use entente_protocol::beacon::Beacon;
use libp2p::identity::Keypair;
use tokio::sync::{mpsc, oneshot};
use zeroize::Zeroizing;

use crate::address::Address;
use crate::door::{Door, DoorKey, Punching, TransportId, Way};

pub use dial::{DialReason, RelayReason};
pub use events::{NetEvent, NetEvents};
pub use relaying::{HOURLY, Load, MIN_HOURLY, Relaying};

use driver::Command;
use session::Outbox;

/// A member's node, as this node knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its identity in this partnership.
    pub id: TransportId,
    /// Where its door may be; with none it is only waited for. [`limits::MAX_ADDRESSES`] count.
    pub addrs: Vec<Address>,
    /// Is it a former member's, let in to parley? Then no announcements go to it or are taken from it.
    pub former: bool,
    /// May it be looked for where its addresses do not lead: through partners that relay, and on a local network?
    pub sought: bool,
    /// Did it say that it relays?
    pub relays: bool,
}

impl Member {
    /// A member that is reached at these addresses or not at all.
    #[must_use]
    pub fn at(id: TransportId, addrs: Vec<Address>) -> Member {
        Member { id, addrs, former: false, sought: false, relays: false }
    }
}

/// What a partnership's network is made of.
pub struct NetConfig {
    /// The node's front door.
    pub door: Door,
    /// How it reaches out, set apart from other partnerships.
    pub way: Way,
    /// The partnership's door keys, today's first; the first [`crate::door::MAX_KEYS`] count.
    pub door_keys: Vec<DoorKey>,
    /// The secret Ed25519 key of this node in this partnership.
    pub identity_seed: Zeroizing<[u8; 32]>,
    /// The name of the gossip topic: random-looking hexadecimal, derived from a secret of the partnership.
    pub topic: String,
    /// What partners may pass through this node.
    pub relaying: Relaying,
    /// Whether holes are punched. Never through a proxy, whatever this says.
    pub punching: Punching,
    /// Who may connect.
    pub members: Vec<Member>,
    /// Whether an announcement is well-formed, so that it may be passed on.
    pub valid_announcement: fn(&[u8]) -> bool,
    /// Times.
    pub tunables: Tunables,
}

/// Times that a deployment may want to change.
#[derive(Clone, Copy, Debug)]
pub struct Tunables {
    /// A session that is silent this long says that it is alive.
    pub keep_alive: Duration,
    /// A peer of which nothing is heard for this long is taken for gone. Several times `keep_alive`.
    pub give_up: Duration,
    /// How long a relay waits for who is called, and everybody for a message about a circuit.
    pub ring: Duration,
    /// A circuit that this node carries and on which nothing moves ends after this, or twice as long at most.
    pub circuit_idle: Duration,
}

impl Default for Tunables {
    fn default() -> Self {
        Self {
            keep_alive: Duration::from_secs(15),
            give_up: Duration::from_secs(50),
            ring: limits::RING_TIMEOUT,
            circuit_idle: limits::CIRCUIT_IDLE,
        }
    }
}

/// Why the network of a partnership could not be started.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The transport identity cannot be used.
    #[error("the transport identity of this partnership is not usable")]
    Identity(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There is no door key.
    #[error("a partnership needs a door key")]
    NoDoorKey,
    /// libp2p refused its configuration.
    #[error("the network of this partnership could not be set up")]
    SetUp(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Why a message was not taken for sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// There is no session with the peer, or it ended while waiting for room.
    #[error("not connected")]
    NotConnected,
    /// Longer than [`limits::MAX_MESSAGE`] (or, for an announcement, [`limits::MAX_ANNOUNCEMENT`]).
    #[error("a message of {0} bytes is too long")]
    TooLong(usize),
    /// No room now ([`NetHandle::try_send`] only).
    #[error("the queue to this peer is full")]
    Full,
}

/// What is known of a member's node.
#[derive(Clone, Debug)]
pub struct PeerInfo {
    /// Who.
    pub id: TransportId,
    /// Since when there is a session; `None` without.
    pub connected_since: Option<Instant>,
    /// When it was last heard of, in this run.
    pub last_seen: Option<Instant>,
    /// Why the last dial failed; cleared by a session.
    pub last_error: Option<DialReason>,
    /// The other end of the connection that has stood longest, of those that no relay carries; `None` without.
    pub address: Option<Address>,
    /// How it is reached; `None` while there is no connection.
    pub reached: Option<Reached>,
    /// Did it say that it relays?
    pub relays: bool,
}

/// How a member's node is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// At an address of its own, or of this node's.
    Directly,
    /// Directly, by dials of both ends at one moment, where a relay saw each.
    Punched,
    /// Through this partner, which relays.
    Through(TransportId),
}

impl PeerInfo {
    /// The partner that relays what is said with it.
    #[must_use]
    pub fn through(&self) -> Option<TransportId> {
        match self.reached? {
            Reached::Through(relay) => Some(relay),
            Reached::Directly | Reached::Punched => None,
        }
    }

    fn unheard(id: TransportId) -> Self {
        Self {
            id,
            connected_since: None,
            last_seen: None,
            last_error: None,
            address: None,
            reached: None,
            relays: false,
        }
    }
}

/// The public half of the transport identity that `seed` makes.
///
/// # Errors
/// [`NetError::Identity`], which does not happen with 32 bytes.
pub fn transport_identity(seed: &Zeroizing<[u8; 32]>) -> Result<TransportId, NetError> {
    let public = keypair(seed)?.public();
    transport::transport_id(&public.to_peer_id()).ok_or_else(|| NetError::Identity("no Ed25519 key".into()))
}

fn keypair(seed: &Zeroizing<[u8; 32]>) -> Result<Keypair, NetError> {
    let mut seed = seed.clone();
    Keypair::ed25519_from_bytes(seed.as_mut_slice()).map_err(|error| NetError::Identity(error.into()))
}

/// Starts the network of one partnership. It runs until [`NetHandle::shutdown`], or until every handle is
/// dropped. Must be called within a tokio runtime.
///
/// # Errors
/// See [`NetError`]; nothing runs then.
pub fn spawn(config: NetConfig) -> Result<(NetHandle, NetEvents), NetError> {
    let keypair = keypair(&config.identity_seed)?;
    let me = transport_identity(&config.identity_seed)?;
    let shared = Arc::new(Shared::new(me, config.door_keys.clone()));
    let (sender, events) = events::queue();
    let (commands, receiver) = mpsc::channel(limits::COMMANDS);
    let driver = driver::Driver::new(config, &keypair, shared.clone(), sender)?;
    tokio::spawn(driver.run(receiver));
    Ok((NetHandle { commands, shared }, events))
}

/// The node's hand on the network of one partnership. Clones share it.
#[derive(Clone)]
pub struct NetHandle {
    commands: mpsc::Sender<Command>,
    shared: Arc<Shared>,
}

impl NetHandle {
    /// This node's identity in this partnership.
    pub fn id(&self) -> TransportId {
        self.shared.me
    }

    /// Queues a message for a peer, waiting for room. Messages of one caller arrive in order, each once,
    /// as long as the session lasts.
    ///
    /// # Errors
    /// `NotConnected`, `TooLong`.
    pub async fn send(&self, peer: &TransportId, message: Bytes) -> Result<(), SendError> {
        let outbox = self.shared.outbox(peer).ok_or(SendError::NotConnected)?;
        outbox.send(message).await
    }

    /// Waits until no more than so many bytes are queued for a peer and not on their way, or there is no session with it.
    pub async fn drained_to(&self, peer: &TransportId, bytes: usize) {
        if let Some(outbox) = self.shared.outbox(peer) {
            outbox.drained_to(bytes).await;
        }
    }

    /// Bytes that are queued for a peer and not on their way.
    #[must_use]
    pub fn queued(&self, peer: &TransportId) -> usize {
        self.shared.outbox(peer).map_or(0, |outbox| outbox.queued())
    }

    /// Queues a message for a peer if there is room now.
    ///
    /// # Errors
    /// `NotConnected`, `TooLong`, `Full`.
    pub fn try_send(&self, peer: &TransportId, message: Bytes) -> Result<(), SendError> {
        self.shared.outbox(peer).ok_or(SendError::NotConnected)?.try_send(message)
    }

    /// Spreads an announcement among all members, as far as they are connected now; nobody is told when
    /// that is nobody. The same bytes within a minute are spread once.
    ///
    /// # Errors
    /// `TooLong`; `NotConnected` after a shutdown.
    pub async fn announce(&self, data: Bytes) -> Result<(), SendError> {
        if data.len() > limits::MAX_ANNOUNCEMENT {
            return Err(SendError::TooLong(data.len()));
        }
        self.command(Command::Announce(data)).await
    }

    /// Replaces the members. Who is no longer one is disconnected at once and refused from now on; who is
    /// new, or has new addresses, is dialled at once. [`limits::MAX_MEMBERS`] count.
    ///
    /// # Errors
    /// `NotConnected` after a shutdown.
    pub async fn set_members(&self, members: Vec<Member>) -> Result<(), SendError> {
        self.command(Command::SetMembers(members)).await
    }

    /// Replaces the door keys, today's first: those that admit here, and those to knock with elsewhere.
    /// Connections stay.
    ///
    /// # Errors
    /// `NotConnected` after a shutdown.
    pub async fn set_door_keys(&self, admit: Vec<DoorKey>, knock: Vec<DoorKey>) -> Result<(), SendError> {
        self.command(Command::SetDoorKeys { admit, knock }).await
    }

    /// The door keys to knock with, today's first.
    #[must_use]
    pub fn door_keys(&self) -> Vec<DoorKey> {
        lock(&self.shared.knock).clone()
    }

    /// A member's beacon came from this address of the local network: if it is looked for, it is dialled there. Whether
    /// it is a member's; several may begin alike, then it is the first of them.
    #[must_use]
    pub fn heard_at(&self, beacon: &Beacon, ip: IpAddr) -> bool {
        let id = lock(&self.shared.peers).keys().find(|id| beacon.is_of(id)).copied();
        // There is another beacon soon, where there is no room now.
        id.is_some_and(|id| {
            self.commands.try_send(Command::HeardAt(id, SocketAddr::new(ip, beacon.port))).is_ok()
        })
    }

    /// Dials everybody who is not connected, whatever the back-off.
    ///
    /// # Errors
    /// `NotConnected` after a shutdown.
    pub async fn dial_now(&self) -> Result<(), SendError> {
        self.command(Command::DialNow).await
    }

    /// Ends the session with a peer that breaks the protocol, or does not take what is sent. It may come back.
    pub fn hang_up(&self, peer: &TransportId) {
        // Full or gone: then it is ended by the driver's own rules soon.
        let _best_effort = self.commands.try_send(Command::HangUp(*peer));
    }

    /// Every member's node but this one, in the order of identities.
    pub fn peers(&self) -> Vec<PeerInfo> {
        let mut peers: Vec<_> = lock(&self.shared.peers).values().cloned().collect();
        peers.sort_unstable_by_key(|peer| peer.id);
        peers
    }

    /// Ends all sessions and connections, and waits until the door no longer leads here.
    pub async fn shutdown(&self) {
        let (done, ended) = oneshot::channel();
        if self.command(Command::Shutdown(done)).await.is_ok() {
            let _ = ended.await;
        }
    }

    async fn command(&self, command: Command) -> Result<(), SendError> {
        self.commands.send(command).await.map_err(|_| SendError::NotConnected)
    }
}

/// What the handle, the driver and the sessions share.
struct Shared {
    me: TransportId,
    peers: Mutex<HashMap<TransportId, PeerInfo>>,
    outboxes: Mutex<HashMap<TransportId, Outbox>>,
    /// Door keys to knock with, today's first.
    knock: Mutex<Vec<DoorKey>>,
}

impl Shared {
    fn new(me: TransportId, knock: Vec<DoorKey>) -> Shared {
        Shared { me, peers: Mutex::default(), outboxes: Mutex::default(), knock: Mutex::new(knock) }
    }
}

impl Shared {
    fn outbox(&self, peer: &TransportId) -> Option<Outbox> {
        lock(&self.outboxes).get(peer).cloned()
    }

    /// Removes the outbox of one session, if no later one has taken its place.
    fn remove_outbox(&self, peer: &TransportId, session: u64) {
        let mut outboxes = lock(&self.outboxes);
        if outboxes.get(peer).is_some_and(|outbox| outbox.id == session) {
            outboxes.remove(peer);
        }
    }

    fn update(&self, peer: &TransportId, change: impl FnOnce(&mut PeerInfo)) {
        lock(&self.peers).get_mut(peer).map(change).unwrap_or_default();
    }

    /// Where a peer is seen and how it is reached, as its connections are now.
    fn tell_way(&self, id: &TransportId, peer: &peer::Peer) {
        let (seen_at, reached) = (peer.seen_at().cloned(), peer.reached());
        self.update(id, |info| (info.address, info.reached) = (seen_at, reached));
    }
}

/// The state behind these locks is valid at every step, so a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod circuit_times_tests;
#[cfg(test)]
mod circuits_tests;
#[cfg(test)]
mod meeting_tests;
#[cfg(test)]
mod tests;
