//! F9: acts unsigned, by the wrong signer, on a stale parent, adding oneself: none has any effect.

use super::*;
use crate::codec;
use crate::membership::acts::{Act, ActBody};
use crate::membership::{ActError, GraphError, verify_act};
use crate::signed::{Unverified, sign};

fn partnership() -> (Org, Org, Org, ActGraph) {
    let (a, b, c) = (Org::new(1), Org::new(2), Org::new(3));
    let mut graph = founded(&a);
    admit(&mut graph, &a, &b, false);
    (a, b, c, graph)
}

fn refused(body: ActBody, key: &SigningKey) -> ActError {
    verify_act(&sign(body, key).to_unverified()).unwrap_err()
}

#[test]
fn what_is_unsigned_or_signed_by_another_is_not_an_act() {
    let (a, b, _, graph) = partnership();
    let act = a.remove(&graph, &b);
    let bytes = act.signed().bytes().to_vec();
    assert!(verify_act(&Unverified::from_parts(bytes.clone(), [0; 64])).is_err());
    assert!(matches!(refused(act.body().clone(), &b.node), ActError::Verify(_)));
    let mut changed = bytes;
    *changed.last_mut().unwrap() ^= 1;
    assert!(verify_act(&Unverified::from_parts(changed, *act.signed().signature())).is_err());
    assert_eq!(verify_act(&act.signed().to_unverified()).unwrap(), act);
}

#[test]
fn an_act_survives_the_wire_and_an_unknown_one_is_refused_by_name() {
    let (a, b, _, graph) = partnership();
    for act in graph.iter().chain([&a.remove(&graph, &b), &b.leave(&graph)]) {
        let bytes = codec::encode(&act.signed().to_unverified());
        let back: Unverified<ActBody> = codec::decode(&bytes).unwrap();
        assert_eq!(verify_act(&back).unwrap(), *act);
    }
    let leave = codec::encode(&b.leave(&graph).body().clone());
    let at = leave.len() - 2;
    assert_eq!(leave[at..], [0x05, 0x80]);
    let mut future = leave;
    future[at] = 0x17;
    let error = codec::decode::<ActBody>(&future).unwrap_err();
    assert!(error.to_string().contains("membership act"), "{error}");
}

#[test]
fn strangers_have_no_effect() {
    let (a, b, c, mut graph) = partnership();
    let before = Membership::of(&graph);
    let invite = a.invite(&graph, true);
    put(&invite, &mut graph);
    let join = c.join(&graph, &invite);
    put(&join, &mut graph);
    // Adding oneself, inviting oneself, removing others, leaving what one is not in.
    let acts = [c.approve(&graph, &join), c.invite(&graph, true), c.remove(&graph, &b), c.leave(&graph)];
    for act in acts {
        put(&act, &mut graph);
        assert_void(&graph, &act, VoidReason::NotAMember);
    }
    // Joining without an invitation: by one's own void act, or by any other act.
    let own = c.invite(&graph, true);
    put(&own, &mut graph);
    for way in [own, join] {
        let join = c.join(&graph, &way);
        put(&join, &mut graph);
        assert_void(&graph, &join, VoidReason::NoSuchInvitation);
    }
    assert_eq!(Membership::of(&graph).members, before.members);
}

#[test]
fn a_member_cannot_act_for_another() {
    let (a, b, _, mut graph) = partnership();
    let author = Author { org: a.id(), ..b.author(&graph) };
    let act = acts::remove(author, b.id(), "", []).unwrap();
    put(&act, &mut graph);
    assert_void(&graph, &act, VoidReason::NotItsNode);
}

