//! C2: a text that names a recorded source does not leave this node.
//!
//! Compared are the folded words of all fields and attachment names with the names and contacts of the `source`
//! records here. A part of a name counts from `PART` letters on, also with a short ending (as Georgian and Slavic
//! languages add) or an Arabic particle before it; a name of shorter parts only as a whole, in either order; of a
//! script without spaces, wherever it stands. Pseudonyms are there to be used. There is no way around: whoever is
//! refused changes the text, or calls the person by the pseudonym.
//!
//! What this cannot find: a name in another script than it was recorded in, in the pixels of a scan or the text
//! inside a file, and a person described without the name. The reason names field and source record, never the name.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use entente_protocol::ids::RecordId;
use entente_protocol::kinds;
use entente_protocol::policy::{Refusal, RefusalCode};
use entente_protocol::record::Content;
use zeroize::Zeroizing;

use crate::api::problem::refused;
use crate::api::types::Problem;
use crate::field::of_kind;
use crate::node::Node;
use crate::partnership::publish::shared_fields;
use crate::search::fold::fold;
use crate::search::words::is_in_word;

/// Letters from which on one part of a name of several parts counts alone.
const PART: usize = 4;
/// Letters of a name, taken together, from which on it is looked for at all.
const NAME: usize = 3;
/// Letters from which on a part is found with an ending, and letters of the ending.
const WITH_ENDING: usize = 5;
const ENDING: usize = 3;
/// Digits from which on a number is a contact.
const DIGITS: usize = 6;
/// Words that are read as one, since somebody may write a name in pieces.
const JOINED: usize = 3;
/// Particles that Arabic writes together with a name.
const PARTICLES: [char; 5] = ['و', 'ف', 'ب', 'ل', 'ك'];

/// A source that is recorded here, as it is looked for.
struct Source {
    record: RecordId,
    /// Each the folded parts of a name.
    names: Vec<Vec<Zeroizing<String>>>,
    /// Folded words of contacts with an @, and numbers.
    contacts: Vec<Zeroizing<String>>,
}

/// What part of a source stands in a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    Name,
    Contact,
}

/// A text as it is searched.
struct Searched {
    words: BTreeSet<String>,
    squeezed: Zeroizing<String>,
    folded: Zeroizing<String>,
    numbers: Vec<String>,
}

/// Refuses a record whose fields or attachment names tell of a source.
#[must_use]
pub fn refusals(node: &Arc<Node>, content: &Content) -> Vec<Refusal> {
    // What never leaves is refused as that: a source names itself.
    if kinds::known(&content.kind).is_some_and(|facts| facts.never_leaves) {
        return Vec::new();
    }
    let mut texts: Vec<(String, String)> = Vec::new();
    for (name, value) in shared_fields(content) {
        value.each_text(&mut |text| texts.push((format!("the field `{name}`"), text.to_owned())));
    }
    for (number, attachment) in content.attachments.iter().enumerate() {
        texts.push((format!("the name of attachment {}", number + 1), attachment.name.clone()));
    }
    if let Some(reference) = &content.handling.consent {
        texts.push(("the reference to the consent".to_owned(), reference.clone()));
    }
    named_in(node, texts.iter().map(|(place, text)| (place.as_str(), text.as_str())))
}

/// Refuses words that are about to leave in another way: a reason, a question, what stands in for a passage.
///
/// # Errors
/// [`Problem`] `E-SOURCE`.
pub fn in_words(node: &Node, words: &str, not_done: &str) -> Result<(), Problem> {
    let found = named_in(node, [("the words", words)]);
    if found.is_empty() {
        return Ok(());
    }
    let views: Vec<(String, String)> = found.into_iter().map(|r| (r.code.to_string(), r.reason)).collect();
    Err(refused(&views, not_done, NEXT))
}

const NEXT: &str = "Say it without the person, or by the pseudonym of the source record.";

/// What texts, each with where it stands, tell of sources: one refusal for each place and source.
#[must_use]
pub fn named_in<'a>(node: &Node, texts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<Refusal> {
    let sources = recorded(node);
    if sources.is_empty() {
        return Vec::new();
    }
    let mut refusals: Vec<Refusal> = Vec::new();
    for (place, text) in texts {
        let searched = Searched::of(text);
        for source in &sources {
            let Some(told) = source.told_in(&searched) else { continue };
            let what = match told {
                Told::Name => "the name",
                Told::Contact => "a contact",
            };
            let reason = format!(
                "{place} has {what} of the source {}, which never leaves this node. Change the text, call the person \
                 by the pseudonym, or leave the passage out",
                source.record.short()
            );
            let refusal = Refusal { code: RefusalCode::Source, reason };
            if !refusals.contains(&refusal) {
                refusals.push(refusal);
            }
        }
    }
    refusals
}

