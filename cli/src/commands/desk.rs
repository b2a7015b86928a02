//! `entente staff …` and `entente release …`: who may do what, and what several must release.

use entente_node::api::types::Problem;
use entente_node::desk::view::{
    Declining, NewRole, NewStaff, Outcome, ReleaseQuery, ReleaseState, ReleaseView, StaffList, StaffToken,
    StaffView,
};
use entente_node::desk::{StaffRole, THE_KEEPER};
use serde_json::json;

use super::attachment::NewFile;
use super::{share, words};
use crate::args::{ReleaseCommand, StaffCommand, TokenFile};
use crate::client::{query, route};
use crate::output::Page;
use crate::problem::{Exit, declined, usage};
use crate::{Context, ask, quoted, safe_text, times};

/// Columns of a title in a list.
const TITLE: usize = 40;
/// Columns of a name in a list.
const NAME: usize = 24;

/// `entente staff …`.
pub(super) async fn staff(context: &Context, command: StaffCommand) -> Result<Exit, Problem> {
    match command {
        StaffCommand::Add { name, role, file } => {
            let wanted = NewStaff { name, role: role.into() };
            with_token(context, &route(&["staff"]), &wanted, &file).await
        }
        StaffCommand::Token { name, file } => {
            with_token(context, &route(&["staff", &name, "token"]), &json!({}), &file).await
        }
        StaffCommand::List => list(context).await,
        StaffCommand::Role { name, role } => {
            let to = route(&["staff", &name, "role"]);
            let done: StaffView = context.client().await?.post(&to, &NewRole { role: role.into() }).await?;
            context.output.answer(&done, |page| {
                page.line(&format!("{} is a {} from now on.", done.name, done.role));
            })?;
            Ok(Exit::Done)
        }
        StaffCommand::Remove { name } => {
            let to = route(&["staff", &name, "remove"]);
            let done: StaffView = context.client().await?.post(&to, &json!({})).await?;
            context.output.answer(&done, |page| {
                page.line(&format!("The account of {} is removed; its token opens nothing.", done.name));
            })?;
            Ok(Exit::Done)
        }
    }
}

/// The file comes first: a token that cannot be written is not made.
async fn with_token(
    context: &Context,
    to: &str,
    wanted: &impl serde::Serialize,
    file: &TokenFile,
) -> Result<Exit, Problem> {
    let mut new = NewFile::create(&file.token_file).await?;
    let made: StaffToken = context.client().await?.post(to, wanted).await?;
    new.write(made.token.as_bytes()).await?;
    new.keep().await?;
    let path = file.token_file.to_string_lossy().into_owned();
    context.output.answer(&json!({ "account": made.account, "token_file": path }), |page| {
        page.line(&format!("{} is a {}.", made.account.name, made.account.role));
        page.item("token", &path);
        page.item("next", &format!("give that file to {}, who types:", made.account.name));
        page.item("", &context.command(&format!("--as {} staff list", quoted(&path))));
    })?;
    Ok(Exit::Done)
}

async fn list(context: &Context) -> Result<Exit, Problem> {
    let all: StaffList = context.client().await?.get(&route(&["staff"])).await?;
    context.output.answer(&all, |page| {
        page.item("you are", &format!("{} ({})", all.you, all.role));
        if all.accounts.is_empty() {
            page.line("There are no accounts: whoever has this node's folder does everything.");
            return;
        }
        page.table(
            ["name", "role", "since"],
            all.accounts.iter().map(|a| [a.name.clone(), a.role.to_string(), times::local(a.made)]),
        );
        page.line(&format!(
            "Beside them is {THE_KEEPER}, a {}: whoever has the token in the node's folder.",
            StaffRole::Keeper
        ));
    })?;
    Ok(Exit::Done)
}

/// `entente release …`.
pub(super) async fn release(context: &Context, command: ReleaseCommand) -> Result<Exit, Problem> {
    match command {
        ReleaseCommand::List { all } => list_releases(context, all).await,
        ReleaseCommand::Show(which) => {
            let found = look(context, &which.release).await?;
            context.output.answer(&found, |page| paint(page, &found))?;
            Ok(Exit::Done)
        }
        ReleaseCommand::Approve { which, yes } => approve(context, &which.release, yes).await,
        ReleaseCommand::Decline { which, reason } => {
            let to = route(&["releases", &which.release, "decline"]);
            over(context, &to, &Declining { reason }).await
        }
        ReleaseCommand::Withdraw(which) => {
            over(context, &route(&["releases", &which.release, "withdraw"]), &json!({})).await
        }
    }
}

