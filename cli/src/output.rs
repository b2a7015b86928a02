//! Where words and data go: data to stdout, words to stderr, and nothing unsafe to either.
//!
//! A command hands its answer to [`Output::answer`]: with `--json` it becomes one versioned object, otherwise
//! a [`Page`] for people. Whatever a page or an object holds passes through [`crate::safe_text`].

mod page;
mod pager;

use std::cell::Cell;
use std::io::{self, IsTerminal, Write};

use entente_node::api::types::{API_VERSION, Problem};
use serde::Serialize;
use serde_json::{Map, Value};

pub use page::Page;

use crate::problem;
use crate::safe_text;

/// The two streams of the program, and how each likes its text.
pub struct Output {
    json: bool,
    stdout: Look,
    stderr: Look,
    /// Set when stdout took no more, and the reader had not simply gone.
    broken: Cell<bool>,
}

/// How text looks on one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Columns to fit into; none where lines may have any length, such as in a pipe.
    pub width: Option<u16>,
    /// May it be coloured?
    pub colour: bool,
}

impl Output {
    /// For this process: terminals get their width and, unless `NO_COLOR` is set, some colour.
    #[must_use]
    pub fn new(json: bool) -> Self {
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let wide = |fd: &dyn AsWindow| columns_set().or_else(|| fd.columns());
        Output {
            json,
            stdout: Look { width: wide(&stdout), colour: stdout.is_terminal() && colour_wanted() },
            stderr: Look { width: wide(&stderr), colour: stderr.is_terminal() && colour_wanted() },
            broken: Cell::new(false),
        }
    }

    /// Is data wanted as JSON?
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// The answer of a command on stdout: `value` as one versioned object, or the page that `paint` makes.
    ///
    /// # Errors
    /// If `value` cannot be written as JSON.
    pub fn answer(&self, value: &impl Serialize, paint: impl FnOnce(&mut Page)) -> Result<(), Problem> {
        if self.json {
            return self.object(value);
        }
        let mut page = Page::new(self.stdout);
        paint(&mut page);
        let text = page.into_text();
        if !(is_longer_than_the_screen(&text) && pager::show(&text)) {
            self.to_stdout(&text);
        }
        Ok(())
    }

    /// One versioned JSON object on one line of stdout. What is not an object goes under `answer`.
    ///
    /// # Errors
    /// If `value` cannot be written as JSON.
    pub fn object(&self, value: &impl Serialize) -> Result<(), Problem> {
        let mut object = match serde_json::to_value(value) {
            Ok(Value::Object(object)) => object,
            Ok(Value::Null) => Map::new(),
            Ok(other) => Map::from_iter([("answer".to_owned(), other)]),
            Err(error) => return Err(not_json(&error)),
        };
        object.insert("version".to_owned(), API_VERSION.into());
        let text = serde_json::to_string(&object).map_err(|e| not_json(&e))?;
        self.to_stdout(&format!("{}\n", safe_text::json(&text)));
        Ok(())
    }

    /// A part of a long answer for people, on stdout; nothing with `--json`, where the answer is one object.
    pub fn part(&self, paint: impl FnOnce(&mut Page)) {
        if !self.json {
            let mut page = Page::new(self.stdout);
            paint(&mut page);
            self.to_stdout(&page.into_text());
        }
    }

    /// Words on stderr.
    pub fn words(&self, paint: impl FnOnce(&mut Page)) {
        let mut page = Page::new(self.stderr);
        paint(&mut page);
        self.to_stderr(&page.into_text());
    }

    /// One sentence on stderr.
    pub fn note(&self, sentence: &str) {
        self.words(|page| page.line(sentence));
    }

    /// A question on stderr, without a line break after it.
    pub fn ask(&self, question: &str) {
        self.to_stderr(&format!("{} ", safe_text::line(question)));
    }

    /// A problem: words on stderr, and with `--json` one object on stdout.
    pub fn problem(&self, problem: &Problem) {
        if self.json {
            let text = problem::as_json(problem).to_string();
            self.to_stdout(&format!("{}\n", safe_text::json(&text)));
        }
        self.words(|page| {
            page.error(&problem.what, &problem.code);
            page.item("not done", &problem.not_done);
            for refusal in &problem.refusals {
                page.item(&refusal.code, &refusal.reason);
            }
            page.item("next", &problem.next);
        });
    }

    /// Text that the program itself ships (completions, help), as it is.
    pub fn own_text(&self, text: &str) {
        self.to_stdout(text);
    }

    /// Is stdout a terminal, where a person reads what no file shall keep?
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Clears the terminal, what was scrolled away too: secrets were on it. Nothing where there is none, or one
    /// that cannot.
    pub fn wipe_screen(&self) {
        let can = std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        for (terminal, write) in [
            (io::stdout().is_terminal(), Output::to_stdout as fn(&Output, &str)),
            (io::stderr().is_terminal(), Output::to_stderr),
        ] {
            if terminal && can {
                write(self, "\u{1b}[H\u{1b}[2J\u{1b}[3J");
            }
        }
    }

    /// Could everything be written to stdout? A reader that went away early (`… | head`) counts as yes.
    #[must_use]
    pub fn all_written(&self) -> bool {
        !self.broken.get()
    }

    fn to_stdout(&self, text: &str) {
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
        if let Err(error) = written
            && error.kind() != io::ErrorKind::BrokenPipe
        {
            self.broken.set(true);
        }
    }

    fn to_stderr(&self, text: &str) {
        // Where words cannot be shown, there is nobody to tell.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}

/// A stream that may be a terminal of some width.
trait AsWindow {
    fn columns(&self) -> Option<u16>;
}

impl<T: std::os::fd::AsFd> AsWindow for T {
    fn columns(&self) -> Option<u16> {
        rustix::termios::tcgetwinsize(self).ok().map(|size| size.ws_col).filter(|columns| *columns > 0)
    }
}

/// Would a person have to scroll back? Not asked where no person reads.
fn is_longer_than_the_screen(text: &str) -> bool {
    let stdout = io::stdout();
    let rows = rustix::termios::tcgetwinsize(&stdout).map_or(0, |size| usize::from(size.ws_row));
    // The last row is for what is typed next.
    stdout.is_terminal() && rows > 0 && text.lines().count() >= rows
}

fn columns_set() -> Option<u16> {
    std::env::var("COLUMNS").ok()?.parse().ok().filter(|columns| *columns > 0)
}

/// See <https://no-color.org>.
fn colour_wanted() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

fn not_json(error: &serde_json::Error) -> Problem {
    problem::problem(
        problem::FAILED,
        "bad-answer",
        format!("the answer cannot be written as JSON: {error}"),
        "the answer was not shown",
        "run the command without --json, and report this",
    )
}
