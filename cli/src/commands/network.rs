//! `entente network …`: how this node reaches others, and how much it sends.

use entente_node::api::network::{NetworkView, NewNetwork};
use entente_node::api::types::Problem;

use crate::Context;
use crate::args::NetworkCommand;
use crate::client::route;
use crate::problem::Exit;

/// Dispatches.
pub(super) async fn network(context: &Context, command: NetworkCommand) -> Result<Exit, Problem> {
    let client = context.client().await?;
    let at = route(&["network"]);
    let view: NetworkView = match command {
        NetworkCommand::Show => client.get(&at).await?,
        NetworkCommand::Limit { up, down } => {
            client.post(&at, &NewNetwork { limit_up: up, limit_down: down }).await?
        }
    };
    context.output.answer(&view, |page| {
        page.item("proxy", view.proxy.as_deref().unwrap_or("none: partners are dialled directly"));
        if view.only_proxy {
            page.line(
                "This node hides where it is: nothing is dialled or listened to but through the proxy.",
            );
        }
        page.item("sends at most", &words(view.limit_up));
        page.item("receives at most", &words(view.limit_down));
    })?;
    Ok(Exit::Done)
}

fn words(limit: Option<u64>) -> String {
    limit.map_or_else(|| "no limit".to_owned(), |rate| format!("{rate} bytes in a second"))
}
