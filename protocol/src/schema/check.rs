//! Does a record say what its kind should say?

use core::fmt;

use super::{COMMON, Field, FieldType, Need, Schema, schema};
use crate::handling::Kind;
use crate::ids::RecordId;
use crate::moment::Moment;
use crate::value::Value;
use crate::vocabulary::{Vocabularies, nearest};

/// What is checked.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// What it is.
    pub kind: &'a Kind,
    /// What it says.
    pub fields: &'a [(String, Value)],
    /// Does it reply to a record?
    pub replies: bool,
    /// Does it have attachments?
    pub attached: bool,
}

/// How bad a problem is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Weight {
    /// Worth a look; the record is kept.
    Odd,
    /// Its author's node refuses it.
    Wrong,
}

/// One problem.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// How bad it is.
    pub weight: Weight,
    /// The field; `None` for the whole record.
    pub field: Option<String>,
    /// What is wrong and what to write instead, in one sentence.
    pub reason: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "field `{field}` {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

/// All problems of a record, the wrong ones first. A kind that is not known has none that could be told.
#[must_use]
pub fn check(draft: Draft<'_>, vocabularies: &Vocabularies) -> Vec<Finding> {
    let mut found = Vec::new();
    match schema(draft.kind) {
        None => found.push(unknown_kind(draft.kind)),
        Some(schema) => {
            found.extend(missing(schema, draft));
            for (name, value) in draft.fields {
                match schema.field(name) {
                    Some(_) if is_empty(value) => {}
                    Some(field) => found.extend(look_at(field, value, vocabularies)),
                    None => found.extend(unknown_field(schema, name)),
                }
            }
        }
    }
    if says_nothing(draft) {
        let reason = "the record says nothing: give it a title or a text, or attach a file".into();
        found.push(Finding { weight: Weight::Wrong, field: None, reason });
    }
    found.sort_by_key(|finding| core::cmp::Reverse(finding.weight));
    found
}

fn says_nothing(draft: Draft<'_>) -> bool {
    let mut said = draft.attached;
    for (_, value) in draft.fields {
        said |= matches!(value, Value::Int(1..) | Value::Int(..=-1) | Value::Bool(true));
        value.each_text(&mut |text| said |= !text.trim().is_empty());
    }
    !said
}

/// Not filled in: as good as not there.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.trim().is_empty(),
        Value::List(items) => items.is_empty(),
        _ => false,
    }
}

fn unknown_kind(kind: &Kind) -> Finding {
    let known = super::SCHEMAS.iter().map(|schema| schema.kind);
    let meant = nearest(kind.as_str(), known).map(|k| format!("; did you mean `{k}`?")).unwrap_or_default();
    let reason =
        format!("this version does not know the kind `{kind}`; it is kept and shown as it is{meant}");
    Finding { weight: Weight::Odd, field: None, reason }
}

fn missing(schema: &Schema, draft: Draft<'_>) -> Vec<Finding> {
    let here = |name: &str| draft.fields.iter().any(|(field, value)| field == name && !is_empty(value));
    let wanted = |field: &&Field| match field.need {
        Need::Required => true,
        Need::OrReply => !draft.replies,
        Need::Optional => false,
    };
    let absent = schema.fields.iter().filter(wanted).filter(|field| !here(field.name));
    absent
        .map(|field| {
            let or = if field.need == Need::OrReply { ", or reply to it (`replies_to`)" } else { "" };
            let reason = format!("is missing: {}. Write {}{or}", field.help, field.holds.words());
            Finding { weight: Weight::Wrong, field: Some(field.name.into()), reason }
        })
        .collect()
}

fn unknown_field(schema: &Schema, name: &str) -> Option<Finding> {
    if crate::kinds::stays_at_home(name) {
        return None;
    }
    let names = schema.fields.iter().chain(COMMON).map(|field| field.name);
    let meant = nearest(&name.replace('_', "-"), names);
    let meant = meant.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
    let reason = format!("is none that the kind `{}` has; it is kept and shown as it is{meant}", schema.kind);
    Some(Finding { weight: Weight::Odd, field: Some(name.into()), reason })
}

fn look_at(field: &Field, value: &Value, vocabularies: &Vocabularies) -> Vec<Finding> {
    if !fits(field.holds, value) {
        let reason = format!("is {}, and should be {}", what(value), field.holds.words());
        return vec![Finding { weight: Weight::Wrong, field: Some(field.name.into()), reason }];
    }
    field.holds.vocabulary().map(|name| terms(field, name, value, vocabularies)).unwrap_or_default()
}

fn fits(holds: FieldType, value: &Value) -> bool {
    let text = |value: &Value| matches!(value, Value::Text(_));
    let record =
        |value: &Value| matches!(value, Value::Text(text) if text.trim().parse::<RecordId>().is_ok());
    let one_or_more = |one: &dyn Fn(&Value) -> bool| match value {
        Value::List(items) => items.iter().all(one),
        other => one(other),
    };
    match holds {
        FieldType::Text | FieldType::Term(_) | FieldType::RecordOrText => text(value),
        FieldType::Texts | FieldType::Terms(_) => one_or_more(&text),
        FieldType::Date => Moment::of(value).is_some(),
        FieldType::YesNo => matches!(value, Value::Bool(_)),
        FieldType::Number => matches!(value, Value::Int(n) if *n >= 0),
        FieldType::Names => match value {
            Value::Table(names) => names.values().all(text),
            other => one_or_more_names(other),
        },
        FieldType::Record => record(value),
        FieldType::Records => one_or_more(&record),
        FieldType::Tables => one_or_more(&|value| matches!(value, Value::Table(_))),
    }
}

fn one_or_more_names(value: &Value) -> bool {
    match value {
        Value::Text(_) => true,
        Value::List(items) => items.iter().all(|item| matches!(item, Value::Text(_))),
        _ => false,
    }
}

/// What a value is, in words, without repeating it where it may be long or confidential.
fn what(value: &Value) -> String {
    match value {
        Value::Bool(yes) => yes.to_string(),
        Value::Int(n) => format!("the number {n}"),
        Value::Text(text) if text.chars().count() <= 60 => format!("\u{201c}{text}\u{201d}"),
        Value::Text(_) => "a longer text".into(),
        Value::List(_) => "a list with something else in it".into(),
        Value::Table(_) => "a table".into(),
    }
}

fn terms(field: &Field, name: &str, value: &Value, vocabularies: &Vocabularies) -> Vec<Finding> {
    let Some(vocabulary) = vocabularies.get(name) else { return Vec::new() };
    let mut found = Vec::new();
    value.each_text(&mut |text| {
        if vocabulary.term(text).is_none() {
            let short: String = text.chars().take(60).collect();
            let meant = vocabulary.like(text).map(|t| format!("; did you mean `{t}`?")).unwrap_or_default();
            let reason = format!(
                "says \u{201c}{short}\u{201d}, which is no term of `{name}`; it is kept as it is{meant}"
            );
            found.push(Finding { weight: Weight::Odd, field: Some(field.name.into()), reason });
        }
    });
    found
}
