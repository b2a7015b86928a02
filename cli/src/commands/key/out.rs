//! `entente key backup` and `split`: the root key leaves the computer on paper.

use std::io;
use std::path::Path;

use entente_node::api::types::Problem;
use entente_node::home::Home;
use entente_node::recovery::share::{self, SetId};
use entente_node::recovery::{Fact, RootKey, RootKeyError, Share};
use entente_node::vault::VaultError;
use serde_json::json;
use zeroize::Zeroizing;

use super::{NOT_READ, Notebook, not_read};
use crate::args::RootKeyArgs;
use crate::output::Page;
use crate::problem::{self, Exit};
use crate::{Context, ask, passphrase};

/// Shows the 24 words.
pub(super) async fn backup(context: &Context, args: &RootKeyArgs) -> Result<Exit, Problem> {
    let (root, mut notebook) = root_key(context, args).await?;
    let words = root.words().map_err(|e| problem::failed(e.to_string(), NOT_READ))?;
    let answer = json!({ "organisation": root.id(), "words": words });
    context.output.answer(&answer, |page| {
        page.heading("The organisation's root key, as 24 words");
        page.line("Whoever has these words is the organisation, for ever, in every partnership.");
        page.line(
            "Write them on paper by hand, in order, numbers too. Do not photograph, print or type them.",
        );
        page.line("Keep the paper where you would keep cash, and not beside this computer.");
        page.gap();
        numbered(page, &words);
        page.item("organisation", &root.id().to_string());
        page.line("Write that down too, on the same paper: recovery asks whose key it is.");
    })?;
    after_enter(context, args, "Read them through once more, then press Enter: the screen is cleared.");
    let noted = notebook.note(Fact::Backup).await?;
    context.output.words(|page| {
        page.line(if noted { "Noted." } else { "There is no node here to note the date in." });
        page.item("rehearse it", &context.command("key drill --words"));
    });
    Ok(Exit::Done)
}

/// Shows three shares, one at a time.
pub(super) async fn split(context: &Context, args: &RootKeyArgs) -> Result<Exit, Problem> {
    let (root, mut notebook) = root_key(context, args).await?;
    let shares = share::split(&root).map_err(|e| problem::failed(e.to_string(), "no share was made"))?;
    let [first, ..] = &shares;
    let set = first.label().set;
    let texts: Vec<Vec<&'static str>> = shares
        .iter()
        .map(Share::words)
        .collect::<Result<_, _>>()
        .map_err(|e| problem::failed(e.to_string(), "no share was shown"))?;
    if context.output.is_json() {
        let each = shares.iter().zip(&texts).map(|(share, words)| {
            json!({ "number": share.label().number, "label": share.label().to_string(), "words": words })
        });
        let shares: Vec<_> = each.collect();
        context.output.object(&json!({ "organisation": root.id(), "set": set, "shares": shares }))?;
    } else {
        for (share, words) in shares.iter().zip(&texts) {
            // Whoever held the keyboard for the last share must not see the next one.
            let number = share.label().number;
            let question =
                format!("Share {number} of 3 comes next. Press Enter when only its trustee sees this.");
            after_enter(context, args, &question);
            context.output.part(|page| paint_share(page, share, words, &root));
            after_enter(
                context,
                args,
                "Trustee: read it through once more. Then press Enter: the screen is cleared.",
            );
        }
    }
    let noted = notebook.note(Fact::Split(set)).await?;
    context.output.words(|page| after_split(context, page, set, noted));
    Ok(Exit::Done)
}

