//! `entente partnership agreement diff`: what another version changes, for whom.

use std::path::Path;

use entente_node::api::types::{PartnershipView, Problem};
use entente_protocol::agreement::{Agreement, Change, Effect};
use serde_json::{Value, json};

use super::{parsed, read};
use crate::Context;
use crate::client::route;
use crate::output::Page;
use crate::problem::{Exit, FAILED, problem};

/// Compares `old`, a file or a partnership whose agreement is in force, with the file `new`.
pub(super) async fn diff(context: &Context, old: &str, new: &Path) -> Result<Exit, Problem> {
    let new = parsed(new, &read(new)?)?;
    let old = if names_a_file(old) {
        let path = Path::new(old);
        parsed(path, &read(path)?)?
    } else {
        in_force(context, old).await?
    };
    let changes = old.changes(&new);
    let answer = json!({ "old": about(&old), "new": about(&new), "changes": changes.iter().map(change).collect::<Vec<_>>() });
    context.output.answer(&answer, |page| paint(page, &changes))?;
    Ok(Exit::Done)
}

/// A partnership may be called as it likes; a file is there, or ends in `.toml`.
fn names_a_file(old: &str) -> bool {
    let path = Path::new(old);
    path.is_file() || path.extension().is_some_and(|it| it.eq_ignore_ascii_case("toml"))
}

async fn in_force(context: &Context, partnership: &str) -> Result<Agreement, Problem> {
    let view: PartnershipView = context.client().await?.get(&route(&["partnerships", partnership])).await?;
    Agreement::parse(&view.agreement.text).map_err(|e| {
        problem(
            FAILED,
            "bad-answer",
            format!("the agreement that the node holds cannot be read by this program: {e}"),
            "nothing was compared",
            "use the program of the same version as the node",
        )
    })
}

fn about(agreement: &Agreement) -> Value {
    json!({ "title": agreement.title(), "hash": agreement.hash() })
}

fn change(change: &Change) -> Value {
    json!({
        "effect": change.effect().as_str(),
        "at_once": change.at_once(),
        "roles": change.roles(),
        "sentence": change.sentence(),
    })
}

fn paint(page: &mut Page, changes: &[Change]) {
    if changes.is_empty() {
        page.line("Nothing changes: it is the same text.");
        return;
    }
    let groups = [
        ("Narrower, takes effect at once when proposed", Effect::Narrower, true),
        ("Narrower, takes effect when all have signed", Effect::Narrower, false),
        ("Wider, takes effect when all have signed", Effect::Wider, false),
        ("Words", Effect::Words, false),
    ];
    for (heading, effect, at_once) in groups {
        let mut group = changes.iter().filter(|c| c.effect() == effect && c.at_once() == at_once).peekable();
        if group.peek().is_some() {
            page.heading(heading);
        }
        group.for_each(|change| page.point(change.sentence()));
    }
}
