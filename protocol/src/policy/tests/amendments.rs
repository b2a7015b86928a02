//! Amendments: what a change is called is what it does to records, and what is proposed binds at once.

use super::*;
use crate::agreement::Effect;

#[test]
fn the_narrower_limits_of_a_proposed_amendment_hold_at_once() {
    let amendment = with(r#"sensitivity = ["named", "partnership"]"#, r#"sensitivity = ["named"]"#);
    let refusals = permit_all(&agreement(), &[&amendment], &members(), &annual_report()).unwrap_err();
    let said: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "E-SENSITIVITY: the agreement does not allow the class partnership. Choose named (by the amendment that was proposed; its narrower limits hold at once)"
        ]
    );
}

#[test]
fn the_wider_limits_of_a_proposed_amendment_wait() {
    let public = RecordFacts { sensitivity: Sensitivity::Public, ..annual_report() };
    let amendment = with(
        r#"sensitivity = ["named", "partnership"]"#,
        r#"sensitivity = ["named", "partnership", "public"]"#,
    );
    assert!(permit(&amendment, &members(), &public).is_ok());
    let refusals = permit_all(&agreement(), &[&amendment], &members(), &public).unwrap_err();
    assert_eq!(refusals, permit(&agreement(), &members(), &public).unwrap_err(), "not by the amendment");
}

#[test]
fn what_several_agreements_refuse_alike_is_said_once() {
    let own = RecordFacts { sensitivity: Sensitivity::Own, ..submission() };
    let same = permit_all(&agreement(), &[&agreement(), &agreement()], &members(), &own).unwrap_err();
    assert_eq!(same, permit(&agreement(), &members(), &own).unwrap_err());
    let never = with(r#""with-consent""#, r#""never""#);
    let mut facts =
        RecordFacts { handling: Handling { onward: Onward::Allowed, ..Handling::default() }, ..submission() };
    facts.handling.personal_data = true;
    facts.handling.consent = Some("c1".into());
    let refusals = permit_all(&agreement(), &[&never, &never], &members(), &facts).unwrap_err();
    let codes: Vec<&str> = refusals.iter().map(|r| r.code.as_str()).collect();
    assert_eq!(codes, ["E-PERSONAL-DATA", "E-ONWARD"], "in the order of the table");
}

#[test]
fn without_an_amendment_the_agreement_in_force_decides_alone() {
    assert_eq!(
        permit_all(&agreement(), &[], &members(), &submission()),
        permit(&agreement(), &members(), &submission())
    );
    let wider = with("end = 2026-12-31", "");
    let permitted = permit_all(&agreement(), &[&wider], &members(), &submission()).unwrap();
    assert_eq!(permitted.agreement(), agreement().hash());
}

#[test]
fn a_renewal_that_begins_later_does_not_stop_what_is_sent_today() {
    let text = TEXT.replace("2026-12-31", "2027-12-31").replace("2026-01-01", "2027-01-01");
    let renewal = Agreement::parse(&text).unwrap();
    assert!(permit_all(&agreement(), &[&renewal], &members(), &submission()).is_ok());
    let last = RecordFacts { created: Timestamp(renewal.start().begins().0 - 1), ..submission() };
    assert!(permit_all(&agreement(), &[&renewal], &members(), &last).is_ok());
}

/// Some agreement, as lines that can be taken one by one from one or from another.
#[derive(Clone, Debug)]
struct Draft {
    dates: String,
    flows: Vec<String>,
    ceiling: [String; 3],
    rest: String,
}

impl Draft {
    fn agreement(&self) -> Agreement {
        let text = format!(
            "version = 1\ntitle = \"T\"\nform = \"formal\"\n{}\nroles = [\"npm\", \"cso\", \"network\"]\n{}\n[ceiling]\n{}\n{}\n",
            self.dates,
            self.flows.concat(),
            self.ceiling.join("\n"),
            self.rest
        );
        Agreement::parse(&text).unwrap()
    }
}

fn words_of(all: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::subsequence(all, 1..=all.len()).prop_map(|some| format!("{some:?}"))
}

fn any_flow() -> impl Strategy<Value = String> {
    let roles = || words_of(&["npm", "cso", "network"]);
    let kinds = words_of(&["submission", "annual-report", "notes", "material", "from-the-future"]);
    let kinds = prop_oneof![2 => kinds, 1 => Just("\"any\"".to_owned())];
    let to = prop_oneof![2 => roles(), 1 => Just("\"any\"".to_owned())];
    (roles(), kinds, to)
        .prop_map(|(from, kinds, to)| format!("[[flow]]\nfrom = {from}\nkinds = {kinds}\nto = {to}\n"))
}

fn any_draft() -> impl Strategy<Value = Draft> {
    let one_of = |all: &'static [&'static str]| prop::sample::select(all).prop_map(str::to_owned);
    let start = one_of(&["start = 2025-06-01", "start = 2026-01-01", "start = 2026-03-01"]);
    let end = one_of(&["", "end = 2026-06-30", "end = 2026-12-31", "end = 2027-06-30"]);
    let classes = words_of(&["named", "partnership", "public"]).prop_map(|it| format!("sensitivity = {it}"));
    let persons = one_of(&[
        "personal_data = \"never\"",
        "personal_data = \"with-consent\"",
        "personal_data = \"allowed\"",
    ]);
    let onward = one_of(&["onward = \"never\"", "onward = \"ask\"", "onward = \"allowed\""]);
    let rest =
        one_of(&["", "[decisions]\nadmit = 2", "[history]\nnewcomers = \"all\"", "[keys]\nrotate_days = 9"]);
    (
        start,
        end,
        prop::collection::vec(any_flow(), 1..4),
        [classes.boxed(), persons.boxed(), onward.boxed()],
        rest,
    )
        .prop_map(|(start, end, flows, ceiling, rest)| Draft {
            dates: format!("{start}\n{end}"),
            flows,
            ceiling,
            rest,
        })
}

