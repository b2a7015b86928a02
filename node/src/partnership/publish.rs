//! The way of a record out of this node, top to bottom.
//!
//! ```text
//! draft ──permit──▶ strip ──epoch──▶ sign at the next position ──seal──▶ append to own log ──journal──▶ announce
//! ```

use entente_protocol::audience::Audience;
use entente_protocol::codec;
use entente_protocol::envelope::{self, Place};
use entente_protocol::epoch::EpochError;
use entente_protocol::ids::{LogId, OrgId, RecordId, SpaceId, Timestamp};
use entente_protocol::log::{self, Head};
use entente_protocol::notice::NoticeError;
use entente_protocol::policy::{Permitted, RecordFacts, Refusal};
use entente_protocol::record::{Content, RecordError, sign_record};
use entente_protocol::value::Value;
use entente_protocol::{derive, kinds, schema};

use crate::clock::SystemRandom;
use crate::frames::{CircleLog, Frame, KnownBlob};
use crate::rows::Circle;

use super::epochs::{self, Writable};
use super::ring::Terms;
use super::standing;
use super::state::{Log, State};
use super::trust;

/// A record on its way into the journal.
pub struct Publication {
    /// Its id in this partnership.
    pub record: RecordId,
    /// Who can read it besides ourselves.
    pub readers: Vec<OrgId>,
    /// What goes into the journal, in order; the last is the entry.
    pub frames: Vec<Frame>,
    /// The epoch, if it was minted for this: its key must be in the vault before the frames are written.
    pub minted: Option<Box<Writable>>,
}

