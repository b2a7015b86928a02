//! How much memory of its own the C library keeps for a node.
//!
//! glibc gives threads up to eight arenas for each processor, and what is freed in one is not used in another (decision
//! 54). And once a large buffer was freed, it takes buffers of that size from the arenas too, where small things that last
//! come to lie between them: after 30,000 records that came at once a node kept 84 MB, of which 35 were in use
//! (decision 60). Both can be set from within by unsafe code only, or by the environment that a program begins with. So a
//! node begins once more, in the same process, with the variables set.

use std::ffi::{OsStr, OsString};

/// glibc's variables (mallopt(3)), and what a node wants them to be. Whatever is set already is left alone.
const SETTINGS: [(&str, &str); 2] = [
    // One for each of two processors; more gain no time.
    ("MALLOC_ARENA_MAX", "2"),
    // Bytes from which a buffer has pages of its own, which go back as soon as it is freed: glibc's first value, which
    // moves no more once it is set.
    ("MALLOC_MMAP_THRESHOLD_", "131072"),
];

/// Begins anew with malloc set. Comes back where that is done already, has no use, or is not possible; the node then goes
/// on, with more memory. To be called before there are threads, locks and open files.
pub fn keep_little(arguments: impl IntoIterator<Item = OsString>) {
    if cfg!(target_env = "gnu") && SETTINGS.iter().any(is_missing) {
        begin_anew(arguments);
    }
}

fn is_missing((variable, _): &(&str, &str)) -> bool {
    std::env::var_os(variable).is_none()
}

#[cfg(unix)]
fn begin_anew(arguments: impl IntoIterator<Item = OsString>) {
    use std::os::unix::process::CommandExt;

    let mut arguments = arguments.into_iter();
    let name = arguments.next();
    // By its own name, which lists of processes show. One whose file was replaced meanwhile goes on as it is.
    let Some(program) = std::env::current_exe().ok().filter(|path| path.exists()) else { return };
    let mut again = std::process::Command::new(&program);
    again.arg0(name.as_deref().unwrap_or(OsStr::new("entente"))).args(arguments);
    again.envs(SETTINGS.into_iter().filter(is_missing));
    let _goes_on_as_it_is = again.exec();
}

#[cfg(not(unix))]
fn begin_anew(_arguments: impl IntoIterator<Item = OsString>) {}
