//! `entente bundle …`: what partners lack, in a file, and back.

use entente_node::api::bundles::{NewBundle, TakeBundle};
use entente_node::api::types::Problem;
use entente_node::bundle::{BundleMade, BundleTaken};
use entente_protocol::ids::Timestamp;
use serde::Serialize;

use crate::args::{BundleCommand, BundleExport, BundleImport};
use crate::client::route;
use crate::output::Page;
use crate::problem::{self, Exit};
use crate::{Context, times};

/// What an import says: what was taken, and the answer that was made.
#[derive(Serialize)]
struct Imported {
    #[serde(flatten)]
    taken: BundleTaken,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<BundleMade>,
}

/// Dispatches.
pub(super) async fn bundle(context: &Context, command: BundleCommand) -> Result<Exit, Problem> {
    match command {
        BundleCommand::Export(args) => export(context, args).await,
        BundleCommand::Import(args) => import(context, args).await,
    }
}

async fn export(context: &Context, args: BundleExport) -> Result<Exit, Problem> {
    let not_made = "no bundle was made";
    let file = std::path::absolute(&args.file).map_err(|e| problem::file(not_made, &args.file, &e))?;
    let BundleExport { partnership, to, since, all, attachments, .. } = args;
    let since = since.map(Timestamp);
    let wanted = NewBundle { file, to, all, since, attachments, acknowledge: false };
    let made: BundleMade =
        context.client().await?.post(&route(&["partnerships", &partnership, "bundle"]), &wanted).await?;
    context.output.answer(&made, |page| {
        page.line("The bundle is made.");
        paint_made(page, &made);
    })?;
    Ok(Exit::Done)
}

async fn import(context: &Context, args: BundleImport) -> Result<Exit, Problem> {
    let nothing = "nothing was taken";
    let file = std::path::absolute(&args.file).map_err(|e| problem::file(nothing, &args.file, &e))?;
    let answer = args.answer.as_ref().map(std::path::absolute).transpose();
    let answer = answer.map_err(|e| problem::file(nothing, &args.file, &e))?;
    let client = context.client().await?;
    let wanted = TakeBundle { file, partnership: args.partnership };
    let taken: BundleTaken = client.post(&route(&["bundle", "import"]), &wanted).await?;
    let answer = match answer {
        None => None,
        Some(file) => {
            let p = taken.partnership.to_string();
            let to = vec![taken.from.id.to_string()];
            let wanted = NewBundle { file, to, acknowledge: true, ..NewBundle::default() };
            Some(client.post(&route(&["partnerships", &p, "bundle"]), &wanted).await?)
        }
    };
    let said = Imported { taken, answer };
    context.output.answer(&said, |page| {
        paint_taken(page, &said.taken);
        if let Some(made) = &said.answer {
            page.heading("The answer");
            paint_made(page, made);
        }
    })?;
    Ok(Exit::Done)
}

fn paint_made(page: &mut Page, made: &BundleMade) {
    page.item("file", &made.file);
    let readers: Vec<&str> = made.readers.iter().map(|org| org.name.as_str()).collect();
    page.item("can be opened by", &readers.join(", "));
    page.item("entries", &made.entries.to_string());
    page.item("keys", &made.keys.to_string());
    page.item("attachments", &made.attachments.to_string());
    page.item("bytes", &made.bytes.to_string());
    if made.circles_left_out > 0 {
        let note =
            format!("{} (not everybody here reads them: make bundles --to fewer)", made.circles_left_out);
        page.item("circles left out", &note);
    }
}

fn paint_taken(page: &mut Page, taken: &BundleTaken) {
    page.line("The bundle is taken.");
    page.item("partnership", &taken.partnership_name);
    page.item("made by", &taken.from.name);
    page.item("made on", &times::local(taken.made));
    page.item("new entries", &taken.entries.to_string());
    page.item("here already", &taken.known.to_string());
    page.item("acts", &taken.acts.to_string());
    page.item("attachments", &taken.attachments.to_string());
    if taken.refused > 0 {
        page.item("not shown", &format!("{}: see `entente sync status`", taken.refused));
    }
    for lacking in &taken.missing {
        page.item("still missing", &format!("{} entries of {}", lacking.entries, lacking.author.name));
    }
    if !taken.missing.is_empty() {
        page.line("What is missing was not in the file: ask its maker for a bundle made with --all.");
    }
    if taken.attachments_missing > 0 {
        let note = format!("{} (ask for a bundle made with --attachments)", taken.attachments_missing);
        page.item("attachments missing", &note);
    }
}
