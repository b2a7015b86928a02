use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::vocabulary::Vocabularies;

const DAY: u64 = Timestamp::DAY;
/// 2026-01-01.
const NEW_YEAR: u64 = 1_767_225_600_000;

fn org(n: u8) -> OrgId {
    OrgId([n; 32])
}

fn id(n: u8) -> RecordId {
    RecordId([n; 32])
}

fn day(n: u64) -> Timestamp {
    Timestamp(NEW_YEAR + n * DAY)
}

/// A statement of organisation `author`, written `when` days into 2026.
fn said(n: u8, kind: &str, author: u8, when: u64, fields: serde_json::Value) -> Statement {
    let table = fields.as_object().unwrap().clone();
    Statement {
        id: id(n),
        kind: kind.parse().unwrap(),
        author: org(author),
        created: day(when),
        fields: table.into_iter().map(|(k, v)| (k, Value::from_json(&v).unwrap())).collect(),
        replies_to: None,
        supersedes: None,
        embargo_until: None,
        draft: false,
    }
}

fn refs(statements: &[Statement]) -> Vec<&Statement> {
    statements.iter().collect()
}

macro_rules! f {
    ($($json:tt)*) => { serde_json::json!({ $($json)* }) };
}

const NPM: u8 = 100;
const CSO: u8 = 101;

mod a_recommendation {
    use super::recommendation::{Progress, Stage, progress};
    use super::*;

    fn issued() -> Statement {
        said(1, "recommendation", NPM, 0, f!("title": "T", "due": "2026-03-01"))
    }

    fn about(n: u8, kind: &str, author: u8, when: u64, mut fields: serde_json::Value) -> Statement {
        fields["recommendation"] = id(1).to_string().into();
        said(n, kind, author, when, fields)
    }

    fn at(now: u64, statements: &[Statement]) -> Progress {
        progress(&issued(), &refs(statements), Vocabularies::shipped(), day(now))
    }

    #[test]
    fn is_a_draft_until_it_is_shared_and_overdue_once_its_day_is_over() {
        let draft = Statement { draft: true, ..issued() };
        let now = progress(&draft, &[], Vocabularies::shipped(), day(500));
        assert_eq!(now.stage, Stage::Draft);
        assert_eq!(at(10, &[]).stage, Stage::Issued);
        // 2026-03-01 is day 59; it is over when day 60 begins.
        assert_eq!(at(59, &[]).stage, Stage::Issued);
        assert_eq!(at(60, &[]).stage, Stage::Overdue);
        assert!(at(60, &[]).reply_overdue);
    }

    #[test]
    fn is_replied_to_then_assessed_any_number_of_times_then_closed() {
        let reply =
            about(2, "authority-reply", NPM, 61, f!("position": "accepted", "promised": "2026-06-01"));
        assert_eq!(at(60, std::slice::from_ref(&reply)).stage, Stage::Replied);
        let first = about(3, "status-assessment", NPM, 70, f!("status": "promised"));
        let second = about(4, "status-assessment", NPM, 200, f!("status": "partially implemented"));
        let now = at(210, &[second.clone(), reply.clone(), first.clone()]);
        assert_eq!(now.stage, Stage::Assessed);
        let status = now.status.unwrap();
        assert_eq!(
            (status.word.as_str(), status.axis.as_str()),
            ("partially implemented", "substantive-steps")
        );
        let last = about(
            5,
            "status-assessment",
            NPM,
            300,
            f!("status": "შესრულდა", "axis": "implemented", "closes": true),
        );
        let now = at(310, &[last, second, reply, first]);
        assert_eq!(now.stage, Stage::Closed);
        assert_eq!(now.status.unwrap().word, "შესრულდა", "the original word stays");
    }

