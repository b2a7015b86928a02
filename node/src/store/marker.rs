//! The marker beside sled's files that says whether they can be trusted: a kill leaves what was written in the
//! page cache, a restart of the computer may not, and sled never calls fsync.
//!
//! ```text
//! "open BOOT-ID\n"   in use since that boot      "closed\n"   closed and synced
//! "discard\n"        found damaged
//! a file "stale" beside: something was erased, and sled's files may still hold its title
//! ```

use std::io;
use std::path::{Path, PathBuf};

use super::disk::replace_file;
use super::index::Rebuild;

/// A name of this run of the operating system; `None` where it has none.
pub(crate) fn boot_id() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty())
}

/// The file that says whether sled's files can be trusted.
pub(crate) struct Marker {
    path: PathBuf,
}

impl Marker {
    /// The marker of the index in a folder.
    pub(crate) fn of(index: &Path) -> Self {
        Self { path: index.join("state") }
    }

    /// Why sled's files cannot be trusted, or `None` if they can.
    pub(crate) fn doubt(&self, boot: &Option<String>) -> Option<Rebuild> {
        if self.stale().exists() {
            return Some(Rebuild::Erased);
        }
        let state = match std::fs::read_to_string(&self.path) {
            Ok(state) => state,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Some(Rebuild::New),
            Err(_) => return Some(Rebuild::Damaged),
        };
        match state.trim_end().split_once(' ') {
            None if state == "closed\n" => None,
            Some(("open", then)) if boot.as_deref() == Some(then) => None,
            Some(("open", _)) => Some(Rebuild::Restarted),
            _ => Some(Rebuild::Damaged),
        }
    }

    /// sled's files may change from now on: they are trusted in this boot only.
    pub(crate) fn write_open(&self, boot: &Option<String>) -> io::Result<()> {
        let boot = boot.as_deref().unwrap_or("unknown");
        replace_file(&self.path, format!("open {boot}\n").as_bytes())
    }

    /// sled's files were closed and synced.
    pub(crate) fn write_closed(&self) -> io::Result<()> {
        replace_file(&self.path, b"closed\n")
    }

    /// sled keeps what was deleted until it reuses the place: at the next opening its files are removed, and it is
    /// filled again from the journal.
    pub(crate) fn write_stale(&self) -> io::Result<()> {
        replace_file(&self.stale(), b"")
    }

    /// The new index holds nothing of what was erased.
    pub(crate) fn is_fresh(&self) -> io::Result<()> {
        match std::fs::remove_file(self.stale()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn stale(&self) -> PathBuf {
        self.path.with_file_name("stale")
    }

    /// sled's files are not trusted, whatever happens.
    pub(crate) fn write_discard(&self) -> io::Result<()> {
        replace_file(&self.path, b"discard\n")
    }
}
