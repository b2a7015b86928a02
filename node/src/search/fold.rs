//! One form for what people read as the same: letters without case, accents, vowel signs of Arabic and Hebrew,
//! invisible marks, and the digits of all scripts as 0 to 9.
//!
//! Unicode compatibility decomposition (UAX 15), lower case letter by letter, and the few letters that Unicode keeps
//! apart and people do not. Vowel signs of Indic scripts, of Thai and of their like are letters to their readers and
//! stay.

use unicode_normalization::char::canonical_combining_class;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
use zeroize::Zeroizing;

/// The first of ten digits that follow each other, for each set of digits that compatibility decomposition leaves.
const ZEROS: [u32; 58] = [
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6,
    0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0,
    0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0x104A0, 0x10D30, 0x11066,
    0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0, 0x11950,
    0x11C50, 0x11D50, 0x11DA0, 0x16A60, 0x16AC0, 0x16B50, 0x1E140, 0x1E2F0, 0x1E950,
];

/// Folds a text. Folding what is folded changes nothing.
#[must_use]
pub fn fold(text: &str) -> Zeroizing<String> {
    // A letter becomes three at most, of three bytes each; more would only cost a copy.
    let mut plain = Zeroizing::new(String::with_capacity(text.len().saturating_mul(2)));
    for (at, part) in text.split('№').enumerate() {
        // A word of its own: its decomposition alone would make one word of `№8`.
        plain.push_str(if at > 0 { " no " } else { "" });
        for run in part.as_bytes().chunk_by(|a, b| a.is_ascii() == b.is_ascii()) {
            // A run ends at a whole letter: all bytes of one that is not ASCII are not.
            let run = std::str::from_utf8(run).unwrap_or_default();
            if run.is_ascii() {
                // Nothing in it decomposes, and the marks behind it are put in order among themselves.
                plain.extend(run.chars().map(|letter| letter.to_ascii_lowercase()));
            } else {
                run.nfkd().flat_map(char::to_lowercase).for_each(|letter| push(&mut plain, letter));
            }
        }
    }
    if is_nfc_quick(plain.chars()) == IsNormalized::Yes {
        return plain;
    }
    let mut folded = Zeroizing::new(String::with_capacity(plain.len()));
    folded.extend(plain.nfc());
    folded
}

fn push(plain: &mut String, letter: char) {
    if letter.is_ascii() {
        return plain.push(letter);
    }
    if is_dropped(letter) {
        return;
    }
    match letter {
        'ß' => plain.push_str("ss"),
        'æ' => plain.push_str("ae"),
        'œ' => plain.push_str("oe"),
        'þ' => plain.push_str("th"),
        _ => plain.push(alike(letter)),
    }
}

/// The letter that people write instead.
fn alike(letter: char) -> char {
    match letter {
        'ı' => 'i',
        'ø' => 'o',
        'đ' | 'ð' => 'd',
        'ł' => 'l',
        'ħ' => 'h',
        'ŧ' => 't',
        'ς' => 'σ',
        // Arabic, Persian, Urdu, Kurdish: wasla, the forms of yeh, kaf and heh.
        'ٱ' => 'ا',
        'ى' | 'ی' | 'ے' => 'ي',
        'ک' | 'ڪ' => 'ك',
        'ة' | 'ہ' | 'ھ' | 'ە' | 'ۃ' => 'ه',
        // Hebrew letters at the end of a word.
        'ך' => 'כ',
        'ם' => 'מ',
        'ן' => 'נ',
        'ף' => 'פ',
        'ץ' => 'צ',
        _ => digit(letter).unwrap_or(letter),
    }
}

fn digit(letter: char) -> Option<char> {
    let at = u32::from(letter);
    let zero = ZEROS.iter().rfind(|zero| **zero <= at)?;
    char::from_digit(at.checked_sub(*zero)?, 10)
}

/// Accents, points and vowel signs above and below a letter, and what cannot be seen.
fn is_dropped(letter: char) -> bool {
    let class = canonical_combining_class(letter);
    let accent = matches!(class, 10..=36 | 200..=240);
    let unseen = matches!(
        letter,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{640}' | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
            | '\u{E0000}'..='\u{E01EF}'
    );
    accent || unseen
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn same(forms: &[&str]) {
        for form in forms {
            assert_eq!(*fold(form), *fold(forms.first().unwrap_or(&"")), "{form}");
        }
    }

    #[test]
    fn latin_letters_lose_case_accents_and_width() {
        same(&["łódź", "ŁÓDŹ", "Lodz", "Ło\u{301}dz\u{301}", "ＬＯＤＺ"]);
        same(&["straße", "STRASSE", "Straẞe"]);
        same(&["ISTANBUL", "İstanbul", "ıstanbul"]);
        same(&["ŒUVRE", "oeuvre"]);
        same(&["ﬁle", "file"]);
        same(&["a№8", "a no 8"]);
    }

    #[test]
    fn cyrillic_and_greek_letters_lose_case_and_accents() {
        same(&["Ёлка", "елка"]);
        same(&["ΣΊΣΥΦΟΣ", "Σίσυφος", "σισυφοσ"]);
    }

    #[test]
    fn arabic_letters_lose_their_vowels_and_forms() {
        same(&["سِجْنٌ", "سجن", "ســجن"]);
        same(&["أحمد", "احمد", "ٱحمد", "إحمد", "آحمد"]);
        same(&["مستشفى", "مستشفي", "مستشفی"]);
        same(&["مدرسة", "مدرسه"]);
        same(&["کتاب", "كتاب"]);
        same(&["می\u{200c}خواهم", "میخواهم"]);
        same(&["ﺳﺠﻦ", "سجن"]);
    }

    #[test]
    fn hebrew_letters_lose_their_points_and_final_forms() {
        same(&["שָׁלוֹם", "שלום", "שלומ"]);
    }

    #[test]
    fn georgian_capitals_are_the_letters_of_every_day() {
        same(&["ᲪᲘᲮᲔ", "ციხე"]);
    }

    #[test]
    fn digits_of_every_script_are_one() {
        same(&["8", "٨", "۸", "८", "๘", "８", "𝟖", "၈"]);
        same(&["2026", "٢٠٢٦", "۲۰۲۶"]);
    }

    #[test]
    fn vowel_signs_that_are_letters_stay() {
        assert_ne!(*fold("कि"), *fold("कु"));
        assert_ne!(*fold("กี"), *fold("กู"));
        assert_ne!(*fold("が"), *fold("か"));
        same(&["한국", "\u{1112}\u{1161}\u{11ab}국"]);
    }

    proptest! {
        #[test]
        fn folding_in_runs_is_folding_as_a_whole(text in "[ -~áß№\u{301}\u{338}\u{323}한ｶﾞΣς]{0,12}") {
            let mut whole = String::new();
            for (at, part) in text.split('№').enumerate() {
                whole.push_str(if at > 0 { " no " } else { "" });
                part.nfkd().flat_map(char::to_lowercase).for_each(|letter| push(&mut whole, letter));
            }
            prop_assert_eq!(&*fold(&text), &whole.nfc().collect::<String>());
        }

        #[test]
        fn folding_again_changes_nothing(text in "\\PC{0,40}") {
            let once = fold(&text);
            prop_assert_eq!(&*fold(&once), &*once);
        }
    }
}
