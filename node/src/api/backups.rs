//! A back-up of the running node.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::backup::{self, BackupError, Manifest, Source};
use crate::clock;
use crate::vault::VaultParams;

use super::problem::{failed, refuse_input};
use super::routes::{Answer, blocking};
use super::server::Server;
use super::types::Problem;

/// `POST /v1/backup`.
#[derive(Serialize, Deserialize)]
pub struct NewBackup {
    /// The file to make, by its full path.
    pub file: PathBuf,
    /// What opens it.
    pub passphrase: Zeroizing<String>,
    /// Are attachments to be in it?
    #[serde(default)]
    pub attachments: bool,
}

const NOT_MADE: &str = "No back-up was made.";

pub(super) async fn create(
    State(server): State<Arc<Server>>,
    Json(body): Json<NewBackup>,
) -> Answer<Manifest> {
    let node = server.unlocked()?;
    if !body.file.is_absolute() {
        return Err(refuse_input("the file is not a full path", NOT_MADE, "Name it from the root: /media/…"));
    }
    let manifest = blocking(move || {
        // The journal first: there is a key for all that is in it then.
        let end = node.shared.ledger.store().journal.end();
        let secrets = node.shared.keeper.look(Clone::clone);
        let (home, now) = (&node.home, clock::now());
        let source = Source { home, end, secrets, attachments: body.attachments, now };
        let made = backup::create(&body.file, body.passphrase.as_bytes(), VaultParams::default(), source);
        let manifest = made.map_err(|e| problem(&e))?;
        let noted = node.shared.keeper.change(|secrets| secrets.backed_up = Some(now));
        noted.map_err(|e| failed(format!("the back-up is made, but its date could not be kept: {e}"), ""))?;
        Ok(manifest)
    })
    .await?;
    Ok(Json(manifest))
}

fn problem(error: &BackupError) -> Problem {
    match error {
        BackupError::Exists(_) => refuse_input(error.to_string(), NOT_MADE, "Choose another name."),
        _ => failed(error.to_string(), NOT_MADE),
    }
}
