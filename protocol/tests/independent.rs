//! A program in another language, written from the specification, says the same of record files as we do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod common;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use common::{Counter, WORLD, readers, samples};
use data_encoding::HEXLOWER;
use entente_protocol::audience::Audience;
use entente_protocol::codec;
use entente_protocol::ids::Seq;
use entente_protocol::record::{RecordFile, sign_record};
use entente_protocol::value::Value;

/// What the other program says of each file; `None` where there is no interpreter.
fn verdicts(files: &[Vec<u8>]) -> Option<Vec<bool>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/spec/verify_record.py");
    let mut python = Command::new("python3");
    let python = python.arg(script).arg("--lines").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut python = python.spawn().ok()?;
    let mut stdin = python.stdin.take().unwrap();
    let lines: String = files.iter().map(|file| HEXLOWER.encode(file) + "\n").collect();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let said = python.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    let verdicts: Vec<bool> = said.lines().map(|line| line == "good").collect();
    assert_eq!(verdicts.len(), files.len(), "{said}");
    Some(verdicts)
}

/// A record whose text has so many bytes, in a file of its own.
fn long_file(length: usize) -> Vec<u8> {
    let (w, mut content) = (&*WORLD, common::content());
    content.fields.push(("text".into(), Value::Text("x".repeat(length))));
    let place = (w.partnership, Audience::Everyone, w.alice.log_id(), Seq(1));
    let parts = sign_record(&content, w.alice.org(), &w.alice.node, [1; 16], place, &mut Counter(5)).unwrap();
    codec::encode(&RecordFile::new(w.alice.introduced.to_introduction(), parts))
}

fn skipped() {
    eprintln!("SKIPPED: there is no `python3` here, so no independent program verified the record files");
}

#[test]
fn a_program_in_another_language_verifies_whole_and_redacted_copies() {
    let mut files = vec![codec::encode(&samples::file()), codec::encode(&samples::redacted_file())];
    // Hashes of one block, of one chunk, of several, and of a tree that is not full.
    files.extend([1, 60, 1_000, 1_024, 1_025, 2_100, 5_000, 17_000].map(long_file));
    match verdicts(&files) {
        Some(verdicts) => assert_eq!(verdicts, vec![true; files.len()]),
        None => skipped(),
    }
}

#[test]
fn a_program_in_another_language_refuses_what_we_refuse() {
    let good = [
        ("record file", codec::encode(&samples::file())),
        ("redacted record file", codec::encode(&samples::redacted_file())),
    ];
    let mut files = Vec::new();
    for (reader, bytes) in &good {
        // One bit in every seventh byte, and every length that is shorter by steps.
        for at in (0..bytes.len()).step_by(7) {
            let mut wrong = bytes.clone();
            wrong[at] ^= 1 << (at % 8);
            files.push((*reader, wrong));
        }
        files.extend((0..bytes.len()).step_by(97).map(|len| (*reader, bytes[..len].to_vec())));
        files.push((*reader, [bytes.as_slice(), &[0]].concat()));
    }
    assert!(files.iter().all(|(reader, bytes)| readers::read(reader, bytes).is_err()));
    let bytes: Vec<Vec<u8>> = files.into_iter().map(|(_, bytes)| bytes).collect();
    match verdicts(&bytes) {
        Some(verdicts) => {
            let taken: Vec<usize> = (0..bytes.len()).filter(|n| verdicts[*n]).collect();
            assert!(taken.is_empty(), "the other program takes {taken:?}");
        }
        None => skipped(),
    }
}
