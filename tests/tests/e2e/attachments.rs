//! Attachments: what they tell beside their contents stays at home, and half of a file is not fetched twice.

use entente_node::api::settings::FetchView;
use entente_protocol::ids::RecordId;
use entente_tests::{Partnership, TestNode, draft, join, wait_for, wait_until};

/// A photograph with a place, an author, a camera and a date: of the corpus of the fuzz target.
const PHOTOGRAPH: &[u8] = include_bytes!("../../../fuzz/corpus/hidden_data/jpeg");
const TIFF: &[u8] = include_bytes!("../../../fuzz/corpus/hidden_data/tiff");
const SECRET: &str = "Nino Secretova";

fn holds(bytes: &[u8], needle: &str) -> bool {
    bytes.windows(needle.len()).any(|w| w == needle.as_bytes())
}

async fn attach(node: &TestNode, name: &str, bytes: &[u8]) -> String {
    let path = node.home().beside(name);
    std::fs::write(&path, bytes).unwrap();
    node.attach(&path).await.unwrap()
}

#[tokio::test]
async fn a_photograph_is_shared_without_what_it_tells_and_the_original_stays() {
    let p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    let photo = attach(&p[1], "cell.jpg", PHOTOGRAPH).await;
    let kept = p[1].keep(draft("training", "A cell").attachment(photo)).await.unwrap();
    let preview =
        p[1].cli(&["record", "preview", &kept.to_string(), "--partnership", "Prevention"]).await.done();
    let hidden = &preview["hidden"][0];
    assert_eq!(hidden["cleaning"]["outcome"], "cleaned", "{preview}");
    for about in ["place", "author", "device", "date", "thumbnail"] {
        assert!(
            hidden["found"].as_array().unwrap().iter().any(|f| f["about"] == about),
            "{about}: {preview}"
        );
    }
    let shared = p[1].share(kept, "Prevention", None).await.unwrap();
    wait_until("the photograph arrives", async || {
        p[0].record(shared.record).await.is_ok_and(|r| r.attachment_list[0].complete)
    })
    .await;
    let got = p[0].attachment(shared.record, 0).await.unwrap();
    assert!(got.starts_with(b"\xff\xd8\xff") && !holds(&got, SECRET) && !holds(&got, "Camera"));
    let saved = p[1].home().beside("original.jpg");
    p[1].cli(&["attachment", "get", &kept.to_string(), "0", saved.to_str().unwrap(), "--original"])
        .await
        .ok();
    assert!(std::fs::read(&saved).unwrap() == PHOTOGRAPH, "the original stays as it is");

    let inspected = p[0].home().beside("got.jpg");
    std::fs::write(&inspected, &got).unwrap();
    let inspect = p[0].cli(&["attachment", "inspect", inspected.to_str().unwrap()]).await.done();
    let found = inspect["hidden"]["found"].as_array().unwrap();
    assert!(found.iter().all(|f| f["about"] == "other"), "only which way is up: {inspect}");
}

#[tokio::test]
async fn what_cannot_be_cleaned_is_not_shared_unless_its_author_keeps_what_it_tells() {
    let p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    let bomb = [b"\x89PNG\r\n\x1a\n".as_slice(), b"\x7f\xff\xff\xffIHDR"].concat();
    for (name, bytes) in
        [("scan.tif", TIFF), ("broken.png", &bomb), ("film.mp4", b"\0\0\0\x18ftypmp42"), ("a.pdf", b"no")]
    {
        let file = attach(&p[1], name, bytes).await;
        let kept = p[1].keep(draft("training", name).attachment(file)).await.unwrap();
        let refused = p[1].share(kept, "Prevention", None).await.unwrap_err();
        assert_eq!((refused.code.as_str(), refused.exit), ("E-HIDDEN-DATA", 5), "{name}: {refused:?}");
        let at = ["--partnership", "Prevention"];
        let id = kept.to_string();
        let preview = p[1].cli(&["record", "preview", &id, at[0], at[1]]).await.done();
        assert_eq!(preview["refusals"][0]["code"], "E-HIDDEN-DATA", "{name}: {preview}");
        let told = p[1].cli(&["attachment", "inspect", p[1].home().beside(name).to_str().unwrap()]).await;
        assert_eq!(told.code, 6, "{name}: {told:?}");
        let preview = p[1].cli(&["record", "preview", &id, at[0], at[1], "--keep-metadata"]).await.done();
        assert_eq!(preview["hidden"][0]["cleaning"]["outcome"], "kept", "{name}: {preview}");
        let share =
            ["record", "share", &id, at[0], at[1], "--keep-metadata", "--yes", "--expect-readers", "1"];
        let shared = p[1].cli(&share).await.done();
        let shared = shared["record"].as_str().unwrap().to_owned();
        let got = wait_for("it arrives as it is", async || {
            let record = p[0].record(&shared).await.ok()?;
            if record.attachment_list[0].complete {
                p[0].attachment(record.summary.id, 0).await.ok()
            } else {
                None
            }
        })
        .await;
        assert!(got == bytes, "{name}");
    }
}

