//! One place under many names: found, merged, and parted again, with nothing lost.

use entente_tests::{Partnership, TestNode, draft, wait_for, wait_until};
use serde_json::{Value, json};

async fn places(node: &TestNode) -> Vec<Value> {
    node.cli(&["place", "list"]).await.done()["places"].as_array().unwrap().clone()
}

async fn found(node: &TestNode, words: &[&str]) -> Vec<String> {
    let answer = node.cli(&[&["record", "search"], words].concat()).await.done();
    let mut ids: Vec<String> =
        answer["records"].as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

fn sorted(ids: &[&String]) -> Vec<String> {
    let mut ids: Vec<String> = ids.iter().map(|id| (*id).clone()).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn a_place_in_three_scripts_is_found_merged_and_parted_and_a_reader_sees_only_its_own() {
    let p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso"), ("Other", "cso")]).await;
    let (npm, cso, other) = (&p[0], &p[1], &p[2]);
    let georgian = draft("place", "დაწესებულება №8")
        .field("names", json!({ "ka": "გლდანის ციხე", "en": "Gldani Prison" }))
        .field("category", "prison")
        .field("locality", "თბილისი");
    let georgian = npm.publish(georgian, &p.name, None).await.to_string();
    let arabic = draft("place", "Prison 8")
        .field("aliases", json!(["سجن غلداني"]))
        .field("category", "prison")
        .field("locality", "Tbilisi");
    let arabic = cso.publish(arabic, &p.name, Some(&["Ombudsman"])).await.to_string();
    let by_id = draft("submission", "beatings").field("place", georgian.clone());
    let by_id = cso.publish(by_id, &p.name, Some(&["Ombudsman"])).await.to_string();
    let by_name = draft("baseline", "food").field("place", "سجن غلداني");
    let by_name = cso.publish(by_name, &p.name, None).await.to_string();
    wait_for("all arrive", async || {
        npm.record(&by_id).await.ok()?;
        npm.record(&arabic).await.ok()?;
        npm.record(&by_name).await.ok()?;
        other.record(&by_name).await.ok()?;
        other.record(&georgian).await.ok()
    })
    .await;

    let pairs = npm.cli(&["place", "duplicates"]).await.done();
    let pairs = pairs["duplicates"].as_array().unwrap();
    assert_eq!(pairs.len(), 1, "{pairs:?}");
    assert!(pairs[0]["because"][0].as_str().unwrap().contains("number 8"), "{pairs:?}");
    assert_eq!(found(npm, &["gldani", "prison"]).await, sorted(&[&georgian, &by_id]));

    let words = ["place", "merge", &georgian, "سجن غلداني", "--partnership", &p.name, "--yes"];
    let merge = npm.cli(&[&words[..], &["--expect-readers", "2"]].concat()).await.done();
    let merge = merge["record"].as_str().unwrap().to_owned();
    wait_for("the merge arrives", async || {
        cso.record(&merge).await.ok()?;
        other.record(&merge).await.ok()
    })
    .await;
    for node in [npm, cso] {
        let all = places(node).await;
        assert_eq!(all.len(), 1, "{all:?}");
        assert_eq!(all[0]["id"], georgian, "the oldest stands for it, everywhere");
        let shown = node.cli(&["place", "show", "გლდანის ციხე"]).await.done();
        assert_eq!((&shown["count"], shown["records"].as_array().unwrap().len()), (&json!(2), 2), "{shown}");
        for name in ["gldani prison", "გლდანის ციხე", "سجن غلداني", "prison 8"]
        {
            let expected = sorted(&[&georgian, &arabic, &by_id, &by_name]);
            assert_eq!(found(node, &[name]).await, expected, "{name}");
            let about = found(node, &["food", "--place", name]).await;
            assert_eq!(about, sorted(&[&by_name]), "{name}");
        }
    }
    let seen = places(other).await;
    assert_eq!(seen.len(), 1);
    assert!(!seen[0]["names"].to_string().contains("سجن"), "{seen:?}");
    let told = other.record(&merge).await.unwrap();
    assert_eq!(told.fields.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["same-as"]);

    cso.cli(&["place", "split", &merge, "--reason", "an error", "--yes"]).await.failed(5, "E-NOT-AUTHOR");
    npm.cli(&["place", "split", &georgian, "--reason", "an error", "--yes"]).await.failed(2, "usage");
    npm.cli(&["place", "split", &merge, "--reason", "an error", "--yes"]).await.ok();
    wait_until("the places stand apart", async || places(cso).await.len() == 2).await;
    let shown = cso.cli(&["place", "show", &arabic]).await.done();
    assert_eq!(shown["history"][0]["record"], by_name, "{shown}");
    assert_eq!(found(npm, &["gldani", "prison"]).await, sorted(&[&georgian, &by_id]));
}

#[tokio::test]
async fn who_does_not_agree_that_places_are_the_same_has_them_apart_and_all_see_who_says_what() {
    let p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso"), ("Other", "cso")]).await;
    let (npm, cso, other) = (&p[0], &p[1], &p[2]);
    let one = npm.publish(draft("place", "Gldani Prison 8"), &p.name, None).await.to_string();
    let two = cso.publish(draft("place", "Gldani 8"), &p.name, None).await.to_string();
    let all_have = async |id: &String| {
        for node in [npm, cso, other] {
            wait_until("it arrives", async || node.record(id).await.is_ok()).await;
        }
    };
    all_have(&one).await;
    all_have(&two).await;
    let said = |words: &[&str]| {
        let mut words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
        words.extend(["--partnership", &p.name, "--yes"].map(str::to_owned));
        words
    };
    let say = async |node: &TestNode, words: Vec<String>| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        node.cli(&words).await.done()["record"].as_str().unwrap().to_owned()
    };
    let merge = say(npm, said(&["place", "merge", &one, &two])).await;
    all_have(&merge).await;
    assert_eq!(places(cso).await.len(), 1);

    // Merged, they have one id: the descriptions are meant, and named by theirs.
    cso.cli(&["place", "apart", &one, &one, "--partnership", &p.name, "--yes"]).await.failed(2, "usage");
    let apart = say(cso, said(&["place", "apart", &one, "Gldani 8"])).await;
    all_have(&apart).await;
    let seen = places(cso).await;
    assert_eq!(seen.len(), 2, "{seen:?}");
    for place in &seen {
        assert_eq!(place["overruled"][0]["author"]["name"], "Ombudsman", "{place}");
        assert_eq!(place["apart"][0]["author"]["name"], "Rights", "{place}");
    }
    assert!(cso.cli(&["place", "duplicates"]).await.done()["duplicates"].as_array().unwrap().is_empty());
    for node in [npm, other] {
        let seen = places(node).await;
        assert_eq!(seen.len(), 1, "{seen:?}");
        assert_eq!(seen[0]["apart"][0]["record"], apart, "it is shown who does not agree");
    }
    cso.cli(&["place", "split", &apart, "--reason", "we agree", "--yes"]).await.ok();
    wait_until("they are one", async || places(cso).await.len() == 1).await;
}
