//! What members decide about their partnership, over the API.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use data_encoding::BASE64;
use entente_protocol::codec;
use entente_protocol::ids::{ActId, Timestamp};
use entente_protocol::membership::acts::HistoryScope;
use entente_protocol::membership::{ActBody, Membership};
use entente_protocol::signed::Unverified;
use tokio::sync::oneshot;

use crate::node::Node;
use crate::partnership::decide::{Decided, Request};
use crate::partnership::{Command, Handle};
use crate::records::find;
use crate::rows::RecordRow;

use super::problem::{self, failed, not_found, refuse_input};
use super::server::Server;
use super::types::{ActsFile, DecideRequest, Decision, HistoryChoice, Problem, TakenActs};

type Answer<T> = Result<Json<T>, Problem>;

const NOTHING: &str = "Nothing was changed.";

/// `POST /v1/partnerships/{p}/decide`.
pub async fn decide(
    State(server): State<Arc<Server>>,
    Path(p): Path<String>,
    Json(body): Json<DecideRequest>,
) -> Answer<Decision> {
    ask(&server, &p, body, NOTHING).await
}

/// Asks the partnership's driver.
///
/// # Errors
/// [`Problem`] with what was not done.
pub async fn ask(server: &Server, p: &str, body: DecideRequest, not_done: &str) -> Answer<Decision> {
    let node = server.unlocked()?;
    let handle = find::partnership(&node, p)?;
    let request = request(&node, &handle, body)?;
    let decided = handle.ask(|reply| Command::Decide(request, reply)).await;
    let decided = decided.map_err(|e| problem::command(&e, not_done))?;
    Ok(Json(match decided {
        Decided::Done => Decision { done: true, proposal: None, signed: 0, needed: 0 },
        Decided::Waiting { proposal, signed, needed } => {
            Decision { done: false, proposal: Some(proposal), signed, needed }
        }
    }))
}

fn request(node: &Arc<Node>, handle: &Handle, body: DecideRequest) -> Result<Request, Problem> {
    let membership = handle.membership();
    let org = |text: &str| find::organisation(handle, text);
    Ok(match body {
        DecideRequest::Approve { organisation } => Request::Approve(org(&organisation)?),
        DecideRequest::Remove { organisation, reason } => Request::Remove(org(&organisation)?, reason),
        DecideRequest::Role { organisation, role } => Request::Role(org(&organisation)?, role),
        DecideRequest::Promote { organisation } => Request::Steward(org(&organisation)?, true),
        DecideRequest::Demote { organisation } => Request::Steward(org(&organisation)?, false),
        DecideRequest::Amend { agreement } => Request::Amend(agreement),
        DecideRequest::Renew { last_day } => Request::Renew(whole_day(last_day)),
        DecideRequest::Terminate { reason } => Request::Terminate(reason),
        DecideRequest::Grant { organisation, what } => {
            Request::Grant(org(&organisation)?, scope(node, handle, what)?)
        }
        DecideRequest::Sign { proposal } => Request::Sign(proposal_of(&membership, proposal.as_deref())?),
        DecideRequest::Withdraw { proposal } => {
            Request::Withdraw(proposal_of(&membership, proposal.as_deref())?)
        }
        DecideRequest::Suspend { reason } => Request::Suspend(reason),
        DecideRequest::Resume {} => Request::Resume,
        DecideRequest::Declare { person } => Request::Declare(person),
    })
}

fn whole_day(time: Timestamp) -> Timestamp {
    Timestamp(time.0 - time.0 % Timestamp::DAY)
}

/// Records are named by their ids, grants by their places.
fn scope(node: &Arc<Node>, handle: &Handle, what: HistoryChoice) -> Result<HistoryScope, Problem> {
    Ok(match what {
        HistoryChoice::All => HistoryScope::All,
        HistoryChoice::From(time) => HistoryScope::From(time),
        HistoryChoice::Records(records) => {
            let all = entente_protocol::derive::space_of_all(&handle.id);
            let mut places = Vec::new();
            for text in &records {
                let (_, row): (_, RecordRow) = find::record(node, text)?;
                let place = row.place.filter(|p| p.partnership == handle.id && p.space == all);
                let place = place.ok_or_else(|| {
                    refuse_input(
                        format!(
                            "{text} is not a record that was shared with all members of this partnership"
                        ),
                        NOTHING,
                        "Share a copy with the new member instead: `entente record share`.",
                    )
                })?;
                places.push((place.log, place.seq));
            }
            places.sort_unstable();
            places.dedup();
            HistoryScope::Records(places)
        }
    })
}

/// The proposal that is meant: by its id or the beginning of it, or the only one that is open.
fn proposal_of(membership: &Membership, text: Option<&str>) -> Result<ActId, Problem> {
    let open = || membership.open_proposals().map(|(id, _)| *id);
    let next = "`entente partnership proposals` lists them.";
    match text {
        None => {
            let mut open = open();
            match (open.next(), open.next()) {
                (Some(only), None) => Ok(only),
                (None, _) => Err(not_found("nothing waits for signatures", NOTHING, next)),
                _ => Err(refuse_input("several proposals are open: say which", NOTHING, next)),
            }
        }
        Some(text) => {
            let text = text.trim_end_matches('\u{2026}');
            let all = membership.proposals.keys().copied();
            let mut fitting = all.filter(|id| !text.is_empty() && id.to_string().starts_with(text));
            match (fitting.next(), fitting.next()) {
                (Some(only), None) => Ok(only),
                (None, _) => Err(not_found(format!("there is no proposal {text}"), NOTHING, next)),
                _ => Err(refuse_input(format!("several proposals begin with {text}"), NOTHING, next)),
            }
        }
    }
}

/// `GET /v1/partnerships/{p}/acts`: all membership acts, to be carried to a partner by hand.
pub async fn give_acts(State(server): State<Arc<Server>>, Path(p): Path<String>) -> Answer<ActsFile> {
    let node = server.unlocked()?;
    let handle = find::partnership(&node, &p)?;
    let (reply, acts) = oneshot::channel();
    let gone = || failed("the node is stopping", NOTHING);
    handle.commands.send(Command::GiveActs(reply)).await.map_err(|_| gone())?;
    let acts = acts.await.map_err(|_| gone())?;
    Ok(Json(ActsFile {
        partnership: handle.id,
        acts: acts.iter().map(|a| BASE64.encode(&codec::encode(a))).collect(),
    }))
}

/// `POST /v1/partnerships/{p}/acts`: takes them, as if a partner had sent them.
pub async fn take_acts(
    State(server): State<Arc<Server>>,
    Path(p): Path<String>,
    Json(body): Json<ActsFile>,
) -> Answer<TakenActs> {
    let node = server.unlocked()?;
    let handle = find::partnership(&node, &p)?;
    if body.partnership != handle.id {
        return Err(refuse_input(
            "the file holds acts of another partnership",
            NOTHING,
            "Name the other one.",
        ));
    }
    let decode = |text: &String| {
        let bytes = BASE64.decode(text.as_bytes()).ok()?;
        codec::decode_bounded::<Unverified<ActBody>>(
            &bytes,
            "membership act",
            entente_protocol::limits::MAX_ACT + 128,
        )
        .ok()
    };
    let acts: Option<Vec<_>> = body.acts.iter().map(decode).collect();
    let acts = acts.ok_or_else(|| refuse_input("the file is damaged", NOTHING, "Ask for it again."))?;
    let new = handle.ask(|reply| Command::TakeActs(acts, reply)).await;
    Ok(Json(TakenActs { new: new.map_err(|e| problem::command(&e, NOTHING))? }))
}
