//! Verification of persons: the API's part, and how sure this node is of each member, for screens.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use entente_protocol::ids::OrgId;
use entente_protocol::verification::{Ending, ShortCode, Stage};

use crate::frames::Outcome;
use crate::node::Node;
use crate::partnership::trust::{self, Change, Trusted};
use crate::partnership::{Command, Handle, VerifyAct, ending_words};
use crate::records::find;

use super::problem::{self, refuse_input};
use super::server::Server;
use super::types::{Problem, Trust, TrustView, TrustWarning, VerificationView, VerifyRequest, VerifyStage};

type Answer = Result<Json<VerificationView>, Problem>;

const NOTHING: &str = "Nothing was verified.";

/// Its routes.
pub fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/v1/partnerships/{p}/verify/begin", post(begin))
        .route("/v1/partnerships/{p}/verify/enter", post(enter))
        .route("/v1/partnerships/{p}/verify/stop", post(stop))
        .route("/v1/partnerships/{p}/verify/{org}", get(look))
}

async fn begin(
    State(server): State<Arc<Server>>,
    Path(p): Path<String>,
    Json(body): Json<VerifyRequest>,
) -> Answer {
    step(&server, &p, &body.organisation, VerifyAct::Begin).await
}

async fn enter(
    State(server): State<Arc<Server>>,
    Path(p): Path<String>,
    Json(body): Json<VerifyRequest>,
) -> Answer {
    let code = body.code.as_deref().unwrap_or_default().parse::<ShortCode>();
    let code =
        code.map_err(|e| refuse_input(e.to_string(), NOTHING, "Type the six digits that they read."))?;
    step(&server, &p, &body.organisation, VerifyAct::Enter(code)).await
}

async fn stop(
    State(server): State<Arc<Server>>,
    Path(p): Path<String>,
    Json(body): Json<VerifyRequest>,
) -> Answer {
    step(&server, &p, &body.organisation, VerifyAct::Stop).await
}

async fn look(State(server): State<Arc<Server>>, Path((p, org)): Path<(String, String)>) -> Answer {
    step(&server, &p, &org, VerifyAct::Look).await
}

async fn step(server: &Server, partnership: &str, org: &str, act: VerifyAct) -> Answer {
    let node = server.unlocked()?;
    let handle = find::partnership(&node, partnership)?;
    let org = find::organisation(&handle, org)?;
    let stage = handle.ask(|reply| Command::Verify(org, act, reply)).await;
    let stage = stage.map_err(|e| problem::command(&e, NOTHING))?;
    Ok(Json(view(&node, &handle, &org, stage)))
}

fn view(node: &Node, handle: &Handle, org: &OrgId, stage: Stage) -> VerificationView {
    let membership = handle.membership();
    let nodes = membership.members.get(org).into_iter().flat_map(|member| member.nodes.values());
    let transports: Vec<_> = nodes.map(|of| of.card.transport).collect();
    let peers = handle.net.peers();
    VerificationView {
        partnership: handle.id,
        organisation: find::org_view(node, Some(handle), org),
        connected: peers.iter().any(|p| p.connected_since.is_some() && transports.contains(&p.id)),
        trust: trust(node, handle, org),
        stage: stage_view(stage),
    }
}

fn stage_view(stage: Stage) -> VerifyStage {
    match stage {
        Stage::Idle => VerifyStage::Idle,
        Stage::Asked => VerifyStage::Asked,
        Stage::Waiting => VerifyStage::Waiting,
        Stage::Codes { read, tries } => VerifyStage::Codes { read: read.to_string(), tries },
        Stage::Verified { read } => VerifyStage::Verified { read: read.to_string() },
        Stage::Ended(ending) => {
            let code = match ending {
                Ending::TimedOut => "timed-out",
                Ending::Stopped => "stopped",
                Ending::BegunAgain => "begun-again",
                Ending::WrongCodes => "wrong-codes",
                Ending::KeysDiffer => "keys-differ",
            };
            VerifyStage::Ended { ending: code.into(), words: ending_words(ending).into() }
        }
    }
}

/// How sure this node is of a member; nothing for ourselves and for those who are no members.
#[must_use]
pub fn trust(node: &Node, handle: &Handle, org: &OrgId) -> Option<TrustView> {
    let trusted = handle.seen().trust.get(org).cloned()?;
    Some(trust_view(node, handle, &trusted))
}

fn trust_view(node: &Node, handle: &Handle, trusted: &Trusted) -> TrustView {
    let trust = match &trusted.trust {
        trust::Trust::Verified { when } => Trust::Verified { when: *when },
        trust::Trust::Introduced { by, by_verified } => Trust::Introduced {
            by: *by,
            by_name: find::org_view(node, Some(handle), by).name,
            by_verified: *by_verified,
        },
        trust::Trust::Unverified => Trust::Unverified,
        trust::Trust::Changed { change, since } => {
            let what = match change {
                Change::Nodes(added) if added.len() == 1 => "it has another node".into(),
                Change::Nodes(added) => format!("it has {} more nodes", added.len()),
                Change::OtherKey(of) => {
                    format!("an organisation of this name was verified with another key, {}", of.short())
                }
            };
            Trust::Changed { what, since: *since }
        }
    };
    let warning = trusted.suspicion.map(|suspicion| TrustWarning {
        when: suspicion.when,
        words: match suspicion.outcome {
            Outcome::KeysDiffer => ending_words(Ending::KeysDiffer).into(),
            Outcome::WrongCodes | Outcome::Codes => ending_words(Ending::WrongCodes).into(),
        },
    });
    TrustView { trust, warning }
}

/// Members that no person here has verified, and of these the changed ones.
#[must_use]
pub fn counts(handle: &Handle) -> (usize, usize) {
    let trust = handle.seen().trust;
    let of = |wanted: fn(&trust::Trust) -> bool| trust.values().filter(|t| wanted(&t.trust)).count();
    (of(|t| !matches!(t, trust::Trust::Verified { .. })), of(|t| matches!(t, trust::Trust::Changed { .. })))
}

/// For the preview: what to know of readers that no person here has verified.
#[must_use]
pub fn unverified_readers(node: &Node, handle: &Handle, readers: &[OrgId]) -> Vec<String> {
    let of = |org: &OrgId| {
        let name = find::org_view(node, Some(handle), org).name;
        let trust = trust(node, handle, org)?;
        let words = match trust.trust {
            Trust::Verified { .. } => None,
            Trust::Introduced { by_name, by_verified: true, .. } => {
                Some(format!("{name}: introduced by {by_name}, whom you verified; not verified by you"))
            }
            Trust::Introduced { by_name, .. } => {
                Some(format!("{name}: introduced by {by_name}; you verified neither"))
            }
            Trust::Unverified => Some(format!("{name}: not verified")),
            Trust::Changed { what, .. } => Some(format!("{name}: {what}")),
        };
        match (words, trust.warning) {
            (words, None) => words,
            (None, Some(warning)) => Some(format!("{name}: {}", warning.words)),
            (Some(words), Some(warning)) => Some(format!("{words}; {}", warning.words)),
        }
    };
    readers.iter().filter_map(of).collect()
}
