//! One test or more for each rule of the module's doc.

use std::collections::BTreeMap;

use super::*;
use crate::ids::Seq;
use crate::membership::acts::RevokeNode;
use crate::membership::{Act, ActBody, ActError, Departure, Seniority, verify_act};
use crate::signed::sign;

fn three() -> (Org, Org, Org) {
    (Org::new(1), Org::new(2), Org::new(3))
}

#[test]
fn founding_inviting_joining_and_approving_makes_two_members() {
    let (a, b, _) = three();
    let mut graph = founded(&a);
    let invite = a.invite(&graph, false);
    put(&invite, &mut graph);
    let join = b.join(&graph, &invite);
    put(&join, &mut graph);
    let waiting = Membership::of(&graph);
    assert_eq!(names(&waiting), ["Org 1"]);
    assert_eq!(waiting.pending.len(), 1);
    assert_eq!(waiting.pending[0].organisation.name, "Org 2");
    put(&a.approve(&graph, &join), &mut graph);
    let now = Membership::of(&graph);
    assert_eq!(names(&now), ["Org 1", "Org 2"]);
    assert!(now.pending.is_empty() && now.is_steward(&a.id()) && !now.is_steward(&b.id()));
    assert_eq!(now.invitations[&invite.id()].used_by, Some(b.id()));
    assert_eq!(now.org_of_log(&b.log()), Some(b.id()));
    assert_eq!(now.by_transport(&b.card(NOT_YET).transport), Some((b.id(), b.node_id())));
    assert_eq!(now.node(&b.node_id()).unwrap().0, b.id());
    assert_eq!((now.nodes().count(), now.roles().len()), (2, 2));
    assert_eq!(now.orgs_in(&[b.id(), Org::new(9).id()]), [b.id()]);
    assert!(now.verdicts.values().all(|v| *v == Verdict::Effective));
}

#[test]
fn members_who_are_not_stewards_cannot_invite_approve_or_remove() {
    let (a, b, c) = three();
    let mut graph = founded(&a);
    admit(&mut graph, &a, &b, false);
    let invite = a.invite(&graph, false);
    put(&invite, &mut graph);
    let join = c.join(&graph, &invite);
    put(&join, &mut graph);
    let acts = [b.invite(&graph, false), b.approve(&graph, &join), b.remove(&graph, &a)];
    for act in acts {
        put(&act, &mut graph);
        assert_void(&graph, &act, VoidReason::NotASteward);
    }
    assert_eq!(names(&Membership::of(&graph)), ["Org 1", "Org 2"]);
}

#[test]
fn a_join_must_sign_the_agreement_and_take_the_role() {
    let (a, b, _) = three();
    let mut graph = founded(&a);
    let invite = a.invite(&graph, false);
    put(&invite, &mut graph);
    let hash = Membership::of(&graph).agreement.hash();
    let join = |author, hash, role: &str| {
        let card = b.card(graph.partnership());
        acts::join(author, invite.id(), &b.introduced, card, accepted(hash, role.parse().unwrap())).unwrap()
    };
    let other_text = join(b.author(&graph), Hash([1; 32]), "cso");
    let other_role = join(b.author(&graph), hash, "npm");
    let fine = join(b.author(&graph), hash, "cso");
    let mut graph = graph.clone();
    for wrong in [other_text, other_role] {
        put(&wrong, &mut graph);
        assert_void(&graph, &wrong, VoidReason::WrongAgreement);
        let approve = a.approve(&graph, &wrong);
        put(&approve, &mut graph);
        assert_void(&graph, &approve, VoidReason::NoSuchJoin);
    }
    put(&fine, &mut graph);
    put(&a.approve(&graph, &fine), &mut graph);
    let again = b.join(&graph, &a.invite(&graph, false));
    put(&again, &mut graph);
    assert_void(&graph, &again, VoidReason::NoSuchInvitation);
    let second = a.invite_by_door(&graph, false, 9);
    put(&second, &mut graph);
    let again = b.join(&graph, &second);
    put(&again, &mut graph);
    assert_void(&graph, &again, VoidReason::AlreadyMember);
}