async fn look(context: &Context, release: &str) -> Result<ReleaseView, Problem> {
    context.client().await?.get(&route(&["releases", release])).await
}

async fn over(context: &Context, to: &str, request: &impl serde::Serialize) -> Result<Exit, Problem> {
    let done: ReleaseView = context.client().await?.post(to, request).await?;
    context.output.answer(&done, |page| paint(page, &done))?;
    Ok(Exit::Done)
}

async fn approve(context: &Context, release: &str, yes: bool) -> Result<Exit, Problem> {
    if !yes {
        if !ask::somebody_is_there() {
            return Err(usage(
                "sharing cannot be undone, and there is no terminal to ask on",
                "look with `release show` and `record show`, then add --yes",
            ));
        }
        let found = look(context, release).await?;
        context.output.words(|page| paint(page, &found));
        if !ask::confirmed(&context.output, "Have you read it, and do you release it?") {
            return Err(declined("nothing was released"));
        }
    }
    let to = route(&["releases", release, "approve"]);
    let outcome: Outcome = context.client().await?.post(&to, &json!({})).await?;
    share::tell(context, &outcome)
}

async fn list_releases(context: &Context, all: bool) -> Result<Exit, Problem> {
    let from = route(&["releases"]) + &query(&ReleaseQuery { all });
    let found: Vec<ReleaseView> = context.client().await?.get(&from).await?;
    context.output.answer(&json!({ "releases": found }), |page| {
        if found.is_empty() {
            return page.line("Nothing waits to be released.");
        }
        page.table(
            ["release", "state", "asked by", "asked", "persons", "partnership", "title"],
            found.iter().map(|r| {
                let first = r.marks.first();
                [
                    short(r),
                    state(r.state).to_owned(),
                    safe_text::cut(first.map_or("", |mark| mark.by.as_str()), NAME),
                    first.map(|mark| times::local(mark.when)).unwrap_or_default(),
                    format!("{} of {}", counting(r), r.wanted),
                    safe_text::cut(&r.partnership_name, NAME),
                    safe_text::cut(&r.title, TITLE),
                ]
            }),
        );
    })?;
    Ok(Exit::Done)
}

fn short(release: &ReleaseView) -> String {
    release.id.to_string().chars().take(10).collect()
}

fn counting(release: &ReleaseView) -> usize {
    release.marks.iter().filter(|mark| mark.counts).count()
}

fn state(state: ReleaseState) -> &'static str {
    match state {
        ReleaseState::Waiting => "waits",
        ReleaseState::Changed => "ask anew",
        ReleaseState::Shared => "shared",
        ReleaseState::Declined => "declined",
        ReleaseState::Withdrawn => "withdrawn",
        ReleaseState::Replaced => "asked anew",
    }
}

/// One release in full.
pub(super) fn paint(page: &mut Page, release: &ReleaseView) {
    page.heading(&release.title);
    page.item("release", &short(release));
    let kind = release.kind.as_ref().map(|kind| kind.to_string()).unwrap_or_default();
    page.item("draft", &format!("{} ({kind})", words::short(&release.draft)));
    page.item("partnership", &release.partnership_name);
    page.item("state", state(release.state));
    page.item("why", release.reason.as_deref().unwrap_or_default());
    page.item("persons", &format!("{} of {}", counting(release), release.wanted));
    for mark in &release.marks {
        let note = if mark.counts { "" } else { ": counts no more" };
        page.point(&format!("{}, {}{note}", mark.by, times::local(mark.when)));
    }
    page.heading("Who could read it, besides you");
    for reader in &release.readers {
        page.point(&words::organisation(reader));
    }
    if let Some(ended) = &release.ended {
        page.heading("It is over");
        page.item("by", &format!("{}, {}", ended.by, times::local(ended.when)));
        page.item("record", &ended.record.map(|id| id.to_string()).unwrap_or_default());
    }
    if release.state == ReleaseState::Waiting {
        page.heading("Who can release it");
        for name in &release.can_release {
            page.point(name);
        }
        if release.can_release.is_empty() {
            page.point("nobody: another person with the role releaser is needed (entente staff add)");
        }
    }
    if release.state == ReleaseState::Changed {
        page.line("Ask anew with `entente record share`: what was released before counts no more.");
    }
}
