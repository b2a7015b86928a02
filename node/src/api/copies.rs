//! What `/v1/records/{id}/export` and its neighbours answer: copies that leave.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use data_encoding::BASE64;
use serde::Deserialize;

use crate::records::leave;

use super::routes::Answer;
use super::server::Server;
use super::types::{Exported, RedactRequest};

/// The routes.
pub fn routes() -> Router<Arc<Server>> {
    Router::new().route("/v1/records/{id}/export", get(export)).route("/v1/records/{id}/redact", post(redact))
}

/// What a copy is for.
#[derive(Deserialize)]
struct Purpose {
    purpose: Option<String>,
}

async fn export(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    Query(query): Query<Purpose>,
) -> Answer<Exported> {
    let bytes = leave::export(&server.unlocked()?, &id, query.purpose.as_deref())?;
    Ok(Json(Exported { file: BASE64.encode(&bytes) }))
}

async fn redact(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    Json(body): Json<RedactRequest>,
) -> Answer<Exported> {
    let bytes = leave::redact(&server.unlocked()?, &id, body)?;
    Ok(Json(Exported { file: BASE64.encode(&bytes) }))
}
