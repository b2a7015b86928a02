//! `entente mailbox …`: kept for others, and used by our partnerships.

use entente_node::api::mailboxes::{Appoint, Appointed, NewMailbox, Offered};
use entente_node::api::types::Problem;
use entente_node::mailbox::{BoxView, Mailboxes, UsedView};
use serde_json::json;

use crate::args::MailboxCommand;
use crate::client::route;
use crate::output::Page;
use crate::problem::Exit;
use crate::{Context, times};

/// Dispatches.
pub(super) async fn mailbox(context: &Context, command: MailboxCommand) -> Result<Exit, Problem> {
    match command {
        MailboxCommand::Offer { days, megabytes, entries } => {
            let bytes = Some(megabytes.saturating_mul(1_000_000));
            offer(context, NewMailbox { bytes, entries: Some(entries), days: Some(days) }).await
        }
        MailboxCommand::Appoint { partnership, offer } => appoint(context, &partnership, offer).await,
        MailboxCommand::Dismiss { partnership, mailbox } => dismiss(context, &partnership, &mailbox).await,
        MailboxCommand::List => list(context).await,
    }
}

async fn offer(context: &Context, wanted: NewMailbox) -> Result<Exit, Problem> {
    let offered: Offered = context.client().await?.post(&route(&["mailboxes"]), &wanted).await?;
    context.output.answer(&offered, |page| {
        page.line("This node keeps a mailbox now. Give this line, which is a secret, to a steward:");
        page.line(&offered.offer);
        page.item("mailbox", &offered.mailbox.short());
    })?;
    Ok(Exit::Done)
}

async fn appoint(context: &Context, partnership: &str, offer: String) -> Result<Exit, Problem> {
    let to = route(&["partnerships", partnership, "mailboxes"]);
    let done: Appointed = context.client().await?.post(&to, &Appoint { offer }).await?;
    context.output.answer(&done, |page| {
        page.line("The mailbox is used from now on. Partners' nodes hear of it when they are connected.");
        page.item("mailbox", &done.mailbox.short());
    })?;
    Ok(Exit::Done)
}

async fn dismiss(context: &Context, partnership: &str, mailbox: &str) -> Result<Exit, Problem> {
    let to = route(&["partnerships", partnership, "mailboxes", mailbox, "dismiss"]);
    let done: Appointed = context.client().await?.post(&to, &json!({})).await?;
    context.output.answer(&done, |page| {
        page.line("The mailbox is used no more. What lies in it is deleted when its days are over.");
        page.item("mailbox", &done.mailbox.short());
    })?;
    Ok(Exit::Done)
}

async fn list(context: &Context) -> Result<Exit, Problem> {
    let all: Mailboxes = context.client().await?.get(&route(&["mailboxes"])).await?;
    context.output.answer(&all, |page| paint(page, &all))?;
    let withheld = all.used.iter().any(|used| !used.withheld.is_empty());
    Ok(if withheld { Exit::Findings } else { Exit::Done })
}

fn paint(page: &mut Page, all: &Mailboxes) {
    page.heading("Kept on this node");
    if all.kept.is_empty() {
        page.line("  none");
    } else {
        page.table(["mailbox", "made", "bytes", "entries", "days", "logs"], all.kept.iter().map(kept));
    }
    page.heading("Used by partnerships");
    if all.used.is_empty() {
        page.line("  none");
    } else {
        page.table(["mailbox", "partnership", "at", "last visit", "last failure"], all.used.iter().map(used));
    }
    for used in &all.used {
        for lacking in &used.withheld {
            page.line(&format!(
                "{} withholds {} entries of {}: it has expired them, lost them, or lies.",
                used.mailbox.short(),
                lacking.entries,
                lacking.author.name
            ));
        }
        if used.full {
            page.line(&format!("{} takes no more: it is full.", used.mailbox.short()));
        }
    }
}

fn kept(kept: &BoxView) -> [String; 6] {
    [
        kept.mailbox.short(),
        times::local(kept.made),
        format!("{} of {}", kept.bytes.0, kept.bytes.1),
        format!("{} of {}", kept.entries.0, kept.entries.1),
        kept.days.to_string(),
        kept.logs.to_string(),
    ]
}

fn used(used: &UsedView) -> [String; 5] {
    [
        used.mailbox.short(),
        used.partnership_name.clone(),
        used.addresses.join(", "),
        times::local_or(used.visited, "not yet"),
        used.last_error.clone().unwrap_or_default(),
    ]
}
