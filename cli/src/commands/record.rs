//! `entente record new`, `list`, `search` and `show`; the rest of the noun has files of its own.

use std::path::Path;

use entente_node::api::types::{
    AttachmentView, DraftInput, Problem, RecordCreated, RecordPage, RecordSummary, RecordView, Searched,
};
use serde_json::Value;

use super::{attachment, copies, drafts, export, import, kinds, share, withdraw, words};
use crate::args::{Filters, RecordCommand};
use crate::client::{query, route};
use crate::output::Page;
use crate::problem::Exit;
use crate::{Context, safe_text, times};

/// Columns of a title in a list; the whole of it is in `record show`.
const TITLE: usize = 60;
/// Columns of a name in a list.
const NAME: usize = 24;
/// Columns up to which a field's text stands beside its name.
const SHORT_FIELD: usize = 60;

/// Dispatches.
pub(super) async fn record(context: &Context, command: RecordCommand) -> Result<Exit, Problem> {
    match command {
        RecordCommand::Kind(command) => kinds::kind(context, command).await,
        RecordCommand::New { file } => new(context, &file).await,
        RecordCommand::Share { target, yes, expect_readers } => {
            share::share(context, &target, yes, expect_readers).await
        }
        RecordCommand::Preview(target) => share::preview(context, &target).await,
        RecordCommand::List(filters) => {
            let route = route(&["records"]) + &query(&filters.query(None));
            let page: RecordPage = context.client().await?.get(&route).await?;
            list(context, &page, &filters)
        }
        RecordCommand::Search { text, filters } => {
            let query = filters.query(Some(text.join(" ")));
            let page: RecordPage = context.client().await?.post(&route(&["search"]), &query).await?;
            list(context, &page, &filters)
        }
        RecordCommand::Show(the) => show(context, &the.record).await,
        RecordCommand::Import { file, dry_run, skip } => import::import(context, &file, dry_run, skip).await,
        RecordCommand::Export { record, file, purpose } => {
            export::export(context, &record.record, &file, purpose.as_deref()).await
        }
        RecordCommand::Afterwards(command) => withdraw::afterwards(context, command).await,
        RecordCommand::Redact(what) => export::redact(context, &what).await,
        RecordCommand::PassOn(what) => copies::pass_on(context, &what).await,
        RecordCommand::Verify { file } => export::verify(context, &file),
    }
}

async fn new(context: &Context, file: &Path) -> Result<Exit, Problem> {
    kept(context, file, &route(&["records"])).await
}

/// Keeps the draft in a file by way of a route that takes drafts.
pub(super) async fn kept(context: &Context, file: &Path, to: &str) -> Result<Exit, Problem> {
    let bytes = drafts::read_bounded(file, drafts::MAX_DRAFT_FILE)?;
    let draft: DraftInput = serde_json::from_slice(&bytes).map_err(|e| drafts::bad_draft(file, &e))?;
    let files = drafts::attached_files(&draft, drafts::folder_of(file))?;
    let client = context.client().await?;
    let draft = drafts::uploaded(&client, draft, &files).await?;
    let created: RecordCreated = client.post(to, &draft).await?;
    let id = words::short(&created.record);
    let next = context.command(&format!("record preview {id} --partnership P"));
    context.output.answer(&created, |page| {
        page.line("The draft is kept; nobody else can see it.");
        page.item("record", &created.record.to_string());
        for warning in &created.warnings {
            page.item("note", warning);
        }
        page.item("next", &next);
    })?;
    Ok(Exit::Done)
}

fn list(context: &Context, found: &RecordPage, filters: &Filters) -> Result<Exit, Problem> {
    context.output.answer(found, |page| {
        if found.records.is_empty() {
            return page.line("No record.");
        }
        page.table(["id", "arrived", "kind", "from", "partnership", "title"], found.records.iter().map(row));
    })?;
    if let Some(searched) = &found.searched {
        say_how_far(context, searched);
    }
    if let Some(next) = &found.next {
        context.output.note(&format!(
            "{} shown; there are more: repeat the command with --after {next}, or with --limit {}",
            found.records.len(),
            filters.limit.saturating_mul(4).min(1000)
        ));
    }
    Ok(Exit::Done)
}

