//! The handshake at the door: what a caller sends, and how the door recognises it.
//!
//! ```text
//! first message, caller to door, 88 bytes, all of which look random
//!   0         24           40                 72        88
//!   | nonce   | selector   | ephemeral ^ mask | tag     |
//! answer, door to caller, 48 bytes, likewise
//!   0                 32        48
//!   | ephemeral ^ mask | tag     |
//! ```
//!
//! `selector` is a keyed hash (BLAKE3) over all the rest and over whom the caller means, so the door finds
//! the key by one hash for each key it holds, and only a bearer of the key costs it a Diffie-Hellman.
//! `ephemeral ‖ tag` are the messages of `Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s` with empty payloads and the
//! prologue `label ‖ whom`; the ephemeral is masked since a point of Curve25519 does not look random.

use std::io;
use std::time::Duration;

use entente_protocol::relay::RelayRefusal;

use blake3::{Hasher, derive_key, keyed_hash};
use snow::resolvers::{DefaultResolver, FallbackResolver, RingResolver};
use snow::{Builder, HandshakeState};
use subtle::ConstantTimeEq;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::limit::Limits;
use super::line::Carried;
use super::replay::{Owner, Tag};
use super::stream::{DoorStream, LengthMasks};
use super::way::{Way, WayError};
use super::{DoorKey, HANDSHAKE_TIMEOUT, TransportId};
use crate::address::Address;

const PATTERN: &str = "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s";
const PROLOGUE_LABEL: &[u8] = b"entente/door/1";

const NONCE_LEN: usize = 24;
const SELECTOR_LEN: usize = 16;
const EPHEMERAL_LEN: usize = 32;
const NOISE_LEN: usize = EPHEMERAL_LEN + 16;
const HEAD_LEN: usize = NONCE_LEN + SELECTOR_LEN;
pub(super) const FIRST_LEN: usize = HEAD_LEN + NOISE_LEN;
const ANSWER_LEN: usize = NOISE_LEN;

