//! The API's words about nodes: those of our own organisation, and those that were revoked.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use data_encoding::BASE64;
use entente_protocol::codec;
use entente_protocol::handling::{Kind, Sensitivity};
use entente_protocol::identity::Introduction;
use entente_protocol::ids::{NodeId, OrgId, PartnershipId, RecordId, Timestamp};
use entente_protocol::limits;
use entente_protocol::membership::Membership;
use entente_protocol::office::{Grant, MAX_OFFICES, NodeRequest};
use serde::{Deserialize, Serialize};

use crate::clock::SystemRandom;
use crate::node::Node;
use crate::partnership::{Command, Handle, Revoke};
use crate::records::exposed;
use crate::records::find::{self, org_view};

use super::problem::{self, failed, refuse_input};
use super::routes::{Answer, blocking};
use super::server::Server;
use super::types::{InvitationCreated, OrgView, Problem};

/// A node of our organisation in a partnership; `GET /v1/nodes`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NodeView {
    /// The node.
    pub node: NodeId,
    /// The partnership.
    pub partnership: PartnershipId,
    /// Its name.
    pub partnership_name: String,
    /// Is it the one that answers?
    pub this_one: bool,
    /// When it came in, by its own clock.
    pub since: Timestamp,
    /// Connected to this one now?
    pub connected: bool,
    /// Not to be trusted any more?
    pub revoked: bool,
}

/// A node that is not to be trusted any more.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RevokedView {
    /// The node.
    pub node: NodeId,
    /// Whose it was.
    pub organisation: OrgView,
    /// Where.
    pub partnership_name: String,
    /// Who revoked it.
    pub by: OrgView,
    /// Why, in its words.
    pub reason: String,
    /// When, by its clock.
    pub time: Timestamp,
    /// Since when it may have been in other hands.
    pub seized_at: Option<Timestamp>,
}

/// `POST /v1/partnerships/{p}/office`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewOffice {
    /// The member whose node may come.
    pub organisation: String,
    /// Days until the door closes.
    #[serde(default)]
    pub days: Option<u64>,
}

/// `POST /v1/nodes/certify`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Certify {
    /// The text of the request.
    pub request: String,
    /// The root key's certificate for its node: canonical CBOR, base64.
    pub certificate: String,
}

/// The answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Certified {
    /// The new node.
    pub node: NodeId,
    /// One line of text, of use to the new node only.
    pub grant: String,
    /// The partnerships that a door was opened in.
    pub partnerships: Vec<String>,
}

/// `POST /v1/nodes/{node}/revoke`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RevokeNode {
    /// Since when it may have been in other hands.
    #[serde(default)]
    pub seized_at: Option<Timestamp>,
    /// Why; all members will read it.
    #[serde(default)]
    pub reason: Option<String>,
    /// The root key's word: canonical CBOR, base64.
    #[serde(default)]
    pub root: Option<String>,
}

/// The answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Revocations {
    /// What came of it in each partnership where the node was.
    pub partnerships: Vec<RevocationIn>,
    /// What it could read.
    pub exposed: Exposed,
}

/// What came of a revocation in one partnership.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RevocationIn {
    /// The partnership.
    pub id: PartnershipId,
    /// Its name.
    pub name: String,
    /// Why the node was not revoked there, if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// `GET /v1/nodes/{node}/exposed`: what a node could read, as far as this one can tell.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Exposed {
    /// The node.
    pub node: NodeId,
    /// Whose it is or was.
    pub organisation: OrgView,
    /// By partnership.
    pub partnerships: Vec<ExposedIn>,
}

/// The same in one partnership.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExposedIn {
    /// The partnership.
    pub id: PartnershipId,
    /// Its name.
    pub name: String,
    /// Keys of epochs that were sealed to it or its siblings.
    pub keys: usize,
    /// The records that they open.
    pub records: Vec<ExposedRecord>,
}

/// A record that a node could read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExposedRecord {
    /// Its id.
    pub id: RecordId,
    /// Its kind.
    pub kind: Kind,
    /// Its title, or the beginning of its text.
    pub title: String,
    /// Who wrote it.
    pub author: OrgView,
    /// The author's date.
    pub created: Timestamp,
    /// How widely it may be read.
    pub sensitivity: Sensitivity,
    /// Number of attachments.
    pub attachments: usize,
}

/// Revoked nodes of a partnership, the newest first.
pub fn revoked(node: &Node, handle: &Handle) -> Vec<RevokedView> {
    let membership = handle.membership();
    let mut all: Vec<RevokedView> = membership
        .revoked
        .iter()
        .map(|(id, r)| RevokedView {
            node: *id,
            organisation: org_view(node, Some(handle), &r.org),
            partnership_name: membership.name.clone(),
            by: org_view(node, Some(handle), &r.by),
            reason: r.reason.clone(),
            time: r.time,
            seized_at: r.seized_at,
        })
        .collect();
    all.sort_by_key(|r| std::cmp::Reverse((r.time, r.node)));
    all
}

pub(super) async fn list(State(server): State<Arc<Server>>) -> Answer<Vec<NodeView>> {
    let node = server.unlocked()?;
    let own = |handle: Handle| {
        let membership = handle.membership();
        let peers = handle.net.peers();
        let view = |id: NodeId, of: &entente_protocol::membership::MemberNode| NodeView {
            node: id,
            partnership: handle.id,
            partnership_name: membership.name.clone(),
            this_one: id == node.me.node(),
            since: of.since,
            connected: peers.iter().any(|p| p.id == of.card.transport && p.connected_since.is_some()),
            revoked: membership.revoked.contains_key(&id),
        };
        let ours = membership.nodes_ever().filter(|(org, ..)| *org == node.me.org());
        ours.map(|(_, id, of)| view(id, of)).collect::<Vec<_>>()
    };
    Ok(Json(node.handles().into_iter().flat_map(own).collect()))
}

