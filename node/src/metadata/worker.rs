//! The process that looks into files: this program once more, with limits on its memory and time, no
//! environment, and nothing to hold but the file. Whatever happens to it, the node goes on.
//!
//! ```text
//!  node                                              worker (`entente look-inside jpeg`)
//!   file's bytes ───────────── stdin ─────────────▶  limits itself, reads all of it, looks
//!   [`Report`], then the copy ◀── stdout ──────────  one line of JSON, then the copy
//!   a kill after 60 s
//! ```

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Cleaning, Form, MAX_FILE, Report, look};

/// The first argument of a worker.
pub const WORD: &str = "look-inside";
/// What a worker may take beside what it has when it starts, bytes of address space: a file, read whole, several times.
const MEMORY: u64 = 512 << 20;
/// Seconds of processor time.
const CPU_SECONDS: u64 = 30;
/// After this it is ended from outside.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest report, bytes.
const MAX_REPORT: u64 = 1 << 20;

/// The program that workers are made of.
static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
/// One worker at a time: their memory does not add up.
static ONE: Mutex<()> = Mutex::new(());

/// Says which program has [`serve`] behind [`WORD`]; without it, files cannot be looked into. Later calls do nothing.
pub fn use_program(program: PathBuf) {
    let _later = PROGRAM.set(program);
}

/// Why a worker gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// It could not be started.
    #[error("the program that looks into files could not be started: {0}")]
    Start(String),
    /// It ended before it had answered: the file was too much for it.
    #[error("looking into it took too much memory or time, or failed")]
    Died,
    /// The file, or the place for the copy, failed.
    #[error("{0}")]
    File(String),
}

/// The worker's first line.
#[derive(Serialize, Deserialize)]
struct Answer {
    report: Report,
    /// The length of the copy that follows.
    copy: Option<u64>,
}

/// Takes the cleaned copy, piece by piece.
pub type TakeCopy<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), String>;

/// Has a file looked into. `next` gives the file piece by piece (an empty piece is the end); `copy` takes the
/// cleaned copy, if one is wanted. Blocks.
///
/// # Errors
/// [`WorkerError`]; then what `copy` was given is worth nothing.
pub fn ask(
    form: Form,
    mut next: impl FnMut() -> Result<Vec<u8>, String>,
    mut copy: Option<TakeCopy<'_>>,
) -> Result<Report, WorkerError> {
    let _alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut child = start(form)?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let child = Arc::new(Mutex::new(child));
    let (done, ended) = mpsc::channel::<()>();
    let watched = Arc::clone(&child);
    let watch = std::thread::spawn(move || {
        if ended.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
            let _gone_already = watched.lock().unwrap_or_else(PoisonError::into_inner).kill();
        }
    });
    let fed = stdin.ok_or(WorkerError::Died).and_then(|mut stdin| feed(&mut stdin, &mut next));
    let answered = match (fed, stdout) {
        (Ok(()), Some(stdout)) => read(BufReader::new(stdout), &mut copy),
        (Err(error), _) => Err(error),
        (_, None) => Err(WorkerError::Died),
    };
    if answered.is_err() {
        let _gone_already = child.lock().unwrap_or_else(PoisonError::into_inner).kill();
    }
    drop(done);
    let _watched = watch.join();
    let status = child.lock().unwrap_or_else(PoisonError::into_inner).wait();
    let report = answered?;
    match status {
        Ok(status) if status.success() => Ok(report),
        _ => Err(WorkerError::Died),
    }
}

fn start(form: Form) -> Result<Child, WorkerError> {
    let program = PROGRAM.get().ok_or_else(|| WorkerError::Start("this program has none".into()))?;
    let word = form.word().ok_or_else(|| WorkerError::Start("this form is not looked into".into()))?;
    Command::new(program)
        .args([WORD, word])
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| WorkerError::Start(e.to_string()))
}

