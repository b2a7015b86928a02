//! Agreements in files: checked, bound to a document, compared with what is in force.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod mock;

use std::path::{Path, PathBuf};

use entente_protocol::agreement::{Agreement, Form, templates::template};
use entente_protocol::derive;
use mock::*;
use serde_json::{Value, json};

/// A folder with the formal template, a version of it with less and more, and a paper.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let amended = template(Form::Formal)
        .replace("\"priority\", \"baseline\", \"submission\"", "\"priority\", \"baseline\"")
        .replace("# end = 2028-12-31", "end = 2028-12-31")
        .replace("onward = \"ask\"", "onward = \"allowed\"")
        .replace("# [keys]\n# rotate_days = 30", "[keys]\nrotate_days = 7")
        .replace("Each party bears its own costs.", "The NPM pays.");
    std::fs::write(folder.path().join("formal.toml"), template(Form::Formal)).unwrap();
    std::fs::write(folder.path().join("amended.toml"), amended).unwrap();
    std::fs::write(folder.path().join("paper.pdf"), "%PDF the paper").unwrap();
    folder
}

/// Runs `entente partnership agreement …` where no node is.
fn agreement_command(folder: &Path, words: &[&str]) -> Ran {
    let at = |word: &&str| match word.contains('.') && !word.starts_with('-') {
        true => folder.join(word).to_string_lossy().into_owned(),
        false => (*word).to_owned(),
    };
    let words: Vec<String> = ["partnership", "agreement"].iter().chain(words).map(at).collect();
    run(Path::new("/nonexistent/entente"), &words.iter().map(String::as_str).collect::<Vec<_>>(), "")
}

