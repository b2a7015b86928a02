//! What people do: the founding members, records, changes of membership.

use entente_protocol::agreement::Agreement;
use entente_protocol::audience::{Audience, NamedReaders};
use entente_protocol::derive;
use entente_protocol::ids::{ActId, Hash, OrgId, Timestamp};
use entente_protocol::membership::ActGraph;
use entente_protocol::membership::VerifiedAct;
use entente_protocol::membership::acts::{self, Author, Founding, Invite, NOT_YET};
use std::rc::Rc;

use super::{SECOND, Ticks, What, World};
use crate::memo::SetId;
use crate::node::{Env, Node};
use crate::party::{Party, accepted, role};
use crate::scenario::{Deed, Motion};

/// Everybody may share everything with everybody: what is shared is not the question here.
const AGREEMENT: &str = r#"
version = 1
title = "An agreement for simulations"
form = "informal"
start = 2020-01-01
roles = ["npm", "cso", "network", "other"]

[[flow]]
from = ["npm", "cso", "network", "other"]
kinds = "any"
to = "any"

[ceiling]
sensitivity = ["named", "partnership", "public"]
personal_data = "allowed"
onward = "allowed"
"#;

/// With governing, what several stewards sign.
const DECISIONS: &str = "\n[decisions]\nsteward = 2\nrole = 2\n";

/// How long a person takes to read an invitation, and how long it is tried again.
const THINK: u64 = 2 * SECOND;
const AGAIN: u64 = 20 * SECOND;
const TRIES: u32 = 60;
/// Who asked waits for the answer for longer than any partition lasts.
const WAITS: u32 = 240;

impl World {
    /// The members of the beginning, admitted one after the other by the founder, and what all of them hold.
    pub(super) fn settle_members(&mut self) {
        let (least, most) = self.scenario.nodes;
        let members = self.script.between(least as u64, most as u64) as usize;
        let parties: Vec<Party> =
            (0..members + self.scenario.spare).map(|n| Party::new(n, self.scenario.crypto)).collect();
        let mut parties = parties;
        if self.scenario.governing > 0.0 {
            parties[0].become_npm();
        }
        let graph = founded(&parties[..members], self.scenario.stewards, self.scenario.governing > 0.0);
        let partnership = graph.partnership();
        let acts: Vec<Rc<VerifiedAct>> = graph.iter().cloned().map(Rc::new).collect();
        let set = acts.iter().fold(SetId::EMPTY, |set, act| set.with(&act.id()));
        let _known = self.env.memo.fold(set, &graph);
        for party in parties {
            let number = party.number;
            self.index.insert(party.id(), number);
            let mut node = Node::new(party, partnership);
            node.evil = self.scenario.adversary.iter().find(|a| a.node == number).map(|a| a.does);
            if number < members {
                node.store.acts.clone_from(&acts);
            }
            self.nodes.push(node);
            self.ticks.push(Ticks::default());
            self.dials.push(super::network::Dialling::default());
        }
        self.give_first_epoch(members);
        for node in 0..members {
            self.with(node, |node, env| node.start(env));
        }
    }

    /// The founder mints the first epoch, and all members have it.
    fn give_first_epoch(&mut self, members: usize) {
        let (founder, env) = (&mut self.nodes[0], &mut self.env);
        founder.start(env);
        let minted = founder.first_epoch(env);
        let mut given = Vec::new();
        for node in 1..members {
            let to = self.nodes[node].id();
            given.push(self.nodes[0].first_epoch_for(&mut self.env, &to, &minted));
        }
        for (node, message) in (1..members).zip(given) {
            let env: &mut Env = &mut self.env;
            self.nodes[node].start(env);
            self.nodes[node].take_first_epoch(env, &message);
        }
        for node in 0..members {
            self.nodes[node].stop(&mut self.env);
        }
    }

