//! One record in full.

use std::sync::Arc;

use entente_protocol::audience::Audience;
use entente_protocol::ids::{OrgId, PartnershipId};
use entente_protocol::record::{Attachment, Said};
use entente_protocol::value::Value;

use crate::api::problem::not_found;
use crate::api::types::{AttachmentView, OrgView, Problem, RecordView};
use crate::frames::Frame;
use crate::node::Node;
use crate::partnership::Handle;
use crate::partnership::open::{self, Judgement, Owner, Shown, When, judge};
use crate::rows::{self, RecordPlace, RecordRow};
use crate::store::Position;

use super::find::{self, org_view, summary};
use super::withdraw;

/// The fields of a record, if it can be opened now.
#[must_use]
pub fn fields(node: &Node, position: Position, row: &RecordRow) -> Option<Vec<(String, Value)>> {
    match row.place {
        Some(place) => Some(shown(node, position, &place)?.1.record.fields().to_vec()),
        None => Some(draft(node, position)?.fields),
    }
}

pub(crate) fn draft(node: &Node, position: Position) -> Option<entente_protocol::record::Content> {
    match frame(node, position)? {
        Frame::Draft(draft) => Some(draft.content),
        _ => None,
    }
}

fn frame(node: &Node, position: Position) -> Option<Frame> {
    let bytes = node.shared.ledger.store().journal.read(position).ok()?;
    Frame::from_bytes(&bytes).ok()
}

/// Opens a shared record again: every showing passes the same checks as its arrival.
pub(crate) fn shown(node: &Node, position: Position, place: &RecordPlace) -> Option<(Handle, Box<Shown>)> {
    let handle = node.handle(&place.partnership)?;
    let Frame::Entry(_, entry, _) = frame(node, position)? else { return None };
    let membership = handle.membership();
    let author = author_of(node, &handle, place)?;
    match judge(&place.partnership, (&membership, When::Held), &handle.ring, author, &entry) {
        Judgement::Shown(shown) => Some((handle, shown)),
        _ => None,
    }
}

/// What a shared record says, without the checks of a showing.
pub(crate) fn said(node: &Node, position: Position, place: &RecordPlace) -> Option<Said> {
    let handle = node.handle(&place.partnership)?;
    let Frame::Entry(_, entry, _) = frame(node, position)? else { return None };
    open::said(&handle.ring, &entry)
}

/// Whose log a record stands in, from the index.
fn author_of(node: &Node, handle: &Handle, place: &RecordPlace) -> Option<Owner> {
    let index = &node.shared.ledger.store().index;
    let key = rows::log_key(index, &place.partnership, &place.space, &place.log);
    let row: rows::LogRow = rows::decode(&index.get(rows::Table::Log as u8, &key).ok()??)?;
    let membership = handle.membership();
    let (org, ..) = membership.nodes_ever().find(|(_, node, _)| *node == row.owner)?;
    Some(Owner { org, node: row.owner })
}

/// One record in full.
///
/// # Errors
/// [`Problem`] `not-found` if it is not here, or cannot be opened any more.
pub fn show(node: &Arc<Node>, text: &str) -> Result<RecordView, Problem> {
    let (position, row) = find::record(node, text)?;
    match row.place {
        None => show_draft(node, position, &row),
        Some(place) => show_shared(node, position, &row, &place),
    }
}

pub(super) fn gone() -> Problem {
    not_found(
        "the record is known here and cannot be opened any more: it was erased, or its bytes are damaged",
        "Nothing was shown.",
        "`entente doctor` looks for damage.",
    )
}

fn show_draft(node: &Arc<Node>, position: Position, row: &RecordRow) -> Result<RecordView, Problem> {
    let content = draft(node, position).ok_or_else(gone)?;
    Ok(RecordView {
        summary: summary(node, row),
        fields: content.fields.iter().map(|(n, v)| (n.clone(), v.to_json())).collect(),
        handling: content.handling.clone(),
        replies_to: content.replies_to,
        readers: vec![org_view(node, None, &node.me.org())],
        verified: "draft: on this node only, not signed yet".into(),
        shared_as: rows::shared(&node.shared.ledger.store().index, &row.id),
        attachment_list: attachment_views(node, &content.attachments),
        about: crate::field::about_record(node, position, row),
        said: Vec::new(),
    })
}

