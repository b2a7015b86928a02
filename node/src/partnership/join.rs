//! Joining: what is said through the one-use door of an invitation.
//!
//! ```text
//!  joiner                                   inviter
//!    │ ── Look ───────────────────────────▶  │
//!    │ ◀─────────── Terms (found, invite) ── │     the joiner reads the agreement
//!    │ ── Ask (join act, signed) ─────────▶  │
//!    │ ◀──────────────────────── Waiting ── │     until a steward approves
//!    │ ◀──────────────── Acts … Welcome ─── │     all acts, an epoch, its slot, door keys
//! ```
//! The joiner checks that the founding act hashes to the partnership that the invitation names, and that
//! the act that invites is signed by the organisation that the invitation names.

use std::time::Duration;

use entente_protocol::agreement::Agreement;
use entente_protocol::codec::{self, Wire};
use entente_protocol::derive;
use entente_protocol::epoch::{EpochHeader, Slot};
use entente_protocol::identity::Introduction;
use entente_protocol::ids::ActId;
use entente_protocol::invitation::Invitation;
use entente_protocol::limits;
use entente_protocol::membership::{Act, ActBody, VerifiedAct, verify_act};
use entente_protocol::signed::Unverified;
use minicbor::{Decode, Encode};
use tokio::sync::{mpsc, oneshot};

use crate::address::Address;
use crate::door::{Door, DoorKey, DoorStream, KnockError, Registration, Way, knock, recv_msg, send_msg};

use crate::secrets::Secret;

use super::commands::Command;
use super::driver::DOOR_KEYS;

