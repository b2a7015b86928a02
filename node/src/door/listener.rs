//! The listening side: accept, wait for a proof within bounds, hand over to whoever registered the key.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use subtle::Choice;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{sleep, timeout};

use super::knock::{Answer, FIRST_LEN, Secrets};
use super::limit::Limits;
use super::line::Carried;
use super::punch::{self, Puncher};
use super::replay::ReplayMemory;
use super::stream::DoorStream;
use super::{
    DoorKey, HANDSHAKE_TIMEOUT, MAX_KEYS, MAX_STRANGER_BYTES, MAX_UNPROVEN, MAX_WAITING, TransportId,
    UNPROVEN_MIN,
};

/// A pause when the system has no descriptor left for one more connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The open front door of a node. Clones share it; it closes with [`Door::close`] or with the last clone.
#[derive(Clone)]
pub struct Door {
    handle: Arc<Handle>,
}

struct Handle {
    local: SocketAddr,
    shared: Arc<Shared>,
    accepting: Mutex<Option<JoinHandle<()>>>,
}

impl Door {
    /// Listens on `addr`. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// What the system says, such as `AddrInUse`.
    pub async fn open(addr: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let local = listener.local_addr()?;
        punch::share_port(&listener);
        let shared = Arc::new(Shared {
            limits: Limits::default(),
            next_entry: AtomicU64::new(0),
            entries: Mutex::default(),
            replays: Mutex::new(ReplayMemory::new()),
            unproven: Mutex::default(),
        });
        let accepting = Mutex::new(Some(tokio::spawn(accept_all(listener, shared.clone()))));
        Ok(Self { handle: Arc::new(Handle { local, shared, accepting }) })
    }

    /// The address that the door listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.handle.local
    }

    /// How much may pass in a second; for a [`super::Way`] out that is to share them.
    pub fn limits(&self) -> Limits {
        self.handle.shared.limits.clone()
    }

    /// What punches holes for this door.
    #[must_use]
    pub fn puncher(&self) -> Puncher {
        Puncher { shared: self.handle.shared.clone(), port: self.handle.local.port() }
    }

    /// Lets those in who know `key` and mean `me`, until the registration is dropped.
    pub fn register(&self, key: &DoorKey, me: TransportId) -> Registration {
        let (sender, proven) = mpsc::channel(MAX_WAITING);
        let shared = self.handle.shared.clone();
        let id = shared.next_entry.fetch_add(1, Ordering::Relaxed);
        let ring = KeyRing { shared, id };
        lock(&ring.shared.entries).push(Entry { id, me, keys: Vec::new(), sender });
        ring.add(key);
        Registration { ring, proven }
    }

    /// The first messages seen so far, at most 20 bytes × [`super::MAX_SEEN`], for
    /// [`Self::import_seen`] after a restart. They tell nothing to who has no door key.
    pub fn export_seen(&self) -> Vec<u8> {
        lock(&self.handle.shared.replays).export()
    }

    /// Remembers what [`Self::export_seen`] gave: without it, a message recorded before the restart
    /// would be answered once.
    pub fn import_seen(&self, bytes: &[u8]) {
        lock(&self.handle.shared.replays).import(bytes);
    }

    /// Stops listening and drops who is not proven yet; registrations end. What was let in stays.
    /// The port is free again when this returns.
    pub async fn close(&self) {
        let accepting = self.handle.shut();
        if let Some(task) = accepting {
            let _ = task.await;
        }
    }
}

impl Handle {
    fn shut(&self) -> Option<JoinHandle<()>> {
        let accepting = lock(&self.accepting).take();
        accepting.as_ref().map(JoinHandle::abort).unwrap_or_default();
        lock(&self.shared.unproven).tasks.drain().for_each(|(_, waiting)| waiting.task.abort());
        lock(&self.shared.entries).clear();
        accepting
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shut();
    }
}

/// One partnership (or invitation) behind the door, unregistered when dropped.
pub struct Registration {
    ring: KeyRing,
    proven: mpsc::Receiver<(DoorStream, SocketAddr)>,
}

