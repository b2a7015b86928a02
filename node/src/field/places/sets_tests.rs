use entente_protocol::ids::{OrgId, Timestamp};
use proptest::prelude::*;

use super::*;

/// Whoever looks; nobody wrote anything in its name unless a test says so.
const ME: OrgId = OrgId([7; 32]);

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
    let sets = sets(&merged, &ME);
    assert_eq!(ids(&sets), [1, 3]);
    assert_eq!(sets[0].places, [&all[0], &all[1]]);
    assert_eq!(sets[0].merges, [&all[3]]);
    assert_eq!(sets[0].names().len(), 2);
    assert_eq!(ids(&super::sets(&merged[..3], &ME)), [1, 2, 3]);
}

#[test]
fn a_merge_of_what_cannot_be_read_shows_nothing() {
    let all = [named(1, &["Gldani"]), merge(2, &[1, 9]), merge(3, &[8, 7])];
    let sets = sets(&all.iter().collect::<Vec<_>>(), &ME);
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
    let sets = sets(&all.iter().collect::<Vec<_>>(), &ME);
    assert_eq!(ids(&sets), [2, 3]);
    assert!(sets[0].ids.contains(&RecordId([1; 32])));
    assert_eq!(sets[0].names(), [(None, "Gldani N8".to_owned())]);
}

fn apart(number: u8, by: OrgId, not_same: &[u8]) -> Statement {
    let ids = not_same.iter().map(|n| Value::Text(RecordId([*n; 32]).to_string())).collect();
    Statement { author: by, ..place(number, &[("not-same", Value::List(ids))]) }
}

#[test]
fn what_we_hold_apart_no_merge_of_others_joins_and_who_says_what_is_shown() {
    let mine = Statement { author: ME, ..merge(9, &[1, 2]) };
    let all = [
        named(1, &["Gldani"]),
        named(2, &["Gldani 8"]),
        named(3, &["Gldani hospital"]),
        merge(4, &[1, 3]),
        merge(5, &[3, 2]),
        apart(6, ME, &[1, 2]),
        mine,
    ];
    let seen: Vec<&Statement> = all.iter().take(6).collect();
    let sets = sets(&seen, &ME);
    // Through a third neither: the merge that came later does not count.
    assert_eq!(ids(&sets), [1, 2]);
    assert_eq!(sets[0].merges, [&all[3]]);
    assert_eq!((&sets[0].overruled, &sets[1].overruled), (&vec![&all[4]], &vec![&all[4]]));
    assert_eq!((&sets[0].apart, &sets[1].apart), (&vec![&all[5]], &vec![&all[5]]));
    // For others it is only said.
    let other = super::sets(&seen, &OrgId([8; 32]));
    assert_eq!(ids(&other), [1]);
    assert_eq!((other[0].merges.len(), other[0].overruled.len(), other[0].apart.len()), (2, 0, 1));
    // What we merged ourselves is merged, whatever we said before.
    assert_eq!(ids(&super::sets(&all.iter().collect::<Vec<_>>(), &ME)), [1]);
}

proptest! {
    #[test]
    fn nothing_that_we_hold_apart_is_ever_together_in_any_order(
        pairs in prop::collection::vec((1u8..9, 1u8..9), 0..12),
        parted in prop::collection::vec((1u8..9, 1u8..9), 0..5),
        keys in prop::collection::vec(any::<u64>(), 26),
    ) {
        let mut all: Vec<Statement> = (1..9).map(|n| named(n, &["a"])).collect();
        all.extend(pairs.iter().enumerate().map(|(at, (a, b))| merge(100 + at as u8, &[*a, *b])));
        all.extend(parted.iter().enumerate().map(|(at, (a, b))| apart(200 + at as u8, ME, &[*a, *b])));
        let mut shuffled: Vec<(u64, &Statement)> = keys.into_iter().zip(&all).collect();
        shuffled.sort_by_key(|(key, s)| (*key, s.id));
        let shuffled: Vec<&Statement> = shuffled.into_iter().map(|(_, s)| s).collect();
        let (one, other) = (sets(&all.iter().collect::<Vec<_>>(), &ME), sets(&shuffled, &ME));
        prop_assert_eq!(&one, &other);
        for (a, b) in parted.iter().filter(|(a, b)| a != b) {
            let (a, b) = (RecordId([*a; 32]), RecordId([*b; 32]));
            prop_assert!(one.iter().all(|set| !(set.ids.contains(&a) && set.ids.contains(&b))));
        }
        prop_assert_eq!(one.iter().map(|set| set.places.len()).sum::<usize>(), 8);
    }

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
        let (one, other) = (sets(&one, &ME), sets(&other, &ME));
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
