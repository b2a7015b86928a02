//! Who answers which request.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use entente_protocol::agreement::Agreement;
use entente_protocol::handling::Role;
use entente_protocol::limits;
use entente_protocol::membership::Membership;
use futures::StreamExt;
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::desk::{Caller, release, telling};
use crate::joining::{self, Begun};
use crate::node::Node;
use crate::partnership::Command;
use crate::records::{attach, drafts, find, share, show};
use crate::replaying::bytes_in;
use crate::rows::Table;

use super::backups;
use super::govern;
use super::keys;
use super::logs;
use super::nodes;
use super::problem::{self, failed, not_found, refuse_input};
use super::server::Server;
use super::types::{
    AboutOrg, AttachmentStored, Check, DraftInput, Explanation, Imported, InvitationCreated, InvitationView,
    Invited, Join, NewInvitation, NewPartnership, PartnershipCreated, PartnershipState, PartnershipSummary,
    PartnershipView, Preview, Problem, QuarantineView, RecordCreated, RecordPage, RecordQuery, RecordView,
    ShareRequest, Status, SyncStatus, Unlock,
};
use super::views;

pub(super) type Answer<T> = Result<Json<T>, Problem>;

/// Requests larger than this are refused, attachments apart: an import of 1,000 drafts.
const MAX_BODY: usize = 8 * 1024 * 1024;

/// All routes.
pub fn router(server: Arc<Server>) -> Router {
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/lock", post(lock))
        .route("/v1/unlock", post(unlock))
        .route("/v1/stop", post(stop))
        .route("/v1/partnerships", get(partnerships).post(found))
        .route("/v1/partnerships/join", post(join))
        .route("/v1/partnerships/{p}", get(partnership))
        .route("/v1/partnerships/{p}/invitations", post(invite))
        .route("/v1/partnerships/{p}/office", post(nodes::office))
        .route("/v1/nodes", get(nodes::list))
        .route("/v1/nodes/certify", post(nodes::certify))
        .route("/v1/nodes/{node}/revoke", post(nodes::revoke))
        .route("/v1/nodes/{node}/exposed", get(nodes::exposed))
        .route("/v1/partnerships/{p}/approve", post(approve))
        .route("/v1/partnerships/{p}/remove", post(remove))
        .route("/v1/partnerships/{p}/leave", post(leave))
        .route("/v1/partnerships/{p}/decide", post(govern::decide))
        .route("/v1/partnerships/{p}/acts", get(govern::give_acts).post(govern::take_acts))
        .merge(super::desk::routes())
        .merge(super::field::routes())
        .merge(super::places::routes())
        .merge(super::verify::routes())
        .merge(super::bundles::routes())
        .merge(super::mailboxes::routes())
        .merge(super::network::routes())
        .route("/v1/partnerships/{p}/rotate", post(logs::rotate))
        .route("/v1/partnerships/{p}/next-log", post(logs::next_log))
        .route("/v1/partnerships/{p}/renew-log", post(logs::renew))
        .route("/v1/invitations/look", post(look))
        .route("/v1/records", get(records).post(draft))
        .route("/v1/records/import", post(import))
        .route("/v1/search", post(search))
        .route("/v1/records/{id}", get(record))
        .route("/v1/records/{id}/preview", post(preview))
        .route("/v1/records/{id}/share", post(share_record))
        .merge(super::copies::routes())
        .merge(super::withdrawals::routes())
        .route("/v1/records/{id}/attachments/{n}", get(attachment))
        .route("/v1/records/{id}/attachments/{n}/original", get(original))
        .route("/v1/sync", get(sync))
        .route("/v1/sync/now", post(sync_now))
        .route("/v1/sync/explain/{record}/{org}", get(explain))
        .route("/v1/keys", get(keys::show))
        .route("/v1/keys/recovery", post(keys::note))
        .route("/v1/backup", post(backups::create))
        .route("/v1/doctor", get(doctor))
        .route("/v1/events", get(events))
        .merge(super::audit::router())
        .merge(super::settings::routes())
        .layer(axum::extract::DefaultBodyLimit::max(MAX_BODY))
        .route("/v1/attachments", post(attach_file).layer(axum::extract::DefaultBodyLimit::disable()))
        .fallback(nothing_here)
        .with_state(server)
}

