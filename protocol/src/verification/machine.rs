//! The state machine: what a person begins, types and stops, and what partners' nodes say, in; messages and
//! outcomes, out. Time is handed in, as whatever passed since some moment: no clock is asked.

use core::time::Duration;
use std::collections::BTreeMap;

use crate::ids::{Hash, NodeId, PartnershipId};
use crate::limits;

use super::code::{Codes, Nonce, Party, ShortCode, commitment};
use super::message::VerifyMessage;

/// From beginning to end, a run takes no longer.
const LIFETIME: Duration = Duration::from_secs(limits::VERIFICATION_SECONDS);
/// At least so long between two announcements that the same partner asks.
const PAUSE: Duration = Duration::from_secs(limits::VERIFICATION_PAUSE_SECONDS);

/// All verifications of one node in one partnership: at most one open run with each partner's node.
pub struct Verifier {
    partnership: PartnershipId,
    peers: BTreeMap<NodeId, Peer>,
}

/// How things stand with one partner's node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Nobody asks for anything.
    Idle,
    /// A person at the other side has begun, and nobody here.
    Asked,
    /// A person here has begun; the other side has not, or its nonce is on its way.
    Waiting,
    /// Both can read and type.
    Codes {
        /// What to read out.
        read: ShortCode,
        /// Wrong codes that may still be typed.
        tries: u8,
    },
    /// The right code was typed here. What this side reads stays good for the other one.
    Verified {
        /// What to read out.
        read: ShortCode,
    },
    /// It is over without success, for this reason.
    Ended(Ending),
}

/// Why a run is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// Ten minutes passed.
    TimedOut,
    /// The person at the other side stopped, or its node started again.
    Stopped,
    /// The other side began another run after both nonces were known. A person must decide to go on.
    BegunAgain,
    /// Three wrong codes were typed here.
    WrongCodes,
    /// The other side's nonce is not what it committed to: the two nodes were shown different keys.
    KeysDiffer,
}

impl Ending {
    /// Must a person hear of it, whatever the other side says next?
    fn needs_a_person(self) -> bool {
        self.is_suspect() || self == Ending::BegunAgain
    }

    /// Is it a reason to suspect that somebody sits between the two?
    #[must_use]
    pub fn is_suspect(self) -> bool {
        matches!(self, Ending::WrongCodes | Ending::KeysDiffer)
    }
}

/// What came of typing a code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Typed {
    /// It is the other side's: these keys are genuine.
    Right(Party),
    /// It is not. So many tries remain; with 0 the run is over.
    Wrong {
        /// Tries that remain.
        tries: u8,
    },
    /// It is the code that this side reads out. Not counted: it helps nobody.
    Own,
    /// There is no code to be compared with: see [`Verifier::stage`].
    NoCodes,
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Send a message.
    Send(NodeId, VerifyMessage),
    /// The stage with this node is another: tell whoever watches.
    Changed(NodeId),
    /// The run with this party ended in a way that is a reason for suspicion: remember that.
    Suspect(Party),
}

#[derive(Default)]
struct Peer {
    /// The commitment of a run that it began and nobody here yet, and since when.
    asks: Option<(Hash, Duration)>,
    /// When we were last told that it asks.
    announced: Option<Duration>,
    /// Its commitment in the last run that is over: said again, it means nothing.
    spent: Option<Hash>,
    run: Option<Run>,
    /// How the last run ended, and when.
    ended: Option<(Ending, Duration)>,
}

/// A run that a person here has begun.
struct Run {
    with: Party,
    nonce: Nonce,
    commitment: Hash,
    since: Duration,
    progress: Progress,
}

enum Progress {
    /// Committed.
    Waiting,
    /// Both committed, and ours is revealed.
    Revealed { theirs: Hash },
    /// Both revealed.
    Codes { theirs: Hash, codes: Codes, tries: u8 },
    /// The right code was typed.
    Verified { theirs: Hash, read: ShortCode },
}

impl Verifier {
    /// Nothing is under way yet.
    #[must_use]
    pub fn new(partnership: PartnershipId) -> Verifier {
        Verifier { partnership, peers: BTreeMap::new() }
    }

    /// A person here begins, or takes up what the other side began. An open run goes on as it is: its nonce
    /// is never replaced without a person's stopping it first.
    pub fn begin(&mut self, us: &Party, with: Party, nonce: Nonce, now: Duration) -> Vec<Effect> {
        let mut effects = self.expire(now);
        let peer = self.peers.entry(with.node).or_default();
        if peer.run.as_ref().is_some_and(|run| run.is_open() && run.with == with) {
            return effects;
        }
        peer.close();
        let commitment = commitment(&self.partnership, us, &with, &nonce);
        let mut run = Run { with, nonce, commitment, since: now, progress: Progress::Waiting };
        effects.push(Effect::Send(with.node, VerifyMessage::Commit(commitment)));
        if let Some((theirs, _)) = peer.asks.take() {
            effects.push(run.reveal(theirs));
        }
        peer.ended = None;
        peer.run = Some(run);
        effects.push(Effect::Changed(with.node));
        effects
    }

