//! What is changed is said once, for whom, and whether it is more or less.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::agreement::{Form, templates::template};
use crate::ids::Hash;

const BASE: &str = r#"version = 1
title = "Test"
form = "formal"
start = 2026-01-01
end = 2026-12-31
renewal = "Every year."
roles = ["npm", "cso", "network"]
[[party]]
name = "A"
role = "npm"
organisation = "aeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaq"
focal_point = "Ana"
[[party]]
name = "B"
role = "cso"
[[flow]]
from = ["cso", "network"]
kinds = ["submission", "baseline"]
to = ["npm"]
[[flow]]
from = ["npm"]
kinds = ["annual-report"]
to = "any"
[ceiling]
sensitivity = ["named", "partnership"]
personal_data = "with-consent"
onward = "ask"
[decisions]
remove = 2
steward = "majority"
[declaration]
text = "I keep it."
roles = ["cso"]
[history]
newcomers = 2026-03-01
[keys]
rotate_days = 30
[survival]
text = "Stays."
[recorded]
money = "None."
"#;

fn base() -> Agreement {
    Agreement::parse(BASE).unwrap()
}

fn edited(line: &str, instead: &str) -> Agreement {
    assert!(BASE.contains(line), "{line}");
    Agreement::parse(&BASE.replacen(line, instead, 1)).unwrap_or_else(|e| panic!("{instead}: {e}"))
}

fn told(changes: &[Change]) -> Vec<String> {
    let at_once = |it: &Change| if it.at_once { " at once" } else { "" };
    changes.iter().map(|it| format!("{}{}: {}", it.effect.as_str(), at_once(it), it.sentence)).collect()
}

/// Each edit makes exactly these changes.
fn each(edits: &[(&str, &str, &[&str])]) {
    for (line, instead, expected) in edits {
        let found = told(&base().changes(&edited(line, instead)));
        assert_eq!(found, *expected, "{line} -> {instead}");
    }
}

#[test]
fn dates_are_told_with_what_they_do_to_records() {
    each(&[
        (
            "start = 2026-01-01",
            "start = 2026-02-01",
            &[
                "narrower: It begins on 1 February 2026 instead of 1 January 2026: what is dated before 1 February 2026 is refused.",
            ],
        ),
        (
            "start = 2026-01-01",
            "start = 2025-12-01",
            &[
                "wider: It begins on 1 December 2025 instead of 1 January 2026: what is dated from 1 December 2025 on is allowed.",
            ],
        ),
        (
            "end = 2026-12-31",
            "end = 2026-06-30",
            &[
                "narrower at once: It ends with 30 June 2026 instead of 31 December 2026: what is dated later is refused.",
            ],
        ),
        (
            "end = 2026-12-31",
            "end = 2027-12-31",
            &[
                "wider: It is prolonged until the end of 31 December 2027; it was to end with 31 December 2026.",
            ],
        ),
        ("end = 2026-12-31", "", &["wider: It has no end any more; it was to end with 31 December 2026."]),
    ]);
    let endless = edited("end = 2026-12-31", "");
    assert_eq!(
        told(&endless.changes(&base())),
        ["narrower at once: It ends with 31 December 2026; it had no end. What is dated later is refused."]
    );
}

#[test]
fn roles_and_parties_are_told() {
    each(&[
        (
            "\"network\"]\n[[party",
            "\"network\", \"expert\"]\n[[party",
            &[
                "wider: Members can newly have the role expert.",
                "wider: The NPM may newly send annual reports to experts.",
            ][..1],
        ),
        (
            "focal_point = \"Ana\"",
            "focal_point = \"Eva\"",
            &["words: The focal point of A is Eva; it was Ana."],
        ),
        ("focal_point = \"Ana\"", "", &["words: The focal point of A is nobody; it was Ana."]),
        ("name = \"A\"", "name = \"Z\"", &["words: A is called Z."]),
        (
            "role = \"cso\"",
            "role = \"network\"",
            &["words: B takes part with the role network instead of cso."],
        ),
        ("role = \"npm\"", "role = \"cso\"", &["wider: A takes part with the role cso instead of npm."]),
        (
            "organisation = \"aeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaq\"",
            "",
            &["wider: A is not bound to one organisation any more."],
        ),
        (
            "[[party]]\nname = \"B\"\nrole = \"cso\"",
            "",
            &["words: B is not named any more as a party with the role cso."],
        ),
        (
            "[[party]]\nname = \"B\"\nrole = \"cso\"",
            "[[party]]\nname = \"B\"\nrole = \"cso\"\norganisation = \"aibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaiba\"",
            &[
                "narrower: B is the organisation aibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaiba, which can take part only with the role cso.",
            ],
        ),
    ]);
    let fewer = BASE.replace(", \"network\"]", "]");
    let changes = base().changes(&Agreement::parse(&fewer).unwrap());
    assert_eq!(
        told(&changes),
        [
            "narrower: There is no role network any more: nobody else can take it.",
            "narrower at once: Networks may no longer send submissions and baseline information to the NPM."
        ]
        .map(|s| s.replace("submissions and baseline information", "baseline information and submissions"))
    );
}

