//! `entente demo`: three real nodes on this machine, what they share, and the proof of who can read it.
//!
//! [`demo`] reads from top to bottom as the story that a person sees: the [`cast`] is started, the [`story`]
//! told, the claims ([`proofs`], [`reading`], [`refusals`], [`stranger`], [`disk`]) are tried on the [`stage`].

mod cast;
mod disk;
mod folder;
mod proofs;
mod reading;
mod refusals;
mod report;
mod samples;
mod sharing;
mod show;
mod stage;
mod story;
mod stranger;

use entente_node::api::types::Problem;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use self::cast::{Cast, Who, failed};
use self::disk::Needle;
use self::folder::Folder;
use self::samples::DECLARATIONS;
use self::stage::Stage;
use self::story::{Partnerships, Records};
use crate::Context;
use crate::args::DemoArgs;
use crate::output::Page;
use crate::problem::{Exit, FAILED, problem};

/// Plays it. Whatever ends it ends the nodes too: they are killed when their handles are dropped.
pub(super) async fn demo(context: &Context, args: DemoArgs) -> Result<Exit, Problem> {
    let mut terminate = signal(SignalKind::terminate()).map_err(|e| failed(e.to_string()))?;
    let folder = Folder::make(args.dir)?;
    let stopped = async {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    };
    tokio::pin!(stopped);
    let (exit, running) = tokio::select! {
        played = play(context, &folder, args.keep_running) => played?,
        () = &mut stopped => return Err(interrupted(&folder)),
    };
    if let Some(cast) = running {
        stopped.await;
        // A terminal's Ctrl-C reaches the nodes as well: who has stopped already cannot be asked to.
        let _stopped_already = cast.stop().await;
        context.output.note("The nodes have stopped.");
    }
    Ok(exit)
}

fn interrupted(folder: &Folder) -> Problem {
    problem(
        FAILED,
        "interrupted",
        "you stopped it",
        "not every claim was tried",
        format!("remove what is left: rm -r {}", crate::quoted(&folder.path().to_string_lossy())),
    )
}

async fn play(
    context: &Context,
    folder: &Folder,
    keep_running: bool,
) -> Result<(Exit, Option<Cast>), Problem> {
    let mut stage = Stage::new(&context.output);
    stage.say(
        "Entente on this machine: an NPM, a CSO of its country and a CSO of a neighbouring country, each with \
         a node of its own. They share records; then every node is asked for every record.",
    );
    stage.part(Page::gap);
    stage.say(&format!("Everything is kept in {}", folder.path().display()));

    let cast = story::three_nodes(&mut stage, folder).await?;
    proofs::three_nodes(&mut stage, &cast).await;
    let nodes: Vec<Value> = cast.all().map(report::node).to_vec();

    let partnerships = story::partnerships(&mut stage, &cast).await?;
    let claim = "The NPM and both CSOs signed the same agreement.";
    proofs::same_agreement(&mut stage, &cast.all(), &partnerships.prevention, claim).await;
    let claim = "The two CSOs signed another one between themselves.";
    proofs::same_agreement(&mut stage, &[&cast.cso, &cast.neighbour], &partnerships.border, claim).await;

    stage.chapter("Records are shared");
    let told = story::records(folder, &cast, &partnerships).await?;
    show::durations(&stage, &told.all);

    let rows = reading::read_all(&cast, &told.all).await?;
    show::article_5(&stage, &rows);
    stage.chapter("Who can read what: every node was asked for every record");
    show::matrix(&stage, &rows, &partnerships);
    proofs::reading(&mut stage, &cast, &told, &rows).await;
    stage.chapter("Between the partnerships nothing crosses");
    proofs::separate(&mut stage, &cast, &partnerships, &told, &rows).await;
    stage.chapter("What the rules refuse, and the codes");
    proofs::refusals(&mut stage, &cast, &partnerships, &told).await?;
    stage.chapter("A stranger dials");
    strangers(&mut stage, &cast).await;
    let records: Vec<Value> = rows.iter().map(report::record).collect();
    drop(rows);

    stage.chapter("The nodes stop: what their disks tell");
    cast.stop().await?;
    disks(&mut stage, folder, &told).await;

    let running = if keep_running { Some(again(folder, &partnerships).await?) } else { None };
    show::verdict(&stage);
    show::next(&stage, folder, told.get(story::labels::SUBMISSION)?, running.is_some());
    let ok = stage.claims().iter().all(|claim| claim.held);
    if context.output.is_json() {
        let both = [&partnerships.prevention, &partnerships.border].map(report::partnership);
        context.output.object(&json!({
            "ok": ok,
            "claims": stage.claims(),
            "records": records,
            "partnerships": both,
            "nodes": nodes,
            "folder": folder.path().to_string_lossy(),
            "passphrase_file": folder.passphrase_file().to_string_lossy(),
            "running": running.is_some(),
            "took_ms": stage.took_ms(),
        }))?;
    }
    Ok((if ok { Exit::Done } else { Exit::Failed }, running))
}

/// Starts the nodes once more, until they have found each other.
async fn again(folder: &Folder, partnerships: &Partnerships) -> Result<Cast, Problem> {
    let cast = Cast::start(folder).await?;
    sharing::together(&cast.all(), &partnerships.prevention).await?;
    sharing::together(&[&cast.cso, &cast.neighbour], &partnerships.border).await?;
    Ok(cast)
}

async fn strangers(stage: &mut Stage<'_>, cast: &Cast) {
    let claim = "Who knows the address and nothing else hears nothing.";
    stage.claim(claim, stranger::hears_nothing(cast)).await;
    let connected = async {
        proofs::still_connected(cast).await?;
        Ok("every node is connected to all its partners".to_owned())
    };
    stage.claim("The same doors serve the partners meanwhile.", connected).await;
}

async fn disks(stage: &mut Stage<'_>, folder: &Folder, told: &Records) {
    let claim = "No file holds a text, a code or a name in the open.";
    stage.claim(claim, disk::nothing_is_plain(folder.path(), needles(told))).await;
    let claim = "A passphrase that is wrong in one letter opens nothing.";
    stage.claim(claim, disk::wrong_passphrase_opens_nothing(folder)).await;
    let claim = "In each partnership an organisation connects under another identity.";
    stage.claim(claim, disk::unlinkable(folder, [Who::Cso, Who::Neighbour])).await;
}

/// What no file may hold: the code of every record, the words about the source, the letter, Article 5 in
/// every language, titles, and who takes part.
fn needles(told: &Records) -> Vec<Needle> {
    let needle = |what: String, text: &str| Needle { what, bytes: text.as_bytes().to_vec() };
    let mut all = Vec::new();
    for sent in &told.all {
        all.push(needle(format!("the code of {}", sent.label), &sent.code));
        let title = sent.draft.fields.get("title").and_then(Value::as_str).unwrap_or_default();
        all.push(needle(format!("the title of {}", sent.label), title));
        all.push(needle("the words about the source".to_owned(), &proofs::private_words(sent)));
    }
    for line in samples::LETTER.lines() {
        all.push(needle("a line of the letter".to_owned(), line));
    }
    for declaration in &DECLARATIONS {
        all.push(needle(format!("Article 5 in {}", declaration.name), declaration.article_5()));
    }
    for who in Who::ALL {
        all.push(needle(format!("the name of {}", who.the()), who.name()));
    }
    all.retain(|needle| !needle.bytes.is_empty());
    all
}
