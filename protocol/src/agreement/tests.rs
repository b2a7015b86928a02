//! What an agreement may say, how its faults are named, and how it reads.
#![allow(clippy::unwrap_used, clippy::panic)]

mod clauses;
mod practice;

use super::templates::template;
use super::*;
use crate::{codec, derive, limits};

const GOOD: &str = r#"version = 1
title = "Test"
form = "formal"
start = 2026-01-01
end = 2026-12-31
roles = ["network"]
[[party]]
name = "NPM of Georgia"
role = "npm"
focal_point = "Ana"
[[party]]
name = "Комітет"
role = "cso"
organisation = "aeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaq"
[[flow]]
from = ["cso"]
kinds = ["submission"]
to = ["npm"]
[[flow]]
from = "npm"
kinds = "any"
to = "any"
[ceiling]
sensitivity = ["named", "public"]
personal_data = "never"
onward = "ask"
[survival]
text = "Stays."
[recorded]
money = "None."
"#;

/// The error after replacing the first `line` of a good agreement.
fn error(line: &str, instead: &str) -> String {
    assert!(GOOD.contains(line), "{line}");
    match Agreement::parse(&GOOD.replacen(line, instead, 1)) {
        Ok(_) => panic!("accepted: {instead}"),
        Err(e) => e.to_string(),
    }
}

#[test]
fn a_good_agreement_says_what_it_says() {
    let a = Agreement::parse(GOOD).unwrap();
    assert_eq!((a.title(), a.form(), a.text()), ("Test", Form::Formal, GOOD));
    assert_eq!(a.hash(), derive::hash(GOOD.as_bytes()));
    assert_eq!(a.start(), Day::new(2026, 1, 1).unwrap());
    assert_eq!(a.end(), Day::new(2026, 12, 31));
    assert_eq!(a.roles().iter().map(Role::as_str).collect::<Vec<_>>(), ["npm", "cso", "network"]);
    assert_eq!(a.role_of(&OrgId([1; 32])).map(Role::as_str), Some("cso"));
    assert_eq!(a.role_of(&OrgId([2; 32])), None);
    assert_eq!(a.flows().len(), 2);
    assert_eq!(a.ceiling().sensitivity, [Sensitivity::Named, Sensitivity::Public]);
    assert_eq!((a.survival(), a.recorded()), (Some("Stays."), &[("money", "None.".into())][..]));
}

#[test]
fn another_comment_is_another_agreement() {
    let commented = Agreement::parse(&format!("{GOOD}# a comment\n")).unwrap();
    assert_ne!(commented.hash(), Agreement::parse(GOOD).unwrap().hash());
}

#[test]
fn a_key_that_means_nothing_is_named_with_its_line() {
    assert_eq!(
        error("[ceiling]", "[ceiling]\nembargo = 3"),
        "line 24: `embargo` in [ceiling] means nothing in an agreement; use only sensitivity, personal_data, onward, or put a # before the line to make it a comment"
    );
    let everywhere = [
        ("title", "titel = 1\ntitle", "line 2: `titel`"),
        ("from = \"npm\"", "form = 1\nfrom = \"npm\"", "line 20: `form` in flow 2"),
        ("role = \"cso\"", "rôle = 1", "cannot be read as TOML"),
        ("role = \"cso\"", "rol = 1", "line 13: `rol` in party 2"),
        ("money", "mony", "line 30: `mony` in [recorded]"),
        ("text = \"S", "txt = \"S", "line 28: `txt` in [survival]"),
    ];
    for (line, instead, expected) in everywhere {
        let error = error(line, instead);
        assert!(error.contains(expected), "{instead}: {error}");
    }
}

#[test]
fn what_is_missing_is_named_with_what_to_write() {
    let missing = [
        ("version = 1", "line 1: `version` is missing; write version = 1"),
        ("title = \"Test\"", "line 1: `title` is missing; write title = \"...\""),
        ("form = \"formal\"", "line 1: `form` is missing; write form = \"formal\""),
        ("start = 2026-01-01", "`start` is missing; write the first day, as in start = 2026-01-31"),
        ("from = [\"cso\"]", "line 15: `from` in flow 1 is missing; write who sends"),
        ("kinds = \"any\"", "line 19: `kinds` in flow 2 is missing"),
        ("to = \"any\"", "line 19: `to` in flow 2 is missing"),
        ("onward = \"ask\"", "line 23: `onward` in [ceiling] is missing; write onward ="),
        ("name = \"NPM of Georgia\"", "line 7: `name` in party 1 is missing"),
        ("text = \"Stays.\"", "`text` in [survival] is missing"),
    ];
    for (line, expected) in missing {
        let error = error(line, "");
        assert!(error.contains(expected), "{line}: {error}");
    }
    let no_flows: String = GOOD.split("[[flow]]").next().unwrap().into();
    let error = Agreement::parse(&no_flows).unwrap_err().to_string();
    assert!(error.contains("`flow` is missing; without it nobody may send anything"), "{error}");
    let start = GOOD.find("[ceiling]").unwrap();
    let error = Agreement::parse(&GOOD[..start]).unwrap_err().to_string();
    assert!(error.contains("`[ceiling]` is missing"), "{error}");
}

