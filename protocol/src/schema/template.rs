//! A draft to fill in, for each kind.

use super::{Field, FieldType, Need, Schema};
use crate::handling::Kind;
use crate::kinds;

/// A draft to fill in, and what to know about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template {
    /// JSON, with every field; what is left empty counts as not there.
    pub draft: String,
    /// What each field is for, one line each.
    pub help: Vec<String>,
}

/// The draft to fill in for a kind; `None` for a kind that is not known.
#[must_use]
pub fn template(kind: &Kind) -> Option<Template> {
    let schema = super::schema(kind)?;
    let facts = kinds::known(kind)?;
    let fields: Vec<&Field> = schema.all_fields().collect();
    let mut draft = format!("{{\n  \"kind\": \"{kind}\",\n  \"language\": \"en\",\n");
    draft.push_str(&format!("  \"sensitivity\": \"{}\",\n  \"fields\": {{\n", facts.sensitivity.as_str()));
    for (number, field) in fields.iter().enumerate() {
        let comma = if number + 1 < fields.len() { "," } else { "" };
        draft.push_str(&format!("    \"{}\": {}{comma}\n", field.name, example(field.holds)));
    }
    draft.push_str("  }\n}\n");
    Some(Template { draft, help: help(schema, facts, &fields) })
}

fn help(schema: &Schema, facts: &kinds::KindFacts, fields: &[&Field]) -> Vec<String> {
    let mut help = vec![schema.purpose.to_owned()];
    help.push(format!(
        "Written by {}; its class is {} unless you change it. Delete what you do not need.",
        facts.authors.words(),
        facts.sensitivity.as_str()
    ));
    for field in fields {
        let need = match field.need {
            Need::Required => "; required",
            Need::OrReply => "; required, unless it replies to that record",
            Need::Optional => "",
        };
        help.push(format!("{}: {} ({}{need})", field.name, field.help, field.holds.words()));
    }
    help
}

fn example(holds: FieldType) -> &'static str {
    match holds {
        FieldType::Text
        | FieldType::Date
        | FieldType::Term(_)
        | FieldType::Record
        | FieldType::RecordOrText => "\"\"",
        FieldType::Texts | FieldType::Terms(_) | FieldType::Records | FieldType::Tables => "[]",
        FieldType::YesNo => "false",
        FieldType::Number => "0",
        FieldType::Names => "{\"en\": \"\"}",
    }
}
