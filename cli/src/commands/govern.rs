//! What members decide about their partnership.

use std::path::Path;

use entente_node::api::types::{
    ActsFile, DecideRequest, Decision, HistoryChoice, PartnershipView, Problem, ProposalView, TakenActs,
};
use entente_protocol::ids::Timestamp;
use serde_json::{Value, json};

use super::{drafts, words};
use crate::args::{ActsCommand, GovernCommand, HistoryScopeArgs, MemberDecision, OneProposal, WithReason};
use crate::client::route;
use crate::output::Page;
use crate::problem::{self, Exit, declined, usage};
use crate::{Context, ask, times};

/// A file of acts: as many as a partnership may have, and room for base64.
const MAX_FILE: usize = 64 * 1024 * 1024;

/// Dispatches.
pub(super) async fn govern(context: &Context, command: GovernCommand) -> Result<Exit, Problem> {
    match command {
        GovernCommand::Proposals(the) => proposals(context, &the.partnership).await,
        GovernCommand::Sign(one) => sign(context, one).await,
        GovernCommand::Withdraw(one) => {
            let ask = DecideRequest::Withdraw { proposal: one.proposal };
            decide(context, &one.partnership.partnership, ask, "The proposal is taken back.").await
        }
        GovernCommand::Suspend(args) => suspend(context, args).await,
        GovernCommand::Resume(the) => {
            decide(context, &the.partnership, DecideRequest::Resume {}, "Exchange goes on.").await
        }
        GovernCommand::Renew { partnership, last_day } => {
            let ask = DecideRequest::Renew { last_day: day(&last_day)? };
            decide(context, &partnership.partnership, ask, "The agreement is renewed.").await
        }
        GovernCommand::Terminate(args) => terminate(context, args).await,
        GovernCommand::Declare { partnership, person } => {
            declare(context, &partnership.partnership, person).await
        }
        GovernCommand::GrantHistory { target, scope } => {
            let what = choice(scope)?;
            let ask = DecideRequest::Grant { organisation: target.org, what };
            decide(
                context,
                &target.partnership,
                ask,
                "Granted: the keys reach it from members when it next connects to one, or asks again.",
            )
            .await
        }
        GovernCommand::Acts(ActsCommand::Export { partnership, file }) => {
            export(context, &partnership.partnership, &file).await
        }
        GovernCommand::Acts(ActsCommand::Import { partnership, file }) => {
            import(context, &partnership.partnership, &file).await
        }
    }
}

/// What is decided about one member.
pub(super) async fn member(context: &Context, command: MemberDecision) -> Result<Exit, Problem> {
    match command {
        MemberDecision::Role { target, role } => {
            let done = format!("{} has the role {role} now.", target.org);
            let ask = DecideRequest::Role { organisation: target.org, role };
            decide(context, &target.partnership, ask, &done).await
        }
        MemberDecision::Promote(target) => {
            let done = format!("{} is a steward now.", target.org);
            let ask = DecideRequest::Promote { organisation: target.org };
            decide(context, &target.partnership, ask, &done).await
        }
        MemberDecision::Demote(target) => {
            let done = format!("{} is no steward any more.", target.org);
            let ask = DecideRequest::Demote { organisation: target.org };
            decide(context, &target.partnership, ask, &done).await
        }
    }
}

/// Asks the node, and says what came of it.
pub(super) async fn decide(
    context: &Context,
    partnership: &str,
    ask: DecideRequest,
    done: &str,
) -> Result<Exit, Problem> {
    let decision: Decision =
        context.client().await?.post(&route(&["partnerships", partnership, "decide"]), &ask).await?;
    answer(context, partnership, &decision, json!({}), done)
}

/// Says what came of a decision; `also` is put beside it in the JSON answer.
pub(super) fn answer(
    context: &Context,
    partnership: &str,
    decision: &Decision,
    also: Value,
    done: &str,
) -> Result<Exit, Problem> {
    let mut object = also;
    if let (Value::Object(all), Ok(Value::Object(more))) = (&mut object, serde_json::to_value(decision)) {
        all.extend(more);
    }
    context.output.answer(&object, |page| match &decision.proposal {
        None => page.line(done),
        Some(id) => {
            page.line(&format!(
                "Proposed and signed: {} of {} signatures. Nothing is changed before the others have signed.",
                decision.signed, decision.needed
            ));
            page.item("proposal", &words::short(id));
            page.item("they type", &format!("entente partnership sign {partnership} {}", words::short(id)));
        }
    })?;
    Ok(Exit::Done)
}

async fn view(context: &Context, partnership: &str) -> Result<PartnershipView, Problem> {
    context.client().await?.get(&route(&["partnerships", partnership])).await
}

async fn proposals(context: &Context, partnership: &str) -> Result<Exit, Problem> {
    let view = view(context, partnership).await?;
    context.output.answer(&json!({ "proposals": view.proposals }), |page| {
        if view.proposals.is_empty() {
            page.line("Nothing was proposed.");
        }
        view.proposals.iter().for_each(|proposal| paint(page, proposal));
    })?;
    Ok(Exit::Done)
}

