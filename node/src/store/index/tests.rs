//! The index: order, atomicity, confidentiality, and when it is discarded.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::batch::MAX_BATCH_BYTES;
use super::*;

fn key() -> StoreKey {
    StoreKey::from_bytes(Zeroizing::new([6; 32]))
}

fn at(offset: u64) -> Position {
    Position { segment: 1, offset }
}

fn open(dir: &Path) -> (Index, Option<Rebuild>) {
    Index::open(dir, &key()).unwrap()
}

fn filled(dir: &Path) -> Index {
    let (index, _) = open(dir);
    let mut batch = index.batch();
    for n in 0..20_u8 {
        batch.put(1, &[b'k', n], &[n; 100]).unwrap();
    }
    batch.put(2, b"k", b"another table").unwrap();
    index.apply(batch, at(100)).unwrap();
    index.write_out().unwrap();
    index
}

#[test]
fn a_batch_is_visible_with_its_cursor_and_survives_closing() {
    let home = tempfile::tempdir().unwrap();
    filled(home.path()).close().unwrap();
    let (index, rebuild) = open(home.path());
    assert_eq!((rebuild, index.cursor()), (None, at(100)));
    assert_eq!(*index.get(1, b"k\x07").unwrap().unwrap(), [7; 100]);
    let mut batch = index.batch();
    batch.delete(1, b"k\x07").unwrap();
    batch.put(1, b"new", b"value").unwrap();
    assert_eq!(*batch.get(1, b"new").unwrap().unwrap(), b"value");
    assert_eq!(batch.get(1, b"k\x07").unwrap(), None);
    assert_eq!(*batch.get(1, b"k\x08").unwrap().unwrap(), [8; 100]);
    assert!(index.get(1, b"new").unwrap().is_none());
    index.apply(batch, at(200)).unwrap();
    assert!(index.get(1, b"k\x07").unwrap().is_none());
    let back = index.apply(index.batch(), at(199));
    assert!(matches!(back, Err(IndexError::CursorMovedBack)));
}

#[test]
fn ranges_go_both_ways_and_stay_within_their_table_and_limit() {
    let home = tempfile::tempdir().unwrap();
    let index = filled(home.path());
    let keys = |span, reverse, limit| -> Vec<u8> {
        index.range(1, span, reverse, limit).map(|entry| *entry.unwrap().0.last().unwrap()).collect()
    };
    assert_eq!(keys(Span::All, false, 100), (0..20).collect::<Vec<_>>());
    assert_eq!(keys(Span::Prefix(b"k"), true, 3), [19, 18, 17]);
    assert_eq!(keys(Span::Between(b"k\x05", b"k\x08"), false, 100), [5, 6, 7]);
    assert_eq!(keys(Span::Between(b"k\x08", b"k\x05"), false, 100), [0_u8; 0]);
    assert_eq!(keys(Span::Prefix(b"z"), false, 100), [0_u8; 0]);
    let mut own = index.range(255, Span::All, false, 9);
    assert!(matches!(own.next(), Some(Err(IndexError::ReservedTable))) && own.next().is_none());
}

#[test]
fn bounds_of_keys_values_and_batches_are_enforced() {
    let home = tempfile::tempdir().unwrap();
    let (index, _) = open(home.path());
    let mut batch = index.batch();
    batch.put(0, &[1; MAX_KEY], &vec![1; MAX_VALUE]).unwrap();
    assert!(matches!(batch.put(0, b"k", &vec![1; MAX_VALUE + 1]), Err(IndexError::TooLarge { .. })));
    assert!(matches!(batch.put(0, &[1; MAX_KEY + 1], b""), Err(IndexError::TooLarge { .. })));
    assert!(matches!(batch.put(255, b"k", b""), Err(IndexError::ReservedTable)));
    let full = (0..2_000_u32).find(|n| batch.put(0, &n.to_be_bytes(), &vec![1; MAX_VALUE]).is_err());
    assert!(full.is_some_and(|n| n as usize * MAX_VALUE < MAX_BATCH_BYTES));
}

#[test]
fn after_a_kill_in_the_same_boot_the_index_is_trusted() {
    let home = tempfile::tempdir().unwrap();
    drop(filled(home.path()));
    let (index, rebuild) = open(home.path());
    assert_eq!((rebuild, index.cursor()), (None, at(100)));
}

