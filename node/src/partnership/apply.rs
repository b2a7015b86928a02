//! From journal frames to state and index. Run when frames have become durable, and again for whatever
//! the index missed when a node starts: the same function, so both give the same.

use entente_protocol::ack::Acknowledgement;
use entente_protocol::codec;
use entente_protocol::evidence::Evidence;
use entente_protocol::ids::{BlobId, EpochId, LogId, NodeId, OrgId, RecordId, Seq, SpaceId, Timestamp};
use entente_protocol::log::{Entry, EntryHeader, Head};
use entente_protocol::membership::{Inserted, verify_act};
use entente_protocol::notice::Cause;
use entente_protocol::policy::{Refusal, RefusalCode};
use entente_protocol::prekey::{Prekey, VerifiedPrekey};
use entente_protocol::signed::Unverified;

use crate::frames::{CircleLog, Frame, KnownBlob, KnownEpoch, KnownHistory};
use crate::rows::Batch;
use crate::rows::{self, AckRow, Circle, RecordPlace, RefusedRow, RefusedThere, Table};
use crate::store::{IndexError, Position, Store};

use super::notices;
use super::open::{self, Judgement, Owner, judge};
use super::quarantine;
use super::state::{Log, State};
use super::{epochs, history, teams};

/// What came of applying a frame.
#[derive(Debug, PartialEq, Eq)]
pub enum Applied {
    /// Entries of a log are durable up to before a position.
    Stored(SpaceId, LogId, Seq),
    /// A record can be read.
    Record(RecordId),
    /// An entry of this date waits for an epoch.
    Waiting(SpaceId, EpochId, (LogId, Seq), Timestamp),
    /// Entries of an epoch can be opened with keys of their own.
    Records(EpochId, Vec<(LogId, Seq)>),
    /// An epoch can be opened.
    Epoch(EpochId),
    /// Something arrived and may not be shown.
    Refused(String, String),
    /// A log of a circle is known.
    Log(SpaceId, LogId),
    /// A record is to be erased.
    ToErase(RecordId, Cause),
    /// A record was erased.
    Erased(RecordId),
    /// With a record of this organisation went so many bytes of attachments.
    AttachmentsGone(OrgId, u64),
    /// An attachment is to be fetched.
    Wanted(KnownBlob),
    /// A log has two versions, by evidence that is kept now.
    Forked(SpaceId, LogId, Seq),
    /// An entry that does not continue its log: the one before it was not written. It is not stored.
    OutOfOrder(SpaceId, LogId),
    /// A member was verified, or is suspect.
    Verified(OrgId),
}

/// Applies one frame.
pub fn apply(
    state: &mut State,
    store: &Store,
    batch: &mut Batch,
    position: Position,
    frame: &Frame,
) -> Vec<Applied> {
    apply_judged(state, store, batch, (position, frame), None)
}

