//! Making one.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use entente_protocol::bundle::{self, Composer};
use entente_protocol::chunk;
use entente_protocol::derive::Key;
use entente_protocol::ids::{EpochId, NodeId, OrgId, Seq, SpaceId, Timestamp};
use entente_protocol::limits;
use entente_protocol::log::Batch;
use entente_protocol::sync::{BlobMessage, Message};
use tokio::sync::oneshot;

use crate::clock::{self, SystemRandom};
use crate::frames::KnownBlob;
use crate::node::Node;
use crate::partnership::carry::{Plan, PlanAsked, PlannedLog};
use crate::partnership::{self, Command, CommandError, Handle, apply, read_batch};
use crate::records::find;
use crate::rows;
use crate::secrets::Secret;
use crate::store::Store;

use super::attachments::those_of;
use super::{BundleMade, ExportError};

/// Hashes of chunks in one message.
const HASHES: u64 = 1_024;

/// What is to be exported.
#[derive(Clone, Debug)]
pub struct Export {
    /// The file to make.
    pub file: PathBuf,
    /// For whom; all members if nobody is named.
    pub to: Vec<OrgId>,
    /// Everything, rather than what they are not known to have.
    pub all: bool,
    /// Only what came to this node since then.
    pub since: Option<Timestamp>,
    /// The attachments of the records in it.
    pub attachments: bool,
}

/// Makes a bundle. The file is removed where that fails.
///
/// # Errors
/// [`ExportError`]; there is no file then, or the one that was there before.
pub fn export(node: &Node, handle: &Handle, wanted: &Export) -> Result<BundleMade, ExportError> {
    let path = &wanted.file;
    let at = |source| ExportError::Io { path: path.clone(), source };
    let asked = PlanAsked { to: wanted.to.clone(), all: wanted.all };
    let plan = ask(handle, |reply| Command::PlanBundle(asked, reply))??;
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(at)?;
    let file = BufWriter::new(file);
    let made = Writing::begin(node, handle, file, &plan.readers)
        .and_then(|writing| writing.all(wanted, &plan))
        .and_then(|(counts, mut file)| {
            file.flush().and_then(|()| file.get_ref().sync_all()).map_err(at)?;
            Ok(counts)
        });
    if made.is_err() {
        // What is there is of no use, and the error that is told is the first one.
        let _ = std::fs::remove_file(path);
    }
    let counts = made?;
    sync_folder(path).map_err(at)?;
    Ok(BundleMade {
        file: path.display().to_string(),
        partnership: handle.id,
        readers: plan.orgs.iter().map(|org| find::org_view(node, Some(handle), org)).collect(),
        nodes: plan.readers.len(),
        entries: counts.entries,
        keys: counts.keys,
        attachments: counts.attachments,
        bytes: counts.bytes,
        circles_left_out: plan.left_out,
    })
}

/// A bundle of messages and keys without entries, for a mailbox.
///
/// # Errors
/// [`ExportError`].
pub fn parcel(
    node: &Node,
    handle: &Handle,
    readers: &[(NodeId, Vec<u8>)],
    first: &[Message],
    epochs: &BTreeSet<EpochId>,
) -> Result<Vec<u8>, ExportError> {
    let mut writing = Writing::begin(node, handle, Vec::new(), readers)?;
    for message in first {
        writing.say(message)?;
    }
    let nodes: Vec<NodeId> = readers.iter().map(|(node, _)| *node).collect();
    writing.epochs(epochs, &nodes)?;
    writing.end(nodes).map(|(_, bundle)| bundle)
}

/// Asks a driver from a thread that may block.
pub fn ask<T>(
    handle: &Handle,
    command: impl FnOnce(oneshot::Sender<T>) -> Command,
) -> Result<T, CommandError> {
    let (reply, answer) = oneshot::channel();
    handle.commands.blocking_send(command(reply)).map_err(|_| CommandError::Stopping)?;
    answer.blocking_recv().map_err(|_| CommandError::Stopping)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[derive(Default)]
struct Counts {
    entries: u64,
    keys: u64,
    attachments: u64,
    bytes: u64,
}

struct Writing<'a, W> {
    node: &'a Node,
    handle: &'a Handle,
    file: W,
    composer: Composer,
    counts: Counts,
}

impl<'a, W: Write> Writing<'a, W> {
    fn begin(
        node: &'a Node,
        handle: &'a Handle,
        file: W,
        readers: &[(NodeId, Vec<u8>)],
    ) -> Result<Self, ExportError> {
        let key: Key = Secret::random()?.key();
        let prekeys: Vec<&[u8]> = readers.iter().map(|(_, prekey)| prekey.as_slice()).collect();
        let slots = bundle::seal_slots(&key, &prekeys, &mut SystemRandom)?;
        let (composer, counts) = (Composer::new(&key), Counts::default());
        let mut writing = Self { node, handle, file, composer, counts };
        writing.write(&slots)?;
        Ok(writing)
    }

