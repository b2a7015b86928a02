//! `entente partnership agreement attach` and `check`: the file that an agreement binds by its hash.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use entente_node::api::types::Problem;
use entente_protocol::agreement::{Agreement, DocumentClause};
use entente_protocol::derive;
use entente_protocol::ids::Hash;
use serde_json::json;

use super::{parsed, read};
use crate::Context;
use crate::commands::drafts;
use crate::output::Page;
use crate::problem::{self, Exit, usage};

/// Bytes of the largest file that is attached: a scan of some hundred pages, ten times over. It is read whole.
const MAX_DOCUMENT: usize = 256 * 1024 * 1024;

/// What stands in `[document]`.
struct Attached {
    name: String,
    hash: Hash,
    size: usize,
}

/// Writes the section `[document]` for `file`: to stdout with the rest of the agreement, or into its file.
pub(super) fn attach(
    context: &Context,
    agreement: &Path,
    file: &Path,
    in_place: bool,
) -> Result<Exit, Problem> {
    let text = read(agreement)?;
    parsed(agreement, &text)?;
    let attached = attached(file)?;
    let amended = with_document(&text, &attached);
    let parsed = parsed(agreement, &amended)?;
    if !parsed.document().is_some_and(|it| it.hash() == attached.hash && it.name() == attached.name) {
        let lines = section(&attached, "\n");
        return Err(usage(
            format!("the place of the section [document] in {} was not found", agreement.display()),
            format!("write these lines into it by hand:\n{lines}"),
        ));
    }
    if in_place {
        replace(agreement, &amended).map_err(|e| problem::file("writing", agreement, &e))?;
    }
    let answer = json!({
        "document": { "name": attached.name, "hash": attached.hash, "size": attached.size },
        "hash": parsed.hash(),
        "text": amended,
    });
    if context.output.is_json() {
        context.output.object(&answer)?;
    } else if in_place {
        context.output.part(|page| {
            page.line(&format!("{} is part of {} now.", attached.name, agreement.display()));
            page.item("hash of the file", &attached.hash.to_string());
        });
    } else {
        // No screen is moved by it: an agreement with a hidden character was refused above.
        context.output.own_text(&amended);
    }
    Ok(Exit::Done)
}

fn attached(file: &Path) -> Result<Attached, Problem> {
    let bytes = drafts::read_bounded(file, MAX_DOCUMENT)?;
    let name = file.file_name().and_then(|name| name.to_str()).map(str::to_owned).ok_or_else(|| {
        usage(format!("{} has no name that can be written", file.display()), "give the file a plain name")
    })?;
    if bytes.is_empty() {
        return Err(usage(format!("{} is empty", file.display()), "attach the file that was signed"));
    }
    Ok(Attached { name, hash: derive::hash(&bytes), size: bytes.len() })
}

/// The text with the section in the place of the one that it has, or at the end. Comments stay.
fn with_document(text: &str, attached: &Attached) -> String {
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let section = section(attached, end);
    let (mut amended, mut inside, mut written) = (String::new(), false, false);
    for line in text.split_inclusive('\n') {
        let bare = line.trim();
        if bare.starts_with('[') {
            inside = !written && bare.split('#').next().is_some_and(|it| it.trim() == "[document]");
            if inside {
                amended.push_str(&section);
                written = true;
                continue;
            }
        }
        let key = bare.split('=').next().unwrap_or_default().trim();
        if !(inside && ["name", "hash", "size"].contains(&key)) {
            amended.push_str(line);
        }
    }
    if !written {
        if !amended.ends_with('\n') {
            amended.push_str(end);
        }
        amended.push_str(end);
        amended.push_str(&section);
    }
    amended
}

fn section(attached: &Attached, end: &str) -> String {
    let Attached { name, hash, size } = attached;
    let name = name.replace('\\', "\\\\").replace('"', "\\\"");
    format!("[document]{end}name = \"{name}\"{end}hash = \"{hash}\"{end}size = {size}{end}")
}