#[test]
fn wrong_dates_are_explained() {
    let wrong = [
        ("\"2026-01-01\"", "line 4: `start` is not a date; write year-month-day without quotation marks"),
        ("2026-01-01T10:00:00Z", "line 4: `start` has a time of the day"),
        ("10:00:00", "line 4: `start` has a time of the day"),
        ("1969-12-31", "line 4: `start` is not a day of the calendar from 1970 on"),
        ("2027-01-01", "line 5: `end` is before the start"),
        ("2026-02-30", "line 4"),
        ("01.01.2026", "line 4: cannot be read as TOML"),
        ("2026", "line 4: `start` is not a date"),
    ];
    for (date, expected) in wrong {
        let error = error("2026-01-01", date);
        assert!(error.contains(expected), "{date}: {error}");
    }
    assert!(Agreement::parse(&GOOD.replace("2026-01-01", "2026-12-31")).is_ok(), "one day is enough");
}

#[test]
fn a_joint_activity_must_end() {
    let joint = GOOD.replace("\"formal\"", "\"joint-activity\"");
    assert!(Agreement::parse(&joint).is_ok());
    let error = Agreement::parse(&joint.replace("end = 2026-12-31", "")).unwrap_err().to_string();
    assert!(error.contains("a joint activity ends"), "{error}");
}

#[test]
fn wrong_values_are_named_with_what_to_write_instead() {
    let wrong = [
        (
            "version = 1",
            "version = 2",
            "line 1: `version` is not 1; write version = 1, or use a newer program",
        ),
        ("version = 1", "version = 0x1", "`version` is not 1"),
        ("\"Test\"", "3", "line 2: `title` is not a text"),
        ("\"Test\"", "\" \"", "line 2: `title` is empty"),
        ("\"Test\"", "\"\"\"a\nb\"\"\"", "`title` has several lines"),
        (
            "\"formal\"",
            "\"formel\"",
            "`form` is \"formel\"; write one of informal, formal, advisory-body, joint",
        ),
        (
            "[\"cso\"]",
            "[\"ministry\"]",
            "line 16: `from` in flow 1 names the role \"ministry\", which no party has; write one of npm, cso, network",
        ),
        ("to = [\"npm\"]", "to = [\"ministry\"]", "`to` in flow 1 names the role \"ministry\""),
        ("[\"cso\"]", "[]", "has 0 entries"),
        ("[\"cso\"]", "[\"cso\", \"cso\"]", "names \"cso\" twice; name it once"),
        ("[\"cso\"]", "\"any\"", "uses \"any\" where a role is wanted"),
        ("[\"network\"]", "[\"any\"]", "line 6: `roles` uses \"any\""),
        ("[\"submission\"]", "[\"Submission\"]", "names \"Submission\", which is no kind"),
        ("[\"submission\"]", "[\"any\"]", "has \"any\" in a list"),
        ("[\"submission\"]", "[1]", "holds something that is not a word"),
        ("[\"submission\"]", "5", "is not a list of words"),
        ("\"public\"]", "\"own\"]", "names \"own\", the class of what never leaves"),
        ("\"public\"]", "\"secret\"]", "names a class that does not exist, \"secret\""),
        ("personal_data = \"never\"", "personal_data = \"no\"", "write one of never, with-consent, allowed"),
        ("onward = \"ask\"", "onward = true", "`onward` in [ceiling] is not a text; write one of never, ask"),
        ("role = \"cso\"", "role = \"any\"", "`role` in party 2 is \"any\""),
        ("\"aeaq", "\"xxxxaeaq", "`organisation` in party 2 is not the id of an organisation; copy the 52"),
        ("\"Комітет\"", "\"NPM of Georgia\"", "is the name of two parties"),
        (
            "focal_point = \"Ana\"",
            "organisation = \"aeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaq\"",
            "is the id of two parties",
        ),
        ("[survival]", "[[survival]]", "`survival` is not a section; write [survival]"),
        ("[[flow]]\nfrom = [\"cso\"]", "[flow]\nfrom = [\"cso\"]", "cannot be read as TOML"),
        ("title = \"Test\"", "title = \"Test", "line 2: cannot be read as TOML"),
        ("title = \"Test\"", "title = \"Test\"\ntitle = \"Test\"", "line 3: cannot be read as TOML"),
    ];
    for (line, instead, expected) in wrong {
        let error = error(line, instead);
        assert!(error.contains(expected), "{instead}: {error}");
    }
}

