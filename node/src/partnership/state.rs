//! What a partnership is on this node: everything that follows from the journal and the vault.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use ed25519_dalek::SigningKey;
use entente_protocol::ack;
use entente_protocol::audience::Audience;
use entente_protocol::derive;
use entente_protocol::identity::LogCertificate;
use entente_protocol::ids::{
    ActId, LogId, NodeId, OrgId, PartnershipId, RecordId, Seq, SpaceId, Timestamp, TransportId,
};
use entente_protocol::log::Head;
use entente_protocol::mailbox::Appointment;
use entente_protocol::membership::{ActGraph, Membership};
use entente_protocol::prekey::VerifiedPrekey;
use entente_protocol::signed::{Signed, Unverified, sign};
use entente_protocol::sync::Roster;

use crate::me::Me;
use crate::rows::{Circle, LogRow, RecordPlace};
use crate::secrets::{PartnershipSecrets, Secret};
use crate::store::Position;

use super::apply;
use super::quarantine;
use super::ring::{Ring, membership_at};
use super::trust::Trusts;

/// A log as this node knows it.
#[derive(Clone, Debug)]
pub struct Log {
    /// Whose it is.
    pub owner: NodeId,
    /// In a circle: its organisations and the owner's word.
    pub circle: Option<Circle>,
    /// How far it is durable here.
    pub stored: Head,
    /// How far it was handed to the journal.
    pub queued: Head,
    /// The position after the last entry that is not an acknowledgement.
    pub worth: Seq,
    /// Bytes of its entries' payloads here, counted since quotas are known.
    pub bytes: u64,
}

/// One partnership on this node.
pub struct State {
    /// Its id.
    pub id: PartnershipId,
    /// Who we are.
    pub me: Arc<Me>,
    /// Our keys here.
    pub secrets: PartnershipSecrets,
    /// That of our log for all members, made once: making it from the secret costs as much as signing with it.
    main_log: SigningKey,
    /// All acts.
    pub graph: ActGraph,
    /// What they amount to.
    pub membership: Arc<Membership>,
    /// The epochs that can be opened.
    pub ring: Ring,
    /// Entries that are held back while the partnership is suspended.
    pub held_back: BTreeSet<Position>,
    /// All logs.
    pub logs: BTreeMap<(SpaceId, LogId), Log>,
    /// How far this node acknowledged the logs of others.
    pub acknowledged: BTreeMap<(SpaceId, LogId), Seq>,
    /// Entries of others that are not shown here, and their codes, until they are told with an acknowledgement.
    pub untold: BTreeMap<(SpaceId, LogId, Seq), String>,
    /// Logs whose authors signed two entries at one position, and that position.
    pub forks: BTreeMap<(SpaceId, LogId), Seq>,
    /// How verifications of persons went.
    pub trust: Trusts,
    /// Records that were erased here, of which the author was not told yet.
    pub receipts_due: BTreeSet<RecordId>,
    /// The newest prekeys that nodes made after their cards'.
    pub prekeys: BTreeMap<NodeId, VerifiedPrekey>,
    /// What stewards said of mailboxes, the newest of each.
    pub mailboxes: BTreeMap<TransportId, Signed<Appointment>>,
    /// The revocations that the index was made by.
    pub marks: quarantine::Marks,
    /// Memberships of the past that epochs were minted under; at most [`PASTS`].
    pasts: Mutex<BTreeMap<Vec<ActId>, Arc<Membership>>>,
}

/// Refusals that wait to be told; of more, nobody is told.
const UNTOLD: usize = 4_096;
/// Past memberships kept folded: loading a node meets few, again and again.
const PASTS: usize = 64;

impl State {
    /// From the acts; logs, epochs and entries are added as they are read.
    #[must_use]
    pub fn new(me: Arc<Me>, secrets: PartnershipSecrets, graph: ActGraph) -> State {
        let membership = Arc::new(Membership::of(&graph));
        let id = graph.partnership();
        let marks = quarantine::marks(&membership);
        let main_log = secrets.log.signing_key();
        let mut state = State {
            id,
            me,
            secrets,
            main_log,
            graph,
            membership,
            ring: Ring::default(),
            held_back: BTreeSet::new(),
            logs: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
            untold: BTreeMap::new(),
            forks: BTreeMap::new(),
            trust: Trusts::default(),
            receipts_due: BTreeSet::new(),
            prekeys: BTreeMap::new(),
            pasts: Mutex::default(),
            mailboxes: BTreeMap::new(),
            marks,
        };
        state.learn_main_logs();
        state
    }

    /// The space of all members.
    #[must_use]
    pub fn all(&self) -> SpaceId {
        derive::space_of_all(&self.id)
    }

    /// The membership as it was at these heads; the present one if they are not all known.
    #[must_use]
    pub fn membership_at(&self, heads: &[ActId]) -> Arc<Membership> {
        let mut pasts = self.pasts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(past) = pasts.get(heads) {
            return past.clone();
        }
        let Some(past) = membership_at(&self.graph, heads).map(Arc::new) else {
            return self.membership.clone();
        };
        if pasts.len() >= PASTS {
            pasts.pop_first();
        }
        pasts.insert(heads.to_vec(), past.clone());
        past
    }

