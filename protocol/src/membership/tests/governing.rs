//! Deciding, proposing, amending, suspending, declaring: M13, M14, M16, M17, M19, M20, M22.

use super::*;
use crate::declaration::Declaration;
use crate::membership::acts::{Amend, Deed, HistoryGrant, HistoryScope, Remove};
use crate::membership::{NoKey, ProposalState};

const TWO: &str = "[decisions]\nsteward = 2\nremove = 2\nadmit = 2\nterminate = \"all\"\nhistory = 2\n";

pub fn remove_of(org: &Org) -> Deed {
    Deed::Remove(Remove { org: org.id(), reason: "reason".into(), cutoff: Vec::new() })
}

pub fn steward_of(org: &Org, steward: bool) -> Deed {
    Deed::Steward { org: org.id(), steward }
}

impl Org {
    pub fn decide(&self, graph: &ActGraph, deed: Deed) -> VerifiedAct {
        acts::decide(self.author(graph), deed).unwrap()
    }

    pub fn propose(&self, graph: &ActGraph, deed: Deed) -> VerifiedAct {
        acts::propose(self.author(graph), deed).unwrap()
    }

    pub fn sign(&self, graph: &ActGraph, proposal: &VerifiedAct) -> VerifiedAct {
        acts::sign_proposal(self.author(graph), proposal.id()).unwrap()
    }

    pub fn enact(&self, graph: &ActGraph, proposal: &VerifiedAct) -> VerifiedAct {
        acts::enact(self.author(graph), proposal.id()).unwrap()
    }

    pub fn withdraw(&self, graph: &ActGraph, proposal: &VerifiedAct) -> VerifiedAct {
        acts::withdraw(self.author(graph), proposal.id()).unwrap()
    }
}

/// Three stewards (the third let in while one was enough) and a member, under an agreement that wants two.
fn four(clauses: &str) -> (Vec<Org>, ActGraph) {
    let orgs: Vec<Org> = (1..=5).map(Org::new).collect();
    let mut graph = founded_with(&orgs[0], clauses);
    admit(&mut graph, &orgs[0], &orgs[1], true);
    for (who, steward) in [(2, true), (3, false)] {
        let invite = orgs[0].invite_by_door(&graph, steward, orgs[who].n);
        put(&invite, &mut graph);
        let join = orgs[who].join(&graph, &invite);
        put(&join, &mut graph);
        together(&mut graph, &[&orgs[0], &orgs[1]], Deed::Approve { join: join.id() });
    }
    (orgs, graph)
}

/// The first proposes, the others sign, the last enacts.
fn together(graph: &mut ActGraph, signers: &[&Org], deed: Deed) -> VerifiedAct {
    let proposal = signers[0].propose(graph, deed);
    put(&proposal, graph);
    for signer in &signers[1..] {
        put(&signer.sign(graph, &proposal), graph);
    }
    let enact = signers.last().unwrap().enact(graph, &proposal);
    put(&enact, graph);
    assert_effective(graph, &enact);
    proposal
}

#[test]
fn what_wants_two_stewards_is_void_by_one_and_counts_once_two_signed() {
    let (o, mut graph) = four(TWO);
    let alone = o[0].remove(&graph, &o[3]);
    put(&alone, &mut graph);
    assert_void(&graph, &alone, VoidReason::NeedsSignatures);
    let proposal = o[0].propose(&graph, remove_of(&o[3]));
    put(&proposal, &mut graph);
    let early = o[0].enact(&graph, &proposal);
    put(&early, &mut graph);
    assert_void(&graph, &early, VoidReason::TooFewSignatures);
    let member = o[3].sign(&graph, &proposal);
    put(&member, &mut graph);
    assert_void(&graph, &member, VoidReason::NotASteward);
    let twice = o[0].sign(&graph, &proposal);
    put(&twice, &mut graph);
    assert_void(&graph, &twice, VoidReason::AlreadySigned);
    let view = &Membership::of(&graph).proposals[&proposal.id()];
    assert_eq!((view.needed, view.signed.len(), view.state), (2, 1, ProposalState::Open));
    put(&o[1].sign(&graph, &proposal), &mut graph);
    // Whoever enacts lends nothing: a member that is no steward may.
    let enact = o[3].enact(&graph, &proposal);
    put(&enact, &mut graph);
    assert_void(&graph, &enact, VoidReason::RemovesItself);
    let enact = o[1].enact(&graph, &proposal);
    put(&enact, &mut graph);
    assert_effective(&graph, &enact);
    let now = Membership::of(&graph);
    assert!(!now.is_member(&o[3].id()));
    assert_eq!(now.proposals[&proposal.id()].state, ProposalState::Enacted);
    let again = o[2].enact(&graph, &proposal);
    put(&again, &mut graph);
    assert_void(&graph, &again, VoidReason::AlreadyDone);
}

