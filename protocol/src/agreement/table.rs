//! Reading TOML so that every error names the line, the key, what is wrong and what to write instead.
//!
//! ```text
//! text ──parse──▶ Document ──root──▶ Table ──need, get, tables──▶ Field ──text, day, word, list──▶ value
//! ```

use std::collections::BTreeSet;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::day::Day;
use crate::limits;

/// Why a text is not an agreement. Every message says where, what is wrong and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgreementError {
    /// Longer than [`limits::MAX_AGREEMENT`].
    #[error(
        "the agreement is {len} bytes long, and at most {} are allowed; shorten its free text",
        limits::MAX_AGREEMENT
    )]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// What people sign must look on every screen like what it says.
    #[error("line {line}: holds the invisible character {code}; delete it")]
    Hidden {
        /// Where, counted from 1.
        line: usize,
        /// The character's code point, such as `U+202E`.
        code: String,
    },
    /// Not TOML.
    #[error("line {line}: cannot be read as TOML: {detail}; compare the line with a template")]
    Syntax {
        /// Where, counted from 1.
        line: usize,
        /// What the parser met.
        detail: String,
    },
    /// A key that means nothing; were it ignored, a clause that somebody wrote would not be enforced.
    #[error("line {line}: {key} means nothing in an agreement; {instead}")]
    UnknownKey {
        /// Where, counted from 1.
        line: usize,
        /// The key, and the section that it stands in.
        key: String,
        /// Which keys are possible.
        instead: String,
    },
    /// A key that every agreement needs.
    #[error("line {line}: {key} is missing; {instead}")]
    Missing {
        /// Where its section begins, counted from 1.
        line: usize,
        /// The key, and the section that it should stand in.
        key: String,
        /// What to write.
        instead: String,
    },
    /// A key with a value that it cannot have.
    #[error("line {line}: {key} {problem}; {instead}")]
    Value {
        /// Where, counted from 1.
        line: usize,
        /// The key, and the section that it stands in.
        key: String,
        /// What is wrong with it.
        problem: String,
        /// What to write.
        instead: String,
    },
}

/// A TOML document, kept with its text.
pub(super) struct Document<'t> {
    text: &'t str,
    root: Spanned<DeTable<'t>>,
}

/// One section.
pub(super) struct Table<'d> {
    text: &'d str,
    /// How the section is called in errors; empty for the top of the file.
    name: String,
    begins: usize,
    entries: &'d DeTable<'d>,
}

/// One value, with the name of its key in errors.
pub(super) struct Field<'d> {
    text: &'d str,
    name: String,
    key: String,
    value: &'d Spanned<DeValue<'d>>,
}

impl<'t> Document<'t> {
    pub(super) fn parse(text: &'t str) -> Result<Self, AgreementError> {
        if text.len() > limits::MAX_AGREEMENT {
            return Err(AgreementError::TooLong { len: text.len() });
        }
        // Editors on Windows begin a file with a byte-order mark.
        let shown = text.strip_prefix('\u{feff}').unwrap_or(text);
        if let Some((at, c)) = hidden(shown) {
            return Err(AgreementError::Hidden { line: line(shown, at), code: code(c) });
        }
        let root = DeTable::parse(text).map_err(|e| AgreementError::Syntax {
            line: line(text, e.span().map_or(0, |s| s.start)),
            detail: readable(e.message()),
        })?;
        Ok(Self { text, root })
    }

    pub(super) fn root(&'t self) -> Table<'t> {
        Table { text: self.text, name: String::new(), begins: 0, entries: self.root.get_ref() }
    }
}

impl<'d> Table<'d> {
    /// Refuses every key but these. Reports the first of them as they stand in the file.
    pub(super) fn only(&self, keys: &[&str]) -> Result<(), AgreementError> {
        let unknown = self.entries.keys().filter(|key| !keys.contains(&key.get_ref().as_ref()));
        let Some(first) = unknown.min_by_key(|key| key.span().start) else { return Ok(()) };
        Err(AgreementError::UnknownKey {
            line: line(self.text, first.span().start),
            key: self.called(&readable(first.get_ref())),
            instead: format!("use only {}, or put a # before the line to make it a comment", keys.join(", ")),
        })
    }

    pub(super) fn get(&self, key: &str) -> Option<Field<'d>> {
        let value = self.entries.get(key)?;
        Some(Field { text: self.text, name: self.called(&readable(key)), key: key.to_owned(), value })
    }

