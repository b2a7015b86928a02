//! `entente recommendation …`: where recommendations stand, and what everybody says of them.

use std::path::Path;

use entente_node::api::types::{
    Problem, RecommendationDetail, RecommendationPage, RecommendationQuery, RecommendationView, Spreadsheet,
    SpreadsheetImport, SpreadsheetImported, StatsQuery, StatsView, StatusView,
};
use serde_json::json;

use super::say::Statement;
use super::{attachment, drafts, words};
use crate::args::{RecommendationCommand, StatusArgs};
use crate::client::route;
use crate::output::Page;
use crate::problem::{self, Exit};
use crate::{Context, safe_text, times};

/// Columns of a title in a list.
const TITLE: usize = 48;
/// Columns of a name in a list.
const NAME: usize = 20;
/// Recommendations of one stage on the board.
const ON_BOARD: usize = 12;
/// Bytes of the largest spreadsheet: what one request holds.
const MAX_SHEET: usize = 6 * 1024 * 1024;
/// Rows that are told one by one.
const ROWS_TOLD: usize = 20;

/// Dispatches.
pub(super) async fn recommendation(
    context: &Context,
    command: RecommendationCommand,
) -> Result<Exit, Problem> {
    use RecommendationCommand as C;
    match command {
        C::List(filters) => list(context, &filters.query()).await,
        C::Show(the) => show(context, &the.record, false).await,
        C::Timeline(the) => show(context, &the.record, true).await,
        C::Board(filters) => {
            board(context, &RecommendationQuery { limit: Some(1000), ..filters.query() }).await
        }
        C::Stats { partnership, by, publish, svg } => {
            let query = StatsQuery { partnership, by: Some(by.as_str().to_owned()), publish };
            stats(context, &query, svg.as_deref()).await
        }
        C::Import { file, column, dry_run, language, sensitivity, share, yes: _ } => {
            let bytes = drafts::read_bounded(&file, MAX_SHEET)?;
            let csv = String::from_utf8(bytes)
                .map_err(|_| problem::usage("the file is not UTF-8", "save it as CSV in UTF-8"))?;
            let columns = column.into_iter().collect();
            let request = SpreadsheetImport {
                csv,
                columns,
                dry_run,
                language,
                sensitivity,
                partnership: share,
                readers: None,
            };
            import(context, &request).await
        }
        C::Export { file, filters } => export(context, &filters.query(), &file).await,
        said => say(context, said).await,
    }
}

async fn say(context: &Context, command: RecommendationCommand) -> Result<Exit, Problem> {
    use RecommendationCommand as C;
    let about = |kind, record: String| async move {
        Statement::about(context, kind, ("recommendation", &record)).await
    };
    match command {
        C::Reply { record, text, promised, say } => {
            let said = about("authority-reply", record.record).await?.with("text", text);
            said.with_some("promised", promised).said(context, &say).await
        }
        C::Assess { record, status, closes, say } => {
            let said = with_status(about("status-assessment", record.record).await?, status);
            said.with_some("closes", closes.then_some(true)).said(context, &say).await
        }
        C::Shadow { record, status, say } => {
            with_status(about("shadow-information", record.record).await?, status).said(context, &say).await
        }
        C::Endorse { record, text, say } => {
            about("endorsement", record.record).await?.with_some("statement", text).said(context, &say).await
        }
        C::Advocate { record, action, addressee, outcome, say } => {
            let said = Statement::about(context, "advocacy", ("recommendations", &record.record)).await?;
            let said = said.with("action", action).with_some("addressee", addressee);
            said.with_some("outcome", outcome).said(context, &say).await
        }
        _ => Ok(Exit::Done),
    }
}

fn with_status(said: Statement, args: StatusArgs) -> Statement {
    let said = said.with("status", args.status).with_some("axis", args.axis);
    said.with_some("evidence", args.evidence).with_some("date", args.date)
}

async fn fetch(context: &Context, query: &RecommendationQuery) -> Result<RecommendationPage, Problem> {
    context.client().await?.post(&route(&["recommendations", "list"]), query).await
}

