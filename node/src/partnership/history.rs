//! What newcomers are given of the past: whole epochs where the agreement or a grant reaches back far enough,
//! else the keys of single entries. Only in the space of all members; what is for named readers stays theirs.
//!
//! ```text
//!  newcomer                                             a member that can read
//!  entry waits for its epoch ──WantEpoch──────────────▶ History::opens_epoch, and its role read then too ──▶ Epoch
//!            └─ if History::opens_entry ──WantRecords─▶ History::opens_entry, and permitted to its role ──▶ RecordKeys
//! ```
//! Both ends ask the same [`History`]: who may read nothing does not ask, and who asks all the same hears nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use entente_protocol::envelope::{self, Place};
use entente_protocol::epoch::{self, EpochError};
use entente_protocol::handling::Role;
use entente_protocol::history::{self, RecordKey, RecordKeys};
use entente_protocol::ids::{EpochId, LogId, NodeId, OrgId, PartnershipId, Seq, SpaceId, Timestamp};
use entente_protocol::limits;
use entente_protocol::log::{Entry, EntryHeader};
use entente_protocol::membership::{History, Membership};
use entente_protocol::policy::RecordFacts;
use entente_protocol::signed::VerifyError;
use entente_protocol::sync::Event;

use crate::clock::{self, SystemRandom};
use crate::frames::{Frame, KnownHistory};
use crate::rows::{self, RecordPlace};
use crate::secrets::{RecordSecret, Secret};
use crate::store::Store;
use crate::vault::VaultError;

use super::apply::read_entry;
use super::courier::Job;
use super::driver::Driver;
use super::landing::Then;
use super::open::{Judgement, Owner, When, judge};
use super::ring::{Epoch, Loose, Ring, Terms};
use super::state::State;

/// May a node that is not among an epoch's readers have its key all the same? The rule must reach back to when it
/// was made, and its organisation's role must have read it then, under the same limits as now: what was shared
/// under the epoch was permitted to that role, whatever it is.
#[must_use]
pub fn opens_whole(state: &State, to: &NodeId, epoch: &Epoch) -> bool {
    let membership = &state.membership;
    let Some((org, role)) = role_of(membership, to) else { return false };
    let history = membership.history_for(&org, clock::now());
    let same_limits = |now: &entente_protocol::agreement::Agreement| {
        let then = &epoch.terms.agreement;
        now.hash() == then.hash() || (now.flows() == then.flows() && now.ceiling() == then.ceiling())
    };
    epoch.space == state.all()
        && history.opens_epoch(epoch.header.value().created)
        && epoch.terms.roles.values().any(|read_then| read_then == role)
        && membership.terms().all(same_limits)
}

fn role_of<'a>(membership: &'a Membership, node: &NodeId) -> Option<(OrgId, &'a Role)> {
    let (org, _) = membership.node(node)?;
    Some((org, &membership.members.get(&org)?.role))
}

/// Somebody asks for keys of single entries.
pub struct Request {
    /// In which partnership.
    partnership: PartnershipId,
    /// Its space of all members.
    space: SpaceId,
    /// The epochs that can be opened here.
    ring: Ring,
    /// As it is now.
    membership: Arc<Membership>,
    /// Who asks.
    to: NodeId,
    /// The newest prekey of who asks.
    prekey: Vec<u8>,
    /// The epoch that the entries are sealed under.
    epoch: EpochId,
    /// The entries.
    places: Vec<(LogId, Seq)>,
    /// When, by our clock.
    now: Timestamp,
}

/// The keys of those entries that were asked for and may be given; nothing, if there are none.
#[must_use]
pub fn answer(store: &Store, asked: &Request) -> Option<RecordKeys> {
    let (org, _) = asked.membership.node(&asked.to)?;
    let history = asked.membership.history_for(&org, asked.now);
    if history.is_empty() {
        return None;
    }
    let header = asked.ring.header(&asked.epoch).filter(|header| header.value().space == asked.space)?;
    let keys: Vec<RecordKey> =
        asked.places.iter().filter_map(|(log, seq)| key_of(store, asked, &history, log, *seq)).collect();
    if keys.is_empty() {
        return None;
    }
    history::seal(&header, &keys, asked.to, &asked.prekey, &mut SystemRandom).ok()
}

fn key_of(store: &Store, asked: &Request, history: &History, log: &LogId, seq: Seq) -> Option<RecordKey> {
    // Not even looked up, where no date could make it readable.
    if !history.opens_entry(log, seq, Timestamp(u64::MAX)) {
        return None;
    }
    let position = rows::entry_position(&store.index, &asked.space, log, seq).ok()??;
    let (entry, _) = read_entry(store, position)?;
    let header = &entry.header;
    if header.epoch != asked.epoch || !history.opens_entry(log, seq, header.time) || !is_for(asked, &entry) {
        return None;
    }
    let place = Place { space: header.space, log: *log, seq, epoch: header.epoch };
    let opener = asked.ring.opener(header)?;
    let key = opener.content_key(entry.payload.as_ref()?, &place).ok()?;
    Some(RecordKey { log: *log, seq, key })
}

