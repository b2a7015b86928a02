//! The part of the index that still grows, in memory.
//!
//! Documents are numbered in the order in which they came. One that is forgotten is not found from that moment; its
//! words leave memory with the next [`Fresh::sweep`].

use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;

use zeroize::Zeroize;

use super::bits::Terms;
use super::docs::{Doc, Docs, Place};
use super::postings::Postings;

/// The newest part of an index.
#[derive(Default)]
pub(super) struct Fresh {
    terms: BTreeMap<Word, Postings>,
    docs: Docs,
    at: BTreeMap<Place, u32>,
    /// Bytes of the terms.
    bytes: usize,
}

/// A term, overwritten when it goes.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Word(pub(super) Box<str>);

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
    pub(super) fn add<'t>(&mut self, doc: Doc, terms: impl Iterator<Item = &'t str>) {
        let Some(number) = self.docs.push(doc) else { return };
        self.at.insert(doc.place, number);
        terms.for_each(|term| self.hold(term, number));
    }

    fn hold(&mut self, term: &str, number: u32) {
        match self.terms.get_mut(term) {
            Some(postings) => {
                let before = postings.heap();
                postings.push(number);
                self.bytes += postings.heap().saturating_sub(before);
            }
            None => {
                self.bytes += size_of::<(Word, Postings)>() + term.len();
                self.terms.insert(Word(term.into()), Postings::One(number));
            }
        }
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
        let terms = self.terms.iter().filter_map(move |(word, postings)| {
            let numbers = renumbered.of(|visit| postings.each(visit));
            (!numbers.is_empty()).then_some((&*word.0, numbers))
        });
        (docs, terms)
    }

    /// Takes the words of forgotten documents out of memory.
    pub(super) fn sweep(&mut self) {
        let (docs, terms) = self.in_order();
        let mut swept = Fresh::default();
        for (term, numbers) in terms {
            numbers.into_iter().for_each(|number| swept.hold(term, number));
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
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let fits = |(word, _): &(&Word, &Postings)| word.0.starts_with(prefix);
        self.terms.range::<str, _>(from).take_while(fits).for_each(|(_, postings)| postings.each(visit));
        Ok(())
    }
}
