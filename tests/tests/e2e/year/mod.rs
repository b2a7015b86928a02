//! A year of one National Preventive Mechanism, three organisations of its country and a network abroad.
//!
//! Read it as a story: it is what Entente is for. Every command is one that staff type, every node a real process, and
//! every preview is held against what the story says. At the end each node's view is checked record by record against
//! who should see what.

mod cast;
mod routine;

use std::collections::BTreeSet;

use cast::Who::{Doctors, Families, Network, Npm, Watch};
use cast::{To, Year};
use entente_protocol::agreement::{Form, templates::template};
use entente_protocol::kinds::KINDS;
use entente_tests::{Home, wait_until};
use serde_json::{Value, json};

const PREVENTION: &str = "Prevention";
const COUNCIL: &str = "Council";
const GROUP: &str = "Visiting group";
const BORDER: &str = "Across the border";

/// What two organisations of different countries agree on: what they publish anyway, and questions.
const BORDER_AGREEMENT: &str = r#"
version = 1
title = "Exchange across the border"
form = "informal"
start = 2026-01-01
roles = ["cso", "network"]

[[flow]]
from = ["cso", "network"]
kinds = ["information-request", "baseline", "advocacy", "material"]
to = "any"

[ceiling]
sensitivity = ["named", "partnership", "public"]
personal_data = "never"
onward = "never"
"#;

fn record(kind: &str, language: &str, sensitivity: &str, fields: Value) -> Value {
    json!({ "kind": kind, "language": language, "sensitivity": sensitivity, "fields": fields })
}

#[tokio::test]
async fn a_year_of_an_npm_three_organisations_and_a_network_abroad() {
    let mut year = Year::begin().await;
    january_they_agree(&mut year).await;
    for month in 1..=6 {
        routine::month(&mut year, month, &[Watch, Families, Doctors]).await;
    }
    february_what_stays_at_home_and_what_is_offered(&mut year).await;
    let recommendations = march_the_npm_recommends(&mut year).await;
    april_others_answer(&mut year, &recommendations).await;
    let motion = may_the_council_moves(&mut year).await;
    june_a_person_takes_a_consent_back(&mut year).await;
    july_they_visit_and_do_not_see_the_same(&mut year).await;
    august_a_member_is_removed(&mut year).await;
    for month in 7..=12 {
        routine::month(&mut year, month, &[Watch, Doctors]).await;
    }
    september_a_report_is_published_without_names(&mut year).await;
    october_an_error_and_a_mistake(&mut year).await;
    november_across_the_border(&mut year).await;
    december_the_council_has_decided(&mut year, &motion).await;
    assert!(year.count() >= 300, "{} records", year.count());
    every_kind_was_used(&year).await;
    year.hold_against_the_book().await;
    nothing_of_a_source_ever_left(&year).await;
}

async fn january_they_agree(year: &mut Year) {
    year.partnership(PREVENTION, template(Form::Formal), &[Npm, Watch, Families, Doctors]).await;
    year.partnership(COUNCIL, template(Form::AdvisoryBody), &[Npm, Watch, Families]).await;
    year.partnership(GROUP, template(Form::WithinNpm), &[Npm, Doctors]).await;
    year.partnership(BORDER, BORDER_AGREEMENT, &[Watch, Network]).await;
    let names = json!({ "names": { "ka": "ციხე № 8", "en": "Prison 8", "ru": "Тюрьма № 8" },
        "category": "prison", "locality": "თბილისი", "capacity": 412 });
    year.tell(Npm, &record("place", "ka", "partnership", names), To::All(PREVENTION)).await;
    // The foreign network is no member: it cannot be sent anything here, even by mistake.
    let plan = record("material", "ka", "partnership", json!({ "title": "Not for abroad" }));
    let id = year.keep(Npm, &plan).await;
    let words = ["record", "share", &id, "--partnership", PREVENTION, "--readers", Network.name(), "--yes"];
    year.node(Npm).cli(&words).await.failed(3, "not-found");
}

