//! Where a passphrase comes from: a file descriptor, a file that a service manager names, or a person. Never
//! an argument, which every process on the machine can read.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

use entente_node::api::types::Problem;
use zeroize::Zeroizing;

use crate::args::PassphraseArgs;
use crate::problem::{self, usage};

/// Bytes of the longest passphrase: more is a wrong file.
const LONGEST: usize = 4096;
/// What names a file with the passphrase, for service managers (systemd: `%d/passphrase`).
const FILE_VARIABLE: &str = "ENTENTE_PASSPHRASE_FILE";

/// The passphrase of an existing node.
pub(crate) fn known(args: &PassphraseArgs) -> Result<Zeroizing<String>, Problem> {
    given(args)?.map_or_else(|| prompted("Passphrase: "), Ok)
}

/// A passphrase for a new node: a person types it twice.
pub(crate) fn new(args: &PassphraseArgs) -> Result<Zeroizing<String>, Problem> {
    if let Some(passphrase) = given(args)? {
        return Ok(passphrase);
    }
    let first = prompted("New passphrase (five or more random words are good): ")?;
    let second = prompted("The same again: ")?;
    if first == second { Ok(first) } else { Err(usage("the two passphrases differ", "try again")) }
}

fn given(args: &PassphraseArgs) -> Result<Option<Zeroizing<String>>, Problem> {
    if let Some(number) = args.passphrase_fd {
        // Opening by name gives a reader of our own without taking over a descriptor that others may use.
        let path = format!("/dev/fd/{number}");
        return match File::open(&path) {
            // Sockets cannot be opened by name; supervisors like to give one as stdin.
            Err(_) if number == 0 => read(&mut io::stdin().lock(), Path::new("stdin")),
            opened => read_file(opened, Path::new(&path)),
        }
        .map(Some);
    }
    match std::env::var_os(FILE_VARIABLE).filter(|path| !path.is_empty()) {
        Some(path) => read_file(File::open(&path), Path::new(&path)).map(Some),
        None => Ok(None),
    }
}

fn read_file(opened: io::Result<File>, path: &Path) -> Result<Zeroizing<String>, Problem> {
    let mut file = opened.map_err(|e| problem::file("reading the passphrase from", path, &e))?;
    read(&mut file, path)
}

fn read(source: &mut impl Read, path: &Path) -> Result<Zeroizing<String>, Problem> {
    let bytes = first_line(source).map_err(|e| problem::file("reading the passphrase from", path, &e))?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| usage("the passphrase is not UTF-8 text", "check the file or descriptor"))?;
    checked(Zeroizing::new(text.to_owned()))
}

/// The bytes before the first line break; one byte at a time, so that a pipe keeps what follows.
fn first_line(source: &mut impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST));
    let mut byte = Zeroizing::new([0_u8]);
    while source.read(&mut *byte)? == 1 && byte[0] != b'\n' {
        if line.len() == LONGEST {
            return Err(io::Error::other(format!("it is longer than {LONGEST} bytes")));
        }
        line.push(byte[0]);
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(line)
}

fn prompted(question: &str) -> Result<Zeroizing<String>, Problem> {
    if !io::stdin().is_terminal() {
        return Err(usage(
            "a passphrase is needed, and there is no terminal to ask on",
            format!("pass --passphrase-fd N, or name a file in {FILE_VARIABLE}"),
        ));
    }
    let typed = rpassword::prompt_password(question)
        .map_err(|e| problem::file("reading the passphrase from", Path::new("the terminal"), &e))?;
    checked(Zeroizing::new(typed))
}

fn checked(passphrase: Zeroizing<String>) -> Result<Zeroizing<String>, Problem> {
    if passphrase.is_empty() {
        return Err(usage("the passphrase is empty", "choose five or more random words"));
    }
    Ok(passphrase)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_passphrase_and_the_rest_stays() {
        let mut source = &b"correct horse\r\nnext"[..];
        assert_eq!(first_line(&mut source).unwrap().as_slice(), b"correct horse");
        assert_eq!(source, b"next");
        assert_eq!(first_line(&mut &b" spaces stay "[..]).unwrap().as_slice(), b" spaces stay ");
    }

    #[test]
    fn a_passphrase_is_neither_empty_nor_a_film() {
        assert!(checked(Zeroizing::new(String::new())).is_err());
        assert!(first_line(&mut io::repeat(b'x')).is_err());
    }
}
