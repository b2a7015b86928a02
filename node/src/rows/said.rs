//! What partners said of entries: how far they have a log, what they do not show, and evidence against an author.

use entente_protocol::ids::{LogId, PartnershipId, SpaceId};

use crate::store::{Index, Position};

use super::{
    AckRow, RecordPlace, RefusedThere, Table, decode, log_key, log_name, partnership_name, position, prefix,
};

/// The key of what one log acknowledges of another.
#[must_use]
pub fn ack_key(
    index: &Index,
    partnership: &PartnershipId,
    space: &SpaceId,
    log: &LogId,
    by: &LogId,
) -> Vec<u8> {
    let mut key = log_key(index, partnership, space, log);
    key.extend_from_slice(&log_name(index, space, by));
    key
}

/// What was acknowledged of a log, by whom.
#[must_use]
pub fn acknowledgements(
    index: &Index,
    partnership: &PartnershipId,
    space: &SpaceId,
    log: &LogId,
) -> Vec<AckRow> {
    let key = log_key(index, partnership, space, log);
    prefix(index, Table::Acknowledgement as u8, &key).filter_map(|(_, row)| decode(&row)).collect()
}

/// The key of what one node said of an entry that it does not show.
#[must_use]
pub fn refused_there_key(index: &Index, place: &RecordPlace, by: &LogId) -> Vec<u8> {
    let mut key = log_key(index, &place.partnership, &place.space, &place.log);
    key.extend_from_slice(&place.seq.0.to_be_bytes());
    key.extend_from_slice(&log_name(index, &place.space, by));
    key
}

/// What partners said of an entry that they do not show.
#[must_use]
pub fn refused_there(index: &Index, partnership: &PartnershipId, place: &RecordPlace) -> Vec<RefusedThere> {
    let mut key = log_key(index, partnership, &place.space, &place.log);
    key.extend_from_slice(&place.seq.0.to_be_bytes());
    prefix(index, Table::RefusedThere as u8, &key).filter_map(|(_, row)| decode(&row)).collect()
}

/// Everything that was acknowledged in a partnership.
#[must_use]
pub fn all_acknowledgements(index: &Index, partnership: &PartnershipId) -> Vec<AckRow> {
    let name = partnership_name(index, partnership);
    prefix(index, Table::Acknowledgement as u8, &name).filter_map(|(_, row)| decode(&row)).collect()
}

/// Where the journal has the evidence against the author of a log.
#[must_use]
pub fn evidence_position(
    index: &Index,
    partnership: &PartnershipId,
    space: &SpaceId,
    log: &LogId,
) -> Option<Position> {
    let key = log_key(index, partnership, space, log);
    index.get(Table::Evidence as u8, &key).ok().flatten().and_then(|bytes| position(&bytes))
}

/// Where the journal has all evidence of a partnership.
#[must_use]
pub fn all_evidence(index: &Index, partnership: &PartnershipId) -> Vec<Position> {
    let name = partnership_name(index, partnership);
    prefix(index, Table::Evidence as u8, &name).filter_map(|(_, bytes)| position(&bytes)).collect()
}
