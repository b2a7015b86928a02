use ed25519_dalek::SigningKey;
use proptest::prelude::*;
use zeroize::Zeroizing;

use super::*;
use crate::derive::Key;
use crate::epoch::PrekeySecret;
use crate::ids::{ActId, NodeId, PartnershipId, Timestamp};
use crate::limits::CHUNK;
use crate::sync::Message;
use crate::testing::Counter;

const P: PartnershipId = PartnershipId([1; 32]);
const SEALED: usize = CHUNK + 16;

fn node() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn key() -> Key {
    Zeroizing::new([5; 32])
}

fn message(size: usize) -> Message {
    Message::Heads(vec![ActId([size.to_le_bytes()[0]; 32]); size])
}

fn secret(n: u8) -> PrekeySecret {
    PrekeySecret::from_seed(Zeroizing::new([n; 32]))
}

fn body(messages: &[Message], by: &SigningKey) -> Vec<u8> {
    let mut composer = Composer::new(&key());
    let mut out = Vec::new();
    for message in messages {
        out.extend(composer.message(message).unwrap());
    }
    out.extend(composer.sign((P, Timestamp(9)), vec![NodeId([3; 32]), NodeId([2; 32])], by).unwrap());
    while let Some(chunk) = composer.padding().unwrap() {
        out.extend(chunk);
    }
    out
}

fn read(body: &[u8]) -> Result<(Vec<Vec<u8>>, Verified), BundleError> {
    let mut reader = Reader::new(&FileKey { key: key(), slots: 4 });
    let mut messages = Vec::new();
    let mut chunks = body.chunks(SEALED).peekable();
    while let Some(chunk) = chunks.next() {
        reader.chunk(chunk, chunks.peek().is_none())?;
        while let Some(message) = reader.next_message()? {
            messages.push(message.to_vec());
        }
    }
    Ok((messages, reader.finish()?))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_said_is_read_whatever_its_length(sizes in prop::collection::vec(0_usize..9_000, 0..6)) {
        let messages: Vec<Message> = sizes.into_iter().map(message).collect();
        let body = body(&messages, &node());
        let (got, verified) = read(&body).unwrap();
        let said: Vec<Vec<u8>> = messages.iter().map(crate::codec::encode).collect();
        prop_assert_eq!(got, said);
        prop_assert_eq!(verified.said().partnership, P);
        prop_assert_eq!(&verified.said().to, &[NodeId([2; 32]), NodeId([3; 32])]);
        let plain = body.len() - 16 * body.len().div_ceil(SEALED);
        prop_assert_eq!(crate::envelope::padme(plain), plain, "its length tells no more than Padmé does");
    }
}

#[test]
fn a_bundle_that_is_cut_or_changed_anywhere_is_not_read() {
    let whole = body(&[message(4_000), message(1), message(3_000)], &node());
    assert!(read(&whole).is_ok());
    for end in (0..whole.len()).step_by(997).chain([whole.len() - 1, SEALED, 2 * SEALED]) {
        let error = read(&whole[..end]).unwrap_err();
        assert!(matches!(error, BundleError::Changed | BundleError::CutOff), "{end}: {error}");
    }
    assert_eq!(read(&whole[..SEALED]).unwrap_err(), BundleError::CutOff, "a cut between two chunks is named");
    for at in (0..whole.len()).step_by(1_009) {
        let mut changed = whole.clone();
        changed[at] ^= 0x10;
        assert_eq!(read(&changed).unwrap_err(), BundleError::Changed, "{at}");
    }
    let longer = [whole.clone(), whole.clone()].concat();
    assert!(read(&longer).is_err());
    let mut swapped = whole[SEALED..2 * SEALED].to_vec();
    swapped.extend(&whole[..SEALED]);
    swapped.extend(&whole[2 * SEALED..]);
    assert_eq!(read(&swapped).unwrap_err(), BundleError::Changed);
}

#[test]
fn who_knows_the_file_key_cannot_say_other_things_in_the_authors_name() {
    // A reader seals what the author said, and a message more, under the author's statement.
    let mut honest = Composer::new(&key());
    honest.message(&message(3)).unwrap();
    honest.sign((P, Timestamp(9)), vec![NodeId([2; 32])], &node()).unwrap();
    let statement = honest.padding().unwrap().unwrap();
    let plain = crate::chunk::open(&crate::derive::bundle_body_key(&key()), 0, true, &statement).unwrap();
    let first = 5 + crate::codec::encode(&message(3)).len();
    let after = first + 5 + crate::codec::encode(&message(4)).len();
    let mut body = plain[..first].to_vec();
    body.extend([1]);
    body.extend(u32::try_from(after - first - 5).unwrap().to_be_bytes());
    body.extend(crate::codec::encode(&message(4)));
    body.extend(&plain[first..]);
    body.resize(crate::envelope::padme(body.len()), 0);
    let sealed = crate::chunk::seal(&crate::derive::bundle_body_key(&key()), 0, true, &body).unwrap();
    assert_eq!(read(&sealed).unwrap_err(), BundleError::OtherBody);
}

#[test]
fn a_slot_opens_for_its_reader_only_and_shows_whose_it_is_to_nobody() {
    let publics: Vec<Vec<u8>> = (1..=5).map(|n| secret(n).public().unwrap()).collect();
    let prekeys: Vec<&[u8]> = publics.iter().map(Vec::as_slice).collect();
    let slots = seal_slots(&key(), &prekeys, &mut Counter(3)).unwrap();
    assert_eq!(slots.len(), 8 * SLOT_LEN, "five readers look like eight");
    let (slots, _) = slots.as_chunks::<SLOT_LEN>();
    for n in 1..=5 {
        for (at, slot) in slots.iter().enumerate() {
            let opened = open_slot(slot, &secret(n));
            assert_eq!(opened.is_some(), at + 1 == usize::from(n));
            assert!(opened.is_none_or(|file| file.key == key() && file.slots == 8));
        }
    }
    assert!(slots.iter().all(|slot| open_slot(slot, &secret(9)).is_none()));
    let one = seal_slots(&key(), &prekeys[..1], &mut Counter(4)).unwrap();
    assert_eq!(one.len(), 4 * SLOT_LEN);
    assert_eq!(seal_slots(&key(), &[], &mut Counter(1)), Err(BundleError::Readers));
    assert_eq!(seal_slots(&key(), &[&[1, 2, 3]], &mut Counter(1)), Err(BundleError::Prekey));
}

#[test]
fn a_body_that_claims_much_is_refused_before_it_is_held() {
    for head in [[1, 0xff, 0xff, 0xff, 0xff], [2, 0, 1, 0, 0], [9, 0, 0, 0, 1], [0, 0, 0, 0, 0]] {
        let mut plain = head.to_vec();
        plain.resize(64, 1);
        let sealed = crate::chunk::seal(&crate::derive::bundle_body_key(&key()), 0, true, &plain).unwrap();
        assert!(matches!(read(&sealed), Err(BundleError::Malformed(_))), "{head:?}");
    }
}
