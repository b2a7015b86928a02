//! Random histories by honest and dishonest authors who see different parts of them.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::membership::acts::Act;
use crate::membership::fold::Folded;

/// The first founds; the last two are never approved by the script's honest parts, only by chance.
static ORGS: LazyLock<Vec<Org>> = LazyLock::new(|| (1..=7).map(Org::new).collect());
const SITES: usize = 3;

/// One thing that happens at one place; numbers pick among what is there.
#[derive(Clone, Debug)]
struct Event {
    site: usize,
    org: usize,
    what: What,
    pick: usize,
    /// Names this old act as its only parent instead of the newest acts.
    stale: Option<usize>,
    time: u64,
}

#[derive(Clone, Debug)]
enum What {
    Admit { steward: bool, whom: usize },
    Invite { steward: bool },
    Join,
    Approve,
    Remove,
    Leave,
    Impersonate,
    Sync,
}

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        4 => (any::<bool>(), 0..7usize).prop_map(|(steward, whom)| What::Admit { steward, whom }),
        2 => any::<bool>().prop_map(|steward| What::Invite { steward }),
        2 => Just(What::Join),
        3 => Just(What::Approve),
        4 => Just(What::Remove),
        1 => Just(What::Leave),
        1 => Just(What::Impersonate),
        3 => Just(What::Sync),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let stale = proptest::option::weighted(0.2, any::<usize>());
    // Low numbers act more often: they are the stewards.
    let org = prop_oneof![4 => 0..3usize, 1 => 0..7usize];
    (0..SITES, org, what(), any::<usize>(), stale, any::<u64>())
        .prop_map(|(site, org, what, pick, stale, time)| Event { site, org, what, pick, stale, time })
}

/// Two stewards besides the founder, then whatever happens at the sites, then everything together.
fn history(events: &[Event]) -> ActGraph {
    let mut start = founded(&ORGS[0]);
    admit(&mut start, &ORGS[0], &ORGS[1], true);
    admit(&mut start, &ORGS[1], &ORGS[2], true);
    // One open place, and two who ask for it.
    let invite = ORGS[0].invite(&start, true);
    put(&invite, &mut start);
    for who in &ORGS[3..5] {
        put(&who.join(&start, &invite), &mut start);
    }
    let mut sites = vec![start; SITES];
    for event in events {
        if let What::Sync = event.what {
            sites[event.site] = merged(&sites[event.site], &sites[event.pick % SITES]);
        } else {
            happen(&mut sites[event.site], event);
        }
    }
    sites.iter().skip(1).fold(sites[0].clone(), |all, site| merged(&all, site))
}

fn pick(graph: &ActGraph, n: usize, which: impl Fn(&Act) -> bool) -> Option<&VerifiedAct> {
    let found: Vec<&VerifiedAct> = graph.iter().filter(|a| which(&a.body().act)).collect();
    found.get(n.checked_rem(found.len())?).copied()
}

fn happen(graph: &mut ActGraph, event: &Event) {
    let org = &ORGS[event.org];
    let old = event.stale.and_then(|n| pick(graph, n, |_| true)).map(|act| vec![act.id()]);
    let author = |graph: &ActGraph| Author {
        time: Timestamp(event.time),
        parents: old.clone().unwrap_or_else(|| graph.heads()),
        ..org.author(graph)
    };
    let invite = |steward| Invite { door: Hash([1; 32]), role: cso(), steward, expires: Timestamp(1) };
    let join = |graph: &ActGraph, who: &Org, author: Author<'_>, invitation: ActId| {
        let (card, hash) = (who.card(graph.partnership()), graph.agreement().hash());
        acts::join(author, invitation, &who.introduced, card, accepted(hash, cso()))
    };
    let act = match event.what {
        What::Admit { steward, whom } => {
            let invite = acts::invite(author(graph), invite(steward)).unwrap();
            graph.insert(invite.clone()).unwrap();
            let who = &ORGS[whom];
            let parents = vec![invite.id()];
            let join = join(graph, who, Author { parents, ..who.author(graph) }, invite.id()).unwrap();
            graph.insert(join.clone()).unwrap();
            acts::approve(Author { parents: vec![join.id()], ..author(graph) }, join.id())
        }
        What::Invite { steward } => acts::invite(author(graph), invite(steward)),
        What::Join => {
            let Some(invite) = pick(graph, event.pick, |a| matches!(a, Act::Invite(_))) else { return };
            join(graph, org, author(graph), invite.id())
        }
        What::Approve => {
            let Some(join) = pick(graph, event.pick, |a| matches!(a, Act::Join(_))) else { return };
            acts::approve(author(graph), join.id())
        }
        What::Remove => acts::remove(author(graph), ORGS[event.pick % ORGS.len()].id(), "", []),
        What::Leave => acts::leave(author(graph), []),
        What::Impersonate => {
            let other = ORGS[event.pick % ORGS.len()].id();
            acts::remove(Author { org: other, ..author(graph) }, org.id(), "", [])
        }
        What::Sync => return,
    };
    graph.insert(act.unwrap()).unwrap();
}

/// The graph of an act's past, and the act itself where asked.
fn past_of(graph: &ActGraph, act: &VerifiedAct, with_itself: bool) -> ActGraph {
    let past: BTreeSet<ActId> = graph.ancestors(&act.id()).unwrap().into_iter().collect();
    part(graph, |id| past.contains(id) || (with_itself && *id == act.id()))
}

fn part(graph: &ActGraph, wanted: impl Fn(&ActId) -> bool) -> ActGraph {
    let mut acts = graph.iter().filter(|a| wanted(&a.id()));
    let mut part = ActGraph::founded(acts.next().unwrap().clone()).unwrap();
    acts.for_each(|act| put(act, &mut part));
    part
}

