//! Words that several commands use for the same things.

use entente_node::api::types::{OrgView, PartnershipState};
use entente_protocol::handling::{Onward, Sensitivity};
use entente_protocol::ids::OrgId;
use serde_json::Value;

/// An organisation: name, kind, country.
pub(super) fn organisation(org: &OrgView) -> String {
    format!("{} ({}, {})", org.name, org.kind.as_str(), org.country)
}

/// Where we stand in a partnership.
pub(super) fn state(state: PartnershipState) -> &'static str {
    match state {
        PartnershipState::AwaitingApproval => "awaiting approval",
        PartnershipState::Member => "member",
        PartnershipState::Former => "former",
    }
}

/// A sensitivity, with its label of the Traffic Light Protocol.
pub(super) fn sensitivity(sensitivity: Sensitivity) -> String {
    match sensitivity.tlp() {
        Some(label) => format!("{} ({label})", sensitivity.as_str()),
        None => sensitivity.as_str().to_owned(),
    }
}

/// How far a record may go on.
pub(super) fn onward(onward: Onward) -> &'static str {
    match onward {
        Onward::Never => "never: readers may not pass it on",
        Onward::Ask => "ask: readers may pass it on after its author said yes",
        Onward::Allowed => "allowed: readers may pass it on",
    }
}

/// `yes` or `no`.
pub(super) fn yes(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}

/// Words in lines of six, as people read them to each other.
pub(super) fn six_a_line(words: &str) -> String {
    let words: Vec<&str> = words.split_whitespace().collect();
    words.chunks(6).map(|line| line.join(" ")).collect::<Vec<_>>().join("\n")
}

/// An organisation's key as words, in lines of six.
pub(super) fn fingerprint(org: &OrgId) -> String {
    six_a_line(&entente_node::fingerprint::words(org))
}

/// A count with its noun in the right number.
pub(super) fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// Bytes for people: `1.4 MB`.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    let mut tenths = bytes.saturating_mul(10);
    let mut unit = "B";
    for larger in UNITS {
        if tenths < 10_000 {
            break;
        }
        tenths = tenths.saturating_add(500) / 1000;
        unit = larger;
    }
    match (unit, tenths % 10) {
        ("B", _) | (_, 0) => format!("{} {unit}", tenths / 10),
        (_, tenth) => format!("{}.{tenth} {unit}", tenths / 10),
    }
}

/// The first characters of an id: enough to type.
pub(super) fn short(id: &impl ToString) -> String {
    id.to_string().chars().take(10).collect()
}

/// A field's value as text: lists and tables become indented lines.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(|item| hang("- ", item)).collect::<Vec<_>>().join("\n"),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, inner)| match inner {
                Value::Array(_) | Value::Object(_) => format!("{name}:\n{}", hang("  ", inner)),
                _ => hang(&format!("{name}: "), inner),
            })
            .collect::<Vec<_>>()
            .join("\n"),
        Value::Null => "none".to_owned(),
        Value::Bool(is) => yes(*is),
        Value::Number(number) => number.to_string(),
    }
}

fn hang(lead: &str, inner: &Value) -> String {
    format!("{lead}{}", value(inner).replace('\n', "\n  "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        for (bytes, words) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1 kB"),
            (1449, "1.4 kB"),
            (999_999, "1 MB"),
            (2_340_000, "2.3 MB"),
            (u64::MAX, "1844674.4 TB"),
        ] {
            assert_eq!(size(bytes), words);
        }
    }

    #[test]
    fn lists_and_tables_become_lines() {
        let nested = serde_json::json!({ "a": "x\ny", "b": [1, { "c": true }] });
        assert_eq!(value(&nested), "a: x\n  y\nb:\n  - 1\n  - c: yes");
    }
}
