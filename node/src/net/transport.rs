//! libp2p's transport behind the front door: to listen is to register with the door, to dial is to knock, at an
//! address, over a circuit that a partner carries, or where a partner sees who dials here at the same moment.

use std::collections::{HashMap, VecDeque};
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures::FutureExt;
use futures::future::BoxFuture;
use libp2p::core::Endpoint;
use libp2p::core::transport::{DialOpts, ListenerId, TransportError, TransportEvent};
use libp2p::identity::{self, PublicKey};
use libp2p::multiaddr::{Multiaddr, Protocol};
use libp2p::{PeerId, Transport};
use tokio::sync::mpsc;

use super::circuits::Circuits;
use crate::address::{Address, Name};
use crate::door::{
    Carried, Door, DoorKey, DoorStream, KnockError, Puncher, Registration, TransportId, Way, knock,
    knock_over,
};

/// A transport for one partnership.
pub(super) struct DoorTransport {
    local: Multiaddr,
    keys: DialKeys,
    circuits: Circuits,
    puncher: Puncher,
    registration: Option<Registration>,
    /// What was let in through relays, and through which.
    relayed: mpsc::Receiver<(DoorStream, TransportId)>,
    listener: Option<ListenerId>,
    events: VecDeque<Event>,
    waker: Option<Waker>,
}

type Event = TransportEvent<Ready<Result<DoorStream, Failed>>, Failed>;

