//! A redacted copy that is passed on: a record that carries another's record as its author signed it, in parts.
//!
//! ```text
//! RedactedFile ──entry──▶ field `redacted-copy`: who wrote and who redacted it, what is left in words, the signed bytes
//! ```
//! Author's and receivers' nodes ask [`carried`], whether all of it stands as it was signed, and [`permit`], whether it
//! may go on: as the original's author allows (C6), not before its embargo, of a person only what a consent allows (C1,
//! C7), and never what is confidential by its kind (C3, C4). What no receiver can see, such as a grant by the author,
//! the node of who passes it on asks besides.

use std::collections::BTreeMap;

use data_encoding::BASE64;

use crate::codec;
use crate::handling::{ANONYMISED, IDENTIFIABLE, Onward};
use crate::kinds;
use crate::policy::{RecordFacts, Refusal, RefusalCode};
use crate::redaction::{Place, RedactedFile, VerifiedCopy};
use crate::schema;
use crate::value::Value;

/// The field that carries it.
pub const FIELD: &str = "redacted-copy";

/// The parts of an entry that tell what the signed bytes hold, beside these.
const TOLD: [&str; 5] = ["author", "kind", "record", "redacted-by", "text"];

/// Why a copy does not stand in a record as it was signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PassedError {
    /// Not the form of an entry.
    #[error(
        "the field `{FIELD}` is not one redacted copy as `record pass-on` writes it. Make it anew from the file"
    )]
    Form,
    /// A signature does not hold.
    #[error("the redacted copy does not verify: {0}. Ask for a fresh one")]
    Signature(String),
    /// It says something else than was signed.
    #[error("the redacted copy does not stand as it was signed: its {0} differs. Make it anew from the file")]
    Changed(&'static str),
}

