//! What is kept beside records: attachments, verifications, settings, and where drafts were shared.

use entente_protocol::codec;
use entente_protocol::ids::{BlobId, PartnershipId, RecordId};

use crate::frames::{KnownBlob, Outcome, Verification};
use crate::settings::PartnershipSettings;
use crate::store::{Index, IndexError, Position};

use super::{Batch, Table, decode, partnership_name, position, prefix};

/// What is known of an attachment.
///
/// # Errors
/// [`IndexError`].
pub fn blob(index: &Index, id: &BlobId) -> Result<Option<KnownBlob>, IndexError> {
    let name = index.name(Table::Blob as u8, &id.0);
    Ok(index.get(Table::Blob as u8, &name)?.and_then(|b| decode(&b)))
}

/// All attachments that are known, of all partnerships and of drafts.
pub fn blobs(index: &Index) -> impl Iterator<Item = KnownBlob> + '_ {
    prefix(index, Table::Blob as u8, &[]).filter_map(|(_, row)| decode(&row))
}

/// Notes how a verification went. The last success and the last suspicion stay, and success ends suspicion.
pub fn put_verification(batch: &mut Batch, index: &Index, verification: &Verification) {
    let key = |success: bool| {
        let name = index.name(Table::Verified as u8, &verification.org.0);
        [partnership_name(index, &verification.partnership).as_slice(), &name, &[u8::from(success)]].concat()
    };
    let success = verification.outcome == Outcome::Codes;
    batch.put(Table::Verified as u8, &key(success), &codec::encode(verification));
    if success {
        batch.delete(Table::Verified as u8, &key(false));
    }
}

/// How verifications in a partnership went.
#[must_use]
pub fn verifications(index: &Index, partnership: &PartnershipId) -> Vec<Verification> {
    let name = partnership_name(index, partnership);
    prefix(index, Table::Verified as u8, &name).filter_map(|(_, row)| decode(&row)).collect()
}

/// Notes what was set for a partnership.
pub fn put_settings(batch: &mut Batch, index: &Index, settings: &PartnershipSettings) {
    let name = partnership_name(index, &settings.partnership);
    batch.put(Table::Settings as u8, &name, &codec::encode(settings));
}

/// What was set for a partnership.
#[must_use]
pub fn settings(index: &Index, partnership: &PartnershipId) -> PartnershipSettings {
    let row = index.get(Table::Settings as u8, &partnership_name(index, partnership)).ok().flatten();
    row.and_then(|row| decode(&row)).unwrap_or_else(|| PartnershipSettings::unset(*partnership))
}

/// Notes an attachment.
pub fn put_blob(batch: &mut Batch, index: &Index, blob: &KnownBlob) {
    let name = index.name(Table::Blob as u8, &blob.blob.0);
    batch.put(Table::Blob as u8, &name, &codec::encode(blob));
}

/// Notes under which id a draft was shared where.
pub fn put_shared(
    batch: &mut Batch,
    index: &Index,
    draft: &RecordId,
    partnership: &PartnershipId,
    record: &RecordId,
) {
    let names = [index.name(Table::Draft as u8, &draft.0), index.name(Table::Record as u8, &record.0)];
    batch.put(Table::Shared as u8, &names.concat(), &[partnership.0, record.0].concat());
}

/// Where a draft was shared, and under which ids.
#[must_use]
pub fn shared(index: &Index, draft: &RecordId) -> Vec<(PartnershipId, RecordId)> {
    let name = index.name(Table::Draft as u8, &draft.0);
    let pair = |bytes: Vec<u8>| {
        let (partnership, record) = bytes.split_first_chunk::<32>()?;
        Some((PartnershipId(*partnership), RecordId(record.try_into().ok()?)))
    };
    prefix(index, Table::Shared as u8, &name).filter_map(|(_, value)| pair(value)).collect()
}

/// Journal position of a draft.
///
/// # Errors
/// [`IndexError`].
pub fn draft_position(index: &Index, draft: &RecordId) -> Result<Option<Position>, IndexError> {
    let name = index.name(Table::Draft as u8, &draft.0);
    Ok(index.get(Table::Draft as u8, &name)?.and_then(|b| position(&b)))
}
