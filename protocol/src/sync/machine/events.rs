//! What the machine is told, and what it wants done.

use std::collections::BTreeMap;

use crate::epoch::{EpochHeader, Slot};
use crate::evidence::{Evidence, SignedHeaders};
use crate::history::RecordKeys;
use crate::identity::LogCertificate;
use crate::ids::{ActId, EpochId, Hash, LogId, NodeId, OrgId, Seq, SpaceId};
use crate::log::{Batch, Head};
use crate::mailbox::Appointment;
use crate::membership::{ActBody, MemberNode, Membership};
use crate::prekey::Prekey;
use crate::signed::Unverified;
use crate::verification::VerifyMessage;

use super::super::message::{Announcement, BlobMessage, Message};

/// Who takes part, as far as syncing needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Roster {
    /// The nodes of present members.
    pub nodes: BTreeMap<NodeId, OrgId>,
    /// The logs of the space of all members: whose, and up to which position entries are welcome
    /// (`None`: without end; a position for nodes that were removed).
    pub logs: BTreeMap<LogId, (NodeId, Option<Seq>)>,
    /// Nodes that are members' no more and may parley (S11), and the acts that put them out.
    pub former: BTreeMap<NodeId, Vec<ActId>>,
}

impl Roster {
    /// Who takes part in a partnership. Logs of who is gone, and of nodes that were revoked, are welcome up to
    /// where the act that ended them says, or where an earlier renewal did if that is less.
    #[must_use]
    pub fn of(membership: &Membership) -> Roster {
        let mut logs = BTreeMap::new();
        let mut ended = |node: NodeId, of: &MemberNode, cutoff: &BTreeMap<LogId, Seq>| {
            let until = cutoff.get(&of.card.log).copied().unwrap_or(Seq(0));
            logs.insert(of.card.log, (node, Some(until)));
            for (log, until) in &of.ended {
                let until = cutoff.get(log).map_or(*until, |stricter| *until.min(stricter));
                logs.insert(*log, (node, Some(until)));
            }
        };
        for former in membership.former.values() {
            former.nodes.iter().for_each(|(node, of)| ended(*node, of, &former.cutoff));
        }
        for (node, revoked) in &membership.revoked {
            ended(*node, &revoked.node, &revoked.cutoff);
        }
        for (_, node, of) in membership.nodes() {
            logs.extend(of.ended.iter().map(|(log, until)| (*log, (node, Some(*until)))));
            logs.insert(of.card.log, (node, None));
        }
        let nodes = membership.nodes().map(|(org, node, _)| (node, org)).collect();
        Roster { nodes, logs, former: membership.parleys() }
    }
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A member's node is connected.
    Connected(NodeId),
    /// It is gone.
    Disconnected(NodeId),
    /// It said something.
    Received(NodeId, Message),
    /// It said something in a file that somebody carried here.
    Carried(NodeId, Message),
    /// Gossip brought an announcement.
    Announced(NodeId, Announcement),
    /// A log exists here: one of our own, or one loaded from the store.
    LogOpened {
        /// The space.
        space: SpaceId,
        /// The organisations of a circle.
        circle: Option<Vec<OrgId>>,
        /// The log.
        log: LogId,
        /// Whose it is, with its certificate where it is in a circle.
        owner: (NodeId, Option<Unverified<LogCertificate>>),
        /// How far it is stored.
        head: Head,
    },
    /// Entries are durable here, up to this head.
    Stored {
        /// The space.
        space: SpaceId,
        /// The log.
        log: LogId,
        /// How far.
        head: Head,
    },
    /// A batch that this machine passed on was not accepted.
    Refused {
        /// Who sent it.
        from: NodeId,
        /// The space.
        space: SpaceId,
        /// The log.
        log: LogId,
    },
    /// A batch that was asked for by [`Effect::SendBatch`] went out; the log goes on at `next`.
    BatchSent {
        /// To whom.
        to: NodeId,
        /// The space.
        space: SpaceId,
        /// The log.
        log: LogId,
        /// Where it goes on.
        next: Seq,
    },
    /// An entry is sealed under an epoch whose key is not here.
    EpochMissing(SpaceId, EpochId),
    /// The key of an epoch is here now.
    EpochKnown(EpochId),
    /// Entries of an epoch whose key is not here, which this node may read one by one.
    RecordsMissing(SpaceId, EpochId, Vec<(LogId, Seq)>),
    /// Entries of an epoch can be opened by keys of their own, or are not to be asked for any more.
    RecordsKnown(EpochId, Vec<(LogId, Seq)>),
    /// All members write under this epoch now, and its key is here; `mine` if this node minted it.
    EpochCurrent {
        /// Which.
        epoch: EpochId,
        /// Was it minted here?
        mine: bool,
    },
    /// The epoch that a peer told of ([`Effect::EpochTold`]) is not here.
    EpochLacked(NodeId, EpochId),
    /// This node may read more of the past than before: what was refused may be given now.
    MayReadMore,
    /// There is room again: what was refused for want of it ([`Event::Refused`]) may be asked for at once.
    RoomMade,
    /// A peer's copy of a log, of which it spoke, is not ours before this position.
    Diverged {
        /// Whose copy.
        from: NodeId,
        /// The space.
        space: SpaceId,
        /// The log.
        log: LogId,
        /// The position that both copies reach.
        next: Seq,
    },
    /// Evidence that a log has two versions is durable here.
    Forked {
        /// The space.
        space: SpaceId,
        /// The log.
        log: LogId,
        /// A position with two entries.
        seq: Seq,
    },
    /// All the acts are here that [`Effect::ComparePoints`] asked about.
    Holds(NodeId, Vec<ActId>),
    /// Membership changed.
    RosterChanged(Roster, Vec<ActId>),
    /// Some hundred milliseconds passed.
    Tick,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send a message.
    Send(NodeId, Message),
    /// Read entries of a log from a position, send them as one [`Message::Batch`], then say
    /// [`Event::BatchSent`].
    SendBatch {
        /// To whom.
        to: NodeId,
        /// The space.
        space: SpaceId,
        /// The log.
        log: LogId,
        /// From which position.
        from: Seq,
    },
    /// Verify and store a batch, then say [`Event::Stored`] or [`Event::Refused`].
    Ingest(NodeId, Batch),
    /// Keep this log: it is a circle's, and its owner was verified.
    KeepLog {
        /// The circle.
        space: SpaceId,
        /// Its organisations.
        circle: Vec<OrgId>,
        /// The log.
        log: LogId,
        /// Whose it is.
        owner: NodeId,
        /// The certificate.
        certificate: Unverified<LogCertificate>,
    },
    /// Ask for acts if any of these heads is not known here.
    CompareHeads(NodeId, Vec<ActId>),
    /// Verify and add acts.
    TakeActs(NodeId, Vec<Unverified<ActBody>>),
    /// Send the acts that are missing beyond these heads. To who is a member no more: only those that put it out
    /// and what they follow ([`crate::membership::ActGraph::missing_up_to`]).
    SendActs(NodeId, Vec<ActId>),
    /// In a parley: say [`Event::Holds`] if all these acts are here, else ask for them if the last part says so.
    ComparePoints(NodeId, Vec<ActId>, bool),
    /// In a parley both have heard each other: end the session when what was sent has gone, and do not begin
    /// another as long as there is nothing new to tell.
    ParleyOver(NodeId),
    /// Verify and open an epoch.
    TakeEpoch(NodeId, Unverified<EpochHeader>, Slot),
    /// Give an epoch to a node, if it is one of its readers or may read it as history.
    SendEpoch(NodeId, SpaceId, EpochId),
    /// A peer has the key of this epoch of all members: say [`Event::EpochLacked`] if it is not here.
    EpochTold(NodeId, EpochId),
    /// Give the keys of those of these entries of an epoch that a node may read, in the space of all members.
    SendRecordKeys(NodeId, EpochId, Vec<(LogId, Seq)>),
    /// Verify and open keys of single entries.
    TakeRecordKeys(NodeId, RecordKeys),
    /// Compare what a peer's copy of a log hashes to with ours at that position; say [`Event::Diverged`] if they
    /// differ.
    Compare {
        /// The peer.
        with: NodeId,
        /// The space.
        space: SpaceId,
        /// The log.
        log: LogId,
        /// The position, not beyond what is stored here.
        next: Seq,
        /// What the peer's copy hashes to.
        chain: Hash,
    },
    /// Entries came that begin where we hold some already: compare them, and keep the evidence if they differ.
    CompareBatch(NodeId, Batch),
    /// Send what the author of a log signed at a position, as it is held here.
    SendProof {
        /// To whom.
        to: NodeId,
        /// The space.
        space: SpaceId,
        /// The log.
        log: LogId,
        /// The position.
        seq: Seq,
    },
    /// Compare what the author signed of a peer's version with ours, and keep the evidence if they differ.
    TakeProof(NodeId, SignedHeaders),
    /// Verify and keep evidence.
    TakeEvidence(NodeId, Evidence),
    /// Send the evidence that is kept of a log.
    SendEvidence {
        /// To whom.
        to: NodeId,
        /// The space.
        space: SpaceId,
        /// The log.
        log: LogId,
    },
    /// Something about attachments.
    Blob(NodeId, BlobMessage),
    /// Something about the verification of persons.
    Verify(NodeId, VerifyMessage),
    /// A peer takes no more entries, or takes them again.
    Full(NodeId, bool),
    /// A peer lets other members reach each other through it, or does not any more.
    Relays(NodeId, bool),
    /// Answer with prekeys that are newer, and ask for those that are newer there.
    ComparePrekeys(NodeId, Vec<(NodeId, u32)>),
    /// Verify and keep prekeys.
    TakePrekeys(NodeId, Vec<Unverified<Prekey>>),
    /// Verify and keep what stewards said of mailboxes.
    TakeMailboxes(NodeId, Vec<Unverified<Appointment>>),
    /// The peer told where it may be reached.
    Addresses(NodeId, Vec<String>),
    /// The peer breaks the protocol: hang up.
    HangUp(NodeId, &'static str),
}