#[test]
fn flows_are_compared_by_what_they_cover_and_grouped_by_whom_they_concern() {
    each(&[
        // Cut otherwise, the same.
        (
            "from = [\"cso\", \"network\"]\nkinds = [\"submission\", \"baseline\"]\nto = [\"npm\"]",
            "from = [\"cso\"]\nkinds = [\"baseline\", \"submission\"]\nto = [\"npm\"]\n[[flow]]\nfrom = \"network\"\nkinds = [\"submission\", \"baseline\"]\nto = \"npm\"",
            &[
                "words: Only explanations, the order or the layout of the text change; it is another text to sign all the same.",
            ],
        ),
        (
            "kinds = [\"submission\", \"baseline\"]",
            "kinds = [\"baseline\"]",
            &[
                "narrower at once: Civil-society organisations and networks may no longer send submissions to the NPM.",
            ],
        ),
        (
            "kinds = [\"submission\", \"baseline\"]\nto = [\"npm\"]",
            "kinds = [\"submission\", \"baseline\"]\nto = [\"npm\", \"network\"]",
            &[
                "wider: Civil-society organisations and networks may newly send baseline information and submissions to networks.",
            ],
        ),
        (
            "kinds = [\"annual-report\"]\nto = \"any\"",
            "kinds = [\"annual-report\"]\nto = [\"cso\"]",
            &[
                "narrower at once: The NPM may no longer send annual reports to the NPM, networks and members with a role that is not named.",
            ],
        ),
        (
            "kinds = [\"annual-report\"]",
            "kinds = [\"annual-report\", \"of-our-own\"]",
            &["wider: The NPM may newly send records of the kind of-our-own to any other member."],
        ),
    ]);
    let any = base().changes(&edited("kinds = [\"annual-report\"]", "kinds = \"any\""));
    assert_eq!(any.len(), 1);
    assert!(
        any[0].sentence.contains("recommendations") && !any[0].sentence.contains("visit plans"),
        "{any:?}"
    );
    let roles = ["npm", "cso", "network"].map(|r| r.parse::<Role>().unwrap());
    assert_eq!(any[0].roles(), roles);
}

#[test]
fn ceilings_are_told() {
    each(&[
        (
            "[\"named\", \"partnership\"]",
            "[\"named\", \"public\"]",
            &[
                "narrower at once: No record may have the class partnership (TLP:AMBER+STRICT, the members only) any more.",
                "wider: Records may newly have the class public (TLP:CLEAR, anyone).",
            ],
        ),
        (
            "\"with-consent\"",
            "\"never\"",
            &[
                "narrower at once: Records hold no data about identifiable persons. Until now: Records hold data about identifiable persons only where their consent is recorded.",
            ],
        ),
        (
            "onward = \"ask\"",
            "onward = \"allowed\"",
            &[
                "wider: Records may be passed on, unless their author says otherwise. Until now: Records are passed on only after their author said yes, or not at all where the author says so.",
            ],
        ),
    ]);
}

#[test]
fn who_decides_is_told_and_waits_for_the_signatures() {
    each(&[
        (
            "remove = 2",
            "remove = 3",
            &[
                "narrower: To remove a member, 3 stewards must sign (all of them where there are fewer). Until now 2 stewards must sign (all of them where there are fewer).",
            ],
        ),
        (
            "remove = 2",
            "",
            &[
                "wider: To remove a member, one steward must sign. Until now 2 stewards must sign (all of them where there are fewer).",
            ],
        ),
        // More of two stewards, fewer of ten.
        (
            "steward = \"majority\"",
            "steward = 3",
            &[
                "wider: To appoint, demote or remove a steward, 3 stewards must sign (all of them where there are fewer). Until now more than half of the stewards must sign.",
            ],
        ),
        (
            "steward = \"majority\"",
            "steward = \"all\"",
            &[
                "narrower: To appoint, demote or remove a steward, all stewards must sign. Until now more than half of the stewards must sign.",
            ],
        ),
        (
            "rotate_days = 30",
            "rotate_days = 7",
            &["narrower: Keys are renewed at least every 7 days; until now every 30 days."],
        ),
    ]);
}

