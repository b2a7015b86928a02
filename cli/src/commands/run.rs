//! `entente run`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use entente_node::api::types::{Problem, Status};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::args::RunArgs;
use crate::client::{Client, SOCKET, route};
use crate::node_calls::{self, RunOptions};
use crate::problem::{Exit, FAILED, usage};
use crate::{Context, client, passphrase, safe_text};

/// How long a node may take to stop that cannot be asked to.
const STOPPING: Duration = Duration::from_secs(10);

/// Runs the node in the foreground until it is stopped.
pub(super) async fn run(context: &Context, args: RunArgs) -> Result<Exit, Problem> {
    if !node_calls::initialised(&context.home) {
        return Err(client::not_initialised(&context.home));
    }
    start_log(&args.log)?;
    let passphrase = passphrase::known(&args.passphrase)?;
    let options = RunOptions {
        advertise: args.advertise,
        proxy: args.network.proxy,
        only_proxy: args.network.only_proxy,
        lan: args.network.lan,
    };
    if args.stop_at_eof {
        stop_at_eof(context.home.clone());
    }
    node_calls::run(&context.home, options, &passphrase, |status| tell_ready(context, &status)).await?;
    context.output.note("The node has stopped.");
    Ok(Exit::Done)
}

/// Whoever started this node holds the other end of stdin, and is gone when it ends.
fn stop_at_eof(home: PathBuf) {
    let (gone, noticed) = oneshot::channel::<()>();
    // A thread of its own: the runtime would wait for a blocking task when the node stops by itself.
    std::thread::spawn(move || {
        let _ended = io::copy(&mut io::stdin().lock(), &mut io::sink());
        drop(gone);
    });
    tokio::spawn(async move {
        let _dropped = noticed.await;
        let asked = match Client::connect(&home).await {
            Ok(client) => client.post::<_, Value>(&route(&["stop"]), &json!({})).await,
            Err(problem) => Err(problem),
        };
        if let Err(problem) = asked {
            // One that is stopping already answers no more, and ends by itself.
            tokio::time::sleep(STOPPING).await;
            // The journal is made for sudden ends; a node that nobody knows of is worse.
            let _nobody_reads = writeln!(io::stderr(), "stdin ended: {}", problem.what);
            std::process::exit(i32::from(FAILED));
        }
    });
}

fn tell_ready(context: &Context, status: &Status) {
    let ready = ready_line(context, status);
    let told = context.output.answer(&ready, |page| {
        let name = status.organisation.as_ref().map_or("The node", |organisation| &organisation.name);
        page.heading(&format!("{name}: ready"));
        for address in &status.addresses {
            page.item("address", address);
        }
        page.item("partnerships", &status.partnerships.len().to_string());
        page.line("Stop it with Ctrl-C.");
    });
    if let Err(problem) = told {
        context.output.problem(&problem);
    }
}

/// The one line that scripts wait for.
fn ready_line(context: &Context, status: &Status) -> Value {
    json!({
        "ready": true,
        "organisation": status.organisation.as_ref().map(|organisation| organisation.id),
        "node": status.node,
        "addresses": status.addresses,
        "socket": context.home.join(SOCKET).to_string_lossy(),
    })
}

fn start_log(filter: &str) -> Result<(), Problem> {
    let wrong = |e: &dyn std::fmt::Display| {
        usage(format!("--log cannot be understood: {e}"), "use `info`, `debug` or `entente_node=debug`")
    };
    let filter = EnvFilter::builder().parse(filter).map_err(|e| wrong(&e))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(SafeLog)
        .try_init()
        .map_err(|e| wrong(&e))
}

/// Log lines on stderr. What partners sent may be in them, so they are made safe like everything else.
struct SafeLog;

impl<'a> MakeWriter<'a> for SafeLog {
    type Writer = SafeLog;

    fn make_writer(&'a self) -> SafeLog {
        SafeLog
    }
}

impl io::Write for SafeLog {
    /// Takes a whole event at once, which is how tracing writes them.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = safe_text::line(text.trim_end_matches('\n'));
        // A log on a full disk is not written, and that is all: tracing would answer an error with a panic.
        let _ = io::stderr().lock().write_all(format!("{line}\n").as_bytes());
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = io::stderr().flush();
        Ok(())
    }
}
