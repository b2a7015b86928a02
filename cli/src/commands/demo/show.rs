//! What the story shows beside its claims: the matrix of who can read what, the durations, what to type next.

use std::path::Path;

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::cast::Who;
use super::folder::Folder;
use super::reading::Row;
use super::samples::{self, DECLARATIONS};
use super::sharing::Sent;
use super::stage::{Claim, Stage, wrap};
use super::story::{Partnerships, labels};
use crate::output::Page;
use crate::quoted;

/// Columns of what a record is.
const WHAT: usize = 31;
/// Columns of one answer.
const CELL: usize = 11;
/// Columns of a text beside its label.
const TEXT: usize = 56;
/// Columns of who sends to whom.
const WAY: usize = 19;
/// Columns of a duration.
const TIME: usize = 12;
/// Characters of an id that are enough to type.
const SHORT: usize = 10;

/// A line of the matrix.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    what: String,
    cells: [bool; 3],
    why: String,
}

/// Who can read what: what was found out, and the clause behind it.
pub(super) fn matrix(stage: &Stage<'_>, rows: &[Row<'_>], partnerships: &Partnerships) {
    let lines: Vec<Line> = rows.iter().map(|row| line(row, partnerships)).collect();
    stage.part(|page| {
        for text in drawn(&merged(lines)) {
            page.line(&text);
        }
        page.gap();
    });
    let legend = "✓ the node shows it; – the node answers “not found”. Why: for named readers or for all, \
                  by these clauses of the agreements “Prevention” and “Border”:";
    stage.say(legend);
    stage.part(|page| {
        for (clause, says) in clauses(rows, partnerships) {
            page.text(&format!("{clause}  {}", wrap(&says, TEXT).join("\n    ")));
        }
        page.gap();
    });
}

fn line(row: &Row<'_>, partnerships: &Partnerships) -> Line {
    let sent = row.sent;
    let why = match clause(sent, partnerships) {
        None => "never leaves".to_owned(),
        Some((clause, _)) if sent.named => format!("named, {clause}"),
        Some((clause, _)) => format!("all, {clause}"),
    };
    Line { what: sent.label.clone(), cells: Who::ALL.map(|who| row.of(who).shown()), why }
}

/// The clause that lets a record's readers read it: `P3`, and what it says.
fn clause(sent: &Sent, partnerships: &Partnerships) -> Option<(String, String)> {
    let letter = if sent.partnership? == partnerships.border.name { "B" } else { "P" };
    let (number, says) = sent.because.iter().find_map(|because| flow(because))?;
    Some((format!("{letter}{number}"), says))
}

/// The number of the clause, and what it says, in what a node gives as a reason.
fn flow(because: &str) -> Option<(usize, String)> {
    let (_, clause) = because.split_once("because of flow ")?;
    let (number, says) = clause.split_once(": ")?;
    Some((number.parse().ok()?, says.to_owned()))
}

fn clauses(rows: &[Row<'_>], partnerships: &Partnerships) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> =
        rows.iter().filter_map(|row| clause(row.sent, partnerships)).collect();
    all.sort_unstable_by(|a, b| b.0.starts_with('P').cmp(&a.0.starts_with('P')).then(a.0.cmp(&b.0)));
    all.dedup();
    all
}

/// Lines that say the same of records with the same label become one.
fn merged(lines: Vec<Line>) -> Vec<Line> {
    let mut merged: Vec<(Line, usize)> = Vec::new();
    for line in lines {
        match merged.last_mut() {
            Some((last, count)) if *last == line => *count += 1,
            _ => merged.push((line, 1)),
        }
    }
    merged.into_iter().map(|(line, count)| Line { what: counted(&line.what, count), ..line }).collect()
}

fn drawn(lines: &[Line]) -> Vec<String> {
    let row = |what: &str, cells: [&str; 3], why: &str| {
        let cells: String = cells.map(|cell| filled(cell, CELL)).concat();
        format!("  {}{cells}{why}", filled(what, WHAT)).trim_end().to_owned()
    };
    let mut text = vec![row("", Who::ALL.map(heading), "why")];
    for line in lines {
        text.push(row(&line.what, line.cells.map(|can| if can { "✓" } else { "–" }), &line.why));
    }
    text
}

fn heading(who: Who) -> &'static str {
    match who {
        Who::Npm => "NPM",
        Who::Cso => "CSO",
        Who::Neighbour => "neighbour",
    }
}

/// What was shared, and how long it took; records with the same label stand in one line.
pub(super) fn durations(stage: &Stage<'_>, all: &[Sent]) {
    let shared: Vec<&Sent> = all.iter().filter(|sent| sent.partnership.is_some()).collect();
    stage.part(|page| {
        let row = |what: &str, way: &str, kept: &str, there: &str| {
            let (what, way, kept) = (filled(what, WHAT), filled(way, WAY), filled(kept, TIME));
            format!("  {what} {way}{kept}{there}").trim_end().to_owned()
        };
        page.line(&row("", "from → to", "kept after", "readable after"));
        for alike in shared.chunk_by(|a, b| a.label == b.label) {
            let Some(first) = alike.first() else { continue };
            let kept = range(alike.iter().map(|sent| sent.durable_ms));
            let there = range(alike.iter().flat_map(|sent| sent.visible_ms.iter().map(|(_, ms)| *ms)));
            page.line(&row(&counted(&first.label, alike.len()), &way(first), &kept, &there));
        }
        page.gap();
    });
    stage.say("Kept: the author's disk has it, and a loss of power does not undo it. Readable: shown on its readers' nodes.");
}

fn way(sent: &Sent) -> String {
    let readers: Vec<&str> = sent.readers.iter().map(|who| heading(*who)).collect();
    let to = if sent.named || readers.len() == 1 { readers.join(", ") } else { "all".to_owned() };
    format!("{} → {to}", heading(sent.author))
}

