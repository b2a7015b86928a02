//! `/v1/network`: how this node reaches others, and how much it sends and receives.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use entente_protocol::ids::NodeId;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::door::MIN_RATE;
use crate::net::MIN_HOURLY;
use crate::node::Node;
use crate::partnership::commands::Command;

use super::problem::{self, refuse_input};
use super::routes::Answer;
use super::server::Server;
use super::types::{PartnerSync, Problem};

const NOT_SET: &str = "Nothing was changed.";

/// `GET /v1/network`, and the answer to `POST`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NetworkView {
    /// The proxy that everything dialled goes through.
    pub proxy: Option<String>,
    /// Does this node hide where it is?
    pub only_proxy: bool,
    /// The most that is sent in a second, bytes; absent: no limit.
    pub limit_up: Option<u64>,
    /// The most that is received in a second, bytes; absent: no limit.
    pub limit_down: Option<u64>,
    /// What partners may pass through this node, and what they do.
    #[serde(default)]
    pub relay: RelayView,
    /// Whether partners are looked for on the local network.
    #[serde(default)]
    pub lan: LanView,
    /// Whether partners who are reached through a relay are met by hole punching. Never where a proxy is set.
    #[serde(default)]
    pub punch: bool,
    /// Partners' nodes that relay, or are reached through one that does, or by hole punching.
    #[serde(default)]
    pub ways: Vec<WayView>,
}

/// What partners may pass through this node to each other.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct RelayView {
    /// Bytes in an hour, in all; absent: this node relays nothing.
    pub hourly: Option<u64>,
    /// Bytes that passed in the hour that is counted.
    pub used: u64,
    /// Pairs of partners that speak through it now.
    pub circuits: usize,
}

/// Whether partners are looked for on the local network, and how that goes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LanView {
    /// Is it switched on?
    pub on: bool,
    /// Beacons of partners that were heard since.
    pub heard: u64,
    /// All that came, others' and noise.
    pub came: u64,
    /// Why the network cannot be used.
    pub trouble: Option<String>,
}

/// A partner's node that relays, or is reached through one that does, or by hole punching.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WayView {
    /// The partnership's name.
    pub partnership: String,
    /// The organisation's.
    pub organisation: String,
    /// The node.
    pub node: NodeId,
    /// Does it relay, by its own word?
    pub relays: bool,
    /// The organisation whose node relays what is said with it.
    pub through: Option<String>,
    /// Is it reached directly by hole punching?
    #[serde(default)]
    pub punched: bool,
}

/// `POST /v1/network`: what is absent stays as it is. It holds at once, and after a restart.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewNetwork {
    /// Bytes in a second, at least 1,024; 0: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_up: Option<u64>,
    /// Bytes in a second, at least 1,024; 0: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_down: Option<u64>,
    /// Bytes in an hour that partners may pass through this node, at least 1 MiB; 0: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<u64>,
    /// Look for partners on the local network? Refused where a proxy is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lan: Option<bool>,
    /// Meet partners who are reached through a relay, by hole punching? Refused where a proxy is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub punch: Option<bool>,
}

pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new().route("/v1/network", get(look).post(set))
}

async fn look(State(server): State<Arc<Server>>) -> Answer<NetworkView> {
    view(&*server.unlocked()?).await.map(Json)
}

async fn set(State(server): State<Arc<Server>>, Json(new): Json<NewNetwork>) -> Answer<NetworkView> {
    let node = server.unlocked()?;
    let limits = node.shared.door.limits();
    let mut config = node.home.config().map_err(|e| problem::failed(e.to_string(), NOT_SET))?;
    let limit = (MIN_RATE, "a limit is", "in a second", "for no limit");
    for (asked, kept) in [(new.limit_up, &mut config.limit_up), (new.limit_down, &mut config.limit_down)] {
        *kept = chosen(asked, *kept, limit)?;
    }
    let relay = (MIN_HOURLY, "a relay carries", "in an hour", "to relay nothing");
    config.relay = chosen(new.relay, config.relay, relay)?;
    config.lan = new.lan.unwrap_or(config.lan);
    config.punch = new.punch.unwrap_or(config.punch);
    let network = node.home.network(&config).map_err(|error| {
        let next = "Set no proxy on a node that is to be found on its local network.";
        refuse_input(error.to_string(), NOT_SET, next)
    })?;
    if new.punch == Some(true) && network.proxy.is_some() {
        let what = "all goes through a proxy, and hole punching is dialling without one".to_owned();
        return Err(refuse_input(what, NOT_SET, "Set no proxy on a node that is to be met directly."));
    }
    node.home.save(&config).map_err(|e| problem::failed(e.to_string(), NOT_SET))?;
    limits.up.set(config.limit_up);
    limits.down.set(config.limit_down);
    node.shared.relaying.set(config.relay);
    node.shared.punching.set(config.punch);
    if let Some(lan) = new.lan {
        node.lan.set(lan);
    }
    view(&node).await.map(Json)
}

/// A number of bytes that was asked for: nothing changes what is kept, 0 takes it away, too few are refused.
fn chosen(
    asked: Option<u64>,
    kept: Option<u64>,
    (least, what, time, none): (u64, &str, &str, &str),
) -> Result<Option<u64>, Problem> {
    match asked {
        None => Ok(kept),
        Some(0) => Ok(None),
        Some(bytes) if bytes < least => {
            let what = format!("{what} at least {least} bytes {time}");
            Err(refuse_input(what, NOT_SET, &format!("Choose more, or 0 {none}.")))
        }
        Some(bytes) => Ok(Some(bytes)),
    }
}

async fn view(node: &Node) -> Result<NetworkView, Problem> {
    const NOTHING: &str = "Nothing was read.";
    let config = node.home.config().map_err(|e| problem::failed(e.to_string(), NOTHING))?;
    let network = node.home.network(&config).map_err(|e| problem::failed(e.to_string(), NOTHING))?;
    let limits = node.shared.door.limits();
    let load = node.shared.relaying.load();
    let hourly = node.shared.relaying.hourly();
    Ok(NetworkView {
        proxy: network.proxy.map(|proxy| proxy.to_string()),
        only_proxy: network.only_proxy,
        limit_up: limits.up.rate(),
        limit_down: limits.down.rate(),
        relay: RelayView { hourly, used: load.hour, circuits: load.circuits },
        lan: lan(node),
        punch: node.shared.punching.is_on() && network.proxy.is_none(),
        ways: ways(node).await,
    })
}

fn lan(node: &Node) -> LanView {
    let seen = node.lan.seen();
    LanView { on: node.lan.is_on(), heard: seen.heard, came: seen.came, trouble: seen.trouble }
}

async fn ways(node: &Node) -> Vec<WayView> {
    let partners = partners(node).await.into_iter();
    let of_note = partners.filter(|partner| partner.relays || partner.punched || partner.through.is_some());
    let view = |partner: PartnerSync| WayView {
        partnership: partner.partnership_name,
        organisation: partner.organisation.name,
        node: partner.node,
        relays: partner.relays,
        through: partner.through,
        punched: partner.punched,
    };
    of_note.map(view).collect()
}

/// How things stand with the nodes of all partners.
pub(super) async fn partners(node: &Node) -> Vec<PartnerSync> {
    let mut partners = Vec::new();
    for handle in node.handles() {
        let (reply, answer) = oneshot::channel();
        if handle.commands.send(Command::Sync(reply)).await.is_ok() {
            partners.extend(answer.await.unwrap_or_default());
        }
    }
    partners
}
