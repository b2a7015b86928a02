//! The driver's part in the verification of persons: what people here begin, type and stop, and what partners'
//! nodes say about it. The rules are in `entente_protocol::verification`; what came of it lasts in the journal.

use std::time::Duration;

use entente_protocol::ids::{NodeId, OrgId};
use entente_protocol::sync::Message;
use entente_protocol::verification::{
    Effect, Ending, Nonce, Party, ShortCode, Stage, Typed, Verifier, VerifyMessage,
};
use tokio::time::Instant;

use crate::api::types;
use crate::clock::{self, SystemRandom};
use crate::frames::{Frame, Outcome, Verification};

use super::commands::{CommandError, Reply};
use super::courier::Job;
use super::driver::Driver;
use super::landing::Then;

/// The verifications of a partnership, with a clock that nobody can set.
pub(super) struct Verifying {
    verifier: Verifier,
    since: Instant,
}

/// What a person asks for.
#[derive(Clone, Copy, Debug)]
pub enum VerifyAct {
    /// How do things stand?
    Look,
    /// Begin, or take up what the other side began.
    Begin,
    /// Type what the other side read.
    Enter(ShortCode),
    /// Stop.
    Stop,
}

/// Why a person's step in a verification was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// It is us.
    #[error("this is our own organisation")]
    Ourselves,
    /// It is not a member now.
    #[error("the organisation is not a member of the partnership")]
    NotAMember,
    /// We are not a member.
    #[error("this organisation is not a member of the partnership")]
    WeAreNot,
    /// None of its nodes is connected.
    #[error("no node of the organisation is connected")]
    NotConnected,
    /// There is nothing to compare a code with.
    #[error("there are no codes now: {}", stage_words(.0))]
    NoCodes(Stage),
    /// What we read out ourselves was typed.
    #[error("that is the code that you read out yourself")]
    OwnCode,
    /// Another code was typed.
    #[error("that is not the code that their screen shows; tries left: {0}")]
    WrongCode(u8),
}

fn stage_words(stage: &Stage) -> &'static str {
    match stage {
        Stage::Idle => "nobody has begun",
        Stage::Asked => "the other side has begun, and waits for you to begin",
        Stage::Waiting => "the other side has not begun yet",
        Stage::Codes { .. } => "they have just come",
        Stage::Verified { .. } => "the right one was typed already",
        Stage::Ended(ending) => ending_words(*ending),
    }
}

/// Why a run is over, in words.
#[must_use]
pub fn ending_words(ending: Ending) -> &'static str {
    match ending {
        Ending::TimedOut => "it took longer than ten minutes",
        Ending::Stopped => "the other side stopped, or its node started again",
        Ending::BegunAgain => "the other side began anew, so these codes are worth nothing any more",
        Ending::WrongCodes => {
            "three wrong codes were typed: somebody may sit between you and them, and read other codes to each"
        }
        Ending::KeysDiffer => {
            "their node was shown other keys than yours: somebody may sit between you and them"
        }
    }
}

impl Verifying {
    pub(super) fn new(partnership: entente_protocol::ids::PartnershipId) -> Verifying {
        Verifying { verifier: Verifier::new(partnership), since: Instant::now() }
    }

    fn now(&self) -> Duration {
        self.since.elapsed()
    }
}

impl Driver {
    /// A person's step. With the right code the answer comes when the result is durable.
    pub(super) fn verify(&mut self, org: OrgId, act: VerifyAct, reply: Reply<Stage>) {
        let answer = match (self.may_verify(&org), act) {
            (Err(error), _) => Err(error),
            (Ok(()), VerifyAct::Look) => Ok(self.stage_with(&org)),
            (Ok(()), VerifyAct::Begin) => self.begin_verification(&org),
            (Ok(()), VerifyAct::Stop) => {
                for node in self.nodes_of_member(&org) {
                    let effects = self.verifying.verifier.stop(&node);
                    self.verification(effects);
                }
                Ok(self.stage_with(&org))
            }
            (Ok(()), VerifyAct::Enter(code)) => match self.enter_code(&org, code) {
                Ok(party) => return self.keep_verification(&party, Outcome::Codes, Some(reply)),
                Err(error) => Err(error),
            },
        };
        let _gone = reply.send(answer.map_err(CommandError::Verify));
    }

    fn may_verify(&self, org: &OrgId) -> Result<(), VerifyError> {
        if *org == self.state.me.org() {
            Err(VerifyError::Ourselves)
        } else if !self.state.is_member() {
            Err(VerifyError::WeAreNot)
        } else if !self.state.membership.is_member(org) {
            Err(VerifyError::NotAMember)
        } else {
            Ok(())
        }
    }

    /// Of several nodes of the organisation, the one that asks is meant; otherwise one that is connected.
    fn begin_verification(&mut self, org: &OrgId) -> Result<Stage, VerifyError> {
        let nodes = self.nodes_of_member(org);
        let stage = |node: &NodeId| self.verifying.verifier.stage(node);
        let with_codes = nodes.iter().find(|node| matches!(stage(node), Stage::Codes { .. }));
        let asks = nodes.iter().find(|node| self.verifying.verifier.asks(node));
        let waits = nodes.iter().find(|node| matches!(stage(node), Stage::Waiting));
        let here = nodes.iter().find(|node| self.couriers.contains_key(*node));
        let node = with_codes.or(asks).or(waits).or(here).copied().ok_or(VerifyError::NotConnected)?;
        for other in nodes.iter().filter(|other| **other != node) {
            let effects = self.verifying.verifier.stop(other);
            self.verification(effects);
        }
        let (Some(us), Some(them)) = (self.our_party(), self.party(&node)) else {
            return Err(VerifyError::WeAreNot);
        };
        let mut nonce = Nonce::default();
        rand_core::Rng::fill_bytes(&mut SystemRandom, &mut *nonce);
        let now = self.verifying.now();
        let effects = self.verifying.verifier.begin(&us, them, nonce, now);
        self.verification(effects);
        Ok(self.verifying.verifier.stage(&node))
    }

