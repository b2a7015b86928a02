//! Form 5: durable institutional collaboration.

use entente_protocol::agreement::{Form, templates::template};
use entente_tests::{Partnership, wait_for, wait_until};
use serde_json::json;

use super::*;

/// So many seconds from now, as `--closes` wants it.
fn in_seconds(seconds: i64) -> String {
    let time = jiff::Timestamp::now().as_second() + seconds;
    jiff::Timestamp::from_second(time).unwrap().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

async fn motion(node: &TestNode, council: &str, id: &str) -> Value {
    let body = node.cli(&["advice", "show", council]).await.done();
    let found = body["motions"].as_array().unwrap().iter().find(|m| m["id"] == id).cloned();
    found.unwrap_or_default()
}

#[tokio::test]
async fn form_5_a_council_decides_with_quorum_only_and_sees_no_record_of_a_visit() {
    let p = Partnership::under(template(Form::AdvisoryBody), &[NPM, RIGHTS, WATCH]).await;
    let (npm, rights, watch) = (&p[0], &p[1], &p[2]);
    let meeting = fields(
        "meeting",
        json!({ "title": "Spring meeting", "agenda": ["Night visits"], "from": "2027-02-01" }),
    );
    let meeting = share(npm, meeting, &p.name, None).await;
    arrived(rights, &meeting).await;
    let opinion = fields(
        "opinion",
        json!({ "title": "Go at night", "meeting": meeting, "text": "At night, most happens." }),
    );
    let opinion = share(rights, opinion, &p.name, None).await;
    arrived(npm, &opinion).await;

    let closes = in_seconds(25);
    let moved = async |question: &str| {
        let words = [
            "advice",
            "move",
            &p.name,
            "--question",
            question,
            "--quorum",
            "1",
            "--closes",
            &closes,
            "--yes",
        ];
        rights.cli(&words).await.done()["record"].as_str().unwrap().to_owned()
    };
    let (decided, lonely, partial) =
        (moved("Visit at night?").await, moved("Alone?").await, moved("Partial?").await);
    let vote = async |node: &TestNode, id: &str, words: &[&str]| {
        arrived(node, id).await;
        node.cli(&[&["advice", "vote", id], words, &["--yes"]].concat()).await.ok();
    };
    vote(rights, &decided, &["for"]).await;
    vote(watch, &decided, &["against"]).await;
    vote(watch, &decided, &["for", "--reason", "We changed our mind."]).await;
    vote(npm, &decided, &["abstain"]).await;
    // The agreement asks for a majority of three, whatever the motion says.
    vote(rights, &lonely, &["for"]).await;
    vote(rights, &partial, &["for"]).await;
    vote(watch, &partial, &["for", "--conflict", "We are paid for such visits."]).await;
    for node in [npm, rights, watch] {
        for (id, stage) in [(&decided, "decided"), (&lonely, "no-quorum"), (&partial, "no-quorum")] {
            wait_until(&format!("the motion is {stage}"), async || {
                motion(node, &p.name, id).await["stage"] == stage
            })
            .await;
        }
        let votes = motion(node, &p.name, &decided).await;
        assert_eq!(
            (&votes["in_favour"], &votes["against"], &votes["abstaining"]),
            (&json!(2), &json!(0), &json!(1))
        );
        assert_eq!(motion(node, &p.name, &partial).await["conflicted"], 1);
    }
    npm.cli(&["advice", "respond", &decided, "--text", "From March on.", "--yes"]).await.ok();
    let answered = wait_for("the response arrives", async || {
        let motion = motion(watch, &p.name, &decided).await;
        motion["responses"].as_array().filter(|r| !r.is_empty()).map(|r| r[0].clone())
    })
    .await;
    assert_eq!(answered["author"]["name"], "Ombudsman");

    // A council member sees the council's papers and no visit record.
    let plan =
        keep(npm, json!({ "kind": "visit", "fields": { "title": "Plan" }, "sensitivity": "named" })).await;
    npm.cli(&["record", "share", &plan, "--partnership", &p.name, "--readers", "Rights", "--yes"])
        .await
        .failed(5, "E-FLOW");
    let papers = watch.cli(&["advice", "show", &p.name]).await.done();
    let kinds: Vec<&str> =
        papers["records"].as_array().unwrap().iter().map(|r| r["kind"].as_str().unwrap()).collect();
    assert!(
        kinds.contains(&"meeting") && kinds.contains(&"opinion") && !kinds.contains(&"visit"),
        "{kinds:?}"
    );
}
