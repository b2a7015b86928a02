//! The parties named, and the roles that members can have.

use super::{Change, Effect};
use crate::agreement::{Agreement, Party, words};

pub(super) fn roles(old: &Agreement, new: &Agreement) -> Vec<Change> {
    let mut all = Vec::new();
    for role in old.roles().iter().filter(|role| !new.roles().contains(role)) {
        let sentence = format!("There is no role {role} any more: nobody else can take it.");
        all.push(Change::of_rules(Effect::Narrower, sentence).concerning(vec![role.clone()]));
    }
    for role in new.roles().iter().filter(|role| !old.roles().contains(role)) {
        let sentence = format!("Members can newly have the role {role}.");
        all.push(Change::of_rules(Effect::Wider, sentence).concerning(vec![role.clone()]));
    }
    all
}

/// A party's id binds: that organisation joins in no other role. Its name binds nobody.
pub(super) fn parties(old: &Agreement, new: &Agreement) -> Vec<Change> {
    let (old, new) = (old.parties(), new.parties());
    let mut all = Vec::new();
    for was in old {
        let change = match counterpart(was, old, new) {
            Some(is) => differs(was, is),
            None => vec![gone(was)],
        };
        all.extend(change.into_iter().map(|change| change.concerning(vec![was.role.clone()])));
    }
    for is in new.iter().filter(|is| counterpart(is, new, old).is_none()) {
        all.push(added(is).concerning(vec![is.role.clone()]));
    }
    all
}

/// The same party in another version: who has its id, or else its name, unless either belongs to another.
fn counterpart<'a>(party: &Party, among: &[Party], others: &'a [Party]) -> Option<&'a Party> {
    let by_id = |party: &Party, others: &'a [Party]| {
        others.iter().find(|p| party.organisation.is_some() && p.organisation == party.organisation)
    };
    let taken = |other: &Party| {
        among.iter().any(|p| p.organisation.is_some() && p.organisation == other.organisation)
    };
    by_id(party, others).or_else(|| others.iter().find(|p| p.name == party.name && !taken(p)))
}

fn added(is: &Party) -> Change {
    let Party { name, role, .. } = is;
    match is.organisation {
        Some(id) => {
            let sentence = format!(
                "{name} is named as the organisation {id}: it can take part only with the role {role}."
            );
            Change::of_rules(Effect::Narrower, sentence)
        }
        None => Change::words(format!("{name} is named as a party with the role {role}.")),
    }
}

fn gone(was: &Party) -> Change {
    let Party { name, role, .. } = was;
    match was.organisation {
        Some(id) => {
            let sentence = format!(
                "{name} (the organisation {id}) is not named any more: it can take part with any role."
            );
            Change::of_rules(Effect::Wider, sentence)
        }
        None => Change::words(format!("{name} is not named any more as a party with the role {role}.")),
    }
}

fn differs(was: &Party, is: &Party) -> Vec<Change> {
    let mut all = Vec::new();
    let name = &is.name;
    if was.name != is.name {
        all.push(Change::words(format!("{} is called {name}.", was.name)));
    }
    if was.role != is.role {
        let sentence = format!("{name} takes part with the role {} instead of {}.", is.role, was.role);
        let binds = was.organisation.is_some() || is.organisation.is_some();
        // Another role is as likely more as it is less: what each may send is in the flows.
        all.push(if binds { Change::of_rules(Effect::Wider, sentence) } else { Change::words(sentence) });
    }
    all.extend(
        match (was.organisation, is.organisation) {
            (was, is) if was == is => None,
            (_, None) => Some((Effect::Wider, format!("{name} is not bound to one organisation any more."))),
            (None, Some(id)) => {
                let sentence = format!(
                    "{name} is the organisation {id}, which can take part only with the role {}.",
                    is.role
                );
                Some((Effect::Narrower, sentence))
            }
            (Some(was), Some(id)) => Some((
                Effect::Wider,
                format!("{name} is the organisation {id}; it was the organisation {was}."),
            )),
        }
        .map(|(effect, sentence)| Change::of_rules(effect, sentence)),
    );
    if was.focal_point != is.focal_point {
        let person = |party: &Party| party.focal_point.as_deref().unwrap_or("nobody").to_owned();
        let sentence = format!("The focal point of {name} is {}; it was {}.", person(is), person(was));
        all.push(Change::words(words::one_line(&sentence)));
    }
    all
}
