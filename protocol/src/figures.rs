//! Figures for publication: counts by category, small cells suppressed (rule C11), and a bar chart in SVG.

use core::fmt::Write;

/// Counts below this identify people: they are not published (rule C11).
pub const SMALLEST: u64 = 5;
/// Bars of one chart; the rest is one more bar.
const MAX_BARS: usize = 40;

/// A number that may be shown, or not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cell {
    /// So many.
    Count(u64),
    /// Fewer than [`SMALLEST`], or what would give such a number away.
    Suppressed,
}

impl Cell {
    /// For people and files: the number, or `<5`, or nothing at all for a larger one that is kept back.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Cell::Count(n) => n.to_string(),
            Cell::Suppressed => "not shown".into(),
        }
    }
}

/// Counts by category.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Figures {
    /// What is counted by what, such as `recommendations by theme`.
    pub title: String,
    /// Each category and its count.
    pub rows: Vec<(String, u64)>,
    /// How many there are in all, each counted once.
    pub total: u64,
}

/// Figures as they may be shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shown {
    /// What is counted by what.
    pub title: String,
    /// Each category and its cell.
    pub rows: Vec<(String, Cell)>,
    /// All of them.
    pub total: Cell,
}

impl Figures {
    /// As they are, for who may see the records.
    #[must_use]
    pub fn within(&self) -> Shown {
        let rows = self.rows.iter().map(|(name, n)| (name.clone(), Cell::Count(*n))).collect();
        Shown { title: self.title.clone(), rows, total: Cell::Count(self.total) }
    }

    /// For publication: counts of 1 to 4 are left out. Where just one is, the next smallest count is left out
    /// too: else the total less the others would say it. Where that does not hide it, the total goes as well.
    #[must_use]
    pub fn published(&self) -> Shown {
        let small = |n: u64| (1..SMALLEST).contains(&n);
        let mut hidden: Vec<bool> = self.rows.iter().map(|(_, n)| small(*n)).collect();
        let sum: u64 = self.rows.iter().zip(&hidden).filter(|(_, h)| **h).map(|((_, n), _)| *n).sum();
        let count = hidden.iter().filter(|h| **h).count();
        // Hidden cells that together are fewer than five say as much as one of them.
        if count > 0 && (count == 1 || sum < SMALLEST) {
            let next = self
                .rows
                .iter()
                .enumerate()
                .filter(|(_, (_, n))| *n >= SMALLEST)
                .min_by_key(|(_, (_, n))| *n);
            if let Some(slot) = next.and_then(|(at, _)| hidden.get_mut(at)) {
                *slot = true;
            }
        }
        let alone = hidden.iter().filter(|h| **h).count() == 1 || (count > 0 && hidden.iter().all(|h| *h));
        let cell = |n: u64, hide: bool| if hide { Cell::Suppressed } else { Cell::Count(n) };
        let rows =
            self.rows.iter().zip(hidden).map(|((name, n), hide)| (name.clone(), cell(*n, hide))).collect();
        Shown { title: self.title.clone(), rows, total: cell(self.total, small(self.total) || alone) }
    }
}

const WIDTH: u32 = 720;
const LABEL: u32 = 260;
const BAR: u32 = 22;

impl Shown {
    /// A bar chart as a file of its own: no script, no font and nothing else is loaded. Labels can be in any
    /// script and direction.
    #[must_use]
    pub fn svg(&self) -> String {
        let rows: Vec<&(String, Cell)> = self.rows.iter().take(MAX_BARS).collect();
        let most = rows.iter().map(|(_, cell)| count(*cell)).max().unwrap_or(0).max(1);
        let height = 60 + u32::try_from(rows.len()).unwrap_or(0) * (BAR + 6);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
             viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" font-family=\"sans-serif\" font-size=\"13\">\n\
             <title>{title}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
             <text x=\"12\" y=\"26\" font-size=\"16\" font-weight=\"bold\">{title}</text>\n",
            title = escaped(&self.title)
        );
        for (number, (name, cell)) in (0..).zip(rows) {
            let y = 44 + number * (BAR + 6);
            let long = u64::from(WIDTH - LABEL - 110) * count(*cell) / most;
            let text_y = y + 15;
            // What does not go into a String does not exist.
            let _ = write!(
                svg,
                "<text x=\"{x}\" y=\"{text_y}\" text-anchor=\"end\" unicode-bidi=\"plaintext\">{name}</text>\n\
                 <rect x=\"{LABEL}\" y=\"{y}\" width=\"{long}\" height=\"{BAR}\" fill=\"#2b6cb0\"/>\n\
                 <text x=\"{after}\" y=\"{text_y}\">{value}</text>\n",
                x = LABEL - 8,
                name = escaped(name),
                after = u64::from(LABEL) + long + 6,
                value = escaped(&cell.words())
            );
        }
        svg.push_str("</svg>\n");
        svg
    }
}

