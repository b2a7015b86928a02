//! `entente member verify`: two people on the telephone, each with a screen, read a code to each other.
//!
//! A person is led through it; a script takes the steps one by one (`--start`, `--code`). However it goes wrong,
//! the words say what happened and what to do next.

use std::io::BufRead;
use std::time::Duration;

use entente_node::api::types::{
    PartnershipView, Problem, Trust, VerificationView, VerifyRequest, VerifyStage,
};
use tokio::sync::mpsc;

use crate::args::VerifyArgs;
use crate::client::{Client, route};
use crate::output::Page;
use crate::problem::{Exit, FAILED, declined, problem, usage};
use crate::{Context, ask};

use super::trust;

/// Between two looks at how far it is.
const LOOK: Duration = Duration::from_millis(300);
/// Between two signs of life while waiting.
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);

const NOTHING: &str = "nothing was verified";

/// Dispatches: a step of a script, or a conversation.
pub(super) async fn verify(context: &Context, args: &VerifyArgs) -> Result<Exit, Problem> {
    let call = Call { client: context.client().await?, args };
    if let Some(code) = &args.code {
        let view = call.step("enter", Some(code.clone())).await?;
        context.output.answer(&view, |page| done(page, &view))?;
        return Ok(Exit::Done);
    }
    if args.start {
        let view = call.step("begin", None).await?;
        context.output.answer(&view, |page| paint(page, &view))?;
        return Ok(Exit::Done);
    }
    if context.output.is_json() || !ask::somebody_is_there() {
        return Err(usage(
            "verifying is a conversation of two people, and there is no terminal to have it on",
            "a script begins with --start, again until `stage` is `codes`, and types what it heard with --code",
        ));
    }
    converse(context, &call).await
}

/// Whom it is with.
struct Call<'a> {
    client: Client,
    args: &'a VerifyArgs,
}

impl Call<'_> {
    async fn look(&self) -> Result<VerificationView, Problem> {
        let target = &self.args.target;
        self.client.get(&route(&["partnerships", &target.partnership, "verify", &target.org])).await
    }

    async fn step(&self, verb: &str, code: Option<String>) -> Result<VerificationView, Problem> {
        let target = &self.args.target;
        let request = VerifyRequest { organisation: target.org.clone(), code };
        self.client.post(&route(&["partnerships", &target.partnership, "verify", verb]), &request).await
    }

    /// What the person at the other side types.
    async fn their_command(&self) -> Result<String, Problem> {
        let view: PartnershipView =
            self.client.get(&route(&["partnerships", &self.args.target.partnership])).await?;
        let us = view.members_now.iter().find(|member| member.ourselves);
        let us = us.map_or("ORG", |member| member.organisation.name.as_str());
        Ok(format!("entente member verify {} {}", crate::quoted(&view.summary.name), crate::quoted(us)))
    }
}

/// What happens while a person is at the terminal.
enum Happened {
    Stage(Box<VerificationView>),
    Typed(String),
    Interrupted,
}

async fn converse(context: &Context, call: &Call<'_>) -> Result<Exit, Problem> {
    let before = call.look().await?;
    if let (Some(trust), VerifyStage::Idle | VerifyStage::Ended { .. } | VerifyStage::Verified { .. }) =
        (&before.trust, &before.stage)
        && matches!(trust.trust, Trust::Verified { .. })
        && !call.args.again
    {
        let word = trust::word(trust);
        context.output.part(|page| {
            page.line(&format!("{}: {word}; nothing has changed since.", before.organisation.name));
            page.item("to do it again", "add --again, at both ends");
        });
        return Ok(Exit::Done);
    }
    introduce(context, &before);
    let begun = call.step("begin", None).await?;
    let mut typing = keyboard();
    let ready = match begun.stage {
        VerifyStage::Codes { .. } => begun,
        _ => match wait_for_them(context, call, &mut typing).await? {
            Some(view) => view,
            None => return stopped(call).await,
        },
    };
    read_and_type(context, call, &ready, &mut typing).await
}

fn introduce(context: &Context, before: &VerificationView) {
    let name = &before.organisation.name;
    context.output.words(|page| {
        page.line(&format!(
            "Call a person of {name} whom you know, on a number that you did not get with the invitation."
        ));
        if let Some(Trust::Changed { what, .. }) = before.trust.as_ref().map(|trust| &trust.trust) {
            page.line(&format!("Its keys changed: {what}. Ask them whether that is right before you go on."));
        }
        if let Some(warning) = before.trust.as_ref().and_then(|trust| trust.warning.as_ref()) {
            page.line(&format!("Careful, the last time failed: {}.", warning.words));
        }
        if before.stage == VerifyStage::Asked {
            page.line("They have begun already.");
        }
    });
}

