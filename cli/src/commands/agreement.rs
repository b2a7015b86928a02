//! `entente partnership agreement …`.

mod diff;
mod document;

use std::path::Path;

use entente_node::api::types::{AgreementView, DecideRequest, PartnershipView, Problem};
use entente_protocol::agreement::Agreement;
use entente_protocol::limits;
use serde_json::json;

use super::govern;
use super::partnership::read_text;
use crate::args::{AgreementCommand, GovernCommand};
use crate::client::route;
use crate::output::Page;
use crate::problem::{Exit, FINDINGS, NOT_FOUND, problem};
use crate::{Context, node_calls};

/// Dispatches.
pub(super) async fn agreement(context: &Context, command: AgreementCommand) -> Result<Exit, Problem> {
    match command {
        AgreementCommand::Template { form } => template(context, &form),
        AgreementCommand::Show { partnership, text } => show(context, &partnership.partnership, text).await,
        AgreementCommand::Check { agreement, document } => {
            document::check(context, &agreement, document.as_deref())
        }
        AgreementCommand::Attach { agreement, file, in_place } => {
            document::attach(context, &agreement, &file, in_place)
        }
        AgreementCommand::Propose { partnership, agreement } => {
            let text = read_text(&agreement, limits::MAX_AGREEMENT)?;
            let ask = DecideRequest::Amend { agreement: text };
            let done = "The new version is in force.";
            govern::decide(context, &partnership.partnership, ask, done).await
        }
        AgreementCommand::Sign(one) => govern::govern(context, GovernCommand::Sign(one)).await,
        AgreementCommand::Diff { old, new } => diff::diff(context, &old, &new).await,
    }
}

fn template(context: &Context, form: &str) -> Result<Exit, Problem> {
    let text = node_calls::templates(form).ok_or_else(|| {
        problem(
            NOT_FOUND,
            "not-found",
            format!("there is no template of the form {form}"),
            "nothing was printed",
            context.command("partnership agreement template --help"),
        )
    })?;
    if context.output.is_json() {
        context.output.object(&json!({ "form": form, "text": text }))?;
    } else {
        context.output.own_text(text);
    }
    Ok(Exit::Done)
}

async fn show(context: &Context, partnership: &str, text: bool) -> Result<Exit, Problem> {
    let view: PartnershipView = context.client().await?.get(&route(&["partnerships", partnership])).await?;
    let agreement = &view.agreement;
    context.output.answer(agreement, |page| {
        if text {
            page.text(&agreement.text);
        } else {
            paint(page, agreement);
        }
    })?;
    Ok(Exit::Done)
}

/// The text of an agreement's file; `-` is stdin.
fn read(file: &Path) -> Result<String, Problem> {
    read_text(file, limits::MAX_AGREEMENT)
}

/// The agreement that a text is, or the line with its first fault.
fn parsed(file: &Path, text: &str) -> Result<Agreement, Problem> {
    Agreement::parse(text).map_err(|fault| {
        problem(
            FINDINGS,
            "bad-agreement",
            format!("{}, {fault}", file.display()),
            "nothing was printed or changed",
            "correct that line, then try again",
        )
    })
}

/// An agreement in plain sentences.
pub(super) fn paint(page: &mut Page, agreement: &AgreementView) {
    page.heading(&format!("Agreement: {}", agreement.title));
    for sentence in &agreement.sentences {
        page.point(sentence);
    }
    page.item("hash", &agreement.hash);
}