impl Registration {
    /// The next connection that proved a key of this registration; `None` once the door is closed.
    pub async fn next(&mut self) -> Option<(DoorStream, SocketAddr)> {
        self.proven.recv().await
    }

    /// As [`Self::next`], for hand-written futures.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(DoorStream, SocketAddr)>> {
        self.proven.poll_recv(cx)
    }

    /// A handle that changes the keys of this registration from elsewhere.
    pub fn ring(&self) -> KeyRing {
        self.ring.clone()
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        lock(&self.ring.shared.entries).retain(|entry| entry.id != self.ring.id);
    }
}

/// Changes the door keys of one registration.
#[derive(Clone)]
pub struct KeyRing {
    shared: Arc<Shared>,
    id: u64,
}

impl KeyRing {
    /// Adds a key. Beyond [`MAX_KEYS`] the one added longest ago is dropped.
    pub fn add(&self, key: &DoorKey) {
        let secrets = Arc::new(Secrets::new(key));
        self.change(|keys| {
            if !keys.iter().any(|known| known.same_key(&secrets)) {
                keys.push(secrets);
                keys.drain(..keys.len().saturating_sub(MAX_KEYS));
            }
        });
    }

    /// Replaces all keys; the last [`MAX_KEYS`] count. What was let in with another key stays.
    pub fn set(&self, keys: &[DoorKey]) {
        self.change(Vec::clear);
        keys.iter().for_each(|key| self.add(key));
    }

    /// Answers a knock at this registration over a stream that a relay carries. Who knows none of its keys is
    /// not answered a byte.
    ///
    /// # Errors
    /// After at most [`HANDSHAKE_TIMEOUT`]: `TimedOut`, `PermissionDenied` without a proof, or what the stream says.
    pub async fn answer_over(&self, mut carried: Box<dyn Carried>) -> io::Result<DoorStream> {
        let answering = async {
            let mut first = [0; FIRST_LEN];
            carried.read_exact(&mut first).await?;
            let answer = self.judge(&first).ok_or(io::ErrorKind::PermissionDenied)?;
            carried.write_all(&answer.bytes).await?;
            carried.flush().await?;
            Ok(answer)
        };
        let answered: io::Result<Answer> =
            timeout(HANDSHAKE_TIMEOUT, answering).await.map_err(|_| io::ErrorKind::TimedOut)?;
        let answer = answered?;
        DoorStream::new(carried, answer.noise, answer.masks, Limits::default())
    }

    fn judge(&self, first: &[u8; FIRST_LEN]) -> Option<Answer> {
        let own = lock(&self.shared.entries);
        let entry = own.iter().find(|entry| entry.id == self.id)?;
        let (secrets, me, _) = select(std::slice::from_ref(entry), first)?;
        drop(own);
        let answer = secrets.answer(first, &me).ok()?;
        let (key, tag) = secrets.seen(first);
        lock(&self.shared.replays).admit(key, tag).then_some(answer)
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Arc<Secrets>>)) {
        let mut entries = lock(&self.shared.entries);
        if let Some(entry) = entries.iter_mut().find(|entry| entry.id == self.id) {
            change(&mut entry.keys);
        }
    }
}

/// One registration, as the accepting side sees it.
struct Entry {
    id: u64,
    me: TransportId,
    keys: Vec<Arc<Secrets>>,
    sender: mpsc::Sender<(DoorStream, SocketAddr)>,
}

pub(super) struct Shared {
    limits: Limits,
    next_entry: AtomicU64,
    entries: Mutex<Vec<Entry>>,
    replays: Mutex<ReplayMemory>,
    unproven: Mutex<Unproven>,
}

