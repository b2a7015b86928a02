//! `entente sync …`.

use entente_node::api::types::{Explanation, PartnerSync, Problem, SyncStatus};
use serde_json::{Value, json};

use super::words;
use crate::args::SyncCommand;
use crate::client::route;
use crate::output::Page;
use crate::problem::Exit;
use crate::{Context, times};

/// Refusals that are shown one by one; with `--json` all are.
const SHOWN: usize = 50;

/// Dispatches.
pub(super) async fn sync(context: &Context, command: SyncCommand) -> Result<Exit, Problem> {
    match command {
        SyncCommand::Status => status(context).await,
        SyncCommand::Now => now(context).await,
        SyncCommand::Explain { record, org } => explain(context, &record, &org).await,
    }
}

async fn status(context: &Context) -> Result<Exit, Problem> {
    let status: SyncStatus = context.client().await?.get(&route(&["sync"])).await?;
    context.output.answer(&status, |page| paint(page, &status))?;
    Ok(Exit::Done)
}

async fn now(context: &Context) -> Result<Exit, Problem> {
    let client = context.client().await?;
    let _: Value = client.post(&route(&["sync", "now"]), &json!({})).await?;
    let status: SyncStatus = client.get(&route(&["sync"])).await?;
    context.output.answer(&status, |page| paint(page, &status))?;
    if !status.partners.is_empty() && !status.partners.iter().any(|partner| partner.connected) {
        context.output.note("No partner is connected: everything is kept, and sent when they are back.");
        return Ok(Exit::Queued);
    }
    Ok(Exit::Done)
}

fn paint(page: &mut Page, status: &SyncStatus) {
    page.heading("Partners");
    if status.partners.is_empty() {
        page.line("  none yet");
    } else {
        page.table(
            ["partner", "partnership", "last seen", "to send", "to fetch", "last failure"],
            status.partners.iter().map(row),
        );
    }
    if !status.two_faced.is_empty() {
        page.heading("Signed two different entries at one position");
        page.table(
            ["who", "partnership", "place", "evidence since"],
            status.two_faced.iter().map(|t| {
                let place = (t.seq + 1).to_string();
                [t.author.clone(), t.partnership_name.clone(), place, times::local(t.arrived)]
            }),
        );
    }
    if status.quarantined.is_empty() {
        return;
    }
    page.heading("Arrived, refused and not shown");
    page.table(
        ["from", "partnership", "place", "arrived", "code", "reason"],
        status.quarantined.iter().take(SHOWN).map(|q| {
            [
                q.author.clone(),
                words::short(&q.partnership),
                q.seq.to_string(),
                times::local(q.arrived),
                q.code.clone(),
                q.reason.clone(),
            ]
        }),
    );
    if status.quarantined.len() > SHOWN {
        page.line(&format!("{} more: entente --json sync status", status.quarantined.len() - SHOWN));
    }
}

fn row(partner: &PartnerSync) -> [String; 6] {
    [
        partner.organisation.name.clone(),
        partner.partnership_name.clone(),
        match &partner.through {
            Some(through) => format!("connected through {through}"),
            None if partner.connected && partner.punched => "connected by hole punching".to_owned(),
            None if partner.connected => "connected".to_owned(),
            None => times::local_or(partner.last_seen, "not yet"),
        },
        partner.behind.to_string(),
        partner.ahead.to_string(),
        partner.refuses.clone().or(partner.last_error.clone()).unwrap_or_default(),
    ]
}

async fn explain(context: &Context, record: &str, org: &str) -> Result<Exit, Problem> {
    let route = route(&["sync", "explain", record, org]);
    let explanation: Explanation = context.client().await?.get(&route).await?;
    context.output.answer(&explanation, |page| {
        page.line(&explanation.words);
        page.item("code", &explanation.code);
        page.item("next", &explanation.next);
    })?;
    Ok(Exit::Done)
}
