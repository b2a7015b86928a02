//! One task for each connected partner: it reads what is to be sent and waits for room, so that a slow
//! partner slows nobody else. What is new goes first, then what was missed, then chunks of attachments. Of what was
//! missed goes as much as goes out in about a second, of chunks a quarter of that or one: whatever comes meanwhile waits
//! for no more, and a cut loses no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use entente_protocol::codec;
use entente_protocol::ids::{BlobId, LogId, NodeId, Seq, SpaceId, TransportId};
use entente_protocol::limits;
use entente_protocol::log::{Batch, Entry};
use entente_protocol::membership::ActBody;
use entente_protocol::signed::Unverified;
use entente_protocol::sync::{BlobMessage, Message, Proof};
use tokio::sync::mpsc;

use crate::ledger::Ledger;
use crate::net::NetHandle;
use crate::rows;
use crate::store::Store;

use super::apply::read_entry;
use super::chunks;
use super::outflow::Outflow;
use super::{forks, history};

/// Jobs that may wait for one partner. Control messages are small; batches and chunks are read only when
/// their turn comes.
pub const JOBS: usize = 4_096;

/// Bytes of membership acts that may wait for one partner before it asks again: whoever asks without reading
/// is hung up on. One answer can be longer, a partner that reads gets all of it.
pub const ACTS_WAITING: usize = 4 * 1024 * 1024;

/// A partner that lacks no more entries of a log than this is given what is new; one that lacks more, what it missed.
const NEW: u64 = 16;

/// Is a batch of what was missed, for a partner that lacks so many entries of a log?
#[must_use]
pub fn is_missed(lacks: u64) -> bool {
    lacks > NEW
}

/// Counts bytes of acts for as long as they wait for a partner.
pub struct Waiting {
    bytes: usize,
    all: Arc<AtomicUsize>,
}

