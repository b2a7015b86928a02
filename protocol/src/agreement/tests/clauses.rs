//! The sections that may be left out: what they say, their faults, and what holds without them.

use super::*;

/// A good agreement with these lines at its end.
fn with(lines: &str) -> Agreement {
    Agreement::parse(&format!("{GOOD}{lines}\n")).unwrap_or_else(|e| panic!("{lines}: {e}"))
}

fn fault(lines: &str) -> String {
    match Agreement::parse(&format!("{GOOD}{lines}\n")) {
        Ok(_) => panic!("accepted: {lines}"),
        Err(e) => e.to_string(),
    }
}

#[test]
fn an_agreement_without_the_new_sections_is_decided_by_one_steward_and_asks_no_declaration() {
    let a = Agreement::parse(GOOD).unwrap();
    assert_eq!(a.decisions(), &Decisions::default());
    assert!(a.decisions().each().iter().all(|(threshold, _)| *threshold == Threshold::Stewards(1)));
    assert_eq!((a.declaration(), a.document()), (None, None));
    assert_eq!((a.history(), a.keys().rotate_days()), (&Newcomers::None, 30));
}

#[test]
fn the_new_sections_say_what_they_say() {
    let hash = derive::hash(b"the paper");
    let a = with(&format!(
        "[decisions]\nadmit = 2\nremove = \"majority\"\nterminate = \"all\"\n\
         [declaration]\ntext = \"\"\"\nI keep\nit.\n\"\"\"\nroles = [\"cso\", \"network\"]\nvalid_days = 90\n\
         [history]\nnewcomers = 2026-03-01\n[keys]\nrotate_days = 7\n\
         [document]\nname = \"paper.pdf\"\nhash = \"{hash}\"\nsize = 9"
    ));
    let decisions = a.decisions();
    assert_eq!(decisions.admit(), Threshold::Stewards(2));
    assert_eq!(decisions.remove(), Threshold::Majority);
    assert_eq!(decisions.terminate(), Threshold::All);
    let one = Threshold::Stewards(1);
    assert_eq!((decisions.role(), decisions.steward(), decisions.history()), (one, one, one));
    let declaration = a.declaration().unwrap();
    assert_eq!((declaration.text(), declaration.valid_days()), ("I keep\nit.", 90));
    assert_eq!(declaration.hash(), derive::hash(b"I keep\nit."));
    let wanted = |role: &str| declaration.wanted_of(&role.parse().unwrap());
    assert!(wanted("cso") && wanted("network") && !wanted("npm"));
    assert_eq!(a.history(), &Newcomers::Since(Day::new(2026, 3, 1).unwrap()));
    assert_eq!(a.keys().rotate_days(), 7);
    let document = a.document().unwrap();
    assert_eq!((document.name(), document.hash(), document.size()), ("paper.pdf", hash, Some(9)));
    assert!(document.is(b"the paper") && !document.is(b"the papes"));
}

#[test]
fn a_declaration_is_asked_of_all_for_a_year_where_the_file_does_not_say() {
    for roles in ["", "roles = \"any\""] {
        let a = with(&format!("[declaration]\ntext = \"I keep it.\"\n{roles}"));
        let declaration = a.declaration().unwrap();
        assert!(declaration.wanted_of(&"npm".parse().unwrap()));
        assert_eq!((declaration.roles(), declaration.valid_days()), (&Choice::Any, 365));
    }
}

