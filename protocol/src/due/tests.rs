use super::*;
use crate::value::Value;

const DAY: u64 = Timestamp::DAY;
/// 2026-01-01.
const NEW_YEAR: u64 = 1_767_225_600_000;

fn org(n: u8) -> OrgId {
    OrgId([n; 32])
}

fn day(n: u64) -> Timestamp {
    Timestamp(NEW_YEAR + n * DAY)
}

fn agreement(more: &str) -> Agreement {
    let text = format!(
        "version = 1\ntitle = \"T\"\nform = \"within-npm\"\nstart = 2026-01-01\nroles = [\"npm\", \"cso\"]\n\
         [[flow]]\nfrom = [\"npm\", \"cso\"]\nkinds = [\"visit\", \"contribution\", \"baseline\"]\nto = \"any\"\n\
         [ceiling]\nsensitivity = [\"named\", \"partnership\"]\npersonal_data = \"never\"\nonward = \"never\"\n{more}"
    );
    Agreement::parse(&text).unwrap()
}

fn members() -> Vec<Member> {
    let member = |n, role: &str| Member { org: org(n), role: role.parse().unwrap(), since: day(0) };
    vec![member(1, "npm"), member(2, "cso"), member(3, "cso")]
}

fn said(n: u8, kind: &str, author: u8, when: u64, fields: &[(&str, &str)]) -> Statement {
    Statement {
        id: RecordId([n; 32]),
        kind: kind.parse().unwrap(),
        author: org(author),
        created: day(when),
        fields: fields.iter().map(|(k, v)| ((*k).to_owned(), Value::Text((*v).to_owned()))).collect(),
        replies_to: None,
        supersedes: None,
        embargo_until: None,
        draft: false,
    }
}

fn of(
    statement: &Statement,
    about: &[&Statement],
    agreement: &Agreement,
    readers: &[u8],
    now: u64,
) -> Vec<(What, Option<OrgId>, bool)> {
    let readers: Vec<OrgId> = readers.iter().map(|n| org(*n)).collect();
    let sent = Sent { statement, readers: &readers, title: "T" };
    let all = of_record(sent, about, (agreement, &members()), Vocabularies::shipped(), day(now));
    all.into_iter().map(|due| (due.what, due.by, due.overdue)).collect()
}

#[test]
fn a_question_is_owed_an_answer_by_each_named_reader_and_overdue_when_its_day_is_over() {
    let asked = said(1, "information-request", 1, 0, &[("question", "?"), ("due", "2026-01-10")]);
    let plain = agreement("");
    assert_eq!(of(&asked, &[], &plain, &[2], 9), [(What::Answer, Some(org(2)), false)]);
    assert_eq!(of(&asked, &[], &plain, &[2], 10), [(What::Answer, Some(org(2)), true)]);
    let mut answer = said(2, "baseline", 2, 5, &[]);
    answer.replies_to = Some(asked.id);
    assert_eq!(of(&asked, &[&answer], &plain, &[2], 10), []);
    let other = Statement { author: org(3), ..answer.clone() };
    assert_eq!(of(&asked, &[&other], &plain, &[2], 10).len(), 1, "somebody else's answer is not its own");
    assert_eq!(of(&asked, &[], &plain, &[2, 3], 10).len(), 2);
    assert_eq!(of(&asked, &[&answer], &plain, &[2, 3], 10), [], "a question to all is answered by one");
}

#[test]
fn a_reply_that_is_late_and_a_promise_that_is_past_are_overdue() {
    let mut asked = said(1, "recommendation", 1, 0, &[("title", "R"), ("due", "2026-01-10")]);
    let plain = agreement("");
    assert_eq!(of(&asked, &[], &plain, &[2], 10), [(What::Reply, None, true)]);
    let reply = said(
        2,
        "authority-reply",
        1,
        9,
        &[("recommendation", &asked.id.to_string()), ("promised", "2026-02-01")],
    );
    assert_eq!(of(&asked, &[&reply], &plain, &[2], 10), []);
    assert_eq!(of(&asked, &[&reply], &plain, &[2], 40), [(What::Promise, None, true)]);
    asked.draft = false;
}

