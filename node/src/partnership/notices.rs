//! Notices on this node: what authors took back, what was erased, who may pass what on, which consents ended.
//!
//! ```text
//! withdraw ──Say──▶ own log ──▶ every reader: note ──▶ erase (journal, attachments, index) ──▶ receipt in its own log
//! ```

use std::collections::BTreeSet;

use entente_protocol::codec;
use entente_protocol::derive;
use entente_protocol::envelope::{self, Place};
use entente_protocol::ids::{BlobId, LogId, OrgId, RecordId, SpaceId, Timestamp};
use entente_protocol::log::{self, Head};
use entente_protocol::notice::{Cause, Notice, Said};

use crate::clock::{self, SystemRandom};
use crate::frames::{Erased, Frame};
use crate::rows::{self, Batch, NoticeRow, RecordPlace, RefusedRow, Table};
use crate::store::{Position, Store};

use super::apply::Applied;
use super::commands::{CommandError, Reply};
use super::driver::Driver;
use super::epochs;
use super::landing::Then;
use super::open::Owner;
use super::publish::{self, PublishError};
use super::state::State;

/// The code of what only a record's author may say.
pub const NOT_AUTHOR: &str = "E-NOT-AUTHOR";
/// Receipts and expiries at one tick: a long list takes some ticks, and holds nobody up.
const AT_ONCE: usize = 32;

/// Takes a notice in: what only an author may say counts from nobody else.
pub(super) fn note(
    store: &Store,
    batch: &mut Batch,
    (position, place): (Position, RecordPlace),
    (owner, arrived): (Owner, Timestamp),
    notice: &Notice,
) -> Vec<Applied> {
    let said = notice.said();
    let author = said.record().and_then(|record| rows::author_of(batch, &store.index, &record));
    if said.is_the_authors() && author.is_some_and(|author| author != owner.org) {
        let reason = "it speaks of another organisation's record as only the author may".into();
        let row = RefusedRow { place, owner: owner.node, code: NOT_AUTHOR.into(), reason, arrived };
        batch.put(Table::Refused as u8, &position.to_bytes(), &codec::encode(&row));
        return vec![Applied::Refused(row.code, row.reason)];
    }
    let row =
        NoticeRow { org: owner.org, node: owner.node, space: place.space, arrived, notice: notice.clone() };
    batch.put(Table::Notice as u8, &key(store, &owner.org, said, position), &codec::encode(&row));
    match said {
        Said::Withdrawn(record, _) => vec![Applied::ToErase(*record, Cause::Withdrawn)],
        _ => Vec::new(),
    }
}

fn key(store: &Store, org: &OrgId, said: &Said, position: Position) -> Vec<u8> {
    let subject = match said {
        Said::ConsentEnded(reference) => consent(org, reference),
        said => said.record().map(|record| record.0).unwrap_or_default(),
    };
    [&store.index.name(Table::Notice as u8, &subject)[..], &position.to_bytes()].concat()
}

/// What notices about a consent are found by.
fn consent(org: &OrgId, reference: &str) -> [u8; 32] {
    derive::hash(&[&org.0, reference.as_bytes()].concat()).0
}

/// All that was said about a record, in the order of its arrival.
#[must_use]
pub fn about(store: &Store, record: &RecordId) -> Vec<NoticeRow> {
    let name = store.index.name(Table::Notice as u8, &record.0);
    rows::prefix(&store.index, Table::Notice as u8, &name).filter_map(|(_, row)| rows::decode(&row)).collect()
}

/// Has an author said that a consent which its records name holds no longer?
#[must_use]
pub fn consent_ended(store: &Store, author: &OrgId, reference: &str) -> bool {
    let name = store.index.name(Table::Notice as u8, &consent(author, reference));
    rows::prefix(&store.index, Table::Notice as u8, &name).next().is_some()
}

