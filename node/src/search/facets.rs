//! The terms by which a search is narrowed. No word begins with a control character.

use entente_protocol::handling::{Language, Sensitivity};
use entente_protocol::ids::{OrgId, PartnershipId};

use crate::rows::RecordRow;

/// Stands before the words of a record's place.
pub const PLACE: &str = "\u{1}";
const KIND: &str = "\u{2}";
const AUTHOR: &str = "\u{3}";
const LANGUAGE: &str = "\u{4}";
const SENSITIVITY: &str = "\u{5}";
const PARTNERSHIP: &str = "\u{6}";

/// All of a record.
pub(super) fn of(row: &RecordRow) -> impl Iterator<Item = String> {
    let all = [kind(row.kind.as_str()), author(&row.author), sensitivity(row.sensitivity)];
    let placed = row.place.map(|place| partnership(&place.partnership));
    all.into_iter().chain(languages(&row.language)).chain(placed)
}

/// The term of all records of a kind.
#[must_use]
pub fn kind(kind: &str) -> String {
    format!("{KIND}{kind}")
}

/// The term of all records of an author.
#[must_use]
pub fn author(org: &OrgId) -> String {
    format!("{AUTHOR}{org}")
}

/// The term of all records that may be read so widely.
#[must_use]
pub fn sensitivity(sensitivity: Sensitivity) -> String {
    format!("{SENSITIVITY}{}", sensitivity.as_str())
}

/// The term of all records that were shared in a partnership.
#[must_use]
pub fn partnership(partnership: &PartnershipId) -> String {
    format!("{PARTNERSHIP}{partnership}")
}

/// The term of all records in a language, whatever their script and region unless the tag says them.
#[must_use]
pub fn language(language: &Language) -> String {
    format!("{LANGUAGE}{}", language.as_str().to_lowercase())
}

/// `ka`, and `ka-geor`.
fn languages(language: &Language) -> Vec<String> {
    let tag = language.as_str().to_lowercase();
    let ends = tag.match_indices('-').map(|(at, _)| at).chain([tag.len()]);
    ends.map(|end| format!("{LANGUAGE}{}", &tag[..end])).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_by_its_language_alone_and_with_its_script() {
        let tag = |tag: &str| Language::try_from(tag.to_owned()).unwrap();
        let all = languages(&tag("ka-Geor"));
        assert!(all.contains(&language(&tag("ka"))) && all.contains(&language(&tag("ka-geor"))));
        assert!(!all.contains(&language(&tag("ka-Latn"))));
    }
}
