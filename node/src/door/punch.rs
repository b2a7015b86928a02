//! Hole punching: two nodes behind routers dial each other at one moment, each from the port that its door listens
//! on, so that each one's first packet opens its own router for the other's.
//!
//! Between two ports there is one TCP connection at most, whoever began it: it may come out of a dial at both ends,
//! or of a dial at one and of the listener at the other. So who knocks is settled beforehand. [`Puncher::call`] knocks
//! on whatever comes, even on what its own door accepted; [`Puncher::stand_by`] only dials, and lets its door answer.
//!
//! The door binds its port alone, so that a second node on it is refused as ever, and lets dials share it then.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

use super::knock::{KnockError, knock_on};
use super::limit::Limits;
use super::listener::{self, Expected};
use super::stream::DoorStream;
use super::{DoorKey, TransportId};
use crate::address::Address;

/// How long both ends dial each other, handshake included.
pub const PUNCH_TIME: Duration = Duration::from_secs(12);
/// Dials of one end in that time.
pub const PUNCH_DIALS: u32 = 8;
/// How long one dial waits: a router that drops the packet says nothing, and TCP sends it again after a second.
const DIAL: Duration = Duration::from_secs(2);
/// Between two dials.
const PAUSE: Duration = Duration::from_millis(500);
/// By how much who is called dials later, so that on a short way it is the caller's dial that comes through.
const COURTESY: Duration = Duration::from_millis(200);
/// How long the caller waits for the answer to one knock.
const ANSWER: Duration = Duration::from_secs(4);

/// Whether a node takes part in hole punching, in all partnerships. Clones are the same switch.
#[derive(Clone, Debug, Default)]
pub struct Punching(Arc<AtomicBool>);

impl Punching {
    /// A switch that is on or off.
    #[must_use]
    pub fn new(on: bool) -> Self {
        Self(Arc::new(AtomicBool::new(on)))
    }

    /// Switches it.
    pub fn set(&self, on: bool) {
        self.0.store(on, Ordering::Relaxed);
    }

