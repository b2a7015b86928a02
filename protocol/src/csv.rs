//! Tables as comma-separated values (RFC 4180), read from any spreadsheet and written so that no spreadsheet
//! runs what a partner wrote.
//!
//! A cell that begins like a formula is written with an apostrophe before it, which spreadsheets show as text;
//! [`parse`] takes that apostrophe away again, so that a table survives the way there and back.

/// Cells in one row; the widest table of the field has some forty.
pub const MAX_COLUMNS: usize = 256;
/// Rows in one table.
pub const MAX_ROWS: usize = 50_000;

/// Why a text is not a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CsvError {
    /// Quotation marks do not match.
    #[error("line {line}: a quotation mark is not closed; write \"\" for one inside a cell")]
    Unclosed {
        /// Where the cell begins, counted from 1.
        line: usize,
    },
    /// Letters after a closing quotation mark.
    #[error("line {line}: something stands between a closing quotation mark and the next cell")]
    AfterQuote {
        /// Where, counted from 1.
        line: usize,
    },
    /// Over a limit.
    #[error("the table has more than {MAX_ROWS} rows or {MAX_COLUMNS} columns; split it")]
    TooLarge,
}

/// Reads a table: rows of cells, empty lines left out. The separator is whichever of comma, semicolon and tab
/// the first line has most of; a byte-order mark before it is ignored.
///
/// # Errors
/// [`CsvError`].
pub fn parse(text: &str) -> Result<Vec<Vec<String>>, CsvError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let separator = separator(text);
    let mut rows = Vec::new();
    let mut chars = text.chars().peekable();
    let mut line = 1;
    while chars.peek().is_some() {
        let mut row = Vec::new();
        loop {
            let (cell, more) = cell(&mut chars, separator, &mut line)?;
            row.push(unguarded(cell));
            if row.len() > MAX_COLUMNS {
                return Err(CsvError::TooLarge);
            }
            if !more {
                break;
            }
        }
        if row.iter().any(|cell| !cell.trim().is_empty()) {
            rows.push(row);
        }
        if rows.len() > MAX_ROWS {
            return Err(CsvError::TooLarge);
        }
    }
    Ok(rows)
}

fn separator(text: &str) -> char {
    let first = text.lines().next().unwrap_or_default();
    let count = |c: char| first.matches(c).count();
    // On a tie the comma, which comes last.
    ['\t', ';', ','].into_iter().max_by_key(|c| count(*c)).unwrap_or(',')
}

type Chars<'a> = core::iter::Peekable<core::str::Chars<'a>>;

/// One cell, and whether another one follows in its row.
fn cell(chars: &mut Chars<'_>, separator: char, line: &mut usize) -> Result<(String, bool), CsvError> {
    let mut text = String::new();
    if chars.next_if_eq(&'"').is_some() {
        let begins = *line;
        loop {
            match chars.next() {
                None => return Err(CsvError::Unclosed { line: begins }),
                Some('"') if chars.next_if_eq(&'"').is_some() => text.push('"'),
                Some('"') => break,
                Some(c) => {
                    *line += usize::from(c == '\n');
                    text.push(c);
                }
            }
        }
        return match end_of_cell(chars, separator, line) {
            Some(more) => Ok((text, more)),
            None => Err(CsvError::AfterQuote { line: *line }),
        };
    }
    loop {
        if let Some(more) = end_of_cell(chars, separator, line) {
            return Ok((text, more));
        }
        text.extend(chars.next());
    }
}

/// Passes over the end of a cell if it is here: does another cell follow in this row?
fn end_of_cell(chars: &mut Chars<'_>, separator: char, line: &mut usize) -> Option<bool> {
    match chars.peek() {
        None => Some(false),
        Some(c) if *c == separator => {
            chars.next();
            Some(true)
        }
        Some('\r' | '\n') => {
            if chars.next() == Some('\r') {
                chars.next_if_eq(&'\n');
            }
            *line += 1;
            Some(false)
        }
        Some(_) => None,
    }
}

/// Writes a table, with a byte-order mark so that spreadsheets read it as UTF-8. No cell begins a formula.
#[must_use]
pub fn write<R: AsRef<[String]>>(rows: impl IntoIterator<Item = R>) -> String {
    let mut text = String::from('\u{feff}');
    for row in rows {
        for (number, cell) in row.as_ref().iter().enumerate() {
            if number > 0 {
                text.push(',');
            }
            let cell = guarded(cell);
            let plain = !cell.contains(['"', ',', ';', '\t', '\n', '\r']) && cell.trim() == cell;
            if plain {
                text.push_str(&cell);
            } else {
                text.push('"');
                text.push_str(&cell.replace('"', "\"\""));
                text.push('"');
            }
        }
        text.push_str("\r\n");
    }
    text
}