async fn list(context: &Context, query: &RecommendationQuery) -> Result<Exit, Problem> {
    let found = fetch(context, query).await?;
    context.output.answer(&found, |page| {
        if found.recommendations.is_empty() {
            return page.line("No recommendation.");
        }
        page.table(
            ["id", "made", "stage", "status", "beside it", "title"],
            found.recommendations.iter().map(row),
        );
    })?;
    let shown = query.skip + found.recommendations.len();
    if shown < found.total {
        context.output.note(&format!("{shown} of {} shown; go on with --skip {shown}", found.total));
    }
    Ok(Exit::Done)
}

fn stage(view: &RecommendationView) -> String {
    let overdue = view.reply_overdue && view.stage != "overdue" || view.promise_overdue.is_some();
    if overdue { format!("{}, OVERDUE", view.stage) } else { view.stage.clone() }
}

fn row(view: &RecommendationView) -> [String; 6] {
    let beside =
        [(view.shadow.len(), "shadow"), (view.endorsements, "endorsed"), (view.advocacy, "advocacy")];
    let beside: Vec<String> =
        beside.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    [
        words::short(&view.id),
        times::day(view.said),
        stage(view),
        view.status.as_ref().map(|s| safe_text::cut(&s.word, NAME)).unwrap_or_default(),
        beside.join(", "),
        safe_text::cut(&view.title, TITLE),
    ]
}

fn status(status: &StatusView) -> String {
    let day = times::day(status.said);
    format!("\u{201c}{}\u{201d} ({}), by {} on {day}", status.word, status.axis, status.author.name)
}

async fn show(context: &Context, record: &str, timeline: bool) -> Result<Exit, Problem> {
    let detail: RecommendationDetail =
        context.client().await?.get(&route(&["recommendations", record])).await?;
    context.output.answer(&detail, |page| {
        paint(page, &detail);
        if timeline {
            page.heading("Timeline");
            page.table(
                ["said", "kind", "by", "", "in its own words"],
                detail.timeline.iter().map(|entry| {
                    [
                        times::day(entry.said),
                        entry.kind.clone(),
                        safe_text::cut(&entry.author.name, NAME),
                        (if entry.beside { "beside" } else { "" }).to_owned(),
                        safe_text::cut(&entry.words, TITLE),
                    ]
                }),
            );
        }
    })?;
    Ok(Exit::Done)
}

fn paint(page: &mut Page, detail: &RecommendationDetail) {
    let view = &detail.view;
    page.heading(&view.title);
    page.item("record", &view.id.to_string());
    page.item("by", &words::organisation(&view.author));
    page.item("stage", &stage(view));
    let none = || "not assessed".to_owned();
    page.item("status", &view.status.as_ref().map_or_else(none, status));
    for shadow in &view.shadow {
        page.item("beside it", &status(shadow));
    }
    page.item("reply due", &view.due.map(|due| times::day(before(due))).unwrap_or_default());
    page.item("promise past", &view.promise_overdue.map(|due| times::day(before(due))).unwrap_or_default());
    page.item("place", view.place.as_deref().unwrap_or_default());
    page.item("themes", &view.themes.join(", "));
    page.item("addressee", view.addressee.as_deref().unwrap_or_default());
    page.item("number", view.external_id.as_deref().unwrap_or_default());
    let beside = format!("{} endorsements, {} records of advocacy", view.endorsements, view.advocacy);
    page.item("support", &beside);
    if !detail.text.is_empty() {
        page.block("text", &detail.text);
    }
}

/// The last moment before: a day that is over at midnight is the day before.
pub(super) fn before(time: entente_protocol::ids::Timestamp) -> entente_protocol::ids::Timestamp {
    entente_protocol::ids::Timestamp(time.0.saturating_sub(1))
}

