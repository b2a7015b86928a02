//! The inverted index: for each term the documents that hold it. In memory only.
//!
//! Documents are numbered in the order in which they came; a term's numbers are kept as differences, most of them one
//! byte. A document that is forgotten is not found from that moment; its words leave memory with the next [`Sweep`].

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::ops::Bound;

use zeroize::Zeroize;

use super::words::Clause;

/// Where a document stands among all, newest last: a journal position.
pub type Place = [u8; 12];

/// An index over texts.
#[derive(Default)]
pub struct Inverted {
    terms: BTreeMap<Word, Postings>,
    docs: Vec<Option<Doc>>,
    at: BTreeMap<Place, u32>,
    dead: BTreeSet<u32>,
}

#[derive(Clone, Copy)]
struct Doc {
    place: Place,
    arrived: u64,
    cut: bool,
}

/// A term, overwritten when it goes.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Word(Box<str>);

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

impl Inverted {
    /// Takes in a document. What stood at its place before is forgotten.
    pub fn add<'t>(&mut self, place: Place, arrived: u64, cut: bool, terms: impl Iterator<Item = &'t str>) {
        self.forget(&place);
        let Ok(number) = u32::try_from(self.docs.len()) else { return };
        self.docs.push(Some(Doc { place, arrived, cut }));
        self.at.insert(place, number);
        for term in terms {
            match self.terms.get_mut(term) {
                Some(postings) => postings.push(number),
                None => {
                    self.terms.insert(Word(term.into()), Postings::One(number));
                }
            }
        }
    }

    /// Forgets what stands at a place.
    pub fn forget(&mut self, place: &Place) {
        let Some(number) = self.at.remove(place) else { return };
        if let Some(doc) = self.docs.get_mut(number as usize) {
            *doc = None;
        }
        self.dead.insert(number);
    }

    /// Documents that can be found.
    #[must_use]
    pub fn documents(&self) -> usize {
        self.at.len()
    }

    /// Documents that are longer than what is indexed of them.
    #[must_use]
    pub fn cut(&self) -> usize {
        self.docs.iter().flatten().filter(|doc| doc.cut).count()
    }

    /// Documents that were forgotten and whose words are still here.
    #[must_use]
    pub fn dead(&self) -> usize {
        self.dead.len()
    }

    /// Bytes that terms, postings and documents take, without what the allocator adds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let node = size_of::<Word>() + size_of::<Postings>();
        let terms: usize = self.terms.iter().map(|(word, p)| node + word.0.len() + p.heap()).sum();
        let places = self.at.len() * (size_of::<Place>() + size_of::<u32>());
        terms + self.docs.capacity() * size_of::<Option<Doc>>() + places
    }

    /// Terms in the index.
    #[must_use]
    pub fn terms(&self) -> usize {
        self.terms.len()
    }

    /// The newest documents that fit, at most so many.
    #[must_use]
    pub fn find(&self, wanted: &Wanted, most: usize) -> Found {
        let mut set = Bits::all(self.docs.len());
        for clause in &wanted.clauses {
            set.keep(&self.fitting(clause));
        }
        let mut found = Found::default();
        let mut newest = BinaryHeap::with_capacity(most.saturating_add(1));
        for doc in set.numbers().filter_map(|n| self.docs.get(n).copied().flatten()) {
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
        found.newest = newest.into_sorted_vec().into_iter().map(|Reverse(place)| place).collect();
        found.left -= found.newest.len();
        found
    }

    fn fitting(&self, clause: &Clause) -> Bits {
        match clause {
            Clause::Term(term) => {
                let mut set = Bits::none(self.docs.len());
                if let Some(postings) = self.terms.get(term.as_str()) {
                    postings.each(&mut |n| set.add(n));
                }
                set
            }
            Clause::Prefix(prefix) => {
                let mut set = Bits::none(self.docs.len());
                for postings in self.beginning(prefix) {
                    postings.each(&mut |n| set.add(n));
                }
                set
            }
            Clause::All(clauses) => {
                let mut set = Bits::all(self.docs.len());
                clauses.iter().for_each(|clause| set.keep(&self.fitting(clause)));
                set
            }
            Clause::Any(clauses) => {
                let mut set = Bits::none(self.docs.len());
                clauses.iter().for_each(|clause| set.join(&self.fitting(clause)));
                set
            }
        }
    }

    fn beginning<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a Postings> {
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let fits = move |(word, _): &(&Word, &Postings)| word.0.starts_with(prefix);
        self.terms.range::<str, _>(from).take_while(fits).map(|(_, postings)| postings)
    }
}

