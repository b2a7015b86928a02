//! SECURITY.md promises nothing that no test proves.

use std::path::Path;

use crate::needles::files_below;

#[test]
fn every_promise_names_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = std::fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let sources: Vec<String> = ["protocol", "node", "cli", "tests"]
        .iter()
        .flat_map(|part| files_below(&root.join(part)))
        .filter(|file| file.extension().is_some_and(|e| e == "rs"))
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect();
    let named: Vec<&str> = text.split('`').skip(1).step_by(2).filter(|word| is_test_name(word)).collect();
    assert!(named.len() > 30, "{named:?}");
    for name in named {
        let is_a_test = |source: &String| {
            let Some(at) = source.find(&format!("fn {name}(")) else { return false };
            // A function of this name, under a test attribute or within `proptest!`.
            let before: String =
                source[..at].chars().rev().take(400).collect::<String>().chars().rev().collect();
            before.contains("#[test]") || before.contains("#[tokio::test") || source.contains("proptest!")
        };
        assert!(sources.iter().any(is_a_test), "SECURITY.md names `{name}`, and there is no such test");
    }
    // In the table of promises, each line ends with the tests that prove it.
    let promises = text.split("## Not promised").next().unwrap();
    for line in promises.lines().filter(|line| line.starts_with("- **can")) {
        let proved = line.split('`').skip(1).step_by(2).any(is_test_name);
        assert!(!line.starts_with("- **cannot") || proved, "no test proves: {line}");
    }
}

/// Test names are claims: words joined by underscores.
fn is_test_name(word: &str) -> bool {
    word.matches('_').count() >= 3
        && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}