async fn accept_all(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((tcp, from)) => receive(&shared, tcp, from),
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Gives a newcomer its place among the unproven, and its time; or to who expects it.
fn receive(shared: &Arc<Shared>, tcp: TcpStream, from: SocketAddr) {
    let mut unproven = lock(&shared.unproven);
    if let Some(expecting) = unproven.expected.get(&canonical(from)) {
        // One at a time: there cannot be two connections between the same ports.
        let _no_room = expecting.try_send(tcp);
        return;
    }
    if unproven.tasks.len() >= MAX_UNPROVEN {
        unproven.give_way();
    }
    let id = unproven.next;
    unproven.next += 1;
    let shared = shared.clone();
    let (claim, claimed) = oneshot::channel();
    let task = tokio::spawn(async move {
        let let_in = timeout(unproven_time(), let_in_or_give(&shared, tcp, claimed)).await;
        lock(&shared.unproven).tasks.remove(&id);
        if let Ok(Some((stream, owner))) = let_in {
            owner.send((stream, from));
        }
    });
    let waiting = Waiting { network: network(from), from: canonical(from), claim, task: task.abort_handle() };
    unproven.tasks.insert(id, waiting);
}

/// Who expects a connection from somewhere, to speak first on it.
type Expecting = mpsc::Sender<TcpStream>;

/// As [`let_in`], until somebody expects this very connection: then it is given away. Nothing was read of it before,
/// if it comes from who is expected.
async fn let_in_or_give(
    shared: &Shared,
    tcp: TcpStream,
    claimed: oneshot::Receiver<Expecting>,
) -> Option<(DoorStream, Permit)> {
    tokio::select! {
        biased;
        () = something(&tcp) => {}
        Ok(expecting) = claimed => {
            let _no_room = expecting.try_send(tcp);
            return None;
        }
    }
    let_in(shared, tcp).await
}

/// Waits until something came, or nothing will. Not by `readable`, which may be mistaken once.
async fn something(tcp: &TcpStream) {
    let _let_in_hears_of_errors = tcp.peek(&mut [0]).await;
}

/// Has connections from `at` handed over instead of being waited on: who dials at the same moment as the other end may
/// find that the door has accepted the one connection that there can be. `None` if somebody expects them already.
pub(super) fn expect(shared: &Arc<Shared>, at: SocketAddr) -> Option<Expected> {
    let at = canonical(at);
    let (sender, accepted) = mpsc::channel(1);
    let mut unproven = lock(&shared.unproven);
    if unproven.expected.contains_key(&at) {
        return None;
    }
    let earlier = unproven.tasks.iter().filter(|(_, waiting)| waiting.from == at).map(|(id, _)| *id).max();
    if let Some(waiting) = earlier.and_then(|id| unproven.tasks.remove(&id)) {
        let _ended = waiting.claim.send(sender.clone());
    }
    unproven.expected.insert(at, sender);
    drop(unproven);
    Some(Expected { shared: shared.clone(), at, accepted })
}

/// Connections from one address and port, until dropped.
pub(super) struct Expected {
    shared: Arc<Shared>,
    at: SocketAddr,
    accepted: mpsc::Receiver<TcpStream>,
}

impl Expected {
    /// The next; it waits for ever if there is none.
    pub(super) async fn next(&mut self) -> TcpStream {
        match self.accepted.recv().await {
            Some(tcp) => tcp,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        lock(&self.shared.unproven).expected.remove(&self.at);
    }
}

/// Answers on a connection that was dialled, as on one that came. Was it let in?
pub(super) async fn take_in(shared: &Shared, tcp: TcpStream, from: SocketAddr) -> bool {
    let Ok(Some((stream, owner))) = timeout(unproven_time(), let_in(shared, tcp)).await else { return false };
    owner.send((stream, from));
    true
}

/// Reads the first message and answers it, if it proves something. The future ends with `None`, or not at
/// all before its time is over: what the stranger sees does not depend on what it sent.
async fn let_in(shared: &Shared, mut tcp: TcpStream) -> Option<(DoorStream, Permit)> {
    let mut first = [0; FIRST_LEN];
    tcp.read_exact(&mut first).await.ok()?;
    let Some((answer, owner)) = judge(shared, &first) else {
        return hold(tcp).await;
    };
    tcp.set_nodelay(true).ok()?;
    tcp.write_all(&answer.bytes).await.ok()?;
    let stream = DoorStream::new(tcp, answer.noise, answer.masks, shared.limits.clone()).ok()?;
    Some((stream, owner))
}

/// The right to hand one connection to a registration.
type Permit = mpsc::OwnedPermit<(DoorStream, SocketAddr)>;

fn judge(shared: &Shared, first: &[u8; FIRST_LEN]) -> Option<(Answer, Permit)> {
    let (secrets, me, owner) = select(&lock(&shared.entries), first)?;
    let answer = secrets.answer(first, &me).ok()?;
    let permit = owner.try_reserve_owned().ok()?;
    let (key, tag) = secrets.seen(first);
    lock(&shared.replays).admit(key, tag).then_some((answer, permit))
}

type Selected = (Arc<Secrets>, TransportId, mpsc::Sender<(DoorStream, SocketAddr)>);

/// Finds the key that made `first`, trying all of them whichever it is.
fn select(entries: &[Entry], first: &[u8; FIRST_LEN]) -> Option<Selected> {
    let mut selected = None;
    for entry in entries {
        for secrets in &entry.keys {
            let chosen: Choice = secrets.selects(first, &entry.me);
            if chosen.into() {
                selected = Some((secrets.clone(), entry.me, entry.sender.clone()));
            }
        }
    }
    selected
}

/// Reads and forgets what a stranger says, within [`MAX_STRANGER_BYTES`], until it hangs up.
async fn hold(mut tcp: TcpStream) -> Option<(DoorStream, Permit)> {
    let mut scratch = [0; 1024];
    let mut heard = 0;
    while heard < MAX_STRANGER_BYTES {
        match tcp.read(&mut scratch).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => heard += count,
        }
    }
    std::future::pending().await
}

fn unproven_time() -> Duration {
    let span = HANDSHAKE_TIMEOUT.saturating_sub(UNPROVEN_MIN);
    let part = getrandom::u32().unwrap_or(u32::MAX);
    UNPROVEN_MIN + span.mul_f64(f64::from(part) / f64::from(u32::MAX))
}

/// The connections that have not proved anything yet.
#[derive(Default)]
struct Unproven {
    next: u64,
    tasks: HashMap<u64, Waiting>,
    /// Where connections are expected from: one for each hole that is being punched.
    expected: HashMap<SocketAddr, Expecting>,
}

struct Waiting {
    network: IpAddr,
    from: SocketAddr,
    claim: oneshot::Sender<Expecting>,
    task: AbortHandle,
}

impl Unproven {
    /// Drops the oldest connection of the address that has the most: one flooding address displaces
    /// itself, not others.
    fn give_way(&mut self) {
        let mut counts: HashMap<IpAddr, (usize, u64)> = HashMap::new();
        for (id, waiting) in &self.tasks {
            let (count, oldest) = counts.entry(waiting.network).or_insert((0, *id));
            *count += 1;
            *oldest = (*oldest).min(*id);
        }
        let loser = counts.values().max_by_key(|(count, oldest)| (*count, u64::MAX - oldest));
        if let Some(waiting) = loser.and_then(|(_, oldest)| self.tasks.remove(oldest)) {
            waiting.task.abort();
        }
    }
}

/// Does the door wait for somebody's proof?
#[cfg(test)]
pub(super) fn is_somebody_unproven(shared: &Shared) -> bool {
    !lock(&shared.unproven).tasks.is_empty()
}

/// One form for each address: what listens for IPv6 may see IPv4 within it.
fn canonical(at: SocketAddr) -> SocketAddr {
    SocketAddr::new(at.ip().to_canonical(), at.port())
}

/// Who shares this address in all likelihood: for IPv6 the /64.
fn network(from: SocketAddr) -> IpAddr {
    match from.ip().to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4(ip),
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from(u128::from(ip) >> 64 << 64)),
    }
}

/// A panic elsewhere must not close the door: the state behind these locks is valid at every step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
