use proptest::prelude::*;

use super::*;
use crate::kinds::KINDS;
use crate::vocabulary::Vocabularies;

fn kind(name: &str) -> Kind {
    name.parse().unwrap()
}

fn fields(json: serde_json::Value) -> Vec<(String, Value)> {
    let table = json.as_object().unwrap();
    table.iter().map(|(name, value)| (name.clone(), Value::from_json(value).unwrap())).collect()
}

fn findings(name: &str, json: serde_json::Value) -> Vec<Finding> {
    let fields = fields(json);
    check(
        Draft { kind: &kind(name), fields: &fields, replies: false, attached: false },
        Vocabularies::shipped(),
    )
}

fn wrong(name: &str, json: serde_json::Value) -> Vec<String> {
    let all = findings(name, json).into_iter();
    all.filter(|f| f.weight == Weight::Wrong).map(|f| f.to_string()).collect()
}

#[test]
fn every_kind_has_a_schema_and_every_vocabulary_that_it_names_is_shipped() {
    let kinds: Vec<&str> = KINDS.iter().map(|k| k.name).collect();
    let schemas: Vec<&str> = SCHEMAS.iter().map(|s| s.kind).collect();
    assert_eq!(kinds, schemas);
    for schema in SCHEMAS {
        let mut names: Vec<&str> = schema.all_fields().map(|f| f.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), schema.all_fields().count(), "{}", schema.kind);
        for field in schema.all_fields() {
            assert!(!field.help.is_empty() && !field.help.contains('\n'), "{}.{}", schema.kind, field.name);
            if let Some(vocabulary) = field.holds.vocabulary() {
                assert!(Vocabularies::shipped().get(vocabulary).is_some(), "{vocabulary}");
            }
        }
    }
}

#[test]
fn what_a_kind_cannot_do_without_is_asked_for_by_name() {
    let reasons = wrong("status-assessment", serde_json::json!({ "title": "T" }));
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(reasons[0].contains("`recommendation` is missing") && reasons[0].contains("replies_to"));
    assert!(reasons[1].contains("`status` is missing"));
    let said = fields(serde_json::json!({ "status": "promised" }));
    let replying = Draft { kind: &kind("status-assessment"), fields: &said, replies: true, attached: false };
    assert_eq!(check(replying, Vocabularies::shipped()), []);
    assert_eq!(wrong("motion", serde_json::json!({ "question": "?" })).len(), 2);
    assert_eq!(wrong("training", serde_json::json!({ "title": "T" })), Vec::<String>::new());
}

#[test]
fn each_type_is_told_from_the_others() {
    let cases = [
        ("recommendation", "due", serde_json::json!("2026-02-30"), false),
        ("recommendation", "due", serde_json::json!("2026-02-28"), true),
        ("recommendation", "due", serde_json::json!(true), false),
        ("recommendation", "title", serde_json::json!(1), false),
        ("recommendation", "themes", serde_json::json!("health-care"), true),
        ("recommendation", "themes", serde_json::json!(["health-care", 1]), false),
        ("recommendation", "repeats", serde_json::json!("the last one"), false),
        ("place", "capacity", serde_json::json!(-1), false),
        ("place", "capacity", serde_json::json!(120), true),
        ("place", "private-operator", serde_json::json!("no"), false),
        ("place", "names", serde_json::json!({ "ka": "ციხე", "en": "prison" }), true),
        ("place", "names", serde_json::json!({ "ka": 1 }), false),
        ("visit-report", "divergent-views", serde_json::json!([{ "text": "no" }]), true),
        ("visit-report", "divergent-views", serde_json::json!(["no"]), false),
    ];
    for (kind, field, value, fine) in cases {
        let reasons = wrong(kind, serde_json::json!({ "summary": "S", field: value }));
        assert_eq!(reasons.is_empty(), fine, "{kind}.{field}: {reasons:?}");
        assert!(fine || reasons[0].contains("should be"), "{reasons:?}");
    }
}