    /// `example` is what to write if the key is missing.
    pub(super) fn need(&self, key: &str, example: &str) -> Result<Field<'d>, AgreementError> {
        self.get(key).ok_or_else(|| self.missing(key, format!("write {example}")))
    }

    pub(super) fn missing(&self, key: &str, instead: String) -> AgreementError {
        AgreementError::Missing { line: line(self.text, self.begins), key: self.called(key), instead }
    }

    /// The section `[key]`.
    pub(super) fn section(&self, key: &str) -> Result<Option<Table<'d>>, AgreementError> {
        let Some(field) = self.get(key) else { return Ok(None) };
        match field.value.get_ref() {
            DeValue::Table(entries) => Ok(Some(Table {
                text: self.text,
                name: format!("[{key}]"),
                begins: field.value.span().start,
                entries,
            })),
            _ => Err(field.wrong("is not a section", format!("write [{key}] on a line of its own"))),
        }
    }

    /// The repeated sections `[[key]]`, in the order of the file.
    pub(super) fn sections(&self, key: &str, max: usize) -> Result<Vec<Table<'d>>, AgreementError> {
        let Some(field) = self.get(key) else { return Ok(Vec::new()) };
        let instead = format!("write [[{key}]] on a line of its own before each of them");
        let DeValue::Array(items) = field.value.get_ref() else {
            return Err(field.wrong("is not a repeated section", instead));
        };
        if items.len() > max {
            return Err(field.wrong(format!("stands {} times", items.len()), format!("use at most {max}")));
        }
        let table = |(n, item): (usize, &'d Spanned<DeValue<'d>>)| match item.get_ref() {
            DeValue::Table(entries) => Ok(Table {
                text: self.text,
                name: format!("{key} {}", n + 1),
                begins: item.span().start,
                entries,
            }),
            _ => Err(field.wrong("is not a repeated section", instead.clone())),
        };
        items.iter().enumerate().map(table).collect()
    }

    /// All values, where the keys are the parties' own words; in the order of the file.
    pub(super) fn fields(&self, max: usize) -> Result<Vec<Field<'d>>, AgreementError> {
        let mut keys: Vec<_> = self.entries.keys().collect();
        keys.sort_by_key(|key| key.span().start);
        if let Some(first) = keys.get(max) {
            let field = self.get(first.get_ref());
            let wrong = |f: Field<'d>| f.wrong("is one too many", format!("use at most {max}"));
            return Err(field.map_or_else(|| self.missing("", String::new()), wrong));
        }
        Ok(keys.into_iter().filter_map(|key| self.get(key.get_ref())).collect())
    }

    fn called(&self, key: &str) -> String {
        if self.name.is_empty() { format!("`{key}`") } else { format!("`{key}` in {}", self.name) }
    }
}

impl<'d> Field<'d> {
    /// Its key, as it stands in the file.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// An error about this value.
    pub(super) fn wrong(&self, problem: impl Into<String>, instead: impl Into<String>) -> AgreementError {
        AgreementError::Value {
            line: line(self.text, self.value.span().start),
            key: self.name.clone(),
            problem: problem.into(),
            instead: instead.into(),
        }
    }

    /// A whole number.
    pub(super) fn is_number(&self, digits: &str) -> bool {
        matches!(self.value.get_ref(), DeValue::Integer(n) if n.radix() == 10 && n.as_str() == digits)
    }

    /// A whole number from 0 on, written in decimal; `None` for anything else.
    pub(super) fn number(&self) -> Option<u64> {
        match self.value.get_ref() {
            DeValue::Integer(n) if n.radix() == 10 => n.as_str().parse().ok(),
            _ => None,
        }
    }

    /// Does it stand between quotation marks?
    pub(super) fn is_text(&self) -> bool {
        matches!(self.value.get_ref(), DeValue::String(_))
    }

    /// A text that is not empty and hides nothing, of at most `max` bytes; white space around it is cut.
    pub(super) fn text(&self, max: usize) -> Result<String, AgreementError> {
        let DeValue::String(text) = self.value.get_ref() else {
            return Err(self.wrong("is not a text", "write it between quotation marks, as in \"...\""));
        };
        if let Some((_, c)) = hidden(text) {
            return Err(self.wrong(format!("holds the invisible character {}", code(c)), "delete it"));
        }
        let text = text.trim();
        if text.is_empty() {
            return Err(self.wrong("is empty", "fill it in, or delete the line"));
        }
        if text.len() > max {
            return Err(self.wrong(format!("is {} bytes long", text.len()), format!("use at most {max}")));
        }
        Ok(text.to_owned())
    }

