//! Copies that leave a partnership: signed, redacted, and only as their authors allow.

use entente_protocol::handling::{Handling, Onward, Sensitivity};
use entente_protocol::ids::{RecordId, Timestamp};
use entente_tests::{Home, PERMISSIVE, Partnership, TestNode, draft, join, wait_for, wait_until};
use serde_json::json;

const REPORT: [(&str, &str); 3] =
    [("summary", "Two cells were closed."), ("staff", "SECRET-NAME"), ("findings", "SECRET-FINDING")];

async fn partners() -> Partnership {
    Partnership::of(&[("Preventive Office", "npm"), ("Rights Georgia", "cso")]).await
}

async fn report(node: &TestNode, partnership: &str, handling: Handling) -> RecordId {
    let report = REPORT.iter().fold(draft("visit-report", "Visit"), |d, (name, text)| d.field(name, *text));
    node.publish(report.handling(handling), partnership, None).await
}

fn onward(onward: Onward) -> Handling {
    Handling { onward, ..Handling::default() }
}

#[tokio::test]
async fn a_redacted_copy_verifies_without_a_node_and_shows_what_is_missing() {
    let p = partners().await;
    let record = report(&p[0], &p.name, onward(Onward::Never)).await.to_string();
    let file = p[0].home().beside("public.entente");
    let path = file.to_str().unwrap();
    let words = "findings=Conditions were poor.";
    let redact = ["record", "redact", &record, "--fields", "staff", "--replace", words, "--output", path];
    p[0].cli(&redact).await.ok();
    let bytes = std::fs::read(&file).unwrap();
    assert!(!bytes.windows(6).any(|w| w == b"SECRET"), "what was left out is in the copy");
    // A home without a node: all that is needed is the file.
    let told = Home::empty("Anybody").cli(&["record", "verify", path]).await.done();
    assert_eq!(told["redacted_by"]["name"], json!("Preventive Office"), "{told}");
    let place =
        |name: &str| told["places"].as_array().unwrap().iter().find(|p| p["name"] == name).unwrap().clone();
    assert_eq!(place("staff"), json!({ "state": "left-out", "name": "staff" }));
    assert_eq!(place("findings")["state"], json!("replaced"));
    assert_eq!(place("summary")["value"], json!("Two cells were closed."));
    let mut wrong = bytes;
    let at = wrong.windows(10).position(|w| w == b"Conditions").unwrap();
    wrong[at] ^= 1;
    std::fs::write(&file, wrong).unwrap();
    assert_eq!(p[0].cli(&["record", "verify", path]).await.code, 6);
}

#[tokio::test]
async fn nothing_of_others_leaves_against_their_will() {
    let p = partners().await;
    let never = report(&p[0], &p.name, onward(Onward::Never)).await;
    let ask = report(&p[0], &p.name, onward(Onward::Ask)).await;
    let embargoed = Handling { embargo_until: Some(Timestamp(u64::MAX / 2)), ..onward(Onward::Allowed) };
    let later = report(&p[0], &p.name, embargoed).await;
    let free = report(&p[0], &p.name, onward(Onward::Allowed)).await;
    wait_until("they have arrived", async || p[1].record(free).await.is_ok()).await;
    for (record, code) in [(never, "E-ONWARD"), (ask, "E-ONWARD"), (later, "E-EMBARGO")] {
        let (id, file) = (record.to_string(), p[1].home().beside("copy.entente"));
        let path = file.to_str().unwrap();
        let export = ["record", "export", id.as_str(), path];
        let redact = ["record", "redact", id.as_str(), "--fields", "staff", "--output", path];
        for command in [export.as_slice(), &redact] {
            let told = p[1].cli(command).await;
            assert!(told.code == 5 && told.stdout.contains(code), "{command:?}: {}", told.stdout);
            assert!(!file.exists());
        }
    }
    let file = p[1].home().beside("free.entente");
    let path = file.to_str().unwrap();
    let id = free.to_string();
    p[1].cli(&["record", "redact", &id, "--fields", "staff", "--without-names", "--output", path]).await.ok();
    let told = p[1].cli(&["record", "verify", path]).await.done();
    assert_eq!(told["author"]["name"], json!("Preventive Office"));
    assert_eq!(told["redacted_by"]["name"], json!("Rights Georgia"));
    assert!(!std::fs::read(&file).unwrap().windows(5).any(|w| w == b"staff"));
}