/// Does this node show the entry, and is it permitted to the role of who asks, by what held then and by what
/// holds now?
fn is_for(asked: &Request, entry: &Entry) -> bool {
    let membership = &*asked.membership;
    let Some((org, role)) = role_of(membership, &asked.to) else { return false };
    let log = &entry.header.log;
    let owner = membership
        .nodes_ever()
        .find(|(_, _, node)| node.card.log == *log || node.ended.contains_key(log))
        .map(|(org, node, _)| Owner { org, node });
    let (Some(owner), Some(opener)) = (owner, asked.ring.opener(&entry.header)) else { return false };
    let permitted = |facts: &RecordFacts| {
        let mut roles = opener.terms.roles.clone();
        roles.insert(org, role.clone());
        let then = Terms { roles: roles.clone(), ..(*opener.terms).clone() };
        let now = Terms { roles, ..Terms::of(membership, |_| true) };
        then.permit(facts).is_ok() && now.permit(facts).is_ok()
    };
    match judge(&asked.partnership, (membership, When::Held), &asked.ring, owner, entry) {
        Judgement::Shown(shown) => shown.record.facts().is_ok_and(|facts| permitted(&facts)),
        Judgement::Acknowledged(_) => true,
        // What was said about records of before says too much about them.
        Judgement::Noticed(_) | Judgement::Waiting(_) | Judgement::Erased | Judgement::Refused { .. } => {
            false
        }
    }
}

/// Puts keys of single entries that are in the vault into the ring.
pub fn load(state: &mut State, known: &KnownHistory) {
    let Ok(header) = known.header.verify_self(|h| h.minter.0) else { return };
    let id = epoch::id_of(&header);
    let named: BTreeSet<&(LogId, Seq)> = known.places.iter().collect();
    let kept = state.secrets.history.iter().flatten();
    let keys: BTreeMap<(LogId, Seq), _> = kept
        .filter(|secret| secret.epoch == id && named.contains(&(secret.log, secret.seq)))
        .map(|secret| ((secret.log, secret.seq), secret.key.key()))
        .collect();
    if keys.is_empty() {
        return;
    }
    let membership = state.membership_at(&header.value().basis);
    let reads = |org: &OrgId| membership.may_read(org, header.value().created).is_ok();
    let terms = Arc::new(Terms::of(&membership, reads));
    state.ring.add_loose(id, Loose { space: header.value().space, header, terms, keys });
}

/// Why keys of single entries were not taken.
#[derive(Debug, thiserror::Error)]
enum TakeError {
    /// The epoch's header.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// They are for another node, or of an epoch that is not of this partnership's members.
    #[error("keys of an epoch that no member made for all members, or for another node")]
    NotOurs,
    /// The acts that the epoch was minted under are not here yet; the keys are asked for again.
    #[error("keys of an epoch that came before the membership acts that it was made under")]
    Early,
    /// They do not open.
    #[error(transparent)]
    Epoch(#[from] EpochError),
    /// There is no room in the vault for more.
    #[error(
        "more than {} keys of single records; have a partner grant whole years instead",
        limits::MAX_HISTORY_KEYS
    )]
    TooMany,
}

/// Verifies and opens keys that a partner sent: those of entries that wait for them, that we may read, and that the
/// keys fit.
fn take(
    state: &State,
    store: &Store,
    may: &History,
    keys: &RecordKeys,
) -> Result<Vec<RecordSecret>, TakeError> {
    let header = keys.header.verify_self(|h| h.minter.0)?;
    let id = epoch::id_of(&header);
    let said = header.value();
    if !said.basis.iter().all(|act| state.graph.contains(act)) {
        return Err(TakeError::Early);
    }
    let by_member = state.membership_at(&said.basis).node(&said.minter).is_some();
    if keys.node != state.me.node() || said.space != state.all() || !by_member {
        return Err(TakeError::NotOurs);
    }
    let mut prekeys = state.secrets.prekey_secrets();
    let opened = prekeys.find_map(|secret| history::open(&header, keys, &secret).ok());
    let opened = opened.ok_or(EpochError::Sealed)?;
    let fits = |one: &RecordKey| {
        let position = rows::entry_position(&store.index, &said.space, &one.log, one.seq).ok()??;
        let (entry, _) = read_entry(store, position)?;
        let right = entry.header.epoch == id
            && may.opens_entry(&one.log, one.seq, entry.header.time)
            && state.ring.opener(&entry.header).is_none()
            && envelope::fits(entry.payload.as_ref()?, &one.key);
        right.then(|| RecordSecret { epoch: id, log: one.log, seq: one.seq, key: Secret::new(&one.key) })
    };
    let mut taken: Vec<RecordSecret> = opened.iter().filter_map(fits).collect();
    taken.sort_unstable_by_key(|secret| (secret.log, secret.seq));
    taken.dedup_by_key(|secret| (secret.log, secret.seq));
    let held = state.secrets.history.as_ref().map_or(0, Vec::len);
    if held + taken.len() > limits::MAX_HISTORY_KEYS {
        return Err(TakeError::TooMany);
    }
    Ok(taken)
}

