//! The journal under torn writes, damage, full disks and failing syncs (F1 to F3).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs::File;
use std::sync::atomic::Ordering;

use proptest::prelude::*;

use super::super::faulty::FaultyDisk;
use super::super::frame::frame_len;
use super::super::keys::Purpose;
use super::super::writer::MAX_GROUP_BYTES;
use super::*;

fn key() -> StoreKey {
    StoreKey::from_bytes(Zeroizing::new([4; 32]))
}

fn payload(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(bytes.to_vec())
}

fn open(dir: &Path) -> (Journal, Recovery) {
    Journal::open(dir, &key()).unwrap()
}

fn append(journal: &Journal, bytes: &[u8]) -> Position {
    journal.append(vec![payload(bytes)]).wait().unwrap()[0]
}

/// What a scan serves, and what it reports damaged.
fn contents(journal: &Journal) -> (Vec<Vec<u8>>, Vec<DamagedRange>) {
    let (mut served, mut damaged) = (Vec::new(), Vec::new());
    for (at, frame) in journal.scan(Position::START).unwrap() {
        match frame {
            Ok(bytes) => {
                assert_eq!(*journal.read(at).unwrap(), *bytes);
                served.push(bytes.to_vec());
            }
            Err(ReadError::Damaged(range)) => damaged.push(range),
            Err(error) => panic!("{error}"),
        }
    }
    (served, damaged)
}

fn segment(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:08}.seg"))
}

fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).unwrap();
    change(&mut bytes);
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn what_was_appended_is_read_back_in_order_across_segments_and_reopening() {
    let home = tempfile::tempdir().unwrap();
    let written: Vec<Vec<u8>> = (0..50_u8).map(|n| vec![n; 10 + usize::from(n) * 40]).collect();
    let end = {
        let (journal, _) = Journal::open_on(Arc::new(RealDisk), home.path(), &key(), 4_096).unwrap();
        for bytes in &written {
            append(&journal, bytes);
        }
        assert_eq!(contents(&journal).0, written);
        journal.end()
    };
    assert!(end.segment > 5, "the test must roll over");
    let (journal, recovery) = open(home.path());
    assert_eq!((recovery.torn_bytes, recovery.damaged.len(), journal.end()), (0, 0, end));
    assert_eq!(contents(&journal), (written, Vec::new()));
    assert!(matches!(journal.read(end), Err(ReadError::OutOfRange(_))));
}

#[test]
fn a_scan_continues_where_its_cursor_was() {
    let home = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open_on(Arc::new(RealDisk), home.path(), &key(), 600).unwrap();
    let places: Vec<Position> = (0..20_u8).map(|n| append(&journal, &[n; 100])).collect();
    for (seen, at) in places.iter().enumerate() {
        let rest: Vec<_> = journal.scan(at.after(100)).unwrap().map(|(_, f)| f.unwrap()[0]).collect();
        let expected: Vec<u8> = (seen as u8 + 1..20).collect();
        assert_eq!(rest, expected);
    }
}

#[test]
fn a_torn_tail_is_cut_at_every_byte_and_the_rest_survives() {
    let home = tempfile::tempdir().unwrap();
    let path = segment(home.path(), 1);
    let last = {
        let (journal, _) = open(home.path());
        append(&journal, b"first");
        append(&journal, b"second");
        append(&journal, b"the last, which is torn")
    };
    let whole = std::fs::read(&path).unwrap();
    for len in last.offset as usize..whole.len() {
        std::fs::write(&path, &whole[..len]).unwrap();
        let (journal, recovery) = open(home.path());
        assert_eq!(recovery.torn_bytes, len as u64 - last.offset);
        assert!(recovery.damaged.is_empty());
        assert_eq!(journal.end(), last);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), last.offset);
        append(&journal, b"next");
        let expected = [b"first".to_vec(), b"second".to_vec(), b"next".to_vec()];
        assert_eq!(contents(&journal), (expected.to_vec(), Vec::new()));
    }
}