    /// Acts first, since keys are judged by them; keys after the entries that ask for them; attachments last.
    fn all(mut self, wanted: &Export, plan: &Plan) -> Result<(Counts, W), ExportError> {
        for message in &plan.first {
            self.say(message)?;
        }
        let mut epochs: BTreeSet<EpochId> = plan.current.into_iter().collect();
        let mut from: Vec<PlannedLog> = Vec::new();
        for log in &plan.logs {
            let log = self.newer(*log, wanted.since);
            epochs.extend(self.log(log)?);
            from.push(log);
        }
        let nodes: Vec<NodeId> = plan.readers.iter().map(|(node, _)| *node).collect();
        self.epochs(&epochs, &nodes)?;
        if wanted.attachments {
            for blob in those_of(self.store(), self.handle.id, &from) {
                self.attachment(&blob)?;
            }
        }
        self.end(nodes)
    }

    fn epochs(&mut self, epochs: &BTreeSet<EpochId>, nodes: &[NodeId]) -> Result<(), ExportError> {
        for epoch in epochs {
            let slots = ask(self.handle, |reply| Command::EpochFor(*epoch, nodes.to_vec(), reply))?;
            self.counts.keys += slots.len() as u64;
            for slot in &slots {
                self.say(slot)?;
            }
        }
        Ok(())
    }

    fn store(&self) -> &'a Store {
        self.node.shared.ledger.store()
    }

    fn end(mut self, to: Vec<NodeId>) -> Result<(Counts, W), ExportError> {
        let what = (self.handle.id, clock::now());
        let sealed = self.composer.sign(what, to, &self.node.me.key)?;
        self.write(&sealed)?;
        while let Some(chunk) = self.composer.padding()? {
            self.write(&chunk)?;
        }
        Ok((self.counts, self.file))
    }

    fn say(&mut self, message: &Message) -> Result<(), ExportError> {
        let sealed = self.composer.message(message)?;
        self.write(&sealed)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        self.counts.bytes += bytes.len() as u64;
        self.file.write_all(bytes).map_err(Self::io)
    }

    fn io(source: io::Error) -> ExportError {
        ExportError::Io { path: PathBuf::from("the bundle"), source }
    }

    /// A log from the first entry on that came since then: who gets it has what was before, or sees that it lacks
    /// it.
    fn newer(&self, log: PlannedLog, since: Option<Timestamp>) -> PlannedLog {
        let Some(since) = since else { return log };
        let is_new = |seq: &u64| {
            let index = &self.store().index;
            let position = rows::entry_position(index, &log.space, &log.log, Seq(*seq)).ok().flatten();
            let entry = position.and_then(|position| apply::read_entry(self.store(), position));
            entry.is_none_or(|(_, arrived)| arrived >= since)
        };
        let from = (log.from.0..log.to.0).find(is_new).unwrap_or(log.to.0);
        PlannedLog { from: Seq(from), ..log }
    }

    fn log(&mut self, log: PlannedLog) -> Result<BTreeSet<EpochId>, ExportError> {
        let mut at = log.from;
        let mut epochs = BTreeSet::new();
        while at < log.to {
            let entries = read_batch(self.store(), &log.space, &log.log, at, limits::MAX_BATCH_BYTES);
            // A damaged entry: what is behind it stays here, and the reader is told that it lacks it.
            let Ok(batch) = Batch::pack(&entries) else { break };
            epochs.extend(entries.iter().map(|entry| entry.header.epoch));
            self.counts.entries += entries.len() as u64;
            at = Seq(at.0 + entries.len() as u64);
            self.say(&Message::Batch(batch))?;
        }
        Ok(epochs)
    }

    fn attachment(&mut self, blob: &KnownBlob) -> Result<(), ExportError> {
        let count = chunk::count(blob.size);
        let mut from = 0;
        while from < count {
            let Some(hashes) = partnership::chunks::hashes(self.store(), &blob.blob, from, blob.size) else {
                return Ok(());
            };
            self.say(&Message::Blob(BlobMessage::Hashes(blob.blob, from, hashes)))?;
            from += HASHES;
        }
        for index in 0..count {
            let len = chunk::sealed_len(blob.size, index);
            let Ok(bytes) = self.store().blobs.get_chunk(&blob.blob.0, index, len) else { return Ok(()) };
            self.say(&Message::Blob(BlobMessage::Chunk(blob.blob, index, bytes)))?;
        }
        self.counts.attachments += 1;
        Ok(())
    }
}

/// The space of a log, for who looks up what belongs to it.
pub(super) fn covers(
    logs: &[PlannedLog],
    space: &SpaceId,
    log: &entente_protocol::ids::LogId,
    seq: Seq,
) -> bool {
    logs.iter().any(|l| l.space == *space && l.log == *log && (l.from..l.to).contains(&seq))
}
