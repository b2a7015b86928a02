//! The file of a back-up: a header as the vault's, then chunks, the last marked as such.
//!
//! ```text
//! ENTBACKP ‖ version, costs, salt, wrapped data key (as in the vault) ‖ chunk ‖ chunk … ‖ last chunk
//! chunk: length 4 ‖ XChaCha20-Poly1305 under the data key, nonce = number of the chunk, AAD = header ‖ is last
//! ```
//! The data key is used for this file only, so numbers are fine as nonces; a file that ends early, or in which
//! chunks are missing or moved, does not open.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::vault::{self, VaultError, VaultParams};

use super::{BackupError, at, damaged};

const MAGIC: [u8; 8] = *b"ENTBACKP";
const CHUNK: usize = 64 << 10;
const TAG: usize = 16;

struct Chunks {
    cipher: XChaCha20Poly1305,
    header: Vec<u8>,
    next: u64,
}

impl Chunks {
    fn new(key: &[u8; 32], header: Vec<u8>) -> Chunks {
        Chunks { cipher: XChaCha20Poly1305::new(key.into()), header, next: 0 }
    }

    fn nonce(&mut self) -> XNonce {
        let mut nonce = [0; 24];
        nonce[16..].copy_from_slice(&self.next.to_be_bytes());
        self.next += 1;
        XNonce::from(nonce)
    }

    fn aad(&self, last: bool) -> Vec<u8> {
        let mut aad = self.header.clone();
        aad.push(u8::from(last));
        aad
    }
}

/// Writes one.
pub(super) struct Sealer {
    file: BufWriter<File>,
    chunks: Chunks,
    waiting: Zeroizing<Vec<u8>>,
}

impl Sealer {
    pub(super) fn create(path: &Path, passphrase: &[u8], params: VaultParams) -> Result<Self, BackupError> {
        let (header, key) = vault::wrap(MAGIC, params, passphrase)?;
        let open = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
        let mut file = BufWriter::new(open.map_err(at(path))?);
        file.write_all(&header).map_err(at(path))?;
        let waiting = Zeroizing::new(Vec::with_capacity(CHUNK));
        Ok(Sealer { file, chunks: Chunks::new(&key, header), waiting })
    }

    fn seal(&mut self, last: bool) -> io::Result<()> {
        let aad = self.chunks.aad(last);
        let nonce = self.chunks.nonce();
        let payload = Payload { msg: &self.waiting, aad: &aad };
        let sealed = self.chunks.cipher.encrypt(&nonce, payload).map_err(|_| io::Error::other("sealing"))?;
        let length = u32::try_from(sealed.len()).map_err(io::Error::other)?;
        self.file.write_all(&length.to_be_bytes())?;
        self.file.write_all(&sealed)?;
        self.waiting.clear();
        Ok(())
    }

    /// Seals what is left, and makes all of it durable.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.seal(true)?;
        self.file.flush()?;
        self.file.get_ref().sync_all()
    }
}

impl Write for Sealer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.waiting.len() >= CHUNK {
            self.seal(false)?;
        }
        let taken = bytes.len().min(CHUNK - self.waiting.len());
        self.waiting.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads one.
pub(super) struct Opener {
    file: BufReader<File>,
    chunks: Chunks,
    open: Zeroizing<Vec<u8>>,
    read: usize,
    last: bool,
}

impl Opener {
    pub(super) fn open(path: &Path, passphrase: &[u8]) -> Result<Self, BackupError> {
        let mut file = BufReader::new(File::open(path).map_err(at(path))?);
        let mut header = vec![0; vault::WRAP];
        file.read_exact(&mut header).map_err(|_| damaged(path, "it is too short"))?;
        let key = match vault::unwrap(MAGIC, &header, passphrase) {
            Ok(Some(key)) => key,
            Ok(None) => return Err(damaged(path, "it does not begin as one")),
            Err(VaultError::WrongPassphrase) => return Err(VaultError::WrongPassphrase.into()),
            Err(error) => return Err(error.into()),
        };
        let chunks = Chunks::new(&key, header);
        Ok(Opener { file, chunks, open: Zeroizing::default(), read: 0, last: false })
    }

    /// The next chunk into memory; false after the last.
    fn next(&mut self) -> io::Result<bool> {
        if self.last {
            return Ok(false);
        }
        let mut length = [0; 4];
        self.file.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        if !(TAG..=CHUNK + TAG).contains(&length) {
            return Err(io::Error::other("the back-up is damaged"));
        }
        let mut sealed = vec![0; length];
        self.file.read_exact(&mut sealed)?;
        self.last = self.file.fill_buf_is_empty()?;
        let aad = self.chunks.aad(self.last);
        let nonce = self.chunks.nonce();
        let opened = self.chunks.cipher.decrypt(&nonce, Payload { msg: &sealed, aad: &aad });
        self.open = Zeroizing::new(opened.map_err(|_| io::Error::other("the back-up is damaged"))?);
        self.read = 0;
        Ok(true)
    }
}

trait AtEnd {
    fn fill_buf_is_empty(&mut self) -> io::Result<bool>;
}

impl AtEnd for BufReader<File> {
    fn fill_buf_is_empty(&mut self) -> io::Result<bool> {
        io::BufRead::fill_buf(self).map(<[u8]>::is_empty)
    }
}

impl Read for Opener {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.read >= self.open.len() {
            if !self.next()? {
                return Ok(0);
            }
        }
        let there = self.open.get(self.read..).unwrap_or_default();
        let taken = there.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..taken), there.get(..taken)) {
            to.copy_from_slice(from);
        }
        self.read += taken;
        Ok(taken)
    }
}
