//! `entente network …`: how this node reaches others, how much it sends, and what it relays.

use entente_node::api::network::{LanView, NetworkView, NewNetwork, RelayView, WayView};
use entente_node::api::types::Problem;
use entente_node::net::HOURLY;

use crate::Context;
use crate::args::{NetworkCommand, Switch};
use crate::client::route;
use crate::problem::Exit;

/// Dispatches.
pub(super) async fn network(context: &Context, command: NetworkCommand) -> Result<Exit, Problem> {
    let client = context.client().await?;
    let at = route(&["network"]);
    let view: NetworkView = match command {
        NetworkCommand::Show => client.get(&at).await?,
        NetworkCommand::Limit { up, down } => {
            let new = NewNetwork { limit_up: up, limit_down: down, ..NewNetwork::default() };
            client.post(&at, &new).await?
        }
        NetworkCommand::Relay { state: Switch::Off, .. } => {
            client.post(&at, &NewNetwork { relay: Some(0), ..NewNetwork::default() }).await?
        }
        NetworkCommand::Relay { state: Switch::On, per_hour } => {
            let now: NetworkView = client.get(&at).await?;
            let relay = per_hour.or(now.relay.hourly).or(Some(HOURLY));
            client.post(&at, &NewNetwork { relay, ..NewNetwork::default() }).await?
        }
        NetworkCommand::Punch { state } => {
            let punch = Some(state == Switch::On);
            client.post(&at, &NewNetwork { punch, ..NewNetwork::default() }).await?
        }
        NetworkCommand::Lan { state } => {
            let lan = Some(state == Switch::On);
            client.post(&at, &NewNetwork { lan, ..NewNetwork::default() }).await?
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
        page.item("relays for partners", &relay(&view.relay));
        page.item("meets those behind relays", if view.punch { "yes, by hole punching" } else { "no" });
        page.item("looks on the local network", &lan(&view.lan));
        if !view.ways.is_empty() {
            page.heading("Partners that relay, or are reached through one that does or did");
            page.table(["partner", "partnership", "relays", "reached"], view.ways.iter().map(row));
        }
    })?;
    Ok(Exit::Done)
}

fn words(limit: Option<u64>) -> String {
    limit.map_or_else(|| "no limit".to_owned(), |rate| format!("{rate} bytes in a second"))
}

fn relay(view: &RelayView) -> String {
    match view.hourly {
        None => "no".to_owned(),
        Some(hourly) => format!(
            "up to {hourly} bytes in an hour, {} used; {} pairs of partners speak through this node now",
            view.used, view.circuits
        ),
    }
}

fn lan(view: &LanView) -> String {
    match (&view.trouble, view.on) {
        (_, false) => "no".to_owned(),
        (Some(trouble), true) => format!("cannot: {trouble}"),
        (None, true) => format!("yes: {} beacons of partners heard", view.heard),
    }
}

fn row(way: &WayView) -> [String; 4] {
    let reached = match &way.through {
        Some(through) => format!("through {through}"),
        None if way.punched => "directly, by hole punching".to_owned(),
        None => "directly".to_owned(),
    };
    let relays = if way.relays { "yes" } else { "no" };
    [way.organisation.clone(), way.partnership.clone(), relays.to_owned(), reached]
}
