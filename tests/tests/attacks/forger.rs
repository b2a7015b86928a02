//! A malicious partner with a modified node: it signs, seals and appends what its program would refuse.

use ed25519_dalek::SigningKey;
use entente_node::clock::SystemRandom;
use entente_protocol::audience::{Audience, NamedReaders};
use entente_protocol::codec;
use entente_protocol::derive;
use entente_protocol::envelope::{self, Place};
use entente_protocol::handling::{Handling, Onward, Sensitivity};
use entente_protocol::ids::{EpochId, NodeId, OrgId, PartnershipId, RecordId, Seq};
use entente_protocol::notice::{Answer, Notice, Said};
use entente_protocol::record::{Content, Disclosure, RecordParts, sign_record};
use entente_tests::{Partnership, TestNode, draft, wait_until};
use serde_json::json;

use crate::insider::{Forge, Insider, content, year};

/// Flows, classes, consent, onward sharing, dates: something to break of each.
const STRICT: &str = r#"
version = 1
title = "A strict agreement"
form = "formal"
start = 2020-01-01
end = 2099-12-31
roles = ["npm", "cso", "network"]
[[flow]]
from = ["npm", "cso", "network"]
kinds = ["submission", "material", "recommendation", "source", "consent"]
to = "any"
[[flow]]
from = ["npm"]
kinds = ["place"]
to = "any"
[ceiling]
sensitivity = ["named", "partnership"]
personal_data = "with-consent"
onward = "ask"
"#;

async fn partnership(agreement: &str) -> Partnership {
    let members = [("Preventive Office", "npm"), ("Crooked Committee", "cso"), ("Honest Network", "network")];
    Partnership::under(agreement, &members).await
}

