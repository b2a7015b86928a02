//! The vault: one small file of secrets behind a passphrase. Start from [`Vault`].
//!
//! It is rewritten whole, under a fresh data key, and renamed into place: a secret that was left out of the last
//! save cannot be read from the file any more.
//!
//! ```text
//!   0          8         9          13     17     21        37                    109
//!   +----------+---------+----------+------+------+---------+---------------------+
//!   | ENTVAULT | version | m (KiB)  | t    | p    | salt    | wrapped data key    |
//!   | 8        | 1       | u32 BE   | u32  | u32  | 16      | nonce 24 ‖ 32 ‖ 16  |
//!   +----------+---------+----------+------+------+---------+---------------------+
//!   109                              end-32                end
//!   +--------------------------------+---------------------+
//!   | contents: nonce 24 ‖ n ‖ 16    | BLAKE3 of all before|
//!   +--------------------------------+---------------------+
//!   wrapped data key: XChaCha20-Poly1305 under Argon2id(passphrase, salt, m, t, p), AAD = bytes 0 to 37
//!   contents:         XChaCha20-Poly1305 under the data key,                        AAD = bytes 0 to 109
//! ```
//!
//! The BLAKE3 checksum has no key: it tells damage from a wrong passphrase, and proves nothing about who wrote
//! the file (the tags do). Argon2id is RFC 9106.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::store::{parent, private_dir, replace_file};

/// The most contents of a vault, in bytes: 16 MiB. It is held in memory whole.
pub const MAX_CONTENTS: usize = 16 << 20;

const MAGIC: [u8; 8] = *b"ENTVAULT";
const VERSION: u8 = 1;
const SALT: usize = 16;
const NONCE: usize = 24;
const TAG: usize = 16;
const KEY: usize = 32;
const CHECKSUM: usize = 32;
const HEADER: usize = 8 + 1 + 12 + SALT;
const WRAPPED: usize = NONCE + KEY + TAG;
const SMALLEST: usize = HEADER + WRAPPED + NONCE + TAG + CHECKSUM;

/// The most memory that a vault file can make us spend, in KiB: 1 GiB.
const MAX_MEMORY_KIB: u32 = 1 << 20;
/// The most passes over it.
const MAX_PASSES: u32 = 16;
/// The most lanes. We write 1; a vault of another version of this program may have some.
const MAX_LANES: u32 = 16;

