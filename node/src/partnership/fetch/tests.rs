use entente_protocol::ids::{PartnershipId, SpaceId};
use zeroize::Zeroizing;

use entente_protocol::limits::CHUNK;

use super::*;
use crate::store::StoreKey;

const ONE: NodeId = NodeId([1; 32]);
const TWO: NodeId = NodeId([2; 32]);

/// A file of three chunks, as a partner has it.
struct File {
    blob: KnownBlob,
    chunks: Vec<Vec<u8>>,
    hashes: Vec<Hash>,
}

impl File {
    fn of(size: u64, chunks: Vec<Vec<u8>>) -> File {
        let hashes: Vec<Hash> = (0..).zip(&chunks).map(|(i, c)| derive::chunk_hash(i, c)).collect();
        let blob = KnownBlob {
            blob: derive::blob_id(&hashes),
            place: Some((PartnershipId([1; 32]), SpaceId([2; 32]))),
            size,
            complete: false,
            record: None,
        };
        File { blob, chunks, hashes }
    }
}

fn file() -> File {
    let size = 2 * entente_protocol::limits::CHUNK as u64 + 10;
    let key = Zeroizing::new([5; 32]);
    let chunks: Vec<Vec<u8>> = (0..3)
        .map(|i| {
            let plain = vec![u8::try_from(i).unwrap(); chunk::sealed_len(size, i) - chunk::OVERHEAD];
            chunk::seal(&key, i, i == 2, &plain).unwrap()
        })
        .collect();
    File::of(size, chunks)
}

fn store() -> (tempfile::TempDir, Store) {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path(), &StoreKey::from_bytes(Zeroizing::new([7; 32]))).unwrap().0;
    (home, store)
}

fn asked(wants: &[Want]) -> Vec<u64> {
    let chunk = |want: &Want| match want {
        Want::Send(_, BlobMessage::WantChunk(_, index)) => Some(*index),
        _ => None,
    };
    wants.iter().filter_map(chunk).collect()
}

/// What is asked for once the first partner has told the list of a file's chunks.
fn listed(fetcher: &mut Fetcher, store: &Store, file: &File) -> Vec<Want> {
    let _list = fetcher.start(store, |_| vec![ONE]);
    let hashes = BlobMessage::Hashes(file.blob.blob, 0, file.hashes.clone());
    fetcher.answer(store, ONE, hashes, |_| vec![ONE])
}

#[test]
fn a_file_is_fetched_checked_and_completed() {
    let (file, (_home, store)) = (file(), store());
    let id = file.blob.blob;
    let mut fetcher = Fetcher::default();
    fetcher.want(file.blob.clone());
    assert!(matches!(
        fetcher.start(&store, |_| vec![ONE])[..],
        [Want::Send(ONE, BlobMessage::WantHashes(..))]
    ));
    let none = |_: &KnownBlob| vec![ONE];
    let wants = fetcher.answer(&store, ONE, BlobMessage::Hashes(id, 0, file.hashes.clone()), none);
    assert_eq!(asked(&wants), [0], "as long as it is not known how fast they come, one");
    // A changed chunk is not taken, whoever sends it; nor is one from somebody who was not asked.
    let mut wrong = file.chunks[0].clone();
    wrong[9] ^= 1;
    assert!(fetcher.answer(&store, ONE, BlobMessage::Chunk(id, 0, wrong), none).is_empty());
    let unasked = BlobMessage::Chunk(id, 0, file.chunks[0].clone());
    assert!(fetcher.answer(&store, TWO, unasked, none).is_empty());
    let mut last = Vec::new();
    for (i, chunk) in (0..).zip(&file.chunks) {
        last = fetcher.answer(&store, ONE, BlobMessage::Chunk(id, i, chunk.clone()), none);
    }
    assert!(matches!(last[..], [Want::Sync(done, _)] if done == id), "{last:?}");
    fetcher.want(file.blob.clone());
    assert!(fetcher.synced(id, true).is_some_and(|done| done.complete));
    assert!(!fetcher.is_eager() && fetcher.synced(id, true).is_none(), "it is complete once");
    let len = chunk::sealed_len(file.blob.size, 2);
    assert_eq!(store.blobs.get_chunk(&id.0, 2, len).unwrap(), file.chunks[2]);
}

