//! One file for each noun. A new command is a variant of [`Command`], a file here and a line in [`dispatch`].

mod agreement;
mod attachment;
mod audit;
mod backup;
mod bundle;
mod completions;
mod copies;
mod demo;
mod desk;
mod doctor;
mod drafts;
mod export;
mod facts;
mod fetching;
mod forms;
mod govern;
mod import;
mod init;
mod inspect;
mod journal;
mod key;
mod kinds;
mod lock;
mod mailbox;
mod member;
mod network;
mod node;
mod partnership;
mod place;
mod qr;
mod recommendation;
mod record;
mod run;
mod say;
mod share;
mod status;
mod sync;
mod tally;
mod trust;
mod verify;
mod withdraw;
mod words;

use entente_node::api::types::Problem;

use crate::Context;
use crate::args::Command;
use crate::problem::Exit;

/// Carries a command out.
///
/// # Errors
/// What went wrong, in words and with its exit code.
pub async fn dispatch(context: &Context, command: Command) -> Result<Exit, Problem> {
    match command {
        Command::Init(args) => init::init(context, args),
        Command::Run(args) => run::run(context, args).await,
        Command::Status => status::status(context).await,
        Command::Doctor => doctor::doctor(context).await,
        Command::Lock => lock::lock(context).await,
        Command::Unlock(args) => lock::unlock(context, &args).await,
        Command::Stop => lock::stop(context).await,
        Command::Staff(command) => desk::staff(context, command).await,
        Command::Release(command) => desk::release(context, command).await,
        Command::Partnership(command) => partnership::partnership(context, command).await,
        Command::Member(command) => member::member(context, command).await,
        Command::Node(command) => node::node(context, command).await,
        Command::Key(command) => key::key(context, command).await,
        Command::Backup(command) => backup::backup(context, command).await,
        Command::Record(command) => record::record(context, command).await,
        Command::Recommendation(command) => recommendation::recommendation(context, command).await,
        Command::Place(command) => place::place(context, command).await,
        Command::Due(args) => forms::due(context, &args).await,
        Command::Visit(command) => forms::visit(context, command).await,
        Command::Activity(command) => forms::activity(context, command).await,
        Command::Advice(command) => forms::advice(context, command).await,
        Command::Attachment(command) => attachment::attachment(context, command).await,
        Command::Bundle(command) => bundle::bundle(context, command).await,
        Command::Mailbox(command) => mailbox::mailbox(context, command).await,
        Command::Network(command) => network::network(context, command).await,
        Command::Sync(command) => sync::sync(context, command).await,
        Command::Journal(command) => journal::journal(context, &command),
        Command::Audit(command) => audit::audit(context, command).await,
        Command::Demo(args) => demo::demo(context, args).await,
        Command::Completions { shell } => completions::completions(context, shell),
    }
}
