//! Reaching the node's Unix socket, however deep its folder lies.

use std::io;
use std::path::Path;

use entente_node::api::types::Problem;
use tokio::net::UnixStream;

use super::SOCKET;
use crate::node_calls;
use crate::problem::{FAILED, NOT_FOUND, problem};

/// Bytes of the longest path that fits into `sockaddr_un` with its final zero (Linux: 108 bytes).
const LONGEST_PATH: usize = 107;

/// Opens the socket.
pub(super) async fn connect(home: &Path) -> io::Result<UnixStream> {
    let path = home.join(SOCKET);
    if path.as_os_str().len() <= LONGEST_PATH {
        return UnixStream::connect(path).await;
    }
    // A deep folder is opened first, and the socket reached through its short name below /proc.
    use std::os::fd::AsRawFd;
    let folder = std::fs::File::open(home)?;
    let short = format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd());
    UnixStream::connect(short).await
}

/// Why there is no connection, in words.
pub(super) fn not_connected(home: &Path, error: &io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused if !node_calls::initialised(home) => {
            not_initialised(home)
        }
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => problem(
            FAILED,
            "no-node",
            format!("no node is running in {}", home.display()),
            "nothing was done",
            crate::command_line(home, "run"),
        ),
        io::ErrorKind::PermissionDenied => problem(
            FAILED,
            "no-access",
            format!("this user may not talk to the node in {}", home.display()),
            "the node was not asked",
            "run this as the user who keeps the node",
        ),
        _ => problem(
            FAILED,
            "no-node",
            format!("the node in {} cannot be reached: {error}", home.display()),
            "nothing was done",
            crate::command_line(home, "doctor"),
        ),
    }
}

/// There is no node in this folder yet.
pub(crate) fn not_initialised(home: &Path) -> Problem {
    problem(
        NOT_FOUND,
        "not-initialised",
        format!("there is no node in {}", home.display()),
        "nothing was done",
        crate::command_line(home, "init --name NAME --kind npm|cso|network|other --country XX"),
    )
}
