//! The questions that stand before what cannot be undone, asked on a terminal.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod mock;

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use entente_node::recovery::RootKey;
use mock::*;
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::Winsize;
use serde_json::json;

/// Runs the program on a terminal where somebody types `typed`. What the terminal showed is in `stderr`.
fn at_a_terminal(home: &Path, arguments: &[&str], typed: &str) -> Ran {
    let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&keyboard).unwrap();
    unlockpt(&keyboard).unwrap();
    let name = ptsname(&keyboard, Vec::new()).unwrap();
    let screen = File::from(rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap());
    let mut keyboard = File::from(keyboard);
    keyboard.write_all(typed.as_bytes()).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_entente"))
        .arg("--home")
        .arg(home)
        .args(arguments)
        .env("TZ", "UTC")
        .env("NO_COLOR", "1")
        .stdin(Stdio::from(screen.try_clone().unwrap()))
        .stderr(Stdio::from(screen))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let mut shown = Vec::new();
    // Linux ends a terminal that nobody holds open with EIO.
    let _ = keyboard.read_to_end(&mut shown);
    Ran {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8_lossy(&shown).into_owned(),
    }
}

fn allowed(seen: &Seen) -> Answer {
    if seen.line.ends_with("/preview") { ok(preview("Rights", false)) } else { ok(shared("Rights", 1)) }
}

const SHARE: [&str; 5] = ["record", "share", "r", "--partnership", "P"];

#[test]
fn the_readers_are_shown_before_the_question() {
    let mock = Mock::new(allowed);
    let ran = at_a_terminal(mock.home(), &SHARE, "y\n");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for part in ["Rights (cso, GE)", "Why", "Left out", "after its author said yes", "cannot be recalled"] {
        assert!(ran.stderr.contains(part), "{part} is not in\n{}", ran.stderr);
    }
    assert!(ran.stderr.contains("Share it with 1 organisation? [y/N]"), "{}", ran.stderr);
    assert_eq!(mock.lines(), ["POST /v1/records/r/preview", "POST /v1/records/r/share"]);
    assert_eq!(mock.seen()[1].json()["expect_readers"], json!(1), "exactly what was shown");
}

#[test]
fn anything_but_a_yes_shares_nothing() {
    for typed in ["n\n", "\n", "\u{4}"] {
        let mock = Mock::new(allowed);
        let ran = at_a_terminal(mock.home(), &SHARE, typed);
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        assert_eq!(mock.lines(), ["POST /v1/records/r/preview"]);
    }
}

#[test]
fn what_a_rule_refuses_is_not_asked_about() {
    let mock = Mock::new(everything("Rights"));
    let ran = at_a_terminal(mock.home(), &SHARE, "y\n");
    assert_eq!(ran.code, 5);
    assert!(ran.stderr.contains("E-FLOW") && !ran.stderr.contains("[y/N]"));
    let mock = Mock::new(allowed);
    let ran = at_a_terminal(mock.home(), &[&SHARE[..], &["--expect-readers", "2", "--json"]].concat(), "y\n");
    assert_eq!((ran.code, &ran.json()["error"]["code"]), (5, &json!("readers")));
    assert_eq!(mock.lines(), ["POST /v1/records/r/preview"]);
}

#[test]
fn the_agreement_is_shown_before_it_is_signed() {
    let mock = Mock::new(everything("No personal data."));
    let ran = at_a_terminal(mock.home(), &["partnership", "join", "entente1x"], "n\n");
    assert_eq!(ran.code, 1);
    for part in ["- No personal data.", "- Second sentence.", "from", "2026-11-23 14:05"] {
        assert!(ran.stderr.contains(part), "{part} is not in\n{}", ran.stderr);
    }
    assert_eq!(mock.lines(), ["POST /v1/invitations/look"]);
}

const VERIFY: [&str; 4] = ["member", "verify", "P", "Rights"];

fn codes() -> Answer {
    ok(verification("Rights", json!({ "stage": "codes", "read": "123 456", "tries": 3 })))
}

