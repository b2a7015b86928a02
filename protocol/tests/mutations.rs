//! What comes in is hostile: flipped bits, random bytes, pieces of good messages in wrong places.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use entente_protocol::audience::Audience;
use entente_protocol::codec;
use entente_protocol::limits;
use entente_protocol::sync::{Announcement, Message};
use entente_protocol::value::Value;
use proptest::prelude::*;

use common::{governing, readers, samples};

/// Every single bit of a sample, or each of this many steps where a check costs much.
fn flips(name: &str, bytes: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    // Checking an act or opening a slot costs a fifth of a millisecond; a prime step meets every byte's bits.
    let again = name.starts_with("acts") || governing::SAID.iter().any(|(said, ..)| *said == name);
    let step = if bytes.len() > 1_500 && again { 7 } else { 1 };
    let bytes = bytes.to_vec();
    (0..bytes.len() * 8).step_by(step).map(move |bit| {
        let mut wrong = bytes.clone();
        wrong[bit / 8] ^= 1 << (bit % 8);
        (bit, wrong)
    })
}

fn no_flip_is_accepted(which: impl Fn(&str) -> bool) {
    let mut met = 0;
    for (name, reader, bytes) in samples::protected().into_iter().filter(|(name, ..)| which(name)) {
        readers::read(reader, &bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        for (bit, wrong) in flips(name, &bytes) {
            assert!(readers::read(reader, &wrong).is_err(), "{name}: bit {bit} was flipped, and accepted");
        }
        met += 1;
    }
    assert!(met > 0);
}

#[test]
fn no_bit_of_an_act_can_be_flipped() {
    no_flip_is_accepted(|name| name.starts_with("act"));
}

#[test]
fn no_bit_of_an_epoch_can_be_flipped() {
    no_flip_is_accepted(|name| name.starts_with("epoch"));
}

#[test]
fn no_bit_of_a_record_or_envelope_can_be_flipped() {
    no_flip_is_accepted(|name| name.starts_with("record") || name == "envelope" || name == "chunk");
}

#[test]
fn no_bit_of_anything_else_that_is_signed_can_be_flipped() {
    let elsewhere = |name: &str| {
        let begun = ["act", "epoch", "record"].iter().any(|b| name.starts_with(b));
        begun || name == "envelope" || name == "chunk"
    };
    no_flip_is_accepted(|name| !elsewhere(name));
}

/// What is not signed means something else after a flip, or nothing: never the same.
#[test]
fn no_two_encodings_mean_the_same() {
    let again = |reader: &str, bytes: &[u8]| match reader {
        "sync message" => codec::decode::<Message>(bytes).map(|m| codec::encode(&m)).ok(),
        "announcement" => codec::decode::<Announcement>(bytes).map(|a| codec::encode(&a)).ok(),
        "audience" => codec::decode_bounded::<Audience>(bytes, "", 4096).map(|a| codec::encode(&a)).ok(),
        "value" => codec::decode_bounded::<Value>(bytes, "", 4096).map(|v| codec::encode(&v)).ok(),
        _ => None,
    };
    for (name, reader, bytes) in samples::all() {
        for (bit, wrong) in flips(name, &bytes) {
            if let Some(meant) = again(reader, &wrong) {
                assert_eq!(meant, wrong, "{name}: bit {bit}");
            }
        }
    }
}

#[test]
fn nothing_cut_short_or_lengthened_is_accepted() {
    for (name, reader, bytes) in samples::all().into_iter().filter(|(name, ..)| *name != "agreement-text") {
        let step = 1 + bytes.len() / 500;
        for len in (0..bytes.len()).step_by(step) {
            assert!(readers::read(reader, &bytes[..len]).is_err(), "{name}: cut to {len} bytes");
        }
        for more in [0x00, 0x80, 0xf6, 0xff] {
            let longer = [&bytes[..], &[more]].concat();
            assert!(readers::read(reader, &longer).is_err(), "{name}: with {more:02x}");
        }
    }
}

fn each_reader(bytes: &[u8]) {
    for (name, _) in readers::READERS {
        let _refused_or_not = readers::read(name, bytes);
    }
    let _ = readers::read("value", bytes);
    let _ = readers::read("audience", bytes);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_random_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        each_reader(&bytes);
    }

    /// CBOR that is mostly well-formed goes deeper than noise.
    #[test]
    fn no_random_cbor_makes_a_reader_panic(
        bytes in prop::collection::vec(prop_oneof![
            4 => 0x80_u8..0x89, 2 => 0x00_u8..0x18, 1 => 0x40_u8..0x48, 1 => 0x60_u8..0x68,
            1 => Just(0xf6_u8), 1 => Just(0x58_u8), 1 => Just(0x20_u8), 1 => any::<u8>(),
        ], 0..120),
    ) {
        each_reader(&bytes);
    }

    #[test]
    fn no_damage_to_a_sample_is_accepted_or_panics(
        which in any::<prop::sample::Index>(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..6),
    ) {
        let all = samples::protected();
        let (name, reader, good) = which.get(&all);
        let mut bytes = good.clone();
        for (at, byte, how) in cuts {
            let i = at.index(bytes.len().max(1));
            match how {
                0 if i < bytes.len() => bytes[i] = byte,
                1 if i < bytes.len() => drop(bytes.drain(i..)),
                2 if i <= bytes.len() => bytes.insert(i, byte),
                _ if i < bytes.len() => drop(bytes.remove(i).checked_add(1)),
                _ => {}
            }
        }
        if bytes != *good {
            // Blanks around an invitation do not matter.
            let trimmed = *name == "invitation" && bytes.trim_ascii() == good.as_slice();
            prop_assert!(trimmed || readers::read(reader, &bytes).is_err(), "{}", name);
        }
    }
}

/// F11: lengths up to 2^64 and a depth of ten thousand, wherever a length or a value can stand.
#[test]
fn claimed_lengths_and_depths_cost_nothing() {
    for major in [0x40_u8, 0x60, 0x80, 0xa0] {
        for claim in [1_u64 << 32, 1 << 63, u64::MAX] {
            let head = [&[major | 0x1b][..], &claim.to_be_bytes()].concat();
            each_reader(&head);
            for (name, reader, bytes) in samples::all().iter().filter(|(name, ..)| *name != "agreement-text")
            {
                for at in (0..bytes.len()).filter(|i| bytes[*i] & 0xe0 == major).take(24) {
                    let wrong = [&bytes[..at], &head, &bytes[at + 1..]].concat();
                    assert!(readers::read(reader, &wrong).is_err(), "{name}: a length of {claim} at {at}");
                }
            }
        }
    }
    for deep in [0x81_u8, 0xa1, 0xc1, 0x9f, 0xbf] {
        each_reader(&vec![deep; 10_000]);
        each_reader(&vec![deep; limits::MAX_RECORD]);
    }
}
