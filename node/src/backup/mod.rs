//! Back-ups of a whole node in one encrypted file: keys, journal, settings, and attachments if wanted.
//!
//! ```text
//! running node ──durable end of the journal, then the keys──▶ create ──▶ FILE ──▶ verify
//!                                                                          └─────▶ restore ──▶ fenced home
//! ```
//! The journal's end is taken before the keys, so that there is a key for all that is in it. What is restored is
//! fenced in every partnership (F16): it reads and catches up, and signs nothing until its log is renewed. The
//! organisation's root key is not in it: that has back-ups of its own.

mod seal;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use entente_protocol::codec::{self, Wire};
use entente_protocol::ids::{NodeId, OrgId, Timestamp};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::clock;
use crate::home::Home;
use crate::partnership::fence::{self, FenceReason};
use crate::secrets::Secrets;
use crate::store::lock::Lock;
use crate::store::{Journal, LockError, Position, StoreKey, private_dir};
use crate::vault::{Vault, VaultError, VaultParams};

use seal::{Opener, Sealer};

/// Bytes of the longest name in a back-up.
const MAX_ENTRY_NAME: usize = 255;

/// What is in a back-up.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Manifest {
    /// Always 1.
    #[n(0)]
    pub version: u32,
    /// When it was made, by the node's clock.
    #[n(1)]
    pub made: Timestamp,
    /// Whose node it is.
    #[n(2)]
    pub organisation: OrgId,
    /// What that is called.
    #[n(3)]
    pub name: String,
    /// The node.
    #[n(4)]
    pub node: NodeId,
    /// How many partnerships it has.
    #[n(5)]
    pub partnerships: u64,
    /// Are attachments in it?
    #[n(6)]
    pub attachments: bool,
}

impl Wire for Manifest {
    const WHAT: &'static str = "back-up manifest";
    const MAX: usize = 4096;
}

/// What a back-up was found to hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// What it says of itself.
    #[serde(flatten)]
    pub manifest: Manifest,
    /// Frames of the journal that are whole.
    pub frames: u64,
    /// Damaged places in the journal, which were there when it was made.
    pub damaged: u64,
    /// Files of attachments.
    pub attachment_files: u64,
}

/// Why a back-up was not made, verified or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It would overwrite something.
    #[error("{0} exists already")]
    Exists(PathBuf),
    /// The file is no back-up, was changed, or ends too early.
    #[error("{path} is not a whole back-up: {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// The passphrase, or the system's random source.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The journal in it.
    #[error("its journal: {0}")]
    Journal(#[from] crate::store::JournalError),
    /// The node runs.
    #[error(transparent)]
    Running(#[from] LockError),
    /// The file system.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn at(path: &Path) -> impl Fn(io::Error) -> BackupError {
    move |source| BackupError::Io { path: path.to_owned(), source }
}

fn damaged(path: &Path, what: &'static str) -> BackupError {
    BackupError::Damaged { path: path.to_owned(), what }
}

/// What a back-up is made of.
pub struct Source<'a> {
    /// The node's folder.
    pub home: &'a Home,
    /// How far its journal is durable; taken before `secrets`.
    pub end: Position,
    /// Its secrets.
    pub secrets: Secrets,
    /// Are attachments wanted?
    pub attachments: bool,
    /// When it is made.
    pub now: Timestamp,
}

/// Makes a back-up, durably, whole or not at all. Takes 64 KiB of memory, whatever the size.
///
/// # Errors
/// [`BackupError`]; there is no file then.
pub fn create(
    file: &Path,
    passphrase: &[u8],
    params: VaultParams,
    source: Source<'_>,
) -> Result<Manifest, BackupError> {
    if file.exists() {
        return Err(BackupError::Exists(file.to_owned()));
    }
    let mut partial = file.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let made = write(&partial, passphrase, params, source);
    let done = made.and_then(|manifest| {
        fs::rename(&partial, file).map_err(at(file))?;
        crate::store::sync_dir(crate::store::parent(file)).map_err(at(file))?;
        Ok(manifest)
    });
    if done.is_err() {
        let _ = fs::remove_file(&partial);
    }
    done
}

/// Makes a back-up of a node that does not run, under its own passphrase; none can start meanwhile.
///
/// # Errors
/// As [`create`]; [`BackupError::Running`] if it runs.
pub fn create_stopped(
    home: &Path,
    file: &Path,
    passphrase: &[u8],
    attachments: bool,
) -> Result<Manifest, BackupError> {
    let home = Home::at(home);
    let _alone = Lock::acquire(&home.path().join("lock"))?;
    let (vault, contents) = Vault::open(&home.vault(), passphrase)?;
    let mut secrets = Secrets::from_bytes(&contents).map_err(|_| damaged(&home.vault(), "its contents"))?;
    let key = StoreKey::from_bytes(secrets.store.key());
    let (journal, _) = Journal::open(&home.path().join("journal"), &key)?;
    let (end, now) = (journal.end(), clock::now());
    journal.close();
    let source = Source { home: &home, end, secrets: secrets.clone(), attachments, now };
    let manifest = create(file, passphrase, VaultParams::default(), source)?;
    secrets.backed_up = Some(now);
    vault.save(&secrets.to_bytes())?;
    Ok(manifest)
}