#[test]
fn both_codes_are_read_and_typed_and_slips_are_explained() {
    let mock = Mock::new(|seen| match seen.line.rsplit('/').next() {
        Some("Rights") => ok(verification("Rights", json!({ "stage": "asked" }))),
        Some("enter") => match seen.json()["code"].as_str() {
            Some("123 456") => refuse(400, "own-code", 2),
            Some("654321") => ok(verification("Rights", json!({ "stage": "verified", "read": "123 456" }))),
            _ => refuse(400, "usage", 2),
        },
        _ => codes(),
    });
    let ran = at_a_terminal(mock.home(), &VERIFY, "what\n\n123 456\n654321\n");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for part in [
        "on a number that",
        "They have begun",
        "Read this to them",
        "123 456",
        "Not quite",
        "Stay on the line",
    ] {
        assert!(ran.stderr.contains(part), "{part} is not in\n{}", ran.stderr);
    }
    assert!(ran.stdout.contains("Verified: Rights is who it says."), "{}", ran.stdout);
    let typed: Vec<String> = mock
        .seen()
        .iter()
        .filter(|s| s.line.ends_with("/enter"))
        .map(|s| s.json()["code"].to_string())
        .collect();
    assert_eq!(typed, [r#""what""#, r#""123 456""#, r#""654321""#]);
}

#[test]
fn three_wrong_codes_end_a_verification_with_what_to_do() {
    let wrong = std::sync::atomic::AtomicUsize::new(0);
    let mock = Mock::new(move |seen| match seen.line.rsplit('/').next() {
        Some("enter") => {
            wrong.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            refuse(403, "wrong-code", 5)
        }
        Some("Rights") if wrong.load(std::sync::atomic::Ordering::Relaxed) == 3 => {
            ok(verification("Rights", json!({ "stage": "ended", "ending": "wrong-codes", "words": "x" })))
        }
        _ => codes(),
    });
    let ran = at_a_terminal(mock.home(), &VERIFY, "000001\n000002\n000003\n000004\n");
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert_eq!(mock.lines().iter().filter(|line| line.ends_with("/enter")).count(), 3);
    assert!(ran.stderr.contains("wrong-code") && ran.stderr.contains("next"), "{}", ran.stderr);
}

#[test]
fn waiting_for_the_other_side_says_what_they_type_and_ends_when_they_stop() {
    let looks = std::sync::atomic::AtomicUsize::new(0);
    let mock = Mock::new(move |seen| match seen.line.rsplit('/').next() {
        Some("P") => ok(partnership("Prevention 2026")),
        Some("Rights") => match looks.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => ok(verification("Rights", json!({ "stage": "idle" }))),
            1 => ok(verification("Rights", json!({ "stage": "waiting" }))),
            _ => ok(verification(
                "Rights",
                json!({ "stage": "ended", "ending": "stopped", "words": "they stopped" }),
            )),
        },
        _ => ok(verification("Rights", json!({ "stage": "waiting" }))),
    });
    let ran = at_a_terminal(mock.home(), &VERIFY, "");
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    for part in [
        "Waiting for them",
        "entente member verify 'Prevention 2026' ORG",
        "Ctrl-C",
        "they stopped",
        "begin again",
    ] {
        assert!(ran.stderr.contains(part), "{part} is not in\n{}", ran.stderr);
    }
}

#[test]
fn who_hangs_up_while_typing_stops_the_verification_at_both_ends() {
    let mock = Mock::new(|_| codes());
    let ran = at_a_terminal(mock.home(), &VERIFY, "\u{4}");
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert_eq!(mock.lines().last().map(String::as_str), Some("POST /v1/partnerships/P/verify/stop"));
}

#[test]
fn who_is_verified_already_is_not_asked_again() {
    let mut view = verification("Rights", json!({ "stage": "idle" }));
    view["trust"] = json!({ "trust": "verified", "when": 1_795_442_700_000_u64 });
    let mock = Mock::new(move |_| ok(view.clone()));
    let ran = at_a_terminal(mock.home(), &VERIFY, "");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("verified 2026-11-23"), "{}", ran.stdout);
    assert_eq!(mock.lines(), ["GET /v1/partnerships/P/verify/Rights"]);
}