/// All sources of this organisation, superseded ones too: an older name is a name.
fn recorded(node: &Node) -> Vec<Source> {
    let ours = of_kind(node, "source", None).filter(|known| known.row.author == node.me.org());
    let source = |known: crate::field::Known| {
        let said = &known.statement;
        let pseudonym = said.text("pseudonym").map(|text| joined(&parts(text)));
        let names = said.texts("name").into_iter().chain(said.texts("names")).map(parts);
        Source {
            record: known.row.id,
            names: names.filter(|name| Some(joined(name)) != pseudonym).collect(),
            contacts: said
                .texts("contact")
                .into_iter()
                .chain(said.texts("contacts"))
                .flat_map(contacts)
                .collect(),
        }
    };
    ours.map(source).collect()
}

impl Source {
    fn told_in(&self, text: &Searched) -> Option<Told> {
        let contact = |contact: &Zeroizing<String>| {
            text.folded.contains(contact.as_str())
                || text.numbers.iter().any(|number| number.ends_with(tail(contact)) && is_number(contact))
        };
        if self.names.iter().any(|name| text.has_name(name)) {
            return Some(Told::Name);
        }
        self.contacts.iter().any(contact).then_some(Told::Contact)
    }
}

impl Searched {
    fn of(text: &str) -> Searched {
        let folded = fold(text);
        let words = parts(text);
        let mut all = BTreeSet::new();
        for from in 0..words.len() {
            let mut one = Zeroizing::new(String::new());
            for (more, word) in words.iter().skip(from).enumerate() {
                let single = word.chars().count() == 1;
                one.push_str(word);
                all.insert(one.to_string());
                // A name can be written letter by letter.
                if more + 1 >= JOINED && !(single && one.chars().count() == more + 1 && more < 40) {
                    break;
                }
            }
        }
        Searched { squeezed: joined(&words), words: all, numbers: numbers(&folded), folded }
    }

    fn has_name(&self, name: &[Zeroizing<String>]) -> bool {
        let whole = joined(name);
        if whole.chars().any(is_written_without_spaces) {
            return whole.chars().count() >= 2 && self.squeezed.contains(whole.as_str());
        }
        let mut turned: Vec<_> = name.to_vec();
        turned.reverse();
        let is_long = whole.chars().count() >= NAME;
        (is_long && (self.has_word(&whole) || self.has_word(&joined(&turned))))
            || (name.len() > 1 && name.iter().any(|part| part.chars().count() >= PART && self.has_word(part)))
    }

    fn has_word(&self, name: &str) -> bool {
        if self.words.contains(name) {
            return true;
        }
        let arabic = name.chars().next().is_some_and(|c| ('\u{600}'..='\u{6FF}').contains(&c));
        if arabic && PARTICLES.iter().any(|one| self.words.contains(&format!("{one}{name}"))) {
            return true;
        }
        if name.chars().count() < WITH_ENDING {
            return false;
        }
        let stem = stem(name);
        let most = name.chars().count() + ENDING;
        let from = self.words.range::<str, _>((Bound::Included(stem), Bound::Unbounded));
        from.take_while(|word| word.starts_with(stem)).any(|word| word.chars().count() <= most)
    }
}

/// A name without the vowel at its end, which many languages change.
fn stem(name: &str) -> &str {
    let without = name.strip_suffix(|last| "aeiouyаеёиоуыэюяіїєაეიოუ".contains(last));
    without.filter(|stem| stem.chars().count() >= WITH_ENDING).unwrap_or(name)
}

/// The folded words of a text.
fn parts(text: &str) -> Vec<Zeroizing<String>> {
    let folded = fold(text);
    let words = folded.split(|c| !is_in_word(c)).filter(|word| !word.is_empty());
    words.map(|word| Zeroizing::new(word.to_owned())).collect()
}

fn joined(parts: &[Zeroizing<String>]) -> Zeroizing<String> {
    let mut one = Zeroizing::new(String::with_capacity(parts.iter().map(|part| part.len()).sum()));
    for part in parts {
        one.push_str(part);
    }
    one
}