    /// A partner's node said something. `from` is who it is now, by the membership.
    pub fn received(
        &mut self,
        us: &Party,
        from: Party,
        message: &VerifyMessage,
        now: Duration,
    ) -> Vec<Effect> {
        let mut effects = self.expire(now);
        let peer = self.peers.entry(from.node).or_default();
        match message {
            VerifyMessage::Commit(theirs) => effects.extend(peer.committed(from, *theirs, now)),
            VerifyMessage::Reveal(theirs, nonce) => {
                let nonce = Nonce::new(*nonce);
                effects.extend(peer.revealed(&self.partnership, us, &from, (theirs, &nonce), now));
            }
            VerifyMessage::Stop(theirs) => effects.extend(peer.stopped(from.node, theirs, now)),
        }
        effects
    }

    /// The line to a node is new: says again what it may have missed. Nothing new is revealed by it.
    pub fn connected(&mut self, node: &NodeId, now: Duration) -> Vec<Effect> {
        let mut effects = self.expire(now);
        if let Some(run) = self.peers.get(node).and_then(|peer| peer.run.as_ref()) {
            effects.push(Effect::Send(*node, VerifyMessage::Commit(run.commitment)));
            if !matches!(run.progress, Progress::Waiting) {
                effects.push(Effect::Send(*node, VerifyMessage::Reveal(run.commitment, *run.nonce)));
            }
        }
        effects
    }

    /// The line to a node is gone: if it still asks when it is back, it says so again.
    pub fn disconnected(&mut self, node: &NodeId) -> Vec<Effect> {
        let asked = self.peers.get_mut(node).and_then(|peer| peer.asks.take());
        asked.map(|_| Effect::Changed(*node)).into_iter().collect()
    }

    /// A person here types what the person at the other side read.
    pub fn typed(&mut self, node: &NodeId, code: ShortCode, now: Duration) -> (Typed, Vec<Effect>) {
        let mut effects = self.expire(now);
        let Some(peer) = self.peers.get_mut(node) else { return (Typed::NoCodes, effects) };
        let Some(run) = &mut peer.run else { return (Typed::NoCodes, effects) };
        let Progress::Codes { theirs, codes, tries } = &mut run.progress else {
            return (Typed::NoCodes, effects);
        };
        if code == codes.hear {
            let with = run.with;
            run.progress = Progress::Verified { theirs: *theirs, read: codes.read };
            effects.push(Effect::Changed(*node));
            return (Typed::Right(with), effects);
        }
        if code == codes.read {
            return (Typed::Own, effects);
        }
        *tries = tries.saturating_sub(1);
        let left = *tries;
        if left == 0 {
            effects.extend(peer.end(*node, Ending::WrongCodes, now));
        }
        (Typed::Wrong { tries: left }, effects)
    }

    /// A person here stops.
    pub fn stop(&mut self, node: &NodeId) -> Vec<Effect> {
        let Some(peer) = self.peers.get_mut(node) else { return Vec::new() };
        peer.ended = None;
        let open = peer.run.as_ref().filter(|run| run.is_open()).map(|run| run.commitment);
        let Some(commitment) = open else { return Vec::new() };
        peer.close();
        vec![Effect::Send(*node, VerifyMessage::Stop(commitment)), Effect::Changed(*node)]
    }

    /// Time passed: what is too old ends.
    pub fn expire(&mut self, now: Duration) -> Vec<Effect> {
        let old = |since: Duration| now.saturating_sub(since) >= LIFETIME;
        let mut effects = Vec::new();
        for (node, peer) in &mut self.peers {
            if peer.asks.is_some_and(|(_, since)| old(since)) {
                peer.asks = None;
                effects.push(Effect::Changed(*node));
            }
            if peer.ended.is_some_and(|(_, since)| old(since)) {
                peer.ended = None;
            }
            match peer.run.as_ref().filter(|run| old(run.since)) {
                Some(run) if run.is_open() => effects.extend(peer.end(*node, Ending::TimedOut, now)),
                Some(_) => peer.close(),
                None => {}
            }
        }
        effects
    }

    /// Forgets the nodes that are no members any more.
    pub fn keep(&mut self, is_member: impl Fn(&NodeId) -> bool) {
        self.peers.retain(|node, _| is_member(node));
    }

