//! Who plays: three organisations, each with a node of its own in a process of its own.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use entente_node::api::types::{Event, Problem, Status};
use entente_protocol::identity::OrgKind;
use entente_protocol::ids::RecordId;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use super::folder::Folder;
use crate::client::{Client, Events, route};
use crate::node_calls::{self, InitOptions, Listen};
use crate::problem::{FAILED, problem};

/// How long anything may take that is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at something that is waited for.
const PAUSE: Duration = Duration::from_millis(5);

/// One of the three.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Who {
    /// The National Preventive Mechanism.
    Npm,
    /// The civil-society organisation of the same country.
    Cso,
    /// The civil-society organisation of a neighbouring country.
    Neighbour,
}

impl Who {
    /// All three, in the order of the story.
    pub(super) const ALL: [Who; 3] = [Who::Npm, Who::Cso, Who::Neighbour];

    /// What the story calls it; also its folder's name.
    pub(super) fn label(self) -> &'static str {
        match self {
            Who::Npm => "npm",
            Who::Cso => "cso",
            Who::Neighbour => "neighbour",
        }
    }

    /// As the subject of a sentence.
    pub(super) fn the(self) -> &'static str {
        match self {
            Who::Npm => "the NPM",
            Who::Cso => "the CSO",
            Who::Neighbour => "the neighbour",
        }
    }

    /// The organisation's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Who::Npm => "Ombudsman of Atlantis",
            Who::Cso => "ოჯახების კომიტეტი",
            Who::Neighbour => "Правовая помощь",
        }
    }

    /// What it is, in English.
    pub(super) fn gloss(self) -> &'static str {
        match self {
            Who::Npm => "the National Preventive Mechanism of Atlantis",
            Who::Cso => "“Committee of Families”, a CSO of Atlantis",
            Who::Neighbour => "“Legal Aid”, a CSO of Lemuria, across the border",
        }
    }

    fn options(self) -> InitOptions {
        // XA and XB are free for private use (ISO 3166-1).
        let (kind, country) = match self {
            Who::Npm => (OrgKind::Npm, "XA"),
            Who::Cso => (OrgKind::Cso, "XA"),
            Who::Neighbour => (OrgKind::Cso, "XB"),
        };
        InitOptions {
            name: self.name().to_owned(),
            kind,
            country: country.to_owned(),
            // Any free port; the node remembers it for the next start.
            listen: Listen { listen: Some("/ip4/127.0.0.1/tcp/0".to_owned()), advertise: Vec::new() },
            root: None,
        }
    }
}

/// When records became visible on a node, in nanoseconds since 1970.
type Seen = Arc<Mutex<HashMap<RecordId, u64>>>;

/// A running node. The process ends with this, and with the demo, however that ends.
pub(super) struct Actor {
    /// Who it is.
    pub(super) who: Who,
    /// The node's folder.
    pub(super) home: PathBuf,
    /// A connection to its API.
    pub(super) client: Client,
    /// How it was when it was ready.
    pub(super) status: Status,
    /// Its process.
    process: Child,
    /// Held open, so that the node can say what it likes.
    _stdout: Lines<BufReader<ChildStdout>>,
    seen: Seen,
}

