//! `entente lock`, `unlock` and `stop`.

use entente_node::api::types::{Problem, Unlock};
use serde_json::{Value, json};

use crate::args::PassphraseArgs;
use crate::client::route;
use crate::problem::Exit;
use crate::{Context, passphrase};

/// Wipes the node's keys from memory.
pub(super) async fn lock(context: &Context) -> Result<Exit, Problem> {
    let _: Value = context.client().await?.post(&route(&["lock"]), &json!({})).await?;
    let next = context.command("unlock");
    context.output.answer(&json!({ "locked": true }), |page| {
        page.line("The node is locked: its keys are wiped from memory.");
        page.item("next", &next);
    })?;
    Ok(Exit::Done)
}

/// Gives the passphrase.
pub(super) async fn unlock(context: &Context, args: &PassphraseArgs) -> Result<Exit, Problem> {
    let client = context.client().await?;
    let passphrase = passphrase::known(args)?;
    let _: Value = client.post(&route(&["unlock"]), &Unlock { passphrase }).await?;
    context.output.answer(&json!({ "locked": false }), |page| page.line("The node is unlocked."))?;
    Ok(Exit::Done)
}

/// Ends the node's process.
pub(super) async fn stop(context: &Context) -> Result<Exit, Problem> {
    let _: Value = context.client().await?.post(&route(&["stop"]), &json!({})).await?;
    context.output.answer(&json!({ "stopping": true }), |page| page.line("The node is stopping."))?;
    Ok(Exit::Done)
}
