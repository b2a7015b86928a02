//! What the disks tell when the nodes have stopped: no text, no name, and nothing without the passphrase.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;

use entente_node::secrets::Secrets;
use entente_node::vault::Vault;
use entente_protocol::derive;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::cast::{PATIENCE, Who, failed, program};
use super::folder::Folder;
use super::stage::{Broken, Proof, proof};
use crate::problem::{self};

/// The exit code of a command that could not open the vault.
const LOCKED: i32 = 4;
/// Folders in folders: a node's folder has three levels.
const DEEPEST: usize = 16;

/// Something that must not be found.
pub(super) struct Needle {
    /// What it is, in words.
    pub(super) what: String,
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
}

/// What was read, and what was found in it.
#[derive(Default)]
struct Search {
    files: usize,
    bytes: u64,
    found: Vec<String>,
}

/// No file below `folder` holds any of these. That the search finds what is there is shown by the one word
/// that stands in every node's settings.
pub(super) async fn nothing_is_plain(folder: &Path, needles: Vec<Needle>) -> Proof {
    let (root, count) = (folder.to_owned(), needles.len());
    let searching = tokio::task::spawn_blocking(move || {
        let hidden = search(&root, &needles)?;
        let known = search(&root, &[Needle { what: "`listen`".to_owned(), bytes: b"listen = ".to_vec() }])?;
        Ok::<_, std::io::Error>((hidden, known))
    });
    let searched = searching.await.map_err(|e| failed(e.to_string()))?;
    let (hidden, known) = searched.map_err(|e| problem::file("searching", folder, &e))?;
    if known.found.len() != Who::ALL.len() {
        return Err(format!("the search itself does not work: {}", known.found.join(", ")).into());
    }
    let kib = hidden.bytes / 1024;
    let evidence = format!(
        "all {} files ({kib} KiB) below the demo's folder searched for {count} codes, texts and names: none \
         found (to test the search: `listen = ` is found in all three config.toml)",
        hidden.files
    );
    proof(hidden.found.is_empty() && hidden.files > 0, evidence, hidden.found.join("; "))
}