impl Actor {
    /// Makes a node. It costs a second: the passphrase is made dear to guess.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub(super) async fn make(who: Who, folder: &Folder) -> Result<PathBuf, Problem> {
        let home = folder.path().join(who.label());
        let (made, passphrase) = (home.clone(), folder.passphrase().clone());
        let making = tokio::task::spawn_blocking(move || node_calls::init(&made, who.options(), &passphrase));
        making.await.map_err(|e| failed(format!("making {} failed: {e}", who.the())))??;
        Ok(home)
    }

    /// Starts it, and waits until it can be talked to.
    ///
    /// # Errors
    /// If it does not become ready.
    pub(super) async fn start(who: Who, folder: &Folder) -> Result<Actor, Problem> {
        let home = folder.path().join(who.label());
        let not_started = |e: &dyn std::fmt::Display| {
            let log = folder.log_path(who.label());
            failed(format!("{} did not start: {e}; its log is {}", who.the(), log.display()))
        };
        let log = std::fs::File::options().create(true).append(true).open(folder.log_path(who.label()));
        let mut process = program()?
            .arg("--home")
            .arg(&home)
            .args(["--json", "run", "--stop-at-eof"])
            .env("ENTENTE_PASSPHRASE_FILE", folder.passphrase_file())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log.map_err(|e| not_started(&e))?)
            .spawn()
            .map_err(|e| not_started(&e))?;
        let stdout = process.stdout.take().ok_or_else(|| not_started(&"it has no output"))?;
        let mut stdout = BufReader::new(stdout).lines();
        let line = timeout(PATIENCE, stdout.next_line()).await.map_err(|e| not_started(&e))?;
        let line = line.map_err(|e| not_started(&e))?.unwrap_or_default();
        let ready: Value = serde_json::from_str(&line).map_err(|e| not_started(&e))?;
        if ready.get("ready") != Some(&Value::Bool(true)) {
            return Err(not_started(&line));
        }
        let client = Client::connect(&home).await?;
        let status = client.get(&route(&["status"])).await?;
        let seen = Seen::default();
        tokio::spawn(watch(client.events().await?, seen.clone()));
        Ok(Actor { who, home, client, status, process, _stdout: stdout, seen })
    }

    /// The number of its process.
    pub(super) fn process(&self) -> Option<u32> {
        self.process.id()
    }

    /// Where it listens.
    pub(super) fn address(&self) -> &str {
        self.status.addresses.first().map_or("", String::as_str)
    }

    /// When a record became visible here, if it did while the demo listened.
    pub(super) fn seen(&self, record: &RecordId) -> Option<u64> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(record).copied()
    }

    /// Stops the node, and waits for its end.
    ///
    /// # Errors
    /// If it does not end well.
    pub(super) async fn stop(mut self) -> Result<(), Problem> {
        let _: Value = self.client.post(&route(&["stop"]), &json!({})).await?;
        match timeout(PATIENCE, self.process.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(failed(format!("{} ended with {status}", self.who.the()))),
            Ok(Err(e)) => Err(failed(format!("{} cannot be waited for: {e}", self.who.the()))),
            Err(_) => Err(failed(format!("{} does not stop", self.who.the()))),
        }
    }
}

/// Notes when records become visible, until the node has gone.
async fn watch(mut events: Events, seen: Seen) {
    while let Ok(Some(event)) = events.next().await {
        if let Event::Record { record, visible_ns } = event {
            seen.lock().unwrap_or_else(PoisonError::into_inner).entry(record).or_insert(visible_ns);
        }
    }
}

/// This program, to be run for one of the nodes. It ends when its handle is dropped.
///
/// # Errors
/// If the system does not say which program this is.
pub(super) fn program() -> Result<Command, Problem> {
    let this =
        std::env::current_exe().map_err(|e| failed(format!("this program is not to be found: {e}")))?;
    let mut command = Command::new(this);
    // What is set for the user's own node is not meant for these.
    command.env_remove("ENTENTE_HOME").env_remove("ENTENTE_PASSPHRASE_FILE").kill_on_drop(true);
    Ok(command)
}

/// The three of them.
pub(super) struct Cast {
    /// The NPM.
    pub(super) npm: Actor,
    /// The CSO.
    pub(super) cso: Actor,
    /// The neighbour.
    pub(super) neighbour: Actor,
}

impl Cast {
    /// Starts all nodes at the same time.
    ///
    /// # Errors
    /// If one does not start; the others are stopped then.
    pub(super) async fn start(folder: &Folder) -> Result<Cast, Problem> {
        let (npm, cso, neighbour) = tokio::try_join!(
            Actor::start(Who::Npm, folder),
            Actor::start(Who::Cso, folder),
            Actor::start(Who::Neighbour, folder),
        )?;
        Ok(Cast { npm, cso, neighbour })
    }

    /// All, in the order of [`Who::ALL`].
    pub(super) fn all(&self) -> [&Actor; 3] {
        [&self.npm, &self.cso, &self.neighbour]
    }

    /// One of them.
    pub(super) fn get(&self, who: Who) -> &Actor {
        match who {
            Who::Npm => &self.npm,
            Who::Cso => &self.cso,
            Who::Neighbour => &self.neighbour,
        }
    }

    /// Stops all nodes.
    ///
    /// # Errors
    /// If one does not end well.
    pub(super) async fn stop(self) -> Result<(), Problem> {
        tokio::try_join!(self.npm.stop(), self.cso.stop(), self.neighbour.stop())?;
        Ok(())
    }
}

/// Looks again and again, for [`PATIENCE`] at most; `None` if it was in vain.
///
/// # Errors
/// What looking says.
pub(super) async fn until<T>(
    mut look: impl AsyncFnMut() -> Result<Option<T>, Problem>,
) -> Result<Option<T>, Problem> {
    let began = Instant::now();
    loop {
        if let Some(seen) = look().await? {
            return Ok(Some(seen));
        }
        if began.elapsed() >= PATIENCE {
            return Ok(None);
        }
        sleep(PAUSE).await;
    }
}

/// The demo cannot go on.
pub(super) fn failed(what: impl Into<String>) -> Problem {
    problem(FAILED, "demo", what, "the demo was broken off", "look at the logs in the demo's folder")
}
