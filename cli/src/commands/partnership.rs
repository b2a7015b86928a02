//! `entente partnership …`, agreements apart.

use std::path::Path;

use entente_node::api::nodes::{NewOffice, RevokedView};
use entente_node::api::types::{
    AboutOrg, InvitationCreated, InvitationView, Invited, Join, NewInvitation, NewPartnership,
    PartnershipCreated, PartnershipState, PartnershipSummary, PartnershipView, Problem,
};
use entente_protocol::handling::Role;
use entente_protocol::limits;
use serde_json::{Value, json};

use super::{agreement, drafts, fetching, govern, member, qr, status, words};
use crate::args::{OrgInPartnership, PartnershipCommand};
use crate::client::route;
use crate::output::Page;
use crate::problem::{Exit, declined, usage};
use crate::{Context, ask, times};

/// Dispatches.
pub(super) async fn partnership(context: &Context, command: PartnershipCommand) -> Result<Exit, Problem> {
    match command {
        PartnershipCommand::New { name, agreement, role, person } => {
            let agreement = read_text(&agreement, limits::MAX_AGREEMENT)?;
            found(context, NewPartnership { name, agreement, role, person }).await
        }
        PartnershipCommand::Quota(args) => fetching::quota(context, args).await,
        PartnershipCommand::Priority(args) => fetching::priority(context, args).await,
        PartnershipCommand::List => list(context).await,
        PartnershipCommand::Show(the) => show(context, &the.partnership).await,
        PartnershipCommand::Invite { partnership, role, days, qr } => {
            invite(context, &partnership.partnership, NewInvitation { role, days }, qr).await
        }
        PartnershipCommand::Join { invitation, yes, person } => join(context, &invitation, yes, person).await,
        PartnershipCommand::Govern(command) => govern::govern(context, command).await,
        PartnershipCommand::Approve(target) => approve(context, &target).await,
        PartnershipCommand::Office { target, days } => office(context, target, days).await,
        PartnershipCommand::Remove { target, reason, yes } => remove(context, &target, reason, yes).await,
        PartnershipCommand::Leave { partnership, yes } => leave(context, &partnership.partnership, yes).await,
        PartnershipCommand::Agreement(command) => agreement::agreement(context, command).await,
    }
}

async fn found(context: &Context, new: NewPartnership) -> Result<Exit, Problem> {
    let created: PartnershipCreated = context.client().await?.post(&route(&["partnerships"]), &new).await?;
    let next = context.command(&format!("partnership invite {}", words::short(&created.partnership)));
    context.output.answer(&created, |page| {
        page.line("The partnership is founded.");
        page.item("partnership", &created.partnership.to_string());
        page.item("next", &next);
    })?;
    Ok(Exit::Done)
}

async fn list(context: &Context) -> Result<Exit, Problem> {
    let all: Vec<PartnershipSummary> = context.client().await?.get(&route(&["partnerships"])).await?;
    context.output.answer(&json!({ "partnerships": all }), |page| status::partnerships(page, &all))?;
    Ok(Exit::Done)
}

async fn show(context: &Context, partnership: &str) -> Result<Exit, Problem> {
    let view: PartnershipView = context.client().await?.get(&route(&["partnerships", partnership])).await?;
    context.output.answer(&view, |page| paint(context, page, &view))?;
    Ok(Exit::Done)
}

