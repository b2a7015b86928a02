//! Each refusal alone, then properties over any members, agreements and records.
#![allow(clippy::unwrap_used)]

mod amendments;

use super::*;
use crate::agreement::{Form, templates::template};
use crate::audience::NamedReaders;
use crate::handling::Onward;
use proptest::prelude::*;

const NPM: OrgId = OrgId([1; 32]);
const CSO: OrgId = OrgId([2; 32]);
const OTHER_CSO: OrgId = OrgId([3; 32]);
const NETWORK: OrgId = OrgId([4; 32]);
const STRANGER: OrgId = OrgId([9; 32]);

const TEXT: &str = r#"
version = 1
title = "Test"
form = "formal"
start = 2026-01-01
end = 2026-12-31
roles = ["npm", "cso", "network"]
[[flow]]
from = "cso"
kinds = ["submission", "endorsement", "notes", "source", "from-the-future"]
to = "npm"
[[flow]]
from = ["npm", "cso"]
kinds = "any"
to = ["cso", "npm"]
[[flow]]
from = "npm"
kinds = ["annual-report", "visit-report"]
to = "any"
[ceiling]
sensitivity = ["named", "partnership"]
personal_data = "with-consent"
onward = "ask"
"#;

fn agreement() -> Agreement {
    Agreement::parse(TEXT).unwrap()
}

fn with(line: &str, instead: &str) -> Agreement {
    assert!(TEXT.contains(line));
    Agreement::parse(&TEXT.replace(line, instead)).unwrap()
}

fn members() -> BTreeMap<OrgId, Role> {
    let all = [(NPM, "npm"), (CSO, "cso"), (OTHER_CSO, "cso"), (NETWORK, "network")];
    all.into_iter().map(|(org, role)| (org, role.parse().unwrap())).collect()
}

fn named(orgs: &[OrgId]) -> Audience {
    Audience::Named(NamedReaders::new(orgs.iter().copied()).unwrap())
}

/// A submission by a CSO, named to the NPM: permitted.
fn submission() -> RecordFacts {
    RecordFacts {
        kind: "submission".parse().unwrap(),
        author: CSO,
        audience: named(&[NPM]),
        sensitivity: Sensitivity::Named,
        handling: Handling::default(),
        created: agreement().start().begins(),
        attachments: 0,
        personal: Vec::new(),
        publication: false,
    }
}

/// Public to no one else's surprise: the NPM's annual report, for all: permitted.
fn annual_report() -> RecordFacts {
    RecordFacts {
        kind: "annual-report".parse().unwrap(),
        author: NPM,
        audience: Audience::Everyone,
        sensitivity: Sensitivity::Partnership,
        ..submission()
    }
}

fn readers_of(agreement: &Agreement, facts: &RecordFacts) -> Vec<OrgId> {
    permit(agreement, &members(), facts).unwrap().readers().iter().copied().collect()
}

fn codes(agreement: &Agreement, facts: &RecordFacts) -> Vec<&'static str> {
    codes_among(agreement, &members(), facts)
}

fn codes_among(
    agreement: &Agreement,
    roles: &BTreeMap<OrgId, Role>,
    facts: &RecordFacts,
) -> Vec<&'static str> {
    permit(agreement, roles, facts).unwrap_err().iter().map(|r| r.code.as_str()).collect()
}

