//! The program `entente`: what whoever keeps a node types.
//!
//! `run` begins itself once more with malloc set (`malloc`).
//! The way of a command: arguments ([`args`]) → [`commands`] → the running node over its Unix socket
//! ([`client`]) → data on stdout, words on stderr ([`output`]), every text made safe for the terminal
//! ([`safe_text`]) → an exit code ([`problem`]). What works without a running node is in [`node_calls`].

#![allow(clippy::result_large_err, reason = "a command ends at its first problem: none is passed around")]

pub mod args;
mod ask;
pub mod client;
pub mod commands;
mod malloc;
pub mod node_calls;
pub mod output;
mod passphrase;
pub mod problem;
pub mod safe_text;
mod times;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use entente_node::api::types::Problem;
use entente_node::metadata::worker;

use crate::args::{Cli, Command};
use crate::client::Client;
use crate::output::Output;
use crate::problem::Exit;

/// What every command needs: which node, and where its answer goes.
pub struct Context {
    /// The node's folder.
    pub home: PathBuf,
    /// The file of the token to act by, where it is not the keeper's.
    pub token: Option<PathBuf>,
    /// Stdout and stderr.
    pub output: Output,
}

impl Context {
    /// Connects to the running node.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub async fn client(&self) -> Result<Client, Problem> {
        Client::connect_as(&self.home, self.token.as_deref()).await
    }

    /// The command to type for this node, such as `entente --home DIR status`.
    #[must_use]
    pub fn command(&self, words: &str) -> String {
        command_line(&self.home, words)
    }
}

/// Runs the program with the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == worker::WORD) {
        let word = arguments.next().unwrap_or_default();
        return if worker::serve(&word.to_string_lossy()) { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    if let Some(program) = this_program() {
        worker::use_program(program);
    }
    run(std::env::args_os())
}

/// This program, to be started again as a worker; on Linux also when its file was replaced meanwhile.
fn this_program() -> Option<PathBuf> {
    let same = Path::new("/proc/self/exe");
    if cfg!(target_os = "linux") && same.exists() {
        Some(same.to_owned())
    } else {
        std::env::current_exe().ok()
    }
}

/// Runs the program; the first argument is its name.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    match Cli::try_parse_from(&arguments) {
        Ok(cli) => {
            if matches!(cli.command, Command::Run(_)) {
                malloc::keep_little(arguments);
            }
            carry_out(cli)
        }
        Err(error) => ExitCode::from(not_understood(&error, &arguments)),
    }
}

fn carry_out(cli: Cli) -> ExitCode {
    let output = Output::new(cli.global.json);
    let named = cli.global.home.filter(|home| !home.as_os_str().is_empty());
    let Some(home) = named.or_else(default_home) else {
        let problem = problem::usage("there is no home folder", "name one: entente --home DIR …");
        output.problem(&problem);
        return ExitCode::from(problem.exit);
    };
    // Commands to type and the socket's path shall be right from any folder.
    let home = std::path::absolute(&home).unwrap_or(home);
    let token = cli.global.token.filter(|file| !file.as_os_str().is_empty());
    let context = Context { home, token, output };
    let ended = match runtime(&cli.command) {
        Ok(runtime) => runtime.block_on(commands::dispatch(&context, cli.command)),
        Err(error) => Err(problem::problem(
            problem::FAILED,
            "system",
            format!("the system gave no threads: {error}"),
            "nothing was done",
            "close other programs and try again",
        )),
    };
    let code = match ended {
        Ok(exit) => exit.code(),
        Err(problem) => {
            context.output.problem(&problem);
            problem::exit_code(&problem)
        }
    };
    if code == Exit::Done.code() && !context.output.all_written() {
        context.output.note("error: not all of the answer could be written");
        return ExitCode::from(problem::FAILED);
    }
    ExitCode::from(code)
}

/// A node works on all cores; everything else waits for one socket.
fn runtime(command: &Command) -> std::io::Result<tokio::runtime::Runtime> {
    let mut builder = if matches!(command, Command::Run(_)) {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    builder.enable_all().build()
}

/// Help and version are answers; the rest is a mistake in the command line.
fn not_understood(error: &clap::Error, arguments: &[OsString]) -> u8 {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // Nobody is left to tell if this fails.
        let _ = error.print();
        return Exit::Done.code();
    }
    let json = arguments.iter().take_while(|a| *a != "--").any(|a| a == "--json");
    let output = Output::new(json);
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    // The next step is said below, as in every other problem.
    let text = text.split("\n\nFor more information").next().unwrap_or_default().trim_end();
    output.problem(&problem::usage(text, "add --help to the command"));
    problem::USAGE
}

/// The folder of the node that is meant when none is named: below the platform's folder for data.
#[must_use]
pub fn default_home() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let data = if cfg!(target_os = "macos") {
        folder("HOME")?.join("Library/Application Support")
    } else {
        // XDG Base Directory Specification: relative paths are to be ignored.
        folder("XDG_DATA_HOME")
            .filter(|path| path.is_absolute())
            .or_else(|| Some(folder("HOME")?.join(".local/share")))?
    };
    Some(data.join("entente"))
}

/// The command to type for the node in `home`, ready to be pasted into a shell.
#[must_use]
pub fn command_line(home: &Path, words: &str) -> String {
    if default_home().as_deref() == Some(home) {
        return format!("entente {words}");
    }
    format!("entente --home {} {words}", quoted(&home.to_string_lossy()))
}

/// A word as a POSIX shell reads it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_to_type_can_be_pasted_into_a_shell() {
        assert_eq!(command_line(Path::new("/srv/a"), "run"), "entente --home /srv/a run");
        assert_eq!(command_line(Path::new("/srv/a b's"), "run"), r"entente --home '/srv/a b'\''s' run");
    }
}
