//! Vocabularies: words that partners agree on, as versioned data, which an agreement can extend.
//!
//! Start at [`Vocabularies::shipped`] (the files in `protocol/vocabularies`) and
//! [`Vocabularies::with`], which adds what an agreement adds. A term that nobody here knows, from a newer
//! partner say, is kept and shown: a vocabulary advises, and never refuses.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

/// The vocabulary of steps on the common axis of status.
pub const STATUS_AXIS: &str = "status-axis";
/// The vocabulary of words of organisations' own scales.
pub const STATUS_SCALE: &str = "status-scale";

/// One term.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Term {
    /// What stands in records; never changes.
    pub id: String,
    /// In English, for people.
    pub label: String,
    /// In scales of status: what it means on the common axis.
    pub axis: Option<String>,
    /// Added by an agreement.
    pub added: bool,
}

/// One list of terms.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Vocabulary {
    /// Its name.
    pub name: String,
    /// The version of the file that was shipped.
    pub version: u32,
    /// What it is a list of.
    pub title: String,
    /// The terms, in the order of the file; those of an agreement after them.
    pub terms: Vec<Term>,
}

impl Vocabulary {
    /// A term by its id, folded for case.
    #[must_use]
    pub fn term(&self, id: &str) -> Option<&Term> {
        let folded = id.trim().to_lowercase();
        self.terms.iter().find(|term| term.id.to_lowercase() == folded)
    }

    /// The known term that looks most like one that is not known.
    #[must_use]
    pub fn like(&self, id: &str) -> Option<&str> {
        nearest(id, self.terms.iter().map(|term| term.id.as_str()))
    }
}

/// What an agreement adds: terms to vocabularies, and words to the scale of status.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Additions {
    /// Terms, by the name of the vocabulary.
    pub terms: BTreeMap<String, Vec<String>>,
    /// Words for status, and the step of the common axis that each means.
    pub scale: BTreeMap<String, String>,
}

/// All vocabularies that are known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Vocabularies(BTreeMap<String, Vocabulary>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    version: u32,
    title: String,
    terms: Vec<Vec<String>>,
}

const FILES: [&str; 11] = [
    include_str!("../vocabularies/place-category.toml"),
    include_str!("../vocabularies/theme.toml"),
    include_str!("../vocabularies/population.toml"),
    include_str!("../vocabularies/addressee.toml"),
    include_str!("../vocabularies/status-axis.toml"),
    include_str!("../vocabularies/status-scale.toml"),
    include_str!("../vocabularies/report-stage.toml"),
    include_str!("../vocabularies/visit-kind.toml"),
    include_str!("../vocabularies/consent-use.toml"),
    include_str!("../vocabularies/urgency.toml"),
    include_str!("../vocabularies/position.toml"),
];

impl Vocabularies {
    /// Those that are shipped with this version.
    #[must_use]
    pub fn shipped() -> &'static Vocabularies {
        static SHIPPED: OnceLock<Vocabularies> = OnceLock::new();
        // A test reads every file; one that could not be read would be missing here, and refuse nothing.
        SHIPPED.get_or_init(|| {
            Vocabularies(FILES.into_iter().filter_map(read).map(|v| (v.name.clone(), v)).collect())
        })
    }

    /// These, and what an agreement adds.
    #[must_use]
    pub fn with(&self, additions: &Additions) -> Vocabularies {
        let mut all = self.clone();
        for (name, terms) in &additions.terms {
            let vocabulary = all.0.entry(name.clone()).or_insert_with(|| Vocabulary {
                name: name.clone(),
                version: 0,
                title: name.clone(),
                terms: Vec::new(),
            });
            for id in terms {
                if vocabulary.term(id).is_none() {
                    vocabulary.terms.push(Term {
                        id: id.clone(),
                        label: id.clone(),
                        axis: None,
                        added: true,
                    });
                }
            }
        }
        if let Some(scale) = all.0.get_mut(STATUS_SCALE) {
            for (word, axis) in &additions.scale {
                // The parties' own meaning of a word comes before the one that is shipped.
                scale.terms.retain(|term| term.id.to_lowercase() != word.to_lowercase());
                let axis = Some(axis.clone());
                scale.terms.push(Term { id: word.clone(), label: word.clone(), axis, added: true });
            }
        }
        all
    }

    /// One by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Vocabulary> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn all(&self) -> impl Iterator<Item = &Vocabulary> {
        self.0.values()
    }

    /// What a word for status means on the common axis; `None` if no scale has it.
    #[must_use]
    pub fn axis_of(&self, word: &str) -> Option<&str> {
        let folded = word.trim().to_lowercase().replace('-', " ");
        let scale = self.get(STATUS_SCALE)?;
        let known = scale.terms.iter().find(|term| term.id.to_lowercase().replace('-', " ") == folded);
        let by_scale = known.and_then(|term| term.axis.as_deref());
        by_scale.or_else(|| self.get(STATUS_AXIS)?.term(word.trim()).map(|term| term.id.as_str()))
    }
}