fn write(
    path: &Path,
    passphrase: &[u8],
    params: VaultParams,
    source: Source<'_>,
) -> Result<Manifest, BackupError> {
    let Source { home, end, mut secrets, attachments, now } = source;
    let organisation =
        secrets.introduction.verify().map_err(|_| damaged(&home.vault(), "its certificate"))?;
    let manifest = Manifest {
        version: 1,
        made: now,
        organisation: organisation.org(),
        name: organisation.organisation().name.clone(),
        node: organisation.node(),
        partnerships: secrets.partnerships.len() as u64,
        attachments,
    };
    // Whoever puts it back by whatever means gets a node that signs nothing.
    fence::everywhere(&mut secrets, FenceReason::Restored, now);
    secrets.place = None;
    let mut out = Sealer::create(path, passphrase, params)?;
    let said = codec::encode(&manifest);
    entry(&mut out, "manifest", said.len() as u64, said.as_slice()).map_err(at(path))?;
    let keys = secrets.to_bytes();
    entry(&mut out, "secrets", keys.len() as u64, keys.as_slice()).map_err(at(path))?;
    let config = home.path().join("config.toml");
    add(&mut out, "config.toml", &config, u64::MAX)?;
    for segment in files(&home.path().join("journal"))? {
        let name = file_name(&segment);
        let number = name.strip_suffix(".seg").and_then(|n| n.parse::<u32>().ok());
        let most = match number {
            Some(n) if n < end.segment => u64::MAX,
            Some(n) if n == end.segment => end.offset,
            _ => continue,
        };
        add(&mut out, &format!("journal/{name}"), &segment, most)?;
    }
    if attachments {
        let blobs = home.path().join("blobs");
        for shard in files(&blobs)? {
            // A list of chunks can be made again.
            for blob in files(&shard)?.iter().filter(|path| path.extension().is_none()) {
                add(&mut out, &format!("blobs/{}/{}", file_name(&shard), file_name(blob)), blob, u64::MAX)?;
            }
        }
    }
    out.write_all(&0_u16.to_be_bytes()).map_err(at(path))?;
    out.finish().map_err(at(path))?;
    Ok(manifest)
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

/// What is in a folder, in order.
fn files(folder: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(at(folder))?,
    };
    let mut files: Vec<PathBuf> =
        entries.map(|e| e.map(|e| e.path())).collect::<io::Result<_>>().map_err(at(folder))?;
    files.sort();
    Ok(files)
}

fn add(out: &mut Sealer, name: &str, path: &Path, most: u64) -> Result<(), BackupError> {
    let file = File::open(path).map_err(at(path))?;
    let size = file.metadata().map_err(at(path))?.len().min(most);
    entry(out, name, size, file.take(size)).map_err(at(path))
}

fn entry(out: &mut Sealer, name: &str, size: u64, mut bytes: impl Read) -> io::Result<()> {
    let length = u16::try_from(name.len()).map_err(io::Error::other)?;
    out.write_all(&length.to_be_bytes())?;
    out.write_all(name.as_bytes())?;
    out.write_all(&size.to_be_bytes())?;
    let copied = io::copy(&mut bytes, out)?;
    if copied == size { Ok(()) } else { Err(io::Error::other("it became shorter while it was read")) }
}

/// Opens a back-up and checks every byte and every frame of its journal. Unpacks the journal, still encrypted,
/// into a temporary folder beside the system's others.
///
/// # Errors
/// [`BackupError`] says what is wrong.
pub fn verify(file: &Path, passphrase: &[u8]) -> Result<Verified, BackupError> {
    let folder = std::env::temp_dir();
    let scratch = tempfile_dir(&folder)?;
    let verified = unpack(file, passphrase, &scratch).and_then(|unpacked| {
        let (frames, damaged) = count_frames(&scratch, &unpacked.secrets)?;
        let attachment_files = unpacked.attachment_files;
        Ok(Verified { manifest: unpacked.manifest, frames, damaged, attachment_files })
    });
    let _ = fs::remove_dir_all(&scratch);
    verified
}

fn tempfile_dir(folder: &Path) -> Result<PathBuf, BackupError> {
    let mut name = [0; 8];
    getrandom::fill(&mut name).map_err(|_| VaultError::Random)?;
    let path = folder.join(format!("entente-backup-{:016x}", u64::from_be_bytes(name)));
    private_dir(&path).map_err(at(&path))?;
    Ok(path)
}

fn count_frames(home: &Path, secrets: &Secrets) -> Result<(u64, u64), BackupError> {
    let key = StoreKey::from_bytes(secrets.store.key());
    let (journal, _) = Journal::open(&home.join("journal"), &key)?;
    let (mut frames, mut damaged) = (0, 0);
    for (_, frame) in journal.scan(Position::START)? {
        if frame.is_ok() { frames += 1 } else { damaged += 1 }
    }
    journal.close();
    Ok((frames, damaged))
}

