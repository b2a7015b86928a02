//! What the demo shares: the files of `samples/`, carried in the program so that it needs no other file.

use entente_node::api::types::DraftInput;
use serde_json::{Value, json};

/// The agreement of the NPM with the two CSOs.
pub(super) const FORMAL: &str = include_str!("../../../../samples/demo/formal.toml");
/// The agreement of the two CSOs.
pub(super) const INFORMAL: &str = include_str!("../../../../samples/demo/informal.toml");
/// What is attached to the submission.
pub(super) const LETTER: &str = include_str!("../../../../samples/demo/letter.txt");

/// The CSO's submission to the NPM.
pub(super) const SUBMISSION: &str = include_str!("../../../../samples/demo/submission.json");
/// The NPM's answer.
pub(super) const FEEDBACK: &str = include_str!("../../../../samples/demo/feedback.json");
/// The neighbour's proposal to the NPM.
pub(super) const PRIORITY: &str = include_str!("../../../../samples/demo/priority.json");
/// The NPM's report to all.
pub(super) const VISIT_REPORT: &str = include_str!("../../../../samples/demo/visit-report.json");
/// The NPM's recommendation, shown to all.
pub(super) const RECOMMENDATION: &str = include_str!("../../../../samples/demo/recommendation.json");
/// The neighbour's question to the CSO, in their own partnership.
pub(super) const NOTE: &str = include_str!("../../../../samples/demo/note.json");
/// Who told the CSO; never shared.
pub(super) const SOURCE: &str = include_str!("../../../../samples/demo/source.json");
/// Personal data without a consent; refused.
pub(super) const INTERVIEW: &str = include_str!("../../../../samples/demo/interview.json");

/// The Universal Declaration of Human Rights in one language.
pub(super) struct Declaration {
    /// BCP 47.
    pub(super) language: &'static str,
    /// The language, in English.
    pub(super) name: &'static str,
    /// The whole text.
    pub(super) text: &'static str,
}

/// The languages that are shared, each in a script of its own but the last two.
pub(super) const DECLARATIONS: [Declaration; 8] = [
    declaration("ka", "Georgian", include_str!("../../../../samples/udhr/ka.txt")),
    declaration("hy", "Armenian", include_str!("../../../../samples/udhr/hy.txt")),
    declaration("ru", "Russian", include_str!("../../../../samples/udhr/ru.txt")),
    declaration("ar", "Arabic", include_str!("../../../../samples/udhr/ar.txt")),
    declaration("km", "Khmer", include_str!("../../../../samples/udhr/km.txt")),
    declaration("dv", "Maldivian", include_str!("../../../../samples/udhr/dv.txt")),
    declaration("en", "English", include_str!("../../../../samples/udhr/en.txt")),
    declaration("fr", "French", include_str!("../../../../samples/udhr/fr.txt")),
];

const fn declaration(language: &'static str, name: &'static str, text: &'static str) -> Declaration {
    Declaration { language, name, text }
}

/// Columns of a heading of an article at most; a paragraph that names a number is longer.
const HEADING: usize = 30;

impl Declaration {
    /// As a draft of the kind `material`.
    pub(super) fn draft(&self) -> Result<DraftInput, serde_json::Error> {
        serde_json::from_value(json!({
            "kind": "material",
            "language": self.language,
            "sensitivity": "partnership",
            "fields": {
                "title": self.title(),
                "topics": ["human rights"],
                "text": self.text,
            },
        }))
    }

    fn title(&self) -> &'static str {
        self.text.lines().next().unwrap_or_default()
    }

    /// Article 5: no one shall be subjected to torture.
    pub(super) fn article_5(&self) -> &'static str {
        article_5(self.text)
    }
}