    /// Is it on?
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Lets dials leave from the port of a listener that is bound already. Where the system refuses, they leave from
/// others, and no hole is punched.
pub(super) fn share_port(listener: &TcpListener) {
    if let Err(error) = socket2::SockRef::from(listener).set_reuse_port(true) {
        tracing::debug!(%error, "the front door's port is not shared with dials");
    }
}

/// Dials from a port that a listener shares.
///
/// # Errors
/// What the system says: `AddrInUse` and `AddrNotAvailable` where the port cannot be shared, or where there is a
/// connection between the two ports already.
pub(super) async fn dial_from(port: u16, to: SocketAddr) -> io::Result<TcpStream> {
    let (socket, any): (_, IpAddr) = match to {
        SocketAddr::V4(_) => (TcpSocket::new_v4()?, Ipv4Addr::UNSPECIFIED.into()),
        SocketAddr::V6(_) => (TcpSocket::new_v6()?, Ipv6Addr::UNSPECIFIED.into()),
    };
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(SocketAddr::new(any, port))?;
    let tcp = socket.connect(to).await?;
    // Who dials the very port it leaves from meets itself.
    if tcp.local_addr()? == tcp.peer_addr()? {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    Ok(tcp)
}

/// What punches holes for a door, without keeping it open.
#[derive(Clone)]
pub struct Puncher {
    pub(super) shared: Arc<listener::Shared>,
    pub(super) port: u16,
}

impl Puncher {
    /// Dials `at`, and knocks on the connection that comes of it, whichever end began it.
    ///
    /// # Errors
    /// After at most [`PUNCH_TIME`] and [`PUNCH_DIALS`]: why the last dial or knock failed.
    pub async fn call(
        &self,
        at: SocketAddr,
        key: &DoorKey,
        whom: &TransportId,
        limits: Limits,
    ) -> Result<DoorStream, KnockError> {
        let unreachable =
            |why: io::ErrorKind| KnockError::Unreachable { addr: at.into(), source: why.into() };
        let mut expected =
            listener::expect(&self.shared, at).ok_or_else(|| unreachable(io::ErrorKind::AlreadyExists))?;
        let dialling = async {
            let mut last = unreachable(io::ErrorKind::TimedOut);
            for number in 0..PUNCH_DIALS {
                let pause = if number == 0 { Duration::ZERO } else { PAUSE };
                last = match self.line(&mut expected, pause, at).await {
                    Err(source) => KnockError::Unreachable { addr: at.into(), source },
                    Ok(tcp) => {
                        match knock_on(tcp, Address::Ip(at), key, whom, (ANSWER, limits.clone())).await {
                            Ok(stream) => return Ok(stream),
                            Err(error) => error,
                        }
                    }
                };
            }
            Err(last)
        };
        timeout(PUNCH_TIME, dialling).await.unwrap_or_else(|_| Err(unreachable(io::ErrorKind::TimedOut)))
    }

    /// Dials `at`, and lets the door answer whoever knocks on the connection that comes of it. Does it end, this is
    /// in vain, or the connection is the door's.
    pub async fn stand_by(&self, at: SocketAddr) {
        let dialling = async {
            let mut pause = COURTESY;
            for _ in 0..PUNCH_DIALS {
                sleep(pause).await;
                pause = PAUSE;
                if let Ok(tcp) = self.dial(at).await
                    && listener::take_in(&self.shared, tcp, at).await
                {
                    return;
                }
            }
        };
        let _in_vain = timeout(PUNCH_TIME, dialling).await;
    }

    /// A connection: one that the door accepted, or else one that is dialled.
    async fn line(&self, expected: &mut Expected, pause: Duration, at: SocketAddr) -> io::Result<TcpStream> {
        let dialled = async {
            sleep(pause).await;
            self.dial(at).await
        };
        tokio::select! {
            biased;
            accepted = expected.next() => Ok(accepted),
            dialled = dialled => dialled,
        }
    }

    async fn dial(&self, at: SocketAddr) -> io::Result<TcpStream> {
        timeout(DIAL, dial_from(self.port, at)).await.map_err(|_| io::ErrorKind::TimedOut)?
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use tokio::io::AsyncReadExt;
    use zeroize::Zeroizing;

    use super::super::{Door, Registration};
    use super::*;

    const THEM: TransportId = TransportId([7; 32]);

    fn key() -> DoorKey {
        DoorKey(Zeroizing::new([1; 32]))
    }

    async fn open() -> Door {
        Door::open("127.0.0.1:0".parse().unwrap()).await.unwrap()
    }

    /// The door that calls, and the one that stands by.
    async fn two() -> (Door, Door, Registration) {
        let (caller, called) = (open().await, open().await);
        let registration = called.register(&key(), THEM);
        (caller, called, registration)
    }

    async fn call(from: &Door, at: SocketAddr) -> Result<DoorStream, KnockError> {
        from.puncher().call(at, &key(), &THEM, Limits::default()).await
    }

    /// Where everybody is turned away: how many came, and how many bytes they said at most.
    async fn nobody() -> (SocketAddr, Arc<AtomicU32>, Arc<AtomicU32>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let (came, said) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let counts = (came.clone(), said.clone());
        tokio::spawn(async move {
            while let Ok((mut tcp, _)) = listener.accept().await {
                counts.0.fetch_add(1, Ordering::SeqCst);
                let mut heard = vec![0; 1024];
                // The knock comes with the connection, if it comes.
                let count = timeout(Duration::from_millis(50), tcp.read(&mut heard)).await;
                let count = u32::try_from(count.map_or(0, |read| read.unwrap_or(0))).unwrap();
                counts.1.fetch_max(count, Ordering::SeqCst);
            }
        });
        (at, came, said)
    }

    #[tokio::test]
    async fn dials_leave_from_the_doors_port_and_a_second_door_on_it_is_refused_as_ever() {
        let (door, other) = (open().await, TcpListener::bind("127.0.0.1:0").await.unwrap());
        let port = door.local_addr().port();
        let dialled = dial_from(port, other.local_addr().unwrap()).await.unwrap();
        assert_eq!(other.accept().await.unwrap().1, door.local_addr());
        let again = dial_from(port, other.local_addr().unwrap()).await.map(drop);
        assert_eq!(again.unwrap_err().kind(), io::ErrorKind::AddrNotAvailable, "one for two ports");
        assert_eq!(dial_from(port, door.local_addr()).await.unwrap_err().kind(), io::ErrorKind::AddrInUse);
        for second in [door.local_addr(), SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))] {
            assert_eq!(Door::open(second).await.map(drop).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        }
        // A node that starts again gets its port while connections that left from it are still there.
        let at = door.local_addr();
        door.close().await;
        Door::open(at).await.unwrap();
        drop(dialled);
    }

    #[tokio::test]
    async fn of_two_that_dial_each_other_the_caller_knocks_whoever_was_first() {
        for caller_is_late in [false, true] {
            let (caller, called, mut registration) = two().await;
            let (puncher, at) = (called.puncher(), caller.local_addr());
            let standing = tokio::spawn(async move { puncher.stand_by(at).await });
            if caller_is_late {
                // Its door has accepted the connection and waits for a knock on it.
                while !listener::is_somebody_unproven(&caller.puncher().shared) {
                    tokio::task::yield_now().await;
                }
            }
            let calling = call(&caller, called.local_addr());
            let (met, let_in) = tokio::join!(calling, timeout(PUNCH_TIME + ANSWER, registration.next()));
            met.unwrap();
            let (_stream, from) = let_in.unwrap().unwrap();
            assert_eq!(from, at, "from the port that it listens on");
            standing.abort();
        }
    }

    #[tokio::test]
    async fn at_a_wrong_address_there_are_a_few_dials_and_a_few_random_bytes_and_that_is_all() {
        let door = open().await;
        let (at, came, said) = nobody().await;
        assert!(call(&door, at).await.is_err());
        assert_eq!(came.load(Ordering::SeqCst), PUNCH_DIALS);
        assert_eq!(said.load(Ordering::SeqCst), 88, "the first message of a knock");
        let (at, came, said) = nobody().await;
        door.puncher().stand_by(at).await;
        assert_eq!(came.load(Ordering::SeqCst), PUNCH_DIALS);
        assert_eq!(said.load(Ordering::SeqCst), 0, "who stands by says nothing");
    }

    #[tokio::test]
    async fn one_address_is_called_once_at_a_time_and_strangers_elsewhere_are_met_with_silence_as_ever() {
        let (door, other) = (open().await, open().await);
        let at = other.local_addr();
        let expected = listener::expect(&door.puncher().shared, at).unwrap();
        assert!(listener::expect(&door.puncher().shared, at).is_none());
        // Somebody at another port of that machine is no less a stranger.
        let mut stranger = TcpStream::connect(door.local_addr()).await.unwrap();
        let silence = timeout(Duration::from_millis(300), stranger.read_u8()).await;
        assert!(silence.is_err(), "not a byte");
        drop(expected);
        assert!(listener::expect(&door.puncher().shared, at).is_some());
    }
}