/// An agreement, and one that shares most with it: by chance two would hardly ever be comparable.
fn any_amendment() -> impl Strategy<Value = (Agreement, Agreement)> {
    (any_draft(), any_draft(), any::<[bool; 5]>(), any::<[bool; 3]>(), any::<bool>()).prop_map(
        |(old, other, keep, more, cut)| {
            let mut new = old.clone();
            let dates = [keep[0] || more[0], keep[1] || more[1], keep[2] || more[2]];
            if !dates[0] {
                new.dates.clone_from(&other.dates);
            }
            for n in 0..3 {
                if !keep[n] && !more[n] {
                    new.ceiling[n].clone_from(&other.ceiling[n]);
                }
            }
            if !keep[3] {
                new.rest.clone_from(&other.rest);
            }
            if cut && new.flows.len() > 1 {
                new.flows.pop();
            } else if !keep[4] {
                new.flows.clone_from(&other.flows);
            }
            (old.agreement(), new.agreement())
        },
    )
}

/// The members, and one with a role that no agreement here names, as after it was taken out.
fn everybody() -> BTreeMap<OrgId, Role> {
    let mut all = members();
    all.insert(STRANGER, "expert".parse().unwrap());
    all
}

/// A record that this agreement mostly permits, among [`everybody`]; `pick` chooses.
fn likely(agreement: &Agreement, pick: [u8; 8]) -> RecordFacts {
    let nth = |n: usize, len: usize| usize::from(pick[n]) % len;
    let flow = &agreement.flows()[nth(0, agreement.flows().len())];
    let from = &flow.from[nth(1, flow.from.len())];
    let author = members().into_iter().find(|(_, role)| role == from).unwrap().0;
    let kind = match &flow.kinds {
        Choice::Any => ["material", "annual-report"][nth(2, 2)].parse().unwrap(),
        Choice::These(kinds) => kinds[nth(2, kinds.len())].clone(),
    };
    let reached = |(org, role): &(OrgId, Role)| *org != author && flow.covers(from, &kind, role);
    let readers: Vec<OrgId> = everybody().into_iter().filter(reached).map(|(org, _)| org).collect();
    let audience = match readers.is_empty() || pick[3].is_multiple_of(8) {
        true => Audience::Everyone,
        false => named(&[readers[nth(3, readers.len())]]),
    };
    let classes = &agreement.ceiling().sensitivity;
    let onward = if pick[5].is_multiple_of(2) { agreement.ceiling().onward } else { Onward::Never };
    let consent = pick[6].is_multiple_of(2).then(|| "c1".to_owned());
    let days = [20_270, 20_460, 20_560, 20_680, 20_880];
    RecordFacts {
        kind,
        author,
        audience,
        sensitivity: classes[nth(4, classes.len())],
        handling: Handling { onward, personal_data: pick[6] > 192, consent, ..Handling::default() },
        created: Timestamp(0).plus_days(days[nth(7, days.len())]),
        attachments: 0,
        personal: Vec::new(),
        publication: false,
    }
}