fn reason(agreement: &Agreement, facts: &RecordFacts) -> String {
    permit(agreement, &members(), facts).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_permitted_names_its_exact_readers_and_the_clause() {
    let permitted = permit(&agreement(), &members(), &submission()).unwrap();
    assert_eq!(permitted.readers(), &BTreeSet::from([NPM]));
    assert_eq!(permitted.facts(), &submission());
    assert_eq!(permitted.agreement(), agreement().hash());
    assert_eq!(
        permitted.because(),
        [
            "1 member with the role npm read it because of flow 1: Civil-society organisations may send submissions, endorsements of recommendations, notes of visits, sources and records of the kind from-the-future to the NPM."
        ]
    );
    assert_eq!(readers_of(&agreement(), &annual_report()), [CSO, OTHER_CSO, NETWORK]);
}

#[test]
fn an_author_who_names_itself_beside_others_is_not_its_own_reader() {
    assert_eq!(
        readers_of(&agreement(), &RecordFacts { audience: named(&[CSO, NPM]), ..submission() }),
        [NPM]
    );
}

#[test]
fn sources_never_leave_even_where_a_clause_names_them() {
    let source = RecordFacts { kind: "source".parse().unwrap(), ..submission() };
    assert_eq!(codes(&agreement(), &source), ["E-OWN"]);
    let consent = RecordFacts { kind: "consent".parse().unwrap(), ..submission() };
    assert_eq!(codes(&agreement(), &consent), ["E-OWN"]);
}

#[test]
fn a_record_of_the_class_own_never_leaves() {
    let own = RecordFacts { sensitivity: Sensitivity::Own, ..submission() };
    assert_eq!(codes(&agreement(), &own), ["E-OWN"]);
}

#[test]
fn an_agreement_holds_from_its_first_millisecond_to_its_last() {
    let (start, end) = (agreement().start().begins().0, agreement().end().unwrap().is_over().0);
    let at = |ms| RecordFacts { created: Timestamp(ms), ..submission() };
    assert_eq!(codes(&agreement(), &at(start - 1)), ["E-NOT-STARTED"]);
    assert!(permit(&agreement(), &members(), &at(start)).is_ok());
    assert!(permit(&agreement(), &members(), &at(end - 1)).is_ok());
    assert_eq!(codes(&agreement(), &at(end)), ["E-ENDED"]);
    assert_eq!(codes(&agreement(), &at(u64::MAX)), ["E-ENDED"]);
    let endless = with("end = 2026-12-31", "");
    assert!(permit(&endless, &members(), &at(u64::MAX)).is_ok());
}

#[test]
fn a_class_that_the_agreement_does_not_list_is_refused() {
    let public = RecordFacts { sensitivity: Sensitivity::Public, ..annual_report() };
    assert_eq!(codes(&agreement(), &public), ["E-SENSITIVITY"]);
    let narrow =
        with(r#"sensitivity = ["named", "partnership"]"#, r#"sensitivity = ["public", "partnership"]"#);
    assert_eq!(codes(&narrow, &submission()), ["E-SENSITIVITY"]);
    assert!(permit(&narrow, &members(), &public).is_ok());
}

#[test]
fn what_is_for_named_readers_is_not_for_everyone() {
    let to_all = RecordFacts { sensitivity: Sensitivity::Named, ..annual_report() };
    assert_eq!(codes(&agreement(), &to_all), ["E-NAMED-TO-ALL"]);
}

#[test]
fn confidential_kinds_are_for_named_readers_in_the_class_named() {
    let notes = RecordFacts { kind: "notes".parse().unwrap(), ..submission() };
    assert!(permit(&agreement(), &members(), &notes).is_ok());
    let wide = RecordFacts { sensitivity: Sensitivity::Partnership, ..notes.clone() };
    assert_eq!(codes(&agreement(), &wide), ["E-CONFIDENTIAL"]);
    // The NPM is the only other member, so that no flow is missing: it must still be named.
    let two: BTreeMap<OrgId, Role> =
        members().into_iter().filter(|(org, _)| [NPM, CSO].contains(org)).collect();
    let to_all = RecordFacts { audience: Audience::Everyone, ..notes };
    assert_eq!(codes_among(&agreement(), &two, &to_all), ["E-NAMED-TO-ALL", "E-CONFIDENTIAL"]);
}

#[test]
fn personal_data_is_refused_where_the_agreement_says_never() {
    let mut facts = submission();
    facts.handling = Handling { personal_data: true, consent: Some("c1".into()), ..Handling::default() };
    assert!(permit(&agreement(), &members(), &facts).is_ok());
    let never = with(r#""with-consent""#, r#""never""#);
    assert_eq!(codes(&never, &facts), ["E-PERSONAL-DATA"]);
    assert!(permit(&never, &members(), &submission()).is_ok());
}

#[test]
fn unknown_consent_means_no() {
    let mut facts = submission();
    for none in [None, Some(String::new()), Some("  ".into())] {
        facts.handling = Handling { personal_data: true, consent: none, ..Handling::default() };
        assert_eq!(codes(&agreement(), &facts), ["E-CONSENT"]);
    }
    assert!(permit(&with(r#""with-consent""#, r#""allowed""#), &members(), &facts).is_ok());
}

#[test]
fn what_is_public_needs_a_consent_whatever_the_agreement_says() {
    let open = TEXT.replace(r#""with-consent""#, r#""allowed""#).replace(r#""partnership"]"#, r#""public"]"#);
    let open = Agreement::parse(&open).unwrap();
    let mut facts = RecordFacts { sensitivity: Sensitivity::Public, ..annual_report() };
    facts.handling.personal_data = true;
    assert_eq!(codes(&open, &facts), ["E-CONSENT"]);
    facts.handling.consent = Some("c1".into());
    // An unknown consent means no, and one for something else as well (C7).
    assert_eq!(codes(&open, &facts), ["E-CONSENT"]);
    facts.handling.uses = Some(vec!["reports".into(), "anonymised-publication".into()]);
    assert_eq!(codes(&open, &facts), ["E-CONSENT"]);
    facts.handling.uses = Some(vec!["identifiable-publication".into()]);
    assert!(permit(&open, &members(), &facts).is_ok());
    facts.handling.consent = None;
    assert_eq!(codes(&open, &facts), ["E-CONSENT"]);
}

#[test]
fn what_is_published_with_marked_fields_is_refused_with_the_fields_listed() {
    let open = TEXT.replace(r#""partnership"]"#, r#""public"]"#);
    let open = Agreement::parse(&open).unwrap();
    let mut facts = RecordFacts { sensitivity: Sensitivity::Public, ..annual_report() };
    assert!(permit(&open, &members(), &facts).is_ok());
    facts.personal = vec!["contact".into(), "person".into()];
    assert_eq!(codes(&open, &facts), ["E-CONSENT"]);
    assert!(reason(&open, &facts).contains("the fields contact and person"));
    // For readers inside, the author's word counts; a report that is published is for the public in any class.
    facts.sensitivity = Sensitivity::Named;
    facts.audience = named(&[CSO]);
    assert!(permit(&open, &members(), &facts).is_ok());
    facts.publication = true;
    assert_eq!(codes(&open, &facts), ["E-CONSENT"]);
    facts.handling.consent = Some("c1".into());
    facts.handling.uses = Some(vec!["identifiable-publication".into()]);
    assert!(permit(&open, &members(), &facts).is_ok());
}

#[test]
fn what_two_must_release_is_refused_until_two_different_ones_did() {
    let two =
        format!("{TEXT}[release]\nkinds = [\"submission\"]\nsensitivity = [\"named\"]\napprovals = 2\n");
    let two = Agreement::parse(&two).unwrap();
    let mut facts = submission();
    assert_eq!(codes(&two, &facts), ["E-RELEASE"]);
    let (a, b) = (Hash([1; 32]), Hash([2; 32]));
    facts.handling.released_by = Some(vec![a]);
    assert_eq!(codes(&two, &facts), ["E-RELEASE"]);
    facts.handling.released_by = Some(vec![a, a]);
    assert_eq!(codes(&two, &facts), ["E-RELEASE"]);
    facts.handling.released_by = Some(vec![a, b]);
    assert!(permit(&two, &members(), &facts).is_ok());
    // Another kind, and another class, need none.
    assert!(permit(&two, &members(), &annual_report()).is_ok());
    facts.handling.released_by = None;
    facts.sensitivity = Sensitivity::Partnership;
    assert!(permit(&two, &members(), &facts).is_ok());
}

#[test]
fn nobody_grants_more_onward_sharing_than_the_parties_agreed_on() {
    let mut facts = submission();
    facts.handling.onward = Onward::Ask;
    assert!(permit(&agreement(), &members(), &facts).is_ok());
    facts.handling.onward = Onward::Allowed;
    assert_eq!(codes(&agreement(), &facts), ["E-ONWARD"]);
}

#[test]
fn one_attachment_too_many_is_refused() {
    let mut facts = RecordFacts { attachments: limits::MAX_ATTACHMENTS, ..submission() };
    assert!(permit(&agreement(), &members(), &facts).is_ok());
    facts.attachments += 1;
    assert_eq!(codes(&agreement(), &facts), ["E-ATTACHMENTS"]);
}

#[test]
fn everyone_is_nobody_in_a_partnership_of_one() {
    let alone = BTreeMap::from([(NPM, "npm".parse().unwrap())]);
    assert_eq!(codes_among(&agreement(), &alone, &annual_report()), ["E-NO-READER"]);
}

#[test]
fn an_author_alone_is_no_audience() {
    let facts = RecordFacts { audience: named(&[CSO]), ..submission() };
    assert_eq!(codes(&agreement(), &facts), ["E-SELF-ONLY"]);
}

#[test]
fn readers_and_authors_are_members() {
    let reader = RecordFacts { audience: named(&[NPM, STRANGER]), ..submission() };
    assert_eq!(codes(&agreement(), &reader), ["E-NOT-MEMBER"]);
    assert!(reason(&agreement(), &reader).contains(&STRANGER.short()));
    let author = RecordFacts { author: STRANGER, ..submission() };
    assert_eq!(codes(&agreement(), &author), ["E-NOT-MEMBER"]);
    let nobody = BTreeMap::new();
    assert_eq!(codes_among(&agreement(), &nobody, &submission()), ["E-NOT-MEMBER", "E-NOT-MEMBER"]);
}

#[test]
fn a_cso_never_speaks_for_the_npm_nor_the_npm_for_a_cso() {
    let assessment = RecordFacts { kind: "status-assessment".parse().unwrap(), ..submission() };
    assert_eq!(codes(&agreement(), &assessment), ["E-AUTHOR-ROLE"]);
    let endorsement =
        RecordFacts { kind: "endorsement".parse().unwrap(), audience: named(&[CSO]), ..annual_report() };
    assert_eq!(codes(&agreement(), &endorsement), ["E-AUTHOR-ROLE"]);
}

#[test]
fn what_no_clause_allows_is_refused_with_the_roles_that_are_not_covered() {
    let facts = RecordFacts { audience: named(&[NPM, NETWORK]), ..submission() };
    assert_eq!(codes(&agreement(), &facts), ["E-FLOW"]);
    let why = reason(&agreement(), &facts);
    assert!(why.contains(&format!("networks ({})", NETWORK.short())) && !why.contains(&NPM.short()), "{why}");
}

#[test]
fn a_clause_has_a_direction() {
    let from_network = RecordFacts { author: NETWORK, ..submission() };
    assert_eq!(codes(&agreement(), &from_network), ["E-FLOW"]);
    let to_a_cso = RecordFacts { author: NPM, audience: named(&[CSO]), ..submission() };
    assert_eq!(
        codes(&with("kinds = \"any\"", "kinds = [\"notes\"]"), &to_a_cso),
        ["E-AUTHOR-ROLE", "E-FLOW"]
    );
}

#[test]
fn everyone_means_that_every_member_is_covered_or_the_readers_must_be_named() {
    let facts = RecordFacts { kind: "material".parse().unwrap(), ..annual_report() };
    assert_eq!(codes(&agreement(), &facts), ["E-FLOW"]);
    let why = reason(&agreement(), &facts);
    assert!(why.contains("Name the readers instead of everyone; they can be the NPM or civil"), "{why}");
    let named = RecordFacts { audience: named(&[CSO, OTHER_CSO]), ..facts };
    assert_eq!(readers_of(&agreement(), &named), [CSO, OTHER_CSO]);
}

#[test]
fn any_covers_neither_confidential_nor_unknown_kinds() {
    for kind in ["visit", "reprisal-allegation", "from-a-later-version"] {
        let facts =
            RecordFacts { kind: kind.parse().unwrap(), author: NPM, audience: named(&[CSO]), ..submission() };
        assert_eq!(codes(&agreement(), &facts), ["E-FLOW"], "{kind}");
        assert!(reason(&agreement(), &facts).contains("it has to be named"), "{kind}");
    }
    let future = RecordFacts { kind: "from-the-future".parse().unwrap(), ..submission() };
    assert_eq!(readers_of(&agreement(), &future), [NPM]);
}

#[test]
fn a_record_with_many_faults_hears_of_all_of_them() {
    let facts = RecordFacts {
        kind: "recommendation".parse().unwrap(),
        author: NETWORK,
        audience: named(&[STRANGER, CSO]),
        sensitivity: Sensitivity::Public,
        handling: Handling { onward: Onward::Allowed, personal_data: true, ..Handling::default() },
        created: Timestamp(0),
        attachments: 1000,
        personal: Vec::new(),
        publication: false,
    };
    assert_eq!(
        codes(&agreement(), &facts),
        [
            "E-NOT-STARTED",
            "E-SENSITIVITY",
            "E-CONSENT",
            "E-ONWARD",
            "E-ATTACHMENTS",
            "E-NOT-MEMBER",
            "E-AUTHOR-ROLE",
            "E-FLOW"
        ]
    );
}

#[test]
fn the_table_of_codes_is_complete_and_stable() {
    let table: Vec<&str> = RefusalCode::all().map(RefusalCode::as_str).collect();
    let stable = [
        "E-OWN",
        "E-NOT-STARTED",
        "E-ENDED",
        "E-SENSITIVITY",
        "E-NAMED-TO-ALL",
        "E-CONFIDENTIAL",
        "E-PERSONAL-DATA",
        "E-CONSENT",
        "E-ONWARD",
        "E-ATTACHMENTS",
        "E-NO-READER",
        "E-SELF-ONLY",
        "E-NOT-MEMBER",
        "E-AUTHOR-ROLE",
        "E-FLOW",
        "E-SUSPENDED",
        "E-TERMINATED",
        "E-DECLARATION",
        "E-VERIFY",
        "E-FIELDS",
        "E-TEAM",
        "E-DIVERGENT",
        "E-RELEASE",
        "E-SOURCE",
        "E-NOT-ON-TEAM",
        "E-COPY",
        "E-EMBARGO",
    ];
    assert_eq!(table, stable);
    // Each code finds its own row.
    assert!(RefusalCode::all().zip(stable).all(|(code, text)| code.as_str() == text));
    assert!(RefusalCode::all().all(|code| !code.rule().is_empty() && !code.meaning().is_empty()));
}

#[test]
fn reasons_stay_short_however_many_readers_there_are() {
    let mut roles = members();
    roles.extend((0..600u16).map(|n| {
        let mut id = [7; 32];
        id[..2].copy_from_slice(&n.to_be_bytes());
        (OrgId(id), "network".parse().unwrap())
    }));
    let facts = RecordFacts { kind: "material".parse().unwrap(), ..annual_report() };
    let refusals = permit(&agreement(), &roles, &facts).unwrap_err();
    assert!(refusals.len() == 1 && refusals[0].reason.len() < 600);
    assert!(refusals[0].reason.contains("and 598 more"), "{}", refusals[0].reason);
}

fn any_roles() -> impl Strategy<Value = BTreeMap<OrgId, Role>> {
    let role = prop::sample::select(vec!["npm", "npm", "cso", "cso", "cso", "network", "expert"]);
    prop::collection::btree_map(0u8..6, role, 0..8)
        .prop_map(|m| m.into_iter().map(|(n, role)| (OrgId([n; 32]), role.parse().unwrap())).collect())
}

fn any_agreement() -> impl Strategy<Value = Agreement> {
    prop_oneof![Just(TEXT), prop::sample::select(Form::ALL.map(template).to_vec())]
        .prop_map(|text| Agreement::parse(text).unwrap())
}

fn any_facts() -> impl Strategy<Value = RecordFacts> {
    let mut kinds: Vec<&str> = kinds::KINDS.iter().map(|k| k.name).collect();
    kinds.push("from-the-future");
    let sensitivity = prop::sample::select(vec![
        Sensitivity::Own,
        Sensitivity::Named,
        Sensitivity::Named,
        Sensitivity::Named,
        Sensitivity::Partnership,
        Sensitivity::Partnership,
        Sensitivity::Partnership,
        Sensitivity::Public,
    ]);
    let audience = prop_oneof![
        1 => Just(Audience::Everyone),
        3 => prop::collection::vec(0u8..7, 1..3)
            .prop_map(|n| named(&n.iter().map(|n| OrgId([*n; 32])).collect::<Vec<_>>())),
    ];
    let onward =
        prop::sample::select(vec![Onward::Never, Onward::Never, Onward::Never, Onward::Ask, Onward::Allowed]);
    let handling = (onward, prop::bool::weighted(0.2), prop::option::of("[a-z]{0,3}")).prop_map(
        |(onward, personal_data, consent)| Handling { onward, personal_data, consent, ..Handling::default() },
    );
    let day = prop_oneof![9 => 20_454u64..20_819, 1 => 20_000u64..22_000];
    (prop::sample::select(kinds), 0u8..6, audience, sensitivity, handling, day).prop_map(
        |(kind, author, audience, sensitivity, handling, day)| RecordFacts {
            kind: kind.parse().unwrap(),
            author: OrgId([author; 32]),
            audience,
            sensitivity,
            handling,
            created: Timestamp(0).plus_days(day),
            attachments: 0,
            personal: Vec::new(),
            publication: false,
        },
    )
}

/// Leads half of the records towards a clause, since by chance hardly any would be permitted.
fn led(agreement: &Agreement, roles: &BTreeMap<OrgId, Role>, facts: RecordFacts, by: u8) -> RecordFacts {
    let (true, flows) = (by.is_multiple_of(2), agreement.flows()) else { return facts };
    let flow = &flows[usize::from(by / 2) % flows.len()];
    let Choice::These(kinds) = &flow.kinds else { return facts };
    let kind = kinds[usize::from(by / 16) % kinds.len()].clone();
    let Some(author) = roles.iter().find(|(_, role)| flow.from.contains(role)).map(|(org, _)| *org) else {
        return facts;
    };
    let handling = Handling { personal_data: false, ..facts.handling };
    RecordFacts { kind, author, handling, ..facts }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn nothing_is_permitted_beyond_members_clauses_and_ceilings(
        agreement in any_agreement(), roles in any_roles(), facts in any_facts(), by in any::<u8>()
    ) {
        let facts = led(&agreement, &roles, facts, by);
        let answer = permit(&agreement, &roles, &facts);
        prop_assert_eq!(&answer, &permit(&agreement, &roles, &facts));
        match answer {
            Err(refusals) => prop_assert!(!refusals.is_empty()),
            Ok(permitted) => {
                let readers = permitted.readers();
                prop_assert!(!readers.is_empty() && !readers.contains(&facts.author));
                let from = &roles[&facts.author];
                for reader in readers {
                    prop_assert!(roles.contains_key(reader));
                    let covered = agreement.flows().iter().any(|f| f.covers(from, &facts.kind, &roles[reader]));
                    prop_assert!(covered);
                }
                match &facts.audience {
                    Audience::Everyone => prop_assert_eq!(readers.len(), roles.len() - 1),
                    Audience::Named(named) => {
                        prop_assert!(readers.iter().all(|r| named.orgs().contains(r)));
                        prop_assert!(named.orgs().iter().all(|o| *o == facts.author || readers.contains(o)));
                    }
                }
                prop_assert!(agreement.ceiling().sensitivity.contains(&facts.sensitivity));
                prop_assert!(facts.handling.onward <= agreement.ceiling().onward);
                prop_assert!(agreement.holds_at(facts.created));
                prop_assert!(!permitted.because().is_empty());
            }
        }
    }
}