#[test]
fn a_signature_of_who_was_removed_meanwhile_does_not_count() {
    let (o, graph) = four("[decisions]\nsteward = 2\n");
    let (mut here, mut there) = (graph.clone(), graph.clone());
    let proposal = o[1].propose(&here, steward_of(&o[3], true));
    put(&proposal, &mut here);
    put(&o[2].sign(&here, &proposal), &mut here);
    let enact = o[2].enact(&here, &proposal);
    put(&enact, &mut here);
    assert!(Membership::of(&here).is_steward(&o[3].id()));
    together(&mut there, &[&o[0], &o[1]], remove_of(&o[2]));
    let all = merged(&here, &there);
    assert_eq!(Membership::of(&all), Membership::of(&merged(&there, &here)));
    assert!(!Membership::of(&all).is_steward(&o[3].id()));
    assert!(matches!(verdict(&all, &enact), Verdict::Void(_)));
}

#[test]
fn a_proposal_is_taken_back_by_its_author_only_and_not_once_in_effect() {
    let (o, mut graph) = four(TWO);
    let proposal = o[0].propose(&graph, remove_of(&o[3]));
    put(&proposal, &mut graph);
    let by_other = o[1].withdraw(&graph, &proposal);
    put(&by_other, &mut graph);
    assert_void(&graph, &by_other, VoidReason::NotTheAuthor);
    put(&o[0].withdraw(&graph, &proposal), &mut graph);
    let late = o[1].sign(&graph, &proposal);
    put(&late, &mut graph);
    assert_void(&graph, &late, VoidReason::Withdrawn);
    assert_eq!(Membership::of(&graph).proposals[&proposal.id()].state, ProposalState::Withdrawn);
    let second = together(&mut graph, &[&o[0], &o[1]], remove_of(&o[3]));
    let late = o[0].withdraw(&graph, &second);
    put(&late, &mut graph);
    assert_void(&graph, &late, VoidReason::AlreadyDone);
}

#[test]
fn a_role_is_changed_by_a_steward_to_one_that_the_agreement_has() {
    let (o, mut graph) = four("");
    let role = |role: &str| Deed::Role { org: o[3].id(), role: role.parse().unwrap() };
    let unknown = o[0].decide(&graph, role("judge"));
    put(&unknown, &mut graph);
    assert_void(&graph, &unknown, VoidReason::UnknownRole);
    let by_member = o[3].decide(&graph, role("npm"));
    put(&by_member, &mut graph);
    assert_void(&graph, &by_member, VoidReason::NotASteward);
    put(&o[1].decide(&graph, role("npm")), &mut graph);
    assert_eq!(Membership::of(&graph).members[&o[3].id()].role.as_str(), "npm");
    // Of two at once the senior's word holds, and a later one replaces both.
    let (mut here, mut there) = (graph.clone(), graph.clone());
    put(&o[0].decide(&here, role("cso")), &mut here);
    put(&o[1].decide(&there, role("npm")), &mut there);
    let mut both = merged(&here, &there);
    assert_eq!(Membership::of(&both), Membership::of(&merged(&there, &here)));
    assert_eq!(Membership::of(&both).members[&o[3].id()].role.as_str(), "cso");
    put(&o[1].decide(&both, role("npm")), &mut both);
    assert_eq!(Membership::of(&both).members[&o[3].id()].role.as_str(), "npm");
}

