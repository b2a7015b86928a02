//! What judging costs. Run with `--ignored --nocapture` to see figures.

use std::time::Instant;

use super::*;

const MEMBERS: u16 = 300;
const ACTS: usize = 1_000;

/// A founder, 19 more stewards and 280 members, one after the other; then stewards invite, and name as
/// parents what `parents` says.
fn history(parents: impl Fn(&ActGraph, usize) -> Vec<ActId>) -> ActGraph {
    let orgs: Vec<Org> = (1..=MEMBERS).map(Org::new).collect();
    let mut graph = founded(&orgs[0]);
    for (n, who) in orgs.iter().enumerate().skip(1) {
        admit(&mut graph, &orgs[0], who, n < 20);
    }
    for n in graph.len()..ACTS {
        let by = &orgs[n % 20];
        let author = Author { parents: parents(&graph, n), ..by.author(&graph) };
        let leaving = n % 10 == 0;
        let act = if leaving {
            acts::remove(author, orgs[100 + n % 200].id(), "", [])
        } else {
            let door = Hash([n as u8; 32]);
            acts::invite(author, Invite { door, role: cso(), steward: false, expires: Timestamp(n as u64) })
        };
        graph.insert(act.unwrap()).unwrap();
    }
    graph
}

/// Everything after founding is by twenty stewards who name old acts at random: no past is all there was.
fn tangle(acts: usize) -> ActGraph {
    let orgs: Vec<Org> = (1..=20).map(Org::new).collect();
    let mut graph = founded(&orgs[0]);
    for who in &orgs[1..] {
        admit(&mut graph, &orgs[0], who, true);
    }
    let ids: Vec<ActId> = graph.iter().map(VerifiedAct::id).collect();
    let (first, mut recent) = (ids.len(), ids);
    for n in first..acts {
        let by = &orgs[n % 20];
        let at = |step: usize| recent[first - 1 + (n * step) % (recent.len() - first + 1)];
        let mut parents = vec![at(7_919), at(104_729), at(1_299_709)];
        parents.sort();
        parents.dedup();
        let author = Author { parents, ..by.author(&graph) };
        let invite =
            Invite { door: Hash([1; 32]), role: cso(), steward: false, expires: Timestamp(n as u64) };
        let act = acts::invite(author, invite).unwrap();
        recent.push(act.id());
        graph.insert(act).unwrap();
    }
    graph
}

#[allow(clippy::print_stdout)]
fn measure(what: &str, graph: &ActGraph) {
    let began = Instant::now();
    let members = Membership::of(graph).members.len();
    println!("{what}: {} acts, {members} members: {:?}", graph.len(), began.elapsed());
}

#[test]
#[ignore = "a measurement"]
fn the_cost_of_judging() {
    measure("one after the other", &history(|graph, _| graph.heads()));
    measure(
        "two lines that never meet",
        &history(|graph, n| vec![graph.iter().nth(if n < 900 { n - 1 } else { n - 2 }).unwrap().id()]),
    );
    measure(
        "each on an act up to 20 old",
        &history(|graph, n| {
            let base = graph.len() - 1 - (n * 7_919) % 20;
            vec![graph.iter().nth(base).unwrap().id()]
        }),
    );
    measure("tangled", &tangle(1_000));
    measure("tangled", &tangle(2_000));
}
