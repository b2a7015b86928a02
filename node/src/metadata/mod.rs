//! Hidden data in files (C8): who, where, when and with what a photograph, PDF or office file was made; shown to
//! the author, and left out of the copy that partners get. The original stays as it is.
//!
//! ```text
//!  file ──[`Form::of`]──▶ other ────────────────────────────▶ shared as it is, and said so
//!                    ├──▶ carrier (film, sound, TIFF, …) ───▶ refused, unless the author keeps its hidden data
//!                    └──▶ JPEG, PNG, WebP, PDF, office ─────▶ [`worker`]: a process of its own, with limits
//!                                                              ├─▶ [`Report`], and the cleaned copy
//!                                                              └─▶ anything else: as a carrier
//! ```
//! Cleaning lets through what is known to be needed, and nothing else (`jpeg`, `png`, `webp`), or rewrites
//! the whole document without what is known to tell something (`pdf`, `office`). What cannot be read whole is
//! not cleaned halfway. These functions may be handed anything; they run with limits on memory and time in
//! [`worker`], because a library's bug must not be the node's.

mod exif;
mod form;
mod jpeg;
mod office;
mod pdf;
mod png;
mod webp;
pub mod worker;
mod xml;

use serde::{Deserialize, Serialize};

pub use form::{Form, HEAD};

/// The largest file that is looked into, bytes; larger ones are as those that cannot be cleaned.
pub const MAX_FILE: usize = 64 << 20;
/// The most that is told of one file.
const MAX_FOUND: usize = 200;
/// The longest value that is told, characters.
const MAX_VALUE: usize = 200;

/// What a file's hidden data is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// Where it was made.
    Place,
    /// Who made it.
    Author,
    /// With what device.
    Device,
    /// When.
    Date,
    /// A small picture, perhaps of what was cut away since.
    Thumbnail,
    /// With what program.
    Software,
    /// Anything else that is not seen.
    Other,
}

/// One thing that a file tells beside its contents.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Found {
    /// What it is about.
    pub about: About,
    /// Its name in the file's format.
    pub name: String,
    /// Its value, shortened; written by whoever made the file.
    pub value: String,
}

/// What becomes of hidden data when the file is shared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Cleaning {
    /// The shared copy is without it.
    Cleaned,
    /// The file's form is none that is known to hide something: it is shared as it is.
    AsItIs,
    /// It cannot be left out, so the file is not shared unless its author keeps it.
    Impossible {
        /// Why.
        reason: String,
    },
    /// The author keeps it.
    Kept,
}

/// What is known of a file's hidden data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The file's form, in words.
    pub form: String,
    /// What it tells, the gravest first: at most 200 things.
    pub found: Vec<Found>,
    /// What the shared copy tells nevertheless, in words.
    pub remains: Vec<String>,
    /// What sharing does.
    pub cleaning: Cleaning,
}

/// Why a file cannot be cleaned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unclean {
    /// It is not made as files of its form are.
    #[error("it is damaged, or not what it seems: {0}")]
    Malformed(&'static str),
    /// Something in it is of a kind that is not cleaned.
    #[error("it holds {0}")]
    Holds(String),
    /// It is larger than what is looked into, or becomes so.
    #[error("it is too large to be looked into")]
    TooLarge,
}

/// What looking for hidden data finds, and the copy without it.
#[derive(Debug, Default)]
pub struct Cleaned {
    /// What was left out.
    pub found: Findings,
    /// What could not be.
    pub remains: Vec<String>,
    /// The copy.
    pub bytes: Vec<u8>,
}

/// A bounded list of findings.
#[derive(Debug, Default)]
pub struct Findings(Vec<Found>);

impl Findings {
    /// Notes one, shortened; nothing beyond the bound.
    fn note(&mut self, about: About, name: &str, value: &str) {
        if self.0.len() < MAX_FOUND {
            let short = |text: &str| text.chars().take(MAX_VALUE).collect::<String>().trim().to_owned();
            self.0.push(Found { about, name: short(name), value: short(value) });
        }
    }

    /// Notes something of which only the size is worth telling.
    fn note_size(&mut self, about: About, name: &str, bytes: usize) {
        self.note(about, name, &format!("{bytes} bytes"));
    }

    fn extend(&mut self, from: &str, others: Findings) {
        for other in others.0 {
            self.note(other.about, &format!("{from}: {}", other.name), &other.value);
        }
    }

    /// All of them, sorted, none twice.
    fn into_vec(mut self) -> Vec<Found> {
        self.0.sort();
        self.0.dedup();
        self.0
    }
}

/// Makes the copy without hidden data, in this process: only [`worker`] and tests do so.
///
/// # Errors
/// [`Unclean`]; what was found until then is lost.
pub fn clean(form: Form, bytes: &[u8]) -> Result<Cleaned, Unclean> {
    if bytes.len() > MAX_FILE {
        return Err(Unclean::TooLarge);
    }
    match form {
        Form::Jpeg => jpeg::clean(bytes),
        Form::Png => png::clean(bytes),
        Form::Webp => webp::clean(bytes),
        Form::Pdf => pdf::clean(bytes),
        Form::Zip => office::clean(bytes),
        Form::Tiff | Form::Carrier(_) | Form::Mismatch(_) | Form::Other => {
            Err(Unclean::Holds("hidden data that this program cannot leave out".into()))
        }
    }
}

/// Looks for hidden data, in this process: only [`worker`] and tests do so.
#[must_use]
pub fn look(form: Form, bytes: &[u8]) -> (Report, Option<Vec<u8>>) {
    let report = |found: Findings, remains, cleaning| Report {
        form: form.words().to_owned(),
        found: found.into_vec(),
        remains,
        cleaning,
    };
    match clean(form, bytes) {
        Ok(cleaned) => (report(cleaned.found, cleaned.remains, Cleaning::Cleaned), Some(cleaned.bytes)),
        Err(error) => {
            // What Exif tells can be shown of files that cannot be cleaned, too.
            let mut found = Findings::default();
            if form == Form::Tiff {
                let _orientation = exif::read(bytes, &mut found);
            }
            (report(found, Vec::new(), Cleaning::Impossible { reason: error.to_string() }), None)
        }
    }
}

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