/// What a search did not reach.
fn say_how_far(context: &Context, searched: &Searched) {
    if !searched.complete {
        context.output.note(&format!(
            "only {} of {} records were searched, the newest: the index is being made; ask again in a moment",
            searched.indexed, searched.of
        ));
    }
    if searched.found == 0 && searched.cut > 0 {
        let what = words::count(searched.cut, "record is", "records are");
        context.output.note(&format!("{what} longer than what is searched: the first 64 KiB of text"));
    }
}

fn row(record: &RecordSummary) -> [String; 6] {
    let files = match record.attachments {
        0 => String::new(),
        n => format!(" [{}]", words::count(n, "file", "files")),
    };
    [
        words::short(&record.id),
        times::local(record.arrived),
        record.kind.to_string(),
        safe_text::cut(&record.author.name, NAME),
        if record.partnership.is_none() {
            "(draft)".to_owned()
        } else {
            safe_text::cut(record.partnership_name.as_deref().unwrap_or_default(), NAME)
        },
        safe_text::cut(&record.title, TITLE) + &files,
    ]
}

async fn show(context: &Context, record: &str) -> Result<Exit, Problem> {
    let view: RecordView = context.client().await?.get(&route(&["records", record])).await?;
    context.output.answer(&view, |page| paint(page, &view))?;
    Ok(Exit::Done)
}

fn paint(page: &mut Page, view: &RecordView) {
    let summary = &view.summary;
    page.heading(&format!("{}: {}", summary.kind, safe_text::cut(&summary.title, TITLE)));
    page.item("record", &summary.id.to_string());
    page.item("author", &words::organisation(&summary.author));
    page.item("verified", &view.verified);
    page.item("partnership", summary.partnership_name.as_deref().unwrap_or_default());
    page.item("dated", &times::local(summary.created));
    page.item("arrived", &times::local(summary.arrived));
    page.item("language", summary.language.as_str());
    page.item("stage", view.about.stage.as_deref().unwrap_or_default());
    for words in &view.about.progress {
        page.item("", words);
    }
    for finding in &view.about.findings {
        page.item("note", finding);
    }
    page.item("corrects", &view.about.supersedes.map(|id| id.to_string()).unwrap_or_default());
    page.item("answers", &view.replies_to.map(|id| id.to_string()).unwrap_or_default());
    for (partnership, record) in &view.shared_as {
        page.item("shared as", &format!("{record} in {}", words::short(partnership)));
    }
    paint_fields(page, &view.fields);
    paint_handling(page, view);
    for said in &view.said {
        page.point(said);
    }
    page.heading("Can read it");
    for reader in &view.readers {
        page.point(&words::organisation(reader));
    }
    paint_attachments(page, &view.attachment_list);
    if !view.about.referred_by.is_empty() {
        page.heading("Refers to it");
        for r in &view.about.referred_by {
            let id = words::short(&r.record);
            page.point(&format!("{} {id} by {}: {}", r.kind, r.author.name, safe_text::cut(&r.title, TITLE)));
        }
    }
}

fn paint_fields(page: &mut Page, fields: &[(String, Value)]) {
    page.heading("Content");
    for (name, value) in fields {
        let text = words::value(&without_signatures(value));
        if text.contains('\n') || text.chars().count() > SHORT_FIELD {
            page.block(name, &text);
        } else {
            page.item(name, &text);
        }
    }
}

/// What was signed, beside what it says: for programs, and a screen long.
fn without_signatures(value: &Value) -> Value {
    match value {
        Value::Array(entries) => entries.iter().map(without_signatures).collect(),
        Value::Object(table) if table.contains_key("text") => {
            table.iter().filter(|(name, _)| *name != "signed").map(|(n, v)| (n.clone(), v.clone())).collect()
        }
        other => other.clone(),
    }
}

fn paint_handling(page: &mut Page, view: &RecordView) {
    let handling = &view.handling;
    page.heading("Handling");
    page.item("sensitivity", &words::sensitivity(view.summary.sensitivity));
    page.item("passing on", words::onward(handling.onward));
    page.item("personal data", &words::yes(handling.personal_data));
    page.item("consent", handling.consent.as_deref().unwrap_or_default());
    page.item("embargo until", &times::local_or(handling.embargo_until, ""));
    page.item("keep until", &times::local_or(handling.keep_until, ""));
}

fn paint_attachments(page: &mut Page, attachments: &[AttachmentView]) {
    if !attachments.is_empty() {
        page.heading("Attachments");
        attachment::table(page, attachments);
    }
}