impl Waiting {
    /// Adds `bytes` to `all` until this is dropped.
    pub fn new(bytes: usize, all: &Arc<AtomicUsize>) -> Waiting {
        all.fetch_add(bytes, Ordering::Relaxed);
        Waiting { bytes, all: all.clone() }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Something to be sent.
pub enum Job {
    /// A message as it is.
    Message(Message),
    /// Membership acts.
    Acts(Vec<Unverified<ActBody>>, Waiting),
    /// A batch of a log from a position on.
    Batch(SpaceId, LogId, Seq),
    /// A batch that was encoded for all who lack nothing else.
    Encoded(Bytes, BatchSent),
    /// What the author of a log signed at a position.
    Proof(SpaceId, LogId, Seq),
    /// Keys of single entries, as far as they may be given.
    History(Box<history::Request>),
    /// Hashes of an attachment's chunks, from a number on; its size in the clear.
    Hashes(BlobId, u64, u64),
    /// A chunk of an attachment, and its length.
    Chunk(BlobId, u64, usize),
}

impl Job {
    /// Is it of an attachment, and goes when nothing else waits?
    #[must_use]
    pub fn is_bulk(&self) -> bool {
        matches!(self, Job::Hashes(..) | Job::Chunk(..))
    }

    /// May it go to a former member (S11)? Which acts may is decided where they are gathered.
    #[must_use]
    pub fn is_of_a_parley(&self) -> bool {
        matches!(
            self,
            Job::Acts(..) | Job::Message(Message::Parley(_) | Message::Heard(_) | Message::WantActs(_))
        )
    }
}

/// A batch went out.
pub struct BatchSent {
    /// To whom.
    pub to: NodeId,
    /// The space.
    pub space: SpaceId,
    /// The log.
    pub log: LogId,
    /// Where the log goes on.
    pub next: Seq,
}

/// The ends of a courier's queues, in the order in which they are worked through.
pub struct Queues {
    /// What goes at once.
    pub jobs: mpsc::Receiver<Job>,
    /// Batches of what was missed.
    pub missed: mpsc::Receiver<Job>,
    /// Attachments.
    pub chunks: mpsc::Receiver<Job>,
}

/// Works through the jobs until the partner is gone.
pub async fn run(
    to: (NodeId, TransportId),
    mut queues: Queues,
    ledger: Ledger,
    net: Arc<NetHandle>,
    done: mpsc::Sender<BatchSent>,
) {
    let mut outflow = Outflow::default();
    // Chunk follows chunk without a pause: each is small beside what a good way takes in the time that one needs to be
    // read. A batch is as much as the way takes in a second, and is read when that is over.
    let mut may_wait = 0;
    loop {
        let job = tokio::select! {
            biased;
            job = queues.jobs.recv() => job,
            job = async {
                net.drained_to(&to.1, may_wait).await;
                outflow.drained(net.queued(&to.1), Instant::now());
                tokio::select! {
                    biased;
                    job = queues.missed.recv() => job,
                    job = queues.chunks.recv() => job,
                }
            } => job,
        };
        let Some(job) = job else { return };
        may_wait = if matches!(job, Job::Chunk(..)) { outflow.may_wait() } else { 0 };
        let (bytes, sent) = prepare(job, ledger.store(), to.0, outflow.batch());
        if let Some(bytes) = bytes {
            outflow.sends(bytes.len(), net.queued(&to.1), Instant::now());
            if net.send(&to.1, bytes).await.is_err() {
                return;
            }
        }
        if let Some(sent) = sent
            && done.send(sent).await.is_err()
        {
            return;
        }
    }
}

/// What goes over the wire for a job, and what the machine is told then.
fn prepare(job: Job, store: &Store, to: NodeId, most: usize) -> (Option<Bytes>, Option<BatchSent>) {
    match job {
        Job::Message(message) => alone(Some(message)),
        Job::Acts(acts, _until_sent) => alone(Some(Message::Acts(acts))),
        Job::Encoded(bytes, sent) => (Some(bytes), Some(sent)),
        Job::Batch(space, log, from) => {
            let entries = read_batch(store, &space, &log, from, most);
            let next = Seq(from.0 + entries.len() as u64);
            let batch = Batch::pack(&entries).ok();
            // Nothing readable: the machine hears that the log did not move, and stops asking for it.
            let next = if batch.is_some() { next } else { from };
            (batch.map(|batch| encoded(&Message::Batch(batch))), Some(BatchSent { to, space, log, next }))
        }
        Job::Proof(space, log, seq) => {
            let side = forks::signed_at(store, &space, &log, seq);
            alone(side.map(|side| Message::Proof(Proof::Side(side))))
        }
        Job::History(asked) => alone(history::answer(store, &asked).map(Message::RecordKeys)),
        Job::Hashes(blob, from, size) => {
            let answer = match chunks::hashes(store, &blob, from, size) {
                Some(hashes) => BlobMessage::Hashes(blob, from, hashes),
                None => BlobMessage::Absent(blob),
            };
            alone(Some(Message::Blob(answer)))
        }
        Job::Chunk(blob, index, len) => {
            let answer = match store.blobs.get_chunk(&blob.0, index, len) {
                Ok(chunk) => BlobMessage::Chunk(blob, index, chunk),
                Err(_) => BlobMessage::Absent(blob),
            };
            alone(Some(Message::Blob(answer)))
        }
    }
}

fn alone(message: Option<Message>) -> (Option<Bytes>, Option<BatchSent>) {
    (message.as_ref().map(encoded), None)
}

fn encoded(message: &Message) -> Bytes {
    codec::encode(message).into()
}

/// Entries from a position on, as many as a batch may hold and about `most` bytes, ending with one that carries a
/// signature.
pub(crate) fn read_batch(store: &Store, space: &SpaceId, log: &LogId, from: Seq, most: usize) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut signed = 0;
    let mut bytes = 0;
    let mut at = Some(from);
    while let Some(seq) = at {
        let Ok(Some(position)) = rows::entry_position(&store.index, space, log, seq) else { break };
        let Some((entry, _)) = read_entry(store, position) else { break };
        bytes += entry.payload.as_ref().map_or(0, Vec::len);
        let full = entries.len() >= limits::MAX_BATCH_ENTRIES || bytes > most.min(limits::MAX_BATCH_BYTES);
        if full && signed > 0 {
            break;
        }
        entries.push(entry);
        if entries.last().is_some_and(|e| e.signature.is_some()) {
            signed = entries.len();
        }
        at = seq.next();
    }
    entries.truncate(signed);
    entries
}
