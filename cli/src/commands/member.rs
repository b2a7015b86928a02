//! `entente member …`.

use entente_node::api::types::{MemberView, PartnershipSummary, PartnershipView, Problem};
use entente_protocol::ids::PartnershipId;
use serde::Serialize;
use serde_json::json;

use super::words;
use crate::args::MemberCommand;
use crate::client::route;
use crate::output::Page;
use crate::problem::Exit;
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
    let MemberCommand::List { partnership } = command;
    let views = views(context, partnership).await?;
    let members: Vec<Placed<'_>> = views.iter().flat_map(placed).collect();
    context.output.answer(&json!({ "members": members }), |page| {
        for view in &views {
            page.heading(&view.summary.name);
            table(page, &view.members_now);
        }
        if views.is_empty() {
            page.line("No partnership yet.");
        }
    })?;
    Ok(Exit::Done)
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
        ["name", "id", "kind", "role", "since", "last seen"],
        members.iter().map(|m| {
            let steward = if m.steward { ", steward" } else { "" };
            let two_faced = if m.two_faced { " (TWO FACES: see audit verify)" } else { "" };
            [
                format!("{}{two_faced}", m.organisation.name),
                words::short(&m.organisation.id),
                format!("{}, {}", m.organisation.kind.as_str(), m.organisation.country),
                format!("{}{steward}", m.role),
                times::local(m.since),
                seen(m),
            ]
        }),
    );
}

fn seen(member: &MemberView) -> String {
    match (member.ourselves, member.connected) {
        (true, _) => "this node".to_owned(),
        (_, true) => "connected".to_owned(),
        _ => times::local_or(member.last_seen, "not yet"),
    }
}