async fn board(context: &Context, query: &RecommendationQuery) -> Result<Exit, Problem> {
    let found = fetch(context, query).await?;
    let stages = entente_protocol::lifecycle::recommendation::Stage::ALL.map(|stage| stage.as_str());
    let columns: Vec<(&str, Vec<&RecommendationView>)> = stages
        .into_iter()
        .map(|stage| (stage, found.recommendations.iter().filter(|r| r.stage == stage).collect::<Vec<_>>()))
        .filter(|(_, all)| !all.is_empty())
        .collect();
    let as_json: Vec<_> =
        columns.iter().map(|(stage, all)| json!({ "stage": stage, "recommendations": all })).collect();
    context.output.answer(&json!({ "board": as_json, "total": found.total }), |page| {
        if columns.is_empty() {
            page.line("No recommendation.");
        }
        for (stage, all) in &columns {
            page.heading(&format!("{stage} ({})", all.len()));
            page.table(
                ["id", "made", "status", "title"],
                all.iter().take(ON_BOARD).map(|view| {
                    let overdue = view.reply_overdue || view.promise_overdue.is_some();
                    let mark = if overdue { "OVERDUE " } else { "" };
                    let status = view.status.as_ref().map(|s| s.word.clone()).unwrap_or_default();
                    [
                        words::short(&view.id),
                        times::day(view.said),
                        safe_text::cut(&status, NAME),
                        format!("{mark}{}", safe_text::cut(&view.title, TITLE)),
                    ]
                }),
            );
            if all.len() > ON_BOARD {
                page.line(&format!(
                    "… and {} more: recommendation list --stage {stage}",
                    all.len() - ON_BOARD
                ));
            }
        }
    })?;
    Ok(Exit::Done)
}

async fn stats(context: &Context, query: &StatsQuery, svg: Option<&Path>) -> Result<Exit, Problem> {
    let stats: StatsView = context.client().await?.post(&route(&["recommendations", "stats"]), query).await?;
    if let Some(file) = svg {
        save(file, stats.svg.as_bytes()).await?;
        context.output.note(&format!("The chart is in {}.", file.display()));
    }
    let number = |n: &Option<u64>| n.map_or_else(|| "not shown".to_owned(), |n| n.to_string());
    context.output.answer(&stats, |page| {
        page.heading(&stats.title);
        let total = [("in all".to_owned(), stats.total)];
        page.table(
            ["", "number"],
            stats.rows.iter().chain(&total).map(|(name, n)| [name.clone(), number(n)]),
        );
        if stats.published {
            page.line("Counts below 5 are left out: they could identify people.");
        }
    })?;
    Ok(Exit::Done)
}

async fn save(file: &Path, bytes: &[u8]) -> Result<(), Problem> {
    let mut new = attachment::NewFile::create(file).await?;
    new.write(bytes).await?;
    new.keep().await
}

async fn export(context: &Context, query: &RecommendationQuery, file: &Path) -> Result<Exit, Problem> {
    let table: Spreadsheet =
        context.client().await?.post(&route(&["recommendations", "export"]), query).await?;
    save(file, table.csv.as_bytes()).await?;
    context.output.answer(&json!({ "file": file.to_string_lossy(), "rows": table.rows }), |page| {
        let rows = words::count(table.rows, "recommendation", "recommendations");
        page.line(&format!("Saved {rows} to {}.", file.display()));
    })?;
    Ok(Exit::Done)
}

async fn import(context: &Context, request: &SpreadsheetImport) -> Result<Exit, Problem> {
    let done: SpreadsheetImported =
        context.client().await?.post(&route(&["recommendations", "import"]), request).await?;
    context.output.answer(&done, |page| {
        let made = if done.dry_run { "would be made" } else { "were made; nobody else can see them" };
        page.item(
            "new",
            &format!("{} {}", done.new, if done.shared > 0 { "were made and shared" } else { made }),
        );
        page.item("updates", &done.updated.to_string());
        page.item("unchanged", &done.unchanged.to_string());
        page.item("wrong", &done.wrong.to_string());
        page.item("shared", &done.shared.to_string());
        if done.waiting > 0 {
            page.item("to release", &format!("{} wait for others: entente release list", done.waiting));
        }
        page.item("unknown columns", &done.unknown_columns.join(", "));
        let told = done.rows.iter().filter(|row| !row.findings.is_empty()).take(ROWS_TOLD);
        for row in told {
            page.item(&format!("row {}", row.row), &format!("{}: {}", row.action, row.findings.join("; ")));
        }
    })?;
    Ok(match done {
        SpreadsheetImported { wrong: 1.., .. } => Exit::Findings,
        SpreadsheetImported { waiting: 1.., .. } => Exit::Queued,
        _ => Exit::Done,
    })
}
