//! More nodes of a member, their revocation, and new logs: M15, M18, M21.

use super::*;
use crate::ids::Seq;
use crate::membership::acts::{Office, RevokeNode};
use crate::root;

impl Org {
    fn open_office(&self, graph: &ActGraph, of: &Org) -> VerifiedAct {
        let office = Office { org: of.id(), door: Hash([3; 32]), expires: Timestamp(9) };
        acts::office(self.author(graph), office).unwrap()
    }

    fn come(&self, graph: &ActGraph, office: &VerifiedAct) -> VerifiedAct {
        let card = self.card(graph.partnership());
        acts::add_node(self.author(graph), office.id(), &self.introduced, card).unwrap()
    }

    fn revoke(&self, graph: &ActGraph, node: &Org, root: Option<&Org>) -> VerifiedAct {
        let root = root.map(|org| root::revoke(&org.root(), node.node_id(), Timestamp(7)));
        let revoke = RevokeNode {
            node: node.node_id(),
            reason: "taken in a raid".into(),
            seized_at: Some(Timestamp(5)),
            cutoff: vec![(node.log(), Seq(4))],
            root,
        };
        acts::revoke_node(self.author(graph), revoke).unwrap()
    }

    fn renew(&self, graph: &ActGraph, by: &Org, ended: (LogId, Seq), n: u8) -> VerifiedAct {
        let log = LogId([n; 32]);
        let card = MemberCard { log, ..self.card(graph.partnership()) };
        let word = root::renew_log(&by.root(), graph.partnership(), self.node_id(), log, Timestamp(9));
        acts::new_log(self.author(graph), card, word, ended).unwrap()
    }
}

/// A founder, a second steward, and a member with two nodes.
fn three() -> (Org, Org, Org, Org, ActGraph) {
    let (a, b, c) = (Org::new(1), Org::new(2), Org::new(3));
    let c2 = c.second_node(1);
    let mut graph = founded(&a);
    admit(&mut graph, &a, &b, true);
    admit(&mut graph, &a, &c, false);
    let office = c.open_office(&graph, &c);
    put(&office, &mut graph);
    let come = c2.come(&graph, &office);
    put(&come, &mut graph);
    assert_effective(&graph, &come);
    (a, b, c, c2, graph)
}

#[test]
fn a_second_office_acts_for_its_organisation() {
    let (a, _, c, c2, mut graph) = three();
    let now = Membership::of(&graph);
    assert_eq!(now.members[&c.id()].nodes.len(), 2);
    assert_eq!(now.node(&c2.node_id()).unwrap().0, c.id());
    assert_eq!(now.offices.values().next().unwrap().used_by, Some(c2.node_id()));
    let leave = c2.leave(&graph);
    put(&leave, &mut graph);
    assert_effective(&graph, &leave);
    let now = Membership::of(&graph);
    assert!(!now.is_member(&c.id()) && now.is_member(&a.id()));
    assert_eq!(now.former[&c.id()].nodes.len(), 2);
}

#[test]
fn a_node_without_its_roots_certificate_or_through_anothers_door_is_not_added() {
    let (a, b, c, _, mut graph) = three();
    let (c3, b2) = (c.second_node(2), b.second_node(1));
    let office = a.open_office(&graph, &c);
    put(&office, &mut graph);
    // The certificate of another organisation makes no well-formed act at all.
    let forged = Org { introduced: b2.introduced.clone(), ..c.second_node(3) };
    let card = forged.card(graph.partnership());
    assert!(acts::add_node(forged.author(&graph), office.id(), &forged.introduced, card).is_err());
    let wrong_door = b2.come(&graph, &office);
    put(&wrong_door, &mut graph);
    assert_void(&graph, &wrong_door, VoidReason::NoSuchInvitation);
    let come = c3.come(&graph, &office);
    put(&come, &mut graph);
    assert_effective(&graph, &come);
    let used = c.second_node(4).come(&graph, &office);
    put(&used, &mut graph);
    assert_void(&graph, &used, VoidReason::InvitationUsed);
    let stranger = Org::new(9);
    let for_stranger = a.open_office(&graph, &stranger);
    put(&for_stranger, &mut graph);
    assert_void(&graph, &for_stranger, VoidReason::NobodyThere);
}

#[test]
fn a_node_is_revoked_by_its_sibling_a_steward_or_its_root_and_by_nobody_else() {
    for by in ["sibling", "steward", "root", "member"] {
        let (a, b, c, c2, mut graph) = three();
        let d = Org::new(4);
        admit(&mut graph, &a, &d, false);
        let act = match by {
            "sibling" => c2.revoke(&graph, &c, None),
            "steward" => b.revoke(&graph, &c, None),
            "root" => d.revoke(&graph, &c, Some(&c)),
            _ => d.revoke(&graph, &c, Some(&b)),
        };
        put(&act, &mut graph);
        if by == "member" {
            assert_void(&graph, &act, VoidReason::NotASteward);
            continue;
        }
        assert_effective(&graph, &act);
        let now = Membership::of(&graph);
        assert_eq!(now.members[&c.id()].nodes.keys().collect::<Vec<_>>(), [&c2.node_id()], "{by}");
        assert_eq!(now.revoked[&c.node_id()].cutoff[&c.log()], Seq(4));
        assert_eq!(now.revoked[&c.node_id()].seized_at, Some(Timestamp(5)));
        let later = c.leave(&graph);
        put(&later, &mut graph);
        assert_void(&graph, &later, VoidReason::NodeRevoked);
        // It never comes back, whoever opens a door.
        let office = a.open_office(&graph, &c);
        put(&office, &mut graph);
        let back = c.come(&graph, &office);
        put(&back, &mut graph);
        assert_void(&graph, &back, VoidReason::NodeRevoked);
    }
}