#[test]
fn a_segment_whose_creation_was_torn_is_begun_again() {
    for len in 0..=SEGMENT_HEADER {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(segment(home.path(), 1), vec![0; len]).unwrap();
        append(&open(home.path()).0, b"first");
        std::fs::write(segment(home.path(), 2), vec![0; len]).unwrap();
        let (journal, _) = open(home.path());
        append(&journal, b"second");
        assert_eq!(contents(&journal), (vec![b"first".to_vec(), b"second".to_vec()], Vec::new()));
    }
}

#[test]
fn a_flipped_byte_anywhere_is_found_and_later_frames_are_still_served() {
    let home = tempfile::tempdir().unwrap();
    let path = segment(home.path(), 1);
    let places = {
        let (journal, _) = open(home.path());
        [append(&journal, b"first"), append(&journal, b"middle"), append(&journal, b"last")]
    };
    let good = std::fs::read(&path).unwrap();
    for index in places[1].offset..places[2].offset {
        std::fs::write(&path, &good).unwrap();
        edit(&path, |bytes| bytes[index as usize] ^= 0x10);
        let (journal, recovery) = open(home.path());
        let (start, end) = (places[1].offset, places[2].offset);
        let range = DamagedRange { segment: 1, start, end, kind: DamageKind::Unreadable };
        assert_eq!(recovery.damaged, [range], "byte {index}");
        assert_eq!(contents(&journal), (vec![b"first".to_vec(), b"last".to_vec()], vec![range]));
        assert!(matches!(journal.read(places[1]), Err(ReadError::Damaged(_))));
    }
}

#[test]
fn zeroed_ranges_are_reported_left_in_place_and_written_past() {
    let home = tempfile::tempdir().unwrap();
    let path = segment(home.path(), 1);
    let places: Vec<Position> = {
        let (journal, _) = open(home.path());
        (0..100_u8).map(|n| append(&journal, &[n; 3_000])).collect()
    };
    edit(&path, |bytes| bytes[places[10].offset as usize + 5..places[50].offset as usize + 700].fill(0));
    let damaged = std::fs::read(&path).unwrap();
    let (journal, recovery) = open(home.path());
    append(&journal, b"after");
    let (start, end) = (places[10].offset, places[51].offset);
    assert_eq!(recovery.damaged, [DamagedRange { segment: 1, start, end, kind: DamageKind::Unreadable }]);
    let (served, reported) = contents(&journal);
    assert_eq!((served.len(), reported), (10 + 49 + 1, recovery.damaged));
    assert_eq!(std::fs::read(&path).unwrap()[..damaged.len()], damaged);
}

#[test]
fn a_tail_longer_than_any_write_is_damage_that_is_kept() {
    let home = tempfile::tempdir().unwrap();
    append(&open(home.path()).0, b"first");
    let path = segment(home.path(), 1);
    let start = std::fs::metadata(&path).unwrap().len();
    edit(&path, |bytes| bytes.resize(bytes.len() + MAX_GROUP_BYTES + 1, 0x77));
    let end = std::fs::metadata(&path).unwrap().len();
    let (journal, recovery) = open(home.path());
    let range = DamagedRange { segment: 1, start, end, kind: DamageKind::Unreadable };
    assert_eq!((recovery.torn_bytes, recovery.damaged), (0, vec![range]));
    assert_eq!(append(&journal, b"second").segment, 2);
    assert_eq!(contents(&journal), (vec![b"first".to_vec(), b"second".to_vec()], vec![range]));
    assert_eq!(std::fs::metadata(&path).unwrap().len(), end);
}

