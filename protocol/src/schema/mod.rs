//! What the records of the field say: for every kind its fields, their types, and help for who fills them in.
//!
//! Start at [`schema`] and [`check`]. The author's node refuses what is [`Weight::Wrong`] before it keeps a
//! draft; a receiver shows the same problems as marks, since its partner may run another version. Kinds and
//! fields that are not known are kept, shown and passed on.
//!
//! [`references`] finds the records that a record refers to, in any kind, known or not: whatever reads as the
//! id of a record is one.

mod check;
mod table;
mod template;

use crate::handling::Kind;
use crate::ids::RecordId;
use crate::limits;
use crate::value::Value;

pub use check::{Draft, Finding, Weight, check};
pub use table::{COMMON, PERSONAL, SCHEMAS};
pub use template::{Template, template};

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FieldType {
    /// Text in any script.
    Text,
    /// Text, or a list of texts.
    Texts,
    /// A day (`2026-12-31`), or a time in UTC (`2026-12-31T18:00Z`).
    Date,
    /// Yes or no.
    YesNo,
    /// A whole number, 0 or more.
    Number,
    /// A term of a vocabulary. Other terms are kept and shown.
    Term(&'static str),
    /// One term of a vocabulary, or several.
    Terms(&'static str),
    /// Names by language or script, such as `{"ka": "…", "en": "…"}`, or one name.
    Names,
    /// The id of a record.
    Record,
    /// Ids of records.
    Records,
    /// The id of a record, or a name in words.
    RecordOrText,
    /// A list of tables.
    Tables,
}

impl FieldType {
    /// For people.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            FieldType::Text => "text".into(),
            FieldType::Texts => "text, or a list of texts".into(),
            FieldType::Date => "a date: \"2026-12-31\", or \"2026-12-31T18:00Z\" (UTC)".into(),
            FieldType::YesNo => "true or false".into(),
            FieldType::Number => "a whole number, 0 or more".into(),
            FieldType::Term(of) => format!("a term of `{of}`"),
            FieldType::Terms(of) => format!("a term of `{of}`, or a list of them"),
            FieldType::Names => "a name, or names by language: {\"ka\": \"…\", \"en\": \"…\"}".into(),
            FieldType::Record => "the id of a record".into(),
            FieldType::Records => "the id of a record, or a list of them".into(),
            FieldType::RecordOrText => "the id of a record, or a name in words".into(),
            FieldType::Tables => "a list of tables".into(),
        }
    }

    /// The vocabulary that it takes its terms from.
    #[must_use]
    pub fn vocabulary(self) -> Option<&'static str> {
        match self {
            FieldType::Term(of) | FieldType::Terms(of) => Some(of),
            _ => None,
        }
    }
}

/// Must a field be there?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// No record of the kind makes sense without it.
    Required,
    /// As [`Need::Required`]; what the record replies to will do as well.
    OrReply,
    /// May be left out.
    Optional,
}

/// One field of a kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub holds: FieldType,
    /// Must it be there?
    pub need: Need,
    /// One line of help.
    pub help: &'static str,
}

/// The fields of a kind, besides [`COMMON`] ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Schema {
    /// The kind's name.
    pub kind: &'static str,
    /// What records of this kind are for, in one line.
    pub purpose: &'static str,
    /// Its own fields, in the order in which people fill them in.
    pub fields: &'static [Field],
}

impl Schema {
    /// A field by its name, common ones included.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().chain(COMMON).find(|field| field.name == name)
    }

    /// All fields, its own first.
    pub fn all_fields(&self) -> impl Iterator<Item = &'static Field> {
        let own = self.fields;
        own.iter().chain(COMMON.iter().filter(|common| own.iter().all(|field| field.name != common.name)))
    }
}

/// The schema of a kind; `None` for a kind that this version does not know.
#[must_use]
pub fn schema(kind: &Kind) -> Option<&'static Schema> {
    SCHEMAS.iter().find(|schema| schema.kind == kind.as_str())
}

/// The fields of a record that hold data about persons, by the schema of its kind: names, contacts, accounts of
/// interviews, extracts of registers (rule C1). A field of the same name in a kind that is not known counts as well.
#[must_use]
pub fn personal_fields<'a>(
    kind: &Kind,
    fields: impl IntoIterator<Item = &'a (String, Value)>,
) -> Vec<String> {
    let holds = |value: &Value| {
        let mut said = false;
        value.each_text(&mut |text| said |= !text.trim().is_empty());
        said
    };
    let marked = |name: &str| {
        PERSONAL.iter().any(|(of, field)| *field == name && (of.is_empty() || *of == kind.as_str()))
    };
    let personal = fields.into_iter().filter(|(name, value)| marked(name) && holds(value));
    personal.map(|(name, _)| name.clone()).collect()
}

/// Is it a report that is published, whatever its class? The step says so in its field `stage`.
#[must_use]
pub fn is_publication<'a>(kind: &Kind, fields: impl IntoIterator<Item = &'a (String, Value)>) -> bool {
    let published = |(name, value): &(String, Value)| {
        name == "stage" && matches!(value, Value::Text(stage) if stage == "published")
    };
    kind.as_str() == "visit-report" && fields.into_iter().any(published)
}

/// The records that a record's fields refer to, each once, at most [`limits::MAX_REFERENCES`]: in a kind of the
/// field and in any other, whatever text reads as the id of a record is one.
#[must_use]
pub fn references<'a>(fields: impl IntoIterator<Item = &'a (String, Value)>) -> Vec<RecordId> {
    let mut found: Vec<RecordId> = Vec::new();
    for (_, value) in fields {
        value.each_text(&mut |text| {
            if found.len() < limits::MAX_REFERENCES
                && let Ok(id) = text.trim().parse::<RecordId>()
                && !found.contains(&id)
            {
                found.push(id);
            }
        });
    }
    found
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
