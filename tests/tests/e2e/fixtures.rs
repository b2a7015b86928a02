//! Makes the homes that later versions must go on in: `cargo test -p entente-tests --test e2e -- --ignored
//! fixture`. Only when a format has changed; what is committed once is never made again.

use std::path::Path;

use entente_node::api::types::Trust;
use entente_protocol::handling::Sensitivity;
use entente_tests::{Home, PERMISSIVE, TestNode, draft, join, wait_until};

/// The ports that the homes listen on; they are in the homes' settings and acts.
const PORTS: [u16; 3] = [19_811, 19_812, 19_813];

async fn home(name: &str, kind: &str, port: u16, root: Option<&Path>) -> Home {
    let home = Home::empty(name);
    let listen = format!("/ip4/127.0.0.1/tcp/{port}");
    let mut words = vec!["init", "--name", name, "--kind", kind, "--country", "XA", "--listen", &listen];
    let root = root.map(|path| path.display().to_string());
    if let Some(root) = &root {
        words.extend(["--recover-root", root]);
    }
    home.cli(&words).await.ok();
    home
}

/// A partnership that has lived: a declaration, an amendment, a suspension that is over, a second office that was
/// revoked, verified persons, rotated keys, a circle, an attachment, acknowledgements.
#[tokio::test]
#[ignore = "makes a fixture; see the head of this file"]
async fn the_fixture_of_a_governed_partnership_is_made() {
    let agreement = format!(
        "{PERMISSIVE}\n[decisions]\nremove = 2\n\n[history]\nnewcomers = \"all\"\n\n[keys]\nrotate_days = 30\n"
    );
    let mut a = TestNode::start_in(home("An NPM", "npm", PORTS[0], None).await).await;
    let mut b = TestNode::start_in(home("Prison Watch", "cso", PORTS[1], None).await).await;
    let file = a.home().beside("agreement.toml");
    std::fs::write(&file, &agreement).unwrap();
    let file = file.display().to_string();
    a.cli(&["partnership", "new", "--name", "Prevention", "--agreement", &file]).await.ok();
    join(&a, &b, "Prevention").await;
    verify(&a, &b).await;

    let secret =
        b.publish(draft("submission", "No access to a doctor"), "Prevention", Some(&["An NPM"])).await;
    let paper = b.home().beside("paper.txt");
    std::fs::write(&paper, "what we saw ".repeat(10_000)).unwrap();
    let attached = b.attach(&paper).await.unwrap();
    let material = draft("material", "რეკომენდაცია").attachment(attached);
    let material = b.publish(material, "Prevention", None).await;
    for id in [secret, material] {
        wait_until("it arrives", async || a.record(id).await.is_ok()).await;
    }
    wait_until("the attachment arrives", async || a.attachment(material, 0).await.is_ok()).await;

    let stick = b.home().path().join("organisation.key");
    let mut office = TestNode::start_in(home("Prison Watch", "cso", PORTS[2], Some(&stick)).await).await;
    let door = a.cli(&["partnership", "office", "Prevention", "Prison Watch"]).await.done();
    office.cli(&["partnership", "join", door["invitation"].as_str().unwrap(), "--yes"]).await.ok();
    let lost = office.status().await.node.unwrap().to_string();
    office.publish(draft("material", "From the second office"), "Prevention", None).await;
    wait_until("three records", async || a.records().await.len() == 3 && b.records().await.len() == 3).await;
    office.stop().await;
    b.cli(&["key", "revoke", &lost, "--reason", "stolen on a train"]).await.ok();
    wait_until("the NPM hears of it", async || !a.status().await.revoked.is_empty()).await;

    a.cli(&["partnership", "suspend", "Prevention", "--reason", "a question", "--yes"]).await.ok();
    a.cli(&["partnership", "resume", "Prevention"]).await.ok();
    let narrow = agreement.replace("\"named\", \"partnership\", \"public\"", "\"named\", \"partnership\"");
    std::fs::write(&file, narrow).unwrap();
    a.cli(&["partnership", "agreement", "propose", "Prevention", &file]).await.ok();
    wait_until("the proposal arrives", async || {
        b.partnership("Prevention").await.unwrap().proposals.iter().any(|p| p.waits_for_us)
    })
    .await;
    b.cli(&["partnership", "sign", "Prevention", "--yes"]).await.ok();
    wait_until("it is in force", async || a.partnership("Prevention").await.unwrap().agreement_version == 2)
        .await;
    for node in [&a, &b] {
        node.cli(&["key", "rotate", "Prevention"]).await.ok();
        node.cli(&["audit", "acknowledge"]).await.ok();
    }
    let last = draft("recommendation", "توصية").sensitivity(Sensitivity::Partnership);
    let last = a.publish(last, "Prevention", None).await;
    wait_until("it arrives", async || b.record(last).await.is_ok()).await;
    a.stop().await;
    b.stop().await;
    for (node, letter) in [(&a, "a"), (&b, "b")] {
        let to = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/home-0.2.0").join(letter);
        crate::migrating::copied(&node.home().path(), &to);
    }
}

async fn verify(a: &TestNode, b: &TestNode) {
    wait_until("both are connected", async || {
        let seen = [a.partnership("Prevention").await.unwrap(), b.partnership("Prevention").await.unwrap()];
        seen.iter().all(|s| s.members_now.iter().any(|m| !m.ourselves && m.connected))
    })
    .await;
    crate::verifying::verify((a, a.name()), (b, b.name())).await;
    let seen = a.partnership("Prevention").await.unwrap();
    let sure = |m: &entente_node::api::types::MemberView| {
        m.trust.as_ref().is_none_or(|t| matches!(t.trust, Trust::Verified { .. }))
    };
    assert!(seen.members_now.iter().all(sure));
}