#[test]
fn missing_frames_and_segments_are_noticed_by_the_chain() {
    let home = tempfile::tempdir().unwrap();
    {
        let (journal, _) = Journal::open_on(Arc::new(RealDisk), home.path(), &key(), 600).unwrap();
        (0..30_u8).for_each(|n| _ = append(&journal, &[n; 100]));
    }
    let cut = std::fs::metadata(segment(home.path(), 2)).unwrap().len() - frame_len(100) as u64;
    File::options().write(true).open(segment(home.path(), 2)).unwrap().set_len(cut).unwrap();
    std::fs::remove_file(segment(home.path(), 4)).unwrap();
    let (journal, recovery) = open(home.path());
    assert_eq!(
        recovery.damaged.iter().map(|d| (d.segment, d.kind)).collect::<Vec<_>>(),
        [(4, DamageKind::Missing)]
    );
    let (served, damaged) = contents(&journal);
    let gaps: Vec<_> = damaged.iter().map(|d| (d.segment, d.kind)).collect();
    assert_eq!(gaps, [(3, DamageKind::Missing), (5, DamageKind::Missing)]);
    assert_eq!(served.len(), 30 - 1 - 3);
}

#[test]
fn a_wrong_key_and_a_newer_version_are_refused_and_change_nothing() {
    let home = tempfile::tempdir().unwrap();
    append(&open(home.path()).0, b"first");
    let before = std::fs::read(segment(home.path(), 1)).unwrap();
    let other = StoreKey::from_bytes(Zeroizing::new([5; 32]));
    assert!(matches!(Journal::open(home.path(), &other), Err(JournalError::WrongKey)));
    assert_eq!(std::fs::read(segment(home.path(), 1)).unwrap(), before);
    edit(&segment(home.path(), 1), |bytes| {
        bytes[7] = 2;
        let check = blake3::keyed_hash(&key().derive(Purpose::FrameCheck), &bytes[..16]);
        bytes[16..32].copy_from_slice(&check.as_bytes()[..16]);
    });
    let newer = Journal::open(home.path(), &key());
    assert!(matches!(newer, Err(JournalError::NewerVersion { segment: 1, version: 2 })));
    std::fs::write(segment(home.path(), 1), &before).unwrap();
    // An empty journal of another key is not one whose creation was torn.
    edit(&segment(home.path(), 1), |bytes| bytes.truncate(SEGMENT_HEADER));
    assert!(matches!(Journal::open(home.path(), &other), Err(JournalError::WrongKey)));
}

#[test]
fn payloads_and_appends_over_the_bounds_are_refused_and_those_at_them_are_not() {
    let home = tempfile::tempdir().unwrap();
    let (journal, _) = open(home.path());
    let largest = vec![7; MAX_PAYLOAD];
    let at = append(&journal, &largest);
    assert_eq!(*journal.read(at).unwrap(), largest);
    let over = journal.append(vec![payload(&vec![7; MAX_PAYLOAD + 1])]).wait();
    assert!(matches!(over, Err(JournalError::TooLarge { .. })));
    let many = vec![payload(&largest); MAX_APPEND_BYTES / MAX_PAYLOAD];
    assert!(matches!(journal.append(many).wait(), Err(JournalError::TooLarge { .. })));
    assert!(journal.append(Vec::new()).wait().unwrap().is_empty());
    assert_eq!(contents(&journal).0.len(), 1);
}

