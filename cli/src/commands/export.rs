//! `entente record export`, `redact` and `verify`: signed copies that need no node.

use std::path::Path;

use data_encoding::BASE64;
use entente_node::api::types::{Exported, Problem};
use serde_json::json;

use super::{copies, drafts, words};
use crate::Context;
use crate::args::RedactArgs;
use crate::client::{bad_answer, query, route};
use crate::problem::Exit;

/// Bytes of the largest copy that is verified in memory.
const MAX_COPY: usize = 256 * 1024 * 1024;

/// Saves a signed copy.
pub(super) async fn export(
    context: &Context,
    record: &str,
    file: &Path,
    purpose: Option<&str>,
) -> Result<Exit, Problem> {
    let route = route(&["records", record, "export"]) + &query(&json!({ "purpose": purpose }));
    let exported: Exported = context.client().await?.get(&route).await?;
    saved(context, record, &exported, file).await
}

/// Saves a redacted copy.
pub(super) async fn redact(context: &Context, what: &RedactArgs) -> Result<Exit, Problem> {
    let record = &what.record.record;
    let route = route(&["records", record, "redact"]);
    let exported: Exported = context.client().await?.post(&route, &what.request()).await?;
    saved(context, record, &exported, &what.output).await
}

async fn saved(context: &Context, record: &str, exported: &Exported, file: &Path) -> Result<Exit, Problem> {
    let bytes = BASE64.decode(exported.file.as_bytes()).map_err(|e| bad_answer(&e.to_string()))?;
    let mut new = super::attachment::NewFile::create(file).await?;
    new.write(&bytes).await?;
    new.keep().await?;
    let size = bytes.len();
    context.output.answer(
        &json!({ "record": record, "file": file.to_string_lossy(), "size": size }),
        |page| {
            page.line(&format!("Saved {} to {}.", words::size(size as u64), file.display()));
        },
    )?;
    Ok(Exit::Done)
}

/// Verifies a signed copy.
pub(super) fn verify(context: &Context, file: &Path) -> Result<Exit, Problem> {
    let bytes = drafts::read_bounded(file, MAX_COPY)?;
    let verified = copies::verify_file(&bytes)?;
    context.output.answer(&verified, |page| copies::paint(page, &verified))?;
    Ok(Exit::Done)
}