/// Why a vault could not be opened or saved.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The passphrase is wrong.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// The file is not what was written, whatever the passphrase.
    #[error("the vault {} is damaged", path.display())]
    Damaged {
        /// The vault file.
        path: PathBuf,
    },
    /// There is no vault here.
    #[error("there is no vault at {}", path.display())]
    NotFound {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// There is a vault here already.
    #[error("there is a vault at {} already", path.display())]
    Exists {
        /// The vault file.
        path: PathBuf,
    },
    /// A later version of this program wrote it.
    #[error("the vault has format {version}, which a later version of Entente wrote")]
    NewerVersion {
        /// Its format.
        version: u8,
    },
    /// The contents are over [`MAX_CONTENTS`].
    #[error("{bytes} bytes are too many for the vault (at most {MAX_CONTENTS})")]
    TooLarge {
        /// Their length.
        bytes: usize,
    },
    /// The passphrase could not be turned into a key: the cost is out of bounds, or memory is short.
    #[error("the passphrase cannot be processed: {0}")]
    Derivation(argon2::Error),
    /// The operating system's random source failed.
    #[error("the system's random source failed")]
    Random,
    /// The file could not be read or written. If it was being saved, the old vault is still there.
    #[error("the vault {} cannot be used", path.display())]
    Io {
        /// The vault file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What it costs to try one passphrase (Argon2id).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VaultParams {
    /// Memory, in KiB: at most 1 GiB.
    pub memory_kib: u32,
    /// Passes over the memory: at most 16.
    pub passes: u32,
    /// Lanes: at most 16.
    pub lanes: u32,
}

impl Default for VaultParams {
    /// 128 MiB, 3 passes, 1 lane.
    fn default() -> Self {
        Self { memory_kib: 128 << 10, passes: 3, lanes: 1 }
    }
}

impl VaultParams {
    fn bounded(self) -> Option<Self> {
        let fits = self.memory_kib <= MAX_MEMORY_KIB
            && (1..=MAX_PASSES).contains(&self.passes)
            && (1..=MAX_LANES).contains(&self.lanes)
            && self.memory_kib >= 8 * self.lanes;
        fits.then_some(self)
    }
}

/// An unlocked vault. Holds the key that the passphrase gave; dropping it erases that.
pub struct Vault {
    path: PathBuf,
    params: VaultParams,
    salt: [u8; SALT],
    passphrase_key: Zeroizing<[u8; KEY]>,
}

impl Vault {
    /// Makes a new vault file, for this user only, at the default cost.
    ///
    /// # Errors
    /// [`VaultError::Exists`] if there is one already.
    pub fn create(path: &Path, passphrase: &[u8], contents: &[u8]) -> Result<Self, VaultError> {
        Self::create_with(VaultParams::default(), path, passphrase, contents)
    }

    /// [`Vault::create`] at a given cost.
    ///
    /// # Errors
    /// As [`Vault::create`].
    pub fn create_with(
        params: VaultParams,
        path: &Path,
        passphrase: &[u8],
        contents: &[u8],
    ) -> Result<Self, VaultError> {
        let io = |source| VaultError::Io { path: path.to_owned(), source };
        if path.try_exists().map_err(io)? {
            return Err(VaultError::Exists { path: path.to_owned() });
        }
        private_dir(parent(path)).map_err(io)?;
        let vault = Self::with_passphrase(path, params, random()?, passphrase)?;
        vault.save(contents)?;
        Ok(vault)
    }

    /// Opens a vault and returns its contents. A wrong passphrase costs what a right one does.
    ///
    /// # Errors
    /// [`VaultError::WrongPassphrase`] only if the file is intact.
    pub fn open(path: &Path, passphrase: &[u8]) -> Result<(Self, Zeroizing<Vec<u8>>), VaultError> {
        let file = VaultFile::read(path)?;
        let vault = Self::with_passphrase(path, file.params, file.salt, passphrase)?;
        let contents = file.open(path, &vault.passphrase_key)?;
        Ok((vault, contents))
    }

    /// Replaces the contents, at once and durably, under a fresh data key.
    ///
    /// # Errors
    /// After an error the old contents are still there.
    pub fn save(&self, contents: &[u8]) -> Result<(), VaultError> {
        let sealed = self.seal(contents)?;
        replace_file(&self.path, &sealed).map_err(|source| VaultError::Io { path: self.path.clone(), source })
    }

    /// Replaces the passphrase, at the default cost or that of the old one if it was higher. The contents stay.
    ///
    /// # Errors
    /// After an error the old passphrase is still the right one.
    pub fn change_passphrase(&mut self, passphrase: &[u8]) -> Result<(), VaultError> {
        let default = VaultParams::default();
        let dearer = self.params.memory_kib >= default.memory_kib && self.params.passes >= default.passes;
        self.change_passphrase_with(if dearer { self.params } else { default }, passphrase)
    }

    /// [`Vault::change_passphrase`] at a given cost.
    ///
    /// # Errors
    /// As [`Vault::change_passphrase`].
    pub fn change_passphrase_with(
        &mut self,
        params: VaultParams,
        passphrase: &[u8],
    ) -> Result<(), VaultError> {
        let contents = VaultFile::read(&self.path)?.open(&self.path, &self.passphrase_key)?;
        let changed = Self::with_passphrase(&self.path, params, random()?, passphrase)?;
        changed.save(&contents)?;
        *self = changed;
        Ok(())
    }

    fn with_passphrase(
        path: &Path,
        params: VaultParams,
        salt: [u8; SALT],
        passphrase: &[u8],
    ) -> Result<Self, VaultError> {
        let VaultParams { memory_kib, passes, lanes } =
            params.bounded().ok_or(VaultError::Derivation(argon2::Error::MemoryTooMuch))?;
        let cost = Params::new(memory_kib, passes, lanes, Some(KEY)).map_err(VaultError::Derivation)?;
        let mut key = Zeroizing::new([0; KEY]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, cost)
            .hash_password_into(passphrase, &salt, key.as_mut())
            .map_err(VaultError::Derivation)?;
        Ok(Self { path: path.to_owned(), params, salt, passphrase_key: key })
    }

    /// The bytes of the file.
    fn seal(&self, contents: &[u8]) -> Result<Vec<u8>, VaultError> {
        if contents.len() > MAX_CONTENTS {
            return Err(VaultError::TooLarge { bytes: contents.len() });
        }
        let data_key = Zeroizing::new(random::<KEY>()?);
        let mut file = Vec::with_capacity(SMALLEST + contents.len());
        file.extend_from_slice(&header(MAGIC, self.params, &self.salt));
        let wrapped = seal_part(&self.passphrase_key, data_key.as_ref(), &file)?;
        file.extend_from_slice(&wrapped);
        let sealed = seal_part(&data_key, contents, &file)?;
        file.extend_from_slice(&sealed);
        let checksum = blake3::hash(&file);
        file.extend_from_slice(checksum.as_bytes());
        Ok(file)
    }
}

/// Bytes before what is sealed under the data key of [`wrap`].
pub(crate) const WRAP: usize = HEADER + WRAPPED;

/// A fresh data key under a passphrase, for a file of another kind that begins as a vault does: its first
/// [`WRAP`] bytes, and the key.
///
/// # Errors
/// As [`Vault::create`].
pub(crate) fn wrap(
    magic: [u8; 8],
    params: VaultParams,
    passphrase: &[u8],
) -> Result<(Vec<u8>, Zeroizing<[u8; KEY]>), VaultError> {
    let salt = random()?;
    let vault = Vault::with_passphrase(Path::new(""), params, salt, passphrase)?;
    let data_key = Zeroizing::new(random::<KEY>()?);
    let header = header(magic, params, &salt);
    let wrapped = seal_part(&vault.passphrase_key, data_key.as_ref(), &header)?;
    Ok(([header, wrapped].concat(), data_key))
}

/// The data key of [`wrap`]; nothing if the bytes are of another kind or version.
///
/// # Errors
/// [`VaultError::WrongPassphrase`], also where the bytes were changed.
pub(crate) fn unwrap(
    magic: [u8; 8],
    bytes: &[u8],
    passphrase: &[u8],
) -> Result<Option<Zeroizing<[u8; KEY]>>, VaultError> {
    let parsed = || {
        let (head, wrapped) = bytes.split_at_checked(HEADER)?;
        let rest = head.strip_prefix(&magic)?.strip_prefix(&[VERSION])?;
        let (costs, salt) = rest.split_first_chunk::<12>()?;
        let params = parse_params(costs).bounded()?;
        Some((head, wrapped, params, salt.first_chunk::<SALT>().copied()?))
    };
    let Some((head, wrapped, params, salt)) = parsed() else { return Ok(None) };
    let vault = Vault::with_passphrase(Path::new(""), params, salt, passphrase)?;
    let key = open_part(&vault.passphrase_key, wrapped, head).ok_or(VaultError::WrongPassphrase)?;
    Ok(key.first_chunk::<KEY>().map(|key| Zeroizing::new(*key)))
}

fn header(magic: [u8; 8], params: VaultParams, salt: &[u8; SALT]) -> Vec<u8> {
    let mut header = magic.to_vec();
    header.push(VERSION);
    for cost in [params.memory_kib, params.passes, params.lanes] {
        header.extend_from_slice(&cost.to_be_bytes());
    }
    header.extend_from_slice(salt);
    header
}

/// Looks whether a vault file is whole, without opening it.
///
/// # Errors
/// [`VaultError`], as opening would give, a wrong passphrase apart.
pub fn inspect(path: &Path) -> Result<(), VaultError> {
    VaultFile::read(path).map(|_whole| ())
}

/// A vault file that is intact, and still locked.
struct VaultFile {
    bytes: Vec<u8>,
    params: VaultParams,
    salt: [u8; SALT],
}

impl VaultFile {
    fn read(path: &Path) -> Result<Self, VaultError> {
        let bytes = read_bounded(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => VaultError::NotFound { path: path.to_owned() },
            _ => VaultError::Io { path: path.to_owned(), source },
        })?;
        Self::parse(bytes)?.ok_or_else(|| VaultError::Damaged { path: path.to_owned() })
    }

    /// `None` if the bytes are not those of a vault that was written whole.
    fn parse(mut bytes: Vec<u8>) -> Result<Option<Self>, VaultError> {
        let Some((body, checksum)) = bytes.split_last_chunk::<CHECKSUM>() else { return Ok(None) };
        if blake3::hash(body) != *checksum {
            return Ok(None);
        }
        let Some((magic, rest)) = body.split_first_chunk::<8>() else { return Ok(None) };
        let Some((&[version], rest)) = rest.split_first_chunk::<1>() else { return Ok(None) };
        if *magic != MAGIC || version == 0 {
            return Ok(None);
        }
        if version > VERSION {
            return Err(VaultError::NewerVersion { version });
        }
        let Some((costs, rest)) = rest.split_first_chunk::<12>() else { return Ok(None) };
        let Some(salt) = rest.first_chunk::<SALT>().copied() else { return Ok(None) };
        let Some(params) = parse_params(costs).bounded() else { return Ok(None) };
        let end = body.len();
        if bytes.len() < SMALLEST {
            return Ok(None);
        }
        bytes.truncate(end);
        Ok(Some(Self { bytes, params, salt }))
    }

    fn open(&self, path: &Path, key: &Zeroizing<[u8; KEY]>) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let damaged = || VaultError::Damaged { path: path.to_owned() };
        let (header, rest) = self.bytes.split_at_checked(HEADER).ok_or_else(damaged)?;
        let (wrapped, sealed) = rest.split_at_checked(WRAPPED).ok_or_else(damaged)?;
        let data_key = open_part(key, wrapped, header).ok_or(VaultError::WrongPassphrase)?;
        let data_key: &[u8; KEY] = data_key.as_slice().try_into().map_err(|_| damaged())?;
        let aad = self.bytes.get(..HEADER + WRAPPED).ok_or_else(damaged)?;
        open_part(data_key, sealed, aad).ok_or_else(damaged)
    }
}

