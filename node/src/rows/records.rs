//! The rows of a record, which are put and forgotten together: by its id, its kind, what it refers to and what is attached.

use entente_protocol::codec;
use entente_protocol::ids::{BlobId, OrgId, PartnershipId, RecordId, Timestamp};

use crate::frames::Erased;
use crate::store::{Index, IndexError, Position};

use super::beginning::record_key;
use super::{
    Batch, RecordPlace, RecordRow, Table, decode, keys, partnership_name, position, positioned, prefix,
};

/// Notes a record and its place in the order.
pub fn put_record(batch: &mut Batch, index: &Index, position: Position, row: &RecordRow) {
    let order = position.to_bytes();
    batch.put(Table::Order as u8, &order, &codec::encode(row));
    batch.put(Table::Record as u8, &record_key(index, &row.id), &order);
    batch.put(Table::OfKind as u8, &kind_key(index, row.kind.as_str(), position), &[]);
    for target in row.refers.iter().flatten() {
        batch.put(Table::Refers as u8, &refers_key(index, target, position), &[]);
    }
    for blob in &row.blobs {
        batch.put(Table::Has as u8, &has_key(index, blob, position), &[]);
    }
}

fn has_key(index: &Index, blob: &BlobId, position: Position) -> Vec<u8> {
    positioned(index.name(Table::Has as u8, &blob.0), position)
}

/// Does a record at another position have this attachment too, be it in the index or in this batch?
#[must_use]
pub fn has_another(batch: &Batch, index: &Index, blob: &BlobId, than: Position) -> bool {
    let name = index.name(Table::Has as u8, &blob.0);
    let own = has_key(index, blob, than);
    let mut kept = keys(index, Table::Has as u8, &name);
    let stays = |key: &[u8]| *key != *own && !batch.deletes(Table::Has, key);
    kept.any(|key| stays(&key)) || batch.written(Table::Has, &name).any(|(key, _)| stays(key))
}

fn refers_key(index: &Index, target: &RecordId, position: Position) -> Vec<u8> {
    positioned(index.name(Table::Refers as u8, &target.0), position)
}

fn kind_key(index: &Index, kind: &str, position: Position) -> Vec<u8> {
    positioned(index.name(Table::OfKind as u8, kind.as_bytes()), position)
}

/// All records of a kind, in the order of their arrival; drafts included.
pub fn of_kind<'a>(index: &'a Index, kind: &str) -> impl Iterator<Item = (Position, RecordRow)> + 'a {
    rows_at(index, Table::OfKind, index.name(Table::OfKind as u8, kind.as_bytes()))
}

/// The records that refer to one, in the order of their arrival; drafts included.
pub fn referring<'a>(
    index: &'a Index,
    target: &RecordId,
) -> impl Iterator<Item = (Position, RecordRow)> + 'a {
    rows_at(index, Table::Refers, index.name(Table::Refers as u8, &target.0))
}

fn rows_at(index: &Index, table: Table, name: [u8; 16]) -> impl Iterator<Item = (Position, RecordRow)> + '_ {
    let found: Vec<Position> =
        keys(index, table as u8, &name).filter_map(|key| key.get(16..).and_then(position)).collect();
    found.into_iter().filter_map(|position| Some((position, row_at(index, position).ok()??)))
}

/// Takes back what was made of an entry, before it is judged again: its record or its refusal.
pub fn forget_judgement(batch: &mut Batch, index: &Index, position: Position) {
    let order = position.to_bytes();
    let kept = index.get(Table::Order as u8, &order).ok().flatten();
    if let Some(row) = kept.and_then(|bytes| decode::<RecordRow>(&bytes)) {
        let name = record_key(index, &row.id);
        if index.get(Table::Record as u8, &name).ok().flatten().is_some_and(|at| *at == order) {
            batch.delete(Table::Record as u8, &name);
        }
        forget_row(batch, index, position, &row);
    }
    batch.delete(Table::Refused as u8, &order);
}

