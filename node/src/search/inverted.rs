//! The inverted index: for each term the documents that hold it. What came last is in memory; whenever that is full, it
//! is sealed into a file, so that memory does not grow with the store but for 24 bytes of each document.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::path::PathBuf;

use super::bits::{Bits, Terms};
use super::docs::{Doc, Docs, Place};
use super::fresh::Fresh;
use super::reading::Text;
use super::sealed::Sealed;
use super::words::Clause;

/// Bytes of terms and documents that stay in memory, about.
const FULL: usize = 8 << 20;

/// An index over texts.
pub struct Inverted {
    fresh: Fresh,
    sealed: Vec<Sealed>,
    /// Where the files are.
    folder: PathBuf,
    /// Bytes at which the fresh part is sealed.
    full: usize,
}

/// What is to be found, besides its terms.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// What must be there.
    pub clauses: Vec<Clause>,
    /// Arrived at this time or later, milliseconds since 1970.
    pub since: u64,
    /// Arrived before this time, if there is one.
    pub until: Option<u64>,
    /// Older than this place, if there is one.
    pub before: Option<Place>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Found {
    /// The newest of them, the newest first.
    pub newest: Vec<Place>,
    /// How many there are, older than the place asked for or not.
    pub all: usize,
    /// How many of those that are older are not among the newest.
    pub left: usize,
}

/// A part of the index cannot be read: its file was damaged, or the disk fails.
#[derive(Debug, thiserror::Error)]
#[error("a part of the index of search cannot be read")]
pub struct Unreadable {
    part: usize,
    source: io::Error,
}

impl Inverted {
    /// An empty index, whose files will be in a folder.
    pub fn in_folder(folder: PathBuf) -> Inverted {
        Inverted { fresh: Fresh::default(), sealed: Vec::new(), folder, full: FULL }
    }

    /// Takes in a document. What stood at its place before is forgotten.
    pub(super) fn add(&mut self, place: Place, text: Text) {
        self.forget(&place);
        self.fresh.add(Doc { place, arrived: text.arrived, cut: text.cut }, text.terms);
        if self.fresh.bytes() >= self.full {
            self.seal();
        }
    }

    /// Forgets what stands at a place.
    pub fn forget(&mut self, place: &Place) {
        self.fresh.forget(place);
        self.sealed.iter_mut().for_each(|part| part.forget(place));
    }

    fn seal(&mut self) {
        match Sealed::of(&self.fresh, &self.folder) {
            Ok(part) => {
                self.sealed.push(part);
                self.fresh = Fresh::default();
                self.full = FULL;
            }
            Err(error) => {
                tracing::warn!(%error, "the index of search stays in memory: its file cannot be written");
                self.full = self.full.saturating_mul(2);
            }
        }
    }

    fn parts(&self) -> impl Iterator<Item = (&Docs, &dyn Terms)> {
        let sealed = self.sealed.iter().map(|part| (part.docs(), part as &dyn Terms));
        sealed.chain([(self.fresh.docs(), &self.fresh as &dyn Terms)])
    }

    /// Documents that can be found.
    #[must_use]
    pub fn documents(&self) -> usize {
        self.parts().map(|(docs, _)| docs.count()).sum()
    }

    /// Documents that are longer than what is indexed of them.
    #[must_use]
    pub fn cut(&self) -> usize {
        self.parts().map(|(docs, _)| docs.cut()).sum()
    }

    /// The newest documents that fit, at most so many.
    ///
    /// # Errors
    /// [`Unreadable`], to be given to [`Inverted::give_up`].
    pub fn find(&self, wanted: &Wanted, most: usize) -> Result<Found, Unreadable> {
        let mut found = Found::default();
        let mut newest = BinaryHeap::with_capacity(most.saturating_add(1));
        for (part, (docs, terms)) in self.parts().enumerate() {
            let set = Bits::fitting(&wanted.clauses, docs.numbers(), terms)
                .map_err(|source| Unreadable { part, source })?;
            for doc in set.numbers().filter_map(|number| docs.get(number)) {
                if doc.arrived < wanted.since || wanted.until.is_some_and(|until| doc.arrived >= until) {
                    continue;
                }
                found.all += 1;
                if wanted.before.is_some_and(|before| doc.place >= before) {
                    continue;
                }
                found.left += 1;
                if newest.len() < most {
                    newest.push(Reverse(doc.place));
                } else if newest.peek().is_some_and(|Reverse(oldest)| doc.place > *oldest) {
                    newest.pop();
                    newest.push(Reverse(doc.place));
                }
            }
        }
        found.newest = newest.into_sorted_vec().into_iter().map(|Reverse(place)| place).collect();
        found.left -= found.newest.len();
        Ok(found)
    }

    /// Forgets a part that cannot be read, and gives the places of its documents, to be taken in again.
    pub fn give_up(&mut self, unreadable: &Unreadable) -> Vec<Place> {
        if unreadable.part >= self.sealed.len() {
            return Vec::new();
        }
        let part = self.sealed.remove(unreadable.part);
        part.docs().here().map(|(_, doc)| doc.place).collect()
    }

    /// How many parts there are to be swept.
    #[must_use]
    pub fn count_parts(&self) -> usize {
        self.sealed.len() + 1
    }

    /// Takes the words of forgotten documents out of a part.
    pub fn sweep(&mut self, part: usize) {
        match self.sealed.get_mut(part) {
            Some(sealed) if sealed.docs().count() == 0 => {
                self.sealed.remove(part);
            }
            Some(sealed) if sealed.docs().dead() > 0 => match sealed.swept(&self.folder) {
                Ok(swept) => *sealed = swept,
                Err(error) => tracing::warn!(%error, "forgotten words stay in a file of the index of search"),
            },
            None if self.fresh.docs().dead() > 0 => self.fresh.sweep(),
            _ => {}
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "inverted_tests.rs"]
mod tests;
