//! `entente init`.

use entente_node::api::types::Problem;

use super::words;
use crate::args::{InitArgs, PassphraseArgs};
use crate::node_calls::{self, InitOptions, Listen};
use crate::problem::Exit;
use crate::{Context, passphrase};

/// Makes a node, and says what was made and what to type next.
pub(super) fn init(context: &Context, args: InitArgs) -> Result<Exit, Problem> {
    let passphrase = passphrase::new(&args.passphrase)?;
    let root = match args.recover_root {
        None => None,
        Some(file) => {
            let own = PassphraseArgs { passphrase_fd: args.root_passphrase_fd };
            let own = if args.root_passphrase_fd.is_none() && args.passphrase.passphrase_fd.is_some() {
                passphrase.clone()
            } else {
                context.output.note("The passphrase of the root key's file is asked for next.");
                passphrase::known(&own)?
            };
            Some((file, own))
        }
    };
    let options = InitOptions {
        name: args.name,
        kind: args.kind.into(),
        country: args.country,
        listen: Listen { listen: args.listen, advertise: args.advertise },
        root,
    };
    let report = node_calls::init(&context.home, options, &passphrase)?;
    context.output.answer(&report, |page| {
        page.heading("The node is made");
        page.item("folder", &report.home);
        page.item("organisation", &report.organisation.to_string());
        page.item("node", &report.node.to_string());
        page.item("fingerprint", &words::six_a_line(&report.fingerprint_words));
        for made in &report.made {
            page.point(made);
        }
        page.gap();
        page.line("Partners may ask for the fingerprint on the telephone: these twelve words are public.");
        page.line("Without the passphrase nothing in this folder can be read, by you neither: keep it safe.");
        page.item("next", &context.command("key backup"));
        page.item("then", &context.command("run"));
    })?;
    Ok(Exit::Done)
}