#[test]
fn what_was_not_written_out_before_a_kill_is_gone_with_its_cursor_and_count() {
    let home = tempfile::tempdir().unwrap();
    let index = filled(home.path());
    let mut batch = index.batch();
    batch.put(1, b"new", b"value").unwrap();
    batch.delete(1, b"k\x07").unwrap();
    batch.tally(0, 3);
    index.apply(batch, at(200)).unwrap();
    assert_eq!((index.cursor(), index.tally(0)), (at(200), 3));
    assert!(index.get(1, b"new").unwrap().is_some() && index.get(1, b"k\x07").unwrap().is_none());
    drop(index);
    let (index, _) = open(home.path());
    assert_eq!((index.cursor(), index.tally(0), index.tally(1)), (at(100), 0, 20));
    assert!(index.get(1, b"new").unwrap().is_none() && index.get(1, b"k\x07").unwrap().is_some());
}

#[test]
fn what_is_applied_is_bounded_by_writing_it_out() {
    let home = tempfile::tempdir().unwrap();
    let (index, _) = open(home.path());
    for n in 0..200_u32 {
        let mut batch = index.batch();
        batch.put(1, &n.to_be_bytes(), &vec![1; MAX_VALUE]).unwrap();
        index.apply(batch, at(u64::from(n))).unwrap();
        let held: usize = index.held().fresh.rows.values().flatten().map(|value| value.len()).sum();
        assert!(held < 5 << 20, "{held}");
    }
    assert_eq!(index.tally(1), 200);
}

#[test]
fn what_could_not_be_written_out_is_still_seen_and_nothing_more_is_taken() {
    let home = tempfile::tempdir().unwrap();
    let index = filled(home.path());
    let put = |key: &[u8]| {
        let mut batch = index.batch();
        batch.put(1, key, b"value").unwrap();
        index.apply(batch, at(200))
    };
    index.files.ask(|db| db.insert(b"\x01k\x13", b"no page")).unwrap();
    put(b"k\x13").unwrap();
    assert!(matches!(index.write_out(), Err(IndexError::Damaged(_))));
    assert_eq!(index.get(1, b"k\x13").unwrap().unwrap().as_slice(), b"value");
    assert!(matches!(put(b"k\x14"), Err(IndexError::Damaged(_))));
    assert!(matches!(index.close(), Err(IndexError::Damaged(_))));
    assert_eq!(open(home.path()).1, Some(Rebuild::Damaged));
}

#[test]
fn an_index_that_threads_of_sled_still_hold_is_waited_for_and_not_discarded() {
    let home = tempfile::tempdir().unwrap();
    filled(home.path()).close().unwrap();
    let held = std::fs::File::open(home.path().join("sled/db")).unwrap();
    rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let opening = std::thread::scope(|threads| {
        let opening = threads.spawn(|| open(home.path()));
        while std::fs::read_to_string(home.path().join("state")).unwrap() == "closed\n" {
            std::thread::yield_now();
        }
        drop(held);
        opening.join().unwrap()
    });
    assert_eq!((opening.1, opening.0.cursor()), (None, at(100)));
}

#[test]
fn after_a_restart_in_the_open_state_it_is_discarded() {
    let home = tempfile::tempdir().unwrap();
    for state in ["open 11111111-aaaa\n", "open unknown\n"] {
        drop(filled(home.path()));
        std::fs::write(home.path().join("state"), state).unwrap();
        let (index, rebuild) = open(home.path());
        assert_eq!((rebuild, index.cursor()), (Some(Rebuild::Restarted), Position::START));
        assert!(index.get(1, b"k\x07").unwrap().is_none());
    }
    for state in ["", "closed", "nonsense", "discard\n"] {
        std::fs::write(home.path().join("state"), state).unwrap();
        assert_eq!(open(home.path()).1, Some(Rebuild::Damaged), "{state:?}");
    }
}

#[test]
fn with_another_key_it_is_discarded_and_nothing_is_served() {
    let home = tempfile::tempdir().unwrap();
    filled(home.path()).close().unwrap();
    let other = StoreKey::from_bytes(Zeroizing::new([7; 32]));
    let (index, rebuild) = Index::open(home.path(), &other).unwrap();
    assert_eq!((rebuild, index.cursor()), (Some(Rebuild::Damaged), Position::START));
    assert!(index.get(1, b"k\x07").unwrap().is_none());
}

#[test]
fn a_page_that_was_moved_to_another_place_is_found_and_the_index_distrusted() {
    let home = tempfile::tempdir().unwrap();
    let index = filled(home.path());
    let (bound, sealed) = index.files.ask(|db| db.get_lt(b"\x01k\x02")).unwrap().unwrap();
    assert_ne!(*bound, *b"\x01k\x01");
    index.files.ask(|db| db.insert(b"\x01k\x01", sealed)).unwrap();
    assert!(index.get(1, b"k").unwrap().is_none());
    assert!(matches!(index.get(1, b"k\x02"), Err(IndexError::Damaged(_))));
    assert!(matches!(index.close(), Err(IndexError::Damaged(_))));
    assert_eq!(open(home.path()).1, Some(Rebuild::Damaged));
}

