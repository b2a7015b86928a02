//! Form 2: support recommendations.

use entente_tests::{PERMISSIVE, Partnership, wait_until};
use serde_json::json;

use super::*;

const SHEET: &str = "№;Заголовок;Текст;themes;addressee;due;place\r\n\
    A-1;Регистр;\"Вести журнал; каждый день\";health-care;directorate;2026-06-01;№ 8\r\n\
    A-2;Адвокат;Допускать адвоката;safeguards/lawyer;police;2027-12-31;№ 9\r\n";

async fn import(node: &TestNode, sheet: &str, more: &[&str]) -> entente_tests::Output {
    let file = node.home().beside("sheet.csv");
    std::fs::write(&file, sheet).unwrap();
    let columns = ["--column", "№=external-id", "--column", "Заголовок=title", "--column", "Текст=text"];
    let words =
        [&["recommendation", "import", file.to_str().unwrap(), "--language", "ru"], &columns[..], more]
            .concat();
    node.cli(&words).await
}

fn counts(told: &Value) -> [u64; 4] {
    ["new", "updated", "unchanged", "wrong"].map(|what| told[what].as_u64().unwrap())
}

async fn standing(node: &TestNode, id: &str) -> Value {
    node.cli(&["recommendation", "show", id]).await.json
}