    #[test]
    fn a_promise_that_is_past_and_was_not_looked_at_is_overdue() {
        let reply = about(2, "authority-reply", NPM, 61, f!("promised": "2026-06-01"));
        assert!(at(100, std::slice::from_ref(&reply)).promise_overdue.is_none());
        let early = about(3, "status-assessment", NPM, 70, f!("status": "promised"));
        assert!(at(200, &[reply.clone(), early.clone()]).promise_overdue.is_some());
        let later = about(4, "status-assessment", NPM, 190, f!("status": "not implemented"));
        assert!(at(200, &[reply, early, later]).promise_overdue.is_none());
    }

    #[test]
    fn is_repeated_or_superseded_by_another_one_of_its_author_only() {
        let repeats = |author| {
            said(9, "recommendation", author, 400, f!("title": "again", "repeats": [id(1).to_string()]))
        };
        assert_eq!(at(410, &[repeats(NPM)]).stage, Stage::Repeated);
        assert_eq!(at(410, &[repeats(CSO)]).stage, Stage::Overdue);
        let corrects = |author| Statement {
            supersedes: Some(id(1)),
            ..said(9, "recommendation", author, 5, f!("title": "better"))
        };
        assert_eq!(at(10, &[corrects(NPM)]).stage, Stage::Superseded);
        assert_eq!(at(10, &[corrects(CSO)]).stage, Stage::Issued);
    }

    #[test]
    fn a_corrected_assessment_does_not_count_and_only_its_author_corrects_it() {
        let wrong = about(3, "status-assessment", NPM, 70, f!("status": "implemented", "closes": true));
        let right = |author| Statement {
            supersedes: Some(id(3)),
            ..about(4, "status-assessment", author, 69, f!("status": "not implemented"))
        };
        assert_eq!(at(80, &[wrong.clone(), right(NPM)]).status.unwrap().axis, "none");
        assert_eq!(at(80, &[wrong, right(CSO)]).status.unwrap().axis, "implemented");
    }

    #[test]
    fn what_others_say_stands_beside_each_with_author_and_date() {
        let all = [
            about(2, "shadow-information", CSO, 100, f!("status": "not implemented")),
            about(3, "shadow-information", CSO, 90, f!("status": "implemented")),
            about(4, "shadow-information", 102, 95, f!("status": "promised")),
            about(5, "endorsement", CSO, 1, f!()),
            about(6, "endorsement", CSO, 2, f!()),
            said(7, "advocacy", CSO, 3, f!("recommendations": [id(1).to_string(), id(2).to_string()])),
        ];
        let now = at(50, &all);
        assert_eq!(now.stage, Stage::Issued);
        assert_eq!(now.status, None);
        let views: Vec<(OrgId, &str)> = now.shadow.iter().map(|s| (s.author, s.axis.as_str())).collect();
        assert_eq!(views, [(org(102), "promised"), (org(CSO), "none")]);
        assert_eq!((now.endorsements, now.advocacy), (1, 1));
    }

    fn any_statement() -> impl Strategy<Value = Statement> {
        let kinds = prop::sample::select(vec![
            "authority-reply",
            "status-assessment",
            "endorsement",
            "shadow-information",
            "recommendation",
        ]);
        let words =
            prop::sample::select(vec!["implemented", "promised", "not implemented", "something else"]);
        (
            0u8..40,
            kinds,
            prop::sample::select(vec![NPM, CSO, 102]),
            0u64..300,
            words,
            any::<bool>(),
            prop::option::of(0u8..40),
        )
            .prop_map(|(n, kind, author, when, word, closes, old)| {
                let mut s = about(
                    n,
                    kind,
                    author,
                    when,
                    f!("status": word, "closes": closes, "promised": "2026-05-01"),
                );
                s.id = id(n.max(2));
                s.supersedes = old.map(|n| id(n.max(2)));
                if n % 7 == 0 && kind == "recommendation" {
                    s.fields.push(("repeats".into(), Value::Text(id(1).to_string())));
                }
                s
            })
    }

