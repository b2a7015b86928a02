//! Which places are the same: a function of the set of records that say so.

use std::collections::{BTreeMap, BTreeSet};

use entente_protocol::ids::RecordId;
use entente_protocol::lifecycle::{Statement, current};
use entente_protocol::value::Value;

use crate::search::fold::fold;

/// A place: everything that was said to be it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlaceSet<'a> {
    /// The id that stands for it: of the first of its records by what they say of their date, then by their authors'
    /// clocks, then by id. The same wherever the same records can be read.
    pub id: RecordId,
    /// Every id that names it: versions that were corrected and records that cannot be read here among them.
    pub ids: BTreeSet<RecordId>,
    /// The records that describe it, oldest first. Each keeps its own history.
    pub places: Vec<&'a Statement>,
    /// The records that say that some of them are the same, oldest first.
    pub merges: Vec<&'a Statement>,
}

impl PlaceSet<'_> {
    /// All its names, those of the oldest record first, each once, with the language where it was said.
    #[must_use]
    pub fn names(&self) -> Vec<(Option<String>, String)> {
        let mut seen = BTreeSet::new();
        let all = self.places.iter().flat_map(|place| names_of(place));
        all.filter(|(_, name)| seen.insert(name.clone())).collect()
    }

    /// All its names, folded.
    #[must_use]
    pub fn folded_names(&self) -> BTreeSet<String> {
        self.names().iter().map(|(_, name)| fold(name).trim().to_owned()).collect()
    }
}

/// The places among these records, the oldest first. Records of other kinds count for nothing, and so do merges of what
/// cannot be read: they show nothing.
#[must_use]
pub fn sets<'a>(records: &[&'a Statement]) -> Vec<PlaceSet<'a>> {
    let places = || records.iter().copied().filter(|s| s.is("place"));
    let mut same = Union::default();
    for version in places() {
        if let Some(old) = version.supersedes.filter(|old| is_own(records, version, old)) {
            same.join(version.id, old);
        }
    }
    let now = current(places());
    for (one, other) in now.iter().flat_map(|s| s.ids("same-as").into_iter().map(|id| (s.id, id))) {
        same.join(one, other);
    }
    let mut sets: BTreeMap<RecordId, PlaceSet<'a>> = BTreeMap::new();
    for id in places().map(|s| s.id).chain(now.iter().flat_map(|s| s.ids("same-as"))) {
        let root = same.root(id);
        let empty = || PlaceSet { id, ids: BTreeSet::new(), places: Vec::new(), merges: Vec::new() };
        sets.entry(root).or_insert_with(empty).ids.insert(id);
    }
    for place in now {
        let Some(set) = sets.get_mut(&same.root(place.id)) else { continue };
        if !names_of(place).is_empty() {
            set.places.push(place);
        }
        if !place.ids("same-as").is_empty() {
            set.merges.push(place);
        }
    }
    let with_id = |mut set: PlaceSet<'a>| {
        set.id = set.places.first()?.id;
        Some(set)
    };
    let mut sets: Vec<PlaceSet<'a>> = sets.into_values().filter_map(with_id).collect();
    sets.sort_by_key(|set| set.places.first().map(|first| first.order()));
    sets
}

/// Only its own author corrects a record.
fn is_own(records: &[&Statement], version: &Statement, old: &RecordId) -> bool {
    records.iter().find(|s| s.id == *old).is_none_or(|old| old.author == version.author)
}

/// The names of one record: `title`, `names` by language, `aliases`.
fn names_of(place: &Statement) -> Vec<(Option<String>, String)> {
    let mut all = Vec::new();
    if let Some(Value::Table(names)) = place.field("names") {
        for (language, name) in names {
            name.each_text(&mut |text| all.push((Some(language.clone()), text.trim().to_owned())));
        }
    } else {
        all.extend(place.texts("names").into_iter().map(|name| (None, name.trim().to_owned())));
    }
    let others = place.texts("title").into_iter().chain(place.texts("aliases"));
    all.extend(others.map(|name| (None, name.trim().to_owned())));
    all.retain(|(_, name)| !name.is_empty());
    all
}

/// Sets that are joined pair by pair; what comes of it does not depend on their order.
#[derive(Default)]
struct Union(BTreeMap<RecordId, RecordId>);

impl Union {
    fn root(&mut self, id: RecordId) -> RecordId {
        let mut root = id;
        while let Some(above) = self.0.get(&root) {
            root = *above;
        }
        let mut at = id;
        while let Some(above) = self.0.get(&at).copied().filter(|above| *above != root) {
            self.0.insert(at, root);
            at = above;
        }
        root
    }

    fn join(&mut self, one: RecordId, other: RecordId) {
        let (one, other) = (self.root(one), self.root(other));
        if one != other {
            self.0.insert(one.max(other), one.min(other));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "sets_tests.rs"]
pub(super) mod tests;