/// Takes the words of forgotten documents out of the index, some terms at a time.
pub struct Sweep {
    dead: BTreeSet<u32>,
    after: Option<Box<str>>,
}

impl Sweep {
    /// Of all that is forgotten now.
    pub fn begin(index: &mut Inverted) -> Sweep {
        Sweep { dead: std::mem::take(&mut index.dead), after: None }
    }

    /// Goes through so many terms more; false once all are done.
    pub fn go_on(&mut self, index: &mut Inverted, most: usize) -> bool {
        let after = self.after.take();
        let from = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut empty = Vec::new();
        let mut seen = 0;
        for (word, postings) in index.terms.range_mut::<str, _>((from, Bound::Unbounded)).take(most) {
            seen += 1;
            match postings.without(&self.dead) {
                Some(left) => *postings = left,
                None => empty.push(word.0.clone()),
            }
            if seen == most {
                self.after = Some(word.0.clone());
            }
        }
        for mut word in empty {
            index.terms.remove(&*word);
            word.zeroize();
        }
        self.after.is_some()
    }
}

impl Drop for Sweep {
    fn drop(&mut self) {
        if let Some(word) = &mut self.after {
            word.zeroize();
        }
    }
}

/// The documents that hold a term, ascending.
enum Postings {
    /// Most terms stand in one document.
    One(u32),
    /// The last, and the differences between one and the next from 0 on, as in LEB128.
    Many { last: u32, bytes: Vec<u8> },
}

impl Postings {
    fn push(&mut self, number: u32) {
        match self {
            Postings::One(first) if *first == number => {}
            Postings::One(first) => {
                let mut bytes = Vec::with_capacity(8);
                leb128(&mut bytes, *first);
                leb128(&mut bytes, number.saturating_sub(*first));
                *self = Postings::Many { last: number, bytes };
            }
            Postings::Many { last, .. } if *last == number => {}
            Postings::Many { last, bytes } => {
                leb128(bytes, number.saturating_sub(*last));
                *last = number;
            }
        }
    }

    fn each(&self, visit: &mut impl FnMut(u32)) {
        match self {
            Postings::One(number) => visit(*number),
            Postings::Many { bytes, .. } => {
                let (mut number, mut step, mut shift) = (0u32, 0u32, 0u32);
                for byte in bytes {
                    step |= u32::from(byte & 0x7f).wrapping_shl(shift);
                    if byte & 0x80 == 0 {
                        number = number.wrapping_add(step);
                        visit(number);
                        (step, shift) = (0, 0);
                    } else {
                        shift += 7;
                    }
                }
            }
        }
    }

    /// What is left when these are taken out; nothing if nothing is.
    fn without(&self, dead: &BTreeSet<u32>) -> Option<Postings> {
        let mut left: Option<Postings> = None;
        self.each(&mut |number| {
            if !dead.contains(&number) {
                match &mut left {
                    Some(postings) => postings.push(number),
                    None => left = Some(Postings::One(number)),
                }
            }
        });
        if let Some(Postings::Many { bytes, .. }) = &mut left {
            bytes.shrink_to_fit();
        }
        left
    }

    fn heap(&self) -> usize {
        match self {
            Postings::One(_) => 0,
            Postings::Many { bytes, .. } => bytes.capacity(),
        }
    }
}

fn leb128(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// A set of document numbers.
struct Bits(Vec<u64>);

impl Bits {
    fn none(len: usize) -> Bits {
        Bits(vec![0; len.div_ceil(64)])
    }

    fn all(len: usize) -> Bits {
        Bits(vec![u64::MAX; len.div_ceil(64)])
    }

    fn add(&mut self, number: u32) {
        if let Some(word) = self.0.get_mut(number as usize / 64) {
            *word |= 1 << (number % 64);
        }
    }

    fn keep(&mut self, other: &Bits) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a &= b);
    }

    fn join(&mut self, other: &Bits) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a |= b);
    }

    fn numbers(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(at, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros() as usize)?;
                left &= left - 1;
                Some(at * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
#[path = "inverted_tests.rs"]
mod tests;
