//! Whole partnerships in virtual time: see `docs/simulation.md`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::time::Instant;

use entente_sim::scenario::{Clocks, Deed, Planned};
use entente_sim::{Report, Scenario, World, seeds};

macro_rules! scenario {
    ($name:literal) => {
        ($name, include_str!(concat!("../../scenarios/", $name, ".toml")))
    };
}

fn run(scenario: (&str, &str), seeds: u64) -> Vec<Report> {
    let began = Instant::now();
    let reports = seeds::run(scenario.0, scenario.1, seeds);
    let took = began.elapsed().as_secs_f64();
    let records: u64 = reports.iter().map(|r| r.records).sum();
    let deeds: u64 = reports.iter().map(|r| r.deeds).sum();
    println!("{}: {} runs, {records} records, {deeds} deeds, {took:.1} s", scenario.0, reports.len());
    reports
}

/// Figures of W10: printed, never asserted.
fn print(name: &str, report: &Report) {
    let (messages, bytes) = report.per_record_and_node();
    let keys = report.per_epoch_and_node();
    println!(
        "{name}: {messages:.1} messages and {bytes:.0} bytes for each record and node, {keys:.0} for each key and node; {report:?}"
    );
}

#[test]
fn all_end_equal_on_bad_links_through_partitions_and_crashes() {
    let reports = run(scenario!("rough"), 24);
    assert!(reports.iter().any(|r| r.partitions > 0) && reports.iter().any(|r| r.crashes > 0));
}

#[test]
fn two_sides_that_put_each_other_out_agree_when_they_meet() {
    run(scenario!("apart"), 24);
}

#[test]
fn who_was_away_when_it_was_put_out_hears_of_it() {
    for report in run(scenario!("away"), 4) {
        assert_eq!(report.members, 6, "{report:?}");
    }
}

#[test]
fn all_end_equal_where_messages_are_lost_doubled_and_out_of_order() {
    run(scenario!("messages"), 16);
}

#[test]
fn all_end_byte_equal_where_three_in_ten_messages_are_lost() {
    let reports = run(scenario!("lossy"), 8);
    assert!(reports.iter().any(|r| r.partitions > 0) && reports.iter().any(|r| r.crashes > 0));
    for report in run(scenario!("lossy-hundred"), 1) {
        assert!(report.members > 90 && report.partitions > 0 && report.crashes > 0, "{report:?}");
    }
}

#[test]
fn whatever_is_decided_apart_has_one_result() {
    run(scenario!("governed"), 16);
}

#[test]
fn a_seed_gives_the_same_run_again() {
    let (_, text) = scenario!("rough");
    let scenario = Scenario::parse(text);
    let [first, again, other] = [3, 3, 4].map(|seed| seeds::run_one(&scenario, seed).unwrap());
    assert_eq!(first, again);
    assert_ne!(first.trace, other.trace);
}

#[test]
fn wrong_clocks_change_neither_order_nor_authority() {
    let (name, text) = scenario!("clocks");
    run((name, text), 8);
    let wrong = Scenario::parse(text);
    let right = Scenario { clocks: Clocks::default(), ..wrong.clone() };
    let outcome = |scenario: &Scenario, seed| {
        let mut world = World::new(scenario, seed);
        assert_eq!(world.run(), Vec::<String>::new());
        world.outcome()
    };
    let expected = outcome(&right, 1);
    assert!(expected.len() > 4, "{expected:?}");
    for seed in 1..=8 {
        assert_eq!(outcome(&wrong, seed), expected, "seed {seed}");
    }
}

/// What a steward may come to do while the other cannot be reached: `other` is the other steward.
fn deeds(other: usize, friend: usize, spare: usize) -> Vec<Deed> {
    vec![
        Deed::Remove { who: other },
        Deed::Remove { who: 0 },
        Deed::Remove { who: friend },
        Deed::Admit { who: 6, steward: false },
        Deed::Admit { who: spare, steward: true },
        Deed::Steward { who: 5, steward: true },
        Deed::Steward { who: other, steward: false },
        Deed::Leave,
    ]
}

#[test]
fn two_stewards_at_once_have_one_result_and_nobody_removed_reads_on() {
    let (_, text) = scenario!("pairing");
    let began = Instant::now();
    for (i, one) in deeds(2, 4, 7).into_iter().enumerate() {
        for (j, two) in deeds(1, 3, 7).into_iter().enumerate() {
            let mut scenario = Scenario::parse(text);
            scenario.deed = vec![
                Planned { at: 300, by: 1, deed: one.clone() },
                Planned { at: 300, by: 2, deed: two.clone() },
            ];
            let run = seeds::run_one(&scenario, (i * 8 + j) as u64);
            assert!(run.is_ok(), "{one:?} and {two:?}: {run:?}");
        }
    }
    println!("pairing: 64 pairs, {:.1} s", began.elapsed().as_secs_f64());
}

#[test]
fn who_is_put_out_reads_nothing_that_is_sealed_after() {
    for report in run(scenario!("deaf"), 2) {
        assert!(report.records > 1_000 && report.members == 5, "{report:?}");
    }
}

#[test]
fn a_hundred_nodes_agree_and_fall_silent() {
    let (name, text) = scenario!("hundred");
    for report in run((name, text), 1) {
        print(name, &report);
    }
}

#[test]
fn three_hundred_nodes_agree_and_one_comes_back_after_weeks() {
    let (name, text) = scenario!("three-hundred");
    for report in run((name, text), 1) {
        print(name, &report);
        assert_eq!(report.members, 299);
        assert!(report.rotations >= 5, "{report:?}");
        // Bytes follow from the seed: no machine is too slow for this.
        assert!(report.per_epoch_and_node() <= 2_000.0, "{report:?}");
    }
}