fn show_shared(
    node: &Arc<Node>,
    position: Position,
    row: &RecordRow,
    place: &RecordPlace,
) -> Result<RecordView, Problem> {
    let (handle, shown) = shown(node, position, place).ok_or_else(gone)?;
    let manifest = shown.record.manifest();
    let author = org_view(node, Some(&handle), &manifest.author);
    let signing = manifest.node.short();
    Ok(RecordView {
        summary: summary(node, row),
        fields: shown.record.fields().iter().map(|(n, v)| (n.clone(), v.to_json())).collect(),
        handling: manifest.handling.clone(),
        replies_to: manifest.replies_to,
        readers: readers(node, &handle, &shown),
        verified: format!("signed by {} (node {signing}…), and permitted by the agreement", author.name),
        shared_as: rows::shared(&node.shared.ledger.store().index, &row.id),
        attachment_list: attachment_views(node, shown.record.attachments()),
        about: crate::field::about_record(node, position, row),
        said: withdraw::said_about(node, &handle, &row.id),
    })
}

/// The organisations whose nodes hold the epoch's key, by the circle that the record stands in.
pub(crate) fn readers(node: &Node, handle: &Handle, shown: &Shown) -> Vec<OrgView> {
    let author = shown.record.manifest().author;
    let named = shown.record.context().map(|c| &c.audience);
    let orgs: Vec<OrgId> = match named {
        Some(Audience::Named(readers)) => {
            std::iter::once(author).chain(readers.orgs().iter().copied()).collect()
        }
        _ => std::iter::once(author).chain(shown.permitted.readers().iter().copied()).collect(),
    };
    let mut orgs: Vec<OrgView> = orgs.iter().map(|o| org_view(node, Some(handle), o)).collect();
    orgs.sort_by(|a, b| a.name.cmp(&b.name));
    orgs.dedup_by_key(|o| o.id);
    orgs
}

fn attachment_views(node: &Node, attachments: &[Attachment]) -> Vec<AttachmentView> {
    let index = &node.shared.ledger.store().index;
    let complete = |a: &Attachment| matches!(rows::blob(index, &a.blob), Ok(Some(blob)) if blob.complete);
    attachments
        .iter()
        .enumerate()
        .map(|(number, a)| AttachmentView {
            number,
            name: a.name.clone(),
            media_type: a.media_type.clone(),
            size: a.size,
            complete: complete(a),
        })
        .collect()
}

/// An attachment of a record, for reading it out.
///
/// # Errors
/// [`Problem`] `not-found` if there is none, or not all of it is here yet.
pub fn attachment(node: &Arc<Node>, text: &str, number: usize) -> Result<Attachment, Problem> {
    let (found, _) = named_attachment(node, text, number)?;
    let index = &node.shared.ledger.store().index;
    match rows::blob(index, &found.blob) {
        Ok(Some(blob)) if blob.complete => Ok(found),
        _ => Err(not_found(
            "the attachment is not here yet",
            "Nothing was written.",
            "Fetch it: `entente attachment fetch ID N`.",
        )),
    }
}

/// An attachment of a record, here or not, and the record's partnership.
///
/// # Errors
/// [`Problem`] `not-found` if there is none.
pub fn named_attachment(
    node: &Arc<Node>,
    text: &str,
    number: usize,
) -> Result<(Attachment, Option<PartnershipId>), Problem> {
    let (position, row) = find::record(node, text)?;
    let attachments = match &row.place {
        None => draft(node, position).ok_or_else(gone)?.attachments,
        Some(place) => shown(node, position, place).ok_or_else(gone)?.1.record.attachments().to_vec(),
    };
    let found = attachments.get(number).cloned().ok_or_else(|| {
        not_found(
            format!("the record has {} attachments, numbered from 0", attachments.len()),
            "Nothing was written.",
            "See `entente attachment list ID`.",
        )
    })?;
    Ok((found, row.place.map(|place| place.partnership)))
}

/// An attachment of an own record as it was attached, with all that it tells.
///
/// # Errors
/// [`Problem`] `not-found` if there is none.
pub fn original(node: &Arc<Node>, text: &str, number: usize) -> Result<Attachment, Problem> {
    let (_, row) = find::record(node, text)?;
    let attachments = super::drafts::read(node, &row.id)?.content.attachments;
    attachments.get(number).cloned().ok_or_else(|| {
        not_found(
            format!("the draft has {} attachments, numbered from 0", attachments.len()),
            "Nothing was written.",
            "See `entente attachment list ID`.",
        )
    })
}
