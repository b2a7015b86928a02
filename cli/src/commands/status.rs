//! `entente status`.

use std::time::Duration;

use entente_node::api::types::{DueView, PartnershipSummary, Problem, Status};
use serde::Serialize;
use serde_json::Value;

use super::{partnership, words};
use crate::client::{bad_answer, route};
use crate::output::Page;
use crate::problem::Exit;
use crate::{Context, times};

/// How long a status waits for what is owed to be counted.
const PATIENCE: Duration = Duration::from_millis(500);

/// Who this node is and how it is.
pub(super) async fn status(context: &Context) -> Result<Exit, Problem> {
    let answer: Value = context.client().await?.get(&route(&["status"])).await?;
    // A locked node tells almost nothing, so its answer is not a whole `Status`.
    if answer.get("locked") == Some(&Value::Bool(true)) {
        context.output.answer(&answer, |page| {
            page.heading("The node is locked");
            page.item("folder", answer.get("home").and_then(Value::as_str).unwrap_or_default());
            page.item("next", &context.command("unlock"));
        })?;
        return Ok(Exit::Done);
    }
    let status: Status = serde_json::from_value(answer).map_err(|e| bad_answer(&e.to_string()))?;
    // After a start, with many records, it takes longer than anybody wants to wait for a status.
    let client = context.client().await?;
    let counted =
        tokio::time::timeout(PATIENCE, async { client.get::<Vec<DueView>>(&route(&["due"])).await });
    let owed = match counted.await {
        Ok(Ok(due)) => Some(Owed::of(&due)),
        // A status is told whatever else does not work; `entente due` says why not.
        Ok(Err(_)) | Err(_) => None,
    };
    context.output.answer(&Told { status: &status, owed }, |page| paint(page, &status, owed))?;
    Ok(Exit::Done)
}

/// What is told of a node that is unlocked.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    status: &'a Status,
    /// Nothing while it is still counted.
    owed: Option<Owed>,
}

/// How much is owed, as `entente due` lists it.
#[derive(Clone, Copy, Serialize)]
struct Owed {
    by_us: usize,
    overdue: usize,
}

impl Owed {
    fn of(due: &[DueView]) -> Owed {
        Owed {
            by_us: due.iter().filter(|due| due.ours).count(),
            overdue: due.iter().filter(|due| due.overdue).count(),
        }
    }
}

fn paint(page: &mut Page, status: &Status, owed: Option<Owed>) {
    match &status.organisation {
        Some(organisation) => {
            page.heading(&words::organisation(organisation));
            page.item("organisation", &organisation.id.to_string());
            page.item("fingerprint", &words::six_a_line(status.fingerprint.as_deref().unwrap_or_default()));
        }
        None => page.heading("A node without an organisation"),
    }
    page.item("node", &status.node.map(|node| node.to_string()).unwrap_or_default());
    page.item("folder", &status.home);
    page.item("running", &format!("since {}, version {}", times::local(status.started), status.program));
    page.item("addresses", &status.addresses.join("\n"));
    page.item("records", &format!("{}, and {} drafts", status.records, status.drafts));
    page.item("journal", &words::size(status.journal_bytes));
    page.item("memory", &status.memory_bytes.map(words::size).unwrap_or_default());
    if status.quarantined > 0 {
        page.item(
            "not shown",
            &format!("{} arrived and were refused: entente sync status", status.quarantined),
        );
    }
    match owed {
        Some(Owed { by_us: 0, overdue: 0 }) => {}
        Some(Owed { by_us, overdue }) => {
            page.item("owed", &format!("{by_us} by you, {overdue} overdue in all: entente due"));
        }
        None => page.item("owed", "not counted yet: entente due"),
    }
    if status.releases > 0 {
        page.item("to release", &format!("{} drafts wait: entente release list", status.releases));
    }
    page.heading("Partnerships");
    partnerships(page, &status.partnerships);
    partnership::revoked(page, &status.revoked);
}

/// A table of partnerships.
pub(super) fn partnerships(page: &mut Page, partnerships: &[PartnershipSummary]) {
    if partnerships.is_empty() {
        return page.line("  none yet: entente partnership new, or entente partnership join");
    }
    page.table(
        ["name", "id", "state", "members", "connected", "waiting", "not verified"],
        partnerships.iter().map(|p| {
            [
                p.name.clone(),
                words::short(&p.id),
                words::state(p.state).to_owned(),
                p.members.to_string(),
                p.connected.to_string(),
                p.waiting.to_string(),
                unverified(p),
            ]
        }),
    );
}

fn unverified(p: &PartnershipSummary) -> String {
    match p.changed {
        0 => p.unverified.to_string(),
        changed => format!("{}, KEYS CHANGED of {changed}", p.unverified),
    }
}