    proptest! {
        #[test]
        fn any_order_of_arrival_gives_one_state(
            (statements, shuffled) in prop::collection::vec(any_statement(), 0..12)
                .prop_map(|mut all| { all.sort_by_key(|s| s.id); all.dedup_by_key(|s| s.id); all })
                .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
            now in 0u64..400,
        ) {
            prop_assert_eq!(at(now, &statements), at(now, &shuffled));
            let twice = [statements.clone(), shuffled].concat();
            prop_assert_eq!(at(now, &statements), at(now, &twice));
        }

        #[test]
        fn what_others_say_never_changes_the_npms_status(
            statements in prop::collection::vec(any_statement(), 0..12), now in 0u64..400,
        ) {
            let own: Vec<Statement> = statements.iter().filter(|s| s.author == org(NPM)).cloned().collect();
            // Ids are unique among honest statements; a forger's duplicate is refused on arrival (E-REPEATED).
            let others = statements.iter().filter(|s| s.author != org(NPM) && own.iter().all(|o| o.id != s.id));
            let all: Vec<Statement> = own.iter().chain(others).cloned().collect();
            let (with, without) = (at(now, &all), at(now, &own));
            prop_assert_eq!((with.stage, with.status, with.reply_overdue), (without.stage, without.status, without.reply_overdue));
        }
    }
}

mod a_visit_report {
    use super::report::{Progress, Stage, progress};
    use super::*;

    fn report() -> Statement {
        said(1, "visit-report", NPM, 0, f!("title": "R", "stage": "draft"))
    }

    fn step(n: u8, author: u8, when: u64, stage: &str) -> Statement {
        said(n, "visit-report", author, when, f!("report": id(1).to_string(), "stage": stage))
    }

    fn at(now: u64, statements: &[Statement]) -> Progress {
        progress(&report(), &refs(statements), day(now))
    }

    #[test]
    fn goes_from_draft_through_fact_check_to_sent_and_published() {
        assert_eq!(at(1, &[]).stage, Stage::Draft);
        let mut steps = vec![step(2, NPM, 1, "fact-check")];
        assert_eq!(at(2, &steps).stage, Stage::FactCheck);
        steps.push(step(3, NPM, 2, "sent"));
        assert_eq!(at(3, &steps).stage, Stage::Sent);
        steps.push(step(4, NPM, 3, "published"));
        assert_eq!(at(4, &steps).stage, Stage::Published);
        steps.push(step(5, NPM, 4, "draft"));
        assert_eq!(at(5, &steps).stage, Stage::Published, "no way back");
    }

    #[test]
    fn is_under_embargo_until_its_day_and_published_then() {
        let published = Statement { embargo_until: Some(day(30)), ..step(2, NPM, 1, "published") };
        assert_eq!(at(29, std::slice::from_ref(&published)).stage, Stage::Embargoed);
        assert_eq!(at(30, &[published]).stage, Stage::Published);
    }

    #[test]
    fn is_withheld_with_a_reason_only_and_can_be_published_later() {
        let mut withheld = step(2, NPM, 1, "withheld");
        assert_eq!(at(2, std::slice::from_ref(&withheld)).stage, Stage::Sent, "without a reason");
        withheld.fields.push(("reason".into(), Value::Text("a criminal case is open".into())));
        let now = at(2, std::slice::from_ref(&withheld));
        assert_eq!((now.stage, now.reason.as_deref()), (Stage::Withheld, Some("a criminal case is open")));
        assert_eq!(at(9, &[step(3, NPM, 8, "published"), withheld]).stage, Stage::Published);
    }

    #[test]
    fn corrections_of_facts_stand_beside_it_and_nobody_else_moves_it() {
        let mut correction = said(2, "information-request", CSO, 1, f!("text": "the capacity is 120"));
        correction.replies_to = Some(id(1));
        let now = at(5, &[correction, step(3, CSO, 2, "published")]);
        assert_eq!((now.stage, now.corrections), (Stage::Draft, vec![id(2)]));
    }

