use entente_protocol::ids::{OrgId, Timestamp};
use proptest::prelude::*;

use super::*;

/// A record of the kind `place`; later ones were written later.
pub fn place(number: u8, fields: &[(&str, Value)]) -> Statement {
    Statement {
        id: RecordId([number; 32]),
        kind: "place".parse().unwrap(),
        author: OrgId([1; 32]),
        created: Timestamp(u64::from(number)),
        fields: fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        replies_to: None,
        supersedes: None,
        embargo_until: None,
        draft: false,
    }
}

pub fn named(number: u8, names: &[&str]) -> Statement {
    let aliases = names.iter().map(|name| Value::Text((*name).to_owned())).collect();
    place(number, &[("aliases", Value::List(aliases))])
}

fn merge(number: u8, same: &[u8]) -> Statement {
    let ids = same.iter().map(|n| Value::Text(RecordId([*n; 32]).to_string())).collect();
    place(number, &[("same-as", Value::List(ids))])
}

fn ids(sets: &[PlaceSet<'_>]) -> Vec<u8> {
    sets.iter().map(|set| set.id.0[0]).collect()
}

#[test]
fn a_merge_loses_no_history_and_without_it_the_places_stand_apart() {
    let all = [named(1, &["Gldani"]), named(2, &["გლდანი"]), named(3, &["Kutaisi"]), merge(4, &[2, 1])];
    let merged: Vec<&Statement> = all.iter().collect();
    let sets = sets(&merged);
    assert_eq!(ids(&sets), [1, 3]);
    assert_eq!(sets[0].places, [&all[0], &all[1]]);
    assert_eq!(sets[0].merges, [&all[3]]);
    assert_eq!(sets[0].names().len(), 2);
    assert_eq!(ids(&super::sets(&merged[..3])), [1, 2, 3]);
}

#[test]
fn a_merge_of_what_cannot_be_read_shows_nothing() {
    let all = [named(1, &["Gldani"]), merge(2, &[1, 9]), merge(3, &[8, 7])];
    let sets = sets(&all.iter().collect::<Vec<_>>());
    assert_eq!(ids(&sets), [1]);
    assert_eq!(sets[0].names(), [(None, "Gldani".to_owned())]);
}

#[test]
fn a_corrected_place_is_found_by_the_id_of_every_version() {
    let mut better = named(2, &["Gldani N8"]);
    better.supersedes = Some(RecordId([1; 32]));
    let mut anothers = named(3, &["Mine"]);
    anothers.supersedes = Some(RecordId([1; 32]));
    anothers.author = OrgId([2; 32]);
    let all = [named(1, &["Gldani"]), better, anothers];
    let sets = sets(&all.iter().collect::<Vec<_>>());
    assert_eq!(ids(&sets), [2, 3]);
    assert!(sets[0].ids.contains(&RecordId([1; 32])));
    assert_eq!(sets[0].names(), [(None, "Gldani N8".to_owned())]);
}

proptest! {
    #[test]
    fn merges_give_the_same_places_in_whatever_order_they_are_heard_of(
        pairs in prop::collection::vec((1u8..12, 1u8..12), 0..10),
        keys in prop::collection::vec(any::<u64>(), 22),
    ) {
        let mut all: Vec<Statement> = (1..12).map(|n| named(n, &["a"])).collect();
        all.extend(pairs.iter().enumerate().map(|(at, (a, b))| merge(100 + at as u8, &[*a, *b])));
        let mut shuffled: Vec<(u64, &Statement)> = keys.into_iter().zip(&all).collect();
        shuffled.sort_by_key(|(key, s)| (*key, s.id));
        let shuffled: Vec<&Statement> = shuffled.into_iter().map(|(_, s)| s).collect();
        let (one, other) = (all.iter().collect::<Vec<_>>(), shuffled);
        let (one, other) = (sets(&one), sets(&other));
        prop_assert_eq!(&one, &other);
        // Each place once, and together exactly with whom a walk along the pairs reaches.
        for n in 1..12u8 {
            let mut reached = BTreeSet::from([n]);
            for _ in 0..12 {
                for (a, b) in &pairs {
                    if reached.contains(a) || reached.contains(b) {
                        reached.extend([*a, *b]);
                    }
                }
            }
            let with: Vec<&PlaceSet<'_>> = one.iter().filter(|set| set.ids.contains(&RecordId([n; 32]))).collect();
            prop_assert_eq!(with.len(), 1);
            let places: BTreeSet<u8> = with[0].places.iter().map(|s| s.id.0[0]).collect();
            prop_assert_eq!(places.first().copied(), Some(with[0].id.0[0]));
            prop_assert_eq!(places, reached);
        }
    }
}