pub(super) async fn office(
    State(server): State<Arc<Server>>,
    Path(p): Path<String>,
    Json(body): Json<NewOffice>,
) -> Answer<InvitationCreated> {
    let node = server.unlocked()?;
    let handle = find::partnership(&node, &p)?;
    let org = find::organisation(&handle, &body.organisation)?;
    Ok(Json(open(&node, &handle, org, body.days).await?))
}

async fn open(
    node: &Node,
    handle: &Handle,
    org: OrgId,
    days: Option<u64>,
) -> Result<InvitationCreated, Problem> {
    let nothing = "No door was opened.";
    let days = days.unwrap_or(limits::INVITATION_DAYS);
    if !(1..=365).contains(&days) {
        return Err(refuse_input("a door stays open 1 to 365 days", nothing, "Choose a number in between."));
    }
    if node.shared.addresses.is_empty() {
        return Err(failed("this node does not know where it can be reached", nothing));
    }
    let made = handle.ask(|reply| Command::Office(org, days, reply)).await;
    let made = made.map_err(|e| problem::command(&e, nothing))?;
    Ok(InvitationCreated { invitation: made.text, role: made.role, expires: made.expires })
}

pub(super) async fn certify(
    State(server): State<Arc<Server>>,
    Json(body): Json<Certify>,
) -> Answer<Certified> {
    let node = server.unlocked()?;
    let nothing = "No door was opened, and the node was not certified.";
    let wrong = |what: String| {
        refuse_input(what, nothing, "Copy the request whole: one line that begins with `entenode1`.")
    };
    let request = NodeRequest::from_text(&body.request).map_err(|e| wrong(format!("the request: {e}")))?;
    let introduction = Introduction {
        organisation: node.me.introduced.to_introduction().organisation,
        certificate: decoded(&body.certificate, nothing)?,
    };
    let introduced = introduction.verify().map_err(|e| wrong(format!("the certificate: {e}")))?;
    let right = introduced.node() == request.node && request.organisation == node.me.org();
    if !right {
        return Err(refuse_input(
            "the request names another organisation, or the certificate another node",
            nothing,
            "On the new machine, make a request for this organisation: `entente node request`.",
        ));
    }
    let ours = |h: &Handle| h.membership().node(&node.me.node()).is_some();
    let (mut invitations, mut partnerships) = (Vec::new(), Vec::new());
    for handle in node.handles().iter().filter(|h| ours(h)).take(MAX_OFFICES) {
        invitations.push(open(&node, handle, node.me.org(), None).await?.invitation);
        partnerships.push(handle.membership().name.clone());
    }
    let grant = request.grant(&Grant { introduction, invitations }, &mut SystemRandom);
    let grant = grant.map_err(|e| failed(e.to_string(), nothing))?;
    Ok(Json(Certified { node: request.node, grant, partnerships }))
}

/// What the root key signed, where it lies.
fn decoded<T>(text: &str, nothing: &str) -> Result<T, Problem>
where
    T: for<'b> minicbor::Decode<'b, ()>,
{
    let wrong = || refuse_input("what the root key signed is damaged", nothing, "Try again.");
    let bytes = BASE64.decode(text.as_bytes()).map_err(|_| wrong())?;
    minicbor::decode(&bytes).map_err(|_| wrong())
}

pub(super) async fn revoke(
    State(server): State<Arc<Server>>,
    Path(text): Path<String>,
    Json(body): Json<RevokeNode>,
) -> Answer<Revocations> {
    let node = server.unlocked()?;
    let id = exposed::node(&node, &text)?;
    let nothing = "The node was not revoked.";
    let root = body.root.as_deref().map(|root| decoded(root, nothing)).transpose()?;
    let asked = Revoke { node: id, reason: body.reason.unwrap_or_default(), seized_at: body.seized_at, root };
    let present = |m: &Membership| m.node(&id).is_some();
    let mut partnerships = Vec::new();
    for handle in node.handles().iter().filter(|h| present(&h.membership())) {
        let asked = Box::new(asked.clone());
        let done = handle.ask(|reply| Command::Revoke(asked, reply)).await;
        let problem = done.err().map(|e| problem::command(&e, nothing));
        partnerships.push(RevocationIn { id: handle.id, name: handle.membership().name.clone(), problem });
    }
    if partnerships.is_empty() {
        return Err(problem::not_found(
            "that node is in no partnership of this node now",
            nothing,
            "If it was revoked before: `entente key exposed NODE` shows what it could read.",
        ));
    }
    if let [RevocationIn { problem: Some(problem), .. }] = partnerships.as_slice() {
        return Err(problem.clone());
    }
    let exposed = blocking(move || exposed::exposed(&node, id)).await?;
    Ok(Json(Revocations { partnerships, exposed }))
}

pub(super) async fn exposed(State(server): State<Arc<Server>>, Path(text): Path<String>) -> Answer<Exposed> {
    let node = server.unlocked()?;
    let id = exposed::node(&node, &text)?;
    Ok(Json(blocking(move || exposed::exposed(&node, id)).await?))
}

/// What the root key signed, as requests carry it.
#[must_use]
pub fn encoded<T: minicbor::Encode<()>>(signed: &T) -> String {
    BASE64.encode(&codec::encode(signed))
}