impl Driver {
    /// A partner asks for keys of single entries: its courier looks them up.
    pub(super) fn give_history(&mut self, to: NodeId, epoch: EpochId, places: Vec<(LogId, Seq)>) {
        let Some(prekey) = self.state.prekey_of(&to).map(<[u8]>::to_vec) else { return };
        let request = Request {
            partnership: self.state.id,
            space: self.state.all(),
            ring: self.state.ring.clone(),
            membership: self.state.membership.clone(),
            to,
            prekey,
            epoch,
            places,
            now: clock::now(),
        };
        self.send(to, Job::History(Box::new(request)));
    }

    /// Was an entry of the space of all members sealed without this member, and may it not be given to it now?
    pub(super) fn is_not_given(&self, place: &RecordPlace, org: &OrgId) -> bool {
        let store = self.shared.ledger.store();
        let position = rows::entry_position(&store.index, &place.space, &place.log, place.seq).ok().flatten();
        let entry = position.and_then(|position| read_entry(store, position));
        let epoch = entry.as_ref().and_then(|(entry, _)| self.state.ring.get(&entry.header.epoch));
        let (Some((entry, _)), Some(epoch)) = (entry, epoch) else { return false };
        let membership = &self.state.membership;
        let history = membership.history_for(org, clock::now());
        let reads = |node: &NodeId| membership.node(node).is_some_and(|(of, _)| of == *org);
        place.space == self.state.all()
            && !epoch.readers.is_empty()
            && !epoch.readers.iter().any(reads)
            && !history.opens_epoch(epoch.header.value().created)
            && !history.opens_entry(&place.log, place.seq, entry.header.time)
    }

    /// Keys of single entries came.
    pub(super) fn take_history(&mut self, keys: &RecordKeys) {
        match take(&self.state, self.shared.ledger.store(), &self.may_read.1, keys) {
            Ok(taken) if taken.is_empty() => {}
            Ok(taken) => {
                if let Err(error) = self.keep_history(keys, taken) {
                    tracing::error!(%error, "keys of older records could not be kept in the vault");
                }
            }
            Err(error) => tracing::warn!(%error, "keys of older records were not taken"),
        }
    }

    /// Into the vault, then into use, then into the journal.
    fn keep_history(&mut self, keys: &RecordKeys, taken: Vec<RecordSecret>) -> Result<(), VaultError> {
        let partnership = self.state.id;
        self.shared.keeper.change(|secrets| {
            if let Some(ours) = secrets.partnership_mut(&partnership) {
                ours.history.get_or_insert_default().extend(taken.iter().cloned());
            }
        })?;
        let places = taken.iter().map(|secret| (secret.log, secret.seq)).collect();
        self.state.secrets.history.get_or_insert_default().extend(taken);
        let known = KnownHistory { partnership, header: keys.header.clone(), places };
        load(&mut self.state, &known);
        self.append(vec![Frame::History(known)], Then::Nothing);
        Ok(())
    }

    /// An entry waits for its epoch: it is asked for alone, if we may read it.
    pub(super) fn want_history(
        &mut self,
        space: SpaceId,
        epoch: EpochId,
        place: (LogId, Seq),
        time: Timestamp,
    ) {
        if space == self.state.all() && self.may_read.1.opens_entry(&place.0, place.1, time) {
            self.event(Event::RecordsMissing(space, epoch, vec![place]));
        }
    }

    /// Looks again what we may read, and asks for it at once if that is not what it was.
    pub(super) fn look_up_history(&mut self) {
        let (membership, me, time) = (&self.state.membership, self.state.me.org(), clock::now());
        let now = (membership.may_read(&me, time).is_ok(), membership.history_for(&me, time));
        if now == self.may_read {
            return;
        }
        self.may_read = now;
        if !self.may_read.0 {
            return;
        }
        let all = self.state.all();
        let mut wanted: BTreeMap<EpochId, BTreeSet<(LogId, Seq)>> = BTreeMap::new();
        for header in self.waiting_entries().into_iter().chain(self.granted_entries()) {
            let place = (header.log, header.seq);
            if header.space == all && self.may_read.1.opens_entry(&place.0, place.1, header.time) {
                wanted.entry(header.epoch).or_default().insert(place);
            }
        }
        for (epoch, places) in wanted {
            self.asked_epochs.insert(epoch);
            self.event(Event::EpochMissing(all, epoch));
            self.event(Event::RecordsMissing(all, epoch, places.into_iter().collect()));
        }
        self.event(Event::MayReadMore);
    }

    /// Entries that were granted by name, are here, and cannot be opened: however many others wait.
    fn granted_entries(&self) -> Vec<EntryHeader> {
        let (store, all) = (self.shared.ledger.store(), self.state.all());
        let header = |(log, seq): (LogId, Seq)| {
            let position = rows::entry_position(&store.index, &all, &log, seq).ok()??;
            let header = read_entry(store, position)?.0.header;
            self.state.ring.opener(&header).is_none().then_some(header)
        };
        self.may_read.1.entries().filter_map(header).collect()
    }
}
