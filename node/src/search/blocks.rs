//! Terms in a file that only this process can read: it has no name, and the key is in memory alone, made for this one
//! file and overwritten when it goes. After the process ends, however it ends, nobody can read what was in it.
//!
//! ```text
//! file  = block*
//! block = ChaCha20-Poly1305 (key of the file, nonce = number of the block) of entry*, 16 KiB or somewhat more of them
//! entry = length (LEB128) ‖ term ‖ length (LEB128) ‖ documents, as differences (LEB128)
//! ```

use std::fs::File;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::Path;

use chacha20poly1305::aead::Aead;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce};
use zeroize::Zeroizing;

use super::fresh::Word;
use super::postings::{leb128, read_leb128};

/// A block ends with the entry that makes it so long, in bytes.
const BLOCK: usize = 16 << 10;

/// A file of terms in their order.
pub(super) struct Blocks {
    file: File,
    cipher: ChaCha20Poly1305,
    blocks: Vec<Block>,
}

struct Block {
    first: Word,
    start: u64,
    len: usize,
}

impl Blocks {
    /// Visits the terms from one on, in their order, each with its documents, until it is told to stop.
    ///
    /// # Errors
    /// What the system says where the file cannot be read, or that it is not what was written.
    pub(super) fn each_from(
        &self,
        from: &str,
        visit: &mut dyn FnMut(&str, &[u8]) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let first = self.blocks.partition_point(|block| *block.first.0 <= *from).saturating_sub(1);
        for number in first..self.blocks.len() {
            let plain = self.open(number)?;
            let mut left = plain.as_slice();
            while !left.is_empty() {
                let (term, documents) = entry(&mut left).ok_or_else(damaged)?;
                if term >= from && visit(term, documents).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn open(&self, number: usize) -> io::Result<Zeroizing<Vec<u8>>> {
        let block = self.blocks.get(number).ok_or_else(damaged)?;
        let mut sealed = vec![0; block.len];
        self.file.read_exact_at(&mut sealed, block.start)?;
        self.cipher.decrypt(&nonce(number), &*sealed).map(Zeroizing::new).map_err(|_| damaged())
    }

    #[cfg(test)]
    pub(super) fn file(&self) -> &File {
        &self.file
    }
}

fn entry<'a>(left: &mut &'a [u8]) -> Option<(&'a str, &'a [u8])> {
    let mut field = || {
        let len = read_leb128(left)? as usize;
        let (field, rest) = left.split_at_checked(len)?;
        *left = rest;
        Some(field)
    };
    Some((std::str::from_utf8(field()?).ok()?, field()?))
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the file is not what was written")
}

/// A key is for one file, and each block of it is sealed once.
fn nonce(number: usize) -> Nonce {
    let mut nonce = [0; 12];
    nonce[..8].copy_from_slice(&(number as u64).to_be_bytes());
    nonce.into()
}

/// A file that is being written.
pub(super) struct Writer {
    done: Blocks,
    end: u64,
    first: Option<Word>,
    plain: Zeroizing<Vec<u8>>,
}

impl Writer {
    /// Begins a file without a name in a folder.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn begin(folder: &Path) -> io::Result<Writer> {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(key.as_mut()).map_err(io::Error::other)?;
        let cipher = ChaCha20Poly1305::new((&*key).into());
        let done = Blocks { file: tempfile::tempfile_in(folder)?, cipher, blocks: Vec::new() };
        // Room enough that it does not move and leave copies behind, but for the most frequent terms.
        Ok(Writer { done, end: 0, first: None, plain: Zeroizing::new(Vec::with_capacity(4 * BLOCK)) })
    }

    /// Writes a term, which comes after all before it, and its documents.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn push(&mut self, term: &str, documents: &[u8]) -> io::Result<()> {
        self.first.get_or_insert_with(|| term.into());
        for field in [term.as_bytes(), documents] {
            leb128(&mut self.plain, u32::try_from(field.len()).map_err(io::Error::other)?);
            self.plain.extend_from_slice(field);
        }
        if self.plain.len() >= BLOCK { self.end_block() } else { Ok(()) }
    }

    /// The file, complete.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn finish(mut self) -> io::Result<Blocks> {
        self.end_block()?;
        Ok(self.done)
    }

    fn end_block(&mut self) -> io::Result<()> {
        let Some(first) = self.first.take() else { return Ok(()) };
        let Blocks { file, cipher, blocks } = &mut self.done;
        let sealed = cipher.encrypt(&nonce(blocks.len()), self.plain.as_slice()).map_err(io::Error::other)?;
        file.write_all(&sealed)?;
        blocks.push(Block { first, start: self.end, len: sealed.len() });
        self.end += sealed.len() as u64;
        self.plain.clear();
        Ok(())
    }
}