#[test]
fn what_cannot_be_made_durable_is_looked_at_again_and_only_what_is_missing_is_fetched() {
    let (file, (_home, store)) = (file(), store());
    let id = file.blob.blob;
    let mut fetcher = Fetcher::default();
    fetcher.want(file.blob.clone());
    for (i, chunk) in (0..).zip(&file.chunks) {
        store.blobs.put_chunk(&id.0, i, chunk).unwrap();
    }
    for durable in [false, true] {
        let wants = listed(&mut fetcher, &store, &file);
        assert!(matches!(wants[..], [Want::Sync(..)]), "{wants:?}");
        assert_eq!(fetcher.synced(id, durable).is_some(), durable);
    }
}

#[test]
fn what_is_here_already_is_not_fetched_again() {
    let (file, (_home, store)) = (file(), store());
    let id = file.blob.blob;
    store.blobs.put_chunk(&id.0, 0, &file.chunks[0]).unwrap();
    store.blobs.put_chunk(&id.0, 1, &vec![9; file.chunks[1].len()]).unwrap();
    let mut fetcher = Fetcher::default();
    fetcher.want(file.blob.clone());
    let wants = listed(&mut fetcher, &store, &file);
    assert_eq!(asked(&wants), [1], "chunk 0 is here; chunk 1 is here and damaged");
}

#[test]
fn what_is_here_of_a_long_file_is_looked_through_in_parts_and_goes_on_at_once() {
    let (file, (_home, store)) = (long_file(LOOKS as u64 * 2 + 3), store());
    let id = file.blob.blob;
    for (i, chunk) in (0..).zip(&file.chunks) {
        store.blobs.put_chunk(&id.0, i, chunk).unwrap();
    }
    let mut fetcher = Fetcher::default();
    fetcher.want(file.blob.clone());
    let mut wants = listed(&mut fetcher, &store, &file);
    let mut parts = 1;
    while fetcher.looks_on() {
        assert!(wants.is_empty(), "{wants:?}");
        wants = fetcher.start(&store, |_| vec![ONE]);
        parts += 1;
    }
    assert_eq!(parts, 3);
    assert!(matches!(wants[..], [Want::Sync(whole, _)] if whole == id), "{wants:?}");
}

#[test]
fn nothing_is_looked_for_while_nobody_gives_it() {
    let (file, (_home, store)) = (long_file(LOOKS as u64 + 1), store());
    for (i, chunk) in (0..).zip(&file.chunks) {
        store.blobs.put_chunk(&file.blob.blob.0, i, chunk).unwrap();
    }
    let mut fetcher = Fetcher::default();
    fetcher.want(file.blob.clone());
    let _none = listed(&mut fetcher, &store, &file);
    assert!(fetcher.looks_on());
    assert!(fetcher.start(&store, |_| Vec::new()).is_empty() && !fetcher.looks_on());
}

#[test]
fn who_does_not_have_it_is_passed_over_and_who_lies_is_not_believed() {
    let (file, (_home, store)) = (file(), store());
    let id = file.blob.blob;
    let both = |_: &KnownBlob| vec![ONE, TWO];
    let mut fetcher = Fetcher::default();
    fetcher.want(file.blob.clone());
    let _asked = fetcher.start(&store, both);
    let wants = fetcher.answer(&store, ONE, BlobMessage::Absent(id), both);
    assert!(matches!(wants[..], [Want::Send(TWO, BlobMessage::WantHashes(..))]));
    let lie = BlobMessage::Hashes(id, 0, vec![Hash([0; 32]); 3]);
    assert!(fetcher.answer(&store, TWO, lie, both).is_empty());
    let too_many = BlobMessage::Hashes(id, 0, vec![Hash([0; 32]); 4]);
    assert!(fetcher.answer(&store, TWO, too_many, both).is_empty());
    fetcher.put_back_stalled();
    fetcher.put_back_stalled();
    assert!(fetcher.is_eager(), "it can be asked for anew");
}

/// A file of `count` chunks.
fn long_file(count: u64) -> File {
    let size = (count - 1) * CHUNK as u64 + 1;
    File::of(size, (0..count).map(|i| vec![i as u8; chunk::sealed_len(size, i)]).collect())
}