/// Article 5 in a whole text, in any of the languages.
pub(super) fn article_5(text: &str) -> &str {
    let numbers = |line: &str| line.split(|c: char| !c.is_numeric()).any(|n| n == "5" || n == "៥");
    let heading = |line: &&str| line.chars().count() < HEADING && numbers(line);
    let mut lines = text.lines().skip_while(|line| !heading(line)).skip(1);
    lines.find(|line| !line.trim().is_empty()).unwrap_or_default()
}

/// A draft of the demo.
pub(super) fn draft(text: &str) -> Result<DraftInput, serde_json::Error> {
    serde_json::from_str(text)
}

/// Adds to what a field says, or makes it.
pub(super) fn add(draft: &mut DraftInput, field: &str, words: &str) {
    let value = draft.fields.entry(field.to_owned()).or_insert_with(|| Value::from(""));
    let before = value.as_str().unwrap_or_default();
    *value = Value::from(format!("{before} {words}").trim().to_owned());
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use entente_protocol::agreement::{Agreement, Form};
    use entente_protocol::handling::{Handling, Language, Sensitivity};
    use entente_protocol::ids::Timestamp;
    use entente_protocol::record::{Content, check_content};
    use entente_protocol::{kinds, value};

    use super::*;

    const DRAFTS: [&str; 8] =
        [SUBMISSION, FEEDBACK, PRIORITY, VISIT_REPORT, RECOMMENDATION, NOTE, SOURCE, INTERVIEW];

    fn content(input: DraftInput) -> Content {
        let facts = kinds::known(&input.kind).expect("a kind of the field");
        Content {
            kind: input.kind,
            language: input.language.unwrap_or_else(Language::undetermined),
            sensitivity: input.sensitivity.unwrap_or(facts.sensitivity),
            handling: input.handling.unwrap_or_else(|| facts.handling()),
            created: Timestamp(1_790_000_000_000),
            replies_to: None,
            supersedes: None,
            references: Vec::new(),
            fields: input
                .fields
                .into_iter()
                .map(|(name, value)| (name, value::Value::from_json(&value).unwrap()))
                .collect(),
            attachments: Vec::new(),
        }
    }

    #[test]
    fn every_draft_is_a_record_of_the_field() {
        for text in DRAFTS {
            check_content(&content(draft(text).unwrap())).unwrap();
        }
        for declaration in &DECLARATIONS {
            let content = content(declaration.draft().unwrap());
            check_content(&content).unwrap();
            assert_eq!(content.language.as_str(), declaration.language);
        }
    }

    #[test]
    fn the_source_has_no_class_in_its_file_and_gets_own_all_the_same() {
        let content = content(draft(SOURCE).unwrap());
        assert_eq!(content.sensitivity, Sensitivity::Own);
        assert!(content.handling.personal_data);
        assert_ne!(content.handling, Handling::default());
    }

    #[test]
    fn both_agreements_are_agreements() {
        assert_eq!(Agreement::parse(FORMAL).unwrap().form(), Form::Formal);
        assert_eq!(Agreement::parse(INFORMAL).unwrap().form(), Form::Informal);
    }

    #[test]
    fn article_5_is_found_in_every_language() {
        for declaration in &DECLARATIONS {
            let article = declaration.article_5();
            assert!(article.chars().count() > 40, "{}: {article}", declaration.name);
        }
        assert!(DECLARATIONS.iter().any(|d| d.article_5().contains("subjected to torture")));
        assert!(DECLARATIONS.iter().any(|d| d.article_5().contains("пыткам")));
        assert!(DECLARATIONS.iter().any(|d| d.article_5().contains("torture, ni à des peines")));
    }

    #[test]
    fn words_are_added_to_a_field_or_make_it() {
        let mut draft = draft(SUBMISSION).unwrap();
        add(&mut draft, "source", "code-1");
        add(&mut draft, "reference", "code-2");
        assert!(draft.fields["source"].as_str().unwrap().ends_with("not to be named code-1"));
        assert_eq!(draft.fields["reference"], "code-2");
    }
}
