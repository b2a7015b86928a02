//! Countersigned logs: receipts, what happened, and whether it is all still there.

use entente_tests::{Partnership, TestNode, draft, wait_until};
use serde_json::Value;

/// Two partners; the second has shared so many records, and the first has acknowledged them.
async fn acknowledged(count: usize) -> Partnership {
    let p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    let mut last = None;
    for number in 0..count {
        // The last one for named readers, in a circle of its own.
        let readers = (number + 1 == count).then_some(&["Ombudsman"][..]);
        last = Some(p[1].publish(draft("training", &format!("Number {number}")), &p.name, readers).await);
    }
    let last = last.unwrap();
    wait_until("the partner holds all", async || p[0].shared_ids().await.len() == count).await;
    let said = p[0].cli(&["audit", "acknowledge"]).await.done();
    assert_eq!(said["entries"], 2, "one for each space: {said}");
    wait_until("the receipts came", async || receipts(&p[1]).await == count as u64).await;
    assert!(p[0].record(last).await.is_ok());
    p
}

/// Entries of our own logs that partners acknowledged.
async fn receipts(node: &TestNode) -> u64 {
    let seen = node.cli(&["audit", "verify"]).await.json;
    let logs = seen["logs"].as_array().unwrap().clone();
    let ours = logs.iter().filter(|log| log["ours"] == true);
    ours.flat_map(|log| log["acknowledged"].as_array().unwrap().clone())
        .filter_map(|receipt| receipt["entries"].as_u64())
        .sum()
}

#[tokio::test]
async fn receipts_are_kept_and_shown_and_call_for_no_more_receipts() {
    let mut p = acknowledged(3).await;
    let record = p[1].records().await[0].id;
    for node in [0, 1] {
        let clean = p[node].cli(&["audit", "verify"]).await;
        assert_eq!((clean.code, &clean.json["findings"]), (0, &Value::Array(vec![])), "{clean:?}");
        let again = p[node].cli(&["audit", "acknowledge"]).await.done();
        assert_eq!(again["entries"], 0, "an acknowledgement calls for none");
        // They are entries like others, and no records.
        assert_eq!((p[node].status().await.records, p[node].status().await.quarantined), (3, 0));
    }
    p[0].stop().await;
    p[1].restart().await;
    let told = p[1].cli(&["sync", "explain", &record.to_string(), "Ombudsman"]).await.done();
    assert_eq!(told["code"], "has-it");
    assert!(told["words"].as_str().unwrap().contains("it acknowledged it"), "{told}");
    assert_eq!(receipts(&p[1]).await, 3, "they are kept");
    std::fs::remove_dir_all(p[1].home().path().join("index")).unwrap_or_default();
    p[1].restart().await;
    assert_eq!(receipts(&p[1]).await, 3, "and can be had from the journal again");
}

#[tokio::test]
async fn what_happened_is_listed_in_order_and_exported_with_the_signed_bytes() {
    let p = acknowledged(2).await;
    let shown = p[1].cli(&["audit", "show", &p.name]).await.done();
    let happened = shown["happened"].as_array().unwrap();
    let kinds: Vec<&str> = happened.iter().filter_map(|one| one["kind"].as_str()).collect();
    let place = |kind| kinds.iter().position(|k| *k == kind).unwrap_or_else(|| panic!("{kind}: {kinds:?}"));
    assert!(place("act") < place("shared") && place("shared") < place("acknowledged"), "{kinds:?}");
    assert!(happened.iter().any(|one| one["who"] == "Ombudsman" && one["kind"] == "acknowledged"));
    let few = p[1].cli(&["audit", "show", "--newest", "2"]).await.done();
    assert_eq!(few["happened"].as_array().unwrap().as_slice(), &happened[happened.len() - 2..]);

    let file = p[1].home().beside("audit.jsonl");
    let words = ["audit", "export", file.to_str().unwrap(), &p.name];
    let written = p[1].cli(&words).await.done();
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(written["lines"], lines.len());
    assert_eq!(lines[0]["kind"], "export");
    let signed = lines.iter().filter(|l| l["kind"] == "entry" && l["signature"].is_string()).count();
    assert!(signed >= 4, "two shares and two receipts: {text}");
    assert!(lines.iter().any(|l| l["acknowledgement"].is_string()));
    assert!(!text.contains("Number 0"), "contents are not in it");
    assert_eq!(p[1].cli(&words).await.code, 2, "it replaces nothing");
}

#[tokio::test]
async fn a_journal_cut_short_is_found_by_what_a_connected_partner_holds() {
    let mut p = acknowledged(2).await;
    p[1].stop().await;
    let segment = super::damage::last_segment(&p[1].home().path());
    let before = std::fs::metadata(&segment).unwrap().len();
    p[1].start().await;
    p.wait_until_connected().await;
    let record = p[1].publish(draft("training", "Never was"), &p.name, None).await;
    wait_until("it arrives", async || p[0].record(record).await.is_ok()).await;
    p[1].stop().await;
    std::fs::File::options().write(true).open(&segment).unwrap().set_len(before).unwrap();
    p[1].start().await;
    let mut codes = Vec::new();
    wait_until("it is found", async || {
        let verified = p[1].cli(&["audit", "verify"]).await;
        let findings = verified.json["findings"].as_array().unwrap().clone();
        codes = findings.iter().map(|f| f["code"].as_str().unwrap().to_owned()).collect();
        verified.code == 6 && codes.iter().any(|code| code == "journal-cut")
    })
    .await;
    // `truncated` as well, until the partner has given back what it holds.
    wait_until("its partner gives it back", async || p[1].record(record).await.is_ok()).await;
    let nothing = p[1].cli(&["audit", "acknowledge"]).await.done();
    assert_eq!(nothing["entries"], 0, "it signs nothing of its own accord");
}

#[tokio::test]
async fn a_flipped_byte_in_the_journal_is_found() {
    let mut p = acknowledged(4).await;
    p[0].stop().await;
    p[1].stop().await;
    let segment = super::damage::last_segment(&p[1].home().path());
    let size = usize::try_from(std::fs::metadata(&segment).unwrap().len()).unwrap();
    super::damage::flip(&segment, size * 3 / 4);
    p[1].start().await;
    let verified = p[1].cli(&["audit", "verify"]).await;
    assert_eq!(verified.code, 6, "{verified:?}");
    assert!(verified.stdout.contains("damaged") || verified.stdout.contains("deleted"), "{verified:?}");
}
