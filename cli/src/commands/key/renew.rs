//! `entente key rotate` and `renew-log`: keys that follow keys.

use std::path::PathBuf;

use data_encoding::BASE64;
use entente_node::api::logs::{NextLogView, RenewLog, Renewed, RotatedView};
use entente_node::api::types::Problem;
use entente_node::clock;
use entente_node::home::Home;
use entente_node::recovery::RootKey;
use entente_protocol::codec;
use serde_json::json;

use super::not_read;
use crate::args::PassphraseArgs;
use crate::client::route;
use crate::problem::Exit;
use crate::{Context, passphrase};

/// A new key at once.
pub(super) async fn rotate(context: &Context, partnership: &str) -> Result<Exit, Problem> {
    let client = context.client().await?;
    let rotated: RotatedView =
        client.post(&route(&["partnerships", partnership, "rotate"]), &json!({})).await?;
    context.output.answer(&rotated, |page| {
        let others = rotated.nodes.saturating_sub(1);
        page.line(&format!("There is a new key. {others} other nodes get it as they are connected."));
    })?;
    Ok(Exit::Done)
}

/// A new log, certified by the root key. The root key stays in this process: the node sees what it signed only.
pub(super) async fn renew_log(
    context: &Context,
    partnership: &str,
    key: Option<PathBuf>,
    args: &PassphraseArgs,
) -> Result<Exit, Problem> {
    let client = context.client().await?;
    let next: NextLogView =
        client.post(&route(&["partnerships", partnership, "next-log"]), &json!({})).await?;
    let file = key.unwrap_or_else(|| Home::at(&context.home).root_key());
    let secret = passphrase::known(args)?;
    let root = RootKey::open(&file, secret.as_bytes()).map_err(|e| not_read(&file, &e))?;
    let certificate = root.renew_log(next.partnership, next.node, next.log, clock::now());
    let body = RenewLog { certificate: BASE64.encode(&codec::encode(&certificate)) };
    let renewed: Renewed = client.post(&route(&["partnerships", partnership, "renew-log"]), &body).await?;
    context.output.answer(&renewed, |page| {
        page.line("This node goes on in a new log. Partners keep the old one up to where it ended.");
    })?;
    Ok(Exit::Done)
}