/// The claims below would hold of amendments that are never comparable, and of records never permitted.
#[test]
fn random_amendments_are_often_comparable_and_records_often_permitted() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let all = (any_amendment(), any::<[u8; 8]>());
    let (mut narrower, mut wider, mut refused) = (0, 0, 0);
    for _ in 0..2000 {
        let ((old, new), pick) = all.new_tree(&mut runner).unwrap().current();
        let changes = old.changes(&new);
        let only = |effect| changes.iter().all(|change| change.effect() == effect) && !changes.is_empty();
        let permits = |agreement, facts| permit(agreement, &everybody(), facts).is_ok();
        let (of_old, of_new) = (likely(&old, pick), likely(&new, pick));
        narrower += usize::from(only(Effect::Narrower) && permits(&new, &of_new));
        wider += usize::from(only(Effect::Wider) && permits(&old, &of_old));
        refused += usize::from(permits(&old, &of_old) && !permits(&new, &of_old));
    }
    assert!(narrower >= 10 && wider >= 10 && refused >= 10, "{narrower}, {wider}, {refused} of 2000");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8_000))]

    #[test]
    fn what_is_called_narrower_permits_at_most_what_was_permitted(
        (old, new) in any_amendment(), pick in any::<[u8; 8]>(), of_new in any::<bool>()
    ) {
        let changes = old.changes(&new);
        let facts = likely(if of_new { &new } else { &old }, pick);
        let (was, is) = (permit(&old, &everybody(), &facts), permit(&new, &everybody(), &facts));
        if changes.iter().all(|change| change.effect() != Effect::Wider) {
            prop_assert!(is.is_err() || was.is_ok(), "{changes:#?}");
        }
        if changes.iter().all(|change| change.effect() != Effect::Narrower) {
            prop_assert!(was.is_err() || is.is_ok(), "{changes:#?}");
        }
        if let (Ok(was), Ok(is)) = (was, is) {
            prop_assert_eq!(was.readers(), is.readers());
        }
    }

    #[test]
    fn an_agreement_does_not_differ_from_itself((old, new) in any_amendment()) {
        prop_assert_eq!(old.changes(&old), vec![]);
        prop_assert_eq!(old.changes(&new).is_empty(), old.hash() == new.hash());
    }

    #[test]
    fn a_proposed_amendment_never_lets_more_through(
        (old, new) in any_amendment(), pick in any::<[u8; 8]>()
    ) {
        let facts = likely(&old, pick);
        let permits = |agreement| permit(agreement, &everybody(), &facts).is_ok();
        let both = permit_all(&old, &[&new], &everybody(), &facts);
        let expected = permits(&old) && (facts.created < new.start().begins() || permits(&new));
        prop_assert_eq!(both.is_ok(), expected);
    }
}
