//! The few file operations whose failures the store must survive, behind one small trait so that tests can
//! make them fail; and helpers for private files and folders.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;

/// What the store and the vault do to the disk where it must be survived that it fails.
pub(crate) trait Disk: Send + Sync {
    /// Creates (or empties) a private file, open for reading and writing.
    fn create(&self, path: &Path) -> io::Result<File>;
    /// Opens a private file for writing, and creates it empty if there is none.
    fn open(&self, path: &Path) -> io::Result<File>;
    /// Writes all bytes at an offset.
    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Makes the file's contents and length durable (`fdatasync`).
    fn sync(&self, file: &File) -> io::Result<()>;
    /// Begins to write these bytes, without waiting, where the system has a call for that.
    fn write_out(&self, file: &File, bytes: Range<u64>);
    /// Cuts the file to a length.
    fn truncate(&self, file: &File, len: u64) -> io::Result<()>;
    /// Gives a file another name, in place of what has that name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// The operating system's disk.
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path)
    }

    fn open(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
    }

    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    /// On Linux this advice writes what is not written yet; pages that wait for that stay in memory.
    fn write_out(&self, file: &File, bytes: Range<u64>) {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{Advice, fadvise};
            let len = std::num::NonZeroU64::new(bytes.end.saturating_sub(bytes.start));
            let _a_hint = fadvise(file, bytes.start, len, Advice::DontNeed);
        }
        #[cfg(not(target_os = "linux"))]
        let _nothing_of_the_kind = (file, bytes);
    }

    fn truncate(&self, file: &File, len: u64) -> io::Result<()> {
        file.set_len(len)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        sync_dir(dir)
    }
}

/// Makes the names in a folder durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Creates a folder, and those above it, that only this user can enter. An existing one is left as it is.
pub(crate) fn private_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Replaces a file at once and durably: readers, and whoever starts after a crash, see the old contents or the
/// new ones, never a mixture.
pub(crate) fn replace_file(path: &Path, contents: &[u8]) -> io::Result<()> {
    replace_file_on(&RealDisk, path, contents)
}

/// [`replace_file`] on a given disk.
fn replace_file_on(disk: &dyn Disk, path: &Path, contents: &[u8]) -> io::Result<()> {
    let temp = write_temp_on(disk, path, contents)?;
    disk.rename(&temp, path)?;
    disk.sync_dir(parent(path))
}

/// The first half of [`replace_file`]: the new contents, durable under the temporary name that is returned.
#[cfg(test)]
pub(crate) fn write_temp(path: &Path, contents: &[u8]) -> io::Result<std::path::PathBuf> {
    write_temp_on(&RealDisk, path, contents)
}

fn write_temp_on(disk: &dyn Disk, path: &Path, contents: &[u8]) -> io::Result<std::path::PathBuf> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let temp = path.with_file_name(name);
    // A stray temporary file may have been left by a crash, perhaps with other permissions.
    match std::fs::remove_file(&temp) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = disk.create(&temp).and_then(|file| {
        disk.write_at(&file, contents, 0)?;
        disk.sync(&file)
    });
    if written.is_err() {
        // A full disk must not stay full of our half-written file.
        let _ = std::fs::remove_file(&temp);
    }
    written.map(|()| temp)
}

/// The folder that a file is in.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::faulty::FaultyDisk;
    use super::*;

    /// The vault is written so.
    #[test]
    fn a_file_is_replaced_whole_or_not_at_all_whichever_call_fails() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("vault");
        for call in 1.. {
            replace_file(&path, b"the old contents").unwrap();
            let disk = FaultyDisk::failing_at(call);
            let replaced = replace_file_on(&disk, &path, b"the new contents, which are longer");
            let found = std::fs::read(&path).unwrap();
            if replaced.is_ok() {
                assert_eq!(found, b"the new contents, which are longer");
                assert_eq!(call, 6, "create, write, sync, rename and sync of the folder can fail");
                break;
            }
            // After the rename the name is new already, though it may not last.
            let renamed = call == 5;
            let expected: &[u8] =
                if renamed { b"the new contents, which are longer" } else { b"the old contents" };
            assert_eq!(found, expected, "call {call}");
            replace_file(&path, b"and it can be written again").unwrap();
        }
    }

    #[test]
    fn new_contents_are_durable_before_they_have_the_name() {
        let home = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::default();
        replace_file_on(&disk, &home.path().join("vault"), b"keys").unwrap();
        assert_eq!(*disk.asked.lock().unwrap(), ["create", "write", "sync", "rename", "sync_dir"]);
    }
}