/// Does a spreadsheet take a cell for a formula? It looks at the first character that is no white space or
/// control, full-width forms included.
#[must_use]
pub fn begins_formula(cell: &str) -> bool {
    let invisible =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\u{feff}' | '\u{200b}'..='\u{200f}');
    let first = cell.chars().find(|c| !invisible(*c));
    let starts_odd = cell.starts_with(['\t', '\r', '\n', '\0']);
    starts_odd || matches!(first, Some('=' | '+' | '-' | '@' | '|' | '%' | '＝' | '＋' | '－' | '＠' | '−'))
}

/// A cell that a person's own apostrophe begins gets one more, so that taking one away gives it back.
fn guarded(cell: &str) -> String {
    let wanted = begins_formula(cell) || cell.strip_prefix('\'').is_some_and(is_guarded);
    if wanted { format!("'{cell}") } else { cell.to_owned() }
}

fn is_guarded(rest: &str) -> bool {
    begins_formula(rest.trim_start_matches('\''))
}

fn unguarded(cell: String) -> String {
    match cell.strip_prefix('\'') {
        Some(rest) if is_guarded(rest) => rest.to_owned(),
        _ => cell,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tables_of_any_spreadsheet_and_script_are_read() {
        let expected =
            vec![vec!["№".to_owned(), "ტექსტი".to_owned()], vec!["1".into(), "ერთი, \"ორი\"\nსამი".into()]];
        for text in [
            "№,ტექსტი\r\n1,\"ერთი, \"\"ორი\"\"\nსამი\"\r\n",
            "\u{feff}№;ტექსტი\n1;\"ერთი, \"\"ორი\"\"\nსამი\"",
            "№\tტექსტი\r1\t\"ერთი, \"\"ორი\"\"\nსამი\"\r\n\r\n",
        ] {
            assert_eq!(parse(text).unwrap(), expected, "{text:?}");
        }
        assert_eq!(parse("").unwrap(), Vec::<Vec<String>>::new());
        assert_eq!(parse("a,,\n").unwrap(), [["a", "", ""]]);
    }

    #[test]
    fn broken_tables_are_refused_with_their_line() {
        assert_eq!(parse("a\n\"b"), Err(CsvError::Unclosed { line: 2 }));
        assert_eq!(parse("a\n\"b\"c"), Err(CsvError::AfterQuote { line: 2 }));
        assert_eq!(parse(&",".repeat(MAX_COLUMNS)), Err(CsvError::TooLarge));
        assert_eq!(parse(&"a\n".repeat(MAX_ROWS + 1)), Err(CsvError::TooLarge));
    }

    #[test]
    fn no_cell_of_a_written_table_begins_a_formula() {
        let evil = [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            " =1",
            "＝1",
            "\u{200b}=1",
            "|calc",
            "%0A=1",
            "−1",
        ];
        for cell in evil {
            let text = write([[cell.to_owned()]]);
            let shown = text.trim_start_matches('\u{feff}').trim_start_matches('"');
            assert!(shown.starts_with('\''), "{cell:?} is written as {text:?}");
            assert_eq!(parse(&text).unwrap(), [[cell]]);
        }
        assert_eq!(write([["plain".to_owned()]]), "\u{feff}plain\r\n");
    }

    proptest! {
        #[test]
        fn every_table_survives_writing_and_reading(
            rows in prop::collection::vec(prop::collection::vec("[a-c'=@,;\"\n\t −ა]{0,6}", 1..4), 0..5),
        ) {
            // The first line decides on the separator.
            let rows: Vec<Vec<String>> = [vec!["a,a,a".to_owned(), "b,b".into()]].into_iter().chain(rows)
                .filter(|row: &Vec<String>| row.iter().any(|c| !c.trim().is_empty())).collect();
            let header = vec!["x".to_owned(), "y".into(), "z".into()];
            let all: Vec<Vec<String>> = std::iter::once(header).chain(rows).collect();
            prop_assert_eq!(parse(&write(&all)).unwrap(), all);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "[\"\n\r,;\ta']{0,60}") {
            let _ = parse(&text);
        }
    }
}
