//! Mailboxes of a partnership, on the driver's side: which are used, and what is to lie in them.
//!
//! A steward's node says so, signed; what it says travels among members as prekeys do, and by bundles. Who visits
//! the mailboxes is [`crate::mailbox`].

use std::collections::BTreeSet;

use entente_protocol::ids::{EpochId, NodeId, OrgId, SpaceId, Timestamp, TransportId};
use entente_protocol::limits;
use entente_protocol::mailbox::{Appointment, Offer};
use entente_protocol::signed::{Signed, Unverified, sign};
use entente_protocol::sync::{Hello, Message, VERSION as SYNC_VERSION};

use crate::clock;
use crate::frames::Frame;

use super::carry::PlannedLog;
use super::commands::{CommandError, Reply};
use super::courier::Job;
use super::driver::Driver;
use super::epochs;
use super::govern::GovernError;
use super::landing::Then;
use super::state::State;

/// Why a mailbox was not appointed or dismissed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MailboxError {
    /// Enough of them.
    #[error("the partnership uses {} mailboxes already", limits::MAX_MAILBOXES)]
    TooMany,
    /// None of that name.
    #[error("the partnership uses no such mailbox")]
    Unknown,
    /// It says nowhere where it is.
    #[error("the offer names no address that a node can dial")]
    NoAddress,
}

/// What is to lie in a mailbox for the readers of one space.
pub struct ParcelPlan {
    /// The space.
    pub space: SpaceId,
    /// The reading nodes, and what is sealed to for each.
    pub readers: Vec<(NodeId, Vec<u8>)>,
    /// What is said, but for keys.
    pub first: Vec<Message>,
    /// Entries that not all readers are known to have.
    pub logs: Vec<PlannedLog>,
    /// The epoch that is written under now.
    pub current: Option<EpochId>,
}

impl State {
    /// Takes an appointment into the state, if it is a present member's and newer than what is known.
    pub fn learn_mailbox(&mut self, said: Signed<Appointment>) -> bool {
        let (mailbox, serial) = (said.value().mailbox, said.value().serial);
        let known = self.mailboxes.get(&mailbox).map(|known| known.value().serial);
        let full = known.is_none() && self.mailboxes.len() >= 4 * limits::MAX_MAILBOXES;
        let new = !full && known.is_none_or(|known| known < serial);
        if new {
            self.mailboxes.insert(mailbox, said);
        }
        new
    }

    /// The mailboxes that are used: appointed, and not ended since, by a node of a present member.
    #[must_use]
    pub fn used_mailboxes(&self) -> Vec<Appointment> {
        let all = self.mailboxes.values().map(Signed::value);
        let used = all.filter(|said| said.is_used() && self.membership.node(&said.by).is_some());
        used.take(limits::MAX_MAILBOXES).cloned().collect()
    }
}

impl Driver {
    /// Uses an offered mailbox from now on.
    pub(super) fn appoint(&mut self, offer: &Offer, reply: Reply<()>) {
        let made = self.appointment(offer, clock::now());
        self.say_of_mailbox(made, reply);
    }

    /// Uses a mailbox no more.
    pub(super) fn dismiss(&mut self, mailbox: &TransportId, reply: Reply<()>) {
        let known = self.state.used_mailboxes().into_iter().find(|used| used.mailbox == *mailbox);
        let by = self.state.me.node();
        let made = match known {
            Some(known) => self.is_steward().map(|()| known.ended(by, clock::now())),
            None => Err(MailboxError::Unknown.into()),
        };
        self.say_of_mailbox(made, reply);
    }

    fn is_steward(&self) -> Result<(), CommandError> {
        let steward = self.state.membership.is_steward(&self.state.me.org());
        if steward { Ok(()) } else { Err(GovernError::NotASteward.into()) }
    }

    fn appointment(&self, offer: &Offer, now: Timestamp) -> Result<Appointment, CommandError> {
        self.is_steward()?;
        let reachable = |address: &&String| address.parse::<crate::address::Address>().is_ok();
        if !offer.addresses.iter().any(|address| reachable(&address)) {
            return Err(MailboxError::NoAddress.into());
        }
        let known = self.state.mailboxes.get(&offer.mailbox).map_or(0, |known| known.value().serial);
        if known == 0 && self.state.used_mailboxes().len() >= limits::MAX_MAILBOXES {
            return Err(MailboxError::TooMany.into());
        }
        Ok(Appointment::of(offer, self.state.id, self.state.me.node(), known.saturating_add(1), now))
    }

