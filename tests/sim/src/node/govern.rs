//! Membership on a node: `node/src/partnership/govern.rs` and `members.rs`. New kinds of act are made in
//! [`Node::act`].

use std::collections::BTreeSet;
use std::rc::Rc;

use entente_protocol::epoch::{EpochHeader, Slot};
use entente_protocol::ids::{ActId, EpochId, Hash, NodeId, OrgId, Timestamp};
use entente_protocol::membership::acts::{self, Amend, Author, Invite, Remove, RevokeNode};
use entente_protocol::membership::{Act, ActBody, Inserted, Proposal, Verdict, VerifiedAct};
use entente_protocol::signed::Unverified;
use entente_protocol::sync::Message;

use super::{Env, Node, Out};
use crate::party::{Party, accepted, role};
use crate::scenario::{Deed, Evil, Motion};
use crate::store::Write;

/// A last day that is renewed to: 2050-01-01.
const RENEWED: u64 = 2_524_608_000_000;

/// What who was let in is sent: all acts, the key, and the door keys of those before.
#[derive(Clone)]
pub struct Welcome {
    acts: Vec<Unverified<ActBody>>,
    epoch: (Unverified<EpochHeader>, Slot),
    doors: BTreeSet<EpochId>,
}

impl Node {
    fn author(&self, env: &Env) -> Author<'_> {
        Author {
            partnership: self.partnership,
            org: self.party.org(),
            node: &self.party.key,
            parents: self.parents(),
            time: self.now(env),
        }
    }

    /// Does what a person at this node would do by a command; gives the act, if it has any effect. An
    /// admission begins with an invitation, and goes on in [`Node::ask`].
    pub fn act(&mut self, env: &mut Env, deed: &Deed, whom: Option<&Party>) -> Option<ActId> {
        let author = self.author(env);
        let act = match (deed, whom) {
            (Deed::Admit { who, steward }, _) => {
                let door = Hash([*who as u8; 32]);
                let expires = Timestamp(author.time.0.saturating_add(14 * Timestamp::DAY));
                acts::invite(author, Invite { door, role: role(), steward: *steward, expires })
            }
            (Deed::Remove { .. }, Some(party)) => {
                let cutoff = self.cutoff(party);
                acts::remove(author, party.org(), "for the simulation", cutoff)
            }
            (Deed::Steward { steward, .. }, Some(party)) => {
                acts::decide(author, acts::Deed::Steward { org: party.org(), steward: *steward })
            }
            (Deed::Leave, _) => {
                let cutoff = self.cutoff(&self.party);
                acts::leave(author, cutoff)
            }
            (Deed::Propose { what, .. }, Some(party)) => {
                let deed = self.motion(*what, party)?;
                acts::propose(author, deed)
            }
            (Deed::Sign, _) => {
                acts::sign_proposal(author, self.proposal(|p, me| !p.signed.contains_key(me))?)
            }
            (Deed::Withdraw, _) => acts::withdraw(author, self.proposal(|p, me| p.by == *me)?),
            (Deed::Enact, _) => acts::enact(author, self.proposal(|p, _| p.signed.len() >= p.needed)?),
            (Deed::Suspend, _) => acts::suspend(author, "for the simulation"),
            (Deed::Resume, _) => {
                let me = self.party.org();
                let stopped = &self.live.as_ref()?.folded.membership.suspensions;
                let ours = stopped.iter().find(|(_, stopped)| stopped.by == me)?;
                acts::resume(author, *ours.0)
            }
            (Deed::Revoke { .. }, Some(party)) => {
                let cutoff = self.cutoff(party);
                let reason = "for the simulation".to_owned();
                let revoke = RevokeNode { node: party.id(), reason, seized_at: None, cutoff, root: None };
                acts::revoke_node(author, revoke)
            }
            (
                Deed::Remove { .. } | Deed::Steward { .. } | Deed::Propose { .. } | Deed::Revoke { .. },
                None,
            ) => return None,
        };
        self.add(env, act.ok()?)
    }

    /// What is to be proposed.
    fn motion(&self, what: Motion, party: &Party) -> Option<acts::Deed> {
        let membership = &self.live.as_ref()?.folded.membership;
        let org = party.org();
        Some(match what {
            Motion::Remove => {
                let (reason, cutoff) = ("for the simulation".to_owned(), self.cutoff(party));
                acts::Deed::Remove(Remove { org, reason, cutoff })
            }
            Motion::Promote => acts::Deed::Steward { org, steward: true },
            Motion::Demote => acts::Deed::Steward { org, steward: false },
            Motion::Renew => {
                acts::Deed::Renew { last_day: Timestamp(RENEWED + u64::from(membership.version)) }
            }
            Motion::Amend => {
                let version = membership.version + 1;
                let text =
                    format!("{}\n# Version {version}, of {}\n", membership.agreement.text(), party.number);
                acts::Deed::Amend(Amend { version, text })
            }
        })
    }

    /// The first open proposal of which this holds.
    fn proposal(&self, holds: impl Fn(&Proposal, &OrgId) -> bool) -> Option<ActId> {
        let me = self.party.org();
        let membership = &self.live.as_ref()?.folded.membership;
        membership.open_proposals().find(|(_, p)| holds(p, &me)).map(|(id, _)| *id)
    }

    fn cutoff(&self, party: &Party) -> Vec<(entente_protocol::ids::LogId, entente_protocol::ids::Seq)> {
        let all = self.all();
        let member = self.live.as_ref().and_then(|l| l.folded.membership.members.get(&party.org()));
        let nodes = member.into_iter().flat_map(|m| m.nodes.values());
        nodes.map(|n| (n.card.log, self.stored(&(all, n.card.log)))).collect()
    }

    /// Adds an act of ours, if it would have an effect.
    fn add(&mut self, env: &mut Env, act: VerifiedAct) -> Option<ActId> {
        let id = act.id();
        let live = self.live.as_ref()?;
        let mut graph = live.graph.clone();
        if !matches!(graph.insert(act.clone()), Ok(Inserted::New)) {
            return None;
        }
        let folded = env.memo.fold(live.set.with(&id), &graph);
        if folded.membership.verdicts.get(&id) != Some(&Verdict::Effective) {
            return None;
        }
        self.take(env, vec![Rc::new(act)]);
        Some(id)
    }

    /// Acts from a partner.
    pub(super) fn take_acts(&mut self, env: &mut Env, acts: &[Unverified<ActBody>]) {
        let verified: Vec<Rc<VerifiedAct>> = acts.iter().filter_map(|act| env.memo.act(act)).collect();
        self.take(env, verified);
        self.try_early(env);
    }

    /// Adds those that are new, whose parents are here, and that come from who was let in once, whatever became of
    /// it, or answer an invitation.
    fn take(&mut self, env: &mut Env, acts: Vec<Rc<VerifiedAct>>) {
        let me = self.party.org();
        let Some(live) = &mut self.live else { return };
        let mut new = Vec::new();
        for act in acts {
            let org = act.body().org;
            let joins = matches!(act.body().act, Act::Join(_));
            if self.evil == Some(Evil::Deaf) && excludes(&act, &me) || live.graph.contains(&act.id()) {
                continue;
            }
            if !joins && !live.graph.was_let_in(&org) {
                continue;
            }
            if matches!(live.graph.insert(VerifiedAct::clone(&act)), Ok(Inserted::New)) {
                live.set = live.set.with(&act.id());
                new.push(act);
            }
        }
        if !new.is_empty() {
            live.folded = env.memo.fold(live.set, &live.graph);
            self.learn_main_logs();
            self.judge_nobodys(env);
            self.write(env, Write::Acts(new));
        }
    }

    /// After acts are durable: the machine, the network and the joiners hear of it.
    pub(super) fn membership_changed(&mut self, env: &mut Env) {
        self.tell_roster(env);
        self.mint_if_steward(env);
        self.tell_current_epoch(env);
        env.out.push(Out::Dial);
    }

    /// At the door of an invitation: `who` asks to be let in, and, since a person had agreed to it, is.
    pub fn ask(&mut self, env: &mut Env, who: &Party, time: Timestamp, invitation: ActId) -> bool {
        let Some(live) = &self.live else { return false };
        let author = Author {
            partnership: self.partnership,
            org: who.org(),
            node: &who.key,
            parents: vec![invitation],
            time,
        };
        let hash = live.folded.membership.agreement.hash();
        let card = who.card(self.partnership);
        let join = acts::join(author, invitation, &who.introduced, card, accepted(hash));
        let Some(join) = join.ok().and_then(|join| self.add(env, join)) else { return false };
        let approval = acts::approve(self.author(env), join);
        approval.ok().and_then(|act| self.add(env, act)).is_some()
    }

    /// What who waits at the door is sent, once it is a member and there is a key for it.
    pub fn welcome(&mut self, env: &mut Env, to: &NodeId) -> Option<Welcome> {
        let id = self.epoch_for_newcomer(to)?;
        let Some(Message::Epoch(header, slot)) = self.give(env, to, &id) else { return None };
        let live = self.live.as_ref()?;
        let acts = live.graph.iter().map(|act| act.signed().to_unverified()).collect();
        Some(Welcome { acts, epoch: (header, slot), doors: self.knocks() })
    }

    /// Begins in a partnership: with all acts, and the key. Who does not have both on its disk is not in, and asks again.
    pub fn join(&mut self, env: &mut Env, welcome: &Welcome) {
        self.store.doors.clone_from(&welcome.doors);
        if self.live.is_none() {
            self.store.acts = welcome.acts.iter().filter_map(|act| env.memo.act(act)).collect();
            self.start(env);
        } else {
            self.take_acts(env, &welcome.acts);
        }
        let id = env.memo.header(&welcome.epoch.0).map(|h| h.0);
        if let (Some(id), Some(live)) = (id, &mut self.live) {
            // Given by the inviter, however many joined since: it opens doors.
            live.asked.insert(id);
        }
        self.take_epoch(env, &welcome.epoch.0, &welcome.epoch.1);
        while self.unsynced() > 0 {
            self.landed(env);
        }
    }
}

/// Does this act put the organisation out?
fn excludes(act: &VerifiedAct, org: &entente_protocol::ids::OrgId) -> bool {
    matches!(&act.body().act, Act::Remove(remove) if remove.org == *org)
}
