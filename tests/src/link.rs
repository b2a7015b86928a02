//! A poor link: a proxy before a node's door with a bandwidth, a delay, losses and cuts, the same in each run of
//! a seed.
//!
//! TCP hides losses as waits: a lost segment holds up all that follows until it was sent again. So a loss
//! here is a stall of a round trip and a timer (RFC 6298 rounds it up to a second, systems to 200 ms).

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

/// What a segment carries on the internet.
const SEGMENT: usize = 1_400;
/// What the kernel may hold at each end of the link, bytes: without a bound it would hold megabytes.
const BUFFER: u32 = 16 * 1024;
/// The timer after which a lost segment is sent again.
const AGAIN: Duration = Duration::from_millis(200);

/// What a link is like, each way.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Bytes in a second.
    pub rate: u64,
    /// One way.
    pub delay: Duration,
    /// Of a thousand segments, how many are lost.
    pub lost: u64,
}

impl Shape {
    /// So good that it does not matter.
    pub const GOOD: Shape = Shape { rate: 1_000_000_000, delay: Duration::ZERO, lost: 0 };
    /// 64 kbit/s with 5 % loss over a satellite's distance.
    pub const POOR: Shape = Shape { rate: 8_000, delay: Duration::from_millis(150), lost: 50 };
}

/// A link to a port of this machine.
pub struct Link {
    /// What callers dial in place of the node.
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    shape: Mutex<Shape>,
    random: AtomicU64,
    /// To the caller, and from it.
    passed: [AtomicU64; 2],
    calls: Mutex<JoinSet<()>>,
}

impl Shared {
    fn shape(&self) -> Shape {
        *self.shape.lock().unwrap()
    }

    /// A number below `below` (xorshift64; Marsaglia 2003).
    fn draw(&self, below: u64) -> u64 {
        let step = |x: u64| {
            let x = x ^ (x << 13);
            let x = x ^ (x >> 7);
            x ^ (x << 17)
        };
        let before = self.random.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |x| Some(step(x)));
        step(before.unwrap_or(1)) % below
    }
}

impl Link {
    /// Opens a good link to a port of this machine.
    ///
    /// # Panics
    /// If the system gives no port.
    pub async fn to(port: u16, seed: u64) -> Link {
        let socket = an_end();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a port");
        let listener = socket.listen(16).expect("it listens");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            shape: Mutex::new(Shape::GOOD),
            random: AtomicU64::new(seed.max(1)),
            passed: Default::default(),
            calls: Mutex::default(),
        });
        let serving = shared.clone();
        tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                let call = call(serving.clone(), caller, port);
                serving.calls.lock().unwrap().spawn(call);
            }
        });
        Link { address, shared }
    }

    /// What it is like from now on.
    ///
    /// # Panics
    /// Never.
    pub fn becomes(&self, shape: Shape) {
        *self.shared.shape.lock().unwrap() = shape;
    }

    /// Cuts all connections. New ones are let through.
    ///
    /// # Panics
    /// Never.
    pub fn cut(&self) {
        self.shared.calls.lock().unwrap().abort_all();
    }

    /// Bytes that went from the node to callers so far.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.shared.passed[0].load(Ordering::Relaxed)
    }

    /// Bytes that went from callers to the node so far.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.shared.passed[1].load(Ordering::Relaxed)
    }
}

/// A socket with a small buffer, whose other end sends segments as on the internet: those of loopback are larger than
/// the buffer, and a sender that waits for room for a whole one sends a window at each tick of its timer.
fn an_end() -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(BUFFER).expect("a small buffer");
    socket2::SockRef::from(&socket).set_tcp_mss(SEGMENT as u32).expect("small segments");
    socket
}

async fn call(shared: Arc<Shared>, caller: TcpStream, port: u16) {
    // Connections overtake each other.
    sleep(shared.shape().delay * 2 + Duration::from_millis(shared.draw(20))).await;
    let Ok(node) = an_end().connect((Ipv4Addr::LOCALHOST, port).into()).await else { return };
    let (from_caller, to_caller) = caller.into_split();
    let (from_node, to_node) = node.into_split();
    let back = direction(&shared, 0, from_node, to_caller);
    let there = direction(&shared, 1, from_caller, to_node);
    tokio::join!(back, there);
}

/// Takes segments as fast as the link does, and gives them when they have come over.
async fn direction(shared: &Shared, way: usize, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let (on_the_way, mut arriving) = mpsc::channel::<(Instant, Vec<u8>)>(1_024);
    // It owns its end of the channel: what is on the way still comes when one side has ended.
    let take = async move {
        let mut free = Instant::now();
        loop {
            let mut segment = vec![0; SEGMENT];
            let Ok(count @ 1..) = from.read(&mut segment).await else { return };
            segment.truncate(count);
            let shape = shared.shape();
            free = free.max(Instant::now()) + Duration::from_micros(count as u64 * 1_000_000 / shape.rate);
            if shared.draw(1_000) < shape.lost {
                free += shape.delay * 2 + AGAIN;
            }
            sleep_until(free).await;
            if on_the_way.send((free + shape.delay, segment)).await.is_err() {
                return;
            }
        }
    };
    let give = async {
        while let Some((due, segment)) = arriving.recv().await {
            sleep_until(due).await;
            if to.write_all(&segment).await.is_err() {
                return;
            }
            shared.passed[way].fetch_add(segment.len() as u64, Ordering::Relaxed);
        }
        let _gone = to.shutdown().await;
    };
    tokio::join!(take, give);
}
