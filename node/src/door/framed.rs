//! Messages on a byte stream: a length (u32, big-endian) and as many bytes.

use std::io;
use std::time::Duration;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// What is set aside for a message before its bytes are there: a length alone must not cost memory.
const STEP: usize = 64 * 1024;

/// Writes one message and flushes.
///
/// # Errors
/// `InvalidInput` if it is longer than `max` bytes, else what the stream says.
pub async fn send_msg<W>(stream: &mut W, message: &[u8], max: u32) -> io::Result<()>
where
    W: AsyncWrite + Unpin,
{
    let len = u32::try_from(message.len()).ok().filter(|len| *len <= max).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("a message of more than {max} bytes"))
    })?;
    stream.write_all(&len.to_be_bytes()).await?;
    stream.write_all(message).await?;
    stream.flush().await
}

/// Reads one message; `None` where the stream ended between two messages.
///
/// # Errors
/// `InvalidData` if it claims more than `max` bytes, `TimedOut` if no byte came for `patience`,
/// `UnexpectedEof` if the stream ended within it, else what the stream says.
pub async fn recv_msg<R>(stream: &mut R, max: u32, patience: Duration) -> io::Result<Option<Vec<u8>>>
where
    R: AsyncRead + Unpin,
{
    let mut head = [0; 4];
    let begun = read_some(stream, &mut head, patience).await?;
    if begun == 0 {
        return Ok(None);
    }
    read_all(stream, head.get_mut(begun..).unwrap_or_default(), patience).await?;
    let len = u32::from_be_bytes(head);
    if len > max {
        let text = format!("a message of {len} bytes, {max} are allowed");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    let len = len as usize;
    let mut message = Vec::new();
    while message.len() < len {
        let from = message.len();
        message.resize(len.min(from + STEP.max(from)), 0);
        read_all(stream, message.get_mut(from..).unwrap_or_default(), patience).await?;
    }
    Ok(Some(message))
}

async fn read_all<R>(stream: &mut R, mut buffer: &mut [u8], patience: Duration) -> io::Result<()>
where
    R: AsyncRead + Unpin,
{
    while !buffer.is_empty() {
        let read = read_some(stream, buffer, patience).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer = buffer.get_mut(read..).unwrap_or_default();
    }
    Ok(())
}

async fn read_some<R>(stream: &mut R, buffer: &mut [u8], patience: Duration) -> io::Result<usize>
where
    R: AsyncRead + Unpin,
{
    timeout(patience, stream.read(buffer)).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}