/// Han, kana, Thai, Lao, Myanmar, Khmer, Tibetan.
fn is_written_without_spaces(c: char) -> bool {
    matches!(c, '\u{E00}'..='\u{FFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' | '\u{3040}'..='\u{30FF}'
        | '\u{3400}'..='\u{9FFF}' | '\u{20000}'..='\u{323AF}')
}

/// Addresses with an @, and numbers, of a contact in words.
fn contacts(text: &str) -> Vec<Zeroizing<String>> {
    let folded = fold(text);
    let addresses = folded.split_whitespace().filter(|word| word.contains('@'));
    let addresses =
        addresses.map(|word| word.trim_matches(|c: char| !c.is_alphanumeric())).filter(|a| a.len() > 3);
    addresses.map(str::to_owned).chain(numbers(&folded)).map(Zeroizing::new).collect()
}

/// Numbers of at least [`DIGITS`] digits, whatever stands between the digits as people write telephone numbers.
fn numbers(folded: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    for c in folded.chars() {
        match (c.is_ascii_digit(), all.last_mut()) {
            (true, Some(last)) => last.push(c),
            (false, Some(last)) if !last.is_empty() && !" -().+/\u{a0}".contains(c) => {
                all.push(String::new())
            }
            _ => {}
        }
    }
    all.retain(|number| number.len() >= DIGITS);
    all
}

fn is_number(contact: &str) -> bool {
    contact.chars().all(|c| c.is_ascii_digit())
}

/// The last nine digits: with or without the code of the country.
fn tail(number: &str) -> &str {
    let from = if is_number(number) { number.len().saturating_sub(9) } else { 0 };
    number.get(from..).unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str, contact: &str, text: &str) -> Option<Told> {
        let source =
            Source { record: RecordId([1; 32]), names: vec![parts(name)], contacts: contacts(contact) };
        source.told_in(&Searched::of(text))
    }

    #[track_caller]
    fn names(name: &str, text: &str) {
        assert_eq!(told(name, "", text), Some(Told::Name), "{name}: {text}");
    }

    #[track_caller]
    fn does_not_name(name: &str, text: &str) {
        assert_eq!(told(name, "", text), None, "{name}: {text}");
    }

    #[test]
    fn a_name_is_found_whole_in_part_turned_spaced_and_with_accents() {
        for text in [
            "Ana Petrova said so",
            "PETROVA, Ana",
            "as Ms Petrova told us",
            "Ana  Pét\u{301}rova",
            "A n a P e t r o v a",
            "Pet rova was there",
            "Ana\u{200b}Petrova",
            "from petrova@example.org",
        ] {
            names("Ana Petrova", text);
        }
    }

    #[test]
    fn a_name_is_found_in_any_script_and_with_the_endings_of_its_language() {
        names("ნინო ბერიძე", "ეს ბერიძემ თქვა");
        names("ნინო ბერიძე", "ბერიძის სიტყვები");
        names("Анна Иванова", "со слов Ивановой");
        names("محمد الخالدي", "قال مُحَمَّد ذلك");
        names("محمد الخالدي", "ومحمد");
        names("王小明", "据王小明说");
        names("สมชาย ใจดี", "ได้พบสมชายใจดีเมื่อวาน");
        names("Łukasz Żak", "LUKASZ ZAK");
    }

    #[test]
    fn a_name_in_another_word_or_too_short_to_tell_is_let_through() {
        does_not_name("Ana Petrova", "The analysis of the canal, and Anatomy");
        does_not_name("Ana Petrova", "Ana");
        does_not_name("Al", "Al came, and all others");
        does_not_name("Rosa", "The rosary");
        names("Rosa", "said Rosa.");
        names("Li Wei", "Wei Li spoke");
        does_not_name("Li Wei", "Wei spoke of Li-ion");
    }

    #[test]
    fn a_contact_is_found_however_its_digits_are_grouped() {
        for text in ["call +995 555 12-34-56", "call 555123456", "(555) 123 456", "٥٥٥١٢٣٤٥٦"] {
            assert_eq!(told("X", "+995 555 123 456, never by day", text), Some(Told::Contact), "{text}");
        }
        assert_eq!(told("X", "ana@example.org", "write to ANA@example.org!"), Some(Told::Contact));
        assert_eq!(told("X", "never by day", "never by day"), None);
        assert_eq!(told("X", "555 123 456", "on 2026-11-27, 123 people"), None);
    }
}
