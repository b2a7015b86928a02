//! `entente visit correct` and `corrections`: facts that an authority corrected in a draft report (rule C9). A correction
//! is a reply of its own; nothing edits the draft.

use entente_node::api::types::{Problem, RecordView};
use serde_json::{Value, json};

use super::say::Statement;
use super::words;
use crate::args::Say;
use crate::client::route;
use crate::output::Page;
use crate::problem::{Exit, usage};
use crate::{Context, safe_text, times};

/// The kind of a report, and of what an authority says of it.
const KINDS: (&str, &str) = ("visit-report", "authority-reply");

/// Writes a correction beside a report: who corrected it, what is right, and which field of the report it is about.
pub(super) async fn correct(
    context: &Context,
    report: &str,
    (authority, text, part): (String, String, Option<String>),
    say: &Say,
) -> Result<Exit, Problem> {
    let report = fetch(context, report).await?;
    if let Some(part) = part.as_ref().filter(|part| !report.fields.iter().any(|(name, _)| name == *part)) {
        let fields: Vec<&str> = report.fields.iter().map(|(name, _)| name.as_str()).collect();
        let next = format!("name one of its fields: {}", fields.join(", "));
        return Err(usage(format!("the report has no field `{part}`; nothing was written down"), &next));
    }
    let said = Statement::replying(KINDS.1, &report).with("authority", authority).with("text", text);
    said.with_some("part", part).said(context, say).await
}

/// The report, with what corrects each field beneath it.
pub(super) async fn show(context: &Context, report: &str) -> Result<Exit, Problem> {
    let report = fetch(context, report).await?;
    let mut corrections = Vec::new();
    for reply in report.about.referred_by.iter().filter(|reply| reply.kind == KINDS.1) {
        let route = route(&["records", &reply.record.to_string()]);
        let correction: RecordView = context.client().await?.get(&route).await?;
        if correction.replies_to == Some(report.summary.id) {
            corrections.push(correction);
        }
    }
    let answer = json!({ "report": report, "stage": report.about.stage, "corrections": corrections });
    context.output.answer(&answer, |page| paint(page, &report, &corrections))?;
    Ok(Exit::Done)
}

async fn fetch(context: &Context, report: &str) -> Result<RecordView, Problem> {
    let view: RecordView = context.client().await?.get(&route(&["records", report])).await?;
    if view.summary.kind.as_str() == KINDS.0 {
        return Ok(view);
    }
    Err(usage(
        format!("that record is no {}, but of the kind {}", KINDS.0, view.summary.kind),
        "find the report: entente record list --kind visit-report",
    ))
}

fn paint(page: &mut Page, report: &RecordView, corrections: &[RecordView]) {
    page.heading(&report.summary.title);
    page.item("record", &report.summary.id.to_string());
    page.item("stage", report.about.stage.as_deref().unwrap_or_default());
    let part = |correction: &RecordView| text(correction, "part");
    for (name, value) in &report.fields {
        page.block(name, &words::value(value));
        corrections.iter().filter(|c| part(c) == *name).for_each(|c| correction(page, c));
    }
    let known = |name: &str| report.fields.iter().any(|(field, _)| field == name);
    let mut whole = corrections.iter().filter(|c| !known(&part(c))).peekable();
    if whole.peek().is_some() {
        page.heading("Corrections of the whole");
        whole.for_each(|c| correction(page, c));
    }
    if corrections.is_empty() {
        page.line("No fact was corrected. `entente visit correct` writes down what an authority corrects.");
    }
}

fn correction(page: &mut Page, correction: &RecordView) {
    let day = times::day(correction.summary.created);
    let who = safe_text::line(&text(correction, "authority"));
    page.block(&format!("corrected by {who}, {day}"), &text(correction, "text"));
}

fn text(view: &RecordView, field: &str) -> String {
    let value = view.fields.iter().find(|(name, _)| name == field).map(|(_, value)| value);
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}
