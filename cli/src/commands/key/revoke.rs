//! `entente key revoke` and `exposed`: after a raid.

use entente_node::api::nodes::{Exposed, RevocationIn, Revocations, RevokeNode, encoded};
use entente_node::api::types::Problem;
use entente_protocol::ids::Timestamp;
use entente_protocol::root;

use super::super::{node, words};
use crate::args::RevokeArgs;
use crate::client::route;
use crate::output::Page;
use crate::problem::{Exit, declined, usage};
use crate::{Context, ask, times};

/// Revokes a node in every partnership of this one, and lists what it could read.
pub(super) async fn revoke(context: &Context, args: RevokeArgs) -> Result<Exit, Problem> {
    let client = context.client().await?;
    // Resolves what was typed, before anything is asked or signed.
    let known: Exposed = client.get(&route(&["nodes", &args.node, "exposed"])).await?;
    let word = match &args.root_key {
        None => None,
        Some(file) => {
            let key = node::root_key(context, Some(file), &args.passphrase)?;
            if key.id() != known.organisation.id {
                let what = format!("this is not the root key of {}", known.organisation.name);
                return Err(usage(what, "name the right file: --root-key FILE"));
            }
            let now = entente_node::clock::now();
            Some(encoded(&root::revoke(&key.signing_key(), known.node, now)))
        }
    };
    let question = format!(
        "Revoke node {} of {} for ever, in every partnership of this node?",
        words::short(&known.node),
        known.organisation.name
    );
    if !args.yes && ask::somebody_is_there() && !ask::confirmed(&context.output, &question) {
        return Err(declined("the node was not revoked"));
    }
    let asked = RevokeNode { seized_at: args.seized_at.map(Timestamp), reason: args.reason, root: word };
    let path = route(&["nodes", &known.node.to_string(), "revoke"]);
    let done: Revocations = client.post(&path, &asked).await?;
    context.output.answer(&done, |page| {
        page.heading(&format!(
            "Node {} of {} is revoked",
            words::short(&known.node),
            known.organisation.name
        ));
        done.partnerships.iter().for_each(|p| outcome(page, p));
        page.line("Partners are told. New keys are made without it; what it signed later is not shown.");
        paint(page, &done.exposed);
    })?;
    let failed = done.partnerships.iter().any(|p| p.problem.is_some());
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

fn outcome(page: &mut Page, partnership: &RevocationIn) {
    match &partnership.problem {
        None => page.point(&format!("{}: revoked", partnership.name)),
        Some(problem) => page.point(&format!("{}: NOT revoked: {}", partnership.name, problem.what)),
    }
}

/// Lists what a node could read.
pub(super) async fn exposed(context: &Context, node: &str) -> Result<Exit, Problem> {
    let exposed: Exposed = context.client().await?.get(&route(&["nodes", node, "exposed"])).await?;
    context.output.answer(&exposed, |page| paint(page, &exposed))?;
    Ok(Exit::Done)
}

fn paint(page: &mut Page, exposed: &Exposed) {
    for partnership in &exposed.partnerships {
        page.heading(&format!(
            "{}: what the node could read ({} records, {} keys)",
            partnership.name,
            partnership.records.len(),
            partnership.keys
        ));
        page.table(
            ["record", "kind", "title", "by", "date", "sensitivity"],
            partnership.records.iter().map(|r| {
                [
                    words::short(&r.id),
                    r.kind.to_string(),
                    r.title.clone(),
                    r.author.name.clone(),
                    times::local(r.created),
                    r.sensitivity.as_str().to_owned(),
                ]
            }),
        );
    }
    page.gap();
    page.line("This is what this node can tell. Of records between others, their own nodes tell.");
    page.line("Drafts and attachments on the machine itself are open to whoever has its passphrase, too.");
}
