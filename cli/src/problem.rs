//! What can go wrong, in words for people and an exit code for scripts.
//!
//! Every error of the program is an [`entente_node::api::types::Problem`]: those of the node come over the
//! socket, those of the program are made here.

use std::path::Path;

use entente_node::api::types::Problem;
use serde_json::{Value, json};

/// How a command that did not fail ended. Failures carry their exit code in [`Problem::exit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: it was carried out and shown, and did not turn out as it must.
    Failed,
    /// 6: something was found that needs attention.
    Findings,
    /// 7: done here, and waiting for partners that are offline.
    Queued,
}

impl Exit {
    /// The code for the system.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => FAILED,
            Exit::Findings => FINDINGS,
            Exit::Queued => 7,
        }
    }
}

/// 1: it failed.
pub const FAILED: u8 = 1;
/// 2: the command line is wrong.
pub const USAGE: u8 = 2;
/// 3: what was named does not exist.
pub const NOT_FOUND: u8 = 3;
/// 4: the node, or a key, is locked.
pub const LOCKED: u8 = 4;
/// 5: a rule says no.
pub const REFUSED: u8 = 5;
/// Something was looked at and is not as it should be.
pub const FINDINGS: u8 = 6;

/// A problem from its four parts: a stable code, what happened, what was not done because of it, what to do.
#[must_use]
pub fn problem(
    exit: u8,
    code: &str,
    what: impl Into<String>,
    not_done: impl Into<String>,
    next: impl Into<String>,
) -> Problem {
    Problem {
        code: code.to_owned(),
        what: what.into(),
        not_done: not_done.into(),
        next: next.into(),
        exit,
        refusals: Vec::new(),
    }
}

/// The command line cannot be followed as it is.
#[must_use]
pub fn usage(what: impl Into<String>, next: impl Into<String>) -> Problem {
    problem(USAGE, "usage", what, "nothing was done", next)
}

/// It went wrong, and nothing that can be typed would help.
#[must_use]
pub fn failed(what: impl Into<String>, not_done: &str) -> Problem {
    problem(FAILED, "failed", what, not_done, "entente doctor")
}

/// A file could not be read or written.
#[must_use]
pub fn file(doing: &str, path: &Path, error: &std::io::Error) -> Problem {
    let exit = if error.kind() == std::io::ErrorKind::NotFound { NOT_FOUND } else { FAILED };
    problem(
        exit,
        "file",
        format!("{doing} {} failed: {error}", path.display()),
        "nothing was changed",
        "check the name and the permissions of the file",
    )
}

/// The person said no.
#[must_use]
pub fn declined(not_done: &str) -> Problem {
    problem(FAILED, "declined", "you did not say yes", not_done, "nothing needs to be done")
}

/// The problem as the one JSON object that `--json` prints on stdout.
#[must_use]
pub fn as_json(problem: &Problem) -> Value {
    let mut error = json!({
        "code": problem.code,
        "what": problem.what,
        "not_done": problem.not_done,
        "next": problem.next,
        "exit": problem.exit,
    });
    if let (Some(error), false) = (error.as_object_mut(), problem.refusals.is_empty()) {
        error.insert("refusals".to_owned(), json!(problem.refusals));
    }
    json!({ "version": entente_node::api::types::API_VERSION, "error": error })
}

/// The exit code of a problem: never 0, whatever a node answered.
#[must_use]
pub fn exit_code(problem: &Problem) -> u8 {
    if problem.exit == 0 { FAILED } else { problem.exit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_never_a_success() {
        let odd = problem(0, "odd", "w", "n", "x");
        assert_eq!(exit_code(&odd), FAILED);
    }

    #[test]
    fn a_missing_file_is_not_found_and_an_unreadable_one_is_a_failure() {
        let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
        let forbidden = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        assert_eq!(file("reading", Path::new("x"), &missing).exit, NOT_FOUND);
        assert_eq!(file("reading", Path::new("x"), &forbidden).exit, FAILED);
    }
}
