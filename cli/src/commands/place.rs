//! `entente place …`: the register of places.

use entente_node::api::types::{AlikeView, PlaceDetail, PlaceView, Problem, RecordView, RefView};
use serde_json::json;

use super::say::Statement;
use super::{withdraw, words};
use crate::args::{AfterwardsCommand, MergeArgs, PlaceCommand, WithdrawArgs};
use crate::client::{query, route};
use crate::output::Page;
use crate::problem::{Exit, usage};
use crate::{Context, safe_text, times};

/// Letters of an id that are enough to begin one.
const SHORTEST: usize = 4;
/// Columns of a name in a list.
const NAME: usize = 40;
/// Columns of a place's other names in a list.
const OTHERS: usize = 48;

/// Dispatches.
pub(super) async fn place(context: &Context, command: PlaceCommand) -> Result<Exit, Problem> {
    match command {
        PlaceCommand::List { partnership } => list(context, partnership.as_deref()).await,
        PlaceCommand::Show { place } => {
            let detail: PlaceDetail = context.client().await?.get(&route(&["places", &place])).await?;
            context.output.answer(&detail, |page| paint(page, &detail))?;
            Ok(Exit::Done)
        }
        PlaceCommand::Duplicates { partnership } => duplicates(context, partnership.as_deref()).await,
        PlaceCommand::Merge(args) => merge(context, &args).await,
        PlaceCommand::Apart(args) => apart(context, &args).await,
        PlaceCommand::Split(what) => split(context, what).await,
    }
}

async fn all(context: &Context, partnership: Option<&str>) -> Result<Vec<PlaceView>, Problem> {
    let route = route(&["places"]) + &query(&json!({ "partnership": partnership }));
    context.client().await?.get(&route).await
}

async fn list(context: &Context, partnership: Option<&str>) -> Result<Exit, Problem> {
    let all = all(context, partnership).await?;
    context.output.answer(&json!({ "places": all }), |page| {
        if all.is_empty() {
            return page.line("No place is described yet.");
        }
        page.table(["id", "name", "kind", "locality", "also called"], all.iter().map(row));
    })?;
    Ok(Exit::Done)
}

fn row(place: &PlaceView) -> [String; 5] {
    let name = name(place);
    let others: Vec<&str> = place.names.iter().map(|n| n.name.as_str()).filter(|n| *n != name).collect();
    [
        words::short(&place.id),
        safe_text::cut(name, NAME),
        place.category.clone().unwrap_or_default(),
        safe_text::cut(place.locality.as_deref().unwrap_or_default(), NAME),
        safe_text::cut(&others.join(", "), OTHERS),
    ]
}

/// The name in the language of whoever reads it, else the first.
fn name(place: &PlaceView) -> &str {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = set("LC_ALL").or_else(|| set("LC_MESSAGES")).or_else(|| set("LANG")).unwrap_or_default();
    name_in(place, locale.split(['_', '.', '@', '-']).next().unwrap_or_default())
}

fn name_in<'a>(place: &'a PlaceView, language: &str) -> &'a str {
    let tag = |tag: &String| tag.split('-').next().is_some_and(|first| first.eq_ignore_ascii_case(language));
    let own = place.names.iter().find(|name| name.language.as_ref().is_some_and(tag));
    own.or(place.names.first()).map_or("", |name| &name.name)
}

fn paint(page: &mut Page, detail: &PlaceDetail) {
    let place = &detail.view;
    page.heading(&safe_text::cut(name(place), NAME));
    page.item("place", &place.id.to_string());
    page.item("kind", place.category.as_deref().unwrap_or_default());
    page.item("locality", place.locality.as_deref().unwrap_or_default());
    page.item("authority", place.authority.as_deref().unwrap_or_default());
    page.heading("Its names");
    for name in &place.names {
        let language = name.language.as_ref().map(|tag| format!(" ({tag})")).unwrap_or_default();
        page.point(&format!("{}{language}", name.name));
    }
    page.heading("Described by");
    let said = |r: &RefView| {
        let when = times::day(r.said);
        format!("{when}  {} {} by {}", r.kind, words::short(&r.record), r.author.name)
    };
    place
        .records
        .iter()
        .for_each(|r| page.point(&format!("{}: {}", said(r), safe_text::cut(&r.title, OTHERS))));
    if !place.merges.is_empty() {
        page.heading("Said to be the same place by");
        place.merges.iter().for_each(|r| page.point(&said(r)));
    }
    if !place.overruled.is_empty() {
        page.heading("Said to be the same as another, which you say it is not, by");
        place.overruled.iter().for_each(|r| page.point(&said(r)));
    }
    if !place.apart.is_empty() {
        page.heading("Said not to be the same as another by");
        place.apart.iter().for_each(|r| page.point(&said(r)));
    }
    page.heading("What was said about it");
    if detail.history.is_empty() {
        page.line("Nothing that you can read.");
    }
    let about = |r| format!("{}: {}", said(r), safe_text::cut(&r.title, OTHERS));
    detail.history.iter().for_each(|r| page.point(&about(r)));
    if detail.count > detail.history.len() {
        page.line(&format!("{} more are older.", detail.count - detail.history.len()));
    }
}

