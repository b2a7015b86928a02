//! Random histories of everything that can be done: roles, stewardship, k of n, amendments, suspension, more
//! nodes, revocation, new logs; by honest and dishonest authors who see different parts of them.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::governing::{remove_of, steward_of};
use super::*;
use crate::ids::Seq;
use crate::membership::ProposalState;
use crate::membership::acts::{Act, Amend, Deed, Office, RevokeNode};
use crate::membership::fold::Folded;
use crate::root;

const ORGS: usize = 5;
/// Nodes: two for each organisation; the second ones come in by chance.
static NODES: LazyLock<Vec<Org>> = LazyLock::new(|| {
    let first: Vec<Org> = (1..=ORGS as u16).map(|n| if n == 1 { Org::npm(n) } else { Org::new(n) }).collect();
    let second: Vec<Org> = first.iter().map(|org| org.second_node(1)).collect();
    first.into_iter().chain(second).collect()
});
const SITES: usize = 3;

#[derive(Clone, Debug)]
struct Event {
    site: usize,
    node: usize,
    what: What,
    pick: usize,
    stale: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Admit,
    Remove,
    Leave,
    Role,
    Promote,
    Demote,
    ProposeSteward,
    ProposeRemove,
    ProposeAmend,
    Sign,
    SignAll,
    Withdraw,
    Enact,
    Suspend,
    Resume,
    Office,
    Come,
    Revoke,
    RevokeByRoot,
    NewLog,
    Sync,
}

fn event() -> impl Strategy<Value = Event> {
    use What::*;
    let what = prop_oneof![
        2 => Just(Admit), 2 => Just(Remove), 1 => Just(Leave), 1 => Just(Role), 2 => Just(Promote),
        3 => Just(Demote), 2 => Just(ProposeSteward), 2 => Just(ProposeRemove), 1 => Just(ProposeAmend),
        3 => Just(Sign), 2 => Just(SignAll), 1 => Just(Withdraw), 4 => Just(Enact), 1 => Just(Suspend),
        1 => Just(Resume), 2 => Just(Office), 3 => Just(Come), 2 => Just(Revoke), 1 => Just(RevokeByRoot),
        1 => Just(NewLog), 4 => Just(Sync),
    ];
    let node = prop_oneof![4 => 0..3usize, 1 => 0..ORGS * 2, 2 => ORGS..ORGS + 3];
    (0..SITES, node, what, any::<usize>(), proptest::option::weighted(0.15, any::<usize>()))
        .prop_map(|(site, node, what, pick, stale)| Event { site, node, what, pick, stale })
}

/// Three stewards under an agreement that wants one or two of them, then whatever happens.
fn history(two: bool, events: &[Event]) -> ActGraph {
    let clauses = if two { "[decisions]\nsteward = 2\nremove = 2\n" } else { "" };
    let text = format!("{}\n{clauses}", template(Form::Formal));
    let mut start = ActGraph::founded(found_on(&NODES[0], &text, "npm".parse().unwrap())).unwrap();
    admit(&mut start, &NODES[0], &NODES[1], true);
    admit(&mut start, &NODES[0], &NODES[2], true);
    let mut sites = vec![start; SITES];
    for (n, event) in events.iter().enumerate() {
        if let What::Sync = event.what {
            sites[event.site] = merged(&sites[event.site], &sites[event.pick % SITES]);
        } else {
            for act in happen(&sites[event.site], event, n) {
                let _known = sites[event.site].insert(act).unwrap();
            }
        }
    }
    sites.iter().skip(1).fold(sites[0].clone(), |all, site| merged(&all, site))
}

fn pick(graph: &ActGraph, n: usize, which: impl Fn(&Act) -> bool) -> Option<ActId> {
    let found: Vec<ActId> = graph.iter().filter(|a| which(&a.body().act)).map(VerifiedAct::id).collect();
    found.get(n.checked_rem(found.len())?).copied()
}

