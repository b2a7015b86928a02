//! Drafts in files, and the files that they attach. Everything is checked before anything is sent.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use entente_node::api::types::{AttachmentStored, DraftInput, Problem};
use serde_json::json;

use crate::client::{Client, query, route};
use crate::problem::{self, FAILED, problem, usage};

/// Bytes of the largest file with one draft: a record of the largest size, generously escaped.
pub(super) const MAX_DRAFT_FILE: usize = 16 * entente_protocol::limits::MAX_RECORD;

/// A file that a draft attaches.
#[derive(Debug)]
pub(super) struct AttachedFile {
    path: PathBuf,
    name: String,
    media_type: &'static str,
}

/// The whole of a file, or of stdin where the path is `-`.
pub(super) fn read_bounded(path: &Path, most: usize) -> Result<Vec<u8>, Problem> {
    let failed = |e: &io::Error| problem::file("reading", path, e);
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).map_err(|e| failed(&e))?)
    };
    let mut bytes = Vec::new();
    source.take(most as u64 + 1).read_to_end(&mut bytes).map_err(|e| failed(&e))?;
    if bytes.len() > most {
        return Err(failed(&io::Error::other(format!("it is longer than {most} bytes"))));
    }
    Ok(bytes)
}

/// The folder that a draft's relative paths may also be meant from; none for stdin.
pub(super) fn folder_of(file: &Path) -> Option<&Path> {
    if file == Path::new("-") { None } else { file.parent() }
}

/// The files that a draft attaches, each of which can be read.
pub(super) fn attached_files(
    draft: &DraftInput,
    folder: Option<&Path>,
) -> Result<Vec<AttachedFile>, Problem> {
    draft.attachments.iter().map(|path| attached_file(Path::new(path), folder)).collect()
}

fn attached_file(path: &Path, folder: Option<&Path>) -> Result<AttachedFile, Problem> {
    let found = located(path, folder)?;
    let failed = |e: &io::Error| problem::file("attaching", &found, e);
    let about = File::open(&found).and_then(|file| file.metadata()).map_err(|e| failed(&e))?;
    if !about.is_file() {
        return Err(failed(&io::Error::other("it is not a file")));
    }
    let name = found.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let media_type = media_type(&found);
    Ok(AttachedFile { path: found, name, media_type })
}

/// From the working folder, or else from the folder of the draft. Two different files of that name are a
/// question, never a guess: the wrong one might be confidential.
fn located(path: &Path, folder: Option<&Path>) -> Result<PathBuf, Problem> {
    let beside = folder.map(|folder| folder.join(path)).filter(|beside| beside.exists());
    match (path.exists(), beside) {
        (true, Some(beside)) if path.canonicalize().ok() != beside.canonicalize().ok() => Err(usage(
            format!("{} could be {} too", path.display(), beside.display()),
            "write the whole path into the draft",
        )),
        (false, Some(beside)) => Ok(beside),
        _ => Ok(path.to_owned()),
    }
}

/// The draft as the node wants it: its files sent, and named by what the node calls them.
pub(super) async fn uploaded(
    client: &Client,
    mut draft: DraftInput,
    files: &[AttachedFile],
) -> Result<DraftInput, Problem> {
    draft.attachments.clear();
    for file in files {
        draft.attachments.push(upload(client, file).await?);
    }
    Ok(draft)
}

async fn upload(client: &Client, file: &AttachedFile) -> Result<String, Problem> {
    let failed = |e: &io::Error| problem::file("attaching", &file.path, e);
    let open = tokio::fs::File::open(&file.path).await.map_err(|e| failed(&e))?;
    let size = open.metadata().await.map_err(|e| failed(&e))?.len();
    let route = route(&["attachments"]) + &query(&json!({ "name": file.name, "type": file.media_type }));
    let stored: AttachmentStored = client.upload(&route, open, size).await?;
    Ok(stored.attachment)
}

/// The text is not a draft.
pub(super) fn bad_draft(file: &Path, why: &dyn std::fmt::Display) -> Problem {
    problem(
        FAILED,
        "bad-draft",
        format!("{} is not a draft: {why}", file.display()),
        "nothing was kept",
        "see the example in: entente record new --help",
    )
}

/// What a file is, by its name alone; what partners do with it is their node's business.
fn media_type(path: &Path) -> &'static str {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    match extension.as_str() {
        "pdf" => "application/pdf",
        "txt" | "log" => "text/plain",
        "md" => "text/markdown",
        "csv" => "text/csv",
        "json" => "application/json",
        "xml" => "application/xml",
        "html" | "htm" => "text/html",
        "rtf" => "application/rtf",
        "doc" => "application/msword",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xls" => "application/vnd.ms-excel",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "ppt" => "application/vnd.ms-powerpoint",
        "pptx" => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "odt" => "application/vnd.oasis.opendocument.text",
        "ods" => "application/vnd.oasis.opendocument.spreadsheet",
        "odp" => "application/vnd.oasis.opendocument.presentation",
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "tif" | "tiff" => "image/tiff",
        "heic" => "image/heic",
        "svg" => "image/svg+xml",
        "mp3" => "audio/mpeg",
        "m4a" => "audio/mp4",
        "ogg" | "oga" | "opus" => "audio/ogg",
        "wav" => "audio/wav",
        "flac" => "audio/flac",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        "mov" => "video/quicktime",
        "zip" => "application/zip",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_media_type_in_any_case() {
        assert_eq!(media_type(Path::new("a/Scan.PDF")), "application/pdf");
        assert_eq!(media_type(Path::new("photo.JPeG")), "image/jpeg");
        assert_eq!(media_type(Path::new("unknown")), "application/octet-stream");
    }

    #[test]
    fn a_missing_attachment_and_a_folder_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let missing = attached_file(&folder.path().join("no.pdf"), None).unwrap_err();
        assert_eq!(missing.exit, problem::NOT_FOUND);
        assert!(attached_file(folder.path(), None).is_err());
    }

    #[test]
    fn a_path_is_found_beside_the_draft_and_never_guessed() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("beside.txt"), "x").unwrap();
        let found = located(Path::new("beside.txt"), Some(folder.path())).unwrap();
        assert_eq!(found, folder.path().join("beside.txt"));
        // Cargo runs tests where Cargo.toml is: now there are two of them.
        std::fs::write(folder.path().join("Cargo.toml"), "x").unwrap();
        assert_eq!(located(Path::new("Cargo.toml"), Some(folder.path())).unwrap_err().code, "usage");
        assert!(located(Path::new("Cargo.toml"), None).is_ok());
    }

    #[test]
    fn a_file_that_is_too_long_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("draft.json");
        std::fs::write(&path, [b' '; 11]).unwrap();
        assert!(read_bounded(&path, 10).is_err());
        assert_eq!(read_bounded(&path, 11).unwrap().len(), 11);
    }
}