/// Applies one frame; if it is an entry, it may have been judged already, by the same state.
pub(super) fn apply_judged(
    state: &mut State,
    store: &Store,
    batch: &mut Batch,
    (position, frame): (Position, &Frame),
    ahead: Option<Judgement>,
) -> Vec<Applied> {
    match frame {
        Frame::Act(_, act) => {
            let new = verify_act(act).is_ok_and(|act| matches!(state.graph.insert(act), Ok(Inserted::New)));
            if new {
                state.refold();
            }
            let name = rows::partnership_name(&store.index, &state.id);
            batch.put(Table::Act as u8, &rows::positioned(name, position), &[]);
            quarantine::judge_again(state, store, batch)
        }
        Frame::Log(log) => apply_log(state, store, batch, log),
        Frame::Epoch(epoch) => apply_epoch(state, store, batch, position, epoch),
        Frame::History(known) => apply_history(state, store, batch, position, known),
        Frame::Entry(_, entry, arrived) => {
            apply_entry(state, store, batch, (position, entry, *arrived), ahead)
        }
        Frame::Blob(blob) => {
            rows::put_blob(batch, &store.index, blob);
            Vec::new()
        }
        Frame::Prekey(_, prekey) => {
            if let Some(node) = learn_prekey(state, prekey) {
                let mut key = rows::partnership_name(&store.index, &state.id).to_vec();
                key.extend_from_slice(&store.index.name(Table::Prekey as u8, &node.0));
                batch.put(Table::Prekey as u8, &key, &position.to_bytes());
            }
            Vec::new()
        }
        Frame::Shared(draft, partnership, record) => {
            rows::put_shared(batch, &store.index, draft, partnership, record);
            Vec::new()
        }
        Frame::Evidence(_, evidence, _) => apply_evidence(state, store, batch, position, evidence),
        Frame::Verified(verification) => {
            state.trust.note(verification);
            rows::put_verification(batch, &store.index, verification);
            vec![Applied::Verified(verification.org)]
        }
        Frame::Settings(settings) => {
            rows::put_settings(batch, &store.index, settings);
            Vec::new()
        }
        Frame::Erased(erased) => notices::apply_erased(store, batch, erased),
        Frame::Mailbox(_, said) => {
            if let Ok(said) = said.verify_self(|said| said.by.0) {
                let (mailbox, serial) = (said.value().mailbox, said.value().serial);
                let _known_or_new = state.learn_mailbox(said);
                if state.mailboxes.get(&mailbox).is_some_and(|known| known.value().serial == serial) {
                    let mut key = rows::partnership_name(&store.index, &state.id).to_vec();
                    key.extend_from_slice(&store.index.name(Table::Mailbox as u8, &mailbox.0));
                    batch.put(Table::Mailbox as u8, &key, &position.to_bytes());
                }
            }
            Vec::new()
        }
        Frame::Desk(done) => {
            crate::desk::journal::apply(&store.index, batch, done);
            Vec::new()
        }
        // Drafts belong to the node, not to a partnership.
        Frame::Draft(_) | Frame::WantedConsent(_) | Frame::Denied(..) | Frame::Nothing => Vec::new(),
    }
}

fn apply_log(state: &mut State, store: &Store, batch: &mut Batch, log: &CircleLog) -> Vec<Applied> {
    learn_log(state, log);
    put_log(state, store, batch, &log.space, &log.log);
    vec![Applied::Log(log.space, log.log)]
}

/// Takes a prekey from the journal, and says whose it is if none is newer.
pub fn learn_prekey(state: &mut State, prekey: &Unverified<Prekey>) -> Option<NodeId> {
    let prekey = VerifiedPrekey::verify(prekey, &state.id).ok()?;
    let (node, generation) = (prekey.node(), prekey.generation());
    let _known_or_new = state.learn_prekey(prekey);
    (state.generation_of(&node) == generation).then_some(node)
}

/// Takes a circle's log into the state.
pub fn learn_log(state: &mut State, log: &CircleLog) {
    let circle = Circle { orgs: log.circle.clone(), certificate: log.certificate.clone() };
    let new = || Log::new(log.owner, Some(circle), Head::EMPTY);
    state.logs.entry((log.space, log.log)).or_insert_with(new);
}

fn put_log(state: &State, store: &Store, batch: &mut Batch, space: &SpaceId, log: &LogId) {
    if let Some(row) = state.log_row(space, log) {
        let key = rows::log_key(&store.index, &state.id, space, log);
        batch.put(Table::Log as u8, &key, &codec::encode(&row));
    }
}

/// The epoch's key was put into the vault before its frame was written; now what waited for it is judged.
fn apply_epoch(
    state: &mut State,
    store: &Store,
    batch: &mut Batch,
    position: Position,
    epoch: &KnownEpoch,
) -> Vec<Applied> {
    let Some(id) = epochs::id_of(&epoch.header) else { return Vec::new() };
    let mut key = rows::partnership_name(&store.index, &state.id).to_vec();
    key.extend_from_slice(&store.index.name(Table::Epoch as u8, &id.0));
    batch.put(Table::Epoch as u8, &key, &position.to_bytes());
    load_epoch(state, epoch);
    if state.ring.get(&id).is_none() {
        return Vec::new();
    }
    let mut applied = vec![Applied::Epoch(id)];
    applied.extend(judge_waiting(state, store, batch, &id, usize::MAX));
    applied
}

