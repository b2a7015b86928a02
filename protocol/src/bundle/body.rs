//! The body: messages into chunks, and back. Neither side holds more than one message and two chunks.

use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

use crate::chunk;
use crate::codec;
use crate::derive::{self, BundleHasher, Key};
use crate::envelope::padme;
use crate::ids::{NodeId, PartnershipId, Timestamp};
use crate::limits::{CHUNK, MAX_SYNC_MESSAGE};
use crate::signed::sign;
use crate::sync::Message;

use super::statement::{BundleStatement, Verified};
use super::{BundleError, FileKey};

const MESSAGE: u8 = 1;
const STATEMENT: u8 = 2;
/// Kind and length.
const ITEM_HEAD: usize = 5;

/// Makes a body: takes messages, gives ciphertext for the file as it becomes full.
pub struct Composer {
    key: Key,
    index: u64,
    waiting: Zeroizing<Vec<u8>>,
    /// Bytes of the body so far.
    length: usize,
    messages: u64,
    hasher: BundleHasher,
    /// The padded length, once all is said.
    end: Option<usize>,
    ended: bool,
}

impl Composer {
    /// For a file key.
    #[must_use]
    pub fn new(key: &Key) -> Composer {
        Composer {
            key: derive::bundle_body_key(key),
            index: 0,
            waiting: Zeroizing::default(),
            length: 0,
            messages: 0,
            hasher: BundleHasher::default(),
            end: None,
            ended: false,
        }
    }

    /// Adds a message; gives what is to be written now, perhaps nothing.
    ///
    /// # Errors
    /// [`BundleError::TooLarge`].
    pub fn message(&mut self, message: &Message) -> Result<Vec<u8>, BundleError> {
        let bytes = Zeroizing::new(codec::encode(message));
        if bytes.len() > MAX_SYNC_MESSAGE {
            return Err(BundleError::Malformed("a message is too long"));
        }
        self.messages += 1;
        self.hasher.add(&bytes);
        self.item(MESSAGE, &bytes)
    }

    /// After the last message: signs them. [`Composer::padding`] is to follow.
    ///
    /// # Errors
    /// [`BundleError::TooLarge`].
    pub fn sign(
        &mut self,
        (partnership, created): (PartnershipId, Timestamp),
        mut to: Vec<NodeId>,
        node: &SigningKey,
    ) -> Result<Vec<u8>, BundleError> {
        to.sort_unstable();
        to.dedup();
        let statement = BundleStatement {
            partnership,
            from: NodeId(node.verifying_key().to_bytes()),
            to,
            created,
            messages: self.messages,
            body: self.hasher.hash(),
        };
        let signed = codec::encode(&sign(statement, node).to_unverified());
        self.item(STATEMENT, &signed)
    }

    /// The rest of the file, chunk by chunk; `None` after the last.
    ///
    /// # Errors
    /// [`BundleError::TooLarge`].
    pub fn padding(&mut self) -> Result<Option<Vec<u8>>, BundleError> {
        if self.ended {
            return Ok(None);
        }
        let end = *self.end.get_or_insert(padme(self.length));
        let zeroes = end.saturating_sub(self.length).min(CHUNK - self.waiting.len());
        let filled = self.waiting.len() + zeroes;
        self.waiting.resize(filled, 0);
        self.length += zeroes;
        self.ended = self.length >= end;
        let chunk = chunk::seal(&self.key, self.index, self.ended, &self.waiting)?;
        self.index += 1;
        self.waiting.clear();
        Ok(Some(chunk))
    }

    fn item(&mut self, kind: u8, bytes: &[u8]) -> Result<Vec<u8>, BundleError> {
        let length = u32::try_from(bytes.len()).map_err(|_| BundleError::Malformed("an item is too long"))?;
        let mut out = Vec::new();
        self.put(&[kind], &mut out)?;
        self.put(&length.to_be_bytes(), &mut out)?;
        self.put(bytes, &mut out)?;
        Ok(out)
    }