#[test]
fn stale_parents_bring_nothing_back() {
    let (a, b, c, mut graph) = partnership();
    admit(&mut graph, &a, &c, true);
    let invite = a.invite(&graph, true);
    put(&invite, &mut graph);
    let old = graph.heads();
    put(&a.remove(&graph, &c), &mut graph);
    // c is out, and writes as if it had not noticed.
    let stale = |org: &'static Org, graph: &ActGraph| Author { parents: old.clone(), ..org.author(graph) };
    let c: &'static Org = Box::leak(Box::new(Org::new(3)));
    let acts = [
        acts::remove(stale(c, &graph), a.id(), "", []).unwrap(),
        acts::remove(stale(c, &graph), b.id(), "", []).unwrap(),
        acts::leave(stale(c, &graph), []).unwrap(),
    ];
    for act in acts {
        put(&act, &mut graph);
        assert_void(&graph, &act, VoidReason::AuthorGone);
    }
    assert_eq!(names(&Membership::of(&graph)), ["Org 1", "Org 2"]);
}

#[test]
fn parents_out_of_order_repeated_or_absent_are_refused() {
    let (a, b, _, graph) = partnership();
    let body = a.remove(&graph, &b).body().clone();
    let known: Vec<ActId> = graph.iter().map(VerifiedAct::id).collect();
    let mut backwards = known.clone();
    backwards.sort_by(|a, b| b.cmp(a));
    let many = (0..65).map(|n| ActId([n; 32])).collect();
    for parents in [backwards, vec![known[0]; 2], Vec::new(), many] {
        let error = refused(ActBody { parents, ..body.clone() }, &a.node);
        assert!(matches!(error, ActError::Form(_)), "{error}");
    }
    for partnership in [None, Some(NOT_YET)] {
        assert!(matches!(refused(ActBody { partnership, ..body.clone() }, &a.node), ActError::Form(_)));
    }
    let mut long = body;
    if let Act::Remove(remove) = &mut long.act {
        remove.reason = "\u{1b}[2J".into();
    }
    assert!(matches!(refused(long, &a.node), ActError::Form(_)));
    assert!(acts::remove(a.author(&graph), b.id(), &"x".repeat(1_001), []).is_err());
}

#[test]
fn introductions_cards_and_signatures_of_others_are_refused() {
    let (a, b, c, mut graph) = partnership();
    let invite = a.invite(&graph, false);
    put(&invite, &mut graph);
    let good = c.join(&graph, &invite).body().clone();
    let theirs = b.join(&graph, &invite).body().clone();
    let (Act::Join(good_join), Act::Join(their_join)) = (&good.act, &theirs.act) else { panic!() };
    let mut wrong = vec![good_join.clone(), good_join.clone(), good_join.clone(), good_join.clone()];
    wrong[0].introduction = their_join.introduction.clone();
    wrong[1].card = their_join.card.clone();
    wrong[2].signature = their_join.signature.clone();
    wrong[3].card = sign(c.card(PartnershipId([5; 32])), &c.node).to_unverified();
    for join in wrong {
        refused(ActBody { act: Act::Join(join), ..good.clone() }, &c.node);
    }
    verify_act(&sign(good, &c.node).to_unverified()).unwrap();
}

#[test]
fn a_graph_takes_only_its_own_partnership_and_only_what_follows() {
    let (a, b, _, mut graph) = partnership();
    let second = founded(&b);
    assert!(matches!(graph.insert(found(&b)), Err(GraphError::OtherPartnership(_))));
    assert!(matches!(graph.insert(b.leave(&second)), Err(GraphError::OtherPartnership(_))));
    assert!(matches!(ActGraph::founded(b.leave(&graph)), Err(GraphError::NotFounding(_))));
    let first = a.remove(&graph, &b);
    let mut ahead = graph.clone();
    put(&first, &mut ahead);
    let then = a.invite(&ahead, false);
    assert_eq!(graph.insert(then.clone()).unwrap(), Inserted::Missing(parents(&[&first])));
    put(&first, &mut graph);
    put(&then, &mut graph);
    assert_eq!(graph.insert(then.clone()).unwrap(), Inserted::Known);
    assert_eq!(graph.heads(), parents(&[&then]));
    assert_eq!(graph.missing_from(&parents(&[&first])), parents(&[&then]));
    assert_eq!(graph.missing_from(&[]).len(), graph.len());
    assert_eq!(graph.ancestors(&then.id()).unwrap().len(), graph.len() - 1);
}
