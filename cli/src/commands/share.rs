//! `entente record share` and `preview`: who could read it, before it is too late.

use entente_node::api::types::{Preview, Problem, Shared};
use entente_node::desk::view::Outcome;
use serde_json::{Value, json};

use super::{desk, inspect, words};
use crate::args::ShareTarget;
use crate::client::{bad_answer, route};
use crate::output::Page;
use crate::problem::{Exit, REFUSED, declined, problem, usage};
use crate::{Context, ask};

/// Shows who could read it. Refusals are an answer here, not a failure.
pub(super) async fn preview(context: &Context, target: &ShareTarget) -> Result<Exit, Problem> {
    let route = route(&["records", &target.record.record, "preview"]);
    let preview: Preview = context.client().await?.post(&route, &target.request(None)).await?;
    context.output.answer(&preview, |page| paint(page, &preview))?;
    Ok(Exit::Done)
}

/// Shares, after a person or a script has said that the readers are the right ones.
pub(super) async fn share(
    context: &Context,
    target: &ShareTarget,
    yes: bool,
    expect_readers: Option<usize>,
) -> Result<Exit, Problem> {
    if !yes && !ask::somebody_is_there() {
        return Err(usage(
            "sharing cannot be undone, and there is no terminal to ask on",
            "look with `record preview`, then add --yes --expect-readers N, N being the number of readers you mean",
        ));
    }
    let id = &target.record.record;
    let client = context.client().await?;
    let mut request = target.request(expect_readers);
    if !yes {
        let preview: Preview =
            client.post(&route(&["records", id, "preview"]), &target.request(None)).await?;
        context.output.words(|page| paint(page, &preview));
        allowed(&preview, expect_readers)?;
        let readers = words::count(preview.readers.len(), "organisation", "organisations");
        let question = match preview.release {
            Some(_) => format!("Ask for its release to {readers}?"),
            None => format!("Share it with {readers}?"),
        };
        if !ask::confirmed(&context.output, &question) {
            return Err(declined("nothing was shared"));
        }
        // If a member comes or goes between the question and now, the answer was to another question.
        request.expect_readers = Some(preview.readers.len());
    }
    let outcome: Outcome = client.post(&route(&["records", id, "share"]), &request).await?;
    tell(context, &outcome)
}

/// What the node would refuse anyway is not asked about.
fn allowed(preview: &Preview, expect_readers: Option<usize>) -> Result<(), Problem> {
    if let Some(first) = preview.refusals.first() {
        let mut refused = problem(
            REFUSED,
            &first.code,
            "it cannot be shared so",
            "nothing was shared",
            "change the draft or the readers, or ask for another agreement",
        );
        refused.refusals.clone_from(&preview.refusals);
        return Err(refused);
    }
    let readers = preview.readers.len();
    match expect_readers {
        Some(expected) if expected != readers => Err(problem(
            REFUSED,
            "readers",
            format!("{readers} organisations could read it, and {expected} were expected"),
            "nothing was shared",
            "check the readers with `record preview`",
        )),
        _ => Ok(()),
    }
}

/// Says what came of it: shared, or waiting for others.
pub(super) fn tell(context: &Context, outcome: &Outcome) -> Result<Exit, Problem> {
    match outcome {
        Outcome::Shared(shared) => tell_shared(context, shared),
        Outcome::Waiting { release } => {
            let answer = json!({ "release": release, "queued": true });
            context.output.answer(&answer, |page| desk::paint(page, release))?;
            let id: String = release.id.to_string().chars().take(10).collect();
            let next = context.command(&format!("--as TOKEN_FILE release approve {id}"));
            context.output.note(&format!("It is not shared yet. Another person types: {next}"));
            Ok(Exit::Queued)
        }
    }
}

fn tell_shared(context: &Context, shared: &Shared) -> Result<Exit, Problem> {
    let queued = shared.sent_to == 0 && !shared.readers.is_empty();
    let mut answer = serde_json::to_value(shared).map_err(|e| bad_answer(&e.to_string()))?;
    if let Value::Object(object) = &mut answer {
        object.insert("queued".to_owned(), json!(queued));
    }
    context.output.answer(&answer, |page| {
        let readers = words::count(shared.readers.len(), "organisation", "organisations");
        page.line(&format!("Shared with {readers}."));
        page.item("record", &shared.record.to_string());
        for name in &shared.reader_names {
            page.point(name);
        }
        if !queued {
            page.item("sent now to", &words::count(shared.sent_to, "node", "nodes"));
        }
    })?;
    if queued {
        context.output.note("No reader is connected: it is kept, and sent when they are back.");
        return Ok(Exit::Queued);
    }
    Ok(Exit::Done)
}

fn paint(page: &mut Page, preview: &Preview) {
    page.heading("Who could read it, besides you");
    for reader in &preview.readers {
        page.point(&words::organisation(reader));
    }
    if preview.readers.is_empty() {
        page.point("nobody");
    }
    points(page, "Why", &preview.because);
    points(page, "Not verified by a person here", &preview.unverified);
    points(page, "Left out of the shared copy", &preview.stripped);
    for file in &preview.hidden {
        page.heading(&format!("What {} tells beside its contents", file.name));
        inspect::paint(page, &file.report);
    }
    page.heading("Passing on");
    page.point(words::onward(preview.onward));
    if let Some(release) = &preview.release {
        page.heading("Who must release it");
        page.point(&release.words);
        if release.released == 0 {
            page.point("Sharing it asks for that; you are the first.");
        }
        page.item("can release it", &release.by.join(", "));
    }
    if preview.refusals.is_empty() {
        page.gap();
        page.line("Once shared, it cannot be recalled.");
    } else {
        page.heading("It cannot be shared so");
        for refusal in &preview.refusals {
            page.item(&refusal.code, &refusal.reason);
        }
    }
}

fn points(page: &mut Page, heading: &str, points: &[String]) {
    if !points.is_empty() {
        page.heading(heading);
        for point in points {
            page.point(point);
        }
    }
}