#[test]
fn faults_of_the_new_sections_are_named_with_their_line() {
    let hash = derive::hash(b"");
    let document = |lines: &str| format!("[document]\nname = \"a.pdf\"\nhash = \"{hash}\"\n{lines}");
    let threshold = "is not a number of stewards; write a number from 1 to 64, \"majority\" or \"all\"";
    let wrong = [
        ("[decisions]\nadmit = 0".into(), format!("line 32: `admit` in [decisions] {threshold}")),
        ("[decisions]\nsteward = 65".into(), threshold.into()),
        ("[decisions]\nsteward = -1".into(), threshold.into()),
        ("[decisions]\nsteward = 0x2".into(), threshold.into()),
        ("[decisions]\nsteward = 2.0".into(), threshold.into()),
        ("[decisions]\nsteward = \"2\"".into(), threshold.into()),
        ("[decisions]\nsteward = \"most\"".into(), threshold.into()),
        ("[decisions]\namend = 1".into(), "line 32: `amend` in [decisions] means nothing".into()),
        ("[declaration]\nroles = \"any\"".into(), "line 31: `text` in [declaration] is missing".into()),
        ("[declaration]\ntext = \" \"".into(), "`text` in [declaration] is empty".into()),
        (
            "[declaration]\ntext = \"I\"\nroles = [\"expert\"]".into(),
            "line 33: `roles` in [declaration] names the role \"expert\", which no party has".into(),
        ),
        ("[declaration]\ntext = \"I\"\nroles = []".into(), "has 0 entries".into()),
        (
            "[declaration]\ntext = \"I\"\nvalid_days = 3661".into(),
            "is not a number of days; write a number from 1 to 3660".into(),
        ),
        ("[history]".into(), "`newcomers` in [history] is missing".into()),
        ("[history]\nnewcomers = \"some\"".into(), "is neither \"none\" nor \"all\"".into()),
        ("[history]\nnewcomers = 3".into(), "is not a date".into()),
        ("[keys]\nrotate_days = 0".into(), "write a number from 1 to 365".into()),
        ("[keys]\nrotate = 3".into(), "line 32: `rotate` in [keys] means nothing".into()),
        ("[document]\nname = \"a\"".into(), "`hash` in [document] is missing".into()),
        ("[document]\nname = \"../a\"".into(), "is not the name of a file".into()),
        ("[document]\nname = \"a\"\nhash = \"abc\"".into(), "is not a hash of 52 letters and digits".into()),
        (document("size = 0"), "line 34: `size` in [document] is not a size in bytes".into()),
        (document("size = 9007199254740992"), "is not a size in bytes".into()),
        (document("url = \"https://x\""), "line 34: `url` in [document] means nothing".into()),
        ("[[keys]]".into(), "`keys` is not a section".into()),
    ];
    for (lines, expected) in wrong {
        let lines: String = lines;
        let expected: String = expected;
        let fault = fault(&lines);
        assert!(fault.contains(&expected), "{lines}: {fault}");
    }
}

#[test]
fn a_threshold_is_never_none_and_never_more_than_there_are() {
    for stewards in 0..200 {
        for threshold in
            [Threshold::Majority, Threshold::All].into_iter().chain((1..=64).map(Threshold::Stewards))
        {
            let needed = threshold.needed(stewards);
            assert!((1..=stewards.max(1)).contains(&needed), "{threshold:?} of {stewards}");
        }
        let majority = Threshold::Majority.needed(stewards);
        assert!(stewards == 0 || (majority * 2 > stewards && (majority - 1) * 2 <= stewards));
    }
    assert_eq!(Threshold::Stewards(2).needed(5), 2);
    assert_eq!(Threshold::All.needed(5), 5);
}

