//! `entente attachment inspect`, and the words for what a file tells beside its contents.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use entente_node::api::types::Problem;
use entente_node::metadata::worker::{self, WorkerError};
use entente_node::metadata::{About, Cleaning, Form, HEAD, MAX_FILE, Report};
use serde_json::json;

use super::words;
use crate::Context;
use crate::output::Page;
use crate::problem::{self, Exit};

/// Shows what a file would tell its readers, before it is attached.
pub(super) fn inspect(context: &Context, path: &Path) -> Result<Exit, Problem> {
    let cannot = |e: &std::io::Error| problem::file("reading", path, e);
    let mut file = File::open(path).map_err(|e| cannot(&e))?;
    let size = file.metadata().map_err(|e| cannot(&e))?.len();
    let mut head = Vec::new();
    file.by_ref().take(HEAD as u64).read_to_end(&mut head).map_err(|e| cannot(&e))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let form = Form::of(&name, &head);
    let report = match worker::without_looking(form) {
        Some(report) => report,
        None if size > MAX_FILE as u64 => {
            impossible(form, format!("it is larger than {} MiB", MAX_FILE >> 20))
        }
        None => look(form, head, file).unwrap_or_else(|e| impossible(form, e.to_string())),
    };
    context.output.answer(&json!({ "file": name, "size": size, "hidden": report }), |page| {
        page.heading(&format!("{name} · {}", words::size(size)));
        paint(page, &report);
    })?;
    Ok(if matches!(report.cleaning, Cleaning::Impossible { .. }) { Exit::Findings } else { Exit::Done })
}

fn look(form: Form, head: Vec<u8>, mut file: File) -> Result<Report, WorkerError> {
    let mut first = Some(head).filter(|head| !head.is_empty());
    let next = || match first.take() {
        Some(head) => Ok(head),
        None => {
            let mut piece = Vec::new();
            let read = file.by_ref().take(64 << 10).read_to_end(&mut piece);
            read.map(|_| piece).map_err(|e| e.to_string())
        }
    };
    worker::ask(form, next, None)
}

fn impossible(form: Form, reason: String) -> Report {
    let cleaning = Cleaning::Impossible { reason };
    Report { form: form.words().to_owned(), found: Vec::new(), remains: Vec::new(), cleaning }
}

/// What a file tells, and what becomes of that.
pub(super) fn paint(page: &mut Page, report: &Report) {
    page.item("form", &report.form);
    page.table(
        ["about", "what", "says"],
        report
            .found
            .iter()
            .map(|found| [about(found.about).to_owned(), found.name.clone(), found.value.clone()]),
    );
    for remains in &report.remains {
        page.item("stays in the shared copy", remains);
    }
    page.line(&match &report.cleaning {
        Cleaning::Cleaned if report.found.is_empty() => {
            "Nothing hidden was found; the shared copy is made anew.".to_owned()
        }
        Cleaning::Cleaned => {
            "All of this is left out of the shared copy; the original stays as it is.".to_owned()
        }
        Cleaning::AsItIs => "Files of this form are shared as they are, with whatever they hold.".to_owned(),
        Cleaning::Kept => "ATTENTION: readers will get ALL of this, as --keep-metadata was given.".to_owned(),
        Cleaning::Impossible { reason } => {
            format!(
                "It would not be shared without --keep-metadata: what it tells cannot be left out ({reason})."
            )
        }
    });
}

fn about(about: About) -> &'static str {
    match about {
        About::Place => "place",
        About::Author => "author",
        About::Device => "device",
        About::Date => "date",
        About::Thumbnail => "small picture",
        About::Software => "program",
        About::Other => "other",
    }
}
