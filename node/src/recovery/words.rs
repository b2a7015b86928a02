//! 32 bytes as 24 words that people can write down and type again: BIP-39, English, whose words are told apart
//! by their first four letters. The words *are* the bytes: no seed is stretched from them.
//!
//! What was mistyped is named: the word, and what it may have been ([`WordsError`], [`Typed::slip`]).

use bip39::{Language, Mnemonic};
use entente_protocol::derive::Key;
use zeroize::Zeroizing;

/// Words that 32 bytes take.
pub const WORDS: usize = 24;
/// Letters that tell any two words of the list apart.
const TELLING: usize = 4;
/// Near words that are named for a word that is not in the list.
const NEAREST: usize = 3;
/// Letters that may be wrong in a near word.
const NEAR: usize = 2;

/// Why a text is not 24 words that belong together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// Words are missing or too many.
    #[error("these are {found} words, where {WORDS} are expected")]
    Count {
        /// How many there are.
        found: usize,
    },
    /// Some are not in the list.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Unknown(Vec<UnknownWord>),
    /// Each is in the list, but not all of them are those that were written down.
    #[error(
        "every word is in the list, but they do not belong together: one was misread or mistyped, or two changed places"
    )]
    Checksum,
}

/// A word that is not in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownWord {
    /// Which: 1 to 24.
    pub position: usize,
    /// What was typed.
    pub typed: String,
    /// What it may have been, nearest first.
    pub nearest: Vec<&'static str>,
}

impl std::fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "word {} (`{}`) is not in the list", self.position, self.typed)?;
        if self.nearest.is_empty() { Ok(()) } else { write!(f, ": {}?", self.nearest.join(", ")) }
    }
}

/// What one slip of eye or hand would explain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slip {
    /// This word should be another.
    Word {
        /// Which: 1 to 24.
        position: usize,
        /// What it should be.
        should_be: &'static str,
    },
    /// This word and the next changed places.
    Swapped {
        /// The first of the two: 1 to 23.
        position: usize,
    },
}

impl std::fmt::Display for Slip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Slip::Word { position, should_be } => write!(f, "word {position} should be `{should_be}`"),
            Slip::Swapped { position } => write!(f, "words {position} and {} changed places", position + 1),
        }
    }
}

/// The words of 32 bytes.
///
/// # Errors
/// Never for 32 bytes: BIP-39 knows 24 words for them.
pub fn words_of(bytes: &Key) -> Result<Vec<&'static str>, bip39::Error> {
    Ok(Mnemonic::from_entropy_in(Language::English, bytes.as_ref())?.words().collect())
}

/// The words of public bytes (16 bytes: 12 words); none where BIP-39 has none for such a length.
#[must_use]
pub fn public_words(bytes: &[u8]) -> Vec<&'static str> {
    Mnemonic::from_entropy_in(Language::English, bytes).map(|m| m.words().collect()).unwrap_or_default()
}

/// Words as they were typed, each of them from the list.
pub struct Typed(Zeroizing<Vec<u16>>);

impl Typed {
    /// Reads words in either case, however they are spaced and numbered (`1. abandon`, `2) ability`); four
    /// letters of a word suffice. Their number is not judged yet.
    ///
    /// # Errors
    /// [`WordsError::Unknown`] names each word that is not in the list, counted from `before` + 1.
    pub fn read(text: &str, before: usize) -> Result<Typed, WordsError> {
        let (mut known, mut unknown) = (Zeroizing::new(Vec::with_capacity(WORDS)), Vec::new());
        let is_number = |token: &&str| !token.chars().all(|c| c.is_ascii_digit() || ".):,".contains(c));
        for (index, token) in text.split_whitespace().filter(is_number).enumerate() {
            let word = Zeroizing::new(bare(token));
            match find(&word) {
                Some(index) => known.push(index),
                None => unknown.push(UnknownWord {
                    position: before + index + 1,
                    typed: token.to_owned(),
                    nearest: nearest(&word),
                }),
            }
        }
        if unknown.is_empty() { Ok(Typed(known)) } else { Err(WordsError::Unknown(unknown)) }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Adds what was typed next.
    pub fn extend(&mut self, next: &Typed) {
        self.0.extend_from_slice(&next.0);
    }

    /// The 32 bytes.
    ///
    /// # Errors
    /// [`WordsError::Count`], [`WordsError::Checksum`].
    pub fn secret(&self) -> Result<Key, WordsError> {
        if self.count() != WORDS {
            return Err(WordsError::Count { found: self.count() });
        }
        secret_of(&self.0).ok_or(WordsError::Checksum)
    }

    /// The one slip after which the words give something that `right` accepts: another word in one place, or
    /// two neighbours that changed places. `None` if there is no such slip. It tries some 49,000; `right` is
    /// asked about the 1 in 256 of them whose checksum fits.
    #[must_use]
    pub fn slip(&self, right: impl Fn(&Key) -> bool) -> Option<Slip> {
        if self.count() != WORDS {
            return None;
        }
        let mut words = self.0.clone();
        let fits = |words: &[u16]| secret_of(words).is_some_and(|secret| right(&secret));
        for position in 1..WORDS {
            words.swap(position - 1, position);
            if fits(&words) {
                return Some(Slip::Swapped { position });
            }
            words.swap(position - 1, position);
        }
        for position in 1..=WORDS {
            let typed = words[position - 1];
            for (other, should_be) in (0..).zip(Language::English.word_list()) {
                words[position - 1] = other;
                if other != typed && fits(&words) {
                    return Some(Slip::Word { position, should_be });
                }
            }
            words[position - 1] = typed;
        }
        None
    }
}

/// A typed word without what stands around it: `1.Abandon,` is `abandon`.
fn bare(token: &str) -> String {
    token.trim_matches(|c: char| c.is_ascii_digit() || c.is_ascii_punctuation()).to_lowercase()
}

fn find(word: &str) -> Option<u16> {
    let whole = Language::English.find_word(word);
    whole.or_else(|| {
        let list = Language::English.word_list();
        let at = list.partition_point(|known| *known < word);
        let begins = word.len() >= TELLING && list.get(at).is_some_and(|known| known.starts_with(word));
        begins.then(|| u16::try_from(at).ok()).flatten()
    })
}

fn secret_of(words: &[u16]) -> Option<Key> {
    let list = Language::English.word_list();
    let mut text = Zeroizing::new(String::with_capacity(WORDS * 9));
    for word in words {
        text.push_str(list.get(usize::from(*word))?);
        text.push(' ');
    }
    let mnemonic = Mnemonic::parse_in_normalized(Language::English, &text).ok()?;
    let (entropy, length) = mnemonic.to_entropy_array();
    let entropy = Zeroizing::new(entropy);
    let secret: &[u8; 32] = entropy.get(..length)?.try_into().ok()?;
    Some(Zeroizing::new(*secret))
}

/// Words of the list within [`NEAR`] slips of the hand.
fn nearest(typed: &str) -> Vec<&'static str> {
    let mut near: Vec<(usize, &'static str)> = Language::English
        .word_list()
        .iter()
        .map(|word| (distance(typed, word), *word))
        .filter(|(slips, word)| *slips <= NEAR.min(word.len() / 2))
        .collect();
    near.sort_unstable();
    near.into_iter().take(NEAREST).map(|(_, word)| word).collect()
}

/// Letters to put in, leave out, replace or swap with their neighbour (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let same = a[i - 1] == b[j - 1];
            let mut least =
                (rows[i - 1][j] + 1).min(row[j - 1] + 1).min(rows[i - 1][j - 1] + usize::from(!same));
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    fn key(byte: u8) -> Key {
        Zeroizing::new([byte; 32])
    }

