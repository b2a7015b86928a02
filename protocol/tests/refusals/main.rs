//! A named vector for each way to be wrong: bytes that must be refused, and with which words.
//!
//! `vectors/refusals.json` holds them for other implementations: `read_as` names the reader (see
//! `docs/spec/README.md`), `bytes` what it is given, `error` what it says. Written anew as `vectors.rs` is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
mod content;
mod encodings;
mod governing;
mod membership;
mod signatures;

use data_encoding::HEXLOWER;
use ed25519_dalek::SigningKey;
use entente_protocol::codec;
use entente_protocol::membership::ActBody;
use entente_protocol::signed::{Statement, Unverified, sign};
use entente_protocol::sync::Message;
use serde_json::{Value as Json, json};

use common::{NOW, WORLD, readers, samples};

/// Name, reader, bytes, and the words of the error.
type Wrong = (&'static str, &'static str, Vec<u8>, &'static str);

#[test]
fn every_named_way_to_be_wrong_is_refused_with_its_reason() {
    let mut kept = Vec::new();
    for (name, reader, bytes, expected) in everything() {
        let error = readers::read(reader, &bytes).expect_err(name);
        assert!(error.contains(expected), "{name}: {error}");
        let bytes = HEXLOWER.encode(&bytes);
        kept.push(json!({ "name": name, "read_as": reader, "bytes": bytes, "error": error }));
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/refusals.json");
    if std::env::var_os("ENTENTE_WRITE_VECTORS").is_some() {
        std::fs::write(&path, serde_json::to_string_pretty(&kept).unwrap() + "\n").unwrap();
    }
    let file: Vec<Json> = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(file.len(), kept.len());
    for (file, kept) in file.iter().zip(&kept) {
        assert_eq!(file, kept, "{}", kept["name"]);
    }
}

#[test]
fn no_two_ways_to_be_wrong_have_one_name() {
    let mut names: Vec<&str> = everything().iter().map(|(name, ..)| *name).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}

#[test]
fn what_travels_in_a_message_is_verified_like_what_travels_alone() {
    let acts = vec![codec::decode::<Unverified<ActBody>>(&membership::act(|b| b.parents.clear())).unwrap()];
    assert!(readers::read("sync message", &codec::encode(&Message::Acts(acts))).is_err());
    assert_eq!(NOW, WORLD.leave.body().time);
}

fn everything() -> Vec<Wrong> {
    [encodings::all(), signatures::all(), membership::all(), content::all(), governing::all()].concat()
}

fn sample(name: &str) -> Vec<u8> {
    samples::all().into_iter().find(|(n, ..)| *n == name).unwrap().2
}

fn without_last(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.pop();
    bytes
}

fn with_last(mut bytes: Vec<u8>, last: u8) -> Vec<u8> {
    bytes.push(last);
    bytes
}

/// Replaces the first occurrence.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|w| w == from).expect("what to replace");
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

fn travelling<T: Statement>(said: T, key: &SigningKey) -> Vec<u8> {
    codec::encode(&sign(said, key).to_unverified())
}