fn parse_params(costs: &[u8; 12]) -> VaultParams {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = *costs;
    VaultParams {
        memory_kib: u32::from_be_bytes([a, b, c, d]),
        passes: u32::from_be_bytes([e, f, g, h]),
        lanes: u32::from_be_bytes([i, j, k, l]),
    }
}

/// A file that is too long to be a vault is cut, and so found damaged.
fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take((SMALLEST + MAX_CONTENTS) as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn seal_part(key: &[u8; KEY], plaintext: &[u8], aad: &[u8]) -> Result<Vec<u8>, VaultError> {
    let nonce = random::<NONCE>()?;
    let ciphertext = XChaCha20Poly1305::new(key.into())
        .encrypt(&XNonce::from(nonce), Payload { msg: plaintext, aad })
        .map_err(|_| VaultError::TooLarge { bytes: plaintext.len() })?;
    let mut sealed = nonce.to_vec();
    sealed.extend_from_slice(&ciphertext);
    Ok(sealed)
}

fn open_part(key: &[u8; KEY], sealed: &[u8], aad: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, msg) = sealed.split_first_chunk::<NONCE>()?;
    let opened = XChaCha20Poly1305::new(key.into()).decrypt(&XNonce::from(*nonce), Payload { msg, aad });
    opened.ok().map(Zeroizing::new)
}