async fn nothing_here() -> Problem {
    not_found("there is no such address in the API", "Nothing was done.", "See docs/api.md.")
}

async fn status(State(server): State<Arc<Server>>) -> Json<Status> {
    Json(match server.node() {
        None => server.locked_status(),
        Some(node) => unlocked_status(&node),
    })
}

/// A status of an unlocked node.
pub fn unlocked_status(node: &Arc<Node>) -> Status {
    let (records, drafts) = find::counts(node);
    Status {
        version: super::types::API_VERSION,
        program: env!("CARGO_PKG_VERSION").into(),
        locked: false,
        home: node.home.path().display().to_string(),
        organisation: Some(crate::me::view(node.me.introduced.organisation())),
        fingerprint: Some(crate::fingerprint::words(&node.me.org())),
        node: Some(node.me.node()),
        addresses: node.shared.addresses.clone(),
        started: node.started,
        partnerships: views::all(node),
        revoked: node.handles().iter().flat_map(|h| nodes::revoked(node, h)).collect(),
        records,
        drafts,
        releases: telling::count(node),
        quarantined: crate::rows::count(&node.shared.ledger.store().index, Table::Refused),
        journal_bytes: bytes_in(&node.home.path().join("journal")),
        memory_bytes: resident_memory(),
    }
}

/// `VmRSS` of this process, where the system has it.
fn resident_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|l| l.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}

async fn lock(State(server): State<Arc<Server>>) -> Answer<serde_json::Value> {
    server.lock().await;
    Ok(Json(serde_json::json!({ "locked": true })))
}

async fn unlock(State(server): State<Arc<Server>>, Json(body): Json<Unlock>) -> Answer<Status> {
    let node = server.unlock(body.passphrase.as_bytes()).await?;
    Ok(Json(unlocked_status(&node)))
}

async fn stop(State(server): State<Arc<Server>>) -> Answer<serde_json::Value> {
    server.stop();
    Ok(Json(serde_json::json!({ "stopping": true })))
}

async fn partnerships(State(server): State<Arc<Server>>) -> Answer<Vec<PartnershipSummary>> {
    Ok(Json(views::all(&server.unlocked()?)))
}

async fn found(
    State(server): State<Arc<Server>>,
    Json(body): Json<NewPartnership>,
) -> Answer<PartnershipCreated> {
    let node = server.unlocked()?;
    let nothing = "No partnership was founded.";
    let agreement = Agreement::parse(&body.agreement).map_err(|e| {
        refuse_input(
            format!("the agreement: {e}"),
            nothing,
            "Correct the file; `entente partnership agreement template formal` shows a good one.",
        )
    })?;
    let role = match body.role {
        Some(role) => role,
        None => own_role(&node, &agreement)?,
    };
    let declares = agreement.declaration().is_some_and(|clause| clause.wanted_of(&role));
    if declares && body.person.is_none() {
        return Err(refuse_input(
            "the agreement asks the founder's role for a declaration of confidentiality, and nobody signs it",
            nothing,
            "Say who signs it: `entente partnership new … --person 'NAME'`.",
        ));
    }
    let id = node
        .found(&body.name, &body.agreement, role, body.person.as_deref())
        .await
        .map_err(|e| problem::node(&e, nothing))?;
    Ok(Json(PartnershipCreated { partnership: id, state: PartnershipState::Member }))
}

/// The role of our kind of organisation, if the agreement has it.
fn own_role(node: &Node, agreement: &Agreement) -> Result<Role, Problem> {
    let named = agreement.role_of(&node.me.org()).cloned();
    let by_kind = node.me.introduced.organisation().kind.as_str();
    let role = named.or_else(|| agreement.roles().iter().find(|r| r.as_str() == by_kind).cloned());
    role.ok_or_else(|| {
        let roles: Vec<&str> = agreement.roles().iter().map(Role::as_str).collect();
        refuse_input(
            format!("the agreement has no role `{by_kind}`; it has {}", roles.join(", ")),
            "No partnership was founded.",
            "Say which role you take: `--role ROLE`.",
        )
    })
}

