//! The tables of the index: what is kept of each frame so that it can be found. All of it can be rebuilt
//! from the journal.

use entente_protocol::codec::{self, Wire};
use entente_protocol::handling::{Kind, Language, Sensitivity};
use entente_protocol::identity::LogCertificate;
use entente_protocol::ids::{
    BlobId, EpochId, LogId, NodeId, OrgId, PartnershipId, RecordId, Seq, SpaceId, Timestamp,
};
use entente_protocol::log::Head;
use entente_protocol::notice::Notice;
use entente_protocol::signed::Unverified;
use minicbor::{Decode, Encode};

use crate::frames::{Erased, KnownBlob, Outcome, Verification};
use crate::settings::PartnershipSettings;
use crate::store::{Index, IndexError, Position, Span};

mod batch;
mod beginning;

pub use batch::Batch;
use beginning::record_key;
pub use beginning::{BEGINNING, records_that_begin};

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
    /// record → [`Erased`].
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
    /// partnership → [`PartnershipSettings`].
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

/// A log that is kept here.
#[derive(Clone, Debug, Encode, Decode)]
pub struct LogRow {
    /// Its space.
    #[n(0)]
    pub space: SpaceId,
    /// The log.
    #[n(1)]
    pub log: LogId,
    /// Whose it is.
    #[n(2)]
    pub owner: NodeId,
    /// In a circle, its organisations and the owner's word.
    #[n(3)]
    pub circle: Option<Circle>,
    /// How far it is durable here.
    #[n(4)]
    pub head: Head,
    /// The position after its last entry that is not an acknowledgement; absent in old rows.
    #[n(5)]
    pub worth: Option<Seq>,
    /// Bytes of its entries' payloads here; absent in old rows.
    #[n(6)]
    pub bytes: Option<u64>,
}

/// The most that one node acknowledged of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AckRow {
    /// The space.
    #[n(0)]
    pub space: SpaceId,
    /// The log that is acknowledged.
    #[n(1)]
    pub log: LogId,
    /// How far, and what it hashes to there.
    #[n(2)]
    pub head: Head,
    /// The log of who acknowledges.
    #[n(3)]
    pub by: LogId,
    /// Where in that log.
    #[n(4)]
    pub seq: Seq,
    /// When, by its clock.
    #[n(5)]
    pub said: Timestamp,
    /// When it came to be stored here.
    #[n(6)]
    pub arrived: Timestamp,
}

/// What a partner's node said of an entry that it holds and does not show.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RefusedThere {
    /// The log of who says so.
    #[n(0)]
    pub by: LogId,
    /// Its codes.
    #[n(1)]
    pub code: String,
    /// When that came to be stored here.
    #[n(2)]
    pub arrived: Timestamp,
}

/// A circle's organisations, and a log owner's word.
#[derive(Clone, Debug, Encode, Decode)]
pub struct Circle {
    /// The organisations, sorted.
    #[n(0)]
    pub orgs: Vec<OrgId>,
    /// The certificate.
    #[n(1)]
    pub certificate: Unverified<LogCertificate>,
}

/// A record in a list.
#[derive(Clone, Debug, Encode, Decode)]
pub struct RecordRow {
    /// Its id.
    #[n(0)]
    pub id: RecordId,
    /// Its kind.
    #[n(1)]
    pub kind: Kind,
    /// Its author.
    #[n(2)]
    pub author: OrgId,
    /// Where it stands; nothing for a draft.
    #[n(3)]
    pub place: Option<RecordPlace>,
    /// The author's date.
    #[n(4)]
    pub created: Timestamp,
    /// When it was stored here.
    #[n(5)]
    pub arrived: Timestamp,
    /// Language of the text.
    #[n(6)]
    pub language: Language,
    /// How widely it may be read.
    #[n(7)]
    pub sensitivity: Sensitivity,
    /// Its title, or the beginning of its text.
    #[n(8)]
    pub title: String,
    /// Its attachments.
    #[n(9)]
    pub blobs: Vec<BlobId>,
    /// The records that it refers to, replies to or corrects, at most [`entente_protocol::limits::MAX_REFERENCES`].
    #[n(10)]
    pub refers: Option<Vec<RecordId>>,
    /// The record that it corrects.
    #[n(11)]
    pub supersedes: Option<RecordId>,
}

/// Where a shared record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RecordPlace {
    /// The partnership.
    #[n(0)]
    pub partnership: PartnershipId,
    /// The space.
    #[n(1)]
    pub space: SpaceId,
    /// The log.
    #[n(2)]
    pub log: LogId,
    /// The position.
    #[n(3)]
    pub seq: Seq,
}

/// Something that arrived and is not shown.
#[derive(Clone, Debug, Encode, Decode)]
pub struct RefusedRow {
    /// Where it stands.
    #[n(0)]
    pub place: RecordPlace,
    /// Whose log it stands in.
    #[n(1)]
    pub owner: NodeId,
    /// Stable code.
    #[n(2)]
    pub code: String,
    /// In words.
    #[n(3)]
    pub reason: String,
    /// When.
    #[n(4)]
    pub arrived: Timestamp,
}

/// What a node said about a record.
#[derive(Clone, Debug, Encode, Decode)]
pub struct NoticeRow {
    /// Its organisation.
    #[n(0)]
    pub org: OrgId,
    /// The node.
    #[n(1)]
    pub node: NodeId,
    /// Among whom.
    #[n(2)]
    pub space: SpaceId,
    /// When it came to be stored here.
    #[n(3)]
    pub arrived: Timestamp,
    /// What it said.
    #[n(4)]
    pub notice: Notice,
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
fn row_at(index: &Index, position: Position) -> Result<Option<RecordRow>, IndexError> {
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

/// What is known of an attachment.
///
/// # Errors
/// [`IndexError`].
pub fn blob(index: &Index, id: &BlobId) -> Result<Option<KnownBlob>, IndexError> {
    let name = index.name(Table::Blob as u8, &id.0);
    Ok(index.get(Table::Blob as u8, &name)?.and_then(|b| decode(&b)))
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