#[test]
fn nothing_is_signed_that_a_screen_would_hide() {
    for c in
        ['\u{202e}', '\u{2066}', '\u{1b}', '\u{7f}', '\u{0}', '\u{e0041}', '\u{2028}', '\u{9b}', '\u{feff}']
    {
        let anywhere = error("roles =", &format!("# {c}\nroles ="));
        assert!(anywhere.starts_with("line 6: holds the invisible character U+"), "{anywhere}");
        let escaped = format!("\"Test\\U{:08x}\"", u32::from(c));
        let escaped = error("\"Test\"", &escaped);
        assert!(escaped.starts_with("line 2: `title` holds the invisible character"), "{escaped}");
        for place in ["\"a{}\" = 1\nroles =", "form = \"{}\"\nroles ="] {
            let hidden_in_error = place.replace("{}", &format!("\\U{:08x}", u32::from(c)));
            let line = if place.starts_with("form") { "form = \"formal\"\n" } else { "" };
            let text = GOOD.replacen(line, "", usize::from(!line.is_empty()));
            let error = Agreement::parse(&text.replacen("roles =", &hidden_in_error, 1)).unwrap_err();
            assert!(!error.to_string().contains(c), "{error:?}");
        }
    }
    // Joiners, Windows line ends and scripts of all directions are fine.
    let fine = GOOD.replace("Комітет", "کمیته می\u{200c}خواهد").replace('\n', "\r\n");
    assert!(Agreement::parse(&fine).is_ok());
    assert!(Agreement::parse(&format!("\u{feff}{GOOD}")).is_ok());
}

#[test]
fn limits_hold_at_the_last_byte() {
    let fill = |n: usize| format!("{GOOD}#{}", "x".repeat(n - GOOD.len() - 1));
    assert!(Agreement::parse(&fill(limits::MAX_AGREEMENT)).is_ok());
    let error = Agreement::parse(&fill(limits::MAX_AGREEMENT + 1)).unwrap_err();
    assert_eq!(error, AgreementError::TooLong { len: limits::MAX_AGREEMENT + 1 });
    let flows = "[[flow]]\nfrom = \"cso\"\nkinds = \"any\"\nto = \"any\"\n".repeat(127);
    assert!(Agreement::parse(&format!("{GOOD}{}", &flows[..flows.len() / 127 * 126])).is_ok());
    let error = Agreement::parse(&format!("{GOOD}{flows}")).unwrap_err().to_string();
    assert!(error.contains("`flow` stands 129 times; use at most 128"), "{error}");
}

#[test]
fn deep_and_odd_files_are_errors_not_panics() {
    let deep = format!("version = 1\ntitle = {}", "[".repeat(60_000));
    let dotted = format!("version = 1\n{}a = 1", "a.".repeat(60_000));
    for odd in ["", "\0", "=", "[[", "version", "version = 1e400", &deep, &dotted] {
        assert!(Agreement::parse(odd).is_err());
    }
    for end in (0..GOOD.len()).filter(|n| GOOD.is_char_boundary(*n)) {
        let _either_way = Agreement::parse(&GOOD[..end]);
    }
}

#[test]
fn every_template_parses_and_says_each_of_its_flows() {
    let mut hashes = std::collections::BTreeSet::new();
    for form in Form::ALL {
        let agreement = Agreement::parse(template(form)).unwrap_or_else(|e| panic!("{form:?}: {e}"));
        assert_eq!(agreement.form(), form);
        assert!(hashes.insert(agreement.hash()));
        assert_eq!(agreement.advice(), Vec::<String>::new(), "{form:?}");
        let sentences = agreement.sentences();
        for flow in agreement.flows() {
            assert!(sentences.contains(&flow.sentence()));
            let Choice::These(kinds) = &flow.kinds else { continue };
            assert!(kinds.iter().all(|kind| flow.sentence().contains(&kind_words(kind))));
            assert!(
                flow.from
                    .iter()
                    .all(|r| flow.sentence().to_lowercase().contains(&role_words(r).to_lowercase()))
            );
        }
        // The party that is commented out as an example is one.
        let party = template(form).split("\n# [[party]]").nth(1).unwrap();
        let example: String = party
            .lines()
            .skip(1)
            .take(4)
            .map(|l| l.trim_start_matches("# "))
            .fold("[[party]]\n".into(), |all, l| all + l + "\n");
        let example = example.replace(
            "the 52 letters and digits that its node shows; this line may be left out",
            "aeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaq",
        );
        let with_party = Agreement::parse(&format!("{}\n{example}", template(form))).unwrap();
        assert_eq!(with_party.parties().len(), 1);
    }
}