/// The keys were put into the vault before their frame was written.
fn apply_history(
    state: &mut State,
    store: &Store,
    batch: &mut Batch,
    position: Position,
    known: &KnownHistory,
) -> Vec<Applied> {
    let Some(id) = epochs::id_of(&known.header) else { return Vec::new() };
    let name = rows::partnership_name(&store.index, &state.id);
    batch.put(Table::History as u8, &rows::positioned(name, position), &[]);
    history::load(state, known);
    let mut applied = vec![Applied::Records(id, known.places.clone())];
    applied.extend(judge_waiting(state, store, batch, &id, usize::MAX));
    applied
}

/// Judges entries that waited for a key of this epoch and can be opened now, at most so many.
fn judge_waiting(
    state: &mut State,
    store: &Store,
    batch: &mut Batch,
    epoch: &EpochId,
    mut most: usize,
) -> Vec<Applied> {
    let mut applied = Vec::new();
    let prefix = rows::waiting_name(&store.index, epoch);
    for key in rows::keys(&store.index, Table::Waiting as u8, &prefix) {
        let Some(position) = key.get(16..).and_then(rows::position) else { continue };
        if most == 0 {
            break;
        }
        if let Some((entry, arrived)) = read_entry(store, position) {
            if state.ring.opener(&entry.header).is_none() {
                continue;
            }
            applied.extend(judged(state, store, batch, (position, &entry, arrived), None));
            put_log(state, store, batch, &entry.header.space, &entry.header.log);
        }
        batch.delete(Table::Waiting as u8, &key);
        most -= 1;
    }
    applied
}

/// Judges whatever still waits though its key is here: where many frames are applied at once, an entry and the key
/// that came after it may have been among them.
///
/// # Errors
/// [`IndexError`].
pub fn judge_what_can_be_opened(state: &mut State, store: &Store) -> Result<(), IndexError> {
    for epoch in state.ring.ids() {
        loop {
            let mut changes = Batch::default();
            let _known_when_started = judge_waiting(state, store, &mut changes, &epoch, AT_ONCE);
            if changes.is_empty() {
                break;
            }
            let mut batch = store.index.batch();
            changes.write_into(&mut batch)?;
            store.index.apply(batch, store.index.cursor())?;
        }
    }
    Ok(())
}

/// The code of an entry whose author nobody knows.
const NOBODYS: &str = "E-OWNER";
/// Entries whose judgement goes into one batch when a node starts.
const AT_ONCE: usize = 256;

/// Puts an epoch whose key is in the vault into the ring.
pub fn load_epoch(state: &mut State, epoch: &KnownEpoch) {
    let Ok(header) = epoch.header.verify_self(|h| h.minter.0) else { return };
    let id = entente_protocol::epoch::id_of(&header);
    let Some(secret) = state.secrets.epochs.iter().find(|e| e.id == id) else { return };
    let circle = epochs::circle_of(state, &secret.space).flatten();
    let mut bound = epochs::bind(state, header, secret.key.key(), circle.as_deref());
    bound.readers = epoch.readers.iter().copied().collect();
    bound.held = secret.since.unwrap_or(bound.held);
    state.ring.add(id, bound);
}

/// Reads an entry back from the journal.
#[must_use]
pub fn read_entry(store: &Store, position: Position) -> Option<(Entry, Timestamp)> {
    let bytes = store.journal.read(position).ok()?;
    match Frame::from_bytes(&bytes) {
        Ok(Frame::Entry(_, entry, arrived)) => Some((entry, arrived)),
        _ => None,
    }
}

