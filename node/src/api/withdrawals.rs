//! What is asked of records that were shared already: to correct, withdraw, pass on.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::records::withdraw;

use super::routes::{Answer, blocking};
use super::server::Server;
use super::types::{
    AnswerRequest, ConsentRequest, DraftInput, Receipts, RecordCreated, VersionView, WordsRequest,
};

/// The routes.
pub fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/v1/records/{id}/withdraw", post(take_back))
        .route("/v1/records/{id}/receipts", get(receipts))
        .route("/v1/records/{id}/correct", post(correct))
        .route("/v1/records/{id}/versions", get(versions))
        .route("/v1/records/{id}/ask", post(ask))
        .route("/v1/records/{id}/answer", post(answer))
        .route("/v1/consents/end", post(end_consent))
}

async fn take_back(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    Json(body): Json<WordsRequest>,
) -> Answer<Receipts> {
    Ok(Json(withdraw::withdraw(&server.unlocked()?, &id, body).await?))
}

async fn receipts(State(server): State<Arc<Server>>, Path(id): Path<String>) -> Answer<Receipts> {
    let node = server.unlocked()?;
    Ok(Json(blocking(move || withdraw::receipts(&node, &id)).await?))
}

async fn correct(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    Json(body): Json<DraftInput>,
) -> Answer<RecordCreated> {
    Ok(Json(withdraw::correct(&server.unlocked()?, &id, body).await?))
}

async fn versions(State(server): State<Arc<Server>>, Path(id): Path<String>) -> Answer<Vec<VersionView>> {
    let node = server.unlocked()?;
    Ok(Json(blocking(move || withdraw::versions(&node, &id)).await?))
}

async fn ask(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    Json(body): Json<WordsRequest>,
) -> Answer<Value> {
    withdraw::ask(&server.unlocked()?, &id, body).await?;
    Ok(Json(json!({ "asked": true })))
}

async fn answer(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    Json(body): Json<AnswerRequest>,
) -> Answer<Value> {
    withdraw::answer(&server.unlocked()?, &id, body).await?;
    Ok(Json(json!({ "answered": true })))
}

async fn end_consent(State(server): State<Arc<Server>>, Json(body): Json<ConsentRequest>) -> Answer<Value> {
    let told = withdraw::end_consent(&server.unlocked()?, &body.consent).await?;
    Ok(Json(json!({ "consent": body.consent, "told": told })))
}