/// Watch keeps who told it what, and on which terms, for itself. Others offer what they can.
async fn february_what_stays_at_home_and_what_is_offered(year: &mut Year) {
    let person =
        json!({ "name": "SECRET-SOURCE", "contact": "SECRET-SOURCE, after dark", "pseudonym": "ია" });
    let agreed = json!({ "external-id": "C-8", "person": "ია", "uses": ["authorities"], "method": "spoken" });
    for (kind, fields, code) in [("source", person, "E-OWN"), ("consent", agreed, "E-OWN")] {
        let kept = year.keep(Watch, &record(kind, "ka", "own", fields)).await;
        let words = ["record", "share", &kept, "--partnership", PREVENTION, "--yes"];
        year.node(Watch).cli(&words).await.failed(5, code);
    }
    let fear = json!({ "place": "ციხე № 8", "person": "ია", "alleged-acts": ["moved to another cell"] });
    // Nor does a text leave that names the person.
    let slip = record("material", "ka", "partnership", json!({ "title": "What SECRET-SOURCE told us" }));
    let kept = year.keep(Watch, &slip).await;
    let words = ["record", "share", &kept, "--partnership", PREVENTION, "--yes"];
    year.node(Watch).cli(&words).await.failed(5, "E-SOURCE");
    // The consent is hers, and allows that authorities are told.
    let mut fear = record("reprisal-allegation", "ka", "named", fear);
    fear["handling"] = json!({ "personal_data": true, "consent": "C-8" });
    year.tell(Watch, &fear, To::Only(PREVENTION, &[Npm])).await;
    let course = json!({ "title": "Стамбульский протокол", "from": "2026-05-11", "topics": ["health"] });
    year.tell(Doctors, &record("training", "ru", "partnership", course), To::All(PREVENTION)).await;
    let promise = json!({ "title": "Я сохраню тайну", "text": "Д-р А." });
    year.tell(Doctors, &record("declaration", "ru", "partnership", promise), To::All(PREVENTION)).await;
    let project = json!({ "title": "Health in remand", "objectives": ["two visits"], "until": "2026-12-31" });
    year.tell(Npm, &record("activity", "en", "partnership", project), To::All(GROUP)).await;
}

