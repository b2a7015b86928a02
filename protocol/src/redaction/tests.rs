use super::*;
use crate::audience::Audience;
use crate::handling::{Handling, Language, Sensitivity};
use crate::identity::{OrgKind, introduce};
use crate::ids::{BlobId, LogId, PartnershipId, Seq};
use crate::record::{Attachment, Content, sign_record};
use crate::testing::Counter;

struct Party {
    node: SigningKey,
    introduced: Introduced,
}

fn party(n: u8) -> Party {
    let (root, node) = (SigningKey::from_bytes(&[n; 32]), SigningKey::from_bytes(&[n + 1; 32]));
    let id = NodeId(node.verifying_key().to_bytes());
    let introduced = introduce(&root, "Party", OrgKind::Npm, "GE", id, Timestamp(0)).unwrap();
    Party { node, introduced }
}

fn record(author: &Party) -> RecordParts {
    let text = |text: &str| Value::Text(text.into());
    let file = |n: u8| Attachment {
        salt: [n; 16],
        name: format!("{n}.pdf"),
        media_type: "application/pdf".into(),
        size: 1,
        blob: BlobId([n; 32]),
        key: [n; 32],
    };
    let content = Content {
        kind: "visit-report".parse().unwrap(),
        language: Language::undetermined(),
        sensitivity: Sensitivity::Named,
        handling: Handling::default(),
        created: Timestamp(1),
        replies_to: None,
        supersedes: None,
        references: Vec::new(),
        fields: vec![
            ("title".into(), text("Visit")),
            ("staff".into(), text("N. N.")),
            ("findings".into(), text("As they were")),
        ],
        attachments: vec![file(1), file(2)],
    };
    let place = (PartnershipId([1; 32]), Audience::Everyone, LogId([2; 32]), Seq(3));
    let author = (author.introduced.org(), &author.node);
    sign_record(&content, author.0, author.1, [4; 16], place, &mut Counter(1)).unwrap()
}

fn cuts() -> Cuts {
    Cuts {
        fields: BTreeSet::from(["staff".to_owned()]),
        replaced: BTreeMap::from([("findings".to_owned(), Value::Text("A summary".into()))]),
        attachments: BTreeSet::from([1]),
        nameless: false,
        reason: Some("names of staff".into()),
    }
}

fn redacted(cuts: &Cuts) -> Result<RedactedFile, RedactionError> {
    let (author, redactor) = (party(1), party(7));
    let by = (redactor.introduced.to_introduction(), &redactor.node);
    redact(
        author.introduced.to_introduction(),
        record(&author),
        cuts,
        by,
        (redactor.introduced.org(), Timestamp(9)),
    )
}

#[test]
fn a_redacted_copy_verifies_and_says_where_something_is_missing_and_whose_words_stand_there() {
    let copy = redacted(&cuts()).unwrap();
    let bytes = codec::encode(&copy);
    let read: RedactedFile = codec::decode(&bytes).unwrap();
    let verified = read.verify().unwrap();
    assert_eq!(
        verified.places(),
        [
            Place::Shown("title".into(), Value::Text("Visit".into())),
            Place::LeftOut(Some("staff".into())),
            Place::Replaced(Some("findings".into()), Value::Text("A summary".into())),
        ]
    );
    assert_eq!(verified.author().org(), party(1).introduced.org());
    assert_eq!(verified.redactor().org(), party(7).introduced.org());
    assert_eq!(verified.record().hidden(), (2, 1));
    assert_eq!(verified.redaction().reason.as_deref(), Some("names of staff"));
    for secret in [b"N. N.".as_slice(), b"As they were", &[2; 32]] {
        assert!(!bytes.windows(secret.len()).any(|w| w == secret), "{secret:?} is in the copy");
    }
}

#[test]
fn names_stay_at_home_where_the_redactor_wants_it() {
    let copy = redacted(&Cuts { nameless: true, reason: None, ..cuts() }).unwrap();
    let bytes = codec::encode(&copy);
    assert!(!bytes.windows(5).any(|w| w == b"staff"));
    let places = copy.verify().unwrap().places().to_vec();
    assert_eq!(places[1], Place::LeftOut(None));
}

#[test]
fn nothing_is_redacted_by_mistake() {
    assert_eq!(redacted(&Cuts::default()).unwrap_err(), RedactionError::Nothing);
    let wrong = Cuts { fields: BTreeSet::from(["stuff".to_owned()]), ..Cuts::default() };
    assert_eq!(redacted(&wrong).unwrap_err(), RedactionError::NoField("stuff".into()));
    let wrong = Cuts { attachments: BTreeSet::from([2]), ..Cuts::default() };
    assert_eq!(redacted(&wrong).unwrap_err(), RedactionError::NoAttachment(2));
    let wrong = Cuts { reason: Some("a\u{7}".into()), ..cuts() };
    assert_eq!(redacted(&wrong).unwrap_err(), RedactionError::Reason);
}

#[test]
fn a_redacted_copy_with_anything_changed_is_refused() {
    type Change = fn(&mut RedactedFile);
    let signed = |copy: &mut RedactedFile, change: fn(&mut Redaction)| {
        let redactor = party(7);
        let mut said = copy.redaction.verify(&redactor.introduced.node().0).unwrap().value().clone();
        change(&mut said);
        copy.redaction = sign(said, &redactor.node).to_unverified();
    };
    let changes: [(&str, Change); 5] = [
        ("less is shown than the redactor left", |c| drop(c.parts.fields.pop())),
        ("the author is another", |c| c.author = party(7).introduced.to_introduction()),
        ("the redactor is another", |c| c.redactor = party(1).introduced.to_introduction()),
        ("a context", |c| c.parts.context = Some(vec![1])),
        ("another version", |c| c.format = "entente redacted record 2".into()),
    ];
    for (what, change) in changes {
        let mut copy = redacted(&cuts()).unwrap();
        change(&mut copy);
        assert!(copy.verify().is_err(), "{what}");
    }
    // What the redactor itself signs is bound to the author's commitments too.
    type Claim = fn(&mut Redaction);
    let claims: [(&str, Claim); 9] = [
        ("of another record", |r| r.manifest = Hash([0; 32])),
        ("the author's words are called the redactor's", |r| r.fields[0].instead = Some(Value::Int(1))),
        ("what is shown is called left out", |r| r.fields[0].shown = false),
        ("what is left out is called shown", |r| r.fields[1].shown = true),
        ("what is shown has a name put to it", |r| r.fields[0].name = Some("other".into())),
        ("a place is missing", |r| drop(r.fields.pop())),
        ("a place is there twice", |r| r.fields.push(r.fields[1].clone())),
        ("a place that the author does not know", |r| r.fields[1].commitment = Hash([9; 32])),
        ("an attachment has words instead", |r| r.attachments[1].instead = Some(Value::Int(1))),
    ];
    for (what, change) in claims {
        let mut copy = redacted(&cuts()).unwrap();
        signed(&mut copy, change);
        assert!(copy.verify().is_err(), "{what}");
    }
}
