//! Which places are the same: a function of the set of records that say so, and of who looks.
//!
//! What an organisation says itself counts for it: others' merges do not join what it holds apart (`not-same`). What
//! others hold apart is shown and parts nothing.

use std::collections::{BTreeMap, BTreeSet};

use entente_protocol::ids::{OrgId, RecordId};
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
    /// Merges of others that do not count, since we hold apart what they join; oldest first.
    pub overruled: Vec<&'a Statement>,
    /// The records that say of some of them that they are not the same, or not the same as another; oldest first.
    pub apart: Vec<&'a Statement>,
}

/// The field in which a record says what is the same place.
pub const SAME: &str = "same-as";
/// The field in which a record says what is not.
pub const APART: &str = "not-same";

impl PlaceSet<'_> {
    fn empty(id: RecordId) -> Self {
        PlaceSet {
            id,
            ids: BTreeSet::new(),
            places: Vec::new(),
            merges: Vec::new(),
            overruled: Vec::new(),
            apart: Vec::new(),
        }
    }

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

/// The places among these records as an organisation sees them, the oldest first. Records of other kinds count for
/// nothing, and so do merges of what cannot be read: they show nothing.
#[must_use]
pub fn sets<'a>(records: &[&'a Statement], me: &OrgId) -> Vec<PlaceSet<'a>> {
    let places = || records.iter().copied().filter(|s| s.is("place"));
    let mut same = Union::default();
    for version in places() {
        if let Some(old) = version.supersedes.filter(|old| is_own(records, version, old)) {
            same.join(version.id, old);
        }
    }
    let now = current(places());
    let overruled = join_merges(&mut same, &now, me);
    let mut sets: BTreeMap<RecordId, PlaceSet<'a>> = BTreeMap::new();
    for id in places().map(|s| s.id).chain(now.iter().flat_map(|s| s.ids(SAME))) {
        let root = same.root(id);
        sets.entry(root).or_insert_with(|| PlaceSet::empty(id)).ids.insert(id);
    }
    for place in now {
        let is_overruled = overruled.contains(&place.id);
        if let Some(set) = sets.get_mut(&same.root(place.id)) {
            if !names_of(place).is_empty() {
                set.places.push(place);
            }
            if !place.ids(SAME).is_empty() && !is_overruled {
                set.merges.push(place);
            }
        }
        let roots = |same: &mut Union, field| -> BTreeSet<RecordId> {
            place.ids(field).into_iter().map(|id| same.root(id)).collect()
        };
        if is_overruled {
            roots(&mut same, SAME).iter().for_each(|root| {
                sets.get_mut(root).into_iter().for_each(|set| set.overruled.push(place));
            });
        }
        roots(&mut same, APART).iter().for_each(|root| {
            sets.get_mut(root).into_iter().for_each(|set| set.apart.push(place));
        });
    }
    let with_id = |mut set: PlaceSet<'a>| {
        set.id = set.places.first()?.id;
        Some(set)
    };
    let mut sets: Vec<PlaceSet<'a>> = sets.into_values().filter_map(with_id).collect();
    sets.sort_by_key(|set| set.places.first().map(|first| first.order()));
    sets
}

/// Joins what merges say: ours, then those of others in the order in which they were said, but for those that would join
/// what we hold apart. Answers which these are.
fn join_merges(same: &mut Union, now: &[&Statement], me: &OrgId) -> BTreeSet<RecordId> {
    let merges = || now.iter().filter(|s| !s.ids(SAME).is_empty());
    for merge in merges().filter(|s| s.author == *me) {
        merge.ids(SAME).into_iter().for_each(|id| same.join(merge.id, id));
    }
    let apart = held_apart(now, me);
    let mut overruled = BTreeSet::new();
    for merge in merges().filter(|s| s.author != *me) {
        let roots: BTreeSet<RecordId> =
            std::iter::once(merge.id).chain(merge.ids(SAME)).map(|id| same.root(id)).collect();
        // What is one place already was joined by us: we have changed our mind, and others may say so too.
        let mut would_join = |(one, other): &(RecordId, RecordId)| {
            let (one, other) = (same.root(*one), same.root(*other));
            one != other && roots.contains(&one) && roots.contains(&other)
        };
        if apart.iter().any(&mut would_join) {
            overruled.insert(merge.id);
        } else {
            merge.ids(SAME).into_iter().for_each(|id| same.join(merge.id, id));
        }
    }
    overruled
}

/// The pairs that an organisation says are not the same place.
#[must_use]
pub fn held_apart(now: &[&Statement], me: &OrgId) -> Vec<(RecordId, RecordId)> {
    let own = now.iter().filter(|s| s.author == *me && s.is("place"));
    let mut pairs = Vec::new();
    for ids in own.map(|s| s.ids(APART)) {
        for (at, one) in ids.iter().enumerate() {
            pairs.extend(ids.iter().skip(at + 1).map(|other| (*one, *other)));
        }
    }
    pairs
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
