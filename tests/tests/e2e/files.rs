//! Records as files: they verify without a node, and leave only as their authors allow.

use entente_tests::{Home, Partnership, wait_until};
use serde_json::json;

#[tokio::test]
async fn an_exported_record_verifies_offline_and_an_altered_one_does_not() {
    let p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    let mut ids = Vec::new();
    for onward in ["never", "ask", "allowed"] {
        let draft = json!({ "kind": "training", "language": "ka", "fields": { "title": "სათაური", "text": onward },
            "sensitivity": "partnership", "handling": { "onward": onward } });
        std::fs::write(p[1].home().beside("draft.json"), draft.to_string()).unwrap();
        let made = p[1].cli(&["record", "new", "draft.json"]).await.done();
        let kept = made["record"].as_str().unwrap();
        p[1].cli(&["record", "export", kept, "draft.entente"]).await.failed(3, "not-found");
        let share =
            ["record", "share", kept, "--partnership", "Prevention", "--yes", "--expect-readers", "1"];
        ids.push(p[1].cli(&share).await.done()["record"].as_str().unwrap().to_owned());
    }
    for id in &ids {
        wait_until("it arrives", async || p[0].record(id).await.is_ok()).await;
    }
    p[1].cli(&["record", "export", &ids[0], "own.entente"]).await.ok();
    for id in &ids[..2] {
        p[0].cli(&["record", "export", id, "theirs.entente"]).await.failed(5, "E-ONWARD");
    }
    assert!(!p[0].home().beside("theirs.entente").exists());
    p[0].cli(&["record", "export", &ids[2], "theirs.entente"]).await.ok();

    let nobody = Home::empty("Nobody");
    let exported = [p[1].home().beside("own.entente"), p[0].home().beside("theirs.entente")];
    for (file, id) in exported.iter().zip([&ids[0], &ids[2]]) {
        let verified = nobody.cli(&["record", "verify", file.to_str().unwrap()]).await.done();
        assert_eq!(verified["verified"], true);
        assert_eq!(verified["record"], **id);
        assert_eq!(verified["author"]["id"], p.orgs[1].to_string());
        assert_eq!(verified["author"]["name"], "Rights");
        assert!(verified["fields"].to_string().contains("სათაური"));

        let whole = std::fs::read(file).unwrap();
        let altered = nobody.beside("altered.entente");
        let step = (whole.len() / 12).max(1);
        for at in (0..whole.len()).step_by(step).chain([whole.len() - 1]) {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            std::fs::write(&altered, &bytes).unwrap();
            nobody.cli(&["record", "verify", altered.to_str().unwrap()]).await.failed(6, "not-verified");
        }
        for bytes in [&whole[..whole.len() - 1], &[&whole[..], b"x"].concat(), b""] {
            std::fs::write(&altered, bytes).unwrap();
            nobody.cli(&["record", "verify", altered.to_str().unwrap()]).await.failed(6, "not-verified");
        }
    }
    nobody.cli(&["record", "verify", "missing.entente"]).await.failed(3, "file");
}