async fn partnership(State(server): State<Arc<Server>>, Path(p): Path<String>) -> Answer<PartnershipView> {
    let node = server.unlocked()?;
    let handle = find::partnership(&node, &p)?;
    Ok(Json(views::partnership(&node, &handle)))
}

async fn invite(
    State(server): State<Arc<Server>>,
    Path(p): Path<String>,
    Json(body): Json<NewInvitation>,
) -> Answer<InvitationCreated> {
    let node = server.unlocked()?;
    let nothing = "No invitation was made.";
    let handle = find::partnership(&node, &p)?;
    let days = body.days.unwrap_or(limits::INVITATION_DAYS);
    if !(1..=365).contains(&days) {
        return Err(refuse_input(
            "an invitation lasts 1 to 365 days",
            nothing,
            "Choose a number in between.",
        ));
    }
    if node.shared.addresses.is_empty() {
        return Err(failed("this node does not know where it can be reached", nothing));
    }
    let made = handle
        .ask(|reply| Command::Invite { role: body.role, days, reply })
        .await
        .map_err(|e| problem::command(&e, nothing))?;
    Ok(Json(InvitationCreated { invitation: made.text, role: made.role, expires: made.expires }))
}

async fn look(State(server): State<Arc<Server>>, Json(body): Json<Invited>) -> Answer<InvitationView> {
    let node = server.unlocked()?;
    let offer = joining::look(&node.shared.way, &body.invitation, &node.me.org())
        .await
        .map_err(|e| problem::begin(&e))?;
    let agreement = &offer.terms.agreement;
    let wanted = |role: &Role| agreement.declaration().filter(|clause| clause.wanted_of(role));
    let declared = offer.role.as_ref().and_then(wanted);
    Ok(Json(InvitationView {
        partnership: offer.invitation.partnership,
        name: match &offer.terms.found.body().act {
            entente_protocol::membership::Act::Found(found) => found.name.clone(),
            _ => String::new(),
        },
        inviter: crate::me::view(offer.terms.inviter.organisation()),
        role: offer.role.clone(),
        expires: offer.invitation.expires,
        agreement: views::agreement(agreement),
        declaration: declared.map(|clause| clause.text().to_owned()),
    }))
}

async fn join(State(server): State<Arc<Server>>, Json(body): Json<Join>) -> Answer<PartnershipCreated> {
    let node = server.unlocked()?;
    let begun = joining::begin(&node, &body.invitation, &body.agreement, body.person.as_deref()).await;
    let (partnership, state) = match begun.map_err(|e| problem::begin(&e))? {
        Begun::Waiting(id) => (id, PartnershipState::AwaitingApproval),
        Begun::Member(id) => (id, PartnershipState::Member),
    };
    Ok(Json(PartnershipCreated { partnership, state }))
}

async fn approve(
    State(server): State<Arc<Server>>,
    Path(p): Path<String>,
    Json(body): Json<AboutOrg>,
) -> Answer<super::types::Decision> {
    let ask = super::types::DecideRequest::Approve { organisation: body.organisation };
    govern::ask(&server, &p, ask, "Nobody was let in.").await
}

async fn remove(
    State(server): State<Arc<Server>>,
    Path(p): Path<String>,
    Json(body): Json<AboutOrg>,
) -> Answer<super::types::Decision> {
    let reason = body.reason.unwrap_or_default();
    let ask = super::types::DecideRequest::Remove { organisation: body.organisation, reason };
    govern::ask(&server, &p, ask, "Nobody was removed.").await
}

async fn leave(State(server): State<Arc<Server>>, Path(p): Path<String>) -> Answer<serde_json::Value> {
    let node = server.unlocked()?;
    let handle = find::partnership(&node, &p)?;
    let done = handle.ask(Command::Leave).await;
    done.map_err(|e| problem::command(&e, "This organisation is still a member."))?;
    Ok(Json(serde_json::json!({ "partnership": handle.id, "state": "former" })))
}