    /// A full chunk is sealed when more follows: only then it is not the last.
    fn put(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> Result<(), BundleError> {
        self.length += bytes.len();
        while !bytes.is_empty() {
            if self.waiting.len() == CHUNK {
                out.extend(chunk::seal(&self.key, self.index, false, &self.waiting)?);
                self.index += 1;
                self.waiting.clear();
            }
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK - self.waiting.len()));
            self.waiting.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }
}

/// Reads a body: takes chunks, gives messages. Nothing that it gives is to be used before [`Reader::finish`] has
/// said yes, so a file is read twice: once to check it, once to take it.
pub struct Reader {
    key: Key,
    index: u64,
    waiting: Zeroizing<Vec<u8>>,
    /// Bytes of `waiting` that were read.
    read: usize,
    length: usize,
    messages: u64,
    hasher: BundleHasher,
    end: Option<(Verified, usize)>,
    last: bool,
}

impl Reader {
    /// For what a slot held.
    #[must_use]
    pub fn new(file: &FileKey) -> Reader {
        Reader {
            key: derive::bundle_body_key(&file.key),
            index: 0,
            waiting: Zeroizing::default(),
            read: 0,
            length: 0,
            messages: 0,
            hasher: BundleHasher::default(),
            end: None,
            last: false,
        }
    }

    /// Takes the next chunk; `last` if the file ends with it.
    ///
    /// # Errors
    /// [`BundleError::Changed`], also where it is not the last and the file ends, or goes on after the last.
    pub fn chunk(&mut self, sealed: &[u8], last: bool) -> Result<(), BundleError> {
        let plain = chunk::open(&self.key, self.index, last, sealed).map_err(|_| {
            let cut_off = last && chunk::open(&self.key, self.index, false, sealed).is_ok();
            if cut_off { BundleError::CutOff } else { BundleError::Changed }
        })?;
        self.index += 1;
        self.length += plain.len();
        self.last = last;
        self.waiting.drain(..self.read);
        self.read = 0;
        self.waiting.extend_from_slice(&plain);
        Ok(())
    }

    /// The next message that is complete; `None` if another chunk is needed, or all were given.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn next_message(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, BundleError> {
        if self.end.is_some() {
            return self.zeroes().map(|()| None);
        }
        let there = self.waiting.get(self.read..).unwrap_or_default();
        let Some((head, rest)) = there.split_first_chunk::<ITEM_HEAD>() else { return Ok(None) };
        let [kind, length @ ..] = *head;
        let length = u32::from_be_bytes(length) as usize;
        let longest = match kind {
            MESSAGE => MAX_SYNC_MESSAGE,
            STATEMENT => <BundleStatement as crate::codec::Wire>::MAX + 80,
            _ => return Err(BundleError::Malformed("an item of an unknown kind")),
        };
        if length > longest {
            return Err(BundleError::Malformed("an item is too long"));
        }
        let Some(bytes) = rest.get(..length) else { return Ok(None) };
        let end = self.length - there.len() + ITEM_HEAD + length;
        if kind == STATEMENT {
            self.end = Some((Verified::read(bytes, self.messages, &self.hasher)?, end));
            self.read += ITEM_HEAD + length;
            return self.zeroes().map(|()| None);
        }
        let message = Zeroizing::new(bytes.to_vec());
        self.hasher.add(&message);
        self.messages += 1;
        self.read += ITEM_HEAD + length;
        Ok(Some(message))
    }

    fn zeroes(&mut self) -> Result<(), BundleError> {
        let there = self.waiting.get(self.read..).unwrap_or_default();
        if there.iter().any(|byte| *byte != 0) {
            return Err(BundleError::Malformed("something follows its end"));
        }
        self.read = self.waiting.len();
        Ok(())
    }

    /// After the last chunk: what the author signed, if it is about all that was read.
    ///
    /// # Errors
    /// [`BundleError::CutOff`] where the end is missing.
    pub fn finish(self) -> Result<Verified, BundleError> {
        let (verified, end) = self.end.filter(|_| self.last).ok_or(BundleError::CutOff)?;
        if self.length != padme(end) {
            return Err(BundleError::Malformed("it is not padded as it should be"));
        }
        Ok(verified)
    }
}
