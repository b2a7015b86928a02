//! What the keys of one node open: what to think of when it is in other hands.

use std::collections::BTreeSet;
use std::sync::Arc;

use entente_protocol::ids::{EpochId, NodeId, OrgId};
use entente_protocol::membership::Membership;

use crate::api::nodes::{Exposed, ExposedIn, ExposedRecord};
use crate::api::problem::not_found;
use crate::api::types::Problem;
use crate::frames::Frame;
use crate::node::Node;
use crate::partnership::Handle;
use crate::partnership::ring::Epoch;
use crate::rows::{RecordRow, Table};
use crate::store::{Position, Span};

use super::find::{self, org_view};

/// The node that a person means: its id, or a beginning of it, or the name of an organisation that ever had just
/// one.
///
/// # Errors
/// [`Problem`] `not-found`, or `usage` if several could be meant.
pub fn node(node: &Node, text: &str) -> Result<NodeId, Problem> {
    let mut known: BTreeSet<(NodeId, String)> = BTreeSet::new();
    for handle in node.handles() {
        let membership = handle.membership();
        for (_, id, of) in membership.nodes_ever() {
            known.insert((id, of.introduced.organisation().name.clone()));
        }
    }
    let all = known.into_iter().map(|(id, name)| ((id.to_string(), name), id));
    find::choose(text, all, "node")?.ok_or_else(|| {
        not_found(
            format!("no node `{text}` in any partnership of this node"),
            "Nothing was done.",
            "`entente member list` and `entente node list` show nodes' ids.",
        )
    })
}

/// What a node could read, as far as this node can tell: it does not hear of circles that it is not in.
///
/// # Errors
/// [`Problem`] `not-found` if the node is in no partnership of ours.
pub fn exposed(ours: &Arc<Node>, id: NodeId) -> Result<Exposed, Problem> {
    let mut partnerships = Vec::new();
    let mut organisation = None;
    for handle in ours.handles() {
        let membership = handle.membership();
        let Some((org, ..)) = membership.nodes_ever().find(|(_, node, _)| *node == id) else { continue };
        organisation.get_or_insert_with(|| org_view(ours, Some(&handle), &org));
        partnerships.push(exposed_in(ours, &handle, &membership, (id, org)));
    }
    let organisation = organisation.ok_or_else(|| {
        not_found(
            "that node is in no partnership of this node",
            "Nothing was listed.",
            "See `entente member list`.",
        )
    })?;
    Ok(Exposed { node: id, organisation, partnerships })
}

fn exposed_in(
    ours: &Node,
    handle: &Handle,
    membership: &Membership,
    (id, org): (NodeId, OrgId),
) -> ExposedIn {
    let opened: BTreeSet<EpochId> = handle
        .ring
        .all()
        .into_iter()
        .filter(|(_, epoch)| could_open(membership, epoch, (id, org)))
        .map(|(epoch, _)| epoch)
        .collect();
    let index = &ours.shared.ledger.store().index;
    let rows = index.range(Table::Order as u8, Span::All, true, usize::MAX).filter_map(Result::ok);
    let rows = rows.filter_map(|(key, value)| {
        Some((crate::rows::position(&key)?, crate::rows::decode::<RecordRow>(&value)?))
    });
    let here = rows.filter(|(_, row)| row.place.is_some_and(|place| place.partnership == handle.id));
    let records: Vec<ExposedRecord> = here
        .filter(|(position, _)| epoch_of(ours, *position).is_some_and(|epoch| opened.contains(&epoch)))
        .map(|(_, row)| ExposedRecord {
            id: row.id,
            author: org_view(ours, Some(handle), &row.author),
            kind: row.kind,
            title: row.title,
            created: row.created,
            sensitivity: row.sensitivity,
            attachments: row.blobs.len(),
        })
        .collect();
    ExposedIn { id: handle.id, name: membership.name.clone(), keys: opened.len(), records }
}

/// Was an epoch's key sealed to the node, or could its sibling have handed it over? After its revocation nobody
/// does.
fn could_open(membership: &Membership, epoch: &Epoch, (id, org): (NodeId, OrgId)) -> bool {
    if epoch.readers.contains(&id) {
        return true;
    }
    let revoked = membership.revoked.get(&id);
    let in_time = revoked.is_none_or(|r| epoch.header.value().created < r.time);
    let mut nodes = membership.nodes_ever();
    in_time && nodes.any(|(of, node, _)| of == org && epoch.readers.contains(&node))
}

fn epoch_of(ours: &Node, position: Position) -> Option<EpochId> {
    let bytes = ours.shared.ledger.store().journal.read(position).ok()?;
    match Frame::from_bytes(&bytes).ok()? {
        Frame::Entry(_, entry, _) => Some(entry.header.epoch),
        _ => None,
    }
}
