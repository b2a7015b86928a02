use proptest::prelude::*;

use super::*;
use crate::search::fold::fold;
use crate::search::words::{asked, terms};

fn place(number: usize) -> Place {
    let mut place = [0; 12];
    place[4..].copy_from_slice(&(number as u64).to_be_bytes());
    place
}

fn add(index: &mut Inverted, number: usize, text: &str) {
    let mut all = Vec::new();
    terms(&fold(text), &mut |term| all.push(term.to_owned()));
    index.add(place(number), number as u64, false, all.iter().map(String::as_str));
}

fn find(index: &Inverted, text: &str) -> Vec<Place> {
    index.find(&Wanted { clauses: asked(text, ""), ..Wanted::default() }, 1_000).newest
}

#[test]
fn all_words_must_be_there_and_the_last_may_go_on() {
    let mut index = Inverted::default();
    add(&mut index, 1, "Solitary confinement in Kutaisi");
    add(&mut index, 2, "confinement of juveniles");
    add(&mut index, 3, "მარტოსული საკანი, ქუთაისი");
    assert_eq!(find(&index, "CONFINEMENT soli"), [place(1)]);
    assert_eq!(find(&index, "conf"), [place(2), place(1)]);
    assert_eq!(find(&index, "soli confinement"), [] as [Place; 0]);
    assert_eq!(find(&index, "ᲥᲣᲗᲐ"), [place(3)]);
}

#[test]
fn pages_go_on_where_the_last_one_ended() {
    let mut index = Inverted::default();
    (0..10).for_each(|n| add(&mut index, n, "cell"));
    let mut wanted = Wanted { clauses: asked("cell", ""), since: 2, until: Some(9), ..Wanted::default() };
    let first = index.find(&wanted, 4);
    assert_eq!(first, Found { newest: (5..9).rev().map(place).collect(), all: 7, left: 3 });
    wanted.before = first.newest.last().copied();
    assert_eq!(index.find(&wanted, 4), Found { newest: (2..5).rev().map(place).collect(), all: 7, left: 0 });
}

#[test]
fn what_is_forgotten_is_not_found_and_its_words_leave() {
    let mut index = Inverted::default();
    for n in 0..300 {
        add(&mut index, n, &format!("shared secret{n}"));
    }
    (0..300).filter(|n| n % 3 > 0).for_each(|n| index.forget(&place(n)));
    assert_eq!(find(&index, "shared").len(), 100);
    assert_eq!(find(&index, "secret1 "), find(&index, "secret1"));
    let mut sweep = Sweep::begin(&mut index);
    add(&mut index, 300, "shared later");
    let mut steps = 1;
    while sweep.go_on(&mut index, 50) {
        steps += 1;
    }
    assert!(steps > 2, "{steps}");
    assert_eq!(index.terms(), 102, "100 secrets, and two words");
    assert_eq!(index.dead(), 0);
    assert_eq!(find(&index, "shared").len(), 101);
    assert_eq!(find(&index, "secret299"), [] as [Place; 0]);
    assert_eq!(find(&index, "secret297"), [place(297)]);
}

#[test]
fn a_place_has_one_document() {
    let mut index = Inverted::default();
    add(&mut index, 1, "before");
    add(&mut index, 1, "after");
    assert_eq!(find(&index, "before"), [] as [Place; 0]);
    assert_eq!(find(&index, "after"), [place(1)]);
    assert_eq!(index.documents(), 1);
}

/// Letters and signs of several scripts that folding changes, that are written with and without spaces.
fn text() -> impl Strategy<Value = String> {
    let letter = prop::sample::select("aáÁbBß ცᲪ سَجنى ةه8٨ 監獄医 กข.-,ø".chars().collect::<Vec<_>>());
    prop::collection::vec(letter, 0..12).prop_map(|letters| letters.into_iter().collect())
}

/// What the index says in other words: over the folded text itself.
fn naive(text: &str, query: &str) -> bool {
    let (text, query) = (fold(text), fold(query));
    let unspaced = |c: char| matches!(c, '\u{e00}'..='\u{eff}' | '\u{4e00}'..='\u{9fff}');
    let words = |of: &str| -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        let mut before = ' ';
        for c in of.chars() {
            let joined = before.is_alphanumeric() && unspaced(before) == unspaced(c);
            match all.last_mut() {
                Some(word) if c.is_alphanumeric() && joined => word.push(c),
                _ if c.is_alphanumeric() => all.push(c.to_string()),
                _ => {}
            }
            before = c;
        }
        all
    };
    let (have, want) = (words(&text), words(&query));
    want.iter().enumerate().all(|(at, word)| {
        let letters: Vec<char> = word.chars().collect();
        if letters.iter().any(|c| unspaced(*c)) {
            // Each pair of neighbours, or the one letter, anywhere.
            return letters
                .windows(2.min(letters.len()))
                .all(|pair| text.contains(&pair.iter().collect::<String>()));
        }
        if at + 1 == want.len() { have.iter().any(|h| h.starts_with(word)) } else { have.contains(word) }
    })
}

proptest! {
    #[test]
    fn what_is_found_is_what_a_scan_of_the_folded_texts_finds(
        texts in prop::collection::vec(text(), 1..20),
        query in text(),
        forgotten in prop::collection::vec(0usize..20, 0..5),
    ) {
        prop_assume!(!asked(&query, "").is_empty());
        let mut index = Inverted::default();
        texts.iter().enumerate().for_each(|(n, text)| add(&mut index, n, text));
        forgotten.iter().for_each(|n| index.forget(&place(*n)));
        let mut sweep = Sweep::begin(&mut index);
        while sweep.go_on(&mut index, 3) {}
        let here = (0..texts.len()).rev().filter(|n| !forgotten.contains(n));
        let scanned: Vec<Place> = here.filter(|n| naive(&texts[*n], &query)).map(place).collect();
        prop_assert_eq!(find(&index, &query), scanned);
    }
}