    fn enter_code(&mut self, org: &OrgId, code: ShortCode) -> Result<Party, VerifyError> {
        let now = self.verifying.now();
        let effects = self.verifying.verifier.expire(now);
        self.verification(effects);
        let nodes = self.nodes_of_member(org);
        let has_codes = |node: &&NodeId| matches!(self.verifying.verifier.stage(node), Stage::Codes { .. });
        let Some(node) = nodes.iter().find(has_codes) else {
            return Err(VerifyError::NoCodes(self.stage_with(org)));
        };
        let (typed, effects) = self.verifying.verifier.typed(node, code, now);
        self.verification(effects);
        match typed {
            // Acts that came meanwhile may have taken the node out, or given it other keys.
            Typed::Right(party) if self.party(node) == Some(party) => Ok(party),
            Typed::Right(_) | Typed::NoCodes => Err(VerifyError::NoCodes(self.stage_with(org))),
            Typed::Own => Err(VerifyError::OwnCode),
            Typed::Wrong { tries } => Err(VerifyError::WrongCode(tries)),
        }
    }

    /// How things stand with an organisation: of several nodes, the one that is furthest.
    fn stage_with(&self, org: &OrgId) -> Stage {
        let rank = |stage: &Stage| match stage {
            Stage::Codes { .. } => 5,
            Stage::Waiting => 4,
            Stage::Asked => 3,
            Stage::Ended(_) => 2,
            Stage::Verified { .. } => 1,
            Stage::Idle => 0,
        };
        let nodes = self.nodes_of_member(org);
        let stages = nodes.iter().map(|node| self.verifying.verifier.stage(node));
        stages.max_by_key(rank).unwrap_or(Stage::Idle)
    }

    fn nodes_of_member(&self, org: &OrgId) -> Vec<NodeId> {
        let member = self.state.membership.members.get(org);
        member.map(|member| member.nodes.keys().copied().collect()).unwrap_or_default()
    }

    fn our_party(&self) -> Option<Party> {
        self.party(&self.state.me.node())
    }

    fn party(&self, node: &NodeId) -> Option<Party> {
        let (org, of) = self.state.membership.node(node)?;
        Some(Party { org, node: *node, transport: of.card.transport, log: of.card.log })
    }

    /// A partner's node said something about a verification.
    pub(super) fn about_verification(&mut self, from: NodeId, message: &VerifyMessage) {
        let (Some(us), Some(them)) = (self.our_party(), self.party(&from)) else { return };
        // Two offices of ours do not verify each other: the root key certifies both.
        if them.org == us.org {
            return;
        }
        let now = self.verifying.now();
        let effects = self.verifying.verifier.received(&us, them, message, now);
        self.verification(effects);
    }

    /// A node is connected anew.
    pub(super) fn resume_verification(&mut self, node: &NodeId) {
        let now = self.verifying.now();
        let effects = self.verifying.verifier.connected(node, now);
        self.verification(effects);
    }

    /// A node is gone for now.
    pub(super) fn pause_verification(&mut self, node: &NodeId) {
        let effects = self.verifying.verifier.disconnected(node);
        self.verification(effects);
    }

    /// Time passed.
    pub(super) fn expire_verifications(&mut self) {
        let now = self.verifying.now();
        let effects = self.verifying.verifier.expire(now);
        self.verification(effects);
    }

    /// Members came or went.
    pub(super) fn forget_verifications(&mut self) {
        let membership = &self.state.membership;
        self.verifying.verifier.keep(|node| membership.node(node).is_some());
    }

    fn verification(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(to, message) => self.send(to, Job::Message(Message::Verify(message))),
                Effect::Changed(node) => {
                    if let Some(org) = self.state.org_of(&node) {
                        self.tell_verification(org);
                    }
                }
                Effect::Suspect(party) => {
                    let outcome = match self.verifying.verifier.stage(&party.node) {
                        Stage::Ended(Ending::KeysDiffer) => Outcome::KeysDiffer,
                        _ => Outcome::WrongCodes,
                    };
                    self.keep_verification(&party, outcome, None);
                }
            }
        }
    }

    /// Tells the API's listeners that something about the verification of an organisation is new.
    pub(super) fn tell_verification(&self, organisation: OrgId) {
        let event = types::Event::Verification { partnership: self.state.id, organisation };
        let _nobody_listens = self.shared.events.send(event);
    }

    fn keep_verification(&mut self, with: &Party, outcome: Outcome, reply: Option<Reply<Stage>>) {
        let member = self.state.membership.members.get(&with.org);
        let verification = Verification {
            partnership: self.state.id,
            org: with.org,
            name: member.map(|m| m.organisation.name.clone()).unwrap_or_default(),
            nodes: self.nodes_of_member(&with.org),
            outcome,
            when: clock::now(),
        };
        let stage = self.stage_with(&with.org);
        self.append(vec![Frame::Verified(verification)], Then::Verified(stage, reply));
    }
}
