//! A node that is not there: an HTTP server on a Unix socket that answers what a test says, and the program
//! run against it as a process of its own.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "shared by tests, each of which uses some of it"
)]

use std::convert::Infallible;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

pub const TOKEN: &str = "token-of-the-test";

/// A request as the mock saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub line: String,
    pub authorization: String,
    pub body: Vec<u8>,
}

impl Seen {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// What the mock answers.
pub struct Answer {
    status: u16,
    body: Vec<u8>,
}

pub fn ok(value: Value) -> Answer {
    Answer { status: 200, body: value.to_string().into_bytes() }
}

pub fn octets(body: impl Into<Vec<u8>>) -> Answer {
    Answer { status: 200, body: body.into() }
}

pub fn refuse(status: u16, code: &str, exit: u8) -> Answer {
    let problem = json!({
        "code": code, "what": "it happened", "not_done": "it was not done", "next": "entente next", "exit": exit,
    });
    refused_with(status, &problem)
}

pub fn refused_with(status: u16, problem: &Value) -> Answer {
    Answer { status, body: problem.to_string().into_bytes() }
}

/// A node's folder with a socket that answers.
pub struct Mock {
    folder: tempfile::TempDir,
    home: PathBuf,
    seen: Arc<Mutex<Vec<Seen>>>,
    _runtime: tokio::runtime::Runtime,
}

impl Mock {
    pub fn new(answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Mock {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_owned();
        Mock::at(folder, home, answer)
    }

    /// In a folder so deep that the socket's path does not fit into an address.
    pub fn deep(answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Mock {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("d".repeat(120)).join("e");
        std::fs::create_dir_all(&home).unwrap();
        Mock::at(folder, home, answer)
    }

    fn at(
        folder: tempfile::TempDir,
        home: PathBuf,
        answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
    ) -> Mock {
        std::fs::write(home.join("api.token"), format!("{TOKEN}\n")).unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let listener = {
            let _inside = runtime.enter();
            // Bound under a short name, then moved to where it belongs.
            let short = folder.path().join("s");
            let listener = tokio::net::UnixListener::bind(&short).unwrap();
            std::fs::rename(&short, home.join("node.sock")).unwrap();
            listener
        };
        runtime.spawn(serve(listener, Arc::new(answer), Arc::clone(&seen)));
        Mock { folder, home, seen, _runtime: runtime }
    }

    pub fn home(&self) -> &Path {
        &self.home
    }

    /// A folder for files of the test.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file of the test.
    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        run(&self.home, arguments, "")
    }
}

async fn serve<F>(listener: tokio::net::UnixListener, answer: Arc<F>, seen: Arc<Mutex<Vec<Seen>>>)
where
    F: Fn(&Seen) -> Answer + Send + Sync + 'static,
{
    while let Ok((stream, _)) = listener.accept().await {
        let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                async move { Ok::<_, Infallible>(respond(request, answer.as_ref(), &seen).await) }
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn respond(
    request: Request<Incoming>,
    answer: &(impl Fn(&Seen) -> Answer + Sync),
    seen: &Mutex<Vec<Seen>>,
) -> Response<Full<Bytes>> {
    let line = format!("{} {}", request.method(), request.uri());
    let authorization = request.headers().get("authorization").map(|v| v.to_str().unwrap().to_owned());
    // A body that breaks off is for the test to notice on the other side.
    let body = request.into_body().collect().await.map(|b| b.to_bytes().to_vec()).unwrap_or_default();
    let this = Seen { line, authorization: authorization.unwrap_or_default(), body };
    let Answer { status, body } = answer(&this);
    seen.lock().unwrap().push(this);
    Response::builder().status(status).body(Full::new(Bytes::from(body))).unwrap()
}

/// How the program ended.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Stdout, which must be one JSON object on one line.
    pub fn json(&self) -> Value {
        assert_eq!(self.stdout.trim_end().lines().count(), 1, "{}", self.stdout);
        let value: Value = serde_json::from_str(&self.stdout).unwrap();
        assert_eq!(value["version"], 1);
        value
    }
}

/// Runs the program with some text on stdin.
pub fn run(home: &Path, arguments: &[&str], stdin: &str) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_entente"))
        .arg("--home")
        .arg(home)
        .args(arguments)
        .env_remove("ENTENTE_HOME")
        .env_remove("ENTENTE_TOKEN_FILE")
        .env_remove("ENTENTE_PASSPHRASE_FILE")
        .env("TZ", "UTC")
        .env("COLUMNS", "100")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Who does not read its stdin may be gone already.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// 52 letters.
pub fn id(letter: char) -> String {
    // The last letter carries one bit only, so `a` or `q`.
    format!("{}a", letter.to_string().repeat(51))
}

pub fn org(name: &str) -> Value {
    json!({ "id": id('b'), "name": name, "kind": "cso", "country": "GE" })
}

pub fn partnership_summary(name: &str) -> Value {
    json!({ "id": id('c'), "name": name, "state": "member", "members": 2, "connected": 1, "waiting": 1 })
}

/// A status in which every text is `text`.
pub fn status(text: &str) -> Value {
    json!({
        "version": 1, "program": text, "locked": false, "home": text, "organisation": org(text),
        "node": id('d'), "addresses": [text], "started": 1_795_442_700_000_u64,
        "partnerships": [partnership_summary(text)], "records": 3, "drafts": 1, "quarantined": 2,
        "journal_bytes": 1_500_000, "memory_bytes": null,
    })
}

pub fn agreement(text: &str) -> Value {
    json!({ "title": text, "hash": id('h'), "text": text, "sentences": [text, "Second sentence."] })
}

pub fn partnership(text: &str) -> Value {
    let mut view = partnership_summary(text);
    let mut member = org(text);
    member.as_object_mut().unwrap().extend(
        json!({ "role": "cso", "steward": true, "ourselves": false, "since": 1_795_442_700_000_u64,
            "connected": false, "last_seen": null, "nodes": [id('d')], "trust": trust(text) })
        .as_object()
        .unwrap()
        .clone(),
    );
    let mut pending = org(text);
    pending["role"] = "cso".into();
    view.as_object_mut().unwrap().extend(
        json!({ "version": 3, "members_now": [member], "pending": [pending],
            "former": [{ "id": id('e'), "name": text, "how": text }], "agreement": agreement(text),
            "invitations": [{ "role": "cso", "expires": 1_795_442_700_000_u64, "used_by": text }] })
        .as_object()
        .unwrap()
        .clone(),
    );
    view
}

/// How sure the node is of a member that another let in, and with which verification failed.
pub fn trust(text: &str) -> Value {
    json!({ "trust": "introduced", "by": id('e'), "by_name": text, "by_verified": false,
        "warning": { "when": 1_795_442_700_000_u64, "words": text } })
}

/// How a verification stands; `stage` is an object such as `{ "stage": "asked" }`.
pub fn verification(text: &str, stage: Value) -> Value {
    let mut view = stage;
    view.as_object_mut().unwrap().extend(
        json!({ "partnership": id('c'), "organisation": org(text), "connected": true, "trust": trust(text) })
            .as_object()
            .unwrap()
            .clone(),
    );
    view
}

pub fn record_summary(text: &str) -> Value {
    json!({
        "id": id('r'), "kind": "baseline", "author": org(text), "partnership": id('c'),
        "partnership_name": text, "created": 1_795_442_700_000_u64, "arrived": 1_795_442_700_000_u64,
        "language": "ka", "sensitivity": "named", "title": text, "attachments": 1,
    })
}

pub fn record(text: &str) -> Value {
    let mut view = record_summary(text);
    view.as_object_mut().unwrap().extend(
        json!({
            "fields": [[text, text], ["list", [text, { "deep": text }]], ["count", 4]],
            "handling": { "onward": "never", "personal_data": true, "consent": text },
            "replies_to": null, "readers": [org(text)], "verified": text, "shared_as": [[id('c'), id('s')]],
            "attachment_list": [
                { "number": 0, "name": text, "media_type": text, "size": 1234, "complete": true }
            ],
        })
        .as_object()
        .unwrap()
        .clone(),
    );
    view
}

pub fn preview(text: &str, refused: bool) -> Value {
    let refusals = if refused { json!([{ "code": "E-FLOW", "reason": text }]) } else { json!([]) };
    json!({
        "readers": [org(text)], "because": [text], "stripped": [text], "onward": "ask", "refusals": refusals,
    })
}

pub fn shared(text: &str, sent_to: usize) -> Value {
    json!({
        "record": id('s'), "readers": [id('b')], "reader_names": [text], "sent_to": sent_to, "took_ms": 1.5,
    })
}

pub fn sync(text: &str, connected: bool) -> Value {
    json!({
        "partners": [{
            "partnership": id('c'), "partnership_name": text, "organisation": org(text), "node": id('d'),
            "connected": connected, "last_seen": null, "last_error": text, "behind": 3, "ahead": 0,
        }],
        "quarantined": [{
            "author": text, "partnership": id('c'), "seq": 7, "code": "E-SIG", "reason": text, "arrived": 1,
        }],
    })
}

/// Keys in which every text is `text`.
pub fn keys(text: &str) -> Value {
    let key = json!({ "kind": "epochs", "what": text, "count": 3, "since": 1_795_442_700_000_u64, "until": null,
        "opens": 7, "locked": text, "unlocked": text });
    json!({
        "organisation": org(text), "fingerprint": text, "own": [key],
        "partnerships": [{ "id": id('c'), "name": text, "state": "member", "keys": [key] }],
        "recovery": { "backup": null, "sets": [{ "id": "k7q2x", "made": 1_795_442_700_000_u64 }], "drill": null },
    })
}

pub fn invitation(text: &str) -> Value {
    json!({
        "partnership": id('c'), "name": text, "inviter": org(text), "role": "cso",
        "expires": 1_795_442_700_000_u64, "agreement": agreement(text),
    })
}

/// A whole node whose every text is `text`.
pub fn everything(text: &'static str) -> impl Fn(&Seen) -> Answer {
    move |seen| {
        let line = seen.line.split('?').next().unwrap_or_default();
        let record_path = format!("/v1/records/{}", id('r'));
        match line {
            "GET /v1/status" => ok(status(text)),
            "GET /v1/partnerships" => ok(json!([partnership_summary(text)])),
            "POST /v1/partnerships" | "POST /v1/partnerships/join" => {
                ok(json!({ "partnership": id('c'), "state": "awaiting-approval" }))
            }
            "POST /v1/invitations/look" => ok(invitation(text)),
            "GET /v1/records" | "POST /v1/search" => {
                ok(json!({ "records": [record_summary(text)], "next": "next-page" }))
            }
            "POST /v1/records" => ok(json!({ "record": id('r') })),
            "POST /v1/records/import" => {
                let drafts = seen.json().as_array().unwrap().len();
                ok(json!({ "records": vec![id('r'); drafts] }))
            }
            "POST /v1/attachments" => ok(json!({ "attachment": id('f'), "size": seen.body.len() })),
            "GET /v1/sync" => ok(sync(text, true)),
            "GET /v1/keys" => ok(keys(text)),
            "GET /v1/due" => ok(json!([{
                "what": "reply", "title": text, "record": id('r'), "by": null, "ours": true, "partnership": id('c'),
                "partnership_name": text, "due": 1_795_442_700_000_u64, "overdue": true,
            }])),
            "GET /v1/doctor" => ok(json!([
                { "name": text, "ok": true, "seen": text, "next": "" },
                { "name": text, "ok": false, "seen": text, "next": text },
            ])),
            _ if line.ends_with("/invitations") => {
                ok(json!({ "invitation": "entente1xyz", "role": "cso", "expires": 1_795_442_700_000_u64 }))
            }
            _ if line.ends_with("/preview") => ok(preview(text, true)),
            _ if line.ends_with("/share") => ok(shared(text, 1)),
            _ if line.ends_with("/export") => ok(json!({ "file": "aGVsbG8=" })),
            _ if line.contains("/attachments/") => octets("octets of the file"),
            _ if line.contains("/verify/") => {
                ok(verification(text, json!({ "stage": "ended", "ending": "stopped", "words": text })))
            }
            _ if line.contains("/explain/") => ok(json!({ "code": "behind", "words": text, "next": text })),
            _ if line.contains(&record_path) => ok(record(text)),
            _ if line.starts_with("GET /v1/partnerships/") => ok(partnership(text)),
            _ if line.starts_with("POST /v1/") => ok(json!({ "done": true })),
            _ => refuse(404, "not-found", 3),
        }
    }
}