/// A proposal for the screen.
pub(super) fn paint(page: &mut Page, proposal: &ProposalView) {
    page.point(&format!("{} ({})", proposal.what, proposal.state));
    page.item("id", &words::short(&proposal.id));
    page.item("proposed", &format!("by {}, {}", proposal.by, times::local(proposal.time)));
    let of = match proposal.signers.as_str() {
        "members" => "every member".to_owned(),
        _ => words::count(proposal.needed, "steward", "stewards"),
    };
    page.item("signed", &format!("{} (wants {of})", proposal.signed.join(", ")));
    if !proposal.missing.is_empty() {
        page.item("missing", &proposal.missing.join(", "));
    }
    for change in &proposal.changes {
        let when = if change.at_once { ", holds at once" } else { "" };
        page.point(&format!("{}{when}: {}", change.effect, change.sentence));
    }
    if proposal.waits_for_us {
        page.item("waits for", "our signature: entente partnership sign P");
    }
}

async fn sign(context: &Context, one: OneProposal) -> Result<Exit, Problem> {
    let partnership = one.partnership.partnership;
    if !one.yes && ask::somebody_is_there() {
        let view = view(context, &partnership).await?;
        let open: Vec<&ProposalView> = view.proposals.iter().filter(|p| p.state == "open").collect();
        let chosen = match &one.proposal {
            Some(id) => open.iter().find(|p| p.id.to_string().starts_with(id.as_str())),
            None => open.first().filter(|_| open.len() == 1),
        };
        if let Some(proposal) = chosen {
            context.output.words(|page| paint(page, proposal));
            if proposal.agreement.is_some() {
                let next = context.command(&format!("partnership agreement diff {partnership} FILE"));
                context.output.note(&format!("Read the whole text first: --json has it; {next} compares."));
            }
            if !ask::confirmed(&context.output, "Sign this?") {
                return Err(declined("nothing was signed"));
            }
        }
    }
    let ask = DecideRequest::Sign { proposal: one.proposal };
    let decision: Decision =
        context.client().await?.post(&route(&["partnerships", &partnership, "decide"]), &ask).await?;
    context.output.answer(&decision, |page| {
        if decision.done {
            page.line("Signed. That was the last signature: it is in effect.");
        } else {
            page.line(&format!("Signed: {} of {} signatures.", decision.signed, decision.needed));
        }
    })?;
    Ok(Exit::Done)
}

async fn suspend(context: &Context, args: WithReason) -> Result<Exit, Problem> {
    let partnership = args.partnership.partnership;
    let question = format!("Suspend {partnership}? Nothing is exchanged until you resume it.");
    sure(context, args.yes, &question, "the partnership was not suspended")?;
    let ask = DecideRequest::Suspend { reason: args.reason };
    decide(context, &partnership, ask, "Suspended. Nothing is exchanged until you resume it.").await
}

async fn terminate(context: &Context, args: WithReason) -> Result<Exit, Problem> {
    let partnership = args.partnership.partnership;
    let question = format!("End {partnership} for good? This cannot be undone.");
    sure(context, args.yes, &question, "the partnership goes on")?;
    let ask = DecideRequest::Terminate { reason: args.reason };
    decide(context, &partnership, ask, "The partnership is ended.").await
}

async fn declare(context: &Context, partnership: &str, person: String) -> Result<Exit, Problem> {
    let ask = DecideRequest::Declare { person };
    decide(context, partnership, ask, "Declared. Keys follow when partners have heard of it.").await
}

/// Asks where somebody is there. A script that names a partnership and an organisation is taken at its word.
pub(super) fn sure(context: &Context, yes: bool, question: &str, not_done: &str) -> Result<(), Problem> {
    if yes || !ask::somebody_is_there() || ask::confirmed(&context.output, question) {
        return Ok(());
    }
    Err(declined(not_done))
}

fn day(text: &str) -> Result<Timestamp, Problem> {
    serde_json::from_value(Value::String(text.to_owned()))
        .map_err(|_| usage(format!("{text} is not a day"), "write it as year-month-day, such as 2027-12-31"))
}

fn choice(scope: HistoryScopeArgs) -> Result<HistoryChoice, Problem> {
    match (scope.all, scope.from) {
        (true, _) => Ok(HistoryChoice::All),
        (_, Some(from)) => Ok(HistoryChoice::From(day(&from)?)),
        _ => Ok(HistoryChoice::Records(scope.record)),
    }
}

async fn export(context: &Context, partnership: &str, file: &Path) -> Result<Exit, Problem> {
    let acts: ActsFile = context.client().await?.get(&route(&["partnerships", partnership, "acts"])).await?;
    let text = serde_json::to_vec(&acts).unwrap_or_default();
    let write = || -> std::io::Result<()> {
        use std::io::Write;
        let mut out = std::fs::OpenOptions::new().write(true).create_new(true).open(file)?;
        out.write_all(&text)?;
        out.sync_all()
    };
    write().map_err(|e| problem::file("written", file, &e))?;
    let count = acts.acts.len();
    context.output.answer(&json!({ "acts": count, "file": file }), |page| {
        page.line(&format!("{} written. Hand the file to members only.", words::count(count, "act", "acts")));
    })?;
    Ok(Exit::Done)
}

async fn import(context: &Context, partnership: &str, file: &Path) -> Result<Exit, Problem> {
    let bytes = drafts::read_bounded(file, MAX_FILE)?;
    let acts: ActsFile = serde_json::from_slice(&bytes).map_err(|_| {
        usage(
            format!("{} is not a file of acts", file.display()),
            "ask for it again: partnership acts export",
        )
    })?;
    let taken: TakenActs =
        context.client().await?.post(&route(&["partnerships", partnership, "acts"]), &acts).await?;
    context.output.answer(&taken, |page| {
        page.line(&format!("{} new.", words::count(taken.new, "act is", "acts are")));
    })?;
    Ok(Exit::Done)
}