/// From the shortest to the longest.
fn range(all: impl Iterator<Item = f64>) -> String {
    let ends = all.map(|ms| (ms, ms)).reduce(|(least, most), (ms, _)| (least.min(ms), most.max(ms)));
    match ends.map(|(least, most)| (format!("{least:.0}"), format!("{most:.0}"))) {
        None => "never".to_owned(),
        Some((least, most)) if least == most => format!("{least} ms"),
        Some((least, most)) => format!("{least} to {most} ms"),
    }
}

fn counted(what: &str, count: usize) -> String {
    if count == 1 { what.to_owned() } else { format!("{what} ×{count}") }
}

fn filled(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(text.width())))
}

/// Article 5, as it was read on the NPM's node.
pub(super) fn article_5(stage: &Stage<'_>, rows: &[Row<'_>]) {
    stage.part(Page::gap);
    stage.say("Article 5 of the Declaration, as it is read back on the NPM's node:");
    stage.part(|page| {
        let shared = rows.iter().filter(|row| row.sent.label == labels::DECLARATION);
        for (row, declaration) in shared.zip(&DECLARATIONS) {
            let fields = row.of(Who::Npm).fields.as_ref();
            let text = fields.and_then(|fields| fields.get("text")).and_then(Value::as_str);
            let read = wrap(text.map_or("", samples::article_5), TEXT);
            page.item(declaration.name, &read.join("\n"));
        }
    });
}

/// How it ended: whether all claims held, and which did not.
pub(super) fn verdict(stage: &Stage<'_>) {
    let claims = stage.claims();
    let took = format!("{:.1} s", stage.took_ms() / 1000.0);
    let broken: Vec<&Claim> = claims.iter().filter(|claim| !claim.held).collect();
    stage.part(Page::gap);
    stage.part(|page| {
        if broken.is_empty() {
            page.heading(&format!("All {} claims held, in {took}.", claims.len()));
        } else {
            let what = format!("{} of {} claims did not hold (after {took})", broken.len(), claims.len());
            page.error(&what, "claims");
            for claim in broken {
                page.verdict(false, &format!("{:>2}  {}", claim.number, claim.claim));
            }
        }
    });
}

/// What to type next, ready to be pasted.
pub(super) fn next(stage: &Stage<'_>, folder: &Folder, submission: &Sent, running: bool) {
    let program = program();
    let home = |who: Who| quoted(&folder.path().join(who.label()).to_string_lossy());
    let command = |who: Who, words: &str| format!("  {program} --home {} {words}", home(who));
    let id: String = submission.id.to_string().chars().take(SHORT).collect();
    let passphrase =
        format!("  export ENTENTE_PASSPHRASE_FILE={}", quoted(&folder.passphrase_file().to_string_lossy()));
    stage.part(|page| {
        page.gap();
        if running {
            page.line("The nodes run again, until you press Ctrl-C. Type in another terminal:");
        } else {
            page.line("The nodes are stopped; their folders stay. To look around, start two of them");
            page.line("again, each in a terminal of its own (or add --keep-running to the demo):");
            for who in [Who::Npm, Who::Neighbour] {
                page.gap();
                page.line(&passphrase);
                page.line(&command(who, "run"));
            }
            page.gap();
            page.line("and type in a third:");
        }
        page.gap();
        for words in
            ["record list", &format!("record show {id}"), &format!("attachment get {id} 0 letter.txt")]
        {
            page.line(&command(Who::Npm, words));
        }
        page.line(&command(Who::Npm, "partnership show Prevention"));
        page.line(&command(Who::Neighbour, "record list"));
        page.line(&format!("{}     # not found", command(Who::Neighbour, &format!("record show {id}"))));
        page.gap();
        page.line(&format!("Remove everything: rm -r {}", quoted(&folder.path().to_string_lossy())));
    });
}

/// This program as it can be typed here.
fn program() -> String {
    let this = std::env::current_exe().unwrap_or_else(|_| "entente".into());
    let here = std::env::current_dir().unwrap_or_default();
    // From the program's folder itself a bare name would not be found.
    let near = this.strip_prefix(&here).ok().filter(|near| near.components().count() > 1);
    quoted(&near.map_or(this.as_path(), Path::new).to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(what: &str, cells: [bool; 3]) -> Line {
        Line { what: what.to_owned(), cells, why: "named, P1".to_owned() }
    }

    #[test]
    fn the_matrix_lines_up_and_fits_80_columns() {
        let lines = [line("visit report", [true, true, true]), line("საჩივარი", [true, false, true])];
        let text = drawn(&merged(lines.into()));
        assert_eq!(
            text,
            [
                "                                 NPM        CSO        neighbour  why",
                "  visit report                   ✓          ✓          ✓          named, P1",
                "  საჩივარი                       ✓          –          ✓          named, P1",
            ]
        );
        assert!(text.iter().all(|line| line.width() <= 80));
    }

    #[test]
    fn equal_lines_are_counted_and_different_answers_are_never_merged() {
        let lines = vec![
            line("a", [true; 3]),
            line("a", [true; 3]),
            line("a", [true, false, true]),
            line("a", [true; 3]),
        ];
        let whats: Vec<String> = merged(lines).into_iter().map(|line| line.what).collect();
        assert_eq!(whats, ["a ×2", "a", "a"]);
    }

    #[test]
    fn the_clause_is_taken_from_the_reason() {
        let because =
            "1 member with the role npm read it because of flow 2: CSOs may send submissions: always.";
        assert_eq!(flow(because), Some((2, "CSOs may send submissions: always.".to_owned())));
        assert_eq!(flow("Sealed with a fresh key for 2 nodes."), None);
    }
}
