//! Motions and their votes: how they are shown, and how who put one to the vote counts them.

use entente_node::api::types::{AdviceView, MotionView, Problem, RecordView};
use entente_protocol::lifecycle::motion::{COUNTED, TALLY};

use super::forms::TITLE;
use super::recommendation::before;
use super::say::Statement;
use super::words;
use crate::args::Say;
use crate::client::route;
use crate::output::Page;
use crate::problem::{Exit, usage};
use crate::{Context, safe_text, times};

/// Counts what was here before it closed; with `late` also what is dated in time and came later.
pub(super) async fn close(context: &Context, record: &str, late: bool, say: &Say) -> Result<Exit, Problem> {
    let view: RecordView = context.client().await?.get(&route(&["records", record])).await?;
    let next = "see entente advice show";
    let no_motion = || usage("that record is no motion that was shared", next);
    let partnership = view.summary.partnership.ok_or_else(no_motion)?.to_string();
    let body: AdviceView = context.client().await?.get(&route(&["advice", &partnership])).await?;
    let motion = body.motions.iter().find(|m| m.id == view.summary.id).ok_or_else(no_motion)?;
    if motion.stage == "open" {
        let closes = motion.closes.map(|t| times::local(before(t))).unwrap_or_default();
        return Err(usage(format!("it is open until {closes}"), "positions are counted once it has closed"));
    }
    if motion.tally.is_some() || motion.stage == "withdrawn" {
        return Err(usage("it is counted, or was taken back", next));
    }
    let counted: Vec<String> = match late {
        true => motion.positions.iter().map(|p| p.record.to_string()).collect(),
        false => motion.to_count.iter().map(ToString::to_string).collect(),
    };
    let mut said =
        Statement::within("motion", &partnership).with(TALLY, motion.id.to_string()).with(COUNTED, counted);
    for (name, value) in view.fields.iter().filter(|(name, _)| name == "quorum" || name == "closes") {
        said = said.with(name, value.clone());
    }
    said.said(context, say).await
}

fn stage(motion: &MotionView) -> String {
    match motion.provisional && motion.stage != "withdrawn" {
        true => format!("{}, provisional: not counted yet", motion.stage),
        false => motion.stage.clone(),
    }
}

fn votes(motion: &MotionView) -> String {
    let quorum = motion.quorum.map_or_else(|| "no quorum named".to_owned(), |n| format!("quorum {n}"));
    format!(
        "{} for, {} against, {} abstaining; {quorum}",
        motion.in_favour, motion.against, motion.abstaining
    )
}

pub(super) fn motions(page: &mut Page, all: &[MotionView]) {
    if all.is_empty() {
        return page.line("No motion.");
    }
    page.table(
        ["id", "stage", "votes", "closes", "question"],
        all.iter().map(|m| {
            let closes = m.closes.map(|t| times::local(before(t))).unwrap_or_default();
            [words::short(&m.id), stage(m), votes(m), closes, safe_text::cut(&m.question, TITLE)]
        }),
    );
}

pub(super) fn paint_motion(page: &mut Page, motion: &MotionView) {
    page.heading(&format!("Motion: {}", safe_text::cut(&motion.question, TITLE)));
    page.item("record", &motion.id.to_string());
    page.item("moved by", &words::organisation(&motion.author));
    page.item("stage", &stage(motion));
    page.item("votes", &votes(motion));
    for position in &motion.positions {
        let reason = position.reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default();
        let conflict = position.conflict.as_ref().map(|c| format!(" (not counted: {c})")).unwrap_or_default();
        let late = if position.came_late { " [came here after the closing]" } else { "" };
        page.item(&position.author.name, &format!("{}{reason}{conflict}{late}", position.says));
    }
    if !motion.uncounted.is_empty() {
        page.line("Not counted:");
        for position in &motion.uncounted {
            let came = if position.came_late { "came here after the closing" } else { "was here in time" };
            let said = times::local(position.said);
            page.item(&position.author.name, &format!("{}, dated {said}; {came}", position.says));
        }
    }
    for response in &motion.responses {
        page.item("response", &format!("{}: {}", response.author.name, response.title));
    }
}
