//! Streams that end with their connection, whoever closes it.
//!
//! yamux (0.14) tells its streams when the other end closes a connection, and not when this end does: who waits on one
//! would go on waiting, until it writes something. A way of their own replaces a relayed one like that, at both ends.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::{AsyncRead, AsyncWrite};
use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};

/// A stream of a connection.
pub(super) type Stream = Tied<libp2p::Stream>;

/// For as long as this lives, the connection does.
pub(super) struct Connection {
    ended: CancellationToken,
    _ends: DropGuard,
}

impl Connection {
    pub(super) fn new() -> Self {
        let ended = CancellationToken::new();
        Self { _ends: ended.clone().drop_guard(), ended }
    }

    pub(super) fn tie<S>(&self, stream: S) -> Tied<S> {
        let ended = || Box::pin(self.ended.clone().cancelled_owned());
        Tied { stream, reading: ended(), writing: ended() }
    }
}

/// What came before the end is still read. Who reads and who writes may be two, so each is woken.
#[derive(Debug)]
pub(super) struct Tied<S> {
    stream: S,
    reading: Ended,
    writing: Ended,
}

type Ended = Pin<Box<WaitForCancellationFutureOwned>>;

/// What the stream says, or that there is nothing more to wait for.
fn or_ended<T>(said: Poll<io::Result<T>>, ended: &mut Ended, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
    match said {
        Poll::Pending if ended.as_mut().poll(cx).is_ready() => {
            Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
        }
        said => said,
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tied<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        or_ended(read, &mut self.reading, cx)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tied<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        or_ended(written, &mut self.writing, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        or_ended(flushed, &mut self.writing, cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.stream).poll_close(cx);
        or_ended(closed, &mut self.writing, cx)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use futures::{AsyncReadExt, AsyncWriteExt};
    use tokio_util::compat::TokioAsyncReadCompatExt;

    use super::*;

    #[tokio::test]
    async fn who_waits_hears_of_the_end_once_it_has_read_what_came_before() {
        let connection = Connection::new();
        let (here, there) = tokio::io::duplex(4);
        let (here, mut there) = (connection.tie(here.compat()), there.compat());
        let (mut read, mut write) = here.split();
        there.write_all(b"one").await.unwrap();
        write.write_all(b"full").await.unwrap();
        let reading = tokio::spawn(async move {
            let mut buffer = [0; 8];
            let count = read.read(&mut buffer).await.unwrap();
            (buffer[..count].to_vec(), read.read(&mut buffer).await)
        });
        let writing = tokio::spawn(async move { write.write_all(b"more").await });
        // Both have come as far as they can.
        tokio::task::yield_now().await;
        assert!(!reading.is_finished() && !writing.is_finished());
        drop(connection);
        let (before, after) = reading.await.unwrap();
        assert_eq!(before, b"one");
        assert_eq!(after.unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
        assert_eq!(writing.await.unwrap().unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
    }
}
