//! `entente record import`: many drafts from one file. The file is read twice: once to check every draft,
//! then to send them in slices, so that memory stays small and a mistake in the last line costs nothing.

mod reader;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use entente_node::api::types::{DraftInput, Imported, Problem};
use entente_protocol::ids::RecordId;
use serde::Serialize;
use tokio::sync::mpsc;

use self::reader::{Stop, each_draft};
use super::{drafts, words};
use crate::Context;
use crate::client::{Client, bad_answer, route};
use crate::problem::{self, Exit, FAILED, problem};

/// Drafts in one request, by the node's rule.
const SLICE: usize = 1000;
/// Bytes of one request, one draft more or less: below the 2 MiB that HTTP servers commonly take.
const SLICE_BYTES: usize = 1536 * 1024;
/// Drafts read ahead of the node.
const READ_AHEAD: usize = 64;
/// Mistakes that are told one by one.
const MISTAKES_TOLD: usize = 20;
/// Drafts between two signs of life.
const SIGN_OF_LIFE: usize = 10_000;

/// What checking the file found.
#[derive(Default, Serialize)]
struct Checked {
    /// Drafts that are fine.
    drafts: usize,
    /// How many of each kind.
    kinds: BTreeMap<String, usize>,
    /// Files that they attach.
    attachments: usize,
    /// Drafts that are not fine.
    mistakes: usize,
    /// The first of them.
    wrong: Vec<Mistake>,
}

#[derive(Serialize)]
struct Mistake {
    /// Which draft, counted from 1.
    draft: usize,
    why: String,
}

/// Checks all drafts, then keeps them.
pub(super) async fn import(
    context: &Context,
    file: &Path,
    dry_run: bool,
    skip: usize,
) -> Result<Exit, Problem> {
    let checked = check(file, skip)?;
    if dry_run {
        return tell_checked(context, &checked);
    }
    if let Some(first) = checked.wrong.first() {
        let all = words::count(checked.mistakes, "draft is wrong", "drafts are wrong");
        return Err(problem(
            FAILED,
            "bad-draft",
            format!("{all}; the first is number {}: {}", first.draft, first.why),
            "nothing was kept",
            context.command(&format!("record import {} --dry-run", file.display())),
        ));
    }
    let client = context.client().await?;
    let mut sending = Sending::new(context, &client);
    let mut source = read_ahead(file.to_owned(), skip);
    let ended = sending.all(&mut source, file).await;
    let records = sending.records;
    ended.map_err(|cause| interrupted(context, cause, file, skip, records.len()))?;
    let kept = words::count(records.len(), "draft is", "drafts are");
    context.output.answer(&Imported { records }, |page| {
        page.line(&format!("{kept} kept; nobody else can see them."));
    })?;
    Ok(Exit::Done)
}

fn check(file: &Path, skip: usize) -> Result<Checked, Problem> {
    let mut checked = Checked::default();
    let source = open(file)?;
    let read = each_draft(source, |number, draft| {
        if number <= skip {
            return Ok(());
        }
        let files = draft.and_then(|draft| {
            let files =
                drafts::attached_files(&draft, drafts::folder_of(file)).map_err(|problem| problem.what)?;
            Ok((draft, files.len()))
        });
        match files {
            Ok((draft, files)) => {
                checked.drafts += 1;
                checked.attachments += files;
                *checked.kinds.entry(draft.kind.to_string()).or_default() += 1;
            }
            Err(why) => {
                checked.mistakes += 1;
                if checked.wrong.len() < MISTAKES_TOLD {
                    checked.wrong.push(Mistake { draft: number, why });
                }
            }
        }
        Ok(())
    });
    read.map_err(|why| drafts::bad_draft(file, &why))?;
    Ok(checked)
}

fn tell_checked(context: &Context, checked: &Checked) -> Result<Exit, Problem> {
    context.output.answer(checked, |page| {
        page.line(&format!("{} fine.", words::count(checked.drafts, "draft is", "drafts are")));
        for (kind, n) in &checked.kinds {
            page.item(kind, &n.to_string());
        }
        if checked.mistakes > 0 {
            page.heading(&format!("{} wrong", words::count(checked.mistakes, "draft is", "drafts are")));
            for mistake in &checked.wrong {
                page.item(&format!("number {}", mistake.draft), &mistake.why);
            }
        }
    })?;
    Ok(if checked.mistakes == 0 { Exit::Done } else { Exit::Findings })
}