    pub(super) fn plan_script(&mut self) {
        for number in 0..self.scenario.deed.len() {
            self.plan(self.scenario.deed[number].at * SECOND, What::Deed(number));
        }
        self.plan_next(self.scenario.deed_every, || What::RandomDeed);
        self.plan_next(self.scenario.publish_every, || What::Publish);
    }

    fn plan_next(&mut self, every: f64, what: impl Fn() -> What) {
        if every > 0.0 && !self.healed {
            let wait = self.script.interval((every * SECOND as f64) as u64);
            self.plan_in(wait, what());
        }
    }

    pub(super) fn publish(&mut self) {
        self.plan_next(self.scenario.publish_every, || What::Publish);
        let writers: Vec<usize> = (0..self.nodes.len()).filter(|n| self.nodes[*n].is_member()).collect();
        let Some(author) = self.script.pick(&writers).filter(|_| !self.healed) else { return };
        let audience = self.audience(author);
        let text = format!("record {} {}", self.report.records, "x".repeat(self.script.index(1_500)));
        if self.with(author, |node, env| node.publish(env, audience, &text)).is_some() {
            self.report.records += 1;
        }
    }

    fn audience(&mut self, author: usize) -> Audience {
        let named = self.script.chance(self.scenario.named);
        let me = self.nodes[author].party.org();
        let Some(folded) = self.nodes[author].folded().filter(|_| named) else { return Audience::Everyone };
        let others: Vec<OrgId> =
            folded.membership.members.keys().filter(|org| **org != me).copied().collect();
        let readers: Vec<OrgId> =
            (0..self.script.between(1, 3)).filter_map(|_| self.script.pick(&others)).collect();
        NamedReaders::new(readers).map_or(Audience::Everyone, Audience::Named)
    }

    pub(super) fn deed(&mut self, number: usize) {
        let planned = self.scenario.deed[number].clone();
        self.perform(planned.by, &planned.deed);
    }

    pub(super) fn random_deed(&mut self) {
        self.plan_next(self.scenario.deed_every, || What::RandomDeed);
        let stewards_only = self.script.chance(0.7);
        let able: Vec<usize> = (0..self.nodes.len())
            .filter(|n| if stewards_only { self.nodes[*n].is_steward() } else { self.nodes[*n].is_member() })
            .collect();
        let Some(by) = self.script.pick(&able).filter(|_| !self.healed) else { return };
        if let Some(deed) = self.choose(by) {
            self.perform(by, &deed);
        }
    }

    /// What this node's people may come to do, by what they know. New kinds of act come here.
    fn choose(&mut self, by: usize) -> Option<Deed> {
        let folded = self.nodes[by].folded()?;
        let me = self.nodes[by].party.org();
        let number = |org: &OrgId| self.nodes.iter().position(|n| n.party.org() == *org);
        let members: Vec<usize> =
            folded.membership.members.keys().filter(|org| **org != me).filter_map(number).collect();
        let outside: Vec<usize> = (0..self.nodes.len())
            .filter(|n| !folded.membership.is_member(&self.nodes[*n].party.org()))
            .collect();
        let steward = folded.membership.is_steward(&me);
        if self.scenario.governing > 0.0 && self.script.chance(self.scenario.governing) {
            return self.govern(&members);
        }
        let many = members.len() > 3;
        match self.script.below(10) {
            0 if many => Some(Deed::Leave),
            1 if steward => {
                let (who, also) = (self.script.pick(&members)?, self.script.chance(0.5));
                Some(Deed::Steward { who, steward: also })
            }
            2..=4 if steward && many => Some(Deed::Remove { who: self.script.pick(&members)? }),
            _ if steward => {
                let (who, also) = (self.script.pick(&outside)?, self.script.chance(0.3));
                Some(Deed::Admit { who, steward: also })
            }
            _ => None,
        }
    }

