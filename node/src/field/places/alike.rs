//! Which places may be the same though nobody said so: by their names in Latin letters, their numbers, kind and town.
//!
//! Names are compared by their consonants, since scripts and people differ most in vowels. It is a hint for a person, who
//! sees why; nothing follows from it by itself.

use std::collections::BTreeSet;

use any_ascii::any_ascii;

use super::sets::PlaceSet;
use crate::search::fold::fold;

/// Consonants that a word must have to tell places apart.
const TELLING: usize = 4;
/// Consonants that the name of a town must have.
const TOWN: usize = 2;

/// What places are compared by.
pub struct Marks {
    names: BTreeSet<String>,
    /// The consonants of each name's words, in Latin letters.
    words: BTreeSet<String>,
    wholes: BTreeSet<String>,
    numbers: BTreeSet<String>,
    category: Option<String>,
    towns: BTreeSet<String>,
}

impl Marks {
    /// Of a place.
    #[must_use]
    pub fn of(place: &PlaceSet<'_>) -> Marks {
        let names = place.folded_names();
        let parts: Vec<String> = names.iter().flat_map(|name| latin_words(name)).collect();
        let is_number = |word: &String| word.chars().all(|c| c.is_ascii_digit());
        let numbers =
            parts.iter().filter(|word| is_number(word)).map(|n| n.trim_start_matches('0').to_owned());
        let whole = |name: &String| consonants(&latin_words(name).concat());
        let towns = place.places.iter().filter_map(|p| p.text("locality"));
        Marks {
            wholes: names.iter().map(whole).filter(|w| w.len() >= TELLING).collect(),
            words: parts.iter().map(|w| consonants(w)).filter(|w| w.len() >= TELLING).collect(),
            numbers: numbers.filter(|n| !n.is_empty()).collect(),
            category: place.places.iter().find_map(|p| p.text("category")).map(str::to_owned),
            towns: towns.map(|town| consonants(&latin_words(&fold(town)).concat())).collect(),
            names,
        }
    }

    /// Why two places may be the same; empty if nothing speaks for it.
    #[must_use]
    pub fn alike(&self, other: &Marks) -> Vec<String> {
        let mut because = Vec::new();
        if let Some(name) = self.names.intersection(&other.names).next() {
            because.push(format!("the same name, `{name}`"));
        }
        let numbered_apart =
            !self.numbers.is_empty() && !other.numbers.is_empty() && self.numbers.is_disjoint(&other.numbers);
        let towns_apart = !self.towns.is_empty() && !other.towns.is_empty() && !self.same_town(other);
        if numbered_apart || towns_apart {
            return because;
        }
        if because.is_empty() && !self.wholes.is_disjoint(&other.wholes) {
            because.push("names that sound alike when written in one script".into());
        }
        let number = self.numbers.intersection(&other.numbers).next();
        let kind = self.category.is_some() && self.category == other.category;
        if let (Some(number), true, true) = (number, kind, self.same_town(other)) {
            because.push(format!("the same kind of place with the number {number} in the same locality"));
        }
        let word = self.words.iter().find(|word| other.words.iter().any(|o| begins_alike(word, o)));
        let equally_numbered = self.numbers.is_empty() == other.numbers.is_empty();
        if because.is_empty() && word.is_some() && equally_numbered && (kind || number.is_some()) {
            because.push(match number {
                Some(number) => {
                    format!("a word of their names sounds alike, and the number {number} is in both")
                }
                None => "a word of their names sounds alike, and they are of the same kind".into(),
            });
        }
        because
    }

    fn same_town(&self, other: &Marks) -> bool {
        self.towns.iter().any(|t| t.len() >= TOWN && other.towns.iter().any(|o| begins_alike(t, o)))
    }
}

/// Words in different cases differ at their ends.
fn begins_alike(one: &str, other: &str) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

/// The words of a folded name in Latin letters; numbers are words of their own.
fn latin_words(folded: &str) -> Vec<String> {
    let latin = any_ascii(folded).to_lowercase();
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    // Some scripts are written with apostrophes, which belong to no word.
    for letter in latin.chars().filter(|c| !matches!(c, '\'' | '`')) {
        let goes_on = before.is_ascii_alphanumeric() && before.is_ascii_digit() == letter.is_ascii_digit();
        match words.last_mut() {
            Some(word) if goes_on && letter.is_ascii_alphanumeric() => word.push(letter),
            _ if letter.is_ascii_alphanumeric() => words.push(letter.to_string()),
            _ => {}
        }
        before = letter;
    }
    words
}

/// Consonants as most scripts tell them apart, doubled ones once; digits stay.
fn consonants(latin: &str) -> String {
    let mut left = String::new();
    for letter in latin.chars() {
        let letter = match letter {
            'a' | 'e' | 'i' | 'o' | 'u' | 'y' | 'w' | 'h' => continue,
            'c' | 'q' => 'k',
            'p' => 'b',
            other => other,
        };
        if !left.ends_with(letter) {
            left.push(letter);
        }
    }
    left
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "alike_tests.rs"]
mod tests;