fn open(file: &Path) -> Result<BufReader<File>, Problem> {
    let open = File::open(file).map_err(|e| problem::file("reading", file, &e))?;
    Ok(BufReader::new(open))
}

/// Reads on a thread of its own, a little ahead.
fn read_ahead(file: PathBuf, skip: usize) -> mpsc::Receiver<Result<DraftInput, Problem>> {
    let (to_sender, drafts) = mpsc::channel(READ_AHEAD);
    tokio::task::spawn_blocking(move || {
        let changed = |why: String| drafts::bad_draft(&file, &format!("it has changed: {why}"));
        let read = open(&file).and_then(|source| {
            each_draft(source, |number, draft| {
                if number <= skip {
                    return Ok(());
                }
                let draft = draft.map_err(&changed);
                to_sender.blocking_send(draft).map_err(|_| Stop)
            })
            .map_err(changed)
        });
        if let Err(problem) = read {
            // Where nobody listens any more, the import has ended already.
            let _ = to_sender.blocking_send(Err(problem));
        }
    });
    drafts
}

/// Drafts on their way to the node.
struct Sending<'a> {
    context: &'a Context,
    client: &'a Client,
    /// A JSON list that is not closed yet.
    slice: Vec<u8>,
    in_slice: usize,
    records: Vec<RecordId>,
    told: usize,
}

impl<'a> Sending<'a> {
    fn new(context: &'a Context, client: &'a Client) -> Self {
        Sending { context, client, slice: vec![b'['], in_slice: 0, records: Vec::new(), told: 0 }
    }

    async fn all(
        &mut self,
        source: &mut mpsc::Receiver<Result<DraftInput, Problem>>,
        file: &Path,
    ) -> Result<(), Problem> {
        while let Some(draft) = source.recv().await {
            let draft = draft?;
            let files = drafts::attached_files(&draft, drafts::folder_of(file))?;
            let draft = drafts::uploaded(self.client, draft, &files).await?;
            self.add(&draft).await?;
        }
        self.send().await
    }

    async fn add(&mut self, draft: &DraftInput) -> Result<(), Problem> {
        let json = serde_json::to_vec(draft).map_err(|e| bad_answer(&e.to_string()))?;
        if self.in_slice == SLICE || (self.in_slice > 0 && self.slice.len() + json.len() > SLICE_BYTES) {
            self.send().await?;
        }
        if self.in_slice > 0 {
            self.slice.push(b',');
        }
        self.slice.extend_from_slice(&json);
        self.in_slice += 1;
        Ok(())
    }

    async fn send(&mut self) -> Result<(), Problem> {
        if self.in_slice == 0 {
            return Ok(());
        }
        let mut slice = std::mem::replace(&mut self.slice, vec![b'[']);
        slice.push(b']');
        self.in_slice = 0;
        let imported: Imported = self.client.post_json(&route(&["records", "import"]), slice.into()).await?;
        self.records.extend(imported.records);
        if self.records.len() >= self.told + SIGN_OF_LIFE {
            self.told = self.records.len();
            self.context.output.note(&format!("{} kept so far", self.told));
        }
        Ok(())
    }
}

/// What is kept stays kept; the rest can follow.
fn interrupted(context: &Context, cause: Problem, file: &Path, skip: usize, kept: usize) -> Problem {
    if kept == 0 {
        return cause;
    }
    let done = skip.saturating_add(kept);
    Problem {
        not_done: format!("{kept} drafts were kept; those after number {done} were not"),
        next: format!(
            "{}; then: {}",
            cause.next,
            context.command(&format!("record import {} --skip {done}", file.display()))
        ),
        ..cause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_import_says_how_to_go_on() {
        let context = Context { home: "/h".into(), token: None, output: crate::output::Output::new(false) };
        let cause = problem(FAILED, "c", "w", "n", "wait");
        let told = interrupted(&context, cause, Path::new("f.json"), 100, 2000);
        assert_eq!(told.next, "wait; then: entente --home /h record import f.json --skip 2100");
        assert_eq!(told.code, "c");
    }
}