#[tokio::test]
async fn form_2_replies_assessments_and_shadow_information_stand_side_by_side_and_what_is_late_is_overdue() {
    let agreement = format!("{PERMISSIVE}\n[scale]\n\"частично\" = \"substantive-steps\"\n");
    let p = Partnership::under(&agreement, &[NPM, RIGHTS, WATCH]).await;
    let (npm, rights, watch) = (&p[0], &p[1], &p[2]);

    // From the old spreadsheet: tried, then taken and shared, then corrected.
    let tried = import(npm, SHEET, &["--dry-run"]).await.done();
    assert_eq!(counts(&tried), [2, 0, 0, 0]);
    assert_eq!(npm.status().await.drafts, 0, "a dry run keeps nothing");
    let wrong = SHEET.replace("2026-06-01", "June");
    let told = import(npm, &wrong, &["--dry-run"]).await;
    assert_eq!((told.code, counts(&told.json)), (6, [1, 0, 0, 1]));
    import(npm, &wrong, &[]).await.failed(5, "E-FIELDS");
    let taken = import(npm, SHEET, &["--share", &p.name, "--yes"]).await.done();
    assert_eq!((counts(&taken), &taken["shared"]), ([2, 0, 0, 0], &json!(2)));
    let ids: Vec<String> = taken["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["record"].as_str().unwrap().to_owned())
        .collect();
    let again = SHEET.replace("Допускать адвоката", "Допускать адвоката сразу");
    let corrected = import(npm, &again, &["--share", &p.name, "--yes"]).await.done();
    assert_eq!(counts(&corrected), [0, 1, 1, 0]);
    let late = ids[0].as_str();
    for node in [rights, watch] {
        arrived(node, late).await;
        wait_until("the correction stands in the place of the second", async || {
            standing(node, &ids[1]).await["stage"] == "superseded"
        })
        .await;
        let listed = node.cli(&["recommendation", "list"]).await.done();
        assert_eq!(listed["total"], 2);
    }

    // An overdue reply is overdue everywhere, until it is there.
    for node in [npm, rights, watch] {
        assert_eq!(standing(node, late).await["stage"], "overdue");
        assert!(due(node).await.contains(&owed("reply", "the authority", true)));
        assert_eq!(node.cli(&["recommendation", "list", "--overdue"]).await.done()["total"], 1);
    }
    let said = async |node: &TestNode, words: &[&str]| {
        let all = [&["recommendation"], words, &["--yes"]].concat();
        node.cli(&all).await.done()["record"].as_str().unwrap().to_owned()
    };
    said(npm, &["reply", late, "--text", "Принято.", "--promised", "2026-08-01"]).await;
    let assessed = said(npm, &["assess", late, "--status", "частично", "--evidence", "визит"]).await;
    let shadow =
        said(rights, &["shadow", late, "--status", "not implemented", "--evidence", "12 семей"]).await;
    said(watch, &["endorse", late, "--text", "Поддерживаем."]).await;
    said(watch, &["advocate", late, "--action", "Слушания", "--addressee", "parliament"]).await;
    for node in [npm, rights, watch] {
        wait_until("everything stands side by side", async || {
            let now = standing(node, late).await;
            now["endorsements"] == 1
                && now["advocacy"] == 1
                && now["shadow"].as_array().is_some_and(|s| s.len() == 1)
                && !now["status"].is_null()
        })
        .await;
        let now = standing(node, late).await;
        assert_eq!(now["stage"], "assessed");
        let status = &now["status"];
        assert_eq!((&status["word"], &status["axis"]), (&json!("частично"), &json!("substantive-steps")));
        assert_eq!((&status["author"]["name"], &status["record"]), (&json!("Ombudsman"), &json!(assessed)));
        let beside = &now["shadow"][0];
        assert_eq!(
            (&beside["word"], &beside["author"]["name"]),
            (&json!("not implemented"), &json!("Rights"))
        );
        assert_eq!(beside["record"], shadow.as_str());
        let timeline = node.cli(&["recommendation", "timeline", late]).await.done();
        let kinds: Vec<&str> =
            timeline["timeline"].as_array().unwrap().iter().map(|e| e["kind"].as_str().unwrap()).collect();
        let order = [
            "recommendation",
            "authority-reply",
            "status-assessment",
            "shadow-information",
            "endorsement",
            "advocacy",
        ];
        assert_eq!(kinds, order);
    }
    // Civil society cannot speak for the NPM, whatever it writes.
    let forged =
        keep(watch, fields("status-assessment", json!({ "recommendation": late, "status": "implemented" })))
            .await;
    watch
        .cli(&["record", "share", &forged, "--partnership", &p.name, "--yes"])
        .await
        .failed(5, "E-AUTHOR-ROLE");

    let board = rights.cli(&["recommendation", "board"]).await.done();
    let stages: Vec<&str> =
        board["board"].as_array().unwrap().iter().map(|c| c["stage"].as_str().unwrap()).collect();
    assert_eq!(stages, ["issued", "assessed"]);
    figures_and_tables(rights).await;
}

async fn figures_and_tables(node: &TestNode) {
    let within = node.cli(&["recommendation", "stats", "--by", "addressee"]).await.done();
    assert_eq!(within["total"], 2);
    let svg = node.home().beside("chart.svg");
    let published = node
        .cli(&["recommendation", "stats", "--by", "addressee", "--publish", "--svg", svg.to_str().unwrap()])
        .await
        .done();
    assert!(published["total"].is_null() && published["rows"][0][1].is_null(), "{published}");
    let chart = std::fs::read_to_string(&svg).unwrap();
    assert!(chart.starts_with("<svg ") && chart.contains("not shown"), "{chart}");

    let table = node.home().beside("all.csv");
    let saved = node.cli(&["recommendation", "export", table.to_str().unwrap()]).await.done();
    assert_eq!(saved["rows"], 2);
    let text = std::fs::read_to_string(&table).unwrap();
    let rows = entente_protocol::csv::parse(&text).unwrap();
    assert_eq!(rows.len(), 3);
    assert!(text.contains("Вести журнал; каждый день") && text.contains("Rights: not implemented"), "{text}");
}

#[tokio::test]
async fn what_a_partner_writes_is_no_formula_in_an_export() {
    let node = TestNode::start_new("Ombudsman", "npm").await;
    keep(
        &node,
        fields("recommendation", json!({ "title": "=cmd|' /C calc'!A0", "text": "@SUM(1)", "place": "+1" })),
    )
    .await;
    let table = node.home().beside("all.csv");
    node.cli(&["recommendation", "export", table.to_str().unwrap(), "--all"]).await.ok();
    let text = std::fs::read_to_string(&table).unwrap();
    let cells = text.trim_start_matches('\u{feff}').split(['\r', '\n', ',']);
    for cell in cells {
        assert!(!cell.trim_start_matches('"').starts_with(['=', '+', '-', '@']), "{text}");
    }
    assert!(text.contains("'=cmd"), "{text}");
}