#[test]
fn contributions_are_owed_after_a_visit_where_the_agreement_says_so() {
    let visit = said(1, "visit", 1, 0, &[("from", "2026-01-09"), ("until", "2026-01-10")]);
    let clause = agreement("[visits]\ncontribution_days = 15\n");
    let both = [(What::Contribution, Some(org(2)), false), (What::Contribution, Some(org(3)), false)];
    assert_eq!(of(&visit, &[], &clause, &[2, 3], 10), both);
    let sent = said(2, "contribution", 2, 12, &[("visit", &visit.id.to_string())]);
    assert_eq!(of(&visit, &[&sent], &clause, &[2, 3], 25), [(What::Contribution, Some(org(3)), true)]);
    assert_eq!(of(&visit, &[], &agreement(""), &[2, 3], 25), []);
}

#[test]
fn a_regular_exchange_is_due_again_after_each_period_and_overdue_if_nothing_came() {
    let clause = agreement(
        "[[exchange]]\nwhat = \"Quarterly\"\nfrom = [\"cso\"]\nkinds = [\"baseline\"]\nevery_days = 90\nfirst = 2026-03-31\n",
    );
    let ask = |sent: &[(u8, u64)], now: u64| -> Vec<(OrgId, u64, bool)> {
        let sent: Vec<(OrgId, &str, Timestamp)> =
            sent.iter().map(|(n, when)| (org(*n), "baseline", day(*when))).collect();
        let all = of_agreement(&clause, &members(), sent.iter().copied(), day(now));
        all.into_iter().map(|due| (due.by.unwrap(), (due.due.0 - NEW_YEAR) / DAY, due.overdue)).collect()
    };
    // 2026-03-31 is day 89; it is over at day 90.
    assert_eq!(ask(&[], 50), [(org(2), 90, false), (org(3), 90, false)]);
    assert_eq!(ask(&[(2, 40)], 95), [(org(2), 180, false), (org(3), 90, true)]);
    assert_eq!(ask(&[(2, 40), (2, 100), (3, 95)], 185), [(org(2), 270, false), (org(3), 270, false)]);
    assert_eq!(ask(&[(2, 40)], 185)[0], (org(2), 180, true));
    let late = |first: &str| {
        let clause = agreement(&format!(
            "[[exchange]]\nwhat = \"Q\"\nfrom = [\"cso\"]\nkinds = [\"baseline\"]\nevery_days = 10\n{first}"
        ));
        let members = [Member { since: day(25), ..members()[1].clone() }];
        let all = of_agreement(&clause, &members, std::iter::empty(), day(26));
        ((all[0].due.0 - NEW_YEAR) / DAY, all[0].overdue)
    };
    assert_eq!(late(""), (30, false), "the next date after it came");
    assert_eq!(late("first = 2026-01-10\n"), (20, true), "the last before it came, which it signed");
    let other = [(org(2), "submission", day(40))];
    let all = of_agreement(&clause, &members(), other.into_iter(), day(95));
    assert!(all.iter().all(|due| due.overdue), "another kind of record does not count");
}

#[test]
fn members_still_to_speak_owe_a_position_until_the_motion_closes() {
    let mut motion = said(1, "motion", 1, 0, &[("question", "?"), ("closes", "2026-01-10")]);
    motion.fields.push(("quorum".into(), Value::Int(2)));
    let position = said(2, "position", 2, 1, &[("motion", &motion.id.to_string()), ("position", "for")]);
    let plain = agreement("");
    let owed = of(&motion, &[&position], &plain, &[2, 3], 5);
    assert_eq!(owed, [(What::Position, Some(org(3)), false), (What::Position, Some(org(1)), false)]);
    assert_eq!(of(&motion, &[&position], &plain, &[2, 3], 10), []);
}