    proptest! {
        #[test]
        fn any_order_of_arrival_gives_one_state(
            order in Just((0u8..5).collect::<Vec<u8>>()).prop_shuffle(), some in 0usize..=5, now in 0u64..40,
        ) {
            let stages = ["draft", "fact-check", "sent", "withheld", "published"];
            let mut chosen: Vec<u8> = order.into_iter().take(some).collect();
            let made = |chosen: &[u8]| -> Vec<Statement> {
                chosen.iter().map(|n| step(n + 2, NPM, u64::from(*n), stages[usize::from(*n)])).collect()
            };
            let shuffled = at(now, &made(&chosen));
            chosen.sort_unstable();
            prop_assert_eq!(shuffled, at(now, &made(&chosen)));
        }
    }
}

mod a_consent {
    use super::consent::{Progress, Stage, progress};
    use super::*;

    fn given() -> Statement {
        said(
            1,
            "consent",
            CSO,
            0,
            f!("person": "Heron", "uses": ["reports", "advocacy"], "expires": "2026-12-31"),
        )
    }

    fn change(n: u8, author: u8, mut fields: serde_json::Value) -> Statement {
        fields["changes"] = id(1).to_string().into();
        said(n, "consent", author, u64::from(n), fields)
    }

    fn at(now: u64, changes: &[Statement]) -> Progress {
        progress(&given(), &refs(changes), day(now))
    }

    #[test]
    fn is_given_then_narrowed_withdrawn_or_expired_and_never_wider() {
        assert_eq!(at(10, &[]).stage, Stage::Given);
        let narrowed = at(10, &[change(2, CSO, f!("uses": ["reports", "judicial"]))]);
        assert_eq!((narrowed.stage, narrowed.uses.len()), (Stage::Narrowed, 1));
        let withdrawn =
            at(10, &[change(3, CSO, f!("withdrawn": true)), change(4, CSO, f!("uses": ["reports"]))]);
        assert_eq!((withdrawn.stage, withdrawn.uses.len()), (Stage::Withdrawn, 0));
        assert_eq!(at(365, &[]).stage, Stage::Expired);
        assert_eq!(at(364, &[]).stage, Stage::Given);
        assert_eq!(at(364, &[change(2, CSO, f!("expires": "2030-01-01"))]).stage, Stage::Given, "no longer");
        assert_eq!(at(40, &[change(2, CSO, f!("expires": "2026-02-01"))]).stage, Stage::Expired);
    }

    #[test]
    fn only_its_author_changes_it_and_a_superseded_withdrawal_stands() {
        assert_eq!(at(10, &[change(2, NPM, f!("withdrawn": true))]).stage, Stage::Given);
        let back =
            Statement { supersedes: Some(id(2)), ..change(3, CSO, f!("uses": ["reports", "advocacy"])) };
        assert_eq!(at(10, &[change(2, CSO, f!("withdrawn": true)), back]).stage, Stage::Withdrawn);
    }

    proptest! {
        #[test]
        fn any_order_of_arrival_gives_one_state_and_more_changes_never_more_uses(
            order in Just((2u8..8).collect::<Vec<u8>>()).prop_shuffle(), some in 0usize..6, now in 0u64..500,
        ) {
            let made = |n: &u8| match n {
                2 => change(2, CSO, f!("uses": ["reports"])),
                3 => change(3, CSO, f!("uses": ["advocacy", "judicial"])),
                4 => change(4, CSO, f!("expires": "2026-06-01")),
                5 => change(5, CSO, f!("expires": "2027-06-01")),
                6 => change(6, CSO, f!("withdrawn": true)),
                _ => change(7, NPM, f!("withdrawn": true)),
            };
            let changes: Vec<Statement> = order.iter().take(some).map(made).collect();
            let mut sorted = changes.clone();
            sorted.sort_by_key(|s| s.id);
            prop_assert_eq!(at(now, &changes), at(now, &sorted));
            let fewer = at(now, &changes[..some.saturating_sub(1)]);
            prop_assert!(at(now, &changes).uses.is_subset(&fewer.uses));
        }
    }
}

