//! The kinds of record that the field knows, as data: who may write them, and how they are handled
//! unless their author says otherwise.
//!
//! Start at [`known`]. A kind that is not in the table (from a newer partner, or of the partners' own)
//! is kept and shown; it may be exchanged only where a clause of the agreement names it.
//! [`crate::policy::permit`] reads [`KindFacts::never_leaves`], [`KindFacts::confidential`] and
//! [`KindFacts::authors`]; the defaults are for whoever drafts a record. [`stays_at_home`] names the fields
//! that never leave their author's node.

use crate::handling::{Handling, Kind, Onward, Role, Sensitivity};

/// The role that an NPM has in every agreement. Kinds that only an NPM writes ask for it.
pub const NPM: &str = "npm";

/// Which roles may write records of a kind, whatever the agreement says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Authors {
    /// Whoever a clause of the agreement lets.
    Any,
    /// The NPM: its recommendations, its assessments, its visits.
    Npm,
    /// Everybody but the NPM. Agreements have roles of their own (`network`, `expert`), so this is not
    /// only `cso`: what matters is that an NPM never speaks for civil society.
    NotNpm,
}

impl Authors {
    /// May an organisation with this role be the author?
    #[must_use]
    pub fn include(self, role: &Role) -> bool {
        match self {
            Authors::Any => true,
            Authors::Npm => role.as_str() == NPM,
            Authors::NotNpm => role.as_str() != NPM,
        }
    }

    /// As the subject of a sentence.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Authors::Any => "any member",
            Authors::Npm => "the NPM",
            Authors::NotNpm => "a member that is not the NPM",
        }
    }
}

/// What is known of a kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KindFacts {
    /// The kind's name.
    pub name: &'static str,
    /// What several of them are called in a sentence.
    pub plural: &'static str,
    /// Who may write it.
    pub authors: Authors,
    /// Its sensitivity unless the author says otherwise.
    pub sensitivity: Sensitivity,
    /// Stays on its author's node, whatever anybody says (rule C2).
    pub never_leaves: bool,
    /// Confidential (rules C3, C4): a clause must name the kind, and the author must name the readers.
    pub confidential: bool,
    /// May readers pass it on, unless the author says otherwise?
    pub onward: Onward,
    /// Holds data about identifiable persons, unless the author says otherwise.
    pub personal_data: bool,
}

impl KindFacts {
    /// How a record of this kind is handled unless its author says otherwise.
    #[must_use]
    pub fn handling(&self) -> Handling {
        Handling { onward: self.onward, personal_data: self.personal_data, ..Handling::default() }
    }
}

/// The facts of a kind; `None` for a kind that this version does not know.
#[must_use]
pub fn known(kind: &Kind) -> Option<&'static KindFacts> {
    KINDS.iter().find(|facts| facts.name == kind.as_str())
}

/// The fields that never leave their author's node, whatever the kind of record (rule C2): who said it, and
/// what the author noted for itself.
const HOME_FIELDS: [&str; 4] = ["source", "sources", "informant", "internal-notes"];
/// A field whose name begins so stays at home too: an author can keep any field back by its name.
const HOME_PREFIXES: [&str; 2] = ["own-", "source-"];