/// Why a record was not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The agreement, or a rule of confidentiality.
    #[error("the agreement does not permit it")]
    Refused(Vec<Refusal>),
    /// The number of readers is not what the caller expects.
    #[error("{found} organisations could read it, and {expected} were expected")]
    OtherReaders {
        /// What was expected.
        expected: usize,
        /// What it is.
        found: usize,
    },
    /// Several released it for these readers, under this agreement.
    #[error("readers or agreement are not those that it was released for any more")]
    NotAsReleased,
    /// We are no member.
    #[error("this organisation is not a member of the partnership")]
    NotAMember,
    /// Over a limit.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Partners hold the proof that our log has two versions, and take nothing more of it.
    #[error(
        "partners hold the proof that this node signed two different entries at one position of its log: they take \
         nothing more of it"
    )]
    Forked,
    /// A partner's key cannot be used.
    #[error("no key could be made for these readers: {0}")]
    Epoch(#[from] EpochError),
    /// The envelope.
    #[error(transparent)]
    Envelope(#[from] envelope::EnvelopeError),
    /// The words of a notice.
    #[error(transparent)]
    Notice(#[from] NoticeError),
    /// The log.
    #[error(transparent)]
    Log(#[from] log::LogError),
}

/// May this be shared so, and who would read it? Asks the same function that publishing and receiving ask, and
/// whether the keys of a reader changed since a person verified them (R-VER-6).
///
/// # Errors
/// [`PublishError::Refused`] with every reason, or [`PublishError::NotAMember`].
pub fn permit(
    state: &State,
    content: &Content,
    audience: &Audience,
    now: Timestamp,
) -> Result<Permitted, PublishError> {
    if !state.is_member() {
        return Err(PublishError::NotAMember);
    }
    let facts = RecordFacts {
        kind: content.kind.clone(),
        author: state.me.org(),
        audience: audience.clone(),
        sensitivity: content.sensitivity,
        handling: content.handling.clone(),
        created: content.created,
        attachments: content.attachments.len(),
        personal: schema::personal_fields(&content.kind, shared_fields(content)),
        publication: schema::is_publication(&content.kind, shared_fields(content)),
    };
    let mut refusals = standing::stopped(&state.membership);
    refusals.extend(standing::undeclared(&state.membership, &state.me.org(), audience, now));
    refusals.extend(trust::refusals(state, audience));
    let membership = &state.membership;
    let terms = Terms::of(membership, |org| membership.may_read(org, now).is_ok());
    match terms.permit(&facts) {
        Ok(permitted) if refusals.is_empty() => Ok(permitted),
        Ok(_) => Err(PublishError::Refused(refusals)),
        Err(more) => {
            refusals.extend(more);
            Err(PublishError::Refused(refusals))
        }
    }
}

/// The fields that do not stay at home.
pub fn shared_fields(content: &Content) -> impl Iterator<Item = &(String, Value)> {
    content.fields.iter().filter(|(name, _)| !kinds::stays_at_home(name))
}

/// The fields that stay at home (rule C2), as they are removed from `content`.
pub fn strip(content: &mut Content) -> Vec<String> {
    let stripped = private_fields(content);
    content.fields.retain(|(name, _)| !kinds::stays_at_home(name));
    stripped
}

/// The names of the fields that sharing would leave out.
#[must_use]
pub fn private_fields(content: &Content) -> Vec<String> {
    content.fields.iter().map(|(name, _)| name).filter(|name| kinds::stays_at_home(name)).cloned().collect()
}

/// Makes a publication of a draft; the state's log head moves on, the journal is for the caller.
///
/// # Errors
/// [`PublishError`]; then nothing was changed.
pub fn publish(
    state: &mut State,
    mut content: Content,
    audience: Audience,
    nonce: [u8; 16],
    now: Timestamp,
) -> Result<Publication, PublishError> {
    let permitted = permit(state, &content, &audience, now)?;
    strip(&mut content);
    let (space, circle) = state.space_of(&audience);
    let writable = epochs::writable(state, &space, circle.as_deref(), now);

    let key = state.log_key(&space);
    let log = LogId(key.verifying_key().to_bytes());
    if state.forks.contains_key(&(space, log)) {
        return Err(PublishError::Forked);
    }
    let head = state.logs.get(&(space, log)).map_or(Head::EMPTY, |l| l.queued);
    let place = (state.id, audience, log, head.next);
    let parts = sign_record(&content, state.me.org(), &state.me.key, nonce, place, &mut SystemRandom)?;
    let record = derive::record_id(&state.me.org(), &nonce);

    let place = Place { space, log, seq: head.next, epoch: writable.id };
    let payload = envelope::seal(&codec::encode(&parts), &place, &writable.epoch.key, &mut SystemRandom)?;
    let (entry, next) = log::append(&head, space, &key, writable.id, payload, now)?;

    let mut frames = new_circle_log(state, space, circle, log);
    if writable.minted {
        frames.push(epochs::frame(state.id, &writable.epoch));
    }
    frames.extend(content.attachments.iter().map(|attachment| {
        Frame::Blob(KnownBlob {
            blob: attachment.blob,
            place: Some((state.id, space)),
            size: attachment.size,
            complete: true,
            record: Some(record),
        })
    }));
    frames.push(Frame::Entry(state.id, entry, now));
    if let Some(own) = state.logs.get_mut(&(space, log)) {
        own.queued = next;
    }
    Ok(Publication {
        record,
        readers: permitted.readers().iter().copied().collect(),
        frames,
        minted: writable.minted.then(|| Box::new(writable)),
    })
}

/// The first record in a circle opens our log there.
pub(super) fn new_circle_log(
    state: &mut State,
    space: SpaceId,
    circle: Option<Vec<OrgId>>,
    log: LogId,
) -> Vec<Frame> {
    let Some(orgs) = circle else { return Vec::new() };
    if state.logs.contains_key(&(space, log)) {
        return Vec::new();
    }
    let certificate = state.log_certificate(space);
    let owner = state.me.node();
    let circle = Circle { orgs: orgs.clone(), certificate: certificate.clone() };
    state.logs.insert((space, log), Log::new(owner, Some(circle), Head::EMPTY));
    vec![Frame::Log(CircleLog { partnership: state.id, space, circle: orgs, log, owner, certificate })]
}