fn search(root: &Path, needles: &[Needle]) -> std::io::Result<Search> {
    let mut search = Search::default();
    let mut folders = vec![(root.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        if depth > DEEPEST {
            return Err(std::io::Error::other(format!("{} lies too deep", folder.display())));
        }
        for entry in std::fs::read_dir(&folder)? {
            let (entry, path) = entry.map(|entry| (entry.file_type(), entry.path()))?;
            let kind = entry?;
            if kind.is_dir() {
                folders.push((path, depth + 1));
            } else if kind.is_file() {
                look_into(&path, needles, &mut search)?;
            }
        }
    }
    Ok(search)
}

fn look_into(path: &Path, needles: &[Needle], search: &mut Search) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    File::open(path)?.read_to_end(&mut bytes)?;
    search.files += 1;
    search.bytes += bytes.len() as u64;
    for needle in needles {
        if contains(&bytes, &needle.bytes) {
            search.found.push(format!("{} holds {}", path.display(), needle.what));
        }
    }
    Ok(())
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    let Some(first) = needle.first() else { return false };
    let mut rest = bytes;
    // Looking for the first byte alone is what the compiler makes fast.
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        rest = rest.get(at..).unwrap_or_default();
        if rest.starts_with(needle) {
            return true;
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    false
}

/// A passphrase that is wrong in one letter starts none of the nodes.
pub(super) async fn wrong_passphrase_opens_nothing(folder: &Folder) -> Proof {
    let wrong = wrong(folder.passphrase());
    let (npm, cso, neighbour) = tokio::try_join!(
        tried(folder, Who::Npm, &wrong),
        tried(folder, Who::Cso, &wrong),
        tried(folder, Who::Neighbour, &wrong),
    )?;
    let objections: Vec<String> = [npm, cso, neighbour].into_iter().flatten().collect();
    let evidence = format!("each `run` ends with exit code {LOCKED} and serves nothing");
    proof(objections.is_empty(), evidence, objections.join("; "))
}

/// The same, but for its last letter.
fn wrong(passphrase: &str) -> String {
    let mut letters: Vec<char> = passphrase.chars().collect();
    if let Some(last) = letters.last_mut() {
        *last = if *last == 'a' { 'b' } else { 'a' };
    }
    letters.into_iter().collect()
}

/// Starts a node with this passphrase; what is wrong with how that ended.
async fn tried(folder: &Folder, who: Who, passphrase: &str) -> Result<Option<String>, Broken> {
    let broken = |e: std::io::Error| Broken::from(failed(format!("starting {} failed: {e}", who.the())));
    let mut process = program()?
        .arg("--home")
        .arg(folder.path().join(who.label()))
        .args(["--json", "run", "--passphrase-fd", "0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(broken)?;
    if let Some(mut stdin) = process.stdin.take() {
        stdin.write_all(format!("{passphrase}\n").as_bytes()).await.map_err(broken)?;
    }
    let Ok(ended) = timeout(PATIENCE, process.wait_with_output()).await else {
        return Ok(Some(format!("{} runs", who.the())));
    };
    let ended = ended.map_err(broken)?;
    let ready = contains(&ended.stdout, b"\"ready\"");
    let as_it_must = ended.status.code() == Some(LOCKED) && !ready;
    Ok((!as_it_must).then(|| format!("{} ended with {}", who.the(), ended.status)))
}

/// In the vaults of these two, each partnership has a transport identity of its own.
pub(super) async fn unlinkable(folder: &Folder, both: [Who; 2]) -> Proof {
    let mut identities = Vec::new();
    for who in both {
        let vault = folder.path().join(who.label()).join("vault");
        let passphrase = folder.passphrase().clone();
        let opening = tokio::task::spawn_blocking(move || transports(&vault, passphrase.as_bytes()));
        let ours = opening.await.map_err(|e| failed(e.to_string()))??;
        if ours.len() != 2 {
            return Err(format!("{} has {} partnerships instead of 2", who.the(), ours.len()).into());
        }
        identities.extend(ours);
    }
    let all = identities.len();
    identities.sort_unstable();
    identities.dedup();
    let evidence =
        format!("{all} for 2 organisations in 2 partnerships each, all different, so they link nothing");
    proof(identities.len() == all, evidence, "an identity is used twice")
}

fn transports(vault: &Path, passphrase: &[u8]) -> Result<Vec<[u8; 32]>, Broken> {
    let (_, bytes) = Vault::open(vault, passphrase).map_err(|e| failed(e.to_string()))?;
    let secrets = Secrets::from_bytes(&bytes).map_err(|e| failed(e.to_string()))?;
    Ok(secrets.partnerships.iter().map(|ours| derive::transport_id(&ours.transport.key()).0).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_found_wherever_they_stand() {
        assert!(contains(b"abcabd", b"abd") && contains(b"aab", b"ab") && contains(b"x", b"x"));
        assert!(
            !contains(b"abc", b"abd")
                && !contains(b"", b"a")
                && !contains(b"a", b"")
                && !contains(b"a", b"ab")
        );
    }

    #[test]
    fn a_text_deep_in_a_folder_is_found() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("a/b")).unwrap();
        std::fs::write(folder.path().join("a/b/file"), "…the marker…").unwrap();
        let needle = |text: &str| [Needle { what: text.to_owned(), bytes: text.as_bytes().to_vec() }];
        let hit = search(folder.path(), &needle("marker")).unwrap();
        assert_eq!((hit.files, hit.found.len()), (1, 1));
        assert!(search(folder.path(), &needle("absent")).unwrap().found.is_empty());
    }

    #[test]
    fn the_wrong_passphrase_is_wrong() {
        for right in ["aaaa", "bbbb", "ა"] {
            assert_ne!(wrong(right), right);
            assert_eq!(wrong(right).chars().count(), right.chars().count());
        }
    }
}