/// Takes a record out of the lists, if it stands at this position, be it in the index or in this batch.
pub fn forget_record(batch: &mut Batch, index: &Index, position: Position, id: &RecordId) {
    let order = position.to_bytes();
    let row: Option<RecordRow> = batch.row(index, Table::Order, &order);
    let Some(row) = row.filter(|row| row.id == *id) else { return };
    batch.delete(Table::Record as u8, &record_key(index, id));
    forget_row(batch, index, position, &row);
}

/// Takes back all that [`put_record`] wrote at a position, but where the record's id leads.
fn forget_row(batch: &mut Batch, index: &Index, position: Position, row: &RecordRow) {
    batch.delete(Table::OfKind as u8, &kind_key(index, row.kind.as_str(), position));
    for target in row.refers.iter().flatten() {
        batch.delete(Table::Refers as u8, &refers_key(index, target, position));
    }
    for blob in &row.blobs {
        batch.delete(Table::Has as u8, &has_key(index, blob, position));
    }
    batch.delete(Table::Order as u8, &position.to_bytes());
}

/// The author of a record that is here, was here, or comes with this batch.
#[must_use]
pub fn author_of(batch: &Batch, index: &Index, id: &RecordId) -> Option<OrgId> {
    let row = known_row(batch, index, id).map(|row| row.author);
    row.or_else(|| erased(index, id).map(|erased| erased.author))
}

/// A record's row as it will be once this batch is applied.
#[must_use]
pub fn known_row(batch: &Batch, index: &Index, id: &RecordId) -> Option<RecordRow> {
    let name = record_key(index, id);
    match batch.pending(Table::Record as u8, &name) {
        Some(order) => batch.pending(Table::Order as u8, order).and_then(decode::<RecordRow>),
        None => record(index, id).ok().flatten().map(|(_, row)| row),
    }
}

/// What is known of a record that was erased here.
#[must_use]
pub fn erased(index: &Index, id: &RecordId) -> Option<Erased> {
    let name = index.name(Table::Erased as u8, &id.0);
    index.get(Table::Erased as u8, &name).ok().flatten().and_then(|bytes| decode(&bytes))
}

/// The key of a record that is kept until a time.
#[must_use]
pub fn expiring_key(index: &Index, partnership: &PartnershipId, until: Timestamp, id: &RecordId) -> Vec<u8> {
    let record = index.name(Table::Expiring as u8, &id.0);
    [&partnership_name(index, partnership)[..], &until.0.to_be_bytes(), &record].concat()
}

/// Records of a partnership that are to be kept no longer and are still here: the oldest, at most so many.
#[must_use]
pub fn expired(
    index: &Index,
    partnership: &PartnershipId,
    now: Timestamp,
    most: usize,
) -> Vec<(Timestamp, RecordId)> {
    let name = partnership_name(index, partnership);
    let read = |(key, id): (Vec<u8>, Vec<u8>)| {
        let until = key.get(16..)?.first_chunk::<8>()?;
        Some((Timestamp(u64::from_be_bytes(*until)), RecordId(id.try_into().ok()?)))
    };
    prefix(index, Table::Expiring as u8, &name)
        .filter_map(read)
        .take_while(|(until, _)| *until <= now)
        .filter(|(_, id)| matches!(record(index, id), Ok(Some(_))))
        .take(most)
        .collect()
}

/// Does a record with this id stand at another place already? Drafts stand nowhere.
#[must_use]
pub fn stands_elsewhere(batch: &Batch, index: &Index, id: &RecordId, place: &RecordPlace) -> bool {
    known_row(batch, index, id).and_then(|row| row.place).is_some_and(|known| known != *place)
}

/// The row of the record that stands at a journal position.
pub(super) fn row_at(index: &Index, position: Position) -> Result<Option<RecordRow>, IndexError> {
    let row = index.get(Table::Order as u8, &position.to_bytes())?;
    Ok(row.and_then(|bytes| decode(&bytes)))
}

/// A record's row and its journal position.
///
/// # Errors
/// [`IndexError`].
pub fn record(index: &Index, id: &RecordId) -> Result<Option<(Position, RecordRow)>, IndexError> {
    let name = record_key(index, id);
    let Some(order) = index.get(Table::Record as u8, &name)? else { return Ok(None) };
    let Some(position) = position(&order) else { return Ok(None) };
    Ok(row_at(index, position)?.map(|row| (position, row)))
}