fn read(text: &str) -> Option<Vocabulary> {
    let file: File = toml::from_str(text).ok()?;
    let mut terms = Vec::with_capacity(file.terms.len());
    for words in file.terms {
        let mut words = words.into_iter();
        terms.push(Term { id: words.next()?, label: words.next()?, axis: words.next(), added: false });
    }
    Some(Vocabulary { name: file.name, version: file.version, title: file.title, terms })
}

/// The candidate that a mistyped word most likely means: at most two letters differ, or a third of a short
/// word. Bounded: words beyond 64 characters are no typing mistakes.
pub(crate) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.trim().to_lowercase().chars().take(65).collect();
    if word.is_empty() || word.len() > 64 {
        return None;
    }
    let most = if word.len() < 6 { 1 } else { 2 };
    candidates
        .map(|candidate| (distance(&word, &candidate.to_lowercase().chars().collect::<Vec<_>>()), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (j, y) in b.iter().enumerate() {
            let (Some(up), Some(slot)) = (before.get(j + 1).copied(), before.get_mut(j)) else { break };
            let cost = diagonal + usize::from(x != y);
            *slot = left;
            diagonal = up;
            left = cost.min(up + 1).min(left + 1);
        }
        if let Some(last) = before.last_mut() {
            *last = left;
        }
    }
    before.last().copied().unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_file_is_read_and_says_each_term_once() {
        let all = Vocabularies::shipped();
        assert_eq!(all.all().count(), FILES.len());
        for vocabulary in all.all() {
            let ids: BTreeSet<&str> = vocabulary.terms.iter().map(|t| t.id.as_str()).collect();
            assert_eq!(ids.len(), vocabulary.terms.len(), "{}", vocabulary.name);
            assert!(vocabulary.version >= 1 && !vocabulary.terms.is_empty());
        }
        assert_eq!(all.get("place-category").unwrap().terms.len(), 18);
        assert_eq!(all.get("status-axis").unwrap().terms.len(), 8);
    }

    #[test]
    fn every_sub_topic_has_its_theme() {
        let themes = Vocabularies::shipped().get("theme").unwrap();
        for (theme, _) in themes.terms.iter().filter_map(|t| t.id.split_once('/')) {
            assert!(themes.term(theme).is_some(), "{theme}");
        }
    }

    #[test]
    fn every_word_of_the_scale_means_a_step_of_the_axis() {
        let all = Vocabularies::shipped();
        for term in &all.get(STATUS_SCALE).unwrap().terms {
            assert!(all.get(STATUS_AXIS).unwrap().term(term.axis.as_deref().unwrap()).is_some(), "{term:?}");
        }
        assert_eq!(all.axis_of("Partially-Implemented"), Some("substantive-steps"));
        assert_eq!(all.axis_of("initial-steps"), Some("initial-steps"));
        assert_eq!(all.axis_of("შესრულდა"), None);
    }

    #[test]
    fn an_agreement_adds_terms_and_words_and_takes_none_away() {
        let additions = Additions {
            terms: [("place-category".to_owned(), vec!["nursing-home".to_owned(), "prison".to_owned()])]
                .into(),
            scale: [("შესრულდა".to_owned(), "implemented".to_owned())].into(),
        };
        let all = Vocabularies::shipped().with(&additions);
        assert!(all.get("place-category").unwrap().term("nursing-home").unwrap().added);
        assert_eq!(all.get("place-category").unwrap().terms.len(), 19);
        assert_eq!(all.axis_of("შესრულდა"), Some("implemented"));
        assert_eq!(all.axis_of("promised"), Some("promised"));
    }

    #[test]
    fn a_mistyped_term_finds_its_like_and_a_strange_one_nothing() {
        let themes = Vocabularies::shipped().get("theme").unwrap();
        assert_eq!(themes.like("helth-care"), Some("health-care"));
        assert_eq!(themes.like("sovereignty"), None);
        assert_eq!(themes.like(&"x".repeat(10_000)), None);
        assert_eq!(distance(&['a', 'b', 'c'], &['a', 'c']), 1);
        assert_eq!(distance(&['k', 'i', 't', 't', 'e', 'n'], &['s', 'i', 't', 't', 'i', 'n', 'g']), 3);
    }
}
