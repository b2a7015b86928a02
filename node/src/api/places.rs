//! The API's words about places.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;

use crate::field::places;

use super::routes::{Answer, blocking};
use super::server::Server;
use super::types::{AlikeView, PlaceDetail, PlaceView};

/// The routes of this file.
pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/v1/places", get(list))
        .route("/v1/places/duplicates", get(duplicates))
        .route("/v1/places/{place}", get(detail))
}

/// Where to look.
#[derive(Deserialize)]
struct Within {
    partnership: Option<String>,
}

async fn list(State(server): State<Arc<Server>>, Query(within): Query<Within>) -> Answer<Vec<PlaceView>> {
    let node = server.unlocked()?;
    let all = move || Ok(places::list(&node, places::within(&node, within.partnership.as_deref())?));
    Ok(Json(blocking(all).await?))
}

async fn duplicates(
    State(server): State<Arc<Server>>,
    Query(within): Query<Within>,
) -> Answer<Vec<AlikeView>> {
    let node = server.unlocked()?;
    let all = move || Ok(places::duplicates(&node, places::within(&node, within.partnership.as_deref())?));
    Ok(Json(blocking(all).await?))
}

async fn detail(State(server): State<Arc<Server>>, Path(place): Path<String>) -> Answer<PlaceDetail> {
    let node = server.unlocked()?;
    Ok(Json(blocking(move || places::detail(&node, &place)).await?))
}
