//! Keys that follow keys: a new epoch at once, and a new log after an old back-up.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use data_encoding::BASE64;
use entente_protocol::codec;
use entente_protocol::ids::{EpochId, LogId, NodeId, PartnershipId};
use entente_protocol::root::LogRenewal;
use entente_protocol::signed::Unverified;
use serde::{Deserialize, Serialize};

use crate::partnership::Command;
use crate::records::find;

use super::problem::{self, refuse_input};
use super::routes::Answer;
use super::server::Server;

/// `POST /v1/partnerships/{p}/rotate`: a new key was made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RotatedView {
    /// The partnership.
    pub partnership: PartnershipId,
    /// The new epoch.
    pub epoch: EpochId,
    /// Nodes that may have its key, this one included.
    pub nodes: usize,
}

/// `POST /v1/partnerships/{p}/next-log`: what the root key is to certify.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NextLogView {
    /// The partnership.
    pub partnership: PartnershipId,
    /// This node.
    pub node: NodeId,
    /// The log that is to follow.
    pub log: LogId,
}

/// `POST /v1/partnerships/{p}/renew-log`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RenewLog {
    /// The root key's certificate for the log, as canonical CBOR in base64.
    pub certificate: String,
}

/// Its answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Renewed {
    /// The partnership.
    pub partnership: PartnershipId,
}

const NOT_RENEWED: &str = "The log was not renewed, and this node signs nothing in it.";

pub(super) async fn rotate(State(server): State<Arc<Server>>, Path(p): Path<String>) -> Answer<RotatedView> {
    let node = server.unlocked()?;
    let handle = find::partnership(&node, &p)?;
    let rotated = handle.ask(Command::Rotate).await;
    let rotated = rotated.map_err(|e| problem::command(&e, "The key is the same as before."))?;
    Ok(Json(RotatedView { partnership: handle.id, epoch: rotated.epoch, nodes: rotated.nodes }))
}

pub(super) async fn next_log(
    State(server): State<Arc<Server>>,
    Path(p): Path<String>,
) -> Answer<NextLogView> {
    let node = server.unlocked()?;
    let handle = find::partnership(&node, &p)?;
    let next = handle.ask(Command::PrepareLog).await.map_err(|e| problem::command(&e, NOT_RENEWED))?;
    Ok(Json(NextLogView { partnership: handle.id, node: next.node, log: next.log }))
}

pub(super) async fn renew(
    State(server): State<Arc<Server>>,
    Path(p): Path<String>,
    Json(body): Json<RenewLog>,
) -> Answer<Renewed> {
    let node = server.unlocked()?;
    let handle = find::partnership(&node, &p)?;
    let bytes = BASE64.decode(body.certificate.as_bytes()).ok();
    let certificate = bytes.and_then(|b| codec::decode::<Unverified<LogRenewal>>(&b).ok());
    let certificate = certificate.ok_or_else(|| {
        refuse_input("it is no certificate of a log", NOT_RENEWED, "Use `entente key renew-log`.")
    })?;
    let done = handle.ask(|reply| Command::RenewLog(certificate, reply)).await;
    done.map_err(|e| problem::command(&e, NOT_RENEWED))?;
    Ok(Json(Renewed { partnership: handle.id }))
}
