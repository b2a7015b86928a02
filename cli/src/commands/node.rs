//! `entente node …`: more than one node for an organisation.

use std::path::Path;

use entente_node::api::nodes::{Certified, Certify, NodeView, encoded};
use entente_node::api::types::{Problem, Status};
use entente_node::home::Home;
use entente_node::recovery::RootKey;
use entente_protocol::identity::certify as certificate;
use entente_protocol::office::{MAX_TEXT, NodeRequest};
use serde_json::json;

use super::{drafts, key, words};
use crate::args::{NodeCommand, PassphraseArgs};
use crate::client::route;
use crate::node_calls::{self, Listen};
use crate::problem::{Exit, usage};
use crate::{Context, passphrase, times};

/// Dispatches.
pub(super) async fn node(context: &Context, command: NodeCommand) -> Result<Exit, Problem> {
    match command {
        NodeCommand::List => list(context).await,
        NodeCommand::Request { organisation, listen, advertise, passphrase } => {
            let passphrase = passphrase::new(&passphrase)?;
            let listen = Listen { listen, advertise };
            let request = node_calls::request(&context.home, &listen, organisation, &passphrase)?;
            context.output.note("A request to become one more node of the organisation. It is no secret:");
            context.output.answer(&request, |page| page.line(&request.request))?;
            context.output.note("On a node of the organisation: entente node certify REQUEST");
            Ok(Exit::Done)
        }
        NodeCommand::Certify { request, root_key, passphrase } => {
            certify(context, &request, root_key.as_deref(), &passphrase).await
        }
        NodeCommand::Accept { grant, passphrase } => {
            let grant = line(&grant, "entegrant1")?;
            let passphrase = passphrase::known(&passphrase)?;
            let made = node_calls::accept(&context.home, &grant, &passphrase)?;
            context.output.answer(&made, |page| {
                page.line("This machine is a node of the organisation now.");
                page.item("organisation", &made.organisation.to_string());
                page.item("node", &made.node.to_string());
                page.line(&format!(
                    "It comes into {} partnerships by itself when it runs.",
                    made.partnerships
                ));
                page.item("next", &context.command("run"));
            })?;
            Ok(Exit::Done)
        }
    }
}

async fn list(context: &Context) -> Result<Exit, Problem> {
    let nodes: Vec<NodeView> = context.client().await?.get(&route(&["nodes"])).await?;
    context.output.answer(&json!({ "nodes": nodes }), |page| {
        if nodes.is_empty() {
            return page.line("This node is in no partnership yet.");
        }
        page.table(
            ["partnership", "node", "since", ""],
            nodes.iter().map(|n| {
                let state = match n {
                    NodeView { revoked: true, .. } => "revoked",
                    NodeView { this_one: true, .. } => "this one",
                    NodeView { connected: true, .. } => "connected",
                    _ => "",
                };
                [n.partnership_name.clone(), words::short(&n.node), times::local(n.since), state.to_owned()]
            }),
        );
    })?;
    Ok(Exit::Done)
}

async fn certify(
    context: &Context,
    request: &str,
    file: Option<&Path>,
    args: &PassphraseArgs,
) -> Result<Exit, Problem> {
    let text = line(request, "entenode1")?;
    let request = NodeRequest::from_text(&text).map_err(|e| {
        usage(format!("the request: {e}"), "copy the whole line that `entente node request` printed")
    })?;
    let client = context.client().await?;
    let status: Status = client.get(&route(&["status"])).await?;
    let root = root_key(context, file, args)?;
    if status.organisation.is_none_or(|ours| ours.id != root.id()) {
        return Err(usage(
            "this is the root key of another organisation than the node's",
            "name the right file: --root-key FILE",
        ));
    }
    let signed = certificate(&root.signing_key(), request.node, entente_node::clock::now());
    let ask = Certify { request: text, certificate: encoded(&signed) };
    let certified: Certified = client.post(&route(&["nodes", "certify"]), &ask).await?;
    context.output.note(&format!(
        "Certified, with a door into {}. For the machine that made the request, and of use to no other:",
        if certified.partnerships.is_empty() {
            "no partnership".to_owned()
        } else {
            certified.partnerships.join(", ")
        },
    ));
    context.output.answer(&certified, |page| page.line(&certified.grant))?;
    context.output.note("On that machine: entente node accept GRANT");
    Ok(Exit::Done)
}

/// Opens the root key's file.
pub(super) fn root_key(
    context: &Context,
    file: Option<&Path>,
    args: &PassphraseArgs,
) -> Result<RootKey, Problem> {
    let file = file.map_or_else(|| Home::at(&context.home).root_key(), Path::to_owned);
    let passphrase = passphrase::known(args)?;
    RootKey::open(&file, passphrase.as_bytes()).map_err(|error| key::not_read(&file, &error))
}

/// One line of text: as typed, from a file, or from stdin.
fn line(given: &str, begins: &str) -> Result<String, Problem> {
    let typed = given.trim_start().to_ascii_lowercase().starts_with(begins);
    if given != "-" && (typed || !Path::new(given).exists()) {
        return Ok(given.trim().to_owned());
    }
    let bytes = drafts::read_bounded(Path::new(given), MAX_TEXT + 16)?;
    let text =
        String::from_utf8(bytes).map_err(|_| usage(format!("{given} is not text"), "name the right file"))?;
    Ok(text.trim().to_owned())
}