/// Does a field with this name never leave its author's node (rule C2)? `source`, `sources`, `informant`,
/// `internal-notes`, and what begins with `own-` or `source-`; ASCII letters in either case.
#[must_use]
pub fn stays_at_home(field: &str) -> bool {
    let begins = |prefix: &&str| {
        field.as_bytes().get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    HOME_FIELDS.iter().any(|name| field.eq_ignore_ascii_case(name)) || HOME_PREFIXES.iter().any(begins)
}

const fn kind(
    name: &'static str,
    plural: &'static str,
    authors: Authors,
    sensitivity: Sensitivity,
) -> KindFacts {
    KindFacts {
        name,
        plural,
        authors,
        sensitivity,
        never_leaves: false,
        confidential: false,
        onward: Onward::Never,
        personal_data: false,
    }
}

impl KindFacts {
    const fn for_named_readers(self) -> Self {
        Self { confidential: true, ..self }
    }
    const fn kept_home(self) -> Self {
        Self { never_leaves: true, ..self.for_named_readers() }
    }
    const fn about_persons(self) -> Self {
        Self { personal_data: true, ..self }
    }
    const fn passed_on(self) -> Self {
        Self { onward: Onward::Allowed, ..self }
    }
}

use Authors::{Any, NotNpm, Npm};
use Sensitivity::{Named, Own, Partnership, Public};

/// All known kinds, in the order of a collaboration: places, information, visits, recommendations,
/// capacity, activities, advisory bodies, work within the NPM.
pub const KINDS: &[KindFacts] = &[
    kind("place", "descriptions of places", Any, Partnership),
    kind("priority", "proposals of places and themes to visit", NotNpm, Named),
    kind("baseline", "baseline information", NotNpm, Named),
    kind("information-request", "requests for information", Any, Named),
    kind("submission", "submissions", NotNpm, Named),
    kind("feedback", "feedback on what came of submissions", Npm, Named),
    kind("source", "sources", Any, Own).kept_home().about_persons(),
    kind("consent", "consents", Any, Own).kept_home().about_persons(),
    // Both start with their author as the only reader (rule C3).
    kind("visit", "visit plans", Npm, Own).for_named_readers(),
    // Written by the NPM and by its declared team, in which experts and member CSOs can be.
    kind("notes", "notes of visits", Any, Own).for_named_readers().about_persons(),
    kind("visit-report", "visit reports", Npm, Named),
    kind("recommendation", "recommendations", Npm, Partnership),
    kind("authority-reply", "replies of authorities", Npm, Partnership),
    kind("status-assessment", "assessments of the status of recommendations", Npm, Partnership),
    kind("endorsement", "endorsements of recommendations", NotNpm, Partnership),
    kind("shadow-information", "shadow information on recommendations", NotNpm, Partnership),
    kind("advocacy", "records of advocacy", Any, Partnership),
    kind("reprisal-allegation", "allegations of reprisals", Any, Named).for_named_readers().about_persons(),
    kind("training", "training offers", Any, Partnership),
    kind("material", "materials", Any, Partnership),
    kind("expert", "entries in the roster of experts", Any, Partnership).about_persons(),
    kind("activity", "joint activities", Any, Named),
    kind("meeting", "agendas and papers of meetings", Any, Partnership),
    kind("opinion", "opinions", Any, Partnership),
    kind("motion", "motions", Any, Partnership),
    kind("position", "positions on motions", Any, Partnership),
    kind("response", "responses of the NPM", Npm, Partnership),
    kind("contribution", "contributions to reports", NotNpm, Named),
    kind("divergent-view", "divergent views", NotNpm, Named),
    kind("declaration", "declarations of confidentiality", Any, Partnership),
    kind("annual-report", "annual reports", Npm, Public).passed_on(),
];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn facts(name: &str) -> &'static KindFacts {
        known(&name.parse().unwrap()).unwrap()
    }

    #[test]
    fn every_kind_of_the_field_is_known_once() {
        let mut names: Vec<&str> = KINDS.iter().map(|k| k.name).collect();
        assert_eq!(names.len(), 31);
        assert!(names.iter().all(|n| n.parse::<Kind>().is_ok() && *n != "any"));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 31);
        assert!(known(&"from-the-future".parse().unwrap()).is_none());
    }

    #[test]
    fn only_sources_and_consents_never_leave() {
        let stay: Vec<&str> = KINDS.iter().filter(|k| k.never_leaves).map(|k| k.name).collect();
        assert_eq!(stay, ["source", "consent"]);
        assert!(KINDS.iter().filter(|k| k.never_leaves).all(|k| k.confidential && k.sensitivity == Own));
    }

    #[test]
    fn fields_about_sources_stay_at_home_however_they_are_spelled() {
        for name in ["source", "Sources", "INFORMANT", "internal-notes", "own-", "own-view", "Source-name"] {
            assert!(stays_at_home(name), "{name}");
        }
        for name in
            ["", "resource", "sourced", "own", "ownership", "summary", "internal-note", "оwn-view", "ö"]
        {
            assert!(!stays_at_home(name), "{name}");
        }
    }

    #[test]
    fn nothing_confidential_starts_wider_than_named() {
        assert!(KINDS.iter().all(|k| !k.confidential || k.sensitivity <= Named));
        assert!(facts("visit").confidential && facts("notes").confidential);
        assert!(facts("reprisal-allegation").confidential);
    }

    #[test]
    fn an_npm_and_a_cso_never_speak_for_each_other() {
        let (npm, cso, network): (Role, Role, Role) =
            ("npm".parse().unwrap(), "cso".parse().unwrap(), "network".parse().unwrap());
        for kind in ["recommendation", "status-assessment", "feedback", "visit", "authority-reply"] {
            assert!(facts(kind).authors.include(&npm) && !facts(kind).authors.include(&cso), "{kind}");
        }
        for kind in ["submission", "priority", "endorsement", "shadow-information", "divergent-view"] {
            let authors = facts(kind).authors;
            assert!(authors.include(&cso) && authors.include(&network) && !authors.include(&npm), "{kind}");
        }
    }

    #[test]
    fn nothing_is_passed_on_unless_its_author_says_so_but_what_is_public() {
        let passed: Vec<&str> = KINDS.iter().filter(|k| k.onward != Onward::Never).map(|k| k.name).collect();
        assert_eq!(passed, ["annual-report"]);
        assert!(facts("notes").handling().personal_data && !facts("submission").handling().personal_data);
    }
}