async fn duplicates(context: &Context, partnership: Option<&str>) -> Result<Exit, Problem> {
    let route = route(&["places", "duplicates"]) + &query(&json!({ "partnership": partnership }));
    let pairs: Vec<AlikeView> = context.client().await?.get(&route).await?;
    context.output.answer(&json!({ "duplicates": pairs }), |page| {
        if pairs.is_empty() {
            return page.line("No places look like the same.");
        }
        for pair in &pairs {
            page.heading(&format!("{} — {}", name(&pair.one), name(&pair.other)));
            pair.because.iter().for_each(|why| page.point(why));
            let ids = [words::short(&pair.one.id), words::short(&pair.other.id)];
            let next = format!("place merge {} {} --partnership P", ids[0], ids[1]);
            page.item("if they are", &context.command(&next));
        }
    })?;
    Ok(Exit::Done)
}

/// Says it where the places were described: a merge points to nothing that its readers cannot have.
async fn merge(context: &Context, args: &MergeArgs) -> Result<Exit, Problem> {
    if args.say.draft {
        return Err(usage("a merge that is a draft could not be taken back", "leave --draft out"));
    }
    let here = all(context, Some(&args.partnership)).await?;
    let mut ids = Vec::new();
    for text in &args.places {
        let meant: PlaceDetail = context.client().await?.get(&route(&["places", text])).await?;
        let is_it = |place: &&PlaceView| {
            let known = |r: &RefView| meant.view.records.iter().any(|m| m.record == r.record);
            place.records.iter().any(known)
        };
        let place = here.iter().find(is_it).ok_or_else(|| {
            usage(
                format!("`{text}` is not described in that partnership"),
                "share its description there first: entente record share",
            )
        })?;
        if !ids.contains(&place.id.to_string()) {
            ids.push(place.id.to_string());
        }
    }
    if ids.len() < 2 {
        return Err(usage("these are one place already", "see entente place show"));
    }
    Statement::within("place", &args.partnership).with("same-as", ids).said(context, &args.say).await
}

/// Says it of the descriptions themselves: merged, the places have one id.
async fn apart(context: &Context, args: &MergeArgs) -> Result<Exit, Problem> {
    if args.say.draft {
        return Err(usage("what is a draft could not be taken back", "leave --draft out"));
    }
    let here = all(context, Some(&args.partnership)).await?;
    let mut ids: Vec<String> = Vec::new();
    for text in &args.places {
        let meant: PlaceDetail = context.client().await?.get(&route(&["places", text])).await?;
        let records = &meant.view.records;
        let begun = |r: &&RefView| {
            text.len() >= SHORTEST && r.record.to_string().starts_with(&text.trim().to_lowercase())
        };
        let called = |r: &&RefView| r.title == text.trim();
        let one = match records.as_slice() {
            [one] => Some(one),
            several => several.iter().find(begun).or_else(|| several.iter().find(called)),
        };
        let one = one.ok_or_else(|| {
            usage(
                format!("`{text}` names several descriptions, which are merged"),
                "give the id of the one that is meant: entente place show",
            )
        })?;
        if !here.iter().any(|place| place.records.iter().any(|r| r.record == one.record)) {
            return Err(usage(
                format!("`{text}` is not described in that partnership"),
                "share its description there first: entente record share",
            ));
        }
        let id = one.record.to_string();
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    if ids.len() < 2 {
        return Err(usage("these are one description", "give the ids of two: entente place show"));
    }
    Statement::within("place", &args.partnership).with("not-same", ids).said(context, &args.say).await
}

/// Withdraws a merge, or its contrary; a description of a place is not withdrawn by mistake.
async fn split(context: &Context, what: WithdrawArgs) -> Result<Exit, Problem> {
    let view: RecordView = context.client().await?.get(&route(&["records", &what.record.record])).await?;
    let only_merges = view.fields.iter().all(|(name, _)| name == "same-as" || name == "not-same");
    if view.summary.kind.as_str() != "place" || !only_merges || view.fields.is_empty() {
        return Err(usage(
            "that record is not a merge of places",
            "entente place show lists the merges of a place",
        ));
    }
    withdraw::afterwards(context, AfterwardsCommand::Withdraw(what)).await
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_called_by_its_name_in_the_reader_s_language() {
        let names = json!([{ "language": null, "name": "N8" }, { "language": "ka-Geor", "name": "ციხე" }]);
        let place = json!({ "id": "a".repeat(52), "names": names, "category": null, "locality": null,
            "authority": null, "records": [], "merges": [] });
        let place: PlaceView = serde_json::from_value(place).unwrap();
        assert_eq!((name_in(&place, "ka"), name_in(&place, "fr"), name_in(&place, "")), ("ციხე", "N8", "N8"));
    }
}
