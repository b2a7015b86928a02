//! The program's end of the local API: HTTP/1.1 over the Unix socket `node.sock` in the node's folder, with
//! the bearer token from `api.token` beside it. Both are readable by their owner only.
//!
//! Start at [`Client::connect`]. One client is one connection: requests on it follow one another, and a
//! connection that the node closed while idle is opened anew.

mod events;
mod file_body;
mod route;
mod socket;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use entente_node::api::types::Problem;
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::fs::File;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

pub use events::{EventParser, Events};
pub use file_body::FileBody;
pub use route::{query, route};
pub(crate) use socket::not_initialised;

use crate::problem::{FAILED, problem, usage};

/// The socket's name in the node's folder.
pub const SOCKET: &str = "node.sock";
/// The token's name in the node's folder.
pub const TOKEN: &str = "api.token";
/// Bytes of the longest JSON answer: 64 pages of the largest size; an export with photographs fits.
const MAX_ANSWER: usize = 256 * 1024 * 1024;
/// Bytes of the longest description of a problem.
const MAX_PROBLEM: usize = 256 * 1024;
/// Bytes of the longest token file.
const MAX_TOKEN: u64 = 1024;
/// How long the node may think before it begins to answer: joining talks to a partner over a slow link.
const PATIENCE: Duration = Duration::from_secs(300);

type Body = Either<Full<Bytes>, FileBody>;

/// A connection to the running node.
pub struct Client {
    home: PathBuf,
    authorization: HeaderValue,
    sender: Mutex<SendRequest<Body>>,
}

impl Client {
    /// Connects to the node of this folder, as its keeper.
    ///
    /// # Errors
    /// `no-node` if none runs there, `no-access` if this user may not talk to it.
    pub async fn connect(home: &Path) -> Result<Client, Problem> {
        Client::connect_as(home, None).await
    }

    /// Connects to the node of this folder, as whoever has the token in this file; as its keeper if none is named.
    ///
    /// # Errors
    /// As [`Client::connect`], and `usage` where others can read the file.
    pub async fn connect_as(home: &Path, token: Option<&Path>) -> Result<Client, Problem> {
        let sender = dial(home).await?;
        let authorization = match token {
            Some(file) => read_token(file, true).await?,
            None => read_token(&home.join(TOKEN), false).await?,
        };
        Ok(Client { home: home.to_owned(), authorization, sender: Mutex::new(sender) })
    }

    /// Asks.
    ///
    /// # Errors
    /// What the node answered, or `no-node` and `bad-answer`.
    pub async fn get<T: DeserializeOwned>(&self, route: &str) -> Result<T, Problem> {
        decoded(self.send(Method::GET, route, None, nothing()).await?).await
    }

    /// Sends `body` as JSON.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn post<B: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        route: &str,
        body: &B,
    ) -> Result<T, Problem> {
        let body = serde_json::to_vec(body).map_err(|e| bad_answer(&format!("the request: {e}")))?;
        self.post_json(route, body.into()).await
    }

    /// Sends JSON that is serialized already.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn post_json<T: DeserializeOwned>(&self, route: &str, json: Bytes) -> Result<T, Problem> {
        let body = Either::Left(Full::new(json));
        decoded(self.send(Method::POST, route, Some("application/json"), body).await?).await
    }

    /// Removes.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn delete<T: DeserializeOwned>(&self, route: &str) -> Result<T, Problem> {
        decoded(self.send(Method::DELETE, route, None, nothing()).await?).await
    }

    /// Sends a file of `size` bytes, piece by piece.
    ///
    /// # Errors
    /// As [`Client::get`]; also if the file cannot be read or is shorter than said.
    pub async fn upload<T: DeserializeOwned>(
        &self,
        route: &str,
        file: File,
        size: u64,
    ) -> Result<T, Problem> {
        let body = Either::Right(FileBody::new(file, size));
        decoded(self.send(Method::POST, route, Some("application/octet-stream"), body).await?).await
    }

    /// Writes an answer of octets to `target`, piece by piece. Returns the number of bytes.
    ///
    /// # Errors
    /// As [`Client::get`]; also if `target` cannot be written.
    pub async fn download(
        &self,
        route: &str,
        target: &mut (impl AsyncWrite + Unpin),
    ) -> Result<u64, Problem> {
        let mut body = accepted(self.send(Method::GET, route, None, nothing()).await?).await?;
        let mut written = 0;
        while let Some(frame) = body.frame().await {
            if let Ok(piece) = frame.map_err(|e| broken_off(&e))?.into_data() {
                target.write_all(&piece).await.map_err(|e| not_written(&e))?;
                written += piece.len() as u64;
            }
        }
        target.flush().await.map_err(|e| not_written(&e))?;
        Ok(written)
    }

    /// Listens to what happens in the node, from now on. It takes a connection of its own.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn events(&self) -> Result<Events, Problem> {
        let mut sender = dial(&self.home).await?;
        let mut request = self.request(Method::GET, "/v1/events", None, nothing())?;
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        let response = sender.send_request(request).await.map_err(|e| broken_off(&e))?;
        Ok(Events::new(accepted(response).await?, sender))
    }

    async fn send(
        &self,
        method: Method,
        route: &str,
        content: Option<&'static str>,
        body: Body,
    ) -> Result<Response<Incoming>, Problem> {
        let request = self.request(method, route, content, body)?;
        let answer = {
            let mut sender = self.sender.lock().await;
            if sender.is_closed() || sender.ready().await.is_err() {
                *sender = dial(&self.home).await?;
            }
            sender.send_request(request)
        };
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(answer) => answer.map_err(|e| broken_off(&e)),
            Err(_) => Err(problem(
                FAILED,
                "no-answer",
                format!("the node did not answer within {} seconds", PATIENCE.as_secs()),
                "it is not known whether the request was carried out",
                "entente doctor",
            )),
        }
    }

    fn request(
        &self,
        method: Method,
        route: &str,
        content: Option<&'static str>,
        body: Body,
    ) -> Result<Request<Body>, Problem> {
        let mut request = Request::builder()
            .method(method)
            .uri(route)
            .header(HOST, "localhost")
            .header(AUTHORIZATION, self.authorization.clone());
        if let Some(content) = content {
            request = request.header(CONTENT_TYPE, content);
        }
        request.body(body).map_err(|e| bad_answer(&format!("the request {route}: {e}")))
    }
}

