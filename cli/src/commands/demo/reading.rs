//! Who can read what: every node is asked for every record, by its id, in its list and by search.

use std::collections::BTreeMap;

use entente_node::api::types::{Problem, RecordPage, RecordQuery, RecordView};
use serde_json::{Value, json};

use super::cast::{Actor, Cast, Who};
use super::sharing::Sent;
use super::stage::{Proof, proof};
use crate::client::{query, route};

/// Records of the longest list that the demo makes, and some more.
const LIST: usize = 1_000;

/// What a node answered when it was asked for one record.
pub(super) struct Reading {
    /// The record's fields, if it was shown by its id.
    pub(super) fields: Option<BTreeMap<String, Value>>,
    /// Who can read it, as the node shows it, in order.
    pub(super) readers: Vec<String>,
    /// Is it in the list?
    pub(super) listed: bool,
    /// Is it found by the code that stands in it?
    pub(super) found: bool,
}

impl Reading {
    /// Can it be read?
    pub(super) fn shown(&self) -> bool {
        self.fields.is_some()
    }

    /// Is it the same whichever way one asks?
    fn consistent(&self) -> bool {
        self.shown() == self.listed && self.shown() == self.found
    }

    fn words(&self) -> String {
        let ways = [("by id", self.shown()), ("in the list", self.listed), ("by search", self.found)];
        let found: Vec<&str> = ways.iter().filter(|way| way.1).map(|way| way.0).collect();
        if found.is_empty() { "in no way".to_owned() } else { found.join(", ") }
    }
}

/// What the three nodes answered for one record, in the order of [`Who::ALL`].
pub(super) struct Row<'a> {
    /// The record.
    pub(super) sent: &'a Sent,
    /// The answers.
    pub(super) readings: [Reading; 3],
}

impl Row<'_> {
    /// The answer of one node.
    pub(super) fn of(&self, who: Who) -> &Reading {
        let [npm, cso, neighbour] = &self.readings;
        match who {
            Who::Npm => npm,
            Who::Cso => cso,
            Who::Neighbour => neighbour,
        }
    }

    /// Those who can read it, as found out.
    pub(super) fn readers(&self) -> Vec<Who> {
        Who::ALL.into_iter().filter(|who| self.of(*who).shown()).collect()
    }

    /// Where an answer is not what it must be if these and nobody else can read it, in words.
    fn objections(&self, only: &[Who]) -> Vec<String> {
        Who::ALL.into_iter().filter_map(|who| self.objection(who, only)).collect()
    }

    fn objection(&self, who: Who, only: &[Who]) -> Option<String> {
        let (reading, label) = (self.of(who), &self.sent.label);
        if reading.shown() != only.contains(&who) || !reading.consistent() {
            return Some(format!("{} finds {label} {}", who.the(), reading.words()));
        }
        let mut names: Vec<&str> = only.iter().map(|who| who.name()).collect();
        names.sort_unstable();
        if reading.shown() && reading.readers != names {
            return Some(format!("{} shows {label} as read by {}", who.the(), reading.readers.join(", ")));
        }
        let expected = self.sent.shared_fields();
        match &reading.fields {
            // What stays at home stays visible there.
            Some(fields) if who != self.sent.author && *fields != expected => {
                Some(format!("{} reads other fields in {label} than were shared", who.the()))
            }
            _ => None,
        }
    }
}

/// Asks every node for every record.
pub(super) async fn read_all<'a>(cast: &Cast, all: &'a [Sent]) -> Result<Vec<Row<'a>>, Problem> {
    let mut rows = Vec::new();
    for sent in all {
        let (npm, cso, neighbour) =
            tokio::try_join!(ask(&cast.npm, sent), ask(&cast.cso, sent), ask(&cast.neighbour, sent))?;
        rows.push(Row { sent, readings: [npm, cso, neighbour] });
    }
    Ok(rows)
}

async fn ask(actor: &Actor, sent: &Sent) -> Result<Reading, Problem> {
    let shown = show(actor, &sent.id.to_string()).await?;
    let by_code = RecordQuery { text: Some(sent.code.clone()), ..RecordQuery::default() };
    let hit = |page: &RecordPage| page.records.iter().any(|record| record.id == sent.id);
    let (readers, fields) = match shown {
        Some(view) => {
            let mut readers: Vec<String> = view.readers.into_iter().map(|org| org.name).collect();
            readers.sort_unstable();
            (readers, Some(view.fields.into_iter().collect()))
        }
        None => (Vec::new(), None),
    };
    Ok(Reading {
        readers,
        fields,
        listed: hit(&list(actor).await?),
        found: hit(&search(actor, &by_code).await?),
    })
}

/// A record by its id; `None` if the node says that there is none.
pub(super) async fn show(actor: &Actor, id: &str) -> Result<Option<RecordView>, Problem> {
    match actor.client.get(&route(&["records", id])).await {
        Ok(view) => Ok(Some(view)),
        Err(problem) if problem.code == "not-found" => Ok(None),
        Err(problem) => Err(problem),
    }
}

async fn list(actor: &Actor) -> Result<RecordPage, Problem> {
    actor.client.get(&(route(&["records"]) + &query(&json!({ "limit": LIST })))).await
}

/// What a node finds.
pub(super) async fn search(actor: &Actor, query: &RecordQuery) -> Result<RecordPage, Problem> {
    actor.client.post(&route(&["search"]), query).await
}

/// These records are read by these and nobody else, the same by all, whichever way they ask.
pub(super) fn read_by(only: &[Who], rows: &[&Row<'_>]) -> Proof {
    let objections: Vec<String> = rows.iter().flat_map(|row| row.objections(only)).collect();
    let asked = "asked by id, in the list, by search";
    let evidence = match rows {
        [] => String::new(),
        [one] => format!("{asked}: {}", answers(one)),
        [first, ..] => format!("{} records, each {asked}: {}", rows.len(), answers(first)),
    };
    proof(objections.is_empty() && !rows.is_empty(), evidence, objections.join("; "))
}

fn answers(row: &Row<'_>) -> String {
    let answer = |who: Who| {
        let says = if row.of(who).shown() { "shows it" } else { "“not found”" };
        format!("{} {says}", who.the())
    };
    Who::ALL.map(answer).join(", ")
}
