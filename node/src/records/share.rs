//! Sharing a draft, and the preview before it.

use std::sync::Arc;
use std::time::Instant;

use entente_protocol::audience::{Audience, NamedReaders};
use entente_protocol::ids::{PartnershipId, RecordId};
use entente_protocol::policy::{Refusal, RefusalCode};
use entente_protocol::record::{Attachment, Content};

use crate::api::problem::{self, refused};
use crate::api::types::{HiddenView, Preview, Problem, RefusalView, ShareRequest, Shared};
use crate::api::verify;
use crate::clock;
use crate::confide;
use crate::desk::Caller;
use crate::desk::{release, standing, telling};
use crate::field;
use crate::frames::Draft;
use crate::metadata::Cleaning;
use crate::node::Node;
use crate::partnership::Handle;
use crate::partnership::commands::{Command, CommandError, Publish, Released};
use crate::partnership::foresee::Foreseen;
use crate::partnership::publish::{PublishError, private_fields};
use crate::rows;

use super::attach::{AttachError, Sharing};
use super::{drafts, find, hidden, pass};

const NOT_SHARED: &str = "The record was not shared; it is still a draft on this node.";

fn audience(handle: &Handle, readers: Option<&Vec<String>>) -> Result<Audience, Problem> {
    let Some(readers) = readers else { return Ok(Audience::Everyone) };
    let mut orgs = Vec::new();
    for text in readers {
        orgs.push(find::organisation(handle, text)?);
    }
    NamedReaders::new(orgs).map(Audience::Named).map_err(|e| {
        refused(
            &[("E-NO-READER".into(), e.to_string())],
            NOT_SHARED,
            "Name at least one reader, or leave the option out to share with all members.",
        )
    })
}

/// Who could read a draft if it were shared so, and why.
///
/// # Errors
/// [`Problem`] where the draft, the partnership or a reader is not known. What a rule refuses is part of the
/// answer.
pub async fn preview(
    node: &Arc<Node>,
    caller: &Caller,
    text: &str,
    request: &ShareRequest,
) -> Result<Preview, Problem> {
    let (_, row) = find::record(node, text)?;
    let mut draft = drafts::read(node, &row.id)?;
    let draft_id = row.id;
    let handle = find::partnership(node, &request.partnership)?;
    let mut filled = confide::of_sharing(node, &mut draft.content);
    filled.extend(field::teams::fill(node, &handle, &mut draft.content));
    let onward = draft.content.handling.onward;
    let stripped = private_fields(&draft.content);
    let hidden = hidden_data(node, &draft.content, request.keep_metadata).await?;
    let cannot = uncleaned(&hidden);
    // What others must release can be foreseen as if they had.
    let release = telling::needed(node, caller, &handle, &draft_id, &draft.content);
    standing::as_if_released(&handle, node, &mut draft.content);
    let refusals_only = |refusals: Vec<RefusalView>| Preview {
        release: release.clone(),
        readers: Vec::new(),
        because: Vec::new(),
        stripped: stripped.clone(),
        onward,
        refusals,
        unverified: Vec::new(),
        hidden: hidden.clone(),
    };
    let audience = match audience(&handle, request.readers.as_ref()) {
        Ok(audience) => audience,
        Err(problem) if !problem.refusals.is_empty() => return Ok(refusals_only(problem.refusals)),
        Err(problem) => return Err(problem),
    };
    let mut ruled = views(&field::rules::of_sharing(node, &handle, &draft.content, &draft_id));
    ruled.extend(views(&field::teams::of_sharing(node, &handle, &draft.content, &audience)));
    ruled.extend(views(&pass::of_sharing(node, &draft.content, &audience)));
    ruled.extend(views(&filled));
    let team = field::teams::because(node, &handle, &draft.content);
    let content = Box::new(draft.content);
    match handle.ask(|reply| Command::Preview(content, audience, reply)).await {
        Ok(_) if !ruled.is_empty() => Ok(refusals_only(ruled)),
        Ok(foreseen) => {
            let mut because = foreseen.permitted.because().to_vec();
            let key = if foreseen.fresh_key { "a fresh key" } else { "the present key" };
            because.push(format!("Sealed with {key} for {} nodes, this one included.", foreseen.nodes));
            because.extend(foreseen.later);
            because.extend(team);
            let unverified = verify::unverified_readers(node, &handle, &foreseen.key_holders);
            let readers =
                foreseen.key_holders.iter().map(|o| find::org_view(node, Some(&handle), o)).collect();
            Ok(Preview { readers, because, stripped, onward, refusals: cannot, unverified, hidden, release })
        }
        Err(CommandError::Publish(PublishError::Refused(refusals))) => {
            Ok(refusals_only(views(&refusals).into_iter().chain(ruled).collect()))
        }
        Err(CommandError::Publish(PublishError::NotAMember)) => Ok(refusals_only(vec![not_a_member()])),
        Err(error) => Err(problem::command(&error, NOT_SHARED)),
    }
}