fn happen(graph: &ActGraph, event: &Event, n: usize) -> Vec<VerifiedAct> {
    let by = &NODES[event.node];
    let target = &NODES[event.pick % ORGS];
    let old = event.stale.and_then(|n| pick(graph, n, |_| true)).map(|act| vec![act]);
    let author = || Author { parents: old.clone().unwrap_or_else(|| graph.heads()), ..by.author(graph) };
    let proposal = || pick(graph, event.pick, |a| matches!(a, Act::Propose(_)));
    let decide = |deed| vec![acts::decide(author(), deed).unwrap()];
    let propose = |deed| vec![acts::propose(author(), deed).unwrap()];
    match event.what {
        What::Admit => {
            let mut here = graph.clone();
            let invite = by.invite_by_door(graph, event.pick.is_multiple_of(2), n as u16);
            put(&invite, &mut here);
            let join = target.join(&here, &invite);
            put(&join, &mut here);
            vec![invite, join.clone(), by.approve(&here, &join)]
        }
        What::Remove => vec![acts::remove(author(), target.id(), "", []).unwrap()],
        What::Leave => vec![acts::leave(author(), []).unwrap()],
        What::Role => {
            let role = if event.pick.is_multiple_of(3) { "npm" } else { "cso" };
            decide(Deed::Role { org: target.id(), role: role.parse().unwrap() })
        }
        What::Promote => decide(steward_of(target, true)),
        What::Demote => decide(steward_of(target, false)),
        What::ProposeSteward => propose(steward_of(target, event.pick.is_multiple_of(2))),
        What::ProposeRemove => propose(remove_of(target)),
        What::ProposeAmend => {
            let version = Membership::of(graph).version + 1;
            let text = format!("{}\n# {n}", template(Form::Formal));
            propose(Deed::Amend(Amend { version, text }))
        }
        What::Sign => proposal().map(|p| acts::sign_proposal(author(), p).unwrap()).into_iter().collect(),
        What::SignAll => {
            let mut here = graph.clone();
            let signed = proposal().map(|p| {
                NODES[..ORGS]
                    .iter()
                    .map(move |by| (by, p))
                    .map(|(by, p)| {
                        let sign = acts::sign_proposal(by.author(&here), p).unwrap();
                        let _known = here.insert(sign.clone()).unwrap();
                        sign
                    })
                    .collect::<Vec<_>>()
            });
            signed.unwrap_or_default()
        }
        What::Withdraw => proposal().map(|p| acts::withdraw(author(), p).unwrap()).into_iter().collect(),
        What::Enact => proposal().map(|p| acts::enact(author(), p).unwrap()).into_iter().collect(),
        What::Suspend => vec![acts::suspend(author(), "").unwrap()],
        What::Resume => pick(graph, event.pick, |a| matches!(a, Act::Suspend { .. }))
            .map(|s| acts::resume(author(), s).unwrap())
            .into_iter()
            .collect(),
        What::Office => {
            let office = Office { org: target.id(), door: Hash([n as u8; 32]), expires: Timestamp(1) };
            vec![acts::office(author(), office).unwrap()]
        }
        What::Come => pick(graph, event.pick, |a| matches!(a, Act::Office(_)))
            .map(|office| {
                acts::add_node(author(), office, &by.introduced, by.card(graph.partnership())).unwrap()
            })
            .into_iter()
            .collect(),
        What::Revoke | What::RevokeByRoot => {
            let node = &NODES[event.pick % NODES.len()];
            let by_root = matches!(event.what, What::RevokeByRoot);
            let root = by_root.then(|| root::revoke(&node.root(), node.node_id(), Timestamp(1)));
            let reason = String::new();
            let revoke = RevokeNode { node: node.node_id(), reason, seized_at: None, cutoff: vec![], root };
            vec![acts::revoke_node(author(), revoke).unwrap()]
        }
        What::NewLog => {
            let log = LogId([100 + n as u8; 32]);
            let card = MemberCard { log, ..by.card(graph.partnership()) };
            let word = root::renew_log(&by.root(), graph.partnership(), by.node_id(), log, Timestamp(1));
            let now = Membership::of(graph);
            let ended = now.node(&by.node_id()).map_or(by.log(), |(_, node)| node.card.log);
            vec![acts::new_log(author(), card, word, (ended, Seq(1))).unwrap()]
        }
        What::Sync => Vec::new(),
    }
}

fn part(graph: &ActGraph, act: &VerifiedAct, with_itself: bool) -> ActGraph {
    let past: BTreeSet<ActId> = graph.ancestors(&act.id()).unwrap().into_iter().collect();
    let wanted = |id: &ActId| past.contains(id) || (with_itself && *id == act.id());
    let mut acts = graph.iter().filter(|a| wanted(&a.id()));
    let mut part = ActGraph::founded(acts.next().unwrap().clone()).unwrap();
    acts.for_each(|act| put(act, &mut part));
    part
}

