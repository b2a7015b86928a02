//! The API's words about the records of the field: what became of them, what is owed, the six forms.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use serde::Deserialize;

use crate::confide::wanted;
use crate::desk::Caller;
use crate::field::{advice, due, recommendations, spreadsheet, stats, visits};

use super::routes::{Answer, blocking};
use super::server::Server;
use super::types::{
    AdviceView, DueView, ExpertView, RecommendationDetail, RecommendationPage, RecommendationQuery,
    SpaceView, Spreadsheet, SpreadsheetImport, SpreadsheetImported, StatsQuery, StatsView, VisitView,
};

/// The routes of this file.
pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/v1/recommendations/list", post(list))
        .route("/v1/recommendations/stats", post(count))
        .route("/v1/recommendations/export", post(export))
        .route("/v1/recommendations/import", post(import))
        .route("/v1/recommendations/{id}", get(detail))
        .route("/v1/due", get(owed))
        .route("/v1/due/{record}/drop", post(drop_request))
        .route("/v1/visits", get(all_visits))
        .route("/v1/experts", get(roster))
        .route("/v1/activities", get(activities))
        .route("/v1/activities/{p}", get(activity))
        .route("/v1/advice", get(bodies))
        .route("/v1/advice/{p}", get(body))
}

/// Where to look.
#[derive(Deserialize)]
struct Within {
    partnership: Option<String>,
}

async fn list(
    State(server): State<Arc<Server>>,
    Json(query): Json<RecommendationQuery>,
) -> Answer<RecommendationPage> {
    let node = server.unlocked()?;
    Ok(Json(blocking(move || recommendations::page(&node, &query)).await?))
}

async fn count(State(server): State<Arc<Server>>, Json(query): Json<StatsQuery>) -> Answer<StatsView> {
    let node = server.unlocked()?;
    Ok(Json(blocking(move || stats::stats(&node, &query)).await?))
}

async fn export(
    State(server): State<Arc<Server>>,
    Json(query): Json<RecommendationQuery>,
) -> Answer<Spreadsheet> {
    let node = server.unlocked()?;
    Ok(Json(blocking(move || recommendations::export(&node, &query)).await?))
}

async fn import(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<SpreadsheetImport>,
) -> Answer<SpreadsheetImported> {
    Ok(Json(spreadsheet::import(&server.unlocked()?, &caller, request).await?))
}

async fn detail(State(server): State<Arc<Server>>, Path(id): Path<String>) -> Answer<RecommendationDetail> {
    let node = server.unlocked()?;
    Ok(Json(blocking(move || recommendations::detail(&node, &id)).await?))
}

async fn owed(State(server): State<Arc<Server>>, Query(within): Query<Within>) -> Answer<Vec<DueView>> {
    let node = server.unlocked()?;
    Ok(Json(blocking(move || due::list(&node, within.partnership.as_deref())).await?))
}

async fn drop_request(State(server): State<Arc<Server>>, Path(record): Path<String>) -> Answer<()> {
    Ok(Json(wanted::drop_request(&server.unlocked()?, &record).await?))
}

async fn all_visits(
    State(server): State<Arc<Server>>,
    Query(within): Query<Within>,
) -> Answer<Vec<VisitView>> {
    let node = server.unlocked()?;
    Ok(Json(blocking(move || visits::list(&node, within.partnership.as_deref())).await?))
}

async fn roster(State(server): State<Arc<Server>>, Query(within): Query<Within>) -> Answer<Vec<ExpertView>> {
    let node = server.unlocked()?;
    Ok(Json(blocking(move || visits::experts(&node, within.partnership.as_deref())).await?))
}

async fn activities(State(server): State<Arc<Server>>) -> Answer<Vec<SpaceView>> {
    let node = server.unlocked()?;
    Ok(Json(blocking(move || Ok(advice::activities(&node))).await?))
}

async fn activity(State(server): State<Arc<Server>>, Path(p): Path<String>) -> Answer<SpaceView> {
    let node = server.unlocked()?;
    Ok(Json(blocking(move || advice::activity(&node, &p)).await?))
}

async fn bodies(State(server): State<Arc<Server>>) -> Answer<Vec<AdviceView>> {
    let node = server.unlocked()?;
    Ok(Json(blocking(move || Ok(advice::bodies(&node))).await?))
}

async fn body(State(server): State<Arc<Server>>, Path(p): Path<String>) -> Answer<AdviceView> {
    let node = server.unlocked()?;
    Ok(Json(blocking(move || advice::advice(&node, &p)).await?))
}
