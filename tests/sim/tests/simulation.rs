//! Whole partnerships in virtual time: see `docs/simulation.md`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use entente_sim::seeds;

macro_rules! scenario {
    ($name:literal) => {
        ($name, include_str!(concat!("../../scenarios/", $name, ".toml")))
    };
}

#[test]
fn all_end_equal_on_bad_links_through_partitions_and_crashes() {
    let (name, text) = scenario!("rough");
    for report in seeds::run(name, text, 20) {
        println!("{report:?}");
    }
}
