//! Divergent views carried in the report of a visit: each as its author signed it, so that whoever reads the
//! report can check that nothing was changed.
//!
//! ```text
//! a divergent-view record ──RecordFile──▶ entry { author, text, record, signed } ──▶ field `divergent-views`
//! ```
//! Author and receivers ask [`carried`]; the author also asks whether any is missing.

use std::collections::BTreeMap;

use data_encoding::BASE64;

use crate::codec;
use crate::ids::RecordId;
use crate::record::RecordFile;
use crate::value::Value;

/// The field of a report that carries them.
pub const FIELD: &str = "divergent-views";
/// The kind of record that is carried.
pub const KIND: &str = "divergent-view";
/// Views in one report: each member has one.
const MAX_VIEWS: usize = 64;

/// Why a view does not stand in a report as it was signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DivergentError {
    /// Not the form of an entry.
    #[error(
        "an entry of `{FIELD}` has not the texts `author`, `text`, `record` and `signed`; let the node write it"
    )]
    Form,
    /// More than a report can carry.
    #[error("there are more than {MAX_VIEWS} divergent views")]
    TooMany,
    /// The signature does not hold.
    #[error("the signed view of {author} does not verify: {why}")]
    Signature {
        /// Whose, as the report says.
        author: String,
        /// Why not.
        why: String,
    },
    /// The words are not those that were signed.
    #[error("the view of {author} does not stand as it was signed: its {what} differs")]
    Changed {
        /// Whose.
        author: String,
        /// What differs.
        what: &'static str,
    },
}

/// What a view says, as one text: all its texts but the names of the records that it is about.
fn words(fields: &[(String, Value)]) -> String {
    let mut all = Vec::new();
    for (name, value) in fields.iter().filter(|(name, _)| name != "visit" && name != "report") {
        value.each_text(&mut |text| all.push((name.as_str(), text)));
    }
    all.into_iter().map(|(_, text)| text.trim()).collect::<Vec<_>>().join("\n\n")
}

/// The entry for a report.
///
/// # Errors
/// [`DivergentError::Signature`] if the file does not verify, or is of another kind.
pub fn entry(file: &RecordFile) -> Result<Value, DivergentError> {
    let failed = |why: String| DivergentError::Signature { author: "a member".into(), why };
    let (who, record) = file.verify().map_err(|e| failed(e.to_string()))?;
    if record.manifest().kind.as_str() != KIND {
        return Err(failed("it is a record of another kind".into()));
    }
    let text = |text: String| Value::Text(text);
    Ok(Value::Table(BTreeMap::from([
        ("author".to_owned(), text(who.organisation().name.clone())),
        ("text".to_owned(), text(words(record.fields()))),
        ("record".to_owned(), text(record.id().to_string())),
        ("signed".to_owned(), text(BASE64.encode(&codec::encode(file)))),
    ])))
}

/// The views that a report carries, each checked against its author's signature.
///
/// # Errors
/// [`DivergentError`] for the first that is not as it was signed.
pub fn carried(fields: &[(String, Value)]) -> Result<Vec<RecordId>, DivergentError> {
    let Some((_, value)) = fields.iter().find(|(name, _)| name == FIELD) else { return Ok(Vec::new()) };
    let entries = match value {
        Value::List(entries) => entries.as_slice(),
        one => core::slice::from_ref(one),
    };
    if entries.len() > MAX_VIEWS {
        return Err(DivergentError::TooMany);
    }
    entries.iter().map(check).collect()
}

fn check(shown: &Value) -> Result<RecordId, DivergentError> {
    let Value::Table(table) = shown else { return Err(DivergentError::Form) };
    let text = |name: &str| match table.get(name) {
        Some(Value::Text(text)) => Ok(text.as_str()),
        _ => Err(DivergentError::Form),
    };
    let (author, signed) = (text("author")?.to_owned(), text("signed")?);
    let failed = |why: String| DivergentError::Signature { author: author.clone(), why };
    let bytes = BASE64.decode(signed.as_bytes()).map_err(|e| failed(e.to_string()))?;
    let file: RecordFile = codec::decode(&bytes).map_err(|e| failed(e.to_string()))?;
    let Value::Table(expected) = entry(&file)? else { return Err(DivergentError::Form) };
    for what in ["author", "text", "record"] {
        if table.get(what) != expected.get(what) {
            return Err(DivergentError::Changed { author, what });
        }
    }
    text("record")?.parse().map_err(|_| DivergentError::Form)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::audience::Audience;
    use crate::handling::{Handling, Language, Sensitivity};
    use crate::identity::{OrgKind, introduce};
    use crate::ids::{LogId, NodeId, PartnershipId, Seq, Timestamp};
    use crate::record::{Content, sign_record};
    use crate::testing::Counter;
    use ed25519_dalek::SigningKey;

    fn signed(kind: &str, words: &str) -> RecordFile {
        let content = Content {
            kind: kind.parse().unwrap(),
            language: Language::undetermined(),
            sensitivity: Sensitivity::Partnership,
            handling: Handling::default(),
            created: Timestamp(1_790_000_000_000),
            replies_to: None,
            supersedes: None,
            references: Vec::new(),
            fields: vec![
                ("visit".into(), Value::Text(RecordId([1; 32]).to_string())),
                ("text".into(), Value::Text(words.into())),
            ],
            attachments: Vec::new(),
        };
        let (root, node) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
        let id = NodeId(node.verifying_key().to_bytes());
        let who = introduce(&root, "Watch", OrgKind::Cso, "GE", id, Timestamp(1_790_000_000_000)).unwrap();
        let place = (PartnershipId([1; 32]), Audience::Everyone, LogId([1; 32]), Seq(0));
        let parts = sign_record(&content, who.org(), &node, [7; 16], place, &mut Counter(1)).unwrap();
        RecordFile::new(who.to_introduction(), parts)
    }

    fn report(entry: Value) -> Vec<(String, Value)> {
        vec![("title".into(), Value::Text("R".into())), (FIELD.into(), Value::List(vec![entry]))]
    }

    #[test]
    fn a_view_stands_in_a_report_as_it_was_signed_or_not_at_all() {
        let good = entry(&signed(KIND, "We saw it otherwise.")).unwrap();
        let Value::Table(table) = good.clone() else { panic!() };
        assert_eq!(table["text"], Value::Text("We saw it otherwise.".into()));
        assert_eq!(carried(&report(good)).unwrap().len(), 1);
        for what in ["author", "text", "record"] {
            let mut changed = table.clone();
            changed.insert(what.into(), Value::Text("another".into()));
            let error = carried(&report(Value::Table(changed))).unwrap_err();
            assert!(matches!(error, DivergentError::Changed { what: it, .. } if it == what), "{error}");
        }
        let mut forged = table.clone();
        let Value::Text(bytes) = &table["signed"] else { panic!() };
        let mut raw = BASE64.decode(bytes.as_bytes()).unwrap();
        let at = raw.windows(9).position(|w| w == b"otherwise").unwrap();
        raw[at] = b'0';
        forged.insert("signed".into(), Value::Text(BASE64.encode(&raw)));
        assert!(matches!(carried(&report(Value::Table(forged))), Err(DivergentError::Signature { .. })));
        assert_eq!(carried(&report(Value::Text("words".into()))), Err(DivergentError::Form));
        assert_eq!(carried(&report(Value::Bool(true))[..1]), Ok(vec![]));
    }

    #[test]
    fn only_a_divergent_view_is_carried_as_one() {
        assert!(matches!(entry(&signed("contribution", "X")), Err(DivergentError::Signature { .. })));
    }
}
