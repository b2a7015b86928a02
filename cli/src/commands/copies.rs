//! Signed copies in files, verified without any node: whole records, and redacted ones.

use entente_node::api::types::Problem;
use entente_protocol::codec;
use entente_protocol::identity::Introduced;
use entente_protocol::passed;
use entente_protocol::record::{RecordFile, VerifiedRecord};
use entente_protocol::redaction::{Place, RedactedFile, Treated, VerifiedCopy};
use serde_json::{Map, Value, json};

use super::say::Statement;
use super::{drafts, words};
use crate::args::PassOnArgs;
use crate::output::Page;
use crate::problem::{Exit, FINDINGS, problem, usage};
use crate::{Context, times};

/// Bytes of a redacted copy that is passed on: with the base64 of it, about as much as a record holds.
const MAX_COPY: usize = 190 * 1024;

/// Verifies a signed copy, and says what it shows.
///
/// # Errors
/// With exit code 6 if it does not verify.
pub(super) fn verify_file(bytes: &[u8]) -> Result<Value, Problem> {
    let whole: Result<RecordFile, _> = codec::decode(bytes);
    match whole {
        Ok(file) => {
            let (who, record) =
                file.verify().map_err(|e| not_verified(format!("it does not verify: {e}")))?;
            Ok(Value::Object(facts(&who, &record)))
        }
        Err(error) => {
            let copy: RedactedFile = codec::decode(bytes)
                .map_err(|_| not_verified(format!("this is no intact record file: {error}")))?;
            let copy = copy.verify().map_err(|e| not_verified(format!("it does not verify: {e}")))?;
            Ok(redacted(&copy))
        }
    }
}

/// Shares a record that carries a redacted copy.
pub(super) async fn pass_on(context: &Context, args: &PassOnArgs) -> Result<Exit, Problem> {
    let bytes = drafts::read_bounded(&args.file, MAX_COPY)?;
    let file: RedactedFile = codec::decode(&bytes).map_err(|e| {
        usage(format!("this is no redacted copy: {e}"), "make one with entente record redact")
    })?;
    let copy = file.verify().map_err(|e| not_verified(format!("it does not verify: {e}")))?;
    let entry = passed::entry(&file).map_err(|e| not_verified(e.to_string()))?;
    let title = args.title.clone().unwrap_or_else(|| {
        let kind = &copy.record().manifest().kind;
        format!("{kind} by {}, redacted", copy.author().organisation().name)
    });
    let said = Statement::within("material", &args.partnership).with("title", title);
    said.with(passed::FIELD, entry.to_json()).said(context, &args.say).await
}

fn not_verified(what: String) -> Problem {
    problem(
        FINDINGS,
        "not-verified",
        what,
        "nothing in this file may be relied on",
        "ask for a fresh copy: `entente record export ID FILE`, or `record redact`",
    )
}

fn facts(who: &Introduced, record: &VerifiedRecord) -> Map<String, Value> {
    let manifest = record.manifest();
    let (hidden_fields, hidden_attachments) = record.hidden();
    let fields: Vec<Value> = record
        .fields()
        .iter()
        .map(|(name, value)| json!({ "name": name, "value": value.to_json() }))
        .collect();
    let facts = json!({
        "verified": true,
        "record": record.id(),
        "kind": manifest.kind,
        "author": party(who),
        "fingerprint": entente_node::fingerprint::words(&manifest.author),
        "node": manifest.node,
        "created": manifest.created,
        "language": manifest.language,
        "sensitivity": manifest.sensitivity,
        "handling": manifest.handling,
        "fields": fields,
        "left_out": { "fields": hidden_fields, "attachments": hidden_attachments },
    });
    match facts {
        Value::Object(facts) => facts,
        _ => Map::new(),
    }
}

fn party(who: &Introduced) -> Value {
    let organisation = who.organisation();
    json!({ "id": organisation.id, "name": organisation.name, "country": organisation.country })
}

fn redacted(copy: &VerifiedCopy) -> Value {
    let mut facts = facts(copy.author(), copy.record());
    let redaction = copy.redaction();
    let mut by = party(copy.redactor());
    by["fingerprint"] = entente_node::fingerprint::words(&redaction.redactor).into();
    by["when"] = json!(redaction.when);
    by["reason"] = json!(redaction.reason);
    facts.insert("redacted_by".into(), by);
    facts.insert("places".into(), copy.places().iter().map(place).collect());
    let out = |a: &&Treated| !a.shown;
    let files: Vec<Value> = redaction.attachments.iter().filter(out).map(|a| json!(a.name)).collect();
    facts.insert("attachments_left_out".into(), files.into());
    Value::Object(facts)
}

fn place(place: &Place) -> Value {
    match place {
        Place::Shown(name, value) => json!({ "state": "shown", "name": name, "value": value.to_json() }),
        Place::LeftOut(name) => json!({ "state": "left-out", "name": name }),
        Place::Replaced(name, value) => {
            json!({ "state": "replaced", "name": name, "value": value.to_json() })
        }
    }
}

/// Shows what was verified.
pub(super) fn paint(page: &mut Page, verified: &Value) {
    page.heading("It verifies");
    let text = |key: &str| words::value(&verified[key]);
    for key in ["kind", "record"] {
        page.item(key, &text(key));
    }
    page.item("author", &named(&verified["author"]));
    page.item("fingerprint", &text("fingerprint"));
    page.item("dated", &dated(&verified["created"]));
    page.item("language", &text("language"));
    page.item("sensitivity", &text("sensitivity"));
    let by = &verified["redacted_by"];
    if by.is_object() {
        page.heading("Redacted");
        page.item("by", &named(by));
        page.item("fingerprint", &words::value(&by["fingerprint"]));
        page.item("when", &dated(&by["when"]));
        page.item("why", by["reason"].as_str().unwrap_or_default());
    }
    page.heading("Content");
    for place in verified["places"].as_array().or_else(|| verified["fields"].as_array()).into_iter().flatten()
    {
        let name = place["name"].as_str().unwrap_or("(a field)");
        match place["state"].as_str() {
            Some("left-out") => page.item(name, "[left out by the redactor]"),
            Some("replaced") => {
                page.item(name, &format!("[the redactor's words] {}", words::value(&place["value"])));
            }
            _ => page.item(name, &words::value(&place["value"])),
        }
    }
    let out = &verified["left_out"];
    if out["fields"] != json!(0) || out["attachments"] != json!(0) {
        page.gap();
        page.line(&format!("Left out: {} fields, {} attachments.", out["fields"], out["attachments"]));
    }
    for name in verified["attachments_left_out"].as_array().into_iter().flatten() {
        page.point(name.as_str().unwrap_or("(a file)"));
    }
}

fn named(who: &Value) -> String {
    format!("{} ({})", words::value(&who["name"]), words::value(&who["country"]))
}

fn dated(when: &Value) -> String {
    serde_json::from_value(when.clone()).map(times::local).unwrap_or_default()
}