#[test]
fn the_templates_keep_the_promises_of_their_forms() {
    let of = |form| Agreement::parse(template(form)).unwrap();
    let names = |form: Form, kind: &str| {
        let kind: Kind = kind.parse().unwrap();
        of(form).flows().iter().any(|f| match &f.kinds {
            Choice::Any => true,
            Choice::These(kinds) => kinds.contains(&kind),
        })
    };
    // Form 5: a council member sees the council's papers and no visit record.
    for kind in ["visit", "notes", "visit-report", "submission"] {
        assert!(!names(Form::AdvisoryBody, kind), "{kind}");
    }
    // Form 6: divergent views exist; form 4: it ends; form 1: no persons.
    assert!(names(Form::WithinNpm, "divergent-view") && !names(Form::Formal, "divergent-view"));
    assert!(of(Form::JointActivity).end().is_some());
    assert_eq!(of(Form::Informal).ceiling().personal_data, PersonalData::Never);
    for form in Form::ALL {
        assert!(!names(form, "source") && !names(form, "consent"));
    }
}

#[test]
fn an_informal_arrangement_reads_like_this() {
    let sentences = Agreement::parse(template(Form::Informal)).unwrap().sentences();
    assert_eq!(
        sentences,
        [
            "\u{201c}Informal exchange of information\u{201d} is an informal arrangement to exchange information.",
            "It holds from 1 January 2026 (UTC), without an end date.",
            "Members have the role npm or cso.",
            "Civil-society organisations may send proposals of places and themes to visit, baseline information, submissions and allegations of reprisals to the NPM.",
            "The NPM may send feedback on what came of submissions, visit reports, recommendations and annual reports to civil-society organisations.",
            "The NPM and civil-society organisations may send requests for information, descriptions of places, training offers and materials to any other member.",
            "What none of these clauses lets a member send is refused, and so is a record without a reader other than its author.",
            "Sources and consents never leave the node of their author.",
            "Every record has one of these classes: named (TLP:RED, only the readers named), partnership (TLP:AMBER+STRICT, the members only) or public (TLP:CLEAR, anyone).",
            "Records hold no data about identifiable persons.",
            "Nobody passes on what they received.",
            "One steward must sign to admit a member, give a member another role, remove a member, appoint, demote or remove a steward, give a member records from before it joined or end the partnership early.",
            "Changing or renewing this agreement always wants the signature of every member; narrower limits on records hold as soon as they are proposed.",
            "Newcomers read nothing that was shared before they were admitted.",
            "Keys are renewed whenever a member goes or comes, and at least every 30 days.",
        ]
    );
}

#[test]
fn the_sentences_say_parties_dates_any_survival_and_what_is_only_recorded() {
    let sentences = Agreement::parse(GOOD).unwrap().sentences();
    for expected in [
        "It holds from 1 January 2026 until the end of 31 December 2026 (both in UTC).",
        "NPM of Georgia takes part with the role npm; its focal point is Ana.",
        "Комітет takes part with the role cso, as the organisation aeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaq.",
        "The NPM may send records of every known kind that is not confidential (so not visit plans, notes of visits and allegations of reprisals) to any other member.",
        "After the end the parties remain bound: \u{201c}Stays.\u{201d}.",
        "Recorded and signed, but not enforced by the software, on money: \u{201c}None.\u{201d}.",
    ] {
        assert!(sentences.iter().any(|s| s == expected), "{expected}\n{sentences:#?}");
    }
}

#[test]
fn clauses_that_can_never_be_used_are_advised_against_not_refused() {
    let text = GOOD.replace("[\"submission\"]", "[\"recommendation\", \"source\", \"opinoin\"]");
    let advice = Agreement::parse(&text).unwrap().advice();
    assert_eq!(
        advice,
        [
            "Flow 1 lets civil-society organisations send recommendation, but only the NPM can write it: the clause has no effect for them.",
            "Flow 1 names source, which never leaves its author's node: take it out.",
            "Flow 1 names the kind opinoin, which this version does not know: look whether it is spelt right.",
        ]
    );
    let idle = GOOD.replacen("to = \"any\"", "to = \"cso\"", 1);
    assert_eq!(Agreement::parse(&idle).unwrap().advice(), ["No flow lets networks send or read anything."]);
}

#[test]
fn a_signature_of_the_largest_size_fits_its_limit() {
    let largest = AgreementSignature {
        partnership: Some(PartnershipId([255; 32])),
        agreement: Hash([255; 32]),
        org: OrgId([255; 32]),
        role: "a".repeat(40).parse().unwrap(),
        time: Timestamp(u64::MAX),
    };
    let key = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
    let signed = crate::signed::sign(largest.clone(), &key).to_unverified();
    let back = signed.verify(&key.verifying_key().to_bytes()).unwrap();
    assert_eq!(back.value(), &largest);
    let founding = AgreementSignature { partnership: None, ..largest };
    assert_eq!(codec::decode::<AgreementSignature>(&codec::encode(&founding)).unwrap(), founding);
}
