//! Sets of documents, by their numbers in one part of the index, and how a question picks one.

use std::io;

use super::words::Clause;

/// Where the documents of a term are found.
pub(super) trait Terms {
    /// Visits the documents that hold a term.
    fn of(&self, term: &str, visit: &mut dyn FnMut(u32)) -> io::Result<()>;
    /// Visits the documents that hold a term which begins so, some of them more than once.
    fn beginning(&self, prefix: &str, visit: &mut dyn FnMut(u32)) -> io::Result<()>;
}

/// A set of document numbers.
pub(super) struct Bits(Vec<u64>);

impl Bits {
    /// Of so many documents, those that fit all clauses.
    pub(super) fn fitting(clauses: &[Clause], len: usize, terms: &dyn Terms) -> io::Result<Bits> {
        let mut set = Bits(vec![u64::MAX; len.div_ceil(64)]);
        for clause in clauses {
            set.keep(&Bits::of(clause, len, terms)?);
        }
        Ok(set)
    }

    fn of(clause: &Clause, len: usize, terms: &dyn Terms) -> io::Result<Bits> {
        let mut set = Bits(vec![0; len.div_ceil(64)]);
        match clause {
            Clause::Term(term) => terms.of(term, &mut |number| set.add(number))?,
            Clause::Prefix(prefix) => terms.beginning(prefix, &mut |number| set.add(number))?,
            Clause::All(clauses) => set = Bits::fitting(clauses, len, terms)?,
            Clause::Any(clauses) => {
                for clause in clauses {
                    set.join(&Bits::of(clause, len, terms)?);
                }
            }
        }
        Ok(set)
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

    /// The numbers, ascending. The last may be those of no document.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        (0u32..).step_by(64).zip(&self.0).flat_map(|(first, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros())?;
                left &= left - 1;
                Some(first + bit)
            })
        })
    }
}
