//! Bundles, over the API.

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing::post;
use axum::{Json, Router};
use entente_protocol::bundle::BundleError;
use entente_protocol::ids::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bundle::{self, BundleMade, BundleTaken, Export, ExportError, ImportError};
use crate::partnership::{Command, CommandError, GovernError};
use crate::records::find;

use super::problem::{self, failed, refuse_input, refused};
use super::routes::{Answer, blocking};
use super::server::Server;
use super::types::Problem;

/// `POST /v1/partnerships/{p}/bundle`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct NewBundle {
    /// The file to make, by its full path.
    pub file: PathBuf,
    /// For whom: names, ids or beginnings of ids. All members if nobody is named.
    #[serde(default)]
    pub to: Vec<String>,
    /// Everything, rather than what they are not known to have.
    #[serde(default)]
    pub all: bool,
    /// Only what came to this node since then.
    #[serde(default)]
    pub since: Option<Timestamp>,
    /// The attachments of the records in it.
    #[serde(default)]
    pub attachments: bool,
    /// Acknowledge first what came: the answer to a bundle.
    #[serde(default)]
    pub acknowledge: bool,
}

/// `POST /v1/bundle/import`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TakeBundle {
    /// The file, by its full path.
    pub file: PathBuf,
    /// Only if it is of this partnership.
    #[serde(default)]
    pub partnership: Option<String>,
}

const NOT_MADE: &str = "No bundle was made.";
const NOTHING: &str = "Nothing was taken.";

/// The routes.
pub(super) fn routes() -> Router<Arc<Server>> {
    Router::new().route("/v1/partnerships/{p}/bundle", post(export)).route("/v1/bundle/import", post(import))
}

async fn export(
    State(server): State<Arc<Server>>,
    Path(p): Path<String>,
    Json(body): Json<NewBundle>,
) -> Answer<BundleMade> {
    let node = server.unlocked()?;
    let handle = find::partnership(&node, &p)?;
    let to = body.to.iter().map(|org| find::organisation(&handle, org)).collect::<Result<Vec<_>, _>>()?;
    full_path(&body.file, NOT_MADE)?;
    if body.acknowledge {
        let written = handle.ask(Command::Acknowledge).await;
        written.map_err(|e| problem::command(&e, NOT_MADE))?;
    }
    let NewBundle { file, all, since, attachments, .. } = body;
    let wanted = Export { file, to, all, since, attachments };
    let made = blocking(move || bundle::export(&node, &handle, &wanted).map_err(|e| not_made(&e))).await?;
    Ok(Json(made))
}

async fn import(State(server): State<Arc<Server>>, Json(body): Json<TakeBundle>) -> Answer<BundleTaken> {
    let node = server.unlocked()?;
    let wanted = body.partnership.map(|p| find::partnership(&node, &p)).transpose()?.map(|handle| handle.id);
    full_path(&body.file, NOTHING)?;
    let taken = blocking(move || bundle::import(&node, &body.file, wanted).map_err(|e| not_taken(&e)));
    Ok(Json(taken.await?))
}

fn full_path(file: &std::path::Path, not_done: &str) -> Result<(), Problem> {
    if file.is_absolute() {
        return Ok(());
    }
    Err(refuse_input("the file is not a full path", not_done, "Name it from the root: /media/…"))
}

fn not_made(error: &ExportError) -> Problem {
    match error {
        ExportError::Io { source, .. } if source.kind() == std::io::ErrorKind::AlreadyExists => {
            refuse_input(error.to_string(), NOT_MADE, "Choose another name.")
        }
        ExportError::Command(CommandError::Govern(GovernError::NotAMember)) => refused(
            &[("E-NO-READER".into(), "nobody else of these is a member that may have keys".into())],
            NOT_MADE,
            "See `entente member list`.",
        ),
        ExportError::Command(error) => problem::command(error, NOT_MADE),
        _ => failed(error.to_string(), NOT_MADE),
    }
}

/// Each reason has a code that scripts can tell apart.
fn not_taken(error: &ImportError) -> Problem {
    let refuse = |code: &str, next: &str| refused(&[(code.into(), error.to_string())], NOTHING, next);
    let again = "Copy it again from where it was made, or ask for a new one.";
    match error {
        ImportError::NotForUs => refuse("E-BUNDLE-NOT-OURS", "Ask its maker for whom it was made."),
        ImportError::OtherNode => refuse("E-BUNDLE-OTHER-NODE", "Ask its maker for one for this node."),
        ImportError::OtherPartnership => {
            refuse("E-BUNDLE-OTHER-PARTNERSHIP", "Import it without --partnership, or ask its maker.")
        }
        ImportError::NotAMember => refuse("E-BUNDLE-AUTHOR", "Ask a present member for a bundle."),
        ImportError::Version(_) => refuse("E-BUNDLE-VERSION", "Use programs of one version."),
        ImportError::Bundle(BundleError::CutOff) => refuse("E-BUNDLE-CUT", again),
        ImportError::Bundle(_) | ImportError::Message(_) => refuse("E-BUNDLE-CHANGED", again),
        ImportError::Io { .. } => failed(error.to_string(), "The bundle was not, or not all of it, taken."),
        ImportError::Command(error) => {
            problem::command(error, "Only the beginning may have been taken; import it again to go on.")
        }
    }
}
