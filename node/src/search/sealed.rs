//! A part of the index that is full: its terms are in a file ([`Blocks`]), its documents in the order of their places.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use super::bits::Terms;
use super::blocks::{Blocks, Writer};
use super::docs::{Docs, Place};
use super::fresh::Fresh;
use super::postings::{differences, each};

/// A part that does not grow.
pub(super) struct Sealed {
    docs: Docs,
    terms: Blocks,
}

impl Sealed {
    /// Writes what is not forgotten of a part that is in memory into a file in a folder.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn of(fresh: &Fresh, folder: &Path) -> io::Result<Sealed> {
        let mut writer = Writer::begin(folder)?;
        let (docs, terms) = fresh.in_order();
        for (term, numbers) in terms {
            writer.push(term, &differences(&numbers))?;
        }
        Ok(Sealed { docs, terms: writer.finish()? })
    }

    /// The same without the words of forgotten documents, in another file under another key.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn swept(&self, folder: &Path) -> io::Result<Sealed> {
        let mut writer = Writer::begin(folder)?;
        let (docs, renumbered) = self.docs.in_order();
        let mut written = Ok(());
        self.terms.each_from("", &mut |term, documents| {
            let numbers = renumbered.of(|visit| each(documents, visit));
            if !numbers.is_empty() {
                written = writer.push(term, &differences(&numbers));
            }
            if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        written?;
        Ok(Sealed { docs, terms: writer.finish()? })
    }

    /// Forgets what stands at a place, if something does.
    pub(super) fn forget(&mut self, place: &Place) {
        if let Some(number) = self.docs.at(place) {
            self.docs.forget(number);
        }
    }

    /// Its documents.
    pub(super) fn docs(&self) -> &Docs {
        &self.docs
    }

    #[cfg(test)]
    pub(super) fn blocks(&self) -> &Blocks {
        &self.terms
    }
}

impl Terms for Sealed {
    fn of(&self, term: &str, visit: &mut dyn FnMut(u32)) -> io::Result<()> {
        self.terms.each_from(term, &mut |found, documents| {
            if found == term {
                each(documents, visit);
            }
            ControlFlow::Break(())
        })
    }

    fn beginning(&self, prefix: &str, visit: &mut dyn FnMut(u32)) -> io::Result<()> {
        self.terms.each_from(prefix, &mut |found, documents| {
            if !found.starts_with(prefix) {
                return ControlFlow::Break(());
            }
            each(documents, visit);
            ControlFlow::Continue(())
        })
    }
}
