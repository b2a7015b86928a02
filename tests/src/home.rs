//! A node's folder, and the program that works on it.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;
use tempfile::TempDir;

/// The passphrase of every node under test.
pub const PASSPHRASE: &str = "five random words for tests";
/// Below the range that systems take ports of outgoing connections from: a node that is down must find its
/// port free when it comes back.
const PORTS: std::ops::Range<u32> = 20_000..32_000;

/// A node's folder, initialised, in a temporary folder that also holds its passphrase and what it printed.
pub struct Home {
    folder: TempDir,
    name: String,
    port: u16,
    /// The network namespace that its program runs in, if not this process' own.
    space: Option<String>,
}

/// What the program answered.
#[derive(Debug)]
pub struct Output {
    /// Its exit code; -1 if a signal ended it.
    pub code: i32,
    /// Its answer, as it printed one JSON object; null if that is not what it printed.
    pub json: Value,
    /// All that it printed.
    pub stdout: String,
    /// What it said beside.
    pub stderr: String,
}

/// The program under test, which cargo puts beside the folder of the test's own binary.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a binary");
    let folder = test.ancestors().skip(1).find(|folder| folder.file_name().is_none_or(|name| name != "deps"));
    let program = folder.expect("a binary lies in a folder").join("entente-under-test");
    assert!(program.exists(), "{} is missing: run the tests with cargo", program.display());
    program
}

impl Home {
    /// Makes a node of an organisation with `entente init`. `kind` is `npm`, `cso`, `network` or `other`.
    ///
    /// # Panics
    /// If that fails.
    pub async fn init(name: &str, kind: &str) -> Home {
        let home = Home::empty(name);
        let listen = format!("/ip4/127.0.0.1/tcp/{}", home.port);
        let words = ["init", "--name", name, "--kind", kind, "--country", "XA", "--listen", &listen];
        home.cli(&words).await.ok();
        home
    }

    /// A folder in which nothing was initialised.
    ///
    /// # Panics
    /// If the system gives no folder.
    #[must_use]
    pub fn empty(name: &str) -> Home {
        Home::empty_in(&std::env::temp_dir(), name)
    }

    /// As [`Home::empty`], below a folder of one's own, such as a small file system.
    ///
    /// # Panics
    /// If the system gives no folder.
    #[must_use]
    pub fn empty_in(place: &Path, name: &str) -> Home {
        let folder = tempfile::Builder::new().prefix("entente-test-").tempdir_in(place).expect("a folder");
        std::fs::write(folder.path().join("passphrase"), PASSPHRASE).expect("room for a passphrase");
        Home { folder, name: name.to_owned(), port: free_port(), space: None }
    }

    /// The folder that the program is told with `--home`.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// A place for a file beside the node's folder.
    #[must_use]
    pub fn beside(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// The organisation's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port that the node listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Lets the program run in a network namespace from now on.
    #[must_use]
    pub fn within(mut self, space: String) -> Home {
        self.space = Some(space);
        self
    }

    /// The program with `--home`, `--json`, the passphrase and these arguments; nothing on stdin.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = match &self.space {
            None => std::process::Command::new(program()),
            Some(space) => {
                let mut command = std::process::Command::new("ip");
                command.args(["netns", "exec", space]).arg(program());
                command
            }
        };
        command.arg("--home").arg(self.path()).arg("--json").args(arguments);
        command.env_remove("ENTENTE_TOKEN_FILE");
        command.env("ENTENTE_PASSPHRASE_FILE", self.beside("passphrase")).current_dir(self.folder.path());
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command of the program to its end.
    ///
    /// # Panics
    /// If the program cannot be started.
    pub async fn cli(&self, arguments: &[&str]) -> Output {
        let ended = tokio::process::Command::from(self.command(arguments)).output().await;
        let ended = ended.expect("the program starts");
        let stdout = String::from_utf8_lossy(&ended.stdout).into_owned();
        Output {
            code: ended.status.code().unwrap_or(-1),
            json: serde_json::from_str(&stdout).unwrap_or_default(),
            stdout,
            stderr: String::from_utf8_lossy(&ended.stderr).into_owned(),
        }
    }

    /// Replaces the passphrase that commands are given; the node's own stays what it is.
    ///
    /// # Panics
    /// If the file cannot be written.
    pub fn give_passphrase(&self, passphrase: &str) {
        std::fs::write(self.beside("passphrase"), passphrase).expect("room for a passphrase");
    }
}

impl Output {
    /// The answer of a command that was done.
    ///
    /// # Panics
    /// With all that was printed, if the exit code is not 0.
    #[track_caller]
    #[must_use = "use `let _ =` where the answer does not matter"]
    pub fn done(self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        self.json
    }

    /// Was it done?
    ///
    /// # Panics
    /// With all that was printed, if the exit code is not 0.
    #[track_caller]
    pub fn ok(&self) {
        assert_eq!(self.code, 0, "{self:?}");
    }

    /// Did it end with this exit code and this error code, in words for people?
    ///
    /// # Panics
    /// With all that was printed, if not.
    #[track_caller]
    pub fn failed(&self, exit: i32, code: &str) {
        assert_eq!(self.code, exit, "{self:?}");
        let error = self.json.get("error").unwrap_or_else(|| panic!("an error is told: {self:?}"));
        assert_eq!(error["code"], code, "{self:?}");
        for part in ["what", "not_done", "next"] {
            assert!(error[part].as_str().is_some_and(|words| !words.is_empty()), "no `{part}`: {self:?}");
        }
    }
}

/// A port that nobody uses, and that no other test of this process was given.
fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Several test binaries may run at once; the process id sets them apart.
    let start = std::process::id().wrapping_mul(97);
    for _ in PORTS {
        let number = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = PORTS.start + number % (PORTS.end - PORTS.start);
        let port = u16::try_from(port).expect("ports have 16 bits");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}
