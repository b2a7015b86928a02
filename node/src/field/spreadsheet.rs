//! Recommendations from a spreadsheet: new rows and updates, all or none, tried first if asked.
//!
//! A row with the `external-id` of a recommendation of ours corrects it: the draft that is made supersedes it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use entente_protocol::csv;
use entente_protocol::schema::{self, FieldType};
use entente_protocol::value::Value;
use serde_json::json;

use crate::api::problem::{failed, refuse_input, refused};
use crate::api::types::{
    DraftInput, ImportedRow, Problem, ShareRequest, SpreadsheetImport, SpreadsheetImported,
};
use crate::desk::view::Outcome;
use crate::desk::{Caller, release};
use crate::me;
use crate::node::Node;
use crate::records::drafts;

use super::Known;
use super::recommendations::{DERIVED, by_external_id};

const NOTHING: &str = "No draft was made.";

/// Takes a spreadsheet in.
///
/// # Errors
/// [`Problem`] if it is no table, or if a row is wrong and it is not only tried; then nothing was kept.
pub async fn import(
    node: &Arc<Node>,
    caller: &Caller,
    request: SpreadsheetImport,
) -> Result<SpreadsheetImported, Problem> {
    let (reader, table) = (node.clone(), request.clone());
    // A table of thousands of rows must not hold up the network.
    let read = tokio::task::spawn_blocking(move || read(&reader, &table)).await;
    let mut made = read.map_err(|e| failed(e.to_string(), NOTHING))??;
    if request.dry_run {
        return Ok(made.told);
    }
    if made.told.wrong > 0 {
        let first = made.told.rows.iter().find(|row| row.action == "wrong");
        let what =
            first.map(|row| format!("row {}: {}", row.row, row.findings.join("; "))).unwrap_or_default();
        let all = format!("{} rows cannot be taken; {what}", made.told.wrong);
        return Err(refused(
            &[("E-FIELDS".into(), all)],
            NOTHING,
            "Try with --dry-run, and correct the rows.",
        ));
    }
    let mut kept = Vec::new();
    for slice in made.drafts.chunks(drafts::MAX_IMPORT) {
        let inputs = slice.iter().map(|(_, input)| input.clone()).collect();
        kept.extend(drafts::keep(node, inputs).await?);
    }
    for ((row, _), kept) in made.drafts.iter().zip(&kept) {
        if let Some(row) = made.told.rows.get_mut(*row) {
            row.record = Some(kept.record);
        }
    }
    if let Some(partnership) = request.partnership {
        for kept in &kept {
            let share = ShareRequest {
                partnership: partnership.clone(),
                readers: request.readers.clone(),
                expect_readers: None,
                keep_metadata: false,
            };
            let outcome = release::share(node, caller, &kept.record.to_string(), &share).await;
            let outcome = outcome.map_err(|mut problem| {
                problem.not_done = format!(
                    "{} of {} were shared; all are kept as drafts.",
                    made.told.shared,
                    kept_len(&made)
                );
                problem
            })?;
            match outcome {
                Outcome::Shared(_) => made.told.shared += 1,
                Outcome::Waiting { .. } => made.told.waiting += 1,
            }
        }
    }
    Ok(made.told)
}

fn kept_len(made: &Made) -> usize {
    made.drafts.len()
}

/// What a table makes.
struct Made {
    told: SpreadsheetImported,
    /// Drafts, each with its row.
    drafts: Vec<(usize, DraftInput)>,
}

fn read(node: &Arc<Node>, request: &SpreadsheetImport) -> Result<Made, Problem> {
    let table = csv::parse(&request.csv)
        .map_err(|e| refuse_input(format!("the spreadsheet: {e}"), NOTHING, "Save it as CSV in UTF-8."))?;
    let mut rows = table.into_iter();
    let header = rows.next().ok_or_else(|| {
        refuse_input("the spreadsheet is empty", NOTHING, "Its first row names the columns.")
    })?;
    let (columns, unknown_columns) = columns(&header, &request.columns)?;
    let known = by_external_id(node, &me::view(node.me.introduced.organisation()));
    let mut made = Made {
        told: SpreadsheetImported {
            dry_run: request.dry_run,
            new: 0,
            updated: 0,
            unchanged: 0,
            wrong: 0,
            shared: 0,
            waiting: 0,
            unknown_columns,
            rows: Vec::new(),
        },
        drafts: Vec::new(),
    };
    let mut seen = BTreeSet::new();
    for (number, cells) in rows.enumerate() {
        take(node, request, (number, &cells), &columns, &known, (&mut seen, &mut made));
    }
    Ok(made)
}

