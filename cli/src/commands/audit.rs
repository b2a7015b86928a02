//! `entente audit …`.

use std::path::Path;

use entente_node::api::types::Problem;
use entente_node::audit::view::{
    Acknowledged, AuditPage, AuditQuery, AuditReport, CheckedLog, ExportPage, Finding, Happening,
};
use serde_json::json;

use crate::args::AuditCommand;
use crate::client::{query, route};
use crate::output::Page;
use crate::problem::Exit;
use crate::{Context, times};

/// Lines of an export that are asked for at once.
const EXPORT_PAGE: usize = 1_000;

/// Dispatches.
pub(super) async fn audit(context: &Context, command: AuditCommand) -> Result<Exit, Problem> {
    match command {
        AuditCommand::Verify { partnership } => verify(context, partnership).await,
        AuditCommand::Show { partnership, newest } => show(context, partnership, newest).await,
        AuditCommand::Export { file, partnership } => export(context, &file, partnership).await,
        AuditCommand::Acknowledge { partnership } => acknowledge(context, partnership).await,
    }
}

fn asked(what: &str, partnership: Option<String>) -> String {
    format!("{}{}", route(&["audit", what]), query(&AuditQuery { partnership, ..AuditQuery::default() }))
}

async fn verify(context: &Context, partnership: Option<String>) -> Result<Exit, Problem> {
    let report: AuditReport = context.client().await?.get(&asked("verify", partnership)).await?;
    context.output.answer(&report, |page| {
        page.heading(if report.findings.is_empty() { "Nothing was found" } else { "Found" });
        report.findings.iter().for_each(|finding| paint(page, finding));
        page.heading("Read from the first entry to the last");
        page.table(["log", "partnership", "entries", "acknowledged by"], report.logs.iter().map(row));
    })?;
    Ok(if report.findings.is_empty() { Exit::Done } else { Exit::Findings })
}

fn paint(page: &mut Page, finding: &Finding) {
    page.line(&finding.words);
    page.item("code", &finding.code);
    page.item("partnership", finding.partnership_name.as_deref().unwrap_or_default());
    page.item("shown by", &finding.witnesses.join(", "));
    page.item("next", &finding.next);
}

fn row(log: &CheckedLog) -> [String; 4] {
    let whose = if log.ours { "our own" } else { &log.author };
    let receipts = log
        .acknowledged
        .iter()
        .map(|receipt| format!("{}: {} ({})", receipt.by, receipt.entries, times::local(receipt.arrived)));
    [
        format!("{whose}{}", if log.circle { ", for named readers" } else { "" }),
        log.partnership_name.clone(),
        log.entries.to_string(),
        receipts.collect::<Vec<_>>().join("; "),
    ]
}

async fn show(context: &Context, partnership: Option<String>, newest: u64) -> Result<Exit, Problem> {
    let newest = usize::try_from(newest).ok();
    let wanted = AuditQuery { partnership, newest, ..AuditQuery::default() };
    let page: AuditPage =
        context.client().await?.get(&format!("{}{}", route(&["audit", "show"]), query(&wanted))).await?;
    context.output.answer(&page, |out| {
        if page.happened.is_empty() {
            out.line("Nothing happened yet.");
        }
        out.table(["when", "partnership", "who", "what"], page.happened.iter().map(told));
    })?;
    Ok(Exit::Done)
}

fn told(one: &Happening) -> [String; 4] {
    [times::local(one.when), one.partnership_name.clone(), one.who.clone(), one.words.clone()]
}

async fn export(context: &Context, file: &Path, partnership: Option<String>) -> Result<Exit, Problem> {
    let client = context.client().await?;
    let mut wanted = AuditQuery { partnership, limit: Some(EXPORT_PAGE), ..AuditQuery::default() };
    let mut page: ExportPage =
        client.get(&format!("{}{}", route(&["audit", "export"]), query(&wanted))).await?;
    let mut new = super::attachment::NewFile::create(file).await?;
    let mut written = 0;
    loop {
        let text: String = page.lines.iter().map(|line| format!("{line}\n")).collect();
        new.write(text.as_bytes()).await?;
        written += page.lines.len();
        wanted.after = page.next;
        if wanted.after.is_none() {
            break;
        }
        page = client.get(&format!("{}{}", route(&["audit", "export"]), query(&wanted))).await?;
    }
    new.keep().await?;
    context.output.answer(&json!({ "file": file.to_string_lossy(), "lines": written }), |page| {
        page.line(&format!("{written} lines were written to {}.", file.display()));
    })?;
    Ok(Exit::Done)
}

async fn acknowledge(context: &Context, partnership: Option<String>) -> Result<Exit, Problem> {
    let client = context.client().await?;
    let done: Acknowledged = client.post(&asked("acknowledge", partnership), &json!({})).await?;
    context.output.answer(&done, |page| {
        page.line(match done.entries {
            0 => "Everything that is held was acknowledged before, or cannot be now.",
            _ => "Acknowledged.",
        });
    })?;
    Ok(Exit::Done)
}