fn not_a_member() -> RefusalView {
    RefusalView {
        code: "E-NOT-MEMBER".into(),
        reason: "this organisation is not a member of the partnership (any more, or not yet)".into(),
    }
}

fn views(refusals: &[Refusal]) -> Vec<RefusalView> {
    refusals.iter().map(|r| RefusalView { code: r.code.to_string(), reason: r.reason.clone() }).collect()
}

/// A draft as it would be shared now: the rules of this node have said yes, those of the agreement are asked when
/// it is shared.
pub(crate) struct Ready {
    pub(crate) handle: Handle,
    pub(crate) draft: RecordId,
    pub(crate) content: Content,
    pub(crate) audience: Audience,
    pub(crate) keep_metadata: bool,
    nonce: [u8; 16],
}

/// The draft and the partnership that a request is about, and for whom it is to be.
///
/// # Errors
/// [`Problem`] where one of them is not known.
pub(crate) fn meant(
    node: &Arc<Node>,
    text: &str,
    request: &ShareRequest,
) -> Result<(RecordId, Handle, Audience), Problem> {
    let (_, row) = find::record(node, text)?;
    let handle = find::partnership(node, &request.partnership)?;
    let audience = audience(&handle, request.readers.as_ref())?;
    Ok((row.id, handle, audience))
}

/// Makes a draft ready to be shared, on a thread that may block: the rules read many records.
///
/// # Errors
/// [`Problem`]; what a rule of this node refuses.
pub(crate) async fn ready(
    node: &Arc<Node>,
    draft: RecordId,
    handle: Handle,
    audience: Audience,
    keep_metadata: bool,
) -> Result<Ready, Problem> {
    let node = node.clone();
    let made = tokio::task::spawn_blocking(move || {
        let Draft { nonce, mut content } = drafts::read(&node, &draft)?;
        let mut ruled = confide::of_sharing(&node, &mut content);
        ruled.extend(field::teams::fill(&node, &handle, &mut content));
        ruled.extend(field::rules::of_sharing(&node, &handle, &content, &draft));
        ruled.extend(field::teams::of_sharing(&node, &handle, &content, &audience));
        ruled.extend(pass::of_sharing(&node, &content, &audience));
        if !ruled.is_empty() {
            return Err(explain(&CommandError::Publish(PublishError::Refused(ruled))));
        }
        Ok(Ready { handle, draft, content, audience, keep_metadata, nonce })
    });
    made.await.map_err(|e| problem::failed(e.to_string(), NOT_SHARED))?
}

/// Who would read it, by the agreement and the keys.
///
/// # Errors
/// [`Problem`]; what the agreement refuses.
pub(crate) async fn foresee(ready: &Ready, content: Content) -> Result<Foreseen, Problem> {
    let (content, audience) = (Box::new(content), ready.audience.clone());
    let foreseen = ready.handle.ask(|reply| Command::Preview(content, audience, reply)).await;
    foreseen.map_err(|e| explain(&e))
}

/// What of its attachments stands in the way of sharing it.
///
/// # Errors
/// [`Problem`] `E-HIDDEN-DATA`, or where they cannot be read.
pub(crate) async fn look_into(node: &Arc<Node>, ready: &Ready) -> Result<(), Problem> {
    let hidden = hidden_data(node, &ready.content, ready.keep_metadata).await?;
    let refusals: Vec<(String, String)> =
        uncleaned(&hidden).into_iter().map(|view| (view.code, view.reason)).collect();
    if refusals.is_empty() {
        return Ok(());
    }
    Err(refused(&refusals, NOT_SHARED, "See `entente record preview`."))
}

/// Shares it: when this returns, the record is durable here and on its way.
///
/// # Errors
/// [`Problem`]; then it was not shared.
pub(crate) async fn publish(
    node: &Arc<Node>,
    ready: Ready,
    expect_readers: Option<usize>,
    released: Option<Box<Released>>,
) -> Result<Shared, Problem> {
    let began = Instant::now();
    let Ready { handle, draft, mut content, audience, keep_metadata, nonce } = ready;
    if !content.attachments.is_empty() {
        // Refusals first: nothing is encrypted for somebody who may not have it.
        let foreseen = Box::new(content.clone());
        let asked = audience.clone();
        handle.ask(|reply| Command::Preview(foreseen, asked, reply)).await.map_err(|e| explain(&e))?;
        let secret = node.shared.keeper.look(|secrets| secrets.store.key());
        let space = audience.space(&handle.id, &node.me.org());
        let sharing = Sharing { secret, partnership: handle.id, space };
        content = for_sharing(node, content, keep_metadata, sharing).await?;
    }
    // The first sharing keeps the draft's id; a further one must not be linkable to it.
    let store = node.shared.ledger.store();
    let again = !rows::shared(&store.index, &draft).is_empty();
    let nonce = if again { clock::nonce() } else { nonce };
    let publish = Publish { content, audience, nonce, draft, expect_readers, released };
    let published =
        handle.ask(|reply| Command::Publish(Box::new(publish), reply)).await.map_err(|e| explain(&e))?;
    let names = published.readers.iter().map(|o| find::org_view(node, Some(&handle), o).name).collect();
    Ok(Shared {
        record: published.record,
        readers: published.readers,
        reader_names: names,
        sent_to: published.sent_to,
        took_ms: began.elapsed().as_secs_f64() * 1000.0,
    })
}

