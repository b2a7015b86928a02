//! Because of what an act that its own past allows does not count: for who was let in by it, and must hear of that.

use std::collections::BTreeSet;

use super::{Folded, Judged, Verdicts};
use crate::ids::OrgId;

/// With so many of its undone entries an organisation is known; it lives in one.
const ENTRIES: usize = 4;

impl Folded<'_> {
    /// The acts with which an organisation came in by admissions that were undone, the newest first.
    pub fn undone_entries(&self, org: &OrgId) -> Vec<usize> {
        let places = self.fold.index.admissions.get(org).into_iter().flatten();
        let undone = places.filter(|place| !self.effective(**place));
        let mut entries: Vec<usize> =
            undone.filter_map(|p| self.fold.admission(*p)).map(|a| a.entry).collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(self.fold.order(*entry)));
        entries.truncate(ENTRIES);
        entries
    }

    /// The removals, departures, demotions and revocations that undid an organisation's admissions, or what these
    /// rest on.
    pub fn undone_by(&self, org: &OrgId) -> BTreeSet<usize> {
        let mut open = self.fold.index.admissions.get(org).cloned().unwrap_or_default();
        let (mut seen, mut cuts) = (BTreeSet::new(), BTreeSet::new());
        while let Some(place) = open.pop() {
            // What its own past does not allow is void to who made it, too.
            let Some(judged) = self.fold.get(place).filter(|_| !self.effective(place)) else { continue };
            if seen.insert(place) {
                cuts.extend(self.fold.cuts(&self.verdicts, place, judged));
                open.extend(&judged.needs);
                open.extend(judged.enacts.iter().flat_map(|enacts| &enacts.signatures));
            }
        }
        cuts
    }
}

impl super::Fold<'_> {
    /// The cuts that count and strike this act itself (M8, M9, M16, M18).
    fn cuts(&self, state: &Verdicts, place: usize, judged: &Judged) -> Vec<usize> {
        let admits = self.admission(place).map(|a| (a.org, a.entry));
        let acts = (judged.org, self.authors_entry(place));
        let excluded = std::iter::once(acts).chain(admits).flat_map(|(org, entry)| {
            let exclusions = self.exclusions(state, &org).collect::<Vec<_>>().into_iter();
            exclusions.filter(move |e| !self.graph.precedes(*e, entry))
        });
        let demoted =
            self.demotions(state, &judged.org).filter(|d| judged.as_steward && self.concurrent(*d, place));
        let strikes = |cut: &usize| *cut != place && !self.graph.precedes(place, *cut);
        excluded.chain(self.revocations(state, &judged.node)).chain(demoted).filter(strikes).collect()
    }
}
