//! What newcomers may be given of the past.

use proptest::prelude::*;

use super::*;
use crate::agreement::Form;
use crate::agreement::templates::template;
use crate::ids::Seq;
use crate::membership::History;
use crate::membership::acts::{Deed, HistoryGrant, HistoryScope};

/// A time at which the agreements of these tests hold.
const NOW: Timestamp = Timestamp(1_790_000_000_000);
const YEAR_BEGINS: Timestamp = Timestamp(1_767_225_600_000);

/// A founder and two members under an agreement with this clause.
fn members(clause: &str) -> (Org, Org, Org, ActGraph) {
    let (a, b, c) = (Org::npm(1), Org::new(2), Org::new(3));
    let text = template(Form::Formal).replace("# end = ", "end = ");
    let text = format!("{text}\n{clause}");
    let mut graph = ActGraph::founded(found_on(&a, &text, "npm".parse().unwrap())).unwrap();
    admit(&mut graph, &a, &b, false);
    admit(&mut graph, &a, &c, false);
    (a, b, c, graph)
}

fn grant(graph: &mut ActGraph, by: &Org, to: &Org, scope: HistoryScope) {
    let act = by.decide(graph, Deed::Grant(HistoryGrant { org: to.id(), scope }));
    put(&act, graph);
}

fn of(graph: &ActGraph, org: &Org) -> History {
    Membership::of(graph).history_for(&org.id(), NOW)
}

#[test]
fn the_agreement_says_how_far_back_newcomers_read() {
    let none = of(&members("").3, &Org::new(2));
    assert!(none.is_empty() && !none.opens_epoch(NOW) && !none.opens_entry(&LogId([1; 32]), Seq(0), NOW));
    let all = of(&members("[history]\nnewcomers = \"all\"\n").3, &Org::new(2));
    assert!(all.opens_epoch(Timestamp(0)) && all.opens_entry(&LogId([1; 32]), Seq(0), Timestamp(0)));
    let since = of(&members("[history]\nnewcomers = 2026-01-01\n").3, &Org::new(2));
    let (before, from) = (Timestamp(YEAR_BEGINS.0 - 1), YEAR_BEGINS);
    assert!(!since.opens_epoch(before) && since.opens_epoch(from));
    assert!(!since.opens_entry(&LogId([1; 32]), Seq(0), before));
    assert!(since.opens_entry(&LogId([1; 32]), Seq(0), from));
}

#[test]
fn a_grant_opens_what_it_names_to_whom_it_names() {
    let (a, b, c, mut graph) = members("");
    let place = (a.log(), Seq(7));
    grant(&mut graph, &a, &b, HistoryScope::Records(vec![place]));
    let granted = of(&graph, &b);
    assert!(granted.opens_entry(&place.0, place.1, Timestamp(0)), "whatever its date");
    for other in [(a.log(), Seq(6)), (a.log(), Seq(8)), (b.log(), Seq(7))] {
        assert!(!granted.opens_entry(&other.0, other.1, NOW));
    }
    assert!(!granted.opens_epoch(NOW), "an entry is not its epoch");
    assert!(of(&graph, &c).is_empty(), "what one member was granted is not for another");
    grant(&mut graph, &a, &c, HistoryScope::From(YEAR_BEGINS));
    assert!(of(&graph, &c).opens_epoch(YEAR_BEGINS) && !of(&graph, &c).opens_epoch(Timestamp(5)));
    assert!(!of(&graph, &b).opens_epoch(YEAR_BEGINS));
}

#[test]
fn no_history_for_strangers_nor_while_nothing_is_exchanged() {
    let (a, b, _, mut graph) = members("[history]\nnewcomers = \"all\"\n");
    assert!(of(&graph, &Org::new(9)).is_empty());
    assert!(!of(&graph, &b).is_empty());
    let over = Membership::of(&graph).agreement.end().unwrap().is_over();
    assert!(Membership::of(&graph).history_for(&b.id(), over).is_empty(), "the agreement ended");
    let suspend = acts::suspend(a.author(&graph), "an inquiry").unwrap();
    put(&suspend, &mut graph);
    assert!(of(&graph, &b).is_empty(), "suspended");
    put(&acts::resume(a.author(&graph), suspend.id()).unwrap(), &mut graph);
    assert!(!of(&graph, &b).is_empty());
    put(&a.decide(&graph, Deed::Terminate { reason: "done".into() }), &mut graph);
    assert!(of(&graph, &b).is_empty(), "ended for good");
}

#[test]
fn no_history_before_the_declaration_is_signed() {
    let clauses = "[history]\nnewcomers = \"all\"\n[declaration]\ntext = \"I keep it.\"\nroles = [\"cso\"]\n";
    let (a, b, _, graph) = members(clauses);
    assert!(of(&graph, &b).is_empty());
    assert!(!of(&graph, &a).is_empty(), "its role declares nothing");
}

proptest! {
    #[test]
    fn more_grants_never_open_less_and_open_what_they_name_only(
        times in prop::collection::vec(0_u64..1_000, 0..4),
        places in prop::collection::btree_set((0_u8..4, 0_u64..8), 0..6),
        asked in (0_u8..4, 0_u64..8, 0_u64..1_000),
    ) {
        let (a, b, _, mut graph) = members("");
        let mut before = of(&graph, &b);
        let (log, seq, time) = (LogId([asked.0; 32]), Seq(asked.1), Timestamp(asked.2));
        let scopes = times.iter().map(|t| HistoryScope::From(Timestamp(*t)));
        let named: Vec<_> = places.iter().map(|(log, seq)| (LogId([*log; 32]), Seq(*seq))).collect();
        let records = (!named.is_empty()).then(|| HistoryScope::Records(named.clone()));
        for scope in scopes.chain(records) {
            grant(&mut graph, &a, &b, scope);
            let after = of(&graph, &b);
            prop_assert!(after.opens_epoch(time) || !before.opens_epoch(time));
            prop_assert!(after.opens_entry(&log, seq, time) || !before.opens_entry(&log, seq, time));
            before = after;
        }
        let dated = times.iter().any(|t| *t <= asked.2);
        prop_assert_eq!(before.opens_epoch(time), dated);
        prop_assert_eq!(before.opens_entry(&log, seq, time), dated || named.contains(&(log, seq)));
    }
}
