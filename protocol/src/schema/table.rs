//! The table of all kinds and their fields.

use super::FieldType::{
    Date, Names, Number, Record, RecordOrText, Records, Tables, Term, Terms, Text, Texts, YesNo,
};
use super::{Field, FieldType, Need, Schema};

const fn may(name: &'static str, holds: FieldType, help: &'static str) -> Field {
    Field { name, holds, need: Need::Optional, help }
}

const fn must(name: &'static str, holds: FieldType, help: &'static str) -> Field {
    Field { name, holds, need: Need::Required, help }
}

/// What a statement is about: named by a field, or by replying to it.
const fn about(name: &'static str, help: &'static str) -> Field {
    Field { name, holds: Record, need: Need::OrReply, help }
}

/// Fields that every kind may have.
pub const COMMON: &[Field] = &[
    may("title", Text, "what it is called in lists"),
    may("summary", Text, "in a few sentences"),
    may("text", Text, "the whole of it, in any script"),
    may("date", Date, "the day that it is about, or on which it was said"),
    may("external-id", Text, "its number in another system, such as the spreadsheet that it came from"),
];

const PLACE: Field = may("place", RecordOrText, "where: the record of the place, or its name");
const THEMES: Field = may("themes", Terms("theme"), "what it is about");
const POPULATIONS: Field = may("populations", Terms("population"), "whom it is about");
const PERIOD: Field = may("period", Text, "from when to when, such as 2026-09/2026-10");
const URGENCY: Field = may("urgency", Term("urgency"), "how soon it must be acted upon");
const RELIABILITY: Field = may("reliability", Text, "how sure it is, and why");
const DUE: Field = may("due", Date, "until when an answer is asked for");
const RECOMMENDATION: Field = about("recommendation", "the recommendation that it is about");
const VISIT: Field = about("visit", "the visit that it is about");
const MOTION: Field = about("motion", "the motion that it is about");

/// Kind and field that hold data about persons; no kind stands for any. What the brief calls confidential
/// unless said otherwise: sources, consents, notes, health data, names of staff and of persons.
pub const PERSONAL: &[(&str, &str)] = &[
    ("source", "name"),
    ("source", "role"),
    ("expert", "name"),
    ("notes", "interviews"),
    ("notes", "registers"),
    ("", "contact"),
    ("", "person"),
    ("", "persons"),
    ("", "staff"),
    ("", "names-of-staff"),
    ("", "health"),
    ("", "health-data"),
];

const fn kind(kind: &'static str, purpose: &'static str, fields: &'static [Field]) -> Schema {
    Schema { kind, purpose, fields }
}