#[test]
fn a_demotion_voids_what_the_demoted_steward_does_elsewhere() {
    let (o, graph) = four("");
    let (mut here, mut there) = (graph.clone(), graph.clone());
    let demote = o[0].decide(&here, steward_of(&o[1], false));
    put(&demote, &mut here);
    let invite = o[1].invite(&there, true);
    put(&invite, &mut there);
    let removal = o[1].remove(&there, &o[3]);
    put(&removal, &mut there);
    let mut all = merged(&here, &there);
    assert_eq!(Membership::of(&all), Membership::of(&merged(&there, &here)));
    assert_void(&all, &invite, VoidReason::DemotedMeanwhile);
    assert_void(&all, &removal, VoidReason::DemotedMeanwhile);
    let now = Membership::of(&all);
    assert!(now.is_member(&o[1].id()) && !now.is_steward(&o[1].id()) && now.is_member(&o[3].id()));
    let later = o[1].invite(&all, false);
    put(&later, &mut all);
    assert_void(&all, &later, VoidReason::NotASteward);
    put(&o[0].decide(&all, steward_of(&o[1], true)), &mut all);
    let again = o[1].invite(&all, false);
    put(&again, &mut all);
    assert_effective(&all, &again);
}

#[test]
fn of_promotion_and_demotion_at_once_the_demotion_wins() {
    let (o, graph) = four("");
    let (mut here, mut there) = (graph.clone(), graph.clone());
    put(&o[0].decide(&here, steward_of(&o[3], true)), &mut here);
    put(&o[1].decide(&there, steward_of(&o[3], false)), &mut there);
    let all = merged(&here, &there);
    assert_eq!(Membership::of(&all), Membership::of(&merged(&there, &here)));
    assert!(!Membership::of(&all).is_steward(&o[3].id()));
}

#[test]
fn the_last_steward_steps_down_only_when_there_is_another() {
    let (a, b) = (Org::new(1), Org::new(2));
    let mut graph = founded_with(&a, "[decisions]\nsteward = 2\n");
    admit(&mut graph, &a, &b, false);
    let down = a.decide(&graph, steward_of(&a, false));
    put(&down, &mut graph);
    assert_void(&graph, &down, VoidReason::LastSteward);
    // One steward is all there are, so one is enough.
    put(&a.decide(&graph, steward_of(&b, true)), &mut graph);
    let down = a.decide(&graph, steward_of(&a, false));
    put(&down, &mut graph);
    assert_effective(&graph, &down);
    assert!(Membership::of(&graph).is_steward(&b.id()) && !Membership::of(&graph).is_steward(&a.id()));
}

#[test]
fn two_stewards_who_demote_each_other_leave_one() {
    let (a, b) = (Org::new(1), Org::new(2));
    let mut graph = founded(&a);
    admit(&mut graph, &a, &b, true);
    let (mut here, mut there) = (graph.clone(), graph.clone());
    put(&a.decide(&here, steward_of(&b, false)), &mut here);
    put(&b.decide(&there, steward_of(&a, false)), &mut there);
    let all = merged(&here, &there);
    assert_eq!(Membership::of(&all), Membership::of(&merged(&there, &here)));
    let now = Membership::of(&all);
    assert!(now.is_steward(&a.id()) && !now.is_steward(&b.id()));
}

fn amendment(version: u32, clause: &str) -> Deed {
    Deed::Amend(Amend { version, text: format!("{}\n# version {version}\n{clause}", template(Form::Formal)) })
}