/// What each attachment tells beside its contents.
async fn hidden_data(node: &Arc<Node>, content: &Content, keep: bool) -> Result<Vec<HiddenView>, Problem> {
    let attachments = content.attachments.clone();
    let ledger = node.shared.ledger.clone();
    let looked = tokio::task::spawn_blocking(move || {
        let view = |(number, a): (usize, Attachment)| {
            let report = hidden::look(ledger.store(), &a, keep)?;
            Ok::<_, AttachError>(HiddenView { number, name: a.name, size: a.size, report })
        };
        attachments.into_iter().enumerate().map(view).collect::<Result<Vec<_>, _>>()
    });
    match looked.await {
        Ok(looked) => looked.map_err(|e| problem::attach(&e, NOT_SHARED)),
        Err(error) => Err(problem::failed(error.to_string(), NOT_SHARED)),
    }
}

/// The attachments that will not be shared because of what they tell.
fn uncleaned(hidden: &[HiddenView]) -> Vec<RefusalView> {
    let impossible = hidden.iter().filter(|h| matches!(h.report.cleaning, Cleaning::Impossible { .. }));
    let refusal = |h: &HiddenView| {
        let reason = hidden::reason(&h.report.cleaning).to_owned();
        let error = AttachError::Hidden { name: h.name.clone(), reason };
        RefusalView { code: "E-HIDDEN-DATA".into(), reason: error.to_string() }
    };
    impossible.map(refusal).collect()
}

async fn for_sharing(
    node: &Arc<Node>,
    mut content: Content,
    keep: bool,
    sharing: Sharing,
) -> Result<Content, Problem> {
    let originals = content.attachments.clone();
    let ledger = node.shared.ledger.clone();
    let copied = tokio::task::spawn_blocking(move || {
        originals
            .iter()
            .map(|a| hidden::copy(ledger.store(), a, keep, &sharing))
            .collect::<Result<Vec<Attachment>, _>>()
    })
    .await;
    content.attachments = match copied {
        Ok(Ok(copies)) => copies,
        Ok(Err(error)) => return Err(problem::attach(&error, NOT_SHARED)),
        Err(error) => return Err(problem::failed(error.to_string(), NOT_SHARED)),
    };
    Ok(content)
}

/// What a consent is wanted for is from now on among what is owed.
pub(crate) async fn noted(node: &Arc<Node>, at: (RecordId, PartnershipId), problem: Problem) -> Problem {
    if problem.refusals.iter().all(|refusal| refusal.code != RefusalCode::Consent.as_str()) {
        return problem;
    }
    match confide::wanted::note(node, at).await {
        Ok(()) => problem,
        Err(error) => problem::ledger(&error, NOT_SHARED),
    }
}

fn explain(error: &CommandError) -> Problem {
    match error {
        CommandError::Publish(PublishError::Refused(refusals)) => {
            let views: Vec<(String, String)> =
                refusals.iter().map(|r| (r.code.to_string(), r.reason.clone())).collect();
            refused(&views, NOT_SHARED, "See `entente record preview` for who could read it, and why not.")
        }
        CommandError::Publish(PublishError::Forked) => refused(
            &[("E-FORKED".into(), error.to_string())],
            NOT_SHARED,
            "See `entente audit verify`: an old copy of this node ran, or somebody else has its keys.",
        ),
        CommandError::Publish(PublishError::NotAMember) => {
            let view = not_a_member();
            refused(&[(view.code, view.reason)], NOT_SHARED, "See `entente partnership show`.")
        }
        CommandError::Publish(PublishError::NotAsReleased) => refused(
            &[(release::CHANGED.into(), error.to_string())],
            NOT_SHARED,
            "Ask anew: `entente record share`; what was released before counts no more.",
        ),
        CommandError::Publish(PublishError::OtherReaders { expected, found }) => {
            let reason = format!("{found} organisations could read it, and {expected} were expected");
            let next = "Look at `entente record preview`, then share with the right number.";
            refused(&[("E-EXPECT".into(), reason)], NOT_SHARED, next)
        }
        other => problem::command(other, NOT_SHARED),
    }
}