fn random<const N: usize>() -> Result<[u8; N], VaultError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| VaultError::Random)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::store::write_temp;

    const CHEAP: VaultParams = VaultParams { memory_kib: 64, passes: 1, lanes: 1 };

    fn cheap(path: &Path) -> Vault {
        Vault::create_with(CHEAP, path, b"right", b"contents").unwrap()
    }

    #[test]
    fn a_vault_opens_with_its_passphrase_only() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("private/vault");
        let vault = cheap(&path);
        assert_eq!(Vault::open(&path, b"right").unwrap().1.as_slice(), b"contents");
        vault.save(b"other contents").unwrap();
        assert_eq!(Vault::open(&path, b"right").unwrap().1.as_slice(), b"other contents");
        assert!(matches!(Vault::open(&path, b"wrong"), Err(VaultError::WrongPassphrase)));
        let missing = Vault::open(&home.path().join("none"), b"right");
        assert!(matches!(missing, Err(VaultError::NotFound { .. })));
        let again = Vault::create_with(CHEAP, &path, b"x", b"");
        assert!(matches!(again, Err(VaultError::Exists { .. })));
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    }

    #[test]
    fn the_default_cost_is_128_mib() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("vault");
        Vault::create(&path, b"right", b"contents").unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes[9..13], (128_u32 << 10).to_be_bytes());
        assert_eq!(Vault::open(&path, b"right").unwrap().1.as_slice(), b"contents");
    }

    #[test]
    fn every_flipped_byte_and_every_truncation_is_damage_never_a_wrong_passphrase() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("vault");
        cheap(&path);
        let good = std::fs::read(&path).unwrap();
        for index in 0..good.len() {
            let mut bad = good.clone();
            bad[index] ^= 0x80;
            std::fs::write(&path, &bad).unwrap();
            assert!(matches!(Vault::open(&path, b"right"), Err(VaultError::Damaged { .. })), "{index}");
            std::fs::write(&path, &good[..index]).unwrap();
            assert!(matches!(Vault::open(&path, b"right"), Err(VaultError::Damaged { .. })), "{index}");
        }
    }

    fn rewritten(good: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
        let mut body = good[..good.len() - CHECKSUM].to_vec();
        body[at..at + bytes.len()].copy_from_slice(bytes);
        let checksum = *blake3::hash(&body).as_bytes();
        body.extend_from_slice(&checksum);
        body
    }

    #[test]
    fn costs_beyond_the_bounds_are_refused_before_they_are_spent() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("vault");
        cheap(&path);
        let good = std::fs::read(&path).unwrap();
        for (at, cost) in [(9, MAX_MEMORY_KIB + 1), (9, 0), (13, 17), (13, 0), (17, 0), (17, u32::MAX)] {
            std::fs::write(&path, rewritten(&good, at, &cost.to_be_bytes())).unwrap();
            assert!(matches!(Vault::open(&path, b"right"), Err(VaultError::Damaged { .. })));
        }
        std::fs::write(&path, rewritten(&good, 8, &[2])).unwrap();
        assert!(matches!(Vault::open(&path, b"right"), Err(VaultError::NewerVersion { version: 2 })));
        // The header is authenticated: another salt or cost cannot be slipped in, even with a fitting checksum.
        std::fs::write(&path, rewritten(&good, 13, &2_u32.to_be_bytes())).unwrap();
        assert!(matches!(Vault::open(&path, b"right"), Err(VaultError::WrongPassphrase)));
    }

    #[test]
    fn a_crash_before_the_rename_leaves_the_old_contents() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("vault");
        let vault = cheap(&path);
        write_temp(&path, &vault.seal(b"newer").unwrap()).unwrap();
        let (vault, contents) = Vault::open(&path, b"right").unwrap();
        assert_eq!(contents.as_slice(), b"contents");
        // What the crash left behind is no obstacle, and does not stay.
        vault.save(b"newest").unwrap();
        assert_eq!(Vault::open(&path, b"right").unwrap().1.as_slice(), b"newest");
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn every_save_has_a_fresh_data_key() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("vault");
        let vault = cheap(&path);
        let first = std::fs::read(&path).unwrap();
        vault.save(b"contents").unwrap();
        let second = std::fs::read(&path).unwrap();
        let data_key = |file: &[u8]| {
            open_part(&vault.passphrase_key, &file[HEADER..HEADER + WRAPPED], &file[..HEADER]).unwrap()
        };
        assert_ne!(data_key(&first), data_key(&second));
    }

    #[test]
    fn after_a_change_only_the_new_passphrase_opens() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("vault");
        let mut vault = cheap(&path);
        vault.change_passphrase_with(CHEAP, b"new").unwrap();
        vault.save(b"after").unwrap();
        assert!(matches!(Vault::open(&path, b"right"), Err(VaultError::WrongPassphrase)));
        assert_eq!(Vault::open(&path, b"new").unwrap().1.as_slice(), b"after");
    }

    #[test]
    fn contents_over_the_bound_are_refused() {
        let home = tempfile::tempdir().unwrap();
        let vault = cheap(&home.path().join("vault"));
        vault.save(&vec![1; MAX_CONTENTS]).unwrap();
        assert_eq!(Vault::open(&vault.path, b"right").unwrap().1.len(), MAX_CONTENTS);
        let over = vault.save(&vec![1; MAX_CONTENTS + 1]);
        assert!(matches!(over, Err(VaultError::TooLarge { .. })));
    }
}