#[test]
fn an_amendment_is_in_force_once_every_member_signed() {
    let (o, mut graph) = four("");
    let before = Membership::of(&graph).agreement.hash();
    let proposal = o[0].propose(&graph, amendment(2, ""));
    put(&proposal, &mut graph);
    for signer in &o[1..3] {
        put(&signer.sign(&graph, &proposal), &mut graph);
    }
    let early = o[0].enact(&graph, &proposal);
    put(&early, &mut graph);
    assert_void(&graph, &early, VoidReason::TooFewSignatures);
    let now = Membership::of(&graph);
    assert_eq!((now.agreement.hash(), now.version), (before, 1));
    assert_eq!(now.terms().count(), 2, "the narrower limits of what was proposed hold at once");
    put(&o[3].sign(&graph, &proposal), &mut graph);
    put(&o[3].enact(&graph, &proposal), &mut graph);
    let now = Membership::of(&graph);
    assert_eq!((now.version, now.terms().count()), (2, 1));
    assert_ne!(now.agreement.hash(), before);
    assert!(o[..4].iter().all(|org| now.may_read(&org.id(), Timestamp(1)).is_ok()));
    // Who joins from now on signs the version in force.
    admit(&mut graph, &o[0], &o[4], false);
    assert!(Membership::of(&graph).is_member(&o[4].id()));
}

#[test]
fn of_two_amendments_at_once_one_comes_into_force() {
    let (o, graph) = four("");
    let (mut here, mut there) = (graph.clone(), graph.clone());
    let signers: Vec<&Org> = o[..4].iter().collect();
    together(&mut here, &signers, amendment(2, "# one"));
    together(&mut there, &signers, amendment(2, "# another"));
    let all = merged(&here, &there);
    let now = Membership::of(&all);
    assert_eq!(now, Membership::of(&merged(&there, &here)));
    assert_eq!(now.version, 2);
    let enacted = now
        .proposals
        .values()
        .filter(|p| matches!(p.deed, Deed::Amend(_)) && p.state == ProposalState::Enacted)
        .count();
    assert_eq!(enacted, 1);
    let stale = acts::propose(o[0].author(&all), amendment(2, "# stale")).unwrap();
    let mut all = all;
    put(&stale, &mut all);
    assert_void(&all, &stale, VoidReason::Overtaken);
}

#[test]
fn who_joins_while_the_agreement_is_amended_gets_no_key_before_signing_it() {
    let (o, graph) = four("");
    let (mut here, mut there) = (graph.clone(), graph.clone());
    let signers: Vec<&Org> = o[..4].iter().collect();
    let proposal = together(&mut here, &signers, amendment(2, ""));
    admit(&mut there, &o[0], &o[4], false);
    let mut all = merged(&here, &there);
    assert_eq!(Membership::of(&all), Membership::of(&merged(&there, &here)));
    let now = Membership::of(&all);
    assert_eq!(now.may_read(&o[4].id(), Timestamp(1)), Err(NoKey::NotSigned));
    put(&o[4].sign(&all, &proposal), &mut all);
    assert_eq!(Membership::of(&all).may_read(&o[4].id(), Timestamp(1)), Ok(()));
}

#[test]
fn renewing_wants_every_member() {
    let (o, mut graph) = four("");
    let last_day = Timestamp(20_000 * Timestamp::DAY);
    let signers: Vec<&Org> = o[..4].iter().collect();
    together(&mut graph, &signers, Deed::Renew { last_day });
    assert_eq!(Membership::of(&graph).renewed, Some(last_day));
    let odd = acts::propose(o[0].author(&graph), Deed::Renew { last_day: Timestamp(7) });
    assert!(odd.is_err());
}

#[test]
fn an_npm_suspends_alone_and_nobody_else_does() {
    let (npm, cso_org, other) = (Org::npm(1), Org::new(2), Org::new(3));
    let role: Role = "npm".parse().unwrap();
    let mut graph = ActGraph::founded(found_on(&npm, template(Form::Formal), role)).unwrap();
    admit(&mut graph, &npm, &cso_org, true);
    admit(&mut graph, &npm, &other, false);
    let by_cso = acts::suspend(cso_org.author(&graph), "").unwrap();
    put(&by_cso, &mut graph);
    assert_void(&graph, &by_cso, VoidReason::NotAnNpm);
    let suspend = acts::suspend(npm.author(&graph), "a leak").unwrap();
    put(&suspend, &mut graph);
    assert_eq!(Membership::of(&graph).suspensions[&suspend.id()].reason, "a leak");
    let by_cso = acts::resume(cso_org.author(&graph), suspend.id()).unwrap();
    put(&by_cso, &mut graph);
    assert_void(&graph, &by_cso, VoidReason::NotTheAuthor);
    put(&acts::resume(npm.author(&graph), suspend.id()).unwrap(), &mut graph);
    assert!(Membership::of(&graph).suspensions.is_empty());
    let again = acts::resume(npm.author(&graph), by_cso.id()).unwrap();
    put(&again, &mut graph);
    assert_void(&graph, &again, VoidReason::NoSuchSuspension);
}

