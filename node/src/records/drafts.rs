//! New drafts: what a person wrote, checked and kept on this node only.

use std::sync::Arc;

use entente_protocol::handling::Language;
use entente_protocol::ids::RecordId;
use entente_protocol::kinds;
use entente_protocol::record::{Attachment, Content, check_content};
use entente_protocol::value::Value;

use crate::api::problem::{self, not_found, refuse_input};
use crate::api::types::{DraftInput, Problem, RecordCreated};
use crate::clock;
use crate::field;
use crate::frames::{Draft, Frame, KnownBlob};
use crate::node::Node;

use super::{draft_id, write};

/// Drafts in one import.
pub const MAX_IMPORT: usize = 1_000;

/// Keeps drafts, all or none.
///
/// # Errors
/// [`Problem`]; then none is kept.
pub async fn keep(node: &Arc<Node>, inputs: Vec<DraftInput>) -> Result<Vec<RecordCreated>, Problem> {
    if inputs.len() > MAX_IMPORT {
        let what = format!("{} drafts at once, at most {MAX_IMPORT} are taken", inputs.len());
        return Err(refuse_input(what, "No draft was made.", "Send them in slices."));
    }
    if node.shared.ledger.store().is_disk_low() {
        return Err(problem::disk_low("No draft was made."));
    }
    let mut drafts = Vec::with_capacity(inputs.len());
    let mut frames = Vec::new();
    for (number, input) in inputs.into_iter().enumerate() {
        let made = content(node, input).map_err(|mut p| {
            if number > 0 {
                p.what = format!("draft number {}: {}", number + 1, p.what);
            }
            p
        });
        let (content, warnings) = made?;
        frames.extend(content.attachments.iter().map(known_blob));
        let draft = Draft { nonce: clock::nonce(), content };
        drafts.push(RecordCreated { record: draft_id(&draft, &node.me), warnings });
        frames.push(Frame::Draft(draft));
    }
    write(node, frames).await.map_err(|e| problem::ledger(&e, "No draft was kept."))?;
    Ok(drafts)
}

fn known_blob(attachment: &Attachment) -> Frame {
    let (blob, size) = (attachment.blob, attachment.size);
    Frame::Blob(KnownBlob { blob, place: None, size, complete: true, record: None })
}

/// What a draft says, checked against the schema of its kind, and what is odd about it.
pub(crate) fn content(node: &Arc<Node>, input: DraftInput) -> Result<(Content, Vec<String>), Problem> {
    let nothing = "No draft was made.";
    let known = kinds::known(&input.kind);
    let mut fields = Vec::with_capacity(input.fields.len());
    for (name, value) in input.fields {
        let value = Value::from_json(&value).map_err(|e| {
            refuse_input(format!("field `{name}`: {e}"), nothing, "Correct the field and try again.")
        })?;
        fields.push((name, value));
    }
    let mut attachments = Vec::new();
    for id in input.attachments {
        let attachment = super::attach::uploaded(node, &id).ok_or_else(|| {
            not_found(
                format!("no attachment `{id}` was uploaded"),
                nothing,
                "Upload it first: POST /v1/attachments.",
            )
        })?;
        attachments.push(attachment);
    }
    let mut content = Content {
        language: input.language.unwrap_or_else(Language::undetermined),
        sensitivity: input
            .sensitivity
            .or(known.map(|k| k.sensitivity))
            .unwrap_or(entente_protocol::handling::Sensitivity::Named),
        handling: input.handling.or(known.map(|k| k.handling())).unwrap_or_default(),
        kind: input.kind,
        created: clock::now(),
        replies_to: input.replies_to,
        supersedes: input.supersedes,
        references: Vec::new(),
        fields,
        attachments,
    };
    let warnings = field::rules::of_draft(node, &mut content)?;
    check_content(&content)
        .map_err(|e| refuse_input(e.to_string(), nothing, "Correct the draft and try again."))?;
    Ok((content, warnings))
}

/// A draft of ours.
///
/// # Errors
/// [`Problem`] `not-found` if there is none.
pub fn read(node: &Node, id: &RecordId) -> Result<Draft, Problem> {
    let store = node.shared.ledger.store();
    let position = crate::rows::draft_position(&store.index, id).map_err(|e| problem::index(&e))?;
    let frame = position.and_then(|p| store.journal.read(p).ok()).and_then(|b| Frame::from_bytes(&b).ok());
    match frame {
        Some(Frame::Draft(draft)) => Ok(draft),
        _ => Err(not_found(
            "that is no draft of this organisation",
            "Nothing was shared.",
            "Only own drafts can be shared. See `entente record list`.",
        )),
    }
}
