//! Commands of the API, carried out by the driver.

use entente_protocol::audience::Audience;
use entente_protocol::ids::{NodeId, OrgId, Timestamp};
use entente_protocol::log::Head;
use entente_protocol::record::Content;

use crate::api::types::PartnerSync;
use crate::clock;
use crate::desk::journal::{Asked, Closed, DeskFrame, How};
use crate::frames::Frame;
use crate::me;

use super::commands::{Claim, Command, CommandError, Held, HeldLog, Publish, Published, Released, Reply};
use super::driver::Driver;
use super::foresee::foresee;
use super::landing::Then;
use super::publish::{self, PublishError};
use super::{decide, govern};

/// Why a partner takes nothing more.
pub(super) const QUOTA_FULL: &str = "what partners may store on its node in this partnership is used up";

impl Driver {
    pub(super) async fn command(&mut self, command: Command) {
        match command {
            Command::Publish(publish, reply) => self.publish(*publish, reply),
            Command::Preview(content, audience, reply) => {
                let _gone =
                    reply.send(foresee(&self.state, &content, &audience, clock::now()).map_err(Into::into));
            }
            Command::Invite { role, days, reply } => self.invite(role, days, reply),
            Command::Decide(request, reply) => match decide::decide(&mut self.state, request, clock::now()) {
                Ok((acts, decided)) => self.append_acts(acts, Then::Decided(decided, reply)),
                Err(error) => {
                    let _gone = reply.send(Err(error.into()));
                }
            },
            Command::TakeActs(acts, reply) => {
                let new = govern::take(&mut self.state, &acts);
                let count = new.len();
                self.append_acts(new, Then::Taken(count, reply));
            }
            Command::GiveActs(reply) => {
                let all = self.state.graph.iter().map(|act| act.signed().to_unverified()).collect();
                let _gone = reply.send(all);
            }
            Command::Office(org, days, reply) => self.open_office(&org, days, reply),
            Command::Revoke(asked, reply) => self.revoke(*asked, reply),
            Command::Leave(reply) => {
                let act = govern::leave(&mut self.state, clock::now());
                self.govern(act, reply);
            }
            Command::Terms(invitation, reply) => {
                let _gone = reply.send(self.terms(&invitation));
            }
            Command::Ask(invitation, act, reply) => self.ask(invitation, &act, reply),
            Command::Rotate(reply) => {
                let _gone = reply.send(self.rotate());
            }
            Command::PrepareLog(reply) => {
                let _gone = reply.send(self.prepare_log());
            }
            Command::RenewLog(certificate, reply) => self.renew_log(certificate, reply),
            Command::Sync(reply) => {
                let _gone = reply.send(self.partners());
            }
            Command::Explain(place, org, reply) => {
                let _gone = reply.send(self.explain(&place, &org));
            }
            Command::Acknowledge(reply) => self.acknowledge_now(reply),
            Command::Held(reply) => {
                let _gone = reply.send(self.held());
            }
            Command::Say(space, said, reply) => self.say(space, said, reply),
            Command::Verify(org, act, reply) => self.verify(org, act, reply),
            Command::Set(settings, reply) => self.set_settings(*settings, reply),
            Command::Settings(reply) => {
                let _gone = reply.send((self.settings().clone(), self.usage()));
            }
            Command::Fetch(blob, true, reply) => self.fetch_now(&blob, reply),
            Command::Fetch(blob, false, reply) => {
                let _gone = reply.send(self.fetch_state(&blob));
            }
            Command::PlanBundle(asked, reply) => {
                let _gone = reply.send(self.plan_bundle(&asked));
            }
            Command::EpochFor(epoch, nodes, reply) => {
                let _gone = reply.send(self.epoch_for(&epoch, &nodes));
            }
            Command::Carry(from, message, reply) => self.carry(from, *message, reply),
            Command::Appoint(offer, reply) => self.appoint(&offer, reply),
            Command::Dismiss(mailbox, reply) => self.dismiss(&mailbox, reply),
            Command::Mailboxes(reply) => {
                let _gone = reply.send(self.state.used_mailboxes());
            }
            Command::PlanVisit(reply) => {
                let _gone = reply.send(self.plan_visit());
            }
            Command::AttachmentCame(blob) => self.attachment_came(*blob),
            Command::DialNow => {
                let _stopping = self.net.dial_now().await;
            }
            // The driver's loop takes this one itself.
            Command::Stop(_) => {}
        }
    }

    fn govern(
        &mut self,
        act: Result<
            entente_protocol::signed::Unverified<entente_protocol::membership::ActBody>,
            govern::GovernError,
        >,
        reply: Reply<()>,
    ) {
        match act {
            Ok(act) => self.keep_acts(vec![act], Some(reply)),
            Err(error) => {
                let _gone = reply.send(Err(error.into()));
            }
        }
    }

