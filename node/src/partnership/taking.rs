//! Which acts of partners are taken: those of organisations that were let in, whatever became of it.

use std::sync::Arc;

use ed25519_dalek::SigningKey;
use entente_protocol::agreement::Form;
use entente_protocol::agreement::templates::template;
use entente_protocol::audience::Audience;
use entente_protocol::derive;
use entente_protocol::handling::{Handling, Language, Sensitivity};
use entente_protocol::identity::{OrgKind, introduce};
use entente_protocol::ids::{LogId, NodeId, Seq, Timestamp};
use entente_protocol::membership::acts::{self, Accepted, Author, Founding, Invite, Office};
use entente_protocol::membership::{ActGraph, VerifiedAct};
use entente_protocol::record::Content;
use entente_protocol::value::Value;
use zeroize::Zeroizing;

use super::govern;
use super::publish::publish;
use super::state::State;
use crate::clock;
use crate::frames::Frame;
use crate::me::Me;
use crate::secrets::PartnershipSecrets;

struct Party(Me, PartnershipSecrets);

impl Party {
    fn new(n: u8) -> Party {
        let key = SigningKey::from_bytes(&[n + 100; 32]);
        let id = NodeId(key.verifying_key().to_bytes());
        let root = SigningKey::from_bytes(&[n; 32]);
        let kind = if n == 1 { OrgKind::Npm } else { OrgKind::Cso };
        let introduced = introduce(&root, &format!("Party {n}"), kind, "GE", id, Timestamp(1)).unwrap();
        Party(Me { introduced, key }, PartnershipSecrets::fresh(acts::NOT_YET).unwrap())
    }

    fn author(&self, graph: &ActGraph) -> Author<'_> {
        Author {
            partnership: graph.partnership(),
            org: self.0.org(),
            node: &self.0.key,
            parents: graph.heads(),
            time: Timestamp(3),
        }
    }

    fn found(&self) -> VerifiedAct {
        let card = super::card(&self.0, &self.1, acts::NOT_YET, &[]).unwrap();
        let said = Founding {
            name: "Prevention",
            agreement: template(Form::Informal),
            role: "npm".parse().unwrap(),
            nonce: [1; 16],
            time: Timestamp(2),
            declaration: None,
        };
        acts::found(&self.0.key, &self.0.introduced, card, said).unwrap()
    }

    fn invite(&self, graph: &mut ActGraph, steward: bool) -> VerifiedAct {
        let door = derive::door_commitment(&Zeroizing::new([7; 32]));
        let role = "cso".parse().unwrap();
        let place = Invite { door, role, steward, expires: Timestamp(9) };
        put(graph, acts::invite(self.author(graph), place).unwrap())
    }

    fn join(&self, graph: &mut ActGraph, invite: &VerifiedAct) -> VerifiedAct {
        let agreement = graph.iter().next().unwrap().agreement().unwrap().hash();
        let accepted = Accepted { agreement, role: "cso".parse().unwrap(), declaration: None };
        let card = super::card(&self.0, &self.1, graph.partnership(), &[]).unwrap();
        let join = acts::join(self.author(graph), invite.id(), &self.0.introduced, card, accepted);
        put(graph, join.unwrap())
    }

    fn does_something(&self, graph: &mut ActGraph) -> VerifiedAct {
        let door = derive::door_commitment(&Zeroizing::new([8; 32]));
        let office = Office { org: self.0.org(), door, expires: Timestamp(9) };
        put(graph, acts::office(self.author(graph), office).unwrap())
    }
}

/// One founds, and lets the other in.
fn let_in(a: &Party, b: &Party, steward: bool) -> ActGraph {
    let mut graph = ActGraph::founded(a.found()).unwrap();
    let invite = a.invite(&mut graph, steward);
    let join = b.join(&mut graph, &invite);
    let approve = acts::approve(a.author(&graph), join.id()).unwrap();
    put(&mut graph, approve);
    graph
}

/// What the founder knows who let one other organisation in.
pub(super) fn of_two() -> State {
    let (a, b) = (Party::new(1), Party::new(2));
    let graph = let_in(&a, &b, false);
    let Party(me, mut secrets) = a;
    secrets.id = graph.partnership();
    State::new(Arc::new(me), secrets, graph)
}

/// What a record says.
pub(super) fn a_place() -> Content {
    Content {
        kind: "place".parse().unwrap(),
        language: Language::try_from("en".to_owned()).unwrap(),
        sensitivity: Sensitivity::Partnership,
        handling: Handling::default(),
        created: clock::now(),
        replies_to: None,
        supersedes: None,
        references: Vec::new(),
        fields: vec![("title".into(), Value::Text("No access to a doctor".into()))],
        attachments: Vec::new(),
    }
}

/// The frames of a record for all members; its key is among them if there was none.
pub(super) fn published(state: &mut State) -> Vec<Frame> {
    publish(state, a_place(), Audience::Everyone, clock::nonce(), clock::now()).unwrap().frames
}

fn put(graph: &mut ActGraph, act: VerifiedAct) -> VerifiedAct {
    graph.insert(act.clone()).unwrap();
    act
}

#[test]
fn what_an_organisation_did_whose_approval_was_voided_is_taken_and_a_strangers_act_is_not() {
    let (a, b, c, d) = (Party::new(1), Party::new(2), Party::new(3), Party::new(4));
    let graph = let_in(&a, &b, true);
    // Here the second steward is removed; elsewhere it lets somebody in, who acts.
    let (mut here, mut there) = (graph.clone(), graph);
    let remove = acts::remove(a.author(&here), b.0.org(), "", []).unwrap();
    put(&mut here, remove);
    let invite = b.invite(&mut there, false);
    let join = c.join(&mut there, &invite);
    let asked = d.join(&mut there.clone(), &invite);
    let mut of_stranger = there.clone();
    of_stranger.insert(asked.clone()).unwrap();
    let stranger = d.does_something(&mut of_stranger);
    let approve = acts::approve(b.author(&there), join.id()).unwrap();
    let approve = put(&mut there, approve);
    let acted = c.does_something(&mut there);

    let mut state =
        State::new(Arc::new(a.0.clone()), PartnershipSecrets::fresh(here.partnership()).unwrap(), here);
    let offered = [&invite, &join, &asked, &stranger, &approve, &acted].map(|a| a.signed().to_unverified());
    let taken = govern::take(&mut state, &offered);
    assert!(!state.membership.is_member(&c.0.org()), "the approval has no effect");
    assert!(state.graph.contains(&acted.id()), "others may build on it");
    assert!(!state.graph.contains(&stranger.id()), "who was never approved adds nothing but its request");
    assert_eq!(taken.len(), offered.len() - 1);
}

#[test]
fn what_a_leaver_signs_after_leaving_is_late_and_not_welcome() {
    let (a, b) = (Party::new(1), Party::new(2));
    let mut graph = let_in(&a, &b, false);
    let log = LogId(b.1.log.signing_key().verifying_key().to_bytes());
    let leave = acts::leave(b.author(&graph), [(log, Seq(2))]).unwrap();
    put(&mut graph, leave);
    let secrets = PartnershipSecrets::fresh(graph.partnership()).unwrap();
    let state = State::new(Arc::new(a.0.clone()), secrets, graph);
    let node = b.0.node();
    assert!(!state.is_late(&node, &log, Seq(1)) && state.is_late(&node, &log, Seq(2)));
    assert_eq!(
        state.roster().logs.get(&log),
        Some(&(node, Some(Seq(2)))),
        "what it wrote before still comes"
    );
}