    fn say_of_mailbox(&mut self, made: Result<Appointment, CommandError>, reply: Reply<()>) {
        match made {
            Ok(said) => {
                let said = sign(said, &self.state.me.key);
                let travelling = said.to_unverified();
                self.state.learn_mailbox(said);
                self.keep_mailboxes(vec![travelling], None, Then::Membership(Some(reply)));
            }
            Err(error) => {
                let _gone = reply.send(Err(error));
            }
        }
    }

    /// Takes what stewards said, from whoever brings it.
    pub(super) fn take_mailboxes(&mut self, from: NodeId, told: &[Unverified<Appointment>]) {
        let mut new = Vec::new();
        for travelling in told {
            let Ok(said) = travelling.verify_self(|said| said.by.0) else { continue };
            let by = self.state.membership.node(&said.value().by).map(|(org, _)| org);
            let steward = by.is_some_and(|org| self.state.membership.is_steward(&org));
            if said.value().partnership == self.state.id && steward && self.state.learn_mailbox(said) {
                new.push(travelling.clone());
            }
        }
        if !new.is_empty() {
            self.keep_mailboxes(new, Some(from), Then::Kept);
        }
    }

    fn keep_mailboxes(&mut self, said: Vec<Unverified<Appointment>>, from: Option<NodeId>, then: Then) {
        let id = self.state.id;
        self.append(said.iter().map(|one| Frame::Mailbox(id, one.clone())).collect(), then);
        let others: Vec<NodeId> = self.couriers.keys().copied().filter(|node| Some(*node) != from).collect();
        for node in others {
            self.send(node, Job::Message(Message::Mailboxes(said.clone())));
        }
    }

    /// Tells a partner that has just connected which mailboxes are used, or were.
    pub(super) fn tell_mailboxes(&mut self, to: NodeId) {
        for message in self.mailboxes_told() {
            self.send(to, Job::Message(message));
        }
    }

    /// What was said of mailboxes, for a partner.
    pub(super) fn mailboxes_told(&self) -> Vec<Message> {
        let said: Vec<_> = self.state.mailboxes.values().map(Signed::to_unverified).collect();
        said.chunks(limits::MAX_MAILBOXES).map(|some| Message::Mailboxes(some.to_vec())).collect()
    }

    /// What is to lie in a mailbox: for all members, and for each circle that we are in.
    pub(super) fn plan_visit(&self) -> Vec<ParcelPlan> {
        if !self.state.is_member() {
            return Vec::new();
        }
        let spaces: BTreeSet<SpaceId> = self.state.logs.keys().map(|(space, _)| *space).collect();
        spaces.into_iter().filter_map(|space| self.plan_parcel(space)).collect()
    }

    fn plan_parcel(&self, space: SpaceId) -> Option<ParcelPlan> {
        let (me, now) = (self.state.me.node(), clock::now());
        let circle = epochs::circle_of(&self.state, &space)?;
        let reads = |org: &OrgId| circle.as_ref().is_none_or(|orgs| orgs.contains(org));
        let readers: Vec<(NodeId, OrgId)> = self
            .state
            .membership
            .readers(now)
            .filter(|(org, node, _)| reads(org) && *node != me)
            .map(|(org, node, _)| (node, org))
            .collect();
        let nodes = self.state.readers_of(circle.as_deref(), now);
        let first = match &circle {
            None => self.first_messages(&BTreeSet::from([space])),
            Some(_) => {
                let hello = Hello { version: SYNC_VERSION, heads: Vec::new(), addresses: Vec::new() };
                let mut first = vec![Message::Hello(hello)];
                first.extend(self.frontiers(&space));
                first
            }
        };
        let logs = self.plan_logs(&BTreeSet::from([space]), &readers, false);
        let sealed_to = |(node, _): &(NodeId, OrgId)| Some((*node, self.state.prekey_of(node)?.to_vec()));
        let readers: Vec<_> = readers.iter().filter_map(sealed_to).collect();
        let current = self.state.ring.writable(&space, &nodes, |_| true).map(|(id, _)| id);
        (!readers.is_empty()).then_some(ParcelPlan { space, readers, first, logs, current })
    }
}
