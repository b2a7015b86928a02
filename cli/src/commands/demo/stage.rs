//! Where the story is told: chapters and sentences as they happen, and the claims with what was found.
//! With `--json` it is told in one object at the end.

use std::time::Instant;

use entente_node::api::types::Problem;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::output::{Output, Page};

/// Columns of the story, in a wide terminal and in a pipe too.
const COLUMNS: usize = 78;

/// Something that the demo says of the system, and tried.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Claim {
    /// Its number, from 1.
    pub(super) number: usize,
    /// What is claimed.
    pub(super) claim: String,
    /// Did it hold?
    pub(super) held: bool,
    /// What was done and seen.
    pub(super) evidence: String,
    /// Milliseconds that trying it took. What all records are read by is asked once, before the claims.
    pub(super) took_ms: f64,
}

/// Why a claim did not hold, or could not be tried, in words.
pub(super) struct Broken(String);

impl From<Problem> for Broken {
    fn from(problem: Problem) -> Self {
        Broken(format!("{} ({})", problem.what, problem.code))
    }
}

impl From<String> for Broken {
    fn from(words: String) -> Self {
        Broken(words)
    }
}

/// What trying a claim showed: the evidence, or why it does not hold.
pub(super) type Proof = Result<String, Broken>;

/// The evidence if `held`, the objection if not.
pub(super) fn proof(held: bool, evidence: impl Into<String>, objection: impl Into<String>) -> Proof {
    if held { Ok(evidence.into()) } else { Err(Broken(objection.into())) }
}

/// The story so far.
pub(super) struct Stage<'a> {
    output: &'a Output,
    began: Instant,
    claims: Vec<Claim>,
    chapters: usize,
}

impl<'a> Stage<'a> {
    /// Nothing told yet.
    pub(super) fn new(output: &'a Output) -> Self {
        Stage { output, began: Instant::now(), claims: Vec::new(), chapters: 0 }
    }

    /// A new chapter.
    pub(super) fn chapter(&mut self, title: &str) {
        self.chapters += 1;
        let number = self.chapters;
        self.part(Page::gap);
        self.part(|page| page.heading(&format!("{number}. {title}")));
    }

    /// A paragraph.
    pub(super) fn say(&self, text: &str) {
        self.part(|page| {
            for line in wrap(text, COLUMNS) {
                page.line(&line);
            }
        });
    }

    /// Anything else, for people only.
    pub(super) fn part(&self, paint: impl FnOnce(&mut Page)) {
        self.output.part(paint);
    }

    /// Tries a claim, and tells what came of it.
    pub(super) async fn claim(&mut self, claim: &str, tried: impl Future<Output = Proof>) {
        let began = Instant::now();
        let (held, evidence) = match tried.await {
            Ok(evidence) => (true, evidence),
            Err(Broken(objection)) => (false, objection),
        };
        let number = self.claims.len() + 1;
        let took_ms = ms(began);
        self.part(|page| {
            page.verdict(held, &hung(&format!("{number:>2}  {claim}")));
            for line in wrap(&evidence, COLUMNS - 8) {
                page.line(&format!("        {line}"));
            }
        });
        self.claims.push(Claim { number, claim: claim.to_owned(), held, evidence, took_ms });
    }

    /// All claims, in order.
    pub(super) fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// Milliseconds since the beginning.
    pub(super) fn took_ms(&self) -> f64 {
        ms(self.began)
    }
}

/// Milliseconds since then.
pub(super) fn ms(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1000.0
}

/// A claim of several lines stands to the right of its number.
fn hung(text: &str) -> String {
    wrap(text, COLUMNS - 4).join("\n    ")
}

/// Lines of at most so many columns, broken between words. A longer word has a line of its own.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    // What indents the first line is kept.
    line.extend(text.chars().take_while(|c| *c == ' '));
    let mut empty = true;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !empty && line.width() + 1 + word.width() > columns {
            lines.push(std::mem::take(&mut line));
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words_and_no_word_is_lost() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("  a bb", 80), ["  a bb"]);
        assert_eq!(wrap("abcdefghij k", 4), ["abcdefghij", "k"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[tokio::test]
    async fn a_claim_that_could_not_be_tried_did_not_hold() {
        let output = Output::new(true);
        let mut stage = Stage::new(&output);
        stage.claim("a", async { proof(true, "seen", "not seen") }).await;
        stage.claim("b", async { proof(false, "seen", "not seen") }).await;
        let refused = crate::problem::usage("no", "yes");
        stage.claim("c", async { Err(refused.into()) }).await;
        let told: Vec<(usize, bool, &str)> =
            stage.claims().iter().map(|c| (c.number, c.held, c.evidence.as_str())).collect();
        assert_eq!(told, [(1, true, "seen"), (2, false, "not seen"), (3, false, "no (usage)")]);
    }
}