async fn draft(State(server): State<Arc<Server>>, Json(body): Json<DraftInput>) -> Answer<RecordCreated> {
    let kept = drafts::keep(&server.unlocked()?, vec![body]).await?;
    let first = kept.into_iter().next().ok_or_else(|| failed("no draft was made", "Nothing was kept."))?;
    Ok(Json(first))
}

async fn import(State(server): State<Arc<Server>>, Json(body): Json<Vec<DraftInput>>) -> Answer<Imported> {
    let kept = drafts::keep(&server.unlocked()?, body).await?;
    Ok(Json(Imported { records: kept.into_iter().map(|kept| kept.record).collect() }))
}

async fn records(State(server): State<Arc<Server>>, Query(query): Query<RecordQuery>) -> Answer<RecordPage> {
    let node = server.unlocked()?;
    Ok(Json(blocking(move || find::page(&node, &query)).await?))
}

async fn search(State(server): State<Arc<Server>>, Json(query): Json<RecordQuery>) -> Answer<RecordPage> {
    let node = server.unlocked()?;
    Ok(Json(blocking(move || find::page(&node, &query)).await?))
}

/// Reading many records must not hold up the network.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|e| failed(e.to_string(), "Nothing was done."))?
}

async fn record(State(server): State<Arc<Server>>, Path(id): Path<String>) -> Answer<RecordView> {
    Ok(Json(show::show(&server.unlocked()?, &id)?))
}

async fn preview(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Json(body): Json<ShareRequest>,
) -> Answer<Preview> {
    Ok(Json(share::preview(&server.unlocked()?, &caller, &id, &body).await?))
}

async fn share_record(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Json(body): Json<ShareRequest>,
) -> Result<Response, Problem> {
    let outcome = release::share(&server.unlocked()?, &caller, &id, &body).await?;
    Ok(super::desk::outcome(outcome))
}

#[derive(serde::Deserialize)]
struct FileName {
    name: String,
    #[serde(rename = "type", default)]
    media_type: Option<String>,
}

async fn attach_file(
    State(server): State<Arc<Server>>,
    Query(file): Query<FileName>,
    body: Body,
) -> Answer<AttachmentStored> {
    let node = server.unlocked()?;
    let (pieces, queue) = mpsc::channel(8);
    tokio::spawn(async move {
        let mut stream = body.into_data_stream();
        while let Some(piece) = stream.next().await {
            if pieces.send(piece.map_err(|e| e.to_string())).await.is_err() {
                return;
            }
        }
    });
    let media_type = file.media_type.as_deref().unwrap_or("application/octet-stream");
    let (attachment, size) = attach::take_in(&node, &file.name, media_type, queue)
        .await
        .map_err(|e| problem::attach(&e, "The file was not taken in."))?;
    Ok(Json(AttachmentStored { attachment, size }))
}

async fn attachment(
    State(server): State<Arc<Server>>,
    Path((id, number)): Path<(String, usize)>,
) -> Result<Response, Problem> {
    let node = server.unlocked()?;
    let found = show::attachment(&node, &id, number)?;
    Ok(as_stream(&node, found))
}

async fn original(
    State(server): State<Arc<Server>>,
    Path((id, number)): Path<(String, usize)>,
) -> Result<Response, Problem> {
    let node = server.unlocked()?;
    let found = show::original(&node, &id, number)?;
    Ok(as_stream(&node, found))
}

fn as_stream(node: &Arc<Node>, found: entente_protocol::record::Attachment) -> Response {
    let (pieces, mut queue) = mpsc::channel::<Result<Vec<u8>, std::io::Error>>(4);
    let ledger = node.shared.ledger.clone();
    let size = found.size;
    tokio::task::spawn_blocking(move || {
        for index in 0..entente_protocol::chunk::count(found.size) {
            let piece = attach::read_chunk(ledger.store(), &found, index);
            let failed = piece.is_err();
            let piece = piece.map(|p| p.to_vec()).map_err(|e| std::io::Error::other(e.to_string()));
            if pieces.blocking_send(piece).is_err() || failed {
                return;
            }
        }
    });
    let stream = futures::stream::poll_fn(move |cx| queue.poll_recv(cx));
    let headers =
        [("content-type", "application/octet-stream".to_owned()), ("content-length", size.to_string())];
    (headers, Body::from_stream(stream)).into_response()
}

