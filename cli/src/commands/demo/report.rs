//! What a script is told: the parts of the one object of `demo --json`.

use serde_json::{Map, Value, json};

use super::cast::{Actor, Who};
use super::reading::Row;
use super::sharing::Founded;

/// What a script is told of a node.
pub(super) fn node(actor: &Actor) -> Value {
    json!({
        "name": actor.who.label(),
        "organisation": actor.status.organisation,
        "node": actor.status.node,
        "home": actor.home.to_string_lossy(),
        "address": actor.address(),
        "process": actor.process(),
    })
}

/// What a script is told of a record.
pub(super) fn record(row: &Row<'_>) -> Value {
    let sent = row.sent;
    let labels = |all: Vec<Who>| all.into_iter().map(Who::label).collect::<Vec<_>>();
    let visible: Map<String, Value> =
        sent.visible_ms.iter().map(|(who, ms)| (who.label().to_owned(), json!(ms))).collect();
    json!({
        "label": sent.label,
        "kind": sent.draft.kind,
        "language": sent.draft.language,
        "record": sent.id,
        "partnership": sent.partnership,
        "author": sent.author.label(),
        "readers": labels(sent.readers.clone()),
        "read_by": labels(row.readers()),
        "because": sent.because,
        "durable_ms": sent.durable_ms,
        "visible_ms": visible,
    })
}

/// What a script is told of a partnership.
pub(super) fn partnership(one: &Founded) -> Value {
    json!({ "name": one.name, "id": one.id })
}
