//! What is longer than the screen goes through a pager, as people know it from git and man: nothing scrolls away.
//!
//! `ENTENTE_PAGER`, else `PAGER`, else `less`; an empty word or `cat` means none. `less` writes no history and saves no
//! files here (`LESSSECURE`): what it shows is confidential.

use std::env;
use std::io::Write;
use std::process::{Command, Stdio};

/// Shows a text through the pager. Gives false where there is none: then nothing was shown.
pub(super) fn show(text: &str) -> bool {
    if env::var_os("TERM").is_some_and(|term| term == "dumb") {
        return false;
    }
    let set = ["ENTENTE_PAGER", "PAGER"].into_iter().find_map(|name| env::var(name).ok());
    let mut pager = match set.as_deref().map(str::trim) {
        Some("" | "cat") => return false,
        // With its options, as a shell reads them.
        Some(command) => {
            let mut shell = Command::new("/bin/sh");
            shell.arg("-c").arg(command);
            shell
        }
        None => Command::new("less"),
    };
    pager.stdin(Stdio::piped()).env("LESSSECURE", "1").env("LESSHISTFILE", "-");
    if env::var_os("LESSCHARSET").is_none() {
        // Names in any script, whatever the locale says: our text is UTF-8.
        pager.env("LESSCHARSET", "utf-8");
    }
    if env::var_os("LESS").is_none() {
        // It ends by itself where all fits, shows our colours, and leaves what was read on the screen.
        pager.env("LESS", "FRX");
    }
    let Ok(mut running) = pager.spawn() else { return false };
    if let Some(mut to) = running.stdin.take() {
        // Who has read enough ends the pager: what is left has no reader.
        let _ended_early = to.write_all(text.as_bytes());
    }
    // 126 and 127: the shell found no such program.
    running.wait().is_ok_and(|status| !matches!(status.code(), Some(126 | 127)))
}
