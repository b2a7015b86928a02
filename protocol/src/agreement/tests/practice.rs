//! Regular exchanges, what follows a visit, votes, and words of the parties' own.

use super::*;
use crate::agreement::Effect;

const BASE: &str = "version = 1\ntitle = \"T\"\nform = \"within-npm\"\nstart = 2026-01-01\nroles = [\"npm\", \"cso\"]\n\
     [[flow]]\nfrom = [\"cso\"]\nkinds = \"any\"\nto = \"any\"\n\
     [ceiling]\nsensitivity = [\"named\"]\npersonal_data = \"never\"\nonward = \"never\"\n";

fn with(more: &str) -> Result<Agreement, AgreementError> {
    Agreement::parse(&format!("{BASE}{more}"))
}

const ALL: &str = "[[exchange]]\nwhat = \"Figures\"\nfrom = [\"cso\"]\nkinds = [\"baseline\"]\nevery_days = 90\nfirst = 2026-03-31\n\
     [visits]\ncontribution_days = 15\ndivergent_views = \"carried\"\n[council]\nquorum = \"majority\"\n\
     [vocabulary]\nplace-category = [\"nursing-home\", \"სახლი\"]\n[scale]\n\"დაწყებულია\" = \"initial-steps\"\n";

#[test]
fn the_clauses_about_working_together_are_read_and_said_in_words() {
    let agreement = with(ALL).unwrap();
    let exchange = &agreement.exchanges()[0];
    assert_eq!((exchange.what(), exchange.every_days()), ("Figures", 90));
    assert_eq!(exchange.first().unwrap().to_string(), "31 March 2026");
    assert_eq!(agreement.visits().unwrap().contribution_days(), Some(15));
    assert!(agreement.visits().unwrap().divergent_views_are_carried());
    assert_eq!(agreement.quorum().unwrap().needed(5), 3);
    assert_eq!(agreement.additions().terms["place-category"], ["nursing-home", "სახლი"]);
    assert_eq!(agreement.additions().scale["დაწყებულია"], "initial-steps");
    let sentences = agreement.sentences().join("\n");
    for words in [
        "Every 90 days, first on 31 March 2026",
        "Within 15 days",
        "as they were signed, or it is refused",
        "more than half of the members take a position",
        "\u{201c}სახლი\u{201d}",
        "means: initial steps",
    ] {
        assert!(sentences.contains(words), "{words}: {sentences}");
    }
    assert_eq!(with("").unwrap().additions(), &crate::vocabulary::Additions::default());
}

#[test]
fn mistakes_in_them_are_told_with_their_line() {
    for (wrong, says) in [
        ("[[exchange]]\nwhat = \"F\"\nfrom = [\"cso\"]\nkinds = [\"baseline\"]\n", "`every_days`"),
        (
            "[[exchange]]\nwhat = \"F\"\nfrom = [\"expert\"]\nkinds = [\"baseline\"]\nevery_days = 9\n",
            "no party has",
        ),
        ("[visits]\ndivergent_views = \"yes\"\n", "carried, shown"),
        ("[visits]\ncontribution_days = 0\n", "number of days"),
        ("[council]\nquorum = 0\n", "number of stewards"),
        ("[vocabulary]\n\"No Name\" = [\"a\"]\n", "name of a vocabulary"),
        ("[vocabulary]\ntheme = []\n", "0 entries"),
        ("[vocabulary]\ntheme = [\"a\", \"a\"]\n", "twice"),
        ("[scale]\n\"done\" = \"Fully Done\"\n", "no step"),
    ] {
        let error = with(wrong).unwrap_err().to_string();
        assert!(error.contains(says) && error.starts_with("line "), "{wrong}: {error}");
    }
    let many: String = (0..300).map(|n| format!("\"w{n}\" = \"none\"\n")).collect();
    assert!(with(&format!("[scale]\n{many}")).unwrap_err().to_string().contains("at most 256"));
}

#[test]
fn giving_up_the_carrying_of_divergent_views_is_wider_and_words_are_words() {
    let (none, all) = (with("").unwrap(), with(ALL).unwrap());
    let effects = |old: &Agreement, new: &Agreement| -> Vec<Effect> {
        old.changes(new).iter().map(|change| change.effect()).collect()
    };
    assert_eq!(effects(&none, &all), [Effect::Words, Effect::Narrower, Effect::Wider, Effect::Words]);
    assert_eq!(effects(&all, &none), [Effect::Words, Effect::Wider, Effect::Wider, Effect::Words]);
    assert!(none.changes(&all).iter().all(|change| !change.at_once()));
}

#[test]
fn what_is_to_be_released_is_read_said_in_words_and_narrower_at_once() {
    let clause =
        "[release]\nfrom = [\"npm\"]\nkinds = [\"visit-report\"]\nsensitivity = [\"named\"]\napprovals = 2\n";
    let (none, two) = (with("").unwrap(), with(clause).unwrap());
    let (npm, cso) = ("npm".parse().unwrap(), "cso".parse().unwrap());
    let (report, notes) = ("visit-report".parse().unwrap(), "notes".parse().unwrap());
    let release = two.release().unwrap();
    assert!(none.release().is_none());
    assert_eq!(release.approvals(), 2);
    assert!(release.covers(&npm, &report, Sensitivity::Named));
    assert!(!release.covers(&cso, &report, Sensitivity::Named));
    assert!(!release.covers(&npm, &notes, Sensitivity::Named));
    assert!(!release.covers(&npm, &report, Sensitivity::Partnership));
    assert!(two.sentences().join(" ").contains("only once 2 different persons of the author released them"));
    let changes = |old: &Agreement, new: &Agreement| -> Vec<(Effect, bool)> {
        old.changes(new).iter().map(|change| (change.effect(), change.at_once())).collect()
    };
    assert_eq!(changes(&none, &two), [(Effect::Narrower, true)]);
    assert_eq!(changes(&two, &none), [(Effect::Wider, false)]);
    let three = with(&clause.replace("= 2", "= 3")).unwrap();
    assert_eq!(changes(&two, &three), [(Effect::Wider, false)]);
    for (wrong, says) in [
        ("[release]\nkinds = \"any\"\napprovals = 1\n", "2 to 8"),
        ("[release]\nkinds = \"any\"\n", "`approvals`"),
        ("[release]\napprovals = 2\n", "`kinds`"),
        ("[release]\nkinds = \"any\"\napprovals = 2\nfrom = [\"expert\"]\n", "no party has"),
    ] {
        let error = with(wrong).unwrap_err().to_string();
        assert!(error.contains(says), "{wrong}: {error}");
    }
}
