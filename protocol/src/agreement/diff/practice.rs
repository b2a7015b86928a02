//! Regular exchanges, what follows a visit, votes, words.

use super::{Change, Effect};
use crate::agreement::{Agreement, words::practice as said};

pub(super) fn changes(old: &Agreement, new: &Agreement) -> Vec<Change> {
    let mut all = Vec::new();
    for exchange in new.exchanges().iter().filter(|it| !old.exchanges().contains(it)) {
        all.push(Change::words(format!("New: {}", said::exchange(exchange))));
    }
    for exchange in old.exchanges().iter().filter(|it| !new.exchanges().contains(it)) {
        all.push(Change::words(format!("Not any more: {}", said::exchange(exchange))));
    }
    all.extend(visits(old, new));
    all.extend(release(old, new));
    if old.quorum() != new.quorum() {
        // Whether it takes more members or fewer depends on how many there are.
        let sentence = "The least quorum of motions changes; see the full text of the agreement.".into();
        all.push(Change::of_rules(Effect::Wider, sentence));
    }
    if old.additions() != new.additions() {
        let sentence =
            "The words that the parties add to the vocabularies change. No record is refused for a word.";
        all.push(Change::words(sentence.into()));
    }
    all
}

fn release(old: &Agreement, new: &Agreement) -> Option<Change> {
    let (before, now) = (old.release(), new.release());
    match (before, now) {
        _ if before == now => None,
        (None, Some(clause)) => {
            Some(Change::of_records(Effect::Narrower, format!("New: {}", said::release(clause))))
        }
        (Some(clause), None) => {
            Some(Change::of_records(Effect::Wider, format!("Not any more: {}", said::release(clause))))
        }
        // Whether other kinds are more or fewer need not be told apart: what might be wider is signed by all.
        (_, Some(clause)) => {
            Some(Change::of_records(Effect::Wider, format!("Instead: {}", said::release(clause))))
        }
        (_, None) => None,
    }
}

fn visits(old: &Agreement, new: &Agreement) -> Option<Change> {
    let carried = |it: &Agreement| it.visits().is_some_and(|clause| clause.divergent_views_are_carried());
    if old.visits() == new.visits() {
        return None;
    }
    let sentence = match new.visits() {
        Some(clause) => said::visits(clause).join(" "),
        None => "What follows a visit is not settled any more.".into(),
    };
    Some(match (carried(old), carried(new)) {
        (true, false) => Change::of_rules(Effect::Wider, sentence),
        (false, true) => Change::of_rules(Effect::Narrower, sentence),
        _ => Change::words(sentence),
    })
}
