//! The driver's part in what this node's keeper set: the rule for fetching, whose traffic goes first, and the quota of
//! what partners may store here. Over it, entries are refused as if the disk were full; they are taken once there is room.

use std::collections::BTreeSet;

use entente_protocol::chunk;
use entente_protocol::ids::{BlobId, LogId, NodeId, OrgId, SpaceId};
use entente_protocol::sync::{Event, Message};

use crate::api::types;
use crate::door::Limits;
use crate::frames::{Frame, KnownBlob};
use crate::rows;
use crate::settings::{PartnershipSettings, Usage};
use crate::store::Index;

use super::commands::{CommandError, FetchState, Reply};
use super::courier::Job;
use super::driver::Driver;
use super::fetch::Progress;
use super::landing::Then;
use super::state::State;

/// What the driver keeps of settings, and of who keeps to theirs.
pub(super) struct Bounds {
    /// What holds.
    settings: PartnershipSettings,
    /// Under which its traffic passes.
    limits: Limits,
    /// Bytes of partners' attachments that are here.
    pub(super) attachments: u64,
    /// Connected nodes that were told that this one takes no more.
    told: BTreeSet<NodeId>,
    /// Nodes that said that they take no more.
    pub(super) full_there: BTreeSet<NodeId>,
    /// What the API's listeners were told of fetches last.
    shown: Vec<Progress>,
}

impl Bounds {
    /// Takes the settings from the index, and counts what is here.
    pub(super) fn load(index: &Index, state: &State, limits: Limits) -> Bounds {
        let settings = rows::settings(index, &state.id);
        limits.set_priority(settings.priority.unwrap_or_default());
        let here = rows::blobs(index).filter(|blob| blob.complete && blob.is_of(&state.id));
        let theirs = here.filter(|blob| is_partners(index, &state.me.org(), blob));
        Bounds {
            settings,
            limits,
            attachments: theirs.map(|blob| blob.size).sum(),
            told: BTreeSet::new(),
            full_there: BTreeSet::new(),
            shown: Vec::new(),
        }
    }
}

/// Did a partner bring this attachment, not we?
fn is_partners(index: &Index, us: &OrgId, blob: &KnownBlob) -> bool {
    let row = blob.record.and_then(|record| rows::record(index, &record).ok().flatten());
    row.is_none_or(|(_, row)| row.author != *us)
}

impl Driver {
    pub(super) fn settings(&self) -> &PartnershipSettings {
        &self.bounds.settings
    }

    /// Did a partner bring this attachment?
    pub(super) fn is_partners(&self, blob: &KnownBlob) -> bool {
        is_partners(&self.shared.ledger.store().index, &self.state.me.org(), blob)
    }

    /// What partners store here.
    pub(super) fn usage(&self) -> Usage {
        let me = self.state.me.node();
        let theirs = self.state.logs.values().filter(|log| log.owner != me);
        let mut usage = Usage { bytes: self.bounds.attachments, records: 0 };
        for log in theirs {
            usage.bytes += log.bytes;
            usage.records += log.stored.next.0;
        }
        usage
    }

    /// Keeps settings; answered once they are durable.
    pub(super) fn set_settings(&mut self, settings: PartnershipSettings, reply: Reply<()>) {
        self.bounds.limits.set_priority(settings.priority.unwrap_or_default());
        self.bounds.settings = settings.clone();
        self.append(vec![Frame::Settings(settings)], Then::Membership(Some(reply)));
        self.look_for_room();
    }

    /// Attachments were erased here: partners may store as much again.
    pub(super) fn attachments_gone(&mut self, author: &OrgId, bytes: u64) {
        if *author != self.state.me.org() && bytes > 0 {
            self.bounds.attachments = self.bounds.attachments.saturating_sub(bytes);
            self.look_for_room();
        }
    }

    /// What was left out comes now, as far as there is room for it.
    fn look_for_room(&mut self) {
        self.want_incomplete();
        self.tell_room();
        self.fetch_on();
    }

