//! `entente visit`, `activity`, `advice` and `due`: the other forms of collaboration.

use entente_node::api::types::{
    AdviceView, DueView, ExpertView, NewPartnership, PartnershipCreated, Problem, RefView, SpaceView,
    VisitView,
};
use entente_protocol::agreement::{Agreement, Form, templates};
use entente_protocol::ids::Timestamp;
use serde_json::json;

use super::facts;
use super::recommendation::before;
use super::say::Statement;
use super::tally::{motions, paint_motion};
use super::words;
use crate::args::{ActivityCommand, AdviceCommand, DueArgs, VisitCommand};
use crate::client::{query, route};
use crate::output::Page;
use crate::problem::{Exit, usage};
use crate::{Context, safe_text, times};

/// Columns of a title in a list.
pub(super) const TITLE: usize = 48;
/// Columns of a name in a list.
const NAME: usize = 24;

/// `entente due`.
pub(super) async fn due(context: &Context, args: &DueArgs) -> Result<Exit, Problem> {
    if let Some(draft) = &args.drop {
        context.client().await?.post::<(), ()>(&route(&["due", draft, "drop"]), &()).await?;
        context.output.answer(&json!({ "dropped": draft }), |page| {
            page.line("The consent is not to be asked for any more. The draft is as it was.");
        })?;
        return Ok(Exit::Done);
    }
    let route = route(&["due"]) + &query(&json!({ "partnership": args.partnership }));
    let mut all: Vec<DueView> = context.client().await?.get(&route).await?;
    all.retain(|due| (due.ours || !args.ours) && (due.overdue || !args.overdue));
    let overdue = all.iter().filter(|due| due.overdue).count();
    context.output.answer(&json!({ "due": all, "overdue": overdue }), |page| {
        if all.is_empty() {
            return page.line("Nothing is owed.");
        }
        page.table(
            ["due", "", "what", "by", "partnership", "about"],
            all.iter().map(|due| {
                let nobody = if due.what == "consent" { "the person" } else { "the authority" };
                let by = due.by.as_ref().map_or(nobody, |org| org.name.as_str());
                [
                    times::day(before(due.due)),
                    (if due.overdue { "OVERDUE" } else { "" }).to_owned(),
                    due.what.clone(),
                    if due.ours && due.by.is_some() { "you".to_owned() } else { safe_text::cut(by, NAME) },
                    safe_text::cut(&due.partnership_name, NAME),
                    safe_text::cut(&due.title, TITLE),
                ]
            }),
        );
    })?;
    Ok(if overdue > 0 { Exit::Findings } else { Exit::Done })
}

/// `entente visit …`.
pub(super) async fn visit(context: &Context, command: VisitCommand) -> Result<Exit, Problem> {
    match command {
        VisitCommand::List { partnership } => {
            let route = route(&["visits"]) + &query(&json!({ "partnership": partnership }));
            let all: Vec<VisitView> = context.client().await?.get(&route).await?;
            context.output.answer(&json!({ "visits": all }), |page| {
                if all.is_empty() {
                    page.line("No visit that you can see.");
                }
                all.iter().for_each(|visit| paint_visit(page, visit));
            })?;
        }
        VisitCommand::Correct { record, authority, text, part, say } => {
            return facts::correct(context, &record.record, (authority, text, part), &say).await;
        }
        VisitCommand::Corrections(the) => return facts::show(context, &the.record).await,
        VisitCommand::Experts { partnership } => {
            let route = route(&["experts"]) + &query(&json!({ "partnership": partnership }));
            let all: Vec<ExpertView> = context.client().await?.get(&route).await?;
            let until = |end: Option<Timestamp>| end.map(|t| times::day(before(t))).unwrap_or_default();
            context.output.answer(&json!({ "experts": all }), |page| {
                if all.is_empty() {
                    return page.line("The roster is empty.");
                }
                page.table(
                    ["id", "name", "may go", "training until", "declaration until", "expertise"],
                    all.iter().map(|e| {
                        [
                            words::short(&e.id),
                            safe_text::cut(&e.name, NAME),
                            words::yes(e.fit),
                            until(e.training_until),
                            until(e.declaration_until),
                            safe_text::cut(&e.expertise.join(", "), TITLE),
                        ]
                    }),
                );
            })?;
        }
    }
    Ok(Exit::Done)
}