fn apply_entry(
    state: &mut State,
    store: &Store,
    batch: &mut Batch,
    (position, entry, arrived): (Position, &Entry, Timestamp),
    ahead: Option<Judgement>,
) -> Vec<Applied> {
    let (space, log) = (entry.header.space, entry.header.log);
    let Some(known) = state.logs.get_mut(&(space, log)) else {
        return vec![Applied::OutOfOrder(space, log)];
    };
    let again = entry.header.seq < known.stored.next;
    if !again {
        let continues = entry.header.seq == known.stored.next && entry.header.prev == known.stored.chain;
        let Some(head) = entry.head().filter(|_| continues) else {
            return vec![Applied::OutOfOrder(space, log)];
        };
        known.stored = head;
        known.bytes += entry.payload.as_ref().map_or(0, |payload| payload.len() as u64);
        if known.queued.next < head.next {
            known.queued = head;
        }
    }
    let key = rows::entry_key(&store.index, &space, &log, entry.header.seq);
    batch.put(Table::Entry as u8, &key, &position.to_bytes());
    let mut applied = judged(state, store, batch, (position, entry, arrived), ahead);
    put_log(state, store, batch, &space, &log);
    applied.push(Applied::Stored(space, log, entry.header.seq.next().unwrap_or(entry.header.seq)));
    applied
}

/// Open, verify, permit, index.
pub(super) fn judged(
    state: &mut State,
    store: &Store,
    batch: &mut Batch,
    (position, entry, arrived): (Position, &Entry, Timestamp),
    ahead: Option<Judgement>,
) -> Vec<Applied> {
    let (space, log) = (entry.header.space, entry.header.log);
    let place = RecordPlace { partnership: state.id, space, log, seq: entry.header.seq };
    let Some(node) = state.logs.get(&(space, log)).map(|known| known.owner) else { return Vec::new() };
    let Some(org) = state.org_of(&node) else {
        return vec![refuse(state, batch, position, nobodys(place, node, arrived))];
    };
    if let Some(reason) = quarantine::seized(state, &node, entry, arrived) {
        let row = RefusedRow { place, owner: node, code: quarantine::CODE.into(), reason, arrived };
        return vec![refuse(state, batch, position, row)];
    }
    if state.is_late(&node, &log, entry.header.seq) {
        return vec![refuse(state, batch, position, late(place, node, arrived))];
    }
    let now = (&*state.membership, open::When::Arriving);
    let judgement = ahead.unwrap_or_else(|| judge(&state.id, now, &state.ring, Owner { org, node }, entry));
    if matches!(judgement, Judgement::Shown(_) | Judgement::Refused { .. })
        && let Some(known) = state.logs.get_mut(&(space, log))
    {
        known.worth = known.worth.max(entry.header.seq.next().unwrap_or(entry.header.seq));
    }
    match judgement {
        Judgement::Shown(shown) => {
            take_in(state, store, batch, (position, entry, arrived), (Owner { org, node }, *shown))
        }
        Judgement::Acknowledged(said) => {
            note_acknowledgement(state, store, batch, (entry, arrived), &said);
            Vec::new()
        }
        Judgement::Noticed(said) => {
            let at = (position, place);
            notices::note(store, batch, at, (Owner { org, node }, arrived), &said)
        }
        Judgement::Waiting(epoch) => {
            let key = rows::positioned(rows::waiting_name(&store.index, &epoch), position);
            batch.put(Table::Waiting as u8, &key, &state.id.0);
            let EntryHeader { seq, time, .. } = entry.header;
            vec![Applied::Waiting(space, epoch, (log, seq), time)]
        }
        Judgement::Erased => Vec::new(),
        Judgement::Refused { code, reason } => {
            let row = RefusedRow { place, owner: node, code, reason, arrived };
            vec![refuse(state, batch, position, row)]
        }
    }
}

