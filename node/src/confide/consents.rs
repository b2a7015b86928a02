//! C1 and C7 at the author's: which consent a record refers to, what it allows now, and what is refused for want of
//! one. A consent that is not recorded here is unknown, and unknown means no.

use std::sync::Arc;

use entente_protocol::lifecycle::consent::{self, Progress, Stage};
use entente_protocol::policy::{Refusal, RefusalCode};
use entente_protocol::record::Content;

use crate::clock;
use crate::field::{Known, about, of_kind, statements};
use crate::node::Node;
use crate::partnership::notices;

/// The consent that a reference means: the `consent` record of ours with this id, `external-id` or `title`.
#[must_use]
pub fn named(node: &Node, reference: &str) -> Option<Known> {
    let wanted = reference.trim();
    let means = |known: &Known| {
        known.row.id.to_string() == wanted
            || ["external-id", "title"].iter().any(|field| known.statement.text(field) == Some(wanted))
    };
    let first = |known: &Known| known.statement.ids("changes").is_empty();
    of_kind(node, "consent", None)
        .filter(|known| known.row.author == node.me.org() && !wanted.is_empty())
        .find(|known| first(known) && means(known))
}

/// What a consent is worth now.
#[must_use]
pub fn worth(node: &Node, known: &Known) -> Progress {
    let changes = about(node, &known.row.id);
    consent::progress(&known.statement, &statements(&changes), clock::now())
}

/// Puts into a record what its consent allows now, and refuses what it does not allow.
#[must_use]
pub fn gate(node: &Arc<Node>, content: &mut Content) -> Vec<Refusal> {
    content.handling.uses = None;
    let Some(reference) = content.handling.named_consent().map(str::to_owned) else {
        return Vec::new();
    };
    let refusal = |reason: String| vec![Refusal { code: RefusalCode::Consent, reason }];
    if notices::consent_ended(node.shared.ledger.store(), &node.me.org(), &reference) {
        return refusal(format!(
            "partners were told that the consent `{reference}` holds no longer. Ask for a new one"
        ));
    }
    let Some(known) = named(node, &reference) else {
        if !content.handling.personal_data {
            return Vec::new();
        }
        let how = "Keep what the person allowed as a record of the kind consent, with this reference as its external-id";
        return refusal(format!(
            "no consent `{reference}` is recorded on this node, and an unknown consent is none. {how}"
        ));
    };
    let progress = worth(node, &known);
    if progress.uses.is_empty() {
        let stage = match progress.stage {
            Stage::Withdrawn => "was withdrawn",
            Stage::Expired => "has expired",
            Stage::Given | Stage::Narrowed => "allows no use",
        };
        return refusal(format!(
            "the consent `{reference}` {stage}. Ask the person for a new one, or leave the person out"
        ));
    }
    content.handling.uses = Some(progress.uses.into_iter().collect());
    Vec::new()
}