/// Twenty recommendations come out of the old spreadsheet.
async fn march_the_npm_recommends(year: &mut Year) -> Vec<String> {
    let mut sheet = "№;title;text;themes;addressee;due\r\n".to_owned();
    for n in 1..=20 {
        let due = if n <= 5 { "2026-06-01" } else { "2027-06-01" };
        sheet += &format!(
            "R-{n};რეკომენდაცია {n};\"სამედიცინო ჟურნალი; ყოველდღე\";health-care;ministry;{due}\r\n"
        );
    }
    let file = year.node(Npm).home().beside("recommendations.csv");
    std::fs::write(&file, sheet).unwrap();
    let import = ["recommendation", "import", file.to_str().unwrap(), "--language", "ka"];
    let columns = ["--column", "№=external-id"];
    let tried = year.node(Npm).cli(&[&import[..], &columns, &["--dry-run"]].concat()).await.done();
    assert_eq!(tried["new"], 20, "{tried}");
    let taken =
        year.node(Npm).cli(&[&import[..], &columns, &["--share", PREVENTION, "--yes"]].concat()).await.done();
    let rows = taken["rows"].as_array().unwrap();
    let ids: Vec<String> = rows.iter().map(|row| row["record"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 20);
    for id in &ids {
        year.note(id, Npm, &To::All(PREVENTION));
    }
    ids
}

/// The authority answers, the NPM assesses, and civil society has a view of its own.
async fn april_others_answer(year: &mut Year, recommendations: &[String]) {
    for (n, id) in recommendations.iter().enumerate() {
        if n % 2 == 0 {
            let words = ["recommendation", "reply", id, "--text", "მიღებულია.", "--promised", "2026-09-01"];
            year.say(Npm, &words, To::All(PREVENTION)).await;
            let words = ["recommendation", "assess", id, "--status", "partially implemented"];
            year.say(Npm, &words, To::All(PREVENTION)).await;
        }
        if n % 4 == 0 {
            year.arrived(Families, id).await;
            let words =
                ["recommendation", "shadow", id, "--status", "not implemented", "--evidence", "١٢ أسرة"];
            year.say(Families, &words, To::All(PREVENTION)).await;
        }
        if n % 5 == 0 {
            year.arrived(Doctors, id).await;
            year.say(
                Doctors,
                &["recommendation", "endorse", id, "--text", "Поддерживаем."],
                To::All(PREVENTION),
            )
            .await;
        }
    }
    let first = &recommendations[0];
    let hearing = json!({ "recommendations": [first], "addressee": "parliament", "action": "მოსმენა" });
    year.tell(Watch, &record("advocacy", "ka", "partnership", hearing), To::All(PREVENTION)).await;
    wait_until("the two views stand side by side", async || {
        let seen = year.node(Watch).cli(&["recommendation", "show", first]).await.json;
        seen["stage"] == "assessed" && seen["shadow"][0]["word"] == "not implemented"
    })
    .await;
}

/// A council's paper and its motion; it stays open while the year goes on.
async fn may_the_council_moves(year: &mut Year) -> String {
    let meeting = json!({ "title": "Spring meeting", "agenda": ["Night visits"], "from": "2026-05-04" });
    let meeting = year.tell(Npm, &record("meeting", "en", "partnership", meeting), To::All(COUNCIL)).await;
    year.arrived(Families, &meeting).await;
    let opinion = json!({ "title": "اذهبوا ليلا", "meeting": meeting, "text": "يحدث معظم ذلك في الليل." });
    year.tell(Families, &record("opinion", "ar", "partnership", opinion), To::All(COUNCIL)).await;
    let closes = jiff::Timestamp::now().as_second() + 20;
    let closes = jiff::Timestamp::from_second(closes).unwrap().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let words = ["advice", "move", COUNCIL, "--question", "Visit at night?", "--quorum", "2", "--closes"];
    let motion = year.say(Watch, &[&words[..], &[&closes]].concat(), To::All(COUNCIL)).await;
    year.say(Watch, &["advice", "vote", &motion, "for"], To::All(COUNCIL)).await;
    year.arrived(Families, &motion).await;
    year.say(Families, &["advice", "vote", &motion, "for"], To::All(COUNCIL)).await;
    motion
}

/// A mother allowed her account to be passed on, and then no longer.
async fn june_a_person_takes_a_consent_back(year: &mut Year) {
    let mut account = record("material", "ka", "partnership", json!({ "title": "დედის მონათხრობი" }));
    account["handling"] = json!({ "onward": "ask", "consent": "C-7" });
    let account = year.tell(Watch, &account, To::All(PREVENTION)).await;
    year.arrived(Doctors, &account).await;
    let export = async |year: &Year, name: &str| {
        let file = year.node(Doctors).home().beside(name);
        year.node(Doctors).cli(&["record", "export", &account, file.to_str().unwrap()]).await
    };
    export(year, "unasked").await.failed(5, "E-ONWARD");
    year.node(Doctors).cli(&["record", "ask", &account, "--for", "отчёт"]).await.ok();
    wait_until("the question arrives", async || {
        year.node(Watch).cli(&["record", "show", &account]).await.stdout.contains("отчёт")
    })
    .await;
    year.node(Watch)
        .cli(&["record", "grant", &account, Doctors.name(), "--words", "without names"])
        .await
        .ok();
    wait_until("it may be passed on", async || export(year, "granted").await.code == 0).await;
    year.node(Watch).cli(&["record", "end-consent", "C-7"]).await.ok();
    wait_until("it may not any more", async || export(year, "too-late").await.stdout.contains("E-CONSENT"))
        .await;
}

/// Physicians go along, see the same, and call it by another name; the report must carry their words.
async fn july_they_visit_and_do_not_see_the_same(year: &mut Year) {
    let person = json!({ "name": "Д-р А.", "expertise": ["medicine"], "declaration-until": "2031-01-01",
        "training-until": "2031-01-01" });
    let person = year.tell(Doctors, &record("expert", "ru", "partnership", person), To::All(GROUP)).await;
    year.arrived(Npm, &person).await;
    let visit = json!({ "title": "ციხე № 8", "place": "ციხე № 8", "from": "2026-07-06", "until": "2026-07-08",
        "team": [person] });
    let visit = year.tell(Npm, &record("visit", "ka", "named", visit), To::Only(GROUP, &[Doctors])).await;
    year.arrived(Doctors, &visit).await;
    let notes = json!({ "visit": visit, "observations": ["В камере 14 человек на 8 мест."] });
    let notes = year.tell(Doctors, &record("notes", "ru", "named", notes), To::Only(GROUP, &[Npm])).await;
    let own = json!({ "visit": visit, "text": "Осмотры при охране." });
    year.tell(Doctors, &record("contribution", "ru", "named", own), To::Only(GROUP, &[Npm])).await;
    let view = json!({ "visit": visit, "text": "Мы называем это жестоким обращением." });
    let view = year.tell(Doctors, &record("divergent-view", "ru", "partnership", view), To::All(GROUP)).await;
    year.arrived(Npm, &view).await;
    year.arrived(Npm, &notes).await;
    let report = json!({ "title": "ვიზიტის ანგარიში", "visit": visit, "summary": "გადატვირთულია.",
        "findings": ["14 persons in a cell for 8"] });
    let report = year.tell(Npm, &record("visit-report", "ka", "partnership", report), To::All(GROUP)).await;
    let seen = year.arrived(Doctors, &report).await;
    assert!(seen.to_string().contains("Мы называем это жестоким обращением."), "{seen}");
}

/// The committee published a name. It keeps what it had, and gets nothing more.
async fn august_a_member_is_removed(year: &mut Year) {
    let before = json!({ "title": "ივლისის მიმოხილვა", "summary": "Before the removal" });
    let before =
        year.tell(Npm, &record("visit-report", "ka", "partnership", before), To::All(PREVENTION)).await;
    year.arrived(Families, &before).await;
    year.remove(Npm, PREVENTION, Families, "it published the name of a detainee").await;
    let after = json!({ "title": "აგვისტოს მიმოხილვა", "summary": "After the removal" });
    year.tell(Npm, &record("visit-report", "ka", "partnership", after), To::All(PREVENTION)).await;
    let late = record("submission", "ar", "named", json!({ "title": "بعد" }));
    let id = year.keep(Families, &late).await;
    let words = ["record", "share", &id, "--partnership", PREVENTION, "--readers", Npm.name(), "--yes"];
    wait_until("the committee has heard of it", async || year.node(Families).cli(&words).await.code == 5)
        .await;
}

/// The public copy names nobody, says that something is missing, and anybody can check it.
async fn september_a_report_is_published_without_names(year: &mut Year) {
    let report = json!({ "title": "ციხე № 8", "summary": "Two cells were closed.", "process": "SECRET-NAME let us in.",
        "findings": ["SECRET-FINDING"] });
    let report =
        year.tell(Npm, &record("visit-report", "ka", "partnership", report), To::All(PREVENTION)).await;
    let file = year.node(Npm).home().beside("public.entente");
    let path = file.to_str().unwrap();
    let replaced = "findings=Conditions were poor.";
    let words = ["record", "redact", &report, "--fields", "process", "--replace", replaced, "--output", path];
    year.node(Npm).cli(&words).await.ok();
    let bytes = std::fs::read(&file).unwrap();
    assert!(!bytes.windows(6).any(|w| w == b"SECRET"), "what was left out is in the copy");
    let reader = Home::empty("Anybody");
    let told = reader.cli(&["record", "verify", path]).await.done();
    assert_eq!(told["redacted_by"]["name"], json!(Npm.name()), "{told}");
}

/// One record is corrected; another names a person, is taken back, and its readers confirm that it is gone.
async fn october_an_error_and_a_mistake(year: &mut Year) {
    let wrong = json!({ "title": "Памятка", "text": "Три шагаа" });
    let wrong =
        year.tell(Doctors, &record("material", "ru", "partnership", wrong), To::All(PREVENTION)).await;
    let right = record("material", "ru", "partnership", json!({ "title": "Памятка", "text": "Три шага" }));
    let file = year.node(Doctors).home().beside("right.json");
    std::fs::write(&file, right.to_string()).unwrap();
    let made = year.node(Doctors).cli(&["record", "correct", &wrong, file.to_str().unwrap()]).await.done();
    let words = ["record", "share", made["record"].as_str().unwrap(), "--partnership", PREVENTION];
    let right = year.say(Doctors, &words, To::All(PREVENTION)).await;
    year.arrived(Watch, &right).await;
    let versions = year.node(Watch).cli(&["record", "versions", &wrong]).await.done();
    assert_eq!(versions["versions"][1]["changes"][0]["now"], "Три шага", "{versions}");

    let named = json!({ "title": "A person is named here", "alleged-acts": ["…"] });
    let named =
        year.tell(Watch, &record("submission", "en", "named", named), To::Only(PREVENTION, &[Npm])).await;
    year.arrived(Npm, &named).await;
    year.node(Watch)
        .cli(&["record", "withdraw", &named, "--reason", "it named a person", "--yes"])
        .await
        .ok();
    year.strike(&named);
    wait_until("the NPM confirms that it is gone", async || {
        let told = year.node(Watch).cli(&["record", "receipts", &named]).await.json;
        told["readers"][0]["confirmed"].is_number() || told["readers"][0]["confirmed"].is_string()
    })
    .await;
}

/// A question from abroad is answered, and nothing of the partnership at home goes with the answer.
async fn november_across_the_border(year: &mut Year) {
    let question = json!({ "question": "Քանի՞ մարդ է արտահանձնվել այս տարի", "due": "2027-01-31" });
    let question = record("information-request", "hy", "partnership", question);
    let question = year.tell(Network, &question, To::All(BORDER)).await;
    year.arrived(Watch, &question).await;
    let mut answer =
        record("baseline", "en", "partnership", json!({ "title": "Handed over", "facts": ["31"] }));
    answer["replies_to"] = json!(question);
    let answer = year.tell(Watch, &answer, To::All(BORDER)).await;
    let seen = year.arrived(Network, &answer).await.to_string();
    assert!(!seen.contains(Npm.name()) && !seen.contains(PREVENTION), "{seen}");
    let known = year.node(Network).cli(&["status"]).await.stdout;
    assert!(!known.contains(Npm.name()) && !known.contains(Families.name()), "{known}");
}

/// The motion is closed, the NPM answers the council, and reports to everybody.
async fn december_the_council_has_decided(year: &mut Year, motion: &str) {
    wait_until("the motion is decided", async || {
        let body = year.node(Npm).cli(&["advice", "show", COUNCIL]).await.json;
        let motions = body["motions"].as_array().cloned().unwrap_or_default();
        motions.iter().any(|m| m["id"] == motion && m["stage"] == "decided")
    })
    .await;
    let words = ["advice", "respond", motion, "--text", "From March on."];
    year.say(Npm, &words, To::All(COUNCIL)).await;
    let mut report = record("annual-report", "ka", "public", json!({ "title": "2026 წლის ანგარიში" }));
    // What is public may be passed on by all, unless it says less; and this agreement goes no further than asking.
    report["handling"] = json!({ "onward": "ask" });
    year.tell(Npm, &report, To::All(PREVENTION)).await;
    for who in cast::ALL {
        year.node(who).cli(&["audit", "verify"]).await.ok();
    }
}

async fn every_kind_was_used(year: &Year) {
    let mut used = BTreeSet::new();
    for who in cast::ALL {
        used.extend(year.node(who).records().await.into_iter().map(|r| r.kind.as_str().to_owned()));
    }
    let unused: Vec<_> = KINDS.iter().map(|k| k.name).filter(|k| !used.contains(*k)).collect();
    assert_eq!(unused, [""; 0]);
}

/// Every submission had a source. No other node holds it, whatever is asked.
async fn nothing_of_a_source_ever_left(year: &Year) {
    for who in cast::ALL {
        for summary in year.node(who).records().await {
            let Ok(shown) = year.node(who).record(summary.id).await else { continue };
            let ours = summary.author.name == who.name();
            assert!(
                ours || !format!("{shown:?}").contains("SECRET-SOURCE"),
                "{} holds a source in {}",
                who.name(),
                summary.id
            );
        }
    }
}