fn feed(
    stdin: &mut impl Write,
    next: &mut impl FnMut() -> Result<Vec<u8>, String>,
) -> Result<(), WorkerError> {
    loop {
        let piece = next().map_err(WorkerError::File)?;
        if piece.is_empty() {
            return Ok(());
        }
        stdin.write_all(&piece).map_err(|_| WorkerError::Died)?;
    }
}

fn read(mut stdout: impl BufRead, copy: &mut Option<TakeCopy<'_>>) -> Result<Report, WorkerError> {
    let mut line = Vec::new();
    stdout.by_ref().take(MAX_REPORT).read_until(b'\n', &mut line).map_err(|_| WorkerError::Died)?;
    let answer: Answer = serde_json::from_slice(&line).map_err(|_| WorkerError::Died)?;
    let (Some(copy), Some(length)) = (copy.as_mut(), answer.copy.filter(|l| *l <= MAX_FILE as u64)) else {
        // Read to its end, so that the worker can end well.
        std::io::copy(&mut stdout.take(MAX_FILE as u64), &mut std::io::sink())
            .map_err(|_| WorkerError::Died)?;
        return Ok(answer.report);
    };
    let mut rest = stdout.take(length);
    let mut piece = vec![0; 64 << 10];
    let mut have = 0;
    loop {
        match rest.read(&mut piece) {
            Ok(0) if have == length => return Ok(answer.report),
            Ok(0) | Err(_) => return Err(WorkerError::Died),
            Ok(read) => {
                have += read as u64;
                copy(piece.get(..read).unwrap_or_default()).map_err(WorkerError::File)?;
            }
        }
    }
}

/// The worker: reads a file from stdin, answers on stdout. `false` if it could not.
#[must_use]
pub fn serve(word: &str) -> bool {
    let Some(form) = Form::from_word(word) else { return false };
    if !limit_myself() {
        return false;
    }
    let mut bytes = Vec::new();
    if std::io::stdin().lock().take(MAX_FILE as u64 + 1).read_to_end(&mut bytes).is_err() {
        return false;
    }
    let (report, copy) = look(form, &bytes);
    drop(bytes);
    let answer = Answer { report, copy: copy.as_ref().map(|c| c.len() as u64) };
    let mut out = std::io::stdout().lock();
    let written = serde_json::to_writer(&mut out, &answer)
        .map_err(std::io::Error::from)
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.write_all(copy.as_deref().unwrap_or_default()))
        .and_then(|()| out.flush());
    written.is_ok()
}

/// No files, no dumps of memory, and bounded memory and time; whoever goes over is ended by the system.
fn limit_myself() -> bool {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let set = |what, most| setrlimit(what, Rlimit { current: Some(most), maximum: Some(most) }).is_ok();
    // The address space that this program takes for itself: the first number, in pages of 4 KiB or more.
    let own = std::fs::read_to_string("/proc/self/statm").ok();
    let own = own.and_then(|line| line.split(' ').next()?.parse::<u64>().ok());
    let memory = match own {
        Some(pages) => set(Resource::As, pages.saturating_mul(rustix::param::page_size() as u64) + MEMORY),
        // Where there is no /proc, the system does not limit address space either; the data, perhaps.
        None => set(Resource::Data, MEMORY) || cfg!(not(target_os = "linux")),
    };
    memory && set(Resource::Cpu, CPU_SECONDS) && set(Resource::Core, 0) && set(Resource::Fsize, 0)
}

/// A report of a file that no worker has to look into, or `None` if one has to.
#[must_use]
pub fn without_looking(form: Form) -> Option<Report> {
    let cleaning = match form {
        Form::Other => Cleaning::AsItIs,
        Form::Mismatch(promised) => Cleaning::Impossible {
            reason: format!("its name says {promised}, and its contents are something else"),
        },
        Form::Carrier(_) => Cleaning::Impossible {
            reason: "files of this form carry hidden data that this program cannot leave out".into(),
        },
        _ => return None,
    };
    Some(Report { form: form.words().to_owned(), found: Vec::new(), remains: Vec::new(), cleaning })
}