/// A second partnership of a node, with a partner that the first does not know.
async fn elsewhere(node: &TestNode) -> TestNode {
    let file = node.home().beside("network.toml");
    std::fs::write(&file, PERMISSIVE).unwrap();
    let words = ["partnership", "new", "--name", "Network", "--agreement", file.to_str().unwrap()];
    node.cli(&words).await.ok();
    let abroad = TestNode::start_new("Abroad", "network").await;
    join(node, &abroad, "Network").await;
    abroad
}

#[tokio::test]
async fn a_redacted_copy_is_passed_on_to_another_partnership_as_its_author_allows_and_verifies_there() {
    let agreement = format!("{PERMISSIVE}\n[[flow]]\nfrom = [\"npm\"]\nkinds = [\"visit\"]\nto = \"any\"\n");
    let members = [("Preventive Office", "npm"), ("Rights Georgia", "cso")];
    let p = Partnership::under(&agreement, &members).await;
    let (office, rights) = (&p[0], &p[1]);
    let abroad = elsewhere(rights).await;
    let asks = report(office, &p.name, onward(Onward::Ask)).await.to_string();
    let never = report(office, &p.name, onward(Onward::Never)).await.to_string();
    let confidential = Handling { personal_data: false, ..onward(Onward::Allowed) };
    let plan = draft("visit", "Plan").sensitivity(Sensitivity::Named).handling(confidential);
    let plan = office.publish(plan, &p.name, Some(&["Rights Georgia"])).await.to_string();
    for id in [&asks, &never, &plan] {
        wait_until("it arrives", async || rights.record(id).await.is_ok()).await;
    }
    let copy = async |node: &TestNode, record: &str, field: &str| {
        let file = rights.home().beside(&format!("{}.entente", &record[..8]));
        let words = ["record", "redact", record, "--fields", field, "--output", file.to_str().unwrap()];
        node.cli(&words).await.ok();
        file.display().to_string()
    };
    let pass_on = async |file: &str| {
        rights.cli(&["record", "pass-on", file, "--partnership", "Network", "--yes"]).await
    };
    // Of what its author shows to nobody else, whoever made the copy; and of what is confidential by its kind.
    let file = copy(office, &never, "staff").await;
    pass_on(&file).await.failed(5, "E-ONWARD");
    let file = copy(rights, &plan, "title").await;
    pass_on(&file).await.failed(5, "E-CONFIDENTIAL");

    // Its author wants to be asked: a copy from the author is not yet a word to whoever holds it.
    let file = copy(office, &asks, "staff").await;
    let told = pass_on(&file).await;
    told.failed(5, "E-ONWARD");
    assert!(told.stdout.contains("record ask"), "{told:?}");
    rights.cli(&["record", "ask", &asks, "--for", "partners abroad"]).await.ok();
    wait_until("it is granted", async || {
        office.cli(&["record", "grant", &asks, "Rights Georgia"]).await.code == 0
    })
    .await;
    let shared = wait_for("the grant arrives", async || {
        let said = pass_on(&file).await;
        (said.code == 0).then(|| said.json["record"].as_str().unwrap().to_owned())
    })
    .await;
    wait_until("it arrives abroad", async || abroad.record(&shared).await.is_ok()).await;
    let shown = abroad.cli(&["record", "show", &shared]).await.done();
    let fields = shown["fields"].as_array().unwrap();
    let carried = &fields.iter().find(|f| f[0] == "redacted-copy").unwrap()[1][0];
    assert_eq!((&carried["author"], &carried["record"]), (&json!("Preventive Office"), &json!(asks)));
    let text = carried["text"].as_str().unwrap();
    assert!(text.contains("staff: [left out by Preventive Office]"), "{text}");
    assert!(
        text.contains("findings: SECRET-FINDING") && !shown.to_string().contains("SECRET-NAME"),
        "{text}"
    );
    assert!(abroad.record(&asks).await.is_err(), "the record itself did not come");

    // What its author takes back is passed on by nobody who has heard of it.
    office.cli(&["record", "withdraw", &asks, "--reason", "an error", "--yes"]).await.ok();
    wait_until("it is erased", async || rights.record(&asks).await.is_err()).await;
    pass_on(&file).await.failed(5, "E-ONWARD");
}
