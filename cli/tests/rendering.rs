//! What people and scripts see, whatever partners send (F19).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod mock;

use entente_cli::safe_text::is_hidden;
use mock::*;
use serde_json::json;

/// OSC, CSI (7 and 8 bit), bidi override and isolate, zero-width, line breaks, DEL, a tag.
const HOSTILE: &str = "A\u{1b}]0;t\u{7}\u{1b}[2J\u{9b}31m\u{202e}fdp\u{2066}\u{200b}\u{feff}\r\nerror: forged\n\u{7f}\u{e0041}\tZ";

/// Every command that shows something of a node or its partners.
fn commands() -> Vec<Vec<String>> {
    let r = id('r');
    [
        "status",
        "doctor",
        "partnership list",
        "partnership show P",
        "partnership agreement show P",
        "partnership agreement show P --text",
        "partnership invite P",
        "partnership join entente1x --yes",
        "partnership approve P A",
        "member list",
        "member list P",
        &format!("member show {}", id('b')),
        "key show",
        "key show P",
        "partnership invite P --qr",
        "member verify P A --start",
        "record list",
        "record search x",
        &format!("record show {r}"),
        &format!("record preview {r} --partnership P"),
        &format!("record share {r} --partnership P --yes"),
        &format!("attachment list {r}"),
        "sync status",
        "sync now",
        "sync explain R O",
    ]
    .iter()
    .map(|line| line.split(' ').map(str::to_owned).collect())
    .collect()
}

#[test]
fn nothing_that_partners_write_moves_the_terminal() {
    let mock = Mock::new(everything(HOSTILE));
    for command in commands() {
        for json in [false, true] {
            let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
            if json {
                arguments.push("--json");
            }
            let ran = mock.run(&arguments);
            assert!([0, 6].contains(&ran.code), "{command:?}: {} {}", ran.code, ran.stderr);
            for text in [&ran.stdout, &ran.stderr] {
                let wrong = text.chars().find(|c| *c != '\n' && is_hidden(*c));
                assert_eq!(wrong, None, "{command:?}:\n{text}");
                assert!(!text.lines().any(|line| line.starts_with("error: forged")), "{command:?}:\n{text}");
            }
            if json {
                ran.json();
            }
        }
    }
}

#[test]
fn hostile_problems_are_shown_safely_too() {
    let mock = Mock::new(|_| {
        let problem = json!({ "code": HOSTILE, "what": HOSTILE, "not_done": HOSTILE, "next": HOSTILE, "exit": 5,
            "refusals": [{ "code": HOSTILE, "reason": HOSTILE }] });
        refused_with(403, &problem)
    });
    for arguments in [&["status"][..], &["status", "--json"]] {
        let ran = mock.run(arguments);
        for text in [&ran.stdout, &ran.stderr] {
            assert!(!text.chars().any(|c| c != '\n' && is_hidden(c)), "{text}");
            assert!(!text.lines().any(|line| line.starts_with("error: forged")), "{text}");
        }
    }
    let wrong = mock.run(&["frobnicate\u{1b}[2J\nerror: forged"]);
    assert_eq!(wrong.code, 2);
    assert!(!wrong.stderr.chars().any(|c| c != '\n' && is_hidden(c)), "{}", wrong.stderr);
}

#[test]
fn json_carries_the_exact_text() {
    let mock = Mock::new(everything(HOSTILE));
    let ran = mock.run(&["--json", "record", "show", &id('r')]);
    assert_eq!(ran.json()["title"], HOSTILE);
    assert_eq!(ran.json()["fields"][0], json!([HOSTILE, HOSTILE]));
}

#[test]
fn a_list_fits_the_terminal_and_says_how_to_get_more() {
    let mock = Mock::new(everything(
        "Სახალხო დამცველი, a long title that does not fit beside all the others at all",
    ));
    let ran = mock.run(&["record", "list"]);
    for line in ran.stdout.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    assert!(ran.stdout.contains("2026-11-23"), "{}", ran.stdout);
    assert!(ran.stderr.contains("--after next-page"), "{}", ran.stderr);
}

#[test]
fn a_record_is_shown_in_full() {
    let mock = Mock::new(everything("Title"));
    let shown = mock.run(&["record", "show", &id('r')]).stdout;
    for part in
        ["TLP:RED", "never: readers may not pass it on", "2026-11-23 14:05", "1.2 kB", "personal data"]
    {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
}

#[test]
fn keys_are_told_in_words() {
    let shown = Mock::new(everything("a key of ours")).run(&["key", "show"]).stdout;
    for part in ["a key of ours (3)", "7 records that are here", "taken locked", "the set k7q2x", "key drill"]
    {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
}

#[test]
fn a_fingerprint_is_shown_as_twelve_words_as_letters_and_as_a_qr_code() {
    let mock = Mock::new(everything("Rights"));
    let ran = mock.run(&["member", "show", "Rights"]);
    let json = mock.run(&["--json", "member", "show", "Rights"]).json();
    let words: Vec<&str> = json["fingerprint"].as_str().unwrap().split(' ').collect();
    assert_eq!(words.len(), 12);
    for line in words.chunks(6) {
        assert!(ran.stdout.contains(&line.join(" ")), "{}", ran.stdout);
    }
    assert!(ran.stdout.contains(json["letters"].as_str().unwrap()), "{}", ran.stdout);
    assert!(ran.stdout.lines().filter(|line| line.contains('█')).count() > 10, "{}", ran.stdout);
    assert_eq!(mock.run(&["member", "show", "Nobody"]).code, 3);
    assert!(mock.run(&["partnership", "show", "P"]).stdout.contains(&words[..6].join(" ")), "who waits");
}

#[test]
fn words_go_to_stderr_and_data_to_stdout() {
    let mock = Mock::new(everything("fine"));
    let ran = mock.run(&["partnership", "invite", "P"]);
    assert_eq!(ran.stdout, "entente1xyz\n", "so that it can be piped");
    assert!(ran.stderr.contains("2026-11-23 14:05"));
}
