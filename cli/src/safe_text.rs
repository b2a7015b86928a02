//! Text that came from somebody else, made safe for a terminal: whatever could move the cursor, recolour
//! the screen, reorder or hide letters is shown as a visible sign instead (F19).
//!
//! [`line()`] is for names, titles and everything inside a sentence; [`block`] for fields, whose line breaks
//! stay; [`json`] for data on stdout, where the signs are JSON's own escapes and nothing is lost.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Ranges that a terminal does not show as letters: control characters, Unicode's
/// `Default_Ignorable_Code_Point` (zero-width characters, bidi controls, fillers, variation selectors, tags),
/// line and paragraph separators, and interlinear annotation. From Unicode 17, `DerivedCoreProperties.txt`.
const HIDDEN: &[(u32, u32)] = &[
    (0x0000, 0x001F),
    (0x007F, 0x009F),
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x2028, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB),
    (0x1_BCA0, 0x1_BCA3),
    (0x1_D173, 0x1_D17A),
    (0xE_0000, 0xE_0FFF),
];

/// Spaces that stand for a tab in a [`block`].
const TAB: &str = "    ";

/// One line: every hidden character, line breaks and tabs too, becomes a visible sign.
#[must_use]
pub fn line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        push_visible(&mut shown, c);
    }
    shown
}

/// Several lines: line breaks stay (CR LF counts as one), tabs become spaces, the rest is as in [`line()`].
#[must_use]
pub fn block(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' => shown.push('\n'),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\t' => shown.push_str(TAB),
            other => push_visible(&mut shown, other),
        }
    }
    shown
}

/// Serialized JSON, with hidden characters as `\uXXXX`: the same value, and harmless on a terminal.
#[must_use]
pub fn json(serialized: &str) -> String {
    let mut shown = String::with_capacity(serialized.len());
    for c in serialized.chars() {
        if is_hidden(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            shown.push(c);
        }
    }
    shown
}

/// One line of at most `columns` columns, with `…` where something was cut.
#[must_use]
pub fn cut(text: &str, columns: usize) -> String {
    let whole = line(text);
    if whole.width() <= columns {
        return whole;
    }
    let mut kept = String::new();
    let mut used = 1; // for the ellipsis
    for c in whole.chars() {
        used += c.width().unwrap_or(0);
        if used > columns {
            break;
        }
        kept.push(c);
    }
    kept.push('…');
    kept
}

/// Would a terminal act on this character, or show nothing for it?
#[must_use]
pub fn is_hidden(c: char) -> bool {
    let code = u32::from(c);
    HIDDEN.iter().any(|(first, last)| (*first..=*last).contains(&code))
}

fn push_visible(shown: &mut String, c: char) {
    match u32::from(c) {
        _ if !is_hidden(c) => shown.push(c),
        // Unicode has pictures of the ASCII controls: ␀ ␛ ␊ …
        code @ 0..=0x1F => shown.push(char::from_u32(0x2400 + code).unwrap_or('�')),
        0x7F => shown.push('␡'),
        code => shown.push_str(&format!("⟨U+{code:04X}⟩")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escape_sequences_and_bidi_overrides_are_shown() {
        assert_eq!(line("a\u{1b}[31mb"), "a␛[31mb");
        assert_eq!(line("\u{1b}]0;title\u{7}"), "␛]0;title␇");
        assert_eq!(line("\u{9b}2J"), "⟨U+009B⟩2J");
        assert_eq!(line("txt.\u{202e}fdp"), "txt.⟨U+202E⟩fdp");
        assert_eq!(line("a\u{200b}b\u{e0041}"), "a⟨U+200B⟩b⟨U+E0041⟩");
        assert_eq!(line("one\ntwo"), "one␊two");
    }

    #[test]
    fn ordinary_letters_of_every_script_stay_as_they_are() {
        for text in ["Омбудсман", "საქართველო", "Հայաստան", "حقوق الإنسان", "សិទ្ធិមនុស្ស", "ދިވެހި", "e\u{301}"]
        {
            assert_eq!(line(text), text);
        }
    }

    #[test]
    fn fields_keep_their_line_breaks() {
        assert_eq!(block("a\r\nb\n\tc\rd"), "a\nb\n    c␍d");
    }

    #[test]
    fn what_is_too_wide_is_cut_by_columns_and_never_inside_a_letter() {
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("漢字漢字", 4), "漢…");
        assert_eq!(cut("漢字", 4), "漢字");
    }

    /// Any text, with the dangerous characters far more often than chance has them.
    fn nasty() -> impl Strategy<Value = String> {
        let hidden = prop::sample::select(HIDDEN)
            .prop_flat_map(|(first, last)| first..=last)
            .prop_map(|code| char::from_u32(code).unwrap_or('x'));
        prop::collection::vec(prop_oneof![any::<char>(), hidden], 0..200)
            .prop_map(|chars| chars.into_iter().collect())
    }

    proptest! {
        #[test]
        fn no_control_character_reaches_a_line(text in nasty(), columns in 1usize..100) {
            prop_assert!(!line(&text).chars().any(|c| is_hidden(c) || c.is_control()));
            let short = cut(&text, columns);
            prop_assert!(!short.chars().any(|c| is_hidden(c) || c.is_control()));
            prop_assert!(short.width() <= columns || columns < 2);
        }

        #[test]
        fn only_line_breaks_reach_a_block(text in nasty()) {
            prop_assert!(!block(&text).chars().any(|c| c != '\n' && (is_hidden(c) || c.is_control())));
            prop_assert_eq!(line(&text).contains('\n'), false);
        }

        #[test]
        fn safe_text_is_left_alone(text in nasty()) {
            prop_assert_eq!(line(&line(&text)), line(&text));
            prop_assert_eq!(block(&block(&text)), block(&text));
        }

        #[test]
        fn json_says_the_same_without_hidden_characters(text in nasty()) {
            let shown = json(&serde_json::to_string(&text).unwrap());
            prop_assert!(!shown.chars().any(is_hidden));
            prop_assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
        }
    }
}
