//! `entente attachment fetch` and `rule`, and `entente partnership quota` and `priority`.

use std::io::IsTerminal;
use std::time::Duration;

use entente_node::api::settings::{FetchView, NewRule, NewSettings, SettingsView};
use entente_node::api::types::Problem;
use entente_node::door::Priority;
use entente_node::settings::Quota;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::words;
use crate::Context;
use crate::args::{PriorityArg, PriorityArgs, QuotaArgs, RuleArgs};
use crate::client::{Client, route};
use crate::output::Page;
use crate::problem::{Exit, usage};

/// How often it is looked how far a fetch is.
const LOOK: Duration = Duration::from_millis(200);
/// Looks without anybody to fetch from before it is left to the node: 5 s.
const ALONE: u32 = 25;
/// Bytes of one chunk.
const CHUNK: u64 = 64 << 10;

/// Asks for an attachment, and waits for it.
pub(super) async fn fetch(
    context: &Context,
    record: &str,
    number: usize,
    no_wait: bool,
) -> Result<Exit, Problem> {
    let client = context.client().await?;
    let route = route(&["records", record, "attachments", &number.to_string(), "fetch"]);
    let mut view: FetchView = client.post(&route, &json!({})).await?;
    if !no_wait {
        view = wait(&client, &route, view).await?;
    }
    context.output.answer(&view, |page| {
        if view.complete {
            page.line("It is here. `entente attachment get` saves it.");
        }
    })?;
    if view.complete {
        return Ok(Exit::Done);
    }
    context.output.note("It is not here yet: it is fetched when a partner who has it is connected.");
    Ok(Exit::Queued)
}

/// Until it is complete, or nobody gives it.
async fn wait(client: &Client, route: &str, mut view: FetchView) -> Result<FetchView, Problem> {
    let bar = bar(view.chunks);
    let mut alone = 0;
    while !view.complete && alone < ALONE {
        tokio::time::sleep(LOOK).await;
        let before = view.here;
        view = client.get(route).await?;
        alone = if view.sources > 0 || view.here > before { 0 } else { alone + 1 };
        bar.set_position(view.here.saturating_mul(CHUNK));
        bar.set_message(words::count(view.sources, "partner", "partners"));
    }
    bar.finish_and_clear();
    Ok(view)
}

/// A bar on stderr, if that is a terminal.
fn bar(chunks: u64) -> ProgressBar {
    let seen = std::io::stderr().is_terminal();
    let target = if seen { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(chunks.saturating_mul(CHUNK)), target);
    // A template that does not parse leaves the plain bar.
    let style =
        ProgressStyle::with_template("{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} · {msg}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}

/// Shows the rule for fetching, or sets it.
pub(super) async fn rule(context: &Context, args: RuleArgs) -> Result<Exit, Problem> {
    let RuleArgs { partnership, all, nothing, only, kind, from, max_size } = args;
    if only && kind.is_empty() && from.is_empty() && max_size.is_none() {
        return Err(usage(
            "--only names nothing",
            "add --kind, --from or --max-size; or say --all or --nothing",
        ));
    }
    let new = if all || nothing || only {
        let fetch = NewRule { automatic: !nothing, kinds: kind, from, max_size };
        NewSettings { fetch: Some(fetch), ..NewSettings::default() }
    } else {
        NewSettings::default()
    };
    settings(context, &partnership, &new).await
}

/// Shows the quota of what partners may store here, or sets it.
pub(super) async fn quota(context: &Context, args: QuotaArgs) -> Result<Exit, Problem> {
    let QuotaArgs { partnership, bytes, records, no_limit } = args;
    let quota = (no_limit || bytes.is_some() || records.is_some()).then_some(Quota { bytes, records });
    settings(context, &partnership, &NewSettings { quota, ..NewSettings::default() }).await
}

/// Shows whose traffic goes first, or sets it.
pub(super) async fn priority(context: &Context, args: PriorityArgs) -> Result<Exit, Problem> {
    let priority = args.priority.map(|priority| match priority {
        PriorityArg::First => Priority::First,
        PriorityArg::Usual => Priority::Usual,
        PriorityArg::Last => Priority::Last,
    });
    settings(context, &args.partnership, &NewSettings { priority, ..NewSettings::default() }).await
}

async fn settings(context: &Context, partnership: &str, new: &NewSettings) -> Result<Exit, Problem> {
    let client = context.client().await?;
    let route = route(&["partnerships", partnership, "settings"]);
    let set = new.fetch.is_some() || new.quota.is_some() || new.priority.is_some();
    let view: SettingsView = if set { client.post(&route, new).await? } else { client.get(&route).await? };
    context.output.answer(&view, |page| paint(page, &view))?;
    Ok(Exit::Done)
}

fn paint(page: &mut Page, view: &SettingsView) {
    page.heading("Attachments that come by themselves");
    let narrow = !view.kinds.is_empty() || !view.from.is_empty() || view.max_size.is_some();
    let which = match (view.automatic, narrow) {
        (false, _) => "none",
        (true, true) => "only these",
        (true, false) => "all",
    };
    page.item("which", which);
    for kind in &view.kinds {
        page.item("of the kind", kind.as_str());
    }
    for org in &view.from {
        page.item("of", &org.name);
    }
    if let Some(most) = view.max_size {
        page.item("of at most", &words::size(most));
    }
    page.heading("What partners store here");
    let limit = |most: Option<String>| most.unwrap_or_else(|| "no limit".to_owned());
    let (used, quota) = (view.used, view.quota);
    page.item("bytes", &format!("{} of {}", words::size(used.bytes), limit(quota.bytes.map(words::size))));
    page.item("entries", &format!("{} of {}", used.records, limit(quota.records.map(|n| n.to_string()))));
    page.heading("Where a limit holds partnerships back");
    let priority = match view.priority {
        Priority::First => "first",
        Priority::Usual => "usual",
        Priority::Last => "last",
    };
    page.item("priority", priority);
}
