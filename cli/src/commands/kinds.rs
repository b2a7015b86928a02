//! `entente record kinds`, `template` and `vocabulary`: what can be written, and with which words.

use std::collections::BTreeMap;

use entente_node::api::types::{PartnershipView, Problem};
use entente_protocol::agreement::Agreement;
use entente_protocol::handling::Kind;
use entente_protocol::kinds;
use entente_protocol::schema::{self, SCHEMAS};
use entente_protocol::vocabulary::{Vocabularies, Vocabulary};
use serde_json::json;

use crate::Context;
use crate::args::KindCommand;
use crate::client::route;
use crate::problem::{self, Exit, NOT_FOUND, problem};

/// Dispatches.
pub(super) async fn kind(context: &Context, command: KindCommand) -> Result<Exit, Problem> {
    match command {
        KindCommand::Kinds => kinds_known(context),
        KindCommand::Template { kind } => template(context, &kind),
        KindCommand::Vocabulary { name, partnership } => {
            vocabulary(context, name.as_deref(), partnership.as_deref()).await
        }
    }
}

fn kinds_known(context: &Context) -> Result<Exit, Problem> {
    let known = || SCHEMAS.iter().filter_map(|s| Some((s, kinds::known(&s.kind.parse().ok()?)?)));
    let all: Vec<_> = known()
        .map(|(schema, facts)| {
            let fields: BTreeMap<&str, _> = schema
                .all_fields()
                .map(|f| (f.name, json!({ "holds": f.holds.words(), "help": f.help, "required": f.need != schema::Need::Optional })))
                .collect();
            json!({ "kind": schema.kind, "purpose": schema.purpose, "written_by": facts.authors.words(),
                "sensitivity": facts.sensitivity, "confidential": facts.confidential,
                "never_leaves": facts.never_leaves, "fields": fields })
        })
        .collect();
    context.output.answer(&json!({ "kinds": all }), |page| {
        page.table(
            ["kind", "class", "written by", "what it is for"],
            known().map(|(schema, facts)| {
                [
                    schema.kind.to_owned(),
                    facts.sensitivity.as_str().to_owned(),
                    facts.authors.words().to_owned(),
                    schema.purpose.to_owned(),
                ]
            }),
        );
    })?;
    Ok(Exit::Done)
}

fn template(context: &Context, name: &str) -> Result<Exit, Problem> {
    let template = name.parse::<Kind>().ok().and_then(|kind| schema::template(&kind));
    let template = template.ok_or_else(|| {
        problem(
            NOT_FOUND,
            "not-found",
            format!("there is no kind of record called {name}"),
            "nothing was printed",
            context.command("record kinds"),
        )
    })?;
    if context.output.is_json() {
        let draft: serde_json::Value = serde_json::from_str(&template.draft)
            .map_err(|e| problem::failed(e.to_string(), "nothing was printed"))?;
        context.output.object(&json!({ "kind": name, "draft": draft, "help": template.help }))?;
    } else {
        context.output.own_text(&template.draft);
        context.output.words(|page| {
            for line in &template.help {
                match line.split_once(": ") {
                    Some((field, help)) if !field.contains(' ') => page.item(field, help),
                    _ => page.line(line),
                }
            }
        });
    }
    Ok(Exit::Done)
}

async fn vocabulary(
    context: &Context,
    name: Option<&str>,
    partnership: Option<&str>,
) -> Result<Exit, Problem> {
    let mut all = Vocabularies::shipped().clone();
    if let Some(partnership) = partnership {
        let view: PartnershipView =
            context.client().await?.get(&route(&["partnerships", partnership])).await?;
        let agreement = Agreement::parse(&view.agreement.text)
            .map_err(|e| problem::failed(e.to_string(), "nothing was shown"))?;
        all = all.with(agreement.additions());
    }
    let Some(name) = name else {
        let listed: Vec<_> = all.all().map(as_json).collect();
        context.output.answer(&json!({ "vocabularies": listed }), |page| {
            page.table(
                ["name", "what it lists", "terms"],
                all.all().map(|v| [v.name.clone(), v.title.clone(), v.terms.len().to_string()]),
            );
        })?;
        return Ok(Exit::Done);
    };
    let found = all.get(name).ok_or_else(|| {
        let what = format!("there is no vocabulary called {name}");
        problem(NOT_FOUND, "not-found", what, "nothing was shown", context.command("record vocabulary"))
    })?;
    context.output.answer(&as_json(found), |page| {
        page.heading(&format!("{} (version {})", found.title, found.version));
        page.table(
            ["term", "means", "on the common axis", ""],
            found.terms.iter().map(|term| {
                let added = if term.added { "of the agreement" } else { "" };
                [term.id.clone(), term.label.clone(), term.axis.clone().unwrap_or_default(), added.to_owned()]
            }),
        );
    })?;
    Ok(Exit::Done)
}

fn as_json(vocabulary: &Vocabulary) -> serde_json::Value {
    let term = |t: &entente_protocol::vocabulary::Term| json!({ "term": t.id, "label": t.label, "axis": t.axis, "added": t.added });
    json!({ "name": vocabulary.name, "title": vocabulary.title, "edition": vocabulary.version,
        "terms": vocabulary.terms.iter().map(term).collect::<Vec<_>>() })
}