#[test]
fn much_that_came_is_written_out_while_more_comes() {
    let (file, (_home, store)) = (long_file(PART * 2 + BEHIND), store());
    let id = file.blob.blob;
    let mut fetcher = Fetcher::default();
    fetcher.want(file.blob.clone());
    let mut wants = listed(&mut fetcher, &store, &file);
    let mut parts = Vec::new();
    while let Some(want) = (!wants.is_empty()).then(|| wants.remove(0)) {
        match want {
            Want::Send(_, BlobMessage::WantChunk(_, index)) => {
                let bytes = file.chunks[usize::try_from(index).unwrap()].clone();
                wants
                    .extend(fetcher.answer(&store, ONE, BlobMessage::Chunk(id, index, bytes), |_| vec![ONE]));
            }
            Want::WriteOut(part, chunks) if part == id => parts.push(chunks),
            Want::Sync(whole, _) => assert_eq!(whole, id),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(parts, [0..PART, PART..2 * PART]);
    assert!(fetcher.synced(id, false).is_none() && fetcher.is_eager(), "what is not durable is fetched anew");
}

#[test]
fn on_a_good_way_several_are_asked_for_at_a_time() {
    let (file, (_home, store)) = (long_file(400), store());
    let mut fetcher = Fetcher::default();
    fetcher.want(file.blob.clone());
    let mut wants = asked(&listed(&mut fetcher, &store, &file));
    let mut rounds = Vec::new();
    while let Some(index) = (!wants.is_empty()).then(|| wants.remove(0)) {
        let bytes = file.chunks[usize::try_from(index).unwrap()].clone();
        let chunk = BlobMessage::Chunk(file.blob.blob, index, bytes);
        let more = asked(&fetcher.answer(&store, ONE, chunk, |_| vec![ONE]));
        if !more.is_empty() {
            rounds.push(more.len());
            wants.extend(more);
        }
        assert!(wants.len() <= AHEAD);
    }
    assert!(fetcher.progress().all(|progress| progress.came == 400));
    // The last round is what is left.
    let late = &rounds[rounds.len() / 2..rounds.len() - 1];
    assert!(late.iter().all(|count| *count == AHEAD / 4), "{rounds:?}");
}

#[test]
fn several_holders_give_one_file_each_chunk_once_and_what_one_withholds_another_gives() {
    let (file, (_home, store)) = (long_file(80), store());
    let id = file.blob.blob;
    let both = |_: &KnownBlob| vec![ONE, TWO];
    let mut fetcher = Fetcher::default();
    fetcher.want(file.blob.clone());
    let _list = fetcher.start(&store, both);
    let hashes = BlobMessage::Hashes(id, 0, file.hashes.clone());
    let mut wants = fetcher.answer(&store, ONE, hashes, both);
    let mut sent = BTreeMap::from([(ONE, 0), (TWO, 0)]);
    let mut withheld = 0;
    while !wants.is_empty() {
        let mut next = Vec::new();
        for want in wants {
            match want {
                // The second gives ten chunks, and falls silent.
                Want::Send(TWO, BlobMessage::WantChunk(..)) if sent[&TWO] == 10 => withheld += 1,
                Want::Send(from, BlobMessage::WantChunk(_, index)) => {
                    *sent.get_mut(&from).unwrap() += 1;
                    let bytes = file.chunks[usize::try_from(index).unwrap()].clone();
                    next.extend(fetcher.answer(&store, from, BlobMessage::Chunk(id, index, bytes), both));
                }
                Want::Sync(done, list) => {
                    assert_eq!(derive::blob_id(&list), done);
                    assert!(fetcher.synced(done, true).is_some());
                }
                other => panic!("{other:?}"),
            }
        }
        if next.is_empty() && fetcher.progress().next().is_some() {
            fetcher.put_back_stalled();
            fetcher.put_back_stalled();
            next = fetcher.start(&store, both);
        }
        wants = next;
    }
    assert_eq!(sent[&ONE] + sent[&TWO], 80, "each chunk once: {sent:?}");
    assert!(sent[&TWO] == 10 && withheld > 0, "{sent:?} {withheld}");
    assert!(fetcher.progress().next().is_none(), "it is complete");
}
