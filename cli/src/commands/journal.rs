//! `entente journal`.

use entente_node::api::types::Problem;
use entente_node::compaction;
use serde_json::json;

use crate::args::JournalCommand;
use crate::problem::{self, Exit};
use crate::{Context, client, node_calls};

/// Dispatches.
pub(super) fn journal(context: &Context, command: &JournalCommand) -> Result<Exit, Problem> {
    match command {
        JournalCommand::Compact => compact(context),
    }
}

fn compact(context: &Context) -> Result<Exit, Problem> {
    if !node_calls::initialised(&context.home) {
        return Err(client::not_initialised(&context.home));
    }
    compaction::request(&context.home).map_err(|e| problem::file("writing", &context.home, &e))?;
    context.output.answer(&json!({ "compact": "next-start" }), |page| {
        page.line("The journal is compacted when the node starts the next time.");
    })?;
    Ok(Exit::Queued)
}
