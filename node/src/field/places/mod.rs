//! The register of places: which records are about the same place, by all its names.
//!
//! A record of the kind `place` says that other places are the same in its field `same-as`; one that says nothing else is a
//! merge. What is the same follows from the set of these records, whatever order they came in ([`sets::sets`]); a merge that
//! its author withdraws is gone, and the places stand apart again. Who does not agree with another's merge says so in a
//! record with `not-same`: on the nodes of its organisation the places then stand apart, on others' it is only shown.

pub mod alike;
pub mod sets;

use std::collections::BTreeSet;
use std::sync::Arc;

use entente_protocol::ids::{PartnershipId, RecordId};

use crate::api::problem::{not_found, refuse_input};
use crate::api::types::{AlikeView, PlaceDetail, PlaceName, PlaceView, Problem, RefView};
use crate::node::Node;
use crate::records::find;
use crate::rows::{self, RecordRow, Table};
use crate::search::{Clause, Wanted, facets, fold, words};
use crate::store::Position;

use super::{Known, known, of_kind, ref_view, statements};
use sets::PlaceSet;

/// Records about a place that are shown, the newest.
const MAX_SHOWN: usize = 500;
/// Places that a search takes all names of.
const MAX_NAMED: usize = 32;
/// Names and records of places that a search looks for beside the words themselves.
const MAX_WAYS: usize = 256;
/// Pairs of possible duplicates that are shown, the surest.
const MAX_PAIRS: usize = 200;
/// Places that are compared with each other, the newest.
const MAX_COMPARED: usize = 2_000;

/// All places that can be read here.
#[must_use]
pub fn list(node: &Node, within: Option<PartnershipId>) -> Vec<PlaceView> {
    let known: Vec<Known> = of_kind(node, "place", within).collect();
    sets::sets(&statements(&known), &node.me.org()).iter().map(|set| view(node, &known, set)).collect()
}

fn view(node: &Node, known: &[Known], set: &PlaceSet<'_>) -> PlaceView {
    let refs = |ids: &[&entente_protocol::lifecycle::Statement]| -> Vec<RefView> {
        let of = |id: &RecordId| known.iter().find(|k| k.row.id == *id).map(|k| ref_view(node, k));
        ids.iter().filter_map(|s| of(&s.id)).collect()
    };
    let first = |field: &str| set.places.iter().find_map(|s| s.text(field)).map(str::to_owned);
    PlaceView {
        id: set.id,
        names: set.names().into_iter().map(|(language, name)| PlaceName { language, name }).collect(),
        category: first("category"),
        locality: first("locality"),
        authority: first("authority"),
        records: refs(&set.places),
        merges: refs(&set.merges),
        overruled: refs(&set.overruled),
        apart: refs(&set.apart),
    }
}

/// One place with everything that is about it, under any of its names.
///
/// # Errors
/// [`Problem`] `not-found` if there is no such place here, `usage` if several could be meant.
pub fn detail(node: &Arc<Node>, text: &str) -> Result<PlaceDetail, Problem> {
    let known: Vec<Known> = of_kind(node, "place", None).collect();
    let all = statements(&known);
    let sets = sets::sets(&all, &node.me.org());
    let set = choose(&sets, text)?;
    let mut about = about(node, set);
    let count = about.len();
    about.sort_by_key(|k| std::cmp::Reverse(k.statement.order()));
    about.truncate(MAX_SHOWN);
    let history = about.iter().map(|k| ref_view(node, k)).collect();
    Ok(PlaceDetail { view: view(node, &known, set), history, count })
}

/// By the id of one of its records or the beginning of it, or by a whole name.
fn choose<'a, 'b>(sets: &'a [PlaceSet<'b>], text: &str) -> Result<&'a PlaceSet<'b>, Problem> {
    let (id, name) = (text.trim().to_lowercase(), fold::fold(text));
    let named = |set: &&PlaceSet<'_>| set.folded_names().contains(name.trim());
    let begun = |set: &&PlaceSet<'_>| id.len() >= 4 && set.ids.iter().any(|i| i.to_string().starts_with(&id));
    let mut found: Vec<&PlaceSet<'_>> = sets.iter().filter(named).collect();
    if found.is_empty() {
        found = sets.iter().filter(begun).collect();
    }
    match found[..] {
        [one] => Ok(one),
        [] => {
            let next = "See `entente place list`; a name must be written in full, or an id begun.";
            Err(not_found(format!("no place `{text}` can be read here"), "Nothing was done.", next))
        }
        _ => {
            let what = format!("`{text}` could mean {} places", found.len());
            Err(refuse_input(what, "Nothing was done.", "Give the id: `entente place list`."))
        }
    }
}

