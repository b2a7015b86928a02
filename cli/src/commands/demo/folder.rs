//! The folder of the demo: where the three nodes' folders, their passphrase and their logs lie.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use data_encoding::BASE32_NOPAD;
use entente_node::api::types::Problem;
use entente_node::clock;
use zeroize::Zeroizing;

use crate::problem::{self, usage};

/// The file with the nodes' passphrase.
pub(super) const PASSPHRASE: &str = "passphrase";
/// The folder of what the nodes log.
const LOGS: &str = "logs";

/// A folder that was made, or found empty.
pub(super) struct Folder {
    path: PathBuf,
    passphrase: Zeroizing<String>,
}

impl Folder {
    /// Makes the folder: the one wanted, or a fresh one among the system's temporary files.
    ///
    /// # Errors
    /// If it holds something already, or cannot be written.
    pub(super) fn make(wanted: Option<PathBuf>) -> Result<Folder, Problem> {
        let path =
            wanted.unwrap_or_else(|| std::env::temp_dir().join(format!("entente-demo-{}", letters(6))));
        let path = std::path::absolute(&path).map_err(|e| problem::file("making", &path, &e))?;
        match fs::read_dir(&path).map(Iterator::count) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => make_private(&path)?,
            Err(e) => return Err(problem::file("looking into", &path, &e)),
            Ok(1..) => {
                let what = format!("{} is not empty", path.display());
                return Err(usage(what, "name a folder that does not exist: entente demo --dir DIR"));
            }
            Ok(0) => {}
        }
        make_private(&path.join(LOGS))?;
        let folder = Folder { path, passphrase: Zeroizing::new(passphrase()) };
        folder.write(PASSPHRASE, format!("{}\n", *folder.passphrase).as_bytes())?;
        Ok(folder)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The passphrase of all three nodes.
    pub(super) fn passphrase(&self) -> &Zeroizing<String> {
        &self.passphrase
    }

    /// The file that it is in.
    pub(super) fn passphrase_file(&self) -> PathBuf {
        self.path.join(PASSPHRASE)
    }

    /// Writes a file that only its owner can read, and says where it is.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Problem> {
        let path = self.path.join(name);
        let opened = File::options().write(true).create_new(true).mode(0o600).open(&path);
        opened.and_then(|mut file| file.write_all(bytes)).map_err(|e| problem::file("writing", &path, &e))?;
        Ok(path)
    }

    /// Where a node's log goes.
    pub(super) fn log_path(&self, name: &str) -> PathBuf {
        self.path.join(LOGS).join(format!("{name}.log"))
    }
}

/// Fails if somebody else was faster, which matters where others may write too.
fn make_private(path: &Path) -> Result<(), Problem> {
    DirBuilder::new().mode(0o700).create(path).map_err(|e| problem::file("making", path, &e))
}

/// So many random letters and digits, 5 bits each.
pub(super) fn letters(count: usize) -> String {
    let mut text = String::new();
    while text.len() < count {
        text.push_str(&BASE32_NOPAD.encode(&clock::nonce()).to_ascii_lowercase());
    }
    text.truncate(count);
    text
}

/// 25 random letters and digits (125 bits), in groups that a person can type.
fn passphrase() -> String {
    let groups: Vec<String> = (0..5).map(|_| letters(5)).collect();
    groups.join("-")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_an_empty_folder_is_taken() {
        let temporary = tempfile::tempdir().unwrap();
        let inner = temporary.path().join("new");
        let folder = Folder::make(Some(inner.clone())).unwrap();
        assert_eq!(folder.path(), inner);
        assert_eq!(Folder::make(Some(inner)).err().unwrap().code, "usage");
    }

    #[test]
    fn nobody_else_can_read_the_passphrase() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::make(Some(temporary.path().to_owned())).unwrap();
        let file = folder.passphrase_file();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&file).unwrap().trim(), folder.passphrase().as_str());
    }

    #[test]
    fn random_letters_differ_and_have_the_length_asked_for() {
        for count in [0, 1, 6, 40] {
            assert_eq!(letters(count).len(), count);
        }
        assert_ne!(letters(20), letters(20));
    }
}