fn paint_share(page: &mut Page, share: &Share, words: &[&str], root: &RootKey) {
    let label = share.label();
    page.heading(&format!("Share {} of 3, for one trustee alone to see", label.number));
    page.line("To the trustee: please write the label and the 24 words on paper, by hand.");
    page.gap();
    page.item("label", &label.to_string());
    numbered(page, words);
    page.item("organisation", &root.id().to_string());
    page.gap();
    page.point("Your share alone opens nothing, and tells you and whoever finds it nothing.");
    page.point(
        "Two of the three together are the organisation's root key: whoever has two can be the organisation.",
    );
    page.point(
        "So tell nobody that you hold it but the organisation, keep it where you keep your will, do not photograph, \
         print or type it, and never give it to another trustee.",
    );
    page.point(
        "The organisation may ask you for it after a raid or a fire, and once or twice a year for a rehearsal. Check \
         that it is them, in person, and type the words yourself.",
    );
    page.point("If the paper is lost or was seen, say so at once.");
}

fn after_split(context: &Context, page: &mut Page, set: SetId, noted: bool) {
    page.heading(&format!("The set {set} is made"));
    if !noted {
        page.line("There is no node here to note the date in: write it down.");
    }
    page.point(
        "Any two shares of this set give the root key. A share of this set and one of an earlier set give nothing.",
    );
    page.point(
        "Shares of earlier sets still open the key, two of a set together: the key has not changed. To retire a set, \
         have at least two of its three shares destroyed before your eyes; the third opens nothing then.",
    );
    page.item("rehearse it", &context.command("key drill"));
}

/// Words with their numbers, four in a line.
fn numbered(page: &mut Page, words: &[&str]) {
    for (line, four) in words.chunks(4).enumerate() {
        let cell = |(at, word): (usize, &&str)| format!("{:2}. {word:<10}", line * 4 + at + 1);
        let cells: Vec<String> = four.iter().enumerate().map(cell).collect();
        page.text(&cells.concat());
    }
}

/// Waits until a person has done what is asked, and clears the screen.
fn after_enter(context: &Context, args: &RootKeyArgs, question: &str) {
    if context.output.is_terminal() && ask::somebody_is_there() && !args.yes {
        context.output.ask(question);
        let mut line = Zeroizing::new(String::new());
        // Whether it was Enter or the end of input: it was read.
        let _ = io::stdin().read_line(&mut line);
        context.output.wipe_screen();
    }
}

/// Opens the root key's file, and the place where it will be noted that it was shown.
async fn root_key(context: &Context, args: &RootKeyArgs) -> Result<(RootKey, Notebook), Problem> {
    if !context.output.is_terminal() && !args.yes {
        return Err(problem::problem(
            problem::REFUSED,
            "not-a-terminal",
            "secret words would go into a file or another program, which keep them",
            NOT_READ,
            "run it on a terminal; a script that knows what it does passes --yes",
        ));
    }
    let file = args.key.clone().unwrap_or_else(|| Home::at(&context.home).root_key());
    if !file.exists() {
        let path = file.clone();
        return Err(not_read(&file, &RootKeyError::Vault(VaultError::NotFound { path })));
    }
    let notebook = Notebook::open(context, &args.passphrase).await?;
    let root = opened(context, &file, &notebook, args)?;
    match notebook.organisation() {
        Some(ours) if ours != root.id() => Err(problem::problem(
            problem::REFUSED,
            "other-organisation",
            format!("{} is the root key of another organisation ({})", file.display(), root.id()),
            NOT_READ,
            "name the right file: --key FILE",
        )),
        _ => Ok((root, notebook)),
    }
}

/// Opens the file: by the passphrase that opened the vault, unless it has one of its own.
fn opened(
    context: &Context,
    file: &Path,
    notebook: &Notebook,
    args: &RootKeyArgs,
) -> Result<RootKey, Problem> {
    let open = |passphrase: &str| RootKey::open(file, passphrase.as_bytes());
    let passphrase = match notebook {
        Notebook::Vault(_, passphrase) => match open(passphrase) {
            Err(RootKeyError::Vault(VaultError::WrongPassphrase)) if ask::somebody_is_there() => {
                context.output.note("The root key's file has a passphrase of its own.");
                passphrase::known(&args.passphrase)?
            }
            opened => return opened.map_err(|e| not_read(file, &e)),
        },
        _ => passphrase::known(&args.passphrase)?,
    };
    open(&passphrase).map_err(|e| not_read(file, &e))
}