/// The records that name a place by an id or by one of its names.
fn about(node: &Node, set: &PlaceSet<'_>) -> Vec<Known> {
    let index = &node.shared.ledger.store().index;
    let mut rows: std::collections::BTreeMap<Position, RecordRow> = std::collections::BTreeMap::new();
    for id in &set.ids {
        rows.extend(rows::referring(index, id));
    }
    let wanted = Wanted { clauses: vec![Clause::Any(ways(set))], ..Wanted::default() };
    let (found, _) = node.search.find(node, &wanted, 2 * MAX_SHOWN);
    let row = |place: &[u8; 12]| {
        let bytes = index.get(Table::Order as u8, place).ok()??;
        Some((Position::from_bytes(*place), rows::decode::<RecordRow>(&bytes)?))
    };
    rows.extend(found.newest.iter().filter_map(row));
    let names = set.folded_names();
    let names_it = |k: &Known| {
        let said = ["place", "places"].iter().flat_map(|field| k.statement.texts(field)).collect::<Vec<_>>();
        k.statement.replies_to.is_some_and(|id| set.ids.contains(&id))
            || said.iter().any(|text| text.trim().parse().is_ok_and(|id| set.ids.contains(&id)))
            || said.iter().any(|text| names.contains(fold::fold(text).trim()))
    };
    let records = rows.into_iter().filter(|(_, row)| row.kind.as_str() != "place");
    records.filter_map(|(position, row)| known(node, position, row)).filter(names_it).collect()
}

/// What a search takes beside the words themselves, if they name places: what names these otherwise. `whole`: only if they
/// are the whole of a name, since a word such as `prison` stands in many.
#[must_use]
pub fn otherwise(node: &Node, text: &str, whole: bool) -> Vec<Clause> {
    let index = &node.shared.ledger.store().index;
    let mut clauses = words::asked(text, facets::PLACE);
    clauses.push(Clause::Term(facets::kind("place")));
    let (found, _) = node.search.find(node, &Wanted { clauses, ..Wanted::default() }, MAX_NAMED);
    let id = |place: &[u8; 12]| {
        let bytes = index.get(Table::Order as u8, place).ok()??;
        rows::decode::<RecordRow>(&bytes).map(|row| row.id)
    };
    let named: BTreeSet<RecordId> = found.newest.iter().filter_map(id).collect();
    if named.is_empty() {
        return Vec::new();
    }
    let known: Vec<Known> = of_kind(node, "place", None).collect();
    let all = statements(&known);
    let sets = sets::sets(&all, &node.me.org());
    let name = fold::fold(text);
    let meant = sets
        .iter()
        .filter(|set| !set.ids.is_disjoint(&named))
        .filter(|set| !whole || set.folded_names().contains(name.trim()));
    meant.flat_map(ways).take(MAX_WAYS).collect()
}

/// The terms by which records name a place.
fn ways(set: &PlaceSet<'_>) -> Vec<Clause> {
    let ids = set.ids.iter().map(|id| Clause::Term(format!("{}{id}", facets::PLACE)));
    let whole = |clause| match clause {
        Clause::Prefix(word) => Clause::Term(word),
        other => other,
    };
    let names = set.names().into_iter().map(|(_, name)| words::asked(&name, facets::PLACE));
    let names = names.filter(|words| !words.is_empty());
    ids.chain(names.map(|words| Clause::All(words.into_iter().map(whole).collect()))).collect()
}

/// Pairs of places that may be the same, the surest first, and why.
#[must_use]
pub fn duplicates(node: &Node, within: Option<PartnershipId>) -> Vec<AlikeView> {
    let known: Vec<Known> = of_kind(node, "place", within).collect();
    let all = statements(&known);
    let sets = sets::sets(&all, &node.me.org());
    let skip = sets.len().saturating_sub(MAX_COMPARED);
    let sets: Vec<&PlaceSet<'_>> = sets.iter().skip(skip).collect();
    // Who has said that they are not the same is not asked again.
    let apart = sets::held_apart(&entente_protocol::lifecycle::current(all.iter().copied()), &node.me.org());
    let marks: Vec<alike::Marks> = sets.iter().map(|set| alike::Marks::of(set)).collect();
    let mut pairs = Vec::new();
    for (at, one) in marks.iter().enumerate() {
        for (beyond, other) in marks.iter().enumerate().skip(at + 1) {
            let because = one.alike(other);
            if because.is_empty() {
                continue;
            }
            let said = sets.get(at).zip(sets.get(beyond)).is_some_and(|(one, other)| {
                let (one, other) = (&one.ids, &other.ids);
                let are = |(a, b): &(RecordId, RecordId)| one.contains(a) && other.contains(b);
                apart.iter().any(|(a, b)| are(&(*a, *b)) || are(&(*b, *a)))
            });
            if !said {
                pairs.push((because, at, beyond));
            }
        }
    }
    pairs.sort_by_key(|(because, at, beyond)| (std::cmp::Reverse(because.len()), *at, *beyond));
    pairs.truncate(MAX_PAIRS);
    let side = |at: usize| sets.get(at).map(|set| view(node, &known, set));
    let pair = |(because, at, beyond)| Some(AlikeView { one: side(at)?, other: side(beyond)?, because });
    pairs.into_iter().filter_map(pair).collect()
}

/// The partnership that is meant, if one is.
///
/// # Errors
/// [`Problem`] `not-found`.
pub fn within(node: &Node, text: Option<&str>) -> Result<Option<PartnershipId>, Problem> {
    Ok(text.map(|p| find::partnership(node, p)).transpose()?.map(|h| h.id))
}