/// One message through the door of an invitation.
#[derive(Clone, Debug, Encode, Decode)]
pub enum JoinMessage {
    /// What would I sign?
    #[n(0)]
    Look,
    /// This.
    #[n(1)]
    Terms(#[n(0)] Box<Terms>),
    /// Let me in: a signed join act.
    #[n(2)]
    Ask(#[n(0)] Unverified<ActBody>),
    /// A steward has to approve.
    #[n(3)]
    Waiting,
    /// Acts of the partnership, in causal order; several of these may come.
    #[n(4)]
    Acts(#[n(0)] Vec<Unverified<ActBody>>),
    /// You are in: the epoch of all members, your slot, and the door keys of epochs before it.
    #[n(5)]
    Welcome(#[n(0)] Unverified<EpochHeader>, #[n(1)] Slot, #[n(2)] Vec<Secret>),
    /// No.
    #[n(6)]
    Refused(#[n(0)] Refusal),
}

impl Wire for JoinMessage {
    const WHAT: &'static str = "join message";
    const MAX: usize = limits::MAX_SYNC_MESSAGE;
}

/// What joining would mean.
#[derive(Clone, Debug, Encode, Decode)]
pub struct Terms {
    /// The founding act, with the agreement.
    #[n(0)]
    pub found: Unverified<ActBody>,
    /// The act that invites, or opens a door for one more node of a member.
    #[n(1)]
    pub invite: Unverified<ActBody>,
    /// Who invites.
    #[n(2)]
    pub inviter: Introduction,
    /// The text of the agreement in force, where it is not the one that was founded on.
    #[n(3)]
    pub amended: Option<String>,
}

/// Why an invitation cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Refusal {
    /// Stable code: `expired`, `used`, `void`.
    #[n(0)]
    pub code: String,
    /// In words.
    #[n(1)]
    pub reason: String,
}

/// What the inviter's node says to a join.
pub enum Verdict {
    /// It waits; the receiver yields when a steward has decided.
    Waiting(oneshot::Receiver<Welcome>),
    /// It is a member.
    Welcome(Welcome),
    /// It cannot be.
    Refused(Refusal),
}

/// What a new member gets.
#[derive(Clone)]
pub struct Welcome {
    /// All acts in causal order, in slices that fit a message.
    pub acts: Vec<Vec<Unverified<ActBody>>>,
    /// The epoch of all members.
    pub header: Unverified<EpochHeader>,
    /// The new member's slot.
    pub slot: Slot,
    /// Door keys to knock with at members whom this epoch did not reach. They open nothing that was written.
    pub doors: Vec<Secret>,
}

/// How long to wait for the other side to say something.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a joiner may hold the line while it waits for approval; it calls again.
const HOLD: Duration = Duration::from_secs(600);
/// Acts that a joiner takes; each slice is a message.
const SLICES: usize = 1 + limits::MAX_ACTS * limits::MAX_ACT / limits::MAX_SYNC_MESSAGE;
/// Lines that may be held at one invitation's door.
const LINES: usize = 4;

/// Serves the door of one invitation until the driver stops it.
pub async fn serve(mut registration: Registration, invitation: ActId, driver: mpsc::Sender<Command>) {
    let lines = std::sync::Arc::new(tokio::sync::Semaphore::new(LINES));
    while let Some((stream, _)) = registration.next().await {
        let Ok(line) = lines.clone().try_acquire_owned() else { continue };
        let driver = driver.clone();
        tokio::spawn(async move {
            let _line = line;
            let _ended = tokio::time::timeout(HOLD, answer(stream, invitation, driver)).await;
        });
    }
}

async fn answer(mut stream: DoorStream, invitation: ActId, driver: mpsc::Sender<Command>) -> Option<()> {
    loop {
        match receive(&mut stream, PATIENCE).await.ok()? {
            JoinMessage::Look => {
                let (reply, terms) = oneshot::channel();
                driver.send(Command::Terms(invitation, reply)).await.ok()?;
                let message = match terms.await.ok()? {
                    Some(terms) => JoinMessage::Terms(Box::new(terms)),
                    None => JoinMessage::Refused(Refusal {
                        code: "expired".into(),
                        reason: "the invitation is no longer open".into(),
                    }),
                };
                send(&mut stream, &message).await.ok()?;
            }
            JoinMessage::Ask(act) => {
                let (reply, verdict) = oneshot::channel();
                driver.send(Command::Ask(invitation, act, reply)).await.ok()?;
                return decide(&mut stream, verdict.await.ok()?).await;
            }
            _ => return None,
        }
    }
}

async fn decide(stream: &mut DoorStream, verdict: Verdict) -> Option<()> {
    let welcome = match verdict {
        Verdict::Refused(refusal) => return send(stream, &JoinMessage::Refused(refusal)).await.ok(),
        Verdict::Welcome(welcome) => welcome,
        Verdict::Waiting(decided) => {
            send(stream, &JoinMessage::Waiting).await.ok()?;
            decided.await.ok()?
        }
    };
    for slice in welcome.acts {
        send(stream, &JoinMessage::Acts(slice)).await.ok()?;
    }
    send(stream, &JoinMessage::Welcome(welcome.header, welcome.slot, welcome.doors)).await.ok()?;
    // The joiner hangs up when it has read everything; hanging up first could cut it short.
    let _hung_up = receive(stream, PATIENCE).await;
    Some(())
}

/// Why a join did not go on.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// No address answered.
    #[error("nobody answers at {addresses}: {last}")]
    NobodyAnswers {
        /// What was tried.
        addresses: String,
        /// The last attempt.
        last: KnockError,
    },
    /// The invitation names no address.
    #[error("the invitation names no usable address")]
    NoAddress,
    /// The line broke.
    #[error("the connection to the inviter broke off: {0}")]
    Broken(String),
    /// The inviter's node said no.
    #[error("{}", .0.reason)]
    Refused(Refusal),
    /// What it showed is not what the invitation promises.
    #[error("the inviter's node does not prove what the invitation says: {0}")]
    Unproven(&'static str),
}

/// The terms, checked against the invitation.
pub struct CheckedTerms {
    /// The founding act.
    pub found: VerifiedAct,
    /// The act that invites.
    pub invite: VerifiedAct,
    /// The inviter's organisation.
    pub inviter: entente_protocol::identity::Introduced,
    /// The agreement in force, by the inviter's word: whether it is, the acts prove once they are here, and a
    /// join that signed another text is void.
    pub agreement: Agreement,
}

/// Asks the inviter what joining would mean.
///
/// # Errors
/// [`JoinError`].
pub async fn look(way: &Way, invitation: &Invitation) -> Result<(CheckedTerms, DoorStream), JoinError> {
    let mut stream = reach(way, invitation).await?;
    send(&mut stream, &JoinMessage::Look).await?;
    match receive(&mut stream, PATIENCE).await? {
        JoinMessage::Terms(terms) => Ok((check(invitation, &terms)?, stream)),
        JoinMessage::Refused(refusal) => Err(JoinError::Refused(refusal)),
        _ => Err(JoinError::Broken("an unexpected answer".into())),
    }
}

fn check(invitation: &Invitation, terms: &Terms) -> Result<CheckedTerms, JoinError> {
    let found = verify_act(&terms.found).map_err(|_| JoinError::Unproven("the founding act"))?;
    if derive::partnership_id(&found.id()) != invitation.partnership {
        return Err(JoinError::Unproven("another partnership"));
    }
    let invite = verify_act(&terms.invite).map_err(|_| JoinError::Unproven("the invitation's act"))?;
    let inviter = terms.inviter.verify().map_err(|_| JoinError::Unproven("who invites"))?;
    let door = match &invite.body().act {
        Act::Invite(place) => place.door,
        Act::Office(office) => office.door,
        _ => return Err(JoinError::Unproven("no invitation")),
    };
    let by_inviter = invite.body().org == invitation.organisation
        && inviter.org() == invitation.organisation
        && inviter.node() == invite.body().author;
    let this_one = invite.id() == invitation.act
        && invite.body().partnership == Some(invitation.partnership)
        && door == derive::door_commitment(&invitation.door());
    if by_inviter && this_one {
        let agreement = match &terms.amended {
            Some(text) => Agreement::parse(text).ok(),
            None => found.agreement().cloned(),
        };
        let agreement = agreement.ok_or(JoinError::Unproven("the agreement in force"))?;
        Ok(CheckedTerms { found, invite, inviter, agreement })
    } else {
        Err(JoinError::Unproven("another invitation"))
    }
}

/// What came of asking.
pub enum Asked {
    /// A steward has to approve. Reading on the stream goes on until the verdict.
    Waiting(Box<DoorStream>),
    /// In: all acts, the epoch and our slot.
    Welcome(Box<Welcome>),
}

/// Asks to be let in.
///
/// # Errors
/// [`JoinError`].
pub async fn ask(mut stream: DoorStream, act: Unverified<ActBody>) -> Result<Asked, JoinError> {
    send(&mut stream, &JoinMessage::Ask(act)).await?;
    match receive(&mut stream, PATIENCE).await? {
        JoinMessage::Waiting => Ok(Asked::Waiting(Box::new(stream))),
        first => welcomed(&mut stream, first).await.map(|w| Asked::Welcome(Box::new(w))),
    }
}

/// Waits on the line for the verdict.
///
/// # Errors
/// [`JoinError`]; call again later then.
pub async fn wait(mut stream: DoorStream) -> Result<Welcome, JoinError> {
    let first = receive(&mut stream, HOLD).await?;
    welcomed(&mut stream, first).await
}

async fn welcomed(stream: &mut DoorStream, first: JoinMessage) -> Result<Welcome, JoinError> {
    let mut acts = Vec::new();
    let mut message = first;
    loop {
        match message {
            JoinMessage::Acts(slice) if acts.len() < SLICES => acts.push(slice),
            JoinMessage::Welcome(header, slot, mut doors) => {
                doors.truncate(DOOR_KEYS);
                return Ok(Welcome { acts, header, slot, doors });
            }
            JoinMessage::Refused(refusal) => return Err(JoinError::Refused(refusal)),
            _ => return Err(JoinError::Broken("an unexpected answer".into())),
        }
        message = receive(stream, PATIENCE).await?;
    }
}

/// Knocks at each address of the invitation until one opens.
///
/// # Errors
/// [`JoinError::NobodyAnswers`] or [`JoinError::NoAddress`].
pub async fn reach(way: &Way, invitation: &Invitation) -> Result<DoorStream, JoinError> {
    let (key, way) = (DoorKey(invitation.door()), way.apart(&invitation.partnership.0));
    let mut last = None;
    for address in &invitation.addresses {
        let Ok(address) = address.parse::<Address>() else { continue };
        match knock(&way, &address, &key, &invitation.inviter).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Some(error),
        }
    }
    match last {
        Some(last) => Err(JoinError::NobodyAnswers { addresses: invitation.addresses.join(", "), last }),
        None => Err(JoinError::NoAddress),
    }
}

/// Opens the door of an invitation.
#[must_use]
pub fn open_door(
    door: &Door,
    key: entente_protocol::derive::Key,
    me: entente_protocol::ids::TransportId,
) -> Registration {
    door.register(&DoorKey(key), me)
}

async fn send(stream: &mut DoorStream, message: &JoinMessage) -> Result<(), JoinError> {
    let max = u32::try_from(limits::MAX_SYNC_MESSAGE).unwrap_or(u32::MAX);
    send_msg(stream, &codec::encode(message), max).await.map_err(|e| JoinError::Broken(e.to_string()))
}

async fn receive(stream: &mut DoorStream, patience: Duration) -> Result<JoinMessage, JoinError> {
    let max = u32::try_from(limits::MAX_SYNC_MESSAGE).unwrap_or(u32::MAX);
    let bytes = recv_msg(stream, max, patience)
        .await
        .map_err(|e| JoinError::Broken(e.to_string()))?
        .ok_or_else(|| JoinError::Broken("the other side hung up".into()))?;
    codec::decode(&bytes).map_err(|e| JoinError::Broken(e.to_string()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ed25519_dalek::SigningKey;
    use entente_protocol::agreement::Form;
    use entente_protocol::agreement::templates::template;
    use entente_protocol::derive::Key;
    use entente_protocol::identity::{Introduced, OrgKind, introduce};
    use entente_protocol::ids::{NodeId, Timestamp, TransportId};
    use entente_protocol::membership::acts::{self, Author, Founding};
    use zeroize::Zeroizing;

    use super::*;
    use crate::me::Me;
    use crate::secrets::PartnershipSecrets;

    struct Inviter {
        me: Me,
        found: VerifiedAct,
        invite: VerifiedAct,
        door: Key,
    }

    fn introduced(root: u8, node: &SigningKey) -> Introduced {
        let id = NodeId(node.verifying_key().to_bytes());
        introduce(&SigningKey::from_bytes(&[root; 32]), "An NPM", OrgKind::Npm, "GE", id, Timestamp(1))
            .unwrap()
    }

    fn inviter(root: u8) -> Inviter {
        let key = SigningKey::from_bytes(&[root + 1; 32]);
        let me = Me { introduced: introduced(root, &key), key };
        let secrets = PartnershipSecrets::fresh(acts::NOT_YET).unwrap();
        let card = super::super::card(&me, &secrets, acts::NOT_YET, &[]).unwrap();
        let said = Founding {
            name: "Prevention",
            agreement: template(Form::Formal),
            role: "npm".parse().unwrap(),
            nonce: [root; 16],
            time: Timestamp(2),
            declaration: None,
        };
        let found = acts::found(&me.key, &me.introduced, card, said).unwrap();
        let door = Zeroizing::new([root + 2; 32]);
        let author = Author {
            partnership: found.partnership(),
            org: me.org(),
            node: &me.key,
            parents: vec![found.id()],
            time: Timestamp(3),
        };
        let place = acts::Invite {
            door: derive::door_commitment(&door),
            role: "cso".parse().unwrap(),
            steward: false,
            expires: Timestamp(4),
        };
        let invite = acts::invite(author, place).unwrap();
        Inviter { me, found, invite, door }
    }

    fn invitation(of: &Inviter) -> Invitation {
        let whom = (TransportId([1; 32]), of.me.org());
        Invitation::new(of.found.partnership(), of.invite.id(), &of.door, whom, vec![], Timestamp(4))
    }

    fn terms(of: &Inviter) -> Terms {
        Terms {
            found: of.found.signed().to_unverified(),
            invite: of.invite.signed().to_unverified(),
            inviter: of.me.introduced.to_introduction(),
            amended: None,
        }
    }

    #[test]
    fn the_terms_must_prove_what_the_invitation_says() {
        let (real, other) = (inviter(10), inviter(20));
        let good = invitation(&real);
        assert!(check(&good, &terms(&real)).is_ok());
        let wrong = [
            ("another partnership's founding act", Terms { found: terms(&other).found, ..terms(&real) }),
            ("another invitation", Terms { invite: terms(&other).invite, ..terms(&real) }),
            ("somebody else invites", Terms { inviter: terms(&other).inviter, ..terms(&real) }),
            ("no invitation at all", Terms { invite: terms(&real).found, ..terms(&real) }),
            ("everything is another's", terms(&other)),
        ];
        for (what, terms) in wrong {
            assert!(matches!(check(&good, &terms), Err(JoinError::Unproven(_))), "{what}");
        }
    }

    #[test]
    fn the_door_key_of_the_text_must_be_the_one_that_was_signed_for() {
        let real = inviter(10);
        let forged = Inviter { door: Zeroizing::new([99; 32]), ..inviter(10) };
        assert!(matches!(check(&invitation(&forged), &terms(&real)), Err(JoinError::Unproven(_))));
    }

    /// A line between two nodes through a real door.
    async fn line() -> (DoorStream, DoorStream) {
        let door = Door::open("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let (key, whom) = (DoorKey(Zeroizing::new([5; 32])), TransportId([6; 32]));
        let mut registration = door.register(&key, whom);
        let (way, near) = (Way::new(None).unwrap(), door.local_addr().into());
        let (near, far) = tokio::join!(knock(&way, &near, &key, &whom), registration.next());
        (near.unwrap(), far.unwrap().0)
    }

    #[tokio::test]
    async fn an_inviter_that_sends_something_else_than_a_verdict_is_not_followed() {
        let (mut near, mut far) = line().await;
        for message in [JoinMessage::Look, JoinMessage::Waiting] {
            send(&mut far, &message).await.unwrap();
            let first = receive(&mut near, PATIENCE).await.unwrap();
            assert!(matches!(welcomed(&mut near, first).await, Err(JoinError::Broken(_))));
        }
        let refusal = Refusal { code: "used".into(), reason: "it was used".into() };
        send(&mut far, &JoinMessage::Refused(refusal.clone())).await.unwrap();
        let first = receive(&mut near, PATIENCE).await.unwrap();
        assert!(matches!(welcomed(&mut near, first).await, Err(JoinError::Refused(r)) if r == refusal));
    }

    #[tokio::test]
    async fn an_inviter_cannot_make_the_joiner_read_acts_without_end() {
        let (mut near, mut far) = line().await;
        let sender = tokio::spawn(async move {
            for _ in 0..=SLICES + 1 {
                if send(&mut far, &JoinMessage::Acts(Vec::new())).await.is_err() {
                    return;
                }
            }
        });
        let first = receive(&mut near, PATIENCE).await.unwrap();
        assert!(matches!(welcomed(&mut near, first).await, Err(JoinError::Broken(_))));
        drop(near);
        sender.await.unwrap();
    }
}
