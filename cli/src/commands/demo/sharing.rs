//! Founding, joining and sharing, as people do it: with the same requests as the commands.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use entente_node::api::types::{
    AboutOrg, DraftInput, InvitationCreated, InvitationView, Invited, Join, NewInvitation, NewPartnership,
    PartnershipCreated, PartnershipView, Preview, Problem, RecordCreated, RecordView, ShareRequest, Shared,
};
use entente_node::clock;
use entente_protocol::handling::Role;
use entente_protocol::ids::{PartnershipId, RecordId};
use entente_protocol::kinds;
use serde_json::Value;

use super::cast::{Actor, Cast, Who, failed, until};
use super::folder::letters;
use super::samples;
use crate::client::route;

/// Letters of the code that each text carries: nobody guesses it, and it stands in no other text.
const CODE: usize = 24;
/// How long an event alone is waited for.
const EVENT: Duration = Duration::from_secs(2);

/// A partnership of the story.
pub(super) struct Founded {
    /// Its id.
    pub(super) id: PartnershipId,
    /// Its name.
    pub(super) name: &'static str,
}

/// A partnership is founded.
pub(super) async fn found(by: &Actor, name: &'static str, agreement: &str) -> Result<Founded, Problem> {
    let new =
        NewPartnership { name: name.to_owned(), agreement: agreement.to_owned(), role: None, person: None };
    let created: PartnershipCreated = by.client.post(&route(&["partnerships"]), &new).await?;
    Ok(Founded { id: created.partnership, name })
}

/// Somebody is invited, reads and signs the agreement, and is approved. Returns when both know.
pub(super) async fn join(host: &Actor, guest: &Actor, partnership: &Founded) -> Result<(), Problem> {
    let id = partnership.id.to_string();
    let role: Role = "cso".parse().map_err(|_| failed("`cso` is no role"))?;
    let offer = NewInvitation { role: Some(role), days: None };
    let made: InvitationCreated =
        host.client.post(&route(&["partnerships", &id, "invitations"]), &offer).await?;
    let invited = Invited { invitation: made.invitation.clone() };
    let terms: InvitationView = guest.client.post(&route(&["invitations", "look"]), &invited).await?;
    let join = Join { invitation: made.invitation, agreement: terms.agreement.hash, person: None };
    let _: PartnershipCreated = guest.client.post(&route(&["partnerships", "join"]), &join).await?;

    let asks = |view: &PartnershipView| view.pending.iter().any(|p| p.organisation.name == guest.who.name());
    wait_for_view(host, &id, asks, "the request to join did not arrive").await?;
    let about = AboutOrg { organisation: guest.who.name().to_owned(), reason: None };
    let _: Value = host.client.post(&route(&["partnerships", &id, "approve"]), &about).await?;
    let joined = |view: &PartnershipView| view.members_now.iter().any(|member| member.ourselves);
    wait_for_view(guest, &id, joined, "the approval did not arrive").await
}

/// Waits until every one of them sees all as members, and is connected to the others.
pub(super) async fn together(all: &[&Actor], partnership: &Founded) -> Result<(), Problem> {
    let complete = |view: &PartnershipView| {
        view.members_now.len() == all.len() && view.members_now.iter().all(|m| m.ourselves || m.connected)
    };
    for actor in all {
        let why = "the members did not find each other";
        wait_for_view(actor, &partnership.id.to_string(), complete, why).await?;
    }
    Ok(())
}

async fn wait_for_view(
    actor: &Actor,
    partnership: &str,
    fits: impl Fn(&PartnershipView) -> bool,
    in_vain: &str,
) -> Result<(), Problem> {
    let route = route(&["partnerships", partnership]);
    let seen = until(async || match actor.client.get::<PartnershipView>(&route).await {
        Ok(view) => Ok(fits(&view).then_some(())),
        // Who waits for approval has not much to look at yet.
        Err(problem) if problem.code == "not-found" => Ok(None),
        Err(problem) => Err(problem),
    });
    seen.await?.ok_or_else(|| failed(format!("{in_vain} ({})", actor.who.the())))
}

/// What is to be shared.
pub(super) struct Plan<'a> {
    /// What the story calls it.
    pub(super) label: &'a str,
    /// Its draft.
    pub(super) draft: DraftInput,
    /// Who writes it.
    pub(super) author: Who,
    /// Where.
    pub(super) partnership: &'a Founded,
    /// Who may read it, besides its author.
    pub(super) readers: &'a [Who],
    /// Are the readers named, rather than all members?
    pub(super) named: bool,
}

