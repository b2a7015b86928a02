//! The story: what the three organisations do. What is claimed about it is in [`super::proofs`].

use std::time::Instant;

use entente_node::api::types::{AttachmentStored, DraftInput, Problem};
use serde_json::json;

use super::cast::{Actor, Cast, Who, failed};
use super::folder::Folder;
use super::samples::{self, DECLARATIONS};
use super::sharing::{self, Founded, Plan, Sent, found, join, keep_home, share, share_again, together};
use super::stage::{Stage, ms};
use crate::client::{query, route};
use crate::output::Page;

/// Both partnerships.
pub(super) struct Partnerships {
    /// The NPM's, with both CSOs.
    pub(super) prevention: Founded,
    /// The neighbour's, with the CSO.
    pub(super) border: Founded,
}

/// What was shared, and kept.
pub(super) struct Records {
    /// Everything, in the order of the story.
    pub(super) all: Vec<Sent>,
    /// What was attached to the submission: names and bytes.
    pub(super) attached: Vec<(&'static str, Vec<u8>)>,
}

/// What the story calls each record; those with the same label stand together.
pub(super) mod labels {
    /// CSO → NPM.
    pub const SUBMISSION: &str = "submission, two attachments";
    /// NPM → CSO.
    pub const FEEDBACK: &str = "the answer to it";
    /// Neighbour → NPM.
    pub const PRIORITY: &str = "proposal of a place to visit";
    /// NPM → all.
    pub const VISIT_REPORT: &str = "visit report";
    /// NPM → all.
    pub const RECOMMENDATION: &str = "recommendation";
    /// Neighbour → all.
    pub const DECLARATION: &str = "Declaration of Human Rights";
    /// Neighbour → CSO, in the second partnership.
    pub const NOTE: &str = "question across the border";
    /// Neighbour → CSO, in the second partnership.
    pub const AGAIN: &str = "the Declaration, once more";
    /// The CSO's own.
    pub const SOURCE: &str = "who told the CSO";
}

impl Records {
    /// The first with this label.
    pub(super) fn get(&self, label: &str) -> Result<&Sent, Problem> {
        self.all.iter().find(|sent| sent.label == label).ok_or_else(|| failed(format!("{label} is missing")))
    }
}

/// Makes the nodes, and starts them.
pub(super) async fn three_nodes(stage: &mut Stage<'_>, folder: &Folder) -> Result<Cast, Problem> {
    stage.chapter("Three organisations, each with a node of its own");
    let began = Instant::now();
    tokio::try_join!(
        Actor::make(Who::Npm, folder),
        Actor::make(Who::Cso, folder),
        Actor::make(Who::Neighbour, folder),
    )?;
    let made = ms(began);
    let cast = Cast::start(folder).await?;
    stage.part(|page| {
        for actor in cast.all() {
            page.item(actor.who.label(), &format!("{}\n{}", actor.who.name(), actor.who.gloss()));
        }
        page.gap();
    });
    stage.say(&format!(
        "Their keys were made in {:.1} s, under a passphrase that is dear to guess; then the nodes took \
         {:.1} s to start. Names, places and texts are invented.",
        made / 1000.0,
        (ms(began) - made) / 1000.0
    ));
    stage.part(Page::gap);
    Ok(cast)
}

/// Two partnerships, each on an agreement of its own.
pub(super) async fn partnerships(stage: &mut Stage<'_>, cast: &Cast) -> Result<Partnerships, Problem> {
    stage.chapter("Two partnerships, each on an agreement that its members sign");
    let began = Instant::now();
    let prevention = found(&cast.npm, "Prevention", samples::FORMAL).await?;
    join(&cast.npm, &cast.cso, &prevention).await?;
    join(&cast.npm, &cast.neighbour, &prevention).await?;
    together(&cast.all(), &prevention).await?;
    let first = ms(began);
    let border = found(&cast.neighbour, "Border", samples::INFORMAL).await?;
    join(&cast.neighbour, &cast.cso, &border).await?;
    together(&[&cast.cso, &cast.neighbour], &border).await?;
    stage.say(&format!(
        "“Prevention” is founded by the NPM. It invites both CSOs; each reads and signs the agreement, and is \
         approved ({:.1} s for both). “Border” is between the two CSOs alone ({:.1} s).",
        first / 1000.0,
        (ms(began) - first) / 1000.0
    ));
    stage.part(Page::gap);
    Ok(Partnerships { prevention, border })
}

/// They exchange records.
pub(super) async fn records(
    folder: &Folder,
    cast: &Cast,
    partnerships: &Partnerships,
) -> Result<Records, Problem> {
    // Some chunks long, so that it does not travel in one piece.
    let annex: String = DECLARATIONS.iter().map(|declaration| declaration.text).collect();
    let attached =
        vec![("letter.txt", samples::LETTER.as_bytes().to_vec()), ("annex.txt", annex.into_bytes())];
    let mut all = Vec::new();
    from_the_cso(folder, cast, partnerships, &mut all, &attached).await?;
    from_the_npm(cast, partnerships, &mut all).await?;
    from_the_neighbour(cast, partnerships, &mut all).await?;
    let source = draft(samples::SOURCE)?;
    all.push(keep_home(&cast.cso, labels::SOURCE, source).await?);
    Ok(Records { all, attached })
}

async fn from_the_cso(
    folder: &Folder,
    cast: &Cast,
    partnerships: &Partnerships,
    all: &mut Vec<Sent>,
    attached: &[(&str, Vec<u8>)],
) -> Result<(), Problem> {
    let mut submission = draft(samples::SUBMISSION)?;
    // A code of its own, to be looked for where the source must not be.
    samples::add(&mut submission, "source", &super::folder::letters(24));
    for (name, bytes) in attached {
        submission.attachments.push(attach(folder, &cast.cso, name, bytes).await?);
    }
    let plan = to_some(labels::SUBMISSION, submission, Who::Cso, &partnerships.prevention, &[Who::Npm]);
    all.push(share(cast, plan).await?);
    Ok(())
}

async fn from_the_npm(cast: &Cast, partnerships: &Partnerships, all: &mut Vec<Sent>) -> Result<(), Problem> {
    let mut feedback = draft(samples::FEEDBACK)?;
    feedback.replies_to = all.first().map(|submission| submission.id);
    let prevention = &partnerships.prevention;
    let plan = to_some(labels::FEEDBACK, feedback, Who::Npm, prevention, &[Who::Cso]);
    all.push(share(cast, plan).await?);
    for (label, text) in
        [(labels::VISIT_REPORT, samples::VISIT_REPORT), (labels::RECOMMENDATION, samples::RECOMMENDATION)]
    {
        let plan = to_all(label, draft(text)?, Who::Npm, prevention, &[Who::Cso, Who::Neighbour]);
        all.push(share(cast, plan).await?);
    }
    Ok(())
}

async fn from_the_neighbour(
    cast: &Cast,
    partnerships: &Partnerships,
    all: &mut Vec<Sent>,
) -> Result<(), Problem> {
    let Partnerships { prevention, border } = partnerships;
    let priority = draft(samples::PRIORITY)?;
    let plan = to_some(labels::PRIORITY, priority, Who::Neighbour, prevention, &[Who::Npm]);
    all.push(share(cast, plan).await?);
    let first = all.len();
    for declaration in &DECLARATIONS {
        let material = declaration.draft().map_err(|e| bad_sample(&e))?;
        let readers = &[Who::Npm, Who::Cso];
        let plan = to_all(labels::DECLARATION, material, Who::Neighbour, prevention, readers);
        all.push(share(cast, plan).await?);
    }
    let note = to_all(labels::NOTE, draft(samples::NOTE)?, Who::Neighbour, border, &[Who::Cso]);
    all.push(share(cast, note).await?);
    if let Some(before) = all.get(first) {
        let again = to_all(labels::AGAIN, before.draft.clone(), Who::Neighbour, border, &[Who::Cso]);
        let again = share_again(cast, before, again).await?;
        all.push(again);
    }
    Ok(())
}

fn to_some<'a>(
    label: &'a str,
    draft: DraftInput,
    author: Who,
    partnership: &'a Founded,
    readers: &'a [Who],
) -> Plan<'a> {
    Plan { label, draft, author, partnership, readers, named: true }
}