mod a_visit {
    use super::visit::{Progress, Stage, progress, unfit};
    use super::*;

    fn plan(team: &[u8]) -> Statement {
        let team: Vec<String> = team.iter().map(|n| id(*n).to_string()).collect();
        said(1, "visit", NPM, 0, f!("title": "V", "from": "2026-03-01", "until": "2026-03-02", "team": team))
    }

    fn expert(n: u8, declaration: &str, training: &str) -> Statement {
        said(
            n,
            "expert",
            CSO,
            0,
            f!("name": "Dr. A", "declaration-until": declaration, "training-until": training),
        )
    }

    fn step(n: u8, mut fields: serde_json::Value) -> Statement {
        fields["visit"] = id(1).to_string().into();
        said(n, "visit", NPM, 1, fields)
    }

    fn at(statements: &[Statement], experts: &[Statement]) -> Progress {
        progress(&plan(&[50]), &refs(statements), &refs(experts), day(10))
    }

    #[test]
    fn is_planned_confirmed_done_reported_and_followed_up() {
        let good = [expert(50, "2026-12-31", "2027-01-01")];
        assert_eq!(at(&[], &good).stage, Stage::Planned);
        let mut steps = vec![step(2, f!("confirmed": true))];
        assert_eq!(at(&steps, &good).stage, Stage::TeamConfirmed);
        steps.push(step(3, f!("done": true)));
        assert_eq!(at(&steps, &good).stage, Stage::Done);
        steps.push(said(4, "visit-report", NPM, 30, f!("visit": id(1).to_string())));
        assert_eq!(at(&steps, &good).stage, Stage::Reported);
        steps.push(said(5, "visit", NPM, 300, f!("follows": id(1).to_string())));
        assert_eq!(at(&steps, &good).stage, Stage::FollowedUp);
        steps.reverse();
        assert_eq!(at(&steps, &good).stage, Stage::FollowedUp, "in any order");
        let other = said(5, "visit", CSO, 300, f!("follows": id(1).to_string()));
        assert_eq!(at(&[other], &good).stage, Stage::Planned, "by its author only");
    }

    #[test]
    fn a_team_with_an_expired_declaration_or_training_is_not_confirmed() {
        for (declaration, training, what) in
            [("2026-03-01", "2027-01-01", "declaration"), ("2027-01-01", "2026-02-28", "training")]
        {
            let now = at(&[step(2, f!("confirmed": true))], &[expert(50, declaration, training)]);
            assert_eq!(now.stage, Stage::Planned);
            assert_eq!(now.unfit.len(), 1);
            assert!(now.unfit[0].why.contains(what), "{:?}", now.unfit);
        }
        assert_eq!(at(&[], &[]).unfit.len(), 1, "who is not in the roster may not go");
        // Valid through the last day of the visit is enough.
        assert_eq!(at(&[], &[expert(50, "2026-03-02", "2026-03-02")]).unfit, []);
    }

    #[test]
    fn the_newest_version_of_an_entry_counts_and_a_circle_ends() {
        let old = expert(50, "2025-12-31", "2027-01-01");
        let new = Statement { supersedes: Some(id(50)), ..expert(51, "2026-12-31", "2027-01-01") };
        assert_eq!(unfit(&plan(&[50]), &[&old, &new], day(10)), []);
        let forged = Statement { author: org(NPM), ..new.clone() };
        assert_eq!(unfit(&plan(&[50]), &[&old, &forged], day(10)).len(), 1);
        let circle = Statement { supersedes: Some(id(51)), ..old };
        let _ends = unfit(&plan(&[50]), &[&circle, &new], day(10));
    }
}

mod a_motion {
    use super::motion::{Progress, Stage, progress};
    use super::*;

    fn motion() -> Statement {
        said(1, "motion", NPM, 0, f!("question": "?", "quorum": 3, "closes": "2026-01-10"))
    }