/// What was shared.
pub(super) struct Sent {
    /// What the story calls it.
    pub(super) label: String,
    /// What the author wrote.
    pub(super) draft: DraftInput,
    /// Who wrote it.
    pub(super) author: Who,
    /// Where; nowhere if it was never shared.
    pub(super) partnership: Option<&'static str>,
    /// Who may read it, besides its author.
    pub(super) readers: Vec<Who>,
    /// Were the readers named?
    pub(super) named: bool,
    /// The id of its draft.
    pub(super) draft_id: RecordId,
    /// Its id, known to those who can read it.
    pub(super) id: RecordId,
    /// The code that stands in it.
    pub(super) code: String,
    /// Why its readers may read it, as the node said before it was shared.
    pub(super) because: Vec<String>,
    /// Milliseconds until it was durable at its author's.
    pub(super) durable_ms: f64,
    /// Milliseconds until it could be read, for each reader that got it in time.
    pub(super) visible_ms: Vec<(Who, f64)>,
}

impl Sent {
    /// Those who may read it, its author among them.
    pub(super) fn may_read(&self, who: Who) -> bool {
        self.author == who || self.readers.contains(&who)
    }

    /// The fields as its readers get them.
    pub(super) fn shared_fields(&self) -> BTreeMap<String, Value> {
        let mut fields = self.draft.fields.clone();
        fields.retain(|name, _| !kinds::stays_at_home(name));
        fields
    }
}

/// Keeps a draft with a code in it, and returns its id and the code.
pub(super) async fn keep(author: &Actor, draft: &mut DraftInput) -> Result<(RecordId, String), Problem> {
    let code = letters(CODE);
    samples::add(draft, "reference", &code);
    let created: RecordCreated = author.client.post(&route(&["records"]), draft).await?;
    Ok((created.record, code))
}

/// Shares, and waits until its readers have it.
pub(super) async fn share(cast: &Cast, plan: Plan<'_>) -> Result<Sent, Problem> {
    let mut draft = plan.draft.clone();
    let (draft_id, code) = keep(cast.get(plan.author), &mut draft).await?;
    send(cast, plan, draft, draft_id, code).await
}

/// Shares the draft of something that was shared, once more.
pub(super) async fn share_again(cast: &Cast, before: &Sent, plan: Plan<'_>) -> Result<Sent, Problem> {
    send(cast, plan, before.draft.clone(), before.draft_id, before.code.clone()).await
}

/// Keeps a draft that is never shared.
pub(super) async fn keep_home(author: &Actor, label: &str, mut draft: DraftInput) -> Result<Sent, Problem> {
    let (draft_id, code) = keep(author, &mut draft).await?;
    Ok(Sent {
        label: label.to_owned(),
        draft,
        author: author.who,
        partnership: None,
        readers: Vec::new(),
        named: true,
        draft_id,
        id: draft_id,
        code,
        because: Vec::new(),
        durable_ms: 0.0,
        visible_ms: Vec::new(),
    })
}

async fn send(
    cast: &Cast,
    plan: Plan<'_>,
    draft: DraftInput,
    draft_id: RecordId,
    code: String,
) -> Result<Sent, Problem> {
    let author = cast.get(plan.author);
    let record = draft_id.to_string();
    let names = plan.readers.iter().map(|who| who.name().to_owned()).collect();
    let mut request = ShareRequest {
        partnership: plan.partnership.name.to_owned(),
        readers: plan.named.then_some(names),
        expect_readers: None,
        keep_metadata: false,
    };
    let preview: Preview = author.client.post(&route(&["records", &record, "preview"]), &request).await?;
    request.expect_readers = Some(plan.readers.len());
    let began = clock::now_ns();
    let shared: Shared = author.client.post(&route(&["records", &record, "share"]), &request).await?;
    let mut visible_ms = Vec::new();
    for who in plan.readers {
        if let Some(at) = visible(cast.get(*who), &shared.record).await? {
            #[allow(clippy::cast_precision_loss, reason = "a demo takes less than 2^52 ns")]
            visible_ms.push((*who, at.saturating_sub(began) as f64 / 1e6));
        }
    }
    Ok(Sent {
        label: plan.label.to_owned(),
        draft,
        author: plan.author,
        partnership: Some(plan.partnership.name),
        readers: plan.readers.to_vec(),
        named: plan.named,
        draft_id,
        id: shared.record,
        code,
        because: preview.because,
        durable_ms: shared.took_ms,
        visible_ms,
    })
}

/// When a record could be read on a node, in nanoseconds since 1970; `None` if it did not come in time.
async fn visible(actor: &Actor, record: &RecordId) -> Result<Option<u64>, Problem> {
    let route = route(&["records", &record.to_string()]);
    let began = Instant::now();
    until(async || {
        if let Some(at) = actor.seen(record) {
            return Ok(Some(at));
        }
        // Events may be missed; asking tells too, a little later.
        if began.elapsed() < EVENT {
            return Ok(None);
        }
        match actor.client.get::<RecordView>(&route).await {
            Ok(_) => Ok(Some(clock::now_ns())),
            Err(problem) if problem.code == "not-found" => Ok(None),
            Err(problem) => Err(problem),
        }
    })
    .await
}