async fn dial(home: &Path) -> Result<SendRequest<Body>, Problem> {
    let stream = socket::connect(home).await.map_err(|e| socket::not_connected(home, &e))?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|e| broken_off(&e))?;
    // It ends by itself with the last use of the sender; its errors reach the requests that wait.
    tokio::spawn(connection);
    Ok(sender)
}

/// Reads a token. One that somebody was given must be readable by nobody else.
async fn read_token(path: &Path, alone: bool) -> Result<HeaderValue, Problem> {
    use std::os::unix::fs::PermissionsExt;
    use tokio::io::AsyncReadExt;
    let mut text = Zeroizing::new(String::new());
    let file = File::open(path).await.map_err(|e| no_token(path, &e))?;
    let mode = file.metadata().await.map_err(|e| no_token(path, &e))?.permissions().mode();
    if alone && mode & 0o077 != 0 {
        return Err(usage(
            format!("others on this machine can read the token {}", path.display()),
            format!("chmod 600 {}; if others may have read it, ask a keeper for a new one", path.display()),
        ));
    }
    file.take(MAX_TOKEN).read_to_string(&mut text).await.map_err(|e| no_token(path, &e))?;
    let bearer = Zeroizing::new(format!("Bearer {}", text.trim()));
    let mut value = HeaderValue::from_str(&bearer)
        .map_err(|_| no_token(path, &io::Error::other("it holds something that is no token")))?;
    value.set_sensitive(true);
    Ok(value)
}

async fn accepted(response: Response<Incoming>) -> Result<Incoming, Problem> {
    let status = response.status();
    if status.is_success() {
        return Ok(response.into_body());
    }
    let bytes = Limited::new(response.into_body(), MAX_PROBLEM)
        .collect()
        .await
        .map_err(|e| bad_answer(&format!("status {status}: {e}")))?
        .to_bytes();
    Err(serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| bad_answer(&format!("status {status} without an explanation"))))
}

async fn decoded<T: DeserializeOwned>(response: Response<Incoming>) -> Result<T, Problem> {
    let body = accepted(response).await?;
    let bytes =
        Limited::new(body, MAX_ANSWER).collect().await.map_err(|e| bad_answer(&e.to_string()))?.to_bytes();
    let json: &[u8] = if bytes.is_empty() { b"null" } else { &bytes };
    serde_json::from_slice(json).map_err(|e| bad_answer(&e.to_string()))
}

fn nothing() -> Body {
    Either::Left(Full::new(Bytes::new()))
}

fn no_token(path: &Path, error: &io::Error) -> Problem {
    problem(
        FAILED,
        "no-access",
        format!("the token {} cannot be read: {error}", path.display()),
        "the node was not asked",
        "run this as the user who keeps the node, or name the file of your own token: --as FILE",
    )
}

fn not_written(error: &io::Error) -> Problem {
    problem(
        FAILED,
        "file",
        format!("writing the file failed: {error}"),
        "the file is not complete",
        "check the free space and the permissions",
    )
}

fn broken_off(error: &hyper::Error) -> Problem {
    let cause = std::error::Error::source(error).map(|e| format!(": {e}")).unwrap_or_default();
    problem(
        FAILED,
        "broken-off",
        format!("the conversation with the node broke off ({error}{cause})"),
        "it is not known whether the request was carried out",
        "entente status",
    )
}

/// The node said something that this program does not understand.
#[must_use]
pub fn bad_answer(detail: &str) -> Problem {
    problem(
        FAILED,
        "bad-answer",
        format!("the node and this program do not understand each other ({detail})"),
        "the answer was not shown",
        "check that both are of the same version: entente --version, entente status",
    )
}