fn paint_visit(page: &mut Page, visit: &VisitView) {
    page.heading(&visit.title);
    page.item("record", &visit.id.to_string());
    page.item("stage", &visit.stage);
    page.item("place", visit.place.as_deref().unwrap_or_default());
    page.item("from", &visit.from.map(times::day).unwrap_or_default());
    page.item("until", &visit.until.map(|t| times::day(before(t))).unwrap_or_default());
    page.item("team", &visit.team.join(", "));
    page.item("notes are read by", &visit.team_organisations.join(", "));
    for unfit in &visit.unfit {
        page.verdict(false, unfit);
    }
    records(page, &visit.records);
}

fn records(page: &mut Page, all: &[RefView]) {
    if !all.is_empty() {
        page.table(
            ["said", "kind", "by", "id", "title"],
            all.iter().map(|r| {
                [
                    times::day(r.said),
                    r.kind.clone(),
                    safe_text::cut(&r.author.name, NAME),
                    words::short(&r.record),
                    safe_text::cut(&r.title, TITLE),
                ]
            }),
        );
    }
}

/// `entente activity …`.
pub(super) async fn activity(context: &Context, command: ActivityCommand) -> Result<Exit, Problem> {
    match command {
        ActivityCommand::New { name, ends, begins, objectives } => {
            new_activity(context, name, [begins.unwrap_or_else(today), ends], &objectives).await
        }
        ActivityCommand::List => {
            let all: Vec<SpaceView> = context.client().await?.get(&route(&["activities"])).await?;
            context.output.answer(&json!({ "activities": all }), |page| {
                if all.is_empty() {
                    return page.line("No activity.");
                }
                page.table(
                    ["name", "ends", "", "members", "objectives"],
                    all.iter().map(|space| {
                        [
                            safe_text::cut(&space.name, NAME),
                            space.ends.map(|t| times::day(before(t))).unwrap_or_default(),
                            (if space.over { "over" } else { "" }).to_owned(),
                            space.members.len().to_string(),
                            safe_text::cut(space.objectives.as_deref().unwrap_or_default(), TITLE),
                        ]
                    }),
                );
            })?;
            Ok(Exit::Done)
        }
        ActivityCommand::Show { partnership } => {
            let space: SpaceView = context.client().await?.get(&route(&["activities", &partnership])).await?;
            context.output.answer(&space, |page| paint_space(page, &space))?;
            Ok(Exit::Done)
        }
    }
}

fn paint_space(page: &mut Page, space: &SpaceView) {
    page.heading(&space.name);
    page.item("form", &space.form);
    page.item("objectives", space.objectives.as_deref().unwrap_or_default());
    page.item("begins", &times::day(space.start));
    page.item("ends", &space.ends.map(|t| times::day(before(t))).unwrap_or_default());
    if space.over {
        page.line("It is over: nothing new reaches anybody in it.");
    }
    page.heading("Who takes part");
    page.table(
        ["organisation", "role", "declared until", "nothing reaches it because"],
        space.members.iter().map(|m| {
            [
                safe_text::cut(&m.organisation.name, NAME),
                m.role.clone(),
                m.declared_until.map(times::day).unwrap_or_default(),
                m.no_key.clone().unwrap_or_default(),
            ]
        }),
    );
    if !space.records.is_empty() {
        page.heading("What was shared");
        records(page, &space.records);
    }
}

fn today() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}

async fn new_activity(
    context: &Context,
    name: String,
    [begins, ends]: [String; 2],
    objectives: &str,
) -> Result<Exit, Problem> {
    let agreement = activity_agreement(&name, [&begins, &ends], objectives)?;
    let new = NewPartnership { name, agreement, role: None, person: None };
    let made: PartnershipCreated = context.client().await?.post(&route(&["partnerships"]), &new).await?;
    context.output.answer(&made, |page| {
        page.line("The activity is open. Who joins it signs its declaration of confidentiality first.");
        page.item("partnership", &made.partnership.to_string());
        let id = words::short(&made.partnership);
        page.item("next", &context.command(&format!("partnership invite {id} --role expert")));
    })?;
    Ok(Exit::Done)
}

