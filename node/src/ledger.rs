//! The ledger: what must last goes into the journal, and only then into the index.
//!
//! Several partnerships append at once, and each applies its own frames to the index. A ticket for each
//! append keeps the index' cursor behind the first frame that was not applied yet, so that a crash in
//! between costs nothing: on opening, everything after the cursor is applied again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, mpsc};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::frames::Frame;
use crate::rows::Batch;
use crate::search::Touched;
use crate::store::{IndexError, JournalError, Pending, Position, Store};

/// How often, and how many times, to look whether the last reader is gone: 5 s in all.
const CLOSING: (Duration, u32) = (Duration::from_millis(10), 500);

/// How long rows are gathered before the index writes them out together. A kill costs the next start what came in it.
const GATHERED: Duration = Duration::from_millis(200);

/// The node's store, shared by all partnerships.
#[derive(Clone)]
pub struct Ledger {
    store: Arc<Store>,
    tickets: Arc<Mutex<Tickets>>,
    touched: Touched,
    /// Wakes the thread that has the index write out.
    settled: mpsc::SyncSender<()>,
}

#[derive(Default)]
struct Tickets {
    next: u64,
    /// Tickets that are not settled, or settled behind one that is not: where the journal ends after them.
    open: BTreeMap<u64, Option<Position>>,
}

/// An append on its way to the disk.
pub struct Append {
    ticket: Ticket,
    frames: Vec<Frame>,
    last_len: usize,
    pending: Pending,
}

/// To be settled with [`Ledger::settle`] once the frames are applied.
pub struct Ticket {
    number: u64,
    end: Option<Position>,
}

/// Frames that are durable, each with its position.
pub struct Landed {
    /// To be settled.
    pub ticket: Ticket,
    /// The frames and where they lie.
    pub frames: Vec<(Position, Frame)>,
}

impl Ledger {
    /// Over an open store.
    #[must_use]
    pub fn new(store: Store) -> Ledger {
        let store = Arc::new(store);
        let (settled, wakes) = mpsc::sync_channel(1);
        let of = Arc::downgrade(&store);
        let thread = std::thread::Builder::new().name("index".into());
        if let Err(error) = thread.spawn(move || write_out_later(&of, &wakes)) {
            tracing::warn!(%error, "the index is written out by whoever fills it");
        }
        Ledger { store, tickets: Arc::default(), touched: Touched::default(), settled }
    }

    /// Closes the store once nobody reads it any more, so that the index is trusted after a restart of the
    /// machine, and the folder is free for the next to open it.
    pub async fn close(self) {
        let mut store = self.store;
        for _ in 0..CLOSING.1 {
            match Arc::try_unwrap(store) {
                Ok(store) => {
                    let closed = tokio::task::spawn_blocking(move || store.close()).await;
                    if let Ok(Err(error)) = closed {
                        tracing::warn!(%error, "the index was not closed; it is rebuilt after a restart");
                    }
                    return;
                }
                Err(shared) => store = shared,
            }
            tokio::time::sleep(CLOSING.0).await;
        }
        tracing::warn!("something still reads the store; the index is rebuilt after a restart");
    }

    /// The store, for reading.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The records that came, went or changed, for search.
    #[must_use]
    pub fn touched(&self) -> &Touched {
        &self.touched
    }

    /// Queues frames for the journal. The order of calls is the order in the journal.
    #[must_use]
    pub fn append(&self, frames: Vec<Frame>) -> Append {
        let bytes: Vec<Zeroizing<Vec<u8>>> = frames.iter().map(Frame::to_bytes).collect();
        let last_len = bytes.last().map_or(0, |b| b.len());
        // Both under one lock: tickets must be in the journal's order.
        let mut tickets = self.tickets();
        let ticket = tickets.next;
        tickets.next += 1;
        tickets.open.insert(ticket, None);
        let pending = self.store.journal.append(bytes);
        drop(tickets);
        Append { ticket: Ticket { number: ticket, end: None }, frames, last_len, pending }
    }

    /// Writes what was made of landed frames into the index.
    ///
    /// # Errors
    /// [`IndexError`]; the journal has the frames, and the next start applies them again.
    pub fn settle(&self, ticket: Ticket, batch: Batch) -> Result<(), IndexError> {
        self.settle_all([ticket], batch)
    }

    /// Writes what was made of the frames of several appends into the index, as one change.
    ///
    /// # Errors
    /// [`IndexError`]; the journal has the frames, and the next start applies them again.
    pub fn settle_all(
        &self,
        settled: impl IntoIterator<Item = Ticket>,
        batch: Batch,
    ) -> Result<(), IndexError> {
        let mut tickets = self.tickets();
        for ticket in settled {
            match ticket.end {
                Some(end) => tickets.open.insert(ticket.number, Some(end)),
                // No frames: nothing that a cursor could pass over.
                None => tickets.open.remove(&ticket.number),
            };
        }
        let mut cursor = None;
        while let Some(entry) = tickets.open.first_entry() {
            match entry.get() {
                Some(position) => {
                    cursor = cursor.max(Some(*position));
                    entry.remove();
                }
                None => break,
            }
        }
        let cursor = cursor.unwrap_or_else(|| self.store.index.cursor());
        let mut changes = self.store.index.batch();
        let touched = batch.touched(&self.store.index);
        batch.write_into(&mut changes)?;
        self.store.index.apply(changes, cursor)?;
        drop(tickets);
        let _woken_already = self.settled.try_send(());
        self.touched.add(touched);
        Ok(())
    }

