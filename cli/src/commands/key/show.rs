//! `entente key show`.

use entente_node::api::keys::{HeldKey, KeysView};
use entente_node::api::types::Problem;
use entente_node::recovery::{RecoveryFacts, Rehearsed};
use serde::Serialize;

use super::super::words;
use crate::client::{query, route};
use crate::output::Page;
use crate::problem::Exit;
use crate::{Context, times};

#[derive(Serialize)]
struct Which {
    partnership: Option<String>,
}

/// Which keys are here, and what a thief would get.
pub(super) async fn show(context: &Context, partnership: Option<String>) -> Result<Exit, Problem> {
    let route = format!("{}{}", route(&["keys"]), query(&Which { partnership }));
    let view: KeysView = context.client().await?.get(&route).await?;
    context.output.answer(&view, |page| paint(context, page, &view))?;
    Ok(Exit::Done)
}

fn paint(context: &Context, page: &mut Page, view: &KeysView) {
    page.heading(&format!("Keys of {} on this node", words::organisation(&view.organisation)));
    page.item("fingerprint", &words::six_a_line(&view.fingerprint));
    page.gap();
    page.line(
        "A thief of this computer gets, while it is locked or off, the sizes and dates of files, and what a",
    );
    page.line(
        "weak passphrase lets be guessed. While it is unlocked, everything that this node can read and do.",
    );
    for key in &view.own {
        paint_key(page, key);
    }
    for partnership in &view.partnerships {
        page.heading(&format!("{} ({})", partnership.name, words::state(partnership.state)));
        for key in &partnership.keys {
            paint_key(page, key);
        }
    }
    page.heading("How the root key comes back if its file is lost");
    paint_recovery(context, page, &view.recovery);
}

fn paint_key(page: &mut Page, key: &HeldKey) {
    let count = if key.count > 1 { format!(" ({})", key.count) } else { String::new() };
    page.point(&format!("{}{count}", key.what));
    page.item("since", &times::local_or(key.since, ""));
    page.item("until", &times::local_or(key.until, ""));
    page.item("opens", &key.opens.map(|n| format!("{n} records that are here")).unwrap_or_default());
    page.item("taken locked", &key.locked);
    page.item("taken unlocked", &key.unlocked);
}

fn paint_recovery(context: &Context, page: &mut Page, facts: &RecoveryFacts) {
    page.item(
        "words on paper",
        &times::local_or(facts.backup, "never written down, as far as this node knows"),
    );
    for set in &facts.sets {
        page.item("shares", &format!("the set {}, made {}", set.id, times::local(set.made)));
    }
    if facts.sets.is_empty() {
        page.item("shares", "none were made, as far as this node knows");
    }
    if facts.sets.len() > 1 {
        page.line("  Every set whose shares exist still opens the key, two of its three together.");
    }
    let rehearsed = facts.drill.map(|drill| {
        let with = match drill.with {
            Rehearsed::Words => "the words".to_owned(),
            Rehearsed::Shares(set) => format!("shares of the set {set}"),
        };
        format!("{}, with {with}", times::local(drill.at))
    });
    page.item("last rehearsed", rehearsed.as_deref().unwrap_or("never"));
    if facts.backup.is_none() && facts.sets.is_empty() {
        page.item("next", &context.command("key backup"));
    } else if facts.drill.is_none() {
        page.item("next", &context.command("key drill"));
    }
}
