//! What is done to records that were shared already: correct, withdraw, who confirmed, ask, grant.

use entente_node::api::types::{AnswerRequest, ConsentRequest, Problem, Receipts, VersionView, WordsRequest};
use serde_json::{Value, json};

use super::{record, words};
use crate::args::{AfterwardsCommand, WithdrawArgs};
use crate::client::route;
use crate::output::Page;
use crate::problem::{Exit, declined, usage};
use crate::{Context, ask, safe_text, times};

/// Dispatches.
pub(super) async fn afterwards(context: &Context, command: AfterwardsCommand) -> Result<Exit, Problem> {
    match command {
        AfterwardsCommand::Correct { record: the, file } => {
            record::kept(context, &file, &route(&["records", &the.record, "correct"])).await
        }
        AfterwardsCommand::Versions(the) => versions(context, &the.record).await,
        AfterwardsCommand::Withdraw(what) => withdraw(context, &what).await,
        AfterwardsCommand::Receipts(the) => {
            let found: Receipts =
                context.client().await?.get(&route(&["records", &the.record, "receipts"])).await?;
            context.output.answer(&found, |page| paint(page, &found))?;
            Ok(Exit::Done)
        }
        AfterwardsCommand::Ask { record, purpose } => {
            let to = route(&["records", &record.record, "ask"]);
            said(context, &to, &WordsRequest { words: purpose }, "Its author is asked.").await
        }
        AfterwardsCommand::Grant { record, org, words, no } => {
            let to = route(&["records", &record.record, "answer"]);
            let request = AnswerRequest { organisation: org, yes: !no, words };
            said(context, &to, &request, "They are told.").await
        }
        AfterwardsCommand::EndConsent { consent } => {
            let request = ConsentRequest { consent };
            said(context, &route(&["consents", "end"]), &request, "The readers of those records are told.")
                .await
        }
    }
}

async fn said(
    context: &Context,
    to: &str,
    request: &impl serde::Serialize,
    words: &str,
) -> Result<Exit, Problem> {
    let answer: Value = context.client().await?.post(to, request).await?;
    context.output.answer(&answer, |page| page.line(words))?;
    Ok(Exit::Done)
}

async fn withdraw(context: &Context, what: &WithdrawArgs) -> Result<Exit, Problem> {
    if !what.yes {
        if !ask::somebody_is_there() {
            return Err(usage(
                "withdrawing cannot be undone, and there is no terminal to ask on",
                "add --yes",
            ));
        }
        if !ask::confirmed(&context.output, "Erase it here, and ask every reader to erase it?") {
            return Err(declined("nothing was withdrawn"));
        }
    }
    let to = route(&["records", &what.record.record, "withdraw"]);
    let request = WordsRequest { words: what.reason.clone() };
    let receipts: Receipts = context.client().await?.post(&to, &request).await?;
    context.output.answer(&receipts, |page| {
        page.line("It is withdrawn, and erased here.");
        paint(page, &receipts);
    })?;
    Ok(Exit::Done)
}

fn paint(page: &mut Page, receipts: &Receipts) {
    page.item("record", &receipts.record.to_string());
    page.item("cause", &receipts.cause);
    page.item("reason", &receipts.reason);
    page.item("erased here", &times::local_or(receipts.erased_here, "not yet"));
    page.heading("Who has confirmed");
    for reader in &receipts.readers {
        let state = match (reader.confirmed, reader.reachable) {
            (Some(when), _) => format!("erased it; its signed receipt came on {}", times::local(when)),
            (None, true) => "has not confirmed yet".to_owned(),
            (None, false) => "is not a member any more, and cannot be asked".to_owned(),
        };
        page.item(&words::organisation(&reader.organisation), &state);
    }
}

async fn versions(context: &Context, record: &str) -> Result<Exit, Problem> {
    let found: Vec<VersionView> =
        context.client().await?.get(&route(&["records", record, "versions"])).await?;
    context.output.answer(&json!({ "versions": found }), |page| {
        for (number, version) in found.iter().enumerate() {
            let id = words::short(&version.summary.id);
            page.heading(&format!("Version {}: {id}, {}", number + 1, times::local(version.summary.created)));
            page.line(&safe_text::cut(&version.summary.title, 60));
            for change in &version.changes {
                let text = |value: &Option<Value>| value.as_ref().map(words::value);
                if let Some(before) = text(&change.before) {
                    page.item(&format!("- {}", change.field), &before);
                }
                if let Some(now) = text(&change.now) {
                    page.item(&format!("+ {}", change.field), &now);
                }
            }
        }
    })?;
    Ok(Exit::Done)
}