#[test]
fn the_new_sections_read_like_this() {
    let a = with(&format!(
        "[decisions]\nadmit = 2\nsteward = 2\nremove = \"majority\"\nterminate = \"all\"\n\
         [declaration]\ntext = \"I keep it.\"\nroles = [\"cso\", \"network\"]\nvalid_days = 1\n\
         [history]\nnewcomers = 2026-03-01\n[keys]\nrotate_days = 7\n\
         [document]\nname = \"paper.pdf\"\nhash = \"{}\"\nsize = 9",
        Hash([1; 32])
    ));
    for expected in [
        "2 stewards must sign (all of them where there are fewer) to admit a member or appoint, demote or remove a steward.",
        "One steward must sign to give a member another role or give a member records from before it joined.",
        "More than half of the stewards must sign to remove a member.",
        "All stewards must sign to end the partnership early.",
        "Changing or renewing this agreement always wants the signature of every member; narrower limits on records hold as soon as they are proposed.",
        "A declaration of confidentiality is asked of civil-society organisations and networks: no key before it is signed, and none once the signature is older than 1 day. It reads: \u{201c}I keep it.\u{201d}.",
        "Newcomers may read what was shared with everyone from 1 March 2026 (UTC) on, before they were admitted.",
        "Keys are renewed whenever a member goes or comes, and at least every 7 days.",
        "The file \u{201c}paper.pdf\u{201d} (9 bytes, hash aeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaq) is part of what is signed. The software makes sure that it is that very file, and enforces nothing that stands in it.",
    ] {
        assert!(a.sentences().iter().any(|s| s == expected), "{expected}\n{:#?}", a.sentences());
    }
}

#[test]
fn advice_is_given_on_days_that_change_nothing_old_keys_and_visits_shown_to_the_unbound() {
    assert_eq!(
        with("[history]\nnewcomers = 2026-01-01\n[keys]\nrotate_days = 91").advice(),
        [
            "Newcomers may read what was shared from 1 January 2026 on, and nothing was shared before the agreement begins on 1 January 2026: \u{201c}all\u{201d} says the same.",
            "Keys are renewed every 91 days only: who takes one reads as many days of records. 30 are usual.",
        ]
    );
    assert_eq!(with("[history]\nnewcomers = 2026-12-31\n[keys]\nrotate_days = 90").advice().len(), 0);
    assert_eq!(with("[history]\nnewcomers = 2027-01-01").advice().len(), 1);
    let visits = "[[flow]]\nfrom = \"npm\"\nkinds = [\"visit\", \"place\"]\nto = \"any\"\n";
    assert_eq!(
        with(visits).advice(),
        [
            "Flow 3 lets civil-society organisations and networks read visit plans, and no [declaration] of confidentiality is asked of them."
        ]
    );
    let bound =
        with(&format!("{visits}[declaration]\ntext = \"I keep it.\"\nroles = [\"cso\", \"network\"]"));
    assert_eq!(bound.advice().len(), 0);
}

#[test]
fn every_section_that_a_template_comments_out_is_one() {
    for form in Form::ALL {
        let (mut text, mut inside, mut sections) = (String::new(), false, 0);
        for line in template(form).lines() {
            let header = line.starts_with("# [") && !line.starts_with("# [[");
            inside = line.starts_with("# ") && (inside || header);
            sections += usize::from(header);
            text.push_str(if inside { &line[2..] } else { line });
            text.push('\n');
        }
        let text = text.replace("\"52 letters and digits\"", &format!("\"{}\"", Hash([1; 32])));
        let agreement = Agreement::parse(&text).unwrap_or_else(|e| panic!("{form:?}: {e}"));
        assert!(sections >= 2, "{form:?}");
        assert_eq!(agreement.advice(), Vec::<String>::new(), "{form:?}");
    }
}

#[test]
fn the_templates_ask_for_a_declaration_where_visits_are_shared_and_nowhere_by_surprise() {
    let of = |form| Agreement::parse(template(form)).unwrap();
    for form in [Form::JointActivity, Form::WithinNpm] {
        assert!(of(form).declaration().unwrap().wanted_of(&"cso".parse().unwrap()), "{form:?}");
        assert!(!of(form).declaration().unwrap().wanted_of(&"npm".parse().unwrap()), "{form:?}");
    }
    for form in [Form::Informal, Form::Formal] {
        assert_eq!((of(form).declaration(), of(form).decisions()), (None, &Decisions::default()));
        assert_eq!((of(form).history(), of(form).keys()), (&Newcomers::None, Keys::default()));
    }
}