fn paint(context: &Context, page: &mut Page, view: &PartnershipView) {
    page.heading(&view.summary.name);
    page.item("id", &view.summary.id.to_string());
    page.item("we are", words::state(view.summary.state));
    for stopped in &view.stopped {
        let since = times::local(stopped.time);
        page.verdict(false, &format!("{} by {}, {since}: {}", stopped.how, stopped.by, stopped.reason));
    }
    if let Some(why) = &view.fenced {
        page.verdict(false, &format!("this node publishes nothing here: {why}"));
    }
    page.heading("Members");
    member::table(page, &view.members_now);
    for member in &view.members_now {
        if let Some(why) = &member.no_key {
            page.point(&format!("{} gets no key: {why}", member.organisation.name));
        }
    }
    if view.proposals.iter().any(|p| p.state == "open") {
        page.heading("Proposals that wait for signatures");
        view.proposals.iter().filter(|p| p.state == "open").for_each(|p| govern::paint(page, p));
    }
    member::alarms(page, &view.members_now);
    if !view.pending.is_empty() {
        page.heading("Waiting for approval: check by another channel that they are who they say");
        for pending in &view.pending {
            page.point(&format!("{}, as {}", words::organisation(&pending.organisation), pending.role));
            page.item("id", &pending.organisation.id.to_string());
            page.item("fingerprint", &words::fingerprint(&pending.organisation.id));
        }
        page.item("next", &context.command("partnership approve P ORG"));
    }
    if !view.former.is_empty() {
        page.heading("Former members");
        for former in &view.former {
            page.point(&format!("{}: {}", former.name, former.how));
        }
    }
    revoked(page, &view.revoked);
    if !view.grants.is_empty() {
        page.heading("History that was granted");
        view.grants.iter().for_each(|g| page.point(&format!("{}: {}", g.organisation, g.what)));
    }
    if !view.offices.is_empty() {
        page.heading("Doors that wait for another office's node");
        page.table(
            ["of", "until"],
            view.offices.iter().map(|o| [o.organisation.clone(), times::local(o.expires)]),
        );
    }
    if !view.invitations.is_empty() {
        page.heading("Open invitations");
        page.table(
            ["role", "until", "used by"],
            view.invitations.iter().map(|i| {
                [i.role.to_string(), times::local(i.expires), i.used_by.clone().unwrap_or_default()]
            }),
        );
    }
    agreement::paint(page, &view.agreement);
}

/// Nodes that are not to be trusted any more.
pub(super) fn revoked(page: &mut Page, revoked: &[RevokedView]) {
    if revoked.is_empty() {
        return;
    }
    page.heading("Revoked nodes: entente key exposed NODE lists what each could read");
    page.table(
        ["node", "of", "partnership", "revoked by", "when", "seized since", "reason"],
        revoked.iter().map(|r| {
            [
                words::short(&r.node),
                r.organisation.name.clone(),
                r.partnership_name.clone(),
                r.by.name.clone(),
                times::local(r.time),
                times::local_or(r.seized_at, ""),
                r.reason.clone(),
            ]
        }),
    );
}

async fn invite(
    context: &Context,
    partnership: &str,
    new: NewInvitation,
    as_qr: bool,
) -> Result<Exit, Problem> {
    let route = route(&["partnerships", partnership, "invitations"]);
    let created: InvitationCreated = context.client().await?.post(&route, &new).await?;
    context.output.note(&format!(
        "An invitation for one organisation as {}, good once, until {}. Hand it over by a channel that both trust:",
        created.role,
        times::local(created.expires)
    ));
    context.output.answer(&created, |page| page.line(&created.invitation))?;
    if as_qr {
        // Beside the data: who pipes the line away still sees the code.
        context.output.words(|page| qr::paint(page, &created.invitation.to_uppercase()));
    }
    context.output.note("The invited organisation types: entente partnership join INVITATION");
    Ok(Exit::Done)
}

async fn office(context: &Context, target: OrgInPartnership, days: Option<u64>) -> Result<Exit, Problem> {
    let route = route(&["partnerships", &target.partnership, "office"]);
    let new = NewOffice { organisation: target.org.clone(), days };
    let created: InvitationCreated = context.client().await?.post(&route, &new).await?;
    context.output.note(&format!(
        "A door for one more node of {}, until {}. Hand it over by a channel that both trust:",
        target.org,
        times::local(created.expires)
    ));
    context.output.answer(&created, |page| page.line(&created.invitation))?;
    context.output.note("The new node types: entente partnership join INVITATION");
    Ok(Exit::Done)
}

async fn join(
    context: &Context,
    invitation: &str,
    yes: bool,
    mut person: Option<String>,
) -> Result<Exit, Problem> {
    if !yes && !ask::somebody_is_there() {
        return Err(usage(
            "joining signs an agreement, and there is no terminal to ask on",
            context.command("partnership join INVITATION --yes"),
        ));
    }
    let invitation = invitation_text(invitation)?;
    let client = context.client().await?;
    let invited = Invited { invitation: invitation.clone() };
    let view: InvitationView = client.post(&route(&["invitations", "look"]), &invited).await?;
    if !yes {
        context.output.words(|page| paint_invitation(page, &view));
        if !ask::confirmed(&context.output, "Sign this agreement and ask to join?") {
            return Err(declined("nothing was signed, the invitation can still be used"));
        }
    }
    if view.declaration.is_some() && person.is_none() && ask::somebody_is_there() {
        person = Some(ask::line(&context.output, "Who signs the declaration for your organisation? Name:"));
    }
    let join = Join { invitation, agreement: view.agreement.hash, person };
    let created: PartnershipCreated = client.post(&route(&["partnerships", "join"]), &join).await?;
    context.output.answer(&created, |page| {
        page.line(match created.state {
            PartnershipState::AwaitingApproval => {
                "Signed. A steward must approve before anything is exchanged."
            }
            _ => "Joined.",
        });
        page.item("partnership", &created.partnership.to_string());
        page.item("next", &context.command("partnership list"));
    })?;
    Ok(Exit::Done)
}