/// Why a knock was not answered.
#[derive(Debug, thiserror::Error)]
pub enum KnockError {
    /// Nothing listens there, or the way there is broken.
    #[error("{addr} cannot be reached")]
    Unreachable {
        /// The address that was tried.
        addr: Address,
        /// What the system or the proxy said, or [`io::ErrorKind::TimedOut`].
        source: io::Error,
    },
    /// The proxy that all has to go through cannot be used.
    #[error(transparent)]
    Proxy(WayError),
    /// Somebody listens there and said nothing: another program, another node, or another door key.
    #[error("{addr} is silent: not who was meant, or it knows another door key")]
    Silent {
        /// The address that was tried.
        addr: Address,
    },
    /// The answer was cut short, or does not come from who was meant.
    #[error("the handshake with {addr} broke off")]
    Broken {
        /// The address that was tried.
        addr: Address,
        /// What was wrong.
        source: io::Error,
    },
    /// No partner relays it there.
    #[error("a partner opens no way")]
    NotRelayed(#[source] RelayRefusal),
    /// A partner opened a way, and who answered is not who was meant, or knows another door key.
    #[error("what a partner relays is silent or broken")]
    Relay(#[source] io::Error),
}

/// Connects to the door at `addr`, as one who knows `key` and means `whom`.
///
/// # Errors
/// After at most twice [`super::HANDSHAKE_TIMEOUT`], or longer through a proxy: see [`KnockError`].
pub async fn knock(
    way: &Way,
    addr: &Address,
    key: &DoorKey,
    whom: &TransportId,
) -> Result<DoorStream, KnockError> {
    let (connecting, answering) = way.patience();
    let addr = addr.clone();
    let tcp = match timeout(connecting, way.connect(&addr)).await {
        Ok(Ok(tcp)) => tcp,
        Ok(Err(WayError::NoWay(source))) => return Err(KnockError::Unreachable { addr, source }),
        Ok(Err(error @ WayError::Proxy { .. })) => return Err(KnockError::Proxy(error)),
        Err(_) => return Err(KnockError::Unreachable { addr, source: io::ErrorKind::TimedOut.into() }),
    };
    knock_on(tcp, addr, key, whom, (answering, way.limits())).await
}

/// Knocks on a connection with `addr`, and waits so long for the answer.
pub(super) async fn knock_on(
    mut tcp: TcpStream,
    addr: Address,
    key: &DoorKey,
    whom: &TransportId,
    (answering, limits): (Duration, Limits),
) -> Result<DoorStream, KnockError> {
    if let Err(source) = tcp.set_nodelay(true) {
        return Err(KnockError::Unreachable { addr, source });
    }
    match timeout(answering, exchange(&mut tcp, &Secrets::new(key), whom)).await {
        Ok(Ok((noise, masks))) => {
            DoorStream::new(tcp, noise, masks, limits).map_err(|source| KnockError::Broken { addr, source })
        }
        Ok(Err(source)) if is_hang_up(&source) => Err(KnockError::Silent { addr }),
        Ok(Err(source)) => Err(KnockError::Broken { addr, source }),
        Err(_) => Err(KnockError::Silent { addr }),
    }
}

/// As [`knock`], over a stream that a relay carries to `whom`: it is limited and encrypted itself, but not
/// towards the relay.
///
/// # Errors
/// After at most [`HANDSHAKE_TIMEOUT`]: `TimedOut`, or what the stream and the answer say.
pub async fn knock_over(
    mut carried: Box<dyn Carried>,
    key: &DoorKey,
    whom: &TransportId,
) -> io::Result<DoorStream> {
    let secrets = Secrets::new(key);
    let exchanged = timeout(HANDSHAKE_TIMEOUT, exchange(&mut carried, &secrets, whom)).await;
    let (noise, masks) = exchanged.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    DoorStream::new(carried, noise, masks, Limits::default())
}

async fn exchange(
    line: &mut (impl AsyncRead + AsyncWrite + Unpin),
    secrets: &Secrets,
    whom: &TransportId,
) -> io::Result<(HandshakeState, LengthMasks)> {
    let (first, mut noise) = first_message(secrets, whom)?;
    line.write_all(&first).await?;
    line.flush().await?;
    let mut answer = [0; ANSWER_LEN];
    line.read_exact(&mut answer).await?;
    secrets.mask_answer(&first, &mut answer);
    noise.read_message(&answer, &mut []).map_err(broken)?;
    let masks = secrets.length_masks(&noise);
    Ok((noise, masks))
}

/// Builds the first message, and the state that waits for the answer.
pub(super) fn first_message(
    secrets: &Secrets,
    whom: &TransportId,
) -> io::Result<([u8; FIRST_LEN], HandshakeState)> {
    let mut noise = secrets.builder(whom, |builder| builder.build_initiator())?;
    let mut first = [0; FIRST_LEN];
    let (head, body) = first.split_at_mut(HEAD_LEN);
    let (nonce, selector) = head.split_at_mut(NONCE_LEN);
    getrandom::fill(nonce).map_err(io::Error::other)?;
    noise.write_message(&[], body).map_err(broken)?;
    secrets.mask(b"first", nonce, body);
    selector.copy_from_slice(&secrets.selector(whom, nonce, body));
    Ok((first, noise))
}

fn is_hang_up(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}

fn broken(error: snow::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// What is derived from a door key, so that no key serves two purposes.
pub(super) struct Secrets {
    selector: Zeroizing<[u8; 32]>,
    mask: Zeroizing<[u8; 32]>,
    psk: Zeroizing<[u8; 32]>,
    seen: Zeroizing<[u8; 32]>,
    owner: Owner,
}

impl Secrets {
    pub(super) fn new(key: &DoorKey) -> Self {
        let derive = |context| Zeroizing::new(derive_key(context, key.0.as_slice()));
        let [a, b, c, d, ..] = derive_key("entente door 1 owner", key.0.as_slice());
        Self {
            selector: derive("entente door 1 selector"),
            mask: derive("entente door 1 mask"),
            psk: derive("entente door 1 psk"),
            seen: derive("entente door 1 seen"),
            owner: [a, b, c, d],
        }
    }

    /// Whether `first` was made with this key for `me`, in constant time.
    pub(super) fn selects(&self, first: &[u8; FIRST_LEN], me: &TransportId) -> subtle::Choice {
        let (head, body) = first.split_at(HEAD_LEN);
        let (nonce, selector) = head.split_at(NONCE_LEN);
        self.selector(me, nonce, body).ct_eq(selector)
    }

    /// Checks the proof, and prepares the answer. Nothing may be sent before the caller of this function
    /// has also made sure that the message is not a replay.
    pub(super) fn answer(&self, first: &[u8; FIRST_LEN], me: &TransportId) -> io::Result<Answer> {
        let (head, body) = first.split_at(HEAD_LEN);
        let (nonce, _) = head.split_at(NONCE_LEN);
        let mut body: [u8; NOISE_LEN] = body.try_into().map_err(io::Error::other)?;
        self.mask(b"first", nonce, &mut body);
        let mut noise = self.builder(me, |builder| builder.build_responder())?;
        noise.read_message(&body, &mut []).map_err(broken)?;
        let mut bytes = [0; ANSWER_LEN];
        noise.write_message(&[], &mut bytes).map_err(broken)?;
        self.mask_answer(first, &mut bytes);
        let masks = self.length_masks(&noise);
        Ok(Answer { bytes, noise, masks })
    }

    /// By what a first message is remembered.
    pub(super) fn seen(&self, first: &[u8; FIRST_LEN]) -> (Owner, Tag) {
        let mut tag = [0; size_of::<Tag>()];
        Hasher::new_keyed(&self.seen).update(first).finalize_xof().fill(&mut tag);
        (self.owner, tag)
    }

    /// Whether both come from the same door key.
    pub(super) fn same_key(&self, other: &Self) -> bool {
        self.selector.ct_eq(other.selector.as_slice()).into()
    }

    fn selector(&self, whom: &TransportId, nonce: &[u8], body: &[u8]) -> [u8; SELECTOR_LEN] {
        let mut selector = [0; SELECTOR_LEN];
        let mut hasher = Hasher::new_keyed(&self.selector);
        hasher.update(&whom.0).update(nonce).update(body).finalize_xof().fill(&mut selector);
        selector
    }

    /// Masks or unmasks the ephemeral key at the start of `body`.
    fn mask(&self, label: &[u8], context: &[u8], body: &mut [u8]) {
        let key = keyed_hash(&self.mask, label);
        let stream = keyed_hash(key.as_bytes(), context);
        body.iter_mut().zip(stream.as_bytes()).for_each(|(byte, mask)| *byte ^= mask);
    }

    fn mask_answer(&self, first: &[u8; FIRST_LEN], answer: &mut [u8; ANSWER_LEN]) {
        self.mask(b"answer", first, answer);
    }

    fn length_masks(&self, noise: &HandshakeState) -> LengthMasks {
        let transcript = noise.get_handshake_hash();
        let direction = |label: &[u8]| {
            let key = keyed_hash(&self.mask, label);
            Hasher::new_keyed(key.as_bytes()).update(transcript).finalize_xof()
        };
        let (caller, door) = (direction(b"lengths from caller"), direction(b"lengths from door"));
        match noise.is_initiator() {
            true => LengthMasks { send: caller, recv: door },
            false => LengthMasks { send: door, recv: caller },
        }
    }

    fn builder(
        &self,
        whom: &TransportId,
        build: impl FnOnce(Builder<'_>) -> Result<HandshakeState, snow::Error>,
    ) -> io::Result<HandshakeState> {
        let prologue = [PROLOGUE_LABEL, &whom.0].concat();
        let pattern = PATTERN.parse().map_err(broken)?;
        // ring's cipher is half as fast again as the other, and libp2p's Noise brings it along; it has no X25519 or
        // BLAKE2s here.
        let primitives = FallbackResolver::new(Box::new(RingResolver), Box::new(DefaultResolver));
        let builder = Builder::with_resolver(pattern, Box::new(primitives)).psk(0, &self.psk);
        builder.and_then(|builder| builder.prologue(&prologue)).and_then(build).map_err(broken)
    }
}

/// A checked first message: what to send back, and the session that follows.
pub(super) struct Answer {
    pub(super) bytes: [u8; ANSWER_LEN],
    pub(super) noise: HandshakeState,
    pub(super) masks: LengthMasks,
}