    /// A text of one line.
    pub(super) fn line(&self, max: usize) -> Result<String, AgreementError> {
        let text = self.text(max)?;
        match text.contains(['\n', '\r', '\t']) {
            true => Err(self.wrong("has several lines", "write it in one line")),
            false => Ok(text),
        }
    }

    /// A date without a time.
    pub(super) fn day(&self) -> Result<Day, AgreementError> {
        let instead = "write year-month-day without quotation marks, as in 2026-01-31";
        let date = match self.value.get_ref() {
            DeValue::Datetime(d) if d.time.is_none() && d.offset.is_none() => d.date,
            DeValue::Datetime(_) => return Err(self.wrong("has a time of the day", instead)),
            _ => return Err(self.wrong("is not a date", instead)),
        };
        date.and_then(|d| Day::new(d.year, d.month, d.day))
            .ok_or_else(|| self.wrong("is not a day of the calendar from 1970 on", instead))
    }

    /// One word among those that `read` knows; `choices` lists them in the error.
    pub(super) fn word<T>(
        &self,
        choices: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T, AgreementError> {
        match self.value.get_ref() {
            DeValue::String(word) => read(word).ok_or_else(|| {
                self.wrong(format!("is \"{}\"", readable(word)), format!("write one of {choices}"))
            }),
            _ => Err(self.wrong("is not a text", format!("write one of {choices}"))),
        }
    }

    /// Is it this very word?
    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self.value.get_ref(), DeValue::String(text) if text == word)
    }

    /// A list of words, none twice, at least one; one word alone need not stand in a list.
    /// `read` gives the reason why a word is not one.
    pub(super) fn list<T: Ord + Clone>(
        &self,
        example: &str,
        max: usize,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Vec<T>, AgreementError> {
        let items = match self.value.get_ref() {
            DeValue::String(_) => core::slice::from_ref(self.value),
            DeValue::Array(items) => &items[..],
            _ => return Err(self.wrong("is not a list of words", format!("write {example}"))),
        };
        if items.is_empty() || items.len() > max {
            let instead = format!("write between 1 and {max}, as in {example}");
            return Err(self.wrong(format!("has {} entries", items.len()), instead));
        }
        let (mut seen, mut list) = (BTreeSet::new(), Vec::with_capacity(items.len()));
        for item in items {
            let here = Field { text: self.text, name: self.name.clone(), key: self.key.clone(), value: item };
            let DeValue::String(word) = item.get_ref() else {
                return Err(here.wrong("holds something that is not a word", format!("write {example}")));
            };
            let value = read(word).map_err(|why| here.wrong(why, format!("write for example {example}")))?;
            if !seen.insert(value.clone()) {
                return Err(here.wrong(format!("names \"{}\" twice", readable(word)), "name it once"));
            }
            list.push(value);
        }
        Ok(list)
    }
}

/// The first character that a screen does not show, or that changes how others are shown: controls,
/// overrides and isolates of direction (Unicode TR 36 §2.10), byte-order marks inside, tags.
/// Joiners and the zero-width space stay: Persian, Khmer and others are written with them.
fn hidden(text: &str) -> Option<(usize, char)> {
    let wrong = |(at, c): &(usize, char)| match c {
        '\n' | '\t' => false,
        '\r' => !text.get(at + 1..).is_some_and(|rest| rest.starts_with('\n')),
        '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        '\u{e0000}'..='\u{e007f}' => true,
        c => c.is_control(),
    };
    text.char_indices().find(wrong)
}

fn code(c: char) -> String {
    format!("U+{:04X}", u32::from(c))
}

/// Words of the file as they may stand in an error: short, and nothing hidden.
pub(super) fn readable(text: &str) -> String {
    let short: String = text.chars().take(80).map(|c| if c == '\n' { ' ' } else { c }).collect();
    if hidden(&short).is_some() { short.escape_default().to_string() } else { short }
}

/// The line of a byte, counted from 1.
fn line(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|b| *b == b'\n').count()
}