fn count(cell: Cell) -> u64 {
    match cell {
        Cell::Count(n) => n,
        Cell::Suppressed => 0,
    }
}

/// As text of XML: markup is made harmless, characters that XML 1.0 does not have are left out, and a label
/// is cut to a length that fits.
fn escaped(text: &str) -> String {
    let hidden = |c: &char| {
        c.is_control()
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}')
    };
    let mut out = String::new();
    for c in text.chars().filter(|c| !hidden(c)).take(60) {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn figures(counts: &[u64]) -> Figures {
        let rows: Vec<(String, u64)> =
            counts.iter().enumerate().map(|(n, c)| (format!("row {n}"), *c)).collect();
        Figures { title: "T".into(), total: counts.iter().sum(), rows }
    }

    fn cells(counts: &[u64]) -> Vec<Cell> {
        figures(counts).published().rows.into_iter().map(|(_, cell)| cell).collect()
    }

    #[test]
    fn counts_below_five_are_not_published_and_no_subtraction_gives_them_away() {
        use Cell::{Count, Suppressed};
        assert_eq!(cells(&[10, 5, 0]), [Count(10), Count(5), Count(0)]);
        assert_eq!(cells(&[10, 4, 7]), [Count(10), Suppressed, Suppressed], "the next smallest goes too");
        assert_eq!(cells(&[10, 4, 3]), [Count(10), Suppressed, Suppressed]);
        assert_eq!(
            cells(&[10, 1, 1]),
            [Suppressed, Suppressed, Suppressed],
            "two of them are still one to four"
        );
        assert_eq!(figures(&[4]).published().total, Suppressed);
        assert_eq!(figures(&[4, 0]).published().total, Suppressed);
        assert_eq!(figures(&[10, 4, 7]).published().total, Count(21));
        assert_eq!(figures(&[10, 4, 7]).within().rows[1].1, Count(4));
    }

    #[test]
    fn a_chart_is_one_harmless_file_in_any_script() {
        let mut all = figures(&[3, 9]);
        all.rows[0].0 = "<script>alert(1)</script>\u{202e}".into();
        all.rows[1].0 = "ჯანდაცვა & \"اللجنة\"".into();
        let svg = all.within().svg();
        assert!(
            !svg.contains("<script") && svg.contains("&lt;script&gt;") && !svg.contains('\u{202e}'),
            "{svg}"
        );
        assert!(svg.contains("ჯანდაცვა &amp; &quot;اللجنة&quot;"));
        assert_eq!(svg.matches("http").count(), 1, "the name of the format, and nothing to load");
        assert!(!all.published().svg().contains(">3<"));
    }

    proptest! {
        #[test]
        fn what_is_published_never_tells_a_small_count(counts in prop::collection::vec(0u64..12, 1..8)) {
            let shown = figures(&counts).published();
            for ((_, cell), n) in shown.rows.iter().zip(&counts) {
                prop_assert!(!(1..SMALLEST).contains(n) || *cell == Cell::Suppressed);
            }
            // What the total less the shown cells says is at least five, or spread over nobody.
            if let Cell::Count(total) = shown.total {
                let told: u64 = shown.rows.iter().map(|(_, cell)| count(*cell)).sum();
                let kept = shown.rows.iter().filter(|(_, cell)| *cell == Cell::Suppressed).count();
                prop_assert!(kept == 0 || (kept > 1 && total - told >= SMALLEST), "{counts:?}");
            }
        }
    }
}
