//! The part of the index that still grows, in memory.
//!
//! Documents are numbered in the order in which they came. One that is forgotten is not found from that moment; its
//! words leave memory with the next [`Fresh::sweep`].
//!
//! Terms are found by their hash (of the standard library's keyed kind, since partners choose the words): looking up is
//! most of what indexing costs, and the order is wanted only when the part is sealed. What begins so is found by looking
//! at each term, a millisecond or two when the part is full.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::io;

use zeroize::Zeroize;

use super::bits::Terms;
use super::docs::{Doc, Docs, Place};
use super::postings::Postings;

/// The newest part of an index.
#[derive(Default)]
pub(super) struct Fresh {
    terms: HashMap<Word, Postings>,
    docs: Docs,
    at: BTreeMap<Place, u32>,
    /// Bytes of the terms.
    bytes: usize,
}

/// A term, overwritten when it goes.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Word(pub(super) Box<str>);

impl Word {
    /// Its first eight bytes, in the order of words: most differ in them, and comparing them is quick.
    fn head(&self) -> u64 {
        let mut head = [0; 8];
        head.iter_mut().zip(self.0.bytes()).for_each(|(head, byte)| *head = byte);
        u64::from_be_bytes(head)
    }
}

impl From<&str> for Word {
    fn from(term: &str) -> Word {
        Word(term.into())
    }
}

impl Drop for Word {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::borrow::Borrow<str> for Word {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Fresh {
    /// Takes in a document. What stood at its place before was forgotten.
    pub(super) fn add(&mut self, doc: Doc, terms: impl IntoIterator<Item = Word>) {
        let Some(number) = self.docs.push(doc) else { return };
        self.at.insert(doc.place, number);
        terms.into_iter().for_each(|term| self.hold(term, &[number]));
    }

    /// Takes in a term of documents, whose numbers ascend.
    fn hold(&mut self, term: Word, numbers: &[u32]) {
        let Some(first) = numbers.first() else { return };
        let postings = match self.terms.entry(term) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                self.bytes += size_of::<(Word, Postings)>() + new.key().0.len();
                new.insert(Postings::One(*first))
            }
        };
        let before = postings.heap();
        numbers.iter().for_each(|number| postings.push(*number));
        self.bytes += postings.heap().saturating_sub(before);
    }

    /// Forgets what stands at a place, if something does.
    pub(super) fn forget(&mut self, place: &Place) {
        if let Some(number) = self.at.remove(place) {
            self.docs.forget(number);
        }
    }

    /// Its documents.
    pub(super) fn docs(&self) -> &Docs {
        &self.docs
    }

    /// Bytes that terms and documents take, without what the allocator adds.
    pub(super) fn bytes(&self) -> usize {
        self.bytes + self.docs.numbers() * (size_of::<Doc>() + size_of::<(Place, u32)>())
    }

    /// What is not forgotten: the documents, with numbers in the order of their places, and the terms in theirs.
    pub(super) fn in_order(&self) -> (Docs, impl Iterator<Item = (&str, Vec<u32>)>) {
        let (docs, renumbered) = self.docs.in_order();
        let mut terms: Vec<_> =
            self.terms.iter().map(|(word, postings)| (word.head(), word, postings)).collect();
        terms.sort_unstable_by_key(|(head, word, _)| (*head, *word));
        let terms = terms.into_iter().filter_map(move |(_, word, postings)| {
            let numbers = renumbered.of(|visit| postings.each(visit));
            (!numbers.is_empty()).then_some((&*word.0, numbers))
        });
        (docs, terms)
    }

    /// Takes the words of forgotten documents out of memory.
    pub(super) fn sweep(&mut self) {
        let (docs, renumbered) = self.docs.in_order();
        let mut swept = Fresh::default();
        for (term, postings) in std::mem::take(&mut self.terms) {
            swept.hold(term, &renumbered.of(|visit| postings.each(visit)));
        }
        swept.at = docs.here().map(|(number, doc)| (doc.place, number)).collect();
        swept.docs = docs;
        *self = swept;
    }

    /// Terms in it.
    #[cfg(test)]
    pub(super) fn terms(&self) -> usize {
        self.terms.len()
    }
}

impl Terms for Fresh {
    fn of(&self, term: &str, visit: &mut dyn FnMut(u32)) -> io::Result<()> {
        self.terms.get(term).into_iter().for_each(|postings| postings.each(visit));
        Ok(())
    }

    fn beginning(&self, prefix: &str, visit: &mut dyn FnMut(u32)) -> io::Result<()> {
        let fitting = self.terms.iter().filter(|(word, _)| word.0.starts_with(prefix));
        fitting.for_each(|(_, postings)| postings.each(visit));
        Ok(())
    }
}
