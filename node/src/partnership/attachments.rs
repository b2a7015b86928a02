//! The driver's part in attachments: giving chunks to who may have them, fetching what is missing.

use std::collections::BTreeMap;
use std::ops::Range;

use entente_protocol::chunk;
use entente_protocol::ids::{BlobId, Hash, NodeId, OrgId, SpaceId};
use entente_protocol::sync::{BlobMessage, Message};

use crate::frames::{Frame, KnownBlob};
use crate::rows;

use super::apply;
use super::chunks;
use super::courier::Job;
use super::driver::Driver;
use super::epochs;
use super::fetch::Want;
use super::landing::Then;
use super::state::Log;

/// The connected nodes, and the organisations of each space (`None`: all members).
struct Sharers {
    nodes: Vec<(NodeId, OrgId)>,
    spaces: BTreeMap<SpaceId, Option<Vec<OrgId>>>,
}

impl Sharers {
    /// The connected nodes that read the space that an attachment belongs to.
    fn of(&self, blob: &KnownBlob) -> Vec<NodeId> {
        let Some(circle) = blob.place.and_then(|(_, space)| self.spaces.get(&space)) else {
            return Vec::new();
        };
        let reads = |org: &OrgId| circle.as_ref().is_none_or(|orgs| orgs.contains(org));
        self.nodes.iter().filter(|(_, org)| reads(org)).map(|(node, _)| *node).collect()
    }
}

/// An attachment was made durable, or could not be.
pub(super) struct Synced {
    blob: BlobId,
    durable: bool,
}

impl Driver {
    /// Attachments that were not complete when the node stopped.
    pub(super) fn want_incomplete(&mut self) {
        let ledger = self.shared.ledger.clone();
        for blob in rows::blobs(&ledger.store().index) {
            if !blob.complete && blob.is_of(&self.state.id) && self.comes_by_itself(&blob) {
                self.fetcher.want(blob);
            }
        }
    }

    pub(super) fn about_attachment(&mut self, from: NodeId, message: BlobMessage) {
        match message {
            BlobMessage::WantHashes(blob, start) => match self.may_have(&from, &blob) {
                Some(known) => self.send(from, Job::Hashes(blob, start, known.size)),
                None => self.send(from, Job::Message(Message::Blob(BlobMessage::Absent(blob)))),
            },
            BlobMessage::WantChunk(blob, index) => match self.may_have(&from, &blob) {
                Some(known) => {
                    let len = chunk::sealed_len(known.size, index);
                    self.send(from, Job::Chunk(blob, index, len));
                }
                None => self.send(from, Job::Message(Message::Blob(BlobMessage::Absent(blob)))),
            },
            answer => {
                let store = self.shared.ledger.clone();
                let who = self.sharers();
                let wants = self.fetcher.answer(store.store(), from, answer, |b| who.of(b));
                self.fetched(wants);
            }
        }
    }

    /// An attachment that is complete here and that this node may have.
    fn may_have(&self, node: &NodeId, blob: &BlobId) -> Option<KnownBlob> {
        let index = &self.shared.ledger.store().index;
        let known = rows::blob(index, blob).ok()??;
        let (partnership, space) = known.place.filter(|_| known.complete)?;
        let (org, _) = self.state.membership.node(node)?;
        let circle = epochs::circle_of(&self.state, &space)?;
        let reads = partnership == self.state.id && circle.is_none_or(|orgs| orgs.contains(&org));
        reads.then_some(known)
    }

    /// The connected nodes, and who reads which space: computed once for a round of fetching.
    fn sharers(&self) -> Sharers {
        let circle = |log: &Log| log.circle.as_ref().map(|c| c.orgs.clone());
        let nodes = self.couriers.keys();
        Sharers {
            nodes: nodes.filter_map(|n| self.state.membership.node(n).map(|(org, _)| (*n, org))).collect(),
            spaces: self.state.logs.iter().map(|((space, _), log)| (*space, circle(log))).collect(),
        }
    }

    pub(super) fn fetch_on(&mut self) {
        if !self.fetcher.is_eager() {
            return;
        }
        let who = self.sharers();
        let ledger = self.shared.ledger.clone();
        let wants = self.fetcher.start(ledger.store(), |b| who.of(b));
        self.fetched(wants);
    }

    fn fetched(&mut self, wants: Vec<Want>) {
        for want in wants {
            match want {
                Want::Send(to, message) => self.send(to, Job::Message(Message::Blob(message))),
                Want::Sync(id, list) => self.make_durable(id, list),
                Want::WriteOut(id, chunks) => self.write_out(id, chunks),
            }
        }
    }

    /// The whole of it, with the list of its chunks.
    fn make_durable(&mut self, id: BlobId, list: Vec<Hash>) {
        let ledger = self.shared.ledger.clone();
        self.syncing.spawn_blocking(move || {
            let durable = ledger.store().blobs.sync(&id.0).is_ok();
            if durable {
                chunks::keep(ledger.store(), &id, &list);
            }
            Synced { blob: id, durable }
        });
    }

    /// Nobody waits for it: what the disk does not begin with now, it does at the end.
    fn write_out(&self, id: BlobId, chunks: Range<u64>) {
        let ledger = self.shared.ledger.clone();
        tokio::task::spawn_blocking(move || ledger.store().blobs.write_out(&id.0, chunks));
    }

    /// What was fetched is durable, or could not be made so.
    pub(super) fn synced(&mut self, synced: Synced) {
        let Synced { blob: id, durable } = synced;
        // Its record may have been withdrawn meanwhile, and the file with it.
        if !apply::is_known(self.shared.ledger.store(), &id) {
            self.fetcher.forget(&id);
            return chunks::remove(self.shared.ledger.store(), &id);
        }
        if !durable {
            tracing::error!(
                "an attachment could not be made durable and is fetched again; see `entente doctor`"
            );
        }
        let Some(blob) = self.fetcher.synced(id, durable) else {
            return chunks::remove(self.shared.ledger.store(), &id);
        };
        self.attachment_came(blob);
    }

    /// All of an attachment is here and durable, sent by partners or brought by hand.
    pub(super) fn attachment_came(&mut self, blob: KnownBlob) {
        let record = blob.record;
        if self.is_partners(&blob) {
            self.bounds.attachments += blob.size;
        }
        self.append(vec![Frame::Blob(KnownBlob { complete: true, ..blob })], Then::Came(record));
    }
}
