//! Statements that a command makes from its options: kept as a draft, then shared as `record share` does.

use std::collections::BTreeMap;

use entente_node::api::types::{DraftInput, Problem, RecordCreated, RecordView};
use entente_protocol::ids::RecordId;
use serde_json::{Value, json};

use super::share;
use crate::Context;
use crate::args::{Say, ShareTarget};
use crate::client::route;
use crate::problem::{self, Exit, usage};

/// What is said, and about what.
pub(super) struct Statement {
    kind: &'static str,
    fields: BTreeMap<String, Value>,
    replies_to: Option<RecordId>,
    /// Where it is shared; nowhere if what it is about is a draft.
    partnership: Option<String>,
}

impl Statement {
    /// About a record: in the partnership in which it was shared. `field` names it.
    pub(super) async fn about(
        context: &Context,
        kind: &'static str,
        (field, record): (&str, &str),
    ) -> Result<Statement, Problem> {
        let view: RecordView = context.client().await?.get(&route(&["records", record])).await?;
        let partnership = view.summary.partnership.ok_or_else(|| {
            usage("that record is a draft: nobody else has seen it", "share it first: entente record share")
        })?;
        let id = Value::String(view.summary.id.to_string());
        let fields = BTreeMap::from([(field.to_owned(), id)]);
        Ok(Statement { kind, fields, replies_to: None, partnership: Some(partnership.to_string()) })
    }

    /// In reply to a record: in the partnership in which it was shared, or beside a draft as a draft.
    pub(super) fn replying(kind: &'static str, to: &RecordView) -> Statement {
        let partnership = to.summary.partnership.map(|id| id.to_string());
        Statement { kind, fields: BTreeMap::new(), replies_to: Some(to.summary.id), partnership }
    }

    /// In a partnership.
    pub(super) fn within(kind: &'static str, partnership: &str) -> Statement {
        Statement {
            kind,
            fields: BTreeMap::new(),
            replies_to: None,
            partnership: Some(partnership.to_owned()),
        }
    }

    /// With a field.
    pub(super) fn with(mut self, field: &str, value: impl Into<Value>) -> Statement {
        self.fields.insert(field.to_owned(), value.into());
        self
    }

    /// With a field, if there is a value.
    pub(super) fn with_some(self, field: &str, value: Option<impl Into<Value>>) -> Statement {
        match value {
            Some(value) => self.with(field, value),
            None => self,
        }
    }

    /// Keeps it, and shares it unless a draft is wanted.
    pub(super) async fn said(self, context: &Context, say: &Say) -> Result<Exit, Problem> {
        let kind = self.kind.parse().map_err(|_| problem::failed("no such kind", "nothing was kept"))?;
        let draft = DraftInput {
            kind,
            language: say.language.clone(),
            fields: self.fields,
            sensitivity: None,
            handling: None,
            supersedes: None,
            replies_to: self.replies_to,
            attachments: Vec::new(),
        };
        let created: RecordCreated = context.client().await?.post(&route(&["records"]), &draft).await?;
        for warning in &created.warnings {
            context.output.note(&format!("note: {warning}"));
        }
        let Some(partnership) = self.partnership.filter(|_| !say.draft) else {
            context.output.answer(&json!({ "record": created.record, "draft": true }), |page| {
                page.line("The draft is kept; nobody else can see it.");
                page.item("record", &created.record.to_string());
            })?;
            return Ok(Exit::Done);
        };
        let target = ShareTarget::of(created.record.to_string(), partnership, say.readers.clone());
        share::share(context, &target, say.yes, say.expect_readers).await
    }
}