#[test]
fn removing_and_leaving_ask_first() {
    let mock = Mock::new(everything("fine"));
    for arguments in [&["partnership", "remove", "P", "A"][..], &["partnership", "leave", "P"]] {
        assert_eq!(at_a_terminal(mock.home(), arguments, "n\n").code, 1);
        assert_eq!(mock.lines(), Vec::<String>::new());
    }
    assert_eq!(at_a_terminal(mock.home(), &["partnership", "leave", "P"], "yes\n").code, 0);
    assert_eq!(mock.lines(), ["POST /v1/partnerships/P/leave"]);
}

/// The key whose words are those of BIP-39's second vector with 256 bits, and its organisation.
fn papers() -> (String, String) {
    let root = RootKey::from_seed(&zeroize::Zeroizing::new([0x7f; 32]));
    (root.words().unwrap().join(" "), root.id().to_string())
}

#[test]
fn a_person_who_mistypes_a_word_is_told_which_and_types_that_line_again() {
    let folder = tempfile::tempdir().unwrap();
    let (words, id) = papers();
    let words: Vec<&str> = words.split(' ').collect();
    let (first, second) = (words[..12].join(" "), words[12..].join(" "));
    let typed = format!("{first}\n{}\n{second}\n", second.replacen("wave", "wafe", 1));
    let ran = at_a_terminal(folder.path(), &["key", "drill", "--words", "--organisation", &id], &typed);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("12 of 24 words; go on"), "{}", ran.stderr);
    assert!(ran.stderr.contains("word 13 (`wafe`) is not in the list"), "{}", ran.stderr);
    assert!(ran.stderr.contains("\u{1b}[3J"), "what was typed is cleared from the screen");
    assert!(ran.stdout.contains("The words give the organisation's root key."), "{}", ran.stdout);
    assert!(ran.stdout.contains("no node here to note the date"), "{}", ran.stdout);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn secret_words_are_not_printed_into_a_pipe_unasked() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["backup", "split"] {
        let ran = at_a_terminal(folder.path(), &["key", command], "");
        assert_eq!(ran.code, 5, "{}", ran.stderr);
        assert!(ran.stderr.contains("--yes"), "{}", ran.stderr);
    }
}

/// Lists the kinds of records on a screen of so many rows. Gives what was on the screen.
fn kinds_on_a_screen(home: &Path, ws_row: u16, pager: &str) -> String {
    let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&keyboard).unwrap();
    unlockpt(&keyboard).unwrap();
    let name = ptsname(&keyboard, Vec::new()).unwrap();
    let screen = File::from(rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap());
    let size = Winsize { ws_row, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(&screen, size).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_entente"))
        .arg("--home")
        .arg(home)
        .args(["record", "kinds"])
        .env("TERM", "xterm")
        .env("ENTENTE_PAGER", pager)
        .stdin(Stdio::null())
        .stdout(Stdio::from(screen.try_clone().unwrap()))
        .stderr(Stdio::from(screen))
        .spawn()
        .unwrap();
    let mut shown = Vec::new();
    // Read while it writes: a terminal holds little.
    let _ = File::from(keyboard).read_to_end(&mut shown);
    child.wait().unwrap();
    String::from_utf8_lossy(&shown).into_owned()
}

#[test]
fn what_is_longer_than_the_screen_goes_through_the_pager_and_what_is_not_does_not() {
    let mock = Mock::new(|_| ok(json!({})));
    let marking = "sed s/^/paged:/";
    let long = kinds_on_a_screen(mock.home(), 10, marking);
    assert!(long.lines().count() > 10 && long.lines().all(|line| line.starts_with("paged:")), "{long}");
    for (rows, pager) in [(10, ""), (10, "cat"), (10, "no-such-pager-anywhere"), (1_000, marking)] {
        let plain = kinds_on_a_screen(mock.home(), rows, pager);
        assert!(plain.contains("visit-report") && !plain.contains("paged:"), "{rows}, {pager}: {plain}");
    }
}