/// Waits until the other side has begun too; nothing if the person here stopped waiting.
async fn wait_for_them(
    context: &Context,
    call: &Call<'_>,
    typing: &mut mpsc::Receiver<String>,
) -> Result<Option<VerificationView>, Problem> {
    let theirs = call.their_command().await?;
    context.output.words(|page| {
        page.line("Waiting for them to begin too. They type:");
        page.item("at their end", &theirs);
        page.item("to stop", "Ctrl-C");
    });
    let mut sign = tokio::time::interval(SIGN_OF_LIFE);
    sign.tick().await;
    loop {
        let happened = tokio::select! {
            happened = next(call, typing) => happened?,
            _ = sign.tick() => {
                context.output.note("Still waiting; Ctrl-C stops.");
                continue;
            }
        };
        match happened {
            Happened::Interrupted => return Ok(None),
            Happened::Typed(_) => context.output.note("There is no code yet: they have not begun."),
            Happened::Stage(view) => match view.stage {
                VerifyStage::Waiting => {}
                VerifyStage::Codes { .. } => return Ok(Some(*view)),
                _ => return Err(over(&view)),
            },
        }
    }
}

async fn read_and_type(
    context: &Context,
    call: &Call<'_>,
    ready: &VerificationView,
    typing: &mut mpsc::Receiver<String>,
) -> Result<Exit, Problem> {
    let VerifyStage::Codes { read, .. } = &ready.stage else { return Err(over(ready)) };
    context.output.words(|page| {
        page.gap();
        page.item("Read this to them", read);
    });
    loop {
        context.output.ask("Type what they read to you:");
        let typed = loop {
            match next(call, typing).await? {
                Happened::Interrupted => return stopped(call).await,
                Happened::Typed(typed) => break typed,
                Happened::Stage(view) if matches!(view.stage, VerifyStage::Codes { .. }) => {}
                Happened::Stage(view) => return Err(over(&view)),
            }
        };
        if typed.trim().is_empty() {
            continue;
        }
        match call.step("enter", Some(typed)).await {
            Ok(view) => {
                context.output.part(|page| done(page, &view));
                context.output.note("Stay on the line until they have typed your code as well.");
                return Ok(Exit::Done);
            }
            Err(slip) if matches!(slip.code.as_str(), "own-code" | "usage") => {
                context.output.note(&format!("Not quite: {}. {}", slip.what, slip.next));
            }
            Err(wrong) if wrong.code == "wrong-code" => {
                if !matches!(call.look().await?.stage, VerifyStage::Codes { .. }) {
                    return Err(wrong);
                }
                let what = wrong.refusals.first().map_or(wrong.what.as_str(), |r| r.reason.as_str());
                context.output.note(&format!("No: {what}. {}", wrong.next));
            }
            Err(other) => return Err(other),
        }
    }
}

/// Waits for a line, for Ctrl-C, or for some time, and looks then how far it is.
async fn next(call: &Call<'_>, typing: &mut mpsc::Receiver<String>) -> Result<Happened, Problem> {
    tokio::select! {
        biased;
        _ = tokio::signal::ctrl_c() => Ok(Happened::Interrupted),
        line = typing.recv() => Ok(line.map_or(Happened::Interrupted, Happened::Typed)),
        () = tokio::time::sleep(LOOK) => Ok(Happened::Stage(Box::new(call.look().await?))),
    }
}

/// Lines that are typed. A thread of its own reads them: nothing else can be asked to stop reading a terminal.
fn keyboard() -> mpsc::Receiver<String> {
    let (lines, typed) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            if line.is_err() || line.is_ok_and(|line| lines.blocking_send(line).is_err()) {
                return;
            }
        }
    });
    typed
}

async fn stopped(call: &Call<'_>) -> Result<Exit, Problem> {
    call.step("stop", None).await?;
    Err(Problem { what: "you stopped".into(), ..declined(NOTHING) })
}

/// It ended before both were done.
fn over(view: &VerificationView) -> Problem {
    let (code, what) = match &view.stage {
        VerifyStage::Ended { ending, words } => (ending.as_str(), words.as_str()),
        _ => ("stopped", "it was stopped from another window"),
    };
    let next = match code {
        "keys-differ" | "wrong-codes" => {
            "hang up, call them on a number that you had before, and try once more; if it fails again, share \
             nothing with them and tell the other members"
        }
        _ => "begin again, at both ends",
    };
    problem(FAILED, code, what, NOTHING, next)
}

fn done(page: &mut Page, view: &VerificationView) {
    page.line(&format!("Verified: {} is who it says.", view.organisation.name));
}

/// How far it is, for a person who takes single steps.
fn paint(page: &mut Page, view: &VerificationView) {
    match &view.stage {
        VerifyStage::Codes { read, .. } | VerifyStage::Verified { read } => {
            page.item("read to them", read);
            page.item("then", "member verify P ORG --code WHAT-THEY-READ");
        }
        VerifyStage::Waiting => page.line("Begun. They have not begun yet: the same command again looks."),
        VerifyStage::Asked => page.line("They have begun, and wait for you."),
        VerifyStage::Idle => page.line("Nobody has begun."),
        VerifyStage::Ended { words, .. } => page.line(&format!("It is over: {words}.")),
    }
}
