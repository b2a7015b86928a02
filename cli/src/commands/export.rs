//! `entente record export` and `verify`: signed copies that need no node.

use std::path::Path;

use data_encoding::BASE64;
use entente_node::api::types::{Exported, Problem};
use serde_json::{Value, json};

use super::{drafts, words};
use crate::client::{bad_answer, route};
use crate::problem::Exit;
use crate::{Context, node_calls};

/// Bytes of the largest copy that is verified in memory.
const MAX_COPY: usize = 256 * 1024 * 1024;

/// Saves a signed copy.
pub(super) async fn export(context: &Context, record: &str, file: &Path) -> Result<Exit, Problem> {
    let client = context.client().await?;
    let exported: Exported = client.get(&route(&["records", record, "export"])).await?;
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
    let verified = node_calls::verify_file(&bytes)?;
    context.output.answer(&verified, |page| {
        page.heading("It verifies");
        match &verified {
            Value::Object(fields) => {
                for (name, value) in fields {
                    page.item(name, &words::value(value));
                }
            }
            other => page.item("result", &words::value(other)),
        }
    })?;
    Ok(Exit::Done)
}
