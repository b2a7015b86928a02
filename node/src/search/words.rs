//! From a text to the terms that stand in the index, and from what is asked for to the terms that must be there.
//!
//! A word is a run of letters, marks and digits. Scripts that are written without spaces have no such words: of a run
//! of their letters each pair of neighbours is a term, and the last letter alone. An Arabic word that begins with the
//! article stands there without it as well, so that `سجن` finds `السجن`.

use unicode_normalization::char::is_combining_mark;

use super::fold::fold;

/// Bytes of a word that count; longer ones are cut, in texts and in what is asked for.
pub const MAX_WORD: usize = 64;
/// The article, alone and behind the letters that are written together with it.
const ARTICLES: [&str; 6] = ["وال", "فال", "بال", "كال", "ال", "لل"];
/// Letters that a word must have left when the article is taken off.
const LEFT: usize = 3;

/// What must be there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Clause {
    /// This term.
    Term(String),
    /// A term that begins so.
    Prefix(String),
    /// All of these.
    All(Vec<Clause>),
    /// One of these.
    Any(Vec<Clause>),
}

enum Piece<'a> {
    Word(&'a str),
    Run(&'a str),
}

/// Visits every term of a text that is folded already.
pub fn terms(folded: &str, visit: &mut impl FnMut(&str)) {
    each_piece(folded, &mut |piece| match piece {
        Piece::Word(word) => {
            visit(word);
            if let Some(rest) = without_article(word) {
                visit(rest);
            }
        }
        Piece::Run(run) => {
            pairs(run, visit);
            if let Some((last, _)) = run.char_indices().next_back() {
                visit(&run[last..]);
            }
        }
    });
}

/// What must be there for a text to be found: every word, of the last one the beginning. `mark` stands before each
/// term. Empty if nothing in the text is a word.
#[must_use]
pub fn asked(text: &str, mark: &str) -> Vec<Clause> {
    let folded = fold(text);
    let mut clauses = Vec::new();
    let mut last_word = None;
    each_piece(&folded, &mut |piece| match piece {
        Piece::Word(word) => {
            let word = without_article(word).unwrap_or(word);
            last_word = Some(clauses.len());
            clauses.push(Clause::Term(format!("{mark}{word}")));
        }
        Piece::Run(run) => {
            last_word = None;
            if run.chars().nth(1).is_none() {
                clauses.push(Clause::Prefix(format!("{mark}{run}")));
            }
            pairs(run, &mut |pair| clauses.push(Clause::Term(format!("{mark}{pair}"))));
        }
    });
    if let Some(clause) = last_word.and_then(|last| clauses.get_mut(last))
        && let Clause::Term(word) = clause
    {
        *clause = Clause::Prefix(std::mem::take(word));
    }
    clauses
}

/// An Arabic word without its article, if enough is left of it.
fn without_article(word: &str) -> Option<&str> {
    let rest = ARTICLES.iter().find_map(|article| word.strip_prefix(article))?;
    rest.chars().nth(LEFT - 1).map(|_| rest)
}

fn pairs(run: &str, visit: &mut impl FnMut(&str)) {
    let starts = run.char_indices().map(|(at, _)| at);
    let ends = run.char_indices().map(|(at, letter)| at + letter.len_utf8()).skip(1);
    for (start, end) in starts.zip(ends) {
        visit(&run[start..end]);
    }
}

fn each_piece<'a>(folded: &'a str, visit: &mut impl FnMut(Piece<'a>)) {
    for word in folded.split(|letter| !is_in_word(letter)).filter(|word| !word.is_empty()) {
        let mut rest = word;
        while let Some(first) = rest.chars().next() {
            let spaced = !is_unspaced(first);
            let end = rest.find(|letter| is_unspaced(letter) == spaced).unwrap_or(rest.len());
            let (piece, after) = rest.split_at(end);
            visit(if spaced { Piece::Word(cut(piece)) } else { Piece::Run(piece) });
            rest = after;
        }
    }
}

fn cut(word: &str) -> &str {
    beginning(word, MAX_WORD)
}

/// As much of the beginning of a text as fits into so many bytes, at a whole letter.
pub(super) fn beginning(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

/// Is it part of a word: a letter, a mark on one, or a digit?
pub(crate) fn is_in_word(letter: char) -> bool {
    letter.is_alphanumeric() || (!letter.is_ascii() && is_combining_mark(letter))
}

/// Letters of scripts that are written without spaces between words.
fn is_unspaced(letter: char) -> bool {
    matches!(
        letter,
        '\u{E01}'..='\u{EFF}' // Thai, Lao
            | '\u{F40}'..='\u{FBC}' // Tibetan
            | '\u{1000}'..='\u{109F}' // Burmese
            | '\u{1780}'..='\u{17FF}' // Khmer
            | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}' // Japanese
            | '\u{3100}'..='\u{312F}' // Bopomofo
            | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{20000}'..='\u{3FFFF}' // Han
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms_of(text: &str) -> Vec<String> {
        let mut all = Vec::new();
        terms(&fold(text), &mut |term| all.push(term.to_owned()));
        all
    }

    #[test]
    fn words_end_at_whatever_is_no_letter_or_digit() {
        assert_eq!(
            terms_of("Al-Nas, prison_no.8: l'hôpital"),
            ["al", "nas", "prison", "no", "8", "l", "hopital"]
        );
        assert_eq!(terms_of("हिन्दी में"), ["हिन्दी", "में"]);
    }

    #[test]
    fn an_arabic_word_stands_with_and_without_its_article() {
        assert_eq!(terms_of("والسجن"), ["والسجن", "سجن"]);
        assert_eq!(terms_of("الم"), ["الم"]);
        assert_eq!(asked("السجن", ""), [Clause::Prefix("سجن".into())]);
    }

    #[test]
    fn what_is_written_without_spaces_stands_in_pairs() {
        assert_eq!(terms_of("監獄8号"), ["監獄", "獄", "8", "号"]);
        assert_eq!(terms_of("ก"), ["ก"]);
        let pairs = [Clause::Term("監獄".into()), Clause::Term("獄医".into())];
        assert_eq!(asked("監獄医", ""), pairs);
        assert_eq!(asked("獄", ""), [Clause::Prefix("獄".into())]);
    }

    #[test]
    fn only_the_last_word_may_go_on() {
        assert_eq!(
            asked("Solitary conf", "!"),
            [Clause::Term("!solitary".into()), Clause::Prefix("!conf".into())]
        );
        assert_eq!(asked("… ?", ""), []);
    }

    #[test]
    fn a_word_is_cut_at_a_whole_letter() {
        let long = "ა".repeat(40);
        assert_eq!(terms_of(&long), ["ა".repeat(MAX_WORD / 3)]);
    }
}