#[test]
fn what_a_seized_node_does_elsewhere_is_void_and_the_older_node_wins_between_siblings() {
    let (a, _, c, c2, graph) = three();
    let mut graph = graph;
    put(&a.decide(&graph, super::governing::steward_of(&c, true)), &mut graph);
    let (mut here, mut there) = (graph.clone(), graph.clone());
    let revoke = c.revoke(&here, &c2, None);
    put(&revoke, &mut here);
    let removal = c2.remove(&there, &a);
    put(&removal, &mut there);
    let against = c2.revoke(&there, &c, None);
    put(&against, &mut there);
    let all = merged(&here, &there);
    assert_eq!(Membership::of(&all), Membership::of(&merged(&there, &here)));
    assert_effective(&all, &revoke);
    assert_void(&all, &removal, VoidReason::NodeRevoked);
    assert_void(&all, &against, VoidReason::NodeRevoked);
}

#[test]
fn the_roots_word_beats_what_the_seized_node_does_at_the_same_time() {
    let (a, b, c, c2, graph) = three();
    let (mut here, mut there) = (graph.clone(), graph.clone());
    // The older node was seized, and revokes its sibling; a partner carries the root key's word.
    let word = b.revoke(&here, &c, Some(&c));
    put(&word, &mut here);
    let against = c.revoke(&there, &c2, None);
    put(&against, &mut there);
    let all = merged(&here, &there);
    assert_eq!(Membership::of(&all), Membership::of(&merged(&there, &here)));
    assert_effective(&all, &word);
    assert_void(&all, &against, VoidReason::NodeRevoked);
    assert!(Membership::of(&all).is_member(&a.id()));
}

#[test]
fn an_organisation_that_lost_its_only_node_comes_back_through_any_members_door() {
    let (a, b) = (Org::new(1), Org::new(2));
    let mut graph = founded(&a);
    admit(&mut graph, &a, &b, false);
    put(&b.revoke(&graph, &a, Some(&a)), &mut graph);
    let now = Membership::of(&graph);
    assert!(now.is_steward(&a.id()) && now.members[&a.id()].nodes.is_empty());
    let office = b.open_office(&graph, &a);
    put(&office, &mut graph);
    let fresh = a.second_node(1);
    put(&fresh.come(&graph, &office), &mut graph);
    let invite = fresh.invite(&graph, false);
    put(&invite, &mut graph);
    assert_effective(&graph, &invite);
}

#[test]
fn a_new_log_wants_the_roots_word_and_ends_the_old_one() {
    let (_, b, c, _, mut graph) = three();
    let log = LogId([77; 32]);
    let card = MemberCard { log, ..c.card(graph.partnership()) };
    let word = root::renew_log(&b.root(), graph.partnership(), c.node_id(), log, Timestamp(9));
    assert!(acts::new_log(c.author(&graph), card, word, (c.log(), Seq(3))).is_err());
    let wrong = c.renew(&graph, &c, (b.log(), Seq(3)), 77);
    put(&wrong, &mut graph);
    assert_void(&graph, &wrong, VoidReason::NoSuchLog);
    let right = c.renew(&graph, &c, (c.log(), Seq(3)), 78);
    put(&right, &mut graph);
    assert_effective(&graph, &right);
    let now = Membership::of(&graph);
    let node = &now.members[&c.id()].nodes[&c.node_id()];
    assert_eq!((node.card.log, node.ended[&c.log()]), (LogId([78; 32]), Seq(3)));
    assert_eq!(now.org_of_log(&c.log()), Some(c.id()));
    let of_b = b.renew(&graph, &b, (b.log(), Seq(0)), 78);
    put(&of_b, &mut graph);
    assert_void(&graph, &of_b, VoidReason::KeyInUse);
}

#[test]
fn acts_are_counted_by_author_and_invitation_and_who_was_let_in_is_known() {
    let (a, b, c) = (Org::new(1), Org::new(2), Org::new(3));
    let mut graph = founded(&a);
    assert!(graph.was_let_in(&a.id()));
    let invitation = a.invite(&graph, false);
    put(&invitation, &mut graph);
    let join = b.join(&graph, &invitation);
    put(&join, &mut graph);
    put(&c.join(&graph, &invitation), &mut graph);
    assert_eq!(graph.joins_for(&invitation.id()), 2);
    assert!(!graph.was_let_in(&b.id()), "asking is not enough");
    put(&a.approve(&graph, &join), &mut graph);
    assert!(graph.was_let_in(&b.id()) && !graph.was_let_in(&c.id()));
    assert_eq!((graph.acts_of(&a.id()), graph.acts_of(&b.id())), (3, 1));
    assert_eq!(graph.authors().map(|(_, acts)| acts).sum::<usize>(), graph.len());
}
