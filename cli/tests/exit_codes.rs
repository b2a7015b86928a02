//! What the program asks the node, and how it ends: run as a process, against a node that is not there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod mock;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use mock::*;
use serde_json::json;

#[test]
fn without_a_node_the_next_command_is_said() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("vault"), "x").unwrap();
    let ran = run(folder.path(), &["--json", "status"], "");
    assert_eq!(ran.code, 1);
    assert_eq!(ran.json()["error"]["code"], "no-node");
    let next = format!("entente --home {} run", folder.path().display());
    assert_eq!(ran.json()["error"]["next"], next);
    assert!(ran.stderr.contains(&next), "{}", ran.stderr);
}

#[test]
fn a_socket_that_nobody_listens_on_is_no_node() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("vault"), "what says that a node was made here").unwrap();
    drop(std::os::unix::net::UnixListener::bind(folder.path().join("node.sock")).unwrap());
    let ran = run(folder.path(), &["--json", "record", "list"], "");
    assert_eq!((ran.code, &ran.json()["error"]["code"]), (1, &json!("no-node")));
}

#[test]
fn a_folder_without_a_node_is_not_found() {
    let folder = tempfile::tempdir().unwrap();
    for home in [folder.path(), Path::new("/nonexistent/entente")] {
        for command in [&["status"][..], &["doctor"], &["run"]] {
            let ran = run(home, &[&["--json"], command].concat(), "");
            assert_eq!(
                (ran.code, &ran.json()["error"]["code"]),
                (3, &json!("not-initialised")),
                "{command:?}"
            );
            assert!(ran.json()["error"]["next"].as_str().unwrap().contains("init"));
        }
    }
}

#[test]
fn the_nodes_problems_keep_their_exit_code() {
    for (status, exit) in [(500, 1), (400, 2), (404, 3), (423, 4), (403, 5), (409, 6), (503, 7)] {
        let mock = Mock::new(move |_| refuse(status, "the-code", exit));
        let ran = mock.run(&["--json", "record", "list"]);
        assert_eq!(ran.code, i32::from(exit));
        assert_eq!(
            ran.json()["error"],
            json!({ "code": "the-code", "what": "it happened", "not_done": "it was not done",
                "next": "entente next", "exit": exit })
        );
        assert!(ran.stderr.contains("it happened") && ran.stderr.contains("entente next"));
    }
}

#[test]
fn an_answer_that_is_no_answer_is_a_failure() {
    let broken: [fn(&Seen) -> Answer; 3] =
        [|_| octets("<html>"), |_| ok(json!({ "records": 3 })), |_| ok(json!("words"))];
    for answer in broken {
        let ran = Mock::new(answer).run(&["--json", "record", "list"]);
        assert_eq!((ran.code, &ran.json()["error"]["code"]), (1, &json!("bad-answer")));
    }
}

#[test]
fn usage_errors_are_json_too() {
    let ran = run(Path::new("/nonexistent"), &["--json", "record", "share", "x"], "");
    assert_eq!((ran.code, &ran.json()["error"]["code"]), (2, &json!("usage")));
    let ran = run(Path::new("/nonexistent"), &["record", "share", "x"], "");
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("--partnership"));
}