/// Does a record name a consent of which its author had said before that it holds no longer (C10)? What was said in
/// the same log stands before it; what was said elsewhere counts if it was here before the record was made.
pub(super) fn names_an_ended_consent(
    batch: &Batch,
    store: &Store,
    (owner, space): (Owner, SpaceId),
    (consent_named, created): (Option<&str>, Timestamp),
) -> bool {
    let Some(reference) = consent_named else { return false };
    let name = store.index.name(Table::Notice as u8, &consent(&owner.org, reference));
    let kept =
        rows::prefix(&store.index, Table::Notice as u8, &name).filter_map(|(_, row)| rows::decode(&row));
    let coming = batch.written(Table::Notice, &name).filter_map(|(_, row)| rows::decode(row));
    let before = |row: &NoticeRow| (row.node, row.space) == (owner.node, space) || row.arrived <= created;
    kept.chain(coming).any(|row| before(&row))
}

/// Did the author's organisation take a record back?
#[must_use]
pub fn is_withdrawn(store: &Store, record: &RecordId, author: &OrgId) -> bool {
    about(store, record)
        .iter()
        .any(|row| row.org == *author && matches!(row.notice.said(), Said::Withdrawn(..)))
}

/// May an organisation pass a record on? What its author answered last counts.
#[must_use]
pub fn is_granted(store: &Store, record: &RecordId, author: &OrgId, to: &OrgId) -> bool {
    let answers = about(store, record).into_iter().filter(|row| row.org == *author);
    let mut last = answers.filter_map(|row| match row.notice.said() {
        Said::Answered(answer) if answer.to == *to => Some(answer.yes),
        _ => None,
    });
    last.next_back().unwrap_or(false)
}

/// Erases what a frame says: the payload in the journal, the attachments, the row in the index.
pub fn apply_erased(store: &Store, batch: &mut Batch, erased: &Erased) -> Vec<Applied> {
    let position = Position::from_bytes(erased.position);
    let instead = match (&erased.place, store.journal.read(position).ok().map(|b| Frame::from_bytes(&b))) {
        (Some(place), Some(Ok(Frame::Entry(id, mut entry, arrived))))
            if entry.header.log == place.log && entry.header.seq == place.seq =>
        {
            entry.payload.take().map(|_| Frame::Entry(id, entry, arrived))
        }
        (None, Some(Ok(Frame::Draft(draft))))
            if derive::record_id(&erased.author, &draft.nonce) == erased.record =>
        {
            Some(Frame::Nothing)
        }
        _ => None,
    };
    // What another record has too stays, whoever wrote that.
    let only_its = |blob: &&BlobId| !rows::has_another(batch, &store.index, blob, position);
    let gone: Vec<BlobId> = erased.blobs.iter().filter(only_its).copied().collect();
    if let Some(instead) = instead {
        // Files first, and only as long as the payload is there: when the journal is read again later, a file of this
        // name may belong to what was shared since.
        for blob in &gone {
            if let Err(error) = store.blobs.remove(&blob.0) {
                tracing::error!(%error, "an attachment could not be erased");
            }
        }
        if let Err(error) = store.journal.erase(position, &instead.to_bytes()) {
            tracing::error!(%error, "a record could not be erased; it is tried again when the node starts");
        }
        if let Err(error) = store.index.make_anew_when_opened() {
            tracing::warn!(%error, "the index keeps what it deleted for longer");
        }
    }
    let mut bytes = 0;
    for blob in &gone {
        let known = rows::blob(&store.index, blob).ok().flatten();
        bytes +=
            known.filter(|blob| blob.complete && blob.is_of(&erased.partnership)).map_or(0, |blob| blob.size);
        let name = store.index.name(Table::Blob as u8, &blob.0);
        batch.delete(Table::Blob as u8, &name);
    }
    // Positions change when the journal is compacted: only what is this record's is forgotten.
    rows::forget_record(batch, &store.index, position, &erased.record);
    if let Some(until) = erased.keep_until {
        batch.delete(
            Table::Expiring as u8,
            &rows::expiring_key(&store.index, &erased.partnership, until, &erased.record),
        );
    }
    if erased.place.is_none() {
        batch.delete(Table::Draft as u8, &store.index.name(Table::Draft as u8, &erased.record.0));
        return Vec::new();
    }
    let name = store.index.name(Table::Erased as u8, &erased.record.0);
    batch.put(Table::Erased as u8, &name, &codec::encode(erased));
    vec![Applied::Erased(erased.record), Applied::AttachmentsGone(erased.author, bytes)]
}