#[test]
fn a_partnership_is_ended_for_good_by_as_many_as_the_agreement_says() {
    let (o, mut graph) = four(TWO);
    let terminate = || Deed::Terminate { reason: "done".into() };
    let alone = o[0].decide(&graph, terminate());
    put(&alone, &mut graph);
    assert_void(&graph, &alone, VoidReason::NeedsSignatures);
    together(&mut graph, &[&o[2], &o[1], &o[0]], terminate());
    assert_eq!(Membership::of(&graph).terminated.unwrap().reason, "done");
}

#[test]
fn history_is_granted_to_members_by_as_many_as_the_agreement_says() {
    let (o, mut graph) = four(TWO);
    let grant = |org: &Org, scope| Deed::Grant(HistoryGrant { org: org.id(), scope });
    let stranger = o[0].propose(&graph, grant(&o[4], HistoryScope::All));
    put(&stranger, &mut graph);
    assert_void(&graph, &stranger, VoidReason::NobodyThere);
    together(&mut graph, &[&o[0], &o[1]], grant(&o[3], HistoryScope::From(Timestamp(5))));
    let now = Membership::of(&graph);
    assert_eq!(now.grants.values().next().unwrap().scope, HistoryScope::From(Timestamp(5)));
    let unsorted = HistoryScope::Records(vec![(o[1].log(), crate::ids::Seq(1)); 2]);
    assert!(acts::propose(o[0].author(&graph), grant(&o[3], unsorted)).is_err());
}

const DECLARE: &str =
    "[declaration]\ntext = \"I keep what I learn to myself.\"\nroles = [\"cso\"]\nvalid_days = 30\n";

#[test]
fn no_key_before_the_declaration_and_none_after_it_expired() {
    let (a, b) = (Org::npm(1), Org::new(2));
    let text = format!("{}\n{DECLARE}", template(Form::Formal));
    let role: Role = "npm".parse().unwrap();
    let mut graph = ActGraph::founded(found_on(&a, &text, role)).unwrap();
    admit(&mut graph, &a, &b, false);
    let now = Membership::of(&graph);
    assert_eq!(now.may_read(&a.id(), Timestamp(1)), Ok(()), "the agreement asks nothing of its role");
    assert_eq!(now.may_read(&b.id(), Timestamp(1)), Err(NoKey::NotDeclared));
    assert_eq!(now.readers(Timestamp(1)).count(), 1);
    let clause = now.agreement.declaration().unwrap().hash();
    let declare = |graph: &ActGraph, text, days| {
        let time = Timestamp(1_000);
        let expires = time.plus_days(days);
        let partnership = Some(graph.partnership());
        let said = Declaration { partnership, org: b.id(), text, person: "N. N.".into(), time, expires };
        acts::declare(b.author(graph), said).unwrap()
    };
    for wrong in [declare(&graph, Hash([1; 32]), 30), declare(&graph, clause, 31)] {
        put(&wrong, &mut graph);
        assert_void(&graph, &wrong, VoidReason::NothingToDeclare);
    }
    put(&declare(&graph, clause, 30), &mut graph);
    let now = Membership::of(&graph);
    let end = Timestamp(1_000).plus_days(30);
    assert_eq!(now.may_read(&b.id(), Timestamp(end.0 - 1)), Ok(()));
    assert_eq!(now.may_read(&b.id(), end), Err(NoKey::DeclarationExpired(end)));
    assert_eq!(now.members[&b.id()].declared.as_ref().unwrap().person, "N. N.");
}
