//! Figures on recommendations, with a chart; small cells left out for publication (rule C11).

use std::collections::BTreeMap;
use std::sync::Arc;

use entente_protocol::figures::{Cell, Figures};
use entente_protocol::lifecycle::recommendation::Stage;

use crate::api::problem::refuse_input;
use crate::api::types::{Problem, StatsQuery, StatsView};
use crate::node::Node;

use super::recommendations::{self, Standing};

/// Categories in one table; the rest is counted as one more.
const MAX_CATEGORIES: usize = 200;

/// Counts recommendations by what is asked.
///
/// # Errors
/// [`Problem`] where the partnership or the category is not known.
pub fn stats(node: &Arc<Node>, query: &StatsQuery) -> Result<StatsView, Problem> {
    let by = query.by.as_deref().unwrap_or("stage");
    if !["stage", "status", "theme", "addressee", "place", "year"].contains(&by) {
        return Err(refuse_input(
            format!("recommendations are not counted by `{by}`"),
            "Nothing was counted.",
            "Count by stage, status, theme, addressee, place or year.",
        ));
    }
    let within = recommendations::within(node, query.partnership.as_deref())?;
    let all = recommendations::all(node, within);
    let counted: Vec<&Standing> =
        all.iter().filter(|s| !matches!(s.progress.stage, Stage::Draft | Stage::Superseded)).collect();
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for standing in &counted {
        for category in categories(standing, by) {
            let full = counts.len() >= MAX_CATEGORIES && !counts.contains_key(&category);
            *counts.entry(if full { "(others)".into() } else { category }).or_default() += 1;
        }
    }
    let mut rows: Vec<(String, u64)> = counts.into_iter().collect();
    rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let figures = Figures { title: format!("Recommendations by {by}"), rows, total: counted.len() as u64 };
    let shown = if query.publish { figures.published() } else { figures.within() };
    let number = |cell: Cell| match cell {
        Cell::Count(n) => Some(n),
        Cell::Suppressed => None,
    };
    Ok(StatsView {
        title: shown.title.clone(),
        svg: shown.svg(),
        rows: shown.rows.iter().map(|(name, cell)| (name.clone(), number(*cell))).collect(),
        total: number(shown.total),
        published: query.publish,
    })
}

/// A recommendation with several themes counts once under each.
fn categories(standing: &Standing, by: &str) -> Vec<String> {
    let statement = &standing.known.statement;
    let none = || vec!["(not said)".to_owned()];
    match by {
        "stage" => vec![standing.progress.stage.as_str().to_owned()],
        "status" => {
            let axis = standing.progress.status.as_ref().map(|s| s.axis.clone());
            vec![axis.unwrap_or_else(|| "(not assessed)".into())]
        }
        "theme" => {
            let top = |theme: &str| theme.split('/').next().unwrap_or_default().to_owned();
            let mut themes: Vec<String> = statement.texts("themes").into_iter().map(top).collect();
            themes.sort_unstable();
            themes.dedup();
            if themes.is_empty() { none() } else { themes }
        }
        "year" => {
            let said = entente_protocol::agreement::Day::of(statement.said()).to_string();
            vec![said.rsplit(' ').next().unwrap_or_default().to_owned()]
        }
        field => statement.text(field).map_or_else(none, |text| vec![text.to_owned()]),
    }
}
