//! Copies that leave a partnership: signed, redacted, and only as their authors allow.

use entente_protocol::handling::{Handling, Onward};
use entente_protocol::ids::{RecordId, Timestamp};
use entente_tests::{Home, Partnership, TestNode, draft, wait_until};
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