/// What is left of the record, in words: what is missing and whose words stand there is said in its place.
fn words(copy: &VerifiedCopy) -> String {
    let redactor = &copy.redactor().organisation().name;
    let texts = |value: &Value| {
        let mut all: Vec<String> = Vec::new();
        value.each_text(&mut |text| all.push(text.trim().to_owned()));
        all.join("; ")
    };
    let line = |place: &Place| match place {
        Place::Shown(name, value) => format!("{name}: {}", texts(value)),
        Place::LeftOut(Some(name)) => format!("{name}: [left out by {redactor}]"),
        Place::LeftOut(None) => format!("[left out by {redactor}]"),
        Place::Replaced(name, value) => {
            let name = name.as_deref().unwrap_or("a field");
            format!("{name}: [in the words of {redactor}: {}]", texts(value))
        }
    };
    copy.places().iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The field's value for a copy.
///
/// # Errors
/// [`PassedError::Signature`] if the file does not verify.
pub fn entry(file: &RedactedFile) -> Result<Value, PassedError> {
    let copy = file.verify().map_err(|e| PassedError::Signature(e.to_string()))?;
    let manifest = copy.record().manifest();
    let table = [
        ("author", copy.author().organisation().name.clone()),
        ("kind", manifest.kind.to_string()),
        ("record", copy.record().id().to_string()),
        ("redacted-by", copy.redactor().organisation().name.clone()),
        ("text", words(&copy)),
        ("signed", BASE64.encode(&codec::encode(file))),
    ];
    let table = table.into_iter().map(|(name, text)| (name.to_owned(), Value::Text(text)));
    Ok(Value::List(vec![Value::Table(table.collect::<BTreeMap<_, _>>())]))
}

/// The copy that a record carries, with both signatures checked; nothing if it carries none.
///
/// # Errors
/// [`PassedError`] if it does not stand there as it was signed.
pub fn carried(fields: &[(String, Value)]) -> Result<Option<VerifiedCopy>, PassedError> {
    let Some((_, value)) = fields.iter().find(|(name, _)| name == FIELD) else { return Ok(None) };
    let table = match value {
        Value::List(entries) => match entries.as_slice() {
            [Value::Table(table)] => table,
            _ => return Err(PassedError::Form),
        },
        _ => return Err(PassedError::Form),
    };
    let Some(Value::Text(signed)) = table.get("signed") else { return Err(PassedError::Form) };
    let failed = |why: String| PassedError::Signature(why);
    let bytes = BASE64.decode(signed.as_bytes()).map_err(|e| failed(e.to_string()))?;
    let file: RedactedFile = codec::decode(&bytes).map_err(|e| failed(e.to_string()))?;
    let expected = entry(&file)?;
    let expected = match &expected {
        Value::List(entries) => entries.first(),
        _ => None,
    };
    let Some(Value::Table(expected)) = expected else { return Err(PassedError::Form) };
    for what in TOLD {
        if table.get(what) != expected.get(what) {
            return Err(PassedError::Changed(what));
        }
    }
    if table.len() != expected.len() {
        return Err(PassedError::Form);
    }
    file.verify().map(Some).map_err(|e| failed(e.to_string()))
}

/// May a record with these facts carry this copy? Only what the copy itself says is asked.
#[must_use]
pub fn permit(copy: &VerifiedCopy, facts: &RecordFacts) -> Vec<Refusal> {
    let manifest = copy.record().manifest();
    let author = &copy.author().organisation().name;
    let mut refusals = Vec::new();
    let mut refuse = |code, reason: String| refusals.push(Refusal { code, reason });
    if let Some(known) = kinds::known(&manifest.kind).filter(|known| known.confidential) {
        let what = known.plural;
        let reason = format!(
            "{what} are confidential, and no copy of them is passed on. Write what is needed as a record of another kind"
        );
        refuse(RefusalCode::Confidential, reason);
    }
    let (theirs, ours) = (manifest.handling.onward, facts.handling.onward);
    if manifest.author != facts.author {
        let at_most = if theirs == Onward::Ask { Onward::Never } else { theirs };
        if theirs == Onward::Never {
            refuse(
                RefusalCode::Onward,
                format!("{author} allows nobody to pass it on. Ask it to share the record itself"),
            );
        } else if ours > at_most {
            let at_most = at_most.as_str();
            let reason = format!(
                "{author} does not allow others to pass it on in their turn. Set passing on to {at_most}"
            );
            refuse(RefusalCode::Onward, reason);
        }
        if manifest.handling.embargo_until.is_some_and(|until| until > facts.created) {
            refuse(
                RefusalCode::Embargo,
                format!("{author} put an embargo on it, which was not over. Write the record when it is"),
            );
        }
    }
    let shown = copy.record().fields();
    let personal = schema::personal_fields(&manifest.kind, shown);
    let allowed = |purpose| manifest.handling.allows(purpose);
    if manifest.handling.personal_data && !allowed(ANONYMISED) && !allowed(IDENTIFIABLE) {
        let reason = format!(
            "it tells of a person, whose consent is not known to allow the use {ANONYMISED}. Ask {author}"
        );
        refuse(RefusalCode::Consent, reason);
    } else if facts.is_published() && !personal.is_empty() && !allowed(IDENTIFIABLE) {
        let fields = personal.join(", ");
        let reason = format!(
            "it is for the public and shows data about persons ({fields}), and no consent is known to allow the use \
             {IDENTIFIABLE}. Leave these fields out of the copy"
        );
        refuse(RefusalCode::Consent, reason);
    }
    refusals
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::audience::Audience;
    use crate::handling::{Handling, Language, Sensitivity};
    use crate::identity::{OrgKind, introduce};
    use crate::ids::{LogId, NodeId, OrgId, PartnershipId, Seq, Timestamp};
    use crate::record::{Content, sign_record};
    use crate::redaction::{Cuts, redact};
    use crate::testing::Counter;
    use ed25519_dalek::SigningKey;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    fn copy_of(kind: &str, handling: Handling) -> RedactedFile {
        let content = Content {
            kind: kind.parse().unwrap(),
            language: Language::undetermined(),
            sensitivity: Sensitivity::Partnership,
            handling,
            created: NOW,
            replies_to: None,
            supersedes: None,
            references: Vec::new(),
            fields: [("findings", "Too hot."), ("staff", "A SECRET"), ("contact", "a village")]
                .map(|(name, text)| (name.to_owned(), Value::Text(text.to_owned())))
                .to_vec(),
            attachments: Vec::new(),
        };
        let who = |n: u8, name: &str| {
            let (root, node) = (SigningKey::from_bytes(&[n; 32]), SigningKey::from_bytes(&[n + 1; 32]));
            let id = NodeId(node.verifying_key().to_bytes());
            (introduce(&root, name, OrgKind::Cso, "GE", id, NOW).unwrap(), node)
        };
        let ((author, key), (redactor, its_key)) = (who(1, "Office"), who(3, "Rights"));
        let place = (PartnershipId([1; 32]), Audience::Everyone, LogId([1; 32]), Seq(0));
        let parts = sign_record(&content, author.org(), &key, [7; 16], place, &mut Counter(1)).unwrap();
        let cuts = Cuts { fields: ["staff".to_owned()].into(), ..Cuts::default() };
        let by = (redactor.to_introduction(), &its_key);
        redact(author.to_introduction(), parts, &cuts, by, (redactor.org(), NOW)).unwrap()
    }

    fn with(value: Value) -> Vec<(String, Value)> {
        vec![(FIELD.to_owned(), value)]
    }

    #[test]
    fn a_copy_is_carried_as_it_was_signed_or_not_at_all_and_says_what_is_missing_and_who_left_it_out() {
        assert_eq!(carried(&[]), Ok(None));
        let good = entry(&copy_of("baseline", Handling::default())).unwrap();
        assert!(carried(&with(good.clone())).unwrap().is_some());
        let Value::List(entries) = good else { panic!() };
        let [Value::Table(table)] = entries.as_slice() else { panic!() };
        let Value::Text(text) = &table["text"] else { panic!() };
        assert!(
            text.contains("staff: [left out by Rights]") && text.contains("findings: Too hot."),
            "{text}"
        );
        assert!(!text.contains("SECRET"));
        for what in TOLD {
            let mut changed = table.clone();
            changed.insert(what.to_owned(), Value::Text("another".into()));
            let told = carried(&with(Value::List(vec![Value::Table(changed)])));
            assert_eq!(told, Err(PassedError::Changed(what)));
        }
        let mut more = table.clone();
        more.insert("note".into(), Value::Text("as if it were part of it".into()));
        assert_eq!(carried(&with(Value::List(vec![Value::Table(more)]))), Err(PassedError::Form));
        let Value::Text(signed) = &table["signed"] else { panic!() };
        let mut bytes = BASE64.decode(signed.as_bytes()).unwrap();
        let at = bytes.windows(7).position(|w| w == b"Too hot").unwrap();
        bytes[at] = b'N';
        let mut forged = table.clone();
        forged.insert("signed".into(), Value::Text(BASE64.encode(&bytes)));
        let told = carried(&with(Value::List(vec![Value::Table(forged)])));
        assert!(matches!(told, Err(PassedError::Signature(_))), "{told:?}");
        for wrong in [Value::Text("words".into()), Value::List(Vec::new()), Value::Table(table.clone())] {
            assert_eq!(carried(&with(wrong)), Err(PassedError::Form));
        }
    }

    #[test]
    fn a_copy_goes_on_as_its_author_and_the_person_allow_and_never_of_what_is_confidential() {
        let codes = |kind: &str, of: Handling, by: OrgId, onward: Onward, sensitivity: Sensitivity| {
            let copy = copy_of(kind, of).verify().unwrap();
            let facts = RecordFacts {
                kind: "material".parse().unwrap(),
                author: by,
                audience: Audience::Everyone,
                sensitivity,
                handling: Handling { onward, ..Handling::default() },
                created: NOW,
                attachments: 0,
                personal: Vec::new(),
                publication: false,
            };
            permit(&copy, &facts).iter().map(|r| r.code.as_str()).collect::<Vec<_>>()
        };
        let author = copy_of("baseline", Handling::default()).verify().unwrap().author().org();
        let other = OrgId([9; 32]);
        let may = |onward| Handling { onward, ..Handling::default() };
        let of_a_person = |uses: Option<&str>| Handling {
            personal_data: true,
            consent: Some("C-1".into()),
            uses: uses.map(|u| vec![u.to_owned()]),
            ..may(Onward::Allowed)
        };
        let (never, all) = (Onward::Never, Sensitivity::Partnership);
        for (kind, of, by, onward, class, expected) in [
            ("baseline", may(Onward::Never), other, never, all, vec!["E-ONWARD"]),
            ("baseline", may(Onward::Never), author, never, all, vec![]),
            ("baseline", may(Onward::Ask), other, never, all, vec![]),
            ("baseline", may(Onward::Ask), other, Onward::Ask, all, vec!["E-ONWARD"]),
            ("baseline", may(Onward::Allowed), other, Onward::Allowed, all, vec![]),
            ("notes", may(Onward::Allowed), author, never, all, vec!["E-CONFIDENTIAL"]),
            ("baseline", of_a_person(None), other, never, all, vec!["E-CONSENT"]),
            ("baseline", of_a_person(Some("reports")), author, never, all, vec!["E-CONSENT"]),
            ("baseline", of_a_person(Some(ANONYMISED)), other, never, all, vec![]),
            ("baseline", of_a_person(Some(ANONYMISED)), other, never, Sensitivity::Public, vec!["E-CONSENT"]),
            ("baseline", of_a_person(Some(IDENTIFIABLE)), other, never, Sensitivity::Public, vec![]),
            ("baseline", may(Onward::Allowed), other, never, Sensitivity::Public, vec!["E-CONSENT"]),
        ] {
            assert_eq!(
                codes(kind, of.clone(), by, onward, class),
                expected,
                "{kind} {of:?} {onward:?} {class:?}"
            );
        }
        let embargoed = Handling { embargo_until: Some(NOW.plus_days(1)), ..may(Onward::Allowed) };
        assert_eq!(codes("baseline", embargoed.clone(), other, never, all), ["E-EMBARGO"]);
        assert_eq!(codes("baseline", embargoed, author, never, all), Vec::<&str>::new());
    }
}