#[test]
fn appends_that_wait_share_one_sync_in_the_order_of_their_calls() {
    let home = tempfile::tempdir().unwrap();
    let disk = Arc::new(FaultyDisk::default());
    let (journal, _) = Journal::open_on(disk.clone(), home.path(), &key(), SEGMENT_BYTES).unwrap();
    let opened = disk.syncs.load(Ordering::SeqCst);
    let gate = disk.gate.lock().unwrap();
    let waiting: Vec<Pending> = (0..=200_u8).map(|n| journal.append(vec![payload(&[n])])).collect();
    drop(gate);
    let places: Vec<Position> = waiting.into_iter().map(|pending| pending.wait().unwrap()[0]).collect();
    assert!(places.is_sorted());
    // The first group was whatever the writer found before the gate stopped it.
    let syncs = disk.syncs.load(Ordering::SeqCst) - opened;
    assert!((1..=2).contains(&syncs), "{syncs} syncs");
    assert_eq!(contents(&journal).0, (0..=200_u8).map(|n| vec![n]).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_append_can_be_awaited_and_waited_for_inside_a_runtime() {
    let home = tempfile::tempdir().unwrap();
    let (journal, _) = open(home.path());
    let first = journal.append(vec![payload(b"a"), payload(b"b")]).await.unwrap();
    let second = journal.append(vec![payload(b"c")]).wait().unwrap();
    assert!(first[0] < first[1] && first[1] < second[0]);
}

#[test]
fn a_full_disk_fails_the_append_and_later_ones_succeed_once_there_is_space() {
    let home = tempfile::tempdir().unwrap();
    let disk = Arc::new(FaultyDisk::default());
    let (journal, _) = Journal::open_on(disk.clone(), home.path(), &key(), 1_000).unwrap();
    append(&journal, &[1; 300]);
    let before = std::fs::read(segment(home.path(), 1)).unwrap();
    // 200 bytes: the write is cut short; 10 bytes: not even a new segment's header fits.
    for (space, len) in [(200, 300), (10, 900)] {
        *disk.full.lock().unwrap() = Some(space);
        let error = journal.append(vec![payload(&vec![2; len])]).wait().unwrap_err();
        assert!(error.is_disk_full(), "{error}");
        assert_eq!(std::fs::read(segment(home.path(), 1)).unwrap(), before);
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
    }
    *disk.full.lock().unwrap() = None;
    append(&journal, &[3; 300]);
    append(&journal, &[4; 900]);
    let expected = vec![vec![1; 300], vec![3; 300], vec![4; 900]];
    assert_eq!(contents(&journal), (expected.clone(), Vec::new()));
    drop(journal);
    assert_eq!(contents(&open(home.path()).0), (expected, Vec::new()));
}

#[test]
fn an_io_error_at_any_call_loses_nothing_that_was_acknowledged() {
    let mut reached = 0;
    for fail_at in 1.. {
        let home = tempfile::tempdir().unwrap();
        let disk = Arc::new(FaultyDisk::default());
        disk.fail_at.store(fail_at, Ordering::SeqCst);
        let mut acknowledged = Vec::new();
        if let Ok((journal, _)) = Journal::open_on(disk.clone(), home.path(), &key(), 700) {
            for n in 0..12_u8 {
                if journal.append(vec![payload(&[n; 100])]).wait().is_ok() {
                    acknowledged.push(vec![n; 100]);
                }
            }
            let (served, damaged) = contents(&journal);
            assert_eq!((served, damaged.len()), (acknowledged.clone(), 0), "call {fail_at}");
        }
        let (journal, recovery) = open(home.path());
        assert_eq!(recovery.damaged, [], "call {fail_at}");
        let (served, damaged) = contents(&journal);
        assert_eq!((served, damaged.len()), (acknowledged, 0), "call {fail_at}");
        append(&journal, b"after reopening");
        if disk.calls.load(Ordering::SeqCst) < fail_at {
            break;
        }
        reached = fail_at;
    }
    assert!(reached > 30, "only {reached} calls");
}

#[test]
fn after_a_failed_sync_nothing_is_written_until_reopened() {
    let home = tempfile::tempdir().unwrap();
    let disk = Arc::new(FaultyDisk::default());
    let (journal, _) = Journal::open_on(disk.clone(), home.path(), &key(), SEGMENT_BYTES).unwrap();
    let first = append(&journal, b"first");
    disk.fail_at.store(disk.calls.load(Ordering::SeqCst) + 2, Ordering::SeqCst);
    let error = journal.append(vec![payload(b"lost")]).wait();
    assert!(matches!(error, Err(JournalError::Sync { segment: 1, .. })), "{error:?}");
    let error = journal.append(vec![payload(b"refused")]).wait();
    assert!(matches!(error, Err(JournalError::Failed { .. })), "{error:?}");
    assert_eq!(*journal.read(first).unwrap(), b"first");
    drop(journal);
    let (journal, _) = open(home.path());
    append(&journal, b"second");
    assert_eq!(contents(&journal).0, [b"first".to_vec(), b"second".to_vec()]);
}

#[derive(Clone, Debug)]
enum Damage {
    Truncate(prop::sample::Index),
    Flip(prop::sample::Index, u8),
    Zero(prop::sample::Index, usize),
}

fn damages() -> impl Strategy<Value = Damage> {
    prop_oneof![
        any::<prop::sample::Index>().prop_map(Damage::Truncate),
        (any::<prop::sample::Index>(), 1..=255_u8).prop_map(|(at, mask)| Damage::Flip(at, mask)),
        (any::<prop::sample::Index>(), 1..2_000_usize).prop_map(|(at, len)| Damage::Zero(at, len)),
    ]
}

fn strike(dir: &Path, which: &prop::sample::Index, damage: &Damage) {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    edit(&files[which.index(files.len())], |bytes| {
        if bytes.is_empty() {
            return;
        }
        match damage {
            Damage::Truncate(at) => bytes.truncate(at.index(bytes.len())),
            Damage::Flip(at, mask) => {
                let at = at.index(bytes.len());
                bytes[at] ^= mask;
            }
            Damage::Zero(at, len) => {
                let at = at.index(bytes.len());
                let end = (at + len).min(bytes.len());
                bytes[at..end].fill(0);
            }
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_power_cut_that_drops_and_reorders_sectors_loses_only_what_was_not_acknowledged(
        kept in prop::collection::vec(any::<bool>(), 24),
        cut in any::<prop::sample::Index>(),
    ) {
        let home = tempfile::tempdir().unwrap();
        let path = segment(home.path(), 1);
        let (journal, _) = open(home.path());
        let acknowledged: Vec<Vec<u8>> = (0..3_u8).map(|n| vec![n; 700]).collect();
        acknowledged.iter().for_each(|bytes| _ = append(&journal, bytes));
        let durable = std::fs::read(&path).unwrap();
        let group = (0..10_u8).map(|n| payload(&[100 + n; 900])).collect();
        journal.append(group).wait().unwrap();
        drop(journal);
        // Of the group's sectors some never reached the disk, in no order, and the length is somewhere between.
        edit(&path, |bytes| {
            for (sector, kept) in bytes.chunks_mut(512).skip(durable.len() / 512).zip(kept) {
                if !kept {
                    sector.fill(0);
                }
            }
            bytes[..durable.len()].copy_from_slice(&durable);
            bytes.truncate(durable.len() + cut.index(bytes.len() - durable.len() + 1));
        });
        let (journal, recovery) = open(home.path());
        prop_assert!(recovery.damaged.iter().all(|range| range.start >= durable.len() as u64));
        append(&journal, b"after");
        let (served, _) = contents(&journal);
        prop_assert_eq!(&served[..3], acknowledged.as_slice());
        prop_assert_eq!(served.last().unwrap(), b"after");
        let others = &served[3..served.len() - 1];
        prop_assert!(others.iter().all(|bytes| bytes.len() == 900 && bytes[0] >= 100));
    }

    #[test]
    fn whatever_happens_to_the_files_only_what_was_written_is_served_in_order(
        lengths in prop::collection::vec(0..700_usize, 1..25),
        strikes in prop::collection::vec((any::<prop::sample::Index>(), damages()), 1..4),
    ) {
        let home = tempfile::tempdir().unwrap();
        let written: Vec<Vec<u8>> =
            lengths.iter().enumerate().map(|(n, len)| [&[n as u8][..], &vec![0xee; *len]].concat()).collect();
        let (journal, _) = Journal::open_on(Arc::new(RealDisk), home.path(), &key(), 2_000).unwrap();
        written.iter().for_each(|bytes| _ = append(&journal, bytes));
        drop(journal);
        for (which, damage) in &strikes {
            strike(home.path(), which, damage);
        }
        match Journal::open(home.path(), &key()) {
            Ok((journal, _)) => {
                append(&journal, b"\xffafter");
                let (served, _) = contents(&journal);
                prop_assert_eq!(served.last().unwrap(), b"\xffafter");
                let known = &served[..served.len() - 1];
                prop_assert!(known.is_sorted(), "in order");
                prop_assert!(known.iter().all(|bytes| written.contains(bytes)));
            }
            // Nothing at all was left to recognise the key by.
            Err(error) => prop_assert!(matches!(error, JournalError::WrongKey), "{}", error),
        }
    }
}

/// All bytes of the journal's files.
fn on_disk(dir: &Path) -> Vec<Vec<u8>> {
    std::fs::read_dir(dir).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
}

#[test]
fn an_erased_frame_is_gone_from_the_disk_and_the_chain_still_holds() {
    let home = tempfile::tempdir().unwrap();
    let key = StoreKey::from_bytes(Zeroizing::new([3; 32]));
    let (journal, _) = Journal::open(home.path(), &key).unwrap();
    let payloads = (0..5u8).map(|n| Zeroizing::new(vec![n; 300])).collect();
    let at = journal.append(payloads).wait().unwrap();
    let before = on_disk(home.path());
    let ciphertext = before[0][at[2].offset as usize..at[3].offset as usize].to_vec();
    journal.erase(at[2], b"gone").unwrap();
    journal.erase(at[4], b"the last one").unwrap();
    assert_eq!(*journal.read(at[2]).unwrap(), b"gone");
    journal.erase(at[2], b"again").unwrap();
    assert_eq!(*journal.read(at[2]).unwrap(), b"gone", "it is erased once");
    assert!(journal.erase(at[1], &[1; 270]).is_err(), "no room");
    let files = on_disk(home.path());
    assert_eq!(files.len(), 1, "nothing is left beside");
    for part in ciphertext[80..].chunks_exact(32) {
        assert!(!files[0].windows(32).any(|w| w == part), "the old ciphertext is still there");
    }
    // The chain holds over it, also for what is written after opening again.
    journal.close();
    let (journal, found) = Journal::open(home.path(), &key).unwrap();
    assert_eq!((found.damaged.len(), found.torn_bytes), (0, 0));
    journal.append(vec![Zeroizing::new(vec![9; 10])]).wait().unwrap();
    let all: Vec<Vec<u8>> =
        journal.scan(Position::START).unwrap().map(|(_, f)| f.unwrap().to_vec()).collect();
    let expected: [&[u8]; 6] = [&[0; 300], &[1; 300], b"gone", &[3; 300], b"the last one", &[9; 10]];
    assert_eq!(all, expected);
}

#[test]
fn an_erasure_that_a_crash_interrupted_is_finished_on_opening() {
    let home = tempfile::tempdir().unwrap();
    let key = StoreKey::from_bytes(Zeroizing::new([3; 32]));
    let (journal, _) = Journal::open(home.path(), &key).unwrap();
    let at = journal.append((0..3u8).map(|n| Zeroizing::new(vec![n; 300])).collect()).wait().unwrap();
    let segment = home.path().join("00000001.seg");
    let original = std::fs::read(&segment).unwrap();
    journal.erase(at[1], b"gone").unwrap();
    journal.close();
    let erased = std::fs::read(&segment).unwrap();
    let (from, to) = (at[1].offset as usize, at[2].offset as usize);
    let intent = [&at[1].to_bytes()[..], &erased[from..to]].concat();
    // Any part of it was written, or none.
    for written in [0, 1, 50, to - from] {
        let mut torn = original.clone();
        torn[from..from + written].copy_from_slice(&erased[from..from + written]);
        std::fs::write(&segment, torn).unwrap();
        std::fs::write(home.path().join("erasing"), &intent).unwrap();
        let (journal, found) = Journal::open(home.path(), &key).unwrap();
        assert_eq!((*journal.read(at[1]).unwrap()).as_slice(), b"gone", "{written}");
        assert!(found.damaged.is_empty() && !home.path().join("erasing").exists());
        journal.close();
        assert_eq!(std::fs::read(&segment).unwrap(), erased);
    }
    // An intent that is not whole was never acted on.
    std::fs::write(&segment, &original).unwrap();
    std::fs::write(home.path().join("erasing"), &intent[..100]).unwrap();
    let (journal, _) = Journal::open(home.path(), &key).unwrap();
    assert_eq!((*journal.read(at[1]).unwrap()).as_slice(), [1; 300]);
}