/// A failed knock. Wrapped, since the errors that libp2p builds around it (`Either`) show the source of what
/// they hold and not what they hold.
#[derive(Debug, thiserror::Error)]
#[error("no connection through the door")]
pub(super) struct Failed(#[source] KnockError);

impl DoorTransport {
    pub(super) fn new(
        door: &Door,
        registration: Registration,
        keys: DialKeys,
        (circuits, relayed): (Circuits, mpsc::Receiver<(DoorStream, TransportId)>),
    ) -> Self {
        Self {
            local: multiaddr(door.local_addr()),
            keys,
            circuits,
            puncher: door.puncher(),
            registration: Some(registration),
            relayed,
            listener: None,
            events: VecDeque::new(),
            waker: None,
        }
    }
}

impl Transport for DoorTransport {
    type Output = DoorStream;
    type Error = Failed;
    type ListenerUpgrade = Ready<Result<DoorStream, Failed>>;
    type Dial = BoxFuture<'static, Result<DoorStream, Failed>>;

    /// Listens where the door does, once; any other address is refused.
    fn listen_on(&mut self, id: ListenerId, addr: Multiaddr) -> Result<(), TransportError<Failed>> {
        if addr != self.local || self.listener.is_some() || self.registration.is_none() {
            return Err(TransportError::MultiaddrNotSupported(addr));
        }
        self.listener = Some(id);
        self.events.push_back(TransportEvent::NewAddress { listener_id: id, listen_addr: addr });
        self.waker.take().map(Waker::wake).unwrap_or_default();
        Ok(())
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        if self.listener != Some(id) {
            return false;
        }
        self.listener = None;
        self.registration = None;
        self.events.push_back(TransportEvent::ListenerClosed { listener_id: id, reason: Ok(()) });
        self.waker.take().map(Waker::wake).unwrap_or_default();
        true
    }

    /// Knocks. The address must name the peer, for the knock is addressed to it; and this side must be the
    /// one that speaks first: who stands by while a hole is punched does not come here, but through the door.
    fn dial(&mut self, addr: Multiaddr, opts: DialOpts) -> Result<Self::Dial, TransportError<Failed>> {
        let (Some((to, whom)), Endpoint::Dialer) = (target(&addr), opts.role) else {
            return Err(TransportError::MultiaddrNotSupported(addr));
        };
        let (keys, circuits, puncher) = (self.keys.clone(), self.circuits.clone(), self.puncher.clone());
        let dial = async move {
            match to {
                To::Door(to) => keys.knock(&to, whom).await,
                To::Met(at) => keys.meet(&puncher, at, whom).await,
                To::Relay(relay) => keys.knock_over(circuits.call(relay, whom).await?, whom).await,
            }
        };
        Ok(dial.map(|dialled| dialled.map_err(Failed)).boxed())
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Event> {
        let this = &mut *self;
        if let Some(event) = this.events.pop_front() {
            return Poll::Ready(event);
        }
        this.waker = Some(cx.waker().clone());
        let (Some(listener_id), Some(registration)) = (this.listener, &mut this.registration) else {
            return Poll::Pending;
        };
        // Its other end lives in the task that answers circuits: it never ends before the door.
        if let Poll::Ready(Some((stream, via))) = this.relayed.poll_recv(cx) {
            return Poll::Ready(TransportEvent::Incoming {
                listener_id,
                upgrade: ready(Ok(stream)),
                local_addr: this.local.clone(),
                send_back_addr: relayed_by(&via).unwrap_or_else(Multiaddr::empty),
            });
        }
        match registration.poll_next(cx) {
            Poll::Ready(Some((stream, from))) => Poll::Ready(TransportEvent::Incoming {
                listener_id,
                upgrade: ready(Ok(stream.under(this.keys.way.limits()))),
                local_addr: this.local.clone(),
                send_back_addr: multiaddr(from),
            }),
            Poll::Ready(None) => {
                this.listener = None;
                this.registration = None;
                Poll::Ready(TransportEvent::ListenerClosed { listener_id, reason: Ok(()) })
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

/// The door keys that dials use, and which of them each member last answered to: one who was offline for
/// long may know only an old key.
#[derive(Clone)]
pub(super) struct DialKeys {
    way: Way,
    inner: Arc<Mutex<Keys>>,
}

struct Keys {
    /// Today's key first.
    keys: Vec<DoorKey>,
    /// How often a member was silent: the key tried next is that many places down the list. Only members
    /// are dialled, so it is bounded by their number.
    silences: HashMap<TransportId, usize>,
}

impl DialKeys {
    pub(super) fn new(way: Way, keys: Vec<DoorKey>) -> Self {
        Self { way, inner: Arc::new(Mutex::new(Keys { keys, silences: HashMap::new() })) }
    }

    /// Who was silent is tried with the first of other keys, and of the same with the next.
    pub(super) fn set(&self, keys: Vec<DoorKey>) {
        let mut ours = self.lock();
        if ours.keys != keys {
            *ours = Keys { keys, silences: HashMap::new() };
        }
    }

    pub(super) fn forget(&self, whom: &TransportId) {
        self.lock().silences.remove(whom);
    }

    async fn knock(&self, to: &Address, whom: TransportId) -> Result<DoorStream, KnockError> {
        let Some(key) = self.lock().choose(&whom) else {
            return Err(KnockError::Silent { addr: to.clone() });
        };
        let answer = knock(&self.way, to, &key, &whom).await;
        if matches!(answer, Err(KnockError::Silent { .. })) {
            *self.lock().silences.entry(whom).or_default() += 1;
        }
        answer
    }

    /// Nothing leaves but through a proxy where there is one.
    async fn meet(
        &self,
        puncher: &Puncher,
        at: SocketAddr,
        whom: TransportId,
    ) -> Result<DoorStream, KnockError> {
        let key = self.lock().choose(&whom).filter(|_| !self.way.is_proxied());
        let Some(key) = key else { return Err(KnockError::Silent { addr: at.into() }) };
        puncher.call(at, &key, &whom, self.way.limits()).await
    }

    async fn knock_over(
        &self,
        carried: Box<dyn Carried>,
        whom: TransportId,
    ) -> Result<DoorStream, KnockError> {
        let key = self.lock().choose(&whom);
        let key = key.ok_or_else(|| KnockError::Relay(std::io::ErrorKind::PermissionDenied.into()))?;
        let answer = knock_over(carried, &key, &whom).await;
        if answer.is_err() {
            *self.lock().silences.entry(whom).or_default() += 1;
        }
        answer.map_err(KnockError::Relay)
    }

    fn lock(&self) -> MutexGuard<'_, Keys> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keys {
    fn choose(&self, whom: &TransportId) -> Option<DoorKey> {
        let silences = self.silences.get(whom).copied().unwrap_or_default();
        self.keys.get(silences.checked_rem(self.keys.len())?).cloned()
    }
}

/// Where a dial goes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum To {
    Door(Address),
    Met(SocketAddr),
    Relay(TransportId),
}

/// `/ip4|ip6|dns/…/tcp/…/p2p/…`, `/ip4|ip6/…/tcp/…/p2p-circuit/p2p/…`, or `/p2p/…/p2p-circuit/p2p/…`, and nothing
/// else.
fn target(addr: &Multiaddr) -> Option<(To, TransportId)> {
    let met = met_where(addr);
    let mut parts = addr.iter().skip(if met.is_some() { 3 } else { 2 });
    let Protocol::P2p(peer) = parts.next()? else { return None };
    let to = met.map(To::Met).or_else(|| relay_of(addr).map(To::Relay));
    let to = to.or_else(|| address(addr).map(To::Door));
    parts.next().is_none().then_some((to?, transport_id(&peer)?))
}

/// `/p2p/…/p2p-circuit`: what is reached through a relay.
pub(super) fn relayed_by(relay: &TransportId) -> Option<Multiaddr> {
    Some(Multiaddr::from(Protocol::P2p(peer_id(relay)?)).with(Protocol::P2pCircuit))
}

/// The relay of an address that leads through one.
pub(super) fn relay_of(addr: &Multiaddr) -> Option<TransportId> {
    let mut parts = addr.iter();
    match (parts.next()?, parts.next()?) {
        (Protocol::P2p(relay), Protocol::P2pCircuit) => transport_id(&relay),
        _ => None,
    }
}

/// `/ip4|ip6/…/tcp/…/p2p-circuit`: where a relay sees somebody, who dials here too.
pub(super) fn met_at(at: SocketAddr) -> Multiaddr {
    multiaddr(at).with(Protocol::P2pCircuit)
}

/// The address at which somebody is met.
pub(super) fn met_where(addr: &Multiaddr) -> Option<SocketAddr> {
    match (addr.iter().nth(2)?, address(addr)?) {
        (Protocol::P2pCircuit, Address::Ip(at)) => Some(at),
        _ => None,
    }
}

/// `/ip4|ip6/…/tcp/…`
pub(super) fn multiaddr(addr: SocketAddr) -> Multiaddr {
    Multiaddr::from(addr.ip()).with(Protocol::Tcp(addr.port()))
}

/// `/ip4|ip6|dns/…/tcp/…`; onion services are names like others here.
pub(super) fn dialled(addr: &Address) -> Multiaddr {
    match addr {
        Address::Ip(addr) => multiaddr(*addr),
        Address::Name(name, port) => {
            Multiaddr::from(Protocol::Dns(name.as_str().to_owned().into())).with(Protocol::Tcp(*port))
        }
    }
}

/// The address within a multiaddress, whatever follows the port.
pub(super) fn address(addr: &Multiaddr) -> Option<Address> {
    let mut parts = addr.iter();
    match (parts.next()?, parts.next()?) {
        (Protocol::Ip4(ip), Protocol::Tcp(port)) => Some(SocketAddr::new(ip.into(), port).into()),
        (Protocol::Ip6(ip), Protocol::Tcp(port)) => Some(SocketAddr::new(ip.into(), port).into()),
        (Protocol::Dns(name), Protocol::Tcp(port)) => Some(Address::Name(Name::read(&name)?, port)),
        _ => None,
    }
}

/// The libp2p name of an identity; `None` if the bytes are no Ed25519 key.
pub(super) fn peer_id(id: &TransportId) -> Option<PeerId> {
    let key = identity::ed25519::PublicKey::try_from_bytes(&id.0).ok()?;
    Some(PublicKey::from(key).to_peer_id())
}

/// The key within a libp2p name; `None` for other kinds of keys.
pub(super) fn transport_id(peer: &PeerId) -> Option<TransportId> {
    // Identity multihash (0, length 36) of the protobuf {1: Ed25519, 2: 32 bytes} (libp2p peer-ids spec).
    const ED25519: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];
    let bytes = peer.to_bytes();
    bytes.strip_prefix(&ED25519)?.try_into().ok().map(TransportId)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn only_addresses_of_a_known_peer_over_tcp_are_dialled() {
        let id = TransportId(
            identity::Keypair::generate_ed25519().public().try_into_ed25519().unwrap().to_bytes(),
        );
        let peer = peer_id(&id).unwrap();
        assert_eq!(transport_id(&peer), Some(id));
        let good = format!("/ip4/127.0.0.1/tcp/9/p2p/{peer}");
        assert_eq!(target(&good.parse().unwrap()), Some((To::Door("127.0.0.1:9".parse().unwrap()), id)));
        let onion: Address = format!("/onion3/{}:9", "a".repeat(56)).parse().unwrap();
        let named = dialled(&onion).with(Protocol::P2p(peer));
        assert_eq!(target(&named), Some((To::Door(onion), id)));
        assert!(target(&format!("/ip6/::1/tcp/9/p2p/{peer}").parse().unwrap()).is_some());
        let relay = TransportId(
            identity::Keypair::generate_ed25519().public().try_into_ed25519().unwrap().to_bytes(),
        );
        let through = relayed_by(&relay).unwrap();
        assert_eq!(target(&through), None, "to nobody");
        assert_eq!(target(&through.clone().with(Protocol::P2p(peer))), Some((To::Relay(relay), id)));
        let met = met_at("192.0.2.1:9000".parse().unwrap());
        assert_eq!(target(&met), None, "nobody");
        let named = met.clone().with(Protocol::P2p(peer));
        assert_eq!(target(&named), Some((To::Met("192.0.2.1:9000".parse().unwrap()), id)));
        for bad in [
            format!("{met}/p2p-circuit/p2p/{peer}"),
            format!("/dns/example.org/tcp/9/p2p-circuit/p2p/{peer}"),
            format!("{through}/p2p/{peer}/p2p-circuit"),
            format!("{through}{through}/p2p/{peer}"),
            "/ip4/127.0.0.1/tcp/9".to_owned(),
            format!("/dns4/example.org/tcp/9/p2p/{peer}"),
            format!("/ip4/127.0.0.1/udp/9/quic-v1/p2p/{peer}"),
            format!("/ip4/127.0.0.1/tcp/9/ws/p2p/{peer}"),
            format!("{good}/p2p-circuit"),
            format!("/memory/9/p2p/{peer}"),
        ] {
            assert_eq!(target(&bad.parse().unwrap()), None, "{bad}");
        }
    }

    #[tokio::test]
    async fn who_was_silent_is_asked_with_the_next_key_until_there_are_others() {
        let (whom, keys) =
            (TransportId([7; 32]), |bytes: [u8; 2]| bytes.map(|b| DoorKey(Zeroizing::new([b; 32]))));
        let dial = DialKeys::new(Way::new(None).unwrap(), keys([1, 2]).to_vec());
        let shut = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = shut.local_addr().unwrap().into();
        let hangs_up = async { drop(shut.accept().await) };
        let (answer, ()) = tokio::join!(dial.knock(&at, whom), hangs_up);
        assert!(matches!(answer, Err(KnockError::Silent { .. })));
        let next = || dial.lock().choose(&whom).map(|key| key.0[0]);
        assert_eq!(next(), Some(2));
        dial.set(keys([1, 2]).to_vec());
        assert_eq!(next(), Some(2));
        dial.set(keys([3, 2]).to_vec());
        assert_eq!(next(), Some(3));
    }
}