fn read(path: PathBuf) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn two_versions_are_compared_by_what_changes_for_whom() {
    let folder = folder();
    let ran = agreement_command(folder.path(), &["diff", "formal.toml", "amended.toml"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let parts = [
        "Narrower, takes effect at once when proposed\n",
        "  - It ends with 31 December 2028; it had no end.",
        "  - Civil-society organisations and networks may no longer send submissions to the NPM.",
        "Narrower, takes effect when all have signed\n",
        "  - Keys are renewed at least every 7 days; until now every 30 days.",
        "Wider, takes effect when all have signed\n",
        "  - Records may be passed on, unless their author says otherwise.",
        "Words\n",
        "  - On money it says \u{201c}The NPM pays.\u{201d}, instead of",
    ];
    let mut rest = ran.stdout.as_str();
    for part in parts {
        let at = rest
            .find(part)
            .unwrap_or_else(|| panic!("{part} is not there, or not there in order:\n{}", ran.stdout));
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn a_comparison_is_data_too() {
    let folder = folder();
    let ran = agreement_command(folder.path(), &["diff", "formal.toml", "amended.toml", "--json"]);
    let answer = ran.json();
    let changes = answer["changes"].as_array().unwrap();
    let flow = json!({
        "effect": "narrower", "at_once": true, "roles": ["cso", "network", "npm"],
        "sentence": "Civil-society organisations and networks may no longer send submissions to the NPM.",
    });
    assert!(changes.contains(&flow), "{changes:#?}");
    let hash = derive::hash(template(Form::Formal).as_bytes()).to_string();
    assert_eq!(answer["old"]["hash"], hash);
    let same = agreement_command(folder.path(), &["diff", "formal.toml", "formal.toml", "--json"]);
    assert_eq!(same.json()["changes"], json!([]));
    let same = agreement_command(folder.path(), &["diff", "formal.toml", "formal.toml"]);
    assert_eq!(same.stdout, "Nothing changes: it is the same text.\n");
}

#[test]
fn a_file_is_compared_with_the_agreement_in_force() {
    let folder = folder();
    let mock = Mock::new(|seen| {
        assert!(seen.line.contains("/partnerships/Prevention"), "{}", seen.line);
        let mut view = partnership("fine");
        view["agreement"]["text"] = template(Form::Formal).into();
        ok(view)
    });
    let amended = folder.path().join("amended.toml");
    let ran =
        mock.run(&["--json", "partnership", "agreement", "diff", "Prevention", amended.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.json()["changes"].as_array().unwrap().len(), 5, "{}", ran.stdout);
}

#[test]
fn a_file_that_is_not_there_is_not_taken_for_a_partnership() {
    let folder = folder();
    for words in [["diff", "missing.toml", "amended.toml"], ["diff", "formal.toml", "missing.toml"]] {
        let ran = agreement_command(folder.path(), &[&words[..], &["--json"]].concat());
        assert_eq!((ran.code, &ran.json()["error"]["code"]), (3, &json!("file")));
    }
}

#[test]
fn what_is_attached_is_checked_to_the_byte() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let ran = agreement_command(folder.path(), &["attach", "formal.toml", "paper.pdf"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(read(at("formal.toml")), template(Form::Formal), "nothing is written unless it is asked for");
    let attached = Agreement::parse(&ran.stdout).unwrap();
    let document = attached.document().unwrap();
    assert_eq!((document.name(), document.size()), ("paper.pdf", Some(14)));

    let before = agreement_command(folder.path(), &["check", "formal.toml", "--document", "paper.pdf"]);
    assert_eq!(before.code, 6, "a file that is not bound: {}", before.stdout);
    assert_eq!(
        agreement_command(folder.path(), &["attach", "formal.toml", "paper.pdf", "--in-place"]).code,
        0
    );
    assert_eq!(read(at("formal.toml")), ran.stdout);
    let good =
        agreement_command(folder.path(), &["check", "formal.toml", "--document", "paper.pdf", "--json"]);
    assert_eq!((good.code, &good.json()["document_is_the_one"]), (0, &json!(true)));

    std::fs::write(at("paper.pdf"), "%PDF the papes").unwrap();
    let wrong = agreement_command(folder.path(), &["check", "formal.toml", "--document", "paper.pdf"]);
    assert_eq!(wrong.code, 6);
    assert!(wrong.stdout.contains("is NOT the file \u{201c}paper.pdf\u{201d}"), "{}", wrong.stdout);
}

#[test]
fn a_check_says_what_the_agreement_says_and_what_to_look_at_again() {
    let folder = folder();
    let text = template(Form::Formal).replace("# [keys]\n# rotate_days = 30", "[keys]\nrotate_days = 300");
    std::fs::write(folder.path().join("old-keys.toml"), text).unwrap();
    let ran = agreement_command(folder.path(), &["check", "old-keys.toml"]);
    assert_eq!(ran.code, 0, "advice is no refusal: {}", ran.stderr);
    assert!(ran.stdout.contains("  - One steward must sign to"), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("Look at this again\n  - Keys are renewed every 300 days only"),
        "{}",
        ran.stdout
    );
    let json = agreement_command(folder.path(), &["check", "old-keys.toml", "--json"]).json();
    assert_eq!(json["advice"].as_array().unwrap().len(), 1);
    assert_eq!(json["document_is_the_one"], Value::Null);
}

#[test]
fn a_faulty_agreement_is_told_with_its_line_and_nothing_is_written() {
    let folder = folder();
    let text = template(Form::Formal).replace("onward = ", "onwards = ");
    std::fs::write(folder.path().join("faulty.toml"), &text).unwrap();
    for words in [
        &["check", "faulty.toml"][..],
        &["attach", "faulty.toml", "paper.pdf", "--in-place"],
        &["diff", "formal.toml", "faulty.toml"],
    ] {
        let ran = agreement_command(folder.path(), &[words, &["--json"]].concat());
        assert_eq!((ran.code, &ran.json()["error"]["code"]), (6, &json!("bad-agreement")), "{words:?}");
        assert!(
            ran.json()["error"]["what"].as_str().unwrap().contains("faulty.toml, line 7"),
            "{}",
            ran.stdout
        );
    }
    assert_eq!(read(folder.path().join("faulty.toml")), text);
}