    fn give_up(&self, ticket: &Ticket) {
        // Nothing was written: there is nothing to apply, and nothing to wait for.
        self.tickets().open.remove(&ticket.number);
    }

    fn tickets(&self) -> MutexGuard<'_, Tickets> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends frames that concern no partnership's state, waits, and applies them.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn write(
        &self,
        frames: Vec<Frame>,
        apply: impl Fn(&mut Batch, Position, &Frame),
    ) -> Result<(), LedgerError> {
        let landed = self.append(frames).landed(self).await?;
        let mut batch = Batch::default();
        for (position, frame) in &landed.frames {
            apply(&mut batch, *position, frame);
        }
        self.settle(landed.ticket, batch)?;
        Ok(())
    }
}

/// Until the ledger is dropped.
fn write_out_later(store: &Weak<Store>, settled: &mpsc::Receiver<()>) {
    while settled.recv().is_ok() {
        std::thread::sleep(GATHERED);
        let Some(store) = store.upgrade() else { return };
        if let Err(error) = store.index.write_out() {
            tracing::error!(%error, "the index failed; the journal has everything, restart the node");
        }
    }
}

/// Why something could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The journal did not take it; it is not stored.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The index failed; the journal has it.
    #[error(transparent)]
    Index(#[from] IndexError),
}

impl Append {
    /// What is to be written.
    #[must_use]
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// Waits until the frames are durable.
    ///
    /// # Errors
    /// [`JournalError`]; then none of them is stored.
    pub async fn landed(self, ledger: &Ledger) -> Result<Landed, JournalError> {
        match self.pending.await {
            Ok(positions) => {
                let end = positions.last().map(|last| last.after(self.last_len));
                let ticket = Ticket { end, ..self.ticket };
                Ok(Landed { ticket, frames: positions.into_iter().zip(self.frames).collect() })
            }
            Err(error) => {
                ledger.give_up(&self.ticket);
                Err(error)
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use entente_protocol::ids::{PartnershipId, RecordId};

    use super::*;
    use crate::rows::Table;
    use crate::store::StoreKey;

    fn frame(n: u8) -> Frame {
        Frame::Shared(RecordId([n; 32]), PartnershipId([n; 32]), RecordId([n; 32]))
    }

    fn ledger(home: &std::path::Path) -> Ledger {
        let key = StoreKey::from_bytes(Zeroizing::new([7; 32]));
        Ledger::new(Store::open(home, &key).unwrap().0)
    }

    fn row(n: u8) -> Batch {
        let mut batch = Batch::default();
        batch.put(Table::Shared as u8, &[n], &[n]);
        batch
    }

    #[tokio::test]
    async fn the_cursor_stays_behind_the_first_frame_that_was_not_applied() {
        let home = tempfile::tempdir().unwrap();
        let ledger = ledger(home.path());
        let (first, second) = (ledger.append(vec![frame(1)]), ledger.append(vec![frame(2)]));
        let first = first.landed(&ledger).await.unwrap();
        let second = second.landed(&ledger).await.unwrap();
        let before = ledger.store().index.cursor();
        ledger.settle(second.ticket, row(2)).unwrap();
        assert_eq!(ledger.store().index.cursor(), before, "a crash now would lose frame 1 from the index");
        assert!(ledger.store().index.get(Table::Shared as u8, &[2]).unwrap().is_some());
        ledger.settle(first.ticket, row(1)).unwrap();
        assert_eq!(ledger.store().index.cursor(), ledger.store().journal.end());
    }

    #[tokio::test]
    async fn an_append_without_frames_holds_nothing_up() {
        let home = tempfile::tempdir().unwrap();
        let ledger = ledger(home.path());
        let nothing = ledger.append(Vec::new()).landed(&ledger).await.unwrap();
        ledger.settle(nothing.ticket, Batch::default()).unwrap();
        let one = ledger.append(vec![frame(1)]).landed(&ledger).await.unwrap();
        ledger.settle(one.ticket, row(1)).unwrap();
        assert_eq!(ledger.store().index.cursor(), ledger.store().journal.end());
    }

    #[tokio::test]
    async fn what_was_written_is_replayed_when_it_was_never_applied() {
        let home = tempfile::tempdir().unwrap();
        let written = ledger(home.path());
        for n in 0..5 {
            written.append(vec![frame(n)]).landed(&written).await.unwrap();
        }
        drop(written);
        let again = ledger(home.path());
        let mut seen = Vec::new();
        again
            .store()
            .replay(|_, bytes, _| {
                if let Ok(Frame::Shared(draft, ..)) = Frame::from_bytes(bytes) {
                    seen.push(draft.0[0]);
                }
                Ok::<(), std::convert::Infallible>(())
            })
            .unwrap();
        assert_eq!(seen, [0, 1, 2, 3, 4]);
    }
}