    /// Are we a member now, and is this node one of ours?
    #[must_use]
    pub fn is_member(&self) -> bool {
        self.membership.node(&self.me.node()).is_some()
    }

    /// An entry is not shown here: its author is told with the next acknowledgement, unless that may change by
    /// itself, or it was told.
    pub fn note_refusal(&mut self, place: &RecordPlace, code: &str) {
        let key = (place.space, place.log);
        let told = self.acknowledged.get(&key).is_some_and(|next| place.seq < *next);
        let ours = self.logs.get(&key).is_none_or(|log| log.owner == self.me.node());
        if !told && !ours && self.untold.len() < UNTOLD && ack::is_code(code) && !apply::may_change(code) {
            self.untold.insert((place.space, place.log, place.seq), code.to_owned());
        }
    }

    /// After acts were added: folds them again.
    pub fn refold(&mut self) {
        self.membership = Arc::new(Membership::of(&self.graph));
        self.learn_main_logs();
    }

    fn learn_main_logs(&mut self) {
        let all = self.all();
        let owners: Vec<(LogId, NodeId)> =
            self.roster().logs.iter().map(|(log, (node, _))| (*log, *node)).collect();
        for (log, owner) in owners {
            self.logs.entry((all, log)).or_insert_with(|| Log::new(owner, None, Head::EMPTY));
        }
    }

    /// Who takes part, for the sync machine.
    #[must_use]
    pub fn roster(&self) -> Roster {
        Roster::of(&self.membership)
    }

    /// The present nodes of these organisations (of all members if none are named) that may be given keys now.
    #[must_use]
    pub fn readers_of(&self, orgs: Option<&[OrgId]>, now: Timestamp) -> BTreeSet<NodeId> {
        self.membership
            .readers(now)
            .filter(|(org, _, _)| orgs.is_none_or(|named| named.contains(org)))
            .map(|(_, node, _)| node)
            .collect()
    }

    /// The space of an audience of ours, and its organisations if it is a circle.
    #[must_use]
    pub fn space_of(&self, audience: &Audience) -> (SpaceId, Option<Vec<OrgId>>) {
        let author = self.me.org();
        (audience.space(&self.id, &author), audience.circle(&author))
    }

    /// The key of our log in a space.
    #[must_use]
    pub fn log_key(&self, space: &SpaceId) -> SigningKey {
        if *space == self.all() {
            self.main_log.clone()
        } else {
            derive::circle_log_key(&self.secrets.log.key(), space)
        }
    }

    /// Goes on in another log for all members, where no position was ever signed.
    pub fn go_on_in(&mut self, log: Secret) {
        self.main_log = log.signing_key();
        (self.secrets.log, self.secrets.fenced) = (log, None);
    }

    /// Our certificate for our log in a circle.
    #[must_use]
    pub fn log_certificate(&self, space: SpaceId) -> Unverified<LogCertificate> {
        let log = LogId(self.log_key(&space).verifying_key().to_bytes());
        sign(LogCertificate { space, node: self.me.node(), log }, &self.me.key).to_unverified()
    }

    /// Whose log this is: organisation and node, present or former.
    #[must_use]
    pub fn owner(&self, space: &SpaceId, log: &LogId) -> Option<(OrgId, NodeId)> {
        let node = self.logs.get(&(*space, *log))?.owner;
        self.org_of(&node).map(|org| (org, node))
    }

    /// Does this position of a log lie beyond where the removal or revocation of its node, or its node's new log,
    /// says that it ends?
    #[must_use]
    pub fn is_late(&self, node: &NodeId, log: &LogId, seq: Seq) -> bool {
        let former = self.membership.former.values().filter_map(|former| former.cutoff.get(log));
        let revoked = self.membership.revoked.get(node).and_then(|revoked| revoked.cutoff.get(log));
        let ended = self.membership.node(node).and_then(|(_, of)| of.ended.get(log));
        former.chain(revoked).chain(ended).any(|until| seq >= *until)
    }

    /// The organisation of a node, present, revoked or former.
    #[must_use]
    pub fn org_of(&self, node: &NodeId) -> Option<OrgId> {
        self.membership.nodes_ever().find(|(_, id, _)| id == node).map(|(org, _, _)| org)
    }

    /// Takes a log from the index.
    pub fn load_log(&mut self, row: &LogRow) {
        let mut log = Log::new(row.owner, row.circle.clone(), row.head);
        log.worth = row.worth.unwrap_or(row.head.next);
        log.bytes = row.bytes.unwrap_or(0);
        self.logs.insert((row.space, row.log), log);
    }

    /// A log for the index.
    #[must_use]
    pub fn log_row(&self, space: &SpaceId, log: &LogId) -> Option<LogRow> {
        let known = self.logs.get(&(*space, *log))?;
        Some(LogRow {
            space: *space,
            log: *log,
            owner: known.owner,
            circle: known.circle.clone(),
            head: known.stored,
            worth: Some(known.worth),
            bytes: Some(known.bytes),
        })
    }
}

impl Log {
    /// A log that is durable up to `head`.
    #[must_use]
    pub fn new(owner: NodeId, circle: Option<Circle>, head: Head) -> Log {
        Log { owner, circle, stored: head, queued: head, worth: Seq(0), bytes: 0 }
    }
}