/// The template, with these words put in.
fn activity_agreement(name: &str, [begins, ends]: [&str; 2], objectives: &str) -> Result<String, Problem> {
    let day = |text: &str| entente_protocol::moment::Moment::parse(text).is_some() && !text.contains('T');
    if !day(begins) || !day(ends) {
        return Err(usage("an activity begins and ends on a day", "write it as in 2027-06-30"));
    }
    // JSON's quotation is one that TOML reads.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let text: Vec<String> = templates::template(Form::JointActivity)
        .lines()
        .map(|line| match line.split_once(" = ").map(|(key, _)| key) {
            Some("title") => format!("title = {}", quoted(name)),
            Some("start") => format!("start = {begins}"),
            Some("end") => format!("end = {ends}"),
            Some("objectives") => format!("objectives = {}", quoted(objectives)),
            _ => line.to_owned(),
        })
        .collect();
    let text = text.join("\n") + "\n";
    Agreement::parse(&text)
        .map_err(|e| usage(format!("the activity's agreement: {e}"), "correct the words or the days"))?;
    Ok(text)
}

/// `entente advice …`.
pub(super) async fn advice(context: &Context, command: AdviceCommand) -> Result<Exit, Problem> {
    match command {
        AdviceCommand::List => {
            let all: Vec<AdviceView> = context.client().await?.get(&route(&["advice"])).await?;
            context.output.answer(&json!({ "bodies": all }), |page| {
                if all.is_empty() {
                    return page.line("No advisory body.");
                }
                for body in &all {
                    page.heading(&body.space.name);
                    motions(page, &body.motions);
                }
            })?;
            Ok(Exit::Done)
        }
        AdviceCommand::Show { partnership } => {
            let body: AdviceView = context.client().await?.get(&route(&["advice", &partnership])).await?;
            context.output.answer(&body, |page| {
                paint_space(page, &body.space);
                body.motions.iter().for_each(|motion| paint_motion(page, motion));
            })?;
            Ok(Exit::Done)
        }
        AdviceCommand::Move { partnership, question, quorum, closes, say } => {
            let said = Statement::within("motion", &partnership).with("question", question);
            said.with("quorum", quorum).with("closes", closes).said(context, &say).await
        }
        AdviceCommand::Vote { record, position, reason, conflict, say } => {
            let said = Statement::about(context, "position", ("motion", &record.record)).await?;
            let said = said.with("position", position.as_str()).with_some("reason", reason);
            said.with_some("conflict", conflict).said(context, &say).await
        }
        AdviceCommand::Close { record, with_late, say } => {
            super::tally::close(context, &record.record, with_late, &say).await
        }
        AdviceCommand::Respond { record, text, say } => {
            let said = Statement::about(context, "response", ("about", &record.record)).await?;
            said.with("text", text).said(context, &say).await
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_an_activity_stand_in_its_agreement_whatever_they_hold() {
        let evil = "a \"name\"\nend = 2099-01-01 # \\ ციხე";
        let text = activity_agreement(evil, ["2027-01-01", "2027-06-30"], "What it is for").unwrap_err();
        assert!(text.what.contains("several lines"), "{}", text.what);
        let good =
            activity_agreement("a \"name\" # \\ ციხე", ["2027-01-01", "2027-06-30"], "two\nlines").unwrap();
        let agreement = Agreement::parse(&good).unwrap();
        assert_eq!(agreement.title(), "a \"name\" # \\ ციხე");
        assert_eq!(agreement.end().unwrap().to_string(), "30 June 2027");
        assert!(agreement.recorded().iter().any(|(key, text)| *key == "objectives" && text == "two\nlines"));
        assert!(activity_agreement("n", ["2027-01-01", "soon"], "o").is_err());
        assert!(activity_agreement("n", ["2027-01-01", "2026-01-01"], "o").is_err());
    }
}
