//! The claims about the story, each tried by asking the nodes.

use entente_node::api::types::{
    AttachmentView, Explanation, PartnershipSummary, PartnershipView, Problem, RecordQuery, RecordView,
    Status, SyncStatus,
};

use super::cast::{Actor, Cast, Who, until};
use super::reading::{Row, read_by, search, show};
use super::refusals::{Attempt, not_exported, refused};
use super::samples::{self, DECLARATIONS};
use super::sharing::{Founded, Sent};
use super::stage::{Broken, Proof, Stage, proof};
use super::story::{Partnerships, Records, keep, labels};
use crate::client::route;

/// Three processes, folders, keys.
pub(super) async fn three_nodes(stage: &mut Stage<'_>, cast: &Cast) {
    let tried = async {
        let mut keys: Vec<String> = Vec::new();
        let mut words = Vec::new();
        for actor in cast.all() {
            let process = actor.process().ok_or_else(|| format!("{} has ended", actor.who.the()))?;
            keys.extend(actor.status.node.map(|node| node.to_string()));
            keys.extend(actor.status.organisation.as_ref().map(|org| org.id.to_string()));
            keys.push(process.to_string());
            keys.push(actor.address().to_owned());
            words.push(format!("{}: process {process}, {}", actor.who.label(), actor.address()));
        }
        let told = keys.len();
        keys.sort_unstable();
        keys.dedup();
        proof(told == 12 && keys.len() == 12, words.join("; "), "two nodes share a key, process or address")
    };
    stage.claim("Three nodes run, each with its own process, store, keys and address.", tried).await;
}

/// All members of a partnership have the same agreement, and each other.
pub(super) async fn same_agreement(
    stage: &mut Stage<'_>,
    all: &[&Actor],
    partnership: &Founded,
    claim: &str,
) {
    let tried = async {
        let mut hashes = Vec::new();
        let mut sentences = 0;
        for actor in all {
            let route = route(&["partnerships", &partnership.id.to_string()]);
            let view: PartnershipView = actor.client.get(&route).await?;
            if view.members_now.len() != all.len() {
                let count = view.members_now.len();
                return Err(format!("{} sees {count} members", actor.who.the()).into());
            }
            sentences = view.agreement.sentences.len();
            hashes.push(view.agreement.hash);
        }
        hashes.dedup();
        let hash: String = hashes.first().map(|hash| hash.chars().take(12).collect()).unwrap_or_default();
        let evidence = format!("asked on {} nodes: {sentences} sentences, the same hash {hash}…", all.len());
        proof(hashes.len() == 1, evidence, "the nodes have different agreements")
    };
    stage.claim(claim, tried).await;
}

/// Who can read what.
pub(super) async fn reading(stage: &mut Stage<'_>, cast: &Cast, told: &Records, rows: &[Row<'_>]) {
    let with = |label: &str| rows.iter().filter(|row| row.sent.label == label).collect::<Vec<_>>();
    let submission = with(labels::SUBMISSION);
    stage
        .claim("The CSO's submission is read at the CSO and the NPM, and nowhere else.", async {
            read_by(&[Who::Npm, Who::Cso], &submission)
        })
        .await;
    stage.claim("The third node cannot even see that there is a submission.", unseen(cast, told)).await;
    stage.claim("Its attachments arrive as they were sent, at the NPM alone.", attached(cast, told)).await;
    stage
        .claim("Who told the CSO stays at the CSO.", source_stays(cast, &with(labels::SOURCE), &submission))
        .await;
    let answer = with(labels::FEEDBACK);
    stage
        .claim("The NPM's answer is read by the CSO alone.", async {
            read_by(&[Who::Npm, Who::Cso], &answer)
        })
        .await;
    let priority = with(labels::PRIORITY);
    let claim = "What the neighbour proposes to the NPM, the CSO does not see.";
    stage.claim(claim, async { read_by(&[Who::Npm, Who::Neighbour], &priority) }).await;
    let public: Vec<&Row<'_>> =
        [with(labels::VISIT_REPORT), with(labels::RECOMMENDATION)].into_iter().flatten().collect();
    let claim = "Visit report and recommendation are read by all, with the same fields.";
    stage.claim(claim, async { read_by(&Who::ALL, &public) }).await;
    let claim = "Texts in eight languages and seven scripts arrive letter by letter.";
    stage.claim(claim, every_letter(cast, &with(labels::DECLARATION))).await;
}

