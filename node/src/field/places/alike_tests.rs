use entente_protocol::lifecycle::Statement;
use entente_protocol::value::Value;

use super::*;
use crate::field::places::sets::{sets, tests::place};

fn prison(number: u8, name: &str, more: &[(&str, &str)]) -> Statement {
    let text = |text: &str| Value::Text(text.to_owned());
    let fields: Vec<(&str, Value)> =
        [("title", name)].iter().chain(more).map(|(field, said)| (*field, text(said))).collect();
    place(number, &fields)
}

fn because(one: (&str, &[(&str, &str)]), other: (&str, &[(&str, &str)])) -> Vec<String> {
    let all = [prison(1, one.0, one.1), prison(2, other.0, other.1)];
    let sets = sets(&all.iter().collect::<Vec<_>>(), &entente_protocol::ids::OrgId([7; 32]));
    Marks::of(&sets[0]).alike(&Marks::of(&sets[1]))
}

const PRISON: &[(&str, &str)] = &[("category", "prison")];

#[test]
fn names_in_other_scripts_are_found_by_their_sound() {
    for (one, other) in [
        ("Kutaisi", "ქუთაისი"),
        ("Kutaisi", "كوتايسي"),
        ("Kutaisi", "Кутаиси"),
        ("ქუთაისი", "Կուտաիսի"),
        ("ქუთაისი", "Κουταίσι"),
    ] {
        assert!(consonants(&any_ascii(&fold(one)).to_lowercase()).len() < TELLING);
        let (one, other) = (format!("Matrosskaya {one}"), format!("Matrosskaya {other}"));
        assert_eq!(because((&one, &[]), (&other, &[])).len(), 1, "{one}, {other}");
    }
    assert_eq!(because(("Матросская тишина", &[]), ("Matrosskaya Tishina", &[])).len(), 1);
}

#[test]
fn the_same_number_kind_and_town_are_enough() {
    let (one, other) = ([PRISON[0], ("locality", "Gldani")], [PRISON[0], ("locality", "გლდანი")]);
    let found = because(("Prison no. 8", &one), ("ციხე №8", &other));
    assert_eq!(found, ["the same kind of place with the number 8 in the same locality"]);
    assert_eq!(because(("Prison no. 8", &one), ("ციხე №٨", &other)).len(), 1);
    assert_eq!(because(("Prison no. 8", &one), ("ციხე №9", &other)), [""; 0]);
    assert_eq!(because(("Prison no. 8", &one), ("ციხე №8", PRISON)), [""; 0]);
}

#[test]
fn a_word_in_another_case_and_the_number_are_a_hint() {
    let found = because(("Gldani prison 8", &[]), ("გლდანის დაწესებულება 8", &[]));
    assert_eq!(found, ["a word of their names sounds alike, and the number 8 is in both"]);
    assert_eq!(because(("Gldani prison 8", &[]), ("გლდანის დაწესებულება 6", &[])), [""; 0]);
}

#[test]
fn another_town_or_number_tells_places_apart_though_they_sound_alike() {
    let (one, other) = ([("locality", "Tbilisi")], [("locality", "Batumi")]);
    assert_eq!(because(("Remand prison", &one), ("რემანდ პრიზონ", &other)), [""; 0]);
    assert_eq!(
        because(("Remand prison", &one), ("remand PRISON", &other)),
        ["the same name, `remand prison`"]
    );
}
