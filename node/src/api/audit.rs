//! What `/v1/audit` answers.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use tokio::sync::oneshot;

use crate::audit::view::{Acknowledged, AuditPage, AuditQuery, AuditReport, ExportPage};
use crate::audit::{self, story, verify};
use crate::node::Node;
use crate::partnership::{Command, Handle};
use crate::records::find;
use crate::store::{JournalError, Position};

use super::problem::{self, failed, refuse_input};
use super::routes::{Answer, blocking};
use super::server::Server;
use super::types::Problem;

/// Lines of a page, unless said otherwise.
const PAGE: usize = 200;
const NOTHING: &str = "Nothing was found out.";

/// The routes.
pub fn router() -> Router<Arc<Server>> {
    Router::new()
        .route("/v1/audit/verify", get(verify_all))
        .route("/v1/audit/show", get(show))
        .route("/v1/audit/export", get(export))
        .route("/v1/audit/acknowledge", post(acknowledge))
}

/// The partnership that is named, or all.
fn chosen(node: &Node, query: &AuditQuery) -> Result<Vec<Handle>, Problem> {
    match &query.partnership {
        Some(text) => Ok(vec![find::partnership(node, text)?]),
        None => Ok(node.handles()),
    }
}

fn unreadable(error: &JournalError) -> Problem {
    failed(error.to_string(), NOTHING)
}

async fn verify_all(
    State(server): State<Arc<Server>>,
    Query(query): Query<AuditQuery>,
) -> Answer<AuditReport> {
    let node = server.unlocked()?;
    let mut parts = Vec::new();
    for handle in chosen(&node, &query)? {
        let (reply, answer) = oneshot::channel();
        let stopping = || failed("the node is stopping", NOTHING);
        handle.commands.send(Command::Held(reply)).await.map_err(|_| stopping())?;
        parts.push((handle, answer.await.map_err(|_| stopping())?));
    }
    Ok(Json(blocking(move || verify::verify(&node, &parts).map_err(|e| unreadable(&e))).await?))
}

fn wanted(node: &Node, query: &AuditQuery) -> Result<story::Wanted, Problem> {
    let partnership = query.partnership.as_ref().map(|_| chosen(node, query)).transpose()?;
    let newest = query.newest.is_some();
    Ok(story::Wanted {
        partnership: partnership.and_then(|found| found.first().map(|handle| handle.id)),
        after: query.after.as_deref().map(place).transpose()?,
        limit: query.newest.or(query.limit).unwrap_or(PAGE).clamp(1, story::PAGE),
        newest,
    })
}

fn place(text: &str) -> Result<Position, Problem> {
    audit::parse_place(text).ok_or_else(|| {
        refuse_input(
            format!("`{text}` is not where a page ended"),
            "Nothing was listed.",
            "Pass on `next` of the page before, unchanged.",
        )
    })
}

async fn show(State(server): State<Arc<Server>>, Query(query): Query<AuditQuery>) -> Answer<AuditPage> {
    let node = server.unlocked()?;
    let wanted = wanted(&node, &query)?;
    Ok(Json(blocking(move || story::tell(&node, &wanted).map_err(|e| unreadable(&e))).await?))
}

async fn export(State(server): State<Arc<Server>>, Query(query): Query<AuditQuery>) -> Answer<ExportPage> {
    let node = server.unlocked()?;
    let story::Wanted { partnership, after, limit, .. } = wanted(&node, &query)?;
    let page = move || audit::export::page(&node, partnership.as_ref(), after, limit);
    Ok(Json(blocking(move || page().map_err(|e| unreadable(&e))).await?))
}

async fn acknowledge(
    State(server): State<Arc<Server>>,
    Query(query): Query<AuditQuery>,
) -> Answer<Acknowledged> {
    let node = server.unlocked()?;
    let mut entries = 0;
    for handle in chosen(&node, &query)? {
        let done = handle.ask(Command::Acknowledge).await;
        entries += done.map_err(|e| problem::command(&e, "Not everything was acknowledged."))?;
    }
    Ok(Json(Acknowledged { entries }))
}
