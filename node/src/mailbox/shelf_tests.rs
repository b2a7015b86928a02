#![allow(clippy::unwrap_used)]

use ed25519_dalek::SigningKey;
use entente_protocol::ids::EpochId;
use entente_protocol::log::append;
use entente_protocol::signed::sign;

use super::*;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn key(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

fn log(n: u8) -> LogId {
    LogId(key(n).verifying_key().to_bytes())
}

/// Batches of three entries, and the chain before each.
fn batches(by: u8, count: usize) -> Vec<(Batch, Hash)> {
    let mut head = Head::EMPTY;
    let mut out = Vec::new();
    for n in 0..count {
        let start = head.chain;
        let mut entries = Vec::new();
        for _ in 0..3 {
            let payload = vec![u8::try_from(n).unwrap(); 100];
            let (entry, next) =
                append(&head, SpaceId([9; 32]), &key(by), EpochId([1; 32]), payload, NOW).unwrap();
            entries.push(entry);
            head = next;
        }
        out.push((Batch::pack(&entries).unwrap(), start));
    }
    out
}

fn parcel(by: u8, version: u64, bundle: &[u8]) -> Unverified<ParcelHeader> {
    let length = u32::try_from(bundle.len()).unwrap();
    sign(ParcelHeader { name: log(by), version, length, hash: derive::hash(bundle) }, &key(by))
        .to_unverified()
}

#[test]
fn what_is_put_in_comes_out_after_a_restart_too() {
    let home = tempfile::tempdir().unwrap();
    let mut shelf = Shelf::open(home.path(), Allowed::default()).unwrap();
    let all = batches(1, 3);
    for (batch, start) in all.clone() {
        shelf.put(batch, start, NOW).unwrap();
    }
    // A log may begin where its readers lack it.
    let (later, start) = batches(2, 3).pop().unwrap();
    shelf.put(later, start, NOW).unwrap();
    shelf.put_parcel(parcel(3, 5, b"sealed"), b"sealed".to_vec(), NOW).unwrap();
    for _ in 0..2 {
        let (held, parcels) = shelf.held();
        let mut spans: Vec<_> = held.iter().map(|h| (h.first.0, h.next.0)).collect();
        spans.sort_unstable();
        assert_eq!((spans, parcels.len()), (vec![(0, 9), (6, 9)], 1));
        assert_eq!(shelf.get(&log(1), Seq(4)).unwrap(), all[1]);
        assert!(shelf.get(&log(1), Seq(9)).is_none() && shelf.get(&log(2), Seq(5)).is_none());
        assert_eq!(shelf.parcel(&log(3)).unwrap().1, b"sealed");
        shelf = Shelf::open(home.path(), Allowed::default()).unwrap();
    }
}

#[test]
fn nothing_is_kept_that_its_own_key_did_not_sign_or_that_does_not_continue() {
    let home = tempfile::tempdir().unwrap();
    let mut shelf = Shelf::open(home.path(), Allowed::default()).unwrap();
    let all = batches(1, 3);
    let (mut forged, start) = all[0].clone();
    forged.items[0].time = Timestamp(1);
    assert_eq!(shelf.put(forged, start, NOW), Err(RefusedHere::Unsigned));
    let (batch, _) = all[1].clone();
    assert_eq!(shelf.put(batch, Hash([7; 32]), NOW), Err(RefusedHere::Unsigned), "another beginning");
    shelf.put(all[0].0.clone(), all[0].1, NOW).unwrap();
    for n in [0, 2] {
        let (batch, start) = all[n].clone();
        assert_eq!(shelf.put(batch, start, NOW), Err(RefusedHere::Elsewhere), "again, or with a gap");
    }
    let header = parcel(3, 5, b"sealed");
    assert_eq!(shelf.put_parcel(header.clone(), b"other!".to_vec(), NOW), Err(RefusedHere::Unsigned));
    shelf.put_parcel(header.clone(), b"sealed".to_vec(), NOW).unwrap();
    assert_eq!(shelf.put_parcel(header, b"sealed".to_vec(), NOW), Err(RefusedHere::Elsewhere), "an old one");
    assert_eq!(shelf.used().1, 3);
}

#[test]
fn a_box_takes_no_more_than_its_keeper_allows_and_forgets_what_is_old() {
    let home = tempfile::tempdir().unwrap();
    let mut shelf = Shelf::open(home.path(), Allowed { bytes: 1_500, entries: 100, days: 10 }).unwrap();
    let all = batches(1, 6);
    let kept = all.iter().take_while(|(b, start)| shelf.put(b.clone(), *start, NOW).is_ok()).count();
    assert!((1..6).contains(&kept) && shelf.used().0 <= 1_500, "{kept}");
    let large = vec![1; 1_400];
    assert_eq!(shelf.put_parcel(parcel(3, 1, &large), large, NOW), Err(RefusedHere::Full));
    let mut few =
        Shelf::open(&home.path().join("few"), Allowed { entries: 5, ..Allowed::default() }).unwrap();
    few.put(all[0].0.clone(), all[0].1, NOW).unwrap();
    assert_eq!(few.put(all[1].0.clone(), all[1].1, NOW), Err(RefusedHere::Full));
    shelf.expire(NOW.plus_days(10));
    assert!(shelf.used().1 > 0);
    shelf.expire(NOW.plus_days(11));
    assert_eq!((shelf.used(), shelf.held().0.len()), ((0, 0), 0));
    let reopened = Shelf::open(home.path(), Allowed::default()).unwrap();
    assert_eq!(reopened.used(), (0, 0), "the files are gone");
}

#[test]
fn a_damaged_file_is_forgotten_and_what_stood_before_it_served() {
    let home = tempfile::tempdir().unwrap();
    let mut shelf = Shelf::open(home.path(), Allowed::default()).unwrap();
    for (batch, start) in batches(1, 3) {
        shelf.put(batch, start, NOW).unwrap();
    }
    let second = shelf.file_of(&log(1), Seq(3));
    let mut bytes = fs::read(&second).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&second, bytes).unwrap();
    let shelf = Shelf::open(home.path(), Allowed::default()).unwrap();
    assert!(shelf.get(&log(1), Seq(0)).is_some());
    assert_eq!(shelf.held().0[0].next, Seq(3), "what follows is asked for again");
}
