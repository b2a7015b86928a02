//! The mailbox's side of its door: answers questions about one box, and takes what is put in.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use entente_protocol::limits::{MAX_PARCEL, PARCEL_PIECE};
use entente_protocol::mailbox::{HeldLog, MailboxMessage, ParcelHeader, RefusedHere, check_parcel};
use entente_protocol::signed::Unverified;
use tokio::sync::Semaphore;

use crate::clock;
use crate::door::{DoorStream, Registration};

use super::shelf::Shelf;
use super::wire::{receive, send};

/// Members that may visit one box at a time.
const VISITORS: usize = 8;
/// How long a visitor may say nothing.
const IDLE: Duration = Duration::from_secs(60);
/// How long a visit may take: over a slow line it is begun anew, and goes on where it was.
const VISIT: Duration = Duration::from_secs(3_600);
/// Logs in one message.
const LOGS: usize = 4_096;
/// Parcels in one message.
const PARCELS: usize = 2_048;
/// How often what is too old is looked for.
const EXPIRE: Duration = Duration::from_secs(3_600);

/// A box that is open, shared by its visitors.
pub type Open = Arc<Mutex<Shelf>>;

/// Serves the door of one box until it is dropped.
pub async fn serve(mut registration: Registration, shelf: Open) {
    let places = Arc::new(Semaphore::new(VISITORS));
    let mut expire = tokio::time::interval(EXPIRE);
    loop {
        tokio::select! {
            _ = expire.tick() => {
                on_shelf(&shelf, |shelf| shelf.expire(clock::now())).await;
            }
            visitor = registration.next() => {
                let Some((stream, _)) = visitor else { return };
                let Ok(place) = places.clone().try_acquire_owned() else { continue };
                let shelf = shelf.clone();
                tokio::spawn(async move {
                    let _place = place;
                    let _ended = tokio::time::timeout(VISIT, visit(stream, shelf)).await;
                });
            }
        }
    }
}

/// Opens the shelf of a box.
///
/// # Errors
/// What the system says.
pub fn open(folder: &Path, allowed: super::shelf::Allowed) -> std::io::Result<Open> {
    Ok(Arc::new(Mutex::new(Shelf::open(folder, allowed)?)))
}

/// Works on the disk where nobody waits for it.
async fn on_shelf<T: Send + 'static>(
    shelf: &Open,
    work: impl FnOnce(&mut Shelf) -> T + Send + 'static,
) -> Option<T> {
    let shelf = shelf.clone();
    let done =
        tokio::task::spawn_blocking(move || work(&mut shelf.lock().unwrap_or_else(PoisonError::into_inner)));
    done.await.ok()
}

async fn visit(mut stream: DoorStream, shelf: Open) -> Option<()> {
    loop {
        match receive(&mut stream, IDLE).await.ok()? {
            MailboxMessage::Look => look(&mut stream, &shelf).await?,
            MailboxMessage::WantLog(log, seq) => {
                let found = on_shelf(&shelf, move |shelf| shelf.get(&log, seq)).await?;
                let answer = match found {
                    Some((batch, start)) => MailboxMessage::Entries(batch, start),
                    None => MailboxMessage::Nothing,
                };
                send(&mut stream, &answer).await.ok()?;
            }
            MailboxMessage::Entries(batch, start) => {
                let put = on_shelf(&shelf, move |shelf| shelf.put(batch, start, clock::now())).await?;
                send(&mut stream, &kept(put)).await.ok()?;
            }
            MailboxMessage::WantParcel(name) => {
                match on_shelf(&shelf, move |shelf| shelf.parcel(&name)).await? {
                    Some((header, bundle)) => give(&mut stream, header, &bundle).await?,
                    None => send(&mut stream, &MailboxMessage::Nothing).await.ok()?,
                }
            }
            MailboxMessage::Parcel(header) => {
                let bundle = pieces(&mut stream, &header).await?;
                let put =
                    on_shelf(&shelf, move |shelf| shelf.put_parcel(header, bundle, clock::now())).await?;
                send(&mut stream, &kept(put)).await.ok()?;
            }
            _ => return None,
        }
    }
}

fn kept(put: Result<(), RefusedHere>) -> MailboxMessage {
    match put {
        Ok(()) => MailboxMessage::Kept,
        Err(why) => MailboxMessage::Refused(why),
    }
}

async fn look(stream: &mut DoorStream, shelf: &Open) -> Option<()> {
    let (logs, parcels) = on_shelf(shelf, |shelf| shelf.held()).await?;
    let mut logs: Vec<Vec<HeldLog>> = logs.chunks(LOGS).map(<[HeldLog]>::to_vec).collect();
    let mut parcels: Vec<Vec<Unverified<ParcelHeader>>> =
        parcels.chunks(PARCELS).map(<[Unverified<ParcelHeader>]>::to_vec).collect();
    loop {
        let (some, more) = (logs.pop().unwrap_or_default(), parcels.pop().unwrap_or_default());
        let last = logs.is_empty() && parcels.is_empty();
        send(stream, &MailboxMessage::Held(some, more, last)).await.ok()?;
        if last {
            return Some(());
        }
    }
}

/// Gives a parcel to the other side.
pub(super) async fn give(
    stream: &mut DoorStream,
    header: Unverified<ParcelHeader>,
    bundle: &[u8],
) -> Option<()> {
    send(stream, &MailboxMessage::Parcel(header)).await.ok()?;
    for piece in bundle.chunks(PARCEL_PIECE) {
        send(stream, &MailboxMessage::Piece(piece.to_vec())).await.ok()?;
    }
    Some(())
}

/// The bytes of a parcel whose header was checked; a visitor that sends others is hung up on.
pub(super) async fn pieces(stream: &mut DoorStream, header: &Unverified<ParcelHeader>) -> Option<Vec<u8>> {
    let length = check_parcel(header).ok()?.value().length as usize;
    let mut bundle = Vec::new();
    while bundle.len() < length.min(MAX_PARCEL) {
        match receive(stream, IDLE).await.ok()? {
            MailboxMessage::Piece(piece) if !piece.is_empty() && bundle.len() + piece.len() <= length => {
                bundle.extend(piece);
            }
            _ => return None,
        }
    }
    Some(bundle)
}
