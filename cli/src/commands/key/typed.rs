//! What people type from paper: labels and words, on a terminal line by line, with every mistake named at once
//! and asked for again; from a pipe the first mistake ends it.

use std::io::{BufRead, Read};

use entente_node::api::types::Problem;
use entente_node::recovery::share::Label;
use entente_node::recovery::words::WORDS;
use entente_node::recovery::{Share, ShareError, Typed};
use zeroize::Zeroizing;

use crate::problem::{self, usage};
use crate::{Context, ask};

/// Bytes of the longest line: 24 words with numbers are less than 400.
const LONGEST: u64 = 4096;

/// Words, or a share.
pub(super) enum Given {
    /// 24 words.
    Words(Typed),
    /// One share.
    Share(Share),
}

/// Who types.
pub(super) struct Answers<'a, R: BufRead> {
    context: &'a Context,
    lines: R,
    person: bool,
    not_done: &'a str,
}

impl<'a, R: BufRead> Answers<'a, R> {
    /// From this reader; a person is asked again, a pipe is not.
    pub(super) fn new(context: &'a Context, lines: R, not_done: &'a str) -> Self {
        Answers { context, lines, person: ask::somebody_is_there(), not_done }
    }

    /// 24 words.
    pub(super) fn words(&mut self) -> Result<Given, Problem> {
        self.say("Type the 24 words, in as many lines as you like:");
        Ok(Given::Words(self.twenty_four(None)?))
    }

    /// A share: its label, then its words. A person whose share does not hold together types it again.
    pub(super) fn share(&mut self, whose: &str) -> Result<Share, Problem> {
        loop {
            self.say(&format!("The share of {whose}. Type its label, such as 2-mfrggzdf-k7q2x-a3bc:"));
            let line = self.line()?;
            match self.share_after(&line) {
                Err(problem) if self.person && problem.code != ENDED => self.context.output.problem(&problem),
                other => return other,
            }
        }
    }

    /// Whichever it is: a label begins with a number and a hyphen.
    pub(super) fn words_or_share(&mut self) -> Result<Given, Problem> {
        self.say("Type the 24 words, in as many lines as you like, or the label of the first share:");
        let line = self.line()?;
        let is_label = line.split_once('-').is_some_and(|(number, _)| number.trim().parse::<u8>().is_ok());
        if !is_label {
            return Ok(Given::Words(self.twenty_four(Some(line))?));
        }
        match self.share_after(&line) {
            Err(problem) if self.person && problem.code != ENDED => {
                self.context.output.problem(&problem);
                Ok(Given::Share(self.share("the first trustee")?))
            }
            other => other.map(Given::Share),
        }
    }

    /// Clears what was typed from the screen.
    pub(super) fn done(&self) {
        if self.person {
            self.context.output.wipe_screen();
        }
    }

    fn share_after(&mut self, line: &str) -> Result<Share, Problem> {
        let wrong = |error: &ShareError, not_done: &str| {
            let next = "compare with the paper, and type it again; nothing is used up by trying";
            problem::problem(problem::REFUSED, "share", error.to_string(), not_done, next)
        };
        let label: Label = line.parse().map_err(|e| wrong(&e, self.not_done))?;
        self.say("Now its 24 words, in as many lines as you like:");
        let words = self.twenty_four(None)?;
        Share::typed(label, &words).map_err(|e| wrong(&e, self.not_done))
    }

    fn twenty_four(&mut self, first: Option<Zeroizing<String>>) -> Result<Typed, Problem> {
        let mut all: Option<Typed> = None;
        let mut next = first;
        loop {
            let line = match next.take() {
                Some(line) => line,
                None => self.line()?,
            };
            let before = all.as_ref().map_or(0, Typed::count);
            match (Typed::read(&line, before), &mut all) {
                (Ok(typed), Some(all)) => all.extend(&typed),
                (Ok(typed), all) => *all = Some(typed),
                (Err(error), _) => {
                    let next = "type that line again, from its first word; four letters of each suffice";
                    let not_done = if self.person { "that line was not taken" } else { self.not_done };
                    let problem =
                        problem::problem(problem::REFUSED, "words", error.to_string(), not_done, next);
                    if !self.person {
                        return Err(problem);
                    }
                    self.context.output.problem(&problem);
                }
            }
            match all.take() {
                Some(done) if done.count() >= WORDS => return Ok(done),
                some => {
                    let count = some.as_ref().map_or(0, Typed::count);
                    self.say(&format!("{count} of {WORDS} words; go on:"));
                    all = some;
                }
            }
        }
    }

    fn say(&self, what: &str) {
        if self.person {
            self.context.output.note(what);
        }
    }

    /// The next line that holds anything.
    fn line(&mut self) -> Result<Zeroizing<String>, Problem> {
        loop {
            let mut line = Zeroizing::new(String::with_capacity(512));
            let read = self.lines.by_ref().take(LONGEST).read_line(&mut line);
            match read {
                Ok(0) => {
                    return Err(problem::problem(
                        problem::USAGE,
                        ENDED,
                        "the input ended before all words were there",
                        self.not_done,
                        "type all 24 words of the key, or label and 24 words of each of two shares",
                    ));
                }
                Ok(_) if line.trim().is_empty() => {}
                Ok(_) => return Ok(line),
                Err(_) => return Err(usage("what was typed is not UTF-8 text", "type it again")),
            }
        }
    }
}

/// The code of input that ended: nobody can be asked again.
const ENDED: &str = "input-ended";