#[test]
fn an_invitation_is_used_once() {
    let (a, b, c) = three();
    let s = Org::new(4);
    let mut graph = founded(&a);
    admit(&mut graph, &a, &s, true);
    let invite = a.invite(&graph, false);
    put(&invite, &mut graph);
    let (join_b, join_c) = (b.join(&graph, &invite), c.join(&graph, &invite));
    put(&join_b, &mut graph);
    put(&join_c, &mut graph);
    let (by_senior, by_junior) = (a.approve(&graph, &join_b), s.approve(&graph, &join_c));
    // One after the other: the earlier.
    let mut later = graph.clone();
    put(&by_junior, &mut later);
    let too_late = a.approve(&later, &join_b);
    put(&too_late, &mut later);
    assert_void(&later, &too_late, VoidReason::InvitationUsed);
    // At once: the senior approver's.
    put(&by_junior, &mut graph);
    put(&by_senior, &mut graph);
    assert_void(&graph, &by_junior, VoidReason::InvitationUsed);
    assert_eq!(names(&Membership::of(&graph)), ["Org 1", "Org 2", "Org 4"]);
    assert_eq!(Membership::of(&graph).invitations[&invite.id()].used_by, Some(b.id()));
}

#[test]
fn two_stewards_may_approve_the_same_join_at_once() {
    let (a, b, c) = three();
    let mut graph = founded(&a);
    admit(&mut graph, &a, &b, true);
    let invite = a.invite(&graph, false);
    put(&invite, &mut graph);
    let join = c.join(&graph, &invite);
    put(&join, &mut graph);
    let both = [a.approve(&graph, &join), b.approve(&graph, &join)];
    both.iter().for_each(|act| put(act, &mut graph));
    both.iter().for_each(|act| assert_effective(&graph, act));
    let removal = a.remove(&graph, &c);
    put(&removal, &mut graph);
    assert_eq!(names(&Membership::of(&graph)), ["Org 1", "Org 2"]);
}

#[test]
fn keys_of_others_are_not_admitted() {
    let (a, b, c) = three();
    for n in 0..2 {
        let mut graph = founded(&a);
        admit(&mut graph, &a, &b, false);
        put(&a.remove(&graph, &b), &mut graph);
        let invite = a.invite(&graph, false);
        put(&invite, &mut graph);
        let mut card = c.card(graph.partnership());
        match n {
            0 => card.log = b.log(),
            _ => card.transport = b.card(NOT_YET).transport,
        }
        let hash = Membership::of(&graph).agreement.hash();
        let join =
            acts::join(c.author(&graph), invite.id(), &c.introduced, card, accepted(hash, cso())).unwrap();
        put(&join, &mut graph);
        let approve = a.approve(&graph, &join);
        put(&approve, &mut graph);
        assert_void(&graph, &approve, VoidReason::KeyInUse);
    }
}

#[test]
fn a_member_leaves_alone() {
    let (a, b, _) = three();
    let mut graph = founded(&a);
    admit(&mut graph, &a, &b, false);
    let itself = acts::remove(a.author(&graph), a.id(), "", []).unwrap();
    put(&itself, &mut graph);
    assert_void(&graph, &itself, VoidReason::RemovesItself);
    put(&b.leave(&graph), &mut graph);
    let now = Membership::of(&graph);
    assert_eq!(names(&now), ["Org 1"]);
    assert_eq!(now.former[&b.id()].how, Departure::Left);
    assert_eq!(now.org_of_log(&b.log()), Some(b.id()));
    assert_eq!(now.node(&b.node_id()), None);
    let again = a.remove(&graph, &b);
    put(&again, &mut graph);
    assert_void(&graph, &again, VoidReason::NobodyToRemove);
}

#[test]
fn a_removal_says_who_why_and_up_to_where() {
    let (a, b, c) = three();
    let mut graph = founded(&a);
    admit(&mut graph, &a, &b, false);
    admit(&mut graph, &a, &c, true);
    let removal = |by: &Org, seq| acts::remove(by.author(&graph), b.id(), "Why", [(b.log(), Seq(seq))]);
    let (first, second) = (removal(&a, 9).unwrap(), removal(&c, 5).unwrap());
    let mut graph = graph.clone();
    put(&first, &mut graph);
    let former = Membership::of(&graph).former[&b.id()].clone();
    assert_eq!(former.how, Departure::Removed { by: a.id(), reason: "Why".into() });
    assert_eq!(former.cutoff[&b.log()], Seq(9));
    put(&second, &mut graph);
    assert_eq!(Membership::of(&graph).former[&b.id()].cutoff[&b.log()], Seq(5), "the strictest holds");
}