async fn fetched(node: &TestNode, record: impl std::fmt::Display) -> FetchView {
    node.client().get(&format!("/v1/records/{record}/attachments/0/fetch")).await.unwrap()
}

/// Bytes in which no chunk is like another.
fn large(chunks: usize) -> Vec<u8> {
    (0..chunks)
        .flat_map(|chunk| (0..65_536 / 8).flat_map(move |at| (chunk * 8_192 + at).to_le_bytes()))
        .collect()
}

#[tokio::test]
async fn after_a_kill_at_half_at_most_one_percent_more_than_what_was_missing_is_fetched() {
    const CHUNKS: usize = 1_200;
    let mut p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    let contents = large(CHUNKS);
    let file = attach(&p[1], "film.bin", &contents).await;
    let id = p[1].publish(draft("training", "A film").attachment(file), "Prevention", None).await;
    wait_until("the record arrives", async || p[0].record(id).await.is_ok()).await;
    let half = wait_for("a third of the film is here", async || {
        let view = fetched(&p[0], id).await;
        (view.here > CHUNKS as u64 / 3).then_some(view)
    })
    .await;
    p[0].kill();
    assert!(!half.complete, "it was killed on the way: {half:?}");
    p[0].start().await;
    wait_until("the film is complete", async || fetched(&p[0], id).await.complete).await;
    let after = fetched(&p[0], id).await;
    let all = half.here + after.came;
    assert!(after.came > 0 && all <= CHUNKS as u64 * 101 / 100, "{half:?} then {after:?}");
    assert!(p[0].attachment(id, 0).await.unwrap() == contents);
}

#[tokio::test]
async fn the_same_file_is_sent_once_within_a_partnership_and_stays_as_long_as_a_record_has_it() {
    const CHUNKS: usize = 40;
    let mut p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    let contents = large(CHUNKS);
    let mut shared = Vec::new();
    for name in ["report.bin", "the same.bin", "once more.bin"] {
        let file = attach(&p[1], name, &contents).await;
        let id = p[1].publish(draft("training", name).attachment(file), "Prevention", None).await;
        wait_until("it is complete", async || {
            p[0].record(id).await.is_ok_and(|record| record.attachment_list[0].complete)
        })
        .await;
        assert_eq!(fetched(&p[0], id).await.came, CHUNKS as u64, "{name}: sent with the first record only");
        shared.push(id);
    }
    let erased = async |id: entente_protocol::ids::RecordId| {
        p[1].cli(&["record", "withdraw", &id.to_string(), "--reason", "an error", "--yes"]).await.ok();
        wait_until("the reader erased it", async || p[0].record(id).await.is_err()).await;
    };
    erased(shared[0]).await;
    erased(shared[2]).await;
    for node in [&p[0], &p[1]] {
        assert!(node.attachment(shared[1], 0).await.unwrap() == contents, "another record has the file");
    }
    // The index is made anew: what was erased before does not take the file of another record with it.
    for number in [0, 1] {
        p[number].reindex().await;
        assert!(p[number].attachment(shared[1], 0).await.unwrap() == contents);
    }
    let files = |node: &TestNode| walk(&node.home().path().join("blobs"));
    assert_eq!(files(&p[0]), 2, "the file, and the list of what its chunks hash to");
    let last = shared[1];
    p[1].cli(&["record", "withdraw", &last.to_string(), "--reason", "an error", "--yes"]).await.ok();
    wait_until("with the last record goes the file", async || files(&p[0]) == 0).await;
}

/// Files in a folder and those below.
fn walk(folder: &std::path::Path) -> usize {
    let all = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    all.map(|path| if path.is_dir() { walk(&path) } else { 1 }).sum()
}

#[tokio::test]
async fn a_rule_keeps_large_attachments_away_until_somebody_asks_for_one() {
    let mut p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    let rule = ["attachment", "rule", "Prevention"];
    let set = p[0].cli(&[rule[0], rule[1], rule[2], "--only", "--max-size", "100k"]).await.done();
    assert_eq!(set["max_size"], 100_000, "{set}");
    let large = attach(&p[1], "large.bin", &large(4)).await;
    let large = p[1].publish(draft("training", "Large").attachment(large), "Prevention", None).await;
    let small = attach(&p[1], "small.bin", b"a few words").await;
    let small = p[1].publish(draft("training", "Small").attachment(small), "Prevention", None).await;
    for restarted in [false, true] {
        if restarted {
            p[0].restart().await;
            assert_eq!(p[0].cli(&rule).await.done()["max_size"], 100_000, "the rule is kept");
            p.wait_until_connected().await;
        }
        wait_until("the small one comes by itself", async || {
            p[0].record(small).await.is_ok_and(|r| r.attachment_list[0].complete)
        })
        .await;
        let view = fetched(&p[0], large).await;
        assert!(!view.complete && view.came == 0, "the large one does not: {view:?}");
    }
    let got = p[0].cli(&["attachment", "fetch", &large.to_string(), "0"]).await.done();
    assert_eq!((&got["complete"], &got["came"]), (&true.into(), &4.into()), "{got}");
}