    /// Is an attachment to come by itself?
    pub(super) fn comes_by_itself(&self, blob: &KnownBlob) -> bool {
        let index = &self.shared.ledger.store().index;
        let row = blob.record.and_then(|record| rows::record(index, &record).ok().flatten());
        let of = row.as_ref().map(|(_, row)| (&row.kind, &row.author));
        let settings = self.settings();
        settings.fetch.takes(of, blob.size) && !settings.quota.is_full(self.usage(), blob.size)
    }

    /// Whether a partner's entries are refused because there is no room for them; the partner is told so.
    pub(super) fn has_no_room(&mut self, from: NodeId, space: SpaceId, log: LogId, bytes: u64) -> bool {
        if self.shared.ledger.store().is_disk_low() {
            tracing::warn!("a partner's entries were refused: the disk is nearly full");
            self.event(Event::Refused { from, space, log });
            return true;
        }
        let owner = self.state.logs.get(&(space, log)).map(|known| known.owner);
        if owner == Some(self.state.me.node()) || !self.settings().quota.is_full(self.usage(), bytes) {
            return false;
        }
        if self.bounds.told.insert(from) {
            tracing::warn!(?from, "a partner's entries were refused: the quota of this partnership is full");
            self.send(from, Job::Message(Message::Full(true)));
        }
        self.event(Event::Refused { from, space, log });
        true
    }

    /// Tells those who were told of a full quota that there is room again, and asks for what was refused.
    fn tell_room(&mut self) {
        if self.bounds.told.is_empty() || self.settings().quota.is_full(self.usage(), 1) {
            return;
        }
        for node in std::mem::take(&mut self.bounds.told) {
            self.send(node, Job::Message(Message::Full(false)));
        }
        self.event(Event::RoomMade);
    }

    /// A partner takes no more, or takes more again.
    pub(super) fn partner_is_full(&mut self, from: NodeId, full: bool) {
        if full {
            self.bounds.full_there.insert(from);
        } else {
            self.bounds.full_there.remove(&from);
        }
        self.tell_partner(from, true);
    }

    pub(super) fn forget_bounds_of(&mut self, node: &NodeId) {
        self.bounds.told.remove(node);
        self.bounds.full_there.remove(node);
    }

    /// Somebody wants an attachment now, whatever the rule says.
    pub(super) fn fetch_now(&mut self, id: &BlobId, reply: Reply<FetchState>) {
        let known = rows::blob(&self.shared.ledger.store().index, id).ok().flatten();
        if let Some(blob) = known.filter(|blob| !blob.complete) {
            self.fetcher.want_now(blob);
            self.fetch_on();
        }
        let _gone = reply.send(self.fetch_state(id));
    }

    /// How far an attachment is.
    pub(super) fn fetch_state(&self, id: &BlobId) -> Result<FetchState, CommandError> {
        let known = rows::blob(&self.shared.ledger.store().index, id).ok().flatten();
        let chunks = known.as_ref().map_or(0, |blob| chunk::count(blob.size));
        let complete = known.as_ref().is_some_and(|blob| blob.complete);
        let now = self.fetcher.progress().find(|p| p.blob == *id).or_else(|| self.fetcher.finished(id));
        Ok(FetchState {
            complete,
            here: now.map_or(if complete { chunks } else { 0 }, |p| p.here),
            came: now.map_or(0, |p| p.came),
            chunks,
            sources: now.filter(|_| !complete).map_or(0, |p| p.sources),
        })
    }

    /// Tells the API's listeners how far fetches are: each tick, what moved.
    pub(super) fn tell_progress(&mut self) {
        let now: Vec<Progress> = self.fetcher.progress().collect();
        for progress in now.iter().filter(|p| !self.bounds.shown.contains(p)) {
            if let Some(record) = progress.record {
                let Progress { here, chunks, .. } = *progress;
                let event = types::Event::Fetching { record, here, chunks };
                let _nobody_listens = self.shared.events.send(event);
            }
        }
        self.bounds.shown = now;
    }
}
