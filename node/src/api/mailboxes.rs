//! Mailboxes, over the API.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use entente_protocol::ids::TransportId;
use entente_protocol::mailbox::Offer;
use serde::{Deserialize, Serialize};

use crate::mailbox::shelf::Allowed;
use crate::mailbox::{self, BoxError, Mailboxes};
use crate::partnership::Command;
use crate::records::find;

use super::problem::{self, failed, not_found, refuse_input};
use super::routes::{Answer, blocking};
use super::server::Server;
use super::types::Problem;

/// `POST /v1/mailboxes`: keep one for some partnership.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct NewMailbox {
    /// Bytes that it takes.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// Entries that it takes.
    #[serde(default)]
    pub entries: Option<u64>,
    /// Days after which what came is deleted.
    #[serde(default)]
    pub days: Option<u64>,
}

/// Its answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Offered {
    /// The mailbox.
    pub mailbox: TransportId,
    /// The line of text for a steward. A secret.
    pub offer: String,
}

/// `POST /v1/partnerships/{p}/mailboxes`: use one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Appoint {
    /// The line of text.
    pub offer: String,
}

/// The answer to using one, or no more.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Appointed {
    /// The mailbox.
    pub mailbox: TransportId,
}

const NOT_MADE: &str = "No mailbox was made.";
const NOT_CHANGED: &str = "Nothing was changed.";

/// The routes.
pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/v1/mailboxes", get(list).post(offer))
        .route("/v1/partnerships/{p}/mailboxes", post(appoint))
        .route("/v1/partnerships/{p}/mailboxes/{mailbox}/dismiss", post(dismiss))
}

async fn list(State(server): State<Arc<Server>>) -> Answer<Mailboxes> {
    let node = server.unlocked()?;
    let all = move || Ok(Mailboxes { kept: mailbox::kept(&node), used: mailbox::used(&node) });
    Ok(Json(blocking(all).await?))
}

async fn offer(State(server): State<Arc<Server>>, Json(body): Json<NewMailbox>) -> Answer<Offered> {
    let node = server.unlocked()?;
    let usual = Allowed::default();
    let allowed = Allowed {
        bytes: body.bytes.unwrap_or(usual.bytes),
        entries: body.entries.unwrap_or(usual.entries),
        days: body.days.unwrap_or(usual.days),
    };
    if allowed.bytes == 0 || allowed.entries == 0 || allowed.days == 0 {
        return Err(refuse_input("a mailbox takes something, and keeps it a day at least", NOT_MADE, ""));
    }
    let (mailbox, offer) = mailbox::offer(&node, allowed).map_err(|e| not_made(&e))?;
    Ok(Json(Offered { mailbox, offer }))
}

fn not_made(error: &BoxError) -> Problem {
    match error {
        BoxError::TooMany => refuse_input(error.to_string(), NOT_MADE, "See `entente mailbox list`."),
        _ => failed(error.to_string(), NOT_MADE),
    }
}

async fn appoint(
    State(server): State<Arc<Server>>,
    Path(p): Path<String>,
    Json(body): Json<Appoint>,
) -> Answer<Appointed> {
    let node = server.unlocked()?;
    let handle = find::partnership(&node, &p)?;
    let next = "Ask the keeper of the mailbox for the line again.";
    let offer = Offer::from_text(&body.offer).map_err(|e| refuse_input(e.to_string(), NOT_CHANGED, next))?;
    let mailbox = offer.mailbox;
    let done = handle.ask(|reply| Command::Appoint(Box::new(offer), reply)).await;
    done.map_err(|e| problem::command(&e, NOT_CHANGED))?;
    Ok(Json(Appointed { mailbox }))
}

async fn dismiss(
    State(server): State<Arc<Server>>,
    Path((p, name)): Path<(String, String)>,
) -> Answer<Appointed> {
    let node = server.unlocked()?;
    let handle = find::partnership(&node, &p)?;
    let named = |id: &TransportId| name.len() >= 4 && id.to_string().starts_with(&name);
    let of_it = mailbox::used(&node).into_iter().filter(|used| used.partnership == handle.id);
    let mut found = of_it.map(|used| used.mailbox).filter(named);
    let (Some(mailbox), None) = (found.next(), found.next()) else {
        let next = "See `entente mailbox list`.";
        return Err(not_found(
            format!("no mailbox `{name}` is used, or several are meant"),
            NOT_CHANGED,
            next,
        ));
    };
    let done = handle.ask(|reply| Command::Dismiss(mailbox, reply)).await;
    done.map_err(|e| problem::command(&e, NOT_CHANGED))?;
    Ok(Json(Appointed { mailbox }))
}