/// Inserts in the order of `keys`, each act as soon as its parents are there.
fn reordered(graph: &ActGraph, keys: &[u32]) -> ActGraph {
    let mut acts: Vec<&VerifiedAct> = graph.iter().collect();
    let mut again = ActGraph::founded(acts.remove(0).clone()).unwrap();
    let mut waiting: Vec<(u32, &VerifiedAct)> = acts
        .into_iter()
        .enumerate()
        .map(|(n, act)| (keys[n % keys.len()].rotate_left(n as u32), act))
        .collect();
    waiting.sort_by_key(|(key, _)| *key);
    while !waiting.is_empty() {
        let ready = waiting.iter().position(|(_, a)| a.body().parents.iter().all(|p| again.contains(p)));
        put(waiting.remove(ready.unwrap()).1, &mut again);
    }
    again
}

fn histories() -> impl Strategy<Value = Vec<Event>> {
    proptest::collection::vec(event(), 1..28)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_order_and_split_of_arrival_gives_the_same_membership(
        events in histories(),
        keys in proptest::collection::vec(any::<u32>(), 8),
        split in any::<usize>(),
    ) {
        let graph = history(&events);
        let expected = Membership::of(&graph);
        let other = reordered(&graph, &keys);
        prop_assert_eq!(&Membership::of(&other), &expected);
        let middle = graph.iter().nth(split % graph.len()).unwrap();
        let left = past_of(&graph, middle, true);
        prop_assert_eq!(&Membership::of(&merged(&left, &other)), &expected);
        prop_assert_eq!(other.heads(), graph.heads());
        prop_assert_eq!(other.missing_from(&left.heads()), graph.missing_from(&left.heads()));
    }

    #[test]
    fn states_that_were_kept_change_nothing(events in histories()) {
        let graph = history(&events);
        let (kept, afresh) = (Folded::of(&graph), Folded::keeping(&graph, 0));
        for place in 0..graph.len() {
            prop_assert_eq!(kept.effective(place), afresh.effective(place));
            prop_assert_eq!(kept.void_reason(place), afresh.void_reason(place));
        }
    }

    #[test]
    fn the_removed_are_out_unless_readmitted_after(events in histories()) {
        let graph = history(&events);
        let now = Membership::of(&graph);
        let effective = |act: &&VerifiedAct| now.verdicts[&act.id()] == Verdict::Effective;
        for act in graph.iter().filter(effective) {
            let gone = match &act.body().act {
                Act::Remove(remove) => remove.org,
                Act::Leave { .. } => act.body().org,
                _ => continue,
            };
            let came_back = graph.iter().filter(effective).any(|approval| {
                let Act::Approve { join } = approval.body().act else { return false };
                graph.get(&join).unwrap().body().org == gone
                    && graph.ancestors(&join).unwrap().contains(&act.id())
            });
            prop_assert!(!now.is_member(&gone) || came_back);
        }
    }

    #[test]
    fn nothing_counts_that_its_own_past_does_not_allow(events in histories()) {
        let graph = history(&events);
        let now = Membership::of(&graph);
        for act in graph.iter().skip(1).filter(|a| now.verdicts[&a.id()] == Verdict::Effective) {
            let past = Membership::of(&past_of(&graph, act, false));
            let (org, node) = (act.body().org, act.body().author);
            match &act.body().act {
                Act::Join(_) => prop_assert!(!past.is_member(&org)),
                Act::Leave { .. } => prop_assert!(past.is_member(&org)),
                _ => prop_assert!(past.is_steward(&org)),
            }
            if !matches!(act.body().act, Act::Join(_)) {
                prop_assert_eq!(past.node(&node).map(|(of, _)| of), Some(org));
            }
            // And if it is the last word, it stands.
            let alone = Membership::of(&past_of(&graph, act, true));
            prop_assert_eq!(alone.verdicts[&act.id()], Verdict::Effective);
        }
    }

    #[test]
    fn whatever_counts_rests_on_what_counts(events in histories()) {
        let graph = history(&events);
        let now = Membership::of(&graph);
        let effective = |id: &ActId| now.verdicts[id] == Verdict::Effective;
        for act in graph.iter().filter(|a| effective(&a.id())) {
            let org = act.body().org;
            match &act.body().act {
                Act::Join(join) => prop_assert!(effective(&join.invitation)),
                Act::Approve { join } => prop_assert!(effective(join)),
                _ => {}
            }
            let admitted = graph.iter().any(|p| match &p.body().act {
                Act::Found(_) => p.body().org == org,
                Act::Approve { join } => effective(&p.id()) && graph.get(join).unwrap().body().org == org,
                _ => false,
            });
            prop_assert!(admitted || matches!(act.body().act, Act::Join(_)));
        }
    }

    #[test]
    fn there_is_always_a_steward(events in histories()) {
        let graph = history(&events);
        for act in graph.iter() {
            let past = Membership::of(&past_of(&graph, act, true));
            prop_assert!(past.members.values().any(|m| m.steward));
        }
        prop_assert!(Membership::of(&graph).members.values().any(|m| m.steward));
    }

    #[test]
    fn an_invitation_admits_one_organisation(events in histories()) {
        let graph = history(&events);
        let now = Membership::of(&graph);
        for invitation in now.invitations.keys() {
            let admitted: BTreeSet<OrgId> = graph.iter().filter_map(|act| {
                let Act::Approve { join } = act.body().act else { return None };
                let asked = graph.get(&join)?;
                let Act::Join(join) = &asked.body().act else { return None };
                let counts = now.verdicts[&act.id()] == Verdict::Effective;
                (join.invitation == *invitation && counts).then_some(asked.body().org)
            }).collect();
            prop_assert!(admitted.len() <= 1);
        }
    }
}