    fn position(n: u8, author: u8, when: u64, says: &str) -> Statement {
        said(n, "position", author, when, f!("motion": id(1).to_string(), "position": says))
    }

    fn members() -> BTreeSet<OrgId> {
        (1..=5).map(org).collect()
    }

    fn at(now: u64, statements: &[Statement]) -> Progress {
        progress(&motion(), &refs(statements), (&members(), 0), day(now))
    }

    fn votes(says: &[&str]) -> Vec<Statement> {
        (10..).zip(says).map(|(n, says)| position(n, n - 9, 1, says)).collect()
    }

    #[test]
    fn is_open_until_it_closes_then_decided_rejected_or_without_quorum() {
        let three = votes(&["for", "for", "against"]);
        assert_eq!(at(9, &three).stage, Stage::Open);
        assert_eq!(at(10, &three).stage, Stage::Decided);
        assert_eq!(
            at(10, &votes(&["for", "against", "abstain"])).stage,
            Stage::Rejected,
            "a tie is no majority"
        );
        assert_eq!(at(10, &votes(&["for", "for"])).stage, Stage::NoQuorum);
        assert_eq!(at(10, &votes(&["for", "abstain", "abstain"])).stage, Stage::Decided);
    }

    #[test]
    fn is_withdrawn_by_its_author_before_it_closes_only() {
        let withdraws = |author, when| said(30, "motion", author, when, f!("withdraws": id(1).to_string()));
        let with = |s: Statement| {
            let mut all = votes(&["for", "for", "for"]);
            all.push(s);
            all
        };
        assert_eq!(at(20, &with(withdraws(NPM, 5))).stage, Stage::Withdrawn);
        assert_eq!(at(20, &with(withdraws(NPM, 15))).stage, Stage::Decided);
        assert_eq!(at(20, &with(withdraws(1, 5))).stage, Stage::Decided);
    }

    #[test]
    fn each_member_has_one_position_its_newest_and_strangers_and_latecomers_none() {
        let mut all = votes(&["for", "for", "for"]);
        all.push(position(20, 1, 3, "against"));
        all.push(position(21, 2, 12, "against"));
        all.push(position(22, 77, 3, "against"));
        let now = at(20, &all);
        assert_eq!((now.in_favour, now.against, now.positions.len()), (2, 1, 3));
    }

    fn tally(n: u8, author: u8, when: u64, counted: &[u8]) -> Statement {
        let counted: Vec<String> = counted.iter().map(|n| id(*n).to_string()).collect();
        let counted = Value::List(counted.into_iter().map(Value::Text).collect());
        let mut tally = said(n, "motion", author, when, f!("tally": id(1).to_string()));
        tally.fields.push(("counted".into(), counted));
        tally
    }

    #[test]
    fn once_counted_only_what_the_tally_names_counts_however_late_votes_are_dated() {
        let mut all = votes(&["for", "for", "for", "against"]);
        assert_eq!((at(20, &all).stage, at(20, &all).tally), (Stage::Decided, None));
        all.push(tally(40, NPM, 11, &[10, 11, 12]));
        // Written after the closing and dated before it: a change of mind, and a vote of who had none.
        all.push(position(20, 1, 9, "against"));
        all.push(position(21, 2, 9, "against"));
        all.push(position(22, 5, 9, "against"));
        let now = at(20, &all);
        assert_eq!((now.stage, now.in_favour, now.against), (Stage::Decided, 3, 0));
        assert_eq!(now.tally, Some(id(40)));
        let uncounted: Vec<RecordId> = now.uncounted.iter().map(|p| p.record).collect();
        assert_eq!(uncounted, [id(13), id(20), id(21), id(22)], "what was left out is shown as well");
        // A correction of what was counted, and the departure of who said it, change nothing any more.
        let corrected = Statement { supersedes: Some(id(10)), ..position(23, 1, 9, "against") };
        all.push(corrected);
        let few: BTreeSet<OrgId> = (2..=5).map(org).collect();
        let now = progress(&motion(), &refs(&all), (&few, 0), day(20));
        assert_eq!((now.stage, now.in_favour), (Stage::Decided, 3));
    }

