//! Dates and the ceiling: what a record may be, and when.

use super::{Change, Effect, by_order};
use crate::agreement::{Agreement, Ceiling, words};

pub(super) fn dates(old: &Agreement, new: &Agreement) -> Vec<Change> {
    let mut all = Vec::new();
    let (was, is) = (old.start(), new.start());
    if is > was {
        // Not at once: an amendment says nothing of records from before it begins.
        let sentence = format!("It begins on {is} instead of {was}: what is dated before {is} is refused.");
        all.push(Change::of_rules(Effect::Narrower, sentence));
    } else if is < was {
        let sentence = format!("It begins on {is} instead of {was}: what is dated from {is} on is allowed.");
        all.push(Change::of_records(Effect::Wider, sentence));
    }
    let (effect, sentence) = match (old.end(), new.end()) {
        (was, is) if was == is => return all,
        (Some(was), None) => (Effect::Wider, format!("It has no end any more; it was to end with {was}.")),
        (None, Some(is)) => {
            (Effect::Narrower, format!("It ends with {is}; it had no end. What is dated later is refused."))
        }
        (Some(was), Some(is)) if is > was => {
            (Effect::Wider, format!("It is prolonged until the end of {is}; it was to end with {was}."))
        }
        (Some(was), Some(is)) => {
            (Effect::Narrower, format!("It ends with {is} instead of {was}: what is dated later is refused."))
        }
        (None, None) => return all,
    };
    all.push(Change::of_records(effect, sentence));
    all
}

pub(super) fn ceiling(old: &Ceiling, new: &Ceiling) -> Vec<Change> {
    let mut all = Vec::new();
    for class in &old.sensitivity {
        if !new.sensitivity.contains(class) {
            let sentence = format!("No record may have the class {} any more.", words::class(*class));
            all.push(Change::of_records(Effect::Narrower, sentence));
        }
    }
    for class in &new.sensitivity {
        if !old.sensitivity.contains(class) {
            let sentence = format!("Records may newly have the class {}.", words::class(*class));
            all.push(Change::of_records(Effect::Wider, sentence));
        }
    }
    if let Some(effect) = by_order(&old.personal_data, &new.personal_data) {
        let (was, is) = (words::personal_data(old.personal_data), words::personal_data(new.personal_data));
        all.push(Change::of_records(effect, format!("{is} Until now: {was}")));
    }
    if let Some(effect) = by_order(&old.onward, &new.onward) {
        let (was, is) = (words::onward(old.onward), words::onward(new.onward));
        all.push(Change::of_records(effect, format!("{is} Until now: {was}")));
    }
    all
}
