//! Running a node in the foreground: open, serve, wait for the end.

use std::path::Path;
use std::sync::Arc;

use crate::api::problem;
use crate::api::server::{self, Server};
use crate::api::types::{Problem, Status};
use crate::clock;
use crate::home::{self, Home, RunNetwork};
use crate::node::Node;

const NOT_STARTED: &str = "The node was not started.";

/// Opens the node at `home` and serves it until SIGINT, SIGTERM or a request to stop. `ready` is called once
/// it can be talked to. `network` is what holds for this run beside the settings.
///
/// # Errors
/// [`Problem`]; nothing runs then.
pub async fn run(
    home: &Path,
    network: RunNetwork,
    passphrase: &str,
    ready: impl FnOnce(Status),
) -> Result<(), Problem> {
    // Some files are made by libraries that know nothing of privacy.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let home = Home::at(home).running(network);
    let node = Node::open(&home, passphrase.as_bytes()).await.map_err(|e| problem::node(&e, NOT_STARTED))?;
    let token = data_encoding::HEXLOWER.encode(&[clock::nonce(), clock::nonce()].concat());
    let listener = home::write_private(&home.token(), token.as_bytes())
        .and_then(|()| server::listen(&home))
        .map_err(|e| problem::failed(format!("the local API cannot be served: {e}"), NOT_STARTED))?;
    let server = Server::new(home.clone(), token, node.clone());
    let serving = tokio::spawn(server::serve(server.clone(), listener));
    until_stopped(server, serving, node, ready).await;
    let _already_gone = std::fs::remove_file(home.socket());
    Ok(())
}

async fn until_stopped(
    server: Arc<Server>,
    serving: tokio::task::JoinHandle<()>,
    node: Arc<Node>,
    ready: impl FnOnce(Status),
) {
    ready(crate::api::routes::unlocked_status(&node));
    drop(node);
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = server.stopped() => {}
        () = terminated => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    server.lock().await;
    serving.abort();
}