/// Counts, sync and refusals on the third node say nothing of what is not for it.
async fn unseen(cast: &Cast, told: &Records) -> Proof {
    for actor in cast.all() {
        let may =
            told.all.iter().filter(|sent| sent.partnership.is_some() && sent.may_read(actor.who)).count();
        let status: Status = actor.client.get(&route(&["status"])).await?;
        if status.records != may as u64 {
            return Err(format!("{} counts {} records, not {may}", actor.who.the(), status.records).into());
        }
    }
    let sync = until(async || {
        let sync: SyncStatus = cast.neighbour.client.get(&route(&["sync"])).await?;
        Ok::<_, Problem>(sync.partners.iter().all(|partner| partner.ahead == 0).then_some(sync))
    });
    let sync =
        sync.await?.ok_or_else(|| "partners hold entries that the neighbour still waits for".to_owned())?;
    let submission = told.get(labels::SUBMISSION)?;
    let explain = route(&["sync", "explain", &submission.id.to_string(), Who::Neighbour.name()]);
    let why: Explanation = cast.cso.client.get(&explain).await?;
    proof(
        sync.quarantined.is_empty() && why.code == "not-a-reader",
        "its counts, its sync status (nothing to fetch) and its list of refusals show no trace; the CSO's node \
         explains: not a reader",
        format!("{} refused entries; the CSO's node explains: {}", sync.quarantined.len(), why.words),
    )
}

async fn attached(cast: &Cast, told: &Records) -> Proof {
    let id = told.get(labels::SUBMISSION)?.id.to_string();
    let complete = until(async || {
        let view = show(&cast.npm, &id).await?;
        let whole = |a: &AttachmentView| a.complete;
        let all = |v: &RecordView| {
            v.attachment_list.len() == told.attached.len() && v.attachment_list.iter().all(whole)
        };
        Ok::<_, Problem>(view.filter(all))
    });
    complete.await?.ok_or_else(|| "they did not arrive in time".to_owned())?;
    let mut words = Vec::new();
    for (number, (name, sent)) in told.attached.iter().enumerate() {
        let route = route(&["records", &id, "attachments", &number.to_string()]);
        let mut got = Vec::new();
        cast.npm.client.download(&route, &mut got).await?;
        if got != *sent {
            return Err(format!("{} bytes of {name} arrived, and they differ", got.len()).into());
        }
        match cast.neighbour.client.download(&route, &mut Vec::new()).await {
            Err(problem) if problem.code == "not-found" => {}
            Err(problem) => return Err(problem.into()),
            Ok(bytes) => return Err(format!("the neighbour got {bytes} bytes of {name}").into()),
        }
        words.push(format!("{name} ({} bytes)", got.len()));
    }
    let evidence = format!("{}: equal byte by byte; the neighbour: “not found”", words.join(", "));
    proof(!words.is_empty(), evidence, "nothing was attached")
}

/// Neither the record of the source, nor the fields about it in the submission, are anywhere else.
async fn source_stays(cast: &Cast, sources: &[&Row<'_>], submissions: &[&Row<'_>]) -> Proof {
    read_by(&[Who::Cso], sources)?;
    for row in submissions {
        let Some(fields) = &row.of(Who::Npm).fields else {
            return Err("the NPM cannot read the submission".to_owned().into());
        };
        if let Some(name) = fields.keys().find(|name| entente_protocol::kinds::stays_at_home(name)) {
            return Err(format!("the NPM reads the field `{name}`").into());
        }
        for actor in [&cast.npm, &cast.neighbour] {
            let hits = search(actor, &words(&private_words(row.sent))).await?.records.len();
            if hits > 0 {
                return Err(format!("{} finds the source's words", actor.who.the()).into());
            }
        }
    }
    Ok("`source` and `internal-notes` were left out of the shared submission; the source's own record is a \
        draft on the CSO's node, and “not found” on the others"
        .to_owned())
}

/// What the fields that stay at home say.
pub(super) fn private_words(sent: &Sent) -> String {
    sent.draft.fields.get("source").and_then(|value| value.as_str()).unwrap_or_default().to_owned()
}

fn words(text: &str) -> RecordQuery {
    RecordQuery { text: Some(text.to_owned()), ..RecordQuery::default() }
}

