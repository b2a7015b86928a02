//! `entente backup …`: a whole node in one file, and back.

use std::path::Path;

use entente_node::api::backups::NewBackup;
use entente_node::api::types::Problem;
use entente_node::backup::{self, BackupError, Manifest};
use entente_node::vault::{VaultError, VaultParams};

use crate::args::{BackupCommand, BackupFile};
use crate::client::route;
use crate::output::Page;
use crate::problem::{self, Exit};
use crate::{Context, node_calls, passphrase, times};

/// Dispatches.
pub(super) async fn backup(context: &Context, command: BackupCommand) -> Result<Exit, Problem> {
    match command {
        BackupCommand::Create { file, attachments } => create(context, &file, attachments).await,
        BackupCommand::Verify(file) => verify(context, &file),
        BackupCommand::Restore(file) => restore(context, &file),
    }
}

async fn create(context: &Context, args: &BackupFile, attachments: bool) -> Result<Exit, Problem> {
    let not_made = "no back-up was made";
    let file = std::path::absolute(&args.file).map_err(|e| problem::file(not_made, &args.file, &e))?;
    let manifest: Manifest = match context.client().await {
        Ok(client) => {
            let passphrase = passphrase::known(&args.passphrase)?;
            client
                .post(&route(&["backup"]), &NewBackup { file: file.clone(), passphrase, attachments })
                .await?
        }
        Err(problem) if problem.code == "no-node" && node_calls::initialised(&context.home) => {
            let passphrase = passphrase::known(&args.passphrase)?;
            backup::create_stopped(&context.home, &file, passphrase.as_bytes(), attachments)
                .map_err(|e| explain(&file, &e, not_made))?
        }
        Err(problem) => return Err(problem),
    };
    context.output.answer(&manifest, |page| {
        page.line("The node is backed up.");
        paint(page, &file, &manifest);
        page.item("check it", &context.command(&format!("backup verify {}", file.display())));
    })?;
    Ok(Exit::Done)
}

fn verify(context: &Context, args: &BackupFile) -> Result<Exit, Problem> {
    let passphrase = passphrase::known(&args.passphrase)?;
    let verified = backup::verify(&args.file, passphrase.as_bytes())
        .map_err(|e| explain(&args.file, &e, "nothing was changed"))?;
    context.output.answer(&verified, |page| {
        page.line("The back-up is whole, and opens.");
        paint(page, &args.file, &verified.manifest);
        page.item("journal", &format!("{} frames, {} damaged", verified.frames, verified.damaged));
        page.item("attachments", &verified.attachment_files.to_string());
    })?;
    Ok(if verified.damaged == 0 { Exit::Done } else { Exit::Findings })
}

fn restore(context: &Context, args: &BackupFile) -> Result<Exit, Problem> {
    let passphrase = passphrase::known(&args.passphrase)?;
    let params = VaultParams::default();
    let manifest = backup::restore(&args.file, passphrase.as_bytes(), params, &context.home)
        .map_err(|e| explain(&args.file, &e, "no node was made"))?;
    context.output.answer(&manifest, |page| {
        page.line("The node is back. It opens with the passphrase of the back-up.");
        paint(page, &args.file, &manifest);
        page.line("It may have published more after the back-up was made, so it publishes nothing yet.");
        page.item("next", &context.command("run"));
        page.item("then", &context.command("key renew-log P"));
    })?;
    Ok(Exit::Done)
}

fn paint(page: &mut Page, file: &Path, manifest: &Manifest) {
    page.item("file", &file.display().to_string());
    page.item("organisation", &manifest.name);
    page.item("made", &times::local(manifest.made));
    page.item("partnerships", &manifest.partnerships.to_string());
}

fn explain(file: &Path, error: &BackupError, not_done: &str) -> Problem {
    match error {
        BackupError::Vault(VaultError::WrongPassphrase) => problem::problem(
            problem::LOCKED,
            "wrong-passphrase",
            "the passphrase is wrong, or the beginning of the file was changed",
            not_done,
            "try again; it is the one that was typed when the back-up was made",
        ),
        BackupError::Exists(path) => problem::problem(
            problem::USAGE,
            "exists",
            format!("{} exists already", path.display()),
            not_done,
            "choose another name, or an empty folder",
        ),
        BackupError::Damaged { .. } => problem::problem(
            problem::FAILED,
            "damaged",
            format!("{}: {error}", file.display()),
            not_done,
            "use another back-up",
        ),
        other => problem::problem(
            problem::FAILED,
            "backup",
            other.to_string(),
            not_done,
            "look at the disk; if the file is damaged, use another back-up",
        ),
    }
}