    #[test]
    fn a_tally_counts_from_the_motions_author_after_the_closing_and_two_that_differ_decide_nothing() {
        let mut all = votes(&["for", "for", "for"]);
        for (n, author, when) in [(40, 3, 11), (41, NPM, 9)] {
            all.push(tally(n, author, when, &[10]));
            assert_eq!((at(20, &all).stage, at(20, &all).tally), (Stage::Decided, None));
        }
        all.push(tally(42, NPM, 11, &[10, 11, 12]));
        all.push(tally(43, NPM, 12, &[12, 11, 10]));
        assert_eq!((at(20, &all).stage, at(20, &all).tally), (Stage::Decided, Some(id(42))));
        all.push(tally(44, NPM, 12, &[10, 11]));
        assert_eq!((at(20, &all).stage, at(20, &all).tally), (Stage::Contested, None));
        // Who counted wrongly corrects it, and all can see that.
        all.push(Statement { supersedes: Some(id(44)), ..tally(45, NPM, 13, &[10, 11, 12]) });
        assert_eq!(at(20, &all).stage, Stage::Decided);
    }

    #[test]
    fn who_has_an_interest_counts_neither_for_the_majority_nor_for_the_quorum() {
        let mut all = votes(&["for", "for", "for"]);
        all[0].fields.push(("conflict".into(), Value::Text("we run the place".into())));
        let now = at(20, &all);
        assert_eq!((now.stage, now.conflicted, now.in_favour), (Stage::NoQuorum, 1, 2));
    }

    #[test]
    fn a_motion_cannot_ask_for_a_smaller_quorum_than_the_agreement() {
        let three = votes(&["for", "for", "for"]);
        assert_eq!(progress(&motion(), &refs(&three), (&members(), 4), day(20)).stage, Stage::NoQuorum);
        assert_eq!(progress(&motion(), &refs(&three), (&members(), 3), day(20)).stage, Stage::Decided);
    }

    #[test]
    fn a_motion_that_names_no_quorum_is_never_decided() {
        for quorum in [f!("closes": "2026-01-10"), f!("closes": "2026-01-10", "quorum": 0)] {
            let motion = said(1, "motion", NPM, 0, quorum);
            let now = progress(&motion, &refs(&votes(&["for", "for", "for"])), (&members(), 0), day(20));
            assert_eq!(now.stage, Stage::NoQuorum);
        }
    }

    proptest! {
        #[test]
        fn without_quorum_no_decision_and_any_order_gives_one_state(
            votes in prop::collection::vec((2u8..60, 1u8..8, 0u64..15, prop::sample::select(vec!["for", "against", "abstain", "?"]), any::<bool>()), 0..12)
                .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        ) {
            let made = |votes: &[(u8, u8, u64, &str, bool)]| -> Vec<Statement> {
                let mut all: Vec<Statement> = votes.iter().map(|(n, author, when, says, conflict)| {
                    let mut s = position(*n, *author, *when, says);
                    if *conflict { s.fields.push(("conflict".into(), Value::Text("an interest".into()))); }
                    s
                }).collect();
                // One id, one statement: what came first in the sorted order.
                all.sort_by_key(|s| (s.id, s.author, s.created, format!("{:?}", s.fields)));
                all.dedup_by_key(|s| s.id);
                all
            };
            let (mut a, b) = (made(&votes.0), made(&votes.1));
            a.reverse();
            let now = at(20, &a);
            prop_assert_eq!(&now, &at(20, &b));
            let counted = now.in_favour + now.against + now.abstaining;
            prop_assert!(counted >= 3 || now.stage == Stage::NoQuorum);
            prop_assert!(now.stage != Stage::Decided || now.in_favour > now.against);
        }
    }
}
