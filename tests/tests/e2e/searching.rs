//! What can be read can be found, in any script, and what cannot be read any more is not found.

use entente_tests::{Partnership, TestNode, draft, wait_for, wait_until};
use serde_json::Value;

/// The ids that a search finds, newest first; everything must have been searched.
async fn found(node: &TestNode, words: &[&str]) -> Vec<String> {
    let answer = node.cli(&[&["record", "search"], words].concat()).await.done();
    assert_eq!(answer["searched"]["complete"], true, "{answer}");
    let ids: Vec<String> =
        answer["records"].as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(answer["searched"]["found"], ids.len(), "{answer}");
    ids
}

#[tokio::test]
async fn records_are_found_in_any_script_for_as_long_as_they_can_be_read() {
    let mut p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    let prison =
        draft("submission", "ციხე №8, გლდანი").field("place", "ქუთაისის N2").field("text", "Łódź, solitary");
    let prison = p[1].publish(prison, &p.name, None).await.to_string();
    let arabic = draft("baseline", "السِّجن المركزي ٨")
        .field("text", "أحوال المعيشة في السجن")
        .field("place", "سجن مدينة");
    let arabic = p[1].publish(arabic, &p.name, None).await.to_string();
    let name = p.name.clone();
    wait_for("both arrive", async || {
        let both = (p[0].record(&prison).await.ok(), p[0].record(&arabic).await.ok());
        both.0.zip(both.1)
    })
    .await;

    for node in [&p[0], &p[1]] {
        assert_eq!(found(node, &["ᲒᲚᲓᲐ"]).await, [&prison[..]]);
        assert_eq!(found(node, &["lodz", "soli"]).await, [&prison[..]]);
        assert_eq!(found(node, &["سجن"]).await, [&arabic[..]]);
        assert_eq!(found(node, &["احوال", "والسجن"]).await, [&arabic[..]]);
        assert_eq!(found(node, &["8"]).await, [&arabic[..], &prison[..]]);
        assert_eq!(found(node, &["8", "--kind", "submission"]).await, [&prison[..]]);
        assert_eq!(found(node, &["8", "--place", "ქუთაისის"]).await, [&prison[..]]);
        assert_eq!(found(node, &["8", "--from", "Rights", "--partnership", &name]).await.len(), 2);
        assert_eq!(found(node, &["8", "--from", "Ombudsman"]).await, [""; 0]);
        assert_eq!(found(node, &["8", "--sensitivity", "public"]).await, [""; 0]);
        assert_eq!(found(node, &["8", "--until", "2026-01-01"]).await, [""; 0]);
        assert_eq!(found(node, &["olitary"]).await, [""; 0], "a word is not found by its end");
        node.cli(&["record", "search", "…"]).await.failed(2, "usage");
    }

    p.nodes[0].restart().await;
    assert_eq!(found(&p[0], &["گلدان"]).await, [""; 0]);
    assert_eq!(found(&p[0], &["გლდანი"]).await, [&prison[..]], "the index is made anew after a start");
    p[1].cli(&["record", "withdraw", &prison, "--reason", "an error", "--yes"]).await.ok();
    assert_eq!(found(&p[1], &["lodz"]).await, [""; 0]);
    wait_until("the reader forgets it", async || found(&p[0], &["lodz"]).await.is_empty()).await;
    assert_eq!(found(&p[0], &["8"]).await, [&arabic[..]]);
}

#[tokio::test]
async fn a_draft_is_found_until_it_is_shared_and_then_what_was_shared() {
    let p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    let written = p[1].keep(draft("baseline", "Remand prison, overcrowded")).await.unwrap();
    assert_eq!(found(&p[1], &["overcrowd"]).await, [written.to_string()]);
    let shared = p[1].share(written, &p.name, None).await.unwrap().record;
    assert_eq!(found(&p[1], &["overcrowd"]).await, [shared.to_string()]);
    let list: Value = p[1].cli(&["record", "list", "--language", "en"]).await.done();
    assert_eq!(list.get("searched"), None, "{list}");
}
