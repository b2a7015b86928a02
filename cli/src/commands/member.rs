//! `entente member …`.

use entente_node::api::types::{MemberView, OrgView, PartnershipSummary, PartnershipView, Problem};
use entente_node::fingerprint;
use entente_protocol::ids::PartnershipId;
use serde::Serialize;
use serde_json::json;

use super::{govern, qr, trust, verify, words};
use crate::args::MemberCommand;
use crate::client::route;
use crate::output::Page;
use crate::problem::{self, Exit, usage};
use crate::{Context, times};

/// A member, and where.
#[derive(Serialize)]
struct Placed<'a> {
    partnership: PartnershipId,
    partnership_name: &'a str,
    #[serde(flatten)]
    member: &'a MemberView,
}

/// Dispatches.
pub(super) async fn member(context: &Context, command: MemberCommand) -> Result<Exit, Problem> {
    match command {
        MemberCommand::Decide(decision) => govern::member(context, decision).await,
        MemberCommand::List { partnership } => list(context, partnership).await,
        MemberCommand::Show { org, partnership } => show(context, &org, partnership).await,
        MemberCommand::Verify(args) => verify::verify(context, &args).await,
    }
}

async fn list(context: &Context, partnership: Option<String>) -> Result<Exit, Problem> {
    let views = views(context, partnership).await?;
    let members: Vec<Placed<'_>> = views.iter().flat_map(placed).collect();
    context.output.answer(&json!({ "members": members }), |page| {
        for view in &views {
            page.heading(&view.summary.name);
            table(page, &view.members_now);
            alarms(page, &view.members_now);
        }
        if views.is_empty() {
            page.line("No partnership yet.");
        }
    })?;
    Ok(Exit::Done)
}

/// One organisation's key, in every form that can be compared.
async fn show(context: &Context, org: &str, partnership: Option<String>) -> Result<Exit, Problem> {
    let views = views(context, partnership).await?;
    let known = views.iter().flat_map(|view| {
        let members = view.members_now.iter().map(move |member| (&member.organisation, "member", view));
        members.chain(
            view.pending.iter().map(move |pending| (&pending.organisation, "waits for approval", view)),
        )
    });
    let found: Vec<(&OrgView, &str, &PartnershipView)> = known.filter(|(o, ..)| is_meant(o, org)).collect();
    let Some((organisation, ..)) = found.first() else {
        return Err(problem::problem(
            problem::NOT_FOUND,
            "not-found",
            format!("no member and nobody who waits is called {org}, or has an id that begins so"),
            "nothing was shown",
            context.command("member list"),
        ));
    };
    if found.iter().any(|(other, ..)| other.id != organisation.id) {
        return Err(usage(
            format!("several organisations are called {org}, or have ids that begin so"),
            "name it by more of its id, which `entente member list` shows",
        ));
    }
    let id = organisation.id;
    let answer = json!({
        "organisation": organisation,
        "fingerprint": fingerprint::words(&id),
        "letters": fingerprint::letters(&id),
        "qr": fingerprint::qr_text(&id),
        "in": found.iter().map(|(_, as_what, view)| json!({
            "partnership": view.summary.id, "name": view.summary.name, "as": as_what,
        })).collect::<Vec<_>>(),
    });
    context.output.answer(&answer, |page| {
        page.heading(&words::organisation(organisation));
        for (_, as_what, view) in &found {
            page.item(as_what, &view.summary.name);
            let member = view.members_now.iter().find(|m| m.organisation.id == id);
            if let Some(trust) = member.and_then(|m| m.trust.as_ref()) {
                page.item("who it is", &trust::word(trust));
            }
        }
        page.item("fingerprint", &words::fingerprint(&id));
        page.item("in letters", &fingerprint::letters(&id));
        page.gap();
        qr::paint(page, &fingerprint::qr_text(&id));
        page.line("Let them read their twelve words to you (`entente status` shows them), and compare.");
    })?;
    Ok(Exit::Done)
}

/// By name, by id, or by the beginning of an id (4 letters or more).
fn is_meant(organisation: &OrgView, text: &str) -> bool {
    let id = organisation.id.to_string();
    organisation.name == text || (text.len() >= 4 && id.starts_with(&text.to_lowercase()))
}

async fn views(context: &Context, partnership: Option<String>) -> Result<Vec<PartnershipView>, Problem> {
    let client = context.client().await?;
    let named = match partnership {
        Some(name) => vec![name],
        None => {
            let all: Vec<PartnershipSummary> = client.get(&route(&["partnerships"])).await?;
            all.iter().map(|summary| summary.id.to_string()).collect()
        }
    };
    let mut views = Vec::with_capacity(named.len());
    for name in &named {
        views.push(client.get(&route(&["partnerships", name])).await?);
    }
    Ok(views)
}

fn placed(view: &PartnershipView) -> impl Iterator<Item = Placed<'_>> {
    view.members_now.iter().map(|member| Placed {
        partnership: view.summary.id,
        partnership_name: &view.summary.name,
        member,
    })
}

/// A table of members.
pub(super) fn table(page: &mut Page, members: &[MemberView]) {
    page.table(
        ["name", "id", "kind", "role", "trust", "since", "last seen"],
        members.iter().map(|m| {
            let steward = if m.steward { ", steward" } else { "" };
            let two_faced = if m.two_faced { " (TWO FACES: see audit verify)" } else { "" };
            let key = if m.no_key.is_some() { ", no key" } else { "" };
            [
                format!("{}{two_faced}", m.organisation.name),
                words::short(&m.organisation.id),
                format!("{}, {}", m.organisation.kind.as_str(), m.organisation.country),
                format!("{}{steward}{key}", m.role),
                trust::word_or(m.trust.as_ref(), ""),
                times::local(m.since),
                seen(m),
            ]
        }),
    );
}

/// What is wrong with how sure we are of members.
pub(super) fn alarms(page: &mut Page, members: &[MemberView]) {
    for member in members {
        let alarm = member.trust.as_ref().and_then(|t| trust::alarm(&member.organisation.name, t));
        if let Some(alarm) = alarm {
            page.point(&alarm);
            let id = words::short(&member.organisation.id);
            page.item("next", &format!("entente member verify P {id}"));
        }
    }
}

fn seen(member: &MemberView) -> String {
    match (member.ourselves, member.connected) {
        (true, _) => "this node".to_owned(),
        (_, true) => "connected".to_owned(),
        _ => times::local_or(member.last_seen, "not yet"),
    }
}
