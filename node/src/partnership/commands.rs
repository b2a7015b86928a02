//! What the rest of the node asks of a partnership's driver.

use entente_protocol::audience::Audience;
use entente_protocol::handling::Role;
use entente_protocol::ids::{
    ActId, BlobId, EpochId, LogId, NodeId, OrgId, RecordId, SpaceId, Timestamp, TransportId,
};
use entente_protocol::log::Head;
use entente_protocol::mailbox::{Appointment, Offer};
use entente_protocol::membership::ActBody;
use entente_protocol::notice::Said;
use entente_protocol::record::Content;
use entente_protocol::root::LogRenewal;
use entente_protocol::signed::Unverified;
use entente_protocol::sync::Message;
use entente_protocol::verification::Stage;
use tokio::sync::oneshot;

use crate::api::types::{Explanation, PartnerSync};
use crate::desk::Person;
use crate::desk::journal::{Asked, Mark};
use crate::frames::KnownBlob;
use crate::ledger::LedgerError;
use crate::rows::RecordPlace;
use crate::settings::{PartnershipSettings, Usage};

use super::carry::{Carried, Plan, PlanAsked};
use super::decide::{Decided, Request};
use super::fence::Fenced;
use super::foresee::Foreseen;
use super::govern::GovernError;
use super::join::{Terms, Verdict};
use super::mailboxes::{MailboxError, ParcelPlan};
use super::office::Revoke;
use super::publish::PublishError;
use super::renew::{NextLog, RenewError};
use super::verify::{VerifyAct, VerifyError};

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Publishing.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// Membership.
    #[error(transparent)]
    Govern(#[from] GovernError),
    /// The store.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] crate::vault::VaultError),
    /// The verification of a member.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// Little room is left on the disk.
    #[error("the disk is nearly full: the room that is left is kept for what must be written")]
    DiskLow,
    /// The entry before this one could not be written, so this one was not either.
    #[error("an entry before this one could not be written, so this one was not stored")]
    OutOfOrder,
    /// The end of the own log may be lost.
    #[error(transparent)]
    Fenced(#[from] Fenced),
    /// A mailbox was not appointed or dismissed.
    #[error(transparent)]
    Mailbox(#[from] MailboxError),
    /// The log was not renewed.
    #[error(transparent)]
    Renew(#[from] RenewError),
    /// The partnership is being stopped.
    #[error("the node is stopping")]
    Stopping,
}

/// An answer to come.
pub type Reply<T> = oneshot::Sender<Result<T, CommandError>>;

/// One command.
pub enum Command {
    /// Share a record.
    Publish(Box<Publish>, Reply<Published>),
    /// Who would read it?
    Preview(Box<Content>, Audience, Reply<Foreseen>),
    /// Open a place.
    Invite {
        /// The role.
        role: Option<Role>,
        /// Days until it expires.
        days: u64,
        /// The answer.
        reply: Reply<InvitationMade>,
    },
    /// Decide something about the partnership, alone or by proposing it.
    Decide(Request, Reply<Decided>),
    /// Take acts that came in a file. Answers how many were new.
    TakeActs(Vec<Unverified<ActBody>>, Reply<usize>),
    /// Our acts for a file, all of them or those beyond some heads.
    GiveActs(oneshot::Sender<Vec<Unverified<ActBody>>>),
    /// Open a door for one more node of a member, for so many days.
    Office(OrgId, u64, Reply<InvitationMade>),
    /// Revoke a node.
    Revoke(Box<Revoke>, Reply<()>),
    /// Leave.
    Leave(Reply<()>),
    /// Somebody at the door of an invitation wants to know what it would sign.
    Terms(ActId, oneshot::Sender<Option<Terms>>),
    /// Somebody at the door of an invitation asks to be let in. Answered when there is a verdict.
    Ask(ActId, Unverified<ActBody>, oneshot::Sender<Verdict>),
    /// Make a new key for what all members read.
    Rotate(Reply<Rotated>),
    /// Which log is to follow the one that may not be gone on with?
    PrepareLog(Reply<NextLog>),
    /// Go on in it.
    RenewLog(Unverified<LogRenewal>, Reply<()>),
    /// How do things stand with each partner's node?
    Sync(oneshot::Sender<Vec<PartnerSync>>),
    /// Why does an organisation have a record, or not?
    Explain(RecordPlace, OrgId, oneshot::Sender<Explanation>),
    /// Acknowledge now whatever is due; how many entries that took.
    Acknowledge(Reply<usize>),
    /// What is held of which log, here and by connected partners?
    Held(oneshot::Sender<Held>),
    /// Keep what this node's keeper sets.
    Set(Box<PartnershipSettings>, Reply<()>),
    /// What is set, and what partners store here.
    Settings(oneshot::Sender<(PartnershipSettings, Usage)>),
    /// Fetch an attachment now, or (`false`) only say how far it is.
    Fetch(BlobId, bool, Reply<FetchState>),
    /// Say something about records to those who read a space.
    Say(SpaceId, Said, Reply<usize>),
    /// A person's step in the verification of a member.
    Verify(OrgId, VerifyAct, Reply<Stage>),
    /// What is a bundle for these to hold?
    PlanBundle(PlanAsked, Reply<Plan>),
    /// An epoch, for those of these nodes that may read it.
    EpochFor(EpochId, Vec<NodeId>, oneshot::Sender<Vec<Message>>),
    /// A message that a member's node said in a file.
    Carry(NodeId, Box<Message>, Reply<Carried>),
    /// Use an offered mailbox.
    Appoint(Box<Offer>, Reply<()>),
    /// Use a mailbox no more.
    Dismiss(TransportId, Reply<()>),
    /// Which mailboxes are used?
    Mailboxes(oneshot::Sender<Vec<Appointment>>),
    /// What is to lie in a mailbox?
    PlanVisit(oneshot::Sender<Vec<ParcelPlan>>),
    /// An attachment is here, all of it, brought in a file.
    AttachmentCame(Box<KnownBlob>),
    /// Try to reach everybody now.
    DialNow,
    /// Stop.
    Stop(oneshot::Sender<()>),
}

/// How far an attachment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchState {
    /// Is all of it here?
    pub complete: bool,
    /// Chunks that are here, as far as they were looked for.
    pub here: u64,
    /// Of these, those that partners sent since this node started.
    pub came: u64,
    /// All its chunks.
    pub chunks: u64,
    /// Partners that are asked for it now.
    pub sources: usize,
}

/// What is held of the logs of a partnership.
#[derive(Debug, Default)]
pub struct Held {
    /// Each log that is known here.
    pub logs: Vec<HeldLog>,
    /// What connected partners say that their copies hash to, and where they end.
    pub claims: Vec<Claim>,
}

/// A log that is known here.
#[derive(Debug, Clone)]
pub struct HeldLog {
    /// Its space.
    pub space: SpaceId,
    /// The log.
    pub log: LogId,
    /// Whose it is.
    pub owner: NodeId,
    /// The owner's organisation, where it is known.
    pub org: Option<OrgId>,
    /// Is it in a circle of named readers?
    pub circle: bool,
    /// How far it is held.
    pub head: Head,
}

/// What a connected partner's node says of its copy of a log.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    /// Whose copy.
    pub node: NodeId,
    /// Its organisation.
    pub org: OrgId,
    /// The space.
    pub space: SpaceId,
    /// The log.
    pub log: LogId,
    /// Where it ends, and what it hashes to.
    pub head: Head,
}

/// What is to be shared.
pub struct Publish {
    /// The record, its attachments already encrypted for this space.
    pub content: Content,
    /// For whom.
    pub audience: Audience,
    /// With the organisation, makes the record's id.
    pub nonce: [u8; 16],
    /// The draft that it is made from.
    pub draft: RecordId,
    /// Refuse unless exactly so many organisations could read it.
    pub expect_readers: Option<usize>,
    /// What several of the staff released, where it is shared because of that.
    pub released: Option<Box<Released>>,
}

/// What several of the staff released: refused unless readers and agreement are as they were, and over once it is
/// shared.
pub struct Released {
    /// What was asked.
    pub asked: Asked,
    /// Who released it.
    pub marks: Vec<Mark>,
    /// Who was the last.
    pub by: Person,
}

/// A record was shared, and is durable.
#[derive(Debug)]
pub struct Published {
    /// Its id.
    pub record: RecordId,
    /// Who can read it besides ourselves.
    pub readers: Vec<OrgId>,
    /// Partners' nodes it is being sent to now.
    pub sent_to: usize,
}

/// A new key was made.
#[derive(Clone, Copy, Debug)]
pub struct Rotated {
    /// The epoch.
    pub epoch: EpochId,
    /// Nodes that may have its key, this one included.
    pub nodes: usize,
}

/// An invitation was made.
#[derive(Debug)]
pub struct InvitationMade {
    /// Its text.
    pub text: String,
    /// Its role.
    pub role: Role,
    /// Until when.
    pub expires: Timestamp,
}
