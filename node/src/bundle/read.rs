//! Reading a file: first whether it is for this node, then all of it, twice.

use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::path::Path;

use entente_protocol::bundle::{self, FileKey, Reader, SLOT_LEN, Verified};
use entente_protocol::epoch::PrekeySecret;
use entente_protocol::ids::PartnershipId;
use entente_protocol::limits::{CHUNK, MAX_BUNDLE_SLOTS};
use zeroize::Zeroizing;

use super::ImportError;

const SEALED: usize = CHUNK + entente_protocol::chunk::OVERHEAD;

/// A file that is for this node.
pub(super) struct Opened<R> {
    file: R,
    key: FileKey,
    /// The partnership whose key opens it.
    pub partnership: PartnershipId,
}

/// Tries these keys on one slot after the other.
pub(super) fn open<R: BufRead + Seek>(
    mut file: R,
    path: &Path,
    keys: &[(PartnershipId, PrekeySecret)],
) -> Result<Opened<R>, ImportError> {
    let mut slot = [0; SLOT_LEN];
    for _ in 0..MAX_BUNDLE_SLOTS {
        match file.read_exact(&mut slot) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(at(path)(error)),
        }
        let opened = keys.iter().find_map(|(p, secret)| Some((*p, bundle::open_slot(&slot, secret)?)));
        if let Some((partnership, key)) = opened {
            return Ok(Opened { file, key, partnership });
        }
    }
    Err(ImportError::NotForUs)
}

pub(super) fn at(path: &Path) -> impl Fn(io::Error) -> ImportError {
    move |source| ImportError::Io { path: path.to_owned(), source }
}

impl<R: BufRead + Seek> Opened<R> {
    /// Reads all of it, and gives each message to `take`.
    ///
    /// # Errors
    /// [`ImportError`]; what `take` got is then not what its author signed.
    pub(super) fn read(
        &mut self,
        path: &Path,
        mut take: impl FnMut(Zeroizing<Vec<u8>>) -> Result<(), ImportError>,
    ) -> Result<Verified, ImportError> {
        let start = (self.key.slots * SLOT_LEN) as u64;
        self.file.seek(SeekFrom::Start(start)).map_err(at(path))?;
        let mut reader = Reader::new(&self.key);
        let mut sealed = Vec::with_capacity(SEALED);
        loop {
            sealed.clear();
            let read =
                Read::take(&mut self.file, SEALED as u64).read_to_end(&mut sealed).map_err(at(path))?;
            if read == 0 {
                return Err(entente_protocol::bundle::BundleError::CutOff.into());
            }
            let last = self.file.fill_buf().map_err(at(path))?.is_empty();
            reader.chunk(&sealed, last)?;
            while let Some(message) = reader.next_message()? {
                take(message)?;
            }
            if last {
                return Ok(reader.finish()?);
            }
        }
    }
}
