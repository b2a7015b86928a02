//! W10: what a record costs in groups of 10 to 300 nodes, as JSON lines, and as a picture.
//!
//! ```text
//! cargo run --release -p entente-sim --bin entente-scale -- docs/scale.svg
//! ```
//! Figures follow from the scenario and the seed alone: they are the same on every machine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::fmt::Write as _;

use entente_sim::{Scenario, seeds};

const SIZES: [usize; 5] = [10, 30, 100, 200, 300];
/// Another seed changes the figures by a few in a hundred.
const SEED: u64 = 1;

/// What one size costs.
struct Cost {
    nodes: usize,
    /// For each record and node.
    messages: f64,
    /// For each record and node.
    bytes: f64,
}

fn main() {
    let costs = SIZES.map(measure);
    if let Some(file) = std::env::args_os().nth(1) {
        std::fs::write(&file, picture(&costs)).expect("the picture can be written");
    }
}

fn measure(nodes: usize) -> Cost {
    let mut scenario = Scenario::parse(include_str!("../../../scenarios/scale.toml"));
    scenario.nodes = (nodes, nodes);
    let report = seeds::run_one(&scenario, SEED).unwrap_or_else(|e| panic!("{nodes} nodes: {e:?}"));
    let (messages, bytes) = report.per_record_and_node();
    println!(
        "{{\"workload\":\"W10\",\"n\":{nodes},\"messages\":{messages:.2},\"bytes\":{bytes:.0},\"settled_s\":{},\"note\":\"for each record and node\"}}",
        report.settled_after
    );
    Cost { nodes, messages, bytes }
}

const WIDTH: f64 = 340.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 50.0;

/// Two plots side by side; the size of the group on a logarithmic axis, so that a straight line is a logarithm.
fn picture(costs: &[Cost]) -> String {
    let mut svg = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 860 330\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <title>What one record costs for each node, by the size of the group</title>\n\
         <rect width=\"860\" height=\"330\" fill=\"white\"/>\n",
    );
    plot(&mut svg, 0.0, "messages for each record and node", costs, |cost| cost.messages);
    plot(&mut svg, 430.0, "bytes for each record and node", costs, |cost| cost.bytes);
    svg.push_str("</svg>\n");
    svg
}

fn plot(svg: &mut String, shift: f64, title: &str, costs: &[Cost], value: impl Fn(&Cost) -> f64) {
    let most = costs.iter().map(&value).fold(0.0, f64::max) * 1.15;
    let decades = |nodes: usize| (nodes as f64).log10() - 1.0;
    let right = decades(costs.last().map_or(10, |c| c.nodes)).max(f64::MIN_POSITIVE);
    let x = |cost: &Cost| shift + LEFT + WIDTH * decades(cost.nodes) / right;
    let y = |number: f64| TOP + HEIGHT * (1.0 - number / most);
    let (x0, x1, bottom) = (shift + LEFT, shift + LEFT + WIDTH, TOP + HEIGHT);
    let _ = writeln!(svg, "<text x=\"{x0}\" y=\"30\" font-weight=\"bold\">{title}</text>");
    let _ = writeln!(svg, "<path d=\"M{x0} {TOP}V{bottom}H{x1}\" fill=\"none\" stroke=\"#555\"/>");
    let line: Vec<String> = costs.iter().map(|c| format!("{:.1},{:.1}", x(c), y(value(c)))).collect();
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#0b6\" stroke-width=\"2\"/>",
        line.join(" ")
    );
    for cost in costs {
        let (at, up) = (x(cost), y(value(cost)));
        let shown =
            if value(cost) < 100.0 { format!("{:.1}", value(cost)) } else { format!("{:.0}", value(cost)) };
        let _ = writeln!(svg, "<circle cx=\"{at:.1}\" cy=\"{up:.1}\" r=\"4\" fill=\"#0b6\"/>");
        let _ =
            writeln!(svg, "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{shown}</text>", up - 10.0);
        let _ = writeln!(
            svg,
            "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#555\">{}</text>",
            bottom + 18.0,
            cost.nodes
        );
    }
    let middle = (x0 + x1) / 2.0;
    let _ = writeln!(
        svg,
        "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555\">nodes (logarithmic)</text>",
        bottom + 40.0
    );
}
