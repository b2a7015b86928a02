use std::collections::HashSet;
use std::io::{Read, Seek};
use std::os::unix::fs::FileExt;

use proptest::prelude::*;

use super::*;
use crate::search::fold::fold;
use crate::search::words::{asked, terms};

fn place(number: usize) -> Place {
    let mut place = [0; 12];
    place[4..].copy_from_slice(&(number as u64).to_be_bytes());
    place
}

fn empty() -> Inverted {
    Inverted::in_folder(std::env::temp_dir())
}

fn add(index: &mut Inverted, number: usize, text: &str) {
    let mut all = HashSet::new();
    terms(&fold(text), &mut |term| {
        all.insert(term.into());
    });
    index.add(place(number), Text { terms: all, arrived: number as u64, cut: false });
}

fn sweep(index: &mut Inverted) {
    (0..index.count_parts()).rev().for_each(|part| index.sweep(part));
}

fn find(index: &Inverted, text: &str) -> Vec<Place> {
    index.find(&Wanted { clauses: asked(text, ""), ..Wanted::default() }, 1_000).unwrap().newest
}

#[test]
fn all_words_must_be_there_and_the_last_may_go_on() {
    let mut index = empty();
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
    let mut index = empty();
    (0..10).for_each(|n| add(&mut index, n, "cell"));
    let mut wanted = Wanted { clauses: asked("cell", ""), since: 2, until: Some(9), ..Wanted::default() };
    let first = index.find(&wanted, 4).unwrap();
    assert_eq!(first, Found { newest: (5..9).rev().map(place).collect(), all: 7, left: 3 });
    wanted.before = first.newest.last().copied();
    assert_eq!(
        index.find(&wanted, 4).unwrap(),
        Found { newest: (2..5).rev().map(place).collect(), all: 7, left: 0 }
    );
}

#[test]
fn what_is_forgotten_is_not_found_and_its_words_leave() {
    let mut index = empty();
    for n in 0..300 {
        add(&mut index, n, &format!("shared secret{n}"));
    }
    (0..300).filter(|n| n % 3 > 0).for_each(|n| index.forget(&place(n)));
    assert_eq!(find(&index, "shared").len(), 100);
    assert_eq!(find(&index, "secret1 "), find(&index, "secret1"));
    sweep(&mut index);
    assert_eq!(index.fresh.terms(), 101, "100 secrets, and a word");
    assert_eq!(index.fresh.docs().dead(), 0);
    add(&mut index, 300, "shared later");
    assert_eq!(find(&index, "shared").len(), 101);
    assert_eq!(find(&index, "secret299"), [] as [Place; 0]);
    assert_eq!(find(&index, "secret297"), [place(297)]);
}

#[test]
fn a_place_has_one_document() {
    let mut index = empty();
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
        sealed_after in prop::collection::btree_set(0usize..20, 0..4),
        again in prop::collection::vec(0usize..20, 0..3),
    ) {
        prop_assume!(!asked(&query, "").is_empty());
        let mut index = empty();
        for (n, text) in texts.iter().enumerate() {
            add(&mut index, n, text);
            if sealed_after.contains(&n) {
                index.seal();
            }
        }
        again.iter().filter_map(|n| Some((n, texts.get(*n)?))).for_each(|(n, text)| add(&mut index, *n, text));
        forgotten.iter().for_each(|n| index.forget(&place(*n)));
        sweep(&mut index);
        let here = (0..texts.len()).rev().filter(|n| !forgotten.contains(n));
        let scanned: Vec<Place> = here.filter(|n| naive(&texts[*n], &query)).map(place).collect();
        prop_assert_eq!(find(&index, &query), scanned);
    }
}

/// What lies on the disk of a part.
fn bytes_of(part: &Sealed) -> Vec<u8> {
    let mut file = part.blocks().file();
    file.rewind().unwrap();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

/// An index of many parts in files.
fn sealed(texts: &[String]) -> Inverted {
    let mut index = empty();
    for (n, text) in texts.iter().enumerate() {
        add(&mut index, n, text);
        if n % 100 == 99 {
            index.seal();
        }
    }
    index
}

#[test]
fn what_is_full_is_sealed_and_is_found_as_before() {
    let mut index = empty();
    for n in 0..60_000 {
        let long = "x".repeat(50);
        add(&mut index, n, &format!("shared a{n}{long} b{n}{long} c{n}{long} word{}", n % 30_000));
        assert!(index.fresh.bytes() < FULL);
    }
    assert!(index.sealed.len() > 1, "{}", index.sealed.len());
    assert_eq!((index.documents(), index.find(&Wanted::default(), 1).unwrap().all), (60_000, 60_000));
    assert_eq!(find(&index, "word7 shared"), [place(30_007), place(7)]);
    assert_eq!(find(&index, "a59999"), [place(59_999)]);
    assert_eq!(find(&index, "b12345x"), [place(12_345)]);
}

#[test]
fn in_a_file_nothing_can_be_read_and_what_is_forgotten_leaves_it() {
    let texts: Vec<String> = (0..300).map(|n| format!("shared testimony{n}")).collect();
    let mut index = sealed(&texts);
    for part in &index.sealed {
        let bytes = bytes_of(part);
        assert!(bytes.len() > 1_000);
        assert!(!bytes.windows(6).any(|six| six == b"testim" || six == b"shared"));
    }
    let before: Vec<usize> = index.sealed.iter().map(|part| bytes_of(part).len()).collect();
    (0..150).for_each(|n| index.forget(&place(n)));
    assert_eq!(find(&index, "shared").len(), 150);
    sweep(&mut index);
    let after: Vec<usize> = index.sealed.iter().map(|part| bytes_of(part).len()).collect();
    assert_eq!(after.len(), 2, "a part of which nothing is left is gone");
    assert!(after[0] < before[1] && after[1] == before[2], "{before:?} {after:?}");
    assert_eq!(find(&index, "testimony120"), [] as [Place; 0]);
    assert_eq!(find(&index, "testimony150"), [place(150)]);
}

#[test]
fn a_part_whose_file_is_damaged_is_given_up_and_taken_in_again() {
    let texts: Vec<String> = (0..250).map(|n| format!("shared word{n}")).collect();
    let mut index = sealed(&texts);
    index.sealed[1].blocks().file().write_at(b"\0\0\0\0", 40).unwrap();
    let wanted = Wanted { clauses: asked("shared", ""), ..Wanted::default() };
    let unreadable = index.find(&wanted, 1_000).unwrap_err();
    let places = index.give_up(&unreadable);
    assert_eq!(places, (100..200).map(place).collect::<Vec<_>>());
    assert_eq!(find(&index, "shared").len(), 150);
    (100..200).for_each(|n| add(&mut index, n, &texts[n]));
    assert_eq!(find(&index, "shared").len(), 250);
}

#[test]
fn where_no_file_can_be_written_the_index_stays_in_memory() {
    let mut index = Inverted::in_folder("/nowhere/at/all".into());
    index.full = 1;
    (0..10).for_each(|n| add(&mut index, n, "cell"));
    assert_eq!((find(&index, "cell").len(), index.sealed.len()), (10, 0));
}
