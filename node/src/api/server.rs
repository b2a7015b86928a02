//! Serving the API: who may connect, for how long, and what is left of a node while it is locked.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use subtle::ConstantTimeEq;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Mutex, Notify, Semaphore};

use crate::desk::Caller;
use crate::desk::accounts::{self, Token};
use crate::home::Home;
use crate::node::Node;

use super::types::{API_VERSION, Problem, Status};
use super::{problem, roles};

/// Connections at one time: a console, some programs, some listeners to events.
const MAX_CONNECTIONS: usize = 128;
/// How long a client may take to say what it wants.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest path of a Unix socket on the systems we know (104 on some, 108 on Linux, with the final zero).
const MAX_SOCKET_PATH: usize = 100;

/// The API's own state: the node while it is unlocked, and the way back to it while it is not.
pub struct Server {
    home: Home,
    token: String,
    node: RwLock<Option<Arc<Node>>>,
    changing: Mutex<()>,
    stopping: Notify,
}

impl Server {
    /// For an open node.
    #[must_use]
    pub fn new(home: Home, token: String, node: Arc<Node>) -> Arc<Server> {
        Arc::new(Server {
            home,
            token,
            node: RwLock::new(Some(node)),
            changing: Mutex::new(()),
            stopping: Notify::new(),
        })
    }

    /// The node, if it is unlocked.
    pub fn node(&self) -> Option<Arc<Node>> {
        self.node.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The node, or the problem that it is locked.
    ///
    /// # Errors
    /// [`problem::locked`].
    pub fn unlocked(&self) -> Result<Arc<Node>, Problem> {
        self.node().ok_or_else(problem::locked)
    }

    /// Stops all partnerships, closes the store and wipes the keys.
    pub async fn lock(&self) {
        let _one_at_a_time = self.changing.lock().await;
        let node = self.node.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(node) = node {
            node.close().await;
            let ledger = node.shared.ledger.clone();
            drop(node);
            ledger.close().await;
        }
    }

    /// Opens the node again.
    ///
    /// # Errors
    /// [`Problem`] `wrong-passphrase`, or why it cannot be opened.
    pub async fn unlock(&self, passphrase: &[u8]) -> Result<Arc<Node>, Problem> {
        let _one_at_a_time = self.changing.lock().await;
        if let Some(node) = self.node() {
            return Ok(node);
        }
        let opened = Node::open(&self.home, passphrase).await;
        let node = opened.map_err(|e| problem::node(&e, "The node is still locked."))?;
        *self.node.write().unwrap_or_else(PoisonError::into_inner) = Some(node.clone());
        Ok(node)
    }

    /// What is told while the node is locked.
    pub fn locked_status(&self) -> Status {
        Status {
            version: API_VERSION,
            program: env!("CARGO_PKG_VERSION").into(),
            locked: true,
            home: self.home.path().display().to_string(),
            organisation: None,
            fingerprint: None,
            node: None,
            addresses: Vec::new(),
            started: crate::clock::now(),
            partnerships: Vec::new(),
            revoked: Vec::new(),
            records: 0,
            drafts: 0,
            quarantined: 0,
            releases: 0,
            journal_bytes: 0,
            memory_bytes: None,
        }
    }

    /// Whose token this is. While the node is locked, only the keeper's can be told from others.
    #[allow(clippy::result_large_err, reason = "it is sent as it is")]
    fn caller(&self, token: &str) -> Result<Caller, Response> {
        if token.len() == self.token.len() && bool::from(token.as_bytes().ct_eq(self.token.as_bytes())) {
            return Ok(Caller::keeper());
        }
        let token = Token::parse(token).ok_or_else(unknown)?;
        let node = self.node().ok_or_else(|| problem::locked().into_response())?;
        accounts::authenticate(&node.shared.ledger.store().index, &token).ok_or_else(unknown)
    }

    /// Is this still somebody who may read here?
    pub(super) fn still(&self, caller: &Caller) -> Option<()> {
        let node = self.node()?;
        accounts::role_of(&node.shared.ledger.store().index, &caller.person).map(|_| ())
    }

    /// Asks the program to end.
    pub fn stop(&self) {
        self.stopping.notify_one();
    }

    /// Waits until somebody asked the program to end.
    pub async fn stopped(&self) {
        self.stopping.notified().await;
    }
}

/// Listens on the node's socket, which only this user can open.
///
/// # Errors
/// As of the system, or a path that is too long for a socket.
pub fn listen(home: &Home) -> io::Result<UnixListener> {
    let path = home.socket();
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(reachable(home)?)?;
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(listener)
}

/// The socket's path, by way of the folder's descriptor where it would be too long.
fn reachable(home: &Home) -> io::Result<PathBuf> {
    let path = home.socket();
    if path.as_os_str().len() <= MAX_SOCKET_PATH {
        return Ok(path);
    }
    let folder = std::fs::File::open(home.path())?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&folder)));
    if !short.exists() {
        return Err(io::Error::other("the folder's path is too long for a socket; use a shorter one"));
    }
    // The descriptor must outlive the bind; one descriptor for the life of the program is no leak that grows.
    std::mem::forget(folder);
    Ok(short.join("node.sock"))
}

/// Serves until the task is dropped.
pub async fn serve(server: Arc<Server>, listener: UnixListener) {
    let router =
        super::routes::router(server.clone()).layer(middleware::from_fn_with_state(server, authorised));
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(room) = room.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let router = router.clone();
                tokio::spawn(async move {
                    let _room = room;
                    connection(stream, router).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the API could not take a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn connection(stream: UnixStream, router: axum::Router) {
    // Not the version detection of `auto`: it waits for the first bytes without end.
    let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    let service = TowerToHyperService::new(router);
    if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "an API connection ended");
    }
}

/// Every request must bear a token, and name a local host: a web page can do neither. What its bearer may do is in
/// [`roles`].
async fn authorised(State(server): State<Arc<Server>>, mut request: Request, next: Next) -> Response {
    let local = request
        .headers()
        .get("host")
        .and_then(|h| h.to_str().ok())
        .is_some_and(|host| matches!(host, "localhost" | "node.sock"));
    let bearer = request.headers().get("authorization").and_then(|h| h.to_str().ok());
    let token = bearer.and_then(|b| b.strip_prefix("Bearer ")).unwrap_or_default();
    let caller = if local { server.caller(token) } else { Err(unknown()) };
    let caller = match caller {
        Ok(caller) => caller,
        Err(refused) => return refused,
    };
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let least = roles::least(request.method(), path);
    if caller.role < least {
        let node = server.node();
        let holders = node.map(|node| accounts::holders(&node.shared.ledger.store().index, least));
        return roles::too_small(&caller, least, &holders.unwrap_or_default()).into_response();
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}

/// The answer to who bears no token, or a wrong one.
fn unknown() -> Response {
    let mut refused = problem::refused(
        &[("E-TOKEN".into(), "the request bears no token, or one that opens nothing (any more)".into())],
        "Nothing was done.",
        "Programs read the token from the file `api.token` in the node's folder; staff have files of their own, and \
         a keeper can give a new one: `entente staff token`.",
    );
    refused.exit = 1;
    let mut response = refused.into_response();
    *response.status_mut() = axum::http::StatusCode::UNAUTHORIZED;
    response
}