#[test]
fn names_hide_what_they_stand_for_and_differ_by_table() {
    let home = tempfile::tempdir().unwrap();
    let (index, _) = open(home.path());
    assert_eq!(index.name(1, b"n"), index.name(1, b"n"));
    assert_ne!(index.name(1, b"n"), index.name(2, b"n"));
    assert_ne!(index.name(1, b"n"), index.name(1, b"m"));
}

/// A change of one row of two small tables, in which keys of one are now and then as long as a page.
fn change() -> impl Strategy<Value = (u8, Vec<u8>, Option<Vec<u8>>)> {
    let key = prop_oneof![9 => prop::collection::vec(0_u8..4, 1..4), 1 => Just(vec![2; 900])];
    let value = prop::option::weighted(0.8, (any::<u8>(), 0_usize..300).prop_map(|(n, len)| vec![n; len]));
    (1_u8..3, key, value)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pages_hold_what_a_plain_map_holds(
        batches in prop::collection::vec((prop::collection::vec(change(), 0..40), any::<bool>()), 1..8),
        (from, to) in (prop::collection::vec(0_u8..4, 0..3), prop::collection::vec(0_u8..4, 0..3)),
    ) {
        let home = tempfile::tempdir().unwrap();
        let (mut index, _) = open(home.path());
        let mut plain = BTreeMap::new();
        for (changes, written) in batches {
            let mut batch = index.batch();
            for (table, key, value) in changes {
                match &value {
                    Some(value) => batch.put(table, &key, value).unwrap(),
                    None => batch.delete(table, &key).unwrap(),
                }
                plain.insert((table, key), value);
            }
            index.apply(batch, index.cursor()).unwrap();
            if written {
                index.write_out().unwrap();
            }
        }
        plain.retain(|_, value| value.is_some());
        for reopened in [false, true] {
            if reopened {
                index.close().unwrap();
                let (again, rebuild) = open(home.path());
                prop_assert_eq!(rebuild, None);
                index = again;
            }
            for ((table, key), value) in &plain {
                prop_assert_eq!(index.get(*table, key).unwrap().map(|v| v.to_vec()), value.clone());
            }
            for table in 1..3 {
                if !reopened {
                    // Before tallies are asked for, which writes out.
                    let found: Vec<_> = index.range(table, Span::All, false, usize::MAX).keys().map(Result::unwrap).collect();
                    prop_assert_eq!(found.len(), plain.keys().filter(|(t, _)| *t == table).count());
                }
                prop_assert_eq!(index.tally(table), plain.keys().filter(|(t, _)| *t == table).count() as u64);
                for span in [Span::All, Span::Prefix(&from), Span::Between(&from, &to)] {
                    let inside = |key: &[u8]| match span {
                        Span::All => true,
                        Span::Prefix(prefix) => key.starts_with(prefix),
                        Span::Between(from, to) => from <= key && key < to,
                    };
                    let mut expected: Vec<_> =
                        plain.keys().filter(|(t, key)| *t == table && inside(key)).map(|(_, key)| key).collect();
                    for reverse in [false, true] {
                        let range = index.range(table, span, reverse, usize::MAX);
                        let found: Vec<_> = range.keys().map(Result::unwrap).collect();
                        prop_assert_eq!(found.iter().collect::<Vec<_>>(), expected.clone());
                        expected.reverse();
                    }
                }
            }
        }
    }
}

#[test]
fn a_walk_gives_each_row_once_though_pages_are_split_under_it() {
    for reverse in [false, true] {
        let home = tempfile::tempdir().unwrap();
        let (index, _) = open(home.path());
        let put = |keys: &mut dyn Iterator<Item = u8>| {
            let mut batch = index.batch();
            keys.for_each(|n| batch.put(1, &[n], &[n; 90]).unwrap());
            index.apply(batch, index.cursor()).unwrap();
        };
        put(&mut (0..100).step_by(2));
        let mut seen = Vec::new();
        for row in index.range(1, Span::All, reverse, usize::MAX) {
            let key = row.unwrap().0[0];
            if key % 2 == 0 {
                seen.push(key);
            }
            put(&mut [key ^ 1, (key ^ 64) | 1].into_iter().filter(|n| *n < 100));
            if key % 3 == 0 {
                index.write_out().unwrap();
            }
        }
        if reverse {
            seen.reverse();
        }
        assert_eq!(seen, (0..100).step_by(2).collect::<Vec<_>>());
    }
}
