//! `entente key drill` and `recover`: the root key comes back from paper.

use std::io;
use std::path::PathBuf;

use entente_node::api::types::Problem;
use entente_node::home::Home;
use entente_node::recovery::share::{self, SetId};
use entente_node::recovery::{Fact, Rehearsed, RootKey};
use entente_node::vault::VaultError;
use entente_protocol::ids::OrgId;
use serde_json::json;

use super::Notebook;
use super::typed::{Answers, Given};
use crate::args::PassphraseArgs;
use crate::problem::{self, Exit, usage};
use crate::{Context, passphrase};

/// Proves that words or shares give the root key, and writes it nowhere.
pub(super) async fn drill(
    context: &Context,
    words: bool,
    organisation: Option<OrgId>,
    args: &PassphraseArgs,
) -> Result<Exit, Problem> {
    let (organisation, mut notebook) = whose(context, organisation, args).await?;
    context.output.words(|page| {
        page.line(if words {
            "A rehearsal with the 24 words. Nothing that is typed is written anywhere or used up."
        } else {
            "A rehearsal with two shares of three. Nothing that is typed is written anywhere or used up."
        });
        page.line("What is typed can be seen: let nobody look, and each trustee type alone.");
    });
    let (root, with) =
        ask(context, &organisation, Some(words), "the key was not recovered: the drill failed")?;
    drop(root);
    let fact = match with {
        Some((set, _)) => Rehearsed::Shares(set),
        None => Rehearsed::Words,
    };
    let noted = notebook.note(Fact::Drill(fact)).await?;
    let answer = json!({
        "works": true, "organisation": organisation, "noted": noted,
        "with": if with.is_some() { "shares" } else { "words" },
        "set": with.map(|(set, _)| set), "shares": with.map(|(_, numbers)| numbers),
    });
    context.output.answer(&answer, |page| {
        match with {
            Some((set, [one, other])) => page.line(&format!(
                "Shares {one} and {other} of the set {set} give the organisation's root key."
            )),
            None => page.line("The words give the organisation's root key."),
        }
        page.line("It was made in memory, compared, and wiped; the papers work as before. Put them back.");
        page.line(if noted { "The date is noted." } else { "There is no node here to note the date in." });
    })?;
    Ok(Exit::Done)
}

/// Makes the root key's file again.
pub(super) async fn recover(
    context: &Context,
    out: Option<PathBuf>,
    organisation: Option<OrgId>,
    args: &PassphraseArgs,
) -> Result<Exit, Problem> {
    let not_done = "no file was made";
    let (organisation, notebook) = whose(context, organisation, args).await?;
    let file = match (out, &notebook) {
        (Some(file), _) => file,
        (None, Notebook::Nowhere) => {
            let what = "there is no node in this folder to put the key into";
            return Err(usage(what, "name a file: --out organisation.key"));
        }
        (None, _) => Home::at(&context.home).root_key(),
    };
    if file.exists() {
        return Err(exists(&file));
    }
    drop(notebook);
    let (root, with) = ask(context, &organisation, None, not_done)?;
    context.output.note("The key is right. Choose a passphrase for its new file.");
    let passphrase = passphrase::new(args)?;
    root.write(&file, passphrase.as_bytes()).map_err(|error| match error {
        VaultError::Exists { .. } => exists(&file),
        other => problem::failed(format!("{}: {other}", file.display()), not_done),
    })?;
    let answer = json!({
        "organisation": organisation, "file": file, "from": if with.is_some() { "shares" } else { "words" },
    });
    context.output.answer(&answer, |page| {
        page.line("The organisation's root key is back.");
        page.item("file", &file.display().to_string());
        page.item("organisation", &organisation.to_string());
        page.line("Put the file on a stick that lies elsewhere, and take it off this machine.");
        if with.is_some() {
            page.line("Two trustees have typed their shares here: make a new set once this is over.");
            page.item("next", &context.command("key split"));
        }
    })?;
    Ok(Exit::Done)
}

fn exists(file: &std::path::Path) -> Problem {
    problem::problem(
        problem::REFUSED,
        "exists",
        format!("there is a file at {} already", file.display()),
        "it was not touched, and no key was made",
        "name another: --out FILE",
    )
}

/// Whose key it must be: as named, or as this folder's node says.
async fn whose(
    context: &Context,
    named: Option<OrgId>,
    args: &PassphraseArgs,
) -> Result<(OrgId, Notebook), Problem> {
    if let Some(organisation) = named {
        return Ok((organisation, Notebook::Nowhere));
    }
    let notebook = Notebook::open(context, args).await?;
    let organisation = notebook.organisation().ok_or_else(|| {
        usage(
            "there is no node in this folder to say whose key it must be",
            "name the organisation: --organisation ID; its partners see it with `entente member show`, \
             and it stands on the papers",
        )
    })?;
    Ok((organisation, notebook))
}

/// Which shares gave the key.
type Shares = (SetId, [u8; 2]);

/// Reads words or two shares, and gives the root key.
fn ask(
    context: &Context,
    organisation: &OrgId,
    words: Option<bool>,
    not_done: &str,
) -> Result<(RootKey, Option<Shares>), Problem> {
    let wrong = |what: String| {
        let next = "compare with the paper, and type it again; nothing is used up by trying";
        problem::problem(problem::REFUSED, "not-the-key", what, not_done, next)
    };
    let stdin = io::stdin();
    let mut answers = Answers::new(context, stdin.lock(), not_done);
    let given = match words {
        Some(true) => answers.words()?,
        Some(false) => Given::Share(answers.share("one trustee")?),
        None => answers.words_or_share()?,
    };
    let one = match given {
        Given::Words(words) => {
            let root = RootKey::from_words(&words, organisation).map_err(|e| wrong(e.to_string()))?;
            answers.done();
            return Ok((root, None));
        }
        Given::Share(share) => share,
    };
    // Before the second trustee is bothered.
    share::of_organisation(&one, organisation).map_err(|e| wrong(e.to_string()))?;
    answers.done();
    let other = answers.share("another trustee")?;
    answers.done();
    let root = share::combine(&one, &other, organisation).map_err(|e| wrong(e.to_string()))?;
    Ok((root, Some((one.label().set, [one.label().number, other.label().number]))))
}