#[test]
fn seniority_follows_approvals() {
    let (a, b, c) = three();
    let (d, e) = (Org::new(4), Org::new(5));
    let mut graph = founded(&a);
    admit(&mut graph, &a, &b, true);
    let stale = graph.clone();
    admit(&mut graph, &b, &c, true);
    admit(&mut graph, &a, &d, true);
    // b backdates an admission by naming old parents.
    let mut elsewhere = stale;
    admit(&mut elsewhere, &b, &e, true);
    let now = Membership::of(&merged(&graph, &elsewhere));
    let rank = |org: &Org| now.members[&org.id()].rank.clone();
    assert_eq!(rank(&a), Seniority::founder());
    assert!(rank(&a) < rank(&b) && rank(&b) < rank(&d), "the founder's own order");
    assert!(rank(&d) < rank(&c) && rank(&d) < rank(&e), "stale parents overtake only one's own");
}

#[test]
fn time_is_never_judged() {
    let (a, b, c) = three();
    let at = |time: u64| {
        let mut graph = founded(&a);
        let by = |org: &'static Org, graph: &ActGraph| Author { time: Timestamp(time), ..org.author(graph) };
        let (a, b): (&'static Org, &'static Org) =
            (Box::leak(Box::new(Org::new(1))), Box::leak(Box::new(Org::new(2))));
        admit(&mut graph, a, b, true);
        let mut other = graph.clone();
        put(&acts::remove(by(a, &graph), b.id(), "", []).unwrap(), &mut graph);
        put(&acts::remove(by(b, &other), a.id(), "", []).unwrap(), &mut other);
        names(&Membership::of(&merged(&graph, &other)))
    };
    assert_eq!(at(0), at(u64::MAX));
    assert_eq!(at(0), ["Org 1"]);
    // Approved after the invitation's time.
    let mut graph = founded(&a);
    admit(&mut graph, &a, &b, true);
    let invite = a.invite(&graph, false);
    put(&invite, &mut graph);
    let join = c.join(&graph, &invite);
    put(&join, &mut graph);
    let late = acts::approve(Author { time: Timestamp(u64::MAX), ..a.author(&graph) }, join.id()).unwrap();
    put(&late, &mut graph);
    assert_effective(&graph, &late);
}

#[test]
fn what_the_removed_did_elsewhere_is_void() {
    let (a, b, c) = three();
    let (d, e) = (Org::new(4), Org::new(5));
    let mut graph = founded(&a);
    admit(&mut graph, &a, &b, true);
    admit(&mut graph, &b, &d, false);
    let mut elsewhere = graph.clone();
    let sockpuppet = admit(&mut elsewhere, &b, &c, true);
    let by_puppet = admit(&mut elsewhere, &c, &e, true);
    let retaliation = c.remove(&elsewhere, &a);
    put(&retaliation, &mut elsewhere);
    assert_effective(&elsewhere, &retaliation);
    put(&a.remove(&graph, &b), &mut graph);
    let all = merged(&graph, &elsewhere);
    assert_eq!(names(&Membership::of(&all)), ["Org 1", "Org 4"], "what it did before stays");
    assert_void(&all, &sockpuppet, VoidReason::AuthorGone);
    assert_void(&all, &by_puppet, VoidReason::RestsOnVoid);
    assert_void(&all, &retaliation, VoidReason::RestsOnVoid);
}

#[test]
fn what_the_removed_did_elsewhere_is_void_even_where_a_senior_saw_it() {
    let (f, a, b) = three();
    let (m, x, y) = (Org::new(4), Org::new(5), Org::new(6));
    let mut graph = founded(&f);
    for (who, steward) in [(&a, true), (&b, true), (&m, false)] {
        admit(&mut graph, &f, who, steward);
    }
    let mut elsewhere = graph.clone();
    let sockpuppet = admit(&mut elsewhere, &b, &x, true);
    let by_puppet = admit(&mut elsewhere, &x, &y, false);
    let removal = f.remove(&elsewhere, &m);
    put(&removal, &mut elsewhere);
    put(&a.remove(&graph, &b), &mut graph);
    let all = merged(&graph, &elsewhere);
    assert_effective(&all, &removal);
    assert_void(&all, &sockpuppet, VoidReason::AuthorGone);
    assert_void(&all, &by_puppet, VoidReason::RestsOnVoid);
    assert_eq!(names(&Membership::of(&all)), ["Org 1", "Org 2"]);
}

