//! Who is at the other end of a connection through the door.
//!
//! ```text
//! door (Noise NNpsk0) ──its handshake's hash──▶ prologue of libp2p's Noise XX ──proven──▶ the door's stream again
//! ```
//!
//! The door encrypts under keys of this connection alone, but it does not say who holds them: whoever bears the door
//! key could stand in the middle, as a relay does. So both ends prove their transport identities inside, by libp2p's
//! Noise, over a prologue that only the two ends of this very connection share (channel binding, section 11.2 of the
//! Noise specification): with somebody in the middle there are two connections, and the proof fails. What follows is
//! encrypted by the door alone, once (decision 55).

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use futures::{AsyncRead, AsyncWrite};
use libp2p::core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade};
use libp2p::{PeerId, noise};

use crate::door::DoorStream;

/// Nothing is negotiated: this is what would be.
const NOISE: &str = "/noise";
/// Bytes before each message of Noise, which say its length (libp2p's Noise specification, "Wire format").
const HEAD: usize = 2;

/// Why somebody was not believed to be who they say.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unproven {
    /// The other end cannot prove an identity, or somebody stands in the middle.
    #[error("the other end did not prove who it is")]
    Noise(#[from] noise::Error),
    /// Something else still has the stream.
    #[error("the handshake did not give the stream back")]
    Held,
    /// The connection failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Both ends prove who they are; gives the other's identity, and the stream after the proofs.
pub(super) async fn prove(
    door: DoorStream,
    noise: noise::Config,
    dialler: bool,
) -> Result<(PeerId, DoorStream), Unproven> {
    let noise = noise.with_prologue(door.binding().to_vec());
    let lent = Lent(Arc::new(Mutex::new(Messages::new(door))));
    let ours = lent.clone();
    let (peer, over) = match dialler {
        true => noise.upgrade_outbound(lent, NOISE).await?,
        false => noise.upgrade_inbound(lent, NOISE).await?,
    };
    drop(over);
    let messages = Arc::into_inner(ours.0).ok_or(Unproven::Held)?;
    Ok((peer, messages.into_inner().unwrap_or_else(PoisonError::into_inner).stream))
}

/// A stream for as long as a handshake takes.
struct Lent<S>(Arc<Mutex<Messages<S>>>);

impl<S> Clone for Lent<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S> Lent<S> {
    fn lock(&self) -> MutexGuard<'_, Messages<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads no further than the message that is being read: what follows the last one is not the handshake's.
struct Messages<S> {
    stream: S,
    head: [u8; HEAD],
    /// Bytes of the head that were read.
    begun: usize,
    /// Bytes of the message that were not.
    left: usize,
}

impl<S> Messages<S> {
    fn new(stream: S) -> Self {
        Self { stream, head: [0; HEAD], begun: 0, left: 0 }
    }

    fn wanted(&self) -> usize {
        if self.left > 0 { self.left } else { HEAD - self.begun }
    }

    fn came(&mut self, bytes: &[u8]) {
        if self.left > 0 {
            self.left -= bytes.len().min(self.left);
            return;
        }
        for byte in bytes {
            if let Some(to) = self.head.get_mut(self.begun) {
                *to = *byte;
                self.begun += 1;
            }
        }
        if self.begun == HEAD {
            self.left = usize::from(u16::from_be_bytes(self.head));
            self.begun = 0;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lent<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut messages = self.lock();
        let most = messages.wanted().min(buffer.len());
        let buffer = buffer.get_mut(..most).unwrap_or_default();
        let count = ready!(Pin::new(&mut messages.stream).poll_read(cx, buffer))?;
        messages.came(buffer.get(..count).unwrap_or_default());
        Poll::Ready(Ok(count))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Lent<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.lock().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.lock().stream).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.lock().stream).poll_close(cx)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use futures::io::Cursor;
    use futures::{AsyncReadExt, AsyncWriteExt};
    use libp2p::identity::Keypair;
    use zeroize::Zeroizing;

    use super::*;
    use crate::door::{Door, DoorKey, Registration, TransportId, Way, knock};

    const WHOM: TransportId = TransportId([7; 32]);

    fn key() -> DoorKey {
        DoorKey(Zeroizing::new([1; 32]))
    }

    /// A door that this key opens, and what it lets in.
    async fn door() -> (Door, Registration) {
        let door = Door::open("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let registration = door.register(&key(), WHOM);
        (door, registration)
    }

    /// Both ends of a connection: who knocked, and who opened.
    async fn connection() -> (DoorStream, DoorStream) {
        let (door, mut registration) = door().await;
        let (way, at, key) = (Way::new(None).unwrap(), door.local_addr().into(), key());
        let (knocked, opened) = tokio::join!(knock(&way, &at, &key, &WHOM), registration.next());
        (knocked.unwrap(), opened.unwrap().0)
    }

    /// Passes on what comes until the end, and the end.
    async fn pass_on(mut from: impl AsyncRead + Unpin, to: &mut (impl AsyncWrite + Unpin)) {
        let mut buffer = [0; 1_000];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            to.write_all(&buffer[..count]).await.unwrap();
            to.flush().await.unwrap();
        }
        let _gone = to.close().await;
    }

    /// The two prove who they are to each other, each over its own stream.
    async fn both(
        dialler: DoorStream,
        listener: DoorStream,
    ) -> [(PeerId, Result<(PeerId, DoorStream), Unproven>); 2] {
        let [one, two] = [(); 2].map(|()| Keypair::generate_ed25519());
        let config = |keys| noise::Config::new(keys).unwrap();
        let (proven, answered) =
            tokio::join!(prove(dialler, config(&one), true), prove(listener, config(&two), false));
        [(two.public().to_peer_id(), proven), (one.public().to_peer_id(), answered)]
    }

    #[tokio::test]
    async fn each_end_knows_the_other_and_what_follows_passes_as_it_was_written() {
        let (dialler, listener) = connection().await;
        let [(whom, proven), (who, answered)] = both(dialler, listener).await;
        let ((seen, mut ours), (seen_too, mut theirs)) = (proven.unwrap(), answered.unwrap());
        assert_eq!((seen, seen_too), (whom, who));
        let message: Vec<u8> = (0..200_000_u32).map(|n| n as u8).collect();
        let said = async {
            ours.write_all(&message).await.unwrap();
            ours.close().await.unwrap();
        };
        let mut heard = Vec::new();
        let (_, read) = tokio::join!(said, theirs.read_to_end(&mut heard));
        read.unwrap();
        assert!(heard == message);
    }

    #[tokio::test]
    async fn who_has_the_door_key_and_stands_in_the_middle_is_found_out() {
        let ((dialler, middle), (middle_too, listener)) = (connection().await, connection().await);
        let passing_on = tokio::spawn(async move {
            let ((from_one, mut to_one), (from_two, mut to_two)) = (middle.split(), middle_too.split());
            let (there, back) = (pass_on(from_one, &mut to_two), pass_on(from_two, &mut to_one));
            tokio::join!(there, back)
        });
        let [(_, proven), (_, answered)] = both(dialler, listener).await;
        assert!(proven.is_err() && answered.is_err());
        passing_on.abort();
    }

    #[tokio::test]
    async fn a_handshake_reads_no_further_than_its_messages() {
        let bytes = [&[0, 3][..], b"one", &[0, 0], &[1, 0], &[9; 256], b"what follows"].concat();
        let lent = Lent(Arc::new(Mutex::new(Messages::new(Cursor::new(bytes)))));
        let mut reader = lent.clone();
        let mut parts = Vec::new();
        for _ in 0..5 {
            let mut buffer = [0; 1_000];
            let count = reader.read(&mut buffer).await.unwrap();
            parts.push(buffer[..count].to_vec());
        }
        assert_eq!(parts, [vec![0, 3], b"one".to_vec(), vec![0, 0], vec![1, 0], vec![9; 256]]);
        drop(reader);
        let mut stream = Arc::into_inner(lent.0).unwrap().into_inner().unwrap().stream;
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"what follows");
    }
}
