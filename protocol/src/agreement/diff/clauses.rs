//! Who decides, the declaration, what newcomers read, how old keys get.

use core::cmp::Reverse;

use super::{Change, Effect, by_order, roles_of_both};
use crate::agreement::words::{self, clauses as said};
use crate::agreement::{Agreement, Choice, DeclarationClause, Newcomers, Threshold};
use crate::handling::Role;

pub(super) fn changes(old: &Agreement, new: &Agreement) -> Vec<Change> {
    let mut all = decisions(old, new);
    all.extend(declaration(old, new));
    all.extend(newcomers(*old.history(), *new.history()));
    let (was, is) = (old.keys().rotate_days(), new.keys().rotate_days());
    all.extend(by_order(&was, &is).map(|effect| {
        let (was, is) = (said::count(was, "day", "days"), said::count(is, "day", "days"));
        Change::of_rules(effect, format!("Keys are renewed at least every {is}; until now every {was}."))
    }));
    all
}

fn decisions(old: &Agreement, new: &Agreement) -> Vec<Change> {
    let mut all = Vec::new();
    for ((was, what), (is, _)) in old.decisions().each().into_iter().zip(new.decisions().each()) {
        if let Some(effect) = by_signatures(was, is) {
            let (is, was) = (said::signers(is), said::signers(was));
            all.push(Change::of_rules(effect, format!("To {what}, {is}. Until now {was}.")));
        }
    }
    all
}

/// More signatures are narrower. Where it depends on how many stewards there are, it may be wider.
fn by_signatures(was: Threshold, is: Threshold) -> Option<Effect> {
    // From twice the largest number on, the order does not change any more.
    let mut each = (1..=2 * usize::from(Threshold::MOST) + 1).map(|n| (was.needed(n), is.needed(n)));
    if was == is {
        None
    } else if each.all(|(was, is)| is >= was) {
        Some(Effect::Narrower)
    } else {
        Some(Effect::Wider)
    }
}

fn declaration(old: &Agreement, new: &Agreement) -> Vec<Change> {
    let roles = roles_of_both(old, new);
    let mut all = Vec::new();
    if let Some((who, lost)) = asked_only_by(old, new, &roles) {
        let sentence = format!("A declaration of confidentiality is no longer asked of {who}.");
        all.push(Change::of_rules(Effect::Wider, sentence).concerning(lost));
    }
    if let Some((who, gained)) = asked_only_by(new, old, &roles) {
        let sentence =
            format!("A declaration of confidentiality is newly asked of {who}: no key before it is signed.");
        all.push(Change::of_rules(Effect::Narrower, sentence).concerning(gained));
    }
    if let (Some(was), Some(is)) = (old.declaration(), new.declaration()) {
        all.extend(same_people(was, is));
    }
    all
}

/// Of whom one version asks a declaration and the other does not.
fn asked_only_by(one: &Agreement, other: &Agreement, roles: &[&Role]) -> Option<(String, Vec<Role>)> {
    let one = one.declaration()?;
    let spared = |role: &Role| other.declaration().is_none_or(|clause| !clause.wanted_of(role));
    let asked: Vec<Role> =
        roles.iter().filter(|role| one.wanted_of(role) && spared(role)).map(|role| (*role).clone()).collect();
    let of_others = |clause: Option<&DeclarationClause>| clause.is_some_and(|it| *it.roles() == Choice::Any);
    let others = of_others(Some(one)) && !of_others(other.declaration());
    if others && asked.len() == roles.len() {
        return Some((said::declarers(&Choice::Any), Vec::new()));
    }
    let mut who: Vec<String> = asked.iter().map(words::role_words).collect();
    who.extend(others.then(|| "members with a role that is not named".to_owned()));
    if who.is_empty() { None } else { Some((words::list(who, "and"), asked)) }
}

fn same_people(was: &DeclarationClause, is: &DeclarationClause) -> Vec<Change> {
    let who = match is.roles() {
        Choice::Any => Vec::new(),
        Choice::These(roles) => roles.clone(),
    };
    let mut all = Vec::new();
    if was.text() != is.text() {
        let declarers = said::declarers(is.roles());
        let sentence = format!(
            "The declaration of confidentiality has another text, which wants signing again by {declarers}"
        );
        let change = Change::of_rules(Effect::Narrower, words::quoted(&sentence, is.text()));
        all.push(change.concerning(who.clone()));
    }
    if let Some(effect) = by_order(&was.valid_days(), &is.valid_days()) {
        let sentence = format!(
            "A declaration of confidentiality holds for {}; until now for {}.",
            said::count(is.valid_days(), "day", "days"),
            said::count(was.valid_days(), "day", "days")
        );
        all.push(Change::of_rules(effect, sentence).concerning(who));
    }
    all
}

fn newcomers(was: Newcomers, is: Newcomers) -> Option<Change> {
    let much = |newcomers| match newcomers {
        Newcomers::None => (0, None),
        Newcomers::Since(day) => (1, Some(Reverse(day))),
        Newcomers::All => (2, None),
    };
    let effect = by_order(&much(was), &much(is))?;
    let (is, was) = (said::newcomers(is), said::newcomers(was));
    Some(Change::of_rules(effect, format!("{is} Until now: {was}")))
}