#[test]
fn an_invitation_by_the_removed_admits_nobody_else_where() {
    let (a, b, c) = three();
    let d = Org::new(4);
    let mut graph = founded(&a);
    admit(&mut graph, &a, &b, true);
    admit(&mut graph, &a, &d, true);
    let mut elsewhere = graph.clone();
    let invite = b.invite(&elsewhere, false);
    put(&invite, &mut elsewhere);
    let join = c.join(&elsewhere, &invite);
    put(&join, &mut elsewhere);
    let approve = d.approve(&elsewhere, &join);
    put(&approve, &mut elsewhere);
    put(&a.remove(&graph, &b), &mut graph);
    let all = merged(&graph, &elsewhere);
    assert_void(&all, &approve, VoidReason::RestsOnVoid);
    assert!(Membership::of(&all).pending.is_empty());
}

#[test]
fn a_senior_who_built_on_a_removal_confirms_it() {
    let (f, a, b) = three();
    let m = Org::new(4);
    let mut graph = founded(&f);
    for (who, steward) in [(&a, true), (&b, true), (&m, false)] {
        admit(&mut graph, &f, who, steward);
    }
    let mut elsewhere = graph.clone();
    put(&a.remove(&graph, &b), &mut graph);
    put(&b.remove(&elsewhere, &a), &mut elsewhere);
    assert_eq!(names(&Membership::of(&merged(&graph, &elsewhere))), ["Org 1", "Org 2", "Org 4"]);
    put(&f.remove(&elsewhere, &m), &mut elsewhere);
    assert_eq!(names(&Membership::of(&merged(&graph, &elsewhere))), ["Org 1", "Org 3"]);
}

#[test]
fn removal_beats_concurrent_approval_and_readmission_follows() {
    let (a, b, c) = three();
    let mut graph = founded(&a);
    admit(&mut graph, &a, &b, true);
    admit(&mut graph, &a, &c, false);
    put(&c.leave(&graph), &mut graph);
    let invite = b.invite(&graph, false);
    put(&invite, &mut graph);
    let join = c.join(&graph, &invite);
    put(&join, &mut graph);
    let approve = b.approve(&graph, &join);
    // While b approves, a second steward lets it in and puts it out again.
    let mut elsewhere = graph.clone();
    put(&a.approve(&elsewhere, &join), &mut elsewhere);
    put(&a.remove(&elsewhere, &c), &mut elsewhere);
    put(&approve, &mut graph);
    let mut all = merged(&graph, &elsewhere);
    assert_void(&all, &approve, VoidReason::RemovedMeanwhile);
    assert!(!Membership::of(&all).is_member(&c.id()));
    // The old request does not serve again; a new one does.
    let old = a.approve(&all, &join);
    put(&old, &mut all);
    assert_void(&all, &old, VoidReason::RemovedMeanwhile);
    let again = admit(&mut all, &a, &c, true);
    assert_effective(&all, &again);
    assert!(Membership::of(&all).is_steward(&c.id()));
    assert!(Membership::of(&all).former.is_empty());
    let works = c.invite(&all, false);
    put(&works, &mut all);
    assert_effective(&all, &works);
}

#[test]
fn what_a_leaver_does_elsewhere_is_void() {
    let (a, b, c) = three();
    let mut graph = founded(&a);
    admit(&mut graph, &a, &b, true);
    let mut elsewhere = graph.clone();
    let admitted = admit(&mut elsewhere, &b, &c, true);
    let retaliation = b.remove(&elsewhere, &a);
    put(&retaliation, &mut elsewhere);
    put(&b.leave(&graph), &mut graph);
    let all = merged(&graph, &elsewhere);
    assert_eq!(names(&Membership::of(&all)), ["Org 1"]);
    assert_void(&all, &admitted, VoidReason::AuthorGone);
    assert_void(&all, &retaliation, VoidReason::AuthorGone);
}

#[test]
fn a_leaver_says_how_far_its_logs_go() {
    let (a, b, _) = three();
    let mut graph = founded(&a);
    admit(&mut graph, &a, &b, false);
    let (log, other) = (LogId([7; 32]), LogId([8; 32]));
    let leave = acts::leave(b.author(&graph), [(other, Seq(2)), (log, Seq(5))]).unwrap();
    // Somebody puts it out at the same time: the stricter position holds, of logs that both name.
    let removal = acts::remove(a.author(&graph), b.id(), "", [(log, Seq(3))]).unwrap();
    put(&leave, &mut graph);
    let former = Membership::of(&graph).former[&b.id()].clone();
    assert_eq!(former.cutoff, BTreeMap::from([(log, Seq(5)), (other, Seq(2))]));
    assert_eq!(former.acts, [leave.id()]);
    put(&removal, &mut graph);
    assert_eq!(Membership::of(&graph).former[&b.id()].cutoff, BTreeMap::from([(log, Seq(3))]));
    let unsorted = Act::Leave { cutoff: Some(vec![(other, Seq(2)), (log, Seq(5))]) };
    let body = ActBody { act: unsorted, ..leave.body().clone() };
    let refused = verify_act(&sign(body, &b.node).to_unverified());
    assert!(matches!(refused, Err(ActError::Form(_))), "{refused:?}");
}

