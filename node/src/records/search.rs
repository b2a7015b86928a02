//! Search: from what a person asks to the index of [`crate::search`], and from there to a page.

use std::sync::Arc;

use crate::api::problem::refuse_input;
use crate::api::types::{MAX_WORDS, Problem, RecordPage, RecordQuery, Searched};
use crate::field::places;
use crate::node::Node;
use crate::rows::{self, RecordRow, Table};
use crate::search::{Clause, Wanted, facets, words};
use crate::store::Position;

use super::find::{self, Filter, summary};

/// A page of the records that hold all words, newest first.
///
/// # Errors
/// [`Problem`] where the query makes no sense.
pub fn page(node: &Arc<Node>, query: &RecordQuery) -> Result<RecordPage, Problem> {
    let filter = Filter::new(node, query)?;
    let mut clauses = Vec::new();
    if let Some(text) = &query.text {
        clauses.push(or(said(text, "")?, places::otherwise(node, text, true)));
    }
    if let Some(place) = &query.place {
        clauses.push(or(said(place, facets::PLACE)?, places::otherwise(node, place, false)));
    }
    clauses.extend(filtered(&filter));
    let before = query.after.as_deref().map(find::parse_after).transpose()?.map(Position::to_bytes);
    let wanted = Wanted { clauses, since: filter.since, until: filter.until, before };
    let (found, coverage) = node.search.find(node, &wanted, find::limit(query));
    let index = &node.shared.ledger.store().index;
    let row = |place: &[u8; 12]| index.get(Table::Order as u8, place).ok()?.and_then(|b| rows::decode(&b));
    let rows = found.newest.iter().filter_map(row);
    let records = rows.map(|row: RecordRow| summary(node, &row)).collect();
    let last = found.newest.last().filter(|_| found.left > 0);
    let searched = Searched {
        found: found.all,
        indexed: coverage.indexed,
        of: coverage.indexed + coverage.waiting,
        complete: coverage.waiting == 0,
        cut: coverage.cut,
    };
    let next = last.map(|place| find::page_end(Position::from_bytes(*place)));
    Ok(RecordPage { records, next, searched: Some(searched) })
}

/// All of these, or one of those.
fn or(all: Vec<Clause>, mut ways: Vec<Clause>) -> Clause {
    ways.push(Clause::All(all));
    Clause::Any(ways)
}

/// The terms that must be there for the words of a person.
fn said(text: &str, mark: &str) -> Result<Vec<Clause>, Problem> {
    let clauses = words::asked(text, mark);
    let refused = |what: &str, next| Err(refuse_input(what, "Nothing was searched.", next));
    match clauses.len() {
        0 => refused("there is no word in what is to be found", "Give a word with letters or digits."),
        1..=MAX_WORDS => Ok(clauses),
        _ => refused("these are too many words to be found at once", "Give fewer words."),
    }
}

fn filtered(filter: &Filter) -> Vec<Clause> {
    let one = [
        filter.partnership.as_ref().map(facets::partnership),
        filter.kind.as_deref().map(facets::kind),
        filter.language.as_ref().map(facets::language),
        filter.sensitivity.map(facets::sensitivity),
    ];
    let from = filter.from.iter();
    let from = from.map(|orgs| Clause::Any(orgs.iter().map(facets::author).map(Clause::Term).collect()));
    one.into_iter().flatten().map(Clause::Term).chain(from).collect()
}

/// Is a text with this tag in a language? `ka-Geor` is in `ka`.
pub(super) fn is_in_language(tag: &str, wanted: &str) -> bool {
    let (tag, wanted) = (tag.to_lowercase(), wanted.to_lowercase());
    tag.strip_prefix(&wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_holds_its_scripts_and_regions() {
        assert!(is_in_language("ka-Geor-GE", "ka"));
        assert!(is_in_language("ka", "KA"));
        assert!(!is_in_language("kaa", "ka"));
        assert!(!is_in_language("ka", "ka-Latn"));
    }
}
