//! What is shown and signed, and not enforced.

use super::Change;
use crate::agreement::{Agreement, DocumentClause, RECORDED, words};

pub(super) fn changes(old: &Agreement, new: &Agreement) -> Vec<Change> {
    let mut all = Vec::new();
    if old.title() != new.title() {
        let (was, is) = (old.title(), new.title());
        all.push(format!("It is called \u{201c}{is}\u{201d} instead of \u{201c}{was}\u{201d}."));
    }
    if old.form() != new.form() {
        all.push(format!("It is {} instead of {}.", words::form(new.form()), words::form(old.form())));
    }
    all.extend(text("renewal", old.renewal(), new.renewal()));
    all.extend(document(old.document(), new.document()));
    all.extend(text("what stays in force after the end", old.survival(), new.survival()));
    for key in RECORDED {
        let of = |agreement: &Agreement| {
            agreement.recorded().iter().find(|(k, _)| *k == key).map(|(_, text)| text.clone())
        };
        all.extend(text(words::topic(key), of(old).as_deref(), of(new).as_deref()));
    }
    all.into_iter().map(Change::words).collect()
}

/// "On money it says …, instead of …".
fn text(on: &str, was: Option<&str>, is: Option<&str>) -> Option<String> {
    let quote = |text: &str| format!("\u{201c}{}\u{201d}", words::one_line(text));
    match (was, is) {
        (was, is) if was == is => None,
        (Some(was), Some(is)) => Some(format!("On {on} it says {}, instead of {}.", quote(is), quote(was))),
        (None, Some(is)) => Some(format!("On {on} it newly says {}.", quote(is))),
        (Some(was), None) => Some(format!("On {on} it says nothing any more; it said {}.", quote(was))),
        (None, None) => None,
    }
}

fn document(was: Option<&DocumentClause>, is: Option<&DocumentClause>) -> Option<String> {
    let named = |it: &DocumentClause| format!("\u{201c}{}\u{201d} (hash {})", it.name(), it.hash());
    match (was, is) {
        (was, is) if was == is => None,
        (Some(was), Some(is)) if was.hash() == is.hash() => Some(format!(
            "The same file is attached under other words: {} instead of {}.",
            named(is),
            named(was)
        )),
        (Some(was), Some(is)) => Some(format!(
            "Another file is attached: {} instead of {}. Read it before signing.",
            named(is),
            named(was)
        )),
        (None, Some(is)) => Some(format!("A file is attached: {}. Read it before signing.", named(is))),
        (Some(was), None) => Some(format!("The file {} is not attached any more.", named(was))),
        (None, None) => None,
    }
}