async fn sync(State(server): State<Arc<Server>>) -> Answer<SyncStatus> {
    let node = server.unlocked()?;
    let partners = super::network::partners(&node).await;
    let two_faced = node.handles().iter().flat_map(|handle| crate::audit::two_faced(&node, handle)).collect();
    Ok(Json(SyncStatus { partners, quarantined: quarantined(&node), two_faced }))
}

/// The newest things that arrived and are not shown.
fn quarantined(node: &Node) -> Vec<QuarantineView> {
    let index = &node.shared.ledger.store().index;
    index
        .range(Table::Refused as u8, crate::store::Span::All, true, 200)
        .filter_map(Result::ok)
        .filter_map(|(_, value)| crate::rows::decode::<crate::rows::RefusedRow>(&value))
        .map(|row| {
            let handle = node.handle(&row.place.partnership);
            let owner = |m: &Membership| m.nodes_ever().find(|(_, n, _)| *n == row.owner).map(|(o, ..)| o);
            let org = handle.as_ref().and_then(|h| owner(&h.membership()));
            let author =
                org.map_or_else(|| row.owner.short(), |o| find::org_view(node, handle.as_ref(), &o).name);
            QuarantineView {
                author,
                partnership: row.place.partnership,
                seq: row.place.seq.0,
                code: row.code,
                reason: row.reason,
                arrived: row.arrived,
            }
        })
        .collect()
}

async fn sync_now(State(server): State<Arc<Server>>) -> Answer<SyncStatus> {
    for handle in server.unlocked()?.handles() {
        let _stopping = handle.commands.send(Command::DialNow).await;
    }
    sync(State(server)).await
}

async fn explain(
    State(server): State<Arc<Server>>,
    Path((record, org)): Path<(String, String)>,
) -> Answer<Explanation> {
    let node = server.unlocked()?;
    let (_, row) = find::record(&node, &record)?;
    let Some(place) = row.place else {
        return Ok(Json(Explanation {
            code: "never-shared".into(),
            words: "It is a draft on this node: it was never shared with anybody.".into(),
            next: "Share it: `entente record share`.".into(),
            refusal: None,
        }));
    };
    let nothing = "Nothing was found out.";
    let handle = node
        .handle(&place.partnership)
        .ok_or_else(|| not_found("the partnership is not here", nothing, ""))?;
    let org = find::organisation(&handle, &org)?;
    let (reply, answer) = oneshot::channel();
    let stopping = || failed("the node is stopping", nothing);
    handle.commands.send(Command::Explain(place, org, reply)).await.map_err(|_| stopping())?;
    Ok(Json(answer.await.map_err(|_| stopping())?))
}

async fn doctor(State(server): State<Arc<Server>>) -> Answer<Vec<Check>> {
    let node = server.unlocked()?;
    Ok(Json(blocking(move || Ok(crate::doctor::online(&node))).await?))
}

async fn events(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Problem> {
    let node = server.unlocked()?;
    let receiver = node.shared.events.subscribe();
    let listening = (receiver, Arc::downgrade(&server), caller);
    let stream = futures::stream::unfold(listening, |(mut receiver, server, caller)| async move {
        loop {
            match receiver.recv().await {
                Ok(event) => {
                    // Whose account was removed hears nothing more.
                    server.upgrade()?.still(&caller)?;
                    let json = serde_json::to_value(&event).unwrap_or_default();
                    let kind = json.get("event").and_then(|k| k.as_str()).unwrap_or("event").to_owned();
                    let sse = SseEvent::default().event(kind).data(json.to_string());
                    let next = (receiver, server, caller);
                    return Some((Ok::<_, std::convert::Infallible>(sse), next));
                }
                // A listener that is too slow misses events, and can list records instead.
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()).into_response())
}