    /// What governing there is to do; much of it has no effect, and is not done then.
    fn govern(&mut self, others: &[usize]) -> Option<Deed> {
        let who = self.script.pick(others)?;
        let motions = [Motion::Remove, Motion::Promote, Motion::Demote, Motion::Renew, Motion::Amend];
        Some(match self.script.below(16) {
            0..=4 => Deed::Propose { what: self.script.pick(&motions)?, who },
            5..=8 => Deed::Sign,
            9..=11 => Deed::Enact,
            12 => Deed::Withdraw,
            13 => Deed::Suspend,
            14 => Deed::Resume,
            _ => Deed::Revoke { who },
        })
    }

    fn perform(&mut self, by: usize, deed: &Deed) {
        let whom = match deed {
            Deed::Admit { who, .. }
            | Deed::Remove { who }
            | Deed::Steward { who, .. }
            | Deed::Propose { who, .. }
            | Deed::Revoke { who } => Some(self.nodes[*who].party.clone()),
            _ => None,
        };
        let Some(act) = self.with(by, |node, env| node.act(env, deed, whom.as_ref())) else { return };
        self.report.deeds += 1;
        self.report.trace(&[self.env.now, by as u64, self.report.deeds]);
        if let Deed::Admit { who, .. } = deed {
            self.plan_in(THINK, What::Ask { who: *who, by, invitation: act, tries: 0 });
        }
    }

    pub(super) fn ask(&mut self, who: usize, by: usize, invitation: ActId, tries: u32) {
        if tries > TRIES {
            return;
        }
        if !self.reach(who, by) {
            self.plan_in(AGAIN, What::Ask { who, by, invitation, tries: tries + 1 });
            return;
        }
        let (party, time) = (self.nodes[who].party.clone(), self.nodes[who].clock.shows(self.env.now));
        if self.with(by, |node, env| node.ask(env, &party, time, invitation)) {
            self.plan_in(THINK, What::Welcome { who, by, tries: 0 });
        }
    }

    pub(super) fn welcome(&mut self, who: usize, by: usize, tries: u32) {
        let id = self.nodes[who].id();
        let ready = self.reach(who, by) && self.nodes[by].is_up();
        let welcome = if ready { self.with(by, |node, env| node.welcome(env, &id)) } else { None };
        match welcome {
            Some(welcome) => self.with(who, |node, env| node.join(env, &welcome)),
            None if tries < WAITS => self.plan_in(AGAIN, What::Welcome { who, by, tries: tries + 1 }),
            None => {}
        }
    }
}

/// The acts of a partnership of these, of whom the first founded it and the first few are stewards.
fn founded(parties: &[Party], stewards: usize, governing: bool) -> ActGraph {
    let founder = &parties[0];
    let text = if governing { format!("{AGREEMENT}{DECISIONS}") } else { AGREEMENT.to_owned() };
    let said = Founding {
        name: "Prevention",
        agreement: &text,
        role: if governing { "npm".parse().unwrap() } else { role() },
        nonce: [7; 16],
        time: Timestamp(1),
        declaration: None,
    };
    let found = acts::found(&founder.key, &founder.introduced, founder.card(NOT_YET), said).unwrap();
    let mut graph = ActGraph::founded(found).unwrap();
    let partnership = graph.partnership();
    let agreement = Agreement::parse(&text).unwrap().hash();
    for party in &parties[1..] {
        let author = |who: &'static str, graph: &ActGraph| {
            let by = if who == "founder" { founder } else { party };
            Author { partnership, org: by.org(), node: &by.key, parents: graph.heads(), time: Timestamp(2) }
        };
        let door = derive::hash(&party.id().0);
        let place = Invite {
            door: Hash(door.0),
            role: role(),
            steward: party.number < stewards,
            expires: Timestamp(3),
        };
        let invite = acts::invite(author("founder", &graph), place).unwrap();
        let (invitation, card) = (invite.id(), party.card(partnership));
        graph.insert(invite).unwrap();
        let join =
            acts::join(author("party", &graph), invitation, &party.introduced, card, accepted(agreement))
                .unwrap();
        let asked = join.id();
        graph.insert(join).unwrap();
        graph.insert(acts::approve(author("founder", &graph), asked).unwrap()).unwrap();
    }
    graph
}
