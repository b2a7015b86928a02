//! The streams of one connection: yamux, over the door's stream.
//!
//! libp2p's adapter for yamux lets neither the length of frames nor the sum of the windows be set. Each frame is flushed by
//! itself, so a chunk in frames of 16 KiB costs five calls of the system where one will do (decision 63).

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::{AsyncRead, AsyncWrite};
use libp2p::core::muxing::{StreamMuxer, StreamMuxerEvent};
use yamux::{Config, Connection, ConnectionError, Mode, Stream};

use super::limits::{FRAME_BYTES, RECEIVE_WINDOWS, STREAMS};

/// The streams that run over `S`.
pub(super) struct Muxer<S> {
    connection: Connection<S>,
    /// Streams that the other end opened and that were not asked for yet. Yamux counts them among its [`STREAMS`], ended or
    /// not, until they are dropped.
    opened: VecDeque<Stream>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Muxer<S> {
    pub(super) fn new(stream: S, dialler: bool) -> Self {
        let mut config = Config::default();
        config
            .set_max_num_streams(STREAMS)
            .set_max_connection_receive_window(Some(RECEIVE_WINDOWS))
            .set_split_send_size(FRAME_BYTES);
        let mode = if dialler { Mode::Client } else { Mode::Server };
        Self { connection: Connection::new(stream, config, mode), opened: VecDeque::new() }
    }

    /// Whatever is asked, this alone makes anything move: it ends with a stream that was opened, or with the connection.
    fn poll_connection(&mut self, cx: &mut Context<'_>) -> Poll<Result<Stream, ConnectionError>> {
        let opened = ready!(self.connection.poll_next_inbound(cx));
        Poll::Ready(opened.unwrap_or(Err(ConnectionError::Closed)))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> StreamMuxer for Muxer<S> {
    type Substream = Stream;
    type Error = ConnectionError;

    fn poll_inbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Stream, ConnectionError>> {
        match self.opened.pop_front() {
            Some(stream) => Poll::Ready(Ok(stream)),
            None => self.poll_connection(cx),
        }
    }

    fn poll_outbound(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Stream, ConnectionError>> {
        self.connection.poll_new_outbound(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        self.connection.poll_close(cx)
    }

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<StreamMuxerEvent, ConnectionError>> {
        let stream = ready!(self.poll_connection(cx))?;
        self.opened.push_back(stream);
        // There may be more; others have their turn first.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use futures::AsyncWriteExt;
    use futures::future::poll_fn;
    use tokio::io::{AsyncReadExt, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};

    use super::*;

    /// A header: version, what it is, flags, stream, length (yamux' specification, "Framing").
    const HEADER: usize = 12;
    const WINDOW: u8 = 1;
    const OPENS: u8 = 1;
    const ENDS: u8 = 8;

    fn muxer(dialler: bool) -> (Muxer<Compat<DuplexStream>>, DuplexStream) {
        let (ours, theirs) = duplex(1024 * 1024);
        (Muxer::new(ours.compat(), dialler), theirs)
    }

    /// Lets it do whatever it can do now.
    async fn works(muxer: &mut Muxer<Compat<DuplexStream>>) -> Result<(), ConnectionError> {
        for _ in 0..10_000 {
            // Where nothing is awaited, tokio lets nothing come after a while.
            tokio::task::yield_now().await;
            let done = poll_fn(|cx| Poll::Ready(Pin::new(&mut *muxer).poll(cx))).await;
            if let Poll::Ready(Err(error)) = done {
                return Err(error);
            }
        }
        Ok(())
    }

    #[tokio::test]
    async fn a_chunk_and_what_is_around_it_are_one_frame() {
        let (mut muxer, mut wire) = muxer(true);
        let mut stream = poll_fn(|cx| Pin::new(&mut muxer).poll_outbound(cx)).await.unwrap();
        let written = stream.write(&vec![7; 2 * FRAME_BYTES]).await.unwrap();
        assert_eq!(written, FRAME_BYTES);
        works(&mut muxer).await.unwrap();
        let mut frames = Vec::new();
        // Pings have a header and nothing more.
        while frames.iter().all(|(kind, _)| *kind != 0) {
            let mut header = [0; HEADER];
            wire.read_exact(&mut header).await.unwrap();
            frames.push((header[1], u32::from_be_bytes(*header.last_chunk().unwrap())));
        }
        assert_eq!(frames.last(), Some(&(0, u32::try_from(FRAME_BYTES).unwrap())), "{frames:?}");
    }

    #[tokio::test]
    async fn streams_that_are_opened_and_ended_without_a_pause_are_bounded() {
        let (mut muxer, mut wire) = muxer(false);
        for stream in (1..2_000_u32).step_by(2) {
            for flags in [OPENS, ENDS] {
                let header = [&[0, WINDOW, 0, flags][..], &stream.to_be_bytes(), &[0; 4]].concat();
                wire.write_all(&header).await.unwrap();
            }
        }
        works(&mut muxer).await.unwrap();
        assert_eq!(muxer.opened.len(), STREAMS);
    }
}
