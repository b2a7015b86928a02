//! A member that passes on another's record as its author does not allow, with a modified node (C1, C6, C7).

use entente_protocol::audience::Audience;
use entente_protocol::handling::{Handling, Onward};
use entente_protocol::ids::{NodeId, RecordId};
use entente_protocol::passed;
use entente_protocol::record::{Content, RecordParts};
use entente_protocol::redaction::{Cuts, RedactedFile, redact};
use entente_protocol::value::Value;
use entente_tests::{Partnership, draft, wait_until};
use serde_json::json;

use crate::insider::{Forge, Insider, content, year};

const OFFICE: &str = "Preventive Office";

/// A copy as the modified node makes it, asking nobody.
fn copy(insider: &Insider, p: &Partnership, record: RecordId) -> RedactedFile {
    let found = insider.all_entries(&p.id).into_iter().find_map(|entry| {
        let parts: RecordParts = insider.read(&p.id, &entry)?;
        parts.verify().is_ok_and(|record_| record_.id() == record).then_some(parts)
    });
    let parts = found.unwrap();
    let signer: NodeId = parts.verify().unwrap().manifest().node;
    let membership = insider.membership(&p.id);
    let author = membership.nodes_ever().find(|(_, node, _)| *node == signer).unwrap().2;
    let author = author.introduced.to_introduction();
    let cuts = Cuts { fields: ["staff".to_owned()].into(), ..Cuts::default() };
    let by = (insider.me.introduced.to_introduction(), &insider.me.key);
    redact(author, parts, &cuts, by, (insider.me.org(), entente_node::clock::now())).unwrap()
}

fn carrying(entry: Value) -> Content {
    let mut carrier = content("material", "FORGED a copy");
    carrier.fields.push((passed::FIELD.to_owned(), entry));
    carrier
}

#[tokio::test]
async fn a_modified_node_passes_nothing_on_that_its_author_or_a_person_did_not_allow() {
    let members = [(OFFICE, "npm"), ("Crooked Committee", "cso"), ("Honest Network", "network")];
    let mut p = Partnership::of(&members).await;
    let report = |handling: Handling| {
        let report =
            draft("visit-report", "Visit").field("staff", json!("A")).field("findings", json!("Hot"));
        report.handling(handling)
    };
    let onward = |onward| Handling { onward, ..Handling::default() };
    let allowed = p[0].publish(report(onward(Onward::Allowed)), &p.name, None).await;
    let never = p[0].publish(report(onward(Onward::Never)), &p.name, None).await;
    let later = Handling { embargo_until: Some(year(2090)), ..onward(Onward::Allowed) };
    let later = p[0].publish(report(later), &p.name, None).await;
    let consent = draft("consent", "C-1").field("person", json!("Blue")).field("uses", json!(["reports"]));
    p[0].keep(consent).await.unwrap();
    let of_a_person =
        Handling { personal_data: true, consent: Some("C-1".into()), ..onward(Onward::Allowed) };
    let of_a_person = p[0].publish(report(of_a_person), &p.name, None).await;
    for id in [allowed, never, later, of_a_person] {
        wait_until("the forger has it", async || p[1].record(id).await.is_ok()).await;
    }

    let insider = Insider::seize(&mut p[1]).await;
    let mut forge = Forge::new(&insider, p.id);
    let entry = |id| passed::entry(&copy(&insider, &p, id)).unwrap();
    let changed = |told: &str, words: &str| {
        let Value::List(mut entries) = entry(allowed) else { panic!() };
        let Some(Value::Table(table)) = entries.first_mut() else { panic!() };
        table.insert(told.to_owned(), Value::Text(words.to_owned()));
        Value::List(entries)
    };
    let wider = Handling { onward: Onward::Allowed, ..Handling::default() };
    let breaches = [
        (carrying(entry(never)), "E-ONWARD"),
        (Content { handling: wider.clone(), ..carrying(entry(never)) }, "E-ONWARD"),
        (carrying(entry(later)), "E-EMBARGO"),
        (carrying(entry(of_a_person)), "E-CONSENT"),
        (carrying(changed("text", "FORGED a finding")), "E-COPY"),
        (carrying(changed("author", "Honest Network")), "E-COPY"),
        (carrying(changed("signed", "QUJD")), "E-COPY"),
        (carrying(Value::Text("FORGED a copy".into())), "E-COPY"),
    ];
    for (number, (content, _)) in breaches.iter().enumerate() {
        forge.put(&forge.sign_with(content, Audience::Everyone, [number as u8; 16]));
    }
    let good = forge.sign_with(
        &Content { handling: wider, ..carrying(entry(allowed)) },
        Audience::Everyone,
        [99; 16],
    );
    let good_id = good.verify().unwrap().id();
    forge.put(&good);
    forge.commit();
    insider.close();
    p[1].start().await;
    for node in [0, 1, 2] {
        wait_until("what is allowed is shown", async || p[node].record(good_id).await.is_ok()).await;
        let mut quarantined = p[node].sync_status().await.quarantined;
        quarantined.sort_by_key(|q| q.seq);
        let codes: Vec<&str> = quarantined.iter().map(|q| q.code.as_str()).collect();
        assert_eq!(codes, breaches.iter().map(|(_, code)| *code).collect::<Vec<_>>(), "{node}");
    }
}
