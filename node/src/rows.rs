//! The tables of the index: what is kept of each frame so that it can be found. All of it can be rebuilt
//! from the journal.

use entente_protocol::codec::{self, Wire};
use entente_protocol::ids::{EpochId, LogId, PartnershipId, Seq, SpaceId};
use minicbor::{Decode, Encode};

use crate::frames::{KnownBlob, Verification};
use crate::store::{Index, IndexError, Position, Span};

mod batch;
mod beginning;
mod held;
mod kept;
mod records;
mod said;

pub use batch::Batch;
pub use beginning::{BEGINNING, records_that_begin};
pub use held::{AckRow, Circle, LogRow, NoticeRow, RecordPlace, RecordRow, RefusedRow, RefusedThere};
pub use kept::{
    blob, blobs, draft_position, put_blob, put_settings, put_shared, put_verification, settings, shared,
    verifications,
};
pub use records::{
    author_of, erased, expired, expiring_key, forget_judgement, forget_record, has_another, known_row,
    of_kind, put_record, record, referring, stands_elsewhere,
};
pub use said::{
    ack_key, acknowledgements, all_acknowledgements, all_evidence, evidence_position, refused_there,
    refused_there_key,
};

/// A table: the first byte of its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Table {
    /// log, position → journal position.
    Entry = 1,
    /// partnership, log → [`LogRow`].
    Log = 2,
    /// partnership, journal position → nothing.
    Act = 3,
    /// partnership, epoch → journal position.
    Epoch = 4,
    /// how its id begins, record → its key in `Order`.
    Record = 5,
    /// journal position → [`RecordRow`]: records in the order of their arrival.
    Order = 6,
    /// epoch, journal position → partnership: entries that wait for a key.
    Waiting = 7,
    /// journal position → [`RefusedRow`].
    Refused = 8,
    /// attachment → [`KnownBlob`].
    Blob = 9,
    /// draft, record → partnership, record.
    Shared = 10,
    /// draft → its journal position.
    Draft = 11,
    /// partnership, node → journal position of its newest prekey.
    Prekey = 12,
    /// partnership, log → journal position of the evidence against its author.
    Evidence = 14,
    /// partnership, log, acknowledging log → [`AckRow`].
    Acknowledgement = 15,
    /// record, journal position → nothing: who refers to it. Drafts included.
    Refers = 20,
    /// kind, journal position → nothing: all records of a kind. Drafts included.
    OfKind = 21,
    /// record or consent, journal position → [`NoticeRow`].
    Notice = 17,
    /// partnership, date until which it is kept, record → the record's id.
    Expiring = 18,
    /// record → [`crate::frames::Erased`].
    Erased = 19,
    /// partnership, log, position, acknowledging log → [`RefusedThere`].
    RefusedThere = 29,
    /// partnership, mailbox → journal position of the newest word about it.
    Mailbox = 30,
    /// partnership, organisation, success or suspicion → [`Verification`].
    Verified = 13,
    /// partnership, journal position → nothing: keys of single entries.
    History = 16,
    /// account of the staff → [`crate::desk::journal::Account`].
    Account = 22,
    /// release that waits → [`crate::desk::journal::Asked`].
    Release = 23,
    /// release that waits, person → [`crate::desk::journal::Mark`].
    ReleaseMark = 24,
    /// time, release that is over → [`crate::desk::journal::Closed`].
    ReleaseEnded = 25,
    /// partnership → [`crate::settings::PartnershipSettings`].
    Settings = 26,
    /// draft → [`crate::frames::WantedConsent`].
    WantedConsent = 27,
    /// attachment, journal position → nothing: the records that have it. Drafts included.
    Has = 28,
    /// partnership, plan of a visit and its author → [`crate::partnership::teams::TeamRow`].
    Team = 31,
    /// partnership and visit, journal position → nothing: notes that wait for the visit's plan, or for a wider team.
    AwaitsPlan = 32,
}