/// Puts a record that may be shown into the lists, unless what else is known here stands against it.
fn take_in(
    state: &mut State,
    store: &Store,
    batch: &mut Batch,
    (position, entry, arrived): (Position, &Entry, Timestamp),
    (owner, shown): (Owner, open::Shown),
) -> Vec<Applied> {
    let (space, log, node) = (entry.header.space, entry.header.log, owner.node);
    let place = RecordPlace { partnership: state.id, space, log, seq: entry.header.seq };
    let row = open::row(&shown, (state.id, space), entry, arrived);
    if rows::stands_elsewhere(batch, &store.index, &row.id, &place) {
        return vec![refuse(state, batch, position, repeated(place, node, arrived))];
    }
    if notices::corrects_anothers(batch, store, row.supersedes, &row.author) {
        return vec![refuse(state, batch, position, not_its_own(place, node, arrived))];
    }
    let manifest = shown.record.manifest();
    let named = (manifest.handling.consent.as_deref(), manifest.created);
    if notices::names_an_ended_consent(batch, store, (owner, space), named) {
        return vec![refuse(state, batch, position, consent_ended(place, node, arrived))];
    }
    if let Some((refusal, visit)) = teams::refusal(batch, store, &state.id, &shown) {
        if let Some(visit) = visit {
            teams::wait(batch, store, &state.id, &visit, position);
        }
        return vec![refuse(state, batch, position, not_on_team(place, node, arrived, refusal))];
    }
    rows::put_record(batch, &store.index, position, &row);
    if let Some(until) = manifest.handling.keep_until {
        batch.put(
            Table::Expiring as u8,
            &rows::expiring_key(&store.index, &state.id, until, &row.id),
            &row.id.0,
        );
    }
    let mut applied = vec![Applied::Record(row.id)];
    applied.extend(notices::came_too_late(store, &row.id, &row.author));
    for waiting in teams::note(batch, store, &state.id, &shown) {
        batch.delete(Table::Refused as u8, &waiting.to_bytes());
        if let Some((entry, arrived)) = read_entry(store, waiting) {
            state.untold.remove(&(entry.header.space, entry.header.log, entry.header.seq));
            applied.extend(judged(state, store, batch, (waiting, &entry, arrived), None));
        }
    }
    for attachment in shown.record.attachments() {
        let blob = KnownBlob {
            blob: attachment.blob,
            place: Some((state.id, space)),
            size: attachment.size,
            complete: false,
            record: Some(row.id),
        };
        if node != state.me.node() && !is_known(store, &blob.blob) {
            rows::put_blob(batch, &store.index, &blob);
            applied.push(Applied::Wanted(blob));
        }
    }
    applied
}

/// Keeps the most that a node acknowledged of each log that is known here.
fn note_acknowledgement(
    state: &mut State,
    store: &Store,
    batch: &mut Batch,
    (entry, arrived): (&Entry, Timestamp),
    said: &Acknowledgement,
) {
    let EntryHeader { space, log: by, seq, time, .. } = entry.header;
    let ours = state.logs.get(&(space, by)).is_some_and(|log| log.owner == state.me.node());
    for point in said.points().iter().filter(|point| state.logs.contains_key(&(space, point.log))) {
        let key = rows::ack_key(&store.index, &state.id, &space, &point.log, &by);
        let known: Option<AckRow> = batch.row(&store.index, Table::Acknowledgement, &key);
        if known.is_some_and(|known| known.head.next >= point.head.next) {
            continue;
        }
        let row = AckRow { space, log: point.log, head: point.head, by, seq, said: time, arrived };
        batch.put(Table::Acknowledgement as u8, &key, &codec::encode(&row));
        if ours {
            state.acknowledged.insert((space, point.log), point.head.next);
        }
    }
    for refused in said.refused() {
        if ours {
            state.untold.remove(&(space, refused.log, refused.seq));
        }
        let place = RecordPlace { partnership: state.id, space, log: refused.log, seq: refused.seq };
        let row = RefusedThere { by, code: refused.code.clone(), arrived };
        let key = rows::refused_there_key(&store.index, &place, &by);
        batch.put(Table::RefusedThere as u8, &key, &codec::encode(&row));
    }
}