#[test]
fn declarations_and_history_are_told_with_whom_they_concern() {
    each(&[
        (
            "roles = [\"cso\"]",
            "roles = [\"network\"]",
            &[
                "wider: A declaration of confidentiality is no longer asked of civil-society organisations.",
                "narrower: A declaration of confidentiality is newly asked of networks: no key before it is signed.",
            ],
        ),
        (
            "roles = [\"cso\"]",
            "",
            &[
                "narrower: A declaration of confidentiality is newly asked of the NPM, networks and members with a role that is not named: no key before it is signed.",
            ],
        ),
        (
            "[declaration]\ntext = \"I keep it.\"\nroles = [\"cso\"]",
            "",
            &["wider: A declaration of confidentiality is no longer asked of civil-society organisations."],
        ),
        (
            "I keep it.",
            "I keep all.",
            &[
                "narrower: The declaration of confidentiality has another text, which wants signing again by civil-society organisations: \u{201c}I keep all.\u{201d}.",
            ],
        ),
        (
            "text = \"I keep it.\"",
            "text = \"I keep it.\"\nvalid_days = 30",
            &["narrower: A declaration of confidentiality holds for 30 days; until now for 365 days."],
        ),
        (
            "2026-03-01",
            "2026-04-01",
            &[
                "narrower: Newcomers may read what was shared with everyone from 1 April 2026 (UTC) on, before they were admitted. Until now: Newcomers may read what was shared with everyone from 1 March 2026 (UTC) on, before they were admitted.",
            ],
        ),
        (
            "2026-03-01",
            "\"all\"",
            &[
                "wider: Newcomers may read all that was shared with everyone before they were admitted. Until now: Newcomers may read what was shared with everyone from 1 March 2026 (UTC) on, before they were admitted.",
            ],
        ),
    ]);
    let changes = base().changes(&edited("roles = [\"cso\"]", "roles = [\"cso\", \"network\"]"));
    assert_eq!(changes[0].roles(), ["network".parse().unwrap()]);
}

#[test]
fn what_is_only_said_is_told_as_words() {
    let document = format!("[document]\nname = \"a.pdf\"\nhash = \"{}\"\n[survival]", Hash([1; 32]));
    let attached = edited("[survival]", &document);
    let other = BASE
        .replace("[survival]", &document)
        .replace("name = \"a.pdf\"\nhash = \"ae", "name = \"a.pdf\"\nhash = \"ai");
    let other = Agreement::parse(&other).unwrap();
    for (old, new, start) in [
        (base(), attached.clone(), "words: A file is attached: \u{201c}a.pdf\u{201d} (hash aeaq"),
        (attached.clone(), base(), "words: The file \u{201c}a.pdf\u{201d} (hash aeaq"),
        (attached, other, "words: Another file is attached: \u{201c}a.pdf\u{201d} (hash aiaq"),
    ] {
        let found = told(&old.changes(&new));
        assert!(found.len() == 1 && found[0].starts_with(start), "{found:?}");
    }
    each(&[
        (
            "\"Test\"",
            "\"Trial\"",
            &["words: It is called \u{201c}Trial\u{201d} instead of \u{201c}Test\u{201d}."],
        ),
        (
            "\"formal\"",
            "\"informal\"",
            &["words: It is an informal arrangement to exchange information instead of a formal agreement."],
        ),
        (
            "renewal = \"Every year.\"",
            "",
            &["words: On renewal it says nothing any more; it said \u{201c}Every year.\u{201d}."],
        ),
        (
            "\"Stays.\"",
            "\"\"\"Stays\nso.\"\"\"",
            &[
                "words: On what stays in force after the end it says \u{201c}Stays so.\u{201d}, instead of \u{201c}Stays.\u{201d}.",
            ],
        ),
        (
            "money = \"None.\"",
            "law = \"Ours.\"",
            &[
                "words: On money it says nothing any more; it said \u{201c}None.\u{201d}.",
                "words: On the governing law it newly says \u{201c}Ours.\u{201d}.",
            ],
        ),
        (
            "onward = \"ask\"",
            "onward = \"ask\" # a comment",
            &[
                "words: Only explanations, the order or the layout of the text change; it is another text to sign all the same.",
            ],
        ),
    ]);
}

#[test]
fn an_agreement_differs_from_the_others_and_not_from_itself() {
    let all = Form::ALL.map(|form| Agreement::parse(template(form)).unwrap());
    for (n, old) in all.iter().enumerate() {
        for (m, new) in all.iter().enumerate() {
            assert_eq!(old.changes(new).is_empty(), n == m);
        }
    }
}