/// The entry that a notice becomes, at the end of our own log in a space.
fn write(
    state: &mut State,
    space: SpaceId,
    said: Said,
    now: Timestamp,
) -> Result<(Vec<Frame>, Option<epochs::Writable>), PublishError> {
    let notice = Notice::of(said)?;
    if !state.is_member() {
        return Err(PublishError::NotAMember);
    }
    let circle = epochs::circle_of(state, &space).flatten();
    let writable = epochs::writable(state, &space, circle.as_deref(), now);
    let key = state.log_key(&space);
    let log = LogId(key.verifying_key().to_bytes());
    if state.forks.contains_key(&(space, log)) {
        return Err(PublishError::Forked);
    }
    let head = state.logs.get(&(space, log)).map_or(Head::EMPTY, |own| own.queued);
    let place = Place { space, log, seq: head.next, epoch: writable.id };
    let payload = envelope::seal(&codec::encode(&notice), &place, &writable.epoch.key, &mut SystemRandom)?;
    let (entry, next) = log::append(&head, space, &key, writable.id, payload, now)?;
    let mut frames = publish::new_circle_log(state, space, circle, log);
    if writable.minted {
        frames.push(epochs::frame(state.id, &writable.epoch));
    }
    frames.push(Frame::Entry(state.id, entry, now));
    if let Some(own) = state.logs.get_mut(&(space, log)) {
        own.queued = next;
    }
    Ok((frames, writable.minted.then_some(writable)))
}

impl Driver {
    /// Says something about records to exactly those who read a space. Answered when it is durable.
    pub(super) fn say(&mut self, space: SpaceId, said: Said, reply: Reply<usize>) {
        let withdrawn = matches!(said, Said::Withdrawn(..));
        match self.try_say(space, said) {
            Ok(frames) if withdrawn => self.append(frames, Then::Withdrawn(reply)),
            Ok(frames) => self.append(frames, Then::Acknowledged(1, Some(reply))),
            Err(error) => {
                let _gone = reply.send(Err(error));
            }
        }
    }

    fn try_say(&mut self, space: SpaceId, said: Said) -> Result<Vec<Frame>, CommandError> {
        self.may_sign()?;
        let (frames, minted) = write(&mut self.state, space, said, clock::now())?;
        if let Some(minted) = minted {
            self.keep_epoch_key(minted.id, &minted.epoch)?;
            self.state.ring.add(minted.id, minted.epoch);
        }
        Ok(frames)
    }

    /// Erases a record that is here: its entry, and with it the draft that it was made of.
    pub(super) fn erase(&mut self, record: RecordId, cause: Cause, keep_until: Option<Timestamp>) {
        let ledger = self.shared.ledger.clone();
        let index = &ledger.store().index;
        let Ok(Some((position, row))) = rows::record(index, &record) else { return };
        let Some(place) = row.place.filter(|place| place.partnership == self.state.id) else { return };
        let withdrawn = || is_withdrawn(ledger.store(), &record, &row.author);
        if cause == Cause::Withdrawn && !withdrawn() {
            return;
        }
        let erased = Erased {
            partnership: self.state.id,
            record,
            author: row.author,
            place: Some(place),
            position: position.to_bytes(),
            blobs: row.blobs.clone(),
            cause,
            when: clock::now(),
            keep_until,
        };
        let mut frames = Vec::new();
        frames.extend(draft_of(ledger.store(), &erased).map(Frame::Erased));
        frames.push(Frame::Erased(erased));
        self.append(frames, Then::Kept);
    }