/// The first evidence about a log is kept; more says nothing new.
fn apply_evidence(
    state: &mut State,
    store: &Store,
    batch: &mut Batch,
    position: Position,
    evidence: &Evidence,
) -> Vec<Applied> {
    let Ok(proof) = evidence.clone().verify() else { return Vec::new() };
    let (space, log, seq) = (proof.space(), proof.log(), proof.seq());
    if rows::evidence_position(&store.index, &state.id, &space, &log).is_some_and(|at| at != position) {
        return Vec::new();
    }
    let key = rows::log_key(&store.index, &state.id, &space, &log);
    batch.put(Table::Evidence as u8, &key, &position.to_bytes());
    state.forks.insert((space, log), seq);
    vec![Applied::Forked(space, log, seq)]
}

/// An author says one thing under one id: who named the record must find what it named.
fn repeated(place: RecordPlace, owner: NodeId, arrived: Timestamp) -> RefusedRow {
    let reason = "its author has used this id for another record already".into();
    RefusedRow { place, owner, code: "E-REPEATED".into(), reason, arrived }
}

/// Another's record is answered, never corrected.
fn not_its_own(place: RecordPlace, owner: NodeId, arrived: Timestamp) -> RefusedRow {
    let reason = "it claims to correct another organisation's record".into();
    RefusedRow { place, owner, code: notices::NOT_AUTHOR.into(), reason, arrived }
}

/// Its author's own word, said before, stands against it.
fn consent_ended(place: RecordPlace, owner: NodeId, arrived: Timestamp) -> RefusedRow {
    let reason = "it names a consent of which its author had said before that it holds no longer".into();
    RefusedRow { place, owner, code: RefusalCode::Consent.as_str().into(), reason, arrived }
}

/// The plan of its visit, as far as it is known here, stands against it.
fn not_on_team(place: RecordPlace, owner: NodeId, arrived: Timestamp, refusal: Refusal) -> RefusedRow {
    let Refusal { code, reason } = refusal;
    RefusedRow { place, owner, code: code.as_str().into(), reason, arrived }
}

/// It came in one batch with entries that are welcome.
fn late(place: RecordPlace, owner: NodeId, arrived: Timestamp) -> RefusedRow {
    let reason = "it was written after its author was removed from the partnership".into();
    RefusedRow { place, owner, code: "E-LATE".into(), reason, arrived }
}

/// The acts that let its author in can be undone by others for a while, where two sides put each other out.
fn nobodys(place: RecordPlace, owner: NodeId, arrived: Timestamp) -> RefusedRow {
    let reason =
        "by the acts that are here its author never was a member; it is judged again when others come".into();
    RefusedRow { place, owner, code: NOBODYS.into(), reason, arrived }
}

/// After membership changed: what was held back during a suspension, or had no author, is judged again once there is
/// no suspension.
pub fn after_acts(state: &mut State, store: &Store, batch: &mut Batch) -> Vec<Applied> {
    if !state.membership.suspensions.is_empty() {
        return Vec::new();
    }
    let mut applied = Vec::new();
    for position in std::mem::take(&mut state.held_back) {
        batch.delete(Table::Refused as u8, &position.to_bytes());
        if let Some((entry, arrived)) = read_entry(store, position) {
            applied.extend(judged(state, store, batch, (position, &entry, arrived), None));
        }
    }
    applied
}

/// Whether an entry is held back only until other acts are here: the end of a suspension, or who its author is.
#[must_use]
pub fn is_held_back(code: &str) -> bool {
    code.split(' ').any(|code| code == RefusalCode::Suspended.as_str() || code == NOBODYS)
}

/// Whether what stands against an entry may end by itself, so that its author is not told of it.
#[must_use]
pub fn may_change(code: &str) -> bool {
    is_held_back(code) || code == RefusalCode::NotOnTeam.as_str()
}

fn refuse(state: &mut State, batch: &mut Batch, position: Position, row: RefusedRow) -> Applied {
    if is_held_back(&row.code) {
        state.held_back.insert(position);
    }
    state.note_refusal(&row.place, &row.code);
    batch.put(Table::Refused as u8, &position.to_bytes(), &codec::encode(&row));
    Applied::Refused(row.code, row.reason)
}

pub(super) fn is_known(store: &Store, blob: &BlobId) -> bool {
    matches!(rows::blob(&store.index, blob), Ok(Some(_)))
}