    fn text(byte: u8) -> String {
        words_of(&key(byte)).unwrap().join(" ")
    }

    /// The vectors of BIP-39 (Trezor's `vectors.json`) with 256 bits.
    #[test]
    fn words_are_those_of_the_published_vectors() {
        let zero = format!("{}art", "abandon ".repeat(23));
        let seven = "legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth \
                     useful legal winner thank year wave sausage worth title";
        let eighty = "letter advice cage absurd amount doctor acoustic avoid letter advice cage absurd amount \
                      doctor acoustic avoid letter advice cage absurd amount doctor acoustic bless";
        let ones = format!("{}vote", "zoo ".repeat(23));
        for (byte, published) in [(0, zero.as_str()), (0x7f, seven), (0x80, eighty), (0xff, ones.as_str())] {
            assert_eq!(text(byte), published);
            assert_eq!(Typed::read(published, 0).unwrap().secret().unwrap(), key(byte));
        }
    }

    #[test]
    fn words_are_read_however_a_person_writes_them() {
        let words = words_of(&key(0x7f)).unwrap();
        let numbered: String =
            words.iter().enumerate().map(|(n, w)| format!("{}. {}\n", n + 1, w.to_uppercase())).collect();
        let short: String = words.iter().map(|w| format!("{} ", &w[..w.len().min(4)])).collect();
        let glued: String = words.iter().enumerate().map(|(n, w)| format!("{}){w}, ", n + 1)).collect();
        for written in [numbered, short, glued] {
            assert_eq!(Typed::read(&written, 0).unwrap().secret().unwrap(), key(0x7f), "{written}");
        }
    }

    #[test]
    fn a_word_that_is_not_in_the_list_is_named_with_its_neighbours() {
        let wrong = text(0x7f).replacen("winner", "winer", 1).replacen("sausage", "sasuage", 1);
        let Err(WordsError::Unknown(unknown)) = Typed::read(&wrong, 0) else { panic!("it was read") };
        assert!(unknown[0].position == 2 && unknown[0].nearest.contains(&"winner"), "{unknown:?}");
        assert_eq!((unknown[1].position, unknown[1].nearest[0]), (6, "sausage"));
        assert!(unknown[0].to_string().starts_with("word 2 (`winer`) is not in the list: "));
        let Err(WordsError::Unknown(later)) = Typed::read("qqqqqqqq", 12) else { panic!("it was read") };
        assert_eq!((later[0].position, later[0].nearest.len()), (13, 0));
    }

    #[test]
    fn a_wrong_word_of_the_list_and_a_swap_are_found() {
        let right = |secret: &Key| *secret == key(0x7f);
        let words = words_of(&key(0x7f)).unwrap();
        let mut wrong = words.clone();
        wrong[9] = "wink";
        let typed = Typed::read(&wrong.join(" "), 0).unwrap();
        assert_eq!(typed.secret(), Err(WordsError::Checksum));
        assert_eq!(typed.slip(right), Some(Slip::Word { position: 10, should_be: "winner" }));
        let mut swapped = words;
        swapped.swap(2, 3);
        let typed = Typed::read(&swapped.join(" "), 0).unwrap();
        assert_eq!(typed.slip(right), Some(Slip::Swapped { position: 3 }));
        assert_eq!(Typed::read(&text(0xff), 0).unwrap().slip(right), None);
    }

    #[test]
    fn fewer_or_more_words_are_counted() {
        for count in [0, 1, 23, 25] {
            let typed = Typed::read(&"abandon ".repeat(count), 0).unwrap();
            assert_eq!(typed.secret(), Err(WordsError::Count { found: count }));
        }
    }
}
