//! F6: two stewards change membership at once, under partition, in every pairing.

use super::*;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Move {
    Invite,
    ApproveOne,
    ApproveOther,
    RemoveMember,
    RemoveOtherSteward,
    Leave,
}
use Move::{ApproveOne, ApproveOther, Invite as Invites, Leave, RemoveMember, RemoveOtherSteward};

const MOVES: [Move; 6] = [Invites, ApproveOne, ApproveOther, RemoveMember, RemoveOtherSteward, Leave];

/// What each pairing must come to: whether the senior's and the junior's acts count.
fn expected(senior: Move, junior: Move) -> (bool, bool) {
    match (senior, junior) {
        // The senior's removal of the junior voids whatever the junior does elsewhere, its own removal first.
        (RemoveOtherSteward, _) => (true, false),
        // One may go, the other must stay.
        (Leave, Leave) => (true, false),
        // One invitation, two organisations: the senior's choice.
        (ApproveOne, ApproveOther) | (ApproveOther, ApproveOne) => (true, false),
        // The junior's removal of the senior voids what the senior lets in, not whom it put out before.
        (Invites | ApproveOne | ApproveOther, RemoveOtherSteward) => (false, true),
        _ => (true, true),
    }
}

#[test]
fn every_pairing_of_two_stewards_has_one_result() {
    let orgs: Vec<Org> = (1..=5).map(Org::new).collect();
    let [a, b, member, x, y] = orgs.as_slice() else { panic!() };
    let mut graph = founded(a);
    admit(&mut graph, a, b, true);
    admit(&mut graph, a, member, false);
    let invite = a.invite(&graph, false);
    put(&invite, &mut graph);
    let joins = [x.join(&graph, &invite), y.join(&graph, &invite)];
    joins.iter().for_each(|join| put(join, &mut graph));
    let act = |by: &Org, other: &Org, play: Move| match play {
        Invites => by.invite(&graph, true),
        ApproveOne => by.approve(&graph, &joins[0]),
        ApproveOther => by.approve(&graph, &joins[1]),
        RemoveMember => by.remove(&graph, member),
        RemoveOtherSteward => by.remove(&graph, other),
        Leave => by.leave(&graph),
    };
    for senior in MOVES {
        for junior in MOVES {
            let (by_a, by_b) = (act(a, b, senior), act(b, a, junior));
            let (mut here, mut there) = (graph.clone(), graph.clone());
            put(&by_a, &mut here);
            put(&by_b, &mut there);
            let now = Membership::of(&merged(&here, &there));
            assert_eq!(now, Membership::of(&merged(&there, &here)), "{senior:?} {junior:?}");
            let counts = |act: &VerifiedAct| now.verdicts[&act.id()] == Verdict::Effective;
            assert_eq!((counts(&by_a), counts(&by_b)), expected(senior, junior), "{senior:?} {junior:?}");
            let went = |by: &Org, other: &Org, act: &VerifiedAct, play: Move| {
                let gone = match play {
                    RemoveMember => member,
                    RemoveOtherSteward => other,
                    Leave => by,
                    _ => return,
                };
                assert_eq!(now.is_member(&gone.id()), !counts(act) && !now.former.contains_key(&gone.id()));
            };
            went(a, b, &by_a, senior);
            went(b, a, &by_b, junior);
            assert!(now.members.values().any(|m| m.steward), "{senior:?} {junior:?}");
        }
    }
}