#[tokio::test]
async fn over_its_quota_a_partner_is_refused_and_told_why_and_other_partnerships_go_on() {
    let p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    let agreement = p[0].home().beside("second.toml");
    std::fs::write(&agreement, entente_tests::PERMISSIVE).unwrap();
    let words = ["partnership", "new", "--name", "Second", "--agreement", agreement.to_str().unwrap()];
    p[0].cli(&words).await.ok();
    join(&p[0], &p[1], "Second").await;
    let quota = p[0].cli(&["partnership", "quota", "Prevention", "--records", "2"]).await.done();
    assert_eq!(quota["quota"]["records"], 2, "{quota}");
    let mut ids = Vec::new();
    for number in 0..2 {
        ids.push(p[1].publish(draft("training", &format!("{number}")), "Prevention", None).await);
        wait_until("it arrives", async || p[0].record(ids[number]).await.is_ok()).await;
    }
    let third = p[1].publish(draft("training", "Too many"), "Prevention", None).await;
    let explain = ["sync", "explain", &third.to_string(), "Ombudsman"];
    let told = wait_for("the author learns why", async || {
        let told = p[1].cli(&explain).await.done();
        (told["code"] == "quota").then_some(told)
    })
    .await;
    assert!(told["words"].as_str().unwrap().contains("used up"), "{told}");
    assert!(p[1].sync_status().await.partners.iter().any(|partner| partner.refuses.is_some()));
    let elsewhere = p[1].publish(draft("training", "Elsewhere"), "Second", None).await;
    wait_until("the other partnership goes on", async || p[0].record(elsewhere).await.is_ok()).await;
    assert!(p[0].record(third).await.is_err());
    p[0].cli(&["partnership", "quota", "Prevention", "--no-limit"]).await.ok();
    wait_until("it arrives once there is room", async || p[0].record(third).await.is_ok()).await;
}

#[tokio::test]
async fn what_a_quota_left_out_comes_once_another_attachment_is_erased() {
    let p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    p[0].cli(&["partnership", "quota", "Prevention", "--bytes", "1500k"]).await.ok();
    let share = async |title: &str, from: u8| {
        let bytes: Vec<u8> = large(16).into_iter().map(|byte| byte ^ from).collect();
        let file = attach(&p[1], &format!("{title}.bin"), &bytes).await;
        p[1].publish(draft("training", title).attachment(file), "Prevention", None).await
    };
    let complete =
        async |id: RecordId| p[0].record(id).await.is_ok_and(|record| record.attachment_list[0].complete);
    let first = share("First", 1).await;
    wait_until("the first comes whole", async || complete(first).await).await;
    let second = share("Second", 2).await;
    let words = p[1].publish(draft("training", "Words"), "Prevention", None).await;
    wait_until("entries come", async || p[0].record(words).await.is_ok()).await;
    let view = fetched(&p[0], second).await;
    assert!(!view.complete && view.came == 0, "there is no room for the second: {view:?}");
    p[1].cli(&["record", "withdraw", &first.to_string(), "--reason", "an error", "--yes"]).await.ok();
    wait_until("the second has the room of the first", async || complete(second).await).await;
}

#[tokio::test]
async fn a_compacted_journal_has_all_records_and_the_node_goes_on() {
    let mut p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    for number in 0..5 {
        let file = attach(&p[1], &format!("{number}.bin"), &large(1)).await;
        let record = draft("training", &format!("{number}")).attachment(file);
        let id = p[1].publish(record, "Prevention", None).await;
        wait_until("it arrives whole", async || {
            p[0].record(id).await.is_ok_and(|r| r.attachment_list[0].complete)
        })
        .await;
    }
    // Of settings only the last count.
    for most in ["1M", "2M", "3M"] {
        p[0].cli(&["attachment", "rule", "Prevention", "--only", "--max-size", most]).await.ok();
    }
    let before = p[0].frames().await;
    assert_eq!(p[0].cli(&["journal", "compact"]).await.code, 7);
    p[0].restart().await;
    let after = p[0].frames().await;
    assert_eq!(after, before - 2, "what later frames replaced is gone");
    let rule = p[0].cli(&["attachment", "rule", "Prevention"]).await.done();
    assert_eq!(rule["max_size"], 3_000_000, "the last rule holds");
    assert_eq!(p[0].shared_ids().await, p[1].shared_ids().await);
    for id in p[0].shared_ids().await {
        assert!(p[0].attachment(id, 0).await.unwrap() == large(1));
    }
    p.wait_until_connected().await;
    let mine = p[0].publish(draft("training", "After"), "Prevention", None).await;
    wait_until("it signs on", async || p[1].record(mine).await.is_ok()).await;
    let theirs = p[1].publish(draft("training", "Theirs"), "Prevention", None).await;
    wait_until("and hears on", async || p[0].record(theirs).await.is_ok()).await;
}
