//! Every rule of `docs/spec/rules.md` names tests that exist.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const RULES: &str = include_str!("../../docs/spec/rules.md");
/// What a rule says that no test proves.
const NONE: &str = "*none yet*";

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The names of all tests in the repository's sources.
fn all_tests() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for part in ["protocol", "node", "cli", "tests"].map(|part| root.join(part)) {
        if part.is_dir() {
            sources(&part, &mut files);
        }
    }
    let mut names = BTreeSet::new();
    for text in files.iter().filter_map(|file| std::fs::read_to_string(file).ok()) {
        // What stands between the attribute and the function's name: other attributes, at most.
        for (at, _) in text.match_indices("#[test]").chain(text.match_indices("#[tokio::test")) {
            let Some((_, after)) = text[at..].split_once("fn ") else { continue };
            let name = after.split(|c: char| !c.is_alphanumeric() && c != '_').next();
            names.extend(name.map(str::to_owned));
        }
    }
    names
}

/// The rules: name, and the cell that names the tests.
fn rules() -> Vec<(&'static str, &'static str)> {
    let rows = RULES.lines().filter(|line| line.starts_with("| R-"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 4, "{row}");
        (cells[0], cells[3])
    })
    .collect()
}

#[test]
fn every_test_that_a_rule_names_exists() {
    let known = all_tests();
    for (rule, tests) in rules().into_iter().filter(|(_, tests)| *tests != NONE) {
        let named: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "{rule} names no test");
        for test in named {
            assert!(known.contains(test), "{rule}: no test `{test}`");
        }
    }
}

#[test]
fn rules_are_numbered_once_and_in_order() {
    let mut last = ("", 0);
    let mut seen = BTreeSet::new();
    for (rule, _) in rules() {
        assert!(seen.insert(rule), "{rule} stands twice");
        let (chapter, number) = rule.rsplit_once('-').unwrap();
        let number: u32 = number.parse().unwrap();
        assert!(chapter != last.0 || number == last.1 + 1, "{rule} is out of order");
        last = (chapter, number);
    }
    assert!(seen.len() > 80);
}
