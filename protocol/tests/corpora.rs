//! The corpora of the fuzz targets replay on stable: what once was interesting stays tested.
//!
//! `ENTENTE_WRITE_VECTORS=1` writes the seeds, made from the samples and the refusals; files that a fuzzer
//! added beside them stay.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../fuzz/src/bodies.rs"]
mod bodies;
mod common;

use std::path::PathBuf;

use data_encoding::HEXLOWER;
use serde_json::Value as Json;

use bodies::TARGETS;
use common::samples;

fn corpus(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target)
}

/// Which target a reader's bytes are for.
fn target_of(reader: &str) -> Option<&'static str> {
    Some(match reader {
        "sync message" | "announcement" => "sync_message",
        "act" => "act",
        "introduction" => "introduction",
        "record" | "record copy" => "record",
        "record file" | "redacted record file" => "record_file",
        "envelope" | "chunk" => "envelope",
        "batch" => "batch",
        "acknowledgement" | "notice" => "acknowledgement",
        "evidence" => "evidence",
        "invitation" => "invitation",
        "bundle slot" | "bundle body" => "bundle",
        "agreement" => "agreement",
        "value" => "value",
        _ => return None,
    })
}

/// The samples, and every named way to be wrong.
fn seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    let good =
        samples::all().into_iter().map(|(name, reader, bytes)| (reader.to_owned(), name.to_owned(), bytes));
    let refusals: Vec<Json> = serde_json::from_str(include_str!("vectors/refusals.json")).unwrap();
    let text = |vector: &Json, key: &str| vector[key].as_str().unwrap().to_owned();
    let wrong = refusals.iter().map(|vector| {
        let bytes = HEXLOWER.decode(text(vector, "bytes").as_bytes()).unwrap();
        (text(vector, "read_as"), format!("wrong-{}", text(vector, "name")), bytes)
    });
    let mut seeds: Vec<_> = good
        .chain(wrong)
        .filter_map(|(reader, name, bytes)| Some((target_of(&reader)?, name, bytes)))
        .collect();
    // The announcement that is too long, of nothing but zeroes, teaches a fuzzer nothing.
    seeds.retain(|(_, name, bytes)| !bytes.is_empty() && name != "wrong-announcement-too-long");
    seeds
}

#[test]
fn every_corpus_replays_without_a_panic() {
    if std::env::var_os("ENTENTE_WRITE_VECTORS").is_some() {
        for (target, name, bytes) in seeds() {
            std::fs::create_dir_all(corpus(target)).unwrap();
            std::fs::write(corpus(target).join(name), bytes).unwrap();
        }
    }
    for (target, body) in TARGETS {
        let files: Vec<PathBuf> =
            std::fs::read_dir(corpus(target)).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(!files.is_empty(), "{target} has no seeds");
        for file in files {
            body(&std::fs::read(&file).unwrap());
        }
    }
}

#[test]
fn the_seeds_are_those_of_the_vectors() {
    for (target, name, bytes) in seeds() {
        let kept = std::fs::read(corpus(target).join(&name)).unwrap();
        assert!(kept == bytes, "{target}/{name} is stale: write the vectors anew");
    }
}

#[test]
fn every_target_has_a_program() {
    let manifest = include_str!("../../fuzz/Cargo.toml");
    for (target, _) in TARGETS {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{target}.rs\"")), "{target}");
    }
}