/// Makes a node's folder of a back-up. It opens with the back-up's passphrase, and is fenced. Everything is
/// durable before the folder has its name: a crash leaves no half of a node.
///
/// # Errors
/// [`BackupError::Exists`] if anything is there; else says what is wrong. There is no node then.
pub fn restore(
    file: &Path,
    passphrase: &[u8],
    params: VaultParams,
    home: &Path,
) -> Result<Manifest, BackupError> {
    if home.exists() && fs::read_dir(home).map_err(at(home))?.next().is_some() {
        return Err(BackupError::Exists(home.to_owned()));
    }
    let parent = crate::store::parent(home).to_owned();
    fs::create_dir_all(&parent).map_err(at(&parent))?;
    let staging = parent.join(format!(".{}.restoring", file_name(home)));
    if staging.exists() {
        fs::remove_dir_all(&staging).map_err(at(&staging))?;
    }
    let done = (|| {
        private_dir(&staging).map_err(at(&staging))?;
        let unpacked = unpack(file, passphrase, &staging)?;
        let keys = unpacked.secrets.to_bytes();
        Vault::create_with(params, &staging.join("vault"), passphrase, &keys)?;
        fs::rename(&staging, home).map_err(at(home))?;
        crate::store::sync_dir(&parent).map_err(at(&parent))?;
        Ok(unpacked.manifest)
    })();
    if done.is_err() {
        let _ = fs::remove_dir_all(&staging);
    }
    done
}

struct Unpacked {
    manifest: Manifest,
    secrets: Secrets,
    attachment_files: u64,
}

fn unpack(file: &Path, passphrase: &[u8], into: &Path) -> Result<Unpacked, BackupError> {
    let bad = |what| damaged(file, what);
    let mut from = Opener::open(file, passphrase)?;
    let (mut manifest, mut secrets, mut attachment_files) = (None, None, 0);
    while let Some((name, size)) = head(&mut from).map_err(at(file))? {
        match name.as_str() {
            "manifest" => {
                let bytes = whole(&mut from, size, Manifest::MAX).map_err(at(file))?;
                let read: Manifest = codec::decode(&bytes).map_err(|_| bad("its manifest"))?;
                manifest = Some(read).filter(|m| m.version == 1);
            }
            "secrets" => {
                let bytes = whole(&mut from, size, crate::vault::MAX_CONTENTS).map_err(at(file))?;
                secrets = Secrets::from_bytes(&bytes).ok();
            }
            path if is_ours(path) => {
                attachment_files += u64::from(path.starts_with("blobs/"));
                let path = into.join(path);
                copy_out(&mut from, size, &path).map_err(at(&path))?;
            }
            _ => return Err(bad("a file in it has a name that no node has")),
        }
    }
    if from.read(&mut [0]).map_err(at(file))? != 0 {
        return Err(bad("something follows its end"));
    }
    let manifest = manifest.ok_or_else(|| bad("its manifest, or it is of a later version"))?;
    let secrets = secrets.ok_or_else(|| bad("its keys"))?;
    Ok(Unpacked { manifest, secrets, attachment_files })
}

/// The names that a node's folder has: a back-up shall write nowhere else.
fn is_ours(name: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    match name.split('/').collect::<Vec<_>>().as_slice() {
        ["config.toml"] => true,
        ["journal", segment] => segment.strip_suffix(".seg").is_some_and(plain),
        ["blobs", shard, blob] => plain(shard) && plain(blob),
        _ => false,
    }
}

/// The name and size of what follows; nothing at the end.
fn head(from: &mut Opener) -> io::Result<Option<(String, u64)>> {
    let mut length = [0; 2];
    from.read_exact(&mut length)?;
    let length = usize::from(u16::from_be_bytes(length));
    if length == 0 {
        return Ok(None);
    }
    if length > MAX_ENTRY_NAME {
        return Err(io::Error::other("a name in it is too long"));
    }
    let mut name = vec![0; length];
    from.read_exact(&mut name)?;
    let mut size = [0; 8];
    from.read_exact(&mut size)?;
    let name = String::from_utf8(name).map_err(io::Error::other)?;
    Ok(Some((name, u64::from_be_bytes(size))))
}

fn whole(from: &mut Opener, size: u64, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let size = usize::try_from(size).ok().filter(|size| *size <= most);
    let mut bytes = Zeroizing::new(vec![0; size.ok_or_else(|| io::Error::other("a part is too long"))?]);
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn copy_out(from: &mut Opener, size: u64, path: &Path) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let folder = crate::store::parent(path);
    private_dir(folder)?;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let copied = io::copy(&mut from.take(size), &mut file)?;
    if copied != size {
        return Err(io::Error::other("the back-up ends in the middle of it"));
    }
    file.sync_all()?;
    crate::store::sync_dir(folder)
}

#[cfg(test)]
mod tests;
