//! Asking a person before something that cannot be undone.

use std::io::{self, BufRead, IsTerminal};

use crate::output::Output;

/// Is somebody there to be asked?
pub(crate) fn somebody_is_there() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for a yes on the terminal. Anything but a yes is a no.
pub(crate) fn confirmed(output: &Output, question: &str) -> bool {
    output.ask(&format!("{question} [y/N]"));
    is_yes(&mut io::stdin().lock())
}

/// Asks for a line of text on the terminal; empty where none was given.
pub(crate) fn line(output: &Output, question: &str) -> String {
    output.ask(question);
    let mut answer = String::new();
    match io::stdin().lock().read_line(&mut answer) {
        Ok(_) => answer.trim().to_owned(),
        Err(_) => String::new(),
    }
}

fn is_yes(answers: &mut impl BufRead) -> bool {
    let mut answer = String::new();
    // Who closes the terminal did not say yes.
    answers.read_line(&mut answer).is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_a_yes() {
        for yes in ["y\n", "Y\n", " yes \n", "YES"] {
            assert!(is_yes(&mut yes.as_bytes()), "{yes}");
        }
        for no in ["", "\n", "n\n", "yess\n", "no\ny\n"] {
            assert!(!is_yes(&mut no.as_bytes()), "{no}");
        }
        assert!(!is_yes(&mut &[0xff, b'\n'][..]));
    }
}