/// The same texts on all nodes, found by their words in their scripts.
async fn every_letter(cast: &Cast, rows: &[&Row<'_>]) -> Proof {
    read_by(&Who::ALL, rows)?;
    for (row, declaration) in rows.iter().zip(&DECLARATIONS) {
        for actor in cast.all() {
            let found = search(actor, &words(declaration.article_5())).await?;
            if !found.records.iter().any(|record| record.id == row.sent.id) {
                return Err(
                    format!("{} does not find Article 5 in {}", actor.who.the(), declaration.name).into()
                );
            }
        }
    }
    let names: Vec<&str> = DECLARATIONS.iter().map(|declaration| declaration.name).collect();
    let bytes: usize = DECLARATIONS.iter().map(|declaration| declaration.text.len()).sum();
    let evidence = format!(
        "{} ({} KiB): equal on all three, and found there by the words of Article 5",
        names.join(", "),
        bytes / 1024
    );
    proof(rows.len() == DECLARATIONS.len(), evidence, format!("{} texts were shared", rows.len()))
}

/// Between the partnerships nothing crosses.
pub(super) async fn separate(
    stage: &mut Stage<'_>,
    cast: &Cast,
    partnerships: &Partnerships,
    told: &Records,
    rows: &[Row<'_>],
) {
    let crossing: Vec<&Row<'_>> =
        rows.iter().filter(|row| [labels::NOTE, labels::AGAIN].contains(&row.sent.label.as_str())).collect();
    let claim = "What the two CSOs share with each other, the NPM does not see.";
    stage.claim(claim, async { read_by(&[Who::Cso, Who::Neighbour], &crossing) }).await;
    let claim = "The NPM's node does not know that their partnership exists.";
    stage.claim(claim, unknown(&cast.npm, &partnerships.border)).await;
    let ids = async {
        let (first, second) = (told.get(labels::DECLARATION)?, told.get(labels::AGAIN)?);
        let evidence = "one draft, shared in both: two ids that nobody else can connect";
        proof(first.id != second.id && first.draft_id == second.draft_id, evidence, "both have the same id")
    };
    stage.claim("The same document has another id in each partnership.", ids).await;
}

async fn unknown(actor: &Actor, partnership: &Founded) -> Proof {
    let all: Vec<PartnershipSummary> = actor.client.get(&route(&["partnerships"])).await?;
    for name in [partnership.id.to_string(), partnership.name.to_owned()] {
        let asked: Result<PartnershipView, Problem> =
            actor.client.get(&route(&["partnerships", &name])).await;
        match asked {
            Err(problem) if problem.code == "not-found" => {}
            Err(problem) => return Err(problem.into()),
            Ok(view) => return Err(format!("it shows {}", view.summary.name).into()),
        }
    }
    let evidence = "it lists one partnership, and answers “not found” to the id and the name of the other";
    proof(all.len() == 1, evidence, format!("it lists {} partnerships", all.len()))
}

/// What the rules refuse, tried at the author's node.
pub(super) async fn refusals(
    stage: &mut Stage<'_>,
    cast: &Cast,
    partnerships: &Partnerships,
    told: &Records,
) -> Result<(), Problem> {
    let drafted = |label: &str| told.get(label).map(|sent| sent.draft_id.to_string());
    let prevention = &partnerships.prevention;
    let attempt =
        |by, draft, readers| Attempt { by, draft, partnership: prevention, readers, expect_readers: None };
    let named = |who: &[Who]| Some(who.iter().map(|who| who.name().to_owned()).collect());
    let (npm, cso) = (&cast.npm, &cast.cso);

    let tried = attempt(cso, keep(cso, samples::RECOMMENDATION).await?, None);
    stage.claim("A CSO cannot issue a recommendation.", refused(tried, "E-AUTHOR-ROLE")).await;
    let tried = attempt(cso, drafted(labels::SUBMISSION)?, named(&[Who::Npm, Who::Neighbour]));
    stage.claim("A submission cannot go to another CSO as well.", refused(tried, "E-FLOW")).await;
    let tried = attempt(npm, drafted(labels::FEEDBACK)?, None);
    let claim = "What is for named readers cannot be sent to everyone.";
    stage.claim(claim, refused(tried, "E-NAMED-TO-ALL")).await;
    let tried = attempt(npm, drafted(labels::FEEDBACK)?, Some(Vec::new()));
    let claim = "An empty list of readers means nobody, not everybody.";
    stage.claim(claim, refused(tried, "E-NO-READER")).await;
    let tried = attempt(cso, drafted(labels::SOURCE)?, named(&[Who::Npm]));
    stage.claim("The record of a source never leaves, not even to the NPM.", refused(tried, "E-OWN")).await;
    let tried = attempt(cso, keep(cso, samples::INTERVIEW).await?, named(&[Who::Npm]));
    let claim = "Personal data does not leave without a consent.";
    stage.claim(claim, refused(tried, "E-CONSENT")).await;
    let mut tried = attempt(npm, drafted(labels::VISIT_REPORT)?, None);
    tried.expect_readers = Some(1);
    let claim = "Who expects one reader does not reach two by mistake.";
    stage.claim(claim, refused(tried, "E-EXPECT")).await;
    let received = told.get(labels::SUBMISSION)?.id.to_string();
    let claim = "The NPM cannot pass the CSO's submission on.";
    stage.claim(claim, not_exported(npm, &received, "E-ONWARD")).await;
    Ok(())
}

/// The partners are connected, through the same doors that answer no stranger.
pub(super) async fn still_connected(cast: &Cast) -> Result<(), Broken> {
    for actor in cast.all() {
        let status: Status = actor.client.get(&route(&["status"])).await?;
        if status.partnerships.iter().any(|one| one.connected + 1 != one.members) {
            return Err(format!("{} has lost partners", actor.who.the()).into());
        }
    }
    Ok(())
}