    fn publish(&mut self, asked: Publish, reply: Reply<Published>) {
        match self.try_publish(asked) {
            Ok((frames, published)) => self.append(frames, Then::Published(published, reply)),
            Err(error) => {
                let _gone = reply.send(Err(error));
            }
        }
    }

    fn try_publish(&mut self, asked: Publish) -> Result<(Vec<Frame>, Published), CommandError> {
        self.may_sign()?;
        if self.shared.ledger.store().is_disk_low() {
            return Err(CommandError::DiskLow);
        }
        if let Some(expected) = asked.expect_readers {
            let found =
                publish::permit(&self.state, &asked.content, &asked.audience, clock::now())?.readers().len();
            if found != expected {
                return Err(PublishError::OtherReaders { expected, found }.into());
            }
        }
        if let Some(released) = &asked.released {
            self.as_released(&released.asked, &asked.content, &asked.audience)?;
        }
        let Publish { content, audience, nonce, draft, released, .. } = asked;
        let made = publish::publish(&mut self.state, content, audience, nonce, clock::now())?;
        let mut frames = made.frames;
        if let Some(minted) = made.minted {
            self.keep_epoch_key(minted.id, &minted.epoch)?;
            self.state.ring.add(minted.id, minted.epoch.clone());
        }
        frames.push(Frame::Shared(draft, self.state.id, made.record));
        if let Some(released) = released {
            let Released { asked, marks, by } = *released;
            let how = How::Shared(made.record);
            let closed = Closed { asked, marks, how, by, when: clock::now() };
            frames.push(Frame::Desk(DeskFrame::Closed(closed)));
        }
        let sent_to = self.connected_nodes_of(&made.readers);
        Ok((frames, Published { record: made.record, readers: made.readers, sent_to }))
    }

    /// Is what several of the staff released still what would be shared, to whom, and under which agreement?
    fn as_released(&self, asked: &Asked, content: &Content, audience: &Audience) -> Result<(), PublishError> {
        let foreseen = foresee(&self.state, content, audience, clock::now())?;
        let same = foreseen.key_holders == asked.readers
            && self.state.membership.agreement.hash() == asked.agreement
            && *audience == asked.audience;
        if same { Ok(()) } else { Err(PublishError::NotAsReleased) }
    }

    fn connected_nodes_of(&self, orgs: &[OrgId]) -> usize {
        let reads = |n: &NodeId| self.state.org_of(n).is_some_and(|o| orgs.contains(&o));
        self.couriers.keys().filter(|n| reads(n)).count()
    }

    fn partners(&self) -> Vec<PartnerSync> {
        let me = self.state.me.node();
        let states = self.net.peers();
        let members = self.state.membership.members.iter();
        members
            .flat_map(|(_, member)| member.nodes.iter().map(move |(node, of)| (member, node, of)))
            .filter(|(_, node, _)| **node != me)
            .map(|(member, node, of)| {
                let state = states.iter().find(|s| s.id == of.card.transport);
                let (behind, ahead) = self.machine.lag(node);
                PartnerSync {
                    partnership: self.state.id,
                    partnership_name: self.state.membership.name.clone(),
                    organisation: me::view(&member.organisation),
                    node: *node,
                    connected: self.couriers.contains_key(node),
                    last_seen: self.seen(node),
                    last_error: state.and_then(|s| s.last_error).map(|e| e.to_string()),
                    behind,
                    ahead,
                    through: state.and_then(|s| self.through(s)),
                    punched: state.is_some_and(|s| s.reached == Some(crate::net::Reached::Punched)),
                    relays: self.relays.theirs.contains(node),
                    refuses: self.bounds.full_there.contains(node).then(|| QUOTA_FULL.to_owned()),
                }
            })
            .collect()
    }

    fn held(&self) -> Held {
        let logs = self.state.logs.iter().map(|((space, log), known)| HeldLog {
            space: *space,
            log: *log,
            owner: known.owner,
            org: self.state.org_of(&known.owner),
            circle: known.circle.is_some(),
            head: known.stored,
        });
        let logs = logs.collect();
        let claims = self.couriers.keys().filter_map(|node| {
            let org = self.state.org_of(node)?;
            let claims = self.machine.peer_claims(node)?.iter();
            Some(claims.map(move |((space, log), (next, chain))| {
                let head = Head { next: *next, chain: *chain };
                Claim { node: *node, org, space: *space, log: *log, head }
            }))
        });
        Held { logs, claims: claims.flatten().collect() }
    }

    fn seen(&self, node: &NodeId) -> Option<Timestamp> {
        if self.couriers.contains_key(node) {
            return Some(clock::now());
        }
        self.last_seen.get(node).copied()
    }
}
