//! How sure this node is of a member, in a word.

use entente_node::api::types::{Trust, TrustView};

use crate::times;

/// `verified 2026-11-03`, `introduced by X`, `not verified`, `KEYS CHANGED`; with `WARNING` where it failed.
pub(super) fn word(view: &TrustView) -> String {
    let word = match &view.trust {
        Trust::Verified { when } => format!("verified {}", times::day(*when)),
        Trust::Introduced { by_name, by_verified: true, .. } => {
            format!("introduced by {by_name}, who is verified")
        }
        Trust::Introduced { by_name, .. } => format!("introduced by {by_name}"),
        Trust::Unverified => "not verified".to_owned(),
        Trust::Changed { .. } => "KEYS CHANGED".to_owned(),
    };
    if view.warning.is_some() { format!("{word}, WARNING") } else { word }
}

/// For a member that may be ourselves.
pub(super) fn word_or(view: Option<&TrustView>, otherwise: &str) -> String {
    view.map_or_else(|| otherwise.to_owned(), word)
}

/// What is wrong and what to do, where something is.
pub(super) fn alarm(name: &str, view: &TrustView) -> Option<String> {
    if let Trust::Changed { what, since } = &view.trust {
        let since = times::day(*since);
        return Some(format!(
            "{name}: {what} since {since}. Nothing is shared with it until you verify it (again)."
        ));
    }
    let warning = view.warning.as_ref()?;
    Some(format!("{name}: verification failed on {}: {}.", times::day(warning.when), warning.words))
}

#[cfg(test)]
mod tests {
    use entente_node::api::types::TrustWarning;
    use entente_protocol::ids::{OrgId, Timestamp};

    use super::*;

    #[test]
    fn each_state_of_trust_has_its_word() {
        let when = Timestamp(1_795_442_700_000);
        let by = OrgId([1; 32]);
        let view = |trust| TrustView { trust, warning: None };
        let introduced = |by_verified| Trust::Introduced { by, by_name: "Ombudsman".into(), by_verified };
        let changed = Trust::Changed { what: "it has another node".into(), since: when };
        for (trust, words) in [
            (Trust::Verified { when }, "verified 2026-11-23"),
            (introduced(true), "introduced by Ombudsman, who is verified"),
            (introduced(false), "introduced by Ombudsman"),
            (Trust::Unverified, "not verified"),
            (changed.clone(), "KEYS CHANGED"),
        ] {
            assert!(word(&view(trust)).starts_with(words), "{words}");
        }
        assert!(alarm("X", &view(changed)).is_some_and(|text| text.contains("another node")));
        assert_eq!(alarm("X", &view(Trust::Unverified)), None);
        let warned = TrustView {
            trust: Trust::Unverified,
            warning: Some(TrustWarning { when, words: "three wrong codes".into() }),
        };
        assert_eq!(word(&warned), "not verified, WARNING");
    }
}
