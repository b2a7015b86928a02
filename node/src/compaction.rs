//! When the journal is compacted, and which frames are still needed. It happens when a node starts, before it
//! opens its store: `entente journal compact` asks for it, and so does the node itself when half is dead.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Weak;
use std::time::Duration;

use entente_protocol::ids::{BlobId, PartnershipId};
use tokio::sync::oneshot;

use crate::frames::Frame;
use crate::node::Node;
use crate::store::compact::{CompactError, Compacted, Pass, compact};
use crate::store::{Locked, Position, Store, StoreKey};

/// A journal that is shorter is not looked at, bytes: 64 MiB.
const WORTH: u64 = 64 << 20;
/// How long after a start the journal is looked through.
const LATER: Duration = Duration::from_secs(60);

/// Asks for a compaction at the next start.
///
/// # Errors
/// The file that asks for it could not be written.
pub fn request(home: &Path) -> std::io::Result<()> {
    crate::home::write_private(&wanted(home), b"").map_err(std::io::Error::other)
}

/// Was it asked for?
pub fn is_requested(home: &Path) -> bool {
    wanted(home).exists()
}

fn wanted(home: &Path) -> PathBuf {
    home.join("journal.compact")
}

/// Compacts the journal, as was asked for. `damaged` is called before damaged ranges go.
///
/// # Errors
/// [`CompactError`]; then the journal is as it was, and it has to be asked for again.
pub fn as_requested(
    store: &Locked,
    key: &StoreKey,
    damaged: &mut dyn FnMut() -> Result<(), String>,
) -> Result<Compacted, CompactError> {
    // Before it is tried: what fails once, on a full disk say, must not keep the node from starting again and again.
    if let Err(source) = std::fs::remove_file(wanted(store.home())) {
        return Err(CompactError::Io { path: store.home().to_owned(), source });
    }
    let mut census = Census::default();
    let mut needed = |pass, at, bytes: &[u8]| census.needed(pass, at, bytes);
    compact(store, key, &mut needed, damaged)
}

/// Looks through a journal that has doubled since, and asks for its compaction if half of it is dead. That is in no
/// hurry: after a start, partners and search come first.
pub async fn look_later(node: Weak<Node>) {
    tokio::time::sleep(LATER).await;
    // Whoever stops the node drops this, and the thread that reads the journal sees it.
    let (running, _until_stopped) = oneshot::channel::<()>();
    let looking = tokio::task::spawn_blocking(move || {
        if let Some(node) = node.upgrade() {
            ask_if_half_is_dead(node.home.path(), node.shared.ledger.store(), &|| running.is_closed());
        }
    });
    if let Err(error) = looking.await {
        tracing::warn!(%error, "the journal could not be looked through");
    }
}

/// Blocks; reads the whole journal twice, or until it is `stopped`.
fn ask_if_half_is_dead(home: &Path, store: &Store, stopped: &dyn Fn() -> bool) {
    let looked = home.join("journal.looked");
    let before =
        std::fs::read_to_string(&looked).ok().and_then(|bytes| bytes.parse::<u64>().ok()).unwrap_or(0);
    let entries = std::fs::read_dir(home.join("journal")).into_iter().flatten().flatten();
    let bytes: u64 = entries.filter_map(|entry| entry.metadata().ok()).map(|file| file.len()).sum();
    if bytes < WORTH.max(before.saturating_mul(2)) {
        return;
    }
    let Some((all, dead)) = count_dead(store, stopped) else { return };
    if let Err(error) = crate::home::write_private(&looked, bytes.to_string().as_bytes()) {
        tracing::warn!(%error, "the journal will be looked through again at the next start");
    }
    if dead.saturating_mul(2) >= all && dead > 0 {
        match request(home) {
            Ok(()) => tracing::info!(dead, all, "the journal is compacted at the next start"),
            Err(error) => tracing::warn!(%error, "the compaction of the journal could not be asked for"),
        }
    }
}

/// Bytes of all frames, and of those that are not needed; `None` if it was `stopped`, or the journal cannot be read.
fn count_dead(store: &Store, stopped: &dyn Fn() -> bool) -> Option<(u64, u64)> {
    let mut census = Census::default();
    let (mut all, mut dead) = (0_u64, 0_u64);
    for pass in [Pass::Survey, Pass::Copy] {
        for (at, frame) in store.journal.scan(Position::START).ok()? {
            if stopped() {
                return None;
            }
            let Ok(payload) = frame else { continue };
            let needed = census.needed(pass, at, &payload);
            if pass == Pass::Copy {
                all += payload.len() as u64;
                dead += if needed { 0 } else { payload.len() as u64 };
            }
        }
    }
    Some((all, dead))
}

/// Where the frames stand that later ones of the same kind replace.
#[derive(Default)]
struct Census {
    blobs: BTreeMap<BlobId, (bool, Position)>,
    settings: BTreeMap<PartnershipId, Position>,
}

impl Census {
    /// Whether a frame is needed. What cannot be read here may be of a later version, and stays.
    fn needed(&mut self, pass: Pass, at: Position, bytes: &[u8]) -> bool {
        match (Frame::from_bytes(bytes), pass) {
            (Ok(Frame::Blob(blob)), Pass::Survey) => {
                let newest = self.blobs.entry(blob.blob).or_insert((blob.complete, at));
                // The last one says most; but one that is here stays so.
                if blob.complete || !newest.0 {
                    *newest = (blob.complete, at);
                }
                true
            }
            (Ok(Frame::Settings(settings)), Pass::Survey) => {
                self.settings.insert(settings.partnership, at);
                true
            }
            (Ok(Frame::Blob(blob)), Pass::Copy) => {
                self.blobs.get(&blob.blob).is_none_or(|(_, last)| *last == at)
            }
            (Ok(Frame::Settings(settings)), Pass::Copy) => {
                self.settings.get(&settings.partnership).is_none_or(|last| *last == at)
            }
            _ => true,
        }
    }
}
