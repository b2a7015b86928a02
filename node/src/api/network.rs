//! `/v1/network`: how this node reaches others, and how much it sends and receives.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use crate::door::MIN_RATE;
use crate::node::Node;

use super::problem::{self, refuse_input};
use super::routes::Answer;
use super::server::Server;
use super::types::Problem;

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
}

pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new().route("/v1/network", get(look).post(set))
}

async fn look(State(server): State<Arc<Server>>) -> Answer<NetworkView> {
    view(&*server.unlocked()?).map(Json)
}

async fn set(State(server): State<Arc<Server>>, Json(new): Json<NewNetwork>) -> Answer<NetworkView> {
    let node = server.unlocked()?;
    let limits = node.shared.door.limits();
    let mut config = node.home.config().map_err(|e| problem::failed(e.to_string(), NOT_SET))?;
    for (asked, kept) in [(new.limit_up, &mut config.limit_up), (new.limit_down, &mut config.limit_down)] {
        match asked {
            Some(0) => *kept = None,
            Some(rate) if rate < MIN_RATE => {
                let what = format!("a limit is at least {MIN_RATE} bytes in a second");
                return Err(refuse_input(what, NOT_SET, "Choose more, or 0 for no limit."));
            }
            Some(rate) => *kept = Some(rate),
            None => {}
        }
    }
    node.home.save(&config).map_err(|e| problem::failed(e.to_string(), NOT_SET))?;
    limits.up.set(config.limit_up);
    limits.down.set(config.limit_down);
    view(&node).map(Json)
}

fn view(node: &Node) -> Result<NetworkView, Problem> {
    const NOTHING: &str = "Nothing was read.";
    let config = node.home.config().map_err(|e| problem::failed(e.to_string(), NOTHING))?;
    let network = node.home.network(&config).map_err(|e| problem::failed(e.to_string(), NOTHING))?;
    let limits = node.shared.door.limits();
    Ok(NetworkView {
        proxy: network.proxy.map(|proxy| proxy.to_string()),
        only_proxy: network.only_proxy,
        limit_up: limits.up.rate(),
        limit_down: limits.down.rate(),
    })
}
