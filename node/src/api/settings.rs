//! What this node's keeper sets for a partnership, and attachments that are fetched on demand.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use entente_protocol::handling::Kind;
use entente_protocol::ids::{OrgId, PartnershipId};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::door::Priority;
use crate::node::Node;
use crate::partnership::commands::FetchState;
use crate::partnership::{Command, Handle};
use crate::records::{find, show};
use crate::settings::{FetchRule, MAX_NAMED, PartnershipSettings, Quota, Usage};

use super::problem::{self, refuse_input};
use super::routes::Answer;
use super::server::Server;
use super::types::{OrgView, Problem};

const NOT_SET: &str = "Nothing was changed.";

/// `GET /v1/partnerships/{p}/settings`, and the answer to `POST`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SettingsView {
    /// The partnership.
    pub partnership: PartnershipId,
    /// Do attachments come by themselves?
    pub automatic: bool,
    /// Only those of records of these kinds; empty: of all.
    pub kinds: Vec<Kind>,
    /// Only those of records by these organisations; empty: by all.
    pub from: Vec<OrgView>,
    /// Only those of at most so many bytes.
    pub max_size: Option<u64>,
    /// How much partners may store here.
    pub quota: Quota,
    /// How much they do.
    pub used: Usage,
    /// Does its traffic go before that of other partnerships, where `network limit` holds both back?
    pub priority: Priority,
}

/// `POST /v1/partnerships/{p}/settings`: what is absent stays as it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSettings {
    /// Which attachments come by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetch: Option<NewRule>,
    /// How much partners may store here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<Quota>,
    /// Whose traffic goes first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
}

/// A rule for fetching, organisations by name or id.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRule {
    /// Do any come by themselves?
    pub automatic: bool,
    /// Only those of records of these kinds.
    #[serde(default)]
    pub kinds: Vec<Kind>,
    /// Only those of records by these organisations.
    #[serde(default)]
    pub from: Vec<String>,
    /// Only those of at most so many bytes.
    #[serde(default)]
    pub max_size: Option<u64>,
}

/// `GET` and `POST /v1/records/{id}/attachments/{n}/fetch`: how far it is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct FetchView {
    /// Is all of it here?
    pub complete: bool,
    /// Chunks of 64 KiB that are here, as far as they were looked for.
    pub here: u64,
    /// Of these, those that partners sent since this node started.
    pub came: u64,
    /// All its chunks.
    pub chunks: u64,
    /// Partners that are asked for it now.
    pub sources: usize,
}

pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/v1/partnerships/{p}/settings", get(look).post(set))
        .route("/v1/records/{id}/attachments/{n}/fetch", get(progress).post(fetch))
}

async fn look(State(server): State<Arc<Server>>, Path(p): Path<String>) -> Answer<SettingsView> {
    let node = server.unlocked()?;
    let handle = find::partnership(&node, &p)?;
    view(&node, &handle).await.map(Json)
}

async fn set(
    State(server): State<Arc<Server>>,
    Path(p): Path<String>,
    Json(new): Json<NewSettings>,
) -> Answer<SettingsView> {
    let node = server.unlocked()?;
    let handle = find::partnership(&node, &p)?;
    let (mut settings, _) = present(&handle).await?;
    if let Some(rule) = new.fetch {
        if rule.kinds.len() > MAX_NAMED || rule.from.len() > MAX_NAMED {
            let what = format!("a rule names at most {MAX_NAMED} kinds or organisations");
            return Err(refuse_input(what, NOT_SET, "Name fewer."));
        }
        let authors = rule.from.iter().map(|name| find::organisation(&handle, name));
        let authors = authors.collect::<Result<Vec<OrgId>, Problem>>()?;
        let NewRule { automatic, kinds, max_size, .. } = rule;
        settings.fetch = FetchRule { automatic, kinds, authors, max_size };
    }
    settings.quota = new.quota.unwrap_or(settings.quota);
    settings.priority = new.priority.or(settings.priority);
    let set = handle.ask(|reply| Command::Set(Box::new(settings), reply)).await;
    set.map_err(|e| problem::command(&e, NOT_SET))?;
    view(&node, &handle).await.map(Json)
}

async fn present(handle: &Handle) -> Result<(PartnershipSettings, Usage), Problem> {
    let (reply, answer) = oneshot::channel();
    let _stopping = handle.commands.send(Command::Settings(reply)).await;
    answer.await.map_err(|_| problem::failed("the node is stopping".to_owned(), NOT_SET))
}

async fn view(node: &Arc<Node>, handle: &Handle) -> Result<SettingsView, Problem> {
    let (settings, used) = present(handle).await?;
    let FetchRule { automatic, kinds, authors, max_size } = settings.fetch;
    let (quota, priority) = (settings.quota, settings.priority.unwrap_or_default());
    let from = authors.iter().map(|org| find::org_view(node, Some(handle), org)).collect();
    Ok(SettingsView { partnership: handle.id, automatic, kinds, from, max_size, quota, used, priority })
}

async fn fetch(server: State<Arc<Server>>, path: Path<(String, usize)>) -> Answer<FetchView> {
    ask(server, path, true).await
}

async fn progress(server: State<Arc<Server>>, path: Path<(String, usize)>) -> Answer<FetchView> {
    ask(server, path, false).await
}

async fn ask(
    State(server): State<Arc<Server>>,
    Path((id, number)): Path<(String, usize)>,
    now: bool,
) -> Answer<FetchView> {
    let node = server.unlocked()?;
    let (attachment, partnership) = show::named_attachment(&node, &id, number)?;
    let Some(handle) = partnership.and_then(|id| node.handle(&id)) else {
        let chunks = entente_protocol::chunk::count(attachment.size);
        return Ok(Json(FetchView { complete: true, here: chunks, came: 0, chunks, sources: 0 }));
    };
    let state = handle.ask(|reply| Command::Fetch(attachment.blob, now, reply)).await;
    let FetchState { complete, here, came, chunks, sources } =
        state.map_err(|e| problem::command(&e, "Nothing was fetched."))?;
    Ok(Json(FetchView { complete, here, came, chunks, sources }))
}
