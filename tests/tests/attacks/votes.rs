//! A member that votes after it has seen how the others did, and dates its vote back.

use entente_protocol::audience::Audience;
use entente_protocol::ids::{RecordId, Timestamp};
use entente_protocol::record::Content;
use entente_protocol::value::Value;
use entente_tests::{Partnership, TestNode, draft, wait_until};
use serde_json::{Value as Json, json};

use crate::insider::{Forge, Insider, content};

async fn motion(node: &TestNode, body: &str) -> Json {
    node.cli(&["advice", "show", body]).await.done()["motions"][0].clone()
}

fn position(motion: RecordId, says: &str, created: Timestamp) -> Content {
    let mut vote = Content { created, ..content("position", "FORGED a vote") };
    vote.fields.push(("motion".into(), Value::Text(motion.to_string())));
    vote.fields.push(("position".into(), Value::Text(says.into())));
    vote
}

#[tokio::test]
async fn a_vote_that_a_modified_node_dates_back_is_shown_as_late_and_not_counted() {
    let mut p = Partnership::of(&[("Ombudsman", "npm"), ("Crooked", "cso"), ("Watch", "cso")]).await;
    let closes = jiff::Timestamp::now().as_second() + 20;
    let in_time = Timestamp(u64::try_from(closes - 1).unwrap() * 1000);
    let closes = jiff::Timestamp::from_second(closes).unwrap().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let put = draft("motion", "Visit at night?").field("quorum", json!(2)).field("closes", json!(closes));
    let put = p[0].publish(put, &p.name, None).await;
    let id = put.to_string();
    let vote =
        |says: &str| draft("position", "Our vote").field("motion", json!(id)).field("position", json!(says));
    p[0].publish(vote("for"), &p.name, None).await;
    for (node, says) in [(1, "for"), (2, "against")] {
        wait_until("the motion is there", async || p[node].record(put).await.is_ok()).await;
        p[node].publish(vote(says), &p.name, None).await;
    }
    for node in [0, 2] {
        wait_until("all have voted", async || {
            motion(&p[node], &p.name).await["positions"].as_array().unwrap().len() == 3
        })
        .await;
    }
    p[0].cli(&["advice", "close", &id, "--yes"]).await.failed(2, "usage");
    wait_until("it has closed", async || motion(&p[0], &p.name).await["stage"] == "decided").await;

    let insider = Insider::seize(&mut p[1]).await;
    let mut forge = Forge::new(&insider, p.id);
    forge.put(&forge.sign_with(&position(put, "against", in_time), Audience::Everyone, [8; 16]));
    forge.commit();
    insider.close();
    p[1].start().await;
    for node in [0, 2] {
        // Before it is counted the outcome is provisional, and everybody sees which vote came late.
        wait_until("the vote is there", async || motion(&p[node], &p.name).await["stage"] == "rejected")
            .await;
        let seen = motion(&p[node], &p.name).await;
        assert_eq!(seen["provisional"], true);
        let late: Vec<&Json> =
            seen["positions"].as_array().unwrap().iter().filter(|p| p["came_late"] == true).collect();
        assert!(late.len() == 1 && late[0]["author"]["name"] == "Crooked", "{seen}");
    }
    let tally = p[0].cli(&["advice", "close", &id, "--yes"]).await.done();
    let tally = tally["record"].as_str().unwrap();
    for node in [0, 1, 2] {
        wait_until("it is counted", async || p[node].record(tally).await.is_ok()).await;
        let seen = motion(&p[node], &p.name).await;
        assert_eq!((&seen["stage"], &seen["provisional"]), (&json!("decided"), &json!(false)), "{seen}");
        assert_eq!((&seen["in_favour"], &seen["against"]), (&json!(2), &json!(1)));
        assert_eq!(seen["uncounted"].as_array().unwrap().len(), 1, "{seen}");
    }
    p[0].cli(&["advice", "close", &id, "--yes"]).await.failed(2, "usage");
}
