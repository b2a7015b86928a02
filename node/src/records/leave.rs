//! Copies that leave the partnership: whole, or redacted. Others' records leave only as their authors allow (C6).

use std::sync::Arc;

use entente_protocol::codec;
use entente_protocol::handling::{ANONYMISED, Onward};
use entente_protocol::identity::Introduction;
use entente_protocol::ids::RecordId;
use entente_protocol::record::{Manifest, RecordFile, RecordParts};
use entente_protocol::redaction::{self, Cuts, RedactionError};
use entente_protocol::value::Value;

use crate::api::problem::{not_found, refuse_input, refused};
use crate::api::types::{Problem, RedactRequest};
use crate::clock;
use crate::confide::{consents, sources};
use crate::node::Node;
use crate::partnership::open::Shown;
use crate::partnership::{Handle, notices};

use super::find::{self, org_view};
use super::show::{gone, shown};

const NOTHING: &str = "No file was written.";

/// A record as a file that verifies offline.
///
/// # Errors
/// [`Problem`].
pub fn export(node: &Arc<Node>, text: &str, purpose: Option<&str>) -> Result<Vec<u8>, Problem> {
    let (introduction, parts) = leaving(node, text, purpose)?;
    Ok(codec::encode(&RecordFile::new(introduction, parts)))
}

/// A redacted copy as a file that verifies offline, under the author's signature and ours.
///
/// # Errors
/// [`Problem`].
pub fn redact(node: &Arc<Node>, text: &str, request: RedactRequest) -> Result<Vec<u8>, Problem> {
    let purpose = request.purpose.as_deref().unwrap_or(ANONYMISED);
    let (introduction, parts) = leaving(node, text, Some(purpose))?;
    // What stands in for a passage leaves as well (C2).
    for words in request.replace.values().chain(&request.reason) {
        sources::in_words(node, words, NOTHING)?;
    }
    let cuts = Cuts {
        fields: request.fields.into_iter().collect(),
        replaced: request.replace.into_iter().map(|(name, text)| (name, Value::Text(text))).collect(),
        attachments: request.attachments.into_iter().collect(),
        nameless: request.nameless,
        reason: request.reason.filter(|reason| !reason.trim().is_empty()),
    };
    let by = (node.me.introduced.to_introduction(), &node.me.key);
    let copy = redaction::redact(introduction, parts, &cuts, by, (node.me.org(), clock::now()));
    copy.map(|file| codec::encode(&file)).map_err(|error| not_redacted(&error))
}

fn not_redacted(error: &RedactionError) -> Problem {
    let next = "See `entente record show ID` for the fields and attachments that it has.";
    match error {
        RedactionError::NoField(_) | RedactionError::NoAttachment(_) => {
            not_found(error.to_string(), NOTHING, next)
        }
        _ => refuse_input(error.to_string(), NOTHING, next),
    }
}

/// What may leave: who signed it, and the record.
fn leaving(
    node: &Arc<Node>,
    text: &str,
    purpose: Option<&str>,
) -> Result<(Introduction, RecordParts), Problem> {
    let (position, row) = find::record(node, text)?;
    let Some(place) = row.place else {
        return Err(not_found("a draft is not signed yet", NOTHING, "Share it first, then export it."));
    };
    let (handle, shown) = shown(node, position, &place).ok_or_else(gone)?;
    let manifest = shown.record.manifest();
    may_leave(node, &handle, &row.id, manifest)?;
    is_allowed(node, manifest, purpose)?;
    let introduction = signer(node, &handle, manifest).ok_or_else(gone)?;
    Ok((introduction, shown.parts.clone()))
}

/// C6 and the embargo, which bind everybody but the author; a consent that ended binds the author too.
fn may_leave(node: &Node, handle: &Handle, id: &RecordId, manifest: &Manifest) -> Result<(), Problem> {
    let store = node.shared.ledger.store();
    let ended = |reference: &String| notices::consent_ended(store, &manifest.author, reference);
    if manifest.handling.consent.as_ref().is_some_and(ended) {
        let reason =
            "the consent that it refers to holds no longer, so nothing more may be made of it".to_owned();
        let next = "Ask for a new consent; without one, leave the person out.";
        return Err(refused(&[("E-CONSENT".into(), reason)], NOTHING, next));
    }
    if manifest.author == node.me.org() {
        return Ok(());
    }
    let author = org_view(node, Some(handle), &manifest.author).name;
    let handling = &manifest.handling;
    let granted = || notices::is_granted(store, id, &manifest.author, &node.me.org());
    let allowed = match handling.onward {
        Onward::Allowed => true,
        Onward::Ask => granted(),
        Onward::Never => false,
    };
    if !allowed {
        let reason = format!(
            "{author} allows onward sharing: {}. A copy may leave this node only as its author allows.",
            handling.onward.as_str()
        );
        let next = match handling.onward {
            Onward::Ask => format!("Ask {author}: `entente record ask ID --for 'our annual report'`."),
            _ => format!("{author} can share it anew with other handling."),
        };
        return Err(refused(&[("E-ONWARD".into(), reason)], NOTHING, &next));
    }
    if handling.embargo_until.is_some_and(|until| until > clock::now()) {
        let reason = format!("{author} put an embargo on it, which is not over yet.");
        return Err(refused(&[("E-EMBARGO".into(), reason)], NOTHING, "Wait until the embargo is over."));
    }
    Ok(())
}

/// C7: a copy of what tells of a person is made for a use that the person allowed. An unknown consent allows none.
fn is_allowed(node: &Node, manifest: &Manifest, purpose: Option<&str>) -> Result<(), Problem> {
    let handling = &manifest.handling;
    if !handling.personal_data {
        return Ok(());
    }
    let next =
        "The uses are listed by `entente record vocabulary consent-use`. A new use needs a new consent.";
    let Some(purpose) = purpose else {
        let what = "the record tells of a person: say which use the copy is for, such as `--for reports`";
        return Err(refuse_input(what, NOTHING, next));
    };
    // Its author knows what the consent is worth now; others what it was worth when the record was shared.
    let own = handling.consent.as_deref().filter(|_| manifest.author == node.me.org());
    let allowed = match own.and_then(|reference| consents::named(node, reference)) {
        Some(consent) => consents::worth(node, &consent).uses.contains(purpose),
        None => handling.allows(purpose),
    };
    if allowed {
        return Ok(());
    }
    let reason = format!("the consent for it is not known to allow the use {purpose}");
    Err(refused(&[("E-CONSENT".into(), reason)], NOTHING, next))
}

/// A shared record with the introduction of its author: what verifies without a node.
#[must_use]
pub(crate) fn file(node: &Node, handle: &Handle, shown: &Shown) -> Option<RecordFile> {
    let introduction = signer(node, handle, shown.record.manifest())?;
    Some(RecordFile::new(introduction, shown.parts.clone()))
}

/// Who signed a record, present or former.
fn signer(node: &Node, handle: &Handle, manifest: &Manifest) -> Option<Introduction> {
    if manifest.node == node.me.node() {
        return Some(node.me.introduced.to_introduction());
    }
    let membership = handle.membership();
    let (.., of) = membership.nodes_ever().find(|(_, id, _)| *id == manifest.node)?;
    Some(of.introduced.to_introduction())
}