    /// When the node starts: what was withdrawn and is still here, and receipts that were not written.
    pub(super) fn find_unfinished(&mut self) {
        let ledger = self.shared.ledger.clone();
        let store = ledger.store();
        let withdrawn: BTreeSet<RecordId> = rows::prefix(&store.index, Table::Notice as u8, &[])
            .filter_map(|(_, row)| rows::decode::<NoticeRow>(&row))
            .filter(|row| matches!(row.notice.said(), Said::Withdrawn(..)))
            .filter_map(|row| row.notice.said().record())
            .collect();
        for record in withdrawn {
            self.erase(record, Cause::Withdrawn, None);
        }
        let erased =
            rows::prefix(&store.index, Table::Erased as u8, &[]).filter_map(|(_, row)| rows::decode(&row));
        let ours = self.state.id;
        for one in erased.filter(|one: &Erased| one.partnership == ours) {
            self.owe_receipt(one.record);
        }
    }

    /// A record was erased here: its author is told, once.
    pub(super) fn owe_receipt(&mut self, record: RecordId) {
        let me = self.state.me.node();
        let said = about(self.shared.ledger.store(), &record);
        let told = said.iter().any(|row| row.node == me && matches!(row.notice.said(), Said::Erased(..)));
        if !told {
            self.state.receipts_due.insert(record);
        }
    }

    /// At a tick: writes receipts, and erases what is to be kept no longer.
    pub(super) fn look_after_erasures(&mut self) {
        let ledger = self.shared.ledger.clone();
        let index = &ledger.store().index;
        let due: Vec<RecordId> = self.state.receipts_due.iter().take(AT_ONCE).copied().collect();
        for record in due {
            self.state.receipts_due.remove(&record);
            let Some(erased) = rows::erased(index, &record) else { continue };
            let Some(place) = erased.place else { continue };
            match self.try_say(place.space, Said::Erased(record, erased.cause, erased.when)) {
                Ok(frames) => self.append(frames, Then::Kept),
                // Not a member any more, or fenced: when it is one again, after the next start.
                Err(error) => tracing::debug!(%error, "no receipt was written"),
            }
        }
        for (until, record) in rows::expired(index, &self.state.id, clock::now(), AT_ONCE) {
            self.erase(record, Cause::Expired, Some(until));
        }
    }
}

/// The draft that a record of ours was made of, if it was shared nowhere else.
fn draft_of(store: &Store, of: &Erased) -> Option<Erased> {
    let position = rows::draft_position(&store.index, &of.record).ok().flatten()?;
    let elsewhere = rows::shared(&store.index, &of.record).into_iter().any(|(_, record)| record != of.record);
    let frame = Frame::from_bytes(&store.journal.read(position).ok()?).ok()?;
    let Frame::Draft(draft) = frame else { return None };
    let blobs = draft.content.attachments.iter().map(|a| a.blob).collect();
    let erased = Erased { place: None, position: position.to_bytes(), blobs, keep_until: None, ..of.clone() };
    (!elsewhere).then_some(erased)
}

/// A record came after its author had taken it back: another of its nodes said so.
pub(super) fn came_too_late(store: &Store, record: &RecordId, author: &OrgId) -> Option<Applied> {
    is_withdrawn(store, record, author).then_some(Applied::ToErase(*record, Cause::Withdrawn))
}

/// Only its author's organisation corrects a record.
pub(super) fn corrects_anothers(
    batch: &Batch,
    store: &Store,
    supersedes: Option<RecordId>,
    author: &OrgId,
) -> bool {
    let of = supersedes.and_then(|record| rows::author_of(batch, &store.index, &record));
    of.is_some_and(|of| of != *author)
}