fn reversed(graph: &ActGraph) -> ActGraph {
    let mut acts: Vec<&VerifiedAct> = graph.iter().collect();
    let mut again = ActGraph::founded(acts.remove(0).clone()).unwrap();
    while !acts.is_empty() {
        let ready = acts.iter().rposition(|a| a.body().parents.iter().all(|p| again.contains(p))).unwrap();
        put(acts.remove(ready), &mut again);
    }
    again
}

fn histories() -> impl Strategy<Value = (bool, Vec<Event>)> {
    (any::<bool>(), proptest::collection::vec(event(), 1..24))
}

/// More with `PROPTEST_CASES`; thousands were run (see docs/simulation.md).
fn cases() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok());
    ProptestConfig::with_cases(asked.unwrap_or(96))
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn every_order_of_arrival_of_any_acts_gives_one_state((two, events) in histories()) {
        let graph = history(two, &events);
        let expected = Membership::of(&graph);
        let other = reversed(&graph);
        prop_assert_eq!(&Membership::of(&other), &expected);
        let (kept, afresh) = (Folded::of(&graph), Folded::keeping(&graph, 0));
        for place in 0..graph.len() {
            prop_assert_eq!(kept.effective(place), afresh.effective(place));
            prop_assert_eq!(kept.void_reason(place), afresh.void_reason(place));
        }
    }

    #[test]
    fn whatever_is_done_a_steward_remains((two, events) in histories()) {
        let graph = history(two, &events);
        for act in graph.iter() {
            let past = Membership::of(&part(&graph, act, true));
            prop_assert!(past.members.values().any(|m| m.steward));
        }
        prop_assert!(Membership::of(&graph).members.values().any(|m| m.steward));
    }

    #[test]
    fn nothing_is_enacted_without_enough_signatures((two, events) in histories()) {
        let graph = history(two, &events);
        let now = Membership::of(&graph);
        for act in graph.iter().skip(1).filter(|a| now.verdicts[&a.id()] == Verdict::Effective) {
            let past = Membership::of(&part(&graph, act, false));
            match &act.body().act {
                Act::Enact { proposal } => {
                    let proposed = &past.proposals[proposal];
                    prop_assert!(proposed.signed.len() >= proposed.needed);
                    prop_assert_eq!(proposed.state, ProposalState::Open);
                }
                Act::Remove(_) if two => prop_assert!(
                    past.members.values().filter(|m| m.steward).count() < 2
                ),
                _ => {}
            }
        }
    }

    #[test]
    fn what_is_alone_the_last_word_stands_as_its_past_says((two, events) in histories()) {
        let graph = history(two, &events);
        let now = Membership::of(&graph);
        for act in graph.iter().skip(1).filter(|a| now.verdicts[&a.id()] == Verdict::Effective) {
            let past = Membership::of(&part(&graph, act, false));
            let (org, node) = (act.body().org, act.body().author);
            match &act.body().act {
                Act::Join(_) => prop_assert!(!past.is_member(&org)),
                Act::AddNode(_) => prop_assert!(past.is_member(&org) && past.node(&node).is_none()),
                Act::Invite(_) | Act::Approve { .. } | Act::Remove(_) | Act::Decide(_) | Act::Propose(_) => {
                    prop_assert!(past.is_steward(&org));
                    prop_assert_eq!(past.node(&node).map(|(of, _)| of), Some(org));
                }
                _ => prop_assert_eq!(past.node(&node).map(|(of, _)| of), Some(org)),
            }
            let alone = Membership::of(&part(&graph, act, true));
            prop_assert_eq!(alone.verdicts[&act.id()], Verdict::Effective);
        }
    }

    #[test]
    fn no_reader_is_a_removed_member_or_a_revoked_node((two, events) in histories()) {
        let graph = history(two, &events);
        let now = Membership::of(&graph);
        for (org, node, _) in now.readers(Timestamp(1)) {
            prop_assert!(now.is_member(&org) && !now.revoked.contains_key(&node));
            prop_assert!(!now.former.contains_key(&org));
        }
        // Keys are nobody's twice.
        let nodes: Vec<_> = now.nodes().map(|(_, id, node)| (id, node.card.log)).collect();
        let logs: BTreeSet<LogId> = nodes.iter().map(|(_, log)| *log).collect();
        prop_assert_eq!(logs.len(), nodes.len());
    }
}