#[test]
fn the_token_is_sent_and_never_shown() {
    let mock = Mock::new(everything("fine"));
    let ran = mock.run(&["status"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(mock.seen()[0].authorization, format!("Bearer {TOKEN}"));
    assert!(!ran.stdout.contains(TOKEN) && !ran.stderr.contains(TOKEN));
}

#[test]
fn a_deep_folder_is_reached_all_the_same() {
    let mock = Mock::deep(everything("fine"));
    assert!(mock.home().join("node.sock").as_os_str().len() > 107);
    let ran = mock.run(&["--json", "status"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[test]
fn a_locked_node_says_so() {
    let mock = Mock::new(|seen| match seen.line.as_str() {
        "GET /v1/status" => ok(json!({ "version": 1, "locked": true, "home": "/h" })),
        _ => refuse(423, "locked", 4),
    });
    let ran = mock.run(&["--json", "status"]);
    assert_eq!((ran.code, &ran.json()["locked"]), (0, &json!(true)));
    assert!(mock.run(&["status"]).stdout.contains("locked"));
    assert_eq!(mock.run(&["record", "list"]).code, 4);
}

#[test]
fn sharing_without_a_terminal_needs_a_yes() {
    let mock = Mock::new(everything("fine"));
    let ran = mock.run(&["--json", "record", "share", "x", "--partnership", "P"]);
    assert_eq!((ran.code, &ran.json()["error"]["code"]), (2, &json!("usage")));
    assert!(ran.stderr.contains("--yes --expect-readers"));
    assert_eq!(mock.lines(), Vec::<String>::new(), "nothing was asked of the node");
}

#[test]
fn sharing_passes_readers_and_their_number_to_the_node() {
    let mock = Mock::new(everything("fine"));
    let ran = mock.run(&[
        "--json",
        "record",
        "share",
        "rec ord",
        "--partnership",
        "P",
        "--readers",
        "A,B",
        "--reader",
        "C, D",
        "--yes",
        "--expect-readers",
        "3",
    ]);
    assert_eq!((ran.code, &ran.json()["record"]), (0, &json!(id('s'))));
    assert_eq!(ran.json()["readers"], json!([id('b')]));
    let seen = mock.seen();
    assert_eq!(seen[0].line, "POST /v1/records/rec%20ord/share");
    assert_eq!(
        seen[0].json(),
        json!({ "partnership": "P", "readers": ["A", "B", "C, D"], "expect_readers": 3 })
    );
}

#[test]
fn an_empty_list_of_readers_is_not_everybody() {
    let mock = Mock::new(everything("fine"));
    mock.run(&["record", "share", "r", "--partnership", "P", "--readers", "", "--yes"]);
    assert_eq!(mock.seen()[0].json()["readers"], json!([]));
}

#[test]
fn sharing_while_everybody_is_offline_is_queued() {
    let mock = Mock::new(|_| ok(shared("Rights", 0)));
    let ran = mock.run(&["--json", "record", "share", "r", "--partnership", "P", "--yes"]);
    assert_eq!((ran.code, &ran.json()["queued"]), (7, &json!(true)));
    let mock = Mock::new(|seen| match seen.line.as_str() {
        "POST /v1/sync/now" => octets(""),
        _ => ok(sync("Rights", false)),
    });
    assert_eq!(mock.run(&["sync", "now"]).code, 7);
}

#[test]
fn a_preview_answers_with_its_refusals() {
    let mock = Mock::new(everything("fine"));
    let ran = mock.run(&["--json", "record", "preview", "r", "--partnership", "P"]);
    assert_eq!((ran.code, &ran.json()["refusals"][0]["code"]), (0, &json!("E-FLOW")));
}

#[test]
fn the_doctors_findings_are_exit_6() {
    let mock = Mock::new(everything("fine"));
    let ran = mock.run(&["--json", "doctor"]);
    assert_eq!((ran.code, &ran.json()["findings"]), (6, &json!(1)));
    let mock = Mock::new(|_| ok(json!([{ "name": "disk", "ok": true, "seen": "free", "next": "" }])));
    assert_eq!(mock.run(&["doctor"]).code, 0);
}

#[test]
fn a_draft_takes_its_files_along() {
    let mock = Mock::new(everything("fine"));
    let big = vec![7_u8; 300_000];
    mock.file("scan.pdf", &big);
    let draft = mock.file(
        "draft.json",
        json!({ "kind": "baseline", "fields": { "b": 1, "a": "x" }, "attachments": ["scan.pdf"] })
            .to_string(),
    );
    let ran = mock.run(&["--json", "record", "new", &draft]);
    assert_eq!((ran.code, &ran.json()["record"]), (0, &json!(id('r'))), "{}", ran.stderr);
    let seen = mock.seen();
    assert_eq!(seen[0].line, "POST /v1/attachments?name=scan.pdf&type=application%2Fpdf");
    assert_eq!(seen[0].body, big);
    assert_eq!(seen[1].line, "POST /v1/records");
    assert_eq!(seen[1].json()["attachments"], json!([id('f')]));
}

#[test]
fn nothing_is_sent_of_a_draft_that_cannot_be_complete() {
    let mock = Mock::new(everything("fine"));
    mock.file("here.txt", "x");
    let draft = json!({ "kind": "baseline", "fields": {}, "attachments": ["here.txt", "missing.pdf"] });
    let file = mock.file("draft.json", draft.to_string());
    assert_eq!(mock.run(&["record", "new", &file]).code, 3);
    assert_eq!(mock.run(&["record", "new", "/nonexistent/draft.json"]).code, 3);
    let ran = run(mock.home(), &["--json", "record", "new", "-"], r#"{"kind":"baseline","feilds":{}}"#);
    assert_eq!((ran.code, &ran.json()["error"]["code"]), (1, &json!("bad-draft")));
    assert!(ran.stderr.contains("feilds"));
    assert_eq!(mock.lines(), Vec::<String>::new());
    let ran = run(mock.home(), &["record", "new", "-"], r#"{"kind":"baseline","fields":{}}"#);
    assert_eq!(ran.code, 0);
}

#[test]
fn an_import_is_checked_whole_and_sent_in_slices() {
    let mock = Mock::new(everything("fine"));
    let line = |n: usize| json!({ "kind": "baseline", "fields": { "n": n } }).to_string() + "\n";
    let file = mock.file("drafts.ndjson", (0..2500).map(line).collect::<String>());
    let dry = mock.run(&["--json", "record", "import", &file, "--dry-run"]);
    assert_eq!((dry.code, &dry.json()["drafts"]), (0, &json!(2500)));
    assert_eq!(dry.json()["kinds"]["baseline"], 2500);
    assert_eq!(mock.lines(), Vec::<String>::new());
    let ran = mock.run(&["--json", "record", "import", &file]);
    assert_eq!(ran.json()["records"].as_array().unwrap().len(), 2500);
    let seen = mock.seen();
    let sizes: Vec<usize> = seen.iter().map(|s| s.json().as_array().unwrap().len()).collect();
    assert_eq!(sizes, [1000, 1000, 500]);
    assert_eq!(seen[2].json()[499]["fields"]["n"], 2499, "in order");
    let skipped = mock.run(&["--json", "record", "import", &file, "--skip", "2499"]);
    assert_eq!(skipped.json()["records"].as_array().unwrap().len(), 1);
}

#[test]
fn large_drafts_make_small_slices() {
    let mock = Mock::new(everything("fine"));
    let draft = json!({ "kind": "baseline", "fields": { "text": "x".repeat(200_000) } });
    let file = mock.file("drafts.json", json!(vec![draft; 20]).to_string());
    assert_eq!(mock.run(&["record", "import", &file]).code, 0);
    let seen = mock.seen();
    assert!(seen.iter().all(|s| s.body.len() < 2 * 1024 * 1024));
    assert_eq!(seen.iter().map(|s| s.json().as_array().unwrap().len()).sum::<usize>(), 20);
}

#[test]
fn one_wrong_draft_stops_the_import_before_it_begins() {
    let mock = Mock::new(everything("fine"));
    let file =
        mock.file("d.ndjson", "{\"kind\":\"baseline\",\"fields\":{}}\n{\"kind\":\"\",\"fields\":{}}\n");
    let ran = mock.run(&["--json", "record", "import", &file]);
    assert_eq!((ran.code, &ran.json()["error"]["code"]), (1, &json!("bad-draft")));
    assert_eq!(mock.lines(), Vec::<String>::new());
    let dry = mock.run(&["--json", "record", "import", &file, "--dry-run"]);
    assert_eq!((dry.code, &dry.json()["wrong"][0]["draft"]), (6, &json!(2)));
}

#[test]
fn an_interrupted_import_says_what_was_kept() {
    let calls = std::sync::atomic::AtomicUsize::new(0);
    let mock = Mock::new(move |seen| {
        if calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 1 {
            return refuse(500, "disk-full", 1);
        }
        ok(json!({ "records": vec![id('r'); seen.json().as_array().unwrap().len()] }))
    });
    let file = mock.file("d.ndjson", "{\"kind\":\"baseline\",\"fields\":{}}\n".repeat(1500));
    let ran = mock.run(&["--json", "record", "import", &file]);
    assert_eq!((ran.code, &ran.json()["error"]["code"]), (1, &json!("disk-full")));
    assert!(ran.json()["error"]["next"].as_str().unwrap().contains("--skip 1000"));
}

#[test]
fn saved_files_are_private_and_replace_nothing() {
    let mock = Mock::new(everything("fine"));
    let target = mock.folder().join("report.pdf");
    let to = target.to_str().unwrap();
    assert_eq!(mock.run(&["attachment", "get", &id('r'), "0", to]).code, 0);
    assert_eq!(std::fs::read(&target).unwrap(), b"octets of the file");
    assert_eq!(std::fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(mock.run(&["attachment", "get", &id('r'), "0", to]).code, 2);
    let copy = mock.folder().join("copy.entente");
    assert_eq!(mock.run(&["record", "export", &id('r'), copy.to_str().unwrap()]).code, 0);
    assert_eq!(std::fs::read(&copy).unwrap(), b"hello");
}

#[test]
fn a_failed_download_leaves_no_file_behind() {
    let mock = Mock::new(|_| refuse(404, "not-found", 3));
    let target = mock.folder().join("report.pdf");
    assert_eq!(mock.run(&["attachment", "get", "r", "0", target.to_str().unwrap()]).code, 3);
    assert!(!target.exists());
}

#[test]
fn joining_accepts_exactly_the_agreement_that_was_looked_at() {
    let mock = Mock::new(everything("fine"));
    assert_eq!(mock.run(&["partnership", "join", "entente1abc"]).code, 2);
    assert_eq!(mock.lines(), Vec::<String>::new());
    let file = mock.file("invitation.txt", "entente1fromfile\n");
    for (given, sent, stdin) in [
        ("entente1abc", "entente1abc", ""),
        (file.as_str(), "entente1fromfile", ""),
        ("-", "entente1x", "entente1x\n"),
    ] {
        let ran = run(mock.home(), &["--json", "partnership", "join", given, "--yes"], stdin);
        assert_eq!((ran.code, &ran.json()["state"]), (0, &json!("awaiting-approval")), "{}", ran.stderr);
        let seen = mock.seen();
        let body = json!({ "invitation": sent, "agreement": id('h'), "person": null });
        assert_eq!(seen.last().unwrap().json(), body);
    }
}

#[test]
fn a_script_that_names_partnership_and_organisation_is_taken_at_its_word() {
    let mock = Mock::new(everything("fine"));
    for (arguments, line, body) in [
        (
            &["approve", "P", "A B"][..],
            "POST /v1/partnerships/P/approve",
            json!({ "organisation": "A B", "reason": null }),
        ),
        (
            &["remove", "P", "A", "--reason", "ended"],
            "POST /v1/partnerships/P/remove",
            json!({ "organisation": "A", "reason": "ended" }),
        ),
        (&["leave", "P"], "POST /v1/partnerships/P/leave", json!({})),
    ] {
        let ran = mock.run(&[&["--json", "partnership"], arguments].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.json();
        let seen = mock.seen();
        assert_eq!((seen.last().unwrap().line.as_str(), seen.last().unwrap().json()), (line, body));
    }
}

#[test]
fn filters_become_a_query() {
    let mock = Mock::new(everything("fine"));
    mock.run(&[
        "record",
        "list",
        "--partnership",
        "P & Q",
        "--kind",
        "visit",
        "--since",
        "2026-11-23T14:05:00Z",
    ]);
    assert_eq!(
        mock.lines()[0],
        "GET /v1/records?kind=visit&limit=50&partnership=P%20%26%20Q&since=1795442700000"
    );
    mock.run(&["record", "search", "two", "words", "--from", "A"]);
    assert_eq!(mock.seen()[1].json(), json!({ "text": "two words", "from": "A", "limit": 50 }));
}

#[test]
fn passphrases_come_from_a_file_or_a_descriptor() {
    let mock = Mock::new(everything("fine"));
    let ran = run(mock.home(), &["unlock", "--passphrase-fd", "0"], "correct horse\n");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(mock.seen()[0].json(), json!({ "passphrase": "correct horse" }));
    let file = mock.file("passphrase", "battery staple\n");
    let shell = "exec \"$0\" --home \"$1\" unlock --passphrase-fd 3 3<\"$2\"";
    let status = std::process::Command::new("sh")
        .args(["-c", shell, env!("CARGO_BIN_EXE_entente"), mock.home().to_str().unwrap(), &file])
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(mock.seen()[1].json(), json!({ "passphrase": "battery staple" }));
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_entente"))
        .args(["--home", mock.home().to_str().unwrap(), "unlock"])
        .env("ENTENTE_PASSPHRASE_FILE", &file)
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(mock.seen()[2].json(), json!({ "passphrase": "battery staple" }));
    let ran = run(mock.home(), &["unlock"], "correct horse\n");
    assert_eq!(ran.code, 2, "it is never read from stdin unasked");
    assert!(ran.stderr.contains("ENTENTE_PASSPHRASE_FILE"));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_entente"))
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_full_disk_is_a_failure() {
    use std::process::{Command, Stdio};
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_entente"))
        .args(["completions", "bash"])
        .stdout(Stdio::from(full))
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(1));
}