    /// How things stand with a node.
    #[must_use]
    pub fn stage(&self, node: &NodeId) -> Stage {
        let Some(peer) = self.peers.get(node) else { return Stage::Idle };
        match (peer.run.as_ref().map(|run| &run.progress), peer.ended) {
            (Some(Progress::Waiting | Progress::Revealed { .. }), _) => Stage::Waiting,
            (Some(Progress::Codes { codes, tries, .. }), _) => {
                Stage::Codes { read: codes.read, tries: *tries }
            }
            (_, None) if peer.asks.is_some() => Stage::Asked,
            (Some(Progress::Verified { read, .. }), _) => Stage::Verified { read: *read },
            (None, Some((ending, _))) => Stage::Ended(ending),
            (None, None) => Stage::Idle,
        }
    }

    /// How many nodes are remembered.
    #[cfg(test)]
    pub(super) fn known_for_tests(&self) -> usize {
        self.peers.len()
    }

    /// Does a person at the other side wait for one here?
    #[must_use]
    pub fn asks(&self, node: &NodeId) -> bool {
        self.peers.get(node).is_some_and(|peer| peer.asks.is_some())
    }
}

impl Peer {
    /// It committed.
    fn committed(&mut self, from: Party, theirs: Hash, now: Duration) -> Vec<Effect> {
        let known = match &self.run {
            Some(run) if run.with == from => run.theirs(),
            _ => None,
        };
        if known == Some(theirs) || self.spent == Some(theirs) || self.asks.is_some_and(|(h, _)| h == theirs)
        {
            return Vec::new();
        }
        let mut effects = Vec::new();
        match &mut self.run {
            Some(run) if run.with == from && matches!(run.progress, Progress::Waiting) => {
                return vec![run.reveal(theirs)];
            }
            Some(run) if run.is_open() => effects.extend(self.end(from.node, Ending::BegunAgain, now)),
            // After our success, the other side needs another run; what we read is no good for that.
            Some(_) => self.close(),
            // What a person must decide about is not talked over.
            None => self.ended = self.ended.filter(|(ending, _)| ending.needs_a_person()),
        }
        self.asks = Some((theirs, now));
        if self.announced.is_none_or(|then| now.saturating_sub(then) >= PAUSE) {
            self.announced = Some(now);
            effects.push(Effect::Changed(from.node));
        }
        effects
    }

    /// It revealed. Counts only in answer to what it committed to, and once.
    fn revealed(
        &mut self,
        partnership: &PartnershipId,
        us: &Party,
        from: &Party,
        (theirs, nonce): (&Hash, &Nonce),
        now: Duration,
    ) -> Vec<Effect> {
        let Some(run) = &mut self.run else { return Vec::new() };
        if !matches!(&run.progress, Progress::Revealed { theirs: known } if known == theirs) {
            return Vec::new();
        }
        // A node whose keys changed meanwhile is another party than the one that a person began with.
        if run.with != *from || commitment(partnership, from, us, nonce) != *theirs {
            return self.end(from.node, Ending::KeysDiffer, now);
        }
        let codes = Codes::of(partnership, (us, &run.nonce), (from, nonce));
        run.progress = Progress::Codes { theirs: *theirs, codes, tries: limits::VERIFICATION_TRIES };
        vec![Effect::Changed(from.node)]
    }

    /// It stopped.
    fn stopped(&mut self, node: NodeId, theirs: &Hash, now: Duration) -> Vec<Effect> {
        if self.asks.is_some_and(|(asked, _)| asked == *theirs) {
            self.asks = None;
        }
        match &self.run {
            Some(run) if run.is_open() && run.theirs() == Some(*theirs) => {
                self.end(node, Ending::Stopped, now)
            }
            _ => Vec::new(),
        }
    }

    fn end(&mut self, node: NodeId, ending: Ending, now: Duration) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Some(run) = &self.run {
            effects.push(Effect::Send(node, VerifyMessage::Stop(run.commitment)));
            if ending.is_suspect() {
                effects.push(Effect::Suspect(run.with));
            }
        }
        self.close();
        self.ended = Some((ending, now));
        effects.push(Effect::Changed(node));
        effects
    }

    /// The run is over; its nonces are never used again.
    fn close(&mut self) {
        if let Some(run) = self.run.take() {
            self.spent = run.theirs().or(self.spent);
        }
    }
}

impl Run {
    fn is_open(&self) -> bool {
        !matches!(self.progress, Progress::Verified { .. })
    }

    fn theirs(&self) -> Option<Hash> {
        match &self.progress {
            Progress::Waiting => None,
            Progress::Revealed { theirs }
            | Progress::Codes { theirs, .. }
            | Progress::Verified { theirs, .. } => Some(*theirs),
        }
    }

    /// Theirs is fixed now: ours may be known.
    fn reveal(&mut self, theirs: Hash) -> Effect {
        self.progress = Progress::Revealed { theirs };
        Effect::Send(self.with.node, VerifyMessage::Reveal(self.commitment, *self.nonce))
    }
}
