//! Staff and releases, over the API.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};

use crate::desk::accounts::{self, Token};
use crate::desk::journal::Account;
use crate::desk::view::{
    Declining, NewRole, NewStaff, Outcome, ReleaseQuery, ReleaseView, StaffList, StaffToken, StaffView,
};
use crate::desk::{Caller, ending, release, telling};

use super::routes::Answer;
use super::server::Server;
use super::types::Problem;

/// The routes.
pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/v1/staff", get(staff).post(add))
        .route("/v1/staff/{name}/role", post(role))
        .route("/v1/staff/{name}/token", post(renew))
        .route("/v1/staff/{name}/remove", post(remove))
        .route("/v1/releases", get(releases))
        .route("/v1/releases/{id}", get(show))
        .route("/v1/releases/{id}/approve", post(approve))
        .route("/v1/releases/{id}/decline", post(decline))
        .route("/v1/releases/{id}/withdraw", post(withdraw))
}

fn view(account: Account) -> StaffView {
    StaffView { name: account.name, role: account.role, made: account.made }
}

fn with_token((account, token): (Account, Token)) -> StaffToken {
    StaffToken { account: view(account), token: token.text() }
}

async fn staff(State(server): State<Arc<Server>>, Extension(caller): Extension<Caller>) -> Answer<StaffList> {
    let node = server.unlocked()?;
    let accounts = accounts::live(&node.shared.ledger.store().index).into_iter().map(view).collect();
    Ok(Json(StaffList { you: caller.name, role: caller.role, accounts }))
}

async fn add(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    Json(body): Json<NewStaff>,
) -> Answer<StaffToken> {
    let made = accounts::add(&*server.unlocked()?, &caller, &body.name, body.role).await?;
    Ok(Json(with_token(made)))
}

async fn role(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Json(body): Json<NewRole>,
) -> Answer<StaffView> {
    let changed = accounts::change_role(&*server.unlocked()?, &caller, &name, body.role).await?;
    Ok(Json(view(changed)))
}

async fn renew(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Answer<StaffToken> {
    Ok(Json(with_token(accounts::renew(&*server.unlocked()?, &caller, &name).await?)))
}

async fn remove(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Answer<StaffView> {
    Ok(Json(view(accounts::remove(&*server.unlocked()?, &caller, &name).await?)))
}

async fn releases(
    State(server): State<Arc<Server>>,
    Query(query): Query<ReleaseQuery>,
) -> Answer<Vec<ReleaseView>> {
    Ok(Json(telling::list(&server.unlocked()?, query.all).await))
}

async fn show(State(server): State<Arc<Server>>, Path(id): Path<String>) -> Answer<ReleaseView> {
    Ok(Json(telling::show(&server.unlocked()?, &id).await?))
}

async fn approve(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    Ok(outcome(release::approve(&server.unlocked()?, &caller, &id).await?))
}

async fn decline(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Json(body): Json<Declining>,
) -> Answer<ReleaseView> {
    Ok(Json(ending::decline(&server.unlocked()?, &caller, &id, &body.reason).await?))
}

async fn withdraw(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer<ReleaseView> {
    Ok(Json(ending::withdraw(&server.unlocked()?, &caller, &id).await?))
}

/// 200 for what is shared, 202 for what waits.
pub(super) fn outcome(outcome: Outcome) -> Response {
    let status = match outcome {
        Outcome::Shared(_) => StatusCode::OK,
        Outcome::Waiting { .. } => StatusCode::ACCEPTED,
    };
    (status, Json(outcome)).into_response()
}
