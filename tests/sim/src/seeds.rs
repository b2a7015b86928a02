//! Seeds: which to run, and what to do with one that fails.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Deserialize;

use crate::report::Report;
use crate::scenario::Scenario;
use crate::world::World;

const SEEDS: &str = include_str!("../../scenarios/seeds.toml");
/// How many seeds to run instead of those that a test names.
const VARIABLE: &str = "ENTENTE_SIM_SEEDS";
/// The one seed to run.
const ONLY: &str = "ENTENTE_SIM_SEED";

/// The file of seeds: by scenario, those that once failed, and those that do still.
#[derive(Deserialize)]
struct Seeds {
    failed: BTreeMap<String, Vec<u64>>,
}

fn seeds() -> Seeds {
    toml::from_str(SEEDS).unwrap_or_else(|error| panic!("seeds.toml: {error}"))
}

/// Runs a scenario with the seeds that once failed, and with `count` others (or as many as
/// `ENTENTE_SIM_SEEDS` says), two at a time. Gives the reports.
///
/// # Panics
/// If anything is wrong at the end of a run: with the seeds, as they are to be added to `seeds.toml`.
#[must_use]
pub fn run(name: &str, text: &str, count: u64) -> Vec<Report> {
    let scenario = Scenario::parse(text);
    let count = std::env::var(VARIABLE).ok().and_then(|n| n.parse().ok()).unwrap_or(count);
    let failed = seeds().failed.get(name).cloned().unwrap_or_default();
    let others = (1..=count).filter(|seed| !failed.contains(seed));
    let only = std::env::var(ONLY).ok().and_then(|n| n.parse().ok());
    let all: Vec<u64> =
        only.map_or_else(|| failed.iter().copied().chain(others).collect(), |seed| vec![seed]);
    let next = AtomicUsize::new(0);
    let work = || {
        let mine = core::iter::from_fn(|| all.get(next.fetch_add(1, Ordering::Relaxed)).copied());
        mine.map(|seed| (seed, run_one(&scenario, seed))).collect::<Vec<_>>()
    };
    let mut done = std::thread::scope(|scope| {
        let other = scope.spawn(work);
        let mut done = work();
        done.extend(other.join().unwrap());
        done
    });
    done.sort_by_key(|(seed, _)| *seed);
    let wrong: Vec<String> =
        done.iter().filter_map(|(seed, run)| Some(told(*seed, run.as_ref().err()?))).collect();
    let seeds: Vec<u64> = done.iter().filter(|(_, run)| run.is_err()).map(|(seed, _)| *seed).collect();
    assert!(
        wrong.is_empty(),
        "scenario {name}: add to tests/scenarios/seeds.toml\n  {name} = {seeds:?}\n\n{}",
        wrong.join("\n")
    );
    done.into_iter().filter_map(|(_, run)| run.ok()).collect()
}

fn told(seed: u64, (wrong, report): &(Vec<String>, Report)) -> String {
    let first: Vec<&str> = wrong.iter().take(24).map(String::as_str).collect();
    format!("seed {seed}: {} things are wrong\n  {}\n  {report:?}\n", wrong.len(), first.join("\n  "))
}

/// Runs a scenario with one seed.
///
/// # Errors
/// What is wrong at the end, and the figures.
pub fn run_one(scenario: &Scenario, seed: u64) -> Result<Report, Box<(Vec<String>, Report)>> {
    let mut world = World::new(scenario, seed);
    let wrong = world.run();
    if wrong.is_empty() { Ok(world.report) } else { Err(Box::new((wrong, world.report))) }
}
