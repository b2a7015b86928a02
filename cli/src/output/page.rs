//! A page for people: headings, labelled values, blocks of text, lists and tables, fitted to a width.
//! Everything that is put on a page is made safe here, whoever wrote it.

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, ContentArrangement, Table};
use unicode_width::UnicodeWidthStr;

use super::Look;
use crate::safe_text;

/// Columns of the labels before values, so that the values line up.
const LABELS: usize = 18;
/// A table in fewer columns than this cannot be read; the terminal may wrap it instead.
const NARROWEST_TABLE: u16 = 40;

const BOLD: &str = "1";
const RED: &str = "31";

/// What will be shown, line by line.
pub struct Page {
    look: Look,
    text: String,
}

impl Page {
    /// An empty page.
    #[must_use]
    pub fn new(look: Look) -> Self {
        Page { look, text: String::new() }
    }

    /// What was put on it.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }

    /// A heading, with an empty line before it unless it is the first.
    pub fn heading(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.gap();
        }
        self.painted(BOLD, &safe_text::line(text));
        self.gap();
    }

    /// One line.
    pub fn line(&mut self, text: &str) {
        self.text.push_str(&safe_text::line(text));
        self.gap();
    }

    /// The end of a line; after a whole line, an empty one.
    pub fn gap(&mut self) {
        self.text.push('\n');
    }

    /// A labelled value. Its line breaks stay, indented; nothing is shown if it is empty.
    pub fn item(&mut self, label: &str, value: &str) {
        let value = safe_text::block(value);
        if value.trim().is_empty() {
            return;
        }
        let label = safe_text::line(label);
        let fill = LABELS.saturating_sub(label.width() + 2);
        self.text.push_str("  ");
        self.text.push_str(&label);
        self.text.push_str(&" ".repeat(fill.max(1)));
        self.indented(&value, LABELS.max(label.width() + 3));
    }

    /// A labelled text of several lines, below its label.
    pub fn block(&mut self, label: &str, text: &str) {
        self.painted(BOLD, &format!("  {}", safe_text::line(label)));
        self.text.push_str("\n    ");
        self.indented(&safe_text::block(text), 4);
    }

    /// Text of several lines, indented so that no line of it passes for one of ours.
    pub fn text(&mut self, text: &str) {
        self.text.push_str("  ");
        self.indented(&safe_text::block(text), 2);
    }

    /// A point of a list.
    pub fn point(&mut self, text: &str) {
        self.text.push_str("  - ");
        self.indented(&safe_text::block(text), 4);
    }

    /// What went wrong.
    pub fn error(&mut self, what: &str, code: &str) {
        self.painted(RED, "error");
        self.text.push_str(": ");
        self.indented(&safe_text::block(what), 2);
        self.item("code", code);
    }

    /// The first line of something that was looked at: `✓` if it is as it should be, a red `✗` if not.
    pub fn verdict(&mut self, good: bool, text: &str) {
        self.text.push_str("  ");
        if good {
            self.text.push('✓');
        } else {
            self.painted(RED, "✗");
        }
        self.text.push(' ');
        self.indented(&safe_text::block(text), 4);
    }

    /// A table without lines, fitted to the width. Each cell is one line of text.
    pub fn table<const N: usize>(&mut self, headers: [&str; N], rows: impl IntoIterator<Item = [String; N]>) {
        let mut table = Table::new();
        table.load_style(NOTHING).force_no_tty();
        if let Some(width) = self.look.width {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(width.max(NARROWEST_TABLE));
        }
        if self.look.colour {
            table.enforce_styling();
        }
        table.set_header(headers.map(|header| Cell::new(header).add_attribute(Attribute::Bold)));
        for row in rows {
            table.add_row(row.map(|cell| Cell::new(safe_text::line(&cell))));
        }
        self.text.push_str(&table.trim_fmt());
        self.gap();
    }

    fn indented(&mut self, safe: &str, columns: usize) {
        let mut lines = safe.trim_end().split('\n');
        self.text.push_str(lines.next().unwrap_or_default());
        for line in lines {
            self.gap();
            if !line.is_empty() {
                self.text.push_str(&" ".repeat(columns));
                self.text.push_str(line);
            }
        }
        self.gap();
    }

    fn painted(&mut self, colour: &str, safe: &str) {
        if self.look.colour {
            self.text.push_str(&format!("\u{1b}[{colour}m{safe}\u{1b}[0m"));
        } else {
            self.text.push_str(safe);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn page(width: Option<u16>) -> Page {
        Page::new(Look { width, colour: false })
    }

    #[test]
    fn a_partner_cannot_forge_a_line() {
        let mut page = page(None);
        page.line("from A\nerror: all is lost");
        page.item("reason", "first\nsecond");
        assert_eq!(
            page.into_text(),
            "from A␊error: all is lost\n  reason          first\n                  second\n"
        );
    }

    #[test]
    fn tables_fit_the_terminal_in_any_script() {
        let mut page = page(Some(60));
        let names = ["საქართველოს სახალხო დამცველი", "国家防范酷刑机制委员会", "اللجنة الوطنية"];
        page.table(
            ["name", "text"],
            names.map(|name| [name.to_owned(), "a long text about nothing in particular ".repeat(4)]),
        );
        for line in page.into_text().lines() {
            assert!(line.width() <= 60, "{line}");
        }
    }

    #[test]
    fn there_is_no_colour_unless_it_is_wanted() {
        let mut plain = page(Some(80));
        plain.heading("Heading");
        plain.table(["a"], [["b".to_owned()]]);
        plain.error("it broke", "code");
        assert!(!plain.into_text().contains('\u{1b}'));
        let mut coloured = Page::new(Look { width: None, colour: true });
        coloured.heading("Heading");
        assert!(coloured.into_text().contains("\u{1b}[1mHeading"));
    }

    proptest! {
        #[test]
        fn whatever_is_put_on_a_page_no_control_character_comes_out(text in any::<String>(), width in 1u16..200) {
            let mut page = page(Some(width));
            page.heading(&text);
            page.line(&text);
            page.item(&text, &text);
            page.block(&text, &text);
            page.point(&text);
            page.error(&text, &text);
            page.verdict(false, &text);
            page.table(["one", "two"], [[text.clone(), text.clone()]]);
            let shown = page.into_text();
            prop_assert!(!shown.chars().any(|c| c != '\n' && (safe_text::is_hidden(c) || c.is_control())));
        }
    }
}