/// One for every kind of [`crate::kinds::KINDS`], in the same order.
pub const SCHEMAS: &[Schema] = &[
    kind(
        "place",
        "A place where people are held, by all its names.",
        &[
            may("names", Names, "its names, in each language and script"),
            may("aliases", Texts, "other names that people use"),
            may("category", Term("place-category"), "what kind of place it is"),
            may("authority", Text, "who controls it"),
            may("capacity", Number, "how many people it is made for"),
            POPULATIONS,
            may("private-operator", YesNo, "is it run by a company?"),
            may("locality", Text, "the town or district"),
            may("same-as", Records, "records of the same place, found to be duplicates"),
            may(
                "not-same",
                Records,
                "records of places that are not the same, as we see it, whatever others say",
            ),
        ],
    ),
    kind(
        "priority",
        "A place or theme that civil society proposes for a visit.",
        &[PLACE, THEMES, may("why", Text, "why now"), URGENCY, PERIOD],
    ),
    kind(
        "baseline",
        "What is known of a place or theme over a period.",
        &[
            PLACE,
            PERIOD,
            THEMES,
            POPULATIONS,
            may("facts", Texts, "what is known"),
            may("how-known", Text, "how it is known, without naming anybody"),
            RELIABILITY,
        ],
    ),
    kind(
        "information-request",
        "A question to partners, with a day by which an answer is asked for.",
        &[
            PLACE,
            may("theme", Terms("theme"), "what it is about"),
            THEMES,
            may("question", Text, "what is asked"),
            DUE,
        ],
    ),
    kind(
        "submission",
        "What civil society tells the NPM. It stays an allegation until it is assessed.",
        &[
            PLACE,
            PERIOD,
            THEMES,
            POPULATIONS,
            may("alleged-acts", Texts, "what is alleged to have happened"),
            RELIABILITY,
            URGENCY,
            may("source", Text, "who said it: stays on this node, always"),
            may("internal-notes", Text, "for the author alone: stays on this node, always"),
        ],
    ),
    kind(
        "feedback",
        "What came of a priority or a submission, told to who sent it.",
        &[
            may("about", Record, "what it answers, unless it replies to it"),
            may("outcome", Text, "what came of it"),
        ],
    ),
    kind(
        "source",
        "A person who told something. Never leaves this node.",
        &[
            may("name", Text, "who it is"),
            may("contact", Text, "how to reach the person, and how not to"),
            may("role", Text, "such as relative, lawyer, former detainee"),
            may("pseudonym", Text, "what to call the person in other records"),
            may("risk", Text, "what could happen to the person, and how likely it is"),
        ],
    ),
    kind(
        "consent",
        "What a person allows. Never leaves this node; a later one with `changes` narrows or withdraws it.",
        &[
            may("person", Text, "a pseudonym"),
            may("uses", Terms("consent-use"), "what the account may be used for"),
            may("third-party", Text, "whom, where a third party is allowed"),
            may("method", Text, "how the consent was given: spoken, written, by whom"),
            may("expires", Date, "until when it holds"),
            may("changes", Record, "the consent that this one narrows or withdraws"),
            may("withdrawn", YesNo, "with `changes`: the person takes the consent back"),
        ],
    ),
    kind(
        "visit",
        "A visit that the NPM plans or has made. Another one with `visit` says how it went on.",
        &[
            PLACE,
            may("places", Records, "where it leads to several places"),
            may("visit-kind", Term("visit-kind"), "regular, thematic, follow-up or ad hoc"),
            may("announced", YesNo, "does the place know?"),
            may("from", Date, "its first day"),
            may("until", Date, "its last day"),
            may("team", Records, "the entries of its members in the roster (kind `expert`)"),
            may(
                "team-organisations",
                Texts,
                "who reads its notes: the node puts in who keeps the team's entries",
            ),
            may("objectives", Texts, "what it is for"),
            may("visit", Record, "the plan, where this record says how it went on"),
            may("confirmed", YesNo, "with `visit`: the team is confirmed"),
            may("done", YesNo, "with `visit`: it took place"),
            may("follows", Record, "the visit that this one follows up"),
        ],
    ),
    kind(
        "notes",
        "What the team wrote down during a visit. Confidential.",
        &[
            VISIT,
            PLACE,
            may("observations", Texts, "what was seen"),
            may("interviews", Texts, "what was said"),
            may("registers", Texts, "extracts of registers"),
        ],
    ),
    kind(
        "visit-report",
        "What the NPM reports of a visit. Another one with `report` says how it went on.",
        &[
            may("visit", Record, "the visit"),
            PLACE,
            may("process", Text, "how the visit went"),
            may("background", Text, "what the place is"),
            may("changes-since", Texts, "what changed since the visit before"),
            may("findings", Texts, "what was found"),
            may("good-practices", Texts, "what others can learn from"),
            may("recommendations", Records, "the recommendations that it makes"),
            may("stage", Term("report-stage"), "how far it is; left out, it is issued to its readers"),
            may("report", Record, "the report, where this record says how it went on"),
            may("reason", Text, "why it is withheld"),
            may("divergent-views", Tables, "signed views of members that differ; the node puts them in"),
        ],
    ),
    kind(
        "recommendation",
        "What the NPM asks of an authority.",
        &[
            PLACE,
            THEMES,
            POPULATIONS,
            may("addressee", Term("addressee"), "who is to act"),
            may("report", RecordOrText, "the report that it stands in"),
            DUE,
            may("repeats", Records, "an earlier recommendation that this one repeats"),
            may("addressed-to-us", YesNo, "made to the NPM itself, by the SPT for example"),
        ],
    ),
    kind(
        "authority-reply",
        "What an authority answered to a recommendation, or corrected in a draft report; the NPM writes it down.",
        &[
            RECOMMENDATION,
            may("part", Text, "in reply to a draft report: the field of it whose facts are corrected"),
            may("authority", Text, "who answered"),
            may("position", Text, "accepted, rejected, in part"),
            may("measures", Texts, "what it says it did or will do"),
            may("promised", Date, "by when"),
        ],
    ),
    kind(
        "status-assessment",
        "How far a recommendation is carried out, as the NPM sees it.",
        &[
            RECOMMENDATION,
            must("status", Text, "in the words of your own scale; always shown as they are"),
            may("axis", Term("status-axis"), "what that means on the common axis, if no scale says"),
            may("evidence", Texts, "what it rests on"),
            may("method", Text, "document or visit"),
            may("closes", YesNo, "is the recommendation done with?"),
        ],
    ),
    kind(
        "endorsement",
        "An organisation stands behind a recommendation.",
        &[RECOMMENDATION, may("statement", Text, "in its own words")],
    ),
    kind(
        "shadow-information",
        "How civil society sees what became of a recommendation. Never changes the NPM's status.",
        &[
            RECOMMENDATION,
            may("status", Text, "in the words of your own scale"),
            may("axis", Term("status-axis"), "what that means on the common axis, if no scale says"),
            may("evidence", Texts, "what it rests on"),
        ],
    ),
    kind(
        "advocacy",
        "What somebody did for recommendations.",
        &[
            may("recommendations", Records, "those that it supports"),
            may("addressee", Term("addressee"), "whom it addressed: an authority, media, the public"),
            may("action", Text, "what was done"),
            may("outcome", Text, "what came of it"),
        ],
    ),
    kind(
        "reprisal-allegation",
        "An allegation that somebody suffers for having spoken. Confidential, to named focal points.",
        &[
            PLACE,
            may("alleged-acts", Texts, "what is alleged to have happened"),
            may("person", Text, "a pseudonym"),
            may("action-taken", Text, "what was done about it"),
            URGENCY,
        ],
    ),
    kind(
        "training",
        "A training that is offered.",
        &[
            may("topics", Texts, "what is taught"),
            may("from", Date, "its first day"),
            may("until", Date, "its last day"),
            may("where", Text, "where it is held"),
            may("languages", Texts, "in which languages"),
            may("places-free", Number, "how many can take part"),
        ],
    ),
    kind(
        "material",
        "A document for others to learn from.",
        &[
            may("topics", Texts, "what it is about"),
            may("languages", Texts, "in which languages"),
            may("redacted-copy", Tables, "another's record in parts, as signed; `record pass-on` puts it in"),
        ],
    ),
    kind(
        "expert",
        "A person who can go on visits: what they know, and until when they may.",
        &[
            may("name", Text, "who it is, or a pseudonym"),
            may("expertise", Texts, "such as medicine, law, psychology"),
            may("languages", Texts, "that the person speaks"),
            may("training-until", Date, "until when the training as a monitor holds"),
            may("declaration-until", Date, "until when the declaration of confidentiality holds"),
            may("organisation", Text, "where the person works"),
        ],
    ),
    kind(
        "activity",
        "A project, joint visit, report or campaign: what it is for, who does what, until when.",
        &[
            may("objectives", Texts, "what it is to achieve"),
            may("roles", Texts, "who does what"),
            may("from", Date, "its first day"),
            may("until", Date, "its last day"),
        ],
    ),
    kind(
        "meeting",
        "A meeting of an advisory body: when, where, and what is on the agenda.",
        &[
            may("from", Date, "when it begins"),
            may("where", Text, "where it is held"),
            may("agenda", Texts, "the points, in order"),
            may("papers", Records, "what is to be read before"),
            may("minutes", Text, "what was said"),
        ],
    ),
    kind(
        "opinion",
        "Advice of a member of an advisory body.",
        &[
            THEMES,
            may("meeting", Record, "the meeting that it is for"),
            may("conflict", Text, "the author's interest in the matter, if any"),
        ],
    ),
    kind(
        "motion",
        "Something to be decided by members. Another one with `withdraws` takes it back, one with `tally` counts it.",
        &[
            may("question", Text, "what is to be decided"),
            must("quorum", Number, "how many members must take part; with fewer it is no decision"),
            must("closes", Date, "until when positions count"),
            may("meeting", Record, "the meeting that it is for"),
            may("withdraws", Record, "the motion that this record takes back"),
            may("tally", Record, "the motion whose positions this record counts, once it has closed"),
            may("counted", Records, "with `tally`: the positions that count; all that come later do not"),
        ],
    ),
    kind(
        "position",
        "For, against or abstaining: what a member says to a motion. Its newest one counts.",
        &[
            MOTION,
            must("position", Term("position"), "for, against or abstain"),
            may("reason", Text, "why"),
            may("conflict", Text, "the member's interest in the matter; it then does not count"),
        ],
    ),
    kind(
        "response",
        "The NPM's answer to an opinion or a decision.",
        &[
            may("about", Record, "what it answers, unless it replies to it"),
            may("outcome", Text, "what the NPM will do"),
        ],
    ),
    kind(
        "contribution",
        "What a member owes the report of a visit.",
        &[VISIT, may("observations", Texts, "what was seen"), may("proposals", Texts, "what to recommend")],
    ),
    kind(
        "divergent-view",
        "What a member sees otherwise than the report. The final report carries it as it was signed.",
        &[VISIT, may("report", Record, "the draft of the report")],
    ),
    kind(
        "declaration",
        "A declaration of confidentiality.",
        &[
            may("person", Text, "who declares"),
            may("organisation", Text, "for which organisation"),
            may("valid-until", Date, "until when it holds"),
        ],
    ),
    kind(
        "annual-report",
        "What the NPM reports of a year.",
        &[may("year", Number, "the year"), may("figures", Tables, "figures made from the records")],
    ),
];
