//! Passing on a redacted copy of another's record: what only this node can know of it (C6, C10).

use std::sync::Arc;

use entente_protocol::audience::Audience;
use entente_protocol::handling::Onward;
use entente_protocol::passed;
use entente_protocol::policy::{RecordFacts, Refusal, RefusalCode};
use entente_protocol::record::Content;
use entente_protocol::redaction::VerifiedCopy;
use entente_protocol::schema;

use crate::node::Node;
use crate::partnership::notices;
use crate::partnership::publish::shared_fields;
use crate::rows;

/// What stands in the way of sharing a record that carries a redacted copy.
#[must_use]
pub fn of_sharing(node: &Arc<Node>, content: &Content, audience: &Audience) -> Vec<Refusal> {
    let copy = match passed::carried(&content.fields) {
        Ok(None) => return Vec::new(),
        Ok(Some(copy)) => copy,
        Err(error) => return vec![Refusal { code: RefusalCode::Copy, reason: error.to_string() }],
    };
    let facts = RecordFacts {
        kind: content.kind.clone(),
        author: node.me.org(),
        audience: audience.clone(),
        sensitivity: content.sensitivity,
        handling: content.handling.clone(),
        created: content.created,
        attachments: content.attachments.len(),
        personal: Vec::new(),
        publication: schema::is_publication(&content.kind, shared_fields(content)),
    };
    let mut refusals = passed::permit(&copy, &facts);
    refusals.extend(said_by_its_author(node, &copy));
    refusals
}

/// What its author said since: that it is withdrawn, that a consent ended, whether we may pass it on.
fn said_by_its_author(node: &Arc<Node>, copy: &VerifiedCopy) -> Vec<Refusal> {
    let store = node.shared.ledger.store();
    let (manifest, id) = (copy.record().manifest(), copy.record().id());
    let name = &copy.author().organisation().name;
    let (author, us) = (manifest.author, node.me.org());
    let mut refusals = Vec::new();
    let mut refuse = |code, reason: String| refusals.push(Refusal { code, reason });
    let ended = |reference: &String| notices::consent_ended(store, &author, reference);
    if manifest.handling.consent.as_ref().is_some_and(ended) {
        let reason =
            "the consent that it refers to holds no longer. Ask for a new one, or leave the person out";
        refuse(RefusalCode::Consent, reason.into());
    }
    let withdrawn = rows::erased(&store.index, &id).is_some() || notices::is_withdrawn(store, &id, &author);
    if withdrawn {
        refuse(
            RefusalCode::Onward,
            format!("{name} took the record back, or it was to be kept no longer. Ask {name}"),
        );
    }
    let asks = manifest.handling.onward == Onward::Ask && author != us;
    if asks && !withdrawn && !notices::is_granted(store, &id, &author, &us) {
        let reason = format!(
            "{name} wants to be asked before it is passed on, and no answer of it is here: `entente record ask ID --for \
             'a partner'`"
        );
        refuse(RefusalCode::Onward, reason);
    }
    refusals
}