fn paint_invitation(page: &mut Page, view: &InvitationView) {
    page.heading(&format!("Invitation to {}", view.name));
    page.item("from", &words::organisation(&view.inviter));
    page.item("its id", &view.inviter.id.to_string());
    page.item("its fingerprint", &words::fingerprint(&view.inviter.id));
    page.item("you would be", view.role.as_ref().map_or("one more node of your organisation", Role::as_str));
    page.item("good until", &times::local(view.expires));
    agreement::paint(page, &view.agreement);
    if let Some(text) = &view.declaration {
        page.heading("Declaration of confidentiality: no key before it is signed");
        page.line(text);
    }
    page.gap();
}

async fn approve(context: &Context, target: &OrgInPartnership) -> Result<Exit, Problem> {
    let about = AboutOrg { organisation: target.org.clone(), reason: None };
    let decision = act(context, &target.partnership, "approve", &about).await?;
    context.output.note(&format!(
        "Make sure on the telephone that it is them; both type: {}",
        context.command(&format!(
            "member verify {} {}",
            crate::quoted(&target.partnership),
            crate::quoted(&target.org)
        ))
    ));
    let sentence = format!("{} is a member now.", target.org);
    govern::answer(context, &target.partnership, &decision, json!({ "approved": target.org }), &sentence)
}

async fn remove(
    context: &Context,
    target: &OrgInPartnership,
    reason: Option<String>,
    yes: bool,
) -> Result<Exit, Problem> {
    let question = format!(
        "Remove {} from {}? Nothing new will reach it; what it holds it keeps.",
        target.org, target.partnership
    );
    govern::sure(context, yes, &question, "nobody was removed")?;
    let about = AboutOrg { organisation: target.org.clone(), reason };
    let decision = act(context, &target.partnership, "remove", &about).await?;
    let sentence = format!("{} is removed.", target.org);
    govern::answer(context, &target.partnership, &decision, json!({ "removed": target.org }), &sentence)
}

async fn leave(context: &Context, partnership: &str, yes: bool) -> Result<Exit, Problem> {
    let question = format!("Leave {partnership}? Nothing new will come; what is here stays here.");
    govern::sure(context, yes, &question, "you are still a member")?;
    let _left: Value = act(context, partnership, "leave", &json!({})).await?;
    done(context, json!({ "left": partnership }), &format!("You left {partnership}."))
}

async fn act<T: serde::de::DeserializeOwned>(
    context: &Context,
    partnership: &str,
    verb: &str,
    body: &impl serde::Serialize,
) -> Result<T, Problem> {
    context.client().await?.post(&route(&["partnerships", partnership, verb]), body).await
}

fn done(context: &Context, answer: Value, sentence: &str) -> Result<Exit, Problem> {
    context.output.answer(&answer, |page| page.line(sentence))?;
    Ok(Exit::Done)
}

/// The text of an invitation: as typed, from a file, or from stdin.
fn invitation_text(given: &str) -> Result<String, Problem> {
    let looks_like_one = given.trim_start().to_ascii_lowercase().starts_with("entente1");
    let text = if given == "-" || (!looks_like_one && Path::new(given).exists()) {
        read_text(Path::new(given), limits::MAX_INVITATION)?
    } else {
        given.to_owned()
    };
    Ok(text.trim().to_owned())
}

/// The whole of a file as text; `-` is stdin.
pub(super) fn read_text(path: &Path, most: usize) -> Result<String, Problem> {
    let bytes = drafts::read_bounded(path, most)?;
    String::from_utf8(bytes)
        .map_err(|_| usage(format!("{} is not UTF-8 text", path.display()), "save it as UTF-8"))
}
