//! `entente attachment …`, and saving confidential files.

use std::io;
use std::path::{Path, PathBuf};

use entente_node::api::types::{AttachmentView, Problem, RecordView};
use serde_json::json;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use super::{fetching, inspect, words};
use crate::Context;
use crate::args::AttachmentCommand;
use crate::client::route;
use crate::output::Page;
use crate::problem::{self, Exit, usage};

/// Dispatches.
pub(super) async fn attachment(context: &Context, command: AttachmentCommand) -> Result<Exit, Problem> {
    match command {
        AttachmentCommand::List { record } => list(context, &record).await,
        AttachmentCommand::Get { record, number, file, original } => {
            get(context, &record, number, &file, original).await
        }
        AttachmentCommand::Fetch { record, number, no_wait } => {
            fetching::fetch(context, &record, number, no_wait).await
        }
        AttachmentCommand::Rule(args) => fetching::rule(context, args).await,
        AttachmentCommand::Inspect { file } => inspect::inspect(context, &file),
    }
}

async fn list(context: &Context, record: &str) -> Result<Exit, Problem> {
    let view: RecordView = context.client().await?.get(&route(&["records", record])).await?;
    let answer = json!({ "record": view.summary.id, "attachments": view.attachment_list });
    context.output.answer(&answer, |page| {
        if view.attachment_list.is_empty() {
            return page.line("No file is attached.");
        }
        table(page, &view.attachment_list);
    })?;
    Ok(Exit::Done)
}

/// A table of attachments.
pub(super) fn table(page: &mut Page, attachments: &[AttachmentView]) {
    page.table(
        ["n", "name", "type", "size", "here"],
        attachments.iter().map(|a| {
            [
                a.number.to_string(),
                a.name.clone(),
                a.media_type.clone(),
                words::size(a.size),
                words::yes(a.complete),
            ]
        }),
    );
}

async fn get(
    context: &Context,
    record: &str,
    number: usize,
    file: &Path,
    original: bool,
) -> Result<Exit, Problem> {
    let client = context.client().await?;
    let mut route = route(&["records", record, "attachments", &number.to_string()]);
    if original {
        route.push_str("/original");
    }
    let mut new = NewFile::create(file).await?;
    let size = tokio::select! {
        size = client.download(&route, &mut new.file) => size?,
        // Returning removes what was saved so far.
        _ = tokio::signal::ctrl_c() => return Err(interrupted(file)),
    };
    new.keep().await?;
    context.output.answer(&json!({ "file": file.to_string_lossy(), "size": size }), |page| {
        page.line(&format!("Saved {} to {}.", words::size(size), file.display()));
    })?;
    Ok(Exit::Done)
}

fn interrupted(file: &Path) -> Problem {
    problem::problem(
        problem::FAILED,
        "interrupted",
        "you stopped it",
        format!("{} was not saved", file.display()),
        "repeat the command",
    )
}

/// A file that only its owner can read, that replaces nothing, and that is gone again unless it is kept.
pub(super) struct NewFile {
    file: File,
    path: PathBuf,
    kept: bool,
}

impl NewFile {
    /// Makes it.
    pub(super) async fn create(path: &Path) -> Result<NewFile, Problem> {
        let mut options = File::options();
        options.write(true).create_new(true).mode(0o600);
        match options.open(path).await {
            Ok(file) => Ok(NewFile { file, path: path.to_owned(), kept: false }),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                Err(usage(format!("{} exists already", path.display()), "choose another name"))
            }
            Err(e) => Err(problem::file("writing", path, &e)),
        }
    }

    /// Appends.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        self.file.write_all(bytes).await.map_err(|e| problem::file("writing", &self.path, &e))
    }

    /// It is complete: on the disk, and stays.
    pub(super) async fn keep(mut self) -> Result<(), Problem> {
        let synced = match self.file.flush().await {
            Ok(()) => self.file.sync_all().await,
            Err(e) => Err(e),
        };
        synced.map_err(|e| problem::file("writing", &self.path, &e))?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.kept {
            // Half a file helps nobody; where it cannot be removed, the error before this one is told.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
