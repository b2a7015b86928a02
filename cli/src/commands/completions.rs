//! `entente completions`.

use clap::CommandFactory;
use clap_complete::Shell;
use entente_node::api::types::Problem;
use serde_json::json;

use crate::Context;
use crate::args::Cli;
use crate::problem::Exit;

/// Prints the completions for a shell.
pub(super) fn completions(context: &Context, shell: Shell) -> Result<Exit, Problem> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "entente", &mut script);
    let script = String::from_utf8_lossy(&script);
    if context.output.is_json() {
        context.output.object(&json!({ "shell": shell.to_string(), "script": script }))?;
    } else {
        context.output.own_text(&script);
    }
    Ok(Exit::Done)
}
