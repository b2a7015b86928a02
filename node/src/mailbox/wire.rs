//! Messages on a mailbox's door.

use std::io;
use std::time::Duration;

use entente_protocol::codec::{self, Wire};
use entente_protocol::mailbox::MailboxMessage;

use crate::door::{DoorStream, recv_msg, send_msg};

fn longest() -> u32 {
    u32::try_from(MailboxMessage::MAX).unwrap_or(u32::MAX)
}

/// Says something.
///
/// # Errors
/// What the stream says.
pub async fn send(stream: &mut DoorStream, message: &MailboxMessage) -> io::Result<()> {
    send_msg(stream, &codec::encode(message), longest()).await
}

/// Hears something.
///
/// # Errors
/// What the stream says; `InvalidData` for what makes no sense, `UnexpectedEof` once the other side has gone.
pub async fn receive(stream: &mut DoorStream, patience: Duration) -> io::Result<MailboxMessage> {
    let bytes = recv_msg(stream, longest(), patience).await?;
    let bytes = bytes.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
    codec::decode(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}