#[test]
fn who_was_let_in_again_by_what_was_undone_is_told_what_undid_it() {
    let (a, b, c) = three();
    let mut graph = founded(&a);
    admit(&mut graph, &a, &b, true);
    admit(&mut graph, &a, &c, false);
    let removal = a.remove(&graph, &c);
    put(&removal, &mut graph);
    let mut elsewhere = graph.clone();
    admit(&mut elsewhere, &b, &c, false);
    let revoked = |seized_at| {
        let reason = "a test".to_owned();
        let revoke = RevokeNode { node: b.node_id(), reason, seized_at, cutoff: Vec::new(), root: None };
        acts::revoke_node(a.author(&graph), revoke).unwrap()
    };
    let after = |cut: &VerifiedAct| {
        let mut here = graph.clone();
        put(cut, &mut here);
        merged(&here, &elsewhere)
    };
    for cut in [a.remove(&graph, &b), revoked(None)] {
        let all = after(&cut);
        let former = Membership::of(&all).former[&c.id()].clone();
        assert_eq!(former.acts, [removal.id(), cut.id()]);
        assert_eq!(former.returned.iter().map(|of| of.card.node).collect::<Vec<_>>(), [c.node_id()]);
        let mut told = elsewhere.clone();
        assert!(Membership::of(&told).is_member(&c.id()), "by what it holds it is in");
        for act in all.missing_up_to(&told.heads(), &former.acts) {
            put(all.get(&act).unwrap(), &mut told);
        }
        assert!(!Membership::of(&told).is_member(&c.id()), "by what it is shown it is not");
    }
    // Who holds a seized node is not shown the revocation by way of somebody whom it lets in.
    let former = Membership::of(&after(&revoked(Some(Timestamp(1))))).former[&c.id()].clone();
    assert_eq!(former.acts, [removal.id()]);
}

#[test]
fn the_last_steward_stays() {
    let (a, b, c) = three();
    let mut graph = founded(&a);
    let alone = a.leave(&graph);
    put(&alone, &mut graph);
    assert_void(&graph, &alone, VoidReason::LastSteward);
    admit(&mut graph, &a, &c, false);
    let leave = a.leave(&graph);
    put(&leave, &mut graph);
    assert_void(&graph, &leave, VoidReason::LastSteward);
    admit(&mut graph, &a, &b, true);
    // Both go at once: the senior may, the other must stay.
    let mut elsewhere = graph.clone();
    let (senior, junior) = (a.leave(&graph), b.leave(&graph));
    put(&senior, &mut graph);
    put(&junior, &mut elsewhere);
    let mut all = merged(&graph, &elsewhere);
    assert_effective(&all, &senior);
    assert_void(&all, &junior, VoidReason::LastSteward);
    assert!(Membership::of(&all).is_steward(&b.id()));
    // And can go once another is there.
    admit(&mut all, &b, &Org::new(4), true);
    put(&b.leave(&all), &mut all);
    assert_eq!(names(&Membership::of(&all)), ["Org 3", "Org 4"]);
}

#[test]
fn an_early_departure_stays_when_all_who_saw_it_go_later() {
    // Read senior first without its past, the last departure would leave nobody for the first to leave to.
    let (a, b, c) = three();
    let d = Org::new(4);
    let mut graph = founded(&a);
    admit(&mut graph, &a, &b, true);
    admit(&mut graph, &a, &c, true);
    put(&c.leave(&graph), &mut graph);
    admit(&mut graph, &b, &d, true);
    put(&a.leave(&graph), &mut graph);
    put(&b.leave(&graph), &mut graph);
    let now = Membership::of(&graph);
    assert_eq!(names(&now), ["Org 4"]);
    assert!(now.verdicts.values().all(|v| *v == Verdict::Effective));
}
