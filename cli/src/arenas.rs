//! How much memory of its own the C library keeps for a node.
//!
//! glibc gives threads up to eight arenas for each processor, and what is freed in one is not used in another: after
//! 100,000 records that came at once a node had 193 MB, with two arenas 144 MB, in the same time (decision 54). Their
//! number can be set from within by unsafe code only, or by the environment that a program begins with. So a node
//! begins once more, in the same process, with the variable set.

use std::ffi::{OsStr, OsString};

/// glibc's variable (mallopt(3)). Who set it already is left alone.
const VARIABLE: &str = "MALLOC_ARENA_MAX";
/// One for each of two processors; more gain no time.
const ARENAS: &str = "2";

/// Begins anew with few arenas. Comes back where that is done already, has no use, or is not possible; the node then
/// goes on, with more memory. To be called before there are threads, locks and open files.
pub fn keep_few(arguments: impl IntoIterator<Item = OsString>) {
    if cfg!(target_env = "gnu") && std::env::var_os(VARIABLE).is_none() {
        begin_anew(arguments);
    }
}

#[cfg(unix)]
fn begin_anew(arguments: impl IntoIterator<Item = OsString>) {
    use std::os::unix::process::CommandExt;

    let mut arguments = arguments.into_iter();
    let name = arguments.next();
    // By its own name, which lists of processes show. One whose file was replaced meanwhile goes on as it is.
    let Some(program) = std::env::current_exe().ok().filter(|path| path.exists()) else { return };
    let mut again = std::process::Command::new(&program);
    again.arg0(name.as_deref().unwrap_or(OsStr::new("entente"))).args(arguments).env(VARIABLE, ARENAS);
    let _goes_on_as_it_is = again.exec();
}

#[cfg(not(unix))]
fn begin_anew(_arguments: impl IntoIterator<Item = OsString>) {}