/// All rows of a table whose keys begin so, in order. Rows that are damaged are passed over: the index is
/// rebuilt when it is next opened.
pub fn prefix<'a>(
    index: &'a Index,
    table: u8,
    prefix: &'a [u8],
) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> + 'a {
    index
        .range(table, Span::Prefix(prefix), false, usize::MAX)
        .filter_map(Result::ok)
        .map(|(key, value)| (key, value.to_vec()))
}

/// The keys of these rows.
pub fn keys<'a>(index: &'a Index, table: u8, prefix: &'a [u8]) -> impl Iterator<Item = Vec<u8>> + 'a {
    index.range(table, Span::Prefix(prefix), false, usize::MAX).keys().filter_map(Result::ok)
}

/// How many rows a table has.
#[must_use]
pub fn count(index: &Index, table: Table) -> u64 {
    index.tally(table as u8)
}

/// How many drafts were shared somewhere.
#[must_use]
pub fn drafts_shared(index: &Index) -> u64 {
    index.tally(batch::SHARED_DRAFTS)
}

/// A journal position that a row holds.
#[must_use]
pub fn position(bytes: &[u8]) -> Option<Position> {
    bytes.try_into().ok().map(Position::from_bytes)
}

macro_rules! row {
    ($type:ty, $what:literal) => {
        impl entente_protocol::codec::Wire for $type {
            const WHAT: &'static str = $what;
            const MAX: usize = 60 * 1024;
        }
    };
}
pub(crate) use row;
row!(LogRow, "log row");
row!(RecordRow, "record row");
row!(RefusedRow, "refusal row");
row!(KnownBlob, "attachment row");
row!(AckRow, "acknowledgement row");
row!(NoticeRow, "notice row");
row!(RefusedThere, "row of a refusal elsewhere");
row!(Verification, "verification row");

/// Reads a row; a row that does not decode is as good as none (the index is rebuilt from the journal).
pub fn decode<T>(bytes: &[u8]) -> Option<T>
where
    T: Wire + Encode<()> + for<'b> Decode<'b, ()>,
{
    codec::decode(bytes).ok()
}

/// The key of an entry.
#[must_use]
pub fn entry_key(index: &Index, space: &SpaceId, log: &LogId, seq: Seq) -> Vec<u8> {
    let mut key = log_name(index, space, log).to_vec();
    key.extend_from_slice(&seq.0.to_be_bytes());
    key
}

fn log_name(index: &Index, space: &SpaceId, log: &LogId) -> [u8; 16] {
    index.name(Table::Log as u8, &[space.0, log.0].concat())
}

/// The key of a log.
#[must_use]
pub fn log_key(index: &Index, partnership: &PartnershipId, space: &SpaceId, log: &LogId) -> Vec<u8> {
    [partnership_name(index, partnership), log_name(index, space, log)].concat()
}

/// What a partnership's keys begin with.
#[must_use]
pub fn partnership_name(index: &Index, partnership: &PartnershipId) -> [u8; 16] {
    index.name(0, &partnership.0)
}

/// The key of something that is found by partnership and journal position.
#[must_use]
pub fn positioned(prefix: [u8; 16], position: Position) -> Vec<u8> {
    [prefix.as_slice(), &position.to_bytes()].concat()
}

/// What the keys of entries that wait for an epoch begin with.
#[must_use]
pub fn waiting_name(index: &Index, epoch: &EpochId) -> [u8; 16] {
    index.name(Table::Waiting as u8, &epoch.0)
}

/// Journal position of an entry.
///
/// # Errors
/// [`IndexError`].
pub fn entry_position(
    index: &Index,
    space: &SpaceId,
    log: &LogId,
    seq: Seq,
) -> Result<Option<Position>, IndexError> {
    let bytes = index.get(Table::Entry as u8, &entry_key(index, space, log, seq))?;
    Ok(bytes.and_then(|b| position(&b)))
}
