//! The documents of one part of the index, by their numbers in it.

use std::collections::BTreeSet;

/// Where a document stands among all, newest last: a journal position.
pub type Place = [u8; 12];

/// What is known of a document beside its terms.
#[derive(Clone, Copy)]
pub(super) struct Doc {
    pub(super) place: Place,
    /// Milliseconds since 1970.
    pub(super) arrived: u64,
    /// Is it longer than what is indexed of it?
    pub(super) cut: bool,
}

/// The documents of a part.
#[derive(Default)]
pub(super) struct Docs {
    all: Vec<Doc>,
    dead: BTreeSet<u32>,
    cut: usize,
}

impl Docs {
    /// Takes in a document, and gives its number if there is one left.
    pub(super) fn push(&mut self, doc: Doc) -> Option<u32> {
        let number = u32::try_from(self.all.len()).ok()?;
        self.all.push(doc);
        self.cut += usize::from(doc.cut);
        Some(number)
    }

    /// From now on it is not there; its number stays taken.
    pub(super) fn forget(&mut self, number: u32) {
        if let Some(doc) = self.get(number) {
            self.dead.insert(number);
            self.cut -= usize::from(doc.cut);
        }
    }

    /// A document, unless it is forgotten.
    pub(super) fn get(&self, number: u32) -> Option<Doc> {
        self.all.get(number as usize).filter(|_| !self.dead.contains(&number)).copied()
    }

    /// The number of what stands at a place, where they are in the order of their places.
    pub(super) fn at(&self, place: &Place) -> Option<u32> {
        let found = self.all.binary_search_by_key(place, |doc| doc.place).ok()?;
        u32::try_from(found).ok()
    }

    /// Those that are not forgotten.
    pub(super) fn here(&self) -> impl Iterator<Item = (u32, Doc)> {
        (0..)
            .map_while(|number| self.all.get(number as usize).map(|doc| (number, *doc)))
            .filter(|(number, _)| !self.dead.contains(number))
    }

    /// Those that are not forgotten, in the order of their places; and their new numbers.
    pub(super) fn in_order(&self) -> (Docs, Renumbered) {
        let mut here: Vec<(u32, Doc)> = self.here().collect();
        here.sort_unstable_by_key(|(_, doc)| doc.place);
        let (mut docs, mut renumbered) = (Docs::default(), vec![None; self.all.len()]);
        for (old, doc) in here {
            let new = docs.push(doc);
            if let Some(slot) = renumbered.get_mut(old as usize) {
                *slot = new;
            }
        }
        (docs, Renumbered(renumbered))
    }

    /// Numbers that are taken.
    pub(super) fn numbers(&self) -> usize {
        self.all.len()
    }

    /// Documents that are not forgotten.
    pub(super) fn count(&self) -> usize {
        self.all.len() - self.dead.len()
    }

    /// Documents that are forgotten.
    pub(super) fn dead(&self) -> usize {
        self.dead.len()
    }

    /// Documents that are longer than what is indexed of them.
    pub(super) fn cut(&self) -> usize {
        self.cut
    }
}

/// The new numbers of documents, by their old ones; none of those that are forgotten.
pub(super) struct Renumbered(Vec<Option<u32>>);

impl Renumbered {
    /// The new numbers, ascending, of the documents that are visited by their old ones.
    pub(super) fn of(&self, each: impl FnOnce(&mut dyn FnMut(u32))) -> Vec<u32> {
        let mut numbers = Vec::new();
        each(&mut |old| numbers.extend(self.0.get(old as usize).copied().flatten()));
        numbers.sort_unstable();
        numbers
    }
}