/// The new text in the place of the old one, or the old one as it was.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let file = file.canonicalize()?;
    let beside = file.with_extension("toml.new");
    let permissions = fs::metadata(&file)?.permissions();
    let mut new = fs::File::create_new(&beside)?;
    let written = new
        .set_permissions(permissions)
        .and_then(|()| new.write_all(text.as_bytes()))
        .and_then(|()| new.sync_all())
        .and_then(|()| fs::rename(&beside, &file));
    if written.is_err() {
        // What failed is told; a file that is left over is the lesser evil.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Reads an agreement, says what it says, and looks whether `document` is the file that it binds.
pub(super) fn check(context: &Context, file: &Path, document: Option<&Path>) -> Result<Exit, Problem> {
    let agreement = parsed(file, &read(file)?)?;
    let verdict = match document {
        Some(document) => Some(compared(agreement.document(), document)?),
        None => None,
    };
    let answer = json!({
        "title": agreement.title(),
        "hash": agreement.hash(),
        "sentences": agreement.sentences(),
        "advice": agreement.advice(),
        "document": agreement.document().map(|it| json!({ "name": it.name(), "hash": it.hash(), "size": it.size() })),
        "document_is_the_one": verdict.as_ref().map(|(good, _)| *good),
    });
    context.output.answer(&answer, |page| paint(page, &agreement, verdict.as_ref()))?;
    Ok(if verdict.is_none_or(|(good, _)| good) { Exit::Done } else { Exit::Findings })
}

/// Is it the file? With what to say of it.
fn compared(clause: Option<&DocumentClause>, document: &Path) -> Result<(bool, String), Problem> {
    let bytes = drafts::read_bounded(document, MAX_DOCUMENT)?;
    let shown = document.display();
    Ok(match clause {
        None => (false, format!("The agreement binds no file, so {shown} is no part of it.")),
        Some(clause) if clause.is(&bytes) => {
            (true, format!("{shown} is the file \u{201c}{}\u{201d} that the agreement binds.", clause.name()))
        }
        Some(clause) => {
            let (is, wanted) = (derive::hash(&bytes), clause.hash());
            let name = clause.name();
            let what = format!(
                "{shown} is NOT the file \u{201c}{name}\u{201d} that the agreement binds: its hash is {is}, the agreement wants {wanted}. Do not sign; ask whoever sent it for the right file."
            );
            (false, what)
        }
    })
}

fn paint(page: &mut Page, agreement: &Agreement, verdict: Option<&(bool, String)>) {
    page.heading(&format!("Agreement: {}", agreement.title()));
    agreement.sentences().iter().for_each(|sentence| page.point(sentence));
    page.item("hash", &agreement.hash().to_string());
    let advice = agreement.advice();
    if !advice.is_empty() {
        page.heading("Look at this again");
        advice.iter().for_each(|sentence| page.point(sentence));
    }
    match (verdict, agreement.document()) {
        (Some((good, what)), _) => {
            page.gap();
            page.verdict(*good, what);
        }
        (None, Some(_)) => page.item("the file", "not looked at; give it with --document FILE"),
        (None, None) => {}
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use entente_protocol::agreement::{Form, templates::template};

    use super::*;

    fn paper(name: &str) -> Attached {
        Attached { name: name.into(), hash: derive::hash(name.as_bytes()), size: 9 }
    }

    #[test]
    fn a_document_is_attached_to_every_template_and_replaced_in_its_place() {
        for form in Form::ALL {
            let text = template(form);
            let once = with_document(text, &paper("a.pdf"));
            assert!(once.starts_with(text), "what was written stays");
            let parsed = Agreement::parse(&once).unwrap();
            assert_eq!(parsed.document().unwrap().hash(), paper("a.pdf").hash);
            let twice = with_document(&once, &paper("b \"2\".pdf"));
            assert_eq!(Agreement::parse(&twice).unwrap().document().unwrap().name(), "b \"2\".pdf");
            assert_eq!(with_document(&twice, &paper("a.pdf")), once);
        }
    }

    #[test]
    fn what_stands_around_the_section_stays_to_the_byte() {
        let text = "a = 1\r\n  [document] # the paper\r\n# why\r\nhash = \"x\"\r\nname=\"y\"\r\n\r\n[keys]\r\nname = 3";
        let hash = paper("a").hash;
        assert_eq!(
            with_document(text, &paper("a")),
            format!(
                "a = 1\r\n[document]\r\nname = \"a\"\r\nhash = \"{hash}\"\r\nsize = 9\r\n# why\r\n\r\n[keys]\r\nname = 3"
            )
        );
    }
}