#[test]
fn a_mistyped_field_or_term_is_kept_and_its_like_is_named() {
    let odd =
        findings("submission", serde_json::json!({ "urgncy": "hihg", "urgency": "hihg", "private": 1 }));
    let words: Vec<String> = odd.iter().map(ToString::to_string).collect();
    assert!(odd.iter().all(|f| f.weight == Weight::Odd), "{words:?}");
    assert!(words.iter().any(|w| w.contains("did you mean `urgency`?")), "{words:?}");
    assert!(
        words.iter().any(|w| w.contains("`private` is none") && !w.contains("did you mean")),
        "{words:?}"
    );
    assert!(findings("submission", serde_json::json!({ "source": "X", "own-note": "Y" })).is_empty());
}

#[test]
fn a_kind_from_a_newer_partner_is_kept_and_a_record_that_says_nothing_is_not() {
    let odd = findings("weather-report", serde_json::json!({ "rain": true }));
    assert_eq!(odd.len(), 1);
    assert_eq!(odd[0].weight, Weight::Odd);
    assert_eq!(wrong("weather-report", serde_json::json!({ "title": " " })).len(), 1);
    assert_eq!(wrong("material", serde_json::json!({})).len(), 1);
    assert_eq!(
        wrong("place", serde_json::json!({ "capacity": 0, "names": { "en": "" }, "title": "" })).len(),
        1
    );
    assert_eq!(
        wrong("authority-reply", serde_json::json!({ "recommendation": "", "text": "T" })).len(),
        1,
        "empty is missing"
    );
    let attached = Draft { kind: &kind("material"), fields: &[], replies: false, attached: true };
    assert_eq!(check(attached, Vocabularies::shipped()), []);
}

#[test]
fn references_are_found_in_any_kind_and_field_each_once() {
    let id = RecordId([7; 32]);
    let other = RecordId([8; 32]);
    let said = fields(serde_json::json!({
        "a": id.to_string(), "b": [{ "c": format!(" {other} ") }, id.to_string()], "d": "no id at all",
    }));
    assert_eq!(references(&said), [id, other]);
    let many: Vec<(String, Value)> = (0..=255u8)
        .flat_map(|n| [RecordId([n; 32]), RecordId([n, 1].repeat(16).try_into().unwrap())])
        .map(|id| ("f".to_owned(), Value::Text(id.to_string())))
        .collect();
    assert_eq!(references(&many).len(), limits::MAX_REFERENCES);
}

#[test]
fn every_template_is_json_that_its_own_schema_takes() {
    for schema in SCHEMAS {
        let template = template(&kind(schema.kind)).unwrap();
        let json: serde_json::Value = serde_json::from_str(&template.draft).unwrap();
        assert_eq!(json["kind"], schema.kind);
        let filled = fields(json["fields"].clone()).into_iter();
        // Where a record is named, a person fills in its id.
        let empty = |holds| matches!(holds, FieldType::Record | FieldType::RecordOrText);
        let filled: Vec<_> = filled
            .map(|(name, value)| match schema.field(&name).unwrap().holds {
                holds if empty(holds) => (name, Value::Text(RecordId([1; 32]).to_string())),
                FieldType::Text | FieldType::Term(_) => (name, Value::Text("words".into())),
                FieldType::Date => (name, Value::Text("2026-12-31".into())),
                _ => (name, value),
            })
            .collect();
        let draft = Draft { kind: &kind(schema.kind), fields: &filled, replies: false, attached: false };
        let wrong: Vec<_> =
            check(draft, Vocabularies::shipped()).into_iter().filter(|f| f.weight == Weight::Wrong).collect();
        assert_eq!(wrong, [], "{}", schema.kind);
        assert_eq!(template.help.len(), 2 + schema.all_fields().count());
    }
    assert!(template(&kind("weather-report")).is_none());
}

proptest! {
    #[test]
    fn nothing_makes_the_check_panic(kind in "[a-z][a-z-]{0,20}", name in ".{1,30}", text in ".{0,200}") {
        let fields = [(name, Value::List(vec![Value::Text(text), Value::Int(-1)]))];
        let kind: Kind = kind.parse().unwrap();
        let _ = check(Draft { kind: &kind, fields: &fields, replies: false, attached: false }, Vocabularies::shipped());
    }
}