/// The field that each column is; nothing for those that are passed over.
fn columns(
    header: &[String],
    named: &BTreeMap<String, String>,
) -> Result<(Vec<Option<String>>, Vec<String>), Problem> {
    let kind = recommendation();
    let schema = kind.as_ref().and_then(schema::schema);
    let mut columns: Vec<Option<String>> = Vec::new();
    let mut unknown = Vec::new();
    for cell in header {
        let name = cell.trim();
        let by_name = named.iter().find(|(column, _)| column.trim() == name).map(|(_, field)| field.clone());
        let folded = by_name.unwrap_or_else(|| name.to_lowercase().replace([' ', '_'], "-"));
        if name.is_empty() || DERIVED.contains(&folded.as_str()) {
            columns.push(None);
            continue;
        }
        if columns.iter().flatten().any(|other| *other == folded) {
            let what = format!("two columns are the field `{folded}`");
            return Err(refuse_input(what, NOTHING, "Name each field once."));
        }
        if schema.is_none_or(|s| s.field(&folded).is_none()) {
            unknown.push(name.to_owned());
        }
        columns.push(Some(folded));
    }
    let there = |column: &str| header.iter().any(|cell| cell.trim() == column.trim());
    if let Some(missing) = named.keys().find(|column| !there(column)) {
        let what = format!("the spreadsheet has no column `{missing}`");
        return Err(refuse_input(what, NOTHING, "Write its name as the first row has it."));
    }
    Ok((columns, unknown))
}

fn recommendation() -> Option<entente_protocol::handling::Kind> {
    "recommendation".parse().ok()
}

fn take(
    node: &Arc<Node>,
    request: &SpreadsheetImport,
    (number, cells): (usize, &[String]),
    columns: &[Option<String>],
    known: &BTreeMap<String, Known>,
    (seen, made): (&mut BTreeSet<String>, &mut Made),
) {
    let mut fields: BTreeMap<String, serde_json::Value> = BTreeMap::new();
    for (column, cell) in columns.iter().zip(cells) {
        if let Some(name) = column.as_ref().filter(|_| !cell.trim().is_empty()) {
            fields.insert(name.clone(), value(name, cell));
        }
    }
    let external = fields.get("external-id").and_then(|id| id.as_str()).map(str::to_owned);
    let title = ["title", "text"].iter().find_map(|name| fields.get(*name).and_then(|v| v.as_str()));
    let title: String = title.unwrap_or_default().chars().take(120).collect();
    let mut findings = Vec::new();
    let twice = external.as_ref().is_some_and(|id| !seen.insert(id.clone()));
    let before = external.as_ref().and_then(|id| known.get(id));
    let same = before.is_some_and(|known| same(&known.statement.fields, &fields));
    let mut action = match (before, same) {
        (_, true) => "unchanged",
        (Some(_), false) => "update",
        (None, _) => "new",
    };
    if twice {
        action = "wrong";
        findings.push("its external-id stands in an earlier row".to_owned());
    } else if action != "unchanged"
        && let Some(kind) = recommendation()
    {
        let input = DraftInput {
            kind,
            language: request.language.clone(),
            fields,
            sensitivity: request.sensitivity,
            handling: None,
            supersedes: before.map(|known| known.row.id),
            replies_to: None,
            attachments: Vec::new(),
        };
        match drafts::content(node, input.clone()) {
            Ok((_, odd)) => {
                findings.extend(odd);
                made.drafts.push((made.told.rows.len(), input));
            }
            Err(problem) => {
                action = "wrong";
                findings.push(problem.what);
            }
        }
    }
    let told = &mut made.told;
    match action {
        "new" => told.new += 1,
        "update" => told.updated += 1,
        "unchanged" => told.unchanged += 1,
        _ => told.wrong += 1,
    }
    let action = action.to_owned();
    told.rows.push(ImportedRow {
        row: number + 1,
        action,
        external_id: external,
        title,
        record: None,
        findings,
    });
}

/// A cell as the field wants it: lists are written with semicolons between, or new lines.
fn value(name: &str, cell: &str) -> serde_json::Value {
    let holds =
        recommendation().as_ref().and_then(schema::schema).and_then(|s| s.field(name)).map(|f| f.holds);
    let cell = cell.trim();
    match holds {
        Some(FieldType::Terms(_) | FieldType::Records | FieldType::Texts) => {
            json!(cell.split([';', '\n']).map(str::trim).filter(|t| !t.is_empty()).collect::<Vec<_>>())
        }
        Some(FieldType::YesNo) => match cell.to_lowercase().as_str() {
            "true" | "yes" | "1" => json!(true),
            "false" | "no" | "0" => json!(false),
            _ => json!(cell),
        },
        Some(FieldType::Number) => cell.parse::<i64>().map_or_else(|_| json!(cell), |n| json!(n)),
        _ => json!(cell),
    }
}

/// Do both say the same, in whatever order?
fn same(old: &[(String, Value)], new: &BTreeMap<String, serde_json::Value>) -> bool {
    let old: BTreeMap<String, serde_json::Value> =
        old.iter().map(|(name, value)| (name.clone(), value.to_json())).collect();
    old == *new
}
