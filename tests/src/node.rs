//! A node under test: a process that can be stopped, killed and started again.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::process::{Child, ExitStatus};

use entente_cli::client::{Client, route};
use entente_node::api::types::{
    Check, PartnershipView, Problem, RecordPage, RecordQuery, RecordSummary, RecordView, Status, SyncStatus,
};
use entente_protocol::ids::RecordId;
use serde_json::{Value, json};

use crate::home::{Home, Output};
use crate::wait::wait_for;

/// A node: its folder, and its process while it runs. Dropping it kills the process; if the test is failing,
/// what the process printed is shown.
pub struct TestNode {
    home: Home,
    running: Option<Running>,
}

struct Running {
    process: Child,
    client: Client,
    ready: Value,
}

impl TestNode {
    /// Makes a node and starts it.
    ///
    /// # Panics
    /// If that fails.
    pub async fn start_new(name: &str, kind: &str) -> TestNode {
        TestNode::start_in(Home::init(name, kind).await).await
    }

    /// Starts the node of a folder.
    ///
    /// # Panics
    /// If that fails.
    pub async fn start_in(home: Home) -> TestNode {
        let mut node = TestNode { home, running: None };
        node.start().await;
        node
    }

    /// Starts it (again), and waits until it can be talked to.
    ///
    /// # Panics
    /// If it runs already, or ends before it is ready.
    pub async fn start(&mut self) {
        if let Err((status, said)) = self.try_start().await {
            panic!("{} ended before it was ready ({status}): {said}", self.home.name());
        }
    }

    /// Starts it (again); if it ends before it is ready, says how, and what it printed on stdout.
    ///
    /// # Errors
    /// How it ended.
    ///
    /// # Panics
    /// If it runs already, or becomes neither ready nor ends.
    pub async fn try_start(&mut self) -> Result<(), (ExitStatus, String)> {
        let process = self.spawn();
        self.ready_or_ended(process).await
    }

    /// Starts several at the same time: the passphrase's cost is paid on all processors at once.
    ///
    /// # Panics
    /// As [`TestNode::start`].
    pub async fn start_all(homes: Vec<Home>) -> Vec<TestNode> {
        let begin = |home| {
            let node = TestNode { home, running: None };
            let process = node.spawn();
            (node, process)
        };
        let begun: Vec<(TestNode, Child)> = homes.into_iter().map(begin).collect();
        let mut nodes = Vec::new();
        for (mut node, process) in begun {
            let ready = node.ready_or_ended(process).await;
            ready.unwrap_or_else(|(status, said)| panic!("{} ended ({status}): {said}", node.home.name()));
            nodes.push(node);
        }
        nodes
    }

    fn spawn(&self) -> Child {
        assert!(self.running.is_none(), "{} runs already", self.home.name());
        let out = File::create(self.home.beside("stdout.log")).expect("room for what it prints");
        let log = self.home.beside("stderr.log");
        let err = OpenOptions::new().create(true).append(true).open(log).expect("room for its log");
        self.home.command(&["run"]).stdout(out).stderr(err).spawn().expect("it starts")
    }

    async fn ready_or_ended(&mut self, mut process: Child) -> Result<(), (ExitStatus, String)> {
        let told = self.home.beside("stdout.log");
        let line = wait_for("the node is ready, or has ended", async || {
            let ended = process.try_wait().expect("a child can be asked");
            let text = std::fs::read_to_string(&told).unwrap_or_default();
            match ended {
                Some(status) => Some(Err((status, text))),
                None => text.split_once('\n').map(|(line, _)| Ok(line.to_owned())),
            }
        })
        .await?;
        let ready = serde_json::from_str(&line).expect("the ready line is JSON");
        let client = Client::connect(&self.home.path()).await.unwrap_or_else(|e| panic!("{e:?}"));
        self.running = Some(Running { process, client, ready });
        Ok(())
    }

