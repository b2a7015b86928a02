//! The store as a whole: what happens to the index never costs data, and nothing readable is on the disk.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::convert::Infallible;

use zeroize::Zeroizing;

use super::*;
use crate::vault::{Vault, VaultParams};

const TABLE: u8 = 1;

fn key() -> StoreKey {
    StoreKey::from_bytes(Zeroizing::new([8; 32]))
}

fn open(home: &Path) -> (Store, Recovery) {
    Store::open(home, &key()).unwrap()
}

fn append(store: &Store, count: u16) {
    let payloads = (0..count).map(|n| Zeroizing::new(n.to_be_bytes().to_vec())).collect();
    store.journal.append(payloads).wait().unwrap();
}

fn replay(store: &Store) -> Replayed {
    let apply = |at: Position, payload: &[u8], batch: &mut Batch<'_>| {
        batch.put(TABLE, payload, &at.to_bytes()).unwrap();
        Ok::<_, Infallible>(())
    };
    store.replay(apply).unwrap()
}

fn indexed(store: &Store) -> usize {
    store
        .index
        .range(TABLE, Span::All, false, usize::MAX)
        .map(|entry| {
            let (key, place) = entry.unwrap();
            let at = Position::from_bytes(place.as_slice().try_into().unwrap());
            assert_eq!(*store.journal.read(at).unwrap(), key);
        })
        .count()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn replay_catches_up_from_the_cursor_only() {
    let home = tempfile::tempdir().unwrap();
    let (store, recovery) = open(home.path());
    assert_eq!(recovery.rebuild, Some(Rebuild::New));
    append(&store, 2_500);
    assert_eq!(replay(&store).frames, 2_500);
    assert_eq!(replay(&store).frames, 0);
    store.journal.append(vec![Zeroizing::new(b"one more".to_vec())]).wait().unwrap();
    store.close().unwrap();
    let (store, recovery) = open(home.path());
    assert_eq!(recovery.rebuild, None);
    assert_eq!(replay(&store).frames, 1);
    assert_eq!(indexed(&store), 2_501);
}

#[test]
fn an_index_from_before_a_restart_is_discarded_and_rebuilt() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path());
    append(&store, 1_500);
    replay(&store);
    drop(store);
    std::fs::write(home.path().join("index/state"), "open another-boot\n").unwrap();
    let (store, recovery) = open(home.path());
    assert_eq!(recovery.rebuild, Some(Rebuild::Restarted));
    assert_eq!((replay(&store).frames, indexed(&store)), (1_500, 1_500));
}

#[test]
fn a_corrupted_index_is_rebuilt_and_never_a_panic() {
    for (round, fill) in [0_u8, 0xff, 0x5a].into_iter().enumerate() {
        let home = tempfile::tempdir().unwrap();
        let (store, _) = open(home.path());
        append(&store, 1_000);
        replay(&store);
        store.close().unwrap();
        for path in files(&home.path().join("index/sled")) {
            let mut bytes = std::fs::read(&path).unwrap();
            let skip = [0, 3, 64][round];
            bytes.iter_mut().skip(skip).enumerate().for_each(|(n, b)| *b ^= fill.wrapping_add(n as u8) | 1);
            std::fs::write(&path, bytes).unwrap();
        }
        std::fs::write(home.path().join("index/sled/snap.0000000000000001.generating"), b"stray").unwrap();
        let (store, recovery) = open(home.path());
        assert_eq!(recovery.rebuild, Some(Rebuild::Damaged));
        assert_eq!((replay(&store).frames, indexed(&store)), (1_000, 1_000));
    }
}

#[test]
fn an_index_that_knows_more_than_the_journal_is_discarded_and_the_loss_is_told() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path());
    append(&store, 100);
    replay(&store);
    store.close().unwrap();
    let segment = home.path().join("journal/00000001.seg");
    let len = std::fs::metadata(&segment).unwrap().len();
    std::fs::File::options().write(true).open(&segment).unwrap().set_len(len - 1).unwrap();
    let (store, recovery) = open(home.path());
    assert!(recovery.lost_acknowledged());
    assert!(recovery.journal.torn_bytes > 0);
    assert_eq!((replay(&store).frames, indexed(&store)), (99, 99));
}

#[test]
fn replay_skips_damaged_frames_and_lists_them() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path());
    append(&store, 100);
    let end = store.journal.end();
    store.close().unwrap();
    let segment = home.path().join("journal/00000001.seg");
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[end.offset as usize / 2] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let (store, recovery) = open(home.path());
    let replayed = replay(&store);
    assert_eq!((replayed.frames, replayed.damaged_count), (99, 1));
    assert_eq!(replayed.damaged, recovery.journal.damaged);
}

#[test]
fn a_second_opening_names_who_holds_the_store() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path());
    match Store::open(home.path(), &key()) {
        Err(StoreError::Lock(LockError::LockedBy { pid })) => assert_eq!(pid, std::process::id()),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("opened twice"),
    }
    store.close().unwrap();
    open(home.path());
}

#[test]
fn a_wrong_key_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path());
    append(&store, 10);
    replay(&store);
    store.close().unwrap();
    let wrong = StoreKey::from_bytes(Zeroizing::new([9; 32]));
    let refused = Store::open(home.path(), &wrong);
    assert!(matches!(refused, Err(StoreError::Journal(JournalError::WrongKey))));
    let (store, recovery) = open(home.path());
    assert_eq!((recovery.rebuild, indexed(&store)), (None, 10));
}

#[test]
fn what_takes_no_key_is_opened_alone_and_closed_when_there_is_none() {
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path());
    append(&store, 10);
    replay(&store);
    drop(store);
    let state = home.path().join("index/state");
    assert_ne!(std::fs::read_to_string(&state).unwrap(), "closed\n");
    let begun = Store::lock(home.path()).unwrap().begin().unwrap();
    assert!(matches!(Store::lock(home.path()), Err(StoreError::Lock(LockError::LockedBy { .. }))));
    begun.leave().unwrap();
    assert_eq!(std::fs::read_to_string(&state).unwrap(), "closed\n");
    let begun = Store::lock(home.path()).unwrap().begin().unwrap();
    let (store, recovery) = begun.open(&key()).unwrap();
    assert_eq!((recovery.rebuild, indexed(&store)), (None, 10));
}

#[test]
fn planted_markers_are_in_no_file_under_the_home() {
    const MARKER: &[u8] = b"PLANTED-MARKER-0451";
    let home = tempfile::tempdir().unwrap();
    let (store, _) = open(home.path());
    store.journal.append(vec![Zeroizing::new(MARKER.repeat(100))]).wait().unwrap();
    let mut batch = store.index.batch();
    batch.put(TABLE, &store.index.name(TABLE, MARKER), MARKER).unwrap();
    store.index.apply(batch, store.journal.end()).unwrap();
    let mut id = [0; 32];
    id[..MARKER.len()].copy_from_slice(MARKER);
    store.blobs.put_chunk(&id, 0, b"ciphertext of the caller").unwrap();
    let params = VaultParams { memory_kib: 64, passes: 1, lanes: 1 };
    let vault = Vault::create_with(params, &home.path().join("vault"), MARKER, MARKER).unwrap();
    vault.save(MARKER).unwrap();
    store.close().unwrap();
    let hex = data_encoding::HEXLOWER.encode(MARKER);
    let searched = files(home.path());
    assert!(searched.len() >= 6, "{searched:?}");
    for path in searched {
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(MARKER.len()).any(|w| w == MARKER), "{}", path.display());
        assert!(!path.to_string_lossy().contains(&hex));
    }
}