/// What an honest node must make of the forger's entries: each position and its code.
#[derive(Default)]
struct Expected(Vec<(u64, &'static str)>);

impl Expected {
    fn at(&mut self, seq: Seq, code: &'static str) {
        self.0.push((seq.0, code));
    }

    /// Waits for the forger's next honest record, then looks at all that came before it.
    async fn hold_at(&self, victim: &TestNode, forger: &str, honest: RecordId) {
        let what = format!("{} shows the record after the forged ones", victim.name());
        wait_until(&what, async || victim.record(honest).await.is_ok()).await;
        let mut found: Vec<(u64, String)> = victim
            .sync_status()
            .await
            .quarantined
            .into_iter()
            .inspect(|q| assert!(q.author == forger && !q.reason.is_empty(), "{q:?}"))
            .map(|q| (q.seq, q.code))
            .collect();
        found.sort();
        let mut expected: Vec<(u64, String)> = self.0.iter().map(|(s, c)| (*s, (*c).to_owned())).collect();
        expected.sort();
        assert_eq!(found, expected, "{}", victim.name());
        assert_eq!(victim.status().await.quarantined, expected.len() as u64);
        nothing_forged_is_told(victim).await;
    }
}

/// Neither the API nor the program shows anything of what was forged.
async fn nothing_forged_is_told(victim: &TestNode) {
    for words in [["record", "list"].as_slice(), &["search", "FORGED"], &["record", "search", "FORGED"]] {
        let told = victim.cli(words).await;
        assert!(!told.stdout.contains("FORGED a"), "{words:?}: {}", told.stdout);
    }
    let all = victim.records().await;
    assert!(all.iter().all(|r| !r.title.contains("FORGED")), "{all:?}");
}

fn forged(kind: &str) -> Content {
    content(kind, "FORGED a record")
}

fn personal(content: Content, consent: Option<&str>) -> Content {
    let handling =
        Handling { personal_data: true, consent: consent.map(str::to_owned), ..Handling::default() };
    Content { handling, ..content }
}

#[tokio::test]
async fn what_breaks_the_agreement_is_quarantined_with_its_code_and_never_shown() {
    let mut p = partnership(STRICT).await;
    let insider = Insider::seize(&mut p[1]).await;
    let mut forge = Forge::new(&insider, p.id);
    let mut expected = Expected::default();
    let breaches: [(Content, &str); 10] = [
        (forged("place"), "E-FLOW"),
        (forged("recommendation"), "E-AUTHOR-ROLE"),
        (Content { sensitivity: Sensitivity::Public, ..forged("material") }, "E-SENSITIVITY"),
        (Content { sensitivity: Sensitivity::Named, ..forged("material") }, "E-NAMED-TO-ALL"),
        (personal(forged("material"), None), "E-CONSENT"),
        (
            Content {
                handling: Handling { onward: Onward::Allowed, ..Handling::default() },
                ..forged("material")
            },
            "E-ONWARD",
        ),
        (Content { created: year(2110), ..forged("material") }, "E-ENDED"),
        (Content { created: year(2010), ..forged("material") }, "E-NOT-STARTED"),
        (forged("source"), "E-OWN"),
        (Content { sensitivity: Sensitivity::Own, ..forged("material") }, "E-OWN"),
    ];
    for (number, (content, code)) in breaches.into_iter().enumerate() {
        let parts = forge.sign_with(&content, Audience::Everyone, [number as u8; 16]);
        let seq = forge.put(&parts);
        expected.at(seq, code);
    }
    forge.commit();
    insider.close();
    p[1].start().await;
    let honest = p[1].publish(draft("material", "Honest again"), &p.name, None).await;
    expected.hold_at(&p[0], "Crooked Committee", honest).await;
    expected.hold_at(&p[2], "Crooked Committee", honest).await;
    // Its own program is not fooled either.
    expected.hold_at(&p[1], "Crooked Committee", honest).await;
}

#[tokio::test]
async fn personal_data_is_quarantined_where_the_agreement_allows_none() {
    let mut p = partnership(&STRICT.replace("with-consent", "never")).await;
    let insider = Insider::seize(&mut p[1]).await;
    let mut forge = Forge::new(&insider, p.id);
    let mut expected = Expected::default();
    let parts = forge.sign(&personal(forged("material"), Some("c-1")), Audience::Everyone);
    expected.at(forge.put(&parts), "E-PERSONAL-DATA");
    forge.commit();
    insider.close();
    p[1].start().await;
    let honest = p[1].publish(draft("material", "Honest again"), &p.name, None).await;
    expected.hold_at(&p[0], "Crooked Committee", honest).await;
}

#[tokio::test]
async fn nothing_signed_for_elsewhere_or_by_another_is_accepted() {
    let mut p = partnership(STRICT).await;
    let by_npm = p[0].publish(draft("material", "Genuine by the office"), &p.name, None).await;
    let own = p[1].publish(draft("material", "Genuine by the committee"), &p.name, None).await;
    let named = draft("submission", "For the office").sensitivity(Sensitivity::Named);
    p[1].publish(named, &p.name, Some(&["Preventive Office"])).await;
    wait_until("the forger holds a record of its victim", async || p[1].record(by_npm).await.is_ok()).await;

    let insider = Insider::seize(&mut p[1]).await;
    let mut forge = Forge::new(&insider, p.id);
    let (main, npm) = (forge.space, p.orgs[0]);
    let mut expected = Expected::default();
    let entries = insider.all_entries(&p.id);
    let genuine = |of: &dyn Fn(&entente_protocol::log::Entry) -> bool| {
        let entry = entries.iter().find(|entry| of(entry)).unwrap();
        insider.read(&p.id, entry).unwrap()
    };
    // Genuine records, moved.
    let others = genuine(&|e| e.header.space == main && e.header.log != forge.log());
    let mine = genuine(&|e| e.header.space == main && e.header.log == forge.log());
    let circle = genuine(&|e| e.header.space != main);
    for replayed in [&others, &mine, &circle] {
        expected.at(forge.put(replayed), "E-SIGNATURE");
    }
    // Signed by or for somebody else.
    for parts in [
        signed_as(&forge, npm, &insider.me.key, p.id),
        signed_as(&forge, npm, &SigningKey::from_bytes(&[3; 32]), p.id),
        signed_as(&forge, insider.me.org(), &SigningKey::from_bytes(&[3; 32]), p.id),
        signed_as(&forge, insider.me.org(), &insider.me.key, PartnershipId([9; 32])),
    ] {
        expected.at(forge.put(&parts), "E-SIGNATURE");
    }
    // Changed after signing.
    let mut added = forge.sign(&forged("material"), Audience::Everyone);
    added.fields.push(Disclosure(vec![0x80]));
    expected.at(forge.put(&added), "E-SIGNATURE");
    let mut bare = forge.sign(&forged("material"), Audience::Everyone);
    bare.context = None;
    expected.at(forge.put(&bare), "E-SIGNATURE");
    // Signed for readers other than those it is sent to.
    for readers in [vec![npm], vec![insider.me.org()], vec![npm, OrgId([8; 32])]] {
        let audience = Audience::Named(NamedReaders::new(readers).unwrap());
        let parts = forge.sign(&forged("material"), audience);
        expected.at(forge.put(&parts), "E-AUDIENCE");
    }
    forge.commit();
    insider.close();
    p[1].start().await;
    let honest = p[1].publish(draft("material", "Honest again"), &p.name, None).await;
    expected.hold_at(&p[0], "Crooked Committee", honest).await;
    expected.hold_at(&p[2], "Crooked Committee", honest).await;
    // The genuine ones are where they were.
    assert_eq!(p[0].record(by_npm).await.unwrap().summary.author.id, npm);
    assert_eq!(p[0].record(own).await.unwrap().summary.title, "Genuine by the committee");
}

fn signed_as(forge: &Forge, author: OrgId, key: &SigningKey, partnership: PartnershipId) -> RecordParts {
    let place = (partnership, Audience::Everyone, forge.log(), forge.head.next);
    sign_record(&forged("material"), author, key, [1; 16], place, &mut SystemRandom).unwrap()
}

#[tokio::test]
async fn what_is_not_sealed_as_it_must_be_is_quarantined() {
    let mut p = partnership(STRICT).await;
    let named = draft("submission", "For the office").sensitivity(Sensitivity::Named);
    p[1].publish(named, &p.name, Some(&["Preventive Office"])).await;
    let insider = Insider::seize(&mut p[1]).await;
    let mut forge = Forge::new(&insider, p.id);
    let mut expected = Expected::default();
    expected.at(forge.put_bytes(b"FORGED and no record"), "E-FORM");
    let mut parts = codec::encode(&forge.sign(&forged("material"), Audience::Everyone));
    parts.push(0);
    expected.at(forge.put_bytes(&parts), "E-FORM");
    let (epoch, key) = forge.epoch.clone();
    for payload in [Vec::new(), vec![1], vec![0xff; 4096]] {
        expected.at(forge.put_payload(epoch, payload), "E-SEALED");
    }
    // Sealed for the position before.
    let here = Place { space: forge.space, log: forge.log(), seq: Seq(forge.head.next.0 - 1), epoch };
    let record = codec::encode(&forge.sign(&forged("material"), Audience::Everyone));
    let elsewhere = envelope::seal(&record, &here, &key, &mut SystemRandom).unwrap();
    expected.at(forge.put_payload(epoch, elsewhere), "E-SEALED");
    // Sealed under the key of a circle, and shown to all.
    let circle = derive::space_of_circle(&p.id, &circle_of(&p));
    let (epoch, key) = insider.newest_epoch(&p.id, &circle);
    let here = Place { space: forge.space, log: forge.log(), seq: forge.head.next, epoch };
    let record = codec::encode(&forge.sign(&forged("material"), Audience::Everyone));
    let sealed = envelope::seal(&record, &here, &key, &mut SystemRandom).unwrap();
    expected.at(forge.put_payload(epoch, sealed), "E-EPOCH");
    forge.commit();
    insider.close();
    p[1].start().await;
    let honest = p[1].publish(draft("material", "Honest again"), &p.name, None).await;
    expected.hold_at(&p[0], "Crooked Committee", honest).await;
    // Who is not in the circle has no such key, and waits for it in vain.
    expected.0.retain(|(_, code)| *code != "E-EPOCH");
    expected.hold_at(&p[2], "Crooked Committee", honest).await;
}

fn circle_of(p: &Partnership) -> Vec<OrgId> {
    let mut circle = vec![p.orgs[0], p.orgs[1]];
    circle.sort_unstable();
    circle
}

#[tokio::test]
async fn a_record_under_a_key_that_nobody_has_waits_and_holds_nobody_up() {
    let mut p = partnership(STRICT).await;
    let insider = Insider::seize(&mut p[1]).await;
    let mut forge = Forge::new(&insider, p.id);
    let record = codec::encode(&forge.sign(&forged("material"), Audience::Everyone));
    let epoch = EpochId([5; 32]);
    let place = Place { space: forge.space, log: forge.log(), seq: forge.head.next, epoch };
    let key = zeroize::Zeroizing::new([6; 32]);
    forge.put_payload(epoch, envelope::seal(&record, &place, &key, &mut SystemRandom).unwrap());
    forge.commit();
    insider.close();
    p[1].start().await;
    let honest = p[1].publish(draft("material", "Honest again"), &p.name, None).await;
    Expected::default().hold_at(&p[0], "Crooked Committee", honest).await;
    // It is remembered over a restart, and still holds nobody up.
    p[0].restart().await;
    let next = p[2].publish(draft("material", "By a third"), &p.name, None).await;
    wait_until("the victim is served", async || p[0].record(next).await.is_ok()).await;
    Expected::default().hold_at(&p[0], "Crooked Committee", honest).await;
}

#[tokio::test]
async fn an_author_cannot_put_another_record_in_the_place_of_one() {
    let mut p = partnership(STRICT).await;
    let insider = Insider::seize(&mut p[1]).await;
    let mut forge = Forge::new(&insider, p.id);
    let mut expected = Expected::default();
    let first = forge.sign(&content("material", "What was said first"), Audience::Everyone);
    forge.put(&first);
    let second = forge.sign(&forged("material"), Audience::Everyone);
    expected.at(forge.put(&second), "E-REPEATED");
    let id = derive::record_id(&insider.me.org(), &[7; 16]);
    assert_eq!(first.verify().unwrap().id(), second.verify().unwrap().id());
    assert_eq!(first.verify().unwrap().id(), id);
    let _node: NodeId = insider.me.node();
    forge.commit();
    insider.close();
    p[1].start().await;
    let honest = p[1].publish(draft("material", "Honest again"), &p.name, None).await;
    expected.hold_at(&p[0], "Crooked Committee", honest).await;
    assert_eq!(p[0].record(id).await.unwrap().summary.title, "What was said first");
}

#[tokio::test]
async fn nobody_but_its_author_withdraws_corrects_or_grants_a_record() {
    let mut p = partnership(STRICT).await;
    let by_npm = p[0].publish(draft("material", "Genuine by the office"), &p.name, None).await;
    wait_until("the forger holds it", async || p[1].record(by_npm).await.is_ok()).await;
    let insider = Insider::seize(&mut p[1]).await;
    let mut forge = Forge::new(&insider, p.id);
    let mut expected = Expected::default();
    let (me, network) = (insider.me.org(), p.orgs[2]);
    let withdrawn = Said::Withdrawn(by_npm, "FORGED a withdrawal".into());
    let answer = Answer { record: by_npm, to: network, yes: true, words: "FORGED a grant".into() };
    for said in [withdrawn, Said::Answered(Answer { to: me, ..answer.clone() }), Said::Answered(answer)] {
        let notice = codec::encode(&Notice::of(said).unwrap());
        expected.at(forge.put_bytes(&notice), "E-NOT-AUTHOR");
    }
    let correction = Content { supersedes: Some(by_npm), ..forged("material") };
    let parts = forge.sign_with(&correction, Audience::Everyone, [9; 16]);
    expected.at(forge.put(&parts), "E-NOT-AUTHOR");
    let mut unknown = codec::encode(&Notice::of(Said::ConsentEnded("C".into())).unwrap());
    unknown[6] = 2;
    expected.at(forge.put_bytes(&unknown), "E-FORM");
    forge.commit();
    insider.close();
    p[1].start().await;
    let honest = p[1].publish(draft("material", "Honest again"), &p.name, None).await;
    for n in [0, 2] {
        expected.hold_at(&p[n], "Crooked Committee", honest).await;
        assert_eq!(p[n].record(by_npm).await.unwrap().summary.title, "Genuine by the office");
        let told = p[n].cli(&["record", "versions", &by_npm.to_string()]).await.done();
        assert_eq!(told["versions"].as_array().unwrap().len(), 1);
    }
}

/// What a modified node publishes about persons, and what it sends without the second person's release.
const OPEN: &str = r#"
version = 1
title = "An open agreement"
form = "formal"
start = 2020-01-01
end = 2099-12-31
roles = ["npm", "cso", "network"]
[[flow]]
from = ["npm", "cso", "network"]
kinds = ["material", "expert", "baseline"]
to = "any"
[ceiling]
sensitivity = ["named", "partnership", "public"]
personal_data = "allowed"
onward = "ask"
[release]
from = ["cso"]
kinds = ["baseline"]
approvals = 2
"#;

#[tokio::test]
async fn a_modified_node_publishes_no_person_and_sends_nothing_that_two_must_release() {
    let mut p = partnership(OPEN).await;
    let insider = Insider::seize(&mut p[1]).await;
    let mut forge = Forge::new(&insider, p.id);
    let mut expected = Expected::default();
    let public = |content: Content| Content { sensitivity: Sensitivity::Public, ..content };
    let uses = |content: Content, uses: &str| {
        let handling = Handling { uses: Some(vec![uses.into()]), ..content.handling.clone() };
        Content { handling, ..content }
    };
    // It says that there is no person in it, and the schema knows better.
    let mut unmarked = public(forged("expert"));
    unmarked.fields.push(("name".into(), entente_protocol::value::Value::Text("FORGED a name".into())));
    let released = |by: Vec<u8>| {
        let by = by.into_iter().map(|n| entente_protocol::ids::Hash([n; 32])).collect();
        let handling = Handling { released_by: Some(by), ..Handling::default() };
        Content { handling, ..forged("baseline") }
    };
    let breaches = [
        (unmarked, "E-CONSENT"),
        (public(personal(forged("material"), Some("c-1"))), "E-CONSENT"),
        (uses(public(personal(forged("material"), Some("c-1"))), "reports"), "E-CONSENT"),
        (uses(public(personal(forged("material"), None)), "identifiable-publication"), "E-CONSENT"),
        (forged("baseline"), "E-RELEASE"),
        (released(vec![1]), "E-RELEASE"),
        (released(vec![1, 1]), "E-RELEASE"),
    ];
    for (number, (content, code)) in breaches.into_iter().enumerate() {
        let parts = forge.sign_with(&content, Audience::Everyone, [number as u8; 16]);
        expected.at(forge.put(&parts), code);
    }
    forge.commit();
    insider.close();
    p[1].start().await;
    let honest = p[1].publish(draft("material", "Honest again"), &p.name, None).await;
    for n in [0, 1, 2] {
        expected.hold_at(&p[n], "Crooked Committee", honest).await;
    }
}

#[tokio::test]
async fn a_modified_node_shows_no_notes_beyond_the_team() {
    let agreement = STRICT.replace("\"material\",", "\"material\", \"notes\", \"reprisal-allegation\",");
    let mut p = partnership(&agreement).await;
    let insider = Insider::seize(&mut p[1]).await;
    let mut forge = Forge::new(&insider, p.id);
    let mut expected = Expected::default();
    for (number, kind) in ["notes", "reprisal-allegation"].into_iter().enumerate() {
        let parts = forge.sign_with(&forged(kind), Audience::Everyone, [number as u8; 16]);
        expected.at(forge.put(&parts), "E-CONFIDENTIAL");
    }
    forge.commit();
    insider.close();
    p[1].start().await;
    let honest = p[1].publish(draft("material", "Honest again"), &p.name, None).await;
    expected.hold_at(&p[0], "Crooked Committee", honest).await;
    expected.hold_at(&p[2], "Crooked Committee", honest).await;
}

#[tokio::test]
async fn what_comes_after_a_consent_or_the_partnership_ended_is_shown_nowhere_whatever_the_author_runs() {
    let mut p = partnership(STRICT).await;
    let consent = draft("consent", "C-9").field("person", json!("Blue")).field("uses", json!(["reports"]));
    p[1].keep(consent).await.unwrap();
    let handling = Handling { personal_data: true, consent: Some("C-9".into()), ..Handling::default() };
    let before = p[1].publish(draft("material", "Before").handling(handling), &p.name, None).await;
    p[1].cli(&["record", "end-consent", "C-9"]).await.ok();

    let insider = Insider::seize(&mut p[1]).await;
    let mut forge = Forge::new(&insider, p.id);
    let mut expected = Expected::default();
    let about = || personal(forged("material"), Some("C-9"));
    // Dated back, it still stands behind the author's own word in its log.
    for (number, created) in [entente_node::clock::now(), year(2024)].into_iter().enumerate() {
        let parts = forge.sign_with(&Content { created, ..about() }, Audience::Everyone, [number as u8; 16]);
        expected.at(forge.put(&parts), "E-CONSENT");
    }
    forge.commit();
    insider.close();
    p[1].start().await;
    let honest = p[1].publish(draft("material", "Honest again"), &p.name, None).await;
    for reader in [0, 2] {
        expected.hold_at(&p[reader], "Crooked Committee", honest).await;
        assert!(
            p[reader].record(before).await.is_ok(),
            "what was shared under it stays, with the word beside it"
        );
    }
    // An index that is made anew from the journal says the same.
    p[2].reindex().await;
    expected.hold_at(&p[2], "Crooked Committee", honest).await;

    p[0].cli(&["partnership", "terminate", &p.name, "--reason", "done", "--yes"]).await.ok();
    wait_until("all know that it has ended", async || {
        let ended = async |node: &TestNode| node.partnership(&p.name).await.unwrap().stopped.len();
        ended(&p[1]).await > 0 && ended(&p[2]).await > 0
    })
    .await;
    let insider = Insider::seize(&mut p[1]).await;
    let mut forge = Forge::new(&insider, p.id);
    let late = forge.put(&forge.sign_with(&forged("material"), Audience::Everyone, [9; 16])).0;
    forge.commit();
    insider.close();
    p[1].start().await;
    wait_until("both others refuse it", async || {
        let refuses = async |node: &TestNode| {
            let all = node.sync_status().await.quarantined;
            all.iter().any(|q| q.seq == late && q.code == "E-TERMINATED")
        };
        refuses(&p[0]).await && refuses(&p[2]).await
    })
    .await;
    nothing_forged_is_told(&p[0]).await;
    nothing_forged_is_told(&p[2]).await;
}

#[tokio::test]
async fn who_claims_anothers_file_and_withdraws_takes_it_from_nobody() {
    let mut p = partnership(STRICT).await;
    let file = p[0].home().beside("testimony.bin");
    std::fs::write(&file, b"what she saw").unwrap();
    let file = p[0].attach(&file).await.unwrap();
    let testimony = p[0].publish(draft("material", "A testimony").attachment(file), &p.name, None).await;
    for reader in [1, 2] {
        wait_until("the file arrives", async || {
            p[reader].record(testimony).await.is_ok_and(|record| record.attachment_list[0].complete)
        })
        .await;
    }

    let insider = Insider::seize(&mut p[1]).await;
    let of_anybody = |entry| insider.read(&p.id, entry)?.verify().ok()?.attachments().first().cloned();
    let stolen = insider.all_entries(&p.id).iter().find_map(of_anybody).unwrap();
    let mut forge = Forge::new(&insider, p.id);
    let parts =
        forge.sign(&Content { attachments: vec![stolen], ..content("material", "Mine") }, Audience::Everyone);
    let claimed = parts.verify().unwrap().id();
    forge.put(&parts);
    forge.commit();
    insider.close();
    p[1].start().await;
    for reader in [0, 2] {
        wait_until("the claim is seen", async || p[reader].record(claimed).await.is_ok()).await;
    }
    p[1].cli(&["record", "withdraw", &claimed.to_string(), "--reason", "ha", "--yes"]).await.ok();
    for reader in [0, 2] {
        wait_until("the claim is erased", async || p[reader].record(claimed).await.is_err()).await;
        assert_eq!(p[reader].attachment(testimony, 0).await.unwrap(), b"what she saw");
    }
}