fn to_all<'a>(
    label: &'a str,
    draft: DraftInput,
    author: Who,
    partnership: &'a Founded,
    members: &'a [Who],
) -> Plan<'a> {
    Plan { named: false, ..to_some(label, draft, author, partnership, members) }
}

/// Takes a file in; it does not stay in the demo's folder, where it would lie in the open.
async fn attach(folder: &Folder, by: &Actor, name: &str, bytes: &[u8]) -> Result<String, Problem> {
    let path = folder.write(name, bytes)?;
    let lost = |e: &std::io::Error| crate::problem::file("attaching", &path, e);
    let file = tokio::fs::File::open(&path).await.map_err(|e| lost(&e))?;
    let named = query(&json!({ "name": name, "type": "text/plain" }));
    let route = route(&["attachments"]) + &named;
    let stored: AttachmentStored = by.client.upload(&route, file, bytes.len() as u64).await?;
    std::fs::remove_file(&path).map_err(|e| lost(&e))?;
    Ok(stored.attachment)
}

/// One of the demo's drafts, of which tests say that it is one.
pub(super) fn draft(text: &str) -> Result<DraftInput, Problem> {
    samples::draft(text).map_err(|e| bad_sample(&e))
}

fn bad_sample(error: &serde_json::Error) -> Problem {
    failed(format!("a draft of the demo is none: {error}"))
}

/// Keeps a draft that nobody will get, and returns its id.
pub(super) async fn keep(by: &Actor, text: &str) -> Result<String, Problem> {
    let mut draft = draft(text)?;
    let (id, _) = sharing::keep(by, &mut draft).await?;
    Ok(id.to_string())
}
