//! `entente doctor`.

use entente_node::api::types::{Check, Problem};
use serde_json::json;

use crate::client::{not_initialised, route};
use crate::problem::Exit;
use crate::{Context, node_calls};

/// Asks the running node how it is, or looks at its folder where none runs.
pub(super) async fn doctor(context: &Context) -> Result<Exit, Problem> {
    let (running, checks) = match context.client().await {
        Ok(client) => (true, client.get::<Vec<Check>>(&route(&["doctor"])).await?),
        Err(problem) if problem.code == "no-node" => {
            if !node_calls::initialised(&context.home) {
                return Err(not_initialised(&context.home));
            }
            (false, node_calls::doctor_offline(&context.home))
        }
        Err(problem) => return Err(problem),
    };
    let findings = checks.iter().filter(|check| !check.ok).count();
    let answer = json!({ "running": running, "checks": checks, "findings": findings });
    context.output.answer(&answer, |page| {
        page.heading(if running { "The node runs" } else { "The node is not running" });
        page.table(
            ["check", "", "seen"],
            checks.iter().map(|check| {
                [check.name.clone(), if check.ok { "fine" } else { "LOOK" }.to_owned(), check.seen.clone()]
            }),
        );
        for check in checks.iter().filter(|check| !check.ok) {
            page.heading(&check.name);
            page.item("seen", &check.seen);
            page.item("next", &check.next);
        }
    })?;
    Ok(if findings == 0 { Exit::Done } else { Exit::Findings })
}
