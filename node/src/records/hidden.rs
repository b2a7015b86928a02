//! Hidden data of attachments (C8): looked for before a file is shared, and left out of the shared copy unless
//! the author keeps it. The original stays as it is, on this node.

use entente_protocol::chunk;
use entente_protocol::record::Attachment;

use crate::metadata::worker::{self, TakeCopy, WorkerError};
use crate::metadata::{Cleaning, Form, MAX_FILE, Report};
use crate::store::Store;

use super::attach::{AttachError, BlobWriter, Sharing, copy_for_sharing, read_chunk};

/// What sharing an attachment would do with its hidden data. Blocks; reads all of the file.
///
/// # Errors
/// [`AttachError::Blob`] if the file is not here whole. What cannot be looked into is part of the answer.
pub fn look(store: &Store, original: &Attachment, keep: bool) -> Result<Report, AttachError> {
    let report = look_inside(store, original, None)?;
    Ok(if keep && report.cleaning != Cleaning::AsItIs {
        Report { cleaning: Cleaning::Kept, ..report }
    } else {
        report
    })
}

/// Encrypts an attachment for a space, without its hidden data unless the author keeps it. Blocks.
///
/// # Errors
/// [`AttachError::Hidden`] if it has to be left out and cannot be.
pub fn copy(
    store: &Store,
    original: &Attachment,
    keep: bool,
    sharing: &Sharing,
) -> Result<Attachment, AttachError> {
    if keep || form(store, original)? == Form::Other {
        return copy_for_sharing(store, original, sharing);
    }
    // Once for the hash that its key is made of, once to write it.
    let mut contents = blake3::Hasher::new();
    clean_into(store, original, &mut |piece: &[u8]| {
        contents.update(piece);
        Ok(())
    })?;
    let mut writer = BlobWriter::under(store, sharing.key(&contents));
    let cleaned =
        clean_into(store, original, &mut |piece: &[u8]| writer.write(piece).map_err(|e| e.to_string()));
    cleaned.inspect_err(|_| writer.abandon())?;
    writer.finish(original.name.clone(), original.media_type.clone())
}

/// Gives out a file without its hidden data.
fn clean_into(store: &Store, original: &Attachment, take: TakeCopy<'_>) -> Result<(), AttachError> {
    let report = look_inside(store, original, Some(take))?;
    if report.cleaning == Cleaning::Cleaned {
        return Ok(());
    }
    Err(AttachError::Hidden { name: original.name.clone(), reason: reason(&report.cleaning).to_owned() })
}

/// Why hidden data cannot be left out.
#[must_use]
pub fn reason(cleaning: &Cleaning) -> &str {
    match cleaning {
        Cleaning::Impossible { reason } => reason,
        _ => "its hidden data was not left out",
    }
}

fn form(store: &Store, original: &Attachment) -> Result<Form, AttachError> {
    Ok(Form::of(&original.name, &read_chunk(store, original, 0)?))
}

fn look_inside(
    store: &Store,
    original: &Attachment,
    copy: Option<TakeCopy<'_>>,
) -> Result<Report, AttachError> {
    let form = form(store, original)?;
    let impossible = |reason: String| Report {
        form: form.words().to_owned(),
        found: Vec::new(),
        remains: Vec::new(),
        cleaning: Cleaning::Impossible { reason },
    };
    if let Some(report) = worker::without_looking(form) {
        return Ok(report);
    }
    if original.size > MAX_FILE as u64 {
        return Ok(impossible(format!("it is larger than {} MiB", MAX_FILE >> 20)));
    }
    let mut pieces = 0..chunk::count(original.size);
    let next = || match pieces.next() {
        Some(index) => {
            read_chunk(store, original, index).map(|piece| piece.to_vec()).map_err(|e| e.to_string())
        }
        None => Ok(Vec::new()),
    };
    match worker::ask(form, next, copy) {
        Ok(report) => Ok(report),
        Err(WorkerError::File(error)) => Err(AttachError::Broken(error)),
        Err(error) => Ok(impossible(error.to_string())),
    }
}