    /// Its folder.
    #[must_use]
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The organisation's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.home.name()
    }

    /// A connection to its API.
    ///
    /// # Panics
    /// If it does not run.
    #[must_use]
    #[track_caller]
    pub fn client(&self) -> &Client {
        &self.running().client
    }

    /// The JSON line that it printed when it was ready.
    #[must_use]
    #[track_caller]
    pub fn ready(&self) -> &Value {
        &self.running().ready
    }

    /// Its process id.
    #[must_use]
    #[track_caller]
    pub fn pid(&self) -> u32 {
        self.running().process.id()
    }

    #[track_caller]
    fn running(&self) -> &Running {
        self.running.as_ref().unwrap_or_else(|| panic!("{} does not run", self.home.name()))
    }

    /// Runs a command of the program for this node.
    pub async fn cli(&self, arguments: &[&str]) -> Output {
        self.home.cli(arguments).await
    }

    /// Stops it as `entente stop` does, and waits for its end.
    ///
    /// # Panics
    /// If it does not run, or does not end well.
    pub async fn stop(&mut self) {
        let mut running = self.running.take().expect("it runs");
        let asked: Result<Value, Problem> = running.client.post(&route(&["stop"]), &json!({})).await;
        asked.unwrap_or_else(|e| panic!("{e:?}"));
        let status = wait_for("the node has stopped", async || running.process.try_wait().unwrap()).await;
        assert!(status.success(), "{} stopped with {status}", self.home.name());
    }

    /// Stops it, throws its index away, and starts it again: the index is made anew from the journal.
    ///
    /// # Panics
    /// If it does not run, or does not end or start well.
    pub async fn reindex(&mut self) {
        self.stop().await;
        std::fs::remove_dir_all(self.home.path().join("index")).expect("a node has an index");
        self.start().await;
    }

    /// Ends it at once and without warning (SIGKILL).
    ///
    /// # Panics
    /// If it does not run.
    pub fn kill(&mut self) {
        let mut running = self.running.take().expect("it runs");
        running.process.kill().expect("a child can be killed");
        running.process.wait().expect("a killed child ends");
    }

    /// Sends SIGKILL, and waits for nothing: for killing it while requests are under way. [`TestNode::kill`]
    /// is to follow.
    ///
    /// # Panics
    /// If it does not run, or the system has no `kill`.
    pub fn send_sigkill(&self) {
        let pid = self.pid().to_string();
        let sent = std::process::Command::new("kill").args(["-9", &pid]).status().expect("there is `kill`");
        assert!(sent.success(), "{} could not be killed", self.home.name());
    }

    /// Another connection to its API, for requests at the same time.
    ///
    /// # Panics
    /// If it does not answer.
    pub async fn connect(&self) -> Client {
        let connected = Client::connect(&self.home.path()).await;
        connected.unwrap_or_else(|e| panic!("{}: {e:?}", self.name()))
    }

    /// Stops and starts it.
    ///
    /// # Panics
    /// If either fails.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.start().await;
    }

    /// `GET /v1/status`.
    ///
    /// # Panics
    /// If it does not answer.
    pub async fn status(&self) -> Status {
        let answer = self.client().get(&route(&["status"])).await;
        answer.unwrap_or_else(|e| panic!("{}: {e:?}", self.name()))
    }

    /// `GET /v1/sync`.
    ///
    /// # Panics
    /// If it does not answer.
    pub async fn sync_status(&self) -> SyncStatus {
        let answer = self.client().get(&route(&["sync"])).await;
        answer.unwrap_or_else(|e| panic!("{}: {e:?}", self.name()))
    }

    /// Asks it to reach for all partners now, rather than when its pause is over.
    ///
    /// # Panics
    /// If it does not answer.
    pub async fn dial_now(&self) {
        let answer: Result<Value, Problem> = self.client().post(&route(&["sync", "now"]), &json!({})).await;
        answer.unwrap_or_else(|e| panic!("{}: {e:?}", self.name()));
    }

    /// A partnership as this node sees it.
    ///
    /// # Errors
    /// As the node answers.
    pub async fn partnership(&self, partnership: &str) -> Result<PartnershipView, Problem> {
        self.client().get(&route(&["partnerships", partnership])).await
    }

    /// A record, if it can be read here.
    ///
    /// # Errors
    /// As the node answers: `not-found` if not.
    pub async fn record(&self, id: impl std::fmt::Display + Send) -> Result<RecordView, Problem> {
        self.client().get(&route(&["records", &id.to_string()])).await
    }

    /// All records that can be read here, unshared drafts included, newest first.
    ///
    /// # Panics
    /// If it does not answer.
    pub async fn records(&self) -> Vec<RecordSummary> {
        let mut all = Vec::new();
        let mut query = RecordQuery { limit: Some(1_000), ..RecordQuery::default() };
        loop {
            let page: Result<RecordPage, Problem> = self.client().post(&route(&["search"]), &query).await;
            let page = page.unwrap_or_else(|e| panic!("{}: {e:?}", self.name()));
            all.extend(page.records);
            query.after = page.next;
            if query.after.is_none() {
                return all;
            }
        }
    }
}

impl TestNode {
    /// The ids of the records that were shared and can be read here.
    ///
    /// # Panics
    /// If it does not answer.
    pub async fn shared_ids(&self) -> BTreeSet<RecordId> {
        self.records().await.into_iter().filter(|r| r.partnership.is_some()).map(|r| r.id).collect()
    }

    /// What the doctor says of a running node.
    ///
    /// # Panics
    /// If it does not answer.
    pub async fn doctor(&self) -> Vec<Check> {
        let answer = self.client().get(&route(&["doctor"])).await;
        answer.unwrap_or_else(|e| panic!("{}: {e:?}", self.name()))
    }

    /// How many frames its journal holds, each of them whole.
    ///
    /// # Panics
    /// If one is not, or it does not answer.
    pub async fn frames(&self) -> u64 {
        let checks = self.doctor().await;
        let journal = checks.iter().find(|check| check.name == "journal").expect("the journal is checked");
        assert!(journal.ok, "{}: {journal:?}", self.name());
        let number = journal.seen.split(' ').next().and_then(|n| n.parse().ok());
        number.unwrap_or_else(|| panic!("it begins with the number of frames: {}", journal.seen))
    }
}

impl Drop for TestNode {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            // It may have ended by itself, and a drop has nobody to tell.
            let _ = running.process.kill();
            let _ = running.process.wait();
        }
        if std::thread::panicking() {
            for file in ["stdout.log", "stderr.log"] {
                let text = std::fs::read_to_string(self.home.beside(file)).unwrap_or_default();
                eprintln!("--- {} {file}\n{text}", self.home.name());
            }
        }
    }
}
