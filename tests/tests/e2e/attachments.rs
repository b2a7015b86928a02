//! Attachments: what they tell beside their contents stays at home, and half of a file is not fetched twice.

use entente_tests::{Partnership, TestNode, draft, wait_for, wait_until};

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
